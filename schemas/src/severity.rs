//! How bad an incident is.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

/// SEV1 is worst; the order of the variants is the order of urgency.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, AvroSchema,
)]
#[serde(rename_all = "UPPERCASE")]
#[avro(namespace = "srecopilot")]
pub enum Severity {
    Sev1,
    Sev2,
    Sev3,
    Sev4,
}

impl Severity {
    pub const ALL: [Self; 4] = [Self::Sev1, Self::Sev2, Self::Sev3, Self::Sev4];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sev1 => "SEV1",
            Self::Sev2 => "SEV2",
            Self::Sev3 => "SEV3",
            Self::Sev4 => "SEV4",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.name() == name)
    }

    /// The severity that an alert's `severity` label asks for; unknown words and
    /// a missing label are SEV4.
    pub fn of_label(label: Option<&str>) -> Self {
        match label.map(str::to_ascii_lowercase).as_deref() {
            Some("critical" | "page") => Self::Sev1,
            Some("error" | "high") => Self::Sev2,
            Some("warning") => Self::Sev3,
            _ => Self::Sev4,
        }
    }
}
