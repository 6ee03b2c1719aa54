//! The three stores, as processes on an empty folder, with their defaults.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::http::Http;
use crate::process;

const START_LIMIT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(100);
/// The same on all three.
const WRITE: &str = "/api/v1/write";
const PASSWORD: &str = "correct horse battery staple";

/// Which store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ours,
    VictoriaMetrics,
    Prometheus,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Ours, Self::VictoriaMetrics, Self::Prometheus];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::VictoriaMetrics => "VictoriaMetrics",
            Self::Prometheus => "Prometheus",
        }
    }

    fn api(self) -> &'static str {
        match self {
            Self::Ours => "/prometheus/api/v1",
            Self::VictoriaMetrics | Self::Prometheus => "/api/v1",
        }
    }
}

/// A running store. Stopped when dropped.
pub(super) struct Store {
    pub(super) kind: Kind,
    pub(super) folder: PathBuf,
    child: Child,
    writes: Http,
    reads: Http,
}

impl Store {
    /// `server` is our program. `Ok(None)` where the peer is not installed.
    pub(super) async fn start(
        kind: Kind,
        server: &Path,
        folder: &Path,
    ) -> anyhow::Result<Option<Self>> {
        std::fs::create_dir_all(folder)?;
        let port = free_port()?;
        let Some(mut command) = command(kind, server, folder, port)? else {
            return Ok(None);
        };
        let log = std::fs::File::create(folder.join("output.log"))?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let child = command.spawn().context("cannot start the store")?;
        let http = Http::new(format!("http://127.0.0.1:{port}"))?;
        let mut store = Self {
            kind,
            folder: folder.to_owned(),
            child,
            writes: http.clone(),
            reads: http,
        };
        store.wait_ready().await?;
        if kind == Kind::Ours {
            store.sign_up().await?;
        }
        Ok(Some(store))
    }

    pub(super) async fn write(&self, body: bytes::Bytes) -> anyhow::Result<()> {
        self.writes.write(WRITE, body).await
    }

    /// The answer of the query API at `what`, as bytes.
    pub(super) async fn ask(
        &self,
        what: &str,
        query: &[(&str, String)],
    ) -> anyhow::Result<Vec<u8>> {
        let path = format!("{}/{what}", self.kind.api());
        let mut query = query.to_vec();
        if self.kind == Kind::VictoriaMetrics {
            query.push(("nocache", "1".to_owned()));
        }
        self.reads.get(&path, &query).await
    }

    /// A single number.
    pub(super) async fn number(&self, query: &str, time_ms: i64) -> anyhow::Result<f64> {
        let time = format!("{}", time_ms as f64 / 1e3);
        let asked = [("query", query.to_owned()), ("time", time)];
        let answer: serde_json::Value = serde_json::from_slice(&self.ask("query", &asked).await?)?;
        let value = &answer["data"]["result"][0]["value"][1];
        let text = value
            .as_str()
            .with_context(|| format!("no value in {answer}"))?;
        Ok(text.parse()?)
    }

    /// Makes what was taken part of the files, where the store can be told to.
    pub(super) async fn flush(&self) -> anyhow::Result<()> {
        if self.kind == Kind::VictoriaMetrics {
            self.reads.get("/internal/force_flush", &[]).await?;
        }
        Ok(())
    }

    pub(super) fn pid(&self) -> anyhow::Result<u32> {
        self.child.id().context("the store has ended")
    }

    /// User and system time of all processes on the path, Postgres included.
    pub(super) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let mut all = process::cpu_seconds(self.pid()?)?;
        if let Some(postmaster) = self.postmaster() {
            all += process::cpu_seconds_of_family(postmaster)?;
        }
        Ok(all)
    }

    /// Resident memory of all processes; Postgres' shared memory is counted once.
    pub(super) fn resident_bytes(&self) -> anyhow::Result<u64> {
        process::resident_bytes(self.pid()?)
    }

    fn postmaster(&self) -> Option<u32> {
        let file = self.folder.join("data/postgres/postmaster.pid");
        let text = std::fs::read_to_string(file).ok()?;
        text.lines().next()?.trim().parse().ok()
    }

    async fn wait_ready(&mut self) -> anyhow::Result<()> {
        let path = match self.kind {
            Kind::Ours => "/readyz",
            Kind::VictoriaMetrics => "/health",
            Kind::Prometheus => "/-/ready",
        };
        let deadline = Instant::now() + START_LIMIT;
        while self.reads.get(path, &[]).await.is_err() {
            if self.child.try_wait()?.is_some() || Instant::now() > deadline {
                let log = std::fs::read_to_string(self.folder.join("output.log"))?;
                bail!("{} did not start: {log}", self.kind.name());
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    /// A tenant with one key that writes and one that reads.
    async fn sign_up(&mut self) -> anyhow::Result<()> {
        let account = json!({ "email": "bench@example.com", "password": PASSWORD, "name": "Bench", "tenant_name": "Bench" });
        let session = self.reads.post("/api/v1/auth/register", &account).await?;
        let token = session["access_token"].as_str().context("no token")?;
        let admin = self.reads.with_token(token.to_owned());
        for (scope, http) in [("ingest", &mut self.writes), ("read", &mut self.reads)] {
            let wanted = json!({ "name": scope, "scopes": [scope] });
            let made = admin.post("/api/v1/api-keys", &wanted).await?;
            let key = made["key"].as_str().context("no key")?;
            *http = http.with_token(key.to_owned());
        }
        let deadline = Instant::now() + START_LIMIT;
        while let Err(error) = self.reads.get("/api/v1/alerts", &[]).await {
            anyhow::ensure!(Instant::now() < deadline, "the key is not known: {error}");
            sleep(POLL).await;
        }
        Ok(())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let Some(pid) = self.child.id() else { return };
        let pid = i32::try_from(pid).map(Pid::from_raw);
        // Ours stops its Postgres when asked; an error says that it is gone.
        if pid.is_ok_and(|pid| kill(pid, Signal::SIGTERM).is_ok()) {
            for _ in 0..200 {
                if !matches!(self.child.try_wait(), Ok(None)) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

fn command(kind: Kind, server: &Path, folder: &Path, port: u16) -> anyhow::Result<Option<Command>> {
    let data = folder.join("data");
    let address = format!("127.0.0.1:{port}");
    let command = match kind {
        Kind::Ours => {
            let mut command = Command::new(server);
            command
                .env_clear()
                .envs(std::env::vars().filter(|(name, _)| name == "PATH"));
            command.arg("--data-dir").arg(&data);
            command.args(["--http-addr", &address, "--ws-addr", "127.0.0.1:0"]);
            command.args(["--log", "warn"]);
            command
        }
        Kind::VictoriaMetrics => {
            let Some(program) = peer("SRE_COPILOT_TEST_VICTORIA_METRICS") else {
                return Ok(None);
            };
            let mut command = Command::new(program);
            command.arg(format!("-storageDataPath={}", data.display()));
            command.arg(format!("-httpListenAddr={address}"));
            command.args(["-retentionPeriod=12", "-search.latencyOffset=0s"]);
            command
        }
        Kind::Prometheus => {
            let Some(program) = peer("SRE_COPILOT_TEST_PROMETHEUS") else {
                return Ok(None);
            };
            let configuration = folder.join("prometheus.yml");
            std::fs::write(&configuration, "global: {scrape_interval: 1h}\n")?;
            let mut command = Command::new(program);
            command.arg(format!("--config.file={}", configuration.display()));
            command.arg(format!("--storage.tsdb.path={}", data.display()));
            command.arg(format!("--web.listen-address={address}"));
            command.arg("--web.enable-remote-write-receiver");
            command
        }
    };
    Ok(Some(command))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the benches are told by make where the peers are"
)]
fn peer(variable: &str) -> Option<PathBuf> {
    let path = std::env::var(variable).ok().map(PathBuf::from);
    path.filter(|path| path.exists())
}

fn free_port() -> anyhow::Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port())
}
