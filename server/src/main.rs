//! `sre-copilot`: the whole platform in one program.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage, 3 an audit that holds together and that
//! nobody signed for, 78 wrong configuration.

use std::path::PathBuf;
use std::process::ExitCode;

use server::cli::{Cli, Command};
use server::config::{BadSetting, Config, Settings};
use server::{Unproven, observe, run};

const FAILED: u8 = 1;
const UNPROVEN: u8 = 3;
const EX_CONFIG: u8 = 78;

/// Records are made by one thread and dropped by another all day, which is what the
/// C library's allocator is slowest at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::read();
    let command = cli.command.unwrap_or(Command::Serve);
    let config = match configuration(&command, cli.settings, cli.config) {
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
                FAILED,
            );
        }
    };
    match runtime.block_on(run::run(command, config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) if e.is::<Unproven>() => end(&e, UNPROVEN),
        Err(e) if e.chain().any(|cause| cause.is::<BadSetting>()) => end(&e, EX_CONFIG),
        Err(e) => end(&e, FAILED),
    }
}

fn configuration(
    command: &Command,
    settings: Settings,
    file: Option<PathBuf>,
) -> anyhow::Result<Config> {
    let port = command.roles().http_port();
    Ok(settings.with_file(file.as_deref())?.resolve(port)?)
}

/// One line that says what failed and why; the exit code tells programs.
fn end(error: &anyhow::Error, code: u8) -> ExitCode {
    observe::say_last(&format!("sre-copilot: {error:#}"));
    ExitCode::from(code)
}
