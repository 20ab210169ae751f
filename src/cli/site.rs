//! `handoff site create`: a site with its first admin, who is its site lead.

use clap::Subcommand;

use super::Failure;
use super::backend::Backend;
use crate::clock::Clock;
use crate::config::Config;
use crate::db;
use crate::domain::ids::SiteId;
use crate::domain::public_url;
use crate::domain::text::{IssuerUrl, PhoneRegion, Subject};
use crate::ops::Context;
use crate::ops::add_member::Identity;
use crate::ops::create_site::{self, FirstAdmin, NewSite};

#[derive(Debug, Subcommand)]
pub(super) enum SiteCommand {
    /// Set up a site with its first admin.
    Create {
        /// Name of the site.
        #[arg(long)]
        name: String,
        /// IANA time zone.
        #[arg(long)]
        time_zone: String,
        /// ISO 3166 region in which telephone numbers without a country code are read.
        #[arg(long)]
        phone_region: PhoneRegion,
        /// Where a person gives details.
        #[arg(long)]
        intake_url: String,
        /// Name of the first admin, who is the site lead.
        #[arg(long)]
        admin_name: String,
        /// E-mail address of the first admin.
        #[arg(long)]
        admin_email: String,
        /// The issuer of the identity provider at which the first admin signs in, as in `HANDOFF_JWT_ISSUERS`.
        #[arg(long, requires = "admin_subject")]
        admin_issuer: Option<IssuerUrl>,
        /// Who the first admin is there: the `sub` of its tokens.
        #[arg(long, requires = "admin_issuer")]
        admin_subject: Option<Subject>,
    },
}

pub(super) fn run(config: &Config, command: SiteCommand) -> Result<(), Failure> {
    let SiteCommand::Create { name, time_zone, phone_region, intake_url, admin_name, admin_email, admin_issuer, admin_subject } =
        command;
    if phone_region.as_str().parse::<phonenumber::country::Id>().is_err() {
        return Err("--phone-region is not a region such as US or DE".into());
    }
    let intake_url = intake_url.parse().map_err(|_| "--intake-url is not an absolute https address")?;
    if let Some(fault) = public_url::fault("/intake_url", &intake_url) {
        return Err(format!("--intake-url: {}", fault.message).into());
    }
    let new = NewSite {
        name: name.parse().map_err(|_| "--name is not 1 to 200 characters")?,
        time_zone: time_zone.parse().map_err(|_| "--time-zone is not an IANA time zone such as America/New_York")?,
        default_phone_region: phone_region,
        intake_url,
        is_sample: false,
    };
    let admin = FirstAdmin {
        display_name: admin_name.parse().map_err(|_| "--admin-name is not 1 to 120 characters")?,
        email: admin_email.parse().map_err(|_| "--admin-email is not an e-mail address")?,
        identity: admin_issuer.zip(admin_subject).map(|(issuer, subject)| Identity { issuer, subject }),
    };
    let backend = Backend::open(config)?;
    let mut conn = backend.connect()?;
    let now = Clock::System.now();
    let site = SiteId::at(now);
    let member =
        db::in_site(&mut conn, site, |conn, scope| create_site::run(conn, &Context::of_operator(*scope, now), new, &admin))?;
    println!("site   {site}\nadmin  {member}\n\nA token for the admin: handoff token create --member {member} --ttl 15m");
    Ok(())
}
