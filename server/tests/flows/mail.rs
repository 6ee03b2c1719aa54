//! Invitations by mail, through a real mail server (aiosmtpd) that the test starts, stops
//! and lets refuse.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{Peer, certificate, eventually, free_port};

use crate::client::{Client, http};
use crate::database::Database;
use crate::platform::Platform;
use crate::secrets::{contains, holding};
use crate::tools::tool;

const SCRIPT: &str = "tests/sdks/mail/server.py";
const PATH: &str = "/api/v1/invitations";
const FROM: &str = "SRE Copilot <copilot@example.com>";
const PASSWORD: &str = "correct horse battery staple";

/// Where mails arrive, whether or not somebody is there.
struct Mailbox {
    python: PathBuf,
    port: u16,
    folder: tempfile::TempDir,
    server: Option<Child>,
}

impl Mailbox {
    /// None, after saying so, where aiosmtpd is not to be had.
    fn find(test: &str) -> Option<Self> {
        Some(Self {
            python: testkit::peer(test, Peer::MailServer)?,
            port: free_port(),
            folder: tempfile::tempdir().unwrap(),
            server: None,
        })
    }

    async fn open(&mut self, pair: Option<&(PathBuf, PathBuf)>) {
        let mut command = Command::new(&self.python);
        command.arg(SCRIPT).arg(self.port.to_string());
        command.arg(self.folder.path());
        command.stdin(Stdio::null()).stderr(Stdio::null());
        if let Some((certificate, key)) = pair {
            command.arg(certificate).arg(key);
        }
        self.server = Some(command.spawn().unwrap());
        let port = self.port;
        eventually("the mail server listens", || async move {
            let connected = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
            connected.ok()
        })
        .await;
    }

    /// What has arrived, in order.
    fn mails(&self) -> Vec<Value> {
        let read = |n: usize| {
            let file = self.folder.path().join(format!("{n}.json"));
            serde_json::from_slice(&std::fs::read(file).ok()?).ok()
        };
        (1..).map_while(read).collect()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().ok();
            server.wait().ok();
        }
    }
}

async fn invite(client: &Client, email: &str) -> String {
    let body = json!({"email": email, "role": "engineer"});
    let (status, made) = client.post(PATH, &body).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

async fn send(client: &Client, id: &str) -> (StatusCode, Value) {
    client
        .post(&format!("{PATH}/{id}/send"), &Value::Null)
        .await
}

/// Waits until the invitation's newest mail stands so.
async fn becomes(client: &Client, id: &str, state: &str) -> Value {
    eventually(&format!("the mail is {state}"), || async {
        let listed = client.list(PATH).await;
        let found = listed.iter().find(|invitation| invitation["id"] == id)?;
        (found["mail"]["state"] == state).then(|| found["mail"].clone())
    })
    .await
}

fn header<'a>(mail: &'a Value, name: &str) -> &'a str {
    let headers = mail["headers"].as_array().unwrap();
    let found = headers.iter().find(|header| header[0] == name).unwrap();
    found[1].as_str().unwrap()
}

/// Accepts through the link in `text`, as the console does.
async fn join(platform: &Platform, text: &str) -> (StatusCode, String) {
    let token = text.split("/join#").nth(1).unwrap();
    let token = token.split_whitespace().next().unwrap().to_owned();
    let body = json!({"token": token, "name": "Grace Hopper", "password": PASSWORD});
    let url = format!("{}/api/v1/auth/join", platform.base());
    let answer = http().post(url).json(&body).send().await.unwrap();
    (answer.status(), token)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_arrives_once_its_link_works_and_neither_is_found_elsewhere() {
    let test = "flows::mail";
    let keys = tempfile::tempdir().unwrap();
    let (Some(mut mailbox), Some(pair)) = (Mailbox::find(test), certificate(test, keys.path()))
    else {
        return;
    };
    let Some(database) = Database::start(test).await else {
        return;
    };
    mailbox.open(Some(&pair)).await;
    let url = format!("smtp://ada:s3cret@127.0.0.1:{}", mailbox.port);
    let platform = Platform::start_on(
        Some(database.url().to_owned()),
        &[
            ("SRE_COPILOT_SMTP_URL", &url),
            ("SRE_COPILOT_SMTP_CA_FILE", pair.0.to_str().unwrap()),
            ("SRE_COPILOT_MAIL_FROM", FROM),
        ],
    )
    .await;
    let client = platform.register().await;
    let grace = "canary-grace-77ab@example.com";
    let id = invite(&client, grace).await;
    let (status, sent) = send(&client, &id).await;
    assert_eq!(status, StatusCode::OK, "{sent}");
    becomes(&client, &id, "sent").await;

    let mails = mailbox.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    let mail = &mails[0];
    assert_eq!(
        (&mail["to"], &mail["secured"]),
        (&json!([grace]), &json!(true))
    );
    assert_eq!(mail["from"], "copilot@example.com");
    assert!(header(mail, "subject").contains("invites you to"), "{mail}");
    assert_eq!(header(mail, "to"), grace);
    let (text, html) = (
        mail["text"].as_str().unwrap(),
        mail["html"].as_str().unwrap(),
    );
    let (status, token) = join(&platform, text).await;
    assert_eq!(status, StatusCode::CREATED);
    assert!(html.contains(&token), "{html}");

    let copy = platform.folder().join("backup");
    let data = platform.folder().join("data");
    tool(&data, &["backup", copy.to_str().unwrap()], &[]).await;
    let dump = database.dump().await;
    for canary in [grace, &*token, "s3cret@"] {
        let found = holding(platform.folder(), canary);
        assert!(found.is_empty(), "{canary} is in {found:?}");
        assert!(!contains(&dump, canary), "{canary} is in the database");
    }
    assert!(!holding(platform.folder(), "InvitationMailed").is_empty());
    assert!(contains(&dump, "COPY vault.mails "));
    assert_eq!(mailbox.mails().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_outlives_a_server_that_is_down_and_a_kill_and_refusals_are_told() {
    let test = "flows::mail";
    let Some(mut mailbox) = Mailbox::find(test) else {
        return;
    };
    let Some(database) = Database::start(test).await else {
        return;
    };
    let url = format!("smtp://127.0.0.1:{}?tls=none", mailbox.port);
    let mut platform = Platform::start_on(
        Some(database.url().to_owned()),
        &[
            ("SRE_COPILOT_SMTP_URL", &url),
            ("SRE_COPILOT_MAIL_FROM", FROM),
            ("SRE_COPILOT_MAIL_RETRY_MS", "10"),
        ],
    )
    .await;
    let client = platform.register().await;
    let id = invite(&client, "canary-grace-77ac@example.com").await;
    let (status, asked) = send(&client, &id).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(asked["mail"]["state"], "waiting", "{asked}");
    let again = send(&client, &id).await;
    assert_eq!(
        (again.0, &again.1["rule"]),
        (StatusCode::CONFLICT, &json!("mailed_just_now"))
    );
    let attempts = eventually("it was tried in vain", || async {
        let metrics = http().get(format!("{}/metrics", platform.base())).send();
        let metrics = metrics.await.ok()?.text().await.ok()?;
        let tried = |line: &&str| line.starts_with("workers_mails_total{result=\"unreachable\"}");
        metrics.lines().find(tried).map(str::to_owned)
    });
    attempts.await;
    // What waits is sealed.
    let dump = database.dump().await;
    let link = asked["link"].as_str().unwrap();
    let (_, token) = link.split_once('#').unwrap();
    for canary in ["canary-grace-77ac", token] {
        assert!(!contains(&dump, canary), "{canary} is in the database");
        assert!(holding(platform.folder(), canary).is_empty(), "{canary}");
    }
    platform.kill();
    mailbox.open(None).await;
    platform.restart().await;
    becomes(&client, &id, "sent").await;
    let mails = mailbox.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    let text = mails[0]["text"].as_str().unwrap();
    assert_eq!(join(&platform, text).await.0, StatusCode::CREATED);

    let [nobody, later] = ["nobody-77ad@example.com", "later-77ad@example.com"];
    let (refused, deferred) = (invite(&client, nobody).await, invite(&client, later).await);
    for id in [&refused, &deferred] {
        assert_eq!(send(&client, id).await.0, StatusCode::OK);
    }
    let told = becomes(&client, &refused, "failed").await;
    let detail = told["detail"].as_str().unwrap();
    assert!(
        detail.contains("(550 5.1.1)") && !detail.contains('@'),
        "{detail}"
    );
    let told = becomes(&client, &deferred, "failed").await;
    let detail = told["detail"].as_str().unwrap();
    assert!(
        detail.contains("(451 4.7.1)") && !detail.contains('@'),
        "{detail}"
    );
    let listed = client.list("/api/v1/audit?action=MailInvitation").await;
    let asked = |entry: &Value| entry["after"]["mail_requested"].is_string();
    assert!(listed.iter().any(asked), "{listed:?}");
    for canary in [nobody, later] {
        assert!(holding(platform.folder(), canary).is_empty(), "{canary}");
    }
    let path = format!("{PATH}/{refused}");
    let revoked = client.try_send(Method::DELETE, &path, None, None).await;
    assert_eq!(revoked.unwrap().0, StatusCode::NO_CONTENT);
    assert_eq!(send(&client, &refused).await.0, StatusCode::NOT_FOUND);
    assert_eq!(mailbox.mails().len(), 1);
}
