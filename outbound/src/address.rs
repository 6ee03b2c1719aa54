//! The address of somebody's server, as it may be written into the log.

use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

const MOST_CHARS: usize = 2_000;

/// An http or https URL that says where a server is, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Url);

/// Why a text is no such address; never the text itself, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAddress {
    #[error("must be an http or https address")]
    NotHttp,
    #[error("must not hold a user name or password: give them as the credential")]
    HasLogin,
    #[error("must not have a query or fragment")]
    HasQuery,
    #[error("must have at most {MOST_CHARS} characters")]
    TooLong,
}

impl Address {
    pub fn parse(text: &str) -> Result<Self, NotAnAddress> {
        let text = text.trim();
        if text.chars().count() > MOST_CHARS {
            return Err(NotAnAddress::TooLong);
        }
        let url = Url::parse(text).map_err(|_| NotAnAddress::NotHttp)?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(NotAnAddress::NotHttp);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(NotAnAddress::HasLogin);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(NotAnAddress::HasQuery);
        }
        Ok(Self(url))
    }

    /// As it is written, without a slash at its end.
    pub fn text(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The path below the host, without a slash at its end.
    pub fn path(&self) -> &str {
        self.0.path().trim_end_matches('/')
    }

    /// Where it is, if it is written as a number.
    pub fn ip(&self) -> Option<SocketAddr> {
        let ip = match self.0.host()? {
            Host::Ipv4(ip) => IpAddr::V4(ip),
            Host::Ipv6(ip) => IpAddr::V6(ip),
            Host::Domain(_) => return None,
        };
        Some(SocketAddr::new(ip, self.0.port_or_known_default()?))
    }

    /// A path below this address.
    pub fn below(&self, path: &str) -> String {
        format!("{}{path}", self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_where_and_nothing_else() {
        for (text, read) in [
            ("http://localhost:9090", "http://localhost:9090"),
            (
                " https://Prometheus.example/a/ ",
                "https://prometheus.example/a",
            ),
            ("http://[::1]:9090/", "http://[::1]:9090"),
            // However the number is written, it is the same machine.
            ("http://0x7f.1:80/", "http://127.0.0.1"),
        ] {
            assert_eq!(Address::parse(text).unwrap().text(), read);
        }
        let below = Address::parse("http://a/b/").unwrap().below("/-/ready");
        assert_eq!(below, "http://a/b/-/ready");
        for (text, why) in [
            ("ftp://a", NotAnAddress::NotHttp),
            ("file:///etc/passwd", NotAnAddress::NotHttp),
            ("gopher", NotAnAddress::NotHttp),
            ("", NotAnAddress::NotHttp),
            ("http://ada:secret@a", NotAnAddress::HasLogin),
            ("http://ada@a", NotAnAddress::HasLogin),
            ("http://a/?token=secret", NotAnAddress::HasQuery),
            ("http://a/#x", NotAnAddress::HasQuery),
        ] {
            assert_eq!(Address::parse(text), Err(why), "{text}");
        }
        let long = format!("http://a/{}", "x".repeat(MOST_CHARS));
        assert_eq!(Address::parse(&long), Err(NotAnAddress::TooLong));
    }
}
