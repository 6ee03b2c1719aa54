//! How often callers may ask, and how they are told (draft-ietf-httpapi-ratelimit-headers).

use std::net::IpAddr;
use std::time::Duration;

use access::meter::{Amount, Use};
use access::principal::Principal;
use access::rates::{Granted, Limited, Quota, Rule};
use axum::http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use axum::response::Response;
use schemas::scope::Actor;
use schemas::time::Timestamp;
use uuid::Uuid;

use crate::Gateway;
use crate::error::{Error, Problem};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The counts that a request was let in under.
#[derive(Debug, Clone, Default)]
pub struct Counted([Option<Granted>; 2]);

impl Gateway {
    /// Counts a request of `principal` and of its tenant.
    pub(crate) async fn count(&self, principal: &Principal) -> Result<Counted, Error> {
        let scope = principal.scope();
        let caller = match scope.actor() {
            Actor::User(user) => user.0,
            Actor::ApiKey(key) => key.0,
            Actor::System(_) => Uuid::nil(),
        };
        let now = self.clock.now();
        let own = self.rates.take(Rule::Caller, caller.into(), now).await?;
        let tenant = scope.tenant().0.into();
        let tenant = self.rates.take(Rule::Tenant, tenant, now).await?;
        Ok(Counted([own, tenant]))
    }

    /// Counts what became of a request, for the tenant to see.
    pub(crate) fn meter_answer(&self, principal: &Principal, answer: &Response) {
        let refused = answer.status().is_client_error() || answer.status().is_server_error();
        let rule = refused.then(|| {
            let problem = answer.extensions().get::<Problem>();
            let rule = problem.and_then(|problem| problem.rule.clone());
            rule.unwrap_or_else(|| answer.status().as_str().to_owned())
                .into()
        });
        let used = Use {
            used: "api",
            key: principal.api_key(),
            rule,
        };
        let one = Amount {
            requests: 1,
            ..Amount::default()
        };
        let (scope, now) = (principal.scope(), self.clock.now());
        self.meter.count(scope, used, one, now);
    }

    /// Counts a token from `address` whose signature has to be checked.
    pub(crate) fn count_visitor(&self, address: IpAddr, now: Timestamp) -> Result<(), Error> {
        let counted = self.rates.take_here(Rule::Visitor, address.into(), now);
        Ok(counted.map(drop)?)
    }

    /// Counts an attempt to come in from `address`.
    pub(crate) async fn count_entrance(&self, address: IpAddr) -> Result<Counted, Error> {
        let now = self.clock.now();
        let counted = self.rates.take(Rule::Entrance, address.into(), now).await?;
        Ok(Counted([counted, None]))
    }
}

impl Counted {
    pub(crate) fn granted(&self) -> impl Iterator<Item = &Granted> {
        self.0.iter().flatten()
    }

    /// Tells of every limit, and how much of the nearest is left.
    pub(crate) fn show(&self, headers: &mut HeaderMap) {
        let Some(nearest) = self.granted().min_by_key(|granted| granted.remaining) else {
            return;
        };
        let mut policies = String::with_capacity(64);
        for granted in self.granted() {
            if !policies.is_empty() {
                policies.push_str(", ");
            }
            policies.push_str(&policy(granted.rule, granted.quota));
        }
        let (name, left) = (nearest.rule.name(), nearest.remaining);
        let reset = seconds(nearest.reset);
        set(headers, POLICY, policies);
        set(headers, LIMIT, format!("\"{name}\";r={left};t={reset}"));
    }
}

/// What one who was not let in is told.
pub(crate) fn refuse(limited: &Limited, headers: &mut HeaderMap) {
    let Limited::TooMany {
        rule,
        quota,
        retry_after,
    } = limited
    else {
        return;
    };
    let seconds = seconds(*retry_after).max(1);
    set(headers, POLICY, policy(*rule, *quota));
    set(
        headers,
        LIMIT,
        format!("\"{}\";r=0;t={seconds}", rule.name()),
    );
    set(headers, RETRY_AFTER, seconds.to_string());
}

fn policy(rule: Rule, quota: Quota) -> String {
    format!("\"{}\";q={};w=1", rule.name(), quota.per_second)
}

/// Whole seconds, rather too many than too few.
fn seconds(time: Duration) -> u128 {
    time.as_micros().div_ceil(1_000_000)
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}
