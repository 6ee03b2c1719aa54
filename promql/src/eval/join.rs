//! `info`: labels of info metrics joined to series of the same job and instance.

use super::Evaluator;
use crate::{
    QueryError,
    column::{Column, Grid, Series, is_absent},
    parse::ast::{Call, Kind, Selector},
    source::{Comparison, Labels, Matcher},
};
use protocols::metrics::NAME;
use std::collections::{BTreeMap, HashMap};

/// Labels that tell which info series belongs to a series.
const IDENTITY: [&str; 2] = ["instance", "job"];

type Identity = [Option<String>; 2];

/// None where a series has neither.
fn identity(labels: &Labels) -> Option<Identity> {
    let found = IDENTITY.map(|name| labels.get(name).map(str::to_owned));
    found.iter().any(Option::is_some).then_some(found)
}

/// A matcher with its expression compiled.
struct Test<'m> {
    matcher: &'m Matcher,
    regex: Option<regex::Regex>,
}

impl<'m> Test<'m> {
    fn of(matcher: &'m Matcher) -> Self {
        let is_regex = matches!(
            matcher.comparison,
            Comparison::Matches | Comparison::MatchesNot
        );
        let regex = is_regex.then(|| crate::anchored(&matcher.value).ok());
        Self {
            matcher,
            regex: regex.flatten(),
        }
    }

    fn holds(&self, value: &str) -> bool {
        let matches = self.regex.as_ref().map(|regex| regex.is_match(value));
        match self.matcher.comparison {
            Comparison::Equal => self.matcher.value == value,
            Comparison::NotEqual => self.matcher.value != value,
            Comparison::Matches => matches == Some(true),
            Comparison::MatchesNot => matches == Some(false),
        }
    }

    fn is_positive(&self) -> bool {
        matches!(
            self.matcher.comparison,
            Comparison::Equal | Comparison::Matches
        )
    }
}

/// What the selector of `info` says: which metrics, and which of their labels.
struct Wanted<'m> {
    names: Vec<Test<'m>>,
    labels: Vec<Test<'m>>,
}

impl<'m> Wanted<'m> {
    fn of(selector: &'m Selector) -> Self {
        let tests = selector.matchers.iter().map(Test::of);
        let (names, labels) = tests.partition(|test| test.matcher.name == NAME);
        Self { names, labels }
    }

    /// Whether a series is an info metric itself, which gets no labels of others.
    fn is_info(&self, labels: &Labels) -> bool {
        let name = labels.get(NAME).unwrap_or_default();
        self.names.iter().any(Test::is_positive) && self.names.iter().all(|test| test.holds(name))
    }

    /// Labels that the selector names are the only ones joined.
    fn takes(&self, name: &str) -> bool {
        name != NAME
            && (self.labels.is_empty() || self.labels.iter().any(|test| test.matcher.name == name))
    }

    /// Whether a series that no info series belongs to is left out.
    fn is_required(&self) -> bool {
        self.labels.iter().any(|test| !test.holds(""))
    }

    /// The labels of a series with those of its info series.
    fn joined<'i>(
        &self,
        labels: &Labels,
        infos: impl Iterator<Item = &'i Labels>,
    ) -> Result<Labels, QueryError> {
        let mut more = BTreeMap::<&str, &str>::new();
        let told = infos.flat_map(|info| info.pairs());
        for (name, value) in told.filter(|(name, _)| self.takes(name)) {
            if more.get(name.as_str()).is_some_and(|known| known != value) {
                return Err(QueryError::Execution(format!("conflicting label: {name}")));
            }
            if labels.get(name).is_none() {
                more.insert(name, value);
            }
        }
        let mut pairs = labels.pairs().to_vec();
        pairs.extend(
            more.into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        Ok(Labels::new(pairs))
    }
}

/// Of each info metric the series with the newest sample at a step; the values of `infos`
/// are when their samples were.
fn newest(infos: &[Series], among: &[usize], step: usize) -> Result<Vec<usize>, QueryError> {
    let mut newest = BTreeMap::<&str, usize>::new();
    for at in among {
        let time = infos[*at].column.values[step];
        if is_absent(time) {
            continue;
        }
        let name = infos[*at].labels.get(NAME).unwrap_or_default();
        let known = newest.entry(name).or_insert(*at);
        let known_time = infos[*known].column.values[step];
        if time > known_time {
            *known = *at;
        } else if *known != *at && time >= known_time {
            return Err(QueryError::Execution(format!(
                "found duplicate series for info metric: {name:?} has two with samples of the same time, {time}"
            )));
        }
    }
    Ok(newest.into_values().collect())
}

impl Evaluator {
    pub(super) fn info(&self, call: &Call, grid: Grid) -> Result<Vec<Series>, QueryError> {
        let base = self.vector(&call.arguments[0], grid)?;
        let Kind::Selector(selector) = &call.arguments[1].kind else {
            return Ok(base);
        };
        let infos = self.collect(self.instant(selector, true)?, grid)?;
        let wanted = Wanted::of(selector);
        let mut known: HashMap<Identity, Vec<usize>> = HashMap::new();
        for (at, info) in infos.iter().enumerate() {
            if let Some(identity) = identity(&info.labels) {
                known.entry(identity).or_default().push(at);
            }
        }
        let is_required = wanted.is_required();
        let mut found = Vec::with_capacity(base.len());
        for one in base {
            if wanted.is_info(&one.labels) {
                found.push(one);
                continue;
            }
            let among = identity(&one.labels).and_then(|identity| known.get(&identity));
            let among = among.map_or(&[][..], Vec::as_slice);
            // Which info series belong to it changes over time.
            let mut columns = BTreeMap::<Vec<usize>, Column>::new();
            for step in (0..grid.count).filter(|step| one.column.has(*step)) {
                let told = newest(&infos, among, step)?;
                if told.is_empty() && is_required {
                    continue;
                }
                let column = columns.entry(told);
                let column = column.or_insert_with(|| Column::absent(grid.count));
                column.set(step, one.column.get(step));
            }
            for (told, column) in columns {
                self.pay(grid.count)?;
                let told = told.iter().map(|at| &infos[*at].labels);
                found.push(Series {
                    labels: wanted.joined(&one.labels, told)?,
                    column,
                });
            }
        }
        crate::column::merged(found)
    }
}
