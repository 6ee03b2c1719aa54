//! Lines to providers: a few calls at the same time on each, with what [`outbound`] lets
//! nobody do, and over TLS wherever a line leaves this machine.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{HeaderValue, USER_AGENT};
use axum::http::{Request, Response};
use bytes::Bytes;
use futures::future::BoxFuture;
use openidconnect::{AsyncHttpClient, DiscoveryError, IssuerUrl};
use outbound::{Failed, Limits, NotSecure, Outbound, Trace};
use tokio::sync::Semaphore;

use super::provider::Metadata;

/// Calls at the same time; more wait within their own time.
const AT_ONCE: usize = 256;
/// Calls to one provider at the same time, so that a slow one keeps nobody else waiting.
const OF_ONE: usize = 8;
const WAIT: Duration = Duration::from_secs(5);
const TOTAL: Duration = Duration::from_secs(8);
const LIMITS: Limits = Limits {
    reach: Duration::from_secs(3),
    answer: TOTAL,
    // Key sets of large providers have some ten kilobytes.
    answer_bytes: 512 << 10,
};
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("sre-copilot/", env!("CARGO_PKG_VERSION")));

/// Why there is no answer. Texts are for the operator's log and for whoever set the
/// address; they hold no part of an answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error("the address {0}")]
    NotSecure(#[from] NotSecure),
    #[error("there was no answer within {} seconds", TOTAL.as_secs())]
    TimedOut,
    #[error(transparent)]
    Failed(#[from] Failed),
}

/// All of them.
pub(super) struct Lines {
    outbound: Outbound,
    turns: Arc<Semaphore>,
}

/// One provider's; clones share its turns.
#[derive(Clone)]
pub(super) struct Line {
    outbound: Outbound,
    all: Arc<Semaphore>,
    own: Arc<Semaphore>,
}

impl Lines {
    pub(super) fn new(outbound: Outbound) -> Self {
        Self {
            outbound: outbound.within(LIMITS),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Whether the text says an address that may be called, or a browser be led to.
    pub(super) fn admit(&self, text: &str) -> Result<(), NotSecure> {
        self.outbound.secure(text).map(drop)
    }

    pub(super) fn fresh(&self) -> Line {
        Line {
            outbound: self.outbound.clone(),
            all: self.turns.clone(),
            own: Arc::new(Semaphore::new(OF_ONE)),
        }
    }
}

impl Line {
    /// Boxed, because the compiler cannot tell of the crate's own future that it is
    /// `Send` whatever it borrows; so are the other calls.
    pub(super) fn discover(
        self,
        issuer: IssuerUrl,
    ) -> BoxFuture<'static, Result<Metadata, DiscoveryError<CallError>>> {
        Box::pin(async move { Metadata::discover_async(issuer, &self).await })
    }

    async fn ask(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, CallError> {
        let turn = tokio::time::timeout(WAIT, self.own.acquire()).await;
        let _turn = turn.map_err(|_| CallError::TimedOut)?;
        self.outbound.secure(&request.uri().to_string())?;
        let mut request = request.map(Bytes::from);
        request.headers_mut().insert(USER_AGENT, AGENT);
        let answering = async {
            let _turn = self.all.acquire().await;
            self.outbound
                .call(request, None, &mut Trace::default())
                .await
        };
        let answer = tokio::time::timeout(TOTAL, answering).await;
        Ok(answer.map_err(|_| CallError::TimedOut)??.map(Vec::from))
    }
}

impl<'c> AsyncHttpClient<'c> for Line {
    type Error = CallError;
    type Future = BoxFuture<'c, Result<Response<Vec<u8>>, CallError>>;

    fn call(&'c self, request: Request<Vec<u8>>) -> Self::Future {
        Box::pin(self.ask(request))
    }
}
