//! What vectors and operators above an aggregation over time want of its series.

use std::collections::BTreeSet;

use crate::ast::{
    Binary, Grouping, Metric, RangeAggregation, RangeOp, VectorAggregation, VectorOp,
};

/// What is wanted of the series of an aggregation over time by what is above it.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// By which labels its lines may be folded together at once: a sum of counts is a
    /// count of what is summed.
    pub(super) reduction: Option<Grouping>,
    /// Labels that are named above it, which its series show wherever they are from.
    pub(super) names: BTreeSet<String>,
}

/// What is wanted of each aggregation over time, in the order of the text.
pub(super) fn want(metric: &Metric, above: &Wanted, found: &mut Vec<Wanted>) {
    match metric {
        Metric::Range(_) => found.push(above.clone()),
        Metric::Vector(vector) => want(&vector.inner, &beneath(vector, &above.names), found),
        Metric::Binary(binary) => {
            let (left, right) = sides(binary, &above.names);
            want(&binary.left, &left, found);
            want(&binary.right, &right, found);
        }
        Metric::LabelReplace { inner, arguments } => {
            let [_, _, source, _] = arguments;
            want(
                inner,
                &shown(&above.names, std::slice::from_ref(source)),
                found,
            );
        }
        Metric::Number(_) | Metric::Constant(_) => {}
    }
}

fn shown(above: &BTreeSet<String>, further: &[String]) -> Wanted {
    Wanted {
        reduction: None,
        names: above.iter().chain(further).cloned().collect(),
    }
}

fn beneath(vector: &VectorAggregation, above: &BTreeSet<String>) -> Wanted {
    let all = Grouping {
        without: false,
        labels: Vec::new(),
    };
    let grouping = vector.grouping.as_ref().unwrap_or(&all);
    if let Metric::Range(range) = &vector.inner
        && range.grouping.is_none()
        && goes_through(vector.op, range)
    {
        return Wanted {
            reduction: Some(grouping.clone()),
            names: above.clone(),
        };
    }
    // `by` lets no other label through; what keeps whole series does.
    match vector.op.keeps_series() || grouping.without {
        true => shown(above, &grouping.labels),
        false => shown(&BTreeSet::new(), &grouping.labels),
    }
}

/// Included labels are taken from the side of which there is one.
fn sides(binary: &Binary, above: &BTreeSet<String>) -> (Wanted, Wanted) {
    let Some(matching) = &binary.matching else {
        return (shown(above, &[]), shown(above, &[]));
    };
    let many = shown(above, &matching.labels);
    let Some((side, included)) = &matching.group else {
        return (many.clone(), many);
    };
    let one = shown(&many.names, included);
    match *side {
        "group_left" => (many, one),
        _ => (one, many),
    }
}

fn goes_through(op: VectorOp, range: &RangeAggregation) -> bool {
    match op {
        VectorOp::Sum => matches!(
            range.op,
            RangeOp::Rate
                | RangeOp::CountOverTime
                | RangeOp::BytesRate
                | RangeOp::BytesOverTime
                | RangeOp::SumOverTime
        ),
        VectorOp::Min => range.op == RangeOp::MinOverTime,
        VectorOp::Max => range.op == RangeOp::MaxOverTime,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::line::{LabelSet, Line, Origin};
    use crate::metric::tests::{NS, at, folded, planned, spelled};

    /// Queries with the labels that they name of the lines, and what their series have.
    const NAMING: [(&str, &str); 24] = [
        ("count_over_time(LOG[1m])", "app=s,detected_level=info"),
        ("sum by (pod) (count_over_time(LOG[1m]))", "pod=p"),
        (
            "sum without (app) (count_over_time(LOG[1m]))",
            "detected_level=info",
        ),
        (
            "max by (pod) (sum without (app) (count_over_time(LOG[1m])))",
            "detected_level=info,pod=p",
        ),
        (
            "max by (pod) (count_over_time(LOG | json [1m]))",
            "app=s,detected_level=info,pod=p",
        ),
        (
            "count by (pod, zone) (count_over_time(LOG[1m]))",
            "app=s,detected_level=info,pod=p,zone=z",
        ),
        (
            "max without (pod) (count_over_time(LOG[1m]))",
            "app=s,detected_level=info,pod=p",
        ),
        (
            "max by (level) (count_over_time(LOG[1m]))",
            "app=s,detected_level=info,level=info",
        ),
        (
            "sum by (pod) (count_over_time(LOG[1m]) > 0)",
            "app=s,detected_level=info,pod=p",
        ),
        (
            "sum by (x) (label_replace(count_over_time(LOG[1m]), \"x\", \"$1\", \"pod\", \"(.*)\"))",
            "app=s,detected_level=info,pod=p",
        ),
        (
            "sum by (pod) (label_replace(count_over_time(LOG[1m]), \"pod\", \"y\", \"app\", \"x\"))",
            "app=s,detected_level=info,pod=p",
        ),
        (
            "count_over_time(LOG[1m]) / on (pod) sum by (pod) (rate(LOG[1m]))",
            "app=s,detected_level=info,pod=p",
        ),
        (
            "count_over_time(LOG[1m]) / ignoring (pod) group_left sum without (pod) (rate(LOG[1m]))",
            "app=s,detected_level=info,pod=p",
        ),
        (
            "count_over_time(LOG[1m]) * on (app) group_left (zone) rate(LOG[1m])",
            "app=s,detected_level=info",
        ),
        (
            "count_over_time(LOG[1m]) * on (app) group_right (zone) rate(LOG[1m])",
            "app=s,detected_level=info,zone=z",
        ),
        (
            "count_over_time(LOG[1m]) unless on (pod) rate(LOG[1m])",
            "app=s,detected_level=info,pod=p",
        ),
        (
            "topk by (pod) (1, count_over_time(LOG[1m]))",
            "app=s,detected_level=info,pod=p",
        ),
        (
            "max by (pod) (topk(1, sort(count_over_time(LOG[1m]))))",
            "app=s,detected_level=info,pod=p",
        ),
        (
            "max by (pod) (max by (app) (count_over_time(LOG[1m])))",
            "app=s,detected_level=info",
        ),
        (
            "max by (pod) (max(count_over_time(LOG[1m])))",
            "app=s,detected_level=info",
        ),
        (
            "max by (pod) (min without (app) (count_over_time(LOG[1m])))",
            "app=s,detected_level=info,pod=p",
        ),
        ("count_over_time(LOG | keep pod [1m])", "pod=p"),
        ("count_over_time(LOG | keep app, pod=\"q\" [1m])", "app=s"),
        (
            "count_over_time(LOG | drop zone [1m])",
            "app=s,detected_level=info",
        ),
    ];

    #[test]
    fn labels_that_are_named_are_shown() {
        let mut line = Line {
            time_ns: NS,
            text: "{}".to_owned(),
            labels: LabelSet::default(),
        };
        line.labels.set("app", "s", Origin::Stream);
        line.labels
            .set("detected_level", "info", Origin::Structured);
        for (name, value) in [("pod", "p"), ("zone", "z"), ("trace_id", "t")] {
            line.labels.set(name, value, Origin::Hidden);
        }
        for (query, expected) in NAMING {
            let query = query.replace("LOG", "{app=\"s\"}");
            let found = folded(&query, at(10, 1), &[line.clone()]).unwrap();
            assert_eq!(found.len(), 1, "{query}");
            assert_eq!(spelled(&found[0]), expected, "{query}");
        }
    }

    proptest::proptest! {
        /// Where streams and levels are said to tell series, lines are told apart no
        /// further by what they have themselves.
        #[test]
        fn what_streams_tell_lines_tell_too(
            of_stream in proptest::collection::btree_set(0usize..4, 0..4),
            of_line in proptest::collection::btree_set(0usize..4, 0..4),
            query in 0usize..NAMING.len(),
        ) {
            let names = ["app", "pod", "zone", "trace_id"];
            let mut stream = LabelSet::default();
            for at in of_stream {
                stream.set(names[at], "s", Origin::Stream);
            }
            stream.set("detected_level", "info", Origin::Structured);
            let mut line = stream.clone();
            for at in of_line {
                if line.origin(names[at]).is_none() {
                    line.set(names[at], "l", Origin::Hidden);
                }
            }
            let plan = planned(&NAMING[query].0.replace("LOG", "{app=\"s\"}"), at(10, 1));
            for leaf in plan.leaves.iter().filter(|leaf| leaf.is_told_by(&stream)) {
                proptest::prop_assert_eq!(leaf.labels(&stream), leaf.labels(&line));
            }
        }
    }
}
