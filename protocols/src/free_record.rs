//! Log records that are JSON objects of their senders' making: the names that are
//! known mean what they say, everything else is a field.

use std::borrow::Cow;

use crate::hex_ids;
use crate::item_limits::check_size;
use crate::json::{self, FLATTEN_DEPTH};
use crate::log_text::{self, UNKNOWN_SERVICE};
use crate::logs::{Field, LogRecord, LogSink, Stream};
use crate::refused::Refused;
use crate::times;

/// What a format calls the parts of a record, the preferred name first.
pub(crate) struct Names {
    pub(crate) time: &'static [&'static str],
    pub(crate) level: &'static [&'static str],
    pub(crate) service: &'static [&'static str],
    pub(crate) message: &'static [&'static str],
    pub(crate) trace_id: &'static [&'static str],
    pub(crate) span_id: &'static [&'static str],
    /// An object whose members are fields under their own names.
    pub(crate) attributes: Option<&'static str>,
    /// The object itself is the message where it has none.
    pub(crate) whole_is_message: bool,
}

/// Tells a sink records, and a stream whenever it changes.
pub(crate) struct Teller {
    names: &'static Names,
    now_ns: i64,
    current: Option<Stream<'static>>,
}

impl Teller {
    pub(crate) fn new(names: &'static Names, now_ns: i64) -> Self {
        Self {
            names,
            now_ns,
            current: None,
        }
    }

    /// `origin` is what the envelope says of where the record comes from.
    pub(crate) fn tell(
        &mut self,
        json: &str,
        origin: &[Field<'_>],
        sink: &mut dyn LogSink,
    ) -> Result<(), Refused> {
        check_size(json.len())?;
        let mut fields = Vec::new();
        json::each_member(json, |name, value| {
            if self.names.attributes == Some(&*name) && value.starts_with('{') {
                return json::flatten(value, "", FLATTEN_DEPTH, &mut fields);
            }
            json::flatten_member(name, value, FLATTEN_DEPTH, &mut fields)
        })?;
        let service = take(&mut fields, self.names.service);
        let level_text = take(&mut fields, self.names.level).unwrap_or_default();
        let mut record = LogRecord {
            time_ns: self.time(&mut fields)?,
            level: log_text::level(&level_text),
            level_text,
            body: "".into(),
            trace_id: id(&mut fields, self.names.trace_id)?,
            span_id: id(&mut fields, self.names.span_id)?,
            fields: Vec::new(),
        };
        let message = take(&mut fields, self.names.message);
        record.fields = fields;
        self.begin(service, origin, sink);
        match message {
            Some(message) => complete(record, &message, true, sink),
            None if self.names.whole_is_message => complete(record, json, false, sink),
            None => {
                return Err(Refused::new(self.names.message[0], "it is missing"));
            }
        }
        Ok(())
    }

    fn time(&self, fields: &mut Vec<Field<'_>>) -> Result<i64, Refused> {
        match take(fields, self.names.time) {
            Some(text) => times::parse(&text, self.names.time[0]),
            None => Ok(self.now_ns),
        }
    }

    fn begin(
        &mut self,
        service: Option<Cow<'_, str>>,
        origin: &[Field<'_>],
        sink: &mut dyn LogSink,
    ) {
        let service = service.unwrap_or(Cow::Borrowed(UNKNOWN_SERVICE));
        let same = |stream: &Stream<'_>| stream.service == service && stream.fields == origin;
        if self.current.as_ref().is_some_and(same) {
            return;
        }
        let owned = |text: &str| Cow::Owned(text.to_owned());
        let stream = Stream {
            service: owned(&service),
            fields: origin
                .iter()
                .map(|(name, value)| (owned(name), owned(value)))
                .collect(),
        };
        sink.stream(&stream);
        self.current = Some(stream);
    }
}

fn complete<'r>(mut record: LogRecord<'r>, body: &'r str, parse: bool, sink: &mut dyn LogSink) {
    // Where the object itself is the body, its members are fields already.
    let text = if parse { body } else { "" };
    log_text::complete(&mut record, text, &[]);
    record.body = Cow::Borrowed(body);
    sink.record(&record);
}

/// Takes the first of `names` that is there out of the fields.
fn take<'a>(fields: &mut Vec<Field<'a>>, names: &[&str]) -> Option<Cow<'a, str>> {
    let index = names
        .iter()
        .find_map(|name| fields.iter().position(|(known, _)| known == name))?;
    Some(fields.remove(index).1)
}

fn id<const N: usize>(
    fields: &mut Vec<Field<'_>>,
    names: &[&str],
) -> Result<Option<[u8; N]>, Refused> {
    match take(fields, names) {
        Some(text) => hex_ids::optional(&text, names[0]),
        None => Ok(None),
    }
}
