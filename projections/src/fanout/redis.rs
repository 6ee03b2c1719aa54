//! Fan-out between processes over Redis pub/sub, one channel per log. Redis may
//! come and go: what was not delivered is reported to listeners as lost.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use redis::aio::ConnectionManager;
use redis::{Client, RedisError, TlsCertificates};
use schemas::change::Announcement;
use schemas::ids::LogId;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

use super::{BACKLOG, Fanout, Heard, Listener};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// One of so many failures in a row is told.
const TOLD_OF: u32 = 30;

/// For roles that run apart.
#[derive(Debug)]
pub struct Redis {
    outbox: mpsc::Sender<Announcement>,
    heard: broadcast::Sender<Heard>,
}

impl Redis {
    /// Connects in the background, and again whenever the connection is lost. Over TLS the
    /// system's authorities are believed, or only those in `authority` (PEM).
    pub fn start(
        url: &str,
        authority: Option<&[u8]>,
        log: LogId,
        shutdown: &CancellationToken,
    ) -> Result<Self, RedisError> {
        let client = match authority {
            None => Client::open(url),
            Some(pem) => Client::build_with_tls(
                url,
                TlsCertificates {
                    client_tls: None,
                    root_cert: Some(pem.to_vec()),
                },
            ),
        }?;
        let channel = format!("sre-copilot:{log}:changes");
        let (outbox, waiting) = mpsc::channel(BACKLOG);
        let heard = broadcast::Sender::new(BACKLOG);
        tokio::spawn(shutdown.clone().run_until_cancelled_owned(deliver(
            client.clone(),
            channel.clone(),
            waiting,
        )));
        tokio::spawn(shutdown.clone().run_until_cancelled_owned(hear(
            client,
            channel,
            heard.clone(),
        )));
        Ok(Self { outbox, heard })
    }
}

#[async_trait]
impl Fanout for Redis {
    async fn publish(&self, announcements: Vec<Announcement>) {
        for announcement in announcements {
            if self.outbox.try_send(announcement).is_err() {
                metrics::counter!("fanout_lost_total", "reason" => "outbox_full").increment(1);
            }
        }
    }

    fn listen(&self) -> Listener {
        Listener(self.heard.subscribe())
    }
}

/// Publishes until shutdown. A failed delivery is not repeated: listeners find
/// the hole, and an old announcement after a newer one would only confuse them.
async fn deliver(client: Client, channel: String, mut waiting: mpsc::Receiver<Announcement>) {
    let mut connection: Option<ConnectionManager> = None;
    while let Some(announcement) = waiting.recv().await {
        if connection.is_none() {
            connection = ConnectionManager::new(client.clone()).await.ok();
        }
        let delivered = match &mut connection {
            Some(connection) => send(connection, &channel, &announcement).await,
            None => false,
        };
        if !delivered {
            metrics::counter!("fanout_lost_total", "reason" => "redis").increment(1);
        }
    }
}

async fn send(
    connection: &mut ConnectionManager,
    channel: &str,
    announcement: &Announcement,
) -> bool {
    let Ok(text) = serde_json::to_string(announcement) else {
        return false;
    };
    let sent: Result<i64, _> = redis::cmd("PUBLISH")
        .arg(channel)
        .arg(text)
        .query_async(connection)
        .await;
    sent.is_ok()
}

/// Subscribes until shutdown; every new subscription begins with [`Heard::Lost`],
/// because nobody knows what was said before it.
async fn hear(client: Client, channel: String, heard: broadcast::Sender<Heard>) {
    let (mut pause, mut failed) = (FIRST_PAUSE, 0_u32);
    loop {
        match listen(&client, &channel, &heard).await {
            Ok(()) => (pause, failed) = (FIRST_PAUSE, 0),
            Err(error) => {
                if failed.is_multiple_of(TOLD_OF) {
                    tracing::warn!(%error, "Redis is away; live updates wait");
                }
                failed = failed.wrapping_add(1);
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn listen(
    client: &Client,
    channel: &str,
    heard: &broadcast::Sender<Heard>,
) -> Result<(), RedisError> {
    let mut subscription = client.get_async_pubsub().await?;
    subscription.subscribe(channel).await?;
    let _nobody_listens = heard.send(Heard::Lost);
    let mut messages = subscription.on_message();
    while let Some(message) = messages.next().await {
        let payload: String = message.get_payload()?;
        let what = match serde_json::from_str(&payload) {
            Ok(announcement) => Heard::Announced(Arc::new(announcement)),
            // Written by another version: it says something that is unknown here.
            Err(_) => Heard::Lost,
        };
        let _nobody_listens = heard.send(what);
    }
    Ok(())
}
