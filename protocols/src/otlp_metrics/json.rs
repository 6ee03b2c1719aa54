//! The JSON encoding, walked down to one point at a time.

use super::points::{Head, Kind};
use super::translate::{Metric, Resource, Translator};
use crate::any_value::KeyValue;
use crate::json::{Number, each_item, members, read};
use crate::refused::Refused;

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Attributes<'a> {
    #[serde(borrow)]
    attributes: Vec<KeyValue<'a>>,
}

pub(super) fn request(body: &str, translator: &mut Translator<'_>) -> Result<(), Refused> {
    let [resources] = members(body, [&["resourceMetrics"]])?;
    each(resources, "resourceMetrics", |resource| {
        resource_metrics(resource, translator)
    })
}

fn resource_metrics(json: &str, translator: &mut Translator<'_>) -> Result<(), Refused> {
    let [resource, scopes] = members(json, [&["resource"], &["scopeMetrics"]])?;
    let attributes = resource.map(read::<Attributes<'_>>).transpose()?;
    let mut resource = Resource::new(&attributes.unwrap_or_default().attributes);
    each(scopes, "scopeMetrics", |scope| {
        let [metrics] = members(scope, [&["metrics"]])?;
        each(metrics, "metrics", |metric| {
            metric_of(metric, &mut resource, translator)
        })
    })?;
    translator.target_info(&resource);
    Ok(())
}

const KINDS: [&str; 5] = [
    "gauge",
    "sum",
    "histogram",
    "exponentialHistogram",
    "summary",
];

fn metric_of(
    json: &str,
    resource: &mut Resource,
    translator: &mut Translator<'_>,
) -> Result<(), Refused> {
    let head: Head<'_> = read(json)?;
    let data = members(json, KINDS.each_ref().map(std::slice::from_ref))?;
    for (data, name) in data.into_iter().zip(KINDS) {
        let Some(data) = data else { continue };
        let names: [&[&str]; 3] = [
            &["dataPoints"],
            &["aggregationTemporality"],
            &["isMonotonic"],
        ];
        let [points, temporality, monotonic] = members(data, names)?;
        let kind = match name {
            "gauge" => Kind::Gauge,
            "sum" => Kind::Sum {
                monotonic: monotonic == Some("true"),
            },
            "histogram" => Kind::Histogram,
            "exponentialHistogram" => Kind::Exponential,
            _ => Kind::Summary,
        };
        let temporality = temporality.map(temporality_of).transpose()?;
        let metric = Metric::new(&head, kind, temporality.unwrap_or_default());
        translator.metadata(&metric);
        each(points, "dataPoints", |point| {
            translator.read(resource, &metric, read(point));
            Ok(())
        })?;
    }
    Ok(())
}

/// A number, or the enum's own name.
fn temporality_of(json: &str) -> Result<i64, Refused> {
    if json.contains("CUMULATIVE") {
        return Ok(super::points::CUMULATIVE);
    }
    let known = json.contains("AGGREGATION_TEMPORALITY_");
    match known {
        true => Ok(0),
        false => read::<Number<'_>>(json)?
            .integer()
            .map_err(|e| Refused::new("aggregationTemporality", e)),
    }
}

/// Walks a list that may be absent, and says where in it something was wrong.
fn each<'a>(
    list: Option<&'a str>,
    name: &str,
    mut visit: impl FnMut(&'a str) -> Result<(), Refused>,
) -> Result<(), Refused> {
    let Some(list) = list else { return Ok(()) };
    each_item(list, |_, item| visit(item)).map_err(|error| error.within(&name))
}
