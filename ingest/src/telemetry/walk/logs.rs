//! Checks what a decoder of logs tells.

use protocols::elastic_bulk::{BulkSink, Item};
use protocols::logs::{LogRecord, LogSink, Stream};
use schemas::telemetry::Window;
use xxhash_rust::xxh3::Xxh3;

use super::{Answered, Reason, Walked};
use crate::telemetry::active::Day;

/// Records within the window, streams within the project's limit.
pub(super) struct Check<'a> {
    window: Window,
    active: &'a Day,
    arrived_ns: i64,
    /// The stream begun last is one too many; then its service, to name it.
    over: Option<String>,
    /// Why the record told last was not taken.
    last: Option<String>,
    pub(super) walked: Walked,
}

impl<'a> Check<'a> {
    pub(super) fn new(window: Window, active: &'a Day, arrived_ns: i64) -> Self {
        Self {
            window,
            active,
            arrived_ns,
            over: None,
            last: None,
            walked: Walked::default(),
        }
    }

    fn refuse(&mut self, reason: Reason, why: String) {
        self.last = Some(why.clone());
        self.walked.skip(reason, || why);
    }
}

impl LogSink for Check<'_> {
    fn stream(&mut self, stream: &Stream<'_>) {
        let known = self.active.admit(fingerprint(stream));
        self.over = (!known).then(|| stream.service.to_string());
    }

    fn record(&mut self, record: &LogRecord<'_>) {
        self.last = None;
        let time_ms = record.time_ns.div_euclid(1_000_000);
        if let Some(service) = &self.over {
            let limit = self.active.limit();
            let why = format!(
                "the project has its {limit} active streams; \
                 a new one of service `{service}` was refused"
            );
            self.refuse(Reason::ActiveLimit, why);
        } else if let Err((reason, why)) = super::time_of(self.window, time_ms) {
            self.refuse(reason, why);
        } else {
            self.walked.taken.items += 1;
            self.walked.timed_by_arrival |= record.time_ns == self.arrived_ns;
        }
    }
}

impl BulkSink for Check<'_> {
    fn item(&mut self, item: &Item<'_>) {
        self.walked.answered.push(Answered {
            action: item.action,
            index: item.index.to_owned(),
            id: item.id.to_owned(),
            refused: item.refused.clone().or_else(|| self.last.take()),
        });
    }
}

/// The same for the same service and fields, in their order.
fn fingerprint(stream: &Stream<'_>) -> u64 {
    let mut hash = Xxh3::new();
    let mut add = |text: &str| {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    add(&stream.service);
    for (name, value) in &stream.fields {
        add(name);
        add(value);
    }
    hash.digest()
}
