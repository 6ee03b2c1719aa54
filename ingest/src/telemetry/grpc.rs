//! OTLP/gRPC: the `Export` calls of the three collector services, as rows of
//! [`CALLS`]. A call carries the same message as a body of OTLP/HTTP and goes the same
//! way; only its frame and its answer differ. The log gets the message as it was
//! sent, compressed where it was.
//!
//! Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.

use std::any::Any;
use std::sync::Arc;

use access::body::{self, BodyError, Encoding};
use axum::Router;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::{Buf, Bytes};
use tower_http::catch_panic::CatchPanicLayer;

use super::routes::{CALLS, Route};
use super::{Carrier, dialect};
use crate::{IngestState, Refusal};

/// Whether the message is compressed, and its length in four bytes.
const PREFIX_BYTES: usize = 5;

pub(crate) fn router(state: Arc<IngestState>) -> Router {
    super::posts(CALLS, Carrier::Grpc)
        .with_state(state)
        .fallback(async || dialect::grpc::unimplemented())
        .layer(CatchPanicLayer::custom(panicked))
}

/// A bug of ours must not make an agent drop its data.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a call panicked");
    dialect::grpc::refused(&Refusal::Panicked)
}

/// Reads the one message of a unary call, at most `limit` bytes as sent.
pub(super) async fn read(
    route: &Route,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<(Encoding, Bytes), Refusal> {
    let framed = body::read(headers, body, limit.saturating_add(PREFIX_BYTES)).await;
    let framed = framed.map_err(|error| match error {
        BodyError::TooLarge { .. } => BodyError::TooLarge { limit },
        other => other,
    })?;
    let (compressed, message) = unframed(framed)?;
    let encoding = match compressed {
        true => named_encoding(route, headers)?,
        false => Encoding::Identity,
    };
    Ok((encoding, message))
}

fn unframed(mut framed: Bytes) -> Result<(bool, Bytes), BodyError> {
    let unreadable = |why: &str| BodyError::Unreadable(why.to_owned());
    if framed.len() < PREFIX_BYTES {
        return Err(unreadable("the call ended before its message"));
    }
    let (flag, length) = (framed.get_u8(), framed.get_u32());
    if framed.len() as u64 != u64::from(length) {
        return Err(unreadable("the call holds not exactly one message"));
    }
    match flag {
        0 | 1 => Ok((flag == 1, framed)),
        _ => Err(unreadable("the message's flag is neither 0 nor 1")),
    }
}

/// What `grpc-encoding` says of a message that is compressed.
fn named_encoding(route: &Route, headers: &HeaderMap) -> Result<Encoding, BodyError> {
    let Some(value) = headers.get("grpc-encoding") else {
        let why = "a message is compressed, and no grpc-encoding says how";
        return Err(BodyError::Unreadable(why.to_owned()));
    };
    let name = value.to_str().unwrap_or("?");
    let known = Encoding::parse(name).filter(|encoding| route.encodings.contains(encoding));
    known.ok_or_else(|| BodyError::UnsupportedEncoding(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_holds_exactly_one_message() {
        let read = |framed: &[u8]| unframed(Bytes::copy_from_slice(framed)).ok();
        assert_eq!(
            read(&[0, 0, 0, 0, 2, 7, 8]),
            Some((false, Bytes::from_static(&[7, 8])))
        );
        assert_eq!(read(&[1, 0, 0, 0, 0]), Some((true, Bytes::new())));
        for broken in [
            &[][..],
            &[0, 0, 0, 0],
            &[0, 0, 0, 0, 2, 7],
            &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            &[2, 0, 0, 0, 0],
        ] {
            assert_eq!(read(broken), None, "{broken:?}");
        }
    }
}
