//! What the tests share: a PBX in virtual time, and streams as comparable lines.

#![allow(dead_code, reason = "each test binary uses its part of it")]
#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use hookswitch_ami::{Action, AmiCodec, Decoded, Frame, FrameKind};
use hookswitch_sim::{
    CallIn, LegId, MILLISECOND, Micros, Mood, Output, Pbx, PbxConfig, QueueStrategy, SECOND, SessionId,
};
use tokio_util::codec::Decoder;

/// When every world begins.
pub(crate) const START: Micros = 1_795_288_704 * SECOND;

/// A PBX in virtual time with one manager client.
pub(crate) struct World {
    pub(crate) pbx: Pbx,
    pub(crate) now: Micros,
    session: SessionId,
    codec: AmiCodec,
    buffer: BytesMut,
    pub(crate) frames: Vec<Frame>,
}

impl World {
    /// A world whose client has logged in and reads everything.
    pub(crate) fn new(config: PbxConfig) -> Self {
        let mut world = Self {
            pbx: Pbx::new(config, START),
            now: START,
            session: SessionId(1),
            codec: AmiCodec::default(),
            buffer: BytesMut::new(),
            frames: Vec::new(),
        };
        world.pbx.connect(START, world.session);
        let login = Action::new("Login").header("Username", "hookswitch").header("Secret", "hookswitch");
        world.act(&login.header("Events", "on"));
        world
    }

    /// The PBX of the recorded streams: other contexts, other variables.
    pub(crate) fn recorded() -> Self {
        let mut config =
            PbxConfig::with_dialplan(1, include_str!("../dialplan/recorded.conf")).expect("reads");
        config.phone_context = "from-agents".to_owned();
        config.channel_variables =
            ["ACD_CALL_ID", "ORIG_ANI", "ORIG_DNIS", "DIALSTATUS"].map(str::to_owned).to_vec();
        config.answer_wait = 500 * MILLISECOND;
        config.media = false;
        config.queues[0].strategy = QueueStrategy::RoundRobinMemory;
        Self::new(config)
    }

    /// Goes to so many milliseconds from the start.
    pub(crate) fn at(&mut self, millis: u64) -> &mut Self {
        let then = START + millis * MILLISECOND;
        assert!(then >= self.now, "scripts go forward");
        // Step by step, so that a wrong `next_deadline` shows.
        while let Some(deadline) = self.pbx.next_deadline().filter(|deadline| *deadline <= then) {
            self.pbx.advance(deadline);
        }
        self.now = then;
        self.pbx.advance(then);
        self.read();
        self
    }

    /// Does something with the PBX, so many milliseconds from the start.
    pub(crate) fn script<R>(&mut self, millis: u64, act: impl FnOnce(&mut Pbx, Micros) -> R) -> R {
        self.at(millis);
        let result = act(&mut self.pbx, self.now);
        self.read();
        result
    }

    /// A call comes in.
    pub(crate) fn call_in(&mut self, millis: u64, call: CallIn) -> LegId {
        self.script(millis, |pbx, now| pbx.call_in(now, call))
    }

    /// The phone, or the far end of the trunk, answers what rings there.
    pub(crate) fn answers(&mut self, millis: u64, endpoint: &str) -> LegId {
        self.script(millis, |pbx, now| {
            let leg = pbx.ringing_leg(endpoint).unwrap_or_else(|| panic!("nothing rings at {endpoint}"));
            pbx.answer_leg(now, leg);
            leg
        })
    }

    /// A leg hangs up.
    pub(crate) fn hangs_up(&mut self, millis: u64, leg: LegId) {
        self.script(millis, |pbx, now| pbx.hang_up(now, leg));
    }

    /// What a phone does by itself from then on.
    pub(crate) fn mood(&mut self, millis: u64, phone: &str, mood: Mood) {
        self.script(millis, |pbx, _| pbx.set_mood(phone, mood));
    }

    /// Forgets what has been read so far.
    pub(crate) fn forget(&mut self) {
        self.frames.clear();
    }

    /// Lets so many milliseconds pass.
    pub(crate) fn wait(&mut self, millis: u64) -> &mut Self {
        self.at((self.now - START) / MILLISECOND + millis)
    }

    /// The client asks for something.
    pub(crate) fn act(&mut self, action: &Action) -> &mut Self {
        let mut bytes = BytesMut::new();
        action.encode(&mut bytes).expect("a lawful action");
        self.pbx.action(self.now, self.session, &Frame::new(bytes.freeze()));
        self.read();
        self
    }

    /// Reads what the PBX has sent.
    pub(crate) fn read(&mut self) {
        while let Some(output) = self.pbx.poll_output() {
            if let Output::Send(_, bytes) = output {
                self.buffer.extend_from_slice(&bytes);
            }
        }
        while let Some(decoded) = self.codec.decode(&mut self.buffer).expect("the codec does not fail") {
            match decoded {
                Decoded::Frame(frame) => self.frames.push(frame),
                Decoded::Refused(refused) => panic!("the simulator sent {refused:?}"),
            }
        }
    }

    /// The name of the newest channel of an endpoint.
    pub(crate) fn channel(&self, endpoint: &str) -> String {
        let leg = *self.pbx.legs_of(endpoint).last().expect("a leg");
        self.pbx.channel_of(leg).expect("alive").0.to_owned()
    }

    /// Events of that name.
    pub(crate) fn events<'w>(&'w self, name: &'w str) -> impl Iterator<Item = &'w Frame> {
        self.frames.iter().filter(move |frame| frame.kind() == FrameKind::Event && frame.name() == name)
    }

    /// The last response.
    pub(crate) fn response(&self) -> &Frame {
        self.frames.iter().rev().find(|frame| frame.kind() == FrameKind::Response).expect("a response")
    }
}

/// Decodes a stream.
pub(crate) fn decode(raw: &[u8]) -> Vec<Frame> {
    let mut codec = AmiCodec::default();
    let mut buffer = BytesMut::from(raw);
    let mut frames = Vec::new();
    while let Some(Decoded::Frame(frame)) = codec.decode(&mut buffer).expect("the codec does not fail") {
        frames.push(frame);
    }
    frames
}

/// A recorded stream of Asterisk 22.
pub(crate) fn recording(set: &str, story: &str) -> Vec<Frame> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
    decode(&Bytes::from(
        std::fs::read(root.join(set).join("ast22").join(story).join("ami.raw")).expect("a recording"),
    ))
}

/// Names of channels and bridges as roles: `trunk.1`, `1001.2`, `B1`.
#[derive(Default)]
struct Roles {
    names: BTreeMap<String, String>,
    counts: BTreeMap<String, u32>,
}

impl Roles {
    fn learn(&mut self, frame: &Frame) {
        match frame.name() {
            "Newchannel" => {
                let name = frame.get("Channel").unwrap_or_default();
                let (kind, side) = match name.strip_prefix("Local/") {
                    Some(local) => ("Local", local.rsplit(';').next().unwrap_or_default()),
                    None => (
                        name.trim_start_matches("PJSIP/").rsplit_once('-').map_or(name, |(kind, _)| kind),
                        "",
                    ),
                };
                let count = self.counts.entry(format!("{kind}{side}")).or_default();
                *count += 1;
                let role = format!("{kind}{side}.{count}");
                self.names.insert(name.to_owned(), role.clone());
                self.names.insert(frame.get("Uniqueid").unwrap_or_default().to_owned(), role);
            }
            // The parking lot may be older than the recording.
            _ if frame.get("BridgeType") == Some("parking") => {
                let bridge = frame.get("BridgeUniqueid").unwrap_or_default();
                self.names.insert(bridge.to_owned(), "parking".to_owned());
            }
            // By who is in it first: which of two is made first is a race.
            "BridgeEnter" | "ConfbridgeStart" => {
                let bridge = frame.get("BridgeUniqueid").unwrap_or_default();
                let first = frame.get("Channel").map_or_else(|| "all".to_owned(), |name| self.replace(name));
                if !self.names.contains_key(bridge) {
                    let count = self.counts.entry(format!("bridge of {first}")).or_default();
                    *count += 1;
                    self.names.insert(bridge.to_owned(), format!("bridge-{first}-{count}"));
                }
            }
            _ => {}
        }
    }

    /// A value with every known name replaced, the longest first.
    fn replace(&self, value: &str) -> String {
        if let Some(role) = self.names.get(value) {
            return role.clone();
        }
        let mut known: Vec<_> = self.names.iter().filter(|(name, _)| value.contains(name.as_str())).collect();
        known.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        known.into_iter().fold(value.to_owned(), |text, (name, role)| text.replace(name.as_str(), role))
    }
}

/// Headers that say nothing about the story: times, constants, and what races decide.
const IDLE: [&str; 23] = [
    "Event",
    "Privilege",
    "Timestamp",
    "Language",
    "AccountCode",
    "Uniqueid",
    "ChannelStateDesc",
    "HoldTime",
    "TalkTime",
    "RingTime",
    "BridgeTechnology",
    "BridgeVideoSourceMode",
    "BridgeCreator",
    "BridgeName",
    "CID-CallingPres",
    "ActionID",
    "LoginTime",
    "Id",
    "ParkingSpace",
    "ParkingTimeout",
    "ParkingDuration",
    "LastCall",
    "LastPause",
];

/// Headers that only the channel itself tells for certain; of a second channel they depend on races.
fn is_told(key: &str) -> bool {
    let prefixes = [
        "OrigTransferer",
        "SecondTransferer",
        "TransferTarget",
        "Transferer",
        "Transferee",
        "LocalOne",
        "LocalTwo",
        "Target",
        "Dest",
        "Orig",
        "Second",
        "To",
        "From",
    ];
    if IDLE.contains(&key) || key.contains("ChanVariable") {
        return false;
    }
    match prefixes.iter().find_map(|prefix| key.strip_prefix(prefix)) {
        Some(rest) => matches!(rest, "Channel" | "BridgeUniqueid" | "Type"),
        None => true,
    }
}

/// A stream as one list of lines for each channel and bridge. What one channel says about itself is in order; the
/// order between channels is a race in Asterisk, but for bridges, which are lists of their own.
pub(crate) fn stories(frames: &[Frame], left_out: &[&str]) -> BTreeMap<String, Vec<String>> {
    let mut roles = Roles::default();
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for frame in frames.iter().filter(|frame| frame.kind() == FrameKind::Event) {
        roles.learn(frame);
        if left_out.contains(&frame.name()) {
            continue;
        }
        let owner =
            ["Channel", "DestChannel", "TransfererChannel", "OrigTransfererChannel", "BridgeUniqueid"]
                .iter()
                .find_map(|key| frame.get(key))
                .map_or_else(|| "pbx".to_owned(), |name| roles.replace(name));
        // Its place among the other events of the channel is a race.
        let alone = ["OriginateResponse", "AgentComplete"].contains(&frame.name());
        let owner = if alone { frame.name().to_owned() } else { owner };
        // What depends on who of two is first: members still in a bridge or already in a conference, whether who is
        // sent elsewhere leaves first, and how far app_queue is with a new leg.
        let racing: &[&str] = match frame.name() {
            "BridgeLeave" => &["BridgeNumChannels", "Context", "Exten", "Priority"],
            _ if frame.get("BridgeType") == Some("base") => &["BridgeNumChannels"],
            "NewConnectedLine" => &["Exten"],
            _ => &[],
        };
        let told = frame.headers().filter(|(key, _)| is_told(key) && !racing.contains(key));
        // The port of a trunk is another in each run of the test bench.
        let plain = |key, value: &str| match value.rsplit_once(':') {
            Some((address, port)) if key == "DialString" && port.parse::<u16>().is_ok() => address.to_owned(),
            _ => value.to_owned(),
        };
        let told = told.map(|(key, value)| format!("{key}={}", roles.replace(&plain(key, value))));
        let line = format!("{} {}", frame.name(), told.collect::<Vec<_>>().join(" "));
        if let Some(bridge) = frame.get("BridgeUniqueid") {
            let members = format!(
                "{} {}",
                frame.name(),
                frame.get("Channel").map_or_else(String::new, |name| roles.replace(name))
            );
            lines.entry(roles.replace(bridge)).or_default().push(members);
        }
        lines.entry(owner).or_default().push(line);
    }
    for (owner, list) in &mut lines {
        if owner.starts_with("bridge-all") {
            // Who of two is first in a conference is a race.
            list.sort();
        }
        // Events of one name in a row, and those of a conference, come from several threads: their order is a race.
        let kind = |line: &str| match line.contains(" BridgeType=base ") {
            true => "conference".to_owned(),
            false => line.split(' ').next().unwrap_or_default().to_owned(),
        };
        for run in list.chunk_by_mut(|a, b| kind(a) == kind(b)) {
            run.sort();
        }
    }
    lines
}

/// Events that are no part of the stories: variables, records, tests of the PBX itself, states of devices.
const LEFT_OUT: [&str; 16] = [
    "VarSet",
    "TestEvent",
    "Cdr",
    "ContactStatus",
    "PeerStatus",
    "RTCPSent",
    "RTCPReceived",
    "DeviceStateChange",
    "QueueMemberStatus",
    "SuccessfulAuth",
    "FullyBooted",
    "BridgeCreate",
    "BridgeDestroy",
    "DTMFBegin",
    "DTMFEnd",
    "MessageWaiting",
];

/// Compares a world with a recording; on a difference prints both sides of the first channel that differs.
pub(crate) fn compare(set: &str, story: &str, world: &World, left_out: &[&str]) {
    assert!(world.pbx.warnings().is_empty(), "{:?}", world.pbx.warnings());
    let left_out: Vec<&str> = LEFT_OUT.iter().chain(left_out).copied().collect();
    let recorded = stories(&recording(set, story), &left_out);
    let simulated = stories(&world.frames, &left_out);
    let names = |side: &BTreeMap<String, Vec<String>>| side.keys().cloned().collect::<Vec<_>>();
    for (role, expected) in &recorded {
        let found = simulated.get(role).cloned().unwrap_or_default();
        if *expected != found {
            let differs = expected.iter().zip(&found).position(|(a, b)| a != b);
            let at = differs.unwrap_or(expected.len().min(found.len()));
            let part = |lines: &[String]| {
                lines[at.saturating_sub(3).min(lines.len())..lines.len().min(at + 4)].join("\n  ")
            };
            panic!(
                "{story}, {role} differs at {at}\nAsterisk:\n  {}\nsimulator:\n  {}",
                part(expected),
                part(&found)
            );
        }
    }
    assert_eq!(names(&recorded), names(&simulated), "{story}");
}
