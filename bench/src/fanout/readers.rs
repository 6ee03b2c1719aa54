//! The clients: `src/bin/fanout-clients.rs` in a process of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::{CLIENTS, MESSAGES};

pub(super) struct Readers {
    process: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Readers {
    /// Lets the clients connect to `address`; with a key they ask for the gateway's
    /// WebSocket, without one they only read.
    pub(super) fn start(
        program: &Path,
        address: SocketAddr,
        key: Option<&str>,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.arg(address.to_string());
        command.args([CLIENTS.to_string(), MESSAGES.to_string()]);
        command.args(key).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().context("cannot start the clients")?;
        let output = process
            .stdout
            .take()
            .context("the clients have no output")?;
        Ok(Self {
            process,
            said: BufReader::new(output).lines(),
        })
    }

    /// Waits until all are connected.
    pub(super) async fn connected(mut self) -> anyhow::Result<Self> {
        self.hear("connected").await?;
        Ok(self)
    }

    /// Waits until each has received every message.
    pub(super) async fn until_received(mut self) -> anyhow::Result<()> {
        self.hear("received").await?;
        let status = self.process.wait().await?;
        ensure!(status.success(), "the clients failed: {status}");
        Ok(())
    }

    async fn hear(&mut self, expected: &str) -> anyhow::Result<()> {
        let line = self.said.next_line().await?;
        ensure!(
            line.as_deref() == Some(expected),
            "the clients said {line:?}, not {expected}"
        );
        Ok(())
    }
}
