//! Handing mails to a real mail server (aiosmtpd) by each way, and to those that should
//! not be given any.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Child, Command, Stdio};

use lettre::Message;
use lettre::message::MultiPart;
use serde_json::Value;
use tempfile::TempDir;
use testkit::{Peer, certificate, eventually, free_port, peer};
use workers::mail_server::{MailServer, Post, Unsent};

const TEST: &str = "workers::mail_server";
const SCRIPT: &str = "../server/tests/sdks/mail/server.py";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tls {
    Never,
    /// STARTTLS.
    Upgraded,
    Implicit,
}

struct Server {
    process: Child,
    port: u16,
    folder: TempDir,
    certificate: Vec<u8>,
}

impl Server {
    /// None, after saying so, where something is missing.
    async fn start(tls: Tls) -> Option<Self> {
        let (python, folder, port) = (
            peer(TEST, Peer::MailServer)?,
            TempDir::new().unwrap(),
            free_port(),
        );
        let (certificate, key) = certificate(TEST, folder.path())?;
        let mut command = Command::new(python);
        command.arg(SCRIPT).arg(port.to_string()).arg(folder.path());
        if tls != Tls::Never {
            command.arg(&certificate).arg(key);
        }
        if tls == Tls::Implicit {
            command.arg("implicit");
        }
        let process = command
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self {
            process,
            port,
            certificate: std::fs::read(certificate).unwrap(),
            folder,
        };
        eventually("the mail server listens", || async {
            let connected = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
            connected.ok()
        })
        .await;
        Some(server)
    }

    async fn give(&self, url: &str, authority: Option<&[u8]>) -> Result<(), Unsent> {
        let url = url.replace("HOST", &format!("127.0.0.1:{}", self.port));
        let server = MailServer::parse(&url).unwrap();
        let post = Post::new(&server, "copilot@example.com", authority).unwrap();
        let mail = Message::builder()
            .from(post.from().clone())
            .to("grace@example.com".parse().unwrap())
            .subject("An invitation")
            .multipart(MultiPart::alternative_plain_html(
                "text".to_owned(),
                "<p>html</p>".to_owned(),
            ));
        post.send(mail.unwrap()).await
    }

    fn taken(&self) -> Option<Value> {
        let file = std::fs::read(self.folder.path().join("1.json")).ok()?;
        Some(serde_json::from_slice(&file).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[tokio::test]
async fn a_mail_is_handed_in_by_each_way_of_tls() {
    for (tls, url) in [
        (Tls::Never, "smtp://HOST?tls=none"),
        (Tls::Upgraded, "smtp://ada:s3cret@HOST"),
        (Tls::Implicit, "smtps://ada:s3cret@HOST"),
    ] {
        let Some(server) = Server::start(tls).await else {
            return;
        };
        let given = server.give(url, Some(&server.certificate)).await;
        assert_eq!(given, Ok(()), "{url}");
        let taken = server.taken().unwrap();
        assert_eq!(taken["secured"], tls != Tls::Never, "{url}");
    }
}

#[tokio::test]
async fn who_is_not_who_it_should_be_or_speaks_no_tls_is_given_nothing() {
    let Some(server) = Server::start(Tls::Upgraded).await else {
        return;
    };
    for (url, authority, reason, lasting) in [
        // Nobody vouches for its certificate.
        ("smtp://ada:s3cret@HOST", false, "unreachable", false),
        ("smtp://ada:wrong@HOST", true, "not_admitted", false),
        // It wants TLS, and does not begin with it.
        ("smtp://HOST?tls=none", true, "not_admitted", false),
        ("smtps://ada:s3cret@HOST", true, "unreachable", false),
    ] {
        let authority = authority.then_some(&*server.certificate);
        let refused = server.give(url, authority).await.unwrap_err();
        let told = (&*refused.why.reason, refused.lasting);
        assert_eq!(told, (reason, lasting), "{url}: {refused:?}");
    }
    assert_eq!(server.taken(), None);
    let Some(plain) = Server::start(Tls::Never).await else {
        return;
    };
    let refused = plain.give("smtp://HOST", None).await.unwrap_err();
    assert_eq!(
        (&*refused.why.reason, refused.lasting),
        ("not_sendable", true)
    );
    assert_eq!(plain.taken(), None);
}
