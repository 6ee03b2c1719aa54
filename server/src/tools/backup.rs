//! Backup and restore: the log first, then what only Postgres holds (vault and
//! telemetry). Read models and history are folds and are rebuilt. The master key
//! is not in the backup, which is worth nothing without it.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use futures::TryStreamExt;
use projections::Db;
use projections::vault::Vault;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;

use super::{Lines, Workbench, empty_or_absent, tell};
use crate::config::Config;
use crate::master_key;
use crate::storage::{self, Database};

/// The Postgres schemas that are the record and not a fold of it.
const SCHEMAS: [&str; 2] = ["vault", "telemetry"];

const MANIFEST: &str = "manifest.json";

/// What a backup says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    program: String,
    log_id: String,
    tables: Vec<String>,
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
        bail!("the log is on Kafka: back it up with its own tools");
    };
    std::fs::create_dir_all(folder)?;
    let log_folder = folder.join("log");
    let bytes = tokio::task::spawn_blocking(move || embedded.snapshot(&log_folder)).await??;
    tell(out, format!("log: {bytes} bytes")).await;
    let tables = tables(db).await?;
    for table in &tables {
        let rows = copy_out(db, table, &folder.join(format!("{table}.copy"))).await?;
        tell(out, format!("{table}: {rows} bytes")).await;
    }
    let manifest = Manifest {
        format: 1,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        log_id: bench.log.id().to_string(),
        tables,
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

/// Fills an empty data folder; the next start rebuilds every read model.
pub async fn restore(folder: &Path, config: &Config) -> anyhow::Result<()> {
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
    copy_folder(&folder.join("log"), &log)?;
    let database = Database::plan(config)?;
    let (db, settings) = database.pools(config)?;
    let server = database.start().await?;
    storage::migrate(&settings).await?;
    for table in &manifest.tables {
        copy_in(&db, table, &folder.join(format!("{table}.copy"))).await?;
    }
    let master = master_key::existing(config)?.with_context(|| {
        format!(
            "put the master key of the backup into {}",
            master_key::default_file(config).display()
        )
    })?;
    Vault::open(&db, master)
        .await
        .context("the vault of this backup")?;
    match server {
        Some(server) => server.stop().await,
        None => Ok(()),
    }
}

async fn tables(db: &Db) -> anyhow::Result<Vec<String>> {
    let found: Vec<(String,)> = sqlx::query_as(
        "SELECT table_schema || '.' || table_name FROM information_schema.tables
         WHERE table_schema = ANY($1) AND table_type = 'BASE TABLE' ORDER BY 1",
    )
    .bind(SCHEMAS.as_slice())
    .fetch_all(db.writer())
    .await?;
    Ok(found.into_iter().map(|(name,)| name).collect())
}

async fn copy_out(db: &Db, table: &str, file: &Path) -> anyhow::Result<u64> {
    let mut connection = db.writer().acquire().await?;
    let statement = format!("COPY {table} TO STDOUT (FORMAT binary)");
    let mut chunks = connection.copy_out_raw(&statement).await?;
    let mut target = tokio::fs::File::create(file).await?;
    let mut bytes = 0;
    while let Some(chunk) = chunks.try_next().await? {
        bytes += chunk.len() as u64;
        target.write_all(&chunk).await?;
    }
    target.sync_all().await?;
    Ok(bytes)
}

async fn copy_in(db: &Db, table: &str, file: &Path) -> anyhow::Result<()> {
    let mut connection = db.writer().acquire().await?;
    // A fresh vault may have rows of its own, the canary among them.
    sqlx::query(sqlx::AssertSqlSafe(format!("TRUNCATE {table} CASCADE")))
        .execute(&mut *connection)
        .await?;
    let statement = format!("COPY {table} FROM STDIN (FORMAT binary)");
    let mut sink = connection.copy_in_raw(&statement).await?;
    sink.read_from(tokio::fs::File::open(file).await?).await?;
    sink.finish().await?;
    Ok(())
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
