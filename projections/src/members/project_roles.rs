//! Table `member_project_roles`: what a member is in one project.

use std::collections::BTreeMap;

use schemas::envelope::Envelope;
use schemas::tenant::ProjectRoleSet;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::fold::key_of;
use crate::runtime::{ApplyError, sequence_of, upsert};

/// The latest role that a batch sets for each tenant, user and project.
#[derive(Debug, Default)]
pub(super) struct ProjectRoles(BTreeMap<(Uuid, Uuid, Uuid), Row>);

/// A row of the table, column by column.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Row {
    tenant_id: Uuid,
    user_id: Uuid,
    in_project: Uuid,
    version: i64,
    role: Option<String>,
}

/// A row that has a later version stays as it is.
const WRITE: &str = "INSERT INTO member_project_roles AS held
    SELECT * FROM json_populate_recordset(NULL::member_project_roles, $1::json)
    ON CONFLICT (tenant_id, user_id, in_project) DO UPDATE SET
        version = excluded.version, role = excluded.role
    WHERE held.version < excluded.version";

impl ProjectRoles {
    pub(super) fn add(
        &mut self,
        envelope: &Envelope,
        set: &ProjectRoleSet,
    ) -> Result<(), ApplyError> {
        let (tenant_id, user_id) = key_of(envelope, set.user)?;
        let row = Row {
            tenant_id,
            user_id,
            in_project: set.project.0,
            version: sequence_of(envelope)?,
            role: set.role.map(|role| role.name().to_owned()),
        };
        let key = (tenant_id, user_id, set.project.0);
        let later = self
            .0
            .get(&key)
            .is_none_or(|held| held.version < row.version);
        if later {
            self.0.insert(key, row);
        }
        Ok(())
    }

    pub(super) async fn write(self, rows: &mut PgConnection) -> Result<(), ApplyError> {
        upsert(rows, WRITE, &self.0.into_values().collect::<Vec<_>>()).await
    }
}
