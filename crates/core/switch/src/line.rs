//! What is at the other end of a leg, and what can be rung.

use std::{fmt, str::FromStr, sync::Arc};

/// What is at the other end of a leg: what stands in a configuration as a device, or a trunk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Line {
    /// A user who registers: `sip:alice`.
    User(Arc<str>),
    /// A number behind a trunk, as a configuration names it: `sip:1001@pbx`.
    Behind {
        /// The number there.
        number: Arc<str>,
        /// The trunk's name.
        trunk: Arc<str>,
    },
    /// A trunk, with whoever is beyond it: `sip:carrier`.
    Trunk(Arc<str>),
}

impl Line {
    /// The trunk it is behind.
    #[must_use]
    pub const fn trunk(&self) -> Option<&Arc<str>> {
        match self {
            Self::User(_) => None,
            Self::Behind { trunk, .. } | Self::Trunk(trunk) => Some(trunk),
        }
    }

    /// The user it is.
    #[must_use]
    pub const fn user(&self) -> Option<&Arc<str>> {
        match self {
            Self::User(name) => Some(name),
            Self::Behind { .. } | Self::Trunk(_) => None,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) | Self::Trunk(name) => write!(f, "sip:{name}"),
            Self::Behind { number, trunk } => write!(f, "sip:{number}@{trunk}"),
        }
    }
}

/// Not a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no device: sip:NAME of a user, or sip:NUMBER@TRUNK")]
pub struct NoDevice;

impl FromStr for Line {
    type Err = NoDevice;

    /// Reads a device of a configuration; a bare trunk is none.
    fn from_str(text: &str) -> Result<Self, NoDevice> {
        let device = text.strip_prefix("sip:").ok_or(NoDevice)?;
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | ';' | '?');
        if device.is_empty() || device.contains(odd) {
            return Err(NoDevice);
        }
        match device.split_once('@') {
            None => Ok(Self::User(device.into())),
            Some((number, trunk)) if !number.is_empty() && !trunk.is_empty() && !trunk.contains('@') => {
                Ok(Self::Behind { number: number.into(), trunk: trunk.into() })
            }
            Some(_) => Err(NoDevice),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_a_user_or_a_number_behind_a_trunk() {
        for text in ["sip:alice", "sip:1001@pbx"] {
            assert_eq!(text.parse::<Line>().unwrap().to_string(), text);
        }
        for text in ["alice", "sip:", "sip:@pbx", "sip:1@", "sip:1@a@b", "sip:a b", "sip:a\r\nb", "sip:<a>"] {
            assert_eq!(text.parse::<Line>(), Err(NoDevice), "{text:?}");
        }
    }
}
