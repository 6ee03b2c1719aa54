//! Functions that look at whole vectors, and those that make scalars.

use super::{Evaluator, math, windows::Windows};
use crate::{
    QueryError,
    column::{ABSENT, Column, Grid, Series, is_absent},
    parse::ast::{Call, Expr, Kind},
    source::{Comparison, Labels, Matcher},
};
use protocols::metrics::NAME;
use std::{cmp::Ordering, collections::HashSet};

fn constant(labels: Labels, values: Vec<f64>) -> Vec<Series> {
    vec![Series {
        labels,
        column: Column {
            values,
            histograms: Vec::new(),
        },
    }]
}

/// What the selector says a missing series would be labelled: names compared for equality,
/// but for those of which something else is said after it.
fn absent_labels(matchers: &[Matcher]) -> Labels {
    let mut equal = HashSet::new();
    let mut pairs = Vec::<(String, String)>::new();
    for matcher in matchers.iter().filter(|matcher| matcher.name != NAME) {
        pairs.retain(|(name, _)| *name != matcher.name);
        if matcher.comparison == Comparison::Equal && equal.insert(matcher.name.as_str()) {
            pairs.push((matcher.name.clone(), matcher.value.clone()));
        }
    }
    Labels::new(pairs)
}

fn labels_if_absent(argument: &Expr) -> Labels {
    match &argument.bare().kind {
        Kind::Selector(selector) => absent_labels(&selector.matchers),
        Kind::Range { selector, .. } => labels_if_absent(selector),
        _ => Labels::default(),
    }
}

impl Evaluator {
    pub(super) fn scalar_call(&self, call: &Call, grid: Grid) -> Result<Vec<f64>, QueryError> {
        let seconds = |ms: i64| ms as f64 / 1000.0;
        let same = |value: f64| Ok(vec![value; grid.count]);
        let (start, end) = (self.query.start_ms, self.query.end_ms);
        match call.function.name {
            "time" => Ok((0..grid.count)
                .map(|step| seconds(grid.time(step)))
                .collect()),
            "pi" => same(std::f64::consts::PI),
            "start" => same(seconds(start)),
            "end" => same(seconds(end)),
            "range" => same(seconds(end - start)),
            "step" => same(seconds(self.query.step_ms)),
            "scalar" => {
                let series = self.vector(&call.arguments[0], grid)?;
                let single = |step: usize| {
                    let values = series.iter().map(|one| one.column.values[step]);
                    let mut there = values.filter(|value| !is_absent(*value));
                    match (there.next(), there.next()) {
                        (Some(value), None) => value,
                        _ => f64::NAN,
                    }
                };
                Ok((0..grid.count).map(single).collect())
            }
            name @ ("min_of" | "max_of") => {
                let of = if name == "min_of" {
                    math::smaller
                } else {
                    math::larger
                };
                let left = self.scalar(&call.arguments[0], grid)?;
                let right = self.scalar(&call.arguments[1], grid)?;
                Ok(left.into_iter().zip(right).map(|(a, b)| of(a, b)).collect())
            }
            name => Err(QueryError::Execution(format!("{name} makes no scalar"))),
        }
    }

    pub(super) fn call(&self, call: &Call, grid: Grid) -> Result<Vec<Series>, QueryError> {
        let name = call.function.name;
        match name {
            "vector" => Ok(constant(
                Labels::default(),
                self.scalar(&call.arguments[0], grid)?,
            )),
            "absent" => {
                let argument = &call.arguments[0];
                let series = self.vector(argument, grid)?;
                Ok(absent(&series, labels_if_absent(argument), grid))
            }
            "absent_over_time" => {
                let argument = &call.arguments[0];
                let series = match Windows::any(self, call, grid)? {
                    Some(windows) => {
                        let range = self.range(argument, grid)?;
                        self.windows(range, windows, grid)?
                    }
                    None => Vec::new(),
                };
                Ok(absent(&series, labels_if_absent(argument), grid))
            }
            "sort" | "sort_desc" => {
                let mut series = self.vector(&call.arguments[0], grid)?;
                if grid.count == 1 {
                    series.retain(|one| !is_absent(one.column.values[0]));
                    series.sort_by(|a, b| ranked(a, b, name == "sort_desc"));
                }
                Ok(series)
            }
            "sort_by_label" | "sort_by_label_desc" => self.sort_by_label(call, grid),
            "label_replace" => self.label_replace(call, grid),
            "label_join" => self.label_join(call, grid),
            "histogram_quantile" => self.histogram_quantile(call, grid),
            "histogram_quantiles" => self.histogram_quantiles(call, grid),
            "histogram_fraction" => self.histogram_fraction(call, grid),
            "info" => self.info(call, grid),
            _ => match math::float(name) {
                // A date function without argument is of the current time.
                Some(of) if call.arguments.is_empty() => {
                    let now = (0..grid.count).map(|step| of(grid.time(step) as f64 / 1000.0));
                    Ok(constant(Labels::default(), now.collect()))
                }
                _ => Err(QueryError::Execution(format!("{name} makes no vector"))),
            },
        }
    }
}

fn absent(series: &[Series], labels: Labels, grid: Grid) -> Vec<Series> {
    let missing = |step: usize| !series.iter().any(|one| one.column.has(step));
    let values = (0..grid.count).map(|step| if missing(step) { 1.0 } else { ABSENT });
    let found = constant(labels, values.collect());
    found
        .into_iter()
        .filter(|one| !one.column.is_empty())
        .collect()
}

/// By value, NaN last in both directions.
fn ranked(a: &Series, b: &Series, descending: bool) -> Ordering {
    let (a, b) = (a.column.values[0], b.column.values[0]);
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => {
            let order = a.partial_cmp(&b).unwrap_or(Ordering::Equal);
            if descending { order.reverse() } else { order }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::absent_labels;

    #[test]
    fn a_missing_series_has_the_labels_that_are_told() {
        for (selector, labels) in [
            ("x{a=\"1\",b=~\"2\",c!=\"3\",d=\"\"}", "a=1"),
            ("x{a=\"1\",a=\"2\",b=\"3\"}", "b=3"),
            ("x{a=\"1\",a=\"2\",a=\"3\"}", ""),
            ("x{a=\"1\",a!=\"2\"}", ""),
            ("x{a!=\"2\",a=\"1\"}", "a=1"),
        ] {
            let found = absent_labels(&crate::series_selector(selector).unwrap());
            let pairs = found.pairs().iter();
            let shown: Vec<_> = pairs
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            assert_eq!(shown.join(","), labels, "{selector}");
        }
    }
}
