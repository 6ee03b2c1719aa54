//! What a backup holds, put into an empty data folder and an empty database; whole or not
//! at all. Tables are made as they were, filled, and brought to the shape of today.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, ensure};
use gateway::erased::Line;
use projections::vault::{MasterKey, Vault};
use projections::{Db, DbConfig, migrate};
use sqlx::{AssertSqlSafe, Executor};

use super::backup::{Manifest, sync_around};
use super::{WARNINGS, empty_or_absent, print};
use crate::config::Config;
use crate::master_key;
use crate::observe::{self, say};
use crate::signals::Signals;
use crate::storage::{self, Database, Wait, once_there};

/// Fills both; the next start rebuilds every read model. Who was erased after the backup,
/// person or tenant, is erased again.
pub(crate) async fn restore(folder: &Path, config: &Config) -> anyhow::Result<()> {
    observe::start_logging(WARNINGS)?;
    let manifest = Manifest::read(folder)?;
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
    let erased = gateway::erased::read(&config.erased_list())?;
    let database = Database::plan(config)?;
    let (db, settings) = database.pools(config)?;
    let restoring = Restoring {
        folder,
        manifest: &manifest,
        log: &log,
        db: &db,
        settings: &settings,
        wait: &database.wait,
    };
    let filling = async {
        restoring.ensure_unused().await?;
        // Not the end of the process: half of a backup would be in the way of the next try.
        let mut signals = Signals::listen()?;
        let filled = tokio::select! {
            filled = Box::pin(restoring.fill(master, &erased)) => filled,
            name = signals.next() => Err(anyhow!("stopped by {name}")),
        };
        if filled.is_err() {
            restoring.take_back().await;
        }
        filled.context("nothing was restored")
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

/// A backup on its way into a folder and a database.
struct Restoring<'a> {
    folder: &'a Path,
    manifest: &'a Manifest,
    log: &'a Path,
    db: &'a Db,
    settings: &'a DbConfig,
    wait: &'a Wait,
}

impl Restoring<'_> {
    /// The vault of another platform would go for that of the backup, and with it all that
    /// its log says of people.
    async fn ensure_unused(&self) -> anyhow::Result<()> {
        let settings = self.settings;
        let used = once_there(self.wait, move || migrate::is_used(settings)).await?;
        ensure!(
            !used,
            "the database has been used by a platform: name an empty one in DATABASE_URL, or \
             without it restore into a new folder; nothing was restored yet"
        );
        Ok(())
    }

    async fn fill(&self, master: MasterKey, erased: &[Line]) -> anyhow::Result<()> {
        let (settings, schema) = (self.settings, self.manifest.schema());
        once_there(self.wait, move || migrate::migrate_to(settings, schema)).await?;
        make_partitions(self.db, self.manifest).await?;
        for table in &self.manifest.tables {
            let file = self.folder.join(format!("{table}.copy"));
            let copied = copy_in(self.db, table, &file).await;
            copied.with_context(|| self.manifest.not_taken(table))?;
        }
        // What has changed of the tables since the backup is done to its rows.
        storage::migrate(settings, self.wait).await?;
        gateway::erased::again(self.db, erased).await?;
        let opened = Vault::open(self.db, master).await;
        opened.context("the vault of this backup, with the master key that is there")?;
        // Last, and at once: where there is a log, all of the backup is there.
        let arriving = self.arriving();
        remove(&arriving)?;
        // As the log's folder is made.
        let mut private = std::fs::DirBuilder::new();
        private.recursive(true).mode(0o700).create(&arriving)?;
        let copied = copy_folder(&self.folder.join("log"), &arriving);
        copied.context("the log of this backup cannot be copied")?;
        std::fs::rename(&arriving, self.log)?;
        sync_around(self.log)
    }

    /// So that it can be tried again: all of it came from here.
    async fn take_back(&self) {
        self.take_partitions_back().await;
        let dropped = "DROP SCHEMA IF EXISTS history, telemetry, vault, read CASCADE";
        let mut emptied = self.db.writer().execute(dropped).await;
        if emptied.is_err() {
            // What was broken off may still have been at work, each in the way of the other.
            emptied = self.db.writer().execute(dropped).await;
        }
        if let Err(error) = emptied {
            say(&format!("the database cannot be emptied again: {error}"));
        }
        if let Err(error) = remove(&self.arriving()) {
            say(&format!("the copy of the log cannot be removed: {error:#}"));
        }
    }

    /// One a statement: all at once may be more than Postgres has locks for.
    async fn take_partitions_back(&self) {
        let names = "SELECT oid::regclass::text FROM pg_class
            WHERE relispartition AND relkind = 'r' AND relnamespace = to_regnamespace('telemetry')";
        let names = sqlx::query_scalar(names).fetch_all(self.db.writer()).await;
        // Where they cannot be told, dropping their schema says why.
        let names: Vec<String> = names.unwrap_or_default();
        for name in names {
            let dropped = AssertSqlSafe(format!("DROP TABLE IF EXISTS {name}"));
            if let Err(error) = self.db.writer().execute(dropped).await {
                say(&format!("{name} cannot be dropped: {error}"));
            }
        }
    }

    fn arriving(&self) -> PathBuf {
        self.log.with_extension("arriving")
    }
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

/// Removes a folder with all that is in it, if there is one.
fn remove(folder: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
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
