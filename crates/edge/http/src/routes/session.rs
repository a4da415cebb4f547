//! `POST /v1/session`: a short-lived token for where a browser can send no header.

use axum::{extract::State, response::Response};
use serde_json::json;

use crate::{
    access::{Grant, Way, role_name},
    problem::Problem,
    render,
    route::{Doc, EVERY, Route},
    session,
    state::AppState,
};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::post(
        "/v1/session",
        EVERY,
        Doc::json("A short-lived token for ?access_token=, and who one is", "Session"),
        open,
    )]
}

async fn open(State(state): State<AppState>, grant: Grant) -> Result<Response, Problem> {
    if grant.way == Way::Session {
        return Err(Problem::forbidden("a session token makes no further session; send the token itself"));
    }
    let access = state.access();
    let softphone = grant.token.agent.as_ref().is_some_and(|agent| access.softphones.contains_key(agent));
    let body = json!({
        "access_token": state.sessions().issue(&grant.token, state.now_s()),
        "token_type": "Bearer",
        "expires_in": grant.token.until.map_or(session::LIFETIME_S, |until| {
            until.saturating_sub(state.now_s()).min(session::LIFETIME_S)
        }),
        "name": &*grant.token.name,
        "role": role_name(grant.token.role),
        "agent": grant.token.agent,
        "softphone": softphone,
    });
    Ok(render::json(body.to_string()))
}
