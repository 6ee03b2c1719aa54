//! `/api/v1/usage`: what the tenant has used, and how near its callers are to their limits.

use access::permissions::Action;
use axum::Json;
use axum::extract::{Extension, State};
use projections::usage::{self, UsageOfDay, UsageOfKey};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Gateway;
use crate::error::Error;
use crate::limits::Counted;
use crate::operations::Allowed;
use crate::parameters::Query;

const DAYS: i32 = 30;
const MOST_DAYS: i32 = 400;
const DAY_MICROS: i64 = 86_400_000_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Days {
    /// How many days (UTC) with today; 30 unless told, never more than 400.
    pub days: Option<i32>,
}

/// How a limit on requests stood after this one.
#[derive(Debug, Serialize, ToSchema)]
pub struct RateStanding {
    /// `caller` or `tenant`
    pub rule: String,
    pub per_second: u32,
    /// At once after a pause.
    pub burst: u32,
    pub remaining: u32,
}

/// What the tenant has used.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantUsage {
    /// Newest first; days without use are left out.
    pub days: Vec<UsageOfDay>,
    /// By key and by what became of it, over all these days; most requests first. Nothing for
    /// whoever may not see keys.
    pub keys: Vec<UsageOfKey>,
    /// Of the caller and of the tenant; a rule without a limit is left out.
    pub rates: Vec<RateStanding>,
}

/// What the tenant has used
///
/// Requests to the API and what agents sent, by day (UTC) and by key, and what was
/// refused by which rule. Counted about once a minute.
#[utoipa::path(get, path = "/api/v1/usage", operation_id = "get_usage", tag = "tenant",
    params(Days), responses((status = 200, body = TenantUsage)))]
pub async fn get(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    Extension(counted): Extension<Counted>,
    Query(asked): Query<Days>,
) -> Result<Json<TenantUsage>, Error> {
    let scope = allowed.scope();
    let today = gateway.clock.now().micros().div_euclid(DAY_MICROS);
    let days = asked.days.unwrap_or(DAYS).clamp(1, MOST_DAYS);
    let from = i32::try_from(today).unwrap_or(i32::MAX) - days + 1;
    let standing = counted.granted().map(|granted| RateStanding {
        rule: granted.rule.name().to_owned(),
        per_second: granted.quota.per_second,
        burst: granted.quota.burst,
        remaining: granted.remaining,
    });
    let keys = match allowed.also(Action::ReadApiKeys) {
        Ok(()) => usage::by_key(&gateway.db, scope, from).await?,
        Err(_) => Vec::new(),
    };
    Ok(Json(TenantUsage {
        days: usage::by_day(&gateway.db, scope, from).await?,
        keys,
        rates: standing.collect(),
    }))
}
