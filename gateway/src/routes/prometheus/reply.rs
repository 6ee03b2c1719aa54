//! Answers in Prometheus' dialect: `status`, `data`, or `errorType` and `error`.

use access::body::BodyError;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use promql::QueryError;
use promql::source::SourceError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::Error;

/// Why a request was not answered.
#[derive(Debug)]
pub enum Failure {
    BadData(String),
    /// A form that could not be read, or was not.
    Form(BodyError),
    Execution(String),
    Timeout(String),
    Unavailable(String),
    Internal(String),
}

/// How a failure is answered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PrometheusFailure {
    /// Always `error`.
    pub status: String,
    /// `bad_data`, `execution`, `timeout`, `unavailable` or `internal`.
    pub error_type: String,
    pub error: String,
}

/// How what was asked for is answered.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PrometheusAnswer {
    /// Always `success`.
    pub status: String,
    pub data: serde_json::Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub warnings: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub infos: Vec<String>,
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        let why = error.to_string();
        match error {
            QueryError::Parse(_) | QueryError::BadData(_) => Self::BadData(why),
            QueryError::Execution(_) => Self::Execution(why),
            QueryError::Timeout(_) => Self::Timeout(why),
            QueryError::Unavailable(_) => Self::Unavailable(why),
        }
    }
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        Self::Form(error)
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::TooMuch(why) | SourceError::NotKept(why) => Self::Execution(why),
            SourceError::Unavailable(why) => Self::Unavailable(why),
            SourceError::Failed(why) => Self::Internal(why),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, kind, error) = match self {
            Self::BadData(why) => (StatusCode::BAD_REQUEST, "bad_data", why),
            Self::Form(error) => {
                let why = error.to_string();
                (Error::from(error).status(), "bad_data", why)
            }
            Self::Execution(why) => (StatusCode::UNPROCESSABLE_ENTITY, "execution", why),
            Self::Timeout(why) => (StatusCode::SERVICE_UNAVAILABLE, "timeout", why),
            Self::Unavailable(why) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", why),
            Self::Internal(why) => {
                // What went wrong inside is for the operator's log.
                tracing::error!(%why, "a query of metrics failed inside");
                let error = "internal error".to_owned();
                (StatusCode::INTERNAL_SERVER_ERROR, "internal", error)
            }
        };
        let failure = PrometheusFailure {
            status: "error".to_owned(),
            error_type: kind.to_owned(),
            error,
        };
        (status, axum::Json(failure)).into_response()
    }
}

/// An answer as it is written, without a tree of its values in between.
#[derive(Serialize)]
struct Success<T> {
    status: &'static str,
    data: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<[&'static str; 1]>,
}

impl<T: Serialize> Success<T> {
    fn of(data: T) -> Self {
        Self {
            status: "success",
            data,
            warnings: None,
        }
    }
}

/// `data` alone.
pub(super) fn success(data: impl Serialize) -> Response {
    axum::Json(Success::of(data)).into_response()
}

/// A list of which there may be more than `limit`: the source was asked for one more.
pub(super) fn limited<T: Serialize>(mut data: Vec<T>, limit: usize) -> Response {
    let cut = data.len() > limit;
    data.truncate(limit);
    let mut answer = Success::of(data);
    answer.warnings = cut.then_some(["results truncated due to limit"]);
    axum::Json(answer).into_response()
}
