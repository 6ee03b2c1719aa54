//! The stores that are compared, as processes on an empty folder, with their
//! defaults.

mod command;
mod disk;
mod http;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use nix::sys::signal::{Signal as Asked, kill};
use nix::unistd::Pid;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::process;
pub(crate) use disk::OnDisk;
pub(crate) use http::Http;

const START_LIMIT: Duration = Duration::from_secs(120);
/// What was taken is counted, merged and compacted by then.
const SETTLE_LIMIT: Duration = Duration::from_secs(900);
const POLL: Duration = Duration::from_millis(100);
const PASSWORD: &str = "correct horse battery staple";

/// Which store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Ours,
    VictoriaMetrics,
    Prometheus,
    VictoriaLogs,
}

/// What is sent, each in one form that all stores take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Remote write 1.0, snappy.
    Metrics,
    /// OTLP, protobuf, zstd.
    Logs,
    /// OTLP, protobuf, zstd.
    Spans,
}

impl Kind {
    pub(crate) const METRICS: [Self; 3] = [Self::Ours, Self::VictoriaMetrics, Self::Prometheus];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::VictoriaMetrics => "VictoriaMetrics",
            Self::Prometheus => "Prometheus",
            Self::VictoriaLogs => "VictoriaLogs",
        }
    }

    fn prometheus_api(self) -> &'static str {
        match self {
            Self::Ours => "/prometheus/api/v1",
            _ => "/api/v1",
        }
    }

    fn write_path(self, signal: Signal) -> &'static str {
        match (self, signal) {
            (_, Signal::Metrics) => "/api/v1/write",
            (Self::VictoriaLogs, _) => "/insert/opentelemetry/v1/logs",
            (_, Signal::Logs) => "/v1/logs",
            (_, Signal::Spans) => "/v1/traces",
        }
    }
}

/// A running store. Stopped when dropped.
pub(crate) struct Store {
    pub(crate) kind: Kind,
    address: SocketAddr,
    folder: PathBuf,
    program: PathBuf,
    child: Child,
    writes: Http,
    reads: Http,
    /// Without a key.
    anyone: Http,
}

impl Store {
    /// `server` is our program. `Ok(None)` where the peer is not installed.
    pub(crate) async fn start(
        kind: Kind,
        server: &Path,
        folder: &Path,
    ) -> anyhow::Result<Option<Self>> {
        let Some(mut store) = Self::launch(kind, server, folder).await? else {
            return Ok(None);
        };
        (store.writes, store.reads) = store.sign_up(0).await?;
        Ok(Some(store))
    }

    /// The same on a folder that such a store has filled before.
    pub(crate) async fn resume(
        kind: Kind,
        server: &Path,
        folder: &Path,
    ) -> anyhow::Result<Option<Self>> {
        let Some(mut store) = Self::launch(kind, server, folder).await? else {
            return Ok(None);
        };
        if kind == Kind::Ours {
            let account = json!({ "email": email(0), "password": PASSWORD });
            let session = store.anyone.post("/api/v1/auth/login", &account).await?;
            (store.writes, store.reads) = store.keys(&session).await?;
        }
        Ok(Some(store))
    }

    async fn launch(kind: Kind, server: &Path, folder: &Path) -> anyhow::Result<Option<Self>> {
        std::fs::create_dir_all(folder)?;
        let port = free_port()?;
        let Some(mut command) = command::of(kind, server, folder, port)? else {
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
            address: (Ipv4Addr::LOCALHOST, port).into(),
            folder: folder.to_owned(),
            program: server.to_owned(),
            child,
            writes: http.clone(),
            reads: http.clone(),
            anyone: http,
        };
        store.wait_ready().await?;
        Ok(Some(store))
    }

    /// Sends until the store takes it: one that is behind asks to wait.
    pub(crate) async fn write(&self, signal: Signal, body: Bytes) -> anyhow::Result<()> {
        self.write_as(&self.writes, signal, body).await
    }

    pub(crate) async fn write_as(
        &self,
        sender: &Http,
        signal: Signal,
        body: Bytes,
    ) -> anyhow::Result<()> {
        sender
            .write(self.kind.write_path(signal), signal, body)
            .await
    }

    /// Sends once what the store is to refuse.
    pub(crate) async fn write_refused(
        &self,
        sender: &Http,
        signal: Signal,
        body: Bytes,
    ) -> anyhow::Result<()> {
        let path = self.kind.write_path(signal);
        let answer = sender.send(path, signal, body).await?;
        let (status, told) = (answer.status(), answer.text().await?);
        ensure!(status == StatusCode::BAD_REQUEST, "{status}: {told}");
        Ok(())
    }

    /// The answer of Prometheus' query API at `what`, as bytes.
    pub(crate) async fn ask(
        &self,
        what: &str,
        query: &[(&str, String)],
    ) -> anyhow::Result<Vec<u8>> {
        let path = format!("{}/{what}", self.kind.prometheus_api());
        let mut query = query.to_vec();
        if self.kind == Kind::VictoriaMetrics {
            query.push(("nocache", "1".to_owned()));
        }
        self.reads.get(&path, &query).await
    }

    /// The answer of the store's own API.
    pub(crate) async fn get(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> anyhow::Result<Vec<u8>> {
        self.reads.get(path, query).await
    }

    /// A single number in PromQL; 0 where there is no sample.
    pub(crate) async fn number(&self, query: &str, time_ms: i64) -> anyhow::Result<f64> {
        Self::number_as(&self.reads, self.kind, query, time_ms).await
    }

    pub(crate) async fn number_as(
        reader: &Http,
        kind: Kind,
        query: &str,
        time_ms: i64,
    ) -> anyhow::Result<f64> {
        let time = format!("{}", time_ms as f64 / 1e3);
        let asked = [("query", query.to_owned()), ("time", time)];
        let path = format!("{}/query", kind.prometheus_api());
        let answer: Value = serde_json::from_slice(&reader.get(&path, &asked).await?)?;
        match answer["data"]["result"][0]["value"][1].as_str() {
            Some(text) => Ok(text.parse()?),
            None => Ok(0.0),
        }
    }

    /// Makes what was taken part of the files, where the store can be told to.
    pub(crate) async fn flush(&self) -> anyhow::Result<()> {
        match self.kind {
            Kind::VictoriaMetrics | Kind::VictoriaLogs => {
                self.anyone.get("/internal/force_flush", &[]).await?;
            }
            Kind::Ours | Kind::Prometheus => {}
        }
        Ok(())
    }

    /// Brings the files into the form that they keep: ours by `compact`, theirs by a
    /// forced merge. Prometheus cannot be told.
    pub(crate) async fn compact(&self) -> anyhow::Result<()> {
        match self.kind {
            Kind::Ours => self.compact_ours().await,
            Kind::VictoriaMetrics => self.merge("vm_active_force_merges").await,
            Kind::VictoriaLogs => self.merge("vl_active_force_merges").await,
            Kind::Prometheus => Ok(()),
        }
    }

    async fn merge(&self, counter: &str) -> anyhow::Result<()> {
        self.anyone.get("/internal/force_merge", &[]).await?;
        let deadline = Instant::now() + SETTLE_LIMIT;
        loop {
            sleep(POLL * 10).await;
            let metrics = String::from_utf8(self.anyone.get("/metrics", &[]).await?)?;
            let line = metrics.lines().find_map(|line| line.strip_prefix(counter));
            if line.is_some_and(|active| active.trim() == "0") {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{} still merges",
                self.kind.name()
            );
        }
    }

    async fn compact_ours(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + SETTLE_LIMIT;
        loop {
            let mut command = Command::new(&self.program);
            command.arg("--data-dir").arg(self.folder.join("data"));
            let ran = command.arg("compact").output().await?;
            let told = String::from_utf8_lossy(&ran.stderr);
            ensure!(ran.status.success(), "compact: {told}");
            // The server's own pass may hold what ours then left alone.
            if self.pending().await? == 0 {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "level 0 is still there");
            sleep(POLL * 10).await;
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        self.child.id().context("the store has ended")
    }

    /// User and system time of all processes on the path, Postgres included.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let mut all = process::cpu_seconds(self.pid()?)?;
        if let Some(postmaster) = self.postmaster() {
            all += process::cpu_seconds_of_family(postmaster)?;
        }
        Ok(all)
    }

    /// Resident memory of the store's own process.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        process::resident_bytes(self.pid()?)
    }

    /// Memory that no other process shares, of all processes on the path; what
    /// Postgres' processes share is counted once.
    pub(crate) fn memory_bytes(&self) -> anyhow::Result<u64> {
        let mut all = process::proportional_bytes(self.pid()?)?;
        if let Some(postmaster) = self.postmaster() {
            all += process::proportional_bytes_of_family(postmaster)?;
        }
        Ok(all)
    }

    fn postmaster(&self) -> Option<u32> {
        let file = self.folder.join("data/postgres/postmaster.pid");
        let text = std::fs::read_to_string(file).ok()?;
        text.lines().next()?.trim().parse().ok()
    }

    async fn wait_ready(&mut self) -> anyhow::Result<()> {
        let path = match self.kind {
            Kind::Ours => "/readyz",
            Kind::VictoriaMetrics | Kind::VictoriaLogs => "/health",
            Kind::Prometheus => "/-/ready",
        };
        let deadline = Instant::now() + START_LIMIT;
        while self.anyone.get(path, &[]).await.is_err() {
            if self.child.try_wait()?.is_some() || Instant::now() > deadline {
                let log = std::fs::read_to_string(self.folder.join("output.log"))?;
                bail!("{} did not start: {log}", self.kind.name());
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    /// A tenant of ours with one key that writes and one that reads. The peers know
    /// no tenants here: there everybody is the same.
    pub(crate) async fn sign_up(&self, number: usize) -> anyhow::Result<(Http, Http)> {
        if self.kind != Kind::Ours {
            return Ok((self.anyone.clone(), self.anyone.clone()));
        }
        let session = self.register(number).await?;
        self.keys(&session).await
    }

    /// The access token of somebody who has a tenant of ours of their own.
    pub(crate) async fn session(&self, number: usize) -> anyhow::Result<String> {
        let session = self.register(number).await?;
        let token = session["access_token"].as_str().context("no token")?;
        Ok(token.to_owned())
    }

    async fn register(&self, number: usize) -> anyhow::Result<Value> {
        let account = json!({
            "email": email(number), "password": PASSWORD,
            "name": "Bench", "tenant_name": format!("Bench {number}"),
        });
        self.anyone.post("/api/v1/auth/register", &account).await
    }

    /// A key that writes and one that reads.
    async fn keys(&self, session: &Value) -> anyhow::Result<(Http, Http)> {
        let token = session["access_token"].as_str().context("no token")?;
        let admin = self.anyone.with_token(token.to_owned());
        let mut keys = Vec::new();
        for scope in ["ingest", "read"] {
            let wanted = json!({ "name": scope, "scopes": [scope] });
            let made = admin.post("/api/v1/api-keys", &wanted).await?;
            let key = made["key"].as_str().context("no key")?;
            keys.push(self.anyone.with_token(key.to_owned()));
        }
        let (reads, writes) = (keys.pop().context("no key")?, keys.pop().context("no key")?);
        let deadline = Instant::now() + START_LIMIT;
        while let Err(error) = reads.get("/api/v1/alerts", &[]).await {
            ensure!(Instant::now() < deadline, "the key is not known: {error}");
            sleep(POLL).await;
        }
        Ok((writes, reads))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let Some(pid) = self.child.id() else { return };
        let pid = i32::try_from(pid).map(Pid::from_raw);
        // Ours stops its Postgres when asked; an error says that it is gone.
        if pid.is_ok_and(|pid| kill(pid, Asked::SIGTERM).is_ok()) {
            for _ in 0..400 {
                if !matches!(self.child.try_wait(), Ok(None)) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

fn email(number: usize) -> String {
    format!("bench{number}@example.com")
}

fn free_port() -> anyhow::Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port())
}
