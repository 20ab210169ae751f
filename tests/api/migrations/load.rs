//! A migration that has to wait for a table, and those who come after it.

use std::time::{Duration, Instant};

use diesel::RunQueryDsl as _;
use diesel::connection::SimpleConnection as _;
use diesel_migrations::{FileBasedMigrations, MigrationHarness as _};
use handoff::db::{migrate, pending};

use crate::support::db::Database;

/// How long somebody works on a table that a migration wants.
const HELD: Duration = Duration::from_secs(5);

fn without_the_last(count: usize) -> Database {
    let db = Database::new();
    for _ in 0..count {
        let migrations = FileBasedMigrations::from_path(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
        db.owner().revert_last_migration(migrations).unwrap();
    }
    db
}

/// How long a reader waits who comes while `migrating` waits for the table; and whether that did its work.
fn reader_behind(db: &Database, migrating: impl FnOnce() -> bool + Send) -> (Duration, bool) {
    let mut holder = db.superuser();
    holder.batch_execute("BEGIN; LOCK TABLE audit_entries IN ACCESS SHARE MODE").unwrap();
    std::thread::scope(|scope| {
        let migration = scope.spawn(migrating);
        std::thread::sleep(Duration::from_millis(300));
        let reader = scope.spawn(|| {
            let (mut reader, asked) = (db.superuser(), Instant::now());
            diesel::sql_query("SELECT 1 FROM audit_entries LIMIT 1").execute(&mut reader).unwrap();
            asked.elapsed()
        });
        std::thread::sleep(HELD);
        holder.batch_execute("COMMIT").unwrap();
        (reader.join().unwrap(), migration.join().unwrap())
    })
}

#[test]
fn a_migration_that_waits_for_a_table_holds_nobody_up_for_longer_than_two_seconds() {
    // The last one but one takes the trail's table.
    let db = without_the_last(2);
    let (waited, ran) = reader_behind(&db, || migrate(&mut db.owner()).is_ok());
    assert!(ran && pending(&mut db.owner()).unwrap() == (vec![], vec![]), "it comes to its end once the table is free");
    assert!(waited > Duration::from_millis(500), "nobody waited ({waited:?}): this tests nothing");
    assert!(waited < Duration::from_millis(2_500), "{waited:?}");
    println!("migrations: a reader behind one that waits is held up for {waited:?} at the most");

    // The control: without the limit a reader waits for as long as the table is taken.
    let db = without_the_last(2);
    let plain = || {
        let migrations = FileBasedMigrations::from_path(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
        db.owner().run_pending_migrations(migrations).is_ok()
    };
    let (waited, ran) = reader_behind(&db, plain);
    assert!(ran && waited > Duration::from_secs(4), "{waited:?}");
}
