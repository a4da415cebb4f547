//! `/sdk/`: the client library for pages and for Node, embedded as `make web` built it.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use crate::{
    input::Text,
    problem::Problem,
    route::{Doc, Route, Who},
};

/// Name and content of every file; empty when Node was not there at the build.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

pub(crate) fn routes() -> Vec<Route> {
    vec![Route::get(
        "/sdk/{file}",
        Who::Anybody,
        Doc::media("The client library: hookswitch.js, and its types", "text/javascript"),
        async |Text(name): Text| file(&name),
    )]
}

fn file(name: &str) -> Result<Response, Problem> {
    if FILES.is_empty() {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "not-built",
            "The client library was not built",
            "this daemon was built without Node; install Node 20 or newer, run `make web` and build again",
        ));
    }
    let (_, content) =
        FILES.iter().find(|file| file.0 == name).ok_or_else(|| Problem::unknown("file", name))?;
    let media = match name.rsplit_once('.') {
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some(_) | None => "text/plain; charset=utf-8",
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    // Checked with the daemon each time: page and daemon are never of two versions.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok((StatusCode::OK, headers, *content).into_response())
}
