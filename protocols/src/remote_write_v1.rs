//! Prometheus remote write 1.0: `prometheus.WriteRequest`, format
//! `prometheus.remote_write.v1`.
//!
//! Source: <https://prometheus.io/docs/specs/prw/remote_write_spec/> and
//! `prompb/types.proto` of Prometheus. A series' key is the hash of its label fields
//! as they lie on the wire; senders write them sorted, so equal labels are equal bytes.

mod histogram;

use crate::limits::LabelLimits;
use crate::metrics::{Exemplar, Labels, Metadata, MetricKind, MetricSink, NAME, SeriesKey};
use crate::protobuf::{Field, Malformed, Reader};
use crate::refused::{Refused, Skipped};

pub const FORMAT: &str = "prometheus.remote_write.v1";

/// Reads a `WriteRequest`.
pub fn decode(
    body: &[u8],
    _received_ns: i64,
    sink: &mut dyn MetricSink,
) -> Result<Skipped, Refused> {
    let mut skipped = Skipped::default();
    let mut reader = Reader::new(body);
    let mut at = 0;
    loop {
        let field = reader.field().map_err(|e| refused("body", e))?;
        let Some(field) = field else {
            return Ok(skipped);
        };
        match field.number {
            1 => {
                let series = field
                    .bytes()
                    .and_then(|series| timeseries(series, sink, &mut skipped));
                series.map_err(|e| refused(&format!("timeseries[{at}]"), e))?;
                at += 1;
            }
            3 => {
                match field.message().and_then(metadata) {
                    // What is said of a family is not worth the samples beside it.
                    Err(Malformed::NotUtf8) => {}
                    told => sink.metadata(told.map_err(|e| refused("metadata", e))?),
                }
            }
            _ => {}
        }
    }
}

fn refused(field: &str, malformed: Malformed) -> Refused {
    Refused::new(field, malformed.to_string())
}

/// Labels come first on the wire, in one run: they are measured and hashed in place.
fn timeseries(
    bytes: &[u8],
    sink: &mut dyn MetricSink,
    skipped: &mut Skipped,
) -> Result<(), Malformed> {
    let labels = LabelRun::measure(bytes)?;
    let mut reader = Reader::new(&bytes[labels.wire.len()..]);
    let problem = labels.problem();
    if problem.is_none() {
        sink.series(SeriesKey::of(labels.wire), &|| labels.parse());
    }
    while let Some(field) = reader.field()? {
        match (field.number, &problem) {
            (1, _) => return Err(Malformed::WrongType(1)),
            (2, Some(problem)) => skipped.note(|| problem.clone()),
            (4, Some(problem)) => skipped.note(|| problem.clone()),
            (2, None) => sample(field.message()?, sink)?,
            (3, None) => match exemplar(field.message()?, sink) {
                // Its sample says enough.
                Err(Malformed::NotUtf8) => {}
                told => told?,
            },
            (4, None) => match histogram::decode(field.message()?)? {
                Ok((time_ms, histogram)) => sink.histogram(time_ms, histogram),
                Err(problem) => skipped.note(|| problem),
            },
            _ => {}
        }
    }
    Ok(())
}

/// The label fields at the head of a series.
struct LabelRun<'a> {
    wire: &'a [u8],
    count: usize,
    named: bool,
    is_utf8: bool,
    limits: LabelLimits<'a>,
}

impl<'a> LabelRun<'a> {
    fn measure(series: &'a [u8]) -> Result<Self, Malformed> {
        let mut run = Self {
            wire: &[],
            count: 0,
            named: false,
            is_utf8: true,
            limits: LabelLimits::default(),
        };
        let mut rest = series;
        // Field 1, length-delimited.
        while rest.first() == Some(&0x0a) {
            let (name, value, after) = match short_label(rest) {
                Some(read) => read,
                None => {
                    let mut reader = Reader::new(rest);
                    let field = reader.field()?.ok_or(Malformed::Truncated)?;
                    let (name, value) = label(field)?;
                    (name, value, reader.rest())
                }
            };
            run.count += 1;
            // An empty label is none.
            run.named |= name == NAME.as_bytes() && !value.is_empty();
            run.limits.see(name, value);
            rest = after;
        }
        run.wire = &series[..series.len() - rest.len()];
        if !run.wire.is_ascii() {
            run.is_utf8 = run.check_utf8()?;
        }
        Ok(run)
    }

    fn check_utf8(&self) -> Result<bool, Malformed> {
        let mut reader = Reader::new(self.wire);
        while let Some(field) = reader.field()? {
            let (name, value) = label(field)?;
            if [name, value]
                .into_iter()
                .any(|text| std::str::from_utf8(text).is_err())
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Why no sample of the series can be taken.
    fn problem(&self) -> Option<String> {
        if !self.named {
            return Some("a series has no metric name".to_owned());
        }
        let problem = match self.is_utf8 {
            true => self.limits.problem_of(self.names())?,
            // Two values may become the same text, so none of them is kept.
            false => "has a label that is not UTF-8".to_owned(),
        };
        let labels = self.parse();
        let name = labels.get(NAME).unwrap_or_default();
        Some(format!("a series of metric `{name:.200}` {problem}"))
    }

    /// As [`Self::measure`] has read them.
    fn names(&self) -> impl Iterator<Item = &[u8]> {
        let mut reader = Reader::new(self.wire);
        std::iter::from_fn(move || {
            let (name, _) = label(reader.field().ok()??).ok()?;
            Some(name)
        })
    }

    fn parse(&self) -> Labels {
        let mut reader = Reader::new(self.wire);
        let mut pairs = Vec::with_capacity(self.count);
        while let Ok(Some(field)) = reader.field() {
            if let Ok((name, value)) = label(field) {
                let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                pairs.push((text(name), text(value)));
            }
        }
        Labels::new(pairs)
    }
}

/// A label as nearly all are written: both parts, in order, of less than 128 bytes
/// together. Its name, its value, and what follows; none where it is written otherwise.
#[inline]
fn short_label(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let [0x0a, length @ ..0x80, inner @ ..] = bytes else {
        return None;
    };
    let (inner, after) = inner.split_at_checked(usize::from(*length))?;
    let [0x0a, length @ ..0x80, name @ ..] = inner else {
        return None;
    };
    let (name, value) = name.split_at_checked(usize::from(*length))?;
    let [0x12, length @ ..0x80, value @ ..] = value else {
        return None;
    };
    (value.len() == usize::from(*length)).then_some((name, value, after))
}

#[inline]
fn label(field: Field<'_>) -> Result<(&[u8], &[u8]), Malformed> {
    let (mut name, mut value) = (&[][..], &[][..]);
    let mut reader = field.message()?;
    while let Some(part) = reader.field()? {
        match part.number {
            1 => name = part.bytes()?,
            2 => value = part.bytes()?,
            _ => {}
        }
    }
    Ok((name, value))
}

fn sample(mut reader: Reader<'_>, sink: &mut dyn MetricSink) -> Result<(), Malformed> {
    let (mut value, mut time_ms) = (0.0, 0);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => value = field.double()?,
            2 => time_ms = field.int()?,
            _ => {}
        }
    }
    sink.sample(time_ms, value);
    Ok(())
}

fn exemplar(mut reader: Reader<'_>, sink: &mut dyn MetricSink) -> Result<(), Malformed> {
    let (mut labels, mut value, mut time_ms) = (Vec::new(), 0.0, 0);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => {
                let utf8 = |bytes| std::str::from_utf8(bytes).map_err(|_| Malformed::NotUtf8);
                let (name, value) = label(field)?;
                labels.push((utf8(name)?, utf8(value)?));
            }
            2 => value = field.double()?,
            3 => time_ms = field.int()?,
            _ => {}
        }
    }
    sink.exemplar(Exemplar {
        labels,
        value,
        time_ms,
    });
    Ok(())
}

fn metadata(mut reader: Reader<'_>) -> Result<Metadata<'_>, Malformed> {
    let mut told = Metadata {
        family: "",
        kind: MetricKind::Unknown,
        help: "",
        unit: "",
    };
    while let Some(field) = reader.field()? {
        match field.number {
            1 => told.kind = kind(field.uint()?),
            2 => told.family = field.text()?,
            4 => told.help = field.text()?,
            5 => told.unit = field.text()?,
            _ => {}
        }
    }
    Ok(told)
}

/// `MetricMetadata.MetricType`; the same numbers in 1.0 and 2.0.
pub(crate) fn kind(number: u64) -> MetricKind {
    match number {
        1 => MetricKind::Counter,
        2 => MetricKind::Gauge,
        3 => MetricKind::Histogram,
        4 => MetricKind::GaugeHistogram,
        5 => MetricKind::Summary,
        6 => MetricKind::Info,
        7 => MetricKind::StateSet,
        _ => MetricKind::Unknown,
    }
}

pub(crate) use histogram::decode as histogram;
