//! What time does: supersessions and expiries are written down once, with their events, by the day of the site.

use handoff::jobs::language;
use serde_json::json;

use super::{acknowledge, approved, events, on, standing, status};

#[actix_web::test]
async fn the_job_writes_down_a_scheduled_supersession_and_an_expiry_once_each() {
    let app = super::start().await;
    let old = approved(&app, json!({"expires_on": "2026-06-30"})).await;
    let new = approved(&app, json!({"effective_on": "2026-07-01", "expires_on": "2026-08-31"})).await;
    acknowledge(&app.partner(), &old).await.expect(201);
    assert_eq!(language::pass(&app.state).await.unwrap(), 0, "nothing is due");
    on(&app, "2026-06-30");
    assert_eq!(language::pass(&app.state).await.unwrap(), 0, "the last day of an approval is one of its days");
    // Midnight in New York: in UTC it is the first of July for four hours already.
    app.clock.advance("2026-07-01T03:59:59Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap() - app.clock.now());
    assert_eq!(language::pass(&app.state).await.unwrap(), 0);
    app.clock.advance(chrono::Duration::seconds(1));
    let before = standing(&app.partner()).await;
    assert_eq!(before, json!(["in_grace", "2026-07-14"]));
    assert_eq!(language::pass(&app.state).await.unwrap(), 1);
    assert_eq!(language::pass(&app.state).await.unwrap(), 0, "once");
    assert_eq!(standing(&app.partner()).await, before, "the job changes no standing");
    assert_eq!((status(&app, &old).await, status(&app, &new).await), ("superseded".into(), "approved".into()));
    on(&app, "2026-09-01");
    assert_eq!(language::pass(&app.state).await.unwrap(), 1);
    let seen = app.admin().get(&format!("/v1/language-versions/{new}")).await.expect(200);
    assert_eq!(
        (&seen.body["status"], &seen.body["retirement_reason"], &seen.body["retired_on"]),
        (&json!("retired"), &json!("expired"), &json!("2026-09-01"))
    );
    let told = events(&app).await;
    for event in [format!("language.superseded {old}"), format!("language.retired {new}")] {
        assert_eq!(told.iter().filter(|one| **one == event).count(), 1, "{told:?}");
    }
}

#[actix_web::test]
async fn after_a_gap_the_old_version_has_expired_and_was_not_superseded() {
    let app = super::start().await;
    let old = approved(&app, json!({"expires_on": "2026-06-10"})).await;
    acknowledge(&app.partner(), &old).await.expect(201);
    let new = approved(&app, json!({"effective_on": "2026-06-20"})).await;
    // Nobody looked in the meantime.
    on(&app, "2026-06-25");
    assert_eq!(language::pass(&app.state).await.unwrap(), 1);
    assert_eq!((status(&app, &old).await, status(&app, &new).await), ("retired".into(), "approved".into()));
    assert_eq!(standing(&app.partner()).await, json!(["lapsed", null]));
}

#[actix_web::test]
async fn two_servers_write_down_each_end_exactly_once() {
    let app = super::start().await;
    let mut ids = Vec::new();
    for number in 0..12 {
        let code = format!("study-{number}");
        let study = json!({"code": code, "public_name": "S", "short_description": "S.", "protocol_code": "S-1"});
        app.admin().post("/v1/studies", &study).await.expect(201);
        ids.push(approved(&app, json!({"study": code, "expires_on": "2026-06-30"})).await);
    }
    on(&app, "2026-07-01");
    let other = app.state_beside();
    let (here, there) = (app.state.clone(), other.clone());
    let passes = (0..6).map(|number| {
        let state = if number % 2 == 0 { here.clone() } else { there.clone() };
        actix_web::rt::spawn(async move { language::pass(&state).await.unwrap_or_default() })
    });
    let running: Vec<_> = passes.collect();
    let mut ended = 0;
    for pass in running {
        ended += pass.await.unwrap();
    }
    ended += language::pass(&app.state).await.unwrap();
    let told = app.db.count("SELECT count(*) FROM events WHERE event_type = 'language.retired'");
    println!("language: 12 expiries by 2 servers in 7 passes, {ended} written down, {told} told");
    assert_eq!((ended, told), (12, 12));
    assert_eq!(app.db.count("SELECT count(*) FROM language_versions WHERE status = 'retired' AND version = 4"), 12);
}
