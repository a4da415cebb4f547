//! `GET /v1/me/softphone`: what the agent's browser registers with at the PBX. It is told to nobody but the agent whose
//! token came in a header; it stands in no list, event, snapshot or log.

use axum::{extract::State, response::Response};
use serde_json::json;

use crate::{
    access::{Grant, Way},
    problem::Problem,
    render,
    route::{Doc, EVERY, Route},
    state::AppState,
};

pub(super) fn routes() -> Vec<Route> {
    let doc = Doc::json("What the agent's own browser registers with as a telephone", "Softphone");
    vec![Route::get("/v1/me/softphone", EVERY, Doc { problems: &[404], ..doc }, own)]
}

async fn own(State(state): State<AppState>, grant: Grant) -> Result<Response, Problem> {
    if grant.way != Way::Header {
        return Err(Problem::forbidden("a password is told for a token in the Authorization header only"));
    }
    let access = state.access();
    let agent = grant.token.agent.as_ref();
    let Some(softphone) = agent.and_then(|agent| access.softphones.get(agent)) else {
        return Err(Problem::unknown(
            "softphone",
            agent.map_or("the token is no agent's", |agent| agent.as_str()),
        ));
    };
    let password = softphone.password.as_ref().map(|secret| secret.reveal()).transpose();
    let password = password.unwrap_or_else(|error| {
        // The error names the place of the secret, never the secret. The agent can type it.
        tracing::warn!(agent = agent.map(|agent| agent.as_str()), %error, "a softphone's password cannot be read");
        None
    });
    let body = json!({
        "device": softphone.device,
        "url": softphone.url,
        "uri": format!("sip:{}@{}", softphone.username, softphone.domain),
        "username": softphone.username,
        "password": password,
        "stun": softphone.stun,
    });
    Ok(render::json(body.to_string()))
}
