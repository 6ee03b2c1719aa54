//! `POST /api/v1/auth/oidc/lookup`: by which provider the people of an address sign in.

use axum::Json;
use axum::extract::State;
use projections::single_sign_on;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Gateway;
use crate::error::{Error, Problem};
use crate::request::Asked;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignOnLookup {
    #[schema(example = "ada@example.com")]
    pub email: String,
}

/// Where to go on.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignOnFound {
    /// `/api/v1/auth/oidc/{tenant_id}/start` sends the browser there.
    pub tenant_id: Uuid,
    /// The host of the provider, for a person to look at before they go.
    pub provider: String,
}

/// Find a provider by an e-mail address
///
/// Only the domain counts, so that nothing is said of accounts. 404 where no tenant
/// lists it, and where several do: then people go by their tenant's own link.
#[utoipa::path(post, path = "/api/v1/auth/oidc/lookup", operation_id = "find_sign_on", tag = "auth",
    request_body = SignOnLookup,
    responses((status = 200, body = SignOnFound), (status = 404, body = Problem), (status = 429, body = Problem)))]
pub async fn lookup(
    State(gateway): State<Gateway>,
    asked: Asked<SignOnLookup>,
) -> Result<Json<SignOnFound>, Error> {
    let domain = asked.body.email.rsplit_once('@');
    let domain = domain.map(|(_, domain)| domain.trim().to_ascii_lowercase());
    let domain = domain.filter(|domain| !domain.is_empty() && domain.len() <= 253);
    let domain = domain.ok_or(Error::NotFound)?;
    let found = single_sign_on::of_domain(&gateway.db, &domain).await?;
    let [(tenant, issuer)] = found.as_slice() else {
        return Err(Error::NotFound);
    };
    let issuer = url::Url::parse(issuer).map_err(|e| Error::Internal(e.to_string()))?;
    Ok(Json(SignOnFound {
        tenant_id: tenant.0,
        provider: issuer.host_str().unwrap_or_default().to_owned(),
    }))
}
