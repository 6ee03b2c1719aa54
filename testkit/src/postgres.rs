//! One Postgres cluster a test process, one database a test.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use pgserver::{Options, Server};
use tokio::sync::OnceCell;

/// A fresh, empty database.
#[derive(Debug, Clone)]
pub struct TestDb {
    pub url: String,
    /// The postmaster, for tests that stop it.
    pub postmaster: i32,
}

struct Cluster {
    server: Server,
    _guard: Child,
}

static CLUSTER: OnceCell<Option<Cluster>> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A new database, or None (after saying so) where Postgres is not installed.
pub async fn postgres() -> Option<TestDb> {
    let cluster = CLUSTER.get_or_init(start).await.as_ref()?;
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::SeqCst));
    cluster
        .server
        .create_database(&name)
        .await
        .expect("a new cluster creates databases");
    Some(TestDb {
        url: cluster.server.url(&name),
        postmaster: cluster.server.pid(),
    })
}

async fn start() -> Option<Cluster> {
    match try_start().await {
        Ok(cluster) => Some(cluster),
        Err(why) => {
            let test = std::thread::current()
                .name()
                .unwrap_or("postgres")
                .to_owned();
            crate::skipped(&test, &format!("no Postgres: {why:#}"));
            None
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by make where the peers are"
)]
async fn try_start() -> anyhow::Result<Cluster> {
    let folder = tempfile::Builder::new().prefix("srec-test-").tempdir()?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    let options = Options {
        binaries: std::env::var("SRE_COPILOT_TEST_PG_BIN")
            .ok()
            .map(Into::into),
        // These tests are about rows; durability tests start the real server.
        settings: vec!["fsync=off".to_owned(), "max_connections=200".to_owned()],
    };
    let folder = folder.keep();
    let server = Server::start(&folder, &options).await?;
    let guard = guard(server.pid(), &folder).context("cannot start the guard")?;
    Ok(Cluster {
        server,
        _guard: guard,
    })
}

/// Test processes have no exit hook: a shell that waits for the end of its input
/// stops Postgres when this process is gone, however it went.
fn guard(postmaster: i32, folder: &std::path::Path) -> std::io::Result<Child> {
    let script = r#"read -r pid; read -r folder; cat; kill -INT "$pid"
        while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done; rm -rf "$folder""#;
    let mut child = Command::new("sh")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(input) = child.stdin.as_mut() {
        writeln!(input, "{postmaster}\n{}", folder.display())?;
    }
    Ok(child)
}
