//! Connections: who is connected, within bounds; messages framed out of what arrives.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use hookswitch_sip::{Flow, Framed, Framer, Limits, Transmit, Transport, framing::PONG};
use rustls::{ClientConfig, ServerConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::AbortHandle,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tracing::debug;

use super::{websocket, wires::Incoming};
use crate::links::transport::Stream;

/// Connections at once.
const MOST: usize = 16_384;
/// Connections of one address at once: a company's phones behind one NAT.
const MOST_OF_ONE: usize = 2_048;
/// Messages that wait to be written; a peer that does not read them is gone.
const UNWRITTEN: usize = 512;
/// How long connecting and a handshake may take.
const OPENING: Duration = Duration::from_secs(10);
/// A connection that brought no message after this time is closed.
pub(super) const FIRST: Duration = Duration::from_secs(30);
/// A connection that brought nothing for so long is closed: phones keep theirs alive every two minutes at most
/// (RFC 5626 section 4.4.1), and refresh sessions.
pub(super) const IDLE: Duration = Duration::from_secs(3_600);
/// How long one write may take.
pub(super) const WRITING: Duration = Duration::from_secs(20);
/// What is read at once.
const READ: usize = 16 * 1024;

/// All connections.
#[derive(Debug)]
pub(super) struct Streams {
    next: u64,
    live: BTreeMap<u64, Live>,
    by_peer: BTreeMap<(Transport, SocketAddr), u64>,
    of_address: BTreeMap<IpAddr, usize>,
    incoming: mpsc::Sender<Incoming>,
    /// How peers' certificates are checked.
    client: Option<Arc<ClientConfig>>,
}

#[derive(Debug)]
struct Live {
    flow: Flow,
    writer: mpsc::Sender<Bytes>,
    task: AbortHandle,
}

/// A listener that accepts until it is dropped.
#[derive(Debug)]
pub(super) struct Listener(AbortHandle);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A connection that somebody opened to us.
pub(super) struct Accepted {
    stream: TcpStream,
    flow: Flow,
    tls: Option<Arc<ServerConfig>>,
}

/// How a connection comes to be.
enum Opening {
    Accepted(TcpStream, Option<Arc<ServerConfig>>),
    Connect { tls: Option<(Arc<ClientConfig>, ServerName<'static>)> },
}

impl Listener {
    /// Accepts at an address, by TLS where a certificate is given.
    pub(super) fn bind(
        address: SocketAddr,
        (transport, shown): (Transport, SocketAddr),
        tls: Option<Arc<ServerConfig>>,
        incoming: mpsc::Sender<Incoming>,
    ) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let accept = async move {
            loop {
                match listener.accept().await {
                    Ok((stream, remote)) => {
                        let flow = Flow { transport, local: shown, remote, connection: None };
                        let accepted = Accepted { stream, flow, tls: tls.clone() };
                        if incoming.send(Incoming::Accepted(Box::new(accepted))).await.is_err() {
                            return;
                        }
                    }
                    // No descriptors left, or a peer that left in between: others are still served.
                    Err(error) => {
                        debug!(%address, %error, "not accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }
            }
        };
        Ok(Self(tokio::spawn(accept).abort_handle()))
    }
}

impl Streams {
    pub(super) fn new(incoming: mpsc::Sender<Incoming>, client: Option<Arc<ClientConfig>>) -> Self {
        Self {
            next: 1,
            live: BTreeMap::new(),
            by_peer: BTreeMap::new(),
            of_address: BTreeMap::new(),
            incoming,
            client,
        }
    }

    /// Takes a connection in, unless there are too many.
    pub(super) fn accept(&mut self, accepted: Accepted) {
        let Accepted { stream, flow, tls } = accepted;
        let ip = flow.remote.ip();
        let of_one = self.of_address.get(&ip).copied().unwrap_or(0);
        if self.live.len() >= MOST || of_one >= MOST_OF_ONE {
            metrics::counter!("hookswitch_sip_connections_refused_total").increment(1);
            return;
        }
        self.open(flow, Opening::Accepted(stream, tls));
    }

    /// Sends a message by the connection it names, by one there is to its peer, or by a new one. False: it cannot be
    /// sent.
    pub(super) fn send(&mut self, transmit: Transmit, name: Option<&str>) -> bool {
        let Transmit { flow, bytes } = transmit;
        let known = flow.connection.filter(|id| self.live.contains_key(id));
        let known = known.or_else(|| self.by_peer.get(&(flow.transport, flow.remote)).copied());
        let Some(id) = known.or_else(|| self.connect(flow, name)) else { return false };
        let Some(live) = self.live.get(&id) else { return false };
        if live.writer.try_send(bytes).is_ok() {
            return true;
        }
        // A peer that does not read, or is gone: the end of its task tells everybody.
        live.task.abort();
        false
    }

    fn connect(&mut self, flow: Flow, name: Option<&str>) -> Option<u64> {
        if self.live.len() >= MOST {
            return None;
        }
        let tls = match flow.transport {
            Transport::Tcp => None,
            Transport::Tls => {
                let name = match name {
                    Some(name) => ServerName::try_from(name.to_owned()).ok()?,
                    None => ServerName::from(flow.remote.ip()),
                };
                Some((Arc::clone(self.client.as_ref()?), name))
            }
            // Whoever comes by WebSocket listens nowhere (RFC 7118 section 5).
            Transport::Udp | Transport::Ws | Transport::Wss => return None,
        };
        Some(self.open(flow, Opening::Connect { tls }))
    }

    fn open(&mut self, flow: Flow, opening: Opening) -> u64 {
        let id = self.next;
        self.next += 1;
        // Who sent without naming a connection learns of its failure without one.
        let asked = flow;
        let flow = Flow { connection: Some(id), ..flow };
        let (writer, unwritten) = mpsc::channel(UNWRITTEN);
        let incoming = self.incoming.clone();
        let task = tokio::spawn(async move {
            let ended = Ended { flow, asked, incoming: incoming.clone() };
            if let Err(error) = serve(opening, flow, unwritten, incoming).await {
                debug!(%flow, %error, "a connection ended");
            }
            drop(ended);
        });
        self.live.insert(id, Live { flow, writer, task: task.abort_handle() });
        self.by_peer.insert((flow.transport, flow.remote), id);
        *self.of_address.entry(flow.remote.ip()).or_default() += 1;
        metrics::gauge!("hookswitch_sip_connections").set(self.live.len() as f64);
        id
    }

    /// A connection is over.
    pub(super) fn closed(&mut self, flow: Flow) {
        let Some(live) = flow.connection.and_then(|id| self.live.remove(&id)) else { return };
        let peer = (live.flow.transport, live.flow.remote);
        if self.by_peer.get(&peer).copied() == flow.connection {
            self.by_peer.remove(&peer);
        }
        if let Some(of_one) = self.of_address.get_mut(&peer.1.ip()) {
            *of_one -= 1;
            if *of_one == 0 {
                self.of_address.remove(&peer.1.ip());
            }
        }
        metrics::gauge!("hookswitch_sip_connections").set(self.live.len() as f64);
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.live.values().for_each(|live| live.task.abort());
    }
}

/// Tells the end of a connection, however it came.
struct Ended {
    flow: Flow,
    asked: Flow,
    incoming: mpsc::Sender<Incoming>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let (flow, asked, incoming) = (self.flow, self.asked, self.incoming.clone());
        // Also when the task is aborted; a runtime that shuts down takes no more tasks, and nobody listens then.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { drop(incoming.send(Incoming::Closed { flow, asked }).await) });
        }
    }
}

async fn serve(
    opening: Opening,
    flow: Flow,
    unwritten: mpsc::Receiver<Bytes>,
    incoming: mpsc::Sender<Incoming>,
) -> io::Result<()> {
    let stream =
        timeout(OPENING, open(opening, flow.remote)).await.map_err(|_| late("not open within 10 s"))??;
    if matches!(flow.transport, Transport::Ws | Transport::Wss) {
        let socket = timeout(OPENING, websocket::accept(stream)).await;
        let socket = socket.map_err(|_| late("no handshake within 10 s"))??;
        return websocket::serve(socket, flow, unwritten, incoming).await;
    }
    let (reader, writer) = tokio::io::split(stream);
    let (pongs, pong) = mpsc::channel(4);
    tokio::select! {
        read = read(reader, flow, incoming, pongs) => read,
        written = write(writer, unwritten, pong) => written,
    }
}

async fn open(opening: Opening, remote: SocketAddr) -> io::Result<Box<dyn Stream>> {
    match opening {
        Opening::Accepted(stream, tls) => {
            stream.set_nodelay(true)?;
            match tls {
                None => Ok(Box::new(stream)),
                Some(tls) => Ok(Box::new(TlsAcceptor::from(tls).accept(stream).await?)),
            }
        }
        Opening::Connect { tls } => {
            let stream = TcpStream::connect(remote).await?;
            stream.set_nodelay(true)?;
            match tls {
                None => Ok(Box::new(stream)),
                Some((tls, name)) => Ok(Box::new(TlsConnector::from(tls).connect(name, stream).await?)),
            }
        }
    }
}

async fn read(
    mut reader: ReadHalf<Box<dyn Stream>>,
    flow: Flow,
    incoming: mpsc::Sender<Incoming>,
    pongs: mpsc::Sender<()>,
) -> io::Result<()> {
    let mut framer = Framer::new(Limits::default());
    let mut buffer = BytesMut::with_capacity(READ);
    let mut patience = FIRST;
    loop {
        buffer.clear();
        buffer.reserve(READ);
        let read =
            timeout(patience, reader.read_buf(&mut buffer)).await.map_err(|_| late("it says nothing"))??;
        if read == 0 {
            return Ok(());
        }
        framer.push(&buffer);
        while let Some(framed) = framer.next_frame().map_err(io::Error::other)? {
            match framed {
                Framed::Message(bytes) => {
                    patience = IDLE;
                    if incoming.send(Incoming::Message(flow, bytes)).await.is_err() {
                        return Ok(());
                    }
                }
                // Who asks faster than answers go out is answered less often.
                Framed::Ping => drop(pongs.try_send(())),
                Framed::Pong => {}
            }
        }
    }
}

async fn write(
    mut writer: WriteHalf<Box<dyn Stream>>,
    mut unwritten: mpsc::Receiver<Bytes>,
    mut pongs: mpsc::Receiver<()>,
) -> io::Result<()> {
    loop {
        let bytes = tokio::select! {
            bytes = unwritten.recv() => match bytes {
                Some(bytes) => bytes,
                None => return writer.shutdown().await,
            },
            Some(()) = pongs.recv() => Bytes::from_static(PONG),
        };
        let written = async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        };
        timeout(WRITING, written).await.map_err(|_| late("it does not read"))??;
    }
}

pub(super) fn late(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}
