//! `handoff audit verify`: whether the audit chain of every site is whole.

use clap::Subcommand;

use super::Failure;
use super::backend::Backend;
use crate::clock::Clock;
use crate::config::Config;
use crate::db;
use crate::domain::ids::SiteId;
use crate::ops::Context;
use crate::ops::verify_audit::{self, Verdict};
use crate::store;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Verify the chain from the first entry to the last and name the first place where it is not whole.
    Verify {
        /// The site; every site if absent.
        #[arg(long)]
        site: Option<SiteId>,
    },
}

pub(super) fn run(config: &Config, command: &AuditCommand) -> Result<(), Failure> {
    let AuditCommand::Verify { site } = command;
    let backend = Backend::open(config)?;
    let mut conn = backend.connect()?;
    let sites = match site {
        Some(site) => vec![*site],
        None => db::in_directory(&mut conn, |conn| Ok(store::sites::list_all(conn)?))?,
    };
    let mut broken = 0;
    for site in sites {
        let now = Clock::System.now();
        let verdict = db::in_site(&mut conn, site, |conn, scope| verify_audit::run(conn, &Context::of_operator(*scope, now)))?;
        match verdict {
            Verdict::Whole { entries, redacted, head } => {
                println!("site {site}: whole, {entries} entries, {redacted} redacted, head {head}");
            }
            Verdict::Broken { position, entry, what } => {
                broken += 1;
                let entry = entry.map(|entry| format!(" (entry {entry})")).unwrap_or_default();
                println!("site {site}: broken at position {position}{entry}: {what}");
            }
        }
    }
    if broken == 0 { Ok(()) } else { Err(format!("the audit chain of {broken} site(s) is not whole").into()) }
}
