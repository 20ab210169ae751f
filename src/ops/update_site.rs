//! Changing the site's settings.

use super::record::{Change, record};
use super::route_configurations::Changed;
use super::{Context, Expected, facts, void_proofs};
use crate::db::Conn;
use crate::domain::CodeList;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::RouteId;
use crate::domain::journal::SubjectKind;
use crate::domain::public_url;
use crate::domain::text::{CalendarDate, OpeningHours, PhoneRegion, PublicName, TimeZoneName, WebUrl};
use crate::domain::working_time;
use crate::error::AppError;
use crate::store;
use crate::store::sites::{SiteChanges, SiteRow};

/// What to change; `None` leaves a field.
#[derive(Debug, Default)]
pub struct SitePatch {
    /// Its name.
    pub name: Option<PublicName>,
    /// IANA time zone.
    pub time_zone: Option<TimeZoneName>,
    /// ISO 3166 region of telephone numbers without a country code.
    pub default_phone_region: Option<PhoneRegion>,
    /// Where a person gives details.
    pub intake_url: Option<WebUrl>,
    /// Hours until the first action is due.
    pub acknowledge_due_hours: Option<i32>,
    /// Hours until a contact attempt is due.
    pub contact_due_hours: Option<i32>,
    /// Hours until everything after is due.
    pub follow_up_due_hours: Option<i32>,
    /// The smallest count that leaves to partners and viewers.
    pub suppression_threshold: Option<i32>,
    /// When it works; empty: always.
    pub business_hours: Option<Vec<OpeningHours>>,
    /// On which dates it does not.
    pub holidays: Option<Vec<CalendarDate>>,
    /// Working hours between two steps of an escalation.
    pub escalation_hours: Option<i32>,
    /// Days that sealed details are kept once their referral has ended.
    pub sealed_details_retention_days: Option<i32>,
    /// Days that contact digests are kept once their referral has closed.
    pub contact_digests_retention_days: Option<i32>,
}

/// Changes the site. Due times that are running stay as they are: they were promised under the old hours and the old calendar.
///
/// # Errors
/// 412 when it has changed since it was read, 422 with every fault: a time zone or a region that does not exist, a calendar that
/// contradicts itself.
pub fn run(conn: &mut Conn, context: &Context, expected: &Expected, patch: SitePatch) -> Result<SiteRow, AppError> {
    let site = store::sites::lock_current(conn, &context.scope)?;
    expected.check(site.version)?;
    let faults = faults(&patch);
    if !faults.is_empty() {
        return Err(AppError::invalid(faults));
    }
    let changes = SiteChanges {
        name: patch.name,
        time_zone: patch.time_zone,
        default_phone_region: patch.default_phone_region,
        intake_url: patch.intake_url,
        acknowledge_due_hours: patch.acknowledge_due_hours,
        contact_due_hours: patch.contact_due_hours,
        follow_up_due_hours: patch.follow_up_due_hours,
        suppression_threshold: patch.suppression_threshold,
        business_hours: patch.business_hours.map(CodeList),
        holidays: patch.holidays.map(CodeList),
        escalation_hours: patch.escalation_hours,
        sealed_details_retention_days: patch.sealed_details_retention_days,
        contact_digests_retention_days: patch.contact_digests_retention_days,
        version: site.version + 1,
        updated_at: context.now,
    };
    let changed = store::sites::update(conn, &context.scope, &changes)?;
    let (before, after) = (facts::of_site(&site), facts::of_site(&changed));
    let mut recorded = vec![Change::new("update_site", SubjectKind::Site, changed.site_id.0, before, after)];
    if site.intake_url != changed.intake_url {
        recorded.extend(move_intake(conn, context, &site, &changed)?);
    }
    record(conn, context, recorded)?;
    Ok(changed)
}

/// Routes without an intake of their own send people to the site's: where that moves, each of them has changed.
fn move_intake(conn: &mut Conn, context: &Context, before: &SiteRow, after: &SiteRow) -> Result<Vec<Change>, AppError> {
    let scope = &context.scope;
    let routes = store::routes::lock_at_site_intake(conn, scope)?;
    if routes.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<RouteId> = routes.iter().map(|route| route.id).collect();
    store::routes::count_change(conn, scope, &ids, context.now)?;
    let changed: Vec<_> =
        routes.iter().map(|route| Changed { before: Some(route.configuration(before).hash()), route }).collect();
    let voided = void_proofs::run(conn, context, "update_site", after, &changed)?;
    let changes = routes.iter().map(|route| {
        let facts = || facts::of_route(route);
        Change::new("update_site", SubjectKind::Route, route.id.0, facts(), facts()).touching("intake_url", true)
    });
    Ok(changes.chain(voided).collect())
}

/// What has the form of a zone, a region or a calendar and is none.
fn faults(patch: &SitePatch) -> Vec<Fault> {
    let zone = patch.time_zone.as_ref().is_some_and(|zone| zone.as_str().parse::<chrono_tz::Tz>().is_err());
    let region =
        patch.default_phone_region.as_ref().is_some_and(|region| region.as_str().parse::<phonenumber::country::Id>().is_err());
    let unsafe_url = patch.intake_url.as_ref().and_then(|url| public_url::fault("/intake_url", url));
    let unknown = [
        (zone, "/time_zone", "Send the name of an IANA time zone, such as America/New_York."),
        (region, "/default_phone_region", "Send an ISO 3166 region that has telephone numbers, such as US."),
    ]
    .into_iter()
    .filter(|(is_unknown, _, _)| *is_unknown)
    .map(|(_, pointer, message)| Fault::new(pointer, FaultCode::UnknownValue, message));
    let hours = working_time::faults_of_hours(patch.business_hours.as_deref().unwrap_or_default());
    let holidays = working_time::faults_of_holidays(patch.holidays.as_deref().unwrap_or_default());
    unknown.chain(unsafe_url).chain(hours).chain(holidays).collect()
}
