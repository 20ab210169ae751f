//! What of a key set may verify a token: public signature keys, each with the one algorithm that its own kind says.
//!
//! The algorithm is the key's and never the token's. A key of another use, another kind or less strength is left out; that is
//! its provider's business and no mistake.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value};

use super::settings::SignatureAlgorithm;

/// More than any provider rotates through.
const MOST_KEYS: usize = 100;
/// The longest key id; a token that names a longer one is refused without asking anybody.
pub(super) const LONGEST_KID: usize = 256;
/// NIST SP 800-131A: RSA below 2048 bits is no longer acceptable. Above 8192 the library refuses.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A key that may verify tokens, in exactly one way.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) algorithm: SignatureAlgorithm,
    pub(super) decoding: DecodingKey,
}

/// The usable keys of a provider, by their id.
#[derive(Debug, Default)]
pub(super) struct KeySet(HashMap<String, Arc<Key>>);

impl KeySet {
    /// Reads a JWK set (RFC 7517); `None` when it is not one.
    pub(super) fn parse(bytes: &[u8], accepted: &[SignatureAlgorithm]) -> Option<Self> {
        let document: Value = serde_json::from_slice(bytes).ok()?;
        let listed = document.as_object()?.get("keys")?.as_array()?;
        if listed.len() > MOST_KEYS {
            return None;
        }
        let mut keys = HashMap::new();
        let mut ambiguous = Vec::new();
        for (kid, key) in listed.iter().filter_map(|key| usable(key.as_object()?, accepted)) {
            match keys.entry(kid) {
                Entry::Vacant(free) => {
                    free.insert(Arc::new(key));
                }
                // Two keys of one name: which of them a token means cannot be known.
                Entry::Occupied(taken) => ambiguous.push(taken.key().clone()),
            }
        }
        for kid in ambiguous {
            keys.remove(&kid);
        }
        Some(Self(keys))
    }

    pub(super) fn get(&self, kid: &str) -> Option<Arc<Key>> {
        self.0.get(kid).cloned()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn usable(jwk: &Map<String, Value>, accepted: &[SignatureAlgorithm]) -> Option<(String, Key)> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let kid = text("kid").filter(|kid| (1..=LONGEST_KID).contains(&kid.len()))?;
    if jwk.get("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let verifies = |operations: &Value| operations.as_array().is_some_and(|list| list.iter().any(|one| one == "verify"));
    if jwk.get("key_ops").is_some_and(|operations| !verifies(operations)) {
        return None;
    }
    // A private key that everybody can read signs for everybody.
    if jwk.contains_key("d") {
        return None;
    }
    let (algorithm, decoding) = match (text("kty")?, text("crv")) {
        ("RSA", _) => (SignatureAlgorithm::Rs256, rsa(text("n")?, text("e")?)?),
        ("EC", Some("P-256")) => (SignatureAlgorithm::Es256, p256(text("x")?, text("y")?)?),
        ("OKP", Some("Ed25519")) => (SignatureAlgorithm::EdDsa, ed25519(text("x")?)?),
        _ => return None,
    };
    let says_otherwise = jwk.get("alg").is_some_and(|name| name != algorithm.as_str());
    (!says_otherwise && accepted.contains(&algorithm)).then(|| (kid.to_owned(), Key { algorithm, decoding }))
}

fn rsa(n: &str, e: &str) -> Option<DecodingKey> {
    let (n, e) = (number(n)?, number(e)?);
    let bits = (n.len() * 8).checked_sub(n.first()?.leading_zeros() as usize)?;
    // An exponent of 1 makes every message its own signature; an even one is none.
    let odd = e.last()? % 2 == 1;
    (RSA_BITS.contains(&bits) && e.len() <= 4 && odd && e != [1]).then(|| DecodingKey::from_rsa_raw_components(&n, &e))
}

fn p256(x: &str, y: &str) -> Option<DecodingKey> {
    let (x, y) = (coordinate(x)?, coordinate(y)?);
    // An uncompressed point; the library refuses one that is not on the curve.
    let mut point = Vec::with_capacity(65);
    point.push(4);
    point.extend_from_slice(&x);
    point.extend_from_slice(&y);
    Some(DecodingKey::from_ec_der(&point))
}

fn ed25519(x: &str) -> Option<DecodingKey> {
    Some(DecodingKey::from_ed_der(&coordinate(x)?))
}

fn coordinate(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32)
}

/// A big-endian number without leading zeros.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let first = bytes.iter().position(|byte| *byte != 0)?;
    bytes.get(first..).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn b64(bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn rsa_key(bytes: usize) -> Value {
        json!({"kty": "RSA", "kid": "r", "n": b64(&vec![0xff; bytes]), "e": "AQAB"})
    }

    fn ed_key() -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "kid": "e", "x": b64(&[7; 32])})
    }

    fn ec_key() -> Value {
        json!({"kty": "EC", "crv": "P-256", "kid": "p", "x": b64(&[7; 32]), "y": b64(&[7; 32])})
    }

    fn count(keys: &[Value]) -> usize {
        KeySet::parse(json!({"keys": keys}).to_string().as_bytes(), &SignatureAlgorithm::ALL).unwrap().len()
    }

    fn with(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    #[test]
    fn a_key_verifies_in_the_one_way_that_its_kind_says() {
        let text = json!({"keys": [rsa_key(256), ec_key(), ed_key()]}).to_string();
        let all = KeySet::parse(text.as_bytes(), &SignatureAlgorithm::ALL).unwrap();
        let algorithm = |kid| all.get(kid).unwrap().algorithm;
        assert_eq!(["r", "p", "e"].map(algorithm), SignatureAlgorithm::ALL);
        let some = KeySet::parse(text.as_bytes(), &[SignatureAlgorithm::Es256]).unwrap();
        assert!(some.len() == 1 && some.get("p").is_some());
    }

    #[test]
    fn a_key_for_another_use_of_another_kind_or_too_weak_is_left_out() {
        for good in [
            rsa_key(256),
            with(rsa_key(256), "use", json!("sig")),
            with(rsa_key(256), "key_ops", json!(["verify"])),
            with(rsa_key(256), "alg", json!("RS256")),
            with(rsa_key(256), "x5c", json!(["ignored"])),
            ec_key(),
            ed_key(),
        ] {
            assert_eq!(count(std::slice::from_ref(&good)), 1, "{good}");
        }
        for left_out in [
            rsa_key(255),
            rsa_key(128),
            rsa_key(1025),
            with(rsa_key(256), "n", json!(b64(&[[0].as_slice(), &[0xff; 255]].concat()))),
            with(rsa_key(256), "e", json!("AQ")),
            with(rsa_key(256), "e", json!("Ag")),
            with(rsa_key(256), "e", json!("AQABAQABAQAB")),
            with(rsa_key(256), "use", json!("enc")),
            with(rsa_key(256), "use", json!(["sig"])),
            with(rsa_key(256), "key_ops", json!(["encrypt"])),
            with(rsa_key(256), "key_ops", json!("verify")),
            with(rsa_key(256), "alg", json!("PS256")),
            with(rsa_key(256), "alg", json!("HS256")),
            with(rsa_key(256), "alg", json!("RSA-OAEP")),
            with(rsa_key(256), "d", json!("AQAB")),
            with(rsa_key(256), "kid", json!("")),
            with(rsa_key(256), "kid", json!(null)),
            with(rsa_key(256), "kid", json!("k".repeat(257))),
            with(rsa_key(256), "kty", json!("oct")),
            json!({"kty": "oct", "kid": "o", "k": "AAAA", "alg": "HS256"}),
            with(ec_key(), "crv", json!("P-384")),
            with(ec_key(), "crv", json!("secp256k1")),
            with(ec_key(), "x", json!(b64(&[7; 31]))),
            with(ec_key(), "alg", json!("ES384")),
            with(ed_key(), "crv", json!("X25519")),
            with(ed_key(), "crv", json!("Ed448")),
            with(ed_key(), "x", json!(b64(&[7; 33]))),
            with(ed_key(), "alg", json!("none")),
            json!("key"),
            json!(null),
        ] {
            assert_eq!(count(std::slice::from_ref(&left_out)), 0, "{left_out}");
            assert_eq!(count(&[left_out, with(ed_key(), "kid", json!("other"))]), 1, "the rest is usable");
        }
        assert_eq!(count(&[ed_key(), ed_key()]), 0, "two keys of one name");
        assert_eq!(count(&[ed_key(), ed_key(), ed_key()]), 0);
        assert_eq!(count(&[]), 0);
    }

    #[test]
    fn what_is_not_a_key_set_is_none() {
        let many: Vec<Value> = (0..101).map(|number| with(ed_key(), "kid", json!(number.to_string()))).collect();
        let too_many = json!({ "keys": many }).to_string();
        for text in ["", "[]", "{}", "null", "{\"keys\": {}}", "{\"keys\": null}", "<html>", "{\"keys\": [}", too_many.as_str()] {
            assert!(KeySet::parse(text.as_bytes(), &SignatureAlgorithm::ALL).is_none(), "{text}");
        }
        assert!(KeySet::parse("[".repeat(100_000).as_bytes(), &SignatureAlgorithm::ALL).is_none());
    }
}
