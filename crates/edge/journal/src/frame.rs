//! A batch on disk: consecutive records in frames, cut into parts small enough for the store.
//!
//! ```text
//! key    first seq u64 BE · part u32 BE
//! value  format u8 · crc32 u32 · first seq u64 · part u32 · parts u32 · until u64 · total u64 · a piece of the body
//! body   count u32 · count × (kind u8 · at u64 · meta length u32 · meta · payload length u32 · payload)
//! ```
//!
//! Numbers in values are little-endian. The CRC covers all that follows it. `until` is the last sequence of the batch,
//! so that a batch of which a part is missing is known for what it is; `total` is the [`size`] of all records since the
//! first, with this frame's. Format 1 has neither. Meta is JSON, so that an older reader passes over a field it does not
//! know; its length is 0 where there is none.

use std::{ops::Range, path::Path, sync::Arc};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use hookswitch_model::{Meta, Timestamp};

use crate::{
    Entry, Error, Kind, Record,
    ring::{Segment, last},
};

/// The format written, and the newest that is read.
pub(crate) const FORMAT: u8 = 2;
/// The most a part's piece of the body holds. The store puts about 20 values into a leaf, and a leaf larger than a
/// quarter of its segments (128 KiB) into a file of its own that nobody syncs.
const PIECE: usize = 4 * 1024;
/// The most a record may say.
pub(crate) const MAX_PAYLOAD: usize = 32 * 1024 * 1024;
/// Format, CRC, first sequence, part, parts.
const HEADER_1: usize = 1 + 4 + 8 + 4 + 4;
/// As well `until` and `total`.
const HEADER_2: usize = HEADER_1 + 8 + 8;

/// A frame, read back.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// Its entries.
    pub(crate) entries: Segment,
    /// The last sequence of the batch it belongs to.
    pub(crate) until: u64,
    /// The [`size`] of all records since the first, up to its end; none in format 1.
    pub(crate) total: Option<u64>,
}

/// The key of a part.
pub(crate) fn key(first_seq: u64, part: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&first_seq.to_be_bytes());
    key[8..].copy_from_slice(&part.to_be_bytes());
    key
}

/// The first sequence and the part of a key; none when it is no key of ours.
pub(crate) fn parse_key(key: &[u8]) -> Option<(u64, u32)> {
    let (seq, part) = key.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*seq), u32::from_be_bytes(part.try_into().ok()?)))
}

/// Refuses what could not be read back.
pub(crate) fn check(record: &Record) -> Result<(), Error> {
    let bytes = record.payload.len();
    if bytes <= MAX_PAYLOAD {
        Ok(())
    } else {
        Err(Error::TooLarge { what: "a record", bytes, most: MAX_PAYLOAD })
    }
}

/// About how many bytes of a frame a record takes: 160 for its head and meta. A frame that turns out larger has one
/// more part.
pub(crate) fn size(record: &Record) -> usize {
    record.payload.len() + 160
}

/// Cuts a batch into frames of about one piece each; a larger record has a frame of its own.
pub(crate) fn split(records: &[Record]) -> Vec<Range<usize>> {
    let mut frames = Vec::new();
    let (mut start, mut filled) = (0, 0);
    for (place, record) in records.iter().enumerate() {
        let add = size(record);
        if place > start && filled + add > PIECE {
            frames.push(start..place);
            (start, filled) = (place, 0);
        }
        filled += add;
    }
    if start < records.len() {
        frames.push(start..records.len());
    }
    frames
}

/// A batch as keys and values; `total` is moved on.
pub(crate) fn encode_batch(first_seq: u64, records: &[Record], total: &mut u64) -> Vec<([u8; 12], Vec<u8>)> {
    let until = first_seq + records.len() as u64 - 1;
    let mut values = Vec::new();
    for range in split(records) {
        let first_seq = first_seq + range.start as u64;
        let records = &records[range];
        *total += records.iter().map(|record| size(record) as u64).sum::<u64>();
        let parts = encode(first_seq, until, *total, records);
        values.extend(parts.into_iter().zip(0..).map(|(value, part)| (key(first_seq, part), value)));
    }
    values
}

/// The values of a frame, by part.
fn encode(first_seq: u64, until: u64, total: u64, records: &[Record]) -> Vec<Vec<u8>> {
    let body = encode_body(records);
    let pieces = body.chunks(PIECE);
    let parts = pieces.len() as u32;
    let value = |(piece, part): (&[u8], u32)| {
        let mut value = Vec::with_capacity(HEADER_2 + piece.len());
        value.put_u8(FORMAT);
        value.put_u32_le(0);
        value.put_u64_le(first_seq);
        value.put_u32_le(part);
        value.put_u32_le(parts);
        value.put_u64_le(until);
        value.put_u64_le(total);
        value.put_slice(piece);
        let crc = crc32fast::hash(&value[5..]);
        value[1..5].copy_from_slice(&crc.to_le_bytes());
        value
    };
    pieces.zip(0..).map(value).collect()
}

fn encode_body(records: &[Record]) -> Vec<u8> {
    let size: usize = records.iter().map(size).sum();
    let mut body = Vec::with_capacity(size);
    body.put_u32_le(records.len() as u32);
    for record in records {
        body.put_u8(record.kind.code());
        body.put_u64_le(record.at.as_micros());
        let meta_at = body.len();
        body.put_u32_le(0);
        if let Some(meta) = &record.meta {
            serde_json::to_writer(&mut body, meta).expect("meta has no map with keys that are not texts");
            let length = (body.len() - meta_at - 4) as u32;
            body[meta_at..meta_at + 4].copy_from_slice(&length.to_le_bytes());
        }
        body.put_u32_le(record.payload.len() as u32);
        body.put_slice(&record.payload);
    }
    body
}

/// Puts the parts of one frame together again.
#[derive(Debug)]
pub(crate) struct Assembler<'a> {
    path: &'a Path,
    first_seq: u64,
    parts: u32,
    next_part: u32,
    until: Option<u64>,
    total: Option<u64>,
    body: BytesMut,
}

impl<'a> Assembler<'a> {
    /// For the frame that begins at this sequence.
    pub(crate) fn new(path: &'a Path, first_seq: u64) -> Self {
        Self { path, first_seq, parts: 1, next_part: 0, until: None, total: None, body: BytesMut::new() }
    }

    /// Takes the next part; the whole frame with the last one.
    pub(crate) fn part(&mut self, mut value: &[u8]) -> Result<Option<Frame>, Error> {
        let format = value.first().copied().ok_or_else(|| self.corrupt("an empty value"))?;
        if format > FORMAT {
            let path = self.path.to_owned();
            return Err(Error::Version { path, seq: self.first_seq, found: format, known: FORMAT });
        }
        let header = if format == 1 { HEADER_1 } else { HEADER_2 };
        if format == 0 || value.len() < header {
            return Err(self.corrupt("a value that is cut off"));
        }
        value.advance(1);
        if value.get_u32_le() != crc32fast::hash(value) {
            return Err(self.corrupt("the checksum does not match"));
        }
        let (seq, part, parts) = (value.get_u64_le(), value.get_u32_le(), value.get_u32_le());
        if seq != self.first_seq || part != self.next_part || parts == 0 || (part > 0 && parts != self.parts)
        {
            return Err(self.corrupt("a part stands in the wrong place"));
        }
        self.parts = parts;
        self.next_part += 1;
        if format > 1 {
            (self.until, self.total) = (Some(value.get_u64_le()), Some(value.get_u64_le()));
        }
        self.body.extend_from_slice(value);
        if self.next_part < self.parts { Ok(None) } else { self.frame().map(Some) }
    }

    fn frame(&mut self) -> Result<Frame, Error> {
        let mut body = self.body.split().freeze();
        let entries = decode_body(&mut body, self.first_seq).map_err(|why| self.corrupt(why))?;
        if !body.is_empty() {
            return Err(self.corrupt("there is more than was counted"));
        }
        let end = last(&entries);
        let until = self.until.unwrap_or(end);
        if until < end {
            return Err(self.corrupt("it reaches beyond its batch"));
        }
        Ok(Frame { entries, until, total: self.total })
    }

    pub(crate) fn corrupt(&self, why: &'static str) -> Error {
        Error::Corrupt { path: self.path.to_owned(), seq: self.first_seq, why }
    }
}

fn decode_body(body: &mut Bytes, first_seq: u64) -> Result<Segment, &'static str> {
    const CUT: &str = "a record is cut off";
    let count = body.try_get_u32_le().map_err(|_| CUT)?;
    if count == 0 {
        return Err("a batch without records");
    }
    let mut entries = Vec::with_capacity((count as usize).min(body.len() / 17 + 1));
    for place in 0..u64::from(count) {
        let kind = body.try_get_u8().ok().and_then(Kind::from_code).ok_or("a record of no known kind")?;
        let at = Timestamp::from_micros(body.try_get_u64_le().map_err(|_| CUT)?);
        let meta = take(body).ok_or(CUT)?;
        let payload = take(body).ok_or(CUT)?;
        let record = Record { kind, at, meta: decode_meta(&meta)?, payload };
        entries.push(Entry { seq: first_seq + place, record });
    }
    Ok(Arc::from(entries))
}

fn decode_meta(json: &[u8]) -> Result<Option<Meta>, &'static str> {
    if json.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(json).map(Some).map_err(|_| "a record's meta does not read")
}

/// A length and so many bytes, shared with the frame.
fn take(body: &mut Bytes) -> Option<Bytes> {
    let length = body.try_get_u32_le().ok()? as usize;
    (length <= body.len()).then(|| body.split_to(length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(payload: Vec<u8>, meta: bool) -> Record {
        let meta = meta.then(|| Meta {
            type_name: "call.ended".into(),
            call: Some(hookswitch_model::CallId::from_bits(7)),
            agents: vec![hookswitch_model::AgentId::new("alice").unwrap()],
            queue: None,
        });
        Record { kind: Kind::Event, at: Timestamp::from_micros(5), meta, payload: payload.into() }
    }

    fn decode(first_seq: u64, parts: &[Vec<u8>]) -> Result<Segment, Error> {
        let path = Path::new("here");
        let mut assembler = Assembler::new(path, first_seq);
        for part in parts {
            if let Some(frame) = assembler.part(part)? {
                return Ok(frame.entries);
            }
        }
        Err(assembler.corrupt("no last part"))
    }

    #[test]
    fn a_record_larger_than_a_piece_is_cut_and_put_together() {
        let records = [record(vec![7; 3 * PIECE], true)];
        let parts = encode(9, 9, 0, &records);
        assert_eq!(parts.len(), 4);
        assert!(parts.iter().all(|part| part.len() <= PIECE + HEADER_2));
        let entries = decode(9, &parts).unwrap();
        assert_eq!(entries[0], Entry { seq: 9, record: records[0].clone() });
    }

    #[test]
    fn frames_hold_all_records_once_and_in_order() {
        let sizes = [10, PIECE, 3 * PIECE, 10, 10, PIECE - 200, 10];
        let records: Vec<Record> = sizes.iter().map(|size| record(vec![0; *size], false)).collect();
        let frames = split(&records);
        let places: Vec<usize> = frames.iter().cloned().flatten().collect();
        assert_eq!(places, (0..sizes.len()).collect::<Vec<_>>());
        assert!(frames.len() > 3);
        assert!(split(&[]).is_empty());
    }

    #[test]
    fn a_newer_format_is_named_and_not_guessed_at() {
        let mut parts = encode(1, 1, 0, &[record(vec![1], false)]);
        parts[0][0] = FORMAT + 1;
        assert!(matches!(decode(1, &parts), Err(Error::Version { found, .. }) if found == FORMAT + 1));
    }

    #[test]
    fn a_frame_under_another_key_is_found() {
        let parts = encode(1, 1, 0, &[record(vec![1], false)]);
        assert!(matches!(decode(2, &parts), Err(Error::Corrupt { seq: 2, .. })));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(payloads in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..200), any::<bool>()), 1..20)) {
            let records: Vec<Record> = payloads.into_iter().map(|(payload, meta)| record(payload, meta)).collect();
            let entries = decode(3, &encode(3, 2 + records.len() as u64, 7, &records)).unwrap();
            let read: Vec<Record> = entries.iter().map(|entry| entry.record.clone()).collect();
            prop_assert_eq!(read, records);
            prop_assert_eq!(entries.last().unwrap().seq, 2 + entries.len() as u64);
        }

        #[test]
        fn any_flipped_bit_is_found(payload in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let mut parts = encode(3, 3, 7, &[record(payload, true)]);
            let at = at.index(parts[0].len());
            parts[0][at] ^= 1 << bit;
            prop_assert!(decode(3, &parts).is_err());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut body = Bytes::from(bytes.clone());
            let _ = decode_body(&mut body, 1);
            prop_assert!(decode(1, &[bytes]).is_err());
        }
    }
}
