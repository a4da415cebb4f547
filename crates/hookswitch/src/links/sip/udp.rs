//! Datagrams: sockets with room for bursts, read several at a time.

use std::{io, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use hookswitch_sip::{Flow, Transport};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{net::UdpSocket, sync::mpsc, task::AbortHandle};
use tracing::debug;

use super::wires::Incoming;

/// What the kernel is asked to keep while the link is busy; Debian's default is 208 KiB, which a burst of calls fills.
const ROOM: usize = 4 * 1024 * 1024;
/// The longest datagram there is.
const LONGEST: usize = 65_535;
/// Datagrams handed on together.
const BATCH: usize = 64;
/// Shorter ones keep a way through a NAT open and say nothing (RFC 5626 section 3.5.2, RFC 6314).
const SHORTEST: usize = 16;

/// A socket that is read until it is dropped.
#[derive(Debug)]
pub(super) struct Udp {
    socket: Arc<UdpSocket>,
    reader: AbortHandle,
}

impl Udp {
    /// Listens at an address. Messages that come there are told to have come to `shown`, which is what peers know.
    pub(super) fn bind(
        address: SocketAddr,
        shown: SocketAddr,
        incoming: mpsc::Sender<Incoming>,
    ) -> io::Result<Self> {
        let socket = Arc::new(bind(address)?);
        let reader = tokio::spawn(read(Arc::clone(&socket), shown, incoming)).abort_handle();
        Ok(Self { socket, reader })
    }

    /// Sends a datagram. One that the kernel has no room for is lost like any other: SIP repeats what matters.
    pub(super) fn send(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        self.socket.try_send_to(bytes, to).map(drop)
    }
}

impl Drop for Udp {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// A socket with the system's own buffers: for one voice.
pub(super) fn bind_small(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

/// A socket with large buffers, as far as the system allows them.
fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if let Err(error) = socket.set_recv_buffer_size(ROOM).and_then(|()| socket.set_send_buffer_size(ROOM)) {
        debug!(%address, %error, "the system's own socket buffers are used");
    }
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

async fn read(socket: Arc<UdpSocket>, shown: SocketAddr, incoming: mpsc::Sender<Incoming>) {
    let mut buffer = vec![0; LONGEST];
    while socket.readable().await.is_ok() {
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            match socket.try_recv_from(&mut buffer) {
                Ok((length, _)) if length < SHORTEST => {}
                Ok((length, from)) => {
                    let flow =
                        Flow { transport: Transport::Udp, local: shown, remote: from, connection: None };
                    batch.push((flow, Bytes::copy_from_slice(&buffer[..length])));
                }
                // Nothing more for now; other errors are the network's news of an earlier datagram.
                Err(_) => break,
            }
        }
        if !batch.is_empty() && incoming.send(Incoming::Datagrams(batch)).await.is_err() {
            return;
        }
    }
}
