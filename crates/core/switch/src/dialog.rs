//! Dialogs: RFC 3261 section 12. What two user agents agree on beside the call itself: names, tags, order, and the way.
//!
//! ```text
//! our INVITE ──► early ──(2xx)──► confirmed ──(BYE)──► over
//! their INVITE ──(our 2xx)───────────▲
//! ```
//!
//! A dialog is early as long as the peer has no tag. A forked answer is a dialog of its own, made by [`Dialog::fork`].

use hookswitch_sip::{
    Flow, Transport,
    message::{CSeq, Headers, Method, Name, NameAddr, Request, Response, Uri},
};

use crate::switch::Destination;

/// What we can do, as it stands in Allow.
pub(crate) const ALLOW: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY, MESSAGE, REGISTER";
/// Extensions we understand, as they stand in Supported.
pub(crate) const SUPPORTED: &str = "timer, replaces, 100rel, norefersub";

/// A dialog, from our side.
#[derive(Debug, Clone)]
pub(crate) struct Dialog {
    call_id: Box<str>,
    local: NameAddr,
    remote: NameAddr,
    local_seq: u32,
    remote_seq: Option<u32>,
    routes: Vec<NameAddr>,
    /// The proxies that the peer registered through (RFC 3327): the route of what begins the dialog.
    path: Vec<NameAddr>,
    target: Uri,
    contact: Box<str>,
    flow: Flow,
    /// Answers go back to where requests came from: the peer registered from behind a NAT.
    pinned: bool,
    /// We began it, and choose the Call-ID.
    ours: bool,
}

/// Why a request cannot be part of a dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It names another dialog: 481.
    Unknown,
    /// It is older than what came before: 500 (RFC 3261 section 12.2.2).
    Old,
}

/// What stands in Contact on this flow.
pub(crate) fn contact_on(flow: &Flow) -> Box<str> {
    let local = flow.local;
    match flow.transport {
        Transport::Udp => format!("<sip:{local}>"),
        Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
            format!("<sip:{local};transport={}>", flow.transport.param())
        }
    }
    .into()
}

impl Dialog {
    /// The dialog that their INVITE would make, answered under this tag. None when it lacks what a dialog needs.
    pub(crate) fn incoming(invite: &Request, flow: &Flow, tag: &str, pinned: bool) -> Option<Self> {
        let headers = &invite.headers;
        Some(Self {
            call_id: headers.call_id()?.into(),
            local: headers.to()?.with_tag(tag),
            remote: headers.from()?,
            local_seq: 0,
            remote_seq: Some(headers.cseq()?.number),
            routes: headers.record_routes(),
            path: Vec::new(),
            target: headers.contacts().into_iter().next()?.uri,
            contact: contact_on(flow),
            flow: *flow,
            pinned,
            ours: false,
        })
    }

    /// The dialog that an INVITE of ours will make, if it is answered.
    pub(crate) fn outgoing(call_id: String, local: NameAddr, to: &Destination) -> Self {
        let Destination { target, flow, path, pinned, line: _, number: _ } = to.clone();
        let mut remote = target.clone();
        remote.params = Default::default();
        remote.headers = None;
        Self {
            call_id: call_id.into(),
            local,
            remote: NameAddr::new(remote),
            local_seq: 0,
            remote_seq: None,
            routes: path.clone(),
            path,
            target,
            contact: contact_on(&flow),
            flow,
            pinned,
            ours: true,
        }
    }

    /// The Call-ID.
    pub(crate) fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Our tag.
    pub(crate) fn local_tag(&self) -> &str {
        self.local.tag().unwrap_or_default()
    }

    /// Their tag; none while the dialog is early.
    pub(crate) fn remote_tag(&self) -> Option<&str> {
        self.remote.tag()
    }

    /// Whether we chose the Call-ID: who did waits longer after a glare (RFC 3261 section 14.1).
    pub(crate) const fn is_ours(&self) -> bool {
        self.ours
    }

    /// The header value of our Contact.
    pub(crate) fn contact(&self) -> &str {
        &self.contact
    }

    /// Whether these are the names of this dialog.
    pub(crate) fn is(&self, call_id: &str, local_tag: &str, remote_tag: &str) -> bool {
        *self.call_id == *call_id && self.local_tag() == local_tag && self.remote_tag() == Some(remote_tag)
    }

    /// Whether a request of theirs belongs here and comes in order. It counts as come from then on.
    pub(crate) fn accept(&mut self, request: &Request) -> Result<(), Misfit> {
        let headers = &request.headers;
        let number = headers.cseq().ok_or(Misfit::Unknown)?.number;
        if headers.call_id() != Some(&*self.call_id) || headers.to_tag() != self.local.tag() {
            return Err(Misfit::Unknown);
        }
        // A peer of RFC 2543 has no tag; one of an early dialog of ours is not known yet.
        if self.remote.tag().is_some() && headers.from_tag() != self.remote.tag() {
            return Err(Misfit::Unknown);
        }
        if matches!(request.method, Method::Ack | Method::Cancel) {
            return Ok(());
        }
        if self.remote_seq.is_some_and(|last| number <= last) {
            return Err(Misfit::Old);
        }
        self.remote_seq = Some(number);
        Ok(())
    }

    /// The target moves where Contact says (RFC 3261 section 12.2: target refresh).
    pub(crate) fn refresh(&mut self, headers: &Headers) {
        if let Some(contact) = headers.contacts().into_iter().next() {
            self.target = contact.uri;
        }
    }

    /// Where they moved a connection to: later messages go there.
    pub(crate) fn came_by(&mut self, flow: &Flow) {
        if self.pinned {
            self.flow = *flow;
        }
    }

    /// The dialog that an answer to our INVITE makes: the first, or one of a fork (RFC 3261 section 12.1.2).
    pub(crate) fn fork(&self, answer: &Response) -> Self {
        let mut dialog = self.clone();
        if let Some(to) = answer.headers.to() {
            dialog.remote = to;
        }
        dialog.routes = answer.headers.record_routes();
        dialog.routes.reverse();
        dialog.refresh(&answer.headers);
        dialog
    }

    /// Whether this answer is from the peer of this dialog: not from another branch of a fork.
    pub(crate) fn is_from(&self, answer: &Response) -> bool {
        self.remote.tag().is_none() || answer.headers.to_tag() == self.remote.tag()
    }

    /// An INVITE is sent again: nobody has answered it.
    pub(crate) fn restart(&mut self) {
        self.remote.params.remove("tag");
        self.routes.clone_from(&self.path);
    }

    /// Another peer is tried with the same INVITE.
    pub(crate) fn retarget(&mut self, to: &Destination) {
        self.path.clone_from(&to.path);
        self.restart();
        self.target = to.target.clone();
        self.flow = to.flow;
        self.contact = contact_on(&to.flow);
    }

    /// The next request of ours.
    pub(crate) fn request(&mut self, method: Method) -> Request {
        self.local_seq += 1;
        let number = self.local_seq;
        self.numbered(method, number)
    }

    /// The ACK of a 2xx to our INVITE of that number.
    pub(crate) fn ack(&self, number: u32) -> Request {
        self.numbered(Method::Ack, number)
    }

    fn numbered(&self, method: Method, number: u32) -> Request {
        let (uri, routes) = self.way();
        let mut headers = Headers::new();
        headers.push(Name::MaxForwards, "70");
        for route in routes {
            headers.push(Name::Route, route.to_string());
        }
        headers.push(Name::From, self.local.to_string());
        headers.push(Name::To, self.remote.to_string());
        headers.push(Name::CallId, &*self.call_id);
        headers.push(Name::CSeq, CSeq { number, method: method.clone() }.to_string());
        if matches!(method, Method::Invite | Method::Update | Method::Notify | Method::Refer) {
            headers.push(Name::Contact, &*self.contact);
        }
        if matches!(method, Method::Invite | Method::Update) {
            headers.push(Name::Allow, ALLOW);
        }
        Request { method, uri, headers, body: Default::default() }
    }

    /// Request-URI and Route (RFC 3261 section 12.2.1.1): a first hop without `lr` is a strict router.
    fn way(&self) -> (Uri, Vec<NameAddr>) {
        match self.routes.split_first() {
            Some((strict, rest)) if !strict.uri.params.has("lr") => {
                let mut uri = strict.uri.clone();
                uri.headers = None;
                let routes = rest.iter().cloned().chain([NameAddr::new(self.target.clone())]);
                (uri, routes.collect())
            }
            Some(_) | None => (self.target.clone(), self.routes.clone()),
        }
    }

    /// Where the next request goes: to the first hop, or the way the peer came where it is behind a NAT or named.
    pub(crate) fn flow(&self) -> Flow {
        let hop = self.routes.first().map_or(&self.target, |route| &route.uri);
        let ip = hop.host.as_ref().and_then(|host| host.ip());
        match ip.filter(|_| !self.pinned && hop.is_sip()) {
            Some(ip) => onward(&self.flow, ip, hop),
            None => self.flow,
        }
    }
}

/// The flow to an address that a URI names, from where another flow begins. RFC 3263 section 4.1 would take UDP where
/// no transport is named; a peer that came another way is there by that.
fn onward(from: &Flow, ip: std::net::IpAddr, uri: &Uri) -> Flow {
    let remote = (ip, uri.port.unwrap_or_else(|| from.transport.default_port())).into();
    if remote == from.remote { *from } else { Flow { remote, connection: None, ..*from } }
}
