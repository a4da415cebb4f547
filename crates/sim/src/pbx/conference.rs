//! `ConfBridge()`.

use crate::dialplan::arguments;
use crate::message::{Classes, Message};
use crate::pbx::channel::Work;
use crate::pbx::{BridgeId, BridgeKind, LegId, Pbx};

/// What `Set(CONFBRIDGE(user,…)=yes)` has said of a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seat {
    /// One of those without whom the conference is over for others.
    pub(crate) marked: bool,
    /// Leaves when the last of the marked leaves.
    pub(crate) end_marked: bool,
}

impl Pbx {
    /// `ConfBridge(name)`.
    pub(super) fn app_conference(&mut self, leg: LegId, data: &str) {
        let name = arguments(data)[0].to_owned();
        let bridge = match self.conferences.get(&name) {
            Some(bridge) => *bridge,
            None => {
                let bridge = self.create_bridge(BridgeKind::Conference(name.clone()));
                self.conferences.insert(name.clone(), bridge);
                let message = self.conference_event("ConfbridgeStart", &name, bridge, None);
                self.publish(message);
                bridge
            }
        };
        self.set_work(leg, Work::Conference(name.clone()));
        self.enter_bridge(leg, bridge, None);
        let mut message = self.conference_event("ConfbridgeJoin", &name, bridge, Some(leg));
        message.put("Admin", "No").put("Muted", "No");
        self.publish(message);
    }

    /// A member leaves; the last one ends the conference, the last of the marked that of those who depend on them.
    pub(super) fn leave_conference(&mut self, leg: LegId, name: &str) {
        let Some(bridge) = self.conferences.get(name).copied() else { return };
        let mut message = self.conference_event("ConfbridgeLeave", name, bridge, Some(leg));
        message.put("Admin", "No");
        self.publish(message);
        self.leave_bridge(leg);
        let left = self.members(name);
        if left.is_empty() {
            let message = self.conference_event("ConfbridgeEnd", name, bridge, None);
            self.publish(message);
            self.conferences.remove(name);
            self.destroy_bridge(bridge);
            return;
        }
        let seat = |leg: &LegId| self.channels.get(leg).map(|channel| channel.seat).unwrap_or_default();
        if seat(&leg).marked && !left.iter().any(|member| seat(member).marked) {
            let dependent: Vec<LegId> = left.into_iter().filter(|member| seat(member).end_marked).collect();
            self.put_out(&dependent);
        }
    }

    /// `ConfKick(name,all)`.
    pub(super) fn app_kick(&mut self, data: &str) {
        let parts = arguments(data);
        let members = self.members(parts[0]);
        match parts.get(1).map(|who| who.trim()) {
            Some("all") | None => self.put_out(&members),
            Some(other) => self.warn(format!("ConfKick of {other} is not simulated")),
        }
    }

    /// `CONFBRIDGE_INFO(parties,name)`.
    pub(super) fn conference_info(&self, argument: &str) -> Option<String> {
        let (what, name) = argument.split_once(',')?;
        (what == "parties").then(|| self.members(name).len().to_string())
    }

    fn members(&self, name: &str) -> Vec<LegId> {
        let bridge = self.conferences.get(name).and_then(|bridge| self.bridges.get(bridge));
        bridge.map(|bridge| bridge.legs.clone()).unwrap_or_default()
    }

    /// Members who are put out go on in their dialplan, as soon as what is going on now is done.
    fn put_out(&mut self, legs: &[LegId]) {
        for leg in legs {
            self.after(0, crate::pbx::Timer::PutOut(*leg));
        }
    }

    pub(super) fn is_put_out(&mut self, leg: LegId) {
        let Some(channel) = self.channels.get(&leg) else { return };
        let Work::Conference(name) = channel.work.clone() else { return };
        self.leave_conference(leg, &name);
        self.go_on(leg);
    }

    fn conference_event(
        &self,
        event: &'static str,
        name: &str,
        bridge: BridgeId,
        leg: Option<LegId>,
    ) -> Message {
        let mut message = self.event(event, Classes::CALL);
        message.put("Conference", name);
        self.write_bridge(&mut message, "", bridge);
        if let Some(leg) = leg {
            self.write_channel(&mut message, "", leg);
        }
        message
    }
}
