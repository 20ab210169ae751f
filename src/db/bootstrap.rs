//! Roles and database of a fresh server: an owner for migrations and an app role that row-level security binds.

use diesel::connection::CacheSize;
use diesel::pg::PgConnection;
use diesel::{RunQueryDsl as _, sql_query};

use super::migrations::MigrateError;

/// Owns the tables; runs migrations; serves nothing.
pub const OWNER_ROLE: &str = "handoff_owner";
/// Serves; owns nothing and cannot step around row-level security. The migrations grant to this name.
pub const APP_ROLE: &str = "handoff_app";

const CREATE_APP_ROLE: &str = "CREATE ROLE handoff_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS";
const CREATE_OWNER_ROLE: &str = "CREATE ROLE handoff_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS";

/// Whether the app role is there, or the SQL that an administrator has to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prepared {
    /// It is there now.
    Ready,
    /// The connecting role may not create roles: this is to be run by one that may.
    NeedsSql(String),
}

fn failed(error: impl std::fmt::Display) -> MigrateError {
    MigrateError::preparing(error)
}

fn exists(conn: &mut PgConnection, query: &str, name: &str) -> Result<bool, MigrateError> {
    sql_query(query).bind::<diesel::sql_types::Text, _>(name).execute(conn).map(|count| count > 0).map_err(failed)
}

/// Makes the app role if the connecting role may, for `handoff migrate` on a server of one's own.
///
/// # Errors
/// When the catalogue cannot be read.
pub fn ensure_roles(conn: &mut PgConnection) -> Result<Prepared, MigrateError> {
    if exists(conn, "SELECT 1 FROM pg_roles WHERE rolname = $1", APP_ROLE)? {
        return Ok(Prepared::Ready);
    }
    match sql_query(CREATE_APP_ROLE).execute(conn) {
        Ok(_) => Ok(Prepared::Ready),
        Err(_) => Ok(Prepared::NeedsSql(format!("{CREATE_APP_ROLE} PASSWORD '<choose one>';"))),
    }
}

/// Connects outside the pool, for the command line and for the checks at start. Prepares no statement: behind PgBouncer in transaction
/// mode that would be another client's one, and what is said here is said once.
///
/// # Errors
/// One sentence for the operator. It never holds the URL: that may carry a password.
pub fn connect(url: &str) -> Result<PgConnection, String> {
    use diesel::Connection as _;
    let mut conn = PgConnection::establish(url).map_err(|error| why_refused(&error.to_string()).to_owned())?;
    conn.set_prepared_statement_cache_size(CacheSize::Disabled);
    Ok(conn)
}

/// libpq's text, which may quote the URL, as one of our sentences.
fn why_refused(text: &str) -> &'static str {
    let knows = |needle: &str| text.contains(needle);
    let has_tls = cfg!(feature = "postgres-tls");
    if knows("password authentication failed") || knows("no password supplied") {
        "the database refuses the login: check user and password in the URL"
    } else if knows("pg_hba.conf") && knows("no encryption") {
        if has_tls {
            "the database's pg_hba.conf does not let this user in without TLS: set sslmode=verify-full and sslrootcert in the URL"
        } else {
            "the database's pg_hba.conf does not let this user in without TLS, which this build lacks: build with `--features postgres-tls`"
        }
    } else if knows("pg_hba.conf") {
        "the database's pg_hba.conf does not let this user in from here"
    } else if knows("does not support SSL") {
        "the database offers no TLS, which sslmode in the URL asks for: switch it on there, or ask for less"
    } else if knows("certificate") || knows("signature failure") {
        // The second is OpenSSL's word when a root of the same name has another key.
        "the database's TLS certificate is not accepted: check sslrootcert and the host name in the URL"
    } else if has_tls && (knows("sslmode") || knows("SSL")) {
        "no TLS connection to the database comes about: check sslmode and sslrootcert in the URL"
    } else if knows("sslmode") || knows("SSL") {
        "the URL asks for TLS to the database, which this build lacks: build with `--features postgres-tls`"
    } else if knows("does not exist") {
        "the database or the role in the URL does not exist: create it, or correct the URL"
    } else {
        "the database cannot be reached: check host, port and network of the URL, and that PostgreSQL runs"
    }
}

/// Makes both roles and the database on a server where we are the superuser: the embedded one, or a test's.
///
/// # Errors
/// When the server refuses.
pub fn ensure_roles_and_database(conn: &mut PgConnection, database: &str) -> Result<(), MigrateError> {
    for (role, create) in [(OWNER_ROLE, CREATE_OWNER_ROLE), (APP_ROLE, CREATE_APP_ROLE)] {
        if !exists(conn, "SELECT 1 FROM pg_roles WHERE rolname = $1", role)? {
            sql_query(create).execute(conn).map_err(failed)?;
        }
    }
    if !exists(conn, "SELECT 1 FROM pg_database WHERE datname = $1", database)? {
        sql_query(format!("CREATE DATABASE \"{}\" OWNER {OWNER_ROLE}", database.replace('"', "")))
            .execute(conn)
            .map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::why_refused;

    #[test]
    fn libpqs_text_becomes_the_sentence_for_what_is_wrong() {
        let tls = |with: &'static str, without: &'static str| if cfg!(feature = "postgres-tls") { with } else { without };
        for (text, sentence) in [
            ("FATAL:  password authentication failed for user \"x\"", "refuses the login"),
            (
                "FATAL:  no pg_hba.conf entry for host \"h\", user \"x\", database \"d\", no encryption",
                tls("sslmode=verify-full", "--features postgres-tls"),
            ),
            (
                "FATAL:  no pg_hba.conf entry for host \"h\", user \"x\", database \"d\", SSL encryption",
                "does not let this user in from here",
            ),
            ("server does not support SSL, but SSL was required", "offers no TLS"),
            ("SSL error: certificate verify failed", "sslrootcert and the host name"),
            (
                "sslmode value \"require\" invalid when SSL support is not compiled in",
                tls("check sslmode", "--features postgres-tls"),
            ),
            ("FATAL:  role \"x\" does not exist", "does not exist: create it"),
            ("connection refused", "cannot be reached"),
        ] {
            assert!(why_refused(text).contains(sentence), "{text}: {}", why_refused(text));
        }
    }
}
