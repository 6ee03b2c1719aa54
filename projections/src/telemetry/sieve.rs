//! Which of the bodies that arrive a fold leaves out: repeats, and what a deletion
//! covers.

use sqlx::PgConnection;

use super::bodies::{Body, dropped};
use super::deletions::Deleted;
use super::repeats::Repeats;

/// Of one signal.
#[derive(Debug)]
pub(crate) struct Sieve {
    signal: &'static str,
    repeats: Repeats,
    /// None until it is read. A new deletion ends the session of the fold.
    deleted: Option<Deleted>,
}

impl Sieve {
    pub(crate) fn new(signal: &'static str) -> Self {
        Self {
            signal,
            repeats: Repeats::new(signal),
            deleted: None,
        }
    }

    pub(crate) fn signal(&self) -> &'static str {
        self.signal
    }

    /// Reads what was stored, once.
    pub(crate) async fn load(&mut self, rows: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.deleted.is_none() {
            self.deleted = Some(Deleted::load(rows, self.signal).await?);
        }
        self.repeats.load(rows).await
    }

    /// Whether the body is taken; counts it where it is not.
    pub(crate) fn takes(&mut self, body: &Body) -> bool {
        let reason = match &self.deleted {
            Some(deleted) if deleted.covers(body) => "deleted",
            _ if !self.repeats.is_new(body) => "repeated body",
            _ => return true,
        };
        dropped(self.signal, body.tenant, reason, 1);
        false
    }

    /// Stores what is new since the last time.
    pub(crate) async fn store(&mut self, rows: &mut PgConnection) -> Result<(), sqlx::Error> {
        self.repeats.store(rows).await
    }
}
