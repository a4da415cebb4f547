//! The one writer: gives the machine its inputs in batches, in real time, on a thread of its own.

use std::{collections::BTreeMap, sync::Arc};

use hookswitch_journal::Error as JournalError;
use hookswitch_model::{
    ActionId, PbxId, Timestamp,
    command::Answer,
    input::{Input, LookUp},
    pbx::{Fact, PbxAction, PbxEvent},
    setup::Setup,
};
use hookswitch_wire::template::PopTemplates;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::sleep_until,
};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::{
    Clock,
    core::{At, Message, Question},
    customers::{self, Desk, Standing},
    machine::{Committed, Machine, Turned},
    together::Together,
};

/// Messages taken into one batch: enough that a burst shares its sync, few enough that a reader waits no longer
/// than one batch.
const BATCH: usize = 512;

/// Owns the machine.
pub(super) struct Dispatcher {
    machine: Machine,
    clock: Clock,
    pops: watch::Receiver<Arc<PopTemplates>>,
    links: Vec<Link>,
    turned: Box<dyn Fn(Turned) + Send>,
    customers: Desk,
    standing: watch::Receiver<Standing>,
    replies: BTreeMap<ActionId, oneshot::Sender<Answer>>,
    questions: Vec<Question>,
    together: Together,
}

/// Where the actions of a PBX go.
pub(super) struct Link {
    pub(super) pbx: PbxId,
    pub(super) actions: mpsc::Sender<PbxAction>,
    /// What it tells may wait for company ([`Together`]).
    pub(super) patient: bool,
}

impl Dispatcher {
    /// `turned` is told when the journal runs out of room and when it has room again; it must not wait.
    pub(super) fn new(
        machine: Machine,
        clock: Clock,
        pops: watch::Receiver<Arc<PopTemplates>>,
        links: Vec<Link>,
        turned: Box<dyn Fn(Turned) + Send>,
        customers: Desk,
    ) -> Self {
        let standing = customers.standing();
        let (replies, questions) = (BTreeMap::new(), Vec::new());
        let patient = links.iter().filter(|link| link.patient);
        let together = Together::new(patient.map(|link| link.pbx.clone()));
        Self { machine, clock, pops, links, turned, customers, standing, replies, questions, together }
    }

    /// Runs until told to stop or until the journal fails. What was sent before the stop is still carried out.
    pub(super) async fn run(
        mut self,
        mut first: Committed,
        mut messages: mpsc::Receiver<Message>,
        stop: CancellationToken,
    ) -> Result<(), JournalError> {
        first.look_ups = customers::pending(self.machine.engine());
        self.show(first);
        self.stand();
        let mut taken = Vec::with_capacity(BATCH);
        loop {
            let due = if self.machine.is_idle() { self.machine.next_deadline() } else { self.clock.now() };
            tokio::select! {
                biased;
                count = messages.recv_many(&mut taken, BATCH) => if count == 0 { break },
                Ok(()) = self.standing.changed() => self.stand(),
                () = sleep_until(self.clock.instant(due)) => {}
                () = stop.cancelled() => {
                    messages.close();
                    if messages.is_empty() { break }
                    continue;
                }
            }
            self.together.gather(&mut messages, &mut taken, BATCH).await;
            let now = self.clock.now();
            if self.pops.has_changed().unwrap_or(false) {
                let pops = Arc::clone(&self.pops.borrow_and_update());
                self.machine.set_pops(pops);
            }
            for message in taken.drain(..) {
                self.take(now, message)?;
            }
            self.machine.tick(now);
            self.commit(now)?;
            self.together.committed();
            self.machine.retain(now);
        }
        self.machine.snapshot(self.clock.now());
        Ok(())
    }

    fn take(&mut self, now: Timestamp, message: Message) -> Result<(), JournalError> {
        match message {
            Message::Facts(facts, room) => {
                for fact in facts {
                    // What was read at once did not happen at once: the normaliser keeps the order in the times.
                    self.machine.handle(fact.at, Input::Pbx(Box::new(fact)));
                    if self.machine.is_full() {
                        self.commit(now)?;
                    }
                }
                drop(room);
            }
            Message::Command(command, reply) => {
                self.replies.insert(command.id, reply);
                self.machine.handle(now, Input::Command(command));
            }
            Message::Input(Input::Setup(setup)) => {
                // Where no CRM is named the directory is asked, as long as it holds a contact.
                let lookup = setup.lookup.or(self.standing.borrow().directory);
                let setup = if setup.lookup == lookup {
                    setup
                } else {
                    Arc::new(Setup { lookup, ..(*setup).clone() })
                };
                self.machine.handle(now, Input::Setup(setup));
            }
            Message::Input(input) => self.machine.handle(now, input),
            Message::Question(question) => self.questions.push(question),
        }
        Ok(())
    }

    /// Makes the batch durable; then, and only then, answers and acts. What the journal syncs beside it, nobody waits for.
    fn commit(&mut self, now: Timestamp) -> Result<(), JournalError> {
        let committed = self.machine.commit(now)?;
        self.show(committed);
        let at = At { sequence: self.machine.last(), now };
        for question in self.questions.drain(..) {
            question(self.machine.engine(), at);
        }
        self.machine.confirm()
    }

    fn show(&mut self, committed: Committed) {
        if let Some(turned) = committed.turned {
            (self.turned)(turned);
        }
        for question in committed.look_ups {
            self.look_up(question);
        }
        // Before the answers: who is answered may stop the links.
        for action in committed.actions {
            self.hand_over(action);
        }
        for answer in committed.answers {
            if let Some(reply) = self.replies.remove(&answer.command) {
                // A client that has gone away needs no answer.
                let _ = reply.send(answer);
            }
        }
    }

    /// Whether the directory is asked has changed: the same configuration, with another look-up.
    fn stand(&mut self) {
        let Standing { crm, directory } = *self.standing.borrow_and_update();
        let setup = self.machine.engine().setup();
        if !crm && setup.lookup != directory {
            let setup = Setup { lookup: directory, ..setup.clone() };
            self.machine.handle(self.clock.now(), Input::Setup(Arc::new(setup)));
        }
    }

    /// Every question gets an answer, if only that nobody could say.
    fn look_up(&mut self, question: LookUp) {
        let id = question.call;
        if !self.customers.ask(question, self.machine.engine()) {
            self.machine.handle(self.clock.now(), customers::nobody_could_say(id));
        }
    }

    /// Hands an action to its link. One that is so far behind that it takes no more is told to the engine as refused.
    fn hand_over(&mut self, action: PbxAction) {
        let Some(link) = self.links.iter().find(|link| link.pbx == action.pbx) else { return };
        // A closed link has been told to stop.
        if let Err(mpsc::error::TrySendError::Full(action)) = link.actions.try_send(action) {
            error!(pbx = %action.pbx, action = %action.id, "the link is too far behind to carry an action");
            let now = self.clock.now();
            let refused = Some("the link is too far behind".to_owned());
            let fact = Fact::ActionResult { action: action.id, refused };
            let event = PbxEvent { pbx: action.pbx, at: now, recovered: false, fact };
            self.machine.handle(now, Input::Pbx(Box::new(event)));
        }
    }
}
