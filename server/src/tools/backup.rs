//! Backup: the log, and what only Postgres holds (vault and telemetry), each from a moment
//! at which it fits the log's. Read models and history are folds and are rebuilt. The master
//! key is not in the backup, which is worth nothing without it.

use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use chrono::{DateTime, Utc};
use eventlog::EventLog;
use eventlog::embedded::EmbeddedLog;
use futures::TryStreamExt;
use projections::{Db, migrate};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Transaction};
use tokio::io::AsyncWriteExt;

use super::{Lines, Workbench, empty_or_absent, tell};

const MANIFEST: &str = "manifest.json";
/// What it is called until it is whole.
const DRAFT: &str = "manifest.new";

/// What a backup says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: u32,
    program: String,
    log_id: String,
    /// The version of the tables; backups of before it was told have none.
    #[serde(default)]
    schema: Option<i64>,
    pub(super) tables: Vec<String>,
    /// Partitions of the telemetry store, by table: ten minutes of the first level,
    /// days of the second.
    #[serde(default)]
    pub(super) slots: Vec<(String, DateTime<Utc>)>,
    #[serde(default)]
    pub(super) days: Vec<(String, i32)>,
}

/// Whether a whole backup is in `folder`, seen from here.
pub(super) fn is_there(folder: &Path) -> bool {
    folder.join(MANIFEST).exists()
}

impl Manifest {
    /// Last of a backup, and whole or not at all: a folder with a manifest is a backup.
    fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let (file, draft) = (folder.join(MANIFEST), folder.join(DRAFT));
        std::fs::write(&draft, serde_json::to_vec_pretty(self)?)?;
        std::fs::File::open(&draft)?.sync_all()?;
        std::fs::rename(&draft, &file)?;
        sync_around(&file)
    }

    /// The manifest of a backup that this program can restore.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Self> {
        let no_backup = || format!("{} holds no whole backup", folder.display());
        let text = std::fs::read(folder.join(MANIFEST)).with_context(no_backup)?;
        let manifest: Self = serde_json::from_slice(&text).with_context(no_backup)?;
        let (format, newest) = (manifest.format, migrate::newest());
        ensure!(
            format == 1,
            "backup format {format} is newer than this program"
        );
        if let Some(schema) = manifest.schema {
            ensure!(
                migrate::knows(schema),
                "the backup is of a newer version of the program (tables of version {schema}, this \
                 one knows {newest}): restore it with that"
            );
        }
        Ok(manifest)
    }

    pub(super) fn schema(&self) -> i64 {
        self.schema.unwrap_or_else(migrate::newest)
    }

    /// Where rows of a table do not come in.
    pub(super) fn not_taken(&self, table: &str) -> String {
        let remedy = match self.schema {
            Some(_) => "",
            None => {
                ": this backup does not say of which version its tables are; restore it with \
                 the program that wrote it, and start the newer one on that"
            }
        };
        format!("{table} cannot be restored{remedy}")
    }
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
    // What is in it is for whoever runs the platform.
    let mut private = std::fs::DirBuilder::new();
    private.recursive(true).mode(0o700).create(folder)?;
    // Taken at once: who comes second clears nothing.
    let draft = std::fs::File::create_new(folder.join(DRAFT));
    draft.with_context(|| format!("{} is taken by another backup", folder.display()))?;
    let mut unfinished = Unfinished(Some(folder));
    let written = write_into(folder, db, embedded, out).await;
    written.with_context(|| format!("no backup was made in {}", folder.display()))?;
    unfinished.0 = None;
    tell(
        out,
        format!("done: {}; keep the master key apart", folder.display()),
    )
    .await;
    Ok(())
}

/// Takes back what there is of a backup, unless it came to its end: a disk that it has
/// filled is the platform's too, and a half of one is none.
struct Unfinished<'a>(Option<&'a Path>);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(folder) = self.0 {
            clear(folder);
        }
    }
}

async fn write_into(
    folder: &Path,
    db: &Db,
    embedded: Arc<EmbeddedLog>,
    out: &Lines,
) -> anyhow::Result<()> {
    let log_id = embedded.id().to_string();
    // Telemetry as it was before the log was copied: what it has read is all in the
    // copy. The vault afterwards: it has every secret that the copy refers to.
    let mut telemetry = Still::of(db, "telemetry").await?;
    let schema = migrate::version(&mut telemetry.rows).await?;
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
        log_id,
        schema: Some(schema),
        tables,
        slots,
        days,
    };
    manifest.write(folder)
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

/// Removes what is in a folder, as far as that goes; it may be somebody's own.
fn clear(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let removed = match path.is_dir() {
            true => std::fs::remove_dir_all(&path),
            false => std::fs::remove_file(&path),
        };
        if let Err(error) = removed {
            tracing::warn!(path = %path.display(), %error, "a part of a backup cannot be removed");
        }
    }
}

/// Makes it last that a file or folder has its name.
pub(super) fn sync_around(path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().context("it lies in a folder")?;
    Ok(std::fs::File::open(folder)?.sync_all()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unfinished_goes_and_its_folder_stays() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("log/main")).unwrap();
        std::fs::write(folder.path().join("vault.logins.copy"), "half").unwrap();
        drop(Unfinished(None));
        assert!(!empty_or_absent(folder.path()).unwrap());
        drop(Unfinished(Some(folder.path())));
        assert!(folder.path().exists() && empty_or_absent(folder.path()).unwrap());
    }

    #[test]
    fn half_a_manifest_and_one_of_a_newer_version_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refused = || format!("{:#}", Manifest::read(folder.path()).unwrap_err());
        assert!(refused().contains("no whole backup"), "{}", refused());
        let mut manifest = Manifest {
            format: 1,
            program: "0.1.0".to_owned(),
            log_id: "any".to_owned(),
            schema: Some(migrate::newest()),
            tables: Vec::new(),
            slots: Vec::new(),
            days: Vec::new(),
        };
        manifest.write(folder.path()).unwrap();
        assert_eq!(
            Manifest::read(folder.path()).unwrap().schema(),
            migrate::newest()
        );
        manifest.schema = Some(migrate::newest() + 1);
        manifest.write(folder.path()).unwrap();
        assert!(refused().contains("newer version"), "{}", refused());
        let file = folder.path().join(MANIFEST);
        let text = std::fs::read(&file).unwrap();
        std::fs::write(&file, &text[..text.len() / 2]).unwrap();
        assert!(refused().contains("no whole backup"), "{}", refused());
    }
}
