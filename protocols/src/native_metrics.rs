//! Our own JSON for metrics, format `native.metrics.json`: for scripts and for agents
//! that speak nothing else.
//!
//! ```json
//! {"metrics": [
//!   {"name": "queue_length", "labels": {"queue": "mail"}, "type": "gauge", "value": 7},
//!   {"name": "jobs_total", "type": "counter", "help": "Jobs done.", "unit": "jobs",
//!    "samples": [[1793500860000, 41], [1793500875000, 42]]}
//! ]}
//! ```
//!
//! Times are milliseconds since 1970, or texts as RFC 3339 has them; without `timestamp`
//! (or `time`, as for logs) a value is of the moment it arrived. Values are numbers or
//! `"NaN"`, `"+Inf"`, `"-Inf"`. Unknown fields are ignored. The list may stand alone, as
//! for logs.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::Error as _;
use xxhash_rust::xxh3::xxh3_128;

use crate::limits::LabelLimits;
use crate::metrics::{Labels, Metadata, MetricKind, MetricSink, NAME, SeriesKey};
use crate::refused::{Refused, Skipped};
use crate::times::of_rfc3339;

pub const FORMAT: &str = "native.metrics.json";

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    metrics: Vec<Metric<'a>>,
}

/// The list itself or in its object, told by the first byte.
fn read(body: &[u8]) -> Result<Vec<Metric<'_>>, Refused> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let metrics = match first {
        Some(b'[') => serde_path_to_error::deserialize(&mut json),
        _ => serde_path_to_error::deserialize(&mut json).map(|body: Body<'_>| body.metrics),
    };
    let metrics =
        metrics.map_err(|e| Refused::new(e.path().to_string(), e.into_inner().to_string()))?;
    json.end()
        .map_err(|e| Refused::new("body", e.to_string()))?;
    Ok(metrics)
}

#[derive(Deserialize)]
struct Metric<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    labels: Pairs<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    help: Cow<'a, str>,
    #[serde(borrow, default)]
    unit: Cow<'a, str>,
    value: Option<Number>,
    #[serde(alias = "time")]
    timestamp: Option<Time>,
    samples: Option<Vec<(Time, Number)>>,
}

/// A map in the order of the wire.
#[derive(Default)]
struct Pairs<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

#[derive(Clone, Copy)]
struct Number(f64);

/// Milliseconds since 1970.
#[derive(Clone, Copy)]
struct Time(i64);

/// Reads a body.
pub fn decode(
    body: &[u8],
    received_ns: i64,
    sink: &mut dyn MetricSink,
) -> Result<Skipped, Refused> {
    let metrics = read(body)?;
    let mut skipped = Skipped::default();
    for (at, metric) in metrics.iter().enumerate() {
        let refused = |(field, detail): (&str, String)| {
            Refused::new(format!("metrics[{at}].{field}"), detail)
        };
        metric
            .tell(received_ns / 1_000_000, sink, &mut skipped)
            .map_err(refused)?;
    }
    Ok(skipped)
}

type Wrong = (&'static str, String);

impl Metric<'_> {
    fn tell(
        &self,
        received_ms: i64,
        sink: &mut dyn MetricSink,
        skipped: &mut Skipped,
    ) -> Result<(), Wrong> {
        let samples = self.samples(received_ms)?;
        let kind = self.kind()?;
        if self.name.is_empty() {
            return Err(("name", "is empty".to_owned()));
        }
        if let Some(problem) = self.problem() {
            for _ in &samples {
                skipped.note(|| format!("a series of metric `{:.200}` {problem}", self.name));
            }
            return Ok(());
        }
        if kind != MetricKind::Unknown || !self.help.is_empty() || !self.unit.is_empty() {
            sink.metadata(Metadata {
                family: &self.name,
                kind,
                help: &self.help,
                unit: &self.unit,
            });
        }
        sink.series(self.key(), &|| self.labels());
        for (time_ms, value) in samples {
            sink.sample(time_ms, value);
        }
        Ok(())
    }

    fn samples(&self, received_ms: i64) -> Result<Vec<(i64, f64)>, Wrong> {
        match (&self.value, &self.samples) {
            (Some(Number(value)), None) => {
                let time_ms = self.timestamp.map_or(received_ms, |Time(ms)| ms);
                Ok(vec![(time_ms, *value)])
            }
            (None, Some(samples)) => Ok(samples
                .iter()
                .map(|(Time(time_ms), Number(value))| (*time_ms, *value))
                .collect()),
            (Some(_), Some(_)) => Err(("samples", "cannot be given beside value".to_owned())),
            (None, None) => Err(("value", "is missing, and so are samples".to_owned())),
        }
    }

    fn kind(&self) -> Result<MetricKind, Wrong> {
        match self.kind.as_deref() {
            None | Some("unknown" | "untyped") => Ok(MetricKind::Unknown),
            Some("counter") => Ok(MetricKind::Counter),
            Some("gauge") => Ok(MetricKind::Gauge),
            Some("histogram") => Ok(MetricKind::Histogram),
            Some("summary") => Ok(MetricKind::Summary),
            Some("info") => Ok(MetricKind::Info),
            Some("stateset") => Ok(MetricKind::StateSet),
            Some(other) => Err(("type", format!("`{other:.100}` is not a metric type"))),
        }
    }

    fn problem(&self) -> Option<String> {
        let mut limits = LabelLimits::default();
        limits.see(NAME.as_bytes(), self.name.as_bytes());
        for (name, value) in &self.labels.0 {
            limits.see(name.as_bytes(), value.as_bytes());
        }
        let names = self.labels.0.iter().map(|(name, _)| name.as_bytes());
        limits.problem_of(names.chain([NAME.as_bytes()]))
    }

    fn key(&self) -> SeriesKey {
        let mut text = Vec::with_capacity(256);
        let parts = self.labels.0.iter().flat_map(|(n, v)| [n, v]);
        for part in std::iter::once(&self.name).chain(parts) {
            text.extend_from_slice(&(part.len() as u32).to_le_bytes());
            text.extend_from_slice(part.as_bytes());
        }
        SeriesKey(xxh3_128(&text))
    }

    fn labels(&self) -> Labels {
        let pairs = self.labels.0.iter();
        let pairs = pairs.map(|(name, value)| (name.to_string(), value.to_string()));
        let name = (NAME.to_owned(), self.name.to_string());
        Labels::new(std::iter::once(name).chain(pairs).collect())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(Text(name)) = map.next_key()? {
                    let Text(value) = map.next_value()?;
                    pairs.push((name, value));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// Text that is borrowed where the body has no escapes in it.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(f64),
            Word(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(value) => Ok(Self(value)),
            Either::Word(word) => match word.as_str() {
                "NaN" => Ok(Self(f64::NAN)),
                "+Inf" | "Inf" => Ok(Self(f64::INFINITY)),
                "-Inf" => Ok(Self(f64::NEG_INFINITY)),
                _ => Err(D::Error::custom(format!("`{word:.100}` is not a number"))),
            },
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Time;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("milliseconds since 1970 or an RFC 3339 time")
            }

            fn visit_i64<E: serde::de::Error>(self, ms: i64) -> Result<Time, E> {
                Ok(Time(ms))
            }

            fn visit_u64<E: serde::de::Error>(self, ms: u64) -> Result<Time, E> {
                let too_late = || E::custom(format!("{ms} ms are after all times"));
                i64::try_from(ms).map(Time).map_err(|_| too_late())
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Time, E> {
                let no_time = || E::custom(format!("`{text:.100}` is not an RFC 3339 time"));
                let ns = of_rfc3339(text.trim()).ok_or_else(no_time)?;
                Ok(Time(ns.div_euclid(1_000_000)))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
