//! One series at a time: what is read from a set runs through all the functions above
//! it before the next is decoded, and parts of a set run on several threads.

use super::{Evaluator, binary, math::Math, windows};
use crate::{
    QueryError,
    column::{self, Bounds, Column, Grid, Point, Series, is_absent},
    histogram,
    parse::ast::{At, BinaryOp, Expr, Kind, Selector, ValueType},
    plan,
    source::{Comparison, Labels, Samples, SeriesSet},
};
use protocols::metrics::NAME;
use std::sync::Arc;

/// A range vector's samples, and its windows.
pub(super) struct Range {
    pub(super) set: Box<dyn SeriesSet>,
    range_ms: i64,
    offset_ms: i64,
    at: Option<At>,
    query: Bounds,
    names_vary: bool,
}

impl Range {
    /// `from < time <= to`.
    pub(super) fn window(&self, time_ms: i64) -> (i64, i64) {
        let to = plan::reference(self.at, self.offset_ms, time_ms, self.query);
        (to - self.range_ms, to)
    }
}

/// What evaluated series look like as samples: a subquery's inner result.
struct Evaluated {
    series: std::vec::IntoIter<Series>,
    grid: Grid,
}

impl SeriesSet for Evaluated {
    fn next(
        &mut self,
        samples: &mut Samples,
    ) -> Result<Option<Labels>, crate::source::SourceError> {
        samples.clear();
        let Some(series) = self.series.next() else {
            return Ok(None);
        };
        for step in 0..self.grid.count {
            let time = self.grid.time(step);
            match series.column.get(step) {
                Point::None => {}
                Point::Float(value) => {
                    samples.times.push(time);
                    samples.values.push(value);
                }
                Point::Histogram(histogram) => {
                    samples
                        .histograms
                        .push((time, Arc::unwrap_or_clone(histogram)));
                }
            }
        }
        Ok(Some(series.labels))
    }
}

enum Leaf {
    Instant {
        set: Box<dyn SeriesSet>,
        selector: Selector,
        /// `timestamp(selector)`: when, not what.
        times: bool,
    },
    Windows {
        range: Range,
        function: windows::Windows,
    },
    Ready(Vec<Series>),
}

enum Op {
    Negate,
    Math(Math),
    Scalar {
        op: BinaryOp,
        other: Vec<f64>,
        other_left: bool,
        returns_bool: bool,
        spot: String,
    },
}

/// Something to read series from, and what each goes through.
pub(super) struct Chain {
    leaf: Leaf,
    ops: Vec<Op>,
    drops_name: bool,
    names_vary: bool,
}

impl Chain {
    /// Whether two series may come out with the same labels.
    pub(super) fn may_collide(&self) -> bool {
        self.drops_name && self.names_vary
    }

    /// For a consumer that does not look at the name.
    pub(super) fn keep_names(&mut self) {
        self.drops_name = false;
    }

    fn then(mut self, op: Op, drops_name: bool) -> Self {
        self.ops.push(op);
        self.drops_name |= drops_name;
        self
    }
}

fn names_vary(selector: &Selector) -> bool {
    !selector
        .matchers
        .iter()
        .any(|matcher| matcher.name == NAME && matcher.comparison == Comparison::Equal)
}

/// Stale markers end a series for an instant; within a window they are nothing.
pub(super) fn drop_stale(samples: &mut Samples) {
    if samples.values.iter().any(|value| is_absent(*value)) {
        let mut kept = 0;
        for at in 0..samples.values.len() {
            if !is_absent(samples.values[at]) {
                samples.times[kept] = samples.times[at];
                samples.values[kept] = samples.values[at];
                kept += 1;
            }
        }
        samples.times.truncate(kept);
        samples.values.truncate(kept);
    }
    samples.histograms.retain(|(_, h)| !histogram::is_stale(h));
}

impl Evaluator {
    pub(super) fn range(&self, expr: &Expr, grid: Grid) -> Result<Range, QueryError> {
        match &expr.bare().kind {
            Kind::Range { selector, range_ms } => {
                let Kind::Selector(selector) = &selector.kind else {
                    return Err(super::unexpected(expr, "a range vector"));
                };
                Ok(Range {
                    set: self.set(selector.id)?,
                    range_ms: *range_ms,
                    offset_ms: selector.offset_ms,
                    at: selector.at,
                    query: self.query,
                    names_vary: names_vary(selector),
                })
            }
            Kind::Subquery(subquery) => {
                let inner = plan::subgrid(subquery, grid, self.query)?;
                let series = column::merged(self.vector(&subquery.inner, inner)?)?;
                Ok(Range {
                    set: Box::new(Evaluated {
                        series: series.into_iter(),
                        grid: inner,
                    }),
                    range_ms: subquery.range_ms,
                    offset_ms: subquery.offset_ms,
                    at: subquery.at,
                    query: self.query,
                    names_vary: true,
                })
            }
            _ => Err(super::unexpected(expr, "a range vector")),
        }
    }

    pub(super) fn chain(&self, expr: &Expr, grid: Grid) -> Result<Chain, QueryError> {
        match &expr.kind {
            Kind::Paren(inner)
            | Kind::Unary {
                minus: false,
                inner,
            } => self.chain(inner, grid),
            Kind::Unary { inner, .. } => Ok(self.chain(inner, grid)?.then(Op::Negate, true)),
            Kind::Selector(selector) => self.instant(selector, false),
            Kind::Binary(binary) => {
                let (left, right) = (&binary.left, &binary.right);
                let other_left = left.value_type() == ValueType::Scalar;
                if !other_left && right.value_type() == ValueType::Vector {
                    return self.ready(expr, grid);
                }
                let (other, inner) = if other_left {
                    (left, right)
                } else {
                    (right, left)
                };
                let op = Op::Scalar {
                    op: binary.op,
                    other: self.scalar(other, grid)?,
                    other_left,
                    returns_bool: binary.returns_bool,
                    spot: self.spot(expr.place),
                };
                let drops = !binary.op.compares() || binary.returns_bool;
                Ok(self.chain(inner, grid)?.then(op, drops))
            }
            Kind::Call(call) => {
                if call.function.name == "timestamp"
                    && let Kind::Selector(selector) = &call.arguments[0].bare().kind
                {
                    let mut chain = self.instant(selector, true)?;
                    chain.drops_name = true;
                    return Ok(chain);
                }
                if let Some(function) = windows::Windows::of(self, call, grid)? {
                    let argument = function.argument(call);
                    let range = self.range(argument, grid)?;
                    return Ok(Chain {
                        drops_name: function.drops_name(),
                        names_vary: range.names_vary,
                        leaf: Leaf::Windows { range, function },
                        ops: Vec::new(),
                    });
                }
                if let Some(math) = Math::of(self, call, grid)? {
                    let chain = self.chain(&call.arguments[0], grid)?;
                    return Ok(chain.then(Op::Math(math), true));
                }
                self.ready(expr, grid)
            }
            _ => self.ready(expr, grid),
        }
    }

    /// A function of windows on a range that is no chain of its own.
    pub(super) fn windows(
        &self,
        range: Range,
        function: windows::Windows,
        grid: Grid,
    ) -> Result<Vec<Series>, QueryError> {
        let chain = Chain {
            names_vary: range.names_vary,
            leaf: Leaf::Windows { range, function },
            ops: Vec::new(),
            drops_name: false,
        };
        self.collect(chain, grid)
    }

    fn ready(&self, expr: &Expr, grid: Grid) -> Result<Chain, QueryError> {
        Ok(Chain {
            leaf: Leaf::Ready(self.whole(expr, grid)?),
            ops: Vec::new(),
            drops_name: false,
            names_vary: true,
        })
    }

    pub(super) fn instant(&self, selector: &Selector, times: bool) -> Result<Chain, QueryError> {
        Ok(Chain {
            leaf: Leaf::Instant {
                set: self.set(selector.id)?,
                selector: selector.clone(),
                times,
            },
            ops: Vec::new(),
            drops_name: false,
            names_vary: names_vary(selector),
        })
    }

    /// All series of the chain, in the order of their labels where they were read.
    pub(super) fn collect(&self, chain: Chain, grid: Grid) -> Result<Vec<Series>, QueryError> {
        let collides = chain.may_collide();
        let sorts = !matches!(chain.leaf, Leaf::Ready(_));
        let mut found = self.collect_unordered(chain, grid)?;
        if sorts {
            found.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        }
        if collides {
            found = column::merged(found)?;
        }
        Ok(found)
    }

    fn collect_unordered(&self, chain: Chain, grid: Grid) -> Result<Vec<Series>, QueryError> {
        let parts = self.each(chain, grid, Vec::new, |found, labels, column| {
            self.pay_whole(labels, column)?;
            found.push(Series {
                labels: std::mem::take(labels),
                column: std::mem::take(column),
            });
            Ok(())
        })?;
        Ok(parts.into_iter().flatten().collect())
    }

    /// For what does not look at the order.
    pub(super) fn any_order(&self, expr: &Expr, grid: Grid) -> Result<Vec<Series>, QueryError> {
        let chain = self.chain(expr, grid)?;
        let collides = chain.may_collide();
        let found = self.collect_unordered(chain, grid)?;
        if collides {
            return column::merged(found);
        }
        Ok(found)
    }

    /// Gives each series that has a value to `sink`, which folds it into the state of
    /// its thread.
    pub(super) fn each<S: Send>(
        &self,
        chain: Chain,
        grid: Grid,
        state: impl Fn() -> S + Sync,
        sink: impl Fn(&mut S, &mut Labels, &mut Column) -> Result<(), QueryError> + Sync,
    ) -> Result<Vec<S>, QueryError> {
        let Chain {
            leaf,
            ops,
            drops_name,
            ..
        } = chain;
        let finish = |state: &mut S, labels: &mut Labels, column: &mut Column| {
            for op in &ops {
                self.apply(op, column, grid);
            }
            if column.is_empty() {
                return Ok(());
            }
            if drops_name {
                *labels = column::without(std::mem::take(labels), NAME);
            }
            sink(state, labels, column)
        };
        let (mut set, fill): (_, Box<Fill<'_>>) = match leaf {
            Leaf::Ready(series) => {
                let mut state = state();
                for mut one in series {
                    finish(&mut state, &mut one.labels, &mut one.column)?;
                }
                return Ok(vec![state]);
            }
            Leaf::Instant {
                set,
                selector,
                times,
            } => (
                set,
                Box::new(move |_, samples, column| {
                    self.fill_instant(&selector, times, samples, column, grid);
                }),
            ),
            Leaf::Windows { range, function } => {
                let Range {
                    set,
                    range_ms,
                    offset_ms,
                    at,
                    ..
                } = range;
                let fill = move |labels: &Labels, samples: &mut Samples, column: &mut Column| {
                    drop_stale(samples);
                    let look = |time| {
                        let to = plan::reference(at, offset_ms, time, self.query);
                        (to - range_ms, to)
                    };
                    function.fill(self, labels, samples, column, grid, &look);
                };
                (set, Box::new(fill))
            }
        };
        let run = |set: &mut dyn SeriesSet| {
            let mut state = state();
            let mut samples = Samples::default();
            let mut column = Column::default();
            let mut labels = Labels::default();
            while set.next_into(&mut labels, &mut samples)? {
                self.pay_read(&samples)?;
                column.clear(grid.count);
                fill(&labels, &mut samples, &mut column);
                finish(&mut state, &mut labels, &mut column)?;
            }
            Ok::<S, QueryError>(state)
        };
        let mut shares = if self.limits.threads > 1 {
            set.split(self.limits.threads - 1)
        } else {
            Vec::new()
        };
        std::thread::scope(|scope| {
            let run = &run;
            let others: Vec<_> = shares
                .iter_mut()
                .map(|share| scope.spawn(move || run(share.as_mut())))
                .collect();
            let mut states = vec![run(set.as_mut())?];
            for other in others {
                let state = other.join().map_err(|_| {
                    QueryError::Execution("a thread of the evaluation failed".to_owned())
                })?;
                states.push(state?);
            }
            Ok(states)
        })
    }

    fn fill_instant(
        &self,
        selector: &Selector,
        times: bool,
        samples: &Samples,
        column: &mut Column,
        grid: Grid,
    ) {
        let (mut floats, mut histograms) = (0, 0);
        for step in 0..grid.count {
            let now = plan::reference(selector.at, selector.offset_ms, grid.time(step), self.query);
            let oldest = now - self.lookback_ms;
            while samples.times.get(floats).is_some_and(|time| *time <= now) {
                floats += 1;
            }
            while samples
                .histograms
                .get(histograms)
                .is_some_and(|(time, _)| *time <= now)
            {
                histograms += 1;
            }
            let float = floats.checked_sub(1).map(|at| samples.times[at]);
            let histogram = histograms
                .checked_sub(1)
                .map(|at| &samples.histograms[at])
                .filter(|(time, _)| *time > oldest && float.is_none_or(|float| *time >= float));
            if let Some((time, found)) = histogram {
                if histogram::is_stale(found) {
                    continue;
                }
                column.set(
                    step,
                    if times {
                        Point::Float(*time as f64 / 1000.0)
                    } else {
                        Point::Histogram(Arc::new(found.clone()))
                    },
                );
            } else if let Some(time) = float.filter(|time| *time > oldest) {
                let value = samples.values[floats - 1];
                if !is_absent(value) {
                    column.values[step] = if times { time as f64 / 1000.0 } else { value };
                }
            }
        }
    }

    fn apply(&self, op: &Op, column: &mut Column, grid: Grid) {
        match op {
            Op::Negate => {
                for value in column.values.iter_mut().filter(|value| !is_absent(**value)) {
                    *value = -*value;
                }
                for found in column.histograms.iter_mut().flatten() {
                    *found = Arc::new(histogram::scale(found, -1.0));
                }
            }
            Op::Math(math) => math.apply(column, grid),
            Op::Scalar {
                op,
                other,
                other_left,
                returns_bool,
                spot,
            } => {
                if !column.histograms.is_empty() {
                    let side = (*other_left, *returns_bool);
                    binary::histograms_with_scalar(column, *op, other, side, |note| {
                        self.notes.info(note, spot);
                    });
                }
                binary::with_scalar(&mut column.values, *op, other, *other_left, *returns_bool);
            }
        }
    }
}

type Fill<'a> = dyn Fn(&Labels, &mut Samples, &mut Column) + Sync + 'a;
