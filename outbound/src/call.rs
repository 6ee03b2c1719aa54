//! One request to somebody's server: resolve, look at the addresses, connect to one of
//! them, TLS, ask, read a bounded answer. Each step is told to a [`Trace`].

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{HOST, HeaderValue};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::address::Address;
use crate::guard::{Denied, Guard};
use crate::resolve::{Resolve, System};
use crate::secure::{self, NotSecure};
use crate::tls;
use crate::trace::Trace;

/// The largest head of an answer, in bytes.
const HEAD_BYTES: usize = 32 << 10;
/// Of all addresses of a name, so many are tried and told. A name can lead to thousands
/// that do not answer: trying them all would take hours, in a turn that others wait for,
/// and tell of each whether somebody is there.
const MOST_ADDRESSES: usize = 4;

/// How much a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For each of resolving, connecting and TLS.
    pub reach: Duration,
    /// From the request to the end of the answer.
    pub answer: Duration,
    /// The largest body of an answer.
    pub answer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reach: Duration::from_secs(5),
            answer: Duration::from_secs(10),
            answer_bytes: 256 << 10,
        }
    }
}

/// Why there is no answer. Texts hold nothing that the other side sent but its status.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error("the request is none: {0}")]
    NotARequest(String),
    #[error("the name cannot be resolved: {0}")]
    Unresolved(io::Error),
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("the server cannot be reached: {0}")]
    Unconnected(io::Error),
    #[error("no TLS: {0}")]
    Tls(io::Error),
    #[error("the given certificate {0}")]
    Certificate(#[from] tls::NotACertificate),
    #[error("nothing came within {0:?} while {1}")]
    TooLate(Duration, &'static str),
    #[error("the answer is not HTTP: {0}")]
    NotHttp(hyper::Error),
    #[error("the answer ended early: {0}")]
    Broken(hyper::Error),
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    #[error(
        "it redirects ({0}), and redirects are not followed: give the address that it leads to"
    )]
    Redirected(StatusCode),
}

/// Calls other people's servers.
#[derive(Clone)]
pub struct Outbound {
    guard: Arc<Guard>,
    resolve: Arc<dyn Resolve>,
    tls: Arc<ClientConfig>,
    limits: Limits,
}

impl Outbound {
    pub fn new(guard: Guard) -> Self {
        Self::with(guard, Arc::new(System), Limits::default())
    }

    pub fn with(guard: Guard, resolve: Arc<dyn Resolve>, limits: Limits) -> Self {
        Self {
            guard: Arc::new(guard),
            resolve,
            tls: tls::system(),
            limits,
        }
    }

    /// The same calls within other limits.
    pub fn within(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same calls, and none to this machine.
    pub fn beyond_this_machine(mut self) -> Self {
        self.guard = Arc::new(Guard {
            this_machine: false,
            ..Guard::clone(&self.guard)
        });
        self
    }

    /// The URL, if secrets may be sent there and browsers be led there, as far as its
    /// text says. Its name is looked at when it is called.
    pub fn secure(&self, text: &str) -> Result<Url, NotSecure> {
        secure::url(text, &self.guard)
    }

    /// Whether an address that is written as a number may be reached. Names are looked
    /// at when they are called.
    pub fn admits(&self, address: &Address) -> Result<(), Denied> {
        match address.ip() {
            Some(at) => self.guard.admit(&[at], &[]),
            None => Ok(()),
        }
    }

    /// Sends `request`, which names its whole http or https address. `authority` is a
    /// certificate in PEM that is believed instead of the system's.
    pub async fn call(
        &self,
        request: Request<Bytes>,
        authority: Option<&str>,
        trace: &mut Trace,
    ) -> Result<Response<Bytes>, Failed> {
        let target = Target::of(request.uri())?;
        let addresses = self.resolve(&target, trace).await?;
        let stream = self.connect(&addresses, trace).await?;
        let request = target.relative(request)?;
        if !target.secure {
            return self.ask(stream, request, trace).await;
        }
        let stream = self.encrypt(&target, stream, authority, trace).await?;
        self.ask(stream, request, trace).await
    }

    async fn resolve(&self, target: &Target, trace: &mut Trace) -> Result<Vec<SocketAddr>, Failed> {
        let found = self.addresses(target).await;
        match &found {
            Ok(addresses) => trace.done("resolve", listed(addresses)),
            Err(failed) => trace.failed("resolve", failed.to_string()),
        }
        found
    }

    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, Failed> {
        let found = match target.host.parse::<IpAddr>() {
            Ok(ip) => vec![SocketAddr::new(ip, target.port)],
            Err(_) => {
                let found = self.resolve.resolve(&target.host, target.port);
                self.reach(found, "resolving the name")
                    .await?
                    .map_err(Failed::Unresolved)?
            }
        };
        let own = self.own_servers(target.port).await;
        self.guard.admit(&found, &own)?;
        Ok(found)
    }

    /// Where this installation keeps its data, as far as it listens on that port.
    async fn own_servers(&self, port: u16) -> Vec<SocketAddr> {
        let mut own = Vec::new();
        for (host, at) in self.guard.own_servers.iter().filter(|(_, at)| *at == port) {
            let found = timeout(self.limits.reach, self.resolve.resolve(host, *at)).await;
            own.extend(found.ok().and_then(Result::ok).unwrap_or_default());
        }
        own
    }

    async fn connect(
        &self,
        addresses: &[SocketAddr],
        trace: &mut Trace,
    ) -> Result<TcpStream, Failed> {
        let mut failed = Failed::Denied(Denied::Nowhere);
        for address in addresses.iter().take(MOST_ADDRESSES) {
            let reached = self.reach(TcpStream::connect(address), "connecting").await;
            match reached.and_then(|connected| connected.map_err(Failed::Unconnected)) {
                Ok(stream) => {
                    trace.done("connect", address.to_string());
                    return Ok(stream);
                }
                Err(why) => {
                    trace.failed("connect", format!("{address}: {why}"));
                    failed = why;
                }
            }
        }
        Err(failed)
    }

    async fn encrypt(
        &self,
        target: &Target,
        stream: TcpStream,
        authority: Option<&str>,
        trace: &mut Trace,
    ) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static, Failed> {
        let config = match authority {
            Some(pem) => tls::only(pem)?,
            None => self.tls.clone(),
        };
        let name = ServerName::try_from(target.host.clone())
            .map_err(|e| Failed::NotARequest(e.to_string()))?;
        let shaken = TlsConnector::from(config).connect(name, stream);
        let shaken = self.reach(shaken, "shaking hands").await;
        let shaken = shaken.and_then(|shaken| shaken.map_err(Failed::Tls));
        match &shaken {
            Ok(stream) => {
                let version = stream.get_ref().1.protocol_version();
                let version = version.map(|version| format!("{version:?}"));
                trace.done("tls", version.unwrap_or_default());
            }
            Err(failed) => trace.failed("tls", failed.to_string()),
        }
        shaken
    }

    async fn ask(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        request: Request<Full<Bytes>>,
        trace: &mut Trace,
    ) -> Result<Response<Bytes>, Failed> {
        let what = format!("{} {}", request.method(), request.uri().path());
        let late = || Failed::TooLate(self.limits.answer, "waiting for the answer");
        let asked = timeout(self.limits.answer, exchange(stream, request, self.limits));
        let answer = asked.await.unwrap_or_else(|_| Err(late()));
        match &answer {
            Ok(answer) => trace.done("request", format!("{what}: {}", answer.status())),
            Err(failed) => trace.failed("request", format!("{what}: {failed}")),
        }
        answer
    }

    async fn reach<T>(
        &self,
        doing: impl Future<Output = T>,
        what: &'static str,
    ) -> Result<T, Failed> {
        let limit = self.limits.reach;
        timeout(limit, doing)
            .await
            .map_err(|_| Failed::TooLate(limit, what))
    }
}

/// The connection ends with this future, whatever the other side still wants to send.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
    limits: Limits,
) -> Result<Response<Bytes>, Failed> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES).max_headers(100);
    let shaken = builder.handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(Failed::NotHttp)?;
    let answering = async {
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(Failed::NotHttp)?;
        if answer.status().is_redirection() {
            return Err(Failed::Redirected(answer.status()));
        }
        let (head, body) = answer.into_parts();
        let body = bounded(body, limits.answer_bytes).await?;
        Ok(Response::from_parts(head, body))
    };
    let driving = async {
        // How the connection ended is what the answer says, too.
        connection.await.ok();
        std::future::pending().await
    };
    tokio::select! {
        answer = answering => answer,
        never = driving => never,
    }
}

async fn bounded(mut body: Incoming, most: usize) -> Result<Bytes, Failed> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(Failed::Broken)?.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > most {
            return Err(Failed::TooLarge(most));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// Where a request goes.
struct Target {
    secure: bool,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    authority: String,
}

impl Target {
    fn of(uri: &Uri) -> Result<Self, Failed> {
        let wrong = |why: &str| Failed::NotARequest(why.to_owned());
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("only http and https are spoken")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("its address holds a login"));
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority
            .port_u16()
            .unwrap_or(if secure { 443 } else { 80 });
        Ok(Self {
            secure,
            host,
            port,
            authority: authority.as_str().to_owned(),
        })
    }

    /// The request as it is sent to the host itself (RFC 9112 section 3.2.1).
    fn relative(&self, request: Request<Bytes>) -> Result<Request<Full<Bytes>>, Failed> {
        let wrong = |why: String| Failed::NotARequest(why);
        let (mut head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        head.uri = path
            .parse()
            .map_err(|e: http::uri::InvalidUri| wrong(e.to_string()))?;
        let host = HeaderValue::from_str(&self.authority).map_err(|e| wrong(e.to_string()))?;
        head.headers.insert(HOST, host);
        Ok(Request::from_parts(head, Full::new(body)))
    }
}

fn listed(addresses: &[SocketAddr]) -> String {
    let ips: Vec<_> = addresses
        .iter()
        .take(MOST_ADDRESSES)
        .map(|address| address.ip().to_string())
        .collect();
    let told = ips.join(", ");
    match addresses.len() - ips.len() {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}
