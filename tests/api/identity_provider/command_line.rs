//! The operator connects a provider: members with an identity, `handoff check`, settings that are refused in a sentence.

use std::process::Output;

use handoff::db::APP_ROLE;
use serde_json::{Value, json};

use super::keys::{Key, with};
use super::server::{Behaviour, KeyServer};
use super::{AUDIENCE, ISSUER, app_trusting, claims, site_by, site_by_key};
use crate::process::{Place, refusal};
use crate::support::App;

/// Runs the binary on the database of this app, with these issuers.
fn run(place: &Place, app: &App, issuers: &str, arguments: &[&str]) -> Output {
    let mut command = place.command(arguments);
    command.env("DATABASE_URL", app.db.url(APP_ROLE)).env("HANDOFF_MASTER_KEY", "5a".repeat(32));
    command.env("HANDOFF_JWT_ISSUERS", issuers).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn entry(site: &str, jwks_url: &str) -> Value {
    json!({"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": jwks_url, "site": site})
}

#[actix_web::test]
async fn members_get_an_identity_when_they_are_made() {
    let key = Key::ec("k");
    let server = KeyServer::start(&[&key]);
    let app = app_trusting(&server).await;
    let place = Place::new();
    let site = app.site.id.to_string();
    let create = |name: &str, extra: &[&str]| {
        let email = format!("{name}@riverside.example");
        let mut arguments = vec!["member", "create", "--site", &site, "--name", name, "--email", &email, "--role", "coordinator"];
        arguments.extend(extra);
        run(&place, &app, "[]", &arguments)
    };
    let made = create("kim", &["--issuer", ISSUER, "--subject", "u-kim"]);
    assert!(made.status.success(), "{made:?}");
    site_by(&app, &key.token(&with(&claims(&app), "sub", "u-kim"))).await.expect(200);
    let taken = refusal(&create("lee", &["--issuer", ISSUER, "--subject", "u-kim"]));
    assert!(taken.contains("already_exists") && !taken.contains("u-kim"), "{taken}");
    for half in [["--issuer", ISSUER], ["--subject", "u-lee"]] {
        assert_eq!(create("lee", &half).status.code(), Some(2), "both or neither");
    }
    let made = create("lee", &[]);
    assert!(made.status.success(), "{made:?}");

    let first = ["--admin-issuer", ISSUER, "--admin-subject", "u-robin"];
    let mut arguments = vec!["site", "create", "--name", "New", "--time-zone", "UTC", "--phone-region", "US", "--intake-url"];
    arguments.extend(["https://intake.new.example/", "--admin-name", "Robin", "--admin-email", "robin@new.example"]);
    arguments.extend(first);
    let printed = said(&run(&place, &app, "[]", &arguments));
    let site = printed.lines().next().unwrap().trim_start_matches("site").trim();
    let bound = format!("SELECT count(*) FROM members WHERE site_id = '{site}' AND issuer = '{ISSUER}' AND subject = 'u-robin'");
    assert_eq!(app.db.count(&bound), 1, "{printed}");
}

#[actix_web::test]
async fn check_says_whether_each_provider_would_work() {
    let key = Key::ec("k");
    let server = KeyServer::start(&[&key]);
    let app = app_trusting(&server).await;
    site_by_key(&app, &key).await.expect(200);
    let place = Place::new();
    let check = |issuers: &[Value]| run(&place, &app, &json!(issuers).to_string(), &["check"]);
    let site = app.site.id.to_string();
    let good = check(&[entry(&site, &server.url())]);
    let words = said(&good);
    assert!(good.status.success() && words.contains("its site exists") && words.contains("1 key(s)"), "{good:?}");
    assert!(said(&check(&[])).contains("in order"));

    let nobody = entry("0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", &server.url());
    let both = check(&[with(&nobody, "issuer", "https://other.example"), entry(&site, "http://127.0.0.1:1/keys")]);
    refusal(&both);
    let words = said(&both);
    assert!(words.contains("entry 1: there is no site with this id") && words.contains("entry 1: 1 key(s)"), "{words}");
    assert!(
        words.contains("entry 2: its site exists") && words.contains("entry 2: its keys were not fetched: no connection"),
        "{words}"
    );
    // On a database of its own, too, which stops when the command ends and not before.
    let embedded = place.command(&["check"]).env("HANDOFF_JWT_ISSUERS", json!([nobody]).to_string()).output().unwrap();
    assert!(said(&embedded).contains("there is no site with this id") && said(&embedded).contains("1 key(s)"), "{embedded:?}");
    for (behaviour, expected) in [
        (Behaviour::Status(404), "it answered 404"),
        (Behaviour::Endless, "larger than 256 KiB"),
        (Behaviour::Answer("<html>".into()), "not a JSON key set"),
        (Behaviour::Answer("{\"keys\":[]}".into()), "no key that may verify tokens"),
    ] {
        server.now(behaviour);
        let output = check(&[entry(&site, &server.url())]);
        refusal(&output);
        assert!(said(&output).contains(expected), "{output:?}");
    }
}

#[actix_web::test]
async fn settings_that_cannot_be_used_are_refused_in_one_sentence_without_their_values() {
    let server = KeyServer::start(&[]);
    let app = app_trusting(&server).await;
    let place = Place::new();
    let good = entry(&app.site.id.to_string(), "https://login.canary.example/keys");
    for issuers in [
        "canary".to_owned(),
        json!([with(&good, "jwks_url", "http://login.canary.example/keys")]).to_string(),
        json!([with(&good, "algorithms", json!(["HS256"]))]).to_string(),
        json!([with(&good, "site", "canary")]).to_string(),
        json!([with(&good, "canary", 1)]).to_string(),
        json!([good, good]).to_string(),
    ] {
        for command in ["serve", "check"] {
            let sentence = refusal(&run(&place, &app, &issuers, &[command]));
            assert!(sentence.contains("HANDOFF_JWT_ISSUERS") && !sentence.contains("canary"), "{sentence}");
        }
    }
}
