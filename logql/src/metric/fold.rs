//! Lines folded into series.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use promql::source::Labels;

use super::{Grid, Wanted};
use crate::ast::{Grouping, LogExpr, RangeAggregation, RangeOp};
use crate::error::EvalError;
use crate::line::{DETAILS, ERROR, LabelSet, Line, Origin};
use crate::narrow;
use crate::pipeline::Pipeline;
use crate::stages::unwrap::Number;
use crate::windows;

/// Series that one aggregation over time may make.
const MOST_SERIES: usize = 20_000;
/// Numbers out of lines that one may hold.
const MOST_SAMPLES: usize = 3_000_000;
/// Values that one may answer with.
const MOST_VALUES: usize = 5_000_000;

/// An aggregation over time, ready to fold lines.
#[derive(Debug)]
pub struct Leaf {
    range: RangeAggregation,
    pipeline: Pipeline,
    number: Option<Number>,
    grouping: Option<Grouping>,
    /// Labels that are shown because they are named.
    names: BTreeSet<String>,
    grid: Grid,
}

/// A series with the values of the steps that have one.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub labels: Labels,
    pub(super) values: Vec<(usize, f64)>,
    pub(super) grid: Grid,
}

/// By how much the lines of a window, and their bytes where these are asked for, are more than
/// those of the window before.
#[derive(Debug, Clone, Copy, Default)]
pub struct Change {
    lines: i64,
    bytes: i64,
}

impl Change {
    fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.bytes += other.bytes;
    }
}

/// What is known of one series.
#[derive(Debug, Clone)]
pub enum Fold {
    /// At which steps there is a change.
    Tally(BTreeMap<usize, Change>),
    Samples(Vec<(i64, f64)>),
}

/// Series under way.
#[derive(Debug, Default)]
pub struct Folds {
    series: HashMap<Labels, Fold>,
    samples: usize,
}

impl Folds {
    fn slot(&mut self, labels: Labels, new: impl FnOnce() -> Fold) -> Result<&mut Fold, EvalError> {
        if self.series.len() >= MOST_SERIES && !self.series.contains_key(&labels) {
            let why = format!(
                "maximum of series ({MOST_SERIES}) reached for a single aggregation over time; group by fewer labels"
            );
            return Err(EvalError::TooMuch(why));
        }
        Ok(self.series.entry(labels).or_insert_with(new))
    }

    fn pay(&mut self, samples: usize) -> Result<(), EvalError> {
        self.samples += samples;
        if self.samples > MOST_SAMPLES {
            let why = format!(
                "the query holds more than {MOST_SAMPLES} numbers out of lines; ask for a shorter time"
            );
            return Err(EvalError::TooMuch(why));
        }
        Ok(())
    }

    /// Adds what was folded of one series.
    pub fn add(&mut self, labels: Labels, fold: Fold) -> Result<(), EvalError> {
        if let Fold::Samples(samples) = &fold {
            self.pay(samples.len())?;
        }
        let empty = || match &fold {
            Fold::Tally(_) => Fold::Tally(BTreeMap::new()),
            Fold::Samples(_) => Fold::Samples(Vec::new()),
        };
        let slot = self.slot(labels, empty)?;
        match (slot, fold) {
            (Fold::Tally(into), Fold::Tally(from)) => {
                for (step, change) in from {
                    into.entry(step).or_default().add(change);
                }
            }
            (Fold::Samples(into), Fold::Samples(mut from)) => into.append(&mut from),
            // One aggregation folds in one way only.
            (Fold::Tally(_), Fold::Samples(_)) | (Fold::Samples(_), Fold::Tally(_)) => {}
        }
        Ok(())
    }

    pub fn join(&mut self, others: Self) -> Result<(), EvalError> {
        let mut others = others.series.into_iter();
        others.try_for_each(|(labels, fold)| self.add(labels, fold))
    }
}

impl Leaf {
    pub(super) fn of(range: RangeAggregation, wanted: Wanted, grid: Grid) -> Result<Self, String> {
        let by = range.grouping.as_ref().filter(|by| !by.without);
        let number = range.unwrap.as_ref().map(|unwrap| {
            let stays = by.is_some_and(|by| by.labels.contains(&unwrap.label));
            Number::of(unwrap, stays)
        });
        let number = number.transpose()?;
        let everything = Grouping {
            without: false,
            labels: Vec::new(),
        };
        let grouping = match range.op {
            RangeOp::AbsentOverTime => Some(everything),
            _ => range.grouping.clone().or(wanted.reduction),
        };
        Ok(Self {
            pipeline: Pipeline::of(&range.log)?,
            number,
            grouping,
            names: wanted.names,
            grid,
            range,
        })
    }

    pub fn log(&self) -> &LogExpr {
        &self.range.log
    }

    /// The labels that its series keep, where that is known before: by them, and no
    /// others, lines are told apart.
    pub fn grouped_by(&self) -> Option<&[String]> {
        let grouping = self.grouping.as_ref().filter(|grouping| !grouping.without);
        grouping.map(|grouping| grouping.labels.as_slice())
    }

    /// Lines at and after the first and before the second time are looked at.
    pub fn times(&self) -> (i64, i64) {
        let offset = self.range.offset_ns;
        let first = self.grid.start_ns.saturating_sub(self.range.range_ns);
        let from_ns = first.saturating_sub(offset).saturating_add(1);
        let to_ns = self.grid.end_ns().saturating_sub(offset).saturating_add(1);
        (from_ns, to_ns)
    }

    /// Whether time, size and labels of a line say everything.
    pub fn needs_no_text(&self) -> bool {
        self.number.is_none() && narrow::narrow(&self.range.log).whole
    }

    /// Whether the labels of a stream, with the level, say which series its lines belong
    /// to: a name that they lack may be one of the lines alone.
    pub fn is_told_by(&self, labels: &LabelSet) -> bool {
        let told = |name: &String| labels.get(name).is_some();
        match self.grouped_by() {
            Some(names) => names.iter().all(told),
            None => self.names.iter().all(told),
        }
    }

    pub fn fold(&self) -> Fold {
        match self.number {
            Some(_) => Fold::Samples(Vec::new()),
            None => Fold::Tally(BTreeMap::new()),
        }
    }

    /// Folds one line of which only this is known.
    pub fn tally(&self, fold: &mut Fold, time_ns: i64, bytes: u64) {
        let Fold::Tally(changes) = fold else {
            return;
        };
        let bytes = match self.is_of_bytes() {
            true => i64::try_from(bytes).unwrap_or(i64::MAX),
            false => 0,
        };
        if let Some((first, after)) = self.steps(time_ns) {
            let more = Change { lines: 1, bytes };
            changes.entry(first).or_default().add(more);
            if after < self.grid.count {
                let less = Change {
                    lines: -1,
                    bytes: -bytes,
                };
                changes.entry(after).or_default().add(less);
            }
        }
    }

    fn is_of_bytes(&self) -> bool {
        matches!(self.range.op, RangeOp::BytesOverTime | RangeOp::BytesRate)
    }

    /// The steps whose windows have this time: the first, and that after the last.
    fn steps(&self, time_ns: i64) -> Option<(usize, usize)> {
        let Grid {
            start_ns,
            step_ns,
            count,
        } = self.grid;
        let moved = time_ns.saturating_add(self.range.offset_ns);
        let since = i128::from(moved) - i128::from(start_ns);
        let until = since + i128::from(self.range.range_ns);
        let step_of = |ns: i128| -> usize {
            if ns <= 0 {
                return 0;
            }
            match step_ns {
                0 => count,
                step => {
                    let step = i128::from(step);
                    usize::try_from((ns + step - 1) / step)
                        .unwrap_or(count)
                        .min(count)
                }
            }
        };
        let (first, after) = (step_of(since), step_of(until));
        (first < after).then_some((first, after))
    }

    /// Runs the stages over a line, and folds what is left of it.
    pub fn line(&self, folds: &mut Folds, mut line: Line) -> Result<(), EvalError> {
        if !self.pipeline.run(&mut line) {
            return Ok(());
        }
        let number = match &self.number {
            None => None,
            Some(number) => match number.take(&mut line) {
                Some(value) => Some(value),
                None => return Ok(()),
            },
        };
        if let Some(kind) = line.labels.get(ERROR).filter(|kind| !kind.is_empty()) {
            return Err(EvalError::Pipeline {
                kind: kind.to_owned(),
                series: described(&line.labels),
            });
        }
        let labels = self.labels(&line.labels);
        match number {
            Some(value) => {
                let moved = line.time_ns.saturating_add(self.range.offset_ns);
                folds.add(labels, Fold::Samples(vec![(moved, value)]))
            }
            None => {
                let bytes = line.text.len() as u64;
                let slot = folds.slot(labels, || self.fold())?;
                self.tally(slot, line.time_ns, bytes);
                Ok(())
            }
        }
    }

    /// The series that a line with such labels belongs to.
    pub fn labels(&self, labels: &LabelSet) -> Labels {
        let owned = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        if let Some(names) = self.grouped_by() {
            let texts = names.iter().map(|name| owned(name, labels.text(name)));
            return Labels::new(texts.collect());
        }
        let is_left_out = |name: &str| {
            let mut left_out = self.grouping.iter().flat_map(|grouping| &grouping.labels);
            left_out.any(|known| known == name)
        };
        let shown = labels.iter().filter(|(name, _, origin)| {
            *origin != Origin::Hidden && *name != ERROR && *name != DETAILS
        });
        let mut series: BTreeMap<&str, &str> =
            shown.map(|(name, value, _)| (name, value)).collect();
        for name in &self.names {
            if let Some(value) = labels.get(name) {
                series.insert(name, value);
            }
        }
        let left = series.into_iter().filter(|(name, _)| !is_left_out(name));
        Labels::new(left.map(|(name, value)| owned(name, value)).collect())
    }

    /// What was folded, at all steps.
    pub fn finish(&self, folds: Folds) -> Result<Vec<Series>, EvalError> {
        let count = self.grid.count;
        if folds.series.len().saturating_mul(count) > MOST_VALUES {
            let why = format!(
                "the query answers with more than {MOST_VALUES} values; group by fewer labels or ask for fewer steps"
            );
            return Err(EvalError::TooMuch(why));
        }
        if self.range.op == RangeOp::AbsentOverTime {
            return Ok(vec![self.absent(folds)]);
        }
        let mut work = 0;
        let mut series = Vec::with_capacity(folds.series.len());
        for (labels, fold) in folds.series {
            let values = match fold {
                Fold::Tally(changes) => self.tallied(&changes),
                Fold::Samples(mut samples) => {
                    samples.sort_by_key(|(time, _)| *time);
                    let how = (self.range.op, self.range.parameter.unwrap_or_default());
                    windows::at_steps(how, self.range.range_ns, &samples, self.grid, &mut work)?
                }
            };
            series.push(Series {
                labels,
                values,
                grid: self.grid,
            });
        }
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(series)
    }

    /// Where there are lines; these may have no bytes.
    fn tallied(&self, changes: &BTreeMap<usize, Change>) -> Vec<(usize, f64)> {
        let per = match self.range.op {
            RangeOp::Rate | RangeOp::BytesRate => self.range.range_ns as f64 / 1e9,
            _ => 1.0,
        };
        let mut values = Vec::new();
        let mut sum = Change::default();
        let mut changes = changes.iter().peekable();
        while let Some((step, change)) = changes.next() {
            sum.add(*change);
            let until = changes.peek().map_or(self.grid.count, |(next, _)| **next);
            let amount = if self.is_of_bytes() {
                sum.bytes
            } else {
                sum.lines
            };
            if sum.lines > 0 {
                values.extend((*step..until).map(|step| (step, amount as f64 / per)));
            }
        }
        values
    }

    /// 1 wherever nothing is, with the labels that the selector names.
    fn absent(&self, folds: Folds) -> Series {
        let mut there = vec![false; self.grid.count];
        for fold in folds.series.into_values() {
            let steps: Vec<usize> = match fold {
                Fold::Tally(changes) => {
                    let tallied = self.tallied(&changes).into_iter();
                    tallied.map(|(step, _)| step).collect()
                }
                Fold::Samples(samples) => samples
                    .iter()
                    .filter_map(|(moved, _)| self.steps(moved.saturating_sub(self.range.offset_ns)))
                    .flat_map(|(first, after)| first..after)
                    .collect(),
            };
            steps.into_iter().for_each(|step| there[step] = true);
        }
        let absent = (0..self.grid.count).filter(|step| !there[*step]);
        Series {
            labels: Labels::new(narrow::named(&self.range.log.matchers)),
            values: absent.map(|step| (step, 1.0)).collect(),
            grid: self.grid,
        }
    }
}

/// As Loki prints labels.
fn described(labels: &LabelSet) -> String {
    let mut pairs: Vec<String> = labels
        .iter()
        .filter(|(name, _, origin)| *origin != Origin::Hidden && *name != DETAILS)
        .map(|(name, value, _)| format!("{name}={value:?}"))
        .collect();
    pairs.sort();
    format!("{{{}}}", pairs.join(", "))
}
