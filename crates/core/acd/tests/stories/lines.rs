//! Events, actions and ledgers as short lines.

use hookswitch_model::{
    call::Call,
    event::EventKind,
    ledger::{Ledger, Owner},
    offer::Offer,
    pbx::{Action, Target},
};

fn word<T: serde::Serialize>(value: T) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap_or("-").to_owned()
}

fn name<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn offer(offer: &Offer) -> String {
    format!("{} #{} of {}", offer.agent, offer.attempt, name(offer.queue.as_ref()))
}

fn leg(call: &Call, id: hookswitch_model::LegId) -> String {
    let leg = call.legs.iter().find(|leg| leg.id == id).unwrap();
    leg.agent.as_ref().map_or_else(|| leg.address.to_string(), ToString::to_string)
}

/// One event; figures, links and configurations give none.
pub(crate) fn event(kind: &EventKind) -> Option<String> {
    let what = match kind {
        EventKind::CallStarted { call } => format!("started {}", word(call.direction)),
        EventKind::CallIdentified { call } => format!("identified {}", word(call.customer.kind)),
        EventKind::CallData { changed, by, .. } => {
            let pairs: Vec<String> = changed.iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("data {} by {by}", pairs.join(" "))
        }
        EventKind::CallQueued { queued, .. } => format!("queued {} at {}", queued.queue, queued.position),
        EventKind::CallOffered { offer: told, .. } => format!("offered {}", offer(told)),
        EventKind::CallOfferEnded { offer: told, .. } => {
            format!("offer_ended {} {}", told.agent, word(told.outcome.unwrap()))
        }
        EventKind::CallAnswered { call, agent, leg: id } => {
            format!(
                "answered {}",
                agent.as_ref().map_or_else(|| leg(call, *id), |agent| agent.id.to_string())
            )
        }
        EventKind::CallHeld { by, .. } => format!("held by {by}"),
        EventKind::CallRetrieved { by, .. } => format!("retrieved by {by}"),
        EventKind::CallPartyJoined { call, leg: id, role } => {
            format!("party_joined {} {}", word(role), leg(call, *id))
        }
        EventKind::CallPartyLeft { call, leg: id, role } => {
            format!("party_left {} {}", word(role), leg(call, *id))
        }
        EventKind::CallTransferred { kind, from_agent, to_agent, to, .. } => format!(
            "transferred {} {}>{} to {}",
            word(kind),
            name(from_agent.as_ref()),
            name(to_agent.as_ref()),
            name(to.as_ref())
        ),
        EventKind::CallConferenced { call, legs } => {
            format!("conferenced {}", legs.iter().map(|id| leg(call, *id)).collect::<Vec<_>>().join(" "))
        }
        EventKind::CallEnded { ledger, .. } => {
            format!("ended {} by {}", word(ledger.disposition), word(ledger.ended_by))
        }
        EventKind::CallControlFailed { agent, verb, reason, .. } => {
            format!("failed {verb} of {agent}: {reason}")
        }
        EventKind::ScreenPop { pop, .. } => format!("pop {}", pop.agent),
        EventKind::ScreenPopped { pop, ring_to_pop_ms, .. } => {
            format!("popped {} after {ring_to_pop_ms}", pop.agent)
        }
        EventKind::AgentState { agent, from, to } => {
            let reason = agent.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
            let next =
                agent.next.as_ref().map_or_else(String::new, |next| format!(" next {}", next.state.as_str()));
            format!("agent {} {}>{}{reason}{next}", agent.id, from.as_str(), to.as_str())
        }
        EventKind::CallbackCreated { callback, .. } => format!("callback created {}", callback.queue),
        EventKind::CallbackDialled { .. } => "callback dialled".to_owned(),
        EventKind::CallbackRetry { callback, .. } => {
            let last = callback.last.map_or_else(String::new, word);
            format!("callback retry after {last}, {} dialled", callback.attempts)
        }
        EventKind::CallbackEnded { outcome, .. } => format!("callback ended {}", word(outcome)),
        EventKind::InvariantViolated { rule, evidence, .. } => format!("violated {rule}: {evidence}"),
        EventKind::QueueAlert { queue, alert, raised } => {
            let state = if *raised { "raised" } else { "cleared" };
            format!("alert {} {} {state}", queue.id, alert.figure.as_str())
        }
        EventKind::QueueStats { .. } | EventKind::PbxLink { .. } | EventKind::ConfigApplied { .. } => {
            return None;
        }
    };
    Some(what)
}

/// One action.
pub(crate) fn action(action: &Action) -> String {
    match action {
        Action::Ring { devices, timeout, .. } => {
            let devices: Vec<String> = devices.iter().map(ToString::to_string).collect();
            format!("ring {} for {} s", devices.join("&"), timeout.as_secs_ceil())
        }
        Action::Withdraw { legs, all, .. } => {
            let legs: Vec<&str> = legs.iter().map(|leg| leg.as_str()).collect();
            format!("withdraw [{}]{}", legs.join(" "), if *all { " all" } else { "" })
        }
        Action::NoteQueue { queue, .. } => format!("note {queue}"),
        Action::SendTo { number, .. } => format!("send to {number}"),
        Action::Hangup { leg, cause } => format!("hang up {leg} {cause}"),
        Action::FallBack { .. } => "fall back".to_owned(),
        Action::Farewell { prompt, .. } => format!("farewell {}", prompt.as_deref().unwrap_or("-")),
        Action::Announce { position, wait, .. } => {
            let position = position.map_or("-".to_owned(), |position| position.to_string());
            format!(
                "announce {position} {}",
                wait.map_or("-".to_owned(), |wait| format!("{} s", wait.as_secs_ceil()))
            )
        }
        Action::Menu { menu, .. } => format!("menu {menu}"),
        Action::Probe { leg, .. } => format!("probe {leg}"),
        Action::Dial { devices, to, .. } => format!("dial {} then {}", all(devices), target(to)),
        Action::Hold { leg, others, .. } => format!("hold {} by {leg}", all(others)),
        Action::Retrieve { leg, others, .. } => format!("retrieve {} by {leg}", all(others)),
        Action::Transfer { leg, other, to, .. } => format!("transfer {other} by {leg} to {}", target(to)),
        Action::Consult { leg, other, to, .. } => format!("consult {} by {leg}, {other} held", target(to)),
        Action::ConsultComplete { leg, other, target, .. } => {
            format!("complete: {other} and {target} without {leg}")
        }
        Action::ConsultCancel { leg, other, target, .. } => {
            format!("cancel: {leg} and {other} without {}", name(target.as_ref()))
        }
        Action::ConsultConference { leg, other, target, .. } => format!("conference {leg} {other} {target}"),
        Action::Answer { device, .. } => format!("let {device} answer"),
        Action::Dtmf { leg, digits } => format!("tones {digits} to {leg}"),
        Action::Supervise { leg, devices, mode, .. } => {
            format!("{} {leg} from {}", word(mode), all(devices))
        }
        Action::Record { leg, on, .. } => format!("record {leg} {}", if *on { "on" } else { "off" }),
        Action::CheckNumber { number } => format!("check {number}"),
    }
}

fn all<T: ToString>(names: &[T]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join("&")
}

fn target(target: &Target) -> String {
    match target {
        Target::Devices(devices) => all(devices),
        Target::Number(number) => number.clone(),
        Target::WaitingRoom => "the waiting room".to_owned(),
    }
}

/// The owners of a ledger's segments, with their lengths in milliseconds.
pub(crate) fn segments(ledger: &Ledger) -> Vec<String> {
    ledger
        .segments
        .iter()
        .map(|segment| {
            let owner = match &segment.owner {
                Owner::Queue(queue) => format!("queue {queue}"),
                Owner::Agent(agent) => format!("agent {agent}"),
                Owner::External(who) => format!("external {who}"),
                Owner::System(what) => format!("system {what}"),
            };
            format!("{owner} {} {}", segment.how, segment.to.since(segment.from).0)
        })
        .collect()
}
