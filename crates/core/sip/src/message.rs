//! Messages: what bytes say, tolerant where the RFC allows it and strict where a guess could mislead.

mod address;
mod headers;
mod method;
mod name;
mod params;
mod parse;
mod reply;
mod scan;
mod screen;
mod typed;
mod uri;
mod values;
mod via;

use std::fmt::{self, Write as _};

use bytes::{BufMut as _, Bytes, BytesMut};

pub use address::NameAddr;
pub use headers::{Header, Headers};
pub use method::Method;
pub use name::Name;
pub use params::Params;
pub(crate) use parse::measure;
pub use parse::{Malformed, parse};
pub use reply::reason_phrase;
pub(crate) use scan::{number, quote, split_outside, trim, unquote};
pub use screen::Screen;
pub use uri::{Host, Scheme, Uri};
pub use values::{CSeq, Event, RAck, Refresher, Replaces, SessionExpires};
pub use via::{MAGIC_COOKIE, Via, ViaTransport};

/// How many parameters one URI or header value may have.
pub(crate) const MAX_PARAMS: usize = 64;

/// What a message may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a whole message.
    pub message_bytes: usize,
    /// Bytes of one header with its folded lines, or of the start line.
    pub line: usize,
    /// Headers of a message.
    pub headers: usize,
    /// Members of one list header, all its lines together: Via, Route, Contact and their kin.
    pub members: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message_bytes: 64 * 1024, line: 8 * 1024, headers: 256, members: 128 }
    }
}

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing but line ends: a keep-alive.
    #[error("nothing in it")]
    Empty,
    /// No SIP at all.
    #[error("not SIP")]
    NotSip,
    /// More bytes, headers or members than the limits allow.
    #[error("too large")]
    TooLarge,
    /// The start line does not follow the grammar.
    #[error("malformed start line")]
    StartLine,
    /// Another version than 2.0.
    #[error("version not supported")]
    Version,
    /// A status that is no SIP status.
    #[error("status out of range")]
    Status,
    /// A header without a colon or with a name that is no token; or no end of the headers.
    #[error("malformed header")]
    Header,
    /// A mandatory header is missing.
    #[error("missing {0}")]
    Missing(&'static str),
    /// A header that may stand once stands twice.
    #[error("more than one {0}")]
    Repeated(&'static str),
    /// A value out of its range or grammar.
    #[error("malformed {0}")]
    Value(&'static str),
    /// A URI that does not follow its grammar.
    #[error("malformed URI")]
    Uri,
    /// A host or port that does not follow its grammar.
    #[error("malformed host")]
    Host,
    /// Parameters that do not follow the grammar, or too many.
    #[error("malformed parameters")]
    Params,
    /// A quoted string without end.
    #[error("unterminated quoted string")]
    Quote,
    /// An address that does not follow its grammar.
    #[error("malformed address")]
    Address,
    /// A Via that does not follow its grammar.
    #[error("malformed Via")]
    Via,
    /// Content-Length is no number, says two things, or more than there is.
    #[error("malformed Content-Length")]
    ContentLength,
    /// The method of the CSeq is not the request's.
    #[error("CSeq names another method")]
    Mismatch,
}

/// One SIP message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Somebody asks.
    Request(Request),
    /// Somebody answers.
    Response(Response),
}

/// A request (RFC 3261 section 7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is asked for.
    pub method: Method,
    /// Of whom.
    pub uri: Uri,
    /// The headers; Content-Length is written from the body and never kept here.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
}

/// A response (RFC 3261 section 7.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// 100 to 699.
    pub status: u16,
    /// The reason phrase as sent: rsip would replace it by a name of its own.
    pub reason: Box<str>,
    /// The headers; Content-Length is written from the body and never kept here.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
}

impl Message {
    /// The headers of either.
    pub const fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }

    /// The headers of either, to change.
    pub const fn headers_mut(&mut self) -> &mut Headers {
        match self {
            Self::Request(request) => &mut request.headers,
            Self::Response(response) => &mut response.headers,
        }
    }

    /// As it goes over the wire.
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Self::Request(request) => request.to_bytes(),
            Self::Response(response) => response.to_bytes(),
        }
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        Self::Request(request)
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}

impl Request {
    /// A request with no headers yet.
    pub const fn new(method: Method, uri: Uri) -> Self {
        Self { method, uri, headers: Headers::new(), body: Bytes::new() }
    }

    /// As it goes over the wire.
    pub fn to_bytes(&self) -> Bytes {
        // A URI built here must not end the line, nor be two.
        let uri = self.uri.to_string().replace(['\r', '\n', ' '], "");
        wire(format_args!("{} {uri} SIP/2.0\r\n", self.method), &self.headers, &self.body)
    }
}

impl Response {
    /// What kind of answer it is, in rsip's words.
    pub fn kind(&self) -> rsip::common::StatusCodeKind {
        rsip::StatusCode::from(self.status).kind()
    }

    /// Whether it ends its transaction.
    pub const fn is_final(&self) -> bool {
        self.status >= 200
    }

    /// Whether it grants what was asked.
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// As it goes over the wire.
    pub fn to_bytes(&self) -> Bytes {
        // A reason phrase built here must not end the line.
        let reason = self.reason.replace(['\r', '\n'], " ");
        wire(format_args!("SIP/2.0 {} {reason}\r\n", self.status), &self.headers, &self.body)
    }
}

fn wire(start: fmt::Arguments<'_>, headers: &Headers, body: &Bytes) -> Bytes {
    let size: usize = headers.iter().map(|header| header.name.as_str().len() + header.value.len() + 4).sum();
    let mut bytes = BytesMut::with_capacity(256 + size + body.len());
    // Writing to BytesMut cannot fail: it grows.
    let _ = bytes.write_fmt(start);
    for header in headers.iter().filter(|header| header.name != Name::ContentLength) {
        bytes.put_slice(header.name.as_str().as_bytes());
        bytes.put_slice(b": ");
        bytes.put_slice(header.value.as_bytes());
        bytes.put_slice(b"\r\n");
    }
    let _ = write!(bytes, "Content-Length: {}\r\n\r\n", body.len());
    bytes.put_slice(body);
    bytes.freeze()
}

#[cfg(test)]
mod tests;
