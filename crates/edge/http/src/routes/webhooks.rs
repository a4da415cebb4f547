//! Webhooks: what was delivered, what was not, and once more from a position.

use axum::{extract::State, response::Response};
use serde::Deserialize;

use crate::{
    input::{Body, Text},
    problem::Problem,
    render,
    route::{ADMIN, Doc, Route, STAFF},
    routes::Taken,
    state::AppState,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/webhooks", STAFF, Doc::json("All webhooks", "Webhooks"), list),
        Route::get(
            "/v1/webhooks/{name}/deliveries",
            STAFF,
            Doc::json("The latest deliveries, newest first", "Deliveries"),
            deliveries,
        ),
        Route::post(
            "/v1/webhooks/{name}/replay",
            ADMIN,
            Doc::action("Deliver once more what came after a position; enables a disabled webhook", "Replay"),
            replay,
        ),
    ]
}

async fn list(State(state): State<AppState>) -> Result<Response, Problem> {
    Ok(render::list(&state.backend().webhooks().await?))
}

async fn deliveries(State(state): State<AppState>, Text(name): Text) -> Result<Response, Problem> {
    let deliveries = state.backend().deliveries(name.clone()).await?;
    deliveries.as_ref().map(render::list).ok_or_else(|| Problem::unknown("webhook", &name))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replay {
    after: String,
}

async fn replay(
    State(state): State<AppState>,
    Text(name): Text,
    Body(body): Body<Replay>,
) -> Result<Response, Problem> {
    let after = body.after.parse().map_err(|_| {
        Problem::invalid(
            format!("{:?} is no position", body.after),
            "send the `sequence` of an event, or \"0\"",
        )
    })?;
    if state.backend().replay(name.clone(), after).await? {
        Ok(render::accepted(Taken { action: state.next_id(), call: None, callback: None }))
    } else {
        Err(Problem::unknown("webhook", &name))
    }
}
