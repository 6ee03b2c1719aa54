//! One data point at a time, as both encodings fill it: the fields of all five kinds.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::any_value::KeyValue;
use crate::json::{Number, null_is_default};

/// What a metric says before its points.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Head<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) description: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) unit: Cow<'a, str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Gauge,
    Sum { monotonic: bool },
    Histogram,
    Exponential,
    Summary,
}

/// `AGGREGATION_TEMPORALITY_DELTA`.
pub(super) const DELTA: i64 = 1;
/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
pub(super) const CUMULATIVE: i64 = 2;
/// `DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK`.
const NO_RECORDED_VALUE: i64 = 1;

/// A point; fields that its kind does not have stay empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Point<'a> {
    #[serde(borrow)]
    pub(super) attributes: Vec<KeyValue<'a>>,
    #[serde(deserialize_with = "int")]
    pub(super) time_unix_nano: i64,
    #[serde(deserialize_with = "int")]
    pub(super) flags: i64,
    #[serde(borrow)]
    pub(super) exemplars: Vec<Exemplar<'a>>,

    #[serde(deserialize_with = "optional_double")]
    pub(super) as_double: Option<f64>,
    #[serde(deserialize_with = "optional_int")]
    pub(super) as_int: Option<i64>,

    #[serde(deserialize_with = "int")]
    pub(super) count: i64,
    #[serde(deserialize_with = "optional_double")]
    pub(super) sum: Option<f64>,
    #[serde(deserialize_with = "ints")]
    pub(super) bucket_counts: Vec<u64>,
    #[serde(deserialize_with = "doubles")]
    pub(super) explicit_bounds: Vec<f64>,

    #[serde(deserialize_with = "int")]
    pub(super) scale: i64,
    #[serde(deserialize_with = "int")]
    pub(super) zero_count: i64,
    #[serde(deserialize_with = "double")]
    pub(super) zero_threshold: f64,
    #[serde(deserialize_with = "null_is_default")]
    pub(super) positive: Buckets,
    #[serde(deserialize_with = "null_is_default")]
    pub(super) negative: Buckets,

    pub(super) quantile_values: Vec<Quantile>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Exemplar<'a> {
    #[serde(borrow)]
    pub(super) filtered_attributes: Vec<KeyValue<'a>>,
    #[serde(deserialize_with = "int")]
    pub(super) time_unix_nano: i64,
    #[serde(deserialize_with = "optional_double")]
    pub(super) as_double: Option<f64>,
    #[serde(deserialize_with = "optional_int")]
    pub(super) as_int: Option<i64>,
    /// Hexadecimal.
    pub(super) span_id: String,
    pub(super) trace_id: String,
}

/// Counts of buckets that follow each other, the first at `offset`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Buckets {
    #[serde(deserialize_with = "int")]
    pub(super) offset: i64,
    #[serde(deserialize_with = "ints")]
    pub(super) bucket_counts: Vec<u64>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Quantile {
    #[serde(deserialize_with = "double")]
    pub(super) quantile: f64,
    #[serde(deserialize_with = "double")]
    pub(super) value: f64,
}

impl Point<'_> {
    pub(super) fn time_ms(&self) -> i64 {
        self.time_unix_nano.div_euclid(1_000_000)
    }

    /// Whether the series has ended.
    pub(super) fn ended(&self) -> bool {
        self.flags & NO_RECORDED_VALUE != 0
    }

    /// Of a gauge or sum.
    pub(super) fn value(&self) -> f64 {
        either(self.as_double, self.as_int)
    }
}

impl Exemplar<'_> {
    pub(super) fn value(&self) -> f64 {
        either(self.as_double, self.as_int)
    }
}

/// A double or an integer; of neither, 0.
fn either(double: Option<f64>, int: Option<i64>) -> f64 {
    double.or(int.map(|value| value as f64)).unwrap_or_default()
}

fn int<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    optional_int(deserializer).map(Option::unwrap_or_default)
}

fn optional_int<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let number = Option::<Number<'de>>::deserialize(deserializer)?;
    number
        .map(|number| number.integer().map_err(D::Error::custom))
        .transpose()
}

fn double<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    optional_double(deserializer).map(Option::unwrap_or_default)
}

fn optional_double<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let number = Option::<Number<'de>>::deserialize(deserializer)?;
    number
        .map(|number| number.double().map_err(D::Error::custom))
        .transpose()
}

fn ints<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    let numbers = Vec::<Number<'de>>::deserialize(deserializer)?;
    let read = |number: &Number<'de>| number.0.parse().map_err(D::Error::custom);
    numbers.iter().map(read).collect()
}

fn doubles<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let numbers = Vec::<Number<'de>>::deserialize(deserializer)?;
    let read = |number: &Number<'de>| number.double().map_err(D::Error::custom);
    numbers.iter().map(read).collect()
}
