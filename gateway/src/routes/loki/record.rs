//! Records as lines with the labels that Loki's clients expect.

use logql::narrow::{Condition, Narrowed};
use logql::{LabelSet, Line, Origin, json_fields};
use projections::telemetry::logs::{BadPattern, Filter, LogStream, Record, label_name};
use protocols::logs::Level;

use super::Failure;

const SERVICE: &str = "service_name";
const LEVEL: &str = "detected_level";

/// Who is to see what a line has beside its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    /// Whoever reads lines.
    Everything,
    /// Series would be as many as lines: only who names it.
    Named,
}

/// Labels of the stream alone.
pub(super) fn stream_labels(stream: &LogStream) -> LabelSet {
    let mut labels = LabelSet::default();
    for (name, value) in &stream.resource {
        labels.set(label_name(name), value.as_str(), Origin::Stream);
    }
    labels.set(SERVICE, stream.service.as_str(), Origin::Stream);
    labels
}

pub(super) fn with_level(mut labels: LabelSet, level: Level) -> LabelSet {
    set_level(&mut labels, level.name());
    labels
}

fn set_level(labels: &mut LabelSet, level: &str) {
    if labels.origin(LEVEL).is_none() {
        labels.set(LEVEL, level, Origin::Structured);
    }
}

/// What the body says itself is left to the stages that parse it.
pub(super) fn line(record: Record, show: Show) -> Line {
    let stream = LogStream {
        service: record.service,
        resource: record.resource,
    };
    let mut labels = stream_labels(&stream);
    set_level(&mut labels, &record.level);
    let said = json_fields(&record.body).unwrap_or_default();
    let is_said = |name: &str| said.iter().any(|(known, _)| known == name);
    let ids = [("trace_id", record.trace_id), ("span_id", record.span_id)];
    let ids = ids
        .into_iter()
        .filter_map(|(name, id)| Some((name.to_owned(), id?)));
    for (name, value) in record.fields.into_iter().chain(ids) {
        let name = label_name(&name);
        // In numbers it is another name of the detected one, as where only that is read.
        let is_level = show == Show::Named && name == "level";
        if labels.origin(&name).is_none() && !is_level {
            let origin = match show == Show::Named || is_said(&name) {
                true => Origin::Hidden,
                false => Origin::Structured,
            };
            labels.set(name, value, origin);
        }
    }
    Line {
        time_ns: record.time.timestamp_nanos_opt().unwrap_or_default(),
        text: record.body,
        labels,
    }
}

/// What the store can tell of a query.
pub(super) fn filter(narrowed: &Narrowed) -> Result<Filter, Failure> {
    let mut filter = Filter::default();
    for condition in &narrowed.conditions {
        narrow(&mut filter, condition).map_err(|error| Failure::Bad(error.to_string()))?;
    }
    Ok(filter)
}

fn narrow(filter: &mut Filter, condition: &Condition) -> Result<(), BadPattern> {
    match condition {
        Condition::Label(matcher) => {
            let negated = matcher.op.is_negated();
            match matcher.op.is_pattern() {
                true => filter.label_matches(negated, &matcher.name, &matcher.value)?,
                false => filter.label(negated, &matcher.name, &matcher.value),
            }
        }
        Condition::Contains { negated, text } => filter.line(*negated, text),
        Condition::Matches { negated, pattern } => filter.line_matches(*negated, pattern)?,
    }
    Ok(())
}
