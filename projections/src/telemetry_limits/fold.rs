//! From a tenant's limits and what ingest notes of it to rows; pure.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use eventlog::Record;
use schemas::envelope::Envelope;
use schemas::telemetry_limits::{SeriesLimitReached, TelemetryLimitsSet, TelemetryUsed};
use serde::Serialize;
use uuid::Uuid;

use super::Own;
use crate::people::Names;
use crate::runtime::{ApplyError, scope_of, sequence_of};

/// A row of table `telemetry_limits`, column by column.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub(super) struct Limits {
    tenant_id: Uuid,
    version: i64,
    active_series: Option<i64>,
    active_streams: Option<i64>,
    labels_per_series: Option<i64>,
    label_value_bytes: Option<i64>,
    bytes_per_second: Option<i64>,
    set_at: DateTime<Utc>,
    pub(super) set_by: String,
}

/// A row of table `telemetry_usage`, column by column.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub(super) struct Used {
    tenant_id: Uuid,
    instance: String,
    pub(super) noted_at: DateTime<Utc>,
    pub(super) day: i32,
    pub(super) active_series: i64,
    pub(super) active_streams: i64,
    pub(super) bytes: i64,
    pub(super) over_ms: i64,
}

/// A row of table `telemetry_limits_reached`, column by column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Reached {
    tenant_id: Uuid,
    day: i32,
    limit_name: String,
    partition: i32,
    appended_at: DateTime<Utc>,
    at: DateTime<Utc>,
    most: i64,
    offender: String,
}

/// What a batch comes to, one row a key.
#[derive(Debug, Default)]
pub(super) struct Rows {
    limits: BTreeMap<Uuid, Limits>,
    usage: BTreeMap<(Uuid, String), Used>,
    reached: BTreeMap<(Uuid, i32, String), Reached>,
}

impl Rows {
    pub(super) fn set(
        &mut self,
        envelope: &Envelope,
        set: TelemetryLimitsSet,
    ) -> Result<(), ApplyError> {
        let tenant_id = scope_of(envelope)?.0.0;
        let row = Limits {
            tenant_id,
            version: sequence_of(envelope)?,
            active_series: set.active_series,
            active_streams: set.active_streams,
            labels_per_series: set.labels_per_series,
            label_value_bytes: set.label_value_bytes,
            bytes_per_second: set.bytes_per_second,
            set_at: envelope.time.datetime(),
            set_by: envelope.actor.to_string(),
        };
        let held = self.limits.get(&tenant_id);
        if held.is_none_or(|held| held.version < row.version) {
            self.limits.insert(tenant_id, row);
        }
        Ok(())
    }

    pub(super) fn used(
        &mut self,
        envelope: &Envelope,
        used: TelemetryUsed,
    ) -> Result<(), ApplyError> {
        let tenant_id = scope_of(envelope)?.0.0;
        let row = Used {
            tenant_id,
            instance: used.instance,
            noted_at: envelope.time.datetime(),
            day: used.day,
            active_series: used.active_series,
            active_streams: used.active_streams,
            bytes: used.bytes,
            over_ms: used.over_ms,
        };
        let key = (tenant_id, row.instance.clone());
        let held = self.usage.get(&key);
        if held.is_none_or(|held| held.noted_at <= row.noted_at) {
            self.usage.insert(key, row);
        }
        Ok(())
    }

    pub(super) fn reached(
        &mut self,
        record: &Record,
        envelope: &Envelope,
        reached: SeriesLimitReached,
    ) -> Result<(), ApplyError> {
        let tenant_id = scope_of(envelope)?.0.0;
        let key = (tenant_id, reached.day, reached.limit.clone());
        self.reached.entry(key).or_insert(Reached {
            tenant_id,
            day: reached.day,
            limit_name: reached.limit,
            partition: record.position.partition,
            appended_at: record.appended_at.datetime(),
            at: envelope.time.datetime(),
            most: reached.most,
            offender: reached.offender,
        });
        Ok(())
    }

    pub(super) fn limits(&self) -> Vec<&Limits> {
        self.limits.values().collect()
    }

    pub(super) fn usage(&self) -> Vec<&Used> {
        self.usage.values().collect()
    }

    pub(super) fn all_reached(&self) -> Vec<&Reached> {
        self.reached.values().collect()
    }
}

impl Limits {
    pub(super) fn shown(self, names: &Names) -> Own {
        Own {
            set_at: self.set_at,
            set_by: names.actor(&self.set_by),
            limits: TelemetryLimitsSet {
                active_series: self.active_series,
                active_streams: self.active_streams,
                labels_per_series: self.labels_per_series,
                label_value_bytes: self.label_value_bytes,
                bytes_per_second: self.bytes_per_second,
                deployment: None,
            },
        }
    }
}
