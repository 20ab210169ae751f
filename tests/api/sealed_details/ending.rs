//! How sealed details go: by hand, in time, and at once when the person wants no contact.

use chrono::Duration;
use handoff::jobs::retention;
use serde_json::{Value, json};

use super::{FIELDS, all, count, has_details, process, read, sealed, trail, with};
use crate::contact_withdrawals::{go, withdraw};
use crate::support::{App, make};

fn purged(entries: &[Value]) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all: Vec<_> = entries
        .iter()
        .filter(|entry| entry["changes"].to_string().contains("sealed_details"))
        .map(|entry| (text(&entry["subject"]["id"]), text(&entry["reason"])))
        .collect();
    all.sort();
    all
}

#[actix_web::test]
async fn an_admin_purges_them_by_hand_on_the_version_that_was_read() {
    let app = App::start().await;
    process(&app, &FIELDS).await;
    let (id, kept) = (sealed(&app, all()).await, sealed(&app, all()).await);
    let path = format!("/v1/referrals/{id}/details");
    for who in [app.coordinator(), app.viewer(), app.site_key(), app.partner()] {
        who.delete(&path, "*").await.expect_problem(403, "forbidden");
    }
    app.admin().delete(&path, "\"7\"").await.expect_problem(412, "stale_version");
    assert_eq!(count(&app), 2);
    app.admin().delete(&path, "\"1\"").await.expect(204);
    read(&app.admin(), &id).await.expect_problem(404, "not_found");
    app.admin().delete(&path, "*").await.expect_problem(404, "not_found");
    let plain = make::sent(&app.partner()).await.id();
    app.admin().delete(&format!("/v1/referrals/{plain}/details"), "*").await.expect_problem(404, "not_found");
    assert_eq!((has_details(&app, &id).await, has_details(&app, &kept).await), (false, true));
    let entries = trail(&app, "delete_sealed_details").await;
    assert_eq!((entries.len(), &entries[0]["subject"]["id"]), (1, &json!(id)));
    let [change] = entries[0]["changes"].as_array().unwrap().as_slice() else { panic!("{}", entries[0]) };
    assert_eq!((&change["field"], &change["after"]), (&json!("sealed_details"), &json!(null)));
}

#[actix_web::test]
async fn they_go_the_sites_days_after_the_end_of_their_referral() {
    let app = App::start().await;
    process(&app, &FIELDS).await;
    let (ended, open, reopened) = (sealed(&app, all()).await, sealed(&app, all()).await, sealed(&app, all()).await);
    assert_eq!(app.admin().get("/v1/site").await.expect(200).body["sealed_details_retention_days"], 30);
    for (days, fault) in [(json!(0), "out_of_range"), (json!(366), "out_of_range"), (json!(null), "null_not_allowed")] {
        let refused = app.admin().patch("/v1/site", "*", &json!({"sealed_details_retention_days": days})).await;
        assert_eq!(refused.expect(422).faults(), [format!("/sealed_details_retention_days {fault}")]);
    }
    app.admin().patch("/v1/site", "*", &json!({"sealed_details_retention_days": 2})).await.expect(200);
    for id in [&ended, &reopened] {
        go(&app, id, json!({"to": "closed", "reason": "wrong_study"})).await.expect(200);
    }
    app.clock.advance(Duration::days(2));
    assert_eq!(retention::pass(&app.state).await.unwrap(), 0, "not before the days are over");
    go(&app, &reopened, json!({"to": "received", "reason": "closed_by_mistake"})).await.expect(200);
    app.clock.advance(Duration::seconds(1));
    assert_eq!(retention::pass(&app.state).await.unwrap(), 1);
    assert_eq!(retention::pass(&app.state).await.unwrap(), 0);
    read(&app.coordinator(), &ended).await.expect_problem(404, "not_found");
    for id in [&open, &reopened] {
        read(&app.coordinator(), id).await.expect(200);
    }
    let entries = trail(&app, "purge_sealed_details").await;
    assert_eq!(purged(&entries), [(ended, "retention_expired".to_owned())]);
    assert_eq!(entries[0]["actor"]["kind"], "system");
}

#[actix_web::test]
async fn more_than_one_batch_goes_in_one_pass_and_a_row_at_work_waits_for_the_next() {
    use diesel::connection::SimpleConnection as _;
    let app = App::start().await;
    process(&app, &["age_band"]).await;
    let first = sealed(&app, json!({"age_band": "from_80"})).await;
    // Purging opens nothing: copies of one seal will do.
    let copies = format!(
        "CREATE TEMP TABLE copies AS SELECT r.* FROM referrals r CROSS JOIN generate_series(1, 450) WHERE r.id = '{first}';
         UPDATE copies SET id = gen_random_uuid(), handoff_code = NULL, contact_path = 'sealed_details';
         INSERT INTO referrals SELECT * FROM copies;
         INSERT INTO sealed_details SELECT (jsonb_populate_record(d, jsonb_build_object('referral_id', c.id))).* FROM sealed_details d, copies c;
         UPDATE referrals SET status = 'closed', close_reason = 'wrong_study', closed_at = '2026-06-01T09:00:00Z', next_action = NULL,
                next_action_due_at = NULL, escalate_at = NULL"
    );
    app.db.superuser().batch_execute(&copies).unwrap();
    app.clock.advance(Duration::days(31));
    let mut at_work = app.db.superuser();
    at_work.batch_execute(&format!("BEGIN; SELECT 1 FROM referrals WHERE id = '{first}' FOR UPDATE")).unwrap();
    assert_eq!((retention::pass(&app.state).await.unwrap(), count(&app)), (450, 1));
    at_work.batch_execute("ROLLBACK").unwrap();
    assert_eq!((retention::pass(&app.state).await.unwrap(), count(&app)), (1, 0));
}

#[actix_web::test]
async fn who_wants_no_contact_leaves_nothing_behind() {
    let app = App::start().await;
    process(&app, &FIELDS).await;
    let of = |email: &str| {
        let mut body = with(all());
        body["match"] = json!({"email": format!("{email}@mail.example")});
        body
    };
    let sent = async |body: Value| app.partner().post("/v1/referrals", &body).await.expect(201).id();
    // With the contact details: what is open, and what had ended.
    let (open, ended, other) = (sent(of("ana")).await, sent(of("ana")).await, sent(of("bo")).await);
    go(&app, &ended, json!({"to": "closed", "reason": "wrong_study"})).await.expect(200);
    withdraw(&app.coordinator(), json!({"email": "ana@mail.example"})).await.expect(201);
    for id in [&open, &ended] {
        assert!(!has_details(&app, id).await);
    }
    assert!(has_details(&app, &other).await);
    // By the end of one referral, also without contact details.
    let (said, elsewhere) = (sent(with(all())).await, sent(with(all())).await);
    let closed = go(&app, &said, json!({"to": "closed", "reason": "person_requested_no_contact"})).await.expect(200);
    assert_eq!(closed.body["has_sealed_details"], false);
    assert!(!has_details(&app, &said).await && has_details(&app, &elsewhere).await);
    // And with what was merged into it.
    let (kept, merged) = (sent(with(all())).await, sent(with(all())).await);
    let review = app.coordinator().post("/v1/duplicate-reviews", &json!({"referral_ids": [kept, merged]})).await.expect(201).id();
    let same = json!({"resolution": "same", "keep": kept});
    app.coordinator().post_on(&format!("/v1/duplicate-reviews/{review}/resolve"), "*", &same).await.expect(200);
    assert!(has_details(&app, &merged).await, "a merged record keeps them for its own days");
    go(&app, &kept, json!({"to": "closed", "reason": "person_requested_no_contact"})).await.expect(200);
    assert!(!has_details(&app, &merged).await && !has_details(&app, &kept).await);

    let why = "person_requested_no_contact".to_owned();
    let mut by_mail = vec![(open, why.clone()), (ended, why.clone())];
    by_mail.sort();
    assert_eq!(purged(&trail(&app, "create_contact_withdrawal").await), by_mail);
    let mut one_by_one = vec![(said, why.clone()), (kept, why.clone()), (merged, why)];
    one_by_one.sort();
    assert_eq!(purged(&trail(&app, "transition_referral").await), one_by_one);
}
