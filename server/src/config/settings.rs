//! What can be set, and where it is read from.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::list;

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
    /// (one within a value is `\,`, a backslash `\\`)
    #[arg(
        long,
        env = "SRE_COPILOT_KAFKA_OPTIONS",
        global = true,
        hide_env_values = true
    )]
    #[serde(default, with = "list::escaped")]
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
    /// File with certificates in PEM that Redis' must be signed by, instead of the system's
    #[arg(long, env = "SRE_COPILOT_REDIS_CA_FILE", global = true)]
    pub redis_ca_file: Option<PathBuf>,
    /// Folder for everything that the platform keeps [default: ./data]
    #[arg(long, env = "SRE_COPILOT_DATA_DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// Address of API, ingest, console and /ws [default: :8580; roles apart: gateway :8500,
    /// commands :8502, workers :8503, projections :8508, ingest :8509]
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
    #[serde(default, with = "list::plain")]
    pub cors_origins: Option<String>,
    /// Proxies whose `Forwarded` or `X-Forwarded-For` is believed, as addresses or CIDR ranges; separated by commas
    #[arg(long, env = "SRE_COPILOT_TRUSTED_PROXIES", global = true)]
    #[serde(default, with = "list::plain")]
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
    /// File with the master key: 32 bytes or 64 hex digits [default: keys/master.key in the
    /// data folder, made at the first start]
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
    /// Free space of its disk that the embedded log leaves to others, in bytes [default: a
    /// twentieth of the disk, 256 MiB to 2 GiB]
    #[arg(long, env = "SRE_COPILOT_LOG_DISK_FREE_BYTES", global = true)]
    pub log_disk_free_bytes: Option<u64>,
    /// Writes the embedded log through the page cache, for file systems on which writes
    /// past it are slow [default: false]
    #[arg(long, env = "SRE_COPILOT_LOG_PAGE_CACHE", global = true)]
    pub log_page_cache: Option<bool>,
    /// Memory that all queries of a process may hold together, in bytes [default: a quarter
    /// of the memory that the process may have]
    #[arg(long, env = "SRE_COPILOT_QUERY_MEMORY_BYTES", global = true)]
    pub query_memory_bytes: Option<u64>,
    /// Whether servers that people name may have private addresses, this machine's among
    /// them [default: true]
    #[arg(long, env = "SRE_COPILOT_OUTBOUND_PRIVATE", global = true)]
    pub outbound_private: Option<bool>,
    /// Networks in which no server that people name is called, for instance
    /// `10.0.0.0/8,192.168.1.7`
    #[arg(long, env = "SRE_COPILOT_OUTBOUND_DENIED", global = true)]
    #[serde(default, with = "list::plain")]
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
    /// Refuse to start where Postgres, Kafka, Redis or the mail server would be spoken to in
    /// clear text, unless it is on this machine [default: false]
    #[arg(long, env = "SRE_COPILOT_REQUIRE_TLS", global = true)]
    pub require_tls: Option<bool>,
    /// Start although database roles cannot be created or could bypass row-level security
    #[arg(long, env = "SRE_COPILOT_ALLOW_WEAK_ISOLATION", global = true)]
    pub allow_weak_isolation: Option<bool>,
    /// Folder with postgres, initdb and psql, for the Postgres of our own
    #[arg(long, env = "SRE_COPILOT_POSTGRES_BIN", global = true)]
    pub postgres_bin: Option<PathBuf>,
}

/// The file that is read when it exists.
const FILE: &str = "sre-copilot.toml";

impl Settings {
    /// Fills what flags and environment left open from a file. One that is named must
    /// be there; without a name it is [`FILE`], if that is there.
    pub fn with_file(self, named: Option<&Path>) -> anyhow::Result<Self> {
        let file = named.unwrap_or(Path::new(FILE));
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && named.is_none() => {
                return Ok(self);
            }
            Err(e) => {
                let why = || format!("configuration: cannot read {}", file.display());
                return Err(e).with_context(why);
            }
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
            redis_ca_file: self.redis_ca_file.or(below.redis_ca_file),
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
            log_disk_free_bytes: self.log_disk_free_bytes.or(below.log_disk_free_bytes),
            log_page_cache: self.log_page_cache.or(below.log_page_cache),
            query_memory_bytes: self.query_memory_bytes.or(below.query_memory_bytes),
            outbound_private: self.outbound_private.or(below.outbound_private),
            outbound_denied: self.outbound_denied.or(below.outbound_denied),
            monitoring_probe_ms: self.monitoring_probe_ms.or(below.monitoring_probe_ms),
            tenant_erasure_grace: self.tenant_erasure_grace.or(below.tenant_erasure_grace),
            session_lifetime: self.session_lifetime.or(below.session_lifetime),
            smtp_url: self.smtp_url.or(below.smtp_url),
            smtp_ca_file: self.smtp_ca_file.or(below.smtp_ca_file),
            mail_from: self.mail_from.or(below.mail_from),
            mail_retry_ms: self.mail_retry_ms.or(below.mail_retry_ms),
            require_tls: self.require_tls.or(below.require_tls),
            allow_weak_isolation: self.allow_weak_isolation.or(below.allow_weak_isolation),
            postgres_bin: self.postgres_bin.or(below.postgres_bin),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Registration;
    use super::*;

    #[test]
    fn flags_win_over_the_file_and_unknown_keys_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        std::fs::write(&file, "log = \"debug\"\nregistration = \"closed\"\n").unwrap();
        let flags = Settings {
            log: Some("warn".to_owned()),
            ..Settings::default()
        };
        let config = flags.with_file(Some(&file)).unwrap().resolve(8580).unwrap();
        assert_eq!(
            (config.log.as_str(), config.registration),
            ("warn", Registration::Closed)
        );
        std::fs::write(&file, "logg = \"debug\"\n").unwrap();
        let refused = Settings::default().with_file(Some(&file)).unwrap_err();
        assert!(format!("{refused:#}").contains("logg"), "{refused:#}");
    }
}
