//! Prometheus and Alertmanager as a team runs them, only faster.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use testkit::{Peer, eventually, free_port, peer};

/// Where the programs are.
pub(crate) struct Programs {
    prometheus: PathBuf,
    alertmanager: PathBuf,
}

impl Programs {
    /// None, after saying so, where one is missing.
    pub(crate) fn find(test: &str) -> Option<Self> {
        Some(Self {
            prometheus: peer(test, Peer::Prometheus)?,
            alertmanager: peer(test, Peer::Alertmanager)?,
        })
    }
}

impl Programs {
    pub(crate) fn prometheus(&self) -> PathBuf {
        self.prometheus.clone()
    }
}

/// How Alertmanager shows its key.
pub(crate) enum Credential<'a> {
    Bearer(&'a str),
    BasicPassword(&'a str),
}

impl Credential<'_> {
    fn yaml(&self) -> String {
        match self {
            Self::Bearer(key) => format!("authorization: {{credentials: {key}}}"),
            Self::BasicPassword(key) => {
                format!("basic_auth: {{username: alertmanager, password: {key}}}")
            }
        }
    }
}

pub(crate) struct Alertmanager {
    program: PathBuf,
    folder: TempDir,
    pub(crate) port: u16,
    process: Option<Process>,
}

impl Alertmanager {
    pub(crate) async fn start(programs: &Programs, base: &str, credential: Credential<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "route:\n  receiver: sre-copilot\n  group_by: [alertname]\n  group_wait: 0s\n  \
             group_interval: 1s\n  repeat_interval: 1h\nreceivers:\n- name: sre-copilot\n  \
             webhook_configs:\n  - url: {base}/api/v1/webhooks/alertmanager\n    \
             send_resolved: true\n    http_config: {{{}}}\n",
            credential.yaml()
        );
        std::fs::write(folder.path().join("alertmanager.yml"), config).unwrap();
        let mut alertmanager = Self {
            program: programs.alertmanager.clone(),
            folder,
            port: free_port(),
            process: None,
        };
        alertmanager.resume().await;
        alertmanager
    }

    /// Ends it, and forgets what it had notified if `wipe`.
    pub(crate) fn stop(&mut self, wipe: bool) {
        self.process = None;
        if wipe {
            std::fs::remove_dir_all(self.folder.path().join("data")).unwrap();
        }
    }

    pub(crate) async fn resume(&mut self) {
        let folder = self.folder.path();
        let mut command = Command::new(&self.program);
        command
            .arg(flag("config.file", folder.join("alertmanager.yml")))
            .arg(flag("storage.path", folder.join("data")))
            .arg(format!("--web.listen-address=127.0.0.1:{}", self.port))
            .arg("--cluster.listen-address=");
        self.process = Some(Process::start(command, folder, "alertmanager", self.port).await);
    }

    /// Notifications that the platform took, since this process started.
    pub(crate) async fn notified(&self) -> u64 {
        let counters = metrics(self.port).await;
        let value = |name: &str| {
            let line = counters.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
                .unwrap_or(0.0)
        };
        let sent = value("alertmanager_notifications_total{integration=\"webhook\"");
        let failed = value("alertmanager_notifications_failed_total{integration=\"webhook\"");
        (sent - failed) as u64
    }
}

pub(crate) struct Prometheus {
    folder: TempDir,
    pub(crate) port: u16,
    _process: Process,
}

impl Prometheus {
    /// Watches the shops and tells every Alertmanager of those that fail.
    pub(crate) async fn start(programs: &Programs, shops: u16, alertmanagers: &[u16]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let told: Vec<_> = alertmanagers
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        let config = format!(
            "global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}}\n\
             rule_files: [rules.yml]\n\
             scrape_configs: [{{job_name: shops, static_configs: [{{targets: ['127.0.0.1:{shops}']}}]}}]\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: [{}]}}]}}]}}\n",
            told.join(", ")
        );
        let rules = "groups: [{name: shops, rules: [{alert: CheckoutFailing, \
                     expr: checkout_failing == 1, labels: {severity: critical}, \
                     annotations: {summary: Checkout fails}}]}]\n";
        std::fs::write(folder.path().join("rules.yml"), rules).unwrap();
        Self::run(&programs.prometheus, folder, free_port(), &config).await
    }

    /// Scrapes itself and `targets`, and writes everything to the platform at `base`.
    pub(crate) async fn start_writing(
        program: &Path,
        base: &str,
        key: &str,
        targets: &[u16],
    ) -> Self {
        let port = free_port();
        let scraped: Vec<_> = targets
            .iter()
            .chain([&port])
            .map(|port| format!("'127.0.0.1:{port}'"))
            .collect();
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
             scrape_configs: [{{job_name: machines, static_configs: [{{targets: [{}]}}]}}]\n\
             remote_write: [{{url: '{base}/api/v1/write', authorization: {{credentials: {key}}}, \
             queue_config: {{batch_send_deadline: 200ms, max_shards: 1}}}}]\n",
            scraped.join(", ")
        );
        Self::run(program, tempfile::tempdir().unwrap(), port, &config).await
    }

    async fn run(program: &Path, folder: TempDir, port: u16, config: &str) -> Self {
        std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        let mut command = Command::new(program);
        command
            .arg(flag("config.file", folder.path().join("prometheus.yml")))
            .arg(flag("storage.tsdb.path", folder.path().join("data")))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            // A restarted Alertmanager learns within a second what still fires.
            .arg("--rules.alert.resend-delay=1s");
        let process = Process::start(command, folder.path(), "prometheus", port).await;
        Self {
            folder,
            port,
            _process: process,
        }
    }

    /// Asks everybody for the name `sre-copilot` and the password of `hash` (bcrypt).
    pub(crate) async fn start_guarded(program: &Path, hash: &str, port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let guard = folder.path().join("web.yml");
        std::fs::write(
            &guard,
            format!("basic_auth_users: {{sre-copilot: '{hash}'}}\n"),
        )
        .unwrap();
        std::fs::write(folder.path().join("prometheus.yml"), "").unwrap();
        let mut command = Command::new(program);
        command
            .arg(flag("config.file", folder.path().join("prometheus.yml")))
            .arg(flag("storage.tsdb.path", folder.path().join("data")))
            .arg(flag("web.config.file", guard))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let process = Process::start_guarded(command, folder.path(), "prometheus", port).await;
        Self {
            folder,
            port,
            _process: process,
        }
    }

    /// The value of one of its own counters.
    pub(crate) async fn counter(&self, name: &str) -> f64 {
        let counters = metrics(self.port).await;
        let lines = counters.lines().filter(|line| line.starts_with(name));
        let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values.sum()
    }

    /// What it has written to its log.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("prometheus.log")).unwrap_or_default()
    }
}

/// The machine's own figures.
pub(crate) struct NodeExporter {
    pub(crate) port: u16,
    _folder: TempDir,
    _process: Process,
}

impl NodeExporter {
    pub(crate) async fn start(program: &Path) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let mut command = Command::new(program);
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let process = Process::start_at(command, folder.path(), "node-exporter", port, "/").await;
        Self {
            port,
            _folder: folder,
            _process: process,
        }
    }
}

fn flag(name: &str, path: PathBuf) -> String {
    format!("--{name}={}", path.display())
}

async fn metrics(port: u16) -> String {
    let url = format!("http://127.0.0.1:{port}/metrics");
    crate::client::http()
        .get(url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap()
}

/// A process that ends with its owner.
struct Process(Child);

impl Process {
    async fn start(command: Command, folder: &Path, name: &str, port: u16) -> Self {
        Self::start_at(command, folder, name, port, "/-/ready").await
    }

    /// Ready when it refuses whoever shows no password.
    async fn start_guarded(command: Command, folder: &Path, name: &str, port: u16) -> Self {
        Self::start_until(command, folder, name, port, "/-/ready", |status| {
            status == 401
        })
        .await
    }

    /// Ready when it answers at `probe`.
    async fn start_at(command: Command, folder: &Path, name: &str, port: u16, probe: &str) -> Self {
        Self::start_until(command, folder, name, port, probe, |status| {
            status.is_success()
        })
        .await
    }

    async fn start_until(
        mut command: Command,
        folder: &Path,
        name: &str,
        port: u16,
        probe: &str,
        ready: impl Fn(reqwest::StatusCode) -> bool + Copy,
    ) -> Self {
        let path = folder.join(format!("{name}.log"));
        let log = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .unwrap();
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let mut process = Self(command.spawn().unwrap());
        let http = crate::client::http();
        eventually(&format!("{name} is ready"), || {
            if let Some(status) = process.0.try_wait().unwrap() {
                let log = std::fs::read_to_string(&path).unwrap_or_default();
                panic!("{name} ended with {status}:\n{log}");
            }
            let answer = http.get(format!("http://127.0.0.1:{port}{probe}")).send();
            async move { ready(answer.await.ok()?.status()).then_some(()) }
        })
        .await;
        process
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
