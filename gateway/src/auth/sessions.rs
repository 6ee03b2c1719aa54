//! `/api/v1/auth/sessions`: where one is signed in, and ending it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::audit::Happened;
use super::single_sign_on::confine;
use super::vault::sessions::{self, Session};
use super::{ending, proof};
use crate::Gateway;
use crate::error::{Error, Problem};
use crate::operations::Allowed;
use crate::parameters::Path;
use crate::request::RequestId;

/// A session as its holder sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpenSession {
    pub id: Uuid,
    /// What the browser or program called itself; may be empty.
    pub device: String,
    /// From where it was last seen; may be empty.
    pub address: String,
    pub created_at: DateTime<Utc>,
    /// When it was last carried on, at most a quarter of an hour late.
    pub seen_at: DateTime<Utc>,
    /// When it is over, however often it is carried on.
    pub ends_at: DateTime<Utc>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// All of them; there are few.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpenSessions {
    pub items: Vec<OpenSession>,
}

/// Where one is signed in, seen last first
#[utoipa::path(get, path = "/api/v1/auth/sessions", operation_id = "list_sessions", tag = "auth",
    responses((status = 200, body = OpenSessions), (status = 403, body = Problem)))]
pub async fn list(
    State(gateway): State<Gateway>,
    allowed: Allowed,
) -> Result<Json<OpenSessions>, Error> {
    let (user, own) = (allowed.person()?, proof::session_of(&allowed)?);
    let found = sessions::list(
        &gateway.db,
        user,
        gateway.oldest_session(),
        gateway.clock.now(),
    )
    .await?;
    let ids = found.iter().map(|session| session.id).collect();
    let known = confine::known(&gateway, &allowed, ids).await?;
    let found = found.into_iter();
    let found = found.filter(|session| known.contains(&session.id));
    let items = found.map(|session| shown(&gateway, session, own));
    Ok(Json(OpenSessions {
        items: items.collect(),
    }))
}

/// Sign out of one
#[utoipa::path(delete, path = "/api/v1/auth/sessions/{id}", operation_id = "end_session", tag = "auth",
    params(("id" = Uuid, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn end(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    request: RequestId,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    let own = sessions::is_of(&gateway.db, allowed.person()?, id).await?;
    if !own
        || confine::known(&gateway, &allowed, vec![id])
            .await?
            .is_empty()
    {
        return Err(Error::NotFound);
    }
    ending::session(&gateway, id).await?;
    let id = id.to_string();
    tell(&gateway, &allowed, &request, ("EndSession", &id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign out everywhere else
///
/// The session that asks goes on.
#[utoipa::path(delete, path = "/api/v1/auth/sessions", operation_id = "end_other_sessions", tag = "auth",
    responses((status = 204), (status = 403, body = Problem)))]
pub async fn end_others(
    State(gateway): State<Gateway>,
    allowed: Allowed,
    request: RequestId,
) -> Result<StatusCode, Error> {
    let (user, own) = (allowed.person()?, proof::session_of(&allowed)?);
    let all = sessions::of_user(&gateway.db, user, None).await?;
    for id in confine::known(&gateway, &allowed, all).await? {
        if id != own {
            ending::session(&gateway, id).await?;
        }
    }
    let own = own.to_string();
    tell(&gateway, &allowed, &request, ("EndOtherSessions", &own)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn tell(
    gateway: &Gateway,
    allowed: &Allowed,
    request: &RequestId,
    (operation, session): (&'static str, &str),
) -> Result<(), Error> {
    let happened = Happened {
        operation,
        target_type: "session",
        target_id: session,
        refused: None,
    };
    gateway.tell(allowed.scope(), request, happened).await
}

fn shown(gateway: &Gateway, session: Session, own: Uuid) -> OpenSession {
    let end = gateway.session_end(session.created_at.into());
    OpenSession {
        id: session.id,
        device: session.device,
        address: session.address,
        created_at: session.created_at,
        seen_at: session.seen_at,
        ends_at: end.datetime(),
        current: session.id == own,
    }
}
