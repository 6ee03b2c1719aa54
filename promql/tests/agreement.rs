//! Evaluation of all steps at once, in several threads, agrees with step by step.

mod memory;

use memory::Memory;
use promql::{
    Engine, Limits, Options, Sample, Value,
    source::{Labels, Samples},
};
use proptest::prelude::*;
use protocols::metrics::STALE;
use std::{collections::BTreeMap, time::Duration};

const QUERIES: &[&str] = &[
    "m",
    "-m",
    "m offset 30s",
    "m @ 200",
    "sum(m)",
    "avg by (a) (m)",
    "count without (b) (m)",
    "min(m) + max(m)",
    "stddev by (b) (m)",
    "stdvar(m)",
    "group by (a) (m)",
    "quantile by (a) (0.3, m)",
    "topk by (a) (1, m)",
    "count(bottomk(2, m))",
    "limitk(2, m)",
    "count_values by (a) (\"v\", round(m))",
    "sum by (a) (rate(m[1m]))",
    "increase(m[90s])",
    "irate(m[2m])",
    "delta(m[45s]) > 0",
    "avg_over_time(m[1m]) * 2",
    "max_over_time(sum(m)[3m:20s])",
    "sum_over_time(rate(m[1m])[2m:15s])",
    "quantile_over_time(0.5, m[2m])",
    "changes(m[2m]) + resets(m[2m])",
    "deriv(m[2m])",
    "predict_linear(m[2m], 60)",
    "last_over_time(m[1m])",
    "m / on (a, b) group_left () m",
    "sum by (a) (m) - on (a) max by (a) (m)",
    "m and on (a) (m > 5)",
    "m unless m > 5",
    "(m > 5) or m",
    "absent(m > 9)",
    "scalar(sum(m)) + 1",
    "clamp(m, 2, 7)",
    "timestamp(m)",
    "label_replace(m, \"c\", \"$1\", \"b\", \"(.*)\")",
];

fn labels(a: usize, b: usize) -> Labels {
    let pairs = [
        ("__name__", "m".to_owned()),
        ("a", a.to_string()),
        ("b", b.to_string()),
    ];
    Labels::new(
        pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

fn store() -> impl Strategy<Value = Memory> {
    let sample = prop_oneof![
        8 => (0..10_i32).prop_map(f64::from),
        1 => Just(f64::from_bits(STALE)),
    ];
    let one = prop::collection::btree_map(0..600_i64, sample, 0..40);
    prop::collection::vec(one, 1..9).prop_map(|series| {
        let mut memory = Memory::default();
        for (at, samples) in series.into_iter().enumerate() {
            let found = Samples {
                times: samples.keys().map(|second| second * 1000).collect(),
                values: samples.into_values().collect(),
                histograms: Vec::new(),
            };
            memory.append(labels(at % 3, at), found);
        }
        memory
    })
}

fn engine(threads: usize) -> Engine {
    Engine {
        limits: Limits {
            threads,
            ..Limits::default()
        },
    }
}

type Points = BTreeMap<(Labels, i64), f64>;

fn points(value: Value) -> Points {
    let mut found = Points::new();
    let mut add = |labels: &Labels, time, sample: Sample| {
        if let Sample::Float(value) = sample {
            found.insert((labels.clone(), time), value);
        }
    };
    match value {
        Value::Vector(time, series) => {
            for (labels, sample) in series {
                add(&labels, time, sample);
            }
        }
        Value::Matrix(series) => {
            for (labels, samples) in series {
                for (time, sample) in samples {
                    add(&labels, time, sample);
                }
            }
        }
        Value::Scalar(time, value) => add(&Labels::default(), time, Sample::Float(value)),
        Value::Text(..) => {}
    }
    found
}

fn agree(one: &Points, other: &Points) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|((key, a), (same, b))| {
            key == same && (a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-9)
        })
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts")
        .block_on(future)
}

proptest! {
    #[test]
    fn all_steps_at_once_agree_with_one_at_a_time(
        memory in store(),
        query in prop::sample::select(QUERIES),
        step in 7_000..90_000_i64,
    ) {
        let (start, end) = (100_000, 500_000);
        let (at_once, singly) = block(async {
            let options = Options::default();
            let at_once = engine(3).range(&memory, query, (start, end), step, options).await;
            let mut singly = Points::new();
            let mut time = start;
            while time <= end {
                let answer = engine(1).instant(&memory, query, time, options).await;
                match answer {
                    Ok(answer) => singly.extend(points(answer.value)),
                    Err(error) => return (at_once, Err(error)),
                }
                time += step;
            }
            (at_once, Ok(singly))
        });
        match (at_once, singly) {
            (Ok(at_once), Ok(singly)) => {
                let at_once = points(at_once.value);
                prop_assert!(agree(&at_once, &singly), "{query}: {at_once:?} is not {singly:?}");
            }
            (at_once, singly) => prop_assert!(
                at_once.is_err() && singly.is_err(),
                "{query}: {at_once:?}, {singly:?}"
            ),
        }
    }

    #[test]
    fn sums_of_increases_agree_with_arithmetic(memory in store(), range in 20..200_i64) {
        let time = 400_000;
        let query = format!("sum by (a) (changes(m[{range}s])) + sum by (a) (sum_over_time(m[{range}s]))");
        let answer = block(engine(3).instant(&memory, &query, time, Options::default())).unwrap();
        let mut expected: BTreeMap<String, f64> = BTreeMap::new();
        for (labels, samples) in &memory.series {
            let within: Vec<f64> = samples
                .times
                .iter()
                .zip(&samples.values)
                .filter(|(at, value)| {
                    **at > time - range * 1000 && **at <= time && value.to_bits() != STALE
                })
                .map(|(_, value)| *value)
                .collect();
            if !within.is_empty() {
                let changes = within.windows(2).filter(|pair| pair[0] != pair[1]).count();
                let sum: f64 = within.iter().sum();
                let group = labels.get("a").unwrap().to_owned();
                *expected.entry(group).or_default() += sum + changes as f64;
            }
        }
        let found = points(answer.value)
            .into_iter()
            .map(|((labels, _), value)| (labels.get("a").unwrap().to_owned(), value))
            .collect::<BTreeMap<_, _>>();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn costs_are_bounded() {
    let mut memory = Memory::default();
    for at in 0..50 {
        let samples = Samples {
            times: (0..100).map(|second| second * 1000).collect(),
            values: vec![1.0; 100],
            histograms: Vec::new(),
        };
        memory.append(labels(at, at), samples);
    }
    let mut small = engine(1);
    small.limits.max_samples = 1000;
    small.limits.max_read = 4000;
    let options = Options::default();
    // Read only: 4,550 samples. Held only: 50 series of 21 steps.
    for (query, window, limit) in [
        ("sum(m)", 90_000, " read, of 4000 at most"),
        ("avg_over_time(m[1s])", 80_000, " held, of 1000 at most"),
    ] {
        let times = (window, window + 20_000);
        let too_much = block(small.range(&memory, query, times, 1000, options)).unwrap_err();
        assert!(
            matches!(&too_much, promql::QueryError::Execution(why) if why.contains("too many samples") && why.ends_with(limit)),
            "{query}: {too_much}"
        );
    }
    let times = (80_000, 90_000);
    block(small.range(&memory, "sum(rate(m[10s]))", times, 1000, options)).unwrap();
    let late = Options {
        timeout: Some(Duration::ZERO),
        ..options
    };
    let late = block(engine(1).instant(&memory, "sum(m)", 90_000, late)).unwrap_err();
    assert_eq!(late, promql::QueryError::Timeout(Duration::ZERO));
    let start = std::time::Instant::now();
    let soon = Options {
        timeout: Some(Duration::from_millis(200)),
        ..options
    };
    let heavy = "quantile_over_time(0.5, m[20000s:1s])";
    let times = (0, 10_000_000);
    let late = block(engine(1).range(&memory, heavy, times, 1000, soon)).unwrap_err();
    assert_eq!(
        late.to_string(),
        "query timed out in query execution after 200ms"
    );
    assert!(start.elapsed().as_secs() < 30);
    let fine = block(engine(1).range(&memory, "m", (0, 20_000_000), 1000, options)).unwrap_err();
    assert!(
        matches!(&fine, promql::QueryError::BadData(why) if why.contains("11,000 points") && why.ends_with("20001 were asked for")),
        "{fine}"
    );
}

#[test]
fn the_longest_chain_is_evaluated() {
    let mut memory = Memory::default();
    let samples = Samples {
        times: vec![90_000],
        values: vec![1.0],
        histograms: Vec::new(),
    };
    memory.append(labels(1, 1), samples);
    let query = vec!["m"; 501].join(" + ");
    let answer = block(engine(2).instant(&memory, &query, 90_000, Options::default())).unwrap();
    let found: Vec<f64> = points(answer.value).into_values().collect();
    assert_eq!(found, [501.0]);
    let query = format!("{}m{}", "abs(".repeat(150), ")".repeat(150));
    let answer = block(engine(2).instant(&memory, &query, 90_000, Options::default())).unwrap();
    assert_eq!(points(answer.value).len(), 1);
}

#[test]
fn the_end_of_a_range_need_not_be_a_step() {
    let mut memory = Memory::default();
    let samples = Samples {
        times: (0..=100).map(|second| second * 1000).collect(),
        values: (0..=100).map(f64::from).collect(),
        histograms: Vec::new(),
    };
    memory.append(labels(1, 1), samples);
    for (query, expected) in [("m @ end()", 99.0), ("end()", 99.0), ("range()", 89.0)] {
        let options = Options::default();
        let answer = block(engine(1).range(&memory, query, (10_000, 99_000), 50_000, options));
        let found: Vec<f64> = points(answer.unwrap().value).into_values().collect();
        assert_eq!(found, [expected; 2], "{query}");
    }
}
