//! A Postgres of our own, from the system's binaries, for when no
//! `DATABASE_URL` is given: data in one folder, a private socket, no network.
//!
//! Postgres refuses to run as root, so a root process hands the folder to an
//! unprivileged account. A postmaster that outlived a killed server is adopted.

mod account;
mod binaries;
mod cluster;
mod lock;

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};

use account::Account;
use binaries::Binaries;
use lock::Holder;

/// The superuser that `initdb` creates.
const SUPERUSER: &str = "sre_copilot";

/// By this variable `pg_ctl` tells Postgres the number of its shell, which is no postmaster,
/// whatever a lock file says. The files are left to Postgres: it takes them only where the
/// memory of the one that was killed is not in use and nobody else has written them anew.
const NOT_A_POSTMASTER: &str = "PG_GRANDPARENT_PID";
/// Beside the socket of [`Plan::url`]'s port.
const SOCKET_LOCK: &str = ".s.PGSQL.5432.lock";

/// Bytes of Postgres' log; as many are kept of before.
const LOG_LIMIT: u64 = 16 << 20;

/// After a crash it first reads its journal, of 2 GB at most. Who gave up on it would have it
/// begin again, where a supervisor ends it with the server.
const START_LIMIT: Duration = Duration::from_secs(600);
/// How often a long start is told.
const TELL_EVERY: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Where a Postgres will run; known before it is started.
#[derive(Debug, Clone)]
pub struct Plan {
    folder: PathBuf,
    data: PathBuf,
    sockets: PathBuf,
    binaries: Binaries,
    account: Account,
    settings: Vec<String>,
    /// The postmaster that this process started, which is no news to find again.
    spawned: Arc<AtomicI32>,
}

/// A running postmaster.
#[derive(Debug)]
pub struct Server {
    pid: Pid,
    plan: Plan,
}

/// What to change from the defaults.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where `postgres` and `initdb` are; None = search the usual places.
    pub binaries: Option<PathBuf>,
    /// More `name=value` settings for the postmaster.
    pub settings: Vec<String>,
}

impl Plan {
    /// Finds programs, account and folders for the cluster under `folder`.
    pub fn new(folder: &Path, options: &Options) -> anyhow::Result<Self> {
        let binaries = Binaries::find(options.binaries.as_deref())?;
        let account = Account::for_postgres()?;
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let folder = folder.canonicalize()?;
        let data = account.reachable(&folder);
        let sockets = socket_folder(&data);
        Ok(Self {
            folder,
            data,
            sockets,
            binaries,
            account,
            settings: options.settings.clone(),
            spawned: Arc::default(),
        })
    }

    /// The address of `database` for sqlx.
    pub fn url(&self, database: &str) -> String {
        let host = self.sockets.display();
        format!("postgres://{SUPERUSER}@localhost:5432/{database}?host={host}")
    }

    /// Starts (or adopts) the cluster, creating it when new.
    pub async fn start(&self) -> anyhow::Result<Server> {
        if !self.data.starts_with(&self.folder) {
            tracing::info!(data = %self.data.display(), "the data folder is out of Postgres' reach");
        }
        cluster::prepare(&self.data, &self.binaries, &self.account).await?;
        make_private(&self.sockets, &self.account)?;
        let pid = match lock::holder(&self.data.join(cluster::PID_FILE), &self.data) {
            Holder::Postmaster(pid) => {
                if self.spawned.load(Ordering::Relaxed) != pid.as_raw() {
                    tracing::info!(pid = pid.as_raw(), "adopted the running Postgres");
                }
                pid
            }
            // Of whom too little can be seen, Postgres judges: it refuses to start.
            Holder::Nobody | Holder::Stranger(_) | Holder::Unknown => self.spawn()?,
        };
        let server = Server {
            pid,
            plan: self.clone(),
        };
        server.wait_ready().await?;
        Ok(server)
    }

    /// Stops what a [`Plan::start`] has begun to start that was dropped before it was ready.
    pub async fn give_up(&self) -> anyhow::Result<()> {
        let pid = match lock::holder(&self.data.join(cluster::PID_FILE), &self.data) {
            Holder::Postmaster(pid) => Some(pid),
            Holder::Nobody | Holder::Stranger(_) | Holder::Unknown => self.without_lock(),
        };
        let Some(pid) = pid else { return Ok(()) };
        let plan = self.clone();
        Server { pid, plan }.stop().await
    }

    /// The postmaster that was spawned last, where it runs and has not written its lock yet.
    fn without_lock(&self) -> Option<Pid> {
        let pid = Pid::from_raw(self.spawned.load(Ordering::Relaxed));
        let is_ours = alive(pid) && lock::was_started_for(pid, &self.data);
        is_ours.then_some(pid)
    }

    /// What Postgres says to nobody else.
    fn log(&self) -> PathBuf {
        self.data.join("postmaster.log")
    }

    fn spawn(&self) -> anyhow::Result<Pid> {
        let log = self.log();
        // A long one is no reason not to start.
        cluster::bound_log(&log, LOG_LIMIT).ok();
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&log)?;
        let mut command = self.account.command(&self.binaries.postgres());
        command
            .arg("-D")
            .arg(&self.data)
            .arg("-k")
            .arg(&self.sockets);
        let given = self.settings.iter().map(String::as_str);
        for setting in SETTINGS.into_iter().chain(given) {
            command.arg("-c").arg(setting);
        }
        // Its own process group: Ctrl-C goes to the server, which then stops Postgres.
        command
            .process_group(0)
            .current_dir("/")
            .stdin(Stdio::null());
        command.stdout(log.try_clone()?).stderr(log);
        if let Some(pid) = self.stranger() {
            let pid = pid.as_raw();
            tracing::info!(
                pid,
                "a lock file that Postgres left behind names another process, or one that has ended"
            );
            command.env(NOT_A_POSTMASTER, pid.to_string());
        }
        let child = command.spawn().context("cannot start postgres")?;
        let pid = child.id().context("postgres ended at once")?;
        // The postmaster is watched by its pid file; dropping the handle leaves it
        // running, and tokio reaps it in the background.
        drop(child);
        let pid = i32::try_from(pid)?;
        self.spawned.store(pid, Ordering::Relaxed);
        Ok(Pid::from_raw(pid))
    }

    /// Who has the number in the lock files that a killed postmaster left behind. It wrote
    /// one number into both; who removes the first by hand leaves the second.
    fn stranger(&self) -> Option<Pid> {
        let files = [
            self.data.join(cluster::PID_FILE),
            self.sockets.join(SOCKET_LOCK),
        ];
        files
            .iter()
            .find_map(|file| match lock::holder(file, &self.data) {
                Holder::Stranger(pid) => Some(pid),
                Holder::Nobody | Holder::Postmaster(_) | Holder::Unknown => None,
            })
    }
}

impl Server {
    /// Plans and starts in one step.
    pub async fn start(folder: &Path, options: &Options) -> anyhow::Result<Self> {
        Plan::new(folder, options)?.start().await
    }

    /// The address of `database` for sqlx.
    pub fn url(&self, database: &str) -> String {
        self.plan.url(database)
    }

    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    pub fn is_running(&self) -> bool {
        alive(self.pid)
    }

    /// To be called now and then: Postgres writes its log for ever.
    pub fn bound_log(&self) -> std::io::Result<()> {
        cluster::bound_log(&self.plan.log(), LOG_LIMIT)
    }

    /// A client program of this Postgres' version, for instance `pg_dump`.
    pub fn client(&self, name: &str) -> tokio::process::Command {
        let mut command = self.plan.account.command(&self.plan.binaries.client(name));
        command.current_dir("/");
        command
    }

    /// Creates a database unless it exists.
    pub async fn create_database(&self, name: &str) -> anyhow::Result<()> {
        let list = format!("SELECT 1 FROM pg_database WHERE datname = '{name}'");
        if self.psql(&["-tAc", &list]).await?.trim() != "1" {
            self.psql(&["-c", &format!("CREATE DATABASE \"{name}\"")])
                .await?;
        }
        Ok(())
    }

    /// Fast shutdown: sessions end, everything is written.
    pub async fn stop(self) -> anyhow::Result<()> {
        kill(self.pid, Signal::SIGINT).context("cannot signal Postgres")?;
        let deadline = Instant::now() + STOP_LIMIT;
        while alive(self.pid) {
            ensure!(
                Instant::now() < deadline,
                "Postgres did not stop within {STOP_LIMIT:?}"
            );
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn wait_ready(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut told = begun;
        while !cluster::ready(&self.plan.data, self.pid) {
            if told.elapsed() > TELL_EVERY {
                told = Instant::now();
                let waited_s = begun.elapsed().as_secs();
                tracing::warn!(
                    waited_s,
                    "Postgres is starting; after a crash it takes long"
                );
            }
            if !alive(self.pid) || begun.elapsed() > START_LIMIT {
                let log = cluster::last_lines(&self.plan.log());
                bail!("Postgres did not start; its log ends with:\n{log}");
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn psql(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = self.client("psql");
        command.args([
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            SUPERUSER,
            "-d",
            "postgres",
            "-h",
        ]);
        command.arg(&self.plan.sockets).args(arguments);
        let output = command.output().await.context("cannot run psql")?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "psql: {}", errors.trim());
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

const SETTINGS: [&str; 9] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "max_connections=80",
    "shared_buffers=64MB",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_min_messages=warning",
    "max_wal_size=2GB",
    "wal_compression=on",
];

/// A short folder for the socket: paths over 107 bytes are refused by the kernel.
fn socket_folder(data: &Path) -> PathBuf {
    let name = xxhash_rust::xxh3::xxh3_64(data.as_os_str().as_encoded_bytes());
    std::env::temp_dir().join(format!("srec-{name:016x}"))
}

/// Creates `folder` for `account` alone; one that somebody else made is refused.
fn make_private(folder: &Path, account: &Account) -> anyhow::Result<()> {
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => account.give(folder),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            let found = std::fs::symlink_metadata(folder)?;
            let ours = found.is_dir() && found.uid() == account.uid();
            ensure!(
                ours,
                "{} exists and is not ours: remove it",
                folder.display()
            );
            Ok(())
        }
        Err(e) => Err(e).with_context(|| format!("cannot create {}", folder.display())),
    }
}

/// Running, and not a zombie that nobody has reaped yet.
fn alive(pid: Pid) -> bool {
    // What cannot be read says nothing: this process may have too many files open.
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return kill(pid, None) != Err(Errno::ESRCH);
    };
    !status
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .trim_start()
        .starts_with('Z')
}
