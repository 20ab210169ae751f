//! A partner withdraws its own referral, and learns nothing of what the site had done with it before.

use chrono::{DateTime, Duration, Utc};
use diesel::connection::SimpleConnection as _;
use reqwest::Method;
use serde_json::{Value, json};

use super::journal::{audit, events};
use crate::support::callers::{Answer, send, together};
use crate::support::{App, make};

/// Ends that a partner is not told of before their month.
const UNSEEN: [&str; 8] = [
    "unreachable_after_attempts",
    "no_longer_interested",
    "person_requested_no_contact",
    "duplicate",
    "transferred_site",
    "partner_withdrew",
    "study_team_closed",
    "entered_in_error",
];

async fn go(app: &App, path: &str, body: Value) -> Answer {
    app.coordinator().post_on(&format!("{path}/transitions"), "*", &body).await.expect(200)
}

async fn withdraw(app: &App, path: &str, etag: &str) -> Answer {
    let request = app.partner().request(Method::POST, &format!("{path}/withdraw"));
    send(request.header("If-Match", etag)).await
}

/// An answer without what differs between any two: the bytes of its headers and body.
fn comparable(answer: &Answer) -> (u16, Vec<String>, String) {
    let etag = answer.header("etag").unwrap_or("none").to_owned();
    let request = answer.header("x-request-id").unwrap().to_owned();
    let mut text = answer.text.replace(&request, "REQUEST");
    for own in [&answer.body["id"], &answer.body["handoff"]["code"], &answer.body["received_at"]] {
        text = text.replace(own.as_str().unwrap_or("none"), "OWN");
    }
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| name.as_str() != "date")
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()).replace(&request, "REQUEST").replace(&etag, "TAG"))
        .collect();
    headers.sort();
    (answer.status, headers, text)
}

#[actix_web::test]
async fn an_open_referral_ends_and_the_site_sees_who_ended_it() {
    let app = App::start().await;
    for moves in [
        vec![],
        vec![json!({"to": "contacting"})],
        vec![json!({"to": "connected"}), json!({"to": "handed_off"})],
        vec![json!({"to": "on_hold", "blocker": "awaiting_partner_completion"})],
    ] {
        let sent = make::sent(&app.partner()).await;
        let path = format!("/v1/referrals/{}", sent.id());
        for step in moves {
            go(&app, &path, step).await;
        }
        app.clock.advance(Duration::hours(1));
        let seen = app.partner().get(&path).await;
        let before = app.coordinator().get(&path).await.body;
        let gone = withdraw(&app, &path, &seen.etag()).await.expect(200);
        assert_eq!((&gone.body["status"], &gone.body["not_accepted_reason"]), (&json!("closed"), &Value::Null));
        let read = app.partner().get(&path).await;
        assert_eq!((read.etag(), &read.text), (gone.etag(), &gone.text), "the answer is what the partner reads");
        let now = json!(app.clock.now().format("%Y-%m-%dT%H:%M:%SZ").to_string());
        let mut expected = before;
        expected["status"] = json!("closed");
        expected["close_reason"] = json!("partner_withdrew");
        for name in ["closed_at", "partner_withdrawn_at"] {
            expected[name] = now.clone();
        }
        let first_action = &mut expected["first_action"];
        if first_action["taken_at"].is_null() {
            first_action["taken_at"] = now.clone();
            for met in ["met", "met_by_receipt"] {
                first_action[met] = json!(true);
            }
        }
        for name in ["held_status", "blocker", "blocked_since", "aging", "next_action", "next_action_due_at"] {
            expected[name] = Value::Null;
        }
        assert_eq!(app.coordinator().get(&path).await.body, expected);
        let entry = audit(&app, &gone.id()).pop().unwrap();
        assert_eq!(
            ["operation", "actor_kind", "reason"].map(|name| entry[name].clone()),
            [json!("withdraw_referral"), json!("partner_key"), json!("partner_withdrew")]
        );
        assert_eq!(entry["after"]["partner_withdrawn_at"], json!(app.clock.now().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()));
    }
}

#[actix_web::test]
async fn a_quarantined_referral_can_be_withdrawn() {
    let app = App::start().await;
    let sent = make::sent(&app.partner()).await;
    let path = format!("/v1/referrals/{}", sent.id());
    let set = "UPDATE referrals SET status = 'quarantined', quarantine_reason = 'contact_withdrawn'";
    app.db.superuser().batch_execute(set).unwrap();
    withdraw(&app, &path, &sent.etag()).await.expect(200);
    let seen = app.coordinator().get(&path).await.body;
    let kept = ["status", "close_reason", "quarantine_reason"].map(|name| seen[name].clone());
    assert_eq!(kept, [json!("closed"), json!("partner_withdrew"), Value::Null]);
}

#[actix_web::test]
async fn the_answer_is_the_same_whether_or_not_the_site_had_ended_it() {
    let app = App::start().await;
    let open = make::sent(&app.partner()).await;
    let control = withdraw(&app, &format!("/v1/referrals/{}", open.id()), &open.etag()).await.expect(200);
    let rows = |id: &str| (audit(&app, id).len(), events(&app, id).len());
    let written = rows(&open.id());
    for reason in UNSEEN {
        let sent = make::sent(&app.partner()).await;
        let path = format!("/v1/referrals/{}", sent.id());
        let closed = go(&app, &path, json!({"to": "closed", "reason": reason})).await;
        let (entries, heard) = rows(&sent.id());
        app.clock.advance(Duration::minutes(1));
        let gone = withdraw(&app, &path, &sent.etag()).await;
        assert_eq!(comparable(&gone), comparable(&control), "{reason}");
        assert_eq!(app.partner().get(&path).await.text, gone.text);
        // As many rows are written as for an open one (which had one of each from its creation).
        assert_eq!(rows(&sent.id()), (entries + written.0 - 1, heard + written.1 - 1), "{reason}");
        // The site's own end stays, and it learns of the withdrawal.
        let mut expected = closed.body;
        expected["partner_withdrawn_at"] = json!(app.clock.now().format("%Y-%m-%dT%H:%M:%SZ").to_string());
        let seen = app.coordinator().get(&path).await;
        assert_eq!((seen.etag().as_str(), &seen.body), ("\"3\"", &expected));
        let entry = audit(&app, &sent.id()).pop().unwrap();
        assert_eq!((&entry["before"], &entry["reason"]), (&Value::Null, &json!("partner_withdrew")));
        let at = app.clock.now().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        assert_eq!(entry["after"], json!({"partner_withdrawn_at": at}));
        assert_eq!(events(&app, &sent.id()).pop().unwrap(), ("referral.transitioned".to_owned(), 3));
    }
    assert_ne!(comparable(&open), comparable(&control), "the control: a difference is seen");
}

#[actix_web::test]
async fn what_ended_in_the_partners_eyes_is_refused_alike() {
    let app = App::start().await;
    let mut answers = Vec::new();
    for reason in ["wrong_study", "site_capacity"] {
        let path = format!("/v1/referrals/{}", make::sent(&app.partner()).await.id());
        go(&app, &path, json!({"to": "closed", "reason": reason})).await;
        answers.push(withdraw(&app, &path, &app.partner().get(&path).await.etag()).await);
    }
    let twice = format!("/v1/referrals/{}", make::sent(&app.partner()).await.id());
    let first = withdraw(&app, &twice, "*").await.expect(200);
    answers.push(withdraw(&app, &twice, &first.etag()).await);
    let shown = format!("/v1/referrals/{}", make::sent(&app.partner()).await.id());
    go(&app, &shown, json!({"to": "closed", "reason": "no_longer_interested"})).await;
    app.clock.advance("2026-08-01T04:00:00Z".parse::<DateTime<Utc>>().unwrap() - app.clock.now());
    answers.push(withdraw(&app, &shown, &app.partner().get(&shown).await.etag()).await);
    for answer in &answers {
        assert_eq!((answer.status, answer.code()), (409, "state_conflict"), "{}", answer.text);
        assert_eq!(comparable(answer), comparable(&answers[0]));
    }
    let seen = app.coordinator().get(&shown).await;
    assert_eq!((seen.etag().as_str(), &seen.body["partner_withdrawn_at"]), ("\"2\"", &Value::Null));
}

#[actix_web::test]
async fn the_partners_tag_is_of_its_view_and_unseen_activity_does_not_make_it_stale() {
    let app = App::start().await;
    let sent = make::sent(&app.partner()).await;
    let path = format!("/v1/referrals/{}", sent.id());
    send(app.partner().request(Method::POST, &format!("{path}/withdraw"))).await.expect_problem(428, "if_match_required");
    for stale in ["\"1\"", "\"2\"", "W/\"1\"", &format!("W/{}", sent.etag())] {
        withdraw(&app, &path, stale).await.expect_problem(412, "stale_version");
    }
    withdraw(&app, &path, "").await.expect_problem(400, "invalid_header");
    go(&app, &path, json!({"to": "on_hold", "blocker": "awaiting_partner_completion"})).await;
    withdraw(&app, &path, &sent.etag()).await.expect_problem(412, "stale_version");
    let seen = app.partner().get(&path).await;
    app.coordinator().patch(&path, "*", &json!({"owner_id": app.site.admin, "reason": "absence"})).await.expect(200);
    withdraw(&app, &path, &seen.etag()).await.expect(200);
}

#[actix_web::test]
async fn a_reopened_referral_shows_as_open_again_and_may_be_withdrawn_again() {
    let app = App::start().await;
    let sent = make::sent(&app.partner()).await;
    let path = format!("/v1/referrals/{}", sent.id());
    for first_end in [None, Some("no_longer_interested")] {
        if let Some(reason) = first_end {
            go(&app, &path, json!({"to": "closed", "reason": reason})).await;
        }
        withdraw(&app, &path, &sent.etag()).await.expect(200);
        // What the site adds to a closed referral leaves the withdrawal alone.
        let reference = json!({"external_ref": format!("CRM-{first_end:?}").replace(|c: char| !c.is_alphanumeric(), "")});
        let noted = app.coordinator().patch(&path, "*", &reference).await.expect(200);
        assert!(noted.body["partner_withdrawn_at"].is_string());
        let open = go(&app, &path, json!({"to": "received", "reason": "person_returned"})).await;
        assert_eq!((&open.body["status"], &open.body["partner_withdrawn_at"]), (&json!("received"), &Value::Null));
        assert_eq!(app.partner().get(&path).await.text, sent.text, "open again, as it was");
    }
    // An end after the reopen shows as any other end does.
    go(&app, &path, json!({"to": "closed", "reason": "partner_withdrew"})).await;
    assert_eq!(app.partner().get(&path).await.text, sent.text);
}

#[actix_web::test]
async fn only_the_partner_withdraws_and_another_ones_referral_is_not_there() {
    let app = App::start().await;
    let sent = make::sent(&app.partner()).await;
    let url = format!("/v1/referrals/{}/withdraw", sent.id());
    for caller in [app.admin(), app.coordinator(), app.viewer(), app.site_key()] {
        caller.post_on(&url, "*", &json!({})).await.expect_problem(403, "forbidden");
    }
    let others = [app.sibling_partner(), app.person(&app.other_site.partner.key), app.person(&app.site.partner.test_key)];
    for other in others {
        let foreign = other.post_on(&url, &sent.etag(), &json!({})).await.expect_problem(404, "not_found");
        let unknown = format!("/v1/referrals/{}/withdraw", uuid::Uuid::from_u128(7));
        let unknown = other.post_on(&unknown, &sent.etag(), &json!({})).await.expect_problem(404, "not_found");
        assert_eq!(comparable(&foreign), comparable(&unknown));
    }
    let with_body = app.partner().post_on(&url, "*", &json!({"reason": "no_longer_interested"})).await;
    with_body.expect_problem(422, "unknown_field");
    assert_eq!(app.partner().get(&format!("/v1/referrals/{}", sent.id())).await.text, sent.text);
}

#[actix_web::test]
async fn of_two_withdrawals_at_once_one_is_made() {
    let app = App::start().await;
    for tag in [None, Some("*")] {
        let sent = make::sent(&app.partner()).await;
        let url = format!("/v1/referrals/{}/withdraw", sent.id());
        let answers = together((0..6).map(|_| {
            let (partner, url, tag) = (app.partner(), url.clone(), tag.map_or_else(|| sent.etag(), str::to_owned));
            async move { partner.post_on(&url, &tag, &json!({})).await }
        }))
        .await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        let refused = if tag.is_some() { (409, "state_conflict") } else { (412, "stale_version") };
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            let told = (answer.status, answer.code());
            assert!(told == refused || told == (503, "overloaded"), "{}", answer.text);
        }
        assert_eq!(audit(&app, &sent.id()).len(), 2, "made, and withdrawn once");
    }
}

#[actix_web::test]
async fn a_withdrawal_beside_the_sites_own_end_is_answered_alike_whoever_came_first() {
    let app = App::start().await;
    let open = make::sent(&app.partner()).await;
    let control = comparable(&withdraw(&app, &format!("/v1/referrals/{}", open.id()), &open.etag()).await.expect(200));
    let (mut site_first, mut partner_first) = (0, 0);
    for round in 0..12_u64 {
        let sent = make::sent(&app.partner()).await;
        let path = format!("/v1/referrals/{}", sent.id());
        let (partner, url, tag) = (app.partner(), format!("{path}/withdraw"), sent.etag());
        let later = move |waits: bool| async move {
            if waits {
                tokio::time::sleep(std::time::Duration::from_millis(round)).await;
            }
        };
        let gone = actix_web::rt::spawn(async move {
            later(round % 2 == 0).await;
            send(partner.request(Method::POST, &url).header("If-Match", tag)).await
        });
        let (coordinator, url) = (app.coordinator(), format!("{path}/transitions"));
        let closed = actix_web::rt::spawn(async move {
            later(round % 2 == 1).await;
            coordinator.post_on(&url, "\"1\"", &json!({"to": "closed", "reason": "no_longer_interested"})).await
        });
        let (gone, closed) = (gone.await.unwrap(), closed.await.unwrap());
        assert_eq!(comparable(&gone), control);
        let seen = app.coordinator().get(&path).await.body;
        assert!(seen["partner_withdrawn_at"].is_string());
        if closed.status == 200 {
            site_first += 1;
            assert_eq!(seen["close_reason"], "no_longer_interested");
        } else {
            partner_first += 1;
            closed.expect_problem(412, "stale_version");
            assert_eq!(seen["close_reason"], "partner_withdrew");
        }
    }
    println!("withdrawal beside the site's end: {site_first} times the site was first, {partner_first} times the partner");
    assert!(site_first > 0 && partner_first > 0, "the race was run: {site_first} and {partner_first}");
}
