//! Webhook requests as they arrived; decoded later by a worker, never by ingest.

use crate::ids::ApiKeyId;
use crate::labels::Label;
use crate::messages::{example, messages, record};
use crate::time::Timestamp;

record! { "srecopilot.inbound",
    /// Topic `inbound.webhooks`, key = project + integration.
    InboundReceived {
        /// `alertmanager`, `grafana`, ...: which decoder reads the body.
        pub integration: String,
        pub key: ApiKeyId,
        pub received_at: Timestamp,
        /// Allow-listed request headers; never a credential.
        pub headers: Vec<Label>,
        #[avro(with)]
        #[serde(with = "apache_avro::serde::bytes")]
        pub body: Vec<u8>,
    }
}

messages! {
    /// Topic `inbound.webhooks`.
    Inbound in "inbound" { InboundReceived }
}

example! {
    InboundReceived { integration: "alertmanager".to_owned(), key: ApiKeyId(uuid::Uuid::from_u128(0xA7)), received_at: Timestamp::from_micros(1_793_500_860_000_000), headers: vec![Label { name: "content-type".to_owned(), value: "application/json".to_owned() }], body: include_bytes!("inbound/alertmanager.example.json").to_vec() }
}
