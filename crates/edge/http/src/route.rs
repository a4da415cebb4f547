//! The table every route stands in: from it come the router, the check of roles and `/openapi.json`, so that they
//! cannot disagree.

use std::net::{IpAddr, SocketAddr};

use axum::{
    Router,
    extract::{ConnectInfo, FromRequestParts, Request, State},
    handler::Handler,
    http::{Extensions, HeaderMap, Method, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, on},
};
use hookswitch_config::Role;

use crate::{
    access::{self, Grant, Way, role_name},
    audit, idempotency,
    log::TokenName,
    problem::Problem,
    state::AppState,
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
/// Who looks after agents and their conversations.
pub(crate) const LEADS: Who = Who::Roles(&[Role::Supervisor, Role::Admin]);
/// Who looks after webhooks.
pub(crate) const STAFF: Who = Who::Roles(&[Role::Crm, Role::Supervisor, Role::Admin]);
/// Who may change how the daemon works.
pub(crate) const ADMIN: Who = Who::Roles(&[Role::Admin]);

/// What `/openapi.json` says of a route, beside what the table itself knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Doc {
    /// One line.
    pub(crate) summary: &'static str,
    /// Query parameters: name, meaning, and the schema's name where it is more than text.
    pub(crate) query: &'static [(&'static str, &'static str)],
    /// The schema of the body.
    pub(crate) body: Option<&'static str>,
    /// Status and media type when it goes well, and the schema of the answer.
    pub(crate) answer: (u16, &'static str, Option<&'static str>),
    /// Statuses of problems beside those that every route of its kind can answer.
    pub(crate) problems: &'static [u16],
}

impl Doc {
    /// Answers 200 with JSON of this schema.
    pub(crate) const fn json(summary: &'static str, schema: &'static str) -> Self {
        let answer = (200, "application/json", Some(schema));
        Self { summary, query: &[], body: None, answer, problems: &[] }
    }

    /// Answers 200 with something else.
    pub(crate) const fn media(summary: &'static str, media: &'static str) -> Self {
        Self { summary, query: &[], body: None, answer: (200, media, None), problems: &[] }
    }

    /// Answers 202 with the id of an action. What the body names (an agent, a queue) may not be there.
    pub(crate) const fn action(summary: &'static str, body: &'static str) -> Self {
        let answer = (202, "application/json", Some("Action"));
        Self { summary, query: &[], body: Some(body), answer, problems: &[404, 409] }
    }

    /// Answers 202 with the id of an action and of the call it begins.
    pub(crate) const fn begins_call(summary: &'static str, body: &'static str) -> Self {
        Self { answer: (202, "application/json", Some("Begun")), ..Self::action(summary, body) }
    }
}

/// One method on one path.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) who: Who,
    pub(crate) doc: Doc,
    /// It dials, or names a number, and nothing else: also a token that stands in an address may use it.
    pub(crate) dials: bool,
    handler: MethodRouter<AppState>,
}

impl Route {
    pub(crate) fn get<H, T>(path: &'static str, who: Who, doc: Doc, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        Self::new(Method::GET, path, who, doc, on(axum::routing::MethodFilter::GET, handler))
    }

    pub(crate) fn post<H, T>(path: &'static str, who: Who, doc: Doc, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        Self::new(Method::POST, path, who, doc, on(axum::routing::MethodFilter::POST, handler))
    }

    pub(crate) fn put<H, T>(path: &'static str, who: Who, doc: Doc, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        Self::new(Method::PUT, path, who, doc, on(axum::routing::MethodFilter::PUT, handler))
    }

    pub(crate) fn patch<H, T>(path: &'static str, who: Who, doc: Doc, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        Self::new(Method::PATCH, path, who, doc, on(axum::routing::MethodFilter::PATCH, handler))
    }

    pub(crate) fn delete<H, T>(path: &'static str, who: Who, doc: Doc, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        Self::new(Method::DELETE, path, who, doc, on(axum::routing::MethodFilter::DELETE, handler))
    }

    const fn new(
        method: Method,
        path: &'static str,
        who: Who,
        doc: Doc,
        handler: MethodRouter<AppState>,
    ) -> Self {
        Self { method, path, who, doc, dials: false, handler }
    }

    /// The same, for tokens that may only dial too.
    pub(crate) fn that_dials(mut self) -> Self {
        self.dials = true;
        self
    }

    /// Puts the route on a router: first who calls is known and may, then a repeated request is answered from
    /// memory, then the handler runs.
    pub(crate) fn mount(self, router: Router<AppState>, state: &AppState) -> Router<AppState> {
        let mut handler = self.handler;
        if self.method != Method::GET {
            handler = handler.route_layer(middleware::from_fn_with_state(state.clone(), idempotency::layer));
        }
        if self.who != Who::Anybody {
            let door = (state.clone(), self.who, self.dials);
            handler = handler.route_layer(middleware::from_fn_with_state(door, admit));
        }
        if self.method != Method::GET {
            handler = handler.route_layer(middleware::from_fn_with_state(state.clone(), audit::layer));
        }
        router.route(self.path, handler)
    }
}

/// Lets a request through if its caller may use the route; the handler finds the [`Grant`] beside it.
async fn admit(
    State((state, who, dials)): State<(AppState, Who, bool)>,
    mut request: Request,
    next: Next,
) -> Response {
    let roles = match who {
        Who::Anybody => return next.run(request).await,
        Who::Neighbour if is_neighbour(&request) => return next.run(request).await,
        Who::Neighbour => &[Role::Agent, Role::Crm, Role::Supervisor, Role::Admin][..],
        Who::Roles(roles) => roles,
    };
    let shown = access::shown(request.headers(), request.uri().query());
    let grant = match shown {
        Ok((text, way)) => recognised(&state, peer(request.extensions()), (&text, way)).await,
        Err(problem) => state.ask_of_address(peer(request.extensions())).and(Err(problem)),
    };
    let grant = match grant {
        Ok(grant) => grant,
        Err(problem) => return problem.into_response(),
    };
    let name = grant.token.name.clone();
    let mut response = match may(&grant, roles, dials).and_then(|()| state.ask_of_token(&grant.token)) {
        Ok(()) => {
            request.extensions_mut().insert(grant);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    response.extensions_mut().insert(TokenName(name));
    response
}

/// Whose token this is; asked from one address only so often.
pub(crate) async fn recognised(
    state: &AppState,
    peer: Option<IpAddr>,
    shown: (&str, Way),
) -> Result<Grant, Problem> {
    state.ask_of_address(peer)?;
    let grant = state.access().recognise(state.sessions(), shown, state.now_s()).await?;
    state.uses().note(&grant.token, state.now());
    Ok(Grant { peer, ..grant })
}

fn may(grant: &Grant, roles: &[Role], dials: bool) -> Result<(), Problem> {
    if grant.only_dials() && !dials {
        return Err(Problem::forbidden("this token may stand in an address, and so may only dial"));
    }
    if !roles.contains(&grant.token.role) {
        let may: Vec<&str> = roles.iter().copied().map(role_name).collect();
        return Err(Problem::forbidden(format!(
            "the role {} may not do this; {} may",
            role_name(grant.token.role),
            may.join(", ")
        )));
    }
    Ok(())
}

/// Where a request comes from.
pub(crate) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())
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
