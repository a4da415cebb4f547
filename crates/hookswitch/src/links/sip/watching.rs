//! Lines of other PBXs that are watched: who of them is where, and what they are told to the engine as.

use std::{collections::BTreeMap, net::SocketAddr};

use hookswitch_model::{
    PbxId, Timestamp,
    pbx::{Action, Fact, PbxAction, PbxEvent},
};
use hookswitch_normalize::{from_watch::FromWatch, number::Plan};
use hookswitch_sip::{
    Flow, Instant, Message, Scheme, Transmit, Transport, Uri,
    watch::{Line, Report, Watcher},
};
use hookswitch_switch::{
    Event,
    settings::{Question, Trunk},
};
use tracing::{info, warn};

/// What is watched.
#[derive(Debug, Clone, Default)]
pub(crate) struct WatchSettings {
    /// The lines.
    pub(crate) lines: Vec<Line>,
    /// The PBXs they are of.
    pub(crate) peers: Vec<Trunk>,
    /// Where requests begin.
    pub(crate) listen: Vec<(Transport, SocketAddr)>,
}

/// Chance: the names of subscriptions, and of this run's calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chance {
    pub(super) seed: u64,
    pub(super) epoch: u64,
}

/// The watcher, and what it tells as facts.
pub(super) struct Watching {
    pbx: PbxId,
    settings: WatchSettings,
    watcher: Watcher,
    reader: FromWatch,
    /// Addresses of names, as they were resolved for the trunks.
    known: BTreeMap<Question, Vec<SocketAddr>>,
    facts: Vec<PbxEvent>,
}

impl Watching {
    pub(super) fn new(pbx: PbxId, plan: Plan, settings: WatchSettings, chance: Chance) -> Self {
        Self {
            reader: FromWatch::new(pbx.clone(), plan, chance.epoch),
            watcher: Watcher::new(hookswitch_sip::watch::Settings::default(), chance.seed),
            pbx,
            settings,
            known: BTreeMap::new(),
            facts: Vec::new(),
        }
    }

    /// Messages can be sent from now on.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.reconfigure(now, self.settings.clone());
    }

    /// Other lines are watched.
    pub(super) fn reconfigure(&mut self, now: Timestamp, settings: WatchSettings) {
        let account = |peer: &Trunk| {
            let account = peer.account.as_ref()?;
            Some((peer.name.to_string(), account.user.to_string(), account.password.to_string()))
        };
        let accounts: Vec<_> = settings.peers.iter().filter_map(account).collect();
        let accounts = accounts.iter().map(|(name, user, password)| (&**name, &**user, &**password));
        self.watcher.set_accounts(accounts);
        self.watcher.set_lines(instant(now), settings.lines.clone());
        self.settings = settings;
        self.find(now);
        self.read(now);
    }

    /// The addresses of a name came.
    pub(super) fn resolved(&mut self, now: Timestamp, question: &Question, addresses: &[SocketAddr]) {
        if addresses.is_empty() || self.settings.peers.is_empty() {
            return; // What was known stays better than nothing.
        }
        self.known.insert(question.clone(), addresses.to_vec());
        self.find(now);
        self.read(now);
    }

    pub(super) fn takes(&self, message: &Message) -> bool {
        self.watcher.takes(message)
    }

    pub(super) fn message(&mut self, now: Timestamp, flow: Flow, message: Message) {
        self.watcher.receive(instant(now), flow, message);
        self.read(now);
    }

    pub(super) fn flow_failed(&mut self, now: Timestamp, flow: Flow) {
        self.watcher.flow_failed(instant(now), flow);
        self.read(now);
    }

    /// The switch saw something.
    pub(super) fn own(&mut self, now: Timestamp, event: &Event) {
        self.reader.own(now, event);
    }

    pub(super) fn tick(&mut self, now: Timestamp) {
        self.watcher.tick(instant(now));
        self.facts.extend(self.reader.tick(now));
        self.read(now);
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        let watcher = self.watcher.next_deadline().map(|due| Timestamp::from_micros(due.as_micros()));
        [watcher, self.reader.next_deadline()].into_iter().flatten().min()
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.watcher.poll_transmit()
    }

    /// What was seen, in order.
    pub(super) fn take_facts(&mut self) -> Vec<PbxEvent> {
        std::mem::take(&mut self.facts)
    }

    /// Whether an action asks for a sign of life of a call that is only watched; it is answered here.
    pub(super) fn probed(&mut self, now: Timestamp, action: &PbxAction) -> bool {
        let Action::Probe { call, leg: _ } = &action.action else { return false };
        if !self.reader.knows(call) {
            return false;
        }
        let mut tell = |recovered, fact| {
            self.facts.push(PbxEvent { pbx: self.pbx.clone(), at: now, recovered, fact });
        };
        tell(false, Fact::ActionResult { action: action.id, refused: None });
        if !self.reader.lives(call) {
            tell(true, Fact::CallEnded { call: call.clone(), by: None, cause: None });
        }
        true
    }

    /// Tells the watcher where each PBX is, as far as that is known.
    fn find(&mut self, now: Timestamp) {
        for peer in &self.settings.peers {
            let flows = peer.addresses.iter().flat_map(|uri| self.flows(uri)).collect();
            self.watcher.set_flows(instant(now), &peer.name, flows);
        }
    }

    fn flows(&self, uri: &Uri) -> Vec<Flow> {
        let transport = transport_of(uri);
        let addresses = match uri.host.as_ref().and_then(hookswitch_sip::Host::ip) {
            Some(ip) => vec![SocketAddr::new(ip, uri.port.unwrap_or_else(|| transport.default_port()))],
            None => {
                let host = uri.host.as_ref().map(ToString::to_string).unwrap_or_default();
                let question = Question { host: host.to_ascii_lowercase().into(), port: uri.port, transport };
                self.known.get(&question).cloned().unwrap_or_default()
            }
        };
        let from_here = |remote: SocketAddr| {
            let fits = |(how, local): &&(Transport, SocketAddr)| {
                *how == transport && local.is_ipv4() == remote.is_ipv4()
            };
            let (_, local) = self.settings.listen.iter().find(fits)?;
            Some(Flow { transport, local: *local, remote, connection: None })
        };
        addresses.into_iter().filter_map(from_here).collect()
    }

    fn read(&mut self, now: Timestamp) {
        while let Some(report) = self.watcher.poll_report() {
            if let Report::Lost { line, status } = &report {
                match status {
                    Some(status) => {
                        warn!(pbx = %self.pbx, line = &**line, status, "a line cannot be watched")
                    }
                    None => info!(pbx = %self.pbx, line = &**line, "nothing is seen of a line for now"),
                }
            }
            self.facts.extend(self.reader.read(now, report));
        }
    }
}

fn transport_of(uri: &Uri) -> Transport {
    let named = uri.params.get("transport").map(str::to_ascii_lowercase);
    let kinds = [Transport::Udp, Transport::Tcp, Transport::Tls];
    let otherwise = if uri.scheme == Scheme::Sips { Transport::Tls } else { Transport::Udp };
    named.and_then(|name| kinds.into_iter().find(|kind| kind.param() == name)).unwrap_or(otherwise)
}

const fn instant(at: Timestamp) -> Instant {
    Instant::from_micros(at.as_micros())
}
