//! Counts of all gateways together, in Redis: one script, so that no two of them take
//! the same place. A gateway takes a hundredth of a second's worth at a time, so that
//! Redis is asked at most a hundred times a second for one subject.
//!
//! The clock is that of Redis: gateways whose clocks differ would refuse for one another.
//! Here only spans of time are measured, which no clock that is set changes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Script, TlsCertificates};
use tokio::sync::OnceCell;

use super::gcra::{self, Cell};
use super::{Quota, Rule, Subject};

/// Redis answers within a millisecond; who waits longer is not counted there.
const PATIENCE: Duration = Duration::from_millis(100);
/// Leases of more subjects than this are given up: they were paid for.
const MOST_LEASES: usize = 50_000;
/// A lease ends, so that what was counted long ago cannot be spent at once.
const LEASE_MICROS: f64 = 1_000_000.0;

/// After trouble Redis is not asked for so long, so that nobody waits for it in vain.
const PAUSE_MICROS: u64 = 1_000_000;

/// `gcra::take` over the arrival time of a key, at the time of Redis. Times in microseconds
/// as text: Redis turns numbers of Lua into integers. Returns how far the new arrival time
/// is ahead, and how many pass. What a clock that was set back cut off is kept, too.
const TAKE: &str = r"
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local interval, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local arrival = tonumber(redis.call('GET', KEYS[1]) or '0')
local full = now + burst * interval
local from = math.min(math.max(arrival, now), full + 1)
local fit = math.max(0, math.floor((full - from + 1) / interval))
local passed = math.min(fit, wanted)
local to = from + passed * interval
if to ~= arrival then
  local ttl = math.ceil((to - now) / 1000) + 1000
  redis.call('SET', KEYS[1], string.format('%.3f', to), 'PX', ttl)
end
return {string.format('%.3f', to - now), passed}";

/// The connection of one process.
pub struct Shared {
    client: Client,
    connection: OnceCell<ConnectionManager>,
    prefix: String,
    script: Script,
    leases: Mutex<HashMap<(Rule, Subject), Lease>>,
    /// Microseconds are counted from here.
    begun: Instant,
    paused_until: AtomicU64,
}

/// Places that were counted and not given away yet.
#[derive(Debug, Clone, Copy)]
struct Lease {
    places: u32,
    arrival: f64,
    until: f64,
}

/// Redis did not count.
#[derive(Debug, thiserror::Error)]
pub enum SharedError {
    #[error("Redis: {0}")]
    Redis(#[from] redis::RedisError),
    #[error("Redis did not answer in time")]
    Late,
    #[error("Redis was away a moment ago")]
    Paused,
}

impl Shared {
    /// Connects when first asked. `prefix` keeps installations apart on one Redis. Over TLS
    /// the system's authorities are believed, or only those in `authority` (PEM).
    pub fn new(url: &str, authority: Option<&[u8]>, prefix: &str) -> Result<Self, SharedError> {
        let client = match authority {
            None => Client::open(url),
            Some(pem) => Client::build_with_tls(
                url,
                TlsCertificates {
                    client_tls: None,
                    root_cert: Some(pem.to_vec()),
                },
            ),
        };
        Ok(Self {
            client: client?,
            connection: OnceCell::new(),
            prefix: prefix.to_owned(),
            script: Script::new(TAKE),
            leases: Mutex::default(),
            begun: Instant::now(),
            paused_until: AtomicU64::new(0),
        })
    }

    pub(super) async fn take(
        &self,
        rule: Rule,
        subject: Subject,
        quota: Quota,
    ) -> Result<Cell, SharedError> {
        let (key, now) = ((rule, subject), self.micros());
        if let Some(cell) = self.leased(key, quota, now as f64) {
            return Ok(cell);
        }
        if now < self.paused_until.load(Ordering::Relaxed) {
            return Err(SharedError::Paused);
        }
        let wanted = (quota.per_second / 100).clamp(1, quota.burst.max(1));
        let asked = tokio::time::timeout(PATIENCE, self.ask(key, quota, wanted)).await;
        let asked = asked.unwrap_or(Err(SharedError::Late));
        let (ahead, passed) = asked.inspect_err(|_| {
            let until = self.micros() + PAUSE_MICROS;
            self.paused_until.store(until, Ordering::Relaxed);
        })?;
        let now = self.micros() as f64;
        let arrival = now + ahead;
        if passed == 0 {
            return Ok(gcra::waits(arrival, now, quota));
        }
        self.lease(key, passed - 1, arrival, now);
        Ok(gcra::passed(arrival, now, quota))
    }

    fn micros(&self) -> u64 {
        self.begun.elapsed().as_micros() as u64
    }

    /// One of the places that were counted before.
    fn leased(&self, key: (Rule, Subject), quota: Quota, now: f64) -> Option<Cell> {
        let mut leases = self.leases.lock();
        let lease = leases.get_mut(&key)?;
        if lease.places == 0 || lease.until < now {
            leases.remove(&key);
            return None;
        }
        lease.places -= 1;
        Some(gcra::passed(lease.arrival, now, quota))
    }

    fn lease(&self, key: (Rule, Subject), places: u32, arrival: f64, now: f64) {
        if places == 0 {
            return;
        }
        let mut leases = self.leases.lock();
        if leases.len() >= MOST_LEASES {
            leases.clear();
        }
        let until = now + LEASE_MICROS;
        // Requests side by side may each have taken some.
        let held = leases.get(&key).map_or(0, |lease| lease.places);
        let places = held + places;
        leases.insert(
            key,
            Lease {
                places,
                arrival,
                until,
            },
        );
    }

    async fn ask(
        &self,
        (rule, subject): (Rule, Subject),
        quota: Quota,
        wanted: u32,
    ) -> Result<(f64, u32), SharedError> {
        let connect = || async {
            let config = ConnectionManagerConfig::new()
                .set_number_of_retries(1)
                .set_connection_timeout(Some(PATIENCE))
                .set_response_timeout(Some(PATIENCE));
            ConnectionManager::new_with_config(self.client.clone(), config).await
        };
        let mut connection = self.connection.get_or_try_init(connect).await?.clone();
        let interval = 1_000_000.0 / f64::from(quota.per_second.max(1));
        let key = format!("{}:rate:{}:{:032x}", self.prefix, rule.name(), subject.0);
        let answer: (String, u32) = self
            .script
            .key(key)
            .arg(format!("{interval:.3}"))
            .arg(quota.burst)
            .arg(wanted)
            .invoke_async(&mut connection)
            .await?;
        Ok((answer.0.parse().unwrap_or_default(), answer.1))
    }
}
