//! Nothing that arrives can panic, and what is accepted can be written and read again. Seeded: a failure repeats.

mod entries;

use std::time::Duration;

use hookswitch_media::{Codec, Heard, Stream, rtp::Packet};

const ROUNDS: u64 = 20_000;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides.max(1) as u64) as usize
    }

    /// Some bytes changed, cut out, doubled, or replaced by what hurts.
    fn mutate(&mut self, original: &[u8], pieces: &[&[u8]]) -> Vec<u8> {
        let mut bytes = original.to_vec();
        for _ in 0..=self.roll(4) {
            let at = self.roll(bytes.len());
            match self.roll(5) {
                0 if at < bytes.len() => bytes[at] = self.roll(256) as u8,
                1 => bytes.truncate(at),
                2 => {
                    let end = (at + self.roll(20)).min(bytes.len());
                    bytes.drain(at..end);
                }
                3 => {
                    let end = (at + self.roll(60)).min(bytes.len());
                    let copy = bytes[at..end].to_vec();
                    bytes.splice(at..at, copy);
                }
                _ => {
                    let piece = pieces[self.roll(pieces.len())].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        bytes
    }
}

const SDP: &[u8] =
    b"v=0\r\no=alice 1 2 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nb=AS:84\r\nt=0 0\r\n\
    m=audio 4000/1 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendonly\r\n\
    m=video 5000 RTP/AVP 31\r\nc=IN IP6 2001:db8::1/127\r\na=rtpmap:31 H261/90000\r\n";
const SDP_PIECES: [&[u8]; 12] = [
    b"\r\n",
    b"\n",
    b"m=",
    b"c=IN IP4 0.0.0.0\r\n",
    b"m=audio 1 RTP/AVP 0\r\n",
    b"a=rtpmap:",
    b"99999999999999999999",
    b"-1",
    b"\0",
    b"\xff\xfe",
    b"=",
    b"/",
];

#[test]
fn no_description_panics_and_what_is_accepted_is_stable() {
    let mut dice = Dice(1);
    let mut accepted = 0_u64;
    for _ in 0..ROUNDS {
        accepted += u64::from(entries::description(&dice.mutate(SDP, &SDP_PIECES)));
    }
    assert!(accepted > ROUNDS / 4, "only {accepted} were accepted: the parser is not being tried");
}

#[test]
fn no_packet_panics_and_a_press_is_never_told_twice() {
    let mut dice = Dice(2);
    let mut stream = Stream::new(Duration::ZERO, Codec::Pcmu, Some(101), 1);
    let mut read = 0_u64;
    for round in 0..ROUNDS {
        let event = [5, 0x8a, 3, 32];
        let payload: &[u8] = if round % 2 == 0 { &event } else { &[0xff; 160] };
        let packet = Packet {
            marker: false,
            payload_type: if round % 2 == 0 { 101 } else { 0 },
            sequence: round as u16,
            timestamp: 160 * round as u32,
            ssrc: 1,
            payload,
        };
        let bytes = dice.mutate(&packet.to_bytes(), &[&[0x80], &[0xff; 4], &[0; 12]]);
        let now = Duration::from_millis(20 * round);
        let mut heard = Vec::new();
        read += u64::from(stream.receive(now, &bytes, &mut heard).is_ok());
        stream.tick(now, &mut heard);
        let digits = heard.iter().filter(|heard| matches!(heard, Heard::Digit(_))).count();
        // At most: the one before is let go twice over (a new sender, silence), this one pressed and let go.
        assert!(digits <= 4, "round {round}: {digits}");
        entries::packet(&bytes);
    }
    assert!(read > ROUNDS / 4, "only {read} were read");
}
