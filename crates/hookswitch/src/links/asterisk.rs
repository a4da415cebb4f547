//! The link to one Asterisk over TCP: connect, read eagerly, come back. What is said is [`Session`]'s.
//!
//! Asterisk keeps no events for a reader who was away and closes one that does not read. So the socket is read into
//! own memory while the engine is busy, as bytes, which is the smallest form; and after each log-in the PBX is listed
//! and compared with what was believed.

use std::{io, time::Duration};

use bytes::BytesMut;
use hookswitch_model::{PbxId, Timestamp, pbx::PbxAction};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::mpsc,
    time::{sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    LinkStatus,
    backoff::Backoff,
    session::{Session, SessionSettings},
    transport::{Stream, Tls},
};
use crate::daemon::{Clock, Core};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the engine may take to say that it lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);
/// Bytes of the PBX that wait for the engine at most. A PBX whose link is full waits in turn, and closes it in the end
/// (Asterisk: after some MiB or 5 s): the lists are then compared again, which is the honest outcome.
const UNREAD: usize = 2 * 1024 * 1024;
/// What is read at once.
const READ: usize = 64 * 1024;

/// What a link needs to know.
#[derive(Debug, Clone)]
pub(crate) struct LinkSettings {
    pub(crate) address: String,
    pub(crate) tls: Tls,
    pub(crate) session: SessionSettings,
}

/// A link with its memory.
pub(crate) struct AsteriskLink {
    address: String,
    tls: Tls,
    pbx: PbxId,
    session: Session,
    core: Core,
    clock: Clock,
    status: LinkStatus,
}

/// How a connection ended.
enum End {
    Stopped,
    Lost(String),
}

/// What a connection is made of.
struct Wires<'a> {
    reader: ReadHalf<Box<dyn Stream>>,
    writer: mpsc::UnboundedSender<BytesMut>,
    actions: &'a mut mpsc::Receiver<PbxAction>,
    lives: mpsc::Sender<()>,
    life: mpsc::Receiver<()>,
}

impl AsteriskLink {
    pub(crate) fn new(settings: LinkSettings, core: Core, clock: Clock, status: LinkStatus) -> Self {
        let pbx = settings.session.pbx.clone();
        let session = Session::new(settings.session);
        Self { address: settings.address, tls: settings.tls, pbx, session, core, clock, status }
    }

    /// Keeps the link until told to stop. `actions` are those of this PBX, in the order of the journal; `open` those of
    /// a daemon that ran before and did not learn their result, `away_since` is when it stopped looking.
    pub(crate) async fn run(
        mut self,
        open: Vec<PbxAction>,
        away_since: Option<Timestamp>,
        mut actions: mpsc::Receiver<PbxAction>,
        stop: CancellationToken,
    ) {
        let Some(known) = self.core.known_calls(&self.pbx).await else { return };
        self.session.seed(known, open, away_since);
        let mut backoff = Backoff::new();
        loop {
            let reason = match self.connection(&mut actions, &stop).await {
                Ok(End::Stopped) => return,
                Ok(End::Lost(reason)) => reason,
                Err(error) => error.to_string(),
            };
            if self.session.lost(self.clock.now(), &reason) {
                backoff.reset();
            }
            self.status.set(false);
            metrics::counter!("hookswitch_link_lost_total", "pbx" => self.pbx.to_string()).increment(1);
            self.hand_over().await;
            let pause = backoff.next();
            warn!(pbx = %self.pbx, reason, retry_ms = pause.as_millis(), "PBX link lost");
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                () = self.refuse(&mut actions) => {}
            }
        }
    }

    /// Without a connection every action is refused at once.
    async fn refuse(&mut self, actions: &mut mpsc::Receiver<PbxAction>) {
        while let Some(action) = actions.recv().await {
            self.session.act(self.clock.now(), action);
            self.hand_over().await;
        }
        std::future::pending().await
    }

    async fn connection(
        &mut self,
        actions: &mut mpsc::Receiver<PbxAction>,
        stop: &CancellationToken,
    ) -> io::Result<End> {
        let connecting = timeout(CONNECT_TIMEOUT, self.tls.connect(&self.address));
        let stream = tokio::select! {
            () = stop.cancelled() => return Ok(End::Stopped),
            stream = connecting => stream.map_err(|_| io::Error::other("no connection within 5 s"))??,
        };
        let (reader, sink) = tokio::io::split(stream);
        let (writer, queue) = mpsc::unbounded_channel();
        let writing = tokio::spawn(write_all(sink, queue));
        self.session.opened(self.clock.now());
        let (lives, life) = mpsc::channel(1);
        let end = self.serve(Wires { reader, writer, actions, lives, life }, stop).await;
        // The writer ends when its queue is closed and empty.
        let _ = timeout(Duration::from_secs(1), writing).await;
        Ok(end)
    }

    async fn serve(&mut self, mut wires: Wires<'_>, stop: &CancellationToken) -> End {
        let mut leaving = false;
        // Whether undecoded bytes may hold more facts than were taken.
        let mut more = false;
        loop {
            self.flush(&wires);
            let now = self.clock.now();
            if leaving && wires.actions.is_empty() && self.session.has_left(now) {
                self.flush(&wires);
                return End::Stopped;
            }
            let due = self.session.next_deadline().map_or(now, |at| at.max(now));
            let (facts, unread) = (self.session.facts(), self.session.unread());
            let Some(incoming) = self.session.incoming() else { return End::Stopped };
            let mut done = Ok(());
            tokio::select! {
                biased;
                // A stream without a pause must not keep an action, a heartbeat or a stop waiting.
                Some(action) = wires.actions.recv() => self.session.act(self.clock.now(), action),
                Some(()) = wires.life.recv() => self.session.engine_lives(self.clock.now()),
                () = sleep_until(self.clock.instant(due)) => done = self.session.poll(self.clock.now()),
                () = stop.cancelled(), if !leaving => {
                    leaving = true;
                    self.session.leave(self.clock.now());
                }
                room = self.core.room(facts), if facts > 0 => {
                    room.hand_over(self.session.take_facts());
                    if more {
                        done = self.session.read(self.clock.now()).map(|rest| more = rest);
                    }
                }
                read = read_some(&mut wires.reader, incoming), if unread < UNREAD => match read {
                    Ok(0) => done = Err("the PBX closed the connection".to_owned()),
                    Err(error) => done = Err(error.to_string()),
                    Ok(_) => {
                        let now = self.clock.now();
                        self.session.heard(now);
                        done = self.session.read(now).map(|rest| more = rest);
                    }
                },
            }
            if let Err(reason) = done {
                return End::Lost(reason);
            }
        }
    }

    /// What the session wants said, asked and known goes out.
    fn flush(&mut self, wires: &Wires<'_>) {
        let outgoing = self.session.take_outgoing();
        if !outgoing.is_empty() {
            // A closed queue means that the connection is ending; its end is told elsewhere.
            let _ = wires.writer.send(outgoing);
        }
        if self.session.asks_engine() {
            let (core, lives) = (self.core.clone(), wires.lives.clone());
            tokio::spawn(async move {
                if timeout(SIGN_OF_LIFE, core.alive()).await.is_ok_and(|alive| alive) {
                    // A connection that is over needs no heartbeat.
                    let _ = lives.try_send(());
                }
            });
        }
        // Only when the engine has been sent the word: who reads that the link is up may ask the engine.
        if self.session.is_up() && self.session.facts() == 0 && !self.status.up() {
            self.status.set(true);
        }
    }

    async fn hand_over(&mut self) {
        let room = self.core.room(self.session.facts()).await;
        room.hand_over(self.session.take_facts());
    }
}

async fn read_some(reader: &mut ReadHalf<Box<dyn Stream>>, buffer: &mut BytesMut) -> io::Result<usize> {
    buffer.reserve(READ);
    reader.read_buf(buffer).await
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
