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

    /// The severity that an alert's `severity` label asks for, in the words that teams
    /// use: those of Prometheus, syslog and paging services, and `P1` or `SEV-1`. Unknown words
    /// and a missing label are SEV4.
    pub fn of_label(label: Option<&str>) -> Self {
        let word = label.unwrap_or_default().trim().to_ascii_lowercase();
        let word = word.replace(['-', '_', ' '], "");
        match word.as_str() {
            "critical" | "crit" | "page" | "emergency" | "emerg" | "fatal" | "disaster" | "p1"
            | "p0" | "sev1" | "sev0" | "s1" | "1" => Self::Sev1,
            "error" | "err" | "high" | "major" | "urgent" | "p2" | "sev2" | "s2" | "2" => {
                Self::Sev2
            }
            "warning" | "warn" | "medium" | "moderate" | "average" | "p3" | "sev3" | "s3" | "3" => {
                Self::Sev3
            }
            _ => Self::Sev4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_teams_are_understood() {
        let words = [
            (
                Severity::Sev1,
                "critical Page EMERGENCY fatal P1 sev1 SEV-1 1",
            ),
            (Severity::Sev2, "error high major P2 sev_2 2"),
            (Severity::Sev3, "warning WARN medium p3 SEV3"),
            (
                Severity::Sev4,
                "info none low minor ticket P4 sev4 whatever",
            ),
        ];
        for (expected, words) in words {
            for word in words.split(' ') {
                assert_eq!(Severity::of_label(Some(word)), expected, "{word}");
            }
        }
        assert_eq!(Severity::of_label(Some(" critical ")), Severity::Sev1);
        assert_eq!(Severity::of_label(None), Severity::Sev4);
    }
}
