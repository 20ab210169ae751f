//! Adding to sums reads those that it adds to and no others, however many the site has and whatever the planner believes of their tables:
//! those of a site's first import were empty when somebody last counted them.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::BigInt;
use diesel::{PgConnection, RunQueryDsl as _};
use handoff::auth::operator_scope;
use handoff::domain::ids::{MemberId, StudyId};
use handoff::domain::reports::standing::Traits;
use handoff::domain::reports::{Basis, Figure, Tally};
use handoff::domain::vocabulary::Channel;
use handoff::store::reports::{CellKey, change};

use crate::support::db::Database;
use crate::support::make::{self, Site};

const TABLES: [&str; 5] =
    ["report_cells", "report_source_cells", "report_owner_cells", "report_channel_cells", "report_late_cells"];
const DAYS: u64 = 500;
const OWNERS: u128 = 40;

/// One more, or less, of each sum of these owners.
fn sums(owners: std::ops::Range<u128>, count: i64) -> BTreeMap<CellKey, Tally> {
    let study = StudyId(uuid::Uuid::from_u128(7));
    let traits = move |owner: u128| Traits {
        study,
        partner: None,
        channel: Channel::SecureForm,
        owner: MemberId(uuid::Uuid::from_u128(owner)),
        is_late: false,
    };
    let mut tally = Tally::default();
    tally.add(Figure::Volume, count);
    let day = |number| NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + Days::new(number);
    let keys = owners.flat_map(|owner| (0..DAYS).map(move |number| (Basis::HappenedDay, day(number), traits(owner))));
    keys.map(|key| (key, tally.clone())).collect()
}

fn enter(db: &Database, site: &Site) -> PgConnection {
    let mut conn = db.app();
    conn.batch_execute(&format!("BEGIN; SET LOCAL app.site_id = '{}'", site.id)).unwrap();
    conn
}

/// How many rows of the finest sums this transaction has read.
fn read(conn: &mut PgConnection) -> i64 {
    #[derive(diesel::QueryableByName)]
    struct Read {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let sql =
        "SELECT (seq_tup_read + idx_tup_fetch)::bigint AS count FROM pg_stat_xact_user_tables WHERE relname = 'report_cells'";
    diesel::sql_query(sql).get_result::<Read>(conn).unwrap().count
}

#[test]
fn sums_are_looked_up_one_by_one_while_nobody_has_counted_their_table() {
    let db = Database::new();
    let site = make::db_site(&db, "riverside");
    let scope = operator_scope(site.id);
    for table in TABLES {
        let sql = format!("ALTER TABLE {table} SET (autovacuum_enabled = off)");
        db.superuser().batch_execute(&sql).unwrap();
        db.superuser().batch_execute(&format!("VACUUM ANALYZE {table}")).unwrap();
    }
    let mut conn = enter(&db, &site);
    change(&mut conn, &scope, &sums(0..OWNERS, 1)).unwrap();
    conn.batch_execute("COMMIT").unwrap();
    let all = db.count("SELECT count(*) FROM report_cells");
    assert_eq!(all, i64::try_from(OWNERS).unwrap() * i64::try_from(DAYS).unwrap());

    // Each is read to be added to, and may be read once more to be written.
    let few = 3 * i64::try_from(DAYS).unwrap();
    let mut conn = enter(&db, &site);
    change(&mut conn, &scope, &sums(0..1, 1)).unwrap();
    let added = read(&mut conn);
    conn.batch_execute("COMMIT").unwrap();
    let mut conn = enter(&db, &site);
    change(&mut conn, &scope, &sums(1..2, -1)).unwrap();
    let dropped = read(&mut conn);
    conn.batch_execute("COMMIT").unwrap();
    println!("of {all} sums, {added} rows read to add to {DAYS}, {dropped} to drop as many");
    assert!((1..=few).contains(&added) && (1..=few).contains(&dropped), "{added} and {dropped} of {all}");
    assert_eq!(db.count("SELECT count(*) FROM report_cells"), all - i64::try_from(DAYS).unwrap(), "what comes to nothing goes");

    // The control: what reads all of a site's is seen.
    let mut conn = enter(&db, &site);
    conn.batch_execute("SELECT max(length(figures)) FROM report_cells").unwrap();
    assert!(read(&mut conn) > few);
}
