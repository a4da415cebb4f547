//! Hostile input: real frames torn, swapped, blown up and filled with binary, each followed by a good one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "the recorded stream is on disk; the crate under test is not")]

mod entries;

use bytes::BytesMut;
use entries::LIMITS;
use hookswitch_ami::{AmiCodec, Decoded};
use tokio_util::codec::Decoder;

const ROUNDS: u64 = 120_000;

/// The frame that must be read after every mutated one. The blank line before it ends whatever was open.
const GOOD: &str = "\r\n\r\nEvent: DialEnd\r\nUniqueid: good-";

struct Random(u64);

impl Random {
    /// splitmix64: short, and good enough to place mutations.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }
}

/// Real frames to start from, the longest of them left out so that the small bounds mean something.
fn corpus() -> Vec<Vec<u8>> {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/fixtures/captures/ast22/attended-sip/ami.raw");
    let mut buffer = BytesMut::from(&std::fs::read(path).unwrap()[..]);
    let mut codec = AmiCodec::default();
    let mut frames = Vec::new();
    while let Some(Decoded::Frame(frame)) = codec.decode(&mut buffer).unwrap() {
        frames.push(frame.as_bytes().to_vec());
    }
    assert!(frames.len() > 200);
    frames
}

/// One mutation. The result may be anything but the marker line of old command output, which by design makes blank
/// lines part of the frame.
fn mutate(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut frame = corpus[random.below(corpus.len())].clone();
    let at = random.below(frame.len());
    match random.below(9) {
        0 => frame.truncate(at),
        1 => frame = frame.split_off(at),
        2 => frame[at] = u8::try_from(random.below(256)).unwrap(),
        3 => drop(frame.splice(at..at, (0..random.below(40)).map(|n| (n * 7 % 256) as u8))),
        4 => drop(frame.splice(at..at, std::iter::repeat_n(b'x', 300 + random.below(9000)))),
        5 => drop(frame.splice(at..at, b"X: 1\r\n".repeat(30 + random.below(60)))),
        6 => {
            let mut lines: Vec<&[u8]> = frame.split_inclusive(|byte| *byte == b'\n').collect();
            let (a, b) = (random.below(lines.len()), random.below(lines.len()));
            lines.swap(a, b);
            frame = lines.concat();
        }
        7 => frame.iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n'),
        _ => drop(frame.splice(at..at, corpus[random.below(corpus.len())].clone())),
    }
    frame
}

#[test]
fn mutated_frames_never_panic_are_counted_and_the_next_good_frame_is_read() {
    let corpus = corpus();
    let mut random = Random(22);
    let mut codec = AmiCodec::new(LIMITS);
    let mut buffer = BytesMut::new();
    let (mut good, mut refused, mut refused_bytes) = (0_u64, 0_u64, 0_u64);
    for round in 0..ROUNDS {
        let mut input = mutate(&mut random, &corpus);
        input.extend_from_slice(format!("{GOOD}{round}\r\n\r\n").as_bytes());
        entries::stream(&input);
        let mut rest = &input[..];
        let mut read_good = false;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((1 + random.below(700)).min(rest.len()));
            buffer.extend_from_slice(piece);
            rest = after;
            while let Some(decoded) = codec.decode(&mut buffer).unwrap() {
                match decoded {
                    Decoded::Frame(frame) => {
                        entries::read(&frame);
                        read_good |= frame.get("Uniqueid") == Some(&format!("good-{round}"));
                    }
                    Decoded::Refused(told) => {
                        refused += 1;
                        refused_bytes += told.bytes;
                    }
                }
            }
            assert!(buffer.len() <= LIMITS.frame, "round {round}: {} bytes are kept", buffer.len());
        }
        assert!(read_good, "round {round}: {}", String::from_utf8_lossy(&input));
        good += 1;
    }
    assert_eq!(good, ROUNDS);
    let stats = codec.stats();
    assert_eq!((stats.refused, stats.refused_bytes), (refused, refused_bytes));
    assert!(refused > ROUNDS / 10, "the bounds were hit: {refused}");
    assert!(stats.lossy > ROUNDS / 100, "binary was met: {}", stats.lossy);
}
