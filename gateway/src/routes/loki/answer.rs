//! Lines and counts in the shape that Loki's clients read.

use std::collections::BTreeMap;

use projections::telemetry::logs::{Record, Stats};
use serde_json::{Value, json};

use super::NS;
use super::lines::Labels;
use super::logql::Counting;

/// Lines by their labels, each stream in the order that the lines came.
pub(super) fn streams(found: Vec<(Labels, Record)>) -> Vec<Value> {
    let mut streams = BTreeMap::<Labels, Vec<Value>>::new();
    for (labels, record) in found {
        let time_ns = record.time.timestamp_nanos_opt().unwrap_or_default();
        let line = json!([time_ns.to_string(), record.body]);
        streams.entry(labels).or_default().push(line);
    }
    let streams = streams.into_iter();
    streams
        .map(|(stream, values)| json!({"stream": stream, "values": values}))
        .collect()
}

/// A series for each level, or one of all: at each step the records of the window
/// that ends there.
pub(super) fn matrix(
    counting: &Counting,
    stats: &Stats,
    from_ns: i64,
    to_ns: i64,
    step_ns: i64,
) -> Vec<Value> {
    let mut series = BTreeMap::<String, Vec<(i64, u64)>>::new();
    for bucket in &stats.buckets {
        let time_ns = bucket.time.timestamp_nanos_opt().unwrap_or_default();
        for (level, count) in &bucket.counts {
            let name = counting.by_level.is_some().then(|| level.clone());
            series
                .entry(name.unwrap_or_default())
                .or_default()
                .push((time_ns, *count));
        }
    }
    let per = match counting.per_second {
        true => (counting.range_ns / NS) as f64,
        false => 1.0,
    };
    let shown = series.into_iter().filter_map(|(level, counts)| {
        let steps = (from_ns..to_ns).step_by(usize::try_from(step_ns).ok()?);
        let values: Vec<Value> = steps
            .filter_map(|at| {
                let window = at - counting.range_ns..at;
                let within = counts.iter().filter(|(time, _)| window.contains(time));
                let count: u64 = within.map(|(_, count)| count).sum();
                (count > 0).then(|| json!([at / NS, (count as f64 / per).to_string()]))
            })
            .collect();
        let metric = match &counting.by_level {
            Some(name) => json!({name: level}),
            None => json!({}),
        };
        (!values.is_empty()).then(|| json!({"metric": metric, "values": values}))
    });
    shown.collect()
}

/// The last value of a series, for an answer at one moment.
pub(super) fn last(series: Value) -> Option<Value> {
    let value = series["values"].as_array()?.last()?.clone();
    Some(json!({"metric": series["metric"], "value": value}))
}
