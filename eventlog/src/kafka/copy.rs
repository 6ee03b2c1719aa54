//! Moving a log to Kafka: `sre-copilot log copy --to kafka`.
//!
//! Every record keeps its partition, offset and time, and the log its id, so that
//! checkpoints and snapshots taken on the old log are valid on the new one. The id
//! is written last: topics that hold records and no id are no log.

mod groups;
mod holes;
mod partition;

use std::sync::Arc;

use rdkafka::error::KafkaError;
use rdkafka::producer::FutureProducer;
use schemas::topic::Topic;

use super::callbacks::Callbacks;
use super::error::OpenError;
use super::identity::{self, Identity};
use super::offsets::{Ends, partitions};
use super::options::Options;
use super::topics;
use crate::record::{Offset, OffsetRange, Partition, Position};
use crate::{EventLog, LogError, Visibility};

/// What a copy has moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Copied {
    pub records: u64,
    /// Offsets without a record, as retention leaves them.
    pub holes: u64,
    /// Consumer groups whose progress was carried over.
    pub groups: usize,
}

/// Why a log could not be copied. The target is then to be deleted.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("the target is not empty: copy to topics under another prefix")]
    NotEmpty,
    #[error("{expected} was placed at offset {found}: somebody else writes to the target")]
    Misplaced { expected: Position, found: Offset },
    #[error("the log was appended to during the copy: stop the server and begin again")]
    Changed,
    #[error("Kafka: {0}")]
    Kafka(#[from] KafkaError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Copies everything that `from` holds to empty topics.
pub async fn to_kafka(from: &dyn EventLog, to: Options) -> Result<Copied, CopyError> {
    let target = Target::open(to).await?;
    let mut copied = Copied::default();
    let mut ranges = Vec::new();
    for (topic, partition) in Topic::all().flat_map(partitions) {
        let range = from.range(topic, partition, Visibility::Durable).await?;
        target
            .copy_partition(from, (topic, partition), range, &mut copied)
            .await?;
        ranges.push(((topic, partition), range));
    }
    check_unchanged(from, &ranges).await?;
    copied.groups = groups::copy(from, &target.options).await?;
    let id = Identity::Copied(from.id());
    identity::establish(&target.options, &target.ends, &target.plain, id).await?;
    Ok(copied)
}

/// Where the records go.
struct Target {
    options: Arc<Options>,
    ends: Arc<Ends>,
    plain: FutureProducer<Callbacks>,
    /// For records and gaps that need a transaction's marker to come out right.
    transactional: FutureProducer<Callbacks>,
}

impl Target {
    async fn open(options: Options) -> Result<Self, CopyError> {
        let options = Arc::new(options);
        let ends = Arc::new(Ends::open(&options).map_err(OpenError::Settings)?);
        topics::prepare(&options, &ends).await?;
        let taken = identity::exists(&options, &ends).await?;
        if taken || ends.ask(topics::any_records).await? {
            return Err(CopyError::NotEmpty);
        }
        Ok(Self {
            plain: options
                .appender()
                .create_with_context(Callbacks::default())
                .map_err(OpenError::Settings)?,
            transactional: holes::producer(&options).await?,
            ends,
            options,
        })
    }
}

async fn check_unchanged(
    from: &dyn EventLog,
    before: &[((Topic, Partition), OffsetRange)],
) -> Result<(), CopyError> {
    for ((topic, partition), range) in before {
        if from
            .range(*topic, *partition, Visibility::Durable)
            .await?
            .end
            != range.end
        {
            return Err(CopyError::Changed);
        }
    }
    Ok(())
}
