//! How often somebody may ask: the generic cell rate algorithm (ITU-T I.371), in this
//! process, or in Redis where several gateways share what they count.
//!
//! Each rule counts its subjects apart: a key, a tenant, an address. Where Redis is
//! configured and away, the API counts in this process, agents are let in uncounted,
//! and nobody logs in.

mod gcra;
mod local;
mod shared;

use std::net::IpAddr;
use std::time::Duration;

use schemas::time::Timestamp;
use uuid::Uuid;

use gcra::Cell;
use local::Local;
pub use shared::{Shared, SharedError};

/// How many in a second, evenly, and how many at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    pub per_second: u32,
    pub burst: u32,
}

/// What counts; each with its own quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Requests to the API of one key or person.
    Caller,
    /// Requests to the API of one tenant.
    Tenant,
    /// Attempts to begin a session from one address.
    Entrance,
    /// Tokens from one address whose signature has to be checked. It keeps the price of a
    /// flood of forged ones down, so that it is counted where they are checked.
    Visitor,
    /// Requests of one agent's key.
    Agent,
    /// Requests of all agents of one tenant.
    Agents,
}

/// What happens when what is shared cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WhenAway {
    CountHere,
    Open,
    Closed,
}

impl Rule {
    pub const ALL: [Self; 6] = [
        Self::Caller,
        Self::Tenant,
        Self::Entrance,
        Self::Visitor,
        Self::Agent,
        Self::Agents,
    ];

    /// The stable name, in headers, problems and counters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Tenant => "tenant",
            Self::Entrance => "entrance",
            Self::Visitor => "visitor",
            Self::Agent => "agent",
            Self::Agents => "agents",
        }
    }

    fn when_away(self) -> WhenAway {
        match self {
            Self::Caller | Self::Tenant | Self::Visitor => WhenAway::CountHere,
            Self::Agent | Self::Agents => WhenAway::Open,
            Self::Entrance => WhenAway::Closed,
        }
    }
}

/// The quota of each rule; None = no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quotas {
    pub caller: Option<Quota>,
    pub tenant: Option<Quota>,
    pub entrance: Option<Quota>,
    pub visitor: Option<Quota>,
    pub agent: Option<Quota>,
    pub agents: Option<Quota>,
}

impl Quotas {
    fn of(&self, rule: Rule) -> Option<Quota> {
        match rule {
            Rule::Caller => self.caller,
            Rule::Tenant => self.tenant,
            Rule::Entrance => self.entrance,
            Rule::Visitor => self.visitor,
            Rule::Agent => self.agent,
            Rule::Agents => self.agents,
        }
    }
}

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject(u128);

impl From<Uuid> for Subject {
    fn from(id: Uuid) -> Self {
        Self(id.as_u128())
    }
}

impl From<IpAddr> for Subject {
    /// Of IPv6, the network that one customer has (64 bits).
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(v4) => u128::from(u32::from(v4)),
            IpAddr::V6(v6) => u128::from(v6) >> 64 << 64,
        })
    }
}

/// One that was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    pub rule: Rule,
    pub quota: Quota,
    /// How many more may come at once.
    pub remaining: u32,
    /// When as many as ever may come at once.
    pub reset: Duration,
}

/// Why one was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Limited {
    #[error(
        "more than {} a second (and {} at once) for one {}",
        .quota.per_second, .quota.burst, .rule.name()
    )]
    TooMany {
        rule: Rule,
        quota: Quota,
        retry_after: Duration,
    },
    #[error("limits cannot be checked at the moment")]
    Uncounted,
}

impl Limited {
    /// The rule's stable name.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Uncounted => "limits_unavailable",
            Self::TooMany { rule, .. } => match rule {
                Rule::Caller => "caller_rate_limited",
                Rule::Tenant => "tenant_rate_limited",
                Rule::Entrance => "entrance_rate_limited",
                Rule::Visitor => "visitor_rate_limited",
                Rule::Agent => "agent_rate_limited",
                Rule::Agents => "agents_rate_limited",
            },
        }
    }
}

/// All counts.
pub struct Rates {
    quotas: Quotas,
    local: Local,
    shared: Option<Shared>,
}

impl Rates {
    pub fn new(quotas: Quotas, shared: Option<Shared>) -> Self {
        Self {
            quotas,
            local: Local::default(),
            shared,
        }
    }

    /// Counts one; None where the rule has no quota, or an agent could not be counted.
    /// What is counted in Redis is counted at the time of Redis, not at `now`.
    pub async fn take(
        &self,
        rule: Rule,
        subject: Subject,
        now: Timestamp,
    ) -> Result<Option<Granted>, Limited> {
        let Some(quota) = self.quotas.of(rule) else {
            return Ok(None);
        };
        let cell = match &self.shared {
            None => self.local.take(rule, subject, quota, now),
            Some(shared) => match shared.take(rule, subject, quota).await {
                Ok(cell) => cell,
                Err(error) => match self.away(rule, &error) {
                    WhenAway::CountHere => self.local.take(rule, subject, quota, now),
                    WhenAway::Open => return Ok(None),
                    WhenAway::Closed => return Err(Limited::Uncounted),
                },
            },
        };
        answer(rule, quota, cell).map(Some)
    }

    /// Counts one in this process, whether or not others are shared.
    pub fn take_here(
        &self,
        rule: Rule,
        subject: Subject,
        now: Timestamp,
    ) -> Result<Option<Granted>, Limited> {
        let Some(quota) = self.quotas.of(rule) else {
            return Ok(None);
        };
        answer(rule, quota, self.local.take(rule, subject, quota, now)).map(Some)
    }

    fn away(&self, rule: Rule, error: &SharedError) -> WhenAway {
        metrics::counter!("access_rates_uncounted_total", "rule" => rule.name()).increment(1);
        tracing::debug!(%error, rule = rule.name(), "a shared count is away");
        rule.when_away()
    }
}

fn answer(rule: Rule, quota: Quota, cell: Cell) -> Result<Granted, Limited> {
    match cell {
        Cell::Passes { remaining, reset } => Ok(Granted {
            rule,
            quota,
            remaining,
            reset,
        }),
        Cell::Waits(retry_after) => {
            metrics::counter!("access_rates_refused_total", "rule" => rule.name()).increment(1);
            Err(Limited::TooMany {
                rule,
                quota,
                retry_after,
            })
        }
    }
}
