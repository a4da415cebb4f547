//! `o=`: who described the session, and how often it changed. RFC 8866 section 5.2, RFC 3264 section 8.

use std::fmt;

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
