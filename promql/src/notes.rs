//! What a query's answer should be taken with: warnings and infos, as Prometheus words
//! them.

use std::{collections::BTreeSet, sync::Mutex};

#[derive(Debug, Default)]
pub(crate) struct Notes {
    warnings: Mutex<BTreeSet<String>>,
    infos: Mutex<BTreeSet<String>>,
}

fn add(to: &Mutex<BTreeSet<String>>, note: String) {
    if let Ok(mut known) = to.lock() {
        known.insert(note);
    }
}

fn all(of: &Mutex<BTreeSet<String>>) -> Vec<String> {
    of.lock()
        .map(|known| known.iter().cloned().collect())
        .unwrap_or_default()
}

impl Notes {
    pub(crate) fn warn(&self, note: &str, spot: &str) {
        add(&self.warnings, format!("PromQL warning: {note} {spot}"));
    }

    pub(crate) fn info(&self, note: &str, spot: &str) {
        add(&self.infos, format!("PromQL info: {note} {spot}"));
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        all(&self.warnings)
    }

    pub(crate) fn infos(&self) -> Vec<String> {
        all(&self.infos)
    }
}
