//! Identities: ULIDs for what Hookswitch names, checked names for what a configuration names, opaque references for
//! what a PBX names.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ulid::Ulid;

use crate::Timestamp;

/// Why a name of the configuration is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing was given.
    #[error("an empty name")]
    Empty,
    /// Longer than 64 bytes.
    #[error("a name of {0} bytes, at most 64 are allowed")]
    TooLong(usize),
    /// A character outside letters, digits, `-`, `_`, `.`, `@`, `+`.
    #[error("the character {0:?} in a name; letters, digits and - _ . @ + are allowed")]
    Character(char),
}

macro_rules! ulid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            /// The id with these 128 bits.
            #[must_use]
            pub const fn from_bits(bits: u128) -> Self { Self(Ulid(bits)) }
            /// The 128 bits of the id.
            #[must_use]
            pub const fn bits(self) -> u128 { self.0.0 }
            /// When it was made, in milliseconds since 1970 (the first 48 bits of a ULID).
            #[must_use]
            pub const fn millis(self) -> u64 { (self.0.0 >> 80) as u64 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl FromStr for $name {
            type Err = ulid::DecodeError;
            fn from_str(text: &str) -> Result<Self, Self::Err> { Ulid::from_string(text).map(Self) }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut buffer = [0; ulid::ULID_LEN];
                serializer.serialize_str(self.0.array_to_str(&mut buffer))
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
        impl From<u128> for $name {
            fn from(bits: u128) -> Self { Self::from_bits(bits) }
        }
    };
}

ulid_id!(/** A call. Unique for ever, kept over transfers and restarts. */ CallId);
ulid_id!(/** A leg of a call. */ LegId);
ulid_id!(/** One reservation of an agent for a call. */ OfferId);
ulid_id!(/** One published event; stable over redelivery. */ EventId);
ulid_id!(/** One action on a PBX, or one asynchronous command of a client. */ ActionId);
ulid_id!(/** One order to an agent's screen. */ PopId);
ulid_id!(/** A figure of a queue beyond its limit, from when it is raised until it is cleared. */ AlertId);
ulid_id!(/** A promise to call somebody back. Kept over retries: each try is a call of its own. */ CallbackId);

/// Makes ids from time and a counter, so that the same inputs give the same ids: a ULID whose random part is a
/// bijective mix of seed and counter. Two sources with different seeds do not meet in practice (80 bits).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IdSource {
    seed: u64,
    count: u64,
}

impl IdSource {
    /// A source with this seed. A daemon draws the seed once and journals it.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed, count: 0 }
    }

    /// The next id at this time.
    pub fn next<T: From<u128>>(&mut self, now: Timestamp) -> T {
        self.count += 1;
        let high = u128::from(mix(self.seed ^ 0x5bf0_3635) & 0xffff);
        let low = u128::from(mix(self.seed.wrapping_add(self.count)));
        T::from(u128::from(now.as_millis()) << 80 | high << 64 | low)
    }
}

/// SplitMix64's finaliser: a bijection of 64 bits.
const fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn check_name(text: &str) -> Result<(), InvalidName> {
    if text.is_empty() {
        return Err(InvalidName::Empty);
    }
    if text.len() > 64 {
        return Err(InvalidName::TooLong(text.len()));
    }
    match text.chars().find(|c| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '+'))) {
        Some(c) => Err(InvalidName::Character(c)),
        None => Ok(()),
    }
}

macro_rules! shared_text {
    ($name:ident) => {
        impl $name {
            /// The text of it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                *self.0 == *other
            }
        }
        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                *self.0 == **other
            }
        }
    };
}

macro_rules! name_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        shared_text!($name);

        impl $name {
            /// A checked name.
            ///
            /// # Errors
            /// [`InvalidName`] when it is empty, longer than 64 bytes or holds a character that is not allowed.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                check_name(text)?;
                Ok(Self(text.into()))
            }
        }
        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> { Self::new(text) }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

name_id!(/** An agent's id, from the configuration: `alice`. */ AgentId);
name_id!(/** A queue's id: `support`. In observe mode the PBX's own queue name. */ QueueId);
name_id!(/** A PBX's name: `hq`. */ PbxId);
name_id!(/** A team's name. */ TeamId);
name_id!(/** A skill's name: `billing`. */ Skill);
name_id!(/** A menu's name: `main`. */ MenuId);

macro_rules! reference {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        shared_text!($name);

        impl $name {
            /// The reference with this text; any text is one.
            #[must_use]
            pub fn new(text: &str) -> Self { Self(text.into()) }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self { Self::new(text) }
        }
    };
}

reference!(
    /** A PBX's own id of a call: on Asterisk the Uniqueid of the customer's (or originator's) channel. */
    CallRef
);
reference!(/** A PBX's own id of a leg: on Asterisk the Uniqueid of its channel. */ LegRef);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_source_differ_and_sort_by_time() {
        let mut ids = IdSource::new(7);
        let a: CallId = ids.next(Timestamp::from_micros(1_000_000));
        let b: CallId = ids.next(Timestamp::from_micros(1_000_000));
        let c: CallId = ids.next(Timestamp::from_micros(2_000_000));
        assert_ne!(a, b);
        assert!(c > a && c > b);
        assert_eq!(a.to_string().parse::<CallId>().unwrap(), a);
    }

    #[test]
    fn a_name_refuses_what_a_url_or_a_header_would_not_carry() {
        assert_eq!(AgentId::new(""), Err(InvalidName::Empty));
        assert_eq!(AgentId::new("a b"), Err(InvalidName::Character(' ')));
        assert_eq!(AgentId::new("a\r\n"), Err(InvalidName::Character('\r')));
        assert!(AgentId::new("müller@hq").is_ok());
    }
}
