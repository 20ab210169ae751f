//! What goes out of the referral endpoints: two views of one referral, and nothing that both could leak.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::views::{PartnerTag, SiteTag};
use crate::domain::aging;
use crate::domain::first_action::{self, Kept};
use crate::domain::ids::{LanguageVersionId, MemberId, ReferralId, RouteId};
use crate::domain::referral_state::{AllowedMove, TransitionReason};
use crate::domain::text::{Code, HandoffCode, Instruction, Reference, SourceTag, WebUrl};
use crate::domain::vocabulary::{
    Aging, Attribution, Blocker, Channel, CloseReason, ContactBasis, ContactPath, Escalation, HandoffIssue, LateReason,
    NextAction, NotAcceptedReason, PartnerReferralStatus, QuarantineReason, ReferralStatus, ReopenReason,
};
use crate::privacy::suppression::partner_view;
use crate::store::referrals::{CodedReferral, OwnReferral, ReferralRow, RouteWords};
use crate::store::sites::SiteRow;

/// A referral as the site sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "view": "site", "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "partner": "lakeside-cardiology", "study": "heart-2026",
    "route_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f50", "channel": "secure_form", "source_tag": "lakeside-heart",
    "attribution": "verified", "contact_basis": "permission_to_contact", "contact_path": "person_uses_intake",
    "handoff": {"code": "7Q2MZK4R9D", "intake_url": "https://intake.riverside.example/start",
        "instruction": "Give the person the code and the intake address. The study team answers all questions."},
    "partner_reference": "LC-2026-00017", "external_ref": null,
    "language_version_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f47", "late_reason": null,
    "owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "status": "received", "held_status": null, "quarantine_reason": null,
    "blocker": null, "blocked_since": null, "held_blocker": null, "close_reason": null, "reopen_reason": null, "next_action": "acknowledge",
    "next_action_due_at": "2026-06-02T09:00:00Z", "aging": null, "escalation": null,
    "first_action": {"due_at": "2026-06-02T09:00:00Z", "due_by_receipt_at": "2026-06-02T09:00:00Z", "taken_at": null, "met": null,
        "met_by_receipt": null},
    "merged_into_id": null, "handoff_issues": [], "has_sealed_details": false, "is_test": false,
    "received_at": "2026-06-01T09:00:00Z", "recorded_at": "2026-06-01T09:00:00Z", "acknowledged_at": null,
    "contacting_at": null, "connected_at": null, "handed_off_at": null, "closed_at": null, "partner_withdrawn_at": null
}))]
pub struct ReferralView {
    /// Always `site`.
    pub view: SiteTag,
    /// Id of the referral; ids sort by the time of recording.
    pub id: ReferralId,
    /// Code of the partner that referred; `null` when nobody is known to have.
    pub partner: Option<Code>,
    /// Code of the study.
    pub study: Code,
    /// The handoff route that it came over; `null` with `partner`.
    pub route_id: Option<RouteId>,
    /// How it came.
    pub channel: Channel,
    /// How its source is recognised, as it was sent; `null` when nothing was and no route was known.
    pub source_tag: Option<SourceTag>,
    /// How sure the source is.
    pub attribution: Attribution,
    /// On what ground the person may be contacted.
    pub contact_basis: ContactBasis,
    /// How the person is reached.
    pub contact_path: ContactPath,
    /// What the sender hands to the person; `null` when nobody is known to have sent it.
    pub handoff: Option<Handoff>,
    /// The partner's own reference.
    pub partner_reference: Option<Reference>,
    /// The site's reference to its own record.
    pub external_ref: Option<Reference>,
    /// The approved words by which its partner referred: the version that it had acknowledged. `null`: nobody referred, or it was
    /// recorded late without any.
    pub language_version_id: Option<LanguageVersionId>,
    /// Why it was recorded after the fact.
    pub late_reason: Option<LateReason>,
    /// The member responsible for the next action.
    pub owner_id: MemberId,
    /// Where it stands.
    pub status: ReferralStatus,
    /// The state that it returns to from `on_hold`.
    pub held_status: Option<ReferralStatus>,
    /// Why it waits for a decision, in `quarantined`.
    pub quarantine_reason: Option<QuarantineReason>,
    /// Why it waits.
    pub blocker: Option<Blocker>,
    /// Since when it waits for that.
    pub blocked_since: Option<DateTime<Utc>>,
    /// The blocker that a pause of the study covers: it comes back when the study opens.
    pub held_blocker: Option<Blocker>,
    /// Why it ended.
    pub close_reason: Option<CloseReason>,
    /// Why it was opened again, the last time.
    pub reopen_reason: Option<ReopenReason>,
    /// What the owner does next; `null` once it is closed.
    pub next_action: Option<NextAction>,
    /// By when.
    pub next_action_due_at: Option<DateTime<Utc>>,
    /// Whether it needs somebody's eye, at the time of this answer: it changes with time alone, without another version.
    pub aging: Option<Aging>,
    /// The last step of its escalation since the next action was set; `null`: none.
    pub escalation: Option<Escalation>,
    /// Whether somebody acted on it in time.
    pub first_action: FirstActionView,
    /// The referral that goes on for the same person, when this one was merged into it.
    pub merged_into_id: Option<ReferralId>,
    /// What went wrong with the handoff.
    #[schema(max_items = 11)]
    pub handoff_issues: Vec<HandoffIssue>,
    /// Whether details of the person are kept, sealed, under an approved process; `read_sealed_details` reads them. They are purged in
    /// time, without another version.
    pub has_sealed_details: bool,
    /// Marked test for ever: in no report, queue or feed.
    pub is_test: bool,
    /// When it happened.
    pub received_at: DateTime<Utc>,
    /// When it was entered.
    pub recorded_at: DateTime<Utc>,
    /// When it was acknowledged, or passed that step.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// When contact was first tried, or that step was passed.
    pub contacting_at: Option<DateTime<Utc>>,
    /// When the person was reached.
    pub connected_at: Option<DateTime<Utc>>,
    /// When the person was handed to the study team.
    pub handed_off_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub closed_at: Option<DateTime<Utc>>,
    /// When its partner withdrew it. It may have ended before for the reason that stands here; a reopen clears it.
    pub partner_withdrawn_at: Option<DateTime<Utc>>,
}

impl ReferralView {
    /// The site's view at `now`.
    #[must_use]
    pub fn new(coded: CodedReferral, site: &SiteRow, now: DateTime<Utc>) -> Self {
        let row = coded.referral;
        let first_action = FirstActionView::new(&row, now);
        let handoff = row.route_id.map(|_| Handoff::new(row.handoff_code, coded.route, site));
        Self {
            view: SiteTag::Site,
            id: row.id,
            partner: coded.partner_code,
            study: coded.study_code,
            route_id: row.route_id,
            channel: row.channel,
            source_tag: row.source_tag,
            attribution: row.attribution,
            contact_basis: row.contact_basis,
            contact_path: row.contact_path,
            handoff,
            partner_reference: row.partner_reference,
            external_ref: row.external_ref,
            language_version_id: row.language_version_id,
            late_reason: row.late_reason,
            owner_id: row.owner_id,
            status: row.status,
            held_status: row.held_status,
            quarantine_reason: row.quarantine_reason,
            blocker: row.blocker,
            blocked_since: row.times.blocked_since,
            held_blocker: row.held_blocker,
            close_reason: row.close_reason,
            reopen_reason: row.reopen_reason,
            next_action: row.next_action,
            next_action_due_at: row.times.next_action_due_at,
            aging: aging::of(row.status, row.blocker, row.times.next_action_due_at, now),
            escalation: row.escalation,
            first_action,
            merged_into_id: row.merged_into_id,
            handoff_issues: row.handoff_issues.0,
            has_sealed_details: coded.has_sealed_details,
            is_test: row.is_test,
            received_at: row.received_at,
            recorded_at: row.recorded_at,
            acknowledged_at: row.times.acknowledged_at,
            contacting_at: row.times.contacting_at,
            connected_at: row.times.connected_at,
            handed_off_at: row.times.handed_off_at,
            closed_at: row.times.closed_at,
            partner_withdrawn_at: row.times.partner_withdrawn_at,
        }
    }
}

/// Whether somebody acted on a referral in time, told both ways: counted from when it was entered, and from when it happened. A phone
/// handoff that is logged late may be in time by the one and late by the other. A reopened referral begins anew: both count from the
/// reopening.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "due_at": "2026-06-04T13:00:00Z", "due_by_receipt_at": "2026-06-02T20:00:00Z", "taken_at": "2026-06-03T15:00:00Z", "met": true,
    "met_by_receipt": false
}))]
pub struct FirstActionView {
    /// By when somebody was to act, counted from `recorded_at`. Neither this nor the next changes when the next action is planned
    /// by hand or the site's calendar changes. `null` on referrals from before these times were kept.
    pub due_at: Option<DateTime<Utc>>,
    /// The same, counted from `received_at`.
    pub due_by_receipt_at: Option<DateTime<Utc>>,
    /// When somebody acted: `acknowledged_at`, or `closed_at` of a referral that ended without.
    pub taken_at: Option<DateTime<Utc>>,
    /// Whether that was by `due_at`; `false` as soon as it is overdue, `null` while it is open and not late.
    pub met: Option<bool>,
    /// The same, by `due_by_receipt_at`.
    pub met_by_receipt: Option<bool>,
}

impl FirstActionView {
    fn new(row: &ReferralRow, now: DateTime<Utc>) -> Self {
        let kept = Kept {
            due_at: row.times.first_due_at,
            due_by_receipt_at: row.times.first_due_by_receipt_at,
            acknowledged_at: row.times.acknowledged_at,
            closed_at: row.times.closed_at,
        };
        let seen = first_action::of(&kept, now);
        Self {
            due_at: kept.due_at,
            due_by_receipt_at: kept.due_by_receipt_at,
            taken_at: seen.taken_at,
            met: seen.met,
            met_by_receipt: seen.met_by_receipt,
        }
    }
}

/// A referral as its partner sees it: four classes, and nothing finer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "view": "partner", "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "partner_reference": "LC-2026-00017", "study": "heart-2026",
    "channel": "secure_form", "status": "accepted_for_review", "not_accepted_reason": null,
    "received_at": "2026-06-01T09:00:00Z",
    "handoff": {"code": "7Q2MZK4R9D", "intake_url": "https://intake.riverside.example/start",
        "instruction": "Give the person the code and the intake address. The study team answers all questions."}
}))]
pub struct PartnerReferralView {
    /// Always `partner`.
    pub view: PartnerTag,
    /// Id of the referral.
    pub id: ReferralId,
    /// Your own reference.
    pub partner_reference: Option<Reference>,
    /// Code of the study.
    pub study: Code,
    /// How it came.
    pub channel: Channel,
    /// Where it stands, as far as a partner is told.
    pub status: PartnerReferralStatus,
    /// Why it was not accepted, for `not_accepted`.
    pub not_accepted_reason: Option<NotAcceptedReason>,
    /// When it happened.
    pub received_at: DateTime<Utc>,
    /// What you hand to the person.
    pub handoff: Handoff,
}

impl PartnerReferralView {
    /// The partner's view at `now`, with months counted in the site's time zone.
    ///
    /// `None` where nobody referred: such a referral is no partner's.
    #[must_use]
    pub fn new(own: OwnReferral, site: &SiteRow, now: DateTime<Utc>) -> Option<Self> {
        let row = own.referral;
        row.route_id?;
        let (status, not_accepted_reason) = partner_view::classify(&row.facts(), site.zone(), now);
        let handoff = Handoff::new(row.handoff_code, own.route, site);
        Some(Self {
            view: PartnerTag::Partner,
            id: row.id,
            partner_reference: row.partner_reference,
            study: own.study_code,
            channel: row.channel,
            status,
            not_accepted_reason,
            received_at: row.received_at,
            handoff,
        })
    }
}

/// A referral, in the caller's view; `view` tells which.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(discriminator(property_name = "view", mapping(
    ("site" = "#/components/schemas/ReferralView"),
    ("partner" = "#/components/schemas/PartnerReferralView")
)))]
pub enum ReferralBody {
    /// The site's view: staff and site keys.
    Site(Box<ReferralView>),
    /// The partner's view of its own referral.
    Partner(PartnerReferralView),
}

impl ReferralBody {
    /// Id of the referral.
    pub(super) const fn id(&self) -> ReferralId {
        match self {
            Self::Site(view) => view.id,
            Self::Partner(view) => view.id,
        }
    }
}

/// What the sender hands to the person.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "code": "7Q2MZK4R9D", "intake_url": "https://intake.riverside.example/start",
    "instruction": "Give the person the code and the intake address. The study team answers all questions."
}))]
pub struct Handoff {
    /// The code that the person gives at the intake; `null` when the site reaches the person by itself.
    pub code: Option<HandoffCode>,
    /// Where the person gives details.
    pub intake_url: WebUrl,
    /// What to tell the person on the referral's channel; `null` when the route does not list that channel.
    pub instruction: Option<Instruction>,
}

impl Handoff {
    fn new(code: Option<HandoffCode>, route: RouteWords, site: &SiteRow) -> Self {
        let intake_url = route.intake_url.unwrap_or_else(|| site.intake_url.clone());
        Self { code, intake_url, instruction: route.instruction }
    }
}

/// A page of referrals.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReferralPage {
    /// The referrals, newest first.
    #[schema(max_items = 200)]
    pub data: Vec<ReferralBody>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// What may be done with a referral now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "status": "connected",
    "actions": [
        {"to": "handed_off", "reasons": [], "blocker_required": false},
        {"to": "on_hold", "reasons": [], "blocker_required": true},
        {"to": "closed", "reasons": ["no_longer_interested", "site_capacity"], "blocker_required": false}
    ]
}))]
pub struct ReferralActions {
    /// Where it stands.
    pub status: ReferralStatus,
    /// The moves that this state allows.
    #[schema(max_items = 8)]
    pub actions: Vec<ReferralAction>,
}

/// One move that may be made now.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReferralAction {
    /// The state that it leads to.
    pub to: ReferralStatus,
    /// The reasons that it takes, one of which is required; empty when it takes none.
    #[schema(max_items = 20)]
    pub reasons: Vec<TransitionReason>,
    /// Whether it requires a blocker.
    pub blocker_required: bool,
}

impl ReferralActions {
    /// The moves of a state.
    #[must_use]
    pub fn new(status: ReferralStatus, moves: Vec<AllowedMove>) -> Self {
        let actions = moves
            .into_iter()
            .map(|allowed| ReferralAction {
                to: allowed.to,
                reasons: allowed.reasons,
                blocker_required: allowed.blocker_required,
            })
            .collect();
        Self { status, actions }
    }
}
