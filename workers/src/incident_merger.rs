//! Carries a merge between its two incidents: the source asks, the target
//! absorbs or refuses, the source completes or cancels.

use eventlog::{NewRecord, Record};
use schemas::codec::CodecError;
use schemas::ids::IncidentId;
use schemas::incident::{
    AbsorbIncident, CancelMerge, CompleteMerge, IncidentCommand, IncidentEvent,
};
use schemas::topic::Topic;

use crate::runtime::cause::Cause;
use crate::runtime::incident_record::IncidentRecord;
use crate::runtime::reactor::{Reactor, Verdict};

pub struct IncidentMerger;

impl Reactor for IncidentMerger {
    fn name(&self) -> &'static str {
        "incident_merger"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::IncidentEvents]
    }

    fn react(&self, record: &Record) -> Verdict {
        let IncidentRecord::Incident(event) = IncidentRecord::read(record)? else {
            return Ok(Vec::new());
        };
        let cause = Cause::of(self.name(), record)?;
        let this: IncidentId = cause.subject()?;
        let command = match event {
            IncidentEvent::MergeRequested(asked) => to(
                &cause,
                asked.into,
                AbsorbIncident {
                    source: this,
                    episodes: asked.episodes,
                },
            ),
            IncidentEvent::IncidentAbsorbed(done) => {
                to(&cause, done.source, CompleteMerge { into: this })
            }
            IncidentEvent::AbsorptionRefused(refused) => to(
                &cause,
                refused.source,
                CancelMerge {
                    into: this,
                    reason: refused.reason,
                },
            ),
            _ => return Ok(Vec::new()),
        };
        Ok(vec![command?])
    }
}

fn to(
    cause: &Cause,
    incident: IncidentId,
    message: impl Into<IncidentCommand>,
) -> Result<NewRecord, CodecError> {
    cause.command(Topic::IncidentCommands, incident, "merge", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given;
    use schemas::codec::Example;
    use schemas::incident::{AbsorptionRefused, IncidentAbsorbed, IncidentMerged, MergeRequested};

    fn sent<E: Example>() -> (Topic, String, IncidentCommand)
    where
        IncidentEvent: From<E>,
    {
        let event = given::example::<IncidentEvent, E>(Topic::IncidentEvents);
        given::sent(&IncidentMerger.react(&event).unwrap()[0])
    }

    fn this() -> IncidentId {
        IncidentId(given::SUBJECT)
    }

    #[test]
    fn a_request_asks_the_target_to_absorb_the_source_and_its_episodes() {
        let MergeRequested { into, episodes } = MergeRequested::example();
        let asked = AbsorbIncident {
            source: this(),
            episodes,
        };
        assert_eq!(
            sent::<MergeRequested>(),
            (Topic::IncidentCommands, into.to_string(), asked.into())
        );
    }

    #[test]
    fn absorbed_completes_the_source() {
        let source = IncidentAbsorbed::example().source.to_string();
        let done = CompleteMerge { into: this() };
        assert_eq!(
            sent::<IncidentAbsorbed>(),
            (Topic::IncidentCommands, source, done.into())
        );
    }

    #[test]
    fn a_refusal_cancels_with_its_reason() {
        let AbsorptionRefused { source, reason } = AbsorptionRefused::example();
        let cancelled = CancelMerge {
            into: this(),
            reason,
        };
        assert_eq!(
            sent::<AbsorptionRefused>(),
            (
                Topic::IncidentCommands,
                source.to_string(),
                cancelled.into()
            )
        );
    }

    #[test]
    fn the_end_of_a_merge_asks_for_nothing() {
        let merged = given::example::<IncidentEvent, IncidentMerged>(Topic::IncidentEvents);
        assert_eq!(IncidentMerger.react(&merged), Ok(Vec::new()));
    }
}
