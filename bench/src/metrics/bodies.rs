//! Remote-write 1.0 bodies as many node exporters would send them: each scrape has
//! one sample of every series, 2,000 samples to a request, ten labels to a series.

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

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
        let time_ms = self.start_ms() + scrape as i64 * self.interval_ms;
        let all: Vec<usize> = (0..self.series).collect();
        let mut encoder = snap::raw::Encoder::new();
        all.chunks(SAMPLES_PER_REQUEST)
            .map(|series| {
                let mut body = Vec::with_capacity(series.len() * 256);
                for &number in series {
                    write_series(&mut body, number, time_ms, value(number, scrape));
                }
                let packed = encoder.compress_vec(&body);
                Bytes::from(packed.expect("a body is far below snappy's limit"))
            })
            .collect()
    }
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
        let mut label = Vec::with_capacity(64);
        write_bytes(&mut label, 1, name.as_bytes());
        write_bytes(&mut label, 2, value.as_bytes());
        write_bytes(&mut series, 1, &label);
    }
    let mut sample = Vec::with_capacity(20);
    sample.push(1 << 3 | 1);
    sample.extend_from_slice(&value.to_le_bytes());
    sample.push(2 << 3);
    write_varint(&mut sample, time_ms.cast_unsigned());
    write_bytes(&mut series, 2, &sample);
    write_bytes(body, 1, &series);
}

fn write_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
