//! A real rsyslogd forwards the lines of files, in both framings; each arrives once.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use testkit::{Peer, eventually_within, peer};

use crate::client::Client;
use crate::platform::Platform;
use crate::statistics::proof;

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

/// Follows `counted.log` and `lines.log` in `folder`, whose names are their framings.
fn start(program: &Path, folder: &Path, port: u16, key: &str) -> Rsyslogd {
    let home = folder.display();
    let mut config = format!(
        "global(workDirectory=\"{home}\")\nmodule(load=\"imfile\" mode=\"polling\" pollingInterval=\"1\")\n\
         template(name=\"keyed\" type=\"string\" string=\"<%PRI%>1 %TIMESTAMP:::date-rfc3339% \
         %HOSTNAME% %APP-NAME% - - [srec@32473 key=\\\"{key}\\\"] %msg%\")\n"
    );
    for (name, framing) in [("counted", "octet-counted"), ("lines", "traditional")] {
        fs::write(folder.join(format!("{name}.log")), "").unwrap();
        writeln!(
            config,
            "input(type=\"imfile\" File=\"{home}/{name}.log\" Tag=\"rsyslog-{name}\" ruleset=\"{name}\")\n\
             ruleset(name=\"{name}\") {{ action(type=\"omfwd\" target=\"127.0.0.1\" port=\"{port}\" \
             protocol=\"tcp\" TCP_Framing=\"{framing}\" template=\"keyed\" action.resumeRetryCount=\"-1\" \
             action.resumeInterval=\"1\" queue.type=\"LinkedList\") }}"
        )
        .unwrap();
    }
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

fn write(folder: &Path, name: &str, from: usize) {
    let lines: String = (from..from + LINES)
        .map(|n| format!("line {n} of the file\n"))
        .collect();
    let path = folder.join(format!("{name}.log"));
    let mut file = fs::File::options().append(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, lines.as_bytes()).unwrap();
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
