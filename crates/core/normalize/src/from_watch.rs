//! What the lines of another PBX do, as facts: where there is no AMI, its dialog event package is all there is.
//!
//! [`hookswitch_sip::watch`] tells the dialogs of each line; here they become calls. A dialog that a line receives is a
//! call from whom it names to the line; one that it began is a call by the line. Two lines that name each other are one
//! internal call. Asterisk names nobody in a dialog that is not ringing: such a call waits [`SETTLE`] for its other
//! line before it is told as one to the outside.
//!
//! Calls that Hookswitch itself has with a line are told by the switch: what a line does while it is in one, and until
//! [`AFTER`] its end, is that call seen from the other side and begins none.
//!
//! Invariants: as of the crate. A call begins before anything is told of it and ends once, each of its legs leaves once;
//! memory is bounded by the dialogs that the lines have.

mod call;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_model::{
    CallRef, Millis, PbxId, Timestamp,
    agent::DeviceState,
    call::{Address, PartyNumber},
    pbx::{Fact, PbxEvent},
};
use hookswitch_sip::{
    dialog_info::{Dialog, Direction, State},
    watch::Report,
};
use hookswitch_switch::{self as switch, Event, LegId};

use crate::number::Plan;
use call::{Call, Side};

/// How long a call to nobody knows whom waits for its other line.
pub const SETTLE: Millis = Millis(1_000);
/// How long after its own call a line is not believed to begin another: the PBX tells later than the call is over.
pub const AFTER: Millis = Millis(2_000);

/// Reads what is told of the lines of the trunks of one PBX.
#[derive(Debug)]
pub struct FromWatch {
    pbx: PbxId,
    plan: Plan,
    /// Begins the references of calls, so that those of two runs do not meet.
    epoch: String,
    lines: BTreeMap<Box<str>, Line>,
    calls: BTreeMap<u64, Call>,
    counted: u64,
}

/// A line: `sip:1001@pbx`.
#[derive(Debug)]
struct Line {
    address: Address,
    number: String,
    trunk: String,
    /// Our own calls with it.
    own: BTreeSet<LegId>,
    own_until: Option<Timestamp>,
    /// Its dialogs by their ids, with the call of each; none: our own.
    dialogs: BTreeMap<Box<str>, Option<u64>>,
    state: DeviceState,
    /// What is told next was not seen happening.
    blind: bool,
}

/// Where facts are told.
struct Told<'a> {
    pbx: &'a PbxId,
    at: Timestamp,
    recovered: bool,
    facts: Vec<PbxEvent>,
}

impl Told<'_> {
    fn tell(&mut self, fact: Fact) {
        let Self { pbx, at, recovered, .. } = *self;
        self.facts.push(PbxEvent { pbx: pbx.clone(), at, recovered, fact });
    }
}

impl FromWatch {
    /// Of this PBX, with numbers read so. The epoch is one of this run and no other.
    #[must_use]
    pub fn new(pbx: PbxId, plan: Plan, epoch: u64) -> Self {
        Self {
            pbx,
            plan,
            epoch: format!("watch-{epoch:016x}"),
            lines: BTreeMap::new(),
            calls: BTreeMap::new(),
            counted: 0,
        }
    }

    /// What the watcher reports.
    #[must_use]
    pub fn read(&mut self, at: Timestamp, report: Report) -> Vec<PbxEvent> {
        match report {
            Report::Dialogs { line, dialogs } => self.dialogs(at, &line, &dialogs),
            Report::Lost { line, status: _ } => self.lost(at, &line),
        }
    }

    /// The switch saw something: what is its own call with a watched line.
    pub fn own(&mut self, at: Timestamp, event: &Event) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "only who comes and who goes matters here")]
        match event {
            Event::Rings { leg, line, .. } => self.taken(*leg, &line.to_string()),
            Event::Began(began) => {
                // A phone of the other PBX calls us: by its trunk, as its number.
                let behind = began.line.trunk().map(|trunk| format!("sip:{}@{trunk}", began.caller.number));
                self.taken(began.leg, &behind.unwrap_or_else(|| began.line.to_string()));
            }
            Event::Left { leg, .. } => {
                for line in self.lines.values_mut() {
                    if line.own.remove(leg) {
                        line.own_until = Some(at + AFTER);
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether a call is one of these; then it lives, or was told ended.
    #[must_use]
    pub fn knows(&self, call: &CallRef) -> bool {
        call.as_str().starts_with("watch-")
    }

    /// Whether a call of these is still there, as far as can be told.
    #[must_use]
    pub fn lives(&self, call: &CallRef) -> bool {
        self.calls.values().any(|known| known.name == *call)
    }

    /// When [`Self::tick`] has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.calls.values().filter_map(|call| call.settles_at).min()
    }

    /// Time passed: who waited for another line has none.
    #[must_use]
    pub fn tick(&mut self, now: Timestamp) -> Vec<PbxEvent> {
        let mut told = Told { pbx: &self.pbx, at: now, recovered: false, facts: Vec::new() };
        for call in self.calls.values_mut().filter(|call| call.settles_at.is_some_and(|at| at <= now)) {
            call.settle(&mut told);
        }
        told.facts
    }

    /// A line is in a call of ours: what was seen of it and is not told yet is that call.
    fn taken(&mut self, leg: LegId, name: &str) {
        let Some(line) = self.lines.get_mut(name) else { return };
        line.own.insert(leg);
        for dialog in line.dialogs.values_mut() {
            if let Some(call) = *dialog
                && self.calls.get(&call).is_some_and(|call| !call.told)
            {
                self.calls.remove(&call);
                *dialog = None;
            }
        }
    }

    fn line(&mut self, name: &str) -> Option<&mut Line> {
        let Ok(switch::Line::Behind { number, trunk }) = name.parse() else { return None };
        let fresh = || Line {
            address: Address::new(name),
            number: number.to_string(),
            trunk: trunk.to_string(),
            own: BTreeSet::new(),
            own_until: None,
            dialogs: BTreeMap::new(),
            state: DeviceState::Unknown,
            blind: true,
        };
        Some(self.lines.entry(name.into()).or_insert_with(fresh))
    }

    /// Nothing is seen of a line: its calls are kept, and compared when something is seen again.
    fn lost(&mut self, at: Timestamp, name: &str) -> Vec<PbxEvent> {
        let Some(line) = self.line(name) else { return Vec::new() };
        line.blind = true;
        if std::mem::replace(&mut line.state, DeviceState::Unknown) == DeviceState::Unknown {
            return Vec::new();
        }
        let fact = Fact::Device { address: line.address.clone(), state: DeviceState::Unknown };
        vec![PbxEvent { pbx: self.pbx.clone(), at, recovered: false, fact }]
    }

    fn dialogs(&mut self, at: Timestamp, name: &str, dialogs: &[Dialog]) -> Vec<PbxEvent> {
        let Some(line) = self.line(name) else { return Vec::new() };
        let recovered = std::mem::take(&mut line.blind);
        let ours = !line.own.is_empty() || line.own_until.is_some_and(|until| at <= until);
        let known: BTreeSet<Box<str>> = line.dialogs.keys().cloned().collect();
        let pbx = self.pbx.clone();
        let mut told = Told { pbx: &pbx, at, recovered, facts: Vec::new() };
        // What is over makes room first: the next call of a line is not the last one's.
        let is_over =
            |id: &str| !dialogs.iter().any(|dialog| *dialog.id == *id && dialog.state != State::Terminated);
        for id in known.iter().filter(|id| is_over(id)) {
            let last = dialogs.iter().find(|dialog| dialog.id == *id);
            self.over(name, id, last, &mut told);
        }
        for dialog in dialogs.iter().filter(|dialog| dialog.state != State::Terminated) {
            if !known.contains(&dialog.id) {
                let call = if ours { None } else { Some(self.found(name, dialog, &mut told)) };
                if let Some(line) = self.lines.get_mut(name) {
                    line.dialogs.insert(dialog.id.clone(), call);
                }
            }
            let call = self.lines.get(name).and_then(|line| line.dialogs.get(&dialog.id).copied().flatten());
            if let Some(call) = call.and_then(|call| self.calls.get_mut(&call)) {
                call.advance(name, dialog, &mut told);
            }
        }
        self.device(name, dialogs, &mut told);
        told.facts
    }

    /// What a line's phones do now, where that is news.
    fn device(&mut self, name: &str, dialogs: &[Dialog], told: &mut Told<'_>) {
        let Some(line) = self.lines.get_mut(name) else { return };
        let furthest =
            dialogs.iter().map(|dialog| dialog.state).filter(|state| *state != State::Terminated).max();
        let rings = |dialog: &&Dialog| dialog.state == State::Early && is_received(dialog);
        let state = match furthest {
            None => DeviceState::Idle,
            Some(State::Confirmed) => DeviceState::InUse,
            Some(_) if dialogs.iter().find(rings).is_some() => DeviceState::Ringing,
            Some(_) => DeviceState::InUse,
        };
        if std::mem::replace(&mut line.state, state) != state {
            told.tell(Fact::Device { address: line.address.clone(), state });
        }
    }

    /// The call of a new dialog: one that another line shows already, or a new one.
    fn found(&mut self, name: &str, dialog: &Dialog, told: &mut Told<'_>) -> u64 {
        let Some(line) = self.lines.get(name) else { return 0 };
        let (other, received) = (dialog.remote.user(), is_received(dialog));
        let joins =
            |call: &Call| call.trunk == line.trunk && call.is_joined_by(name, received, other.as_deref());
        if let Some((id, call)) = self.calls.iter_mut().find(|(_, call)| joins(call)) {
            call.join(name, &line.number, received, told);
            return *id;
        }
        self.counted += 1;
        let mut call = self.new_call(name, line, dialog);
        // Who names nobody may yet be named by the other line.
        if received || other.is_some() || dialog.state != State::Confirmed {
            call.tell(told);
        }
        self.calls.insert(self.counted, call);
        self.counted
    }

    fn new_call(&self, name: &str, line: &Line, dialog: &Dialog) -> Call {
        let reference = CallRef::new(&format!("{}-{}", self.epoch, self.counted));
        let number = dialog.remote.user().unwrap_or_default();
        let beyond = format!("sip:{number}@{}", line.trunk);
        let watched = self.lines.contains_key(&*beyond);
        let party = |raw: &str| PartyNumber {
            raw: raw.to_owned(),
            e164: self.plan.e164(raw),
            ..PartyNumber::default()
        };
        let own = |nth| Side::line((&reference, nth), name, &line.number, true);
        let far = |nth| {
            if watched {
                Side::line((&reference, nth), &beyond, &number, false)
            } else {
                Side::outside((&reference, nth), &line.trunk, &number)
            }
        };
        let display = dialog.remote.display.as_deref().map(str::to_owned);
        let (originator, targets, ani, dnis) = if is_received(dialog) {
            let ani = PartyNumber { name: display, ..party(&number) };
            (far(1), vec![own(2)], ani, party(&line.number))
        } else {
            // A watched line tells itself that it rings.
            let targets = if watched || number.is_empty() { Vec::new() } else { vec![far(2)] };
            (own(1), targets, party(&line.number), party(&number))
        };
        Call {
            name: reference,
            trunk: line.trunk.clone(),
            ani,
            dnis,
            originator,
            targets,
            legs: 2,
            told: false,
            answered: false,
            settles_at: None,
        }
    }

    /// A dialog is over, and perhaps its call.
    fn over(&mut self, name: &str, id: &str, last: Option<&Dialog>, told: &mut Told<'_>) {
        let Some(line) = self.lines.get_mut(name) else { return };
        let Some(Some(call)) = line.dialogs.remove(id) else { return };
        let Some(known) = self.calls.get_mut(&call) else { return };
        if known.leave(name, last, told) {
            self.calls.remove(&call);
        }
    }
}

/// Whether a dialog came to the line. Asterisk says so while it rings, and nothing before and after.
fn is_received(dialog: &Dialog) -> bool {
    match dialog.direction {
        Some(direction) => direction == Direction::Recipient,
        None => dialog.state == State::Early,
    }
}
