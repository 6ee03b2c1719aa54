//! Backup and restore: the log, and what only Postgres holds (vault and telemetry),
//! each from a moment at which it fits the log's. Read models and history are folds and are rebuilt. The master key
//! is not in the backup, which is worth nothing without it.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use projections::Db;
use projections::vault::Vault;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Executor, PgConnection, Postgres, Transaction};
use tokio::io::AsyncWriteExt;

use super::{Lines, Workbench, empty_or_absent, print, tell};
use crate::config::Config;
use crate::master_key;
use crate::storage::{self, Database};

const MANIFEST: &str = "manifest.json";

/// What a backup says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    program: String,
    log_id: String,
    tables: Vec<String>,
    /// Partitions of the telemetry store, by table: ten minutes of the first level,
    /// days of the second.
    #[serde(default)]
    slots: Vec<(String, DateTime<Utc>)>,
    #[serde(default)]
    days: Vec<(String, i32)>,
}

pub(super) async fn write(bench: &Workbench, out: &Lines, folder: &Path) -> anyhow::Result<()> {
    ensure!(
        empty_or_absent(folder)?,
        "{} is not empty",
        folder.display()
    );
    let db = &bench
        .data
        .as_ref()
        .context("this process has no Postgres")?
        .db;
    let Some(embedded) = bench.embedded.clone() else {
        bail!(
            "the log is on Kafka, which this cannot copy: dump Postgres without schema `vault`, copy \
             the brokers' disks, then dump schema `vault`, in this order (docs/operations.md, \
             Backup on Kafka, says how and why)"
        );
    };
    std::fs::create_dir_all(folder)?;
    // Telemetry as it was before the log was copied: what it has read is all in the
    // copy. The vault afterwards: it has every secret that the copy refers to.
    let mut telemetry = Still::of(db, "telemetry").await?;
    let slots = telemetry.partitions("_l0", "slot").await?;
    let days = telemetry.partitions("_l1", "day").await?;
    let log_folder = folder.join("log");
    let bytes = tokio::task::spawn_blocking(move || embedded.snapshot(&log_folder)).await??;
    tell(out, format!("log: {bytes} bytes")).await;
    let mut tables = telemetry.write(out, folder).await?;
    tables.extend(Still::of(db, "vault").await?.write(out, folder).await?);
    let manifest = Manifest {
        format: 1,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        log_id: bench.log.id().to_string(),
        tables,
        slots,
        days,
    };
    // Last, so that a folder with a manifest is a whole backup.
    std::fs::write(folder.join(MANIFEST), serde_json::to_vec_pretty(&manifest)?)?;
    tell(
        out,
        format!("done: {}; keep the master key apart", folder.display()),
    )
    .await;
    Ok(())
}

/// Erases everything on `list` once more: people and tenants.
async fn erase_again(db: &Db, list: &Path) -> anyhow::Result<()> {
    let lines = gateway::erased::read(list)?;
    Ok(gateway::erased::again(db, &lines).await?)
}

/// Fills an empty data folder; the next start rebuilds every read model. Who was erased
/// after the backup, person or tenant, is erased again.
pub(crate) async fn restore(folder: &Path, config: &Config) -> anyhow::Result<()> {
    let manifest: Manifest = serde_json::from_slice(
        &std::fs::read(folder.join(MANIFEST))
            .with_context(|| format!("{} holds no whole backup", folder.display()))?,
    )?;
    ensure!(
        manifest.format == 1,
        "backup format {} is newer than this program",
        manifest.format
    );
    let log = config.data_dir.join("log");
    ensure!(
        empty_or_absent(&log)?,
        "{} is not empty: restore into a new folder",
        log.display()
    );
    // Before anything is there that would have to be removed for another try.
    let master = master_key::existing(config)?.with_context(|| {
        format!(
            "put the master key of the backup into {}; nothing was restored yet",
            master_key::default_file(config).display()
        )
    })?;
    let database = Database::plan(config)?;
    let (db, settings) = database.pools(config)?;
    let filling = async {
        copy_folder(&folder.join("log"), &log)?;
        storage::migrate(&settings, &database.wait).await?;
        make_partitions(&db, &manifest).await?;
        for table in &manifest.tables {
            copy_in(&db, table, &folder.join(format!("{table}.copy"))).await?;
        }
        erase_again(&db, &config.erased_list()).await?;
        let opened = Vault::open(&db, master).await;
        opened.context("the vault of this backup, with the master key that is there")
    };
    let (_, server) = database.start_for(filling).await?;
    if let Some(server) = server {
        server.stop().await?;
    }
    print(&format!(
        "done: {}; read models are rebuilt when the platform starts on it",
        config.data_dir.display()
    ));
    Ok(())
}

/// One schema as it is at one moment.
struct Still {
    rows: Transaction<'static, Postgres>,
    tables: Vec<String>,
}

impl Still {
    async fn of(db: &Db, schema: &str) -> anyhow::Result<Self> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        let mut rows = db.writer().begin_with(begin).await?;
        // A partition's rows come with its parent.
        let tables = sqlx::query_scalar(
            "SELECT n.nspname || '.' || c.relname FROM pg_class c
             JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
             ORDER BY 1",
        )
        .bind(schema)
        .fetch_all(&mut *rows)
        .await?;
        Ok(Self { rows, tables })
    }

    /// What the tables of one level are divided by.
    async fn partitions<T>(&mut self, level: &str, by: &str) -> anyhow::Result<Vec<(String, T)>>
    where
        T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres> + Send + Unpin,
    {
        let mut all = Vec::new();
        for table in self.tables.iter().filter(|table| table.ends_with(level)) {
            let sql = format!("SELECT DISTINCT {by} FROM {table} ORDER BY {by}");
            let found: Vec<T> = sqlx::query_scalar(AssertSqlSafe(sql))
                .fetch_all(&mut *self.rows)
                .await?;
            let name = table.trim_start_matches("telemetry.");
            all.extend(found.into_iter().map(|part| (name.to_owned(), part)));
        }
        Ok(all)
    }

    /// A file for each table; returns their names.
    async fn write(mut self, out: &Lines, folder: &Path) -> anyhow::Result<Vec<String>> {
        for table in &self.tables {
            let file = folder.join(format!("{table}.copy"));
            let bytes = copy_out(&mut self.rows, table, &file).await?;
            tell(out, format!("{table}: {bytes} bytes")).await;
        }
        Ok(self.tables)
    }
}

async fn copy_out(rows: &mut PgConnection, table: &str, file: &Path) -> anyhow::Result<u64> {
    let statement = format!("COPY (SELECT * FROM {table}) TO STDOUT (FORMAT binary)");
    let mut chunks = rows.copy_out_raw(&statement).await?;
    let mut target = tokio::fs::File::create(file).await?;
    let mut bytes = 0;
    while let Some(chunk) = chunks.try_next().await? {
        bytes += chunk.len() as u64;
        target.write_all(&chunk).await?;
    }
    target.sync_all().await?;
    Ok(bytes)
}

async fn make_partitions(db: &Db, manifest: &Manifest) -> anyhow::Result<()> {
    for (table, slot) in &manifest.slots {
        sqlx::query("SELECT telemetry.ensure_slot($1, $2)")
            .bind(table)
            .bind(slot)
            .execute(db.writer())
            .await?;
    }
    for (table, day) in &manifest.days {
        sqlx::query("SELECT telemetry.ensure_day($1, $2)")
            .bind(table)
            .bind(day)
            .execute(db.writer())
            .await?;
    }
    Ok(())
}

async fn copy_in(db: &Db, table: &str, file: &Path) -> anyhow::Result<()> {
    let mut rows = db.writer().begin().await?;
    // A fresh vault may have rows of its own, the canary among them.
    rows.execute(AssertSqlSafe(format!("TRUNCATE {table} CASCADE")))
        .await?;
    // Rows of all tenants come in at once, which policies do not let COPY do.
    let guarded: bool =
        sqlx::query_scalar("SELECT relforcerowsecurity FROM pg_class WHERE oid = $1::regclass")
            .bind(table)
            .fetch_one(&mut *rows)
            .await?;
    let guard =
        |word: &str| AssertSqlSafe(format!("ALTER TABLE {table} {word} ROW LEVEL SECURITY"));
    if guarded {
        rows.execute(guard("NO FORCE")).await?;
    }
    let statement = format!("COPY {table} FROM STDIN (FORMAT binary)");
    let mut sink = rows.copy_in_raw(&statement).await?;
    sink.read_from(tokio::fs::File::open(file).await?).await?;
    sink.finish().await?;
    if guarded {
        rows.execute(guard("FORCE")).await?;
    }
    Ok(rows.commit().await?)
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
            std::fs::File::open(&target)?.sync_all()?;
        }
    }
    std::fs::File::open(to)?.sync_all()?;
    Ok(())
}
