//! Which web pages may call: an exact origin of `allowed_origins`, or a page of our own.
//!
//! A request from any other origin is refused before a handler acts, because the browser would only keep the answer
//! from the page, not the deed from being done. This also guards the WebSocket, to which browsers apply no CORS.
//! Headers stand on errors too, so that a page can read why it was refused.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::{audit, problem::Problem, route, state::AppState};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-Id, Cache-Control",
);
const EXPOSED: HeaderValue = HeaderValue::from_static("X-Request-Id, Idempotent-Replayed, Retry-After");

/// What the `Origin` header says.
enum From {
    /// No page, or a page of our own.
    Here,
    /// A page that may call.
    Allowed(HeaderValue),
    /// Any other page.
    Stranger,
}

/// Refuses strange origins, answers preflights, and writes the headers on every answer.
pub(crate) async fn layer(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let from = origin(&state, request.headers());
    let preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match &from {
        From::Stranger => {
            let detail = "the origin is not among allowed_origins of the configuration";
            if !preflight {
                let (method, path) = (request.method(), request.uri().path());
                let peer = route::peer(request.extensions());
                audit::turned_away("", peer, method, path, StatusCode::FORBIDDEN, detail);
            }
            Problem::new(StatusCode::FORBIDDEN, "origin", "This page may not call", detail).into_response()
        }
        From::Allowed(_) if preflight => preflight_answer(request.headers()),
        From::Here | From::Allowed(_) => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let From::Allowed(origin) = from {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    response
}

fn origin(state: &AppState, headers: &HeaderMap) -> From {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return From::Here };
    if origins.next().is_some() {
        return From::Stranger;
    }
    if state.access().allowed_origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) {
        return From::Allowed(origin.clone());
    }
    if is_ours(origin, headers.get(header::HOST)) { From::Here } else { From::Stranger }
}

/// A page of our own names, as its origin, the host that the request was sent to.
fn is_ours(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let origin: Option<Uri> = origin.to_str().ok().and_then(|text| text.parse().ok());
    match (origin.as_ref().and_then(Uri::authority), host.and_then(|host| host.to_str().ok())) {
        (Some(authority), Some(host)) => authority.as_str().eq_ignore_ascii_case(host),
        _ => false,
    }
}

fn preflight_answer(asked: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    // A CRM on the internet calls a daemon in the house: browsers ask for this on top.
    if asked.contains_key("access-control-request-private-network") {
        headers.insert("access-control-allow-private-network", HeaderValue::from_static("true"));
    }
    response
}
