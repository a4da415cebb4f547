//! The routes, one file a resource.

mod agents;
mod callbacks;
mod calls;
mod config;
mod contacts;
pub(crate) mod control;
mod health;
mod pops;
mod queues;
mod reports;
mod session;
mod snapshot;
mod softphone;
mod tokens;
mod webhooks;

use crate::{
    access::Grant,
    asyncapi, audit,
    model::{
        ActionId, AgentId, CallId, CallbackId,
        command::{Actor, Command, Request},
    },
    openapi, pages,
    problem::Problem,
    route::Route,
    sdk,
    state::AppState,
    stream,
};

/// Every route there is.
pub(crate) fn all() -> Vec<Route> {
    [
        stream::routes(),
        snapshot::routes(),
        calls::routes(),
        control::routes(),
        callbacks::routes(),
        agents::routes(),
        queues::routes(),
        reports::routes(),
        pops::routes(),
        session::routes(),
        softphone::routes(),
        webhooks::routes(),
        tokens::routes(),
        config::routes(),
        contacts::routes(),
        health::routes(),
        openapi::routes(),
        asyncapi::routes(),
        pages::routes(),
        sdk::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What came of a command that was taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// Events that come of it carry this id.
    pub(crate) action: ActionId,
    /// The call it began.
    pub(crate) call: Option<CallId>,
    /// The call-back it promised or took back.
    pub(crate) callback: Option<CallbackId>,
}

/// Puts a request to the engine in the name of the token's owner, and brings the id it was taken under.
pub(crate) async fn ask(state: &AppState, grant: &Grant, request: Request) -> Result<Taken, Problem> {
    let id = state.next_id();
    let actor = Actor { name: grant.token.name.to_string(), agent: grant.token.agent.clone() };
    let command = Command { id, actor, request: request.clone() };
    let answer = state.backend().command(command).await?;
    audit::command(grant, id, &request, answer.result.as_ref().map(drop));
    match answer.result {
        Ok(taken) => Ok(Taken { action: id, call: taken.call, callback: taken.callback }),
        Err(refusal) => Err(Problem::from(refusal).audited()),
    }
}

/// Whose leg is meant: an agent's token means its own, every other names the agent.
pub(crate) fn whose(grant: &Grant, named: Option<AgentId>) -> Result<AgentId, Problem> {
    match (grant.scope(), named) {
        (Some(own), Some(named)) if named != *own => {
            Err(Problem::forbidden("an agent's token acts for its own agent only"))
        }
        (Some(own), _) => Ok(own.clone()),
        (None, Some(named)) => Ok(named),
        (None, None) => Err(Problem::invalid(
            "the body names no agent",
            "{\"agent\":\"alice\"}: whose leg is meant; only the token of an agent need not say",
        )),
    }
}
