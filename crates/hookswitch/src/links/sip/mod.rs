//! The link to no PBX: Hookswitch is the PBX. Sockets around a switch that decides by messages, time and orders.
//!
//! One task owns the switch. Sockets have tasks that only read and cut; what they bring waits in a bounded queue, and
//! behind that in the kernel, where SIP's own repeats mend what is lost. While the engine is behind, nothing more is
//! taken in.

mod kept;
mod names;
mod session;
mod streams;
mod udp;
mod voice;
mod watching;
mod websocket;
mod wires;

use std::time::Duration;

use hookswitch_model::{PbxId, Timestamp, pbx::PbxAction};
use hookswitch_sip::Flow;
use hookswitch_switch::{MediaOut, settings::Keys};
use tokio::{
    sync::{mpsc, watch},
    time::{interval, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::{
    session::Session,
    watching::Chance,
    wires::{Incoming, Wires},
};
pub(crate) use self::{
    session::{SipSettings, Told},
    watching::WatchSettings,
    wires::{Listen, WireSettings},
};
use super::{LinkStatus, backoff::Backoff};
use crate::daemon::{Clock, Core};

/// Facts that wait for the engine at most: then nothing is taken from the sockets.
const FACTS: usize = 4_096;
/// How often `/metrics` learns how much is kept.
const MEASURED: Duration = Duration::from_secs(1);

/// A link with its switch.
pub(crate) struct SipLink {
    pbx: PbxId,
    wires: WireSettings,
    session: Session,
    core: Core,
    clock: Clock,
    status: LinkStatus,
}

/// What a link listens to beside its sockets.
struct Ears<'a> {
    inbox: mpsc::Receiver<Incoming>,
    actions: &'a mut mpsc::Receiver<PbxAction>,
    settings: &'a mut watch::Receiver<Told>,
}

impl SipLink {
    /// # Errors
    /// When the system gives no randomness, without which nobody could be told from an impostor.
    pub(crate) fn new(
        settings: SipSettings,
        core: Core,
        clock: Clock,
        status: LinkStatus,
    ) -> Result<Self, getrandom::Error> {
        let (pbx, wires) = (settings.pbx.clone(), settings.wires.clone());
        let mut keys = Keys { nonce: [0; 32], seed: getrandom::u64()? };
        getrandom::fill(&mut keys.nonce)?;
        let chance = Chance { seed: getrandom::u64()?, epoch: getrandom::u64()? };
        let session = Session::new(settings, &keys, chance, clock.now());
        Ok(Self { pbx, wires, session, core, clock, status })
    }

    /// Serves until told to stop. `actions` are those of this PBX, in the order of the journal; `open` those of a daemon
    /// that ran before and did not learn their result, `away_since` is when it stopped looking; `settings` change with
    /// the configuration.
    pub(crate) async fn run(
        mut self,
        open: Vec<PbxAction>,
        away_since: Option<Timestamp>,
        mut actions: mpsc::Receiver<PbxAction>,
        mut settings: watch::Receiver<Told>,
        stop: CancellationToken,
    ) {
        let Some(known) = self.core.known_calls(&self.pbx).await else { return };
        self.session.seed(known, open, away_since);
        let mut backoff = Backoff::new();
        loop {
            match Wires::bind(&self.wires) {
                Ok((wires, inbox)) => {
                    let ears = Ears { inbox, actions: &mut actions, settings: &mut settings };
                    return self.serve(wires, ears, &stop).await;
                }
                Err(error) => {
                    let pause = backoff.next();
                    warn!(pbx = %self.pbx, %error, retry_ms = pause.as_millis(), "cannot listen for SIP");
                    self.status.set(false);
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(pause) => {}
                        () = self.refuse(&mut actions) => {}
                    }
                }
            }
        }
    }

    /// While nothing is listened on, every action is refused at once.
    async fn refuse(&mut self, actions: &mut mpsc::Receiver<PbxAction>) {
        while let Some(action) = actions.recv().await {
            self.session.refused(self.clock.now(), &action, "nothing is listened on");
            self.hand_over().await;
        }
        std::future::pending().await
    }

    async fn serve(&mut self, mut wires: Wires, mut ears: Ears<'_>, stop: &CancellationToken) {
        info!(pbx = %self.pbx, "listening for SIP");
        self.session.bound(self.clock.now());
        let mut leaving = false;
        let mut measured = interval(MEASURED);
        loop {
            self.flush(&mut wires);
            let now = self.clock.now();
            let facts = self.session.facts();
            if leaving && facts == 0 && ears.actions.is_empty() && self.session.has_left(now) {
                self.flush(&mut wires);
                return;
            }
            // Only when the engine has been sent the word: who reads that the link is up may ask the engine.
            if facts == 0 && !self.status.up() {
                self.status.set(true);
            }
            let due = self.session.next_deadline().map(|due| self.clock.instant(due.max(now)));
            tokio::select! {
                biased;
                // Many messages must not keep an action, a timer or a stop waiting.
                Some(action) = ears.actions.recv() => self.session.act(self.clock.now(), &action),
                () = stop.cancelled(), if !leaving => {
                    leaving = true;
                    self.session.leave(self.clock.now());
                }
                () = sleep_until(due.unwrap_or_else(|| self.clock.instant(now))), if due.is_some() => {
                    self.session.tick(self.clock.now());
                }
                _ = measured.tick() => self.session.measure(),
                room = self.core.room(facts), if facts > 0 => room.hand_over(self.session.take_facts()),
                Ok(()) = ears.settings.changed() => {
                    let settings = ears.settings.borrow_and_update().clone();
                    self.session.reconfigure(self.clock.now(), settings);
                }
                Some(incoming) = ears.inbox.recv(), if facts < FACTS => self.take(&mut wires, incoming),
            }
        }
    }

    /// Something arrived.
    fn take(&mut self, wires: &mut Wires, incoming: Incoming) {
        let now = self.clock.now();
        match incoming {
            Incoming::Datagrams(batch) => {
                for (flow, bytes) in batch {
                    self.message(wires, now, flow, &bytes);
                }
            }
            Incoming::Message(flow, bytes) => self.message(wires, now, flow, &bytes),
            Incoming::Accepted(accepted) => wires.accept(*accepted),
            Incoming::Closed { flow, asked } => {
                wires.closed(flow);
                self.session.flow_failed(now, flow);
                if asked != flow {
                    self.session.flow_failed(now, asked);
                }
            }
            Incoming::Voice { port, packets } => {
                for (from, bytes) in packets {
                    self.session.voice(now, port, from, &bytes);
                }
            }
            Incoming::Resolved { question, addresses } => {
                wires.resolved(&question, &addresses);
                self.session.resolved(now, &question, &addresses);
            }
        }
    }

    fn message(&mut self, wires: &mut Wires, now: Timestamp, flow: Flow, bytes: &[u8]) {
        if let Some(answer) = self.session.message(now, flow, bytes) {
            // Nothing hangs on it.
            wires.send(answer);
        }
    }

    /// What the switch wants sent, opened and asked goes out. What cannot be sent fails at once, and may lead to more.
    fn flush(&mut self, wires: &mut Wires) {
        loop {
            let mut quiet = true;
            while let Some(transmit) = self.session.poll_transmit() {
                let flow = transmit.flow;
                if !wires.send(transmit) {
                    quiet = false;
                    self.session.flow_failed(self.clock.now(), flow);
                }
            }
            while let Some(media) = self.session.poll_media() {
                match media {
                    MediaOut::Open(port) => {
                        if let Err(error) = wires.voice().open(port) {
                            warn!(pbx = %self.pbx, port, %error, "a port of our own voice cannot be opened");
                            self.session.port_failed(port);
                        }
                    }
                    MediaOut::Close(port) => wires.voice().close(port),
                    MediaOut::Send { port, to, bytes } => wires.voice().send(port, to, &bytes),
                }
            }
            while let Some(question) = self.session.poll_question() {
                wires.ask(question);
            }
            if quiet {
                return;
            }
        }
    }

    async fn hand_over(&mut self) {
        let room = self.core.room(self.session.facts()).await;
        room.hand_over(self.session.take_facts());
    }
}
