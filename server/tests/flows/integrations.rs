//! Monitoring integrations against a real Prometheus with a password and a real
//! Alertmanager: whether they answer is known by itself, and what they are shown is found
//! nowhere.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{eventually, free_port};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::Client;
use crate::database::Database;
use crate::peers::{Alertmanager, Credential, Programs, Prometheus};
use crate::platform::Platform;
use crate::secrets::{contains, holding};
use crate::socket::Socket;
use crate::tools::tool;

const PATH: &str = "/api/v1/monitoring-integrations";
const PASSWORD: &str = "canary-credential-3f9a1c";
/// Of [`PASSWORD`], at the lowest cost.
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuuFCJtchVFHpVrXwZH9u3Xy3BZcyb5gja";
const OFTEN: [(&str, &str); 1] = [("SRE_COPILOT_MONITORING_PROBE_MS", "200")];

fn basic(password: &str) -> Value {
    json!({"kind": "basic", "username": "sre-copilot", "password": password})
}

async fn add(client: &Client, body: Value) -> String {
    let (status, made) = client.post(PATH, &body).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

async fn change(client: &Client, id: &str, body: Value) {
    let path = format!("{PATH}/{id}");
    let changed = client.try_send(Method::PUT, &path, Some(&body), None).await;
    assert_eq!(changed.unwrap().0, StatusCode::OK);
}

/// Waits until the health is `status` and, where it is down, for this reason.
async fn becomes(client: &Client, id: &str, status: &str, error: Option<&str>) -> Value {
    let path = format!("{PATH}/{id}");
    eventually(&format!("{status} {error:?}"), || async {
        let health = client.get(&path).await["health"].clone();
        (health["status"] == status && health["error"].as_str() == error).then_some(health)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_servers_come_and_go_and_their_credential_is_found_nowhere() {
    let test = "flows::integrations";
    let (Some(programs), Some(database)) = (Programs::find(test), Database::start(test).await)
    else {
        return;
    };
    let platform = Platform::start_on(Some(database.url().to_owned()), &OFTEN).await;
    let client = platform.register().await;
    let mut socket = Socket::open(&platform.websocket(), &client.token).await;

    let port = free_port();
    let url = format!("http://127.0.0.1:{port}");
    let prometheus = json!({
        "name": "Prometheus", "kind": "prometheus", "url": url, "credential": basic("wrong"),
    });
    let id = add(&client, prometheus).await;
    socket.frame("monitoring_integration.updated").await;
    becomes(&client, &id, "down", Some("not_connected")).await;
    let guarded = Prometheus::start_guarded(&programs.prometheus(), BCRYPT, port).await;
    becomes(&client, &id, "down", Some("credential_refused")).await;
    let settings = json!({"kind": "prometheus", "url": url, "credential": basic(PASSWORD)});
    change(&client, &id, settings).await;
    let up = becomes(&client, &id, "up", None).await;
    assert!(
        up["version"]
            .as_str()
            .unwrap()
            .starts_with(char::is_numeric),
        "{up}"
    );
    let (status, found) = client
        .post(&format!("{PATH}/{id}/test"), &json!(null))
        .await;
    assert_eq!(
        (status, &found["status"]),
        (StatusCode::OK, &json!("up")),
        "{found}"
    );
    assert_eq!(found["version"], up["version"]);
    socket.frame("monitoring_integration.updated").await;

    let alerting = Alertmanager::start(&programs, &platform.base(), Credential::Bearer("x")).await;
    let alertmanager = format!("http://127.0.0.1:{}", alerting.port);
    let other = json!({"name": "Alertmanager", "kind": "alertmanager", "url": alertmanager});
    let other = add(&client, other).await;
    let found = becomes(&client, &other, "up", None).await;
    assert!(
        found["version"].as_str().unwrap().starts_with('0'),
        "{found}"
    );
    // What one is, the other is not.
    let confused = json!({"kind": "grafana", "url": alertmanager});
    change(&client, &other, confused).await;
    becomes(&client, &other, "down", Some("http_status")).await;

    drop(guarded);
    let gone = becomes(&client, &id, "down", Some("not_connected")).await;
    assert_eq!(gone["version"], up["version"], "as it was last seen");
    let back = Prometheus::start_guarded(&programs.prometheus(), BCRYPT, port).await;
    becomes(&client, &id, "up", None).await;

    // The old credential is destroyed; so is the last one, with its server.
    let kept = || rows(&database);
    eventually("one credential is left", || async {
        (kept().await == 1).then_some(())
    })
    .await;
    let copy = platform.folder().join("backup");
    tool(
        &platform.folder().join("data"),
        &["backup", copy.to_str().unwrap()],
        &[],
    )
    .await;
    let dump = database.dump().await;
    assert!(contains(&dump, "monitoring_integrations"));
    for canary in [PASSWORD, "c3JlLWNvcGlsb3Q6Y2FuYXJ5"] {
        let found = holding(platform.folder(), canary);
        assert!(found.is_empty(), "{canary} is in {found:?}");
        assert!(!contains(&dump, canary), "{canary} is in the database");
    }
    assert!(!holding(platform.folder(), "MonitoringCredentialSet").is_empty());
    let removed = client
        .try_send(Method::DELETE, &format!("{PATH}/{id}"), None, None)
        .await;
    assert_eq!(removed.unwrap().0, StatusCode::NO_CONTENT);
    eventually("no credential is left", || async {
        (kept().await == 0).then_some(())
    })
    .await;
    drop(back);
}

/// How many credentials the vault holds, as its dump tells.
async fn rows(database: &Database) -> usize {
    let dump = String::from_utf8_lossy(&database.dump().await).into_owned();
    let (_, after) = dump.split_once("COPY vault.credentials ").unwrap();
    after
        .lines()
        .skip(1)
        .take_while(|line| *line != "\\.")
        .count()
}

/// Serves one behaviour after the other on one port.
async fn behave(port: u16, answer: &'static [u8], endless: bool) -> tokio::task::JoinHandle<()> {
    let listener = eventually("the port is free", || async {
        tokio::net::TcpListener::bind(("127.0.0.1", port))
            .await
            .ok()
    })
    .await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 2048];
                let _asked = stream.read(&mut request).await;
                stream.write_all(answer).await.ok();
                let chunk = [b'x'; 16 << 10];
                while endless && stream.write_all(&chunk).await.is_ok() {}
            });
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_may_do_what_it_likes_and_is_down_for_that_reason() {
    let Some(database) = Database::start("flows::integrations_bad").await else {
        return;
    };
    let platform = Platform::start_on(Some(database.url().to_owned()), &OFTEN).await;
    let client = platform.register().await;
    let port = free_port();
    let body =
        json!({"name": "odd", "kind": "prometheus", "url": format!("http://127.0.0.1:{port}")});
    let id = add(&client, body).await;
    becomes(&client, &id, "down", Some("not_connected")).await;
    let ready = b"HTTP/1.1 200 OK\r\ncontent-length: 40\r\nconnection: close\r\n\r\n{\"status\":0,\"data\":{\"version\":\"3.5.0\"} }";
    let redirect =
        b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n";
    let huge = b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n";
    let behaviours: [(&'static [u8], bool, &str, Option<&str>); 5] = [
        (
            b"this is not HTTP at all\r\n\r\n",
            false,
            "down",
            Some("not_understood"),
        ),
        (redirect, false, "down", Some("redirected")),
        (huge, true, "down", Some("too_large")),
        (
            b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
            false,
            "down",
            Some("not_ready"),
        ),
        (ready, false, "up", None),
    ];
    for (answer, endless, status, error) in behaviours {
        let server = behave(port, answer, endless).await;
        becomes(&client, &id, status, error).await;
        server.abort();
        server.await.unwrap_err();
    }
    // What this installation is made of is nobody's monitoring server.
    for name in ["http", "ws", "otlp_grpc"] {
        let own =
            json!({"kind": "otlp", "url": format!("http://localhost:{}", platform.port(name))});
        change(&client, &id, own).await;
        let (_, found) = client
            .post(&format!("{PATH}/{id}/test"), &json!(null))
            .await;
        assert_eq!(found["error"], "address_refused", "{name}: {found}");
    }
}
