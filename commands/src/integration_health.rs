//! Whether a monitoring server answers: what changes is kept, and of what stays the same
//! a sample.

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use schemas::context::Context;
use schemas::integration_health::{
    IntegrationHealthChanged, IntegrationHealthCommand, IntegrationHealthEvent,
    IntegrationLatencySampled, RecordProbe,
};
use schemas::time::Timestamp;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Hosted, Reach, Refuse};
use crate::audited::{Audited, Changes};
use crate::fields::{self, InvalidField};

const STATUSES: [&str; 2] = ["up", "down"];
const WORD_CHARS: usize = 100;
const DETAIL_CHARS: usize = 1_000;
/// Between two samples where nothing changes.
const SAMPLE_EVERY_MS: i64 = 15 * 60_000;

/// The health of the server whose id is the record's key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct IntegrationHealth {
    status: Option<String>,
    error: Option<String>,
    detail: Option<String>,
    version: Option<String>,
    /// When anything was kept.
    kept_at: Timestamp,
}

/// Why a probe was not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntegrationHealthRefusal {
    #[error(transparent)]
    Invalid(#[from] InvalidField),
}

impl Refuse for IntegrationHealthRefusal {
    fn rule(&self) -> &'static str {
        fields::RULE
    }
}

type Decision = Result<Vec<IntegrationHealthEvent>, IntegrationHealthRefusal>;

impl IntegrationHealth {
    /// The events that follow from `command`, or why there are none.
    pub fn decide(&self, command: IntegrationHealthCommand) -> Decision {
        let IntegrationHealthCommand::RecordProbe(c) = command;
        check(&c)?;
        // Two that ask at once may be told in the wrong order.
        if c.probed_at < self.kept_at {
            return Ok(Vec::new());
        }
        if self.differs(&c) {
            let changed = IntegrationHealthChanged {
                status: c.status,
                error: c.error,
                detail: c.detail,
                version: c.version,
                latency_ms: c.latency_ms,
                probed_at: c.probed_at,
            };
            return Ok(vec![changed.into()]);
        }
        if c.probed_at.millis_since(self.kept_at) < SAMPLE_EVERY_MS {
            return Ok(Vec::new());
        }
        let sampled = IntegrationLatencySampled {
            latency_ms: c.latency_ms,
            probed_at: c.probed_at,
        };
        Ok(vec![sampled.into()])
    }

    /// Who is down for the same reason in other words is down as before; a version that
    /// was not told is the one that it was.
    fn differs(&self, c: &RecordProbe) -> bool {
        self.status.as_ref() != Some(&c.status)
            || self.error != c.error
            || c.version.is_some() && self.version != c.version
    }
}

fn check(c: &RecordProbe) -> Result<(), InvalidField> {
    if !STATUSES.contains(&c.status.as_str()) {
        return Err(fields::invalid("status", "must be up or down"));
    }
    fields::optional("error", c.error.as_deref(), WORD_CHARS)?;
    fields::optional("detail", c.detail.as_deref(), DETAIL_CHARS)?;
    fields::optional("version", c.version.as_deref(), WORD_CHARS)
}

impl Aggregate for IntegrationHealth {
    const TYPE: &'static str = "integration_health";
    type Command = IntegrationHealthCommand;
    type Event = IntegrationHealthEvent;
    type Error = IntegrationHealthRefusal;
    type Services = Context;

    async fn handle(
        &mut self,
        command: IntegrationHealthCommand,
        _: &Context,
        sink: &EventSink<Self>,
    ) -> Result<(), IntegrationHealthRefusal> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: IntegrationHealthEvent) {
        match event {
            IntegrationHealthEvent::IntegrationHealthChanged(e) => {
                self.status = Some(e.status);
                self.error = e.error;
                self.detail = e.detail;
                self.version = e.version.or(self.version.take());
                self.kept_at = e.probed_at;
            }
            IntegrationHealthEvent::IntegrationLatencySampled(e) => self.kept_at = e.probed_at,
        }
    }
}

impl Audited for IntegrationHealth {
    fn compare(before: &Self, after: &Self, changes: &mut Changes) {
        changes.field("status", before.status.as_ref(), after.status.as_ref());
        changes.field("error", before.error.as_ref(), after.error.as_ref());
        changes.field("detail", before.detail.as_ref(), after.detail.as_ref());
        changes.field("version", before.version.as_ref(), after.version.as_ref());
    }
}

impl Hosted for IntegrationHealth {
    const COMMANDS: Topic = Topic::MonitoringCommands;
    const EVENTS: Topic = Topic::MonitoringEvents;
    const REACH: Reach = Reach::Project;
}

#[cfg(test)]
mod tests {
    use super::*;
    use cqrs_es::test::{AggregateTestExecutor, TestFramework};
    use schemas::codec::Example;
    use schemas::ids::CommandId;
    use uuid::Uuid;

    fn given(events: Vec<IntegrationHealthEvent>) -> AggregateTestExecutor<IntegrationHealth> {
        let context = Context::decision(Timestamp::default(), CommandId(Uuid::nil()));
        TestFramework::with(context).given(events)
    }

    fn up() -> IntegrationHealthEvent {
        IntegrationHealthChanged::example().into()
    }

    /// So long after [`up`].
    fn probe(after_ms: i64) -> RecordProbe {
        let seen = IntegrationHealthChanged::example();
        RecordProbe {
            status: seen.status,
            error: None,
            detail: None,
            version: seen.version,
            latency_ms: 9,
            probed_at: seen.probed_at.plus_millis(after_ms),
        }
    }

    #[test]
    fn what_stays_the_same_is_sampled() {
        let minute = 60_000;
        given(vec![up()])
            .when(probe(minute).into())
            .then_expect_events(vec![]);
        let sampled = IntegrationLatencySampled {
            latency_ms: 9,
            probed_at: probe(SAMPLE_EVERY_MS).probed_at,
        };
        given(vec![up()])
            .when(probe(SAMPLE_EVERY_MS).into())
            .then_expect_events(vec![sampled.clone().into()]);
        given(vec![up(), sampled.into()])
            .when(probe(SAMPLE_EVERY_MS + minute).into())
            .then_expect_events(vec![]);
    }

    #[test]
    fn what_changes_is_kept_at_once() {
        let down = |detail: &str| RecordProbe {
            status: "down".to_owned(),
            error: Some("not_connected".to_owned()),
            detail: Some(detail.to_owned()),
            version: None,
            ..probe(1)
        };
        let first = given(vec![up()])
            .when(down("refused").into())
            .inspect_result();
        let first = first.unwrap();
        assert_eq!(first.len(), 1);
        let both = [vec![up()], first].concat();
        given(both.clone())
            .when(down("refused again").into())
            .then_expect_events(vec![]);
        let newer = RecordProbe {
            version: Some("3.6.0".to_owned()),
            ..probe(2)
        };
        let back = given(both).when(newer.into()).inspect_result().unwrap();
        assert!(matches!(
            &back[..],
            [IntegrationHealthEvent::IntegrationHealthChanged(e)]
                if e.status == "up" && e.version.as_deref() == Some("3.6.0")
        ));
    }

    #[test]
    fn what_was_found_earlier_and_told_later_changes_nothing() {
        let late = RecordProbe {
            status: "down".to_owned(),
            ..probe(-1)
        };
        given(vec![up()])
            .when(late.into())
            .then_expect_events(vec![]);
        let unknown = RecordProbe {
            status: "well".to_owned(),
            ..probe(1)
        };
        let refused = given(vec![]).when(unknown.into()).inspect_result();
        assert!(refused.unwrap_err().to_string().contains("`status`"));
    }
}
