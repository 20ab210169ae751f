//! Rows are decided as `create_referral` decides, and recorded as the importer's.

use diesel::connection::SimpleConnection as _;
use serde_json::json;

use super::{PATH, counts, csv, file, finished, import, ndjson, referrals, row, rows};
use crate::support::App;
use crate::support::make;

#[actix_web::test]
async fn a_route_that_takes_nobody_takes_what_staff_records_late() {
    let app = App::start().await;
    let pause = format!("/v1/routes/{}/pause", app.site.partner.route.0);
    app.admin().post_on(&pause, "*", &json!({})).await.expect(200);
    let late = "row_key,partner,study,channel,contact_basis,contact_path,late_reason\n\
        r-1,lakeside,heart-2026,secure_form,permission_to_contact,person_uses_intake,\n\
        r-2,lakeside,heart-2026,secure_form,permission_to_contact,person_uses_intake,paper_backlog\n";
    let done = import(&app, late).await;
    assert_eq!(counts(&done), "completed 2 1 0 1");
    assert_eq!(rows(&app, done["id"].as_str().unwrap(), "refused").await, ["2 - route_not_launched"]);
    // A system of the site records nothing so.
    let key = app.admin().post("/v1/api-keys", &json!({"name": "Loader", "scopes": ["import:write"]})).await.expect(201);
    let loader = app.person(key.body["secret"].as_str().unwrap());
    let id = csv(&loader, "", late.replace("r-", "s-")).await.expect(201).id();
    assert_eq!(counts(&finished(&app, &id).await), "completed 2 0 0 2");
    assert_eq!(app.db.count("SELECT count(*) FROM audit_entries WHERE subject_kind = 'referral' AND actor_kind = 'staff'"), 1);
}

#[actix_web::test]
async fn capacity_is_kept_over_batches_and_files() {
    let app = App::start().await;
    let path = format!("/v1/routes/{}", app.site.partner.route.0);
    app.admin().patch(&path, "*", &json!({"monthly_capacity": 600})).await.expect(200);
    let done = import(&app, file((0..700).map(|number| row(&format!("r-{number}"))))).await;
    assert_eq!(counts(&done), "completed 700 600 0 100");
    let told = rows(&app, done["id"].as_str().unwrap(), "refused").await;
    assert_eq!((told[0].as_str(), told.len()), ("602 - route_at_capacity", 100));
    assert_eq!(app.db.count("SELECT recorded::bigint AS count FROM route_counts"), 600);
    app.partner().post("/v1/referrals", &make::referral()).await.expect_problem(409, "route_at_capacity");
}

#[actix_web::test]
async fn withdrawn_permission_quarantines_and_duplicates_are_found_by_what_was_digested() {
    let app = App::start().await;
    let details = json!({"email": "gone@mail.example"});
    app.coordinator().post("/v1/contact-withdrawals", &json!({"match": details})).await.expect(201);
    let text = "row_key,partner,study,channel,contact_basis,contact_path,match.email,match_phone\n\
        r-1,lakeside,heart-2026,secure_form,permission_to_contact,person_uses_intake,Gone@mail.example,\n\
        r-2,lakeside,heart-2026,secure_form,permission_to_contact,person_uses_intake,,(202) 555-0123\n\
        r-3,voices,heart-2026,secure_form,permission_to_contact,person_uses_intake,,+1 202 555 0123\n\
        r-4,lakeside,heart-2026,secure_form,permission_to_contact,person_uses_intake,,12345\n";
    let done = import(&app, text).await;
    assert_eq!(counts(&done), "completed 4 3 0 1");
    assert_eq!(rows(&app, done["id"].as_str().unwrap(), "refused").await, ["5 match.phone bad_format"]);
    assert_eq!(app.db.count("SELECT count(*) FROM referrals WHERE status = 'quarantined'"), 1);
    handoff::jobs::match_duplicates::pass(&app.state).await.unwrap();
    let reviews = app.coordinator().get("/v1/duplicate-reviews").await.expect(200).body;
    assert_eq!(reviews["data"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn references_are_unique_and_keys_stand_for_one_content() {
    let app = App::start().await;
    app.partner().post("/v1/referrals", &make::referral_with(json!({"partner_reference": "LC-1"}))).await.expect(201);
    let head = "partner,study,channel,contact_basis,contact_path,partner_reference,external_ref\n";
    let line = |reference: &str, external: &str| {
        format!("lakeside,heart-2026,secure_form,permission_to_contact,person_uses_intake,{reference},{external}\n")
    };
    let text =
        [head, &line("LC-1", ""), &line("LC-2", ""), &line("LC-2", ""), &line("LC-2", "CRM-1"), &line("", "CRM-2")].concat();
    let done = import(&app, text.clone()).await;
    assert_eq!(counts(&done), "completed 5 2 1 2");
    let used = ["2 partner_reference partner_reference_used", "5 partner_reference partner_reference_used"];
    assert_eq!(rows(&app, done["id"].as_str().unwrap(), "refused").await, used);
    // The same key with other words is another row under a name that is taken, in whatever file.
    let other = [head, &line("LC-2", "").replace("secure_form", "self_referral")].concat();
    let done = import(&app, other).await;
    let told = rows(&app, done["id"].as_str().unwrap(), "refused").await;
    assert_eq!(told, ["2 row_key row_key_used"]);
    assert_eq!(counts(&import(&app, text).await), "completed 5 0 3 2");
    assert_eq!(referrals(&app), 3);
    let page = app.coordinator().get(&format!("{PATH}/{}/rows?outcome=unchanged", done["id"].as_str().unwrap())).await;
    assert_eq!(page.expect(200).body["data"].as_array().unwrap().len(), 0);
}

#[actix_web::test]
async fn lines_of_json_say_the_same_as_a_table() {
    let app = App::start().await;
    let one = |key: &str| {
        json!({
            "row_key": key, "partner": "lakeside", "study": "heart-2026", "channel": "secure_form", "contact_basis": "permission_to_contact",
            "contact_path": "person_uses_intake", "received_at": "2026-05-28T14:30:00Z"
        })
    };
    import(&app, file([row("r-1"), row("r-2")])).await;
    let mut with_match = one("r-4");
    with_match["match"] = json!({"email": "a@mail.example"});
    let mut empty_match = one("r-5");
    empty_match["match"] = json!({});
    let lines = format!("\u{feff}{}\r\n{}\n\n{{\n[1]\n{}\n{with_match}\n{empty_match}", one("r-1"), one("r-2"), one("r-3"));
    let id = ndjson(&app.coordinator(), lines).await.expect(201).id();
    let done = finished(&app, &id).await;
    assert_eq!(counts(&done), "completed 7 2 2 3");
    assert_eq!(rows(&app, &id, "refused").await, ["4 - malformed_json", "5 - not_an_object", "8 - inconsistent"]);
    assert_eq!((&done["format"], &done["delimiter"], &done["columns"]), (&"ndjson".into(), &json!(null), &json!([])));
}

#[actix_web::test]
async fn whoever_owns_rows_is_told_once_of_all() {
    let app = App::start().await;
    let told = "SELECT count(*) FROM alerts WHERE kind = 'referrals_imported' AND referral_id IS NULL";
    let of_each = "SELECT count(*) FROM alerts WHERE kind = 'referral_received'";
    let rehearsal = csv(&app.coordinator(), "?dry_run=true", file([row("r-1")])).await.expect(201).id();
    finished(&app, &rehearsal).await;
    assert_eq!(app.db.count(told), 0, "a dry run brings nobody anything");
    // Several batches, of two routes.
    let of_other = |number| row(&format!("o-{number}")).replace("lakeside", "voices");
    import(&app, file((0..1_100).map(|number| row(&format!("r-{number}"))).chain((0..5).map(of_other)))).await;
    while handoff::jobs::match_duplicates::pass(&app.state).await.unwrap() > 0 {}
    let owners = app.db.count("SELECT count(DISTINCT owner_id) AS count FROM referrals");
    assert_eq!((app.db.count(told), app.db.count(of_each)), (owners, 0));
    let alert = app.coordinator().get("/v1/alerts").await.expect(200).body["data"][0].clone();
    assert_eq!((&alert["kind"], &alert["referral_id"]), (&json!("referrals_imported"), &json!(null)));
    // What was imported before brings nobody anything; one that comes over the door is told of by itself.
    import(&app, file([row("r-1")])).await;
    app.partner().post("/v1/referrals", &make::referral()).await.expect(201);
    handoff::jobs::match_duplicates::pass(&app.state).await.unwrap();
    assert_eq!((app.db.count(told), app.db.count(of_each)), (owners, 1));
}

#[actix_web::test]
async fn a_first_import_leaves_statistics_of_what_it_filled() {
    let app = App::start().await;
    // PostgreSQL looks by itself too, sooner or later.
    app.db.superuser().batch_execute("ALTER TABLE referrals SET (autovacuum_enabled = off)").unwrap();
    let known = "SELECT greatest(reltuples, 0)::bigint AS count FROM pg_class WHERE oid = 'referrals'::regclass";
    import(&app, file((0..999).map(|number| row(&format!("r-{number}"))))).await;
    assert_eq!(app.db.count(known), 0, "the control: nobody has looked yet");
    import(&app, file((0..1_001).map(|number| row(&format!("s-{number}"))))).await;
    assert_eq!(app.db.count(known), 2_000);
}
