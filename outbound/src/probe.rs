//! What tells that a monitoring server is well, kind by kind.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use http::{Method, Request, Response, StatusCode};
use serde_json::Value;

use crate::address::Address;
use crate::call::{Failed, Outbound};
use crate::credential::Credential;
use crate::trace::{Step, Trace};

const MOST_VERSION_CHARS: usize = 64;
const OTLP_PATHS: [&str; 3] = ["/v1/metrics", "/v1/logs", "/v1/traces"];

/// What stands behind an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Prometheus,
    Alertmanager,
    Grafana,
    Loki,
    Otlp,
}

impl Kind {
    pub const ALL: [Self; 5] = [
        Self::Prometheus,
        Self::Alertmanager,
        Self::Grafana,
        Self::Loki,
        Self::Otlp,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Alertmanager => "alertmanager",
            Self::Grafana => "grafana",
            Self::Loki => "loki",
            Self::Otlp => "otlp",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Whom to ask, and what to show.
#[derive(Debug, Clone)]
pub struct Server {
    pub kind: Kind,
    pub address: Address,
    pub credential: Option<Credential>,
    /// A certificate in PEM that is believed instead of the system's authorities.
    pub authority: Option<String>,
}

impl Server {
    /// From how it is kept: `sealed` is what the vault holds, opened.
    pub fn of(
        kind: &str,
        url: &str,
        sealed: Option<&[u8]>,
        authority: Option<String>,
    ) -> Result<Self, Trouble> {
        let unusable = || Trouble::new("credential_refused", "its credential cannot be read");
        Ok(Self {
            kind: Kind::parse(kind)
                .ok_or_else(|| Trouble::new("not_understood", "it is of no known kind"))?,
            address: Address::parse(url)
                .map_err(|e| Trouble::new("not_connected", format!("the address {e}")))?,
            credential: sealed
                .map(|sealed| serde_json::from_slice(sealed).map_err(|_| unusable()))
                .transpose()?,
            authority,
        })
    }
}

/// What was found out.
#[derive(Debug)]
pub struct Health {
    /// None: it is well.
    pub trouble: Option<Trouble>,
    pub version: Option<String>,
    /// From the first step to the end of the first answer.
    pub took: Duration,
    pub steps: Vec<Step>,
}

/// Why a server is not well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Stable, for programs; one of [`TROUBLES`].
    pub kind: &'static str,
    pub detail: String,
}

/// Everything that [`Trouble::kind`] can be.
pub const TROUBLES: [&str; 11] = [
    "address_refused",
    "name_not_resolved",
    "not_connected",
    "tls_failed",
    "too_late",
    "credential_refused",
    "not_ready",
    "redirected",
    "http_status",
    "not_understood",
    "too_large",
];

impl Health {
    /// Nothing could be asked.
    pub fn unasked(trouble: Trouble) -> Self {
        Self {
            trouble: Some(trouble),
            version: None,
            took: Duration::ZERO,
            steps: Vec::new(),
        }
    }
}

impl Trouble {
    pub fn new(kind: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }
}

impl From<Failed> for Trouble {
    fn from(failed: Failed) -> Self {
        let kind = match &failed {
            Failed::Denied(_) => "address_refused",
            Failed::Unresolved(_) => "name_not_resolved",
            Failed::Unconnected(_) | Failed::NotARequest(_) => "not_connected",
            Failed::Tls(_) | Failed::Certificate(_) => "tls_failed",
            Failed::TooLate(..) => "too_late",
            Failed::NotHttp(_) | Failed::Broken(_) => "not_understood",
            Failed::TooLarge(_) => "too_large",
            Failed::Redirected(_) => "redirected",
        };
        Self::new(kind, failed.to_string())
    }
}

/// Asks once. Takes no longer than two calls may.
pub async fn probe(outbound: &Outbound, server: &Server) -> Health {
    let began = tokio::time::Instant::now();
    let mut asking = Asking {
        outbound,
        server,
        trace: Trace::default(),
        took: None,
    };
    let found = asking.ask().await;
    let took = asking.took.unwrap_or_else(|| began.elapsed());
    let (trouble, version) = match found {
        Ok(version) => (None, version),
        Err(trouble) => (Some(trouble), None),
    };
    Health {
        trouble,
        version,
        took,
        steps: asking.trace.into_steps(),
    }
}

struct Asking<'a> {
    outbound: &'a Outbound,
    server: &'a Server,
    trace: Trace,
    /// Until the first answer was there.
    took: Option<Duration>,
}

type Version = Option<String>;

impl Asking<'_> {
    async fn ask(&mut self) -> Result<Version, Trouble> {
        match self.server.kind {
            Kind::Prometheus => {
                self.ready("/-/ready").await?;
                let path = "/api/v1/status/buildinfo";
                self.version(path, "/data/version").await
            }
            Kind::Alertmanager => {
                let answer = self.get("/api/v2/status").await?;
                let status = json(&well(answer)?)?;
                self.found(&status, "/versionInfo/version")
            }
            Kind::Grafana => self.grafana().await,
            Kind::Loki => {
                self.ready("/ready").await?;
                self.version("/loki/api/v1/status/buildinfo", "/version")
                    .await
            }
            Kind::Otlp => self.otlp().await,
        }
    }

    /// Some that speak the protocol have no such path; then the version tells.
    async fn ready(&mut self, path: &str) -> Result<(), Trouble> {
        let answer = self.get(path).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(()),
            _ => well(answer).map(drop),
        }
    }

    async fn version(&mut self, path: &str, pointer: &str) -> Result<Version, Trouble> {
        let answer = self.get(path).await?;
        let build = json(&well(answer)?)?;
        self.found(&build, pointer)
    }

    /// Its health is open to everybody, so the credential is shown where it counts.
    async fn grafana(&mut self) -> Result<Version, Trouble> {
        let answer = self.get("/api/health").await?;
        let health = json(&well(answer)?)?;
        if health["database"] != "ok" {
            return Err(Trouble::new("not_ready", "its database is not well"));
        }
        let version = self.found(&health, "/version")?;
        if self.server.credential.is_some() {
            let answer = self.get("/api/org").await?;
            let status = answer.status();
            if let Some(refused) = refused(status) {
                self.trace.failed("credential", status.to_string());
                return Err(refused);
            }
            self.trace.done("credential", "accepted");
        }
        Ok(version)
    }

    /// An export of nothing: what takes it would take something.
    async fn otlp(&mut self) -> Result<Version, Trouble> {
        let path = self.server.address.path();
        let path = match OTLP_PATHS.iter().any(|known| path.ends_with(known)) {
            true => "",
            false => OTLP_PATHS[0],
        };
        let protobuf = HeaderValue::from_static("application/x-protobuf");
        let answer = self.send(Method::POST, path, Some(protobuf)).await?;
        well(answer)?;
        Ok(None)
    }

    fn found(&mut self, answer: &Value, pointer: &str) -> Result<Version, Trouble> {
        let version = answer.pointer(pointer).and_then(Value::as_str);
        let Some(version) = version.filter(|text| is_version(text)) else {
            let detail = format!("the answer is not that of a {}", self.server.kind.name());
            self.trace.failed("version", detail.clone());
            return Err(Trouble::new("not_understood", detail));
        };
        self.trace.done("version", version);
        Ok(Some(version.to_owned()))
    }

    async fn get(&mut self, path: &str) -> Result<Response<Bytes>, Trouble> {
        self.send(Method::GET, path, None).await
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        content: Option<HeaderValue>,
    ) -> Result<Response<Bytes>, Trouble> {
        let request = self.request(method, path, content)?;
        let authority = self.server.authority.as_deref();
        let began = tokio::time::Instant::now();
        let called = self
            .outbound
            .call(request, authority, &mut self.trace)
            .await;
        self.took.get_or_insert_with(|| began.elapsed());
        Ok(called?)
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        content: Option<HeaderValue>,
    ) -> Result<Request<Bytes>, Trouble> {
        let unusable = |what: String| Trouble::new("credential_refused", what);
        let mut headers = match &self.server.credential {
            Some(credential) => credential.headers().map_err(|e| unusable(e.to_string()))?,
            None => HeaderMap::new(),
        };
        headers.insert(USER_AGENT, HeaderValue::from_static("sre-copilot"));
        headers.extend(content.map(|kind| (CONTENT_TYPE, kind)));
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = method;
        *request.uri_mut() = self
            .server
            .address
            .below(path)
            .parse()
            .map_err(|e: http::uri::InvalidUri| Trouble::new("not_connected", e.to_string()))?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// The answer, where it is one of somebody who is well.
fn well(answer: Response<Bytes>) -> Result<Response<Bytes>, Trouble> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    if let Some(refused) = refused(status) {
        return Err(refused);
    }
    let kind = match status {
        StatusCode::SERVICE_UNAVAILABLE => "not_ready",
        _ => "http_status",
    };
    Err(Trouble::new(kind, format!("it answered {status}")))
}

fn refused(status: StatusCode) -> Option<Trouble> {
    let detail = format!("it answered {status}: the credential is missing or not accepted");
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
        .then(|| Trouble::new("credential_refused", detail))
}

fn json(answer: &Response<Bytes>) -> Result<Value, Trouble> {
    serde_json::from_slice(answer.body())
        .map_err(|_| Trouble::new("not_understood", "the answer is not JSON"))
}

/// What is shown of an answer is no more than a version can be.
fn is_version(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+-~:".contains(c);
    (1..=MOST_VERSION_CHARS).contains(&text.len()) && text.chars().all(plain)
}
