//! Operators: of numbers, of a vector and a number, of two vectors.

use super::Evaluator;
use crate::{
    QueryError,
    column::{self, ABSENT, Column, Grid, Point, Series, is_absent},
    histogram,
    parse::ast::{Binary, BinaryOp, Cardinality, Matching, Place},
    source::Labels,
};
use protocols::metrics::NAME;
use std::{collections::HashMap, sync::Arc};

/// The operator on numbers; comparisons are 0 or 1.
#[inline]
pub(super) fn number(op: BinaryOp, left: f64, right: f64) -> f64 {
    match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div => left / right,
        BinaryOp::Mod => left % right,
        BinaryOp::Pow => left.powf(right),
        BinaryOp::Atan2 => left.atan2(right),
        _ => f64::from(u8::from(holds(op, left, right))),
    }
}

#[inline]
fn holds(op: BinaryOp, left: f64, right: f64) -> bool {
    match op {
        BinaryOp::Eq => left == right,
        BinaryOp::Ne => left != right,
        BinaryOp::Gt => left > right,
        BinaryOp::Lt => left < right,
        BinaryOp::Ge => left >= right,
        BinaryOp::Le => left <= right,
        _ => false,
    }
}

pub(super) fn with_scalar(
    values: &mut [f64],
    op: BinaryOp,
    other: &[f64],
    other_left: bool,
    returns_bool: bool,
) {
    let filters = op.compares() && !returns_bool;
    for (value, other) in values.iter_mut().zip(other) {
        if is_absent(*value) {
            continue;
        }
        let (left, right) = if other_left {
            (*other, *value)
        } else {
            (*value, *other)
        };
        if !filters {
            *value = number(op, left, right);
        } else if !holds(op, left, right) {
            *value = ABSENT;
        }
    }
}

fn incompatible(op: BinaryOp, left: &str, right: &str) -> String {
    let sign = op.sign();
    format!(
        "incompatible sample types encountered for binary operator {sign:?}: {left} {sign} {right}"
    )
}

pub(super) fn histograms_with_scalar(
    column: &mut Column,
    op: BinaryOp,
    other: &[f64],
    (other_left, _): (bool, bool),
    inform: impl Fn(&str),
) {
    for (place, other) in column.histograms.iter_mut().zip(other) {
        let Some(found) = place else {
            continue;
        };
        *place = match op {
            BinaryOp::Mul => Some(Arc::new(histogram::scale(found, *other))),
            BinaryOp::Div if !other_left => Some(Arc::new(histogram::divide(found, *other))),
            _ => {
                inform(&if other_left {
                    incompatible(op, "float", "histogram")
                } else {
                    incompatible(op, "histogram", "float")
                });
                None
            }
        };
    }
}

/// What two series must share, as bytes.
fn key(labels: &Labels, matching: &Matching, key: &mut Vec<u8>) {
    key.clear();
    let mut push = |text: &str| {
        key.extend_from_slice(&(text.len() as u32).to_le_bytes());
        key.extend_from_slice(text.as_bytes());
    };
    if matching.on {
        for name in &matching.labels {
            push(labels.get(name).unwrap_or_default());
        }
    } else {
        for (name, value) in labels.pairs() {
            if name != NAME && !matching.labels.contains(name) {
                push(name);
                push(value);
            }
        }
    }
}

fn by_key(side: &[Series], matching: &Matching) -> HashMap<Vec<u8>, Vec<usize>> {
    let mut found: HashMap<Vec<u8>, Vec<usize>> = HashMap::with_capacity(side.len());
    let mut buffer = Vec::new();
    for (at, series) in side.iter().enumerate() {
        key(&series.labels, matching, &mut buffer);
        match found.get_mut(&buffer) {
            Some(group) => group.push(at),
            None => {
                found.insert(buffer.clone(), vec![at]);
            }
        }
    }
    found
}

fn presence<'s>(series: impl Iterator<Item = &'s Series>, grid: Grid) -> Vec<bool> {
    let mut present = vec![false; grid.count];
    for one in series {
        for (step, there) in present.iter_mut().enumerate() {
            *there |= one.column.has(step);
        }
    }
    present
}

/// As Prometheus prints labels.
fn described(labels: &Labels) -> String {
    let pairs = labels.pairs().iter();
    let parts: Vec<_> = pairs
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    format!("{{{}}}", parts.join(", "))
}

fn shared(labels: &Labels, matching: &Matching) -> Labels {
    let pairs = labels.pairs().iter().filter(|(name, _)| {
        if matching.on {
            matching.labels.contains(name)
        } else {
            name != NAME && !matching.labels.contains(name)
        }
    });
    Labels::new(pairs.cloned().collect())
}

impl Evaluator {
    /// Two vectors.
    pub(super) fn binary(
        &self,
        binary: &Binary,
        place: Place,
        grid: Grid,
    ) -> Result<Vec<Series>, QueryError> {
        let left = self.vector(&binary.left, grid)?;
        let right = self.vector(&binary.right, grid)?;
        let mut matching = binary.matching.clone().unwrap_or(Matching {
            on: false,
            labels: Vec::new(),
            cardinality: Cardinality::OneToOne,
            include: Vec::new(),
        });
        matching.labels.sort();
        matching.labels.dedup();
        if binary.op.of_sets() {
            return column::merged(sets(binary.op, left, right, &matching, grid));
        }
        self.matched(binary, &matching, place, (left, right), grid)
    }

    fn matched(
        &self,
        binary: &Binary,
        matching: &Matching,
        place: Place,
        (left, right): (Vec<Series>, Vec<Series>),
        grid: Grid,
    ) -> Result<Vec<Series>, QueryError> {
        let swapped = matching.cardinality == Cardinality::OneToMany;
        let (many, one) = if swapped {
            (right, left)
        } else {
            (left, right)
        };
        let ones = by_key(&one, matching);
        check_unique(&many, &one, &ones, matching, grid)?;
        let manys = by_key(&many, matching);
        let spot = self.spot(place);
        let op = binary.op;
        let mut found = Vec::new();
        let mut matches = Vec::new();
        for (key, group) in &manys {
            let Some(others) = ones.get(key) else {
                continue;
            };
            if matching.cardinality == Cardinality::OneToOne && group.len() > 1 {
                check_single(&many, group, &one, others, grid)?;
            }
            for at in group {
                for other in others {
                    let (this, that) = (&many[*at], &one[*other]);
                    let (left, right) = if swapped { (that, this) } else { (this, that) };
                    let mut column = Column::absent(grid.count);
                    for step in 0..grid.count {
                        if left.column.has(step) && right.column.has(step) {
                            let sides = (left.column.get(step), right.column.get(step));
                            let point = self.point(op, sides, binary.returns_bool, &spot);
                            column.set(step, point);
                        }
                    }
                    self.pay(grid.count)?;
                    let labels = result_labels(binary, matching, &this.labels, &that.labels);
                    matches.push((*at, *other));
                    found.push(Series { labels, column });
                }
            }
        }
        if matching.cardinality != Cardinality::OneToOne {
            check_results(&found, &matches, (&many, &one), grid)?;
        }
        let mut order: Vec<usize> = (0..found.len()).collect();
        order.sort_by_key(|at| matches[*at]);
        let mut found: Vec<_> = found.into_iter().map(Some).collect();
        let ordered = order.into_iter().filter_map(|at| found[at].take());
        column::merged(ordered.filter(|series| !series.column.is_empty()).collect())
    }

    fn point(&self, op: BinaryOp, sides: (Point, Point), returns_bool: bool, spot: &str) -> Point {
        let kept = |holds: bool, value: Point| match (returns_bool, holds) {
            (true, holds) => Point::Float(f64::from(u8::from(holds))),
            (false, true) => value,
            (false, false) => Point::None,
        };
        match sides {
            (Point::Float(left), Point::Float(right)) => {
                if op.compares() {
                    kept(holds(op, left, right), Point::Float(left))
                } else {
                    Point::Float(number(op, left, right))
                }
            }
            (Point::Histogram(h), Point::Float(value)) => match op {
                BinaryOp::Mul => Point::Histogram(Arc::new(histogram::scale(&h, value))),
                BinaryOp::Div => Point::Histogram(Arc::new(histogram::divide(&h, value))),
                _ => {
                    self.notes
                        .info(&incompatible(op, "histogram", "float"), spot);
                    Point::None
                }
            },
            (Point::Float(value), Point::Histogram(h)) => match op {
                BinaryOp::Mul => Point::Histogram(Arc::new(histogram::scale(&h, value))),
                _ => {
                    self.notes
                        .info(&incompatible(op, "float", "histogram"), spot);
                    Point::None
                }
            },
            (Point::Histogram(left), Point::Histogram(right)) => match op {
                BinaryOp::Eq => kept(histogram::equal(&left, &right), Point::Histogram(left)),
                BinaryOp::Ne => kept(!histogram::equal(&left, &right), Point::Histogram(left)),
                BinaryOp::Add | BinaryOp::Sub => {
                    let (sign, doing) = if op == BinaryOp::Add {
                        (1.0, "addition")
                    } else {
                        (-1.0, "subtraction")
                    };
                    let mut sum = Arc::unwrap_or_clone(left);
                    match histogram::add(&mut sum, &right, sign) {
                        Ok(effects) => {
                            self.note_effects(effects, doing, spot);
                            if sign < 0.0 {
                                sum.reset = protocols::metrics::CounterReset::Gauge;
                            }
                            Point::Histogram(Arc::new(sum))
                        }
                        Err(_) => {
                            let note = "incompatible bucket layout encountered for binary operator";
                            self.notes.warn(&format!("{note} {}", op.sign()), spot);
                            Point::None
                        }
                    }
                }
                _ => {
                    self.notes
                        .info(&incompatible(op, "histogram", "histogram"), spot);
                    Point::None
                }
            },
            _ => Point::None,
        }
    }

    pub(super) fn note_effects(&self, effects: histogram::Effects, doing: &str, spot: &str) {
        if effects.reconciled {
            let note = format!("mismatched custom buckets were reconciled during {doing}");
            self.notes.info(&note, spot);
        }
        if effects.collision {
            let note = format!("conflicting counter resets during histogram {doing}");
            self.notes.warn(&note, spot);
        }
    }
}

fn sets(
    op: BinaryOp,
    mut left: Vec<Series>,
    mut right: Vec<Series>,
    matching: &Matching,
    grid: Grid,
) -> Vec<Series> {
    let mask = |side: &[Series]| -> HashMap<Vec<u8>, Vec<bool>> {
        by_key(side, matching)
            .into_iter()
            .map(|(key, group)| {
                let present = presence(group.iter().map(|at| &side[*at]), grid);
                (key, present)
            })
            .collect()
    };
    let mut buffer = Vec::new();
    let mut keep = |series: &mut Series, mask: &HashMap<Vec<u8>, Vec<bool>>, wanted: bool| {
        key(&series.labels, matching, &mut buffer);
        let present = mask.get(&buffer);
        for step in 0..grid.count {
            if present.is_some_and(|present| present[step]) != wanted {
                series.column.remove(step);
            }
        }
        !series.column.is_empty()
    };
    match op {
        BinaryOp::Or => {
            let mask = mask(&left);
            right.retain_mut(|series| keep(series, &mask, false));
            left.append(&mut right);
        }
        _ => {
            let mask = mask(&right);
            left.retain_mut(|series| keep(series, &mask, op == BinaryOp::And));
        }
    }
    left
}

/// On the one side a group may have one series at a time.
fn check_unique(
    many: &[Series],
    one: &[Series],
    ones: &HashMap<Vec<u8>, Vec<usize>>,
    matching: &Matching,
    grid: Grid,
) -> Result<(), QueryError> {
    if ones.values().all(|group| group.len() == 1) {
        return Ok(());
    }
    let matters = presence(many.iter(), grid);
    for group in ones.values().filter(|group| group.len() > 1) {
        for step in (0..grid.count).filter(|step| matters[*step]) {
            let mut there = group.iter().filter(|at| one[**at].column.has(step));
            let (Some(first), Some(second)) = (there.next(), there.next()) else {
                continue;
            };
            let mut pair = [&one[*first].labels, &one[*second].labels].map(described);
            pair.sort();
            let side = if matching.cardinality == Cardinality::OneToMany {
                "left"
            } else {
                "right"
            };
            return Err(QueryError::Execution(format!(
                "found duplicate series for the match group {} on the {side} hand-side of the \
                 operation: [{}, {}];many-to-many matching not allowed: matching labels must be \
                 unique on one side",
                described(&shared(&one[*first].labels, matching)),
                pair[0],
                pair[1]
            )));
        }
    }
    Ok(())
}

/// Without a group modifier the other side may have one too.
fn check_single(
    many: &[Series],
    group: &[usize],
    one: &[Series],
    others: &[usize],
    grid: Grid,
) -> Result<(), QueryError> {
    let matters = presence(others.iter().map(|at| &one[*at]), grid);
    for step in (0..grid.count).filter(|step| matters[*step]) {
        let there = group.iter().filter(|at| many[**at].column.has(step));
        if there.count() > 1 {
            return Err(QueryError::Execution(
                "multiple matches for labels: many-to-one matching must be explicit \
                 (group_left/group_right)"
                    .to_owned(),
            ));
        }
    }
    Ok(())
}

/// With one, results must still be told apart, filtered away or not.
fn check_results(
    found: &[Series],
    matches: &[(usize, usize)],
    (many, one): (&[Series], &[Series]),
    grid: Grid,
) -> Result<(), QueryError> {
    let mut same: HashMap<&Labels, Vec<usize>> = HashMap::with_capacity(found.len());
    for (at, series) in found.iter().enumerate() {
        same.entry(&series.labels).or_default().push(at);
    }
    for group in same.values().filter(|group| group.len() > 1) {
        for step in 0..grid.count {
            let there = group.iter().filter(|at| {
                let (this, that) = matches[**at];
                many[this].column.has(step) && one[that].column.has(step)
            });
            if there.count() > 1 {
                return Err(QueryError::Execution(
                    "multiple matches for labels: grouping labels must ensure unique matches"
                        .to_owned(),
                ));
            }
        }
    }
    Ok(())
}

fn result_labels(binary: &Binary, matching: &Matching, many: &Labels, one: &Labels) -> Labels {
    let drops_name = !binary.op.compares() || binary.returns_bool;
    let single = matching.cardinality == Cardinality::OneToOne;
    let mut pairs: Vec<_> = many
        .pairs()
        .iter()
        .filter(|(name, _)| {
            if name == NAME && drops_name {
                false
            } else if single {
                matching.labels.contains(name) == matching.on
            } else {
                !matching.include.contains(name)
            }
        })
        .cloned()
        .collect();
    if !single {
        let included = one.pairs().iter();
        pairs.extend(
            included
                .filter(|(name, _)| matching.include.contains(name))
                .cloned(),
        );
    }
    Labels::new(pairs)
}
