//! Which addresses belong to the public internet. Everything else may be a neighbour that trusts this machine.
//!
//! After the special-purpose registries of IANA (RFC 6890 and its updates). An IPv6 address that carries an IPv4 one is refused
//! whatever it carries: where it ends up is a gateway's decision and not ours.

use std::net::{IpAddr, Ipv6Addr};

/// An address range by its first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    base: u128,
    bits: u8,
    is_v4: bool,
}

impl Range {
    /// A range as `192.168.0.0/16`, `fd00::/8`, or a single address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) if !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                (address, Some(bits.parse::<u8>().ok()?))
            }
            Some(_) => return None,
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        let range = Self { base: number(address), bits, is_v4: address.is_ipv4() };
        // A base with bits beyond the prefix is a slip of whoever wrote it.
        (bits <= width && range.base & !range.mask() == 0).then_some(range)
    }

    const fn of_v4(base: [u8; 4], bits: u8) -> Self {
        Self { base: u32::from_be_bytes(base) as u128, bits, is_v4: true }
    }

    const fn of_v6(base: [u16; 8], bits: u8) -> Self {
        let [a, b, c, d, e, f, g, h] = base;
        Self { base: Ipv6Addr::new(a, b, c, d, e, f, g, h).to_bits(), bits, is_v4: false }
    }

    const fn mask(self) -> u128 {
        let width = if self.is_v4 { 32 } else { 128 };
        let all = if self.is_v4 { u32::MAX as u128 } else { u128::MAX };
        if self.bits == 0 { 0 } else { all & (u128::MAX << (width - self.bits)) }
    }

    /// Whether the address lies within.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.is_v4 && number(address) & self.mask() == self.base
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// IPv4 that is no place of the public internet.
const NOT_PUBLIC_V4: &[Range] = &[
    Range::of_v4([0, 0, 0, 0], 8),       // this network
    Range::of_v4([10, 0, 0, 0], 8),      // private
    Range::of_v4([100, 64, 0, 0], 10),   // carrier-grade NAT
    Range::of_v4([127, 0, 0, 0], 8),     // loopback
    Range::of_v4([169, 254, 0, 0], 16),  // link-local, and the metadata services of clouds
    Range::of_v4([172, 16, 0, 0], 12),   // private
    Range::of_v4([192, 0, 0, 0], 24),    // protocol assignments
    Range::of_v4([192, 0, 2, 0], 24),    // documentation
    Range::of_v4([192, 88, 99, 0], 24),  // 6to4 relays
    Range::of_v4([192, 168, 0, 0], 16),  // private
    Range::of_v4([198, 18, 0, 0], 15),   // benchmarking
    Range::of_v4([198, 51, 100, 0], 24), // documentation
    Range::of_v4([203, 0, 113, 0], 24),  // documentation
    Range::of_v4([224, 0, 0, 0], 3),     // multicast, reserved, broadcast
];

/// IPv6 that is handed out as global unicast; outside it nothing is public: loopback, mapped and compatible IPv4, NAT64, discard,
/// unique local, link-local, site-local, multicast.
const GLOBAL_V6: Range = Range::of_v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// What of it is no place of the public internet all the same.
const NOT_PUBLIC_V6: &[Range] = &[
    Range::of_v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // protocol assignments: Teredo, benchmarking, ORCHID
    Range::of_v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation
    Range::of_v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), // 6to4
    Range::of_v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation
];

/// Whether this is a place of the public internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => !NOT_PUBLIC_V4.iter().any(|range| range.holds(address)),
        IpAddr::V6(_) => GLOBAL_V6.holds(address) && !NOT_PUBLIC_V6.iter().any(|range| range.holds(address)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(address: [u8; 4]) -> IpAddr {
        IpAddr::from(address)
    }

    #[test]
    fn what_is_not_public_is_refused_to_its_edges_and_its_neighbours_are_public() {
        let is = |text: &str| is_public(text.parse().unwrap());
        for (inside, beside) in [
            ("0.255.255.255", "1.0.0.0"),
            ("10.0.0.0", "9.255.255.255"),
            ("10.255.255.255", "11.0.0.0"),
            ("100.64.0.0", "100.63.255.255"),
            ("100.127.255.255", "100.128.0.0"),
            ("127.255.255.255", "128.0.0.0"),
            ("169.254.169.254", "169.253.255.255"),
            ("172.16.0.0", "172.15.255.255"),
            ("172.31.255.255", "172.32.0.0"),
            ("192.0.0.255", "192.0.1.0"),
            ("192.0.2.0", "192.0.3.0"),
            ("192.88.99.1", "192.88.98.255"),
            ("192.168.255.255", "192.169.0.0"),
            ("198.19.255.255", "198.20.0.0"),
            ("198.51.100.1", "198.51.101.0"),
            ("203.0.113.255", "203.0.114.0"),
            ("224.0.0.0", "223.255.255.255"),
            ("255.255.255.255", "223.255.255.255"),
            ("::", "2606:4700::1"),
            ("::1", "2a00::1"),
            ("::ffff:8.8.8.8", "2600::1"),
            ("::8.8.8.8", "2600::1"),
            ("64:ff9b::808:808", "2600::1"),
            ("64:ff9b:1::1", "2600::1"),
            ("100::1", "2600::1"),
            ("2001::1", "2001:200::1"),
            ("2001:db8::1", "2001:db7::1"),
            ("2002:808:808::1", "2003::1"),
            ("3fff:fff::1", "3ffe::1"),
            ("fc00::1", "2600::1"),
            ("fdff::1", "2600::1"),
            ("fe80::1", "2600::1"),
            ("fec0::1", "2600::1"),
            ("ff02::1", "2600::1"),
        ] {
            assert!(!is(inside), "{inside}");
            assert!(is(beside), "{beside}");
        }
    }

    #[test]
    fn a_range_is_written_exactly_or_not_at_all() {
        let range = |text: &str| Range::parse(text);
        assert!(range("127.0.0.2").unwrap().holds(v4([127, 0, 0, 2])) && !range("127.0.0.2").unwrap().holds(v4([127, 0, 0, 1])));
        assert!(range("10.0.0.0/8").unwrap().holds(v4([10, 9, 8, 7])) && range("0.0.0.0/0").unwrap().holds(v4([8, 8, 8, 8])));
        assert!(range("fd00::/8").unwrap().holds("fdab::1".parse().unwrap()) && !range("fd00::/8").unwrap().holds(v4([0; 4])));
        for wrong in ["", "10.0.0.0/33", "10.0.0.1/8", "10/8", "fd00::/129", "10.0.0.0/", "10.0.0.0/+8", "localhost", "::1/x"] {
            assert_eq!(range(wrong), None, "{wrong}");
        }
    }
}
