//! The workers over a real log: what they append, and that it is appended once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{EventLog, NewRecord, Record, Visibility};
use schemas::alert_group::{AlertGroupEvent, EpisodeBegan};
use schemas::codec::Example;
use schemas::context::{Clock, Context};
use schemas::envelope::Envelope;
use schemas::ids::{ProjectId, TenantId};
use schemas::inbound::{Inbound, InboundReceived};
use schemas::messages::MessageSet;
use schemas::scope::{Actor, Scope};
use schemas::topic::Topic;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const READ_BYTES: usize = 16 << 20;

fn record<M: MessageSet>(topic: Topic, subject: String, message: impl Into<M>) -> NewRecord {
    let message = message.into();
    let scope = Scope::granted(
        TenantId(Uuid::from_u128(1)),
        ProjectId(Uuid::from_u128(2)),
        Actor::system("test"),
    );
    let id = Context::ambient(&Clock::System).id();
    let envelope = Envelope::of(&scope, id, message.kind(), "/test", subject);
    NewRecord::of(topic, &envelope, &message).unwrap()
}

fn webhook() -> NewRecord {
    let key = "2:alertmanager".to_owned();
    record::<Inbound>(Topic::InboundWebhooks, key, InboundReceived::example())
}

fn unreadable_webhook() -> NewRecord {
    NewRecord {
        body: "not Avro".into(),
        ..webhook()
    }
}

fn episode() -> NewRecord {
    let group = Uuid::from_u128(0xA1).to_string();
    record::<AlertGroupEvent>(Topic::IncidentEvents, group, EpisodeBegan::example())
}

fn open(folder: &Path) -> Arc<EmbeddedLog> {
    EmbeddedLog::open(Options::new(folder)).unwrap()
}

struct Running {
    task: JoinHandle<anyhow::Result<()>>,
    shutdown: CancellationToken,
}

impl Running {
    fn start(log: &Arc<EmbeddedLog>) -> Self {
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(workers::run(log.clone(), shutdown.clone()));
        Self { task, shutdown }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
    }
}

async fn records(log: &Arc<EmbeddedLog>, topic: Topic) -> Vec<Record> {
    let mut records = Vec::new();
    for partition in 0..topic.partitions() {
        let from = log
            .range(topic, partition, Visibility::Durable)
            .await
            .unwrap()
            .start;
        let fetched = log
            .read(topic, partition, from, READ_BYTES, Visibility::Durable)
            .await;
        records.extend(fetched.unwrap().records);
    }
    records
}

/// The kinds of the commands once there are `count`.
async fn commands(log: &Arc<EmbeddedLog>, count: usize) -> Vec<String> {
    testkit::eventually("the commands are there", || async {
        let found = records(log, Topic::IncidentCommands).await;
        let mut kinds: Vec<_> = found
            .iter()
            .map(|record| record.kind().to_owned())
            .collect();
        kinds.sort();
        (kinds.len() >= count).then_some(kinds)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_record_leads_to_its_commands_once_also_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    log.append(vec![webhook()]).await.unwrap();
    log.append(vec![episode()]).await.unwrap();
    let running = Running::start(&log);
    assert_eq!(commands(&log, 2).await, ["OpenIncident", "ReceiveAlerts"]);
    running.stop().await;
    log.close().await.unwrap();
    drop(log);

    let log = open(folder.path());
    let running = Running::start(&log);
    log.append(vec![webhook()]).await.unwrap();
    assert_eq!(
        commands(&log, 3).await,
        ["OpenIncident", "ReceiveAlerts", "ReceiveAlerts"]
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_webhook_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    log.append(vec![unreadable_webhook(), webhook()])
        .await
        .unwrap();
    let running = Running::start(&log);
    assert_eq!(commands(&log, 1).await, ["ReceiveAlerts"]);
    let letters = records(&log, Topic::InboundWebhooksDlq).await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].body, "not Avro");
    running.stop().await;
}
