//! Programs that a comparison starts: built by cargo, found beside this one.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use tokio::process::Command;

/// Root of the workspace.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Builds the product's binary and returns its path.
pub async fn server() -> anyhow::Result<PathBuf> {
    let target = target_folder()?;
    build(Path::new(ROOT), &target, &["--package", "server"]).await?;
    Ok(target.join("release/sre-copilot"))
}

/// Builds the clients of the fan-out comparison and returns their path.
pub async fn fanout_clients() -> anyhow::Result<PathBuf> {
    let target = target_folder()?;
    let arguments = ["--package", "bench", "--bin", "fanout-clients"];
    build(Path::new(ROOT), &target, &arguments).await?;
    Ok(target.join("release/fanout-clients"))
}

/// Builds the clients of the comparison at the edge and returns their path.
pub async fn http_clients() -> anyhow::Result<PathBuf> {
    let target = target_folder()?;
    let arguments = ["--package", "bench", "--bin", "http-clients"];
    build(Path::new(ROOT), &target, &arguments).await?;
    Ok(target.join("release/http-clients"))
}

/// Builds the clients that ask at a pace and returns their path.
pub async fn paced_clients() -> anyhow::Result<PathBuf> {
    let target = target_folder()?;
    let arguments = ["--package", "bench", "--bin", "paced-clients"];
    build(Path::new(ROOT), &target, &arguments).await?;
    Ok(target.join("release/paced-clients"))
}

/// Builds the peer in `bench/postgres-es` and returns its path.
pub async fn postgres_es() -> anyhow::Result<PathBuf> {
    let target = target_folder()?.join("peers");
    build(&Path::new(ROOT).join("bench/postgres-es"), &target, &[]).await?;
    Ok(target.join("release/postgres-es-peer"))
}

async fn build(folder: &Path, target: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release"]).args(arguments);
    let status = cargo
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        .status()
        .await;
    let status = status.context("cannot run cargo")?;
    ensure!(
        status.success(),
        "cargo build in {} failed: {status}",
        folder.display()
    );
    Ok(())
}

/// The target folder that this program lies in: `TARGET/release/bench`.
fn target_folder() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let target = own
        .ancestors()
        .nth(2)
        .context("this program lies in no target folder")?;
    Ok(target.to_owned())
}
