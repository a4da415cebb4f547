//! What goes wrong in a world, and when: drawn from its seed.

use hookswitch_model::setup::Mode;
use hookswitch_sim::{MILLISECOND, Micros, Random, SECOND};

use crate::office::{PHONES, Rules};

/// One thing that goes wrong. Places are indices of PBXs, spans microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The daemon is killed after it has passed so many more places, and comes back after a while. With `power`, what
    /// was on the wire is gone, too, and the PBX does not see the connection end.
    Kill { after: u64, down: Micros, power: bool },
    /// The disk has no room.
    DiskFull { span: Micros },
    /// The wall clock jumps by so many seconds; seen at the next start.
    Jump { seconds: i64 },
    /// Both ends of a link see it reset.
    Cut { site: usize },
    /// The link is cut before the message that comes after so many others.
    CutAfter { site: usize, messages: u64 },
    /// What is written vanishes; the reset comes after the span.
    HalfOpen { site: usize, span: Micros },
    /// The next events of that name come twice.
    Duplicate { site: usize, event: &'static str, count: u32 },
    /// The next event of that name never comes.
    Lose { site: usize, event: &'static str },
    /// The PBX restarts.
    Restart { site: usize, graceful: bool, down: Micros },
    /// The end of a caller's leg is never told.
    ForgetHangup { site: usize },
    /// A caller's leg is gone, and nothing at all is said about it.
    Vanish { site: usize },
    /// An agent's phone does not answer the network; a talk at it hears nothing and ends at the caller's will.
    Unplug { site: usize, phone: &'static str, span: Micros },
    /// An agent's phone loses its registration.
    Unregister { site: usize, phone: &'static str, span: Micros },
    /// The PBX says nothing for a while, and then all of it.
    Stall { site: usize, span: Micros },
    /// The daemon does not run for a while: a stopped machine.
    Pause { span: Micros },
    /// The daemon leaves a snapshot; it is torn when the next life wants to read it.
    Snapshot { torn: bool },
    /// A reader loses its connection.
    ReaderLost { reader: usize },
    /// The daemon is told to stop, as before a restart of its machine, and comes back after a while.
    Stop { down: Micros },
    /// An administrator applies another configuration, or the one before.
    Reload,
}

impl Fault {
    /// Whether the daemon cannot know what it did not see: its books may then differ from what the callers lived.
    pub(crate) const fn loses_events(self) -> bool {
        matches!(self, Self::Lose { .. } | Self::ForgetHangup { .. } | Self::Vanish { .. })
    }

    /// Whether it ends a caller's leg by itself.
    pub(crate) const fn loses_legs(self) -> bool {
        matches!(self, Self::Vanish { .. })
    }
}

impl Plan {
    /// Whether some event never comes, so that books may differ from lives.
    pub(crate) fn loses_events(&self) -> bool {
        self.faults.iter().any(|(_, fault)| fault.loses_events())
    }
}

/// What a world is like.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) pbxs: usize,
    pub(crate) callers: u64,
    /// Mean time between two callers.
    pub(crate) every: Micros,
    /// Calls are only watched: the PBX's own queue and dialplan serve them.
    pub(crate) watched: bool,
    /// Agents use their screens: in the time of each caller one of them asks for something so often.
    pub(crate) clicks: u64,
    /// Callers press keys: in menus, and to be called back; the waiting room tells them their place.
    pub(crate) keys: bool,
    /// In order of time, counted from the start.
    pub(crate) faults: Vec<(Micros, Fault)>,
    /// Bytes that may wait in memory for room on the disk.
    pub(crate) held_bytes: usize,
}

/// Events that are doubled and lost: those that calls are made of.
const EVENTS: [&str; 10] = [
    "Newchannel",
    "Hangup",
    "BridgeEnter",
    "BridgeLeave",
    "DialBegin",
    "DialEnd",
    "UserEvent",
    "DeviceStateChange",
    "Newstate",
    "HangupRequest",
];

/// The kinds of faults, of which a seed takes some.
const KINDS: u64 = 16;

impl Plan {
    /// The world of a seed. A third of all seeds lose no event for good, so that their books must be exact.
    pub(crate) fn of_seed(seed: u64) -> Self {
        let mut chance = Random::new(seed.wrapping_mul(0x9e37_79b9) ^ 0x00fa_0175);
        let pbxs = 1 + usize::from(chance.chance(350));
        let callers = chance.between(8, 40);
        let every = chance.between(500 * MILLISECOND, 4 * SECOND);
        let span = callers * every;
        let kinds: Vec<u64> = (0..chance.between(1, 5)).map(|_| chance.between(0, KINDS - 1)).collect();
        let lossless = seed.is_multiple_of(3);
        let mut faults = Vec::new();
        for _ in 0..chance.between(2, 12) {
            let kind = kinds[usize::try_from(chance.bits()).unwrap_or(usize::MAX) % kinds.len()];
            let at = chance.between(0, span);
            let fault = draw(&mut chance, kind, pbxs);
            if !(lossless && fault.loses_events()) {
                faults.push((at, fault));
            }
        }
        // Every seed dies at least twice.
        for _ in 0..2 {
            faults.push((chance.between(0, span), draw(&mut chance, 0, pbxs)));
        }
        let held_bytes = if chance.chance(200) { 64 * 1024 } else { 32 * 1024 * 1024 };
        // What people do on purpose is drawn apart.
        let mut people = Random::new(seed.wrapping_mul(0x9e37_79b9) ^ 0x0009_e091);
        let watched = people.chance(120);
        let clicks = if !watched && people.chance(400) { people.between(1, 4) } else { 0 };
        for _ in 0..people.between(0, 3) {
            let fault = match people.between(0, 3) {
                0 => Fault::Stop { down: people.between(50 * MILLISECOND, 20 * SECOND) },
                1 => Fault::Reload,
                _ => continue,
            };
            faults.push((people.between(0, span), fault));
        }
        faults.sort_by_key(|(at, _)| *at);
        let keys = !watched && people.chance(500);
        Self { pbxs, callers, every, watched, clicks, keys, faults, held_bytes }
    }

    /// How the daemon is configured at first.
    pub(crate) const fn rules(&self) -> Rules {
        let mode = if self.watched { Mode::Observe } else { Mode::Route };
        Rules { pbxs: self.pbxs, mode, keys: self.keys, changed: false }
    }

    /// Nothing goes wrong.
    pub(crate) fn quiet(pbxs: usize, callers: u64, every: Micros) -> Self {
        let held_bytes = 32 * 1024 * 1024;
        Self { pbxs, callers, every, watched: false, clicks: 0, keys: false, faults: Vec::new(), held_bytes }
    }
}

fn draw(chance: &mut Random, kind: u64, pbxs: usize) -> Fault {
    let site = usize::try_from(chance.between(0, pbxs as u64 - 1)).unwrap_or(0);
    let phone = PHONES[usize::try_from(chance.between(0, 5)).unwrap_or(0)];
    let event = EVENTS[usize::try_from(chance.between(0, 9)).unwrap_or(0)];
    let span = chance.between(200 * MILLISECOND, 25 * SECOND);
    match kind {
        0 | 1 => Fault::Kill {
            after: chance.between(0, 60),
            down: chance.between(50 * MILLISECOND, 20 * SECOND),
            power: chance.chance(300),
        },
        2 => Fault::DiskFull { span },
        3 => Fault::Jump { seconds: i64::try_from(chance.between(0, 8_000)).unwrap_or(0) - 4_000 },
        4 => Fault::Cut { site },
        5 => Fault::CutAfter { site, messages: chance.between(1, 80) },
        6 => Fault::HalfOpen { site, span },
        7 => Fault::Duplicate { site, event, count: u32::try_from(chance.between(1, 5)).unwrap_or(1) },
        8 => Fault::Lose { site, event },
        9 => Fault::Restart { site, graceful: chance.chance(500), down: chance.between(0, 10 * SECOND) },
        10 => Fault::ForgetHangup { site },
        11 => Fault::Vanish { site },
        12 => Fault::Unplug { site, phone, span },
        13 => Fault::Unregister { site, phone, span },
        14 => match chance.between(0, 1) {
            0 => Fault::Stall { site, span: span / 2 },
            _ => Fault::Pause { span: span / 2 },
        },
        _ => match chance.between(0, 1) {
            0 => Fault::Snapshot { torn: chance.chance(300) },
            _ => Fault::ReaderLost { reader: usize::try_from(chance.between(0, 2)).unwrap_or(0) },
        },
    }
}
