//! Table `member_lists`: which version of its tenant a list of members shows.

use std::collections::BTreeMap;

use schemas::envelope::Envelope;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::runtime::{ApplyError, sequence_of, tenant_of, upsert};

/// The latest version that a batch has of each tenant.
#[derive(Debug, Default)]
pub(super) struct Lists(BTreeMap<Uuid, i64>);

/// A row of the table, column by column.
#[derive(Debug, Serialize)]
struct Row {
    tenant_id: Uuid,
    version: i64,
}

const WRITE: &str = "INSERT INTO member_lists AS held
    SELECT * FROM json_populate_recordset(NULL::member_lists, $1::json)
    ON CONFLICT (tenant_id) DO UPDATE SET version = greatest(held.version, excluded.version)";

impl Lists {
    /// Any event of the tenant, whether or not it is about a member.
    pub(super) fn see(&mut self, envelope: &Envelope) -> Result<(), ApplyError> {
        let version = sequence_of(envelope)?;
        let held = self.0.entry(tenant_of(envelope)?).or_insert(version);
        *held = version.max(*held);
        Ok(())
    }

    pub(super) async fn write(self, rows: &mut PgConnection) -> Result<(), ApplyError> {
        let row = |(tenant_id, version)| Row { tenant_id, version };
        upsert(
            rows,
            WRITE,
            &self.0.into_iter().map(row).collect::<Vec<_>>(),
        )
        .await
    }
}
