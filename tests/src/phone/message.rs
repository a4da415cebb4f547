//! SIP messages as the scripted phones need them: read leniently, written strictly.

use std::fmt::Write as _;

/// A request or response (RFC 3261 section 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// `INVITE sip:… SIP/2.0` or `SIP/2.0 200 OK`.
    pub start_line: String,
    headers: Vec<(String, String)>,
    /// An SDP, a `message/sipfrag`, or nothing.
    pub body: String,
}

impl Message {
    /// A message without headers.
    #[must_use]
    pub fn new(start_line: impl Into<String>) -> Self {
        Self { start_line: start_line.into(), headers: Vec::new(), body: String::new() }
    }

    /// Adds a header at the end.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same request once more: another transaction, another number.
    #[must_use]
    pub fn again(&self, via: &str, cseq: u32) -> Self {
        let mut again = self.clone();
        for (name, value) in &mut again.headers {
            match name.as_str() {
                "Via" => via.clone_into(value),
                "CSeq" => *value = format!("{cseq} {}", self.method()),
                _ => {}
            }
        }
        again
    }

    /// Sets the body and its type.
    #[must_use]
    pub fn with_body(self, content_type: &str, body: impl Into<String>) -> Self {
        let mut message = self.with("Content-Type", content_type);
        message.body = body.into();
        message
    }

    /// Reads a datagram; `None` for a keep-alive or anything else without a start line.
    #[must_use]
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(datagram);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.split("\r\n");
        let start_line = lines.next().filter(|line| line.contains("SIP/2.0"))?;
        let mut message = Self::new(start_line);
        message.body = body.to_owned();
        for line in lines {
            if let Some((name, value)) = line.split_once(':') {
                message.headers.push((long_name(name.trim()).to_owned(), value.trim().to_owned()));
            }
        }
        Some(message)
    }

    /// The bytes to send, with `Content-Length`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.start_line);
        for (name, value) in &self.headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let _ = write!(text, "Content-Length: {}\r\n\r\n{}", self.body.len(), self.body);
        text.into_bytes()
    }

    /// The first header of this name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.as_str())
    }

    /// All headers of this name, in order.
    pub fn headers_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The proxies that stay in the way of a dialog, in the order of the message (RFC 3261 section 20.30).
    #[must_use]
    pub fn record_routes(&self) -> Vec<String> {
        let all = self.headers_named("Record-Route");
        all.flat_map(|header| header.split(',')).map(|route| route.trim().to_owned()).collect()
    }

    /// The status of a response; `None` for a request.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.start_line.strip_prefix("SIP/2.0 ")?.split(' ').next()?.parse().ok()
    }

    /// The method of a request, or the one a response is for.
    #[must_use]
    pub fn method(&self) -> &str {
        match self.status() {
            Some(_) => self.header("CSeq").and_then(|v| v.split_whitespace().nth(1)).unwrap_or(""),
            None => self.start_line.split(' ').next().unwrap_or(""),
        }
    }

    /// The number in `CSeq`.
    #[must_use]
    pub fn cseq(&self) -> u32 {
        self.header("CSeq").and_then(|v| v.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    /// `branch` of the topmost `Via`: the transaction.
    #[must_use]
    pub fn branch(&self) -> &str {
        self.header("Via").and_then(|via| parameter(via, "branch")).unwrap_or("")
    }

    /// `Call-ID`: with the tags, the dialog.
    #[must_use]
    pub fn call_id(&self) -> &str {
        self.header("Call-ID").unwrap_or("")
    }

    /// `tag` of `From` or `To`.
    #[must_use]
    pub fn tag(&self, header: &str) -> Option<&str> {
        parameter(self.header(header)?, "tag")
    }

    /// A response to this request (RFC 3261 section 8.2.6) with our tag in `To`.
    #[must_use]
    pub fn response(&self, status: u16, reason: &str, tag: &str) -> Self {
        let mut response = Self::new(format!("SIP/2.0 {status} {reason}"));
        for via in self.headers_named("Via") {
            response = response.with("Via", via);
        }
        let to = self.header("To").unwrap_or("");
        let to = if status == 100 || parameter(to, "tag").is_some() {
            to.to_owned()
        } else {
            format!("{to};tag={tag}")
        };
        for route in self.headers_named("Record-Route") {
            response = response.with("Record-Route", route);
        }
        response
            .with("From", self.header("From").unwrap_or(""))
            .with("To", to)
            .with("Call-ID", self.call_id())
            .with("CSeq", self.header("CSeq").unwrap_or(""))
    }
}

/// The URI of a `From`, `To` or `Contact`, without angle brackets and header parameters.
#[must_use]
pub fn uri(value: &str) -> &str {
    match value.split_once('<') {
        Some((_, rest)) => rest.split('>').next().unwrap_or(rest),
        None => value.split(';').next().unwrap_or(value).trim(),
    }
}

/// The user part of such a value: the number.
#[must_use]
pub fn user(value: &str) -> &str {
    let uri = uri(value);
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    rest.split(['@', ';']).next().unwrap_or(rest)
}

/// A parameter after the URI.
#[must_use]
pub fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let after_uri = value.rsplit_once('>').map_or(value, |(_, rest)| rest);
    after_uri.split(';').skip(1).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Compact header names (RFC 3261 section 7.3.3).
fn long_name(name: &str) -> &str {
    match name.to_ascii_lowercase().as_str() {
        "v" => "Via",
        "f" => "From",
        "t" => "To",
        "i" => "Call-ID",
        "m" => "Contact",
        "c" => "Content-Type",
        "l" => "Content-Length",
        "r" => "Refer-To",
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &[u8] =
        b"INVITE sip:1001@127.0.0.1:5 SIP/2.0\r\nv: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bKa\r\n\
        From: \"ACME; GmbH\" <sip:+4930555@127.0.0.1;user=phone>;tag=abc\r\nTo: <sip:1001@127.0.0.1>\r\n\
        i: x1\r\nCSeq: 7 INVITE\r\n\r\nv=0\r\n";

    #[test]
    fn request_is_read_with_compact_names_and_parameters() {
        let invite = Message::parse(INVITE).unwrap();
        assert_eq!((invite.method(), invite.cseq(), invite.status()), ("INVITE", 7, None));
        assert_eq!((invite.branch(), invite.call_id()), ("z9hG4bKa", "x1"));
        assert_eq!((invite.tag("From"), invite.tag("To")), (Some("abc"), None));
        assert_eq!(user(invite.header("from").unwrap()), "+4930555");
        assert_eq!(invite.body, "v=0\r\n");
    }

    #[test]
    fn response_copies_what_identifies_the_transaction() {
        let invite = Message::parse(INVITE).unwrap();
        let ringing = Message::parse(&invite.response(180, "Ringing", "mine").to_bytes()).unwrap();
        assert_eq!((ringing.status(), ringing.method(), ringing.branch()), (Some(180), "INVITE", "z9hG4bKa"));
        assert_eq!(ringing.tag("To"), Some("mine"));
    }

    #[test]
    fn noise_is_not_a_message() {
        assert_eq!(Message::parse(b"\r\n\r\n"), None);
        assert_eq!(Message::parse(&[0xff, 0x00]), None);
    }
}
