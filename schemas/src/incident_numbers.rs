//! Numbers people can say aloud: `INC-12`, counted per project.

use crate::ids::IncidentId;
use crate::messages::{example, messages, record};

record! { "srecopilot.incident",
    /// Asks the project (the record's key) for the incident's number; asking
    /// again gives the same one.
    NumberIncident { pub incident: IncidentId }
    IncidentNumbered { pub incident: IncidentId, pub number: i64 }
}

messages! {
    /// What aggregate `IncidentNumbers` is asked to do.
    IncidentNumbersCommand in "incident" { NumberIncident }
}

messages! {
    /// Which numbers were given.
    IncidentNumbersEvent in "incident" { IncidentNumbered }
}

example! {
    NumberIncident { incident: IncidentId(uuid::Uuid::from_u128(0xB2)) }
    IncidentNumbered { incident: IncidentId(uuid::Uuid::from_u128(0xB2)), number: 12 }
}
