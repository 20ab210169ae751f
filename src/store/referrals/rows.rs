//! Referrals as rows: what is kept, what a move writes, what a list asks for.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::domain::CodeList;
use crate::domain::ids::{LanguageVersionId, MemberId, PartnerId, ReferralId, RouteId, SiteId, StudyId};
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
    /// Where the person gives details; `None`: at the site's intake URL.
    pub route_intake_url: Option<WebUrl>,
    /// The channels that its route lists now; `None`: nobody referred.
    pub route_channels: Option<CodeList<Channel>>,
    /// What the partner tells the person to do on each of them.
    pub route_instructions: Option<CodeList<Instruction>>,
    /// Whether sealed details are kept of it; a partner's request sees none.
    pub has_sealed_details: bool,
}

impl CodedReferral {
    /// A referral beside what its route, if it has one, hands to the person.
    #[must_use]
    pub fn new(referral: ReferralRow, partner_code: Option<Code>, study_code: Code, route: Option<RouteRow>) -> Self {
        let (route_intake_url, route_channels, route_instructions) = match route {
            Some(route) => (route.intake_url, Some(route.channels), Some(route.instruction)),
            None => (None, None, None),
        };
        Self {
            referral,
            partner_code,
            study_code,
            route_intake_url,
            route_channels,
            route_instructions,
            has_sealed_details: false,
        }
    }

    /// What the partner tells the person to do on the referral's channel; `None` where the route does not list it.
    #[must_use]
    pub fn instruction(&self) -> Option<&Instruction> {
        let pairs =
            self.route_channels.iter().flat_map(|list| &list.0).zip(self.route_instructions.iter().flat_map(|list| &list.0));
        pairs.filter(|(channel, _)| **channel == self.referral.channel).map(|(_, instruction)| instruction).next()
    }
}

/// Which referrals a list shows.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
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
    /// With a source that is as sure as this.
    pub attribution: Option<Attribution>,
    /// With this reference of the partner's.
    pub partner_reference: Option<Reference>,
    /// With this reference of the site's.
    pub external_ref: Option<Reference>,
}
