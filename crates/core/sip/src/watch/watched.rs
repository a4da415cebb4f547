//! A line that is watched, and what was asked for it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::notifier::Notifier;
use super::{DOCUMENT, FIRST_NOTIFY, Line, PACKAGE};
use crate::dialog_info::{Dialog, State};
use crate::flow::{Flow, Transport};
use crate::message::{CSeq, Host, Method, Name, NameAddr, Request, Response, Uri};
use crate::time::Instant;

/// A request of ours that is open.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) line: Box<str>,
    pub(super) call_id: Box<str>,
    /// The peer it refreshes; none: the first of a subscription.
    pub(super) tag: Option<Box<str>>,
    pub(super) request: Request,
    pub(super) flow: Flow,
    pub(super) authorized: bool,
}

/// A line, and its subscription.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) line: Line,
    pub(super) call_id: Box<str>,
    pub(super) tag: Box<str>,
    pub(super) cseq: u32,
    pub(super) expires: Duration,
    /// When it is subscribed to, while it is not.
    pub(super) subscribe_at: Option<Instant>,
    pub(super) asking: bool,
    pub(super) notifiers: BTreeMap<Box<str>, Notifier>,
    pub(super) failures: u32,
    /// Its entry among what is due.
    pub(super) due: Option<Instant>,
    /// What was told last; none while it is lost, or nothing is known yet.
    pub(super) told: Option<Vec<Dialog>>,
    pub(super) lost: bool,
}

impl Watched {
    pub(super) fn new(line: Line, expires: Duration, at: Instant) -> Self {
        Self {
            line,
            call_id: "".into(),
            tag: "".into(),
            cseq: 0,
            expires,
            subscribe_at: Some(at),
            asking: false,
            notifiers: BTreeMap::new(),
            failures: 0,
            due: None,
            told: None,
            lost: false,
        }
    }

    /// A SUBSCRIBE: the first, or to one of those who answered it.
    pub(super) fn request(&mut self, flow: &Flow, tag: Option<&str>) -> Request {
        self.cseq += 1;
        let (uri, routes, to) =
            match tag.and_then(|tag| self.notifiers.get(tag).map(|notifier| (tag, notifier))) {
                Some((tag, notifier)) => {
                    let (uri, routes) = notifier.way();
                    (uri, routes, NameAddr::new(self.line.uri.clone()).with_tag(tag))
                }
                None => (self.line.uri.clone(), Vec::new(), NameAddr::new(self.line.uri.clone())),
            };
        let mut request = Request::new(Method::Subscribe, uri);
        let own = Uri::sip(Some("hookswitch"), Host::from(flow.local.ip()), Some(flow.local.port()));
        let contact = match flow.transport {
            Transport::Udp => format!("<{own}>"),
            Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
                format!("<{own};transport={}>", flow.transport.param())
            }
        };
        let headers = &mut request.headers;
        headers.push(Name::MaxForwards, "70");
        for route in routes {
            headers.push(Name::Route, route.to_string());
        }
        headers.push(Name::From, NameAddr::new(own).with_tag(&self.tag).to_string());
        headers.push(Name::To, to.to_string());
        headers.push(Name::CallId, &*self.call_id);
        headers.push(Name::CSeq, CSeq { number: self.cseq, method: Method::Subscribe }.to_string());
        headers.push(Name::Contact, contact);
        headers.push(Name::Event, PACKAGE);
        headers.push(Name::Accept, DOCUMENT);
        headers.push(Name::Expires, self.expires.as_secs().to_string());
        request
    }

    /// A 2xx: the subscription stands, or goes on, for so long.
    pub(super) fn accepted(&mut self, now: Instant, asked: &Asked, response: &Response, expires: Duration) {
        let tag = response.headers.to_tag().map(Box::<str>::from);
        let Some(tag) = asked.tag.clone().or(tag) else { return };
        self.asking = false;
        let fresh = !self.notifiers.contains_key(&tag);
        let notifier = self
            .notifiers
            .entry(tag)
            .or_insert_with(|| Notifier::of_answer(response, &asked.flow, now + FIRST_NOTIFY));
        if fresh {
            // Without a NOTIFY it is no subscription, whatever the answer says.
            notifier.refresh_at = None;
        } else {
            notifier.lasts(now, expires);
        }
    }

    /// What a request was for is over.
    pub(super) fn drop_asked(&mut self, asked: &Asked) {
        match &asked.tag {
            Some(tag) => drop(self.notifiers.remove(tag)),
            None => self.asking = false,
        }
    }

    /// The dialogs of all who answer for the line; of one that several tell, the furthest.
    pub(super) fn dialogs(&mut self) -> Vec<Dialog> {
        let mut all: BTreeMap<Box<str>, Dialog> = BTreeMap::new();
        for notifier in self.notifiers.values_mut() {
            for dialog in notifier.dialogs.values() {
                let live = |dialog: &Dialog| (dialog.state != State::Terminated, dialog.state);
                match all.get(&dialog.id) {
                    Some(known) if live(known) >= live(dialog) => {}
                    Some(_) | None => drop(all.insert(dialog.id.clone(), dialog.clone())),
                }
            }
            notifier.dialogs.retain(|_, dialog| dialog.state != State::Terminated);
        }
        all.into_values().collect()
    }
}
