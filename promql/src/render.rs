//! Answers as the Prometheus HTTP API spells them: `resultType` and `result`.

use crate::{
    engine::{Answer, Sample, Value},
    histogram,
    number::plain,
    source::{Labels, NativeHistogram},
};

/// Seconds with up to three decimals.
fn time(out: &mut String, ms: i64) {
    let sign = if ms < 0 { "-" } else { "" };
    let ms = ms.unsigned_abs();
    let (seconds, rest) = (ms / 1000, ms % 1000);
    out.push_str(&if rest == 0 {
        format!("{sign}{seconds}")
    } else {
        format!("{sign}{seconds}.{rest:03}")
    });
}

fn text(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

/// As a JSON object.
pub fn labels(out: &mut String, labels: &Labels) {
    out.push('{');
    for (at, (name, value)) in labels.pairs().iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        text(out, name);
        out.push(':');
        text(out, value);
    }
    out.push('}');
}

fn float(out: &mut String, ms: i64, value: f64) {
    out.push('[');
    time(out, ms);
    out.push_str(",\"");
    out.push_str(&plain(value));
    out.push_str("\"]");
}

fn native(out: &mut String, ms: i64, h: &NativeHistogram) {
    out.push('[');
    time(out, ms);
    out.push_str(",{\"count\":\"");
    out.push_str(&plain(h.count));
    out.push_str("\",\"sum\":\"");
    out.push_str(&plain(h.sum));
    out.push('"');
    let buckets = histogram::buckets(h);
    for (at, bucket) in buckets.iter().enumerate() {
        out.push_str(if at == 0 { ",\"buckets\":[" } else { "," });
        let boundaries = match (bucket.lower_inclusive, bucket.upper_inclusive) {
            (false, true) => 0,
            (true, false) => 1,
            (false, false) => 2,
            (true, true) => 3,
        };
        out.push_str(&format!(
            "[{boundaries},\"{}\",\"{}\",\"{}\"]",
            plain(bucket.lower),
            plain(bucket.upper),
            plain(bucket.count)
        ));
    }
    if !buckets.is_empty() {
        out.push(']');
    }
    out.push_str("}]");
}

fn vector(out: &mut String, ms: i64, found: &[(Labels, Sample)]) {
    for (at, (series, sample)) in found.iter().enumerate() {
        out.push_str(if at == 0 {
            "{\"metric\":"
        } else {
            ",{\"metric\":"
        });
        labels(out, series);
        match sample {
            Sample::Float(value) => {
                out.push_str(",\"value\":");
                float(out, ms, *value);
            }
            Sample::Histogram(h) => {
                out.push_str(",\"histogram\":");
                native(out, ms, h);
            }
        }
        out.push('}');
    }
}

fn matrix(out: &mut String, found: &[(Labels, Vec<(i64, Sample)>)]) {
    for (at, (series, samples)) in found.iter().enumerate() {
        out.push_str(if at == 0 {
            "{\"metric\":"
        } else {
            ",{\"metric\":"
        });
        labels(out, series);
        let mut floats = 0;
        let mut natives = String::new();
        for (ms, sample) in samples {
            match sample {
                Sample::Float(value) => {
                    out.push_str(if floats == 0 { ",\"values\":[" } else { "," });
                    floats += 1;
                    float(out, *ms, *value);
                }
                Sample::Histogram(h) => {
                    natives.push_str(if natives.is_empty() {
                        ",\"histograms\":["
                    } else {
                        ","
                    });
                    native(&mut natives, *ms, h);
                }
            }
        }
        if floats > 0 {
            out.push(']');
        }
        if !natives.is_empty() {
            out.push_str(&natives);
            out.push(']');
        }
        out.push('}');
    }
}

/// The `data` of a query's response.
pub fn data(answer: &Answer) -> String {
    let mut out = String::with_capacity(1024);
    let (kind, open) = match &answer.value {
        Value::Scalar(..) => ("scalar", ""),
        Value::Text(..) => ("string", ""),
        Value::Vector(..) => ("vector", "["),
        Value::Matrix(_) => ("matrix", "["),
    };
    out.push_str(&format!("{{\"resultType\":\"{kind}\",\"result\":{open}"));
    match &answer.value {
        Value::Scalar(ms, value) => float(&mut out, *ms, *value),
        Value::Text(ms, value) => {
            out.push('[');
            time(&mut out, *ms);
            out.push(',');
            text(&mut out, value);
            out.push(']');
        }
        Value::Vector(ms, found) => vector(&mut out, *ms, found),
        Value::Matrix(found) => matrix(&mut out, found),
    }
    if !open.is_empty() {
        out.push(']');
    }
    out.push('}');
    out
}

/// The whole body of a successful response; `stats` is JSON that belongs to its data.
pub fn response(answer: &Answer, stats: Option<&serde_json::Value>) -> String {
    let mut out = String::from("{\"status\":\"success\",\"data\":");
    out.push_str(&data(answer));
    if let Some(stats) = stats {
        out.pop();
        out.push_str(&format!(",\"stats\":{stats}}}"));
    }
    for (name, notes) in [("warnings", &answer.warnings), ("infos", &answer.infos)] {
        if !notes.is_empty() {
            let notes = serde_json::Value::from(notes.clone());
            out.push_str(&format!(",\"{name}\":{notes}"));
        }
    }
    out.push('}');
    out
}
