//! `POST /v1/session`: a short-lived token for where a browser can send no header.

use axum::{extract::State, response::Response};
use serde_json::json;

use crate::{
    access::{Grant, Way, role_name},
    problem::Problem,
    render,
    route::{Doc, EVERY, Route},
    session,
    state::{AppState, now_s},
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
    let body = json!({
        "access_token": state.sessions().issue(&grant.token, now_s()),
        "token_type": "Bearer",
        "expires_in": session::LIFETIME_S,
        "name": &*grant.token.name,
        "role": role_name(grant.token.role),
        "agent": grant.token.agent,
    });
    Ok(render::json(body.to_string()))
}
