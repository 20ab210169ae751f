//! `handoff token create`: a staff token of the local issuer.

use chrono::Duration;
use clap::Subcommand;

use super::Failure;
use super::backend::Backend;
use crate::auth::token;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{self, Conn};
use crate::domain::ids::{MemberId, SiteId};
use crate::store;

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Issue a token for a member.
    Create {
        /// The member.
        #[arg(long)]
        member: MemberId,
        /// How long it is good for: a number and `m` or `h`, 24 hours at the most.
        #[arg(long, default_value = "15m", value_parser = parse_ttl)]
        ttl: Duration,
    },
}

fn parse_ttl(text: &str) -> Result<Duration, String> {
    let form = || "write a number and `m` or `h`, such as 15m".to_owned();
    let unit = text.chars().last().ok_or_else(form)?;
    let number: i64 = text.strip_suffix(unit).and_then(|number| number.parse().ok()).ok_or_else(form)?;
    let ttl = match unit {
        'm' => Duration::try_minutes(number),
        'h' => Duration::try_hours(number),
        _ => None,
    };
    ttl.filter(|ttl| *ttl > Duration::zero() && *ttl <= token::MAX_TTL).ok_or_else(|| "a token lives from 1m to 24h".into())
}

pub(super) fn run(config: &Config, command: &TokenCommand) -> Result<(), Failure> {
    let TokenCommand::Create { member, ttl } = command;
    let backend = Backend::open(config)?;
    let mut conn = backend.connect()?;
    let site = site_of(&mut conn, *member)?;
    println!("{}", token::create(&backend.master, site, *member, *ttl, Clock::System.now())?);
    Ok(())
}

/// The site that has this member, active.
fn site_of(conn: &mut Conn, member: MemberId) -> Result<SiteId, Failure> {
    for site in db::in_directory(conn, |conn| Ok(store::sites::list_all(conn)?))? {
        let found = db::in_site(conn, site, |conn, scope| Ok(store::members::find(conn, scope, member)?))?;
        match found {
            Some(found) if found.active => return Ok(site),
            Some(_) => return Err("this member is not active".into()),
            None => {}
        }
    }
    Err("no site has this member".into())
}
