//! `HANDOFF_JWT_ISSUERS`: which issuers are believed, for which audience, by which keys, for which one site.

use std::collections::HashSet;

use jsonwebtoken::Algorithm;
use serde::Deserialize;
use url::{Host, Url};

use crate::domain::ids::SiteId;
use crate::domain::text::IssuerUrl;

/// More issuers than any deployment has sites; the bound is on memory and on a mistake.
const MOST_ISSUERS: usize = 1000;

/// The signature algorithms there are. A symmetric one could not be told from a public key used as a secret, and `none` is no
/// signature: neither can be written down here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl SignatureAlgorithm {
    /// All of them, which is the default.
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// Its name in a token header, a key set and the settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(super) const fn of_library(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

/// An issuer that is believed, with all that binds it.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// The `iss` of its tokens.
    pub issuer: IssuerUrl,
    /// What must be in `aud`: the name of Handoff at this provider.
    pub audience: String,
    /// Where its keys are.
    pub jwks_url: Url,
    /// The one site whose members it knows.
    pub site: SiteId,
    /// How it may sign.
    pub algorithms: Vec<SignatureAlgorithm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    issuer: String,
    audience: String,
    jwks_url: String,
    site: String,
    algorithms: Option<Vec<String>>,
}

/// Reads the setting.
///
/// # Errors
/// The end of a sentence that begins with the variable's name: the first thing wrong and where, without any value.
pub fn parse(text: &str) -> Result<Vec<Issuer>, String> {
    let entries: Vec<Entry> = serde_json::from_str(text).map_err(|error| {
        format!(
            "is not a JSON list of objects with the texts issuer, audience, jwks_url and site and, if wanted, the list algorithms \
             (line {}, column {})",
            error.line(),
            error.column()
        )
    })?;
    if entries.len() > MOST_ISSUERS {
        return Err(format!("has more than {MOST_ISSUERS} entries"));
    }
    let mut seen = HashSet::new();
    let mut issuers = Vec::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        let issuer = read(entry).map_err(|wrong| format!("has a mistake in entry {}: {wrong}", index + 1))?;
        if !seen.insert(issuer.issuer.as_str().to_owned()) {
            return Err(format!("names in entry {} an issuer that an earlier entry names: each belongs to one site", index + 1));
        }
        issuers.push(issuer);
    }
    Ok(issuers)
}

fn read(entry: Entry) -> Result<Issuer, &'static str> {
    let issuer =
        IssuerUrl::parse(entry.issuer).map_err(|_| "issuer is not an http or https address without query and fragment")?;
    if !(1..=255).contains(&entry.audience.len()) || !entry.audience.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("audience is not 1 to 255 printable characters");
    }
    let site = entry.site.parse().map_err(|_| "site is not the id of a site")?;
    let algorithms = match entry.algorithms {
        None => SignatureAlgorithm::ALL.to_vec(),
        Some(names) => algorithms(&names).ok_or("algorithms is not a list of RS256, ES256 and EdDSA, each once at the most")?,
    };
    Ok(Issuer { issuer, audience: entry.audience, jwks_url: jwks_url(&entry.jwks_url)?, site, algorithms })
}

fn algorithms(names: &[String]) -> Option<Vec<SignatureAlgorithm>> {
    let read: Vec<SignatureAlgorithm> = names.iter().map(|name| SignatureAlgorithm::named(name)).collect::<Option<_>>()?;
    let distinct: HashSet<SignatureAlgorithm> = read.iter().copied().collect();
    (!read.is_empty() && distinct.len() == read.len()).then_some(read)
}

/// https, so that nobody on the way can put keys of their own there; on this machine there is no way.
fn jwks_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "jwks_url is not an address")?;
    if text.len() > 2000 || !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("jwks_url is longer than 2000 characters, or carries a user, a password or a fragment");
    }
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback => Ok(url),
        _ => Err("jwks_url is not an https address (http is for localhost, 127.0.0.1 and [::1] only)"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn good() -> Value {
        json!({"issuer": "https://login.example/a", "audience": "handoff", "jwks_url": "https://login.example/keys",
               "site": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48"})
    }

    #[test]
    fn an_issuer_is_bound_to_its_audience_keys_and_site() {
        let read = parse(&json!([good()]).to_string()).unwrap();
        assert_eq!((read[0].issuer.as_str(), read[0].audience.as_str()), ("https://login.example/a", "handoff"));
        assert_eq!(read[0].algorithms, SignatureAlgorithm::ALL);
        assert!(parse("[]").unwrap().is_empty());
        for url in ["http://localhost:9/k", "http://127.0.0.1/k", "http://[::1]:1/k", "https://login.example/keys?p=one"] {
            let mut entry = good();
            entry["jwks_url"] = url.into();
            assert!(parse(&json!([entry]).to_string()).is_ok(), "{url}");
        }
        let mut entry = good();
        entry["algorithms"] = json!(["ES256"]);
        assert_eq!(parse(&json!([entry]).to_string()).unwrap()[0].algorithms, [SignatureAlgorithm::Es256]);
    }

    #[test]
    fn a_mistake_is_named_by_its_place_and_never_by_its_value() {
        let mut refused = 0;
        for (field, value) in [
            ("issuer", json!("canary")),
            ("issuer", json!("https://canary.example/?a=b")),
            ("issuer", json!("urn:handoff:site:canary")),
            ("issuer", json!(7)),
            ("audience", json!("")),
            ("audience", json!("can ary")),
            ("site", json!("canary")),
            ("jwks_url", json!("canary")),
            ("jwks_url", json!("http://canary.example/k")),
            ("jwks_url", json!("http://localhost.canary.example/k")),
            ("jwks_url", json!("http://127.0.0.1@canary.example/k")),
            ("jwks_url", json!("https://u:canary@login.example/k")),
            ("jwks_url", json!("https://login.example/k#canary")),
            ("jwks_url", json!("file:///canary")),
            ("algorithms", json!([])),
            ("algorithms", json!(["HS256"])),
            ("algorithms", json!(["none"])),
            ("algorithms", json!(["rs256"])),
            ("algorithms", json!(["PS256", "RS256"])),
            ("algorithms", json!(["RS256", "RS256"])),
            ("canary", json!("canary")),
        ] {
            let mut entry = good();
            entry[field] = value;
            let sentence = parse(&json!([entry]).to_string()).unwrap_err();
            assert!(!sentence.contains("canary") && (sentence.contains(field) || field == "canary"), "{sentence}");
            refused += 1;
        }
        for field in ["issuer", "audience", "jwks_url", "site"] {
            let mut entry = good();
            entry.as_object_mut().unwrap().remove(field);
            assert!(parse(&json!([entry]).to_string()).is_err(), "{field}");
        }
        for text in ["", "{}", "canary", "[[]]", "[null]"] {
            assert!(!parse(text).unwrap_err().contains("canary"), "{text}");
        }
        assert!(parse(&json!([good(), good()]).to_string()).unwrap_err().contains("entry 2"));
        assert_eq!(refused, 21);
    }
}
