//! `handoff audit export`: what was done to one referral, from its first moment to its last, for an inspector to read: who, when, what,
//! before and after, why; and whether the chain that it stands in is whole.

use std::io::Write;

use chrono::{DateTime, Utc};

use super::Failure;
use crate::api::history::FieldChange;
use crate::domain::ids::ReferralId;
use crate::ops::export_audit_trail::Trail;
use crate::ops::verify_audit::Verdict;
use crate::privacy::hex;
use crate::store::journal::SealedRow;

/// Writes the trail as plain text.
pub(super) fn write(
    out: &mut impl Write,
    id: ReferralId,
    trail: &Trail,
    verdict: &Verdict,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let zone = trail.site.zone();
    let when = |at: DateTime<Utc>| format!("{} ({} UTC)", at.with_timezone(&zone).format("%F %T %Z"), at.format("%F %T%.6f"));
    let referral = &trail.referral.referral;
    writeln!(out, "Audit trail of referral {id}")?;
    writeln!(out, "Site        {} ({})", trail.site.name.as_str(), trail.site.site_id)?;
    writeln!(out, "Printed     {}", when(now))?;
    let closed = referral.close_reason.map_or_else(String::new, |reason| format!(", {}", reason.as_str()));
    writeln!(out, "Status now  {}{closed}", referral.status.as_str())?;
    if referral.is_test {
        writeln!(out, "            a test referral, of nobody")?;
    }
    for other in trail.records.iter().filter(|record| **record != id) {
        writeln!(out, "With        {other}, a record of the same person")?;
    }
    match verdict {
        Verdict::Whole { entries, anchors, dropped, .. } => {
            writeln!(out, "Chain       whole: {entries} entries of the site; {anchors} anchors outside the database agree")?;
            if *dropped > 0 {
                writeln!(
                    out,
                    "            {dropped} of them, the oldest of the site, are kept no longer: what they said of this referral is not here"
                )?;
            }
        }
        Verdict::Broken { position, what, .. } => writeln!(out, "Chain       BROKEN at position {position}: {what}")?,
    }
    writeln!(out, "Entries     {}", trail.entries.len())?;
    for (row, who) in &trail.entries {
        entry(out, id, row, who, &when)?;
    }
    Ok(())
}

fn entry(
    out: &mut impl Write,
    id: ReferralId,
    row: &SealedRow,
    who: &str,
    when: &impl Fn(DateTime<Utc>) -> String,
) -> Result<(), Failure> {
    let entry = &row.entry;
    writeln!(out, "\n{}", when(entry.recorded_at))?;
    writeln!(out, "  who     {who}")?;
    writeln!(out, "  what    {}", entry.operation)?;
    if entry.subject_id != id.0 {
        writeln!(out, "  to      {}, the other record", entry.subject_id)?;
    }
    if let Some(reason) = &entry.reason {
        writeln!(out, "  why     {reason}")?;
    }
    for change in FieldChange::all(entry.before.as_deref(), entry.after.as_deref()) {
        let told = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        writeln!(out, "  changed {}: {} -> {}", change.field, told(&change.before), told(&change.after))?;
    }
    if entry.salt.is_none() {
        writeln!(out, "          what changed was taken out later, for cause; an entry of its own says so")?;
    }
    let request = entry.request_id.as_ref().map_or_else(String::new, |request| format!(", request {request}"));
    writeln!(out, "  proof   position {}, entry {}{request}, hash {}", row.position, entry.id, hex::encode(&row.hash))?;
    Ok(())
}
