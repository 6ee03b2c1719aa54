//! The searches alone, over stores that were filled once and are kept: so that a
//! search can be measured again without an hour's lines being sent first.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use schemas::context::Clock;

use super::bodies::Lines;
use super::search::{self, Searched};
use super::{KINDS, fill, verdict};
use crate::comparison::Sizes;
use crate::report::{Figure, Section};
use crate::spread::Spread;
use crate::stores::{Kind, Store};

/// What a store was filled with; written when it is.
const FILLED: &str = "lines.json";

/// A store that was just started reads its filters again.
const SETTLE: Duration = Duration::from_secs(4);

pub(super) async fn compare(
    server: &Path,
    folder: &Path,
    sizes: &Sizes,
) -> anyhow::Result<Section> {
    let lines = filled(server, folder, sizes).await?;
    let mut rounds = Vec::new();
    for _ in 0..sizes.rounds.max(1) {
        let ours = searched(Kind::Ours, server, folder, lines).await?;
        let theirs = searched(Kind::VictoriaLogs, server, folder, lines).await?;
        search::same(&ours, &theirs)?;
        rounds.push((ours, theirs));
    }
    Ok(section(&rounds, lines))
}

/// Fills the stores that are not there yet; both have the same lines.
async fn filled(server: &Path, folder: &Path, sizes: &Sizes) -> anyhow::Result<Lines> {
    std::fs::create_dir_all(folder)?;
    let file = folder.join(FILLED);
    let lines: Lines = match std::fs::read(&file) {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(_) => Lines::ending(Clock::System.now().micros() * 1_000, sizes.log_lines),
    };
    let asked = Lines::ending(0, sizes.log_lines);
    ensure!(
        asked.count == lines.count,
        "{} holds {} lines",
        folder.display(),
        lines.count
    );
    std::fs::write(&file, serde_json::to_vec(&lines)?)?;
    for kind in KINDS {
        let of_kind = folder.join(kind.name());
        let done = of_kind.join(FILLED);
        if done.exists() {
            continue;
        }
        let store = Store::start(kind, server, &of_kind).await?;
        let store = store.with_context(|| format!("{} is not installed", kind.name()))?;
        fill(&store, lines).await?;
        store.compact().await?;
        // Without gaps, as the whole comparison searches it.
        store.on_disk().await?;
        std::fs::write(&done, b"")?;
    }
    Ok(lines)
}

async fn searched(
    kind: Kind,
    server: &Path,
    folder: &Path,
    lines: Lines,
) -> anyhow::Result<Searched> {
    let store = Store::resume(kind, server, &folder.join(kind.name())).await?;
    let store = store.with_context(|| format!("{} is not installed", kind.name()))?;
    search::all(&store, lines, SETTLE).await
}

fn section(rounds: &[(Searched, Searched)], lines: Lines) -> Section {
    let (mut verdicts, mut figures) = (Vec::new(), Vec::new());
    for (at, search) in search::SEARCHES.iter().enumerate() {
        let pairs = rounds.iter().map(|(a, b)| (a.ms[at], b.ms[at]));
        if let Some(what) = search.verdict {
            verdicts.push(verdict(what, Spread::of_ratios(pairs.clone()), 2.0, 1.0));
        }
        let (ours, theirs): (Vec<f64>, Vec<f64>) = pairs.unzip();
        let first = rounds.iter().map(|(a, b)| (a.first_ms[at], b.first_ms[at]));
        let (ours_first, theirs_first): (Vec<f64>, Vec<f64>) = first.unzip();
        for (kind, all, first) in [
            (Kind::Ours, ours, ours_first),
            (Kind::VictoriaLogs, theirs, theirs_first),
        ] {
            let name = format!("{}, {}", kind.name(), search.what);
            figures.push(Figure::spread(&name, Spread::of(all), "ms"));
            let name = format!("{name}, the first");
            figures.push(Figure::spread(name, Spread::of(first), "ms"));
        }
    }
    Section {
        title: "Searches over logs",
        method: format!(
            "{} lines that were sent before. Each store is started, searched and stopped in turn; median of {} \
             {} s after one to fill caches, and that one apart.",
            lines.count,
            search::REPEATS,
            SETTLE.as_secs(),
        ),
        verdicts,
        figures,
    }
}
