//! The operator's commands, run beside a platform.

use std::path::Path;
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sre-copilot");

/// Runs a command on a data folder and returns what it printed.
pub(crate) async fn tool(data: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = run(data, arguments, variables).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The platform itself: many run at once on the machine of a test.
pub(crate) const ANY_PORTS: [&str; 6] = [
    "--http-addr",
    "127.0.0.1:0",
    "--ws-addr",
    "127.0.0.1:0",
    "--otlp-grpc-addr",
    "127.0.0.1:0",
];

/// The same for one that refuses: what it said.
pub(crate) async fn refusal(data: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = run(data, arguments, variables).await;
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// How a command ended, and what it printed and complained of.
pub(crate) async fn ended(data: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = run(data, arguments, &[]).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

async fn run(data: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(PROGRAM);
    command
        .args(arguments)
        .env_remove("DATABASE_URL")
        .env_remove("KAFKA_BROKERS");
    command
        .env("SRE_COPILOT_DATA_DIR", data)
        .envs(variables.iter().copied());
    tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap()
}

/// How many records a topic holds, as `log cat` prints them.
pub(crate) async fn records(data: &Path, topic: &str) -> usize {
    tool(data, &["log", "cat", topic, "--limit", "1000000"], &[])
        .await
        .lines()
        .count()
}
