//! Takes what decoders tell of one project's bodies and makes level-0 sections.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use eventlog::Offset;
use protocols::metrics::{
    Exemplar, Labels, Metadata, MetricKind, MetricSink, NativeHistogram, SeriesKey,
};
use schemas::telemetry::Window;
use schemas::time::Timestamp;

use super::arrivals::{LATE_MS, Late};
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
    histograms: Vec<(Place, NativeHistogram)>,
    /// When bodies came that brought anything late.
    arrivals: Vec<i64>,
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
    place: Place,
    value: f64,
}

/// Small, because there is one for each sample of a flush.
#[derive(Debug, Clone, Copy)]
struct Place {
    day: i32,
    ordinal: u32,
    /// Of its day, in milliseconds.
    time: u32,
    /// 0 where it was not late, else its number in [`Collected::arrivals`].
    arrival: u32,
}

impl Place {
    fn series(self) -> (i32, u32) {
        (self.day, self.ordinal)
    }

    fn order(self) -> (i32, u32, u32) {
        (self.day, self.ordinal, self.time)
    }

    fn time_ms(self) -> i64 {
        i64::from(self.day) * DAY_MS + i64::from(self.time)
    }

    /// As the `at`-th sample of its series, where it was late.
    fn late(self, at: usize, arrivals: &[i64]) -> Option<Late> {
        let arrival = self.arrival.checked_sub(1)?;
        Some(Late {
            at: at as u32,
            arrival_ms: arrivals[arrival as usize],
        })
    }
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
        self.samples.sort_by_key(|sample| sample.place.order());
        self.histograms.sort_by_key(|(place, _)| place.order());
        let mut histograms = std::mem::take(&mut self.histograms).into_iter().peekable();
        let mut samples = &self.samples[..];
        let mut sections = Vec::new();
        let mut section = SectionWriter::default();
        loop {
            let next = [
                samples.first().map(|sample| sample.place.series()),
                histograms.peek().map(|(place, _)| place.series()),
            ];
            let Some(series @ (day, ordinal)) = next.into_iter().flatten().min() else {
                break;
            };
            if section.writer.len() > 0 && section.day != day {
                sections.push(section.finish());
            }
            section.day = day;
            let many = samples
                .iter()
                .take_while(|sample| sample.place.series() == series)
                .count();
            let (these, rest) = samples.split_at(many);
            samples = rest;
            let mut wide: Vec<(i64, NativeHistogram)> = Vec::new();
            while let Some((place, histogram)) =
                histograms.next_if(|(place, _)| place.series() == series)
            {
                let time = place.time_ms();
                if wide.last().is_none_or(|(before, _)| *before != time) {
                    section
                        .late_wide
                        .extend(place.late(wide.len(), &self.arrivals));
                    wide.push((time, histogram));
                }
            }
            section.series(ordinal, these, &wide, &self.arrivals);
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
    late: Vec<Late>,
    late_wide: Vec<Late>,
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
            late: Vec::new(),
            late_wide: Vec::new(),
        }
    }
}

impl SectionWriter {
    fn series(
        &mut self,
        ordinal: u32,
        samples: &[Sample],
        wide: &[(i64, NativeHistogram)],
        arrivals: &[i64],
    ) {
        self.times.clear();
        self.values.clear();
        for sample in samples {
            let time = sample.place.time_ms();
            if self.times.last() != Some(&time) {
                if let Some(late) = sample.place.late(self.times.len(), arrivals) {
                    self.late.push(late);
                }
                self.times.push(time);
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
        self.writer
            .arrivals(self.late.drain(..), self.late_wide.drain(..));
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

pub(crate) fn arrival_day(received_at: Timestamp) -> i32 {
    day_of(received_at.micros().div_euclid(1_000))
}

/// The first millisecond at which what came was there.
fn arrival_ms(received_at: Timestamp) -> i64 {
    received_at.micros().saturating_add(999).div_euclid(1_000)
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
    /// When the body came, before which time its items are late, and the number of its
    /// arrival once any was.
    arrival_ms: i64,
    late_before: i64,
    arrival: u32,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(
        registry: &'a mut Registry,
        to: &'a mut Collected,
        window: Window,
        received_at: Timestamp,
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
            day: arrival_day(received_at),
            ordinal: None,
            arrival_ms: arrival_ms(received_at),
            late_before: arrival_ms(received_at).saturating_sub(LATE_MS),
            arrival: 0,
        }
    }

    /// Takes only what is above the floor.
    pub(crate) fn above(self, floor: Option<Floor<'a>>) -> Self {
        Self { floor, ..self }
    }

    /// Where an item of the series belongs; None where it is left out, which is counted.
    fn place(&mut self, time: i64) -> Option<Place> {
        if !self.window.contains(time) {
            self.to.outside_window += 1;
            return None;
        }
        let mut start = i64::from(self.day) * DAY_MS;
        if !(start..start + DAY_MS).contains(&time) {
            self.day = day_of(time);
            start = i64::from(self.day) * DAY_MS;
            self.ordinal = self.registry.ordinal(self.day, self.slot);
            self.registry.use_day(self.day);
        }
        let Ok(of_day) = u32::try_from(time.saturating_sub(start)) else {
            // Before the first day that has a number: where no age is too much.
            self.to.outside_window += 1;
            return None;
        };
        if self.ordinal.is_none() {
            self.ordinal = self.register();
        }
        let ordinal = self.ordinal?;
        Some(Place {
            day: self.day,
            ordinal,
            time: of_day,
            arrival: self.arrival_of(time),
        })
    }

    /// What is kept of it, to the second: bodies that come close together are told
    /// together, and are known a second early at most.
    fn arrival_ms(&self) -> i64 {
        self.arrival_ms.div_euclid(1_000) * 1_000
    }

    fn arrival_of(&mut self, time: i64) -> u32 {
        if time >= self.late_before {
            return 0;
        }
        if self.arrival == 0 {
            self.to.arrivals.push(self.arrival_ms());
            self.arrival = self.to.arrivals.len() as u32;
        }
        self.arrival
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
        if let Some(place) = self.place(time)
            && self.takes(time)
        {
            self.to.samples.push(Sample { place, value });
        }
    }

    fn histogram(&mut self, time: i64, histogram: NativeHistogram) {
        if let Some(place) = self.place(time)
            && self.takes(time)
        {
            self.to.histograms.push((place, histogram));
        }
    }

    fn exemplar(&mut self, exemplar: Exemplar<'_>) {
        if let Some(place) = self.place(exemplar.time_ms) {
            let arrival_ms = (place.arrival != 0).then(|| self.arrival_ms());
            self.to
                .exemplars
                .entry(place.day)
                .or_default()
                .push(Measured::of(place.ordinal, &exemplar, arrival_ms));
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
