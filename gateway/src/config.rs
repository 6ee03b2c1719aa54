//! What the gateway is told at start. Only `server` reads the environment.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use access::telemetry_limits::Allowance;
use axum::http::Uri;
use outbound::Network;
pub use promql::budget::Budget;
use promql::budget::Share;

/// Who may make a new tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    Open,
    /// Only while there is no account.
    First,
    Closed,
}

impl Registration {
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "open" => Some(Self::Open),
            "first" => Some(Self::First),
            "closed" => Some(Self::Closed),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Config {
    /// Where browsers reach this installation, for instance `https://sre.example`.
    pub public_url: PublicUrl,
    pub registration: Registration,
    /// Pages of other sites that may use the API; each an origin.
    pub cors_origins: Vec<String>,
    /// Whose word is taken for where a request came from.
    pub trusted_proxies: Vec<Network>,
    /// Whether a worker of this installation sends mail.
    pub mail: bool,
    /// How long a request waits for the outcome of its command.
    pub outcome_wait: Duration,
    /// How long it then waits for the read model that it answers from.
    pub read_wait: Duration,
    /// How long whoever declares an incident waits for its number.
    pub number_wait: Duration,
    /// The file that lists what was erased; None where none is kept.
    pub erased: Option<PathBuf>,
    /// How long a tenant goes on after its erasure was asked for.
    pub tenant_erasure_grace: Duration,
    /// When a session is over after its sign-in, however often it was carried on.
    pub session_lifetime: Duration,
    /// What tenants may send; ingest is told the same.
    pub telemetry: Allowance,
    /// What queries may hold together; stores of metrics are told the same. None = anything.
    pub query_memory: Option<Arc<Budget>>,
}

impl Config {
    pub fn new(public_url: PublicUrl) -> Self {
        Self {
            public_url,
            registration: Registration::Open,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            mail: false,
            outcome_wait: Duration::from_secs(5),
            read_wait: Duration::from_secs(2),
            number_wait: Duration::from_secs(2),
            erased: None,
            tenant_erasure_grace: Duration::from_secs(7 * 86_400),
            session_lifetime: Duration::from_secs(30 * 86_400),
            telemetry: Allowance::default(),
            query_memory: None,
        }
    }

    /// For one query, which holds nothing yet.
    pub(crate) fn share(&self) -> Arc<Share> {
        let budget = self.query_memory.as_ref();
        budget.map(Budget::share).unwrap_or_default()
    }
}

/// An http or https URL without path: an origin (RFC 6454).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    host: String,
    secure: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an http(s) URL without a path")]
pub struct NotAnOrigin(String);

impl PublicUrl {
    pub fn parse(text: &str) -> Result<Self, NotAnOrigin> {
        let wrong = || NotAnOrigin(text.to_owned());
        let uri: Uri = text.trim_end_matches('/').parse().map_err(|_| wrong())?;
        let scheme = uri.scheme_str().ok_or_else(wrong)?;
        let authority = uri.authority().ok_or_else(wrong)?;
        if !matches!(scheme, "http" | "https") || uri.path() != "/" || uri.query().is_some() {
            return Err(wrong());
        }
        Ok(Self {
            origin: format!("{scheme}://{authority}").to_ascii_lowercase(),
            host: uri.host().unwrap_or_default().to_ascii_lowercase(),
            secure: scheme == "https",
        })
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether cookies can be bound to https.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// Whether a page of `origin` belongs to this installation. On loopback the
    /// browser may have used another name of this machine, so there an origin also
    /// counts that is the very host the request was sent to.
    pub fn accepts(&self, origin: &str, host: Option<&str>) -> bool {
        let origin = origin.to_ascii_lowercase();
        if origin == self.origin {
            return true;
        }
        let Some(authority) = origin.strip_prefix("http://") else {
            return false;
        };
        let name = authority
            .rsplit_once(':')
            .map_or(authority, |(name, _)| name);
        self.is_loopback() && is_loopback(name) && host == Some(authority)
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_origins() {
        let url = PublicUrl::parse("https://SRE.example/").unwrap();
        assert_eq!(url.origin(), "https://sre.example");
        assert!(url.is_secure() && !url.is_loopback());
        for wrong in ["sre.example", "ftp://a", "http://a/b", ""] {
            assert!(PublicUrl::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn loopback_answers_to_its_names_and_to_no_other_port() {
        let url = PublicUrl::parse("http://localhost:8580").unwrap();
        assert!(url.accepts("http://localhost:8580", None));
        assert!(url.accepts("http://127.0.0.1:8580", Some("127.0.0.1:8580")));
        assert!(!url.accepts("http://127.0.0.1:9999", Some("127.0.0.1:8580")));
        assert!(!url.accepts("http://evil.example", Some("evil.example")));
        assert!(!url.accepts("null", None));
    }

    #[test]
    fn a_public_name_answers_to_itself_only() {
        let url = PublicUrl::parse("https://sre.example").unwrap();
        assert!(url.accepts("https://sre.example", None));
        assert!(!url.accepts("http://localhost", Some("localhost")));
    }
}
