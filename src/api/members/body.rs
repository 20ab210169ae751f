//! What goes in and out of the member endpoints.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::{Validate, ValidationError};

use crate::api::extract::{contract, present};
use crate::domain::alerting::{AlertChannel, Reachability};
use crate::domain::ids::MemberId;
use crate::domain::text::{Code, DisplayName, IssuerUrl, MemberEmail, Subject};
use crate::domain::vocabulary::Role;
use crate::ops::add_member::Identity;
use crate::ops::deactivate_member::Successors;
use crate::ops::update_member::MemberPatch;
use crate::store::members::MemberContext;

/// Who a member is to the site's identity provider: what its tokens say, compared character by character.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"issuer": "https://login.site.example/realms/research", "subject": "5f2c8f0e-8f1d-4d52-9a5e-1b8f6c1f7a11"}))]
pub struct MemberIdentity {
    /// The `iss` of its tokens: one that the server trusts for this site.
    pub issuer: IssuerUrl,
    /// The `sub` of its tokens.
    pub subject: Subject,
}

impl From<MemberIdentity> for Identity {
    fn from(identity: MemberIdentity) -> Self {
        Self { issuer: identity.issuer, subject: identity.subject }
    }
}

/// A member to add.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "display_name": "Sam Viewer", "email": "sam@site.example", "role": "viewer", "studies": ["heart-2026"]
}))]
pub struct CreateMember {
    /// What colleagues call the member.
    pub display_name: DisplayName,
    /// Where alerts go; unique within the site, and kept in lower case.
    pub email: MemberEmail,
    /// What the member may do.
    pub role: Role,
    /// For a viewer alone: the codes of the studies whose reports it sees. None if absent.
    #[serde(default)]
    #[schema(max_items = 100)]
    #[validate(custom(function = "each_once"))]
    pub studies: Vec<Code>,
    /// Who the member is to the site's identity provider. Without it the member signs in with tokens of the operator only.
    pub identity: Option<MemberIdentity>,
}
contract!(CreateMember);

fn each_once(codes: &[Code]) -> Result<(), ValidationError> {
    let distinct: BTreeSet<_> = codes.iter().collect();
    if distinct.len() == codes.len() {
        return Ok(());
    }
    Err(ValidationError::new("each_once").with_message("Name each study once.".into()))
}

/// A change to a member (JSON Merge Patch): absent leaves a field.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"role": "coordinator", "is_site_lead": true}))]
pub struct UpdateMember {
    /// What colleagues call the member.
    #[schema(nullable = false)]
    pub display_name: Option<DisplayName>,
    /// Where alerts go; unique within the site, and kept in lower case.
    #[schema(nullable = false)]
    pub email: Option<MemberEmail>,
    /// What the member may do, from its next request on. The last active admin stays one; whoever has open work cannot become a
    /// viewer. A member that is a viewer no more loses its studies.
    #[schema(nullable = false)]
    pub role: Option<Role>,
    /// For a viewer alone: the codes of all studies whose reports it sees, in place of those it has.
    #[schema(nullable = false, max_items = 100)]
    #[validate(custom(function = "each_once"))]
    pub studies: Option<Vec<Code>>,
    /// `true` makes this member the site lead, in place of whoever is. `false` is refused on the site lead: name its successor
    /// instead.
    #[schema(nullable = false)]
    pub is_site_lead: Option<bool>,
    /// Who the member is to the site's identity provider, from its next request on; `null` takes that away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<MemberIdentity>)]
    pub identity: Option<Option<MemberIdentity>>,
    /// Over which channels alerts reach the member, in place of those it has; each once. `[]`: over none, so that it counts as
    /// unreachable.
    #[schema(nullable = false, max_items = 2)]
    #[validate(custom(function = "each_channel_once"))]
    pub alert_channels: Option<Vec<AlertChannel>>,
}
contract!(UpdateMember);

fn each_channel_once(channels: &[AlertChannel]) -> Result<(), ValidationError> {
    let distinct: BTreeSet<_> = channels.iter().collect();
    if distinct.len() == channels.len() {
        return Ok(());
    }
    Err(ValidationError::new("each_once").with_message("Name each channel once.".into()))
}

impl From<UpdateMember> for MemberPatch {
    fn from(body: UpdateMember) -> Self {
        Self {
            display_name: body.display_name,
            email: body.email,
            role: body.role,
            studies: body.studies,
            is_site_lead: body.is_site_lead,
            identity: body.identity.map(|identity| identity.map(Identity::from)),
            alert_channels: body.alert_channels,
        }
    }
}

/// Who takes over from a member that is deactivated; `{}` when there is nothing to take.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reassign_to": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f49"}))]
pub struct DeactivateMember {
    /// The member who gets every open referral and every place as owner or backup owner of a route: another active admin or
    /// coordinator. Without it a member with open work is not deactivated.
    #[schema(nullable = false)]
    pub reassign_to: Option<MemberId>,
    /// Who becomes the site lead: another active admin or coordinator. Required when the member is the site lead, refused when
    /// it is not.
    #[schema(nullable = false)]
    pub new_site_lead: Option<MemberId>,
}
contract!(DeactivateMember);

impl From<DeactivateMember> for Successors {
    fn from(body: DeactivateMember) -> Self {
        Self { reassign_to: body.reassign_to, new_site_lead: body.new_site_lead }
    }
}

/// A member of the site.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "display_name": "Dana Coordinator", "email": "dana@site.example",
    "role": "coordinator", "is_site_lead": false, "active": true, "studies": [],
    "identity": {"issuer": "https://login.site.example/realms/research", "subject": "5f2c8f0e-8f1d-4d52-9a5e-1b8f6c1f7a11"},
    "alert_channels": ["email"], "alert_reachability": "reachable", "unreachable_since": null,
    "created_at": "2026-06-01T09:00:00Z", "updated_at": "2026-06-01T09:00:00Z"
}))]
pub struct MemberView {
    /// Id of the member: the owner on referrals and routes.
    pub id: MemberId,
    /// What colleagues call the member.
    pub display_name: DisplayName,
    /// Where alerts go.
    pub email: MemberEmail,
    /// What the member may do.
    pub role: Role,
    /// Whether the member is the last in every escalation. A site has exactly one.
    pub is_site_lead: bool,
    /// Whether the member may log in and own work.
    pub active: bool,
    /// The codes of the studies whose reports a viewer sees; empty for everybody else.
    #[schema(max_items = 100)]
    pub studies: Vec<Code>,
    /// Who the member is to the site's identity provider; `null` when it signs in with tokens of the operator only.
    pub identity: Option<MemberIdentity>,
    /// Over which channels alerts reach the member.
    #[schema(max_items = 2)]
    pub alert_channels: Vec<AlertChannel>,
    /// Whether they do. Derived: it changes without a change of the member.
    pub alert_reachability: Reachability,
    /// Since when they do not; `null` unless every channel fails.
    pub unreachable_since: Option<DateTime<Utc>>,
    /// When the member was added.
    pub created_at: DateTime<Utc>,
    /// When the member last changed.
    pub updated_at: DateTime<Utc>,
}

impl MemberView {
    /// A member, with whether alerts reach it and since when not.
    pub(super) fn new(
        context: MemberContext,
        (alert_reachability, unreachable_since): (Reachability, Option<DateTime<Utc>>),
    ) -> Self {
        let member = context.member;
        Self {
            id: member.id,
            display_name: member.display_name,
            email: member.email,
            role: member.role,
            is_site_lead: member.is_site_lead,
            active: member.active,
            identity: member.issuer.zip(member.subject).map(|(issuer, subject)| MemberIdentity { issuer, subject }),
            studies: context.studies.into_iter().map(|(_, code)| code).collect(),
            alert_channels: member.alert_channels.0,
            alert_reachability,
            unreachable_since,
            created_at: member.created_at,
            updated_at: member.updated_at,
        }
    }
}

/// A page of members.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberPage {
    /// The members, in the order in which they were added.
    #[schema(max_items = 200)]
    pub data: Vec<MemberView>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// Which members to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListMembers {
    /// Only members with this role.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub role: Option<Role>,
    /// `true`: only active members; `false`: only deactivated ones.
    #[schema(nullable = false)]
    #[param(nullable = false, example = true)]
    pub active: Option<bool>,
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before, with the same filters.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListMembers);
