//! `"Display" <uri>;params`: From, To, Contact, Route and their kin.

use std::fmt;
use std::str::FromStr;

use super::Problem;
use super::params::{self, Params};
use super::scan::{is_token_char, quote, quoted_end, trim, unquote};
use super::uri::Uri;

/// A name, an address and parameters (RFC 3261 section 20.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameAddr {
    /// The name to show, without quotes and escapes; none when empty.
    pub display: Option<Box<str>>,
    /// The address.
    pub uri: Uri,
    /// The parameters of the header, not of the URI.
    pub params: Params,
}

impl NameAddr {
    /// An address without a name.
    pub fn new(uri: Uri) -> Self {
        Self { display: None, uri, params: Params::default() }
    }

    /// The same with a tag.
    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.params.set("tag", Some(tag));
        self
    }

    /// The tag, when there is one.
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }

    /// Reads one address.
    ///
    /// Lenient as RFC 4475 allows: a name may stand unquoted with any characters (section 3.1.2.15), white space
    /// inside the brackets is dropped (3.1.2.14). Strict where a guess could name another peer: an address without
    /// brackets must not hold `?` or `,` (3.1.2.13).
    pub(crate) fn read(text: &str) -> Result<Self, Problem> {
        let Parts { display, uri, params } = Parts::split(text)?;
        let display = Some(unquote(display)).filter(|name| !name.is_empty()).map(Into::into);
        Ok(Self { display, uri: Uri::read(uri)?, params: Params::read_header(params)? })
    }

    /// Whether [`NameAddr::read`] reads it, without keeping anything.
    pub(crate) fn check(text: &str) -> Result<(), Problem> {
        let Parts { display: _, uri, params } = Parts::split(text)?;
        Uri::check(uri)?;
        Params::check_header(params)
    }

    /// The tag of an address that was checked.
    pub(crate) fn tag_of(text: &str) -> Option<&str> {
        let params = Parts::split(text).ok()?.params;
        params::find(params, "tag").filter(|tag| !tag.is_empty())
    }
}

/// An address, taken apart.
struct Parts<'a> {
    /// The name as sent, with its quotes; may be empty.
    display: &'a str,
    uri: &'a str,
    /// From the first `;` on.
    params: &'a str,
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Result<Self, Problem> {
        let text = trim(text);
        if text.bytes().any(|byte| matches!(byte, b'\r' | b'\n')) {
            return Err(Problem::Address);
        }
        let (display, rest) = if text.starts_with('"') {
            let (name, rest) =
                quoted_end(text).and_then(|end| text.split_at_checked(end)).ok_or(Problem::Quote)?;
            (name, trim(rest).strip_prefix('<').ok_or(Problem::Address)?)
        } else {
            let Some((name, rest)) = text.split_once('<') else { return Self::bare(text) };
            if name.contains('"') {
                return Err(Problem::Quote);
            }
            (trim(name), rest)
        };
        let (uri, params) = rest.split_once('>').ok_or(Problem::Address)?;
        Ok(Self { display, uri: trim(uri), params })
    }

    /// Without brackets all parameters are the header's (RFC 3261 section 20).
    fn bare(text: &'a str) -> Result<Self, Problem> {
        let (uri, params) = text.split_at_checked(text.find(';').unwrap_or(text.len())).unwrap_or((text, ""));
        let uri = trim(uri);
        if uri.contains(['?', ',']) {
            return Err(Problem::Address);
        }
        Ok(Self { display: "", uri, params })
    }
}

impl FromStr for NameAddr {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        Self::read(text)
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            let plain = display.bytes().all(|byte| is_token_char(byte) || byte == b' ');
            match plain && trim(display).len() == display.len() {
                true => write!(f, "{display} ")?,
                false => write!(f, "{} ", quote(display))?,
            }
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}
