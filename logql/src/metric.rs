//! Numbers over time: lines are folded into series by the aggregations over time, and
//! PromQL does what is above them.

mod fold;
mod source;
mod wanted;

use crate::ast::{LogExpr, Metric, RangeAggregation, VectorOp};
use crate::format::metric_text;
use wanted::{Wanted, want};

pub use fold::{Fold, Folds, Leaf, Series};
pub use source::Leaves;

/// When a query is evaluated; a single moment has no step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    pub start_ns: i64,
    pub step_ns: i64,
    pub count: usize,
}

impl Grid {
    /// Of a step, counted from 0; nanoseconds since 1970.
    pub fn time_ns(&self, step: usize) -> i64 {
        let steps = i64::try_from(step).unwrap_or(i64::MAX);
        self.start_ns
            .saturating_add(self.step_ns.saturating_mul(steps))
    }

    /// Of the last step; nanoseconds since 1970.
    pub fn end_ns(&self) -> i64 {
        self.time_ns(self.count.saturating_sub(1))
    }
}

/// How an answer is made: of lines the leaves, and of these what the text says.
#[derive(Debug)]
pub struct Plan {
    pub leaves: Vec<Leaf>,
    /// PromQL over [`Leaves`].
    pub promql: String,
}

/// Aggregations over time that one query may have.
const MOST_LEAVES: usize = 20;

/// The query was parsed, so that only its size can be wrong.
pub fn plan(metric: &Metric, grid: Grid) -> Result<Plan, String> {
    let mut wanted = Vec::new();
    want(metric, &Wanted::default(), &mut wanted);
    if wanted.len() > MOST_LEAVES {
        return Err(format!(
            "the query has more than {MOST_LEAVES} aggregations over time"
        ));
    }
    let mut wanted = wanted.into_iter();
    let mut leaves = Vec::new();
    let mut wrong = None;
    let mut leaf = |range: &RangeAggregation| {
        match Leaf::of(range.clone(), wanted.next().unwrap_or_default(), grid) {
            Ok(leaf) => leaves.push(leaf),
            Err(why) => wrong = Some(why),
        }
        source::name(leaves.len().saturating_sub(1))
    };
    let promql = metric_text(&compared(metric.clone()), &mut leaf);
    match wrong {
        Some(why) => Err(why),
        None => Ok(Plan { leaves, promql }),
    }
}

/// Loki compares numbers with each other, PromQL only where it is told to answer 0 or 1;
/// and it counts exactly what Loki estimates.
fn compared(metric: Metric) -> Metric {
    match metric {
        Metric::Binary(mut binary) => {
            let both = binary.left.is_scalar() && binary.right.is_scalar();
            let compares = matches!(binary.sign, "==" | "!=" | ">" | ">=" | "<" | "<=");
            binary.returns_bool |= both && compares;
            binary.left = compared(binary.left);
            binary.right = compared(binary.right);
            Metric::Binary(binary)
        }
        Metric::Vector(mut vector) => {
            if vector.op == VectorOp::ApproxTopk {
                vector.op = VectorOp::Topk;
            }
            vector.inner = compared(vector.inner);
            Metric::Vector(vector)
        }
        Metric::LabelReplace { inner, arguments } => Metric::LabelReplace {
            inner: Box::new(compared(*inner)),
            arguments,
        },
        other => other,
    }
}

/// Every selection of lines of a query.
pub fn logs(metric: &Metric) -> Vec<&LogExpr> {
    match metric {
        Metric::Range(range) => vec![&range.log],
        Metric::Vector(vector) => logs(&vector.inner),
        Metric::Binary(binary) => [logs(&binary.left), logs(&binary.right)].concat(),
        Metric::LabelReplace { inner, .. } => logs(inner),
        Metric::Number(_) | Metric::Constant(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::Expr;
    use crate::line::{LabelSet, Line, Origin};

    pub(super) const NS: i64 = 1_000_000_000;

    pub(super) fn planned(query: &str, grid: Grid) -> Plan {
        let Expr::Metric(metric) = crate::parse(query).unwrap() else {
            panic!("{query} asks for lines");
        };
        plan(&metric, grid).unwrap()
    }

    pub(super) fn at(start: i64, count: usize) -> Grid {
        Grid {
            start_ns: start * NS,
            step_ns: 10 * NS,
            count,
        }
    }

    #[test]
    fn what_is_above_the_leaves_is_promql() {
        let query = "topk(2, sum by (pod) (rate({a=\"b\"} |= \"x\" [1m]))) / on (pod) count_over_time({a=\"b\"}[1m] offset 1h) > bool 1";
        let plan = planned(query, at(0, 1));
        let expected = "((topk(2, sum by (pod) (leaf:0)) / on (pod) leaf:1) > bool 1)";
        assert_eq!(plan.promql, expected);
        assert!(promql::parse(&plan.promql).is_ok());
        assert_eq!(plan.leaves[0].grouped_by(), Some(&["pod".to_owned()][..]));
        assert_eq!(plan.leaves[1].grouped_by(), None);
        // The pod may be of the stream or of each line alone.
        let mut stream = LabelSet::default();
        stream.set("detected_level", "info", Origin::Structured);
        assert!(!plan.leaves.iter().any(|leaf| leaf.is_told_by(&stream)));
        stream.set("pod", "a", Origin::Stream);
        assert!(plan.leaves.iter().all(|leaf| leaf.is_told_by(&stream)));
        assert_eq!(plan.leaves[1].times(), (-3_660 * NS + 1, -3_600 * NS + 1));
        assert_eq!(planned("1 > 2", at(0, 1)).promql, "(1 > bool 2)");
    }

    pub(super) fn spelled(series: &Series) -> String {
        let pairs = series.labels.pairs().iter();
        let labels: Vec<_> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        labels.join(",")
    }

    fn line(second: i64, pod: &str, text: &str) -> Line {
        let mut line = Line {
            time_ns: second * NS,
            text: text.to_owned(),
            labels: LabelSet::default(),
        };
        line.labels.set("app", "shop", Origin::Stream);
        line.labels.set("pod", pod, Origin::Hidden);
        line
    }

    pub(super) fn folded(
        query: &str,
        grid: Grid,
        lines: &[Line],
    ) -> Result<Vec<Series>, crate::EvalError> {
        let plan = planned(query, grid);
        let leaf = &plan.leaves[0];
        let mut folds = Folds::default();
        for line in lines {
            leaf.line(&mut folds, line.clone())?;
        }
        leaf.finish(folds)
    }

    #[test]
    fn lines_are_folded_by_their_labels_and_times() {
        let lines = [
            line(1, "a", "n=1"),
            line(5, "b", "n=2"),
            line(15, "a", "n=30"),
        ];
        let values = |query: &str| -> Vec<(String, Vec<(usize, f64)>)> {
            let found = folded(query, at(10, 3), &lines).unwrap();
            let named = found
                .into_iter()
                .map(|series| (spelled(&series), series.values));
            named.collect()
        };
        let one = |labels: &str, values: &[(usize, f64)]| (labels.to_owned(), values.to_vec());
        assert_eq!(
            values("count_over_time({app=\"shop\"}[10s])"),
            [one("app=shop", &[(0, 2.0), (1, 1.0)])],
        );
        assert_eq!(
            values("sum by (pod) (bytes_over_time({app=\"shop\"}[20s]))"),
            [
                one("pod=a", &[(0, 3.0), (1, 7.0), (2, 4.0)]),
                one("pod=b", &[(0, 3.0), (1, 3.0)]),
            ],
        );
        assert_eq!(
            values("max_over_time({app=\"shop\"} | logfmt | unwrap n [20s])"),
            [one("app=shop", &[(0, 2.0), (1, 30.0), (2, 30.0)])],
        );
        // Lines without text have no bytes, which is not nothing.
        assert_eq!(
            values("bytes_over_time({app=\"shop\"} | line_format `` [10s])"),
            [one("app=shop", &[(0, 0.0), (1, 0.0)])],
        );
        // Filters behind it see what is unwrapped, and so does its own `by`.
        assert_eq!(
            values("max_over_time({app=\"shop\"} | logfmt | unwrap n | n < 10 [20s])"),
            [one("app=shop", &[(0, 2.0), (1, 2.0)])],
        );
        assert_eq!(
            values("max_over_time({app=\"shop\"} | logfmt | unwrap n [20s]) by (n)"),
            [
                one("n=1", &[(0, 1.0), (1, 1.0)]),
                one("n=2", &[(0, 2.0), (1, 2.0)]),
                one("n=30", &[(1, 30.0), (2, 30.0)]),
            ],
        );
        assert_eq!(
            values("absent_over_time({app=\"shop\"} |= \"n=1\" [10s])"),
            [one("app=shop", &[(1, 1.0), (2, 1.0)])],
        );
        let wrong = folded(
            "sum_over_time({a=\"b\"} | unwrap pod [1m])",
            at(10, 1),
            &lines,
        );
        assert!(
            wrong
                .unwrap_err()
                .to_string()
                .contains("SampleExtractionErr")
        );
        let empty = "sum_over_time({a=\"b\"} | logfmt --keep-empty | unwrap n [1m])";
        let lines_without = [line(1, "a", "n=")];
        assert_eq!(folded(empty, at(10, 1), &lines_without).unwrap(), []);
        let skipped = "sum_over_time({a=\"b\"} | unwrap pod | __error__=\"\" [1m])";
        assert_eq!(folded(skipped, at(10, 1), &lines).unwrap(), []);
    }

    proptest::proptest! {
        /// What is tallied by changes is what a look at every window counts.
        #[test]
        fn tallies_count_what_windows_have(
            times in proptest::collection::vec(-50i64..150, 0..40),
            range in 1i64..60, start in 0i64..50, count in 1usize..8,
        ) {
            let lines: Vec<Line> = times.iter().map(|time| line(*time, "a", "x")).collect();
            let grid = at(start, count);
            let query = format!("count_over_time({{app=\"shop\"}}[{range}s])");
            let found = folded(&query, grid, &lines).unwrap();
            let found: Vec<_> = found.into_iter().flat_map(|series| series.values).collect();
            let expected: Vec<_> = (0..count)
                .map(|step| {
                    let end = start + 10 * step as i64;
                    let window = end - range + 1..=end;
                    (step, times.iter().filter(|time| window.contains(time)).count() as f64)
                })
                .filter(|(_, count)| *count > 0.0)
                .collect();
            proptest::prop_assert_eq!(found, expected);
        }
    }
}
