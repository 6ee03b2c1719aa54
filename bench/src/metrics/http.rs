//! One connection to one store.

use anyhow::{Context, ensure};
use bytes::Bytes;
use serde_json::Value;

#[derive(Clone)]
pub(super) struct Http {
    client: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Http {
    pub(super) fn new(base: String) -> anyhow::Result<Self> {
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
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

    pub(super) async fn write(&self, path: &str, body: Bytes) -> anyhow::Result<()> {
        let request = self
            .request(reqwest::Method::POST, path)
            .header("content-type", "application/x-protobuf")
            .header("content-encoding", "snappy")
            .header("x-prometheus-remote-write-version", "0.1.0")
            .body(body);
        let answer = request.send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "{status}: {}", answer.text().await?);
        Ok(())
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
