//! A sink that keeps what it was told, and bodies to decode into it.

use std::collections::{BTreeMap, HashMap};

use protocols::formats;
use protocols::metrics::{
    Exemplar, Labels, Metadata, MetricKind, MetricSink, NativeHistogram, SeriesKey,
};
use protocols::refused::{Refused, Skipped};

/// When all bodies of these tests arrived.
pub(crate) const RECEIVED_NS: i64 = 1_793_500_860_000_000_000;

/// Its series, labels, value and time.
type SeenExemplar = (Labels, Vec<(String, String)>, f64, i64);

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// Samples by labels; values as bits, so that NaN is equal to itself.
    pub(crate) samples: BTreeMap<Labels, Vec<(i64, u64)>>,
    pub(crate) histograms: BTreeMap<Labels, Vec<(i64, String)>>,
    pub(crate) exemplars: Vec<SeenExemplar>,
    pub(crate) metadata: BTreeMap<String, (MetricKind, String, String)>,
    pub(crate) skipped: Skipped,
    now: Labels,
    keys: HashMap<SeriesKey, Labels>,
}

impl Seen {
    pub(crate) fn decode(format: &str, body: &[u8]) -> Result<Self, Refused> {
        let mut seen = Self::default();
        let format = formats::find(formats::METRICS, format).unwrap();
        seen.skipped = (format.decode)(body, RECEIVED_NS, &mut seen)?;
        seen.keys.clear();
        seen.now = Labels::default();
        Ok(seen)
    }

    /// Name and labels of a series as PromQL writes them, with its values.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |(labels, samples): (&Labels, &Vec<(i64, u64)>)| {
            let values = samples.iter().map(|(_, bits)| f64::from_bits(*bits));
            format!("{} {:?}", text(labels), values.collect::<Vec<_>>())
        };
        self.samples.iter().map(line).collect()
    }
}

pub(crate) fn text(labels: &Labels) -> String {
    let pairs = labels.pairs().iter().filter(|(name, _)| name != "__name__");
    let pairs: Vec<_> = pairs.map(|(n, v)| format!("{n}={v:?}")).collect();
    let name = labels.get("__name__").unwrap_or_default();
    format!("{name}{{{}}}", pairs.join(","))
}

impl MetricSink for Seen {
    fn series(&mut self, key: SeriesKey, labels: &dyn Fn() -> Labels) {
        self.now = labels();
        let known = self.keys.entry(key).or_insert_with(|| self.now.clone());
        assert_eq!(*known, self.now, "equal keys, other labels");
    }

    fn sample(&mut self, time_ms: i64, value: f64) {
        let samples = self.samples.entry(self.now.clone()).or_default();
        samples.push((time_ms, value.to_bits()));
    }

    fn histogram(&mut self, time_ms: i64, histogram: NativeHistogram) {
        let histograms = self.histograms.entry(self.now.clone()).or_default();
        histograms.push((time_ms, format!("{histogram:?}")));
    }

    fn exemplar(&mut self, exemplar: Exemplar<'_>) {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let labels = exemplar.labels.iter().map(own).collect();
        self.exemplars
            .push((self.now.clone(), labels, exemplar.value, exemplar.time_ms));
    }

    fn metadata(&mut self, metadata: Metadata<'_>) {
        self.metadata.insert(
            metadata.family.to_owned(),
            (
                metadata.kind,
                metadata.help.to_owned(),
                metadata.unit.to_owned(),
            ),
        );
    }
}
