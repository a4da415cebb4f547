//! A stream of bytes cut into messages.

use bytes::{Buf as _, Bytes, BytesMut};

use crate::message::{Limits, Problem, measure};

/// What a stream held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framed {
    /// One whole message, for [`crate::message::parse`].
    Message(Bytes),
    /// The second of two line ends: the peer asks whether we live (RFC 5626 section 3.5.1). Answer [`PONG`].
    Ping,
    /// A line end: the answer to a ping of ours, or the first half of a ping of theirs.
    Pong,
}

/// What keeps a stream open.
pub const PING: &[u8] = b"\r\n\r\n";
/// What answers a [`PING`].
pub const PONG: &[u8] = b"\r\n";

/// Cuts a stream into messages by their Content-Length (RFC 3261 section 18.3).
///
/// Memory is bounded by [`Limits::message_bytes`]. An error ends the stream: where the next message would start
/// nobody can know, so the edge closes the connection.
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    buffer: BytesMut,
    /// Bytes in which no end of headers was found yet: a message in many pieces is searched once.
    searched: usize,
    /// The length of the message at the start, once its headers have come.
    whole: Option<usize>,
    /// Whether the last thing was the first half of a ping.
    half_ping: bool,
    failed: Option<Problem>,
}

impl Framer {
    /// At the start of a stream.
    pub fn new(limits: Limits) -> Self {
        Self { limits, buffer: BytesMut::new(), searched: 0, whole: None, half_ping: false, failed: None }
    }

    /// Takes in what came.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next thing that is whole, or none until more has come. The same bytes give the same things however they
    /// are cut.
    ///
    /// # Errors
    ///
    /// What is wrong with the stream, each time it is asked: too large, or a Content-Length that is none.
    pub fn next_frame(&mut self) -> Result<Option<Framed>, Problem> {
        match self.failed {
            Some(problem) => Err(problem),
            None => self.advance().inspect_err(|problem| {
                self.failed = Some(*problem);
                self.buffer = BytesMut::new();
            }),
        }
    }

    fn advance(&mut self) -> Result<Option<Framed>, Problem> {
        match (self.buffer.first(), self.buffer.get(1)) {
            (None, _) | (Some(b'\r'), None) => return Ok(None),
            (Some(b'\r'), Some(b'\n')) => return Ok(Some(self.line_end(2))),
            (Some(b'\n'), _) => return Ok(Some(self.line_end(1))),
            _ => self.half_ping = false,
        }
        let whole = match self.whole {
            Some(whole) => whole,
            None => match measure(&self.buffer, self.searched, &self.limits)? {
                Some(whole) => whole,
                None if self.buffer.len() > self.limits.message_bytes => return Err(Problem::TooLarge),
                None => {
                    self.searched = self.buffer.len();
                    return Ok(None);
                }
            },
        };
        if whole > self.limits.message_bytes {
            return Err(Problem::TooLarge);
        }
        if self.buffer.len() < whole {
            self.whole = Some(whole);
            return Ok(None);
        }
        (self.searched, self.whole) = (0, None);
        Ok(Some(Framed::Message(self.buffer.split_to(whole).freeze())))
    }

    fn line_end(&mut self, bytes: usize) -> Framed {
        self.buffer.advance(bytes);
        self.half_ping = !self.half_ping;
        if self.half_ping { Framed::Pong } else { Framed::Ping }
    }
}

#[cfg(test)]
mod tests;
