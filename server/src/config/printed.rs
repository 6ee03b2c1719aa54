//! The configuration as a file that says it: what `sre-copilot config` prints.

use super::read::{AGE_UNITS, SECOND_UNITS, escape};
use super::{Config, Registration, Settings};

const MASK: &str = "***";

impl Config {
    /// Every setting that has a value, by the name and in the form in which the file has it.
    /// Secrets are masked, and a comment says which.
    pub fn printed(&self) -> Result<String, toml::ser::Error> {
        let settings = self.redacted().settings();
        let masked = masked(&settings);
        let text = toml::to_string_pretty(&settings)?;
        match masked.is_empty() {
            true => Ok(text),
            false => Ok(format!(
                "# Masked as {MASK}, to be put in again before this is used as a file: {}\n{text}",
                masked.join(", ")
            )),
        }
    }

    /// What would have to be set for this.
    fn settings(self) -> Settings {
        Settings {
            database_url: self.database_url,
            kafka_brokers: self.kafka_brokers,
            kafka_options: Some(pairs(&self.kafka_options)),
            kafka_replication: Some(self.kafka_replication),
            kafka_prefix: Some(self.kafka_prefix),
            redis_url: self.redis_url,
            redis_ca_file: self.redis_ca_file,
            data_dir: Some(self.data_dir),
            http_addr: Some(self.http_addr.to_string()),
            ws_addr: Some(self.ws_addr.to_string()),
            otlp_grpc_addr: Some(self.otlp_grpc_addr.to_string()),
            syslog_addr: self.syslog_addr.map(|addr| addr.to_string()),
            syslog_key: self.syslog_key,
            public_url: self.public_url,
            registration: Some(registration(self.registration).to_owned()),
            cors_origins: Some(self.cors_origins.join(",")),
            trusted_proxies: Some(self.trusted_proxies.join(",")),
            caller_requests_per_second: Some(self.caller_requests_per_second),
            tenant_requests_per_second: Some(self.tenant_requests_per_second),
            entrance_requests_per_second: Some(self.entrance_requests_per_second),
            visitor_tokens_per_second: Some(self.visitor_tokens_per_second),
            agent_requests_per_second: Some(self.agent_requests_per_second),
            agents_requests_per_second: Some(self.agents_requests_per_second),
            log: Some(self.log),
            master_key_file: self.master_key_file,
            instance: Some(self.instance),
            ingest_body_bytes: Some(self.ingest_body_bytes),
            telemetry_max_sample_age: Some(age(self.telemetry_max_sample_age_ms)),
            telemetry_active_series: Some(self.telemetry_active_series),
            telemetry_active_streams: Some(self.telemetry_active_streams),
            telemetry_bytes_per_second: self.telemetry_bytes_per_second,
            telemetry_log_retention: Some(seconds(self.telemetry_log_retention_s)),
            telemetry_flush_ms: Some(self.telemetry_flush_ms),
            telemetry_compaction_ms: Some(self.telemetry_compaction_ms),
            telemetry_compaction_rows: Some(self.telemetry_compaction_rows),
            telemetry_raise_limits: Some(self.telemetry_raise_limits),
            log_disk_bytes: Some(self.log_disk_bytes),
            log_disk_free_bytes: self.log_disk_free_bytes,
            log_page_cache: Some(self.log_page_cache),
            query_memory_bytes: Some(self.query_memory_bytes),
            outbound_private: Some(self.outbound_private),
            outbound_denied: Some(self.outbound_denied.join(",")),
            monitoring_probe_ms: Some(self.monitoring_probe_ms),
            tenant_erasure_grace: Some(seconds(self.tenant_erasure_grace_s)),
            session_lifetime: Some(seconds(self.session_lifetime_s)),
            smtp_url: self.smtp_url,
            smtp_ca_file: self.smtp_ca_file,
            mail_from: self.mail_from,
            mail_retry_ms: Some(self.mail_retry_ms),
            require_tls: Some(self.require_tls),
            allow_weak_isolation: Some(self.allow_weak_isolation),
            postgres_bin: self.postgres_bin,
        }
    }
}

/// The settings in whose values something is masked.
fn masked(settings: &Settings) -> Vec<&'static str> {
    let secrets = [
        ("database_url", &settings.database_url),
        ("kafka_options", &settings.kafka_options),
        ("redis_url", &settings.redis_url),
        ("syslog_key", &settings.syslog_key),
        ("smtp_url", &settings.smtp_url),
    ];
    let masked = secrets.into_iter().filter(|(_, value)| {
        let value = value.as_deref();
        value.is_some_and(|text| text.contains(MASK))
    });
    masked.map(|(name, _)| name).collect()
}

fn pairs(pairs: &[(String, String)]) -> String {
    let parts = pairs
        .iter()
        .map(|(name, value)| escape(&format!("{name}={value}")));
    parts.collect::<Vec<_>>().join(",")
}

fn registration(registration: Registration) -> &'static str {
    match registration {
        Registration::Open => "open",
        Registration::First => "first",
        Registration::Closed => "closed",
    }
}

fn age(ms: Option<i64>) -> String {
    ms.map_or_else(|| "off".to_owned(), |ms| time(ms, &AGE_UNITS))
}

fn seconds(seconds: u32) -> String {
    time(seconds.into(), &SECOND_UNITS)
}

/// In the largest unit of which it is a whole number; `units` begin with the smallest.
fn time(time: i64, units: &[(&str, i64)]) -> String {
    let unit = units.iter().rev().find(|(_, each)| time % each == 0);
    unit.map_or_else(
        || time.to_string(),
        |(unit, each)| format!("{}{unit}", time / each),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::Args;

    use super::*;

    /// None of them its default; the files of certificates are only read with their servers.
    const SERVERS: &str = r#"
database_url = "postgres://ada:s3cret@db.example/x?sslmode=require"
kafka_brokers = "a.example:9093,b.example:9093"
kafka_options = ['security.protocol=sasl_ssl', 'sasl.username=a,\b', 'sasl.password=s3cret']
kafka_replication = 2
kafka_prefix = "eu."
redis_url = "rediss://:s3cret@cache.example:6380"
data_dir = "/srv/data"
http_addr = "127.0.0.1:1"
ws_addr = "[::1]:2"
otlp_grpc_addr = ":3"
syslog_addr = ":601"
syslog_key = "srec_s3cret"
public_url = "https://copilot.example"
registration = "closed"
cors_origins = ["https://app.example", "https://b.example"]
trusted_proxies = "127.0.0.1,10.0.0.0/8"
caller_requests_per_second = 1
tenant_requests_per_second = 2
entrance_requests_per_second = 3
visitor_tokens_per_second = 4
agent_requests_per_second = 5
agents_requests_per_second = 6
log = "debug,json"
master_key_file = "/srv/key"
instance = "one"
ingest_body_bytes = 7
telemetry_max_sample_age = "90m"
telemetry_active_series = 8
telemetry_active_streams = 9
telemetry_bytes_per_second = 10
telemetry_log_retention = "36h"
telemetry_flush_ms = 11
telemetry_compaction_ms = 12
telemetry_compaction_rows = 13
telemetry_raise_limits = false
log_disk_bytes = 14
log_disk_free_bytes = 15
log_page_cache = true
outbound_private = false
outbound_denied = ["10.0.0.0/8"]
monitoring_probe_ms = 116
tenant_erasure_grace = "90s"
session_lifetime = "14d"
smtp_url = "smtps://ada:s3cret@mail.example"
mail_from = "SRE Copilot <copilot@example.com>"
mail_retry_ms = 17
require_tls = true
allow_weak_isolation = true
postgres_bin = "/usr/lib/postgresql/17/bin"
"#;
    const FILES: &str = "redis_ca_file = \"/srv/a.pem\"\nsmtp_ca_file = \"/srv/b.pem\"\n\
                         telemetry_max_sample_age = \"off\"\n";

    fn resolve(text: &str) -> Config {
        let settings: Settings = toml::from_str(text).unwrap();
        settings.resolve(8580).unwrap()
    }

    fn keys(text: &str) -> BTreeSet<String> {
        let table: toml::Table = toml::from_str(text).unwrap();
        table.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn what_is_printed_is_read_as_it_was() {
        let mut printed_keys = BTreeSet::new();
        for text in [SERVERS, FILES, ""] {
            let config = resolve(text);
            let printed = config.printed().unwrap();
            assert!(keys(&printed).is_superset(&keys(text)), "{printed}");
            let again = resolve(&printed);
            assert_eq!(format!("{again:?}"), format!("{:?}", config.redacted()));
            assert_eq!(again.printed().unwrap(), printed);
            printed_keys.append(&mut keys(&printed));
        }
        let settings = Settings::augment_args(clap::Command::new("all"));
        let ids = settings.get_arguments().map(|arg| arg.get_id().as_str());
        let all: BTreeSet<String> = ids.map(str::to_owned).collect();
        assert_eq!(printed_keys, all);
    }

    #[test]
    fn the_example_of_the_documentation_is_read() {
        let operations = include_str!("../../../docs/operations.md");
        let (_, after) = operations.split_once("```toml\n").unwrap();
        let (example, _) = after.split_once("```").unwrap();
        let config = resolve(example);
        assert_eq!(config.trusted_proxies, ["127.0.0.1", "10.0.0.0/8"]);
        assert_eq!(config.telemetry_max_sample_age_ms, Some(12 * 3_600_000));
    }

    #[test]
    fn secrets_are_masked_and_named() {
        let printed = resolve(SERVERS).printed().unwrap();
        let (comment, _) = printed.split_once('\n').unwrap();
        assert!(comment.starts_with("# Masked as ***"), "{comment}");
        let names = ": database_url, kafka_options, redis_url, syslog_key, smtp_url";
        assert!(comment.ends_with(names), "{comment}");
        assert!(!printed.contains("s3cret"), "{printed}");
        let bare = resolve("").printed().unwrap();
        assert!(!bare.contains('#'), "{bare}");
    }

    #[test]
    fn lists_and_times_are_printed_as_they_are_written() {
        let printed = resolve("trusted_proxies = [\"127.0.0.1\"]")
            .printed()
            .unwrap();
        for line in [
            "cors_origins = []",
            "telemetry_max_sample_age = \"7d\"",
            "telemetry_log_retention = \"3d\"",
            "http_addr = \"0.0.0.0:8580\"",
        ] {
            assert!(printed.lines().any(|found| found == line), "{printed}");
        }
        let table: toml::Table = toml::from_str(&printed).unwrap();
        assert_eq!(table["trusted_proxies"][0].as_str(), Some("127.0.0.1"));
        assert_eq!(seconds(90), "90s");
        assert_eq!(age(Some(36 * 3_600_000)), "36h");
    }
}
