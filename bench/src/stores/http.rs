//! One connection to one store.

use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use reqwest::header::RETRY_AFTER;
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::time::sleep;

use super::Signal;

/// A store that is behind is asked again so often, a second apart or as it says.
const TRIES: usize = 600;

#[derive(Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Http {
    pub(super) fn new(base: String) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .pool_max_idle_per_host(1)
            .build()?;
        Ok(Self {
            client,
            base,
            token: None,
        })
    }

    pub(super) fn with_token(&self, token: String) -> Self {
        Self {
            token: Some(token),
            ..self.clone()
        }
    }

    pub(super) async fn write(
        &self,
        path: &str,
        signal: Signal,
        body: Bytes,
    ) -> anyhow::Result<()> {
        for _ in 0..TRIES {
            let answer = self.send(path, signal, body.clone()).await?;
            let status = answer.status();
            if status != StatusCode::SERVICE_UNAVAILABLE && status != StatusCode::TOO_MANY_REQUESTS
            {
                ensure!(status.is_success(), "{status}: {}", answer.text().await?);
                return Ok(());
            }
            let wait = answer.headers().get(RETRY_AFTER);
            let wait = wait.and_then(|wait| wait.to_str().ok()?.parse().ok());
            sleep(Duration::from_secs(wait.unwrap_or(1))).await;
        }
        anyhow::bail!("{path}: not taken after {TRIES} tries")
    }

    /// The answer to one try, whatever it is.
    pub(super) async fn send(
        &self,
        path: &str,
        signal: Signal,
        body: Bytes,
    ) -> reqwest::Result<Response> {
        let request = self
            .request(reqwest::Method::POST, path)
            .header("content-type", "application/x-protobuf");
        let request = match signal {
            Signal::Metrics => request
                .header("content-encoding", "snappy")
                .header("x-prometheus-remote-write-version", "0.1.0"),
            Signal::Logs | Signal::Spans => request.header("content-encoding", "zstd"),
        };
        request.body(body).send().await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.request(reqwest::Method::POST, path).json(body);
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "{path}: {status}: {text}");
        serde_json::from_str(&text).with_context(|| format!("{path}: {text}"))
    }

    /// The bytes of an answer.
    pub(super) async fn get(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> anyhow::Result<Vec<u8>> {
        let query = serde_urlencoded::to_string(query)?;
        let request = self.request(reqwest::Method::GET, &format!("{path}?{query}"));
        let answer = request.send().await?;
        let status = answer.status();
        let bytes = answer.bytes().await?;
        ensure!(
            status.is_success(),
            "{path}?{query}: {status}: {}",
            String::from_utf8_lossy(&bytes)
        );
        Ok(bytes.into())
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}
