//! `kill -9` of the whole platform at random points under load. Clients keep
//! journals of what was acknowledged on another filesystem; afterwards every entry
//! must be there, once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use schemas::context::random_bytes;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{eventually_within, skipped};
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::notification::firing;
use crate::platform::Platform;
use crate::statistics::{count, median_and_p99, proof};

const SENDERS: usize = 3;
const RESPONDERS: usize = 2;
/// Groups that each sender's alerts are spread over.
const GROUPS: usize = 10;
/// Between "ready" and the kill.
const LONGEST_LIFE_MS: u16 = 1_200;
const CATCH_UP: Duration = Duration::from_secs(180);
const STEPS: [(&str, &str); 5] = [
    ("acknowledge", "acknowledged"),
    ("investigate", "investigating"),
    ("mitigate", "mitigated"),
    ("resolve", "resolved"),
    ("learn", "learned"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_when_the_platform_is_killed() {
    if !Path::new("/dev/shm").is_dir() {
        return skipped("flows::kill", "no /dev/shm to keep the journals on");
    }
    if pgserver_is_missing("flows::kill").await {
        return;
    }
    let kills = count("SRE_COPILOT_PROVE_KILLS", 20, 50);
    let journals = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut platform = Platform::start(None).await;
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;

    let load = Load::start(&client, &key, &journals);
    let mut ready = Vec::with_capacity(kills);
    for _ in 0..kills {
        let life = u16::from_be_bytes(random_bytes()) % LONGEST_LIFE_MS;
        tokio::time::sleep(Duration::from_millis(life.into())).await;
        platform.kill();
        ready.push(platform.restart().await);
    }
    load.end().await;

    let alerts = check_alerts(&client, &journal(&journals, "alerts")).await;
    let steps = check_steps(&client, &journal(&journals, "steps")).await;
    let slowest = ready.iter().max().copied().unwrap_or_default();
    let (median, _) = median_and_p99(ready);
    let figures = format!(
        "{kills} kills under load; acknowledged: {alerts} alerts and {steps} incident steps; \
         lost 0, doubled 0; ready again in median {:.2} s, at most {:.2} s",
        median.as_secs_f64(),
        slowest.as_secs_f64(),
    );
    proof("kill -9 of the single process", &figures);
}

/// Senders of webhooks and responders to incidents, all of whom repeat a request
/// until it is acknowledged.
pub(crate) struct Load {
    over: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn start(client: &Client, key: &str, journals: &TempDir) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let mut tasks = Vec::new();
        for sender in 0..SENDERS {
            let journal = Journal::open(journals, &format!("alerts-{sender}"));
            tasks.push(tokio::spawn(send(
                client.clone(),
                key.to_owned(),
                sender,
                journal,
                over.clone(),
            )));
        }
        for responder in 0..RESPONDERS {
            let journal = Journal::open(journals, &format!("steps-{responder}"));
            tasks.push(tokio::spawn(respond(
                client.clone(),
                responder,
                journal,
                over.clone(),
            )));
        }
        Self { over, tasks }
    }

    /// Without waiting for what is under way.
    pub(crate) fn abort(self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }

    pub(crate) async fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

async fn send(
    client: Client,
    key: String,
    sender: usize,
    mut journal: Journal,
    over: Arc<AtomicBool>,
) {
    for n in 0.. {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let fingerprint = format!("{sender}-{n}");
        let body = firing(&format!("Group{sender}x{}", n % GROUPS), &fingerprint);
        until_acknowledged(&body, || async {
            let answer = client.webhook(&key, &body).await?;
            Ok((answer.status(), Value::Null))
        })
        .await;
        journal.note(&fingerprint);
    }
}

/// Declares one incident after another and takes it through every state.
async fn respond(client: Client, responder: usize, mut journal: Journal, over: Arc<AtomicBool>) {
    for n in 0.. {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let title = format!("declared {responder}-{n}");
        let body = json!({ "title": title, "severity": "SEV3" });
        let declared = post(&client, "/api/v1/incidents", &body, &title).await;
        let id = declared["id"].as_str().unwrap().to_owned();
        journal.note(&format!("{id} opened"));
        for (action, status) in STEPS {
            let path = format!("/api/v1/incidents/{id}/{action}");
            post(&client, &path, &json!({}), &format!("{title} {action}")).await;
            journal.note(&format!("{id} {status}"));
        }
    }
}

/// One write under its idempotency key, until it is known to be done.
async fn post(client: &Client, path: &str, body: &Value, key: &str) -> Value {
    until_acknowledged(body, || {
        client.try_send(Method::POST, path, Some(body), Some(key))
    })
    .await
}

/// Repeats a request while nobody answers, the answer is 503, or it says that the
/// outcome is not known yet. Any other answer must be a success.
async fn until_acknowledged<F, Fut>(body: &Value, mut attempt: F) -> Value
where
    F: FnMut() -> Fut,
    Fut: Future<Output = reqwest::Result<(StatusCode, Value)>>,
{
    loop {
        match attempt().await {
            Ok((StatusCode::SERVICE_UNAVAILABLE, _)) | Err(_) => {}
            Ok((StatusCode::ACCEPTED, answer)) if answer.get("command_id").is_some() => {}
            Ok((status, answer)) => {
                assert!(status.is_success(), "{status}: {answer} to {body}");
                return answer;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// One line for each acknowledgement.
struct Journal(File);

impl Journal {
    fn open(folder: &TempDir, name: &str) -> Self {
        Self(File::create(folder.path().join(name)).unwrap())
    }

    fn note(&mut self, line: &str) {
        writeln!(self.0, "{line}").unwrap();
    }
}

/// All lines of the journals whose name begins so.
pub(crate) fn journal(folder: &TempDir, name: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let named = |path: &PathBuf| {
        path.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with(name)
    };
    let text: String = files
        .filter(named)
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    text.lines().map(str::to_owned).collect()
}

/// Every acknowledged alert is open in its group's one incident, and fired once.
pub(crate) async fn check_alerts(client: &Client, acked: &BTreeSet<String>) -> usize {
    let alerts = eventually_within(CATCH_UP, "every acknowledged alert is there", || async {
        let alerts = client.list("/api/v1/alerts").await;
        (alerts.len() >= acked.len()).then_some(alerts)
    })
    .await;
    let found: Vec<_> = alerts
        .iter()
        .map(|alert| alert["fingerprint"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(&found.iter().cloned().collect::<BTreeSet<_>>(), acked);
    assert_eq!(found.len(), acked.len(), "an alert is listed twice");

    let incidents: BTreeSet<_> = alerts
        .iter()
        .map(|alert| alert["incident_id"].as_str().unwrap())
        .collect();
    assert!(
        incidents.len() <= SENDERS * GROUPS,
        "a group has two incidents"
    );
    let mut fired = BTreeMap::new();
    for incident in incidents {
        for entry in client
            .list(&format!("/api/v1/incidents/{incident}/timeline"))
            .await
        {
            if entry["kind"] == "alert_fired" {
                let fingerprint = entry["data"]["fingerprint"].as_str().unwrap().to_owned();
                *fired.entry(fingerprint).or_insert(0) += 1;
            }
        }
    }
    assert_eq!(fired.keys().cloned().collect::<BTreeSet<_>>(), *acked);
    assert!(
        fired.values().all(|times| *times == 1),
        "an alert fired twice"
    );
    acked.len()
}

/// Every acknowledged step is in its incident's timeline once, and every declared
/// incident exists once.
pub(crate) async fn check_steps(client: &Client, acked: &BTreeSet<String>) -> usize {
    let declared: BTreeSet<_> = acked
        .iter()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    let listed = client.list("/api/v1/incidents").await;
    let manual = listed
        .iter()
        .filter(|incident| incident["source"] == "manual");
    let titles: Vec<_> = manual
        .map(|incident| incident["title"].as_str().unwrap())
        .collect();
    assert_eq!(
        titles.iter().collect::<BTreeSet<_>>().len(),
        titles.len(),
        "declared twice"
    );
    for id in declared {
        let timeline = client
            .list(&format!("/api/v1/incidents/{id}/timeline"))
            .await;
        for kind in ["opened"]
            .into_iter()
            .chain(STEPS.map(|(_, status)| status))
        {
            let times = timeline
                .iter()
                .filter(|entry| entry["kind"] == kind)
                .count();
            assert!(times <= 1, "{id} {kind} is {times} times in {timeline:?}");
            let was_acked = acked.contains(&format!("{id} {kind}"));
            assert!(
                times == 1 || !was_acked,
                "{id} {kind} was acknowledged and is lost"
            );
        }
    }
    acked.len()
}

/// The platform here starts a Postgres of its own, as on a newcomer's machine.
async fn pgserver_is_missing(test: &str) -> bool {
    crate::database::Database::start(test).await.is_none()
}
