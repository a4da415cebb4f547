//! Who can be reached where (RFC 3261 section 10).
//!
//! The caller has authenticated the request and says for which address of record it is; the registrar keeps the
//! contacts and says what changed. A registration is evidence that a phone lives: it ends with its time, or with
//! the connection it came over.
//!
//! ```
//! use hookswitch_sip::registrar::{Change, Registrar, Settings};
//! use hookswitch_sip::{Flow, Instant, Limits, Message, parse};
//!
//! let bytes = b"REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n\
//!     From: <sip:alice@example.com>;tag=1\r\nTo: <sip:alice@example.com>\r\nCall-ID: 1\r\n\
//!     CSeq: 1 REGISTER\r\nContact: <sip:alice@192.0.2.9>\r\nExpires: 300\r\n\r\n";
//! let Message::Request(request) = parse(bytes, &Limits::default())? else { panic!("a request") };
//! let flow = Flow::udp("192.0.2.1:5060".parse()?, "192.0.2.9:5060".parse()?);
//!
//! let mut registrar = Registrar::new(Settings::default());
//! let answer = registrar.register(Instant::EPOCH, flow, "alice", &request);
//! assert_eq!(answer.status, 200);
//! assert!(matches!(registrar.poll_change(), Some(Change::Registered { .. })));
//! assert_eq!(registrar.contacts("alice", Instant::EPOCH).len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod binding;
mod wanted;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

pub use binding::Binding;

use crate::flow::Flow;
use crate::message::{Name, Request, Response, Uri};
use crate::time::Instant;
use wanted::{Refusal, Wanted};

/// How long registrations last, and how many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// A shorter one gets 423.
    pub min_expires: Duration,
    /// A longer one is shortened.
    pub max_expires: Duration,
    /// What a request that names no time gets.
    pub default_expires: Duration,
    /// Contacts of one address of record; one more displaces the one that ends first.
    pub max_contacts: usize,
    /// How often a phone behind NAT is asked to ping (RFC 5626 section 5.4), when it does outbound.
    pub flow_timer: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            min_expires: Duration::from_secs(60),
            max_expires: Duration::from_secs(3600),
            default_expires: Duration::from_secs(600),
            max_contacts: 10,
            flow_timer: Duration::from_secs(110),
        }
    }
}

/// What changed. A refresh changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A contact is new.
    Registered {
        /// Whose it is.
        aor: Box<str>,
        /// Where he can be reached.
        contact: Uri,
    },
    /// A contact is no more.
    Gone {
        /// Whose it was.
        aor: Box<str>,
        /// Where he could be reached.
        contact: Uri,
        /// Why.
        why: Gone,
    },
}

/// Why a contact is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// Its time was over and nobody refreshed it.
    Expired,
    /// The phone took it back.
    Removed,
    /// The same phone registered with another contact.
    Replaced,
    /// Too many contacts.
    Displaced,
    /// The connection it came over broke.
    FlowFailed,
}

/// All contacts of all addresses of record.
#[derive(Debug)]
pub struct Registrar {
    settings: Settings,
    bindings: BTreeMap<Box<str>, Vec<Binding>>,
    /// The earliest end of each address of record's contacts.
    ends: BTreeSet<(Instant, Box<str>)>,
    /// Whose contacts came over which connection.
    flows: BTreeSet<(Flow, Box<str>)>,
    changes: VecDeque<Change>,
    /// Whose contacts are not what whoever keeps them over a restart was told last.
    unkept: BTreeSet<Box<str>>,
}

impl Registrar {
    /// With nobody registered.
    pub const fn new(settings: Settings) -> Self {
        Self {
            settings,
            bindings: BTreeMap::new(),
            ends: BTreeSet::new(),
            flows: BTreeSet::new(),
            changes: VecDeque::new(),
            unkept: BTreeSet::new(),
        }
    }

    /// Takes over contacts that were kept from before a restart, as far as they can be reached still and their time
    /// is not over. Those that can not are to be kept no more.
    pub fn restore(&mut self, now: Instant, aor: &str, kept: Vec<Binding>) {
        self.unkept.insert(aor.into());
        for binding in kept.into_iter().filter_map(Binding::reopened).filter(|binding| binding.ends > now) {
            self.bind(aor, binding);
        }
    }

    /// Whose contacts changed next, a refresh included: what is kept of them over a restart is stale.
    pub fn poll_unkept(&mut self) -> Option<Box<str>> {
        self.unkept.pop_first()
    }

    /// Does what a REGISTER for an address of record asks (RFC 3261 section 10.3), all of it or nothing.
    ///
    /// The answer is 200 with all contacts, 400, 403 for too many contacts at once, 423 for too short a time, or 500
    /// for a request that was overtaken by a later one. The To-tag is left to the caller.
    pub fn register(&mut self, now: Instant, flow: Flow, aor: &str, request: &Request) -> Response {
        self.expire(now, aor);
        let known = self.bindings.get(aor).map(Vec::as_slice).unwrap_or_default();
        let wanted =
            match Wanted::read(now, flow, request, &self.settings).and_then(|wanted| wanted.check(known)) {
                Ok(wanted) => wanted,
                Err(refusal) => return self.refuse(request, &refusal),
            };
        let outbound = wanted.outbound;
        self.apply(now, aor, wanted);
        let mut answer = request.reply(200, "");
        for binding in self.contacts(aor, now) {
            answer.headers.push(Name::Contact, binding.to_contact(now));
        }
        if outbound {
            answer.headers.push(Name::Require, "outbound");
            answer.headers.push(Name::FlowTimer, self.settings.flow_timer.as_secs().to_string());
        }
        answer.headers.copy(&request.headers, &Name::Path);
        answer
    }

    /// Where somebody can be reached: the most preferred first, of equals the latest.
    pub fn contacts(&self, aor: &str, now: Instant) -> Vec<&Binding> {
        let mut contacts: Vec<_> =
            self.bindings.get(aor).into_iter().flatten().filter(|binding| binding.ends > now).collect();
        contacts.sort_by_key(|binding| std::cmp::Reverse((binding.q, binding.since)));
        contacts
    }

    /// Everybody who is registered.
    pub fn aors(&self) -> impl Iterator<Item = &str> {
        self.bindings.keys().map(|aor| &**aor)
    }

    /// Takes all contacts of somebody away, for example when he is no user any more.
    pub fn remove(&mut self, aor: &str) {
        self.drop_where(aor, Gone::Removed, |_| true);
    }

    /// A connection broke: what came over it cannot be reached (RFC 5626 section 4.2).
    pub fn flow_failed(&mut self, flow: Flow) {
        let next = |flows: &BTreeSet<(Flow, Box<str>)>| {
            flows.range((flow, Box::from(""))..).next().filter(|(known, _)| *known == flow).cloned()
        };
        while let Some(entry) = next(&self.flows) {
            self.drop_where(&entry.1, Gone::FlowFailed, |binding| binding.flow == flow);
            self.flows.remove(&entry);
        }
    }

    /// What changed next.
    pub fn poll_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// When the next contact ends.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.ends.first().map(|(end, _)| *end)
    }

    /// Ends what is over.
    pub fn tick(&mut self, now: Instant) {
        while let Some((end, aor)) = self.ends.first().cloned() {
            if end > now {
                return;
            }
            self.expire(now, &aor);
        }
    }

    fn refuse(&self, request: &Request, refusal: &Refusal) -> Response {
        match refusal {
            Refusal::Malformed => request.reply(400, ""),
            Refusal::TooMany => request.reply(403, "Too Many Contacts"),
            Refusal::OutOfOrder => request.reply(500, "Out Of Order"),
            Refusal::TooBrief => {
                request.reply(423, "").with(Name::MinExpires, self.settings.min_expires.as_secs().to_string())
            }
        }
    }

    fn apply(&mut self, now: Instant, aor: &str, wanted: Wanted) {
        if wanted.all_gone {
            return self.remove(aor);
        }
        for contact in wanted.contacts {
            if contact.ends <= now {
                self.drop_where(aor, Gone::Removed, |binding| binding.same_contact(&contact));
            } else {
                self.bind(aor, contact);
            }
        }
    }

    fn bind(&mut self, aor: &str, contact: Binding) {
        let old_end = self.first_end(aor);
        self.unkept.insert(aor.into());
        let list = self.bindings.entry(aor.into()).or_default();
        let place = list.iter().position(|binding| binding.same_contact(&contact));
        let mut changes = Vec::new();
        let mut gone = |contact, why| changes.push(Change::Gone { aor: aor.into(), contact, why });
        let registered = match place.and_then(|place| list.get_mut(place)) {
            Some(known) if known.uri.same(&contact.uri) => {
                let contact = Binding { since: known.since, ..contact.clone() };
                *known = contact;
                false
            }
            Some(known) => {
                gone(std::mem::replace(known, contact.clone()).uri, Gone::Replaced);
                true
            }
            None => {
                if list.len() >= self.settings.max_contacts {
                    let first = (0..list.len()).min_by_key(|at| list.get(*at).map(|binding| binding.ends));
                    gone(list.swap_remove(first.unwrap_or_default()).uri, Gone::Displaced);
                }
                list.push(contact.clone());
                true
            }
        };
        self.changes.extend(changes);
        if contact.flow.is_reliable() {
            self.flows.insert((contact.flow, aor.into()));
        }
        if registered {
            self.changes.push_back(Change::Registered { aor: aor.into(), contact: contact.uri });
        }
        self.set_end(aor, old_end);
    }

    fn expire(&mut self, now: Instant, aor: &str) {
        self.drop_where(aor, Gone::Expired, |binding| binding.ends <= now);
    }

    fn drop_where(&mut self, aor: &str, why: Gone, is_gone: impl Fn(&Binding) -> bool) {
        let old_end = self.first_end(aor);
        let Some(list) = self.bindings.get_mut(aor) else { return };
        let (gone, kept): (Vec<_>, Vec<_>) = std::mem::take(list).into_iter().partition(is_gone);
        *list = kept;
        if !gone.is_empty() {
            self.unkept.insert(aor.into());
        }
        for binding in &gone {
            let last = !list.iter().any(|kept| kept.flow == binding.flow);
            if last && binding.flow.is_reliable() {
                self.flows.remove(&(binding.flow, aor.into()));
            }
        }
        if list.is_empty() {
            self.bindings.remove(aor);
        }
        let changes =
            gone.into_iter().map(|binding| Change::Gone { aor: aor.into(), contact: binding.uri, why });
        self.changes.extend(changes);
        self.set_end(aor, old_end);
    }

    fn first_end(&self, aor: &str) -> Option<Instant> {
        self.bindings.get(aor)?.iter().map(|binding| binding.ends).min()
    }

    fn set_end(&mut self, aor: &str, old: Option<Instant>) {
        let new = self.first_end(aor);
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.ends.remove(&(old, aor.into()));
        }
        if let Some(new) = new {
            self.ends.insert((new, aor.into()));
        }
    }
}

#[cfg(test)]
mod tests;
