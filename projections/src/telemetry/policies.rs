//! Read model `telemetry_policies`: how long a project keeps its telemetry, and what
//! of it is to go. Its rows are in `telemetry`, beside what they rule: a `read` that
//! is being rebuilt must not make anything be kept too short.

use async_trait::async_trait;
use eventlog::Record;
use schemas::scope::Scope;
use schemas::tenant::{TelemetryRetentionSet, TenantEvent};
use schemas::topic::Topic;
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::classes::DEFAULTS;
use crate::db::{Db, QueryError};
use crate::runtime::{ApplyError, Changed, Home, Projection, Writing, decode_scoped, tenant_of};

/// Of the projection.
pub const NAME: &str = "telemetry_policies";

/// The projection.
#[derive(Debug)]
pub struct TelemetryPolicies;

#[async_trait]
impl Projection for TelemetryPolicies {
    fn name(&self) -> &'static str {
        NAME
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::IdentityEvents]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["retention", "deletions"]
    }

    fn home(&self) -> Home {
        Home::Telemetry
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        for record in batch {
            let Some((envelope, event)) = decode_scoped::<TenantEvent>(record)? else {
                continue;
            };
            let tenant = tenant_of(&envelope)?;
            match event {
                TenantEvent::TelemetryRetentionSet(event) => set(to.rows, tenant, event).await?,
                TenantEvent::TelemetryDeleted(event) => {
                    sqlx::query(
                        "INSERT INTO deletions (id, tenant_id, project_id, requested_at)
                         VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                    )
                    .bind(envelope.id)
                    .bind(tenant)
                    .bind(event.project.map(|project| project.0))
                    .bind(envelope.time.datetime())
                    .execute(&mut *to.rows)
                    .await?;
                }
                _ => {}
            }
        }
        Ok(Vec::new())
    }
}

async fn set(
    rows: &mut PgConnection,
    tenant: Uuid,
    event: TelemetryRetentionSet,
) -> Result<(), ApplyError> {
    let signal = stored_name(&event.signal);
    let days = event.days.map(i16::try_from).transpose();
    let days = days.map_err(|_| ApplyError::Permanent(format!("{:?} days", event.days)))?;
    let sql = match days {
        Some(_) => {
            "INSERT INTO retention (tenant_id, project_id, signal, stream, class)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (tenant_id, project_id, signal, stream)
             DO UPDATE SET class = excluded.class"
        }
        None => {
            "DELETE FROM retention WHERE tenant_id = $1 AND project_id = $2 AND signal = $3
               AND stream = $4 AND $5::smallint IS NULL"
        }
    };
    sqlx::query(sql)
        .bind(tenant)
        .bind(event.project.0)
        .bind(signal)
        .bind(event.stream)
        .bind(days)
        .execute(rows)
        .await?;
    Ok(())
}

/// Traces are stored as spans.
fn stored_name(signal: &str) -> &str {
    match signal {
        "traces" => "spans",
        other => other,
    }
}

fn shown_name(signal: &str) -> &str {
    match signal {
        "spans" => "traces",
        other => other,
    }
}

/// How long a stream of a signal is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[schema(as = TelemetryRetention)]
pub struct Rule {
    /// metrics, `metrics_5m`, `metrics_1h`, logs, traces
    pub signal: String,
    /// A metric's or a service's name, or the beginning of one before a `*`; empty
    /// for the whole signal.
    pub stream: String,
    pub days: i32,
    /// It holds although nobody has set it.
    pub default: bool,
}

/// Every rule of the project, and what holds for whole signals without one.
pub async fn rules(db: &Db, scope: &Scope) -> Result<Vec<Rule>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found: Vec<(String, String, i16)> = sqlx::query_as(
        "SELECT signal, stream, class FROM telemetry.retention
         WHERE tenant_id = $1 AND project_id = $2",
    )
    .bind(scope.tenant().0)
    .bind(scope.project().0)
    .fetch_all(&mut *tx)
    .await?;
    let rule = |signal: &str, stream: String, days: i16, default| Rule {
        signal: shown_name(signal).to_owned(),
        stream,
        days: days.into(),
        default,
    };
    let mut rules: Vec<Rule> = found
        .into_iter()
        .map(|(signal, stream, days)| rule(&signal, stream, days, false))
        .collect();
    for (signal, days) in DEFAULTS {
        let said = |rule: &Rule| rule.signal == shown_name(signal) && rule.stream.is_empty();
        if !rules.iter().any(said) {
            rules.push(rule(signal, String::new(), days, true));
        }
    }
    rules.sort();
    Ok(rules)
}
