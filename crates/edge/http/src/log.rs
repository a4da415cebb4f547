//! One debug line a request, and the id that joins it with the caller's log. Neither tokens nor queries are logged.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::HeaderValue,
    middleware::Next,
    response::Response,
};

use crate::state::AppState;

const REQUEST_ID: &str = "x-request-id";

/// The name of the token a request came with; put on the response for the log line.
#[derive(Debug, Clone)]
pub(crate) struct TokenName(pub(crate) Arc<str>);

/// Gives the request an id (the caller's, if it sent a usable one), and writes its line.
pub(crate) async fn layer(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request.headers().get(REQUEST_ID).filter(|id| is_usable(id)).cloned().unwrap_or_else(|| {
        HeaderValue::from_str(&state.next_id().to_string()).unwrap_or_else(|_| HeaderValue::from_static("-"))
    });
    let method = request.method().clone();
    // The template, not the address: an id in a label or a search helps nobody.
    let path = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    tracing::debug!(
        %method,
        path = path.as_ref().map_or("-", MatchedPath::as_str),
        status = response.status().as_u16(),
        took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
        token = response.extensions().get::<TokenName>().map_or("-", |name| &name.0),
        request = id.to_str().unwrap_or("-"),
        "request answered"
    );
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

fn is_usable(id: &HeaderValue) -> bool {
    let id = id.as_bytes();
    (1..=64).contains(&id.len())
        && id.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
}
