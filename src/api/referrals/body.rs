//! What comes in at the referral endpoints.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::{Validate, ValidationError};

use crate::api::extract::{contract, present};
use crate::domain::approved_process::{AgeBand, InterpreterLanguage, PreferredContactTime, SealedNote};
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::MemberId;
use crate::domain::referral_state::TransitionReason;
use crate::domain::sealed_details::Details;
use crate::domain::text::{Code, EmailAddress, PhoneNumber, Reference, SourceTag};
use crate::domain::vocabulary::{
    Attribution, Blocker, Channel, ContactBasis, ContactPath, LateReason, NextAction, PlanReason, ReferralStatus,
};
use crate::error::{AppError, ErrorCode};
use crate::ops::complete_referral::Brought;
use crate::ops::create_referral::NewReferral;
use crate::ops::update_referral::ReferralPatch;
use crate::store::referrals::{Filter, OwnFilter};

/// A referral to send. These fields and no others: codes, references and times.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "study": "heart-2026", "channel": "secure_form", "contact_basis": "permission_to_contact",
    "contact_path": "person_uses_intake"
}))]
pub struct CreateReferral {
    /// Code of the partner that refers. From staff and site keys only; a partner key is the partner.
    pub partner: Option<Code>,
    /// Code of the study.
    pub study: Code,
    /// How the referral reaches the site; one of the route's channels.
    pub channel: Channel,
    /// On what ground the person may be contacted; which ones you may state follows from the partner's type.
    pub contact_basis: ContactBasis,
    /// How the person is reached without being stored here. A partner uses `person_uses_intake`, or under an approved process
    /// `sealed_details`, with `details`.
    pub contact_path: ContactPath,
    /// Your own reference, to find this referral again: an opaque code, unique per partner. Never a name, a date of birth or a record number.
    pub partner_reference: Option<Reference>,
    /// The site's reference to its own record. From staff and site keys only.
    pub external_ref: Option<Reference>,
    /// Why it is recorded after the fact. From staff and site keys only; staff may so record what happened on a route that takes nobody now.
    pub late_reason: Option<LateReason>,
    /// When it happened, if not now: in UTC, not in the future and not more than 366 days ago.
    pub received_at: Option<DateTime<Utc>>,
    /// How the source is recognised; the route's tag if absent. Another tag is taken, and marked `unverified`.
    pub source_tag: Option<SourceTag>,
    /// For recognising a person only (duplicates, withdrawn permission): digested at once and dropped.
    #[serde(rename = "match")]
    #[validate(nested)]
    pub match_details: Option<MatchDetails>,
    /// What an approved process opens for this partner and study, and nothing else: sealed at once, and read by the site alone.
    #[validate(nested)]
    pub details: Option<SendDetails>,
}
contract!(CreateReferral);

/// Details of the person that an approved process opens. Each field needs one that is open today; without it the whole referral is
/// refused (`not_approved`). They are encrypted at once: in no answer, list, event, webhook, export or report.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "details_hold_something"))]
#[schema(example = json!({"preferred_contact_time": "weekday_evening", "interpreter_language": "es"}))]
pub struct SendDetails {
    /// When the person would rather be called.
    pub preferred_contact_time: Option<PreferredContactTime>,
    /// The language that an interpreter would speak.
    pub interpreter_language: Option<InterpreterLanguage>,
    /// How old the person is, in bands.
    pub age_band: Option<AgeBand>,
    /// A note to the study team. Send what the approval covers, and nothing about health.
    pub sealed_note: Option<SealedNote>,
}

// A code tells of a person as much as a note does.
impl std::fmt::Debug for SendDetails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SendDetails(redacted)")
    }
}

impl From<SendDetails> for Details {
    fn from(body: SendDetails) -> Self {
        Self {
            preferred_contact_time: body.preferred_contact_time,
            interpreter_language: body.interpreter_language,
            age_band: body.age_band,
            sealed_note: body.sealed_note,
        }
    }
}

fn details_hold_something(details: &SendDetails) -> Result<(), ValidationError> {
    let SendDetails { preferred_contact_time, interpreter_language, age_band, sealed_note } = details;
    if preferred_contact_time.is_some() || interpreter_language.is_some() || age_band.is_some() || sealed_note.is_some() {
        return Ok(());
    }
    let mut error = ValidationError::new("details_hold_something");
    error.add_param("pointer".into(), &"/details");
    Err(error.with_message("Send at least one field, or leave `details` out.".into()))
}

/// Contact details to match by. They become keyed digests (HMAC-SHA256 under the site's key) at once: never stored, logged or echoed.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "holds_something"))]
#[schema(example = json!({"email": "person@mail.example", "phone": "+1 202 555 0123"}))]
pub struct MatchDetails {
    /// E-mail address, compared without regard to case.
    pub email: Option<EmailAddress>,
    /// Telephone number, read in the site's default region unless it begins with `+`.
    pub phone: Option<PhoneNumber>,
}

fn holds_something(details: &MatchDetails) -> Result<(), ValidationError> {
    if details.email.is_some() || details.phone.is_some() {
        return Ok(());
    }
    let mut error = ValidationError::new("holds_something");
    error.add_param("pointer".into(), &"/match");
    Err(error.with_message("Send `email`, `phone` or both.".into()))
}

impl From<CreateReferral> for NewReferral {
    fn from(body: CreateReferral) -> Self {
        let (email, phone) = body.match_details.map_or((None, None), |details| (details.email, details.phone));
        Self {
            partner: body.partner,
            study: body.study,
            channel: body.channel,
            contact_basis: body.contact_basis,
            contact_path: body.contact_path,
            partner_reference: body.partner_reference,
            external_ref: body.external_ref,
            late_reason: body.late_reason,
            received_at: body.received_at,
            source_tag: body.source_tag,
            email,
            phone,
            details: body.details.map(Details::from),
            quarantine: None,
        }
    }
}

/// Where to move a referral.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to": "closed", "reason": "no_longer_interested"}))]
pub struct TransitionReferral {
    /// The state to move to.
    pub to: ReferralStatus,
    /// A close reason to close, a reopen reason to reopen; otherwise none. Eligibility, enrolment and diagnoses are never a reason.
    pub reason: Option<TransitionReason>,
    /// Why it waits; for `on_hold` alone.
    pub blocker: Option<Blocker>,
}
contract!(TransitionReferral);

/// A change to a referral (JSON Merge Patch): absent leaves a field, `null` clears it where it may be empty.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "next_action": "arrange_handoff", "next_action_due_at": "2026-06-03T15:00:00Z", "reason": "agreed_with_person", "blocker": null
}))]
pub struct UpdateReferral {
    /// The member responsible for the next action: an active admin or coordinator of the site.
    #[schema(nullable = false)]
    pub owner_id: Option<MemberId>,
    /// What the owner does next. Another one is due anew, after the route's or the site's hours, unless `next_action_due_at` says when.
    #[schema(nullable = false)]
    pub next_action: Option<NextAction>,
    /// By when: from now on and within 366 days, in UTC.
    #[schema(nullable = false)]
    pub next_action_due_at: Option<DateTime<Utc>>,
    /// Why you set `owner_id`, `next_action` or `next_action_due_at` by hand: required with any of them, refused without. It stands in
    /// the audit trail.
    #[schema(nullable = false)]
    pub reason: Option<PlanReason>,
    /// Why it waits; it stays in its state. Any move but a hold clears it, and so does `null`, but not on hold, which needs one.
    /// Another blocker on hold sets the next action that follows from it, unless `next_action` is sent too.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Blocker>)]
    pub blocker: Option<Option<Blocker>>,
    /// The site's reference to its own record, also of a closed referral; `null` clears it, unless `contact_path` is `site_record`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Reference>)]
    pub external_ref: Option<Option<Reference>>,
}
contract!(UpdateReferral);

impl From<UpdateReferral> for ReferralPatch {
    fn from(body: UpdateReferral) -> Self {
        Self {
            owner_id: body.owner_id,
            next_action: body.next_action,
            next_action_due_at: body.next_action_due_at,
            reason: body.reason,
            blocker: body.blocker,
            external_ref: body.external_ref,
        }
    }
}

/// What you bring to a referral that waits for you; `{}` when the site asked for something outside of this API.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"partner_reference": "LC-2026-00017"}))]
pub struct CompleteReferral {
    /// Your own reference, if the referral has none yet: an opaque code, unique per partner. Never a name, a date of birth or a record number.
    pub partner_reference: Option<Reference>,
    /// How the source is recognised. Another tag than the route's is taken, and marked `unverified`.
    pub source_tag: Option<SourceTag>,
    /// For finding duplicates only: digested at once and dropped. A kind of detail that was sent before stays as it was.
    #[serde(rename = "match")]
    #[validate(nested)]
    pub match_details: Option<MatchDetails>,
}
contract!(CompleteReferral);

impl From<CompleteReferral> for Brought {
    fn from(body: CompleteReferral) -> Self {
        let (email, phone) = body.match_details.map_or((None, None), |details| (details.email, details.phone));
        Self { partner_reference: body.partner_reference, source_tag: body.source_tag, email, phone }
    }
}

/// Which referrals to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListReferrals {
    /// Only referrals in this state. For the site.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub status: Option<ReferralStatus>,
    /// Only referrals for this study, by code.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub study: Option<Code>,
    /// Only referrals from this partner, by code. For the site.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub partner: Option<Code>,
    /// Only referrals of this owner. For the site.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub owner_id: Option<MemberId>,
    /// Only referrals over this channel.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub channel: Option<Channel>,
    /// Only referrals with a source that is as sure as this. For the site.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub attribution: Option<Attribution>,
    /// Only the referral with this reference of its partner.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub partner_reference: Option<Reference>,
    /// Only referrals with this reference of the site. For the site.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub external_ref: Option<Reference>,
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before, with the same filters.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListReferrals);

impl ListReferrals {
    /// The filters alone: what a cursor is bound to.
    pub(super) fn filters(&self) -> impl Serialize + use<'_> {
        let Self { status, study, partner, owner_id, channel, attribution, partner_reference, external_ref, .. } = self;
        (status, study, partner, owner_id, channel, attribution, partner_reference, external_ref)
    }

    /// Refuses the filters that would tell a partner what its view does not.
    pub(super) fn refuse_site_filters(&self) -> Result<(), AppError> {
        let sent = [
            ("/status", self.status.is_some()),
            ("/partner", self.partner.is_some()),
            ("/owner_id", self.owner_id.is_some()),
            ("/attribution", self.attribution.is_some()),
            ("/external_ref", self.external_ref.is_some()),
        ];
        let faults: Vec<Fault> = sent
            .into_iter()
            .filter(|(_, sent)| *sent)
            .map(|(parameter, _)| Fault::new(parameter, FaultCode::Inconsistent, "Only the site filters by this. Leave it out."))
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(AppError::new(ErrorCode::InvalidParameter).with_faults(faults)) }
    }
}

impl From<&ListReferrals> for Filter {
    fn from(query: &ListReferrals) -> Self {
        let own =
            OwnFilter { study: query.study.clone(), channel: query.channel, partner_reference: query.partner_reference.clone() };
        Self {
            own,
            status: query.status,
            partner: query.partner.clone(),
            owner: query.owner_id,
            attribution: query.attribution,
            external_ref: query.external_ref.clone(),
        }
    }
}
