//! `/ws`: over a real socket.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use projections::fanout::Fanout;
use schemas::change::{Announcement, Change, ChangeKind};
use schemas::context::Clock;
use schemas::ids::{ProjectId, TenantId};
use schemas::time::Timestamp;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::app::{App, Person, app};

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const PATIENCE: Duration = Duration::from_secs(30);

/// Serves the app on a loopback port.
pub(crate) async fn serve(app: &App) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (router, stop) = (app.router.clone(), app.stop.clone());
    let server = axum::serve(listener, router);
    tokio::spawn(async move { server.with_graceful_shutdown(stop.cancelled_owned()).await });
    port
}

async fn connect(port: u16, query: &str, headers: &[(&'static str, &str)]) -> Result<Socket, u16> {
    open(port, &format!("/ws{query}"), headers).await
}

async fn open(port: u16, path: &str, headers: &[(&'static str, &str)]) -> Result<Socket, u16> {
    let url = format!("ws://127.0.0.1:{port}{path}");
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(other) => panic!("{other}"),
    }
}

pub(crate) async fn join(port: u16, person: &Person, query: &str) -> Socket {
    let bearer = format!("Bearer {}", person.token);
    connect(port, query, &[("authorization", &bearer)])
        .await
        .unwrap()
}

pub(crate) async fn next(socket: &mut Socket) -> Value {
    loop {
        let message = timeout(PATIENCE, socket.next())
            .await
            .expect("a message in time");
        match message.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// The next message of one of the types.
async fn next_of(socket: &mut Socket, kinds: &[&str]) -> Value {
    loop {
        let message = next(socket).await;
        if kinds.contains(&message["type"].as_str().unwrap()) {
            return message;
        }
    }
}

pub(crate) async fn close_code(socket: &mut Socket) -> u16 {
    loop {
        let message = timeout(PATIENCE, socket.next())
            .await
            .expect("an end in time");
        match message.unwrap().unwrap() {
            Message::Close(frame) => return frame.unwrap().code.into(),
            _ => continue,
        }
    }
}

pub(crate) async fn log_out(app: &App, person: &Person) {
    let cookies = format!("srec_refresh={}", person.refresh);
    let own = [
        ("cookie", cookies.as_str()),
        ("sec-fetch-site", "same-origin"),
    ];
    let path = "/api/v1/auth/logout";
    app.send(axum::http::Method::POST, path, None, None, &own)
        .await
        .with(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_reaches_its_tenant_and_no_other() {
    let app = app!();
    let (ada, eve) = (app.register("Ada").await, app.register("Eve").await);
    let port = serve(&app).await;
    let (mut ours, mut theirs) = (join(port, &ada, "").await, join(port, &eve, "").await);
    assert_eq!(next(&mut ours).await["type"], "hello");
    assert_eq!(next(&mut theirs).await["type"], "hello");
    let id = app.incident(&ada, "x").await;
    let created = next_of(&mut ours, &["incident.created"]).await;
    assert_eq!(created["key"], json!(id));
    assert_eq!(created["project_id"], json!(ada.project));
    // What reaches Eve next is her own: nothing of Ada's lies before it.
    let own = app.incident(&eve, "y").await;
    let message = next_of(
        &mut theirs,
        &["incident.created", "incident.updated", "timeline.updated"],
    )
    .await;
    assert_eq!(message["key"], json!(own));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_changes_of_what_they_may_not_read() {
    let app = app!();
    let ada = app.register("Ada").await;
    let vera = app.colleague(&ada, "Vera", "viewer").await;
    let port = serve(&app).await;
    let mut theirs = join(port, &vera, "").await;
    let hello = next(&mut theirs).await;
    let mut ours = join(port, &ada, "").await;
    let key = json!({"name": "k", "scopes": ["read"]});
    let key = app.post("/api/v1/api-keys", &ada.token, key).await;
    key.with(201);
    assert_eq!(
        next_of(&mut ours, &["api_key.updated"]).await["key"],
        key.id()
    );
    let id = app.incident(&ada, "x").await;
    // Neither as it happens, nor of what was missed.
    let epoch = hello["epoch"].as_str().unwrap();
    let again = format!("?epoch={epoch}&seq={}", hello["seq"]);
    next_of(&mut ours, &["incident.created"]).await;
    let mut again = join(port, &vera, &again).await;
    for socket in [&mut theirs, &mut again] {
        let kinds = ["api_key.updated", "incident.created"];
        let message = next_of(socket, &kinds).await;
        assert_eq!(
            (&message["type"], &message["key"]),
            (&json!("incident.created"), &json!(id))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_goes_on_where_it_was() {
    let app = app!();
    let ada = app.register("Ada").await;
    let port = serve(&app).await;
    let mut first = join(port, &ada, "").await;
    let hello = next(&mut first).await;
    drop(first);
    let id = app.incident(&ada, "x").await;
    let epoch = hello["epoch"].as_str().unwrap();
    let mut again = join(port, &ada, &format!("?epoch={epoch}&seq={}", hello["seq"])).await;
    assert_eq!(next(&mut again).await["seq"], hello["seq"]);
    let missed = next_of(&mut again, &["incident.created"]).await;
    assert_eq!(missed["key"], json!(id));
    let mut other = join(port, &ada, "?epoch=before&seq=1").await;
    assert_eq!(next(&mut other).await["type"], "hello");
    assert_eq!(next(&mut other).await["type"], "resync");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_in_the_announcements_makes_everybody_refetch() {
    let app = app!();
    let ada = app.register("Ada").await;
    let port = serve(&app).await;
    let mut socket = join(port, &ada, "").await;
    assert_eq!(next(&mut socket).await["type"], "hello");
    let announcement = |from: i64| Announcement {
        projection: "test".to_owned(),
        topic: "incident.events".to_owned(),
        partition: 0,
        from,
        to: from + 1,
        changes: vec![Change {
            kind: ChangeKind::IncidentUpdated,
            tenant: TenantId(ada.tenant.parse().unwrap()),
            project: Some(ProjectId(ada.project.parse().unwrap())),
            key: from.to_string(),
        }],
    };
    app.fanout
        .publish(vec![announcement(1), announcement(2), announcement(4)])
        .await;
    let kinds = ["incident.updated", "resync"];
    assert_eq!(next_of(&mut socket, &kinds).await["key"], "1");
    assert_eq!(next_of(&mut socket, &kinds).await["key"], "2");
    assert_eq!(next_of(&mut socket, &kinds).await["type"], "resync");
    assert_eq!(next_of(&mut socket, &kinds).await["key"], "4");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_says_stops_nobody_but_itself() {
    let app = app!();
    let ada = app.register("Ada").await;
    let port = serve(&app).await;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        let mut socket = join(port, &ada, "").await;
        assert_eq!(next(&mut socket).await["type"], "hello");
        sockets.push(socket);
    }
    let [mut talker, mut half, mut shouter] = <[Socket; 3]>::try_from(sockets).ok().unwrap();
    // More than is read at once, and a frame whose rest never comes.
    let text = "x".repeat(3_000);
    talker.send(Message::text(text)).await.unwrap();
    let begun = [0x81, 0xFE, 0x0B, 0xB8, 1, 2, 3, 4, b'x'];
    half.get_mut().write_all(&begun).await.unwrap();
    let shout = "x".repeat(40 << 10);
    shouter.send(Message::text(shout)).await.unwrap();
    let ended = timeout(PATIENCE, async {
        while let Some(Ok(message)) = shouter.next().await {
            if message.is_close() {
                break;
            }
        }
    });
    ended
        .await
        .expect("a message over the limit ends its socket");
    let id = app.incident(&ada, "x").await;
    for socket in [&mut talker, &mut half] {
        let created = next_of(socket, &["incident.created"]).await;
        assert_eq!(created["key"], json!(id));
    }
}

/// Frames are under way all the time, but fewer than a client may be behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_is_always_sent_something_ends_with_its_session() {
    let app = app!();
    let ada = app.register("Ada").await;
    let port = serve(&app).await;
    let mut socket = join(port, &ada, "").await;
    assert_eq!(next(&mut socket).await["type"], "hello");
    let tenant = TenantId(ada.tenant.parse().unwrap());
    let project = Some(ProjectId(ada.project.parse().unwrap()));
    let (fanout, window) = (app.fanout.clone(), Arc::new(Semaphore::new(128)));
    let room = window.clone();
    let flood = tokio::spawn(async move {
        for from in 1.. {
            room.acquire().await.unwrap().forget();
            let change = Change {
                kind: ChangeKind::IncidentUpdated,
                tenant,
                project,
                key: from.to_string(),
            };
            let announcement = Announcement {
                projection: "flood".to_owned(),
                topic: "incident.events".to_owned(),
                partition: 0,
                from,
                to: from + 1,
                changes: vec![change],
            };
            fanout.publish(vec![announcement]).await;
        }
    });
    let ended = tokio::spawn(async move {
        loop {
            match socket.next().await.unwrap().unwrap() {
                Message::Text(text) => {
                    let told: Value = serde_json::from_str(&text).unwrap();
                    window.add_permits(usize::from(told["type"] == "incident.updated"));
                }
                Message::Close(frame) => return u16::from(frame.unwrap().code),
                _ => {}
            }
        }
    });
    log_out(&app, &ada).await;
    let ended = timeout(PATIENCE, ended).await.expect("an end in time");
    flood.abort();
    assert_eq!(ended.unwrap(), 4401);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_open_a_socket() {
    let app = app!();
    let ada = app.register("Ada").await;
    let port = serve(&app).await;
    let cookie = format!("srec_session={}", ada.token);
    let own = format!("http://127.0.0.1:{port}");
    assert_eq!(connect(port, "", &[]).await.err(), Some(401));
    assert_eq!(
        connect(port, "", &[("cookie", &cookie)]).await.err(),
        Some(403)
    );
    let foreign = [
        ("cookie", cookie.as_str()),
        ("origin", "https://evil.example"),
    ];
    assert_eq!(connect(port, "", &foreign).await.err(), Some(403));
    let page = [("cookie", cookie.as_str()), ("origin", own.as_str())];
    assert!(connect(port, "", &page).await.is_ok());
    let ticket = app
        .post("/api/v1/auth/ws-ticket", &ada.token, json!({}))
        .await
        .with(200);
    let query = format!("?ticket={}", ticket["ticket"].as_str().unwrap());
    assert!(connect(port, &query, &[]).await.is_ok());
    assert_eq!(connect(port, &query, &[]).await.err(), Some(401));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_for_another_project_is_told_so_behind_the_handshake() {
    let app = app!();
    let ada = app.register("Ada").await;
    let made = app.post("/api/v1/projects", &ada.token, json!({"name": "Shop"}));
    let shop = made.await.with(201)["id"].as_str().unwrap().to_owned();
    let port = serve(&app).await;
    let bearer = format!("Bearer {}", ada.token);
    let own = [("authorization", bearer.as_str())];
    for path in ["/ws", "/api/v1/logs/tail"] {
        let mut elsewhere = open(port, &format!("{path}?project={shop}"), &own)
            .await
            .unwrap();
        assert_eq!(close_code(&mut elsewhere).await, 4409, "{path}");
        let unreadable = open(port, &format!("{path}?project=shop"), &own).await;
        assert_eq!(unreadable.err(), Some(400), "{path}");
        let here = open(port, &format!("{path}?project={}", ada.project), &own).await;
        assert!(here.is_ok(), "{path}");
    }
    // As a page does with 4409: it has its token issued for what it shows.
    let body = json!({"refresh_token": ada.refresh, "project_id": shop});
    let there = Person::of(&app.ask("/api/v1/auth/refresh", body).await.with(200));
    let mut socket = join(port, &there, &format!("?project={shop}")).await;
    let hello = next(&mut socket).await;
    assert_eq!(hello["type"], "hello");
    assert_eq!(hello["project_id"], json!(shop));
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_are_told_when_read_models_stand_still_and_when_they_follow_again() {
    let app = app!();
    let ada = app.register("Ada").await;
    let port = serve(&app).await;
    let mut socket = join(port, &ada, "").await;
    assert!(next(&mut socket).await["behind_since"].is_null());
    let mut superuser = PgConnection::connect(&app.database).await.unwrap();
    let mut held = superuser.begin().await.unwrap();
    // Checkpoints can be read, and no fold can move its own.
    let lock = "LOCK TABLE read.checkpoint IN SHARE MODE";
    held.execute(lock).await.unwrap();
    let body = json!({"title": "x", "severity": "SEV2"});
    app.post("/api/v1/incidents", &ada.token, body).await;
    let since = next_of(&mut socket, &["behind"]).await["since"].clone();
    let since = Timestamp::parse(since.as_str().unwrap()).unwrap();
    let waits = Clock::System.now().millis_since(since);
    assert!((5_000..60_000).contains(&waits), "{waits} ms");
    let mut late = join(port, &ada, "").await;
    assert!(next(&mut late).await["behind_since"].is_string());
    held.rollback().await.unwrap();
    loop {
        if next_of(&mut socket, &["behind"]).await["since"].is_null() {
            break;
        }
    }
    let mut after = join(port, &ada, "").await;
    assert!(next(&mut after).await["behind_since"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_ends_with_its_session() {
    let app = app!();
    let ada = app.register("Ada").await;
    let port = serve(&app).await;
    let mut socket = join(port, &ada, "").await;
    assert_eq!(next(&mut socket).await["type"], "hello");
    log_out(&app, &ada).await;
    assert_eq!(close_code(&mut socket).await, 4401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_ends_when_its_token_does() {
    let clock = Clock::manual(Timestamp::parse("2026-11-01T02:41:00Z").unwrap());
    let Some(app) = App::with(|_| {}, clock.clone()).await else {
        return;
    };
    let ada = app.register("Ada").await;
    let port = serve(&app).await;
    // A moment before the token's end, so that the socket outlives its handshake.
    clock.advance_millis(15 * 60 * 1000 - 1000);
    let mut socket = join(port, &ada, "").await;
    assert_eq!(close_code(&mut socket).await, 4401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_says_so() {
    let app = app!();
    let ada = app.register("Ada").await;
    let port = serve(&app).await;
    let mut socket = join(port, &ada, "").await;
    assert_eq!(next(&mut socket).await["type"], "hello");
    app.stop.cancel();
    assert_eq!(close_code(&mut socket).await, 1012);
    drop(socket.close(None).await);
}
