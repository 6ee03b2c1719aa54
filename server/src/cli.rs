//! The command line: process roles and operator's tools as subcommands.

use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::Settings;
use crate::roles::Roles;

/// Incidents, alerts and telemetry for the people on call.
///
/// Without a subcommand the whole platform runs in this process.
#[derive(Debug, Parser)]
#[command(name = "sre-copilot", version, about)]
pub struct Cli {
    /// Configuration file [default: sre-copilot.toml, when it exists]
    #[arg(long, global = true)]
    pub config: Option<PathBuf>,
    #[command(flatten, next_help_heading = "Settings")]
    pub settings: Settings,
    #[command(subcommand)]
    pub command: Option<Command>,
}

impl Cli {
    /// What arguments and environment say, or the end of the program where they cannot
    /// be understood. An empty variable counts as unset, as compose files write it.
    pub fn read() -> Self {
        let is_empty = |arg: &Arg| {
            let value = arg.get_env().and_then(std::env::var_os);
            value.is_some_and(|value| value.is_empty())
        };
        let command = Self::command().mut_args(|arg| match is_empty(&arg) {
            true => arg.env(Resettable::Reset),
            false => arg,
        });
        let read = Self::from_arg_matches(&command.get_matches());
        read.unwrap_or_else(|e| e.exit())
    }
}

#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Run the whole platform (the default)
    Serve,
    /// Run only the HTTP API, the console and the WebSocket (needs Kafka; port 8500)
    Gateway,
    /// Run only the receiver of webhooks and telemetry (needs Kafka; port 8509)
    Ingest,
    /// Run only the command owner (needs Kafka; port 8502)
    Commands,
    /// Run only the projections (needs Kafka; port 8508)
    Projections,
    /// Run only the workers (needs Kafka; port 8503)
    Workers,
    /// Look into the event log
    #[command(subcommand)]
    Log(LogCommand),
    /// Rebuild a read model from the log, beside the live one
    Replay(ReplayArguments),
    /// Compact the telemetry store now, as if the hour were over
    Compact,
    /// Write a backup of log, vault and telemetry into a new folder
    Backup { folder: PathBuf },
    /// Restore a backup into an empty data folder and an unused database
    Restore { folder: PathBuf },
    /// Look after the vault
    #[command(subcommand)]
    Vault(VaultCommand),
    /// Check an exported audit
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Print the configuration, without secrets
    Config,
}

impl Command {
    /// What the process runs; a tool speaks for the whole platform.
    pub fn roles(&self) -> Roles {
        match self {
            Self::Gateway => Roles::GATEWAY,
            Self::Ingest => Roles::INGEST,
            Self::Commands => Roles::COMMANDS,
            Self::Projections => Roles::PROJECTIONS,
            Self::Workers => Roles::WORKERS,
            _ => Roles::ALL,
        }
    }
}

#[derive(Debug, Clone, Subcommand)]
pub enum LogCommand {
    /// List topics with partitions, retention and journal
    Topics,
    /// Records, bytes and offsets of each topic
    Stat,
    /// Print records of a topic as JSON lines
    Cat {
        topic: String,
        /// Only this partition
        #[arg(long)]
        partition: Option<i32>,
        /// From this offset of each partition
        #[arg(long, default_value_t = 0)]
        from: i64,
        /// At most so many records
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
        /// Only records of this key
        #[arg(long)]
        key: Option<String>,
    },
    /// Read every byte and report what is damaged
    Verify,
    /// Copy the embedded log to an empty Kafka, keeping order, offsets and identity
    Copy {
        /// The target; only `kafka` (brokers from --kafka-brokers)
        #[arg(long)]
        to: String,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub enum VaultCommand {
    /// Exchange the master key while everything goes on; again, go on with it
    Rotate {
        /// The new key: 32 bytes or 64 hex digits [default: a random one, where the
        /// current one was made by the server]
        #[arg(long)]
        new_key: Option<PathBuf>,
    },
    /// Say whether the master key is being exchanged, and what that waits for
    Status,
}

#[derive(Debug, Clone, Subcommand)]
pub enum AuditCommand {
    /// Check the hash chain and the signatures of an export, offline
    ///
    /// Ends with 0 where signatures cover all of it, with 3 where it holds together but
    /// nothing proves who wrote it, or a part of it, and with 1 where it was changed.
    Verify {
        /// What `GET /api/v1/audit/export` gave
        file: PathBuf,
        /// The installation's public key, known from elsewhere; other keys are refused
        #[arg(long)]
        key: Option<String>,
    },
}

#[derive(Debug, Clone, clap::Args)]
pub struct ReplayArguments {
    /// The projection
    #[arg(required_unless_present = "all")]
    pub name: Option<String>,
    /// Every projection
    #[arg(long, conflicts_with_all = ["name", "key"])]
    pub all: bool,
    /// Only apply what was parked for this key
    #[arg(long)]
    pub key: Option<String>,
}
