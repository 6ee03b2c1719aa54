//! Imports go one way (ARCHITECTURE.md). This test reads what Cargo knows.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// Who may import whom, outside tests. A crate that is missing here fails.
fn allowed() -> BTreeMap<&'static str, &'static [&'static str]> {
    BTreeMap::from([
        ("schemas", &[][..]),
        ("pgserver", &[][..]),
        ("protocols", &[][..]),
        ("promql", &["protocols"][..]),
        ("logql", &["protocols", "promql"][..]),
        ("outbound", &[][..]),
        ("eventlog", &["schemas"][..]),
        ("access", &["schemas", "eventlog", "protocols"][..]),
        (
            "ingest",
            &["schemas", "eventlog", "protocols", "access"][..],
        ),
        ("commands", &["schemas", "eventlog"][..]),
        (
            "projections",
            &["schemas", "eventlog", "protocols", "promql"][..],
        ),
        (
            "workers",
            &[
                "schemas",
                "eventlog",
                "protocols",
                "projections",
                "promql",
                "outbound",
            ][..],
        ),
        (
            "gateway",
            &[
                "schemas",
                "eventlog",
                "protocols",
                "access",
                "projections",
                "logql",
                "promql",
                "outbound",
            ][..],
        ),
        (
            "server",
            &[
                "schemas",
                "eventlog",
                "protocols",
                "access",
                "ingest",
                "commands",
                "projections",
                "workers",
                "gateway",
                "outbound",
                "pgserver",
            ][..],
        ),
        ("testkit", &["pgserver"][..]),
    ])
}

/// Third-party crates that only some of ours may know.
const RESERVED: [(&str, &[&str]); 4] = [
    ("rdkafka", &["eventlog"]),
    ("redis", &["projections", "gateway", "access"]),
    ("sqlx", &["projections", "gateway", "server"]),
    ("cqrs-es", &["schemas", "commands"]),
];

fn ours() -> Vec<Package> {
    // From where cargo runs tests: a path of the build would be that of another clone
    // where two of them share their target folder.
    let metadata = MetadataCommand::new()
        .manifest_path("../Cargo.toml")
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .unwrap();
    metadata.packages
}

fn imports(package: &Package) -> BTreeSet<String> {
    let normal = package
        .dependencies
        .iter()
        .filter(|d| d.kind == DependencyKind::Normal);
    normal.map(|d| d.name.clone()).collect()
}

#[test]
fn imports_go_one_way() {
    let packages = ours();
    let names: BTreeSet<String> = packages.iter().map(|p| p.name.to_string()).collect();
    let allowed = allowed();
    // `bench` compares everything with everything and ships nothing.
    for package in packages.iter().filter(|p| p.name.as_str() != "bench") {
        let may = allowed
            .get(package.name.as_str())
            .unwrap_or_else(|| panic!("{} is not in the table of layers", package.name));
        for import in imports(package).intersection(&names) {
            assert!(
                may.contains(&import.as_str()),
                "{} must not import {import}",
                package.name
            );
        }
    }
}

#[test]
fn each_outside_system_has_its_own_crate() {
    for package in ours().iter().filter(|p| p.name.as_str() != "bench") {
        for (name, wrappers) in RESERVED {
            let uses = imports(package).contains(name);
            assert!(
                !uses || wrappers.contains(&package.name.as_str()),
                "{} must not import {name}: that belongs to {wrappers:?}",
                package.name
            );
        }
    }
}
