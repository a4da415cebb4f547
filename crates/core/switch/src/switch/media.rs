//! Media of our own: music and words for who waits, rooms for conferences and supervisors, keys.
//!
//! A port belongs to one leg. It is opened when the leg hears us and closed when it hears somebody else.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    time::Duration,
};

use hookswitch_media::{
    Clip, Codec, Frame, Heard, Hearing, Key, Stream,
    sdp::{self, Description, Direction, Local},
};
use hookswitch_sip::Instant;

use super::{MediaOut, Switch};
use crate::{
    CallId, Refused,
    id::DialogId,
    settings::MediaPorts,
    state::{Leg, Peer, Phase},
};

const FRAME: Duration = Duration::from_millis(20);

/// All media of our own.
#[derive(Debug)]
pub(super) struct Media {
    ports: Option<MediaPorts>,
    /// Where the search for a free port begins.
    next: u16,
    open: BTreeMap<u16, Port>,
    /// Ports that somebody else has: tried again only when there is no other.
    taken: BTreeSet<u16>,
    rooms: BTreeMap<u64, Room>,
    /// Calls whose caller waits unheard, because there was no port; longest first.
    unheard: VecDeque<CallId>,
    /// A port is free again for one of them.
    freed: bool,
    due: Option<Instant>,
    pub(super) out: VecDeque<MediaOut>,
}

#[derive(Debug)]
struct Port {
    leg: DialogId,
    /// Once both sides agreed.
    stream: Option<Stream>,
    remote: Option<SocketAddr>,
    /// They sent from here: answers go back the same way (RFC 4961).
    latched: bool,
    /// What is still to be said; then the music goes on.
    words: VecDeque<Clip>,
    music: Option<Clip>,
    /// It says something now, and no music.
    talks: bool,
    spoken: Option<Frame>,
}

impl Port {
    /// Begins with what comes next: a word, else the music. False when there is nothing to be heard.
    fn go_on(&mut self, now: Duration) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        let word = self.words.pop_front();
        self.talks = word.is_some();
        match word.or_else(|| self.music.clone()) {
            Some(clip) => stream.play(now, clip, !self.talks),
            None => stream.stop(),
        }
        stream.is_playing()
    }

    /// Sends what is due.
    fn send(&mut self, now: Duration, port: u16, out: &mut VecDeque<MediaOut>) {
        while let Some(stream) = &mut self.stream {
            while let Some(bytes) = stream.poll(now) {
                if let Some(to) = self.remote {
                    out.push_back(MediaOut::Send { port, to, bytes: bytes.into() });
                }
            }
            if stream.is_playing() || !self.go_on(now) {
                return;
            }
        }
    }
}

/// Who hears whom.
#[derive(Debug)]
struct Room {
    /// By their places.
    ports: Vec<u16>,
    hearing: Hearing,
    /// When the next 20 ms are mixed.
    at: Instant,
}

fn span(now: Instant) -> Duration {
    Duration::from_micros(now.as_micros())
}

fn moment(span: Duration) -> Instant {
    Instant::from_micros(u64::try_from(span.as_micros()).unwrap_or(u64::MAX))
}

impl Media {
    pub(super) const fn new(ports: Option<MediaPorts>) -> Self {
        Self {
            ports,
            next: 0,
            open: BTreeMap::new(),
            taken: BTreeSet::new(),
            rooms: BTreeMap::new(),
            unheard: VecDeque::new(),
            freed: false,
            due: None,
            out: VecDeque::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) const fn next_deadline(&self) -> Option<Instant> {
        self.due
    }

    /// A free port, for a leg.
    fn take(&mut self, leg: DialogId) -> Option<u16> {
        self.search(leg).or_else(|| {
            let again = !std::mem::take(&mut self.taken).is_empty();
            again.then(|| self.search(leg)).flatten()
        })
    }

    fn search(&mut self, leg: DialogId) -> Option<u16> {
        let ports = self.ports?;
        let (first, count) =
            (ports.first.saturating_add(ports.first % 2), ports.last.checked_sub(ports.first)? / 2 + 1);
        for _ in 0..count {
            let port = first.checked_add((self.next % count) * 2)?;
            self.next = (self.next + 1) % count;
            if port <= ports.last && !self.open.contains_key(&port) && !self.taken.contains(&port) {
                let fresh = Port {
                    leg,
                    stream: None,
                    remote: None,
                    latched: false,
                    words: VecDeque::new(),
                    music: None,
                    talks: false,
                    spoken: None,
                };
                self.open.insert(port, fresh);
                self.out.push_back(MediaOut::Open(port));
                return Some(port);
            }
        }
        None
    }

    fn close(&mut self, port: u16) {
        if self.open.remove(&port).is_some() {
            self.out.push_back(MediaOut::Close(port));
            self.freed = !self.unheard.is_empty();
        }
        for room in self.rooms.values_mut() {
            room.ports.iter_mut().filter(|taken| **taken == port).for_each(|taken| *taken = 0);
        }
    }

    fn soonest(&mut self) {
        let streams =
            self.open.values().filter_map(|port| port.stream.as_ref()?.next_deadline()).min().map(moment);
        let rooms = self.rooms.values().map(|room| room.at).min();
        let freed = self.freed.then_some(Instant::EPOCH);
        self.due = [streams, rooms, freed].into_iter().flatten().min();
    }
}

impl Switch {
    /// A port could not be opened: somebody else has it. Who was told of it hears nothing there; the next get others.
    pub fn port_failed(&mut self, port: u16) {
        self.media.taken.insert(port);
    }

    fn local(&self, port: u16) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.settings.media?.address, port))
    }

    /// What we offer at a port of ours.
    pub(super) fn our_voice(&self, port: u16) -> Option<Description> {
        let local = Local { address: self.local(port)?, codecs: &Codec::ALL, direction: Direction::SendRecv };
        Some(sdp::offer(&local))
    }

    /// What we answer at a port of ours.
    pub(super) fn our_answer(&self, port: u16, offer: &Description) -> Option<Description> {
        let local = Local { address: self.local(port)?, codecs: &Codec::ALL, direction: Direction::SendRecv };
        sdp::answer(offer, &local).ok().map(|(answer, _)| answer)
    }

    /// Both sides agreed on the voice at a port.
    pub(super) fn port_agreed(&mut self, port: u16, id: DialogId) {
        let Some(address) = self.local(port) else { return };
        let Some(heard) = self.legs.get(&id).and_then(|leg| leg.voice.heard.as_ref()) else { return };
        let local = Local { address, codecs: &Codec::ALL, direction: Direction::SendRecv };
        let Ok((_, agreed)) = sdp::answer(heard, &local) else { return };
        let (now, seed) = (span(self.now), self.random.next());
        let Some(open) = self.media.open.get_mut(&port) else { return };
        if !open.latched {
            open.remote = Some(agreed.remote).filter(|remote| !remote.ip().is_unspecified());
        }
        match &mut open.stream {
            Some(stream) => stream.renegotiate(agreed.codec, agreed.events),
            None => {
                open.stream = Some(Stream::new(now, agreed.codec, agreed.events, seed));
                open.go_on(now);
            }
        }
        self.media.soonest();
    }

    /// A port at which a party of this call hears the music of its queue, or what is said there. None where it would
    /// hear nothing.
    pub(super) fn port_for(&mut self, call: &CallId, id: DialogId) -> Option<u16> {
        let known = self.calls.get(call)?;
        let queue = known.queue.clone().unwrap_or_default();
        let spoken_to = known.waits && self.settings.spoken.queues.contains(&queue);
        let music = self.music_of(&queue);
        if music.is_none() && !spoken_to {
            return None;
        }
        let Some(port) = self.own_port(id) else {
            if self.media.ports.is_some() {
                self.counters.unheard += 1;
                self.media.unheard.push_back(call.clone());
                if self.media.unheard.len() > self.calls.len() {
                    self.media.unheard.retain(|call| self.calls.contains_key(call));
                }
            }
            return None;
        };
        self.change_music(port, music);
        Some(port)
    }

    /// A port is free again: who waits unheard hears it.
    fn heard_again(&mut self) {
        for _ in 0..self.media.unheard.len() {
            let Some(call) = self.media.unheard.pop_front() else { return };
            let Some(known) = self.calls.get(&call).filter(|known| known.waits) else { continue };
            if !known.is_free() {
                self.media.unheard.push_back(call);
                continue;
            }
            let customer = known.customer;
            if self.is_up(customer) {
                self.alone(&call, customer);
            } else {
                self.answer_to_wait(&call, customer);
            }
            // Nobody else has to look where this one found none.
            if self.media.unheard.back() == Some(&call) {
                return;
            }
        }
    }

    /// The music of a queue.
    fn music_of(&self, queue: &str) -> Option<Clip> {
        let music = &self.settings.music;
        music.get(queue).or_else(|| music.get("")).map(|clip| clip.as_ref().clone())
    }

    /// The port of a leg that hears us; else a new one.
    fn own_port(&mut self, id: DialogId) -> Option<u16> {
        match self.legs.get(&id)?.peer {
            Peer::Port(port) => Some(port),
            Peer::Unset | Peer::Silence | Peer::Leg(_) => self.media.take(id),
        }
    }

    fn change_music(&mut self, port: u16, music: Option<Clip>) {
        let now = span(self.now);
        let Some(open) = self.media.open.get_mut(&port).filter(|open| open.music != music) else { return };
        let talks = open.talks;
        open.music = music;
        if !talks {
            open.go_on(now);
        }
        self.media.soonest();
    }

    /// A waiting caller hears us, and we hear the caller's keys, from now on: answered first where that is still to be
    /// done. None where there is no port, or no voice in common.
    pub(super) fn ear(&mut self, call: &CallId, id: DialogId) -> Option<u16> {
        let leg = self.legs.get(&id)?;
        if let Peer::Port(port) = leg.peer {
            return Some(port);
        }
        let up = matches!(leg.phase, Phase::Up);
        let port = self.media.take(id)?;
        let queue = self.calls.get(call)?.queue.clone().unwrap_or_default();
        let music = self.music_of(&queue);
        self.change_music(port, music);
        if up {
            self.hears(id, Peer::Port(port));
            return Some(port);
        }
        self.answer_at(id, port).then_some(port)
    }

    /// These are said to a leg at its port, in place of what was being said.
    pub(super) fn speak(&mut self, id: DialogId, words: Vec<Clip>) {
        let now = span(self.now);
        let Some(Leg { peer: Peer::Port(port), .. }) = self.legs.get(&id) else { return };
        let Some(open) = self.media.open.get_mut(port) else { return };
        open.words = words.into();
        open.go_on(now);
        self.media.soonest();
    }

    /// What is being said to a leg is cut short.
    pub(super) fn hush(&mut self, id: DialogId) {
        let Some(Leg { peer: Peer::Port(port), .. }) = self.legs.get(&id) else { return };
        if self.media.open.get(port).is_some_and(|open| open.talks) {
            self.speak(id, Vec::new());
        }
    }

    /// An unanswered caller is answered, to hear what a queue has to be heard. False where that is nothing.
    pub(super) fn answer_to_wait(&mut self, call: &CallId, id: DialogId) -> bool {
        if !matches!(self.legs.get(&id), Some(Leg { phase: Phase::Asked(_), .. })) {
            return false;
        }
        self.port_for(call, id).is_some_and(|port| self.answer_at(id, port))
    }

    /// An unanswered caller is answered with this port. False where there is no voice in common.
    fn answer_at(&mut self, id: DialogId, port: u16) -> bool {
        let offer = self.legs.get(&id).and_then(|leg| leg.voice.heard.clone());
        let said = match &offer {
            Some(offer) => self.our_answer(port, offer),
            None => self.our_voice(port),
        };
        let Some(said) = said else {
            self.media.close(port);
            return false;
        };
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.peer = Peer::Port(port);
        }
        self.accept_call(id, said, offer.is_none().then_some(id));
        self.port_agreed(port, id);
        true
    }

    /// A leg hears us no more.
    pub(super) fn give_port_back(&mut self, id: DialogId) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if let Peer::Port(port) = leg.peer {
            leg.peer = Peer::Silence;
            self.media.close(port);
            self.media.soonest();
        }
    }

    /// A room with a port for each of these, by their places.
    pub(super) fn open_room(&mut self, legs: &[DialogId], hearing: Hearing) -> Result<u64, Refused> {
        if self.settings.media.is_none() {
            return Err(Refused::NoMedia);
        }
        let mut ports = Vec::new();
        for leg in legs {
            match self.media.take(*leg) {
                Some(port) => ports.push(port),
                None => {
                    ports.into_iter().for_each(|port| self.media.close(port));
                    return Err(Refused::Full);
                }
            }
        }
        let id = self.count();
        self.media.rooms.insert(id, Room { ports, hearing, at: self.now + FRAME });
        self.media.soonest();
        Ok(id)
    }

    fn port_in(&self, id: DialogId, room: u64) -> Option<u16> {
        let ports = &self.media.rooms.get(&room)?.ports;
        ports.iter().copied().find(|port| self.media.open.get(port).is_some_and(|open| open.leg == id))
    }

    /// A leg hears a room from now on.
    pub(super) fn hear_room(&mut self, id: DialogId, room: u64) {
        let Some(port) = self.port_in(id, room) else { return };
        self.give_port_back(id);
        self.hears(id, Peer::Port(port));
    }

    /// A leg whose offer waits for an answer gets that of its port.
    pub(super) fn answer_in_room(&mut self, id: DialogId, room: u64) {
        let Some(port) = self.port_in(id, room) else { return };
        let offer = self.legs.get(&id).and_then(|leg| leg.voice.heard.clone());
        let Some(said) = offer.and_then(|offer| self.our_answer(port, &offer)) else { return };
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.peer = Peer::Port(port);
        let number = leg.owed_ack.take();
        let body = leg.voice.tell(said);
        if let Some(number) = number {
            self.send_ack(id, number, Some(body));
        }
        self.port_agreed(port, id);
    }

    /// A room is over; who listened without being a party leaves.
    pub(super) fn close_room(&mut self, room: Option<u64>) {
        let Some(room) = room.and_then(|room| self.media.rooms.remove(&room)) else { return };
        for port in room.ports {
            let Some(leg) = self.media.open.get(&port).map(|open| open.leg) else { continue };
            if self.watches(leg) {
                self.part_from(leg, crate::event::End::Released, None);
                self.close(leg, super::leave::Close::Normal);
            } else if self.legs.get(&leg).is_some_and(|known| known.peer == Peer::Port(port)) {
                self.give_port_back(leg);
            }
            self.media.close(port);
        }
        self.media.soonest();
    }

    /// A packet came to a port.
    pub(super) fn packet(&mut self, port: u16, from: SocketAddr, bytes: &[u8]) {
        let now = span(self.now);
        let Some(open) = self.media.open.get_mut(&port) else { return };
        let Some(stream) = &mut open.stream else { return };
        let mut heard = Vec::new();
        if stream.receive(now, bytes, &mut heard).is_err() {
            return;
        }
        if !open.latched {
            (open.latched, open.remote) = (true, Some(from));
        }
        self.heard(port, heard);
    }

    fn heard(&mut self, port: u16, heard: Vec<Heard>) {
        let Some(leg) = self.media.open.get(&port).map(|open| open.leg) else { return };
        for heard in heard {
            match heard {
                Heard::Voice(frame) => {
                    if let Some(open) = self.media.open.get_mut(&port) {
                        open.spoken = Some(*frame);
                    }
                }
                Heard::Digit(hookswitch_media::DigitEvent::Pressed(key)) => self.key(leg, key.letter()),
                Heard::Digit(hookswitch_media::DigitEvent::Released { .. }) => {}
            }
        }
        self.media.soonest();
    }

    /// Presses a key towards the leg of a port. False where it takes none.
    pub(super) fn press(&mut self, port: u16, key: Key) -> bool {
        let now = span(self.now);
        let stream = self.media.open.get_mut(&port).and_then(|open| open.stream.as_mut());
        let pressed = stream.is_some_and(|stream| stream.press(now, key));
        self.media.soonest();
        pressed
    }

    /// Sends what is due of music, keys and rooms.
    pub(super) fn play(&mut self) {
        if self.media.due.is_none_or(|due| due > self.now) {
            return;
        }
        if std::mem::take(&mut self.media.freed) {
            self.heard_again();
        }
        let now = span(self.now);
        let mut told = Vec::new();
        for (port, open) in &mut self.media.open {
            let Some(stream) = &mut open.stream else { continue };
            let mut heard = Vec::new();
            stream.tick(now, &mut heard);
            told.push((*port, heard));
            open.send(now, *port, &mut self.media.out);
        }
        for (port, heard) in told.into_iter().filter(|(_, heard)| !heard.is_empty()) {
            self.heard(port, heard);
        }
        let rooms: Vec<u64> =
            self.media.rooms.iter().filter(|(_, room)| room.at <= self.now).map(|(id, _)| *id).collect();
        for room in rooms {
            self.mix(room);
        }
        self.media.soonest();
    }

    /// 20 ms of a room.
    fn mix(&mut self, id: u64) {
        let now = span(self.now);
        let Some(room) = self.media.rooms.get_mut(&id) else { return };
        room.at = (room.at + FRAME).max(self.now);
        let spoken: Vec<Option<Frame>> = room
            .ports
            .iter()
            .map(|port| self.media.open.get_mut(port).and_then(|open| open.spoken.take()))
            .collect();
        let frames = hookswitch_media::mix(&spoken, &room.hearing);
        for (port, frame) in room.ports.clone().into_iter().zip(frames) {
            let Some(open) = self.media.open.get_mut(&port) else { continue };
            let (Some(stream), Some(to)) = (&mut open.stream, open.remote) else { continue };
            let bytes = stream.speak(now, &frame).into();
            self.media.out.push_back(MediaOut::Send { port, to, bytes });
        }
    }
}
