//! Forged signatures: tampered with, cut off, of zeros, in another encoding.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::World;
use crate::identity_provider::keys::{b64, with};

/// The order of the Ed25519 base point, little-endian (RFC 8032, 5.1).
const ED25519_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0x10,
];
/// The order of P-256, big-endian (FIPS 186-5).
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e,
    0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

pub fn add(world: &mut World<'_>) {
    for key in [world.rsa, world.ec, world.ed] {
        let alg = key.alg();
        let good = key.token(&world.claims);
        let (message, signature) = good.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let resigned = |signature: &[u8]| format!("{message}.{}", b64(signature));
        let mut flipped = signature.clone();
        flipped[7] ^= 1;
        let claims = with(&world.claims, "sub", "5f2c8f0e-Admin");
        let tampered = format!("{}.{}.{}", b64(key.header().to_string()), b64(claims.to_string()), b64(&signature));
        let header = with(&key.header(), "x", 1);
        let other_header = format!("{}.{}.{}", b64(header.to_string()), b64(world.claims.to_string()), b64(&signature));
        let cases = [
            ("tampered claims", tampered),
            ("tampered header", other_header),
            ("one bit flipped", resigned(&flipped)),
            ("cut by a byte", resigned(&signature[..signature.len() - 1])),
            ("cut in half", resigned(&signature[..signature.len() / 2])),
            ("one byte more", resigned(&[signature.as_slice(), &[0]].concat())),
            ("stripped", format!("{message}.")),
            ("stripped with its dot", message.to_owned()),
            ("of zeros", resigned(&vec![0; signature.len()])),
            ("of ones", resigned(&vec![0xff; signature.len()])),
            ("of another message", resigned(&key.sign(b"another message"))),
            ("of one byte", resigned(&[0])),
        ];
        for (name, forged) in cases {
            world.add(format!("{alg} signature {name}"), forged, good.clone());
        }
    }
    elliptic(world);
    edwards(world);
}

fn elliptic(world: &mut World<'_>) {
    let ec = world.ec;
    let good = ec.token(&world.claims);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let (r, s) = signature.split_at(32);
    let of = |r: &[u8], s: &[u8]| format!("{message}.{}", b64([r, s].concat()));
    let zero = [0; 32];
    let cases = [
        ("DER", format!("{message}.{}", b64(ec.sign_as("DER", message.as_bytes())))),
        ("r zero", of(&zero, s)),
        ("s zero", of(r, &zero)),
        ("r and s the order", of(&P256_ORDER, &P256_ORDER)),
        ("r the order", of(&P256_ORDER, s)),
        ("r and s swapped", of(s, r)),
        ("each half padded to 48 bytes", of(&[[0; 16].as_slice(), r].concat(), &[[0; 16].as_slice(), s].concat())),
    ];
    for (name, forged) in cases {
        world.add(format!("ES256 signature with {name}"), forged, good.clone());
    }
}

/// A second signature of the same message: S and the order added. RFC 8032 has a verifier refuse it.
fn edwards(world: &mut World<'_>) {
    let good = world.ed.token(&world.claims);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut carry = 0_u16;
    for (byte, order) in signature[32..].iter_mut().zip(ED25519_ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(carry, 0, "it still fits");
    let forged = format!("{message}.{}", b64(signature));
    world.add("EdDSA signature with S beyond the order", forged, good);
}
