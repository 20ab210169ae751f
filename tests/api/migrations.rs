//! The migrations: there and back again, and what they leave: the Rust schema, keys that begin with the site, closed
//! vocabularies.

mod catalogue;
mod ddl;
mod load;
mod vocabularies;

use diesel::PgConnection;
use diesel::connection::SimpleConnection as _;
use handoff::db::{migrate, pending, revert_all};

use crate::support::db::Database;
use catalogue::{dump, keys_without_site, tables_of_catalogue, tables_of_schema};

#[test]
fn up_down_up_leaves_the_same_catalogue_and_down_leaves_nothing() {
    let db = Database::empty();
    let mut owner = db.owner();
    // diesel keeps its own table from the first run on; it is the one thing that stays.
    let before = dump(&mut owner);
    let count = migrate(&mut owner).unwrap();
    let up = dump(&mut owner);
    revert_all(&mut owner).unwrap();
    let down = dump(&mut owner);
    assert_eq!(migrate(&mut owner).unwrap(), count);
    let again = dump(&mut owner);
    println!("migrations: {count} up, down and up again; {} lines of catalogue equal", up.len());
    assert_eq!(difference(&up, &again), Vec::<String>::new(), "up, down, up");
    assert_eq!(difference(&before, &down), Vec::<String>::new(), "down leaves something, or takes too much");
    assert!(up.len() > 200, "the dump sees {} lines only", up.len());

    // The controls: each kind of object that a down migration could forget shows in the dump.
    for sql in [
        "CREATE TABLE left_over (site_id uuid)",
        "ALTER TABLE members ADD COLUMN left_over text",
        "ALTER TABLE members ALTER COLUMN email DROP NOT NULL",
        "ALTER TABLE members ALTER COLUMN email SET DEFAULT 'x'",
        "ALTER TABLE members DROP CONSTRAINT members_email_length",
        "CREATE INDEX left_over ON members (site_id, email)",
        "ALTER POLICY members_tenant ON members USING (true)",
        "ALTER TABLE members NO FORCE ROW LEVEL SECURITY",
        "CREATE FUNCTION left_over() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "ALTER FUNCTION directory.list_sites() SECURITY INVOKER",
        "GRANT DELETE ON members TO handoff_app",
        "GRANT EXECUTE ON FUNCTION directory.list_sites() TO PUBLIC",
        "GRANT USAGE ON SCHEMA directory TO PUBLIC",
        "DROP TRIGGER sites_follow_directory ON sites",
        "CREATE VIEW left_over AS SELECT 1 AS one",
        "CREATE TYPE left_over AS ENUM ('a')",
        "CREATE SEQUENCE left_over",
    ] {
        owner.batch_execute(&format!("BEGIN; {sql}")).unwrap();
        let changed = dump(&mut owner);
        owner.batch_execute("ROLLBACK").unwrap();
        assert!(!difference(&again, &changed).is_empty(), "the dump does not see: {sql}");
    }
}

fn difference(a: &[String], b: &[String]) -> Vec<String> {
    let gone = a.iter().filter(|line| !b.contains(line)).map(|line| format!("- {line}"));
    gone.chain(b.iter().filter(|line| !a.contains(line)).map(|line| format!("+ {line}"))).collect()
}

#[test]
fn the_rust_schema_is_that_of_the_database() {
    let db = Database::new();
    let mut conn = db.owner();
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/schema.rs")).unwrap();
    let (written, live) = (tables_of_schema(&source), tables_of_catalogue(&mut conn));
    let advice = "src/schema.rs is not that of the migrations: run `diesel print-schema > src/schema.rs` against a migrated database (diesel.toml)";
    assert_eq!(difference(&live, &written), Vec::<String>::new(), "{advice}");
    assert_eq!(live, written, "{advice}");
    let columns: usize = live.iter().filter(|line| line.contains("->")).count();
    println!("schema.rs: {columns} columns as in the database");

    // The controls: another order, another type, another nullability, another key, a table less.
    for (from, to) in [
        ("display_name -> Text,\n        email -> Text", "email -> Text,\n        display_name -> Text"),
        ("day -> Date", "day -> Text"),
        ("registry_id -> Nullable<Text>", "registry_id -> Text"),
        ("referrals (site_id, id)", "referrals (id)"),
        ("    refusals (site_id, id) {", "    refusal (site_id, id) {"),
    ] {
        assert!(source.contains(from), "{from}");
        assert_ne!(tables_of_schema(&source.replacen(from, to, 1)), live, "{to}");
    }
}

#[test]
fn every_tenant_table_has_the_site_first_in_each_key_and_forced_row_level_security() {
    let db = Database::new();
    let mut conn = db.owner();
    assert_eq!(keys_without_site(&mut conn), Vec::<String>::new());

    for (sql, finding) in [
        ("CREATE TABLE notes (site_id uuid, id uuid PRIMARY KEY)", "notes: notes_pkey"),
        ("CREATE TABLE notes (site_id uuid PRIMARY KEY)", "notes: row-level security"),
        ("CREATE TABLE notes (id uuid)", "notes: no primary key"),
        ("ALTER TABLE members ADD CONSTRAINT left_over UNIQUE (email)", "members: left_over"),
        ("CREATE UNIQUE INDEX left_over ON members (email, site_id)", "members: left_over"),
        ("CREATE UNIQUE INDEX left_over ON members (lower(email))", "members: left_over"),
        (
            "ALTER TABLE referrals ADD COLUMN about uuid UNIQUE; ALTER TABLE members ADD COLUMN about uuid REFERENCES referrals (about)",
            "members: members_about_fkey",
        ),
        ("ALTER TABLE members DISABLE ROW LEVEL SECURITY", "members: row-level security"),
        ("ALTER TABLE members NO FORCE ROW LEVEL SECURITY", "members: row-level security"),
    ] {
        conn.batch_execute(&format!("BEGIN; {sql}")).unwrap();
        let found = keys_without_site(&mut conn);
        conn.batch_execute("ROLLBACK").unwrap();
        assert!(found.iter().any(|found| found.starts_with(finding)), "{sql}: {found:?}");
    }
}

#[test]
fn every_closed_vocabulary_of_the_database_is_that_of_the_code() {
    let db = Database::new();
    let mut conn = db.owner();
    assert_eq!(vocabularies::differences(&mut conn), Vec::<String>::new());
    println!("vocabularies: {} constraints equal their enums", vocabularies::words_of_code().len());

    for (sql, finding) in [
        (
            "ALTER TABLE members DROP CONSTRAINT members_role_vocabulary, ADD CONSTRAINT members_role_vocabulary CHECK (role IN ('admin', 'viewer'))",
            "members_role_vocabulary: the code also has coordinator",
        ),
        (
            "ALTER TABLE members DROP CONSTRAINT members_role_vocabulary, ADD CONSTRAINT members_role_vocabulary CHECK (role IN ('admin', 'coordinator', 'viewer', 'king'))",
            "members_role_vocabulary: the database also has king",
        ),
        ("ALTER TABLE members DROP CONSTRAINT members_role_vocabulary", "members_role_vocabulary: not in the database"),
        (
            "ALTER TABLE members ADD CONSTRAINT members_email_vocabulary CHECK (email IN ('a'))",
            "members_email_vocabulary: not mapped to an enum",
        ),
        (
            "ALTER TABLE members DROP CONSTRAINT members_role_vocabulary, ADD CONSTRAINT members_role_vocabulary CHECK (email IN ('admin', 'coordinator', 'viewer'))",
            "members_role_vocabulary: is about members_email",
        ),
    ] {
        conn.batch_execute(&format!("BEGIN; {sql}")).unwrap();
        let found = vocabularies::differences(&mut conn);
        conn.batch_execute("ROLLBACK").unwrap();
        assert!(found.iter().any(|found| found.starts_with(finding)), "{sql}: {found:?}");
    }
}

#[test]
fn two_migrations_at_once_both_succeed_and_run_each_step_once() {
    for _ in 0..3 {
        let db = Database::empty();
        let barrier = std::sync::Barrier::new(2);
        let run = |mut conn: PgConnection| {
            barrier.wait();
            migrate(&mut conn)
        };
        let (first, second) = std::thread::scope(|scope| {
            let (a, b) = (db.owner(), db.owner());
            let (a, b) = (scope.spawn(|| run(a)), scope.spawn(|| run(b)));
            (a.join().unwrap(), b.join().unwrap())
        });
        let (first, second) = (first.expect("the first succeeds"), second.expect("the second succeeds"));
        assert!(first.min(second) == 0 && first.max(second) > 0, "{first} and {second} ran");
        assert_eq!(pending(&mut db.owner()).unwrap(), (vec![], vec![]));
    }
}

/// The control: without the lock the two stand in one another's way, so that the test above tests the lock.
#[test]
fn without_the_lock_two_migrations_at_once_fail() {
    use diesel_migrations::{FileBasedMigrations, MigrationHarness as _};
    let failed = (0..10).any(|_| {
        let db = Database::empty();
        let barrier = std::sync::Barrier::new(2);
        let run = |mut conn: PgConnection| {
            let migrations = FileBasedMigrations::from_path(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
            barrier.wait();
            conn.run_pending_migrations(migrations).is_err()
        };
        std::thread::scope(|scope| {
            let (a, b) = (db.owner(), db.owner());
            let (a, b) = (scope.spawn(|| run(a)), scope.spawn(|| run(b)));
            a.join().unwrap() | b.join().unwrap()
        })
    });
    assert!(failed, "two migrations without a lock never met in ten tries");
}
