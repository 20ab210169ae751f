//! The catalogue lint: each kind of finding, provoked.

use handoff::db::{inspect, inspect_newer};

use super::altered;
use crate::support::db::Database;

/// What is done to a sound database, and the words of the finding that must follow. The statements end as the role that serves.
const PROVOKED: &[(&str, &str, &str)] = &[
    ("a superuser", "RESET ROLE", "is a superuser"),
    (
        "a role with BYPASSRLS",
        "RESET ROLE; CREATE ROLE lint_probe BYPASSRLS; GRANT handoff_app TO lint_probe; SET LOCAL ROLE lint_probe",
        "has BYPASSRLS",
    ),
    ("the owner", "RESET ROLE; SET LOCAL ROLE handoff_owner", "the role handoff_owner owns "),
    (
        "a role that can become the owner",
        "RESET ROLE; CREATE ROLE lint_probe; GRANT handoff_app, handoff_owner TO lint_probe; SET LOCAL ROLE lint_probe",
        "can become handoff_owner",
    ),
    (
        "row-level security off",
        "ALTER TABLE referrals DISABLE ROW LEVEL SECURITY",
        "table referrals has no forced row-level security",
    ),
    (
        "row-level security not forced",
        "ALTER TABLE referrals NO FORCE ROW LEVEL SECURITY",
        "table referrals has no forced row-level security",
    ),
    ("a new table without any", "CREATE TABLE notes (site_id uuid)", "table notes has no forced row-level security"),
    ("no tenant policy", "DROP POLICY referrals_tenant ON referrals", "table referrals lacks its tenant policy"),
    ("no partner policy", "DROP POLICY referrals_partner ON referrals", "table referrals lacks its restrictive partner policy"),
    ("a second permissive policy", "CREATE POLICY extra ON referrals USING (true)", "second permissive policy extra"),
    (
        "a permissive policy for inserts",
        "CREATE POLICY extra ON referrals FOR INSERT WITH CHECK (true)",
        "second permissive policy extra",
    ),
    (
        "a permissive policy that names the tenant and means nobody",
        "CREATE POLICY extra ON referrals USING (current_site_id() IS NOT NULL)",
        "second permissive policy extra",
    ),
    (
        "a tenant policy that is always true",
        "ALTER POLICY referrals_tenant ON referrals USING (site_id = (SELECT current_site_id()) OR true)",
        "table referrals lacks its tenant policy",
    ),
    (
        "a view with its owner's rights",
        "CREATE VIEW all_referrals AS SELECT * FROM referrals",
        "view all_referrals runs with its owner's rights",
    ),
    ("a materialised view", "CREATE MATERIALIZED VIEW counts AS SELECT count(*) FROM referrals", "materialised view counts"),
    (
        "a definer function",
        "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM referrals'",
        "function peek() runs with its owner's rights",
    ),
    ("TRUNCATE", "GRANT TRUNCATE ON referrals TO handoff_app", "may TRUNCATE referrals"),
    ("the directory, read", "GRANT SELECT ON directory.api_keys TO handoff_app", "can reach directory.api_keys directly"),
    ("the directory, written", "GRANT INSERT ON directory.api_keys TO handoff_app", "can reach directory.api_keys directly"),
    (
        "the directory, one column",
        "GRANT SELECT (site_id) ON directory.sites TO handoff_app",
        "can reach directory.sites directly",
    ),
    (
        "a pending migration",
        "DELETE FROM __diesel_schema_migrations WHERE version = (SELECT max(version) FROM __diesel_schema_migrations)",
        "1 migration(s) are pending",
    ),
    (
        "a role without grants",
        "RESET ROLE; CREATE ROLE lint_probe; SET LOCAL ROLE lint_probe",
        "the role lint_probe cannot use the tables; grant it handoff_app",
    ),
];

#[test]
fn the_lint_reports_each_kind_of_finding_and_nothing_on_a_sound_database() {
    let db = Database::new();
    assert_eq!(inspect(&mut db.app()).unwrap(), [], "the control: a sound database");
    let mut conn = db.superuser();
    for (what, sql, finding) in PROVOKED {
        // What changes the role comes last: it is done as the superuser, and looked at as whom it ends as.
        let (prepare, role) = if sql.starts_with("RESET ROLE") { ("SELECT 1", *sql) } else { (*sql, "SELECT 1") };
        let found = altered(&mut conn, prepare, |conn| {
            use diesel::connection::SimpleConnection as _;
            conn.batch_execute(role).unwrap();
            inspect(conn).unwrap_or_else(|error| panic!("{what}: {}", error.code.as_str()))
        });
        let said: Vec<&str> = found.iter().map(|finding| finding.sentence.as_str()).collect();
        assert!(said.iter().any(|sentence| sentence.contains(finding)), "{what}: {said:?}");
    }
    println!("catalogue lint: {} kinds provoked, all reported", PROVOKED.len());
    // A view that runs with the caller's rights is nothing to report.
    let view = "CREATE VIEW own_referrals WITH (security_invoker = true) AS SELECT * FROM referrals";
    assert_eq!(altered(&mut conn, view, |conn| inspect(conn).unwrap()), []);
    // What a newer binary has migrated keeps this one from nothing, and is told.
    assert_eq!(inspect_newer(&mut db.app()).unwrap(), None);
    let newer = "INSERT INTO __diesel_schema_migrations VALUES ('99990101000000')";
    let (found, told) = altered(&mut conn, newer, |conn| (inspect(conn).unwrap(), inspect_newer(conn).unwrap()));
    assert!(found.is_empty() && told.unwrap().sentence.contains("1 unknown migration(s)"), "{found:?}");
}

#[test]
fn an_empty_database_has_every_migration_pending() {
    let db = Database::empty();
    let found = inspect(&mut db.app()).unwrap();
    assert!(found[0].sentence.contains("migration(s) are pending"), "{found:?}");
}
