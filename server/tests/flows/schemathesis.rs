//! schemathesis asks what a description of an API allows, and what it does not.

mod own_api;
mod prometheus;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// One run of the program, in a folder of its own, so that nothing is remembered.
pub(crate) struct Run {
    folder: TempDir,
    command: Command,
}

impl Run {
    /// Of `description`, a file or a URL, against `url`.
    pub(crate) fn new(
        program: &Path,
        configuration: &str,
        description: impl AsRef<Path>,
        url: &str,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("schemathesis.toml");
        std::fs::write(&file, configuration).unwrap();
        let mut command = Command::new(program);
        command
            .current_dir(folder.path())
            .arg("--config-file")
            .arg(&file)
            .arg("run")
            .arg(description.as_ref())
            .args(["--url", url, "--phases", "examples,coverage,fuzzing"])
            // Python's own parser, which it uses, can fail in two threads at once.
            .args(["--generation-deterministic", "--no-color", "--workers", "1"])
            .args(["--continue-on-failure", "--warnings", "off"]);
        Self { folder, command }
    }

    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn with_hooks(mut self, python: &str) -> Self {
        std::fs::write(self.folder.path().join("hooks.py"), python).unwrap();
        self.command
            .env("SCHEMATHESIS_HOOKS", "hooks")
            .env("PYTHONPATH", self.folder.path());
        self
    }

    /// How many cases it made, in its words; panics with what it found.
    pub(crate) async fn finds_nothing(self, who: &str) -> String {
        let Self {
            folder,
            mut command,
        } = self;
        let ran = tokio::task::spawn_blocking(move || command.output().unwrap());
        let Output {
            status,
            stdout,
            stderr,
        } = ran.await.unwrap();
        let (told, errors) = (
            String::from_utf8_lossy(&stdout),
            String::from_utf8_lossy(&stderr),
        );
        assert!(status.success(), "as {who}: {told}\n{errors}");
        drop(folder);
        let cases = told.lines().find(|line| line.contains("generated"));
        cases.unwrap_or_default().trim().to_owned()
    }
}

/// Where the published descriptions are.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told of their environment"
)]
pub(crate) fn published(file: &str) -> Option<PathBuf> {
    let file = PathBuf::from(std::env::var("CONFORMANCE_DIR").ok()?).join(file);
    file.exists().then_some(file)
}
