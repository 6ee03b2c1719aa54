//! Samples of many series in columns: a section of level 0, where series are named
//! by their ordinal of the day, and a segment of level 1, where they are in order
//! of their ids. Per series a head says how long its share of each column is, so
//! that one series is read without decoding the others.
//!
//! ```text
//! version, names (0 ordinals | 1 ids), series
//! columns: names, heads, times, values, histograms
//! head: samples << 2 | same times << 1 | has histograms, bytes of times (unless
//!       the same as before), bytes of values, then [histograms, their bytes]
//! ```

use std::ops::Range;

use promql::source::Samples;
use protocols::metrics::NativeHistogram;

use super::{histograms, times, values};
use crate::telemetry::bytes::{Damaged, Reader, put_column, put_signed, put_varint};

const VERSION: u8 = 1;
const ORDINALS: u8 = 0;
const IDS: u8 = 1;

/// Writes a segment, one series after the other.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    series: u64,
    names: Vec<u8>,
    heads: Vec<u8>,
    times: Vec<u8>,
    values: Vec<u8>,
    histograms: Vec<u8>,
    last_times: Vec<i64>,
    last_ordinal: u32,
    scratch: values::Scratch,
}

impl Writer {
    /// Adds the series with this ordinal of its day; ordinals increase.
    pub(crate) fn ordinal(
        &mut self,
        ordinal: u32,
        times: &[i64],
        values: &[f64],
        histograms: &[(i64, NativeHistogram)],
    ) {
        put_varint(&mut self.names, (ordinal - self.last_ordinal).into());
        self.last_ordinal = ordinal;
        self.series(times, values, histograms);
    }

    /// Adds the series with this id; ids increase.
    pub(crate) fn id(
        &mut self,
        id: u128,
        times: &[i64],
        values: &[f64],
        histograms: &[(i64, NativeHistogram)],
    ) {
        self.names.extend_from_slice(&id.to_be_bytes());
        self.series(times, values, histograms);
    }

    pub(crate) fn len(&self) -> u64 {
        self.series
    }

    /// The ordinals' section; the writer is empty afterwards.
    pub(crate) fn finish_ordinals(&mut self) -> Vec<u8> {
        self.finish(ORDINALS)
    }

    /// The ids' segment; the writer is empty afterwards.
    pub(crate) fn finish_ids(&mut self) -> Vec<u8> {
        self.finish(IDS)
    }

    fn series(&mut self, times: &[i64], values: &[f64], histograms: &[(i64, NativeHistogram)]) {
        let same = self.series > 0 && times == self.last_times;
        put_varint(
            &mut self.heads,
            (times.len() as u64) << 2 | u64::from(same) << 1 | u64::from(!histograms.is_empty()),
        );
        if !same {
            let start = self.times.len();
            times::encode(times, &mut self.times);
            put_varint(&mut self.heads, (self.times.len() - start) as u64);
            self.last_times.clear();
            self.last_times.extend_from_slice(times);
        }
        let start = self.values.len();
        if !values.is_empty() {
            values::encode(values, &mut self.scratch, &mut self.values);
        }
        put_varint(&mut self.heads, (self.values.len() - start) as u64);
        if !histograms.is_empty() {
            self.histograms(histograms);
        }
        self.series += 1;
    }

    fn histograms(&mut self, histograms: &[(i64, NativeHistogram)]) {
        let start = self.histograms.len();
        let mut last = 0_i64;
        for (time, histogram) in histograms {
            put_signed(&mut self.histograms, time.wrapping_sub(last));
            histograms::encode(histogram, &mut self.histograms);
            last = *time;
        }
        put_varint(&mut self.heads, histograms.len() as u64);
        put_varint(&mut self.heads, (self.histograms.len() - start) as u64);
    }

    fn finish(&mut self, names: u8) -> Vec<u8> {
        let mut out = vec![VERSION, names];
        put_varint(&mut out, self.series);
        for column in [
            &mut self.names,
            &mut self.heads,
            &mut self.times,
            &mut self.values,
            &mut self.histograms,
        ] {
            put_column(&mut out, column);
            column.clear();
        }
        self.series = 0;
        self.last_ordinal = 0;
        self.last_times.clear();
        out
    }
}

/// How the series of a segment are named.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Names {
    Ordinals(Vec<u32>),
    Ids(Vec<u128>),
}

/// A segment whose columns are unpacked; samples are decoded series by series.
#[derive(Debug)]
pub(crate) struct Segment {
    names: Names,
    heads: Vec<Head>,
    /// Of the series that have any histograms, in order.
    wide: Vec<WideHead>,
    times: Vec<u8>,
    values: Vec<u8>,
    histograms: Vec<u8>,
}

/// Where a series' share of the columns is. Times may be those of the series before;
/// values lie one behind the other, so that their end is enough. Small, because
/// compaction opens sections of many series with a sample each.
#[derive(Debug, Clone, Copy)]
struct Head {
    samples: u32,
    times_start: u32,
    times_end: u32,
    values_end: u32,
}

#[derive(Debug)]
struct WideHead {
    series: u32,
    count: u32,
    place: Range<u32>,
}

impl Segment {
    pub(crate) fn open(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(bytes);
        if reader.byte()? != VERSION {
            return Err(Damaged("a segment of another version"));
        }
        let kind = reader.byte()?;
        let series = usize::try_from(reader.varint()?).unwrap_or(usize::MAX);
        let names = read_names(kind, series, &reader.column()?)?;
        let (heads, wide) = read_heads(series, &reader.column()?)?;
        Ok(Self {
            names,
            heads,
            wide,
            times: reader.column()?.into_owned(),
            values: reader.column()?.into_owned(),
            histograms: reader.column()?.into_owned(),
        })
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// Bytes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.heads.len() * (size_of::<Head>() + size_of::<u128>())
            + self.wide.len() * size_of::<WideHead>()
            + self.times.len()
            + self.values.len()
            + self.histograms.len()
            + size_of::<Self>()
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.heads.len()
    }

    /// Appends what the `at`-th series has.
    pub(crate) fn read(&self, at: usize, samples: &mut Samples) -> Result<(), Damaged> {
        let head = self.heads.get(at).ok_or(Damaged("no such series"))?;
        if head.samples > 0 {
            let mut times = Reader::new(part(&self.times, head.times_start..head.times_end)?);
            times::decode(&mut times, head.samples as usize, &mut samples.times)?;
            let before = at
                .checked_sub(1)
                .map(|before| self.heads[before].values_end);
            let values = before.unwrap_or(0)..head.values_end;
            let mut values = Reader::new(part(&self.values, values)?);
            values::decode(&mut values, head.samples as usize, &mut samples.values)?;
        }
        match self.wide.is_empty() {
            true => Ok(()),
            false => self.read_histograms(at, samples),
        }
    }

    fn read_histograms(&self, at: usize, samples: &mut Samples) -> Result<(), Damaged> {
        let found = self.wide.binary_search_by_key(&at, |w| w.series as usize);
        let Ok(wide) = found.map(|found| &self.wide[found]) else {
            return Ok(());
        };
        let mut reader = Reader::new(part(&self.histograms, wide.place.clone())?);
        let mut time = 0_i64;
        for _ in 0..wide.count {
            time = time.wrapping_add(reader.signed()?);
            samples
                .histograms
                .push((time, histograms::decode(&mut reader)?));
        }
        Ok(())
    }
}

fn part(column: &[u8], range: Range<u32>) -> Result<&[u8], Damaged> {
    column
        .get(range.start as usize..range.end as usize)
        .ok_or(Damaged("a column is shorter than its heads say"))
}

fn read_names(kind: u8, series: usize, column: &[u8]) -> Result<Names, Damaged> {
    if kind == IDS {
        let ids: Vec<_> = column
            .as_chunks()
            .0
            .iter()
            .map(|id| u128::from_be_bytes(*id))
            .collect();
        return match ids.len() == series {
            true => Ok(Names::Ids(ids)),
            false => Err(Damaged("another number of ids")),
        };
    }
    let mut reader = Reader::new(column);
    let (mut ordinals, mut last) = (Vec::with_capacity(series.min(column.len())), 0_u32);
    for _ in 0..series {
        let step =
            u32::try_from(reader.varint()?).map_err(|_| Damaged("an ordinal is too large"))?;
        last = last
            .checked_add(step)
            .ok_or(Damaged("an ordinal is too large"))?;
        ordinals.push(last);
    }
    Ok(Names::Ordinals(ordinals))
}

fn read_heads(series: usize, column: &[u8]) -> Result<(Vec<Head>, Vec<WideHead>), Damaged> {
    let mut reader = Reader::new(column);
    let mut heads: Vec<Head> = Vec::with_capacity(series.min(column.len()));
    let mut wide = Vec::new();
    let (mut times_end, mut values_end, mut histograms_end) = (0, 0, 0);
    for at in 0..series {
        let word = reader.varint()?;
        let times = match (word & 2 != 0, heads.last()) {
            (true, Some(before)) => before.times_start..before.times_end,
            _ => next_range(&mut times_end, &mut reader)?,
        };
        next_range(&mut values_end, &mut reader)?;
        if word & 1 != 0 {
            wide.push(WideHead {
                series: u32::try_from(at).map_err(|_| Damaged("too many series"))?,
                count: length(&mut reader)?,
                place: next_range(&mut histograms_end, &mut reader)?,
            });
        }
        let samples = u32::try_from(word >> 2).unwrap_or(u32::MAX);
        if samples > times.end - times.start {
            return Err(Damaged("more samples than times"));
        }
        heads.push(Head {
            samples,
            times_start: times.start,
            times_end: times.end,
            values_end,
        });
    }
    Ok((heads, wide))
}

fn length(reader: &mut Reader<'_>) -> Result<u32, Damaged> {
    u32::try_from(reader.varint()?).map_err(|_| Damaged("a length is too large"))
}

fn next_range(end: &mut u32, reader: &mut Reader<'_>) -> Result<Range<u32>, Damaged> {
    let start = *end;
    *end = start
        .checked_add(length(reader)?)
        .ok_or(Damaged("a length is too large"))?;
    Ok(start..*end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Series = (Vec<(i64, f64)>, Vec<i64>);

    fn series() -> impl Strategy<Value = Vec<Series>> {
        let sample =
            (-1_000..2_000_000_i64, -50..50_i32).prop_map(|(t, v)| (t, f64::from(v) / 4.0));
        let one = (
            prop::collection::vec(sample, 0..20),
            prop::collection::vec(0..1_000_000_i64, 0..3),
        );
        prop::collection::vec(one, 0..30)
    }

    fn histogram(sum: i64) -> NativeHistogram {
        NativeHistogram {
            sum: sum as f64,
            ..NativeHistogram::default()
        }
    }

    proptest! {
        #[test]
        fn series_come_back_each_by_itself(all in series(), by_id: bool) {
            let mut writer = Writer::default();
            let mut expected = Vec::new();
            for (n, (samples, histograms)) in all.iter().enumerate() {
                let (times, values): (Vec<_>, Vec<_>) = samples.iter().copied().unzip();
                let histograms: Vec<_> = histograms.iter().map(|t| (*t, histogram(*t))).collect();
                match by_id {
                    true => writer.id((n as u128) << 90, &times, &values, &histograms),
                    false => writer.ordinal(n as u32 * 3, &times, &values, &histograms),
                }
                expected.push(Samples { times, values, histograms });
            }
            let bytes = if by_id { writer.finish_ids() } else { writer.finish_ordinals() };
            let segment = Segment::open(&bytes).unwrap();
            prop_assert_eq!(segment.len(), expected.len());
            match segment.names() {
                Names::Ids(ids) => prop_assert!(by_id && ids.iter().enumerate().all(|(n, id)| *id == (n as u128) << 90)),
                Names::Ordinals(all) => prop_assert!(!by_id && all.iter().enumerate().all(|(n, o)| *o == n as u32 * 3)),
            }
            for at in (0..expected.len()).rev() {
                let mut samples = Samples::default();
                segment.read(at, &mut samples).unwrap();
                prop_assert_eq!(&samples, &expected[at]);
            }
        }

        #[test]
        fn damaged_segments_are_refused_or_read(at: prop::sample::Index, byte: u8, bytes: Vec<u8>) {
            let mut writer = Writer::default();
            for n in 0..20_u32 {
                writer.ordinal(n, &[1, 2, i64::from(n)], &[0.5, 1.0, f64::from(n)], &[(3, histogram(4))]);
            }
            let mut damaged = writer.finish_ordinals();
            let at = at.index(damaged.len());
            damaged[at] = byte;
            for bytes in [damaged, bytes] {
                if let Ok(segment) = Segment::open(&bytes) {
                    for n in 0..segment.len() {
                        let _either = segment.read(n, &mut Samples::default());
                    }
                }
            }
        }
    }
}
