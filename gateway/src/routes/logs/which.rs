//! The filter that all operations on logs take.

use chrono::{DateTime, Utc};
use projections::telemetry::logs::{BadQuery, Filter, LogsError, Query};
use protocols::logs::Level;
use schemas::telemetry::MAX_AHEAD_MS;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Gateway;
use crate::error::{Error, FieldError};
use crate::parameters::in_order;

/// What is looked at unless a range is given.
const DEFAULT_RANGE_NS: i64 = 3_600_000_000_000;

/// Which records.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Words, phrases and fields, all of which must hold, or all of those on one side of
    /// an `OR`: `(timeout OR "connection refused") service:checkout -level:debug`.
    pub query: Option<String>,
    /// Only of these services, separated by commas.
    pub service: Option<String>,
    /// Only of these levels, separated by commas: unknown, trace, debug, info, warn,
    /// error, fatal.
    pub level: Option<String>,
    /// Not before; an hour before `to` unless told.
    pub from: Option<DateTime<Utc>>,
    /// Before; now, or `as_of`, unless told.
    pub to: Option<DateTime<Utc>>,
}

impl Which {
    /// With `as_of_ns` only what had arrived by then.
    pub(super) fn query(&self, gateway: &Gateway, as_of_ns: Option<i64>) -> Result<Query, Error> {
        let now_ns = gateway.clock.now().micros().saturating_mul(1_000);
        let to_ns = match self.to {
            None => as_of_ns.map_or(now_ns, |as_of_ns| as_of_ns.saturating_add(1)),
            Some(to) => nanos("to", to)?,
        };
        let from_ns = match self.from {
            Some(from) => nanos("from", from)?,
            None => to_ns.saturating_sub(DEFAULT_RANGE_NS),
        };
        if from_ns >= to_ns {
            in_order(self.from, self.to)?;
            return Err(Error::Malformed(FieldError::new(
                "from",
                "must be before `to`",
            )));
        }
        let mut filter = self.filter()?;
        if let Some(as_of_ns) = as_of_ns {
            filter.known_at(as_of_ns);
        }
        Ok(Query {
            filter,
            from_ns,
            to_ns,
        })
    }

    /// The same; a range without an end takes in what senders whose clocks are ahead
    /// say of the next minutes.
    pub(super) fn query_ahead(
        &self,
        gateway: &Gateway,
        as_of_ns: Option<i64>,
    ) -> Result<Query, Error> {
        let mut query = self.query(gateway, as_of_ns)?;
        if self.to.is_none() {
            query.to_ns = query.to_ns.saturating_add(MAX_AHEAD_MS * 1_000_000);
        }
        Ok(query)
    }

    pub(super) fn filter(&self) -> Result<Filter, Error> {
        let mut filter = Filter::parse(self.query.as_deref().unwrap_or_default())?;
        filter.of_services(&listed(self.service.as_deref()));
        let levels = listed(self.level.as_deref());
        let levels: Result<Vec<Level>, Error> = levels.iter().map(|word| level(word)).collect();
        filter.of_levels(&levels?);
        Ok(filter)
    }
}

fn listed(text: Option<&str>) -> Vec<String> {
    let words = text.unwrap_or_default().split(',').map(str::trim);
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn level(word: &str) -> Result<Level, Error> {
    let known = Level::ALL.into_iter().find(|level| level.name() == word);
    known.ok_or_else(|| {
        let message = format!(
            "`{word}` is none of {}",
            Level::ALL.map(Level::name).join(", ")
        );
        Error::Malformed(FieldError::new("level", message))
    })
}

fn nanos(field: &'static str, time: DateTime<Utc>) -> Result<i64, Error> {
    time.timestamp_nanos_opt()
        .ok_or_else(|| Error::Malformed(FieldError::new(field, "is too far from now")))
}

impl From<BadQuery> for Error {
    fn from(bad: BadQuery) -> Self {
        Self::Malformed(FieldError::new("query", bad.to_string()))
    }
}

impl From<LogsError> for Error {
    fn from(error: LogsError) -> Self {
        match error {
            LogsError::Query(error) => error.into(),
            LogsError::NoMemory(why) => why.into(),
            LogsError::TookTooLong => {
                Self::Invalid(vec![FieldError::new("query", error.to_string())])
            }
            LogsError::Damaged(_) | LogsError::Ended(_) => Self::Internal(error.to_string()),
        }
    }
}
