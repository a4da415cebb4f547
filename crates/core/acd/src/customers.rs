//! Who is calling: asked at the first sight of a call, told when it is known, waited for by nobody but a rule that
//! reads it.

use hookswitch_model::{
    CallId, Millis, Timestamp,
    call::{Call, Customer, Direction, MatchKind, PartyNumber},
    event::EventKind,
    input::{LookUp, Output},
    why::WaitedForCustomer,
};
use serde::{Deserialize, Serialize};

use crate::{calls::Place, engine::Engine, timers::Timer};

/// A caller in our waiting room who is to be routed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unrouted {
    /// What was dialled to come here.
    pub(crate) dnis: PartyNumber,
    /// Since when.
    pub(crate) since: Timestamp,
    /// How the caller came: `queued`, `blind`.
    pub(crate) how: String,
}

/// The customer's number: of the caller, or of the far end; none where nobody outside is there.
fn number_of(direction: Direction, ani: &PartyNumber, dnis: &PartyNumber) -> Option<PartyNumber> {
    let number = match direction {
        Direction::Inbound => ani,
        Direction::Outbound => dnis,
        Direction::Internal => return None,
    };
    (!number.withheld && !number.raw.is_empty()).then(|| number.clone())
}

impl Engine {
    /// What is known of the customer of a call that begins.
    pub(crate) fn customer_at_first(
        &self,
        direction: Direction,
        ani: &PartyNumber,
        dnis: &PartyNumber,
    ) -> Customer {
        let asked = self.setup.lookup.is_some() && number_of(direction, ani, dnis).is_some();
        if asked { Customer::pending() } else { Customer::none() }
    }

    /// Asks who the customer of a call is that has just begun.
    pub(crate) fn ask_who(&mut self, id: CallId) {
        let Some(call) = self.calls.get(id).map(|record| &record.call) else { return };
        let Call { direction, ani, dnis, customer, .. } = call;
        if customer.kind == MatchKind::Pending
            && let Some(number) = number_of(*direction, ani, dnis)
        {
            self.put_out(Output::LookUp(LookUp { call: id, number }));
        }
    }

    /// Somebody said who the customer is. Only the first answer counts; it may come after the end of the call.
    pub(crate) fn identified(&mut self, id: CallId, customer: Customer) {
        let asked = self.calls.known_mut(id).filter(|r| r.call.customer.kind == MatchKind::Pending);
        let Some(record) = asked.filter(|_| customer.kind != MatchKind::Pending) else {
            self.counters.stale += 1;
            return;
        };
        record.call.customer = customer;
        let call = Box::new(record.call.clone());
        self.emit_call(EventKind::CallIdentified { call });
        self.complete_pops(id);
        self.route_at_last(id);
    }

    /// Routes a caller in our waiting room; or lets the caller wait, where the rules cannot tell without the customer,
    /// who may still become known in time.
    pub(crate) fn route_when_known(&mut self, id: CallId, unrouted: Unrouted) {
        let now = self.now();
        let Some(record) = self.calls.get(id) else { return };
        let until = unrouted.since + self.setup.lookup.map_or(Millis(0), |lookup| lookup.route_wait);
        let asked = Call { dnis: unrouted.dnis.clone(), ..record.call.clone() };
        let is_pending = asked.customer.kind == MatchKind::Pending;
        if is_pending && now < until && self.router.needs_customer(now, &asked) {
            self.timers.set(Timer::Route(id), until);
            if let Some(record) = self.calls.get_mut(id) {
                record.unrouted = Some(unrouted);
            }
            return;
        }
        let waited = self.calls.get_mut(id).is_some_and(|record| record.unrouted.take().is_some());
        self.timers.cancel(&Timer::Route(id));
        let mut routed = self.router.route(now, &asked);
        if waited {
            let waited = now.since(unrouted.since);
            routed.waited = Some(WaitedForCustomer { waited, answered: !is_pending });
        }
        let target = routed.target.clone();
        self.apply_rule(id, routed);
        self.send(id, target, unrouted.since, &unrouted.how);
    }

    /// What a caller waited for has come, or has not come in time, or is not waited for any more.
    pub(crate) fn route_at_last(&mut self, id: CallId) {
        let Some(record) = self.calls.get_mut(id) else { return };
        let Some(unrouted) = record.unrouted.clone() else { return };
        if matches!(record.place, Place::Waiting) && record.visit.is_none() {
            self.route_when_known(id, unrouted);
        } else {
            record.unrouted = None;
            self.timers.cancel(&Timer::Route(id));
        }
    }
}
