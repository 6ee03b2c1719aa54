//! Which addresses may be reached. What no monitoring server has is never reached:
//! addresses of a link, multicast, the metadata services of clouds, and what this
//! installation itself is made of. Private networks are reached unless the operator
//! says otherwise, because that is where monitoring lives.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::str::FromStr;

/// A range of addresses, `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

/// The text is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no network such as 10.0.0.0/8")]
pub struct NotANetwork(String);

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Network {
    Network {
        base: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        prefix,
    }
}

const fn v6(first: u16, second: u16, prefix: u8) -> Network {
    Network {
        base: IpAddr::V6(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0)),
        prefix,
    }
}

/// IANA's special-purpose registries (RFC 6890) as far as nobody's server is there, and
/// addresses at which clouds answer with secrets of the machine.
const NEVER: [Network; 14] = [
    v4(0, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16),
    v4(192, 0, 0, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
    // Azure's and Alibaba's metadata.
    v4(168, 63, 129, 16, 32),
    v4(100, 100, 100, 200, 32),
    // `::` and what is written with an IPv4 address at its end but `::1`.
    v6(0xfe80, 0, 10),
    v6(0xfec0, 0, 10),
    v6(0xff00, 0, 8),
    v6(0x2001, 0xdb8, 32),
    v6(0x100, 0, 64),
    // Amazon's and Google's metadata.
    v6(0xfd00, 0xec2, 32),
    v6(0xfd20, 0xce, 32),
];

/// Networks that only their own side reaches.
const PRIVATE: [Network; 7] = [
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v6(0xfc00, 0, 7),
];

/// Why an address is not reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("the name has no address")]
    Nowhere,
    #[error("{0} is an address that is never called: of a link, a cloud's metadata, or reserved")]
    Reserved(IpAddr),
    #[error("{0} is a private address, and the operator has ruled those out")]
    Private(IpAddr),
    #[error("{0} is this machine, where no such server is")]
    ThisMachine(IpAddr),
    #[error("{0} is in a network that the operator has ruled out")]
    RuledOut(IpAddr),
    #[error("{0} belongs to this installation itself")]
    Own(SocketAddr),
}

/// What the operator has decided.
#[derive(Debug, Clone)]
pub struct Guard {
    /// Whether private networks may be reached, this machine among them.
    pub private: bool,
    /// Whether this machine may be, by the addresses of its loopback.
    pub this_machine: bool,
    /// Networks that may not be reached besides.
    pub denied: Vec<Network>,
    /// Ports of this installation on this machine.
    pub own_ports: Vec<u16>,
    /// Hosts and ports of what it keeps its data in.
    pub own_servers: Vec<(String, u16)>,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            private: true,
            this_machine: true,
            denied: Vec::new(),
            own_ports: Vec::new(),
            own_servers: Vec::new(),
        }
    }
}

impl Guard {
    /// Looks at everything that a name leads to. One bad address spoils all: a name that
    /// leads to the metadata now and then is no server's.
    pub fn admit(&self, found: &[SocketAddr], own: &[SocketAddr]) -> Result<(), Denied> {
        if found.is_empty() {
            return Err(Denied::Nowhere);
        }
        found.iter().try_for_each(|address| self.one(*address, own))
    }

    fn one(&self, address: SocketAddr, own: &[SocketAddr]) -> Result<(), Denied> {
        let ip = plain(address.ip());
        if is_embedding(ip) || NEVER.iter().any(|network| network.holds(ip)) {
            return Err(Denied::Reserved(ip));
        }
        let private = ip == IpAddr::V6(Ipv6Addr::LOCALHOST)
            || PRIVATE.iter().any(|network| network.holds(ip));
        if private && !self.private {
            return Err(Denied::Private(ip));
        }
        if ip.is_loopback() && !self.this_machine {
            return Err(Denied::ThisMachine(ip));
        }
        if self.denied.iter().any(|network| network.holds(ip)) {
            return Err(Denied::RuledOut(ip));
        }
        let same = |own: &SocketAddr| plain(own.ip()) == ip && own.port() == address.port();
        let ours = self.own_ports.contains(&address.port()) && is_of_this_machine(ip);
        match ours || own.iter().any(same) {
            true => Err(Denied::Own(SocketAddr::new(ip, address.port()))),
            false => Ok(()),
        }
    }
}

/// `::ffff:10.0.0.1` is 10.0.0.1.
fn plain(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

/// Whether a gateway would make an IPv4 address of it that nobody has looked at: NAT64
/// (RFC 6052), SIIT (RFC 2765), 6to4, Teredo, and the old compatible form, `::` among them.
fn is_embedding(ip: IpAddr) -> bool {
    let IpAddr::V6(v6) = ip else { return false };
    if v6 == Ipv6Addr::LOCALHOST {
        return false;
    }
    let s = v6.segments();
    let translated = s[..6] == [0, 0, 0, 0, 0xffff, 0];
    translated
        || s[..6] == [0; 6]
        || s[..2] == [0x64, 0xff9b]
        || s[0] == 0x2002
        || s[..2] == [0x2001, 0]
}

/// An address can be bound to only on the machine that has it.
fn is_of_this_machine(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

impl Network {
    pub fn holds(&self, ip: IpAddr) -> bool {
        let differs = match (self.base, ip) {
            (IpAddr::V4(base), IpAddr::V4(ip)) => {
                (u32::from(base) ^ u32::from(ip)).leading_zeros() < u32::from(self.prefix)
            }
            (IpAddr::V6(base), IpAddr::V6(ip)) => {
                (u128::from(base) ^ u128::from(ip)).leading_zeros() < u32::from(self.prefix)
            }
            _ => true,
        };
        !differs
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    /// An address alone is a network of one.
    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let wrong = || NotANetwork(text.to_owned());
        let (base, prefix) = match text.split_once('/') {
            Some((base, prefix)) => (base, Some(prefix)),
            None => (text, None),
        };
        let base = plain(base.parse().map_err(|_| wrong())?);
        let whole = if base.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| wrong())?,
            None => whole,
        };
        match prefix <= whole {
            true => Ok(Self { base, prefix }),
            false => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ip: &str) -> SocketAddr {
        SocketAddr::new(ip.parse().unwrap(), 9090)
    }

    fn denied(guard: &Guard, ip: &str) -> Option<Denied> {
        guard.admit(&[at(ip)], &[]).err()
    }

    #[test]
    fn what_no_server_has_is_never_reached() {
        let guard = Guard::default();
        for ip in [
            "0.0.0.0",
            "169.254.169.254",
            "169.254.0.1",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a9fe:a9fe",
            "::ffff:0:a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "2001:0:1::1",
            "192.0.0.192",
            "100.100.100.200",
            "168.63.129.16",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "febf::1",
            "ff02::1",
            "fd00:ec2::254",
            "fd20:ce::254",
        ] {
            let denied = denied(&guard, ip);
            assert!(
                matches!(denied, Some(Denied::Reserved(_))),
                "{ip}: {denied:?}"
            );
        }
    }

    #[test]
    fn private_networks_are_reached_unless_ruled_out() {
        let public_only = Guard {
            private: false,
            ..Guard::default()
        };
        for ip in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::ffff:127.0.0.1",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "fd12::1",
        ] {
            assert_eq!(denied(&Guard::default(), ip), None, "{ip}");
            let denied = denied(&public_only, ip);
            assert!(
                matches!(denied, Some(Denied::Private(_))),
                "{ip}: {denied:?}"
            );
        }
        for ip in ["93.184.216.34", "172.32.0.1", "2606:2800:220::1"] {
            assert_eq!(denied(&public_only, ip), None, "{ip}");
        }
    }

    #[test]
    fn this_machine_is_ruled_out_apart_from_private_networks() {
        let elsewhere = Guard {
            this_machine: false,
            ..Guard::default()
        };
        for ip in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            let denied = denied(&elsewhere, ip);
            assert!(
                matches!(denied, Some(Denied::ThisMachine(_))),
                "{ip}: {denied:?}"
            );
        }
        for ip in ["192.0.2.1", "10.0.0.1", "fd12::1"] {
            assert_eq!(denied(&elsewhere, ip), None, "{ip}");
        }
    }

    #[test]
    fn the_operator_rules_out_networks() {
        let guard = Guard {
            denied: vec![
                "10.0.0.0/8".parse().unwrap(),
                "192.168.1.7".parse().unwrap(),
            ],
            ..Guard::default()
        };
        for ip in ["10.255.0.1", "::ffff:10.0.0.1", "192.168.1.7"] {
            assert!(
                matches!(denied(&guard, ip), Some(Denied::RuledOut(_))),
                "{ip}"
            );
        }
        assert_eq!(denied(&guard, "192.168.1.8"), None);
        for text in ["10.0.0.0/33", "ten", "10.0.0.0/", "/8", "::/129"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        let holds = |network: &str, ip: &str| {
            let network: Network = network.parse().unwrap();
            network.holds(ip.parse().unwrap())
        };
        assert!(holds("0.0.0.0/0", "198.51.100.9") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("::/0", "2001:db8::1") && holds("10.0.0.1", "10.0.0.1"));
        assert!(!holds("10.0.0.1", "10.0.0.2"));
    }

    #[test]
    fn the_installation_itself_is_not_reached() {
        let guard = Guard {
            own_ports: vec![9090],
            ..Guard::default()
        };
        for ip in ["127.0.0.1", "::1", "127.3.3.3"] {
            assert!(matches!(denied(&guard, ip), Some(Denied::Own(_))), "{ip}");
        }
        // The same port of somebody else.
        assert_eq!(denied(&guard, "192.0.2.7"), None);
        let database = [at("10.0.0.5")];
        let guard = Guard::default();
        assert_eq!(
            guard.admit(&database, &database),
            Err(Denied::Own(database[0]))
        );
        assert_eq!(guard.admit(&[at("10.0.0.6")], &database), Ok(()));
    }

    #[test]
    fn one_bad_address_spoils_a_name() {
        let guard = Guard::default();
        let both = [at("93.184.216.34"), at("169.254.169.254")];
        assert_eq!(guard.admit(&both, &[]), Err(Denied::Reserved(both[1].ip())));
        assert_eq!(guard.admit(&[], &[]), Err(Denied::Nowhere));
    }
}
