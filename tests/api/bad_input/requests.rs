//! Requests that are wrong outside their body: methods, paths, queries, headers.

use reqwest::Method;
use serde_json::json;

use super::{Tally, db_rows};
use crate::support::callers::send;
use crate::support::{App, make};

#[actix_web::test]
async fn a_wrong_method_answers_405_with_those_that_there_are_and_an_unknown_path_404() {
    let app = App::start().await;
    let document = app.stranger().get("/openapi.json").await.expect(200).body;
    let admin = app.admin();
    let tally = Tally::default();
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS, Method::TRACE];
    for (path, operations) in document["paths"].as_object().unwrap() {
        let path = path.replace("{id}", "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48");
        let known: Vec<String> = operations.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        let strange = "ZQX".parse().unwrap();
        for method in methods.iter().chain([&strange]).filter(|method| !known.contains(&method.to_string())) {
            let answer = send(admin.request(method.clone(), &path)).await;
            tally.check(&format!("{method} {path}"), &answer);
            assert_eq!((answer.status, answer.code()), (405, "method_not_allowed"), "{method} {path}");
            let mut allow: Vec<&str> = answer.header("allow").unwrap().split(", ").collect();
            allow.sort_unstable();
            let mut known: Vec<&str> = known.iter().map(String::as_str).collect();
            if known.contains(&"GET") {
                known.push("HEAD");
            }
            known.sort_unstable();
            assert_eq!(allow, known);
        }
    }
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/zqx7",
        "/v1/referrals/",
        "/v1/referrals//actions",
        "/v1//referrals",
        "/V1/referrals",
        "/v1/referrals/%00",
        "/v1/referrals/zqx7%0d%0aX-Injected:1",
        "/v1/referrals/%ff%fe",
        "/v2/referrals",
        "/metrics",
        "/.env",
        "/openapi.yaml",
        "/v1/referrals/0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48/zqx7",
    ] {
        let answer = send(admin.request(Method::GET, path)).await;
        tally.check(path, &answer);
        assert_eq!((answer.status, answer.code()), (404, "not_found"), "{path}");
        assert_eq!(answer.header("x-injected"), None);
    }
    println!("{}", tally.line("methods and paths"));
}

#[actix_web::test]
async fn an_id_that_is_foreign_unknown_or_none_answers_alike() {
    let app = App::start().await;
    let elsewhere = make::sent(&app.person(&app.other_site.partner.key)).await.id();
    let siblings = make::sent(&app.sibling_partner()).await.id();
    let (long, body) = ("zqx7".repeat(500), json!({"to": "closed", "reason": "wrong_site"}));
    let tally = Tally::default();
    let ids = [
        elsewhere.as_str(),
        siblings.as_str(),
        "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48",
        "00000000-0000-0000-0000-000000000000",
        "zqx7",
        "1",
        "-1",
        "null",
        "0199aa107c1e7b529f0e3d6a5b1c2f48",
        "%7B0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48%7D",
        "'%20OR%201=1--",
        long.as_str(),
    ];
    let mut seen = Vec::new();
    for id in ids {
        let mut answer = app.partner().get(&format!("/v1/referrals/{id}")).await;
        tally.check(id, &answer);
        answer.body["request_id"].take();
        seen.push((answer.status, answer.body));
        if id != siblings {
            let path = format!("/v1/referrals/{id}/transitions");
            app.coordinator().post_on(&path, "*", &body).await.expect_problem(404, "not_found");
        }
    }
    assert!(seen.iter().all(|answer| *answer == seen[0] && answer.0 == 404));
    app.coordinator().get(&format!("/v1/referrals/{siblings}")).await.expect(200);
}

#[actix_web::test]
async fn an_answer_that_the_caller_does_not_take_is_406_and_media_types_know_no_case() {
    let app = App::start().await;
    let partner = app.partner();
    let ask = |accept: &'static str| send(partner.request(Method::GET, "/v1/referrals").header("Accept", accept));
    let tally = Tally::default();
    for accept in
        ["text/html", "application/xml", "text/*", "image/*;q=1", "application/json;q=0", "*/*;q=0", "zqx7", "", "application"]
    {
        let answer = ask(accept).await;
        tally.check(accept, &answer);
        assert_eq!((answer.status, answer.code()), (406, "not_acceptable"), "{accept}");
    }
    for accept in [
        "application/json",
        "*/*",
        "application/*",
        "text/html, application/json;q=0.1",
        "Application/JSON",
        "application/json;charset=utf-8",
    ] {
        assert_eq!(ask(accept).await.status, 200, "{accept}");
    }
}

#[actix_web::test]
async fn a_request_id_of_the_callers_is_kept_in_its_form_only() {
    let app = App::start().await;
    let partner = app.partner();
    let ask = |id: String| send(partner.request(Method::GET, "/v1/referrals/1").header("X-Request-Id", id.into_bytes()));
    for good in ["abc", "req-2026.06_01", &"r".repeat(64)] {
        let answer = ask(good.to_owned()).await.expect_problem(404, "not_found");
        assert_eq!(answer.header("x-request-id"), Some(good));
    }
    let tally = Tally::default();
    let key = app.site.partner.key.clone();
    for strange in
        ["", "zqx7 zqx7", "zqx7;a=b", "zqx7\u{e9}", "<zqx7>", "zqx7@mail.example", "zqx7/../x", &"zqx7".repeat(17), &key]
    {
        let answer = ask(strange.to_owned()).await;
        tally.check(strange, &answer);
        let id = answer.header("x-request-id").unwrap();
        assert!(id.parse::<uuid::Uuid>().is_ok(), "{strange} became {id}");
    }
}

#[actix_web::test]
async fn hostile_header_values_and_queries_are_refused_or_ignored() {
    let app = App::start().await;
    let (partner, coordinator) = (app.partner(), app.coordinator());
    let before = db_rows(&app);
    let tally = Tally::default();
    for query in [
        "zqx7=1",
        "limit=zqx7",
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=1.5",
        "limit=1e2",
        "limit=18446744073709551616",
        "limit=",
        "limit=10&limit=10",
        "status=zqx7",
        "status=received&status=closed",
        "study=ZQX7!",
        "study=%00",
        "study=%ff%fe",
        "study=%E2%80%AEzqx7",
        "cursor=",
        "cursor=zqx7",
        "cursor=%20",
        "status[]=received",
        "status%5B%24ne%5D=received",
        "owner_id=zqx7",
        "medical_history=zqx7",
        "&&&zqx7&",
        "=zqx7",
    ] {
        let answer = coordinator.get(&format!("/v1/referrals?{query}")).await;
        tally.check(query, &answer);
        let code = if query.starts_with("cursor=") && query != "cursor=" { "invalid_cursor" } else { "invalid_parameter" };
        assert_eq!((answer.status, answer.code()), (400, code), "{query}");
    }
    let long = format!("/v1/referrals?study={}", "zqx7".repeat(2_000));
    let answer = coordinator.get(&long).await;
    tally.check("a long query", &answer);
    for (header, value) in [
        ("If-Match", "\"zqx7\""),
        ("If-None-Match", "zqx7"),
        ("X-Forwarded-For", "zqx7"),
        ("Forwarded", "for=zqx7"),
        ("Host", "zqx7.example"),
        ("Cookie", "session=zqx7"),
        ("Range", "bytes=0-1"),
        ("Origin", "https://zqx7.example"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("Prefer", "zqx7"),
        ("User-Agent", "zqx7"),
        ("Referer", "https://zqx7.example/?key=zqx7"),
        ("Accept-Language", "zqx7"),
    ] {
        let answer = send(partner.request(Method::GET, "/v1/referrals").header(header, value)).await.expect(200);
        assert!(!super::echoes(&answer), "{header}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "CORS is off");
    }
    assert_eq!(db_rows(&app), before);
    println!("{}", tally.line("queries and headers"));
}
