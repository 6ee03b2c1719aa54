//! From the webhook's 2xx to the frame in the client's hand.

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use reqwest::StatusCode;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::client::Client;
use crate::database::Database;
use crate::notification::{firing, first_incident};
use crate::platform::Platform;
use crate::statistics::{median_and_p99, proof};

const ROUNDS: usize = 200;
const GENEROUS: Duration = Duration::from_secs(60);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_reaches_the_browser() {
    let Some(database) = Database::start("flows::latency").await else {
        return;
    };
    let platform = Platform::start(Some(database.url().to_owned())).await;
    let client = platform.register().await;
    let key = client.new_key(&["ingest"]).await;
    let mut socket = open(&platform, &client).await;

    let mut times = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        let group = format!("Latency{round}");
        let incident = first_incident(client.project, &group).to_string();
        let answer = client.webhook(&key, &firing(&group, "aaaa")).await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let acked = Instant::now();
        let frame = frame_about(&mut socket, "incident.created", &incident);
        timeout(GENEROUS, frame)
            .await
            .expect("the frame of the incident comes");
        times.push(acked.elapsed());
    }
    socket.send(Message::Close(None)).await.unwrap();

    let (median, p99) = median_and_p99(times);
    let (sync, _) = median_and_p99(fdatasync_times(platform.folder()));
    let figures = format!(
        "median {:.1} ms, p99 {:.1} ms of {ROUNDS}; one 4 KiB fdatasync in the same folder: \
         median {:.2} ms",
        millis(median),
        millis(p99),
        millis(sync),
    );
    proof("webhook 2xx to frame at the client", &figures);
}

async fn open(platform: &Platform, client: &Client) -> Socket {
    let mut request = platform.websocket().into_client_request().unwrap();
    let bearer = format!("Bearer {}", client.token).parse().unwrap();
    request.headers_mut().insert("Authorization", bearer);
    let (mut socket, _) = connect_async(request).await.unwrap();
    let hello = timeout(GENEROUS, next_frame(&mut socket)).await.unwrap();
    assert_eq!(hello["type"], "hello", "{hello}");
    socket
}

async fn frame_about(socket: &mut Socket, kind: &str, key: &str) {
    loop {
        let frame = next_frame(socket).await;
        assert_ne!(frame["type"], "resync", "nothing was missed");
        if frame["type"] == kind && frame["key"] == key {
            return;
        }
    }
}

async fn next_frame(socket: &mut Socket) -> Value {
    loop {
        match socket.next().await.expect("the socket stays open").unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Close(reason) => panic!("closed: {reason:?}"),
            _ => {}
        }
    }
}

/// What the disk takes by itself: a block overwritten in place and synced.
fn fdatasync_times(folder: &Path) -> Vec<Duration> {
    let mut file = std::fs::File::create(folder.join("sync-probe")).unwrap();
    file.write_all(&[0; 4096]).unwrap();
    file.sync_all().unwrap();
    let one = |byte: usize| {
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(&[byte as u8; 4096]).unwrap();
        let written = Instant::now();
        file.sync_data().unwrap();
        written.elapsed()
    };
    (0..ROUNDS).map(one).collect()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
