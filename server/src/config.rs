//! The configuration: defaults < file (`sre-copilot.toml`) < environment < flags.
//! Nothing below this crate reads the environment.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use access::rates::{Quota, Quotas};
use anyhow::Context;
use gateway::config::PublicUrl;
use outbound::Network;
use serde::{Deserialize, Serialize};
use workers::mail_server::{MailServer, NotAMailServer, check_sender};

/// Every setting, each named alike as flag (`--data-dir`), variable
/// (`SRE_COPILOT_DATA_DIR`) and key of the file (`data_dir`).
#[derive(Debug, Clone, Default, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Postgres to use; without it the server starts one of its own under the data folder
    #[arg(long, env = "DATABASE_URL", global = true, hide_env_values = true)]
    pub database_url: Option<String>,
    /// Kafka bootstrap servers; without it the log is embedded
    #[arg(long, env = "KAFKA_BROKERS", global = true)]
    pub kafka_brokers: Option<String>,
    /// More librdkafka settings, for instance `security.protocol=ssl`; separated by commas
    #[arg(
        long,
        env = "SRE_COPILOT_KAFKA_OPTIONS",
        global = true,
        hide_env_values = true
    )]
    pub kafka_options: Option<String>,
    /// Copies of each topic that is created [default: 3; one broker needs 1]
    #[arg(long, env = "SRE_COPILOT_KAFKA_REPLICATION", global = true)]
    pub kafka_replication: Option<i32>,
    /// Put before the names of topics and groups, so that deployments can share a cluster
    #[arg(long, env = "SRE_COPILOT_KAFKA_PREFIX", global = true)]
    pub kafka_prefix: Option<String>,
    /// Redis for fan-out between processes; without it changes are announced in process
    #[arg(long, env = "REDIS_URL", global = true, hide_env_values = true)]
    pub redis_url: Option<String>,
    /// Folder for everything that the platform keeps [default: ./data]
    #[arg(long, env = "SRE_COPILOT_DATA_DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// Address of API, ingest, console and /ws [default: :8580]
    #[arg(long, env = "SRE_COPILOT_HTTP_ADDR", global = true)]
    pub http_addr: Option<String>,
    /// Address of the WebSocket alone [default: :8505]
    #[arg(long, env = "SRE_COPILOT_WS_ADDR", global = true)]
    pub ws_addr: Option<String>,
    /// Address of OTLP over gRPC [default: :4317]
    #[arg(long, env = "SRE_COPILOT_OTLP_GRPC_ADDR", global = true)]
    pub otlp_grpc_addr: Option<String>,
    /// Address of syslog over TCP; without it there is none
    #[arg(long, env = "SRE_COPILOT_SYSLOG_ADDR", global = true)]
    pub syslog_addr: Option<String>,
    /// API key of the syslog messages that carry none
    #[arg(
        long,
        env = "SRE_COPILOT_SYSLOG_KEY",
        global = true,
        hide_env_values = true
    )]
    pub syslog_key: Option<String>,
    /// Where browsers reach the platform; decides cookie names and allowed origins
    #[arg(long, env = "SRE_COPILOT_PUBLIC_URL", global = true)]
    pub public_url: Option<String>,
    /// Who may register a tenant: open, first (only while there is none), closed [default: open]
    #[arg(long, env = "SRE_COPILOT_REGISTRATION", global = true)]
    pub registration: Option<String>,
    /// Pages of other sites that may use the API, for instance `https://app.example`; separated by commas
    #[arg(long, env = "SRE_COPILOT_CORS_ORIGINS", global = true)]
    pub cors_origins: Option<String>,
    /// Proxies whose `Forwarded` or `X-Forwarded-For` is believed, as addresses or CIDR ranges; separated by commas
    #[arg(long, env = "SRE_COPILOT_TRUSTED_PROXIES", global = true)]
    pub trusted_proxies: Option<String>,
    /// API requests of one key or person, per second; 0 = no limit [default: 500]
    #[arg(long, env = "SRE_COPILOT_CALLER_REQUESTS_PER_SECOND", global = true)]
    pub caller_requests_per_second: Option<u32>,
    /// API requests of one tenant, per second; 0 = no limit [default: 2000]
    #[arg(long, env = "SRE_COPILOT_TENANT_REQUESTS_PER_SECOND", global = true)]
    pub tenant_requests_per_second: Option<u32>,
    /// Registrations, logins and refreshes from one address, per second; 0 = no limit [default: 10]
    #[arg(long, env = "SRE_COPILOT_ENTRANCE_REQUESTS_PER_SECOND", global = true)]
    pub entrance_requests_per_second: Option<u32>,
    /// Tokens from one address that are checked because they are not known yet, per second;
    /// 0 = no limit [default: 100]
    #[arg(long, env = "SRE_COPILOT_VISITOR_TOKENS_PER_SECOND", global = true)]
    pub visitor_tokens_per_second: Option<u32>,
    /// Ingest requests of one key, per second; 0 = no limit [default: 0]
    #[arg(long, env = "SRE_COPILOT_AGENT_REQUESTS_PER_SECOND", global = true)]
    pub agent_requests_per_second: Option<u32>,
    /// Ingest requests of one tenant, per second; 0 = no limit [default: 0]
    #[arg(long, env = "SRE_COPILOT_AGENTS_REQUESTS_PER_SECOND", global = true)]
    pub agents_requests_per_second: Option<u32>,
    /// Log level and form, for instance `info`, `debug,json` [default: info]
    #[arg(long, env = "SRE_COPILOT_LOG", global = true)]
    pub log: Option<String>,
    /// File with the 32-byte master key (raw, hex or base64)
    #[arg(long, env = "SRE_COPILOT_MASTER_KEY_FILE", global = true)]
    pub master_key_file: Option<PathBuf>,
    /// Name of this process among its like; stable over restarts on Kafka [default: host name]
    #[arg(long, env = "SRE_COPILOT_INSTANCE", global = true)]
    pub instance: Option<String>,
    /// Largest ingest body, compressed and decompressed, in bytes [default: 10485760]
    #[arg(long, env = "SRE_COPILOT_INGEST_BODY_BYTES", global = true)]
    pub ingest_body_bytes: Option<usize>,
    /// Oldest telemetry that is taken, for instance `12h` or `7d`; `off` takes any [default: 7d]
    #[arg(long, env = "SRE_COPILOT_TELEMETRY_MAX_SAMPLE_AGE", global = true)]
    pub telemetry_max_sample_age: Option<String>,
    /// Series that one tenant may send within a day (UTC) [default: 1000000]
    #[arg(long, env = "SRE_COPILOT_TELEMETRY_ACTIVE_SERIES", global = true)]
    pub telemetry_active_series: Option<u64>,
    /// Streams of logs that one tenant may send within a day (UTC) [default: 100000]
    #[arg(long, env = "SRE_COPILOT_TELEMETRY_ACTIVE_STREAMS", global = true)]
    pub telemetry_active_streams: Option<u64>,
    /// Telemetry of one tenant, in bytes per second as sent; without it there is no limit
    #[arg(long, env = "SRE_COPILOT_TELEMETRY_BYTES_PER_SECOND", global = true)]
    pub telemetry_bytes_per_second: Option<u64>,
    /// How long the log keeps telemetry that every projection has read, for instance `12h` or `3d` [default: 3d]
    #[arg(long, env = "SRE_COPILOT_TELEMETRY_LOG_RETENTION", global = true)]
    pub telemetry_log_retention: Option<String>,
    /// Least time between two flushes of telemetry while little arrives, in milliseconds [default: 150]
    #[arg(long, env = "SRE_COPILOT_TELEMETRY_FLUSH_MS", global = true)]
    pub telemetry_flush_ms: Option<u64>,
    /// Pause between two passes of compaction that found nothing to do, in milliseconds [default: 5000]
    #[arg(long, env = "SRE_COPILOT_TELEMETRY_COMPACTION_MS", global = true)]
    pub telemetry_compaction_ms: Option<u64>,
    /// Flushes of a project that are compacted before their ten minutes are over [default: 64]
    #[arg(long, env = "SRE_COPILOT_TELEMETRY_COMPACTION_ROWS", global = true)]
    pub telemetry_compaction_rows: Option<u32>,
    /// Whether a tenant may set limits of its own above these [default: true]
    #[arg(long, env = "SRE_COPILOT_TELEMETRY_RAISE_LIMITS", global = true)]
    pub telemetry_raise_limits: Option<bool>,
    /// Disk that the embedded log may take, in bytes [default: 10737418240]
    #[arg(long, env = "SRE_COPILOT_LOG_DISK_BYTES", global = true)]
    pub log_disk_bytes: Option<u64>,
    /// Whether servers that people name may have private addresses, this machine's among
    /// them [default: true]
    #[arg(long, env = "SRE_COPILOT_OUTBOUND_PRIVATE", global = true)]
    pub outbound_private: Option<bool>,
    /// Networks in which no server that people name is called, for instance
    /// `10.0.0.0/8,192.168.1.7`
    #[arg(long, env = "SRE_COPILOT_OUTBOUND_DENIED", global = true)]
    pub outbound_denied: Option<String>,
    /// How often a monitoring server is asked whether it is well, in ms [default: 30000]
    #[arg(long, env = "SRE_COPILOT_MONITORING_PROBE_MS", global = true)]
    pub monitoring_probe_ms: Option<u64>,
    /// How long a tenant goes on after its erasure was asked for, for instance `12h` or `30d` [default: 7d]
    #[arg(long, env = "SRE_COPILOT_TENANT_ERASURE_GRACE", global = true)]
    pub tenant_erasure_grace: Option<String>,
    /// How long after its sign-in a session ends, however often it is carried on, for instance `12h` or `90d` [default: 30d]
    #[arg(long, env = "SRE_COPILOT_SESSION_LIFETIME", global = true)]
    pub session_lifetime: Option<String>,
    /// Mail server that invitations are handed to: `smtps://user:password@host`, or
    /// `smtp://…` for STARTTLS; without it no mail is sent
    #[arg(
        long,
        env = "SRE_COPILOT_SMTP_URL",
        global = true,
        hide_env_values = true
    )]
    pub smtp_url: Option<String>,
    /// File with certificates in PEM that the mail server's may be signed by
    #[arg(long, env = "SRE_COPILOT_SMTP_CA_FILE", global = true)]
    pub smtp_ca_file: Option<PathBuf>,
    /// Sender of mails, for instance `SRE Copilot <copilot@example.com>`
    #[arg(long, env = "SRE_COPILOT_MAIL_FROM", global = true)]
    pub mail_from: Option<String>,
    /// Wait before a mail is tried a second time, in ms; later waits grow fourfold [default: 10000]
    #[arg(long, env = "SRE_COPILOT_MAIL_RETRY_MS", global = true)]
    pub mail_retry_ms: Option<u64>,
    /// Start although database roles cannot be created or could bypass row-level security
    #[arg(long, env = "SRE_COPILOT_ALLOW_WEAK_ISOLATION", global = true)]
    pub allow_weak_isolation: Option<bool>,
    /// Folder with postgres, initdb and psql, for the Postgres of our own
    #[arg(long, env = "SRE_COPILOT_POSTGRES_BIN", global = true)]
    pub postgres_bin: Option<PathBuf>,
}

/// Who may register a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    Open,
    First,
    Closed,
}

/// The settings after defaults and checks.
#[derive(Debug, Clone, Serialize)]
pub struct Config {
    pub database_url: Option<String>,
    pub kafka_brokers: Option<String>,
    pub kafka_options: Vec<(String, String)>,
    pub kafka_replication: i32,
    pub kafka_prefix: String,
    pub redis_url: Option<String>,
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

/// The file that is read when it exists.
pub const FILE: &str = "sre-copilot.toml";

impl Settings {
    /// Fills what flags and environment left open from `file`, if it is there.
    pub fn with_file(self, file: &Path) -> anyhow::Result<Self> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(self),
            Err(e) => return Err(e).with_context(|| format!("cannot read {}", file.display())),
        };
        let below: Self =
            toml::from_str(&text).with_context(|| format!("configuration: {}", file.display()))?;
        Ok(self.or(below))
    }

    fn or(self, below: Self) -> Self {
        Self {
            database_url: self.database_url.or(below.database_url),
            kafka_brokers: self.kafka_brokers.or(below.kafka_brokers),
            kafka_options: self.kafka_options.or(below.kafka_options),
            kafka_replication: self.kafka_replication.or(below.kafka_replication),
            kafka_prefix: self.kafka_prefix.or(below.kafka_prefix),
            redis_url: self.redis_url.or(below.redis_url),
            data_dir: self.data_dir.or(below.data_dir),
            http_addr: self.http_addr.or(below.http_addr),
            ws_addr: self.ws_addr.or(below.ws_addr),
            otlp_grpc_addr: self.otlp_grpc_addr.or(below.otlp_grpc_addr),
            syslog_addr: self.syslog_addr.or(below.syslog_addr),
            syslog_key: self.syslog_key.or(below.syslog_key),
            public_url: self.public_url.or(below.public_url),
            registration: self.registration.or(below.registration),
            cors_origins: self.cors_origins.or(below.cors_origins),
            trusted_proxies: self.trusted_proxies.or(below.trusted_proxies),
            caller_requests_per_second: self
                .caller_requests_per_second
                .or(below.caller_requests_per_second),
            tenant_requests_per_second: self
                .tenant_requests_per_second
                .or(below.tenant_requests_per_second),
            entrance_requests_per_second: self
                .entrance_requests_per_second
                .or(below.entrance_requests_per_second),
            visitor_tokens_per_second: self
                .visitor_tokens_per_second
                .or(below.visitor_tokens_per_second),
            agent_requests_per_second: self
                .agent_requests_per_second
                .or(below.agent_requests_per_second),
            agents_requests_per_second: self
                .agents_requests_per_second
                .or(below.agents_requests_per_second),
            log: self.log.or(below.log),
            master_key_file: self.master_key_file.or(below.master_key_file),
            instance: self.instance.or(below.instance),
            ingest_body_bytes: self.ingest_body_bytes.or(below.ingest_body_bytes),
            telemetry_max_sample_age: self
                .telemetry_max_sample_age
                .or(below.telemetry_max_sample_age),
            telemetry_active_series: self
                .telemetry_active_series
                .or(below.telemetry_active_series),
            telemetry_active_streams: self
                .telemetry_active_streams
                .or(below.telemetry_active_streams),
            telemetry_bytes_per_second: self
                .telemetry_bytes_per_second
                .or(below.telemetry_bytes_per_second),
            telemetry_log_retention: self
                .telemetry_log_retention
                .or(below.telemetry_log_retention),
            telemetry_flush_ms: self.telemetry_flush_ms.or(below.telemetry_flush_ms),
            telemetry_compaction_ms: self
                .telemetry_compaction_ms
                .or(below.telemetry_compaction_ms),
            telemetry_compaction_rows: self
                .telemetry_compaction_rows
                .or(below.telemetry_compaction_rows),
            telemetry_raise_limits: self.telemetry_raise_limits.or(below.telemetry_raise_limits),
            log_disk_bytes: self.log_disk_bytes.or(below.log_disk_bytes),
            outbound_private: self.outbound_private.or(below.outbound_private),
            outbound_denied: self.outbound_denied.or(below.outbound_denied),
            monitoring_probe_ms: self.monitoring_probe_ms.or(below.monitoring_probe_ms),
            tenant_erasure_grace: self.tenant_erasure_grace.or(below.tenant_erasure_grace),
            session_lifetime: self.session_lifetime.or(below.session_lifetime),
            smtp_url: self.smtp_url.or(below.smtp_url),
            smtp_ca_file: self.smtp_ca_file.or(below.smtp_ca_file),
            mail_from: self.mail_from.or(below.mail_from),
            mail_retry_ms: self.mail_retry_ms.or(below.mail_retry_ms),
            allow_weak_isolation: self.allow_weak_isolation.or(below.allow_weak_isolation),
            postgres_bin: self.postgres_bin.or(below.postgres_bin),
        }
    }

    /// Applies defaults and refuses what cannot be meant. An empty variable
    /// counts as unset, as compose files write it.
    pub fn resolve(self) -> Result<Config, BadSetting> {
        let set = |value: Option<String>| value.filter(|text| !text.trim().is_empty());
        let (smtp_url, mail_from) = mail(set(self.smtp_url), set(self.mail_from))?;
        Ok(Config {
            database_url: set(self.database_url),
            kafka_brokers: set(self.kafka_brokers),
            kafka_options: pairs(set(self.kafka_options))?,
            kafka_replication: self.kafka_replication.unwrap_or(3),
            kafka_prefix: set(self.kafka_prefix).unwrap_or_default(),
            redis_url: set(self.redis_url),
            data_dir: self.data_dir.unwrap_or_else(|| "data".into()),
            http_addr: address("http_addr", set(self.http_addr), 8580)?,
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
            log: set(self.log).unwrap_or_else(|| "info".to_owned()),
            master_key_file: self.master_key_file,
            instance: set(self.instance).unwrap_or_else(host_name),
            ingest_body_bytes: self.ingest_body_bytes.unwrap_or(10 << 20),
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
            allow_weak_isolation: self.allow_weak_isolation.unwrap_or(false),
            postgres_bin: self.postgres_bin,
        })
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

/// `user:secret@host` becomes `user:***@host`.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let Some((login, host)) = rest.rsplit_once('@') else {
        return url.to_owned();
    };
    let user = login.split(':').next().unwrap_or_default();
    let secret = if login.contains(':') { ":***" } else { "" };
    format!("{scheme}://{user}{secret}@{host}")
}

/// `:8580`, `8580`, `127.0.0.1:0` or `[::]:8580`; no host means every interface.
fn address(
    setting: &'static str,
    value: Option<String>,
    port: u16,
) -> Result<SocketAddr, BadSetting> {
    let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let Some(value) = value else {
        return Ok(SocketAddr::new(any, port));
    };
    let bare = value.strip_prefix(':').unwrap_or(&value);
    if let Ok(port) = bare.parse() {
        return Ok(SocketAddr::new(any, port));
    }
    let text = value.replace("localhost:", "127.0.0.1:");
    text.parse().map_err(|_| BadSetting {
        setting,
        value,
        expected: "expected `host:port` or `:port`".to_owned(),
    })
}

fn public_url(value: Option<String>) -> Result<Option<String>, BadSetting> {
    let Some(value) = value else { return Ok(None) };
    let url = value.trim_end_matches('/').to_owned();
    let host = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains('/') => Ok(Some(url)),
        _ => Err(BadSetting {
            setting: "public_url",
            value,
            expected: "expected `https://host[:port]` without a path".to_owned(),
        }),
    }
}

/// Origins as browsers send them.
fn origins(value: Option<String>) -> Result<Vec<String>, BadSetting> {
    let list = value.unwrap_or_default();
    let parts = list
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let origin = |part: &str| match PublicUrl::parse(part) {
        Ok(url) => Ok(url.origin().to_owned()),
        Err(_) => Err(BadSetting {
            setting: "cors_origins",
            value: part.to_owned(),
            expected: "expected origins such as `https://app.example`, separated by commas"
                .to_owned(),
        }),
    };
    parts.map(origin).collect()
}

/// Networks as they are named in the setting `setting`.
fn networks(setting: &'static str, value: Option<String>) -> Result<Vec<String>, BadSetting> {
    let list = value.unwrap_or_default();
    let parts = list.split(',').map(str::trim);
    let network = |part: &str| match part.parse::<Network>() {
        Ok(_) => Ok(part.to_owned()),
        Err(_) => Err(BadSetting {
            setting,
            value: part.to_owned(),
            expected: "expected networks such as `10.0.0.0/8`, separated by commas".to_owned(),
        }),
    };
    parts.filter(|part| !part.is_empty()).map(network).collect()
}

/// Where mails go and who sends them: both or neither.
fn mail(
    url: Option<String>,
    from: Option<String>,
) -> Result<(Option<String>, Option<String>), BadSetting> {
    let bad = |setting, value: &str, expected: String| BadSetting {
        setting,
        value: value.to_owned(),
        expected,
    };
    match (&url, &from) {
        (None, None) => {}
        (Some(url), Some(from)) => {
            let told = |e: NotAMailServer| bad("smtp_url", &without_password(url), e.to_string());
            MailServer::parse(url).map_err(told)?;
            check_sender(from).map_err(|e| bad("mail_from", from, e.to_string()))?;
        }
        (Some(_), None) => {
            let expected = "expected with smtp_url: `SRE Copilot <copilot@example.com>`";
            return Err(bad("mail_from", "", expected.to_owned()));
        }
        (None, Some(from)) => {
            let expected = "expected with it: smtp_url, where mails are handed in";
            return Err(bad("mail_from", from, expected.to_owned()));
        }
    }
    Ok((url, from))
}

fn registration(value: Option<String>) -> Result<Registration, BadSetting> {
    match value.as_deref() {
        None | Some("open") => Ok(Registration::Open),
        Some("first") => Ok(Registration::First),
        Some("closed") => Ok(Registration::Closed),
        Some(other) => Err(BadSetting {
            setting: "registration",
            value: other.to_owned(),
            expected: "expected open, first or closed".to_owned(),
        }),
    }
}

/// `90m`, `12h` or `7d` in milliseconds; none for `off`; a week where nothing is set.
fn age(setting: &'static str, value: Option<String>) -> Result<Option<i64>, BadSetting> {
    let value = value.unwrap_or_else(|| "7d".to_owned());
    let text = value.trim();
    if text == "off" {
        return Ok(None);
    }
    let units = [("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    read_time(text, &units).map(Some).ok_or_else(|| BadSetting {
        setting,
        expected: "expected a number of m, h or d, or off".to_owned(),
        value: value.clone(),
    })
}

/// `90s`, `90m`, `12h` or `3d` in seconds; `default` where nothing is set.
fn seconds(setting: &'static str, value: Option<String>, default: &str) -> Result<u32, BadSetting> {
    let value = value.unwrap_or_else(|| default.to_owned());
    let units = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    let read = read_time(value.trim(), &units).and_then(|seconds| u32::try_from(seconds).ok());
    read.ok_or_else(|| BadSetting {
        setting,
        expected: "expected a number of s, m, h or d".to_owned(),
        value: value.clone(),
    })
}

/// A number and one of the units, more than nothing.
fn read_time(text: &str, units: &[(&str, i64)]) -> Option<i64> {
    units.iter().find_map(|(unit, each)| {
        let count: i64 = text.strip_suffix(unit)?.parse().ok()?;
        count.checked_mul(*each).filter(|time| *time > 0)
    })
}

fn pairs(value: Option<String>) -> Result<Vec<(String, String)>, BadSetting> {
    let list = value.unwrap_or_default();
    let parts = list
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let pair = part
                .split_once('=')
                .map(|(n, v)| (n.trim().to_owned(), v.trim().to_owned()));
            pair.ok_or_else(|| BadSetting {
                setting: "kafka_options",
                value: part.to_owned(),
                expected: "expected name=value pairs separated by commas".to_owned(),
            })
        })
        .collect()
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .unwrap_or_else(|_| "sre-copilot".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_a_port_alone() {
        for text in [":8580", "8580", "0.0.0.0:8580"] {
            let read = address("http_addr", Some(text.to_owned()), 1).unwrap();
            assert_eq!(read.to_string(), "0.0.0.0:8580");
        }
        assert_eq!(
            address("x", Some("localhost:0".to_owned()), 1)
                .unwrap()
                .to_string(),
            "127.0.0.1:0"
        );
    }

    #[test]
    fn a_bad_value_is_named_and_quoted() {
        let settings = Settings {
            registration: Some("maybe".to_owned()),
            ..Settings::default()
        };
        let refused = settings.resolve().unwrap_err().to_string();
        assert_eq!(
            refused,
            "configuration: registration is `maybe`: expected open, first or closed"
        );
    }

    #[test]
    fn an_age_has_a_unit_or_is_off() {
        let read = |text: &str| age("x", Some(text.to_owned()));
        assert_eq!(read("off").unwrap(), None);
        assert_eq!(read("90m").unwrap(), Some(5_400_000));
        assert_eq!(age("x", None).unwrap(), Some(7 * 86_400_000));
        for text in ["7", "d", "-1d", "0h", "1w", "9223372036854775807d"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn networks_are_networks() {
        let read = networks("outbound_denied", Some("10.0.0.0/8, ::1".to_owned())).unwrap();
        assert_eq!(read, ["10.0.0.0/8", "::1"]);
        assert!(networks("outbound_denied", None).unwrap().is_empty());
        let refused =
            networks("outbound_denied", Some("10.0.0.0/8,intranet".to_owned())).unwrap_err();
        assert_eq!(
            (refused.setting, &*refused.value),
            ("outbound_denied", "intranet")
        );
    }

    #[test]
    fn mail_needs_a_server_and_a_sender_and_hides_the_password() {
        let read = |url: &str, from: &str| {
            let settings = Settings {
                smtp_url: Some(url.to_owned()),
                mail_from: Some(from.to_owned()),
                ..Settings::default()
            };
            settings.resolve()
        };
        let config = read("smtps://ada:s3cret@mail.example", "a@b.example").unwrap();
        let shown = serde_json::to_string(&config.redacted()).unwrap();
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

    #[test]
    fn what_the_log_keeps_has_a_unit() {
        assert_eq!(seconds("a", None, "3d").unwrap(), 3 * 86_400);
        assert_eq!(seconds("a", Some("90s".to_owned()), "3d").unwrap(), 90);
        for text in ["3", "off", "0d", "99999999999d"] {
            let refused = seconds("a", Some(text.to_owned()), "3d").unwrap_err();
            assert_eq!(refused.value, text);
        }
    }

    #[test]
    fn flags_win_over_the_file_and_unknown_keys_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        std::fs::write(&file, "log = \"debug\"\nregistration = \"closed\"\n").unwrap();
        let flags = Settings {
            log: Some("warn".to_owned()),
            ..Settings::default()
        };
        let config = flags.with_file(&file).unwrap().resolve().unwrap();
        assert_eq!(
            (config.log.as_str(), config.registration),
            ("warn", Registration::Closed)
        );
        std::fs::write(&file, "logg = \"debug\"\n").unwrap();
        let refused = Settings::default().with_file(&file).unwrap_err();
        assert!(format!("{refused:#}").contains("logg"), "{refused:#}");
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(
            without_password("postgres://ada:s3cret@db.example/x"),
            "postgres://ada:***@db.example/x"
        );
        assert_eq!(without_password("redis://cache:6379"), "redis://cache:6379");
    }
}
