//! An admin binds members to who they are at the provider, over HTTP.

use serde_json::{Value, json};

use super::keys::Key;
use super::server::KeyServer;
use super::{ISSUER, app_trusting, claims, site_by};
use crate::support::App;
use crate::support::callers::Answer;

/// What a member with this subject is answered.
async fn signs_in(app: &App, key: &Key, subject: &str) -> Answer {
    let mut claims = claims(app);
    claims["sub"] = subject.into();
    site_by(app, &key.token(&claims)).await
}

#[actix_web::test]
async fn a_member_signs_in_from_the_moment_it_is_bound_and_until_that_is_taken_away() {
    let key = Key::ed("one");
    let server = KeyServer::start(&[&key]);
    let app = app_trusting(&server).await;
    let (first, second) = ("8d1f-dana", "8d1f-dana-2");
    signs_in(&app, &key, first).await.expect_problem(401, "invalid_credentials");
    let identity = |subject: &str| json!({"issuer": ISSUER, "subject": subject});
    let body = json!({
        "display_name": "Dana", "email": "dana.two@site.example", "role": "coordinator", "identity": identity(first),
    });
    let added = app.admin().post("/v1/members", &body).await.expect(201);
    assert_eq!(added.body["identity"], identity(first));
    signs_in(&app, &key, first).await.expect(200);

    let path = format!("/v1/members/{}", added.id());
    let moved = app.admin().patch(&path, &added.etag(), &json!({"identity": identity(second)})).await.expect(200);
    signs_in(&app, &key, first).await.expect_problem(401, "invalid_credentials");
    signs_in(&app, &key, second).await.expect(200);
    let taken = app.admin().patch(&path, &moved.etag(), &json!({"identity": null})).await.expect(200);
    assert_eq!(taken.body["identity"], Value::Null);
    signs_in(&app, &key, second).await.expect_problem(401, "invalid_credentials");
    // The trail tells of each change, and never whom.
    let told = crate::tenancy::texts(&mut app.db.superuser(), "SELECT coalesce(after, '') AS text FROM audit_entries");
    assert_eq!(told.iter().filter(|after| after.contains("\"subject\":\"changed\"")).count(), 3);
    assert!(!app.db.dump().contains(second), "and once it is taken away it is nowhere");
}

#[actix_web::test]
async fn an_identity_is_one_members_and_of_an_issuer_that_the_site_trusts() {
    let key = Key::ed("one");
    let server = KeyServer::start(&[&key]);
    let app = app_trusting(&server).await;
    let member = |identity: Value| json!({"display_name": "Lee", "email": "lee@site.example", "role": "coordinator", "identity": identity});
    let taken = member(json!({"issuer": ISSUER, "subject": super::ADMIN}));
    let answer = app.admin().post("/v1/members", &taken).await.expect_problem(409, "already_exists");
    assert_eq!(answer.faults(), ["/identity inconsistent"]);
    let strange = member(json!({"issuer": "https://login.elsewhere.example/", "subject": "x"}));
    let answer = app.admin().post("/v1/members", &strange).await.expect_problem(422, "invalid_body");
    assert_eq!(answer.faults(), ["/identity/issuer unknown_reference"]);
    // An issuer of this site is none of the other's: to it, as unknown as one that nobody has.
    let away = app.member(&app.other_site, app.other_site.admin);
    let foreign = away.post("/v1/members", &taken).await.expect_problem(422, "invalid_body");
    assert_eq!(foreign.faults(), answer.faults());
    let half = member(json!({"issuer": ISSUER}));
    let answer = app.admin().post("/v1/members", &half).await.expect_problem(422, "invalid_body");
    assert_eq!(answer.faults(), ["/identity/subject missing_field"]);
}
