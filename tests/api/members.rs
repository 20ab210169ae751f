//! Members: added, read and changed; `roles` has what a site cannot be without, `leaving` who takes over and `coordinator_leaves` that
//! on a large scale, `later` what comes after, `races` two at once.

mod coordinator_leaves;
mod later;
mod leaving;
mod races;
mod roles;

use handoff::domain::ids::MemberId;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::callers::{Answer, Person, send};
use crate::support::{App, make};

fn path(id: impl std::fmt::Display) -> String {
    format!("/v1/members/{id}")
}

fn person(name: &str, role: &str) -> Value {
    json!({"display_name": name, "email": format!("{name}@site.example"), "role": role})
}

/// Adds a member; answers its id.
async fn add(admin: &Person, name: &str, role: &str) -> MemberId {
    admin.post("/v1/members", &person(name, role)).await.expect(201).id().parse().unwrap()
}

async fn deactivate(admin: &Person, id: MemberId, body: &Value) -> Answer {
    admin.post_on(&format!("{}/deactivate", path(id)), "*", body).await
}

async fn reactivate(admin: &Person, id: MemberId) -> Answer {
    send(admin.request(Method::POST, &format!("{}/reactivate", path(id))).header("If-Match", "*")).await
}

async fn change(admin: &Person, id: MemberId, body: Value) -> Answer {
    admin.patch(&path(id), "*", &body).await
}

#[actix_web::test]
async fn a_member_is_added_read_and_changed_and_names_know_no_alphabet() {
    let app = App::start().await;
    let admin = app.admin();
    for (number, name) in ["Zoë Ní Bhriain-Ågren", "田中 花子", "محمد بن علي", "Müller 🌻"].iter().enumerate()
    {
        let body = json!({"display_name": name, "email": format!("Person.{number}@Site.Example"), "role": "coordinator"});
        let added = admin.post("/v1/members", &body).await.expect(201);
        let now = app.clock.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        assert_eq!(added.header("location"), Some(path(added.id()).as_str()));
        assert_eq!(added.etag(), "\"1\"");
        let expected = json!({
            "id": added.id(), "display_name": name, "email": format!("person.{number}@site.example"), "role": "coordinator",
            "is_site_lead": false, "active": true, "studies": [], "identity": null, "created_at": now, "updated_at": now,
        });
        assert_eq!(added.body, expected);
        // A coordinator reads its colleagues, with what an admin sees of them.
        let read = app.coordinator().get(&path(added.id())).await.expect(200);
        assert_eq!((&read.text, read.etag()), (&added.text, added.etag()));
        app.clock.advance(chrono::Duration::minutes(1));
        let other = format!("{name} II");
        let changed = admin.patch(&path(added.id()), &added.etag(), &json!({"display_name": other})).await.expect(200);
        assert_eq!((&changed.body["display_name"], changed.etag()), (&json!(other), "\"2\"".into()));
        assert_eq!((&changed.body["email"], &changed.body["created_at"]), (&added.body["email"], &added.body["created_at"]));
        assert_ne!(changed.body["updated_at"], added.body["updated_at"]);
        assert_eq!(admin.get(&path(added.id())).await.expect(200).text, changed.text);
    }
    let decomposed = json!({"display_name": "Zoe\u{308}", "email": "zoe@site.example", "role": "viewer"});
    assert_eq!(admin.post("/v1/members", &decomposed).await.expect(422).faults(), ["/display_name not_normalized"]);
}

#[actix_web::test]
async fn an_address_is_one_member_of_the_site_however_it_is_written() {
    let app = App::start().await;
    let admin = app.admin();
    let kim = add(&admin, "kim", "coordinator").await;
    let taken = |answer: Answer| {
        assert_eq!(answer.expect_problem(409, "already_exists").faults(), ["/email inconsistent"]);
    };
    for email in ["kim@site.example", "Kim@Site.EXAMPLE"] {
        let mut body = person("other", "viewer");
        body["email"] = json!(email);
        taken(admin.post("/v1/members", &body).await);
        taken(change(&admin, app.site.coordinator, json!({"email": email})).await);
    }
    // It stays taken by whoever has left, and is free at another site.
    deactivate(&admin, kim, &json!({})).await.expect(200);
    taken(admin.post("/v1/members", &person("kim", "viewer")).await);
    app.member(&app.other_site, app.other_site.admin).post("/v1/members", &person("kim", "viewer")).await.expect(201);
    change(&admin, kim, json!({"email": "kim@site.example"})).await.expect(200);
    change(&admin, kim, json!({"email": "kim.two@site.example"})).await.expect(200);
    admin.post("/v1/members", &person("kim", "viewer")).await.expect(201);
}

#[actix_web::test]
async fn a_list_is_filtered_by_role_and_by_who_is_active() {
    let app = App::start().await;
    let admin = app.admin();
    let (kim, lee) = (add(&admin, "kim", "coordinator").await, add(&admin, "lee", "viewer").await);
    deactivate(&admin, kim, &json!({})).await.expect(200);
    let ids = |answer: &Answer| -> Vec<String> {
        answer.body["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let site = &app.site;
    for (query, expected) in [
        ("", vec![site.admin, site.coordinator, site.viewer, kim, lee]),
        ("active=true", vec![site.admin, site.coordinator, site.viewer, lee]),
        ("active=false", vec![kim]),
        ("role=viewer", vec![site.viewer, lee]),
        ("role=coordinator&active=true", vec![site.coordinator]),
        ("role=admin&active=false", vec![]),
    ] {
        let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        let mut all = ids(&app.coordinator().get(&format!("/v1/members?{query}")).await.expect(200));
        all.sort();
        let mut wanted = expected.clone();
        wanted.sort();
        assert_eq!(all, wanted, "{query}");
        let mut paged = Vec::new();
        let mut next = format!("/v1/members?limit=1&{query}");
        loop {
            let page = admin.get(&next).await.expect(200);
            paged.extend(ids(&page));
            let Some(cursor) = page.body["next_cursor"].as_str() else { break };
            next = format!("/v1/members?limit=1&{query}&cursor={cursor}");
        }
        paged.sort();
        assert_eq!(paged, wanted, "{query}, one by one");
    }
    for query in ["active=yes", "active=1", "active=", "role=king", "active=true&active=true", "email=x"] {
        admin.get(&format!("/v1/members?{query}")).await.expect_problem(400, "invalid_parameter");
    }
}

#[actix_web::test]
async fn a_viewer_is_assigned_to_studies_of_the_site_and_nobody_else_is() {
    let app = App::start().await;
    let admin = app.admin();
    for (who, code) in [(&admin, "breathe-2026"), (&app.member(&app.other_site, app.other_site.admin), "foreign-2026")] {
        let study = json!({"code": code, "public_name": "S", "short_description": "S.", "protocol_code": "S-1"});
        who.post("/v1/studies", &study).await.expect(201);
    }
    let with = |role: &str, studies: Value| {
        let mut body = person("sam.two", role);
        body["studies"] = studies;
        body
    };
    for (body, faults) in [
        (
            with("viewer", json!([make::STUDY, "nothing-here", "foreign-2026"])),
            vec!["/studies/1 unknown_reference", "/studies/2 unknown_reference"],
        ),
        (with("viewer", json!([make::STUDY, make::STUDY])), vec!["/studies inconsistent"]),
        (with("coordinator", json!([make::STUDY])), vec!["/studies inconsistent"]),
        (with("admin", json!(["nothing-here"])), vec!["/studies inconsistent"]),
    ] {
        assert_eq!(admin.post("/v1/members", &body).await.expect_problem(422, "invalid_body").faults(), faults);
    }
    // Nothing to be assigned to is no contradiction.
    let dana: MemberId = admin.post("/v1/members", &with("coordinator", json!([]))).await.expect(201).id().parse().unwrap();
    assert_eq!(change(&admin, dana, json!({"studies": [make::STUDY]})).await.expect(422).faults(), ["/studies inconsistent"]);

    let sam = app.site.viewer;
    let studies = |answer: Answer| answer.expect(200).body["studies"].clone();
    assert_eq!(
        studies(change(&admin, sam, json!({"studies": [make::STUDY, "breathe-2026"]})).await),
        json!(["breathe-2026", make::STUDY])
    );
    assert_eq!(studies(admin.get(&path(sam)).await), json!(["breathe-2026", make::STUDY]));
    let listed = admin.get("/v1/members?role=viewer").await.expect(200);
    assert_eq!(listed.body["data"][0]["studies"], json!(["breathe-2026", make::STUDY]));
    // Another change leaves them, a list replaces them whole, and a leave keeps them for the return.
    assert_eq!(studies(change(&admin, sam, json!({"display_name": "Sam"})).await), json!(["breathe-2026", make::STUDY]));
    assert_eq!(studies(change(&admin, sam, json!({"studies": ["breathe-2026"]})).await), json!(["breathe-2026"]));
    assert_eq!(
        change(&admin, sam, json!({"studies": ["foreign-2026"]})).await.expect(422).faults(),
        ["/studies/0 unknown_reference"]
    );
    assert_eq!(studies(deactivate(&admin, sam, &json!({})).await), json!(["breathe-2026"]));
    assert_eq!(studies(reactivate(&admin, sam).await), json!(["breathe-2026"]));
    // Whoever is a viewer no more has none, also on becoming one again.
    assert_eq!(studies(change(&admin, sam, json!({"role": "coordinator"})).await), json!([]));
    assert_eq!(studies(change(&admin, sam, json!({"role": "viewer"})).await), json!([]));
    assert_eq!(app.db.count("SELECT count(*) FROM member_studies"), 0);
    assert_eq!(studies(change(&admin, dana, json!({"role": "viewer", "studies": [make::STUDY]})).await), json!([make::STUDY]));
}

#[actix_web::test]
async fn a_change_needs_the_version_that_was_read_and_no_field_is_emptied() {
    let app = App::start().await;
    let (admin, dana) = (app.admin(), path(app.site.coordinator));
    let body = json!({"display_name": "Dana"});
    let unmatched = |method: Method, path: String| send(admin.request(method, &path).json(&body));
    unmatched(Method::PATCH, dana.clone()).await.expect_problem(428, "if_match_required");
    unmatched(Method::POST, format!("{dana}/deactivate")).await.expect_problem(428, "if_match_required");
    unmatched(Method::POST, format!("{dana}/reactivate")).await.expect_problem(428, "if_match_required");
    let read = admin.get(&dana).await.expect(200);
    admin.patch(&dana, &read.etag(), &body).await.expect(200);
    admin.patch(&dana, &read.etag(), &body).await.expect_problem(412, "stale_version");
    admin.post_on(&format!("{dana}/deactivate"), &read.etag(), &json!({})).await.expect_problem(412, "stale_version");
    for field in ["display_name", "email", "role", "studies", "is_site_lead"] {
        let refused = admin.patch(&dana, "*", &json!({field: null})).await.expect(422);
        assert_eq!(refused.faults(), [format!("/{field} null_not_allowed")]);
    }
    send(admin.request(Method::DELETE, &dana)).await.expect_problem(405, "method_not_allowed");
    // Who cannot be seen cannot be changed either.
    let foreign = path(app.other_site.coordinator);
    admin.patch(&foreign, "*", &body).await.expect_problem(404, "not_found");
    admin.post_on(&format!("{foreign}/deactivate"), "*", &json!({})).await.expect_problem(404, "not_found");
}

#[actix_web::test]
async fn only_admins_manage_members_and_no_key_reads_them() {
    let app = App::start().await;
    let dana = path(app.site.coordinator);
    for caller in [app.coordinator(), app.viewer(), app.site_key(), app.partner()] {
        caller.post("/v1/members", &person("kim", "admin")).await.expect_problem(403, "forbidden");
        caller.patch(&dana, "*", &json!({"role": "admin"})).await.expect_problem(403, "forbidden");
        deactivate(&caller, app.site.viewer, &json!({})).await.expect_problem(403, "forbidden");
        reactivate(&caller, app.site.viewer).await.expect_problem(403, "forbidden");
    }
    for caller in [app.viewer(), app.site_key(), app.partner()] {
        caller.get(&dana).await.expect_problem(403, "forbidden");
        caller.get("/v1/members").await.expect_problem(403, "forbidden");
    }
    app.coordinator().get("/v1/members").await.expect(200);
}
