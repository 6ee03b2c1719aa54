//! The contract suite on a real Kafka broker.
#![cfg(feature = "kafka")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "contract/suite.rs"]
mod suite;

use async_trait::async_trait;
use eventlog::Log;
use eventlog::kafka::{KafkaLog, Options};
use suite::Backend;
use testkit::TestKafka;

const MAX_RECORD_BYTES: usize = 1 << 20;

/// A log of its own on the broker that all tests share.
struct Kafka {
    place: TestKafka,
}

impl Kafka {
    async fn new() -> Option<Self> {
        testkit::kafka().await.map(|place| Self { place })
    }
}

#[async_trait]
impl Backend for Kafka {
    async fn open(&self) -> Log {
        let options = Options {
            prefix: self.place.prefix.clone(),
            replication: 1,
            max_record_bytes: MAX_RECORD_BYTES,
            ..Options::new(&self.place.brokers, "contract")
        };
        KafkaLog::open(options).await.expect("the log opens")
    }

    fn oversized_body(&self) -> usize {
        MAX_RECORD_BYTES
    }

    fn has_journals(&self) -> bool {
        true
    }
}

contract_suite!(Kafka::new().await);
