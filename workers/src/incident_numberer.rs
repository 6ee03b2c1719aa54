//! Every opened incident asks its project for a number.

use eventlog::Record;
use schemas::ids::IncidentId;
use schemas::incident::IncidentEvent;
use schemas::incident_numbers::{IncidentNumbersCommand, NumberIncident};
use schemas::topic::Topic;

use crate::runtime::cause::Cause;
use crate::runtime::incident_record::IncidentRecord;
use crate::runtime::reactor::{Reactor, Unreadable, Verdict};

pub struct IncidentNumberer;

impl Reactor for IncidentNumberer {
    fn name(&self) -> &'static str {
        "incident_numberer"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::IncidentEvents]
    }

    fn react(&self, record: &Record) -> Verdict {
        let IncidentRecord::Incident(IncidentEvent::IncidentOpened(_)) =
            IncidentRecord::read(record)?
        else {
            return Ok(Vec::new());
        };
        let cause = Cause::of(self.name(), record)?;
        let incident: IncidentId = cause.subject()?;
        let project = cause
            .envelope
            .project
            .ok_or_else(|| Unreadable::Malformed("header `ce_project` is missing".to_owned()))?;
        let command = cause.command::<IncidentNumbersCommand>(
            Topic::IncidentCommands,
            project,
            "number",
            NumberIncident { incident },
        )?;
        Ok(vec![command])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given;
    use schemas::incident::{IncidentAcknowledged, IncidentOpened};

    #[test]
    fn an_opened_incident_asks_its_project_for_a_number() {
        let opened = given::example::<IncidentEvent, IncidentOpened>(Topic::IncidentEvents);
        let commands = IncidentNumberer.react(&opened).unwrap();
        let asked = NumberIncident {
            incident: IncidentId(given::SUBJECT),
        };
        assert_eq!(
            given::sent::<IncidentNumbersCommand>(&commands[0]),
            (
                Topic::IncidentCommands,
                given::project().to_string(),
                asked.into()
            )
        );
    }

    #[test]
    fn nothing_else_asks() {
        let other = given::example::<IncidentEvent, IncidentAcknowledged>(Topic::IncidentEvents);
        assert_eq!(IncidentNumberer.react(&other), Ok(Vec::new()));
    }
}
