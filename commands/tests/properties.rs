//! Random command sequences against every aggregate's promises.

#[path = "properties/alert_groups.rs"]
mod alert_groups;
#[path = "properties/incidents.rs"]
mod incidents;
#[path = "properties/tenants.rs"]
mod tenants;

use std::fmt::Debug;

use cqrs_es::Aggregate;
use schemas::context::Context;
use schemas::ids::CommandId;
use schemas::time::Timestamp;
use uuid::Uuid;

/// An aggregate with everything that has happened to it.
struct Life<A: Aggregate> {
    state: A,
    events: Vec<A::Event>,
}

impl<A: Aggregate + Clone + PartialEq + Debug> Life<A> {
    fn new() -> Self {
        let (state, events) = (A::default(), Vec::new());
        Self { state, events }
    }

    /// Decides twice, which has to give the same, and applies what was decided.
    fn decide<E: Debug + PartialEq>(
        &mut self,
        decide: impl Fn(&A) -> Result<Vec<A::Event>, E>,
    ) -> Result<Vec<A::Event>, E> {
        let decided = decide(&self.state);
        assert_eq!(
            decided,
            decide(&self.state),
            "deciding again gives the same"
        );
        let decided = decided?;
        for event in &decided {
            self.state.apply(event.clone());
        }
        self.events.extend(decided.clone());
        Ok(decided)
    }

    /// The same events give the same state.
    fn assert_replay(&self) {
        let mut replayed = A::default();
        for event in &self.events {
            replayed.apply(event.clone());
        }
        assert_eq!(replayed, self.state);
    }
}

fn context(subject: u128) -> Context {
    let at = Timestamp::from_micros(1_790_000_000_000_000);
    Context::decision(at, CommandId(Uuid::nil())).about(Uuid::from_u128(subject))
}
