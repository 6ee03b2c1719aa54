//! A segment: up to some ten thousand records as columns, each a frame of its own,
//! so that a query fetches and decompresses only what it asks for. Rows are in the
//! order of (time, position).
//!
//! Layout: length of the directory, directory, frames. The directory: version,
//! rows, columns; per column its number, for a field its name, and the length of its
//! frame. The numbers are on disk: they never change.

mod append;
mod directory;
mod fields;
mod present;
mod read;
mod values;
mod write;

pub(super) use directory::Directory;
pub(super) use fields::FieldColumn;
pub(super) use read::Segment;
pub(super) use values::push_hex;
pub(super) use write::{Bloom, Writer};

const VERSION: u64 = 1;

/// What a column holds. A column without content is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(super) enum Column {
    /// Scale, then per row the difference to the row before.
    Time = 1,
    /// One byte a row.
    Level = 2,
    /// Texts of `table::encode_stream`, and a code per row.
    Streams = 3,
    Stream = 4,
    /// Offset as difference to the row before; item of the body likewise where the
    /// offset is the same.
    Position = 5,
    BodyLength = 6,
    Body = 7,
    /// Presence, then 16 and 8 bytes for each that is present.
    TraceId = 8,
    SpanId = 9,
    /// Texts, and a code per row.
    LevelTexts = 10,
    LevelText = 11,
    /// Rows that arrived late, and by how much.
    Late = 12,
    /// One frequent field.
    Field = 13,
    /// Fields that have no column of their own.
    OtherFields = 14,
    /// The filter over tokens, as it is, of ten bits a token; no longer written.
    FirstBloom = 15,
    /// The same of sixteen bits a token.
    Bloom = 16,
}

impl Column {
    const ALL: [Self; 16] = [
        Self::Time,
        Self::Level,
        Self::Streams,
        Self::Stream,
        Self::Position,
        Self::BodyLength,
        Self::Body,
        Self::TraceId,
        Self::SpanId,
        Self::LevelTexts,
        Self::LevelText,
        Self::Late,
        Self::Field,
        Self::OtherFields,
        Self::FirstBloom,
        Self::Bloom,
    ];

    fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|column| *column as u8 == number)
    }
}

#[cfg(test)]
mod tests;
