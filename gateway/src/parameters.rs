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
            Err(refused) => Err(unreadable("path", refused.body_text())),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match extract::Query::from_request_parts(parts, state).await {
            Ok(extract::Query(value)) => Ok(Self(value)),
            Err(refused) => Err(unreadable("query", refused.body_text())),
        }
    }
}

fn unreadable(place: &str, why: String) -> Error {
    Error::Malformed(FieldError::new(place, why))
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

    async fn answer(path: &str) -> (u16, String) {
        let router: Router = Router::new().route(
            "/things/{id}",
            get(|Path(_): Path<Uuid>, Query(_): Query<Paging>| async {}),
        );
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        let kind = answer.headers().get("content-type");
        let kind = kind.map(|kind| kind.to_str().unwrap().to_owned());
        (answer.status().as_u16(), kind.unwrap_or_default())
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_a_problem() {
        let id = Uuid::from_u128(7);
        assert_eq!(answer(&format!("/things/{id}?limit=7")).await.0, 200);
        for wrong in [format!("/things/{id}?limit=x"), "/things/x".to_owned()] {
            let (status, kind) = answer(&wrong).await;
            assert_eq!((status, kind.as_str()), (400, "application/problem+json"));
        }
    }
}
