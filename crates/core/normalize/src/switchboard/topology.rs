//! Who hears whom: channels, bridges and Local pairs as a graph. It knows nothing of calls.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use hookswitch_model::{ActionId, CallRef, LegRef, call::Address};

use super::call::Numbers;

/// Longest chain of Local pairs that is followed: a loop of them must not hang the normaliser.
const MAX_CHAIN: usize = 16;

/// How many channels that are gone are remembered. Asterisk orders the events of a channel and those of a bridge
/// each for itself, so that one may come late.
const REMEMBERED: usize = 256;

/// What a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A phone or a trunk line: somebody.
    Party,
    /// One half of a Local pair: a piece of wire inside the PBX.
    LocalHalf,
    /// An announcer, a recorder: something of the PBX that sits in a bridge.
    Machine,
}

/// How far a channel has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing has happened on it.
    Down,
    /// It calls us.
    Calling,
    /// We ring it.
    Ringing,
    /// Answered.
    Up,
}

/// How an attempt to reach a channel came out, `DialStatus` of AMI's `DialEnd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It answered.
    Answered,
    /// The time was over. Asterisk says so for refusals, too; a hang-up request tells them apart.
    NoAnswer,
    /// 486.
    Busy,
    /// The caller, or who dialled for him, gave up.
    Cancelled,
    /// The network failed.
    Congestion,
    /// It cannot be reached.
    Unavailable,
    /// It sent the caller elsewhere (302).
    Forwarded,
}

/// The far side asked for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HangupRequest {
    /// Q.850, where the message carried one.
    pub(crate) cause: Option<u16>,
}

/// A channel as first seen.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    /// `PJSIP/1001-0000003b`.
    pub(crate) name: Box<str>,
    /// `PJSIP/1001`.
    pub(crate) address: Address,
    pub(crate) kind: Kind,
    pub(crate) progress: Progress,
    /// The channel it was made for: its own reference when it was made for nobody else.
    pub(crate) linked: LegRef,
    /// The number it was given to dial (a Local half), or dialled (a caller).
    pub(crate) exten: Box<str>,
    /// Who dials it.
    pub(crate) dialled_by: Option<LegRef>,
    /// The number it is reached by, where its address does not tell.
    pub(crate) dialled_number: Option<String>,
    /// Our Ring action that makes it ring.
    pub(crate) ring: Option<ActionId>,
    /// It is dialled by nobody: by an Originate, or by the PBX for itself.
    pub(crate) originated: bool,
    pub(crate) outcome: Option<Outcome>,
    /// How the attempt at the other half of a Local pair came out, when that half is gone.
    pub(crate) outer: Option<Outcome>,
    pub(crate) hangup: Option<HangupRequest>,
    /// Calls that its leg left while the channel itself lives on: a leg leaves once.
    pub(crate) parted: Vec<CallRef>,
    /// What its first sight said of its numbers, until its call takes them.
    pub(crate) numbers: Option<Box<Numbers>>,
    /// Believed from before a lost link, and not seen since.
    pub(crate) stale: bool,
    peer: Option<LegRef>,
    bridge: Option<Arc<str>>,
}

impl Channel {
    pub(crate) fn new(name: &str, linked: LegRef) -> Self {
        Self {
            name: name.into(),
            address: address_of(name),
            kind: kind_of(name),
            progress: Progress::Down,
            linked,
            exten: Box::default(),
            dialled_by: None,
            dialled_number: None,
            ring: None,
            originated: false,
            outcome: None,
            outer: None,
            hangup: None,
            parted: Vec::new(),
            numbers: None,
            stale: false,
            peer: None,
            bridge: None,
        }
    }

    /// The bridge it is in.
    pub(crate) const fn bridge(&self) -> Option<&Arc<str>> {
        self.bridge.as_ref()
    }

    /// The other half of a Local pair.
    pub(crate) const fn peer(&self) -> Option<&LegRef> {
        self.peer.as_ref()
    }

    pub(crate) const fn is_party(&self) -> bool {
        matches!(self.kind, Kind::Party)
    }
}

/// The device or line of a channel's name, without the part that numbers one call on it.
fn address_of(name: &str) -> Address {
    let whole = name.split('<').next().unwrap_or(name);
    Address::new(whole.rsplit_once('-').map_or(whole, |(address, _)| address))
}

/// The technology before the slash says what a channel is made of.
fn kind_of(name: &str) -> Kind {
    match name.split('/').next() {
        Some("Local") => Kind::LocalHalf,
        Some(
            "Announcer" | "CBAnn" | "CBRec" | "Recorder" | "ConfBridgeRecorder" | "Message" | "Bridge"
            | "Surrogate" | "AsyncGoto" | "Snoop" | "MulticastRTP" | "UnicastRTP" | "Parked",
        ) => Kind::Machine,
        _ => Kind::Party,
    }
}

#[derive(Debug, Default)]
struct Bridge {
    members: Vec<LegRef>,
    /// Members hear music, not each other: parking, waiting.
    holding: bool,
}

/// Channels, bridges and Local pairs.
#[derive(Debug, Default)]
pub(crate) struct Topology {
    channels: BTreeMap<LegRef, Channel>,
    bridges: BTreeMap<Arc<str>, Bridge>,
    /// Local halves by name, to find the other half.
    halves: BTreeMap<Box<str>, LegRef>,
    gone: VecDeque<LegRef>,
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

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&LegRef, &Channel)> {
        self.channels.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&LegRef, &mut Channel)> {
        self.channels.iter_mut()
    }

    pub(crate) fn len(&self) -> usize {
        self.channels.len()
    }

    /// Whether this channel lived a moment ago: what is said of it now comes late.
    pub(crate) fn is_gone(&self, uid: &str) -> bool {
        self.gone.iter().any(|gone| *gone == *uid)
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
        let channel = self.channels.remove(uid)?;
        if let Some(peer) = channel.peer.as_ref().and_then(|peer| self.channels.get_mut(peer)) {
            peer.outer = channel.outcome;
        }
        if channel.peer.is_some() || channel.kind == Kind::LocalHalf {
            self.halves.remove(&channel.name);
        }
        if self.gone.len() == REMEMBERED {
            self.gone.pop_front();
        }
        self.gone.push_back(LegRef::new(uid));
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

    /// The parties that hear each other where this channel is: through its bridge, through Local pairs into the
    /// bridges behind them. A party in no bridge is with nobody but itself.
    pub(crate) fn conversation(&self, uid: &str) -> Vec<LegRef> {
        let Some((uid, channel)) = self.channels.get_key_value(uid) else { return Vec::new() };
        let mut parties = Vec::with_capacity(2);
        let mut seen: Vec<&Arc<str>> = Vec::new();
        if channel.is_party() {
            parties.push(uid.clone());
        }
        let mut open = vec![channel];
        if let Some(peer) = channel.peer.as_ref().and_then(|peer| self.channels.get(peer)) {
            open.push(peer);
        }
        while let Some(at) = open.pop() {
            let Some(name) = at.bridge.as_ref() else { continue };
            if seen.contains(&name) || seen.len() > MAX_CHAIN {
                continue;
            }
            seen.push(name);
            let Some(bridge) = self.bridges.get(name).filter(|bridge| !bridge.holding) else { continue };
            for (uid, member) in bridge.members.iter().filter_map(|uid| Some((uid, self.get(uid.as_str())?)))
            {
                match member.kind {
                    Kind::Party if !parties.contains(uid) => parties.push(uid.clone()),
                    Kind::LocalHalf => {
                        open.extend(member.peer.as_ref().and_then(|peer| self.get(peer.as_str())))
                    }
                    Kind::Party | Kind::Machine => {}
                }
            }
        }
        parties
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
        bridged.or_else(|| {
            let reached = |(_, other): &(&LegRef, &Channel)| {
                other.is_party() && other.dialled_by.as_ref() == Some(peer_uid)
            };
            self.channels.iter().find(reached).map(|(uid, _)| uid.clone())
        })
    }

    /// The party that a member of a bridge is, or stands for.
    fn party_at(&self, member: &str, depth: usize) -> Option<LegRef> {
        match self.get(member)?.kind {
            Kind::Party | Kind::LocalHalf => self.served_within(member, depth),
            Kind::Machine => None,
        }
    }

    /// Channels that this one rings.
    pub(crate) fn dialled_by(&self, uid: &str) -> Vec<LegRef> {
        let mine = |(_, other): &(&LegRef, &Channel)| other.dialled_by.as_ref().is_some_and(|by| *by == *uid);
        self.channels.iter().filter(mine).map(|(uid, _)| uid.clone()).collect()
    }
}

fn other_half(name: &str) -> Option<String> {
    let (pair, half) = name.rsplit_once(';')?;
    match half {
        "1" => Some(format!("{pair};2")),
        "2" => Some(format!("{pair};1")),
        _ => None,
    }
}
