//! What a command line asks for, done.

use futures::FutureExt;
use futures::future::LocalBoxFuture;

use crate::cli::Command;
use crate::config::Config;
use crate::{open_files, serve, tools};

/// Does `command` to its end. Boxed, so that all of it is compiled here: a bare future
/// would be compiled once more in the binary that awaits it.
pub fn run(command: Command, config: Config) -> LocalBoxFuture<'static, anyhow::Result<()>> {
    carry_out(command, config).boxed_local()
}

async fn carry_out(command: Command, config: Config) -> anyhow::Result<()> {
    // Reqwest and sqlx are built without a default provider, so that only ring is
    // compiled; it fails only when somebody installed one before us.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    match command {
        Command::Serve
        | Command::Gateway
        | Command::Ingest
        | Command::Commands
        | Command::Projections
        | Command::Workers => {
            open_files::raise();
            serve::run(config, command.roles()).await
        }
        Command::Vault(command) => tools::vault(command, &config).await,
        Command::Audit(command) => tools::audit(&command),
        Command::Config => tools::print_config(&config),
        Command::Log(command) => tools::log(command, &config).await,
        Command::Replay(arguments) => tools::replay(arguments, &config).await,
        Command::Compact => tools::compact(&config).await,
        Command::Backup { folder } => tools::backup(folder, &config).await,
        Command::Restore { folder } => tools::restore(&folder, &config).await,
    }
}
