//! A long time: what is remembered does not grow with the calls that were.

use std::{fs, ops::Range};

use hookswitch_journal::{
    Cursors, Error, Journal, MemoryJournal, Reader, Record, Recovery, Retained, Retention, Snapshots,
};
use hookswitch_model::PbxId;
use hookswitch_sim::{Crowd, MILLISECOND, Micros, Mood, SECOND};

use crate::{
    life::{Birth, Life},
    office::{self, PBXS, PHONES},
    points::Points,
    seeds::number,
    site::Site,
    world::START,
};

/// Rounds of equal size, each with a quiet point behind it.
const ROUNDS: u64 = 10;

/// A journal that counts what it is given and forgets it: the disk's growth is not what is measured here.
#[derive(Debug, Default)]
struct Forgetful {
    written: u64,
    empty: MemoryJournal,
}

impl Journal for Forgetful {
    fn append(&mut self, batch: &mut Vec<Record>) -> Result<Range<u64>, Error> {
        let first = self.written + 1;
        self.written += batch.len() as u64;
        batch.clear();
        Ok(first..self.written + 1)
    }

    fn reader(&self) -> Reader {
        self.empty.reader()
    }

    fn cursors(&self) -> Cursors {
        self.empty.cursors()
    }

    fn snapshots(&self) -> Snapshots {
        self.empty.snapshots()
    }

    fn recover(&self) -> Result<Recovery, Error> {
        self.empty.recover()
    }

    fn retain(&mut self, retention: &Retention) -> Result<Retained, Error> {
        self.empty.retain(retention)
    }
}

/// What is remembered at a quiet point.
#[derive(Debug, Clone, Copy)]
struct Weight {
    /// Bytes of the engine's state.
    engine: usize,
    /// Characters of the link's state: normaliser, answers waited for, buffers.
    link: usize,
    /// KiB of the process.
    resident: u64,
}

struct Soak {
    site: Site,
    life: Life,
    now: Micros,
}

impl Soak {
    fn new() -> Self {
        let config = office::config(office::Rules::routing(1));
        let mut pbx = office::pbx(1, START, false);
        for phone in PHONES {
            let quick =
                Mood::Human { after: 50 * MILLISECOND, at_most: 250 * MILLISECOND, declines: 20, ignores: 5 };
            pbx.set_mood(phone, quick);
        }
        let birth = Birth {
            now: START,
            wall: START,
            journal: Box::new(Forgetful::default()),
            config: &config,
            points: &Points::default(),
            seed: 1,
            held_bytes: 1024 * 1024,
        };
        let life = Life::begin(birth).expect("it starts");
        let site = Site::new(PbxId::new(PBXS[0]).expect("a name"), pbx, 0, 1);
        Self { site, life, now: START }
    }

    fn step(&mut self) {
        let reads = self.site.next_read().into_iter().chain(self.site.next_deadline());
        let next = reads.chain([self.life.next_deadline()]).min().unwrap_or(self.now);
        self.now = next.clamp(self.now + 10, self.now + SECOND);
        self.site.deliver(self.now);
        let sites = std::slice::from_mut(&mut self.site);
        self.life.turn(self.now, sites).expect("nothing kills it");
        // Who watches keeps nothing either.
        self.life.answers.clear();
        self.site.asked.clear();
    }

    /// So many callers, and then nobody for as long as anything of them is looked after.
    fn round(&mut self, calls: u64) -> Weight {
        let crowd = Crowd {
            every: 300 * MILLISECOND,
            numbers: vec!["5003".to_owned(), "5013".to_owned()],
            patience: (2 * SECOND, 20 * SECOND),
            talk: (200 * MILLISECOND, 800 * MILLISECOND),
            total: Some(calls),
            ..Crowd::default()
        };
        let before = self.site.pbx.crowd_report().placed;
        self.site.pbx.start_crowd(self.now, crowd);
        while self.site.pbx.crowd_report().placed < before + calls || self.site.pbx.channel_count() > 0 {
            self.step();
            if self.site.pbx.crowd_report().placed.is_multiple_of(1_024) {
                self.site.pbx.take_fates();
            }
        }
        self.site.pbx.stop_crowd();
        let quiet = self.now + 180 * SECOND;
        while self.now < quiet {
            self.step();
        }
        self.site.pbx.take_fates();
        self.weight()
    }

    fn weight(&self) -> Weight {
        let engine = self.life.machine().engine();
        assert_eq!(engine.calls().count(), 0, "every call is over");
        let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0);
        Weight {
            engine: serde_json::to_vec(&engine.snapshot()).expect("a state is JSON").len(),
            link: self.life.weight_of_link(0),
            resident: pages * 4,
        }
    }
}

#[test]
fn what_is_remembered_does_not_grow_with_the_calls_that_were() {
    // Two rounds fill what is kept of the last calls.
    let calls = number("CALLS").unwrap_or(3_000).div_ceil(ROUNDS).max(300);
    let mut soak = Soak::new();
    let mut weights = Vec::new();
    for round in 1..=ROUNDS {
        let weight = soak.round(calls);
        println!(
            "{:>9} calls: engine {} bytes, link {} characters, process {} KiB",
            round * calls,
            weight.engine,
            weight.link,
            weight.resident
        );
        weights.push(weight);
    }
    let report = soak.site.pbx.crowd_report();
    assert_eq!(report.turned_away, 0, "{report:?}");
    // Figures have more digits at the end than at the beginning, and the last calls were others.
    let (early, late) = (weights[2], weights[weights.len() - 1]);
    assert!(late.engine < early.engine + early.engine / 8, "the engine grows: {weights:?}");
    assert!(late.link < early.link + early.link / 8, "the link grows: {weights:?}");
    if number("CALLS").is_some_and(|calls| calls >= 1_000_000) {
        assert!(late.resident < early.resident + early.resident / 8, "the process grows: {weights:?}");
    }
}
