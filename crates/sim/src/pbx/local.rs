//! Local channels: a pair of halves, one dialled, one in a dialplan of its own.

use crate::config::MILLISECOND;
use crate::message::Classes;
use crate::pbx::channel::{ChannelState, Dialler, Location, Party, Work};
use crate::pbx::events::NewChannel;
use crate::pbx::{LegId, Pbx, Timer};

/// Which pair to make.
pub(super) struct NewPair<'a> {
    pub(super) exten: &'a str,
    pub(super) context: &'a str,
    /// The pair stays when both halves talk (`/n`).
    pub(super) kept: bool,
    /// Uniqueids asked for: of the first half and of the second.
    pub(super) uniqueids: [Option<String>; 2],
}

impl Pbx {
    /// Makes the pair for `Local/exten@context`; the first half is returned.
    pub(super) fn create_local(&mut self, parent: LegId, pair: NewPair<'_>, dialler: Dialler) -> LegId {
        let NewPair { exten, context, kept, uniqueids: [first_id, second_id] } = pair;
        let (caller, linkedid, inherited) = match self.channels.get(&parent) {
            Some(parent) => (parent.caller.clone(), Some(parent.linkedid.clone()), parent.inherited()),
            None => (Party::default(), None, Vec::new()),
        };
        let number = self.local_count;
        self.local_count += 1;
        let half = |side: u8, uniqueid, linkedid, state, work| {
            let name = format!("Local/{exten}@{context}-{number:08x};{side}");
            let new = NewChannel {
                endpoint: String::new(),
                uniqueid,
                linkedid,
                state,
                caller: Party::default(),
                place: Location::new(context, exten, 1),
                work,
            };
            (name, new)
        };
        let (name, new) = half(1, first_id, linkedid, ChannelState::Down, Work::Outgoing(dialler));
        let first = self.add_channel(name, None, new);
        let linkedid = self.channels.get(&first).map(|channel| channel.linkedid.clone());
        let (name, new) = half(2, second_id, linkedid, ChannelState::Ring, Work::Executing);
        let second = self.add_channel(name, None, new);
        if let Some(channel) = self.channels.get_mut(&first) {
            channel.local_peer = Some(second);
            channel.local_kept = kept;
        }
        if let Some(channel) = self.channels.get_mut(&second) {
            channel.local_peer = Some(first);
            channel.local_kept = kept;
            channel.variables = inherited;
            channel.caller = caller;
            channel.dialled = exten.to_owned();
        }
        let mut message = self.event("LocalBridge", Classes::CALL);
        self.write_channel(&mut message, "LocalOne", first);
        self.write_channel(&mut message, "LocalTwo", second);
        message
            .put("Context", context)
            .put("Exten", exten)
            .put("LocalOptimization", if kept { "No" } else { "Yes" });
        self.publish(message);
        first
    }

    /// The other half of a pair has ended: so does this one.
    pub(super) fn local_half_is_gone(&mut self, leg: LegId, cause: u16) {
        let Some(channel) = self.channels.get_mut(&leg) else { return };
        channel.local_peer = None;
        channel.cause = cause;
        self.tell_hangup_request(leg, Some(cause), None);
        self.end_leg(leg);
    }

    /// Two talk: where one of them is half of a Local pair, the pair may soon go.
    pub(super) fn optimise_soon(&mut self, legs: &[LegId]) {
        if !self.config.media || legs.len() != 2 {
            return;
        }
        for leg in legs {
            let half = self.channels.get(leg).is_some_and(|c| c.local_peer.is_some() && !c.local_kept);
            if half {
                self.after(20 * MILLISECOND, Timer::Optimise(*leg));
            }
        }
    }

    /// Takes a Local pair out of the way when both halves talk: who talks to the second half takes the place of the
    /// first.
    pub(super) fn optimise(&mut self, leg: LegId) {
        let Some((one, two)) = self.pair_of(leg) else { return };
        let consulting = self.consults.values().any(|consult| consult.half == one);
        let bridge_of = |leg| self.channels.get(&leg).and_then(|channel| channel.bridge);
        let (Some(near), Some(far)) = (bridge_of(one), bridge_of(two)) else { return };
        let (Some(partner), Some(source)) = (self.other_in_bridge(one), self.other_in_bridge(two)) else {
            return;
        };
        let music = |leg| self.channels.get(&leg).is_some_and(|channel| channel.music.is_some());
        if consulting || music(partner) || music(source) {
            return;
        }
        self.optimisations += 1;
        let id = self.optimisations;
        let mut message = self.event("LocalOptimizationBegin", Classes::CALL);
        self.write_channel(&mut message, "LocalOne", one);
        self.write_channel(&mut message, "LocalTwo", two);
        self.write_channel(&mut message, "Source", source);
        let uniqueid = self.channels.get(&two).map(|channel| channel.uniqueid.clone()).unwrap_or_default();
        message.put("DestUniqueId", uniqueid).put("Id", id);
        self.publish(message);
        self.leave_bridge(source);
        self.leave_bridge(one);
        self.enter_bridge(source, near, Some(one));
        let mut message = self.event("LocalOptimizationEnd", Classes::CALL);
        self.write_channel(&mut message, "LocalOne", one);
        self.write_channel(&mut message, "LocalTwo", two);
        message.put("Success", "No").put("Id", id);
        self.publish(message);
        self.leave_bridge(two);
        self.end_pair(one, two);
        self.destroy_bridge(far);
    }

    /// Both halves, the first first.
    fn pair_of(&self, leg: LegId) -> Option<(LegId, LegId)> {
        let channel = self.channels.get(&leg)?;
        let peer = channel.local_peer?;
        Some(if channel.name.ends_with(";1") { (leg, peer) } else { (peer, leg) })
    }

    fn end_pair(&mut self, one: LegId, two: LegId) {
        self.tell_soft_hangup(two, 16);
        self.tell_hangup_request(one, Some(16), None);
        for leg in [two, one] {
            if let Some(channel) = self.channels.get_mut(&leg) {
                channel.local_peer = None;
            }
        }
        for leg in [two, one] {
            self.set_cause(leg, 16, None);
            self.remove_channel(leg);
        }
    }
}
