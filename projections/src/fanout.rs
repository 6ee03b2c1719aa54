//! Telling every gateway what has changed: in this process, or over Redis.
//!
//! Delivery is a hint and may be lost; a listener sees the hole, because each
//! announcement names where it begins, and because a lost stretch is reported.

mod in_process;
mod redis;

use std::sync::Arc;

use async_trait::async_trait;
use schemas::change::Announcement;
use tokio::sync::broadcast::{self, error::RecvError};

pub use self::redis::Redis;
pub use in_process::InProcess;

/// How many announcements a listener may be behind before it has lost some.
const BACKLOG: usize = 4_096;

/// Where projections publish and gateways listen.
#[async_trait]
pub trait Fanout: Send + Sync + 'static {
    /// Never waits for listeners; what cannot be delivered is counted.
    async fn publish(&self, announcements: Vec<Announcement>);
    fn listen(&self) -> Listener;
}

/// What a listener is told.
#[derive(Debug, Clone)]
pub enum Heard {
    Announced(Arc<Announcement>),
    /// Some announcements are lost: treat everything as changed.
    Lost,
}

/// One listener's place in the stream.
#[derive(Debug)]
pub struct Listener(broadcast::Receiver<Heard>);

impl Listener {
    /// Waits for the next announcement; None when the fan-out is gone. Cancel-safe.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.0.recv().await {
            Ok(heard) => Some(heard),
            Err(RecvError::Lagged(missed)) => {
                metrics::counter!("fanout_lost_total", "reason" => "slow_listener")
                    .increment(missed);
                Some(Heard::Lost)
            }
            Err(RecvError::Closed) => None,
        }
    }
}
