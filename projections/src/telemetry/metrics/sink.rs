//! Takes what decoders tell of one project's bodies and makes level-0 sections.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use eventlog::Offset;
use protocols::metrics::{
    Exemplar, Labels, Metadata, MetricKind, MetricSink, NativeHistogram, SeriesKey,
};
use schemas::telemetry::Window;

use super::exemplars::Measured;
use super::registry::{DAY_MS, Registry, day_of};
use super::segment::Writer;
use crate::telemetry::floors::Floor;

/// What the bodies of one project in one partition came to.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) from: Option<Offset>,
    pub(crate) until: Offset,
    samples: Vec<Sample>,
    histograms: Vec<(i32, u32, i64, NativeHistogram)>,
    pub(crate) exemplars: BTreeMap<i32, Vec<Measured>>,
    pub(crate) families: HashMap<String, Family>,
    pub(crate) outside_window: u64,
    pub(crate) over_limit: u64,
    /// Days whose series are to be loaded before this can be collected.
    pub(crate) missing_days: BTreeSet<i32>,
    /// A series came without the labels that a day needed: ask for all of them.
    pub(crate) missing_labels: bool,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    day: i32,
    ordinal: u32,
    time: i64,
    value: f64,
}

/// As stored in `metric_metadata`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Family {
    pub(crate) kind: MetricKind,
    pub(crate) help: String,
    pub(crate) unit: String,
}

/// The data of one section.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) day: i32,
    pub(crate) min_time: i64,
    pub(crate) max_time: i64,
    pub(crate) items: i32,
    pub(crate) data: Vec<u8>,
}

impl Collected {
    /// Whether it is all there is.
    pub(crate) fn is_complete(&self) -> bool {
        self.missing_days.is_empty() && !self.missing_labels
    }

    /// A section for each day. Of equal times of a series the first that came stays.
    pub(crate) fn encode(&mut self) -> Vec<Encoded> {
        // Stable: equal ones stay in the order of the log.
        self.samples
            .sort_by_key(|sample| (sample.day, sample.ordinal, sample.time));
        self.histograms
            .sort_by_key(|(day, ordinal, time, _)| (*day, *ordinal, *time));
        let mut histograms = std::mem::take(&mut self.histograms).into_iter().peekable();
        let mut samples = &self.samples[..];
        let mut sections = Vec::new();
        let mut section = SectionWriter::default();
        loop {
            let next = [
                samples.first().map(|s| (s.day, s.ordinal)),
                histograms.peek().map(|h| (h.0, h.1)),
            ];
            let Some((day, ordinal)) = next.into_iter().flatten().min() else {
                break;
            };
            if section.writer.len() > 0 && section.day != day {
                sections.push(section.finish());
            }
            section.day = day;
            let many = samples
                .iter()
                .take_while(|s| (s.day, s.ordinal) == (day, ordinal))
                .count();
            let (these, rest) = samples.split_at(many);
            samples = rest;
            let mut wide: Vec<(i64, NativeHistogram)> = Vec::new();
            while let Some((.., time, histogram)) =
                histograms.next_if(|h| (h.0, h.1) == (day, ordinal))
            {
                if wide.last().is_none_or(|(before, _)| *before != time) {
                    wide.push((time, histogram));
                }
            }
            section.series(ordinal, these, &wide);
        }
        if section.writer.len() > 0 {
            sections.push(section.finish());
        }
        sections
    }
}

struct SectionWriter {
    writer: Writer,
    day: i32,
    min_time: i64,
    max_time: i64,
    items: usize,
    times: Vec<i64>,
    values: Vec<f64>,
}

impl Default for SectionWriter {
    fn default() -> Self {
        Self {
            writer: Writer::default(),
            day: 0,
            min_time: i64::MAX,
            max_time: i64::MIN,
            items: 0,
            times: Vec::new(),
            values: Vec::new(),
        }
    }
}

impl SectionWriter {
    fn series(&mut self, ordinal: u32, samples: &[Sample], wide: &[(i64, NativeHistogram)]) {
        self.times.clear();
        self.values.clear();
        for sample in samples {
            if self.times.last() != Some(&sample.time) {
                self.times.push(sample.time);
                self.values.push(sample.value);
            }
        }
        let wide_times = wide.iter().map(|(time, _)| time);
        for time in [self.times.first(), self.times.last()]
            .into_iter()
            .flatten()
            .chain(wide_times)
        {
            self.min_time = self.min_time.min(*time);
            self.max_time = self.max_time.max(*time);
        }
        self.items += self.times.len() + wide.len();
        self.writer
            .ordinal(ordinal, &self.times, &self.values, wide);
    }

    fn finish(&mut self) -> Encoded {
        let encoded = Encoded {
            day: self.day,
            min_time: self.min_time,
            max_time: self.max_time,
            items: i32::try_from(self.items).unwrap_or(i32::MAX),
            data: self.writer.finish_ordinals(),
        };
        (self.min_time, self.max_time, self.items) = (i64::MAX, i64::MIN, 0);
        encoded
    }
}

/// One pass over one body.
pub(crate) struct Sink<'a> {
    registry: &'a mut Registry,
    to: &'a mut Collected,
    window: Window,
    /// Of a replay.
    floor: Option<Floor<'a>>,
    limit: u32,
    always_labels: bool,
    /// Keys of two formats may be equal without their labels being so.
    salt: u128,
    slot: u32,
    labels: Option<Labels>,
    /// The day of the last sample, and the ordinal of the series on it.
    day: i32,
    ordinal: Option<u32>,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(
        registry: &'a mut Registry,
        to: &'a mut Collected,
        window: Window,
        day: i32,
        salt: u128,
        limit: u32,
        always_labels: bool,
    ) -> Self {
        Self {
            registry,
            to,
            window,
            floor: None,
            limit,
            always_labels,
            salt,
            slot: 0,
            labels: None,
            day,
            ordinal: None,
        }
    }

    /// Takes only what is above the floor.
    pub(crate) fn above(self, floor: Option<Floor<'a>>) -> Self {
        Self { floor, ..self }
    }

    /// The ordinal of the series on the day of `time`; None where the item is left
    /// out, which is counted.
    fn place(&mut self, time: i64) -> Option<(i32, u32)> {
        if !self.window.contains(time) {
            self.to.outside_window += 1;
            return None;
        }
        let start = i64::from(self.day) * DAY_MS;
        if !(start..start + DAY_MS).contains(&time) {
            self.day = day_of(time);
            self.ordinal = self.registry.ordinal(self.day, self.slot);
            self.registry.use_day(self.day);
        }
        if self.ordinal.is_none() {
            self.ordinal = self.register();
        }
        self.ordinal.map(|ordinal| (self.day, ordinal))
    }

    /// Whether stored segments lack the item.
    fn takes(&self, time: i64) -> bool {
        self.floor
            .is_none_or(|floor| floor.takes(time.div_euclid(1_000)))
    }

    fn register(&mut self) -> Option<u32> {
        if !self.registry.has_day(self.day) {
            self.to.missing_days.insert(self.day);
            return None;
        }
        let Some(labels) = self.labels.clone() else {
            self.to.missing_labels = true;
            return None;
        };
        let ordinal = self
            .registry
            .register(self.day, self.slot, labels, self.limit);
        if ordinal.is_none() {
            self.to.over_limit += 1;
        }
        ordinal
    }
}

impl MetricSink for Sink<'_> {
    fn series(&mut self, key: SeriesKey, labels: &dyn Fn() -> Labels) {
        let key = SeriesKey(key.0 ^ self.salt);
        self.labels = None;
        self.slot = match self.registry.find(key) {
            Some(slot) => slot,
            None => {
                let labels = labels();
                let slot = self.registry.learn(key, &labels);
                self.labels = Some(labels);
                slot
            }
        };
        self.ordinal = self.registry.ordinal(self.day, self.slot);
        if self.labels.is_none() && (self.ordinal.is_none() || self.always_labels) {
            self.labels = Some(labels());
        }
    }

    fn sample(&mut self, time: i64, value: f64) {
        if let Some((day, ordinal)) = self.place(time)
            && self.takes(time)
        {
            self.to.samples.push(Sample {
                day,
                ordinal,
                time,
                value,
            });
        }
    }

    fn histogram(&mut self, time: i64, histogram: NativeHistogram) {
        if let Some((day, ordinal)) = self.place(time)
            && self.takes(time)
        {
            self.to.histograms.push((day, ordinal, time, histogram));
        }
    }

    fn exemplar(&mut self, exemplar: Exemplar<'_>) {
        if let Some((day, ordinal)) = self.place(exemplar.time_ms) {
            self.to
                .exemplars
                .entry(day)
                .or_default()
                .push(Measured::of(ordinal, &exemplar));
        }
    }

    fn metadata(&mut self, metadata: Metadata<'_>) {
        let Metadata {
            family,
            kind,
            help,
            unit,
        } = metadata;
        self.to.families.insert(
            family.to_owned(),
            Family {
                kind,
                help: help.to_owned(),
                unit: unit.to_owned(),
            },
        );
    }
}
