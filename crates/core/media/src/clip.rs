//! Music and announcements: a file in memory, ready to be sent in either law.

use std::sync::Arc;

use thiserror::Error;

use crate::{Codec, SAMPLE_RATE};

/// Five minutes; a longer one has no place in memory in both laws.
const LONGEST_SAMPLES: usize = 5 * 60 * SAMPLE_RATE as usize;

/// A piece of audio. Cheap to clone: callers in a queue share one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    pcmu: Arc<[u8]>,
    pcma: Arc<[u8]>,
}

/// Why bytes cannot be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClipError {
    /// There is nothing in it.
    #[error("there is no audio in it")]
    Empty,
    /// More than five minutes.
    #[error("it is longer than five minutes")]
    Long,
    /// A WAV file whose chunks do not fit.
    #[error("the WAV file is damaged")]
    Damaged,
    /// Not 8 kHz mono, 16 bits, A-law or µ-law.
    #[error("it has format {format}, {channels} channel(s), {rate} Hz, {bits} bits")]
    Format {
        /// 1: linear, 6: A-law, 7: µ-law.
        format: u16,
        /// 1 is what can be played.
        channels: u16,
        /// 8000 is what can be played.
        rate: u32,
        /// 16, or 8 of the laws.
        bits: u16,
    },
}

impl Clip {
    /// A WAV file (8 kHz, mono; linear of 16 bits, A-law or µ-law); what does not begin with `RIFF` is raw audio of
    /// this codec.
    pub fn read(bytes: &[u8], raw: Codec) -> Result<Self, ClipError> {
        if bytes.starts_with(b"RIFF") { Self::wav(bytes) } else { Self::encoded(bytes, raw) }
    }

    /// Raw G.711.
    pub fn encoded(bytes: &[u8], codec: Codec) -> Result<Self, ClipError> {
        bounded(bytes.len())?;
        let other =
            |to: Codec| bytes.iter().map(|byte| to.encode(codec.decode(*byte))).collect::<Arc<[u8]>>();
        Ok(match codec {
            Codec::Pcmu => Self { pcmu: bytes.into(), pcma: other(Codec::Pcma) },
            Codec::Pcma => Self { pcmu: other(Codec::Pcmu), pcma: bytes.into() },
        })
    }

    /// Samples of 16 bits.
    pub fn linear(samples: &[i16]) -> Result<Self, ClipError> {
        bounded(samples.len())?;
        let to = |codec: Codec| samples.iter().map(|sample| codec.encode(*sample)).collect();
        Ok(Self { pcmu: to(Codec::Pcmu), pcma: to(Codec::Pcma) })
    }

    /// RIFF chunks: `fmt ` says how `data` is to be read; all others are skipped.
    fn wav(bytes: &[u8]) -> Result<Self, ClipError> {
        if bytes.get(8..12) != Some(b"WAVE") {
            return Err(ClipError::Damaged);
        }
        let mut rest = &bytes[12..];
        let mut format = None;
        while let Some((head, behind)) = rest.split_first_chunk::<8>() {
            let [a, b, c, d, l0, l1, l2, l3] = *head;
            let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
            // A recorder that was cut off announced more than there is: what there is counts.
            let chunk = &behind[..length.min(behind.len())];
            match &[a, b, c, d] {
                b"fmt " => format = Some(Format::read(chunk)?),
                b"data" => return format.ok_or(ClipError::Damaged)?.clip(chunk),
                _ => {}
            }
            // Chunks begin at even places.
            rest = behind.get(length.saturating_add(length & 1)..).unwrap_or_default();
        }
        Err(ClipError::Damaged)
    }

    /// Its bytes in this codec.
    pub fn bytes(&self, codec: Codec) -> &[u8] {
        match codec {
            Codec::Pcmu => &self.pcmu,
            Codec::Pcma => &self.pcma,
        }
    }

    /// How many samples it has; never 0.
    pub fn samples(&self) -> usize {
        self.pcmu.len()
    }
}

fn bounded(samples: usize) -> Result<(), ClipError> {
    match samples {
        0 => Err(ClipError::Empty),
        1..=LONGEST_SAMPLES => Ok(()),
        _ => Err(ClipError::Long),
    }
}

/// What chunk `fmt ` says.
struct Format {
    format: u16,
    channels: u16,
    rate: u32,
    bits: u16,
}

impl Format {
    fn read(chunk: &[u8]) -> Result<Self, ClipError> {
        let [f0, f1, c0, c1, r0, r1, r2, r3, _, _, _, _, _, _, b0, b1] =
            *chunk.first_chunk::<16>().ok_or(ClipError::Damaged)?;
        let format = u16::from_le_bytes([f0, f1]);
        // An extensible header (0xfffe) names the real format in the first two bytes of its GUID.
        let sub = chunk.get(24..26).map(|two| u16::from_le_bytes([two[0], two[1]]));
        Ok(Self {
            format: if format == 0xfffe { sub.ok_or(ClipError::Damaged)? } else { format },
            channels: u16::from_le_bytes([c0, c1]),
            rate: u32::from_le_bytes([r0, r1, r2, r3]),
            bits: u16::from_le_bytes([b0, b1]),
        })
    }

    fn clip(&self, data: &[u8]) -> Result<Clip, ClipError> {
        let Self { format, channels, rate, bits } = *self;
        match (format, channels, rate, bits) {
            (1, 1, SAMPLE_RATE, 16) => {
                let samples = data.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]]));
                Clip::linear(&samples.take(LONGEST_SAMPLES + 1).collect::<Vec<_>>())
            }
            (6, 1, SAMPLE_RATE, 8) => Clip::encoded(data, Codec::Pcma),
            (7, 1, SAMPLE_RATE, 8) => Clip::encoded(data, Codec::Pcmu),
            _ => Err(ClipError::Format { format, channels, rate, bits }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut bytes = name.to_vec();
        bytes.extend((body.len() as u32).to_le_bytes());
        bytes.extend(body);
        bytes.resize(bytes.len() + body.len() % 2, 0);
        bytes
    }

    fn wav(format: u16, channels: u16, rate: u32, bits: u16, data: &[u8]) -> Vec<u8> {
        let mut fmt = Vec::new();
        fmt.extend(format.to_le_bytes());
        fmt.extend(channels.to_le_bytes());
        fmt.extend(rate.to_le_bytes());
        fmt.extend([0; 6]);
        fmt.extend(bits.to_le_bytes());
        let body =
            [b"WAVE".to_vec(), chunk(b"fmt ", &fmt), chunk(b"LIST", b"odd"), chunk(b"data", data)].concat();
        chunk(b"RIFF", &body)
    }

    #[test]
    fn a_linear_file_is_sent_in_both_laws() {
        let clip = Clip::read(&wav(1, 1, 8_000, 16, &[0, 0, 0x84, 0x7d]), Codec::Pcmu).unwrap();
        assert_eq!(clip.bytes(Codec::Pcmu), [0xff, 0x80]);
        assert_eq!(clip.bytes(Codec::Pcma), [0xd5, Codec::Pcma.encode(32_132)]);
    }

    #[test]
    fn files_in_either_law_are_sent_as_they_are() {
        let clip = Clip::read(&wav(6, 1, 8_000, 8, &[0xd5, 0x2a]), Codec::Pcmu).unwrap();
        assert_eq!(clip.bytes(Codec::Pcma), [0xd5, 0x2a]);
        assert_eq!(clip.bytes(Codec::Pcmu)[0], 0xfe, "the least of A-law is the least of µ-law");
        let clip = Clip::read(&wav(7, 1, 8_000, 8, &[0xff]), Codec::Pcma).unwrap();
        assert_eq!(clip.bytes(Codec::Pcmu), [0xff]);
    }

    #[test]
    fn what_is_no_wav_is_raw() {
        let clip = Clip::read(&[0xd5, 0xd5], Codec::Pcma).unwrap();
        assert_eq!((clip.samples(), clip.bytes(Codec::Pcma)), (2, &[0xd5, 0xd5][..]));
    }

    #[test]
    fn what_cannot_be_played_says_why() {
        let stereo = ClipError::Format { format: 1, channels: 2, rate: 44_100, bits: 16 };
        assert_eq!(Clip::read(&wav(1, 2, 44_100, 16, &[0; 8]), Codec::Pcmu), Err(stereo));
        assert_eq!(Clip::read(&[], Codec::Pcmu), Err(ClipError::Empty));
        assert_eq!(Clip::read(&wav(7, 1, 8_000, 8, &[]), Codec::Pcmu), Err(ClipError::Empty));
        assert_eq!(Clip::read(&vec![0; LONGEST_SAMPLES + 1], Codec::Pcmu), Err(ClipError::Long));
        assert_eq!(Clip::read(b"RIFF....WAVEdata", Codec::Pcmu), Err(ClipError::Damaged));
        assert_eq!(Clip::read(b"RIFF....AVI ", Codec::Pcmu), Err(ClipError::Damaged));
    }

    #[test]
    fn a_file_that_was_cut_off_is_played_as_far_as_it_goes() {
        let whole = wav(7, 1, 8_000, 8, &[1, 2, 3, 4]);
        let clip = Clip::read(&whole[..whole.len() - 2], Codec::Pcmu).unwrap();
        assert_eq!(clip.bytes(Codec::Pcmu), [1, 2]);
    }

    #[test]
    fn no_file_cut_or_changed_anywhere_panics() {
        let whole = wav(0xfffe, 1, 8_000, 8, &[1, 2, 3, 4]);
        for at in 0..whole.len() {
            let _cut = Clip::read(&whole[..at], Codec::Pcmu);
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[at] = value;
                let _changed = Clip::read(&changed, Codec::Pcmu);
            }
        }
    }
}
