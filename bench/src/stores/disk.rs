//! What a store keeps on disk.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Context;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::{Kind, Store};

/// The database of our own Postgres, as the server names it.
const DATABASE: &str = "sre_copilot";

/// Bytes of everything that queries read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OnDisk {
    /// As the store keeps it once it is merged.
    pub(crate) bytes: u64,
    /// Ours only: of that what is kept of metrics for when their samples are gone.
    pub(crate) coarse: u64,
    /// Ours only: with what merging has left behind for the next rows to take.
    pub(crate) with_gaps: u64,
    /// Ours only: the log, which keeps bodies as they came for some days.
    pub(crate) log: u64,
}

impl Store {
    /// After [`Store::compact`].
    pub(crate) async fn on_disk(&self) -> anyhow::Result<OnDisk> {
        let data = self.folder.join("data");
        if self.kind != Kind::Ours {
            let bytes = allocated(&data)?;
            let (with_gaps, coarse, log) = (bytes, 0, 0);
            return Ok(OnDisk {
                bytes,
                coarse,
                with_gaps,
                log,
            });
        }
        let mut database = self.database().await?;
        let with_gaps = table_bytes(&mut database, "%").await?;
        for table in tables(&mut database).await? {
            let sql = AssertSqlSafe(format!("VACUUM FULL {table}"));
            sqlx::query(sql).execute(&mut database).await?;
        }
        let bytes = table_bytes(&mut database, "%").await?;
        let coarse = table_bytes(&mut database, "metrics\\_coarse%").await?;
        database.close().await?;
        let log = allocated(&data.join("log"))?;
        Ok(OnDisk {
            bytes,
            coarse,
            with_gaps,
            log,
        })
    }

    /// Rows of level 0 that are not in level 1 yet.
    pub(super) async fn pending(&self) -> anyhow::Result<i64> {
        let mut pending = 0;
        for signal in ["metrics", "logs", "spans"] {
            pending += self
                .ask_database(format!("SELECT count(*) {}", not_compacted(signal)))
                .await?;
        }
        Ok(pending)
    }

    /// Spans that our segments hold.
    pub(crate) async fn spans_kept(&self) -> anyhow::Result<u64> {
        let level0 = not_compacted("spans");
        let sql = format!(
            "SELECT ((SELECT coalesce(sum(items), 0) FROM telemetry.spans_l1)
                   + (SELECT coalesce(sum(items), 0) {level0}))::bigint"
        );
        Ok(self.ask_database(sql).await?.unsigned_abs())
    }

    async fn ask_database(&self, sql: String) -> anyhow::Result<i64> {
        let mut database = self.database().await?;
        let answer = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut database);
        let answer = answer.await?;
        database.close().await?;
        Ok(answer)
    }

    async fn database(&self) -> anyhow::Result<PgConnection> {
        let plan = pgserver::Plan::new(&self.folder.join("data"), &pgserver::Options::default())?;
        let connected = PgConnection::connect(&plan.url(DATABASE)).await;
        connected.context("cannot connect to our Postgres")
    }
}

fn not_compacted(signal: &str) -> String {
    format!(
        "FROM telemetry.{signal}_l0 l0
         LEFT JOIN telemetry.compacted c ON c.signal = '{signal}' AND c.tenant_id = l0.tenant_id
              AND c.project_id = l0.project_id AND c.partition = l0.partition
         WHERE l0.from_offset >= coalesce(c.next_offset, 0)"
    )
}

/// What queries read once everything is compacted: level 0 is empty of it, and its
/// slots go when they are over.
const KEPT: &str = "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = 'telemetry' AND c.relkind = 'r' AND c.relname !~ '_l0_'
       AND c.relname <> 'seen_bodies'";

async fn tables(database: &mut PgConnection) -> anyhow::Result<Vec<String>> {
    let sql = AssertSqlSafe(format!(
        "SELECT 'telemetry.' || quote_ident(relname) {KEPT}"
    ));
    Ok(sqlx::query_scalar(sql).fetch_all(database).await?)
}

/// Of the tables whose names are like `name`.
async fn table_bytes(database: &mut PgConnection, name: &str) -> anyhow::Result<u64> {
    let sql = format!(
        "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint {KEPT} AND c.relname LIKE $1"
    );
    let bytes: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(name)
        .fetch_one(database)
        .await?;
    Ok(bytes.unsigned_abs())
}

/// Bytes that files below take on the disk.
fn allocated(path: &Path) -> anyhow::Result<u64> {
    let about = std::fs::symlink_metadata(path)
        .with_context(|| format!("cannot look at {}", path.display()))?;
    let mut all = about.blocks() * 512;
    if about.is_dir() {
        for entry in std::fs::read_dir(path)? {
            // What a store removes meanwhile takes no room.
            all += allocated(&entry?.path()).unwrap_or(0);
        }
    }
    Ok(all)
}
