//! Call-backs: who is to be called back, by whom it is asked for, and that nobody is any more.

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use hookswitch_wire::Time;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    access::Grant,
    backend::CallbacksWanted,
    input::{Asked, Body, Id},
    model::{AgentId, CallId, CallbackId, QueueId, callback::CallbackState, command::Request},
    problem::Problem,
    render,
    route::{Doc, Route, STAFF},
    routes::{ask, calls, control::destination},
    state::AppState,
};

/// What a list is asked for.
const WANTED: &[(&str, &str)] = &[
    ("queue", "Of this queue"),
    ("state", "In this state; without it also those that are over, as long as they are remembered"),
];

pub(super) fn routes() -> Vec<Route> {
    let begins = |summary, body| Doc {
        answer: (202, "application/json", Some("Promised")),
        ..Doc::action(summary, body)
    };
    vec![
        Route::get(
            "/v1/callbacks",
            STAFF,
            Doc {
                query: WANTED,
                ..Doc::json("Call-backs, oldest first; those that are over last", "Callbacks")
            },
            list,
        ),
        Route::post(
            "/v1/callbacks",
            STAFF,
            begins(
                "Have a number called back by a queue's agents; 409 names the call-back that does it already",
                "CallbackWish",
            ),
            create,
        ),
        Route::get("/v1/callbacks/{id}", STAFF, Doc::json("One call-back", "Callback"), one),
        Route::delete(
            "/v1/callbacks/{id}",
            STAFF,
            Doc {
                body: None,
                ..Doc::action("Take a call-back back; whoever is being rung for it is let go", "Whose")
            },
            cancel,
        ),
        Route::post(
            "/v1/calls/{id}/callback",
            STAFF,
            begins("Let a waiting caller hang up and keep the place in line", "Nothing"),
            of_caller,
        ),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    queue: Option<QueueId>,
    state: Option<CallbackState>,
    #[serde(rename = "access_token")]
    _token: Option<String>,
}

async fn list(State(state): State<AppState>, Asked(wanted): Asked<Wanted>) -> Result<Response, Problem> {
    let Wanted { queue, state: stands, _token } = wanted;
    Ok(render::list(&state.backend().callbacks(CallbacksWanted { queue, state: stands }).await?))
}

async fn one(State(state): State<AppState>, Id(id): Id<CallbackId>) -> Result<Response, Problem> {
    let callback = state.backend().callback(id).await?;
    callback.map(render::json).ok_or_else(|| Problem::unknown("call-back", &id.to_string()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    queue: QueueId,
    number: String,
    at: Option<String>,
    agent: Option<AgentId>,
    #[serde(default)]
    data: BTreeMap<String, Value>,
}

async fn create(
    State(state): State<AppState>,
    grant: Grant,
    Body(wish): Body<Wish>,
) -> Result<Response, Problem> {
    let mut data = if wish.data.is_empty() { BTreeMap::new() } else { calls::checked(wish.data)? };
    let number = destination(&state, &wish.number, &mut data)?;
    let moment = |text: String| {
        Time::parse(&text).map(|Time(at)| at).map_err(|_| {
            Problem::invalid(
                format!("{text:.80?} is no time"),
                "RFC 3339, as in 2026-11-23T09:00:00+01:00; without `at` as soon as it is its turn",
            )
        })
    };
    let at = wish.at.map(moment).transpose()?;
    let request = Request::CreateCallback { queue: wish.queue, number, at, agent: wish.agent, data };
    Ok(render::accepted(ask(&state, &grant, request).await?))
}

async fn cancel(
    State(state): State<AppState>,
    grant: Grant,
    Id(callback): Id<CallbackId>,
) -> Result<Response, Problem> {
    Ok(render::accepted(ask(&state, &grant, Request::CancelCallback { callback }).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn of_caller(
    State(state): State<AppState>,
    grant: Grant,
    Id(call): Id<CallId>,
    Body(Nothing {}): Body<Nothing>,
) -> Result<Response, Problem> {
    Ok(render::accepted(ask(&state, &grant, Request::CallBack { call }).await?))
}
