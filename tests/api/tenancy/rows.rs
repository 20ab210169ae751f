//! The questions: every table × every command × every wrong context, on rows that are somebody's.

use diesel::connection::SimpleConnection as _;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::{Connection as _, PgConnection, RunQueryDsl as _};

use super::fresh_rows::insert;
use crate::support::db::Database;
use crate::support::make::{self, Site};

/// The tenant's tables.
pub const TABLES: &str = "SELECT c.relname::text AS text FROM pg_class c
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND c.relname <> '__diesel_schema_migrations' ORDER BY 1";

/// Two sites with rows of both partners in every table.
pub struct Sown {
    pub db: Database,
    pub site: Site,
    pub other: Site,
}

impl Sown {
    pub fn sow() -> Self {
        let db = Database::new();
        let (site, other) = (make::db_site(&db, "riverside"), make::db_site(&db, "elsewhere"));
        let mut conn = db.superuser();
        for half in [&site, &other] {
            conn.batch_execute(&format!(
                "INSERT INTO studies SELECT (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid(), 'code', 'first-only'))).*
                   FROM studies s WHERE site_id = '{id}' AND code = 'heart-2026';
                 INSERT INTO handoff_routes SELECT (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid(), 'source_tag', 'first.only',
                        'study_id', (SELECT s.id FROM studies s WHERE s.site_id = r.site_id AND s.code = 'first-only')))).*
                   FROM handoff_routes r WHERE r.site_id = '{id}' AND r.partner_id = '{partner}'",
                id = half.id,
                partner = half.partner.id
            ))
            .unwrap();
            conn.batch_execute(&format!(
                "INSERT INTO member_studies VALUES ('{}', '{}', '{}')",
                half.id, half.viewer, half.study
            ))
            .unwrap();
            conn.batch_execute(&format!(
                "INSERT INTO away_windows VALUES ('{site}', gen_random_uuid(), '{member}', now(), now() + interval '1 day', 1, now(), now());
                 INSERT INTO job_leases VALUES ('{site}', 'escalation', gen_random_uuid(), now(), 'done', 0, 0);
                 INSERT INTO alerts VALUES ('{site}', gen_random_uuid(), '{member}', 'test', null, now(), null);
                 INSERT INTO alert_deliveries SELECT site_id, id, 'email', 'pending', 0, now(), null, null, null, null FROM alerts WHERE site_id = '{site}';
                 INSERT INTO alert_channel_states VALUES ('{site}', '{member}', 'email', now());
                 INSERT INTO alert_webhooks VALUES ('{site}', 'https://x.example', gen_random_uuid(), '\\x0001020304050607', null, null, null, null, null, 1, now(), now());
                 INSERT INTO webhook_endpoints VALUES ('{site}', gen_random_uuid(), 'https://x.example', '{{}}', false, 0, gen_random_uuid(), '\\x0001020304050607', null, null, null, null, null, null, 1, now(), now());
                 INSERT INTO webhook_deliveries SELECT site_id, id, 1, gen_random_uuid(), 'referral.received', 'pending', 0, 0, now(), null, null, now(), null FROM webhook_endpoints WHERE site_id = '{site}';
                 INSERT INTO referral_imports VALUES ('{site}', gen_random_uuid(), 'queued', null, 'csv', null, null, '{{}}', false, 'staff', '{member}', null, 1, 0, 0, 0, 1, now(), now(), null, null);
                 INSERT INTO referral_import_batches SELECT site_id, id, 1, '[]' FROM referral_imports WHERE site_id = '{site}';
                 INSERT INTO referral_import_results SELECT site_id, id, 1, 'unchanged', null, null FROM referral_imports WHERE site_id = '{site}';
                 INSERT INTO referral_import_keys VALUES ('{site}', decode(repeat('00', 16), 'hex'), decode(repeat('00', 16), 'hex'), gen_random_uuid());
                 INSERT INTO partner_reviews SELECT site_id, gen_random_uuid(), id, 'continue', 'routine', now(), '{member}' FROM partners WHERE site_id = '{site}';
                 INSERT INTO test_runs SELECT site_id, gen_random_uuid(), id, partner_id, null, repeat('0', 64), 'open', '{member}', now(), now() + interval '7 days', null, null, null, null, null, 1
                   FROM handoff_routes WHERE site_id = '{site}';
                 INSERT INTO test_run_steps SELECT site_id, id, 'attribution', partner_id, 'waiting', null, null FROM test_runs WHERE site_id = '{site}' AND status = 'open'",
                site = half.id,
                member = half.coordinator
            ))
            .unwrap();
            conn.batch_execute(&format!(
                "INSERT INTO journal_heads VALUES ('{id}', 1, 0, 1, sha256('x'));
                 INSERT INTO event_positions SELECT site_id, false, 1, id FROM events WHERE site_id = '{id}' LIMIT 1;
                 INSERT INTO audit_seals SELECT site_id, 1, id, sha256('x') FROM audit_entries WHERE site_id = '{id}' LIMIT 1",
                id = half.id
            ))
            .unwrap();
            // An approved version of the study that the first partner alone has a route for, and a process for it alone.
            conn.batch_execute(&format!(
                "INSERT INTO language_versions (site_id, id, study_id, locale, audience, public_name, short_description, who_may_contact,
                    what_site_reviews, what_not_to_promise, where_to_go, who_handles_questions, approval_reference, effective_on, expires_on,
                    grace_days, status, author_id, last_editor_id, submitted_at, approved_by, approved_at, in_force_on, version, created_at,
                    updated_at)
                 SELECT '{site}', gen_random_uuid(), id, 'en', 'general_public', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', '2026-06-01',
                    '2026-12-31', 14, 'approved', '{author}', '{author}', now(), '{admin}', now(), '2026-06-01', 3, now(), now()
                   FROM studies WHERE site_id = '{site}' AND code = 'first-only';
                 INSERT INTO language_acknowledgements SELECT '{site}', gen_random_uuid(), '{partner}', v.id, k.id, now()
                   FROM language_versions v, api_keys k WHERE v.site_id = '{site}' AND v.locale = 'en' AND k.partner_id = '{partner}' AND NOT k.is_test;
                 INSERT INTO approved_processes SELECT '{site}', gen_random_uuid(), id, '{partner}', '{{age_band}}', 'recruitment_plan', 'x',
                    '{admin}', '2026-06-01', '2026-12-31', null, null, null, 1, now(), now()
                   FROM studies WHERE site_id = '{site}' AND code = 'first-only'",
                site = half.id,
                author = half.coordinator,
                admin = half.admin,
                partner = half.partner.id
            ))
            .unwrap();
            for partner in [&half.partner, &half.sibling] {
                conn.batch_execute(&format!(
                    "INSERT INTO referrals (site_id, id, partner_id, study_id, route_id, channel, source_tag, attribution, contact_basis,
                        contact_path, external_ref, owner_id, status, next_action, next_action_due_at, handoff_issues, is_test, version,
                        received_at, recorded_at, clock_started_at, updated_at)
                     SELECT site_id, gen_random_uuid(), partner_id, study_id, id, 'secure_form', source_tag, 'verified', 'permission_to_contact',
                        'site_record', 'x', owner_id, 'received', 'acknowledge', now(), '{{}}', false, 1, now(), now(), now(), now()
                       FROM handoff_routes WHERE id = '{route}';
                     INSERT INTO referral_digests SELECT site_id, id, partner_id, 'email', sha256(id::text::bytea) FROM referrals
                      WHERE site_id = '{site}' AND partner_id = '{partner}';
                     INSERT INTO contact_withdrawals SELECT site_id, referral_id, kind, digest, key_id, false, now(), now() FROM referral_digests
                      WHERE site_id = '{site}' AND partner_id = '{partner}';
                     INSERT INTO erased_digests SELECT site_id, kind, digest, key_id, now() FROM referral_digests
                      WHERE site_id = '{site}' AND partner_id = '{partner}';
                     INSERT INTO match_results SELECT site_id, id, partner_id, now(), NULL, NULL FROM referrals
                      WHERE site_id = '{site}' AND partner_id = '{partner}';
                     INSERT INTO sealed_details SELECT site_id, id, partner_id, '{{age_band}}', '\\x0001020304050607', substr(sha256('x'), 1, 12),
                         decode(repeat('00', 528), 'hex'), now() FROM referrals
                      WHERE site_id = '{site}' AND partner_id = '{partner}';
                     INSERT INTO route_counts VALUES ('{site}', '{route}', '2026-06-01', '{partner}', 1);
                     INSERT INTO idempotency_keys VALUES ('{site}', '{partner}', 'create_referral', sha256('a'), sha256('b'), 201, null, null, '{{}}', now());
                     INSERT INTO refusals VALUES ('{site}', gen_random_uuid(), '{partner}', '2026-06-01', 'unknown_field', 1)",
                    route = partner.route,
                    site = half.id,
                    partner = partner.id
                ))
                .unwrap();
            }
            // One that nobody referred is nobody's: no partner may reach it or what stands beside it.
            conn.batch_execute(&format!(
                "INSERT INTO referrals SELECT (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid(), 'partner_id', null,
                        'route_id', null, 'attribution', 'unverified'))).*
                   FROM referrals r WHERE r.site_id = '{id}' AND r.partner_id = '{partner}';
                 INSERT INTO referral_digests SELECT site_id, id, partner_id, 'phone', sha256(id::text::bytea) FROM referrals
                  WHERE site_id = '{id}' AND partner_id IS NULL;
                 INSERT INTO match_results SELECT site_id, id, partner_id, now(), NULL, NULL FROM referrals
                  WHERE site_id = '{id}' AND partner_id IS NULL",
                id = half.id,
                partner = half.partner.id
            ))
            .unwrap();
            // Two referrals of the half, whichever id is the smaller.
            conn.batch_execute(&format!(
                "INSERT INTO duplicate_reviews SELECT '{id}', gen_random_uuid(), min(id::text)::uuid, max(id::text)::uuid, '{{phone}}', 'open', false,
                     now(), null, null, null, 1 FROM referrals WHERE site_id = '{id}';
                 INSERT INTO report_heads VALUES ('{id}', 0, 1, 'UTC', false, null);
                 INSERT INTO report_facts SELECT site_id, id, study_id, coalesce(partner_id, '00000000-0000-0000-0000-000000000000'), channel, owner_id,
                     false, '2026-06-01', '2026-06-01', 0, '' FROM referrals WHERE site_id = '{id}';
                 INSERT INTO report_cells SELECT DISTINCT site_id, 'recorded_day', '2026-06-01'::date, study_id,
                     coalesce(partner_id, '00000000-0000-0000-0000-000000000000'), channel, owner_id, false, ''::bytea FROM referrals WHERE site_id = '{id}';
                 INSERT INTO report_source_cells SELECT DISTINCT site_id, basis, starts_on, study_id, partner_id, figures FROM report_cells WHERE site_id = '{id}';
                 INSERT INTO report_owner_cells SELECT DISTINCT site_id, basis, owner_id, starts_on, study_id, partner_id, figures FROM report_cells WHERE site_id = '{id}';
                 INSERT INTO report_channel_cells SELECT DISTINCT site_id, basis, channel, starts_on, study_id, partner_id, figures FROM report_cells WHERE site_id = '{id}';
                 INSERT INTO report_late_cells SELECT DISTINCT site_id, basis, is_late, starts_on, study_id, partner_id, figures FROM report_cells WHERE site_id = '{id}';
                 INSERT INTO report_releases SELECT site_id, audience, study_id, partner_id, '2026-06-30', '2026-06-01', now(), '{{}}'
                   FROM handoff_routes, (VALUES ('partner'), ('sponsor')) AS told (audience) WHERE site_id = '{id}'",
                id = half.id
            ))
            .unwrap();
        }
        Self { db, site, other }
    }
}

/// The tables of which a partner reads its own rows.
const PARTNERS_READ: [&str; 11] = [
    "partners",
    "studies",
    "idempotency_keys",
    "handoff_routes",
    "route_counts",
    "referrals",
    "refusals",
    "language_versions",
    "language_acknowledgements",
    "approved_processes",
    "report_releases",
];

/// Who asks.
struct Context {
    name: &'static str,
    site: Option<String>,
    partner: Option<String>,
}

/// Which rows of `site` a caller for the sibling partner must not reach, by table; `None`: it may read them all.
fn beyond_partner(table: &str, partner: &str) -> Option<String> {
    match table {
        "sites" => None,
        // Whether somebody withdrew is the site's to know.
        "alerts"
        | "away_windows"
        | "duplicate_reviews"
        | "partner_reviews"
        | "members"
        | "member_studies"
        | "api_keys"
        | "contact_withdrawals"
        | "erased_digests" => Some("true".into()),
        "alert_channel_states" | "alert_deliveries" | "alert_webhooks" | "webhook_deliveries" | "webhook_endpoints" => {
            Some("true".into())
        }
        // What a partner's request leaves in the journal is the site's to read.
        "audit_entries" | "audit_seals" | "event_positions" | "events" | "journal_heads" | "journal_queue" => Some("true".into()),
        "referral_imports" | "referral_import_batches" | "referral_import_results" | "referral_import_keys" => {
            Some("true".into())
        }
        "job_leases" | "route_configurations" => Some("true".into()),
        "report_heads" | "report_facts" | "report_cells" | "report_source_cells" => Some("true".into()),
        "report_owner_cells" | "report_channel_cells" | "report_late_cells" => Some("true".into()),
        // What sponsors are told of it is no partner's.
        "report_releases" => Some(format!("partner_id = '{partner}' OR audience = 'sponsor'")),
        "partners" => Some(format!("id = '{partner}'")),
        "studies" => Some("code = 'first-only'".into()),
        // Of the study that the first partner alone has a route for; the one of the shared study has another locale.
        "language_versions" => Some("locale = 'en'".into()),
        "language_acknowledgements" | "approved_processes" => Some(format!("partner_id = '{partner}'")),
        "idempotency_keys" => Some(format!("principal_id = '{partner}'")),
        // A new table says here which of its rows are a partner's.
        "handoff_routes" | "match_results" | "referrals" | "route_counts" | "referral_digests" | "refusals"
        | "sealed_details" | "test_runs" | "test_run_steps" => Some(format!("partner_id = '{partner}' OR partner_id IS NULL")),
        other => panic!("say in `beyond_partner` which rows of `{other}` are a partner's"),
    }
}

/// Asks everything about these tables of this connection. Answers how many questions were asked, and what was reached that must not be, or was not
/// reached that must be.
pub fn breaches(conn: &mut PgConnection, sown: &Sown, tables: &[String]) -> (usize, Vec<String>) {
    let (site, partner) = (sown.site.id.to_string(), sown.site.partner.id.to_string());
    let mut asked = 0;
    let mut found = Vec::new();
    for context in [
        Context { name: "no context", site: None, partner: None },
        Context { name: "the other site", site: Some(sown.other.id.to_string()), partner: None },
        Context {
            name: "the other site's partner",
            site: Some(sown.other.id.to_string()),
            partner: Some(sown.other.partner.id.to_string()),
        },
        Context { name: "the sibling partner", site: Some(site.clone()), partner: Some(sown.site.sibling.id.to_string()) },
    ] {
        for table in tables {
            let of_partner = beyond_partner(table, &partner);
            let within = context.site.as_deref() == Some(site.as_str());
            let foreign = if within { of_partner.clone().unwrap_or_else(|| "true".into()) } else { "true".into() };
            let rows = format!("{table} WHERE site_id = '{site}' AND ({foreign})");
            for (command, sql, may) in [
                ("SELECT", format!("SELECT 1 FROM {rows}"), within && of_partner.is_none()),
                ("UPDATE", format!("UPDATE {} ", rows.replacen(" WHERE", " SET site_id = site_id WHERE", 1)), false),
                ("DELETE", format!("DELETE FROM {rows}"), false),
                ("INSERT", insert(table, &sown.site), false),
            ] {
                asked += 1;
                match (attempt(conn, &context, &sql), may) {
                    (Outcome::Reached(rows), false) if rows > 0 => {
                        found.push(format!("{table}: {command} under {} reached {rows} row(s)", context.name));
                    }
                    (Outcome::Failed(error), _) => panic!("{table} {command} under {}: {error}", context.name),
                    _ => {}
                }
            }
        }
    }
    // The controls: under the right context the same rows are there. A check that sees nothing because there is nothing is none.
    for table in tables {
        for (context, own) in [
            (Context { name: "its own site", site: Some(site.clone()), partner: None }, Some("true".to_owned())),
            (
                Context { name: "its own partner", site: Some(site.clone()), partner: Some(partner.clone()) },
                beyond_partner(table, &partner).filter(|_| PARTNERS_READ.contains(&table.as_str())),
            ),
        ] {
            let Some(own) = own else { continue };
            asked += 1;
            let sql = format!("SELECT 1 FROM {table} WHERE site_id = '{site}' AND ({own})");
            if !matches!(attempt(conn, &context, &sql), Outcome::Reached(1..)) {
                found.push(format!("{table}: {} does not see its own rows", context.name));
            }
        }
    }
    (asked, found)
}

enum Outcome {
    /// This many rows were reached. A key that points nowhere counts: the policy had let the row pass before.
    Reached(usize),
    /// The privilege or the policy stood in the way.
    Refused,
    /// The question itself is wrong.
    Failed(Error),
}

/// One statement under a context, taken back whatever it does.
fn attempt(conn: &mut PgConnection, context: &Context, sql: &str) -> Outcome {
    let mut outcome = Outcome::Reached(0);
    let _ = conn.transaction::<(), Error, _>(|conn| {
        let set = |name: &str, value: &Option<String>| format!("SET LOCAL app.{name} = '{}';", value.clone().unwrap_or_default());
        conn.batch_execute(&(set("site_id", &context.site) + &set("partner_id", &context.partner)))?;
        outcome = match diesel::sql_query(sql).execute(conn) {
            Ok(rows) => Outcome::Reached(rows),
            Err(Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation | DatabaseErrorKind::UniqueViolation, _)) => {
                Outcome::Reached(1)
            }
            Err(Error::DatabaseError(_, info))
                if info.message().contains("row-level security") || info.message().contains("permission denied") =>
            {
                Outcome::Refused
            }
            Err(error) => Outcome::Failed(error),
        };
        Err(Error::RollbackTransaction)
    });
    outcome
}
