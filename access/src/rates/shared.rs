//! Counts of all gateways together, in Redis: one script, so that no two of them take
//! the same place. A gateway takes a hundredth of a second's worth at a time, so that
//! Redis is asked at most a hundred times a second for one subject.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use redis::Script;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use schemas::time::Timestamp;
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
const PAUSE_MICROS: i64 = 1_000_000;

/// `gcra::take` over the arrival time of a key. Times in microseconds as text: Redis
/// turns numbers of Lua into integers. Returns the new arrival time and how many pass.
const TAKE: &str = r"
local now, interval, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local arrival = tonumber(redis.call('GET', KEYS[1]) or '0')
local from = math.max(arrival, now)
local fit = math.max(0, math.floor((now + burst * interval - from + 1) / interval))
local passed = math.min(fit, wanted)
local to = from + passed * interval
if passed > 0 then
  local ttl = math.ceil((to - now) / 1000) + 1000
  redis.call('SET', KEYS[1], string.format('%.3f', to), 'PX', ttl)
end
return {string.format('%.3f', to), passed}";

/// The connection of one process.
pub struct Shared {
    client: redis::Client,
    connection: OnceCell<ConnectionManager>,
    prefix: String,
    script: Script,
    leases: Mutex<HashMap<(Rule, Subject), Lease>>,
    paused_until: AtomicI64,
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
    /// Connects when first asked. `prefix` keeps installations apart on one Redis.
    pub fn new(url: &str, prefix: &str) -> Result<Self, SharedError> {
        Ok(Self {
            client: redis::Client::open(url)?,
            connection: OnceCell::new(),
            prefix: prefix.to_owned(),
            script: Script::new(TAKE),
            leases: Mutex::default(),
            paused_until: AtomicI64::new(i64::MIN),
        })
    }

    pub(super) async fn take(
        &self,
        rule: Rule,
        subject: Subject,
        quota: Quota,
        now: Timestamp,
    ) -> Result<Cell, SharedError> {
        let (key, micros) = ((rule, subject), now.micros() as f64);
        if let Some(cell) = self.leased(key, quota, micros) {
            return Ok(cell);
        }
        if now.micros() < self.paused_until.load(Ordering::Relaxed) {
            return Err(SharedError::Paused);
        }
        let wanted = (quota.per_second / 100).clamp(1, quota.burst.max(1));
        let asked = self.ask(key, quota, micros, wanted);
        let asked = tokio::time::timeout(PATIENCE, asked).await;
        let asked = asked.unwrap_or(Err(SharedError::Late));
        let (arrival, passed) = asked.inspect_err(|_| {
            let until = now.micros() + PAUSE_MICROS;
            self.paused_until.store(until, Ordering::Relaxed);
        })?;
        if passed == 0 {
            return Ok(gcra::waits(arrival, micros, quota));
        }
        self.lease(key, passed - 1, arrival, micros);
        Ok(gcra::passed(arrival, micros, quota))
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
        now: f64,
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
            .arg(format!("{now:.0}"))
            .arg(format!("{interval:.3}"))
            .arg(quota.burst)
            .arg(wanted)
            .invoke_async(&mut connection)
            .await?;
        Ok((answer.0.parse().unwrap_or(now), answer.1))
    }
}
