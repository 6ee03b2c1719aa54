//! Fan-out within one process.

use std::sync::Arc;

use async_trait::async_trait;
use schemas::change::Announcement;
use tokio::sync::broadcast;

use super::{BACKLOG, Fanout, Heard, Listener};

/// For the all-in-one server.
#[derive(Debug)]
pub struct InProcess(broadcast::Sender<Heard>);

impl Default for InProcess {
    fn default() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }
}

#[async_trait]
impl Fanout for InProcess {
    async fn publish(&self, announcements: Vec<Announcement>) {
        for announcement in announcements {
            // Without listeners there is nobody to miss it.
            let _nobody_listens = self.0.send(Heard::Announced(Arc::new(announcement)));
        }
    }

    fn listen(&self) -> Listener {
        Listener(self.0.subscribe())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announcement(from: i64) -> Announcement {
        Announcement {
            projection: "incidents".to_owned(),
            topic: "incident.events".to_owned(),
            partition: 0,
            from,
            to: from + 1,
            changes: Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_slow_listener_is_told_that_it_lost_some_and_then_goes_on() {
        let fanout = InProcess::default();
        let mut listener = fanout.listen();
        let many = i64::try_from(BACKLOG).unwrap() + 3;
        fanout.publish((0..many).map(announcement).collect()).await;
        assert!(matches!(listener.next().await, Some(Heard::Lost)));
        let Some(Heard::Announced(next)) = listener.next().await else {
            panic!("expected an announcement");
        };
        assert_eq!(next.from, 3);
    }
}
