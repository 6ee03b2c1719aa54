//! Random work against a model: what was acknowledged is there, in order, and
//! nothing else.

use std::collections::BTreeMap;

use eventlog::{Log, Partition};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use schemas::topic::Topic;

use super::records::{read_all, record_in, texts};
use super::{Backend, reopen};

const TOPICS: [Topic; 3] = [
    Topic::IncidentEvents,
    Topic::CommandOutcomes,
    Topic::InboundWebhooks,
];

#[derive(Debug, Clone)]
enum Step {
    /// Partition and body length of each record.
    Append(Topic, Vec<(Partition, usize)>),
    Read(Topic, Partition),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let topic = || prop::sample::select(TOPICS.to_vec());
    let records = prop::collection::vec((0..4, 0..9_000usize), 1..12);
    prop_oneof![
        6 => (topic(), records).prop_map(|(topic, records)| Step::Append(topic, records)),
        2 => (topic(), 0..4).prop_map(|(topic, partition)| Step::Read(topic, partition)),
        1 => Just(Step::Reopen),
    ]
}

/// The bodies of each partition, in order.
type Model = BTreeMap<(Topic, Partition), Vec<String>>;

pub(crate) async fn agrees_with_a_model(backend: &dyn Backend) {
    let mut runner = TestRunner::default();
    let steps = prop::collection::vec(step(), 60..90)
        .new_tree(&mut runner)
        .expect("the strategy has values")
        .current();
    let mut log = backend.open().await;
    let mut model = Model::new();
    for (n, step) in steps.into_iter().enumerate() {
        match step {
            Step::Append(topic, records) => append(&log, &mut model, topic, &records, n).await,
            Step::Read(topic, partition) => compare(&log, &model, topic, partition).await,
            Step::Reopen => log = reopen(backend, log).await,
        }
    }
    for topic in TOPICS {
        for partition in 0..4 {
            compare(&log, &model, topic, partition).await;
        }
    }
}

async fn append(
    log: &Log,
    model: &mut Model,
    topic: Topic,
    records: &[(Partition, usize)],
    step: usize,
) {
    let bodies: Vec<_> = records
        .iter()
        .map(|(partition, len)| (*partition, format!("{step}:{}", "x".repeat(*len))))
        .collect();
    let batch = bodies
        .iter()
        .map(|(partition, body)| record_in(topic, *partition, body));
    let positions = log.append(batch.collect()).await.unwrap();
    for (position, (partition, body)) in positions.iter().zip(bodies) {
        assert_eq!((position.topic, position.partition), (topic, partition));
        model.entry((topic, partition)).or_default().push(body);
    }
}

async fn compare(log: &Log, model: &Model, topic: Topic, partition: Partition) {
    let stored = texts(&[read_all(log, topic, partition).await]);
    let wanted = model.get(&(topic, partition)).cloned().unwrap_or_default();
    assert!(
        stored == wanted,
        "{topic:?}/{partition} differs: {} stored, {} appended",
        stored.len(),
        wanted.len()
    );
}
