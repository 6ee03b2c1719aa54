//! The metadata of a record: CloudEvents 1.0 attributes as headers in the Kafka
//! protocol binding (`ce_` prefix), our extension attributes among them.

use uuid::Uuid;

use crate::ids::{CommandId, ProjectId, TenantId};
use crate::scope::{Actor, Scope};
use crate::time::Timestamp;

/// Header names and values as the log carries them.
pub type Headers = Vec<(String, Vec<u8>)>;

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
        let mut headers = vec![
            header("ce_specversion", "1.0"),
            header("content-type", "application/avro"),
            header("ce_id", self.id),
            header("ce_type", &self.kind),
            header("ce_source", &self.source),
            header("ce_subject", &self.subject),
            header("ce_time", self.time),
            header("ce_actor", &self.actor),
            header("ce_correlation", self.correlation),
        ];
        let optional = [
            ("ce_tenant", self.tenant.map(|v| v.to_string())),
            ("ce_project", self.project.map(|v| v.to_string())),
            ("ce_causation", self.causation.map(|v| v.to_string())),
            ("ce_traceparent", self.traceparent.clone()),
            ("ce_sequence", self.sequence.map(|v| v.to_string())),
            (
                "ce_expectedversion",
                self.expected_version.map(|v| v.to_string()),
            ),
            ("ce_requesthash", self.request_hash.clone()),
        ];
        headers.extend(
            optional
                .into_iter()
                .filter_map(|(name, v)| Some(header(name, v?))),
        );
        headers
    }

    pub fn from_headers(headers: &[(String, Vec<u8>)]) -> Result<Self, BadHeader> {
        Ok(Self {
            id: required(headers, "ce_id")?,
            kind: required(headers, "ce_type")?,
            source: required(headers, "ce_source")?,
            subject: required(headers, "ce_subject")?,
            time: Timestamp::parse(&required::<String>(headers, "ce_time")?).map_err(|e| {
                BadHeader {
                    header: "ce_time",
                    problem: e.to_string(),
                }
            })?,
            tenant: optional(headers, "ce_tenant")?,
            project: optional(headers, "ce_project")?,
            actor: required(headers, "ce_actor")?,
            correlation: required(headers, "ce_correlation")?,
            causation: optional(headers, "ce_causation")?,
            traceparent: optional(headers, "ce_traceparent")?,
            sequence: optional(headers, "ce_sequence")?,
            expected_version: optional(headers, "ce_expectedversion")?,
            request_hash: optional(headers, "ce_requesthash")?,
        })
    }
}

/// The message type alone, for routing without reading the rest.
pub fn kind_of(headers: &[(String, Vec<u8>)]) -> Option<&str> {
    text(headers, "ce_type")
}

fn header(name: &str, value: impl ToString) -> (String, Vec<u8>) {
    (name.to_owned(), value.to_string().into_bytes())
}

fn text<'a>(headers: &'a [(String, Vec<u8>)], name: &str) -> Option<&'a str> {
    let (_, value) = headers.iter().find(|(key, _)| key == name)?;
    std::str::from_utf8(value).ok()
}

fn optional<T: std::str::FromStr>(
    headers: &[(String, Vec<u8>)],
    name: &'static str,
) -> Result<Option<T>, BadHeader> {
    let Some(value) = text(headers, name) else {
        return Ok(None);
    };
    let wrong = |_| BadHeader {
        header: name,
        problem: format!("has the value `{value}`"),
    };
    value.parse().map(Some).map_err(wrong)
}

fn required<T: std::str::FromStr>(
    headers: &[(String, Vec<u8>)],
    name: &'static str,
) -> Result<T, BadHeader> {
    optional(headers, name)?.ok_or(BadHeader {
        header: name,
        problem: "is missing".to_owned(),
    })
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
        let refused = Envelope::from_headers(&[]).unwrap_err();
        assert_eq!(refused.to_string(), "header `ce_id` is missing");
    }
}
