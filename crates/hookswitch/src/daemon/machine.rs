//! The heart of the daemon without threads, sockets and clock: engine and journal as one machine.
//!
//! Time and inputs go in. What came of them goes to the journal as one batch, and only what [`Machine::commit`] made
//! durable comes out: answers for those who asked, actions for the PBXs. The dispatcher drives it in real time, a
//! simulation in virtual time.

use std::{collections::VecDeque, sync::Arc};

use hookswitch_acd::Engine;
use hookswitch_journal::{Error as JournalError, Journal, Kind, Record, Retention, Snapshot, Snapshots};
use hookswitch_model::{
    IdSource, Millis, PbxId, Timestamp,
    command::Answer,
    event::{Event, EventKind},
    input::{Input, LookUp, Output},
    pbx::{Fact, PbxAction},
    setup::Setup,
};
use hookswitch_wire::template::PopTemplates;
use tracing::{error, info, warn};

use super::{
    pops,
    records::{self, InputRecord},
    recovery::{self, Beginning, Kept, Recovered},
    report,
};

/// Records at which a batch wants to be committed, so that a burst is never held in memory as a whole.
const RECORDS: usize = 1_024;
/// The same in bytes.
const BYTES: usize = 1024 * 1024;
/// How often old records are looked at.
const RETAIN_EVERY: Millis = Millis::from_secs(3_600);
/// How soon again, while there is more of them to go: a step takes as long as a commit.
const RETAIN_MORE: Millis = Millis(50);
/// A snapshot after this many records bounds what a restart reads.
const SNAPSHOT_EVERY: u64 = 100_000;
/// How often a journal without room is asked again.
const TRY_EVERY: Millis = Millis(500);
/// What is held in memory at most for a journal without room; then all of it is given up and the gap is told.
const HELD_BYTES: usize = 32 * 1024 * 1024;

/// How a machine works.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long records are kept.
    pub retention: Millis,
    /// Bytes of records that are kept at most; none: only the age counts.
    pub max_size: Option<u64>,
    /// What screen pops open.
    pub pops: Arc<PopTemplates>,
    /// Seeds the ids of a machine whose journal is empty.
    pub seed: u64,
    /// What is held in memory at most while the journal has no room, in bytes of payload, beside one state of the
    /// engine.
    pub held_bytes: usize,
}

impl Options {
    /// The usual bounds.
    #[must_use]
    pub fn new(retention: Millis, pops: Arc<PopTemplates>, seed: u64) -> Self {
        Self { retention, max_size: None, pops, seed, held_bytes: HELD_BYTES }
    }
}

/// What may be shown and done after a commit.
#[derive(Debug, Default)]
pub struct Committed {
    /// For those who asked, in order.
    pub answers: Vec<Answer>,
    /// To be carried out by the links, in order.
    pub actions: Vec<PbxAction>,
    /// To be asked of those who know the customers, in order.
    pub look_ups: Vec<LookUp>,
    /// The journal ran out of room, or has room again; none: nothing changed.
    pub turned: Option<Turned>,
}

/// What readers are told of a journal without room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// Calls are routed on, but nothing is told until there is room again.
    Degraded,
    /// Everything that was held is durable now. So many events were given up before: the stream has a gap there.
    Restored {
        /// Events that were never told.
        given_up: u64,
    },
}

/// The journal has no room: what waits for it in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Degraded {
    /// Since when.
    pub since: Timestamp,
    /// Bytes of payload that wait.
    pub held_bytes: usize,
    /// Events that were given up because they did not fit.
    pub given_up: u64,
}

/// Engine and journal. See the module.
#[derive(Debug)]
pub struct Machine {
    engine: Engine,
    journal: Box<dyn Journal>,
    snapshots: Snapshots,
    options: Options,
    ids: IdSource,
    /// What came of the inputs since the last commit.
    batch: Batch,
    /// Batches that wait for room, oldest first.
    held: VecDeque<Batch>,
    degraded: Option<Degraded>,
    try_at: Timestamp,
    answers: Vec<Answer>,
    actions: Vec<PbxAction>,
    look_ups: Vec<LookUp>,
    /// Actions journalled and not known to have been taken or refused by their PBX, in the order they were asked for: what
    /// stands before one that reached the PBX reached it, too. Ids of one millisecond are in no order.
    open: Vec<PbxAction>,
    /// The last durable sequence.
    last: u64,
    since_snapshot: u64,
    retain_at: Timestamp,
    /// Old records go step by step, and more of them may.
    retaining: bool,
}

/// Records on their way to the journal.
#[derive(Debug, Default)]
struct Batch {
    records: Vec<Record>,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, record: Record) {
        self.bytes += record.payload.len();
        self.records.push(record);
    }

    fn events(&self) -> u64 {
        self.records.iter().filter(|record| record.kind == Kind::Event).count() as u64
    }
}

/// A machine as it was, and what its surroundings have to know.
#[derive(Debug)]
pub struct Awake {
    /// The machine. [`Machine::start`] comes first.
    pub machine: Machine,
    /// The clock must not be behind this: the journal's last input.
    pub not_before: Timestamp,
    /// Since when nothing was seen of any PBX; none for an empty journal.
    pub away_since: Option<Timestamp>,
    first: Vec<Input>,
}

impl Awake {
    /// Tells the engine what it must know before it decides anything: that no link is up, and the configuration.
    ///
    /// # Errors
    /// As [`Machine::commit`].
    pub fn start(self, now: Timestamp) -> Result<(Machine, Committed), JournalError> {
        let mut machine = self.machine;
        machine.retain_at = now + RETAIN_EVERY;
        for input in self.first {
            machine.handle(now, input);
        }
        let committed = machine.commit(now)?;
        Ok((machine, committed))
    }
}

impl Machine {
    /// Rebuilds the machine from its journal, or makes a new one. `setup` is the configuration under this version.
    ///
    /// # Errors
    /// When the journal cannot be read back, was written by a newer daemon, or the configuration's rules do not compile.
    pub fn recover(
        mut journal: Box<dyn Journal>,
        setup: impl Fn(u64) -> Setup,
        options: Options,
    ) -> anyhow::Result<Awake> {
        let recovered = recovery::recover(&mut *journal, setup, options.seed)?;
        let Recovered { engine, open, last_input, away_since, first } = recovered;
        let (last, snapshots) = (journal.reader().last(), journal.snapshots());
        let ids = IdSource::new(options.seed ^ last);
        let machine = Self {
            engine,
            journal,
            snapshots,
            options,
            ids,
            batch: Batch::default(),
            held: VecDeque::new(),
            degraded: None,
            try_at: Timestamp::default(),
            answers: Vec::new(),
            actions: Vec::new(),
            look_ups: Vec::new(),
            open,
            last,
            since_snapshot: 0,
            retain_at: Timestamp::from_micros(u64::MAX),
            retaining: false,
        };
        Ok(Awake { machine, not_before: last_input, away_since, first })
    }

    /// One input, with everything that comes of it. Nothing of it is seen before [`Self::commit`].
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        if let Input::Pbx(event) = &input
            && let Fact::ActionResult { action, .. } = &event.fact
        {
            self.open.retain(|open| open.id != *action);
        }
        let payload = records::encode(&InputRecord { now, input: &input });
        self.batch.push(Record { kind: Kind::Input, at: now, meta: None, payload });
        self.engine.handle(now, input);
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Event(event) => self.event(now, &event),
                Output::Action(action) => {
                    let payload = records::encode(&action);
                    self.batch.push(Record { kind: Kind::Action, at: now, meta: None, payload });
                    self.actions.push(action);
                }
                Output::Answer(answer) => self.answers.push(answer),
                Output::LookUp(asked) => self.look_ups.push(asked),
            }
        }
    }

    /// Fires the engine's deadlines that are due.
    pub fn tick(&mut self, now: Timestamp) {
        if self.engine.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.handle(now, Input::Tick);
        }
    }

    /// Whether the batch is large enough to be committed before more is handled.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.batch.records.len() >= RECORDS || self.batch.bytes >= BYTES
    }

    /// Whether everything handled was committed, or waits for room.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.batch.records.is_empty()
    }

    /// Makes everything handled so far durable; then, and only then, it comes out.
    ///
    /// A journal without room ([`JournalError::Full`]) is no error: calls are routed on. Actions and answers come out at
    /// once, records are held in order and written when there is room; readers see nothing until then. What is more
    /// than [`Options::held_bytes`] is given up as a whole: the journal goes on from the engine's state, and an event in
    /// the stream tells the gap.
    ///
    /// # Errors
    /// Every other failure of the journal: what is on the disk is not known, so the daemon must end.
    pub fn commit(&mut self, now: Timestamp) -> Result<Committed, JournalError> {
        if !self.batch.records.is_empty() {
            self.held.push_back(std::mem::take(&mut self.batch));
        }
        let turned = if self.degraded.is_some() && now < self.try_at { None } else { self.write(now)? };
        if self.degraded.is_some() {
            self.bound(now);
        }
        self.open.extend_from_slice(&self.actions);
        self.open.retain(|action| action.expires_at >= now);
        if self.since_snapshot >= SNAPSHOT_EVERY {
            self.snapshot(now);
        }
        Ok(Committed {
            answers: std::mem::take(&mut self.answers),
            actions: std::mem::take(&mut self.actions),
            look_ups: std::mem::take(&mut self.look_ups),
            turned,
        })
    }

    /// What the journal does once nobody waits for it: after what came out has been shown.
    ///
    /// # Errors
    /// What is on the disk is not known, so the daemon must end.
    pub fn confirm(&mut self) -> Result<(), JournalError> {
        self.journal.confirm()
    }

    /// Writes what waits, as far as there is room.
    fn write(&mut self, now: Timestamp) -> Result<Option<Turned>, JournalError> {
        while let Some(batch) = self.held.front_mut() {
            let records = batch.records.len() as u64;
            match self.journal.append(&mut batch.records) {
                Ok(range) => {
                    self.last = range.end - 1;
                    self.since_snapshot += records;
                    self.held.pop_front();
                }
                Err(JournalError::Full { path, source }) => {
                    self.try_at = now + TRY_EVERY;
                    if self.degraded.is_some() {
                        return Ok(None);
                    }
                    error!(journal = %path.display(), %source, hint = "make room: calls are routed on, events wait in memory", "the journal has no room");
                    metrics::gauge!("hookswitch_journal_degraded").set(1.0);
                    self.degraded = Some(Degraded { since: now, held_bytes: 0, given_up: 0 });
                    return Ok(Some(Turned::Degraded));
                }
                Err(error) => return Err(error),
            }
        }
        let Some(degraded) = self.degraded.take() else { return Ok(None) };
        let Degraded { since, given_up, .. } = degraded;
        info!(
            for_ms = now.since(since).0,
            given_up, "the journal has room again: everything held is written"
        );
        metrics::gauge!("hookswitch_journal_degraded").set(0.0);
        metrics::gauge!("hookswitch_journal_held_bytes").set(0.0);
        Ok(Some(Turned::Restored { given_up }))
    }

    /// Counts what is held, and gives it up when it is too much.
    fn bound(&mut self, now: Timestamp) {
        if self.held_bytes() > self.options.held_bytes {
            self.give_up(now);
        }
        let bytes = self.held_bytes();
        metrics::gauge!("hookswitch_journal_held_bytes").set(bytes as f64);
        if let Some(degraded) = &mut self.degraded {
            degraded.held_bytes = bytes;
        }
    }

    fn held_bytes(&self) -> usize {
        self.held.iter().map(|batch| batch.bytes).sum()
    }

    /// Gives up what is held. The journal goes on from the engine's state as it is, and says what is missing before.
    fn give_up(&mut self, now: Timestamp) {
        let events: u64 = self.held.iter().map(Batch::events).sum();
        self.held.clear();
        let Some(degraded) = &mut self.degraded else { return };
        degraded.given_up += events;
        let (since, given_up) = (degraded.since, degraded.given_up);
        warn!(given_up, "events were given up: the journal had no room for too long");
        metrics::counter!("hookswitch_events_given_up_total").increment(events);
        let mut batch = Batch::default();
        let payload = records::encode(&Beginning::again(&self.engine));
        // Not counted: a state is as large as it is, and giving it up for the next one would gain nothing.
        batch.records.push(Record { kind: Kind::Setup, at: now, meta: None, payload });
        let evidence = format!("{given_up} events after {}", hookswitch_wire::Time(since));
        let kind = EventKind::InvariantViolated { rule: NO_ROOM.to_owned(), evidence, call: None };
        let id = self.ids.next(now);
        let event = Event { id, at: now, pbx: None, recovered: false, action: None, kind };
        let encoded = hookswitch_wire::encode(&event, self.last + 2, None);
        batch.push(Record { kind: Kind::Event, at: now, meta: Some(encoded.meta), payload: encoded.json });
        self.held.push_back(batch);
    }

    fn event(&mut self, now: Timestamp, event: &Event) {
        report::event(event);
        let url = pops::url(&self.options.pops, event);
        let waiting: usize = self.held.iter().map(|batch| batch.records.len()).sum();
        let sequence = self.last + (waiting + self.batch.records.len()) as u64 + 1;
        let encoded = hookswitch_wire::encode(event, sequence, url.as_deref());
        self.batch.push(Record {
            kind: Kind::Event,
            at: now,
            meta: Some(encoded.meta),
            payload: encoded.json,
        });
    }

    /// When [`Self::tick`], [`Self::commit`] or [`Self::retain`] have something to do, if no input comes before.
    #[must_use]
    pub fn next_deadline(&self) -> Timestamp {
        let engine = self.engine.next_deadline().unwrap_or(self.retain_at);
        let again = if self.degraded.is_some() { self.try_at } else { self.retain_at };
        engine.min(again).min(self.retain_at)
    }

    /// Lets go of what is older than the configuration keeps, when it is time. A follower that lags holds it back for
    /// as long again.
    pub fn retain(&mut self, now: Timestamp) {
        if now < self.retain_at {
            return;
        }
        if !self.retaining {
            self.snapshot(now);
        }
        self.retain_at = now + RETAIN_EVERY;
        let ago = |span: Millis| Timestamp::from_millis(now.as_millis().saturating_sub(span.0));
        let retention = self.options.retention;
        let keep = Retention {
            keep_from: ago(retention),
            hold_from: ago(retention + retention),
            max_bytes: self.options.max_size,
        };
        let retained = self.journal.retain(&keep);
        self.retaining = retained.as_ref().is_ok_and(|retained| retained.more);
        if self.retaining {
            self.retain_at = now + RETAIN_MORE;
        }
        match retained {
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

    /// Leaves the state for the next start, once everything is committed. A snapshot that fails costs a longer start,
    /// nothing else.
    pub fn snapshot(&mut self, now: Timestamp) {
        if !self.held.is_empty() || !self.batch.records.is_empty() {
            return;
        }
        let payload = records::encode(&Kept::of(&self.engine, &self.open));
        self.since_snapshot = 0;
        if let Err(error) = self.snapshots.save(&Snapshot { seq: self.last, at: now, payload }) {
            warn!(%error, hint = error.hint(), "no snapshot was kept");
        }
    }

    /// The engine, to be read. While the journal has no room it is ahead of [`Self::last`].
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The last durable sequence.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// The journal: to make readers of it.
    #[must_use]
    pub fn journal(&self) -> &dyn Journal {
        &*self.journal
    }

    /// Whether the journal has no room, and what waits for it.
    #[must_use]
    pub const fn degraded(&self) -> Option<Degraded> {
        self.degraded
    }

    /// Actions on this PBX that were journalled before the start, whose result is not known and which are not too late.
    #[must_use]
    pub fn open_actions(&self, pbx: &PbxId) -> Vec<PbxAction> {
        self.open.iter().filter(|action| action.pbx == *pbx).cloned().collect()
    }

    /// What screen pops open from now on.
    pub fn set_pops(&mut self, pops: Arc<PopTemplates>) {
        self.options.pops = pops;
    }
}

/// The rule of the event that tells a gap.
const NO_ROOM: &str = "the stream tells everything: the journal had no room for too long";
