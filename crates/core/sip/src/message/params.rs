//! Parameters of URIs and headers.

use std::fmt;

use rsip::common::uri::Param;

use super::method::Method;
use super::scan::{is_token, quoted_end, split_outside, trim, unquote};
use super::{MAX_PARAMS, Problem};

/// Parameters in their order: `;name=value;flag`.
///
/// Each is a typed parameter of rsip. Splitting them is ours: rsip's takes only token characters, so a quoted value,
/// an IPv6 address or white space around `=` ends its reading. A value rsip refuses (`;transport=carrier-pigeon`)
/// is kept as an unnamed parameter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Params(Vec<Param>);

impl Params {
    /// Reads `;a=b;c` as it stands behind a header value, with white space where the RFC allows it.
    pub(crate) fn read_header(text: &str) -> Result<Self, Problem> {
        let mut params = Vec::new();
        in_header(text, |name, value| params.push(typed(name, value)))?;
        Ok(Self(params))
    }

    /// Whether [`Params::read_header`] reads it, without keeping anything.
    pub(crate) fn check_header(text: &str) -> Result<(), Problem> {
        in_header(text, |_, _| {})
    }

    /// Reads `a=b;c` as it stands behind the host of a URI: no white space, no quotes.
    pub(crate) fn read_uri(list: &str) -> Result<Self, Problem> {
        let mut params = Vec::new();
        each(list.split(';'), is_uri_value, |name, value| params.push(typed(name, value)))?;
        Ok(Self(params))
    }

    /// Whether [`Params::read_uri`] reads it, without keeping anything.
    pub(crate) fn check_uri(list: &str) -> Result<(), Problem> {
        each(list.split(';'), is_uri_value, |_, _| {})
    }

    /// The value of a parameter, as sent: a quoted value keeps its quotes. A flag has the empty value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.unwrap_or(""))
    }

    /// The value of a parameter without quotes and escapes.
    pub fn get_unquoted(&self, name: &str) -> Option<String> {
        self.get(name).map(unquote)
    }

    /// Whether the parameter is there, with a value or without.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Gives a parameter a value, in its place when it is there and at the end when it is not.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.filter(|value| !value.is_empty());
        let param = typed(name, value);
        match self.0.iter_mut().find(|known| parts(known).0.eq_ignore_ascii_case(name)) {
            Some(known) => *known = param,
            None => self.0.push(param),
        }
    }

    /// Takes a parameter away.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|known| !parts(known).0.eq_ignore_ascii_case(name));
    }

    /// Names and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(parts)
    }

    /// The parameters as rsip types.
    pub fn typed(&self) -> &[Param] {
        &self.0
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.iter() {
            match value {
                Some(value) => write!(f, ";{name}={value}")?,
                None => write!(f, ";{name}")?,
            }
        }
        Ok(())
    }
}

/// The value of a parameter in `;a=b;c` as it stands behind a header value, as sent; empty for a flag.
pub(crate) fn find<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let list = trim(text).strip_prefix(';')?;
    split_outside(list, b';')
        .map(halves)
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.unwrap_or(""))
}

/// Each parameter of `;a=b;c` as it stands behind a header value, with white space where the RFC allows it.
fn in_header<'a>(text: &'a str, take: impl FnMut(&'a str, Option<&'a str>)) -> Result<(), Problem> {
    let text = trim(text);
    if text.is_empty() {
        return Ok(());
    }
    if text.bytes().any(|byte| matches!(byte, b'\r' | b'\n')) {
        return Err(Problem::Params);
    }
    let list = text.strip_prefix(';').ok_or(Problem::Params)?;
    each(split_outside(list, b';'), is_header_value, take)
}

fn each<'a>(
    parts: impl Iterator<Item = &'a str>,
    is_value: fn(&str) -> bool,
    mut take: impl FnMut(&'a str, Option<&'a str>),
) -> Result<(), Problem> {
    for (place, (name, value)) in parts.map(halves).enumerate() {
        if !is_name(name) || !value.is_none_or(is_value) || place >= MAX_PARAMS {
            return Err(Problem::Params);
        }
        take(name, value);
    }
    Ok(())
}

fn halves(part: &str) -> (&str, Option<&str>) {
    match part.split_once('=') {
        Some((name, value)) => (trim(name), Some(trim(value))),
        None => (part, None),
    }
}

fn typed(name: &str, value: Option<&str>) -> Param {
    let other = || Param::Other(name.into(), value.map(Into::into));
    // rsip reads a method in any case, but a method is case-sensitive.
    if name.eq_ignore_ascii_case("method") {
        return other();
    }
    Param::try_from((name, value)).unwrap_or_else(|_| other())
}

fn parts(param: &Param) -> (&str, Option<&str>) {
    match param {
        Param::Transport(transport) => ("transport", Some(transport_name(*transport))),
        Param::User(user) => ("user", Some(user.value())),
        Param::Method(method) => ("method", Some(Method::known_name(*method))),
        Param::Ttl(ttl) => ("ttl", Some(ttl.value())),
        Param::Maddr(maddr) => ("maddr", Some(maddr.value())),
        Param::Lr => ("lr", None),
        Param::Branch(branch) => ("branch", Some(branch.value())),
        Param::Received(received) => ("received", Some(received.value())),
        Param::Tag(tag) => ("tag", Some(tag.value())),
        Param::Expires(expires) => ("expires", Some(expires.value())),
        Param::Q(q) => ("q", Some(q.value())),
        Param::Other(name, value) => (name.value(), value.as_ref().map(|value| value.value())),
    }
}

const fn transport_name(transport: rsip::Transport) -> &'static str {
    match transport {
        rsip::Transport::Udp => "udp",
        rsip::Transport::Tcp => "tcp",
        rsip::Transport::Tls => "tls",
        rsip::Transport::TlsSctp => "tls-sctp",
        rsip::Transport::Sctp => "sctp",
        rsip::Transport::Ws => "ws",
        rsip::Transport::Wss => "wss",
    }
}

/// A name may hold `[` and friends in a URI (`param-unreserved`), never a separator.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>,;=@".contains(&byte))
}

/// A token, a host (IPv6 with or without brackets) or a whole quoted string.
fn is_header_value(value: &str) -> bool {
    if value.starts_with('"') {
        return quoted_end(value) == Some(value.len());
    }
    is_token(value) || is_loose_value(value)
}

/// What phones send beside tokens: addresses, URIs, base64. No space, quote, bracket or list separator.
fn is_loose_value(value: &str) -> bool {
    !value.is_empty()
        && value.bytes().all(|byte| (byte.is_ascii_graphic() || byte >= 0x80) && !b"\"<>,;".contains(&byte))
}

fn is_uri_value(value: &str) -> bool {
    value.bytes().all(|byte| (byte.is_ascii_graphic() || byte >= 0x80) && !b"\"<>,;?@".contains(&byte))
}
