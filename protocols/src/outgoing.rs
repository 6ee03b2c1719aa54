//! Which addresses of others the platform calls because somebody typed them in: https
//! anywhere, plain http on loopback, and never what only this machine's surroundings
//! should reach, such as a cloud's metadata (OWASP: Server-Side Request Forgery
//! Prevention). Whoever connects asks twice: for the text that was typed, and for each
//! address that its name resolves to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Whether loopback is a place for others. It is where people try the platform out, and
/// not where strangers can make it call its own machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loopback {
    Allowed,
    Refused,
}

/// Why an address is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCalled {
    #[error("must be a URL such as https://login.example.com")]
    NotAUrl,
    #[error("must begin with https:// (http:// is for this machine only)")]
    NotSecure,
    #[error("must not hold a user name, a password or a fragment")]
    HoldsMore,
    #[error("leads to an address that is not called from here")]
    Forbidden,
}

/// The URL, if it may be called as far as its text says.
pub fn url(text: &str, loopback: Loopback) -> Result<Url, NotCalled> {
    let url = Url::parse(text.trim()).map_err(|_| NotCalled::NotAUrl)?;
    let host = url.host().ok_or(NotCalled::NotAUrl)?;
    let named_loopback = matches!(host, Host::Domain(name) if is_localhost(name));
    let address = match host {
        Host::Domain(_) => None,
        Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
        Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
    };
    let here = named_loopback || address.is_some_and(|ip| ip.to_canonical().is_loopback());
    match url.scheme() {
        "https" => {}
        "http" if here && loopback == Loopback::Allowed => {}
        "http" => return Err(NotCalled::NotSecure),
        _ => return Err(NotCalled::NotAUrl),
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(NotCalled::HoldsMore);
    }
    let forbidden = address.is_some_and(|ip| !address_allowed(ip, loopback))
        || (named_loopback && loopback == Loopback::Refused);
    match forbidden {
        true => Err(NotCalled::Forbidden),
        false => Ok(url),
    }
}

/// Whether a name that resolves to `ip` is called. Private networks are: that is where
/// a company's own servers are.
pub fn address_allowed(ip: IpAddr, loopback: Loopback) -> bool {
    match ip.to_canonical() {
        ip if ip.is_loopback() => loopback == Loopback::Allowed,
        IpAddr::V4(ip) => reaches_v4(ip),
        IpAddr::V6(ip) => reaches_v6(ip),
    }
}

fn reaches_v4(ip: Ipv4Addr) -> bool {
    // 169.254/16 holds the metadata of clouds; 0/8 is this machine on many systems.
    !(ip.is_link_local() || ip.is_multicast() || ip.is_broadcast() || ip.octets()[0] == 0)
}

fn reaches_v6(ip: Ipv6Addr) -> bool {
    // AWS answers with metadata at fd00:ec2::254 too.
    let metadata = ip == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    // NAT64 hides an IPv4 address in the last 32 bits (RFC 6052).
    let hidden = match ip.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            let ip = Ipv4Addr::new(a, b, c, d);
            ip.is_loopback() || !reaches_v4(ip)
        }
        _ => false,
    };
    !(ip.is_unicast_link_local() || ip.is_multicast() || ip.is_unspecified() || metadata || hidden)
}

fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_goes_anywhere_and_http_stays_here() {
        for good in [
            "https://login.example.com/realms/acme",
            "https://10.1.2.3:8443",
            "http://localhost:8080/realms/acme",
            "http://127.0.0.1:8080",
            "http://[::1]:8080/",
        ] {
            assert!(url(good, Loopback::Allowed).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("login.example.com", NotCalled::NotAUrl),
            ("file:///etc/passwd", NotCalled::NotAUrl),
            ("ftp://login.example.com", NotCalled::NotAUrl),
            ("http://login.example.com", NotCalled::NotSecure),
            ("http://localhost.example.com", NotCalled::NotSecure),
            ("http://10.1.2.3", NotCalled::NotSecure),
            ("https://ada:secret@login.example.com", NotCalled::HoldsMore),
            ("https://login.example.com/#there", NotCalled::HoldsMore),
            ("https://169.254.169.254/latest", NotCalled::Forbidden),
            ("https://[fe80::1]/", NotCalled::Forbidden),
            ("https://[::ffff:169.254.169.254]/", NotCalled::Forbidden),
            ("https://0.0.0.0/", NotCalled::Forbidden),
        ] {
            assert_eq!(url(bad, Loopback::Allowed), Err(why), "{bad}");
        }
    }

    #[test]
    fn this_machine_is_for_installations_on_it() {
        for here in [
            "https://localhost",
            "https://127.1",
            "https://[::1]",
            "https://a.localhost.",
        ] {
            assert_eq!(
                url(here, Loopback::Refused),
                Err(NotCalled::Forbidden),
                "{here}"
            );
        }
        assert_eq!(
            url("http://localhost", Loopback::Refused),
            Err(NotCalled::NotSecure)
        );
    }

    #[test]
    fn what_a_name_resolves_to_is_asked_too() {
        let allowed = |text: &str| address_allowed(text.parse().unwrap(), Loopback::Refused);
        for good in [
            "192.0.2.1",
            "10.0.0.1",
            "2001:db8::1",
            "fd12::1",
            "64:ff9b::c000:201",
        ] {
            assert!(allowed(good), "{good}");
        }
        for bad in [
            "127.0.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "224.0.0.1",
            "255.255.255.255",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
        ] {
            assert!(!allowed(bad), "{bad}");
        }
    }
}
