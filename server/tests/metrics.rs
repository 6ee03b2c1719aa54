//! Every metric is described, in the program and in the docs, and nothing else is.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use server::observe::described::METRICS;
use testkit::{Peer, peer};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The Rust files below the `src` folders of the crates.
fn sources() -> Vec<PathBuf> {
    let crates = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut open: Vec<PathBuf> = crates
        .filter(|path| path.join("Cargo.toml").exists() && !path.ends_with("bench"))
        .map(|path| path.join("src"))
        .collect();
    let mut files = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false if path.extension().is_some_and(|ending| ending == "rs") => files.push(path),
                false => {}
            }
        }
    }
    files
}

/// The names that the macros of crate `metrics` are given.
fn used() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        for which in ["counter!(", "gauge!(", "histogram!("] {
            for (_, after) in text
                .match_indices(which)
                .map(|(at, _)| text.split_at(at + which.len()))
            {
                let Some(quoted) = after.trim_start().strip_prefix('"') else {
                    continue;
                };
                let (name, _) = quoted.split_once('"').unwrap();
                names.insert(name.to_owned());
            }
        }
    }
    names
}

#[test]
fn every_metric_is_described_and_every_description_is_of_one() {
    let described: BTreeSet<String> = METRICS
        .iter()
        .map(|(_, name, _)| (*name).to_owned())
        .collect();
    let used = used();
    assert!(used.len() > 50, "the sources are read: {used:?}");
    assert_eq!(used, described);
    let docs = fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    for (_, name, told) in METRICS {
        let told = told.replace(" Alert.", " *Alert.*");
        let row = docs
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}` |")));
        assert!(
            row.is_some_and(|row| row.ends_with(&format!("| {told} |"))),
            "{name}: {row:?}"
        );
    }
}

#[test]
fn the_rules_ask_for_metrics_that_there_are() {
    let rules = fs::read_to_string(root().join("docs/alerts.yml")).unwrap();
    let words = rules.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
    let asked: BTreeSet<&str> = words
        .filter(|word| word.ends_with("_total") || word.contains("_stopped"))
        .collect();
    assert!(asked.len() > 8, "{asked:?}");
    for name in asked {
        assert!(METRICS.iter().any(|(_, known, _)| *known == name), "{name}");
    }
    // Whoever reads the list finds in it what wakes somebody.
    for (_, name, told) in METRICS
        .iter()
        .filter(|(_, _, told)| told.ends_with("Alert."))
    {
        let known = ["gateway_outcomes_unreadable_total"].contains(name);
        assert!(known || rules.contains(name), "{name}: {told}");
    }
}

/// The first occurrence is often the only one.
#[test]
fn the_rules_see_what_is_first_seen_at_one() {
    let test = "the_rules_see_what_is_first_seen_at_one";
    let Some(promtool) = peer(test, Peer::Promtool) else {
        return;
    };
    let cases = root().join("server/tests/alerts/first.yml");
    let rules = root().join("docs/alerts.yml");
    for arguments in [["check", "rules"], ["test", "rules"]] {
        let file = match arguments {
            ["check", _] => &rules,
            _ => &cases,
        };
        let run = Command::new(&promtool).args(arguments).arg(file).output();
        let run = run.unwrap();
        let said = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
        assert!(run.status.success(), "{said}");
    }
}
