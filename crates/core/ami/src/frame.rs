//! One AMI message as a view of the bytes it came in.

use std::fmt;
use std::sync::{Arc, OnceLock};

use memchr::{memchr, memchr_iter, memrchr};

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

/// One AMI message: text as it came, cut into lines only when somebody asks for a header, and into key and value
/// only where the key is the one asked for.
///
/// What is not UTF-8 has been replaced (see [`Frame::is_lossy`]). Cloning shares the text.
#[derive(Clone)]
pub struct Frame {
    text: Arc<str>,
    kind: FrameKind,
    event: EventName,
    lossy: bool,
    /// Old-style command output (`Response: Follows`): lines after the headers are not headers.
    follows: bool,
    name: (u32, u32),
    /// Where each line begins and ends that may be a header.
    lines: OnceLock<Vec<(u32, u32)>>,
}

/// The line that ends old-style command output (Asterisk up to 13).
pub(crate) const END_COMMAND: &[u8] = b"--END COMMAND--";

/// How a banner begins.
const BANNER: &[u8] = b"Asterisk Call Manager/";

impl Frame {
    /// Takes the bytes of one message, with or without the blank line that ends it.
    #[must_use]
    pub fn new(raw: impl AsRef<[u8]>) -> Self {
        let raw = raw.as_ref();
        let (text, lossy) = match std::str::from_utf8(raw) {
            Ok(text) => (Arc::from(text), false),
            Err(_) => (Arc::from(String::from_utf8_lossy(raw)), true),
        };
        Self::of_text(text, lossy)
    }

    fn of_text(text: Arc<str>, lossy: bool) -> Self {
        let first = strip_cr(&text.as_bytes()[..memchr(b'\n', text.as_bytes()).unwrap_or(text.len())]);
        let (kind, name) = classify(first);
        let value = &first[name.0..name.1];
        let event = if kind == FrameKind::Event { EventName::of(value) } else { EventName::Unknown };
        let follows = kind == FrameKind::Response && value == b"Follows";
        let name = (narrow(name.0), narrow(name.1));
        Self { kind, event, lossy, follows, name, text, lines: OnceLock::new() }
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
        self.cut(self.name.0 as usize, self.name.1 as usize)
    }

    /// Whether this is a response that is not `Error`. `Follows`, `Goodbye` and `Pong` are successes too.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.kind == FrameKind::Response && self.name() != "Error"
    }

    /// The value of the first header of that key, without regard to case.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.all(key).next()
    }

    /// The values of all headers of that key, in their order: `Variable`, `ChanVariable`, `Output`.
    pub fn all<'f>(&'f self, key: &str) -> impl Iterator<Item = &'f str> {
        self.lines().filter_map(move |(start, end)| {
            let line = &self.text.as_bytes()[start..end];
            // Nearly every line has another byte where the key would end: no more of it is looked at.
            let ends_there = line.get(key.len()) == Some(&b':');
            if !(ends_there && line[..key.len()].eq_ignore_ascii_case(key.as_bytes())) {
                return None;
            }
            let value = match line.get(key.len() + 1) {
                Some(b' ') => key.len() + 2,
                None => line.len(),
                Some(_) => split_line(line).filter(|(colon, _)| *colon == key.len())?.1,
            };
            Some(self.cut(start + value, end))
        })
    }

    /// All headers in their order, the first line among them. A line without a colon is no header and is left
    /// out.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines().filter_map(|(start, end)| {
            let (colon, value) = split_line(&self.text.as_bytes()[start..end])?;
            Some((self.cut(start, start + colon), self.cut(start + value, end)))
        })
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
        self.lines().find_map(|(start, end)| {
            let line = &self.text.as_bytes()[start..end];
            let value = chan_variable_value(line, prefix)?;
            self.cut(start + value, end).strip_prefix(name)?.strip_prefix('=')
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
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    fn old_output(&self) -> &str {
        let start = self.lines().last().map_or(0, |(_, end)| end);
        let rest = self.cut(start, self.text.len());
        let rest = rest.strip_prefix('\r').unwrap_or(rest);
        let rest = rest.strip_prefix('\n').unwrap_or(rest);
        rest.rfind("--END COMMAND--").map_or(rest, |end| &rest[..end])
    }

    /// Ranges are cut at ASCII bytes and inside the text, so this never falls back.
    fn cut(&self, start: usize, end: usize) -> &str {
        self.text.get(start..end).unwrap_or_default()
    }

    fn lines(&self) -> impl Iterator<Item = (usize, usize)> {
        let lines = self.lines.get_or_init(|| split_lines(self.text.as_bytes(), self.follows));
        lines.iter().map(|(start, end)| (*start as usize, *end as usize))
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
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

/// Where the key of a line ends and its value begins: at the first colon before a space or the line's end, so that
/// `ChanVariable(SIP/10.0.0.1:5060-1): X=` is split where it should be; failing that, at the first.
fn split_line(line: &[u8]) -> Option<(usize, usize)> {
    let settles = |at: &usize| matches!(line.get(at + 1), Some(b' ' | b'\r') | None);
    match memchr_iter(b':', line).find(settles) {
        Some(at) => Some((at, (at + 2).min(line.len()))),
        None => memchr(b':', line).map(|at| (at, at + 1)),
    }
}

/// Where each line stands, without its line end; of old command output only the lines before the output.
fn split_lines(text: &[u8], follows: bool) -> Vec<(u32, u32)> {
    // Lines of real events have 28 bytes on average: one allocation is nearly always enough.
    let mut lines = Vec::with_capacity(text.len() / 20 + 2);
    let mut start = 0;
    for at in memchr_iter(b'\n', text) {
        lines.push((narrow(start), narrow(start + strip_cr(&text[start..at]).len())));
        start = at + 1;
    }
    if start < text.len() {
        lines.push((narrow(start), narrow(text.len())));
    }
    if follows {
        let header = |(start, end): &(u32, u32)| {
            let line = &text[*start as usize..*end as usize];
            split_line(line).is_some_and(|(colon, _)| is_follows_header(&line[..colon]))
        };
        let headers = lines.iter().take_while(|line| header(line)).count();
        lines.truncate(headers);
    }
    lines
}

/// The only headers Asterisk writes before the raw text of old command output.
fn is_follows_header(key: &[u8]) -> bool {
    [&b"Response"[..], b"Privilege", b"ActionID", b"Message"]
        .iter()
        .any(|known| key.eq_ignore_ascii_case(known))
}

/// Where the value of a line `<prefix>ChanVariable: X=`, with or without a channel in parentheses, begins.
fn chan_variable_value(line: &[u8], prefix: &str) -> Option<usize> {
    const WORD: &[u8] = b"ChanVariable";
    let word = prefix.len() + WORD.len();
    let behind = *line.get(word).filter(|byte| matches!(byte, b':' | b'('))?;
    let named = line[prefix.len()..word].eq_ignore_ascii_case(WORD)
        && line[..prefix.len()].eq_ignore_ascii_case(prefix.as_bytes());
    let (colon, value) = named.then(|| split_line(line))??;
    (behind == b'(' || colon == word).then_some(value)
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
        Frame::new(text)
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
    fn a_key_ends_at_the_first_colon_before_a_space() {
        let f = frame("Event: X\r\nVar(SIP/10.0.0.1:5060-1): a:b\r\nTight:a:b\r\nNone\r\nCut:\r\n\r\n");
        let headers = [("Event", "X"), ("Var(SIP/10.0.0.1:5060-1)", "a:b"), ("Tight", "a:b"), ("Cut", "")];
        assert_eq!(f.headers().collect::<Vec<_>>(), headers);
        for (key, value) in headers {
            assert_eq!(f.get(key), Some(value), "{key}");
        }
        assert_eq!(f.get("Var(SIP/10.0.0.1"), None, "the key goes on behind that colon");
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
        let f = Frame::new(b"Event: Newchannel\r\nCallerIDName: M\xfcller\0\r\n\r\n");
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
