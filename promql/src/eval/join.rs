//! `info`: labels of info metrics joined to series of the same job and instance.

use super::Evaluator;
use crate::{
    QueryError,
    column::{Column, Grid, Series},
    parse::ast::{Call, Kind},
    source::{Comparison, Labels},
};
use protocols::metrics::NAME;
use std::collections::HashMap;

/// Labels that tell which info series belongs to a series.
const IDENTITY: [&str; 2] = ["instance", "job"];

type Identity = [Option<String>; 2];

fn identity(labels: &Labels) -> Identity {
    IDENTITY.map(|name| labels.get(name).map(str::to_owned))
}

impl Evaluator {
    pub(super) fn info(&self, call: &Call, grid: Grid) -> Result<Vec<Series>, QueryError> {
        let base = self.vector(&call.arguments[0], grid)?;
        let infos = self.vector(&call.arguments[1], grid)?;
        let Kind::Selector(selector) = &call.arguments[1].kind else {
            return Ok(base);
        };
        // Labels that the selector names are the only ones joined, and those that must
        // not be empty are required.
        let named: Vec<_> = selector
            .matchers
            .iter()
            .filter(|matcher| matcher.name != NAME)
            .collect();
        let required = named.iter().any(|matcher| match matcher.comparison {
            Comparison::Equal => !matcher.value.is_empty(),
            Comparison::NotEqual => matcher.value.is_empty(),
            Comparison::Matches => {
                !crate::anchored(&matcher.value).is_ok_and(|regex| regex.is_match(""))
            }
            Comparison::MatchesNot => {
                crate::anchored(&matcher.value).is_ok_and(|regex| regex.is_match(""))
            }
        });
        let mut known: HashMap<Identity, Vec<&Series>> = HashMap::new();
        for info in &infos {
            known.entry(identity(&info.labels)).or_default().push(info);
        }
        let mut found = Vec::with_capacity(base.len());
        for Series { labels, mut column } in base {
            let matches = known.get(&identity(&labels)).map_or(&[][..], Vec::as_slice);
            for info in matches {
                let mut joined = Column::absent(grid.count);
                for step in 0..grid.count {
                    if info.column.has(step) && column.has(step) {
                        joined.set(step, column.get(step));
                        column.remove(step);
                    }
                }
                if !joined.is_empty() {
                    let mut pairs = labels.pairs().to_vec();
                    let more = info.labels.pairs().iter().filter(|(name, _)| {
                        name != NAME
                            && labels.get(name).is_none()
                            && (named.is_empty() || named.iter().any(|one| one.name == *name))
                    });
                    pairs.extend(more.cloned());
                    found.push(Series {
                        labels: Labels::new(pairs),
                        column: joined,
                    });
                }
            }
            if !required && !column.is_empty() {
                found.push(Series { labels, column });
            }
        }
        crate::column::merged(found)
    }
}
