//! A wire between the daemon and a PBX that can be cut, and listened to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time;

/// How long something said is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a wire does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Carries everything.
    Whole,
    /// Carries so many events of the PBX on each connection, then that one is cut.
    CutEvery(usize),
    /// Carries nothing, and says so to nobody: a cable that is pulled out further on.
    Frozen,
    /// There is none.
    Cut,
}

/// What a wire remembers.
#[derive(Debug, Default)]
struct Counts {
    /// Everything the daemon said.
    sent: watch::Sender<Vec<u8>>,
    /// Connections cut after so many events.
    cuts: AtomicUsize,
}

/// Forwards TCP connections, while it is whole.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
    /// Counted up with each cut: a connection older than that is over, however soon the wire is mended.
    cut: Arc<watch::Sender<u64>>,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

impl Wire {
    /// A wire to an address.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn to(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(watch::Sender::new(State::Whole));
        let cut = Arc::new(watch::Sender::new(0));
        let counts = Arc::<Counts>::default();
        let (of_wire, cut_of_wire, counted) = (Arc::clone(&state), Arc::clone(&cut), Arc::clone(&counts));
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if *of_wire.borrow() != State::Cut {
                    let ends = cut_of_wire.subscribe();
                    tokio::spawn(carry(near, target, of_wire.subscribe(), ends, Arc::clone(&counted)));
                }
            }
        });
        Ok(Self { address, state, cut, counts, task })
    }

    /// Where to connect instead of the target.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything the daemon has sent to the target so far.
    #[must_use]
    pub fn sent(&self) -> Vec<u8> {
        self.counts.sent.borrow().clone()
    }

    /// Waits until the daemon has said that, behind so many bytes.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn says(&self, mark: usize, text: &str) -> Result<()> {
        let mut sent = self.counts.sent.subscribe();
        let said = |sent: &Vec<u8>| {
            sent.get(mark..).is_some_and(|rest| rest.windows(text.len()).any(|part| part == text.as_bytes()))
        };
        let wait = time::timeout(PATIENCE, sent.wait_for(said)).await;
        wait.with_context(|| format!("the daemon does not say {text}"))?.map(drop).context("no wire")
    }

    /// Cuts every connection, and new ones until [`Wire::mend`].
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
        self.cut.send_modify(|cuts| *cuts += 1);
    }

    /// Cuts each connection after so many events, until [`Wire::mend`]; new ones are let through.
    pub fn cut_every(&self, events: usize) {
        self.state.send_replace(State::CutEvery(events));
    }

    /// Carries nothing more, without closing anything, until [`Wire::mend`].
    pub fn freeze(&self) {
        self.state.send_replace(State::Frozen);
    }

    /// How many connections were cut after so many events.
    #[must_use]
    pub fn cuts(&self) -> usize {
        self.counts.cuts.load(Ordering::Relaxed)
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.state.send_replace(State::Whole);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(
    near: TcpStream,
    target: SocketAddr,
    state: watch::Receiver<State>,
    mut cut: watch::Receiver<u64>,
    counts: Arc<Counts>,
) {
    // A target that is down looks like a wire that is cut.
    let Ok(far) = TcpStream::connect(target).await else { return };
    let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
    let ends = cut.clone();
    let there = flow(from_near, to_far, (state.clone(), ends.clone()), |bytes| {
        counts.sent.send_modify(|sent| sent.extend_from_slice(bytes));
        false
    });
    let mut events = 0;
    let back = flow(from_far, to_near, (state.clone(), ends), |bytes| {
        let come = bytes.windows(7).filter(|window| window == b"Event: ").count();
        events += come;
        let over = matches!(*state.borrow(), State::CutEvery(most) if come > 0 && events >= most);
        counts.cuts.fetch_add(usize::from(over), Ordering::Relaxed);
        over
    });
    tokio::select! {
        _ = async { tokio::try_join!(there, back) } => {}
        _ = cut.changed() => {}
    }
}

/// Carries bytes one way until their end, which it hands on. Fails when an end fails, or when the wire is cut behind
/// what `seen` was shown last.
async fn flow(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    (mut state, cut): (watch::Receiver<State>, watch::Receiver<u64>),
    mut seen: impl FnMut(&[u8]) -> bool,
) -> std::io::Result<()> {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut bytes).await?;
        // What was read while the wire was frozen waits for it.
        let _ = state.wait_for(|state| *state != State::Frozen).await;
        if cut.has_changed().unwrap_or(true) {
            return Err(std::io::ErrorKind::ConnectionAborted.into());
        }
        if read == 0 {
            return to.shutdown().await;
        }
        let over = seen(&bytes[..read]);
        to.write_all(&bytes[..read]).await?;
        if over {
            return Err(std::io::ErrorKind::ConnectionAborted.into());
        }
    }
}
