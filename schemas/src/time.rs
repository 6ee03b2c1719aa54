//! Points in time, in UTC microseconds, as the log keeps them.

use std::collections::HashSet;
use std::fmt;

use apache_avro::schema::{Name, NamespaceRef, RecordField, Schema};
use apache_avro::serde::AvroSchemaComponent;
use chrono::{DateTime, Datelike, SecondsFormat, TimeZone, Timelike, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Microseconds since 1970-01-01 UTC. RFC 3339 in JSON, `timestamp-micros` in Avro.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The same instant for SQL and display; saturates outside chrono's range.
    pub fn datetime(self) -> DateTime<Utc> {
        Utc.timestamp_micros(self.0)
            .single()
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    pub fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis.saturating_mul(1_000)))
    }

    /// Milliseconds from `earlier` to `self`; negative when it is later.
    pub fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0) / 1_000
    }

    /// Parses RFC 3339 with any offset.
    pub fn parse(text: &str) -> Result<Self, chrono::ParseError> {
        DateTime::parse_from_rfc3339(text).map(|time| Self(time.timestamp_micros()))
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_micros())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.datetime();
        match u32::try_from(time.year()) {
            Ok(year @ 0..=9999) => f.write_str(digits(year, time).as_str()),
            // Such a year has a sign and more digits.
            _ => f.write_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true)),
        }
    }
}

const PATTERN: [u8; 27] = *b"0000-00-00T00:00:00.000000Z";

/// RFC 3339 of a year with four digits: every record has one, and chrono's formatter
/// takes ten times as long.
struct Digits([u8; PATTERN.len()]);

fn digits(year: u32, time: DateTime<Utc>) -> Digits {
    let mut digits = Digits(PATTERN);
    digits.put(0..4, year);
    digits.put(5..7, time.month());
    digits.put(8..10, time.day());
    digits.put(11..13, time.hour());
    digits.put(14..16, time.minute());
    digits.put(17..19, time.second());
    digits.put(20..26, time.nanosecond() / 1_000 % 1_000_000);
    digits
}

impl Digits {
    fn put(&mut self, place: std::ops::Range<usize>, mut number: u32) {
        for digit in self.0[place].iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits and the pattern are ASCII")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            Self::parse(&text).map_err(serde::de::Error::custom)
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

impl AvroSchemaComponent for Timestamp {
    fn get_schema_in_ctxt(_: &mut HashSet<Name>, _: NamespaceRef<'_>) -> Schema {
        Schema::TimestampMicros
    }

    fn get_record_fields_in_ctxt(
        _: &mut HashSet<Name>,
        _: NamespaceRef<'_>,
    ) -> Option<Vec<RecordField>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn as_chrono_says(time: Timestamp) -> String {
        time.datetime().to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    #[test]
    fn years_of_other_lengths_are_written_too() {
        for micros in [
            i64::MIN,
            i64::MAX,
            -62_198_755_200_000_001,
            253_402_300_800_000_000,
        ] {
            let time = Timestamp::from_micros(micros);
            assert_eq!(time.to_string(), as_chrono_says(time));
        }
    }

    proptest! {
        #[test]
        fn is_written_as_chrono_writes_it(micros in -70_000_000_000_000_000i64..260_000_000_000_000_000) {
            let time = Timestamp::from_micros(micros);
            prop_assert_eq!(time.to_string(), as_chrono_says(time));
            if (0..253_402_300_800_000_000).contains(&micros) {
                prop_assert_eq!(Timestamp::parse(&time.to_string()), Ok(time));
            }
        }
    }
}
