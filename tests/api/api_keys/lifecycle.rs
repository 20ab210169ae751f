//! Rotation and revocation: the overlap, the principal, who wins a race.

use chrono::Duration;
use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};

use super::{KEYS, Key, issue, portal, revoke, rotate};
use crate::support::App;
use crate::support::callers::{Answer, fresh_key, together};
use crate::support::make;

const REFERRALS: &str = "/v1/referrals";

/// The keys of this name that let somebody in now.
fn db_active(app: &App, name: &str) -> i64 {
    let now = app.clock.now();
    app.db.count(&format!(
        "SELECT count(*) FROM api_keys WHERE name = '{name}' AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > '{now}')"
    ))
}

#[actix_web::test]
async fn both_keys_work_through_the_overlap_and_then_the_new_one_alone() {
    let app = App::start().await;
    let admin = app.admin();
    let old = portal(&admin).await;
    let rotated = rotate(&admin, &old, &json!({"overlap_hours": 2})).await.expect(201);
    let new = Key::of(&rotated);
    assert_ne!((&old.path, &old.secret), (&new.path, &new.secret));
    for (field, value) in
        [("name", json!("Portal")), ("partner", json!("lakeside")), ("scopes", json!(["partner"])), ("mode", json!("live"))]
    {
        assert_eq!(rotated.body[field], value, "{field}");
    }
    let seen = admin.get(&old.path).await.expect(200);
    assert_eq!((&seen.body["status"], &seen.body["expires_at"]), (&json!("expiring"), &json!("2026-06-01T11:00:00Z")));
    assert_eq!((&seen.body["rotated_to_id"], seen.etag()), (&json!(rotated.id()), "\"2\"".into()));

    app.clock.advance(Duration::hours(2) - Duration::microseconds(1));
    for key in [&old, &new] {
        make::sent(&app.person(&key.secret)).await;
    }
    app.clock.advance(Duration::microseconds(1));
    app.person(&old.secret).get(REFERRALS).await.expect_problem(401, "expired_credentials");
    make::sent(&app.person(&new.secret)).await;
    assert_eq!((old.status(&app.admin()).await, new.status(&app.admin()).await), ("expired".into(), "active".into()));
    let ended = rotate(&app.admin(), &old, &json!({})).await.expect_problem(409, "state_conflict");
    assert!(ended.body["detail"].as_str().unwrap().contains("Issue a new one"));
}

#[actix_web::test]
async fn an_overlap_is_a_day_unless_said_otherwise_at_most_a_week_and_never_past_the_keys_own_end() {
    let app = App::start().await;
    let admin = app.admin();
    let key = async |name: &str, expires_at: Value| {
        issue(&admin, &json!({"name": name, "scopes": ["events:read"], "expires_at": expires_at})).await
    };
    let end = "2026-06-01T15:00:00Z";
    for (number, (own, body, expected)) in [
        (Value::Null, json!({}), "2026-06-02T09:00:00Z"),
        (Value::Null, json!({"overlap_hours": 168}), "2026-06-08T09:00:00Z"),
        (json!(end), json!({}), end),
        (json!(end), json!({"overlap_hours": 1}), "2026-06-01T10:00:00Z"),
    ]
    .into_iter()
    .enumerate()
    {
        let key = key(&format!("key {number}"), own).await;
        rotate(&admin, &key, &body).await.expect(201);
        assert_eq!(admin.get(&key.path).await.expect(200).body["expires_at"], expected, "{body}");
    }
    let key = key("at once", Value::Null).await;
    for (hours, fault) in
        [(json!(-1), "out_of_range"), (json!(169), "out_of_range"), (json!(1.5), "wrong_type"), (Value::Null, "null_not_allowed")]
    {
        let refused = rotate(&admin, &key, &json!({"overlap_hours": hours})).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), [format!("/overlap_hours {fault}")]);
    }
    let past = rotate(&admin, &key, &json!({"expires_at": "2026-06-01T09:00:00Z"})).await.expect_problem(422, "invalid_body");
    assert_eq!(past.faults(), ["/expires_at out_of_range"]);
    rotate(&admin, &key, &json!({"overlap_hours": 0})).await.expect(201);
    app.person(&key.secret).get("/v1/site").await.expect_problem(401, "expired_credentials");
}

#[actix_web::test]
async fn a_new_key_lives_as_long_as_the_old_one_was_given_unless_said_otherwise() {
    let app = App::start().await;
    let admin = app.admin();
    let ends = async |name: &str, own: Value, body: Value| {
        let key = issue(&admin, &json!({"name": name, "partner": "lakeside", "expires_at": own})).await;
        app.clock.advance(Duration::days(1));
        let rotated = rotate(&app.admin(), &key, &body).await.expect(201);
        app.clock.advance(-Duration::days(1));
        rotated.body["expires_at"].clone()
    };
    let own = json!("2026-06-11T09:00:00Z");
    assert_eq!(ends("as long", own.clone(), json!({})).await, "2026-06-12T09:00:00Z");
    assert_eq!(ends("for ever", Value::Null, json!({})).await, Value::Null);
    assert_eq!(ends("no end", own.clone(), json!({"expires_at": null})).await, Value::Null);
    assert_eq!(ends("said", own, json!({"expires_at": "2026-12-24T18:00:00Z"})).await, "2026-12-24T18:00:00Z");
}

#[actix_web::test]
async fn a_key_is_rotated_again_only_when_one_of_the_two_has_ended() {
    let app = App::start().await;
    let admin = app.admin();
    let first = portal(&admin).await;
    let second = Key::of(&rotate(&admin, &first, &json!({})).await.expect(201));
    for key in [&first, &second] {
        rotate(&admin, key, &json!({})).await.expect_problem(409, "rotation_in_progress");
    }
    admin.post(KEYS, &json!({"name": "Portal", "partner": "lakeside"})).await.expect_problem(409, "already_exists");
    // The new one leaked on its way: it is revoked, and the old one, still good, is rotated again.
    revoke(&admin, &second).await.expect(200);
    let third = rotate(&admin, &first, &json!({})).await.expect(201);
    assert_eq!(third.body["expires_at"], Value::Null, "the overlap of the old one is no end that it was given");
    let third = Key::of(&third);
    app.clock.advance(Duration::hours(24));
    let fourth = rotate(&app.admin(), &third, &json!({})).await.expect(201);
    assert_eq!(db_active(&app, "Portal"), 2);
    make::sent(&app.person(&Key::of(&fourth).secret)).await;
}

#[actix_web::test]
async fn a_revoked_key_is_refused_at_the_next_request_and_by_other_servers_within_five_seconds() {
    let app = App::start().await;
    let other = app.another_server();
    let key = portal(&app.admin()).await;
    let (here, there) = (app.person(&key.secret), app.person(&key.secret).at(other.address));
    for person in [&here, &there] {
        person.get(REFERRALS).await.expect(200);
    }
    let revoked = app.admin().post(&format!("{}/revoke", key.path), &json!({"reason": "compromised"})).await.expect(200);
    assert_eq!((&revoked.body["status"], &revoked.body["revoked_at"]), (&json!("revoked"), &json!("2026-06-01T09:00:00Z")));
    let begun = std::time::Instant::now();
    here.get(REFERRALS).await.expect_problem(401, "invalid_credentials");
    there.until_refused(REFERRALS, begun).await;
    println!("api keys: revoked, and refused by the other server after {} ms", begun.elapsed().as_millis());
    revoke(&app.admin(), &key).await.expect_problem(409, "state_conflict");
    rotate(&app.admin(), &key, &json!({})).await.expect_problem(409, "state_conflict");
    let strange = json!({"reason": "because it was on a slide"});
    let strange = app.admin().post(&format!("{}/revoke", key.path), &strange).await.expect_problem(422, "invalid_body");
    assert_eq!(strange.faults(), ["/reason unknown_value"]);
}

#[actix_web::test]
async fn a_rotated_key_is_the_same_caller_to_retries_and_cursors() {
    let app = App::start().await;
    let admin = app.admin();
    let scopes = json!(["referrals:read", "referrals:write"]);
    let old = issue(&admin, &json!({"name": "CRM", "scopes": scopes})).await;
    let (before, key) = (app.person(&old.secret), fresh_key());
    let body = make::referral_of("lakeside");
    let first = before.post_with_key(REFERRALS, &key, &body).await.expect(201);
    make::sent(&app.partner()).await;
    let page = before.get("/v1/referrals?limit=1").await.expect(200);
    let cursor = page.body["next_cursor"].as_str().unwrap();

    let after = app.person(&Key::of(&rotate(&admin, &old, &json!({"overlap_hours": 0})).await.expect(201)).secret);
    let replayed = after.post_with_key(REFERRALS, &key, &body).await.expect(201);
    assert_eq!((replayed.header("idempotency-replayed"), replayed.id()), (Some("true"), first.id()));
    assert_eq!(
        after.get(&format!("/v1/referrals?limit=1&cursor={cursor}")).await.expect(200).body["data"].as_array().unwrap().len(),
        1
    );
    // The control: a site key of its own is somebody else.
    let stranger = app.person(&issue(&admin, &json!({"name": "Other CRM", "scopes": scopes})).await.secret);
    stranger.get(&format!("/v1/referrals?limit=1&cursor={cursor}")).await.expect_problem(400, "invalid_cursor");
}

/// How many of these were done; the others were refused with one of these codes, or told to come again.
fn done(answers: &[Answer], status: u16, refused: &[&str]) -> usize {
    let (done, others): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == status);
    for other in others {
        assert!(other.status == 503 || (other.status == 409 && refused.contains(&other.code())), "{}", other.text);
    }
    done.len()
}

#[actix_web::test]
async fn of_two_at_once_one_wins_whatever_they_do() {
    let app = App::start().await;
    let admin = app.admin();
    let rounds = 8;
    let (mut rotations, mut revocations) = (0, 0);
    for round in 0..rounds {
        let name = format!("race {round}");
        let body = json!({"name": name, "partner": "lakeside"});
        let answers = together((0..4).map(|_| {
            let (admin, body) = (admin.clone(), body.clone());
            async move { admin.post(KEYS, &body).await }
        }))
        .await;
        assert_eq!((done(&answers, 201, &["already_exists"]), db_active(&app, &name)), (1, 1), "issued at once");

        let key = Key::of(answers.iter().find(|answer| answer.status == 201).unwrap());
        let answers = together((0..4).map(|_| {
            let (admin, path) = (admin.clone(), format!("{}/rotate", key.path));
            async move { admin.post(&path, &json!({})).await }
        }))
        .await;
        assert_eq!((done(&answers, 201, &["rotation_in_progress"]), db_active(&app, &name)), (1, 2), "rotated at once");

        // Rotate against revoke: the new key stands, or nothing was rotated; the old one is revoked either way.
        let name = format!("duel {round}");
        let key = issue(&admin, &json!({"name": name, "partner": "lakeside"})).await;
        let answers = together(["rotate", "revoke"].map(|action| {
            let (admin, path) = (admin.clone(), format!("{}/{action}", key.path));
            async move {
                // Who waited too long for the other, on a busy machine, comes again.
                loop {
                    let answer = admin.post(&path, &json!({})).await;
                    if answer.status != 503 {
                        return answer;
                    }
                }
            }
        }))
        .await;
        let rotated = done(&answers[..1], 201, &["state_conflict"]);
        assert_eq!(done(&answers[1..], 200, &[]), 1, "a revocation never loses");
        assert_eq!((key.status(&admin).await.as_str(), db_active(&app, &name)), ("revoked", rotated as i64));
        rotations += rotated;
        revocations += 1;
    }
    println!(
        "api keys: {rounds} rounds of 4 issues, 4 rotations and a duel; {rotations} rotations and {revocations} revocations in duels"
    );
}

/// Rows from before may share a name: nothing stumbles over them, and one of the two has to go before a rotation.
#[actix_web::test]
async fn keys_from_before_that_share_a_name_work_and_are_sorted_out_by_revoking_one() {
    let app = App::start().await;
    let admin = app.admin();
    let first = portal(&admin).await;
    let second = issue(&admin, &json!({"name": "Second", "partner": "lakeside"})).await;
    app.db.superuser().batch_execute("UPDATE api_keys SET name = 'Portal' WHERE name = 'Second'").unwrap();
    for key in [&first, &second] {
        app.person(&key.secret).get(REFERRALS).await.expect(200);
        rotate(&admin, key, &json!({})).await.expect_problem(409, "rotation_in_progress");
    }
    revoke(&admin, &second).await.expect(200);
    rotate(&admin, &first, &json!({})).await.expect(201);
    // A site goes with its keys, those that point at one another too.
    let gone = format!("DELETE FROM sites WHERE site_id = '{}'", app.site.id);
    app.db.superuser().batch_execute(&gone).unwrap();
    app.person(&first.secret).get(REFERRALS).await.expect_problem(401, "invalid_credentials");
}

#[actix_web::test]
async fn every_change_of_a_key_is_audited_with_its_reason_and_told_to_the_feed() {
    let app = App::start().await;
    let admin = app.admin();
    let old = portal(&admin).await;
    let new = Key::of(&rotate(&admin, &old, &json!({})).await.expect(201));
    admin.post(&format!("{}/revoke", old.path), &json!({"reason": "compromised"})).await.expect(200);
    let mut conn = app.db.superuser();
    let id = |key: &Key| key.path.rsplit('/').next().unwrap().to_owned();
    let audit = crate::tenancy::texts(
        &mut conn,
        &format!(
            "SELECT concat_ws(' ', operation, reason, actor_id, before, after) AS text
               FROM audit_entries e JOIN journal_queue q ON q.id = e.id WHERE subject_id IN ('{}', '{}') ORDER BY q.number",
            id(&old),
            id(&new)
        ),
    );
    let by = app.site.admin;
    assert_eq!(audit.len(), 4, "{audit:?}");
    assert!(audit[0].starts_with(&format!("create_api_key {by} {{")) && audit[0].contains(r#""name":"changed""#), "{}", audit[0]);
    assert!(audit[1].starts_with(&format!("rotate_api_key {by} {{")) && audit[1].contains(r#""name":"changed""#), "{}", audit[1]);
    let rotated =
        format!("rotate_api_key {by} {{\"expires_at\":\"2026-06-02T09:00:00.000000Z\",\"rotated_to_id\":\"{}\"}}", id(&new));
    assert_eq!(audit[2], rotated);
    assert_eq!(audit[3], format!("revoke_api_key compromised {by} {{\"revoked_at\":\"2026-06-01T09:00:00.000000Z\"}}"));
    let events = crate::tenancy::texts(
        &mut conn,
        "SELECT concat_ws(' ', event_type, subject_id, version, partner_id) AS text FROM events WHERE event_type LIKE 'key.%' ORDER BY version",
    );
    let (old, partner) = (id(&old), app.site.partner.id);
    assert_eq!(events, [format!("key.rotated {old} 2 {partner}"), format!("key.revoked {old} 3 {partner}")]);
}
