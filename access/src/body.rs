//! Request bodies within bounds, both as sent and as decompressed.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use protocols::compression::{self, Unpacked};

pub use protocols::compression::Encoding;

/// How long a body may take, from its first byte that is asked for to its last. A limit
/// for each piece would let a client hold a connection with a byte now and then.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much of a body is read, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// As it comes over the wire.
    pub wire: usize,
    /// After decompression, so that a small body cannot fill the memory.
    pub decoded: usize,
}

/// Why a body was not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// 413.
    #[error("the body is over the limit of {limit} bytes")]
    TooLarge { limit: usize },
    /// 408.
    #[error("the body had not come after {} seconds", .0.as_secs())]
    TooSlow(Duration),
    /// 415.
    #[error("content encoding `{0}` is not supported here")]
    UnsupportedEncoding(String),
    /// 400.
    #[error("the body does not decompress as {}: {detail}", encoding.name())]
    Undecodable { encoding: Encoding, detail: String },
    /// The client went away, or sent nonsense framing. 400.
    #[error("the body could not be read: {0}")]
    Unreadable(String),
}

impl From<Unpacked> for BodyError {
    fn from(error: Unpacked) -> Self {
        match error {
            Unpacked::TooLarge { limit, .. } => Self::TooLarge { limit },
            Unpacked::Undecodable { encoding, detail } => Self::Undecodable { encoding, detail },
        }
    }
}

/// What `Content-Encoding` says; none = not compressed.
pub fn encoding(headers: &HeaderMap) -> Result<Encoding, BodyError> {
    let Some(value) = headers.get(CONTENT_ENCODING) else {
        return Ok(Encoding::Identity);
    };
    let name = value.to_str().unwrap_or("?");
    Encoding::parse(name).ok_or_else(|| BodyError::UnsupportedEncoding(name.to_owned()))
}

/// Reads a body as it was sent, at most `limit` bytes. A declared length over the
/// limit is refused before anything is read.
pub async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limit as u64) {
        return Err(BodyError::TooLarge { limit });
    }
    within(PATIENCE, whole(body, limit)).await
}

async fn within<T>(
    patience: Duration,
    read: impl Future<Output = Result<T, BodyError>>,
) -> Result<T, BodyError> {
    let read = tokio::time::timeout(patience, read).await;
    read.unwrap_or(Err(BodyError::TooSlow(patience)))
}

async fn whole(body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let mut chunks = body.into_data_stream();
    let mut whole = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|e| BodyError::Unreadable(e.to_string()))?;
        if whole.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge { limit });
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// Decompresses `sent`, at most `limit` bytes of it; counts what comes out, taken or not.
pub fn decompress(encoding: Encoding, sent: Bytes, limit: usize) -> Result<Bytes, BodyError> {
    if encoding == Encoding::Identity && sent.len() <= limit {
        return Ok(sent);
    }
    let unpacked = compression::decompress(encoding, &sent, limit);
    let bytes = match &unpacked {
        Ok(plain) => plain.len(),
        Err(Unpacked::TooLarge { unpacked, .. }) => *unpacked,
        Err(Unpacked::Undecodable { .. }) => 0,
    };
    metrics::counter!("access_unpacked_bytes_total", "encoding" => encoding.name())
        .increment(bytes as u64);
    Ok(unpacked?.into_owned().into())
}

/// Reads and decompresses.
pub async fn decoded(headers: &HeaderMap, body: Body, limits: Limits) -> Result<Bytes, BodyError> {
    let encoding = encoding(headers)?;
    let sent = read(headers, body, limits.wire).await?;
    decompress(encoding, sent, limits.decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_undeclared_length_is_bounded_while_reading() {
        let chunks = futures::stream::iter((0..8).map(|_| Ok::<_, std::io::Error>(vec![1u8; 100])));
        let read = read(&HeaderMap::new(), Body::from_stream(chunks), 250).await;
        assert_eq!(read, Err(BodyError::TooLarge { limit: 250 }));
    }

    #[tokio::test]
    async fn a_body_that_stalls_or_trickles_is_given_up() {
        let patience = Duration::from_millis(50);
        let stalls = futures::stream::pending::<Result<Vec<u8>, std::io::Error>>();
        let read = within(patience, whole(Body::from_stream(stalls), 250)).await;
        assert_eq!(read, Err(BodyError::TooSlow(patience)));
        let trickles = futures::stream::repeat(1u8).then(|byte| async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok::<_, std::io::Error>(vec![byte])
        });
        let read = within(patience, whole(Body::from_stream(trickles), 250)).await;
        assert_eq!(read, Err(BodyError::TooSlow(patience)));
    }
}
