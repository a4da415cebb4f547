//! What service managers, load balancers and Prometheus ask.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    backend::Readiness,
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
                query: &[("links", "`up`: ready only when every PBX link is up")],
                ..Doc::json("Every PBX link has been tried and the journal is open", "Ready")
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
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Links {
    Up,
}

async fn ready(State(state): State<AppState>, Asked(wish): Asked<Wish>) -> Result<Response, Problem> {
    let readiness = state.backend().readiness();
    let up = wish.links == Some(Links::Up);
    let ready = readiness.journal_open && readiness.links.iter().all(|link| link.tried && (link.up || !up));
    if ready {
        return Ok(render::json(
            json!({ "ready": true, "journal": journal(&readiness), "pbx": links(&readiness) }).to_string(),
        ));
    }
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", "Not ready", why_not(&readiness, up))
        .with("ready", false)
        .with("journal", journal(&readiness))
        .with("pbx", links(&readiness)))
}

fn journal(readiness: &Readiness) -> &'static str {
    if readiness.journal_open { "open" } else { "closed" }
}

fn links(readiness: &Readiness) -> Value {
    let link = |l: &crate::LinkReadiness| json!({ "name": l.name, "tried": l.tried, "up": l.up });
    readiness.links.iter().map(link).collect()
}

fn why_not(readiness: &Readiness, up: bool) -> String {
    if !readiness.journal_open {
        return "the journal is not open".into();
    }
    let missing = readiness.links.iter().find(|link| !link.tried || (up && !link.up));
    match missing {
        Some(link) if !link.tried => format!("PBX {:?} has not been tried yet", link.name),
        Some(link) => format!("the link to PBX {:?} is down", link.name),
        None => String::new(),
    }
}

async fn metrics(State(state): State<AppState>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, state.backend().metrics()).into_response()
}
