//! docker-compose.kafka.yml says the same as the program: every command is a
//! role, every variable is read, every port is the one that is listened on.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use clap::CommandFactory;
use server::cli::Cli;
use server::roles::Roles;
use yaml_rust2::yaml::Hash;
use yaml_rust2::{Yaml, YamlLoader};

/// Where a container of ours keeps what it must not lose.
const DATA: &str = ":/data";

const ROLES: [Roles; 5] = [
    Roles::GATEWAY,
    Roles::INGEST,
    Roles::COMMANDS,
    Roles::PROJECTIONS,
    Roles::WORKERS,
];

fn services() -> BTreeMap<String, Hash> {
    let path = "../docker-compose.kafka.yml";
    let documents = YamlLoader::load_from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let services = documents[0]["services"]
        .as_hash()
        .expect("a map of services")
        .clone();
    services
        .into_iter()
        .map(|(name, body)| (text(&name), merged(&body)))
        .collect()
}

/// A map with its merge keys (`<<`) applied, which the YAML library leaves as they are.
fn merged(map: &Yaml) -> Hash {
    let mut own = map.as_hash().cloned().unwrap_or_default();
    if let Some(base) = own.remove(&Yaml::from_str("<<")) {
        for (key, value) in merged(&base) {
            own.entry(key).or_insert(value);
        }
    }
    own
}

fn text(value: &Yaml) -> String {
    match value {
        Yaml::Integer(number) => number.to_string(),
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

fn list(service: &Hash, key: &str) -> Vec<String> {
    let values = service.get(&Yaml::from_str(key)).and_then(Yaml::as_vec);
    values
        .map(|list| list.iter().map(text).collect())
        .unwrap_or_default()
}

fn environment(service: &Hash) -> BTreeMap<String, String> {
    let map = service
        .get(&Yaml::from_str("environment"))
        .map(merged)
        .unwrap_or_default();
    map.iter()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

/// Our own services: those that run a role of this program.
fn ours() -> BTreeMap<String, Hash> {
    let image = Yaml::from_str("sre-copilot");
    services()
        .into_iter()
        .filter(|(_, s)| s.get(&Yaml::from_str("image")) == Some(&image))
        .collect()
}

#[test]
fn every_role_runs_and_every_command_is_a_role() {
    let commands: BTreeSet<String> = ours()
        .values()
        .map(|service| list(service, "command").join(" "))
        .collect();
    let roles: BTreeSet<String> = ROLES.iter().map(|role| role.name.to_owned()).collect();
    assert_eq!(commands, roles);
    for role in &roles {
        assert!(
            Cli::command().find_subcommand(role).is_some(),
            "{role} is no subcommand"
        );
    }
}

#[test]
fn every_variable_is_one_that_the_program_reads() {
    let known: BTreeSet<String> = Cli::command()
        .get_arguments()
        .filter_map(|argument| argument.get_env()?.to_str().map(str::to_owned))
        .collect();
    for (name, service) in ours() {
        for variable in environment(&service).keys() {
            assert!(
                known.contains(variable),
                "{name} sets {variable}, which nothing reads"
            );
        }
    }
}

#[test]
fn ports_are_the_ones_that_the_roles_listen_on() {
    for (name, service) in ours() {
        let role = ROLES
            .iter()
            .find(|role| role.name == name)
            .expect("services are named by role");
        let port = format!(":{}", role.http_port());
        let variables = environment(&service);
        assert_eq!(
            variables.get("SRE_COPILOT_HTTP_ADDR"),
            Some(&port),
            "{name}"
        );
        let health = merged(
            service
                .get(&Yaml::from_str("healthcheck"))
                .expect("a health check"),
        );
        let probe = list(&health, "test").join(" ");
        assert!(
            probe.contains(&format!("{port}/healthz")),
            "{name} is probed with `{probe}`"
        );
    }
}

#[test]
fn only_gateway_and_websocket_are_reachable_from_outside() {
    for (name, service) in services() {
        let published = list(&service, "ports");
        if name == "gateway" {
            assert_eq!(published, ["8580:8500", "8505:8505", "4317:4317"]);
        } else {
            assert!(published.is_empty(), "{name} publishes {published:?}");
            assert_eq!(list(&service, "networks"), ["backend-network"], "{name}");
        }
    }
}

/// The list of who was erased is all that keeps a restored backup from bringing them back.
#[test]
fn what_a_gateway_notes_outlives_its_container() {
    let kept = list(&services()["gateway"], "volumes");
    assert!(
        matches!(&kept[..], [one] if one.ends_with(DATA) && !one.starts_with(DATA)),
        "{kept:?}"
    );
    let dockerfile = std::fs::read_to_string("../Dockerfile").unwrap();
    assert!(dockerfile.contains("ENV SRE_COPILOT_DATA_DIR=/data\n"));
}

/// They lie beside the file, where the image is built from.
#[test]
fn no_secret_goes_into_the_image() {
    let ignored = std::fs::read_to_string("../.dockerignore").unwrap();
    let ignored: BTreeSet<_> = ignored.lines().collect();
    let compose = std::fs::read_to_string("../docker-compose.kafka.yml").unwrap();
    for secret in [".env", "master.key"] {
        assert!(compose.contains(secret), "{secret} is another one now");
        assert!(ignored.contains(secret), "{secret}");
    }
}
