//! Errors as RFC 9457 has them: `application/problem+json`.

use axum::{
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};

use crate::{BackendGone, model::command::Refusal};

/// One problem: what is answered instead of a result.
///
/// Shape: `{"type","title","status","detail"}` and members of the kind, for example `allowed` on `409`. `type` is
/// `urn:hookswitch:problem:<kind>`: a program compares it, a person reads `title` and `detail`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    members: Map<String, Value>,
    /// Seconds until another attempt makes sense.
    retry_after: Option<u64>,
    /// It has its line in the audit log.
    audited: bool,
}

/// Why a request was turned away, beside the response: for the audit line of what the engine was not asked.
#[derive(Debug, Clone)]
pub(crate) struct Why(pub(crate) String);

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(1);
        Self { status, kind, title, detail: detail.into(), members: Map::new(), retry_after, audited: false }
    }

    /// Adds a member of the kind.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Something of ours broke: `500`. The inside is for the log.
    pub(crate) fn fault() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "A fault of Hookswitch",
            "the request failed inside; the log says more",
        )
    }

    pub(crate) fn unauthenticated(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "token", "A token is needed", detail)
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "The token may not do this", detail)
    }

    pub(crate) fn unknown(what: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown", "No such thing", format!("no such {what}: {id}"))
    }

    /// Too many of them: `429`.
    pub(crate) fn too_often(of: &str, wait_s: u64) -> Self {
        let detail = format!("too many requests {of}; come back in {wait_s} s");
        let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-often", "Too many requests", detail);
        problem.retry_after = Some(wait_s);
        problem
    }

    /// Of a command that has its line in the audit log.
    pub(crate) fn audited(mut self) -> Self {
        self.audited = true;
        self
    }

    pub(crate) const fn is_audited(&self) -> bool {
        self.audited
    }

    pub(crate) const fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }

    pub(crate) fn no_such_method(method: &Method, path: &str) -> Self {
        let detail = format!("{path} does not take {method}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method", "Not that way", detail)
    }

    /// The status it is answered with, and why.
    pub(crate) fn told(&self) -> (StatusCode, &str) {
        (self.status, &self.detail)
    }

    /// The request itself is wrong: `400`.
    pub(crate) fn request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "request", "The request cannot be read", detail)
    }

    /// The request can be read, but says something impossible: `422`.
    pub(crate) fn invalid(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "This is never possible", detail)
            .with("hint", hint.into())
    }
}

impl From<BackendGone> for Problem {
    fn from(gone: BackendGone) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "Not available now", gone.to_string())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::Unknown { what, id } => Self::unknown(&what, &id),
            Refusal::NotNow { allowed, .. } => {
                Self::new(StatusCode::CONFLICT, "not-now", "Not possible now", detail)
                    .with("allowed", allowed)
            }
            Refusal::Invalid { why, hint } => Self::invalid(why, hint),
            Refusal::CalledBackAlready { callback } => {
                Self::new(StatusCode::CONFLICT, "called-back-already", "This is promised already", detail)
                    .with("allowed", Value::Array(Vec::new()))
                    .with("callback", callback.to_string())
            }
            Refusal::PoppedElsewhere => {
                Self::new(StatusCode::CONFLICT, "popped-elsewhere", "Another client shows it", detail)
                    .with("allowed", Value::Array(Vec::new()))
            }
            Refusal::Forbidden { why } => Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", why),
            Refusal::PopSuperseded => {
                Self::new(StatusCode::CONFLICT, "superseded", "The call went to another", detail)
                    .with("allowed", Value::Array(Vec::new()))
            }
            Refusal::PopExpired => Self::new(StatusCode::GONE, "pop-expired", "The pop is too old", detail),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = Map::new();
        body.insert("type".into(), format!("urn:hookswitch:problem:{}", self.kind).into());
        body.insert("title".into(), self.title.into());
        body.insert("status".into(), self.status.as_u16().into());
        body.insert("detail".into(), self.detail.clone().into());
        body.extend(self.members);
        let mut response = (
            self.status,
            [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")],
            Value::Object(body).to_string(),
        )
            .into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"hookswitch\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if !self.audited {
            response.extensions_mut().insert(Why(self.detail));
        }
        response
    }
}
