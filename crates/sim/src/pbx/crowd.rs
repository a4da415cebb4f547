//! Callers who act by themselves, one by one or as a crowd that keeps coming.

use crate::config::{Micros, SECOND};
use crate::pbx::{CallIn, Fate, FateEnd, LegId, Pbx, Timer};

/// What a caller does when its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallerAct {
    GiveUp,
    EndTalk,
    Press(char),
}

/// A caller who is on the line.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    talk: Option<Micros>,
    talking: bool,
    gave_up: bool,
    /// Its life so far, where fates are kept.
    pub(super) fate: Option<Fate>,
}

impl Caller {
    pub(super) fn new(talk: Option<Micros>, fate: Option<Fate>) -> Self {
        Self { talk, talking: false, gave_up: false, fate }
    }
}

/// Callers without end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// Mean time between two callers; the times are exponentially distributed.
    pub every: Micros,
    /// Numbers they dial, all as often.
    pub numbers: Vec<String>,
    /// How many different numbers they call from.
    pub people: u64,
    /// Shortest and longest wait until a caller who talks to nobody gives up.
    pub patience: (Micros, Micros),
    /// Shortest and longest talk.
    pub talk: (Micros, Micros),
    /// How many talks in a thousand the called side ends.
    pub agent_ends: u16,
    /// How many callers in a thousand hide their number.
    pub withheld: u16,
    /// Keys that callers press while nobody talks to them, all as often.
    pub keys: Vec<char>,
    /// How many callers in a thousand press one of them, at some moment of their patience.
    pub presses: u16,
    /// How many calls are placed in all, none for no end.
    pub total: Option<u64>,
}

impl Default for Crowd {
    fn default() -> Self {
        Self {
            every: SECOND,
            numbers: vec!["5003".to_owned()],
            people: 1000,
            patience: (20 * SECOND, 120 * SECOND),
            talk: (2 * SECOND, 20 * SECOND),
            agent_ends: 300,
            withheld: 50,
            keys: Vec::new(),
            presses: 0,
            total: None,
        }
    }
}

/// What became of all callers so far: what an oracle compares a ledger with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CrowdReport {
    /// Calls that came in.
    pub placed: u64,
    /// Calls over whose caller talked to somebody.
    pub talked: u64,
    /// Calls over whose caller gave up before.
    pub gave_up: u64,
    /// Calls the PBX ended before anybody talked.
    pub turned_away: u64,
}

impl Pbx {
    /// Lets a crowd call from now on; a crowd that called before goes home.
    pub fn start_crowd(&mut self, now: Micros, crowd: Crowd) {
        self.advance(now);
        self.crowd = Some(crowd);
        if !self.arrival_is_due {
            self.next_arrival(0);
        }
    }

    pub(super) fn next_arrival(&mut self, pause: Micros) {
        self.arrival_is_due = true;
        self.after(pause, Timer::Arrival);
    }

    /// Nobody new calls; who is on the line stays.
    pub fn stop_crowd(&mut self) {
        self.crowd = None;
    }

    /// What became of all callers so far.
    #[must_use]
    pub fn crowd_report(&self) -> CrowdReport {
        self.report
    }

    /// The next caller of the crowd dials.
    pub(super) fn caller_arrives(&mut self) {
        self.arrival_is_due = false;
        let Some(mut crowd) = self.crowd.take() else { return };
        if crowd.total == Some(0) || crowd.numbers.is_empty() {
            return;
        }
        crowd.total = crowd.total.map(|left| left - 1);
        let random = &mut self.random;
        let last = crowd.numbers.len() as u64 - 1;
        let number = usize::try_from(random.between(0, last)).unwrap_or(0);
        let person = random.between(1, crowd.people.max(1));
        let mut call = CallIn::new(format!("+4930{person:07}"), crowd.numbers[number].clone());
        call.withheld = random.chance(u64::from(crowd.withheld));
        call.patience = Some(random.between(crowd.patience.0, crowd.patience.1));
        call.talk = Some(random.between(crowd.talk.0, crowd.talk.1));
        let pause = random.exponential(crowd.every);
        let patience = call.patience.unwrap_or_default();
        let key = crowd.keys.len().checked_sub(1).filter(|_| random.chance(u64::from(crowd.presses)));
        let key = key.map(|last| {
            let place = usize::try_from(random.between(0, last as u64)).unwrap_or(0);
            (crowd.keys[place], random.between(0, patience))
        });
        self.crowd = Some(crowd);
        self.next_arrival(pause);
        let leg = self.place_call(call);
        if let Some((key, after)) = key {
            self.after(after, Timer::Caller { leg, act: CallerAct::Press(key) });
        }
    }

    pub(super) fn caller_acts(&mut self, leg: LegId, act: CallerAct) {
        if self.called.contains_key(&leg) {
            return self.far_end_hangs_up(leg, None);
        }
        let Some(caller) = self.callers.get_mut(&leg) else { return };
        match act {
            CallerAct::GiveUp | CallerAct::Press(_) if caller.talking => {}
            CallerAct::Press(key) => self.digit(leg, key),
            CallerAct::GiveUp => {
                caller.gave_up = true;
                self.far_end_hangs_up(leg, None);
            }
            CallerAct::EndTalk => {
                let agent_ends = self.crowd.as_ref().map_or(0, |crowd| u64::from(crowd.agent_ends));
                let agent = self.partners(leg).first().copied();
                match agent.filter(|_| self.random.chance(agent_ends)) {
                    Some(agent) => self.far_end_hangs_up(agent, None),
                    None => self.far_end_hangs_up(leg, None),
                }
            }
        }
    }

    /// Callers begin to talk when they are bridged.
    pub(super) fn crowd_is_bridged(&mut self, legs: &[LegId]) {
        if legs.len() < 2 {
            return;
        }
        for leg in legs {
            let others = legs.iter().filter(|other| *other != leg);
            let names = others.filter_map(|other| self.channels.get(other)?.endpoint.clone());
            let names: Vec<String> = if self.fates.is_some() { names.collect() } else { Vec::new() };
            self.called_is_bridged(*leg, &names);
            let Some(caller) = self.callers.get_mut(leg) else { continue };
            if let Some(fate) = &mut caller.fate {
                fate.talked_to.extend(names);
            }
            if std::mem::replace(&mut caller.talking, true) {
                continue;
            }
            if let Some(talk) = caller.talk {
                self.after(talk, Timer::Caller { leg: *leg, act: CallerAct::EndTalk });
            }
        }
    }

    /// A caller's leg is over; so is its dialplan, which was in this context.
    pub(super) fn caller_is_gone(&mut self, leg: LegId, restarted: bool, context: &str) {
        let Some(caller) = self.callers.remove(&leg) else { return };
        let (count, end) = if caller.talking {
            (&mut self.report.talked, FateEnd::Talked)
        } else if caller.gave_up {
            (&mut self.report.gave_up, FateEnd::GaveUp)
        } else {
            (&mut self.report.turned_away, FateEnd::TurnedAway)
        };
        *count += 1;
        if let (Some(fates), Some(mut fate)) = (&mut self.fates, caller.fate) {
            fate.to = self.now;
            context.clone_into(&mut fate.context);
            fate.end = if restarted { FateEnd::Restarted } else { end };
            fates.push(fate);
        }
    }
}
