//! Routes as rows: what is kept, what a change writes, what every use of a route needs.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::domain::CodeList;
use crate::domain::boundaries::{Boundaries, PartnerMay, PartnerMayNot};
use crate::domain::ids::{MemberId, PartnerId, RouteId, SiteId, StudyId};
use crate::domain::next_action::{DueHours, DueTerms};
use crate::domain::route_config::{Configuration, RouteChannel};
use crate::domain::text::{ApprovalReference, Code, Instruction, SourceTag, WebUrl};
use crate::domain::vocabulary::{Channel, DuplicatePolicy, PartnerStatus, PartnerType, RouteStatus, StudyStatus};
use crate::schema::handoff_routes;
use crate::store::sites::SiteRow;

/// A route as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = handoff_routes)]
pub struct RouteRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id.
    pub id: RouteId,
    /// Who refers.
    pub partner_id: PartnerId,
    /// To what.
    pub study_id: StudyId,
    /// How people may come.
    pub channels: CodeList<Channel>,
    /// How the source is recognised.
    pub source_tag: SourceTag,
    /// Where a person gives details; `None`: at the site's intake URL.
    pub intake_url: Option<WebUrl>,
    /// What the partner tells the person to do: one for each of `channels`, in their order.
    pub instruction: CodeList<Instruction>,
    /// Responsible for the next action.
    pub owner_id: MemberId,
    /// Takes it when the owner stalls.
    pub backup_owner_id: MemberId,
    /// Which possible duplicates are reviewed.
    pub duplicate_policy: DuplicatePolicy,
    /// Approval for grounds of contact that need one.
    pub approval_reference: Option<ApprovalReference>,
    /// Hours until the first action is due; `None`: the site's.
    pub acknowledge_due_hours: Option<i32>,
    /// Hours until a contact attempt is due; `None`: the site's.
    pub contact_due_hours: Option<i32>,
    /// Hours until everything after is due; `None`: the site's.
    pub follow_up_due_hours: Option<i32>,
    /// Where it stands.
    pub status: RouteStatus,
    /// Counts changes.
    pub version: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// What the partner may do for the study.
    pub may: CodeList<PartnerMay>,
    /// What it must not do.
    pub may_not: CodeList<PartnerMayNot>,
    /// How many referrals it takes in a calendar month; `None`: any number.
    pub monthly_capacity: Option<i32>,
}

impl RouteRow {
    /// What its partner may do for the study and what it must not.
    #[must_use]
    pub fn boundaries(&self) -> Boundaries {
        Boundaries { may: self.may.0.clone(), may_not: self.may_not.0.clone() }
    }

    /// Its channels, each with its instruction.
    #[must_use]
    pub fn route_channels(&self) -> Vec<RouteChannel> {
        let pairs = self.channels.0.iter().zip(&self.instruction.0);
        pairs.map(|(channel, instruction)| RouteChannel { channel: *channel, instruction: instruction.clone() }).collect()
    }

    /// What the partner tells the person to do on this channel; `None` where it is not listed.
    #[must_use]
    pub fn instruction_on(&self, channel: Channel) -> Option<&Instruction> {
        let mut pairs = self.channels.0.iter().zip(&self.instruction.0);
        pairs.find(|(listed, _)| **listed == channel).map(|(_, instruction)| instruction)
    }

    /// Where people are sent: the route's own intake, or the site's.
    #[must_use]
    pub fn intake_url_at<'a>(&'a self, site: &'a SiteRow) -> &'a WebUrl {
        self.intake_url.as_ref().unwrap_or(&site.intake_url)
    }

    /// What a launch proof of this route binds.
    #[must_use]
    pub fn configuration(&self, site: &SiteRow) -> Configuration {
        Configuration {
            partner_id: self.partner_id,
            study_id: self.study_id,
            channels: self.route_channels(),
            source_tag: self.source_tag.clone(),
            intake_url: self.intake_url_at(site).clone(),
            owner_id: self.owner_id,
            backup_owner_id: self.backup_owner_id,
            duplicate_policy: self.duplicate_policy,
            approval_reference: self.approval_reference.clone(),
            acknowledge_due_hours: self.acknowledge_due_hours,
            contact_due_hours: self.contact_due_hours,
            follow_up_due_hours: self.follow_up_due_hours,
        }
    }

    /// What decides when an action on this route is due.
    #[must_use]
    pub fn due_terms(&self, site: &SiteRow) -> DueTerms {
        let default = site.due_hours();
        let hours = DueHours {
            acknowledge: self.acknowledge_due_hours.unwrap_or(default.acknowledge),
            contact: self.contact_due_hours.unwrap_or(default.contact),
            follow_up: self.follow_up_due_hours.unwrap_or(default.follow_up),
        };
        DueTerms { hours, working_time: site.working_time() }
    }
}

/// What a change may touch; `None` leaves a field, `Some(None)` clears it.
#[derive(Debug, Default, AsChangeset)]
#[diesel(table_name = handoff_routes)]
pub struct RouteChanges {
    /// How people may come.
    pub channels: Option<CodeList<Channel>>,
    /// How the source is recognised.
    pub source_tag: Option<SourceTag>,
    /// Where a person gives details.
    pub intake_url: Option<Option<WebUrl>>,
    /// What the partner tells the person to do, for each of `channels`.
    pub instruction: Option<CodeList<Instruction>>,
    /// Responsible for the next action.
    pub owner_id: Option<MemberId>,
    /// Takes it when the owner stalls.
    pub backup_owner_id: Option<MemberId>,
    /// Which possible duplicates are reviewed.
    pub duplicate_policy: Option<DuplicatePolicy>,
    /// Approval for grounds of contact that need one.
    pub approval_reference: Option<Option<ApprovalReference>>,
    /// Hours until the first action is due.
    pub acknowledge_due_hours: Option<Option<i32>>,
    /// Hours until a contact attempt is due.
    pub contact_due_hours: Option<Option<i32>>,
    /// Hours until everything after is due.
    pub follow_up_due_hours: Option<Option<i32>>,
    /// How many referrals it takes in a calendar month.
    pub monthly_capacity: Option<Option<i32>>,
    /// Where it stands.
    pub status: Option<RouteStatus>,
    /// What the partner may do for the study.
    pub may: Option<CodeList<PartnerMay>>,
    /// What it must not do.
    pub may_not: Option<CodeList<PartnerMayNot>>,
    /// The next version.
    pub version: i32,
    /// When it changed.
    pub updated_at: DateTime<Utc>,
}

/// A route with the codes and states that every use of it needs: one query.
#[derive(Debug, Clone, Queryable)]
pub struct RouteContext {
    /// The route.
    pub route: RouteRow,
    /// The partner's code.
    pub partner_code: Code,
    /// The partner's type.
    pub partner_type: PartnerType,
    /// The partner's status.
    pub partner_status: PartnerStatus,
    /// The study's code.
    pub study_code: Code,
    /// The study's status.
    pub study_status: StudyStatus,
}
