//! What follows from the legs of a call: its state, its owner, who talks, what may be asked.
//!
//! Nothing of this is set by hand anywhere: every change of a leg is followed by [`CallRecord::settle`].

use hookswitch_model::{
    Timestamp,
    call::{CallState, Direction, LegRole, LegState},
    ledger::Owner,
};

use super::CallRecord;
use crate::{agents::LeaseKind, control::legal, ledger::RETURNED};

/// The system's word for a call that nobody has taken yet.
pub(crate) const PBX: &str = "pbx";
/// The system's word for a parked call.
pub(crate) const PARK: &str = "park";

/// The word of a segment for how a call began.
pub(crate) const fn began(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
        Direction::Internal => "internal",
    }
}

impl CallRecord {
    /// Brings books, state and actions in line with the legs.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        let conversation = self.in_conversation();
        let held = self.is_held();
        self.keep_presences(now);
        self.books.conversation(now, conversation, held);
        let (owner, how) = self.owner_now(conversation);
        self.books.hand_over(now, owner, &how);
        self.call.state = self.state_now(conversation, held);
        for place in 0..self.parties.len() {
            self.call.legs[place].actions = legal::actions(self, place);
        }
    }

    /// Our side holds the customer: everybody who is with the customer does, or the call is parked.
    fn is_held(&self) -> bool {
        let parked = self.system.as_deref() == Some(PARK) && self.call.answered_at.is_some();
        let mut present = self.present().peekable();
        let by_partners = present.peek().is_some() && present.all(|(_, leg, _)| leg.state == LegState::Held);
        parked || by_partners || self.is_held_by_own_caller()
    }

    /// An internal call's originator plays the customer's part and is one of us all the same.
    fn is_held_by_own_caller(&self) -> bool {
        let Some(place) = self.customer else { return false };
        let leg = &self.call.legs[place];
        leg.agent.is_some() && leg.state == LegState::Held
    }

    fn keep_presences(&mut self, now: Timestamp) {
        let told =
            self.parties.iter().enumerate().filter(|(place, p)| p.told && Some(*place) != self.customer);
        let seen: Vec<_> = told
            .filter_map(|(place, party)| {
                let leg = &self.call.legs[place];
                let with = party.in_talk || leg.state == LegState::Held;
                let there = with && leg.state != LegState::Left && !party.transferred;
                Some((leg.agent.clone()?, there))
            })
            .collect();
        for (agent, _) in seen.iter().filter(|(_, there)| !there) {
            self.books.presence(now, agent, false);
        }
        for (agent, _) in seen.iter().filter(|(_, there)| *there) {
            self.books.presence(now, agent, true);
        }
    }

    fn owner_now(&self, conversation: bool) -> (Owner, String) {
        if conversation {
            let talking = self.partners().filter(|(_, _, party)| party.in_talk).map(|(place, _, _)| place);
            if let Some(owner) = self.one_of(talking) {
                return owner;
            }
        }
        if let Some(what) = &self.system {
            return (Owner::System(what.clone()), what.clone());
        }
        if let Some(visit) = &self.visit {
            return (Owner::Queue(visit.queue.clone()), visit.how.clone());
        }
        if self.takeover.as_ref().is_some_and(|takeover| takeover.talks) {
            return (self.books.owner().clone(), String::new());
        }
        if let Some(owner) = self.one_of(self.present().map(|(place, _, _)| place)) {
            return owner;
        }
        let how = match (&self.takeover, self.call.answered_at) {
            (Some(takeover), _) => takeover.how(),
            (None, Some(_)) => RETURNED,
            (None, None) => began(self.call.direction),
        };
        (Owner::System(PBX.to_owned()), how.to_owned())
    }

    /// The owner stays while it is among these legs; else it is the first of them.
    fn one_of(&self, places: impl Iterator<Item = usize>) -> Option<(Owner, String)> {
        let mut owners =
            places.map(|place| (self.owner_of(place), self.parties[place].how.clone())).peekable();
        let first = owners.peek().cloned();
        owners.find(|(owner, _)| owner == self.books.owner()).or(first)
    }

    fn state_now(&self, conversation: bool, held: bool) -> CallState {
        if self.call.ended_at.is_some() {
            CallState::Ended
        } else if held {
            CallState::Held
        } else if conversation || self.takeover.as_ref().is_some_and(|takeover| takeover.talks) {
            CallState::Connected
        } else if self.rings_an_agent() {
            CallState::Offered
        } else if self.visit.is_some() {
            CallState::Queued
        } else {
            CallState::Started
        }
    }

    fn rings_an_agent(&self) -> bool {
        self.call.legs.iter().zip(&self.parties).enumerate().any(|(place, (leg, party))| {
            let answering = place > 0 && leg.state == LegState::Connected && !party.told && party.rang;
            leg.agent.is_some()
                && !party.transferred
                && (party.rang && leg.state == LegState::Ringing || answering)
        })
    }

    /// The PBX shows it; of a call of our making that is not so at first.
    pub(crate) fn is_shown(&self) -> bool {
        self.control.dial.as_ref().is_none_or(|dial| dial.shown)
    }

    /// What an agent's leg is as evidence; none when it is none.
    pub(crate) fn lease(&self, place: usize) -> Option<LeaseKind> {
        let (leg, party) = (&self.call.legs[place], &self.parties[place]);
        match leg.state {
            LegState::Left => None,
            LegState::Held => Some(LeaseKind::Holding),
            LegState::Connected => Some(LeaseKind::Up),
            LegState::Ringing if leg.role == LegRole::Supervisor || !self.is_shown() => {
                Some(LeaseKind::Dialling)
            }
            LegState::Ringing if party.rang => Some(LeaseKind::Ringing),
            LegState::Ringing if self.parties.len() > 1 || self.visit.is_some() => Some(LeaseKind::Up),
            LegState::Ringing => Some(LeaseKind::Dialling),
        }
    }
}
