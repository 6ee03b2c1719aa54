//! Which of the machines that the platform is made of would be spoken to in clear text.
//! What stays on this machine may be.

use std::net::IpAddr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use workers::mail_server::MailServer;

use super::{BadSetting, Config};

/// A connection that everybody on the way can read and change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearText {
    /// The variable that names it.
    pub variable: &'static str,
    /// Where it leads, without credentials.
    pub address: String,
    /// What would encrypt it.
    pub remedy: &'static str,
}

impl Config {
    /// In the order of the documentation, one for each variable.
    pub fn clear_text(&self) -> Vec<ClearText> {
        let database = self.database_url.as_deref().and_then(postgres);
        let brokers = self.kafka_brokers.as_deref();
        let brokers = brokers.and_then(|brokers| kafka(brokers, &self.kafka_options));
        let redis = self.redis_url.as_deref().and_then(redis);
        let mail = self.smtp_url.as_deref().and_then(smtp);
        [database, brokers, redis, mail]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Refuses the first of them, where the operator wants none.
    pub(super) fn encrypted(self) -> Result<Self, BadSetting> {
        match self.clear_text().into_iter().next() {
            Some(found) if self.require_tls => Err(BadSetting {
                setting: found.variable,
                value: found.address,
                expected: format!(
                    "expected {}, because SRE_COPILOT_REQUIRE_TLS is set",
                    found.remedy
                ),
            }),
            _ => Ok(self),
        }
    }
}

/// As sqlx reads the address, `PGSSLMODE` included. `prefer`, which it takes where nothing
/// is said, goes on in clear where the server or somebody between wants that.
fn postgres(url: &str) -> Option<ClearText> {
    // What is no address fails when it is connected to, and says so.
    let options: PgConnectOptions = url.parse().ok()?;
    let encrypted = matches!(
        options.get_ssl_mode(),
        PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull
    );
    let socket = options.get_socket().is_some() || options.get_host().starts_with('/');
    if encrypted || socket || is_this_machine(options.get_host()) {
        return None;
    }
    Some(ClearText {
        variable: "DATABASE_URL",
        address: format!("{}:{}", options.get_host(), options.get_port()),
        remedy: "`?sslmode=verify-full`",
    })
}

/// The first broker that is elsewhere: all are spoken to alike.
fn kafka(brokers: &str, options: &[(String, String)]) -> Option<ClearText> {
    let protocol = options
        .iter()
        .rev()
        .find(|(name, _)| name == "security.protocol");
    let encrypted = |(_, value): &(String, String)| {
        value.eq_ignore_ascii_case("ssl") || value.eq_ignore_ascii_case("sasl_ssl")
    };
    if protocol.is_some_and(encrypted) {
        return None;
    }
    let mut brokers = brokers.split(',').map(|broker| authority(broker.trim()));
    let elsewhere = brokers.find(|broker| is_address(broker) && !is_this_machine(host(broker)))?;
    Some(ClearText {
        variable: "KAFKA_BROKERS",
        address: elsewhere.to_owned(),
        remedy: "`security.protocol=ssl` or `sasl_ssl` in SRE_COPILOT_KAFKA_OPTIONS",
    })
}

fn redis(url: &str) -> Option<ClearText> {
    let (scheme, _) = url.split_once("://")?;
    let encrypted = ["rediss", "valkeys"].contains(&scheme);
    let socket = scheme.ends_with("unix");
    let address = authority(url);
    if encrypted || socket || !is_address(address) || is_this_machine(host(address)) {
        return None;
    }
    Some(ClearText {
        variable: "REDIS_URL",
        address: address.to_owned(),
        remedy: "`rediss://`",
    })
}

fn smtp(url: &str) -> Option<ClearText> {
    let server = MailServer::parse(url).ok()?;
    let address = server.in_clear_elsewhere()?;
    Some(ClearText {
        variable: "SRE_COPILOT_SMTP_URL",
        address,
        remedy: "`smtps://…`, or `smtp://…` without `tls=none`",
    })
}

/// `host[:port]` of an address, without whatever stands around it.
fn authority(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let whole = rest.split(['/', '?', '#']).next().unwrap_or_default();
    whole.rsplit_once('@').map_or(whole, |(_, host)| host)
}

/// `host`, `host:port`, `[::1]` or `[::1]:port`.
fn host(authority: &str) -> &str {
    match authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((inside, _)) => inside,
        None => authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host),
    }
}

/// What is none fails when it is connected to; to be shown it might be part of a password.
fn is_address(authority: &str) -> bool {
    let name = host(authority);
    let rest = authority
        .trim_start_matches('[')
        .strip_prefix(name)
        .unwrap_or_default();
    let port = rest.trim_start_matches(']');
    let digits = port.strip_prefix(':').unwrap_or_default();
    !name.is_empty() && (port.is_empty() || digits.parse::<u16>().is_ok())
}

/// By its own address alone: a name may lead anywhere.
fn is_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    let ip: Option<IpAddr> = host.parse().ok();
    let name = host.strip_suffix('.').unwrap_or(host);
    name.eq_ignore_ascii_case("localhost") || ip.is_some_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    fn address(found: Option<ClearText>) -> Option<String> {
        found.map(|found| found.address)
    }

    #[test]
    fn postgres_is_in_clear_unless_tls_is_demanded_or_it_is_here() {
        for (url, expected) in [
            (
                "postgres://ada:s3cret@db.example/x",
                Some("db.example:5432"),
            ),
            (
                "postgres://ada:s@cret@10.0.0.7:6432/x",
                Some("10.0.0.7:6432"),
            ),
            ("postgres://db/x?sslmode=prefer", Some("db:5432")),
            ("postgres://db/x?sslmode=allow", Some("db:5432")),
            ("postgres://db/x?sslmode=disable", Some("db:5432")),
            ("postgres:///x?host=db.example", Some("db.example:5432")),
            // A name that only looks like this machine.
            (
                "postgres://localhost.example/x",
                Some("localhost.example:5432"),
            ),
            ("postgres://db/x?sslmode=require", None),
            ("postgres://db/x?sslmode=verify-ca", None),
            ("postgres://db/x?sslmode=verify-full", None),
            ("postgres://localhost/x", None),
            ("postgres://127.0.0.1:5433/x", None),
            ("postgres://127.9.9.9/x", None),
            ("postgres://[::1]/x", None),
            ("postgres:///x?host=/run/postgresql", None),
            ("postgres://%2Frun%2Fpostgresql/x", None),
            ("no address at all", None),
        ] {
            assert_eq!(address(postgres(url)).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn kafka_is_in_clear_unless_its_protocol_is_tls() {
        let with = |brokers: &str, protocol: Option<&str>| {
            let options = protocol.map(|p| ("security.protocol".to_owned(), p.to_owned()));
            address(kafka(brokers, &Vec::from_iter(options)))
        };
        for (brokers, expected) in [
            ("kafka:9092", Some("kafka:9092")),
            ("localhost:9092, kafka-2:9092", Some("kafka-2:9092")),
            ("PLAINTEXT://10.0.0.7:9092", Some("10.0.0.7:9092")),
            ("[2001:db8::1]:9092", Some("[2001:db8::1]:9092")),
            ("localhost:9092,127.0.0.1:9093,[::1]:9094", None),
            ("localhost", None),
        ] {
            assert_eq!(with(brokers, None).as_deref(), expected, "{brokers}");
        }
        for protocol in ["plaintext", "sasl_plaintext", "SASL_PLAINTEXT"] {
            assert!(with("kafka:9092", Some(protocol)).is_some(), "{protocol}");
        }
        for protocol in ["ssl", "SSL", "sasl_ssl", "SASL_SSL"] {
            assert_eq!(with("kafka:9092", Some(protocol)), None, "{protocol}");
        }
        // The last one holds, as for librdkafka.
        let twice = ["ssl", "plaintext"].map(|p| ("security.protocol".to_owned(), p.to_owned()));
        assert!(kafka("kafka:9092", &twice).is_some());
    }

    #[test]
    fn redis_and_mail_are_in_clear_as_their_addresses_say() {
        for (url, expected) in [
            ("redis://cache:6379", Some("cache:6379")),
            ("redis://ada:s3cret@cache/0", Some("cache")),
            ("valkey://cache:6379", Some("cache:6379")),
            ("redis://[2001:db8::1]:6379", Some("[2001:db8::1]:6379")),
            ("rediss://cache:6380", None),
            ("valkeys://cache:6380", None),
            ("redis://localhost:6379", None),
            ("redis://LOCALHOST.:6379", None),
            ("redis://127.0.0.1", None),
            ("redis://[::ffff:127.0.0.1]:6379", None),
            ("redis+unix:///run/redis.sock", None),
            ("unix:///run/redis.sock", None),
            // No address: a password that ought to have been percent-encoded.
            ("redis://:s3/cret@cache:6379", None),
            ("redis://ada:s3/cret@cache:6379", None),
        ] {
            assert_eq!(address(redis(url)).as_deref(), expected, "{url}");
        }
        for (url, expected) in [
            ("smtp://mail.example?tls=none", Some("mail.example:25")),
            ("smtp://10.0.0.7:2525?tls=none", Some("10.0.0.7:2525")),
            ("smtp://mail.example", None),
            ("smtps://ada:s3cret@mail.example", None),
            ("smtp://localhost?tls=none", None),
            ("smtp://ada:s3cret@[::1]?tls=none", None),
        ] {
            assert_eq!(address(smtp(url)).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn with_the_setting_clear_text_is_refused_by_variable_and_address() {
        let settings = |require_tls| Settings {
            database_url: Some("postgres://ada:s3cret@db.example/x".to_owned()),
            redis_url: Some("redis://:s3cret@cache:6379".to_owned()),
            kafka_brokers: Some("localhost:9092".to_owned()),
            require_tls,
            ..Settings::default()
        };
        let refused = settings(Some(true)).resolve(8580).unwrap_err().to_string();
        assert_eq!(
            refused,
            "configuration: DATABASE_URL is `db.example:5432`: expected `?sslmode=verify-full`, \
             because SRE_COPILOT_REQUIRE_TLS is set"
        );
        // Without it they are known, one by one, and the server goes on.
        let config = settings(None).resolve(8580).unwrap();
        let found = config.clear_text();
        let variables: Vec<_> = found.iter().map(|found| found.variable).collect();
        assert_eq!(variables, ["DATABASE_URL", "REDIS_URL"]);
        assert!(!format!("{found:?}").contains("s3cret"));
        let here = Settings {
            require_tls: Some(true),
            kafka_brokers: Some("localhost:9092".to_owned()),
            ..Settings::default()
        };
        assert!(here.resolve(8580).unwrap().clear_text().is_empty());
    }
}
