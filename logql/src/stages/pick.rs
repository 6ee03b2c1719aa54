//! `drop` and `keep`.

use super::label_filter::Matching;
use crate::ast::Pick;
use crate::line::{DETAILS, ERROR, LabelSet};

#[derive(Debug)]
pub(crate) struct Picks {
    picks: Vec<Ready>,
}

#[derive(Debug)]
enum Ready {
    Name(String),
    Value(Matching),
}

impl Picks {
    pub(crate) fn of(picks: &[Pick]) -> Result<Self, String> {
        let ready = picks.iter().map(|pick| {
            Ok(match pick {
                Pick::Name(name) => Ready::Name(name.clone()),
                Pick::Value(matcher) => Ready::Value(Matching::of(matcher)?),
            })
        });
        let picks: Result<_, String> = ready.collect();
        Ok(Self { picks: picks? })
    }

    fn names(&self, name: &str, value: &str) -> bool {
        self.picks.iter().any(|pick| match pick {
            Ready::Name(known) => known == name,
            Ready::Value(matching) => matching.name() == name && matching.holds(value),
        })
    }

    pub(crate) fn drop_from(&self, labels: &mut LabelSet) {
        let no_error = labels
            .get(ERROR)
            .is_some_and(|error| self.names(ERROR, error));
        labels.retain(|name, value| !(self.names(name, value) || no_error && name == DETAILS));
    }

    /// Errors stay, whatever is kept; and what is left was named.
    pub(crate) fn keep_in(&self, labels: &mut LabelSet) {
        labels.retain(|name, value| name == ERROR || name == DETAILS || self.names(name, value));
        labels.show();
    }
}
