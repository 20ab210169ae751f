//! `handoff key create`: an API key, shown once.

use clap::Subcommand;
use secrecy::ExposeSecret as _;

use super::Failure;
use super::backend::Backend;
use crate::clock::Clock;
use crate::config::Config;
use crate::db;
use crate::domain::ids::SiteId;
use crate::domain::text::Code;
use crate::domain::vocabulary::Scope;
use crate::error::AppError;
use crate::ops::Context;
use crate::ops::issue_key::{self, Holder};
use crate::store;

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Issue a key for a partner (`--partner`) or a system of the site (`--scope`, repeated).
    Create {
        /// The site; may be left out when there is only one.
        #[arg(long)]
        site: Option<SiteId>,
        /// What people call the key.
        #[arg(long)]
        name: String,
        /// Code of the partner that the key is for.
        #[arg(long, conflicts_with = "scope")]
        partner: Option<Code>,
        /// A scope of a site key, such as `referrals:read`.
        #[arg(long, required_unless_present = "partner")]
        scope: Vec<Scope>,
        /// A test key: it acts on test referrals only.
        #[arg(long)]
        test: bool,
    },
}

pub(super) fn run(config: &Config, command: KeyCommand) -> Result<(), Failure> {
    let KeyCommand::Create { site, name, partner, scope: scopes, test } = command;
    if !(1..=80).contains(&name.chars().count()) {
        return Err("--name is not 1 to 80 characters".into());
    }
    if scopes.contains(&Scope::Partner) {
        return Err("a site key cannot carry the scope `partner`: use --partner".into());
    }
    let backend = Backend::open(config)?;
    let mut conn = backend.connect()?;
    let site = match site {
        Some(site) => site,
        None => only_site(&mut conn)?,
    };
    let now = Clock::System.now();
    let key = db::in_site(&mut conn, site, |conn, scope| {
        let holder = match &partner {
            Some(code) => Holder::Partner(store::partners::find_by_code(conn, scope, code)?.ok_or_else(AppError::not_found)?.id),
            None => Holder::Site(scopes.clone()),
        };
        issue_key::run(conn, &Context::of_operator(*scope, now), &name, holder, test)
    })?;
    println!("{}", key.expose_secret());
    eprintln!("This key is shown once. Keep it where your other secrets are.");
    Ok(())
}

/// The one site of this installation.
pub(super) fn only_site(conn: &mut db::Conn) -> Result<SiteId, Failure> {
    let sites = db::in_directory(conn, |conn| Ok(store::sites::list_all(conn)?))?;
    match sites.as_slice() {
        [site] => Ok(*site),
        [] => Err("there is no site yet: handoff site create".into()),
        _ => Err("there are several sites: name one with --site".into()),
    }
}
