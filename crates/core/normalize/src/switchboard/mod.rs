//! Calls out of channels: which leg belongs to which call, who is in conversation, how it ends.
//!
//! The dialect ([`crate::from_ami`]) reports what happens to channels; facts come out. The only evidence for a
//! conversation is who shares a bridge ([`topology`]); transfer events are labels on that.
//!
//! | file | idea |
//! | --- | --- |
//! | [`channel`], [`topology`] | channels, bridges, Local pairs: a graph |
//! | [`endpoints`] | phones and trunks |
//! | [`call`] | a call and its legs, as long as they live |
//! | [`dial`] | who is rung for whom, and how that ends |
//! | `talk` | who came together and came apart, who holds, who consults |
//! | `transfer`, `merge` | two calls become one; who gave the call to whom |
//! | `waiting` | a caller with nobody to talk to |
//! | `leave` | how legs and calls end |
//! | `settle` | what is told a moment later |
//! | `control` | what was asked of the PBX by the engine |
//! | `belief` | what is believed while nothing is seen |
//!
//! A call's life:
//!
//! ```text
//! caller ──→ known ──→ told ──→ told … ──→ ended            its customer's leg ended
//!              │         │                 merged           its legs moved to the call it consulted for
//!              └─────────┴── silent                         one of our feature codes
//! ```
//!
//! A call from outside is told at once; one of ours when it shows whom it is for. Whoever is told of anything else
//! about a call was told of its beginning.

use std::collections::{BTreeMap, VecDeque};

use hookswitch_model::{
    CallRef, LegRef, QueueId, Timestamp,
    call::Direction,
    pbx::{Fact, PbxEvent},
};

use crate::settings::Settings;

pub(crate) mod call;
pub(crate) mod channel;
pub(crate) mod endpoints;
pub(crate) mod topology;

mod agenda;
mod belief;
mod control;
pub(crate) mod dial;
mod leave;
mod merge;
mod settle;
mod talk;
mod transfer;
mod waiting;

use agenda::Agenda;
use call::{Call, Leg, Numbers};
use endpoints::{Endpoints, Side};
use settle::Pending;
use topology::{Map, Topology};

pub(crate) use leave::cause;
pub(crate) use waiting::QueueExit;

/// The state of a PBX as far as calls go.
#[derive(Debug)]
pub(crate) struct Switchboard {
    pub(crate) settings: Settings,
    pub(crate) endpoints: Endpoints,
    pub(crate) topology: Topology,
    calls: Map<CallRef, Call>,
    /// In which calls a channel has a leg. More than one only for somebody who consults from within a call.
    on: Map<LegRef, Vec<CallRef>>,
    /// Channels that carry a consultation, Local halves or the consulting party's own, and that consultation.
    consults: BTreeMap<LegRef, CallRef>,
    /// The last calls that the engine began and that rang.
    begun: VecDeque<CallRef>,
    /// Supervisors' channels, and the call they hear.
    spies: Vec<(LegRef, CallRef)>,
    /// Channels that ring for somebody who is not known yet.
    unplaced: Vec<LegRef>,
    pending: Agenda,
    ages: u64,
    /// What a listing under way has found.
    found: Vec<LegRef>,
    /// Listed channels of calls that the engine began, with whom those are for.
    pub(crate) begun_unseen: Vec<(LegRef, CallRef, call::Numbers)>,
    found_in_queues: Vec<(LegRef, QueueId, u32)>,
    /// Listed channels that bear the name of a consultation.
    consults_unseen: Vec<control::Consulted>,
    /// The time of what is being looked at.
    pub(crate) now: Timestamp,
    /// When that is told to have been: later than all that was told of anything before.
    moment: Timestamp,
    told_until: Timestamp,
    /// What is being looked at is a comparison of lists.
    pub(crate) recovered: bool,
    /// The lists that follow a log-in are not complete.
    pub(crate) unlisted: bool,
    /// Channels that left a bridge nobody saw them enter, while the lists come.
    left_unseen: Vec<belief::LeftUnseen>,
    pub(crate) out: Vec<PbxEvent>,
    /// Channels of which is to be asked what application serves them.
    pub(crate) asks: Vec<LegRef>,
}

impl Switchboard {
    pub(crate) fn new(settings: Settings) -> Self {
        let mut endpoints = Endpoints::default();
        for address in settings.devices.keys() {
            endpoints.configure(address.clone(), Side::Phone);
        }
        for trunk in &settings.trunks {
            endpoints.configure_trunk(trunk);
        }
        Self {
            settings,
            endpoints,
            topology: Topology::default(),
            calls: Map::default(),
            on: Map::default(),
            consults: BTreeMap::new(),
            begun: VecDeque::new(),
            spies: Vec::new(),
            unplaced: Vec::new(),
            pending: Agenda::default(),
            ages: 0,
            found: Vec::new(),
            begun_unseen: Vec::new(),
            found_in_queues: Vec::new(),
            consults_unseen: Vec::new(),
            now: Timestamp::default(),
            moment: Timestamp::default(),
            told_until: Timestamp::default(),
            recovered: false,
            unlisted: false,
            left_unseen: Vec::new(),
            out: Vec::new(),
            asks: Vec::new(),
        }
    }

    /// Whether a call of that reference lives.
    pub(crate) fn knows(&self, call: &CallRef) -> bool {
        self.calls.contains_key(call)
    }

    /// Whether this channel's call is not told yet because its presentation is not sure.
    pub(crate) fn is_unsure(&self, uid: &str) -> bool {
        self.numbers_of(uid).is_some_and(|numbers| numbers.open)
    }

    /// What is known of the numbers of the call that this channel began.
    pub(crate) fn numbers_of(&self, uid: &str) -> Option<&Numbers> {
        let call = self.calls.get(self.call_on(uid)?)?;
        (call.originator == *uid).then_some(&call.numbers)
    }

    /// How many calls live.
    pub(crate) fn calls(&self) -> usize {
        self.calls.len()
    }

    /// Something is looked at that was read at this time.
    pub(crate) fn look(&mut self, at: Timestamp) {
        self.now = at;
        self.moment = at.max(Timestamp::from_micros(self.told_until.as_micros().saturating_add(1)));
    }

    /// A fact that concerns no call.
    pub(crate) fn tell(&mut self, fact: Fact) {
        self.tell_at(self.now, self.recovered, fact);
    }

    /// A fact of the past is told with its own time, but never before a fact that was told already.
    fn tell_at(&mut self, at: Timestamp, recovered: bool, fact: Fact) {
        let pbx = self.settings.pbx.clone();
        let at = if at < self.now { at.max(self.told_until) } else { self.moment };
        self.told_until = at;
        self.out.push(PbxEvent { pbx, at, recovered, fact });
    }

    /// A fact of a call, which is introduced first if nothing was told of it yet.
    fn say(&mut self, call: &CallRef, fact: Fact) {
        self.say_at(call, self.now, fact);
    }

    fn say_at(&mut self, call: &CallRef, at: Timestamp, fact: Fact) {
        self.introduce(call, None);
        if let Some(call) = self.calls.get(call).filter(|call| call.told) {
            let recovered = self.is_recovered(call);
            self.tell_at(at, recovered, fact);
        }
    }

    /// Whether what is told of a call now is reconstructed: by comparing lists, or, before they are complete, from the rest
    /// that was seen of something nobody saw begin.
    const fn is_recovered(&self, call: &Call) -> bool {
        self.recovered || (self.unlisted && call.believed)
    }

    /// Tells `CallStarted`, once. `toward` is what the first target is, if one is known.
    fn introduce(&mut self, call: &CallRef, toward: Option<Side>) {
        let Some(known) = self.calls.get(call).filter(|call| !call.told && !call.silent) else { return };
        let Some(originator) = known.leg(known.originator.as_str()) else { return };
        let (leg, up, seen) = (originator.leg.clone(), originator.up, originator.seen());
        let direction = known.direction.unwrap_or_else(|| self.direction(known, originator, toward));
        let numbers = known.numbers.clone();
        let Some(known) = self.calls.get_mut(call) else { return };
        known.direction = Some(direction);
        known.told = true;
        let begun_at = known.begun_at;
        let recovered = self.recovered || (self.unlisted && known.believed);
        self.tell_at(
            begun_at,
            recovered,
            Fact::CallStarted {
                call: call.clone(),
                originator: seen,
                direction,
                ani: numbers.ani,
                dnis: numbers.dnis,
                via: numbers.via,
                trunk: numbers.trunk,
                data: numbers.data,
                watched: false,
            },
        );
        if up {
            self.tell_at(self.now, recovered, Fact::LegUp { call: call.clone(), leg });
        }
    }

    /// From outside, to outside, or among ourselves.
    fn direction(&self, call: &Call, originator: &Leg, toward: Option<Side>) -> Direction {
        if self.endpoints.side(&originator.address) == Side::Trunk {
            return if call.originated { Direction::Outbound } else { Direction::Inbound };
        }
        match toward {
            Some(Side::Trunk) => Direction::Outbound,
            Some(Side::Phone) => Direction::Internal,
            None if call.originated && call.numbers.dnis.raw.is_empty() => Direction::Outbound,
            None if self.is_internal(&call.numbers.dnis.raw) => Direction::Internal,
            None => Direction::Outbound,
        }
    }

    /// Whether a dialled number stays inside: an extension, a feature code, a name.
    fn is_internal(&self, number: &str) -> bool {
        let digits = number.strip_prefix('+').unwrap_or(number);
        !digits.bytes().all(|b| b.is_ascii_digit())
            || (digits.len() == number.len() && digits.len() <= 6)
            || self.settings.devices.values().any(|extension| extension == number)
    }

    /// The call a channel's party is in. Somebody who consults from within a call is in two: the one of the
    /// present conversation counts.
    pub(crate) fn call_on(&self, channel: &str) -> Option<&CallRef> {
        match self.on.get(channel)?.as_slice() {
            [] => None,
            [only] => Some(only),
            several => {
                let talks = |call: &&CallRef| self.talks(call, channel);
                several.iter().find(talks).or(several.first())
            }
        }
    }

    /// The call of the party that a channel acts for.
    pub(crate) fn call_for(&self, channel: &str) -> Option<CallRef> {
        if let Some(call) = self.consults.get(channel) {
            return Some(call.clone());
        }
        let party = self.topology.served(channel)?;
        self.consults.get(&party).or_else(|| self.call_on(party.as_str())).cloned()
    }

    /// A new call with its first leg; none while a call of that name lives, which its originator has left.
    fn open(&mut self, originator: Leg, numbers: Numbers) -> Option<CallRef> {
        self.open_as(CallRef::new(originator.leg.as_str()), originator, numbers)
    }

    /// The same for a call that has a reference of its own.
    fn open_as(&mut self, reference: CallRef, originator: Leg, numbers: Numbers) -> Option<CallRef> {
        if self.calls.contains_key(&reference) {
            return None;
        }
        self.ages += 1;
        let channel = originator.channel.clone();
        let mut call = Call::new(originator, self.ages, self.now);
        call.call = reference.clone();
        call.numbers = numbers;
        self.on.entry(channel).or_default().push(reference.clone());
        self.calls.insert(reference.clone(), call);
        Some(reference)
    }

    /// Somebody calls the PBX. A caller from outside is told as soon as his presentation is sure; one of us when it
    /// is seen whom he calls.
    pub(crate) fn caller(&mut self, uid: &LegRef) {
        if self.on.contains_key(uid.as_str()) {
            return;
        }
        let Some(channel) = self.topology.get_mut(uid.as_str()) else { return };
        let mut numbers = channel.numbers.take().map(|numbers| *numbers).unwrap_or_default();
        let leg = Leg::new(uid.clone(), channel.address.clone());
        let outside = self.endpoints.side(&channel.address) == Side::Trunk;
        if outside {
            let name = channel.address.as_str();
            numbers.trunk = Some(name.split_once('/').map_or(name, |(_, name)| name).to_owned());
        }
        numbers.open &= outside;
        let open = numbers.open;
        let Some(call) = self.open(leg, numbers) else { return };
        if outside && open {
            self.later(Pending::Begin(call));
        } else if outside {
            self.introduce(&call, None);
        }
    }

    fn leg_of(&self, call: &CallRef, channel: &str) -> Option<LegRef> {
        self.calls.get(call)?.on(channel).map(|leg| leg.leg.clone())
    }
}
