//! The built program as a process of its own.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::StatusCode;
use tempfile::TempDir;
use testkit::eventually;
use tokio::sync::{Mutex, MutexGuard};

use crate::client::Client;
use crate::database::{end_postgres_below, reachable_folder};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sre-copilot");
const LOG: &str = "platform.log";
const STOP_LIMIT: Duration = Duration::from_secs(20);

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

pub(crate) struct Platform {
    folder: TempDir,
    /// None: the program starts a Postgres of its own.
    database_url: Option<String>,
    /// Whom the process runs as, if not as the test.
    account: Option<(u32, u32)>,
    program: PathBuf,
    /// A library that the program is started with.
    preload: Option<PathBuf>,
    /// Settings besides those that every platform here has.
    variables: Vec<(&'static str, String)>,
    process: Option<Child>,
    port: u16,
    /// None for a second platform beside the one that holds it.
    _alone: Option<MutexGuard<'static, ()>>,
}

impl Platform {
    /// Starts on an empty data folder and waits until it is ready.
    pub(crate) async fn start(database_url: Option<String>) -> Self {
        let alone = ONE_AT_A_TIME.lock().await;
        let mut platform = Self::new(database_url, Some(alone));
        platform.begin().await;
        platform
    }

    /// As another account, with a copy of the program that it can reach and a
    /// Postgres of its own.
    pub(crate) async fn start_as(uid: u32, gid: u32) -> Self {
        let alone = ONE_AT_A_TIME.lock().await;
        let mut platform = Self::new(None, Some(alone));
        platform.account = Some((uid, gid));
        platform.program = platform.folder().join("sre-copilot");
        // By another process: a child that a neighbour starts meanwhile would hold our own
        // copy open for writing, and what is open so cannot be run.
        let copied = Command::new("cp")
            .arg(PROGRAM)
            .arg(&platform.program)
            .status();
        assert!(copied.unwrap().success());
        std::os::unix::fs::chown(platform.folder(), Some(uid), Some(gid)).unwrap();
        platform.begin().await;
        platform
    }

    /// With more settings, and a Postgres of its own.
    pub(crate) async fn start_with(variables: &[(&'static str, &str)]) -> Self {
        Self::start_on(None, variables).await
    }

    /// With more settings.
    pub(crate) async fn start_on(
        database_url: Option<String>,
        variables: &[(&'static str, &str)],
    ) -> Self {
        let alone = ONE_AT_A_TIME.lock().await;
        let mut platform = Self::new(database_url, Some(alone));
        let owned = variables
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        platform.variables = owned.collect();
        platform.begin().await;
        platform
    }

    /// With everything it keeps, its own Postgres included, in `folder`. A library that
    /// lets syncs do nothing loses only what is in the page cache.
    pub(crate) async fn start_in(folder: TempDir, preload: Option<PathBuf>) -> Self {
        let alone = ONE_AT_A_TIME.lock().await;
        let mut platform = Self::on(folder, None, Some(alone));
        let page_cache = preload.is_some().to_string();
        platform.variables = vec![("SRE_COPILOT_LOG_PAGE_CACHE", page_cache)];
        platform.preload = preload;
        platform.begin().await;
        platform
    }

    /// A second platform on a folder of its own, not started yet.
    pub(crate) fn elsewhere(&self, database_url: &str) -> Self {
        Self::new(Some(database_url.to_owned()), None)
    }

    /// Starts the process and waits until it is ready.
    pub(crate) async fn begin(&mut self) {
        self.spawn();
        self.port = self.wait_for_port().await;
        self.wait_until_ready().await;
    }

    fn new(database_url: Option<String>, alone: Option<MutexGuard<'static, ()>>) -> Self {
        Self::on(reachable_folder(), database_url, alone)
    }

    fn on(
        folder: TempDir,
        database_url: Option<String>,
        alone: Option<MutexGuard<'static, ()>>,
    ) -> Self {
        Self {
            folder,
            database_url,
            account: None,
            program: PROGRAM.into(),
            preload: None,
            variables: Vec::new(),
            process: None,
            port: 0,
            _alone: alone,
        }
    }

    /// With a fresh database of the shared test cluster; None, after saying so,
    /// where there is no Postgres.
    pub(crate) async fn start_on_shared_postgres() -> Option<Self> {
        let database = testkit::postgres().await?;
        Some(Self::start(Some(database.url)).await)
    }

    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn websocket(&self) -> String {
        format!("ws://127.0.0.1:{}/ws", self.port)
    }

    /// The port that this run has for `name`, as it says in `ports.json`.
    pub(crate) fn port(&self, name: &str) -> u16 {
        let text = std::fs::read(self.folder.path().join("data/ports.json")).unwrap();
        let ports: serde_json::Value = serde_json::from_slice(&text).unwrap();
        u16::try_from(ports[name].as_u64().unwrap()).unwrap()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) async fn register(&self) -> Client {
        Client::register(self.base()).await
    }

    /// Memory of the process that is not a file's; that of its Postgres is not in it.
    pub(crate) fn resident_bytes(&self) -> usize {
        let process = self.process.as_ref().expect("the platform runs");
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
        kilobytes.parse::<usize>().unwrap() * 1_024
    }

    /// SIGKILL, as the kernel's memory killer would.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().expect("the platform runs");
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Starts again on the same folder and port; the time until it was ready.
    pub(crate) async fn restart(&mut self) -> Duration {
        let started = Instant::now();
        self.spawn();
        self.wait_until_ready().await;
        started.elapsed()
    }

    /// The same where Postgres is away: it is alive and takes what agents send.
    pub(crate) async fn restart_without_reads(&mut self) {
        self.spawn();
        let http = crate::client::http();
        let url = format!("{}/api/v1/ingest/logs", self.base());
        eventually("the platform knows its keys", || {
            self.check_running();
            let answer = http.post(&url).bearer_auth("srec_unknown").send();
            async move { (answer.await.ok()?.status() == StatusCode::UNAUTHORIZED).then_some(()) }
        })
        .await;
    }

    fn spawn(&mut self) {
        std::fs::remove_file(self.folder.path().join("data/ports.json")).ok();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join(LOG));
        let log = log.unwrap();
        let mut command = Command::new(&self.program);
        command
            .current_dir(self.folder.path())
            .env_remove("DATABASE_URL")
            .env_remove("KAFKA_BROKERS")
            .env_remove("REDIS_URL")
            .env("SRE_COPILOT_DATA_DIR", self.folder.path().join("data"))
            .env("SRE_COPILOT_HTTP_ADDR", format!("127.0.0.1:{}", self.port))
            .env("SRE_COPILOT_WS_ADDR", "127.0.0.1:0")
            .env("SRE_COPILOT_OTLP_GRPC_ADDR", "127.0.0.1:0")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("SRE_COPILOT_SYSLOG_ADDR", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        if let Some(url) = &self.database_url {
            command.env("DATABASE_URL", url);
        }
        if let Some(library) = &self.preload {
            command.env("LD_PRELOAD", library);
        }
        if let Some((uid, gid)) = self.account {
            command.uid(uid).gid(gid);
        }
        self.process = Some(command.spawn().unwrap());
    }

    async fn wait_for_port(&mut self) -> u16 {
        let file = self.folder.path().join("data/ports.json");
        eventually("the platform writes its ports", || {
            self.check_running();
            let ports = std::fs::read(&file).ok();
            let ports: Option<serde_json::Value> =
                ports.and_then(|text| serde_json::from_slice(&text).ok());
            let port = ports.and_then(|ports| u16::try_from(ports["http"].as_u64()?).ok());
            async move { port }
        })
        .await
    }

    async fn wait_until_ready(&mut self) {
        let http = crate::client::http();
        let url = format!("{}/readyz", self.base());
        eventually("the platform is ready", || {
            self.check_running();
            let answer = http.get(&url).send();
            async move { answer.await.ok()?.status().is_success().then_some(()) }
        })
        .await;
    }

    fn check_running(&mut self) {
        let process = self.process.as_mut().expect("the platform was started");
        if let Some(status) = process.try_wait().unwrap() {
            panic!("the platform ended: {status}");
        }
    }

    /// Everything that it has logged.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join(LOG)).unwrap()
    }

    /// Asks it to end, which takes its own Postgres along.
    pub(crate) fn end(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        let pid = Pid::from_raw(i32::try_from(process.id()).unwrap());
        kill(pid, Signal::SIGTERM).ok();
        let asked = Instant::now();
        while process.try_wait().unwrap().is_none() {
            if asked.elapsed() > STOP_LIMIT {
                eprintln!("the platform did not end within {STOP_LIMIT:?} of SIGTERM");
                process.kill().ok();
                process.wait().ok();
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            eprintln!("the platform's last lines:");
            lines
                .iter()
                .skip(lines.len().saturating_sub(60))
                .for_each(|line| eprintln!("{line}"));
        }
        self.end();
        end_postgres_below(&self.folder.path().join("data"));
    }
}
