//! A description, line by line.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use thiserror::Error;

use super::{Direction, Origin};

/// The longest description that is read.
pub const MOST_BYTES: usize = 32 * 1024;
/// The most lines.
pub const MOST_LINES: usize = 512;
/// The most media sections.
pub const MOST_MEDIA: usize = 16;

/// `<letter>=<value>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is: `c`, `a`, …
    pub letter: char,
    /// Without the line's end.
    pub value: Box<str>,
}

impl Line {
    fn new(letter: char, value: impl Into<Box<str>>) -> Self {
        Self { letter, value: value.into() }
    }
}

/// A session description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// What stands before the first `m=`, from `v=0` on.
    pub lines: Vec<Line>,
    /// Each `m=` and what follows it.
    pub media: Vec<Media>,
}

/// `m=audio 4000 RTP/AVP 8 0 101`, and its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video`, `image`, …
    pub kind: Box<str>,
    /// 0 where it is refused.
    pub port: u16,
    /// How many ports, where the line says it (`4000/2`).
    pub ports: Option<u16>,
    /// `RTP/AVP`, `RTP/SAVP`, `udptl`, …
    pub protocol: Box<str>,
    /// Payload types, best first; `t38`, `*`, …
    pub formats: Vec<Box<str>>,
    /// What follows.
    pub lines: Vec<Line>,
}

/// `c=`: where voice is sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// An address.
    Address(IpAddr),
    /// A name, which only the phones resolve.
    Name(Box<str>),
}

/// Why bytes are no description that can be worked with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotSdp {
    /// More than [`MOST_BYTES`], [`MOST_LINES`] or [`MOST_MEDIA`].
    #[error("the description is too long")]
    Long,
    /// It does not begin with `v=0`.
    #[error("the description does not begin with v=0")]
    Version,
    /// An `m=` that says too little.
    #[error("line {line} is no media line")]
    Media {
        /// Counted from 1.
        line: usize,
    },
}

impl Description {
    /// Reads a description. Lines may end with a line feed alone; what is no line of the form `x=…` is left out, and
    /// what is no UTF-8 is replaced.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotSdp> {
        if bytes.len() > MOST_BYTES {
            return Err(NotSdp::Long);
        }
        let text = String::from_utf8_lossy(bytes);
        let mut description = Self { lines: Vec::new(), media: Vec::new() };
        for (at, line) in text.split('\n').enumerate() {
            if at >= MOST_LINES {
                return Err(NotSdp::Long);
            }
            let line = line.trim_end_matches('\r');
            let mut letters = line.chars();
            let (Some(letter @ 'a'..='z'), Some('=')) = (letters.next(), letters.next()) else { continue };
            description.take(at + 1, letter, letters.as_str())?;
        }
        if description.lines.is_empty() { Err(NotSdp::Version) } else { Ok(description) }
    }

    fn take(&mut self, number: usize, letter: char, value: &str) -> Result<(), NotSdp> {
        if self.lines.is_empty() && (letter, value.trim()) != ('v', "0") {
            return Err(NotSdp::Version);
        }
        if letter == 'm' {
            let media = Media::parse(value).ok_or(NotSdp::Media { line: number })?;
            self.media.push(media);
            return if self.media.len() > MOST_MEDIA { Err(NotSdp::Long) } else { Ok(()) };
        }
        let lines = self.media.last_mut().map_or(&mut self.lines, |media| &mut media.lines);
        lines.push(Line::new(letter, value));
        Ok(())
    }

    /// A description of one voice, at this address; who sends it gives it its origin.
    pub(super) fn new(address: IpAddr) -> Self {
        let mut description = Self {
            lines: vec![
                Line::new('v', "0"),
                Line::new('o', format!("- 0 0 {}", place(address))),
                Line::new('s', "-"),
                Line::new('t', "0 0"),
            ],
            media: Vec::new(),
        };
        set_connection(&mut description.lines, address);
        description
    }

    /// `o=`.
    pub fn origin(&self) -> Option<Origin> {
        first(&self.lines, 'o').and_then(Origin::parse)
    }

    /// Replaces `o=`.
    pub fn set_origin(&mut self, origin: &Origin) {
        let value = origin.to_string();
        match self.lines.iter_mut().find(|line| line.letter == 'o') {
            Some(line) => line.value = value.into(),
            None => self.lines.insert(1, Line::new('o', value)),
        }
    }

    /// The first voice that is not refused.
    pub fn audio(&self) -> Option<&Media> {
        self.media.iter().find(|media| media.is_audio())
    }

    fn audio_mut(&mut self) -> Option<&mut Media> {
        self.media.iter_mut().find(|media| media.is_audio())
    }

    /// Where a section's voice is sent to.
    pub fn connection(&self, media: &Media) -> Option<Connection> {
        first(&media.lines, 'c').or_else(|| first(&self.lines, 'c')).and_then(Connection::parse)
    }

    /// Where the first voice is sent to, if that is an address and a port.
    pub fn target(&self) -> Option<SocketAddr> {
        let audio = self.audio()?;
        match self.connection(audio)? {
            Connection::Address(address) => Some(SocketAddr::new(address, audio.port)),
            Connection::Name(_) => None,
        }
    }

    /// Which way the first voice goes, seen from the writer. An address of zeros listens to nothing: how phones held
    /// before there were directions (RFC 3264 section 8.4).
    pub fn direction(&self) -> Direction {
        let Some(audio) = self.audio() else { return Direction::Inactive };
        let said =
            direction_of(&audio.lines).or_else(|| direction_of(&self.lines)).unwrap_or(Direction::SendRecv);
        match self.connection(audio) {
            Some(Connection::Address(address)) if address.is_unspecified() => {
                Direction::of(said.sends(), false)
            }
            Some(Connection::Address(_) | Connection::Name(_)) | None => said,
        }
    }

    /// Whether the writer holds the other side: `sendonly`, `inactive` or an address of zeros.
    pub fn holds(&self) -> bool {
        self.audio().is_some() && self.direction().holds()
    }

    /// Says which way the first voice goes; a direction of the whole session no longer counts for it.
    pub fn set_direction(&mut self, direction: Direction) {
        if let Some(audio) = self.audio_mut() {
            audio.lines.retain(|line| !(line.letter == 'a' && Direction::of_name(&line.value).is_some()));
            audio.lines.push(Line::new('a', direction.name()));
        }
    }

    /// Voice goes by way of us: the first voice is sent to this address, and all else is refused. What would lead
    /// around us (ICE candidates, a port for statistics) is taken out.
    pub fn anchor(&mut self, to: SocketAddr) {
        set_connection(&mut self.lines, to.ip());
        self.lines.retain(|line| !leads_around(line));
        let mut voice = true;
        for media in &mut self.media {
            media.lines.retain(|line| line.letter != 'c' && !leads_around(line));
            let kept = media.is_audio() && std::mem::take(&mut voice);
            (media.port, media.ports) = (if kept { to.port() } else { 0 }, None);
        }
    }
}

impl Media {
    /// Reads the value of `m=`.
    fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let (kind, ports, protocol) = (words.next()?, words.next()?, words.next()?);
        let (port, ports) = match ports.split_once('/') {
            Some((port, ports)) => (port.parse().ok()?, Some(ports.parse().ok()?)),
            None => (ports.parse().ok()?, None),
        };
        let formats: Vec<_> = words.map(Box::from).collect();
        let media =
            Self { kind: kind.into(), port, ports, protocol: protocol.into(), formats, lines: Vec::new() };
        (!media.formats.is_empty()).then_some(media)
    }

    /// Whether it is voice by RTP that is not refused.
    pub fn is_audio(&self) -> bool {
        &*self.kind == "audio" && self.port != 0 && self.protocol.starts_with("RTP/")
    }

    /// The values of attributes of this name: `rtpmap` of `a=rtpmap:101 telephone-event/8000`.
    pub fn attributes<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        let attributes = self.lines.iter().filter(|line| line.letter == 'a');
        attributes.filter_map(move |line| line.value.strip_prefix(name)?.strip_prefix(':'))
    }

    /// What a payload type is, by its `a=rtpmap`: name and clock rate.
    pub fn encoding(&self, payload_type: u8) -> Option<(&str, u32)> {
        self.attributes("rtpmap").find_map(|value| {
            let (number, encoding) = value.split_once(' ')?;
            if number.trim().parse() != Ok(payload_type) {
                return None;
            }
            let mut parts = encoding.trim().split('/');
            Some((parts.next()?, parts.next()?.parse().ok()?))
        })
    }

    /// Its payload types, best first.
    pub fn payload_types(&self) -> impl Iterator<Item = u8> + '_ {
        self.formats.iter().filter_map(|format| format.parse().ok()).filter(|number| *number < 128)
    }

    pub(super) fn attribute(&mut self, value: impl Into<Box<str>>) {
        self.lines.push(Line::new('a', value));
    }
}

impl Connection {
    /// Reads the value of `c=`: `IN IP4 192.0.2.7`; what a multicast address has behind it does not matter.
    fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let (network, _family, place) = (words.next()?, words.next()?, words.next()?);
        let address = place.split('/').next().unwrap_or(place);
        (network == "IN").then(|| match address.parse() {
            Ok(address) => Self::Address(address),
            Err(_) => Self::Name(address.into()),
        })
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write = |f: &mut fmt::Formatter<'_>, lines: &[Line]| {
            lines.iter().try_for_each(|line| write!(f, "{}={}\r\n", line.letter, line.value))
        };
        write(f, &self.lines)?;
        for media in &self.media {
            write!(f, "m={} {}", media.kind, media.port)?;
            if let Some(ports) = media.ports {
                write!(f, "/{ports}")?;
            }
            writeln!(f, " {} {}\r", media.protocol, media.formats.join(" "))?;
            write(f, &media.lines)?;
        }
        Ok(())
    }
}

fn first(lines: &[Line], letter: char) -> Option<&str> {
    lines.iter().find(|line| line.letter == letter).map(|line| &*line.value)
}

fn direction_of(lines: &[Line]) -> Option<Direction> {
    // The last one counts, as in phones that append instead of replacing.
    lines
        .iter()
        .rev()
        .filter(|line| line.letter == 'a')
        .find_map(|line| Direction::of_name(line.value.trim()))
}

fn leads_around(line: &Line) -> bool {
    const NAMES: [&str; 7] =
        ["candidate:", "remote-candidates:", "end-of-candidates", "ice-", "rtcp:", "rtcp-mux", "crypto:"];
    line.letter == 'a' && NAMES.iter().any(|name| line.value.starts_with(name))
}

fn place(address: IpAddr) -> String {
    let family = if address.is_ipv6() { "IP6" } else { "IP4" };
    format!("IN {family} {address}")
}

/// Sets the session's `c=`, which stands before `b=`, `t=` and all that follows (RFC 8866 section 5).
fn set_connection(lines: &mut Vec<Line>, address: IpAddr) {
    lines.retain(|line| line.letter != 'c');
    let at = lines.iter().position(|line| matches!(line.letter, 'b' | 't' | 'r' | 'z' | 'k' | 'a'));
    lines.insert(at.unwrap_or(lines.len()), Line::new('c', place(address)));
}
