//! Values of a template.

use std::fmt;

use promql::number::shortest;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// Nanoseconds since 1970.
    Time(i64),
}

impl Default for Value {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Value {
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty(),
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Bool(is) => *is,
            Self::Time(_) => true,
        }
    }

    /// What is no number is none, as in Sprig's casts.
    pub(super) fn float(&self) -> f64 {
        match self {
            Self::Text(text) => text.trim().parse().unwrap_or(0.0),
            Self::Int(number) | Self::Time(number) => *number as f64,
            Self::Float(number) => *number,
            Self::Bool(is) => f64::from(u8::from(*is)),
        }
    }

    pub(super) fn int(&self) -> i64 {
        match self {
            Self::Text(text) => match text.trim().parse() {
                Ok(number) => number,
                Err(_) => self.float() as i64,
            },
            Self::Int(number) | Self::Time(number) => *number,
            Self::Float(number) => *number as i64,
            Self::Bool(is) => i64::from(*is),
        }
    }

    /// For `eq`, `lt` and the like; None where there is no order.
    pub(super) fn compare(&self, other: &Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (a, b) => a.float().partial_cmp(&b.float()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.pad(text),
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(number) => f.pad(&shortest(*number)),
            Self::Bool(is) => write!(f, "{is}"),
            Self::Time(ns) => {
                let time = chrono::DateTime::from_timestamp_nanos(*ns);
                write!(f, "{}", time.format("%Y-%m-%d %H:%M:%S%.f +0000 UTC"))
            }
        }
    }
}
