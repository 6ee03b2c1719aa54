//! `sre-copilot`: the whole platform in one program.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use server::cli::{Cli, Command};
use server::config::{Config, FILE, Settings};
use server::roles::Roles;
use server::{observe, serve, tools};

const EX_CONFIG: u8 = 78;

/// Records are made by one thread and dropped by another all day, which is what the
/// C library's allocator is slowest at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let config = match configuration(cli.settings, cli.config) {
        Ok(config) => config,
        Err(e) => return end(&e, EX_CONFIG),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(e) => {
            return end(
                &anyhow::Error::from(e).context("cannot start the runtime"),
                1,
            );
        }
    };
    match runtime.block_on(run(cli.command.unwrap_or(Command::Serve), config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => end(&e, 1),
    }
}

fn configuration(settings: Settings, file: Option<PathBuf>) -> anyhow::Result<Config> {
    let file = file.unwrap_or_else(|| Path::new(FILE).to_owned());
    Ok(settings.with_file(&file)?.resolve()?)
}

async fn run(command: Command, config: Config) -> anyhow::Result<()> {
    // Reqwest and sqlx are built without a default provider, so that only ring is
    // compiled; it fails only when somebody installed one before us.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    match command {
        Command::Serve => serve::run(config, Roles::ALL).await,
        Command::Gateway => serve::run(config, Roles::GATEWAY).await,
        Command::Ingest => serve::run(config, Roles::INGEST).await,
        Command::Commands => serve::run(config, Roles::COMMANDS).await,
        Command::Projections => serve::run(config, Roles::PROJECTIONS).await,
        Command::Workers => serve::run(config, Roles::WORKERS).await,
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

/// One line that says what failed and why; the exit code tells programs.
fn end(error: &anyhow::Error, code: u8) -> ExitCode {
    observe::say(&format!("sre-copilot: {error:#}"));
    ExitCode::from(code)
}
