//! The end of a session that no refresh puts off: a while after its sign-in, as the
//! deployment says.

use schemas::time::Timestamp;

use super::ending;
use super::vault::refresh_tokens::Holder;
use super::vault::sessions;
use crate::Gateway;
use crate::error::Error;

impl Gateway {
    /// When a session that began then is over.
    pub(super) fn session_end(&self, began: Timestamp) -> Timestamp {
        began.plus_millis(self.session_lifetime_ms())
    }

    /// Sessions that began before this are over.
    pub(super) fn oldest_session(&self) -> Timestamp {
        let now = self.clock.now();
        now.plus_millis(-self.session_lifetime_ms())
    }

    fn session_lifetime_ms(&self) -> i64 {
        i64::try_from(self.config.session_lifetime.as_millis()).unwrap_or(i64::MAX)
    }
}

/// When the session of `holder` is over. One whose time has come is ended, with its access
/// tokens and its sockets, and refused.
pub(super) async fn end_of(gateway: &Gateway, holder: &Holder) -> Result<Timestamp, Error> {
    let began = sessions::began_at(&gateway.db, holder.family).await?;
    let began = began.ok_or(Error::SessionOver("the session was ended"))?;
    let end = gateway.session_end(began);
    if gateway.clock.now() < end {
        return Ok(end);
    }
    ending::session(gateway, holder.family).await?;
    Err(Error::SessionOver(
        "its sign-in was too long ago, sign in again",
    ))
}
