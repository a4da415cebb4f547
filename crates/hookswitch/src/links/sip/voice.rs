//! Sockets of our own voice: music, keys, conferences. One for each leg whose end we are.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use bytes::Bytes;
use tokio::{net::UdpSocket, sync::mpsc, task::AbortHandle};

use super::{udp, wires::Incoming};

/// Longer than any voice of 20 ms.
const LONGEST: usize = 2_048;
/// Packets handed on together.
const BATCH: usize = 16;

/// The sockets that are open, by their ports.
#[derive(Debug)]
pub(super) struct Voice {
    address: IpAddr,
    open: BTreeMap<u16, Port>,
    incoming: mpsc::Sender<Incoming>,
}

#[derive(Debug)]
struct Port {
    socket: Arc<UdpSocket>,
    reader: AbortHandle,
}

impl Voice {
    pub(super) fn new(address: IpAddr, incoming: mpsc::Sender<Incoming>) -> Self {
        Self { address, open: BTreeMap::new(), incoming }
    }

    /// Opens a port.
    pub(super) fn open(&mut self, port: u16) -> io::Result<()> {
        if self.open.contains_key(&port) {
            return Ok(());
        }
        let socket = Arc::new(udp::bind_small(SocketAddr::new(self.address, port))?);
        let reader = tokio::spawn(read(Arc::clone(&socket), port, self.incoming.clone())).abort_handle();
        self.open.insert(port, Port { socket, reader });
        metrics::gauge!("hookswitch_sip_voice_ports").set(self.open.len() as f64);
        Ok(())
    }

    /// Closes a port.
    pub(super) fn close(&mut self, port: u16) {
        self.open.remove(&port);
        metrics::gauge!("hookswitch_sip_voice_ports").set(self.open.len() as f64);
    }

    /// Sends a packet; voice that finds no room is lost like any other.
    pub(super) fn send(&mut self, port: u16, to: SocketAddr, bytes: &[u8]) {
        if self.open(port).is_ok()
            && let Some(open) = self.open.get(&port)
        {
            drop(open.socket.try_send_to(bytes, to));
        }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read(socket: Arc<UdpSocket>, port: u16, incoming: mpsc::Sender<Incoming>) {
    let mut buffer = vec![0; LONGEST];
    while socket.readable().await.is_ok() {
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            let Ok((length, from)) = socket.try_recv_from(&mut buffer) else { break };
            batch.push((from, Bytes::copy_from_slice(&buffer[..length])));
        }
        // Voice that nobody has time for is lost, and never keeps a message waiting.
        if !batch.is_empty() {
            match incoming.try_send(Incoming::Voice { port, packets: batch }) {
                Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => {}
                Err(mpsc::error::TrySendError::Closed(_)) => return,
            }
        }
    }
}
