//! A push in protobuf.

use std::borrow::Cow;

use crate::item_limits::{self, check_size};
use crate::logs::{Field, LogSink, Stream};
use crate::protobuf::Reader;
use crate::refused::{Refused, Skipped};

use super::{labels, not_in_range, stream, tell};

pub(super) fn decode(body: &[u8], now_ns: i64, sink: &mut dyn LogSink) -> Result<Skipped, Refused> {
    let mut skipped = Skipped::default();
    let mut request = Reader::new(body);
    let mut index = 0;
    while let Some(field) = request.field().map_err(|e| e.at("body"))? {
        if field.number == 1 {
            let at = format!("streams[{index}]");
            let bytes = field.bytes().map_err(|e| e.at(&at))?;
            one_stream(bytes, &at, now_ns, sink, &mut skipped).map_err(|e| e.within(&at))?;
            index += 1;
        }
    }
    Ok(skipped)
}

fn one_stream(
    bytes: &[u8],
    at: &str,
    now_ns: i64,
    sink: &mut dyn LogSink,
    skipped: &mut Skipped,
) -> Result<(), Refused> {
    let mut message = Reader::new(bytes);
    let stream = match labels_of(bytes) {
        Ok(stream) => stream,
        // The lines of other streams are taken.
        Err(reason) => {
            let reason = reason.within(&at).to_string();
            while let Some(field) = message.field().map_err(|e| e.at(""))? {
                if field.number == 2 {
                    skipped.note(|| reason.clone());
                }
            }
            return Ok(());
        }
    };
    sink.stream(&stream);
    let (mut index, mut metadata) = (0, Vec::new());
    while let Some(field) = message.field().map_err(|e| e.at(""))? {
        if field.number == 2 {
            let bytes = field.bytes().map_err(|e| e.at("entries"))?;
            match entry(bytes, now_ns, &mut metadata) {
                Ok((time_ns, Cow::Borrowed(line))) => {
                    metadata = tell(time_ns, line, metadata, &stream, sink);
                }
                // It lives here only: its fields borrow from it.
                Ok((time_ns, Cow::Owned(line))) => {
                    let metadata = std::mem::take(&mut metadata);
                    tell(time_ns, &line, metadata, &stream, sink);
                }
                Err(reason) => skipped.note(|| {
                    let at = format!("{at}.entries[{index}]");
                    reason.within(&at).to_string()
                }),
            }
            index += 1;
        }
    }
    Ok(())
}

fn labels_of(bytes: &[u8]) -> Result<Stream<'_>, Refused> {
    let mut message = Reader::new(bytes);
    let mut text = "{}";
    while let Some(field) = message.field().map_err(|e| e.at(""))? {
        if field.number == 1 {
            text = field.text().map_err(|e| e.at("labels"))?;
        }
    }
    check_size(text.len()).map_err(|e| e.within(&"labels"))?;
    labels::parse(text).map(stream)
}

/// Reads the time and the line, and the metadata into `fields`.
fn entry<'a>(
    bytes: &'a [u8],
    now_ns: i64,
    fields: &mut Vec<Field<'a>>,
) -> Result<(i64, Cow<'a, str>), Refused> {
    fields.clear();
    check_size(bytes.len())?;
    let (mut time_ns, mut line) = (now_ns, Cow::Borrowed(""));
    let mut message = Reader::new(bytes);
    while let Some(field) = message.field().map_err(|e| e.at(""))? {
        match field.number {
            1 => time_ns = timestamp(field.message().map_err(|e| e.at("timestamp"))?)?,
            2 => line = field.lossy().map_err(|e| e.at("line"))?,
            3 => {
                let pair = field.message().map_err(|e| e.at("structuredMetadata"))?;
                let (name, value) = pair_of(pair)?;
                item_limits::push(fields, name, value)?;
            }
            _ => {}
        }
    }
    Ok((time_ns, line))
}

fn timestamp(mut message: Reader<'_>) -> Result<i64, Refused> {
    let (mut seconds, mut nanos) = (0, 0);
    while let Some(field) = message.field().map_err(|e| e.at("timestamp"))? {
        match field.number {
            1 => seconds = field.int().map_err(|e| e.at("timestamp.seconds"))?,
            2 => nanos = field.int().map_err(|e| e.at("timestamp.nanos"))?,
            _ => {}
        }
    }
    let whole = seconds.checked_mul(1_000_000_000);
    whole
        .and_then(|whole| whole.checked_add(nanos))
        .ok_or_else(|| not_in_range("timestamp", &format!("{seconds} s")))
}

fn pair_of(mut message: Reader<'_>) -> Result<Field<'_>, Refused> {
    let (mut name, mut value) = (Cow::Borrowed(""), Cow::Borrowed(""));
    while let Some(field) = message.field().map_err(|e| e.at("structuredMetadata"))? {
        match field.number {
            1 => name = field.lossy().map_err(|e| e.at("structuredMetadata.name"))?,
            2 => {
                value = field
                    .lossy()
                    .map_err(|e| e.at("structuredMetadata.value"))?
            }
            _ => {}
        }
    }
    Ok((name, value))
}
