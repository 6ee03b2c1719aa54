//! Checks what a decoder of logs tells.

use protocols::elastic_bulk::{BulkSink, Item};
use protocols::logs::{LogRecord, LogSink, Stream};
use schemas::telemetry::Window;
use xxhash_rust::xxh3::Xxh3;

use super::series::{Judge, Over};
use super::{Answered, Reason, Walked};

/// Records within the window, streams within the tenant's limits.
pub(super) struct Check<'a> {
    window: Window,
    judge: Judge<'a>,
    arrived_ns: i64,
    /// Streams of two projects must not be taken for each other.
    salt: u64,
    /// The stream begun last is refused; and its service, to name it.
    over: Option<(Over, String)>,
    /// Why the record told last was not taken.
    last: Option<String>,
    /// What `timed_by_arrival` was before the item under way.
    timed_before: bool,
    pub(super) walked: Walked,
}

impl<'a> Check<'a> {
    pub(super) fn new(window: Window, judge: Judge<'a>, salt: u64, arrived_ns: i64) -> Self {
        Self {
            window,
            judge,
            arrived_ns,
            salt,
            over: None,
            last: None,
            timed_before: false,
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
        let measure = || {
            let longest = stream.fields.iter().map(|(_, value)| value.len()).max();
            (stream.fields.len() + 1, longest.unwrap_or(0))
        };
        let over = self.judge.judge(fingerprint(stream) ^ self.salt, measure);
        self.walked.runs.push(over.is_none());
        self.over = over.map(|over| (over, stream.service.to_string()));
        if let Some((over, service)) = &self.over
            && over.reason == Reason::ActiveLimit
        {
            self.walked.offender.get_or_insert_with(|| service.clone());
        }
    }

    fn record(&mut self, record: &LogRecord<'_>) {
        self.last = None;
        let time_ms = record.time_ns.div_euclid(1_000_000);
        if let Some((over, service)) = &self.over {
            let (reason, why) = (over.reason, over.why(&format!("service `{service}`")));
            self.refuse(reason, why);
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
        // An id tells a document from others like it as well as a time does.
        if !item.id.is_empty() {
            self.walked.timed_by_arrival = self.timed_before;
        }
        self.timed_before = self.walked.timed_by_arrival;
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
