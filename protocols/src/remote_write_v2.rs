//! Prometheus remote write 2.0: `io.prometheus.write.v2.Request`, format
//! `prometheus.remote_write.v2`.
//!
//! Source: <https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/>. Labels are
//! references into a table of symbols that differs from request to request, so a
//! series' key is the hash of what they refer to; each symbol is hashed once. Created timestamps are read over:
//! nothing keeps them yet.

use xxhash_rust::xxh3::xxh3_128;

use crate::limits::LabelLimits;
use crate::metrics::{Exemplar, Labels, Metadata, MetricKind, MetricSink, NAME, SeriesKey};
use crate::protobuf::{Field, Malformed, Reader};
use crate::refused::{Refused, Skipped};
use crate::remote_write_v1;

pub const FORMAT: &str = "prometheus.remote_write.v2";

/// Symbols of one request.
pub const MAX_SYMBOLS: usize = 1_000_000;

/// Reads a `Request`. The symbols come first on the wire, but may come anywhere.
pub fn decode(
    body: &[u8],
    _received_ns: i64,
    sink: &mut dyn MetricSink,
) -> Result<Skipped, Refused> {
    let symbols = symbols(body)?;
    let mut walk = Walk {
        symbols: &symbols,
        sink,
        skipped: Skipped::default(),
        refs: Vec::with_capacity(64),
        hashes: Vec::with_capacity(1_024),
    };
    let mut reader = Reader::new(body);
    let mut at = 0;
    while let Some(field) = reader.field().map_err(|e| Wrong::from(e).at("body"))? {
        if field.number == 5 {
            walk.timeseries(field)
                .map_err(|wrong| wrong.at(&format!("timeseries[{at}]")))?;
            at += 1;
        }
    }
    Ok(walk.skipped)
}

/// A text that labels refer to.
struct Symbol<'a> {
    /// Empty where it is not UTF-8.
    text: &'a str,
    is_utf8: bool,
    hash: u128,
}

fn symbols(body: &[u8]) -> Result<Vec<Symbol<'_>>, Refused> {
    let mut symbols = Vec::new();
    let mut reader = Reader::new(body);
    while let Some(field) = reader.field().map_err(|e| Wrong::from(e).at("body"))? {
        if field.number == 4 {
            let bytes = field.bytes().map_err(|e| Wrong::from(e).at("symbols"))?;
            let text = std::str::from_utf8(bytes);
            symbols.push(Symbol {
                is_utf8: text.is_ok(),
                text: text.unwrap_or_default(),
                hash: xxh3_128(bytes),
            });
            if symbols.len() > MAX_SYMBOLS {
                let detail = format!("more than {MAX_SYMBOLS} symbols");
                return Err(Refused::new("symbols", detail));
            }
        }
    }
    match symbols.first() {
        Some(first) if !first.text.is_empty() || !first.is_utf8 => {
            Err(Refused::new("symbols[0]", "must be the empty string"))
        }
        _ => Ok(symbols),
    }
}

/// Why the request cannot be read.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("refers to symbol {0}, which does not exist")]
    NoSymbol(u32),
    #[error("has an odd number of label references")]
    OddRefs,
}

impl Wrong {
    fn at(&self, field: &str) -> Refused {
        Refused::new(field, self.to_string())
    }
}

struct Walk<'a, 's> {
    symbols: &'a [Symbol<'a>],
    sink: &'s mut dyn MetricSink,
    skipped: Skipped,
    /// Label references of the present series.
    refs: Vec<u32>,
    /// Hashes of the symbols that they refer to, in bytes.
    hashes: Vec<u8>,
}

impl<'a> Walk<'a, '_> {
    fn timeseries(&mut self, series: Field<'a>) -> Result<(), Wrong> {
        let mut refs = std::mem::take(&mut self.refs);
        let told = self.series_of(series, &mut refs);
        self.refs = refs;
        told
    }

    fn series_of(&mut self, series: Field<'a>, refs: &mut Vec<u32>) -> Result<(), Wrong> {
        refs.clear();
        let mut reader = series.message()?;
        while let Some(field) = reader.field()? {
            if field.number == 1 {
                references(field, refs)?;
            }
        }
        let labels = Resolved::of(self.symbols, refs)?;
        let key = self.key_of(refs);
        let problem = labels.problem();
        if problem.is_none() {
            self.sink.series(key, &|| labels.parse());
        }
        let mut reader = series.message()?;
        while let Some(field) = reader.field()? {
            match (field.number, &problem) {
                (2 | 3, Some(problem)) => self.skipped.note(|| problem.clone()),
                (2, None) => self.sample(field)?,
                (3, None) => match remote_write_v1::histogram(field.message()?)? {
                    Ok((time_ms, histogram)) => self.sink.histogram(time_ms, histogram),
                    Err(problem) => self.skipped.note(|| problem),
                },
                (4, None) => self.exemplar(field)?,
                (5, None) => self.metadata(labels.name, field)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Only for references that all have their symbol.
    fn key_of(&mut self, refs: &[u32]) -> SeriesKey {
        self.hashes.clear();
        for reference in refs {
            let symbol = &self.symbols[*reference as usize];
            self.hashes.extend_from_slice(&symbol.hash.to_le_bytes());
        }
        SeriesKey::of(&self.hashes)
    }

    fn sample(&mut self, sample: Field<'_>) -> Result<(), Wrong> {
        let (mut value, mut time_ms) = (0.0, 0);
        let mut reader = sample.message()?;
        while let Some(field) = reader.field()? {
            match field.number {
                1 => value = field.double()?,
                2 => time_ms = field.int()?,
                _ => {}
            }
        }
        self.sink.sample(time_ms, value);
        Ok(())
    }

    fn exemplar(&mut self, exemplar: Field<'_>) -> Result<(), Wrong> {
        let (mut refs, mut value, mut time_ms) = (Vec::new(), 0.0, 0);
        let mut reader = exemplar.message()?;
        while let Some(field) = reader.field()? {
            match field.number {
                1 => references(field, &mut refs)?,
                2 => value = field.double()?,
                3 => time_ms = field.int()?,
                _ => {}
            }
        }
        let resolved = Resolved::of(self.symbols, &refs)?;
        if !resolved.is_utf8 {
            // Its sample says enough.
            return Ok(());
        }
        let labels = resolved.pairs().collect();
        self.sink.exemplar(Exemplar {
            labels,
            value,
            time_ms,
        });
        Ok(())
    }

    fn metadata(&mut self, family: &str, metadata: Field<'_>) -> Result<(), Wrong> {
        let (mut kind, mut help, mut unit) = (MetricKind::Unknown, "", "");
        let mut reader = metadata.message()?;
        while let Some(field) = reader.field()? {
            match field.number {
                1 => kind = remote_write_v1::kind(field.uint()?),
                3 => help = symbol(self.symbols, field.uint()? as u32)?.text,
                4 => unit = symbol(self.symbols, field.uint()? as u32)?.text,
                _ => {}
            }
        }
        // Senders attach an empty one where they know nothing.
        if kind != MetricKind::Unknown || !help.is_empty() || !unit.is_empty() {
            let family = family_of(family, kind);
            self.sink.metadata(Metadata {
                family,
                kind,
                help,
                unit,
            });
        }
        Ok(())
    }
}

/// Metadata comes with each series; parts of a classic histogram or summary tell of
/// the family without their suffix.
fn family_of(series: &str, kind: MetricKind) -> &str {
    let suffixes: &[&str] = match kind {
        MetricKind::Histogram | MetricKind::GaugeHistogram => &["_bucket", "_count", "_sum"],
        MetricKind::Summary => &["_count", "_sum"],
        _ => &[],
    };
    let mut cut = suffixes.iter().filter_map(|s| series.strip_suffix(s));
    cut.next().unwrap_or(series)
}

fn references(field: Field<'_>, refs: &mut Vec<u32>) -> Result<(), Malformed> {
    field.varints(|reference| refs.push(u32::try_from(reference).unwrap_or(u32::MAX)))
}

fn symbol<'s, 'a>(symbols: &'s [Symbol<'a>], reference: u32) -> Result<&'s Symbol<'a>, Wrong> {
    let found = symbols.get(reference as usize);
    found.ok_or(Wrong::NoSymbol(reference))
}

/// References that all have their symbol.
struct Resolved<'a, 'r> {
    symbols: &'a [Symbol<'a>],
    refs: &'r [u32],
    name: &'a str,
    is_utf8: bool,
    limits: LabelLimits<'a>,
}

impl<'a, 'r> Resolved<'a, 'r> {
    fn of(symbols: &'a [Symbol<'a>], refs: &'r [u32]) -> Result<Self, Wrong> {
        let (pairs, []) = refs.as_chunks::<2>() else {
            return Err(Wrong::OddRefs);
        };
        let mut resolved = Self {
            symbols,
            refs,
            name: "",
            is_utf8: true,
            limits: LabelLimits::default(),
        };
        for [name, value] in pairs {
            let (name, value) = (symbol(symbols, *name)?, symbol(symbols, *value)?);
            resolved.is_utf8 &= name.is_utf8 && value.is_utf8;
            let (name, value) = (name.text, value.text);
            resolved.limits.see(name.as_bytes(), value.as_bytes());
            if name == NAME {
                resolved.name = value;
            }
        }
        Ok(resolved)
    }

    fn pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let symbol = |at: u32| self.symbols[at as usize].text;
        let (pairs, _) = self.refs.as_chunks::<2>();
        pairs
            .iter()
            .map(move |[name, value]| (symbol(*name), symbol(*value)))
    }

    fn parse(&self) -> Labels {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Labels::new(self.pairs().map(owned).collect())
    }

    /// Why no sample of the series can be taken.
    fn problem(&self) -> Option<String> {
        if self.name.is_empty() {
            return Some("a series has no metric name".to_owned());
        }
        let problem = match self.is_utf8 {
            true => {
                let names = self.pairs().map(|(name, _)| name.as_bytes());
                self.limits.problem_of(names)?
            }
            false => "has a label that is not UTF-8".to_owned(),
        };
        Some(format!("a series of metric `{:.200}` {problem}", self.name))
    }
}
