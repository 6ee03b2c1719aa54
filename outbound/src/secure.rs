//! The address of a server that is sent secrets, and to which browsers are led: https
//! anywhere, plain http on this machine only, where people try the platform out.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use url::{Host, Url};

use crate::guard::{Denied, Guard};

/// Why an address is not called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSecure {
    #[error("must be a URL such as https://login.example.com")]
    NotAUrl,
    #[error("must begin with https:// (http:// is for this machine only)")]
    NotSecure,
    #[error("must not hold a user name, a password or a fragment")]
    HoldsMore,
    #[error("leads to an address that is not called from here: {0}")]
    Denied(#[from] Denied),
}

/// The URL, if it may be called as far as its text says.
pub(crate) fn url(text: &str, guard: &Guard) -> Result<Url, NotSecure> {
    let url = Url::parse(text.trim()).map_err(|_| NotSecure::NotAUrl)?;
    let written = match url.host().ok_or(NotSecure::NotAUrl)? {
        Host::Domain(name) => is_localhost(name).then_some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
        Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
    };
    let here = written.is_some_and(|ip| ip.to_canonical().is_loopback());
    match url.scheme() {
        "https" => {}
        "http" if here && guard.this_machine => {}
        "http" => return Err(NotSecure::NotSecure),
        _ => return Err(NotSecure::NotAUrl),
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(NotSecure::HoldsMore);
    }
    if let (Some(ip), Some(port)) = (written, url.port_or_known_default()) {
        guard.admit(&[SocketAddr::new(ip, port)], &[])?;
    }
    Ok(url)
}

fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str, guard: &Guard) -> Option<NotSecure> {
        url(text, guard).err()
    }

    #[test]
    fn https_goes_anywhere_and_http_stays_here() {
        let guard = Guard::default();
        for good in [
            "https://login.example.com/realms/acme",
            "https://10.1.2.3:8443",
            "http://localhost:8080/realms/acme",
            "http://127.0.0.1:8080",
            "http://[::1]:8080/",
        ] {
            assert_eq!(why(good, &guard), None, "{good}");
        }
        for (bad, expected) in [
            ("login.example.com", NotSecure::NotAUrl),
            ("file:///etc/passwd", NotSecure::NotAUrl),
            ("ftp://login.example.com", NotSecure::NotAUrl),
            ("http://login.example.com", NotSecure::NotSecure),
            ("http://localhost.example.com", NotSecure::NotSecure),
            ("http://10.1.2.3", NotSecure::NotSecure),
            ("https://ada:secret@login.example.com", NotSecure::HoldsMore),
            ("https://login.example.com/#there", NotSecure::HoldsMore),
        ] {
            assert_eq!(why(bad, &guard), Some(expected), "{bad}");
        }
        for bad in [
            "https://169.254.169.254/latest",
            "https://[fe80::1]/",
            "https://[::ffff:169.254.169.254]/",
            "https://0.0.0.0/",
            "https://[64:ff9b::7f00:1]/",
        ] {
            let denied = why(bad, &guard);
            assert!(
                matches!(denied, Some(NotSecure::Denied(Denied::Reserved(_)))),
                "{bad}: {denied:?}"
            );
        }
    }

    #[test]
    fn this_machine_is_for_installations_on_it() {
        let elsewhere = Guard {
            this_machine: false,
            ..Guard::default()
        };
        for here in [
            "https://localhost",
            "https://127.1",
            "https://[::1]",
            "https://a.localhost.",
        ] {
            let denied = why(here, &elsewhere);
            assert!(
                matches!(denied, Some(NotSecure::Denied(Denied::ThisMachine(_)))),
                "{here}: {denied:?}"
            );
        }
        let plain = why("http://localhost", &elsewhere);
        assert_eq!(plain, Some(NotSecure::NotSecure));
    }

    #[test]
    fn what_the_operator_rules_out_holds_for_it_too() {
        let public_only = Guard {
            private: false,
            ..Guard::default()
        };
        for private in ["http://localhost:8080", "https://10.1.2.3"] {
            let denied = why(private, &public_only);
            assert!(
                matches!(denied, Some(NotSecure::Denied(Denied::Private(_)))),
                "{private}: {denied:?}"
            );
        }
        let guard = Guard {
            denied: vec!["10.1.0.0/16".parse().unwrap()],
            ..Guard::default()
        };
        assert!(why("https://10.1.2.3", &guard).is_some());
        assert_eq!(why("https://10.2.2.3", &guard), None);
    }
}
