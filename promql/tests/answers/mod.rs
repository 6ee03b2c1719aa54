//! Responses of the HTTP API as the answers that they were made from; floats only.

use promql::source::Labels;
use promql::{Sample, Value as Found};
use serde_json::Value;

fn number(text: &Value) -> f64 {
    text.as_str().unwrap().parse().unwrap()
}

fn point(pair: &Value) -> (i64, f64) {
    let ms = (pair[0].as_f64().unwrap() * 1000.0).round();
    (ms as i64, number(&pair[1]))
}

fn labels(object: &Value) -> Labels {
    let pairs = object.as_object().unwrap().iter();
    Labels::new(
        pairs
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect(),
    )
}

/// A response as the answer that it was made from.
pub(crate) fn read(body: &Value) -> promql::Answer {
    let result = &body["data"]["result"];
    let items = || result.as_array().unwrap().iter();
    let value = match body["data"]["resultType"].as_str().unwrap() {
        "scalar" => {
            let (time, value) = point(result);
            Found::Scalar(time, value)
        }
        "string" => Found::Text(0, result[1].as_str().unwrap().to_owned()),
        "vector" => Found::Vector(
            0,
            items()
                .map(|item| {
                    let (_, value) = point(&item["value"]);
                    (labels(&item["metric"]), Sample::Float(value))
                })
                .collect(),
        ),
        _ => Found::Matrix(
            items()
                .map(|item| {
                    let values = item["values"].as_array().unwrap().iter();
                    let samples = values.map(|pair| {
                        let (time, value) = point(pair);
                        (time, Sample::Float(value))
                    });
                    (labels(&item["metric"]), samples.collect())
                })
                .collect(),
        ),
    };
    let notes = |name: &str| {
        let notes = body[name].as_array().cloned().unwrap_or_default();
        let notes = notes.iter().map(|note| note.as_str().unwrap().to_owned());
        notes.collect()
    };
    promql::Answer {
        value,
        warnings: notes("warnings"),
        infos: notes("infos"),
        cost: promql::Cost::default(),
    }
}
