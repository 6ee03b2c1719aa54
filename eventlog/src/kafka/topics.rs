//! The topics on the cluster: created once with fixed counts, checked ever after.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;
use schemas::topic::{Retention, Topic};

use super::callbacks::{Callbacks, next_message};
use super::error::OpenError;
use super::offsets::Ends;
use super::options::{Options, QUERY_TIMEOUT};
use super::told;

/// The topic that holds the log's id, see [`super::identity`].
pub(super) fn identity_topic(options: &Options) -> String {
    format!("{}log.identity", options.prefix)
}

/// How a topic is and has to be.
struct Wanted {
    name: String,
    partitions: i32,
    retention: Retention,
}

fn wanted(options: &Options) -> Vec<Wanted> {
    let identity = Wanted {
        name: identity_topic(options),
        partitions: 1,
        retention: Retention::Forever,
    };
    Topic::all()
        .map(|topic| Wanted {
            name: options.topic_name(topic),
            partitions: topic.partitions(),
            retention: topic.retention(),
        })
        .chain([identity])
        .collect()
}

/// Creates what is missing, waits until all can be written, checks the counts,
/// and says aloud where an acknowledged record could still be lost.
pub(super) async fn prepare(options: &Arc<Options>, ends: &Arc<Ends>) -> Result<(), OpenError> {
    let wanted = wanted(options);
    let found = counts(options, ends).await?;
    let missing = wanted
        .iter()
        .filter(|topic| !found.contains_key(&topic.name))
        .collect::<Vec<_>>();
    let admin: AdminClient<_> = options
        .client()
        .create_with_context(Callbacks::default())
        .map_err(OpenError::Settings)?;
    warn_of_holes(options, &found, &missing);
    create(options, &admin, &missing).await?;
    let found = await_leaders(options, ends, &wanted).await?;
    check(&wanted, &found)?;
    warn_of_loss(&admin, &wanted, &found).await;
    Ok(())
}

/// A log that has its id and not all of its topics was made by an older version, or
/// somebody has deleted from it.
fn warn_of_holes(options: &Options, found: &HashMap<String, Found>, missing: &[&Wanted]) {
    if missing.is_empty() || !found.contains_key(&identity_topic(options)) {
        return;
    }
    let names: Vec<_> = missing.iter().map(|topic| topic.name.as_str()).collect();
    tracing::warn!(
        "this log lacks topics, which are made now, empty: {}. After an update that is as it \
         should be; otherwise they were deleted, and what was in them is gone",
        names.join(", ")
    );
}

/// A topic as the cluster has it.
struct Found {
    partitions: usize,
    /// The least number of copies of any partition.
    replicas: usize,
    led: bool,
}

async fn counts(
    options: &Arc<Options>,
    ends: &Arc<Ends>,
) -> Result<HashMap<String, Found>, OpenError> {
    let brokers = options.brokers.clone();
    ends.ask(move |ends| {
        let metadata = ends.client().fetch_metadata(None, QUERY_TIMEOUT);
        let metadata = metadata.map_err(|error| {
            // Why it timed out is in lines that the client has not been asked for.
            while next_message(ends.client()).is_some() {}
            let detail = told::last().unwrap_or_else(|| error.to_string());
            OpenError::Unreachable { brokers, detail }
        })?;
        Ok(metadata.topics().iter().map(found).collect())
    })
    .await
}

fn found(topic: &MetadataTopic) -> (String, Found) {
    let partitions = topic.partitions();
    let found = Found {
        partitions: partitions.len(),
        replicas: partitions
            .iter()
            .map(|p| p.replicas().len())
            .min()
            .unwrap_or(0),
        led: !partitions.is_empty() && partitions.iter().all(|p| p.leader() >= 0),
    };
    (topic.name().to_owned(), found)
}

/// Another process may create the same topics at the same moment.
async fn create(
    options: &Options,
    admin: &AdminClient<Callbacks>,
    missing: &[&Wanted],
) -> Result<(), OpenError> {
    if missing.is_empty() {
        return Ok(());
    }
    let settings = Settings::of(options);
    let kept: Vec<_> = missing
        .iter()
        .map(|topic| retention_ms(topic.retention))
        .collect();
    let topics: Vec<_> = missing
        .iter()
        .zip(&kept)
        .map(|(topic, kept)| settings.apply(topic, kept))
        .collect();
    let results = admin
        .create_topics(
            &topics,
            &AdminOptions::new().operation_timeout(Some(QUERY_TIMEOUT)),
        )
        .await
        .map_err(|error| OpenError::Unreachable {
            brokers: options.brokers.clone(),
            detail: error.to_string(),
        })?;
    for result in results {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => {
                let detail = format!("{code} (replication {})", options.replication);
                return Err(OpenError::CreateTopic { topic, detail });
            }
        }
    }
    Ok(())
}

/// What all created topics share, as text.
struct Settings {
    replication: i32,
    in_sync: &'static str,
    max_message_bytes: String,
}

impl Settings {
    fn of(options: &Options) -> Self {
        Self {
            replication: options.replication,
            in_sync: if options.replication >= 3 { "2" } else { "1" },
            max_message_bytes: options.max_message_bytes().to_string(),
        }
    }

    fn apply<'a>(&'a self, topic: &'a Wanted, retention_ms: &'a str) -> NewTopic<'a> {
        let replication = TopicReplication::Fixed(self.replication);
        NewTopic::new(&topic.name, topic.partitions, replication)
            .set("cleanup.policy", "delete")
            .set("retention.ms", retention_ms)
            .set("retention.bytes", "-1")
            .set("message.timestamp.type", "CreateTime")
            .set("max.message.bytes", &self.max_message_bytes)
            .set("min.insync.replicas", self.in_sync)
            .set("unclean.leader.election.enable", "false")
    }
}

fn retention_ms(retention: Retention) -> String {
    match retention {
        Retention::Forever => "-1".to_owned(),
        kept => kept.millis().unwrap_or(-1).to_string(),
    }
}

/// New topics become writable a moment after they are created.
async fn await_leaders(
    options: &Arc<Options>,
    ends: &Arc<Ends>,
    wanted: &[Wanted],
) -> Result<HashMap<String, Found>, OpenError> {
    let deadline = Instant::now() + 3 * QUERY_TIMEOUT;
    loop {
        let found = counts(options, ends).await?;
        let unled = wanted
            .iter()
            .find(|topic| !found.get(&topic.name).is_some_and(|f| f.led));
        match unled {
            None => return Ok(found),
            Some(topic) if Instant::now() > deadline => {
                return Err(OpenError::CreateTopic {
                    topic: topic.name.clone(),
                    detail: "it has partitions without a leader".to_owned(),
                });
            }
            Some(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

fn check(wanted: &[Wanted], found: &HashMap<String, Found>) -> Result<(), OpenError> {
    for topic in wanted {
        let partitions = found.get(&topic.name).map_or(0, |found| found.partitions);
        if usize::try_from(topic.partitions) != Ok(partitions) {
            return Err(OpenError::Partitions {
                topic: topic.name.clone(),
                found: partitions,
                needed: topic.partitions,
            });
        }
    }
    Ok(())
}

/// Acknowledged means durable only with three copies of which two have synced.
async fn warn_of_loss(
    admin: &AdminClient<Callbacks>,
    wanted: &[Wanted],
    found: &HashMap<String, Found>,
) {
    let copies = wanted
        .iter()
        .filter_map(|t| found.get(&t.name))
        .map(|f| f.replicas)
        .min();
    let in_sync = least_in_sync(admin, wanted).await;
    if copies < Some(3) || !matches!(in_sync, Ok(Some(2..))) {
        tracing::warn!(
            replication = copies,
            min_insync_replicas = in_sync.ok().flatten(),
            "KAFKA CAN LOSE ACKNOWLEDGED RECORDS: a topic has fewer than 3 replicas or \
             min.insync.replicas below 2. One broker that dies can take incidents with it."
        );
    }
}

async fn least_in_sync(
    admin: &AdminClient<Callbacks>,
    wanted: &[Wanted],
) -> Result<Option<u32>, KafkaError> {
    let topics: Vec<_> = wanted
        .iter()
        .map(|t| ResourceSpecifier::Topic(&t.name))
        .collect();
    let options = AdminOptions::new().request_timeout(Some(QUERY_TIMEOUT));
    let described = admin.describe_configs(&topics, &options).await?;
    let values = described.into_iter().flatten().filter_map(|resource| {
        let value = resource.get("min.insync.replicas")?.value.as_deref()?;
        value.parse().ok()
    });
    Ok(values.min())
}

/// The partitions of any of our topics hold records.
pub(super) fn any_records(ends: &Ends) -> Result<bool, OpenError> {
    let all: Vec<_> = Topic::all().flat_map(super::offsets::partitions).collect();
    Ok(ends.written(&all)?.values().any(|end| *end > 0))
}
