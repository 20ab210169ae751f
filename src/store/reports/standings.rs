//! Live referrals as they are counted now, and as they were counted last.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::PgRowByRowLoadingMode;
use diesel::prelude::*;
use diesel::upsert::excluded;

use super::somebody;
use crate::auth::SiteScope;
use crate::domain::CodeList;
use crate::domain::ids::{MemberId, PartnerId, ReferralId, SiteId, StudyId};
use crate::domain::referral_state::Facts;
use crate::domain::reports::standing::{Standing, Traits};
use crate::domain::vocabulary::{Attribution, Blocker, Channel, CloseReason, HandoffIssue, LateReason, ReferralStatus};
use crate::schema::{referrals, report_facts};

/// Rows of one statement: far below the 65,535 values that the protocol takes.
const BATCH: usize = 2_000;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = referrals)]
struct StandingRow {
    id: ReferralId,
    study_id: StudyId,
    partner_id: Option<PartnerId>,
    channel: Channel,
    owner_id: MemberId,
    late_reason: Option<LateReason>,
    recorded_at: DateTime<Utc>,
    received_at: DateTime<Utc>,
    clock_started_at: DateTime<Utc>,
    acknowledged_at: Option<DateTime<Utc>>,
    contacting_at: Option<DateTime<Utc>>,
    connected_at: Option<DateTime<Utc>>,
    handed_off_at: Option<DateTime<Utc>>,
    status: ReferralStatus,
    close_reason: Option<CloseReason>,
    attribution: Attribution,
    handoff_issues: CodeList<HandoffIssue>,
    blocker: Option<Blocker>,
    held_blocker: Option<Blocker>,
    closed_at: Option<DateTime<Utc>>,
    partner_withdrawn_at: Option<DateTime<Utc>>,
}

impl StandingRow {
    fn standing(self) -> (ReferralId, Standing) {
        let facts = Facts {
            status: self.status,
            blocker: self.blocker,
            held_blocker: self.held_blocker,
            close_reason: self.close_reason,
            recorded_at: self.recorded_at,
            closed_at: self.closed_at,
            withdrawn: self.partner_withdrawn_at.is_some(),
        };
        let traits = Traits {
            study: self.study_id,
            partner: self.partner_id,
            channel: self.channel,
            owner: self.owner_id,
            is_late: self.late_reason.is_some(),
        };
        let standing = Standing {
            traits,
            facts,
            received_at: self.received_at,
            clock_started_at: self.clock_started_at,
            acknowledged_at: self.acknowledged_at,
            contacting_at: self.contacting_at,
            connected_at: self.connected_at,
            handed_off_at: self.handed_off_at,
            attribution: self.attribution,
            issues: self.handoff_issues.0,
        };
        (self.id, standing)
    }
}

/// Where these live referrals stand.
///
/// # Errors
/// A database failure.
pub fn standings(conn: &mut PgConnection, scope: &SiteScope, ids: &[ReferralId]) -> QueryResult<Vec<(ReferralId, Standing)>> {
    let rows: Vec<StandingRow> = referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::id.eq_any(ids)).and(referrals::is_test.eq(false)))
        .select(StandingRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(StandingRow::standing).collect())
}

/// Hands on where each of the live referrals of these partners stands that was recorded from one moment until before another. They come one by
/// one: a month of a large site would not fit.
///
/// # Errors
/// A database failure.
pub fn each_standing_of(
    conn: &mut PgConnection,
    scope: &SiteScope,
    partners: &[PartnerId],
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    mut take: impl FnMut(Standing),
) -> QueryResult<()> {
    // Ids sort by the time of recording, and the partners' index by them.
    let rows = referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::partner_id.eq_any(partners)))
        .filter(referrals::id.ge(ReferralId::first_at(from)).and(referrals::is_test.eq(false)))
        .filter(referrals::recorded_at.ge(from).and(referrals::recorded_at.lt(until)))
        .select(StandingRow::as_select())
        .load_iter::<StandingRow, PgRowByRowLoadingMode>(conn)?;
    for row in rows {
        take(row?.standing().1);
    }
    Ok(())
}

/// What a referral was last counted as.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = report_facts)]
pub struct FactRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Which one.
    pub referral_id: ReferralId,
    /// For which study.
    pub study_id: StudyId,
    /// From which partner; the nil id: from nobody that is known.
    pub partner_id: PartnerId,
    /// How it came.
    pub channel: Channel,
    /// Who was responsible.
    pub owner_id: MemberId,
    /// Whether it was recorded after the fact.
    pub is_late: bool,
    /// On which day it was recorded.
    pub recorded_on: NaiveDate,
    /// On which day it was received.
    pub received_on: NaiveDate,
    /// Steps of its escalation so far.
    pub escalations: i32,
    /// Under what it was counted, packed.
    pub figures: Vec<u8>,
}

impl FactRow {
    /// What it was filtered and grouped by.
    #[must_use]
    pub fn traits(&self) -> Traits {
        Traits {
            study: self.study_id,
            partner: somebody(self.partner_id),
            channel: self.channel,
            owner: self.owner_id,
            is_late: self.is_late,
        }
    }
}

/// What these referrals were last counted as.
///
/// # Errors
/// A database failure.
pub fn facts(conn: &mut PgConnection, scope: &SiteScope, ids: &[ReferralId]) -> QueryResult<Vec<FactRow>> {
    report_facts::table
        .filter(report_facts::site_id.eq(scope.site()).and(report_facts::referral_id.eq_any(ids)))
        .select(FactRow::as_select())
        .load(conn)
}

/// Keeps what referrals are counted as now.
///
/// # Errors
/// A database failure.
pub fn keep(conn: &mut PgConnection, rows: &[FactRow]) -> QueryResult<()> {
    for rows in rows.chunks(BATCH) {
        diesel::insert_into(report_facts::table)
            .values(rows)
            .on_conflict((report_facts::site_id, report_facts::referral_id))
            .do_update()
            .set((
                report_facts::study_id.eq(excluded(report_facts::study_id)),
                report_facts::partner_id.eq(excluded(report_facts::partner_id)),
                report_facts::channel.eq(excluded(report_facts::channel)),
                report_facts::owner_id.eq(excluded(report_facts::owner_id)),
                report_facts::is_late.eq(excluded(report_facts::is_late)),
                report_facts::recorded_on.eq(excluded(report_facts::recorded_on)),
                report_facts::received_on.eq(excluded(report_facts::received_on)),
                report_facts::escalations.eq(excluded(report_facts::escalations)),
                report_facts::figures.eq(excluded(report_facts::figures)),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// Removes up to `limit` of the site's; answers how many.
///
/// # Errors
/// A database failure.
pub fn clear(conn: &mut PgConnection, scope: &SiteScope, limit: i64) -> QueryResult<usize> {
    let some = report_facts::table
        .filter(report_facts::site_id.eq(scope.site()))
        .select(report_facts::referral_id)
        .order(report_facts::referral_id)
        .limit(limit)
        .load::<ReferralId>(conn)?;
    diesel::delete(report_facts::table.filter(report_facts::site_id.eq(scope.site()).and(report_facts::referral_id.eq_any(some))))
        .execute(conn)
}
