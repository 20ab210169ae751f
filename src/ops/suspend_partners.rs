//! The guard of approved language: a partner that on none of its live routes has acknowledged the language that counts is suspended,
//! and one that has again goes on. Referrals are decided by the dates themselves (`admit`): the guard says so, to everybody.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::record::{Change, record};
use super::{Context, facts};
use crate::db::{Conn, beyond_partner};
use crate::domain::ids::{LanguageVersionId, PartnerId, StudyId};
use crate::domain::journal::{EventType, SubjectKind};
use crate::domain::language_standing::{self, Approved};
use crate::domain::vocabulary::{PartnerStatus, RouteStatus, SuspensionReason};
use crate::error::AppError;
use crate::store;
use crate::store::language_versions::LanguageVersionRow;
use crate::store::partners::{PartnerChanges, PartnerRow};
use crate::store::routes::LiveRoute;

const OPERATION: &str = "suspend_partners";

/// Suspends and lifts at the context's site; says how many partners.
///
/// # Errors
/// A database failure; the pass is undone as a whole, and the next one does it.
pub fn run(conn: &mut Conn, context: &Context) -> Result<usize, AppError> {
    let scope = &context.scope;
    let today = store::sites::current(conn, scope)?.day_of(context.now);
    let live = store::routes::live_of_partners(conn, scope, None)?;
    let out_of_step = out_of_step(conn, context, &live, today)?;
    if out_of_step.is_empty() {
        return Ok(0);
    }
    // Whoever acknowledges locks its partner first, so that nothing of what is read from here on changes.
    let locked = store::partners::lock_all(conn, scope, &out_of_step)?;
    let (live, mut changes) = (store::routes::live_of_partners(conn, scope, Some(&out_of_step))?, Vec::new());
    let still = self::out_of_step(conn, context, &live, today)?;
    for partner in locked.iter().filter(|partner| still.contains(&partner.id)) {
        changes.push(turn(conn, context, OPERATION, partner)?);
    }
    let count = changes.len();
    record(conn, context, changes)?;
    Ok(count)
}

/// Partners that are active without any language that counts, or suspended with some.
fn out_of_step(conn: &mut Conn, context: &Context, live: &[LiveRoute], today: NaiveDate) -> Result<Vec<PartnerId>, AppError> {
    let scope = &context.scope;
    let mut studies: Vec<_> = live.iter().map(|route| route.study_id).collect();
    studies.sort_unstable();
    studies.dedup();
    let versions = store::language_versions::approved_of_studies(conn, scope, &studies)?;
    let acknowledged = store::acknowledgements::of_studies(conn, scope, &studies)?;
    let stands = |route: &LiveRoute| lets_in(&versions, &acknowledged, route.partner_id, route.study_id, today);
    let mut partners: Vec<(PartnerId, PartnerStatus)> =
        live.iter().map(|route| (route.partner_id, route.partner_status)).collect();
    partners.sort_unstable_by_key(|(partner, _)| *partner);
    partners.dedup_by_key(|(partner, _)| *partner);
    let any_stands = |partner: PartnerId| live.iter().filter(|route| route.partner_id == partner).any(stands);
    let is_out = |(partner, status): &(PartnerId, PartnerStatus)| (*status == PartnerStatus::Suspended) == any_stands(*partner);
    Ok(partners.into_iter().filter(is_out).map(|(partner, _)| partner).collect())
}

/// Whether the partner has acknowledged the language that counts for a study that it has a route for.
///
/// # Errors
/// A database failure.
pub(super) fn has_language(conn: &mut Conn, context: &Context, partner: PartnerId) -> Result<bool, AppError> {
    let scope = &context.scope;
    let today = store::sites::current(conn, scope)?.day_of(context.now);
    let routes = store::routes::of_partner(conn, scope, partner)?;
    let mut studies: Vec<_> =
        routes.iter().filter(|route| route.status != RouteStatus::Retired).map(|route| route.study_id).collect();
    studies.sort_unstable();
    studies.dedup();
    let versions = store::language_versions::approved_of_studies(conn, scope, &studies)?;
    let acknowledged = store::acknowledgements::of_studies(conn, scope, &studies)?;
    Ok(studies.into_iter().any(|study| lets_in(&versions, &acknowledged, partner, study, today)))
}

fn lets_in(
    versions: &[LanguageVersionRow],
    acknowledged: &BTreeSet<(PartnerId, LanguageVersionId)>,
    partner: PartnerId,
    study: StudyId,
    today: NaiveDate,
) -> bool {
    let of_study = versions.iter().filter(|version| version.study_id == study);
    let all: Vec<Approved> =
        of_study.filter_map(|version| version.approved(acknowledged.contains(&(partner, version.id)))).collect();
    language_standing::standing(&all, today).lets_in()
}

/// Lifts the suspension of the calling partner, which is locked, if it has language again.
///
/// # Errors
/// A database failure.
pub(super) fn lift(
    conn: &mut Conn,
    context: &Context,
    operation: &'static str,
    partner: &PartnerRow,
) -> Result<Option<Change>, AppError> {
    let is_over = partner.status == PartnerStatus::Suspended && has_language(conn, context, partner.id)?;
    is_over.then(|| turn(conn, context, operation, partner)).transpose()
}

/// Suspends an active partner, or lifts a suspension; the partner is locked.
///
/// # Errors
/// A database failure.
pub(super) fn turn(
    conn: &mut Conn,
    context: &Context,
    operation: &'static str,
    partner: &PartnerRow,
) -> Result<Change, AppError> {
    let (status, reason) = match partner.status {
        PartnerStatus::Suspended => (PartnerStatus::Active, None),
        _ => (PartnerStatus::Suspended, Some(SuspensionReason::LanguageLapsed)),
    };
    let changes = PartnerChanges {
        status: Some(status),
        suspension_reason: Some(reason),
        version: partner.version + 1,
        updated_at: context.now,
        ..PartnerChanges::default()
    };
    let scope = &context.scope;
    let moved = beyond_partner(conn, scope, |conn| store::partners::update(conn, scope, partner.id, &changes))?;
    let (was, is) = (facts::of_partner(partner), facts::of_partner(&moved));
    let change =
        Change::new(operation, SubjectKind::Partner, partner.id.0, was, is).because(reason.map(|reason| reason.as_str()));
    Ok(change.tell_of_partner(EventType::PartnerStatusChanged, moved.version, partner.id, None))
}
