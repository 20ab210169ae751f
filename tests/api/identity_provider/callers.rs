//! Who a token's holder is: by algorithm, by site, by what the database says of the member now.

use diesel::connection::SimpleConnection as _;
use handoff::auth::provider::SignatureAlgorithm;
use handoff::domain::ids::MemberId;
use serde_json::json;

use super::keys::{Key, with, without};
use super::server::KeyServer;
use super::{ADMIN, AUDIENCE, ISSUER, app_trusting, claims, db_bind, issuer, site_by, site_by_key};
use crate::support::App;
use crate::support::app::Setup;

#[actix_web::test]
async fn a_member_gets_in_with_a_token_of_each_algorithm() {
    let keys = [Key::rsa("r-1"), Key::ec("p-1"), Key::ed("e-1")];
    let server = KeyServer::start(&[&keys[0], &keys[1], &keys[2]]);
    let app = app_trusting(&server).await;
    for key in &keys {
        let site = site_by_key(&app, key).await.expect(200);
        assert_eq!(site.body["name"], "riverside", "{}", key.alg());
    }
    assert_eq!(server.hits(), 1, "one fetch serves them all");
    // What is optional, or may take several forms.
    let good = claims(&app);
    for claims in [
        without(&good, "nbf"),
        without(&good, "iat"),
        with(&good, "aud", json!([AUDIENCE])),
        with(&good, "aud", json!(["account", AUDIENCE])),
        with(&good, "role", "viewer"),
        with(&good, "email", "canary@person.example"),
    ] {
        site_by(&app, &keys[1].token(&claims)).await.expect(200);
    }
    let lines = crate::support::log::lines();
    assert!(
        !lines.iter().any(|line| line.contains("canary@person.example") || line.contains(ADMIN)),
        "claims never reach the log"
    );
}

#[actix_web::test]
async fn an_issuer_signs_only_as_the_settings_accept() {
    let (rsa, ec) = (Key::rsa("r-1"), Key::ec("p-1"));
    let server = KeyServer::start(&[&rsa, &ec]);
    let app = App::start_trusting(Setup::default(), |site, _| {
        let mut only = issuer(ISSUER, &server, site.id);
        only.algorithms = vec![SignatureAlgorithm::Es256];
        vec![only]
    })
    .await;
    db_bind(&app, &app.site, app.site.admin, ISSUER, ADMIN);
    site_by_key(&app, &ec).await.expect(200);
    site_by_key(&app, &rsa).await.expect_problem(401, "invalid_credentials");
}

#[actix_web::test]
async fn an_issuer_lets_nobody_into_another_site() {
    let (key, other_key) = (Key::ec("k"), Key::ec("k"));
    let (server, other_server) = (KeyServer::start(&[&key]), KeyServer::start(&[&other_key]));
    let other_issuer = "https://login.elsewhere.example";
    let app = App::start_trusting(Setup::default(), |site, other| {
        vec![issuer(ISSUER, &server, site.id), issuer(other_issuer, &other_server, other.id)]
    })
    .await;
    // The same subject at both, and the same key id.
    db_bind(&app, &app.site, app.site.admin, ISSUER, "u-1");
    db_bind(&app, &app.other_site, app.other_site.admin, other_issuer, "u-1");
    let own = with(&claims(&app), "sub", "u-1");
    let other = with(&own, "iss", other_issuer);
    assert_eq!(site_by(&app, &key.token(&own)).await.expect(200).body["name"], "riverside");
    assert_eq!(site_by(&app, &other_key.token(&other)).await.expect(200).body["name"], "elsewhere");
    // Each signs for itself only.
    site_by(&app, &key.token(&other)).await.expect_problem(401, "invalid_credentials");
    site_by(&app, &other_key.token(&own)).await.expect_problem(401, "invalid_credentials");
    // A member of one site who carries the issuer of the other's is nobody's: the site is that of the settings.
    db_bind(&app, &app.other_site, app.other_site.coordinator, ISSUER, "u-2");
    site_by(&app, &key.token(&with(&own, "sub", "u-2"))).await.expect_problem(401, "invalid_credentials");
    db_bind(&app, &app.site, app.site.coordinator, ISSUER, "u-2");
    assert_eq!(site_by(&app, &key.token(&with(&own, "sub", "u-2"))).await.expect(200).body["name"], "riverside");
}

#[actix_web::test]
async fn the_role_and_whether_a_member_is_active_are_the_databases_and_take_effect_on_the_next_request() {
    let key = Key::ed("k");
    let server = KeyServer::start(&[&key]);
    let app = app_trusting(&server).await;
    db_bind(&app, &app.site, app.site.coordinator, ISSUER, "dana");
    let set = |changes: &str| {
        let sql = format!("UPDATE members SET {changes} WHERE id = '{}'", app.site.coordinator);
        app.db.superuser().batch_execute(&sql).unwrap();
    };
    let dana = app.person(&key.token(&with(&claims(&app), "sub", "dana")));
    let study = json!({"code": "x-1", "public_name": "X", "short_description": "X", "protocol_code": "X"});
    dana.get("/v1/site").await.expect(200);
    dana.post("/v1/studies", &study).await.expect_problem(403, "forbidden");
    set("role = 'admin'");
    dana.post("/v1/studies", &study).await.expect(201);
    set("role = 'viewer'");
    dana.post("/v1/studies", &study).await.expect_problem(403, "forbidden");
    set("role = 'coordinator', active = false");
    dana.get("/v1/site").await.expect_problem(401, "invalid_credentials");
    set("active = true");
    dana.get("/v1/site").await.expect(200);
    set("subject = 'somebody-else'");
    dana.get("/v1/site").await.expect_problem(401, "invalid_credentials");
    set("issuer = NULL, subject = NULL");
    dana.get("/v1/site").await.expect_problem(401, "invalid_credentials");
}

#[actix_web::test]
async fn the_database_keeps_identities_whole_and_unique_within_a_site() {
    let server = KeyServer::start(&[]);
    let app = app_trusting(&server).await;
    let set = |member: MemberId, changes: &str| {
        let sql = format!("UPDATE members SET {changes} WHERE id = '{member}'");
        app.db.superuser().batch_execute(&sql).map_err(|error| error.to_string())
    };
    let other = app.site.coordinator;
    for (changes, constraint) in [
        (format!("issuer = '{ISSUER}', subject = '{ADMIN}'"), "members_identity_unique"),
        (format!("issuer = '{ISSUER}'"), "members_identity_whole"),
        ("subject = 'u'".into(), "members_identity_whole"),
        (format!("issuer = '{ISSUER}', subject = ''"), "members_subject_length"),
        ("issuer = 'x', subject = 'u'".into(), "members_issuer_length"),
    ] {
        let refused = set(other, &changes).unwrap_err();
        assert!(refused.contains(constraint), "{changes}: {refused}");
    }
    // The control, and the same subject at another site.
    set(other, &format!("issuer = '{ISSUER}', subject = 'u'")).unwrap();
    set(app.other_site.admin, &format!("issuer = '{ISSUER}', subject = '{ADMIN}'")).unwrap();
}
