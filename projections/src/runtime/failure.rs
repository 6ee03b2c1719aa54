//! Why a batch was not applied, and what follows from that.

use schemas::codec::CodecError;
use schemas::envelope::BadHeader;

/// The type of a failure decides what becomes of the record.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Try again until it works: nothing is wrong with the record.
    #[error("{0}")]
    Transient(String),
    /// Will never work for this record: park its key and go on.
    #[error("{0}")]
    Permanent(String),
    /// Going on would lose meaning: the partition stops here until somebody acts.
    #[error("{0}")]
    Stop(String),
}

impl From<sqlx::Error> for ApplyError {
    fn from(error: sqlx::Error) -> Self {
        match concerns_the_data(&error) {
            true => Self::Permanent(error.to_string()),
            false => Self::Transient(error.to_string()),
        }
    }
}

impl From<CodecError> for ApplyError {
    fn from(error: CodecError) -> Self {
        match error.needs_newer_version() {
            true => Self::Stop(error.to_string()),
            false => Self::Permanent(error.to_string()),
        }
    }
}

impl From<BadHeader> for ApplyError {
    fn from(error: BadHeader) -> Self {
        Self::Permanent(error.to_string())
    }
}

/// Bad data, broken constraints and values over a limit. Anything else, a
/// missing table included, is the platform's trouble and not the record's.
fn concerns_the_data(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            ["21", "22", "23", "54"].contains(&code.get(..2).unwrap_or_default())
        }
        sqlx::Error::Encode(_) | sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => true,
        _ => false,
    }
}
