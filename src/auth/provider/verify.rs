//! Reading a token of an identity provider: its form, its claims, its signature.
//!
//! What the token says of itself chooses nothing but the key's name: the algorithm is the key's, keys and addresses in its header
//! are never looked at, an extension that must be understood is refused. Its claims are checked twice: before anybody is asked
//! for a key, so that what cannot be good costs nothing, and after the signature, on what was signed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use jsonwebtoken::Validation;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::keys::{Key, LONGEST_KID};
use super::settings::{Issuer, SignatureAlgorithm};
use crate::auth::token::LONGEST;
use crate::domain::text::Subject;

/// The longest life of a token: a stolen one must not be good for weeks.
pub const MAX_LIFE: Duration = Duration::hours(24);
/// Clocks that are kept by NTP agree within this.
const LEEWAY_SECONDS: i64 = 5;

/// Why a token is refused: a word for the log at level `debug`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Form,
    Kind,
    Critical,
    Algorithm,
    KeyId,
    UnknownKey,
    Signature,
    Issuer,
    Audience,
    Subject,
    NotYet,
    TooLong,
    Expired,
}

impl Reason {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Form => "not a signed token of three parts and 8 KiB, or a claim is missing, doubled or of the wrong type",
            Self::Kind => "typ is neither JWT nor at+jwt",
            Self::Critical => "crit names an extension",
            Self::Algorithm => "alg is not the algorithm of its key, or not one that the settings accept",
            Self::KeyId => "kid is missing or not a key id",
            Self::UnknownKey => "kid is not in the provider's key set",
            Self::Signature => "the signature does not verify",
            Self::Issuer => "iss is another issuer",
            Self::Audience => "aud does not have the audience of the settings",
            Self::Subject => "sub is not 1 to 255 printable characters",
            Self::NotYet => "nbf or iat is in the future",
            Self::TooLong => "it lives longer than 24 hours",
            Self::Expired => "exp is past",
        }
    }
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

/// Whether a field is there, whatever it holds; `null` too.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    sub: String,
    exp: i64,
    nbf: Option<i64>,
    iat: Option<i64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn has(&self, wanted: &str) -> bool {
        match self {
            Self::One(one) => one == wanted,
            Self::Many(many) => many.iter().any(|one| one == wanted),
        }
    }
}

impl Claims {
    fn check(&self, issuer: &Issuer, now: DateTime<Utc>) -> Result<(), Reason> {
        let now = now.timestamp();
        let latest = now + LEEWAY_SECONDS;
        if self.iss != issuer.issuer.as_str() {
            return Err(Reason::Issuer);
        }
        if !self.aud.has(&issuer.audience) {
            return Err(Reason::Audience);
        }
        if self.nbf.is_some_and(|nbf| nbf > latest) || self.iat.is_some_and(|iat| iat > latest) {
            return Err(Reason::NotYet);
        }
        // Without `iat` it counts from now, which no token can stretch.
        if self.exp.saturating_sub(self.iat.unwrap_or(now)) > MAX_LIFE.num_seconds() + LEEWAY_SECONDS {
            return Err(Reason::TooLong);
        }
        if self.exp.saturating_add(LEEWAY_SECONDS) <= now {
            return Err(Reason::Expired);
        }
        Ok(())
    }
}

/// One part of a token as a JSON object. A derived struct alone would take an array too.
fn part<T: DeserializeOwned>(text: &str) -> Result<T, Reason> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Reason::Form)?;
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(Reason::Form);
    }
    serde_json::from_slice(&bytes).map_err(|_| Reason::Form)
}

/// A token whose claims would do, if it is signed by the key that it names.
pub(super) struct Candidate<'a> {
    token: &'a str,
    kid: String,
    algorithm: SignatureAlgorithm,
}

/// Reads a token without believing it.
pub(super) fn read<'a>(token: &'a str, issuer: &Issuer, now: DateTime<Utc>) -> Result<Candidate<'a>, Reason> {
    if token.len() > LONGEST {
        return Err(Reason::Form);
    }
    let mut parts = token.split('.');
    let (Some(head), Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(Reason::Form);
    };
    if !URL_SAFE_NO_PAD.decode(signature).is_ok_and(|signature| !signature.is_empty()) {
        return Err(Reason::Form);
    }
    let head: Head = part(head)?;
    if head.crit {
        return Err(Reason::Critical);
    }
    // RFC 8725, 3.11: a logout token or a proof of possession is signed by the same keys and is no access token.
    if !head.typ.is_none_or(|typ| ["jwt", "at+jwt", "application/at+jwt"].iter().any(|kind| typ.eq_ignore_ascii_case(kind))) {
        return Err(Reason::Kind);
    }
    let algorithm = SignatureAlgorithm::named(&head.alg).filter(|algorithm| issuer.algorithms.contains(algorithm));
    let algorithm = algorithm.ok_or(Reason::Algorithm)?;
    let kid = head.kid.filter(|kid| (1..=LONGEST_KID).contains(&kid.len()) && !kid.contains(char::is_control));
    let kid = kid.ok_or(Reason::KeyId)?;
    let claims: Claims = part(claims)?;
    match claims.check(issuer, now) {
        // Said only of what is signed: whoever holds a token may learn that it was good.
        Ok(()) | Err(Reason::Expired) => {}
        Err(reason) => return Err(reason),
    }
    Subject::parse(claims.sub).map_err(|_| Reason::Subject)?;
    Ok(Candidate { token, kid, algorithm })
}

impl Candidate<'_> {
    /// The name of the key that it claims to be signed by.
    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// Verifies the signature and the claims that it covers; answers whose token it is.
    pub(super) fn check(&self, key: &Key, issuer: &Issuer, now: DateTime<Utc>) -> Result<Subject, Reason> {
        if self.algorithm != key.algorithm {
            return Err(Reason::Algorithm);
        }
        let mut validation = Validation::new(key.algorithm.of_library());
        validation.set_audience(&[issuer.audience.as_str()]);
        validation.set_issuer(&[issuer.issuer.as_str()]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        // Times are checked by `Claims::check`, against the server's clock rather than the library's.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let claims =
            jsonwebtoken::decode::<Claims>(self.token, &key.decoding, &validation).map_err(|_| Reason::Signature)?.claims;
        claims.check(issuer, now)?;
        Subject::parse(claims.sub).map_err(|_| Reason::Subject)
    }
}
