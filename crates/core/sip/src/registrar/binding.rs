//! One contact of somebody.

use std::net::SocketAddr;

use crate::flow::{Flow, Transport};
use crate::message::{NameAddr, Uri};
use crate::time::Instant;

/// One contact of an address of record, and the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The Contact as the phone names it: the Request-URI of what is sent there.
    pub uri: Uri,
    /// How much it is preferred, in thousandths.
    pub q: u16,
    /// When it was registered first.
    pub since: Instant,
    /// When it ends, unless it is refreshed.
    pub ends: Instant,
    /// Where the last REGISTER came from.
    pub flow: Flow,
    /// The proxies on the way to it, first hop first (RFC 3327): the route of what is sent there.
    pub path: Vec<NameAddr>,
    /// The phone itself, whatever its contact (RFC 5626).
    pub instance: Option<Box<str>>,
    /// Which of the phone's flows it is.
    pub reg_id: Option<u32>,
    /// Of the last REGISTER: an older one changes nothing any more.
    pub call_id: Box<str>,
    /// Of the last REGISTER.
    pub cseq: u32,
}

impl Binding {
    /// The flow that reaches the phone: the connection it keeps, or for datagrams the address it sent from. When that
    /// is the host its Contact names, nothing rewrites addresses on the way, and the Contact's port is the one it
    /// listens on. Behind proxies that want to stay in the way, the nearest of them sent it.
    pub fn target(&self) -> Flow {
        let listens = self.uri.host.as_ref().and_then(|host| host.ip()).map(|ip| ip.to_canonical());
        let direct = listens == Some(self.flow.remote.ip().to_canonical());
        if self.flow.transport != Transport::Udp || !direct || !self.path.is_empty() {
            return self.flow;
        }
        let port = self.uri.port.unwrap_or_else(|| self.flow.transport.default_port());
        Flow { remote: SocketAddr::new(self.flow.remote.ip(), port), ..self.flow }
    }

    /// The same contact after all connections were lost. One that came by datagrams is where it was. A peer that named
    /// the address at which it takes connections is connected to; any other has to come again, and does: it sees the
    /// loss, too.
    pub(super) fn reopened(self) -> Option<Self> {
        let nearest = self.path.first().map_or(&self.uri, |proxy| &proxy.uri);
        let listens = nearest.host.as_ref().and_then(|host| host.ip()).map(|ip| ip.to_canonical());
        match self.flow.transport {
            Transport::Udp => Some(self),
            Transport::Tcp if listens == Some(self.flow.remote.ip().to_canonical()) => {
                let port = nearest.port.unwrap_or_else(|| self.flow.transport.default_port());
                let remote = SocketAddr::new(self.flow.remote.ip(), port);
                let flow = Flow { remote, connection: None, ..self.flow };
                Some(Self { flow, ..self })
            }
            Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => None,
        }
    }

    /// Whether two are the same contact: the same flow of the same phone, or the same address.
    pub(super) fn same_contact(&self, other: &Self) -> bool {
        let same_phone =
            self.instance.is_some() && self.instance == other.instance && self.reg_id == other.reg_id;
        same_phone || self.uri.same(&other.uri)
    }

    /// As it stands in the answer to a REGISTER.
    pub(super) fn to_contact(&self, now: Instant) -> String {
        let mut contact = NameAddr::new(self.uri.clone());
        let micros = self.ends.since(now).as_micros();
        contact.params.set("expires", Some(&micros.div_ceil(1_000_000).to_string()));
        if self.q != 1000 {
            contact.params.set("q", Some(&format!("0.{:03}", self.q)));
        }
        if let Some(instance) = &self.instance {
            contact.params.set("+sip.instance", Some(instance));
        }
        if let Some(reg_id) = self.reg_id {
            contact.params.set("reg-id", Some(&reg_id.to_string()));
        }
        contact.to_string()
    }
}
