//! `GET /v1/snapshot`: everything at one position, to start a client from.

use axum::{extract::State, response::Response};

use crate::{
    access::Grant,
    problem::Problem,
    render,
    route::{Doc, EVERY, Route},
    state::AppState,
};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get(
        "/v1/snapshot",
        EVERY,
        Doc::json("Calls, agents, queues, PBX links and pending call-backs at one position", "Snapshot"),
        snapshot,
    )]
}

async fn snapshot(State(state): State<AppState>, grant: Grant) -> Result<Response, Problem> {
    let snapshot = state.backend().snapshot().await?;
    Ok(render::json(render::snapshot(snapshot, &grant)))
}
