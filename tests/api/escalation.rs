//! Stalls and escalation: each step when it is due, once, to somebody who is there.

mod plan;
mod races;
mod servers;
mod steps;
mod weekend;

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::{QueryableByName, RunQueryDsl as _};
use handoff::domain::ids::MemberId;
use handoff::jobs::escalation;
use serde_json::json;

use crate::support::App;
use crate::support::callers::Person;
use crate::support::db::Database;
use crate::support::make::Site;
use crate::support::onboard;
use crate::tenancy::texts;

/// A moment, in UTC.
fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Moves the clock to a moment.
fn go_to(app: &App, moment: &str) {
    app.clock.advance(utc(moment) - app.clock.now());
}

/// One pass of the job; how many steps it took.
async fn pass(app: &App) -> usize {
    escalation::pass(&app.state).await.unwrap()
}

/// A coordinator who joins the site.
async fn join(app: &App, name: &str) -> MemberId {
    let body = json!({"display_name": name, "email": format!("{name}@riverside.example"), "role": "coordinator"});
    app.admin().post("/v1/members", &body).await.expect(201).id().parse().unwrap()
}

/// Puts these two on a route.
async fn staff(app: &App, route: impl std::fmt::Display, owner: MemberId, backup: MemberId) {
    let body = json!({"owner_id": owner, "backup_owner_id": backup});
    onboard::edit(app, &format!("/v1/routes/{route}"), body).await;
}

/// A member is away from one moment to the other.
fn db_away(app: &App, member: MemberId, from: &str, until: &str) {
    let sql = format!(
        "INSERT INTO away_windows VALUES ('{}', gen_random_uuid(), '{member}', '{from}', '{until}', 1, now(), now())",
        app.site.id
    );
    app.db.superuser().batch_execute(&sql).unwrap();
}

/// A referral that this partner sends now.
async fn sent(partner: &Person) -> String {
    crate::support::make::sent(partner).await.id()
}

/// Where a referral stands: its last step, its owner, when the next step is due, and its version.
fn standing(app: &App, referral: &str) -> String {
    let sql = format!(
        "SELECT coalesce(escalation, '-') || ' ' || owner_id || ' ' || coalesce(to_char(escalate_at AT TIME ZONE 'UTC', 'MM-DD HH24:MI'), 'never')
                || ' v' || version AS text FROM referrals WHERE id = '{referral}'"
    );
    texts(&mut app.db.superuser(), &sql).remove(0)
}

/// What was told of a referral, as `kind member`, in order.
fn alerts(app: &App, referral: &str) -> Vec<String> {
    let sql =
        format!("SELECT kind || ' ' || member_id AS text FROM alerts WHERE referral_id = '{referral}' ORDER BY created_at, id");
    texts(&mut app.db.superuser(), &sql)
}

/// The events of a referral, as `type version`, in order of writing.
fn events(app: &App, referral: &str) -> Vec<String> {
    let sql = format!("SELECT event_type || ' ' || version AS text FROM events WHERE subject_id = '{referral}' ORDER BY number");
    texts(&mut app.db.superuser(), &sql)
}

/// Working days from nine to five and this many working hours between steps.
fn db_office(db: &Database, site: &Site, acknowledge: i32, escalation: i32) {
    let hours: Vec<String> =
        ["monday", "tuesday", "wednesday", "thursday", "friday"].map(|day| format!("{day} 09:00-17:00")).into();
    let sql = format!(
        "UPDATE sites SET business_hours = '{{{}}}', acknowledge_due_hours = {acknowledge}, escalation_hours = {escalation} WHERE site_id = '{}'",
        hours.join(","),
        site.id
    );
    db.superuser().batch_execute(&sql).unwrap();
}

/// Many open referrals of a site's first partner, all of them due `overdue` ago by the machine's clock or the test's.
fn db_stalled(db: &Database, site: &Site, count: usize, due: DateTime<Utc>) {
    let (due, recorded) = (due.to_rfc3339(), (due - Duration::days(1)).to_rfc3339());
    let sql = format!(
        "INSERT INTO referrals (site_id, id, partner_id, study_id, route_id, channel, source_tag, attribution, contact_basis, contact_path,
            external_ref, owner_id, status, next_action, next_action_due_at, handoff_issues, is_test, version, received_at, recorded_at,
            clock_started_at, updated_at, escalate_at)
         SELECT site_id, gen_random_uuid(), partner_id, study_id, id, 'secure_form', source_tag, 'verified', 'permission_to_contact',
            'site_record', 'CRM-' || n, owner_id, 'received', 'acknowledge', '{due}', '{{}}', false, 1, '{recorded}', '{recorded}',
            '{recorded}', '{recorded}', '{due}'
           FROM handoff_routes, generate_series(1, {count}) n WHERE id = '{}'",
        site.partner.route
    );
    db.superuser().batch_execute(&sql).unwrap();
}

/// What the database holds of one escalated referral.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
struct Trace {
    #[diesel(sql_type = diesel::sql_types::Text)]
    id: String,
    #[diesel(sql_type = diesel::sql_types::Integer)]
    version: i32,
    /// Versions of its `referral.escalated` events.
    #[diesel(sql_type = diesel::sql_types::Array<diesel::sql_types::Integer>)]
    events: Vec<i32>,
    /// The steps of its audit entries.
    #[diesel(sql_type = diesel::sql_types::Array<diesel::sql_types::Text>)]
    entries: Vec<String>,
    /// The members of its alerts.
    #[diesel(sql_type = diesel::sql_types::Array<diesel::sql_types::Text>)]
    alerts: Vec<String>,
}

/// Every referral with what was written of its escalation.
fn traces(db: &Database, site: &Site) -> Vec<Trace> {
    diesel::sql_query(format!(
        "SELECT r.id::text AS id, r.version,
                ARRAY(SELECT e.version FROM events e WHERE e.subject_id = r.id AND e.event_type = 'referral.escalated' ORDER BY 1) AS events,
                ARRAY(SELECT a.after::jsonb ->> 'escalation' FROM audit_entries a
                       WHERE a.subject_id = r.id AND a.operation = 'escalate_referral' ORDER BY 1) AS entries,
                ARRAY(SELECT l.member_id::text FROM alerts l WHERE l.referral_id = r.id ORDER BY l.created_at, l.id) AS alerts
           FROM referrals r WHERE r.site_id = '{}' ORDER BY r.id",
        site.id
    ))
    .load(&mut db.superuser())
    .unwrap()
}

/// What is wrong with referrals of which these steps were to be taken once each, from version 1 on: steps that are missing, doubled,
/// half written or told twice.
fn faults(traces: &[Trace], steps: &[&str]) -> Vec<String> {
    let count = i32::try_from(steps.len()).unwrap();
    let versions: Vec<i32> = (2..=count + 1).collect();
    let mut sorted = steps.to_vec();
    sorted.sort_unstable();
    let mut found = Vec::new();
    for trace in traces {
        for (what, wrong) in [
            ("version", trace.version != count + 1),
            ("events", trace.events != versions),
            ("audit entries", trace.entries != sorted),
            ("alerts", trace.alerts.len() != steps.len()),
        ] {
            if wrong {
                found.push(format!("{what} of {}: {trace:?}", trace.id));
            }
        }
    }
    found
}

/// The control of the checker: each fault that a race could make is seen.
#[test]
fn the_checker_sees_a_doubled_a_missed_and_a_half_written_step() {
    let good = Trace {
        id: "r".into(),
        version: 3,
        events: vec![2, 3],
        entries: vec!["backup_owner".into(), "reminder".into()],
        alerts: vec!["a".into(), "b".into()],
    };
    let steps = ["reminder", "backup_owner"];
    assert_eq!(faults(std::slice::from_ref(&good), &steps), [] as [String; 0]);
    let change: BTreeMap<&str, fn(&mut Trace)> = BTreeMap::from([
        ("doubled", (|trace| (trace.version, trace.events) = (4, vec![2, 3, 4])) as fn(&mut Trace)),
        ("doubled over one another", |trace| trace.events = vec![2, 3, 3]),
        ("missed", |trace| *trace = Trace { version: 2, events: vec![2], entries: vec!["reminder".into()], ..trace.clone() }),
        ("another step", |trace| trace.entries[0] = "site_lead".into()),
        ("told twice", |trace| trace.alerts.push("b".into())),
        ("not told", |trace| drop(trace.alerts.pop())),
        ("not recorded", |trace| drop(trace.entries.pop())),
    ]);
    for (name, spoil) in change {
        let mut spoilt = good.clone();
        spoil(&mut spoilt);
        assert!(!faults(&[spoilt], &steps).is_empty(), "{name}");
    }
}
