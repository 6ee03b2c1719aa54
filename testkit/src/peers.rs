//! Real programs that tests talk to. `make test` fetches them and names them in
//! the environment; a test without its peer is skipped by name.

use std::path::PathBuf;

/// A program, by the variable that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    Prometheus,
    /// Checks rules of Prometheus; comes with it.
    Promtool,
    Alertmanager,
    NodeExporter,
    RedisServer,
    KafkaFolder,
    Chromium,
    /// A library that, preloaded, makes every sync do nothing.
    EatMyData,
    /// A Python interpreter that has the SDKs of `server/tests/sdks/python`.
    PythonSdks,
    /// Asks an API what its description says that it answers.
    Schemathesis,
    /// A folder with the modules of `server/tests/sdks/node`.
    NodeSdks,
    Rsyslogd,
    /// A Python interpreter that has what `server/tests/sdks/mail` needs.
    MailServer,
    /// The folder of an identity provider that was built once (`kc.sh build`).
    Keycloak,
    /// OpenTelemetry's load generator.
    Telemetrygen,
    /// Loki's own client, of the last version under the Apache licence.
    Logcli,
}

impl Peer {
    fn variable(self) -> &'static str {
        match self {
            Self::Prometheus => "SRE_COPILOT_TEST_PROMETHEUS",
            Self::Promtool => "SRE_COPILOT_TEST_PROMTOOL",
            Self::Alertmanager => "SRE_COPILOT_TEST_ALERTMANAGER",
            Self::NodeExporter => "SRE_COPILOT_TEST_NODE_EXPORTER",
            Self::RedisServer => "SRE_COPILOT_TEST_REDIS_SERVER",
            Self::KafkaFolder => "SRE_COPILOT_TEST_KAFKA_DIR",
            Self::Chromium => "SRE_COPILOT_TEST_CHROMIUM",
            Self::PythonSdks => "SRE_COPILOT_TEST_PYTHON_SDKS",
            Self::Schemathesis => "SRE_COPILOT_TEST_SCHEMATHESIS",
            Self::NodeSdks => "SRE_COPILOT_TEST_NODE_SDKS",
            Self::MailServer => "SRE_COPILOT_TEST_MAIL_SERVER",
            Self::Rsyslogd => "SRE_COPILOT_TEST_RSYSLOGD",
            Self::Keycloak => "SRE_COPILOT_TEST_KEYCLOAK",
            Self::Telemetrygen => "SRE_COPILOT_TEST_TELEMETRYGEN",
            Self::Logcli => "SRE_COPILOT_TEST_LOGCLI",
            Self::EatMyData => "SRE_COPILOT_TEST_EATMYDATA",
        }
    }
}

/// Where the peer is, or None after saying that `test` is skipped.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by make where the peers are"
)]
pub fn peer(test: &str, peer: Peer) -> Option<PathBuf> {
    let found = std::env::var(peer.variable())
        .ok()
        .map(PathBuf::from)
        .filter(|p| p.exists());
    if found.is_none() {
        crate::skipped(
            test,
            &format!("{} names nothing that exists", peer.variable()),
        );
    }
    found
}

/// A loopback port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener
        .local_addr()
        .expect("a bound listener has an address")
        .port()
}
