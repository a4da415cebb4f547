//! What service managers, load balancers and Prometheus ask.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    backend::{JournalState, Readiness},
    input::Asked,
    problem::Problem,
    render,
    route::{Doc, Route, Who},
    state::AppState,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/healthz", Who::Neighbour, Doc::media("The process answers", "text/plain"), healthy),
        Route::get(
            "/readyz",
            Who::Neighbour,
            Doc {
                query: &[
                    ("links", "`up`: ready only when every PBX link is up"),
                    ("journal", "`open`: ready only when the journal takes records"),
                ],
                ..Doc::json("Every PBX link has been tried", "Ready")
            },
            ready,
        ),
        Route::get("/metrics", Who::Neighbour, Doc::media("Prometheus metrics", "text/plain"), metrics),
    ]
}

async fn healthy() -> Response {
    ([(header::CACHE_CONTROL, "no-store")], "ok\n").into_response()
}

#[derive(Deserialize)]
struct Wish {
    links: Option<Links>,
    journal: Option<Journal>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Links {
    Up,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Journal {
    Open,
}

/// A full disk does not make it unready: callers are still routed, and whoever took the daemon out of service for it would
/// send them to the fallback. It is said in the answer, and asked for with `?journal=open`.
async fn ready(State(state): State<AppState>, Asked(wish): Asked<Wish>) -> Result<Response, Problem> {
    let readiness = state.backend().readiness();
    let Some(why_not) = why_not(&readiness, &wish) else {
        return Ok(render::json(
            json!({ "ready": true, "journal": journal(&readiness), "pbx": links(&readiness) }).to_string(),
        ));
    };
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", "Not ready", why_not)
        .with("ready", false)
        .with("journal", journal(&readiness))
        .with("pbx", links(&readiness)))
}

fn journal(readiness: &Readiness) -> &'static str {
    match readiness.journal {
        JournalState::Open => "open",
        JournalState::Degraded => "degraded",
    }
}

fn links(readiness: &Readiness) -> Value {
    let link = |l: &crate::LinkReadiness| json!({ "name": l.name, "tried": l.tried, "up": l.up });
    readiness.links.iter().map(link).collect()
}

fn why_not(readiness: &Readiness, wish: &Wish) -> Option<String> {
    if wish.journal == Some(Journal::Open) && readiness.journal == JournalState::Degraded {
        return Some("the disk is full: events wait in memory".to_owned());
    }
    let must_be_up = wish.links == Some(Links::Up);
    let missing = readiness.links.iter().find(|link| !link.tried || (must_be_up && !link.up))?;
    Some(if missing.tried {
        format!("the link to PBX {:?} is down", missing.name)
    } else {
        format!("PBX {:?} has not been tried yet", missing.name)
    })
}

async fn metrics(State(state): State<AppState>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, state.backend().metrics()).into_response()
}
