//! `handoff key`: API keys. A key is shown once, when it is created.

use clap::Subcommand;
use secrecy::ExposeSecret as _;

use super::Failure;
use super::backend::Backend;
use crate::clock::Clock;
use crate::config::Config;
use crate::db;
use crate::domain::ids::{ApiKeyId, SiteId};
use crate::domain::text::{Code, KeyName};
use crate::domain::vocabulary::{RevocationReason, Scope};
use crate::ops::issue_key::{self, Holder, NewKey};
use crate::ops::{Context, revoke_key};
use crate::store;

/// More keys than this are listed over the API.
const LISTED: i64 = 1_000;

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Issue a key for a partner (`--partner`) or a system of the site (`--scope`, repeated).
    Create {
        /// The site; may be left out when there is only one.
        #[arg(long)]
        site: Option<SiteId>,
        /// What people call the key; the active keys of one holder and mode have different names.
        #[arg(long)]
        name: KeyName,
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
    /// List the keys of a site: id, status, mode, holder, name.
    List {
        /// The site; may be left out when there is only one.
        #[arg(long)]
        site: Option<SiteId>,
    },
    /// Revoke a key: the next request with it is refused.
    Revoke {
        /// The site; may be left out when there is only one.
        #[arg(long)]
        site: Option<SiteId>,
        /// Id of the key (not the key itself).
        #[arg(long)]
        id: ApiKeyId,
        /// `compromised`, `no_longer_needed` or `issued_by_mistake`.
        #[arg(long)]
        reason: Option<RevocationReason>,
    },
}

pub(super) fn run(config: &Config, command: KeyCommand) -> Result<(), Failure> {
    let backend = Backend::open(config)?;
    let mut conn = backend.connect()?;
    let (KeyCommand::Create { site, .. } | KeyCommand::List { site } | KeyCommand::Revoke { site, .. }) = &command;
    let site = match site {
        Some(site) => *site,
        None => only_site(&mut conn)?,
    };
    let now = Clock::System.now();
    match command {
        KeyCommand::Create { name, partner, scope: scopes, test, .. } => {
            let holder = partner.map_or(Holder::Site(scopes), Holder::Partner);
            let new = NewKey { name, holder, is_test: test, expires_at: None };
            let issued =
                db::in_site(&mut conn, site, |conn, scope| issue_key::run(conn, &Context::of_operator(*scope, now), new))
                    .map_err(first_fault)?;
            println!("{}", issued.secret.expose_secret());
            eprintln!("This key is shown once. Keep it where your other secrets are. Its id is {}.", issued.key.key.id);
        }
        KeyCommand::List { .. } => {
            let keys = db::in_site(&mut conn, site, |conn, scope| {
                Ok(store::api_keys::page(conn, scope, &store::api_keys::Filter::default(), now, None, LISTED)?)
            })?;
            for found in keys {
                let (key, status) = (&found.key, found.key.status(now));
                let holder = found.partner_code.as_ref().map_or("site", |code| code.as_str());
                println!(
                    "{} {:8} {} {holder} {}",
                    key.id,
                    status.as_str(),
                    if key.is_test { "test" } else { "live" },
                    key.name.as_str()
                );
            }
        }
        KeyCommand::Revoke { id, reason, .. } => {
            db::in_site(&mut conn, site, |conn, scope| revoke_key::run(conn, &Context::of_operator(*scope, now), id, reason))?;
            println!("revoked {id}");
        }
    }
    Ok(())
}

/// The sentence of the first fault, where there is one: the operator sees no pointers.
fn first_fault(error: crate::error::AppError) -> Failure {
    match error.faults().first() {
        Some(fault) if error.code == crate::error::ErrorCode::InvalidBody => fault.message.clone().into_owned().into(),
        _ => error.into(),
    }
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
