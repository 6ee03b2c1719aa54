//! A segment: spans of one project as columns, each a frame of its own, so that a
//! query decompresses only what it asks for. Rows are in the order of (trace,
//! start): the spans of a trace lie together.
//!
//! Layout: version, rows, columns; per column its number, for a field its name,
//! and the length of its frame; then the frames in that order. The numbers of
//! columns are on disk: they never change.

mod fields;
mod read;
mod told;
mod write;

pub(crate) use fields::Field;
pub(crate) use read::{Core, Segment};
pub(crate) use write::{Blooms, Written, write};

const VERSION: u64 = 1;

/// What a column holds. A column whose values are all empty is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Column {
    /// Per trace: its id and how many rows it has.
    TraceId = 1,
    SpanId = 2,
    /// Per row: 0 none, 1 an id in `ParentId`, else 2 + distance to the parent's row.
    Parent = 3,
    ParentId = 4,
    /// Scale; per trace the difference to the trace before, then row to row.
    Start = 5,
    /// Scale; per row.
    Duration = 6,
    /// Kind + 8 × status.
    KindStatus = 7,
    /// Texts of names, scopes and resources; columns of codes point into it.
    Names = 8,
    Name = 9,
    Resources = 10,
    Resource = 11,
    Scope = 12,
    /// Texts of what is rare: messages, states, events, links, other fields.
    Rare = 13,
    StatusMessage = 14,
    TraceState = 15,
    /// One frequent field.
    Field = 16,
    /// Fields that have no column.
    OtherFields = 17,
    Events = 18,
    Links = 19,
    /// Rows that arrived late, and by how much.
    Late = 20,
}

#[cfg(test)]
mod tests;
