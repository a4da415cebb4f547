//! Pops: exactly one client of an agent shows each.

use axum::{extract::State, response::Response};
use serde::Deserialize;
use serde_json::json;

use crate::{
    access::Grant,
    input::{Body, Id},
    model::{PopId, command::Request},
    problem::Problem,
    render,
    route::{Doc, EVERY, Route},
    routes::ask,
    state::AppState,
};

/// Bytes a client's name may have.
const LONGEST_CLIENT: usize = 64;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post(
            "/v1/pops/{id}/claim",
            EVERY,
            Doc {
                body: Some("PopClient"),
                ..Doc::json("Win the right to show a pop; 409 when another client has", "Claimed")
            },
            claim,
        ),
        Route::post(
            "/v1/pops/{id}/shown",
            EVERY,
            Doc::action("Tell that a pop was shown", "PopClient"),
            shown,
        ),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Client {
    client: Option<String>,
}

/// Unlike a deed at the PBX a claim is decided when it is answered: 200, not 202.
async fn claim(
    State(state): State<AppState>,
    grant: Grant,
    Id(pop): Id<PopId>,
    Body(body): Body<Client>,
) -> Result<Response, Problem> {
    let Some(client) = checked(body.client)? else {
        return Err(Problem::invalid(
            "the body names no client",
            "send {\"client\":\"...\"} with a name of this tab or device, the same when you try again",
        ));
    };
    let taken = ask(&state, &grant, Request::ClaimPop { pop, client: client.clone() }).await?;
    Ok(render::json(json!({ "action": taken.action, "pop": pop, "client": client }).to_string()))
}

async fn shown(
    State(state): State<AppState>,
    grant: Grant,
    Id(pop): Id<PopId>,
    Body(body): Body<Client>,
) -> Result<Response, Problem> {
    let client = checked(body.client)?;
    Ok(render::accepted(ask(&state, &grant, Request::PopShown { pop, client }).await?))
}

fn checked(client: Option<String>) -> Result<Option<String>, Problem> {
    match client {
        Some(name) if name.len() > LONGEST_CLIENT || name.chars().any(char::is_control) => {
            Err(Problem::invalid(
                "the client's name is too long or holds control characters",
                format!("at most {LONGEST_CLIENT} bytes"),
            ))
        }
        other => Ok(other.filter(|name| !name.is_empty())),
    }
}
