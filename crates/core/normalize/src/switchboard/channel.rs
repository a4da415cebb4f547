//! A channel: one connection of the PBX, as its events show it.

use std::sync::Arc;

use hookswitch_model::{ActionId, CallRef, LegRef, call::Address};

use super::call::Numbers;

/// What a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A phone or a trunk line: somebody.
    Party,
    /// One half of a Local pair: a piece of wire inside the PBX.
    LocalHalf,
    /// An announcer, a recorder: something of the PBX that sits in a bridge.
    Machine,
}

/// How far a channel has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing has happened on it.
    Down,
    /// It calls us.
    Calling,
    /// We ring it.
    Ringing,
    /// Answered.
    Up,
}

/// How an attempt to reach a channel came out, `DialStatus` of AMI's `DialEnd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It answered.
    Answered,
    /// The time was over. Asterisk says so for refusals, too; a hang-up request tells them apart.
    NoAnswer,
    /// 486.
    Busy,
    /// The caller, or who dialled for him, gave up.
    Cancelled,
    /// The network failed.
    Congestion,
    /// It cannot be reached.
    Unavailable,
    /// It sent the caller elsewhere (302).
    Forwarded,
}

/// The far side asked for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HangupRequest {
    /// Q.850, where the message carried one.
    pub(crate) cause: Option<u16>,
}

/// A channel as first seen.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    /// `PJSIP/1001-0000003b`.
    pub(crate) name: Box<str>,
    /// `PJSIP/1001`.
    pub(crate) address: Address,
    pub(crate) kind: Kind,
    pub(crate) progress: Progress,
    /// The channel it was made for: its own reference when it was made for nobody else.
    pub(crate) linked: LegRef,
    /// The number it was given to dial (a Local half), or dialled (a caller).
    pub(crate) exten: Box<str>,
    /// The number it is reached by, where its address does not tell.
    pub(crate) dialled_number: Option<String>,
    /// Our Ring action that makes it ring.
    pub(crate) ring: Option<ActionId>,
    /// It is dialled by nobody: by an Originate, or by the PBX for itself.
    pub(crate) originated: bool,
    pub(crate) outcome: Option<Outcome>,
    /// How the attempt at the other half of a Local pair came out, when that half is gone.
    pub(crate) outer: Option<Outcome>,
    pub(crate) hangup: Option<HangupRequest>,
    /// Calls that its leg left while the channel itself lives on: a leg leaves once.
    pub(crate) parted: Vec<CallRef>,
    /// What its first sight said of its numbers, until its call takes them.
    pub(crate) numbers: Option<Box<Numbers>>,
    /// Believed from before a lost link, and not seen since.
    pub(crate) stale: bool,
    /// Who rings it.
    pub(super) dialled_by: Option<LegRef>,
    /// Whom it rings, or has reached.
    pub(super) dials: Vec<LegRef>,
    /// The other half of a Local pair.
    pub(super) peer: Option<LegRef>,
    pub(super) bridge: Option<Arc<str>>,
}

impl Channel {
    pub(crate) fn new(name: &str, linked: LegRef) -> Self {
        Self {
            name: name.into(),
            address: address_of(name),
            kind: kind_of(name),
            progress: Progress::Down,
            linked,
            exten: Box::default(),
            dialled_by: None,
            dialled_number: None,
            ring: None,
            originated: false,
            outcome: None,
            outer: None,
            hangup: None,
            parted: Vec::new(),
            numbers: None,
            stale: false,
            dials: Vec::new(),
            peer: None,
            bridge: None,
        }
    }

    /// The bridge it is in.
    pub(crate) const fn bridge(&self) -> Option<&Arc<str>> {
        self.bridge.as_ref()
    }

    /// Whether it is in this bridge.
    pub(crate) fn is_in(&self, bridge: &str) -> bool {
        self.bridge.as_deref() == Some(bridge)
    }

    /// Who rings it, or rang it until it answered.
    pub(crate) const fn dialled_by(&self) -> Option<&LegRef> {
        self.dialled_by.as_ref()
    }

    /// The other half of a Local pair.
    pub(crate) const fn peer(&self) -> Option<&LegRef> {
        self.peer.as_ref()
    }

    pub(crate) const fn is_party(&self) -> bool {
        matches!(self.kind, Kind::Party)
    }
}

/// The device or line of a channel's name, without the part that numbers one call on it.
fn address_of(name: &str) -> Address {
    let whole = name.split('<').next().unwrap_or(name);
    Address::new(whole.rsplit_once('-').map_or(whole, |(address, _)| address))
}

/// The technology before the slash says what a channel is made of.
fn kind_of(name: &str) -> Kind {
    match name.split('/').next() {
        Some("Local") => Kind::LocalHalf,
        Some(
            "Announcer" | "CBAnn" | "CBRec" | "Recorder" | "ConfBridgeRecorder" | "Message" | "Bridge"
            | "Surrogate" | "AsyncGoto" | "Snoop" | "MulticastRTP" | "UnicastRTP" | "Parked",
        ) => Kind::Machine,
        _ => Kind::Party,
    }
}

/// The name of the other half of a Local pair: `…;1` and `…;2`.
pub(super) fn other_half(name: &str) -> Option<String> {
    let (pair, half) = name.rsplit_once(';')?;
    match half {
        "1" => Some(format!("{pair};2")),
        "2" => Some(format!("{pair};1")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_name_without_the_part_that_numbers_one_call() {
        for (name, address) in [
            ("PJSIP/1001-0000003b", "PJSIP/1001"),
            ("PJSIP/carrier-a-0000003b", "PJSIP/carrier-a"),
            ("SIP/10.0.0.1:5060-0000003b", "SIP/10.0.0.1:5060"),
            ("PJSIP/1001-0000003b<ZOMBIE>", "PJSIP/1001"),
            ("PJSIP/1001", "PJSIP/1001"),
        ] {
            assert_eq!(Channel::new(name, "1.1".into()).address.as_str(), address);
        }
    }

    #[test]
    fn pieces_of_the_pbx_are_no_parties() {
        let kind = |name: &str| Channel::new(name, "1.1".into()).kind;
        assert_eq!(kind("PJSIP/1001-01"), Kind::Party);
        assert_eq!(kind("DAHDI/i1/493055-1"), Kind::Party);
        assert_eq!(kind("Local/1001@internal-01;1"), Kind::LocalHalf);
        assert_eq!(kind("CBAnn/8001-01;2"), Kind::Machine);
    }
}
