//! Read model `telemetry_limits`: what a tenant may send of telemetry where it has set
//! that, what it sends, and when it had too much.

mod fold;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use eventlog::Record;
use schemas::change::ChangeKind;
use schemas::scope::Scope;
use schemas::telemetry_limits::{TelemetryLimitsEvent, TelemetryLimitsSet, TelemetryNote};
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::db::{Db, QueryError};
use crate::people::{ActorShown, Names};
use crate::runtime::{
    ApplyError, Changed, Expiry, Home, Projection, Writing, decode_scoped, expire, upsert,
};
use fold::Rows;

/// The projection.
#[derive(Debug)]
pub struct TelemetryLimits;

#[async_trait]
impl Projection for TelemetryLimits {
    fn name(&self) -> &'static str {
        "telemetry_limits"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::IdentityKeys, Topic::AuditOperations]
    }

    fn tables(&self) -> &'static [&'static str] {
        &[
            "telemetry_limits",
            "telemetry_usage",
            "telemetry_limits_reached",
        ]
    }

    fn home(&self) -> Home {
        Home::Read {
            ddl: include_str!("../../migrations/read/telemetry_limits.sql"),
        }
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        let (mut rows, mut changes) = (Rows::default(), Vec::new());
        for record in batch {
            let mut changed = |envelope, kind, key: &str| {
                changes.extend(Changed::in_tenant(record, envelope, kind, key));
            };
            if let Some((envelope, TelemetryLimitsEvent::TelemetryLimitsSet(set))) =
                decode_scoped(record)?
            {
                rows.set(&envelope, set)?;
                changed(&envelope, ChangeKind::TelemetryLimitsUpdated, "set");
            } else if let Some((envelope, note)) = decode_scoped(record)? {
                match note {
                    TelemetryNote::TelemetryUsed(used) => {
                        rows.used(&envelope, used)?;
                        changed(&envelope, ChangeKind::TelemetryLimitsUpdated, "usage");
                    }
                    TelemetryNote::SeriesLimitReached(reached) => {
                        changed(
                            &envelope,
                            ChangeKind::TelemetryLimitsReached,
                            &reached.limit,
                        );
                        rows.reached(record, &envelope, reached)?;
                    }
                }
            }
        }
        upsert(to.rows, WRITE, &rows.limits()).await?;
        upsert(to.rows, WRITE_USAGE, &rows.usage()).await?;
        upsert(to.rows, WRITE_REACHED, &rows.all_reached()).await?;
        expire(to.rows, "telemetry_limits_reached", &Expiry::of(batch)).await?;
        Ok(changes)
    }
}

const WRITE: &str = "INSERT INTO telemetry_limits AS held
    SELECT * FROM json_populate_recordset(NULL::telemetry_limits, $1::json)
    ON CONFLICT (tenant_id) DO UPDATE SET version = excluded.version,
        active_series = excluded.active_series, active_streams = excluded.active_streams,
        labels_per_series = excluded.labels_per_series,
        label_value_bytes = excluded.label_value_bytes,
        bytes_per_second = excluded.bytes_per_second,
        set_at = excluded.set_at, set_by = excluded.set_by
    WHERE held.version < excluded.version";

const WRITE_USAGE: &str = "INSERT INTO telemetry_usage AS held
    SELECT * FROM json_populate_recordset(NULL::telemetry_usage, $1::json)
    ON CONFLICT (tenant_id, instance) DO UPDATE SET noted_at = excluded.noted_at,
        day = excluded.day, active_series = excluded.active_series,
        active_streams = excluded.active_streams, bytes = excluded.bytes,
        over_ms = excluded.over_ms
    WHERE held.noted_at <= excluded.noted_at";

/// The first refusal of a day stays: after a restart ingest notes another.
const WRITE_REACHED: &str = "INSERT INTO telemetry_limits_reached
    SELECT * FROM json_populate_recordset(NULL::telemetry_limits_reached, $1::json)
    ON CONFLICT (tenant_id, day, limit_name) DO NOTHING";

/// How old a note may be to say what is sent now.
const FRESH_MINUTES: i64 = 5;
/// Refusals that are shown.
const REACHED: i64 = 20;

/// What is known of a tenant's limits besides what the deployment says.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    pub own: Option<Own>,
    pub usage: TelemetryUsage,
    pub reached: Vec<LimitReached>,
}

/// Limits that the tenant has set.
#[derive(Debug, Clone, PartialEq)]
pub struct Own {
    pub limits: TelemetryLimitsSet,
    pub set_at: DateTime<Utc>,
    pub set_by: ActorShown,
}

/// What the tenant sends, over all processes of ingest.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TelemetryUsage {
    /// Of the present day (UTC).
    pub active_series: i64,
    pub active_streams: i64,
    /// In the last minutes; null where nothing was noted then.
    pub bytes_per_second: Option<f64>,
    /// When that was last noted.
    pub noted_at: Option<DateTime<Utc>>,
}

/// A day on which new series or streams were refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema, sqlx::FromRow)]
pub struct LimitReached {
    /// `active_series` or `active_streams`
    pub limit: String,
    pub most: i64,
    /// What was refused first: the metric, or the service.
    pub offender: String,
    pub at: DateTime<Utc>,
}

/// The tenant's limits and usage at `now`.
pub async fn get(db: &Db, scope: &Scope, now: DateTime<Utc>) -> Result<Known, QueryError> {
    let mut tx = db.reading(scope).await?;
    let tenant = scope.tenant().0;
    let own: Option<fold::Limits> =
        sqlx::query_as("SELECT * FROM telemetry_limits WHERE tenant_id = $1")
            .bind(tenant)
            .fetch_optional(&mut *tx)
            .await?;
    let notes: Vec<fold::Used> =
        sqlx::query_as("SELECT * FROM telemetry_usage WHERE tenant_id = $1 ORDER BY instance")
            .bind(tenant)
            .fetch_all(&mut *tx)
            .await?;
    let reached = sqlx::query_as(
        "SELECT limit_name AS \"limit\", most, offender, at FROM telemetry_limits_reached
         WHERE tenant_id = $1 ORDER BY at DESC, limit_name LIMIT $2",
    )
    .bind(tenant)
    .bind(REACHED)
    .fetch_all(&mut *tx)
    .await?;
    let actors = own.iter().map(|own| own.set_by.clone());
    let names = Names::load(&mut tx, scope, actors).await?;
    Ok(Known {
        own: own.map(|own| own.shown(&names)),
        usage: usage(&notes, now),
        reached,
    })
}

fn usage(notes: &[fold::Used], now: DateTime<Utc>) -> TelemetryUsage {
    let today = now.timestamp().div_euclid(86_400);
    let of_today = || notes.iter().filter(|note| i64::from(note.day) == today);
    let fresh = now - chrono::Duration::minutes(FRESH_MINUTES);
    let rates: Vec<f64> = notes
        .iter()
        .filter(|note| note.noted_at >= fresh && note.over_ms > 0)
        .map(|note| note.bytes as f64 * 1_000.0 / note.over_ms as f64)
        .collect();
    TelemetryUsage {
        active_series: of_today().map(|note| note.active_series).sum(),
        active_streams: of_today().map(|note| note.active_streams).sum(),
        bytes_per_second: (!rates.is_empty()).then(|| rates.iter().sum()),
        noted_at: notes.iter().map(|note| note.noted_at).max(),
    }
}
