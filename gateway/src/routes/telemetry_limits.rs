//! `/api/v1/telemetry/limits`: what the tenant may send of metrics, logs and traces,
//! what it sends, and when it had too much.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use projections::people::ActorShown;
use projections::telemetry_limits::{self, LimitReached, Own, TelemetryUsage};
use schemas::context::Context;
use schemas::telemetry_limits::{DeploymentLimits, SetTelemetryLimits, TelemetryLimitsCommand};
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Gateway;
use crate::dispatch::Command;
use crate::error::{Error, Pending, Problem};
use crate::operations::Allowed;
use crate::request::Asked;

const READ_MODEL: &str = "telemetry_limits";

/// One limit.
#[derive(Debug, Serialize, ToSchema)]
pub struct TelemetryLimit {
    /// What holds; null = no limit.
    pub value: Option<u64>,
    /// What the deployment allows to tenants that set nothing.
    pub default: Option<u64>,
    /// What the tenant has set.
    pub own: Option<i64>,
}

/// Of all the tenant's projects together.
#[derive(Debug, Serialize, ToSchema)]
pub struct TelemetryLimits {
    /// Series of metrics within a day (UTC).
    pub active_series: TelemetryLimit,
    /// Streams of logs within a day (UTC).
    pub active_streams: TelemetryLimit,
    /// Labels of one series or stream, the name included.
    pub labels_per_series: TelemetryLimit,
    pub label_value_bytes: TelemetryLimit,
    /// As sent, all signals together.
    pub bytes_per_second: TelemetryLimit,
}

/// The tenant's limits, and what it makes of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct TelemetryAllowance {
    pub limits: TelemetryLimits,
    /// Whether own limits above the deployment's count.
    pub may_raise: bool,
    pub set_at: Option<DateTime<Utc>>,
    pub set_by: Option<ActorShown>,
    pub usage: TelemetryUsage,
    /// The latest days on which new series or streams were refused, newest first.
    pub reached: Vec<LimitReached>,
}

/// All limits of the tenant's own; what is null or absent is as the deployment says.
// A limit that is misspelt would be taken away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnTelemetryLimits {
    #[serde(default)]
    #[schema(example = 2_000_000)]
    pub active_series: Option<i64>,
    #[serde(default)]
    pub active_streams: Option<i64>,
    #[serde(default)]
    pub labels_per_series: Option<i64>,
    #[serde(default)]
    pub label_value_bytes: Option<i64>,
    #[serde(default)]
    pub bytes_per_second: Option<i64>,
}

/// What the tenant may send, and does
///
/// Usage is what ingest notes of each tenant once a minute.
#[utoipa::path(get, path = "/api/v1/telemetry/limits", operation_id = "get_telemetry_limits", tag = "tenant",
    responses((status = 200, body = TelemetryAllowance)))]
pub async fn get(
    State(gateway): State<Gateway>,
    allowed: Allowed,
) -> Result<Json<TelemetryAllowance>, Error> {
    shown(&gateway, &allowed).await.map(Json)
}

/// Set what the tenant may send
///
/// Replaces all limits. Ingest holds them within a second; series and streams that
/// were taken today go on until midnight (UTC).
#[utoipa::path(put, path = "/api/v1/telemetry/limits", operation_id = "set_telemetry_limits", tag = "tenant",
    request_body = OwnTelemetryLimits,
    responses((status = 200, body = TelemetryAllowance), (status = 202, body = Pending),
        (status = 422, body = Problem)))]
pub async fn set(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    asked: Asked<OwnTelemetryLimits>,
) -> Result<Json<TelemetryAllowance>, Error> {
    let scope = allowed.scope();
    let command = Command::new(scope, &asked.question, &Context::ambient(&gateway.clock));
    let own = asked.body;
    let message = TelemetryLimitsCommand::from(SetTelemetryLimits {
        active_series: own.active_series,
        active_streams: own.active_streams,
        labels_per_series: own.labels_per_series,
        label_value_bytes: own.label_value_bytes,
        bytes_per_second: own.bytes_per_second,
        deployment: Some(of_deployment(&gateway)),
    });
    let (topic, tenant) = (Topic::IdentityCommands, scope.tenant());
    let settled = gateway.send(&command, topic, tenant, message).await?;
    gateway.shown(&settled, &[READ_MODEL]).await?;
    shown(&gateway, &allowed).await.map(Json)
}

/// What holds where nothing is set, which the audit tells.
fn of_deployment(gateway: &Gateway) -> DeploymentLimits {
    let all = &gateway.config.telemetry.limits;
    let told = |limit: u64| i64::try_from(limit).unwrap_or(i64::MAX);
    DeploymentLimits {
        active_series: told(all.active_series),
        active_streams: told(all.active_streams),
        labels_per_series: told(all.labels_per_series),
        label_value_bytes: told(all.label_value_bytes),
        bytes_per_second: all.bytes_per_second.map(told),
    }
}

async fn shown(gateway: &Gateway, allowed: &Allowed) -> Result<TelemetryAllowance, Error> {
    let now = gateway.clock.now().datetime();
    let known = telemetry_limits::get(&gateway.db, allowed.scope(), now).await?;
    Ok(TelemetryAllowance {
        limits: limits(gateway, known.own.as_ref()),
        may_raise: gateway.config.telemetry.may_raise,
        set_at: known.own.as_ref().map(|own| own.set_at),
        set_by: known.own.map(|own| own.set_by),
        usage: known.usage,
        reached: known.reached,
    })
}

fn limits(gateway: &Gateway, own: Option<&Own>) -> TelemetryLimits {
    let allowance = &gateway.config.telemetry;
    let (set, all) = (own.map(|own| &own.limits), &allowance.limits);
    let holds = allowance.of(set);
    let one = |value, default, own| TelemetryLimit {
        value: Some(value),
        default: Some(default),
        own,
    };
    TelemetryLimits {
        active_series: one(
            holds.active_series,
            all.active_series,
            set.and_then(|set| set.active_series),
        ),
        active_streams: one(
            holds.active_streams,
            all.active_streams,
            set.and_then(|set| set.active_streams),
        ),
        labels_per_series: one(
            holds.labels_per_series,
            all.labels_per_series,
            set.and_then(|set| set.labels_per_series),
        ),
        label_value_bytes: one(
            holds.label_value_bytes,
            all.label_value_bytes,
            set.and_then(|set| set.label_value_bytes),
        ),
        bytes_per_second: TelemetryLimit {
            value: holds.bytes_per_second,
            default: all.bytes_per_second,
            own: set.and_then(|set| set.bytes_per_second),
        },
    }
}
