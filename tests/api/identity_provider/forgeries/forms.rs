//! Tokens in a wrong form: too many parts, too few, another encoding, too long, not what JSON was expected to be.

use serde_json::json;

use super::World;
use crate::identity_provider::keys::with;

pub fn add(world: &mut World<'_>) {
    let key = world.ec;
    let good = key.token(&world.claims);
    let parts: Vec<&str> = good.split('.').collect();
    let (head, claims, signature) = (parts[0], parts[1], parts[2]);
    for (name, forged) in [
        ("a part more", format!("{good}.AAAA")),
        ("an empty part more", format!("{good}.")),
        ("an empty part first", format!(".{good}")),
        ("a doubled dot", format!("{head}..{claims}.{signature}")),
        ("five parts, as JWE", format!("{head}.{claims}.AAAA.AAAA.{signature}")),
        ("no claims", format!("{head}..{signature}")),
        ("no header", format!(".{claims}.{signature}")),
        ("only dots", "..".to_owned()),
        ("one part", head.to_owned()),
        ("a space inside", format!("{head}. {claims}.{signature}")),
        ("a tab inside", format!("{head}.{claims}\t.{signature}")),
        ("a good one and a word", format!("{good} {good}")),
        ("commas for dots", good.replace('.', ",")),
        ("padded signature", format!("{good}==")),
        ("padded claims", format!("{head}.{claims}=.{signature}")),
        ("a percent sign", format!("{head}.{claims}%3D.{signature}")),
        ("quoted", format!("\"{good}\"")),
        ("last bits of the signature not zero", good[..good.len() - 1].to_owned() + last_bits_set(&good)),
        ("64 KiB", format!("{good}{}", "A".repeat(64 * 1024))),
    ] {
        world.add(format!("form: {name}"), forged, good.clone());
    }
    payloads(world);
    sizes(world);
}

/// The last character with bits that no byte has: a lenient reader takes both for the same signature.
fn last_bits_set(token: &str) -> &'static str {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = ALPHABET.find(&token[token.len() - 1..]).unwrap() | 1;
    &ALPHABET[at..=at]
}

fn payloads(world: &mut World<'_>) {
    let key = world.ec;
    let header = key.header().to_string();
    let good = world.claims.to_string();
    let spaced = format!("  {}\n", good.replacen('{', "{\n  ", 1));
    let twin = key.token_of(&header, &spaced);
    let list: Vec<_> = ["iss", "aud", "sub", "exp", "nbf", "iat"].iter().map(|name| world.claims[*name].clone()).collect();
    let cut = &good[..good.len() - 1];
    let open = with(&world.claims, "x", json!(0)).to_string();
    // What is not asked for is skipped without recursion, however deep it goes.
    let deep = open.replacen("\"x\":0", &format!("\"x\":{}0{}", "[".repeat(2000), "]".repeat(2000)), 1);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("claims as a list in their order", json!(list).to_string().into()),
        ("claims in a list", format!("[{good}]").into()),
        ("claims as a text", json!(good).to_string().into()),
        ("claims null", b"null".to_vec()),
        ("claims empty", b"{}".to_vec()),
        ("claims cut off", cut.into()),
        ("claims with a tail", format!("{good}{good}").into()),
        ("claims with a mark of byte order", format!("\u{feff}{good}").into()),
        ("claims with a comment", format!("/**/{good}").into()),
        (
            "claims not UTF-8",
            good.replacen("5f2c8f0e", "\u{1}", 1)
                .into_bytes()
                .into_iter()
                .map(|byte| if byte == 1 { 0xff } else { byte })
                .collect(),
        ),
        ("claims in UTF-16", good.encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ];
    for (name, payload) in cases {
        world.add(format!("form: {name}"), key.token_of(&header, payload), twin.clone());
    }
    world.add("form: header not UTF-8", key.token_of(b"{\"alg\":\"ES256\",\"kid\":\"p-1\",\"x\":\"\xff\"}", &good), twin.clone());
    world.add("form: header a list", key.token_of(r#"["ES256","p-1",null]"#, &good), twin.clone());
    world.add("form: header a text", key.token_of(r#""ES256""#, &good), twin.clone());
    let nested = key.token(&json!(key.token(&world.claims)));
    world.add("form: a token in a token", nested, key.token_of(&header, deep));
    let standard = key.token_of(&header, with(&world.claims, "x", "???>>>~~~").to_string());
    let (head, rest) = standard.split_once('.').unwrap();
    let other = format!("{head}.{}", rest.replace('-', "+").replace('_', "/"));
    world.add("form: the standard alphabet", other, standard.clone());
}

/// 8 KiB are read; a signature over more is not even looked at.
fn sizes(world: &mut World<'_>) {
    let key = world.ed;
    let sized = |wanted: usize| {
        (0..wanted)
            .rev()
            .map(|pad| key.token(&with(&world.claims, "x", "x".repeat(pad))))
            .find(|token| token.len() <= wanted)
            .unwrap()
    };
    let (twin, forged) = (sized(8192), key.token(&with(&world.claims, "x", "x".repeat(6000))));
    assert!(twin.len() > 8188 && forged.len() > 8192, "{} {}", twin.len(), forged.len());
    world.add("form: well signed, above 8 KiB", forged, twin.clone());
    let huge = key.token(&with(&world.claims, "x", "x".repeat(60_000)));
    world.add("form: well signed, 80 KB", huge, twin);
}
