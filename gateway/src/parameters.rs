//! What a request says in its address: path and query, typed. What cannot be read is
//! a problem like any other, where axum would answer with bare text.

use axum::extract::{self, FromRequestParts};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::{Error, FieldError};

/// The variable parts of the path.
#[derive(Debug, Clone)]
pub struct Path<T>(pub T);

/// What stands behind the `?`.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match extract::Path::from_request_parts(parts, state).await {
            Ok(extract::Path(value)) => Ok(Self(value)),
            Err(refused) => Err(in_path(&refused.body_text())),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match extract::Query::from_request_parts(parts, state).await {
            Ok(extract::Query(value)) => Ok(Self(value)),
            Err(refused) => Err(in_query(&refused.body_text())),
        }
    }
}

/// "Invalid URL: Cannot parse `id` with value `x`: …"
fn in_path(text: &str) -> Error {
    let named = text.split_once("Cannot parse `");
    let named = named.and_then(|(_, rest)| rest.split_once("` with value "));
    unreadable("path", text, named)
}

/// "Failed to deserialize query string: limit: …"
fn in_query(text: &str) -> Error {
    let named = text
        .split_once(": ")
        .and_then(|(_, rest)| rest.split_once(": "));
    unreadable("query", text, named)
}

/// Of the parameter that the library names, else of the whole place.
fn unreadable(place: &str, text: &str, named: Option<(&str, &str)>) -> Error {
    let (field, why) = named.unwrap_or((place, text));
    Error::Malformed(FieldError::new(field, why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paging::Paging;
    use axum::Router;
    use axum::body::Body;
    use axum::http::Request;
    use axum::routing::get;
    use tower::ServiceExt;
    use uuid::Uuid;

    async fn answer(path: &str) -> (u16, String, String) {
        let router: Router = Router::new().route(
            "/things/{id}",
            get(|Path(_): Path<Uuid>, Query(_): Query<Paging>| async {}),
        );
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        let kind = answer.headers().get("content-type");
        let kind = kind.map(|kind| kind.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 4_096)
            .await
            .unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let field = problem["errors"][0]["field"].as_str().unwrap_or_default();
        (status, kind.unwrap_or_default(), field.to_owned())
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_a_problem() {
        let id = Uuid::from_u128(7);
        assert_eq!(answer(&format!("/things/{id}?limit=7")).await.0, 200);
        for (wrong, named) in [
            (format!("/things/{id}?limit=x"), "limit"),
            ("/things/x".to_owned(), "id"),
        ] {
            let (status, kind, field) = answer(&wrong).await;
            assert_eq!((status, kind.as_str()), (400, "application/problem+json"));
            assert_eq!(field, named);
        }
    }
}
