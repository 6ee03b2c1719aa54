//! Commands that workers give by themselves: the clock caused them, and no record.

use eventlog::{Log, LogError, NewRecord};
use schemas::codec::CodecError;
use schemas::envelope::Envelope;
use schemas::ids::{CommandId, ProjectId, TenantId};
use schemas::messages::MessageSet;
use schemas::scope::Actor;
use schemas::time::Timestamp;
use schemas::topic::Topic;
use uuid::Uuid;

/// Who gives a command, about what and when.
pub(crate) struct Unprompted {
    pub(crate) worker: &'static str,
    /// The aggregate.
    pub(crate) subject: Uuid,
    /// What the id follows from, so that the same step is the same command whoever
    /// takes it: something of the subject, and the step.
    pub(crate) step: (Uuid, String),
    pub(crate) place: (TenantId, ProjectId),
    pub(crate) time: Timestamp,
}

impl Unprompted {
    pub(crate) fn command<M: MessageSet>(
        self,
        topic: Topic,
        message: &M,
    ) -> Result<NewRecord, CodecError> {
        let (of, step) = self.step;
        let id = CommandId::of_worker(of, self.worker, &step).0;
        let envelope = Envelope {
            id,
            kind: message.kind().to_owned(),
            source: format!("/workers/{}", self.worker),
            subject: self.subject.to_string(),
            time: self.time,
            tenant: Some(self.place.0),
            project: Some(self.place.1),
            actor: Actor::system(self.worker),
            correlation: id,
            causation: None,
            traceparent: None,
            sequence: None,
            expected_version: None,
            request_hash: None,
        };
        NewRecord::of(topic, &envelope, message)
    }
}

/// Gives a command. False where passing trouble was in the way; what cannot be written
/// at all is told and counts as given, because nothing is won by trying it again.
pub(crate) async fn give(
    log: &Log,
    worker: &'static str,
    command: Result<NewRecord, CodecError>,
) -> Result<bool, LogError> {
    let command = match command {
        Ok(command) => command,
        Err(error) => {
            tracing::error!(worker, %error, "a command cannot be written");
            return Ok(true);
        }
    };
    match log.append(vec![command]).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_passing() => {
            tracing::warn!(worker, %error, "a command is not given");
            Ok(false)
        }
        Err(lasting) => Err(lasting),
    }
}
