//! Many referrals of a site, as years of work leave them: most are closed, some are late, and the owners' shares are unequal.

use std::ops::RangeInclusive;

use diesel::connection::SimpleConnection as _;

use crate::support::app::beginning;
use crate::support::db::Database;
use crate::support::make::Site;
use crate::tenancy::texts;

/// Who there is beside the usual people and partners of a site.
pub struct Crowd {
    /// Members who own referrals.
    pub owners: Vec<String>,
    /// Partners that send them, by code; the last one sends next to none.
    pub partners: Vec<String>,
}

/// More coordinators, and more partners with a launched route for the study of the site, and for a second one.
pub fn crowd(db: &Database, site: &Site, owners: usize, partners: usize) -> Crowd {
    let mut conn = db.superuser();
    conn.batch_execute(&format!(
        "INSERT INTO members SELECT (jsonb_populate_record(m, jsonb_build_object('id', gen_random_uuid(), 'email', 'more-' || n || '@riverside.example'))).*
           FROM members m, generate_series(1, {owners}) n WHERE m.id = '{coordinator}';
         INSERT INTO studies SELECT (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid(), 'code', 'second-study'))).*
           FROM studies s WHERE s.id = '{study}';
         INSERT INTO partners SELECT (jsonb_populate_record(p, jsonb_build_object('id', gen_random_uuid(), 'code', 'more-' || lpad(n::text, 3, '0')))).*
           FROM partners p, generate_series(1, {partners}) n WHERE p.id = '{partner}';
         INSERT INTO handoff_routes SELECT (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid(), 'partner_id', p.id,
                'study_id', s.id, 'source_tag', p.code || '.' || s.code))).*
           FROM handoff_routes r, partners p, studies s
          WHERE r.id = '{route}' AND p.site_id = r.site_id AND s.site_id = r.site_id
            AND NOT EXISTS (SELECT FROM handoff_routes o WHERE o.site_id = r.site_id AND o.partner_id = p.id AND o.study_id = s.id)",
        coordinator = site.coordinator,
        study = site.study,
        partner = site.partner.id,
        route = site.partner.route,
    ))
    .unwrap();
    let of_site = |what: &str| {
        format!("SELECT {what} AS text FROM members m WHERE site_id = '{}' AND role <> 'viewer' ORDER BY id", site.id)
    };
    let owners = texts(&mut conn, &of_site("id::text"));
    let partners =
        texts(&mut conn, &format!("SELECT code AS text FROM partners WHERE site_id = '{}' ORDER BY code DESC", site.id));
    Crowd { owners, partners }
}

/// These referrals, by number: three years of them, in the order of their ids. Eight in a hundred are open, of these one in ten is
/// overdue and one in five blocked; many are due at the full hour, as a working day makes them; some are test referrals, and some of the closed ones were merged.
pub fn referrals(db: &Database, site: &Site, numbers: RangeInclusive<usize>) {
    let (first, last, now) = (numbers.start(), numbers.end(), beginning().to_rfc3339());
    let sql = format!(
        // Vacuum takes a row for visible once its commit is on disk, which the server of the tests is in no hurry about.
        "SET session_replication_role = replica; SET synchronous_commit = on;
         SELECT setseed(0.5);
         -- Thrown once for each, whatever the joins do.
         WITH x AS MATERIALIZED (SELECT n, random() AS open, random() AS blocked, random() AS kind, random() AS due, random() AS route,
                random() AS owner FROM generate_series({first}, {last}) AS n)
         INSERT INTO referrals (site_id, id, partner_id, study_id, route_id, channel, source_tag, attribution, contact_basis, contact_path,
            handoff_code, partner_reference, owner_id, status, held_status, blocker, blocked_since, close_reason, next_action,
            next_action_due_at, escalate_at, handoff_issues, is_test, version, received_at, recorded_at, clock_started_at, closed_at,
            updated_at,
            merged_into_id)
         SELECT r.site_id,
            encode(overlay(uuid_send(gen_random_uuid())
                PLACING substring(int8send((extract(epoch FROM t.at) * 1000)::bigint) FROM 3) FROM 1), 'hex')::uuid,
            r.partner_id, r.study_id, r.id, 'secure_form', r.source_tag, 'verified', 'permission_to_contact', 'person_uses_intake',
            upper(lpad(to_hex(n), 10, '0')), 'GEN-' || n, o.id, w.status, CASE w.status WHEN 'on_hold' THEN 'contacting' END,
            b.blocker, CASE WHEN b.blocker IS NOT NULL THEN t.at END, CASE w.status WHEN 'closed' THEN CASE n % 50 WHEN 0 THEN 'duplicate' ELSE 'handoff_complete' END END,
            CASE WHEN w.status <> 'closed' THEN a.action END, d.due,
            CASE WHEN n % 500 > 0 AND b.blocker IS DISTINCT FROM 'study_paused' THEN d.due END, '{{}}', n % 500 = 0, 1,
            t.at, t.at, t.at, CASE w.status WHEN 'closed' THEN t.at END, t.at,
            CASE WHEN w.status = 'closed' AND n % 50 = 0 THEN gen_random_uuid() END
           FROM x
          CROSS JOIN LATERAL (SELECT '{now}'::timestamptz - interval '1100 days' * ({last} - n + 1) / {last} AS at) AS t
          CROSS JOIN LATERAL (SELECT CASE WHEN x.open >= 0.08 THEN 'closed' WHEN x.kind < 0.4 THEN 'received' WHEN x.kind < 0.7 THEN 'contacting'
                WHEN x.kind < 0.85 THEN 'connected' WHEN x.kind < 0.95 THEN 'on_hold' ELSE 'handed_off' END AS status) AS w
          CROSS JOIN LATERAL (SELECT CASE w.status WHEN 'closed' THEN NULL WHEN 'on_hold' THEN 'awaiting_records' ELSE
                CASE WHEN x.blocked < 0.1 THEN 'awaiting_person_reply' WHEN x.blocked < 0.101 THEN 'route_broken' END END AS blocker) AS b
          CROSS JOIN LATERAL (SELECT CASE w.status WHEN 'received' THEN 'acknowledge' WHEN 'contacting' THEN 'attempt_contact'
                ELSE 'arrange_handoff' END AS action) AS a
          CROSS JOIN LATERAL (SELECT CASE WHEN w.status <> 'closed' THEN
                date_bin(CASE WHEN x.kind * 10 - floor(x.kind * 10) < 0.3 THEN interval '1 hour' ELSE interval '1 microsecond' END,
                    '{now}'::timestamptz + interval '20 days' * (x.due - 0.1), '2026-01-01') END AS due) AS d
           JOIN (SELECT h.*, row_number() OVER (ORDER BY source_tag) - 1 AS place, count(*) OVER () AS places
                   FROM handoff_routes h WHERE h.site_id = '{site}') AS r ON r.place = floor(x.route * x.route * r.places)
           JOIN (SELECT m.id, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS places
                   FROM members m WHERE m.site_id = '{site}' AND m.role <> 'viewer' AND m.active) AS o ON o.place = floor(x.owner * x.owner * o.places);
         SET session_replication_role = origin",
        site = site.id
    );
    let mut conn = db.superuser();
    conn.batch_execute(&sql).unwrap();
    // What autovacuum does in its time.
    conn.batch_execute("VACUUM ANALYZE referrals").unwrap();
}
