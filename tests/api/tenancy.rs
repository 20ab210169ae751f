//! Row-level security from below: what the app role can reach when the code above it is wrong.
//!
//! `rows` asks every table under every wrong context; here every policy is then taken away in turn, and both that question and
//! the catalogue lint have to notice.

mod distribution;
mod fresh_rows;
mod lint;
mod pool;
mod rows;

use diesel::connection::SimpleConnection as _;
use diesel::result::Error;
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _};
use handoff::db::inspect;

use rows::{Sown, breaches};

#[derive(QueryableByName, Debug, Clone)]
pub struct Text {
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub text: String,
}

/// One column of texts.
pub fn texts(conn: &mut PgConnection, query: &str) -> Vec<String> {
    let rows: Vec<Text> = diesel::sql_query(query).load(conn).unwrap_or_else(|error| panic!("{query}: {error}"));
    rows.into_iter().map(|row| row.text).collect()
}

/// Does something as the superuser, looks at the result as the app role, and takes it all back.
pub fn altered<T>(conn: &mut PgConnection, sql: &str, look: impl FnOnce(&mut PgConnection) -> T) -> T {
    let mut result = None;
    let _ = conn.transaction::<(), Error, _>(|conn| {
        conn.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        conn.batch_execute("SET LOCAL ROLE handoff_app")?;
        result = Some(look(conn));
        Err(Error::RollbackTransaction)
    });
    result.expect("looked")
}

/// Every policy: its table, its name, whether it is the tenant's.
fn policies(conn: &mut PgConnection) -> Vec<(String, String, bool)> {
    texts(conn, "SELECT polrelid::regclass || ' ' || polname || ' ' || polpermissive AS text FROM pg_policy ORDER BY 1")
        .iter()
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            (words[0].to_owned(), words[1].to_owned(), words[2] == "true")
        })
        .collect()
}

#[test]
fn under_a_wrong_context_the_app_role_reads_writes_and_deletes_nothing() {
    let sown = Sown::sow();
    let mut conn = sown.db.superuser();
    let tables = texts(&mut conn, rows::TABLES);
    let (asked, found) = altered(&mut conn, "SELECT 1", |conn| breaches(conn, &sown, &tables));
    println!("tenancy: {asked} questions (tables × commands × contexts), {} breaches", found.len());
    assert!(found.is_empty(), "{found:#?}");
    let count = tables.len();
    assert!(asked >= count * 12, "{count} tables need 12 questions each and two controls, {asked} were asked");

    // The same through a login of its own, not only through SET ROLE: the role is bound wherever it comes from.
    let mut app = sown.db.app();
    let (_, found) = breaches(&mut app, &sown, &tables);
    assert!(found.is_empty(), "{found:#?}");
    // The control: the superuser, whom no policy binds, breaches at every table.
    let (_, found) = breaches(&mut conn, &sown, &tables);
    for table in &tables {
        assert!(found.iter().any(|breach| breach.starts_with(&format!("{table}:"))), "{table} is not asked");
    }
}

#[test]
fn each_policy_that_is_dropped_or_opened_is_noticed_by_the_lint_and_by_the_rows() {
    let sown = Sown::sow();
    let mut conn = sown.db.superuser();
    let policies = policies(&mut conn);
    let tables = texts(&mut conn, rows::TABLES);
    assert_eq!(policies.len(), 2 * tables.len(), "a tenant policy and a partner policy on each table: {policies:?}");
    assert_eq!(
        altered(&mut conn, "SELECT 1", |conn| inspect(conn).unwrap()),
        [],
        "the lint has nothing to say of a sound database"
    );

    let mut report = Vec::new();
    for (table, policy, is_tenant) in &policies {
        for (how, sql) in [
            ("dropped", format!("DROP POLICY {policy} ON {table}")),
            ("opened", format!("ALTER POLICY {policy} ON {table} USING (true) WITH CHECK (true)")),
            ("opened for reading", format!("ALTER POLICY {policy} ON {table} USING (true)")),
            ("opened for writing", format!("ALTER POLICY {policy} ON {table} WITH CHECK (true)")),
            ("given to another role", format!("ALTER POLICY {policy} ON {table} TO handoff_owner")),
        ] {
            // A partner may read its site's settings: that policy is open for reading as it stands.
            if (policy.as_str(), how) == ("sites_partner", "opened for reading") {
                continue;
            }
            let (findings, (_, found)) =
                altered(&mut conn, &sql, |conn| (inspect(conn).unwrap(), breaches(conn, &sown, std::slice::from_ref(table))));
            let lint = findings.iter().any(|finding| finding.sentence.contains(table.as_str()));
            assert!(lint, "{policy} {how}: the lint says {findings:?}");
            // Without its one permissive policy a table shows nothing: safe, and seen by the question whether its own rows are there.
            let closed = *is_tenant && matches!(how, "dropped" | "given to another role");
            let noticed = found.iter().filter(|breach| breach.starts_with(&format!("{table}:"))).count();
            report.push(closed);
            assert!(noticed > 0, "{policy} {how}: no row check noticed");
        }
    }
    println!(
        "tenancy: {} alterations of {} policies, all noticed by lint and rows ({} opened a table, {} closed it)",
        report.len(),
        policies.len(),
        report.iter().filter(|closed| !**closed).count(),
        report.iter().filter(|closed| **closed).count()
    );
}
