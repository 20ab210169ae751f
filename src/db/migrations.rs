//! The embedded migrations: run by the owner, checked by the app role.

use std::time::Duration;

use diesel::migration::{Migration, MigrationSource as _};
use diesel::pg::{Pg, PgConnection};
use diesel::{Connection as _, RunQueryDsl as _, sql_query};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use super::tenancy;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");
/// diesel's migrations take no lock: two `handoff migrate` at once wait for one another on this one ("handoff" in hex).
const LOCK: i64 = 0x0068_616e_646f_6666;

/// How long a migration waits for a table, and holds up whoever comes after it. Requests give up on a lock, and are answered 503,
/// after [`tenancy::LOCK_TIMEOUT`]: those of the release before, too.
const LOCK_TIMEOUT: Duration = Duration::from_millis(100);
const _: () = assert!(LOCK_TIMEOUT.as_millis() * 2 <= tenancy::LOCK_TIMEOUT.as_millis());
/// How often one is tried that found its table taken: for three minutes.
const TRIES: usize = 450;
/// In between, those who were held up go on.
const BETWEEN_TRIES: Duration = Duration::from_millis(300);

const TAKEN: &str = "migrating failed: for three minutes other transactions had a table that a migration alters, one after the other; \
    run it again when less is going on, or look in pg_stat_activity for a transaction that does not end";

/// Why migrating failed, in the database's own words: the migrations hold no data of anybody.
#[derive(Debug)]
pub struct MigrateError(String);

impl std::fmt::Display for MigrateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MigrateError {}

impl MigrateError {
    pub(super) fn preparing(error: impl std::fmt::Display) -> Self {
        Self(format!("preparing the database failed: {error}"))
    }
}

/// Whether a migration did not get its turn at a table.
fn found_taken(error: &impl std::fmt::Display) -> bool {
    error.to_string().contains("lock timeout")
}

fn failed(error: impl std::fmt::Display) -> MigrateError {
    MigrateError(format!("migrating failed: {error}"))
}

/// Runs every pending migration as the owner, under an advisory lock, while servers serve: whatever waits for a table waits with everybody who
/// comes after it, and so each try lets go before a request would give up. Returns how many ran.
///
/// # Errors
/// [`MigrateError`]; each migration is one transaction, so a failed one leaves nothing behind.
pub fn migrate(conn: &mut PgConnection) -> Result<usize, MigrateError> {
    locked(conn, |conn| {
        let before = conn.applied_migrations().map_err(failed)?.len();
        sql_query(format!("SET lock_timeout = {}", LOCK_TIMEOUT.as_millis())).execute(conn).map_err(failed)?;
        let mut ran = conn.run_pending_migrations(MIGRATIONS).map(drop);
        for _ in 1..TRIES {
            if !ran.as_ref().is_err_and(found_taken) {
                break;
            }
            std::thread::sleep(BETWEEN_TRIES);
            ran = conn.run_pending_migrations(MIGRATIONS).map(drop);
        }
        sql_query("RESET lock_timeout").execute(conn).map_err(failed)?;
        ran.map_err(|error| if found_taken(&error) { MigrateError(TAKEN.to_owned()) } else { failed(error) })?;
        let count = conn.applied_migrations().map_err(failed)?.len() - before;
        // The app role checks at start that nothing is pending.
        sql_query("GRANT SELECT ON __diesel_schema_migrations TO handoff_app").execute(conn).map_err(failed)?;
        Ok(count)
    })
}

/// Reverts every migration, for the migrations test.
///
/// # Errors
/// [`MigrateError`].
pub fn revert_all(conn: &mut PgConnection) -> Result<(), MigrateError> {
    locked(conn, |conn| conn.revert_all_migrations(MIGRATIONS).map(drop).map_err(failed))
}

fn migrations() -> Result<Vec<Box<dyn Migration<Pg>>>, MigrateError> {
    MIGRATIONS.migrations().map_err(failed)
}

fn locked<T>(
    conn: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, MigrateError>,
) -> Result<T, MigrateError> {
    sql_query(format!("SELECT pg_advisory_lock({LOCK})")).execute(conn).map_err(failed)?;
    let result = work(conn);
    sql_query(format!("SELECT pg_advisory_unlock({LOCK})")).execute(conn).map_err(failed)?;
    result
}

/// The versions this binary knows and the database has not run, and those it has run and this binary does not know.
///
/// # Errors
/// [`MigrateError`] when the list cannot be read.
pub fn pending(conn: &mut PgConnection) -> Result<(Vec<String>, Vec<String>), MigrateError> {
    #[derive(diesel::QueryableByName)]
    struct Version {
        #[diesel(sql_type = diesel::sql_types::Text)]
        version: String,
    }
    let known: Vec<String> = migrations()?.iter().map(|migration| migration.name().version().as_owned().to_string()).collect();
    let table: Vec<Version> = sql_query("SELECT coalesce(to_regclass('public.__diesel_schema_migrations')::text, '') AS version")
        .load(conn)
        .map_err(failed)?;
    if table.iter().any(|found| found.version.is_empty()) {
        return Ok((known, Vec::new()));
    }
    let run: Vec<String> = conn
        .transaction::<_, diesel::result::Error, _>(|conn| {
            sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version").load::<Version>(conn)
        })
        .map_err(failed)?
        .into_iter()
        .map(|found| found.version)
        .collect();
    let missing = known.iter().filter(|version| !run.contains(version)).cloned().collect();
    let unknown = run.into_iter().filter(|version| !known.contains(version)).collect();
    Ok((missing, unknown))
}
