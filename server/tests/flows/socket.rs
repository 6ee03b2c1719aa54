//! A program that listens to changes, as a browser would.

use std::time::Duration;

use futures::StreamExt;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const GENEROUS: Duration = Duration::from_secs(60);

pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(crate) async fn open(url: &str, token: &str) -> Self {
        let mut request = url.into_client_request().unwrap();
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("Authorization", bearer);
        let (socket, _) = connect_async(request).await.unwrap();
        let mut socket = Self(socket);
        socket.frame("hello").await;
        socket
    }

    /// Waits for a frame of this type; the order to refetch is a failure.
    pub(crate) async fn frame(&mut self, kind: &str) {
        let waited = timeout(GENEROUS, async {
            loop {
                let frame = self.next().await;
                assert_ne!(frame["type"], "resync", "nothing was missed");
                if frame["type"] == kind {
                    return;
                }
            }
        });
        waited
            .await
            .unwrap_or_else(|_| panic!("no frame `{kind}` came"));
    }

    /// Waits for a frame of this type, or for the order to refetch everything.
    pub(crate) async fn frame_or_resync(&mut self, kind: &str) {
        let waited = timeout(GENEROUS, async {
            loop {
                let frame = self.next().await;
                if frame["type"] == kind || frame["type"] == "resync" {
                    return;
                }
            }
        });
        waited
            .await
            .unwrap_or_else(|_| panic!("neither `{kind}` nor resync came"));
    }

    async fn next(&mut self) -> Value {
        loop {
            match self.0.next().await.expect("the socket stays open").unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(reason) => panic!("closed: {reason:?}"),
                _ => {}
            }
        }
    }
}
