//! Everything that was done to one referral, with the names of whoever did it, for somebody who does not know the system.

use std::collections::BTreeMap;

use super::Context;
use crate::db::Conn;
use crate::domain::ids::{MemberId, PartnerId, ReferralId};
use crate::domain::journal::{ActorKind, SubjectKind};
use crate::error::AppError;
use crate::store;
use crate::store::journal::{AuditFilter, AuditRow, SealedRow};
use crate::store::referrals::CodedReferral;
use crate::store::sites::SiteRow;

/// Entries of one query.
const BATCH: i64 = 1_000;

/// The trail of one referral.
#[derive(Debug)]
pub struct Trail {
    /// The site.
    pub site: SiteRow,
    /// The referral as it is now.
    pub referral: CodedReferral,
    /// Every record of the same person, the referral among them.
    pub records: Vec<ReferralId>,
    /// What was done to each, oldest first, with who did it in a person's words.
    pub entries: Vec<(SealedRow, String)>,
}

/// Reads the trail of a referral, live or of a test, and of the records that were merged with it. What is not sealed yet is left out: it is
/// within a second.
///
/// # Errors
/// 404 when the site has no such referral, or a database failure.
pub fn run(conn: &mut Conn, context: &Context, id: ReferralId) -> Result<Trail, AppError> {
    let scope = &context.scope;
    let referral = match store::referrals::find(conn, scope, false, id)? {
        Some(live) => live,
        None => store::referrals::find(conn, scope, true, id)?.ok_or_else(AppError::not_found)?,
    };
    let records = store::duplicates::person(conn, scope, &referral.referral)?;
    let mut rows = Vec::new();
    for record in &records {
        let filter = AuditFilter { subject: Some(record.0), subject_kind: Some(SubjectKind::Referral), ..AuditFilter::default() };
        let mut before = None;
        loop {
            let page = store::journal::trail(conn, scope, &filter, before, BATCH)?;
            let more = i64::try_from(page.len()).is_ok_and(|count| count == BATCH);
            before = page.last().map(|row| row.position);
            rows.extend(page);
            if !more {
                break;
            }
        }
    }
    rows.sort_by_key(|row| row.position);
    let mut names = BTreeMap::new();
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        let key = (row.entry.actor_kind, row.entry.actor_id);
        let name = match names.get(&key) {
            Some(name) => String::clone(name),
            None => {
                let name = who(conn, context, &row.entry)?;
                names.insert(key, name.clone());
                name
            }
        };
        entries.push((row, name));
    }
    let site = store::sites::current(conn, scope)?;
    Ok(Trail { site, referral, records, entries })
}

/// Who made an entry, as whoever reads it knows them. Members and partners are never deleted.
fn who(conn: &mut Conn, context: &Context, entry: &AuditRow) -> Result<String, AppError> {
    let scope = &context.scope;
    let id = entry.actor_id.map_or_else(String::new, |id| format!(" {id}"));
    let named = |name: Option<String>, what: &str| format!("{} ({what})", name.as_deref().unwrap_or("unknown"));
    Ok(match (entry.actor_kind, entry.actor_id) {
        (ActorKind::Staff, Some(member)) => {
            let member = store::members::find(conn, scope, MemberId(member))?;
            named(member.map(|member| member.display_name.as_str().to_owned()), &format!("member{id}"))
        }
        (ActorKind::PartnerKey, Some(partner)) => {
            let partner = store::partners::find(conn, scope, PartnerId(partner))?;
            named(partner.map(|partner| partner.name.as_str().to_owned()), &format!("partner{id}, by its key"))
        }
        (ActorKind::SiteKey, _) => {
            let key = entry.api_key_id.map(|key| store::api_keys::find(conn, scope, key)).transpose()?.flatten();
            named(key.map(|key| key.key.name.as_str().to_owned()), &format!("a system of the site{id}, by its key"))
        }
        (ActorKind::Operator, _) => "the operator, at the command line".to_owned(),
        (ActorKind::System | ActorKind::Staff | ActorKind::PartnerKey, _) => "the server by itself".to_owned(),
    })
}
