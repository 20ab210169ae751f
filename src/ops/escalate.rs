//! One pass of the escalation over one site: the step that is due is taken, and whoever it goes to is told, in one transaction.
//!
//! Members are locked before referrals, as everywhere. Which members matter is read first, without a lock; what has changed by the
//! time its row is locked, so that a member matters whom this pass does not hold, waits for the next pass. No row lock is waited
//! for while members are held, and so nobody waits in a circle.

use std::collections::{BTreeSet, HashMap};

use super::Context;
use super::record::{Change, record};
use crate::db::Conn;
use crate::domain::escalation::{self, Pace, People, Stall, Step};
use crate::domain::ids::{AlertId, MemberId, ReferralId, RouteId};
use crate::domain::journal::EventType;
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::alerts::NewAlert;
use crate::store::referrals::{ReferralRow, Times};

/// Referrals of one pass: short enough to hold no lock for long.
pub const BATCH: i64 = 200;

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Escalated {
    /// Steps taken.
    pub steps: usize,
    /// Whether the batch was full, so that more may be due.
    pub more: bool,
}

/// Takes the steps that are due at the context's site, up to `limit`.
///
/// # Errors
/// A database failure, or 503 when the lead changes hands at this very moment: the pass is undone as a whole, and the next one does it.
pub fn run(conn: &mut Conn, context: &Context, limit: i64) -> Result<Escalated, AppError> {
    let (scope, now) = (&context.scope, context.now);
    let due = store::referrals::due(conn, scope, now, limit)?;
    if due.is_empty() {
        return Ok(Escalated { steps: 0, more: false });
    }
    let more = i64::try_from(due.len()).unwrap_or(limit) >= limit;
    let (people, held) = hold_people(conn, context, &due)?;
    let before = store::referrals::lock_due(conn, scope, &due, now)?;
    let site = store::sites::current(conn, scope)?;
    let pace = Pace { hours: site.escalation_hours, working_time: site.working_time() };
    let ids: Vec<ReferralId> = before.iter().map(|referral| referral.id).collect();
    let backups: HashMap<Option<RouteId>, Option<MemberId>> = store::referrals::involved(conn, scope, &ids)?
        .into_iter()
        .map(|involved| (involved.route, involved.backup_owner))
        .collect();

    let (mut written, mut alerts, mut recorded) = (Vec::new(), Vec::new(), Vec::new());
    for referral in &before {
        let Some(backup_owner) = backups.get(&referral.route_id).copied() else { continue };
        let concerned = std::iter::once(referral.owner_id).chain(backup_owner);
        if concerned.into_iter().any(|member| !held.contains(&member)) {
            continue;
        }
        let stall =
            Stall { owner: referral.owner_id, backup_owner, taken: referral.escalation, escalate_at: referral.times.escalate_at };
        let Some(step) = escalation::decide(now, &stall, &people, &pace) else { continue };
        let after = taken(referral, step, context);
        alerts.push(NewAlert {
            site_id: after.site_id,
            id: AlertId::at(now),
            member_id: step.owner,
            kind: step.alert,
            referral_id: Some(after.id),
            created_at: now,
        });
        let change = Change::of_referral("escalate_referral", referral, &after);
        recorded.push(change.tell_of_referral(EventType::ReferralEscalated, &after));
        written.push(after);
    }
    if written.is_empty() {
        return Ok(Escalated { steps: 0, more: false });
    }
    store::referrals::write_all(conn, &written)?;
    store::alerts::insert(conn, &alerts)?;
    record(conn, context, recorded)?;
    Ok(Escalated { steps: written.len(), more })
}

/// Holds the members that these referrals concern, and the site lead, until the transaction ends. Answers what matters about them,
/// and which members that is.
fn hold_people(conn: &mut Conn, context: &Context, due: &[ReferralId]) -> Result<(People, BTreeSet<MemberId>), AppError> {
    let scope = &context.scope;
    let involved = store::referrals::involved(conn, scope, due)?;
    let held: BTreeSet<MemberId> =
        involved.iter().flat_map(|involved| std::iter::once(involved.owner).chain(involved.backup_owner)).collect();
    let asked: Vec<MemberId> = held.iter().copied().collect();
    let owners = store::members::find_owners_and_lead(conn, scope, &asked, context.now)?;
    let site_lead = owners.iter().find(|owner| owner.is_site_lead).map(|owner| owner.id);
    let site_lead = site_lead.ok_or_else(|| AppError::new(ErrorCode::Overloaded))?;
    let able: BTreeSet<MemberId> = owners.iter().map(|owner| owner.id).collect();
    let away = owners.iter().filter(|owner| owner.is_away).map(|owner| owner.id).collect();
    Ok((People { site_lead, able, away }, held.into_iter().chain([site_lead]).collect()))
}

/// The referral once this step is taken.
fn taken(referral: &ReferralRow, step: Step, context: &Context) -> ReferralRow {
    ReferralRow {
        owner_id: step.owner,
        escalation: Some(step.escalation),
        version: referral.version + 1,
        times: Times { escalate_at: step.escalate_at, updated_at: context.now, ..referral.times },
        ..referral.clone()
    }
}
