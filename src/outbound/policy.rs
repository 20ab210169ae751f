//! Where a configured address may point: `https` to the public internet, and what the operator allowed beside.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use crate::domain::address::{Range, is_public};

/// What may be reached although it is private or without TLS: `HANDOFF_OUTBOUND_ALLOW`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allow {
    ranges: Vec<Range>,
    /// Host as the URL standard writes it, and port.
    places: Vec<(String, u16)>,
}

/// An entry of the setting that is neither a range nor a host with a port; which one, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadEntry(pub usize);

impl fmt::Display for BadEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "entry {} is neither a range of addresses such as 10.20.0.0/16 nor a host with its port such as hooks.site.lan:8443",
            self.0
        )
    }
}

impl Allow {
    /// Reads entries separated by commas or white space.
    ///
    /// # Errors
    /// The first entry that is neither.
    pub fn parse(text: &str) -> Result<Self, BadEntry> {
        let mut allow = Self::default();
        let entries = text.split([',', ' ', '\t', '\n', '\r']).filter(|entry| !entry.is_empty());
        for (index, entry) in entries.enumerate() {
            match (Range::parse(entry), place(entry)) {
                (Some(range), _) => allow.ranges.push(range),
                (None, Some(place)) => allow.places.push(place),
                (None, None) => return Err(BadEntry(index + 1)),
            }
        }
        Ok(allow)
    }

    /// Whether the address may be connected to with TLS, or without.
    #[must_use]
    pub fn admits(&self, address: IpAddr, reach: Reach) -> bool {
        match reach {
            Reach::Named => true,
            Reach::Secure => is_public(address) || self.in_ranges(address),
            Reach::Plain => self.in_ranges(address),
        }
    }

    fn in_ranges(&self, address: IpAddr) -> bool {
        self.ranges.iter().any(|range| range.holds(address))
    }

    fn names(&self, host: &str, port: u16) -> bool {
        self.places.iter().any(|(known, at)| known == host && *at == port)
    }
}

/// `host:port`, the host as a URL has it.
fn place(entry: &str) -> Option<(String, u16)> {
    let url = Url::parse(&format!("https://{entry}/")).ok()?;
    let (_, port) = entry.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && url.path() == "/" && url.query().is_none();
    (plain && url.fragment().is_none() && port > 0).then_some((url.host_str()?.to_owned(), port))
}

/// Which addresses a URL may lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Public ones and those of the allowed ranges, with TLS.
    Secure,
    /// Those of the allowed ranges alone, without TLS.
    Plain,
    /// Whatever the name stands for: the operator named host and port.
    Named,
}

/// Why a URL cannot be where something is posted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlFault {
    /// Not an absolute URL.
    Malformed,
    /// Not `https`, and the operator did not allow this place without.
    NotHttps,
    /// It carries a user name or a password.
    Credentials,
    /// It has a fragment, which is never sent.
    Fragment,
    /// It points at an address that is not public, and that the operator did not allow.
    NotPublic,
}

impl UrlFault {
    /// What to do about it; holds nothing of the URL.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Malformed => "Send an absolute URL, such as https://hooks.site.example/handoff.",
            Self::NotHttps => "Send an https URL. The operator may allow this place without (`HANDOFF_OUTBOUND_ALLOW`).",
            Self::Credentials => "Send the URL without a user name or a password: what is posted there is signed.",
            Self::Fragment => "Send the URL without the part after `#`.",
            Self::NotPublic => {
                "This address is not a public one. Send a public one; the operator may allow others (`HANDOFF_OUTBOUND_ALLOW`)."
            }
        }
    }
}

impl fmt::Display for UrlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for UrlFault {}

/// A URL that may be posted to, with where it may lead. Parsed once: what was checked is what is used.
#[derive(Clone)]
pub struct Target {
    pub(super) url: Url,
    pub(super) reach: Reach,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("reach", &self.reach).finish_non_exhaustive()
    }
}

/// Checks everything about a URL that can be known without asking for its name. Names are checked when something is sent.
///
/// # Errors
/// The first fault.
pub fn check_url(text: &str, allow: &Allow) -> Result<Target, UrlFault> {
    let url = Url::parse(text).map_err(|_| UrlFault::Malformed)?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(UrlFault::NotHttps);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlFault::Credentials);
    }
    if url.fragment().is_some() {
        return Err(UrlFault::Fragment);
    }
    let port = url.port_or_known_default().unwrap_or_default();
    let named = url.host_str().is_some_and(|host| allow.names(host, port));
    let reach = match (named, url.scheme()) {
        (true, _) => Reach::Named,
        (false, "https") => Reach::Secure,
        (false, _) => Reach::Plain,
    };
    let address = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        Some(Host::Domain(name)) if !name.is_empty() => None,
        _ => return Err(UrlFault::Malformed),
    };
    match address {
        Some(address) if !allow.admits(address, reach) && !allow.admits(address, Reach::Secure) => Err(UrlFault::NotPublic),
        Some(address) if !allow.admits(address, reach) => Err(UrlFault::NotHttps),
        // Without TLS, and nothing that could be reached so.
        None if reach == Reach::Plain && allow.ranges.is_empty() => Err(UrlFault::NotHttps),
        _ => Ok(Target { url, reach }),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, allow: &str) -> Result<Reach, UrlFault> {
        check_url(text, &Allow::parse(allow).unwrap()).map(|target| target.reach)
    }

    #[test]
    fn a_url_is_public_and_secure_unless_the_operator_says_otherwise() {
        for (url, allow, expected) in [
            ("https://hooks.site.example/x", "", Ok(Reach::Secure)),
            ("https://8.8.8.8/x", "", Ok(Reach::Secure)),
            ("http://hooks.site.example/x", "", Err(UrlFault::NotHttps)),
            ("http://hooks.site.example/x", "10.0.0.0/8", Ok(Reach::Plain)),
            ("http://8.8.8.8/x", "10.0.0.0/8", Err(UrlFault::NotHttps)),
            ("https://10.1.2.3/x", "", Err(UrlFault::NotPublic)),
            ("https://10.1.2.3/x", "10.0.0.0/8", Ok(Reach::Secure)),
            ("http://10.1.2.3/x", "10.0.0.0/8", Ok(Reach::Plain)),
            ("http://10.1.2.3/x", "", Err(UrlFault::NotPublic)),
            ("http://127.0.0.1:8025/x", "127.0.0.1:8025", Ok(Reach::Named)),
            ("http://127.0.0.1:8026/x", "127.0.0.1:8025", Err(UrlFault::NotPublic)),
            ("https://hooks.lan/x", "hooks.lan:443", Ok(Reach::Named)),
            ("https://hooks.lan:8443/x", "hooks.lan:443", Ok(Reach::Secure)),
            ("https://u@site.example/", "", Err(UrlFault::Credentials)),
            ("https://:p@site.example/", "", Err(UrlFault::Credentials)),
            ("https://site.example/#a", "", Err(UrlFault::Fragment)),
            ("ftp://site.example/", "", Err(UrlFault::NotHttps)),
            ("/x", "", Err(UrlFault::Malformed)),
            ("https://", "", Err(UrlFault::Malformed)),
        ] {
            assert_eq!(check(url, allow), expected, "{url} with {allow:?}");
        }
    }

    /// An IPv4 address as URLs may write it.
    fn written(address: Ipv4Addr, how: usize) -> String {
        let ([a, b, c, d], number) = (address.octets(), u32::from(address));
        let (high, low) = (number >> 16, number & 0xffff);
        match how {
            0 => address.to_string(),
            1 => number.to_string(),
            2 => format!("{number:#x}"),
            3 => format!("{a:#o}.{b:#o}.{c:#o}.{d:#o}").replace("0o", "0"),
            4 => format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
            5 => format!("{a}.{}", number & 0xff_ffff),
            6 => format!("{a}.{b}.{low}."),
            7 => address.to_string().replace('.', "%2e"),
            8 => address
                .to_string()
                .chars()
                .map(|c| c.to_digit(10).map_or(c, |digit| char::from_u32(0xff10 + digit).unwrap()))
                .collect(),
            9 => format!("[::ffff:{address}]"),
            10 => format!("[::ffff:{high:x}:{low:x}]"),
            11 => format!("[64:ff9b::{high:x}:{low:x}]"),
            12 => format!("[2002:{high:x}:{low:x}::1]"),
            _ => format!("[::{high:x}:{low:x}]"),
        }
    }

    proptest! {
        #[test]
        fn a_private_address_is_never_let_in_however_it_is_written(
            (network, bits) in proptest::sample::select(&[
                ("0.0.0.0", 8), ("10.0.0.0", 8), ("100.64.0.0", 10), ("127.0.0.0", 8), ("169.254.0.0", 16), ("172.16.0.0", 12), ("192.168.0.0", 16),
                ("224.0.0.0", 3),
            ][..]),
            host in any::<u32>(), how in 0_usize..14,
        ) {
            let network: Ipv4Addr = network.parse().unwrap();
            let address = Ipv4Addr::from(u32::from(network) | (host & (u32::MAX >> bits)));
            let url = format!("https://{}/x", written(address, how));
            prop_assert!(check(&url, "").is_err(), "{}", url);
        }

        #[test]
        fn no_text_panics_and_what_is_let_in_is_secure(text in "(https?:/{0,3})?[\\PC\\x00-\\x20]{0,60}") {
            if let Ok(reach) = check(&text, "") {
                prop_assert_eq!(reach, Reach::Secure);
            }
        }
    }

    /// The control: a public address is let in in every notation that stands for it.
    #[test]
    fn a_public_address_is_let_in_however_it_is_written() {
        for how in 0..9 {
            let url = format!("https://{}/x", written(Ipv4Addr::new(8, 8, 8, 8), how));
            assert_eq!(check(&url, ""), Ok(Reach::Secure), "{url}");
        }
    }

    #[test]
    fn an_entry_is_a_range_or_a_host_with_its_port_and_a_wrong_one_is_counted_and_not_quoted() {
        assert!(Allow::parse("10.0.0.0/8, fd00::/8\nhooks.lan:8443 [::1]:80").is_ok());
        for (text, at) in
            [("canary", 1), ("10.0.0.0/8, canary/9", 2), ("https://canary:1", 1), ("u@canary:80", 1), ("canary:0", 1)]
        {
            assert_eq!(Allow::parse(text), Err(BadEntry(at)), "{text}");
            assert!(!BadEntry(at).to_string().contains("canary"));
        }
    }
}
