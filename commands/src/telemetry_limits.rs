//! What a tenant may send of telemetry, where that is not what the deployment allows.

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use schemas::context::Context;
use schemas::telemetry_limits::{
    DeploymentLimits, SetTelemetryLimits, TelemetryLimitsCommand, TelemetryLimitsEvent,
    TelemetryLimitsSet,
};
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Hosted, Reach, Refuse};
use crate::audited::{Audited, Changes};
use crate::fields::{self, InvalidField};

/// Series and streams: what the fingerprints of one tenant may take in memory.
const MOST_ACTIVE: i64 = 100_000_000;
/// What the decoders take of any tenant.
const MOST_LABELS: i64 = 128;
const MOST_LABEL_VALUE_BYTES: i64 = 16 * 1_024;
const MOST_BYTES_PER_SECOND: i64 = 100_000_000_000;

/// The limits of the tenant whose id is the record's key; none before they were set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TelemetryLimits {
    set: Option<TelemetryLimitsSet>,
}

/// Why limits were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TelemetryLimitsRefusal {
    #[error(transparent)]
    Invalid(#[from] InvalidField),
}

impl Refuse for TelemetryLimitsRefusal {
    fn rule(&self) -> &'static str {
        fields::RULE
    }
}

type Decision = Result<Vec<TelemetryLimitsEvent>, TelemetryLimitsRefusal>;

impl TelemetryLimits {
    /// The events that follow from `command`; none where it changes nothing.
    pub fn decide(&self, command: TelemetryLimitsCommand) -> Decision {
        let TelemetryLimitsCommand::SetTelemetryLimits(c) = command;
        check(&c)?;
        let set = TelemetryLimitsSet {
            active_series: c.active_series,
            active_streams: c.active_streams,
            labels_per_series: c.labels_per_series,
            label_value_bytes: c.label_value_bytes,
            bytes_per_second: c.bytes_per_second,
            deployment: c.deployment,
        };
        match self.set.as_ref().map_or([None; 5], own) == own(&set) {
            true => Ok(Vec::new()),
            false => Ok(vec![set.into()]),
        }
    }
}

impl Aggregate for TelemetryLimits {
    const TYPE: &'static str = "telemetry_limits";
    type Command = TelemetryLimitsCommand;
    type Event = TelemetryLimitsEvent;
    type Error = TelemetryLimitsRefusal;
    type Services = Context;

    async fn handle(
        &mut self,
        command: TelemetryLimitsCommand,
        _: &Context,
        sink: &EventSink<Self>,
    ) -> Result<(), TelemetryLimitsRefusal> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: TelemetryLimitsEvent) {
        let TelemetryLimitsEvent::TelemetryLimitsSet(set) = event;
        self.set = Some(set);
    }
}

impl Audited for TelemetryLimits {
    /// The deployment's limits hold before a tenant has some of its own.
    const STANDS: bool = true;

    /// Tells what held and what holds, whether the tenant has set it or the deployment.
    fn compare(before: &Self, after: &Self, changes: &mut Changes) {
        let all = after.set.as_ref().and_then(|set| set.deployment.as_ref());
        let all = all.map_or([None; 5], of_all);
        let of = |limits: &Self| limits.set.as_ref().map_or([None; 5], own);
        let (from, to) = (of(before), of(after));
        for (n, name) in FIELDS.into_iter().enumerate() {
            changes.field(name, from[n].or(all[n]), to[n].or(all[n]));
        }
    }
}

impl Hosted for TelemetryLimits {
    const COMMANDS: Topic = Topic::IdentityCommands;
    const EVENTS: Topic = Topic::IdentityKeys;
    const REACH: Reach = Reach::Tenant;
}

const FIELDS: [&str; 5] = [
    "active_series",
    "active_streams",
    "labels_per_series",
    "label_value_bytes",
    "bytes_per_second",
];

/// What the tenant has set, in the order of [`FIELDS`].
fn own(set: &TelemetryLimitsSet) -> [Option<i64>; 5] {
    [
        set.active_series,
        set.active_streams,
        set.labels_per_series,
        set.label_value_bytes,
        set.bytes_per_second,
    ]
}

/// What the deployment allows to all, in the same order.
fn of_all(all: &DeploymentLimits) -> [Option<i64>; 5] {
    [
        Some(all.active_series),
        Some(all.active_streams),
        Some(all.labels_per_series),
        Some(all.label_value_bytes),
        all.bytes_per_second,
    ]
}

fn check(c: &SetTelemetryLimits) -> Result<(), InvalidField> {
    let fields = [
        ("active_series", c.active_series, MOST_ACTIVE),
        ("active_streams", c.active_streams, MOST_ACTIVE),
        ("labels_per_series", c.labels_per_series, MOST_LABELS),
        (
            "label_value_bytes",
            c.label_value_bytes,
            MOST_LABEL_VALUE_BYTES,
        ),
        (
            "bytes_per_second",
            c.bytes_per_second,
            MOST_BYTES_PER_SECOND,
        ),
    ];
    for (field, value, most) in fields {
        if value.is_some_and(|value| !(1..=most).contains(&value)) {
            return Err(fields::invalid(field, &format!("must be 1 to {most}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cqrs_es::test::{AggregateTestExecutor, TestFramework};
    use schemas::codec::Example;
    use schemas::ids::CommandId;
    use schemas::time::Timestamp;
    use uuid::Uuid;

    fn given(events: Vec<TelemetryLimitsEvent>) -> AggregateTestExecutor<TelemetryLimits> {
        let context = Context::decision(Timestamp::default(), CommandId(Uuid::nil()));
        TestFramework::with(context).given(events)
    }

    #[test]
    fn are_set_as_a_whole_and_only_where_they_change() {
        let set = TelemetryLimitsEvent::from(TelemetryLimitsSet::example());
        given(vec![])
            .when(SetTelemetryLimits::example().into())
            .then_expect_events(vec![set.clone()]);
        given(vec![set.clone()])
            .when(SetTelemetryLimits::example().into())
            .then_expect_events(vec![]);
        let fewer = SetTelemetryLimits {
            active_series: None,
            ..SetTelemetryLimits::example()
        };
        let expected = TelemetryLimitsSet {
            active_series: None,
            ..TelemetryLimitsSet::example()
        };
        given(vec![set])
            .when(fewer.into())
            .then_expect_events(vec![expected.into()]);
    }

    #[test]
    fn nothing_set_where_nothing_was_is_no_change() {
        let nothing = SetTelemetryLimits {
            active_series: None,
            active_streams: None,
            labels_per_series: None,
            label_value_bytes: None,
            bytes_per_second: None,
            deployment: SetTelemetryLimits::example().deployment,
        };
        given(vec![])
            .when(nothing.into())
            .then_expect_events(vec![]);
    }

    fn told(before: &TelemetryLimits, after: &TelemetryLimits) -> String {
        let mut changes = Changes::default();
        TelemetryLimits::compare(before, after, &mut changes);
        changes.finish().unwrap_or_default()
    }

    #[test]
    fn the_audit_tells_what_held_also_before_the_first() {
        const { assert!(TelemetryLimits::STANDS) };
        let none = TelemetryLimits::default();
        let mut some = none.clone();
        let set = TelemetryLimitsSet {
            labels_per_series: None,
            label_value_bytes: None,
            ..TelemetryLimitsSet::example()
        };
        some.apply(set.clone().into());
        assert_eq!(
            told(&none, &some),
            concat!(
                r#"{"before":{"active_series":1000000,"bytes_per_second":null},"#,
                r#""after":{"active_series":2000000,"bytes_per_second":10000000}}"#
            )
        );
        let mut fewer = some.clone();
        let back = TelemetryLimitsSet {
            active_series: None,
            ..set
        };
        fewer.apply(back.into());
        assert_eq!(
            told(&some, &fewer),
            r#"{"before":{"active_series":2000000},"after":{"active_series":1000000}}"#
        );
    }

    #[test]
    fn name_the_field_that_is_out_of_bounds() {
        for (field, change) in [
            (
                "active_series",
                (|c| c.active_series = Some(0)) as fn(&mut SetTelemetryLimits),
            ),
            ("labels_per_series", |c| c.labels_per_series = Some(129)),
            ("bytes_per_second", |c| c.bytes_per_second = Some(-1)),
        ] {
            let mut command = SetTelemetryLimits::example();
            change(&mut command);
            let refused = given(vec![]).when(command.into()).inspect_result();
            let detail = refused.unwrap_err().to_string();
            assert!(detail.contains(&format!("`{field}`")), "{detail}");
        }
    }
}
