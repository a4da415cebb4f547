//! Queues and their figures.

use axum::{extract::State, response::Response};

use crate::{
    input::Id,
    model::QueueId,
    problem::Problem,
    render,
    route::{Doc, EVERY, Route},
    state::AppState,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/queues", EVERY, Doc::json("All queues with their figures", "Queues"), list),
        Route::get("/v1/queues/{id}", EVERY, Doc::json("One queue", "Queue"), one),
    ]
}

async fn list(State(state): State<AppState>) -> Result<Response, Problem> {
    Ok(render::list(&state.backend().queues().await?))
}

async fn one(State(state): State<AppState>, Id(id): Id<QueueId>) -> Result<Response, Problem> {
    let queue = state.backend().queue(id.clone()).await?;
    queue.map(render::json).ok_or_else(|| Problem::unknown("queue", id.as_str()))
}
