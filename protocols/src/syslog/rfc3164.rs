//! `Mmm dd hh:mm:ss HOST TAG[PID]: MESSAGE`, also with an RFC 3339 time, as rsyslog
//! forwards. Nothing of it is certain: what does not fit is text.

use chrono::{DateTime, Datelike as _, Duration, NaiveDateTime};

use super::Message;
use crate::times;

/// The longest tag that is one.
const MAX_TAG_BYTES: usize = 64;

pub(super) fn parse(text: &str, now_ns: i64) -> Message<'_> {
    let mut message = Message {
        time_ns: None,
        host: "",
        app: "",
        fields: Vec::new(),
        text,
    };
    let Some((time_ns, rest)) = time(text, now_ns) else {
        return message;
    };
    message.time_ns = Some(time_ns);
    message.text = rest;
    // A message without a host begins with its tag.
    if let Some((host, after)) = rest.split_once(' ')
        && !host.is_empty()
        && !host.ends_with([':', ']'])
    {
        message.host = host;
        message.text = after;
    }
    if let Some((tag, after)) = message.text.split_once(':')
        && tag.len() <= MAX_TAG_BYTES
        && !tag.is_empty()
        && !tag.contains(char::is_whitespace)
    {
        message.text = after.strip_prefix(' ').unwrap_or(after);
        message.app = tag;
        if let Some((app, process)) = tag.strip_suffix(']').and_then(|tag| tag.split_once('[')) {
            message.app = app;
            message.fields.push(("procid".into(), process.into()));
        }
    }
    message
}

fn time(text: &str, now_ns: i64) -> Option<(i64, &str)> {
    if let Some((first, rest)) = text.split_once(' ')
        && let Some(time_ns) = times::of_rfc3339(first)
    {
        return Some((time_ns, rest));
    }
    let stamp = text.get(..15)?;
    let rest = text[15..].strip_prefix(' ')?;
    Some((without_year(stamp, now_ns)?, rest))
}

/// The year is the one that puts it nearest before now; a day ahead is a fast clock.
fn without_year(stamp: &str, now_ns: i64) -> Option<i64> {
    let now = DateTime::from_timestamp_nanos(now_ns);
    [now.year() + 1, now.year(), now.year() - 1]
        .into_iter()
        .filter_map(|year| {
            let text = format!("{year} {stamp}");
            let time = NaiveDateTime::parse_from_str(&text, "%Y %b %e %H:%M:%S").ok()?;
            Some(time.and_utc())
        })
        .find(|time| *time <= now + Duration::days(1))?
        .timestamp_nanos_opt()
}
