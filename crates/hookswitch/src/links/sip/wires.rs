//! Everything that a link hears and speaks by: listeners, connections, ports of voice, names.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use bytes::Bytes;
use hookswitch_sip::{Flow, Transmit, Transport};
use hookswitch_switch::settings::Question;
use rustls::{ClientConfig, ServerConfig};
use tokio::sync::mpsc;

use super::{
    names::Names,
    streams::{Accepted, Listener, Streams},
    udp::Udp,
    voice::Voice,
};

/// What waits for the link: more waits in the kernel, and what finds no room there is repeated by its sender.
const WAITING: usize = 1_024;

/// What arrives.
pub(super) enum Incoming {
    /// Messages, one a datagram.
    Datagrams(Vec<(Flow, Bytes)>),
    /// A message of a connection.
    Message(Flow, Bytes),
    /// Somebody connected.
    Accepted(Box<Accepted>),
    /// A connection is over.
    Closed {
        /// It.
        flow: Flow,
        /// As it was asked for, where we opened it.
        asked: Flow,
    },
    /// Voice.
    Voice {
        /// Where it came to.
        port: u16,
        /// Where from, and what.
        packets: Vec<(SocketAddr, Bytes)>,
    },
    /// A name's addresses, best first; none when there are none.
    Resolved {
        /// What was asked.
        question: Question,
        /// The answer.
        addresses: Vec<SocketAddr>,
    },
}

/// Where a link listens.
#[derive(Debug, Clone)]
pub(crate) struct Listen {
    /// How.
    pub(crate) transport: Transport,
    /// The address of the socket.
    pub(crate) address: SocketAddr,
    /// The address peers know.
    pub(crate) shown: SocketAddr,
}

/// What a link listens on, and how its connections are secured.
#[derive(Debug, Clone)]
pub(crate) struct WireSettings {
    pub(crate) listen: Vec<Listen>,
    /// Where ports of voice are opened.
    pub(crate) voice: IpAddr,
    /// Our certificate.
    pub(crate) server: Option<Arc<ServerConfig>>,
    /// How others' certificates are checked.
    pub(crate) client: Option<Arc<ClientConfig>>,
    /// Who is asked for names; none: whom the system asks.
    pub(crate) name_servers: Vec<SocketAddr>,
}

/// All sockets of a link.
pub(super) struct Wires {
    udp: BTreeMap<SocketAddr, Udp>,
    _listeners: Vec<Listener>,
    streams: Streams,
    voice: Voice,
    names: Names,
    /// Names of addresses that were resolved: what a certificate is checked against.
    named: BTreeMap<IpAddr, Box<str>>,
}

impl Wires {
    /// Binds everything, or nothing.
    pub(super) fn bind(settings: &WireSettings) -> io::Result<(Self, mpsc::Receiver<Incoming>)> {
        let (incoming, inbox) = mpsc::channel(WAITING);
        let (mut udp, mut listeners) = (BTreeMap::new(), Vec::new());
        for Listen { transport, address, shown } in &settings.listen {
            let of =
                |error: io::Error| io::Error::new(error.kind(), format!("{transport}:{address}: {error}"));
            let tls = match transport {
                Transport::Udp => {
                    udp.insert(*shown, Udp::bind(*address, *shown, incoming.clone()).map_err(of)?);
                    continue;
                }
                Transport::Tls | Transport::Wss => settings.server.clone(),
                Transport::Tcp | Transport::Ws => None,
            };
            let listener = Listener::bind(*address, (*transport, *shown), tls, incoming.clone());
            listeners.push(listener.map_err(of)?);
        }
        let wires = Self {
            udp,
            _listeners: listeners,
            streams: Streams::new(incoming.clone(), settings.client.clone()),
            voice: Voice::new(settings.voice, incoming.clone()),
            names: Names::new(incoming, &settings.name_servers),
            named: BTreeMap::new(),
        };
        Ok((wires, inbox))
    }

    /// Sends a message. False: it cannot be sent that way at all; what fails later comes as [`Incoming::Closed`].
    pub(super) fn send(&mut self, transmit: Transmit) -> bool {
        match transmit.flow.transport {
            Transport::Udp => {
                let same = |socket: &&SocketAddr| socket.is_ipv4() == transmit.flow.remote.is_ipv4();
                let local = Some(&transmit.flow.local).filter(|local| self.udp.contains_key(*local));
                let socket =
                    local.or_else(|| self.udp.keys().find(same)).and_then(|local| self.udp.get(local));
                let Some(socket) = socket else { return false };
                match socket.send(transmit.flow.remote, &transmit.bytes) {
                    Ok(()) => true,
                    Err(error) => {
                        metrics::counter!("hookswitch_sip_unsent_total").increment(1);
                        // No room for now: the timers of SIP repeat what matters.
                        error.kind() == io::ErrorKind::WouldBlock
                    }
                }
            }
            Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
                let name = self.named.get(&transmit.flow.remote.ip()).map(|name| &**name);
                self.streams.send(transmit, name)
            }
        }
    }

    pub(super) fn accept(&mut self, accepted: Accepted) {
        self.streams.accept(accepted);
    }

    pub(super) fn closed(&mut self, flow: Flow) {
        self.streams.closed(flow);
    }

    pub(super) fn voice(&mut self) -> &mut Voice {
        &mut self.voice
    }

    pub(super) fn ask(&self, question: Question) {
        self.names.ask(question);
    }

    /// Remembers whose addresses these are.
    pub(super) fn resolved(&mut self, question: &Question, addresses: &[SocketAddr]) {
        self.named.extend(addresses.iter().map(|address| (address.ip(), question.host.clone())));
    }
}
