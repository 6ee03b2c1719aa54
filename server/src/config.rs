//! The configuration: defaults < file (`sre-copilot.toml`) < environment < flags.
//! Nothing below this crate reads the environment.

mod clear_text;
mod list;
mod printed;
mod read;
mod servers;
mod settings;

use std::net::SocketAddr;
use std::path::PathBuf;

use access::rates::{Quota, Quotas};

pub use clear_text::ClearText;
use read::{
    address, age, body_bytes, host_name, log, mail, networks, origins, pairs, public_url,
    query_memory, registration, seconds,
};
use servers::{authority, database, redis, without_password};
pub use settings::Settings;

/// Who may register a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    Open,
    First,
    Closed,
}

/// The settings after defaults and checks.
#[derive(Debug, Clone)]
pub struct Config {
    pub database_url: Option<String>,
    pub kafka_brokers: Option<String>,
    pub kafka_options: Vec<(String, String)>,
    pub kafka_replication: i32,
    pub kafka_prefix: String,
    pub redis_url: Option<String>,
    pub redis_ca_file: Option<PathBuf>,
    pub data_dir: PathBuf,
    pub http_addr: SocketAddr,
    pub ws_addr: SocketAddr,
    pub otlp_grpc_addr: SocketAddr,
    pub syslog_addr: Option<SocketAddr>,
    pub syslog_key: Option<String>,
    pub public_url: Option<String>,
    pub registration: Registration,
    pub cors_origins: Vec<String>,
    pub trusted_proxies: Vec<String>,
    pub caller_requests_per_second: u32,
    pub tenant_requests_per_second: u32,
    pub entrance_requests_per_second: u32,
    pub visitor_tokens_per_second: u32,
    pub agent_requests_per_second: u32,
    pub agents_requests_per_second: u32,
    pub log: String,
    pub master_key_file: Option<PathBuf>,
    pub instance: String,
    pub ingest_body_bytes: usize,
    /// None = any age.
    pub telemetry_max_sample_age_ms: Option<i64>,
    pub telemetry_active_series: u64,
    pub telemetry_active_streams: u64,
    pub telemetry_bytes_per_second: Option<u64>,
    pub telemetry_log_retention_s: u32,
    pub telemetry_flush_ms: u64,
    pub telemetry_compaction_ms: u64,
    pub telemetry_compaction_rows: u32,
    pub telemetry_raise_limits: bool,
    pub log_disk_bytes: u64,
    /// None for a share of the disk.
    pub log_disk_free_bytes: Option<u64>,
    pub log_page_cache: bool,
    pub query_memory_bytes: u64,
    pub outbound_private: bool,
    /// Each a network.
    pub outbound_denied: Vec<String>,
    pub monitoring_probe_ms: u64,
    pub tenant_erasure_grace_s: u32,
    pub session_lifetime_s: u32,
    /// Both or neither of this and `mail_from`.
    pub smtp_url: Option<String>,
    pub smtp_ca_file: Option<PathBuf>,
    pub mail_from: Option<String>,
    pub mail_retry_ms: u64,
    pub require_tls: bool,
    pub allow_weak_isolation: bool,
    pub postgres_bin: Option<PathBuf>,
}

/// A setting has a value that it cannot have.
#[derive(Debug, thiserror::Error)]
#[error("configuration: {setting} is `{value}`: {expected}")]
pub struct BadSetting {
    pub setting: &'static str,
    pub value: String,
    pub expected: String,
}

impl Settings {
    /// Applies defaults and refuses what cannot be meant. An empty variable
    /// counts as unset, as compose files write it.
    pub fn resolve(self, http_port: u16) -> Result<Config, BadSetting> {
        let set = |value: Option<String>| value.filter(|text| !text.trim().is_empty());
        let (smtp_url, mail_from) = mail(set(self.smtp_url), set(self.mail_from))?;
        let mail_authority = self.smtp_ca_file.as_deref().filter(|_| smtp_url.is_some());
        if let Some(file) = mail_authority {
            authority("smtp_ca_file", file)?;
        }
        let config = Config {
            database_url: database(set(self.database_url), |name| std::env::var_os(name))?,
            kafka_brokers: set(self.kafka_brokers),
            kafka_options: pairs(set(self.kafka_options))?,
            kafka_replication: self.kafka_replication.unwrap_or(3),
            kafka_prefix: set(self.kafka_prefix).unwrap_or_default(),
            redis_url: redis(set(self.redis_url), self.redis_ca_file.as_deref())?,
            redis_ca_file: self.redis_ca_file,
            data_dir: self.data_dir.unwrap_or_else(|| "data".into()),
            http_addr: address("http_addr", set(self.http_addr), http_port)?,
            ws_addr: address("ws_addr", set(self.ws_addr), 8505)?,
            otlp_grpc_addr: address("otlp_grpc_addr", set(self.otlp_grpc_addr), 4317)?,
            syslog_addr: set(self.syslog_addr)
                .map(|value| address("syslog_addr", Some(value), 601))
                .transpose()?,
            syslog_key: set(self.syslog_key),
            public_url: public_url(set(self.public_url))?,
            registration: registration(set(self.registration))?,
            cors_origins: origins(set(self.cors_origins))?,
            trusted_proxies: networks("trusted_proxies", set(self.trusted_proxies))?,
            caller_requests_per_second: self.caller_requests_per_second.unwrap_or(500),
            tenant_requests_per_second: self.tenant_requests_per_second.unwrap_or(2_000),
            entrance_requests_per_second: self.entrance_requests_per_second.unwrap_or(10),
            visitor_tokens_per_second: self.visitor_tokens_per_second.unwrap_or(100),
            agent_requests_per_second: self.agent_requests_per_second.unwrap_or(0),
            agents_requests_per_second: self.agents_requests_per_second.unwrap_or(0),
            log: log(set(self.log))?,
            master_key_file: self.master_key_file,
            instance: set(self.instance).unwrap_or_else(host_name),
            ingest_body_bytes: body_bytes("ingest_body_bytes", self.ingest_body_bytes)?,
            telemetry_max_sample_age_ms: age(
                "telemetry_max_sample_age",
                set(self.telemetry_max_sample_age),
            )?,
            telemetry_active_series: self.telemetry_active_series.unwrap_or(1_000_000),
            telemetry_active_streams: self.telemetry_active_streams.unwrap_or(100_000),
            telemetry_bytes_per_second: self.telemetry_bytes_per_second,
            telemetry_log_retention_s: seconds(
                "telemetry_log_retention",
                set(self.telemetry_log_retention),
                "3d",
            )?,
            telemetry_flush_ms: self.telemetry_flush_ms.unwrap_or(150),
            telemetry_compaction_ms: self.telemetry_compaction_ms.unwrap_or(5_000),
            telemetry_compaction_rows: self.telemetry_compaction_rows.unwrap_or(64),
            telemetry_raise_limits: self.telemetry_raise_limits.unwrap_or(true),
            log_disk_bytes: self.log_disk_bytes.unwrap_or(10 << 30),
            log_disk_free_bytes: self.log_disk_free_bytes,
            log_page_cache: self.log_page_cache.unwrap_or(false),
            query_memory_bytes: query_memory(self.query_memory_bytes)?,
            outbound_private: self.outbound_private.unwrap_or(true),
            outbound_denied: networks("outbound_denied", set(self.outbound_denied))?,
            monitoring_probe_ms: self.monitoring_probe_ms.unwrap_or(30_000).max(100),
            tenant_erasure_grace_s: seconds(
                "tenant_erasure_grace",
                set(self.tenant_erasure_grace),
                "7d",
            )?,
            session_lifetime_s: seconds("session_lifetime", set(self.session_lifetime), "30d")?,
            smtp_url,
            smtp_ca_file: self.smtp_ca_file,
            mail_from,
            mail_retry_ms: self.mail_retry_ms.unwrap_or(10_000).max(10),
            require_tls: self.require_tls.unwrap_or(false),
            allow_weak_isolation: self.allow_weak_isolation.unwrap_or(false),
            postgres_bin: self.postgres_bin,
        };
        config.encrypted()
    }
}

impl Config {
    /// The configuration as it may be shown: addresses without their passwords.
    pub fn redacted(&self) -> Self {
        let mut shown = self.clone();
        shown.database_url = shown.database_url.as_deref().map(without_password);
        shown.redis_url = shown.redis_url.as_deref().map(without_password);
        shown.smtp_url = shown.smtp_url.as_deref().map(without_password);
        shown.syslog_key = shown.syslog_key.map(|_| "***".to_owned());
        for (name, value) in &mut shown.kafka_options {
            if name.contains("password") || name.contains("secret") || name.contains("key") {
                "***".clone_into(value);
            }
        }
        shown
    }

    /// How often may be asked. A burst is two seconds' worth: a page of the console
    /// asks for much at once.
    pub fn quotas(&self) -> Quotas {
        let quota = |per_second: u32| {
            (per_second > 0).then_some(Quota {
                per_second,
                burst: per_second.saturating_mul(2),
            })
        };
        Quotas {
            caller: quota(self.caller_requests_per_second),
            tenant: quota(self.tenant_requests_per_second),
            entrance: quota(self.entrance_requests_per_second),
            visitor: quota(self.visitor_tokens_per_second),
            agent: quota(self.agent_requests_per_second),
            agents: quota(self.agents_requests_per_second),
        }
    }

    pub fn admin_socket(&self) -> PathBuf {
        self.data_dir.join("admin.sock")
    }

    /// Who was erased; beside the backups, for a restore of an older one.
    pub fn erased_list(&self) -> PathBuf {
        self.data_dir.join("erased")
    }

    pub fn ports_file(&self) -> PathBuf {
        self.data_dir.join("ports.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_value_is_named_and_quoted() {
        let settings = Settings {
            registration: Some("maybe".to_owned()),
            ..Settings::default()
        };
        let refused = settings.resolve(8580).unwrap_err().to_string();
        assert_eq!(
            refused,
            "configuration: registration is `maybe`: expected open, first or closed"
        );
    }

    #[test]
    fn a_body_is_no_larger_than_what_is_unpacked() {
        let read = |ingest_body_bytes| {
            let settings = Settings {
                ingest_body_bytes,
                ..Settings::default()
            };
            settings
                .resolve(8580)
                .map(|config| config.ingest_body_bytes)
        };
        assert_eq!(read(None).unwrap(), 10 << 20);
        assert_eq!(read(Some(256 << 20)).unwrap(), 256 << 20);
        let refused = read(Some((256 << 20) + 1)).unwrap_err().to_string();
        let expected =
            "configuration: ingest_body_bytes is `268435457`: expected 268435456 bytes at most";
        assert_eq!(refused, expected);
    }

    #[test]
    fn a_role_listens_on_its_own_port_unless_one_is_set() {
        let port = |addr: Option<&str>| {
            let settings = Settings {
                http_addr: addr.map(str::to_owned),
                ..Settings::default()
            };
            let workers = crate::cli::Command::Workers.roles();
            settings
                .resolve(workers.http_port())
                .unwrap()
                .http_addr
                .port()
        };
        assert_eq!((port(None), port(Some(":9000"))), (8503, 9000));
    }

    #[test]
    fn mail_needs_a_server_and_a_sender_and_hides_the_password() {
        let read = |url: &str, from: &str| {
            let settings = Settings {
                smtp_url: Some(url.to_owned()),
                mail_from: Some(from.to_owned()),
                ..Settings::default()
            };
            settings.resolve(8580)
        };
        let config = read("smtps://ada:s3cret@mail.example", "a@b.example").unwrap();
        let shown = config.printed().unwrap();
        assert!(shown.contains("ada:***@mail.example") && !shown.contains("s3cret"));
        assert!(read("", "").unwrap().smtp_url.is_none());
        for (url, from, setting) in [
            ("smtps://mail.example", "", "mail_from"),
            ("", "a@b.example", "mail_from"),
            ("smtps://mail.example", "nobody", "mail_from"),
            (
                "smtp://ada:s3cret@mail.example?tls=none",
                "a@b.example",
                "smtp_url",
            ),
            ("mail.example", "a@b.example", "smtp_url"),
        ] {
            let refused = read(url, from).unwrap_err();
            assert_eq!(refused.setting, setting, "{url} {from}");
            assert!(!refused.to_string().contains("s3cret"));
        }
    }
}
