//! Fan-out over a real Redis that goes away and comes back.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use projections::fanout::{Fanout, Heard, Listener, Redis};
use schemas::change::Announcement;
use schemas::ids::LogId;
use testkit::{Peer, certificate, free_port, peer};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::fixture::LONG;

const MOMENT: Duration = Duration::from_millis(100);

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _already_gone = self.0.kill();
        let _already_reaped = self.0.wait();
    }
}

fn start(binary: &Path, port: u16) -> Server {
    start_with(binary, &["--port", &port.to_string()])
}

fn start_with(binary: &Path, arguments: &[&str]) -> Server {
    let child = Command::new(binary)
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(arguments)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server starts");
    Server(child)
}

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

/// Publishes until the listener hears it, as Redis may not be connected yet;
/// says whether a gap was told on the way.
async fn heard(publisher: &Redis, listener: &mut Listener, from: i64) -> bool {
    let hearing = async {
        let mut lost = false;
        loop {
            publisher.publish(vec![announcement(from)]).await;
            match timeout(MOMENT, listener.next()).await {
                Ok(Some(Heard::Announced(said))) if said.from == from => return lost,
                Ok(Some(Heard::Lost)) => lost = true,
                Ok(None) => panic!("the fan-out ended"),
                Ok(Some(Heard::Announced(_))) | Err(_) => {}
            }
        }
    };
    timeout(LONG, hearing)
        .await
        .expect("Redis answers within a minute")
}

#[tokio::test]
async fn listeners_hear_other_processes_and_learn_of_a_gap() {
    let Some(binary) = peer("redis fan-out", Peer::RedisServer) else {
        return;
    };
    let (port, stop) = (free_port(), CancellationToken::new());
    let server = start(&binary, port);
    let url = format!("redis://127.0.0.1:{port}");
    let log = LogId(Uuid::from_u128(1));
    let publisher = Redis::start(&url, None, log, &stop).expect("a url");
    let other = Redis::start(&url, None, log, &stop).expect("a url");
    let stranger = Redis::start(&url, None, LogId(Uuid::from_u128(2)), &stop).expect("a url");
    let (mut listener, mut foreign) = (other.listen(), stranger.listen());
    assert!(
        heard(&publisher, &mut listener, 1).await,
        "a new subscription knows nothing of before"
    );

    drop(server);
    publisher.publish(vec![announcement(2)]).await;
    let _server = start(&binary, port);
    assert!(heard(&publisher, &mut listener, 3).await, "the gap is told");
    while let Ok(Some(said)) = timeout(MOMENT, foreign.next()).await {
        assert!(
            matches!(said, Heard::Lost),
            "another log's announcements stay apart"
        );
    }
    stop.cancel();
}

#[tokio::test]
async fn over_tls_it_is_heard_where_the_authority_is_believed() {
    let test = "redis fan-out over TLS";
    let Some(binary) = peer(test, Peer::RedisServer) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let Some((cert, key)) = certificate(test, folder.path()) else {
        return;
    };
    let (port, stop) = (free_port(), CancellationToken::new());
    let file = |path: &Path| path.display().to_string();
    let _server = start_with(
        &binary,
        &[
            &["--port", "0", "--tls-port", &port.to_string()][..],
            &["--tls-cert-file", &file(&cert)],
            &["--tls-key-file", &file(&key)],
            &["--tls-auth-clients", "no"],
        ]
        .concat(),
    );
    let url = format!("rediss://127.0.0.1:{port}");
    let authority = std::fs::read(&cert).expect("the certificate");
    let log = LogId(Uuid::from_u128(1));
    let believing = || Redis::start(&url, Some(&authority), log, &stop).expect("a url");
    let (publisher, other) = (believing(), believing());
    let doubting = Redis::start(&url, None, log, &stop).expect("a url");
    let (mut listener, mut deaf) = (other.listen(), doubting.listen());
    heard(&publisher, &mut listener, 1).await;
    assert!(timeout(MOMENT, deaf.next()).await.is_err(), "not believed");
    stop.cancel();
}
