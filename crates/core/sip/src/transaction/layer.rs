//! The layer: finds the transaction, steps its machine, does what the step says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use super::client::{self, Cancel, Client};
use super::server::{self, Repeat, Server};
use super::table::{Handle, Table};
use super::timers::{Owner, Timers};
use super::{ClientId, Counters, Event, ServerId, Settings, key, route};
use crate::flow::{Flow, Transmit};
use crate::message::{Host, MAGIC_COOKIE, Message, Method, Name, Request, Response, Via};
use crate::random::Random;
use crate::time::Instant;

/// All transactions of one SIP endpoint.
///
/// Put messages, requests, answers and time in; after each, poll [`Layer::poll_transmit`] and
/// [`Layer::poll_event`] until both are empty.
#[derive(Debug)]
pub struct Layer {
    settings: Settings,
    random: Random,
    servers: Table<Server>,
    by_key: BTreeMap<Box<str>, Handle>,
    /// Requests outside a dialog by what every copy of them has.
    by_origin: BTreeMap<Box<str>, Handle>,
    clients: Table<Client>,
    by_flow: BTreeSet<(Flow, Handle)>,
    timers: Timers,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    counters: Counters,
}

impl Layer {
    /// A layer with no transactions. The seed makes branches and tags: give each process another one.
    pub fn new(settings: Settings, seed: u64) -> Self {
        Self {
            settings,
            random: Random::new(seed),
            servers: Table::new(),
            by_key: BTreeMap::new(),
            by_origin: BTreeMap::new(),
            clients: Table::new(),
            by_flow: BTreeSet::new(),
            timers: Timers::default(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// Takes in a message that came over a flow.
    pub fn receive(&mut self, now: Instant, flow: Flow, message: Message) {
        match message {
            Message::Request(request) => self.receive_request(now, flow, request),
            Message::Response(response) => self.receive_response(now, flow, response),
        }
    }

    /// Sends a request of ours: adds a Via on top, Max-Forwards when it is missing, and repeats it as the transport
    /// needs. An ACK is sent by [`Layer::transmit`], a CANCEL by [`Layer::cancel`].
    pub fn request(&mut self, now: Instant, mut request: Request, flow: Flow) -> ClientId {
        let handle = self.clients.next_handle();
        // The place in the table is part of the branch: a response finds its transaction without a search.
        let branch =
            format!("{MAGIC_COOKIE}{:016x}{:x}.{:x}", self.random.next(), handle.index, handle.generation);
        self.add_via(&mut request, &flow, &branch);
        let bytes = request.to_bytes();
        let repeat = (!flow.is_reliable()).then(|| Repeat::after(now, self.settings.t1));
        let ends = now + self.settings.t1 * 64;
        let invite = request.method == Method::Invite;
        let client = Client {
            branch: branch.into(),
            method: request.method.clone(),
            flow,
            state: client::State::Trying { request: bytes.clone(), repeat, ends },
            bones: invite.then(|| Box::new(bones(&request))),
            cancel: Cancel::No,
            due: None,
        };
        let handle = self.clients.insert(client);
        self.by_flow.insert((flow, handle));
        self.transmits.push_back(Transmit { flow, bytes });
        self.set_client_timer(handle);
        ClientId(handle)
    }

    /// Takes an INVITE of ours back: at once when a provisional answer came, else as soon as one comes. Does nothing
    /// when it is answered already: a 2xx that crosses is told as any other, and ending that call is the core's.
    pub fn cancel(&mut self, now: Instant, id: ClientId) {
        self.cancel_because(now, id, None);
    }

    /// The same with a Reason header (RFC 3326), for example `SIP;cause=200;text="Call completed elsewhere"`.
    pub fn cancel_because(&mut self, now: Instant, id: ClientId, reason: Option<&str>) {
        let Some(client) = self.clients.get_mut(id.0) else { return };
        if client.method != Method::Invite || !client.is_open() || !matches!(client.cancel, Cancel::No) {
            return;
        }
        client.cancel = Cancel::Wanted(reason.map(Into::into));
        self.send_cancel(now, id.0);
    }

    /// Answers a request. A 2xx of an INVITE may be sent again and again, until its ACK comes. False when the
    /// transaction is over.
    pub fn respond(&mut self, now: Instant, id: ServerId, response: Response) -> bool {
        let Some(server) = self.servers.get_mut(id.0) else { return false };
        if response.status > 100
            && let Some(tag) = response.headers.to_tag()
        {
            server.to_tag = Some(tag.into());
        }
        let step = server.respond(now, response.status, response.to_bytes(), &self.settings);
        self.apply_server(id.0, step);
        true
    }

    /// Answers a request once and forgets it: for strangers. A repeat of the request is a request again, and gets
    /// one answer again: nobody is sent more messages than came in his name.
    pub fn dismiss(&mut self, id: ServerId, response: &Response) {
        let Some(server) = self.servers.get(id.0) else { return };
        let flow = server.reply;
        self.transmits.push_back(Transmit { flow, bytes: response.to_bytes() });
        self.end_server(id.0);
    }

    /// Forgets a request without an answer.
    pub fn drop_request(&mut self, id: ServerId) {
        self.end_server(id.0);
    }

    /// Sends a message outside all transactions: the ACK of a 2xx, which gets a Via; the answer to a message that
    /// could not be read, which takes the way its Via and the flow it came from say.
    pub fn transmit(&mut self, flow: Flow, message: impl Into<Message>) {
        match message.into() {
            Message::Request(mut request) => {
                let branch = format!("{MAGIC_COOKIE}{:016x}", self.random.next());
                self.add_via(&mut request, &flow, &branch);
                self.transmits.push_back(Transmit { flow, bytes: request.to_bytes() });
            }
            Message::Response(response) => {
                let flow = response.headers.via().map_or(flow, |via| route::reply(&via, &flow));
                self.transmits.push_back(Transmit { flow, bytes: response.to_bytes() });
            }
        }
    }

    /// A flow is broken: a connection ended, or a datagram was refused. Requests of ours that wait on it end.
    pub fn flow_failed(&mut self, flow: Flow) {
        let (low, high) =
            (Handle { index: 0, generation: 0 }, Handle { index: u32::MAX, generation: u32::MAX });
        let waiting: Vec<Handle> =
            self.by_flow.range((flow, low)..=(flow, high)).map(|(_, handle)| *handle).collect();
        for handle in waiting {
            let open = self.clients.get(handle).is_some_and(Client::is_open);
            self.end_client(handle);
            if open {
                self.events.push_back(Event::Unreachable { id: ClientId(handle) });
            }
        }
    }

    /// What the core is to be told next.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What is to be sent next.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// When [`Layer::tick`] has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Does all that is due.
    pub fn tick(&mut self, now: Instant) {
        while let Some(owner) = self.timers.pop_due(now) {
            match owner {
                Owner::Server(handle) => self.server_due(now, handle),
                Owner::Client(handle) => self.client_due(now, handle),
            }
        }
    }

    /// How many transactions there are: requests of others, requests of ours.
    pub const fn len(&self) -> (usize, usize) {
        (self.servers.len(), self.clients.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == (0, 0)
            && self.timers.len() == 0
            && self.by_key.is_empty()
            && self.by_origin.is_empty()
            && self.by_flow.is_empty()
    }

    /// What was seen since the start.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    fn receive_request(&mut self, now: Instant, flow: Flow, mut request: Request) {
        // Without a Via there is no way back; such a request does not come out of the parser.
        let Some(mut via) = request.headers.via() else { return };
        route::stamp(&mut request, &mut via, &flow);
        let key = key::of(&request, &via);
        match request.method {
            Method::Ack => self.receive_ack(now, flow, request, &key),
            Method::Cancel => self.receive_cancel(flow, request, &via),
            Method::Invite
            | Method::Bye
            | Method::Register
            | Method::Options
            | Method::Prack
            | Method::Update
            | Method::Info
            | Method::Refer
            | Method::Notify
            | Method::Subscribe
            | Method::Message
            | Method::Publish
            | Method::Other(_) => match self.by_key.get(&key) {
                Some(handle) => self.receive_repeat(*handle),
                None => self.receive_new(now, flow, request, (key, &via)),
            },
        }
    }

    fn receive_repeat(&mut self, handle: Handle) {
        self.counters.repeats += 1;
        let Some(server) = self.servers.get_mut(handle) else { return };
        let step = server.repeated();
        self.apply_server(handle, step);
    }

    fn receive_new(&mut self, now: Instant, flow: Flow, request: Request, (key, via): (Box<str>, &Via)) {
        let reply = route::reply(via, &flow);
        if self.servers.len() >= self.settings.max {
            self.counters.overload += 1;
            let tag = request.tag_without_state();
            let seconds = self.settings.retry_after.as_secs().to_string();
            let answer = request.reply(503, "").with_to_tag(&tag).with(Name::RetryAfter, seconds);
            self.transmits.push_back(Transmit { flow: reply, bytes: answer.to_bytes() });
            return;
        }
        let origin = key::origin(&request);
        if self.is_merged(origin.as_deref()) {
            self.counters.merged += 1;
            let answer = request.reply(482, "").with_to_tag(&request.tag_without_state());
            self.transmits.push_back(Transmit { flow: reply, bytes: answer.to_bytes() });
            return;
        }
        let invite = request.method == Method::Invite;
        let (trying, at) = match invite {
            true => (request.reply(100, "").to_bytes(), now + self.settings.trying_after),
            false => (Bytes::new(), now + self.settings.t1 * 64),
        };
        let state = server::State::Trying { trying, at };
        let server = Server {
            key: key.clone(),
            origin: origin.clone(),
            reply,
            invite,
            state,
            cancelled: false,
            to_tag: None,
            due: None,
        };
        let handle = self.servers.insert(server);
        if let Some(origin) = origin {
            self.by_origin.insert(origin, handle);
        }
        self.by_key.insert(key, handle);
        self.set_server_timer(handle);
        self.events.push_back(Event::Request { id: ServerId(handle), request, flow });
    }

    /// Whether another copy of a request is being served: a proxy forked it, and both came here (RFC 3261 section 8.2.2.2).
    /// After a refusal it is another try, not a copy.
    fn is_merged(&self, origin: Option<&str>) -> bool {
        let known = origin.and_then(|origin| self.by_origin.get(origin));
        known.and_then(|handle| self.servers.get(*handle)).is_some_and(Server::is_served)
    }

    fn receive_ack(&mut self, now: Instant, flow: Flow, request: Request, key: &str) {
        let found = self.by_key.get(key).copied();
        let step =
            found.and_then(|handle| Some((handle, self.servers.get_mut(handle)?.acked(now, &self.settings))));
        match step {
            Some((handle, (false, step))) => self.apply_server(handle, step),
            Some((_, (true, _))) | None => self.events.push_back(Event::Ack { request, flow }),
        }
    }

    /// A CANCEL is answered here, without a transaction of its own: each repeat gets the same answer, and the INVITE
    /// is cancelled once.
    fn receive_cancel(&mut self, flow: Flow, request: Request, via: &Via) {
        let reply = route::reply(via, &flow);
        let found = self.by_key.get(&key::of_invite(&request, via)).copied();
        let Some((handle, server)) = found.and_then(|handle| Some((handle, self.servers.get_mut(handle)?)))
        else {
            let answer = request.reply(481, "").with_to_tag(&request.tag_without_state());
            self.transmits.push_back(Transmit { flow: reply, bytes: answer.to_bytes() });
            return;
        };
        let tag = server.to_tag.get_or_insert_with(|| request.tag_without_state().into());
        let answer = request.reply(200, "").with_to_tag(tag);
        self.transmits.push_back(Transmit { flow: reply, bytes: answer.to_bytes() });
        if server.cancel() {
            self.events.push_back(Event::Cancelled { id: ServerId(handle), request });
        }
    }

    fn receive_response(&mut self, now: Instant, flow: Flow, response: Response) {
        let Some(handle) = self.owner_of(&response) else {
            self.counters.strays += 1;
            return;
        };
        let Some(client) = self.clients.get_mut(handle) else { return };
        let cancel = response.headers.cseq().is_some_and(|cseq| cseq.method == Method::Cancel);
        if cancel {
            client.cancel_answered(now, response.status, &self.settings);
            self.set_client_timer(handle);
            return;
        }
        let id = ClientId(handle);
        let out = client.flow;
        match client.received(now, &response, &self.settings) {
            client::Step::Nothing => {}
            client::Step::Send(bytes) => self.transmits.push_back(Transmit { flow: out, bytes }),
            client::Step::Tell { repeated, ends } => {
                self.events.push_back(Event::Response { id, response, flow, repeated });
                return self.after_response(now, handle, ends);
            }
            client::Step::AckAndTell { ack, ends } => {
                self.transmits.push_back(Transmit { flow: out, bytes: ack });
                self.events.push_back(Event::Response { id, response, flow, repeated: false });
                return self.after_response(now, handle, ends);
            }
            client::Step::TimedOut | client::Step::End => self.end_client(handle),
        }
        self.set_client_timer(handle);
    }

    fn after_response(&mut self, now: Instant, handle: Handle, ends: bool) {
        if ends {
            return self.end_client(handle);
        }
        self.send_cancel(now, handle);
    }

    fn send_cancel(&mut self, now: Instant, handle: Handle) {
        let Some(client) = self.clients.get_mut(handle) else { return };
        let flow = client.flow;
        if let Some(bytes) = client.cancel_if_due(now, &self.settings) {
            self.transmits.push_back(Transmit { flow, bytes });
        }
        self.set_client_timer(handle);
    }

    /// The transaction a response belongs to (RFC 3261 section 17.1.3): ours is its only Via, and the branch is the
    /// one we made.
    fn owner_of(&self, response: &Response) -> Option<Handle> {
        let mut vias = response.headers.members(&Name::Via);
        let via: Via = vias.next()?.parse().ok()?;
        if vias.next().is_some() {
            return None;
        }
        let branch = via.branch()?;
        let (index, generation) = branch.get(MAGIC_COOKIE.len() + 16..)?.split_once('.')?;
        let read = |digits| u32::from_str_radix(digits, 16).ok();
        let handle = Handle { index: read(index)?, generation: read(generation)? };
        let client = self.clients.get(handle).filter(|client| client.branch.eq_ignore_ascii_case(branch))?;
        let method = response.headers.cseq()?.method;
        let cancels = method == Method::Cancel && !matches!(client.cancel, Cancel::No | Cancel::Wanted(_));
        (method == client.method || cancels).then_some(handle)
    }

    fn apply_server(&mut self, handle: Handle, step: server::Step) {
        let Some(server) = self.servers.get(handle) else { return };
        let flow = server.reply;
        match step {
            server::Step::Nothing => {}
            server::Step::Send(bytes) => self.transmits.push_back(Transmit { flow, bytes }),
            server::Step::SendAndEnd(bytes) => {
                self.transmits.push_back(Transmit { flow, bytes });
                return self.end_server(handle);
            }
            server::Step::End => return self.end_server(handle),
            server::Step::Unconfirmed => {
                self.counters.unconfirmed += 1;
                return self.end_server(handle);
            }
        }
        self.set_server_timer(handle);
    }

    fn server_due(&mut self, now: Instant, handle: Handle) {
        let Some(server) = self.servers.get_mut(handle) else { return };
        server.due = None;
        let step = server.expired(now, &self.settings);
        self.apply_server(handle, step);
    }

    fn client_due(&mut self, now: Instant, handle: Handle) {
        let Some(client) = self.clients.get_mut(handle) else { return };
        client.due = None;
        let flow = client.flow;
        match client.expired(now, &self.settings) {
            client::Step::Send(bytes) => self.transmits.push_back(Transmit { flow, bytes }),
            client::Step::End => return self.end_client(handle),
            client::Step::TimedOut => {
                self.counters.timed_out += 1;
                self.end_client(handle);
                return self.events.push_back(Event::TimedOut { id: ClientId(handle) });
            }
            client::Step::Nothing | client::Step::Tell { .. } | client::Step::AckAndTell { .. } => {}
        }
        self.set_client_timer(handle);
    }

    fn end_server(&mut self, handle: Handle) {
        if let Some(server) = self.servers.remove(handle) {
            self.by_key.remove(&server.key);
            // A later try may stand there by now.
            if let Some(origin) = server.origin.filter(|origin| self.by_origin.get(origin) == Some(&handle)) {
                self.by_origin.remove(&origin);
            }
            self.timers.set(Owner::Server(handle), server.due, None);
        }
    }

    fn end_client(&mut self, handle: Handle) {
        if let Some(client) = self.clients.remove(handle) {
            self.by_flow.remove(&(client.flow, handle));
            self.timers.set(Owner::Client(handle), client.due, None);
        }
    }

    fn set_server_timer(&mut self, handle: Handle) {
        if let Some(server) = self.servers.get_mut(handle) {
            let due = server.next_due();
            self.timers.set(Owner::Server(handle), server.due, due);
            server.due = due;
        }
    }

    fn set_client_timer(&mut self, handle: Handle) {
        if let Some(client) = self.clients.get_mut(handle) {
            let due = client.next_due();
            self.timers.set(Owner::Client(handle), client.due, due);
            client.due = due;
        }
    }

    fn add_via(&self, request: &mut Request, flow: &Flow, branch: &str) {
        let own = || (Host::from(flow.local.ip()), Some(flow.local.port()));
        let (host, port) = self.settings.sent_by.clone().unwrap_or_else(own);
        request.headers.push_first(Name::Via, Via::new(flow.transport, host, port, branch).to_string());
        if !request.headers.has(&Name::MaxForwards) {
            request.headers.push(Name::MaxForwards, "70");
        }
    }
}

/// Of an INVITE what its ACK and its CANCEL carry too (RFC 3261 sections 9.1 and 17.1.1.3): one Via, and the route.
fn bones(request: &Request) -> Request {
    let mut bones = Request::new(request.method.clone(), request.uri.clone());
    if let Some(via) = request.headers.via() {
        bones.headers.push(Name::Via, via.to_string());
    }
    for name in [Name::Route, Name::MaxForwards, Name::From, Name::To, Name::CallId, Name::CSeq] {
        bones.headers.copy(&request.headers, &name);
    }
    bones
}
