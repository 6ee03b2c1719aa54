//! Everything that the read models hold of one tenant, row by row, as the tenant's
//! own readers may see it: project by project, under row-level security.

use schemas::personal::Personal;
use schemas::scope::Scope;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Postgres, Transaction};

use crate::db::{Db, QueryError};
use crate::registry;
use crate::runtime::Home;
use crate::vault::SubjectKeys;

/// Rows of one step, so that a long table holds no statement open.
const STEP: u32 = 500;

/// A table of the read side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    /// Whether each row belongs to one project.
    pub by_project: bool,
}

/// The tables to export, in the registry's order.
pub async fn tables(db: &Db) -> Result<Vec<Table>, QueryError> {
    let by_project: Vec<String> = sqlx::query_scalar(
        "SELECT table_name::text FROM information_schema.columns
         WHERE table_schema = 'read' AND column_name = 'project_id'",
    )
    .fetch_all(db.reader())
    .await?;
    let projections = registry().into_iter();
    let read = projections.filter(|projection| matches!(projection.home(), Home::Read { .. }));
    let names = read.flat_map(|projection| projection.tables().iter().copied());
    let tables = names.map(|name| Table {
        by_project: by_project.iter().any(|known| known == name),
        name: name.to_owned(),
    });
    Ok(tables.collect())
}

/// The rows of one table that are left to read.
pub struct Rows {
    tx: Transaction<'static, Postgres>,
}

impl Rows {
    /// The tenant's rows; of a table by project those of the scope's project.
    pub async fn of(db: &Db, scope: &Scope, table: &Table) -> Result<Self, QueryError> {
        let mut tx = db.reading(scope).await?;
        let project = match table.by_project {
            true => format!("AND project_id = '{}'", scope.project()),
            false => String::new(),
        };
        // Names come from the registry, ids are UUIDs.
        let sql = format!(
            "DECLARE rows NO SCROLL CURSOR FOR
             SELECT row_to_json(t)::text FROM {} t WHERE tenant_id = '{}' {project}",
            table.name,
            scope.tenant(),
        );
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await?;
        Ok(Self { tx })
    }

    /// Some more rows, personal values opened; None at the end.
    pub async fn next(
        &mut self,
        db: &Db,
        people: &SubjectKeys,
    ) -> Result<Option<Vec<Value>>, QueryError> {
        let sql = format!("FETCH {STEP} FROM rows");
        let found: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_all(&mut *self.tx)
            .await?;
        let rows = found
            .iter()
            .map(|row| serde_json::from_str(row).map_err(damaged));
        let mut rows: Vec<Value> = rows.collect::<Result<_, _>>()?;
        open(db, people, &mut rows).await?;
        Ok((!rows.is_empty()).then_some(rows))
    }
}

/// Opens every sealed value that is a column of its own.
async fn open(db: &Db, people: &SubjectKeys, rows: &mut [Value]) -> Result<(), QueryError> {
    let columns = rows
        .iter()
        .filter_map(Value::as_object)
        .flat_map(|row| row.values());
    let subjects: Vec<_> = columns
        .filter_map(sealed)
        .map(|value| value.subject())
        .collect();
    if subjects.is_empty() {
        return Ok(());
    }
    let mut vault = db.writer().acquire().await?;
    let keys = people.fetch(&mut vault, &subjects).await?;
    for column in rows
        .iter_mut()
        .filter_map(Value::as_object_mut)
        .flat_map(|row| row.values_mut())
    {
        if let Some(value) = sealed(column) {
            *column = Value::from(keys.text(&value).map_err(damaged)?);
        }
    }
    Ok(())
}

fn sealed(column: &Value) -> Option<Personal<String>> {
    let fields = column.as_object()?;
    let known = ["subject", "nonce", "ciphertext"];
    let is_sealed =
        fields.len() == known.len() && known.iter().all(|name| fields.contains_key(*name));
    is_sealed
        .then(|| serde_json::from_value(column.clone()).ok())
        .flatten()
}

fn damaged(error: impl std::fmt::Display) -> QueryError {
    QueryError::Failed(sqlx::Error::Decode(error.to_string().into()))
}
