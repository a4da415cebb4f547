//! The Via header: the way back.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::Problem;
use super::params::Params;
use super::scan::{is_token, trim};
use super::uri::Host;
use crate::flow::Transport;

/// What a branch of RFC 3261 starts with; without it the peer follows RFC 2543.
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// One step of the way a request took (RFC 3261 section 20.42).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    /// The transport, when rsip knows it; the token as sent, when not (RFC 4475 section 3.1.1.10).
    pub transport: ViaTransport,
    /// The host the sender says it is.
    pub host: Host,
    /// The port the sender says it listens on.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport` and the rest.
    pub params: Params,
}

/// The transport in a Via: one that is known, or any token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViaTransport {
    /// One rsip knows.
    Known(rsip::Transport),
    /// Any other, as sent.
    Other(Box<str>),
}

impl Via {
    /// A Via of our own: asks for `rport` (RFC 3581).
    pub fn new(transport: Transport, host: Host, port: Option<u16>, branch: &str) -> Self {
        let mut params = Params::default();
        params.set("branch", Some(branch));
        params.set("rport", None);
        Self { transport: ViaTransport::Known(transport.into()), host, port, params }
    }

    /// Reads one value: `SIP/2.0/UDP host:port;params`, white space around each separator.
    pub(crate) fn read(text: &str) -> Result<Self, Problem> {
        let (transport, host, port, params) = split(text)?;
        let params = Params::read_header(params).map_err(|_| Problem::Via)?;
        Ok(Self { transport: ViaTransport::read(transport), host, port, params })
    }

    /// Whether [`Via::read`] reads it, without keeping anything.
    pub(crate) fn check(text: &str) -> Result<(), Problem> {
        let (_, _, _, params) = split(text)?;
        Params::check_header(params).map_err(|_| Problem::Via)
    }

    /// The branch as sent; none when it is missing or empty.
    pub fn branch(&self) -> Option<&str> {
        self.params.get("branch").filter(|branch| !branch.is_empty())
    }

    /// The branch, when it names a transaction by itself: the magic cookie and something behind it (RFC 4475
    /// section 3.2.1 has a branch that is the cookie alone).
    pub fn unique_branch(&self) -> Option<&str> {
        let branch = self.branch()?;
        let (cookie, rest) = branch.split_at_checked(MAGIC_COOKIE.len())?;
        (cookie.eq_ignore_ascii_case(MAGIC_COOKIE) && !rest.is_empty()).then_some(branch)
    }

    /// Where the request really came from; an IPv6 address with or without brackets (RFC 5118 section 4.5).
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.get("received")?;
        text.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// Whether the sender wants answers at the port it sent from (RFC 3581).
    pub fn wants_rport(&self) -> bool {
        self.params.has("rport")
    }

    /// The port the request really came from, once it is filled in.
    pub fn rport(&self) -> Option<u16> {
        self.params.get("rport").and_then(super::scan::number)
    }
}

/// Transport, host, port and parameters; the parameters are not read yet.
fn split(text: &str) -> Result<(&str, Host, Option<u16>, &str), Problem> {
    let mut parts = text.splitn(3, '/');
    let mut part = || parts.next().map(trim).ok_or(Problem::Via);
    let (protocol, version, rest) = (part()?, part()?, part()?);
    if !protocol.eq_ignore_ascii_case("SIP") || version != "2.0" {
        return Err(Problem::Via);
    }
    let (transport, rest) = rest.split_once([' ', '\t']).ok_or(Problem::Via)?;
    if !is_token(transport) {
        return Err(Problem::Via);
    }
    let rest = trim(rest);
    let (sent_by, params) = rest.split_at_checked(rest.find(';').unwrap_or(rest.len())).unwrap_or((rest, ""));
    let (host, port) = Host::read_with_port(trim(sent_by)).map_err(|_| Problem::Via)?;
    Ok((transport, host, port, params))
}

impl ViaTransport {
    fn read(token: &str) -> Self {
        rsip::Transport::from_str(token).map_or_else(|_| Self::Other(token.into()), Self::Known)
    }
}

impl FromStr for Via {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        Self::read(trim(text))
    }
}

impl fmt::Display for ViaTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(transport) => write!(f, "{transport}"),
            Self::Other(token) => f.write_str(token),
        }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)
    }
}
