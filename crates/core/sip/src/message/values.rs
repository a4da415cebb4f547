//! Values of single headers.

use std::fmt;
use std::str::FromStr;

use super::Problem;
use super::method::Method;
use super::params::Params;
use super::scan::{is_token, number, trim};

/// The order of requests in a dialog (RFC 3261 section 20.16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CSeq {
    /// Below 2³¹.
    pub number: u32,
    /// The method of the request it counts.
    pub method: Method,
}

/// How long a session lives without a refresh (RFC 4028).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionExpires {
    /// Seconds.
    pub seconds: u32,
    /// Who refreshes; none when it is left open.
    pub refresher: Option<Refresher>,
}

/// Who refreshes a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresher {
    /// The one who sent the request that set it.
    Uac,
    /// The one who answered.
    Uas,
}

/// The dialog an INVITE takes over (RFC 3891).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaces {
    /// Its Call-ID.
    pub call_id: Box<str>,
    /// Its tag at the receiver.
    pub to_tag: Box<str>,
    /// Its tag at the other end.
    pub from_tag: Box<str>,
    /// Whether only a dialog that is not answered yet may be replaced.
    pub early_only: bool,
}

/// The provisional answer a PRACK acknowledges (RFC 3262).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RAck {
    /// Its RSeq.
    pub rseq: u32,
    /// The CSeq it answered.
    pub cseq: CSeq,
}

/// What a subscription is about (RFC 6665).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The package, for example `dialog`.
    pub package: Box<str>,
    /// `id` and the rest.
    pub params: Params,
}

impl FromStr for CSeq {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let bad = Problem::Value("CSeq");
        let (digits, method) = trim(text).split_once([' ', '\t']).ok_or(bad)?;
        let method = trim(method);
        let count = number::<u32>(digits).filter(|count| *count < 1 << 31).ok_or(bad)?;
        match is_token(method) {
            true => Ok(Self { number: count, method: Method::from_token(method) }),
            false => Err(bad),
        }
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

impl FromStr for SessionExpires {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let bad = Problem::Value("Session-Expires");
        let (seconds, params) = text.split_at_checked(text.find(';').unwrap_or(text.len())).ok_or(bad)?;
        let seconds = number(trim(seconds)).ok_or(bad)?;
        let refresher = match Params::read_header(params)?.get("refresher") {
            Some(role) if role.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(role) if role.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            _ => None,
        };
        Ok(Self { seconds, refresher })
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seconds)?;
        match self.refresher {
            Some(Refresher::Uac) => f.write_str(";refresher=uac"),
            Some(Refresher::Uas) => f.write_str(";refresher=uas"),
            None => Ok(()),
        }
    }
}

impl FromStr for Replaces {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let bad = Problem::Value("Replaces");
        let (call_id, params) = text.split_at_checked(text.find(';').ok_or(bad)?).ok_or(bad)?;
        let call_id = trim(call_id);
        if call_id.is_empty() {
            return Err(bad);
        }
        let params = Params::read_header(params)?;
        let tag = |name| params.get(name).filter(|tag| !tag.is_empty()).map(Box::from).ok_or(bad);
        let (to_tag, from_tag) = (tag("to-tag")?, tag("from-tag")?);
        Ok(Self { call_id: call_id.into(), to_tag, from_tag, early_only: params.has("early-only") })
    }
}

impl fmt::Display for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};to-tag={};from-tag={}", self.call_id, self.to_tag, self.from_tag)?;
        f.write_str(if self.early_only { ";early-only" } else { "" })
    }
}

impl FromStr for RAck {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let bad = Problem::Value("RAck");
        let (rseq, cseq) = trim(text).split_once([' ', '\t']).ok_or(bad)?;
        Ok(Self { rseq: number(rseq).ok_or(bad)?, cseq: cseq.parse().map_err(|_| bad)? })
    }
}

impl fmt::Display for RAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rseq, self.cseq)
    }
}

impl FromStr for Event {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let bad = Problem::Value("Event");
        let (package, params) = text.split_at_checked(text.find(';').unwrap_or(text.len())).ok_or(bad)?;
        let package = trim(package);
        match is_token(package) {
            true => Ok(Self { package: package.into(), params: Params::read_header(params)? }),
            false => Err(bad),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.package, self.params)
    }
}
