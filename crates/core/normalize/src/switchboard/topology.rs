//! Who hears whom: channels, bridges and Local pairs as a graph. It knows nothing of calls.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use hashbrown::HashMap;
use hookswitch_model::LegRef;
use rustc_hash::FxBuildHasher;

use super::channel::{Channel, Kind, other_half};

/// Longest chain of Local pairs that is followed: a loop of them must not hang the normaliser.
const MAX_CHAIN: usize = 16;

/// How many channels that are gone are remembered. Asterisk orders the events of a channel and those of a bridge
/// each for itself, so that one may come late.
const REMEMBERED: usize = 256;

#[derive(Debug, Default)]
struct Bridge {
    members: Vec<LegRef>,
    /// Members hear music, not each other: parking, waiting.
    holding: bool,
}

/// Channels, bridges and Local pairs.
#[derive(Debug, Default)]
pub(crate) struct Topology {
    channels: Map<LegRef, Channel>,
    bridges: Map<Arc<str>, Bridge>,
    /// Local halves by name, to find the other half.
    halves: Map<Box<str>, LegRef>,
    gone: Gone,
}

/// Looked up several times with every event; in no order, so nothing that is told may come from going through one.
pub(super) type Map<K, V> = HashMap<K, V, FxBuildHasher>;

/// Channels that lived a moment ago.
#[derive(Debug, Default)]
struct Gone {
    order: VecDeque<LegRef>,
    all: BTreeSet<LegRef>,
}

impl Gone {
    fn note(&mut self, uid: LegRef) {
        if self.all.insert(uid.clone()) {
            self.order.push_back(uid);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.all.remove(&oldest);
        }
    }
}

/// A walk through bridges and Local pairs, from party to party. In one bridge it allocates nothing.
struct Walk<'a> {
    topology: &'a Topology,
    /// The channel to go on from, and those to go on from after it.
    next: Option<&'a Channel>,
    open: Vec<&'a Channel>,
    /// Who is left in the bridge walked through.
    members: std::slice::Iter<'a, LegRef>,
    bridge: Option<&'a Arc<str>>,
    /// Bridges walked through before.
    seen: Vec<&'a Arc<str>>,
}

impl<'a> Walk<'a> {
    /// Goes into the bridge of a channel, unless it was there.
    fn go_through(&mut self, channel: &'a Channel) {
        let Some(name) = channel.bridge.as_ref() else { return };
        if self.bridge == Some(name) || self.seen.contains(&name) || self.seen.len() >= MAX_CHAIN {
            return;
        }
        self.seen.extend(self.bridge.replace(name));
        let bridge = self.topology.bridges.get(name).filter(|bridge| !bridge.holding);
        self.members = bridge.map_or(&[][..], |bridge| &bridge.members).iter();
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = &'a LegRef;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            while let Some(uid) = self.members.next() {
                let Some(member) = self.topology.get(uid.as_str()) else { continue };
                match member.kind {
                    Kind::Party => return Some(uid),
                    Kind::LocalHalf => {
                        let peer = member.peer.as_ref().and_then(|peer| self.topology.get(peer.as_str()));
                        self.open.extend(peer);
                    }
                    Kind::Machine => {}
                }
            }
            let channel = self.next.take().or_else(|| self.open.pop())?;
            self.go_through(channel);
        }
    }
}

impl Topology {
    pub(crate) fn get(&self, uid: &str) -> Option<&Channel> {
        self.channels.get(uid)
    }

    pub(crate) fn get_mut(&mut self, uid: &str) -> Option<&mut Channel> {
        self.channels.get_mut(uid)
    }

    /// The channel and its reference, whose text is then shared instead of copied.
    pub(crate) fn entry(&self, uid: &str) -> Option<(&LegRef, &Channel)> {
        self.channels.get_key_value(uid)
    }

    /// The reference of a channel, given by that or by its name.
    pub(crate) fn named(&self, name: &str) -> Option<LegRef> {
        if let Some((uid, _)) = self.entry(name) {
            return Some(uid.clone());
        }
        let of_name = |(_, channel): &(&LegRef, &Channel)| *channel.name == *name;
        // Names of living channels are unique.
        self.channels.iter().filter(|_| name.contains('/')).find(of_name).map(|(uid, _)| uid.clone())
    }

    /// Channels believed from before a lost link and not seen since, in order of their references.
    pub(crate) fn stale(&self) -> Vec<LegRef> {
        let mut stale: Vec<LegRef> =
            self.channels.iter().filter(|(_, channel)| channel.stale).map(|(uid, _)| uid.clone()).collect();
        stale.sort_unstable();
        stale
    }

    /// All channels are believed only, until they are seen.
    pub(crate) fn doubt(&mut self) {
        for channel in self.channels.values_mut() {
            channel.stale = true;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.channels.len()
    }

    /// Whether this channel lived a moment ago: what is said of it now comes late.
    pub(crate) fn is_gone(&self, uid: &str) -> bool {
        self.gone.all.contains(uid)
    }

    /// How many bridges have somebody in them.
    pub(crate) fn bridges(&self) -> usize {
        self.bridges.len()
    }

    /// Adds a channel; the halves of a Local pair find each other by their names (`…;1` and `…;2`).
    pub(crate) fn insert(&mut self, uid: LegRef, channel: Channel) {
        if channel.kind == Kind::LocalHalf {
            self.halves.insert(channel.name.clone(), uid.clone());
            let other = other_half(&channel.name).and_then(|name| self.halves.get(&*name).cloned());
            self.channels.insert(uid.clone(), channel);
            if let Some(other) = other {
                self.pair(&uid, &other);
            }
        } else {
            self.channels.insert(uid, channel);
        }
    }

    /// Two channels are the halves of one Local pair.
    pub(crate) fn pair(&mut self, one: &LegRef, two: &LegRef) {
        for (half, other) in [(one, two), (two, one)] {
            if let Some(channel) = self.channels.get_mut(half) {
                channel.peer = Some(other.clone());
                channel.kind = Kind::LocalHalf;
            }
        }
    }

    /// The channel is gone.
    pub(crate) fn remove(&mut self, uid: &str) -> Option<Channel> {
        self.leave(uid);
        let (uid, channel) = self.channels.remove_entry(uid)?;
        if let Some(peer) = channel.peer.as_ref().and_then(|peer| self.channels.get_mut(peer)) {
            peer.outer = channel.outcome;
        }
        if channel.peer.is_some() || channel.kind == Kind::LocalHalf {
            self.halves.remove(&channel.name);
        }
        if let Some(by) = channel.dialled_by.as_ref().and_then(|by| self.channels.get_mut(by)) {
            by.dials.retain(|dialled| *dialled != uid);
        }
        self.gone.note(uid);
        Some(channel)
    }

    /// The channel is in this bridge from now on, in place of `swapped` if that is named.
    pub(crate) fn enter(&mut self, uid: &LegRef, bridge: &str, holding: bool, swapped: Option<&str>) {
        if let Some(swapped) = swapped
            && self.channels.get(swapped).is_some_and(|other| other.bridge.as_deref() == Some(bridge))
        {
            self.leave(swapped);
        }
        if self.channels.get(uid).is_some_and(|channel| channel.bridge.as_deref() != Some(bridge)) {
            self.leave(uid.as_str());
        }
        let Some(channel) = self.channels.get_mut(uid) else { return };
        let name = match self.bridges.get_key_value(bridge) {
            Some((name, _)) => name.clone(),
            None => Arc::from(bridge),
        };
        channel.bridge = Some(name.clone());
        let bridge = self.bridges.entry(name).or_default();
        bridge.holding = holding;
        if !bridge.members.contains(uid) {
            bridge.members.push(uid.clone());
        }
    }

    /// The channel left whatever bridge it is in. A bridge is forgotten with its last member.
    pub(crate) fn leave(&mut self, uid: &str) {
        let Some(name) = self.channels.get_mut(uid).and_then(|channel| channel.bridge.take()) else { return };
        let Some(bridge) = self.bridges.get_mut(&name) else { return };
        bridge.members.retain(|member| *member != *uid);
        if bridge.members.is_empty() {
            self.bridges.remove(&name);
        }
    }

    /// Everybody in a bridge, in the order of entering.
    pub(crate) fn members(&self, bridge: &str) -> &[LegRef] {
        self.bridges.get(bridge).map_or(&[], |bridge| &bridge.members)
    }

    /// The parties that hear each other where this channel is, itself first. A party in no bridge is with nobody but
    /// itself.
    pub(crate) fn conversation(&self, uid: &str) -> Vec<LegRef> {
        let itself = self.channels.get_key_value(uid).filter(|(_, channel)| channel.is_party());
        let mut parties = Vec::with_capacity(2);
        parties.extend(itself.map(|(uid, _)| uid.clone()));
        parties.extend(self.heard(uid).cloned());
        parties
    }

    /// The other parties that this channel hears: through its bridge, through Local pairs into the bridges behind
    /// them.
    pub(crate) fn heard<'a>(&'a self, uid: &'a str) -> impl Iterator<Item = &'a LegRef> {
        let channel = self.channels.get(uid);
        let peer = channel.and_then(|channel| self.channels.get(channel.peer.as_ref()?));
        // Looked at last first.
        let (next, open) = match peer {
            Some(peer) => (Some(peer), channel.into_iter().collect()),
            None => (channel, Vec::new()),
        };
        let walk = Walk { topology: self, next, open, members: [].iter(), bridge: None, seen: Vec::new() };
        walk.filter(move |party| **party != *uid)
    }

    /// The party on whose behalf a channel acts. A party acts for itself; a Local half for whoever dialled the
    /// other half, or is bridged with it, or was reached through it.
    pub(crate) fn served(&self, uid: &str) -> Option<LegRef> {
        self.served_within(uid, MAX_CHAIN)
    }

    fn served_within(&self, uid: &str, depth: usize) -> Option<LegRef> {
        let (uid, channel) = self.channels.get_key_value(uid)?;
        if channel.is_party() {
            return Some(uid.clone());
        }
        let depth = depth.checked_sub(1)?;
        let (peer_uid, peer) = self.channels.get_key_value(channel.peer.as_ref()?)?;
        if let Some(party) = peer.dialled_by.as_ref().and_then(|by| self.served_within(by.as_str(), depth)) {
            return Some(party);
        }
        let members = peer.bridge.as_ref().map_or(&[][..], |bridge| self.members(bridge));
        let bridged = members
            .iter()
            .filter(|member| *member != peer_uid)
            .find_map(|member| self.party_at(member.as_str(), depth));
        let is_party = |uid: &&LegRef| self.get(uid.as_str()).is_some_and(Channel::is_party);
        bridged.or_else(|| peer.dials.iter().find(is_party).cloned())
    }

    /// The party that a member of a bridge is, or stands for.
    fn party_at(&self, member: &str, depth: usize) -> Option<LegRef> {
        match self.get(member)?.kind {
            Kind::Party | Kind::LocalHalf => self.served_within(member, depth),
            Kind::Machine => None,
        }
    }

    /// Channels that this one rings, or has reached.
    pub(crate) fn dialled_by(&self, uid: &str) -> &[LegRef] {
        self.channels.get(uid).map_or(&[], |channel| &channel.dials)
    }

    /// One channel rings another from now on, in place of whoever did before.
    pub(crate) fn dial(&mut self, by: Option<&LegRef>, callee: &LegRef) {
        let Some(channel) = self.channels.get_mut(callee) else { return };
        let before = std::mem::replace(&mut channel.dialled_by, by.cloned());
        if let Some(before) = before.as_ref().and_then(|before| self.channels.get_mut(before)) {
            before.dials.retain(|dialled| dialled != callee);
        }
        if let Some(by) = by.and_then(|by| self.channels.get_mut(by)) {
            by.dials.push(callee.clone());
        }
    }
}
