//! The site and its settings.

use actix_web::web::Data;
use actix_web::{HttpResponse, get, patch};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::extract::{Body, IfMatch, IfMatchHeader, contract};
use super::idempotency::{Write, write};
use super::read::read;
use super::reply::{Reply, version_tag};
use crate::auth::Caller;
use crate::auth::permission::{ManageSite, ReadSite};
use crate::domain::ids::SiteId;
use crate::domain::text::{CalendarDate, OpeningHours, PhoneRegion, PublicName, TimeZoneName, WebUrl};
use crate::error::AppError;
use crate::ops;
use crate::ops::update_site::SitePatch;
use crate::state::AppState;
use crate::store;
use crate::store::sites::SiteRow;

/// The site's settings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "name": "Riverside Clinical Research", "time_zone": "America/New_York",
    "default_phone_region": "US", "intake_url": "https://intake.riverside.example/start", "acknowledge_due_hours": 24,
    "contact_due_hours": 72, "follow_up_due_hours": 120, "suppression_threshold": 11,
    "business_hours": ["monday 08:00-12:00", "monday 13:00-17:00", "tuesday 08:00-16:00"],
    "holidays": ["2026-07-03", "2026-12-25"], "escalation_hours": 8,
    "sealed_details_retention_days": 30, "contact_digests_retention_days": 730, "created_at": "2026-06-01T09:00:00Z", "updated_at": "2026-06-01T09:00:00Z"
}))]
pub struct SiteView {
    /// Id of the site.
    pub id: SiteId,
    /// Its name.
    pub name: PublicName,
    /// IANA time zone: calendar months, business hours and holidays are counted in it.
    pub time_zone: TimeZoneName,
    /// ISO 3166 region in which telephone numbers without a country code are read.
    pub default_phone_region: PhoneRegion,
    /// Where a person gives details, unless the route names another place.
    pub intake_url: WebUrl,
    /// Hours of `business_hours` until the first action on a referral is due, unless the route says otherwise.
    #[schema(minimum = 1, maximum = 2160)]
    pub acknowledge_due_hours: i32,
    /// Hours of `business_hours` until a contact attempt is due, unless the route says otherwise.
    #[schema(minimum = 1, maximum = 2160)]
    pub contact_due_hours: i32,
    /// Hours of `business_hours` until any later action is due, unless the route says otherwise.
    #[schema(minimum = 1, maximum = 2160)]
    pub follow_up_due_hours: i32,
    /// The smallest count that leaves to partners and viewers; 11 or more.
    #[schema(minimum = 11, maximum = 1000)]
    pub suppression_threshold: i32,
    /// When the site works, on the wall clock of its time zone: due times count these hours only. Empty: every hour counts.
    #[schema(max_items = 42)]
    pub business_hours: Vec<OpeningHours>,
    /// Dates on which it does not work, whatever their weekday.
    #[schema(max_items = 400)]
    pub holidays: Vec<CalendarDate>,
    /// Hours of `business_hours` between one step of an escalation and the next.
    #[schema(minimum = 1, maximum = 720)]
    pub escalation_hours: i32,
    /// Days that sealed details are kept once their referral has closed; then they are purged.
    #[schema(minimum = 1, maximum = 365)]
    pub sealed_details_retention_days: i32,
    /// Days that keyed digests of contact details are kept once their referral has closed; then nothing recognises its person any more,
    /// and a new referral of theirs is no duplicate of it; one that is opened again later stays without them. Whoever asked not to be
    /// contacted is still known.
    #[schema(minimum = 30, maximum = 3650)]
    pub contact_digests_retention_days: i32,
    /// When the site was set up.
    pub created_at: DateTime<Utc>,
    /// When its settings last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<SiteRow> for SiteView {
    fn from(row: SiteRow) -> Self {
        Self {
            id: row.site_id,
            name: row.name,
            time_zone: row.time_zone,
            default_phone_region: row.default_phone_region,
            intake_url: row.intake_url,
            acknowledge_due_hours: row.acknowledge_due_hours,
            contact_due_hours: row.contact_due_hours,
            follow_up_due_hours: row.follow_up_due_hours,
            suppression_threshold: row.suppression_threshold,
            business_hours: row.business_hours.0,
            holidays: row.holidays.0,
            escalation_hours: row.escalation_hours,
            sealed_details_retention_days: row.sealed_details_retention_days,
            contact_digests_retention_days: row.contact_digests_retention_days,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A change to the site's settings (JSON Merge Patch): absent leaves a field.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "contact_due_hours": 48, "business_hours": ["monday 08:00-17:00", "tuesday 08:00-17:00"], "holidays": ["2026-12-25"]
}))]
pub struct UpdateSite {
    /// Its name.
    #[schema(nullable = false)]
    pub name: Option<PublicName>,
    /// IANA time zone: calendar months, business hours and holidays are counted in it.
    #[schema(nullable = false)]
    pub time_zone: Option<TimeZoneName>,
    /// ISO 3166 region in which telephone numbers without a country code are read, from now on.
    #[schema(nullable = false)]
    pub default_phone_region: Option<PhoneRegion>,
    /// Where a person gives details, unless the route names another place.
    #[schema(nullable = false)]
    pub intake_url: Option<WebUrl>,
    /// Hours of `business_hours` until the first action on a referral is due, unless the route says otherwise.
    #[schema(nullable = false, minimum = 1, maximum = 2160)]
    pub acknowledge_due_hours: Option<i32>,
    /// Hours of `business_hours` until a contact attempt is due, unless the route says otherwise.
    #[schema(nullable = false, minimum = 1, maximum = 2160)]
    pub contact_due_hours: Option<i32>,
    /// Hours of `business_hours` until any later action is due, unless the route says otherwise.
    #[schema(nullable = false, minimum = 1, maximum = 2160)]
    pub follow_up_due_hours: Option<i32>,
    /// The smallest count that leaves to partners and viewers; 11 or more.
    #[schema(nullable = false, minimum = 11, maximum = 1000)]
    pub suppression_threshold: Option<i32>,
    /// When the site works, on the wall clock of its time zone: the whole week, in place of what was there. A weekday may have
    /// several periods that do not overlap; work over midnight is two periods, until 24:00 and from 00:00. `[]`: every hour counts.
    #[schema(nullable = false, max_items = 42)]
    pub business_hours: Option<Vec<OpeningHours>>,
    /// Dates on which it does not work, whatever their weekday: all of them, in place of what was there; each once.
    #[schema(nullable = false, max_items = 400)]
    pub holidays: Option<Vec<CalendarDate>>,
    /// Hours of `business_hours` between one step of an escalation and the next.
    #[schema(nullable = false, minimum = 1, maximum = 720)]
    pub escalation_hours: Option<i32>,
    /// Days that sealed details are kept once their referral has closed; then they are purged. It counts for those that are there too.
    #[schema(nullable = false, minimum = 1, maximum = 365)]
    pub sealed_details_retention_days: Option<i32>,
    /// Days that keyed digests of contact details are kept once their referral has closed; then nothing recognises its person any more.
    /// It counts for those that are there too, and what is gone does not come back.
    #[schema(nullable = false, minimum = 30, maximum = 3650)]
    pub contact_digests_retention_days: Option<i32>,
}
contract!(UpdateSite);

impl From<UpdateSite> for SitePatch {
    fn from(body: UpdateSite) -> Self {
        Self {
            name: body.name,
            time_zone: body.time_zone,
            default_phone_region: body.default_phone_region,
            intake_url: body.intake_url,
            acknowledge_due_hours: body.acknowledge_due_hours,
            contact_due_hours: body.contact_due_hours,
            follow_up_due_hours: body.follow_up_due_hours,
            suppression_threshold: body.suppression_threshold,
            business_hours: body.business_hours,
            holidays: body.holidays,
            escalation_hours: body.escalation_hours,
            sealed_details_retention_days: body.sealed_details_retention_days,
            contact_digests_retention_days: body.contact_digests_retention_days,
        }
    }
}

/// Read the site's settings
///
/// The site is the caller's own: credentials belong to exactly one.
#[utoipa::path(
    operation_id = "get_site", tag = "site",
    responses((status = 200, description = "The settings as they are now.", body = SiteView)),
)]
#[get("/v1/site")]
pub async fn get_site(caller: Caller<ReadSite>, app: Data<AppState>) -> Result<HttpResponse, AppError> {
    let site = read(&app, &caller, |conn, context| Ok(store::sites::current(conn, &context.scope)?)).await?;
    let etag = version_tag(site.version);
    Ok(Reply::ok(&SiteView::from(site), etag)?.into_response())
}

/// Change the site's settings
///
/// Due times that are running stay as they are, also when the calendar changes. The suppression threshold may be raised, and lowered
/// to 11 at the least.
#[utoipa::path(
    operation_id = "update_site", tag = "site",
    params(IfMatchHeader),
    request_body(content = UpdateSite, description = "What to change; `application/merge-patch+json` is taken too."),
    responses((status = 200, description = "The settings as they are now.", body = SiteView)),
)]
#[patch("/v1/site")]
pub async fn update_site(
    caller: Caller<ManageSite>,
    if_match: IfMatch,
    body: Body<UpdateSite>,
    app: Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let patch = body.value.into();
    write(&app, &caller, Write::unkeyed("update_site", &body.canonical), move |conn, context| {
        let site = ops::update_site::run(conn, context, &if_match.0, patch)?;
        let etag = version_tag(site.version);
        Reply::ok(&SiteView::from(site), etag)
    })
    .await
}
