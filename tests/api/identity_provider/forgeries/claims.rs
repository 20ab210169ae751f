//! Tokens that are signed by the right key and must not be believed all the same: of another time, for somebody else, without what
//! is required; and tokens of the local issuer in the wrong place.

use chrono::Duration;
use handoff::auth::token;
use handoff::privacy::keys::Purpose;
use serde_json::{Value, json};

use super::World;
use crate::identity_provider::keys::{b64, hs256, with, without};
use crate::identity_provider::{ADMIN, AUDIENCE, ISSUER};

pub fn add(world: &mut World<'_>) {
    times(world);
    who_and_for_whom(world);
    doubled(world);
    local(world);
}

fn times(world: &mut World<'_>) {
    let key = world.ed;
    let now = world.app.clock.now().timestamp();
    let day = 24 * 3600;
    let good = world.claims.clone();
    let without_iat = without(&good, "iat");
    let lived = |from: i64, to: i64| with(&with(&without(&good, "nbf"), "iat", from), "exp", to);
    // Each twin stands at the last moment that is still good.
    for (name, forged, twin) in [
        ("expired", with(&good, "exp", now - 5), with(&good, "exp", now - 4)),
        ("expired long ago", with(&good, "exp", 1), with(&good, "exp", now + 1)),
        ("nbf in the future", with(&good, "nbf", now + 6), with(&good, "nbf", now + 5)),
        ("iat in the future", with(&good, "iat", now + 6), with(&good, "iat", now + 5)),
        ("a life of more than a day", lived(now, now + day + 6), lived(now, now + day + 5)),
        ("a life of more than a day, half over", lived(now - day, now + 6), lived(now - day, now + 5)),
        ("exp in two days without iat", with(&without_iat, "exp", now + 2 * day), with(&without_iat, "exp", now + day)),
        ("iat before 1970", with(&good, "iat", -1), good.clone()),
        ("iat the least number", with(&good, "iat", i64::MIN), good.clone()),
        ("exp the greatest number", with(&good, "exp", i64::MAX), good.clone()),
        ("exp beyond every number", with(&good, "exp", u64::MAX), good.clone()),
        ("exp 1e300", with(&good, "exp", 1e300), good.clone()),
        ("exp with a fraction", with(&good, "exp", now as f64 + 3600.5), good.clone()),
        ("exp as a text", with(&good, "exp", (now + 3600).to_string()), good.clone()),
        ("exp as a list", with(&good, "exp", json!([now + 3600])), good.clone()),
        ("exp null", with(&good, "exp", json!(null)), good.clone()),
        ("exp true", with(&good, "exp", true), good.clone()),
        ("exp below zero", with(&good, "exp", -1), good.clone()),
        ("nbf as a text", with(&good, "nbf", "0"), with(&good, "nbf", 0)),
        ("iat as a text", with(&good, "iat", "0"), good.clone()),
        ("no exp", without(&good, "exp"), good.clone()),
    ] {
        world.add(name, key.token(&forged), key.token(&twin));
    }
}

fn who_and_for_whom(world: &mut World<'_>) {
    let key = world.ec;
    let good = world.claims.clone();
    let list = with(&good, "aud", json!(["account", AUDIENCE]));
    let local_issuer = format!("urn:handoff:site:{}", world.app.site.id);
    for (name, forged, twin) in [
        ("no iss", without(&good, "iss"), &good),
        ("iss of nobody", with(&good, "iss", "https://login.mallory.example"), &good),
        ("iss with a slash at the end", with(&good, "iss", format!("{ISSUER}/")), &good),
        ("iss in other letters", with(&good, "iss", ISSUER.to_uppercase()), &good),
        ("iss with a space", with(&good, "iss", format!("{ISSUER} ")), &good),
        ("iss without its path", with(&good, "iss", "https://login.riverside.example"), &good),
        ("iss a list", with(&good, "iss", json!([ISSUER])), &good),
        ("iss null", with(&good, "iss", json!(null)), &good),
        ("iss empty", with(&good, "iss", ""), &good),
        ("iss the local issuer", with(&good, "iss", local_issuer), &good),
        ("no aud", without(&good, "aud"), &good),
        ("aud of another service", with(&good, "aud", "billing"), &good),
        ("aud in other letters", with(&good, "aud", "Handoff"), &good),
        ("aud a longer name", with(&good, "aud", "handoff-test"), &good),
        ("aud a list without ours", with(&good, "aud", json!(["account", "billing"])), &list),
        ("aud an empty list", with(&good, "aud", json!([])), &list),
        ("aud a list of lists", with(&good, "aud", json!([[AUDIENCE]])), &list),
        ("aud names in one text", with(&good, "aud", format!("account {AUDIENCE}")), &list),
        ("aud an object", with(&good, "aud", json!({AUDIENCE: true})), &list),
        ("aud null", with(&good, "aud", json!(null)), &list),
        ("no sub", without(&good, "sub"), &good),
        ("sub of nobody here", with(&good, "sub", "u-unknown"), &good),
        ("sub empty", with(&good, "sub", ""), &good),
        ("sub a list", with(&good, "sub", json!([ADMIN])), &good),
        ("sub a number", with(&good, "sub", 1), &good),
        ("sub null", with(&good, "sub", json!(null)), &good),
        ("sub with NUL", with(&good, "sub", format!("{ADMIN}\0")), &good),
        ("sub with a space", with(&good, "sub", format!("{ADMIN} ")), &good),
        ("sub in other letters", with(&good, "sub", ADMIN.to_uppercase()), &good),
        ("sub SQL", with(&good, "sub", "' OR '1'='1"), &good),
        ("sub of LIKE", with(&good, "sub", "5f2c8f0e%"), &good),
        ("sub of 256 characters", with(&good, "sub", "s".repeat(256)), &good),
        ("sub the member's id", with(&good, "sub", world.app.site.admin.to_string()), &good),
    ] {
        world.add(name, key.token(&forged), key.token(twin));
    }
}

/// The same claim twice: which of them counts is a matter of the reader, so neither does.
fn doubled(world: &mut World<'_>) {
    let key = world.rsa;
    let good = world.claims.to_string();
    let other = [
        ("iss", json!("https://a.example")),
        ("aud", json!("billing")),
        ("sub", json!("u-2")),
        ("exp", json!(1)),
        ("nbf", json!(1)),
    ];
    for (name, value) in other {
        let first = good.replacen('{', &format!("{{\"{name}\":{value},"), 1);
        let last = format!("{},\"{name}\":{value}}}", good.strip_suffix('}').unwrap());
        let twin = good.replacen('{', &format!("{{\"other\":{value},"), 1);
        let twin = key.token_of(key.header().to_string(), twin);
        for (place, payload) in [("first", first), ("last", last)] {
            world.add(
                format!("{name} twice, the wrong one {place}"),
                key.token_of(key.header().to_string(), payload),
                twin.clone(),
            );
        }
    }
}

fn local(world: &mut World<'_>) {
    let app = world.app;
    let made = |site, member| token::create(&app.master, site, member, Duration::hours(1), app.clock.now()).unwrap();
    let good = made(app.site.id, app.site.admin);
    world.add("a local token for another site", made(app.other_site.id, app.site.admin), good.clone());
    world.add("a local token for a member of another site", made(app.site.id, app.other_site.admin), good.clone());
    let signed = |claims: &Value, kid: &str, secret: &[u8]| {
        let message =
            format!("{}.{}", b64(json!({"alg": "HS256", "typ": "JWT", "kid": kid}).to_string()), b64(claims.to_string()));
        format!("{message}.{}", b64(hs256(secret, message.as_bytes())))
    };
    let secret = app.master.derive(Purpose::LocalToken, app.site.id);
    let other_secret = app.master.derive(Purpose::LocalToken, app.other_site.id);
    let external = signed(&world.claims, "r-1", secret.expose());
    world.add_beside(world.rsa, "the local secret under the provider's issuer", external);
    let now = app.clock.now().timestamp();
    let claims = json!({"iss": format!("urn:handoff:site:{}", app.site.id), "aud": "handoff", "sub": app.site.admin.to_string(),
                        "exp": now + 60, "nbf": now, "iat": now});
    let twin = signed(&claims, "x", secret.expose());
    world.add("another site's local secret", signed(&claims, "x", other_secret.expose()), twin.clone());
    world.add("the provider's key under the local issuer", world.rsa.token(&claims), twin.clone());
    for (form, public) in world.rsa.as_secrets() {
        world.add(
            format!("the provider's public key as {form} under the local issuer"),
            signed(&claims, "x", &public),
            twin.clone(),
        );
    }
    let (_, rest) = good.split_once('.').unwrap();
    let none = format!("{}.{}", b64(r#"{"alg":"none"}"#), rest);
    world.add("a local token of alg none", none, good);
}
