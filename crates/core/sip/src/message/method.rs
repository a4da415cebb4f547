//! The method of a request.

use std::fmt;
use std::str::FromStr as _;

/// What a request asks for.
///
/// rsip names the methods it knows; it reads them in any case, but a method is case-sensitive (RFC 3261 section
/// 7.1): `invite` is another method than `INVITE`. What rsip does not know is kept as sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Starts or changes a call.
    Invite,
    /// Acknowledges the final answer to an INVITE.
    Ack,
    /// Ends a call.
    Bye,
    /// Takes a request back.
    Cancel,
    /// Binds a contact to an address of record.
    Register,
    /// Asks what the peer can do; also a keep-alive.
    Options,
    /// Acknowledges a provisional answer (RFC 3262).
    Prack,
    /// Changes a session before or after it is answered (RFC 3311).
    Update,
    /// Carries application data in a dialog (RFC 6086).
    Info,
    /// Asks for a transfer (RFC 3515).
    Refer,
    /// Reports on a subscription (RFC 6665).
    Notify,
    /// Asks for reports (RFC 6665).
    Subscribe,
    /// Carries an instant message (RFC 3428).
    Message,
    /// Publishes event state (RFC 3903).
    Publish,
    /// Anything else, as sent.
    Other(Box<str>),
}

impl Method {
    /// Reads a token; the caller has checked that it is one.
    pub(crate) fn from_token(token: &str) -> Self {
        if token.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Self::Other(token.into());
        }
        rsip::Method::from_str(token).map_or_else(|_| Self::Other(token.into()), Self::from)
    }

    /// The token as it stands on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Register => "REGISTER",
            Self::Options => "OPTIONS",
            Self::Prack => "PRACK",
            Self::Update => "UPDATE",
            Self::Info => "INFO",
            Self::Refer => "REFER",
            Self::Notify => "NOTIFY",
            Self::Subscribe => "SUBSCRIBE",
            Self::Message => "MESSAGE",
            Self::Publish => "PUBLISH",
            Self::Other(token) => token,
        }
    }

    /// The token of a method rsip knows.
    pub(crate) fn known_name(method: rsip::Method) -> &'static str {
        match method {
            rsip::Method::Ack => "ACK",
            rsip::Method::Bye => "BYE",
            rsip::Method::Cancel => "CANCEL",
            rsip::Method::Info => "INFO",
            rsip::Method::Invite => "INVITE",
            rsip::Method::Message => "MESSAGE",
            rsip::Method::Notify => "NOTIFY",
            rsip::Method::Options => "OPTIONS",
            rsip::Method::PRack => "PRACK",
            rsip::Method::Publish => "PUBLISH",
            rsip::Method::Refer => "REFER",
            rsip::Method::Register => "REGISTER",
            rsip::Method::Subscribe => "SUBSCRIBE",
            rsip::Method::Update => "UPDATE",
        }
    }

    /// Whether a request of this method can start a dialog.
    pub const fn starts_dialog(&self) -> bool {
        matches!(self, Self::Invite | Self::Subscribe | Self::Refer)
    }
}

impl From<rsip::Method> for Method {
    fn from(method: rsip::Method) -> Self {
        match method {
            rsip::Method::Ack => Self::Ack,
            rsip::Method::Bye => Self::Bye,
            rsip::Method::Cancel => Self::Cancel,
            rsip::Method::Info => Self::Info,
            rsip::Method::Invite => Self::Invite,
            rsip::Method::Message => Self::Message,
            rsip::Method::Notify => Self::Notify,
            rsip::Method::Options => Self::Options,
            rsip::Method::PRack => Self::Prack,
            rsip::Method::Publish => Self::Publish,
            rsip::Method::Refer => Self::Refer,
            rsip::Method::Register => Self::Register,
            rsip::Method::Subscribe => Self::Subscribe,
            rsip::Method::Update => Self::Update,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
