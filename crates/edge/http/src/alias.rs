//! `[[alias]]`: routes that a CRM calls by names of its own, read at each request from the running configuration.
//!
//! `GET /click?n_tel=…`, `POST /makecall?secret=…&from=…&to=…`, a form, a JSON object: an alias says which parameter
//! means what. What may be done is the same as by `/v1`: the token, its role, its agent and the limits are checked
//! alike, and strange origins end before anything is dialled.

mod parameters;
mod reply;

use axum::{
    extract::{FromRequest as _, Request, State},
    http::{Method, StatusCode},
    response::{IntoResponse as _, Response},
};
use hookswitch_config::{Alias, AliasAction};

use crate::{
    access::{self, Grant, Way},
    audit, log,
    model::{
        AgentId, CallId,
        call::AttachedData,
        command::{Request as Ask, Verb},
    },
    problem::Problem,
    route,
    routes::{self, Taken, control},
    state::AppState,
};
use parameters::Parameters;

/// What no route of ours is at: an alias, or nothing.
pub(crate) async fn fallback(State(state): State<AppState>, request: Request) -> Response {
    let access = state.access();
    let path = request.uri().path();
    let here: Vec<&Alias> = access.aliases.iter().filter(|alias| alias.path == path).collect();
    let method = request.method().clone();
    match here.iter().find(|alias| takes(alias, &method)) {
        Some(alias) => act(state, (*alias).clone(), request).await,
        None if here.is_empty() => {
            Problem::new(StatusCode::NOT_FOUND, "unknown", "No such thing", format!("nothing is at {path}"))
                .into_response()
        }
        None => Problem::no_such_method(&method, path).into_response(),
    }
}

fn takes(alias: &Alias, method: &Method) -> bool {
    alias.methods.iter().any(|one| one == method.as_str())
}

async fn act(state: AppState, alias: Alias, request: Request) -> Response {
    let peer = route::peer(request.extensions());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (result, token) = match admitted(&state, &alias, request).await {
        Ok((grant, parameters)) => {
            let name = grant.token.name.clone();
            (done(&state, grant, &alias, &parameters).await, Some(name))
        }
        Err(problem) => (Err(problem), None),
    };
    if let Err(problem) = &result
        && !problem.is_audited()
    {
        let (status, why) = problem.told();
        audit::turned_away(token.as_deref().unwrap_or_default(), peer, &method, &path, status, why);
    }
    let mut response = reply::answer(&alias.reply, result);
    if let Some(token) = token {
        response.extensions_mut().insert(log::TokenName(token));
    }
    response
}

/// Who calls, and with which parameters. The token comes in a header, as `access_token`, or as the alias's own secret.
async fn admitted(state: &AppState, alias: &Alias, request: Request) -> Result<(Grant, Parameters), Problem> {
    let peer = route::peer(request.extensions());
    let (headers, query) = (request.headers().clone(), request.uri().query().map(str::to_owned));
    let parameters = Parameters::from_request(request, state).await?;
    let secret = alias.secret.as_ref().map(|name| parameters.one(name)).transpose()?.flatten();
    let grant = match secret {
        Some((text, in_address)) => {
            let way = if in_address { Way::Address } else { Way::Header };
            route::recognised(state, peer, (text, way)).await?
        }
        None => match access::shown(&headers, query.as_deref()) {
            Ok((text, way)) => route::recognised(state, peer, (&text, way)).await?,
            Err(problem) => return Err(state.ask_of_address(peer).err().unwrap_or(problem)),
        },
    };
    state.ask_of_token(&grant.token)?;
    Ok((grant, parameters))
}

async fn done(
    state: &AppState,
    grant: Grant,
    alias: &Alias,
    parameters: &Parameters,
) -> Result<Taken, Problem> {
    if grant.only_dials() && alias.action != AliasAction::Dial {
        return Err(Problem::forbidden("this token may stand in an address, and so may only dial"));
    }
    let agent = agent(state, &grant, alias, parameters)?;
    let verb = match alias.action {
        AliasAction::Dial => {
            let mut data = AttachedData::new();
            let to = control::destination(state, to(alias, parameters)?, &mut data)?;
            return control::click(state.clone(), grant, agent, to, data).await;
        }
        AliasAction::Transfer => {
            let to = control::destination(state, to(alias, parameters)?, &mut AttachedData::new())?;
            Verb::Transfer { to }
        }
        AliasAction::Hangup => Verb::Hangup,
        AliasAction::Hold => Verb::Hold,
        AliasAction::Retrieve => Verb::Retrieve,
    };
    let call = call(state, alias, parameters, &agent).await?;
    control::order(state, &grant, Ask::Control { call, agent, verb }).await
}

fn to<'a>(alias: &Alias, parameters: &'a Parameters) -> Result<&'a str, Problem> {
    let name = alias.to.as_deref().unwrap_or_default();
    parameters.one(name)?.map(|(text, _)| text).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> Problem {
    Problem::invalid(format!("the parameter {name:?} is missing"), "the alias of the configuration names it")
}

/// Whose leg: by id or by extension where the alias has a parameter for it.
fn agent(
    state: &AppState,
    grant: &Grant,
    alias: &Alias,
    parameters: &Parameters,
) -> Result<AgentId, Problem> {
    let named = alias.agent.as_ref().map(|name| parameters.one(name)).transpose()?.flatten();
    let named = named
        .map(|(text, _)| {
            state.access().agent(text).cloned().ok_or_else(|| {
                let shown: String = text.chars().take(64).collect();
                Problem::unknown("agent", &shown)
            })
        })
        .transpose()?;
    routes::whose(grant, named)
}

/// Which call: the one named, else the only one the agent has.
async fn call(
    state: &AppState,
    alias: &Alias,
    parameters: &Parameters,
    agent: &AgentId,
) -> Result<CallId, Problem> {
    let named = alias.call.as_ref().map(|name| parameters.one(name)).transpose()?.flatten();
    if let Some((text, _)) = named {
        let shown: String = text.chars().take(64).collect();
        return text.parse().map_err(|_| Problem::unknown("call", &shown));
    }
    #[derive(serde::Deserialize)]
    struct Calls {
        calls: Vec<CallId>,
    }
    let json = state.backend().agent(agent.clone()).await?;
    let json = json.ok_or_else(|| Problem::unknown("agent", agent.as_str()))?;
    let calls: Calls = serde_json::from_slice(&json).map_err(|_| Problem::fault())?;
    match calls.calls[..] {
        [call] => Ok(call),
        ref calls => Err(Problem::new(
            StatusCode::CONFLICT,
            "not-now",
            "Not possible now",
            format!("{agent} has {} calls, so none is the one that is meant", calls.len()),
        )
        .with("allowed", Vec::<String>::new())),
    }
}
