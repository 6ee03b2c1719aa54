//! Parameters of `api_v3`, under the names that Jaeger has for them now and had before.

use std::collections::BTreeMap;

use chrono::DateTime;
use projections::telemetry::spans::search::Filter;

use super::super::Failure;
use super::super::asked::{Asked, Limit, Parameters, bad, range, with_tags};
use super::super::tags::{self, Tags};
use crate::Gateway;

const SERVICE: [&str; 2] = ["query.serviceName", "query.service_name"];
const OPERATION: [&str; 2] = ["query.operationName", "query.operation_name"];
const ATTRIBUTES: &str = "query.attributes";
const START_MIN: [&str; 2] = ["query.startTimeMin", "query.start_time_min"];
const START_MAX: [&str; 2] = ["query.startTimeMax", "query.start_time_max"];
const DURATION_MIN: [&str; 2] = ["query.durationMin", "query.duration_min"];
const DURATION_MAX: [&str; 2] = ["query.durationMax", "query.duration_max"];
const DEPTH: [&str; 3] = [
    "query.searchDepth",
    "query.search_depth",
    "query.num_traces",
];

pub(super) fn traces(gateway: &Gateway, query: &str) -> Result<Asked, Failure> {
    let asked = Parameters::of(query);
    let text = |names: &[&'static str]| asked.text(asked.sent(names)).map(str::to_owned);
    let (start, end) = (asked.sent(&START_MIN), asked.sent(&START_MAX));
    let times = range(gateway, time(&asked, start)?, time(&asked, end)?);
    if times.from_ns > times.to_ns {
        let sent = asked.text(start).unwrap_or_default();
        return Err(bad(start, sent, &format!("lies after '{end}'")));
    }
    let attributes = asked.text(ATTRIBUTES);
    let attributes =
        attributes.map_or_else(|| Ok(BTreeMap::new()), |sent| tags::json(ATTRIBUTES, sent))?;
    let filter = Filter {
        service: text(&SERVICE),
        operation: text(&OPERATION),
        min_duration_ns: asked.duration(asked.sent(&DURATION_MIN))?,
        max_duration_ns: asked.duration(asked.sent(&DURATION_MAX))?,
        ..with_tags(times, Tags::of(attributes)?)
    };
    Ok(Asked::new(filter, Limit::of(&asked, asked.sent(&DEPTH))?))
}

/// Where to look for one trace: it is found without, but what cannot be read is told.
pub(super) fn times_of_one(query: &str) -> Result<(), Failure> {
    let asked = Parameters::of(query);
    for names in [["startTime", "start_time"], ["endTime", "end_time"]] {
        time(&asked, asked.sent(&names))?;
    }
    Ok(())
}

/// In nanoseconds since 1970.
fn time(asked: &Parameters, name: &str) -> Result<Option<i64>, Failure> {
    let read = |text: &str| {
        // Grafana does not encode the sign of a zone, which then reads as a space.
        let time = DateTime::parse_from_rfc3339(&text.replace(' ', "+")).ok();
        let ns = time.and_then(|time| time.timestamp_nanos_opt());
        ns.ok_or_else(|| bad(name, text, "is not a time as 2026-11-23T02:41:00Z"))
    };
    asked.text(name).map(read).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_any_zone() {
        let at = |query: &str| time(&Parameters::of(query), "t").ok();
        let utc = at("t=2026-11-23T02:41:00.5Z").unwrap();
        assert!(utc.is_some());
        for same in [
            "t=2026-11-23T04:41:00.5%2B02:00",
            "t=2026-11-23T04:41:00.5+02:00",
        ] {
            assert_eq!(at(same), Some(utc), "{same}");
        }
        assert_eq!(at("t="), Some(None));
        for wrong in ["t=yesterday", "t=1793500000", "t=9999-01-01T00:00:00Z"] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_parameter_has_its_name_of_now_and_that_of_before() {
        let asked =
            Parameters::of("query.service_name=a&query.durationMin=1s&query.duration_min=2s");
        assert_eq!(asked.sent(&SERVICE), "query.service_name");
        assert_eq!(asked.sent(&DURATION_MIN), "query.durationMin");
        assert_eq!(asked.sent(&DEPTH), "query.searchDepth");
    }
}
