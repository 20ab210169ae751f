//! What events change in the sums of the reports: each referral that they tell of is counted as it is now instead of as it was last, and
//! each event once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono_tz::Tz;

use crate::auth::SiteScope;
use crate::db::Conn;
use crate::domain::ids::{MemberId, ReferralId};
use crate::domain::journal::EventType;
use crate::domain::reports::Tally;
use crate::domain::reports::standing::{Counted, Traits};
use crate::error::AppError;
use crate::store::reports::{self, CellKey, FactRow, HappeningRow};

/// What a stretch of the log changes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// By which sums change.
    pub cells: BTreeMap<CellKey, Tally>,
    /// What referrals are counted as from now on.
    pub facts: Vec<FactRow>,
}

/// What these events change. The referrals are read as they are now, which may be later than the last of these events: what comes after
/// changes them again, and a referral is never counted twice.
pub(super) fn of(conn: &mut Conn, scope: &SiteScope, told: &[HappeningRow], zone: Tz) -> Result<Changes, AppError> {
    let ids = subjects(told);
    let before = reports::facts(conn, scope, &ids)?.into_iter().map(|fact| (fact.referral_id, fact)).collect();
    count(conn, scope, told, &ids, &before, zone)
}

/// What these events come to where nothing was counted before.
pub(super) fn from_nothing(conn: &mut Conn, scope: &SiteScope, told: &[HappeningRow], zone: Tz) -> Result<Changes, AppError> {
    count(conn, scope, told, &subjects(told), &HashMap::new(), zone)
}

fn subjects(told: &[HappeningRow]) -> Vec<ReferralId> {
    told.iter().filter_map(HappeningRow::referral).collect::<BTreeSet<_>>().into_iter().collect()
}

fn count(
    conn: &mut Conn,
    scope: &SiteScope,
    told: &[HappeningRow],
    ids: &[ReferralId],
    before: &HashMap<ReferralId, FactRow>,
    zone: Tz,
) -> Result<Changes, AppError> {
    let mut changes = Changes::default();
    if ids.is_empty() {
        return Ok(changes);
    }
    let now: HashMap<ReferralId, _> = reports::standings(conn, scope, ids)?.into_iter().collect();
    let mut escalations: HashMap<ReferralId, i32> = HashMap::new();
    for (event, id) in told.iter().filter_map(|event| event.referral().map(|id| (event, id))) {
        let traits = now.get(&id).map(|standing| standing.traits).or_else(|| before.get(&id).map(FactRow::traits));
        let Some(traits) = traits else { continue };
        if event.event_type == EventType::ReferralEscalated {
            *escalations.entry(id).or_default() += 1;
        }
        let owner: MemberId = event.owner_id.unwrap_or(traits.owner);
        let traits = Traits { partner: event.partner_id, owner, ..traits };
        let happening = event.happening();
        let tally = happening.tally();
        if !tally.is_empty() {
            for (basis, starts_on) in happening.places(zone) {
                changes.cells.entry((basis, starts_on, traits)).or_default().merge(&tally, 1);
            }
        }
    }
    for (id, standing) in now {
        let before = before.get(&id);
        let steps = before.map_or(0, |before| before.escalations) + escalations.get(&id).copied().unwrap_or(0);
        let counted = Counted::new(&standing, steps, zone);
        if let Some(before) = before {
            let tally = Tally::unpack(&before.figures).map_err(AppError::internal)?;
            let before =
                Counted { traits: before.traits(), recorded_on: before.recorded_on, received_on: before.received_on, tally };
            if before == counted {
                continue;
            }
            changes.count(&before, -1);
        }
        changes.count(&counted, 1);
        changes.facts.push(fact(scope, id, steps, &counted)?);
    }
    Ok(changes)
}

impl Changes {
    fn count(&mut self, counted: &Counted, times: i64) {
        for (basis, starts_on, tally) in counted.parts() {
            self.cells.entry((basis, starts_on, counted.traits)).or_default().merge(&tally, times);
        }
    }
}

fn fact(scope: &SiteScope, referral_id: ReferralId, escalations: i32, counted: &Counted) -> Result<FactRow, AppError> {
    let Traits { study, partner, channel, owner, is_late } = counted.traits;
    Ok(FactRow {
        site_id: scope.site(),
        referral_id,
        study_id: study,
        partner_id: partner.unwrap_or(reports::nobody()),
        channel,
        owner_id: owner,
        is_late,
        recorded_on: counted.recorded_on,
        received_on: counted.received_on,
        escalations,
        figures: counted.tally.pack().map_err(AppError::internal)?,
    })
}
