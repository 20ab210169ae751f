//! The stall query asks the index alone, however many referrals there are.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::{PgConnection, QueryResult};
use handoff::auth::{SiteScope, operator_scope};
use handoff::store::referrals;

use super::db_stalled;
use crate::support::app::beginning;
use crate::support::db::Database;
use crate::support::make::{self, Site};
use crate::tenancy::texts;

type Query = fn(&mut PgConnection, &SiteScope, DateTime<Utc>) -> QueryResult<()>;

const QUERIES: [(&str, Query); 2] = [
    ("due", |conn, scope, now| referrals::due(conn, scope, now, 200).map(drop)),
    ("count_due", |conn, scope, now| referrals::count_due(conn, scope, now).map(drop)),
];

/// This many more open referrals, of which one in a hundred is due.
fn sow(db: &Database, site: &Site, count: usize) {
    db_stalled(db, site, count, beginning());
    db.superuser()
        .batch_execute(&format!(
            "UPDATE referrals SET escalate_at = CASE WHEN substr(external_ref, 5)::bigint % 100 = 0
                    THEN '{now}'::timestamptz - interval '1 minute' * (substr(external_ref, 5)::bigint / 100)
                    ELSE '{now}'::timestamptz + interval '1 minute' * substr(external_ref, 5)::bigint END",
            now = beginning().to_rfc3339()
        ))
        .unwrap();
    // What autovacuum does in its time.
    db.superuser().batch_execute("VACUUM ANALYZE referrals").unwrap();
}

/// The plan of what this query really sends, as the app role of the site under its policies.
fn plan(db: &Database, site: &Site, query: Query) -> Vec<String> {
    let mut conn = db.app();
    let enter = format!("BEGIN; SET LOCAL app.site_id = '{}'", site.id);
    conn.batch_execute(&enter).unwrap();
    let pid = texts(&mut conn, "SELECT pg_backend_pid()::text AS text").remove(0);
    query(&mut conn, &operator_scope(site.id), beginning()).unwrap();
    let sent = texts(&mut db.superuser(), &format!("SELECT query AS text FROM pg_stat_activity WHERE pid = {pid}")).remove(0);
    let (types, values) = match sent.matches('$').count() {
        2 => ("uuid, timestamptz", format!("'{}', '{}'", site.id, beginning().to_rfc3339())),
        _ => ("uuid, timestamptz, bigint", format!("'{}', '{}', 200", site.id, beginning().to_rfc3339())),
    };
    conn.batch_execute(&format!("PREPARE asked ({types}) AS {sent}")).unwrap();
    explained(&mut conn, &format!("EXPLAIN EXECUTE asked ({values})"))
}

fn explained(conn: &mut PgConnection, sql: &str) -> Vec<String> {
    use diesel::RunQueryDsl as _;
    #[derive(diesel::QueryableByName)]
    struct Line {
        #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
        line: String,
    }
    diesel::sql_query(sql).load::<Line>(conn).unwrap().into_iter().map(|line| line.line).collect()
}

/// What of a plan is not the index alone.
fn faults(plan: &[String]) -> Vec<&String> {
    let reads = |line: &&String| line.contains("Scan");
    let alone = |line: &&String| line.contains("Index Only Scan using referrals_by_escalation");
    let sorts = plan.iter().filter(|line| line.contains("Sort"));
    let none = plan.iter().take(1).filter(|_| !plan.iter().any(|line| alone(&line)));
    plan.iter().filter(reads).filter(|line| !alone(line)).chain(sorts).chain(none).collect()
}

fn assert_index_only(db: &Database, site: &Site, count: usize) {
    for (name, query) in QUERIES {
        let plan = plan(db, site, query);
        assert_eq!(faults(&plan), [] as [&String; 0], "{name}: {plan:#?}");
        let (mut conn, mut took) = (db.app(), Vec::new());
        conn.batch_execute(&format!("BEGIN; SET LOCAL app.site_id = '{}'", site.id)).unwrap();
        for _ in 0..200 {
            let begun = Instant::now();
            query(&mut conn, &operator_scope(site.id), beginning()).unwrap();
            took.push(begun.elapsed());
        }
        took.sort();
        println!("stall query {name} at {count} referrals: index only, p50 {:?}, p99 {:?}", took[100], took[197]);
        assert!(took[100] < Duration::from_secs(1));
    }
}

#[test]
fn the_stall_query_reads_the_index_alone() {
    let db = Database::new();
    let (site, other) = (make::db_site(&db, "riverside"), make::db_site(&db, "elsewhere"));
    for site in [&site, &other] {
        sow(&db, site, 10_000);
    }
    assert_index_only(&db, &site, 20_000);
    // The controls: without its index, and with one that does not hold what the policies ask for.
    db.superuser().batch_execute("DROP INDEX referrals_by_escalation").unwrap();
    assert!(!faults(&plan(&db, &site, QUERIES[0].1)).is_empty());
    let narrow = "CREATE INDEX referrals_by_escalation ON referrals (site_id, escalate_at, id) WHERE escalate_at IS NOT NULL";
    db.superuser().batch_execute(narrow).unwrap();
    let plan = plan(&db, &site, QUERIES[0].1);
    assert!(!faults(&plan).is_empty(), "{plan:#?}");
}

/// `cargo test --release --test api at_a_million_referrals -- --ignored --nocapture`
#[test]
#[ignore = "takes minutes: cargo test --release --test api at_a_million_referrals -- --ignored --nocapture"]
fn the_stall_query_reads_the_index_alone_at_a_million_referrals() {
    let db = Database::new();
    let site = make::db_site(&db, "riverside");
    sow(&db, &site, 1_000_000);
    assert_index_only(&db, &site, 1_000_000);
}
