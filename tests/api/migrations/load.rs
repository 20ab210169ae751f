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

/// Those who come while a migration waits for the table.
#[derive(Debug, Default)]
struct Readers {
    longest: Duration,
    /// They gave up, as a request does, which is then answered 503.
    refused: usize,
}

/// What readers see while `migrating` waits for a table that somebody works on; and whether that did its work.
fn readers_behind(db: &Database, migrating: impl FnOnce() -> bool + Send) -> (Readers, bool) {
    let (mut holder, mut reader) = (db.superuser(), db.superuser());
    holder.batch_execute("BEGIN; LOCK TABLE audit_entries IN ACCESS SHARE MODE").unwrap();
    reader.batch_execute("SET lock_timeout = 250").unwrap();
    std::thread::scope(|scope| {
        let migration = scope.spawn(migrating);
        let (begun, mut readers) = (Instant::now(), Readers::default());
        while begun.elapsed() < HELD {
            let asked = Instant::now();
            let read = diesel::sql_query("SELECT 1 FROM audit_entries LIMIT 1").execute(&mut reader);
            readers.longest = readers.longest.max(asked.elapsed());
            readers.refused += usize::from(read.is_err());
            std::thread::sleep(Duration::from_millis(10));
        }
        holder.batch_execute("COMMIT").unwrap();
        (readers, migration.join().unwrap())
    })
}

#[test]
fn a_migration_that_waits_for_a_table_lets_go_before_a_request_would_give_up() {
    // The last one takes the trail's table.
    let db = without_the_last(1);
    let (readers, ran) = readers_behind(&db, || migrate(&mut db.owner()).is_ok());
    assert!(ran && pending(&mut db.owner()).unwrap() == (vec![], vec![]), "it comes to its end once the table is free");
    assert!(readers.longest > Duration::from_millis(50), "nobody waited ({readers:?}): this tests nothing");
    assert_eq!(readers.refused, 0, "{readers:?}");
    println!("migrations: a reader behind one that waits is held up for {:?} at the most", readers.longest);

    // The control: without the limit readers give up for as long as the table is taken.
    let db = without_the_last(1);
    let plain = || {
        let migrations = FileBasedMigrations::from_path(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
        db.owner().run_pending_migrations(migrations).is_ok()
    };
    let (readers, ran) = readers_behind(&db, plain);
    assert!(ran && readers.refused > 5, "{readers:?}");
}
