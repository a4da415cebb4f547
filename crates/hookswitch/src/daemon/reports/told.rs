//! What of the journal's events counts in a report: read from their public JSON, no more of each than is needed.

use hookswitch_journal::Entry;
use hookswitch_model::{
    AgentId, CallId, QueueId, Timestamp,
    agent::AgentState,
    ledger::{Disposition, EndedBy, Ledger, Owner, Segment},
    offer::OfferOutcome,
};
use hookswitch_report::Ended;
use hookswitch_wire::Time;
use serde::Deserialize;

/// One thing told.
#[derive(Debug)]
pub(super) enum Told {
    /// A call came into a queue.
    Queued { call: CallId, queue: QueueId },
    /// Somebody began to talk in a call, which is not over.
    Talked { call: CallId },
    /// An offer is over.
    Offered { agent: AgentId, outcome: OfferOutcome },
    /// An agent changed state.
    Changed { agent: AgentId, from: AgentState, to: AgentState },
    /// A call is over.
    Ended(Box<Ended>),
}

/// What an event tells, and when it happened; none: nothing that counts.
pub(super) fn read(entry: &Entry) -> serde_json::Result<Option<(Told, Timestamp)>> {
    let Some(meta) = &entry.record.meta else { return Ok(None) };
    let json = &entry.record.payload[..];
    let at = |event: &Event| event.time.0;
    Ok(match (meta.type_name.as_ref(), meta.call) {
        ("call.queued", Some(call)) => {
            let event: Event<InQueue> = serde_json::from_slice(json)?;
            Some((Told::Queued { call, queue: event.data.queue }, event.time.0))
        }
        ("call.answered" | "call.party_joined" | "call.transferred" | "call.conferenced", Some(call)) => {
            Some((Told::Talked { call }, at(&serde_json::from_slice(json)?)))
        }
        ("call.offer_ended", _) => {
            let event: Event<OfferEnded> = serde_json::from_slice(json)?;
            let Offer { agent, outcome } = event.data.offer;
            Some((Told::Offered { agent, outcome }, event.time.0))
        }
        ("agent.state", _) => {
            let event: Event<Changed> = serde_json::from_slice(json)?;
            let Changed { agent, from, to } = event.data;
            Some((Told::Changed { agent: agent.id, from, to }, event.time.0))
        }
        ("call.ended", Some(call)) => {
            let event: Event<CallEnded> = serde_json::from_slice(json)?;
            let (time, recovered) = (event.time.0, event.recovered);
            let CallEnded { call: Times { started_at, answered_at }, ledger } = event.data;
            let ended = Ended {
                call,
                started_at: started_at.0,
                answered_at: answered_at.map(|at| at.0),
                recovered,
                ledger: ledger.into(),
            };
            Some((Told::Ended(Box::new(ended)), time))
        }
        _ => None,
    })
}

#[derive(Deserialize)]
struct Event<T = serde::de::IgnoredAny> {
    time: Time,
    #[serde(default)]
    recovered: bool,
    data: T,
}

#[derive(Deserialize)]
struct InQueue {
    queue: QueueId,
}

#[derive(Deserialize)]
struct OfferEnded {
    offer: Offer,
}

#[derive(Deserialize)]
struct Offer {
    agent: AgentId,
    outcome: OfferOutcome,
}

#[derive(Deserialize)]
struct Changed {
    agent: Named,
    from: AgentState,
    to: AgentState,
}

#[derive(Deserialize)]
struct Named {
    id: AgentId,
}

#[derive(Deserialize)]
struct CallEnded {
    call: Times,
    ledger: Books,
}

#[derive(Deserialize)]
struct Times {
    started_at: Time,
    answered_at: Option<Time>,
}

/// The ledger as events carry it, without what no figure needs.
#[derive(Deserialize)]
struct Books {
    disposition: Disposition,
    ended_by: EndedBy,
    segments: Vec<Part>,
    handled_by: Vec<AgentId>,
    resolved_by: Option<AgentId>,
    wait_ms: u64,
    talk_ms: u64,
    hold_ms: u64,
}

#[derive(Deserialize)]
struct Part {
    agent: Option<AgentId>,
    queue: Option<QueueId>,
    external: Option<String>,
    system: Option<String>,
    from: Time,
    to: Time,
    how: String,
}

impl From<Books> for Ledger {
    fn from(books: Books) -> Self {
        Self {
            disposition: books.disposition,
            ended_by: books.ended_by,
            cause: None,
            segments: books.segments.into_iter().map(Segment::from).collect(),
            handled_by: books.handled_by,
            resolved_by: books.resolved_by,
            wait_ms: books.wait_ms,
            talk_ms: books.talk_ms,
            hold_ms: books.hold_ms,
            merged_into: None,
            consult_of: None,
            callback_of: None,
            wrap_up: None,
        }
    }
}

impl From<Part> for Segment {
    fn from(part: Part) -> Self {
        let owner = match part {
            Part { agent: Some(agent), .. } => Owner::Agent(agent),
            Part { queue: Some(queue), .. } => Owner::Queue(queue),
            Part { external: Some(party), .. } => Owner::External(party),
            Part { system, .. } => Owner::System(system.unwrap_or_default()),
        };
        Self { owner, from: part.from.0, to: part.to.0, how: part.how }
    }
}
