//! How routes get live in tests that are about something else: with every rule of the launch, and without the way of a test referral.
//! That way is `tests/api/launch`.

use chrono::{DateTime, Utc};
use handoff::auth::{Actor, PartnerActor, SiteScope, StaffActor};
use handoff::db::{Conn, in_site};
use handoff::domain::ids::{ApiKeyId, LanguageVersionId, MemberId, PartnerId, RouteId, TestRunId};
use handoff::domain::language::LanguageAudience;
use handoff::domain::test_run::{Step, TestRunStatus, TestStep};
use handoff::domain::text::Code;
use handoff::domain::vocabulary::{PartnerStatus, Role};
use handoff::error::AppError;
use handoff::ops::create_language_version::{self, NewLanguageVersion};
use handoff::ops::issue_key::{self, Holder, NewKey};
use handoff::ops::move_language_version::{self, Step as LanguageStep};
use handoff::ops::{Context, Expected, create_acknowledgement, launch_route, move_partner};
use handoff::store;
use handoff::store::routes::RouteContext;
use handoff::store::test_runs::{TestRun, TestRunRow};

use serde_json::Value;

use super::app::{App, beginning};
use super::make::Site;

/// The site's people who approve and write.
#[derive(Debug, Clone, Copy)]
pub struct People {
    pub admin: MemberId,
    pub coordinator: MemberId,
}

/// Makes a route of the home site live, by its id or its path; one that was edited is live again.
pub fn db_live(app: &App, route: impl std::fmt::Display) {
    db_live_at(app, &app.site, &route.to_string());
}

/// Changes a route's configuration as an admin does, and makes it live again.
pub async fn edit(app: &App, route: &str, changes: Value) {
    let changed = app.admin().patch(route, "*", &changes).await.expect(200);
    if changed.body["status"] == "retest_required" {
        db_live(app, route);
    }
}

/// The same at another site.
pub fn db_live_at(app: &App, site: &Site, route: &str) {
    let people = people(site);
    let route: RouteId = route.rsplit('/').next().unwrap().parse().unwrap();
    in_site(&mut app.db.app(), site.id, |conn, scope| live(conn, scope, people, route, app.clock.now())).unwrap();
}

/// Brings a route to where only its test is missing.
pub fn db_ready(app: &App, route: &str) {
    let (people, route) = (people(&app.site), route.rsplit('/').next().unwrap().parse().unwrap());
    in_site(&mut app.db.app(), app.site.id, |conn, scope| ready(conn, scope, people, route, app.clock.now()).map(drop)).unwrap();
}

/// Lets the route's partner take this step, with what it needs.
pub fn db_step(app: &App, route: &str, to: &str) {
    match to {
        "test_pending" => db_ready(app, route),
        _ => db_live(app, route),
    }
}

/// Notes a test that passed for the route as it is.
pub fn db_proven(app: &App, route: &str) {
    let route = route.rsplit('/').next().unwrap().parse().unwrap();
    in_site(&mut app.db.app(), app.site.id, |conn, scope| proven(conn, scope, app.site.admin, route, app.clock.now())).unwrap();
}

fn people(site: &Site) -> People {
    People { admin: site.admin, coordinator: site.coordinator }
}

/// Everything that a launch of this route needs, and the launch: language for its study, unless there is some, that its partner
/// acknowledged; the partner's way to `active`; and a test that passed.
pub fn live(conn: &mut Conn, scope: &SiteScope, people: People, id: RouteId, now: DateTime<Utc>) -> Result<(), AppError> {
    let context = staff(scope, people.admin, Role::Admin, now);
    let found = ready(conn, scope, people, id, now)?;
    proven(conn, scope, people.admin, id, now)?;
    launch_route::run(conn, &context, id, &Expected::Any, true)?;
    if found.partner_status == PartnerStatus::TestPending {
        move_partner::run(conn, &context, found.route.partner_id, &Expected::Any, PartnerStatus::Active)?;
    }
    Ok(())
}

/// Language for the route's study, unless there is some, that its partner acknowledged, and the partner's way to `test_pending`.
fn ready(conn: &mut Conn, scope: &SiteScope, people: People, id: RouteId, now: DateTime<Utc>) -> Result<RouteContext, AppError> {
    let context = staff(scope, people.admin, Role::Admin, now);
    let found = store::routes::find(conn, scope, id)?.unwrap();
    let step = |conn: &mut Conn, to| move_partner::run(conn, &context, found.route.partner_id, &Expected::Any, to);
    if found.partner_status == PartnerStatus::Draft {
        step(conn, PartnerStatus::LanguagePending)?;
    }
    acknowledged(conn, scope, people, &found, now)?;
    if matches!(found.partner_status, PartnerStatus::Draft | PartnerStatus::LanguagePending) {
        step(conn, PartnerStatus::TestPending)?;
    }
    Ok(store::routes::find(conn, scope, id)?.unwrap())
}

fn staff(scope: &SiteScope, member: MemberId, role: Role, now: DateTime<Utc>) -> Context {
    Context { actor: Actor::Staff(StaffActor { member, role }), ..Context::of_operator(*scope, now) }
}

fn acknowledged(
    conn: &mut Conn,
    scope: &SiteScope,
    people: People,
    route: &RouteContext,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let (partner, study) = (route.route.partner_id, route.route.study_id);
    let today = store::sites::current(conn, scope)?.day_of(now);
    if store::language_versions::standing(conn, scope, partner, study, today)?.lets_in() {
        return Ok(());
    }
    let approved = store::language_versions::approved_of_study(conn, scope, study)?;
    let version = match approved.last() {
        Some(version) => version.id,
        None => language(conn, scope, people, &route.study_code, now)?,
    };
    let actor = Actor::Partner(PartnerActor { key: key_of(conn, scope, partner, &route.partner_code)?, partner, is_test: false });
    create_acknowledgement::run(conn, &Context { actor, ..Context::of_operator(*scope, now) }, version)?;
    Ok(())
}

/// Approved language for a study, from this day on and for years.
pub fn language(
    conn: &mut Conn,
    scope: &SiteScope,
    people: People,
    study: &Code,
    now: DateTime<Utc>,
) -> Result<LanguageVersionId, AppError> {
    let today = store::sites::current(conn, scope)?.day_of(now);
    let new = NewLanguageVersion {
        study: study.clone(),
        locale: "en-US".parse().unwrap(),
        audience: LanguageAudience::GeneralPublic,
        public_name: "Heart Rhythm Study".parse().unwrap(),
        short_description: "A study of two approaches to heart rhythm care.".parse().unwrap(),
        who_may_contact: "Adults who want to know more may contact the site themselves.".parse().unwrap(),
        what_site_reviews: "The study team talks with each person about whether the study fits.".parse().unwrap(),
        what_not_to_promise: "Do not promise a place, a treatment, a result or a payment.".parse().unwrap(),
        where_to_go: "Give the person the code and the intake address.".parse().unwrap(),
        who_handles_questions: "The study team answers all questions about taking part.".parse().unwrap(),
        approval_reference: Some("IRB-2026-100".parse().unwrap()),
        effective_on: Some(today),
        // As long as an approval may hold.
        expires_on: Some(today + chrono::Days::new(5 * 365)),
        grace_days: None,
    };
    let author = staff(scope, people.coordinator, Role::Coordinator, now);
    let id = create_language_version::run(conn, &author, new)?.version.id;
    move_language_version::run(conn, &author, id, &Expected::Any, LanguageStep::Submit)?;
    let approver = staff(scope, people.admin, Role::Admin, now);
    move_language_version::run(conn, &approver, id, &Expected::Any, LanguageStep::Approve)?;
    Ok(id)
}

/// A live key of the partner; one is issued where there is none.
fn key_of(conn: &mut Conn, scope: &SiteScope, partner: PartnerId, code: &Code) -> Result<ApiKeyId, AppError> {
    use diesel::prelude::*;
    use handoff::schema::api_keys;
    let live: Option<ApiKeyId> = api_keys::table
        .filter(api_keys::site_id.eq(scope.site()).and(api_keys::partner_id.eq(partner)))
        .filter(api_keys::is_test.eq(false))
        .order(api_keys::id)
        .select(api_keys::id)
        .first(conn)
        .optional()?;
    if let Some(key) = live {
        return Ok(key);
    }
    let new =
        NewKey { name: code.as_str().parse().unwrap(), holder: Holder::Partner(code.clone()), is_test: false, expires_at: None };
    Ok(issue_key::run(conn, &Context::of_operator(*scope, beginning()), new)?.key.key.id)
}

/// A test that passed for the route as it is, beside the way that a test referral takes.
pub fn proven(conn: &mut Conn, scope: &SiteScope, opened_by: MemberId, id: RouteId, now: DateTime<Utc>) -> Result<(), AppError> {
    let route = store::routes::find(conn, scope, id)?.unwrap().route;
    let site = store::sites::current(conn, scope)?;
    let run = TestRun {
        run: TestRunRow {
            site_id: scope.site(),
            id: TestRunId::at(now),
            route_id: id,
            partner_id: route.partner_id,
            persona: None,
            configuration_hash: route.configuration(&site).hash(),
            status: TestRunStatus::Passed,
            opened_by,
            opened_at: now,
            expires_at: now + chrono::Duration::days(7),
            ended_at: Some(now),
            referral_id: None,
            copy_referral_id: None,
            alert_id: None,
            looked_at: None,
            version: 1,
        },
        steps: TestStep::ALL.iter().map(|step| Step::passed(*step, now)).collect(),
    };
    store::test_runs::insert(conn, &run)?;
    Ok(())
}
