//! Staff tokens of the local issuer: for small sites and development (`handoff token create`).
//!
//! HS256 under a key derived for the one site, so that the issuer in the token binds to exactly one site: a token that
//! names another site fails its signature. Audience, issuer, subject, expiry and not-before are all required.

use chrono::{DateTime, Duration, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::domain::ids::{MemberId, SiteId};
use crate::privacy::keys::{MasterKey, Purpose, SiteKey};

const AUDIENCE: &str = "handoff";
/// What the issuer of a local token begins with; no address of an identity provider does.
const ISSUER_PREFIX: &str = "urn:handoff:site:";
/// The longest token that is looked at, of whatever issuer.
pub(in crate::auth) const LONGEST: usize = 8 * 1024;
/// The longest life of a local token; a longer one belongs to an identity provider with revocation.
pub const MAX_TTL: Duration = Duration::hours(24);
/// Clocks of one machine agree; five seconds forgive a step of its clock.
const LEEWAY_SECONDS: i64 = 5;

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Not a token of ours, or not one for this use.
    Invalid,
    /// Its time is over.
    Expired,
}

/// Makes a token for a member.
///
/// # Errors
/// When the life asked for is not positive or above [`MAX_TTL`], or signing fails.
pub fn create(
    master: &MasterKey,
    site: SiteId,
    member: MemberId,
    ttl: Duration,
    now: DateTime<Utc>,
) -> Result<String, jsonwebtoken::errors::Error> {
    if ttl <= Duration::zero() || ttl > MAX_TTL {
        return Err(jsonwebtoken::errors::ErrorKind::InvalidClaimFormat("exp".into()).into());
    }
    let claims = Claims {
        iss: format!("{ISSUER_PREFIX}{site}"),
        aud: AUDIENCE.into(),
        sub: member.to_string(),
        iat: now.timestamp(),
        nbf: now.timestamp(),
        exp: (now + ttl).timestamp(),
    };
    let key = master.derive(Purpose::LocalToken, site);
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(key.expose()))
}

/// Verifies a token and says whose it is. The role is not in it: that comes from the database.
///
/// # Errors
/// [`Refused`]; nothing about the token's content.
pub fn verify(master: &MasterKey, token: &str, now: DateTime<Utc>) -> Result<(SiteId, MemberId), Refused> {
    let site = claimed_site(token).ok_or(Refused::Invalid)?;
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[format!("{ISSUER_PREFIX}{site}")]);
    validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
    // Times are checked below, against the server's clock rather than the library's.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let keyring = master.keyring(Purpose::LocalToken, site);
    let decode = |key: &SiteKey| {
        jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_secret(key.expose()), &validation).ok().map(|token| token.claims)
    };
    let claims = keyring.all().find_map(decode).ok_or(Refused::Invalid)?;
    let now = now.timestamp();
    let longest = MAX_TTL.num_seconds() + LEEWAY_SECONDS;
    if claims.nbf > now + LEEWAY_SECONDS || claims.iat > now + LEEWAY_SECONDS || claims.exp.saturating_sub(claims.iat) > longest {
        return Err(Refused::Invalid);
    }
    if claims.exp.saturating_add(LEEWAY_SECONDS) <= now {
        return Err(Refused::Expired);
    }
    claims.sub.parse().map(|member| (site, member)).map_err(|_| Refused::Invalid)
}

/// The site that a local token claims, read before verification only to choose the key that must then verify it.
fn claimed_site(token: &str) -> Option<SiteId> {
    if token.len() > 4096 {
        return None;
    }
    claimed_issuer(token)?.strip_prefix(ISSUER_PREFIX)?.parse().ok()
}

/// Whether an issuer is the local one, of whatever site.
#[must_use]
pub fn is_local(issuer: &str) -> bool {
    issuer.starts_with(ISSUER_PREFIX)
}

/// The issuer that a token claims, believed in nothing but the choice of who must verify it.
#[must_use]
pub fn claimed_issuer(token: &str) -> Option<String> {
    use base64::Engine as _;
    #[derive(Deserialize)]
    struct Issuer {
        iss: String,
    }
    if token.len() > LONGEST {
        return None;
    }
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Issuer>(&payload).ok().map(|claims| claims.iss)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture() -> (MasterKey, SiteId, MemberId, DateTime<Utc>) {
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        (
            MasterKey::from_hex(&"11".repeat(32)).unwrap(),
            SiteId(uuid::Uuid::from_u128(7)),
            MemberId(uuid::Uuid::from_u128(8)),
            "2026-06-01T10:00:00Z".parse().unwrap(),
        )
    }

    #[test]
    fn a_token_is_good_for_its_time_and_no_longer() {
        let (master, site, member, now) = fixture();
        let token = create(&master, site, member, Duration::minutes(15), now).unwrap();
        assert_eq!(verify(&master, &token, now), Ok((site, member)));
        assert_eq!(verify(&master, &token, now + Duration::minutes(15) + Duration::seconds(5)), Err(Refused::Expired));
        assert_eq!(verify(&master, &token, now - Duration::seconds(6)), Err(Refused::Invalid));
        assert!(create(&master, site, member, Duration::hours(25), now).is_err());
        // While the master key is rotated.
        let next = MasterKey::from_hex(&"22".repeat(32)).unwrap();
        assert_eq!(verify(&next, &token, now), Err(Refused::Invalid));
        let next = next.accepting([master]);
        assert_eq!(verify(&next, &token, now), Ok((site, member)));
        assert_eq!(verify(&next, &token, now + Duration::minutes(16)), Err(Refused::Expired));
    }

    #[test]
    fn forged_tokens_are_refused() {
        let (master, site, member, now) = fixture();
        let sign = |claims: &serde_json::Value, header: &Header, key: &[u8]| {
            jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(key)).unwrap()
        };
        let key = master.derive(Purpose::LocalToken, site);
        let base = serde_json::json!({
            "iss": format!("{ISSUER_PREFIX}{site}"), "aud": AUDIENCE, "sub": member.to_string(),
            "iat": now.timestamp(), "nbf": now.timestamp(), "exp": now.timestamp() + 60,
        });
        let hs256 = Header::new(Algorithm::HS256);
        assert!(verify(&master, &sign(&base, &hs256, key.expose()), now).is_ok(), "the control");
        let changed = |name: &str, value: serde_json::Value| {
            let mut claims = base.clone();
            claims[name] = value;
            sign(&claims, &hs256, key.expose())
        };
        let other_site = format!("{ISSUER_PREFIX}{}", uuid::Uuid::from_u128(9));
        let mut forged = vec![
            sign(&base, &hs256, b"another key"),
            sign(&base, &Header::new(Algorithm::HS384), key.expose()),
            changed("iss", other_site.into()),
            changed("aud", "other".into()),
            changed("sub", "not-an-id".into()),
            changed("exp", (now.timestamp() + 86_400 * 30).into()),
            changed("nbf", (now.timestamp() + 60).into()),
            "a.b.c".into(),
            String::new(),
            "eyJhbGciOiJub25lIn0.e30.".into(),
        ];
        for name in ["iss", "aud", "sub", "nbf", "exp"] {
            let mut claims = base.clone();
            claims.as_object_mut().unwrap().remove(name);
            forged.push(sign(&claims, &hs256, key.expose()));
        }
        for token in forged {
            assert_eq!(verify(&master, &token, now), Err(Refused::Invalid));
        }
    }
}
