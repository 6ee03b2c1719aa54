//! Bodies of Prometheus' remote write 1.0, as few bytes of protobuf as they need.

use promql::source::{Labels, NativeHistogram, Samples};
use protocols::metrics::{CounterReset, Span};

pub(crate) const PATH: &str = "/api/v1/write";
pub(crate) const HEADERS: [(&str, &str); 3] = [
    ("content-type", "application/x-protobuf"),
    ("content-encoding", "snappy"),
    ("x-prometheus-remote-write-version", "0.1.0"),
];

/// A request with all samples, compressed.
pub(crate) fn body(series: &[(Labels, Samples)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (labels, samples) in series {
        let mut one = Vec::new();
        for (name, value) in labels.pairs() {
            let mut label = Vec::new();
            put_bytes(&mut label, 1, name.as_bytes());
            put_bytes(&mut label, 2, value.as_bytes());
            put_bytes(&mut one, 1, &label);
        }
        for (time_ms, value) in samples.times.iter().zip(&samples.values) {
            let mut sample = Vec::new();
            put_double(&mut sample, 1, *value);
            put_varint(&mut sample, 2, time_ms.cast_unsigned());
            put_bytes(&mut one, 2, &sample);
        }
        for (time_ms, histogram) in &samples.histograms {
            put_bytes(&mut one, 4, &native(*time_ms, histogram));
        }
        put_bytes(&mut body, 1, &one);
    }
    snap::raw::Encoder::new().compress_vec(&body).unwrap()
}

fn native(time_ms: i64, histogram: &NativeHistogram) -> Vec<u8> {
    let zigzag = |value: i32| u64::from(((value << 1) ^ (value >> 31)).cast_unsigned());
    let span = |span: &Span| {
        let mut out = Vec::new();
        put_varint(&mut out, 1, zigzag(span.offset));
        put_varint(&mut out, 2, span.length.into());
        out
    };
    let packed = |counts: &[f64]| -> Vec<u8> {
        let bytes = counts.iter().flat_map(|count| count.to_le_bytes());
        bytes.collect()
    };
    let mut out = Vec::new();
    put_double(&mut out, 2, histogram.count);
    put_double(&mut out, 3, histogram.sum);
    put_varint(&mut out, 4, zigzag(histogram.schema));
    put_double(&mut out, 5, histogram.zero_threshold);
    put_double(&mut out, 7, histogram.zero_count);
    for one in &histogram.negative_spans {
        put_bytes(&mut out, 8, &span(one));
    }
    put_bytes(&mut out, 10, &packed(&histogram.negative));
    for one in &histogram.positive_spans {
        put_bytes(&mut out, 11, &span(one));
    }
    put_bytes(&mut out, 13, &packed(&histogram.positive));
    let reset = match histogram.reset {
        CounterReset::Unknown => 0,
        CounterReset::Yes => 1,
        CounterReset::No => 2,
        CounterReset::Gauge => 3,
    };
    put_varint(&mut out, 14, reset);
    put_varint(&mut out, 15, time_ms.cast_unsigned());
    if !histogram.custom_bounds.is_empty() {
        put_bytes(&mut out, 16, &packed(&histogram.custom_bounds));
    }
    out
}

fn put_bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    put_number(out, u64::from(field << 3 | 2));
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_double(out: &mut Vec<u8>, field: u32, value: f64) {
    put_number(out, u64::from(field << 3 | 1));
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_varint(out: &mut Vec<u8>, field: u32, value: u64) {
    put_number(out, u64::from(field << 3));
    put_number(out, value);
}

fn put_number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
