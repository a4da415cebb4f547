//! The recorded streams of Asterisk 22 and 16, cut in every way a socket may cut them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(
    clippy::disallowed_methods,
    reason = "the recorded streams are on disk; the crate under test is not"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use hookswitch_ami::{AmiCodec, CodecStats, Decoded, EventName, Frame, FrameKind};
use tokio_util::codec::Decoder;

/// Every recorded stream: its folder's name and what the PBX sent.
fn captures() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fixtures");
    let mut found = Vec::new();
    for set in ["captures/ast16", "captures/ast22", "captures-own/ast16", "captures-own/ast22"] {
        let mut folders: Vec<PathBuf> =
            std::fs::read_dir(root.join(set)).unwrap().map(|entry| entry.unwrap().path()).collect();
        folders.sort();
        for folder in folders {
            let name = format!("{set}/{}", folder.file_name().unwrap().to_string_lossy());
            found.push((name, std::fs::read(folder.join("ami.raw")).unwrap()));
        }
    }
    assert!(found.len() >= 46, "23 stories or more on each release: {}", found.len());
    found
}

/// Decodes a stream that arrives in pieces of the sizes given.
fn decode(input: &[u8], mut next_size: impl FnMut() -> usize) -> (Vec<Frame>, CodecStats) {
    let mut codec = AmiCodec::default();
    let mut buffer = BytesMut::new();
    let mut frames = Vec::new();
    let mut rest = input;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(next_size().min(rest.len()));
        buffer.extend_from_slice(piece);
        rest = after;
        while let Some(decoded) = codec.decode(&mut buffer).unwrap() {
            match decoded {
                Decoded::Frame(frame) => frames.push(frame),
                Decoded::Refused(refused) => panic!("nothing in a capture is refused: {refused:?}"),
            }
        }
    }
    assert_eq!(codec.decode_eof(&mut buffer).unwrap(), None, "captures end on a frame");
    (frames, codec.stats())
}

/// A small generator, so that the chops are the same in every run.
fn xorshift(mut state: u64) -> impl FnMut() -> usize {
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % 1500).unwrap() + 1
    }
}

#[test]
fn captures_decode_to_the_same_frames_however_they_are_cut() {
    for (name, raw) in captures() {
        let (whole, stats) = decode(&raw, || usize::MAX);
        let text = String::from_utf8_lossy(&raw);
        let messages = text.split("\r\n\r\n").filter(|message| !message.trim().is_empty()).count();
        assert_eq!(whole.len(), messages + 1, "{name}: the banner has no blank line of its own");
        assert_eq!((stats.lossy, stats.refused), (0, 0), "{name}");
        assert!(decode(&raw, || 1).0 == whole, "{name}: byte by byte");
        for seed in 1..=20 {
            assert!(decode(&raw, xorshift(seed)).0 == whole, "{name}: chopped with seed {seed}");
        }
    }
}

#[test]
fn frames_of_a_capture_are_its_bytes_and_nothing_else() {
    for (name, raw) in captures() {
        let joined: Vec<u8> =
            decode(&raw, || 4096).0.iter().flat_map(|frame| frame.as_bytes().to_vec()).collect();
        // Asterisk itself puts a second blank line behind some events; it belongs to no frame.
        let raw = String::from_utf8_lossy(&raw).replace("\r\n\r\n\r\n", "\r\n\r\n");
        assert!(joined == raw.as_bytes(), "{name}");
    }
}

#[test]
fn every_event_of_the_captures_has_an_interned_name() {
    for (name, raw) in captures() {
        for frame in decode(&raw, || usize::MAX).0 {
            if frame.kind() == FrameKind::Event {
                assert_ne!(frame.event(), EventName::Unknown, "{name}: {}", frame.name());
                assert_eq!(frame.event().as_str(), frame.name(), "{name}");
            }
        }
    }
}

#[test]
fn every_header_of_a_capture_is_found_again_by_its_key() {
    for (name, raw) in captures() {
        for frame in decode(&raw, || usize::MAX).0 {
            let mut seen: BTreeMap<String, Vec<&str>> = BTreeMap::new();
            for (key, value) in frame.headers() {
                seen.entry(key.to_ascii_lowercase()).or_default().push(value);
            }
            let lines = frame.as_bytes().split(|byte| *byte == b'\n').filter(|line| line.len() > 1).count();
            let banner = usize::from(frame.kind() == FrameKind::Banner);
            assert_eq!(frame.headers().count() + banner, lines, "{name}: {frame:?}");
            for (key, values) in seen {
                assert_eq!(frame.all(&key).collect::<Vec<_>>(), values, "{name}: {key}");
                assert_eq!(frame.get(&key), values.first().copied(), "{name}: {key}");
            }
        }
    }
}

#[test]
fn channel_variables_of_a_real_call_are_read() {
    let (_, raw) = captures().into_iter().find(|(name, _)| name == "captures/ast22/click-to-dial").unwrap();
    let frames = decode(&raw, || usize::MAX).0;
    let originated = frames.iter().find(|frame| frame.event() == EventName::OriginateResponse).unwrap();
    assert!(originated.get("ChanVariable").is_none(), "this event has the form with the channel in it");
    assert_eq!(originated.chan_variable("ACD_CALL_ID"), Some("c2d-1"));
    let dialled = frames.iter().filter(|frame| frame.event() == EventName::DialBegin);
    let ids: Vec<_> = dialled.filter_map(|frame| frame.chan_variable("ACD_CALL_ID")).collect();
    assert!(ids.contains(&"c2d-1"), "{ids:?}");
}
