//! Who reads sealed details, what for, and what is left of it.

use diesel::connection::SimpleConnection as _;
use handoff::domain::vocabulary::Scope;
use reqwest::Method;
use serde_json::json;

use super::{FIELDS, NOTE, all, key_with, process, read, read_for, sealed, trail, with};
use crate::support::callers::{fresh_key, send};
use crate::support::{App, log, make};

#[actix_web::test]
async fn they_are_read_for_a_purpose_and_each_read_is_an_entry_that_holds_no_value() {
    let app = App::start().await;
    process(&app, &FIELDS).await;
    let id = sealed(&app, all()).await;
    let answer = read_for(&app.coordinator(), &id, json!({"purpose": "arrange_interpreter"})).await.expect(200);
    let expected =
        json!({"referral_id": id, "purpose": "arrange_interpreter", "read_at": "2026-06-01T09:00:00Z", "details": all()});
    assert_eq!(answer.body, expected);
    assert_eq!((answer.header("cache-control"), answer.header("etag")), (Some("no-store"), None));
    let some = sealed(&app, json!({"age_band": "under_18"})).await;
    let seen = read(&app.admin(), &some).await.expect(200).body;
    let only = json!({"preferred_contact_time": null, "interpreter_language": null, "age_band": "under_18", "sealed_note": null});
    assert_eq!(seen["details"], only);

    let entries = trail(&app, "read_sealed_details").await;
    let told: Vec<_> = entries.iter().map(|entry| (&entry["subject"]["id"], &entry["reason"], &entry["actor"]["id"])).collect();
    assert_eq!(told.len(), 2);
    assert!(told.contains(&(&json!(id), &json!("arrange_interpreter"), &json!(app.site.coordinator))));
    assert!(told.contains(&(&json!(some), &json!("contact_person"), &json!(app.site.admin))));
    let of_some = entries.iter().find(|entry| entry["subject"]["id"] == some).unwrap();
    assert_eq!(of_some["changes"], json!([{"field": "read_fields", "before": null, "after": "age_band"}]));
    // And the making says which fields came, while the feed says nothing of them.
    let made = trail(&app, "create_referral").await;
    let made = made.iter().find(|entry| entry["subject"]["id"] == some).unwrap().to_string();
    assert!(made.contains("sealed_details") && made.contains("age_band") && !made.contains("under_18"), "{made}");
    let feed = app.admin().get("/v1/events?limit=200").await.expect(200).text;
    assert!(feed.contains(&some) && !feed.contains("details") && !feed.contains("age_band"), "{feed}");
}

#[actix_web::test]
async fn only_staff_who_work_referrals_and_keys_with_the_scope_read_them() {
    let app = App::start().await;
    process(&app, &FIELDS).await;
    let id = sealed(&app, all()).await;
    let opens = key_with(&app, &[Scope::DetailsRead]);
    for who in [app.admin(), app.coordinator(), opens.clone()] {
        assert_eq!(read(&who, &id).await.expect(200).body["details"], all());
    }
    let others = [
        Scope::ReferralsRead,
        Scope::ReferralsWrite,
        Scope::IntakeWrite,
        Scope::ImportWrite,
        Scope::EventsRead,
        Scope::WebhooksManage,
        Scope::ConfigRead,
    ];
    read(&key_with(&app, &others), &id).await.expect_problem(403, "insufficient_scope");
    for who in [app.viewer(), app.partner(), app.sibling_partner(), app.person(&app.site.partner.test_key)] {
        read(&who, &id).await.expect_problem(403, "forbidden");
    }
    read(&app.stranger(), &id).await.expect_problem(401, "unauthenticated");
    // Neither a foreign referral, nor an unknown one, nor one without any tells which it is.
    let plain = make::sent(&app.partner()).await.id();
    let unknown = uuid::Uuid::now_v7().to_string();
    read(&app.member(&app.other_site, app.other_site.admin), &id).await.expect_problem(404, "not_found");
    for id in [&plain, &unknown] {
        read(&opens, id).await.expect_problem(404, "not_found");
    }
    assert_eq!(trail(&app, "read_sealed_details").await.len(), 3, "what was refused is no read");
    // The scope alone carries nothing else.
    opens.get(&format!("/v1/referrals/{id}")).await.expect_problem(403, "insufficient_scope");
}

#[actix_web::test]
async fn a_read_without_a_purpose_of_the_vocabulary_is_none() {
    let app = App::start().await;
    process(&app, &FIELDS).await;
    let id = sealed(&app, all()).await;
    for (body, fault) in [
        (json!({}), "/purpose missing_field"),
        (json!({"purpose": "curiosity"}), "/purpose unknown_value"),
        (json!({"purpose": null}), "/purpose null_not_allowed"),
    ] {
        assert_eq!(read_for(&app.coordinator(), &id, body).await.expect_problem(422, "invalid_body").faults(), [fault]);
    }
    assert_eq!(trail(&app, "read_sealed_details").await.len(), 0);
    // A key makes no read a retry: each is an entry, and the answer is kept nowhere.
    let key = fresh_key();
    for _ in 0..2 {
        let request = app.coordinator().request(Method::POST, &format!("/v1/referrals/{id}/details-reads"));
        let answer = send(request.header("Idempotency-Key", &key).json(&json!({"purpose": "plan_visit"}))).await.expect(200);
        assert_eq!(answer.header("idempotency-replayed"), None);
    }
    assert_eq!(trail(&app, "read_sealed_details").await.len(), 2);
    assert_eq!(app.db.count("SELECT count(*) FROM idempotency_keys WHERE operation LIKE '%details%'"), 0);
}

#[actix_web::test]
async fn a_seal_that_was_moved_or_changed_does_not_open_and_tells_nothing() {
    let app = App::start().await;
    process(&app, &FIELDS).await;
    let note = "Umgesetzter Zettel";
    let (one, other) = (sealed(&app, json!({"sealed_note": note})).await, sealed(&app, json!({"sealed_note": "another"})).await);
    let banded = sealed(&app, json!({"age_band": "from_80"})).await;
    let spoil = |sql: &str| app.db.superuser().batch_execute(sql).unwrap();
    let change = |what: &str, id: &str| format!("UPDATE sealed_details SET {what} WHERE referral_id = '{id}'");
    spoil(&format!(
        "UPDATE sealed_details d SET nonce = o.nonce, ciphertext = o.ciphertext FROM sealed_details o
          WHERE d.referral_id IN ('{one}', '{other}') AND o.referral_id IN ('{one}', '{other}') AND o.referral_id <> d.referral_id"
    ));
    for id in [&one, &other] {
        read(&app.coordinator(), id).await.expect_problem(500, "internal");
    }
    read(&app.coordinator(), &banded).await.expect(200);
    spoil(&change("fields = '{sealed_note}'", &banded));
    let answer = read(&app.coordinator(), &banded).await.expect_problem(500, "internal");
    spoil(&change("fields = '{age_band}', key_id = '\\x0001020304050607'", &banded));
    let unknown = read(&app.coordinator(), &banded).await.expect_problem(500, "internal");
    let third = sealed(&app, json!({"sealed_note": note})).await;
    spoil(&change("ciphertext = set_byte(ciphertext, 0, get_byte(ciphertext, 0) # 1)", &third));
    read(&app.coordinator(), &third).await.expect_problem(500, "internal");
    let said = format!("{}\n{}\n{}", log::lines().join("\n"), answer.text, unknown.text);
    assert!(!said.contains(note) && !said.contains("from_80"));
    assert!(said.contains("not what was sealed for this place") && said.contains("a master key that is not configured"));
    assert_eq!(trail(&app, "read_sealed_details").await.len(), 1, "what did not open was not read");
}

#[actix_web::test]
async fn a_partners_own_connection_leaves_them_and_reads_none() {
    use diesel::RunQueryDsl as _;
    let app = App::start().await;
    process(&app, &FIELDS).await;
    app.partner().post("/v1/referrals", &with(all())).await.expect(201);
    let mut conn = app.db.app();
    conn.batch_execute(&format!("SET app.site_id = '{}'; SET app.partner_id = '{}'", app.site.id, app.site.partner.id)).unwrap();
    assert_eq!(diesel::sql_query("SELECT 1 FROM sealed_details").execute(&mut conn).unwrap(), 0);
    assert_eq!(diesel::sql_query("DELETE FROM sealed_details").execute(&mut conn).unwrap(), 0);
    conn.batch_execute("SET app.partner_id = ''").unwrap();
    assert_eq!(diesel::sql_query("SELECT 1 FROM sealed_details").execute(&mut conn).unwrap(), 1, "the control: the site does");
    assert!(
        conn.batch_execute("UPDATE sealed_details SET fields = '{age_band}'").is_err(),
        "what a row says that it holds stays"
    );
    let note = crate::tenancy::texts(&mut app.db.superuser(), "SELECT d::text AS text FROM sealed_details d").remove(0);
    assert!(!note.contains(NOTE) && note.contains("sealed_note"));
}
