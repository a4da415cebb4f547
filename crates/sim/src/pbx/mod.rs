//! The simulated PBX itself: state, time, what goes in and what comes out.

mod actions;
mod bridge;
mod channel;
mod conference;
mod consult;
mod crowd;
mod device;
mod dial;
mod events;
mod execute;
mod fate;
mod fault;
mod features;
mod hangup;
mod keys;
mod local;
mod media;
mod originate;
mod parking;
mod phone;
mod queue;
mod session;
mod transfer;
mod values;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

pub(crate) use bridge::{Bridge, BridgeId, BridgeKind};
pub use channel::LegId;
pub(crate) use channel::{Channel, ChannelState, Work};
pub use crowd::{Crowd, CrowdReport};
pub use device::DeviceState;
pub(crate) use device::Endpoint;
pub use fate::{Asked, Fate, FateEnd, Reached};
pub(crate) use originate::{OriginateId, OriginateRequest, OriginateTarget};
pub use phone::{CallIn, Mood};
pub(crate) use queue::{Member, Queue};
pub use session::SessionId;
pub(crate) use session::{Filter, Session};

use crate::config::{Micros, PbxConfig};
use crate::random::Random;

/// What the PBX wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// These bytes to that manager session.
    Send(SessionId, Bytes),
    /// That manager session is to be closed, after what was sent to it.
    Close(SessionId),
    /// A phone or the far end of the trunk is told something.
    Phone(Notice),
}

/// What a phone, or the far end of a trunk call, is told about one of its legs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The endpoint: `1001`, or the trunk's name.
    pub endpoint: String,
    /// The leg.
    pub leg: LegId,
    /// What about it.
    pub news: News,
}

/// What happened to a leg, as its phone sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It is called (INVITE), and shows this number and name.
    Incoming {
        /// Number on the display.
        number: String,
        /// Name on the display.
        name: String,
        /// Number that was dialled, for legs that go out through the trunk.
        dialled: String,
    },
    /// What it calls rings (180).
    Ringing,
    /// It is connected (200).
    Up,
    /// A NOTIFY of that package, such as `talk` or `hold`.
    Notify(String),
    /// Its transfer: status of the NOTIFY, such as 180 or 200.
    Transfer(u16),
    /// It is over; the final SIP status when it had not been answered.
    Ended(Option<u16>),
}

/// Something that falls due.
#[derive(Clone, Debug)]
enum Timer {
    /// The work of a channel, unless it has begun other work since.
    Work { leg: LegId, generation: u64 },
    /// A phone says 180, or what its mood makes it say.
    PhoneAnswers { leg: LegId },
    /// A phone acts by itself.
    Mood { leg: LegId, act: phone::Act },
    /// An originated leg has rung long enough.
    Originate(OriginateId),
    /// A caller of the crowd acts.
    Caller { leg: LegId, act: crowd::CallerAct },
    /// The next caller of the crowd dials.
    Arrival,
    /// No further digit came.
    Feature { leg: LegId, typed: usize },
    /// Both halves of a Local pair talk: the pair may go.
    Optimise(LegId),
    /// A member of a conference is put out.
    PutOut(LegId),
    /// A half of a Local pair begins its dialplan.
    Begin(LegId),
}

/// A simulated Asterisk: manager sessions on one side, phones and callers on the other.
///
/// Sans I/O: every method takes the time, [`Pbx::poll_output`] hands out what is to be done, and
/// [`Pbx::next_deadline`] says when to call [`Pbx::advance`] if nothing happens before. The same calls at the same
/// times with the same seed give the same bytes.
#[derive(Debug)]
pub struct Pbx {
    config: PbxConfig,
    now: Micros,
    booted: Micros,
    random: Random,
    timers: BTreeMap<(Micros, u64), Timer>,
    timer_count: u64,
    outputs: VecDeque<Output>,
    sessions: BTreeMap<SessionId, Session>,
    channels: BTreeMap<LegId, Channel>,
    names: BTreeMap<String, LegId>,
    uniqueids: BTreeMap<String, LegId>,
    leg_count: u64,
    unique_count: u64,
    name_count: u64,
    local_count: u64,
    calls_processed: u64,
    bridges: BTreeMap<BridgeId, Bridge>,
    bridge_count: u64,
    conferences: BTreeMap<String, BridgeId>,
    originates: BTreeMap<OriginateId, OriginateRequest>,
    originate_count: u64,
    queues: BTreeMap<String, Queue>,
    endpoints: BTreeMap<String, Endpoint>,
    parked: BTreeMap<u16, parking::Parked>,
    parking_bridge: Option<BridgeId>,
    next_space: u16,
    optimisations: u64,
    consults: consult::Consults,
    callers: BTreeMap<LegId, crowd::Caller>,
    crowd: Option<Crowd>,
    arrival_is_due: bool,
    report: CrowdReport,
    /// Of callers who are gone, where somebody wants them.
    fates: Option<Vec<Fate>>,
    /// People outside who are called.
    called: BTreeMap<LegId, Reached>,
    /// Of those who are off the line, where somebody wants them.
    reached: Vec<Reached>,
    talk_outside: Option<(Micros, Micros)>,
    globals: BTreeMap<String, String>,
    faults: fault::Faults,
    warnings: Vec<String>,
}

impl Pbx {
    /// A PBX that has just booted.
    #[must_use]
    pub fn new(mut config: PbxConfig, now: Micros) -> Self {
        // A plan of the crate's own, which a test reads.
        let _ = config.dialplan.add(parking::PARKING_DIALPLAN);
        let mut pbx = Self {
            random: Random::new(config.seed),
            now,
            booted: now,
            timers: BTreeMap::new(),
            timer_count: 0,
            outputs: VecDeque::new(),
            sessions: BTreeMap::new(),
            channels: BTreeMap::new(),
            names: BTreeMap::new(),
            uniqueids: BTreeMap::new(),
            leg_count: 0,
            unique_count: 0,
            name_count: 0,
            local_count: 0,
            calls_processed: 0,
            bridges: BTreeMap::new(),
            bridge_count: 0,
            conferences: BTreeMap::new(),
            originates: BTreeMap::new(),
            originate_count: 0,
            queues: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            parked: BTreeMap::new(),
            parking_bridge: None,
            next_space: 0,
            optimisations: 0,
            consults: BTreeMap::new(),
            callers: BTreeMap::new(),
            crowd: None,
            arrival_is_due: false,
            report: CrowdReport::default(),
            fates: None,
            called: BTreeMap::new(),
            reached: Vec::new(),
            talk_outside: None,
            globals: BTreeMap::new(),
            faults: fault::Faults::default(),
            warnings: Vec::new(),
            config,
        };
        pbx.boot();
        pbx
    }

    /// Fills what a boot fills: globals, endpoints, queues.
    fn boot(&mut self) {
        self.booted = self.now;
        self.globals = self.config.dialplan.globals().iter().cloned().collect();
        let trunk = self.config.trunk.clone();
        self.endpoints = self
            .config
            .phones
            .iter()
            .map(|phone| (phone.name.clone(), Endpoint::phone(phone, &self.config.phone_context)))
            .collect();
        self.endpoints.insert(trunk.clone(), Endpoint::trunk(&trunk, &self.config.trunk_context));
        self.queues = self
            .config
            .queues
            .iter()
            .map(|queue| (queue.name.clone(), Queue::new(queue.clone(), self.now)))
            .collect();
    }

    /// The next thing to be done, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When something falls due by itself.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Micros> {
        self.timers.first_key_value().map(|((at, _), _)| *at)
    }

    /// Lets time pass: what falls due happens at its own time.
    pub fn advance(&mut self, now: Micros) {
        while let Some(entry) = self.timers.first_entry() {
            let (at, _) = *entry.key();
            if at > now {
                break;
            }
            let timer = entry.remove();
            self.now = self.now.max(at);
            self.fire(timer);
        }
        self.now = self.now.max(now);
    }

    /// The time of the last call.
    #[must_use]
    pub fn now(&self) -> Micros {
        self.now
    }

    /// Number of live channels.
    #[must_use]
    pub fn channel_count(&self) -> usize {
        self.channels.len()
    }

    /// What the simulator could not do as a real Asterisk would: an unknown application or function. A test that
    /// finds one here tests something else than it thinks.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn warn(&mut self, warning: String) {
        if self.warnings.len() < 100 && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    fn after(&mut self, delay: Micros, timer: Timer) {
        self.timer_count += 1;
        self.timers.insert((self.now + delay, self.timer_count), timer);
    }

    /// A phone's or a network's delay.
    fn latency(&mut self) -> Micros {
        let (fastest, slowest) = self.config.latency;
        self.random.between(fastest, slowest)
    }

    fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::Work { leg, generation } => {
                let current = self.channels.get(&leg).is_some_and(|channel| channel.generation == generation);
                if current {
                    self.work_is_due(leg);
                }
            }
            Timer::PhoneAnswers { leg } => self.phone_answers(leg),
            Timer::Mood { leg, act } => self.phone_acts(leg, act),
            Timer::Originate(id) => self.originate_timeout(id),
            Timer::Caller { leg, act } => self.caller_acts(leg, act),
            Timer::Arrival => self.caller_arrives(),
            Timer::Feature { leg, typed } => self.feature_timeout(leg, typed),
            Timer::Optimise(leg) => self.optimise(leg),
            Timer::Begin(leg) => self.begin_dialplan(leg),
            Timer::PutOut(leg) => self.is_put_out(leg),
        }
    }

    /// Begins other work: timers of the work before do nothing any more.
    fn set_work(&mut self, leg: LegId, work: Work) {
        if let Some(channel) = self.channels.get_mut(&leg) {
            channel.work = work;
            channel.generation += 1;
        }
    }

    /// Begins work that is due after `delay`.
    fn set_work_for(&mut self, leg: LegId, work: Work, delay: Micros) {
        self.set_work(leg, work);
        if let Some(channel) = self.channels.get(&leg) {
            let generation = channel.generation;
            self.after(delay, Timer::Work { leg, generation });
        }
    }

    /// What falls due by the work a channel is at.
    fn work_is_due(&mut self, leg: LegId) {
        let Some(channel) = self.channels.get(&leg) else { return };
        match channel.work.clone() {
            Work::Sleeping | Work::Listening(_) => self.wake(leg),
            Work::Reading(reading) => self.read_done(leg, &reading, "TIMEOUT"),
            Work::Dialling(_) => self.dial_timeout(leg),
            Work::Queued(work) => self.queue_is_due(leg, &work),
            Work::Parked(space) => self.parking_timeout(leg, space),
            Work::Announced => self.announcement_is_over(leg),
            Work::Outgoing(_)
            | Work::Called { .. }
            | Work::Executing
            | Work::Talking { .. }
            | Work::Conference(_)
            | Work::Spying(_)
            | Work::Joined { .. } => {}
        }
    }

    /// The channel a manager action names: by name or by Uniqueid.
    pub(crate) fn find_channel(&self, name: &str) -> Option<LegId> {
        self.names.get(name).or_else(|| self.uniqueids.get(name)).copied()
    }
}
