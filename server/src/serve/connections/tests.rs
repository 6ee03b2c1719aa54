//! Over real sockets, with limits that are short where they are to be met and long where
//! they are not.

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;

const SHORT: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_secs(600);
/// How long a test waits for what is to happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bounds that nothing meets.
fn wide() -> Bounds {
    Bounds {
        head: LONG,
        idle: LONG,
        ping: LONG,
        pong: LONG,
        room: Arc::new(Room::of(100)),
    }
}

struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    ended: JoinHandle<()>,
    /// `/slow` and `/refuse` say when they were called, and the first waits for `go`.
    called: Arc<Notify>,
    go: Arc<Notify>,
}

async fn served(bounds: Bounds) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let (called, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (calls, waits) = (called.clone(), go.clone());
    let slow = move || async move {
        calls.notify_one();
        waits.notified().await;
        "slow"
    };
    let refusals = called.clone();
    let refuse = move || async move {
        refusals.notify_one();
        StatusCode::UNAUTHORIZED
    };
    let router = Router::new()
        .route(
            "/",
            get(|ConnectInfo(from): ConnectInfo<SocketAddr>| async move { from.to_string() }),
        )
        .route("/slow", get(slow))
        .route("/read", post(|body: Bytes| async move { body }))
        .route("/refuse", post(refuse));
    let ended = tokio::spawn(serve(listener, router, bounds, stop.clone()));
    Served {
        address,
        stop,
        ended,
        called,
        go,
    }
}

impl Served {
    /// A connection on which this was said.
    async fn saying(&self, said: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(said).await.unwrap();
        stream
    }
}

/// Everything until the connection is closed, however it is.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let closed = stream.read_to_end(&mut read);
    timeout(PATIENCE, closed).await.expect("closed").ok();
    String::from_utf8_lossy(&read).into_owned()
}

/// An answer's head and, where it tells its length, its body.
async fn answer(stream: &mut TcpStream) -> String {
    let reading = async {
        let mut read = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&read).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                    return text;
                }
            }
            let count = stream.read_buf(&mut read).await.unwrap();
            assert!(count > 0, "closed after {text:?}");
        }
    };
    timeout(PATIENCE, reading).await.expect("an answer")
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n";
const SLOW: &[u8] = b"GET /slow HTTP/1.1\r\nhost: here\r\n\r\n";

#[tokio::test]
async fn who_does_not_finish_a_head_is_cut() {
    let served = served(Bounds {
        head: SHORT,
        ..wide()
    })
    .await;
    for said in [
        &b""[..],
        b"G",
        b"GET / HTTP/1.1\r\nhost: he",
        &PREFACE[..20],
    ] {
        let mut stream = served.saying(said).await;
        assert_eq!(until_closed(&mut stream).await, "", "{said:?}");
    }
    // Nor is a second one waited for longer.
    let mut stream = served.saying(GET).await;
    answer(&mut stream).await;
    stream.write_all(b"GET /").await.unwrap();
    assert_eq!(until_closed(&mut stream).await, "");
}

#[tokio::test]
async fn who_speaks_http_2_and_says_nothing_is_cut() {
    let served = served(Bounds {
        ping: SHORT,
        pong: SHORT,
        ..wide()
    })
    .await;
    let mut stream = served.saying(PREFACE).await;
    until_closed(&mut stream).await;
}

#[tokio::test]
async fn who_is_idle_or_slow_in_between_is_not_cut() {
    let served = served(Bounds {
        head: SHORT,
        ping: SHORT,
        pong: PATIENCE,
        ..wide()
    })
    .await;
    let mut idle = served.saying(GET).await;
    let first = answer(&mut idle).await;
    let from = idle.local_addr().unwrap().to_string();
    assert!(first.ends_with(&from), "{first}");
    let mut posts = served
        .saying(b"POST /read HTTP/1.1\r\nhost: here\r\ncontent-length: 4\r\n\r\nab")
        .await;
    let mut waits = served.saying(SLOW).await;
    let stream = TcpStream::connect(served.address).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    // Four such limits go by, as those see who do not keep them.
    for _ in 0..4 {
        let mut cut = served.saying(b"G").await;
        assert_eq!(until_closed(&mut cut).await, "");
    }

    idle.write_all(GET).await.unwrap();
    answer(&mut idle).await;
    posts.write_all(b"cd").await.unwrap();
    assert!(answer(&mut posts).await.ends_with("abcd"));
    served.go.notify_one();
    assert!(answer(&mut waits).await.ends_with("slow"));
    let mut client = client.ready().await.unwrap();
    let request = Request::get("http://here/").body(()).unwrap();
    let (response, _) = client.send_request(request, true).unwrap();
    assert_eq!(response.await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn who_is_idle_for_too_long_is_cut() {
    let served = served(Bounds {
        idle: SHORT,
        ..wide()
    })
    .await;
    let mut stream = served.saying(GET).await;
    answer(&mut stream).await;
    assert_eq!(until_closed(&mut stream).await, "");
}

#[tokio::test]
async fn a_head_is_bounded() {
    let served = served(wide()).await;
    let head = |bytes: usize| {
        format!(
            "GET / HTTP/1.1\r\nhost: here\r\nx: {}\r\n\r\n",
            "x".repeat(bytes)
        )
    };
    let mut stream = served.saying(head(60 * 1024).as_bytes()).await;
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200 "));
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    // It may be closed before all of it was sent.
    stream.write_all(head(600 * 1024).as_bytes()).await.ok();
    let told = until_closed(&mut stream).await;
    assert!(
        told.is_empty() || told.starts_with("HTTP/1.1 431 "),
        "{told}"
    );
}

/// Bounds of so many connections.
fn narrow(places: usize) -> Bounds {
    Bounds {
        room: Arc::new(Room::of(places)),
        ..wide()
    }
}

#[tokio::test]
async fn there_is_room_for_so_many_that_are_busy() {
    let served = served(narrow(1)).await;
    let mut first = served.saying(SLOW).await;
    served.called.notified().await;
    let mut second = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(until_closed(&mut second).await, "");
    served.go.notify_one();
    assert!(answer(&mut first).await.ends_with("slow"));
    // It waits for its next request now, and is less needed than who has one.
    let mut third = served.saying(GET).await;
    assert!(answer(&mut third).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(until_closed(&mut first).await, "");
}

#[tokio::test]
async fn who_is_idle_for_longest_makes_room() {
    let served = served(narrow(4)).await;
    let mut busy = served.saying(SLOW).await;
    served.called.notified().await;
    let [mut first, mut second, mut third] = [
        served.saying(GET).await,
        served.saying(GET).await,
        served.saying(GET).await,
    ];
    for stream in [&mut first, &mut second, &mut third] {
        answer(stream).await;
    }
    // The order in which they were answered is not known; that of these answers is.
    for stream in [&mut second, &mut third, &mut first] {
        stream.write_all(GET).await.unwrap();
        answer(stream).await;
    }
    let mut fourth = served.saying(GET).await;
    answer(&mut fourth).await;
    assert_eq!(until_closed(&mut second).await, "");
    let mut fifth = served.saying(GET).await;
    answer(&mut fifth).await;
    assert_eq!(until_closed(&mut third).await, "");
    for stream in [&mut first, &mut fourth, &mut fifth] {
        stream.write_all(GET).await.unwrap();
        answer(stream).await;
    }
    served.go.notify_one();
    assert!(answer(&mut busy).await.ends_with("slow"));
}

#[tokio::test]
async fn what_is_under_way_is_finished_at_the_end() {
    let served = served(wide()).await;
    let mut silent = served.saying(b"").await;
    let mut idle = served.saying(GET).await;
    answer(&mut idle).await;
    let mut waits = served.saying(SLOW).await;
    served.called.notified().await;
    served.stop.cancel();
    assert_eq!(until_closed(&mut silent).await, "");
    assert_eq!(until_closed(&mut idle).await, "");
    assert!(TcpStream::connect(served.address).await.is_err());
    served.go.notify_one();
    assert!(until_closed(&mut waits).await.ends_with("slow"));
    timeout(PATIENCE, served.ended).await.unwrap().unwrap();
}

const REFUSED: &str = "POST /refuse HTTP/1.1\r\nhost: here\r\n";

#[tokio::test]
async fn after_a_refusal_the_next_request_is_answered() {
    let served = served(wide()).await;
    for (head, body) in [
        ("content-length: 4\r\n\r\n", "abcd"),
        (
            "transfer-encoding: chunked\r\n\r\n",
            "4\r\nabcd\r\n0\r\n\r\n",
        ),
    ] {
        let said = format!("{REFUSED}{head}");
        let mut stream = served.saying(said.as_bytes()).await;
        // The body comes when the refusal is ready.
        served.called.notified().await;
        stream.write_all(body.as_bytes()).await.unwrap();
        let told = answer(&mut stream).await;
        assert!(told.starts_with("HTTP/1.1 401 "), "{told}");
        assert!(!told.contains("connection: close"), "{told}");
        stream.write_all(GET).await.unwrap();
        assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200 "));
    }
}

#[tokio::test]
async fn a_connection_that_will_be_closed_is_told_so() {
    let served = served(wide()).await;
    for head in [
        // Too much to be read for nothing; not sent before it is asked for; never sent.
        "content-length: 1000000\r\n\r\nab",
        "content-length: 4\r\nexpect: 100-continue\r\n\r\n",
        "content-length: 4\r\n\r\nab",
    ] {
        let said = format!("{REFUSED}{head}");
        let mut stream = served.saying(said.as_bytes()).await;
        let told = until_closed(&mut stream).await;
        assert!(told.starts_with("HTTP/1.1 401 "), "{told}");
        assert!(told.contains("connection: close"), "{told}");
    }
}
