//! The metadata of a record: CloudEvents 1.0 attributes as headers in the Kafka
//! protocol binding (`ce_` prefix), our extension attributes among them.

use std::fmt;

use uuid::Uuid;

use crate::headers::Packer;
use crate::ids::{CommandId, ProjectId, TenantId};
use crate::scope::{Actor, Scope};
use crate::time::Timestamp;

pub use crate::headers::Headers;

/// What the headers of an ordinary record take.
const PACKED_BYTES: usize = 768;

/// What every record says about itself besides its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Event id, or the command id of a command.
    pub id: Uuid,
    /// The message type, which names the Avro record of the body.
    pub kind: String,
    /// The part of the platform that wrote it, for instance `/commands/incident`.
    pub source: String,
    /// The aggregate id (the record's key) or the thing that it is about.
    pub subject: String,
    pub time: Timestamp,
    pub tenant: Option<TenantId>,
    pub project: Option<ProjectId>,
    pub actor: Actor,
    /// The request, webhook or clock tick at the root of the chain.
    pub correlation: Uuid,
    /// The command that caused an event, the event that caused a command.
    pub causation: Option<Uuid>,
    /// W3C Trace Context of the request.
    pub traceparent: Option<String>,
    /// Events: the aggregate's version after it, from 1.
    pub sequence: Option<i64>,
    /// Commands: refuse unless the aggregate has this version (`If-Match`).
    pub expected_version: Option<i64>,
    /// Commands and their events: hash of the request, to tell a retry from a
    /// different request under the same idempotency key.
    pub request_hash: Option<String>,
}

/// A header that a record must have is missing or malformed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("header `{header}` {problem}")]
pub struct BadHeader {
    pub header: &'static str,
    pub problem: String,
}

impl Envelope {
    /// The envelope of something that `scope` asked for.
    pub fn of(scope: &Scope, id: Uuid, kind: &str, source: &str, subject: String) -> Self {
        Self {
            id,
            kind: kind.to_owned(),
            source: source.to_owned(),
            subject,
            time: Timestamp::default(),
            tenant: Some(scope.tenant()),
            project: Some(scope.project()),
            actor: scope.actor().clone(),
            correlation: id,
            causation: None,
            traceparent: None,
            sequence: None,
            expected_version: None,
            request_hash: None,
        }
    }

    /// The scope that the record was written under; none for platform records.
    pub fn scope(&self) -> Option<Scope> {
        Some(Scope::granted(
            self.tenant?,
            self.project?,
            self.actor.clone(),
        ))
    }

    /// The command id, where the record is a command.
    pub fn command_id(&self) -> CommandId {
        CommandId(self.id)
    }

    pub fn to_headers(&self) -> Headers {
        self.attributes().to_headers()
    }

    /// The same, borrowed.
    pub fn attributes(&self) -> Attributes<'_> {
        Attributes {
            id: self.id,
            kind: &self.kind,
            source: &self.source,
            subject: &self.subject,
            time: self.time,
            tenant: self.tenant,
            project: self.project,
            actor: &self.actor,
            correlation: self.correlation,
            causation: self.causation,
            traceparent: self.traceparent.as_deref(),
            sequence: self.sequence,
            expected_version: self.expected_version,
            request_hash: self.request_hash.as_deref(),
        }
    }

    pub fn from_headers(headers: &Headers) -> Result<Self, BadHeader> {
        let headers = Found::of(headers);
        Ok(Self {
            id: headers.required("ce_id")?,
            kind: headers.required("ce_type")?,
            source: headers.required("ce_source")?,
            subject: headers.required("ce_subject")?,
            time: headers.time()?,
            tenant: headers.optional("ce_tenant")?,
            project: headers.optional("ce_project")?,
            actor: headers.required("ce_actor")?,
            correlation: headers.required("ce_correlation")?,
            causation: headers.optional("ce_causation")?,
            traceparent: headers.optional("ce_traceparent")?,
            sequence: headers.optional("ce_sequence")?,
            expected_version: headers.optional("ce_expectedversion")?,
            request_hash: headers.optional("ce_requesthash")?,
        })
    }
}

/// An [`Envelope`] that borrows, for who writes many.
#[derive(Clone, Copy)]
pub struct Attributes<'a> {
    pub id: Uuid,
    pub kind: &'a str,
    pub source: &'a dyn fmt::Display,
    pub subject: &'a str,
    pub time: Timestamp,
    pub tenant: Option<TenantId>,
    pub project: Option<ProjectId>,
    pub actor: &'a Actor,
    pub correlation: Uuid,
    pub causation: Option<Uuid>,
    pub traceparent: Option<&'a str>,
    pub sequence: Option<i64>,
    pub expected_version: Option<i64>,
    pub request_hash: Option<&'a str>,
}

impl Attributes<'_> {
    pub fn to_headers(&self) -> Headers {
        let mut headers = Packer::with_capacity(PACKED_BYTES);
        headers.bytes("ce_specversion", b"1.0");
        headers.bytes("content-type", b"application/avro");
        headers.uuid("ce_id", self.id);
        headers.bytes("ce_type", self.kind.as_bytes());
        headers.display("ce_source", self.source);
        headers.bytes("ce_subject", self.subject.as_bytes());
        headers.display("ce_time", self.time);
        headers.display("ce_actor", self.actor);
        headers.uuid("ce_correlation", self.correlation);
        let mut id = |name, id: Option<Uuid>| id.into_iter().for_each(|id| headers.uuid(name, id));
        id("ce_tenant", self.tenant.map(|tenant| tenant.0));
        id("ce_project", self.project.map(|project| project.0));
        id("ce_causation", self.causation);
        let mut optional = |name, value: Option<&dyn fmt::Display>| {
            value.into_iter().for_each(|v| headers.display(name, v));
        };
        optional("ce_traceparent", self.traceparent.as_ref().map(|v| v as _));
        optional("ce_sequence", self.sequence.as_ref().map(|v| v as _));
        let expected = self.expected_version.as_ref();
        optional("ce_expectedversion", expected.map(|v| v as _));
        optional("ce_requesthash", self.request_hash.as_ref().map(|v| v as _));
        headers.finish()
    }
}

/// The message type alone, for routing without reading the rest.
pub fn kind_of(headers: &Headers) -> Option<&str> {
    headers.text("ce_type")
}

/// The headers of an envelope, each found once; of two with one name, the first.
struct Found<'a>(Vec<(&'a [u8], &'a [u8])>);

impl<'a> Found<'a> {
    fn of(headers: &'a Headers) -> Self {
        let mut found = Vec::with_capacity(headers.len());
        found.extend(headers.raw());
        Self(found)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.0.iter().find(|(key, _)| *key == name.as_bytes())?;
        std::str::from_utf8(value).ok()
    }

    fn optional<T: std::str::FromStr>(&self, name: &'static str) -> Result<Option<T>, BadHeader> {
        let Some(value) = self.text(name) else {
            return Ok(None);
        };
        let wrong = |_| BadHeader {
            header: name,
            problem: format!("has the value `{value}`"),
        };
        value.parse().map(Some).map_err(wrong)
    }

    fn required<T: std::str::FromStr>(&self, name: &'static str) -> Result<T, BadHeader> {
        self.optional(name)?.ok_or(BadHeader {
            header: name,
            problem: "is missing".to_owned(),
        })
    }

    fn time(&self) -> Result<Timestamp, BadHeader> {
        let header = "ce_time";
        let text = self.text(header).ok_or_else(|| BadHeader {
            header,
            problem: "is missing".to_owned(),
        })?;
        Timestamp::parse(text).map_err(|e| BadHeader {
            header,
            problem: e.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UserId;

    #[test]
    fn headers_round_trip() {
        let scope = Scope::granted(
            TenantId(Uuid::from_u128(1)),
            ProjectId(Uuid::from_u128(2)),
            Actor::User(UserId(Uuid::from_u128(3))),
        );
        let mut envelope = Envelope::of(
            &scope,
            Uuid::from_u128(4),
            "OpenIncident",
            "/gateway",
            "x".to_owned(),
        );
        envelope.sequence = Some(7);
        envelope.time = Timestamp::from_micros(1_700_000_000_123_456);
        assert_eq!(
            Envelope::from_headers(&envelope.to_headers()).as_ref(),
            Ok(&envelope)
        );
        assert_eq!(envelope.scope(), Some(scope));
    }

    #[test]
    fn a_missing_header_is_named() {
        let refused = Envelope::from_headers(&Headers::new()).unwrap_err();
        assert_eq!(refused.to_string(), "header `ce_id` is missing");
    }
}
