//! The registry of comparisons.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use futures::future::LocalBoxFuture;

use crate::report::Section;
use crate::{append, command_rate, edge, fanout, flood, idle_memory, logs, metrics, replay, spans};

/// Something of ours beside what it is measured against.
pub struct Comparison {
    /// What `cargo run -p bench -- NAME` takes.
    pub name: &'static str,
    pub run: for<'a> fn(&'a Place) -> LocalBoxFuture<'a, anyhow::Result<Section>>,
}

/// Every comparison, in the order of the page.
pub fn all() -> Vec<Comparison> {
    vec![
        Comparison {
            name: "append",
            run: |place| Box::pin(append::compare(place)),
        },
        Comparison {
            name: "commands",
            run: |place| Box::pin(command_rate::compare(place)),
        },
        Comparison {
            name: "replay",
            run: |place| Box::pin(replay::compare(place)),
        },
        Comparison {
            name: "fanout",
            run: |place| Box::pin(fanout::compare(place)),
        },
        Comparison {
            name: "edge",
            run: |place| Box::pin(edge::compare(place)),
        },
        Comparison {
            name: "flood",
            run: |place| Box::pin(flood::compare(place)),
        },
        Comparison {
            name: "memory",
            run: |place| Box::pin(idle_memory::compare(place)),
        },
        Comparison {
            name: "metrics",
            run: |place| Box::pin(metrics::compare_ingest(place)),
        },
        Comparison {
            name: "promql",
            run: |place| Box::pin(metrics::compare_queries(place)),
        },
        Comparison {
            name: "latency",
            run: |place| Box::pin(metrics::compare_latency(place)),
        },
        Comparison {
            name: "series",
            run: |place| Box::pin(metrics::compare_series(place)),
        },
        Comparison {
            name: "tenants",
            run: |place| Box::pin(metrics::compare_tenants(place)),
        },
        Comparison {
            name: "invented",
            run: |place| Box::pin(metrics::compare_invented(place)),
        },
        Comparison {
            name: "logs",
            run: |place| Box::pin(logs::compare(place)),
        },
        Comparison {
            name: "spans",
            run: |place| Box::pin(spans::compare(place)),
        },
    ]
}

/// A folder for one comparison, so that both sides write to the same disk.
/// Removed with its contents when dropped.
pub struct Place {
    folder: tempfile::TempDir,
    pub sizes: Sizes,
}

/// How much is sent where a run may be shorter than the one that counts.
#[derive(Debug, Clone, clap::Args)]
pub struct Sizes {
    /// Log lines of the comparison `logs`
    #[arg(long, default_value_t = 20_000_000)]
    pub log_lines: usize,
    /// Spans of the comparison `spans`
    #[arg(long, default_value_t = 5_000_000)]
    pub spans: usize,
    /// Rounds of `logs` and `spans`
    #[arg(long, default_value_t = 1)]
    pub rounds: usize,
    /// A folder that keeps the stores of `logs`: they are filled where they are
    /// missing, and else only searched
    #[arg(long)]
    pub log_stores: Option<PathBuf>,
}

impl Place {
    pub fn under(dir: &Path, sizes: Sizes) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(dir)?;
        // Postgres may run as another user, who has to get through.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
        Ok(Self { folder, sizes })
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
