//! Streams that lose, repeat and swap events: nothing panics, every call ends once, nothing stays behind.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;

use bytes::Bytes;
use common::{folders, frames, rules::Rules, unconfigured};
use hookswitch_ami::Frame;
use hookswitch_model::{Millis, Timestamp};
use hookswitch_normalize::from_ami::Normalizer;

/// A small generator (xorshift), so that every run does the same.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// Loses every `lose`th event, repeats every `repeat`th and lets every `swap`th trade places with one nearby.
/// Times stay where they were.
fn disturb(
    frames: &[(Timestamp, Frame)],
    seed: u64,
    lose: u64,
    repeat: u64,
    swap: u64,
) -> Vec<(Timestamp, Frame)> {
    let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut out: Vec<Frame> = Vec::with_capacity(frames.len());
    for (_, frame) in frames {
        if chance.one_in(lose) {
            continue;
        }
        if chance.one_in(repeat) {
            out.push(frame.clone());
        }
        out.push(frame.clone());
    }
    for at in 1..out.len() {
        if chance.one_in(swap) {
            let other = at.saturating_sub(usize::try_from(chance.below(12)).unwrap());
            out.swap(at, other);
        }
    }
    let last = frames.last().map(|(at, _)| *at).unwrap_or_default();
    out.into_iter().enumerate().map(|(i, frame)| (frames.get(i).map_or(last, |(at, _)| *at), frame)).collect()
}

/// Every channel that a stream names anywhere.
fn channels(frames: &[(Timestamp, Frame)]) -> BTreeSet<String> {
    let keys = |frame: &Frame| -> Vec<String> {
        let named = frame.headers().filter(|(key, _)| key.ends_with("niqueid") && !key.starts_with("Bridge"));
        named.map(|(_, value)| value.to_owned()).collect()
    };
    frames.iter().flat_map(|(_, frame)| keys(frame)).collect()
}

/// Replays, hangs everything up and checks that nothing is left.
fn check(name: &str, stream: &[(Timestamp, Frame)], all: &BTreeSet<String>) -> usize {
    let mut normalizer = Normalizer::new(unconfigured());
    let (mut rules, mut facts) = (Rules::default(), Vec::new());
    let mut last = Timestamp::default();
    for (at, frame) in stream {
        normalizer.frame(*at, frame, &mut facts);
        last = *at;
    }
    for uid in all {
        let hangup = format!("Event: Hangup\r\nChannel: X/{uid}\r\nUniqueid: {uid}\r\nCause: 16\r\n\r\n");
        normalizer.frame(last, &Frame::new(Bytes::from(hangup)), &mut facts);
    }
    normalizer.tick(last + Millis::from_secs(60), &mut facts);
    for event in &facts {
        rules.check(event);
    }
    let open: Vec<_> = rules.open().collect();
    assert!(open.is_empty(), "{name}: calls without an end: {open:?}");
    let counters = normalizer.counters();
    assert_eq!((counters.calls, counters.channels, counters.bridges), (0, 0, 0), "{name}: {counters:?}");
    assert_eq!(normalizer.next_deadline(), None, "{name}: nothing is waited for");
    rules.started
}

#[test]
fn recorded_streams_keep_the_order_of_facts() {
    for release in ["ast22", "ast16"] {
        for folder in folders(release) {
            let stream = frames(&folder);
            check(&folder.to_string_lossy(), &stream, &channels(&stream));
        }
    }
}

#[test]
fn lost_repeated_and_swapped_events_leave_nothing_behind() {
    let mut started = 0;
    for folder in folders("ast22").iter().chain(&folders("ast16")) {
        let stream = frames(folder);
        let all = channels(&stream);
        let seeds = if stream.len() > 2_000 { 1..=2 } else { 1..=12 };
        for seed in seeds {
            let (lose, repeat, swap) =
                [(10, 10, 10), (3, 50, 50), (50, 3, 3), (1_000, 1_000, 2)][(seed % 4) as usize];
            let name = format!("{} seed {seed}", folder.display());
            started += check(&name, &disturb(&stream, seed, lose, repeat, swap), &all);
        }
    }
    assert!(started > 1_000, "disturbed streams still tell of calls: {started}");
}

#[test]
fn a_stream_that_begins_in_the_middle_of_calls_is_understood_from_there() {
    for folder in folders("ast22") {
        let stream = frames(&folder);
        if stream.len() > 2_000 {
            continue;
        }
        let all = channels(&stream);
        for part in 1..8 {
            let name = format!("{} from {part}/8", folder.display());
            check(&name, &stream[stream.len() * part / 8..], &all);
        }
    }
}
