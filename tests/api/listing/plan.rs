//! How PostgreSQL goes about a page of the site's, at a size that no test sows: it is told of ten million referrals, and believes it.

use diesel::connection::SimpleConnection as _;
use handoff::db::in_site;
use handoff::store::referrals::{self, Filter};
use serde_json::Value;

use crate::queue::{plan, sow};
use crate::support::db::Database;
use crate::support::make::{self, Site};

/// PostgreSQL reckons with as many rows to a block as there were when it last counted.
const TEN_MILLION: &str = "UPDATE pg_class SET reltuples = reltuples * 10000000 / (SELECT count(*) FROM referrals)
    WHERE oid = 'referrals'::regclass OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'referrals'::regclass)";

/// The plan of the site's first page, after this, in a transaction as the application begins it.
fn planned(db: &Database, site: &Site, before: &str) -> Value {
    let planned = in_site(&mut db.app(), site.id, |conn, scope| {
        let sql = plan::sent(conn, |conn| {
            let page = referrals::page(conn, scope, false, &Filter::default(), None, 51).unwrap();
            assert_eq!(page.len(), 51);
        });
        // Blocks are counted when a plan is made: those of five thousand would be too few for workers.
        let sizes = "SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL min_parallel_index_scan_size = 0";
        conn.batch_execute(&format!(
            "{sizes}; SET LOCAL plan_cache_mode = force_generic_plan; {before}; PREPARE asked AS {sql}"
        ))?;
        Ok(plan::explain(conn, format!("EXPLAIN (FORMAT JSON) EXECUTE asked ('{}', false, 51)", site.id)))
    });
    planned.unwrap()
}

fn has(plan: &Value, field: &str, text: &str) -> bool {
    plan::nodes(plan).iter().any(|node| node[field].as_str().is_some_and(|found| found.contains(text)))
}

#[test]
fn a_page_of_ten_million_is_read_in_its_order_by_one_process() {
    let db = Database::new();
    let site = make::db_site(&db, "riverside");
    sow::crowd(&db, &site, 8, 10);
    sow::referrals(&db, &site, 1..=5_000);
    let mut superuser = db.superuser();
    superuser.batch_execute("VACUUM ANALYZE").unwrap();
    superuser.batch_execute(TEN_MILLION).unwrap();
    let plan = planned(&db, &site, "SELECT");
    assert!(has(&plan, "Index Name", "referrals_pkey") && !has(&plan, "Node Type", "Sort"), "{plan:#}");
    assert!(!has(&plan, "Node Type", "Gather"), "{plan:#}");
    let of_workers = planned(&db, &site, "SET LOCAL max_parallel_workers_per_gather = 2");
    assert!(has(&of_workers, "Node Type", "Gather"), "the control: PostgreSQL would take workers {of_workers:#}");
}
