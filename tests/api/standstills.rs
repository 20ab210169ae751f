//! What open referrals do when their study, partner or route stops, goes on or ends: the table of `domain::standstill` over HTTP.

mod late;
mod many;
mod races;
mod table;
mod whole;

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::callers::{Answer, Person, fresh_key, send};
use crate::support::{App, make};
use crate::tenancy::texts;

const IN_FLIGHT: [&str; 5] = ["received", "acknowledged", "contacting", "connected", "handed_off"];
const BLOCKERS: [&str; 9] = [
    "awaiting_person_reply",
    "awaiting_partner_completion",
    "awaiting_study_team_review",
    "awaiting_records",
    "scheduling_capacity",
    "study_paused",
    "duplicate_review",
    "route_broken",
    "language_lapsed",
];

/// Moves the study of all tests.
async fn study(app: &App, to: &str) -> Answer {
    let path = format!("/v1/studies/{}/transitions", app.site.study);
    app.admin().post_on(&path, "*", &json!({"to": to})).await
}

/// Moves the partner of most tests.
async fn partner(app: &App, to: &str) -> Answer {
    let path = format!("/v1/partners/{}/transitions", app.site.partner.id);
    app.admin().post_on(&path, "*", &json!({"to": to})).await
}

/// Takes a step with that partner's route.
async fn route(app: &App, step: &str) -> Answer {
    let path = format!("/v1/routes/{}/{step}", app.site.partner.route);
    send(app.admin().request(Method::POST, &path).header("If-Match", "*")).await
}

async fn go(person: &Person, id: &str, body: Value) -> Answer {
    person.post_on(&format!("/v1/referrals/{id}/transitions"), "*", &body).await
}

async fn block(person: &Person, id: &str, blocker: &str) {
    person.patch(&format!("/v1/referrals/{id}"), "*", &json!({"blocker": blocker})).await.expect(200);
}

/// A referral of the partner that was brought to this state.
async fn in_state(app: &App, coordinator: &Person, status: &str) -> String {
    let id = make::sent(&app.partner()).await.id();
    let steps: &[&str] = match status {
        "received" => &[],
        "handed_off" => &["connected", "handed_off"],
        other => &[other],
    };
    for step in steps {
        go(coordinator, &id, json!({"to": step})).await.expect(200);
    }
    id
}

/// A referral that waits for a person's decision, since its person withdrew permission to contact before.
async fn quarantined(app: &App) -> String {
    // A person of its own: a withdrawal ends what is open of the same one.
    let about = json!({"email": format!("{}@mail.example", fresh_key())});
    app.site_key().post("/v1/contact-withdrawals", &json!({"match": about})).await.expect(201);
    app.partner().post("/v1/referrals", &make::referral_with(json!({"match": about}))).await.expect(201).id()
}

/// How a referral is shown to the site and to its partner, and what is hidden of its escalation.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    site: Value,
    partner: Value,
    escalates_at: String,
}

/// How every referral of the partner stands now, by id.
async fn look(app: &App) -> BTreeMap<String, Seen> {
    let list = |page: Answer| {
        let page = page.expect(200);
        assert_eq!(page.body["next_cursor"], Value::Null, "one page holds all");
        let named = |one: &Value| (one["id"].as_str().unwrap().to_owned(), one.clone());
        page.body["data"].as_array().unwrap().iter().map(named).collect::<BTreeMap<_, _>>()
    };
    let site = list(app.coordinator().get("/v1/referrals?limit=200").await);
    // Once it has ended it reads nothing.
    let partner = app.partner().get("/v1/referrals?limit=200").await;
    let mut partner = if partner.status == 401 { BTreeMap::new() } else { list(partner) };
    let sql = "SELECT id || ' ' || coalesce(to_char(escalate_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), 'never') AS text FROM referrals";
    let escalates: BTreeMap<String, String> = texts(&mut app.db.superuser(), sql)
        .into_iter()
        .map(|line| line.split_once(' ').map(|(id, at)| (id.to_owned(), at.to_owned())).unwrap())
        .collect();
    let seen = |(id, site): (String, Value)| {
        let seen = Seen { site, partner: partner.remove(&id).unwrap_or_default(), escalates_at: escalates[&id].clone() };
        (id, seen)
    };
    site.into_iter().map(seen).collect()
}

/// Live referrals that somebody works on although their study is paused.
fn slipped(app: &App) -> i64 {
    app.db.count(
        "SELECT count(*) FROM referrals r JOIN studies s ON s.site_id = r.site_id AND s.id = r.study_id
          WHERE s.status = 'paused' AND r.status IN ('received', 'acknowledged', 'contacting', 'connected', 'handed_off')
            AND r.blocker IS DISTINCT FROM 'study_paused'",
    )
}

/// Everything that is kept of referrals, studies, partners, routes and what was recorded of them.
fn kept(app: &App) -> Vec<String> {
    let tables = ["referrals", "studies", "partners", "handoff_routes", "audit_entries", "events", "journal_queue"];
    let all = tables.map(|table| format!("SELECT '{table} ' || t::text AS text FROM {table} t")).join(" UNION ALL ");
    texts(&mut app.db.superuser(), &format!("{all} ORDER BY 1"))
}

/// The events of a referral, as `type version`, in order of writing.
fn events_of(app: &App, referral: &str) -> Vec<String> {
    let sql = format!("SELECT event_type || ' ' || version AS text FROM events WHERE subject_id = '{referral}' ORDER BY number");
    texts(&mut app.db.superuser(), &sql)
}
