//! One AMI message as a view of the bytes it came in.

use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;
use memchr::{memchr, memchr_iter, memchr2_iter, memrchr};

use crate::event_name::EventName;

/// What a frame is, by its first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// `Asterisk Call Manager/11.0.0`: the line a PBX greets with.
    Banner,
    /// `Response: Success` and its relatives: the answer to an action.
    Response,
    /// `Event: ...`: something happened, or one item of a list that was asked for.
    Event,
    /// `Action: ...`: what a client sends.
    Action,
    /// Anything else. Kept, counted by the consumer, never an error.
    Other,
}

/// Where one header stands in the frame.
#[derive(Clone, Copy, Debug)]
struct Header {
    key: u32,
    colon: u32,
    value: u32,
    end: u32,
}

/// One AMI message: bytes as they came, split into headers only when somebody asks for one.
///
/// Values are `&str`: the codec has replaced what is not UTF-8 (see [`Frame::is_lossy`]).
/// Cloning shares the bytes.
pub struct Frame {
    raw: Bytes,
    kind: FrameKind,
    event: EventName,
    lossy: bool,
    /// Old-style command output (`Response: Follows`): lines after the headers are not headers.
    follows: bool,
    name: (u32, u32),
    headers: OnceLock<Vec<Header>>,
}

/// The line that ends old-style command output (Asterisk up to 13).
pub(crate) const END_COMMAND: &[u8] = b"--END COMMAND--";

/// How a banner begins.
const BANNER: &[u8] = b"Asterisk Call Manager/";

impl Frame {
    /// Takes the bytes of one message, with or without the blank line that ends it.
    #[must_use]
    pub fn new(raw: Bytes) -> Self {
        let (raw, lossy) = match std::str::from_utf8(&raw) {
            Ok(_) => (raw, false),
            Err(_) => (Bytes::from(String::from_utf8_lossy(&raw).into_owned()), true),
        };
        let first = strip_cr(&raw[..memchr(b'\n', &raw).unwrap_or(raw.len())]);
        let (kind, name) = classify(first);
        let text = &raw[name.0..name.1];
        let event = if kind == FrameKind::Event { EventName::of(text) } else { EventName::Unknown };
        let follows = kind == FrameKind::Response && text == b"Follows";
        Self {
            kind,
            event,
            lossy,
            follows,
            name: (narrow(name.0), narrow(name.1)),
            raw,
            headers: OnceLock::new(),
        }
    }

    /// What the frame is, by its first line.
    #[must_use]
    pub fn kind(&self) -> FrameKind {
        self.kind
    }

    /// The event's interned name; [`EventName::Unknown`] for a frame that is no event or an event not in the
    /// list.
    #[must_use]
    pub fn event(&self) -> EventName {
        self.event
    }

    /// The value of the first line: the event's name, `Success`, `Error`, the action's name, the banner's
    /// version. Empty for [`FrameKind::Other`].
    #[must_use]
    pub fn name(&self) -> &str {
        self.text(self.name.0, self.name.1)
    }

    /// Whether this is a response that is not `Error`. `Follows`, `Goodbye` and `Pong` are successes too.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.kind == FrameKind::Response && self.name() != "Error"
    }

    /// The value of the first header of that key, without regard to case.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.index().iter().find(|h| self.key_is(h, key)).map(|h| self.text(h.value, h.end))
    }

    /// The values of all headers of that key, in their order: `Variable`, `ChanVariable`, `Output`.
    pub fn all<'f>(&'f self, key: &str) -> impl Iterator<Item = &'f str> {
        self.index().iter().filter(move |h| self.key_is(h, key)).map(|h| self.text(h.value, h.end))
    }

    /// All headers in their order, the first line among them. A line without a colon is no header and is left
    /// out.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.index().iter().map(|h| (self.text(h.key, h.colon), self.text(h.value, h.end)))
    }

    /// The id of the action this answers or belongs to.
    #[must_use]
    pub fn action_id(&self) -> Option<&str> {
        self.get("ActionID")
    }

    /// A channel variable that `channelvars` of `manager.conf` puts on the event: `ChanVariable: NAME=value`,
    /// also in the form `ChanVariable(CHANNEL): NAME=value` of OriginateResponse. `Some("")` is a variable that
    /// is not set.
    #[must_use]
    pub fn chan_variable(&self, name: &str) -> Option<&str> {
        self.prefixed_chan_variable("", name)
    }

    /// The same for another channel of the event, as in `DestChanVariable` (prefix `Dest`) of DialBegin or
    /// `TransfereeChanVariable` (prefix `Transferee`) of BlindTransfer.
    #[must_use]
    pub fn prefixed_chan_variable(&self, prefix: &str, name: &str) -> Option<&str> {
        self.index().iter().find_map(|h| {
            if !is_chan_variable(&self.raw[h.key as usize..h.colon as usize], prefix) {
                return None;
            }
            self.text(h.value, h.end).strip_prefix(name)?.strip_prefix('=')
        })
    }

    /// The lines of a command's output: the `Output` headers, or what stands between the headers and
    /// `--END COMMAND--` in the old form (`Response: Follows`).
    pub fn output(&self) -> impl Iterator<Item = &str> {
        let old = if self.follows { self.old_output() } else { "" };
        old.lines().chain(self.all("Output"))
    }

    /// Whether something in it was not UTF-8 and was replaced.
    #[must_use]
    pub fn is_lossy(&self) -> bool {
        self.lossy
    }

    /// The bytes of the message, blank line included when it came from the codec.
    #[must_use]
    pub fn as_bytes(&self) -> &Bytes {
        &self.raw
    }

    fn old_output(&self) -> &str {
        let start = self.index().last().map_or(0, |h| h.end as usize);
        let rest = std::str::from_utf8(&self.raw[start..]).unwrap_or_default();
        let rest = rest.strip_prefix('\r').unwrap_or(rest);
        let rest = rest.strip_prefix('\n').unwrap_or(rest);
        rest.rfind("--END COMMAND--").map_or(rest, |end| &rest[..end])
    }

    fn key_is(&self, header: &Header, key: &str) -> bool {
        // Lengths differ for nearly every header: this rejects them without touching the bytes.
        (header.colon - header.key) as usize == key.len()
            && self.raw[header.key as usize..header.colon as usize].eq_ignore_ascii_case(key.as_bytes())
    }

    fn text(&self, start: u32, end: u32) -> &str {
        // The frame is UTF-8 (see `new`) and ranges end at ASCII bytes, so this never falls back.
        std::str::from_utf8(&self.raw[start as usize..end as usize]).unwrap_or_default()
    }

    fn index(&self) -> &[Header] {
        self.headers.get_or_init(|| split_headers(&self.raw, self.follows))
    }
}

impl Clone for Frame {
    fn clone(&self) -> Self {
        Self { raw: self.raw.clone(), headers: OnceLock::new(), ..*self }
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl Eq for Frame {}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_map();
        for (key, value) in self.headers() {
            let hidden = key.eq_ignore_ascii_case("Secret") || key.eq_ignore_ascii_case("Key");
            shown.entry(&key, if hidden { &"***" } else { &value });
        }
        shown.finish()
    }
}

/// Kind of a frame by its first line, and where its name stands in it.
fn classify(line: &[u8]) -> (FrameKind, (usize, usize)) {
    if line.starts_with(BANNER) {
        return (FrameKind::Banner, (BANNER.len(), line.len()));
    }
    let Some((colon, value)) = split_line(line) else {
        return (FrameKind::Other, (0, 0));
    };
    let key = &line[..colon];
    let kind = if key.eq_ignore_ascii_case(b"Event") {
        FrameKind::Event
    } else if key.eq_ignore_ascii_case(b"Response") {
        FrameKind::Response
    } else if key.eq_ignore_ascii_case(b"Action") {
        FrameKind::Action
    } else {
        return (FrameKind::Other, (0, 0));
    };
    (kind, (value, line.len()))
}

/// The colon that splits a line: the first one before a space or the line's end, so that
/// `ChanVariable(SIP/10.0.0.1:5060-1): X=` is split where it should be; failing that, the first.
#[derive(Clone, Copy)]
enum Colon {
    None,
    /// Followed by something else than a space.
    Tight(usize),
    /// Followed by a space or the line's end: it stays.
    Settled(usize),
}

impl Colon {
    /// Takes the next colon of the line and the byte behind it.
    fn then(self, at: usize, next: Option<u8>) -> Self {
        let settles = matches!(next, Some(b' ' | b'\r' | b'\n') | None);
        match self {
            Self::None | Self::Tight(_) if settles => Self::Settled(at),
            Self::None => Self::Tight(at),
            Self::Tight(_) | Self::Settled(_) => self,
        }
    }

    /// Where the key ends and the value begins, in a line that ends at `end`.
    fn split(self, end: usize) -> Option<(usize, usize)> {
        match self {
            Self::None => None,
            Self::Tight(at) => Some((at, at + 1)),
            Self::Settled(at) => Some((at, (at + 2).min(end))),
        }
    }
}

/// The same for one line alone.
fn split_line(line: &[u8]) -> Option<(usize, usize)> {
    let colons = memchr_iter(b':', line);
    colons.fold(Colon::None, |colon, at| colon.then(at, line.get(at + 1).copied())).split(line.len())
}

/// Splits in one pass over line ends and colons.
fn split_headers(raw: &[u8], follows: bool) -> Vec<Header> {
    // Headers of real events have 28 bytes on average: one allocation is nearly always enough.
    let mut headers = Vec::with_capacity(raw.len() / 20 + 2);
    let mut line = 0;
    let mut colon = Colon::None;
    for at in memchr2_iter(b'\n', b':', raw).chain(std::iter::once(raw.len())) {
        if raw.get(at) == Some(&b':') {
            colon = colon.then(at, raw.get(at + 1).copied());
            continue;
        }
        let end = line + strip_cr(&raw[line..at]).len();
        match colon.split(end) {
            Some((colon, _)) if follows && !is_follows_header(&raw[line..colon]) => break,
            Some((colon, value)) => headers.push(Header {
                key: narrow(line),
                colon: narrow(colon),
                value: narrow(value),
                end: narrow(end),
            }),
            None if follows => break,
            None => {}
        }
        line = at + 1;
        colon = Colon::None;
        if line > raw.len() {
            break;
        }
    }
    headers
}

/// The only headers Asterisk writes before the raw text of old command output.
fn is_follows_header(key: &[u8]) -> bool {
    [&b"Response"[..], b"Privilege", b"ActionID", b"Message"]
        .iter()
        .any(|known| key.eq_ignore_ascii_case(known))
}

/// `<prefix>ChanVariable`, with or without a channel in parentheses.
fn is_chan_variable(key: &[u8], prefix: &str) -> bool {
    const WORD: &[u8] = b"ChanVariable";
    let Some((start, rest)) = key.split_at_checked(prefix.len()) else { return false };
    let Some((word, rest)) = rest.split_at_checked(WORD.len()) else { return false };
    word.eq_ignore_ascii_case(WORD)
        && start.eq_ignore_ascii_case(prefix.as_bytes())
        && matches!(rest.first(), None | Some(b'('))
}

/// Whether a line is the greeting of an AMI server.
pub(crate) fn is_banner(line: &[u8]) -> bool {
    line.starts_with(BANNER)
}

/// Whether a line closes old command output; the marker may stand behind text without a line end.
pub(crate) fn ends_command(line: &[u8]) -> bool {
    memrchr(b'-', line).is_some_and(|last| line[..=last].ends_with(END_COMMAND))
}

/// The line without one carriage return at its end.
pub(crate) fn strip_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Frames are bounded far below 4 GiB by the codec; a longer one built by hand is cut, not wrapped.
fn narrow(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str) -> Frame {
        Frame::new(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn headers_are_found_without_regard_to_case_and_the_first_wins() {
        let f = frame("Event: Newchannel\r\nChannel: PJSIP/1001-00000001\r\nchannel: other\r\n\r\n");
        assert_eq!(f.kind(), FrameKind::Event);
        assert_eq!(f.event(), EventName::Newchannel);
        assert_eq!(f.get("CHANNEL"), Some("PJSIP/1001-00000001"));
        assert_eq!(f.all("Channel").collect::<Vec<_>>(), ["PJSIP/1001-00000001", "other"]);
        assert_eq!(f.get("Chan"), None);
    }

    #[test]
    fn empty_values_and_values_with_colons_are_kept_whole() {
        let f = frame("Event: Newexten\r\nAccountCode: \r\nAppData: a: b:c\r\nX:1\r\nY:\r\n\r\n");
        assert_eq!(f.get("AccountCode"), Some(""));
        assert_eq!(f.get("AppData"), Some("a: b:c"));
        assert_eq!(f.get("X"), Some("1"));
        assert_eq!(f.get("Y"), Some(""));
    }

    #[test]
    fn only_one_space_belongs_to_the_colon() {
        assert_eq!(frame("Event: X\nCallerIDName:  Ann \n\n").get("CallerIDName"), Some(" Ann "));
    }

    #[test]
    fn channel_variables_are_read_in_every_form_of_the_captures() {
        let f = frame(concat!(
            "Event: DialBegin\r\nChanVariable: ACD_CALL_ID=c-1\r\nChanVariable: DIALSTATUS=\r\n",
            "DestChanVariable: ACD_CALL_ID=c-2\r\nChanVariable(SIP/10.0.0.1:5060-01): ORIG_ANI=a=b\r\n\r\n"
        ));
        assert_eq!(f.chan_variable("ACD_CALL_ID"), Some("c-1"));
        assert_eq!(f.chan_variable("DIALSTATUS"), Some(""));
        assert_eq!(f.chan_variable("ACD_CALL"), None);
        assert_eq!(f.chan_variable("ORIG_ANI"), Some("a=b"));
        assert_eq!(f.prefixed_chan_variable("Dest", "ACD_CALL_ID"), Some("c-2"));
        assert_eq!(f.prefixed_chan_variable("Dest", "ORIG_ANI"), None);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced_and_told() {
        let f = Frame::new(Bytes::from_static(b"Event: Newchannel\r\nCallerIDName: M\xfcller\0\r\n\r\n"));
        assert!(f.is_lossy());
        assert_eq!(f.get("CallerIDName"), Some("M\u{fffd}ller\0"));
        assert!(!frame("Event: X\r\nCallerIDName: Müller\r\n\r\n").is_lossy());
    }

    #[test]
    fn old_and_new_command_output_read_the_same() {
        let new = frame("Response: Success\r\nActionID: 1\r\nOutput: a: 1\r\nOutput: \r\nOutput: b\r\n\r\n");
        let old = frame(
            "Response: Follows\r\nPrivilege: Command\r\nActionID: 1\r\na: 1\n\nb\n--END COMMAND--\r\n\r\n",
        );
        assert_eq!(new.output().collect::<Vec<_>>(), ["a: 1", "", "b"]);
        assert_eq!(old.output().collect::<Vec<_>>(), ["a: 1", "", "b"]);
        assert_eq!(old.action_id(), Some("1"));
        assert!(old.is_success());
    }

    #[test]
    fn a_line_without_colon_is_no_header() {
        let f = frame("what\r\nEvent: Newchannel\r\n\r\n");
        assert_eq!(f.kind(), FrameKind::Other);
        assert_eq!(f.name(), "");
        assert_eq!(f.headers().collect::<Vec<_>>(), [("Event", "Newchannel")]);
    }

    #[test]
    fn the_banner_gives_its_version() {
        let f = frame("Asterisk Call Manager/11.0.0\r\n");
        assert_eq!((f.kind(), f.name()), (FrameKind::Banner, "11.0.0"));
    }

    #[test]
    fn secrets_do_not_show_in_debug() {
        let shown =
            format!("{:?}", frame("Action: Login\r\nUsername: cti\r\nSecret: s3cret\r\nKey: abc\r\n\r\n"));
        assert!(shown.contains("cti") && !shown.contains("s3cret") && !shown.contains("abc"), "{shown}");
    }
}
