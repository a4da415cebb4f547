//! SIP, SIPS and tel URIs, and room for any other.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::Problem;
use super::params::Params;
use super::scan::{number, percent_decode, percent_encode};

/// What kind of URI it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:` (RFC 3966)
    Tel,
    /// Any other, lower case.
    Other(Box<str>),
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sip => "sip",
            Self::Sips => "sips",
            Self::Tel => "tel",
            Self::Other(scheme) => scheme,
        })
    }
}

/// A host as a URI or a Via names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name, in the case it was sent in.
    Domain(Box<str>),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, in brackets on the wire.
    V6(Ipv6Addr),
}

impl Host {
    /// Reads a host without port.
    pub(crate) fn read(text: &str) -> Result<Self, Problem> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(Problem::Host)?;
            return read_v6(inner).map(Self::V6).ok_or(Problem::Host);
        }
        let labels = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        if text.is_empty() || !labels || text.starts_with(['.', '-']) {
            return Err(Problem::Host);
        }
        Ok(text.parse().map_or_else(|_| Self::Domain(text.into()), Self::V4))
    }

    /// Reads `host`, `host:port` or `[v6]:port`; with the white space RFC 3261 allows around the colon of a Via.
    pub(crate) fn read_with_port(text: &str) -> Result<(Self, Option<u16>), Problem> {
        let after_v6 = if text.starts_with('[') { text.find(']').ok_or(Problem::Host)? } else { 0 };
        let (_, tail) = text.split_at_checked(after_v6).ok_or(Problem::Host)?;
        let Some(colon) = tail.find(':') else {
            return Ok((Self::read(text.trim_end())?, None));
        };
        let (host, port) = text.split_at_checked(after_v6 + colon).ok_or(Problem::Host)?;
        let port = port.get(1..).and_then(|port| number(port.trim())).ok_or(Problem::Host)?;
        Ok((Self::read(host.trim_end())?, Some(port)))
    }

    /// The address, when the host is one.
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Domain(_) => None,
            Self::V4(ip) => Some(IpAddr::V4(*ip)),
            Self::V6(ip) => Some(IpAddr::V6(*ip)),
        }
    }

    /// Whether both name the same host: names in any case.
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Domain(one), Self::Domain(two)) => one.eq_ignore_ascii_case(two),
            (Self::V4(one), Self::V4(two)) => one == two,
            (Self::V6(one), Self::V6(two)) => one == two,
            (Self::Domain(_) | Self::V4(_) | Self::V6(_), _) => false,
        }
    }
}

/// RFC 5118 section 4.10: the grammar of RFC 3261 lets `:::` through where `::` is meant, so some write it.
fn read_v6(text: &str) -> Option<Ipv6Addr> {
    text.parse().ok().or_else(|| text.replacen(":::", "::", 1).parse().ok())
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::V4(ip),
            IpAddr::V6(ip) => Self::V6(ip),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(name) => f.write_str(name),
            Self::V4(ip) => write!(f, "{ip}"),
            Self::V6(ip) => write!(f, "[{ip}]"),
        }
    }
}

/// A URI. `==` compares what was read; [`Uri::same`] compares as RFC 3261 section 19.1.4 wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uri {
    /// What kind of URI it is.
    pub scheme: Scheme,
    /// The user as sent, escapes not undone: of `tel:` the number, of an unknown scheme all behind the colon.
    pub user: Option<Box<str>>,
    /// The password as sent. Nobody should send one.
    pub password: Option<Box<str>>,
    /// The host; none for `tel:` and unknown schemes.
    pub host: Option<Host>,
    /// The port, when it is named.
    pub port: Option<u16>,
    /// The parameters.
    pub params: Params,
    /// The headers a request to this URI would carry, without the `?`, as sent.
    pub headers: Option<Box<str>>,
}

impl Uri {
    /// A SIP URI of a user at a host. The user is plain text: what may not stand in a URI is escaped.
    pub fn sip(user: Option<&str>, host: Host, port: Option<u16>) -> Self {
        let user = user.map(|user| percent_encode(user).into());
        let params = Params::default();
        Self { scheme: Scheme::Sip, user, password: None, host: Some(host), port, params, headers: None }
    }

    /// Reads a URI without brackets and white space around it.
    pub(crate) fn read(text: &str) -> Result<Self, Problem> {
        let parts = Parts::split(text)?;
        let params = parts.params.map_or(Ok(Params::default()), Params::read_uri)?;
        Ok(Self {
            scheme: parts.scheme,
            user: parts.user.map(Into::into),
            password: parts.password.map(Into::into),
            host: parts.host,
            port: parts.port,
            params,
            headers: parts.headers.map(Into::into),
        })
    }

    /// Whether [`Uri::read`] reads it, without keeping anything.
    pub(crate) fn check(text: &str) -> Result<(), Problem> {
        Parts::split(text)?.params.map_or(Ok(()), Params::check_uri)
    }

    /// Whether it is `sip:` or `sips:`.
    pub const fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }

    /// The user with escapes undone: of `tel:` the number, with its visual separators.
    pub fn user_decoded(&self) -> Option<String> {
        self.user.as_deref().map(percent_decode)
    }

    /// The headers of the URI, names and values with escapes undone.
    pub fn decoded_headers(&self) -> impl Iterator<Item = (String, String)> {
        let pairs = self.headers.as_deref().unwrap_or("").split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(name), percent_decode(value))
        })
    }

    /// Whether both are the same address (RFC 3261 section 19.1.4; RFC 3966 section 4 for `tel:`).
    ///
    /// User and password in their case, the rest in any; escapes undone. `user`, `ttl`, `method`, `maddr` and
    /// `transport` must be in both or in neither; another parameter counts only when both have it. A port that is
    /// named is not the default port. This is not transitive, therefore it is not `==`.
    pub fn same(&self, other: &Self) -> bool {
        if self.scheme != other.scheme {
            return false;
        }
        match &self.scheme {
            Scheme::Sip | Scheme::Sips => self.same_sip(other),
            Scheme::Tel => {
                let digits = |uri: &Self| uri.user.as_deref().map(without_separators);
                digits(self) == digits(other) && same_params(&self.params, &other.params, &["phone-context"])
            }
            Scheme::Other(_) => self.user == other.user,
        }
    }

    fn same_sip(&self, other: &Self) -> bool {
        let decoded = |text: &Option<Box<str>>| text.as_deref().map(percent_decode);
        let hosts = match (&self.host, &other.host) {
            (Some(one), Some(two)) => one.same(two),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        let headers = |uri: &Self| {
            let mut headers: Vec<_> =
                uri.decoded_headers().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
            headers.sort();
            headers
        };
        hosts
            && self.port == other.port
            && decoded(&self.user) == decoded(&other.user)
            && decoded(&self.password) == decoded(&other.password)
            && same_params(&self.params, &other.params, &["user", "ttl", "method", "maddr", "transport"])
            && headers(self) == headers(other)
    }
}

/// A URI, taken apart; its parameters are not read yet.
struct Parts<'a> {
    scheme: Scheme,
    user: Option<&'a str>,
    password: Option<&'a str>,
    host: Option<Host>,
    port: Option<u16>,
    params: Option<&'a str>,
    headers: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Result<Self, Problem> {
        let (scheme, rest) = text.split_once(':').ok_or(Problem::Uri)?;
        let scheme = read_scheme(scheme)?;
        let printable = |byte: u8| byte > b' ' && byte != 0x7f && !matches!(byte, b'<' | b'>' | b'"');
        if rest.is_empty() || !rest.bytes().all(printable) {
            return Err(Problem::Uri);
        }
        match scheme {
            Scheme::Sip | Scheme::Sips => Self::sip(scheme, rest),
            Scheme::Tel => Self::tel(rest),
            Scheme::Other(_) => Ok(Self::opaque(scheme, rest)),
        }
    }

    fn sip(scheme: Scheme, rest: &'a str) -> Result<Self, Problem> {
        let (user, password, rest) = match rest.split_once('@') {
            Some((userinfo, rest)) => {
                let (user, password) = match userinfo.split_once(':') {
                    Some((user, password)) => (user, Some(password)),
                    None => (userinfo, None),
                };
                if user.is_empty() {
                    return Err(Problem::Uri);
                }
                (Some(user), password, rest)
            }
            None => (None, None, rest),
        };
        let (rest, headers) = match rest.split_once('?') {
            Some((_, "")) => return Err(Problem::Uri),
            Some((rest, headers)) => (rest, Some(headers)),
            None => (rest, None),
        };
        let (host, params) = halves(rest);
        let (host, port) = Host::read_with_port(host)?;
        Ok(Self { scheme, user, password, host: Some(host), port, params, headers })
    }

    fn tel(rest: &'a str) -> Result<Self, Problem> {
        let (digits, params) = halves(rest);
        if digits.is_empty()
            || !digits.bytes().all(|byte| byte.is_ascii_hexdigit() || b"+-.()*#%".contains(&byte))
        {
            return Err(Problem::Uri);
        }
        Ok(Self { params, ..Self::opaque(Scheme::Tel, digits) })
    }

    const fn opaque(scheme: Scheme, rest: &'a str) -> Self {
        Self { scheme, user: Some(rest), password: None, host: None, port: None, params: None, headers: None }
    }
}

/// What stands before the parameters, and they.
fn halves(rest: &str) -> (&str, Option<&str>) {
    rest.split_once(';').map_or((rest, None), |(before, params)| (before, Some(params)))
}

/// Whether no parameter says two things, and the `needed` ones are in both or neither. Of a parameter that stands
/// twice, which nobody may send, the first counts.
fn same_params(one: &Params, two: &Params, needed: &[&str]) -> bool {
    let value = |params: &Params, name: &str| {
        let known = params.iter().find(|(known, _)| percent_decode(known).eq_ignore_ascii_case(name));
        known.map(|(_, value)| percent_decode(value.unwrap_or("")).to_ascii_lowercase())
    };
    let agrees = |from: &Params, with: &Params| {
        from.iter().all(|(name, _)| {
            let name = percent_decode(name);
            match value(with, &name) {
                Some(there) => value(from, &name) == Some(there),
                None => !needed.iter().any(|needed| name.eq_ignore_ascii_case(needed)),
            }
        })
    };
    agrees(one, two) && agrees(two, one)
}

fn without_separators(number: &str) -> String {
    number.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')')).collect::<String>().to_ascii_lowercase()
}

fn read_scheme(text: &str) -> Result<Scheme, Problem> {
    let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    if !starts || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
        return Err(Problem::Uri);
    }
    let known = [("sip", Scheme::Sip), ("sips", Scheme::Sips), ("tel", Scheme::Tel)];
    let scheme =
        known.into_iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|(_, scheme)| scheme);
    Ok(scheme.unwrap_or_else(|| Scheme::Other(text.to_ascii_lowercase().into())))
}

impl FromStr for Uri {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        Self::read(text)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.scheme)?;
        f.write_str(self.user.as_deref().unwrap_or(""))?;
        if let Some(password) = &self.password {
            write!(f, ":{password}")?;
        }
        if let Some(host) = &self.host {
            write!(f, "{}{host}", if self.user.is_some() { "@" } else { "" })?;
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)?;
        match &self.headers {
            Some(headers) => write!(f, "?{headers}"),
            None => Ok(()),
        }
    }
}
