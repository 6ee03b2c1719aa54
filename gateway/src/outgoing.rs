//! Calls to addresses that somebody typed in: bounded in time and size, without
//! redirects or proxies, and only to where [`protocols::outgoing`] lets them go, asked
//! of the URL and again of every address that its name resolves to.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http;
use protocols::outgoing::{self, Loopback, NotCalled};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use tokio::sync::Semaphore;

const CONNECT: Duration = Duration::from_secs(3);
const TOTAL: Duration = Duration::from_secs(8);
/// Of an answer; key sets of large providers have some ten kilobytes.
const MAX_BYTES: usize = 512 * 1024;
/// Calls at the same time; more wait within their own time.
const AT_ONCE: usize = 256;

/// Why there is no answer. Texts are for the operator's log and for whoever set the
/// address; they hold no part of an answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("the address {0}")]
    NotCalled(#[from] NotCalled),
    #[error("there was no answer within {} seconds", TOTAL.as_secs())]
    TimedOut,
    #[error("the server cannot be reached ({0})")]
    Unreachable(String),
    #[error("the answer is larger than {} KiB", MAX_BYTES / 1024)]
    TooLarge,
    #[error("the request cannot be sent")]
    Malformed,
    #[error("no certificates can be checked on this machine ({0})")]
    NotReady(String),
}

/// Makes the calls; one a gateway.
pub struct Outgoing {
    /// Made at the first call: a machine without certificates of authorities runs
    /// everything else.
    client: OnceLock<Result<reqwest::Client, String>>,
    loopback: Loopback,
    turns: Semaphore,
}

impl Outgoing {
    pub fn new(loopback: Loopback) -> Self {
        Self {
            client: OnceLock::new(),
            loopback,
            turns: Semaphore::new(AT_ONCE),
        }
    }

    /// The URL, if it may be called or a browser be sent to it.
    pub fn url(&self, text: &str) -> Result<url::Url, NotCalled> {
        outgoing::url(text, self.loopback)
    }

    /// Sends `request` and reads the whole answer.
    pub async fn call(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, CallError> {
        self.url(&request.uri().to_string())?;
        let request = reqwest::Request::try_from(request).map_err(|_| CallError::Malformed)?;
        let called = tokio::time::timeout(TOTAL, self.answer(request)).await;
        called.map_err(|_| CallError::TimedOut)?
    }

    async fn answer(
        &self,
        request: reqwest::Request,
    ) -> Result<http::Response<Vec<u8>>, CallError> {
        let _turn = self
            .turns
            .acquire()
            .await
            .map_err(|_| CallError::TimedOut)?;
        let client = self.client.get_or_init(|| client(self.loopback)).as_ref();
        let client = client.map_err(|why| CallError::NotReady(why.clone()))?;
        let mut answer = client.execute(request).await.map_err(unreachable)?;
        let mut told = http::Response::builder().status(answer.status());
        if let Some(headers) = told.headers_mut() {
            headers.clone_from(answer.headers());
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(CallError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        told.body(body).map_err(|_| CallError::Malformed)
    }
}

fn client(loopback: Loopback) -> Result<reqwest::Client, String> {
    // The one that the whole program uses; whoever was first has installed it.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    reqwest::Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(2)
        .user_agent(concat!("sre-copilot/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(Arc::new(Guarded(loopback)) as Arc<dyn Resolve>)
        .build()
        .map_err(|error| innermost(&error))
}

/// The innermost reason says most: refused, unknown name, unknown certificate.
fn unreachable(error: reqwest::Error) -> CallError {
    if error.is_timeout() {
        return CallError::TimedOut;
    }
    CallError::Unreachable(innermost(&error))
}

fn innermost(error: &reqwest::Error) -> String {
    let mut reason: &dyn std::error::Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    reason.to_string()
}

/// The system's resolver without the addresses that are not called.
struct Guarded(Loopback);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let loopback = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found
                .filter(|address| outgoing::address_allowed(address.ip(), loopback))
                .collect();
            match allowed.is_empty() {
                true => Err(NotCalled::Forbidden.into()),
                false => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}
