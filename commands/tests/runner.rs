//! The runner on a real embedded log, with a history that folds that log and can
//! be slowed down or taken away.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "runner/crashes.rs"]
mod crashes;
#[path = "runner/erased.rs"]
mod erased;
#[path = "runner/history.rs"]
mod history;
#[path = "runner/outage.rs"]
mod outage;
#[path = "runner/outcomes.rs"]
mod outcomes;
#[path = "runner/retries.rs"]
mod retries;
#[path = "runner/scopes.rs"]
mod scopes;
#[path = "runner/stops.rs"]
mod stops;
#[path = "runner/waiting.rs"]
mod waiting;
#[path = "runner/world.rs"]
mod world;
