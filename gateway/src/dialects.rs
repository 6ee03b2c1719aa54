//! What the gate refuses below the APIs of others, in their words: their clients show
//! people the text that they find in its usual place, and would show the whole of a
//! problem.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use axum::response::Response;
use serde_json::{Value, json};

use crate::error::Problem;

/// Whose API it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Loki,
    Prometheus,
    Jaeger,
    /// The JSON of its `api_v3`.
    JaegerV3,
}

/// What Go's servers say of paths that they do not know. By it Grafana tells a Loki without
/// a ruler from one that fails.
const NO_SUCH_PAGE: &str = "404 page not found\n";

impl Dialect {
    pub(crate) fn of(path: &str) -> Option<Self> {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        match parts.next()? {
            "loki" => Some(Self::Loki),
            "prometheus" => Some(Self::Prometheus),
            "jaeger" if parts.nth(1) == Some("v3") => Some(Self::JaegerV3),
            "jaeger" => Some(Self::Jaeger),
            _ => None,
        }
    }

    /// The same answer, in these words where it is a problem.
    pub(crate) fn speak(self, mut answer: Response) -> Response {
        let Some(problem) = answer.extensions_mut().remove::<Problem>() else {
            return answer;
        };
        let (kind, body) = self.words(answer.status(), &problem);
        let headers = answer.headers_mut();
        headers.remove(CONTENT_LENGTH);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        *answer.body_mut() = body.into();
        answer
    }

    fn words(self, status: StatusCode, problem: &Problem) -> (&'static str, String) {
        const TEXT: &str = "text/plain; charset=utf-8";
        const JSON: &str = "application/json";
        let why = problem.detail.as_deref().unwrap_or(&problem.title);
        match self {
            _ if status == StatusCode::NOT_FOUND => (TEXT, NO_SUCH_PAGE.to_owned()),
            Self::Loki => (TEXT, why.to_owned()),
            Self::Prometheus => {
                let kind = match status {
                    StatusCode::BAD_REQUEST => "bad_data",
                    StatusCode::SERVICE_UNAVAILABLE => "unavailable",
                    status if status.is_server_error() => "internal",
                    _ => "execution",
                };
                let said = json!({"status": "error", "errorType": kind, "error": why});
                (JSON, said.to_string())
            }
            Self::Jaeger => {
                let errors = json!([{"code": status.as_u16(), "msg": why}]);
                (JSON, json!({"data": null, "errors": errors}).to_string())
            }
            Self::JaegerV3 => (JSON, of_grpc(status, why).to_string()),
        }
    }
}

/// A failure as a gateway to gRPC has it.
pub(crate) fn of_grpc(status: StatusCode, why: &str) -> Value {
    let code = match status {
        StatusCode::BAD_REQUEST => 3,
        StatusCode::NOT_FOUND => 5,
        StatusCode::FORBIDDEN => 7,
        StatusCode::TOO_MANY_REQUESTS => 8,
        StatusCode::CONFLICT => 9,
        StatusCode::SERVICE_UNAVAILABLE => 14,
        StatusCode::UNAUTHORIZED => 16,
        status if status.is_server_error() => 13,
        _ => 2,
    };
    json!({"error": {"grpcCode": code, "httpCode": status.as_u16(), "message": why}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_whose_api_it_is() {
        for (path, whose) in [
            ("/jaeger/api/v3/traces", Some(Dialect::JaegerV3)),
            ("/jaeger//api/v3/services", Some(Dialect::JaegerV3)),
            ("/jaeger/api/traces/v3", Some(Dialect::Jaeger)),
            ("/jaeger", Some(Dialect::Jaeger)),
            ("//loki/api/v1/labels", Some(Dialect::Loki)),
            ("/api/v1/traces", None),
            ("/", None),
        ] {
            assert_eq!(Dialect::of(path), whose, "{path}");
        }
    }
}
