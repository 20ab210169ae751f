//! Whose word counts about where a request comes from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

/// The proxies that may say, in `X-Forwarded-For`, whom they speak for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Vec<IpNet>);

impl Proxies {
    /// Reads addresses and networks, separated by commas or white space; `None` when one of them is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let words = text.split([',', ' ', '\t', '\n', '\r']).filter(|word| !word.is_empty());
        let net = |word: &str| word.parse::<IpNet>().ok().or_else(|| word.parse::<IpAddr>().ok().map(IpNet::from));
        words.map(net).collect::<Option<Vec<_>>>().map(Self)
    }

    fn holds(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address))
    }

    /// Who sent a request: the peer; behind a trusted proxy, the last one in `X-Forwarded-For` that is no trusted proxy itself. What stands
    /// before that one, anybody may have written.
    #[must_use]
    pub fn client<'a>(&self, peer: IpAddr, forwarded: impl IntoIterator<Item = &'a str>) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.holds(client) {
            return client;
        }
        let hops: Vec<&str> = forwarded.into_iter().flat_map(|line| line.split(',')).collect();
        for hop in hops.into_iter().rev() {
            let Some(address) = address(hop.trim()) else { break };
            client = address;
            if !self.holds(client) {
                break;
            }
        }
        client
    }
}

/// An address as proxies write it: alone, with a port, or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address| address.to_canonical())
}

/// What requests of an address count under: the address itself; of IPv6 its /64, since whoever has one has all of them.
#[must_use]
pub fn counted_under(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from(u128::from(six) & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_a_trusted_proxy_says_whom_it_speaks_for_and_only_the_last_untrusted_hop_counts() {
        let none = Proxies::default();
        assert_eq!(none.client(ip("10.0.0.1"), ["203.0.113.9"]), ip("10.0.0.1"));
        let trusted = Proxies::parse("10.0.0.0/8, 2001:db8::/32").unwrap();
        assert_eq!(trusted.client(ip("198.51.100.7"), ["203.0.113.9"]), ip("198.51.100.7"), "the peer is none");
        assert_eq!(trusted.client(ip("10.0.0.1"), ["203.0.113.9"]), ip("203.0.113.9"));
        assert_eq!(trusted.client(ip("::ffff:10.0.0.1"), ["203.0.113.9:4711"]), ip("203.0.113.9"));
        assert_eq!(trusted.client(ip("10.0.0.1"), ["6.6.6.6, 203.0.113.9, 10.1.2.3"]), ip("203.0.113.9"), "6.6.6.6 is a claim");
        assert_eq!(trusted.client(ip("10.0.0.1"), ["6.6.6.6", "203.0.113.9", "[2001:db8::5]:80"]), ip("203.0.113.9"));
        assert_eq!(trusted.client(ip("10.0.0.1"), ["10.0.0.2"]), ip("10.0.0.2"), "all are proxies");
        assert_eq!(trusted.client(ip("10.0.0.1"), ["unknown"]), ip("10.0.0.1"));
        assert_eq!(trusted.client(ip("10.0.0.1"), []), ip("10.0.0.1"));
    }

    #[test]
    fn networks_and_addresses_are_read_and_nothing_else() {
        assert_eq!(Proxies::parse(""), Some(Proxies::default()));
        assert_eq!(Proxies::parse("127.0.0.1 ::1"), Proxies::parse("127.0.0.1/32,::1/128"));
        assert_eq!(Proxies::parse("10.0.0.0/33"), None);
        assert_eq!(Proxies::parse("proxy.internal"), None);
    }

    #[test]
    fn one_household_is_one_address() {
        assert_eq!(counted_under(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
        assert_eq!(counted_under(ip("203.0.113.9")), ip("203.0.113.9"));
    }
}
