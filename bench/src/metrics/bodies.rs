//! Remote-write 1.0 bodies as many node exporters would send them: each scrape has
//! one sample of every series, 2,000 samples to a request, ten labels to a series.

use std::ops::Range;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use crate::protobuf::{put_bytes, put_fixed64, put_varint};

/// How much is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) series: usize,
    pub(super) scrapes: usize,
    pub(super) interval_ms: i64,
    /// Time of the last scrape, milliseconds since 1970.
    pub(super) end_ms: i64,
}

const SAMPLES_PER_REQUEST: usize = 2_000;
const METRICS: usize = 50;
const MODES: [&str; 8] = [
    "user", "system", "idle", "iowait", "irq", "nice", "softirq", "steal",
];

impl Shape {
    pub(super) fn samples(self) -> usize {
        self.series * self.scrapes
    }

    pub(super) fn start_ms(self) -> i64 {
        self.end_ms - (self.scrapes as i64 - 1) * self.interval_ms
    }

    /// The names of all metrics.
    pub(super) fn metrics() -> impl Iterator<Item = String> {
        (0..METRICS).map(name)
    }

    /// The bodies of one scrape, compressed.
    pub(super) fn scrape(self, scrape: usize) -> Vec<Bytes> {
        self.scrape_in(scrape, SAMPLES_PER_REQUEST)
    }

    /// The same with so many samples to a request.
    pub(super) fn scrape_in(self, scrape: usize, request: usize) -> Vec<Bytes> {
        let time_ms = self.start_ms() + scrape as i64 * self.interval_ms;
        let firsts = (0..self.series).step_by(request);
        firsts
            .map(|first| {
                let numbers = first..self.series.min(first + request);
                of_series(numbers, time_ms, |number| value(number, scrape))
            })
            .collect()
    }
}

/// A body of one sample of each of these series.
pub(super) fn of_series(
    numbers: Range<usize>,
    time_ms: i64,
    value: impl Fn(usize) -> f64,
) -> Bytes {
    let mut body = Vec::with_capacity(numbers.len() * 256);
    for number in numbers {
        write_series(&mut body, number, time_ms, value(number));
    }
    packed(&body)
}

fn packed(body: &[u8]) -> Bytes {
    let packed = snap::raw::Encoder::new().compress_vec(body);
    Bytes::from(packed.expect("a body is far below snappy's limit"))
}

/// A body of one sample of a series that is only a name.
pub(super) fn single(name: &str, time_ms: i64, value: f64) -> Bytes {
    let mut series = Vec::new();
    put_label(&mut series, "__name__", name);
    put_sample(&mut series, time_ms, value);
    let mut body = Vec::new();
    put_bytes(&mut body, 1, &series);
    packed(&body)
}

/// A quarter never changes, a quarter counts steadily, half jumps among a thousand
/// values.
fn value(series: usize, scrape: usize) -> f64 {
    match series % 4 {
        0 => (series % 977) as f64,
        1 => (series % 13 + scrape * 15) as f64,
        _ => {
            let mixed = xxh3_64(&(series as u64 * 1_000_003 + scrape as u64).to_le_bytes());
            (mixed % 1_000) as f64
        }
    }
}

fn name(metric: usize) -> String {
    format!("bench_metric_{metric:02}_total")
}

fn write_series(body: &mut Vec<u8>, number: usize, time_ms: i64, value: f64) {
    let mut series = Vec::with_capacity(300);
    let host = number / (METRICS * MODES.len());
    let metric = number / MODES.len() % METRICS;
    let labels = [
        ("__name__", name(metric)),
        ("cluster", "eu-west-1".to_owned()),
        ("cpu", (host % 16).to_string()),
        ("env", "production".to_owned()),
        (
            "instance",
            format!("10.0.{}.{}:9100", host / 250, host % 250),
        ),
        ("job", "bench".to_owned()),
        ("mode", MODES[number % MODES.len()].to_owned()),
        ("namespace", format!("team-{}", host % 20)),
        ("pod", format!("node-exporter-{:05x}", host * 7919)),
        ("zone", format!("eu-west-1{}", ["a", "b", "c"][host % 3])),
    ];
    for (name, value) in &labels {
        put_label(&mut series, name, value);
    }
    put_sample(&mut series, time_ms, value);
    put_bytes(body, 1, &series);
}

fn put_label(series: &mut Vec<u8>, name: &str, value: &str) {
    let mut label = Vec::with_capacity(64);
    put_bytes(&mut label, 1, name.as_bytes());
    put_bytes(&mut label, 2, value.as_bytes());
    put_bytes(series, 1, &label);
}

fn put_sample(series: &mut Vec<u8>, time_ms: i64, value: f64) {
    let mut sample = Vec::with_capacity(20);
    put_fixed64(&mut sample, 1, value.to_bits());
    put_varint(&mut sample, 2, time_ms.cast_unsigned());
    put_bytes(series, 2, &sample);
}
