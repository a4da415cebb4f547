//! What comes in with a request: ids in the path, the query, a JSON body; each refused as a [`Problem`].

use std::str::FromStr;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;

use crate::{
    model::{AgentId, CallId, CallbackId, PopId, QueueId},
    problem::Problem,
    state::AppState,
};

/// What an id in a path is the id of.
pub(crate) trait Named: FromStr {
    /// The word for it in a problem.
    const WHAT: &'static str;
}

impl Named for CallId {
    const WHAT: &'static str = "call";
}
impl Named for CallbackId {
    const WHAT: &'static str = "call-back";
}
impl Named for AgentId {
    const WHAT: &'static str = "agent";
}
impl Named for QueueId {
    const WHAT: &'static str = "queue";
}
impl Named for PopId {
    const WHAT: &'static str = "pop";
}

/// The id in the path. What cannot be an id is unknown, `404`, like an id that nobody has.
pub(crate) struct Id<T>(pub(crate) T);

impl<T: Named> FromRequestParts<AppState> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let Text(text) = Text::from_request_parts(parts, state).await?;
        text.parse().map(Self).map_err(|_| Problem::unknown(T::WHAT, &text))
    }
}

/// The one parameter of the path as text.
pub(crate) struct Text(pub(crate) String);

impl FromRequestParts<AppState> for Text {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(text)| Self(text)).map_err(|rejection| Problem::request(rejection.body_text()))
    }
}

/// The query string.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Problem> {
        let query = Query::try_from_uri(&parts.uri);
        query.map(|Query(query)| Self(query)).map_err(|rejection| Problem::request(rejection.body_text()))
    }
}

/// A JSON body: bounded in size and in the time it may take.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<AppState> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "media-type",
                "The body is not JSON",
                "the Content-Type of the body is not application/json",
            ));
        }
        let bytes = read(request, state).await?;
        // An empty body means that nothing is said, which routes without a required field take.
        let text = if bytes.is_empty() { b"{}" } else { &bytes[..] };
        serde_json::from_slice(text).map(Self).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => misfit(&error.to_string()),
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => Problem::request(format!("the body is not JSON: {error}")),
        })
    }
}

/// A body that is JSON, but not the one expected. A name that is not known is told with those that are.
fn misfit(error: &str) -> Problem {
    const UNKNOWN: &str = "unknown field `";
    let rest = error.strip_prefix(UNKNOWN).and_then(|rest| rest.split_once("`, expected "));
    let Some((field, known)) = rest else {
        let shown: String = error.chars().take(200).collect();
        let hint = "/openapi.json describes the body of each request";
        return Problem::invalid(format!("the body does not fit: {shown}"), hint);
    };
    let field: String = field.chars().take(64).collect();
    // `one of `agent`, `to` at line 1 column 9`: every second part stands between backticks.
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    Problem::invalid(format!("nothing is called {field:?} here"), format!("known: {}", known.join(", ")))
        .with("field", field)
}

/// Reads a whole body within the limits.
pub(crate) async fn read(request: Request, state: &AppState) -> Result<Bytes, Problem> {
    read_up_to(state.limits().body, request, state).await
}

/// Reads a whole body that may be as large as a file.
pub(crate) async fn read_upload(request: Request, state: &AppState) -> Result<Bytes, Problem> {
    read_up_to(state.limits().upload, request, state).await
}

async fn read_up_to(most: usize, request: Request, state: &AppState) -> Result<Bytes, Problem> {
    let limits = state.limits();
    let reading = axum::body::to_bytes(request.into_body(), most);
    match tokio::time::timeout(limits.body_time, reading).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "The body is too large",
            format!("the body has more than {most} bytes or was cut off"),
        )),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "too-slow",
            "The body came too slowly",
            format!("the body was not complete after {:?}", limits.body_time),
        )),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(media) = media(headers) else { return true };
    media == "application/json" || (media.starts_with("application/") && media.ends_with("+json"))
}

/// The media type of the body, without its parameters; none: it is not said.
pub(crate) fn media(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().unwrap_or_default();
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}
