//! Hosts that are names: where their SIP servers are. RFC 3263 section 4, RFC 2782.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    proto::rr::RData,
};
use hookswitch_sip::Transport;
use hookswitch_switch::settings::Question;
use tokio::{sync::mpsc, time::timeout};
use tracing::{debug, warn};

use super::wires::Incoming;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Servers of a name that are tried at most, and addresses of one.
const MOST: usize = 16;

/// Asks name servers: those of the configuration, or the system's.
#[derive(Clone)]
pub(super) struct Names {
    resolver: Option<Arc<TokioResolver>>,
    incoming: mpsc::Sender<Incoming>,
}

impl Names {
    pub(super) fn new(incoming: mpsc::Sender<Incoming>, servers: &[SocketAddr]) -> Self {
        let resolver = if servers.is_empty() {
            TokioResolver::builder_tokio().and_then(|builder| builder.build())
        } else {
            let servers = servers.iter().copied().map(name_server).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            TokioResolver::builder_with_config(config, Default::default()).build()
        };
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

    /// Its SRV records in the order they are to be tried.
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
            Some(Server {
                priority: server.priority,
                weight: server.weight,
                place: (server.target.to_utf8(), server.port),
            })
        });
        // Without chance the first of a priority is always taken, which serves, too.
        let draw = |most: u64| getrandom::u64().unwrap_or(0) % most;
        ordered(servers.take(MOST).collect(), draw)
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

/// A server of a name, as an SRV record has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Server {
    priority: u16,
    weight: u16,
    place: (String, u16),
}

/// The order in which servers are tried (RFC 2782): by priority; of one priority each next is drawn by weight. `draw` gives a
/// number below its argument.
fn ordered(mut servers: Vec<Server>, mut draw: impl FnMut(u64) -> u64) -> Vec<(String, u16)> {
    // Those without weight come first in their priority, so that they have a chance at all.
    servers.sort_by_key(|server| (server.priority, server.weight));
    let mut order = Vec::new();
    while let Some(priority) = servers.first().map(|server| server.priority) {
        let rivals = servers.iter().take_while(|server| server.priority == priority);
        let total: u64 = rivals.clone().map(|server| u64::from(server.weight)).sum();
        let drawn = draw(total + 1);
        let sums = rivals.scan(0, |sum, server| {
            *sum += u64::from(server.weight);
            Some(*sum)
        });
        let chosen = sums.take_while(|sum| *sum < drawn).count();
        order.push(servers.remove(chosen).place);
    }
    order
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(priority: u16, weight: u16, name: &str) -> Server {
        Server { priority, weight, place: (name.to_owned(), 5060) }
    }

    fn names(servers: &[Server], draw: impl FnMut(u64) -> u64) -> Vec<String> {
        ordered(servers.to_vec(), draw).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn the_lowest_priority_is_tried_first_whatever_the_weights() {
        let servers = [server(20, 100, "c"), server(10, 1, "a"), server(15, 60_000, "b")];
        assert_eq!(names(&servers, |_| 0), ["a", "b", "c"]);
        assert_eq!(names(&servers, |most| most - 1), ["a", "b", "c"]);
    }

    #[test]
    fn of_one_priority_each_is_first_as_often_as_its_weight_says() {
        let servers = [server(1, 10, "light"), server(1, 30, "heavy"), server(1, 0, "spare")];
        let mut first = std::collections::BTreeMap::new();
        for drawn in 0..41 {
            let mut drawn = Some(drawn);
            let order = names(&servers, |most| drawn.take().unwrap_or(0) % most);
            assert_eq!(order.len(), 3);
            *first.entry(order[0].clone()).or_insert(0) += 1;
        }
        assert_eq!(
            first,
            [("heavy".to_owned(), 30), ("light".to_owned(), 10), ("spare".to_owned(), 1)].into()
        );
    }
}
