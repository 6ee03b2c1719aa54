//! Records as they lie on the log, for the tests of reactors.

use eventlog::{NewRecord, Position, Record};
use schemas::codec::Example;
use schemas::envelope::Envelope;
use schemas::ids::{ProjectId, TenantId};
use schemas::messages::MessageSet;
use schemas::scope::{Actor, Scope};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use uuid::Uuid;

pub(crate) const EVENT: Uuid = Uuid::from_u128(0xE0);
pub(crate) const SUBJECT: Uuid = Uuid::from_u128(0x50);
pub(crate) const CORRELATION: Uuid = Uuid::from_u128(0xC0);
pub(crate) const AT: Timestamp = Timestamp::from_micros(1_793_500_860_000_000);

pub(crate) fn project() -> ProjectId {
    ProjectId(Uuid::from_u128(0xF6))
}

/// A record of `message` as `subject` (the aggregate's id) would have it.
pub(crate) fn record<M: MessageSet>(topic: Topic, subject: Uuid, message: impl Into<M>) -> Record {
    let message = message.into();
    let tenant = TenantId(Uuid::from_u128(0x7E));
    let scope = Scope::granted(tenant, project(), Actor::system("test"));
    let mut envelope = Envelope::of(&scope, EVENT, message.kind(), "/test", subject.to_string());
    envelope.time = AT;
    envelope.correlation = CORRELATION;
    envelope.sequence = Some(3);
    envelope.request_hash = Some("ab".to_owned());
    stored(NewRecord::of(topic, &envelope, &message).unwrap())
}

/// The committed example of an event, as the aggregate [`SUBJECT`] would have it.
pub(crate) fn example<M: MessageSet + From<E>, E: Example>(topic: Topic) -> Record {
    record::<M>(topic, SUBJECT, E::example())
}

pub(crate) fn stored(new: NewRecord) -> Record {
    Record {
        position: Position {
            topic: new.topic,
            partition: new.partition(),
            offset: 17,
        },
        appended_at: AT,
        key: new.key,
        headers: new.headers,
        body: new.body,
    }
}

/// A command as its aggregate receives it: topic, key and message.
pub(crate) fn sent<M: MessageSet>(command: &NewRecord) -> (Topic, String, M) {
    let record = stored(command.clone());
    let key = String::from_utf8(record.key.to_vec()).unwrap();
    assert_eq!(record.envelope().unwrap().subject, key);
    (command.topic, key, record.decode().unwrap())
}
