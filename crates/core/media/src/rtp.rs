//! RTP packets (RFC 3550 section 5.1), and the numbers of a stream that is sent.

use thiserror::Error;

/// Bytes of the fixed header.
pub const HEADER: usize = 12;
/// The longest packet that is read: an Ethernet frame. Voice of 20 ms has 172 bytes.
pub const LONGEST: usize = 1_500;

/// One packet, as it was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Begins a talk spurt, or an event.
    pub marker: bool,
    /// What the payload is: 0 to 127, as the SDP says.
    pub payload_type: u8,
    /// Counts packets.
    pub sequence: u16,
    /// Counts samples.
    pub timestamp: u32,
    /// Who sends it.
    pub ssrc: u32,
    /// Without header, extension and padding.
    pub payload: &'a [u8],
}

/// Why bytes are no packet of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotRtp {
    /// Shorter than what its header announces.
    #[error("the packet ends early")]
    Short,
    /// Longer than [`LONGEST`].
    #[error("the packet is longer than a frame of the network")]
    Long,
    /// Not version 2: STUN, DTLS, or noise.
    #[error("not RTP version 2")]
    Version,
    /// Statistics that share the port (RFC 5761).
    #[error("RTCP")]
    Rtcp,
    /// More padding than payload.
    #[error("more padding than payload")]
    Padding,
}

impl<'a> Packet<'a> {
    /// Reads one datagram. RTCP on the same port (RFC 5761) is told apart by its packet type.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, NotRtp> {
        if bytes.len() > LONGEST {
            return Err(NotRtp::Long);
        }
        let (header, mut rest) = bytes.split_first_chunk::<HEADER>().ok_or(NotRtp::Short)?;
        let [first, second, seq_high, seq_low, t0, t1, t2, t3, s0, s1, s2, s3] = *header;
        if first >> 6 != 2 {
            return Err(NotRtp::Version);
        }
        if (192..=223).contains(&second) {
            return Err(NotRtp::Rtcp);
        }
        let sources = usize::from(first & 15) * 4;
        rest = rest.get(sources..).ok_or(NotRtp::Short)?;
        if first & 0x10 != 0 {
            let ([_, _, high, low], behind) = rest.split_first_chunk::<4>().ok_or(NotRtp::Short)?;
            let words = usize::from(u16::from_be_bytes([*high, *low]));
            rest = behind.get(words * 4..).ok_or(NotRtp::Short)?;
        }
        if first & 0x20 != 0 {
            let padding = usize::from(*rest.last().ok_or(NotRtp::Padding)?);
            let kept = rest.len().checked_sub(padding).filter(|_| padding > 0).ok_or(NotRtp::Padding)?;
            rest = &rest[..kept];
        }
        Ok(Self {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            sequence: u16::from_be_bytes([seq_high, seq_low]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
            payload: rest,
        })
    }

    /// Its bytes: the fixed header and the payload.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + self.payload.len());
        bytes.push(0x80);
        bytes.push(u8::from(self.marker) << 7 | (self.payload_type & 0x7f));
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.timestamp.to_be_bytes());
        bytes.extend(self.ssrc.to_be_bytes());
        bytes.extend(self.payload);
        bytes
    }
}

/// The numbers of a stream that we send: they begin at random and only ever go on (RFC 3550 section 5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbering {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
}

impl Numbering {
    /// All three come from a seed.
    pub fn new(seed: u64) -> Self {
        let (numbers, ssrc) = (mixed(seed), mixed(seed ^ 0x5353_5243));
        Self { ssrc: ssrc as u32, sequence: (numbers >> 32) as u16, timestamp: numbers as u32 }
    }

    /// Who sends.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The sampling instant of the next packet.
    pub fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// The next packet, at `timestamp`.
    pub fn packet<'a>(
        &mut self,
        payload_type: u8,
        timestamp: u32,
        marker: bool,
        payload: &'a [u8],
    ) -> Packet<'a> {
        let packet =
            Packet { marker, payload_type, sequence: self.sequence, timestamp, ssrc: self.ssrc, payload };
        self.sequence = self.sequence.wrapping_add(1);
        packet
    }

    /// Time went by: so many samples, sent or not.
    pub fn elapse(&mut self, samples: u32) {
        self.timestamp = self.timestamp.wrapping_add(samples);
    }
}

/// One step of SplitMix64: spreads a seed over all bits.
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: [u8; 16] = [0x80, 0x88, 0x12, 0x34, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4];

    #[test]
    fn a_packet_is_read_as_it_was_written() {
        let packet = Packet::parse(&PLAIN).unwrap();
        let expected = Packet {
            marker: true,
            payload_type: 8,
            sequence: 0x1234,
            timestamp: 160,
            ssrc: 0xdead_beef,
            payload: &[1, 2, 3, 4],
        };
        assert_eq!(packet, expected);
        assert_eq!(packet.to_bytes(), PLAIN);
    }

    #[test]
    fn sources_extension_and_padding_are_no_payload() {
        let mut bytes = PLAIN[..HEADER].to_vec();
        bytes[0] = 0x80 | 0x20 | 0x10 | 2;
        bytes.extend([7; 8]); // two contributing sources
        bytes.extend([0xbe, 0xde, 0, 1, 9, 9, 9, 9]); // an extension of one word
        bytes.extend([1, 2, 3, 0, 0, 3]); // three of payload, three of padding
        assert_eq!(Packet::parse(&bytes).unwrap().payload, [1, 2, 3]);
    }

    #[test]
    fn what_is_no_rtp_is_told_apart() {
        let with = |first: u8, second: u8, tail: &[u8]| {
            let mut bytes = PLAIN[..HEADER].to_vec();
            (bytes[0], bytes[1]) = (first, second);
            bytes.extend(tail);
            Packet::parse(&bytes).unwrap_err()
        };
        assert_eq!(Packet::parse(&PLAIN[..11]).unwrap_err(), NotRtp::Short);
        assert_eq!(with(0x00, 1, &[]), NotRtp::Version, "a STUN binding request");
        assert_eq!(with(0x81, 200, &[]), NotRtp::Rtcp, "a sender report");
        assert_eq!(with(0x8f, 0, &[0; 59]), NotRtp::Short, "fifteen sources, a byte short");
        assert_eq!(with(0x90, 0, &[0, 0, 0xff, 0xff, 1]), NotRtp::Short, "an extension that is not there");
        assert_eq!(with(0xa0, 0, &[1, 2, 4]), NotRtp::Padding, "more padding than payload");
        assert_eq!(with(0xa0, 0, &[1, 2, 0]), NotRtp::Padding, "padding counts itself");
        assert_eq!(with(0xa0, 0, &[]), NotRtp::Padding);
        assert_eq!(Packet::parse(&[0x80; LONGEST + 1]).unwrap_err(), NotRtp::Long);
    }

    #[test]
    fn numbers_go_on_and_wrap() {
        let mut numbers = Numbering { ssrc: 1, sequence: u16::MAX, timestamp: u32::MAX };
        let first = numbers.packet(0, numbers.timestamp(), false, &[]).sequence;
        numbers.elapse(160);
        let second = numbers.packet(0, numbers.timestamp(), false, &[]);
        assert_eq!((first, second.sequence, second.timestamp), (u16::MAX, 0, 159));
    }

    #[test]
    fn two_seeds_are_two_senders_and_one_seed_is_one() {
        assert_eq!(Numbering::new(1), Numbering::new(1));
        assert_ne!(Numbering::new(1).ssrc(), Numbering::new(2).ssrc());
    }
}
