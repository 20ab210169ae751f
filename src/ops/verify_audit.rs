//! Verifying a site's audit chain from its first entry to its head.

use chrono::NaiveDate;
use uuid::Uuid;

use super::{Context, drop_journal_month};
use crate::db::Conn;
use crate::domain::ids::AuditId;
use crate::domain::journal::first_id;
use crate::error::AppError;
use crate::privacy::chain::{self, GENESIS};
use crate::privacy::hex;
use crate::store::journal::{self, AuditRow, SealRow};

const BATCH: i64 = 1_000;

/// A place of a chain and its hash there, from outside the database.
pub type Anchored = (i64, Vec<u8>);

/// What verifying found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The chain is whole: so many entries, so many of them redacted, with this hash at its end.
    Whole {
        /// Sealed entries.
        entries: i64,
        /// Entries whose values were taken out.
        redacted: i64,
        /// Entries that went with their months, each of which an entry that is still there says.
        dropped: i64,
        /// The chain's hash, as hexadecimal digits.
        head: String,
        /// Anchors that it agrees with.
        anchors: usize,
    },
    /// The first place where it is not.
    Broken {
        /// The place; the end of the chain when its tail is missing.
        position: i64,
        /// The entry, where one is named.
        entry: Option<AuditId>,
        /// What is wrong there.
        what: &'static str,
    },
}

/// Verifies the chain of the context's site, and that it is the one that was anchored: `anchors` have places and hashes of this site, each
/// signed by a key that is believed.
///
/// # Errors
/// A database failure.
pub fn run(conn: &mut Conn, context: &Context, anchors: &[Anchored]) -> Result<Verdict, AppError> {
    let scope = &context.scope;
    let mut anchors: Vec<&Anchored> = anchors.iter().collect();
    anchors.sort();
    let (mut ahead, count) = (anchors.iter().peekable(), anchors.len());
    let (mut position, mut hash, mut redacted) = (0, GENESIS.to_vec(), 0);
    // The head first: what is sealed while this reads comes after it.
    let head = journal::head(conn, scope)?;
    let floor = head.as_ref().map_or(0, |head| head.audit_floor);
    let mut months = Months::before(journal::months::begins_on(conn)?);
    loop {
        let seals = journal::chain(conn, scope, position, BATCH)?;
        let last = seals.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
        for (seal, entry) in seals {
            let is_dropped = entry.is_none() && seal.position == position + 1 && months.have(&seal);
            if let Some(what) = fault(position, &hash, &seal, entry.as_ref()).filter(|_| !is_dropped) {
                return Ok(Verdict::Broken { position: position + 1, entry: Some(seal.entry_id), what });
            }
            if entry.is_some() && seal.position <= floor {
                return Ok(Verdict::Broken { position: seal.position, entry: Some(seal.entry_id), what: "its entry is hidden" });
            }
            months.read(entry.as_ref());
            redacted += i64::from(entry.is_some_and(|entry| entry.salt.is_none()));
            (position, hash) = (seal.position, seal.hash);
            while let Some(anchor) = ahead.next_if(|anchor| anchor.0 <= position) {
                if anchor.1 != hash {
                    return Ok(Verdict::Broken {
                        position,
                        entry: Some(seal.entry_id),
                        what: "its hash is not the one that was anchored",
                    });
                }
            }
            if head.as_ref().is_some_and(|head| head.audit_position == position && head.audit_hash != hash) {
                return Ok(Verdict::Broken { position, entry: Some(seal.entry_id), what: "its hash is not the head's" });
            }
        }
        if last {
            break;
        }
    }
    if head.is_some_and(|head| head.audit_position > position) {
        return Ok(Verdict::Broken { position: position + 1, entry: None, what: "the chain ends before its head" });
    }
    if ahead.next().is_some() {
        return Ok(Verdict::Broken { position: position + 1, entry: None, what: "the chain ends before what was anchored" });
    }
    if let Some(entry) = journal::unsealed(conn, scope)? {
        return Ok(Verdict::Broken { position: position + 1, entry: Some(entry), what: "an entry has no seal" });
    }
    let dropped = months.dropped;
    // That months were dropped is believed once an entry of the chain has said so: whoever takes entries out has to leave that there.
    if let Some(seal) = months.unsaid() {
        return Ok(Verdict::Broken { position: seal.position, entry: Some(seal.entry_id), what: MISSING });
    }
    let head = hex::encode(&hash);
    Ok(Verdict::Whole { entries: position, redacted, dropped, head, anchors: count })
}

const MISSING: &str = "its entry is missing";

/// The months that were dropped: by the tables that there are, and by what the chain itself says.
struct Months {
    /// Ids of entries of dropped months are below it; `None`: no month was dropped.
    first_kept: Option<Uuid>,
    /// Before which day everything goes, by the entries of the chain.
    said: Option<NaiveDate>,
    dropped: i64,
    /// The last of those whose entries are gone, in the order of time.
    last: Option<SealRow>,
}

impl Months {
    fn before(begins_on: Option<NaiveDate>) -> Self {
        Self { first_kept: begins_on.map(first_id), said: None, dropped: 0, last: None }
    }

    /// Whether the entry of this seal went with its month.
    fn have(&mut self, seal: &SealRow) -> bool {
        let has = self.first_kept.is_some_and(|first| seal.entry_id.0 < first);
        if has {
            self.dropped += 1;
            if self.last.as_ref().is_none_or(|last| last.entry_id < seal.entry_id) {
                self.last = Some(seal.clone());
            }
        }
        has
    }

    fn read(&mut self, entry: Option<&AuditRow>) {
        self.said = self.said.max(entry.and_then(drop_journal_month::believed));
    }

    /// One whose entry is gone, and no entry says that it went.
    fn unsaid(self) -> Option<SealRow> {
        let said = self.said.map(first_id);
        self.last.filter(|last| said.is_none_or(|said| last.entry_id.0 >= said))
    }
}

fn fault(before: i64, hash: &[u8], seal: &SealRow, entry: Option<&AuditRow>) -> Option<&'static str> {
    if seal.position != before + 1 {
        return Some("a seal is missing");
    }
    let Some(entry) = entry else { return Some(MISSING) };
    if chain::link(hash, &entry.link(seal.position)).as_slice() != seal.hash {
        return Some("the entry differs from what was sealed");
    }
    match &entry.salt {
        // Redacted: values and salt went together.
        None => (entry.before.is_some() || entry.after.is_some()).then_some("values without their salt"),
        Some(salt) => {
            let whole = salt.as_slice().try_into().is_ok_and(|salt| {
                chain::values_digest(salt, entry.before.as_deref(), entry.after.as_deref()).as_slice() == entry.values_digest
            });
            (!whole).then_some("what was before and after differs from what was sealed")
        }
    }
}
