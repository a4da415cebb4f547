//! A link to one Asterisk without its socket and clock: log-in, lists, heartbeat, actions, silence.
//!
//! Bytes and time go in; bytes to send, facts and the wish to know whether the engine lives come out. The daemon
//! drives it over TCP, a simulation over memory.
//!
//! ```text
//! opened → log in → heartbeat written and answered → lists → up ⇄ actions, keep-alive → lost → opened …
//! ```

use std::{collections::VecDeque, time::Duration};

use bytes::BytesMut;
use hookswitch_ami::{
    Action, AmiCodec, Credentials, Decoded, EventClass, EventMask, Frame, FrameKind, KeepAlive,
    KeepAliveStep, Login, LoginStep,
};
use hookswitch_model::{
    ActionId, Millis, PbxId, Timestamp,
    pbx::{Fact, KnownCall, PbxAction, PbxEvent},
    setup::Mode,
};
use hookswitch_normalize::{from_ami::Normalizer, settings, to_ami};
use tokio_util::codec::Decoder;
use tracing::{debug, info, warn};

use super::open;

const LOGIN_TIMEOUT: Millis = Millis::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(5);
const HEARTBEAT: Millis = Millis::from_secs(3);
/// The waiting room waits 9 s for a heartbeat, by whole seconds of the PBX's clock. One older than this may have been given
/// up on: what is read from then on may be of callers who have gone to the fallback.
const HEARTBEAT_HOLDS: Millis = Millis::from_secs(8);
/// How long a stopping daemon stays for the PBX's answers to its last actions.
const LAST_ANSWERS: Millis = Millis::from_secs(2);
/// Facts decoded before they are handed on: what has come in otherwise stays bytes, its smallest form.
const PIECE: usize = 256;
/// A buffer larger than this is given back once it is empty.
const ROOMY: usize = 256 * 1024;
/// ActionID of the `Ping` that asks for the PBX's time.
const CLOCK_ID: &str = "hookswitch-clock";
/// ActionID of the `Setvar` that writes the heartbeat.
const HEARTBEAT_ID: &str = "hookswitch-heartbeat";

/// What a link needs to know of its PBX.
#[derive(Debug, Clone)]
pub struct SessionSettings {
    /// Its name.
    pub pbx: PbxId,
    /// Who we are there.
    pub credentials: Credentials,
    /// Whether calls are routed there, or only watched.
    pub mode: Mode,
    /// How its stream is read.
    pub dialect: settings::Settings,
    /// How actions are asked for.
    pub actions: to_ami::Settings,
}

/// See the module. It outlives connections: what the normaliser believes is compared after the next log-in.
#[derive(Debug)]
pub struct Session {
    settings: SessionSettings,
    normalizer: Normalizer,
    connection: Option<Connection>,
    outgoing: BytesMut,
    facts: Vec<PbxEvent>,
    up: bool,
    /// Actions of which the PBX has not said whether it got them, from before this connection.
    open: Vec<PbxAction>,
}

/// What lives as long as one connection.
#[derive(Debug)]
struct Connection {
    codec: AmiCodec,
    buffer: BytesMut,
    login: Option<Login>,
    /// The PBX's version, until the first heartbeat is written there and its lists are asked for.
    unlisted: Option<String>,
    alive: KeepAlive,
    opened: Timestamp,
    /// When the engine is to be asked for the next heartbeat; none: before the log-in, in observe mode, or leaving.
    beat_at: Option<Timestamp>,
    /// The engine is to be asked whether it lives.
    asks: bool,
    /// Heartbeats on their way, oldest first: when each was begun.
    beats: VecDeque<Timestamp>,
    /// When the heartbeat was begun that the PBX said it has; none: not yet.
    beaten: Option<Timestamp>,
    /// Actions sent and not answered, in order: a stopping daemon stays for their answers.
    pending: VecDeque<PbxAction>,
    /// When the connection is closed at the latest, once the daemon stops.
    leave_by: Option<Timestamp>,
}

impl Session {
    /// A link that was never up.
    #[must_use]
    pub fn new(settings: SessionSettings) -> Self {
        let normalizer = Normalizer::new(settings.dialect.clone());
        Self {
            settings,
            normalizer,
            connection: None,
            outgoing: BytesMut::new(),
            facts: Vec::new(),
            up: false,
            open: Vec::new(),
        }
    }

    /// What the engine believes at the start, and the actions whose result it does not know. `away_since` is when the
    /// daemon that ran before stopped looking: the beginning of the gap that the first lists end.
    pub fn seed(&mut self, known: Vec<KnownCall>, open: Vec<PbxAction>, away_since: Option<Timestamp>) {
        self.normalizer.seed(known);
        self.open = open;
        if let Some(since) = away_since {
            // The engine was told before it could decide anything.
            self.normalizer.disconnected(since, "the daemon was not running", &mut Vec::new());
        }
    }

    /// A connection was made.
    pub fn opened(&mut self, now: Timestamp) {
        self.outgoing.clear();
        self.connection = Some(Connection::new(now, self.settings.credentials.clone()));
    }

    /// Where bytes of the PBX are put, before [`Self::read`]; none without a connection.
    pub fn incoming(&mut self) -> Option<&mut BytesMut> {
        self.connection.as_mut().map(|connection| &mut connection.buffer)
    }

    /// Bytes of the PBX that have not been read yet.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.connection.as_ref().map_or(0, |connection| connection.buffer.len())
    }

    /// The PBX was heard at this time, whether or not what it said is read at once.
    pub fn heard(&mut self, now: Timestamp) {
        if let Some(connection) = &mut self.connection {
            connection.alive.heard(connection.age(now));
        }
    }

    /// Reads what has come, until all of it is read or some facts wait to be taken. True: there may be more to read.
    ///
    /// # Errors
    /// Why the connection is of no use; tell [`Self::lost`].
    pub fn read(&mut self, now: Timestamp) -> Result<bool, String> {
        self.is_current(now)?;
        while self.facts.len() < PIECE {
            let Some(connection) = &mut self.connection else { return Ok(false) };
            match connection.codec.decode(&mut connection.buffer).map_err(|error| error.to_string())? {
                Some(Decoded::Frame(frame)) => self.frame(now, &frame)?,
                Some(Decoded::Refused(refused)) => {
                    let reason = refused.reason.as_str();
                    metrics::counter!("hookswitch_ami_refused_total", "reason" => reason).increment(1);
                    debug!(pbx = %self.settings.pbx, reason, bytes = refused.bytes, "AMI message refused");
                }
                None => {
                    // What a burst needed is not kept.
                    if connection.buffer.is_empty() && connection.buffer.capacity() > ROOMY {
                        connection.buffer = BytesMut::new();
                    }
                    self.settle();
                    return Ok(false);
                }
            }
        }
        self.settle();
        Ok(true)
    }

    /// A machine that was stopped, or a wire that stood still, brings old news, and callers who were given up on long ago:
    /// nothing may be decided on that, so the PBX is listed anew.
    fn is_current(&self, now: Timestamp) -> Result<(), String> {
        let beaten = self.connection.as_ref().and_then(|connection| connection.beaten);
        match beaten.map(|at| now.since(at)).filter(|old| *old > HEARTBEAT_HOLDS) {
            Some(old) => Err(format!("the waiting room's last heartbeat is {} s old", old.as_secs_ceil())),
            None => Ok(()),
        }
    }

    /// Carries an action out, once: at once or not at all. One that comes too late, or while the link is not up, is
    /// refused, because what it would do may be wrong by the time the PBX is seen again.
    pub fn act(&mut self, now: Timestamp, action: PbxAction) {
        let asked = if action.expires_at < now {
            Err("expired before the link could carry it".to_owned())
        } else if !self.up {
            Err("the link to the PBX is down".to_owned())
        } else {
            self.normalizer.translate(&action, &self.settings.actions).map_err(|error| error.to_string())
        };
        match asked {
            Ok(requests) => self.ask(now, action, &requests),
            Err(refused) => {
                warn!(pbx = %self.settings.pbx, action = %action.id, refused, "action not carried out");
                self.result(now, action.id, Some(refused));
            }
        }
    }

    fn ask(&mut self, now: Timestamp, action: PbxAction, requests: &[Action]) {
        self.normalizer.sent(now, &action);
        for request in requests {
            self.send(request);
        }
        if requests.iter().any(open::begins_a_call) {
            self.send(&open::mark(action.id));
        }
        if let Some(connection) = &mut self.connection {
            connection.pending.push_back(action);
        }
    }

    fn result(&mut self, at: Timestamp, action: ActionId, refused: Option<String>) {
        let pbx = self.settings.pbx.clone();
        self.facts.push(PbxEvent { pbx, at, recovered: false, fact: Fact::ActionResult { action, refused } });
    }

    /// Does what is due by this time.
    ///
    /// # Errors
    /// Why the connection is of no use; tell [`Self::lost`].
    pub fn poll(&mut self, now: Timestamp) -> Result<(), String> {
        self.is_current(now)?;
        if self.normalizer.next_deadline().is_some_and(|due| due <= now) {
            self.normalizer.tick(now, &mut self.facts);
            self.settle();
        }
        let Some(connection) = &mut self.connection else { return Ok(()) };
        if connection.login.is_some() && now.since(connection.opened) > LOGIN_TIMEOUT {
            return Err("no log-in within 10 s".to_owned());
        }
        if connection.beat_at.is_some_and(|at| at <= now) {
            connection.beat_at = Some(now + HEARTBEAT);
            connection.asks = true;
        }
        match connection.alive.poll(connection.age(now)) {
            KeepAliveStep::Ping(ping) if connection.login.is_none() => self.send(&ping),
            KeepAliveStep::Idle | KeepAliveStep::Ping(_) => {}
            KeepAliveStep::Dead { silent_for } => {
                return Err(format!("silent for {} s", silent_for.as_secs()));
            }
        }
        Ok(())
    }

    /// When [`Self::poll`] has something to do, if nothing comes before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let connection = self.connection.as_ref().map(|connection| {
            let silence = connection.at(connection.alive.next_deadline());
            let current = connection.beaten.map(|at| at + HEARTBEAT_HOLDS + Millis(1));
            [connection.beat_at, connection.leave_by, current]
                .into_iter()
                .flatten()
                .fold(silence, Timestamp::min)
        });
        self.normalizer.next_deadline().into_iter().chain(connection).min()
    }

    /// Whether the engine is to be asked if it lives; asks once. The heartbeat tells the dialplan that somebody
    /// decides, so a daemon that hangs loses its callers to the fallback, not to silence.
    pub fn asks_engine(&mut self) -> bool {
        self.connection.as_mut().is_some_and(|connection| std::mem::take(&mut connection.asks))
    }

    /// The engine lives. The dialplan compares the heartbeat with the PBX's own clock, so that is asked first (the
    /// answer to `Ping` has it): no difference of clocks sends a caller to the fallback.
    pub fn engine_lives(&mut self, now: Timestamp) {
        if self.is_logged_in() && !self.is_leaving() {
            self.send(&Action::new("Ping").action_id(CLOCK_ID));
            if let Some(connection) = &mut self.connection {
                connection.beats.push_back(now);
            }
        }
    }

    /// The connection is gone. True: it had worked, so it may be tried again at once.
    pub fn lost(&mut self, now: Timestamp, reason: &str) -> bool {
        self.up = false;
        self.outgoing.clear();
        let Some(connection) = self.connection.take() else { return false };
        let logged_in = connection.login.is_none();
        self.open.extend(connection.pending);
        if logged_in {
            self.normalizer.disconnected(now, reason, &mut self.facts);
        }
        logged_in
    }

    /// The daemon stops: the waiting room learns that nobody decides any more, last answers are waited for.
    pub fn leave(&mut self, now: Timestamp) {
        let route = self.settings.mode == Mode::Route;
        let Some(connection) = &mut self.connection else { return };
        (connection.beat_at, connection.beaten) = (None, None);
        connection.beats.clear();
        connection.leave_by = Some(now + LAST_ANSWERS);
        if route && connection.login.is_none() {
            self.send(&heartbeat(0));
        }
    }

    /// Whether a leaving link has nothing left to wait for. It says good-bye with that.
    pub fn has_left(&mut self, now: Timestamp) -> bool {
        let Some(connection) = &self.connection else { return true };
        let Some(by) = connection.leave_by else { return false };
        if connection.pending.is_empty() {
            self.send(&Action::new("Logoff"));
            return true;
        }
        by <= now
    }

    /// What is to be sent to the PBX.
    pub fn take_outgoing(&mut self) -> BytesMut {
        self.outgoing.split()
    }

    /// How many facts wait to be taken.
    #[must_use]
    pub fn facts(&self) -> usize {
        self.facts.len()
    }

    /// What was seen, in order.
    pub fn take_facts(&mut self) -> Vec<PbxEvent> {
        std::mem::take(&mut self.facts)
    }

    /// Logged in and listed, the waiting room knows that somebody decides.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.up
    }

    /// Whether actions can be carried out.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.login.is_none())
    }

    fn is_leaving(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.leave_by.is_some())
    }

    /// What the normaliser asks goes out; its word that the lists are complete makes the link one that is up.
    fn settle(&mut self) {
        for request in self.normalizer.take_requests() {
            self.send(&request);
        }
        if !self.up && self.facts.iter().any(|event| matches!(event.fact, Fact::LinkUp { .. })) {
            self.up = true;
            // Of a Ring the lists have told what became of it, and so they have of what ends or joins legs.
            self.open.retain(open::moves_a_caller);
            for question in self.open.iter().filter_map(open::where_is_he).collect::<Vec<_>>() {
                self.send(&question);
            }
        }
    }

    /// The waiting room knows that somebody decides: what may have begun a call and was not answered is asked after,
    /// then the PBX is listed.
    fn greeted(&mut self, now: Timestamp) {
        if self.open.iter().any(|action| self.begins_a_call(action)) {
            self.send(&open::last_mark());
        } else {
            self.list(now);
        }
    }

    fn list(&mut self, now: Timestamp) {
        let Some(connection) = &mut self.connection else { return };
        if let Some(version) = connection.unlisted.take() {
            self.normalizer.connected(now, &version);
        }
    }

    fn begins_a_call(&self, action: &PbxAction) -> bool {
        to_ami::translate(action, &self.settings.actions)
            .is_ok_and(|requests| requests.iter().any(open::begins_a_call))
    }

    /// The PBX said which action that begins a call reached it last: those after it did not, and are carried out now.
    fn marked(&mut self, now: Timestamp, frame: &Frame) {
        let open = std::mem::take(&mut self.open);
        let (dials, rest): (Vec<_>, Vec<_>) = open.into_iter().partition(|action| self.begins_a_call(action));
        self.open = rest;
        let last: Option<ActionId> = frame.get("Value").and_then(|id| id.parse().ok());
        let reached = open::reached(&dials, last);
        for (place, action) in dials.into_iter().enumerate() {
            if place < reached {
                self.result(now, action.id, None);
            } else if action.expires_at < now {
                self.result(now, action.id, Some("expired before the link could carry it".to_owned()));
            } else if !frame.is_success() {
                self.result(now, action.id, Some("it is not known whether the PBX took it".to_owned()));
            } else if let Ok(requests) = self.normalizer.translate(&action, &self.settings.actions) {
                info!(pbx = %self.settings.pbx, action = %action.id, "carried out after the gap: it had not reached the PBX");
                self.ask(now, action, &requests);
            }
        }
        self.list(now);
    }

    /// The PBX said where a caller is whom an action was to send away.
    fn found(&mut self, now: Timestamp, action: ActionId, frame: &Frame) {
        self.open.retain(|open| open.id != action);
        let waits = frame.get("Value").is_some_and(|context| context == open::WAITING_ROOM);
        let refused = (frame.is_success() && waits).then(|| "it did not reach the PBX".to_owned());
        self.result(now, action, refused);
    }

    fn frame(&mut self, now: Timestamp, frame: &Frame) -> Result<(), String> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        if let Some(login) = &mut connection.login {
            match login.on_frame(frame) {
                LoginStep::Send(action) => self.send(&action),
                LoginStep::Wait => {}
                LoginStep::LoggedIn { version } => self.logged_in(now, version),
                LoginStep::Refused(refused) => return Err(refused.to_string()),
            }
            return Ok(());
        }
        if frame.kind() == FrameKind::Response {
            match frame.action_id() {
                Some(CLOCK_ID) => {
                    let clock =
                        frame.get("Timestamp").and_then(|stamp| stamp.split('.').next()?.parse().ok());
                    let beat = heartbeat(clock.unwrap_or_else(|| now.as_millis() / 1_000));
                    if !self.is_leaving() {
                        self.send(&beat);
                    }
                    return Ok(());
                }
                Some(HEARTBEAT_ID) => {
                    // The PBX answers in the order it was asked.
                    connection.beaten = connection.beats.pop_front().or(connection.beaten);
                    if connection.unlisted.is_some() {
                        self.greeted(now);
                    }
                    return Ok(());
                }
                Some(open::MARK_ID) => return Ok(()),
                Some(open::LAST_MARK_ID) => {
                    self.marked(now, frame);
                    return Ok(());
                }
                Some(id) if let Some(action) = open::asked_after(id) => {
                    self.found(now, action, frame);
                    return Ok(());
                }
                Some(id) => {
                    if let Ok(action) = id.parse::<ActionId>() {
                        connection.pending.retain(|pending| pending.id != action);
                    }
                }
                None => {}
            }
        }
        self.normalizer.frame(now, frame, &mut self.facts);
        Ok(())
    }

    fn logged_in(&mut self, now: Timestamp, version: String) {
        info!(pbx = %self.settings.pbx, version, "logged in");
        let Some(connection) = &mut self.connection else { return };
        connection.login = None;
        connection.unlisted = Some(version);
        match self.settings.mode {
            Mode::Observe => self.greeted(now),
            Mode::Route => {
                connection.beat_at = Some(now + HEARTBEAT);
                connection.asks = true;
            }
        }
    }

    fn send(&mut self, action: &Action) {
        if let Err(error) = action.encode(&mut self.outgoing) {
            warn!(pbx = %self.settings.pbx, %error, "action refused before it was sent");
        }
    }
}

impl Connection {
    fn new(now: Timestamp, credentials: Credentials) -> Self {
        let events = EventMask::Classes(vec![
            EventClass::System,
            EventClass::Call,
            EventClass::Agent,
            EventClass::User,
        ]);
        Self {
            codec: AmiCodec::default(),
            buffer: BytesMut::new(),
            login: Some(Login::new(credentials, events)),
            unlisted: None,
            alive: KeepAlive::new(KEEP_ALIVE, SILENCE, Duration::ZERO),
            opened: now,
            beat_at: None,
            asks: false,
            beats: VecDeque::new(),
            beaten: None,
            pending: VecDeque::new(),
            leave_by: None,
        }
    }

    fn age(&self, now: Timestamp) -> Duration {
        Duration::from_micros(now.as_micros().saturating_sub(self.opened.as_micros()))
    }

    fn at(&self, age: Duration) -> Timestamp {
        let age = u64::try_from(age.as_micros()).unwrap_or(u64::MAX);
        Timestamp::from_micros(self.opened.as_micros().saturating_add(age))
    }
}

/// Epoch seconds for the waiting room's dialplan.
fn heartbeat(seconds: u64) -> Action {
    Action::new("Setvar")
        .action_id(HEARTBEAT_ID)
        .header("Variable", "HS_HEARTBEAT")
        .header("Value", seconds.to_string())
}
