//! Telling browsers what has changed: announcements of projections become frames,
//! numbered in a ring, and go to the sockets of the tenant and project they are of.
//!
//! Nothing may be missed silently. Announcements of one partition must follow each
//! other without a hole, and once a second the checkpoint table is compared; what
//! is missing makes every socket a `resync`, after which clients refetch.

mod continuity;
mod frames;
mod hub;
mod pace;
mod readable;
mod ring;
pub mod socket;

use std::sync::Arc;
use std::time::Duration;

use access::ended::End;
use parking_lot::Mutex;
use projections::fanout::{Fanout, Heard, Listener};
use projections::{Db, checkpoints};
use schemas::ids::LogId;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::progress::Progress;
use continuity::Continuity;
use hub::Hub;
pub use hub::{Client, Ending};

const COMPARE_EVERY: Duration = Duration::from_secs(1);
/// How long a comparison may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The live changes of this gateway.
#[derive(Clone)]
pub struct Live {
    hub: Arc<Mutex<Hub>>,
}

/// How a client that was here before goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    pub epoch: String,
    pub seq: u64,
}

impl Live {
    /// `instance` tells this gateway's ring from every other, also from its own
    /// before a restart.
    pub fn new(instance: Uuid, log: LogId) -> Self {
        let epoch = format!("{}-{}", instance.simple(), log.0.simple());
        Self {
            hub: Arc::new(Mutex::new(Hub::new(epoch))),
        }
    }

    /// Ends the sockets that carry `what`: a session, a member or a project.
    pub fn end(&self, what: End) {
        self.hub.lock().end(what);
    }

    /// Follows the fan-out until `stop`, then ends all sockets.
    pub async fn follow(
        &self,
        db: &Db,
        fanout: &dyn Fanout,
        progress: &Progress,
        stop: CancellationToken,
    ) {
        let mut heard = fanout.listen();
        let mut continuity = Continuity::default();
        let mut compare = tokio::time::interval(COMPARE_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                next = heard.next() => match next {
                    Some(heard) => self.take_in(&mut continuity, progress, &heard),
                    None => {
                        self.missed("fanout_closed");
                        heard = reopened(fanout).await;
                    }
                },
                _ = compare.tick() => self.compare(&mut continuity, progress, db).await,
            }
        }
        self.hub.lock().end_all(Ending::Restart);
    }

    fn take_in(&self, continuity: &mut Continuity, progress: &Progress, heard: &Heard) {
        match heard {
            Heard::Lost => self.missed("fanout_lost"),
            Heard::Announced(announcement) => {
                progress.announced(announcement);
                if !continuity.follows(announcement) {
                    self.missed("hole");
                }
                self.hub.lock().publish(&announcement.changes);
            }
        }
    }

    async fn compare(&self, continuity: &mut Continuity, progress: &Progress, db: &Db) {
        // Without Postgres nothing is committed, so nothing can be missed. One connection
        // that does not answer must not keep back what others announce.
        let asked = tokio::time::timeout(PATIENCE, checkpoints::all(db)).await;
        let Ok(Ok(checkpoints)) = asked else {
            return;
        };
        progress.compared(&checkpoints);
        if continuity.is_behind(&checkpoints) {
            self.missed("checkpoint");
        }
    }

    fn missed(&self, reason: &'static str) {
        metrics::counter!("gateway_live_resyncs_total", "reason" => reason).increment(1);
        self.hub.lock().resync();
    }
}

/// A fan-out that has closed is listened to anew, without haste.
async fn reopened(fanout: &dyn Fanout) -> Listener {
    tokio::time::sleep(COMPARE_EVERY).await;
    fanout.listen()
}
