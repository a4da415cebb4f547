//! The dialog of a call: who, with which tags, where to, and the requests inside it (RFC 3261 section 12).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::PhoneInner;
use super::message::{Message, parameter, uri};

const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, REFER, NOTIFY, OPTIONS, INFO";

#[derive(Debug, Clone)]
pub(super) struct Dialog {
    pub(super) call_id: String,
    pub(super) local_tag: String,
    /// `None` until the far end has given one.
    pub(super) remote_tag: Option<String>,
    local: String,
    remote: String,
    /// Where requests go: the number at first, then the far end's `Contact`.
    target: String,
    /// The proxies in between, ours first (section 12.1): what `Route` says.
    routes: Vec<String>,
    cseq: u32,
    sdp_version: u32,
}

/// Which way media may flow (RFC 4566 section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Both,
    /// Hold: we send, the far end must not.
    SendOnly,
    /// The answer to a hold.
    ReceiveOnly,
}

impl Dialog {
    /// The dialog of an INVITE we send.
    pub(super) fn caller(number: &str, from: &str, server: std::net::SocketAddr) -> Self {
        let remote = format!("sip:{number}@{server}");
        Self {
            call_id: token(),
            local_tag: token(),
            remote_tag: None,
            local: from.to_owned(),
            remote: remote.clone(),
            target: remote,
            routes: Vec::new(),
            cseq: 0,
            sdp_version: 0,
        }
    }

    /// The dialog of an INVITE we got.
    pub(super) fn called(invite: &Message) -> Self {
        let header = |name| invite.header(name).unwrap_or("").to_owned();
        Self {
            call_id: invite.call_id().to_owned(),
            local_tag: token(),
            remote_tag: invite.tag("From").map(str::to_owned),
            local: uri(&header("To")).to_owned(),
            remote: uri(&header("From")).to_owned(),
            target: uri(&header("Contact")).to_owned(),
            routes: invite.record_routes(),
            cseq: 0,
            sdp_version: 0,
        }
    }

    /// The far end's tag and address, from a response to our INVITE or a re-INVITE.
    pub(super) fn learn(&mut self, message: &Message, tag_in: &str) {
        if self.remote_tag.is_none() {
            self.remote_tag = message.tag(tag_in).map(str::to_owned);
            // The answerer's proxies come last to first (section 12.1.2); a dialog keeps the way it began with.
            if message.status().is_some() {
                self.routes = message.record_routes();
                self.routes.reverse();
            }
        }
        if let Some(contact) = message.header("Contact") {
            uri(contact).clone_into(&mut self.target);
        }
    }

    /// A request was repeated under this number.
    pub(super) fn count_to(&mut self, cseq: u32) {
        self.cseq = self.cseq.max(cseq);
    }

    /// A new request in this dialog.
    pub(super) fn request(&mut self, phone: &PhoneInner, method: &str) -> Message {
        self.cseq += 1;
        let cseq = self.cseq;
        self.request_numbered(phone, method, cseq, phone.via())
    }

    /// CANCEL for our INVITE: same branch, same number, no tag of the far end (section 9.1).
    pub(super) fn cancel(&self, phone: &PhoneInner, invite: &Message) -> Message {
        let mut before_answer = self.clone();
        before_answer.remote_tag = None;
        before_answer.routes.clear();
        uri(invite.start_line.split(' ').nth(1).unwrap_or("")).clone_into(&mut before_answer.target);
        let via = invite.header("Via").unwrap_or("").to_owned();
        before_answer.request_numbered(phone, "CANCEL", invite.cseq(), via)
    }

    /// ACK: a transaction of its own after 2xx, part of the INVITE's after anything else (section 17.1.1.3).
    pub(super) fn ack(&self, phone: &PhoneInner, invite: &Message, response: &Message) -> Message {
        let success = response.status().is_some_and(|status| status < 300);
        let via = if success { phone.via() } else { invite.header("Via").unwrap_or("").to_owned() };
        let mut dialog = self.clone();
        if let Some(tag) = response.tag("To") {
            dialog.remote_tag = Some(tag.to_owned());
        }
        if !success && invite.tag("To").is_none() {
            dialog.routes.clear();
        }
        if !success {
            uri(invite.start_line.split(' ').nth(1).unwrap_or("")).clone_into(&mut dialog.target);
        }
        dialog.request_numbered(phone, "ACK", response.cseq(), via)
    }

    fn request_numbered(&self, phone: &PhoneInner, method: &str, cseq: u32, via: String) -> Message {
        let to_tag = self.remote_tag.as_ref().map_or(String::new(), |tag| format!(";tag={tag}"));
        let start = Message::new(format!("{method} {} SIP/2.0", self.target)).with("Via", via);
        self.routes
            .iter()
            .fold(start, |message, route| message.with("Route", route))
            .with("Max-Forwards", "70")
            .with("From", format!("<{}>;tag={}", self.local, self.local_tag))
            .with("To", format!("<{}>{to_tag}", self.remote))
            .with("Call-ID", self.call_id.clone())
            .with("CSeq", format!("{cseq} {method}"))
            .with("Contact", phone.contact())
            .with("Allow", ALLOW)
            .with("Supported", "replaces")
    }

    /// Offer or answer: PCMU and RFC 4733 digits.
    pub(super) fn sdp(&mut self, phone: &PhoneInner, port: u16, direction: Direction) -> String {
        self.sdp_version += 1;
        let direction = match direction {
            Direction::Both => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::ReceiveOnly => "recvonly",
        };
        let (ip, version) = (phone.ip, self.sdp_version);
        format!(
            "v=0\r\no=- 1 {version} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 101\r\n\
             a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\na={direction}\r\n"
        )
    }

    /// The `Refer-To` that makes the far end of another dialog replace this one (RFC 3891 section 3).
    pub(super) fn replaces(&self) -> String {
        let remote_tag = self.remote_tag.as_deref().unwrap_or("");
        // As a header inside a URI: `;` and `=` are escaped.
        format!("{}%3Bto-tag%3D{remote_tag}%3Bfrom-tag%3D{}", self.call_id, self.local_tag)
    }

    pub(super) fn local(&self) -> &str {
        &self.local
    }
}

/// A header of ours in a response that has a body or opens a dialog.
pub(super) fn as_answerer(response: Message, phone: &PhoneInner) -> Message {
    response.with("Contact", phone.contact()).with("Allow", ALLOW).with("Supported", "replaces")
}

/// The `Reason` of a CANCEL or BYE as Q.850 cause (RFC 3326).
pub(super) fn q850(message: &Message) -> Option<u16> {
    let reason = message.headers_named("Reason").find(|r| r.starts_with("Q.850"))?;
    parameter(reason, "cause")?.parse().ok()
}

/// A unique word: tags, branches and Call-IDs.
pub(super) fn token() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos());
    let pid = std::process::id();
    format!("{nanos:x}{pid:x}x{:x}", NEXT.fetch_add(1, Ordering::Relaxed))
}
