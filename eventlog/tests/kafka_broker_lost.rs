//! One of three brokers dies: the cluster has other leaders within seconds, and so has
//! every client of ours. A program of its own, because it has a cluster of its own.
#![cfg(feature = "kafka")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use eventlog::kafka::{KafkaLog, Options};
use eventlog::{EventLog, NewRecord, Visibility};
use schemas::topic::Topic;

const TOPIC: Topic = Topic::IncidentEvents;
/// A client that is not told of the new leaders asks the dead one for five minutes.
const SOON: Duration = Duration::from_secs(90);

/// Three brokers, which end with the test: the script ends when its input is closed.
struct Cluster {
    script: Child,
    brokers: String,
    pids: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Cluster {
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut script = Command::new("../scripts/kafka")
            .arg(folder.path())
            .arg("3")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = script.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let mut words = line.split_whitespace().map(str::to_owned);
        let Some(brokers) = words.next() else {
            script.wait().ok();
            testkit::skipped("a_lost_broker_is_gone_round", "no Kafka");
            return None;
        };
        Some(Self {
            script,
            brokers,
            pids: words.collect(),
            _folder: folder,
        })
    }

    fn kill(&self, node: usize) {
        let killed = Command::new("kill").args(["-9", &self.pids[node]]).status();
        assert!(killed.is_ok_and(|status| status.success()));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        self.script.wait().ok();
    }
}

fn record(partition: i32) -> NewRecord {
    NewRecord {
        topic: TOPIC,
        partition: Some(partition),
        key: Bytes::from_static(b"key"),
        headers: Default::default(),
        body: Bytes::from_static(b"body"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_broker_is_gone_round() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let mut options = Options::new(&cluster.brokers, "lost");
    options.replication = 3;
    let log = KafkaLog::open(options).await.unwrap();
    let partitions = 0..TOPIC.partitions();
    for partition in partitions.clone() {
        log.append(vec![record(partition)]).await.unwrap();
    }
    let ends = async || {
        let mut ends = Vec::new();
        for partition in partitions.clone() {
            let range = log.range(TOPIC, partition, Visibility::Durable).await;
            ends.push(range.ok()?.end);
        }
        Some(ends)
    };
    assert!(ends().await.unwrap().iter().all(|end| *end > 0));

    cluster.kill(2);
    testkit::eventually_within(SOON, "every partition is written to", || async {
        for partition in partitions.clone() {
            log.append(vec![record(partition)]).await.ok()?;
        }
        Some(())
    })
    .await;
    let after = testkit::eventually_within(SOON, "every partition tells its end", &ends).await;
    assert!(after.iter().all(|end| *end > 1), "{after:?}");
    log.close().await.unwrap();
}
