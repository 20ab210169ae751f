//! Forged tokens and keys: each is refused with 401, and its good twin gets in, so that the refusal is for what is forged.

mod api_keys;
mod claims;
mod forms;
mod headers;
mod signatures;

use std::time::Instant;

use diesel::connection::SimpleConnection as _;
use serde_json::Value;

use super::keys::Key;
use super::server::KeyServer;
use super::{app_trusting, claims as good_claims, site_by};
use crate::support::App;
use crate::support::callers::Answer;

/// A forgery and the good credentials that differ from it in nothing but what is forged.
pub struct Case {
    name: String,
    forged: String,
    twin: String,
}

/// What forgers know: the public keys, a good token of each, how everything is written.
pub struct World<'a> {
    app: &'a App,
    rsa: &'a Key,
    ec: &'a Key,
    ed: &'a Key,
    /// A key of the forger's own, served at an address of the forger's.
    mallory: &'a Key,
    mallory_url: String,
    /// The claims of a good token.
    claims: Value,
    cases: Vec<Case>,
}

impl World<'_> {
    fn add(&mut self, name: impl Into<String>, forged: String, twin: String) {
        let name = name.into();
        assert!(forged != twin, "{name}: a forgery that is none");
        self.cases.push(Case { name, forged, twin });
    }

    /// A forgery beside a good token of this key.
    fn add_beside(&mut self, key: &Key, name: impl Into<String>, forged: String) {
        let twin = key.token(&self.claims);
        self.add(name, forged, twin);
    }
}

/// Refused, in the form of every refusal.
fn is_refusal(answer: &Answer) -> bool {
    answer.status == 401
        && matches!(answer.code(), "invalid_credentials" | "expired_credentials" | "unauthenticated")
        && answer.header("www-authenticate").is_some()
}

#[actix_web::test]
async fn forged_tokens_and_keys_are_refused_and_their_good_twins_accepted() {
    let (rsa, ec, ed, mallory) = (Key::rsa("r-1"), Key::ec("p-1"), Key::ed("e-1"), Key::ec("m-1"));
    let server = KeyServer::start(&[&rsa, &ec, &ed]);
    let elsewhere = KeyServer::start(&[&mallory]);
    let app = app_trusting(&server).await;
    let mut world = World {
        app: &app,
        rsa: &rsa,
        ec: &ec,
        ed: &ed,
        mallory: &mallory,
        mallory_url: elsewhere.url(),
        claims: good_claims(&app),
        cases: Vec::new(),
    };
    headers::add(&mut world);
    signatures::add(&mut world);
    claims::add(&mut world);
    forms::add(&mut world);
    api_keys::add(&mut world);
    let mut wrong = Vec::new();
    let (mut refused, mut accepted) = (0, 0);
    for case in &world.cases {
        let twin = site_by(&app, &case.twin).await;
        if twin.status == 200 && twin.body["name"] == "riverside" {
            accepted += 1;
        } else {
            wrong.push(format!("{}: the good twin was answered {}", case.name, twin.text));
        }
        let answer = site_by(&app, &case.forged).await;
        if is_refusal(&answer) {
            refused += 1;
        } else {
            wrong.push(format!("{}: {} {}", case.name, answer.status, answer.text));
        }
    }
    let names: std::collections::BTreeSet<&str> = world.cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), world.cases.len(), "every forgery is another one");
    println!("forgeries: {refused} refused of {}, {accepted} controls accepted", world.cases.len());
    assert_eq!(wrong, Vec::<String>::new());
    assert!(world.cases.len() >= 25);
    assert_eq!((elsewhere.hits(), server.hits()), (0, 1), "an address in a token is never asked, and strange key ids ask nobody");
}

/// Longer than any header the server reads: refused before anybody looks at it.
#[actix_web::test]
async fn a_token_of_a_megabyte_is_refused_unread() {
    let key = Key::ec("k");
    let server = KeyServer::start(&[&key]);
    let app = app_trusting(&server).await;
    let answer = site_by(&app, &"a".repeat(1024 * 1024)).await;
    assert_eq!(answer.status, 431, "{}", answer.text);
    assert_eq!(server.hits(), 0);
    site_by(&app, &key.token(&good_claims(&app))).await.expect(200);
}

#[actix_web::test]
async fn revocation_takes_effect_within_five_seconds() {
    let key = Key::ec("k");
    let server = KeyServer::start(&[&key]);
    let app = app_trusting(&server).await;
    let neighbour = app.another_server();
    let staff = app.person(&key.token(&good_claims(&app)));
    let callers = [
        ("a member of an identity provider", vec![staff]),
        ("a member with a local token", vec![app.coordinator(), app.coordinator().at(neighbour.address)]),
        ("a site key", vec![app.site_key(), app.site_key().at(neighbour.address)]),
        ("a partner key", vec![app.partner(), app.partner().at(neighbour.address)]),
    ];
    let path = |name: &str| if name == "a partner key" { "/v1/referrals" } else { "/v1/site" };
    for (name, people) in &callers {
        for person in people {
            person.get(path(name)).await.expect(200);
        }
    }
    let sql = "UPDATE members SET is_site_lead = false, active = false; UPDATE api_keys SET revoked_at = '2026-06-01T09:00:00Z'";
    app.db.superuser().batch_execute(sql).unwrap();
    let revoked = Instant::now();
    for (name, people) in &callers {
        for person in people {
            // Keys are believed for a moment, members never.
            if name.ends_with("key") {
                person.until_refused(path(name), revoked).await;
            } else {
                person.get(path(name)).await.expect_problem(401, "invalid_credentials");
            }
        }
    }
    let took = revoked.elapsed();
    println!(
        "revocation: members refused on the next request, keys too {} ms after the change, at two servers",
        took.as_millis()
    );
    assert!(took.as_secs() < 5);
}
