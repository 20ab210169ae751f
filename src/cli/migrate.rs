//! `handoff migrate`: the app role, its grants, and every pending migration, as the owner.

use secrecy::ExposeSecret as _;

use super::Failure;
use crate::config::Config;
use crate::db::{self, Prepared};

pub(super) fn run(config: &Config) -> Result<(), Failure> {
    let url = config.migrate_database_url.as_ref().ok_or(
        "set HANDOFF_MIGRATE_DATABASE_URL to the URL of the role that owns the tables (the embedded server migrates by itself)",
    )?;
    let mut conn = db::connect(url.expose_secret())?;
    if let Prepared::NeedsSql(sql) = db::ensure_roles(&mut conn)? {
        println!("{sql}");
        return Err("the app role is missing and this role may not create it: have an administrator run the SQL above, then migrate again".into());
    }
    let count = db::migrate(&mut conn)?;
    println!("{count} migration(s) run; the database is up to date.");
    println!("Serve with DATABASE_URL logging in as handoff_app, or as a role that was granted handoff_app.");
    Ok(())
}
