//! One who answers for a line: a dialog of the subscription, and what it told last.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{DOCUMENT, lifetime::Lifetime};
use crate::dialog_info::{Dialog, DialogInfo, State};
use crate::flow::Flow;
use crate::message::{Headers, NameAddr, Request, Response, Uri};
use crate::time::Instant;

/// Dialogs of one line that are remembered.
const DIALOGS: usize = 128;
/// Documents that do not fit are asked for again so much later: a PBX that counts wrongly is not asked all the time.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// One who answers for a line.
#[derive(Debug)]
pub(super) struct Notifier {
    target: Uri,
    routes: Vec<NameAddr>,
    flow: Flow,
    cseq: Option<u32>,
    version: Option<u32>,
    /// Whether all dialogs were told: until then what is known is not to be believed.
    pub(super) whole: bool,
    pub(super) dialogs: BTreeMap<Box<str>, Dialog>,
    pub(super) refresh_at: Option<Instant>,
    pub(super) ends: Instant,
}

/// What a notification is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fits {
    /// It was taken in.
    Taken,
    /// It is older than what came before.
    Late,
    /// It cannot be used: the status that says why.
    Unreadable(u16),
}

impl Notifier {
    /// By its answer to the SUBSCRIBE.
    pub(super) fn of_answer(response: &Response, flow: &Flow, ends: Instant) -> Self {
        let mut routes = response.headers.record_routes();
        routes.reverse();
        Self::new(&response.headers, routes, flow, ends)
    }

    /// By its first NOTIFY, which may overtake the answer.
    pub(super) fn of_notify(request: &Request, flow: &Flow, ends: Instant, now: Instant) -> Self {
        let mut notifier = Self::new(&request.headers, request.headers.record_routes(), flow, ends);
        notifier.lasts(now, ends.since(now));
        notifier
    }

    fn new(headers: &Headers, routes: Vec<NameAddr>, flow: &Flow, ends: Instant) -> Self {
        let contact = headers.contacts().into_iter().next().map(|contact| contact.uri);
        let target = contact.or_else(|| headers.to().map(|to| to.uri));
        Self {
            target: target
                .unwrap_or_else(|| Uri::sip(None, flow.remote.ip().into(), Some(flow.remote.port()))),
            routes,
            flow: *flow,
            cseq: None,
            version: None,
            whole: false,
            dialogs: BTreeMap::new(),
            refresh_at: None,
            ends,
        }
    }

    /// It lasts so long from now: it is refreshed before, a fifth of the time or a minute.
    pub(super) fn lasts(&mut self, now: Instant, expires: Duration) {
        self.ends = now + expires;
        let before = (expires / 5).min(Duration::from_secs(60));
        self.refresh_at = Some(now + (expires - before).max(Duration::from_secs(1)));
    }

    pub(super) fn due(&self) -> Instant {
        self.refresh_at.map_or(self.ends, |at| at.min(self.ends))
    }

    /// Where requests of ours go: the way its own came.
    pub(super) const fn flow(&self) -> Flow {
        self.flow
    }

    /// Request-URI and Route (RFC 3261 section 12.2.1.1).
    pub(super) fn way(&self) -> (Uri, Vec<NameAddr>) {
        match self.routes.split_first() {
            Some((strict, rest)) if !strict.uri.params.has("lr") => {
                let routes = rest.iter().cloned().chain([NameAddr::new(self.target.clone())]);
                (strict.uri.clone(), routes.collect())
            }
            Some(_) | None => (self.target.clone(), self.routes.clone()),
        }
    }

    /// Takes a notification in.
    pub(super) fn take(&mut self, now: Instant, request: &Request, lifetime: &Lifetime) -> Fits {
        let headers = &request.headers;
        let number = headers.cseq().map_or(0, |cseq| cseq.number);
        if self.cseq.is_some_and(|last| number <= last) {
            return Fits::Late;
        }
        self.cseq = Some(number);
        if let Some(contact) = headers.contacts().into_iter().next() {
            self.target = contact.uri;
        }
        if let Lifetime::Lasts(expires) = lifetime {
            let expires = expires.unwrap_or_else(|| self.ends.since(now));
            self.lasts(now, expires);
        }
        if request.body.is_empty() {
            return Fits::Taken;
        }
        if headers.content_type().as_deref() != Some(DOCUMENT) {
            return Fits::Unreadable(415);
        }
        match DialogInfo::parse(&request.body) {
            Ok(info) => self.learn(now, info),
            Err(_) => {
                // What is believed may be wrong from here on: the whole is asked for.
                self.ask_at(now + ASK_AGAIN);
                return Fits::Unreadable(400);
            }
        }
        Fits::Taken
    }

    /// A whole document replaces what was known. One with changes must be the next (RFC 4235 section 3.7.2).
    fn learn(&mut self, now: Instant, info: DialogInfo) {
        let next = self.version.is_some_and(|last| last.checked_add(1) == Some(info.version));
        if info.full {
            let gone: Vec<Dialog> = self.dialogs.values().cloned().map(ended).collect();
            self.dialogs.clear();
            self.dialogs.extend(gone.into_iter().map(|dialog| (dialog.id.clone(), dialog)));
            self.whole = true;
        } else if !self.whole || (!next && self.version.is_some_and(|last| info.version > last)) {
            self.ask_at(now + ASK_AGAIN);
            return;
        } else if !next {
            return; // Known already.
        }
        self.version = Some(info.version);
        for dialog in info.dialogs {
            if self.dialogs.len() < DIALOGS || self.dialogs.contains_key(&dialog.id) {
                self.dialogs.insert(dialog.id.clone(), dialog);
            }
        }
    }

    fn ask_at(&mut self, at: Instant) {
        self.refresh_at = Some(self.refresh_at.map_or(at, |known| known.min(at)));
    }
}

/// It is not there any more, and nobody said why.
fn ended(dialog: Dialog) -> Dialog {
    Dialog { state: State::Terminated, why: None, code: None, ..dialog }
}
