//! Bytes of a connection to frames and back, within bounds.

use std::io;

use bytes::{Buf, BytesMut};
use memchr::{memchr, memchr_iter, memmem::Finder};
use tokio_util::codec::{Decoder, Encoder};

use crate::action::{Action, ActionError};
use crate::frame::{Frame, ends_command, is_banner, strip_cr};

/// What one connection may ask us to hold in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest line in bytes, without its line end.
    pub line: usize,
    /// Longest frame in bytes, blank line included.
    pub frame: usize,
    /// Most lines in a frame. Command output comes as one line each.
    pub lines: usize,
}

impl Default for Limits {
    /// Room for the largest things Asterisk says: a VarSet of a long JSON value, the output of a long command.
    fn default() -> Self {
        Self { line: 64 * 1024, frame: 1024 * 1024, lines: 16 * 1024 }
    }
}

/// What the codec hands out. Both go on: bad input never ends the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A whole message.
    Frame(Frame),
    /// A message that was skipped.
    Refused(Refused),
}

/// A message that broke a bound: it was skipped up to and including its blank line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which bound.
    pub reason: RefusedReason,
    /// Bytes skipped.
    pub bytes: u64,
}

/// Why a message was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusedReason {
    /// A line longer than [`Limits::line`].
    LineTooLong,
    /// More bytes than [`Limits::frame`] without a blank line.
    FrameTooLarge,
    /// More lines than [`Limits::lines`].
    TooManyLines,
    /// The connection ended in the middle of it.
    Torn,
}

impl RefusedReason {
    /// A short word for a metric's label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LineTooLong => "line_too_long",
            Self::FrameTooLarge => "frame_too_large",
            Self::TooManyLines => "too_many_lines",
            Self::Torn => "torn",
        }
    }
}

/// What has gone through a codec since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodecStats {
    /// Frames handed out.
    pub frames: u64,
    /// Frames in which something was not UTF-8 and was replaced.
    pub lossy: u64,
    /// Messages skipped.
    pub refused: u64,
    /// Bytes of the messages skipped.
    pub refused_bytes: u64,
}

/// Where the decoder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Reading a message, which starts where the buffer starts.
    Message(Cursor),
    /// Skipping a message that broke a bound; the buffer starts on the line being skipped.
    Skipping {
        reason: RefusedReason,
        bytes: u64,
        /// The line being skipped has lost its beginning, so it is not blank.
        mid_line: bool,
    },
}

/// How far a message has been read: a torn one is not searched again from its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cursor {
    /// Where the line being read starts.
    line: usize,
    /// Bytes already looked at.
    seen: usize,
    /// Lines read so far.
    lines: usize,
    /// Inside old command output, where a blank line ends nothing.
    follows: bool,
}

/// A look at what nearly every message is: an event that is whole and shorter than every bound, so that it breaks
/// none whatever is in it. Only its blank line has to be found; anything else is left to the careful look.
#[derive(Clone, Debug)]
struct Quick {
    /// Shorter than every bound. A line has at least one byte, so there are no more lines than that.
    within: usize,
    /// How a blank line begins, which no other line does.
    crlf: Finder<'static>,
    /// The same of a server that writes bare line feeds.
    lf: Finder<'static>,
}

impl Quick {
    fn new(limits: Limits) -> Self {
        let within = limits.line.min(limits.frame).min(limits.lines);
        Self { within, crlf: Finder::new(b"\n\r"), lf: Finder::new(b"\n\n") }
    }

    /// The length of the event at the front, blank line included.
    fn event(&self, bytes: &[u8]) -> Option<usize> {
        let bytes = &bytes[..bytes.len().min(self.within)];
        let blank = bytes.starts_with(b"Event:").then(|| self.crlf.find(bytes))??;
        let whole = bytes.get(blank + 2) == Some(&b'\n') && self.lf.find(&bytes[..=blank]).is_none();
        whole.then_some(blank + 3)
    }
}

/// What a look at the buffer gave.
enum Scan {
    /// The message is not whole.
    More(Cursor),
    /// A blank line before the message: it means nothing.
    Blank { len: usize },
    /// A message of so many bytes.
    Whole { len: usize },
    /// The line that starts there breaks a bound.
    Broken { reason: RefusedReason, line: usize },
}

/// The AMI framing for tokio-util: CRLF lines (a bare LF is tolerated), a blank line ends a message, a banner line
/// stands alone. Works for both ends: a client decodes responses and events, a server decodes actions.
#[derive(Clone, Debug)]
pub struct AmiCodec {
    limits: Limits,
    quick: Quick,
    state: State,
    stats: CodecStats,
}

impl Default for AmiCodec {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl AmiCodec {
    /// A codec with bounds of its own.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            quick: Quick::new(limits),
            state: State::Message(Cursor::default()),
            stats: CodecStats::default(),
        }
    }

    /// What has gone through so far.
    #[must_use]
    pub fn stats(&self) -> CodecStats {
        self.stats
    }

    /// Cuts `len` bytes off as a frame.
    fn take_frame(&mut self, src: &mut BytesMut, len: usize) -> Decoded {
        let frame = Frame::new(&src[..len]);
        src.advance(len);
        self.state = State::Message(Cursor::default());
        self.stats.frames += 1;
        self.stats.lossy += u64::from(frame.is_lossy());
        Decoded::Frame(frame)
    }

    fn refuse(&mut self, reason: RefusedReason, bytes: u64) -> Decoded {
        self.state = State::Message(Cursor::default());
        self.stats.refused += 1;
        self.stats.refused_bytes += bytes;
        Decoded::Refused(Refused { reason, bytes })
    }

    /// The bound that bytes up to `end` of a line break first, if any. The order is by position in the stream,
    /// so that it does not depend on how the bytes arrived.
    fn broken_bound(&self, line: usize, end: usize) -> Option<RefusedReason> {
        let line_limit = line + self.limits.line;
        if end <= line_limit && end < self.limits.frame {
            return None;
        }
        if line_limit < self.limits.frame {
            Some(RefusedReason::LineTooLong)
        } else {
            Some(RefusedReason::FrameTooLarge)
        }
    }

    /// Looks for the end of the message from where the last look ended.
    fn scan(&self, bytes: &[u8], mut cursor: Cursor) -> Scan {
        let from = cursor.seen;
        for end in memchr_iter(b'\n', &bytes[from..]).map(|at| from + at) {
            let text = strip_cr(&bytes[cursor.line..end]);
            if text.is_empty() && cursor.lines == 0 {
                return Scan::Blank { len: end + 1 };
            }
            if let Some(reason) = self.broken_bound(cursor.line, end) {
                return Scan::Broken { reason, line: cursor.line };
            }
            if text.is_empty() && !cursor.follows {
                return Scan::Whole { len: end + 1 };
            }
            if cursor.lines >= self.limits.lines {
                return Scan::Broken { reason: RefusedReason::TooManyLines, line: cursor.line };
            }
            if cursor.lines == 0 {
                if is_banner(text) {
                    return Scan::Whole { len: end + 1 };
                }
                cursor.follows = text.eq_ignore_ascii_case(b"Response: Follows");
            } else if cursor.follows && ends_command(text) {
                return Scan::Whole { len: end + 1 };
            }
            cursor.lines += 1;
            cursor.line = end + 1;
        }
        cursor.seen = bytes.len();
        match self.broken_bound(cursor.line, bytes.len()) {
            Some(reason) => Scan::Broken { reason, line: cursor.line },
            None => Scan::More(cursor),
        }
    }

    /// Reads on until a message is whole, a bound is broken, or the bytes end.
    fn read_message(&mut self, src: &mut BytesMut, mut cursor: Cursor) -> Option<Decoded> {
        if cursor.seen == 0
            && let Some(len) = self.quick.event(src)
        {
            return Some(self.take_frame(src, len));
        }
        loop {
            match self.scan(src, cursor) {
                Scan::Blank { len } => {
                    src.advance(len);
                    cursor = Cursor::default();
                }
                Scan::Whole { len } => return Some(self.take_frame(src, len)),
                Scan::More(reached) => {
                    self.state = State::Message(reached);
                    return None;
                }
                Scan::Broken { reason, line } => {
                    self.state = State::Skipping { reason, bytes: line as u64, mid_line: false };
                    src.advance(line);
                    return None;
                }
            }
        }
    }

    /// Drops bytes up to and including the next blank line.
    fn skip_message(
        &mut self,
        src: &mut BytesMut,
        reason: RefusedReason,
        mut bytes: u64,
        mut mid_line: bool,
    ) -> Option<Decoded> {
        while let Some(end) = memchr(b'\n', src) {
            let blank = !mid_line && strip_cr(&src[..end]).is_empty();
            src.advance(end + 1);
            bytes += end as u64 + 1;
            mid_line = false;
            if blank {
                return Some(self.refuse(reason, bytes));
            }
        }
        // A lone CR may be the beginning of the blank line: keep it.
        if src.len() > 1 || mid_line {
            bytes += src.len() as u64;
            mid_line = true;
            src.clear();
        } else if src.first().is_some_and(|byte| *byte != b'\r') {
            bytes += 1;
            mid_line = true;
            src.clear();
        }
        self.state = State::Skipping { reason, bytes, mid_line };
        None
    }
}

impl Decoder for AmiCodec {
    type Item = Decoded;
    /// Only the transport fails; the codec itself never does.
    type Error = io::Error;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Decoded>, io::Error> {
        loop {
            let decoded = match self.state {
                State::Message(cursor) => self.read_message(src, cursor),
                State::Skipping { reason, bytes, mid_line } => {
                    self.skip_message(src, reason, bytes, mid_line)
                }
            };
            // A message found too long turns to skipping in the same buffer: go on there.
            if decoded.is_some() || !matches!(self.state, State::Skipping { .. }) || src.len() <= 1 {
                return Ok(decoded);
            }
        }
    }

    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<Decoded>, io::Error> {
        if let Some(decoded) = self.decode(src)? {
            return Ok(Some(decoded));
        }
        let torn = match self.state {
            State::Message(_) => (!src.is_empty()).then_some((RefusedReason::Torn, 0)),
            State::Skipping { reason, bytes, .. } => Some((reason, bytes)),
        };
        let Some((reason, skipped)) = torn else { return Ok(None) };
        let bytes = skipped + src.len() as u64;
        src.clear();
        Ok(Some(self.refuse(reason, bytes)))
    }
}

/// Why an action was not written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The action itself: nothing of it was written.
    #[error(transparent)]
    Action(#[from] ActionError),
    /// The connection.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Encoder<Action> for AmiCodec {
    type Error = EncodeError;

    fn encode(&mut self, action: Action, dst: &mut BytesMut) -> Result<(), EncodeError> {
        Ok(action.encode(dst)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Limits = Limits { line: 32, frame: 128, lines: 6 };

    /// Everything a stream decodes to when it comes in pieces of `size` bytes.
    fn decode_in_pieces(limits: Limits, input: &[u8], size: usize) -> Vec<Decoded> {
        let mut codec = AmiCodec::new(limits);
        let mut buffer = BytesMut::new();
        let mut out = Vec::new();
        for piece in input.chunks(size) {
            buffer.extend_from_slice(piece);
            while let Some(decoded) = codec.decode(&mut buffer).unwrap() {
                out.push(decoded);
            }
            assert!(buffer.len() <= limits.frame + size, "the buffer is bounded");
        }
        while let Some(decoded) = codec.decode_eof(&mut buffer).unwrap() {
            out.push(decoded);
        }
        out
    }

    /// Decodes whole and in pieces of every size, and checks that it makes no difference.
    fn check(limits: Limits, input: &[u8]) -> Vec<Decoded> {
        let whole = decode_in_pieces(limits, input, input.len().max(1));
        for size in 1..input.len() {
            assert_eq!(decode_in_pieces(limits, input, size), whole, "pieces of {size}");
        }
        let bytes: u64 = whole
            .iter()
            .map(|d| match d {
                Decoded::Frame(_) => 0,
                Decoded::Refused(r) => r.bytes,
            })
            .sum();
        assert!(bytes <= input.len() as u64);
        whole
    }

    fn names(decoded: &[Decoded]) -> Vec<String> {
        decoded
            .iter()
            .map(|d| match d {
                Decoded::Frame(f) => f.name().to_owned(),
                Decoded::Refused(r) => format!("{} {}", r.reason.as_str(), r.bytes),
            })
            .collect()
    }

    const GOOD: &str = "Event: Good\r\n\r\n";

    #[test]
    fn banner_response_and_event_come_apart() {
        let input = "Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nMessage: hi\r\n\r\nEvent: FullyBooted\r\n\r\n";
        assert_eq!(names(&check(Limits::default(), input.as_bytes())), ["11.0.0", "Success", "FullyBooted"]);
    }

    #[test]
    fn bare_line_feeds_and_extra_blank_lines_are_tolerated() {
        let input = "\r\n\nEvent: A\nX: 1\n\n\r\n\r\nEvent: B\r\n\nEvent: C\n\r\n";
        assert_eq!(names(&check(Limits::default(), input.as_bytes())), ["A", "B", "C"]);
    }

    #[test]
    fn only_a_blank_line_ends_an_event_whatever_line_ends_are_mixed() {
        let odd = "Event: A\r\nX: 1\n\rY: 2\r\n\r\r\nZ: 3\r\n\r\nEvent: B\r\nX: 1\n\nEvent: C\r\n\r\n";
        let decoded = check(Limits::default(), odd.as_bytes());
        assert_eq!(names(&decoded), ["A", "B", "C"]);
        let Decoded::Frame(first) = &decoded[0] else { panic!("a frame") };
        assert_eq!(first.get("Z"), Some("3"));
    }

    #[test]
    fn an_over_long_line_is_skipped_and_the_next_frame_is_read() {
        let input = format!("Event: Bad\r\nX: {}\r\nY: 1\r\n\r\n{GOOD}", "x".repeat(40));
        assert_eq!(names(&check(SMALL, input.as_bytes())), ["line_too_long 65", "Good"]);
    }

    #[test]
    fn an_over_long_frame_is_skipped_and_the_next_frame_is_read() {
        let input = format!("Event: Bad\r\n{}\r\n{GOOD}", format!("X: {}\r\n", "x".repeat(26)).repeat(5));
        assert_eq!(names(&check(SMALL, input.as_bytes())), ["frame_too_large 169", "Good"]);
    }

    #[test]
    fn too_many_lines_are_skipped_and_the_next_frame_is_read() {
        let input = format!("Event: Bad\r\n{}\r\n{GOOD}", "X: 1\r\n".repeat(6));
        assert_eq!(names(&check(SMALL, input.as_bytes())), ["too_many_lines 50", "Good"]);
        let fits = format!("Event: Fits\r\n{}\r\n{GOOD}", "X: 1\r\n".repeat(5));
        assert_eq!(names(&check(SMALL, fits.as_bytes())), ["Fits", "Good"]);
    }

    #[test]
    fn a_line_of_exactly_the_limit_is_read() {
        let input = format!("Event: Fits\r\nX: {}\r\n\r\n", "x".repeat(28));
        assert_eq!(names(&check(SMALL, input.as_bytes())), ["Fits"]);
        let over = format!("Event: Over\r\nX: {}\r\n\r\n", "x".repeat(29));
        assert_eq!(names(&check(SMALL, over.as_bytes())), ["line_too_long 49"]);
    }

    #[test]
    fn a_stream_without_any_line_end_is_bounded_and_counted() {
        let decoded = check(SMALL, &[b'x'; 500]);
        assert_eq!(names(&decoded), ["line_too_long 500"]);
    }

    #[test]
    fn a_frame_torn_by_the_end_of_the_connection_is_told() {
        assert_eq!(names(&check(SMALL, b"Event: Good\r\n\r\nEvent: To")), ["Good", "torn 9"]);
    }

    #[test]
    fn old_command_output_ends_at_its_marker_not_at_a_blank_line() {
        let input = format!(
            "Response: Follows\r\nPrivilege: Command\r\nActionID: 1\r\none\n\ntwo\n--END COMMAND--\r\n\r\n{GOOD}"
        );
        let decoded = check(Limits::default(), input.as_bytes());
        assert_eq!(names(&decoded), ["Follows", "Good"]);
        let Decoded::Frame(frame) = &decoded[0] else { panic!("a frame") };
        assert_eq!(frame.output().collect::<Vec<_>>(), ["one", "", "two"]);
    }

    #[test]
    fn old_command_output_without_its_marker_does_not_swallow_the_stream() {
        let input = format!("Response: Follows\r\n{}\r\n{GOOD}{GOOD}", "line\r\n\r\n".repeat(20));
        let decoded = check(SMALL, input.as_bytes());
        assert_eq!(names(&decoded)[0], "too_many_lines 43");
        assert_eq!(names(&decoded).last().map(String::as_str), Some("Good"));
    }

    #[test]
    fn zero_bytes_and_binary_stay_in_their_frame() {
        let input = b"Event: Odd\r\nX: \0\x01\xff\xfe\r\n\r\nEvent: Good\r\n\r\n";
        assert_eq!(names(&check(Limits::default(), input)), ["Odd", "Good"]);
    }

    #[test]
    fn stats_count_frames_replacements_and_refusals() {
        let mut codec = AmiCodec::new(SMALL);
        let mut buffer = BytesMut::from(&b"Event: A\r\nX: \xff\r\n\r\nEvent: B\r\n"[..]);
        buffer.extend_from_slice(&[b'y'; 50]);
        buffer.extend_from_slice(b"\r\n\r\nEvent: C\r\n\r\n");
        while codec.decode(&mut buffer).unwrap().is_some() {}
        assert_eq!(codec.stats(), CodecStats { frames: 2, lossy: 1, refused: 1, refused_bytes: 64 });
    }
}
