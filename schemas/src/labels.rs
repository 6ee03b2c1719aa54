//! Label sets as they travel on the log: sorted by name, each name once.

use std::collections::BTreeMap;

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

/// One name with its value.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, AvroSchema,
)]
#[avro(namespace = "srecopilot")]
pub struct Label {
    pub name: String,
    pub value: String,
}

/// Sorts a map into the canonical form.
pub fn from_map(map: BTreeMap<String, String>) -> Vec<Label> {
    map.into_iter()
        .map(|(name, value)| Label { name, value })
        .collect()
}

pub fn to_map(labels: &[Label]) -> BTreeMap<&str, &str> {
    labels
        .iter()
        .map(|label| (label.name.as_str(), label.value.as_str()))
        .collect()
}

pub fn get<'a>(labels: &'a [Label], name: &str) -> Option<&'a str> {
    labels
        .iter()
        .find(|label| label.name == name)
        .map(|label| label.value.as_str())
}
