//! One leg's voice where the switch is its end: what is heard of it, and what is played to it, a packet every 20 ms.

use std::{collections::VecDeque, time::Duration};

use crate::{
    Clip, Codec, DigitEvent, DigitReader, FRAME_SAMPLES, Frame, Key, Keying, Reorder,
    reorder::Arrived,
    rtp::{NotRtp, Numbering, Packet},
};

/// The time of a packet.
const FRAME: Duration = Duration::from_millis(20);
/// After a pause of the process so much is caught up; what is older is skipped, not sent in a burst.
const CATCH_UP: Duration = Duration::from_millis(100);
/// Keys that wait to be pressed.
const MOST_KEYS: usize = 64;

/// What arrived on a leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// 20 ms of voice, for the mixer.
    Voice(Box<Frame>),
    /// A key.
    Digit(DigitEvent),
}

/// Both directions of a leg's voice. Sending pauses where there is nothing to play: the timestamps go on, so the
/// listener hears a pause and not a jump.
#[derive(Debug)]
pub struct Stream {
    codec: Codec,
    events: Option<u8>,
    numbers: Numbering,
    /// When the next 20 ms begin.
    next: Duration,
    /// Nothing was sent in the 20 ms before: the next packet carries the marker.
    paused: bool,
    playing: Option<Playing>,
    keys: VecDeque<Keying>,
    /// The timestamp of the key that is pressed now.
    key_began: Option<u32>,
    reorder: Reorder,
    digits: DigitReader,
    source: Option<u32>,
}

#[derive(Debug)]
struct Playing {
    clip: Clip,
    at: usize,
    looping: bool,
}

impl Stream {
    /// A stream of this codec, with keys as packets of type `events` where the peer can; numbers come from the seed.
    pub fn new(now: Duration, codec: Codec, events: Option<u8>, seed: u64) -> Self {
        Self {
            codec,
            events,
            numbers: Numbering::new(seed),
            next: now,
            paused: true,
            playing: None,
            keys: VecDeque::new(),
            key_began: None,
            reorder: Reorder::default(),
            digits: DigitReader::default(),
            source: None,
        }
    }

    /// The peer chose again (a re-INVITE). Numbers go on.
    pub fn renegotiate(&mut self, codec: Codec, events: Option<u8>) {
        (self.codec, self.events) = (codec, events);
    }

    /// Plays from the beginning, over and over or once; what was played before stops.
    pub fn play(&mut self, now: Duration, clip: Clip, looping: bool) {
        self.wake(now);
        self.playing = Some(Playing { clip, at: 0, looping });
    }

    /// Plays nothing.
    pub fn stop(&mut self) {
        self.playing = None;
    }

    /// Whether a clip is being played.
    pub fn is_playing(&self) -> bool {
        self.playing.is_some()
    }

    /// Presses a key for 100 ms, after those that were asked for before. False where the peer takes no keys in
    /// packets, or 64 wait already.
    pub fn press(&mut self, now: Duration, key: Key) -> bool {
        let can = self.events.is_some() && self.keys.len() < MOST_KEYS;
        if can {
            self.wake(now);
            self.keys.push_back(Keying::new(key, Duration::from_millis(100)));
        }
        can
    }

    /// Sends 20 ms of what the mixer made, in place of a clip; asked for once in 20 ms.
    pub fn speak(&mut self, now: Duration, frame: &Frame) -> Vec<u8> {
        self.wake(now);
        let payload = self.codec.payload(frame);
        let packet = self.voice(&payload);
        self.next += FRAME;
        self.numbers.elapse(FRAME_SAMPLES as u32);
        packet
    }

    /// When [`Stream::poll`] has a packet, or a key is let go by silence.
    pub fn next_deadline(&self) -> Option<Duration> {
        let packet = (self.playing.is_some() || !self.keys.is_empty()).then_some(self.next);
        [packet, self.digits.next_deadline()].into_iter().flatten().min()
    }

    /// The packet that is due now, if one is: called until it gives none.
    pub fn poll(&mut self, now: Duration) -> Option<Vec<u8>> {
        let behind = now.checked_sub(self.next)?;
        if behind > CATCH_UP {
            self.skip(behind - CATCH_UP);
        }
        let packet = self.key_packet().or_else(|| self.clip_packet())?;
        self.next += FRAME;
        self.numbers.elapse(FRAME_SAMPLES as u32);
        Some(packet)
    }

    /// Time that nothing was sent in: timestamps and the clip go on with it.
    fn wake(&mut self, now: Duration) {
        if self.playing.is_none() && self.keys.is_empty() {
            let pause = now.saturating_sub(self.next);
            if pause >= FRAME {
                self.skip(pause);
            }
        }
    }

    fn skip(&mut self, pause: Duration) {
        let frames = u32::try_from(pause.as_millis() / FRAME.as_millis()).unwrap_or(u32::MAX);
        self.next += FRAME.saturating_mul(frames);
        self.numbers.elapse(frames.wrapping_mul(FRAME_SAMPLES as u32));
        self.paused = true;
    }

    fn key_packet(&mut self) -> Option<Vec<u8>> {
        let events = self.events?;
        loop {
            let keying = self.keys.front_mut()?;
            let began = *self.key_began.get_or_insert(self.numbers.timestamp());
            if let Some(key) = keying.next_packet() {
                self.paused = false;
                return Some(self.numbers.packet(events, began, key.marker, &key.payload).to_bytes());
            }
            self.keys.pop_front();
            self.key_began = None;
        }
    }

    fn clip_packet(&mut self) -> Option<Vec<u8>> {
        let codec = self.codec;
        let playing = self.playing.as_mut()?;
        let payload = playing.payload(codec);
        if payload.is_none() {
            self.playing = None;
        }
        payload.map(|payload| self.voice(&payload))
    }

    fn voice(&mut self, payload: &[u8]) -> Vec<u8> {
        let marker = std::mem::take(&mut self.paused);
        let timestamp = self.numbers.timestamp();
        self.numbers.packet(self.codec.payload_type(), timestamp, marker, payload).to_bytes()
    }

    /// A datagram arrived. What it says is appended, voice in order and each key once.
    pub fn receive(&mut self, now: Duration, datagram: &[u8], heard: &mut Vec<Heard>) -> Result<(), NotRtp> {
        let packet = Packet::parse(datagram)?;
        let mut told = Vec::new();
        if self.source.replace(packet.ssrc).is_some_and(|before| before != packet.ssrc) {
            self.digits.restart(&mut told);
        }
        if Some(packet.payload_type) == self.events {
            // Not by way of the reordering: a key is known by its timestamp, and its last packets may be the last.
            self.digits.push(now, packet.timestamp, packet.payload, &mut told);
        }
        heard.extend(told.into_iter().map(Heard::Digit));
        let mut ready = Vec::new();
        self.reorder.push(now, &packet, &mut ready);
        heard.extend(ready.iter().filter_map(voice_of));
        Ok(())
    }

    /// Time went by: a key whose end was lost is let go.
    pub fn tick(&mut self, now: Duration, heard: &mut Vec<Heard>) {
        let mut told = Vec::new();
        self.digits.tick(now, &mut told);
        heard.extend(told.into_iter().map(Heard::Digit));
    }
}

fn voice_of(packet: &Arrived) -> Option<Heard> {
    let codec = Codec::ALL.into_iter().find(|codec| codec.payload_type() == packet.payload_type)?;
    Some(Heard::Voice(Box::new(codec.frame(&packet.payload))))
}

impl Playing {
    /// The next 20 ms; the last one of a clip that is played once ends in silence.
    fn payload(&mut self, codec: Codec) -> Option<[u8; FRAME_SAMPLES]> {
        let bytes = self.clip.bytes(codec);
        if self.at >= bytes.len() {
            return None;
        }
        let mut payload = [codec.silence(); FRAME_SAMPLES];
        for slot in &mut payload {
            if self.at == bytes.len() {
                if !self.looping {
                    break;
                }
                self.at = 0;
            }
            *slot = bytes[self.at];
            self.at += 1;
        }
        if self.looping && self.at == bytes.len() {
            self.at = 0;
        }
        Some(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn clip(samples: usize) -> Clip {
        let bytes: Vec<u8> = (0..samples).map(|at| (at % 251) as u8).collect();
        Clip::encoded(&bytes, Codec::Pcmu).unwrap()
    }

    /// What is sent until `end`, waking up whenever a packet is due.
    fn sent(stream: &mut Stream, end: Duration) -> Vec<(u8, bool, u16, u32, Vec<u8>)> {
        let mut sent = Vec::new();
        while let Some(due) = stream.next_deadline().filter(|due| *due < end) {
            while let Some(bytes) = stream.poll(due) {
                let p = Packet::parse(&bytes).unwrap();
                sent.push((p.payload_type, p.marker, p.sequence, p.timestamp, p.payload.to_vec()));
            }
        }
        sent
    }

    #[test]
    fn music_is_a_packet_every_20_ms_and_begins_again() {
        let mut stream = Stream::new(ms(0), Codec::Pcmu, None, 7);
        stream.play(ms(0), clip(400), true);
        let sent = sent(&mut stream, ms(100));
        assert_eq!(sent.len(), 5);
        assert_eq!(
            sent.iter().map(|packet| packet.1).collect::<Vec<_>>(),
            [true, false, false, false, false]
        );
        let played: Vec<u8> = sent.iter().flat_map(|packet| packet.4.clone()).collect();
        let expected: Vec<u8> = (0..800).map(|at| (at % 400 % 251) as u8).collect();
        assert_eq!(played, expected);
        for pair in sent.windows(2) {
            assert_eq!(pair[1].2, pair[0].2.wrapping_add(1));
            assert_eq!(pair[1].3, pair[0].3.wrapping_add(160));
        }
    }

    #[test]
    fn an_announcement_ends_in_silence_and_is_over() {
        let mut stream = Stream::new(ms(0), Codec::Pcma, None, 7);
        stream.play(ms(0), clip(200), false);
        let sent = sent(&mut stream, ms(1_000));
        assert_eq!(sent.len(), 2);
        assert_eq!(sent[1].4[40..], [Codec::Pcma.silence(); 120]);
        assert!(!stream.is_playing());
        assert_eq!(stream.next_deadline(), None);
    }

    #[test]
    fn a_pause_is_heard_as_one_and_marked_at_its_end() {
        let mut stream = Stream::new(ms(0), Codec::Pcmu, None, 7);
        stream.play(ms(0), clip(160), false);
        let before = sent(&mut stream, ms(500));
        stream.play(ms(1_000), clip(160), false);
        let after = sent(&mut stream, ms(2_000));
        assert!(after[0].1, "a marker after the pause");
        assert_eq!(after[0].2, before[0].2.wrapping_add(1));
        assert_eq!(after[0].3.wrapping_sub(before[0].3), 8_000, "one second of samples");
    }

    #[test]
    fn a_process_that_slept_does_not_send_a_burst() {
        let mut stream = Stream::new(ms(0), Codec::Pcmu, None, 7);
        stream.play(ms(0), clip(160), true);
        let burst = std::iter::from_fn(|| stream.poll(ms(10_000))).count();
        assert_eq!(burst, 6, "100 ms and the packet that is due");
        assert_eq!(stream.next_deadline(), Some(ms(10_020)));
    }

    #[test]
    fn keys_are_sent_one_after_the_other_and_read_as_pressed() {
        let (mut stream, mut peer) =
            (Stream::new(ms(0), Codec::Pcmu, Some(101), 7), Stream::new(ms(0), Codec::Pcmu, Some(101), 8));
        stream.play(ms(0), clip(160), true);
        for letter in "11#".chars() {
            assert!(stream.press(ms(0), Key::new(letter).unwrap()));
        }
        let (mut heard, mut now) = (Vec::new(), ms(0));
        while now < ms(600) {
            now = stream.next_deadline().unwrap();
            while let Some(packet) = stream.poll(now) {
                peer.receive(now, &packet, &mut heard).unwrap();
            }
        }
        let keys: String = heard
            .iter()
            .filter_map(|heard| match heard {
                Heard::Digit(DigitEvent::Pressed(key)) => Some(key.letter()),
                Heard::Digit(DigitEvent::Released { .. }) | Heard::Voice(_) => None,
            })
            .collect();
        assert_eq!(keys, "11#");
        assert!(heard.iter().any(|heard| matches!(heard, Heard::Voice(_))), "the music goes on behind them");
    }

    #[test]
    fn keys_are_refused_where_the_peer_takes_none() {
        let mut stream = Stream::new(ms(0), Codec::Pcmu, None, 7);
        assert!(!stream.press(ms(0), Key::new('1').unwrap()));
        let mut stream = Stream::new(ms(0), Codec::Pcmu, Some(101), 7);
        let pressed = (0..100).filter(|_| stream.press(ms(0), Key::new('1').unwrap())).count();
        assert_eq!(pressed, MOST_KEYS);
    }

    #[test]
    fn a_new_sender_may_press_the_same_key_at_an_older_timestamp() {
        let mut stream = Stream::new(ms(0), Codec::Pcmu, Some(101), 7);
        let mut heard = Vec::new();
        for (ssrc, timestamp) in [(1, 90_000), (2, 100)] {
            let payload = [5, 0x8a, 0, 160];
            let packet =
                Packet { marker: true, payload_type: 101, sequence: 1, timestamp, ssrc, payload: &payload };
            stream.receive(ms(0), &packet.to_bytes(), &mut heard).unwrap();
        }
        let pressed =
            heard.iter().filter(|heard| matches!(heard, Heard::Digit(DigitEvent::Pressed(_)))).count();
        assert_eq!(pressed, 2);
    }

    #[test]
    fn what_the_mixer_made_is_sent_without_a_gap_before_a_clip() {
        let mut stream = Stream::new(ms(0), Codec::Pcmu, None, 7);
        let spoken: Vec<_> = (0..3).map(|at| stream.speak(ms(20 * at), &crate::SILENCE)).collect();
        stream.play(ms(60), clip(160), false);
        let after = sent(&mut stream, ms(80));
        let first = Packet::parse(&spoken[0]).unwrap();
        let last = Packet::parse(&spoken[2]).unwrap();
        assert!(first.marker && !last.marker && !after[0].1);
        assert_eq!(last.timestamp.wrapping_sub(first.timestamp), 320);
        assert_eq!(after[0].3.wrapping_sub(last.timestamp), 160);
    }

    #[test]
    fn what_is_no_rtp_is_refused_and_changes_nothing() {
        let mut stream = Stream::new(ms(0), Codec::Pcmu, Some(101), 7);
        let mut heard = Vec::new();
        assert_eq!(stream.receive(ms(0), b"\0\x01", &mut heard), Err(NotRtp::Short));
        assert_eq!(heard, []);
    }
}
