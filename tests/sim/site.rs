//! One PBX of the world and the wire to it: bytes take their time, come in pieces, vanish, or are cut off.

use std::{
    collections::{BTreeMap, VecDeque},
    env,
};

use bytes::{Bytes, BytesMut};
use hookswitch_ami::{AmiCodec, Decoded, Frame};
use hookswitch_model::PbxId;
use hookswitch_sim::{LegId, MILLISECOND, Micros, Output, Pbx, Random, SessionId};
use tokio_util::codec::Decoder as _;

/// A PBX, its wire, and what was counted there.
pub(crate) struct Site {
    pub(crate) name: PbxId,
    pub(crate) pbx: Pbx,
    /// The PBX's clock is so far ahead of the world's.
    offset: Micros,
    wire: Option<Wire>,
    /// Connections of a daemon that died: what was on the wire still arrives.
    orphans: Vec<Wire>,
    sessions: u64,
    /// Messages the PBX sent to the daemon, over all connections.
    pub(crate) messages: u64,
    /// The wire is cut before this message.
    pub(crate) cut_at: Option<u64>,
    /// How often each ActionID of an action of ours came to the PBX.
    pub(crate) asked: BTreeMap<String, u32>,
    /// It restarts: nobody can call before.
    pub(crate) down_until: Micros,
    /// How often the daemon changed something there.
    pub(crate) changed: u64,
    /// Callers who were redirected while they talked.
    pub(crate) torn_away: Vec<String>,
    /// What is on the wire is printed.
    traced: bool,
    chance: Random,
}

/// A TCP connection.
struct Wire {
    session: SessionId,
    to_daemon: VecDeque<(Micros, Bytes)>,
    to_pbx: VecDeque<(Micros, Bytes)>,
    /// The PBX's reading end.
    codec: AmiCodec,
    buffer: BytesMut,
    /// Nothing arrives any more, and nobody says so before this time.
    vanishing_until: Option<Micros>,
    /// Closed by the PBX, to be seen by the daemon after what was sent.
    closed: bool,
}

/// What the daemon reads from its socket.
pub(crate) enum Heard {
    Nothing,
    Bytes(Bytes),
    Closed,
}

impl Site {
    pub(crate) fn new(name: PbxId, pbx: Pbx, offset: Micros, seed: u64) -> Self {
        Self {
            name,
            pbx,
            offset,
            wire: None,
            orphans: Vec::new(),
            sessions: 0,
            messages: 0,
            cut_at: None,
            asked: BTreeMap::new(),
            down_until: 0,
            changed: 0,
            torn_away: Vec::new(),
            traced: env::var_os("WIRE").is_some(),
            chance: Random::new(seed),
        }
    }

    /// The PBX's own time.
    pub(crate) fn time(&self, now: Micros) -> Micros {
        (now + self.offset).max(self.pbx.now())
    }

    /// The world's time of a moment of the PBX.
    pub(crate) fn world_time(&self, at: Micros) -> Micros {
        at.saturating_sub(self.offset)
    }

    /// The daemon connects. Whatever connection it had before is gone.
    pub(crate) fn connect(&mut self, now: Micros) {
        self.disconnect(now);
        self.sessions += 1;
        let session = SessionId(self.sessions);
        self.wire = Some(Wire {
            session,
            to_daemon: VecDeque::new(),
            to_pbx: VecDeque::new(),
            codec: AmiCodec::default(),
            buffer: BytesMut::new(),
            vanishing_until: None,
            closed: false,
        });
        self.pbx.connect(self.time(now), session);
        self.pump(now);
    }

    /// The daemon's end is gone; the PBX sees it unless the wire is half open.
    pub(crate) fn disconnect(&mut self, now: Micros) {
        if let Some(wire) = self.wire.take() {
            self.pbx.disconnect(self.time(now), wire.session);
        }
    }

    /// The daemon died: what it had written still arrives, then the PBX sees the end of the connection.
    pub(crate) fn abandon(&mut self) {
        self.orphans.extend(self.wire.take());
    }

    /// Both ends see the connection reset; what was under way is lost.
    pub(crate) fn cut(&mut self, now: Micros) {
        let Some(wire) = &mut self.wire else { return };
        wire.to_daemon.clear();
        wire.to_pbx.clear();
        (wire.closed, wire.vanishing_until) = (true, None);
        let session = wire.session;
        self.pbx.disconnect(self.time(now), session);
    }

    /// What is written vanishes from now on; the reset comes later.
    pub(crate) fn half_open(&mut self, until: Micros) {
        if let Some(wire) = &mut self.wire {
            wire.to_daemon.clear();
            wire.to_pbx.clear();
            wire.vanishing_until = Some(until);
        }
    }

    /// Lets the PBX live until now, and takes what it sends.
    pub(crate) fn pump(&mut self, now: Micros) {
        self.pbx.advance(self.time(now));
        while let Some(output) = self.pbx.poll_output() {
            match output {
                Output::Send(session, bytes) => self.sent(now, session, bytes),
                Output::Close(session) => {
                    if let Some(wire) = self.wire.as_mut().filter(|wire| wire.session == session) {
                        wire.closed = true;
                    }
                }
                Output::Phone(_) => {}
            }
        }
    }

    fn sent(&mut self, now: Micros, session: SessionId, bytes: Bytes) {
        let Some(wire) = self.wire.as_mut().filter(|wire| wire.session == session) else { return };
        self.messages += 1;
        if self.traced {
            println!("{now} {} says {}", self.name, String::from_utf8_lossy(&bytes).replace("\r\n", " | "));
        }
        if self.cut_at.is_some_and(|at| self.messages >= at) {
            self.cut_at = None;
            self.cut(now);
            return;
        }
        if wire.vanishing_until.is_none() && !wire.closed {
            let at = arrival(&mut self.chance, now, &wire.to_daemon);
            wire.to_daemon.push_back((at, bytes));
        }
    }

    /// The daemon writes.
    pub(crate) fn write(&mut self, now: Micros, bytes: Bytes) {
        let Some(wire) = &mut self.wire else { return };
        if wire.vanishing_until.is_none() && !wire.closed && !bytes.is_empty() {
            let at = arrival(&mut self.chance, now, &wire.to_pbx);
            wire.to_pbx.push_back((at, bytes));
        }
    }

    /// Bytes that are due arrive at the PBX, which acts on each whole action.
    pub(crate) fn deliver(&mut self, now: Micros) {
        for mut orphan in std::mem::take(&mut self.orphans) {
            self.feed(now, &mut orphan);
            if orphan.to_pbx.is_empty() {
                self.pbx.disconnect(self.time(now), orphan.session);
            } else {
                self.orphans.push(orphan);
            }
        }
        if self.wire.as_ref().and_then(|wire| wire.vanishing_until).is_some_and(|until| until <= now) {
            self.cut(now);
        }
        if let Some(mut wire) = self.wire.take() {
            self.feed(now, &mut wire);
            self.wire = Some(wire);
        }
        self.pump(now);
    }

    fn feed(&mut self, now: Micros, wire: &mut Wire) {
        while let Some((_, bytes)) = wire.to_pbx.pop_front_if(|(at, _)| *at <= now) {
            wire.buffer.extend_from_slice(&bytes);
        }
        while let Some(decoded) = wire.codec.decode(&mut wire.buffer).expect("a decoder has no errors") {
            match decoded {
                Decoded::Frame(frame) => self.acted(now, wire.session, &frame),
                Decoded::Refused(refused) => panic!("the daemon sent no action: {refused:?}"),
            }
        }
    }

    /// One action of the daemon comes to the PBX.
    fn acted(&mut self, now: Micros, session: SessionId, frame: &Frame) {
        if self.traced {
            println!("{now} {} hears {frame:?}", self.name);
        }
        if let Some(id) = frame.action_id().filter(|id| is_ours(id)) {
            *self.asked.entry(id.to_owned()).or_default() += 1;
        }
        if matches!(frame.name(), "Redirect" | "Originate" | "Hangup" | "Setvar") {
            self.changed += 1;
        }
        // Whoever holds or transfers moves one who talks on purpose; who waits is moved by these.
        let moves_who_waits = frame.get("Context").is_some_and(|context| {
            matches!(context, "hookswitch-ring" | "hookswitch-fallback" | "from-internal")
        });
        if frame.name() == "Redirect"
            && moves_who_waits
            && let Some(leg) = frame.get("Channel").and_then(|channel| self.caller(channel))
            && self.pbx.is_talking(leg)
        {
            self.torn_away.push(format!("{} while it talks: {frame:?}", frame.get("Channel").unwrap_or("")));
        }
        self.pbx.action(self.time(now), session, frame);
    }

    /// The caller's leg of that Uniqueid.
    fn caller(&self, uniqueid: &str) -> Option<LegId> {
        let callers = self.pbx.live_callers();
        callers.into_iter().find(|leg| self.pbx.channel_of(*leg).is_some_and(|(_, uid)| uid == uniqueid))
    }

    /// What the daemon reads now. A read takes what is there, sometimes less.
    pub(crate) fn read(&mut self, now: Micros) -> Heard {
        let Some(wire) = &mut self.wire else { return Heard::Nothing };
        let mut bytes = BytesMut::new();
        while let Some((_, more)) = wire.to_daemon.pop_front_if(|(at, _)| *at <= now) {
            bytes.extend_from_slice(&more);
        }
        if bytes.is_empty() {
            if wire.closed && wire.to_daemon.is_empty() {
                self.wire = None;
                return Heard::Closed;
            }
            return Heard::Nothing;
        }
        if bytes.len() > 1 && self.chance.chance(200) {
            let first = self.chance.between(1, bytes.len() as u64 - 1);
            let rest = bytes.split_off(usize::try_from(first).unwrap_or(1));
            wire.to_daemon.push_front((now + MILLISECOND, rest.freeze()));
        }
        Heard::Bytes(bytes.freeze())
    }

    /// When something happens here by itself.
    pub(crate) fn next_deadline(&self) -> Option<Micros> {
        let pbx = self.pbx.next_deadline().map(|at| self.world_time(at));
        let wires = self.wire.iter().chain(&self.orphans).flat_map(|wire| {
            let sent = wire.to_pbx.front().map(|(at, _)| *at);
            [sent, wire.vanishing_until].into_iter().flatten()
        });
        pbx.into_iter().chain(wires).min()
    }

    /// When the daemon has something to read.
    pub(crate) fn next_read(&self) -> Option<Micros> {
        let wire = self.wire.as_ref()?;
        let closed = (wire.closed && wire.to_daemon.is_empty()).then_some(0);
        wire.to_daemon.front().map(|(at, _)| *at).or(closed)
    }
}

/// When bytes sent now arrive: after those sent before.
fn arrival(chance: &mut Random, now: Micros, before: &VecDeque<(Micros, Bytes)>) -> Micros {
    let at = now + chance.between(100, 3 * MILLISECOND);
    before.back().map_or(at, |(last, _)| at.max(*last))
}

/// Whether an ActionID is the deciding one of an action of the engine: a ULID as it is.
fn is_ours(id: &str) -> bool {
    id.len() == 26 && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}
