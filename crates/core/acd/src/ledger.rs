//! The books of one call: who owned it when, who talked, how long it was held.
//!
//! The books are written while the call lives and balanced when it ends. [`Books::close`] checks what must hold
//! whatever the PBX did; what does not is returned as a [`Violation`] with the evidence, never a panic.
//!
//! # Invariants
//!
//! - Segments follow each other without gap or overlap, from the start of the call to its end.
//! - Talking and holding exclude each other, and together they are not longer than the call.
//! - The books are closed once.

use hookswitch_model::{
    AgentId, Millis, Timestamp,
    ledger::{Owner, Segment},
};
use serde::{Deserialize, Serialize};

/// How a call came to the system that was with somebody before.
pub(crate) const RETURNED: &str = "returned";
/// How long the PBX may take to end a call when its last conversation is over.
const TEARDOWN: Millis = Millis::from_secs(1);
/// How long it may take to bring a call that has just begun to a queue or a menu; nothing can be said or keyed meanwhile.
const ARRIVAL: Millis = Millis(250);

/// Something in the books that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The invariant: `segments_add_up`, `ended_once`, …
    pub(crate) rule: &'static str,
    /// What was found.
    pub(crate) evidence: String,
}

/// An agent's presence with the customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Presence {
    agent: AgentId,
    joined_at: Timestamp,
    /// The latest end of talk; none while they talk.
    left_at: Option<Timestamp>,
}

/// Time that adds up while something is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Meter {
    micros: u64,
    since: Option<Timestamp>,
}

impl Meter {
    fn switch(&mut self, now: Timestamp, on: bool) {
        match (self.since, on) {
            (None, true) => self.since = Some(now),
            (Some(since), false) => {
                self.micros += now.as_micros().saturating_sub(since.as_micros());
                self.since = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }
}

/// The books of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Books {
    started_at: Timestamp,
    segments: Vec<Segment>,
    owner: Owner,
    how: String,
    since: Timestamp,
    presences: Vec<Presence>,
    talk: Meter,
    hold: Meter,
    closed_at: Option<Timestamp>,
}

impl Books {
    /// Books of a call that starts now under this owner.
    pub(crate) fn open(now: Timestamp, owner: Owner, how: &str) -> Self {
        Self {
            started_at: now,
            segments: Vec::new(),
            owner,
            how: how.to_owned(),
            since: now,
            presences: Vec::new(),
            talk: Meter::default(),
            hold: Meter::default(),
            closed_at: None,
        }
    }

    /// Who owns the call now.
    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Hands the call to another owner; the same owner keeps its segment. A span of the system without length is not
    /// booked; that of anybody else is, because everybody who had the call belongs into its books.
    pub(crate) fn hand_over(&mut self, now: Timestamp, owner: Owner, how: &str) {
        if self.owner == owner {
            return;
        }
        if self.absorbs_arrival(now, &owner) {
            (self.owner, self.how) = (owner, how.to_owned());
            return;
        }
        self.book(now);
        let resumed = self.segments.pop_if(|last| last.owner == owner);
        self.since = resumed.as_ref().map_or(now, |last| last.from);
        self.how = resumed.map_or_else(|| how.to_owned(), |last| last.how);
        self.owner = owner;
    }

    /// Before a caller waits the PBX needs a moment to bring the call there. That is no segment of its own.
    fn absorbs_arrival(&self, now: Timestamp, owner: &Owner) -> bool {
        let at_the_system = |owner: &Owner| matches!(owner, Owner::System(_));
        self.segments.is_empty()
            && at_the_system(&self.owner)
            && (at_the_system(owner) || matches!(owner, Owner::Queue(_)))
            && now.since(self.started_at) < ARRIVAL
    }

    fn book(&mut self, now: Timestamp) {
        if now > self.since || !matches!(self.owner, Owner::System(_)) {
            self.segments.push(Segment {
                owner: self.owner.clone(),
                from: self.since,
                to: now,
                how: self.how.clone(),
            });
        }
    }

    /// The customer is in conversation, or not; and our side holds, or not. A held customer does not talk.
    pub(crate) fn conversation(&mut self, now: Timestamp, talking: bool, held: bool) {
        self.talk.switch(now, talking && !held);
        self.hold.switch(now, held);
    }

    /// An agent is with the customer, or not any more.
    pub(crate) fn presence(&mut self, now: Timestamp, agent: &AgentId, there: bool) {
        let known = self.presences.iter_mut().find(|p| p.agent == *agent);
        match (known, there) {
            (Some(presence), true) => presence.left_at = None,
            (Some(presence), false) => {
                presence.left_at.get_or_insert(now);
            }
            (None, true) => {
                self.presences.push(Presence { agent: agent.clone(), joined_at: now, left_at: None });
            }
            (None, false) => {}
        }
    }

    /// Agents who talked to the customer, in the order of joining.
    pub(crate) fn handled_by(&self) -> Vec<AgentId> {
        self.presences.iter().map(|p| p.agent.clone()).collect()
    }

    /// The agent who was with the customer last: latest end of talk, a tie goes to who joined later.
    pub(crate) fn resolved_by(&self) -> Option<AgentId> {
        let last = self.presences.iter().enumerate().max_by_key(|(place, presence)| {
            (presence.left_at.is_none(), presence.left_at, presence.joined_at, *place)
        });
        last.map(|(_, presence)| presence.agent.clone())
    }

    /// Balances the books: from now on they do not change.
    pub(crate) fn close(&mut self, now: Timestamp) -> Vec<Violation> {
        if let Some(at) = self.closed_at {
            return vec![Violation {
                rule: "ended_once",
                evidence: format!("ended at {at:?}, and again at {now:?}"),
            }];
        }
        self.conversation(now, false, false);
        self.absorb_teardown(now);
        self.book(now);
        for presence in &mut self.presences {
            presence.left_at.get_or_insert(now);
        }
        self.since = now;
        self.closed_at = Some(now);
        self.check(now)
    }

    /// After a conversation the PBX needs a moment to tear the call down. That is no segment of its own.
    fn absorb_teardown(&mut self, now: Timestamp) {
        if self.how == RETURNED
            && now.since(self.since) < TEARDOWN
            && let Some(last) = self.segments.pop()
        {
            self.owner = last.owner;
            self.how = last.how;
            self.since = last.from;
        }
    }

    fn check(&self, ended_at: Timestamp) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut at = self.started_at;
        for segment in &self.segments {
            if segment.from != at {
                let rule = if segment.from < at { "segments_do_not_overlap" } else { "segments_add_up" };
                found.push(Violation { rule, evidence: format!("{:?}", self.segments) });
            }
            at = segment.to;
        }
        if at != ended_at {
            let evidence = format!("segments end at {at:?}, the call at {ended_at:?}: {:?}", self.segments);
            found.push(Violation { rule: "segments_add_up", evidence });
        }
        let length = ended_at.as_micros().saturating_sub(self.started_at.as_micros());
        if self.talk.micros + self.hold.micros > length {
            let evidence =
                format!("talk {} µs + hold {} µs > {length} µs", self.talk.micros, self.hold.micros);
            found.push(Violation { rule: "talk_and_hold_fit", evidence });
        }
        found
    }

    /// The closed segments.
    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Milliseconds the customer talked, our holds left out; of closed books.
    pub(crate) const fn talk_ms(&self) -> u64 {
        self.talk.micros / 1_000
    }

    /// Milliseconds our side held the customer; of closed books.
    pub(crate) const fn hold_ms(&self) -> u64 {
        self.hold.micros / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn agent(name: &str) -> AgentId {
        AgentId::new(name).unwrap()
    }

    fn system() -> Owner {
        Owner::System("pbx".into())
    }

    #[test]
    fn the_moment_before_the_queue_is_no_segment_and_a_longer_time_is_one() {
        for (arrives, expected) in [(249, 1), (250, 2)] {
            let mut books = Books::open(at(0), system(), "inbound");
            books.hand_over(at(arrives), Owner::Queue("q".parse().unwrap()), "queued");
            assert_eq!(books.close(at(1_000)), []);
            let last = books.segments().last().unwrap();
            assert_eq!((books.segments().len(), &*last.how), (expected, "queued"));
            assert_eq!(books.segments()[0].from, at(0));
        }
    }

    #[test]
    fn who_is_put_through_at_once_was_with_the_system_all_the_same() {
        let mut books = Books::open(at(0), system(), "inbound");
        books.hand_over(at(5), Owner::Agent(agent("a")), "answered");
        assert_eq!(books.close(at(10)), []);
        assert_eq!(books.segments().len(), 2);
    }

    #[test]
    fn segments_add_up_and_the_system_is_left_out_where_it_took_no_time() {
        let mut books = Books::open(at(0), system(), "inbound");
        books.hand_over(at(0), Owner::Queue("q".parse().unwrap()), "queued");
        books.hand_over(at(10), system(), "x");
        books.hand_over(at(10), Owner::Agent(agent("a")), "answered");
        books.hand_over(at(10), Owner::Agent(agent("b")), "blind");
        assert_eq!(books.close(at(30)), []);
        let owners: Vec<_> = books.segments().iter().map(|s| (&s.owner, s.from, s.to)).collect();
        assert_eq!(
            owners,
            [
                (&Owner::Queue("q".parse().unwrap()), at(0), at(10)),
                (&Owner::Agent(agent("a")), at(10), at(10)),
                (&Owner::Agent(agent("b")), at(10), at(30))
            ]
        );
    }

    #[test]
    fn an_owner_who_comes_back_at_once_keeps_one_segment() {
        let mut books = Books::open(at(0), Owner::Agent(agent("a")), "answered");
        books.hand_over(at(5), system(), "returned");
        books.hand_over(at(5), Owner::Agent(agent("a")), "answered");
        assert_eq!(books.close(at(9)), []);
        assert_eq!(books.segments().len(), 1);
        assert_eq!((books.segments()[0].from, books.segments()[0].to), (at(0), at(9)));
    }

    #[test]
    fn closing_twice_is_a_violation() {
        let mut books = Books::open(at(0), system(), "inbound");
        assert_eq!(books.close(at(1)), []);
        assert_eq!(books.close(at(2))[0].rule, "ended_once");
    }

    #[test]
    fn resolved_by_is_the_latest_end_and_a_tie_goes_to_who_joined_later() {
        let mut books = Books::open(at(0), system(), "inbound");
        books.presence(at(1), &agent("a"), true);
        books.presence(at(2), &agent("b"), true);
        books.presence(at(5), &agent("b"), false);
        assert_eq!(books.resolved_by(), Some(agent("a")), "a still talks");
        books.presence(at(5), &agent("a"), false);
        assert_eq!(books.resolved_by(), Some(agent("b")), "a tie");
        assert_eq!(books.handled_by(), [agent("a"), agent("b")]);
    }

    #[test]
    fn our_hold_is_not_talk() {
        let mut books = Books::open(at(0), system(), "inbound");
        books.conversation(at(10), true, false);
        books.conversation(at(30), true, true);
        books.conversation(at(70), true, false);
        assert_eq!(books.close(at(80)), []);
        assert_eq!((books.talk_ms(), books.hold_ms()), (30, 40));
    }
}
