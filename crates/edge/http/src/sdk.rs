//! `/sdk/`: the client library for pages and for Node, embedded as `make web` built it.

use axum::{
    http::StatusCode,
    response::{IntoResponse as _, Response},
};

use crate::{
    assets::{self, BUILT, Keep},
    input::Text,
    problem::Problem,
    route::{Doc, Route, Who},
};

pub(crate) fn routes() -> Vec<Route> {
    vec![Route::get(
        "/sdk/{file}",
        Who::Anybody,
        Doc::media("The client library: hookswitch.js, and its types", "text/javascript"),
        async |Text(name): Text| file(&name),
    )]
}

fn file(name: &str) -> Result<Response, Problem> {
    if BUILT.is_empty() {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "not-built",
            "The client library was not built",
            "this daemon was built without Node; install Node 20 or newer, run `make web` and build again",
        ));
    }
    let found = BUILT.find(name).or_else(|| BUILT.named("types/", name));
    let content = found.ok_or_else(|| Problem::unknown("file", name))?;
    // Types are read by people, too: as text.
    let headers = assets::headers(name.strip_suffix(".ts").unwrap_or(name), Keep::Never);
    Ok((headers, content).into_response())
}
