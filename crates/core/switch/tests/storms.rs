//! Everything at once, in bad weather: phones and orders at random, every packet may be lost, doubled or late. Whatever
//! happens, each call is told in order and ends once, and in the end nothing is kept.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks for one kind of event"
)]

mod common;

use std::{collections::BTreeMap, time::Duration};

use common::{
    Names, Stage, Weather, line,
    phone::{Manners, State},
    settings, spoken,
};
use hookswitch_sip::Random;
use hookswitch_switch::{CallId, Command, Event, LegId, OrderId, Supervision, Target, settings::MediaPorts};

const PHONES: [&str; 4] = ["alice", "bob", "dora", "dora-mobile"];

fn stage(seed: u64, weather: Weather) -> Stage {
    let mut settings = settings();
    settings.media = Some(MediaPorts { address: "10.9.9.9".parse().unwrap(), first: 20_000, last: 20_100 });
    settings.session.expires = Duration::from_secs(300);
    settings.spoken = spoken();
    let mut stage = Stage::with(settings, seed);
    for phone in PHONES {
        stage.phone(phone).register(3_600);
    }
    stage.wait(1_000);
    stage.weather = weather;
    stage
}

/// What an observer may conclude from the events, and what must never be.
#[derive(Default)]
struct Book {
    /// Legs that are there, by call; none: the call is over.
    calls: BTreeMap<String, Option<Vec<LegId>>>,
    read: usize,
    /// Who rings, is up, waits: what orders may name.
    waiting: Vec<CallId>,
}

impl Book {
    fn read(&mut self, events: &[Event]) {
        for event in &events[self.read..] {
            let Err(why) = self.take(event) else { continue };
            let line = Names::of(events).line(event).unwrap_or_default();
            let call = line.split(' ').next().unwrap_or_default().to_owned();
            panic!("{why}: {line}\n{}", told_of(events, &call));
        }
        self.read = events.len();
    }

    fn take(&mut self, event: &Event) -> Result<(), &'static str> {
        match event {
            Event::Began(began) => {
                let new = self.calls.insert(began.call.to_string(), Some(vec![began.leg])).is_none();
                return if new { Ok(()) } else { Err("began twice") };
            }
            Event::Rings { call, leg, .. } => {
                let legs = self.legs(call)?;
                if !legs.contains(leg) {
                    legs.push(*leg);
                }
            }
            Event::Waits { call, .. } => {
                self.legs(call)?;
                self.waiting.push(call.clone());
            }
            Event::Up { call, leg }
            | Event::Talks { call, leg }
            | Event::Apart { call, leg }
            | Event::Held { call, leg }
            | Event::Retrieved { call, leg }
            | Event::Digit { call, leg, .. } => {
                return if self.legs(call)?.contains(leg) { Ok(()) } else { Err("who is that") };
            }
            Event::Supervised { call, leg, .. } => self.legs(call)?.push(*leg),
            Event::Left { call, leg, .. } => {
                let legs = self.legs(call)?;
                let at = legs.iter().position(|known| known == leg).ok_or("left twice, or never came")?;
                legs.remove(at);
            }
            Event::Moved { from, to, leg } => {
                let legs = self.legs(from)?;
                let at = legs.iter().position(|known| known == leg).ok_or("moved from nowhere")?;
                legs.remove(at);
                self.legs(to)?.push(*leg);
            }
            Event::Transferred { call, from, .. } => {
                return if self.legs(call)?.contains(from) { Ok(()) } else { Err("who gives") };
            }
            Event::Ended { call, .. } | Event::Merged { call, .. } => {
                if !self.legs(call)?.is_empty() {
                    return Err("ended with somebody in it");
                }
                self.calls.insert(call.to_string(), None);
                self.waiting.retain(|waiting| waiting != call);
            }
            Event::Conferenced { call, .. } | Event::RingOver { call, .. } | Event::Data { call, .. } => {
                self.legs(call)?;
            }
            Event::Done { .. }
            | Event::Checked { .. }
            | Event::DialFailed { .. }
            | Event::User { .. }
            | Event::Trunk { .. } => {}
        }
        Ok(())
    }

    fn legs(&mut self, call: &CallId) -> Result<&mut Vec<LegId>, &'static str> {
        self.calls.get_mut(call.as_str()).ok_or("not begun")?.as_mut().ok_or("over")
    }

    fn live(&self) -> Vec<(CallId, Vec<LegId>)> {
        let live = self.calls.iter().filter_map(|(call, legs)| Some((CallId::new(call), legs.clone()?)));
        live.collect()
    }
}

fn told(events: &[Event]) -> String {
    let names = Names::of(events);
    events.iter().filter_map(|event| names.line(event)).collect::<Vec<_>>().join("\n")
}

/// What was told of one call, and of moves from and to it.
fn told_of(events: &[Event], call: &str) -> String {
    let (start, within) =
        (format!("{call} "), [format!("from {call}"), format!("by {call}"), format!("into {call}")]);
    let told = told(events);
    let about =
        |line: &&str| line.starts_with(&start) || within.iter().any(|text| line.ends_with(text.as_str()));
    told.lines().filter(about).collect::<Vec<_>>().join("\n")
}

/// What chance picks.
struct Dice<'a>(&'a mut Random);

impl Dice<'_> {
    fn pick(&mut self, n: usize) -> usize {
        (self.0.next() % n.max(1) as u64) as usize
    }

    /// A call that lives, with its legs.
    fn call(&mut self, book: &Book) -> Option<(CallId, Vec<LegId>)> {
        let live = book.live();
        live.get(self.pick(live.len())).cloned()
    }
}

/// Something a person or a program might do now.
fn something(stage: &mut Stage, book: &Book, chance: &mut Random, consults: &mut u64) {
    let mut dice = Dice(chance);
    let phone = PHONES[dice.pick(4)];
    match dice.pick(30) {
        what @ 24.. => speaks(stage, book, what, &mut dice),
        what @ (5..=9 | 16 | 17 | 21 | 22) => orders(stage, book, what, &mut dice),
        what @ 18..=20 => consults_somebody(stage, book, what, consults, &mut dice),
        what => does(stage, phone, what, &mut dice),
    }
}

/// Something a person does at a phone.
fn does(stage: &mut Stage, phone: &str, what: usize, dice: &mut Dice<'_>) {
    match what {
        0..=3 => drop(stage.phone("carrier").calls(["5003", "5013", "1001"][dice.pick(3)])),
        4 => drop(stage.phone(phone).calls(["1001", "1002", "5003", "+49301234", "+1900"][dice.pick(5)])),
        10 => {
            let name = ["carrier", "alice", "bob", "dora", "dora-mobile"][dice.pick(5)];
            stage.phone(name).drop_all();
        }
        11 => {
            let at = dice.pick(8);
            if stage.phone(phone).talks.get(at).is_some_and(|talk| talk.state == State::Up) {
                stage.phone(phone).hang_up(at);
            }
        }
        12 | 13 => {
            let name = ["carrier", "alice", "bob", "dora"][dice.pick(4)];
            if stage.phone(name).is(State::Up) {
                stage.phone(name).offers(["sendonly", "sendrecv", "inactive"][dice.pick(3)]);
            }
        }
        14 if stage.phone(phone).is(State::Up) => {
            stage.phone(phone).refers(["1001", "1002", "5013", "+49301"][dice.pick(4)])
        }
        15 => {
            let up: Vec<usize> = stage
                .phone(phone)
                .talks
                .iter()
                .enumerate()
                .filter(|(_, talk)| talk.state == State::Up)
                .map(|(at, _)| at)
                .collect();
            if let [first, second, ..] = up[..] {
                stage.phone(phone).refers_with(first, second);
            }
        }
        _ => {
            stage.phone(phone).manners = [
                Manners::Answers(500),
                Manners::Answers(3_000),
                Manners::Rings,
                Manners::Refuses(486),
                Manners::RefusesAfter(700, 603),
                Manners::Dead,
            ][dice.pick(6)];
        }
    }
}

/// Something a program orders.
fn orders(stage: &mut Stage, book: &Book, what: usize, dice: &mut Dice<'_>) {
    match what {
        5..=9 => {
            if let Some(call) = book.waiting.get(dice.pick(book.waiting.len())) {
                let lines = (0..=dice.pick(2))
                    .map(|_| line(["sip:alice", "sip:bob", "sip:dora"][dice.pick(3)]))
                    .collect();
                let timeout = Duration::from_secs(1 + dice.pick(20) as u64);
                stage.order(Command::Ring { call: call.clone(), lines, timeout });
            }
        }
        16 => {
            if let Some((call, _)) = dice.call(book) {
                let ring = OrderId(dice.pick(40) as u128);
                stage.order(Command::Withdraw { call, ring, legs: Vec::new(), all: true });
            }
        }
        17 => {
            if let Some((_, legs)) = dice.call(book).filter(|(_, legs)| !legs.is_empty()) {
                let leg = legs[dice.pick(legs.len())];
                let cause = [16, 17, 21, 1][dice.pick(4)];
                stage.order(Command::Hangup { leg, cause });
            }
        }
        21 => {
            if let Some((_, legs)) = dice.call(book).filter(|(_, legs)| legs.len() > 1) {
                let (leg, other) = (legs[1], legs[0]);
                stage.order(match dice.pick(4) {
                    0 => Command::Hold { leg },
                    1 => Command::Retrieve { leg },
                    2 => Command::Transfer { leg, other, to: Target::WaitingRoom },
                    _ => Command::Supervise { leg, lines: vec![line("sip:dora")], mode: Supervision::Barge },
                });
            }
        }
        _ => {
            let call = CallId::new(&format!("hs-{}", dice.pick(1_000_000)));
            let to = Target::Number("+49301234".to_owned());
            let (lines, timeout) = (vec![line("sip:alice")], Duration::from_secs(10));
            stage.order(Command::Dial { call, lines, timeout, to, shown: None, data: BTreeMap::new() });
        }
    }
}

/// Something is said to a caller, or keyed by somebody.
fn speaks(stage: &mut Stage, book: &Book, what: usize, dice: &mut Dice<'_>) {
    let waiting = book.waiting.get(dice.pick(book.waiting.len())).cloned();
    match (what, waiting) {
        (24, Some(call)) => {
            let menu = ["main", "account", "none"][dice.pick(3)].to_owned();
            stage.order(Command::Menu { call, menu });
        }
        (25, Some(call)) => {
            let queue = ["told", "support"][dice.pick(2)].to_owned();
            stage.order(Command::Queue { call, queue });
        }
        (26, Some(call)) => {
            let (queue, position) = ("told".to_owned(), Some(3));
            stage.order(Command::Announce { call, queue, position, wait: None });
        }
        (27, Some(call)) => {
            let legs = book.live().into_iter().find(|(live, _)| *live == call).map(|(_, legs)| legs);
            if let Some(leg) = legs.and_then(|legs| legs.first().copied()) {
                stage.order(Command::Farewell { leg, prompt: "bye".to_owned() });
            }
        }
        _ => {
            let name = ["carrier", "alice", "bob"][dice.pick(3)];
            let up = stage.phone(name).talks.iter().rposition(|talk| talk.state == State::Up);
            if let Some(at) = up {
                stage.phone(name).presses_in(at, ['1', '4', '#'][dice.pick(3)]);
            }
        }
    }
}

/// An agent consults, or goes on with a consultation.
fn consults_somebody(stage: &mut Stage, book: &Book, what: usize, consults: &mut u64, dice: &mut Dice<'_>) {
    match what {
        18 | 19 => {
            if let Some((_, legs)) = dice.call(book).filter(|(_, legs)| legs.len() > 1) {
                let (leg, other) = (legs[1], legs[0]);
                *consults += 1;
                let consult = CallId::new(&format!("k{consults}"));
                let to = Target::Lines(vec![line(["sip:bob", "sip:dora"][dice.pick(2)])]);
                let timeout = Duration::from_secs(10);
                stage.order(Command::Consult { leg, other, consult, to, timeout, shown: None });
            }
        }
        _ => {
            let consult = CallId::new(&format!("k{}", 1 + dice.pick(*consults as usize)));
            stage.order(match dice.pick(3) {
                0 => Command::Complete { consult },
                1 => Command::Cancel { consult },
                _ => Command::Conference { consult },
            });
        }
    }
}

/// One storm: so many things in a few minutes, then calm until everything is over.
fn storm(seed: u64, weather: Weather, things: usize) {
    let mut stage = stage(seed, weather);
    let (mut book, mut chance, mut consults) = (Book::default(), Random::new(seed), 0);
    for _ in 0..things {
        something(&mut stage, &book, &mut chance, &mut consults);
        let ms = [0, 1, 5, 200, 1_000, 4_000][(chance.next() % 6) as usize];
        stage.wait(ms);
        book.read(&stage.events);
    }
    stage.weather = Weather::default();
    for name in ["carrier", "alice", "bob", "dora", "dora-mobile"] {
        stage.phone(name).manners = Manners::Refuses(480);
    }
    for _ in 0..4 {
        for call in book.waiting.clone() {
            stage.order(Command::GiveUp { call, cause: 18 });
        }
        for name in ["carrier", "alice", "bob", "dora", "dora-mobile"] {
            stage.phone(name).drop_all();
        }
        stage.wait(40_000);
        book.read(&stage.events);
    }
    stage.wait(700_000);
    book.read(&stage.events);
    assert_eq!(book.live(), [], "seed {seed}\n{}", told(&stage.events));
    assert_eq!(stage.switch.load(), Default::default(), "seed {seed}: {:#?}", stage.switch);
    for (at, phone) in &stage.phones {
        assert_eq!(phone.live(), 0, "seed {seed}: {at} believes in a call");
    }
}

#[test]
fn in_good_weather_nothing_is_told_twice_and_nothing_is_kept() {
    for seed in 0..40 {
        storm(seed, Weather::default(), 120);
    }
}

#[test]
fn packets_may_be_lost_doubled_and_late() {
    for seed in 0..40 {
        storm(1_000 + seed, Weather { lost: 100, doubled: 100, late: 300 }, 120);
    }
}

#[test]
fn a_third_of_all_packets_may_be_lost() {
    for seed in 0..15 {
        storm(5_000 + seed, Weather { lost: 333, doubled: 50, late: 50 }, 80);
    }
}
