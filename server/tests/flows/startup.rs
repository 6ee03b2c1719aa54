//! What cannot start says why in one line and ends with the right code.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use crate::database::reachable_folder;
use crate::tools::ANY_PORTS;

const PROGRAM: &str = env!("CARGO_BIN_EXE_sre-copilot");

/// Runs the program to its end with the given arguments and variables.
fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.current_dir(folder).args(arguments);
    for name in ["DATABASE_URL", "KAFKA_BROKERS", "REDIS_URL"] {
        command.env_remove(name);
    }
    command
        .env("SRE_COPILOT_DATA_DIR", folder.join("data"))
        .envs(variables.iter().copied());
    command.output().unwrap()
}

/// The last line that a person sees, and the exit code.
fn complaint(output: &Output) -> (String, i32) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (
        text.lines().last().unwrap_or_default().to_owned(),
        output.status.code().unwrap(),
    )
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = reachable_folder();
    let (line, code) = complaint(&run(folder.path(), &["--http-addr", &address], &[]));
    assert!(
        line.contains("http_addr") && line.contains("is in use"),
        "{line}"
    );
    assert_eq!(code, 1);
}

#[test]
fn a_wrong_setting_is_named_and_quoted() {
    let folder = reachable_folder();
    let variables = [("SRE_COPILOT_REGISTRATION", "perhaps")];
    let (line, code) = complaint(&run(folder.path(), &[], &variables));
    assert!(line.contains("registration is `perhaps`"), "{line}");
    assert_eq!(code, 78);
}

#[test]
fn clear_text_to_another_machine_is_refused_where_tls_is_required() {
    let folder = reachable_folder();
    let required = ("SRE_COPILOT_REQUIRE_TLS", "true");
    let cache = ("REDIS_URL", "redis://:s3cret@cache.example:6379");
    let (line, code) = complaint(&run(folder.path(), &[], &[required, cache]));
    assert!(
        line.contains("REDIS_URL is `cache.example:6379`") && line.contains("rediss://"),
        "{line}"
    );
    assert!(!line.contains("s3cret"), "{line}");
    assert_eq!(code, 78);
    // Without the setting it is no reason: what comes next is.
    let nowhere = folder.path().to_str().unwrap();
    let arguments = [&ANY_PORTS[..], &["--postgres-bin", nowhere]].concat();
    let output = run(folder.path(), &arguments, &[cache]);
    let (line, code) = complaint(&output);
    assert!(line.contains("DATABASE_URL") && code == 1, "{line}");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let warned = text.lines().filter(|line| line.contains("in clear text"));
    let warned: Vec<_> = warned.collect();
    assert!(
        matches!(warned[..], [one] if one.contains("cache.example:6379")),
        "{text}"
    );
    assert!(!text.contains("s3cret"), "{text}");
}

#[test]
fn an_unknown_key_of_the_file_is_refused() {
    let folder = reachable_folder();
    std::fs::write(
        folder.path().join("sre-copilot.toml"),
        "data_directory = \"x\"\n",
    )
    .unwrap();
    let output = run(folder.path(), &["config"], &[]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("data_directory"));
    assert_eq!(output.status.code(), Some(78));
}

#[test]
fn a_named_file_that_is_not_there_is_refused() {
    let folder = reachable_folder();
    let output = run(folder.path(), &["config", "--config", "nowhere.toml"], &[]);
    let (line, code) = complaint(&output);
    assert!(line.contains("cannot read nowhere.toml"), "{line}");
    assert_eq!(code, 78);
    assert!(run(folder.path(), &["config"], &[]).status.success());
}

#[test]
fn an_empty_variable_counts_as_unset_whatever_it_holds() {
    let folder = reachable_folder();
    let variables = [
        ("SRE_COPILOT_KAFKA_REPLICATION", ""),
        ("SRE_COPILOT_REQUIRE_TLS", ""),
        ("SRE_COPILOT_POSTGRES_BIN", ""),
    ];
    let output = run(folder.path(), &["config"], &variables);
    assert!(output.status.success(), "{output:?}");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("kafka_replication = 3"), "{shown}");
    let output = run(
        folder.path(),
        &["config"],
        &[("SRE_COPILOT_REQUIRE_TLS", "perhaps")],
    );
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("'perhaps'") && text.contains("require-tls"),
        "{text}"
    );
}

#[test]
fn the_configuration_that_is_printed_is_one_that_is_read() {
    let folder = reachable_folder();
    let variables = [
        ("SRE_COPILOT_TRUSTED_PROXIES", "127.0.0.1"),
        ("REDIS_URL", "redis://:s3cret@127.0.0.1:6379"),
    ];
    let printed = run(folder.path(), &["config"], &variables);
    let text = String::from_utf8_lossy(&printed.stdout);
    let masked = "# Masked as ***, to be put in again before this is used as a file: redis_url\n";
    assert!(text.starts_with(masked), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
    std::fs::write(folder.path().join("out.toml"), &printed.stdout).unwrap();
    let again = run(folder.path(), &["--config", "out.toml", "config"], &[]);
    assert!(again.status.success(), "{again:?}");
    assert_eq!(String::from_utf8_lossy(&again.stdout), text);
}

#[test]
fn a_word_that_is_no_level_is_refused_because_nothing_would_be_said() {
    let folder = reachable_folder();
    let (line, code) = complaint(&run(folder.path(), &["config", "--log", "json,noisy"], &[]));
    assert!(
        line.contains("log is `noisy`: expected off, error"),
        "{line}"
    );
    assert_eq!(code, 78);
    for good in ["warn,json", "info,eventlog=debug", "off"] {
        let output = run(folder.path(), &["config", "--log", good], &[]);
        assert!(output.status.success(), "{good}");
    }
}

/// An empty backup of a folder that was named wrongly would be found out too late.
#[test]
fn a_tool_makes_no_platform_where_there_is_none() {
    let folder = reachable_folder();
    let copy = folder.path().join("copy");
    let to = copy.to_str().unwrap();
    for arguments in [
        &["log", "stat"][..],
        &["log", "verify"],
        &["replay", "--all"],
        &["compact"],
        &["backup", to],
    ] {
        let (line, code) = complaint(&run(folder.path(), arguments, &[]));
        assert!(line.contains("there is no log in"), "{arguments:?}: {line}");
        assert_eq!(code, 1);
    }
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "nothing was made");
}

/// Its database goes on with the log on Kafka: a backup of the two would not fit.
#[test]
fn a_log_that_was_moved_is_left_alone_by_tools() {
    let folder = reachable_folder();
    let log = folder.path().join("data/log");
    std::fs::create_dir_all(&log).unwrap();
    std::fs::write(log.join("moved"), "copied to Kafka at broker:9092").unwrap();
    let copy = folder.path().join("copy");
    for arguments in [
        &["backup", copy.to_str().unwrap()][..],
        &["replay", "--all"],
        &["compact"],
        &["vault", "status"],
    ] {
        let (line, code) = complaint(&run(folder.path(), arguments, &[]));
        assert!(
            line.contains("copied to Kafka at broker:9092") && line.contains("KAFKA_BROKERS"),
            "{arguments:?}: {line}"
        );
        assert_eq!(code, 1);
    }
    assert!(!copy.exists());
}

#[test]
fn a_reader_that_goes_away_ends_no_tool() {
    let folder = reachable_folder();
    let mut command = Command::new(PROGRAM);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command
        .current_dir(folder.path())
        .arg("config")
        .stdout(writer);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn a_missing_postgres_is_named_with_the_remedy() {
    let folder = reachable_folder();
    let nowhere = folder.path().to_str().unwrap();
    let (line, code) = complaint(&run(
        folder.path(),
        &[&ANY_PORTS[..], &["--postgres-bin", nowhere]].concat(),
        &[],
    ));
    assert!(
        line.contains("postgres") && line.contains("DATABASE_URL"),
        "{line}"
    );
    assert_eq!(code, 1);
}

/// Nobody else would stop it.
#[tokio::test]
async fn a_start_that_fails_leaves_no_postgres_of_its_own_running() {
    // Says so where there is none to be started.
    if testkit::postgres().await.is_none() {
        return;
    }
    let folder = reachable_folder();
    let data = folder.path().join("data");
    let (key, locked) = (
        data.join("keys/master.key"),
        data.join("postgres/postmaster.pid"),
    );
    // The ports are written last of all that may fail, and cannot be.
    let in_the_way = data.join("ports.json.new");
    std::fs::create_dir_all(&in_the_way).unwrap();
    let (line, code) = complaint(&run(folder.path(), &ANY_PORTS, &[]));
    assert!(line.contains("cannot write"), "{line}");
    assert_eq!((code, key.exists(), locked.exists()), (1, true, false));
    // Later it fails where the vault does not open.
    std::fs::remove_dir(&in_the_way).unwrap();
    std::fs::write(&key, [7; 32]).unwrap();
    let (line, code) = complaint(&run(folder.path(), &ANY_PORTS, &[]));
    assert!(line.contains("the master key is not the one"), "{line}");
    assert_eq!((code, locked.exists()), (1, false));
}

#[test]
fn roles_apart_refuse_the_embedded_log() {
    let folder = reachable_folder();
    for role in ["gateway", "ingest", "commands", "projections", "workers"] {
        let (line, code) = complaint(&run(
            folder.path(),
            &[&[role][..], &ANY_PORTS].concat(),
            &[],
        ));
        assert!(line.contains("KAFKA_BROKERS"), "{role}: {line}");
        assert_eq!(code, 78, "{role}");
    }
}

/// Whoever restarts it would do so for ever: 78 tells systemd that it would not help.
#[test]
fn what_no_restart_mends_is_a_matter_of_configuration() {
    let folder = reachable_folder();
    let kafka = ("KAFKA_BROKERS", "127.0.0.1:1");
    let options = "SRE_COPILOT_KAFKA_OPTIONS";
    for (variables, told) in [
        (
            vec![(
                "DATABASE_URL",
                "postgres://u:s3cret@db/x?sslmode=verify-fulll",
            )],
            "DATABASE_URL is `postgres://u:***@db/x?sslmode=verify-fulll`",
        ),
        (
            vec![("DATABASE_URL", "postgres://u@db/x?sslrootcert=nowhere.pem")],
            "sslrootcert cannot be read",
        ),
        (
            vec![
                ("DATABASE_URL", "postgres://u@db/x?sslmode=verify-full"),
                ("PGSSLROOTCERT", "nowhere.pem"),
            ],
            "PGSSLROOTCERT is `nowhere.pem`: cannot be read",
        ),
        (
            vec![
                ("DATABASE_URL", "postgres://u:s3cret@127.0.0.1:1/x"),
                ("SRE_COPILOT_MASTER_KEY_FILE", "nowhere.key"),
            ],
            "master_key_file is `nowhere.key`: cannot read",
        ),
        (vec![("REDIS_URL", "redis//:s3cret@cache")], "REDIS_URL is"),
        (
            vec![
                ("SRE_COPILOT_SMTP_URL", "smtps://ada:s3cret@mail.example"),
                ("SRE_COPILOT_MAIL_FROM", "copilot@mail.example"),
                ("SRE_COPILOT_SMTP_CA_FILE", "nowhere.pem"),
            ],
            "smtp_ca_file is `nowhere.pem`: cannot be read",
        ),
        (
            vec![kafka, (options, "sasl.pasword=s3cret")],
            "sasl.pasword: No such configuration property",
        ),
        (
            vec![
                kafka,
                (options, "security.protocol=ssl,ssl.ca.location=nowhere.pem"),
            ],
            "ssl.ca.location",
        ),
        (
            vec![kafka, (options, "sasl.password=hunter,s3cret")],
            "part 2 has no `=`",
        ),
    ] {
        let output = run(folder.path(), &ANY_PORTS, &variables);
        let (line, code) = complaint(&output);
        assert!(line.contains(told), "{variables:?}: {line}");
        assert_eq!(code, 78, "{line}");
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[test]
fn what_kafka_refuses_is_named_when_a_log_is_copied_there_too() {
    let folder = reachable_folder();
    std::fs::create_dir_all(folder.path().join("data/log")).unwrap();
    let variables = [
        ("KAFKA_BROKERS", "127.0.0.1:1"),
        ("SRE_COPILOT_KAFKA_OPTIONS", "sasl.pasword=s3cret"),
    ];
    let output = run(folder.path(), &["log", "copy", "--to", "kafka"], &variables);
    let (line, code) = complaint(&output);
    assert!(
        line.contains("SRE_COPILOT_KAFKA_OPTIONS is `sasl.pasword`")
            && line.contains("No such configuration property"),
        "{line}"
    );
    assert!(!line.contains("s3cret"), "{line}");
    assert_eq!(code, 78);
}

#[test]
fn a_wrong_word_is_a_matter_of_usage() {
    let folder = reachable_folder();
    let output = run(folder.path(), &["serv"], &[]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_configuration_is_printed_without_passwords() {
    let folder = reachable_folder();
    for (url, shown) in [
        ("postgres://ada:hunter2@db.example/x", "ada:***@db.example"),
        (
            "postgres://ada@db.example/x?password=hunter2",
            "ada@db.example/x?password=***",
        ),
    ] {
        let output = run(folder.path(), &["config"], &[("DATABASE_URL", url)]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains(shown) && !text.contains("hunter2"), "{text}");
    }
}
