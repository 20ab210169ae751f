//! Whether an address is one that a person anywhere can open safely: https, and no address of a private network. `localhost` is let
//! in, by name, for development. What a name stands for is not asked: whoever connects to an address checks what it leads to.

use url::{Host, Url};

use super::address::is_public;
use super::fault::{Fault, FaultCode};
use super::text::WebUrl;

/// What is wrong with this address, if anything.
#[must_use]
pub fn fault(pointer: &'static str, url: &WebUrl) -> Option<Fault> {
    let fault = |code, message| Some(Fault::new(pointer, code, message));
    let Ok(parsed) = Url::parse(url.as_str()) else {
        return fault(FaultCode::BadFormat, "Send an absolute https address.");
    };
    let private = "This address belongs to a private network. Send one that people can reach from anywhere.";
    match parsed.host() {
        Some(Host::Domain("localhost")) => None,
        Some(Host::Domain(name)) if is_private_name(name) => fault(FaultCode::AddressNotAllowed, private),
        Some(Host::Ipv4(ip)) if !is_public(ip.into()) => fault(FaultCode::AddressNotAllowed, private),
        Some(Host::Ipv6(ip)) if !is_public(ip.into()) => fault(FaultCode::AddressNotAllowed, private),
        _ if parsed.scheme() != "https" => fault(FaultCode::AddressNotAllowed, "Send an https address."),
        _ => None,
    }
}

/// Names that no public server has (RFC 6761, RFC 6762, and ICANN's `.internal`).
fn is_private_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    ["localhost", "local", "internal"].iter().any(|last| name.rsplit('.').next() == Some(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(url: &str) -> Option<FaultCode> {
        fault("/intake_url", &url.parse().unwrap()).map(|fault| fault.code)
    }

    #[test]
    fn addresses_of_private_networks_are_refused_however_they_are_written() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "198.18.0.1",
            "192.0.0.8",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "printer.local",
            "db.internal",
            "a.localhost",
            "DB.INTERNAL.",
            "10.0.0.1.",
        ] {
            assert_eq!(told(&format!("https://{host}/in")), Some(FaultCode::AddressNotAllowed), "{host}");
            assert_eq!(told(&format!("http://{host}:8080/in")), Some(FaultCode::AddressNotAllowed), "{host}");
        }
    }

    #[test]
    fn public_addresses_over_https_are_taken_and_localhost_for_development() {
        for url in [
            "https://intake.site.example/start",
            "https://8.8.8.8/in",
            "https://172.32.0.1/",
            "https://192.169.0.1/",
            "https://local.example",
            "https://internal.site.example:8443/x?y#z",
            "http://localhost:3000/in",
            "https://localhost/in",
        ] {
            assert_eq!(told(url), None, "{url}");
        }
        assert_eq!(told("http://intake.site.example/start"), Some(FaultCode::AddressNotAllowed));
        assert_eq!(told("http://8.8.8.8/start"), Some(FaultCode::AddressNotAllowed));
        for url in ["https://999.1.1.1/in", "https://x..example:99999/in"] {
            assert_eq!(told(url), Some(FaultCode::BadFormat), "{url}");
        }
        for url in [
            "https://user:1@x.example/",
            "https://user@x.example/",
            "https://[::1]/in",
            "ftp://x.example/",
            "javascript:alert(1)",
        ] {
            assert!(url.parse::<WebUrl>().is_err(), "{url}");
        }
    }
}
