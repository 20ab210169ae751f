-- Frozen on 2026-11-24, with the statements of that day: P1 compares with this work however the server comes to ask for it.
-- What the server asks PostgreSQL for one referral of a partner, statement by statement. What the server sends together is one
-- round trip here too, and everything else one each (`cargo bench --bench create_referral -- --statements` prints what it sends).
--
-- From the benchmark: key_hash, the partner's. Everything else is read here, as the server reads it. Values that the server
-- computes (digests, codes) are random numbers of the same size. set_config stands for SET LOCAL where a value is a parameter.
-- The id begins with the time, as the server's do, because ids in order are cheaper to index; it is made where the site is
-- read, so that making it costs no round trip of its own.
\set a random(1, 9000000000000000000)
\set b random(1, 9000000000000000000)
\set c random(1, 9000000000000000000)
\set d random(1, 9000000000000000000)
\set code random(0, 1099511627775)

-- Who calls. BEGIN and its limits are one round trip.
\startpipeline
BEGIN;
SET LOCAL statement_timeout = 10000;
SET LOCAL idle_in_transaction_session_timeout = 10000;
SET LOCAL lock_timeout = 250;
\endpipeline
SELECT site_id, api_key_id FROM directory.find_api_key(:key_hash) \gset k_
SELECT set_config('app.site_id', :k_site_id, true);
SELECT api_keys.key_hash, api_keys.principal_id, api_keys.partner_id, partners.status, api_keys.scopes, api_keys.is_test,
       api_keys.expires_at, api_keys.revoked_at
  FROM api_keys LEFT OUTER JOIN partners ON partners.site_id = api_keys.site_id AND partners.id = api_keys.partner_id
 WHERE api_keys.site_id = :k_site_id AND api_keys.id = :k_api_key_id LIMIT 1 \gset a_
COMMIT;

-- The work.
\startpipeline
BEGIN;
SET LOCAL statement_timeout = 10000;
SET LOCAL idle_in_transaction_session_timeout = 10000;
SET LOCAL lock_timeout = 250;
SELECT set_config('app.site_id', :k_site_id, true), set_config('app.partner_id', :a_partner_id, true);
\endpipeline
INSERT INTO idempotency_keys (site_id, principal_id, operation, key_digest, fingerprint, created_at)
VALUES (:k_site_id, :a_principal_id, 'create_referral',
        int8send(:a::bigint) || int8send(:b::bigint) || int8send(:c::bigint) || int8send(:d::bigint),
        int8send(:d::bigint) || int8send(:c::bigint) || int8send(:b::bigint) || int8send(:a::bigint), now())
ON CONFLICT (site_id, principal_id, operation, key_digest) DO UPDATE
   SET fingerprint = excluded.fingerprint, created_at = excluded.created_at, status = NULL, location = NULL, etag = NULL, body = NULL
 WHERE idempotency_keys.created_at < now() - interval '24 hours';
SELECT site_id, name, time_zone, default_phone_region, intake_url, acknowledge_due_hours, contact_due_hours, follow_up_due_hours,
       suppression_threshold, is_sample, version, created_at, updated_at,
       encode(overlay(uuid_send(gen_random_uuid())
           PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1), 'hex') AS referral_id
  FROM sites WHERE site_id = :k_site_id LIMIT 1 \gset s_
SELECT handoff_routes.site_id, handoff_routes.id, handoff_routes.partner_id, handoff_routes.study_id, handoff_routes.channels,
       handoff_routes.source_tag, handoff_routes.intake_url, handoff_routes.instruction, handoff_routes.owner_id,
       handoff_routes.backup_owner_id, handoff_routes.duplicate_policy, handoff_routes.approval_reference,
       handoff_routes.acknowledge_due_hours, handoff_routes.contact_due_hours, handoff_routes.follow_up_due_hours,
       handoff_routes.status, handoff_routes.version, handoff_routes.created_at, handoff_routes.updated_at,
       partners.code, partners.partner_type, partners.status, studies.code, studies.status
  FROM handoff_routes
  JOIN partners ON partners.site_id = handoff_routes.site_id AND partners.id = handoff_routes.partner_id
  JOIN studies ON studies.site_id = handoff_routes.site_id AND studies.id = handoff_routes.study_id
 WHERE handoff_routes.site_id = :k_site_id AND studies.code = 'heart-2026' AND handoff_routes.partner_id = :a_partner_id
 ORDER BY (handoff_routes.status = 'retired') ASC, handoff_routes.id DESC LIMIT 1 FOR SHARE \gset r_
-- Whether the person withdrew permission to contact: beyond what a partner sees, under the locks of the two digests.
SELECT set_config('app.partner_id', '', true);
SELECT pg_advisory_xact_lock_shared(name) FROM unnest(ARRAY[:a::bigint, :b::bigint]) AS turns (name);
SELECT EXISTS (SELECT 1 FROM contact_withdrawals
    WHERE site_id = :k_site_id AND is_test = false AND kind = ANY('{email,phone}')
      AND digest = ANY(ARRAY[int8send(:b::bigint) || int8send(:a::bigint) || int8send(:d::bigint) || int8send(:c::bigint),
                             int8send(:c::bigint) || int8send(:d::bigint) || int8send(:a::bigint) || int8send(:b::bigint)]));
SELECT set_config('app.partner_id', :a_partner_id, true);
INSERT INTO referrals (site_id, id, partner_id, study_id, route_id, channel, source_tag, attribution, contact_basis, contact_path,
    handoff_code, partner_reference, external_ref, late_reason, owner_id, status, held_status, quarantine_reason, blocker,
    close_reason, reopen_reason, next_action, next_action_due_at, handoff_issues, is_test, version, received_at, recorded_at,
    clock_started_at, acknowledged_at, contacting_at, connected_at, handed_off_at, closed_at, updated_at, partner_withdrawn_at)
VALUES (:k_site_id, :s_referral_id, :r_partner_id, :r_study_id, :r_id, 'secure_form', :r_source_tag, 'verified',
    'permission_to_contact', 'person_uses_intake', upper(lpad(to_hex(:code::bigint), 10, '0')), 'PB-' || to_hex(:a::bigint),
    DEFAULT, DEFAULT, :r_owner_id, 'received', DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, 'acknowledge',
    now() + interval '24 hours', '{}', false, 1, now(), now(), now(), DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, now(), DEFAULT)
ON CONFLICT DO NOTHING;
INSERT INTO referral_digests (site_id, referral_id, partner_id, kind, digest, key_id)
VALUES (:k_site_id, :s_referral_id, :r_partner_id, 'email',
        int8send(:b::bigint) || int8send(:a::bigint) || int8send(:d::bigint) || int8send(:c::bigint), int8send(1)),
       (:k_site_id, :s_referral_id, :r_partner_id, 'phone',
        int8send(:c::bigint) || int8send(:d::bigint) || int8send(:a::bigint) || int8send(:b::bigint), int8send(1))
ON CONFLICT DO NOTHING;
-- What the audit trail and the feed are told, and the queue from which the server gives both their places. The ids of the two are
-- made of the referral's own.
INSERT INTO audit_entries (site_id, id, recorded_at, actor_kind, actor_id, api_key_id, partner_id, operation, subject_kind, subject_id,
    reason, request_id, before, after, salt, values_digest)
VALUES (:k_site_id, overlay(:s_referral_id PLACING 'a' FROM 32 FOR 1)::uuid, now(), 'partner_key', :a_principal_id, :k_api_key_id,
    :a_partner_id, 'create_referral', 'referral', :s_referral_id, DEFAULT, :s_referral_id, DEFAULT,
    '{"attribution":"verified","channel":"secure_form","contact_basis":"permission_to_contact","contact_path":"person_uses_intake","handoff_code":"changed","handoff_issues": [],"is_test": false,"next_action":"acknowledge","next_action_due_at":"' || now() || '","owner_id":"' || :r_owner_id || '","partner_id":"' || :a_partner_id || '","partner_reference":"changed","received_at":"' || now() || '","route_id":"' || :r_id || '","source_tag":"changed","status":"received","study_id":"' || :r_study_id || '"}',
    int8send(:a::bigint) || int8send(:b::bigint),
    int8send(:a::bigint) || int8send(:b::bigint) || int8send(:c::bigint) || int8send(:d::bigint));
INSERT INTO events (site_id, id, audit_id, event_type, is_test, subject_id, version, partner_id, study_id, occurred_at)
VALUES (:k_site_id, overlay(:s_referral_id PLACING 'e' FROM 32 FOR 1)::uuid, overlay(:s_referral_id PLACING 'a' FROM 32 FOR 1)::uuid,
    'referral.received', false, :s_referral_id, 1, :a_partner_id, :r_study_id, now());
INSERT INTO journal_queue (site_id, id, stream, partner_id)
VALUES (:k_site_id, overlay(:s_referral_id PLACING 'a' FROM 32 FOR 1)::uuid, 'audit', :a_partner_id),
       (:k_site_id, overlay(:s_referral_id PLACING 'e' FROM 32 FOR 1)::uuid, 'event', :a_partner_id);
UPDATE idempotency_keys
   SET status = 201, location = '/v1/referrals/' || :s_referral_id, etag = '"8b1a9953c4611296a827abf8c47804d7"',
       body = '{"view":"partner","id":"' || :s_referral_id || '","partner_reference":"PB-7ce66c50e2840000","study":"heart-2026","channel":"secure_form","status":"accepted_for_review","not_accepted_reason": null,"received_at":"' || now() || '","handoff":{"code":"AQ9T0E377Z","intake_url":"https://intake.riverside.example/start","instruction":"Give the person the code and the intake address. The study team answers all questions."}}'
 WHERE site_id = :k_site_id AND principal_id = :a_principal_id AND operation = 'create_referral'
   AND key_digest = int8send(:a::bigint) || int8send(:b::bigint) || int8send(:c::bigint) || int8send(:d::bigint);
COMMIT;
