//! `unwrap`: the number that a label holds.

use super::label_filter::Filter;
use crate::ast::{Conversion, Unwrap};
use crate::line::Line;
use crate::units;

#[derive(Debug)]
pub(crate) struct Number {
    label: String,
    conversion: Option<Conversion>,
    filters: Vec<Filter>,
    /// Whether series may be told apart by it all the same.
    stays: bool,
}

impl Number {
    pub(crate) fn of(unwrap: &Unwrap, stays: bool) -> Result<Self, String> {
        let filters: Result<_, String> = unwrap.filters.iter().map(Filter::of).collect();
        Ok(Self {
            label: unwrap.label.clone(),
            conversion: unwrap.conversion,
            filters: filters?,
            stays,
        })
    }

    /// None where the line has none, or is not wanted. The filters see the label still; then
    /// it is the number, and no label any more.
    pub(crate) fn take(&self, line: &mut Line) -> Option<f64> {
        let value = line.labels.get(&self.label)?;
        if value.is_empty() {
            return None;
        }
        let number = match self.conversion {
            None => value.parse().ok(),
            Some(Conversion::Bytes) => units::bytes(value),
            Some(Conversion::Duration | Conversion::DurationSeconds) => {
                units::duration_ns(value).map(|ns| ns / 1e9)
            }
        };
        if number.is_none() {
            let details = format!("{value:?} of label {} is no number", self.label);
            line.labels.fail("SampleExtractionErr", details);
        }
        let wanted = self
            .filters
            .iter()
            .all(|filter| filter.holds(&mut line.labels));
        if number.is_some() && !self.stays {
            line.labels.remove(&self.label);
        }
        wanted.then(|| number.unwrap_or(0.0))
    }
}
