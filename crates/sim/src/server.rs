//! The simulated PBX on a real socket, in real time.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use hookswitch_ami::{AmiCodec, Decoded};
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::codec::FramedRead;
use tokio_util::sync::CancellationToken;

use crate::config::Micros;
use crate::pbx::{CallIn, LegId, Mood, Notice, Output, Pbx, SessionId};

/// Most messages gathered for one write.
const BATCH: usize = 256;

/// Most bytes that wait for a client that does not read; it is closed then, as Asterisk closes it.
const MOST_WAITING: usize = 256 * 1024 * 1024;

/// A running simulated PBX. Clones drive the same one; it stops when the last clone is gone.
#[derive(Clone, Debug)]
pub struct Sim {
    shared: Arc<Shared>,
    address: SocketAddr,
    _stop: Arc<StopOnDrop>,
}

#[derive(Debug)]
struct StopOnDrop(CancellationToken);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// What the tasks and the handles share.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// The clock: microseconds since the epoch at `started`.
    epoch: Micros,
    started: Instant,
    /// Something may have fallen due earlier than the timer task thinks.
    wake: Notify,
    /// Rises whenever something has happened.
    changed: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    pbx: Pbx,
    writers: BTreeMap<SessionId, Writer>,
    sessions: u64,
    notices: Vec<Notice>,
}

/// The way to a client.
#[derive(Debug)]
struct Writer {
    messages: mpsc::UnboundedSender<Bytes>,
    /// Bytes sent and not yet written.
    waiting: Arc<AtomicUsize>,
}

impl Writer {
    /// Hands a message over. Whether the client reads: one that does not, or is gone, is to be closed.
    fn send(&self, message: Bytes) -> bool {
        let waiting = self.waiting.fetch_add(message.len(), Ordering::Relaxed);
        waiting < MOST_WAITING && self.messages.send(message).is_ok()
    }
}

/// Starts a PBX on that listener. It lives as long as the returned handle or a clone of it.
///
/// # Errors
/// When the listener has no local address.
pub fn serve(listener: TcpListener, make: impl FnOnce(Micros) -> Pbx) -> io::Result<Sim> {
    let address = listener.local_addr()?;
    let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let epoch = Micros::try_from(epoch.as_micros()).unwrap_or_default();
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            pbx: make(epoch),
            writers: BTreeMap::new(),
            sessions: 0,
            notices: Vec::new(),
        }),
        epoch,
        started: Instant::now(),
        wake: Notify::new(),
        changed: watch::Sender::new(0),
    });
    let stop = CancellationToken::new();
    tokio::spawn(stop.clone().run_until_cancelled_owned(accept(listener, Arc::clone(&shared), stop.clone())));
    tokio::spawn(stop.clone().run_until_cancelled_owned(keep_time(Arc::clone(&shared))));
    Ok(Sim { shared, address, _stop: Arc::new(StopOnDrop(stop)) })
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in a script must not stop the PBX of the other tests.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Micros {
        self.epoch + Micros::try_from(self.started.elapsed().as_micros()).unwrap_or(Micros::MAX)
    }

    /// Does something with the PBX and hands out what comes of it.
    fn with<R>(&self, act: impl FnOnce(&mut Pbx, Micros) -> R) -> R {
        let mut state = self.lock();
        let now = self.now().max(state.pbx.now());
        let before = state.pbx.next_deadline();
        state.pbx.advance(now);
        let result = act(&mut state.pbx, now);
        state.flush();
        let after = state.pbx.next_deadline();
        drop(state);
        if after != before {
            self.wake.notify_one();
        }
        self.changed.send_modify(|version| *version += 1);
        result
    }
}

impl State {
    fn flush(&mut self) {
        while let Some(output) = self.pbx.poll_output() {
            match output {
                Output::Send(id, bytes) => {
                    if self.writers.get(&id).is_some_and(|writer| !writer.send(bytes)) {
                        self.writers.remove(&id);
                    }
                }
                Output::Close(id) => {
                    self.writers.remove(&id);
                }
                Output::Phone(notice) => {
                    // Kept for scripts that ask; a long run must not grow without bound.
                    if self.notices.len() >= 10_000 {
                        self.notices.drain(..5_000);
                    }
                    self.notices.push(notice);
                }
            }
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        // A failed accept (no file descriptor left) concerns that client only.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let session = session(stream, Arc::clone(&shared));
        tokio::spawn(stop.clone().run_until_cancelled_owned(session));
    }
}

/// Lets fall due what is due.
async fn keep_time(shared: Arc<Shared>) {
    loop {
        let (deadline, now) = {
            let state = shared.lock();
            (state.pbx.next_deadline(), shared.now())
        };
        match deadline {
            Some(deadline) if deadline <= now => shared.with(|_, _| ()),
            Some(deadline) => {
                let wait = tokio::time::sleep(Duration::from_micros(deadline - now));
                tokio::select! {
                    () = wait => {}
                    () = shared.wake.notified() => {}
                }
            }
            None => shared.wake.notified().await,
        }
    }
}

async fn session(stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    let (messages, receiver) = mpsc::unbounded_channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let id = {
        let mut state = shared.lock();
        state.sessions += 1;
        let id = SessionId(state.sessions);
        state.writers.insert(id, Writer { messages, waiting: Arc::clone(&waiting) });
        id
    };
    shared.with(|pbx, now| pbx.connect(now, id));
    let mut frames = FramedRead::new(reader, AmiCodec::default());
    let reading = async {
        while let Some(Ok(decoded)) = frames.next().await {
            if let Decoded::Frame(frame) = decoded {
                shared.with(|pbx, now| pbx.action(now, id, &frame));
            }
        }
    };
    // Either end may go first: the client, or the PBX that closes the session.
    tokio::select! {
        () = reading => {}
        () = write(writer, receiver, &waiting) => {}
    }
    shared.lock().writers.remove(&id);
    shared.with(|pbx, now| pbx.disconnect(now, id));
}

/// Writes what is to be sent, as much at once as there is; ends when the session is closed.
async fn write(
    mut writer: OwnedWriteHalf,
    mut receiver: mpsc::UnboundedReceiver<Bytes>,
    waiting: &AtomicUsize,
) {
    let mut messages = Vec::with_capacity(BATCH);
    let mut buffer = BytesMut::new();
    while receiver.recv_many(&mut messages, BATCH).await > 0 {
        messages.drain(..).for_each(|message| buffer.extend_from_slice(&message));
        if writer.write_all(&buffer).await.is_err() {
            return;
        }
        waiting.fetch_sub(buffer.len(), Ordering::Relaxed);
        buffer.clear();
    }
    let _ = writer.shutdown().await;
}

impl Sim {
    /// Where the manager interface listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Does something with the PBX, now.
    pub fn with<R>(&self, act: impl FnOnce(&mut Pbx, Micros) -> R) -> R {
        self.shared.with(act)
    }

    /// Waits until the PBX is in a state: until `see` gives something. The caller bounds the time.
    pub async fn until<R>(&self, mut see: impl FnMut(&mut Pbx) -> Option<R>) -> R {
        let mut changes = self.shared.changed.subscribe();
        loop {
            changes.mark_unchanged();
            if let Some(seen) = see(&mut self.shared.lock().pbx) {
                return seen;
            }
            // The sender lives in `shared`, which we hold.
            let _ = changes.changed().await;
        }
    }

    /// What phones and far ends have been told since the last call of this.
    pub fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.shared.lock().notices)
    }

    /// A call comes in over the trunk.
    pub fn call_in(&self, call: CallIn) -> LegId {
        self.with(|pbx, now| pbx.call_in(now, call))
    }

    /// A phone dials; none when it cannot.
    pub fn dial(&self, phone: &str, exten: &str) -> Option<LegId> {
        self.with(|pbx, now| pbx.dial(now, phone, exten))
    }

    /// Waits until a leg rings at that phone, or at the far end of the trunk.
    pub async fn ringing(&self, endpoint: &str) -> LegId {
        self.until(|pbx| pbx.ringing_leg(endpoint)).await
    }

    /// Waits until the leg talks to somebody.
    pub async fn talking(&self, leg: LegId) {
        self.until(|pbx| pbx.is_talking(leg).then_some(())).await;
    }

    /// Waits until the leg is over.
    pub async fn ended(&self, leg: LegId) {
        self.until(|pbx| (!pbx.is_alive(leg)).then_some(())).await;
    }

    /// The phone of a ringing leg answers.
    pub fn answer(&self, leg: LegId) {
        self.with(|pbx, now| pbx.answer_leg(now, leg));
    }

    /// The phone of a ringing leg refuses: 486 busy, 603 declined, 480 unavailable.
    pub fn decline(&self, leg: LegId, status: u16) {
        self.with(|pbx, now| pbx.decline_leg(now, leg, status));
    }

    /// The phone or far end of a leg hangs up.
    pub fn hang_up(&self, leg: LegId) {
        self.with(|pbx, now| pbx.hang_up(now, leg));
    }

    /// The phone of a leg holds.
    pub fn hold(&self, leg: LegId) {
        self.with(|pbx, now| pbx.hold(now, leg));
    }

    /// The phone of a leg takes the other side back.
    pub fn unhold(&self, leg: LegId) {
        self.with(|pbx, now| pbx.unhold(now, leg));
    }

    /// The phone of a leg transfers blind.
    pub fn refer(&self, leg: LegId, exten: &str) -> bool {
        self.with(|pbx, now| pbx.refer(now, leg, exten))
    }

    /// The phone completes an attended transfer: its leg with the one to be transferred, and its leg with the target.
    pub fn refer_replaces(&self, first: LegId, second: LegId) -> bool {
        self.with(|pbx, now| pbx.refer_replaces(now, first, second))
    }

    /// The phone of a leg sends digits.
    pub fn digits(&self, leg: LegId, digits: &str) {
        self.with(|pbx, now| pbx.digits(now, leg, digits));
    }

    /// A phone registers.
    pub fn register(&self, phone: &str) {
        self.with(|pbx, now| pbx.register(now, phone));
    }

    /// A phone is gone from the network.
    pub fn unregister(&self, phone: &str) {
        self.with(|pbx, now| pbx.unregister(now, phone));
    }

    /// What a phone does by itself when it is called.
    pub fn set_mood(&self, phone: &str, mood: Mood) {
        self.with(|pbx, _| pbx.set_mood(phone, mood));
    }

    /// Cuts every manager connection; the calls go on.
    pub fn cut_links(&self) {
        self.with(|pbx, now| pbx.cut_links(now));
    }

    /// Restarts the PBX: all calls are gone. Nobody can connect for `down`.
    pub fn restart(&self, graceful: bool, down: Duration) {
        let down = Micros::try_from(down.as_micros()).unwrap_or(Micros::MAX);
        self.with(|pbx, now| pbx.restart(now, graceful, down));
    }
}
