//! Calls to servers that behave badly, and to addresses that must not be reached.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use outbound::probe::{Health, Kind, Server, probe};
use outbound::{Address, Credential, Guard, Limits, Outbound, Resolve, System};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const LIMITS: Limits = Limits {
    reach: Duration::from_secs(5),
    answer: Duration::from_millis(500),
    answer_bytes: 64 << 10,
};

/// Answers every connection with `answer`, and says what it was sent.
async fn server(answer: &'static str) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    serving(
        move |mut stream: TcpStream, heard: mpsc::UnboundedSender<String>| async move {
            let mut bytes = vec![0; 4096];
            let read = stream.read(&mut bytes).await.unwrap();
            heard
                .send(String::from_utf8_lossy(&bytes[..read]).into_owned())
                .ok();
            stream.write_all(answer.as_bytes()).await.ok();
        },
    )
    .await
}

async fn serving<F, R, T>(each: F) -> (SocketAddr, mpsc::UnboundedReceiver<T>)
where
    F: Fn(TcpStream, mpsc::UnboundedSender<T>) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
    T: Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(each(stream, tell.clone()));
        }
    });
    (address, told)
}

fn outbound() -> Outbound {
    Outbound::with(Guard::default(), Arc::new(System), LIMITS)
}

fn at(kind: Kind, address: &str) -> Server {
    Server {
        kind,
        address: Address::parse(address).unwrap(),
        credential: None,
        authority: None,
    }
}

async fn asked(kind: Kind, address: SocketAddr) -> Health {
    probe(&outbound(), &at(kind, &format!("http://{address}"))).await
}

fn trouble(health: &Health) -> &'static str {
    health
        .trouble
        .as_ref()
        .map_or("none", |trouble| trouble.kind)
}

fn json(body: &'static str) -> &'static str {
    Box::leak(
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_boxed_str(),
    )
}

#[tokio::test]
async fn each_kind_is_known_by_its_answer() {
    let alertmanager = json(r#"{"cluster":{},"versionInfo":{"version":"0.28.1"}}"#);
    let grafana = json(r#"{"database":"ok","version":"12.0.1"}"#);
    for (kind, answer, version) in [
        (Kind::Alertmanager, alertmanager, Some("0.28.1")),
        (Kind::Grafana, grafana, Some("12.0.1")),
        (Kind::Loki, json(r#"{"version":"3.4.2"}"#), Some("3.4.2")),
        (
            Kind::Prometheus,
            json(r#"{"data":{"version":"3.5.0"}}"#),
            Some("3.5.0"),
        ),
        (Kind::Otlp, json("{}"), None),
    ] {
        let (address, mut heard) = server(answer).await;
        let health = asked(kind, address).await;
        assert_eq!(health.trouble, None, "{kind:?}");
        assert_eq!(health.version.as_deref(), version, "{kind:?}");
        let first = heard.recv().await.unwrap();
        let export = first.starts_with("POST /v1/metrics ");
        assert_eq!(export, kind == Kind::Otlp, "{first}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_in_a_word_and_never_with_the_body() {
    let cases = [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsecret123",
            "not_understood",
        ),
        (r#"{"this is":"no HTTP, secret123"}"#, "not_understood"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsecret123",
            "not_understood",
        ),
        (
            "HTTP/1.1 401 Unauthorized\r\ncontent-length: 9\r\n\r\nsecret123",
            "credential_refused",
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 9\r\n\r\nsecret123",
            "not_ready",
        ),
        (
            "HTTP/1.1 500 secret123\r\ncontent-length: 9\r\n\r\nsecret123",
            "http_status",
        ),
        (
            "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/secret123\r\n\r\n",
            "redirected",
        ),
    ];
    for (answer, kind) in cases {
        let (address, _heard) = server(answer).await;
        let health = asked(Kind::Alertmanager, address).await;
        assert_eq!(trouble(&health), kind, "{answer}: {health:?}");
        assert!(!format!("{health:?}").contains("secret123"), "{health:?}");
    }
    // A version is shown only if it looks like one.
    let odd = json(r#"{"versionInfo":{"version":"secret 123 <b>"}}"#);
    let (address, _heard) = server(odd).await;
    let health = asked(Kind::Alertmanager, address).await;
    assert_eq!(
        (trouble(&health), &health.version),
        ("not_understood", &None)
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (target, mut reached) = server(json("{}")).await;
    let answer = format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{target}/\r\n\r\n");
    let (address, _heard) = server(Box::leak(answer.into_boxed_str())).await;
    assert_eq!(trouble(&asked(Kind::Loki, address).await), "redirected");
    assert!(reached.try_recv().is_err(), "somebody came");
}

#[tokio::test]
async fn who_says_nothing_is_not_waited_for() {
    let (address, _) = serving(
        |stream: TcpStream, _: mpsc::UnboundedSender<()>| async move {
            // Holds the connection until the other side gives up.
            let mut stream = stream;
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.ok();
        },
    )
    .await;
    assert_eq!(trouble(&asked(Kind::Prometheus, address).await), "too_late");
    let free = testkit::free_port();
    let nobody = SocketAddr::from(([127, 0, 0, 1], free));
    assert_eq!(
        trouble(&asked(Kind::Prometheus, nobody).await),
        "not_connected"
    );
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx-endless: ",
    ] {
        let taken = Arc::new(AtomicU64::new(0));
        let counted = taken.clone();
        let (address, mut ended) = serving(
            move |mut stream: TcpStream, tell: mpsc::UnboundedSender<()>| {
                let counted = counted.clone();
                async move {
                    let mut request = [0; 1024];
                    let _asked = stream.read(&mut request).await;
                    stream.write_all(head.as_bytes()).await.ok();
                    let chunk = [b'x'; 16 << 10];
                    while stream.write_all(&chunk).await.is_ok() {
                        counted.fetch_add(chunk.len() as u64, Ordering::SeqCst);
                    }
                    tell.send(()).ok();
                }
            },
        )
        .await;
        let health = asked(Kind::Alertmanager, address).await;
        let kind = trouble(&health);
        assert!(
            ["too_large", "not_understood"].contains(&kind),
            "{health:?}"
        );
        ended.recv().await.unwrap();
        // What the two kernels keep in between, and no more.
        let bytes = taken.load(Ordering::SeqCst);
        assert!(bytes < 64 << 20, "{bytes} bytes were taken");
    }
}

#[tokio::test]
async fn the_credential_is_shown_to_the_server_and_told_to_nobody() {
    let (address, mut heard) = server("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
    let server = Server {
        credential: Some(Credential::Basic {
            username: "ada".to_owned(),
            password: "s3cret".to_owned(),
        }),
        ..at(Kind::Prometheus, &format!("http://{address}/prom"))
    };
    let health = probe(&outbound(), &server).await;
    let request = heard.recv().await.unwrap().to_lowercase();
    assert!(
        request.starts_with("get /prom/-/ready http/1.1"),
        "{request}"
    );
    assert!(
        request.contains("authorization: basic ywrhonmzy3jlda=="),
        "{request}"
    );
    assert!(request.contains(&format!("host: {address}")), "{request}");
    assert_eq!(trouble(&health), "credential_refused");
    let told = format!("{health:?} {server:?}");
    assert!(!told.contains("s3cret") && !told.contains("YWRh"), "{told}");
}

/// Leads a name anywhere.
struct Leads(&'static str);

#[async_trait]
impl Resolve for Leads {
    async fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(self
            .0
            .split(' ')
            .map(|ip| SocketAddr::new(ip.parse().unwrap(), port))
            .collect())
    }
}

#[tokio::test]
async fn a_name_that_leads_to_what_is_never_reached_is_refused_before_a_connection() {
    let (address, mut reached) = server(json("{}")).await;
    let port = address.port();
    for leads in [
        "169.254.169.254",
        "127.0.0.1 169.254.169.254",
        "::ffff:169.254.169.254",
        "fe80::1",
    ] {
        let outbound = Outbound::with(Guard::default(), Arc::new(Leads(leads)), LIMITS);
        let server = at(Kind::Loki, &format!("http://rebound.example:{port}"));
        let health = probe(&outbound, &server).await;
        assert_eq!(trouble(&health), "address_refused", "{leads}");
        assert_eq!(health.steps.len(), 1, "nothing but resolving was done");
    }
    let own = Guard {
        own_ports: vec![port],
        ..Guard::default()
    };
    let database = Guard {
        own_servers: vec![("db.example".to_owned(), port)],
        ..Guard::default()
    };
    for guard in [own, database] {
        let outbound = Outbound::with(guard, Arc::new(Leads("127.0.0.1")), LIMITS);
        let server = at(Kind::Loki, &format!("http://innocent.example:{port}"));
        assert_eq!(trouble(&probe(&outbound, &server).await), "address_refused");
    }
    assert!(reached.try_recv().is_err(), "somebody came");
    // The control: the same name is reached where nothing is against it.
    let outbound = Outbound::with(Guard::default(), Arc::new(Leads("127.0.0.1")), LIMITS);
    let server = at(Kind::Otlp, &format!("http://innocent.example:{port}"));
    assert_eq!(trouble(&probe(&outbound, &server).await), "none");
}

#[tokio::test]
async fn of_a_name_with_many_addresses_a_few_are_tried_and_all_are_looked_at() {
    let closed = testkit::free_port();
    let many: Vec<String> = (1..=200).map(|n| format!("127.0.0.{n}")).collect();
    let many: &'static str = Box::leak(many.join(" ").into_boxed_str());
    let spoiled: &'static str = Box::leak(format!("{many} 169.254.169.254").into_boxed_str());
    let asked = async |leads: &'static str| {
        let outbound = Outbound::with(Guard::default(), Arc::new(Leads(leads)), LIMITS);
        let server = at(Kind::Loki, &format!("http://many.example:{closed}"));
        probe(&outbound, &server).await
    };
    let health = asked(many).await;
    assert_eq!(trouble(&health), "not_connected", "{health:?}");
    let tried = health.steps.iter().filter(|step| step.name == "connect");
    assert_eq!(tried.count(), 4, "{health:?}");
    let told = "127.0.0.1, 127.0.0.2, 127.0.0.3, 127.0.0.4 and 196 more";
    assert_eq!(health.steps[0].detail, told);
    assert_eq!(trouble(&asked(spoiled).await), "address_refused");
}

/// A key and a certificate of `127.0.0.1`, signed by itself.
fn certificate(folder: &std::path::Path) -> Option<(String, rustls::ServerConfig)> {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let (cert, key) = testkit::certificate("outbound::tls", folder)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_file(&cert).unwrap()],
            PrivateKeyDer::from_pem_file(&key).unwrap(),
        );
    Some((std::fs::read_to_string(cert).unwrap(), config.unwrap()))
}

#[tokio::test]
async fn a_given_authority_is_believed_and_an_unknown_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let Some((pem, config)) = certificate(folder.path()) else {
        return;
    };
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let (address, _) = serving(move |stream: TcpStream, _: mpsc::UnboundedSender<()>| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut request = [0; 1024];
            let _asked = stream.read(&mut request).await;
            stream.write_all(json("{}").as_bytes()).await.ok();
            stream.shutdown().await.ok();
        }
    })
    .await;
    let server = at(Kind::Otlp, &format!("https://{address}"));
    let health = probe(&outbound(), &server).await;
    assert_eq!(trouble(&health), "tls_failed", "{health:?}");
    assert_eq!(health.steps.last().unwrap().name, "tls");
    let believed = Server {
        authority: Some(pem),
        ..server.clone()
    };
    let health = probe(&outbound(), &believed).await;
    assert_eq!(health.trouble, None, "{health:?}");
    let names: Vec<_> = health.steps.iter().map(|step| step.name).collect();
    assert_eq!(names, ["resolve", "connect", "tls", "request"]);
    let none = Server {
        authority: Some("no certificate".to_owned()),
        ..server
    };
    assert_eq!(trouble(&probe(&outbound(), &none).await), "tls_failed");
    assert!(outbound::check_certificate("no certificate").is_err());
}
