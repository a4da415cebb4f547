//! Attended transfer by the PBX itself (`Atxfer`, or the feature code): a consultation over a Local pair.

use std::collections::BTreeMap;

use crate::message::Classes;
use crate::pbx::channel::{Dialler, Party, Work};
use crate::pbx::local::NewPair;
use crate::pbx::{BridgeId, BridgeKind, LegId, Pbx};

/// A consultation that is going on, by the agent who started it.
#[derive(Clone, Debug)]
pub(crate) struct Consult {
    /// The bridge in which the other party waits with music.
    parked: BridgeId,
    customer: LegId,
    /// The Local half through which the target is heard.
    pub(super) half: LegId,
    /// The bridge of agent and target.
    talk: BridgeId,
}

/// All of them.
pub(crate) type Consults = BTreeMap<LegId, Consult>;

impl Pbx {
    /// Starts a consultation: the agent's partner hears music, the agent the extension. Whether it could be done.
    pub(crate) fn start_consult(&mut self, agent: LegId, context: &str, exten: &str) -> bool {
        let parked = self.channels.get(&agent).and_then(|channel| channel.bridge);
        let (Some(parked), Some(customer)) = (parked, self.other_in_bridge(agent)) else { return false };
        if self.consults.contains_key(&agent) {
            return false;
        }
        self.hold_for_transfer(agent);
        let half = self.create_local(
            agent,
            NewPair { exten, context, kept: false, uniqueids: [None, None] },
            Dialler::Consult(agent),
        );
        let talk = self.create_bridge(BridgeKind::Basic);
        if let Some(party) = self.channels.get(&agent).map(|channel| channel.caller.clone()) {
            self.set_connected(half, party);
        }
        self.enter_bridge(half, talk, None);
        self.leave_bridge(agent);
        self.enter_bridge(agent, talk, None);
        if let Some(channel) = self.channels.get_mut(&agent) {
            channel.connected = Party::default();
        }
        self.tell("NewConnectedLine", agent);
        self.consults.insert(agent, Consult { parked, customer, half, talk });
        self.ring_leg(half);
        true
    }

    /// The target answers.
    pub(super) fn consult_answered(&mut self, _agent: LegId, half: LegId) {
        self.tell_dial_end(None, half, "ANSWER");
        self.set_work(half, Work::Called { after: None });
    }

    /// The target does not answer: the agent is back with the other party.
    pub(super) fn consult_failed(&mut self, agent: LegId, half: LegId) {
        if !self.cancel_consult(agent) {
            self.leave_bridge(half);
            self.remove_channel(half);
        }
    }

    /// Ends a consultation without a transfer. Whether there was one.
    pub(crate) fn cancel_consult(&mut self, agent: LegId) -> bool {
        let Some(consult) = self.consults.remove(&agent) else { return false };
        self.leave_bridge(agent);
        self.enter_bridge(agent, consult.parked, None);
        self.stop_music(consult.customer);
        if let Some(channel) = self.channels.get_mut(&agent) {
            channel.holding = false;
        }
        self.tell("Unhold", agent);
        self.leave_bridge(consult.half);
        self.destroy_bridge(consult.talk);
        self.set_cause(consult.half, 16, None);
        self.remove_channel(consult.half);
        self.refresh_device_of(consult.customer);
        let party = self.channels.get(&consult.customer).map(|channel| channel.caller.clone());
        if let Some(party) = party {
            self.set_connected(agent, party);
        }
        true
    }

    /// One of a consultation ends. Whether that was all there is to do.
    pub(super) fn consult_ends_with(&mut self, leg: LegId) -> bool {
        if self.consults.contains_key(&leg) {
            self.complete_consult(leg);
            return true;
        }
        let by_half = self.consults.iter().find(|(_, consult)| consult.half == leg).map(|(agent, _)| *agent);
        if let Some(agent) = by_half {
            return self.cancel_consult(agent);
        }
        // The one who waits has gone: what is left is a conversation of two.
        self.consults.retain(|_, consult| consult.customer != leg);
        false
    }

    /// The agent leaves: the target takes the place in the first bridge.
    pub(super) fn complete_consult(&mut self, agent: LegId) {
        let Some(consult) = self.consults.remove(&agent) else { return };
        let Consult { parked, customer, half, talk } = consult;
        let mut message = self.event("BridgeMerge", Classes::CALL);
        self.write_bridge(&mut message, "To", parked);
        self.write_bridge(&mut message, "From", talk);
        self.publish(message);
        self.leave_bridge(half);
        self.enter_bridge(half, parked, None);
        self.leave_bridge(agent);
        self.stop_music(customer);
        let mut message = self.event("AttendedTransfer", Classes::CALL);
        message.put("Result", "Success");
        self.write_channel(&mut message, "OrigTransferer", agent);
        self.write_bridge(&mut message, "Orig", parked);
        self.write_channel(&mut message, "SecondTransferer", agent);
        self.write_bridge(&mut message, "Second", talk);
        self.write_channel(&mut message, "Transferee", customer);
        self.write_channel(&mut message, "TransferTarget", half);
        let uniqueid = self.bridges.get(&parked).map(|bridge| bridge.uniqueid.clone()).unwrap_or_default();
        message.put("IsExternal", "No").put("DestType", "Bridge").put("DestBridgeUniqueid", uniqueid);
        self.publish(message);
        self.destroy_bridge(talk);
        self.show_each_other(customer, half);
        self.refresh_device_of(customer);
        self.end_transferer(agent);
    }
}
