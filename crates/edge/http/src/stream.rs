//! `GET /v1/events`: one ordered stream by three ways, WebSocket, SSE and JSON pages, with the same events, the same
//! order and the same cursor.
//!
//! What is read and filtered is the matter of [`Hub`](hookswitch_publish::Hub); here it is put on the wire. A reader
//! gets nothing that is not in the journal and misses nothing silently: it is told where it starts, of every break, and
//! when it is too slow.

mod feed;
mod sse;
mod websocket;

use axum::{
    extract::{
        FromRequestParts as _, Request, State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use hookswitch_publish::{Closed, Filter, Frame, MAX_PAGE, Scope, Types};
use serde::Deserialize;

use crate::{
    access::Grant,
    input::Asked,
    model::{AgentId, QueueId},
    problem::Problem,
    render,
    route::{Doc, EVERY, Route},
    state::AppState,
};
use feed::Feed;

pub(crate) fn routes() -> Vec<Route> {
    vec![Route::get(
        "/v1/events",
        EVERY,
        Doc {
            query: &[
                ("after", "The sequence to go on from; 0: the oldest there is; without it: now"),
                ("types", "Types, separated by commas: `call.ended`, `call.*`, `*`"),
                ("agent", "Only what concerns this agent"),
                ("queue", "Only what concerns this queue"),
                ("limit", "Events of one JSON page"),
            ],
            ..Doc::json(
                "Events: a WebSocket on upgrade, SSE on Accept: text/event-stream, else a page of JSON",
                "Events",
            )
        },
        events,
    )]
}

/// The query as it comes; empty is like absent.
#[derive(Deserialize)]
struct Query {
    after: Option<String>,
    types: Option<String>,
    agent: Option<String>,
    queue: Option<String>,
    limit: Option<String>,
}

/// What a reader asks for, checked.
struct Wish {
    after: Option<u64>,
    filter: Filter,
    limit: usize,
}

async fn events(
    State(state): State<AppState>,
    grant: Grant,
    Asked(query): Asked<Query>,
    request: Request,
) -> Result<Response, Problem> {
    let mut wish = checked(query, &grant)?;
    let (mut parts, _) = request.into_parts();
    if wants_websocket(&parts.headers) {
        let upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection> =
            WebSocketUpgrade::from_request_parts(&mut parts, &state).await;
        let upgrade = upgrade.map_err(|rejection| Problem::request(rejection.body_text()))?;
        return Ok(websocket::answer(upgrade, Feed::open(state, grant, wish.after, wish.filter)?));
    }
    if accepts(&parts.headers, "text/event-stream") {
        // A browser that comes back sends where it was, and the address it first came with.
        if let Some(last) = parts.headers.get("last-event-id") {
            wish.after = Some(position("Last-Event-ID", last.to_str().unwrap_or_default())?);
        }
        return Ok(sse::answer(Feed::open(state, grant, wish.after, wish.filter)?));
    }
    page(&state, &grant, wish).await
}

/// A page of JSON; behind a break stands a snapshot, as on a stream.
async fn page(state: &AppState, grant: &Grant, wish: Wish) -> Result<Response, Problem> {
    let page = state.hub().page(wish.after, wish.limit, wish.filter).await;
    let mut page = page.map_err(|closed| unreadable(&closed))?;
    if page.frames().iter().any(Frame::is_gap)
        && let Some(snapshot) = feed::snapshot(state, grant).await?
    {
        page.put_snapshot(snapshot);
    }
    Ok(render::json(page.json()))
}

fn unreadable(closed: &Closed) -> Problem {
    tracing::error!(error = closed as &dyn std::error::Error, "events could not be read from the journal");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "journal", "The events cannot be read", closed.to_string())
}

fn checked(query: Query, grant: &Grant) -> Result<Wish, Problem> {
    let given = |value: Option<String>| value.filter(|text| !text.is_empty());
    let after = given(query.after).map(|text| position("after", &text)).transpose()?;
    let types = Types::parse(&given(query.types).unwrap_or_default())
        .map_err(|error| Problem::invalid(error.to_string(), "separate several by commas"))?;
    let named = |what: &str, text: &str| {
        Problem::invalid(format!("{text:?} is no {what}"), format!("an id of a {what}"))
    };
    let agent = given(query.agent).map(|text| text.parse::<AgentId>().map_err(|_| named("agent", &text)));
    let queue = given(query.queue).map(|text| text.parse::<QueueId>().map_err(|_| named("queue", &text)));
    let limit = match given(query.limit).map(|text| text.parse::<usize>()) {
        None => MAX_PAGE,
        Some(Ok(limit)) if limit > 0 => limit.min(MAX_PAGE),
        Some(_) => {
            return Err(Problem::invalid(
                "limit is no number above 0",
                format!("limit=1 to limit={MAX_PAGE}"),
            ));
        }
    };
    let scope = grant.scope().cloned().map_or(Scope::All, Scope::Agent);
    let filter = Filter { types, agent: agent.transpose()?, queue: queue.transpose()?, scope };
    Ok(Wish { after, filter, limit })
}

fn position(name: &str, text: &str) -> Result<u64, Problem> {
    let digits = text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit());
    let parsed = if digits { text.parse().ok() } else { None };
    parsed.ok_or_else(|| {
        Problem::invalid(format!("{name} is no position: {text:?}"), "send the `sequence` of an event, or 0")
    })
}

fn wants_websocket(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

fn accepts(headers: &HeaderMap, media: &str) -> bool {
    headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value
            .split(',')
            .any(|part| part.split(';').next().is_some_and(|m| m.trim().eq_ignore_ascii_case(media)))
    })
}
