//! What happened during a call, step by step. Nothing of an answer's body is in it.

use std::time::Duration;

use tokio::time::Instant;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `resolve`, `connect`, `tls`, `request`, `version`, `credential`
    pub name: &'static str,
    pub ok: bool,
    pub detail: String,
    pub took: Duration,
}

/// The steps so far.
#[derive(Debug)]
pub struct Trace {
    steps: Vec<Step>,
    since: Instant,
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            since: Instant::now(),
        }
    }
}

impl Trace {
    /// What is done now began when the step before ended.
    pub fn done(&mut self, name: &'static str, detail: impl Into<String>) {
        self.push(name, true, detail.into());
    }

    pub fn failed(&mut self, name: &'static str, detail: impl Into<String>) {
        self.push(name, false, detail.into());
    }

    pub fn into_steps(self) -> Vec<Step> {
        self.steps
    }

    fn push(&mut self, name: &'static str, ok: bool, detail: String) {
        let now = Instant::now();
        self.steps.push(Step {
            name,
            ok,
            detail,
            took: now - self.since,
        });
        self.since = now;
    }
}
