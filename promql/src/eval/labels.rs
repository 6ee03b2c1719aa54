//! Functions of labels.

use super::Evaluator;
use crate::{
    QueryError,
    column::{self, Grid, Series},
    parse::{
        self,
        ast::{Call, Expr},
    },
};
use std::cmp::Ordering;

/// Numbers within text compare as numbers: `cpu2` before `cpu10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (Some(x), Some(y)) = (a.chars().next(), b.chars().next()) else {
            return a.len().cmp(&b.len());
        };
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
            let (first, rest_a) = a.split_at(digits(a));
            let (second, rest_b) = b.split_at(digits(b));
            let (short_a, short_b) = (
                first.trim_start_matches('0'),
                second.trim_start_matches('0'),
            );
            let order = short_a
                .len()
                .cmp(&short_b.len())
                .then_with(|| short_a.cmp(short_b))
                .then_with(|| first.len().cmp(&second.len()));
            if order != Ordering::Equal {
                return order;
            }
            (a, b) = (rest_a, rest_b);
        } else {
            if x != y {
                return x.cmp(&y);
            }
            (a, b) = (&a[x.len_utf8()..], &b[y.len_utf8()..]);
        }
    }
}

impl Evaluator {
    /// A label's name given as a string.
    pub(super) fn label_name(&self, expr: &Expr) -> Result<String, QueryError> {
        let text = self.text(expr)?;
        match String::from_utf8(text) {
            Ok(name) if !name.is_empty() => Ok(name),
            Ok(_) => Err(invalid_name(b"")),
            Err(error) => Err(invalid_name(error.as_bytes())),
        }
    }

    fn words(&self, expr: &Expr) -> Result<String, QueryError> {
        Ok(String::from_utf8_lossy(&self.text(expr)?).into_owned())
    }

    pub(super) fn sort_by_label(&self, call: &Call, grid: Grid) -> Result<Vec<Series>, QueryError> {
        let mut series = self.vector(&call.arguments[0], grid)?;
        let names = call.arguments[1..].iter().map(|name| self.words(name));
        let names = names.collect::<Result<Vec<_>, _>>()?;
        if grid.count > 1 {
            return Ok(series);
        }
        series.sort_by(|a, b| {
            let by_name = names.iter().map(|name| {
                natural(
                    a.labels.get(name).unwrap_or_default(),
                    b.labels.get(name).unwrap_or_default(),
                )
            });
            by_name
                .fold(Ordering::Equal, Ordering::then)
                .then_with(|| a.labels.cmp(&b.labels))
        });
        if call.function.name == "sort_by_label_desc" {
            series.reverse();
        }
        Ok(series)
    }

    pub(super) fn label_replace(&self, call: &Call, grid: Grid) -> Result<Vec<Series>, QueryError> {
        let series = self.vector(&call.arguments[0], grid)?;
        let to = self.text(&call.arguments[1])?;
        let Ok(to) = String::from_utf8(to.clone()) else {
            return Err(invalid_target("label_replace", &to));
        };
        if to.is_empty() {
            return Err(invalid_target("label_replace", b""));
        }
        let replacement = self.words(&call.arguments[2])?;
        let from = self.words(&call.arguments[3])?;
        let expression = self.words(&call.arguments[4])?;
        let regex = crate::anchored(&expression).map_err(|_| {
            QueryError::Execution(format!(
                "invalid regular expression in label_replace(): {expression}"
            ))
        })?;
        let renamed = series.into_iter().map(|Series { labels, column }| {
            let value = labels.get(&from).unwrap_or_default();
            let Some(captures) = regex.captures(value) else {
                return Series { labels, column };
            };
            let mut replaced = String::new();
            captures.expand(&replacement, &mut replaced);
            Series {
                labels: column::with(labels, &to, &replaced),
                column,
            }
        });
        column::merged(renamed.collect())
    }

    pub(super) fn label_join(&self, call: &Call, grid: Grid) -> Result<Vec<Series>, QueryError> {
        let series = self.vector(&call.arguments[0], grid)?;
        let to = self.text(&call.arguments[1])?;
        let Ok(to) = String::from_utf8(to.clone()) else {
            return Err(invalid_target("label_join", &to));
        };
        if to.is_empty() {
            return Err(invalid_target("label_join", b""));
        }
        let separator = self.words(&call.arguments[2])?;
        let from = call.arguments[3..].iter().map(|name| self.words(name));
        let from = from.collect::<Result<Vec<_>, _>>()?;
        let renamed = series.into_iter().map(|Series { labels, column }| {
            let parts: Vec<_> = from
                .iter()
                .map(|name| labels.get(name).unwrap_or_default())
                .collect();
            let joined = parts.join(&separator);
            Series {
                labels: column::with(labels, &to, &joined),
                column,
            }
        });
        column::merged(renamed.collect())
    }
}

fn invalid_name(name: &[u8]) -> QueryError {
    QueryError::Execution(format!("invalid label name {}", parse::quoted(name)))
}

fn invalid_target(function: &str, name: &[u8]) -> QueryError {
    QueryError::Execution(format!(
        "invalid destination label name in {function}(): {}",
        String::from_utf8_lossy(name)
    ))
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_in_text_are_ordered_by_size() {
        let mut names = ["4m600", "4m1000", "4m5", "4", "5"];
        names.sort_by(|a, b| super::natural(a, b));
        assert_eq!(names, ["4", "4m5", "4m600", "4m1000", "5"]);
    }
}
