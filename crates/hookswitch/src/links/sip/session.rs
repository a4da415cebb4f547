//! A SIP link without its sockets and clock: messages and time in; messages, voice, questions and facts out.

use std::{net::SocketAddr, path::PathBuf};

use hookswitch_model::{
    Millis, PbxId, Timestamp,
    agent::DeviceState,
    call::Address,
    pbx::{Fact, KnownCall, PbxAction, PbxEvent},
};
use hookswitch_normalize::{from_sip::FromSip, number::Plan, to_sip};
use hookswitch_sip::{Flow, Instant, Limits, Transmit, message};
use hookswitch_switch::{
    Event, MediaOut, Settings, Switch,
    settings::{Keys, Question},
};
use tracing::{debug, info, warn};

use super::{
    kept::{Keeper, Registrations},
    watching::{Chance, WatchSettings, Watching},
    wires::WireSettings,
};

/// What the link calls itself.
const VERSION: &str = concat!("hookswitch/", env!("CARGO_PKG_VERSION"));
/// How long a stopping daemon stays for the answers to its last requests.
const LAST_ANSWERS: Millis = Millis::from_secs(2);

/// What a link needs to know.
#[derive(Debug, Clone)]
pub(crate) struct SipSettings {
    pub(crate) pbx: PbxId,
    pub(crate) told: Told,
    /// How numbers are read.
    pub(crate) plan: Plan,
    pub(crate) wires: WireSettings,
    /// Where registrations are kept over a restart.
    pub(crate) kept: PathBuf,
}

/// What changes with the configuration while a link runs.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) switch: Settings,
    /// Lines of other PBXs that are watched.
    pub(crate) watch: WatchSettings,
}

/// A switch, and what the engine is told of it.
pub(super) struct Session {
    pbx: PbxId,
    switch: Switch,
    reader: FromSip,
    watching: Watching,
    limits: Limits,
    keeper: Keeper,
    /// Who was registered when the last run ended.
    kept: Registrations,
    /// Who may register: until somebody does, nobody can be reached.
    users: Vec<Address>,
    facts: Vec<PbxEvent>,
    known: Vec<KnownCall>,
    open: Vec<PbxAction>,
    away_since: Option<Timestamp>,
    leave_by: Option<Timestamp>,
    /// How many found no port by the last measure.
    unheard: u64,
}

impl Session {
    pub(super) fn new(settings: SipSettings, keys: &Keys, chance: Chance, now: Timestamp) -> Self {
        let SipSettings { pbx, told: Told { switch, watch }, plan, wires: _, kept } = settings;
        let (keeper, kept) = Keeper::open(&kept, now);
        Self {
            keeper,
            kept,
            users: switch.users.keys().map(|name| Address::new(&format!("sip:{name}"))).collect(),
            switch: Switch::new(switch, keys),
            watching: Watching::new(pbx.clone(), plan.clone(), watch, chance),
            reader: FromSip::new(pbx.clone(), plan),
            pbx,
            limits: Limits::default(),
            facts: Vec::new(),
            known: Vec::new(),
            open: Vec::new(),
            away_since: None,
            leave_by: None,
            unheard: 0,
        }
    }

    /// What the engine believes from before, and what was asked then without an answer.
    pub(super) fn seed(
        &mut self,
        known: Vec<KnownCall>,
        open: Vec<PbxAction>,
        away_since: Option<Timestamp>,
    ) {
        (self.known, self.open, self.away_since) = (known, open, away_since);
    }

    /// Peers can reach us from now on. A switch that begins knows no call: what was believed in is over. Phones whose
    /// time is not over are there still.
    pub(super) fn bound(&mut self, now: Timestamp) {
        for action in std::mem::take(&mut self.open) {
            self.refused(now, &action, "the daemon was restarted");
        }
        for address in std::mem::take(&mut self.users) {
            self.told(now, Fact::Device { address, state: DeviceState::Unavailable });
        }
        let known = std::mem::take(&mut self.known);
        self.facts.extend(self.reader.begin(now, VERSION, &known, self.away_since));
        self.switch.restore(instant(now), std::mem::take(&mut self.kept));
        self.read(now);
        self.watching.begin(now);
        self.watched();
    }

    /// A message came.
    pub(super) fn message(&mut self, now: Timestamp, flow: Flow, bytes: &[u8]) -> Option<Transmit> {
        match message::parse(bytes, &self.limits) {
            Ok(message) if self.watching.takes(&message) => {
                self.watching.message(now, flow, message);
                self.watched();
                None
            }
            Ok(message) => {
                self.switch.receive(instant(now), flow, message);
                self.read(now);
                None
            }
            Err(malformed) => {
                metrics::counter!("hookswitch_sip_malformed_total").increment(1);
                debug!(%flow, problem = %malformed.what, "a message that cannot be used");
                // Back to where it came from, once, and nothing is kept.
                malformed.answer.map(|answer| Transmit { flow, bytes: answer.to_bytes() })
            }
        }
    }

    pub(super) fn voice(&mut self, now: Timestamp, port: u16, from: SocketAddr, bytes: &[u8]) {
        self.switch.media(instant(now), port, from, bytes);
        self.read(now);
    }

    /// A port of our own voice cannot be opened.
    pub(super) fn port_failed(&mut self, port: u16) {
        metrics::counter!("hookswitch_sip_voice_ports_failed_total", "pbx" => self.pbx.to_string())
            .increment(1);
        self.switch.port_failed(port);
    }

    pub(super) fn flow_failed(&mut self, now: Timestamp, flow: Flow) {
        self.watching.flow_failed(now, flow);
        self.switch.flow_failed(instant(now), flow);
        self.read(now);
    }

    pub(super) fn resolved(&mut self, now: Timestamp, question: &Question, addresses: &[SocketAddr]) {
        self.watching.resolved(now, question, addresses);
        self.switch.resolved(instant(now), question, addresses);
        self.read(now);
    }

    pub(super) fn reconfigure(&mut self, now: Timestamp, Told { switch, watch }: Told) {
        self.watching.reconfigure(now, watch);
        self.switch.reconfigure(instant(now), switch);
        self.read(now);
        info!(pbx = %self.pbx, "another configuration is in force");
    }

    /// Does what is due by this time.
    pub(super) fn tick(&mut self, now: Timestamp) {
        self.watching.tick(now);
        self.switch.tick(instant(now));
        self.read(now);
    }

    /// When [`Self::tick`] has something to do.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        let due = self.switch.next_deadline().map(|due| Timestamp::from_micros(due.as_micros()));
        [due, self.watching.next_deadline(), self.leave_by].into_iter().flatten().min()
    }

    /// Carries an action out, once: at once or not at all.
    pub(super) fn act(&mut self, now: Timestamp, action: &PbxAction) {
        if action.expires_at < now {
            return self.refused(now, action, "expired before the link could carry it");
        }
        if self.watching.probed(now, action) {
            return self.watched();
        }
        match to_sip::translate(action) {
            Ok((order, command)) => {
                self.switch.command(instant(now), order, command);
                self.read(now);
            }
            Err(error) => self.refused(now, action, &error.to_string()),
        }
    }

    /// Says that an action is not carried out.
    pub(super) fn refused(&mut self, now: Timestamp, action: &PbxAction, why: &str) {
        warn!(pbx = %self.pbx, action = %action.id, refused = why, "action not carried out");
        self.told(now, Fact::ActionResult { action: action.id, refused: Some(why.to_owned()) });
    }

    /// The daemon stops: last answers are waited for.
    pub(super) fn leave(&mut self, now: Timestamp) {
        self.leave_by = Some(now + LAST_ANSWERS);
    }

    /// Whether a leaving link has nothing left to wait for.
    pub(super) fn has_left(&self, now: Timestamp) -> bool {
        self.leave_by.is_some_and(|by| by <= now) || self.switch.load().transactions == 0
    }

    /// Tells `/metrics` how much is kept, and what went wrong so far.
    pub(super) fn measure(&mut self) {
        let load = self.switch.load();
        let kept = [
            ("hookswitch_sip_calls", load.calls),
            ("hookswitch_sip_dialogs", load.dialogs),
            ("hookswitch_sip_attempts", load.attempts),
            ("hookswitch_sip_requests", load.requests),
            ("hookswitch_sip_transactions", load.transactions),
        ];
        for (name, count) in kept {
            metrics::gauge!(name, "pbx" => self.pbx.to_string()).set(count as f64);
        }
        let counters = self.switch.counters();
        let counted = [
            ("hookswitch_sip_strangers_total", counters.strangers),
            ("hookswitch_sip_full_total", counters.full),
            ("hookswitch_sip_stray_total", counters.stray),
            ("hookswitch_sip_late_total", counters.late),
            ("hookswitch_sip_dead_total", counters.dead),
            ("hookswitch_sip_unheard_total", counters.unheard),
        ];
        for (name, count) in counted {
            metrics::counter!(name, "pbx" => self.pbx.to_string()).absolute(count);
        }
        let more = counters.unheard - std::mem::replace(&mut self.unheard, counters.unheard);
        if more > 0 {
            warn!(pbx = %self.pbx, callers = more, "no free port of rtp_ports for their music; widen the range");
        }
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.watching.poll_transmit().or_else(|| self.switch.poll_transmit())
    }

    pub(super) fn poll_media(&mut self) -> Option<MediaOut> {
        self.switch.poll_media()
    }

    pub(super) fn poll_question(&mut self) -> Option<Question> {
        self.switch.poll_question()
    }

    /// How many facts wait to be taken.
    pub(super) fn facts(&self) -> usize {
        self.facts.len()
    }

    /// What was seen, in order.
    pub(super) fn take_facts(&mut self) -> Vec<PbxEvent> {
        std::mem::take(&mut self.facts)
    }

    fn read(&mut self, now: Timestamp) {
        while let Some(event) = self.switch.poll_event() {
            if let Event::Trunk { name, up } = &event {
                info!(pbx = %self.pbx, trunk = name, up, "a trunk");
                let up = if *up { 1.0 } else { 0.0 };
                metrics::gauge!("hookswitch_sip_trunk_up", "pbx" => self.pbx.to_string(), "trunk" => name.clone())
                    .set(up);
            }
            self.watching.own(now, &event);
            self.facts.extend(self.reader.read(now, event));
        }
        while let Some((user, contacts)) = self.switch.poll_registration() {
            self.keeper.keep(user, contacts);
        }
        self.watched();
    }

    /// What was seen of watched lines.
    fn watched(&mut self) {
        self.facts.append(&mut self.watching.take_facts());
    }

    fn told(&mut self, at: Timestamp, fact: Fact) {
        self.facts.push(PbxEvent { pbx: self.pbx.clone(), at, recovered: false, fact });
    }
}

/// Nonces carry their time, so that of the wall is used.
const fn instant(at: Timestamp) -> Instant {
    Instant::from_micros(at.as_micros())
}
