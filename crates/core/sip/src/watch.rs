//! Watching lines of another PBX: subscriptions (RFC 6665) to its dialog event package (RFC 4235).
//!
//! The watcher subscribes to each line, refreshes, answers challenges, follows forks, and tells what the
//! dialogs of a line are whenever that changed. What they mean is not its business. It has a transaction layer of its own:
//! the edge gives it the messages that [`Watcher::takes`].
//!
//! ```text
//!  Waiting ── SUBSCRIBE ─→ Asking ── 2xx or NOTIFY ─→ watched ⟲ refresh
//!     ↑  later                │ refused, silent           │ terminated, 481, over
//!     └───────────────────────┴───────────────────────────┘ told as Lost
//! ```

mod lifetime;
mod notifier;
mod watched;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::auth;
use crate::dialog_info::{Dialog, State};
use crate::flow::{Flow, Transmit};
use crate::message::{CSeq, Message, Method, Name, Request, Response, Uri};
use crate::random::Random;
use crate::time::Instant;
use crate::transaction::{self, ClientId, Event, Layer, ServerId};
use lifetime::Lifetime;
use notifier::{Fits, Notifier};
use watched::{Asked, Watched};

/// The package.
const PACKAGE: &str = "dialog";
/// What its documents are called.
const DOCUMENT: &str = "application/dialog-info+xml";
/// Peers that answer for one line, behind a proxy that forks.
const FORKS: usize = 8;
/// Between the subscriptions of two lines at the start: a PBX is not flooded.
const PACE: Duration = Duration::from_millis(5);
/// How long a first NOTIFY may take (RFC 6665 section 4.1.2.4: timer N).
const FIRST_NOTIFY: Duration = Duration::from_secs(32);

/// How subscriptions are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long one is asked for.
    pub expires: Duration,
    /// After the first failure it is tried again so much later, after each further one twice as much.
    pub retry: Duration,
    /// … and no more than this.
    pub retry_most: Duration,
    /// Timers of the transactions.
    pub transactions: transaction::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            expires: Duration::from_secs(600),
            retry: Duration::from_secs(2),
            retry_most: Duration::from_secs(300),
            transactions: transaction::Settings::default(),
        }
    }
}

/// A line that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What we call it.
    pub name: Box<str>,
    /// What the PBX calls it.
    pub uri: Uri,
    /// The PBX, by its name.
    pub peer: Box<str>,
}

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Its dialogs changed: all that there are, and those that just ended.
    Dialogs {
        /// The line.
        line: Box<str>,
        /// Its dialogs by their ids.
        dialogs: Vec<Dialog>,
    },
    /// Nothing is seen of it until its dialogs are told again.
    Lost {
        /// The line.
        line: Box<str>,
        /// The status that said so; none: silence, or the PBX ended the subscription.
        status: Option<u16>,
    },
}

/// What was seen since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Notifications that could not be read.
    pub unreadable: u64,
    /// Notifications older than what came before.
    pub late: u64,
    /// Notifications of no subscription of ours.
    pub stray: u64,
}

/// Watches lines.
#[derive(Debug)]
pub struct Watcher {
    settings: Settings,
    layer: Layer,
    random: Random,
    peers: BTreeMap<Box<str>, Peer>,
    lines: BTreeMap<Box<str>, Watched>,
    by_call: BTreeMap<Box<str>, Box<str>>,
    clients: BTreeMap<ClientId, Asked>,
    due: BTreeSet<(Instant, Box<str>)>,
    reports: VecDeque<Report>,
    counters: Counters,
}

#[derive(Debug)]
struct Peer {
    account: Option<auth::Client>,
    flows: Vec<Flow>,
    /// The one that is tried.
    at: usize,
}

impl Watcher {
    /// Watches nothing yet. The seed makes names and nonces.
    pub fn new(settings: Settings, seed: u64) -> Self {
        let mut random = Random::new(seed);
        Self {
            layer: Layer::new(settings.transactions.clone(), random.next()),
            settings,
            random,
            peers: BTreeMap::new(),
            lines: BTreeMap::new(),
            by_call: BTreeMap::new(),
            clients: BTreeMap::new(),
            due: BTreeSet::new(),
            reports: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// Who we are at a PBX, if it asks; those that are not named any more have no password.
    pub fn set_accounts<'a>(&mut self, accounts: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>) {
        self.peers.values_mut().for_each(|peer| peer.account = None);
        for (name, user, password) in accounts {
            let account = auth::Client::new(user, password, self.random.next());
            self.peer(name).account = Some(account);
        }
    }

    /// These lines are watched from now on, and no others.
    pub fn set_lines(&mut self, now: Instant, lines: Vec<Line>) {
        let wanted: BTreeMap<Box<str>, Line> =
            lines.into_iter().map(|line| (line.name.clone(), line)).collect();
        let gone = self.lines.iter().filter(|(name, watched)| wanted.get(*name) != Some(&watched.line));
        for name in gone.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.leave(now, &name);
        }
        let mut at = now;
        for (name, line) in wanted {
            if !self.lines.contains_key(&name) {
                let watched = Watched::new(line, self.settings.expires, at);
                self.lines.insert(name.clone(), watched);
                self.schedule(&name);
                at += PACE;
            }
        }
    }

    /// Where a PBX is; the first that answers is taken. With none its lines wait.
    pub fn set_flows(&mut self, now: Instant, peer: &str, flows: Vec<Flow>) {
        let known = self.peer(peer);
        if known.flows == flows {
            return;
        }
        let first = known.flows.is_empty();
        (known.flows, known.at) = (flows, 0);
        if first {
            self.wake(now, peer);
        }
    }

    /// Whether a message is for this watcher: an answer to a SUBSCRIBE, or a NOTIFY of a subscription of ours.
    pub fn takes(&self, message: &Message) -> bool {
        let headers = message.headers();
        match message {
            Message::Response(_) => headers.cseq().is_some_and(|cseq| cseq.method == Method::Subscribe),
            Message::Request(request) => {
                request.method == Method::Notify
                    && headers.call_id().is_some_and(|call_id| self.by_call.contains_key(call_id))
            }
        }
    }

    /// A message that [`Self::takes`] came.
    pub fn receive(&mut self, now: Instant, flow: Flow, message: Message) {
        self.layer.receive(now, flow, message);
        self.run(now);
    }

    /// A connection broke, or a datagram could not be sent.
    pub fn flow_failed(&mut self, now: Instant, flow: Flow) {
        self.layer.flow_failed(flow);
        self.run(now);
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Instant) {
        self.layer.tick(now);
        self.run(now);
        while let Some((_, name)) = self.due.first().filter(|(at, _)| *at <= now).cloned() {
            self.line_due(now, &name);
        }
    }

    /// When [`Self::tick`] has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        let own = self.due.first().map(|(at, _)| *at);
        [own, self.layer.next_deadline()].into_iter().flatten().min()
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.layer.poll_transmit()
    }

    /// What is to be told next.
    pub fn poll_report(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    /// What should be rare.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    fn peer(&mut self, name: &str) -> &mut Peer {
        self.peers.entry(name.into()).or_insert(Peer { account: None, flows: Vec::new(), at: 0 })
    }

    /// A PBX can be reached: its lines need not wait any longer.
    fn wake(&mut self, now: Instant, peer: &str) {
        let mut at = now;
        let waiting = |watched: &Watched| *watched.line.peer == *peer && watched.subscribe_at.is_some();
        let names: Vec<_> =
            self.lines.iter().filter(|(_, watched)| waiting(watched)).map(|(name, _)| name.clone()).collect();
        for name in names {
            if let Some(watched) = self.lines.get_mut(&name) {
                watched.subscribe_at = Some(at);
                at += PACE;
            }
            self.schedule(&name);
        }
    }

    fn run(&mut self, now: Instant) {
        while let Some(event) = self.layer.poll_event() {
            match event {
                Event::Request { id, request, flow } => self.notified(now, id, &request, &flow),
                Event::Response { id, response, .. } if response.is_final() => {
                    if let Some(asked) = self.clients.remove(&id) {
                        self.answered(now, asked, &response);
                    }
                }
                Event::TimedOut { id } | Event::Unreachable { id } => {
                    if let Some(asked) = self.clients.remove(&id) {
                        self.unanswered(now, &asked);
                    }
                }
                Event::Response { .. } | Event::Ack { .. } | Event::Cancelled { .. } => {}
            }
        }
    }

    /// Something of a line is due: its subscription, a refresh, or the end of one.
    fn line_due(&mut self, now: Instant, name: &str) {
        let Some(watched) = self.lines.get_mut(name) else { return };
        if watched.subscribe_at.is_some_and(|at| at <= now) {
            watched.subscribe_at = None;
            self.subscribe(now, name);
            return self.schedule(name);
        }
        let over = |notifier: &Notifier| notifier.ends <= now;
        let before = watched.notifiers.len();
        watched.notifiers.retain(|_, notifier| !over(notifier));
        if watched.notifiers.len() < before {
            self.notifier_left(now, name, Duration::ZERO, None);
        }
        let Some(watched) = self.lines.get_mut(name) else { return };
        let refresh = watched
            .notifiers
            .iter_mut()
            .find(|(_, notifier)| notifier.refresh_at.is_some_and(|at| at <= now));
        let tag = refresh.map(|(tag, notifier)| {
            notifier.refresh_at = None;
            tag.clone()
        });
        if let Some(tag) = tag {
            self.refresh(now, name, &tag);
        }
        self.schedule(name);
    }

    fn schedule(&mut self, name: &str) {
        let Some(watched) = self.lines.get_mut(name) else { return };
        let of_notifiers = watched.notifiers.values().map(Notifier::due).min();
        let due = [watched.subscribe_at, of_notifiers].into_iter().flatten().min();
        if due == watched.due {
            return;
        }
        if let Some(old) = std::mem::replace(&mut watched.due, due) {
            self.due.remove(&(old, name.into()));
        }
        if let Some(due) = due {
            self.due.insert((due, name.into()));
        }
    }

    /// A new subscription, with names of its own.
    fn subscribe(&mut self, now: Instant, name: &str) {
        let (call_id, tag) = (self.random.token(), self.random.token());
        let Some(watched) = self.lines.get_mut(name) else { return };
        let Some(peer) = self.peers.get(&watched.line.peer) else { return };
        let Some(flow) = peer.flows.get(peer.at.checked_rem(peer.flows.len()).unwrap_or(0)).copied() else {
            // Nobody knows where it is: woken when somebody does.
            watched.subscribe_at = Some(now + self.settings.retry_most);
            return;
        };
        self.by_call.remove(&watched.call_id);
        (watched.call_id, watched.tag, watched.asking) = (call_id.into(), tag.into(), true);
        self.by_call.insert(watched.call_id.clone(), name.into());
        let request = watched.request(&flow, None);
        self.send(now, name, None, request, flow);
    }

    fn refresh(&mut self, now: Instant, name: &str, tag: &str) {
        let Some(watched) = self.lines.get_mut(name) else { return };
        let Some(flow) = watched.notifiers.get(tag).map(Notifier::flow) else { return };
        let request = watched.request(&flow, Some(tag));
        self.send(now, name, Some(tag.into()), request, flow);
    }

    fn send(&mut self, now: Instant, name: &str, tag: Option<Box<str>>, mut request: Request, flow: Flow) {
        let Some(watched) = self.lines.get(name) else { return };
        let account = self.peers.get_mut(&watched.line.peer).and_then(|peer| peer.account.as_mut());
        if let Some(account) = account {
            account.authorize(&mut request);
        }
        let call_id = watched.call_id.clone();
        let client = self.layer.request(now, request.clone(), flow);
        let asked = Asked { line: name.into(), call_id, tag, request, flow, authorized: false };
        self.clients.insert(client, asked);
    }

    /// A final answer came.
    fn answered(&mut self, now: Instant, asked: Asked, response: &Response) {
        let name = asked.line.clone();
        let Some(watched) = self.lines.get_mut(&name).filter(|line| line.call_id == asked.call_id) else {
            return;
        };
        match response.status {
            200..=299 => {
                let expires = response.headers.expires().map_or(watched.expires, |seconds| {
                    Duration::from_secs(seconds.into()).min(watched.expires)
                });
                watched.accepted(now, &asked, response, expires);
                watched.failures = 0;
            }
            401 | 407 if !asked.authorized => return self.authorize(now, asked, response),
            423 => {
                let least = Duration::from_secs(response.headers.min_expires().unwrap_or(0).into());
                // Nobody needs more than a day; and a PBX must not have us ask for ever.
                if least > watched.expires && least <= Duration::from_secs(86_400) {
                    watched.expires = least;
                    watched.drop_asked(&asked);
                    self.again(now, &name, Duration::ZERO);
                } else {
                    self.refused(now, &asked, response);
                }
            }
            _ => self.refused(now, &asked, response),
        }
        self.schedule(&name);
    }

    fn authorize(&mut self, now: Instant, asked: Asked, response: &Response) {
        let Asked { line, tag, mut request, flow, .. } = asked;
        let Some(watched) = self.lines.get_mut(&line) else { return };
        let again = Asked {
            line: line.clone(),
            call_id: watched.call_id.clone(),
            tag,
            request: request.clone(),
            flow,
            authorized: true,
        };
        let account = self.peers.get_mut(&watched.line.peer).and_then(|peer| peer.account.as_mut());
        request.headers.remove(&Name::Via);
        let answered = account.is_some_and(|account| account.answer(&mut request, response).is_ok());
        if !answered {
            self.refused(now, &again, response);
            return self.schedule(&line);
        }
        watched.cseq += 1;
        let number = watched.cseq;
        request.headers.set(Name::CSeq, CSeq { number, method: Method::Subscribe }.to_string());
        let client = self.layer.request(now, request.clone(), flow);
        self.clients.insert(client, Asked { request, ..again });
    }

    /// It was refused: tried again, soon or late.
    fn refused(&mut self, now: Instant, asked: &Asked, response: &Response) {
        let Some(watched) = self.lines.get_mut(&asked.line) else { return };
        watched.drop_asked(asked);
        let after = match response.status {
            // The PBX forgot it, as after its restart.
            481 => Duration::ZERO,
            _ => response
                .headers
                .retry_after()
                .map_or(Duration::ZERO, |seconds| Duration::from_secs(seconds.into())),
        };
        if matches!(response.status, 500..=599) {
            self.elsewhere(&asked.line);
        }
        self.notifier_left(now, &asked.line, after, Some(response.status));
    }

    /// Nobody answered: elsewhere somebody may.
    fn unanswered(&mut self, now: Instant, asked: &Asked) {
        let Some(watched) = self.lines.get_mut(&asked.line).filter(|line| line.call_id == asked.call_id)
        else {
            return;
        };
        watched.drop_asked(asked);
        self.elsewhere(&asked.line);
        self.notifier_left(now, &asked.line, Duration::ZERO, None);
        self.schedule(&asked.line);
    }

    fn elsewhere(&mut self, name: &str) {
        let Some(watched) = self.lines.get(name) else { return };
        if let Some(peer) = self.peers.get_mut(&watched.line.peer) {
            peer.at = peer.at.wrapping_add(1);
        }
    }

    /// A peer speaks of a line no more. When it was the last, the line is lost and subscribed to again.
    fn notifier_left(&mut self, now: Instant, name: &str, after: Duration, status: Option<u16>) {
        let Some(watched) = self.lines.get_mut(name) else { return };
        if watched.asking || !watched.notifiers.is_empty() {
            return self.tell(name);
        }
        watched.told = None;
        if !std::mem::replace(&mut watched.lost, true) {
            self.reports.push_back(Report::Lost { line: name.into(), status });
        }
        self.again(now, name, after);
    }

    /// Subscribes anew, not sooner than `after` and the later the more often it failed.
    fn again(&mut self, now: Instant, name: &str, after: Duration) {
        let Some(watched) = self.lines.get_mut(name) else { return };
        let doubled = self.settings.retry * 2_u32.saturating_pow(watched.failures.min(16));
        watched.failures += 1;
        let after =
            doubled.max(after).min(self.settings.retry_most.max(after.min(Duration::from_secs(3_600))));
        // Lines that were lost together are not asked for together.
        let spread = Duration::from_micros(self.random.next() % 250_000);
        watched.subscribe_at = Some(now + after + spread);
        self.schedule(name);
    }

    /// A line is not watched any more. The PBX is told.
    fn leave(&mut self, now: Instant, name: &str) {
        let tags: Vec<Box<str>> = match self.lines.get_mut(name) {
            Some(watched) => {
                watched.expires = Duration::ZERO;
                watched.notifiers.keys().cloned().collect()
            }
            None => return,
        };
        for tag in tags {
            self.refresh(now, name, &tag);
        }
        if let Some(watched) = self.lines.remove(name) {
            self.by_call.remove(&watched.call_id);
            if let Some(due) = watched.due {
                self.due.remove(&(due, name.into()));
            }
            self.reports.push_back(Report::Lost { line: name.into(), status: None });
        }
    }

    /// A NOTIFY came.
    fn notified(&mut self, now: Instant, id: ServerId, request: &Request, flow: &Flow) {
        let status = self.notice(now, request, flow);
        let tag = request.tag_without_state();
        let mut answer = request.reply(status, "").with_to_tag(&tag);
        if status == 489 {
            answer.headers.push(Name::AllowEvents, PACKAGE);
        }
        self.layer.respond(now, id, answer);
    }

    /// Takes a notification in; the status of its answer (RFC 6665 section 4.1.3).
    fn notice(&mut self, now: Instant, request: &Request, flow: &Flow) -> u16 {
        let headers = &request.headers;
        let name = headers.call_id().and_then(|call_id| self.by_call.get(call_id)).cloned();
        let ours = headers.to_tag().map(Box::<str>::from);
        let theirs = headers.from_tag().map(Box::<str>::from);
        let watched = name.as_ref().and_then(|name| self.lines.get_mut(name));
        let (Some(name), Some(watched), Some(theirs)) = (&name, watched, theirs) else {
            self.counters.stray += 1;
            return 481;
        };
        if ours.as_ref() != Some(&watched.tag) {
            self.counters.stray += 1;
            return 481;
        }
        if !headers.event().is_some_and(|event| event.package.eq_ignore_ascii_case(PACKAGE)) {
            return 489;
        }
        let Some(lifetime) = Lifetime::read(headers.get(&Name::SubscriptionState)) else { return 400 };
        if !watched.notifiers.contains_key(&theirs) {
            if watched.notifiers.len() >= FORKS || (!watched.asking && watched.notifiers.is_empty()) {
                self.counters.stray += 1;
                return 481;
            }
            let notifier = Notifier::of_notify(request, flow, now + watched.expires, now);
            watched.notifiers.insert(theirs.clone(), notifier);
        }
        let Some(notifier) = watched.notifiers.get_mut(&theirs) else { return 481 };
        let fits = notifier.take(now, request, &lifetime);
        watched.asking = false;
        match fits {
            Fits::Late => {
                self.counters.late += 1;
                return 500;
            }
            Fits::Unreadable(status) => {
                self.counters.unreadable += 1;
                self.schedule(name);
                return status;
            }
            Fits::Taken => {}
        }
        self.tell(name);
        if let Lifetime::Over { again } = lifetime {
            if let Some(watched) = self.lines.get_mut(name) {
                watched.notifiers.remove(&theirs);
            }
            self.notifier_left(now, name, again, None);
        }
        self.schedule(name);
        200
    }

    /// Tells what changed.
    fn tell(&mut self, name: &str) {
        let Some(watched) = self.lines.get_mut(name) else { return };
        if !watched.notifiers.values().any(|notifier| notifier.whole) {
            return;
        }
        let dialogs = watched.dialogs();
        let live: Vec<Dialog> =
            dialogs.iter().filter(|dialog| dialog.state != State::Terminated).cloned().collect();
        let ended = live.len() < dialogs.len();
        if ended || watched.told.as_ref() != Some(&live) {
            (watched.told, watched.lost) = (Some(live), false);
            self.reports.push_back(Report::Dialogs { line: name.into(), dialogs });
        }
    }
}

#[cfg(test)]
mod tests;
