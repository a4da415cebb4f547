//! Who is calling: asked at the first sight of a call, told when it is known, waited for by nobody but a rule that
//! reads it.

use hookswitch_model::{
    CallId,
    call::{Call, Customer, Direction, MatchKind, PartyNumber},
    event::EventKind,
    input::{LookUp, Output},
};

use crate::engine::Engine;

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
    }
}
