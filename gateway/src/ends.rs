//! Ending access tokens before their time, on every gateway within a second: what
//! ends is noted here at once and in the vault, which the others read twice a second.

mod changes;
mod unshown;

use std::time::Duration;

use access::denied::Denied;
use access::ended::End;
use access::principal::{Grant, Principal};
use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use crate::Gateway;
use crate::auth::vault::ends;
use crate::error::Error;
pub(crate) use unshown::Unshown;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A row can become visible a moment after one that was noted later.
const OVERLAP: TimeDelta = TimeDelta::seconds(10);

impl Gateway {
    /// Tokens that carry `what` and were made until now are good for nothing, and
    /// their sockets are closed.
    pub async fn end(&self, what: End) -> Result<(), Error> {
        self.end_all(&[what]).await
    }

    /// The same of many at once.
    pub(crate) async fn end_all(&self, all: &[End]) -> Result<(), Error> {
        let now = self.clock.now();
        ends::add(&self.db, all, now).await?;
        for what in all {
            self.ended.note(*what, now);
            self.live.end(*what);
        }
        Ok(())
    }

    /// Whether nobody has ended the caller's credential: keys can be revoked or changed,
    /// and sessions ended, while a body comes, a socket is open or an answer is being sent.
    /// That a token has come to its own end is for others to see.
    pub(crate) fn readmits(&self, principal: &Principal) -> Result<(), Denied> {
        if let Grant::Key { id, scopes } = principal.grant() {
            self.keyring.readmit(*id, scopes, self.clock.now())?;
        }
        self.ended.check(principal)
    }

    pub(crate) fn still_admits(&self, principal: &Principal) -> bool {
        self.readmits(principal).is_ok()
    }

    /// Takes in what other gateways have ended, until `stop`.
    pub(crate) async fn follow_ends(&self, stop: CancellationToken) {
        let mut seen = None;
        let mut look = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => {}
            }
            match self.look_for_ends(seen).await {
                Ok(latest) => seen = latest,
                Err(error) => tracing::debug!(%error, "what was ended elsewhere is not known"),
            }
        }
    }

    /// One round; returns the latest that was noted.
    pub async fn look_for_ends(
        &self,
        seen: Option<DateTime<Utc>>,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let noted = ends::since(&self.db, seen.map(|at| at - OVERLAP)).await?;
        let latest = noted.last().map(|noted| noted.noted_at).max(seen);
        for noted in noted {
            if self.ended.note(noted.end, noted.at) {
                self.live.end(noted.end);
            }
        }
        self.ended.forget(self.clock.now());
        Ok(latest)
    }
}
