//! Which samples an expression needs, before any is read.

use crate::{
    QueryError,
    column::{Bounds, Grid},
    parse::ast::{At, Expr, Kind, Selector, Subquery},
    source::{Comparison, Matcher, Selection},
};
use protocols::metrics::NAME;

/// The step of a subquery that names none.
const SUBQUERY_STEP_MS: i64 = 60_000;

/// How many steps a subquery may have.
const MAX_SUBQUERY_STEPS: i64 = 5_000_000;

/// One selection per selector, in the order of the ids that they are given here.
pub(crate) fn selections(
    expr: &mut Expr,
    query: Bounds,
    grid: Grid,
    lookback_ms: i64,
) -> Result<Vec<Selection>, QueryError> {
    let mut plan = Plan {
        query,
        lookback_ms,
        found: Vec::new(),
    };
    plan.visit(expr, grid)?;
    Ok(plan.found)
}

/// When a selector looks for a step of the evaluation.
pub(crate) fn reference(at: Option<At>, offset_ms: i64, time_ms: i64, query: Bounds) -> i64 {
    let time = match at {
        None => time_ms,
        Some(At::Time(ms)) => ms,
        Some(At::Start) => query.start_ms,
        Some(At::End) => query.end_ms,
    };
    time - offset_ms
}

/// The steps of a subquery: multiples of its own step, whatever the query's start. Its
/// range is open on the left, as ranges are since Prometheus 3: `x[5m:15s]` at a multiple of
/// 15 s is 20 steps, where Prometheus 2 takes the oldest too and has 21.
pub(crate) fn subgrid(subquery: &Subquery, grid: Grid, query: Bounds) -> Result<Grid, QueryError> {
    let step_ms = subquery.step_ms.unwrap_or(SUBQUERY_STEP_MS);
    let look = |time| reference(subquery.at, subquery.offset_ms, time, query);
    let before = look(grid.start_ms) - subquery.range_ms;
    let last = look(grid.end_ms());
    let start_ms = before.div_euclid(step_ms) * step_ms + step_ms;
    let count = if last < start_ms {
        0
    } else {
        (last - start_ms) / step_ms + 1
    };
    if count > MAX_SUBQUERY_STEPS {
        return Err(QueryError::Execution(format!(
            "subquery has {count} steps, more than {MAX_SUBQUERY_STEPS}"
        )));
    }
    Ok(Grid {
        start_ms,
        step_ms,
        count: count as usize,
    })
}

struct Plan {
    query: Bounds,
    lookback_ms: i64,
    found: Vec<Selection>,
}

impl Plan {
    fn select(&mut self, selector: &mut Selector, grid: Grid, window_ms: i64) {
        selector.id = self.found.len();
        let look = |time| reference(selector.at, selector.offset_ms, time, self.query);
        self.found.push(Selection {
            matchers: selector.matchers.clone(),
            from_ms: look(grid.start_ms).saturating_sub(window_ms),
            to_ms: look(grid.end_ms()),
        });
    }

    fn visit(&mut self, expr: &mut Expr, grid: Grid) -> Result<(), QueryError> {
        match &mut expr.kind {
            Kind::Number(_) | Kind::Text(_) => Ok(()),
            Kind::Paren(inner) | Kind::Unary { inner, .. } => self.visit(inner, grid),
            Kind::Binary(binary) => {
                self.visit(&mut binary.left, grid)?;
                self.visit(&mut binary.right, grid)
            }
            Kind::Aggregate(aggregate) => {
                if let Some(parameter) = &mut aggregate.parameter {
                    self.visit(parameter, grid)?;
                }
                self.visit(&mut aggregate.inner, grid)
            }
            Kind::Call(call) => {
                if call.function.name == "info" {
                    name_info(&mut call.arguments, expr.place);
                }
                call.arguments
                    .iter_mut()
                    .try_for_each(|argument| self.visit(argument, grid))
            }
            Kind::Selector(selector) => {
                self.select(selector, grid, self.lookback_ms);
                Ok(())
            }
            Kind::Range { selector, range_ms } => {
                if let Kind::Selector(selector) = &mut selector.kind {
                    self.select(selector, grid, *range_ms);
                }
                Ok(())
            }
            Kind::Subquery(subquery) => {
                let inner = subgrid(subquery, grid, self.query)?;
                self.visit(&mut subquery.inner, inner)
            }
        }
    }
}

/// `info` joins with `target_info` unless its selector names another metric.
fn name_info(arguments: &mut Vec<Expr>, place: crate::parse::ast::Place) {
    if arguments.len() == 1 {
        arguments.push(Expr {
            kind: Kind::Selector(Selector::default()),
            place,
        });
    }
    if let Some(Expr {
        kind: Kind::Selector(selector),
        ..
    }) = arguments.get_mut(1)
        && !selector.matchers.iter().any(|matcher| matcher.name == NAME)
    {
        selector.matchers.push(Matcher {
            name: NAME.to_owned(),
            comparison: Comparison::Equal,
            value: "target_info".to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subquery_leaves_out_the_step_on_its_left_end() {
        let expr = crate::parse("max_over_time(x[5m:15s])").unwrap();
        let Kind::Call(call) = &expr.kind else {
            panic!("{expr:?}");
        };
        let Kind::Subquery(subquery) = &call.arguments[0].kind else {
            panic!("{expr:?}");
        };
        // Times of the query, the first step and how many: aligned, just after, just before.
        for (at_ms, first_ms, count) in [
            (600_000, 315_000, 20),
            (600_001, 315_000, 20),
            (599_999, 300_000, 20),
            (607_000, 315_000, 20),
        ] {
            let grid = Grid {
                start_ms: at_ms,
                step_ms: 0,
                count: 1,
            };
            let query = Bounds {
                start_ms: at_ms,
                end_ms: at_ms,
                step_ms: 0,
            };
            let inner = subgrid(subquery.as_ref(), grid, query).unwrap();
            assert_eq!((inner.start_ms, inner.count), (first_ms, count), "{at_ms}");
            assert_eq!(inner.step_ms, 15_000);
        }
    }
}
