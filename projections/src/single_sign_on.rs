//! Read model `single_sign_on`: by which provider a tenant's members sign in.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use eventlog::Record;
use schemas::envelope::Envelope;
use schemas::ids::TenantId;
use schemas::scope::Scope;
use schemas::single_sign_on::{SignOnSettings, SingleSignOnEvent};
use schemas::topic::Topic;
use serde::Serialize;
use sqlx::types::Json;
use uuid::Uuid;

use crate::db::{Db, QueryError};
use crate::people::{ActorShown, Names};
use crate::runtime::{
    ApplyError, Changed, Home, Projection, Writing, decode_scoped, scope_of, sequence_of, upsert,
};

/// The projection.
#[derive(Debug)]
pub struct SingleSignOn;

/// A row of the table, column by column.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
struct Row {
    tenant_id: Uuid,
    version: i64,
    settings: Option<Json<SignOnSettings>>,
    email_domains: Vec<String>,
    set_at: DateTime<Utc>,
    set_by: String,
}

#[async_trait]
impl Projection for SingleSignOn {
    fn name(&self) -> &'static str {
        "single_sign_on"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::IdentityEvents]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["single_sign_on"]
    }

    fn home(&self) -> Home {
        Home::Read {
            ddl: include_str!("../../migrations/read/single_sign_on.sql"),
        }
    }

    async fn apply(
        &self,
        to: &mut Writing<'_>,
        batch: &[Record],
    ) -> Result<Vec<Changed>, ApplyError> {
        let mut rows = BTreeMap::new();
        for record in batch {
            if let Some((envelope, event)) = decode_scoped::<SingleSignOnEvent>(record)? {
                let row = row(&envelope, event)?;
                rows.insert(row.tenant_id, row);
            }
        }
        upsert(to.rows, WRITE, &rows.into_values().collect::<Vec<_>>()).await?;
        Ok(Vec::new())
    }
}

/// Each event says all there is, and those of one tenant come in order.
fn row(envelope: &Envelope, event: SingleSignOnEvent) -> Result<Row, ApplyError> {
    let settings = match event {
        SingleSignOnEvent::SingleSignOnSet(event) => Some(event.settings),
        SingleSignOnEvent::SingleSignOnRemoved(_) => None,
    };
    let domains = settings.as_ref().map(|s| s.email_domains.clone());
    Ok(Row {
        tenant_id: scope_of(envelope)?.0.0,
        version: sequence_of(envelope)?,
        email_domains: domains.unwrap_or_default(),
        settings: settings.map(Json),
        set_at: envelope.time.datetime(),
        set_by: envelope.actor.to_string(),
    })
}

const WRITE: &str = "INSERT INTO single_sign_on AS held
    SELECT * FROM json_populate_recordset(NULL::single_sign_on, $1::json)
    ON CONFLICT (tenant_id) DO UPDATE SET version = excluded.version,
        settings = excluded.settings, email_domains = excluded.email_domains,
        set_at = excluded.set_at, set_by = excluded.set_by
    WHERE held.version < excluded.version";

/// A tenant's single sign-on.
#[derive(Debug, Clone, PartialEq)]
pub struct SignOn {
    pub settings: SignOnSettings,
    pub set_at: DateTime<Utc>,
    pub set_by: ActorShown,
}

/// None where the tenant has none.
pub async fn get(db: &Db, scope: &Scope) -> Result<Option<SignOn>, QueryError> {
    let mut tx = db.reading(scope).await?;
    let found: Option<Row> = sqlx::query_as("SELECT * FROM single_sign_on WHERE tenant_id = $1")
        .bind(scope.tenant().0)
        .fetch_optional(&mut *tx)
        .await?;
    let names = Names::load(&mut tx, scope, found.iter().map(|row| row.set_by.clone())).await?;
    Ok(found.and_then(|row| {
        Some(SignOn {
            settings: row.settings?.0,
            set_at: row.set_at,
            set_by: names.actor(&row.set_by),
        })
    }))
}

/// The tenants whose people's addresses are of `domain`, with their providers; two at
/// most, because one of several is nobody's. Asked before there is a tenant, so the
/// writing role asks.
pub async fn of_domain(db: &Db, domain: &str) -> Result<Vec<(TenantId, String)>, QueryError> {
    let found: Vec<(Uuid, Json<SignOnSettings>)> = sqlx::query_as(
        "SELECT tenant_id, settings FROM read.single_sign_on
         WHERE email_domains @> ARRAY[$1] AND settings IS NOT NULL LIMIT 2",
    )
    .bind(domain)
    .fetch_all(db.writer())
    .await?;
    let found = found.into_iter();
    Ok(found
        .map(|(tenant, settings)| (TenantId(tenant), settings.0.issuer))
        .collect())
}
