//! Providers as this gateway knows them: what they say of themselves, kept for a while,
//! and what is asked of them.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use hashlink::LruCache;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
    CoreResponseMode, CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalProviderMetadata, AuthType, AuthenticationContextClass, AuthenticationFlow,
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, DiscoveryError, EmptyExtraTokenFields,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields, IssuerUrl, Nonce,
    PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata, RedirectUrl, RefreshToken,
    RequestTokenError, Scope, StandardErrorResponse, StandardTokenResponse,
};
use outbound::{NotSecure, Outbound};
use parking_lot::Mutex;
use schemas::ids::TenantId;
use schemas::single_sign_on::SignOnSettings;
use schemas::time::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex as Turn;

use super::line::{CallError, Line, Lines};
use super::person::Claims;
use super::redirect_uri;
use super::refusals::Refusals;
use super::refused::Refused;
use crate::Gateway;
use crate::auth::vault::sign_on_secrets;

/// How long what a provider says of itself and its keys is believed.
pub(super) const KEPT_MS: i64 = 10 * 60_000;
/// A token with an unknown key makes us look again, at most this often.
pub(super) const LOOK_AGAIN_MS: i64 = 60_000;
/// That a provider is away is believed for a moment, so that not everybody waits.
const AWAY_MS: i64 = 3_000;
const MOST: usize = 256;

/// What providers say of themselves besides what the specification's first version has.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Advertised {
    /// RFC 9207: answers name their issuer.
    #[serde(default)]
    authorization_response_iss_parameter_supported: Option<bool>,
}

impl AdditionalProviderMetadata for Advertised {}

pub(super) type Metadata = ProviderMetadata<
    Advertised,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What the token endpoint answers.
pub(super) type Granted = StandardTokenResponse<
    IdTokenFields<
        Claims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

pub(super) type Client = openidconnect::Client<
    Claims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Granted,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// All of them; one a gateway.
pub struct Providers {
    lines: Lines,
    known: Mutex<LruCache<String, Arc<Known>>>,
    /// Sessions whose provider is being asked; see `recheck`.
    pub(super) asking: Mutex<std::collections::HashMap<uuid::Uuid, Arc<Turn<()>>>>,
    /// What tenants were told of lately.
    pub(super) refusals: Refusals,
}

struct Known {
    held: Turn<Option<Held>>,
    line: Line,
}

struct Held {
    at: Timestamp,
    told: Result<Arc<Metadata>, String>,
}

/// What trying a provider showed.
pub struct Found {
    pub issuer: String,
    pub authorization_host: String,
    /// Of the provider's key set.
    pub keys: usize,
    /// Signatures of its tokens that are taken here.
    pub algorithms: Vec<String>,
    pub offers_refresh_tokens: bool,
}

/// One provider with one tenant's settings.
pub(super) struct Provider<'a> {
    known: Arc<Known>,
    /// Boxed, because it is large and lives through many waits.
    pub(super) client: Box<Client>,
    metadata: Arc<Metadata>,
    settings: &'a SignOnSettings,
}

impl Providers {
    /// `outbound` is how all of them are called.
    pub fn new(outbound: Outbound) -> Self {
        Self {
            lines: Lines::new(outbound),
            known: Mutex::new(LruCache::new(MOST)),
            asking: Mutex::default(),
            refusals: Refusals::default(),
        }
    }

    /// The issuer's URL, if it may be called.
    pub fn issuer(&self, text: &str) -> Result<(), NotSecure> {
        self.lines.admit(text)
    }

    /// Asks a provider who it is, whatever is known of it.
    pub async fn look(&self, issuer: &str) -> Result<Found, Refused> {
        let metadata = self.discover(&self.known(issuer), issuer).await?;
        let algorithms = super::verify::algorithms(&metadata).into_iter();
        let grants = metadata.grant_types_supported();
        let authorization = metadata.authorization_endpoint().url();
        Ok(Found {
            issuer: metadata.issuer().to_string(),
            authorization_host: authorization.host_str().unwrap_or_default().to_owned(),
            keys: metadata.jwks().keys().len(),
            algorithms: algorithms.map(super::verify::spelled).collect(),
            offers_refresh_tokens: grants
                .is_some_and(|grants| grants.contains(&CoreGrantType::RefreshToken)),
        })
    }

    /// What the provider says of itself, not older than `age_ms`. Whoever comes while
    /// it is being asked waits for the same answer.
    async fn metadata(
        &self,
        known: &Arc<Known>,
        issuer: &str,
        (now, age_ms): (Timestamp, i64),
    ) -> Result<Arc<Metadata>, Refused> {
        let mut held = known.held.lock().await;
        if let Some(held) = held.as_ref() {
            let age = now.millis_since(held.at);
            match &held.told {
                Ok(metadata) if age < age_ms => return Ok(metadata.clone()),
                Err(why) if age < AWAY_MS => return Err(Refused::Unreachable(why.clone())),
                _ => {}
            }
        }
        let told = self.discover(known, issuer).await;
        let (kept, answer) = match told {
            Ok(metadata) => (Ok(metadata.clone()), Ok(metadata)),
            Err(Refused::Unreachable(why)) => (Err(why.clone()), Err(Refused::Unreachable(why))),
            Err(other) => return Err(other),
        };
        *held = Some(Held {
            at: now,
            told: kept,
        });
        answer
    }

    /// Asks a provider for its discovery document and its keys.
    async fn discover(&self, known: &Arc<Known>, issuer: &str) -> Result<Arc<Metadata>, Refused> {
        let url = IssuerUrl::new(issuer.to_owned());
        let url = url.map_err(|_| Refused::Unreachable("its issuer is no URL".to_owned()))?;
        let metadata = known.line.clone().discover(url).await;
        let metadata = metadata.map_err(|error| Refused::Unreachable(discovery(&error)))?;
        let authorization = metadata.authorization_endpoint().as_str();
        self.lines
            .admit(authorization)
            .map_err(|e| Refused::Unreachable(format!("its authorization endpoint {e}")))?;
        Ok(Arc::new(metadata))
    }

    fn known(&self, issuer: &str) -> Arc<Known> {
        let mut known = self.known.lock();
        if let Some(found) = known.get(issuer) {
            return found.clone();
        }
        let fresh = Arc::new(Known {
            held: Turn::new(None),
            line: self.lines.fresh(),
        });
        known.insert(issuer.to_owned(), fresh.clone());
        fresh
    }
}

impl<'a> Provider<'a> {
    /// The tenant's provider, described not longer ago than `age_ms`.
    pub(super) async fn of(
        gateway: &'a Gateway,
        tenant: TenantId,
        settings: &'a SignOnSettings,
        age_ms: i64,
    ) -> Result<Self, Refused> {
        let providers = &gateway.providers;
        let known = providers.known(&settings.issuer);
        let now = gateway.clock.now();
        let metadata = providers
            .metadata(&known, &settings.issuer, (now, age_ms))
            .await?;
        let secret = match settings.client_secret {
            Some(id) => Some(sign_on_secrets::get(&gateway.db, &gateway.master, tenant, id).await?),
            None => None,
        };
        let redirect = RedirectUrl::new(redirect_uri(gateway, tenant));
        let redirect = redirect.map_err(|e| crate::error::Error::Internal(e.to_string()))?;
        let client = Client::from_provider_metadata(
            Metadata::clone(&metadata),
            ClientId::new(settings.client_id.clone()),
            secret.map(|secret| ClientSecret::new(secret.to_string())),
        )
        .set_redirect_uri(redirect)
        .set_auth_type(how_clients_prove_themselves(&metadata));
        Ok(Self {
            known,
            client: Box::new(client),
            metadata,
            settings,
        })
    }

    /// Where the browser goes.
    pub(super) fn authorize(
        &self,
        state: String,
        (nonce, verifier): (String, &str),
        fresh: bool,
    ) -> url::Url {
        let verifier = PkceCodeVerifier::new(verifier.to_owned());
        let scopes = self.settings.scopes.iter().cloned().map(Scope::new);
        // The client asks for `openid` by itself.
        let scopes = scopes.filter(|scope| scope.as_str() != "openid");
        let asked = self
            .client
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                || CsrfToken::new(state),
                || Nonce::new(nonce),
            )
            .add_scopes(scopes)
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        let classes = self.settings.acr_values.iter().cloned();
        let asked = classes.fold(asked, |asked, class| {
            asked.add_auth_context_value(AuthenticationContextClass::new(class))
        });
        let asked = match fresh {
            true => asked
                .add_prompt(CoreAuthPrompt::Login)
                .set_max_age(Duration::ZERO),
            false => asked,
        };
        asked.url().0
    }

    /// RFC 9207: an answer that names an issuer names the one that was asked, and a
    /// provider that says so always names it.
    pub(super) fn check_issuer(&self, named: Option<&str>) -> Result<(), Refused> {
        let advertised = self.metadata.additional_metadata();
        let promised = advertised.authorization_response_iss_parameter_supported == Some(true);
        match named {
            Some(named) if named == self.settings.issuer => Ok(()),
            None if !promised => Ok(()),
            _ => Err(Refused::IssuerMixedUp),
        }
    }

    pub(super) fn exchange<'b>(
        &'b self,
        code: &str,
        verifier: &str,
    ) -> BoxFuture<'b, Result<Granted, Refused>> {
        let code = AuthorizationCode::new(code.to_owned());
        let verifier = PkceCodeVerifier::new(verifier.to_owned());
        Box::pin(async move {
            let request = self.client.exchange_code(code);
            let request = request.map_err(|e| Refused::Unreachable(e.to_string()))?;
            let line = self.line();
            let granted = request.set_pkce_verifier(verifier).request_async(&line);
            granted.await.map_err(|e| not_granted(&e))
        })
    }

    pub(super) fn refresh<'b>(&'b self, token: &str) -> BoxFuture<'b, Result<Granted, Refused>> {
        let token = RefreshToken::new(token.to_owned());
        Box::pin(async move {
            let request = self.client.exchange_refresh_token(&token);
            let request = request.map_err(|e| Refused::Unreachable(e.to_string()))?;
            let line = self.line();
            let granted = request.request_async(&line);
            granted.await.map_err(|e| not_granted(&e))
        })
    }

    /// How it is called.
    pub(super) fn line(&self) -> Line {
        self.known.line.clone()
    }

    pub(super) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    pub(super) fn settings(&self) -> &SignOnSettings {
        self.settings
    }
}

/// In the header unless the provider takes it in the body only.
fn how_clients_prove_themselves(metadata: &Metadata) -> AuthType {
    let Some(methods) = metadata.token_endpoint_auth_methods_supported() else {
        return AuthType::BasicAuth;
    };
    let takes = |method| methods.contains(&method);
    match takes(CoreClientAuthMethod::ClientSecretPost)
        && !takes(CoreClientAuthMethod::ClientSecretBasic)
    {
        true => AuthType::RequestBody,
        false => AuthType::BasicAuth,
    }
}

/// What went wrong, for whoever set the provider; no part of the answer.
fn discovery(error: &DiscoveryError<CallError>) -> String {
    match error {
        DiscoveryError::Request(why) => why.to_string(),
        DiscoveryError::Response(status, ..) if !status.is_success() => {
            format!("its discovery or its keys answer {status}")
        }
        DiscoveryError::Validation(_) => {
            "its discovery document names another issuer than this URL".to_owned()
        }
        DiscoveryError::UrlParse(_) => "its issuer is no URL".to_owned(),
        _ => "its discovery document or its keys cannot be read".to_owned(),
    }
}

type TokenError = RequestTokenError<CallError, StandardErrorResponse<CoreErrorResponseType>>;

fn not_granted(error: &TokenError) -> Refused {
    match error {
        RequestTokenError::ServerResponse(answer) => {
            let code = word(answer.error().as_ref());
            match code.as_str() {
                "temporarily_unavailable" | "server_error" => Refused::Unreachable(code),
                _ => Refused::GrantRefused(code),
            }
        }
        RequestTokenError::Request(why) => Refused::Unreachable(why.to_string()),
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            Refused::Unreachable("its token endpoint gives no answer that can be read".to_owned())
        }
    }
}

/// An error code of a provider, as much of it as is one (RFC 6749 section 5.2).
pub(super) fn word(text: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    text.chars().filter(plain).take(60).collect()
}
