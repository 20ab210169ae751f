//! That the schema can be distributed by site over several machines (Citus): whoever adds a table keeps it so.

use crate::support::db::Database;

use super::{altered, texts};

/// Keys whose first column is not the site, so that they would be unique on one machine alone. Diesel's own table stays on one.
const KEYS: &str = "SELECT i.indrelid::regclass || ': ' || pg_get_indexdef(i.indexrelid) AS text
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    WHERE n.nspname = 'public' AND i.indisunique AND a.attname IS DISTINCT FROM 'site_id' AND c.relname <> '__diesel_schema_migrations' ORDER BY 1";

/// References that may lead to another site, and so to another machine.
const REFERENCES: &str = "SELECT k.conrelid::regclass || ': ' || pg_get_constraintdef(k.oid) AS text
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1] JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
    WHERE n.nspname = 'public' AND k.contype = 'f' AND NOT (a.attname = 'site_id' AND b.attname = 'site_id') ORDER BY 1";

/// Columns of a key that a sequence fills: each machine would count for itself.
const SEQUENCES: &str = "SELECT DISTINCT a.attrelid::regclass || '.' || a.attname AS text
    FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.refobjsubid > 0
    JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisunique AND a.attnum = ANY (i.indkey) WHERE s.relkind = 'S' ORDER BY 1";

/// The queue of what has no position yet: rows live for milliseconds, and each site's are written through one machine.
const COUNTED_BY_ONE_MACHINE: &str = "journal_queue.number";

#[test]
fn every_key_and_reference_begins_with_the_site() {
    let db = Database::new();
    let mut conn = db.superuser();
    assert_eq!(texts(&mut conn, KEYS), [] as [String; 0]);
    assert_eq!(texts(&mut conn, REFERENCES), [] as [String; 0]);
    assert_eq!(texts(&mut conn, SEQUENCES), [COUNTED_BY_ONE_MACHINE]);
}

#[test]
fn the_controls_are_told() {
    let db = Database::new();
    let mut conn = db.superuser();
    for (sql, query) in [
        ("CREATE TABLE stray (id uuid PRIMARY KEY, site_id uuid)", KEYS),
        ("CREATE UNIQUE INDEX ON referrals (lower(external_ref), site_id)", KEYS),
        (
            "CREATE TABLE stray (id uuid UNIQUE); ALTER TABLE members ADD CONSTRAINT led FOREIGN KEY (id) REFERENCES stray (id) NOT VALID",
            REFERENCES,
        ),
        ("CREATE TABLE stray (site_id uuid, n bigserial, PRIMARY KEY (site_id, n))", SEQUENCES),
    ] {
        let before = texts(&mut conn, query).len();
        assert_eq!(altered(&mut conn, sql, |conn| texts(conn, query)).len(), before + 1, "{sql}");
    }
}
