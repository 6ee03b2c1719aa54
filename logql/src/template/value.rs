//! Values of a template.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What is in a list or an object is shared: a template may look at it many times.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// Nanoseconds since 1970.
    Time(i64),
    List(Arc<Vec<Value>>),
    Object(Arc<BTreeMap<String, Value>>),
    /// Go's nil.
    Nothing,
}

impl Default for Value {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// As Go reads JSON: numbers are floats.
impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match value {
            Json::Null => Self::Nothing,
            Json::Bool(is) => Self::Bool(is),
            Json::Number(number) => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            Json::String(text) => Self::Text(text),
            Json::Array(all) => Self::List(Arc::new(all.into_iter().map(Self::from).collect())),
            Json::Object(members) => {
                let members = members
                    .into_iter()
                    .map(|(name, value)| (name, value.into()));
                Self::Object(Arc::new(members.collect()))
            }
        }
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
            Self::List(list) => !list.is_empty(),
            Self::Object(members) => !members.is_empty(),
            Self::Nothing => false,
        }
    }

    /// `.a.b` of it. What an object does not have is nothing, and so is what that has.
    pub(super) fn member(&self, names: &[String]) -> Result<Self, String> {
        let mut value = self;
        for name in names {
            value = match value {
                Self::Object(members) => match members.get(name) {
                    Some(member) => member,
                    None => return Ok(Self::Nothing),
                },
                Self::Nothing => return Ok(Self::Nothing),
                other => return Err(format!("can't evaluate field {name} in {}", other.kind())),
            };
        }
        Ok(value.clone())
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "type string",
            Self::Int(_) => "type int",
            Self::Float(_) => "type float64",
            Self::Bool(_) => "type bool",
            Self::Time(_) => "type time.Time",
            Self::List(_) => "type []interface {}",
            Self::Object(_) => "type map[string]interface {}",
            Self::Nothing => "nil",
        }
    }

    /// What a function for texts and numbers has no use for.
    pub(super) fn unfit(&self) -> Option<&'static str> {
        match self {
            Self::List(_) | Self::Object(_) | Self::Nothing => Some(self.kind()),
            _ => None,
        }
    }

    /// What is no number is none, as in Sprig's casts.
    pub(super) fn float(&self) -> f64 {
        match self {
            Self::Text(text) => text.trim().parse().unwrap_or(0.0),
            Self::Int(number) | Self::Time(number) => *number as f64,
            Self::Float(number) => *number,
            Self::Bool(is) => f64::from(u8::from(*is)),
            Self::List(_) | Self::Object(_) | Self::Nothing => 0.0,
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
            Self::List(_) | Self::Object(_) | Self::Nothing => 0,
        }
    }

    /// For `eq`, `lt` and the like; None where there is no order.
    pub(super) fn compare(&self, other: &Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Nothing, Self::Nothing) => Some(std::cmp::Ordering::Equal),
            (a, b) if a.unfit().is_some() || b.unfit().is_some() => None,
            (a, b) => a.float().partial_cmp(&b.float()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.pad(text),
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(number) => f.pad(&float_text(*number)),
            Self::Bool(is) => write!(f, "{is}"),
            Self::Time(ns) => {
                let time = chrono::DateTime::from_timestamp_nanos(*ns);
                write!(f, "{}", time.format("%Y-%m-%d %H:%M:%S%.f +0000 UTC"))
            }
            Self::List(list) => {
                f.write_str("[")?;
                for (at, value) in list.iter().enumerate() {
                    write!(f, "{}{value}", if at > 0 { " " } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("map[")?;
                for (at, (name, value)) in members.iter().enumerate() {
                    write!(f, "{}{name}:{value}", if at > 0 { " " } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Nothing => f.write_str("<nil>"),
        }
    }
}

/// As Go's `%v`: the fewest digits, with an exponent below 1e-4 and from 1e6 on.
fn float_text(number: f64) -> String {
    if !number.is_finite() {
        return match (number.is_nan(), number > 0.0) {
            (true, _) => "NaN".to_owned(),
            (false, true) => "+Inf".to_owned(),
            (false, false) => "-Inf".to_owned(),
        };
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>().unwrap_or(0) {
        -4..6 => format!("{number}"),
        exponent if exponent < 0 => format!("{digits}e-{:02}", -exponent),
        exponent => format!("{digits}e+{exponent:02}"),
    }
}
