//! Names of headers.

use std::fmt;

macro_rules! names {
    ($($(#[$doc:meta])* $variant:ident = $long:literal $(, $short:literal)?;)*) => {
        /// The name of a header. Compact and long form are the same name, and case does not matter.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Name {
            $($(#[$doc])* #[doc = concat!("`", $long, "`")] $variant,)*
            /// Any other name, as sent.
            Other(Box<str>),
        }

        impl Name {
            /// Reads a name in any case and form.
            pub fn read(name: &str) -> Self {
                if name.len() == 1 {
                    return Self::read_compact(name);
                }
                $(if name.eq_ignore_ascii_case($long) { return Self::$variant; })*
                Self::Other(name.into())
            }

            fn read_compact(name: &str) -> Self {
                $($(if name.eq_ignore_ascii_case($short) { return Self::$variant; })?)*
                Self::Other(name.into())
            }

            /// The long name, as written on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $long,)*
                    Self::Other(name) => name,
                }
            }
        }
    };
}

names! {
    Via = "Via", "v";
    From = "From", "f";
    To = "To", "t";
    CallId = "Call-ID", "i";
    CSeq = "CSeq";
    MaxForwards = "Max-Forwards";
    Contact = "Contact", "m";
    ContentLength = "Content-Length", "l";
    ContentType = "Content-Type", "c";
    ContentEncoding = "Content-Encoding", "e";
    ContentDisposition = "Content-Disposition";
    Route = "Route";
    RecordRoute = "Record-Route";
    Path = "Path";
    Allow = "Allow";
    Accept = "Accept";
    AcceptEncoding = "Accept-Encoding";
    AcceptLanguage = "Accept-Language";
    Supported = "Supported", "k";
    Require = "Require";
    ProxyRequire = "Proxy-Require";
    Unsupported = "Unsupported";
    Authorization = "Authorization";
    WwwAuthenticate = "WWW-Authenticate";
    ProxyAuthorization = "Proxy-Authorization";
    ProxyAuthenticate = "Proxy-Authenticate";
    AuthenticationInfo = "Authentication-Info";
    Expires = "Expires";
    MinExpires = "Min-Expires";
    RetryAfter = "Retry-After";
    UserAgent = "User-Agent";
    Server = "Server";
    Warning = "Warning";
    Subject = "Subject", "s";
    Date = "Date";
    Timestamp = "Timestamp";
    Organization = "Organization";
    ReplyTo = "Reply-To";
    AlertInfo = "Alert-Info";
    CallInfo = "Call-Info";
    ErrorInfo = "Error-Info";
    InReplyTo = "In-Reply-To";
    MimeVersion = "MIME-Version";
    Priority = "Priority";
    ContentLanguage = "Content-Language";
    Event = "Event", "o";
    AllowEvents = "Allow-Events", "u";
    SubscriptionState = "Subscription-State";
    RAck = "RAck";
    RSeq = "RSeq";
    ReferTo = "Refer-To", "r";
    ReferredBy = "Referred-By", "b";
    Replaces = "Replaces";
    SessionExpires = "Session-Expires", "x";
    MinSe = "Min-SE";
    PAssertedIdentity = "P-Asserted-Identity";
    PPreferredIdentity = "P-Preferred-Identity";
    RemotePartyId = "Remote-Party-ID";
    Privacy = "Privacy";
    Diversion = "Diversion";
    HistoryInfo = "History-Info";
    UserToUser = "User-to-User";
    Reason = "Reason";
    Identity = "Identity", "y";
    AcceptContact = "Accept-Contact", "a";
    RejectContact = "Reject-Contact", "j";
    RequestDisposition = "Request-Disposition", "d";
    SipEtag = "SIP-ETag";
    SipIfMatch = "SIP-If-Match";
    FlowTimer = "Flow-Timer";
    ServiceRoute = "Service-Route";
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        Self::read(name)
    }
}
