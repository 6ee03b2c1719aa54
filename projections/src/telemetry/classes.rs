//! How many days items of a signal are kept, by the stream that they belong to: a
//! metric's name, or the service that sent a record or a span.

use sqlx::PgConnection;
use xxhash_rust::xxh3::xxh3_64;

use super::compaction::Place;

/// Days that a whole signal is kept where no rule says anything.
pub const DEFAULTS: [(&str, i16); 5] = [
    ("metrics", 30),
    ("metrics_5m", 90),
    ("metrics_1h", 400),
    ("logs", 30),
    ("spans", 30),
];

pub(crate) fn default_of(signal: &str) -> i16 {
    let known = DEFAULTS.iter().find(|(name, _)| *name == signal);
    known.map_or(30, |(_, days)| *days)
}

/// The rules of one project and signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Classes {
    /// Tells sets of rules apart; 0 where there are none.
    pub(crate) version: i64,
    whole: i16,
    exact: Vec<(String, i16)>,
    /// The longest first.
    beginnings: Vec<(String, i16)>,
}

impl Classes {
    /// From rules (stream, days); an empty stream is the whole signal.
    pub(crate) fn new(signal: &str, mut rules: Vec<(String, i16)>) -> Self {
        rules.sort_unstable();
        let mut text = String::new();
        for (stream, days) in &rules {
            text.push_str(&format!("{stream}\0{days}\0"));
        }
        let version = match rules.is_empty() {
            true => 0,
            false => xxh3_64(text.as_bytes()).cast_signed(),
        };
        let mut classes = Self {
            version,
            whole: default_of(signal),
            exact: Vec::new(),
            beginnings: Vec::new(),
        };
        for (stream, days) in rules {
            match stream.strip_suffix('*') {
                Some(beginning) => classes.beginnings.push((beginning.to_owned(), days)),
                None if stream.is_empty() => classes.whole = days,
                None => classes.exact.push((stream, days)),
            }
        }
        classes
            .beginnings
            .sort_by_key(|(beginning, _)| std::cmp::Reverse(beginning.len()));
        classes
    }

    /// Whether all streams are kept alike.
    pub(crate) fn is_uniform(&self) -> bool {
        self.exact.is_empty() && self.beginnings.is_empty()
    }

    pub(crate) fn whole(&self) -> i16 {
        self.whole
    }

    pub(crate) fn of(&self, stream: &str) -> i16 {
        let exact = self.exact.iter().find(|(name, _)| name == stream);
        let begins = || {
            let mut all = self.beginnings.iter();
            all.find(|(beginning, _)| stream.starts_with(beginning.as_str()))
        };
        exact.or_else(begins).map_or(self.whole, |(_, days)| *days)
    }
}

/// What holds for a project's signal now, in the schema of the session.
pub(crate) async fn load(
    rows: &mut PgConnection,
    signal: &str,
    place: Place,
) -> Result<Classes, sqlx::Error> {
    let rules = sqlx::query_as(
        "SELECT stream, class FROM retention
         WHERE tenant_id = $1 AND project_id = $2 AND signal = $3",
    )
    .bind(place.tenant.0)
    .bind(place.project.0)
    .bind(signal)
    .fetch_all(rows)
    .await?;
    Ok(Classes::new(signal, rules))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_rule_holds() {
        let rule = |stream: &str, days| (stream.to_owned(), days);
        let rules = vec![
            rule("shop*", 7),
            rule("", 90),
            rule("shop-debug*", 1),
            rule("shop-debug-9", 400),
        ];
        let classes = Classes::new("logs", rules.clone());
        for (stream, days) in [
            ("cart", 90),
            ("shop", 7),
            ("shop-debug", 1),
            ("shop-debug-9", 400),
            ("shop-debug-99", 1),
        ] {
            assert_eq!(classes.of(stream), days, "{stream}");
        }
        assert!(!classes.is_uniform());
        let turned = Classes::new("logs", rules.into_iter().rev().collect());
        assert_eq!(classes, turned, "in whatever order they come");
        assert_ne!(classes.version, 0);
        let none = Classes::new("metrics_1h", Vec::new());
        assert_eq!((none.version, none.of("x")), (0, 400));
    }
}
