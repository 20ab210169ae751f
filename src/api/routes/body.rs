//! What goes in and out of the route endpoints.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::{Validate, ValidationError};

use super::boundaries::{BoundariesView, SetBoundaries};
use crate::api::extract::{contract, present};
use crate::api::views::{PartnerTag, SiteTag};
use crate::domain::ids::{MemberId, RouteId};
use crate::domain::text::{ApprovalReference, Code, Instruction, Reference, WebUrl};
use crate::domain::vocabulary::{Channel, DuplicatePolicy, RouteStatus};
use crate::ops::create_route::NewRoute;
use crate::ops::update_route::RoutePatch;
use crate::store::routes::RouteContext;

/// A handoff route to configure.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "owners_differ"))]
#[schema(example = json!({
    "partner": "lakeside-cardiology", "study": "heart-2026", "channels": ["secure_form", "self_referral"],
    "source_tag": "lakeside-heart", "instruction": "Give the person the code and the intake address. The study team answers all questions.",
    "owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "backup_owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f49",
    "duplicate_policy": "review_all"
}))]
pub struct CreateRoute {
    /// Code of the partner.
    pub partner: Code,
    /// Code of the study.
    pub study: Code,
    /// How people may come; each channel once.
    #[schema(min_items = 1, max_items = 4)]
    #[validate(custom(function = "each_once"))]
    pub channels: Vec<Channel>,
    /// How the source is recognised; unique within the site.
    pub source_tag: Reference,
    /// Where a person gives details; the site's intake URL if absent.
    pub intake_url: Option<WebUrl>,
    /// What the partner tells the person to do.
    pub instruction: Instruction,
    /// The member responsible for the next action.
    pub owner_id: MemberId,
    /// The member who takes it when the owner stalls; another one.
    pub backup_owner_id: MemberId,
    /// Which possible duplicates the site reviews.
    pub duplicate_policy: DuplicatePolicy,
    /// Approval reference for grounds of contact that need one (`irb_partial_waiver`).
    pub approval_reference: Option<ApprovalReference>,
    /// Hours until the first action on a referral is due; the site's if absent.
    #[schema(minimum = 1, maximum = 2160)]
    pub acknowledge_due_hours: Option<i32>,
    /// Hours until a contact attempt is due; the site's if absent.
    #[schema(minimum = 1, maximum = 2160)]
    pub contact_due_hours: Option<i32>,
    /// Hours until any later action is due; the site's if absent.
    #[schema(minimum = 1, maximum = 2160)]
    pub follow_up_due_hours: Option<i32>,
    /// What the partner may do for the study and what it must not; whole lists if absent.
    #[validate(nested)]
    pub boundaries: Option<SetBoundaries>,
}
contract!(CreateRoute);

fn owners_differ(route: &CreateRoute) -> Result<(), ValidationError> {
    if route.owner_id != route.backup_owner_id {
        return Ok(());
    }
    let mut error = ValidationError::new("owners_differ");
    error.add_param("pointer".into(), &"/backup_owner_id");
    Err(error.with_message("The backup owner must be another member than the owner.".into()))
}

fn each_once(channels: &[Channel]) -> Result<(), ValidationError> {
    let distinct: std::collections::BTreeSet<_> = channels.iter().collect();
    if distinct.len() == channels.len() {
        return Ok(());
    }
    Err(ValidationError::new("each_once").with_message("Name each channel once.".into()))
}

impl From<CreateRoute> for NewRoute {
    fn from(body: CreateRoute) -> Self {
        Self {
            partner: body.partner,
            study: body.study,
            channels: body.channels,
            source_tag: body.source_tag,
            intake_url: body.intake_url,
            instruction: body.instruction,
            owner_id: body.owner_id,
            backup_owner_id: body.backup_owner_id,
            duplicate_policy: body.duplicate_policy,
            approval_reference: body.approval_reference,
            acknowledge_due_hours: body.acknowledge_due_hours,
            contact_due_hours: body.contact_due_hours,
            follow_up_due_hours: body.follow_up_due_hours,
            boundaries: body.boundaries.map(Into::into).unwrap_or_default(),
        }
    }
}

/// A change to a handoff route (JSON Merge Patch): absent leaves a field, `null` clears it where it may be empty.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"channels": ["secure_form"], "contact_due_hours": 48, "intake_url": null}))]
pub struct UpdateRoute {
    /// How people may come; each channel once.
    #[schema(nullable = false, min_items = 1, max_items = 4)]
    #[validate(custom(function = "each_once"))]
    pub channels: Option<Vec<Channel>>,
    /// How the source is recognised; unique within the site.
    #[schema(nullable = false)]
    pub source_tag: Option<Reference>,
    /// Where a person gives details; `null`: at the site's intake URL.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<WebUrl>)]
    pub intake_url: Option<Option<WebUrl>>,
    /// What the partner tells the person to do.
    #[schema(nullable = false)]
    pub instruction: Option<Instruction>,
    /// The member responsible for the next action.
    #[schema(nullable = false)]
    pub owner_id: Option<MemberId>,
    /// The member who takes it when the owner stalls; another one.
    #[schema(nullable = false)]
    pub backup_owner_id: Option<MemberId>,
    /// Which possible duplicates the site reviews.
    #[schema(nullable = false)]
    pub duplicate_policy: Option<DuplicatePolicy>,
    /// Approval reference for grounds of contact that need one; `null` clears it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<ApprovalReference>)]
    pub approval_reference: Option<Option<ApprovalReference>>,
    /// Hours until the first action on a referral is due; `null`: the site's.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 2160)]
    pub acknowledge_due_hours: Option<Option<i32>>,
    /// Hours until a contact attempt is due; `null`: the site's.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 2160)]
    pub contact_due_hours: Option<Option<i32>>,
    /// Hours until any later action is due; `null`: the site's.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 2160)]
    pub follow_up_due_hours: Option<Option<i32>>,
    /// What the partner may do for the study and what it must not: lists that are sent take the place of those that are there.
    #[schema(nullable = false)]
    #[validate(nested)]
    pub boundaries: Option<SetBoundaries>,
}
contract!(UpdateRoute);

impl From<UpdateRoute> for RoutePatch {
    fn from(body: UpdateRoute) -> Self {
        Self {
            channels: body.channels,
            source_tag: body.source_tag,
            intake_url: body.intake_url,
            instruction: body.instruction,
            owner_id: body.owner_id,
            backup_owner_id: body.backup_owner_id,
            duplicate_policy: body.duplicate_policy,
            approval_reference: body.approval_reference,
            acknowledge_due_hours: body.acknowledge_due_hours,
            contact_due_hours: body.contact_due_hours,
            follow_up_due_hours: body.follow_up_due_hours,
            boundaries: body.boundaries.map(Into::into).unwrap_or_default(),
        }
    }
}

/// A handoff route as the site sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "view": "site", "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "partner": "lakeside-cardiology", "study": "heart-2026", "status": "launched",
    "channels": ["secure_form", "self_referral"], "source_tag": "lakeside-heart", "intake_url": null,
    "instruction": "Give the person the code and the intake address. The study team answers all questions.",
    "owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "backup_owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f49",
    "duplicate_policy": "review_all", "approval_reference": null, "acknowledge_due_hours": null, "contact_due_hours": 48,
    "follow_up_due_hours": null,
    "boundaries": {"may": ["mention_study", "hand_over", "collect_listed_fields"], "may_not": ["imply_eligibility", "enrol_or_consent",
        "answer_consent_questions", "collect_health_information", "discuss_results", "promise_payment", "promise_treatment",
        "use_other_language"]}
}))]
pub struct RouteView {
    /// Always `site`.
    pub view: SiteTag,
    /// Id of the route.
    pub id: RouteId,
    /// Code of the partner.
    pub partner: Code,
    /// Code of the study.
    pub study: Code,
    /// Where it stands; only a launched route takes live referrals.
    pub status: RouteStatus,
    /// How people may come.
    #[schema(max_items = 4)]
    pub channels: Vec<Channel>,
    /// How the source is recognised.
    pub source_tag: Reference,
    /// Where a person gives details; `null`: at the site's intake URL.
    pub intake_url: Option<WebUrl>,
    /// What the partner tells the person to do.
    pub instruction: Instruction,
    /// The member responsible for the next action.
    pub owner_id: MemberId,
    /// The member who takes it when the owner stalls.
    pub backup_owner_id: MemberId,
    /// Which possible duplicates the site reviews.
    pub duplicate_policy: DuplicatePolicy,
    /// Approval reference for grounds of contact that need one.
    pub approval_reference: Option<ApprovalReference>,
    /// Hours until the first action on a referral is due; `null`: the site's.
    #[schema(minimum = 1, maximum = 2160)]
    pub acknowledge_due_hours: Option<i32>,
    /// Hours until a contact attempt is due; `null`: the site's.
    #[schema(minimum = 1, maximum = 2160)]
    pub contact_due_hours: Option<i32>,
    /// Hours until any later action is due; `null`: the site's.
    #[schema(minimum = 1, maximum = 2160)]
    pub follow_up_due_hours: Option<i32>,
    /// What the partner may do for the study and what it must not.
    pub boundaries: BoundariesView,
}

impl From<RouteContext> for RouteView {
    fn from(context: RouteContext) -> Self {
        let route = context.route;
        let boundaries = route.boundaries().into();
        Self {
            view: SiteTag::Site,
            id: route.id,
            partner: context.partner_code,
            study: context.study_code,
            status: route.status,
            channels: route.channels.0,
            source_tag: route.source_tag,
            intake_url: route.intake_url,
            instruction: route.instruction,
            owner_id: route.owner_id,
            backup_owner_id: route.backup_owner_id,
            duplicate_policy: route.duplicate_policy,
            approval_reference: route.approval_reference,
            acknowledge_due_hours: route.acknowledge_due_hours,
            contact_due_hours: route.contact_due_hours,
            follow_up_due_hours: route.follow_up_due_hours,
            boundaries,
        }
    }
}

/// A handoff route as its partner sees it: nothing of the site's people.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "view": "partner", "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "study": "heart-2026", "status": "launched",
    "channels": ["secure_form", "self_referral"], "source_tag": "lakeside-heart",
    "instruction": "Give the person the code and the intake address. The study team answers all questions.",
    "boundaries": {"may": ["mention_study", "hand_over"], "may_not": ["imply_eligibility", "enrol_or_consent", "answer_consent_questions",
        "collect_health_information", "discuss_results", "promise_payment", "promise_treatment", "use_other_language"]}
}))]
pub struct PartnerRouteView {
    /// Always `partner`.
    pub view: PartnerTag,
    /// Id of the route.
    pub id: RouteId,
    /// Code of the study.
    pub study: Code,
    /// Where it stands; only a launched route takes live referrals.
    pub status: RouteStatus,
    /// How people may come.
    #[schema(max_items = 4)]
    pub channels: Vec<Channel>,
    /// The tag that names you as the source.
    pub source_tag: Reference,
    /// What you tell the person to do.
    pub instruction: Instruction,
    /// What you may do for the study and what you must not.
    pub boundaries: BoundariesView,
}

impl From<RouteContext> for PartnerRouteView {
    fn from(context: RouteContext) -> Self {
        let route = context.route;
        let boundaries = route.boundaries().into();
        Self {
            view: PartnerTag::Partner,
            id: route.id,
            study: context.study_code,
            status: route.status,
            channels: route.channels.0,
            source_tag: route.source_tag,
            instruction: route.instruction,
            boundaries,
        }
    }
}

/// A handoff route, in the caller's view; `view` tells which.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(discriminator(property_name = "view", mapping(
    ("site" = "#/components/schemas/RouteView"),
    ("partner" = "#/components/schemas/PartnerRouteView")
)))]
pub enum RouteBody {
    /// The site's view: staff and site keys.
    Site(RouteView),
    /// The partner's view of its own route.
    Partner(PartnerRouteView),
}

/// A page of handoff routes.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoutePage {
    /// The routes, in the order in which they were configured.
    #[schema(max_items = 200)]
    pub data: Vec<RouteBody>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// Which handoff routes to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListRoutes {
    /// Only routes of this partner, by code.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub partner: Option<Code>,
    /// Only routes for this study, by code.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub study: Option<Code>,
    /// Only routes in this state.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub status: Option<RouteStatus>,
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before, with the same filters.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListRoutes);
