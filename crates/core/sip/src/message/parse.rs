//! Bytes to messages.

use std::borrow::Cow;

use bytes::Bytes;

use super::headers::{Header, Headers};
use super::method::Method;
use super::name::Name;
use super::scan::{is_token, number, trim};
use super::uri::Uri;
use super::values::CSeq;
use super::via::Via;
use super::{Limits, Message, NameAddr, Problem, Request, Response};

/// A message that cannot be used, and the answer its sender is owed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Malformed {
    /// What is wrong.
    pub what: Problem,
    /// 400 or 505 with what could be read; none when nobody is owed an answer: a response, an ACK, no way back.
    ///
    /// To be sent without a transaction, once: [`crate::transaction::Layer::transmit`].
    pub answer: Option<Response>,
}

impl Malformed {
    const fn silent(what: Problem) -> Self {
        Self { what, answer: None }
    }
}

/// Reads one datagram, or one message a [`crate::Framer`] has cut out of a stream.
///
/// Bytes behind what Content-Length announces are ignored (RFC 3261 section 18.3). The headers every request needs,
/// and those that say where to send things, are checked here, once: their readers do not fail afterwards.
///
/// ```
/// use hookswitch_sip::message::{Limits, Message, Method, parse};
///
/// let bytes = b"OPTIONS sip:alice@example.com SIP/2.0\r\n\
///     v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nf: <tel:+431234>;tag=a\r\n\
///     t: <sip:alice@[2001:db8::1]>\r\ni: 1\r\nCSeq: 7 OPTIONS\r\n\r\n";
/// let Ok(Message::Request(request)) = parse(bytes, &Limits::default()) else { panic!("a request") };
/// assert_eq!(request.method, Method::Options);
/// assert_eq!(request.headers.cseq().map(|cseq| cseq.number), Some(7));
/// assert_eq!(request.reply(200, "").reason.as_ref(), "OK");
/// ```
///
/// # Errors
///
/// [`Malformed`] says what is wrong first, and what to answer.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Message, Malformed> {
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
    let bytes = start.and_then(|start| bytes.get(start..)).ok_or(Malformed::silent(Problem::Empty))?;
    if bytes.len() > limits.message_bytes {
        return Err(Malformed::silent(Problem::TooLarge));
    }
    let (head, body, unended) = match head_end(bytes, 0) {
        Some((head, body)) => (bytes.get(..head), bytes.get(body..), None),
        None => (Some(bytes), None, Some(Problem::Header)),
    };
    let head = text(head.unwrap_or_default());
    let (line, rest) = head.split_once('\n').unwrap_or((&head, ""));
    let line = line.strip_suffix('\r').unwrap_or(line);
    let (headers, problem) = read_headers(rest, limits);
    let too_long = (line.len() > limits.line).then_some(Problem::TooLarge);
    let raw = Raw { headers, body: body.unwrap_or_default(), problem: unended.or(too_long).or(problem) };
    if let Some(rest) = strip_version(line) {
        return raw.into_response(rest, limits).map(Message::Response).map_err(Malformed::silent);
    }
    let names_sip = |word: &str| word.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SIP/"));
    if !line.split(' ').skip(1).any(names_sip) {
        return Err(Malformed::silent(Problem::NotSip));
    }
    raw.into_request(line, limits).map(Message::Request)
}

/// How long the message at the start of a stream is, or `None` while its headers have not all come. The first
/// `searched` bytes hold no end of headers, as an earlier call found.
pub(crate) fn measure(bytes: &[u8], searched: usize, limits: &Limits) -> Result<Option<usize>, Problem> {
    let Some((end, body)) = head_end(bytes, searched.saturating_sub(2)) else {
        return Ok(None);
    };
    let head = text(bytes.get(..end).unwrap_or_default());
    let (headers, _) = read_headers(head.split_once('\n').map_or("", |(_, rest)| rest), limits);
    let length = content_length(&headers)?.unwrap_or(0);
    Ok(Some(body.saturating_add(length)))
}

/// Bytes as text; what is no UTF-8 becomes `?`, one character for one or more bytes: the usual replacement character
/// has three, and would make the answer to a message larger than the message.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.push_str(if chunk.invalid().is_empty() { "" } else { "?" });
    }
    Cow::Owned(text)
}

/// The end of the last header and the start of the body; a line may end without CR (RFC 3261 section 7.5 asks
/// nobody to send that, yet some do).
fn head_end(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    while let Some(line_end) = bytes.get(at..)?.iter().position(|byte| *byte == b'\n').map(|found| at + found)
    {
        match (bytes.get(line_end + 1), bytes.get(line_end + 2)) {
            (Some(b'\n'), _) => return Some((line_end + 1, line_end + 2)),
            (Some(b'\r'), Some(b'\n')) => return Some((line_end + 1, line_end + 3)),
            _ => at = line_end + 1,
        }
    }
    None
}

/// Headers unfolded and named; the first problem does not end the reading, so that an answer can be made.
fn read_headers(text: &str, limits: &Limits) -> (Headers, Option<Problem>) {
    let mut headers: Vec<Header> = Vec::with_capacity(16);
    let mut problem = None;
    let mut lines =
        text.split_terminator('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).peekable();
    while let Some(line) = lines.next() {
        let mut whole = Cow::Borrowed(line);
        while let Some(more) = lines.next_if(|next| next.starts_with([' ', '\t'])) {
            if whole.len() + more.len() > limits.line {
                problem = problem.or(Some(Problem::TooLarge));
                continue;
            }
            let whole = whole.to_mut();
            whole.push(' ');
            whole.push_str(trim(more));
        }
        if headers.len() >= limits.headers || whole.len() > limits.line {
            problem = problem.or(Some(Problem::TooLarge));
            break;
        }
        match read_header(&whole) {
            Some(header) => headers.push(header),
            None => problem = problem.or(Some(Problem::Header)),
        }
    }
    (headers.into_iter().collect(), problem)
}

fn read_header(line: &str) -> Option<Header> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim_end_matches([' ', '\t']);
    if !is_token(name) {
        return None;
    }
    let value = trim(value);
    let value = if value.contains('\r') { value.replace('\r', " ").into() } else { value.into() };
    Some(Header::read(Name::read(name), value))
}

/// What stands behind `SIP/2.0 ` when the line starts a response.
fn strip_version(line: &str) -> Option<&str> {
    let (version, rest) = line.split_at_checked(7)?;
    version.eq_ignore_ascii_case("SIP/2.0").then(|| rest.strip_prefix(' ')).flatten()
}

/// The body's length; `None` without the header, an error when it is no number or says two things.
fn content_length(headers: &Headers) -> Result<Option<usize>, Problem> {
    let mut length = None;
    for value in headers.all(&Name::ContentLength) {
        let read = number::<usize>(value).ok_or(Problem::ContentLength)?;
        if length.is_some_and(|known| known != read) {
            return Err(Problem::ContentLength);
        }
        length = Some(read);
    }
    Ok(length)
}

/// A message whose start line has not been read yet.
struct Raw<'a> {
    headers: Headers,
    body: &'a [u8],
    problem: Option<Problem>,
}

impl Raw<'_> {
    fn into_response(mut self, rest: &str, limits: &Limits) -> Result<Response, Problem> {
        let (status, reason) = rest.split_at_checked(3).ok_or(Problem::Status)?;
        let status =
            number::<u16>(status).filter(|status| (100..700).contains(status)).ok_or(Problem::Status)?;
        let reason = match reason {
            "" => "",
            reason => reason.strip_prefix(' ').ok_or(Problem::Status)?,
        };
        let body = self.take_body()?;
        self.check(limits)?;
        Ok(Response { status, reason: reason.replace('\r', " ").into(), headers: self.headers, body })
    }

    fn into_request(mut self, line: &str, limits: &Limits) -> Result<Request, Malformed> {
        let read = read_request_line(line).and_then(|(method, uri)| {
            let body = self.take_body()?;
            let cseq = self.check(limits)?;
            match cseq.method == method {
                true => Ok((method, uri, body)),
                false => Err(Problem::Mismatch),
            }
        });
        match read {
            Ok((method, uri, body)) => Ok(Request { method, uri, headers: self.headers, body }),
            Err(what) => Err(self.refuse(line, what)),
        }
    }

    /// The body, and no Content-Length among the headers any more.
    fn take_body(&mut self) -> Result<Bytes, Problem> {
        let length = content_length(&self.headers)?.unwrap_or(self.body.len());
        let body = self.body.get(..length).ok_or(Problem::ContentLength)?;
        self.headers.remove(&Name::ContentLength);
        Ok(Bytes::copy_from_slice(body))
    }

    fn check(&self, limits: &Limits) -> Result<CSeq, Problem> {
        match self.problem {
            Some(problem) => Err(problem),
            None => check(&self.headers, limits),
        }
    }

    fn refuse(&self, line: &str, what: Problem) -> Malformed {
        // A Via that cannot be read goes back as it came: the flow is way enough.
        let owed = !line.starts_with("ACK ") && self.headers.has(&Name::Via);
        let status = if what == Problem::Version { 505 } else { 400 };
        let reason = if status == 400 { format!("Bad Request ({what})") } else { String::new() };
        // Only what an answer is made of: this request has no other use.
        let bare = Request { headers: self.headers.clone(), ..Request::new(Method::Options, nowhere()) };
        let answer = owed.then(|| {
            let tag = bare.tag_without_state();
            bare.reply(status, &reason).with_to_tag(&tag)
        });
        Malformed { what, answer }
    }
}

fn nowhere() -> Uri {
    Uri::sip(None, std::net::IpAddr::from([0, 0, 0, 0]).into(), None)
}

impl Request {
    /// A To-tag that comes out the same for each repeat of this request, with no state kept (RFC 3261 section
    /// 8.2.7). It is no secret.
    pub fn tag_without_state(&self) -> String {
        // FNV-1a: small, and the same everywhere.
        let mut hash = 0xCBF2_9CE4_8422_2325_u64;
        let via = self.headers.via();
        let branch = via.as_ref().and_then(Via::branch).unwrap_or("");
        let seen = [self.headers.call_id(), self.headers.get(&Name::From), self.headers.get(&Name::CSeq)];
        for byte in seen.into_iter().flatten().chain([branch]).flat_map(str::bytes) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
        format!("{hash:016x}")
    }
}

/// One space between three parts, none elsewhere (RFC 3261 section 7.1).
fn read_request_line(line: &str) -> Result<(Method, Uri), Problem> {
    let mut parts = line.split(' ');
    let (Some(method), Some(uri), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Problem::StartLine);
    };
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        let numbers = version.get(4..).and_then(|version| version.split_once('.'));
        let sip = version.get(..4).is_some_and(|sip| sip.eq_ignore_ascii_case("SIP/"));
        let version =
            numbers.filter(|(major, minor)| number::<u32>(major).and(number::<u32>(minor)).is_some());
        return Err(if sip && version.is_some() { Problem::Version } else { Problem::StartLine });
    }
    if !is_token(method) {
        return Err(Problem::StartLine);
    }
    let uri = Uri::read(uri)?;
    // A Request-URI has no headers (RFC 3261 section 19.1.1).
    match uri.headers {
        Some(_) => Err(Problem::StartLine),
        None => Ok((Method::from_token(method), uri)),
    }
}

/// The headers a message cannot do without, and those that say where to send things.
fn check(headers: &Headers, limits: &Limits) -> Result<CSeq, Problem> {
    check_single(headers)?;
    let cseq: CSeq = headers.get(&Name::CSeq).ok_or(Problem::Missing("CSeq"))?.parse()?;
    let call_id = headers.call_id().ok_or(Problem::Missing("Call-ID"))?;
    if call_id.is_empty() || call_id.contains([' ', '\t']) {
        return Err(Problem::Value("Call-ID"));
    }
    NameAddr::check(headers.get(&Name::From).ok_or(Problem::Missing("From"))?)?;
    NameAddr::check(headers.get(&Name::To).ok_or(Problem::Missing("To"))?)?;
    let mut vias = 0;
    for via in headers.members(&Name::Via) {
        vias += 1;
        bounded(vias, limits)?;
        Via::check(trim(via))?;
    }
    if vias == 0 {
        return Err(Problem::Missing("Via"));
    }
    for name in [Name::Contact, Name::Route, Name::RecordRoute, Name::Path] {
        check_addresses(headers, &name, limits)?;
    }
    check_numbers(headers)?;
    Ok(cseq)
}

fn check_addresses(headers: &Headers, name: &Name, limits: &Limits) -> Result<(), Problem> {
    for (count, member) in headers.members(name).enumerate() {
        bounded(count, limits)?;
        if !(*name == Name::Contact && member == "*") {
            NameAddr::check(member)?;
        }
    }
    Ok(())
}

const fn bounded(count: usize, limits: &Limits) -> Result<(), Problem> {
    if count > limits.members { Err(Problem::TooLarge) } else { Ok(()) }
}

fn check_single(headers: &Headers) -> Result<(), Problem> {
    const SINGLE: [(Name, &str); 5] = [
        (Name::CSeq, "CSeq"),
        (Name::CallId, "Call-ID"),
        (Name::From, "From"),
        (Name::To, "To"),
        (Name::MaxForwards, "Max-Forwards"),
    ];
    match SINGLE.iter().find(|(name, _)| headers.all(name).nth(1).is_some()) {
        Some((_, name)) => Err(Problem::Repeated(name)),
        None => Ok(()),
    }
}

/// Numbers that steer: a wrong one is refused rather than guessed.
fn check_numbers(headers: &Headers) -> Result<(), Problem> {
    let forwards = headers.get(&Name::MaxForwards);
    if forwards.is_some_and(|value| number::<u32>(value).is_none_or(|hops| hops > 255)) {
        return Err(Problem::Value("Max-Forwards"));
    }
    let expires = headers.get(&Name::Expires);
    if expires.is_some_and(|value| number::<u32>(value).is_none()) {
        return Err(Problem::Value("Expires"));
    }
    let retry = headers.has(&Name::RetryAfter) && headers.retry_after().is_none();
    if retry { Err(Problem::Value("Retry-After")) } else { Ok(()) }
}
