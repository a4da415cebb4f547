//! The link to one Asterisk: connect, log in, read eagerly, ask, keep alive, come back.
//!
//! Asterisk keeps no events for a reader who was away and closes one that does not read. So the socket is always
//! read into own memory, and after each log-in the PBX is listed and compared with what was believed.

use std::{collections::BTreeSet, io, time::Duration};

use bytes::BytesMut;
use hookswitch_ami::{
    Action, AmiCodec, Credentials, Decoded, EventClass, EventMask, Frame, FrameKind, KeepAlive,
    KeepAliveStep, Login, LoginStep,
};
use hookswitch_model::{
    ActionId, PbxId, Timestamp,
    pbx::{Fact, PbxAction, PbxEvent},
    setup::Mode,
};
use hookswitch_normalize::{from_ami::Normalizer, to_ami};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::{codec::Decoder, sync::CancellationToken};
use tracing::{debug, info, warn};

use super::{
    LinkStatus,
    backoff::Backoff,
    transport::{Stream, Tls},
};
use crate::daemon::{Clock, Core};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const LOGIN_TIMEOUT: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(5);
const HEARTBEAT: Duration = Duration::from_secs(3);
/// How long a stopping daemon stays for the PBX's answers to its last actions.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// ActionID of the `Ping` that asks for the PBX's time.
const CLOCK_ID: &str = "hookswitch-clock";
const READ_BUFFER: usize = 256 * 1024;

/// What a link needs to know.
#[derive(Debug, Clone)]
pub(crate) struct LinkSettings {
    pub(crate) pbx: PbxId,
    pub(crate) address: String,
    pub(crate) tls: Tls,
    pub(crate) credentials: Credentials,
    pub(crate) mode: Mode,
    pub(crate) dialect: hookswitch_normalize::settings::Settings,
    pub(crate) actions: to_ami::Settings,
}

/// A link with its memory: what the normaliser believes outlives a connection.
pub(crate) struct AsteriskLink {
    settings: LinkSettings,
    core: Core,
    clock: Clock,
    status: LinkStatus,
    normalizer: Normalizer,
}

/// How a connection ended.
enum End {
    Stopped,
    Lost { reason: String, logged_in: bool },
}

/// What lives as long as one connection.
struct Session {
    codec: AmiCodec,
    buffer: BytesMut,
    login: Option<Login>,
    /// The PBX's version, until the first heartbeat is out and its lists are asked for.
    unlisted: Option<String>,
    alive: KeepAlive,
    opened: Instant,
    outgoing: mpsc::UnboundedSender<BytesMut>,
    /// Actions sent and not answered: a stopping daemon stays for their answers.
    pending: BTreeSet<ActionId>,
    facts: Vec<PbxEvent>,
}

impl AsteriskLink {
    pub(crate) fn new(settings: LinkSettings, core: Core, clock: Clock, status: LinkStatus) -> Self {
        let normalizer = Normalizer::new(settings.dialect.clone());
        Self { settings, core, clock, status, normalizer }
    }

    /// Keeps the link until told to stop. `actions` are those of this PBX, in the order of the journal; `away_since`
    /// is when the daemon that ran before stopped looking.
    pub(crate) async fn run(
        mut self,
        away_since: Option<Timestamp>,
        mut actions: mpsc::Receiver<PbxAction>,
        stop: CancellationToken,
    ) {
        let Some(known) = self.core.known_calls(&self.settings.pbx).await else { return };
        self.normalizer.seed(known);
        if let Some(since) = away_since {
            // The engine was told before it could decide anything; here it is the beginning of the gap.
            self.normalizer.disconnected(since, "the daemon was not running", &mut Vec::new());
        }
        let mut backoff = Backoff::new();
        loop {
            let (reason, logged_in) = match self.connection(&mut actions, &stop).await {
                Ok(End::Stopped) => return,
                Ok(End::Lost { reason, logged_in }) => (reason, logged_in),
                Err(error) => (error.to_string(), false),
            };
            self.status.set(false);
            metrics::counter!("hookswitch_link_lost_total", "pbx" => self.settings.pbx.to_string())
                .increment(1);
            if logged_in {
                backoff.reset();
                let mut facts = Vec::new();
                self.normalizer.disconnected(self.clock.now(), &reason, &mut facts);
                self.core.facts(facts).await;
            }
            let pause = backoff.next();
            warn!(pbx = %self.settings.pbx, reason, retry_ms = pause.as_millis(), "PBX link lost");
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn connection(
        &mut self,
        actions: &mut mpsc::Receiver<PbxAction>,
        stop: &CancellationToken,
    ) -> io::Result<End> {
        let connecting = timeout(CONNECT_TIMEOUT, self.settings.tls.connect(&self.settings.address));
        let stream = tokio::select! {
            () = stop.cancelled() => return Ok(End::Stopped),
            stream = connecting => stream.map_err(|_| io::Error::other("no connection within 5 s"))??,
        };
        let (reader, writer) = tokio::io::split(stream);
        let (outgoing, queue) = mpsc::unbounded_channel();
        let writing = tokio::spawn(write_all(writer, queue));
        let mut session = Session::new(&self.settings, outgoing);
        let end = self.serve(&mut session, reader, actions, stop).await;
        drop(session);
        // The writer ends when its queue is closed and empty.
        let _ = timeout(Duration::from_secs(1), writing).await;
        Ok(end)
    }

    async fn serve(
        &mut self,
        session: &mut Session,
        mut reader: ReadHalf<Box<dyn Stream>>,
        actions: &mut mpsc::Receiver<PbxAction>,
        stop: &CancellationToken,
    ) -> End {
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        let mut leaving: Option<Instant> = None;
        loop {
            let due = session.opened + session.alive.next_deadline();
            let tick = self.normalizer.next_deadline().map(|at| self.clock.instant(at));
            tokio::select! {
                biased;
                read = reader.read_buf(&mut session.buffer) => match read {
                    Ok(0) => return session.lost("the PBX closed the connection"),
                    Err(error) => return session.lost(&error.to_string()),
                    Ok(_) => if let Err(reason) = self.received(session).await {
                        return session.lost(&reason);
                    },
                },
                Some(action) = actions.recv(), if session.login.is_none() => self.act(session, &action).await,
                _ = heartbeat.tick(), if session.login.is_none() && leaving.is_none() => self.beat(session),
                () = sleep_until(due) => if let Err(reason) = session.keep_alive() {
                    return session.lost(&reason);
                },
                () = sleep_until(tick.unwrap_or(due)), if tick.is_some() => self.tick(session).await,
                () = stop.cancelled(), if leaving.is_none() => {
                    leaving = Some(Instant::now() + LAST_ANSWERS);
                    self.stop_beating(session);
                }
                () = sleep_until(leaving.unwrap_or_else(Instant::now)), if leaving.is_some() => return End::Stopped,
            }
            if leaving.is_some() && session.pending.is_empty() && actions.is_empty() {
                session.send(&Action::new("Logoff"));
                return End::Stopped;
            }
        }
    }

    /// Decodes everything that has come and hands the facts on, in one piece.
    async fn received(&mut self, session: &mut Session) -> Result<(), String> {
        let at = self.clock.now();
        session.alive.heard(session.opened.elapsed());
        loop {
            match session.codec.decode(&mut session.buffer) {
                Ok(Some(Decoded::Frame(frame))) => self.frame(session, at, &frame)?,
                Ok(Some(Decoded::Refused(refused))) => {
                    metrics::counter!("hookswitch_ami_refused_total", "reason" => refused.reason.as_str())
                        .increment(1);
                    debug!(pbx = %self.settings.pbx, reason = refused.reason.as_str(), bytes = refused.bytes, "AMI message refused");
                }
                Ok(None) => break,
                Err(error) => return Err(error.to_string()),
            }
        }
        self.hand_over(session).await;
        Ok(())
    }

    /// Time passed for the normaliser without a frame.
    async fn tick(&mut self, session: &mut Session) {
        self.normalizer.tick(self.clock.now(), &mut session.facts);
        self.hand_over(session).await;
    }

    async fn hand_over(&mut self, session: &mut Session) {
        for request in self.normalizer.take_requests() {
            session.send(&request);
        }
        if session.facts.iter().any(|event| matches!(event.fact, Fact::LinkUp { .. })) {
            self.status.set(true);
        }
        self.core.facts(std::mem::take(&mut session.facts)).await;
    }

    fn frame(&mut self, session: &mut Session, at: Timestamp, frame: &Frame) -> Result<(), String> {
        if let Some(login) = &mut session.login {
            match login.on_frame(frame) {
                LoginStep::Send(action) => session.send(&action),
                LoginStep::Wait => {}
                LoginStep::LoggedIn { version } => {
                    info!(pbx = %self.settings.pbx, version, "logged in");
                    session.login = None;
                    match self.settings.mode {
                        Mode::Observe => self.normalizer.connected(at, &version),
                        // The waiting room must know that somebody decides before anything is decided.
                        Mode::Route => session.unlisted = Some(version),
                    }
                    self.beat(session);
                }
                LoginStep::Refused(refused) => return Err(refused.to_string()),
            }
            return Ok(());
        }
        if frame.kind() == FrameKind::Response && frame.action_id() == Some(CLOCK_ID) {
            let clock = frame.get("Timestamp").and_then(|stamp| stamp.split('.').next()?.parse().ok());
            session.send(&heartbeat(clock.unwrap_or_else(|| at.as_millis() / 1_000)));
            if let Some(version) = session.unlisted.take() {
                self.normalizer.connected(at, &version);
            }
            return Ok(());
        }
        if frame.kind() == FrameKind::Response
            && let Some(action) = frame.action_id().and_then(|id| id.parse().ok())
        {
            session.pending.remove(&action);
        }
        self.normalizer.frame(at, frame, &mut session.facts);
        Ok(())
    }

    /// Carries an action out, once, unless it came too late.
    async fn act(&mut self, session: &mut Session, action: &PbxAction) {
        let now = self.clock.now();
        let refusal = if action.expires_at < now {
            Some("expired before the link could carry it".to_owned())
        } else {
            match to_ami::translate(action, &self.settings.actions) {
                Ok(requests) => {
                    session.pending.insert(action.id);
                    self.normalizer.sent(action);
                    for request in requests {
                        session.send(&request);
                    }
                    None
                }
                Err(error) => Some(error.to_string()),
            }
        };
        if let Some(refused) = refusal {
            warn!(pbx = %self.settings.pbx, action = %action.id, refused, "action not carried out");
            let fact = self.fact(now, Fact::ActionResult { action: action.id, refused: Some(refused) });
            self.core.facts(vec![fact]).await;
        }
    }

    /// Tells the dialplan that somebody decides. The dialplan compares with the PBX's own clock, so that is asked
    /// first (the answer to `Ping` has it), and no difference of clocks sends a caller to the fallback. But it is asked only
    /// while the engine really answers, so that a daemon that hangs loses its callers to the fallback, not to silence.
    fn beat(&self, session: &Session) {
        if self.settings.mode != Mode::Route {
            return;
        }
        let (core, outgoing) = (self.core.clone(), session.outgoing.clone());
        tokio::spawn(async move {
            if timeout(HEARTBEAT, core.alive()).await.is_ok_and(|alive| alive) {
                send(&outgoing, &Action::new("Ping").action_id(CLOCK_ID));
            }
        });
    }

    fn stop_beating(&self, session: &Session) {
        if self.settings.mode == Mode::Route && session.login.is_none() {
            session.send(&heartbeat(0));
        }
    }

    fn fact(&self, at: Timestamp, fact: Fact) -> PbxEvent {
        PbxEvent { pbx: self.settings.pbx.clone(), at, recovered: false, fact }
    }
}

/// Epoch seconds for the waiting room's dialplan.
fn heartbeat(seconds: u64) -> Action {
    Action::new("Setvar")
        .action_id("hookswitch-heartbeat")
        .header("Variable", "HS_HEARTBEAT")
        .header("Value", seconds.to_string())
}

fn send(outgoing: &mpsc::UnboundedSender<BytesMut>, action: &Action) {
    let mut bytes = BytesMut::new();
    match action.encode(&mut bytes) {
        // A closed queue means that the connection is ending; its end is told elsewhere.
        Ok(()) => drop(outgoing.send(bytes)),
        Err(error) => warn!(%error, "action refused before it was sent"),
    }
}

async fn write_all(mut writer: WriteHalf<Box<dyn Stream>>, mut queue: mpsc::UnboundedReceiver<BytesMut>) {
    while let Some(mut bytes) = queue.recv().await {
        while let Ok(more) = queue.try_recv() {
            bytes.unsplit(more);
        }
        if writer.write_all(&bytes).await.is_err() {
            return; // the reader sees the same end and names it
        }
    }
    let _ = writer.shutdown().await;
}

impl Session {
    fn new(settings: &LinkSettings, outgoing: mpsc::UnboundedSender<BytesMut>) -> Self {
        let events = EventMask::Classes(vec![
            EventClass::System,
            EventClass::Call,
            EventClass::Agent,
            EventClass::User,
        ]);
        Self {
            codec: AmiCodec::default(),
            buffer: BytesMut::with_capacity(READ_BUFFER),
            login: Some(Login::new(settings.credentials.clone(), events)),
            unlisted: None,
            alive: KeepAlive::new(KEEP_ALIVE, SILENCE, Duration::ZERO),
            opened: Instant::now(),
            outgoing,
            pending: BTreeSet::new(),
            facts: Vec::new(),
        }
    }

    fn send(&self, action: &Action) {
        send(&self.outgoing, action);
    }

    fn keep_alive(&mut self) -> Result<(), String> {
        let now = self.opened.elapsed();
        if self.login.is_some() && now > LOGIN_TIMEOUT {
            return Err("no log-in within 10 s".to_owned());
        }
        match self.alive.poll(now) {
            KeepAliveStep::Idle => Ok(()),
            KeepAliveStep::Ping(ping) => {
                if self.login.is_none() {
                    self.send(&ping);
                }
                Ok(())
            }
            KeepAliveStep::Dead { silent_for } => Err(format!("silent for {} s", silent_for.as_secs())),
        }
    }

    fn lost(&self, reason: &str) -> End {
        End::Lost { reason: reason.to_owned(), logged_in: self.login.is_none() }
    }
}
