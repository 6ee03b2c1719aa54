//! A Postgres that a test may stop and start again, with fsync as in production.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pgserver::{Options, Server};
use tempfile::TempDir;

pub(crate) struct Database {
    folder: TempDir,
    server: Option<Server>,
    url: String,
}

impl Database {
    /// None, after saying so, where Postgres is not installed.
    pub(crate) async fn start(test: &str) -> Option<Self> {
        let folder = reachable_folder();
        let server = match Server::start(folder.path(), &options()).await {
            Ok(server) => server,
            Err(error) => {
                testkit::skipped(test, &format!("no Postgres: {error:#}"));
                return None;
            }
        };
        server.create_database("platform").await.unwrap();
        let url = server.url("platform");
        Some(Self {
            folder,
            server: Some(server),
            url,
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Everything in the database as `pg_dump` writes it.
    pub(crate) async fn dump(&self) -> Vec<u8> {
        let server = self.server.as_ref().expect("the database runs");
        let mut command = server.client("pg_dump");
        let output = command
            .arg("--dbname")
            .arg(&self.url)
            .output()
            .await
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    pub(crate) async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await.unwrap();
        }
    }

    /// Starts it again where it was.
    pub(crate) async fn resume(&mut self) {
        let server = Server::start(self.folder.path(), &options()).await.unwrap();
        assert_eq!(server.url("platform"), self.url);
        self.server = Some(server);
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            end_postgres(server.pid());
        }
    }
}

/// Ends the postmaster that serves a cluster below `folder`, if one does.
pub(crate) fn end_postgres_below(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.path().is_dir()) {
        let file = std::fs::read_to_string(entry.path().join("postmaster.pid"));
        if let Some(pid) = file
            .ok()
            .and_then(|text| text.lines().next()?.trim().parse().ok())
        {
            end_postgres(pid);
        }
    }
}

/// A folder on disk that the account of Postgres can enter.
pub(crate) fn reachable_folder() -> TempDir {
    reachable_folder_in(&std::env::temp_dir())
}

pub(crate) fn reachable_folder_in(parent: &Path) -> TempDir {
    let folder = tempfile::Builder::new()
        .prefix("srec-flow-")
        .tempdir_in(parent)
        .unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    folder
}

fn end_postgres(pid: i32) {
    // An error says that it is gone already.
    kill(Pid::from_raw(pid), Signal::SIGINT).ok();
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by make where the peers are"
)]
fn options() -> Options {
    let binaries = std::env::var("SRE_COPILOT_TEST_PG_BIN")
        .ok()
        .map(Into::into);
    Options {
        binaries,
        settings: Vec::new(),
    }
}
