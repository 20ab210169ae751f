//! When members are away: planned, moved and deleted; `rules` has what may be planned and by whom, `covering` who takes what comes in
//! meanwhile, `races` two at once.

mod covering;
mod races;
mod rules;

use chrono::{DateTime, Utc};
use handoff::domain::ids::MemberId;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::App;
use crate::support::callers::{Answer, Person, send};
use crate::tenancy::texts;

fn path(member: MemberId) -> String {
    format!("/v1/members/{member}/away-windows")
}

fn times(starts_at: &str, ends_at: &str) -> Value {
    json!({"starts_at": starts_at, "ends_at": ends_at})
}

/// July 2026 from one day to another, at noon.
fn july(from: u32, until: u32) -> Value {
    times(&format!("2026-07-{from:02}T12:00:00Z"), &format!("2026-07-{until:02}T12:00:00Z"))
}

async fn plan(who: &Person, member: MemberId, body: &Value) -> Answer {
    who.post(&path(member), body).await
}

async fn delete(who: &Person, window: &str, etag: &str) -> Answer {
    send(who.request(Method::DELETE, window).header("If-Match", etag)).await
}

/// The path of a planned absence.
fn own_path(planned: &Answer) -> String {
    planned.header("location").expect("a location").to_owned()
}

/// The ids of a member's absences, as they are listed.
async fn listed(who: &Person, member: MemberId) -> Vec<String> {
    let list = who.get(&path(member)).await.expect(200);
    list.body["data"].as_array().unwrap().iter().map(|window| window["id"].as_str().unwrap().to_owned()).collect()
}

/// Moves the clock to a moment.
fn go_to(app: &App, moment: &str) {
    app.clock.advance(moment.parse::<DateTime<Utc>>().unwrap() - app.clock.now());
}

/// A coordinator who joins the site.
async fn join(app: &App, name: &str) -> MemberId {
    let body = json!({"display_name": name, "email": format!("{name}@riverside.example"), "role": "coordinator"});
    app.admin().post("/v1/members", &body).await.expect(201).id().parse().unwrap()
}

async fn deactivate(app: &App, member: MemberId, body: &Value) -> Answer {
    app.admin().post_on(&format!("/v1/members/{member}/deactivate"), "*", body).await
}

/// What the trail holds of absences: `operation before after`, in order.
fn trail(app: &App) -> Vec<String> {
    texts(
        &mut app.db.superuser(),
        "SELECT concat_ws(' ', operation, coalesce(before, '-'), coalesce(after, '-')) AS text
           FROM audit_entries e JOIN journal_queue q ON q.site_id = e.site_id AND q.id = e.id
          WHERE subject_kind = 'away_window' ORDER BY q.number",
    )
}

#[actix_web::test]
async fn an_absence_is_planned_read_moved_and_deleted_and_the_trail_holds_ids_and_times() {
    let app = App::start().await;
    let (dana, member) = (app.coordinator(), app.site.coordinator);
    let planned = plan(&dana, member, &july(6, 20)).await.expect(201);
    let window = own_path(&planned);
    assert_eq!(window, format!("{}/{}", path(member), planned.id()));
    let mut expected = json!({
        "id": planned.id(), "member_id": member, "starts_at": "2026-07-06T12:00:00Z", "ends_at": "2026-07-20T12:00:00Z",
        "created_at": "2026-06-01T09:00:00Z", "updated_at": "2026-06-01T09:00:00Z",
    });
    assert_eq!((&planned.body, planned.etag()), (&expected, "\"1\"".into()));
    // Colleagues see when one is away.
    for reader in [app.coordinator(), app.admin()] {
        let read = reader.get(&window).await.expect(200);
        assert_eq!((&read.body, read.etag()), (&expected, "\"1\"".into()));
        assert_eq!(reader.get(&path(member)).await.expect(200).body, json!({"data": [expected], "next_cursor": null}));
    }
    app.clock.advance(chrono::Duration::hours(1));
    // What is there already changes nothing; finer than a microsecond is not kept.
    let same = json!({"starts_at": "2026-07-06T12:00:00.0000001Z"});
    let unchanged = dana.patch(&window, "\"1\"", &same).await.expect(200);
    assert_eq!((&unchanged.body, unchanged.etag()), (&expected, "\"1\"".into()));
    let moved = dana.patch(&window, "\"1\"", &json!({"ends_at": "2026-07-17T08:00:00.123456Z"})).await.expect(200);
    expected["ends_at"] = json!("2026-07-17T08:00:00.123456Z");
    expected["updated_at"] = json!("2026-06-01T10:00:00Z");
    assert_eq!((&moved.body, moved.etag()), (&expected, "\"2\"".into()));
    assert_eq!(dana.get(&window).await.expect(200).body, expected, "the answer is what a reader sees");
    delete(&dana, &window, "\"2\"").await.expect(204);
    dana.get(&window).await.expect_problem(404, "not_found");
    dana.patch(&window, "*", &json!({})).await.expect_problem(404, "not_found");
    delete(&dana, &window, "*").await.expect_problem(404, "not_found");
    assert_eq!(listed(&dana, member).await, [] as [String; 0]);
    let at = |time: &str| format!("\"ends_at\":\"{time}\"");
    let whole = |end: &str| format!("{{{},\"member_id\":\"{member}\",\"starts_at\":\"2026-07-06T12:00:00.000000Z\"}}", at(end));
    let nulls = "{\"ends_at\":null,\"member_id\":null,\"starts_at\":null}";
    let (first, last) = ("2026-07-20T12:00:00.000000Z", "2026-07-17T08:00:00.123456Z");
    assert_eq!(
        trail(&app),
        [
            format!("create_away_window - {}", whole(first)),
            format!("update_away_window {{{}}} {{{}}}", at(first), at(last)),
            format!("delete_away_window {} {nulls}", whole(last)),
        ]
    );
    let told = "SELECT count(*) FROM audit_entries WHERE subject_kind = 'away_window' AND actor_id IS DISTINCT FROM";
    assert_eq!(app.db.count(&format!("{told} '{member}'")), 0, "by whom");
}

#[actix_web::test]
async fn a_change_needs_the_version_that_was_read() {
    let app = App::start().await;
    let (dana, member) = (app.coordinator(), app.site.coordinator);
    let window = own_path(&plan(&dana, member, &july(6, 20)).await.expect(201));
    let body = july(7, 21);
    send(dana.request(Method::PATCH, &window).json(&body)).await.expect_problem(428, "if_match_required");
    send(dana.request(Method::DELETE, &window)).await.expect_problem(428, "if_match_required");
    for stale in ["\"2\"", "\"0\"", "W/\"1\"", "1"] {
        dana.patch(&window, stale, &body).await.expect_problem(412, "stale_version");
        delete(&dana, &window, stale).await.expect_problem(412, "stale_version");
    }
    dana.patch(&window, "\"1\"", &body).await.expect(200);
    dana.patch(&window, "\"1\"", &july(8, 22)).await.expect_problem(412, "stale_version");
    delete(&dana, &window, "\"1\"").await.expect_problem(412, "stale_version");
    assert_eq!(dana.get(&window).await.expect(200).body["starts_at"], "2026-07-07T12:00:00Z");
    send(dana.request(Method::PUT, &window)).await.expect_problem(405, "method_not_allowed");
}

#[actix_web::test]
async fn a_repeated_request_plans_once() {
    let app = App::start().await;
    let (dana, member) = (app.coordinator(), app.site.coordinator);
    let first = dana.post_with_key(&path(member), "plan-my-july", &july(6, 20)).await.expect(201);
    let again = dana.post_with_key(&path(member), "plan-my-july", &july(6, 20)).await.expect(201);
    assert_eq!((&again.text, again.header("idempotency-replayed")), (&first.text, Some("true")));
    dana.post_with_key(&path(member), "plan-my-july", &july(6, 21)).await.expect_problem(422, "idempotency_key_reused");
    assert_eq!(listed(&dana, member).await.len(), 1);
}
