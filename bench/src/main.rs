//! Measures the product beside what it is compared with, on this machine, in one
//! run: `cargo run --release -p bench` writes docs/benchmarks.md. Named
//! comparisons only print: `cargo run --release -p bench -- append`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use bench::comparison::{self, Comparison, Place, Sizes};
use bench::machine::Machine;
use bench::report::{self, Section};
use clap::Parser;

/// The server's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/benchmarks.md");

#[derive(Parser)]
#[command(about = "Measures side by side; without names, everything, into docs/benchmarks.md")]
struct Arguments {
    /// Comparisons to run and print; see bench/src/comparison.rs.
    names: Vec<String>,
    /// A folder on the disk to measure; its contents are removed again.
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    dir: PathBuf,
    #[command(flatten)]
    sizes: Sizes,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // Reqwest is built without a provider of its own; nobody installed one before us.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let machine = Machine::describe(&arguments.dir)?;
    println!("{}\n", machine.line());
    let chosen = choose(&arguments.names)?;
    let mut sections = Vec::new();
    for comparison in chosen {
        let section = run(&comparison, &arguments.dir, arguments.sizes.clone()).await?;
        println!("{}", report::render(comparison.name, &section));
        sections.push((comparison.name, section));
    }
    if arguments.names.is_empty() {
        std::fs::write(PAGE, report::page(&machine, &sections))
            .with_context(|| format!("cannot write {PAGE}"))?;
    }
    Ok(())
}

/// The comparisons of those names, or all.
fn choose(names: &[String]) -> anyhow::Result<Vec<Comparison>> {
    let all = comparison::all();
    if names.is_empty() {
        return Ok(all);
    }
    let known = all.iter().map(|c| c.name).collect::<Vec<_>>().join(", ");
    for name in names {
        anyhow::ensure!(
            all.iter().any(|c| c.name == name),
            "no comparison {name}; there are {known}"
        );
    }
    Ok(all
        .into_iter()
        .filter(|c| names.iter().any(|name| c.name == name))
        .collect())
}

async fn run(comparison: &Comparison, dir: &Path, sizes: Sizes) -> anyhow::Result<Section> {
    eprintln!("== {}", comparison.name);
    let place = Place::under(dir, sizes)?;
    let section = (comparison.run)(&place).await;
    section.with_context(|| format!("comparison {}", comparison.name))
}
