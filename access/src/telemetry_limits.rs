//! What a tenant may send of telemetry: what the deployment allows to everybody, and
//! what the tenant has set for itself.

use schemas::telemetry_limits::TelemetryLimitsSet;

/// The limits of one tenant, all its projects together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TelemetryLimits {
    /// Series of metrics within a day (UTC).
    pub active_series: u64,
    /// Streams of logs within a day (UTC).
    pub active_streams: u64,
    /// Labels of one series or stream, the name included.
    pub labels_per_series: u64,
    pub label_value_bytes: u64,
    /// As sent, all signals together; none = no limit.
    pub bytes_per_second: Option<u64>,
}

/// What a deployment allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Of every tenant that has set nothing.
    pub limits: TelemetryLimits,
    /// Whether a tenant may set more than that, or only less.
    pub may_raise: bool,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            limits: TelemetryLimits {
                active_series: 1_000_000,
                active_streams: 100_000,
                labels_per_series: protocols::limits::MAX_LABELS as u64,
                label_value_bytes: protocols::limits::MAX_LABEL_VALUE_BYTES as u64,
                bytes_per_second: None,
            },
            may_raise: true,
        }
    }
}

impl Allowance {
    /// What holds for a tenant with these limits of its own.
    pub fn of(&self, own: Option<&TelemetryLimitsSet>) -> TelemetryLimits {
        let all = &self.limits;
        let Some(own) = own else { return *all };
        TelemetryLimits {
            active_series: self.one(own.active_series, all.active_series),
            active_streams: self.one(own.active_streams, all.active_streams),
            labels_per_series: self.one(own.labels_per_series, all.labels_per_series),
            label_value_bytes: self.one(own.label_value_bytes, all.label_value_bytes),
            bytes_per_second: match (own.bytes_per_second, all.bytes_per_second) {
                (Some(own), all) => Some(self.one(Some(own), all.unwrap_or(u64::MAX))),
                (None, all) => all,
            },
        }
    }

    fn one(&self, own: Option<i64>, all: u64) -> u64 {
        match own.and_then(|own| u64::try_from(own).ok()) {
            None => all,
            Some(own) if self.may_raise => own,
            Some(own) => own.min(all),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(active_series: Option<i64>, bytes_per_second: Option<i64>) -> TelemetryLimitsSet {
        TelemetryLimitsSet {
            active_series,
            active_streams: None,
            labels_per_series: None,
            label_value_bytes: None,
            bytes_per_second,
            deployment: None,
        }
    }

    #[test]
    fn what_is_not_set_is_as_the_deployment_says() {
        let allowance = Allowance::default();
        assert_eq!(allowance.of(None), allowance.limits);
        assert_eq!(allowance.of(Some(&own(None, None))), allowance.limits);
        let of = allowance.of(Some(&own(Some(2_000_000), Some(5))));
        assert_eq!(of.active_series, 2_000_000);
        assert_eq!(of.bytes_per_second, Some(5));
        assert_eq!(of.active_streams, allowance.limits.active_streams);
    }

    #[test]
    fn nobody_raises_what_the_deployment_holds() {
        let mut allowance = Allowance {
            may_raise: false,
            ..Allowance::default()
        };
        allowance.limits.bytes_per_second = Some(10);
        let of = allowance.of(Some(&own(Some(2_000_000), Some(50))));
        assert_eq!(of, allowance.limits);
        let of = allowance.of(Some(&own(Some(7), Some(9))));
        assert_eq!((of.active_series, of.bytes_per_second), (7, Some(9)));
    }
}
