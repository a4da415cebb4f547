//! The ledger of a call: what `call.ended` books.

use serde::{Deserialize, Serialize};

use crate::{AgentId, CallId, Millis, QueueId, Timestamp};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// Customer and somebody talked.
    Answered,
    /// The caller left while in a queue.
    Abandoned,
    /// Rang outside a queue, nobody answered.
    Missed,
    /// The called party was busy (486).
    Busy,
    /// The called party refused (603).
    Rejected,
    /// It could not be put through.
    Failed,
    /// A consultation that became part of another call.
    Merged,
    /// The PBX never said how it ended.
    Lost,
    /// The caller hung up and is called back: the place in line is kept.
    Callback,
}

/// Who ended a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The customer's side hung up.
    Customer,
    /// An agent, or the far end that was reached, hung up.
    Agent,
    /// PBX or Hookswitch.
    System,
}

/// Why a leg or call ended, ITU-T Q.850.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The cause value, 1 to 127; 0 when the PBX gave none.
    pub q850: u16,
    /// The PBX's text, or the standard's.
    pub text: String,
}

/// Who owned the call in a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// It waited in a queue.
    Queue(QueueId),
    /// An agent talked (or held).
    Agent(AgentId),
    /// An outside party, by number or address.
    External(String),
    /// The PBX itself: IVR, ringing outside a queue, voicemail, parking.
    System(String),
}

/// A span of a call under one owner. Segments do not overlap and add up to the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Who owned it.
    pub owner: Owner,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// How it came there: `inbound`, `queued`, `answered`, `blind`, `attended`, `conference`, `voicemail`, …
    pub how: String,
}

/// What became of a call's wait in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum VisitEnd {
    /// Somebody talked to the customer next.
    Answered,
    /// The customer gave up in it.
    Abandoned,
    /// It went elsewhere: overflow, transfer, fallback, or it became part of another call.
    Left,
    /// The PBX never said.
    Lost,
}

/// A call's wait in one queue, from coming in to going out. A call may come to several queues, and to one twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit<'a> {
    /// The queue.
    pub queue: &'a QueueId,
    /// Since when it waited there.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// What became of it.
    pub end: VisitEnd,
    /// How long agents had the call after it, until it came to the next queue or was over; their holds count.
    pub handled: Millis,
}

/// Notes an agent left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrapUp {
    /// The agent's disposition code.
    pub disposition: Option<String>,
    /// Free text.
    pub notes: Option<String>,
}

/// What a finished call carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// How it ended.
    pub disposition: Disposition,
    /// Who ended it.
    pub ended_by: EndedBy,
    /// Why, as the PBX says.
    pub cause: Option<Cause>,
    /// Who owned it when; adds up to the call.
    pub segments: Vec<Segment>,
    /// Agents who talked to the customer, in order of joining.
    pub handled_by: Vec<AgentId>,
    /// The agent who was with the customer last.
    pub resolved_by: Option<AgentId>,
    /// From the first queueing (outside a queue: from the start) to the answer or the end.
    pub wait_ms: u64,
    /// Time the customer talked, our holds left out.
    pub talk_ms: u64,
    /// Time our side held the customer.
    pub hold_ms: u64,
    /// The call this one became part of.
    pub merged_into: Option<CallId>,
    /// The call this one is a consultation of.
    pub consult_of: Option<CallId>,
    /// The caller's own call, which this one calls back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_of: Option<CallId>,
    /// Disposition and notes, when known.
    pub wrap_up: Option<WrapUp>,
}

impl Ledger {
    /// The waits in queues, in order: read from the segments.
    pub fn visits(&self) -> impl Iterator<Item = Visit<'_>> {
        self.segments.iter().enumerate().filter_map(|(place, segment)| {
            let Owner::Queue(queue) = &segment.owner else { return None };
            let after = &self.segments[place + 1..];
            let mine = after.iter().take_while(|next| !matches!(next.owner, Owner::Queue(_)));
            let by_agents = mine.filter(|next| matches!(next.owner, Owner::Agent(_)));
            let handled = by_agents.fold(Millis(0), |sum, next| sum + next.to.since(next.from));
            let end = match (after.first().map(|next| &next.owner), self.disposition) {
                (Some(Owner::Agent(_) | Owner::External(_)), _) => VisitEnd::Answered,
                (Some(Owner::Queue(_) | Owner::System(_)), _) => VisitEnd::Left,
                (None, Disposition::Abandoned) => VisitEnd::Abandoned,
                (None, Disposition::Lost) => VisitEnd::Lost,
                (
                    None,
                    Disposition::Answered
                    | Disposition::Missed
                    | Disposition::Busy
                    | Disposition::Rejected
                    | Disposition::Failed
                    | Disposition::Merged
                    | Disposition::Callback,
                ) => VisitEnd::Left,
            };
            Some(Visit { queue, from: segment.from, to: segment.to, end, handled })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(owner: Owner, from: u64, to: u64) -> Segment {
        let at = |secs: u64| Timestamp::from_millis(secs * 1_000);
        Segment { owner, from: at(from), to: at(to), how: "queued".to_owned() }
    }

    fn ledger(disposition: Disposition, segments: Vec<Segment>) -> Ledger {
        Ledger {
            disposition,
            ended_by: EndedBy::Customer,
            cause: None,
            segments,
            handled_by: Vec::new(),
            resolved_by: None,
            wait_ms: 0,
            talk_ms: 0,
            hold_ms: 0,
            merged_into: None,
            consult_of: None,
            callback_of: None,
            wrap_up: None,
        }
    }

    #[test]
    fn a_visit_is_what_the_next_owner_makes_of_it() {
        let queue = |id: &str| Owner::Queue(id.parse().unwrap());
        let agent = |id: &str| Owner::Agent(id.parse().unwrap());
        let book = ledger(
            Disposition::Abandoned,
            vec![
                segment(Owner::System("pbx".into()), 0, 1),
                segment(queue("first"), 1, 11),
                segment(queue("second"), 11, 20),
                segment(agent("alice"), 20, 50),
                segment(Owner::External("+49".into()), 50, 55),
                segment(agent("bob"), 55, 60),
                segment(queue("third"), 60, 90),
            ],
        );
        let seen: Vec<_> =
            book.visits().map(|v| (v.queue.as_str(), v.to.since(v.from).0, v.end, v.handled.0)).collect();
        assert_eq!(
            seen,
            [
                ("first", 10_000, VisitEnd::Left, 0),
                ("second", 9_000, VisitEnd::Answered, 35_000),
                ("third", 30_000, VisitEnd::Abandoned, 0)
            ]
        );
        let lost = ledger(Disposition::Lost, vec![segment(queue("q"), 0, 5)]);
        assert_eq!(lost.visits().next().map(|visit| visit.end), Some(VisitEnd::Lost));
    }
}
