//! What goes out of the route endpoints.

use serde::Serialize;
use utoipa::ToSchema;

use super::body::ChannelSetup;
use super::boundaries::BoundariesView;
use crate::api::views::{PartnerTag, SiteTag};
use crate::domain::ids::{MemberId, RouteId};
use crate::domain::intake_link;
use crate::domain::text::{ApprovalReference, Code, ConfigurationHash, SourceTag, WebUrl};
use crate::domain::vocabulary::{DuplicatePolicy, RouteStatus};
use crate::store::routes::RouteContext;
use crate::store::sites::SiteRow;

/// A handoff route as the site sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "view": "site", "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "partner": "lakeside-cardiology", "study": "heart-2026", "status": "launched",
    "channels": [{"channel": "secure_form", "instruction": "Give the person the code and the intake address. The study team answers all questions."}],
    "source_tag": "lakeside-heart", "intake_url": null,
    "intake_link": "https://intake.riverside.example/start?utm_source=lakeside-heart&utm_medium=handoff&utm_campaign=heart-2026",
    "owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "backup_owner_id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f49",
    "duplicate_policy": "review_all", "approval_reference": null, "acknowledge_due_hours": null, "contact_due_hours": 48,
    "follow_up_due_hours": null, "monthly_capacity": 40,
    "configuration_hash": "9d60413d49651f5d294b489ca4e4fae538847ae4fee3d2e1fa96e8e4f61023a4",
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
    /// How people may come, and what the partner tells them there.
    #[schema(max_items = 4)]
    pub channels: Vec<ChannelSetup>,
    /// How the source is recognised.
    pub source_tag: SourceTag,
    /// Where a person gives details; `null`: at the site's intake URL.
    pub intake_url: Option<WebUrl>,
    /// The intake address that applies, with source and study as campaign parameters: for pages, mailings and QR codes.
    #[schema(max_length = 800, format = "uri")]
    pub intake_link: String,
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
    /// How many referrals the route takes in a calendar month of the site; `null`: any number.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub monthly_capacity: Option<i32>,
    /// What a launch proof binds. Status and monthly capacity are not part of it, and neither is the order of the channels.
    pub configuration_hash: ConfigurationHash,
    /// What the partner may do for the study and what it must not.
    pub boundaries: BoundariesView,
}

impl RouteView {
    /// The view of a route at this site.
    #[must_use]
    pub fn new(context: RouteContext, site: &SiteRow) -> Self {
        let route = context.route;
        let boundaries = route.boundaries().into();
        let configuration_hash = route.configuration(site).hash();
        let intake_link = intake_link::of(route.intake_url_at(site), &route.source_tag, &context.study_code);
        Self {
            view: SiteTag::Site,
            id: route.id,
            partner: context.partner_code,
            study: context.study_code,
            status: route.status,
            channels: ChannelSetup::all(route.route_channels()),
            source_tag: route.source_tag,
            intake_url: route.intake_url,
            intake_link,
            owner_id: route.owner_id,
            backup_owner_id: route.backup_owner_id,
            duplicate_policy: route.duplicate_policy,
            approval_reference: route.approval_reference,
            acknowledge_due_hours: route.acknowledge_due_hours,
            contact_due_hours: route.contact_due_hours,
            follow_up_due_hours: route.follow_up_due_hours,
            monthly_capacity: route.monthly_capacity,
            configuration_hash,
            boundaries,
        }
    }
}

/// A handoff route as its partner sees it: nothing of the site's people.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "view": "partner", "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "study": "heart-2026", "status": "launched",
    "channels": [{"channel": "secure_form", "instruction": "Give the person the code and the intake address. The study team answers all questions."}],
    "source_tag": "lakeside-heart",
    "intake_link": "https://intake.riverside.example/start?utm_source=lakeside-heart&utm_medium=handoff&utm_campaign=heart-2026",
    "boundaries": {"may": ["mention_study", "hand_over", "collect_listed_fields"], "may_not": ["imply_eligibility", "enrol_or_consent",
        "answer_consent_questions", "collect_health_information", "discuss_results", "promise_payment", "promise_treatment",
        "use_other_language"]}
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
    /// How people may come, and what the partner tells them there.
    #[schema(max_items = 4)]
    pub channels: Vec<ChannelSetup>,
    /// The tag that names you as the source.
    pub source_tag: SourceTag,
    /// The intake address with you as the source and the study as campaign parameters: for pages, mailings and QR codes.
    #[schema(max_length = 800, format = "uri")]
    pub intake_link: String,
    /// What you may do for the study and what you must not.
    pub boundaries: BoundariesView,
}

impl PartnerRouteView {
    /// The view of a partner's route at this site.
    #[must_use]
    pub fn new(context: RouteContext, site: &SiteRow) -> Self {
        let route = context.route;
        let boundaries = route.boundaries().into();
        let intake_link = intake_link::of(route.intake_url_at(site), &route.source_tag, &context.study_code);
        Self {
            view: PartnerTag::Partner,
            id: route.id,
            study: context.study_code,
            status: route.status,
            channels: ChannelSetup::all(route.route_channels()),
            source_tag: route.source_tag,
            intake_link,
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
    Site(Box<RouteView>),
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
