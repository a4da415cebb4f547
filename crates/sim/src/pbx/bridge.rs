//! Bridges: who hears whom.

use crate::message::{Message, OrUnknown};
use crate::pbx::{LegId, Pbx};

/// The simulator's own number of a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BridgeId(u64);

/// What holds a bridge together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BridgeKind {
    /// Two parties: when one leaves, it is over.
    Basic,
    /// The parking lot: lives on when empty.
    Parking,
    /// A ConfBridge of that name: lives while anybody is in it.
    Conference(String),
}

/// A live bridge.
#[derive(Clone, Debug)]
pub(crate) struct Bridge {
    pub(crate) uniqueid: String,
    pub(crate) kind: BridgeKind,
    pub(crate) legs: Vec<LegId>,
    pub(crate) native: bool,
}

impl Bridge {
    /// A conference counts its announcer, once it has started.
    fn count(&self) -> usize {
        match self.kind {
            BridgeKind::Basic | BridgeKind::Parking => self.legs.len(),
            BridgeKind::Conference(_) => self.legs.len() + 1,
        }
    }

    pub(super) fn write(&self, message: &mut Message, prefix: &str) {
        self.write_with_count(message, prefix, self.count());
    }

    fn write_with_count(&self, message: &mut Message, prefix: &str, count: usize) {
        let (kind, technology, creator, name) = match &self.kind {
            BridgeKind::Basic if self.native => ("basic", "native_rtp", None, None),
            BridgeKind::Basic => ("basic", "simple_bridge", None, None),
            BridgeKind::Parking => ("parking", "holding_bridge", Some("Parking"), Some("default")),
            BridgeKind::Conference(name) => ("base", "softmix", Some("ConfBridge"), Some(name.as_str())),
        };
        message
            .prefixed(prefix, "BridgeUniqueid", &self.uniqueid)
            .prefixed(prefix, "BridgeType", kind)
            .prefixed(prefix, "BridgeTechnology", technology)
            .prefixed(prefix, "BridgeCreator", OrUnknown(creator))
            .prefixed(prefix, "BridgeName", OrUnknown(name))
            .prefixed(prefix, "BridgeNumChannels", count)
            .prefixed(prefix, "BridgeVideoSourceMode", "none");
    }
}

impl Pbx {
    pub(super) fn create_bridge(&mut self, kind: BridgeKind) -> BridgeId {
        self.bridge_count += 1;
        let id = BridgeId(self.bridge_count);
        let uniqueid = self.random.uuid();
        let bridge = Bridge { uniqueid, kind, legs: Vec::new(), native: false };
        let mut message = self.event("BridgeCreate", crate::message::Classes::CALL);
        bridge.write_with_count(&mut message, "", 0);
        self.publish(message);
        self.bridges.insert(id, bridge);
        id
    }

    /// Puts a channel into a bridge. Two who talk carry the linkedid of the older from then on.
    pub(super) fn enter_bridge(&mut self, leg: LegId, id: BridgeId, swap: Option<LegId>) {
        let swapped = swap.and_then(|leg| self.channels.get(&leg)).map(|channel| channel.uniqueid.clone());
        let Some(bridge) = self.bridges.get_mut(&id) else { return };
        bridge.legs.push(leg);
        let legs = bridge.legs.clone();
        if let Some(channel) = self.channels.get_mut(&leg) {
            channel.bridge = Some(id);
        }
        if self.bridges.get(&id).is_some_and(|bridge| bridge.kind == BridgeKind::Basic) {
            self.link(&legs);
        }
        let mut message = self.event("BridgeEnter", crate::message::Classes::CALL);
        self.write_bridge(&mut message, "", id);
        self.write_channel(&mut message, "", leg);
        message.put_if("SwapUniqueid", swapped);
        self.publish(message);
        self.crowd_is_bridged(&legs);
        self.optimise_soon(&legs);
    }

    /// Gives all the linkedid of the oldest. Members of a conference keep their own.
    fn link(&mut self, legs: &[LegId]) {
        let channels = legs.iter().filter_map(|leg| self.channels.get(leg));
        let Some(oldest) = channels.min_by_key(|channel| channel.created) else { return };
        let oldest = oldest.linkedid.clone();
        for leg in legs {
            if let Some(channel) = self.channels.get_mut(leg) {
                channel.linkedid.clone_from(&oldest);
            }
        }
    }

    /// Makes a basic bridge of two, in that order.
    pub(super) fn bridge_two(&mut self, first: LegId, second: LegId) -> BridgeId {
        let id = self.create_bridge(BridgeKind::Basic);
        self.tell_place(first);
        self.enter_bridge(first, id, None);
        self.enter_bridge(second, id, None);
        if let Some(bridge) = self.bridges.get_mut(&id) {
            bridge.native = true;
        }
        id
    }

    /// Takes a channel out of its bridge and leaves the rest as it is.
    pub(super) fn leave_bridge(&mut self, leg: LegId) -> Option<BridgeId> {
        let id = self.channels.get_mut(&leg)?.bridge.take()?;
        self.stop_music(leg);
        self.bridges.get_mut(&id)?.legs.retain(|member| *member != leg);
        let mut message = self.event("BridgeLeave", crate::message::Classes::CALL);
        self.write_bridge(&mut message, "", id);
        self.write_channel(&mut message, "", leg);
        self.publish(message);
        Some(id)
    }

    /// Takes a channel out of its bridge; a bridge of two is over with that, and who was left in it is returned.
    pub(super) fn leave_and_dissolve(&mut self, leg: LegId) -> Option<LegId> {
        let id = self.leave_bridge(leg)?;
        let bridge = self.bridges.get(&id)?;
        if bridge.kind != BridgeKind::Basic || bridge.legs.len() > 1 {
            return None;
        }
        let other = bridge.legs.first().copied();
        if let Some(other) = other {
            self.leave_bridge(other);
        }
        self.destroy_bridge(id);
        other
    }

    pub(super) fn destroy_bridge(&mut self, id: BridgeId) {
        let Some(bridge) = self.bridges.remove(&id) else { return };
        let mut message = self.event("BridgeDestroy", crate::message::Classes::CALL);
        bridge.write_with_count(&mut message, "", 0);
        self.publish(message);
    }

    /// Who is in a bridge of two with that channel.
    pub(super) fn other_in_bridge(&self, leg: LegId) -> Option<LegId> {
        let bridge = self.bridges.get(&self.channels.get(&leg)?.bridge?)?;
        bridge.legs.iter().copied().find(|member| *member != leg)
    }
}
