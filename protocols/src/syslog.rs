//! Syslog over TCP: RFC 5424 messages in the framings of RFC 6587 (octet counting, or
//! a line each), one or many; RFC 3164 and what forwarders make of it are read as far
//! as they say something.

mod credential;
mod rfc3164;
mod rfc5424;

use std::borrow::Cow;

use crate::formats::{DecodeLogs, Format};
use crate::item_limits::check_size;
use crate::log_text::{self, UNKNOWN_SERVICE};
use crate::logs::{Field, Level, LogRecord, LogSink, Stream};
use crate::refused::{Refused, Skipped};

pub use credential::{Credential, credential};

pub const RFC5424: Format<DecodeLogs> = Format {
    name: "syslog.rfc5424",
    decode,
};

/// Digits of a frame's length.
const MAX_LENGTH_DIGITS: usize = 8;

/// The first frame of a stream of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    pub message: &'a [u8],
    /// Bytes to the beginning of the next frame.
    pub consumed: usize,
}

/// Cuts off the first frame; none while it is not all there. A length over the limit
/// of an item is an error, as nothing after it can be told apart.
pub fn frame(bytes: &[u8]) -> Result<Option<Frame<'_>>, Refused> {
    if let Some((length, start)) = counted(bytes) {
        check_size(length).map_err(|e| e.within(&"frame"))?;
        let whole = bytes.get(start..start + length);
        return Ok(whole.map(|message| Frame {
            message,
            consumed: start + length,
        }));
    }
    let end = bytes.iter().position(|byte| *byte == b'\n' || *byte == 0);
    match end {
        Some(end) => Ok(Some(Frame {
            message: &bytes[..end],
            consumed: end + 1,
        })),
        None => {
            check_size(bytes.len()).map_err(|e| e.within(&"frame"))?;
            Ok(None)
        }
    }
}

/// `LENGTH SP` before a message, and where the message begins.
fn counted(bytes: &[u8]) -> Option<(usize, usize)> {
    let digits = bytes
        .iter()
        .take(MAX_LENGTH_DIGITS + 1)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let begins = matches!(bytes.first(), Some(b'1'..=b'9')) && digits <= MAX_LENGTH_DIGITS;
    // What is a length is followed by the `<` of a message.
    if !begins || bytes.get(digits) != Some(&b' ') || bytes.get(digits + 1) != Some(&b'<') {
        return None;
    }
    let length = std::str::from_utf8(&bytes[..digits]).ok()?.parse().ok()?;
    Some((length, digits + 1))
}

pub fn decode(body: &[u8], now_ns: i64, sink: &mut dyn LogSink) -> Result<Skipped, Refused> {
    let mut skipped = Skipped::default();
    let mut current = None;
    let mut rest = body;
    while !rest.is_empty() {
        let message = match frame(rest)? {
            Some(frame) => {
                rest = &rest[frame.consumed..];
                frame.message
            }
            None if counted(rest).is_some() => {
                let detail = format!("{} bytes are less than its length says", rest.len());
                return Err(Refused::new("frame", detail));
            }
            // The last line needs no end.
            None => std::mem::take(&mut rest),
        };
        if message.trim_ascii().is_empty() {
            continue;
        }
        if let Err(reason) = check_size(message.len()) {
            skipped.note(|| reason.within(&"frame").to_string());
            continue;
        }
        tell(message, now_ns, &mut current, sink);
    }
    Ok(skipped)
}

/// A message, its text apart.
struct Message<'a> {
    time_ns: Option<i64>,
    host: &'a str,
    app: &'a str,
    fields: Vec<Field<'a>>,
    text: &'a str,
}

const SEVERITIES: [(&str, Level); 8] = [
    ("emerg", Level::Fatal),
    ("alert", Level::Fatal),
    ("crit", Level::Fatal),
    ("err", Level::Error),
    ("warning", Level::Warn),
    ("notice", Level::Info),
    ("info", Level::Info),
    ("debug", Level::Debug),
];

/// Of a severity, 0 to 7.
pub(crate) fn level(severity: usize) -> Level {
    SEVERITIES
        .get(severity)
        .map_or(Level::Unknown, |(_, level)| *level)
}

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "console", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];

/// Every message is a record: what cannot be parsed is text.
fn tell(
    message: &[u8],
    now_ns: i64,
    current: &mut Option<(String, String)>,
    sink: &mut dyn LogSink,
) {
    let text = String::from_utf8_lossy(message);
    let text = text.trim_end_matches(['\n', '\r', '\0']);
    let (priority, rest) = priority(text);
    let mut message = rfc5424::parse(rest).unwrap_or_else(|| rfc3164::parse(rest, now_ns));
    if let Some((facility, _)) = priority {
        let field = ("facility".into(), FACILITIES[facility].into());
        message.fields.push(field);
    }
    let app = match message.app {
        "" => UNKNOWN_SERVICE,
        app => app,
    };
    let same = |(known, host): &(String, String)| known == app && host == message.host;
    if !current.as_ref().is_some_and(same) {
        sink.stream(&stream(app, message.host));
        *current = Some((app.to_owned(), message.host.to_owned()));
    }
    let (level_text, level) =
        priority.map_or(("", Level::Unknown), |(_, severity)| SEVERITIES[severity]);
    let mut record = LogRecord {
        time_ns: message.time_ns.unwrap_or(now_ns),
        level,
        level_text: level_text.into(),
        body: message.text.into(),
        trace_id: None,
        span_id: None,
        fields: message.fields,
    };
    log_text::complete(&mut record, message.text, &[]);
    sink.record(&record);
}

fn stream<'a>(app: &'a str, host: &'a str) -> Stream<'a> {
    let host = Some(host).filter(|host| !host.is_empty());
    Stream {
        service: Cow::Borrowed(app),
        fields: host
            .map(|host| ("host".into(), host.into()))
            .into_iter()
            .collect(),
    }
}

/// `<PRI>` as facility and severity, and what follows.
fn priority(text: &str) -> (Option<(usize, usize)>, &str) {
    let read = || {
        let (digits, rest) = text.strip_prefix('<')?.split_once('>')?;
        let number: usize = digits.parse().ok().filter(|_| digits.len() <= 3)?;
        (number < 192).then_some(((number / 8, number % 8), rest))
    };
    match read() {
        Some((priority, rest)) => (Some(priority), rest),
        None => (None, text),
    }
}
