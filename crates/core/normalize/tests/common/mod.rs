//! Recorded streams, replayed; facts, written as a story.

#![allow(dead_code, reason = "each suite uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking; most facts are of no concern to a rule"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "the recorded streams are on disk; the crate under test is not"
)]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use bytes::BytesMut;
use hookswitch_ami::{AmiCodec, Decoded, Frame};
use hookswitch_model::{
    CallRef, LegRef, PbxId, Timestamp,
    call::Direction,
    pbx::{Fact, LegSeen, PbxEvent},
    setup::Mode,
};
use hookswitch_normalize::{from_ami::Normalizer, number::Plan, settings::Settings};
use tokio_util::codec::Decoder;

pub(crate) mod pbx;
pub(crate) mod rules;

/// Where the recorded streams are.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fixtures")
}

/// The folders of recorded streams of one release: `ast22` or `ast16`.
pub(crate) fn folders(release: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = ["captures", "captures-own", "captures-control"]
        .iter()
        .flat_map(|set| std::fs::read_dir(fixtures().join(set).join(release)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("ami.raw").is_file())
        .collect();
    found.sort();
    found
}

/// The frames of a stream with the times at which they were read.
pub(crate) fn frames(folder: &Path) -> Vec<(Timestamp, Frame)> {
    let raw = std::fs::read(folder.join("ami.raw")).unwrap();
    let index = std::fs::read_to_string(folder.join("ami.idx")).unwrap();
    let reads: Vec<(usize, Timestamp)> = index.lines().filter_map(read_of).collect();
    let mut codec = AmiCodec::default();
    let mut buffer = BytesMut::new();
    let (mut at, mut frames) = (0, Vec::new());
    for (end, time) in reads {
        let end = end.min(raw.len());
        buffer.extend_from_slice(&raw[at..end]);
        at = end;
        while let Some(decoded) = codec.decode(&mut buffer).unwrap() {
            if let Decoded::Frame(frame) = decoded {
                frames.push((time, frame));
            }
        }
    }
    frames
}

/// Where a read of the server's bytes ended, and when it was: a line of `ami.idx`.
fn read_of(line: &str) -> Option<(usize, Timestamp)> {
    let field = |name: &str| {
        let (_, rest) = line.split_once(&format!("\"{name}\": "))?;
        rest.split([',', '}']).next().map(|value| value.trim_matches('"').to_owned())
    };
    (field("dir")? == "in").then_some(())?;
    let seconds: f64 = field("t")?.parse().ok()?;
    let end = field("off")?.parse::<usize>().ok()? + field("len")?.parse::<usize>().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time of this century")]
    Some((end, Timestamp::from_micros((seconds * 1e6) as u64)))
}

/// Nothing is known of the PBX but its country: phones, trunks and directions are inferred, as in `trace`.
pub(crate) fn unconfigured() -> Settings {
    Settings { plan: Plan::new("DE"), ..Settings::new(PbxId::new("lab").unwrap()) }
}

/// The same, and the callers of the waiting room are ours to route.
pub(crate) fn routing() -> Settings {
    Settings { mode: Mode::Route, ..unconfigured() }
}

/// All facts of a stream, to its end and a second longer.
pub(crate) fn replay(folder: &Path) -> Vec<PbxEvent> {
    let mut normalizer = Normalizer::new(unconfigured());
    let mut facts = Vec::new();
    let mut last = Timestamp::default();
    for (at, frame) in frames(folder) {
        normalizer.frame(at, &frame, &mut facts);
        last = at;
    }
    normalizer.tick(last + hookswitch_model::Millis(1_000), &mut facts);
    facts
}

/// Writes facts as short lines. Calls are numbered as they begin. Legs are named by their device (`1001`, a second
/// one of the same device `1001'`), lines of the trunk `C`, `C'` and so on.
#[derive(Debug, Default)]
pub(crate) struct Story {
    calls: BTreeMap<CallRef, usize>,
    legs: BTreeMap<LegRef, String>,
    names: BTreeMap<String, usize>,
    pub(crate) lines: Vec<String>,
}

impl Story {
    /// The story of these facts, devices' states left out.
    pub(crate) fn of(facts: &[PbxEvent]) -> Vec<String> {
        let mut story = Self::default();
        for event in facts {
            if let Some(line) = story.line(&event.fact) {
                story.lines.push(if event.recovered { format!("{line} (recovered)") } else { line });
            }
        }
        story.lines
    }

    fn call(&mut self, call: &CallRef) -> usize {
        let next = self.calls.len() + 1;
        *self.calls.entry(call.clone()).or_insert(next)
    }

    fn seen(&mut self, seen: &LegSeen) -> String {
        if let Some(name) = self.legs.get(&seen.leg) {
            return name.clone();
        }
        let device = seen.address.as_str().split_once('/').map_or("?", |(_, name)| name);
        let name = if device == "trunk" { "C" } else { device };
        let count = self.names.entry(name.to_owned()).or_default();
        let name = format!("{name}{}", "'".repeat(*count));
        *count += 1;
        self.legs.insert(seen.leg.clone(), name.clone());
        name
    }

    fn leg(&self, leg: &LegRef) -> String {
        self.legs.get(leg).cloned().unwrap_or_else(|| format!("?{leg}"))
    }

    fn started(&mut self, fact: &Fact) -> Option<String> {
        let Fact::CallStarted { call, originator, direction, ani, dnis, via, .. } = fact else { return None };
        let (call, leg) = (self.call(call), self.seen(originator));
        let direction = match direction {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
            Direction::Internal => "internal",
        };
        let withheld = if ani.withheld { " withheld" } else { "" };
        let via = via.as_ref().map(|via| format!(" via {}", via.raw)).unwrap_or_default();
        Some(format!("{call} started {direction} {leg} {}{withheld} -> {}{via}", ani.raw, dnis.raw))
    }

    fn line(&mut self, fact: &Fact) -> Option<String> {
        let line = match fact {
            Fact::CallStarted { .. } => self.started(fact)?,
            Fact::CallNumbers { call, dnis: Some(dnis), .. } => {
                format!("{} dialled {}", self.call(call), dnis.raw)
            }
            Fact::CallNumbers { call, ani, via, .. } => {
                let withheld = ani.as_ref().is_some_and(|ani| ani.withheld);
                format!("{} numbers withheld={withheld} via={}", self.call(call), via.is_some())
            }
            Fact::Data { call, changed } => format!("{} data {changed:?}", self.call(call)),
            Fact::Digit { call, leg, digit } => {
                format!("{} digit {} {digit}", self.call(call), self.leg(leg))
            }
            Fact::RouteRequested { call, dnis } => format!("{} asks-route {}", self.call(call), dnis.raw),
            Fact::QueueJoined { call, queue, position } => {
                format!("{} queued {queue} {position}", self.call(call))
            }
            Fact::QueueLeft { call, queue, abandoned } => {
                let how = if *abandoned { " abandoned" } else { "" };
                format!("{} unqueued {queue}{how}", self.call(call))
            }
            Fact::LegRinging { call, leg, ring } => {
                let number = leg.number.as_ref().map(|number| format!(" {number}")).unwrap_or_default();
                let ours = if ring.is_some() { " (ours)" } else { "" };
                // An originated call rings its originator: the same leg, told again.
                let name = self.seen(leg);
                format!("{} rings {name}{number}{ours}", self.call(call))
            }
            Fact::LegUp { call, leg } => format!("{} up {}", self.call(call), self.leg(leg)),
            Fact::Talking { call, leg } => format!("{} talks {}", self.call(call), self.leg(leg)),
            Fact::Apart { call, leg } => format!("{} apart {}", self.call(call), self.leg(leg)),
            Fact::Held { call, leg } => format!("{} holds {}", self.call(call), self.leg(leg)),
            Fact::Retrieved { call, leg } => format!("{} retrieves {}", self.call(call), self.leg(leg)),
            Fact::LegLeft { call, leg, end, .. } => {
                format!("{} left {} {end:?}", self.call(call), self.leg(leg))
            }
            Fact::LegMoved { from, to, leg } => {
                format!("{} gets {} from {}", self.call(to), self.leg(leg), self.call(from))
            }
            Fact::CallMerged { call, into } => format!("{} merged into {}", self.call(call), self.call(into)),
            Fact::SystemTook { call, what } => format!("{} taken by {what}", self.call(call)),
            Fact::FellBack { call } => format!("{} fell back", self.call(call)),
            Fact::CallEnded { call, by, .. } => {
                let by = by.as_ref().map_or_else(|| "the PBX".to_owned(), |by| self.leg(by));
                format!("{} ended by {by}", self.call(call))
            }
            Fact::RingResult { call, result, .. } => format!("{} result {result:?}", self.call(call)),
            Fact::Transferred { .. } | Fact::Conferenced { .. } => self.together(fact)?,
            Fact::LinkUp { .. } => "link up".to_owned(),
            Fact::LinkDown { .. } => "link down".to_owned(),
            Fact::ActionResult { refused, .. } => format!("action refused={refused:?}"),
            Fact::MemberPaused { address, paused, reason } => {
                format!("member {address} paused={paused} {}", reason.as_deref().unwrap_or("-"))
            }
            Fact::AgentAsked { address, feature } => format!("agent {address} {feature:?}"),
            Fact::NumberChecked { exists, .. } => format!("number exists={exists}"),
            Fact::DialFailed { end, .. } => format!("dial failed {end:?}"),
            Fact::Supervised { call, leg, mode } => {
                format!("{} supervised {mode:?} by {}", self.call(call), self.seen(leg))
            }
            Fact::Recording { call, on } => format!("{} recording {on}", self.call(call)),
            Fact::Device { .. } => return None,
        };
        Some(line)
    }

    fn together(&mut self, fact: &Fact) -> Option<String> {
        match fact {
            Fact::Transferred { call, kind, from, to_leg, to_number, consult } => {
                let to = to_leg.as_ref().map(|leg| self.leg(leg)).unwrap_or_default();
                let number = to_number.as_ref().map(|n| format!(" ({n})")).unwrap_or_default();
                let consult = consult.as_ref().map(|c| format!(" by {}", self.call(c))).unwrap_or_default();
                let call = self.call(call);
                Some(format!("{call} transferred {kind:?} {} -> {to}{number}{consult}", self.leg(from)))
            }
            Fact::Conferenced { call, legs } => {
                let mut legs: Vec<String> = legs.iter().map(|leg| self.leg(leg)).collect();
                legs.sort();
                Some(format!("{} conference {}", self.call(call), legs.join(" ")))
            }
            _ => None,
        }
    }
}
