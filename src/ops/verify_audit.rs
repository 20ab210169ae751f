//! Verifying a site's audit chain from its first entry to its head.

use super::Context;
use crate::db::Conn;
use crate::domain::ids::AuditId;
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
        /// Entries whose values were dropped.
        redacted: i64,
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
    loop {
        let seals = journal::chain(conn, scope, position, BATCH)?;
        let last = seals.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
        for (seal, entry) in seals {
            if let Some(what) = fault(position, &hash, &seal, entry.as_ref()) {
                return Ok(Verdict::Broken { position: position + 1, entry: Some(seal.entry_id), what });
            }
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
    let head = hex::encode(&hash);
    Ok(Verdict::Whole { entries: position, redacted, head, anchors: count })
}

fn fault(before: i64, hash: &[u8], seal: &SealRow, entry: Option<&AuditRow>) -> Option<&'static str> {
    if seal.position != before + 1 {
        return Some("a seal is missing");
    }
    let Some(entry) = entry else { return Some("its entry is missing") };
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
