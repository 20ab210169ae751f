//! Test runs of routes and their steps.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::auth::SiteScope;
use crate::domain::ids::{AlertId, MemberId, PartnerId, ReferralId, RouteId, SiteId, TestRunId};
use crate::domain::test_run::{Step, StepFailure, StepResult, TestPersona, TestRunStatus, TestStep};
use crate::domain::text::ConfigurationHash;
use crate::schema::{test_run_steps, test_runs};

/// A run as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = test_runs)]
pub struct TestRunRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id; ids sort by the time of opening.
    pub id: TestRunId,
    /// The route that is tested.
    pub route_id: RouteId,
    /// Whose route it is.
    pub partner_id: PartnerId,
    /// Which outcome is rehearsed; `None`: a real run.
    pub persona: Option<TestPersona>,
    /// The configuration that is tested.
    pub configuration_hash: ConfigurationHash,
    /// Where it stands.
    pub status: TestRunStatus,
    /// Who opened it.
    pub opened_by: MemberId,
    /// When.
    pub opened_at: DateTime<Utc>,
    /// Until when it waits.
    pub expires_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What the partner sent.
    pub referral_id: Option<ReferralId>,
    /// The second copy of it.
    pub copy_referral_id: Option<ReferralId>,
    /// What its owner was told.
    pub alert_id: Option<AlertId>,
    /// When the server last looked at the intake link.
    pub looked_at: Option<DateTime<Utc>>,
    /// Counts changes.
    pub version: i32,
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = test_run_steps)]
struct StepRow {
    site_id: SiteId,
    run_id: TestRunId,
    step: TestStep,
    partner_id: PartnerId,
    result: StepResult,
    failure: Option<StepFailure>,
    happened_at: Option<DateTime<Utc>>,
}

/// A run with its steps, in the order of the way.
#[derive(Debug, Clone)]
pub struct TestRun {
    /// The run.
    pub run: TestRunRow,
    /// Every step.
    pub steps: Vec<Step>,
}

impl TestRun {
    /// What came of this step so far.
    #[must_use]
    pub fn step(&self, step: TestStep) -> Step {
        self.steps.iter().copied().find(|known| known.step == step).unwrap_or(Step::waiting(step))
    }

    /// Takes over what is known now.
    pub fn learn(&mut self, known: &[Step]) {
        for step in known {
            self.steps.retain(|other| other.step != step.step);
            self.steps.push(*step);
        }
        self.steps.sort_by_key(|step| step.step);
    }
}

/// Which runs a list shows.
#[derive(Debug, Default, Clone, Copy)]
pub struct Filter {
    /// Of this route.
    pub route: Option<RouteId>,
    /// In this state.
    pub status: Option<TestRunStatus>,
}

/// Runs with their steps: two queries, however many there are.
fn with_steps(conn: &mut PgConnection, scope: &SiteScope, runs: Vec<TestRunRow>) -> QueryResult<Vec<TestRun>> {
    let ids: Vec<TestRunId> = runs.iter().map(|run| run.id).collect();
    let rows: Vec<StepRow> = test_run_steps::table
        .filter(test_run_steps::site_id.eq(scope.site()).and(test_run_steps::run_id.eq_any(ids)))
        .select(StepRow::as_select())
        .load(conn)?;
    let steps_of = |id: TestRunId| {
        let found = |step: &TestStep| rows.iter().find(|row| row.run_id == id && row.step == *step);
        let step = |step| match found(step) {
            Some(row) => Step { step: *step, result: row.result, failure: row.failure, at: row.happened_at },
            None => Step::waiting(*step),
        };
        TestStep::ALL.iter().map(step).collect()
    };
    Ok(runs.into_iter().map(|run| TestRun { steps: steps_of(run.id), run }).collect())
}

/// The run with this id; a partner's scope finds its own while it is open.
///
/// # Errors
/// A database failure.
pub fn find(conn: &mut PgConnection, scope: &SiteScope, id: TestRunId) -> QueryResult<Option<TestRun>> {
    let mut query = test_runs::table
        .filter(test_runs::site_id.eq(scope.site()).and(test_runs::id.eq(id)))
        .select(TestRunRow::as_select())
        .into_boxed();
    if let Some(own) = scope.partner() {
        query = query.filter(test_runs::partner_id.eq(own).and(test_runs::status.eq(TestRunStatus::Open)));
    }
    let runs: Vec<TestRunRow> = query.load(conn)?;
    Ok(with_steps(conn, scope, runs)?.pop())
}

/// Locks the run until the transaction ends, and reads it.
///
/// # Errors
/// A database failure.
pub fn lock(conn: &mut PgConnection, scope: &SiteScope, id: TestRunId) -> QueryResult<Option<TestRun>> {
    let runs: Vec<TestRunRow> = test_runs::table
        .filter(test_runs::site_id.eq(scope.site()).and(test_runs::id.eq(id)))
        .select(TestRunRow::as_select())
        .for_update()
        .load(conn)?;
    Ok(with_steps(conn, scope, runs)?.pop())
}

/// Locks the open runs of these routes until the transaction ends, and reads them.
///
/// # Errors
/// A database failure.
pub fn lock_open_of_routes(conn: &mut PgConnection, scope: &SiteScope, routes: &[RouteId]) -> QueryResult<Vec<TestRun>> {
    let runs: Vec<TestRunRow> = test_runs::table
        .filter(test_runs::site_id.eq(scope.site()).and(test_runs::route_id.eq_any(routes)))
        .filter(test_runs::status.eq(TestRunStatus::Open))
        .order(test_runs::id)
        .select(TestRunRow::as_select())
        .for_update()
        .load(conn)?;
    with_steps(conn, scope, runs)
}

/// Writes down what the owner was told; always answers that it was.
///
/// # Errors
/// A database failure.
pub fn set_alert(conn: &mut PgConnection, scope: &SiteScope, run: &TestRunRow) -> QueryResult<bool> {
    diesel::update(test_runs::table.filter(test_runs::site_id.eq(scope.site()).and(test_runs::id.eq(run.id))))
        .set(test_runs::alert_id.eq(run.alert_id))
        .execute(conn)
        .map(|rows| rows > 0)
}

/// The open runs of the site, those that wait longest first.
///
/// # Errors
/// A database failure.
pub fn open(conn: &mut PgConnection, scope: &SiteScope, limit: i64) -> QueryResult<Vec<TestRunId>> {
    test_runs::table
        .filter(test_runs::site_id.eq(scope.site()).and(test_runs::status.eq(TestRunStatus::Open)))
        .order(test_runs::id)
        .limit(limit)
        .select(test_runs::id)
        .load(conn)
}

/// Open runs of which the intake link has not passed, and was not looked at since `before`: from now on they were. Nobody else looks
/// at them meanwhile.
///
/// # Errors
/// A database failure.
pub fn take_links(
    conn: &mut PgConnection,
    scope: &SiteScope,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> QueryResult<Vec<(TestRunId, RouteId)>> {
    let waiting = test_run_steps::table
        .filter(test_run_steps::site_id.eq(test_runs::site_id).and(test_run_steps::run_id.eq(test_runs::id)))
        .filter(test_run_steps::step.eq(TestStep::IntakeLink).and(test_run_steps::result.eq(StepResult::Waiting)));
    diesel::update(test_runs::table)
        .filter(test_runs::site_id.eq(scope.site()).and(test_runs::status.eq(TestRunStatus::Open)))
        .filter(test_runs::looked_at.is_null().or(test_runs::looked_at.le(before)))
        .filter(diesel::dsl::exists(waiting))
        .set(test_runs::looked_at.eq(now))
        .returning((test_runs::id, test_runs::route_id))
        .get_results(conn)
}

/// The proof of this configuration of the route: the first run that passed for it without a persona.
///
/// # Errors
/// A database failure.
pub fn proof(
    conn: &mut PgConnection,
    scope: &SiteScope,
    route: RouteId,
    hash: &ConfigurationHash,
) -> QueryResult<Option<TestRunRow>> {
    test_runs::table
        .filter(test_runs::site_id.eq(scope.site()).and(test_runs::route_id.eq(route)))
        .filter(test_runs::status.eq(TestRunStatus::Passed).and(test_runs::persona.is_null()))
        .filter(test_runs::configuration_hash.eq(hash))
        .order(test_runs::id)
        .select(TestRunRow::as_select())
        .first(conn)
        .optional()
}

/// How many runs of the site are open.
///
/// # Errors
/// A database failure.
pub fn count_open(conn: &mut PgConnection, scope: &SiteScope) -> QueryResult<i64> {
    test_runs::table
        .filter(test_runs::site_id.eq(scope.site()).and(test_runs::status.eq(TestRunStatus::Open)))
        .count()
        .get_result(conn)
}

/// A page, newest first, before this run; a partner's scope finds its own that are open.
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    filter: Filter,
    before: Option<TestRunId>,
    limit: i64,
) -> QueryResult<Vec<TestRun>> {
    let mut query = test_runs::table.filter(test_runs::site_id.eq(scope.site())).select(TestRunRow::as_select()).into_boxed();
    if let Some(own) = scope.partner() {
        query = query.filter(test_runs::partner_id.eq(own).and(test_runs::status.eq(TestRunStatus::Open)));
    }
    if let Some(route) = filter.route {
        query = query.filter(test_runs::route_id.eq(route));
    }
    if let Some(status) = filter.status {
        query = query.filter(test_runs::status.eq(status));
    }
    if let Some(before) = before {
        query = query.filter(test_runs::id.lt(before));
    }
    let runs = query.order(test_runs::id.desc()).limit(limit).load(conn)?;
    with_steps(conn, scope, runs)
}

/// Keeps a new run with its steps, unless the route has an open one; says whether it was kept.
///
/// # Errors
/// A database failure.
pub fn insert(conn: &mut PgConnection, run: &TestRun) -> QueryResult<bool> {
    let kept = diesel::insert_into(test_runs::table).values(&run.run).on_conflict_do_nothing().execute(conn)?;
    if kept == 0 {
        return Ok(false);
    }
    write_steps(conn, run, &run.steps)?;
    Ok(true)
}

/// Writes a locked run as it is now, and those of its steps that changed.
///
/// # Errors
/// A database failure.
pub fn write(conn: &mut PgConnection, scope: &SiteScope, run: &TestRun, changed: &[Step]) -> QueryResult<()> {
    diesel::update(test_runs::table.filter(test_runs::site_id.eq(scope.site()).and(test_runs::id.eq(run.run.id))))
        .set((
            test_runs::status.eq(run.run.status),
            test_runs::ended_at.eq(run.run.ended_at),
            test_runs::referral_id.eq(run.run.referral_id),
            test_runs::copy_referral_id.eq(run.run.copy_referral_id),
            test_runs::alert_id.eq(run.run.alert_id),
            test_runs::version.eq(run.run.version),
        ))
        .execute(conn)?;
    write_steps(conn, run, changed)
}

fn write_steps(conn: &mut PgConnection, run: &TestRun, steps: &[Step]) -> QueryResult<()> {
    if steps.is_empty() {
        return Ok(());
    }
    let rows: Vec<StepRow> = steps
        .iter()
        .map(|step| StepRow {
            site_id: run.run.site_id,
            run_id: run.run.id,
            step: step.step,
            partner_id: run.run.partner_id,
            result: step.result,
            failure: step.failure,
            happened_at: step.at,
        })
        .collect();
    diesel::insert_into(test_run_steps::table)
        .values(rows)
        .on_conflict((test_run_steps::site_id, test_run_steps::run_id, test_run_steps::step))
        .do_update()
        .set((
            test_run_steps::result.eq(excluded(test_run_steps::result)),
            test_run_steps::failure.eq(excluded(test_run_steps::failure)),
            test_run_steps::happened_at.eq(excluded(test_run_steps::happened_at)),
        ))
        .execute(conn)
        .map(drop)
}
