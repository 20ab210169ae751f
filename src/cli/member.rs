//! `handoff member create`: a member of a site.

use clap::Subcommand;

use super::Failure;
use super::backend::Backend;
use super::key::only_site;
use crate::clock::Clock;
use crate::config::Config;
use crate::db;
use crate::domain::ids::SiteId;
use crate::domain::text::{DisplayName, IssuerUrl, MemberEmail, Subject};
use crate::domain::vocabulary::Role;
use crate::ops::Context;
use crate::ops::add_member::{self, Identity, NewMember};

#[derive(Debug, Subcommand)]
pub(super) enum MemberCommand {
    /// Add a member: a route needs an owner and another member as backup.
    Create {
        /// The site; may be left out when there is only one.
        #[arg(long)]
        site: Option<SiteId>,
        /// What colleagues call the member.
        #[arg(long)]
        name: DisplayName,
        /// Where alerts go.
        #[arg(long)]
        email: MemberEmail,
        /// `admin`, `coordinator` or `viewer`.
        #[arg(long)]
        role: Role,
        /// The issuer of the identity provider at which the member signs in, as in `HANDOFF_JWT_ISSUERS`.
        #[arg(long, requires = "subject")]
        issuer: Option<IssuerUrl>,
        /// Who the member is there: the `sub` of its tokens.
        #[arg(long, requires = "issuer")]
        subject: Option<Subject>,
    },
}

pub(super) fn run(config: &Config, command: MemberCommand) -> Result<(), Failure> {
    let MemberCommand::Create { site, name, email, role, issuer, subject } = command;
    let backend = Backend::open(config)?;
    let mut conn = backend.connect()?;
    let site = match site {
        Some(site) => site,
        None => only_site(&mut conn)?,
    };
    let identity = issuer.zip(subject).map(|(issuer, subject)| Identity { issuer, subject });
    let new = NewMember { display_name: name, email, role, is_site_lead: false, identity };
    let member = db::in_site(&mut conn, site, |conn, scope| {
        add_member::run(conn, &Context::of_operator(*scope, Clock::System.now()), new)
    })?;
    println!("member {member}\n\nA token for it: handoff token create --member {member} --ttl 15m");
    Ok(())
}
