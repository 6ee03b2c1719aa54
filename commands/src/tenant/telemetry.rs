//! How long a tenant's projects keep their telemetry, and that some of it is to go.

use std::collections::BTreeMap;

use schemas::ids::ProjectId;
use schemas::tenant::{
    DeleteTelemetry, RETENTION_DAYS, SIGNALS, SetTelemetryRetention, TelemetryDeleted,
    TelemetryRetentionSet,
};
use serde::{Deserialize, Serialize};

use super::{Decision, Tenant, TenantRefusal, room};
use crate::fields::{self, InvalidField};

const STREAM_CHARS: usize = 200;
/// Of one project.
const RULES: usize = 100;

/// Days by project, signal and stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Retention(BTreeMap<ProjectId, BTreeMap<(String, String), i32>>);

impl Retention {
    pub(super) fn apply(&mut self, event: TelemetryRetentionSet) {
        let rules = self.0.entry(event.project).or_default();
        let rule = (event.signal, event.stream);
        match event.days {
            Some(days) => rules.insert(rule, days),
            None => rules.remove(&rule),
        };
    }

    /// Setting what holds already changes nothing.
    pub(super) fn set(&self, c: SetTelemetryRetention) -> Decision {
        signal(&c.signal)?;
        stream(&c)?;
        if let Some(days) = c.days {
            kept(days)?;
        }
        let rules = self.0.get(&c.project);
        let rule = (c.signal, c.stream);
        let held = rules.and_then(|rules| rules.get(&rule)).copied();
        if held == c.days {
            return Ok(Vec::new());
        }
        if held.is_none() {
            room("retention rules", rules.map_or(0, BTreeMap::len), RULES)?;
        }
        let (signal, stream) = rule;
        Ok(vec![
            TelemetryRetentionSet {
                project: c.project,
                signal,
                stream,
                days: c.days,
            }
            .into(),
        ])
    }
}

impl Tenant {
    pub(super) fn set_retention(&self, c: SetTelemetryRetention) -> Decision {
        self.has_project(c.project)?;
        self.retention.set(c)
    }

    pub(super) fn delete_telemetry(&self, c: &DeleteTelemetry) -> Decision {
        if let Some(project) = c.project {
            self.has_project(project)?;
        }
        let project = c.project;
        Ok(vec![TelemetryDeleted { project }.into()])
    }

    fn has_project(&self, project: ProjectId) -> Result<(), TenantRefusal> {
        match self.projects.contains_key(&project) {
            true => Ok(()),
            false => Err(TenantRefusal::UnknownProject(project)),
        }
    }
}

fn signal(name: &str) -> Result<(), InvalidField> {
    if SIGNALS.contains(&name) {
        return Ok(());
    }
    let problem = format!("is `{name}`, which is none of {}", SIGNALS.join(", "));
    Err(fields::invalid("signal", &problem))
}

fn stream(c: &SetTelemetryRetention) -> Result<(), InvalidField> {
    fields::optional("stream", Some(&c.stream), STREAM_CHARS)?;
    if c.stream.is_empty() {
        return Ok(());
    }
    if c.signal.starts_with("metrics_") {
        let problem = "must be empty: coarser metrics are kept alike for all streams";
        return Err(fields::invalid("stream", problem));
    }
    let name = c.stream.strip_suffix('*').unwrap_or(&c.stream);
    let problem = format!(
        "is `{}`, which is neither a name nor the beginning of one before a `*`",
        c.stream
    );
    match name.is_empty() || name.contains(['*', '\0']) {
        true => Err(fields::invalid("stream", &problem)),
        false => Ok(()),
    }
}

fn kept(days: i32) -> Result<(), InvalidField> {
    if RETENTION_DAYS.contains(&days) {
        return Ok(());
    }
    let known = RETENTION_DAYS.map(|days| days.to_string()).join(", ");
    Err(fields::invalid(
        "days",
        &format!("is `{days}`, which is none of {known}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::tenant::TenantEvent;
    use uuid::Uuid;

    fn rule(signal: &str, stream: &str, days: Option<i32>) -> SetTelemetryRetention {
        SetTelemetryRetention {
            project: ProjectId(Uuid::from_u128(1)),
            signal: signal.to_owned(),
            stream: stream.to_owned(),
            days,
        }
    }

    fn after(rules: Vec<SetTelemetryRetention>) -> Retention {
        let mut held = Retention::default();
        for rule in rules {
            for event in held.set(rule).unwrap() {
                if let TenantEvent::TelemetryRetentionSet(event) = event {
                    held.apply(event);
                }
            }
        }
        held
    }

    #[test]
    fn a_rule_that_holds_changes_nothing_and_one_that_is_gone_neither() {
        let held = after(vec![rule("logs", "shop", Some(7))]);
        assert_eq!(held.set(rule("logs", "shop", Some(7))), Ok(vec![]));
        assert_eq!(held.set(rule("logs", "", None)), Ok(vec![]));
        assert_eq!(held.set(rule("logs", "shop", None)).unwrap().len(), 1);
        let gone = after(vec![
            rule("logs", "shop", Some(7)),
            rule("logs", "shop", None),
        ]);
        assert_eq!(gone.set(rule("logs", "shop", None)), Ok(vec![]));
    }

    #[test]
    fn what_no_rule_can_be_is_refused_by_field() {
        let refused = |rule| match Retention::default().set(rule).unwrap_err() {
            TenantRefusal::Invalid(invalid) => (invalid.field, invalid.problem),
            other => panic!("{other}"),
        };
        for (rule, field, quoted) in [
            (rule("profiles", "", Some(7)), "signal", "`profiles`"),
            (rule("logs", "a*b", Some(7)), "stream", "`a*b`"),
            (rule("logs", "*", Some(7)), "stream", "`*`"),
            (rule("metrics_5m", "up", Some(7)), "stream", "empty"),
            (rule("logs", "", Some(8)), "days", "`8`"),
        ] {
            let (found, problem) = refused(rule);
            assert!(
                found == field && problem.contains(quoted),
                "{found} {problem}"
            );
        }
    }

    #[test]
    fn rules_are_bounded() {
        let all = (0..RULES).map(|n| rule("metrics", &format!("m{n}"), Some(1)));
        let held = after(all.collect());
        let refused = held.set(rule("metrics", "one_more", Some(1))).unwrap_err();
        assert!(matches!(
            refused,
            TenantRefusal::TooMany { most: RULES, .. }
        ));
        assert_eq!(held.set(rule("metrics", "m0", Some(3))).unwrap().len(), 1);
    }
}
