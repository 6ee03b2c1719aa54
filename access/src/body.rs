//! Request bodies within bounds, both as sent and as decompressed.

use std::io::Read;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

/// How much of a body is read, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// As it comes over the wire.
    pub wire: usize,
    /// After decompression, so that a small body cannot fill the memory.
    pub decoded: usize,
}

/// How a body is compressed (`Content-Encoding`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Gzip,
    Deflate,
    Zstd,
}

/// Why a body was not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// 413.
    #[error("the body is over the limit of {limit} bytes")]
    TooLarge { limit: usize },
    /// 415.
    #[error("content encoding `{0}` is not supported (gzip, deflate, zstd are)")]
    UnsupportedEncoding(String),
    /// 400.
    #[error("the body does not decompress as {encoding:?}: {detail}")]
    Undecodable { encoding: Encoding, detail: String },
    /// The client went away, or sent nonsense framing. 400.
    #[error("the body could not be read: {0}")]
    Unreadable(String),
}

impl Encoding {
    pub fn of(headers: &HeaderMap) -> Result<Self, BodyError> {
        let Some(value) = headers.get(CONTENT_ENCODING) else {
            return Ok(Self::Identity);
        };
        let name = value.to_str().unwrap_or("?").trim().to_ascii_lowercase();
        match name.as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            "zstd" => Ok(Self::Zstd),
            _ => Err(BodyError::UnsupportedEncoding(name)),
        }
    }
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

/// Decompresses `sent`, at most `limit` bytes of it.
pub fn decompress(encoding: Encoding, sent: Bytes, limit: usize) -> Result<Bytes, BodyError> {
    match encoding {
        Encoding::Identity if sent.len() > limit => Err(BodyError::TooLarge { limit }),
        Encoding::Identity => Ok(sent),
        Encoding::Gzip => bounded(
            encoding,
            flate2::read::MultiGzDecoder::new(&sent[..]),
            limit,
        ),
        Encoding::Deflate => bounded(encoding, flate2::read::ZlibDecoder::new(&sent[..]), limit),
        Encoding::Zstd => {
            let decoder =
                zstd::Decoder::with_buffer(&sent[..]).map_err(|e| undecodable(encoding, &e))?;
            bounded(encoding, decoder, limit)
        }
    }
}

/// Reads and decompresses.
pub async fn decoded(headers: &HeaderMap, body: Body, limits: Limits) -> Result<Bytes, BodyError> {
    let encoding = Encoding::of(headers)?;
    let sent = read(headers, body, limits.wire).await?;
    decompress(encoding, sent, limits.decoded)
}

fn bounded(encoding: Encoding, reader: impl Read, limit: usize) -> Result<Bytes, BodyError> {
    let mut out = Vec::new();
    reader
        .take(limit as u64 + 1)
        .read_to_end(&mut out)
        .map_err(|e| undecodable(encoding, &e))?;
    if out.len() > limit {
        return Err(BodyError::TooLarge { limit });
    }
    Ok(out.into())
}

fn undecodable(encoding: Encoding, error: &std::io::Error) -> BodyError {
    BodyError::Undecodable {
        encoding,
        detail: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(plain: &[u8]) -> Bytes {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap().into()
    }

    #[test]
    fn decompresses_each_encoding() {
        let plain = b"{\"alerts\":[]}".repeat(50);
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(&plain).unwrap();
        let bodies = [
            (Encoding::Identity, Bytes::from(plain.clone())),
            (Encoding::Gzip, gzip(&plain)),
            (Encoding::Deflate, zlib.finish().unwrap().into()),
            (
                Encoding::Zstd,
                zstd::encode_all(&plain[..], 1).unwrap().into(),
            ),
        ];
        for (encoding, sent) in bodies {
            assert_eq!(
                decompress(encoding, sent.clone(), plain.len()),
                Ok(plain.clone().into())
            );
            let limit = plain.len() - 1;
            assert_eq!(
                decompress(encoding, sent, limit),
                Err(BodyError::TooLarge { limit })
            );
        }
    }

    #[test]
    fn a_bomb_is_refused_without_being_unpacked() {
        let bomb = gzip(&vec![0; 64 << 20]);
        let limit = 1 << 20;
        assert!(bomb.len() < limit);
        assert_eq!(
            decompress(Encoding::Gzip, bomb, limit),
            Err(BodyError::TooLarge { limit })
        );
    }

    #[test]
    fn a_cut_body_is_undecodable() {
        let whole = gzip(&[7; 4096]);
        let cut = whole.slice(..whole.len() / 2);
        assert!(matches!(
            decompress(Encoding::Gzip, cut, 1 << 20),
            Err(BodyError::Undecodable { .. })
        ));
    }

    #[tokio::test]
    async fn an_undeclared_length_is_bounded_while_reading() {
        let chunks = futures::stream::iter((0..8).map(|_| Ok::<_, std::io::Error>(vec![1u8; 100])));
        let read = read(&HeaderMap::new(), Body::from_stream(chunks), 250).await;
        assert_eq!(read, Err(BodyError::TooLarge { limit: 250 }));
    }
}
