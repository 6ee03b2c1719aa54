//! Who is calling: header credentials first, then the session cookie.

use std::net::IpAddr;

use access::credentials::{self, Presented};
use access::denied::Denied;
use access::principal::Principal;
use access::usage;
use axum::http::{HeaderMap, Method};
use schemas::context::Context;
use zeroize::Zeroizing;

use super::vault::tickets;
use super::{cookies, csrf};
use crate::Gateway;
use crate::error::Error;

const PROJECT_HEADER: &str = "x-project";

/// The verified caller of a request. A cookie counts only if the request comes from
/// our own pages; a header no foreign page can set. Tokens that are not known yet count
/// against the address that they come `from`, if it is not counted otherwise.
pub fn identify(
    gateway: &Gateway,
    method: &Method,
    headers: &HeaderMap,
    from: Option<IpAddr>,
) -> Result<Principal, Error> {
    let principal = match credentials::find(headers)? {
        Some(presented) => verify(gateway, &presented, from)?,
        None => {
            let token = cookies::session(&gateway.config.public_url, headers);
            let token = token.ok_or(Denied::Missing)?;
            csrf::check_session(&gateway.config.public_url, method, headers)?;
            verify_token(gateway, &token, from)?
        }
    };
    check_project(&principal, headers)?;
    Ok(principal)
}

/// The verified caller of a WebSocket handshake: a ticket, a header, or the cookie
/// with an Origin of ours, because browsers let any page open a socket.
pub async fn identify_socket(
    gateway: &Gateway,
    headers: &HeaderMap,
    query: Option<&str>,
    from: IpAddr,
) -> Result<Principal, Error> {
    if let Some(ticket) = query.and_then(ticket_in) {
        let now = gateway.clock.now();
        let token = tickets::redeem(&gateway.db, &gateway.master, ticket, now).await?;
        return verify_token(gateway, &token.ok_or(Denied::InvalidToken)?, None);
    }
    if credentials::find(headers)?.is_none() {
        cookies::session(&gateway.config.public_url, headers).ok_or(Denied::Missing)?;
        csrf::check_socket(&gateway.config.public_url, headers)?;
    }
    identify(gateway, &Method::GET, headers, Some(from))
}

/// Tickets are base64url, so nothing in them is escaped.
fn ticket_in(query: &str) -> Option<&str> {
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix("ticket="))
}

/// Verifies a credential that came in a header.
fn verify(
    gateway: &Gateway,
    presented: &Presented<'_>,
    from: Option<IpAddr>,
) -> Result<Principal, Error> {
    match presented {
        Presented::Token(token) => verify_token(gateway, token, from),
        Presented::Key(key) => {
            // A ring that cannot see new revocations lets nobody in.
            if !gateway.keyring.fresh() {
                return Err(Error::Unavailable("API keys cannot be checked now".into()));
            }
            let principal = gateway.keyring.admit(key, gateway.clock.now())?;
            note_use(gateway, &principal);
            Ok(principal)
        }
    }
}

/// A token that is good by itself may carry a session, a member or a project that
/// has ended since.
fn verify_token(gateway: &Gateway, token: &str, from: Option<IpAddr>) -> Result<Principal, Error> {
    let now = gateway.clock.now();
    let count = || match from {
        Some(from) => gateway.count_visitor(from, now),
        None => Ok(()),
    };
    let principal = gateway.tokens.verify(token, now, count)?;
    gateway.ended.check(&principal)?;
    Ok(principal)
}

/// The console says which project it shows; the credential decides.
fn check_project(principal: &Principal, headers: &HeaderMap) -> Result<(), Error> {
    let Some(asserted) = headers.get(PROJECT_HEADER) else {
        return Ok(());
    };
    let project = principal.scope().project().to_string();
    match asserted.to_str() {
        Ok(text) if text.eq_ignore_ascii_case(&project) => Ok(()),
        _ => Err(Error::ProjectMismatch),
    }
}

/// Notes the use of a key without keeping the caller waiting.
fn note_use(gateway: &Gateway, principal: &Principal) {
    let context = Context::ambient(&gateway.clock);
    match usage::record(&gateway.keyring, principal, &context) {
        Ok(None) => {}
        Ok(Some(record)) => {
            let log = gateway.log.clone();
            tokio::spawn(async move {
                if let Err(error) = log.append(vec![record]).await {
                    metrics::counter!("gateway_key_uses_lost_total").increment(1);
                    tracing::debug!(%error, "the use of a key was not noted");
                }
            });
        }
        Err(error) => tracing::error!(%error, "the use of a key cannot be written"),
    }
}

/// The access token that the request was admitted with; keys have none.
pub fn token(gateway: &Gateway, headers: &HeaderMap) -> Result<Zeroizing<String>, Error> {
    match credentials::find(headers)? {
        Some(Presented::Token(token)) => Ok(Zeroizing::new(token.to_owned())),
        Some(Presented::Key(_)) => Err(Error::PersonNeeded),
        None => {
            let token = cookies::session(&gateway.config.public_url, headers);
            Ok(Zeroizing::new(token.ok_or(Denied::Missing)?))
        }
    }
}
