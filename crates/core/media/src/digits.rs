//! Telephone events: keys as packets of their own. RFC 4733 section 2.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! |     event     |E|R| volume    |          duration             |
//! ```

use std::time::Duration;

use crate::{FRAME_SAMPLES, SAMPLE_RATE};

/// A key whose packets stopped for so long was let go, also when nobody said so.
const SILENT: Duration = Duration::from_millis(120);
/// How often the end is sent (RFC 4733 section 2.5.1.4).
const ENDS: u8 = 3;
/// -10 dBm0, what phones send.
const VOLUME: u8 = 10;

/// A key of a phone: `0` to `9`, `*`, `#`, `A` to `D`; events 0 to 15 (RFC 4733 section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(u8);

const KEYS: &[u8; 16] = b"0123456789*#ABCD";

impl Key {
    /// The key with this letter; case does not matter.
    pub fn new(letter: char) -> Option<Self> {
        let letter = u8::try_from(letter.to_ascii_uppercase()).ok()?;
        let event = KEYS.iter().position(|key| *key == letter)?;
        u8::try_from(event).ok().map(Self)
    }

    /// Its letter.
    pub fn letter(self) -> char {
        KEYS.get(usize::from(self.0)).copied().map_or('?', char::from)
    }

    fn of_event(event: u8) -> Option<Self> {
        (event < 16).then_some(Self(event))
    }
}

/// What a reader tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigitEvent {
    /// A key went down. Told once a key, with the first of its packets that arrives.
    Pressed(Key),
    /// It went up again.
    Released {
        /// Which.
        key: Key,
        /// How long it was down, as far as was seen.
        held: Duration,
    },
}

/// Reads the telephone events of one stream: one digit a press, whatever the network does to its packets.
///
/// A press is known by the RTP timestamp, which all its packets share. So repeated ends, lost beginnings and lost ends
/// are all one press; a press whose end was lost ends with the next one, or 120 ms after its last packet.
#[derive(Debug, Default)]
pub struct DigitReader {
    down: Option<Down>,
    /// The timestamp of the last press that ended: its repeated ends are no new press.
    last: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Down {
    key: Key,
    timestamp: u32,
    samples: u32,
    seen: Duration,
}

impl DigitReader {
    /// A packet whose payload type is that of telephone events. What is no key (a flash, fax tones) tells nothing.
    pub fn push(&mut self, now: Duration, timestamp: u32, payload: &[u8], told: &mut Vec<DigitEvent>) {
        let Some([event, flags, high, low]) = payload.first_chunk::<4>() else { return };
        let Some(key) = Key::of_event(*event) else { return };
        // Late packets of a press that is over. Timestamps wrap: what is behind is less than half the circle away.
        if self.last.is_some_and(|last| (timestamp.wrapping_sub(last) as i32) <= 0) {
            return;
        }
        let samples = u32::from(u16::from_be_bytes([*high, *low]));
        match &mut self.down {
            Some(down) if down.timestamp == timestamp => {
                down.samples = down.samples.max(samples);
                down.seen = now;
            }
            Some(down) if (timestamp.wrapping_sub(down.timestamp) as i32) < 0 => return,
            Some(_) | None => {
                self.release(told);
                told.push(DigitEvent::Pressed(key));
                self.down = Some(Down { key, timestamp, samples, seen: now });
            }
        }
        if flags & 0x80 != 0 {
            self.release(told);
        }
    }

    /// The sender began again, with timestamps of its own.
    pub fn restart(&mut self, told: &mut Vec<DigitEvent>) {
        self.release(told);
        self.last = None;
    }

    /// Lets go of a key that nothing was heard of for 120 ms.
    pub fn tick(&mut self, now: Duration, told: &mut Vec<DigitEvent>) {
        if self.next_deadline().is_some_and(|due| due <= now) {
            self.release(told);
        }
    }

    /// When [`DigitReader::tick`] has something to do.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.down.map(|down| down.seen + SILENT)
    }

    fn release(&mut self, told: &mut Vec<DigitEvent>) {
        if let Some(Down { key, timestamp, samples, .. }) = self.down.take() {
            self.last = Some(timestamp);
            told.push(DigitEvent::Released {
                key,
                held: Duration::from_millis(u64::from(samples) * 1_000 / u64::from(SAMPLE_RATE)),
            });
        }
    }
}

/// A key that is being pressed by us: a packet every 20 ms, then the end three times.
#[derive(Debug, Clone)]
pub struct Keying {
    key: Key,
    samples: u16,
    length: u16,
    ends: u8,
}

/// One packet of [`Keying`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPacket {
    /// The first one carries the marker.
    pub marker: bool,
    /// Event, end and volume, duration.
    pub payload: [u8; 4],
}

impl Keying {
    /// Presses a key for so long: 40 ms to 8 s, in steps of 20 ms.
    pub fn new(key: Key, held: Duration) -> Self {
        let frames = (held.as_millis() / 20).clamp(2, 400) as u16;
        Self { key, samples: 0, length: frames * FRAME_SAMPLES as u16, ends: 0 }
    }

    /// What is sent in these 20 ms; nothing when it is over. All packets of it carry the timestamp of the first.
    pub fn next_packet(&mut self) -> Option<KeyPacket> {
        if self.ends == ENDS {
            return None;
        }
        let marker = self.samples == 0;
        self.samples = (self.samples + FRAME_SAMPLES as u16).min(self.length);
        let end = self.samples == self.length;
        self.ends += u8::from(end);
        let [high, low] = self.samples.to_be_bytes();
        Some(KeyPacket { marker, payload: [self.key.0, u8::from(end) << 7 | VOLUME, high, low] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn key(letter: char) -> Key {
        Key::new(letter).unwrap()
    }

    /// All packets of a press of 100 ms at this timestamp.
    fn press(letter: char) -> Vec<[u8; 4]> {
        let mut keying = Keying::new(key(letter), ms(100));
        std::iter::from_fn(|| keying.next_packet()).map(|packet| packet.payload).collect()
    }

    fn told(packets: &[(u32, [u8; 4])]) -> Vec<DigitEvent> {
        let (mut reader, mut told) = (DigitReader::default(), Vec::new());
        for (at, (timestamp, payload)) in packets.iter().enumerate() {
            reader.push(ms(at as u64 * 20), *timestamp, payload, &mut told);
        }
        reader.tick(ms(packets.len() as u64 * 20 + 120), &mut told);
        told
    }

    fn pressed(told: &[DigitEvent]) -> String {
        let letter = |event: &DigitEvent| match event {
            DigitEvent::Pressed(key) => Some(key.letter()),
            DigitEvent::Released { .. } => None,
        };
        told.iter().filter_map(letter).collect()
    }

    #[test]
    fn a_press_is_sent_with_a_growing_duration_and_three_ends() {
        let packets = press('5');
        let lengths: Vec<_> = packets.iter().map(|p| u16::from_be_bytes([p[2], p[3]])).collect();
        assert_eq!(lengths, [160, 320, 480, 640, 800, 800, 800]);
        let ends: Vec<_> = packets.iter().map(|p| p[1] >> 7).collect();
        assert_eq!(ends, [0, 0, 0, 0, 1, 1, 1]);
        assert!(packets.iter().all(|p| p[0] == 5));
        let mut keying = Keying::new(key('5'), ms(100));
        let markers: Vec<_> = std::iter::from_fn(|| keying.next_packet()).map(|p| p.marker).collect();
        assert_eq!(markers, [true, false, false, false, false, false, false]);
    }

    #[test]
    fn a_press_is_one_digit_with_its_duration() {
        let packets: Vec<_> = press('#').into_iter().map(|payload| (1_000, payload)).collect();
        let expected = [DigitEvent::Pressed(key('#')), DigitEvent::Released { key: key('#'), held: ms(100) }];
        assert_eq!(told(&packets), expected);
    }

    #[test]
    fn a_press_is_one_digit_whichever_of_its_packets_arrive() {
        let packets = press('7');
        for lost in 0..(1_u32 << packets.len()) - 1 {
            let arrived = packets.iter().enumerate().filter(|(at, _)| lost & (1 << at) == 0);
            let arrived: Vec<_> = arrived.map(|(_, payload)| (1_000, *payload)).collect();
            assert_eq!(pressed(&told(&arrived)), "7", "lost {lost:b}");
        }
    }

    #[test]
    fn the_same_key_twice_is_two_digits_also_when_the_first_end_was_lost() {
        let mut packets: Vec<_> = press('1')[..4].iter().map(|payload| (1_000, *payload)).collect();
        packets.extend(press('1').into_iter().map(|payload| (2_000, payload)));
        assert_eq!(pressed(&told(&packets)), "11");
    }

    #[test]
    fn ends_that_come_after_the_next_press_are_no_digit() {
        let (first, second) = (press('1'), press('2'));
        let packets =
            [(1_000, first[0]), (1_000, first[4]), (2_000, second[0]), (1_000, first[5]), (2_000, second[4])];
        assert_eq!(pressed(&told(&packets)), "12");
    }

    #[test]
    fn timestamps_may_wrap_between_two_digits() {
        let (first, second) = (press('1'), press('2'));
        assert_eq!(
            pressed(&told(&[(u32::MAX - 10, first[4]), (700, second[4]), (u32::MAX - 10, first[5])])),
            "12"
        );
    }

    #[test]
    fn a_key_that_is_never_let_go_is_released_by_silence() {
        let (mut reader, mut told) = (DigitReader::default(), Vec::new());
        reader.push(ms(0), 5, &press('3')[0], &mut told);
        assert_eq!(reader.next_deadline(), Some(ms(120)));
        reader.tick(ms(119), &mut told);
        assert_eq!(told.len(), 1);
        reader.tick(ms(120), &mut told);
        assert_eq!(told[1..], [DigitEvent::Released { key: key('3'), held: ms(20) }]);
        assert_eq!(reader.next_deadline(), None);
    }

    #[test]
    fn what_is_no_key_tells_nothing() {
        assert_eq!(told(&[(1, [16, 0x8a, 3, 32]), (2, [36, 0x8a, 3, 32])]), []);
        let (mut reader, mut told) = (DigitReader::default(), Vec::new());
        reader.push(ms(0), 1, &[5, 0x8a, 3], &mut told);
        assert_eq!(told, []);
    }

    #[test]
    fn every_key_has_its_letter() {
        for letter in "0123456789*#ABCD".chars() {
            assert_eq!(key(letter).letter(), letter);
        }
        assert_eq!(Key::new('d'), Key::new('D'));
        assert_eq!(Key::new('E'), None);
        assert_eq!(Key::new('é'), None);
    }
}
