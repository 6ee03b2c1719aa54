//! From where and with what a request was sent, as a person recognises it.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;

use crate::proxies::ClientAddress;

/// Longer names of browsers say nothing more.
const MAX_DEVICE: usize = 300;

/// Both are empty where they are not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// Where the request came from, as far as that can be known.
    pub address: String,
    /// The `User-Agent`.
    pub device: String,
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let address = parts.extensions.get::<ClientAddress>();
        let device = parts.headers.get(USER_AGENT).and_then(|v| v.to_str().ok());
        Ok(Self {
            address: address
                .map(|address| address.0.to_string())
                .unwrap_or_default(),
            device: device
                .unwrap_or_default()
                .chars()
                .take(MAX_DEVICE)
                .collect(),
        })
    }
}
