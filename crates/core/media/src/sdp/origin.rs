//! `o=`: who described the session, and how often it changed. RFC 8866 section 5.2, RFC 3264 section 8.

use std::{fmt, net::IpAddr};

use super::Description;

/// `o=<user> <id> <version> IN IP4 <address>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// A name, or `-`.
    pub user: Box<str>,
    /// Numbers the session; digits, of any length.
    pub id: Box<str>,
    /// Goes up with every change; digits, of any length.
    pub version: Box<str>,
    /// `IN IP4 192.0.2.7`.
    pub place: Box<str>,
}

impl Origin {
    /// Reads the value of `o=`.
    pub fn parse(value: &str) -> Option<Self> {
        let mut words = value.splitn(4, ' ');
        let mut word = || words.next().filter(|word| !word.is_empty()).map(Box::from);
        Some(Self { user: word()?, id: word()?, version: word()?, place: word()? })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.user, self.id, self.version, self.place)
    }
}

/// Gives descriptions that we send in one dialog an origin of ours: the same session, whoever described it before, and
/// a version that goes up by one with every change and only then (RFC 3264 section 8).
#[derive(Debug, Clone)]
pub struct Originator {
    id: u64,
    address: IpAddr,
    version: u64,
    last: Option<Description>,
}

impl Originator {
    /// For one dialog; the id comes from a seed, the address is our own.
    pub fn new(id: u64, address: IpAddr) -> Self {
        // 62 bits: some phones read the number as a signed one.
        Self { id: id >> 2, address, version: 0, last: None }
    }

    /// Replaces the origin of what is about to be sent.
    pub fn stamp(&mut self, description: &mut Description) {
        let family = if self.address.is_ipv6() { "IP6" } else { "IP4" };
        let place = format!("IN {family} {}", self.address).into_boxed_str();
        let id = self.id.to_string().into_boxed_str();
        let origin = |version: u64| Origin {
            user: "hookswitch".into(),
            id: id.clone(),
            version: version.to_string().into_boxed_str(),
            place: place.clone(),
        };
        description.set_origin(&origin(self.version));
        if self.last.as_ref() != Some(description) {
            self.version += 1;
            description.set_origin(&origin(self.version));
        }
        self.last = Some(description.clone());
    }
}
