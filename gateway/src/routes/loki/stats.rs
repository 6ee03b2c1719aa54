//! What an answer took, in Loki's words: Grafana shows it beside the lines and in its
//! inspector, `logcli --stats` prints it. What is not known here is left out.

use std::time::Instant;

use projections::telemetry::logs::Scanned;
use promql::{Answer, Value};
use serde_json::json;

/// Of an answer with so many `entries`, which was begun at `begun`. Lines are those of the
/// segments that were read, and bytes what was read of these, as it lies in the store.
pub(super) fn stats(begun: Instant, scanned: Scanned, entries: usize) -> serde_json::Value {
    let seconds = begun.elapsed().as_secs_f64();
    let Scanned {
        segments,
        records,
        bytes,
    } = scanned;
    let per_second = |count: u64| match seconds > 0.0 {
        true => (count as f64 / seconds) as u64,
        false => 0,
    };
    json!({
        "summary": {
            "bytesProcessedPerSecond": per_second(bytes),
            "linesProcessedPerSecond": per_second(records),
            "totalBytesProcessed": bytes,
            "totalLinesProcessed": records,
            "execTime": seconds,
            "totalEntriesReturned": entries,
        },
        "querier": {"store": {
            "totalChunksRef": segments,
            "totalChunksDownloaded": segments,
            "chunk": {"compressedBytes": bytes, "decompressedLines": records},
        }},
    })
}

/// Values of an answer in numbers.
pub(super) fn entries(answer: &Answer) -> usize {
    match &answer.value {
        Value::Scalar(..) | Value::Text(..) => 1,
        Value::Vector(_, series) => series.len(),
        Value::Matrix(series) => series.iter().map(|(_, samples)| samples.len()).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_told_with_its_rate() {
        let scanned = Scanned {
            segments: 2,
            records: 40,
            bytes: 1_000,
        };
        let begun = Instant::now();
        let told = stats(begun, scanned, 3);
        let summary = &told["summary"];
        assert_eq!(summary["totalBytesProcessed"], 1_000);
        assert_eq!(summary["totalLinesProcessed"], 40);
        assert_eq!(summary["totalEntriesReturned"], 3);
        let seconds = summary["execTime"].as_f64().unwrap();
        assert!((0.0..=begun.elapsed().as_secs_f64()).contains(&seconds));
        // Clients read whole numbers, and fail on others.
        assert!(summary["bytesProcessedPerSecond"].is_u64());
        assert_eq!(told["querier"]["store"]["totalChunksDownloaded"], 2);
    }
}
