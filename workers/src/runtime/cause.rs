//! The record that a worker reacts to, as the cause of commands.

use std::fmt::Display;
use std::str::FromStr;

use eventlog::{NewRecord, Record};
use schemas::codec::CodecError;
use schemas::envelope::{BadHeader, Envelope};
use schemas::ids::CommandId;
use schemas::messages::MessageSet;
use schemas::scope::Actor;
use schemas::topic::Topic;

/// What commands inherit: tenant, project, correlation, trace and time.
pub struct Cause {
    worker: &'static str,
    pub envelope: Envelope,
}

impl Cause {
    pub fn of(worker: &'static str, record: &Record) -> Result<Self, BadHeader> {
        let envelope = record.envelope()?;
        Ok(Self { worker, envelope })
    }

    /// The aggregate that the record is about.
    pub fn subject<I: FromStr>(&self) -> Result<I, BadHeader>
    where
        I::Err: Display,
    {
        self.envelope
            .subject
            .parse()
            .map_err(|error: I::Err| BadHeader {
                header: "ce_subject",
                problem: error.to_string(),
            })
    }

    /// A command to the aggregate `subject`. Its id follows from the cause, the
    /// worker and `step`, which tells apart several commands from one cause. Its
    /// time is the cause's, so that deciding late decides the same.
    pub fn command<M: MessageSet>(
        &self,
        topic: Topic,
        subject: impl Display,
        step: &str,
        message: impl Into<M>,
    ) -> Result<NewRecord, CodecError> {
        let message = message.into();
        let command = CommandId::of_worker(self.envelope.id, self.worker, step);
        let envelope = Envelope {
            id: command.0,
            kind: message.kind().to_owned(),
            source: format!("/workers/{}", self.worker),
            subject: subject.to_string(),
            actor: Actor::system(self.worker),
            causation: Some(self.envelope.id),
            sequence: None,
            expected_version: None,
            request_hash: None,
            ..self.envelope.clone()
        };
        NewRecord::of(topic, &envelope, &message)
    }
}
