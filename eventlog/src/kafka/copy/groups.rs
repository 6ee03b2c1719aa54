//! Progress records become the offsets of consumer groups.

use std::collections::BTreeMap;
use std::sync::Arc;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use schemas::topic::Topic;

use super::CopyError;
use crate::kafka::callbacks::Callbacks;
use crate::kafka::member::progress;
use crate::kafka::offsets::{Offsets, list};
use crate::kafka::options::Options;
use crate::{EventLog, LogError, Visibility};

const PAGE_BYTES: usize = 1024 * 1024;

/// Carries over how far each group is; returns how many groups there are.
pub(super) async fn copy(from: &dyn EventLog, options: &Arc<Options>) -> Result<usize, CopyError> {
    let groups = progress_of_all(from).await?;
    let count = groups.len();
    let options = Arc::clone(options);
    let commit = move || {
        groups
            .iter()
            .try_for_each(|(group, next)| commit(&options, group, next))
    };
    let committed = tokio::task::spawn_blocking(commit).await;
    committed.map_err(|error| LogError::Unavailable(error.to_string()))??;
    Ok(count)
}

async fn progress_of_all(from: &dyn EventLog) -> Result<BTreeMap<String, Offsets>, CopyError> {
    let topic = Topic::WorkersProgress;
    let mut groups: BTreeMap<String, Offsets> = BTreeMap::new();
    for partition in 0..topic.partitions() {
        let range = from.range(topic, partition, Visibility::Durable).await?;
        let mut next = range.start;
        while next < range.end {
            let page = from
                .read(topic, partition, next, PAGE_BYTES, Visibility::Durable)
                .await?;
            next = page.next_offset;
            for made in page.records.iter().filter_map(progress::of_record) {
                let offsets = progress::offsets(&made);
                groups.entry(made.group).or_default().extend(offsets);
            }
        }
    }
    Ok(groups)
}

/// A group without members takes offsets from anybody.
fn commit(options: &Options, group: &str, next: &Offsets) -> Result<(), CopyError> {
    let mut config = options.reader();
    config.set("group.id", options.group_name(group));
    let consumer: BaseConsumer<Callbacks> = config.create_with_context(Callbacks::default())?;
    let next = next
        .iter()
        .map(|(key, offset)| (*key, rdkafka::Offset::Offset(*offset)));
    consumer.commit(&list(options, next)?, CommitMode::Sync)?;
    Ok(())
}
