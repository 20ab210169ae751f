//! `handoff audit`: whether the audit chain of every site is whole and the one that was anchored; taking values out of an entry.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::backend::Backend;
use super::key::only_site;
use super::{Failure, audit_export};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{self, Conn};
use crate::domain::ids::{AuditId, ReferralId, SiteId};
use crate::domain::vocabulary::RedactionReason;
use crate::error::ErrorCode;
use crate::ops::verify_audit::{self, Anchored, Verdict};
use crate::ops::{Context, drop_journal_month, export_audit_trail, redact_audit_entry};
use crate::privacy::anchors::Anchor;
use crate::privacy::keys::{MasterKey, Purpose};
use crate::store;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Verify the chain from the first entry to the last, and against its anchors, and name the first place where it is not whole.
    Verify {
        /// The site; every site if absent.
        #[arg(long)]
        site: Option<SiteId>,
        /// A file of anchors, such as a copy that was kept elsewhere; may be given several times. The file of the settings if absent.
        #[arg(long, value_name = "FILE")]
        anchors: Vec<PathBuf>,
        /// A key beside the installation's own whose anchors are believed (64 hexadecimal digits), such as one of a master key that is gone.
        #[arg(long, value_name = "KEY")]
        public_key: Vec<String>,
    },
    /// Print what was done to one referral, and to the records that were merged with it, for an inspector to read from beginning to end: who,
    /// when, what, before and after, why; reads of sealed details among it. The chain is verified first.
    Export {
        /// The site; may be left out where there is one.
        #[arg(long)]
        site: Option<SiteId>,
        /// The referral.
        #[arg(long)]
        referral: ReferralId,
        /// A file of anchors, as with verify.
        #[arg(long, value_name = "FILE")]
        anchors: Vec<PathBuf>,
        /// A key whose anchors are believed, as with verify.
        #[arg(long, value_name = "KEY")]
        public_key: Vec<String>,
    },
    /// Take the values out of one entry, for cause: what was before and after, and the salt of their digest. The entry stays, with its place in
    /// the chain, and that this was done is an entry too. Only the owner of the tables can (`HANDOFF_MIGRATE_DATABASE_URL`); it cannot be undone.
    Redact {
        /// The site.
        #[arg(long)]
        site: SiteId,
        /// The id of the entry.
        #[arg(long)]
        entry: AuditId,
        /// Why: erasure, entered_in_error or legal_order.
        #[arg(long)]
        reason: RedactionReason,
    },
    /// Say for how long events and audit entries are kept, at all sites together: for good, unless this was said. Older months are dropped as a
    /// whole by the servers, each with an entry in the trail of every site that says so. Only the owner of the tables can say it
    /// (`HANDOFF_MIGRATE_DATABASE_URL`).
    Keep {
        /// So many whole months beside the present one, at least 12.
        #[arg(long, value_name = "MONTHS", value_parser = clap::value_parser!(i32).range(i64::from(drop_journal_month::MONTHS_KEPT_AT_LEAST)..=1200), required_unless_present = "for_good")]
        months: Option<i32>,
        /// All of them.
        #[arg(long, conflicts_with = "months")]
        for_good: bool,
    },
    /// Print the public key that each site's anchors are signed with. Keep it with whoever is to verify them.
    PublicKeys,
}

pub(super) fn run(config: &Config, command: &AuditCommand) -> Result<(), Failure> {
    let backend = Backend::open(config)?;
    let mut conn = backend.connect()?;
    let sites = db::in_directory(&mut conn, |conn| Ok(store::sites::list_all(conn)?))?;
    match command {
        AuditCommand::Verify { site, anchors, public_key } => {
            verify(&mut conn, *site, sites, anchored(config, &backend, anchors, public_key)?)
        }
        AuditCommand::Export { site, referral, anchors, public_key } => {
            let site = site.map_or_else(|| only_site(&mut conn), Ok)?;
            let anchors = anchored(config, &backend, anchors, public_key)?.remove(&site).unwrap_or_default();
            export(&mut conn, site, *referral, &anchors)
        }
        AuditCommand::Redact { site, entry, reason } => redact(&backend, *site, *entry, *reason),
        AuditCommand::Keep { months, .. } => {
            db::in_directory(&mut backend.connect_owner()?, |conn| Ok(store::journal::months::keep(conn, *months)?))?;
            match months {
                Some(months) => println!("events and audit entries are kept for {months} whole months beside the present one"),
                None => println!("events and audit entries are kept for good"),
            }
            Ok(())
        }
        AuditCommand::PublicKeys => {
            for site in sites {
                let key = Anchor::public_key_of(&backend.master.derive(Purpose::AuditAnchor, site));
                println!("site {site}: {}", key.ok_or("no key to sign anchors with")?);
            }
            Ok(())
        }
    }
}

/// The anchors of the files that are named, or else of the file of the settings, by site.
fn anchored(
    config: &Config,
    backend: &Backend,
    named: &[PathBuf],
    public_keys: &[String],
) -> Result<BTreeMap<SiteId, Vec<Anchored>>, Failure> {
    let files = if named.is_empty() {
        // There is none before the first minute is over.
        backend.anchors_path(config).into_iter().filter(|path| path.exists()).collect()
    } else {
        named.to_vec()
    };
    believed(&backend.master, &files, &public_keys.iter().map(String::as_str).collect())
}

/// Verdict and trail are of one moment.
fn export(conn: &mut Conn, site: SiteId, referral: ReferralId, anchors: &[Anchored]) -> Result<(), Failure> {
    let now = Clock::System.now();
    let read = db::in_snapshot(conn, site, |conn, scope| {
        let context = Context::of_operator(*scope, now);
        Ok((verify_audit::run(conn, &context, anchors)?, export_audit_trail::run(conn, &context, referral)?))
    });
    let (verdict, trail) = match read {
        Err(error) if error.code == ErrorCode::NotFound => return Err("the site has no such referral".into()),
        read => read?,
    };
    audit_export::write(&mut std::io::stdout().lock(), referral, &trail, &verdict, now)?;
    match verdict {
        Verdict::Whole { .. } => Ok(()),
        Verdict::Broken { .. } => Err("the audit chain of the site is not whole".into()),
    }
}

fn redact(backend: &Backend, site: SiteId, entry: AuditId, reason: RedactionReason) -> Result<(), Failure> {
    let (mut owner, now) = (backend.connect_owner()?, Clock::System.now());
    let redact = |conn: &mut Conn, scope: &_| redact_audit_entry::run(conn, &Context::of_operator(*scope, now), entry, reason);
    if !db::in_site(&mut owner, site, redact)? {
        return Err(
            "the site has no such entry, its values were taken out before, or it says that months were dropped, which stays said"
                .into(),
        );
    }
    println!("entry {entry}: its values are gone; the entry and the chain stay");
    Ok(())
}

fn verify(
    conn: &mut Conn,
    site: Option<SiteId>,
    sites: Vec<SiteId>,
    mut anchored: BTreeMap<SiteId, Vec<Anchored>>,
) -> Result<(), Failure> {
    let chosen = site.map_or(sites, |site| vec![site]);
    let mut broken = 0;
    for site in chosen {
        let (now, anchors) = (Clock::System.now(), anchored.remove(&site).unwrap_or_default());
        let verdict =
            db::in_site(conn, site, |conn, scope| verify_audit::run(conn, &Context::of_operator(*scope, now), &anchors))?;
        match verdict {
            Verdict::Whole { entries, redacted, dropped, head, anchors } => {
                let dropped = if dropped > 0 { format!(", {dropped} dropped with their months") } else { String::new() };
                println!(
                    "site {site}: whole, {entries} entries, {redacted} redacted{dropped}, {anchors} anchors agree, head {head}"
                );
            }
            Verdict::Broken { position, entry, what } => {
                broken += 1;
                let entry = entry.map(|entry| format!(" (entry {entry})")).unwrap_or_default();
                println!("site {site}: broken at position {position}{entry}: {what}");
            }
        }
    }
    if site.is_none() {
        for site in anchored.keys() {
            broken += 1;
            println!("site {site}: anchored, and not in the database");
        }
    }
    if broken == 0 { Ok(()) } else { Err(format!("the audit chain of {broken} site(s) is not whole").into()) }
}

/// The anchors of these files by site. One that nobody who is believed has signed is a failure: somebody wrote it.
fn believed(
    master: &MasterKey,
    files: &[PathBuf],
    public_keys: &BTreeSet<&str>,
) -> Result<BTreeMap<SiteId, Vec<Anchored>>, Failure> {
    let mut anchored: BTreeMap<SiteId, Vec<Anchored>> = BTreeMap::new();
    for file in files {
        for (number, anchor) in read(file)? {
            let keyring = master.keyring(Purpose::AuditAnchor, anchor.site_id);
            let is_own = keyring.all().any(|key| Anchor::public_key_of(key).as_ref() == Some(&anchor.public_key));
            let hash =
                anchor.hash().filter(|_| anchor.is_signed() && (is_own || public_keys.contains(anchor.public_key.as_str())));
            let Some(hash) = hash else {
                return Err(format!(
                    "line {number} of {} was signed by no key that is known here, or changed since: name the key with --public-key if it is an earlier one",
                    file.display()
                )
                .into());
            };
            anchored.entry(anchor.site_id).or_default().push((anchor.position, hash));
        }
    }
    Ok(anchored)
}

/// The anchors of a file with the numbers of their lines. A line that broke off, when its server or machine did, counts for nothing.
fn read(file: &Path) -> Result<Vec<(usize, Anchor)>, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{} cannot be read: {}", file.display(), error.kind()))?;
    let mut anchors = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        match serde_json::from_str(line) {
            Ok(anchor) => anchors.push((at + 1, anchor)),
            Err(error) if error.is_eof() => log::warn!("line {} of {} broke off", at + 1, file.display()),
            Err(_) => return Err(format!("line {} of {} is no anchor", at + 1, file.display()).into()),
        }
    }
    Ok(anchors)
}
