//! Answers as the Prometheus HTTP API spells them: `resultType` and `result`.

use crate::{
    engine::{Answer, Sample, Samples, Value},
    histogram, number,
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

fn pair(out: &mut String, ms: i64, value: &str) {
    out.push('[');
    time(out, ms);
    out.push_str(",\"");
    out.push_str(value);
    out.push_str("\"]");
}

/// How numbers that are no histograms are spelled.
type Spelling = fn(f64) -> String;

fn float(out: &mut String, ms: i64, value: f64, spelled: Spelling) {
    pair(out, ms, &spelled(value));
}

fn native(out: &mut String, ms: i64, h: &NativeHistogram) {
    out.push('[');
    time(out, ms);
    out.push_str(",{\"count\":\"");
    out.push_str(&number::sample(h.count));
    out.push_str("\",\"sum\":\"");
    out.push_str(&number::sample(h.sum));
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
            number::sample(bucket.lower),
            number::sample(bucket.upper),
            number::sample(bucket.count)
        ));
    }
    if !buckets.is_empty() {
        out.push(']');
    }
    out.push_str("}]");
}

/// One series at an instant.
fn instant(out: &mut String, ms: i64, (series, sample): &(Labels, Sample), spelled: Spelling) {
    out.push_str("{\"metric\":");
    labels(out, series);
    match sample {
        Sample::Float(value) => {
            out.push_str(",\"value\":");
            float(out, ms, *value, spelled);
        }
        Sample::Histogram(h) => {
            out.push_str(",\"histogram\":");
            native(out, ms, h);
        }
    }
    out.push('}');
}

/// One series over time.
fn range(out: &mut String, (series, samples): &Samples, spelled: Spelling) {
    out.push_str("{\"metric\":");
    labels(out, series);
    let mut floats = 0;
    let mut natives = String::new();
    for (ms, sample) in samples {
        match sample {
            Sample::Float(value) => {
                out.push_str(if floats == 0 { ",\"values\":[" } else { "," });
                floats += 1;
                float(out, *ms, *value, spelled);
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

/// Series that are not written yet.
enum Unwritten {
    None,
    Vector(i64, std::vec::IntoIter<(Labels, Sample)>),
    Matrix(std::vec::IntoIter<Samples>),
}

impl Unwritten {
    /// Writes one and frees it; false where there is none.
    fn write(&mut self, out: &mut String, separator: &str, spelled: Spelling) -> bool {
        match self {
            Self::None => false,
            Self::Vector(ms, found) => found.next().is_some_and(|one| {
                out.push_str(separator);
                instant(out, *ms, &one, spelled);
                true
            }),
            Self::Matrix(found) => found.next().is_some_and(|one| {
                out.push_str(separator);
                range(out, &one, spelled);
                true
            }),
        }
    }
}

/// The body of a successful response, piece by piece: a series is freed when it is written,
/// so that there are never the samples and all of their text at once.
pub struct Pieces {
    begun: String,
    unwritten: Unwritten,
    spelled: Spelling,
    separator: &'static str,
    /// None once it was given.
    end: Option<String>,
}

/// A piece has as much at least, but for the last.
const PIECE_BYTES: usize = 64 * 1024;

impl Pieces {
    /// `stats` is JSON that belongs to the data of the answer.
    pub fn new(answer: Answer, stats: Option<&serde_json::Value>) -> Self {
        Self::spelled(answer, stats, number::sample)
    }

    /// As Loki spells numbers: never with an exponent.
    pub fn plain(answer: Answer, stats: Option<&serde_json::Value>) -> Self {
        Self::spelled(answer, stats, number::plain)
    }

    fn spelled(answer: Answer, stats: Option<&serde_json::Value>, spelled: Spelling) -> Self {
        let (kind, open) = match &answer.value {
            Value::Scalar(..) => ("scalar", ""),
            Value::Text(..) => ("string", ""),
            Value::Vector(..) => ("vector", "["),
            Value::Matrix(_) => ("matrix", "["),
        };
        let mut begun = format!(
            "{{\"status\":\"success\",\"data\":{{\"resultType\":\"{kind}\",\"result\":{open}"
        );
        let unwritten = match answer.value {
            Value::Scalar(ms, value) => {
                // Scalars never have an exponent.
                pair(&mut begun, ms, &number::plain(value));
                Unwritten::None
            }
            Value::Text(ms, value) => {
                begun.push('[');
                time(&mut begun, ms);
                begun.push(',');
                text(&mut begun, &value);
                begun.push(']');
                Unwritten::None
            }
            Value::Vector(ms, found) => Unwritten::Vector(ms, found.into_iter()),
            Value::Matrix(found) => Unwritten::Matrix(found.into_iter()),
        };
        let mut end = String::from(if open.is_empty() { "" } else { "]" });
        if let Some(stats) = stats {
            end.push_str(&format!(",\"stats\":{stats}"));
        }
        end.push('}');
        for (name, notes) in [("warnings", answer.warnings), ("infos", answer.infos)] {
            if !notes.is_empty() {
                let notes = serde_json::Value::from(notes);
                end.push_str(&format!(",\"{name}\":{notes}"));
            }
        }
        end.push('}');
        Self {
            begun,
            unwritten,
            spelled,
            separator: "",
            end: Some(end),
        }
    }
}

impl Iterator for Pieces {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.end.as_ref()?;
        let mut out = std::mem::take(&mut self.begun);
        while out.len() < PIECE_BYTES {
            if !self.unwritten.write(&mut out, self.separator, self.spelled) {
                out.push_str(&self.end.take().unwrap_or_default());
                break;
            }
            self.separator = ",";
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Cost;

    fn answer(value: Value) -> Answer {
        Answer {
            value,
            warnings: vec!["mind".to_owned()],
            infos: Vec::new(),
            cost: Cost::default(),
        }
    }

    fn series(name: &str, samples: usize) -> Samples {
        let labels = Labels::new(vec![("a".to_owned(), name.to_owned())]);
        let samples = (0..samples).map(|at| (at as i64 * 1000, Sample::Float(0.5)));
        (labels, samples.collect())
    }

    #[test]
    fn a_small_answer_is_one_piece() {
        let value = Value::Matrix(vec![series("x", 2), series("y", 1)]);
        let stats = serde_json::json!({"read": 3});
        let pieces: Vec<_> = Pieces::new(answer(value), Some(&stats)).collect();
        assert_eq!(
            pieces,
            [concat!(
                r#"{"status":"success","data":{"resultType":"matrix","result":["#,
                r#"{"metric":{"a":"x"},"values":[[0,"0.5"],[1,"0.5"]]},"#,
                r#"{"metric":{"a":"y"},"values":[[0,"0.5"]]}"#,
                r#"],"stats":{"read":3}},"warnings":["mind"]}"#
            )]
        );
        let pieces: Vec<_> = Pieces::new(answer(Value::Vector(1, Vec::new())), None).collect();
        assert_eq!(
            pieces.concat(),
            r#"{"status":"success","data":{"resultType":"vector","result":[]},"warnings":["mind"]}"#
        );
        let pieces: Vec<_> = Pieces::new(answer(Value::Scalar(1500, 2.0)), None).collect();
        assert_eq!(
            pieces.concat(),
            r#"{"status":"success","data":{"resultType":"scalar","result":[1.500,"2"]},"warnings":["mind"]}"#
        );
        let one = vec![(Labels::default(), Sample::Float(2e-7))];
        for (value, shown) in [
            (Value::Scalar(1000, 2e-7), r#""result":[1,"0.0000002"]"#),
            (Value::Vector(1000, one), r#""value":[1,"2e-07"]"#),
        ] {
            let text = Pieces::new(answer(value), None).collect::<String>();
            assert!(text.contains(shown), "{text}");
        }
        let of_loki = Value::Vector(1000, vec![(Labels::default(), Sample::Float(2e-7))]);
        let text = Pieces::plain(answer(of_loki), None).collect::<String>();
        assert!(text.contains(r#""value":[1,"0.0000002"]"#), "{text}");
    }

    #[test]
    fn a_large_answer_is_several_pieces_of_one_text() {
        let all: Vec<_> = (0..50).map(|at| series(&at.to_string(), 1_000)).collect();
        let pieces: Vec<_> = Pieces::new(answer(Value::Matrix(all)), None).collect();
        let (last, others) = pieces.split_last().unwrap();
        assert!(others.len() > 5 && !last.is_empty());
        for piece in others {
            // A piece ends with the series that makes it large enough.
            assert!((PIECE_BYTES..2 * PIECE_BYTES).contains(&piece.len()));
        }
        let read: serde_json::Value = serde_json::from_str(&pieces.concat()).unwrap();
        let found = read["data"]["result"].as_array().unwrap();
        assert_eq!(
            (found.len(), found[49]["values"][999][1].as_str()),
            (50, Some("0.5"))
        );
    }
}
