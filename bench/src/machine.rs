//! The line that says what the figures were measured on.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use schemas::context::Clock;

pub struct Machine {
    processor: String,
    cores: usize,
    memory_gib: f64,
    kernel: String,
    filesystem: String,
    compiler: String,
    commit: String,
    day: String,
    load: String,
}

impl Machine {
    /// Describes this machine, with the file system that `folder` lies on.
    pub fn describe(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            processor: field("/proc/cpuinfo", "model name")?,
            cores: std::thread::available_parallelism()?.get(),
            memory_gib: memory_gib()?,
            kernel: text("/proc/sys/kernel/osrelease")?,
            filesystem: filesystem(folder)?,
            compiler: output("rustc", &["--version"])?,
            commit: commit()?,
            day: Clock::System.now().datetime().format("%F").to_string(),
            load: text("/proc/loadavg")?
                .split(' ')
                .take(3)
                .collect::<Vec<_>>()
                .join(" "),
        })
    }

    pub fn line(&self) -> String {
        format!(
            "Measured on {}: {} ({} cores, {:.0} GiB), Linux {}, {}, {}, commit {}; load averages \
             at the start {}.",
            self.day,
            self.processor,
            self.cores,
            self.memory_gib,
            self.kernel,
            self.filesystem,
            self.compiler,
            self.commit,
            self.load,
        )
    }
}

/// The type of the file system under `folder`; in memory a sync means nothing.
fn filesystem(folder: &Path) -> anyhow::Result<String> {
    let folder = folder.canonicalize()?;
    let mounts = text("/proc/self/mounts")?;
    let mounted = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (at, kind) = (fields.next()?, fields.next()?);
        folder.starts_with(at).then_some((at.len(), kind))
    });
    let (_, kind) = mounted
        .max()
        .context("the folder is on no mounted file system")?;
    if kind == "tmpfs" {
        bail!(
            "{} is in memory, where a sync means nothing: name a folder on a disk with --dir",
            folder.display()
        );
    }
    Ok(kind.to_owned())
}

fn commit() -> anyhow::Result<String> {
    let head = output("git", &["rev-parse", "--short", "HEAD"])?;
    let changed = !output("git", &["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Ok(if changed {
        format!("{head} with changes")
    } else {
        head
    })
}

fn memory_gib() -> anyhow::Result<f64> {
    let total = field("/proc/meminfo", "MemTotal")?;
    let kib: f64 = total.trim_end_matches(" kB").parse().context("MemTotal")?;
    Ok(kib / 1024.0 / 1024.0)
}

fn field(path: &str, name: &str) -> anyhow::Result<String> {
    let text = text(path)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let (_, value) = line
        .and_then(|line| line.split_once(':'))
        .context(format!("no {name} in {path}"))?;
    Ok(value.trim().to_owned())
}

fn text(path: &str) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    Ok(text.trim_end().to_owned())
}

fn output(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let run = Command::new(program).args(arguments).output();
    let run = run.with_context(|| format!("cannot run {program}"))?;
    Ok(String::from_utf8_lossy(&run.stdout).trim().to_owned())
}
