//! How long answers take, by route, method and class of status: two looks at the clock
//! and one record without a lock. Handles are made with the first answer of their kind,
//! so that `/metrics` tells only what there is.

use std::sync::OnceLock;
use std::time::Instant;

use axum::http::{Method, StatusCode};
use metrics::{Histogram, histogram};

const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "other"];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

type ByClass = [OnceLock<Histogram>; CLASSES.len()];

/// Those of one route.
#[derive(Debug)]
pub struct Durations {
    /// As the router knows it, with names in the place of ids.
    route: String,
    by_method: [ByClass; METHODS.len()],
}

impl Durations {
    pub fn of(route: impl Into<String>) -> Self {
        Self {
            route: route.into(),
            by_method: Default::default(),
        }
    }

    /// Notes an answer to what arrived at `begun`.
    pub fn note(&self, method: &Method, status: StatusCode, begun: Instant) {
        let method = match *method {
            Method::GET => 0,
            Method::POST => 1,
            Method::PUT => 2,
            Method::PATCH => 3,
            Method::DELETE => 4,
            _ => 5,
        };
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        let handle = self.by_method[method][class].get_or_init(|| {
            let labels = [
                ("route", self.route.clone()),
                ("method", METHODS[method].to_owned()),
                ("status", CLASSES[class].to_owned()),
            ];
            histogram!("http_request_seconds", &labels)
        });
        handle.record(begun.elapsed());
    }
}
