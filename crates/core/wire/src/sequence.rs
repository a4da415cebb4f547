//! Positions in the journal as the public JSON writes them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A position in the journal: 20 digits as a text, so that texts sort as numbers do and no JSON reader rounds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(pub u64);

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}", self.0)
    }
}

/// Not a position: something other than 1 to 20 digits, or more than 64 bits hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a sequence: 1 to 20 digits are one, as an event's `sequence` has them")]
pub struct NotASequence;

impl FromStr for Sequence {
    type Err = NotASequence;

    /// Leading zeros may be left out.
    fn from_str(text: &str) -> Result<Self, NotASequence> {
        let digits = (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if digits { text.parse().map(Self).map_err(|_| NotASequence) } else { Err(NotASequence) }
    }
}

impl Serialize for Sequence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&digits::<20>(self.0)).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Sequence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// The last `N` digits.
pub(crate) fn digits<const N: usize>(mut value: u64) -> [u8; N] {
    let mut text = [b'0'; N];
    for place in text.iter_mut().rev() {
        *place = b'0' + (value % 10) as u8;
        value /= 10;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_is_twenty_digits_and_reads_back() {
        for value in [0, 1, 1234, u64::MAX] {
            let json = serde_json::to_string(&Sequence(value)).unwrap();
            assert_eq!(json.len(), 22);
            assert_eq!(serde_json::from_str::<Sequence>(&json).unwrap(), Sequence(value));
            assert_eq!(json, format!("\"{}\"", Sequence(value)));
        }
        assert_eq!("17".parse(), Ok(Sequence(17)));
    }

    #[test]
    fn what_is_not_digits_is_no_sequence() {
        for text in ["", "-1", "+1", "1.0", "0x1", " 1", "99999999999999999999", "000000000000000000001"] {
            assert_eq!(text.parse::<Sequence>(), Err(NotASequence), "{text}");
        }
    }
}
