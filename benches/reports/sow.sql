-- Sows {count} referrals of site {site} with their events: for benchmarks, and for the test that compares every report with a count of its
-- own. All is made from the number of the referral by hashing, so that two runs sow the same; ids begin with their time, so that events lie
-- in their months. Over the routes, owners and studies that the site has; {days} days from {since} on, a clock change among them; recorded
-- late, opened again, fallen through, merged, escalated, marked, blocked, from nobody that is known, and test. {open} of a thousand are
-- open. {told} says which events are kept.
SET app.site_id = '{site}';
CREATE TEMP TABLE sown AS
WITH routes AS (
    SELECT array_agg(id ORDER BY id) AS ids, array_agg(partner_id ORDER BY id) AS partners, array_agg(study_id ORDER BY id) AS studies,
           array_agg(owner_id ORDER BY id) AS owners, array_agg(backup_owner_id ORDER BY id) AS backups, count(*)::int AS many
      FROM handoff_routes WHERE site_id = '{site}'
), drawn AS (
    SELECT i, 1 + (abs(hashint8extended(i, 1)) % routes.many)::int AS r,
           abs(hashint8extended(i, 2)) % 1000 AS late, abs(hashint8extended(i, 3)) % 1000 AS known, abs(hashint8extended(i, 4)) % 1000 AS fate,
           abs(hashint8extended(i, 5)) % 1000 + abs(hashint8extended(i, 5)) / 1000 % 1000 / 1000.0 AS opened, abs(hashint8extended(i, 6)) % 1000 AS reached, abs(hashint8extended(i, 7)) % 1000 AS reason,
           abs(hashint8extended(i, 8)) % 1000 AS marked, abs(hashint8extended(i, 9)) % 1000 AS steps, abs(hashint8extended(i, 10)) % 1000 AS blocked,
           abs(hashint8extended(i, 11)) % 1000000 AS pace, abs(hashint8extended(i, 12)) % 2 AS second, abs(hashint8extended(i, 13)) % 4 AS way,
           timestamptz '{since}' + interval '1 day' * ({days} * (i::float8 / {count})) AS received_at, routes.*
      FROM generate_series(1, {count}) AS i, routes
), timed AS (
    SELECT *, received_at + CASE WHEN late < 60 THEN interval '1 hour' * (3 + late * 2) ELSE interval '0' END AS recorded_at,
           known < 20 AS nobody, fate < 10 AS is_test, fate BETWEEN 20 AND 59 AS reopened, opened < {open} AS is_open,
           -- How far it came: 0 nothing, 1 acknowledged, 2 contacting, 3 connected, 4 handed off.
           CASE WHEN reached < 40 THEN 0 WHEN reached < 120 THEN 1 WHEN reached < 320 THEN 2 WHEN reached < 600 THEN 3 ELSE 4 END AS stage,
           -- From seconds to weeks, most of it hours.
           interval '1 second' * (5 + power(pace / 1000.0, 2.1)) AS step
      FROM drawn
), clocked AS (
    SELECT *, CASE WHEN reopened THEN recorded_at + interval '3 days' ELSE recorded_at END AS clock, stage = 4 AND reached >= 970 AS fell FROM timed
)
SELECT i, (lpad(to_hex((extract(epoch FROM recorded_at) * 1000)::bigint), 12, '0') || '7' || substr(md5(i::text), 1, 3) || '8' || substr(md5(i::text), 4, 15))::uuid AS id,
       CASE WHEN nobody THEN NULL ELSE partners[r] END AS partner_id, studies[r] AS study_id, CASE WHEN nobody THEN NULL ELSE ids[r] END AS route_id,
       (ARRAY['self_referral', 'secure_form', 'phone_handoff', 'coordinator_queue'])[1 + way] AS channel,
       CASE WHEN second = 0 THEN owners[r] ELSE backups[r] END AS owner_id, owners[r] AS first_owner, late < 60 AS is_late, is_test AND NOT nobody AS is_test, nobody, reopened, is_open, stage, fell, reason, marked,
       CASE WHEN steps < 100 THEN 1 + steps::int % 3 ELSE 0 END AS steps, blocked, known, received_at, recorded_at, clock,
       CASE WHEN stage >= 1 THEN clock + step END AS acknowledged_at, CASE WHEN stage >= 2 THEN clock + 2 * step END AS contacting_at,
       CASE WHEN stage >= 3 THEN clock + 5 * step END AS connected_at, CASE WHEN stage >= 4 THEN clock + 9 * step END AS was_handed_off_at,
       CASE WHEN fell THEN clock + 10 * step END AS fell_at, CASE WHEN NOT is_open THEN clock + 12 * step + interval '1 minute' END AS closed_at
  FROM clocked;
CREATE INDEX ON sown (i);
ANALYZE sown;
CREATE TEMP TABLE sown_ended AS
SELECT *, CASE WHEN is_open OR (fell AND stage < 4) THEN NULL
               WHEN stage = 4 AND NOT fell AND reason < 700 THEN 'handoff_complete'
               WHEN reason < 20 AND i > 1 THEN 'duplicate'
               ELSE (ARRAY['unreachable_after_attempts', 'no_longer_interested', 'person_requested_no_contact', 'wrong_study', 'wrong_site', 'study_not_accepting',
                           'site_capacity', 'incomplete_handoff', 'channel_not_approved', 'transferred_site', 'partner_withdrew', 'study_team_closed'])[1 + reason::int % 12] END AS close_reason,
       (ARRAY['received', 'acknowledged', 'contacting', 'connected', 'handed_off'])[1 + CASE WHEN fell THEN 3 ELSE stage END] AS reached
  FROM sown;
INSERT INTO referrals (site_id, id, partner_id, study_id, route_id, channel, source_tag, attribution, contact_basis, contact_path, handoff_code, external_ref, late_reason,
                       owner_id, status, held_status, blocker, blocked_since, close_reason, reopen_reason, next_action, next_action_due_at, handoff_issues, is_test, version, received_at,
                       recorded_at, clock_started_at, acknowledged_at, contacting_at, connected_at, handed_off_at, closed_at, updated_at, merged_into_id)
SELECT '{site}', id, partner_id, study_id, route_id, channel, CASE WHEN nobody THEN NULL ELSE 'sown.tag' END,
       CASE WHEN nobody OR known < 80 THEN 'unverified' ELSE 'verified' END, 'self_referral', 'site_record', NULL, 'sown-' || i,
       CASE WHEN is_late THEN 'phone_handoff_logged_late' END, owner_id,
       CASE WHEN NOT is_open THEN 'closed' WHEN blocked < 40 THEN 'on_hold' ELSE reached END, CASE WHEN is_open AND blocked < 40 THEN reached END,
       waits.for, CASE WHEN waits.for IS NOT NULL THEN recorded_at + interval '1 hour' * (blocked % 50) END, close_reason,
       CASE WHEN reopened THEN 'closed_by_mistake' END, CASE WHEN is_open THEN (ARRAY['acknowledge', 'attempt_contact', 'arrange_handoff', 'confirm_close'])[1 + reason::int % 4] END,
       CASE WHEN is_open THEN recorded_at + interval '1 hour' * (reason % 400) END,
       CASE WHEN marked < 60 THEN ARRAY['incomplete_handoff'] WHEN marked < 90 THEN ARRAY['wrong_study', 'expectation_payment'] WHEN marked < 130 THEN ARRAY['materials_unclear']
            WHEN marked < 150 THEN ARRAY['missing_source_tag', 'expectation_timing'] ELSE ARRAY[]::text[] END,
       is_test, 1, received_at, recorded_at, clock, acknowledged_at, contacting_at, connected_at, CASE WHEN fell THEN NULL ELSE was_handed_off_at END, closed_at, recorded_at,
       CASE WHEN close_reason = 'duplicate' THEN (SELECT o.id FROM sown o WHERE o.i = s.i - 1) END
  FROM sown_ended s,
       LATERAL (SELECT CASE WHEN NOT is_open THEN NULL WHEN blocked < 120 AND NOT nobody THEN 'awaiting_partner_completion' WHEN blocked < 250 THEN 'awaiting_records'
                            WHEN blocked < 40 THEN 'scheduling_capacity' END AS for) AS waits;
INSERT INTO audit_entries (site_id, id, recorded_at, actor_kind, operation, subject_kind, subject_id, values_digest)
SELECT '{site}', md5('{site}sown')::uuid, timestamptz '{since}', 'system', 'sow', 'site', '{site}', decode(repeat('00', 32), 'hex');
CREATE TEMP TABLE sown_told AS
SELECT s.i, t.n, s.id AS subject_id,
       (lpad(to_hex((extract(epoch FROM t.at) * 1000)::bigint), 12, '0') || '7' || substr(md5(s.i || '/' || t.n), 1, 3) || '8' || substr(md5(s.i || '/' || t.n), 4, 15))::uuid AS id, t.event_type, t.before AS status_before, t.after AS status_after, t.at, s.is_test, s.partner_id, s.study_id,
       CASE WHEN t.n < 50 THEN s.first_owner ELSE s.owner_id END AS owner_id
  FROM sown_ended s,
       LATERAL (
           SELECT 1 AS n, 'referral.received' AS event_type, NULL::text AS before, 'received' AS after, recorded_at AS at
           UNION ALL SELECT 10, 'referral.transitioned', 'received', 'closed', recorded_at + interval '1 day' WHERE reopened
           UNION ALL SELECT 20, 'referral.transitioned', 'closed', 'received', clock WHERE reopened
           UNION ALL SELECT 21, 'referral.reopened', NULL, NULL, clock WHERE reopened
           UNION ALL SELECT 30, 'referral.transitioned', 'received', 'acknowledged', acknowledged_at WHERE stage >= 1
           UNION ALL SELECT 40, 'referral.transitioned', 'acknowledged', 'contacting', contacting_at WHERE stage >= 2
           UNION ALL SELECT 50, 'referral.transitioned', 'contacting', 'connected', connected_at WHERE stage >= 3
           UNION ALL SELECT 60, 'referral.transitioned', 'connected', 'handed_off', was_handed_off_at WHERE stage >= 4
           UNION ALL SELECT 70, 'referral.transitioned', 'handed_off', 'connected', fell_at WHERE fell
           UNION ALL SELECT 80, 'referral.transitioned', reached, 'closed', closed_at WHERE NOT is_open
           UNION ALL SELECT 81, 'referral.merged', NULL, NULL, closed_at WHERE close_reason = 'duplicate'
           UNION ALL SELECT 90 + e, 'referral.escalated', NULL, NULL, recorded_at + interval '2 hours' * e FROM generate_series(1, steps) AS e
       ) AS t WHERE {told};
INSERT INTO events (site_id, id, audit_id, event_type, is_test, subject_id, version, partner_id, study_id, occurred_at, status_before, status_after, owner_id)
SELECT '{site}', id, md5('{site}sown')::uuid, event_type, is_test, subject_id, 1, partner_id, study_id, at, status_before, status_after, owner_id FROM sown_told;
INSERT INTO event_positions (site_id, is_test, position, event_id)
SELECT '{site}', is_test, row_number() OVER (PARTITION BY is_test ORDER BY at, i, n), id FROM sown_told;
INSERT INTO journal_heads (site_id, live_position, test_position, audit_position, audit_hash)
SELECT '{site}', count(*) FILTER (WHERE NOT is_test), count(*) FILTER (WHERE is_test), 0, decode(repeat('00', 32), 'hex') FROM sown_told
    ON CONFLICT (site_id) DO UPDATE SET live_position = excluded.live_position, test_position = excluded.test_position;
DROP TABLE sown_told, sown_ended, sown;
