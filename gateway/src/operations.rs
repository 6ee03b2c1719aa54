//! How a route comes to be: with its entry in the table of permissions, or as one
//! of the public ones. There is no third way, because handlers of the tenant's data
//! take an [`Allowed`], which only this file can make, and the application is built
//! from [`Operations`] alone.

use std::sync::Arc;
use std::time::Instant;

use access::credentials::{self, Presented};
use access::durations::Durations;
use access::permissions::Action;
use access::principal::Principal;
use access::rates::Rule;
use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use schemas::ids::UserId;
use schemas::scope::{Actor, Scope};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{OpenApi, RefOr};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt};

use crate::Gateway;
use crate::as_of;
use crate::audit::{Reached, ToTell};
use crate::auth::{caller, csrf};
use crate::error::{Error, FieldError};
use crate::parameters::quoted;
use crate::proxies::ClientAddress;
use crate::readmission::Readmission;
use crate::request::RequestId;

/// Names of the security schemes in the OpenAPI document.
pub const SESSION: &str = "session";
pub const BEARER: &str = "bearer";
pub const API_KEY: &str = "api_key";

/// A caller who may do what the operation does. Only the operation's own gate makes
/// one, after it has looked into the table.
#[derive(Debug, Clone)]
pub struct Allowed {
    principal: Principal,
}

impl Allowed {
    pub fn scope(&self) -> &Scope {
        self.principal.scope()
    }

    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The person behind the request; keys are not people.
    pub fn person(&self) -> Result<UserId, Error> {
        self.principal.user().ok_or(Error::PersonNeeded)
    }

    /// Asks for more than the operation's own action.
    pub fn also(&self, action: Action) -> Result<(), Error> {
        match self.principal.may(action) {
            true => Ok(()),
            false => Err(Error::Forbidden(action)),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Allowed {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let allowed = parts.extensions.get::<Self>().cloned();
        allowed.ok_or_else(|| Error::Internal("a public operation asks who is calling".to_owned()))
    }
}

/// The API as it grows, one operation after the other.
pub struct Operations {
    /// None where only the document is wanted.
    gateway: Option<Gateway>,
    router: OpenApiRouter<Gateway>,
}

impl Operations {
    pub(crate) fn new(gateway: Option<Gateway>, document: OpenApi) -> Self {
        Self {
            gateway,
            router: OpenApiRouter::with_openapi(document),
        }
    }

    /// Routes that need no credential. What changes something is still refused to
    /// pages of other sites.
    pub fn public(mut self, mut routes: UtoipaMethodRouter<Gateway>) -> Self {
        for operation in operations(&mut routes) {
            operation.security = Some(Vec::new());
        }
        if let Some(gateway) = self.gateway.clone() {
            let state = (gateway, durations_of(&routes));
            routes = routes.layer(middleware::from_fn_with_state(state, public_gate));
        }
        self.router = self.router.routes(routes);
        self
    }

    /// Public routes at which people come in: counted by address.
    pub fn entrance(mut self, mut routes: UtoipaMethodRouter<Gateway>) -> Self {
        for operation in operations(&mut routes) {
            operation.security = Some(Vec::new());
        }
        if let Some(gateway) = self.gateway.clone() {
            let state = (gateway, durations_of(&routes));
            routes = routes.layer(middleware::from_fn_with_state(state, entrance_gate));
        }
        self.router = self.router.routes(routes);
        self
    }

    /// Routes for members and keys that may do `action`.
    pub fn member(self, action: Action, mut routes: UtoipaMethodRouter<Gateway>) -> Self {
        secure(&mut routes, action);
        self.gated(action, Reads::Untold, routes)
    }

    /// The same for what not everybody should know: each read is audited.
    pub fn sensitive(self, action: Action, mut routes: UtoipaMethodRouter<Gateway>) -> Self {
        secure(&mut routes, action);
        note_audit(&mut routes, "Each read is noted in the audit.");
        self.gated(action, Reads::Each, routes)
    }

    /// The same for what a page shows and asks for again while it is open: looking at it
    /// is audited once a while, see [`Looks`](crate::audit::looks::Looks).
    pub fn looked_at(self, action: Action, mut routes: UtoipaMethodRouter<Gateway>) -> Self {
        secure(&mut routes, action);
        note_audit(
            &mut routes,
            "Looking at it is noted in the audit, once a quarter of an hour and session.",
        );
        self.gated(action, Reads::Looks, routes)
    }

    /// Routes that open a WebSocket, for members and keys that may do `action`.
    pub fn socket(mut self, action: Action, mut routes: UtoipaMethodRouter<Gateway>) -> Self {
        secure(&mut routes, action);
        if let Some(gateway) = self.gateway.clone() {
            let state = (gateway, action);
            routes = routes.layer(middleware::from_fn_with_state(state, socket_gate));
        }
        self.router = self.router.routes(routes);
        self
    }

    fn gated(
        mut self,
        action: Action,
        reads: Reads,
        mut routes: UtoipaMethodRouter<Gateway>,
    ) -> Self {
        if let Some(gateway) = self.gateway.clone() {
            let asks = asked_of_gets(&routes);
            let gate = Gate {
                action,
                reads,
                asks,
                durations: durations_of(&routes),
            };
            let state = (gateway, gate);
            routes = routes.layer(middleware::from_fn_with_state(state, member_gate));
        }
        self.router = self.router.routes(routes);
        self
    }

    pub(crate) fn document(self) -> OpenApi {
        self.router.into_openapi()
    }

    /// The application, if it was begun with a gateway; without one the routes have
    /// no gates, and so there is none.
    pub(crate) fn router(self) -> Option<Router> {
        let gateway = self.gateway?;
        let (router, _) = self.router.split_for_parts();
        Some(router.with_state(gateway))
    }
}

async fn public_gate(
    State((gateway, durations)): State<(Gateway, Arc<Durations>)>,
    request: Request,
    next: Next,
) -> Response {
    let (begun, method) = (Instant::now(), request.method().clone());
    let answer = public(&gateway, request, next).await.into_response();
    durations.note(&method, answer.status(), begun);
    answer
}

async fn public(gateway: &Gateway, request: Request, next: Next) -> Result<Response, Error> {
    csrf::check_anonymous(
        &gateway.config.public_url,
        request.method(),
        request.headers(),
    )?;
    Ok(next.run(request).await)
}

async fn entrance_gate(
    State((gateway, durations)): State<(Gateway, Arc<Durations>)>,
    request: Request,
    next: Next,
) -> Response {
    let (begun, method) = (Instant::now(), request.method().clone());
    let answer = entrance(&gateway, request, next).await.into_response();
    durations.note(&method, answer.status(), begun);
    answer
}

async fn entrance(gateway: &Gateway, request: Request, next: Next) -> Result<Response, Error> {
    let address = ClientAddress::of(&request);
    let counted = gateway.count_entrance(address).await?;
    let mut answer = public(gateway, request, next).await?;
    counted.show(answer.headers_mut());
    Ok(answer)
}

/// What an operation needs leave for, and which of its answers are audited.
#[derive(Debug, Clone)]
struct Gate {
    action: Action,
    reads: Reads,
    /// What its GET can be asked; None where the dialect is not ours.
    asks: Option<Arc<[String]>>,
    durations: Arc<Durations>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    Untold,
    Each,
    /// One of those that follow each other.
    Looks,
}

async fn member_gate(
    State((gateway, gate)): State<(Gateway, Gate)>,
    request: Request,
    next: Next,
) -> Response {
    let (begun, method) = (Instant::now(), request.method().clone());
    let answer = member(&gateway, &gate, request, next).await.into_response();
    gate.durations.note(&method, answer.status(), begun);
    answer
}

async fn member(
    gateway: &Gateway,
    gate: &Gate,
    mut request: Request,
    next: Next,
) -> Result<Response, Error> {
    let reached = reached(&request, gate.action);
    let from = Some(ClientAddress::of(&request));
    let identified = caller::identify(gateway, request.method(), request.headers(), from);
    let principal = match identified {
        Ok(principal) => principal,
        Err(error) => return Err(told(gateway, request.headers(), &reached, error).await),
    };
    let counted = match gateway.count(&principal).await {
        Ok(counted) => counted,
        Err(error) => {
            let answer = error.into_response();
            gateway.meter_answer(&principal, &answer);
            return Ok(answer);
        }
    };
    request.extensions_mut().insert(counted.clone());
    let readmission = Readmission::of(gateway, &principal);
    request.extensions_mut().insert(readmission);
    let mut answer = match gate.refuse_unknown(&request) {
        // Who may not ask learns nothing of how to.
        Err(error) if principal.may(gate.action) => error.into_response(),
        _ => pass(principal.clone(), gate.action, request, next).await,
    };
    gateway.meter_answer(&principal, &answer);
    let told = match gate.reads {
        Reads::Untold => false,
        Reads::Each => true,
        Reads::Looks => gateway
            .looks
            .is_new(&principal, &reached, gateway.clock.now()),
    };
    let what = ToTell::of(&answer, told);
    gateway.tell_answer(&principal, &reached, what).await?;
    counted.show(answer.headers_mut());
    Ok(answer)
}

impl Gate {
    /// A filter that is misspelt would be answered with everything.
    fn refuse_unknown(&self, request: &Request) -> Result<(), Error> {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let (Some(asks), true) = (&self.asks, reads) else {
            return Ok(());
        };
        let query = request.uri().query().unwrap_or_default();
        for (name, _) in form_urlencoded::parse(query.as_bytes()) {
            if !asks.iter().any(|known| *known == name) {
                return Err(unknown_parameter(&name, asks));
            }
        }
        Ok(())
    }
}

fn unknown_parameter(name: &str, asks: &[String]) -> Error {
    if name == as_of::NAME {
        return as_of::not_here();
    }
    let name = quoted(name);
    let message = match asks.is_empty() {
        true => format!("`{name}` is no parameter here; there are none"),
        false => format!(
            "`{name}` is no parameter here; there are {}",
            asks.join(", ")
        ),
    };
    Error::Malformed(FieldError::new(name, message))
}

/// Ours are told by their paths; others' programs send parameters that we need not know.
pub(crate) const OURS: &str = "/api/v1/";

/// The query parameters of what is read by GET.
fn asked_of_gets(routes: &UtoipaMethodRouter<Gateway>) -> Option<Arc<[String]>> {
    let mut paths = routes.1.paths.iter();
    let (_, item) = paths.find(|(path, item)| path.starts_with(OURS) && item.get.is_some())?;
    let parameters = item
        .get
        .iter()
        .flat_map(|get| get.parameters.iter().flatten());
    let names = parameters.filter_map(|parameter| match parameter {
        RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => {
            Some(parameter.name.clone())
        }
        _ => None,
    });
    Some(names.collect())
}

async fn socket_gate(
    State((gateway, action)): State<(Gateway, Action)>,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    let reached = reached(&request, action);
    let query = request.uri().query();
    let from = ClientAddress::of(&request);
    let principal = caller::identify_socket(&gateway, request.headers(), query, from).await?;
    gateway.count(&principal).await?;
    let answer = pass(principal.clone(), action, request, next).await;
    let what = ToTell::of(&answer, false);
    gateway.tell_answer(&principal, &reached, what).await?;
    Ok(answer)
}

async fn pass(principal: Principal, action: Action, mut request: Request, next: Next) -> Response {
    match allow(principal, action) {
        Ok(allowed) => {
            request.extensions_mut().insert(allowed);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

/// A key that is known and no longer good is a try that its tenant learns of.
async fn told(gateway: &Gateway, headers: &HeaderMap, reached: &Reached, error: Error) -> Error {
    let Error::Denied(denied) = &error else {
        return error;
    };
    let Ok(Some(Presented::Key(key))) = credentials::find(headers) else {
        return error;
    };
    let Some(scope) = gateway.keyring.owner(&key) else {
        return error;
    };
    // Who tries on and on is told to wait, and its tenant is not told of it on and on.
    if let Actor::ApiKey(key) = scope.actor()
        && let Err(limited) = gateway
            .rates
            .take(Rule::Caller, key.0.into(), gateway.clock.now())
            .await
    {
        return limited.into();
    }
    let rule = Some(denied.rule().to_owned());
    match gateway.tell_access(&scope, reached, rule).await {
        Ok(()) => error,
        Err(untold) => untold,
    }
}

fn reached(request: &Request, action: Action) -> Reached {
    let known = request.extensions().get::<RequestId>().cloned();
    Reached {
        action,
        method: request.method().clone(),
        uri: request.uri().clone(),
        request: known.unwrap_or_else(|| RequestId::of(request.headers())),
    }
}

/// The one place that makes an [`Allowed`].
fn allow(principal: Principal, action: Action) -> Result<Allowed, Error> {
    match principal.may(action) {
        true => Ok(Allowed { principal }),
        false => Err(Error::Forbidden(action)),
    }
}

fn durations_of(routes: &UtoipaMethodRouter<Gateway>) -> Arc<Durations> {
    let route = routes.1.paths.keys().next().cloned();
    Arc::new(Durations::of(route.unwrap_or_default()))
}

fn operations(routes: &mut UtoipaMethodRouter<Gateway>) -> impl Iterator<Item = &mut Operation> {
    routes.1.paths.values_mut().flat_map(of_path)
}

fn of_path(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.patch,
    ]
    .into_iter()
    .flatten()
}

fn note_audit(routes: &mut UtoipaMethodRouter<Gateway>, told: &str) {
    for operation in operations(routes) {
        let words = operation.description.iter().map(String::as_str);
        let words: Vec<_> = words.chain([told]).collect();
        operation.description = Some(words.join("\n\n"));
    }
}

fn secure(routes: &mut UtoipaMethodRouter<Gateway>, action: Action) {
    for operation in operations(routes) {
        let schemes = [SESSION, BEARER, API_KEY];
        let needed = schemes.map(|name| SecurityRequirement::new::<_, [String; 0], _>(name, []));
        operation.security = Some(needed.into());
        let named = [("x-action", serde_json::json!(action.name()))];
        operation.extensions = Some(Extensions::from_iter(named));
    }
}
