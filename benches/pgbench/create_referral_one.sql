-- The same work as create_referral.sql with the fewest round trips: one to find the caller, one for all the rest, whose work is
-- one statement. What remains is about what the rows, their indexes and their commit cost.
--
-- From the benchmark: key_hash, site_id and partner_id.
\set a random(1, 9000000000000000000)
\set b random(1, 9000000000000000000)
\set c random(1, 9000000000000000000)
\set d random(1, 9000000000000000000)
\set code random(0, 1099511627775)

\startpipeline
BEGIN;
SET LOCAL statement_timeout = 10000;
SET LOCAL idle_in_transaction_session_timeout = 10000;
SET LOCAL lock_timeout = 250;
SELECT set_config('app.site_id', site_id::text, true) FROM directory.find_api_key(:key_hash);
SELECT api_keys.key_hash, api_keys.principal_id, api_keys.partner_id, partners.status, api_keys.scopes, api_keys.is_test,
       api_keys.expires_at, api_keys.revoked_at
  FROM api_keys LEFT OUTER JOIN partners ON partners.site_id = api_keys.site_id AND partners.id = api_keys.partner_id
 WHERE api_keys.site_id = :site_id AND api_keys.key_hash = :key_hash;
COMMIT;
\endpipeline

\startpipeline
BEGIN;
SET LOCAL statement_timeout = 10000;
SET LOCAL idle_in_transaction_session_timeout = 10000;
SET LOCAL lock_timeout = 250;
SELECT set_config('app.site_id', :site_id, true), set_config('app.partner_id', :partner_id, true);
WITH fresh AS MATERIALIZED (
    SELECT encode(overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1), 'hex')::uuid AS id,
           gen_random_uuid() AS audit_id, gen_random_uuid() AS event_id,
           (SELECT count(*) FROM unnest(ARRAY[pg_advisory_xact_lock_shared(:a::bigint)::text, pg_advisory_xact_lock_shared(:b::bigint)::text]))
), withdrawn AS MATERIALIZED (
    SELECT EXISTS (SELECT 1 FROM contact_withdrawals
        WHERE site_id = :site_id AND is_test = false AND kind = ANY('{email,phone}')
          AND digest = ANY(ARRAY[int8send(:b::bigint) || int8send(:a::bigint) || int8send(:d::bigint) || int8send(:c::bigint),
                                 int8send(:c::bigint) || int8send(:d::bigint) || int8send(:a::bigint) || int8send(:b::bigint)])) AS so
), route AS MATERIALIZED (
    SELECT handoff_routes.*, partners.partner_type, partners.status AS partner_status, studies.status AS study_status,
           sites.acknowledge_due_hours AS site_hours
      FROM handoff_routes
      JOIN partners ON partners.site_id = handoff_routes.site_id AND partners.id = handoff_routes.partner_id
      JOIN studies ON studies.site_id = handoff_routes.site_id AND studies.id = handoff_routes.study_id
      JOIN sites ON sites.site_id = handoff_routes.site_id
     WHERE handoff_routes.site_id = :site_id AND studies.code = 'heart-2026' AND handoff_routes.partner_id = :partner_id
     ORDER BY (handoff_routes.status = 'retired') ASC, handoff_routes.id DESC LIMIT 1
       FOR SHARE OF handoff_routes, partners, studies
), claim AS (
    INSERT INTO idempotency_keys (site_id, principal_id, operation, key_digest, fingerprint, created_at, status, location, etag, body)
    SELECT route.site_id, route.partner_id, 'create_referral',
           int8send(:a::bigint) || int8send(:b::bigint) || int8send(:c::bigint) || int8send(:d::bigint),
           int8send(:d::bigint) || int8send(:c::bigint) || int8send(:b::bigint) || int8send(:a::bigint), now(),
           201, '/v1/referrals/' || fresh.id, '"8b1a9953c4611296a827abf8c47804d7"',
           '{"view":"partner","id":"' || fresh.id || '","partner_reference":"PB-7ce66c50e2840000","study":"heart-2026","channel":"secure_form","status":"accepted_for_review","not_accepted_reason": null,"received_at":"' || now() || '","handoff":{"code":"AQ9T0E377Z","intake_url":"https://intake.riverside.example/start","instruction":"Give the person the code and the intake address. The study team answers all questions."}}'
      FROM route, fresh
    ON CONFLICT (site_id, principal_id, operation, key_digest) DO UPDATE
       SET fingerprint = excluded.fingerprint, created_at = excluded.created_at, status = excluded.status,
           location = excluded.location, etag = excluded.etag, body = excluded.body
     WHERE idempotency_keys.created_at < now() - interval '24 hours'
    RETURNING site_id
), referral AS (
    INSERT INTO referrals (site_id, id, partner_id, study_id, route_id, channel, source_tag, attribution, contact_basis,
        contact_path, handoff_code, partner_reference, owner_id, status, next_action, next_action_due_at, handoff_issues, is_test,
        version, received_at, recorded_at, clock_started_at, updated_at)
    SELECT route.site_id, fresh.id, route.partner_id, route.study_id, route.id, 'secure_form', route.source_tag, 'verified',
           'permission_to_contact', 'person_uses_intake', upper(lpad(to_hex(:code::bigint), 10, '0')), 'PB-' || to_hex(:a::bigint),
           route.owner_id, 'received', 'acknowledge',
           now() + make_interval(hours => coalesce(route.acknowledge_due_hours, route.site_hours)), '{}', false,
           1, now(), now(), now(), now()
      FROM claim, route, fresh, withdrawn
    ON CONFLICT DO NOTHING
    RETURNING site_id, id, partner_id, owner_id, route_id, study_id
), audit AS (
    INSERT INTO audit_entries (site_id, id, recorded_at, actor_kind, actor_id, partner_id, operation, subject_kind, subject_id, request_id,
        after, salt, values_digest)
    SELECT referral.site_id, fresh.audit_id, now(), 'partner_key', referral.partner_id, referral.partner_id, 'create_referral', 'referral',
           referral.id, replace(referral.id::text, '-', ''),
           '{"attribution":"verified","channel":"secure_form","contact_basis":"permission_to_contact","contact_path":"person_uses_intake","handoff_code":"changed","handoff_issues": [],"is_test": false,"next_action":"acknowledge","next_action_due_at":"' || now() || '","owner_id":"' || referral.owner_id || '","partner_id":"' || referral.partner_id || '","partner_reference":"changed","received_at":"' || now() || '","route_id":"' || referral.route_id || '","source_tag":"changed","status":"received","study_id":"' || referral.study_id || '"}',
           int8send(:a::bigint) || int8send(:b::bigint),
           int8send(:a::bigint) || int8send(:b::bigint) || int8send(:c::bigint) || int8send(:d::bigint)
      FROM referral, fresh
), event AS (
    INSERT INTO events (site_id, id, audit_id, event_type, is_test, subject_id, version, partner_id, study_id, occurred_at)
    SELECT referral.site_id, fresh.event_id, fresh.audit_id, 'referral.received', false, referral.id, 1, referral.partner_id,
           referral.study_id, now()
      FROM referral, fresh
), queue AS (
    INSERT INTO journal_queue (site_id, id, stream, partner_id)
    SELECT referral.site_id, queued.id, queued.stream, referral.partner_id
      FROM referral, fresh, LATERAL (VALUES (fresh.audit_id, 'audit'), (fresh.event_id, 'event')) AS queued (id, stream)
)
INSERT INTO referral_digests (site_id, referral_id, partner_id, kind, digest, key_id)
SELECT referral.site_id, referral.id, referral.partner_id, detail.kind, detail.digest, int8send(1)
  FROM referral, (VALUES
      ('email', int8send(:b::bigint) || int8send(:a::bigint) || int8send(:d::bigint) || int8send(:c::bigint)),
      ('phone', int8send(:c::bigint) || int8send(:d::bigint) || int8send(:a::bigint) || int8send(:b::bigint))) AS detail (kind, digest);
COMMIT;
\endpipeline
