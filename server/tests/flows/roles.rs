//! The same program as one process for each role, with Kafka and Redis between.

use std::collections::BTreeMap;
use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use testkit::{Peer, eventually, free_port, kafka, peer};

use crate::client::{Client, http};
use crate::database::{Database, reachable_folder};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sre-copilot");

pub(crate) const ROLES: [&str; 5] = ["gateway", "ingest", "commands", "projections", "workers"];

pub(crate) struct Roles {
    folder: TempDir,
    database: Database,
    redis: Redis,
    variables: Vec<(String, String)>,
    ports: BTreeMap<&'static str, u16>,
    running: BTreeMap<&'static str, Child>,
}

impl Roles {
    /// Everything started and ready; None, after saying so, where a peer is missing.
    pub(crate) async fn start(test: &str) -> Option<Self> {
        let database = Database::start(test).await?;
        let mut roles = Self::on(test, database, &[]).await?;
        for role in ROLES {
            roles.restart(role).await;
        }
        Some(roles)
    }

    /// Nothing started yet; `more` variables overrule.
    pub(crate) async fn on(
        test: &str,
        database: Database,
        more: &[(&str, String)],
    ) -> Option<Self> {
        let redis = Redis::start(peer(test, Peer::RedisServer)?);
        let place = kafka().await?;
        let folder = reachable_folder();
        // Roles on several machines would be given the same key file.
        let key_file = folder.path().join("master.key");
        std::fs::write(&key_file, "7".repeat(64)).unwrap();
        let mut variables = BTreeMap::from([
            ("DATABASE_URL", database.url().to_owned()),
            ("KAFKA_BROKERS", place.brokers),
            ("REDIS_URL", redis.url()),
            ("SRE_COPILOT_KAFKA_PREFIX", place.prefix),
            ("SRE_COPILOT_KAFKA_REPLICATION", "1".to_owned()),
            (
                "SRE_COPILOT_MASTER_KEY_FILE",
                key_file.display().to_string(),
            ),
        ]);
        variables.extend(more.iter().map(|(name, value)| (*name, value.clone())));
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Some(Self {
            folder,
            database,
            redis,
            variables: variables.collect(),
            ports: ROLES.map(|role| (role, free_port())).into(),
            running: BTreeMap::new(),
        })
    }

    /// One more of a role, `gateway-2` for instance.
    pub(crate) async fn another(&mut self, name: &'static str) {
        self.ports.insert(name, free_port());
        self.restart(name).await;
    }

    pub(crate) fn base(&self, role: &str) -> String {
        format!("http://127.0.0.1:{}", self.ports[role])
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// The data folder of a role, through which tools speak to it.
    pub(crate) fn data(&self, role: &str) -> std::path::PathBuf {
        self.folder.path().join(role)
    }

    pub(crate) fn websocket(&self) -> String {
        format!("ws://127.0.0.1:{}/ws", self.ports["gateway"])
    }

    pub(crate) async fn register(&self) -> Client {
        Client::register(self.base("gateway")).await
    }

    /// The variables that every process gets, for tools beside them.
    pub(crate) fn variables(&self) -> Vec<(&str, &str)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    pub(crate) fn kill(&mut self, role: &str) {
        if let Some(mut process) = self.running.remove(role) {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts a role that is not running; the time until it was ready.
    pub(crate) async fn restart(&mut self, role: &'static str) -> Duration {
        let started = Instant::now();
        let process = self.spawn(role);
        self.running.insert(role, process);
        let url = format!("{}/readyz", self.base(role));
        let http = http();
        eventually(&format!("{role} is ready"), || {
            let ended = self.running.get_mut(role).unwrap().try_wait().unwrap();
            assert!(
                ended.is_none(),
                "{role} ended: {ended:?}\n{}",
                self.output(role)
            );
            let answer = http.get(&url).send();
            async move { answer.await.ok()?.status().is_success().then_some(()) }
        })
        .await;
        started.elapsed()
    }

    pub(crate) fn kill_redis(&mut self) {
        self.redis.kill();
    }

    pub(crate) fn resume_redis(&mut self) {
        self.redis.resume();
    }

    fn spawn(&self, name: &str) -> Child {
        let log = self.folder.path().join(format!("{name}.log"));
        let (role, instance) = match name.split_once('-') {
            Some((role, _)) => (role, name.to_owned()),
            None => (name, format!("{name}-1")),
        };
        let log = File::options().create(true).append(true).open(log).unwrap();
        Command::new(PROGRAM)
            .arg(role)
            .current_dir(self.folder.path())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("SRE_COPILOT_DATA_DIR", self.data(name))
            .env("SRE_COPILOT_INSTANCE", instance)
            .env(
                "SRE_COPILOT_HTTP_ADDR",
                format!("127.0.0.1:{}", self.ports[name]),
            )
            .env("SRE_COPILOT_WS_ADDR", "127.0.0.1:0")
            .env("SRE_COPILOT_OTLP_GRPC_ADDR", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    fn output(&self, role: &str) -> String {
        let text = std::fs::read_to_string(self.folder.path().join(format!("{role}.log")));
        let text = text.unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Roles {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for role in ROLES {
                eprintln!("last lines of {role}:\n{}", self.output(role));
            }
        }
        for mut process in std::mem::take(&mut self.running).into_values() {
            process.kill().ok();
            process.wait().ok();
        }
        self.redis.kill();
    }
}

/// A Redis that a test may kill.
struct Redis {
    program: std::path::PathBuf,
    port: u16,
    process: Option<Child>,
}

impl Redis {
    fn start(program: std::path::PathBuf) -> Self {
        let mut redis = Self {
            program,
            port: free_port(),
            process: None,
        };
        redis.resume();
        redis
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn resume(&mut self) {
        let process = Command::new(&self.program)
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.process = Some(process.unwrap());
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().ok();
            process.wait().ok();
        }
    }
}
