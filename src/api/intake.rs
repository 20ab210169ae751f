//! The site's intake: who arrives there, and the correction of whom that is credited to.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::extract::{
    Body, IdempotencyKey, IdempotencyKeyHeader, IfMatch, IfMatchHeader, OptionalIdempotencyKey, OptionalIdempotencyKeyHeader,
    PathId, contract,
};
use super::idempotency::{Write, write};
use super::referrals::{MatchDetails, ReferralView};
use super::reply::{Reply, version_tag};
use crate::auth::Caller;
use crate::auth::permission::{CorrectAttribution as MayCorrect, TakeIntake};
use crate::domain::handoff_code;
use crate::domain::ids::ReferralId;
use crate::domain::intake::AttributionReason;
use crate::domain::text::{Code, Reference, SourceTag, SpokenCode};
use crate::domain::vocabulary::LateReason;
use crate::error::AppError;
use crate::ops;
use crate::ops::create_intake::NewIntake;
use crate::privacy::keys::Purpose;
use crate::state::AppState;

/// A person who arrived at the site's intake. Who they are stays in the site's own system.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "study": "heart-2026", "source_tag": "lakeside-heart", "external_ref": "CRM-2026-00031"
}))]
pub struct CreateIntake {
    /// Code of the study that the person wants. Send it whenever you know it: without it, a code or tag that is nobody's is refused. A
    /// code or tag that is for another study counts as nobody's.
    pub study: Option<Code>,
    /// The handoff code that the person brought, as they typed it or said it. It counts before the tag.
    pub handoff_code: Option<SpokenCode>,
    /// The source tag that the person came with, such as that of the link they followed. Another than a route's is kept as it is; one
    /// outside of this alphabet is none: leave it out.
    pub source_tag: Option<SourceTag>,
    /// The site's reference to its own record of the person: how the person is reached.
    pub external_ref: Reference,
    /// When the person arrived, if not now: in UTC, not in the future and not more than 366 days ago.
    pub received_at: Option<DateTime<Utc>>,
    /// Why it is recorded after the fact. With it, staff may credit what happened on a route that takes nobody now.
    pub late_reason: Option<LateReason>,
    /// For recognising a person only (duplicates, withdrawn permission): digested at once and dropped.
    #[serde(rename = "match")]
    #[validate(nested)]
    pub match_details: Option<MatchDetails>,
}
contract!(CreateIntake);

impl From<CreateIntake> for NewIntake {
    fn from(body: CreateIntake) -> Self {
        let (email, phone) = body.match_details.map_or((None, None), |details| (details.email, details.phone));
        Self {
            study: body.study,
            handoff_code: body.handoff_code.as_ref().and_then(handoff_code::understand),
            source_tag: body.source_tag,
            external_ref: body.external_ref,
            received_at: body.received_at,
            late_reason: body.late_reason,
            email,
            phone,
        }
    }
}

/// What came of an arrival.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"attached": true, "referral": {
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
}}))]
pub struct IntakeView {
    /// Whether the referral was there before: its person brought its handoff code.
    pub attached: bool,
    /// The referral as it is now.
    pub referral: ReferralView,
}

/// Take in a person at the intake
///
/// A self-referral that the site's own system records. With the handoff code of an open referral it joins that one (200, `attached`):
/// its `external_ref` is set, contact details are added for matching, what waited for `awaiting_person_reply` goes on, and its owner is
/// told; otherwise its state stays. A closed one is reopened with `person_returned`, unless it ended for good, carries another
/// `external_ref`, or its person had asked for no contact: then the arrival is a new referral from the same source. Codes are
/// understood in any case, with spaces or hyphens, and with O for 0 and I or L for 1.
///
/// Otherwise it is a new referral (201). With the source tag of a route that takes self-referrals now, it is the partner's, `verified`,
/// and owned as on that route. With any other tag or code, an altered one or none, and where the route or the study takes nobody now,
/// nobody is credited: `unverified`, without partner and route, owned by the site lead; the tag is kept as it was sent, a code that is
/// nobody's is not. `correct_attribution` credits it later. Nobody who arrives is dropped, also not for a paused study. A person who
/// withdrew permission to contact is quarantined, as everywhere. Test referrals are never found; test keys take in nobody.
#[utoipa::path(
    operation_id = "create_intake", tag = "intake",
    params(IdempotencyKeyHeader),
    request_body(content = CreateIntake, description = "The arrival. Codes, references and times; nothing about the person but in `match`."),
    responses(
        (status = 200, description = "Joined with the referral of the handoff code.", body = IntakeView),
        (status = 201, description = "Taken as a new referral.", body = IntakeView),
        (status = 403, description = "Your credentials do not carry this operation (`forbidden`, `insufficient_scope`), or it is a test key (`no_open_test_run`)."),
        (status = 409, description = "The open referral of the handoff code carries another `external_ref` (`external_ref_differs`, with `referral_id`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/intake")]
pub async fn create_intake(
    caller: Caller<TakeIntake>,
    key: IdempotencyKey,
    body: Body<CreateIntake>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let new = body.value.into();
    let keyring = app.master.keyring(Purpose::ContactDigest, caller.scope.site());
    write(&app, &caller, Write::new("create_intake", &key, &body.canonical), move |conn, context| {
        let taken = ops::create_intake::run(conn, context, &keyring, &new)?;
        let (id, etag) = (taken.coded.referral.id, version_tag(taken.coded.referral.version));
        let referral = ReferralView::new(taken.coded, &taken.site, context.now);
        let view = IntakeView { attached: taken.attached, referral };
        if taken.attached { Reply::ok(&view, etag) } else { Reply::created(&view, etag, format!("/v1/referrals/{id}")) }
    })
    .await
}

/// Whom a referral is credited to.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"partner": "lakeside-cardiology", "reason": "tag_mistyped"}))]
pub struct CorrectAttribution {
    /// Code of the partner that referred, which has a route for the study; `null`: nobody is known to have.
    #[schema(required = true)]
    pub partner: Option<Code>,
    /// Why; it stands in the audit trail.
    pub reason: AttributionReason,
}
contract!(CorrectAttribution);

/// Correct whom a referral is credited to
///
/// To a partner, over its route for the study (also one that takes nobody now), or to nobody: `attribution` is `corrected` from then
/// on. A partner that loses the referral sees it no more, as if it did not exist; one that gets it sees it as its own. The tag stays as
/// it was sent, and so do owner, next action and due time; `partner_reference` goes with the partner. A correction that says what is
/// there already changes nothing.
#[utoipa::path(
    operation_id = "correct_attribution", tag = "intake",
    params(("id" = ReferralId, Path, description = "Id of the referral."), IfMatchHeader, OptionalIdempotencyKeyHeader),
    request_body(content = CorrectAttribution, description = "Whom it is credited to, and why."),
    responses(
        (status = 200, description = "The referral as it is now.", body = ReferralView),
        (status = 409, description = "It waits for its partner to complete it (`state_conflict`), or the same key is in flight (`idempotency_in_flight`)."),
    ),
)]
#[post("/v1/referrals/{id}/attribution")]
pub async fn correct_attribution(
    caller: Caller<MayCorrect>,
    id: PathId<ReferralId>,
    if_match: IfMatch,
    key: OptionalIdempotencyKey,
    body: Body<CorrectAttribution>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let CorrectAttribution { partner, reason } = body.value;
    let operation = format!("correct_attribution:{}", id.0);
    write(&app, &caller, Write::accepting(operation, &key, &body.canonical), move |conn, context| {
        let (coded, site) = ops::correct_attribution::run(conn, context, id.0, &if_match.0, partner.as_ref(), reason)?;
        let etag = version_tag(coded.referral.version);
        Reply::ok(&ReferralView::new(coded, &site, context.now), etag)
    })
    .await
}
