//! Forged headers: the algorithm, the key's name, keys and addresses of one's own, extensions.

use serde_json::{Value, json};

use super::World;
use crate::identity_provider::keys::{Key, b64, hs256, with, without};

pub fn add(world: &mut World<'_>) {
    algorithms(world);
    key_ids(world);
    own_keys(world);
    extensions(world);
}

/// A token with this header over good claims, with this signature.
fn unsigned(world: &World<'_>, header: &Value, signature: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", b64(header.to_string()), b64(world.claims.to_string()));
    let signature = b64(signature(message.as_bytes()));
    format!("{message}.{signature}")
}

fn algorithms(world: &mut World<'_>) {
    let (rsa, ec, ed) = (world.rsa, world.ec, world.ed);
    for spelling in ["none", "None", "NONE", "nOnE", "", " none"] {
        let forged = unsigned(world, &with(&rsa.header(), "alg", spelling), |_| Vec::new());
        world.add_beside(rsa, format!("alg {spelling:?} without a signature"), forged);
    }
    let forged = unsigned(world, &with(&rsa.header(), "alg", "none"), |message| rsa.sign(message));
    world.add_beside(rsa, "alg none with a signature", forged);
    for (form, secret) in rsa.as_secrets() {
        for alg in ["HS256", "RS256"] {
            let forged = unsigned(world, &with(&rsa.header(), "alg", alg), |message| hs256(&secret, message));
            world.add_beside(rsa, format!("HMAC under the public key as {form}, alg {alg}"), forged);
        }
    }
    for (key, alg) in
        [(rsa, "PS256"), (rsa, "RS384"), (rsa, "ES256"), (rsa, "EdDSA"), (ec, "RS256"), (ec, "EdDSA"), (ed, "ES256")]
    {
        let forged = unsigned(world, &with(&key.header(), "alg", alg), |message| key.sign_as(alg, message));
        world.add_beside(key, format!("alg {alg} by a key of {}", key.alg()), forged);
    }
    for (what, alg) in
        [("lower case", json!("es256")), ("a list", json!(["ES256"])), ("a number", json!(1)), ("null", json!(null))]
    {
        let forged = ec.token_with(&with(&ec.header(), "alg", alg), &world.claims);
        world.add_beside(ec, format!("alg is {what}"), forged);
    }
    let forged = ec.token_with(&without(&ec.header(), "alg"), &world.claims);
    world.add_beside(ec, "no alg", forged);
    let header = format!(r#"{{"alg":"none","alg":"ES256","kid":"{}"}}"#, ec.kid);
    let twin = header.replacen(r#""alg":"none","#, "", 1);
    world.add("alg twice", ec.token_of(header, world.claims.to_string()), ec.token_of(twin, world.claims.to_string()));
    // A signature of one algorithm under the name of the other, the key's own name.
    let forged = unsigned(world, &rsa.header(), |message| rsa.sign_as("PS256", message));
    world.add_beside(rsa, "a PS256 signature as RS256", forged);
}

fn key_ids(world: &mut World<'_>) {
    let (ec, mallory) = (world.ec, world.mallory);
    let signed = |key: &Key, kid: Value| key.token_with(&with(&key.header(), "kid", kid), &world.claims);
    let mut cases = vec![
        ("a path", signed(ec, json!("../../../../dev/null"))),
        ("an address", signed(mallory, json!(world.mallory_url))),
        ("SQL", signed(ec, json!("p-1' UNION SELECT 'AAAA' --"))),
        ("a good one and NUL", signed(ec, json!("p-1\0"))),
        ("a good one and a line break", signed(ec, json!("p-1\n"))),
        ("a good one and a space", signed(ec, json!("p-1 "))),
        ("in other letters", signed(ec, json!("P-1"))),
        ("very long", signed(ec, json!("k".repeat(5000)))),
        ("just too long", signed(ec, json!("k".repeat(257)))),
        ("empty", signed(ec, json!(""))),
        ("null", signed(ec, json!(null))),
        ("a number", signed(ec, json!(1))),
        ("a list", signed(ec, json!(["p-1"]))),
        ("another key's", signed(ec, json!("r-1"))),
        ("a good one under the forger's key", signed(mallory, json!("p-1"))),
        ("the forger's", signed(mallory, json!("m-1"))),
        ("missing", ec.token_with(&without(&ec.header(), "kid"), &world.claims)),
    ];
    let twice = r#"{"alg":"ES256","kid":"m-1","kid":"p-1"}"#;
    cases.push(("twice", ec.token_of(twice, world.claims.to_string())));
    let null = unsigned(world, &json!({"alg": "HS256", "kid": "/dev/null"}), |message| hs256(b"", message));
    cases.push(("a path to an empty secret", null));
    for (name, forged) in cases {
        world.add_beside(ec, format!("kid is {name}"), forged);
    }
}

/// The forger's key or where to find it: the twin carries the same fields under the provider's key, and they are not looked at.
fn own_keys(world: &mut World<'_>) {
    let (ec, mallory) = (world.ec, world.mallory);
    let url = world.mallory_url.clone();
    let own = mallory.jwk();
    for (name, field) in
        [("jku", json!(url)), ("x5u", json!(url)), ("jwk", own), ("x5c", json!(["MIIB"])), ("x5t", json!("AAAA"))]
    {
        let twin = ec.token_with(&with(&ec.header(), name, field.clone()), &world.claims);
        let by_name = mallory.token_with(&with(&mallory.header(), name, field.clone()), &world.claims);
        world.add(format!("{name} under the forger's kid"), by_name, twin.clone());
        let as_provider = mallory.token_with(&with(&ec.header(), name, field), &world.claims);
        world.add(format!("{name} under the provider's kid"), as_provider, twin);
    }
}

fn extensions(world: &mut World<'_>) {
    let ed = world.ed;
    for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!(null), json!("exp"), json!(["https://example.com/own"])] {
        let header = with(&with(&ed.header(), "b64", true), "exp", 1);
        let twin = ed.token_with(&header, &world.claims);
        let forged = ed.token_with(&with(&header, "crit", crit.clone()), &world.claims);
        world.add(format!("crit {crit}"), forged, twin);
    }
    for typ in ["logout+jwt", "dpop+jwt", "secevent+jwt", "JWE"] {
        let forged = ed.token_with(&with(&ed.header(), "typ", typ), &world.claims);
        let twin = ed.token_with(&with(&ed.header(), "typ", "at+jwt"), &world.claims);
        world.add(format!("typ {typ}"), forged, twin);
    }
}
