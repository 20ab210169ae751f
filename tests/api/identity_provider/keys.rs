//! Keys of a provider, real ones, and the tokens that they sign: good ones, and every kind that must be refused.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    /// The same key, to sign in the form of JWS and in DER.
    Ec(Box<(EcdsaKeyPair, EcdsaKeyPair)>),
    Ed(Box<Ed25519KeyPair>),
}

/// A key pair with its id.
pub struct Key {
    pub kid: String,
    pair: Pair,
}

impl Key {
    pub fn rsa(kid: &str) -> Self {
        Self { kid: kid.into(), pair: Pair::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())) }
    }

    pub fn ec(kid: &str) -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let as_pair = |algorithm| EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).unwrap();
        let pair = (as_pair(&ECDSA_P256_SHA256_FIXED_SIGNING), as_pair(&ECDSA_P256_SHA256_ASN1_SIGNING));
        Self { kid: kid.into(), pair: Pair::Ec(Box::new(pair)) }
    }

    pub fn ed(kid: &str) -> Self {
        Self { kid: kid.into(), pair: Pair::Ed(Box::new(Ed25519KeyPair::generate().unwrap())) }
    }

    /// The algorithm of its kind.
    pub fn alg(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
            Pair::Ed(_) => "EdDSA",
        }
    }

    /// Its public half as a JWK.
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                json!({"kty": "RSA", "n": b64(public.modulus().big_endian_without_leading_zero()),
                       "e": b64(public.exponent().big_endian_without_leading_zero())})
            }
            Pair::Ec(pair) => {
                let point = pair.0.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..])})
            }
            Pair::Ed(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key())}),
        };
        jwk["kid"] = self.kid.clone().into();
        jwk["use"] = "sig".into();
        jwk["alg"] = self.alg().into();
        jwk
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => rsa_signature(pair, &RSA_PKCS1_SHA256, message),
            Pair::Ec(pair) => pair.0.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// The signature of an algorithm that is not its own, where it can make one.
    pub fn sign_as(&self, alg: &str, message: &[u8]) -> Vec<u8> {
        match (&self.pair, alg) {
            (Pair::Rsa(pair), "PS256") => rsa_signature(pair, &RSA_PSS_SHA256, message),
            (Pair::Rsa(pair), "RS384") => rsa_signature(pair, &RSA_PKCS1_SHA384, message),
            (Pair::Ec(pair), "DER") => pair.1.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            _ => self.sign(message),
        }
    }

    /// The public key in the forms in which it has been taken for a secret: PEM, DER and the modulus as the key set writes it.
    pub fn as_secrets(&self) -> Vec<(&'static str, Vec<u8>)> {
        let Pair::Rsa(pair) = &self.pair else { panic!("an RSA key") };
        let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let spki = spki.as_ref().to_vec();
        let lines: Vec<String> =
            STANDARD.encode(&spki).as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into()).collect();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
        vec![
            ("PEM", pem.into_bytes()),
            ("DER", spki),
            ("PKCS1", pair.public_key().as_ref().to_vec()),
            ("n", self.jwk()["n"].as_str().unwrap().as_bytes().to_vec()),
        ]
    }

    /// The header of a good token.
    pub fn header(&self) -> Value {
        json!({"alg": self.alg(), "typ": "JWT", "kid": self.kid})
    }

    /// A token with this header and these claims, signed in its own way.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        self.token_of(header.to_string(), claims.to_string())
    }

    /// A token of exactly these bytes.
    pub fn token_of(&self, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
        let message = format!("{}.{}", b64(header), b64(claims));
        let signature = b64(self.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }

    /// A good token with these claims.
    pub fn token(&self, claims: &Value) -> String {
        self.token_with(&self.header(), claims)
    }
}

fn rsa_signature(pair: &RsaKeyPair, padding: &'static dyn aws_lc_rs::signature::RsaEncoding, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(padding, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}

/// HMAC-SHA256, for tokens whose signer has no private key.
pub fn hs256(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// A value with one field replaced or added.
pub fn with(value: &Value, name: &str, field: impl Into<Value>) -> Value {
    let mut value = value.clone();
    value[name] = field.into();
    value
}

/// A value without this field.
pub fn without(value: &Value, name: &str) -> Value {
    let mut value = value.clone();
    value.as_object_mut().unwrap().remove(name);
    value
}
