//! A call that is seen by the dialogs of one or more watched lines.

use hookswitch_model::{
    CallRef, LegRef, Timestamp,
    call::{Address, AttachedData, Direction, PartyNumber},
    ledger::Cause,
    pbx::{Fact, LegEnd, LegSeen},
};
use hookswitch_sip::dialog_info::{Dialog, State, Why};

use super::{SETTLE, Told};

/// A call that is seen by the dialogs of one or more watched lines.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) name: CallRef,
    pub(super) trunk: String,
    pub(super) ani: PartyNumber,
    pub(super) dnis: PartyNumber,
    pub(super) originator: Side,
    pub(super) targets: Vec<Side>,
    /// Legs that were named.
    pub(super) legs: u32,
    /// It has been told of.
    pub(super) told: bool,
    pub(super) answered: bool,
    /// Until then it waits for its other line.
    pub(super) settles_at: Option<Timestamp>,
}

/// A party.
#[derive(Debug)]
pub(super) struct Side {
    leg: LegRef,
    /// The line, where it is a watched one.
    line: Option<Box<str>>,
    number: String,
    address: Address,
    /// A dialog of the line shows it.
    seen: bool,
    /// It was told to be there, and not to have left.
    here: bool,
    holds: bool,
}

impl Side {
    /// A watched line, and whether its dialog was seen.
    pub(super) fn line((call, nth): (&CallRef, u32), name: &str, number: &str, seen: bool) -> Self {
        Self { line: Some(name.into()), seen, ..Self::named((call, nth), name, number) }
    }

    /// Somebody nobody watches, behind the trunk.
    pub(super) fn outside((call, nth): (&CallRef, u32), trunk: &str, number: &str) -> Self {
        Self::named((call, nth), &format!("sip:{trunk}"), number)
    }

    fn named((call, nth): (&CallRef, u32), address: &str, number: &str) -> Self {
        Self {
            leg: LegRef::new(&format!("{}.{nth}", call.as_str())),
            line: None,
            number: number.to_owned(),
            address: Address::new(address),
            seen: false,
            here: false,
            holds: false,
        }
    }

    fn is(&self, name: &str) -> bool {
        self.line.as_deref() == Some(name)
    }

    fn as_seen(&self) -> LegSeen {
        let number = Some(&self.number).filter(|number| self.line.is_none() && !number.is_empty());
        LegSeen { leg: self.leg.clone(), address: self.address.clone(), number: number.cloned() }
    }
}

impl Call {
    /// Whether a new dialog of a line is one more view of this call.
    pub(super) fn is_joined_by(&self, name: &str, received: bool, other: Option<&str>) -> bool {
        if received {
            // A group of phones rings for one caller.
            let named = other.is_some_and(|other| !other.is_empty() && self.originator.number == other);
            let known = self.targets.iter().any(|target| target.is(name) && target.seen);
            return named && !self.answered && !known && !self.originator.is(name);
        }
        let to = |other: &str| self.targets.iter().any(|target| target.number == other);
        self.originator.is(name) && !self.originator.seen && other.is_none_or(to)
    }

    /// A line's dialog is a view of this call.
    pub(super) fn join(&mut self, name: &str, number: &str, received: bool, told: &mut Told<'_>) {
        if !received {
            self.originator.seen = true;
            return;
        }
        self.settles_at = None;
        if self.dnis.raw.is_empty() {
            self.dnis.raw = number.to_owned();
        }
        self.add(|call, nth| Side::line((call, nth), name, number, true));
        self.tell(told);
    }

    fn add(&mut self, side: impl FnOnce(&CallRef, u32) -> Side) {
        self.legs += 1;
        self.targets.push(side(&self.name, self.legs));
    }

    /// Tells what was not told yet: the call, and who rings.
    pub(super) fn tell(&mut self, told: &mut Told<'_>) {
        if !std::mem::replace(&mut self.told, true) {
            let inside = self.targets.iter().any(|target| target.line.is_some());
            let direction = match (self.originator.line.is_some(), inside) {
                (false, _) => Direction::Inbound,
                (true, true) => Direction::Internal,
                (true, false) => Direction::Outbound,
            };
            self.originator.here = true;
            told.tell(Fact::CallStarted {
                call: self.name.clone(),
                originator: self.originator.as_seen(),
                direction,
                ani: self.ani.clone(),
                dnis: self.dnis.clone(),
                via: None,
                trunk: (direction == Direction::Inbound).then(|| self.trunk.clone()),
                data: AttachedData::new(),
                watched: true,
            });
        }
        for target in self.targets.iter_mut().filter(|target| !target.here) {
            target.here = true;
            told.tell(Fact::LegRinging { call: self.name.clone(), leg: target.as_seen(), ring: None });
        }
    }

    /// A dialog of the call moved on.
    pub(super) fn advance(&mut self, name: &str, dialog: &Dialog, told: &mut Told<'_>) {
        if dialog.state == State::Confirmed && !self.answered {
            if let Some(at) = self.targets.iter().position(|target| target.is(name)) {
                self.answer(at, told);
            } else if self.targets.is_empty() {
                self.settles_at.get_or_insert(told.at + SETTLE);
            } else if let Some(at) = self.targets.iter().position(|target| !target.seen) {
                self.answer(at, told);
            }
        }
        if !self.answered {
            return;
        }
        let sides = std::iter::once(&mut self.originator).chain(&mut self.targets);
        for side in sides.filter(|side| side.is(name) && side.here) {
            if std::mem::replace(&mut side.holds, dialog.local.holds) != dialog.local.holds {
                let (call, leg) = (self.name.clone(), side.leg.clone());
                told.tell(match side.holds {
                    true => Fact::Held { call, leg },
                    false => Fact::Retrieved { call, leg },
                });
            }
        }
    }

    /// No other line came: it is a call to somebody outside.
    pub(super) fn settle(&mut self, told: &mut Told<'_>) {
        self.settles_at = None;
        if self.targets.is_empty() && !self.answered {
            let (trunk, number) = (self.trunk.clone(), self.dnis.raw.clone());
            self.add(|call, nth| Side::outside((call, nth), &trunk, &number));
            self.answer(0, told);
        }
    }

    fn answer(&mut self, at: usize, told: &mut Told<'_>) {
        self.tell(told);
        self.answered = true;
        let target = self.targets.swap_remove(at);
        for other in std::mem::replace(&mut self.targets, vec![target]) {
            self.left(other, LegEnd::Cancelled, told);
        }
        for target in &self.targets {
            let (call, leg) = (self.name.clone(), target.leg.clone());
            told.tell(Fact::LegUp { call: call.clone(), leg: leg.clone() });
            told.tell(Fact::Talking { call: call.clone(), leg: self.originator.leg.clone() });
            told.tell(Fact::Talking { call, leg });
        }
    }

    fn left(&self, side: Side, end: LegEnd, told: &mut Told<'_>) {
        if side.here {
            let cause = cause(end);
            told.tell(Fact::LegLeft { call: self.name.clone(), leg: side.leg, end, cause });
        }
    }

    /// A dialog of a line is over. Whether the call is.
    pub(super) fn leave(&mut self, name: &str, last: Option<&Dialog>, told: &mut Told<'_>) -> bool {
        self.tell(told);
        let Some(at) = self.targets.iter().position(|target| target.is(name)) else {
            // Who rang and did not answer left before.
            let calls = self.originator.is(name);
            if calls {
                self.end(End::of(last, self.answered, true), told);
            }
            return calls;
        };
        let end = End::of(last, self.answered, false);
        let others = !self.answered && self.targets.len() > 1;
        if !others && !self.originator.seen {
            self.end(end, told);
            return true;
        }
        // Others ring on, or the caller is still there: it may be led elsewhere.
        let target = self.targets.swap_remove(at);
        self.left(target, if self.answered { LegEnd::HungUp } else { end.target }, told);
        if self.answered {
            told.tell(Fact::Apart { call: self.name.clone(), leg: self.originator.leg.clone() });
        }
        false
    }

    fn end(&mut self, end: End, told: &mut Told<'_>) {
        let by = match end.by {
            By::Originator => Some(self.originator.leg.clone()),
            By::Target => self.targets.first().map(|target| target.leg.clone()),
            By::Unknown => None,
        };
        for target in std::mem::take(&mut self.targets) {
            self.left(target, end.target, told);
        }
        let leg = self.originator.leg.clone();
        let call = self.name.clone();
        told.tell(Fact::LegLeft { call: call.clone(), leg, end: end.originator, cause: None });
        told.tell(Fact::CallEnded { call, by, cause: cause(end.target) });
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy)]
struct End {
    originator: LegEnd,
    target: LegEnd,
    by: By,
}

#[derive(Debug, Clone, Copy)]
enum By {
    Originator,
    Target,
    Unknown,
}

impl End {
    /// From what was told last of the dialog of the line that left: of its originator, or of who was called.
    fn of(last: Option<&Dialog>, answered: bool, calling: bool) -> Self {
        let (why, code) = last.map_or((None, None), |dialog| (dialog.why, dialog.code));
        if answered {
            let local = match why {
                Some(Why::LocalBye) => Some(calling),
                Some(Why::RemoteBye) => Some(!calling),
                Some(_) | None => None,
            };
            return match local {
                Some(true) => {
                    Self { originator: LegEnd::HungUp, target: LegEnd::Released, by: By::Originator }
                }
                Some(false) => Self { originator: LegEnd::Released, target: LegEnd::HungUp, by: By::Target },
                None => Self { originator: LegEnd::Released, target: LegEnd::Released, by: By::Unknown },
            };
        }
        let target = match (why, code) {
            (_, Some(486 | 600)) => LegEnd::Busy,
            (_, Some(408)) | (Some(Why::Timeout), _) => LegEnd::NoAnswer,
            (_, Some(480 | 404 | 410)) => LegEnd::Unreachable,
            (Some(Why::Rejected), _) | (_, Some(403 | 603)) => LegEnd::Rejected,
            (Some(Why::Error), _) | (_, Some(500..=599)) => LegEnd::Failed,
            // Answered elsewhere.
            (Some(Why::Replaced), _) | (_, Some(200)) => LegEnd::Cancelled,
            (Some(Why::Cancelled | Why::LocalBye | Why::RemoteBye) | None, _) => LegEnd::CallerLeft,
        };
        let caller = target == LegEnd::CallerLeft;
        let originator = if caller { LegEnd::HungUp } else { LegEnd::Released };
        Self { originator, target, by: if caller { By::Originator } else { By::Unknown } }
    }
}

/// Q.850, where the end says it.
#[expect(clippy::wildcard_enum_match_arm, reason = "the others say nothing of why")]
fn cause(end: LegEnd) -> Option<Cause> {
    let (q850, text) = match end {
        LegEnd::Busy => (17, "user busy"),
        LegEnd::NoAnswer => (19, "no answer"),
        LegEnd::Rejected => (21, "call rejected"),
        LegEnd::Unreachable => (20, "subscriber absent"),
        _ => return None,
    };
    Some(Cause { q850, text: text.to_owned() })
}
