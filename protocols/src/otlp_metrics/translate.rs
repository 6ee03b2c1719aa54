//! From points to series: names, labels, and what a histogram or summary becomes.

mod exponential;

use std::borrow::Cow;
use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_128;

use super::names;
use super::points::{CUMULATIVE, DELTA, Exemplar, Head, Kind, Point};
use crate::any_value::{AnyValue, KeyValue};
use crate::limits::LabelLimits;
use crate::metrics::{
    self, CounterReset, Labels, Metadata, MetricKind, MetricSink, NAME, STALE, SeriesKey,
};
use crate::refused::{Refused, Skipped};

const NAMESPACE: &str = "service.namespace";
const SERVICE: &str = "service.name";
const INSTANCE: &str = "service.instance.id";

/// Where points come from.
pub(super) struct Resource {
    /// `job` and `instance`, as far as they are known.
    labels: Vec<(String, String)>,
    /// The labels of its `target_info` besides; none where nothing names the target.
    info: Vec<(String, String)>,
    /// Of all of them.
    hash: u128,
    latest_ms: Option<i64>,
}

impl Resource {
    pub(super) fn new(attributes: &[KeyValue<'_>]) -> Self {
        let find = |key: &str| attributes.iter().find(|pair| pair.key == key);
        let value = |key: &str| find(key).map(|pair| text(&pair.value).into_owned());
        let job = match (value(NAMESPACE), value(SERVICE)) {
            (Some(namespace), Some(name)) => Some(format!("{namespace}/{name}")),
            (_, name) => name,
        };
        let named = |name: &str, value: Option<String>| value.map(|v| (name.to_owned(), v));
        let labels = [named("job", job), named("instance", value(INSTANCE))];
        let labels: Vec<_> = labels.into_iter().flatten().collect();
        let identifying = [NAMESPACE, SERVICE, INSTANCE];
        let others = attributes.iter();
        let others = others.filter(|pair| !identifying.contains(&&*pair.key));
        let info = match labels.is_empty() {
            true => Vec::new(),
            false => translated(others),
        };
        let mut key = Vec::new();
        for (name, value) in labels.iter().chain(&info) {
            spell(&mut key, name);
            spell(&mut key, value);
        }
        Self {
            labels,
            info,
            hash: xxh3_128(&key),
            latest_ms: None,
        }
    }
}

/// A metric and what it is called in Prometheus.
pub(super) struct Metric<'a> {
    head: &'a Head<'a>,
    kind: Kind,
    temporality: i64,
    family: String,
}

impl<'a> Metric<'a> {
    pub(super) fn new(head: &'a Head<'a>, kind: Kind, temporality: i64) -> Self {
        Self {
            head,
            kind,
            temporality,
            family: names::metric(&head.name, &head.unit, kind),
        }
    }

    fn adds_up(&self) -> bool {
        let kind = self.kind;
        matches!(kind, Kind::Sum { .. } | Kind::Histogram | Kind::Exponential)
    }

    /// Whether its values are what came since the point before. They are kept as they
    /// are (ADR 23): `sum_over_time` adds them up, where `rate` takes totals.
    fn is_delta(&self) -> bool {
        self.adds_up() && self.temporality == DELTA
    }

    /// Why none of its points can be taken.
    fn problem(&self) -> Option<String> {
        if self.family.is_empty() {
            return Some("a metric has no name".to_owned());
        }
        let known = matches!(self.temporality, DELTA | CUMULATIVE);
        (self.adds_up() && !known).then(|| {
            format!(
                "metric `{:.200}` says neither delta nor cumulative temporality",
                self.head.name
            )
        })
    }
}

/// Tells a sink what points mean.
pub(super) struct Translator<'s> {
    sink: &'s mut dyn MetricSink,
    pub(super) skipped: Skipped,
    /// Room for what a series' key is hashed from.
    key: Vec<u8>,
}

/// The label that tells the series of one point apart.
type Part = Option<(&'static str, f64)>;

impl<'s> Translator<'s> {
    pub(super) fn new(sink: &'s mut dyn MetricSink) -> Self {
        Self {
            sink,
            skipped: Skipped::default(),
            key: Vec::with_capacity(512),
        }
    }

    pub(super) fn metadata(&mut self, metric: &Metric<'_>) {
        if metric.family.is_empty() {
            return;
        }
        self.sink.metadata(Metadata {
            family: &metric.family,
            kind: match metric.kind {
                // Prometheus has no kind for it: whoever reads `counter` would use `rate`.
                _ if metric.is_delta() => MetricKind::Unknown,
                Kind::Sum { monotonic: true } => MetricKind::Counter,
                Kind::Gauge | Kind::Sum { .. } => MetricKind::Gauge,
                Kind::Histogram | Kind::Exponential => MetricKind::Histogram,
                Kind::Summary => MetricKind::Summary,
            },
            help: &metric.head.description,
            unit: &metric.head.unit,
        });
    }

    /// A point as it was read. One that cannot be is left out: the others came through.
    pub(super) fn read(
        &mut self,
        resource: &mut Resource,
        metric: &Metric<'_>,
        point: Result<Point<'_>, Refused>,
    ) {
        match point {
            Ok(point) => self.point(resource, metric, &point),
            Err(why) => self.skipped.note(|| {
                let name = &metric.head.name;
                format!("a point of metric `{name:.200}` cannot be read: {why}")
            }),
        }
    }

    fn point(&mut self, resource: &mut Resource, metric: &Metric<'_>, point: &Point<'_>) {
        let problem = metric.problem().or_else(|| {
            let problem = limits(&point.attributes)?;
            Some(format!(
                "a series of metric `{:.200}` {problem}",
                metric.head.name
            ))
        });
        if let Some(problem) = problem {
            return self.skipped.note(|| problem);
        }
        let time_ms = point.time_ms();
        resource.latest_ms = resource.latest_ms.max(Some(time_ms));
        let told = match metric.kind {
            Kind::Gauge | Kind::Sum { .. } => {
                self.sample(resource, metric, "", point, None, point.value());
                self.exemplars(&point.exemplars, |_| true);
                Ok(())
            }
            Kind::Histogram => self.histogram(resource, metric, point),
            Kind::Exponential => self.exponential(resource, metric, point),
            Kind::Summary => {
                self.summary(resource, metric, point);
                Ok(())
            }
        };
        if let Err(problem) = told {
            self.skipped
                .note(|| format!("a point of metric `{:.200}` {problem}", metric.head.name));
        }
    }

    /// The resource itself, as a series that joins to all others of it.
    pub(super) fn target_info(&mut self, resource: &Resource) {
        let Some(time_ms) = resource.latest_ms.filter(|_| !resource.info.is_empty()) else {
            return;
        };
        self.key.clear();
        spell(&mut self.key, "target_info");
        self.key.extend_from_slice(&resource.hash.to_le_bytes());
        let name = (NAME.to_owned(), "target_info".to_owned());
        self.sink.series(SeriesKey::of(&self.key), &|| {
            let rest = resource.labels.iter().chain(&resource.info).cloned();
            Labels::new(std::iter::once(name.clone()).chain(rest).collect())
        });
        self.sink.sample(time_ms, 1.0);
    }

    fn histogram(
        &mut self,
        resource: &Resource,
        metric: &Metric<'_>,
        point: &Point<'_>,
    ) -> Result<(), String> {
        let (bounds, counts) = (&point.explicit_bounds, &point.bucket_counts);
        if !counts.is_empty() && counts.len() != bounds.len() + 1 {
            let (bounds, counts) = (bounds.len(), counts.len());
            return Err(format!("has {counts} buckets and {bounds} bounds"));
        }
        let mut below = f64::NEG_INFINITY;
        let mut cumulative = 0u64;
        for (bound, count) in bounds.iter().zip(counts) {
            cumulative = cumulative.saturating_add(*count);
            let part = Some(("le", *bound));
            self.sample(resource, metric, "_bucket", point, part, cumulative as f64);
            self.exemplars(&point.exemplars, |value| below < value && value <= *bound);
            below = *bound;
        }
        let count = point.count.cast_unsigned() as f64;
        let last = Some(("le", f64::INFINITY));
        self.sample(resource, metric, "_bucket", point, last, count);
        self.exemplars(&point.exemplars, |value| value > below);
        if let Some(sum) = point.sum {
            self.sample(resource, metric, "_sum", point, None, sum);
        }
        self.sample(resource, metric, "_count", point, None, count);
        Ok(())
    }

    fn exponential(
        &mut self,
        resource: &Resource,
        metric: &Metric<'_>,
        point: &Point<'_>,
    ) -> Result<(), String> {
        let mut histogram = exponential::native(point)?;
        if metric.is_delta() {
            histogram.reset = CounterReset::Gauge;
        }
        self.series(resource, metric, "", point, None);
        self.sink.histogram(point.time_ms(), histogram);
        self.exemplars(&point.exemplars, |_| true);
        Ok(())
    }

    fn summary(&mut self, resource: &Resource, metric: &Metric<'_>, point: &Point<'_>) {
        for at in &point.quantile_values {
            let part = Some(("quantile", at.quantile));
            self.sample(resource, metric, "", point, part, at.value);
        }
        let (count, sum) = (point.count.cast_unsigned() as f64, point.sum);
        self.sample(
            resource,
            metric,
            "_sum",
            point,
            None,
            sum.unwrap_or_default(),
        );
        self.sample(resource, metric, "_count", point, None, count);
    }

    /// One sample of one series of a point.
    fn sample(
        &mut self,
        resource: &Resource,
        metric: &Metric<'_>,
        suffix: &str,
        point: &Point<'_>,
        part: Part,
        value: f64,
    ) {
        self.series(resource, metric, suffix, point, part);
        let value = match point.ended() {
            true => f64::from_bits(STALE),
            false => value,
        };
        self.sink.sample(point.time_ms(), value);
    }

    fn series(
        &mut self,
        resource: &Resource,
        metric: &Metric<'_>,
        suffix: &str,
        point: &Point<'_>,
        part: Part,
    ) {
        let key = &mut self.key;
        key.clear();
        key.extend_from_slice(&resource.hash.to_le_bytes());
        spell(key, &metric.family);
        spell(key, suffix);
        if let Some((name, value)) = part {
            spell(key, name);
            key.extend_from_slice(&value.to_bits().to_le_bytes());
        }
        for pair in &point.attributes {
            spell(key, &pair.key);
            spell(key, &text(&pair.value));
        }
        self.sink.series(SeriesKey::of(key), &|| {
            let mut pairs = vec![(NAME.to_owned(), format!("{}{suffix}", metric.family))];
            pairs.extend(part.map(|(name, value)| (name.to_owned(), decimal(value))));
            pairs.extend(resource.labels.iter().cloned());
            pairs.extend(translated(point.attributes.iter()));
            Labels::new(pairs)
        });
    }

    fn exemplars(&mut self, exemplars: &[Exemplar<'_>], here: impl Fn(f64) -> bool) {
        for exemplar in exemplars {
            if here(exemplar.value()) {
                self.exemplar(exemplar);
            }
        }
    }

    fn exemplar(&mut self, exemplar: &Exemplar<'_>) {
        let attributes = translated(exemplar.filtered_attributes.iter());
        let ids = [
            ("trace_id", exemplar.trace_id.as_str()),
            ("span_id", &exemplar.span_id),
        ];
        let ids = ids.into_iter().filter(|(_, id)| is_id(id));
        let attributes = attributes.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        self.sink.exemplar(metrics::Exemplar {
            labels: ids.chain(attributes).collect(),
            value: exemplar.value(),
            time_ms: exemplar.time_unix_nano.div_euclid(1_000_000),
        });
    }
}

/// An id of zeros is none.
fn is_id(id: &str) -> bool {
    id.bytes().all(|b| b.is_ascii_hexdigit()) && id.bytes().any(|b| b != b'0')
}

fn limits(attributes: &[KeyValue<'_>]) -> Option<String> {
    let texts: Vec<_> = attributes.iter().map(|pair| text(&pair.value)).collect();
    let mut limits = LabelLimits::default();
    for (pair, value) in attributes.iter().zip(&texts) {
        limits.see(pair.key.as_bytes(), value.as_bytes());
    }
    limits.problem()
}

/// Labels of attributes; values of names that become the same are joined, in the
/// order of the names that they had.
fn translated<'a>(attributes: impl Iterator<Item = &'a KeyValue<'a>>) -> Vec<(String, String)> {
    let mut sorted: Vec<_> = attributes.collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    let mut labels = BTreeMap::<String, String>::new();
    for pair in sorted {
        let value = text(&pair.value);
        labels
            .entry(names::label(&pair.key))
            .and_modify(|known| {
                known.push(';');
                known.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    labels.into_iter().collect()
}

fn text<'a>(value: &'a AnyValue<'_>) -> Cow<'a, str> {
    match value {
        AnyValue::Text(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.clone().into_text().into_owned()),
    }
}

/// Its length, then its bytes: no two lists of texts are spelled alike.
fn spell(key: &mut Vec<u8>, text: &str) {
    key.extend_from_slice(&(text.len() as u32).to_le_bytes());
    key.extend_from_slice(text.as_bytes());
}

/// As Prometheus writes `le` and `quantile`.
fn decimal(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value => value.to_string(),
    }
}
