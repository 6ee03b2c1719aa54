//! Log records that are JSON objects of their senders' making: the names that are
//! known mean what they say, everything else is a field.

use std::borrow::Cow;

use crate::hex_ids;
use crate::item_limits::check_size;
use crate::json::{self, FLATTEN_DEPTH};
use crate::log_text::{self, UNKNOWN_SERVICE};
use crate::logs::{Field, Level, LogRecord, LogSink, Stream};
use crate::refused::Refused;
use crate::{syslog, times};

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
    pub(crate) hints: Hints,
}

/// What other fields say where a record does not say it under the names above. They stay
/// fields, and what cannot be read among them says nothing.
pub(crate) struct Hints {
    pub(crate) time: &'static [&'static str],
    pub(crate) service: &'static [&'static str],
    /// Syslog's severities, 0 to 7.
    pub(crate) severity: &'static [&'static str],
    /// An id that is none is a field like others; elsewhere the record is refused.
    pub(crate) other_ids: bool,
}

/// For formats whose names are all there is to them.
pub(crate) const NO_HINTS: Hints = Hints {
    time: &[],
    service: &[],
    severity: &[],
    other_ids: false,
};

/// What is a time is after 2000; smaller numbers under such a name are a time of day, or
/// how long something took.
const EARLIEST_HINTED_NS: i64 = 946_684_800_000_000_000;

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
        let hints = &self.names.hints;
        let service = match take(&mut fields, self.names.service) {
            Some(named) if !named.is_empty() => Some(named),
            _ => log_text::find(&fields, hints.service).map(hinted_service),
        };
        let level_text = take(&mut fields, self.names.level).unwrap_or_default();
        let level = match log_text::level(&level_text) {
            Level::Unknown => hinted_level(&fields, hints),
            level => level,
        };
        let mut record = LogRecord {
            time_ns: self.time(&mut fields)?,
            level,
            level_text,
            body: "".into(),
            trace_id: id(&mut fields, self.names.trace_id, hints)?,
            span_id: id(&mut fields, self.names.span_id, hints)?,
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
            None => Ok(self.hinted_time(fields).unwrap_or(self.now_ns)),
        }
    }

    fn hinted_time(&self, fields: &[Field<'_>]) -> Option<i64> {
        let said = log_text::find(fields, self.names.hints.time)?;
        let time_ns = times::parse(said, "time").ok()?;
        (time_ns >= EARLIEST_HINTED_NS).then_some(time_ns)
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

/// Docker writes the names of containers with a slash before them.
fn hinted_service(said: &str) -> Cow<'static, str> {
    Cow::Owned(said.trim_start_matches('/').to_owned())
}

fn hinted_level(fields: &[Field<'_>], hints: &Hints) -> Level {
    let said = log_text::find(fields, hints.severity);
    let number = said.and_then(|number| number.parse().ok());
    number.map_or(Level::Unknown, syslog::level)
}

/// Takes the first of `names` that is there out of the fields.
fn take<'a>(fields: &mut Vec<Field<'a>>, names: &[&str]) -> Option<Cow<'a, str>> {
    let index = position(fields, names)?;
    Some(fields.remove(index).1)
}

fn position(fields: &[Field<'_>], names: &[&str]) -> Option<usize> {
    let mut names = names.iter();
    names.find_map(|name| fields.iter().position(|(known, _)| known == name))
}

fn id<const N: usize>(
    fields: &mut Vec<Field<'_>>,
    names: &[&str],
    hints: &Hints,
) -> Result<Option<[u8; N]>, Refused> {
    let Some(index) = position(fields, names) else {
        return Ok(None);
    };
    match hex_ids::optional(&fields[index].1, names[0]) {
        Err(_) if hints.other_ids => Ok(None),
        read => {
            fields.remove(index);
            read
        }
    }
}
