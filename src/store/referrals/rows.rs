//! Referrals as rows: what is kept, what a move writes, what a list asks for.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::domain::CodeList;
use crate::domain::ids::{LanguageVersionId, MemberId, PartnerId, ReferralId, RouteId, SiteId, StudyId};
use crate::domain::referral_state::Facts;
use crate::domain::text::{Code, HandoffCode, Instruction, Reference, SourceTag, WebUrl};
use crate::domain::vocabulary::{
    Attribution, Blocker, Channel, CloseReason, ContactBasis, ContactPath, Escalation, HandoffIssue, LateReason, NextAction,
    QuarantineReason, ReferralStatus, ReopenReason,
};
use crate::schema::referrals;
use crate::store::routes::RouteRow;

/// A referral as it is kept: codes, ids and times.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
// What is absent is bound as NULL: as a default it would be another statement each time, which nothing prepares.
#[diesel(table_name = referrals, treat_none_as_default_value = false)]
pub struct ReferralRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id; ids sort by the time of recording.
    pub id: ReferralId,
    /// Who referred; `None`: nobody that is known.
    pub partner_id: Option<PartnerId>,
    /// To what.
    pub study_id: StudyId,
    /// Over which route; there is one where somebody referred.
    pub route_id: Option<RouteId>,
    /// How it came.
    pub channel: Channel,
    /// How its source is recognised, as it was sent; `None`: nothing was, and no route was known.
    pub source_tag: Option<SourceTag>,
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
    /// The blocker that a pause of the study covers.
    pub held_blocker: Option<Blocker>,
    /// The last step of its escalation.
    pub escalation: Option<Escalation>,
    /// The record that goes on for the same person.
    pub merged_into_id: Option<ReferralId>,
    /// The language version that its partner had acknowledged; `None`: nobody referred, or it was recorded late without one.
    pub language_version_id: Option<LanguageVersionId>,
    /// When it got where it stands, and what is due.
    #[diesel(embed)]
    pub times: Times,
}

impl ReferralRow {
    /// What its partner's view of it depends on.
    #[must_use]
    pub const fn facts(&self) -> Facts {
        Facts {
            status: self.status,
            blocker: self.blocker,
            held_blocker: self.held_blocker,
            close_reason: self.close_reason,
            recorded_at: self.recorded_at,
            closed_at: self.times.closed_at,
            withdrawn: self.times.partner_withdrawn_at.is_some(),
        }
    }
}

/// The times of a referral: when it passed which step, and when what is due.
#[derive(Debug, Clone, Copy, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = referrals, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Times {
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
    /// When its partner withdrew it; a reopen clears it.
    pub partner_withdrawn_at: Option<DateTime<Utc>>,
    /// Since when it waits.
    pub blocked_since: Option<DateTime<Utc>>,
    /// When its first action was due, counted from its recording (or its reopening).
    pub first_due_at: Option<DateTime<Utc>>,
    /// When its first action was due, counted from its receipt (or its reopening).
    pub first_due_by_receipt_at: Option<DateTime<Utc>>,
    /// When the next step is due.
    pub escalate_at: Option<DateTime<Utc>>,
    /// By when.
    pub next_action_due_at: Option<DateTime<Utc>>,
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
    /// The next version.
    pub version: i32,
    /// The blocker that a pause of the study covers.
    pub held_blocker: Option<Blocker>,
    /// The last step of its escalation: another state begins without one.
    pub escalation: Option<Escalation>,
    /// When it got there, and what is due.
    #[diesel(embed)]
    pub times: Times,
}

/// What a change without a transition writes: always all of these.
#[derive(Debug, Clone, PartialEq, Eq, AsChangeset)]
#[diesel(table_name = referrals, treat_none_as_null = true)]
pub struct Revision {
    /// Responsible for the next action.
    pub owner_id: MemberId,
    /// Why it waits.
    pub blocker: Option<Blocker>,
    /// What the owner does next.
    pub next_action: Option<NextAction>,
    /// By when.
    pub next_action_due_at: Option<DateTime<Utc>>,
    /// The site's reference in its own system.
    pub external_ref: Option<Reference>,
    /// The blocker that a pause of the study covers.
    pub held_blocker: Option<Blocker>,
    /// Since when it waits.
    pub blocked_since: Option<DateTime<Utc>>,
    /// The last step of its escalation.
    pub escalation: Option<Escalation>,
    /// When the next step is due.
    pub escalate_at: Option<DateTime<Utc>>,
}

/// What a partner's completion writes beside the new state.
#[derive(Debug, Clone, AsChangeset)]
#[diesel(table_name = referrals, treat_none_as_null = true)]
pub struct Completion {
    /// The partner's own reference.
    pub partner_reference: Option<Reference>,
    /// How its source is recognised.
    pub source_tag: Option<SourceTag>,
    /// How sure the source is.
    pub attribution: Attribution,
}

/// A referral with the codes of its partner and study, and what its route hands to the person.
#[derive(Debug, Clone, Queryable)]
pub struct CodedReferral {
    /// The referral.
    pub referral: ReferralRow,
    /// The partner's code; `None`: nobody referred.
    pub partner_code: Option<Code>,
    /// The study's code.
    pub study_code: Code,
    /// What its route hands to the person.
    pub route: RouteWords,
    /// Whether sealed details are kept of it; a partner's request sees none.
    pub has_sealed_details: bool,
}

impl CodedReferral {
    /// A referral beside what its route, if it has one, hands to the person.
    #[must_use]
    pub fn new(referral: ReferralRow, partner_code: Option<Code>, study_code: Code, route: Option<RouteRow>) -> Self {
        let route = route.map(|route| RouteWords {
            instruction: route.instruction_on(referral.channel).cloned(),
            intake_url: route.intake_url,
        });
        let route = route.unwrap_or_default();
        Self { referral, partner_code, study_code, route, has_sealed_details: false }
    }
}

/// What a route hands to the person; nothing where nobody referred.
#[derive(Debug, Default, Clone, Queryable)]
pub struct RouteWords {
    /// Where the person gives details; `None`: at the site's intake URL.
    pub intake_url: Option<WebUrl>,
    /// What the partner tells the person to do on the referral's channel; `None` where the route does not list it now.
    pub instruction: Option<Instruction>,
}

/// A referral as far as its partner sees it, which is a quarter of it: what a page of a partner reads.
#[derive(Debug, Queryable)]
pub struct OwnReferral {
    /// The referral.
    pub referral: OwnReferralRow,
    /// The study's code.
    pub study_code: Code,
    /// What its route hands to the person.
    pub route: RouteWords,
}

/// The columns of a referral that a partner's view is made of.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = referrals)]
pub struct OwnReferralRow {
    /// Its id.
    pub id: ReferralId,
    /// Over which route.
    pub route_id: Option<RouteId>,
    /// How it came.
    pub channel: Channel,
    /// What the person gives at the intake.
    pub handoff_code: Option<HandoffCode>,
    /// The partner's own reference.
    pub partner_reference: Option<Reference>,
    /// Where it stands.
    pub status: ReferralStatus,
    /// Why it waits.
    pub blocker: Option<Blocker>,
    /// The blocker that a pause of the study covers.
    pub held_blocker: Option<Blocker>,
    /// Why it ended.
    pub close_reason: Option<CloseReason>,
    /// When it happened.
    pub received_at: DateTime<Utc>,
    /// When it was entered.
    pub recorded_at: DateTime<Utc>,
    /// Ended.
    pub closed_at: Option<DateTime<Utc>>,
    /// When its partner withdrew it.
    pub partner_withdrawn_at: Option<DateTime<Utc>>,
}

impl OwnReferralRow {
    /// What its partner's view of it depends on.
    #[must_use]
    pub const fn facts(&self) -> Facts {
        Facts {
            status: self.status,
            blocker: self.blocker,
            held_blocker: self.held_blocker,
            close_reason: self.close_reason,
            recorded_at: self.recorded_at,
            closed_at: self.closed_at,
            withdrawn: self.partner_withdrawn_at.is_some(),
        }
    }
}

impl From<CodedReferral> for OwnReferral {
    fn from(coded: CodedReferral) -> Self {
        let row = coded.referral;
        let referral = OwnReferralRow {
            id: row.id,
            route_id: row.route_id,
            channel: row.channel,
            handoff_code: row.handoff_code,
            partner_reference: row.partner_reference,
            status: row.status,
            blocker: row.blocker,
            held_blocker: row.held_blocker,
            close_reason: row.close_reason,
            received_at: row.received_at,
            recorded_at: row.recorded_at,
            closed_at: row.times.closed_at,
            partner_withdrawn_at: row.times.partner_withdrawn_at,
        };
        Self { referral, study_code: coded.study_code, route: coded.route }
    }
}
