//! `ConfBridge()`.

use crate::dialplan::arguments;
use crate::message::{Classes, Message};
use crate::pbx::channel::Work;
use crate::pbx::{BridgeId, BridgeKind, LegId, Pbx};

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

    /// A member leaves; the last one ends the conference.
    pub(super) fn leave_conference(&mut self, leg: LegId, name: &str) {
        let Some(bridge) = self.conferences.get(name).copied() else { return };
        let mut message = self.conference_event("ConfbridgeLeave", name, bridge, Some(leg));
        message.put("Admin", "No");
        self.publish(message);
        self.leave_bridge(leg);
        if self.bridges.get(&bridge).is_some_and(|bridge| bridge.legs.is_empty()) {
            let message = self.conference_event("ConfbridgeEnd", name, bridge, None);
            self.publish(message);
            self.conferences.remove(name);
            self.destroy_bridge(bridge);
        }
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
