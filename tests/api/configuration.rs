//! Studies, partners and routes: configured by admins, read by those who need them.

mod lifecycles;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::callers::{Answer, Person, send};
use crate::support::onboard;
use crate::support::{App, make};

fn study(code: &str) -> Value {
    json!({
        "code": code, "public_name": "Sleep Study", "short_description": "A study of sleep. The study team explains it.",
        "protocol_code": "SLP-2026/01", "registry_id": "NCT07654321",
    })
}

fn partner(code: &str) -> Value {
    json!({"code": code, "name": "Elm Clinic", "partner_type": "primary_care", "jurisdiction": "US", "remuneration_basis": "flat"})
}

async fn go(person: &Person, path: &str, to: &str) -> Answer {
    person.post_on(&format!("{path}/transitions"), "*", &json!({"to": to})).await
}

async fn step(person: &Person, route: &str, step: &str) -> Answer {
    send(person.request(Method::POST, &format!("{route}/{step}")).header("If-Match", "*")).await
}

/// What `created` answers, in every field that the body named.
#[track_caller]
fn assert_holds(answer: &Answer, body: &Value) {
    for (name, value) in body.as_object().unwrap() {
        assert_eq!(answer.body[name], *value, "{name}");
    }
}

#[actix_web::test]
async fn what_is_created_is_at_its_location_in_its_list_and_what_was_sent() {
    let app = App::start().await;
    let admin = app.admin();
    let mut route = make::route(&app.site, "elm-clinic");
    route["study"] = json!("sleep-2026");
    route["intake_url"] = json!("https://intake.elm.example/start?from=elm");
    route["approval_reference"] = json!("IRB-2026-114");
    (route["acknowledge_due_hours"], route["contact_due_hours"], route["follow_up_due_hours"]) =
        (json!(1), json!(2160), Value::Null);
    for (collection, body, status) in
        [("studies", study("sleep-2026"), "open"), ("partners", partner("elm-clinic"), "draft"), ("routes", route, "draft")]
    {
        let made = admin.post(&format!("/v1/{collection}"), &body).await.expect(201);
        assert_holds(&made, &body);
        assert_eq!((&made.body["status"], made.etag()), (&json!(status), "\"1\"".to_owned()));
        let location = made.header("location").unwrap();
        assert_eq!(location, format!("/v1/{collection}/{}", made.id()));
        for reader in [app.admin(), app.coordinator(), app.site_key()] {
            let read = reader.get(location).await.expect(200);
            assert_eq!((&read.text, read.etag()), (&made.text, made.etag()));
            let listed = reader.get(&format!("/v1/{collection}")).await.expect(200);
            assert!(listed.body["data"].as_array().unwrap().contains(&made.body));
        }
        // Nobody but an admin configures; a viewer does not even read.
        for (person, code) in [(app.coordinator(), "forbidden"), (app.site_key(), "forbidden"), (app.partner(), "forbidden")] {
            person.post(&format!("/v1/{collection}"), &body).await.expect_problem(403, code);
        }
        app.viewer().get(location).await.expect_problem(403, "forbidden");
        let foreign = app.member(&app.other_site, app.other_site.admin);
        foreign.get(location).await.expect_problem(404, "not_found");
        foreign.patch(location, "*", &json!({})).await.expect_problem(404, "not_found");
    }
}

#[actix_web::test]
async fn a_name_that_is_taken_is_refused_at_its_place_and_free_at_another_site() {
    let app = App::start().await;
    let (admin, foreign) = (app.admin(), app.member(&app.other_site, app.other_site.admin));
    admin.post("/v1/studies", &study("sleep-2026")).await.expect(201);
    admin.post("/v1/partners", &partner("elm-clinic")).await.expect(201);
    let mut same_pair = make::route(&app.site, "lakeside");
    same_pair["source_tag"] = json!("fresh-tag");
    let mut same_tag = make::route(&app.site, "elm-clinic");
    same_tag["source_tag"] = json!("lakeside.heart");
    for (path, body, pointer) in [
        ("/v1/studies", study("sleep-2026"), "/code"),
        ("/v1/partners", partner("elm-clinic"), "/code"),
        ("/v1/routes", same_pair, "/study"),
        ("/v1/routes", same_tag.clone(), "/source_tag"),
    ] {
        let refused = admin.post(path, &body).await.expect_problem(409, "already_exists");
        assert_eq!(refused.faults(), [format!("{pointer} inconsistent")]);
    }
    foreign.post("/v1/studies", &study("sleep-2026")).await.expect(201);
    foreign.post("/v1/partners", &partner("elm-clinic")).await.expect(201);
    same_tag["source_tag"] = json!("elm.heart");
    let route = format!("/v1/routes/{}", admin.post("/v1/routes", &same_tag).await.expect(201).id());
    let refused = admin.patch(&route, "*", &json!({"source_tag": "lakeside.heart"})).await.expect_problem(409, "already_exists");
    assert_eq!(refused.faults(), ["/source_tag inconsistent"]);
    admin.patch(&route, "*", &json!({"source_tag": "elm.heart"})).await.expect(200);
}

#[actix_web::test]
async fn a_route_names_what_the_site_has_and_two_different_owners_that_may_own() {
    let app = App::start().await;
    let admin = app.admin();
    admin.post("/v1/partners", &partner("elm-clinic")).await.expect(201);
    let with = |changes: Value| {
        let mut body = make::route(&app.site, "elm-clinic");
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let (viewer, foreign, unknown) = (app.site.viewer, app.other_site.admin, uuid::Uuid::from_u128(7));
    for (changes, faults) in [
        (json!({"partner": "nobody-here"}), vec!["/partner unknown_reference"]),
        (json!({"study": "nothing-here"}), vec!["/study unknown_reference"]),
        (
            json!({"partner": "nobody-here", "study": "nothing-here"}),
            vec!["/partner unknown_reference", "/study unknown_reference"],
        ),
        (json!({"owner_id": viewer}), vec!["/owner_id unknown_reference"]),
        (
            json!({"owner_id": foreign, "backup_owner_id": unknown}),
            vec!["/owner_id unknown_reference", "/backup_owner_id unknown_reference"],
        ),
        (json!({"owner_id": app.site.admin, "backup_owner_id": app.site.admin}), vec!["/backup_owner_id inconsistent"]),
        (json!({"channels": []}), vec!["/channels too_few_items"]),
        (
            json!({"acknowledge_due_hours": 0, "contact_due_hours": 2161}),
            vec!["/acknowledge_due_hours out_of_range", "/contact_due_hours out_of_range"],
        ),
    ] {
        let refused = admin.post("/v1/routes", &with(changes.clone())).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), faults, "{changes}");
    }
    let route = format!("/v1/routes/{}", admin.post("/v1/routes", &with(json!({}))).await.expect(201).id());
    for (changes, fault) in [
        (json!({"owner_id": viewer}), "/owner_id unknown_reference"),
        (json!({"backup_owner_id": foreign}), "/backup_owner_id unknown_reference"),
        // Against what is there, not only against what is sent.
        (json!({"owner_id": app.site.admin}), "/backup_owner_id inconsistent"),
        (json!({"backup_owner_id": app.site.coordinator}), "/backup_owner_id inconsistent"),
    ] {
        let refused = admin.patch(&route, "*", &changes).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), [fault], "{changes}");
    }
    let swapped = json!({"owner_id": app.site.admin, "backup_owner_id": app.site.coordinator});
    assert_holds(&admin.patch(&route, "*", &swapped).await.expect(200), &swapped);
}

#[actix_web::test]
async fn a_patch_changes_what_it_names_clears_with_null_and_leaves_the_rest() {
    let app = App::start().await;
    let admin = app.admin();
    let route = format!("/v1/routes/{}", app.site.partner.route);
    let full = json!({
        "intake_url": "https://x.example/y", "approval_reference": "IRB 1", "acknowledge_due_hours": 5, "contact_due_hours": 6,
        "follow_up_due_hours": 7, "channels": make::channels(&["phone_handoff"], "Say hello."), "monthly_capacity": 8, "duplicate_policy": "review_cross_partner",
    });
    let cleared = json!({"intake_url": null, "approval_reference": null, "acknowledge_due_hours": null, "contact_due_hours": null, "follow_up_due_hours": null, "monthly_capacity": null});
    for (path, changes) in [
        (format!("/v1/studies/{}", app.site.study), json!({"public_name": "New name", "protocol_code": "P-2"})),
        (format!("/v1/studies/{}", app.site.study), json!({"registry_id": null})),
        (format!("/v1/studies/{}", app.site.study), json!({"registry_id": "NCT00000001"})),
        (
            format!("/v1/partners/{}", app.site.partner.id),
            json!({"name": "New", "partner_type": "registry", "jurisdiction": "DE-BY", "remuneration_basis": "hourly"}),
        ),
        (route.clone(), full),
        (route.clone(), cleared),
        (route.clone(), json!({"contact_due_hours": 9})),
    ] {
        let before = admin.get(&path).await.expect(200);
        let changed = admin.patch(&path, &before.etag(), &changes).await.expect(200);
        let mut expected = before.body.clone();
        for (name, value) in changes.as_object().unwrap() {
            expected[name] = value.clone();
        }
        // What follows from the others; `route_setup` asks whether it does so rightly.
        for name in ["configuration_hash", "intake_link", "status"]
            .iter()
            .filter(|_| path == route)
            .filter(|name| before.body.get(name).is_some())
        {
            expected[name] = changed.body[name].clone();
        }
        assert_eq!(changed.body, expected);
        assert_ne!(changed.etag(), before.etag());
        assert_eq!(admin.get(&path).await.text, changed.text);
        // Nothing named, nothing changed; and it is no error.
        let empty = admin.patch(&path, &changed.etag(), &json!({})).await.expect(200);
        assert_eq!(empty.body, expected);
        let request =
            admin.request(Method::PATCH, &path).header("If-Match", "*").header("Content-Type", "application/merge-patch+json");
        assert_eq!(send(request.body("{}")).await.expect(200).body, expected);
    }
}

#[actix_web::test]
async fn a_required_field_cannot_be_cleared_and_what_never_changes_cannot_be_sent() {
    let app = App::start().await;
    let admin = app.admin();
    let (study, partner, route) = (
        format!("/v1/studies/{}", app.site.study),
        format!("/v1/partners/{}", app.site.partner.id),
        format!("/v1/routes/{}", app.site.partner.route),
    );
    for (path, fields) in [
        (&study, vec!["public_name", "short_description", "protocol_code"]),
        (&partner, vec!["name", "partner_type", "jurisdiction", "remuneration_basis"]),
        (&route, vec!["channels", "source_tag", "owner_id", "backup_owner_id", "duplicate_policy"]),
    ] {
        let before = admin.get(path).await.etag();
        let body: Value = fields.iter().map(|field| ((*field).to_owned(), Value::Null)).collect::<serde_json::Map<_, _>>().into();
        let refused = admin.patch(path, "*", &body).await.expect_problem(422, "invalid_body");
        let mut faults = refused.faults();
        let mut expected: Vec<String> = fields.iter().map(|field| format!("/{field} null_not_allowed")).collect();
        faults.sort();
        expected.sort();
        assert_eq!(faults, expected);
        assert_eq!(admin.get(path).await.etag(), before);
    }
    for (path, field) in [
        (&study, "code"),
        (&study, "status"),
        (&partner, "code"),
        (&partner, "status"),
        (&route, "study"),
        (&route, "partner"),
        (&route, "status"),
    ] {
        admin.patch(path, "*", &json!({field: "x"})).await.expect_problem(422, "unknown_field");
    }
}

#[actix_web::test]
async fn every_change_needs_the_version_that_was_read() {
    let app = App::start().await;
    let admin = app.admin();
    for (path, changes, action, body) in [
        (format!("/v1/studies/{}", app.site.study), json!({"public_name": "N"}), "transitions", json!({"to": "paused"})),
        (format!("/v1/partners/{}", app.site.partner.id), json!({"name": "N"}), "transitions", json!({"to": "paused"})),
        (format!("/v1/routes/{}", app.site.partner.route), json!({"monthly_capacity": 9}), "pause", json!({})),
    ] {
        let read = admin.get(&path).await.expect(200).etag();
        let action = format!("{path}/{action}");
        send(admin.request(Method::PATCH, &path).json(&changes)).await.expect_problem(428, "if_match_required");
        send(admin.request(Method::POST, &action).json(&body)).await.expect_problem(428, "if_match_required");
        let changed = admin.patch(&path, &read, &changes).await.expect(200);
        admin.patch(&path, &read, &changes).await.expect_problem(412, "stale_version");
        admin.post_on(&action, &read, &body).await.expect_problem(412, "stale_version");
        let moved = admin.post_on(&action, &changed.etag(), &body).await.expect(200);
        admin.post_on(&action, &changed.etag(), &body).await.expect_problem(412, "stale_version");
        assert_eq!(admin.get(&path).await.etag(), moved.etag());
    }
}

#[actix_web::test]
async fn a_partner_reads_its_own_configuration_without_the_sites_people() {
    let app = App::start().await;
    let (admin, partner) = (app.admin(), app.partner());
    let own = format!("/v1/routes/{}", app.site.partner.route);
    let seen = partner.get(&own).await.expect(200);
    assert_eq!(
        seen.body,
        json!({
            "view": "partner", "id": app.site.partner.route, "study": "heart-2026", "status": "launched",
            "channels": make::channels(&["secure_form", "self_referral"], "Give the person the code and the intake address."),
            "source_tag": "lakeside.heart",
            "intake_link": "https://intake.riverside.example/start?utm_source=lakeside.heart&utm_medium=handoff&utm_campaign=heart-2026",
            "boundaries": {
                "may": ["mention_study", "hand_over", "collect_listed_fields"],
                "may_not": [
                    "imply_eligibility", "enrol_or_consent", "answer_consent_questions", "collect_health_information", "discuss_results",
                    "promise_payment", "promise_treatment", "use_other_language"
                ],
            },
        })
    );
    // What the site changes out of its sight does not show in its tag; what it sees does.
    let unseen = json!({"monthly_capacity": 3});
    admin.patch(&own, "*", &unseen).await.expect(200);
    assert_eq!(partner.get(&own).await.etag(), seen.etag());
    admin.patch(&own, "*", &json!({"channels": make::channels(&["secure_form"], "Otherwise.")})).await.expect(200);
    assert_ne!(partner.get(&own).await.etag(), seen.etag());

    partner.get(&format!("/v1/routes/{}", app.site.sibling.route)).await.expect_problem(404, "not_found");
    partner.get(&format!("/v1/partners/{}", app.site.sibling.id)).await.expect_problem(404, "not_found");
    partner.get("/v1/site").await.expect_problem(403, "forbidden");
    admin.post("/v1/studies", &study("sleep-2026")).await.expect(201);
    let ids =
        |answer: Answer| -> Vec<Value> { answer.body["data"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect() };
    assert_eq!(ids(partner.get("/v1/routes").await.expect(200)), [json!(app.site.partner.route)]);
    assert_eq!(ids(partner.get("/v1/partners").await.expect(200)), [json!(app.site.partner.id)]);
    assert_eq!(ids(partner.get("/v1/studies").await.expect(200)), [json!(app.site.study)], "only those that it has a route for");
    assert_eq!(ids(admin.get("/v1/studies").await.expect(200)).len(), 2);
}

#[actix_web::test]
async fn a_channel_is_named_once() {
    let app = App::start().await;
    let path = format!("/v1/routes/{}", app.site.partner.route);
    let twice = json!({"channels": make::channels(&["secure_form", "secure_form"], "Give the code.")});
    let refused = app.admin().patch(&path, "*", &twice).await.expect_problem(422, "invalid_body");
    assert_eq!(refused.faults(), ["/channels inconsistent"]);
}

#[actix_web::test]
async fn an_admin_changes_the_sites_settings_within_their_bounds() {
    let app = App::start().await;
    let before = app.admin().get("/v1/site").await.expect(200);
    let changes =
        json!({"time_zone": "Europe/Berlin", "default_phone_region": "DE", "suppression_threshold": 20, "contact_due_hours": 8});
    let after = app.admin().patch("/v1/site", &before.etag(), &changes).await.expect(200);
    for (field, value) in changes.as_object().unwrap() {
        assert_eq!(&after.body[field], value);
    }
    assert_eq!((&after.body["name"], &after.body["intake_url"]), (&before.body["name"], &before.body["intake_url"]));
    assert_eq!(app.coordinator().get("/v1/site").await.expect(200).etag(), after.etag());
    app.admin().patch("/v1/site", &before.etag(), &json!({})).await.expect_problem(412, "stale_version");
    app.coordinator().patch("/v1/site", "*", &json!({})).await.expect_problem(403, "forbidden");
    for (changes, faults) in [
        (json!({"suppression_threshold": 10}), &["/suppression_threshold out_of_range"][..]),
        (
            json!({"time_zone": "Mars/Olympus", "default_phone_region": "ZZ"}),
            &["/time_zone unknown_value", "/default_phone_region unknown_value"],
        ),
        (json!({"name": null}), &["/name null_not_allowed"]),
        (json!({"acknowledge_due_hours": 0}), &["/acknowledge_due_hours out_of_range"]),
    ] {
        let refused = app.admin().patch("/v1/site", "*", &changes).await.expect_problem(422, "invalid_body");
        assert_eq!(refused.faults(), faults);
    }
    assert_eq!(app.admin().get("/v1/site").await.expect(200).text, after.text, "a refusal changes nothing");
}
