//! Syslog as a sender speaks it: bytes over a socket, and no answer.

use std::sync::Arc;

use eventlog::LogError;
use ingest::telemetry::syslog::{self, Port};
use schemas::topic::Topic;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::site::Site;
use crate::{open, stored_in};

/// A port of a site, for as long as the guard lives.
pub(crate) async fn listening(site: &Site, key: Option<&str>) -> (TcpStream, DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let port = Port {
        key: key.map(|key| Arc::new(key.to_owned().into())),
    };
    let shutdown = CancellationToken::new();
    let serving = syslog::serve(listener, site.state.clone(), port, shutdown.clone());
    tokio::spawn(serving);
    (
        TcpStream::connect(address).await.unwrap(),
        shutdown.drop_guard(),
    )
}

/// The messages on the log, all bodies after each other.
async fn messages(site: &Site) -> Vec<String> {
    let mut messages = Vec::new();
    for received in stored_in(site, Topic::TelemetryLogs).await {
        assert_eq!(received.format, "syslog.rfc5424");
        let mut rest = &received.body[..];
        while let Ok(Some(frame)) = protocols::syslog::frame(rest) {
            messages.push(String::from_utf8(frame.message.to_vec()).unwrap());
            rest = &rest[frame.consumed..];
        }
        assert_eq!(rest, b"");
    }
    messages
}

async fn until(site: &Site, count: usize) -> Vec<String> {
    testkit::eventually("the messages are stored", || async {
        let found = messages(site).await;
        (found.len() >= count).then_some(found)
    })
    .await
}

#[tokio::test]
async fn both_framings_are_taken_and_the_key_is_left_out() {
    let (site, key) = open(|_| ()).await;
    let (mut socket, _open) = listening(&site, None).await;
    let counted = format!("<14>1 - h a - - [srec@32473 key=\"{key}\"] by\nlength");
    let line = format!("<14>1 - h b - - [srec@32473 key=\"{key}\"][x@1 y=\"z\"] by line");
    let sent = format!("{} {counted}{line}\n{line}\0{line}", counted.len());
    for part in sent.as_bytes().chunks(7) {
        socket.write_all(part).await.unwrap();
    }
    socket.shutdown().await.unwrap();
    let by_line = "<14>1 - h b - - [x@1 y=\"z\"] by line";
    assert_eq!(
        until(&site, 4).await,
        ["<14>1 - h a - - - by\nlength", by_line, by_line, by_line]
    );
}

#[tokio::test]
async fn a_port_may_have_a_key_for_messages_without_one() {
    let (site, key) = open(|settings| settings.max_age_ms = None).await;
    let (mut socket, _open) = listening(&site, Some(&key)).await;
    let sent = b"<13>Sep 21 14:13:19 web-2 sshd[77]: Accepted key\n";
    socket.write_all(sent).await.unwrap();
    let found = until(&site, 1).await;
    assert_eq!(found, ["<13>Sep 21 14:13:19 web-2 sshd[77]: Accepted key"]);
}

#[tokio::test]
async fn who_has_no_key_or_a_wrong_one_is_cut_off() {
    let (site, _) = open(|_| ()).await;
    let reader = site.key(&["read"], None).await;
    for message in [
        "<14>1 - h a - - - nobody's\n".to_owned(),
        "<14>1 - h a - - [srec@1 key=\"srec_wrong\"] x\n".to_owned(),
        format!("<14>1 - h a - - [srec@1 key=\"{reader}\"] x\n"),
        "99999999 <14>1 too long".to_owned(),
    ] {
        let (mut socket, _open) = listening(&site, None).await;
        socket.write_all(message.as_bytes()).await.unwrap();
        // An end, or a reset where something was left unread.
        let mut rest = Vec::new();
        let ended = socket.read_to_end(&mut rest).await;
        assert!(ended.is_err() || rest.is_empty(), "{message}");
    }
    assert_eq!(messages(&site).await, [""; 0]);
}

#[tokio::test]
async fn what_came_before_a_broken_frame_is_stored() {
    let (site, key) = open(|_| ()).await;
    let (mut socket, _open) = listening(&site, Some(&key)).await;
    let sent = b"<14>1 - h a - - - whole\n99999999 <14>1 too long";
    socket.write_all(sent).await.unwrap();
    assert_eq!(until(&site, 1).await, ["<14>1 - h a - - - whole"]);
}

#[tokio::test]
async fn messages_wait_while_the_log_is_away() {
    let (site, key) = open(|_| ()).await;
    let (mut socket, _open) = listening(&site, Some(&key)).await;
    site.log.fail(LogError::Full {
        used: 10,
        budget: 10,
        heavy: false,
        disk: false,
    });
    socket
        .write_all(b"<14>1 - h a - - - one\n<14>1 - h a - - - two\n")
        .await
        .unwrap();
    testkit::eventually("an append was refused", || async {
        (site.log.refused() > 0).then_some(())
    })
    .await;
    site.log.mend();
    let found = until(&site, 2).await;
    assert_eq!(found, ["<14>1 - h a - - - one", "<14>1 - h a - - - two"]);
}
