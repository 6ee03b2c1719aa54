//! Aggregation: folds series as they come, or looks at a whole group where it must.

mod folds;

use super::{Evaluator, spread};
use crate::{
    QueryError,
    column::{self, ABSENT, Column, Grid, Point, Series, is_absent},
    histogram,
    kahan::Mean,
    number,
    parse::ast::{Aggregate, AggregateOp, Expr, Grouping},
    source::{Labels, NativeHistogram},
};
use folds::{Count, Extreme, Fold, Total, Variance};
use protocols::metrics::NAME;
use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

/// Histograms of one step of one group.
#[derive(Clone)]
struct Histograms {
    sum: NativeHistogram,
    count: f64,
    incompatible: bool,
}

struct Group<F> {
    labels: Labels,
    folds: Vec<F>,
    histograms: Vec<Option<Histograms>>,
}

/// The best series of each group so far.
#[derive(Default)]
struct Best {
    found: BTreeMap<Vec<u8>, Vec<Series>>,
    key: Vec<u8>,
}

struct Groups<F> {
    places: HashMap<Vec<u8>, usize>,
    groups: Vec<Group<F>>,
    key: Vec<u8>,
}

impl<F> Default for Groups<F> {
    fn default() -> Self {
        Self {
            places: HashMap::new(),
            groups: Vec::new(),
            key: Vec::new(),
        }
    }
}

/// The values that tell groups apart, as bytes.
fn group_key(labels: &Labels, grouping: &Grouping, key: &mut Vec<u8>) {
    key.clear();
    let mut push = |text: &str| {
        key.extend_from_slice(&(text.len() as u32).to_le_bytes());
        key.extend_from_slice(text.as_bytes());
    };
    match grouping {
        Grouping::By(names) => names
            .iter()
            .for_each(|name| push(labels.get(name).unwrap_or_default())),
        Grouping::Without(names) => {
            for (name, value) in labels.pairs() {
                if name != NAME && !names.contains(name) {
                    push(name);
                    push(value);
                }
            }
        }
    }
}

fn group_labels(labels: Labels, grouping: &Grouping) -> Labels {
    let mut pairs = labels.into_pairs();
    pairs.retain(|(name, _)| match grouping {
        Grouping::By(names) => names.contains(name),
        Grouping::Without(names) => name != NAME && !names.contains(name),
    });
    Labels::new(pairs)
}

impl<F: Fold> Groups<F> {
    fn group(&mut self, labels: &Labels, grouping: &Grouping, grid: Grid) -> &mut Group<F> {
        group_key(labels, grouping, &mut self.key);
        let at = match self.places.get(&self.key) {
            Some(at) => *at,
            None => {
                self.places.insert(self.key.clone(), self.groups.len());
                self.groups.push(Group {
                    labels: group_labels(labels.clone(), grouping),
                    folds: vec![F::default(); grid.count],
                    histograms: Vec::new(),
                });
                self.groups.len() - 1
            }
        };
        &mut self.groups[at]
    }
}

impl Evaluator {
    pub(super) fn aggregate(
        &self,
        aggregate: &Aggregate,
        grid: Grid,
    ) -> Result<Vec<Series>, QueryError> {
        match aggregate.op {
            AggregateOp::Sum => self.fold::<Total>(aggregate, grid, |value| value),
            AggregateOp::Avg => self.fold::<Mean>(aggregate, grid, |value| value),
            AggregateOp::Count => self.fold::<Count>(aggregate, grid, |value| value),
            AggregateOp::Group => self.fold::<Count>(aggregate, grid, |_| 1.0),
            AggregateOp::Min => self.fold::<Extreme<false>>(aggregate, grid, |value| value),
            AggregateOp::Max => self.fold::<Extreme<true>>(aggregate, grid, |value| value),
            AggregateOp::Stdvar => self.fold::<Variance>(aggregate, grid, |value| value),
            AggregateOp::Stddev => self.fold::<Variance>(aggregate, grid, f64::sqrt),
            AggregateOp::CountValues => self.count_values(aggregate, grid),
            _ => self.pick(aggregate, grid),
        }
    }

    fn fold<F: Fold>(
        &self,
        aggregate: &Aggregate,
        grid: Grid,
        finish: fn(f64) -> f64,
    ) -> Result<Vec<Series>, QueryError> {
        let grouping = &aggregate.grouping;
        let mut chain = self.chain(&aggregate.inner, grid)?;
        if chain.may_collide() {
            // Equal labels are an error, which needs all of them.
            let series = self.collect(chain, grid)?;
            let mut groups = Groups::<F>::default();
            for Series { labels, column } in series {
                self.fold_one(&mut groups, &labels, &column, aggregate, grid)?;
            }
            return self.folded(vec![groups], aggregate, grid, finish);
        }
        if !matches!(grouping, Grouping::By(names) if names.iter().any(|name| name == NAME)) {
            chain.keep_names();
        }
        let parts = self.each(
            chain,
            grid,
            Groups::<F>::default,
            |groups, labels, column| self.fold_one(groups, labels, column, aggregate, grid),
        )?;
        self.folded(parts, aggregate, grid, finish)
    }

    fn fold_one<F: Fold>(
        &self,
        groups: &mut Groups<F>,
        labels: &Labels,
        column: &Column,
        aggregate: &Aggregate,
        grid: Grid,
    ) -> Result<(), QueryError> {
        let before = groups.groups.len();
        let group = groups.group(labels, &aggregate.grouping, grid);
        for (fold, value) in group.folds.iter_mut().zip(&column.values) {
            if !is_absent(*value) {
                fold.add(*value);
            }
        }
        if !column.histograms.is_empty() {
            self.fold_histograms(group, column, aggregate, grid);
        }
        if groups.groups.len() > before {
            self.pay(grid.count)?;
        }
        Ok(())
    }

    fn fold_histograms<F: Fold>(
        &self,
        group: &mut Group<F>,
        column: &Column,
        aggregate: &Aggregate,
        grid: Grid,
    ) {
        for (step, found) in column.histograms.iter().enumerate() {
            let Some(found) = found else {
                continue;
            };
            match aggregate.op {
                AggregateOp::Count | AggregateOp::Group => group.folds[step].count(),
                AggregateOp::Sum | AggregateOp::Avg => {
                    group.histograms.resize(grid.count, None);
                    let add = Histograms {
                        sum: NativeHistogram::clone(found),
                        count: 1.0,
                        incompatible: false,
                    };
                    self.add(&mut group.histograms[step], add, aggregate);
                }
                _ => self.ignored(aggregate),
            }
        }
    }

    fn ignored(&self, aggregate: &Aggregate) {
        let note = format!("ignored histogram in {} aggregation", aggregate.op.name());
        self.notes.info(&note, &self.spot(aggregate.inner.place));
    }

    fn add(&self, to: &mut Option<Histograms>, other: Histograms, aggregate: &Aggregate) {
        let Some(to) = to else {
            *to = Some(other);
            return;
        };
        to.count += other.count;
        to.incompatible |= other.incompatible;
        if to.incompatible {
            return;
        }
        let spot = self.spot(aggregate.inner.place);
        match histogram::add(&mut to.sum, &other.sum, 1.0) {
            Ok(effects) => self.note_effects(effects, "aggregation", &spot),
            Err(_) => {
                to.incompatible = true;
                let note = "vector contains a mix of histograms with exponential and custom \
                            buckets schemas for metric name \"\"";
                self.notes.warn(note, &spot);
            }
        }
    }

    fn folded<F: Fold>(
        &self,
        parts: Vec<Groups<F>>,
        aggregate: &Aggregate,
        grid: Grid,
        finish: fn(f64) -> f64,
    ) -> Result<Vec<Series>, QueryError> {
        let mut parts = parts.into_iter();
        let Some(mut all) = parts.next() else {
            return Ok(Vec::new());
        };
        for part in parts {
            for Group {
                labels,
                folds,
                histograms,
            } in part.groups
            {
                let group = all.group(&labels, &aggregate.grouping, grid);
                for (fold, other) in group.folds.iter_mut().zip(folds) {
                    fold.join(other);
                }
                if !histograms.is_empty() {
                    group.histograms.resize(grid.count, None);
                }
                for (to, other) in group.histograms.iter_mut().zip(histograms) {
                    if let Some(other) = other {
                        self.add(to, other, aggregate);
                    }
                }
            }
        }
        let mut found = Vec::with_capacity(all.groups.len());
        for group in all.groups {
            let mut column = Column::absent(grid.count);
            for (step, fold) in group.folds.iter().enumerate() {
                let histogram = group.histograms.get(step).and_then(Option::as_ref);
                match (fold.value(), histogram) {
                    (Some(value), None) => column.values[step] = finish(value),
                    (None, Some(found)) if !found.incompatible => {
                        let mut sum = found.sum.clone();
                        if aggregate.op == AggregateOp::Avg {
                            sum = histogram::divide(&sum, found.count);
                        }
                        column.set(step, Point::Histogram(Arc::new(sum)));
                    }
                    (Some(_), Some(_)) => self.notes.warn(
                        "encountered a mix of histograms and floats for aggregation",
                        &self.spot(aggregate.inner.place),
                    ),
                    _ => {}
                }
            }
            if !column.is_empty() {
                found.push(Series {
                    labels: group.labels,
                    column,
                });
            }
        }
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(found)
    }

    fn count_values(&self, aggregate: &Aggregate, grid: Grid) -> Result<Vec<Series>, QueryError> {
        let name = match &aggregate.parameter {
            Some(parameter) => self.label_name(parameter)?,
            None => return Err(no_parameter()),
        };
        let mut counts: HashMap<Labels, Vec<f64>> = HashMap::new();
        for Series { labels, column } in self.vector(&aggregate.inner, grid)? {
            let group = group_labels(labels, &aggregate.grouping);
            for step in 0..grid.count {
                let value = match column.get(step) {
                    Point::None => continue,
                    Point::Float(value) => number::plain(value),
                    Point::Histogram(found) => histogram::describe(&found),
                };
                let labels = column::with(group.clone(), &name, &value);
                let counts = counts
                    .entry(labels)
                    .or_insert_with(|| vec![ABSENT; grid.count]);
                counts[step] = if is_absent(counts[step]) {
                    1.0
                } else {
                    counts[step] + 1.0
                };
            }
        }
        let found = counts.into_iter().map(|(labels, values)| Series {
            labels,
            column: Column {
                values,
                histograms: Vec::new(),
            },
        });
        let mut found: Vec<_> = found.collect();
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(found)
    }

    /// Those that look at a whole group: some of its series, or its quantile.
    fn pick(&self, aggregate: &Aggregate, grid: Grid) -> Result<Vec<Series>, QueryError> {
        let parameter = aggregate.parameter.as_ref().ok_or_else(no_parameter)?;
        let values = self.parameter(aggregate.op, parameter, grid)?;
        let top = matches!(aggregate.op, AggregateOp::Topk | AggregateOp::Bottomk);
        if top && grid.count == 1 {
            return self.best(aggregate, values[0], grid);
        }
        let mut series = if aggregate.op == AggregateOp::Quantile {
            self.any_order(&aggregate.inner, grid)?
        } else {
            self.vector(&aggregate.inner, grid)?
        };
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut key = Vec::new();
        for (at, one) in series.iter().enumerate() {
            group_key(&one.labels, &aggregate.grouping, &mut key);
            match places.get(&key) {
                Some(place) => groups[*place].push(at),
                None => {
                    places.insert(key.clone(), groups.len());
                    groups.push(vec![at]);
                }
            }
        }
        if aggregate.op == AggregateOp::Quantile {
            return Ok(self.quantiles(aggregate, series, &groups, &values, grid));
        }
        let mut order = Vec::new();
        for group in &groups {
            for (step, value) in values.iter().enumerate() {
                let kept = self.chosen(aggregate, &series, group, *value, step);
                let stays: HashSet<usize> = kept.iter().copied().collect();
                for at in group.iter().filter(|at| !stays.contains(at)) {
                    series[*at].column.remove(step);
                }
                if grid.count == 1 {
                    order.extend(kept);
                }
            }
        }
        if grid.count == 1 {
            let mut series: Vec<_> = series.into_iter().map(Some).collect();
            return Ok(order
                .into_iter()
                .filter_map(|at| series[at].take())
                .collect());
        }
        series.retain(|one| !one.column.is_empty());
        Ok(series)
    }

    /// `topk` and `bottomk` at one instant, which need not hold all series.
    fn best(
        &self,
        aggregate: &Aggregate,
        parameter: f64,
        grid: Grid,
    ) -> Result<Vec<Series>, QueryError> {
        let count = parameter.max(0.0) as usize;
        let top = aggregate.op == AggregateOp::Topk;
        let order = |a: &Series, b: &Series| {
            rank(a.column.values[0], b.column.values[0], top).then_with(|| a.labels.cmp(&b.labels))
        };
        let keep = |group: &mut Vec<Series>| {
            if count < group.len() {
                if count > 0 {
                    group.select_nth_unstable_by(count - 1, order);
                }
                group.truncate(count);
            }
        };
        let add = |groups: &mut Best, labels: &mut Labels, column: &mut Column| {
            if is_absent(column.values[0]) {
                self.ignored(aggregate);
                return Ok(());
            }
            group_key(labels, &aggregate.grouping, &mut groups.key);
            if !groups.found.contains_key(&groups.key) {
                groups.found.insert(groups.key.clone(), Vec::new());
            }
            if let Some(group) = groups.found.get_mut(&groups.key) {
                if group.len() >= count.saturating_mul(2).saturating_add(64) {
                    keep(group);
                }
                group.push(Series {
                    labels: std::mem::take(labels),
                    column: std::mem::take(column),
                });
            }
            Ok(())
        };
        let chain = self.chain(&aggregate.inner, grid)?;
        let mut parts = if chain.may_collide() {
            let mut all = Best::default();
            for mut one in self.collect(chain, grid)? {
                add(&mut all, &mut one.labels, &mut one.column)?;
            }
            vec![all]
        } else {
            self.each(chain, grid, Best::default, add)?
        };
        let mut all = std::mem::take(&mut parts[0].found);
        for part in parts {
            for (key, mut group) in part.found {
                all.entry(key).or_default().append(&mut group);
            }
        }
        let mut found = Vec::new();
        for mut group in all.into_values() {
            keep(&mut group);
            group.sort_unstable_by(order);
            found.append(&mut group);
        }
        Ok(found)
    }

    fn parameter(
        &self,
        op: AggregateOp,
        parameter: &Expr,
        grid: Grid,
    ) -> Result<Vec<f64>, QueryError> {
        let mut values = self.scalar(parameter, grid)?;
        let wrong = |text: String| Err(QueryError::Execution(text));
        for value in &mut values {
            match op {
                AggregateOp::Quantile => {
                    if !(0.0..=1.0).contains(value) {
                        self.warn_quantile(*value, &self.spot(parameter.place));
                    }
                }
                AggregateOp::LimitRatio => {
                    if value.is_nan() {
                        return wrong("Ratio value is NaN".to_owned());
                    }
                    let capped = value.clamp(-1.0, 1.0);
                    if capped != *value {
                        let note = format!(
                            "ratio value should be between -1 and 1, got {}, capping to {}",
                            number::shortest(*value),
                            number::shortest(capped)
                        );
                        self.notes.warn(&note, &self.spot(parameter.place));
                        *value = capped;
                    }
                }
                _ => {
                    if value.is_nan() {
                        return wrong("Parameter value is NaN".to_owned());
                    }
                    if *value >= 9_223_372_036_854_775_807.0 || *value <= -9.3e18 {
                        let text = number::shortest(*value);
                        let flow = if *value > 0.0 { "over" } else { "under" };
                        return wrong(format!("Scalar value {text} {flow}flows int64"));
                    }
                }
            }
        }
        Ok(values)
    }

    /// Which series of the group stay at a step, best first.
    fn chosen(
        &self,
        aggregate: &Aggregate,
        series: &[Series],
        group: &[usize],
        parameter: f64,
        step: usize,
    ) -> Vec<usize> {
        let there = group.iter().copied();
        match aggregate.op {
            AggregateOp::Limitk => {
                let count = parameter.max(0.0) as usize;
                let there = there.filter(|at| series[*at].column.has(step));
                return there.take(count).collect();
            }
            AggregateOp::LimitRatio => {
                let within = |at: &usize| {
                    let part = column::hash(&series[*at].labels) as f64 / u64::MAX as f64;
                    if parameter >= 0.0 {
                        part < parameter
                    } else {
                        part >= 1.0 + parameter
                    }
                };
                let there = there.filter(|at| series[*at].column.has(step));
                return there.filter(within).collect();
            }
            _ => {}
        }
        let mut ranked: Vec<(f64, usize)> = Vec::new();
        for at in there {
            let column = &series[at].column;
            if column.histogram(step).is_some() {
                self.ignored(aggregate);
            } else if !is_absent(column.values[step]) {
                ranked.push((column.values[step], at));
            }
        }
        let count = (parameter.max(0.0) as usize).min(ranked.len());
        let top = aggregate.op == AggregateOp::Topk;
        let order =
            |a: &(f64, usize), b: &(f64, usize)| rank(a.0, b.0, top).then_with(|| a.1.cmp(&b.1));
        if count > 0 && count < ranked.len() {
            ranked.select_nth_unstable_by(count - 1, order);
        }
        ranked.truncate(count);
        ranked.sort_unstable_by(order);
        ranked.into_iter().map(|(_, at)| at).collect()
    }

    fn quantiles(
        &self,
        aggregate: &Aggregate,
        series: Vec<Series>,
        groups: &[Vec<usize>],
        q: &[f64],
        grid: Grid,
    ) -> Vec<Series> {
        let mut found = Vec::new();
        let mut values = Vec::new();
        for group in groups {
            let mut column = Column::absent(grid.count);
            for (step, q) in q.iter().enumerate() {
                values.clear();
                for at in group {
                    let one = &series[*at].column;
                    if one.histogram(step).is_some() {
                        self.ignored(aggregate);
                    } else if !is_absent(one.values[step]) {
                        values.push(one.values[step]);
                    }
                }
                if !values.is_empty() {
                    column.values[step] = spread::quantile(*q, &mut values);
                }
            }
            if let Some(first) = group.first().filter(|_| !column.is_empty()) {
                let labels = group_labels(series[*first].labels.clone(), &aggregate.grouping);
                found.push(Series { labels, column });
            }
        }
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        found
    }
}

/// The greater, or without `top` the smaller, first; NaN last.
fn rank(a: f64, b: f64, top: bool) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) if top => b.partial_cmp(&a).unwrap_or(Ordering::Equal),
        (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
    }
}

fn no_parameter() -> QueryError {
    QueryError::Execution("the aggregation lacks its parameter".to_owned())
}
