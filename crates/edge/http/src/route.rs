//! The table every route stands in: from it come the router, the check of roles and `/openapi.json`, so that they
//! cannot disagree.

use std::net::SocketAddr;

use axum::{
    Router,
    extract::{ConnectInfo, FromRequestParts, Request, State},
    handler::Handler,
    http::{HeaderMap, Method, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, on},
};
use hookswitch_config::Role;

use crate::{
    access::{Grant, Way, role_name},
    idempotency,
    problem::Problem,
    state::{AppState, now_s},
};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Anybody: pages and descriptions that hold no data.
    Anybody,
    /// Anybody on this machine, a token from elsewhere.
    Neighbour,
    /// Tokens of these roles.
    Roles(&'static [Role]),
}

/// Every role.
pub(crate) const EVERY: Who = Who::Roles(&[Role::Agent, Role::Crm, Role::Supervisor, Role::Admin]);
/// Who may set the state of agents.
pub(crate) const AGENTS_AND_LEADS: Who = Who::Roles(&[Role::Agent, Role::Supervisor, Role::Admin]);
/// Who looks after webhooks.
pub(crate) const STAFF: Who = Who::Roles(&[Role::Crm, Role::Supervisor, Role::Admin]);
/// Who may change how the daemon works.
pub(crate) const ADMIN: Who = Who::Roles(&[Role::Admin]);

/// What `/openapi.json` says of a route, beside what the table itself knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Doc {
    /// One line.
    pub(crate) summary: &'static str,
    /// Query parameters: name and meaning.
    pub(crate) query: &'static [(&'static str, &'static str)],
    /// The schema of the body.
    pub(crate) body: Option<&'static str>,
    /// Status and media type when it goes well, and the schema of the answer.
    pub(crate) answer: (u16, &'static str, Option<&'static str>),
}

impl Doc {
    /// Answers 200 with JSON of this schema.
    pub(crate) const fn json(summary: &'static str, schema: &'static str) -> Self {
        Self { summary, query: &[], body: None, answer: (200, "application/json", Some(schema)) }
    }

    /// Answers 200 with something else.
    pub(crate) const fn media(summary: &'static str, media: &'static str) -> Self {
        Self { summary, query: &[], body: None, answer: (200, media, None) }
    }

    /// Answers 202 with the id of an action.
    pub(crate) const fn action(summary: &'static str, body: &'static str) -> Self {
        Self { summary, query: &[], body: Some(body), answer: (202, "application/json", Some("Action")) }
    }
}

/// One method on one path.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) who: Who,
    pub(crate) doc: Doc,
    handler: MethodRouter<AppState>,
}

impl Route {
    pub(crate) fn get<H, T>(path: &'static str, who: Who, doc: Doc, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        Self { method: Method::GET, path, who, doc, handler: on(axum::routing::MethodFilter::GET, handler) }
    }

    pub(crate) fn post<H, T>(path: &'static str, who: Who, doc: Doc, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        Self { method: Method::POST, path, who, doc, handler: on(axum::routing::MethodFilter::POST, handler) }
    }

    pub(crate) fn put<H, T>(path: &'static str, who: Who, doc: Doc, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        Self { method: Method::PUT, path, who, doc, handler: on(axum::routing::MethodFilter::PUT, handler) }
    }

    pub(crate) fn patch<H, T>(path: &'static str, who: Who, doc: Doc, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        Self {
            method: Method::PATCH,
            path,
            who,
            doc,
            handler: on(axum::routing::MethodFilter::PATCH, handler),
        }
    }

    /// Puts the route on a router: first who calls is known and may, then a repeated request is answered from
    /// memory, then the handler runs.
    pub(crate) fn mount(self, router: Router<AppState>, state: &AppState) -> Router<AppState> {
        let mut handler = self.handler;
        if self.method != Method::GET {
            handler = handler.route_layer(middleware::from_fn_with_state(state.clone(), idempotency::layer));
        }
        if self.who != Who::Anybody {
            handler = handler.route_layer(middleware::from_fn_with_state((state.clone(), self.who), admit));
        }
        router.route(self.path, handler)
    }
}

/// Lets a request through if its caller may use the route; the handler finds the [`Grant`] beside it.
async fn admit(State((state, who)): State<(AppState, Who)>, mut request: Request, next: Next) -> Response {
    let roles = match who {
        Who::Anybody => return next.run(request).await,
        Who::Neighbour if is_neighbour(&request) => return next.run(request).await,
        Who::Neighbour => &[Role::Agent, Role::Crm, Role::Supervisor, Role::Admin][..],
        Who::Roles(roles) => roles,
    };
    let grant =
        match state.access().recognise(state.sessions(), request.headers(), request.uri().query(), now_s()) {
            Ok(grant) => grant,
            Err(problem) => return problem.into_response(),
        };
    if grant.way == Way::Address {
        return Problem::forbidden(
            "a token in the address may only dial; POST /v1/session makes one that may more",
        )
        .into_response();
    }
    if !roles.contains(&grant.token.role) {
        let may: Vec<&str> = roles.iter().copied().map(role_name).collect();
        return Problem::forbidden(format!(
            "the role {} may not do this; {} may",
            role_name(grant.token.role),
            may.join(", ")
        ))
        .into_response();
    }
    let name = grant.token.name.clone();
    request.extensions_mut().insert(grant);
    let mut response = next.run(request).await;
    response.extensions_mut().insert(crate::log::TokenName(name));
    response
}

/// Whether the caller sits on this machine. Behind a proxy everybody seems to, so a forwarded request never does.
fn is_neighbour(request: &Request) -> bool {
    let forwarded = |headers: &HeaderMap| {
        ["forwarded", "x-forwarded-for", "x-real-ip", "via"].iter().any(|name| headers.contains_key(*name))
    };
    request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback())
        && !forwarded(request.headers())
}

impl<S: Sync> FromRequestParts<S> for Grant {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Problem::unauthenticated("no token was checked"))
    }
}
