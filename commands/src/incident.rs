//! An incident: its way from DETECTED to LEARNED, what people say of it, the
//! episodes of alerts it stands for, and merging.

mod audited;
mod episodes;
mod merge;
mod refusal;

use std::collections::BTreeSet;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use schemas::context::Context;
use schemas::ids::{IncidentId, UserId};
use schemas::incident::transitions::{self, Step};
use schemas::incident::{
    AssignIncident, ChangeIncidentSeverity, ChangeIncidentTitle, CommentIncident,
    IncidentAcknowledged, IncidentAssigned, IncidentCommand, IncidentCommented, IncidentEvent,
    IncidentInvestigated, IncidentLearned, IncidentMitigated, IncidentOpened, IncidentReopened,
    IncidentResolved, IncidentSeverityChanged, IncidentSeverityForwarded, IncidentSource,
    IncidentStatus, IncidentTitleChanged, OpenIncident,
};
use schemas::severity::Severity;
use schemas::topic::Topic;
use serde::{Deserialize, Serialize};

use crate::aggregate::{Hosted, Reach};
use crate::fields::{self, PROSE_CHARS, TITLE_CHARS};
use episodes::Episodes;
use merge::Merging;
pub use refusal::IncidentRefusal;

type Decision = Result<Vec<IncidentEvent>, IncidentRefusal>;

/// The incident whose id is the record's key; it exists once it was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    opened: Option<Opened>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Opened {
    status: IncidentStatus,
    title: String,
    severity: Severity,
    source: IncidentSource,
    assignee: Option<UserId>,
    episodes: Episodes,
    merging: Option<Merging>,
    merged_into: Option<IncidentId>,
    absorbed: BTreeSet<IncidentId>,
}

impl Incident {
    /// The events that follow from `command`, or why there are none. Opening an
    /// incident again changes nothing, whichever worker asks.
    pub fn decide(&self, command: IncidentCommand, context: &Context) -> Decision {
        match (&self.opened, command) {
            (None, IncidentCommand::OpenIncident(c)) => open(c),
            (None, _) => Err(IncidentRefusal::NotFound),
            (Some(opened), command) => opened.decide(command, IncidentId(context.subject())),
        }
    }

    /// Where the incident stands; None before it was opened.
    pub fn status(&self) -> Option<IncidentStatus> {
        self.opened.as_ref().map(|opened| opened.status)
    }
}

impl Opened {
    fn decide(&self, command: IncidentCommand, own: IncidentId) -> Decision {
        use IncidentCommand as C;
        match command {
            C::OpenIncident(_) => Ok(Vec::new()),
            C::AcknowledgeIncident(c) => self.step(Step::Acknowledge, c.note),
            C::InvestigateIncident(c) => self.step(Step::Investigate, c.note),
            C::MitigateIncident(c) => self.step(Step::Mitigate, c.note),
            C::ResolveIncident(c) => self.step(Step::Resolve, c.note),
            C::LearnIncident(c) => self.step(Step::Learn, c.note),
            C::ReopenIncident(c) => self.step(Step::Reopen, c.note),
            C::ChangeIncidentSeverity(c) => self.change_severity(&c),
            C::ChangeIncidentTitle(c) => self.change_title(c),
            C::AssignIncident(c) => self.assign(&c),
            C::CommentIncident(c) => self.comment(c),
            C::RequestMerge(c) => self.request_merge(c.into, own),
            C::AbsorbIncident(c) => Ok(self.absorb(c, own)),
            C::CompleteMerge(c) => self.complete_merge(c.into),
            C::CancelMerge(c) => self.cancel_merge(c),
            C::EndEpisode(c) => self.end_episode(c),
            C::RaiseIncidentSeverity(c) => Ok(self.raise_severity(c.severity)),
        }
    }

    fn step(&self, step: Step, note: Option<String>) -> Decision {
        fields::optional("note", note.as_deref(), PROSE_CHARS)?;
        self.permits(step)?;
        Ok(vec![self.stepped(step, note)])
    }

    /// Refuses a step that the table does not hold, and any while merging.
    fn permits(&self, step: Step) -> Result<(), IncidentRefusal> {
        if let Some(merging) = &self.merging {
            return Err(IncidentRefusal::Merging(merging.into));
        }
        let from = self.status;
        let allowed = transitions::allowed(from).contains(&step);
        allowed
            .then_some(())
            .ok_or(IncidentRefusal::IllegalTransition { from, step })
    }

    fn stepped(&self, step: Step, note: Option<String>) -> IncidentEvent {
        let episodes = self.episodes.running();
        match step {
            Step::Acknowledge => IncidentAcknowledged { note }.into(),
            Step::Investigate => IncidentInvestigated { note }.into(),
            Step::Mitigate => IncidentMitigated { note }.into(),
            Step::Learn => IncidentLearned { note }.into(),
            Step::Reopen => IncidentReopened { note, episodes }.into(),
            Step::Resolve | Step::Merge => IncidentResolved {
                note,
                automatic: false,
                episodes,
            }
            .into(),
        }
    }

    fn change_severity(&self, c: &ChangeIncidentSeverity) -> Decision {
        self.not_merged()?;
        let (from, to) = (self.severity, c.severity);
        Ok(changed(from, to, IncidentSeverityChanged { from, to }))
    }

    /// Only to what is worse, and only while people act on it: how bad it was stays
    /// as they left it. A merged incident passes it on.
    fn raise_severity(&self, to: Severity) -> Vec<IncidentEvent> {
        if let Some(into) = self.merged_into {
            return vec![IncidentSeverityForwarded { severity: to, into }.into()];
        }
        let from = self.severity;
        if !self.status.is_open() || to >= from {
            return Vec::new();
        }
        vec![IncidentSeverityChanged { from, to }.into()]
    }

    fn change_title(&self, c: ChangeIncidentTitle) -> Decision {
        self.not_merged()?;
        fields::text("title", &c.title, TITLE_CHARS)?;
        let (from, to) = (self.title.clone(), c.title);
        let event = IncidentTitleChanged {
            from: from.clone(),
            to: to.clone(),
        };
        Ok(changed(from, to, event))
    }

    fn assign(&self, c: &AssignIncident) -> Decision {
        self.not_merged()?;
        let (from, to) = (self.assignee, c.assignee);
        Ok(changed(from, to, IncidentAssigned { from, to }))
    }

    fn comment(&self, c: CommentIncident) -> Decision {
        self.not_merged()?;
        fields::text("body", &c.body, PROSE_CHARS)?;
        let CommentIncident { comment, body } = c;
        Ok(vec![IncidentCommented { comment, body }.into()])
    }

    fn not_merged(&self) -> Result<(), IncidentRefusal> {
        self.merged_into
            .map_or(Ok(()), |into| Err(IncidentRefusal::Merged(into)))
    }

    fn apply(&mut self, event: IncidentEvent) {
        use IncidentEvent as E;
        match event {
            E::IncidentAcknowledged(_) => self.status = IncidentStatus::Acknowledged,
            E::IncidentInvestigated(_) | E::IncidentReopened(_) => {
                self.status = IncidentStatus::Investigating;
            }
            E::IncidentMitigated(_) => self.status = IncidentStatus::Mitigated,
            E::IncidentLearned(_) => self.status = IncidentStatus::Learned,
            E::IncidentResolved(e) => {
                self.status = IncidentStatus::Resolved;
                self.episodes.resolved(e.automatic);
            }
            E::IncidentSeverityChanged(e) => self.severity = e.to,
            E::IncidentTitleChanged(e) => self.title = e.to,
            E::IncidentAssigned(e) => self.assignee = e.to,
            E::IncidentEpisodeEnded(e) => self.episode_ended(&e),
            E::EpisodeEndForwarded(e) => self.episodes.end(&e.episode),
            E::MergeRequested(e) => self.merging = Some(Merging::requested(e)),
            E::MergeCancelled(_) => self.merging = None,
            E::IncidentMerged(e) => self.merged(e.into),
            E::IncidentAbsorbed(e) => self.absorbed(e),
            E::IncidentOpened(_)
            | E::IncidentCommented(_)
            | E::AbsorptionRefused(_)
            | E::IncidentSeverityForwarded(_) => {}
        }
    }
}

impl Aggregate for Incident {
    const TYPE: &'static str = "incident";
    type Command = IncidentCommand;
    type Event = IncidentEvent;
    type Error = IncidentRefusal;
    type Services = Context;

    async fn handle(
        &mut self,
        command: IncidentCommand,
        context: &Context,
        sink: &EventSink<Self>,
    ) -> Result<(), IncidentRefusal> {
        for event in self.decide(command, context)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: IncidentEvent) {
        match (&mut self.opened, event) {
            (None, IncidentEvent::IncidentOpened(e)) => self.opened = Some(opened(e)),
            (Some(opened), event) => opened.apply(event),
            (None, _) => {}
        }
    }
}

impl Hosted for Incident {
    const COMMANDS: Topic = Topic::IncidentCommands;
    const EVENTS: Topic = Topic::IncidentEvents;
    const REACH: Reach = Reach::Project;
}

fn open(c: OpenIncident) -> Decision {
    fields::text("title", &c.title, TITLE_CHARS)?;
    fields::optional("description", c.description.as_deref(), PROSE_CHARS)?;
    let event = IncidentOpened {
        title: c.title,
        description: c.description,
        severity: c.severity,
        source: c.source,
        episode: c.episode,
        group_key: c.group_key,
    };
    Ok(vec![event.into()])
}

fn opened(e: IncidentOpened) -> Opened {
    Opened {
        status: IncidentStatus::Detected,
        title: e.title,
        severity: e.severity,
        source: e.source,
        assignee: None,
        episodes: e.episode.into_iter().collect(),
        merging: None,
        merged_into: None,
        absorbed: BTreeSet::new(),
    }
}

/// The event, unless the value is what it was.
fn changed<T: PartialEq>(from: T, to: T, event: impl Into<IncidentEvent>) -> Vec<IncidentEvent> {
    if from == to {
        return Vec::new();
    }
    vec![event.into()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Refuse;
    use cqrs_es::test::{AggregateTestExecutor, TestFramework};
    use schemas::codec::Example;
    use schemas::ids::CommandId;
    use schemas::incident::{
        AcknowledgeIncident, IncidentMerged, LearnIncident, RaiseIncidentSeverity, ReopenIncident,
        ResolveIncident,
    };
    use schemas::time::Timestamp;
    use uuid::Uuid;

    fn given(events: Vec<IncidentEvent>) -> AggregateTestExecutor<Incident> {
        let context = Context::decision(Timestamp::default(), CommandId(Uuid::nil()));
        TestFramework::with(context.about(Uuid::from_u128(0xF0))).given(events)
    }

    fn opened() -> IncidentEvent {
        IncidentOpened::example().into()
    }

    fn acknowledge() -> IncidentCommand {
        AcknowledgeIncident { note: None }.into()
    }

    fn resolve() -> IncidentCommand {
        ResolveIncident { note: None }.into()
    }

    #[test]
    fn opening_again_changes_nothing() {
        let open = || IncidentCommand::from(OpenIncident::example());
        given(vec![])
            .when(open())
            .then_expect_events(vec![opened()]);
        given(vec![opened()])
            .when(open())
            .then_expect_events(vec![]);
    }

    #[test]
    fn what_was_never_opened_is_not_found() {
        given(vec![])
            .when(acknowledge())
            .then_expect_error(IncidentRefusal::NotFound);
    }

    #[test]
    fn acknowledged_does_not_block_resolved() {
        let acknowledged = IncidentAcknowledged { note: None };
        let resolved = IncidentResolved {
            note: None,
            automatic: false,
            ..IncidentResolved::example()
        };
        given(vec![opened(), acknowledged.into()])
            .when(resolve())
            .then_expect_events(vec![resolved.clone().into()]);
        given(vec![opened()])
            .when(resolve())
            .then_expect_events(vec![resolved.into()]);
    }

    #[test]
    fn the_same_step_twice_is_illegal_and_names_what_is_allowed() {
        let acknowledged = IncidentAcknowledged { note: None };
        let refused = given(vec![opened(), acknowledged.into()])
            .when(acknowledge())
            .inspect_result()
            .unwrap_err()
            .refusal();
        assert_eq!(refused.rule, "illegal_transition");
        assert_eq!(
            refused.detail,
            "an incident that is acknowledged cannot be acknowledged"
        );
        let expected = ["investigate", "mitigate", "resolve", "merge"];
        assert_eq!(refused.allowed_next, expected);
    }

    #[test]
    fn learns_only_after_it_was_resolved_and_reopens_from_there() {
        let learn = || IncidentCommand::from(LearnIncident { note: None });
        let refused = given(vec![opened()]).when(learn()).inspect_result();
        assert_eq!(refused.unwrap_err().rule(), "illegal_transition");
        let resolved = IncidentResolved::example();
        let learned = IncidentLearned { note: None };
        given(vec![opened(), resolved.clone().into()])
            .when(learn())
            .then_expect_events(vec![learned.clone().into()]);
        let reopened = IncidentReopened {
            note: None,
            ..IncidentReopened::example()
        };
        given(vec![opened(), resolved.into(), learned.into()])
            .when(ReopenIncident { note: None }.into())
            .then_expect_events(vec![reopened.into()]);
    }

    #[test]
    fn values_that_are_held_already_change_nothing() {
        let severity = ChangeIncidentSeverity {
            severity: IncidentOpened::example().severity,
        };
        let title = ChangeIncidentTitle {
            title: IncidentOpened::example().title,
        };
        let unassign = AssignIncident { assignee: None };
        let commands: [IncidentCommand; 3] = [severity.into(), title.into(), unassign.into()];
        for command in commands {
            given(vec![opened()])
                .when(command)
                .then_expect_events(vec![]);
        }
    }

    #[test]
    fn a_worse_alert_raises_the_severity_and_none_lowers_it() {
        let raise = |severity| IncidentCommand::from(RaiseIncidentSeverity { severity });
        let lowered = IncidentSeverityChanged {
            from: Severity::Sev1,
            to: Severity::Sev3,
        };
        let mild = || given(vec![opened(), lowered.clone().into()]);
        let raised = IncidentSeverityChanged {
            from: Severity::Sev3,
            to: Severity::Sev2,
        };
        mild()
            .when(raise(Severity::Sev2))
            .then_expect_events(vec![raised.into()]);
        for no_worse in [Severity::Sev3, Severity::Sev4] {
            mild().when(raise(no_worse)).then_expect_events(vec![]);
        }
        mild()
            .and(vec![IncidentResolved::example().into()])
            .when(raise(Severity::Sev1))
            .then_expect_events(vec![]);
        let into = IncidentId(Uuid::from_u128(0xB2));
        let forwarded = IncidentSeverityForwarded {
            severity: Severity::Sev2,
            into,
        };
        mild()
            .and(vec![IncidentMerged { into }.into()])
            .when(raise(Severity::Sev2))
            .then_expect_events(vec![forwarded.into()]);
    }

    #[test]
    fn texts_are_bounded_and_the_field_is_named() {
        let title = ChangeIncidentTitle {
            title: "x".repeat(301),
        };
        let refused = given(vec![opened()]).when(title.into()).inspect_result();
        let refused = refused.unwrap_err().refusal();
        assert_eq!(refused.rule, "invalid");
        assert!(refused.detail.starts_with("`title`"), "{}", refused.detail);
        let comment = CommentIncident {
            body: "x".repeat(10_001),
            ..CommentIncident::example()
        };
        let refused = given(vec![opened()]).when(comment.into()).inspect_result();
        assert_eq!(refused.unwrap_err().rule(), "invalid");
    }
}
