//! The state machine: what comes in is handed to whom it concerns, what goes out is collected.
//!
//! | file | idea |
//! | --- | --- |
//! | `incoming` | requests outside a dialog: who may call, and where to |
//! | `inside` | requests inside one: BYE, re-INVITE, REFER and the rest |
//! | `answers` | answers to our requests |
//! | `caller` | what an unanswered caller is told |
//! | `attempt` | ringing several, the first to answer wins |
//! | `bridge` | who hears whom, until both sides agree |
//! | `leave` | how legs and calls end |
//! | `transfer` | who gives a call to whom |
//! | `orders`, `control` | what is ordered |
//! | `media` | music and conferences |
//! | `speech` | what is said to who waits, and what they key |
//! | `trunks` | whether trunks are there, and where |
//! | `keep` | timers |

mod answers;
mod attempt;
mod bridge;
mod caller;
mod control;
mod incoming;
mod inside;
mod keep;
mod leave;
mod media;
mod orders;
mod speech;
mod transfer;
mod trunks;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use bytes::Bytes;
use hookswitch_sip::{
    ClientId, Flow, Instant, Layer, Message, Random, ServerId, Transmit, auth,
    message::Host,
    registrar::{Binding, Registrar},
};

use crate::{
    CallId, Command, Event, LegId, Line, OrderId, Settings, UserState,
    id::DialogId,
    settings::{Keys, Question},
    state::{Attempt, Call, Leg},
    timers::Timers,
};

pub(crate) use attempt::Destination;
use keep::Timer;
use media::Media;
use trunks::TrunkState;

/// Hookswitch as SIP queue server: one state machine.
///
/// Feed it, then drain [`poll_transmit`](Self::poll_transmit), [`poll_media`](Self::poll_media),
/// [`poll_event`](Self::poll_event) and [`poll_question`](Self::poll_question) until they are empty, and call
/// [`tick`](Self::tick) at [`next_deadline`](Self::next_deadline).
#[derive(Debug)]
pub struct Switch {
    settings: Settings,
    host: Host,
    layer: Layer,
    guard: auth::Server,
    registrar: Registrar,
    random: Random,
    now: Instant,
    legs: BTreeMap<DialogId, Leg>,
    calls: BTreeMap<CallId, Call>,
    attempts: BTreeMap<u64, Attempt>,
    clients: BTreeMap<ClientId, Sent>,
    /// Whose unanswered INVITE a transaction is.
    servers: BTreeMap<ServerId, DialogId>,
    trunks: BTreeMap<Arc<str>, TrunkState>,
    /// Who is a party somewhere, by whose line it is.
    busy: BTreeMap<Line, BTreeSet<DialogId>>,
    /// What was told of users' phones; nothing is: away.
    users: BTreeMap<Arc<str>, UserState>,
    media: Media,
    timers: Timers<Timer>,
    events: VecDeque<Event>,
    questions: VecDeque<Question>,
    counted: u64,
    counters: Counters,
}

/// What a request of ours is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sent {
    /// An INVITE that makes this dialog.
    Invite(DialogId),
    /// A BYE.
    Bye(DialogId),
    /// An offer of ours in this dialog.
    Offer(DialogId),
    /// An offer passed on: theirs, in `from`, to this dialog.
    Passed { to: DialogId, from: DialogId },
    /// A sign of life, without an offer.
    Refresh(DialogId),
    /// Something passed on whose answer goes back.
    Relayed { server: ServerId, from: DialogId },
    /// Is a trunk there, at this address?
    Trunk(Box<(Arc<str>, Flow)>),
    /// Nothing hangs on the answer.
    Notice,
}

/// Counts of what should be rare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Requests of strangers that were refused.
    pub strangers: u64,
    /// Calls refused for want of room.
    pub full: u64,
    /// Requests that belonged to no dialog.
    pub stray: u64,
    /// Answers that came after all was over.
    pub late: u64,
    /// Dialogs that ended because nobody answered any more.
    pub dead: u64,
    /// Who was to hear us and found no free port.
    pub unheard: u64,
}

/// What goes out beside messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaOut {
    /// A port is needed from now on.
    Open(u16),
    /// A port is no longer needed.
    Close(u16),
    /// A packet.
    Send {
        /// From this port.
        port: u16,
        /// To there.
        to: SocketAddr,
        /// The packet.
        bytes: Bytes,
    },
}

/// How much is kept: all zero when nothing goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Live calls.
    pub calls: usize,
    /// Dialogs, those that are being ended included.
    pub dialogs: usize,
    /// Attempts at ringing somebody.
    pub attempts: usize,
    /// Requests of ours without a final answer.
    pub requests: usize,
    /// Transactions of either kind.
    pub transactions: usize,
    /// Media ports.
    pub ports: usize,
}

impl Switch {
    /// A switch without calls.
    #[must_use]
    pub fn new(settings: Settings, keys: &Keys) -> Self {
        let mut random = Random::new(keys.seed);
        let layer = Layer::new(settings.transactions.clone(), random.next());
        let asked = auth::Settings {
            algorithms: settings.algorithms.clone(),
            ..auth::Settings::new(&settings.realm)
        };
        let guard = auth::Server::new(asked, keys.nonce, random.next());
        let registrar = Registrar::new(settings.registrar);
        let mut switch = Self {
            host: host_of(&settings),
            media: Media::new(settings.media),
            settings,
            layer,
            guard,
            registrar,
            random,
            now: Instant::EPOCH,
            legs: BTreeMap::new(),
            calls: BTreeMap::new(),
            attempts: BTreeMap::new(),
            clients: BTreeMap::new(),
            servers: BTreeMap::new(),
            trunks: BTreeMap::new(),
            busy: BTreeMap::new(),
            users: BTreeMap::new(),
            timers: Timers::default(),
            events: VecDeque::new(),
            questions: VecDeque::new(),
            counted: 0,
            counters: Counters::default(),
        };
        switch.configure_trunks();
        switch
    }

    /// Other settings hold from now on. Calls go on; who is no user any more is not registered any more. Realm,
    /// algorithms, ports and bounds of the layers below stay as they were at the start.
    pub fn reconfigure(&mut self, now: Instant, settings: Settings) {
        self.now = now;
        self.host = host_of(&settings);
        self.settings = settings;
        self.configure_trunks();
        let users = &self.settings.users;
        let gone = self.registrar.aors().filter(|aor| !users.contains_key(*aor));
        for aor in gone.map(str::to_owned).collect::<Vec<_>>() {
            self.registrar.remove(&aor);
        }
        self.run();
    }

    /// Takes over registrations that were kept from before a restart ([`poll_registration`](Self::poll_registration)).
    pub fn restore(&mut self, now: Instant, kept: Vec<(Box<str>, Vec<Binding>)>) {
        self.now = now;
        self.restore_registrations(kept);
        self.run();
    }

    /// A message came.
    pub fn receive(&mut self, now: Instant, flow: Flow, message: Message) {
        self.now = now;
        self.layer.receive(now, flow, message);
        self.run();
    }

    /// A connection broke, or a datagram could not be sent: what was under way on it fails.
    pub fn flow_failed(&mut self, now: Instant, flow: Flow) {
        self.now = now;
        self.layer.flow_failed(flow);
        self.registrar.flow_failed(flow);
        self.run();
    }

    /// A packet came to one of our media ports.
    pub fn media(&mut self, now: Instant, port: u16, from: SocketAddr, bytes: &[u8]) {
        self.now = now;
        self.packet(port, from, bytes);
        self.run();
    }

    /// Somebody orders something.
    pub fn command(&mut self, now: Instant, order: OrderId, command: Command) {
        self.now = now;
        self.ordered(order, command);
        self.run();
    }

    /// The addresses of a name; none when there is no such name now.
    pub fn resolved(&mut self, now: Instant, question: &Question, addresses: &[SocketAddr]) {
        self.now = now;
        self.name_resolved(question, addresses);
        self.run();
    }

    /// Time passed.
    pub fn tick(&mut self, now: Instant) {
        self.now = now;
        self.layer.tick(now);
        self.run();
        while let Some(timer) = self.timers.take(now) {
            self.due(timer);
            self.run();
        }
        self.play();
        self.run();
    }

    /// When [`tick`](Self::tick) has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let deadlines = [
            self.layer.next_deadline(),
            self.registrar.next_deadline(),
            self.timers.next(),
            self.media.next_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.layer.poll_transmit()
    }

    /// The next thing to do with media.
    pub fn poll_media(&mut self) -> Option<MediaOut> {
        self.media.out.pop_front()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next name whose addresses are asked for, to be answered by [`resolved`](Self::resolved).
    pub fn poll_question(&mut self) -> Option<Question> {
        self.questions.pop_front()
    }

    /// Whose registrations are to be kept over a restart, and which they are now.
    pub fn poll_registration(&mut self) -> Option<(Box<str>, Vec<Binding>)> {
        let aor = self.registrar.poll_unkept()?;
        let contacts = self.registrar.contacts(&aor, self.now).into_iter().cloned().collect();
        Some((aor, contacts))
    }

    /// What should be rare.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// How much is kept.
    #[must_use]
    pub fn load(&self) -> Load {
        Load {
            calls: self.calls.len(),
            dialogs: self.legs.len(),
            attempts: self.attempts.len(),
            requests: self.clients.len(),
            transactions: {
                let (theirs, ours) = self.layer.len();
                theirs + ours
            },
            ports: self.media.len(),
        }
    }

    /// Live calls, with who is in each.
    pub fn calls(&self) -> impl Iterator<Item = (&CallId, Vec<LegId>)> {
        self.calls.iter().map(|(id, call)| {
            let legs = call.parties.iter().filter_map(|leg| self.part_in(*leg, id));
            (id, legs.collect())
        })
    }

    /// Hands on what the layers below tell.
    fn run(&mut self) {
        while let Some(event) = self.layer.poll_event() {
            self.told(event);
        }
        self.registrations_changed();
    }

    fn told(&mut self, event: hookswitch_sip::Event) {
        use hookswitch_sip::Event as Below;
        match event {
            Below::Request { id, request, flow } => self.requested(id, request, &flow),
            Below::Ack { request, flow: _ } => self.acknowledged(&request),
            Below::Cancelled { id, request: _ } => self.cancelled(id),
            Below::Response { id, response, flow: _, repeated } => self.answered(id, &response, repeated),
            Below::TimedOut { id } => self.unanswered(id, 408),
            Below::Unreachable { id } => self.unanswered(id, 503),
        }
    }

    fn tell(&mut self, event: Event) {
        self.events.push_back(event);
    }

    fn new_dialog(&mut self) -> DialogId {
        DialogId(self.random.next())
    }

    /// A number that was not used before.
    const fn count(&mut self) -> u64 {
        self.counted += 1;
        self.counted
    }

    /// Where our media and our descriptions say they are from.
    fn own_address(&self) -> IpAddr {
        let media = self.settings.media.map(|media| media.address);
        let listening = || self.settings.listen.first().map(|(_, address)| address.ip());
        media.or_else(listening).unwrap_or(IpAddr::from([127, 0, 0, 1]))
    }
}

/// The host of the addresses of our users: the realm where that is a name, else where we listen.
fn host_of(settings: &Settings) -> Host {
    let listening = || settings.listen.first().map(|(_, address)| Host::from(address.ip()));
    let named = settings.realm.contains('.').then(|| Host::Domain(settings.realm.clone()));
    named.or_else(listening).unwrap_or_else(|| Host::Domain("localhost".into()))
}
