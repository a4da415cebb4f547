//! Agents: their states, why they are idle, and asking for another state.

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use hookswitch_config::Role;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    access::Grant,
    input::{Body, Id},
    model::{AgentId, Skill, agent::AgentState, command::Request},
    problem::Problem,
    render,
    route::{AGENTS_AND_LEADS, Doc, EVERY, LEADS, Route},
    routes::{ask, calls::unwrapped},
    state::AppState,
};

/// Bytes a reason may have.
const LONGEST_REASON: usize = 128;
/// Skills of one request.
const MOST_SKILLS: usize = 64;

/// The states that can be asked for; the others happen.
const ASKED_FOR: &str = "logged_out, not_ready, ready and wrap_up can be asked for";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/agents", EVERY, Doc::json("All agents", "Agents"), list),
        Route::get("/v1/agents/{id}", EVERY, Doc::json("One agent", "Agent"), one),
        Route::get(
            "/v1/agents/{id}/why-idle",
            EVERY,
            Doc::json("Why the agent has no call: one reason for each waiting call", "Why"),
            why_idle,
        ),
        Route::put(
            "/v1/agents/{id}/state",
            AGENTS_AND_LEADS,
            Doc::action("Ask for a state; while busy it is remembered as next", "StateWish"),
            set_state,
        ),
        Route::patch(
            "/v1/agents/{id}/skills",
            LEADS,
            Doc::action("Change levels of skills; null takes one away, those not named stay", "Skills"),
            set_skills,
        ),
    ]
}

async fn list(State(state): State<AppState>) -> Result<Response, Problem> {
    Ok(render::list(&state.backend().agents().await?))
}

async fn one(State(state): State<AppState>, Id(id): Id<AgentId>) -> Result<Response, Problem> {
    let agent = state.backend().agent(id.clone()).await?;
    agent.map(render::json).ok_or_else(|| Problem::unknown("agent", id.as_str()))
}

async fn why_idle(
    State(state): State<AppState>,
    grant: Grant,
    Id(id): Id<AgentId>,
) -> Result<Response, Problem> {
    // The explanation names the waiting calls of others.
    only_oneself(&grant, &id)?;
    let why = state.backend().why_idle(id.clone()).await?;
    why.map(render::json).ok_or_else(|| Problem::unknown("agent", id.as_str()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StateWish {
    state: AgentState,
    reason: Option<String>,
}

async fn set_state(
    State(state): State<AppState>,
    grant: Grant,
    Id(agent): Id<AgentId>,
    Body(wish): Body<StateWish>,
) -> Result<Response, Problem> {
    only_oneself(&grant, &agent)?;
    match wish.state {
        AgentState::LoggedOut | AgentState::NotReady | AgentState::Ready | AgentState::WrapUp => {}
        AgentState::Reserved | AgentState::Talking | AgentState::Holding => {
            return Err(Problem::invalid(
                format!("{} happens with a call and cannot be asked for", wish.state.as_str()),
                ASKED_FOR,
            ));
        }
    }
    let reason = wish.reason.filter(|reason| !reason.is_empty());
    if reason.as_ref().is_some_and(|r| r.len() > LONGEST_REASON || r.chars().any(char::is_control)) {
        return Err(Problem::invalid(
            "the reason is too long or holds control characters",
            format!("one line of at most {LONGEST_REASON} bytes"),
        ));
    }
    let taken = ask(&state, &grant, Request::SetAgentState { agent, state: wish.state, reason }).await?;
    Ok(render::accepted(taken))
}

async fn set_skills(
    State(state): State<AppState>,
    grant: Grant,
    Id(agent): Id<AgentId>,
    Body(body): Body<BTreeMap<String, Value>>,
) -> Result<Response, Problem> {
    let skills = unwrapped(body, "skills");
    let wrong =
        |what: String| Problem::invalid(what, "{\"billing\":8,\"mandarin\":null}: levels are 1 to 10");
    if skills.is_empty() || skills.len() > MOST_SKILLS {
        return Err(wrong(format!("{} skills in the body, 1 to {MOST_SKILLS} are taken", skills.len())));
    }
    let skills = skills.into_iter().map(|(name, level)| {
        let skill = Skill::new(&name).map_err(|error| wrong(format!("{name:.80?} is no skill: {error}")))?;
        let known = level.as_u64().and_then(|level| u8::try_from(level).ok());
        match known.filter(|level| (1..=10).contains(level)) {
            None if !level.is_null() => Err(wrong(format!("{level:.80} is no level of {skill}"))),
            level => Ok((skill, level)),
        }
    });
    let skills = skills.collect::<Result<BTreeMap<_, _>, Problem>>()?;
    ask(&state, &grant, Request::SetSkills { agent, skills }).await.map(render::accepted)
}

/// An agent speaks for nobody else.
fn only_oneself(grant: &Grant, agent: &AgentId) -> Result<(), Problem> {
    match grant.token.role {
        Role::Agent if grant.token.agent.as_ref() != Some(agent) => {
            Err(Problem::forbidden("an agent's token acts for its own agent only"))
        }
        Role::Agent | Role::Crm | Role::Supervisor | Role::Admin => Ok(()),
    }
}
