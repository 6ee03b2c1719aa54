//! What a metrics decoder tells, whatever the wire format: series, and the samples
//! that follow each. Decoders borrow from the body; a sink keeps what it needs.

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::limits::MAX_BUCKETS;

/// The label that holds a metric's name.
pub const NAME: &str = "__name__";

/// Equal keys mean equal labels, within one project and one format. A sink that has
/// seen a key need not ask for the labels again, which is most of what decoding costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SeriesKey(pub u128);

impl SeriesKey {
    /// Of the bytes on the wire that spell the labels.
    pub fn of(wire: &[u8]) -> Self {
        Self(xxh3_128(wire))
    }
}

/// Labels in canonical order: by name, each name once, no empty values.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Vec<(String, String)>);

/// Identifies a series within its project for ever: 32 bits of its metric's name,
/// so that series of one metric lie together, then 96 bits of all its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub u128);

impl Labels {
    /// Sorts, drops empty values; of a name given twice the first value stays.
    pub fn new(mut pairs: Vec<(String, String)>) -> Self {
        pairs.retain(|(_, value)| !value.is_empty());
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, first| later.0 == first.0);
        Self(pairs)
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self
            .0
            .binary_search_by(|(known, _)| known.as_str().cmp(name));
        at.ok().map(|at| self.0[at].1.as_str())
    }

    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    pub fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }

    pub fn id(&self) -> SeriesId {
        let pairs = self.0.iter().map(|(name, value)| (&name[..], &value[..]));
        SeriesId::of(pairs, &mut Vec::with_capacity(256))
    }
}

impl SeriesId {
    /// Of labels in canonical order. What `text` holds is written over, so that one
    /// serves for many.
    pub fn of<'a>(
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        text: &mut Vec<u8>,
    ) -> Self {
        text.clear();
        let mut metric = "";
        for (name, value) in labels {
            if name == NAME {
                metric = value;
            }
            for part in [name, value] {
                text.extend_from_slice(&(part.len() as u32).to_le_bytes());
                text.extend_from_slice(part.as_bytes());
            }
        }
        Self(Self::prefix(metric) | (xxh3_128(text) & (u128::MAX >> 32)))
    }

    /// The smallest id that a series named `name` can have; all of them lie in
    /// `prefix ..= prefix | (u128::MAX >> 32)`.
    pub fn prefix(name: &str) -> u128 {
        u128::from(xxh3_64(name.as_bytes()) >> 32) << 96
    }
}

/// A native histogram, as remote write 2.0 and the exposition format know it:
/// exponential buckets by `schema` (-4..=8, factor 2^(2^-schema)), or custom bounds
/// (-53). Counts are absolute, one per bucket named by the spans. Integer
/// histograms are given as floats; both are exact below 2^53.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NativeHistogram {
    pub schema: i32,
    pub zero_threshold: f64,
    pub zero_count: f64,
    pub count: f64,
    pub sum: f64,
    pub positive_spans: Vec<Span>,
    pub positive: Vec<f64>,
    pub negative_spans: Vec<Span>,
    pub negative: Vec<f64>,
    /// Upper bounds of the buckets where `schema` is -53.
    pub custom_bounds: Vec<f64>,
    pub reset: CounterReset,
}

/// The schema of histograms with bounds of their own.
pub const CUSTOM_BOUNDS: i32 = -53;

impl NativeHistogram {
    /// Why it cannot be kept, to follow what has it: what Prometheus refuses as well.
    pub fn problem(&self) -> Option<String> {
        // What is no number is not finite.
        if !self.zero_threshold.is_finite() || self.zero_threshold < 0.0 {
            return Some(format!("has zero threshold {}", self.zero_threshold));
        }
        let sides = [&self.negative_spans, &self.positive_spans];
        let mut later = sides.into_iter().flat_map(|spans| spans.iter().skip(1));
        if let Some(span) = later.find(|span| span.offset < 0) {
            let back = span.offset;
            return Some(format!("has a span {back} after the one before it"));
        }
        match self.schema {
            CUSTOM_BOUNDS => self.problem_of_bounds(),
            _ => None,
        }
    }

    fn problem_of_bounds(&self) -> Option<String> {
        let bounds = &self.custom_bounds;
        if bounds.len() > MAX_BUCKETS {
            let count = bounds.len();
            return Some(format!("has {count} bounds, the limit is {MAX_BUCKETS}"));
        }
        let ascend = bounds.is_sorted_by(|a, b| a < b);
        if !ascend || bounds.iter().any(|bound| !bound.is_finite()) {
            return Some("has custom bounds that are not finite or do not ascend".to_owned());
        }
        let others = [self.zero_threshold, self.zero_count];
        if others.iter().any(|part| *part != 0.0) || !self.negative_spans.is_empty() {
            return Some("has custom bounds, and a zero bucket or negative ones".to_owned());
        }
        let begins = self.positive_spans.first().map_or(0, |span| span.offset);
        let reach = |span: &Span| i64::from(span.offset) + i64::from(span.length);
        let ends: i64 = self.positive_spans.iter().map(reach).sum();
        // The last bucket, up to infinity, has no bound.
        let most = bounds.len() as i64 + 1;
        let outside = begins < 0 || ends > most;
        outside.then(|| format!("has buckets {begins} to {ends}, its bounds name 0 to {most}"))
    }
}

/// `length` buckets, `offset` after the end of the span before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub offset: i32,
    pub length: u32,
}

/// Whether a native histogram began anew at this sample, as its sender says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CounterReset {
    #[default]
    Unknown,
    Yes,
    No,
    Gauge,
}

/// A measured value with what it was measured on, most often a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar<'a> {
    pub labels: Vec<(&'a str, &'a str)>,
    pub value: f64,
    pub time_ms: i64,
}

/// The type of a metric as OpenMetrics names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MetricKind {
    Unknown,
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
}

impl MetricKind {
    /// As `/api/v1/metadata` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
        }
    }
}

/// What is known of a metric family besides its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata<'a> {
    pub family: &'a str,
    pub kind: MetricKind,
    pub help: &'a str,
    pub unit: &'a str,
}

/// Takes what a decoder reads. Samples belong to the series begun last. Times are
/// milliseconds since 1970; a stale marker is the value whose bits are [`STALE`].
pub trait MetricSink {
    /// Begins a series. `labels` builds its labels; call it only for a new `key`.
    fn series(&mut self, key: SeriesKey, labels: &dyn Fn() -> Labels);
    fn sample(&mut self, time_ms: i64, value: f64);
    fn histogram(&mut self, time_ms: i64, histogram: NativeHistogram);
    fn exemplar(&mut self, exemplar: Exemplar<'_>);
    fn metadata(&mut self, metadata: Metadata<'_>);
}

/// The bits of the NaN that says a series has ended (Prometheus, model/value).
pub const STALE: u64 = 0x7ff0_0000_0000_0002;

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Labels::new(
            pairs
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn the_order_of_labels_does_not_matter_but_each_text_does() {
        let one = labels(&[(NAME, "up"), ("job", "a"), ("empty", "")]);
        assert_eq!(one.id(), labels(&[("job", "a"), (NAME, "up")]).id());
        assert_ne!(one.id(), labels(&[(NAME, "up"), ("job", "b")]).id());
        assert_ne!(labels(&[("a", "bc")]).id(), labels(&[("ab", "c")]).id());
    }

    #[test]
    fn series_of_one_metric_lie_together() {
        let id = labels(&[(NAME, "up"), ("job", "a")]).id().0;
        assert!(
            (SeriesId::prefix("up")..=SeriesId::prefix("up") | (u128::MAX >> 32)).contains(&id)
        );
    }

    #[test]
    fn histograms_that_prometheus_refuses_are_told() {
        let span = |offset, length| Span { offset, length };
        let exponential = |zero_threshold| NativeHistogram {
            zero_threshold,
            ..NativeHistogram::default()
        };
        let custom = |custom_bounds: &[f64], positive_spans: &[Span]| NativeHistogram {
            schema: CUSTOM_BOUNDS,
            custom_bounds: custom_bounds.to_vec(),
            positive_spans: positive_spans.to_vec(),
            ..NativeHistogram::default()
        };
        let twice = NativeHistogram {
            positive_spans: vec![span(-3, 2), span(-1, 1)],
            ..NativeHistogram::default()
        };
        let zero = NativeHistogram {
            zero_count: 1.0,
            ..custom(&[1.0], &[])
        };
        let ascend = "has custom bounds that are not finite or do not ascend";
        for (histogram, problem) in [
            (exponential(-1.0), "has zero threshold -1"),
            (exponential(f64::NAN), "has zero threshold NaN"),
            (exponential(f64::INFINITY), "has zero threshold inf"),
            (twice, "has a span -1 after the one before it"),
            (custom(&[1.0, 1.0], &[]), ascend),
            (custom(&[f64::NAN], &[]), ascend),
            (custom(&[1.0, f64::INFINITY], &[]), ascend),
            (
                zero,
                "has custom bounds, and a zero bucket or negative ones",
            ),
            (
                custom(&[1.0], &[span(0, 3)]),
                "has buckets 0 to 3, its bounds name 0 to 2",
            ),
            (
                custom(&[1.0], &[span(-1, 2)]),
                "has buckets -1 to 1, its bounds name 0 to 2",
            ),
        ] {
            assert_eq!(histogram.problem().as_deref(), Some(problem));
        }
        assert_eq!(custom(&[-1.0, 2.0], &[span(1, 2)]).problem(), None);
        assert_eq!(exponential(0.5).problem(), None);
    }
}
