//! Calls: reading them, why they went where they went, and the data attached to them.

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use bytes::Bytes;
use serde_json::Value;

use crate::{
    access::Grant,
    backend::{CallJson, List},
    input::{Body, Id},
    model::{CallId, call::AttachedData, command::Request},
    problem::Problem,
    render,
    route::{Doc, EVERY, Route},
    routes::ask,
    state::AppState,
};

/// Keys a request may set at once.
const MOST_KEYS: usize = 64;
/// Bytes of a key.
const LONGEST_KEY: usize = 64;
/// Bytes of a value.
const LONGEST_VALUE: usize = 4_096;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/calls", EVERY, Doc::json("Live calls", "Calls"), list),
        Route::get("/v1/calls/{id}", EVERY, Doc::json("One call", "Call"), one),
        Route::get("/v1/calls/{id}/why", EVERY, Doc::json("Why it was routed as it was", "Why"), why),
        Route::patch(
            "/v1/calls/{id}/data",
            EVERY,
            Doc::action("Attach data; keys that are not named stay", "Data"),
            set_data,
        ),
    ]
}

async fn list(State(state): State<AppState>, grant: Grant) -> Result<Response, Problem> {
    let calls = state.backend().calls().await?;
    Ok(render::list(&List { sequence: calls.sequence, items: render::seen(calls.items, &grant) }))
}

async fn one(State(state): State<AppState>, grant: Grant, Id(id): Id<CallId>) -> Result<Response, Problem> {
    let call = state.backend().call(id).await?;
    Ok(render::json(own(call, &grant, id)?))
}

async fn why(State(state): State<AppState>, grant: Grant, Id(id): Id<CallId>) -> Result<Response, Problem> {
    let why = state.backend().why(id).await?;
    Ok(render::json(own(why, &grant, id)?))
}

async fn set_data(
    State(state): State<AppState>,
    grant: Grant,
    Id(id): Id<CallId>,
    Body(data): Body<BTreeMap<String, Value>>,
) -> Result<Response, Problem> {
    let changed = checked(unwrapped(data, "data"))?;
    if grant.scope().is_some() {
        own(state.backend().call(id).await?, &grant, id)?;
    }
    let taken = ask(&state, &grant, Request::SetData { call: id, changed }).await?;
    Ok(render::accepted(taken))
}

/// The call, if it exists and the token may see it. Somebody else's call is as unknown as none: an id tells nothing.
pub(super) fn own(call: Option<CallJson>, grant: &Grant, id: CallId) -> Result<Bytes, Problem> {
    let seen = call.and_then(|call| render::one_seen(call, grant));
    seen.ok_or_else(|| Problem::unknown("call", &id.to_string()))
}

/// What is to be changed, given as it is or under the name it has in the object it is part of: `{"data":{"ticket":"4711"}}`.
pub(super) fn unwrapped(mut body: BTreeMap<String, Value>, name: &str) -> BTreeMap<String, Value> {
    match body.remove(name) {
        Some(Value::Object(inner)) if body.is_empty() => inner.into_iter().collect(),
        Some(other) => {
            body.insert(name.to_owned(), other);
            body
        }
        None => body,
    }
}

/// Attached data is text. Numbers and truth values are taken as they are written; what has parts is refused.
pub(super) fn checked(data: BTreeMap<String, Value>) -> Result<AttachedData, Problem> {
    if data.is_empty() || data.len() > MOST_KEYS {
        return Err(Problem::invalid(
            format!("{} keys in the body", data.len()),
            format!("name 1 to {MOST_KEYS} keys with their new values: {{\"ticket\":\"4711\"}}"),
        ));
    }
    data.into_iter()
        .map(|(key, value)| {
            let value = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(truth) => truth.to_string(),
                // As a JSON merge patch takes a member away.
                Value::Null => String::new(),
                Value::Array(_) | Value::Object(_) => {
                    return Err(Problem::invalid(
                        format!("the value of {key:?} is neither text nor a number"),
                        "attached data is text; an empty text empties a key",
                    ));
                }
            };
            let fits = (1..=LONGEST_KEY).contains(&key.len()) && value.len() <= LONGEST_VALUE;
            if !fits || key.chars().any(char::is_control) {
                return Err(Problem::invalid(
                    format!("the key {:.80} or its value does not fit", format!("{key:?}")),
                    format!("keys have 1 to {LONGEST_KEY} bytes, values up to {LONGEST_VALUE}"),
                ));
            }
            Ok((key, value))
        })
        .collect()
}
