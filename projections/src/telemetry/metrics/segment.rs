//! Samples of many series in columns: a section of level 0, where series are named
//! by their ordinal of the day, and a segment of level 1, where they are in order
//! of their ids. Per series a head says how long its share of each column is, so
//! that one series is read without decoding the others.
//!
//! ```text
//! version, form, series
//! form: names (0 ordinals | 1 ids) | has arrivals << 1 | some arrivals untold << 2 |
//!       has arrivals of whole series << 3
//! columns: names, heads, times, values, histograms, then [arrivals], [those of whole series]
//! head: samples << 2 | same times << 1 | has histograms, bytes of times (unless
//!       the same as before), bytes of values, then [histograms, their bytes]
//! ```
//!
//! The first version has names alone for its form: it does not tell what arrived late.

use std::ops::Range;

use promql::source::Samples;
use protocols::metrics::NativeHistogram;

use super::arrivals::{self, Arrivals, Late};
use super::{histograms, times, values};
use crate::telemetry::bytes::{Damaged, Reader, put_column, put_signed, put_varint};

const FIRST_VERSION: u8 = 1;
const VERSION: u8 = 2;
const ORDINALS: u8 = 0;
const IDS: u8 = 1;
const ARRIVALS: u8 = 2;
const UNTOLD: u8 = 4;
const WHOLE: u8 = 8;

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
    /// Floats and histograms of the series that was added last.
    last_count: (usize, usize),
    arrivals: arrivals::ColumnWriter,
    untold: bool,
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

    /// Of the series that was added last, the samples that were late.
    pub(crate) fn arrivals(
        &mut self,
        floats: impl Iterator<Item = Late>,
        histograms: impl Iterator<Item = Late>,
    ) {
        let series = self.series.saturating_sub(1);
        self.arrivals
            .series(series, self.last_count, floats, histograms);
    }

    /// Says that some samples do not tell whether they were late.
    pub(crate) fn untold(&mut self) {
        self.untold = true;
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
        self.last_count = (times.len(), histograms.len());
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
        let (arrivals, whole) = (self.arrivals.take(), self.arrivals.take_whole());
        let mut form = names;
        for (bit, column) in [(ARRIVALS, &arrivals), (WHOLE, &whole)] {
            if column.is_some() {
                form |= bit;
            }
        }
        if std::mem::take(&mut self.untold) {
            form |= UNTOLD;
        }
        let mut out = vec![VERSION, form];
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
        for column in [arrivals, whole].into_iter().flatten() {
            put_column(&mut out, &column);
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
    arrivals: Option<Box<arrivals::Column>>,
    untold: bool,
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
        let form = match (reader.byte()?, reader.byte()?) {
            (FIRST_VERSION, names) => names | UNTOLD,
            (VERSION, form) => form,
            _ => return Err(Damaged("a segment of another version")),
        };
        if form & !(IDS | ARRIVALS | UNTOLD | WHOLE) != 0 {
            return Err(Damaged("a segment of an unknown form"));
        }
        let series = usize::try_from(reader.varint()?).unwrap_or(usize::MAX);
        let names = read_names(form & IDS, series, &reader.column()?)?;
        let (heads, wide) = read_heads(series, &reader.column()?)?;
        let mut segment = Self {
            names,
            heads,
            wide,
            times: reader.column()?.into_owned(),
            values: reader.column()?.into_owned(),
            histograms: reader.column()?.into_owned(),
            arrivals: None,
            untold: form & UNTOLD != 0,
        };
        if form & (ARRIVALS | WHOLE) != 0 {
            let mut column = |bit| match form & bit {
                0 => Ok(None),
                _ => reader.column().map(|bytes| Some(bytes.into_owned())),
            };
            let (some, whole) = (column(ARRIVALS)?, column(WHOLE)?);
            segment.arrivals = Some(Box::new(arrivals::Column::read(some, whole)?));
        }
        Ok(segment)
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
            + self.arrivals.as_ref().map_or(0, |column| column.size())
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

    /// Appends which of the `at`-th series' samples were late, when these lie behind
    /// `before` others, floats and histograms.
    pub(crate) fn read_arrivals(
        &self,
        at: usize,
        before: (usize, usize),
        arrivals: &mut Arrivals,
    ) -> Result<(), Damaged> {
        arrivals.untold |= self.untold;
        match &self.arrivals {
            Some(column) => {
                let head = self.heads.get(at).ok_or(Damaged("no such series"))?;
                let wide = self.wide_of(at).map_or(0, |wide| wide.count as usize);
                column.of(at, (head.samples as usize, wide), before, arrivals)
            }
            None => Ok(()),
        }
    }

    /// Where the histograms of a series are, if it has any.
    fn wide_of(&self, at: usize) -> Option<&WideHead> {
        let found = self.wide.binary_search_by_key(&at, |w| w.series as usize);
        found.ok().map(|found| &self.wide[found])
    }

    fn read_histograms(&self, at: usize, samples: &mut Samples) -> Result<(), Damaged> {
        let Some(wide) = self.wide_of(at) else {
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

fn read_names(names: u8, series: usize, column: &[u8]) -> Result<Names, Damaged> {
    if names == IDS {
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

        /// Of each series its own, behind what was read before.
        #[test]
        fn arrivals_come_back(
            all in prop::collection::vec((
                prop::collection::vec(prop::option::of(-2..2_i64), 0..12),
                prop::collection::vec(prop::option::of(-2..2_i64), 0..3),
            ), 0..20),
            untold: bool,
        ) {
            let late = |arrivals: &[Option<i64>], first: usize| -> Vec<Late> {
                let places = arrivals.iter().enumerate();
                places.filter_map(|(at, arrival)| {
                    let arrival_ms = 1_793_500_000_000 + (*arrival)?;
                    Some(Late { at: (first + at) as u32, arrival_ms })
                }).collect()
            };
            let mut writer = Writer::default();
            for (n, (floats, wide)) in all.iter().enumerate() {
                let times: Vec<i64> = (0..floats.len() as i64).collect();
                let values = vec![1.0; floats.len()];
                let histograms: Vec<_> = (0..wide.len() as i64).map(|t| (t, histogram(t))).collect();
                writer.id(n as u128, &times, &values, &histograms);
                writer.arrivals(late(floats, 0).into_iter(), late(wide, 0).into_iter());
            }
            if untold {
                writer.untold();
            }
            let segment = Segment::open(&writer.finish_ids()).unwrap();
            for (at, (floats, wide)) in all.iter().enumerate() {
                let mut arrivals = Arrivals::default();
                segment.read_arrivals(at, (7, 5), &mut arrivals).unwrap();
                let expected = Arrivals { floats: late(floats, 7), histograms: late(wide, 5), untold };
                prop_assert_eq!(arrivals, expected);
            }
            let next = Segment::open(&writer.finish_ids()).unwrap();
            prop_assert!(next.arrivals.is_none() && !next.untold, "nothing is left of the one before");
        }

        #[test]
        fn damaged_segments_are_refused_or_read(at: prop::sample::Index, byte: u8, bytes: Vec<u8>) {
            let mut writer = Writer::default();
            for n in 0..20_u32 {
                writer.ordinal(n, &[1, 2, i64::from(n)], &[0.5, 1.0, f64::from(n)], &[(3, histogram(4))]);
                let late = Late { at: n % 3, arrival_ms: i64::from(n) };
                writer.arrivals([late].into_iter(), [Late { at: 0, ..late }].into_iter());
            }
            let mut damaged = writer.finish_ordinals();
            let at = at.index(damaged.len());
            damaged[at] = byte;
            for bytes in [damaged, bytes] {
                if let Ok(segment) = Segment::open(&bytes) {
                    for n in 0..segment.len() {
                        let _either = segment.read(n, &mut Samples::default());
                        let _either = segment.read_arrivals(n, (0, 0), &mut Arrivals::default());
                    }
                }
            }
        }
    }
    /// As it was written before arrivals were kept: two series, the second with a
    /// histogram.
    const FIRST: &[u8] = &[
        1, 0, 2, 4, 3, 6, 14, 8, 4, 4, 11, 2, 1, 13, 8, 208, 15, 208, 15, 12, 34, 100, 150, 1, 0,
        14, 26, 240, 46, 0, 0, 1, 1, 1, 5, 0, 0, 0, 0, 0,
    ];

    /// The same as it is written now.
    fn again() -> Writer {
        let mut writer = Writer::default();
        writer.ordinal(3, &[1_000, 2_000], &[0.5, 1.25], &[]);
        writer.ordinal(9, &[1_000, 2_000], &[7.0, 7.0], &[(3_000, histogram(4))]);
        writer
    }

    #[test]
    fn segments_of_the_first_version_are_read_and_do_not_tell_what_was_late() {
        let segment = Segment::open(FIRST).unwrap();
        assert_eq!(segment.names(), &Names::Ordinals(vec![3, 9]));
        let (mut samples, mut arrivals) = (Samples::default(), Arrivals::default());
        segment.read(1, &mut samples).unwrap();
        assert_eq!(
            (&samples.times[..], &samples.values[..]),
            (&[1_000, 2_000][..], &[7.0, 7.0][..])
        );
        assert_eq!(samples.histograms, [(3_000, histogram(4))]);
        segment.read_arrivals(1, (0, 0), &mut arrivals).unwrap();
        assert!(arrivals.is_empty() && arrivals.untold);
    }

    #[test]
    fn where_nothing_is_late_arrivals_take_no_byte() {
        let bytes = again().finish_ordinals();
        assert_eq!(bytes[1..], FIRST[1..]);
        assert!(!Segment::open(&bytes).unwrap().untold);
        let mut late = again();
        let arrival_ms = 1_793_500_000_000;
        late.arrivals([Late { at: 1, arrival_ms }].into_iter(), std::iter::empty());
        assert!(late.finish_ordinals().len() > bytes.len());
    }

    /// As a flush after an outage: each body brings other series.
    #[test]
    fn neighbours_that_arrived_whole_and_together_are_told_once() {
        let flush = |late: bool| {
            let mut writer = Writer::default();
            for n in 0..1_000_u32 {
                let wide = [(2_000, histogram(4))];
                let wide = if n % 2 == 0 { &wide[..] } else { &[] };
                writer.ordinal(n, &[1_000], &[f64::from(n)], wide);
                let arrival_ms = 90_000 + i64::from(n / 400) * 1_000;
                let late = late.then_some(Late { at: 0, arrival_ms });
                writer.arrivals(
                    late.into_iter(),
                    late.filter(|_| !wide.is_empty()).into_iter(),
                );
            }
            writer.finish_ordinals()
        };
        let (punctual, late) = (flush(false), flush(true));
        assert!(
            late.len() < punctual.len() + 30,
            "{} of {}",
            late.len(),
            punctual.len()
        );
        let segment = Segment::open(&late).unwrap();
        let mut arrivals = Arrivals::default();
        segment.read_arrivals(800, (2, 1), &mut arrivals).unwrap();
        let of = |at| {
            vec![Late {
                at,
                arrival_ms: 92_000,
            }]
        };
        assert_eq!((arrivals.floats, arrivals.histograms), (of(2), of(1)));
    }

    #[test]
    fn a_flood_of_late_samples_takes_little() {
        let flood = |late: bool| {
            let mut writer = Writer::default();
            for n in 0..1_000_u32 {
                writer.ordinal(n, &[1_000, 16_000], &[f64::from(n), 2.0], &[]);
                let arrivals = (0..2).map(|at| Late {
                    at,
                    arrival_ms: 90_000 + i64::from(at),
                });
                writer.arrivals(arrivals.take(if late { 2 } else { 0 }), std::iter::empty());
            }
            writer.finish_ordinals().len()
        };
        let more = flood(true) - flood(false);
        assert!(more < 100, "{more} bytes for 2,000 samples");
    }
}
