//! G.711: eight bits a sample, µ-law (PCMU) and A-law (PCMA). ITU-T G.711 tables 1a to 2b, RFC 3551 section 4.5.14.

use crate::{FRAME_SAMPLES, Frame};

/// A codec of ours. Payload types are the static ones of RFC 3551 section 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Codec {
    /// µ-law, payload type 0.
    Pcmu,
    /// A-law, payload type 8.
    Pcma,
}

impl Codec {
    /// Both, A-law first: what is used in most countries.
    pub const ALL: [Self; 2] = [Self::Pcma, Self::Pcmu];

    /// Its static payload type.
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
        }
    }

    /// Its encoding name in `a=rtpmap`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }

    /// The codec of that name; case does not matter.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name))
    }

    /// One sample to 16 bits.
    pub const fn decode(self, byte: u8) -> i16 {
        match self {
            Self::Pcmu => ULAW[byte as usize],
            Self::Pcma => ALAW[byte as usize],
        }
    }

    /// One sample from 16 bits.
    pub const fn encode(self, sample: i16) -> u8 {
        match self {
            Self::Pcmu => to_ulaw(sample),
            Self::Pcma => to_alaw(sample),
        }
    }

    /// What stands for silence: the code of zero.
    pub const fn silence(self) -> u8 {
        self.encode(0)
    }

    /// The first 20 ms of a payload; a short one ends in silence.
    pub fn frame(self, payload: &[u8]) -> Frame {
        let mut frame = [0; FRAME_SAMPLES];
        for (sample, byte) in frame.iter_mut().zip(payload) {
            *sample = self.decode(*byte);
        }
        frame
    }

    /// 20 ms as a payload.
    pub fn payload(self, frame: &Frame) -> [u8; FRAME_SAMPLES] {
        frame.map(|sample| self.encode(sample))
    }
}

const ULAW: [i16; 256] = table(Codec::Pcmu);
const ALAW: [i16; 256] = table(Codec::Pcma);

/// What the 256 codes of a law mean, worked out when this is compiled.
const fn table(codec: Codec) -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0_u8;
    loop {
        table[code as usize] = match codec {
            Codec::Pcmu => expand_ulaw(code),
            Codec::Pcma => expand_alaw(code),
        };
        if code == u8::MAX {
            return table;
        }
        code += 1;
    }
}

/// What is added before the segment of µ-law is looked for, in 14 bits: so segments begin at powers of two.
const ULAW_BIAS: i32 = 33;
/// The loudest that µ-law can say, in 14 bits.
const ULAW_MOST: i32 = 8_158;

/// G.711 table 2b; 14 bits, shifted to the top of 16.
const fn expand_ulaw(code: u8) -> i16 {
    let code = !code;
    let segment = (code >> 4) & 7;
    let steps = (code & 15) as i16;
    let magnitude = ((2 * steps + 33) << segment) - ULAW_BIAS as i16;
    if code & 0x80 == 0 { magnitude << 2 } else { -(magnitude << 2) }
}

const fn to_ulaw(sample: i16) -> u8 {
    let sample = sample as i32;
    // In 14 bits; both halves of the scale are the same.
    let magnitude = if sample < 0 { -sample } else { sample } >> 2;
    let magnitude = if magnitude > ULAW_MOST { ULAW_MOST } else { magnitude } + ULAW_BIAS;
    // 33 to 8191: the highest set bit, 5 to 12, names the segment.
    let segment = 26 - magnitude.leading_zeros() as i32;
    let code = (segment << 4) | ((magnitude >> (segment + 1)) & 15);
    let sign = if sample < 0 { 0x80 } else { 0 };
    !((code | sign) as u8)
}

/// Every other bit is sent inverted, so that silence is no row of zeros.
const ALAW_TOGGLE: u8 = 0x55;

/// G.711 table 1b; 13 bits, shifted to the top of 16.
const fn expand_alaw(code: u8) -> i16 {
    let code = code ^ ALAW_TOGGLE;
    let segment = (code >> 4) & 7;
    let steps = ((code & 15) as i16) * 2 + 1;
    let magnitude = if segment == 0 { steps } else { (steps + 32) << (segment - 1) };
    if code & 0x80 == 0 { -(magnitude << 3) } else { magnitude << 3 }
}

const fn to_alaw(sample: i16) -> u8 {
    let sample = (sample as i32) >> 3;
    // The negative half begins at minus one: -1 in 13 bits is the first step below zero.
    let (magnitude, sign) = if sample < 0 { (-sample - 1, 0) } else { (sample, 0x80) };
    // 0 to 4095: segments 0 and 1 have the same step.
    let segment = if magnitude < 32 { 0 } else { 27 - magnitude.leading_zeros() as i32 };
    let shift = if segment == 0 { 1 } else { segment };
    let code = (segment << 4) | ((magnitude >> shift) & 15);
    (code as u8 | sign) ^ ALAW_TOGGLE
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Character signals and values at the decoder's output, ITU-T G.711 table 2a, positive half, where segments begin.
    const ULAW_VECTORS: [(u8, i16); 9] = [
        (0b1000_0000, 8_031),
        (0b1000_1111, 4_191),
        (0b1001_1111, 2_079),
        (0b1010_1111, 1_023),
        (0b1011_1111, 495),
        (0b1100_1111, 231),
        (0b1101_1111, 99),
        (0b1110_1111, 33),
        (0b1111_1111, 0),
    ];

    /// The same of table 1a, before every other bit is inverted.
    const ALAW_VECTORS: [(u8, i16); 8] = [
        (0b1111_1111, 4_032),
        (0b1111_0000, 2_112),
        (0b1110_0000, 1_056),
        (0b1101_0000, 528),
        (0b1100_0000, 264),
        (0b1011_0000, 132),
        (0b1010_0000, 66),
        (0b1000_0000, 1),
    ];

    #[test]
    fn ulaw_says_what_table_2a_of_the_standard_says() {
        for (code, value) in ULAW_VECTORS {
            assert_eq!(Codec::Pcmu.decode(code), value * 4, "{code:08b}");
            assert_eq!(Codec::Pcmu.decode(code & 0x7f), -value * 4, "{code:08b}, negative");
            assert_eq!(Codec::Pcmu.encode(value * 4), code, "{value}");
        }
    }

    #[test]
    fn alaw_says_what_table_1a_of_the_standard_says() {
        for (code, value) in ALAW_VECTORS {
            let sent = code ^ 0x55;
            assert_eq!(Codec::Pcma.decode(sent), value * 8, "{code:08b}");
            assert_eq!(Codec::Pcma.decode(sent ^ 0x80), -value * 8, "{code:08b}, negative");
            assert_eq!(Codec::Pcma.encode(value * 8), sent, "{value}");
        }
    }

    #[test]
    fn decision_values_of_the_standard_part_the_segments() {
        // Table 2a: the decision values 4063 and 2015 are the ends of segments 7 and 6; table 1a: 2048 and 1024.
        for (value, above, below) in [(4_063_i16, 0x8f_u8, 0x90_u8), (2_015, 0x9f, 0xa0), (31, 0xef, 0xf0)] {
            assert_eq!(Codec::Pcmu.encode(value * 4), above);
            assert_eq!(Codec::Pcmu.encode((value - 1) * 4), below);
        }
        for (value, above, below) in [(2_048_i16, 0xf0_u8, 0xef_u8), (1_024, 0xe0, 0xdf), (64, 0xa0, 0x9f)] {
            assert_eq!(Codec::Pcma.encode(value * 8), above ^ 0x55);
            assert_eq!(Codec::Pcma.encode((value - 1) * 8), below ^ 0x55);
        }
    }

    #[test]
    fn every_code_comes_back_as_it_was() {
        for codec in Codec::ALL {
            for code in 0..=u8::MAX {
                let back = codec.encode(codec.decode(code));
                // µ-law has two zeros; the negative one comes back as the positive.
                let same = back == code || (codec == Codec::Pcmu && code == 0x7f && back == 0xff);
                assert!(same, "{codec:?} {code:#x} came back as {back:#x}");
            }
        }
    }

    #[test]
    fn every_sample_comes_back_within_half_a_step() {
        for codec in Codec::ALL {
            for sample in i16::MIN..=i16::MAX {
                let back = i32::from(codec.decode(codec.encode(sample)));
                let error = (back - i32::from(sample)).abs();
                // The widest steps are 256 and 1024 wide in 16 bits; steps grow with the magnitude.
                let bound = (i32::from(sample).abs() / 16).clamp(8, 1_024);
                assert!(error <= bound, "{codec:?} {sample} came back as {back}");
            }
        }
    }

    #[test]
    fn silence_is_the_code_of_zero() {
        assert_eq!((Codec::Pcmu.silence(), Codec::Pcma.silence()), (0xff, 0xd5));
    }
}
