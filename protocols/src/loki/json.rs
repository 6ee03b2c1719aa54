//! A push in JSON: `{"streams": [{"stream": {labels}, "values": [[ns, line, {metadata}?]]}]}`.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::item_limits::check_size;
use crate::json::{self, FLATTEN_DEPTH, Number, Text, each_item, members};
use crate::logs::{LogSink, Stream};
use crate::refused::{Refused, Skipped};

use super::{not_in_range, stream, tell};

pub(super) fn decode(
    body: &[u8],
    _now_ns: i64,
    sink: &mut dyn LogSink,
) -> Result<Skipped, Refused> {
    let mut skipped = Skipped::default();
    let text = json::text(body);
    let [streams] = members(&text, [&["streams"]]).map_err(|e| e.within(&"body"))?;
    let streams = streams.ok_or_else(|| Refused::new("streams", "it is missing"))?;
    each_item(streams, |index, json| {
        let at = format!("streams[{index}]");
        one_stream(json, &at, sink, &mut skipped)
    })
    .map_err(|e| e.within(&"streams"))?;
    Ok(skipped)
}

fn one_stream(
    json: &str,
    at: &str,
    sink: &mut dyn LogSink,
    skipped: &mut Skipped,
) -> Result<(), Refused> {
    let [labels, values, entries] = members(json, [&["stream"], &["values"], &["entries"]])?;
    if values.is_none() && entries.is_some() {
        // The form before Loki 1.0: to be taken for an empty stream would lose the lines.
        skipped.note(|| format!("{at}.entries: it is of an old form, send `stream` and `values`"));
        return Ok(());
    }
    let stream = match labels_of(labels.unwrap_or("{}")) {
        Ok(stream) => stream,
        // The lines of other streams are taken.
        Err(reason) => {
            let reason = reason.within(&"stream").within(&at).to_string();
            return each_item(values.unwrap_or("[]"), |_, _| {
                skipped.note(|| reason.clone());
                Ok(())
            })
            .map_err(|e| e.within(&"values"));
        }
    };
    sink.stream(&stream);
    each_item(values.unwrap_or("[]"), |index, json| {
        if let Err(reason) = entry(json, &stream, sink) {
            skipped.note(|| {
                let at = format!("{at}.values[{index}]");
                reason.within(&at).to_string()
            });
        }
        Ok(())
    })
    .map_err(|e| e.within(&"values"))
}

fn labels_of(json: &str) -> Result<Stream<'_>, Refused> {
    check_size(json.len())?;
    let mut fields = Vec::new();
    json::flatten(json, "", FLATTEN_DEPTH, &mut fields)?;
    Ok(stream(fields))
}

fn entry(json: &str, stream: &Stream<'_>, sink: &mut dyn LogSink) -> Result<(), Refused> {
    check_size(json.len())?;
    let entry = json::read::<Entry<'_>>(json)?;
    let time_ns = entry.time.integer();
    let time_ns = time_ns.map_err(|_| not_in_range("[0]", &entry.time.0))?;
    let mut metadata = Vec::new();
    if let Some(object) = entry.metadata.filter(|json| json.get() != "null") {
        json::flatten(object.get(), "", FLATTEN_DEPTH, &mut metadata)
            .map_err(|e| e.within(&"[2]"))?;
    }
    tell(time_ns, &entry.line.0, metadata, stream, sink);
    Ok(())
}

struct Entry<'a> {
    time: Number<'a>,
    line: Text<'a>,
    metadata: Option<&'a RawValue>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Entry<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(OfList)
    }
}

struct OfList;

impl<'de> Visitor<'de> for OfList {
    type Value = Entry<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[\"nanoseconds\", \"line\", {metadata}?]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let too_short = |length| de::Error::invalid_length(length, &self);
        let time = list.next_element()?.ok_or_else(|| too_short(0))?;
        let line = list.next_element()?.ok_or_else(|| too_short(1))?;
        let metadata = list.next_element()?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Entry {
            time,
            line,
            metadata,
        })
    }
}
