//! Two at once: a person is taken in once, and joined with one record.

use serde_json::{Value, json};

use super::{arrive, code, desk, stranger};
use crate::contact_withdrawals::seen;
use crate::support::app::Setup;
use crate::support::callers::{Answer, Person, together};
use crate::support::{App, make};

/// Sends until the server is not too busy for it.
async fn insist(person: Person, key: String, body: Value) -> Answer {
    for _ in 0..200 {
        let answer = person.post_with_key("/v1/intake", &key, &body).await;
        if answer.status != 503 && answer.code() != "idempotency_in_flight" {
            return answer;
        }
    }
    panic!("always too busy");
}

#[actix_web::test]
async fn of_many_arrivals_with_one_code_and_several_records_one_record_is_kept() {
    let app = App::start_with(Setup { connections: 8, ..Setup::default() }).await;
    let (other, desk) = (app.another_server(), desk(&app));
    for round in 0..6 {
        let sent = make::sent(&app.partner()).await;
        let senders = (0..8).map(|number| {
            let person = if number % 2 == 0 { desk.clone() } else { desk.at(other.address) };
            let body = json!({"handoff_code": code(&sent), "external_ref": format!("CRM-{round}-{}", number % 4)});
            insist(person, format!("race-key-{round}-{number}"), body)
        });
        let answers = together(senders).await;
        let joined: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
        let refused = answers.iter().filter(|answer| answer.code() == "external_ref_differs").count();
        assert_eq!((joined.len(), refused), (2, 6), "round {round}");
        let kept = seen(&app, &sent.id()).await;
        assert!(joined.iter().all(|answer| answer.body["referral"]["external_ref"] == kept["external_ref"]));
    }
    assert_eq!(app.db.count("SELECT count(*) FROM referrals"), 6);
}

#[actix_web::test]
async fn of_many_retries_under_one_key_one_referral_is_made() {
    let app = App::start_with(Setup { connections: 8, ..Setup::default() }).await;
    let (other, desk) = (app.another_server(), desk(&app));
    let body = json!({"study": make::STUDY, "source_tag": "lakeside.hart", "external_ref": "CRM-1"});
    let senders = (0..12).map(|number| {
        let person = if number % 2 == 0 { desk.clone() } else { desk.at(other.address) };
        insist(person, "one-key-for-all".into(), body.clone())
    });
    let answers = together(senders).await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.text == answers[0].text), "{answers:?}");
    assert_eq!(app.db.count("SELECT count(*) FROM referrals"), 1);
    let another = json!({"study": make::STUDY, "external_ref": "CRM-2"});
    desk.post_with_key("/v1/intake", "one-key-for-all", &another).await.expect_problem(422, "idempotency_key_reused");
    // The control: another key is another arrival.
    arrive(&desk, body).await.expect(201);
    assert_eq!(app.db.count("SELECT count(*) FROM referrals"), 2);
}

#[actix_web::test]
async fn of_two_corrections_on_one_version_one_is_stale() {
    let app = App::start_with(Setup { connections: 8, ..Setup::default() }).await;
    for round in 0..6 {
        let id = stranger(&app, &format!("CRM-{round}")).await;
        let path = format!("/v1/referrals/{id}/attribution");
        let senders = ["lakeside", "voices"].map(|partner| {
            let (person, path) = (app.coordinator(), path.clone());
            let body = json!({"partner": partner, "reason": "partner_confirmed"});
            async move { person.post_on(&path, "\"1\"", &body).await }
        });
        let mut statuses: Vec<u16> = together(senders).await.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412], "round {round}");
    }
}

#[actix_web::test]
async fn arrivals_beside_a_lead_that_changes_hands_leave_nobody_without_an_owner() {
    let app = App::start_with(Setup { connections: 10, ..Setup::default() }).await;
    let (desk, admin) = (desk(&app), app.admin());
    let [one, two] = [app.site.admin, app.site.coordinator].map(|member| format!("/v1/members/{member}"));
    let moves = actix_web::rt::spawn(async move {
        for round in 0..8 {
            let to = if round % 2 == 0 { &two } else { &one };
            for _ in 0..200 {
                if admin.patch(to, "*", &json!({"is_site_lead": true})).await.status != 503 {
                    break;
                }
            }
        }
    });
    let senders = (0..24).map(|number| {
        let tag = ["lakeside.heart", "lakeside.hart"][number % 2];
        let body = json!({"study": make::STUDY, "source_tag": tag, "external_ref": format!("CRM-{number}")});
        insist(desk.clone(), format!("lead-key-{number}"), body)
    });
    for answer in together(senders).await {
        answer.expect(201);
    }
    moves.await.unwrap();
    let ownerless = "SELECT count(*) FROM referrals r WHERE NOT EXISTS (SELECT FROM members m WHERE m.id = r.owner_id AND m.active AND m.role <> 'viewer')";
    assert_eq!((app.db.count(ownerless), app.db.count("SELECT count(*) FROM referrals")), (0, 24));
}
