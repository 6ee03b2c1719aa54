//! A real rsyslogd, configured as docs/operations.md says, forwards the lines of files, in
//! both framings, and messages that it is sent; each arrives once.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use testkit::{Peer, eventually_within, peer};

use crate::client::Client;
use crate::platform::Platform;
use crate::statistics::proof;

/// Where operators copy their configuration from; the test runs with it.
const OPERATIONS: &str = include_str!("../../../docs/operations.md");
const LINES: usize = 100;
const LONG: Duration = Duration::from_secs(60);

/// Ends with the test.
struct Rsyslogd(Child);

impl Drop for Rsyslogd {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The folder of modules beside the program, where it is an unpacked one.
fn modules(program: &Path) -> Option<PathBuf> {
    let script = fs::read_to_string(program).ok()?;
    let root = script
        .split('"')
        .find(|part| part.ends_with("/sbin/rsyslogd"))?;
    let library = Path::new(root).parent()?.parent()?.join("lib");
    let folders = fs::read_dir(library).ok()?;
    let mut found = folders.filter_map(|folder| Some(folder.ok()?.path().join("rsyslog")));
    found.find(|folder| folder.is_dir())
}

/// What operations.md gives to copy: the template, and the action that uses it.
fn documented() -> (&'static str, &'static str) {
    let (_, after) = OPERATIONS.split_once("For rsyslog:\n\n```\n").unwrap();
    let (snippet, _) = after.split_once("\n```").unwrap();
    let lines = snippet.split_once('\n').unwrap();
    assert!(lines.0.starts_with("template(name=") && lines.1.starts_with("action(type="));
    lines
}

/// A text of the documentation with what is the test's own in it.
fn fitted(text: &str, own: &[(&str, &str)]) -> String {
    own.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} in {text}");
        text.replace(from, to)
    })
}

/// Follows `counted.log` and `lines.log` in `folder`, whose names are their framings, and
/// listens for syslog on a port that it writes to `port`.
fn start(program: &Path, folder: &Path, port: u16, key: &str) -> Rsyslogd {
    let home = folder.display();
    let (template, action) = documented();
    let template = fitted(template, &[("srec_…", key)]);
    let mut config = format!(
        "global(workDirectory=\"{home}\")\nmodule(load=\"imfile\" mode=\"polling\" pollingInterval=\"1\")\n\
         module(load=\"imtcp\")\n{template}\n"
    );
    let port = format!("port=\"{port}\"");
    for (name, framing) in [("counted", "octet-counted"), ("lines", "traditional")] {
        fs::write(folder.join(format!("{name}.log")), "").unwrap();
        let queue = format!("queue.filename=\"{name}\"");
        let action = fitted(
            action,
            &[
                ("sre.example", "127.0.0.1"),
                ("port=\"601\"", port.as_str()),
                ("octet-counted", framing),
                ("queue.filename=\"srec\"", queue.as_str()),
                (
                    "resumeRetryCount",
                    "resumeInterval=\"1\" action.resumeRetryCount",
                ),
            ],
        );
        writeln!(
            config,
            "ruleset(name=\"{name}\") {{ {action} }}\n\
             input(type=\"imfile\" File=\"{home}/{name}.log\" Tag=\"rsyslog-{name}\" ruleset=\"{name}\")"
        )
        .unwrap();
    }
    writeln!(
        config,
        "input(type=\"imtcp\" address=\"127.0.0.1\" port=\"0\" listenPortFileName=\"{home}/port\" \
         ruleset=\"counted\")"
    )
    .unwrap();
    fs::write(folder.join("rsyslog.conf"), config).unwrap();
    let mut command = Command::new(program);
    command.args(["-n", "-f"]).arg(folder.join("rsyslog.conf"));
    command.arg("-i").arg(folder.join("rsyslog.pid"));
    if let Some(modules) = modules(program) {
        command.arg("-M").arg(modules);
    }
    let log = fs::File::create(folder.join("rsyslog.out")).unwrap();
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    Rsyslogd(command.spawn().unwrap())
}

/// A message of the old form, whose text rsyslog hands on with the blank before it, and one
/// of RFC 5424 with structured data of its own.
async fn send_messages(folder: &Path) {
    let file = folder.join("port");
    let what = format!("a port: {}", folder.join("rsyslog.out").display());
    let port: u16 = eventually_within(LONG, &what, || async {
        fs::read_to_string(&file).ok()?.trim().parse().ok()
    })
    .await;
    let now = schemas::context::Clock::System.now();
    let messages = format!(
        "<13>{now} web-1 classic[7]: it is paid\n\
         <13>1 {now} web-1 modern 7 - [shop@32473 order=\"42\"] it is paid\n"
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(messages.as_bytes()).unwrap();
}

/// The record of a service that has one.
async fn only(client: &Client, folder: &Path, service: &str) -> Value {
    let path = format!("/api/v1/logs?service={service}&limit=10");
    let what = format!("{service}: {}", folder.join("rsyslog.out").display());
    let mut items = eventually_within(LONG, &what, || async {
        let answer = client.try_send(Method::GET, &path, None, None).await;
        let (status, mut answer): (StatusCode, Value) = answer.ok()?;
        let items = std::mem::take(answer["items"].as_array_mut()?);
        (status.is_success() && !items.is_empty()).then_some(items)
    })
    .await;
    assert_eq!(items.len(), 1, "{items:?}");
    items.remove(0)
}

fn write(folder: &Path, name: &str, from: usize) {
    let lines: String = (from..from + LINES)
        .map(|n| format!("line {n} of the file\n"))
        .collect();
    let path = folder.join(format!("{name}.log"));
    let mut file = fs::File::options().append(true).open(path).unwrap();
    file.write_all(lines.as_bytes()).unwrap();
}

async fn arrive(client: &Client, folder: &Path, name: &str, expected: usize) {
    let path = format!("/api/v1/logs?service=rsyslog-{name}&limit=1000");
    let what = format!(
        "{expected} lines of {name}: {}",
        folder.join("rsyslog.out").display()
    );
    eventually_within(LONG, &what, || async {
        let answer = client.try_send(Method::GET, &path, None, None).await;
        let (status, answer): (StatusCode, Value) = answer.ok()?;
        let items = answer["items"].as_array().filter(|_| status.is_success())?;
        assert!(items.len() <= expected, "{} of {expected}", items.len());
        (items.len() == expected).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_rsyslog_forwards_arrives_once() {
    let Some(program) = peer("flows::syslog::rsyslogd", Peer::Rsyslogd) else {
        return;
    };
    let Some(platform) = Platform::start_on_shared_postgres().await else {
        return;
    };
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;
    let folder = tempfile::tempdir().unwrap();
    let rsyslogd = start(&program, folder.path(), platform.port("syslog"), &key);
    for round in 0..2 {
        for name in ["counted", "lines"] {
            write(folder.path(), name, round * LINES);
            arrive(&client, folder.path(), name, (round + 1) * LINES).await;
        }
    }
    send_messages(folder.path()).await;
    let classic = only(&client, folder.path(), "classic").await;
    assert_eq!(classic["body"], "it is paid");
    let modern = only(&client, folder.path(), "modern").await;
    assert_eq!(modern["body"], "it is paid");
    assert_eq!(modern["fields"]["shop@32473.order"], "42");
    drop(rsyslogd);
    let logs = client.try_send(Method::GET, "/api/v1/logs?query=srec&limit=1", None, None);
    let (_, found) = logs.await.unwrap();
    assert_eq!(
        found["items"],
        serde_json::json!([]),
        "no key is in any line"
    );
    let figures = format!("{} lines in each framing: all there once", 2 * LINES);
    proof("rsyslog", &figures);
}
