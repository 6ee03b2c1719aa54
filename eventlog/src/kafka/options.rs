//! How to reach the brokers and how each kind of client is set up.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use schemas::context::Clock;
use schemas::topic::Topic;

/// A transaction that is open for longer is aborted by the broker.
pub const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(5);
/// A member that is silent for longer loses its partitions. Longer than a
/// transaction may be open, so that a successor finds nothing half done.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(6);
/// How long an append waits for the brokers before it is answered `Unavailable`.
pub const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a question to the brokers (offsets, metadata) may take.
pub const QUERY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one try of it may take: one that waits for a broker that is gone gets no answer.
pub const TRY_TIMEOUT: Duration = Duration::from_secs(2);
/// How often clients ask who leads a partition. A client that only asks questions is not
/// told that a leader is gone, and would go on asking it for librdkafka's five minutes.
const METADATA_REFRESH: Duration = Duration::from_secs(5);
/// After what time it no longer believes what it was told.
const METADATA_MAX_AGE: Duration = Duration::from_secs(15);

/// Room for the key, the headers and Kafka's own framing beside a record's body.
const FRAMING_BYTES: usize = 64 * 1024;

/// Where the log is and who this process is to it.
#[derive(Clone)]
pub struct Options {
    /// `host:port`, several separated by commas.
    pub brokers: String,
    /// librdkafka settings for every client: TLS, SASL.
    pub client: BTreeMap<String, String>,
    /// This process's name, unique among the processes that are alive and the
    /// same after a restart: it names transactions and group members, so a
    /// restarted process fences its predecessor and gets its partitions back.
    pub instance: String,
    /// Put before the name of every topic, group and transaction, so that
    /// several deployments can share one cluster.
    pub prefix: String,
    /// Copies of each partition of topics that are created.
    pub replication: i32,
    /// Limit of a record's key, headers and body together.
    pub max_record_bytes: usize,
    pub clock: Clock,
}

impl Options {
    pub fn new(brokers: &str, instance: &str) -> Self {
        Self {
            brokers: brokers.to_owned(),
            client: BTreeMap::new(),
            instance: instance.to_owned(),
            prefix: String::new(),
            replication: 3,
            max_record_bytes: 16 * 1024 * 1024,
            clock: Clock::System,
        }
    }

    /// The topic's name on the cluster.
    pub fn topic_name(&self, topic: Topic) -> String {
        format!("{}{}", self.prefix, topic.name())
    }

    /// The topic that has this name on the cluster.
    pub fn topic_named(&self, name: &str) -> Option<Topic> {
        Topic::by_name(name.strip_prefix(&self.prefix)?)
    }

    /// The group's name on the cluster.
    pub fn group_name(&self, group: &str) -> String {
        format!("{}{group}", self.prefix)
    }

    /// The name under which this process is one member, or one producer of
    /// transactions, for `purpose`.
    pub fn member_name(&self, purpose: &str) -> String {
        format!("{}{}.{purpose}", self.prefix, self.instance)
    }

    /// The largest message that topics and clients are told to accept.
    pub fn max_message_bytes(&self) -> usize {
        self.max_record_bytes + FRAMING_BYTES
    }

    /// For questions about offsets and topics, and the base of the others.
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", &self.instance)
            .set("socket.nagle.disable", "true")
            .set(
                "topic.metadata.refresh.interval.ms",
                millis(METADATA_REFRESH),
            )
            .set("metadata.max.age.ms", millis(METADATA_MAX_AGE))
            .set_log_level(RDKafkaLogLevel::Warning);
        for (name, value) in &self.client {
            config.set(name, value);
        }
        config
    }

    /// For single records: an append is acknowledged once every in-sync replica
    /// has it, and a retry inside the client cannot double it.
    pub fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "0")
            .set("message.max.bytes", self.max_message_bytes().to_string())
            .set("queue.buffering.max.kbytes", "65536");
        config
    }

    /// The same for single records, which give up after [`DELIVERY_TIMEOUT`].
    pub fn appender(&self) -> ClientConfig {
        let mut config = self.producer();
        config.set("message.timeout.ms", millis(DELIVERY_TIMEOUT));
        config
    }

    /// For atomic batches; `purpose` is a group's name or the appender's.
    pub fn transactions(&self, purpose: &str) -> ClientConfig {
        let mut config = self.producer();
        config
            .set("transactional.id", self.member_name(purpose))
            .set("transaction.timeout.ms", millis(TRANSACTION_TIMEOUT));
        config
    }

    /// For reading given partitions; sees what is committed, nothing else.
    pub fn reader(&self) -> ClientConfig {
        let mut config = self.client();
        config
            // librdkafka wants a group even where partitions are assigned by hand.
            .set("group.id", self.group_name("readers"))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("allow.auto.create.topics", "false")
            .set("check.crcs", "true")
            .set("message.max.bytes", self.max_message_bytes().to_string())
            .set(
                "fetch.message.max.bytes",
                self.max_message_bytes().to_string(),
            )
            .set("queued.max.messages.kbytes", "16384")
            .set("fetch.wait.max.ms", "100")
            .set("fetch.queue.backoff.ms", "10");
        config
    }

    /// For the member of a consumer group.
    pub fn member(&self, group: &str) -> ClientConfig {
        let mut config = self.reader();
        config
            .set("group.id", self.group_name(group))
            .set("group.instance.id", self.member_name(group))
            .set("session.timeout.ms", millis(SESSION_TIMEOUT))
            .set("heartbeat.interval.ms", "2000")
            // Eager: a partition is given away before it is given to another.
            .set("partition.assignment.strategy", "range");
        config
    }
}

impl fmt::Debug for Options {
    /// Without the client settings, which hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("brokers", &self.brokers)
            .field("instance", &self.instance)
            .field("prefix", &self.prefix)
            .field("replication", &self.replication)
            .field("max_record_bytes", &self.max_record_bytes)
            .finish_non_exhaustive()
    }
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}
