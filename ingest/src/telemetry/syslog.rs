//! Syslog over TCP (RFC 5424 in the framings of RFC 6587), on a port of its own.
//!
//! A message says whose it is by the key in its structured data (`[srec@N key="…"]`),
//! else it is of the key that the port was given. Syslog has no answer: what cannot be
//! stored at the moment is held, and no more is read, until it can, so that the sender
//! queues on its side. A message that was read is lost only if this process ends before
//! the next sync; one that is refused for good is dropped and counted.

mod batch;
mod connection;

use std::sync::Arc;

use metrics::{counter, gauge};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::IngestState;

/// Connections at a time; more wait to be accepted.
const CONNECTIONS: usize = 1_024;

/// The format of `protocols::formats` that the log gets.
const FORMAT: &str = "syslog.rfc5424";

/// Where messages are of whom that carry no key.
#[derive(Clone, Default)]
pub struct Port {
    /// An API key with the scope `ingest`; none = such messages are dropped.
    pub key: Option<Arc<Zeroizing<String>>>,
}

/// Takes messages until `shutdown`; then what was read is stored.
pub async fn serve(
    listener: TcpListener,
    state: Arc<IngestState>,
    port: Port,
    shutdown: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepting = async {
            let place = room.clone().acquire_owned().await.ok()?;
            Some((listener.accept().await, place))
        };
        match shutdown.run_until_cancelled(accepting).await {
            None | Some(None) => break,
            Some(Some((Err(error), _))) => {
                // Most often too many open files, which passes.
                tracing::warn!(%error, "syslog: a connection was not accepted");
                counter!("ingest_syslog_refused_connections_total").increment(1);
                tokio::time::sleep(connection::RETRY).await;
            }
            Some(Some((Ok((socket, peer)), place))) => {
                let (state, port, stop) = (state.clone(), port.clone(), shutdown.clone());
                gauge!("ingest_syslog_connections").increment(1.0);
                connections.spawn(async move {
                    if let Err(why) = connection::serve(socket, &state, &port, &stop).await {
                        tracing::info!(%peer, %why, "syslog: a connection was closed");
                    }
                    gauge!("ingest_syslog_connections").decrement(1.0);
                    drop(place);
                });
            }
        }
    }
    while connections.join_next().await.is_some() {}
}
