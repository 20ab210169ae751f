//! After a member has left: retries, many referrals at once, referrals that open again, and what the trail holds.

use diesel::connection::SimpleConnection as _;
use reqwest::Method;
use serde_json::json;

use super::{add, change, deactivate, path, reactivate};
use crate::support::callers::{fresh_key, send};
use crate::support::{App, make};
use crate::tenancy::texts;

#[actix_web::test]
async fn a_retry_with_its_key_answers_the_same_and_does_nothing_more() {
    let app = App::start().await;
    let admin = app.admin();
    let kim = add(&admin, "kim", "coordinator").await;
    make::sent(&app.partner()).await;
    let entries = || app.db.count("SELECT count(*) FROM audit_entries");
    let (dana, body) = (path(app.site.coordinator), json!({"reassign_to": kim}));
    for (action, body) in [("deactivate", Some(&body)), ("reactivate", None)] {
        let (key, etag) = (fresh_key(), admin.get(&dana).await.expect(200).etag());
        let ask = || {
            let request = admin.request(Method::POST, &format!("{dana}/{action}")).header("If-Match", &etag);
            let request = request.header("Idempotency-Key", &key);
            send(if let Some(body) = body { request.json(body) } else { request })
        };
        let first = ask().await.expect(200);
        let kept = entries();
        let again = ask().await.expect(200);
        assert_eq!((&again.text, again.etag(), entries()), (&first.text, first.etag(), kept));
        assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), (None, Some("true")));
        let other = send(
            admin
                .request(Method::POST, &format!("{dana}/{action}"))
                .header("If-Match", &etag)
                .header("Idempotency-Key", fresh_key())
                .json(body.unwrap_or(&json!({}))),
        );
        other.await.expect_problem(412, "stale_version");
    }
    let added = (fresh_key(), super::person("lee", "viewer"));
    let first = admin.post_with_key("/v1/members", &added.0, &added.1).await.expect(201);
    assert_eq!(admin.post_with_key("/v1/members", &added.0, &added.1).await.expect(201).text, first.text);
    admin
        .post_with_key("/v1/members", &added.0, &super::person("leo", "viewer"))
        .await
        .expect_problem(422, "idempotency_key_reused");
}

#[actix_web::test]
async fn two_thousand_open_referrals_move_in_one_request_and_a_hundred_are_listed() {
    let app = App::start().await;
    let (admin, dana) = (app.admin(), app.site.coordinator);
    make::sent(&app.partner()).await;
    // Ids of the one that is there with another end: in order, and after it.
    app.db
        .superuser()
        .batch_execute(
            "INSERT INTO referrals SELECT (jsonb_populate_record(r, jsonb_build_object('contact_path', 'site_record', 'external_ref', 'CRM-' || n,
                'handoff_code', NULL, 'id', overlay(r.id::text placing lpad(to_hex(n), 12, '0') from 25)))).*
               FROM referrals r, generate_series(1, 1999) n",
        )
        .unwrap();
    let refused = deactivate(&admin, dana, &json!({})).await.expect_problem(409, "open_work");
    let work = &refused.body["open_work"];
    assert_eq!((work["referrals"].as_array().unwrap().len(), &work["referrals_total"]), (100, &json!(2_000)));
    let first = texts(&mut app.db.superuser(), "SELECT id::text AS text FROM referrals ORDER BY id LIMIT 100");
    assert_eq!(work["referrals"], json!(first));

    let kim = add(&admin, "kim", "coordinator").await;
    let started = std::time::Instant::now();
    deactivate(&admin, dana, &json!({"reassign_to": kim})).await.expect(200);
    println!("deactivation with 2,000 open referrals: {} ms", started.elapsed().as_millis());
    assert_eq!(app.db.count(&format!("SELECT count(*) FROM referrals WHERE owner_id = '{kim}' AND version = 2")), 2_000);
    let told = "SELECT count(DISTINCT (subject_id, event_type)) FROM events WHERE event_type = 'referral.reassigned'";
    assert_eq!(app.db.count(told), 2_000);
    let queued =
        "SELECT count(*) FROM journal_queue q JOIN events e USING (site_id, id) WHERE e.event_type = 'referral.reassigned'";
    assert_eq!(app.db.count(queued), 2_000);
}

#[actix_web::test]
async fn a_referral_that_opens_later_gets_an_owner_who_is_there() {
    let app = App::start().await;
    let (admin, robin, dana) = (app.admin(), app.site.admin, app.site.coordinator);
    let kim = add(&admin, "kim", "coordinator").await;
    let sent = make::sent(&app.partner()).await.id();
    let path = format!("/v1/referrals/{sent}");
    let close = json!({"to": "closed", "reason": "wrong_study"});
    let reopen = json!({"to": "received", "reason": "closed_by_mistake"});
    let moved = async |body: &serde_json::Value| {
        admin.post_on(&format!("{path}/transitions"), "*", body).await.expect(200).body["owner_id"].clone()
    };
    // Closed, it is nobody's work; opened again, it is that of the route's owner.
    assert_eq!(moved(&close).await, json!(dana));
    assert_eq!(moved(&reopen).await, json!(dana), "the control: an owner who is there keeps it");
    moved(&close).await;
    deactivate(&admin, dana, &json!({"reassign_to": kim})).await.expect(200);
    let version = admin.get(&path).await.expect(200).etag();
    assert_eq!(moved(&reopen).await, json!(kim));
    assert_eq!((version, admin.get(&path).await.expect(200).etag()), ("\"4\"".into(), "\"5\"".into()));
    let told = format!("SELECT event_type AS text FROM events WHERE subject_id = '{sent}' AND version = 5 ORDER BY 1");
    assert_eq!(texts(&mut app.db.superuser(), &told), ["referral.reassigned", "referral.reopened", "referral.transitioned"]);

    // A retired route keeps its names: a late referral goes to its backup owner, or else to the site lead.
    reactivate(&admin, dana).await.expect(200);
    let route = format!("/v1/routes/{}", app.site.partner.route);
    admin.patch(&route, "*", &json!({"owner_id": kim, "backup_owner_id": dana})).await.expect(200);
    moved(&close).await;
    admin.post_on(&format!("{route}/retire"), "*", &json!({})).await.expect(200);
    let late = async || {
        let body = make::referral_with(json!({"partner": "lakeside", "late_reason": "paper_backlog"}));
        let sent = admin.post("/v1/referrals", &body).await.expect(201);
        admin.post_on(&format!("/v1/referrals/{}/transitions", sent.id()), "*", &close).await.expect(200);
        sent.body["owner_id"].clone()
    };
    assert_eq!(late().await, json!(kim), "the control");
    admin.patch(&format!("/v1/routes/{}", app.site.sibling.route), "*", &json!({"owner_id": dana})).await.expect(200);
    deactivate(&admin, kim, &json!({})).await.expect(200);
    assert_eq!(late().await, json!(dana));
    deactivate(&admin, dana, &json!({"reassign_to": add(&admin, "lee", "admin").await})).await.expect(200);
    assert_eq!(late().await, json!(robin));
    assert_eq!(moved(&reopen).await, json!(robin));
}

#[actix_web::test]
async fn the_trail_holds_no_name_and_no_address_of_anybody() {
    let app = App::start().await;
    let admin = app.admin();
    let body = json!({"display_name": "Wendelin Kanari", "email": "wendelin@kanari.example", "role": "viewer", "studies": [make::STUDY]});
    let wendelin = admin.post("/v1/members", &body).await.expect(201).id().parse().unwrap();
    change(&admin, wendelin, json!({"display_name": "Wendeline Kanari", "email": "wendeline@kanari.example"})).await.expect(200);
    change(&admin, wendelin, json!({"role": "coordinator", "is_site_lead": true})).await.expect(200);
    deactivate(&admin, wendelin, &json!({"new_site_lead": app.site.admin})).await.expect(200);
    reactivate(&admin, wendelin).await.expect(200);
    let mut conn = app.db.superuser();
    let mut all = |table: &str| texts(&mut conn, &format!("SELECT lower(t::text) AS text FROM {table} t")).join("\n");
    for table in ["audit_entries", "events", "journal_queue"] {
        let rows = all(table);
        assert!(!rows.contains("kanari") && !rows.contains("wendelin"), "{table}");
    }
    // The control: the search finds her where she is, and the trail tells what it may.
    assert!(all("members").contains("wendeline@kanari.example"));
    let trail = texts(
        &mut conn,
        &format!(
            "SELECT operation || ' ' || coalesce(before, '-') || ' ' || coalesce(after, '-') AS text
               FROM audit_entries e JOIN journal_queue q ON q.id = e.id WHERE subject_id = '{wendelin}' ORDER BY q.number"
        ),
    );
    let study = app.site.study;
    assert_eq!(
        trail,
        [
            format!(
                "create_member - {{\"active\":true,\"alert_channels\":[\"email\"],\"display_name\":\"changed\",\"email\":\"changed\",\"is_site_lead\":false,\"role\":\"viewer\",\"studies\":[\"{study}\"]}}"
            ),
            "update_member - {\"display_name\":\"changed\",\"email\":\"changed\"}".into(),
            format!(
                "update_member {{\"is_site_lead\":false,\"role\":\"viewer\",\"studies\":[\"{study}\"]}} {{\"is_site_lead\":true,\"role\":\"coordinator\",\"studies\":null}}"
            ),
            "deactivate_member {\"active\":true,\"is_site_lead\":true} {\"active\":false,\"is_site_lead\":false}".into(),
            "reactivate_member {\"active\":false} {\"active\":true}".into(),
        ]
    );
}
