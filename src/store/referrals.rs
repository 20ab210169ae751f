//! Referrals and the digests beside them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::CodeList;
use crate::domain::ids::{MemberId, PartnerId, ReferralId, RouteId, SiteId, StudyId};
use crate::domain::text::{Code, HandoffCode, Instruction, Reference, WebUrl};
use crate::domain::vocabulary::{
    Attribution, Blocker, Channel, CloseReason, ContactBasis, ContactPath, DigestKind, HandoffIssue, LateReason, NextAction,
    QuarantineReason, ReferralStatus, ReopenReason,
};
use crate::privacy::digests::ContactDigest;
use crate::schema::{handoff_routes, partners, referral_digests, referrals, studies};

/// A referral as it is kept: codes, ids and times.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = referrals)]
pub struct ReferralRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id; ids sort by the time of recording.
    pub id: ReferralId,
    /// Who referred.
    pub partner_id: PartnerId,
    /// To what.
    pub study_id: StudyId,
    /// Over which route.
    pub route_id: RouteId,
    /// How it came.
    pub channel: Channel,
    /// How its source is recognised.
    pub source_tag: Reference,
    /// How sure the source is.
    pub attribution: Attribution,
    /// On what ground the person may be contacted.
    pub contact_basis: ContactBasis,
    /// How the person is reached.
    pub contact_path: ContactPath,
    /// What the person gives at the intake.
    pub handoff_code: Option<HandoffCode>,
    /// The partner's own reference.
    pub partner_reference: Option<Reference>,
    /// The site's reference in its own system.
    pub external_ref: Option<Reference>,
    /// Why it was recorded after the fact.
    pub late_reason: Option<LateReason>,
    /// Responsible for the next action.
    pub owner_id: MemberId,
    /// Where it stands.
    pub status: ReferralStatus,
    /// The state that a hold returns to.
    pub held_status: Option<ReferralStatus>,
    /// Why it waits for a decision.
    pub quarantine_reason: Option<QuarantineReason>,
    /// Why it waits.
    pub blocker: Option<Blocker>,
    /// Why it ended.
    pub close_reason: Option<CloseReason>,
    /// Why it was opened again, the last time.
    pub reopen_reason: Option<ReopenReason>,
    /// What the owner does next.
    pub next_action: Option<NextAction>,
    /// By when.
    pub next_action_due_at: Option<DateTime<Utc>>,
    /// What went wrong with the handoff.
    pub handoff_issues: CodeList<HandoffIssue>,
    /// Marked test for ever.
    pub is_test: bool,
    /// Counts changes.
    pub version: i32,
    /// When it happened.
    pub received_at: DateTime<Utc>,
    /// When it was entered.
    pub recorded_at: DateTime<Utc>,
    /// When its clock started, the last time.
    pub clock_started_at: DateTime<Utc>,
    /// First acknowledged.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// First contact attempt.
    pub contacting_at: Option<DateTime<Utc>>,
    /// First reached.
    pub connected_at: Option<DateTime<Utc>>,
    /// Handed to the study team.
    pub handed_off_at: Option<DateTime<Utc>>,
    /// Ended.
    pub closed_at: Option<DateTime<Utc>>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a transition writes: always the whole state, so that nothing of the old one lingers.
#[derive(Debug, AsChangeset)]
#[diesel(table_name = referrals, treat_none_as_null = true)]
pub struct StateChange {
    /// Where it stands.
    pub status: ReferralStatus,
    /// The state that a hold returns to.
    pub held_status: Option<ReferralStatus>,
    /// Why it waits for a decision.
    pub quarantine_reason: Option<QuarantineReason>,
    /// Why it waits.
    pub blocker: Option<Blocker>,
    /// Why it ended.
    pub close_reason: Option<CloseReason>,
    /// Why it was opened again, the last time.
    pub reopen_reason: Option<ReopenReason>,
    /// What the owner does next.
    pub next_action: Option<NextAction>,
    /// By when.
    pub next_action_due_at: Option<DateTime<Utc>>,
    /// The next version.
    pub version: i32,
    /// When its clock started, the last time.
    pub clock_started_at: DateTime<Utc>,
    /// First acknowledged.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// First contact attempt.
    pub contacting_at: Option<DateTime<Utc>>,
    /// First reached.
    pub connected_at: Option<DateTime<Utc>>,
    /// Handed to the study team.
    pub handed_off_at: Option<DateTime<Utc>>,
    /// Ended.
    pub closed_at: Option<DateTime<Utc>>,
    /// When it changed.
    pub updated_at: DateTime<Utc>,
}

/// A referral with the codes of its partner and study, and what its route hands to the person.
#[derive(Debug, Clone, Queryable)]
pub struct CodedReferral {
    /// The referral.
    pub referral: ReferralRow,
    /// The partner's code.
    pub partner_code: Code,
    /// The study's code.
    pub study_code: Code,
    /// Where the person gives details; `None`: at the site's intake URL.
    pub route_intake_url: Option<WebUrl>,
    /// What the partner tells the person to do.
    pub instruction: Instruction,
}

/// Which referrals a list shows.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    /// In this state.
    pub status: Option<ReferralStatus>,
    /// For this study.
    pub study: Option<Code>,
    /// From this partner.
    pub partner: Option<Code>,
    /// Of this owner.
    pub owner: Option<MemberId>,
    /// Over this channel.
    pub channel: Option<Channel>,
    /// With this reference of the partner's.
    pub partner_reference: Option<Reference>,
    /// With this reference of the site's.
    pub external_ref: Option<Reference>,
}

/// Referrals joined with what [`CodedReferral`] shows of their partner, study and route.
macro_rules! with_codes {
    () => {
        referrals::table
            .inner_join(partners::table.on(partners::site_id.eq(referrals::site_id).and(partners::id.eq(referrals::partner_id))))
            .inner_join(studies::table.on(studies::site_id.eq(referrals::site_id).and(studies::id.eq(referrals::study_id))))
            .inner_join(
                handoff_routes::table
                    .on(handoff_routes::site_id.eq(referrals::site_id).and(handoff_routes::id.eq(referrals::route_id))),
            )
            .select((
                referrals::all_columns,
                partners::code,
                studies::code,
                handoff_routes::intake_url,
                handoff_routes::instruction,
            ))
    };
}

/// The referral with this id. A partner's scope finds its own only; test callers find test referrals only, others live ones.
///
/// # Errors
/// A database failure.
pub fn find(conn: &mut PgConnection, scope: &SiteScope, is_test: bool, id: ReferralId) -> QueryResult<Option<CodedReferral>> {
    let mut query = with_codes!()
        .filter(referrals::site_id.eq(scope.site()).and(referrals::id.eq(id)).and(referrals::is_test.eq(is_test)))
        .into_boxed();
    if let Some(own) = scope.partner() {
        query = query.filter(referrals::partner_id.eq(own));
    }
    query.first(conn).optional()
}

/// Locks the referral until the transaction ends; `false` when there is none for this scope.
///
/// # Errors
/// A database failure.
pub fn lock(conn: &mut PgConnection, scope: &SiteScope, is_test: bool, id: ReferralId) -> QueryResult<bool> {
    referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::id.eq(id)).and(referrals::is_test.eq(is_test)))
        .select(referrals::id)
        .for_update()
        .first::<ReferralId>(conn)
        .optional()
        .map(|found| found.is_some())
}

/// A page, newest first, before this id.
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    is_test: bool,
    filter: &Filter,
    before: Option<ReferralId>,
    limit: i64,
) -> QueryResult<Vec<CodedReferral>> {
    let mut query = with_codes!().filter(referrals::site_id.eq(scope.site()).and(referrals::is_test.eq(is_test))).into_boxed();
    if let Some(own) = scope.partner() {
        query = query.filter(referrals::partner_id.eq(own));
    }
    if let Some(status) = filter.status {
        query = query.filter(referrals::status.eq(status));
    }
    if let Some(study) = &filter.study {
        query = query.filter(studies::code.eq(study));
    }
    if let Some(partner) = &filter.partner {
        query = query.filter(partners::code.eq(partner));
    }
    if let Some(owner) = filter.owner {
        query = query.filter(referrals::owner_id.eq(owner));
    }
    if let Some(channel) = filter.channel {
        query = query.filter(referrals::channel.eq(channel));
    }
    if let Some(reference) = &filter.partner_reference {
        query = query.filter(referrals::partner_reference.eq(reference));
    }
    if let Some(reference) = &filter.external_ref {
        query = query.filter(referrals::external_ref.eq(reference));
    }
    if let Some(before) = before {
        query = query.filter(referrals::id.lt(before));
    }
    query.order(referrals::id.desc()).limit(limit).load(conn)
}

/// The referral on which this partner already used this reference.
///
/// # Errors
/// A database failure.
pub fn find_by_partner_reference(
    conn: &mut PgConnection,
    scope: &SiteScope,
    partner: PartnerId,
    reference: &Reference,
    is_test: bool,
) -> QueryResult<Option<ReferralId>> {
    referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::partner_id.eq(partner)))
        .filter(referrals::partner_reference.eq(reference).and(referrals::is_test.eq(is_test)))
        .select(referrals::id)
        .first(conn)
        .optional()
}

/// Keeps a new referral unless its partner already used its reference; says whether it was kept.
///
/// # Errors
/// A database failure.
pub fn insert(conn: &mut PgConnection, referral: &ReferralRow) -> QueryResult<bool> {
    diesel::insert_into(referrals::table).values(referral).on_conflict_do_nothing().execute(conn).map(|kept| kept == 1)
}

/// Keeps the digests of a referral's contact details.
///
/// # Errors
/// A database failure.
pub fn insert_digests(conn: &mut PgConnection, referral: &ReferralRow, digests: &[ContactDigest]) -> QueryResult<()> {
    if digests.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = digests
        .iter()
        .map(|digest| {
            (
                referral_digests::site_id.eq(referral.site_id),
                referral_digests::referral_id.eq(referral.id),
                referral_digests::partner_id.eq(referral.partner_id),
                referral_digests::kind.eq::<DigestKind>(digest.kind),
                referral_digests::digest.eq(digest.digest.to_vec()),
            )
        })
        .collect();
    diesel::insert_into(referral_digests::table).values(rows).execute(conn).map(drop)
}

/// Writes a new state over the version that was read; says whether that version still stood.
///
/// # Errors
/// A database failure.
pub fn update_state(
    conn: &mut PgConnection,
    scope: &SiteScope,
    id: ReferralId,
    read_version: i32,
    change: &StateChange,
) -> QueryResult<bool> {
    diesel::update(
        referrals::table
            .filter(referrals::site_id.eq(scope.site()).and(referrals::id.eq(id)).and(referrals::version.eq(read_version))),
    )
    .set(change)
    .execute(conn)
    .map(|changed| changed == 1)
}

/// Puts every referral in flight for a study on hold, remembering the state it leaves; says how many. The due time moves
/// to the study team's: `follow_up` hours of the route, or else of the site.
///
/// # Errors
/// A database failure.
pub fn hold_for_paused_study(
    conn: &mut PgConnection,
    scope: &SiteScope,
    study: StudyId,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::sql_query(
        "UPDATE referrals r SET held_status = r.status, status = 'on_hold', blocker = 'study_paused', next_action = 'await_study_team',
                next_action_due_at = $3 + make_interval(hours => coalesce(h.follow_up_due_hours, s.follow_up_due_hours)),
                version = r.version + 1, updated_at = $3
           FROM handoff_routes h, sites s
          WHERE r.site_id = $1 AND r.study_id = $2 AND r.status IN ('received', 'acknowledged', 'contacting', 'connected', 'handed_off')
            AND h.site_id = r.site_id AND h.id = r.route_id AND s.site_id = r.site_id",
    )
    .bind::<diesel::sql_types::Uuid, _>(scope.site())
    .bind::<diesel::sql_types::Uuid, _>(study)
    .bind::<diesel::sql_types::Timestamptz, _>(now)
    .execute(conn)
}

/// Returns the referrals that a paused study held to the state they left; says how many.
///
/// # Errors
/// A database failure.
pub fn release_for_opened_study(
    conn: &mut PgConnection,
    scope: &SiteScope,
    study: StudyId,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::sql_query(
        "UPDATE referrals r SET status = r.held_status, held_status = NULL, blocker = NULL,
                next_action = CASE r.held_status WHEN 'received' THEN 'acknowledge' WHEN 'connected' THEN 'arrange_handoff'
                    WHEN 'handed_off' THEN 'confirm_close' ELSE 'attempt_contact' END,
                next_action_due_at = $3 + make_interval(hours => CASE
                    WHEN r.held_status = 'received' THEN coalesce(h.acknowledge_due_hours, s.acknowledge_due_hours)
                    WHEN r.held_status IN ('acknowledged', 'contacting') THEN coalesce(h.contact_due_hours, s.contact_due_hours)
                    ELSE coalesce(h.follow_up_due_hours, s.follow_up_due_hours) END),
                version = r.version + 1, updated_at = $3
           FROM handoff_routes h, sites s
          WHERE r.site_id = $1 AND r.study_id = $2 AND r.status = 'on_hold' AND r.blocker = 'study_paused'
            AND h.site_id = r.site_id AND h.id = r.route_id AND s.site_id = r.site_id",
    )
    .bind::<diesel::sql_types::Uuid, _>(scope.site())
    .bind::<diesel::sql_types::Uuid, _>(study)
    .bind::<diesel::sql_types::Timestamptz, _>(now)
    .execute(conn)
}
