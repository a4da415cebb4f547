//! The one writer: takes inputs in batches, runs the engine, makes the batch durable, and only then lets anybody
//! see what came of it.

use std::{collections::BTreeMap, sync::Arc};

use hookswitch_acd::Engine;
use hookswitch_journal::{Error as JournalError, Journal, Kind, Record, Retention, Snapshot, Snapshots};
use hookswitch_model::{
    ActionId, Millis, Timestamp,
    command::Answer,
    event::Event,
    input::{Input, Output},
};
use hookswitch_wire::template::PopTemplates;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::sleep_until,
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    Clock,
    core::{At, Message, Question},
    pops,
    records::{self, InputRecord},
    report,
};

/// Messages taken into one batch: enough that a burst shares its sync, few enough that a reader waits no longer
/// than one batch.
const BATCH: usize = 512;
/// Records at which a batch is committed in any case, so that a burst is never held in memory as a whole.
const RECORDS: usize = 4_096;
/// How often old records are looked at.
const RETAIN_EVERY: Millis = Millis::from_secs(3_600);
/// A snapshot after this many records bounds what a restart reads.
const SNAPSHOT_EVERY: u64 = 100_000;

/// Owns engine and journal.
pub(super) struct Dispatcher {
    engine: Engine,
    journal: Box<dyn Journal>,
    snapshots: Snapshots,
    clock: Clock,
    pops: watch::Receiver<Arc<PopTemplates>>,
    batch: Vec<Record>,
    last: u64,
    since_snapshot: u64,
    retention: Millis,
    retain_at: Timestamp,
    replies: BTreeMap<ActionId, oneshot::Sender<Answer>>,
    answers: Vec<Answer>,
    questions: Vec<Question>,
}

impl Dispatcher {
    pub(super) fn new(
        engine: Engine,
        journal: Box<dyn Journal>,
        clock: Clock,
        pops: watch::Receiver<Arc<PopTemplates>>,
        retention: Millis,
    ) -> Self {
        let (last, snapshots) = (journal.reader().last(), journal.snapshots());
        Self {
            engine,
            journal,
            clock,
            pops,
            batch: Vec::new(),
            snapshots,
            last,
            since_snapshot: 0,
            retention,
            retain_at: clock.now() + RETAIN_EVERY,
            replies: BTreeMap::new(),
            answers: Vec::new(),
            questions: Vec::new(),
        }
    }

    /// Handles these first, before anything can be decided.
    pub(super) fn feed(&mut self, inputs: Vec<Input>) -> Result<(), JournalError> {
        let now = self.clock.now();
        for input in inputs {
            self.handle(now, input);
        }
        self.commit(now)
    }

    /// Runs until told to stop or until the journal fails. What was sent before the stop is still carried out.
    pub(super) async fn run(
        mut self,
        mut messages: mpsc::Receiver<Message>,
        stop: CancellationToken,
    ) -> Result<(), JournalError> {
        let mut taken = Vec::with_capacity(BATCH);
        loop {
            let due = self.engine.next_deadline().map_or(self.retain_at, |at| at.min(self.retain_at));
            tokio::select! {
                biased;
                count = messages.recv_many(&mut taken, BATCH) => if count == 0 { break },
                () = sleep_until(self.clock.instant(due)) => {}
                () = stop.cancelled() => {
                    messages.close();
                    if messages.is_empty() { break }
                    continue;
                }
            }
            let now = self.clock.now();
            for message in taken.drain(..) {
                self.take(now, message)?;
            }
            if self.engine.next_deadline().is_some_and(|deadline| deadline <= now) {
                self.handle(now, Input::Tick);
            }
            self.commit(now)?;
            if self.retain_at <= now {
                self.retain(now);
            }
        }
        self.snapshot(self.clock.now());
        Ok(())
    }

    fn take(&mut self, now: Timestamp, message: Message) -> Result<(), JournalError> {
        match message {
            Message::Facts(facts) => {
                for fact in facts {
                    self.handle(now, Input::Pbx(Box::new(fact)));
                    if self.batch.len() >= RECORDS {
                        self.commit(now)?;
                    }
                }
            }
            Message::Command(command, reply) => {
                self.replies.insert(command.id, reply);
                self.handle(now, Input::Command(command));
            }
            Message::Input(input) => self.handle(now, input),
            Message::Question(question) => self.questions.push(question),
        }
        Ok(())
    }

    /// One input, full drain.
    fn handle(&mut self, now: Timestamp, input: Input) {
        let payload = records::encode(&InputRecord { now, input: &input });
        self.batch.push(Record { kind: Kind::Input, at: now, meta: None, payload });
        self.engine.handle(now, input);
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Event(event) => self.event(now, &event),
                Output::Action(action) => {
                    let payload = records::encode(&action);
                    self.batch.push(Record { kind: Kind::Action, at: now, meta: None, payload });
                }
                Output::Answer(answer) => self.answers.push(answer),
            }
        }
    }

    fn event(&mut self, now: Timestamp, event: &Event) {
        report::event(event);
        let url = pops::url(&self.pops.borrow(), event);
        let sequence = self.last + self.batch.len() as u64 + 1;
        let encoded = hookswitch_wire::encode(event, sequence, url.as_deref());
        self.batch.push(Record {
            kind: Kind::Event,
            at: now,
            meta: Some(encoded.meta),
            payload: encoded.json,
        });
    }

    /// Makes the batch durable; then, and only then, answers.
    fn commit(&mut self, now: Timestamp) -> Result<(), JournalError> {
        if !self.batch.is_empty() {
            let records = std::mem::take(&mut self.batch);
            self.since_snapshot += records.len() as u64;
            self.last = self.journal.append(records)?.end - 1;
            if self.since_snapshot >= SNAPSHOT_EVERY {
                self.snapshot(now);
            }
        }
        for answer in self.answers.drain(..) {
            if let Some(reply) = self.replies.remove(&answer.command) {
                // A client that has gone away needs no answer.
                let _ = reply.send(answer);
            }
        }
        let at = At { sequence: self.last, now };
        for question in self.questions.drain(..) {
            question(&self.engine, at);
        }
        Ok(())
    }

    /// Lets go of what is older than the configuration keeps. A follower that lags holds it back for as long again.
    fn retain(&mut self, now: Timestamp) {
        self.retain_at = now + RETAIN_EVERY;
        self.snapshot(now);
        let ago = |span: Millis| Timestamp::from_millis(now.as_millis().saturating_sub(span.0));
        let keep_from = ago(self.retention);
        let hold_from = ago(self.retention + self.retention);
        match self.journal.retain(&Retention { keep_from, hold_from }) {
            Ok(retained) => {
                for (follower, done) in retained.lost_by {
                    warn!(follower, done, "records were removed that this follower had not read");
                }
                for (follower, done) in retained.held_back_by {
                    warn!(follower, done, "old records are kept for a follower that is behind");
                }
            }
            Err(error) => warn!(%error, hint = error.hint(), "old records were not removed"),
        }
    }

    /// Leaves the state for the next start. A snapshot that fails costs a longer start, nothing else.
    fn snapshot(&mut self, now: Timestamp) {
        let payload = records::encode(&self.engine.snapshot());
        self.since_snapshot = 0;
        if let Err(error) = self.snapshots.save(&Snapshot { seq: self.last, at: now, payload }) {
            warn!(%error, hint = error.hint(), "no snapshot was kept");
        }
    }
}
