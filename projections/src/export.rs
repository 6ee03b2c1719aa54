//! Everything that the read models hold of one tenant at one moment, row by row, as the
//! tenant's own readers may see it: project by project, under row-level security.

use std::time::Duration;

use schemas::ids::ProjectId;
use schemas::personal::Personal;
use schemas::scope::Scope;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor, Postgres, RawSql, Transaction};
use uuid::Uuid;

use crate::db::{Db, QueryError};
use crate::registry;
use crate::runtime::Home;
use crate::vault::SubjectKeys;

/// Rows of one step, so that a long table holds no statement open.
const STEP: u32 = 500;
/// For a step, which may have to look through the rows of many tenants.
const STATEMENT_LIMIT: Duration = Duration::from_secs(30);
/// The read models are folded apart, and one may be a batch ahead of another. How often
/// a moment is waited for at which they are equally far.
const TRIES: u32 = 10;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// Beside the tables of `read`: what rules a project's telemetry, as the API tells it.
const TELEMETRY: [(&str, &str, &str); 2] = [
    (
        "telemetry_retention",
        "retention",
        "(SELECT tenant_id, project_id, CASE signal WHEN 'spans' THEN 'traces' ELSE signal END
              AS signal, stream, class AS days FROM telemetry.retention)",
    ),
    (
        "telemetry_deletions",
        "deletions",
        "(SELECT asked.*, (SELECT max(done_at) FROM telemetry.deleted WHERE id = asked.id
              HAVING count(DISTINCT signal) = 3) AS done_at FROM telemetry.deletions asked)",
    ),
];
const TELEMETRY_TABLES: &str = "telemetry.retention, telemetry.deletions, telemetry.deleted";

/// A table of the read side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    /// Where its rows are, as SQL.
    source: String,
    has_project: bool,
    /// Whether rows may belong to no project.
    of_tenant: bool,
}

impl Table {
    /// Whose rows are to be read: those of no project, and those of each project.
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        let tenant = self.of_tenant.then_some(Part::Tenant);
        let projects = self.has_project.then_some(Part::Project);
        tenant.into_iter().chain(projects)
    }

    fn condition(&self, part: Part, scope: &Scope) -> String {
        match (part, self.has_project) {
            (Part::Project, _) => format!("AND project_id = '{}'", scope.project()),
            (Part::Tenant, true) => "AND project_id IS NULL".to_owned(),
            (Part::Tenant, false) => String::new(),
        }
    }
}

/// Rows of a table that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Those of the tenant, which are the same from every project.
    Tenant,
    /// Those of the scope's project.
    Project,
}

/// A column `project_id`.
#[derive(sqlx::FromRow)]
struct Column {
    home: String,
    of: String,
    nullable: bool,
}

/// The tables to export, in the registry's order.
pub async fn tables(db: &Db) -> Result<Vec<Table>, QueryError> {
    let columns: Vec<Column> = sqlx::query_as(
        "SELECT table_schema::text AS home, table_name::text AS of,
             is_nullable::text = 'YES' AS nullable
         FROM information_schema.columns
         WHERE table_schema IN ('read', 'telemetry') AND column_name = 'project_id'",
    )
    .fetch_all(db.reader())
    .await?;
    let table = |name: &str, home: &str, of: &str, source: &str| {
        let mut columns = columns.iter();
        let column = columns.find(|column| column.home == home && column.of == of);
        Table {
            name: name.to_owned(),
            source: source.to_owned(),
            has_project: column.is_some(),
            of_tenant: column.is_none_or(|column| column.nullable),
        }
    };
    let projections = registry().into_iter();
    let read = projections.filter(|projection| matches!(projection.home(), Home::Read { .. }));
    let names = read.flat_map(|projection| projection.tables().iter().copied());
    let read = names.map(|name| table(name, "read", name, &format!("read.{name}")));
    let telemetry = TELEMETRY
        .iter()
        .map(|(name, of, source)| table(name, "telemetry", of, source));
    Ok(read.chain(telemetry).collect())
}

/// All tables as they were at one moment.
pub struct Snapshot {
    tx: Transaction<'static, Postgres>,
}

impl Snapshot {
    /// Waits a little for a moment at which the read models are equally far, and goes on
    /// without it where others write all the time.
    pub async fn begin(db: &Db, scope: &Scope, tables: &[Table]) -> Result<Self, QueryError> {
        for _ in 1..TRIES {
            let mut snapshot = Self::take(db, scope, tables).await?;
            if snapshot.is_even().await? {
                return Ok(snapshot);
            }
            drop(snapshot);
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
        Self::take(db, scope, tables).await
    }

    /// The tables are locked against being swapped by a replay *before* the moment is
    /// taken: of a table that came later nothing would be seen.
    async fn take(db: &Db, scope: &Scope, tables: &[Table]) -> Result<Self, QueryError> {
        const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        let tx = db.reader().begin_with(BEGIN).await?;
        let mut snapshot = Self { tx };
        let read = tables
            .iter()
            .filter(|table| !table.source.starts_with('('))
            .map(|table| table.source.as_str());
        let locked: Vec<&str> = read.chain([TELEMETRY_TABLES]).collect();
        let settings = format!(
            "SET LOCAL statement_timeout = {};
             LOCK TABLE {} IN ACCESS SHARE MODE;
             SET LOCAL app.tenant = '{}'; SET LOCAL app.project = '{}'",
            STATEMENT_LIMIT.as_millis(),
            locked.join(", "),
            scope.tenant(),
            scope.project(),
        );
        snapshot.tx.execute(raw(settings)).await?;
        // The first query takes the moment.
        snapshot.tx.execute("SELECT 1").await?;
        Ok(snapshot)
    }

    async fn is_even(&mut self) -> Result<bool, QueryError> {
        let names: Vec<&str> = registry()
            .iter()
            .filter(|projection| matches!(projection.home(), Home::Read { .. }))
            .map(|projection| projection.name())
            .collect();
        let apart: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM (
                 SELECT topic FROM checkpoint WHERE projection = ANY ($1)
                 GROUP BY topic, partition HAVING min(next_offset) <> max(next_offset)) apart",
        )
        .bind(names)
        .fetch_one(&mut *self.tx)
        .await?;
        Ok(apart == 0)
    }

    /// The tenant's projects, archived ones too.
    pub async fn projects(&mut self, scope: &Scope) -> Result<Vec<ProjectId>, QueryError> {
        let query = "SELECT id FROM projects WHERE tenant_id = $1 ORDER BY created_at, id";
        let found: Vec<Uuid> = sqlx::query_scalar(query)
            .bind(scope.tenant().0)
            .fetch_all(&mut *self.tx)
            .await?;
        Ok(found.into_iter().map(ProjectId).collect())
    }

    /// Begins to read a part of a table; what was begun before is left.
    pub async fn open(
        &mut self,
        scope: &Scope,
        table: &Table,
        part: Part,
    ) -> Result<(), QueryError> {
        // Names come from the registry, ids are UUIDs.
        let sql = format!(
            "CLOSE ALL; SET LOCAL app.project = '{}';
             DECLARE rows NO SCROLL CURSOR FOR
             SELECT row_to_json(t)::text FROM {} t WHERE tenant_id = '{}' {}",
            scope.project(),
            table.source,
            scope.tenant(),
            table.condition(part, scope),
        );
        self.tx.execute(raw(sql)).await?;
        Ok(())
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

fn raw(statements: String) -> RawSql {
    sqlx::raw_sql(AssertSqlSafe(statements))
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
