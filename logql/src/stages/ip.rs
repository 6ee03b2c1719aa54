//! Addresses, ranges and prefixes, and texts in which one is looked for.

use std::net::IpAddr;

/// First and last address, both of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    first: IpAddr,
    last: IpAddr,
}

impl Range {
    /// `192.168.4.5`, `192.168.4.5/16`, `192.168.4.5-192.168.4.20`; the same of IPv6.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((first, last)) = text.split_once('-') {
            let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            return same_family(first, last).then_some(Self { first, last });
        }
        let Some((address, length)) = text.split_once('/') else {
            let address = text.parse().ok()?;
            return Some(Self {
                first: address,
                last: address,
            });
        };
        let length: u32 = length.parse().ok()?;
        match address.parse().ok()? {
            IpAddr::V4(address) if length <= 32 => {
                let host = u32::MAX.checked_shr(length).unwrap_or(0);
                let bits = u32::from(address);
                Some(Self {
                    first: IpAddr::V4((bits & !host).into()),
                    last: IpAddr::V4((bits | host).into()),
                })
            }
            IpAddr::V6(address) if length <= 128 => {
                let host = u128::MAX.checked_shr(length).unwrap_or(0);
                let bits = u128::from(address);
                Some(Self {
                    first: IpAddr::V6((bits & !host).into()),
                    last: IpAddr::V6((bits | host).into()),
                })
            }
            IpAddr::V4(_) | IpAddr::V6(_) => None,
        }
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        same_family(self.first, address) && (self.first..=self.last).contains(&address)
    }

    /// Whether the text is one of its addresses.
    pub(crate) fn is(&self, text: &str) -> bool {
        text.trim()
            .parse()
            .is_ok_and(|address| self.contains(address))
    }

    /// Whether one of its addresses is somewhere in the text.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let part = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':');
        let words = text.split(|c| !part(c));
        words
            .filter(|word| word.contains(['.', ':']))
            .any(|word| self.is(word.trim_end_matches('.')) || self.is(without_port(word)))
    }
}

fn without_port(word: &str) -> &str {
    match word.rsplit_once(':') {
        Some((address, _)) if address.contains('.') => address,
        _ => word.trim_end_matches(':'),
    }
}

fn same_family(a: IpAddr, b: IpAddr) -> bool {
    a.is_ipv4() == b.is_ipv4()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_contain_their_addresses() {
        for (range, address, contained) in [
            ("192.168.4.5", "192.168.4.5", true),
            ("192.168.4.5/16", "192.168.200.1", true),
            ("192.168.4.5/32", "192.168.4.6", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("10.0.0.1-10.0.0.9", "10.0.0.9", true),
            ("10.0.0.1-10.0.0.9", "10.0.0.10", false),
            ("2001:db8::/32", "2001:db8::1", true),
            ("0.0.0.0/0", "::1", false),
        ] {
            let range = Range::parse(range).unwrap();
            assert_eq!(range.is(address), contained, "{address}");
        }
        for wrong in ["", "x", "1.2.3", "1.2.3.4/33", "::1/129", "1.2.3.4-::1"] {
            assert_eq!(Range::parse(wrong), None, "{wrong}");
        }
        let range = Range::parse("10.0.0.0/8").unwrap();
        for text in ["from 10.1.2.3.", "10.1.2.3:8080 ok", "(10.1.2.3)"] {
            assert!(range.is_in(text), "{text}");
        }
        assert!(!range.is_in("from 11.1.2.3 at 10:00:00"));
    }
}
