//! `POST /api/v1/single-sign-on/test`: whether a provider can be used, before anybody
//! depends on it.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Gateway;
use crate::auth::register::refuse_if;
use crate::auth::single_sign_on::Refused;
use crate::error::{Error, FieldError, Problem};
use crate::operations::Allowed;
use crate::request::Asked;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderToTest {
    #[schema(example = "https://login.example.com/realms/acme")]
    pub issuer: String,
}

/// What the provider says of itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestedProvider {
    pub ok: bool,
    /// What is wrong, for whoever sets it up; null where nothing is.
    pub problem: Option<String>,
    /// Where people are sent to sign in.
    pub authorization_host: Option<String>,
    /// How many keys it signs with.
    pub keys: Option<usize>,
    /// Its signatures that are taken here; none = its tokens are not believed.
    pub algorithms: Vec<String>,
    /// Whether it says that it gives refresh tokens, without which people sign in anew
    /// each quarter of an hour. Some give them only with the scope `offline_access`.
    pub offers_refresh_tokens: bool,
}

/// Try a provider
///
/// Reads its discovery document and its keys. Whether client id and secret are right
/// shows only when somebody signs in.
#[utoipa::path(post, path = "/api/v1/single-sign-on/test", operation_id = "test_single_sign_on", tag = "tenant",
    request_body = ProviderToTest,
    responses((status = 200, body = TestedProvider), (status = 422, body = Problem)))]
pub async fn test(
    State(gateway): State<Gateway>,
    _: Allowed,
    asked: Asked<ProviderToTest>,
) -> Result<Json<TestedProvider>, Error> {
    let issuer = asked.body.issuer.trim();
    let wrong = gateway.providers.issuer(issuer).err();
    let wrong = wrong.map(|why| FieldError::of_address("issuer", issuer, &why.to_string()));
    refuse_if(wrong.into_iter().collect())?;
    match gateway.providers.look(issuer).await {
        Ok(found) => Ok(Json(TestedProvider {
            ok: !found.algorithms.is_empty(),
            problem: found.algorithms.is_empty().then(|| {
                "it signs its tokens in no way that is taken here: set it to RS256 or ES256"
                    .to_owned()
            }),
            authorization_host: Some(found.authorization_host),
            keys: Some(found.keys),
            algorithms: found.algorithms,
            offers_refresh_tokens: found.offers_refresh_tokens,
        })),
        Err(Refused::Inside(error)) => Err(error),
        Err(refused) => Ok(Json(TestedProvider {
            ok: false,
            problem: Some(refused.to_string()),
            authorization_host: None,
            keys: None,
            algorithms: Vec::new(),
            offers_refresh_tokens: false,
        })),
    }
}
