//! A referral that begins, whichever door it came in by: what is derived, what is kept beside it, and what is recorded.

use chrono::{DateTime, Utc};

use super::record::{Change, record, record_beside};
use super::{Context, contact_details, facts, heir, received, seal_details};
use crate::db::{Conn, beyond_partner};
use crate::domain::CodeList;
use crate::domain::approved_process::ProcessField;
use crate::domain::escalation;
use crate::domain::handoff_code;
use crate::domain::ids::{LanguageVersionId, MemberId, ReferralId, StudyId};
use crate::domain::journal::{EventType, Facts, SubjectKind};
use crate::domain::sealed_details::Details;
use crate::domain::standstill;
use crate::domain::text::{Code, HandoffCode, Reference, SourceTag};
use crate::domain::vocabulary::{
    Attribution, Channel, ContactBasis, ContactPath, LateReason, QuarantineReason, ReferralStatus, RouteStatus, StudyStatus,
};
use crate::error::{AppError, ErrorCode};
use crate::privacy::digests::DetailDigests;
use crate::privacy::keys::SiteKey;
use crate::store;
use crate::store::at_once::AtOnce;
use crate::store::referrals::{CodedReferral, ReferralRow, Times};
use crate::store::routes::{RouteContext, RouteRow};
use crate::store::sites::SiteRow;

/// What a referral is for, held until the transaction ends.
#[derive(Debug, Clone)]
pub(super) struct Aim {
    pub study_id: StudyId,
    pub code: Code,
    pub status: StudyStatus,
}

impl Aim {
    /// The study of a route that is held.
    pub(super) fn of_route(route: &RouteContext) -> Self {
        Self { study_id: route.route.study_id, code: route.study_code.clone(), status: route.study_status }
    }
}

/// A referral as it is taken.
#[derive(Debug)]
pub(super) struct Arrival<'a> {
    /// The operation that takes it.
    pub operation: &'static str,
    /// Whom it is credited to, held; `None`: nobody.
    pub route: Option<RouteContext>,
    pub study: Aim,
    pub owner: MemberId,
    pub channel: Channel,
    pub source_tag: Option<SourceTag>,
    pub contact_basis: ContactBasis,
    pub contact_path: ContactPath,
    pub partner_reference: Option<Reference>,
    pub external_ref: Option<Reference>,
    pub late_reason: Option<LateReason>,
    /// The words by which its partner referred.
    pub language: Option<LanguageVersionId>,
    pub received_at: Option<DateTime<Utc>>,
    pub quarantine: Option<QuarantineReason>,
    /// Of its contact details.
    pub digests: &'a [DetailDigests],
    /// What an approved process opens, with the key to seal it under.
    pub details: Option<(&'a Details, &'a SiteKey)>,
    /// Marked test for ever: it reaches nobody but through its run.
    pub is_test: bool,
}

/// How sure the source is, by the tag that was sent.
pub(super) fn attribution(tag: &SourceTag, route: &RouteRow) -> Attribution {
    if *tag == route.source_tag { Attribution::Verified } else { Attribution::Unverified }
}

/// The route's owner, or who stands in. A retired route takes what happened before, and may still name somebody who has left since.
pub(super) fn owner(conn: &mut Conn, context: &Context, route: &RouteContext) -> Result<MemberId, AppError> {
    match route.route.status {
        RouteStatus::Retired => heir::find(conn, context, &[route.route.owner_id, route.route.backup_owner_id]),
        _ => heir::of_route(conn, context, &route.route),
    }
}

/// The same, and whether the person of these details withdrew permission to contact, in one step beyond the partner.
pub(super) fn owner_and_withdrawal(
    conn: &mut Conn,
    context: &Context,
    route: &RouteContext,
    details: &[DetailDigests],
) -> Result<(MemberId, bool), AppError> {
    if route.route.status == RouteStatus::Retired {
        return Ok((owner(conn, context, route)?, contact_details::have_been_withdrawn(conn, context, details)?));
    }
    Ok(beyond_partner(conn, &context.scope, |conn| {
        let owner = heir::seen_of_route(conn, context, &route.route)?;
        Ok((owner, contact_details::seen_withdrawn(conn, context, details)?))
    })?)
}

/// Keeps it with its digests, queues it to be matched, and records it.
///
/// # Errors
/// 409 when its partner used its reference before.
pub(super) fn keep(conn: &mut Conn, context: &Context, site: &SiteRow, arrival: Arrival<'_>) -> Result<CodedReferral, AppError> {
    let referral = build(context, &arrival, site)?;
    if !store::referrals::insert(conn, &referral)? {
        return Err(collision(conn, context, &referral)?);
    }
    let mut beside = AtOnce::new();
    store::referrals::add_digests(&mut beside, [(&referral, arrival.digests)]);
    // Whatever is known of the person: a job looks, after the commit.
    store::duplicates::matching::add_to_queue(&mut beside, [&referral]);
    let mut made = facts::of_referral(&referral);
    if let (Some((details, key)), Some(partner)) = (arrival.details, referral.partner_id) {
        seal_details::keep(conn, context, key, referral.id, partner, details)?;
        made = made.codes("sealed_details", details.fields().into_iter().map(ProcessField::as_str));
    }
    record_beside(conn, [(context, received_by(arrival.operation, &referral, made))], beside)?;
    let (partner_code, handed) = arrival.route.map(|route| (route.partner_code, route.route)).unzip();
    let coded = CodedReferral::new(referral, partner_code, arrival.study.code, handed);
    Ok(CodedReferral { has_sealed_details: arrival.details.is_some(), ..coded })
}

/// Keeps those that came at the same time, each as [`keep`] keeps one and in the context of its own request, without sealed details; `None`
/// where a partner used its reference before.
///
/// # Errors
/// A database failure.
pub(super) fn keep_together(
    conn: &mut Conn,
    site: &SiteRow,
    arrivals: Vec<(&Context, Arrival<'_>)>,
) -> Result<Vec<Option<CodedReferral>>, AppError> {
    let built: Vec<ReferralRow> =
        arrivals.iter().map(|(context, arrival)| build(context, arrival, site)).collect::<Result<_, _>>()?;
    let inserted = store::referrals::insert_all(conn, &built)?;
    let is_kept = |referral: &ReferralRow| inserted.contains(&referral.id);
    let kept = || built.iter().zip(&arrivals).filter(|(referral, _)| is_kept(referral));
    let mut beside = AtOnce::new();
    store::referrals::add_digests(&mut beside, kept().map(|(referral, (_, arrival))| (referral, arrival.digests)));
    store::duplicates::matching::add_to_queue(&mut beside, kept().map(|(referral, _)| referral));
    let changes = kept()
        .map(|(referral, (context, arrival))| (*context, received_by(arrival.operation, referral, facts::of_referral(referral))));
    record_beside(conn, changes.collect::<Vec<_>>(), beside)?;
    let coded = built.into_iter().zip(arrivals).map(|(referral, (_, arrival))| {
        inserted.contains(&referral.id).then(|| {
            let (partner_code, handed) = arrival.route.map(|route| (route.partner_code, route.route)).unzip();
            CodedReferral::new(referral, partner_code, arrival.study.code, handed)
        })
    });
    Ok(coded.collect())
}

/// Keeps many at once, each as [`keep`] keeps one and without sealed details; answers the id of each, in their order, or `None` where its
/// partner used its reference before.
///
/// # Errors
/// A database failure.
pub(super) fn keep_all(
    conn: &mut Conn,
    context: &Context,
    site: &SiteRow,
    arrivals: &[Arrival<'_>],
) -> Result<Vec<Option<ReferralId>>, AppError> {
    let built: Vec<ReferralRow> = arrivals.iter().map(|arrival| build(context, arrival, site)).collect::<Result<_, _>>()?;
    let kept = store::referrals::insert_all(conn, &built)?;
    let ids = built.iter().map(|referral| kept.contains(&referral.id).then_some(referral.id)).collect();
    let (kept, arrivals): (Vec<ReferralRow>, Vec<&Arrival<'_>>) =
        built.into_iter().zip(arrivals).filter(|(referral, _)| kept.contains(&referral.id)).unzip();
    if kept.is_empty() {
        return Ok(ids);
    }
    store::referrals::insert_all_digests(conn, kept.iter().zip(arrivals.iter().map(|arrival| arrival.digests)))?;
    store::duplicates::matching::queue_all(conn, &kept)?;
    let made = kept.iter().zip(&arrivals);
    record(
        conn,
        context,
        made.map(|(referral, arrival)| received_by(arrival.operation, referral, facts::of_referral(referral))),
    )?;
    Ok(ids)
}

/// What is recorded of a referral that came in.
fn received_by(operation: &'static str, referral: &ReferralRow, made: Facts) -> Change {
    Change::made(operation, SubjectKind::Referral, referral.id.0, made)
        .because(referral.late_reason.map(|reason| reason.as_str()))
        .tell_of_referral(EventType::ReferralReceived, referral)
}

fn build(context: &Context, arrival: &Arrival<'_>, site: &SiteRow) -> Result<ReferralRow, AppError> {
    let now = context.now;
    let route = arrival.route.as_ref().map(|context| &context.route);
    let status = if arrival.quarantine.is_some() { ReferralStatus::Quarantined } else { ReferralStatus::Received };
    let (blocker, action) = standstill::start(arrival.study.status, status);
    let terms = super::referral_route::due_terms(route, site);
    let received_at = received::kept(arrival.received_at, now);
    let due_at = action.map(|action| terms.due(action, now));
    // A tag that is absent is the route's.
    let source_tag = arrival.source_tag.clone().or_else(|| route.map(|route| route.source_tag.clone()));
    let attribution = match (&source_tag, route) {
        (Some(tag), Some(route)) => attribution(tag, route),
        _ => Attribution::Unverified,
    };
    Ok(ReferralRow {
        site_id: context.scope.site(),
        id: ReferralId::at(now),
        partner_id: route.map(|route| route.partner_id),
        study_id: arrival.study.study_id,
        route_id: route.map(|route| route.id),
        channel: arrival.channel,
        source_tag,
        attribution,
        contact_basis: arrival.contact_basis,
        contact_path: arrival.contact_path,
        handoff_code: code(arrival.contact_path)?,
        partner_reference: arrival.partner_reference.clone(),
        external_ref: arrival.external_ref.clone(),
        late_reason: arrival.late_reason,
        owner_id: arrival.owner,
        status,
        held_status: None,
        quarantine_reason: arrival.quarantine,
        blocker,
        close_reason: None,
        reopen_reason: None,
        next_action: action,
        handoff_issues: CodeList(Vec::new()),
        is_test: arrival.is_test,
        version: 1,
        received_at,
        recorded_at: now,
        held_blocker: None,
        escalation: None,
        merged_into_id: None,
        language_version_id: arrival.language,
        times: Times {
            next_action_due_at: due_at,
            clock_started_at: now,
            acknowledged_at: None,
            contacting_at: None,
            connected_at: None,
            handed_off_at: None,
            closed_at: None,
            updated_at: now,
            partner_withdrawn_at: None,
            blocked_since: blocker.map(|_| now),
            first_due_at: due_at,
            first_due_by_receipt_at: action.map(|action| terms.due(action, received_at)),
            escalate_at: escalation::starts(status, blocker, arrival.is_test, due_at),
        },
    })
}

/// A new handoff code, where the person brings one to the intake.
fn code(path: ContactPath) -> Result<Option<HandoffCode>, AppError> {
    if path != ContactPath::PersonUsesIntake {
        return Ok(None);
    }
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).map_err(AppError::internal)?;
    handoff_code::from_random(&random).map(Some).map_err(AppError::internal)
}

/// What stood in the way of an insert: the partner's own reference, or (once in 10¹⁵) a handoff code that exists.
fn collision(conn: &mut Conn, context: &Context, referral: &ReferralRow) -> Result<AppError, AppError> {
    if let (Some(partner), Some(reference)) = (referral.partner_id, &referral.partner_reference) {
        let found = store::referrals::find_by_partner_reference(conn, &context.scope, partner, reference, referral.is_test)?;
        if let Some(id) = found {
            return Ok(AppError::new(ErrorCode::PartnerReferenceUsed).with_referral(id));
        }
    }
    Ok(AppError::new(ErrorCode::Overloaded))
}
