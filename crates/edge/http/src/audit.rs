//! The audit log: one line for each command, with who, what, result and why; target `audit`, at INFO when it was taken
//! and at WARN when it was refused. Values that are nobody's business are left out: tones (a card number may be among
//! them), notes, the values of attached data.

use std::net::IpAddr;

use axum::{
    extract::{Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};

use crate::{
    access::Grant,
    log::TokenName,
    model::{
        ActionId,
        command::{self, Refusal, Verb},
    },
    problem::Why,
    route,
    state::AppState,
};

/// What was asked of the engine, and its answer.
pub(crate) fn command(
    grant: &Grant,
    action: ActionId,
    request: &command::Request,
    result: Result<(), &Refusal>,
) {
    let call = request.call().map(|call| call.to_string()).unwrap_or_default();
    let agent = request.agent().map(|agent| agent.as_str()).unwrap_or_default();
    let (token, peer, what) = (&*grant.token.name, address(grant.peer), details(request));
    let (command, role) = (request.name(), crate::access::role_name(grant.token.role));
    match result {
        Ok(()) => {
            tracing::info!(target: "audit", %action, command, token, role, peer, call, agent, what, "taken");
        }
        Err(refusal) => {
            let why = refusal.to_string();
            tracing::warn!(target: "audit", %action, command, token, role, peer, call, agent, what, why, "refused");
        }
    }
    count(command, result.is_ok());
}

/// Something that would have changed the world, but was turned away before the engine was asked.
pub(crate) fn turned_away(
    token: &str,
    peer: Option<IpAddr>,
    method: &Method,
    path: &str,
    status: StatusCode,
    why: &str,
) {
    let (method, status, peer) = (method.as_str(), status.as_u16(), address(peer));
    tracing::warn!(target: "audit", token, peer, method, path, status, why, "turned away");
    count("turned_away", false);
}

/// Writes the line of what was turned away on a route that changes something.
pub(crate) async fn layer(State(_): State<AppState>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let peer = route::peer(request.extensions());
    let response = next.run(request).await;
    // What the engine refused has its line already.
    if let Some(why) = response.extensions().get::<Why>() {
        let token = response.extensions().get::<TokenName>().map_or("", |name| &name.0);
        turned_away(token, peer, &method, &path, response.status(), &why.0);
    }
    response
}

fn count(command: &'static str, taken: bool) {
    let result = if taken { "taken" } else { "refused" };
    metrics::counter!("hookswitch_commands_total", "command" => command, "result" => result).increment(1);
}

fn address(peer: Option<IpAddr>) -> String {
    peer.map(|peer| peer.to_canonical().to_string()).unwrap_or_default()
}

/// The rest of a command that is worth a line.
fn details(request: &command::Request) -> String {
    match request {
        command::Request::Dial { to, data, .. } => format!("to {}{}", to.text, keys(data.keys())),
        command::Request::Control { verb, .. } => match verb {
            Verb::Transfer { to } | Verb::Consult { to } => format!("to {}", to.text),
            Verb::Dtmf { digits } => format!("{} tones", digits.len()),
            Verb::Record { on } => if *on { "on" } else { "off" }.to_owned(),
            Verb::Answer
            | Verb::Hangup
            | Verb::Hold
            | Verb::Retrieve
            | Verb::ConsultComplete
            | Verb::ConsultCancel
            | Verb::ConsultConference => String::new(),
        },
        command::Request::SetAgentState { state, reason, .. } => match reason {
            Some(reason) => format!("{} ({reason})", state.as_str()),
            None => state.as_str().to_owned(),
        },
        command::Request::SetData { changed, .. } => keys(changed.keys()),
        command::Request::WrapUp { disposition, .. } => disposition.clone().unwrap_or_default(),
        command::Request::SetSkills { skills, .. } => {
            let level =
                |level: &Option<u8>| level.map_or_else(|| "none".to_owned(), |level| level.to_string());
            skills.iter().map(|(skill, to)| format!("{skill}={} ", level(to))).collect()
        }
        command::Request::Supervise { supervisor, mode, .. } => format!("{mode:?} by {supervisor}"),
        command::Request::ClaimPop { pop, client } => format!("{pop} by {client}"),
        command::Request::PopShown { pop, .. } => pop.to_string(),
        command::Request::CreateCallback { queue, number, at, data, .. } => {
            let at = at.map_or_else(String::new, |at| format!(" at {}", hookswitch_wire::Time(at)));
            format!("{} by {queue}{at}{}", number.text, keys(data.keys()))
        }
        command::Request::CancelCallback { callback } => callback.to_string(),
        command::Request::CallBack { .. } | command::Request::Shutdown => String::new(),
    }
}

fn keys<'a>(keys: impl Iterator<Item = &'a String>) -> String {
    keys.fold(String::new(), |text, key| text + " " + key)
}
