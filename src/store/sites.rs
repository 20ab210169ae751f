//! The site itself.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;

use crate::auth::SiteScope;
use crate::domain::CodeList;
use crate::domain::calendar;
use crate::domain::ids::SiteId;
use crate::domain::next_action::{DueHours, DueTerms};
use crate::domain::text::{CalendarDate, OpeningHours, PhoneRegion, PublicName, TimeZoneName, WebUrl};
use crate::domain::working_time::WorkingTime;
use crate::schema::sites;

/// The site's settings.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = sites)]
pub struct SiteRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Its name.
    pub name: PublicName,
    /// IANA time zone.
    pub time_zone: TimeZoneName,
    /// ISO 3166 region in which telephone numbers without a country code are read.
    pub default_phone_region: PhoneRegion,
    /// Where a person gives details.
    pub intake_url: WebUrl,
    /// Hours until the first action is due.
    pub acknowledge_due_hours: i32,
    /// Hours until a contact attempt is due.
    pub contact_due_hours: i32,
    /// Hours until everything after is due.
    pub follow_up_due_hours: i32,
    /// The smallest count that leaves to partners and viewers.
    pub suppression_threshold: i32,
    /// Whether it is the sample site, which alone may be removed.
    pub is_sample: bool,
    /// Counts changes.
    pub version: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it works; empty: always.
    pub business_hours: CodeList<OpeningHours>,
    /// On which dates it does not.
    pub holidays: CodeList<CalendarDate>,
    /// Working hours between two steps of an escalation.
    pub escalation_hours: i32,
    /// Days that sealed details are kept once their referral has ended.
    pub sealed_details_retention_days: i32,
    /// Days that contact digests are kept once their referral has ended.
    pub contact_digests_retention_days: i32,
}

impl SiteRow {
    /// The site's default hours until an action is due.
    #[must_use]
    pub const fn due_hours(&self) -> DueHours {
        DueHours { acknowledge: self.acknowledge_due_hours, contact: self.contact_due_hours, follow_up: self.follow_up_due_hours }
    }

    /// What decides when an action is due that no route decides about.
    #[must_use]
    pub fn due_terms(&self) -> DueTerms {
        DueTerms { hours: self.due_hours(), working_time: self.working_time() }
    }

    /// When it works.
    #[must_use]
    pub fn working_time(&self) -> WorkingTime {
        WorkingTime::new(self.zone(), &self.business_hours.0, &self.holidays.0)
    }

    /// The zone its calendar months are counted in; an unknown name reads as UTC.
    #[must_use]
    pub fn zone(&self) -> chrono_tz::Tz {
        self.time_zone.as_str().parse().unwrap_or(chrono_tz::UTC)
    }

    /// The day of its calendar at this moment.
    #[must_use]
    pub fn day_of(&self, now: DateTime<Utc>) -> NaiveDate {
        calendar::day_of(now, self.zone())
    }
}

/// The caller's site.
///
/// # Errors
/// A database failure; `NotFound` when the site was removed a moment ago.
pub fn current(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<SiteRow> {
    sites::table.filter(sites::site_id.eq(scope.site())).select(SiteRow::as_select()).first(conn)
}

/// The caller's site, whose settings stay until the transaction ends (`FOR SHARE`). It comes after members and before routes.
///
/// # Errors
/// A database failure; `NotFound` when the site was removed a moment ago.
pub fn hold(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<SiteRow> {
    sites::table.filter(sites::site_id.eq(scope.site())).select(SiteRow::as_select()).for_share().first(conn)
}

/// What a change may touch; `None` leaves a field.
#[derive(Debug, Default, AsChangeset)]
#[diesel(table_name = sites)]
pub struct SiteChanges {
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
    /// When it works.
    pub business_hours: Option<CodeList<OpeningHours>>,
    /// On which dates it does not.
    pub holidays: Option<CodeList<CalendarDate>>,
    /// Working hours between two steps of an escalation.
    pub escalation_hours: Option<i32>,
    /// Days that sealed details are kept once their referral has ended.
    pub sealed_details_retention_days: Option<i32>,
    /// Days that contact digests are kept once their referral has ended.
    pub contact_digests_retention_days: Option<i32>,
    /// The next version.
    pub version: i32,
    /// When it changed.
    pub updated_at: DateTime<Utc>,
}

/// The caller's site, locked until the transaction ends. Its key stays free: every row that is written points at it.
///
/// # Errors
/// A database failure; `NotFound` when the site was removed a moment ago.
pub fn lock_current(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<SiteRow> {
    sites::table.filter(sites::site_id.eq(scope.site())).select(SiteRow::as_select()).for_no_key_update().first(conn)
}

/// Writes a change and answers the site as it is now.
///
/// # Errors
/// A database failure.
pub fn update(conn: &mut PgConnection, scope: &SiteScope, changes: &SiteChanges) -> QueryResult<SiteRow> {
    diesel::update(sites::table.filter(sites::site_id.eq(scope.site())))
        .set(changes)
        .returning(SiteRow::as_returning())
        .get_result(conn)
}

/// Keeps a new site.
///
/// # Errors
/// A database failure.
pub fn insert(conn: &mut PgConnection, site: &SiteRow) -> QueryResult<()> {
    diesel::insert_into(sites::table).values(site).execute(conn).map(drop)
}

/// Removes the site if it is a sample, with everything in it. Needs the owner: the app role deletes nothing.
///
/// # Errors
/// A database failure.
pub fn delete_sample(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<usize> {
    diesel::delete(sites::table.filter(sites::site_id.eq(scope.site()).and(sites::is_sample.eq(true)))).execute(conn)
}

/// Every site there is, from the directory.
///
/// # Errors
/// A database failure.
pub fn list_all(conn: &mut PgConnection) -> QueryResult<Vec<SiteId>> {
    #[derive(QueryableByName)]
    struct Entry {
        #[diesel(sql_type = diesel::sql_types::Uuid)]
        site_id: SiteId,
    }
    let entries: Vec<Entry> = diesel::sql_query("SELECT list_sites AS site_id FROM directory.list_sites()").load(conn)?;
    Ok(entries.into_iter().map(|entry| entry.site_id).collect())
}

/// Whether the database answers.
///
/// # Errors
/// A database failure.
pub fn ping(conn: &mut PgConnection) -> QueryResult<()> {
    diesel::sql_query("SELECT 1").execute(conn).map(drop)
}
