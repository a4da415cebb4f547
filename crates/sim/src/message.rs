//! Writing what the PBX says.

use std::fmt::{Display, Write};

use bytes::{Bytes, BytesMut};

use crate::config::Micros;

/// Privilege classes of AMI as a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Classes(u32);

/// Name and bit of each class.
const NAMES: [(&str, Classes); 16] = [
    ("system", Classes::SYSTEM),
    ("call", Classes::CALL),
    ("log", Classes::LOG),
    ("verbose", Classes::VERBOSE),
    ("agent", Classes::AGENT),
    ("user", Classes::USER),
    ("config", Classes::CONFIG),
    ("dtmf", Classes::DTMF),
    ("reporting", Classes::REPORTING),
    ("cdr", Classes::CDR),
    ("dialplan", Classes::DIALPLAN),
    ("originate", Classes::ORIGINATE),
    ("agi", Classes::AGI),
    ("security", Classes::SECURITY),
    ("command", Classes::COMMAND),
    ("message", Classes::MESSAGE),
];

impl Classes {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const SYSTEM: Self = Self(1);
    pub(crate) const CALL: Self = Self(2);
    pub(crate) const LOG: Self = Self(4);
    pub(crate) const VERBOSE: Self = Self(8);
    pub(crate) const AGENT: Self = Self(16);
    pub(crate) const USER: Self = Self(32);
    pub(crate) const CONFIG: Self = Self(64);
    pub(crate) const DTMF: Self = Self(128);
    pub(crate) const REPORTING: Self = Self(256);
    pub(crate) const CDR: Self = Self(512);
    pub(crate) const DIALPLAN: Self = Self(1024);
    pub(crate) const ORIGINATE: Self = Self(2048);
    pub(crate) const AGI: Self = Self(4096);
    pub(crate) const SECURITY: Self = Self(8192);
    pub(crate) const COMMAND: Self = Self(16384);
    pub(crate) const MESSAGE: Self = Self(32768);
    pub(crate) const ALL: Self = Self(u32::MAX);

    /// Reads an event mask: `on`, `off`, `all` or class names, commas between them.
    pub(crate) fn parse(text: &str) -> Self {
        match text.trim().to_ascii_lowercase().as_str() {
            "on" | "all" | "true" | "yes" | "1" => Self::ALL,
            "off" | "none" | "false" | "no" | "0" | "" => Self::NONE,
            list => list.split(',').fold(Self::NONE, |all, word| {
                let bit = NAMES.iter().find(|(name, _)| *name == word.trim()).map_or(0, |(_, class)| class.0);
                Self(all.0 | bit)
            }),
        }
    }

    pub(crate) fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn name(self) -> &'static str {
        NAMES.iter().find(|(_, class)| *class == self).map_or("system", |(name, _)| name)
    }
}

/// A message being written. One that nobody reads writes nothing.
#[derive(Debug)]
pub(crate) struct Message {
    name: &'static str,
    text: BytesMut,
    class: Classes,
    wanted: bool,
}

impl Message {
    /// An event of a class, with the stamp of `timestampevents` when there is one.
    pub(crate) fn event(name: &'static str, class: Classes, now: Option<Micros>, wanted: bool) -> Self {
        let mut message = Self { name, text: BytesMut::new(), class, wanted };
        if wanted {
            message.text.reserve(1024);
            message.put("Event", name);
            message.put("Privilege", format_args!("{},all", class.name()));
            if let Some(now) = now {
                message.put("Timestamp", Stamp(now));
            }
        }
        message
    }

    /// An item of a list: an event without privilege, for one reader.
    pub(crate) fn item(name: &'static str) -> Self {
        let mut message =
            Self { name, text: BytesMut::with_capacity(1024), class: Classes::NONE, wanted: true };
        message.put("Event", name);
        message
    }

    /// The answer to an action.
    pub(crate) fn response(kind: &str, action_id: Option<&str>) -> Self {
        let mut message =
            Self { name: "", text: BytesMut::with_capacity(128), class: Classes::NONE, wanted: true };
        message.put("Response", kind);
        message.put_if("ActionID", action_id);
        message
    }

    /// The event's name, empty for a response.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn class(&self) -> Classes {
        self.class
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted
    }

    pub(crate) fn put(&mut self, key: &str, value: impl Display) -> &mut Self {
        self.prefixed("", key, value)
    }

    pub(crate) fn put_if(&mut self, key: &str, value: Option<impl Display>) -> &mut Self {
        match value {
            Some(value) => self.put(key, value),
            None => self,
        }
    }

    /// A header of a channel or bridge that the event names with a prefix (`DestChannel`).
    pub(crate) fn prefixed(&mut self, prefix: &str, key: &str, value: impl Display) -> &mut Self {
        if self.wanted {
            // Writing to memory does not fail.
            let _ = write!(self.text, "{prefix}{key}: {value}\r\n");
        }
        self
    }

    pub(crate) fn finish(mut self) -> Bytes {
        self.text.extend_from_slice(b"\r\n");
        self.text.freeze()
    }
}

/// A point in time as Asterisk stamps it: seconds and six digits.
pub(crate) struct Stamp(pub(crate) Micros);

impl Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// A value, or what Asterisk writes when there is none.
pub(crate) struct OrUnknown<'a>(pub(crate) Option<&'a str>);

impl Display for OrUnknown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.unwrap_or("<unknown>"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_written_as_asterisk_writes_it() {
        let mut message = Message::event("Hangup", Classes::CALL, Some(1_795_288_712_678_748), true);
        message.put("Channel", "PJSIP/1001-00000001").prefixed("Dest", "Context", OrUnknown(None));
        assert_eq!(
            message.finish(),
            "Event: Hangup\r\nPrivilege: call,all\r\nTimestamp: 1795288712.678748\r\n\
             Channel: PJSIP/1001-00000001\r\nDestContext: <unknown>\r\n\r\n"
        );
    }

    #[test]
    fn masks_read_words_and_lists() {
        assert_eq!(Classes::parse("on"), Classes::ALL);
        assert_eq!(Classes::parse("off"), Classes::NONE);
        let mask = Classes::parse("system, call,nonsense");
        assert!(mask.intersects(Classes::CALL) && mask.intersects(Classes::SYSTEM));
        assert!(!mask.intersects(Classes::DIALPLAN));
    }
}
