//! Who may ask: the tokens of the configuration, and when each was last shown. What they are stays in the configuration,
//! which is also where one is added or taken out; no secret and no hash is told.

use axum::{extract::State, response::Response};
use hookswitch_wire::{List, Sequence, Time};
use serde::Serialize;

use crate::{
    access::role_name,
    model::AgentId,
    problem::Problem,
    render,
    route::{ADMIN, Doc, Route},
    state::AppState,
};

pub(super) fn routes() -> Vec<Route> {
    let doc = Doc::json("The tokens of the configuration, and when each was last shown", "Tokens");
    vec![Route::get("/v1/tokens", ADMIN, doc, list)]
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    role: &'static str,
    agent: Option<&'a AgentId>,
    in_url: bool,
    /// Null: not since the daemon was started.
    last_used_at: Option<Time>,
    /// Since then.
    requests: u64,
}

async fn list(State(state): State<AppState>) -> Result<Response, Problem> {
    let access = state.access();
    let uses = state.uses().of(&access.tokens);
    let listed = access.tokens.iter().zip(uses).map(|(token, used)| Listed {
        name: &token.name,
        role: role_name(token.role),
        agent: token.agent.as_ref(),
        in_url: token.in_url,
        last_used_at: used.map(|used| used.last.into()),
        requests: used.map_or(0, |used| used.requests),
    });
    let list = List { items: listed.collect(), sequence: Sequence(state.hub().last()) };
    Ok(render::json(serde_json::to_vec(&list).unwrap_or_default()))
}
