//! Answers.

use bytes::Bytes;

use super::headers::Headers;
use super::name::Name;
use super::{Request, Response};

impl Request {
    /// An answer: Via lines, From, To, Call-ID and CSeq are the request's (RFC 3261 section 8.2.6.2), Timestamp too
    /// in a 100.
    ///
    /// An empty `reason` becomes the usual phrase. The To-tag is left to the caller, see
    /// [`Response::with_to_tag`].
    pub fn reply(&self, status: u16, reason: &str) -> Response {
        let mut headers = Headers::new();
        for name in [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq] {
            headers.copy(&self.headers, &name);
        }
        if status == 100 {
            headers.copy(&self.headers, &Name::Timestamp);
        }
        let reason = if reason.is_empty() { reason_phrase(status) } else { reason };
        Response { status, reason: reason.into(), headers, body: Bytes::new() }
    }
}

impl Response {
    /// The same with a To-tag, unless it has one.
    #[must_use]
    pub fn with_to_tag(mut self, tag: &str) -> Self {
        // What stands there is kept as sent: a peer may compare it byte by byte.
        if let Some(to) = self.headers.get(&Name::To)
            && self.headers.to_tag().is_none()
        {
            let tagged = format!("{to};tag={tag}");
            self.headers.set(Name::To, tagged);
        }
        self
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: impl Into<Name>, value: impl Into<String>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// The same with a body.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.headers.set(Name::ContentType, content_type);
        self.body = body.into();
        self
    }
}

/// The phrase the RFCs give a status. rsip prints names run together (`BusyHere`), so the phrases are ours.
pub const fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        199 => "Early Dialog Terminated",
        200 => "OK",
        202 => "Accepted",
        204 => "No Notification",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        305 => "Use Proxy",
        380 => "Alternative Service",
        400..=499 => client_error(status),
        500 => "Server Internal Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        580 => "Precondition Failure",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        607 => "Unwanted",
        _ => "Unknown",
    }
}

const fn client_error(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        412 => "Conditional Request Failed",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        421 => "Extension Required",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        428 => "Use Identity Header",
        429 => "Provide Referrer Identity",
        433 => "Anonymity Disallowed",
        439 => "First Hop Lacks Outbound Support",
        469 => "Bad Info Package",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        485 => "Ambiguous",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        493 => "Undecipherable",
        494 => "Security Agreement Required",
        _ => "Client Error",
    }
}
