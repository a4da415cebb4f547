//! The routes, one file a resource.

mod agents;
mod calls;
mod health;
mod pops;
mod queues;
mod session;
mod snapshot;
mod webhooks;

use crate::{
    access::Grant,
    desktop,
    model::{
        ActionId,
        command::{Actor, Command, Request},
    },
    openapi,
    problem::Problem,
    route::Route,
    state::AppState,
    stream,
};

/// Every route there is.
pub(crate) fn all() -> Vec<Route> {
    [
        stream::routes(),
        snapshot::routes(),
        calls::routes(),
        agents::routes(),
        queues::routes(),
        pops::routes(),
        session::routes(),
        webhooks::routes(),
        health::routes(),
        openapi::routes(),
        desktop::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Puts a request to the engine in the name of the token's owner, and brings the id it was taken under.
async fn ask(state: &AppState, grant: &Grant, request: Request) -> Result<ActionId, Problem> {
    let id = state.next_id();
    let actor = Actor { name: grant.token.name.to_string(), agent: grant.token.agent.clone() };
    let answer = state.backend().command(Command { id, actor, request }).await?;
    answer.result?;
    Ok(id)
}
