//! Redirects, transfers and consultations.

use crate::message::Classes;
use crate::pbx::channel::{Dialler, Location, Party, Work};
use crate::pbx::{BridgeId, LegId, Pbx};

impl Pbx {
    /// Redirect: takes a channel out of what it does and runs it elsewhere.
    pub(crate) fn redirect(&mut self, leg: LegId, place: Location) {
        if let Some(partner) = self.take_away(leg, &place) {
            self.left_alone(partner);
        }
        self.run_at(leg, place);
    }

    /// Redirect of two who talk to each other: both go elsewhere.
    pub(crate) fn redirect_both(&mut self, first: (LegId, Location), second: (LegId, Location)) {
        let ((leg, place), (other, other_place)) = (first, second);
        if self.other_in_bridge(leg) == Some(other) && self.is_in_basic_bridge(leg) {
            self.tell_stale_place(leg, &place);
            self.leave_and_dissolve(leg);
            self.tell_stale_place(other, &other_place);
            self.set_work(leg, Work::Executing);
            self.set_work(other, Work::Executing);
            self.run_at(other, other_place);
            self.run_at(leg, place);
        } else {
            // Both are taken away before anything comes of it.
            let partners = [self.take_away(leg, &place), self.take_away(other, &other_place)];
            self.run_at(leg, place);
            self.run_at(other, other_place);
            for partner in partners.into_iter().flatten() {
                self.left_alone(partner);
            }
        }
    }

    /// Takes a channel out of what it does, to go elsewhere: who talked to it is returned.
    fn take_away(&mut self, leg: LegId, place: &Location) -> Option<LegId> {
        if self.is_in_basic_bridge(leg) {
            self.tell_stale_place(leg, place);
            let partner = self.leave_and_dissolve(leg);
            self.set_work(leg, Work::Executing);
            return partner;
        }
        if let Some(channel) = self.channels.get_mut(&leg)
            && matches!(channel.work, Work::Dialling(_))
        {
            // It has its new place already when its `Dial()` ends.
            channel.place = place.clone();
        }
        self.release(leg);
        None
    }

    fn is_in_basic_bridge(&self, leg: LegId) -> bool {
        self.channels.get(&leg).is_some_and(|channel| {
            channel.bridge.is_some() && !matches!(channel.work, Work::Conference(_) | Work::Parked(_))
        })
    }

    /// A bridged channel that is sent elsewhere tells its new place with its old application, and the new
    /// application at that place no more.
    fn tell_stale_place(&mut self, leg: LegId, place: &Location) {
        if let Some(channel) = self.channels.get_mut(&leg) {
            channel.place = place.clone();
            self.tell_place(leg);
        }
    }

    /// The phone of a leg transfers its partner blind (REFER).
    pub fn refer(&mut self, now: crate::config::Micros, leg: LegId, exten: &str) -> bool {
        self.advance(now);
        let context = self.channels.get(&leg).and_then(|channel| channel.endpoint.as_deref());
        let context = context.and_then(|name| self.endpoints.get(name)).map(|e| e.context.clone());
        let Some(context) = context else { return false };
        // A phone's request is checked against the dialplan; the manager's is not.
        if !self.config.dialplan.has(&context, exten) {
            self.tell_transfer(leg, 404);
            return false;
        }
        let done = !self.partners(leg).is_empty();
        let parks = self.config.dialplan.step(&context, exten, 1).is_some_and(|step| step.app == "Park");
        if !parks {
            self.tell_transfer(leg, if done { 200 } else { 481 });
        }
        done && self.blind_transfer(leg, &context, exten, true)
    }

    /// Sends the partner of a leg elsewhere and ends the leg. Whether there was a partner. `external` is who asks: a
    /// phone's REFER and the manager, not a feature code.
    pub(crate) fn blind_transfer(&mut self, leg: LegId, context: &str, exten: &str, external: bool) -> bool {
        let Some(transferee) = self.other_in_bridge(leg).filter(|_| self.is_in_basic_bridge(leg)) else {
            return false;
        };
        if let Some(channel) = self.channels.get_mut(&leg) {
            channel.holding = false;
        }
        // Asterisk says Unhold whether the leg was holding or not.
        self.tell("Unhold", leg);
        self.queue_transferred(transferee, leg);
        let mut message = self.event("BlindTransfer", Classes::CALL);
        message.put("Result", "Success");
        self.write_channel(&mut message, "Transferer", leg);
        self.write_channel(&mut message, "Transferee", transferee);
        if let Some(bridge) = self.channels.get(&leg).and_then(|channel| channel.bridge) {
            self.write_bridge(&mut message, "", bridge);
        }
        message
            .put("IsExternal", if external { "Yes" } else { "No" })
            .put("Context", context)
            .put("Extension", exten);
        self.publish(message);
        self.stop_music(transferee);
        if self.park_by_transfer(leg, transferee, context, exten) {
            return true;
        }
        let place = Location::new(context, exten, 1);
        let bridge = self.channels.get(&leg).and_then(|channel| channel.bridge);
        // Either of the two may leave first.
        if self.random.chance(500) {
            self.leave_bridge(leg);
        }
        self.tell_stale_place(transferee, &place);
        self.leave_bridge(transferee);
        self.leave_bridge(leg);
        if let Some(bridge) = bridge {
            self.destroy_bridge(bridge);
        }
        self.set_cause(leg, 16, None);
        if self.channels.get(&leg).is_some_and(crate::pbx::Channel::has_dialplan) {
            self.tell_soft_hangup(leg, 16);
        }
        self.remove_channel(leg);
        self.run_at(transferee, place);
        true
    }

    /// A queue conversation that is transferred is complete for the queue.
    fn queue_transferred(&mut self, transferee: LegId, leg: LegId) {
        let caller = self.queue_of_talk(transferee).or_else(|| self.queue_of_talk(leg));
        if let Some((caller, _)) = caller {
            self.queue_completes(caller, "transfer");
        }
    }

    /// The phone completes an attended transfer (REFER with Replaces): `first` is its leg with the one to be
    /// transferred, `second` its leg with the target, which may still ring. Whether it was possible.
    pub fn refer_replaces(&mut self, now: crate::config::Micros, first: LegId, second: LegId) -> bool {
        self.advance(now);
        let Some(transferee) = self.other_in_bridge(first) else { return false };
        self.tell_transfer(first, 100);
        let rings = self.channels.get(&second).map(|channel| channel.work.clone());
        let done = match (rings, self.other_in_bridge(second)) {
            (_, Some(target)) => {
                self.attended_transfer(first, second, transferee, target);
                true
            }
            (Some(Work::Dialling(_)), None) => {
                self.blonde_transfer(first, second, transferee);
                true
            }
            (Some(_) | None, None) => false,
        };
        self.tell_transfer(first, if done { 200 } else { 481 });
        done
    }

    fn attended_transfer(&mut self, first: LegId, second: LegId, transferee: LegId, target: LegId) {
        let bridge_of = |pbx: &Self, leg| pbx.channels.get(&leg).and_then(|channel| channel.bridge);
        let (Some(old), Some(new)) = (bridge_of(self, first), bridge_of(self, second)) else { return };
        for leg in [first, second] {
            if let Some(channel) = self.channels.get_mut(&leg) {
                channel.holding = false;
            }
            self.tell("Unhold", leg);
        }
        self.queue_transferred(transferee, first);
        let mut message = self.attended_event(first, second, transferee, old);
        self.write_bridge(&mut message, "Second", new);
        self.write_channel(&mut message, "Transferee", transferee);
        self.write_channel(&mut message, "TransferTarget", target);
        let uniqueid = self.bridges.get(&new).map(|bridge| bridge.uniqueid.clone()).unwrap_or_default();
        message.put("IsExternal", "No").put("DestType", "Bridge").put("DestBridgeUniqueid", uniqueid);
        // Leaving a bridge ends the music, but Asterisk tells it only in the new one.
        let music = self.channels.get_mut(&transferee).and_then(|channel| channel.music.take());
        self.leave_bridge(transferee);
        self.leave_bridge(second);
        self.enter_bridge(transferee, new, Some(second));
        if music.is_some() {
            self.tell("MusicOnHoldStop", transferee);
        }
        self.tell_soft_hangup(second, 1);
        self.publish(message);
        self.show_each_other(transferee, target);
        self.leave_bridge(first);
        self.end_transferer(first);
        self.end_transferer(second);
        self.destroy_bridge(old);
        self.refresh_device_of(transferee);
    }

    /// The target still rings: the one to be transferred takes over the `Dial()`.
    fn blonde_transfer(&mut self, first: LegId, second: LegId, transferee: LegId) {
        let Some(old) = self.channels.get(&first).and_then(|channel| channel.bridge) else { return };
        let Some((Work::Dialling(work), place)) =
            self.channels.get(&second).map(|channel| (channel.work.clone(), channel.place.clone()))
        else {
            return;
        };
        if let Some(channel) = self.channels.get_mut(&first) {
            channel.holding = false;
        }
        self.tell("Unhold", first);
        self.stop_music(transferee);
        self.queue_transferred(transferee, first);
        let mut message = self.attended_event(first, second, transferee, old);
        self.write_channel(&mut message, "Transferee", transferee);
        message.put("IsExternal", "No").put("DestType", "App").put("DestApp", "Dial");
        self.publish(message);
        self.leave_bridge(transferee);
        self.leave_bridge(first);
        self.destroy_bridge(old);
        let legs = work.legs.clone();
        let rest = work.deadline.saturating_sub(self.now);
        self.set_work_for(transferee, Work::Dialling(work), rest);
        // The two channels change places.
        if let Some(channel) = self.channels.get_mut(&transferee) {
            channel.told = place.clone();
            let old = std::mem::replace(&mut channel.place, place);
            if let Some(channel) = self.channels.get_mut(&second) {
                channel.place = old;
            }
        }
        self.set_work(second, Work::Executing);
        for called in legs {
            self.set_work(called, Work::Outgoing(Dialler::Dial(transferee)));
            self.show_each_other(transferee, called);
        }
        self.end_transferer(first);
        self.end_transferer(second);
    }

    /// The headers of AttendedTransfer up to the second bridge.
    fn attended_event(
        &self,
        first: LegId,
        second: LegId,
        _transferee: LegId,
        old: BridgeId,
    ) -> crate::message::Message {
        let mut message = self.event("AttendedTransfer", Classes::CALL);
        message.put("Result", "Success");
        self.write_channel(&mut message, "OrigTransferer", first);
        self.write_bridge(&mut message, "Orig", old);
        self.write_channel(&mut message, "SecondTransferer", second);
        message
    }

    pub(super) fn show_each_other(&mut self, one: LegId, other: LegId) {
        let party = |leg| self.channels.get(&leg).map(|channel| channel.caller.clone());
        let (Some(first), Some(second)) = (party(one), party(other)) else { return };
        self.set_connected(one, second.clone());
        self.set_connected(other, first.clone());
        self.show_behind_pair(one, &second);
        self.show_behind_pair(other, &first);
    }

    /// What a half of a Local pair is told reaches who is behind the other half.
    pub(super) fn show_behind_pair(&mut self, half: LegId, party: &Party) {
        let Some(peer) = self.channels.get(&half).and_then(|channel| channel.local_peer) else { return };
        self.set_caller(peer, party.clone());
        let Some(channel) = self.channels.get(&peer) else { return };
        let mut behind =
            if let Work::Dialling(work) = &channel.work { work.legs.clone() } else { Vec::new() };
        behind.extend(self.other_in_bridge(peer));
        for leg in behind {
            self.replace_connected(leg, party.clone());
        }
    }

    pub(super) fn end_transferer(&mut self, leg: LegId) {
        self.set_cause(leg, 16, None);
        if self.channels.get(&leg).is_some_and(crate::pbx::Channel::has_dialplan) {
            self.tell_soft_hangup(leg, 16);
        }
        self.remove_channel(leg);
    }
}
