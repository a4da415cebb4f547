//! How calls, legs and orders are named.

use std::{fmt, str::FromStr, sync::Arc};

/// A call: the name it was ordered under, or that of the leg that began it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(Arc<str>);

impl CallId {
    /// The call of this name; any text is one.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<LegId> for CallId {
    fn from(leg: LegId) -> Self {
        Self(leg.to_string().into())
    }
}

/// A leg: one dialog with one party, as one call knows it. `0f3a…`; in a call that the party consults in beside the
/// first, `0f3a….1`.
///
/// The number is drawn from the switch's seed, so that legs of two runs do not meet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId {
    pub(crate) dialog: DialogId,
    pub(crate) part: u8,
}

/// One dialog of ours, over all the calls its party takes part in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DialogId(pub(crate) u64);

impl LegId {
    pub(crate) const fn first(dialog: DialogId) -> Self {
        Self { dialog, part: 0 }
    }
}

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            0 => write!(f, "{:016x}", self.dialog.0),
            part => write!(f, "{:016x}.{part}", self.dialog.0),
        }
    }
}

impl fmt::Debug for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for DialogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Not the name of a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no leg of this switch is called that")]
pub struct NoLeg;

impl FromStr for LegId {
    type Err = NoLeg;

    fn from_str(text: &str) -> Result<Self, NoLeg> {
        let (number, part) = text.split_once('.').unwrap_or((text, "0"));
        if number.len() != 16 {
            return Err(NoLeg);
        }
        let dialog = DialogId(u64::from_str_radix(number, 16).map_err(|_| NoLeg)?);
        Ok(Self { dialog, part: part.parse().map_err(|_| NoLeg)? })
    }
}

/// An order: the id of who gave it, repeated in everything that answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub u128);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_is_found_again_by_its_name() {
        for leg in [LegId::first(DialogId(7)), LegId { dialog: DialogId(u64::MAX), part: 3 }] {
            assert_eq!(leg.to_string().parse(), Ok(leg));
        }
        for text in ["", "7", "000000000000000g", "0000000000000007.x", "0000000000000007.300"] {
            assert_eq!(text.parse::<LegId>(), Err(NoLeg), "{text:?}");
        }
    }
}
