//! How each store is started.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::Kind;

/// None where the peer is not installed.
pub(super) fn of(
    kind: Kind,
    server: &Path,
    folder: &Path,
    port: u16,
) -> anyhow::Result<Option<Command>> {
    let data = folder.join("data");
    let address = format!("127.0.0.1:{port}");
    if kind == Kind::Ours {
        return Ok(Some(ours(server, &data, &address)));
    }
    let Some(program) = peer(variable(kind)) else {
        return Ok(None);
    };
    let mut command = Command::new(program);
    match kind {
        Kind::VictoriaMetrics => {
            command.arg(format!("-storageDataPath={}", data.display()));
            command.arg(format!("-httpListenAddr={address}"));
            command.args(["-retentionPeriod=12", "-search.latencyOffset=0s"]);
        }
        Kind::VictoriaLogs => {
            command.arg(format!("-storageDataPath={}", data.display()));
            command.arg(format!("-httpListenAddr={address}"));
            command.args(["-retentionPeriod=30d", "-loggerLevel=WARN"]);
        }
        Kind::Prometheus | Kind::Ours => {
            let configuration = folder.join("prometheus.yml");
            std::fs::write(&configuration, "global: {scrape_interval: 1h}\n")?;
            command.arg(format!("--config.file={}", configuration.display()));
            command.arg(format!("--storage.tsdb.path={}", data.display()));
            command.arg(format!("--web.listen-address={address}"));
            command.arg("--web.enable-remote-write-receiver");
        }
    }
    Ok(Some(command))
}

fn ours(server: &Path, data: &Path, address: &str) -> Command {
    let mut command = Command::new(server);
    command
        .env_clear()
        .envs(std::env::vars().filter(|(name, _)| name == "PATH"));
    command.arg("--data-dir").arg(data);
    command.args(["--http-addr", address, "--ws-addr", "127.0.0.1:0"]);
    command.args(["--otlp-grpc-addr", "127.0.0.1:0"]);
    command.args(["--registration", "open", "--log", "warn"]);
    // Many tenants come in from this one address.
    command.args(["--entrance-requests-per-second", "0"]);
    // Counted and not reached.
    for rate in [
        "--caller-requests-per-second",
        "--tenant-requests-per-second",
    ] {
        command.args([rate, "1000000"]);
    }
    command
}

fn variable(kind: Kind) -> &'static str {
    match kind {
        Kind::Ours => "",
        Kind::VictoriaMetrics => "SRE_COPILOT_TEST_VICTORIA_METRICS",
        Kind::Prometheus => "SRE_COPILOT_TEST_PROMETHEUS",
        Kind::VictoriaLogs => "SRE_COPILOT_TEST_VICTORIA_LOGS",
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the benches are told by make where the peers are"
)]
fn peer(variable: &str) -> Option<PathBuf> {
    let path = std::env::var(variable).ok().map(PathBuf::from);
    path.filter(|path| path.exists())
}
