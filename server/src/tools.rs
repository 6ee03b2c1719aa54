//! The operator's tools. Each runs in the server, through the admin socket, where
//! one is running, and in this process otherwise.

mod audit;
mod backup;
mod log;
mod restore;
mod vault;

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, ensure};
use eventlog::Log;
use eventlog::embedded::EmbeddedLog;
use nix::unistd::Uid;
use projections::replay::Replay;
use projections::telemetry::compaction::Compaction;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::admin::{self, Line};
use crate::cli::{AuditCommand, LogCommand, ReplayArguments, VaultCommand};
use crate::config::Config;
use crate::observe;
use crate::roles::Roles;
use crate::serve::{CLOCK, Data, Platform};
use crate::signals::Signals;
use crate::storage;

pub use audit::Unproven;
pub(crate) use restore::restore;

/// What tools say besides what they were asked, where no server does it in its log. That a
/// statement takes long is as it should be where all rows are made anew.
const WARNINGS: &str = "warn,sqlx::query=error";

/// What a tool works on.
#[derive(Clone)]
pub struct Workbench {
    pub(crate) log: Log,
    /// The embedded log, where it is that.
    pub(crate) embedded: Option<Arc<EmbeddedLog>>,
    pub(crate) data: Option<Data>,
}

impl Workbench {
    /// What a running server lets tools work on.
    pub(crate) fn of(platform: &Platform) -> Self {
        Self {
            log: platform.log.clone(),
            embedded: platform.embedded.clone(),
            data: platform.data.clone(),
        }
    }
}

/// A tool with its arguments, as it travels over the admin socket.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    LogStat,
    LogCat {
        topic: String,
        partition: Option<i32>,
        from: i64,
        limit: usize,
        key: Option<String>,
    },
    Replay {
        name: Option<String>,
        key: Option<String>,
    },
    Compact,
    Backup {
        folder: PathBuf,
    },
    VaultRotate {
        new_key: Option<PathBuf>,
    },
    VaultStatus,
}

/// Where a tool's lines go.
pub(crate) type Lines = mpsc::Sender<Line>;

impl Tool {
    pub async fn run(&self, bench: &Workbench, out: &Lines) -> anyhow::Result<()> {
        match self {
            Self::LogStat => log::stat(bench, out).await,
            Self::LogCat {
                topic,
                partition,
                from,
                limit,
                key,
            } => {
                let selection = log::Selection {
                    partition: *partition,
                    from: *from,
                    key: key.clone(),
                };
                log::cat(bench, out, topic, &selection, *limit).await
            }
            Self::Replay { name, key } => {
                replay_here(bench, out, name.as_deref(), key.as_deref()).await
            }
            Self::Compact => compact_here(bench, out).await,
            Self::Backup { folder } => backup::write(bench, out, folder).await,
            Self::VaultRotate { new_key } => vault::rotate(bench, out, new_key.as_deref()).await,
            Self::VaultStatus => vault::status(bench, out).await,
        }
    }

    fn needs_postgres(&self) -> bool {
        matches!(
            self,
            Self::Replay { .. }
                | Self::Compact
                | Self::Backup { .. }
                | Self::VaultRotate { .. }
                | Self::VaultStatus
        )
    }
}

/// Says one line of output; a reader that went away stops nothing.
pub(crate) async fn tell(out: &Lines, text: impl Into<String>) {
    out.send(Line::Text(text.into())).await.ok();
}

pub(crate) async fn log(command: LogCommand, config: &Config) -> anyhow::Result<()> {
    let tool = match command {
        LogCommand::Topics => return log::topics(config, print),
        LogCommand::Copy { to } => return log::copy(&to, config, print).await,
        LogCommand::Stat => Tool::LogStat,
        LogCommand::Verify => return log::verify(config, print).await,
        LogCommand::Cat {
            topic,
            partition,
            from,
            limit,
            key,
        } => Tool::LogCat {
            topic,
            partition,
            from,
            limit,
            key,
        },
    };
    anywhere(tool, config).await
}

pub(crate) async fn replay(arguments: ReplayArguments, config: &Config) -> anyhow::Result<()> {
    anywhere(
        Tool::Replay {
            name: arguments.name,
            key: arguments.key,
        },
        config,
    )
    .await
}

pub(crate) async fn compact(config: &Config) -> anyhow::Result<()> {
    anywhere(Tool::Compact, config).await
}

pub(crate) async fn backup(folder: PathBuf, config: &Config) -> anyhow::Result<()> {
    let folder = std::path::absolute(folder)?;
    let tool = Tool::Backup {
        folder: folder.clone(),
    };
    anywhere(tool, config).await?;
    // A server has a `/tmp` of its own where systemd was told so, and it goes with it.
    ensure!(
        backup::is_there(&folder),
        "the server has written {} where it alone sees it: name a folder below its data folder",
        folder.display()
    );
    Ok(())
}

pub(crate) async fn vault(command: VaultCommand, config: &Config) -> anyhow::Result<()> {
    let tool = match command {
        VaultCommand::Status => Tool::VaultStatus,
        VaultCommand::Rotate { new_key } => Tool::VaultRotate {
            new_key: new_key.map(std::path::absolute).transpose()?,
        },
    };
    anywhere(tool, config).await
}

/// Checks an exported audit. Needs nothing but the file.
pub(crate) fn audit(command: &AuditCommand) -> anyhow::Result<()> {
    let AuditCommand::Verify { file, key } = command;
    let told = audit::verify(file, key.as_deref())?;
    print(&told.text);
    told.unproven.map_or(Ok(()), |why| Err(why.into()))
}

/// Prints what the platform would run with, as a file.
pub(crate) fn print_config(config: &Config) -> anyhow::Result<()> {
    print(&config.printed().context("cannot print the configuration")?);
    Ok(())
}

/// In the running server if there is one, else here, alone with the log.
async fn anywhere(tool: Tool, config: &Config) -> anyhow::Result<()> {
    if admin::ask(&config.admin_socket(), &tool, print).await? {
        return Ok(());
    }
    if config.kafka_brokers.is_none() {
        ensure_kept(config)?;
        ensure_owned(config)?;
        // The database goes on with the log that is elsewhere; this one may be looked at.
        if tool.needs_postgres() {
            storage::ensure_not_moved(config)?;
        }
    }
    // What it waits for, for instance.
    observe::start_logging(WARNINGS)?;
    let (log, embedded) = storage::open(config, Roles::ALL).await?;
    // Not the end of the process: what it has begun is taken back.
    let (mut signals, stop) = (Signals::listen()?, CancellationToken::new());
    let (data, postgres) = match tool.needs_postgres() {
        true => {
            let opening = Box::pin(Data::open(config, &log, &stop));
            let (data, postgres) = signals.stopping(&stop, opening).await?;
            (Some(data), postgres)
        }
        false => (None, None),
    };
    let workbench = Workbench {
        log: log.clone(),
        embedded,
        data,
    };
    let working = async {
        ensure!(!stop.is_cancelled(), "stopped before it had begun");
        let done = tokio::select! {
            done = Box::pin(print_while(&tool, &workbench)) => done,
            name = signals.next() => Err(anyhow!("stopped by {name}")),
        };
        log.close().await?;
        done
    };
    let (_, postgres) = storage::or_stop(postgres, working).await?;
    if let Some(postgres) = postgres {
        postgres.stop().await?;
    }
    Ok(())
}

/// Tools work on what is there. The folder of a typing error holds nothing, and must not
/// become a new platform of which an empty backup is taken.
fn ensure_kept(config: &Config) -> anyhow::Result<()> {
    let log = config.data_dir.join("log");
    ensure!(
        log.is_dir(),
        "there is no log in {}: name the platform's folder by --data-dir or SRE_COPILOT_DATA_DIR",
        config.data_dir.display()
    );
    Ok(())
}

/// What root makes in the log of somebody else, the server could not write on.
fn ensure_owned(config: &Config) -> anyhow::Result<()> {
    let log = config.data_dir.join("log");
    let (owner, we) = (std::fs::metadata(&log)?.uid(), Uid::effective().as_raw());
    ensure!(
        owner == we,
        "{} belongs to uid {owner}, and this runs as uid {we}: run it as that user, or while the \
         server runs",
        log.display()
    );
    Ok(())
}

async fn print_while(tool: &Tool, workbench: &Workbench) -> anyhow::Result<()> {
    let (lines, mut output) = mpsc::channel(64);
    let printing = async {
        while let Some(line) = output.recv().await {
            match line {
                Line::Text(text) => print(&text),
                Line::Error(error) => print(&error),
                Line::Done => {}
            }
        }
    };
    let running = async move { tool.run(workbench, &lines).await };
    tokio::join!(running, printing).0
}

async fn replay_here(
    bench: &Workbench,
    out: &Lines,
    name: Option<&str>,
    key: Option<&str>,
) -> anyhow::Result<()> {
    let data = bench
        .data
        .as_ref()
        .context("this process has no Postgres")?;
    let replay = Replay {
        log: bench.log.clone(),
        db: data.db.clone(),
        people: data.subject_keys(),
        settings: data.folds.clone(),
    };
    if let (Some(name), Some(key)) = (name, key) {
        let applied = replay.key(name, key.as_bytes()).await?;
        tell(
            out,
            format!("{name}: {applied} parked records of {key} applied"),
        )
        .await;
        return Ok(());
    }
    let names: Vec<String> = match name {
        Some(name) => vec![name.to_owned()],
        None => projections::registry()
            .iter()
            .filter(|p| p.home().replays())
            .map(|p| p.name().to_owned())
            .collect(),
    };
    for name in names {
        let done = replay.one(&name).await?;
        tell(
            out,
            format!(
                "{name}: {} records, generation {}",
                done.records, done.generation
            ),
        )
        .await;
    }
    Ok(())
}

async fn compact_here(bench: &Workbench, out: &Lines) -> anyhow::Result<()> {
    let data = bench
        .data
        .as_ref()
        .context("this process has no Postgres")?;
    let done = Compaction::default().finish(&data.db, CLOCK.now()).await?;
    let text = format!(
        "{} ranges compacted, {} windows merged, {} slots of level 0 dropped",
        done.compacted, done.merged, done.dropped
    );
    tell(out, text).await;
    Ok(())
}

/// A reader that has seen enough, as `head` has, ends no tool: a backup goes on.
fn print(line: &str) {
    if let Err(e) = writeln!(std::io::stdout(), "{line}")
        && e.kind() != std::io::ErrorKind::BrokenPipe
    {
        observe::say(&format!("sre-copilot: cannot print: {e}"));
    }
}

/// Whether `folder` can take something new without mixing it with something old.
pub(crate) fn empty_or_absent(folder: &Path) -> anyhow::Result<bool> {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(e) => Err(e).with_context(|| format!("cannot look into {}", folder.display())),
    }
}
