//! Hosts that are names: where their SIP servers are. RFC 3263 section 4, RFC 2782.

use std::{cmp::Reverse, net::SocketAddr, sync::Arc, time::Duration};

use hickory_resolver::{TokioResolver, proto::rr::RData};
use hookswitch_sip::Transport;
use hookswitch_switch::settings::Question;
use tokio::{sync::mpsc, time::timeout};
use tracing::{debug, warn};

use super::wires::Incoming;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Servers of a name that are tried at most, and addresses of one.
const MOST: usize = 16;

/// Asks the system's name servers.
#[derive(Clone)]
pub(super) struct Names {
    resolver: Option<Arc<TokioResolver>>,
    incoming: mpsc::Sender<Incoming>,
}

impl Names {
    pub(super) fn new(incoming: mpsc::Sender<Incoming>) -> Self {
        let resolver = TokioResolver::builder_tokio().and_then(|builder| builder.build());
        let resolver = resolver.inspect_err(
            |error| warn!(%error, "no name servers: SRV records are not read, hosts as the system does"),
        );
        Self { resolver: resolver.ok().map(Arc::new), incoming }
    }

    /// Asks; the answer comes as [`Incoming::Resolved`], empty when there is none.
    pub(super) fn ask(&self, question: Question) {
        let names = self.clone();
        tokio::spawn(async move {
            let addresses = timeout(PATIENCE, names.find(&question)).await.unwrap_or_default();
            debug!(host = %question.host, ?addresses, "resolved");
            // The link may have ended meanwhile.
            drop(names.incoming.send(Incoming::Resolved { question, addresses }).await);
        });
    }

    async fn find(&self, question: &Question) -> Vec<SocketAddr> {
        let Question { host, port, transport } = question;
        if let Some(port) = port {
            return self.addresses(host, *port).await;
        }
        let mut found = Vec::new();
        for (target, port) in self.servers(host, *transport).await {
            found.extend(self.addresses(&target, port).await);
        }
        if found.is_empty() { self.addresses(host, transport.default_port()).await } else { found }
    }

    /// Its SRV records in the order they are to be tried: by priority, then the weightiest first.
    async fn servers(&self, host: &str, transport: Transport) -> Vec<(String, u16)> {
        let Some(resolver) = &self.resolver else { return Vec::new() };
        let service = match transport {
            Transport::Udp => "_sip._udp",
            Transport::Tcp => "_sip._tcp",
            Transport::Tls => "_sips._tcp",
            Transport::Ws | Transport::Wss => return Vec::new(),
        };
        let Ok(lookup) = resolver.srv_lookup(format!("{service}.{host}.")).await else { return Vec::new() };
        let servers = lookup.answers().iter().filter_map(|record| {
            let RData::SRV(server) = &record.data else { return None };
            Some(server.clone())
        });
        let mut servers: Vec<_> = servers.take(MOST).collect();
        servers.sort_by_key(|server| (server.priority, Reverse(server.weight)));
        servers.into_iter().map(|server| (server.target.to_utf8(), server.port)).collect()
    }

    async fn addresses(&self, host: &str, port: u16) -> Vec<SocketAddr> {
        if let Some(resolver) = &self.resolver
            && let Ok(found) = resolver.lookup_ip(host).await
        {
            return found.iter().take(MOST).map(|address| SocketAddr::new(address, port)).collect();
        }
        let found = tokio::net::lookup_host((host, port)).await;
        found.map(|found| found.take(MOST).collect()).unwrap_or_default()
    }
}
