//! One life of the daemon: what `serve` wires together, without threads, sockets and clock.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use hookswitch::{Committed, Machine, Options, Session};
use hookswitch_config::Config;
use hookswitch_journal::{Journal, Reader};
use hookswitch_model::{
    ActionId, PbxId, Timestamp,
    command::{Actor, Answer, Command, Request},
    input::Input,
    pbx::{PbxAction, PbxEvent},
};
use hookswitch_sim::{MILLISECOND, Micros, SECOND};
use hookswitch_wire::template::PopTemplates;

use crate::{
    office,
    points::{Killed, Place, Points},
    site::{Heard, Site},
};

const RETENTION: hookswitch_model::Millis = hookswitch_model::Millis::from_secs(30 * 24 * 3_600);
/// The shortest and the longest pause before a link is tried again.
const PAUSES: (Micros, Micros) = (100 * MILLISECOND, 5 * SECOND);

/// Why a life ends.
#[derive(Debug)]
pub(crate) enum End {
    /// Killed, as was planned.
    Killed,
    /// It was told to stop, and has handed over what it had.
    Stopped,
    /// By itself, which it must not.
    Failed(String),
}

impl From<Killed> for End {
    fn from(Killed: Killed) -> Self {
        Self::Killed
    }
}

/// A running daemon.
pub(crate) struct Life {
    machine: Machine,
    links: Vec<Link>,
    points: Points,
    clock: Clock,
    /// Answers not yet taken, and whether what they say was durable.
    pub(crate) answers: Vec<(Answer, bool)>,
    inbox: Vec<Input>,
    stop: Stop,
}

/// How far a stop has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// Nobody asked for it.
    No,
    /// The engine is told with the next turn.
    Told,
    /// The links wait for their last answers.
    Leaving,
}

/// Wall time at the start, monotonic from then on; never behind the journal.
#[derive(Debug, Clone, Copy)]
struct Clock {
    started: Micros,
    wall: Micros,
}

impl Clock {
    const fn at(self, now: Micros) -> Timestamp {
        Timestamp::from_micros(self.wall + (now - self.started))
    }

    const fn world(self, at: Timestamp) -> Micros {
        self.started + at.as_micros().saturating_sub(self.wall)
    }
}

/// The link to one PBX.
struct Link {
    pbx: PbxId,
    session: Session,
    actions: VecDeque<PbxAction>,
    connected: bool,
    retry_at: Micros,
    pause: Micros,
}

/// What a life begins with.
pub(crate) struct Birth<'a> {
    pub(crate) now: Micros,
    /// What the wall clock shows now.
    pub(crate) wall: Micros,
    pub(crate) journal: Box<dyn Journal>,
    pub(crate) config: &'a Config,
    pub(crate) points: &'a Points,
    pub(crate) seed: u64,
    pub(crate) held_bytes: usize,
}

impl Life {
    pub(crate) fn begin(birth: Birth<'_>) -> Result<Self, End> {
        let Birth { now, wall, journal, config, points, seed, held_bytes } = birth;
        let mut options = Options::new(RETENTION, Arc::new(PopTemplates::default()), seed);
        options.held_bytes = held_bytes;
        let setup = |version| config.setup(version);
        let awake = Machine::recover(journal, setup, options);
        points.at(Place::Started)?;
        let awake = awake.map_err(|error| End::Failed(format!("it does not start: {error:#}")))?;
        let clock = Clock { started: now, wall: wall.max(awake.not_before.as_micros()) };
        let away_since = awake.away_since;
        let started = awake.start(clock.at(now));
        let (machine, committed) = started.map_err(|error| failed(points, &error))?;
        let links = config.pbxs.iter().map(|pbx| {
            let mut session = Session::new(office::session(machine.engine().setup(), &pbx.name));
            let (known, open) = (machine.engine().known_calls(&pbx.name), machine.open_actions(&pbx.name));
            session.seed(known, open, away_since);
            let actions = VecDeque::new();
            Link { pbx: pbx.name.clone(), session, actions, connected: false, retry_at: now, pause: PAUSES.0 }
        });
        let links = links.collect();
        let (answers, inbox) = (Vec::new(), Vec::new());
        let mut life = Self { machine, links, points: points.clone(), clock, answers, inbox, stop: Stop::No };
        life.show(committed);
        Ok(life)
    }

    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    pub(crate) fn reader(&self) -> Reader {
        self.machine.journal().reader()
    }

    /// A client asks for something.
    pub(crate) fn ask(&mut self, command: Command) {
        self.inbox.push(Input::Command(command));
    }

    /// An administrator applies another configuration.
    pub(crate) fn reload(&mut self, config: &Config) {
        let version = self.machine.engine().setup().version + 1;
        self.inbox.push(Input::Setup(Arc::new(config.setup(version))));
    }

    /// Somebody stops the daemon, as a service is stopped: who waits is handed to the fallback.
    pub(crate) fn stop(&mut self, id: ActionId) {
        if self.stop == Stop::No {
            let actor = Actor { name: "daemon".to_owned(), agent: None };
            self.ask(Command { id, actor, request: Request::Shutdown });
            self.stop = Stop::Told;
        }
    }

    /// The world's time of a moment of the daemon.
    pub(crate) fn world_time(&self, at: Timestamp) -> Micros {
        self.clock.world(at)
    }

    /// What the daemon's clock shows at a moment of the world.
    pub(crate) fn time(&self, now: Micros) -> Timestamp {
        self.clock.at(now)
    }

    /// Leaves a snapshot, as happens after many records.
    pub(crate) fn snapshot(&mut self, now: Micros) {
        self.machine.snapshot(self.clock.at(now));
    }

    /// What the link to that PBX remembers, in characters: all its tables, printed.
    pub(crate) fn weight_of_link(&self, place: usize) -> usize {
        format!("{:?}", self.links[place].session).len()
    }

    /// Whether the link to that PBX works.
    pub(crate) fn is_up(&self, place: usize) -> bool {
        self.links[place].session.is_up()
    }

    pub(crate) fn next_deadline(&self) -> Micros {
        let machine = self.clock.world(self.machine.next_deadline());
        let links = self.links.iter().filter_map(|link| match link.connected {
            true => link.session.next_deadline().map(|at| self.clock.world(at)),
            false => Some(link.retry_at),
        });
        let waits = !self.inbox.is_empty() || self.links.iter().any(|link| link.session.facts() > 0);
        links.chain([machine]).chain(waits.then_some(0)).min().unwrap_or(machine)
    }

    /// Does all there is to do now: reads, decides, makes durable, shows, acts.
    pub(crate) fn turn(&mut self, now: Micros, sites: &mut [Site]) -> Result<(), End> {
        let at = self.clock.at(now);
        for place in 0..self.links.len() {
            let facts = self.links[place].listen(now, at, &mut sites[place], &self.points)?;
            if !facts.is_empty() {
                self.points.at(Place::Read)?;
            }
            for fact in facts {
                self.machine.handle(at, Input::Pbx(Box::new(fact)));
                if self.machine.is_full() {
                    self.commit(now, sites)?;
                }
            }
        }
        for input in std::mem::take(&mut self.inbox) {
            self.machine.handle(at, input);
        }
        self.machine.tick(at);
        self.commit(now, sites)?;
        self.machine.retain(at);
        self.leave(now, sites)
    }

    /// Once the engine knows of the stop, the links leave, each when it has its last answers.
    fn leave(&mut self, now: Micros, sites: &mut [Site]) -> Result<(), End> {
        let at = self.clock.at(now);
        if self.stop == Stop::No {
            return Ok(());
        }
        let mut left = true;
        for (link, site) in self.links.iter_mut().zip(sites) {
            if self.stop == Stop::Told {
                link.session.leave(at);
            }
            left &= link.session.has_left(at);
            link.flush(now, site);
        }
        self.stop = Stop::Leaving;
        if !left {
            return Ok(());
        }
        self.machine.snapshot(at);
        Err(End::Stopped)
    }

    fn commit(&mut self, now: Micros, sites: &mut [Site]) -> Result<(), End> {
        let idle = self.machine.is_idle();
        if !idle {
            self.points.at(Place::Handled)?;
        }
        let committed =
            self.machine.commit(self.clock.at(now)).map_err(|error| failed(&self.points, &error))?;
        if !idle {
            self.points.at(Place::Published)?;
        }
        self.show(committed);
        let at = self.clock.at(now);
        for (link, site) in self.links.iter_mut().zip(sites) {
            if link.session.asks_engine() {
                link.session.engine_lives(at);
            }
            link.act(now, at, site, &self.points)?;
        }
        Ok(())
    }

    /// What a commit lets out.
    fn show(&mut self, committed: Committed) {
        let durable = self.machine.degraded().is_none();
        self.answers.extend(committed.answers.into_iter().map(|answer| (answer, durable)));
        for action in committed.actions {
            if let Some(link) = self.links.iter_mut().find(|link| link.pbx == action.pbx) {
                link.actions.push_back(action);
            }
        }
    }
}

impl Link {
    /// Connects, reads what has come, does what is due: the facts of it.
    fn listen(
        &mut self,
        now: Micros,
        at: Timestamp,
        site: &mut Site,
        points: &Points,
    ) -> Result<Vec<PbxEvent>, End> {
        if !self.connected {
            if self.retry_at > now {
                return Ok(self.session.take_facts());
            }
            site.connect(now);
            self.session.opened(at);
            self.connected = true;
        }
        let mut done = Ok(());
        match site.read(now) {
            Heard::Nothing => {}
            Heard::Closed => done = Err("the PBX closed the connection".to_owned()),
            Heard::Bytes(bytes) => {
                points.at(Place::Received)?;
                if let Some(incoming) = self.session.incoming() {
                    incoming.extend_from_slice(&bytes);
                }
                self.session.heard(at);
            }
        }
        let mut facts = self.session.take_facts();
        let mut more = true;
        while more && done.is_ok() {
            more = self.session.read(at).unwrap_or_else(|reason| {
                done = Err(reason);
                false
            });
            facts.append(&mut self.session.take_facts());
        }
        if let Err(reason) = done.and_then(|()| self.session.poll(at)) {
            self.lost(now, at, &reason, site);
        }
        facts.append(&mut self.session.take_facts());
        Ok(facts)
    }

    fn lost(&mut self, now: Micros, at: Timestamp, reason: &str, site: &mut Site) {
        site.disconnect(now);
        if self.session.lost(at, reason) {
            self.pause = PAUSES.0;
        }
        self.connected = false;
        self.retry_at = now + self.pause;
        self.pause = (self.pause * 2).min(PAUSES.1);
    }

    /// Sends what is to be sent, action by action.
    fn act(&mut self, now: Micros, at: Timestamp, site: &mut Site, points: &Points) -> Result<(), End> {
        self.flush(now, site);
        while let Some(action) = self.actions.pop_front() {
            self.session.act(at, action);
            let bytes = self.session.take_outgoing().freeze();
            if points.at(Place::HalfSent).is_err() {
                site.write(now, bytes.slice(..bytes.len() / 2));
                return Err(End::Killed);
            }
            site.write(now, bytes);
            points.at(Place::Sent)?;
        }
        Ok(())
    }

    fn flush(&mut self, now: Micros, site: &mut Site) {
        let bytes: Bytes = self.session.take_outgoing().freeze();
        site.write(now, bytes);
    }
}

/// A journal that fails because the daemon is killed in it is no failure.
fn failed(points: &Points, error: &hookswitch_journal::Error) -> End {
    if points.is_dead() { End::Killed } else { End::Failed(format!("the journal failed: {error}")) }
}
