//! `handoff master-key rotate` and `handoff master-key status`: a new master key, and when an earlier one may go.

use std::collections::BTreeMap;

use clap::Subcommand;

use super::Failure;
use super::backend::{ALSO_FILE, Backend, KEY_FILE, read_if_there, read_keys, write_private};
use crate::auth::SiteScope;
use crate::config::Config;
use crate::db;
use crate::domain::ids::SiteId;
use crate::error::AppError;
use crate::privacy::keys::{MasterKey, Purpose};
use crate::store;
use crate::store::contact_digests::KeyUse;
use crate::store::sealed_details;

#[derive(Debug, Subcommand)]
pub(super) enum MasterKeyCommand {
    /// Make a fresh master key beside the data and go on accepting the present one. With a key from the settings: say what to do.
    Rotate,
    /// Count by site what is still under each key, so that one sees when an earlier key may go.
    Status,
}

pub(super) fn run(config: &Config, command: &MasterKeyCommand) -> Result<(), Failure> {
    match command {
        MasterKeyCommand::Rotate => rotate(config),
        MasterKeyCommand::Status => status(config),
    }
}

const IN_SETTINGS: &str = "\
The master key comes from the settings, so that it is rotated there, in three steps:

1. Give every server HANDOFF_MASTER_KEY_ALSO (or …_ALSO_FILE) with a new key (openssl rand -hex 32); leave HANDOFF_MASTER_KEY as it is.
   Restart them one by one. From now on all of them accept what either key makes.
2. Exchange the two: the new key in HANDOFF_MASTER_KEY, the present one in HANDOFF_MASTER_KEY_ALSO. Restart them one by one.
3. After 24 hours nothing but contact digests and sealed details needs the earlier key. Sealed details are sealed anew by themselves,
   within minutes. `handoff master-key status` says how many of either are left; keep the key in HANDOFF_MASTER_KEY_ALSO until no
   sealed details are, and for as long as the digests are to be recognised.

Keep both keys with the backups: a backup from before needs the earlier one.";

fn rotate(config: &Config) -> Result<(), Failure> {
    if config.database_url.is_some() || config.master_key.is_some() {
        println!("{IN_SETTINGS}");
        return Ok(());
    }
    let data_dir = Backend::data_dir(config)?;
    let (key_file, also_file) = (data_dir.join(KEY_FILE), data_dir.join(ALSO_FILE));
    let present = read_if_there(&key_file)?
        .ok_or_else(|| format!("there is no {} yet: it is made on the first start", key_file.display()))?;
    let earlier = read_if_there(&also_file)?.unwrap_or_default();
    // Every key is whole, and there is room for one more, before anything is written.
    let earlier = earlier.split_whitespace().filter(|key| *key != present.trim());
    let also = std::iter::once(present.trim()).chain(earlier).fold(String::new(), |text, key| text + key + "\n");
    read_keys(&present, &key_file.display().to_string())?;
    read_keys(&also, &also_file.display().to_string())?;
    // First accepted, then replaced: at no moment is the present key nowhere.
    write_private(&also_file, &also)?;
    write_private(&key_file, &format!("{}\n", MasterKey::generate_hex()?))?;
    println!(
        "A fresh master key is in {}; the one before it is accepted beside it, in {}.",
        key_file.display(),
        also_file.display()
    );
    println!("Restart Handoff now: a serving process goes on with the key that it started with.");
    println!("Keep both files with the backups. `handoff master-key status` says when the earlier key may go.");
    Ok(())
}

fn status(config: &Config) -> Result<(), Failure> {
    let backend = Backend::open(config)?;
    let mut conn = backend.connect()?;
    println!("Keys: 1 current, {} also accepted.", backend.master.accepted_beside());
    println!(
        "Cursors, staff tokens and idempotency keys need an earlier key for 24 hours, contact digests until the person comes by again,\nsealed details until a serving process has sealed them anew, which it does within minutes."
    );
    for site in db::in_directory(&mut conn, |conn| Ok(store::sites::list_all(conn)?))? {
        let (name, uses) =
            db::in_site(&mut conn, site, |conn, scope| Ok((store::sites::current(conn, scope)?.name, Uses::of(conn, scope)?)))?;
        println!("\n{} ({site})", name.as_str());
        for (key, Kept { of_referrals, of_withdrawals, details }) in by_key(&backend.master, site, &uses) {
            println!(
                "  {key}: {of_referrals} digest(s) of referrals, {of_withdrawals} of withdrawals, {details} sealed detail(s)"
            );
        }
    }
    Ok(())
}

/// What is kept under each key, in the operator's words and in the order of the settings.
fn by_key(master: &MasterKey, site: SiteId, uses: &Uses) -> BTreeMap<Named, Kept> {
    // Each purpose has keys of its own, with names of their own: a place among them is the operator's key.
    let ids = |purpose| master.keyring(purpose, site).all().map(|key| key.id().0.to_vec()).collect::<Vec<_>>();
    let (of_digests, of_details) = (ids(Purpose::ContactDigest), ids(Purpose::SealedDetails));
    let named = |ids: &[Vec<u8>], id: Option<&Vec<u8>>| match id {
        None => Named::Unnamed,
        Some(id) => ids.iter().position(|known| known == id).map_or(Named::Unknown, Named::Accepted),
    };
    let mut counts: BTreeMap<Named, Kept> =
        (0..of_digests.len()).map(|place| (Named::Accepted(place), Kept::default())).collect();
    for used in &uses.digests {
        let kept = counts.entry(named(&of_digests, used.key_id.as_ref())).or_default();
        *(if used.of_withdrawals { &mut kept.of_withdrawals } else { &mut kept.of_referrals }) += used.digests;
    }
    for used in &uses.details {
        counts.entry(named(&of_details, Some(&used.key_id))).or_default().details += used.details;
    }
    counts
}

/// What a site keeps under its keys.
#[derive(Debug)]
struct Uses {
    digests: Vec<KeyUse>,
    details: Vec<sealed_details::KeyUse>,
}

impl Uses {
    fn of(conn: &mut db::Conn, scope: &SiteScope) -> Result<Self, AppError> {
        let (digests, details) = (store::contact_digests::count_by_key(conn, scope)?, sealed_details::count_by_key(conn, scope)?);
        Ok(Self { digests, details })
    }
}

/// How much lies under one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Kept {
    of_referrals: i64,
    of_withdrawals: i64,
    details: i64,
}

/// A key as the operator knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    /// By its place: 0 is the current one.
    Accepted(usize),
    /// None: from before digests named their key.
    Unnamed,
    /// One that is not configured any more.
    Unknown,
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Accepted(0) => f.write_str("current key"),
            Self::Accepted(place) => write!(f, "also accepted, number {place}"),
            Self::Unnamed => f.write_str("unnamed, from before keys had names"),
            Self::Unknown => f.write_str("a key that is not configured: never recognised or opened again without it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_counted_under_the_key_that_made_it() {
        let key = |byte: &str| MasterKey::from_hex(&byte.repeat(32)).unwrap();
        let site = SiteId(uuid::Uuid::from_u128(1));
        let named = |master: &MasterKey| Some(master.derive(Purpose::ContactDigest, site).id().0.to_vec());
        let uses = [
            (named(&key("01")), false, 3),
            (named(&key("02")), true, 4),
            (named(&key("03")), true, 5),
            (named(&key("04")), false, 6),
            (None, false, 7),
        ];
        let digests = uses.map(|(key_id, of_withdrawals, digests)| KeyUse { key_id, of_withdrawals, digests }).to_vec();
        let sealed = |master: &MasterKey, details| sealed_details::KeyUse {
            key_id: master.derive(Purpose::SealedDetails, site).id().0.to_vec(),
            details,
        };
        let details = vec![sealed(&key("01"), 8), sealed(&key("05"), 9), sealed(&key("03"), 10)];
        let counts = by_key(&key("01").accepting([key("02"), key("05")]), site, &Uses { digests, details });
        let kept = |of_referrals, of_withdrawals, details| Kept { of_referrals, of_withdrawals, details };
        let expected = [
            (Named::Accepted(0), kept(3, 0, 8)),
            (Named::Accepted(1), kept(0, 4, 0)),
            (Named::Accepted(2), kept(0, 0, 9)),
            (Named::Unnamed, kept(7, 0, 0)),
            (Named::Unknown, kept(6, 5, 10)),
        ];
        assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
    }
}
