//! The task of one webhook: journal → plan → receiver, and back to the cursor.

mod sending;

use std::{
    collections::{BTreeMap, HashMap, hash_map::RandomState},
    hash::BuildHasher,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hookswitch_journal::{Cursors, Entry, Head, Kind, Limit, Page, Reader};
use hookswitch_wire::{Time, model::Timestamp};
use serde::Deserialize;
use tokio::{
    sync::{Notify, watch},
    task::{self, JoinError, JoinSet},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use self::sending::ToSend;
use super::{
    chain::Chain,
    delivery::{Attempt, Delivery, DeliveryView, Lane},
    health::Trouble,
    notes::{Notes, Unsettled, noted},
    plan::{Job, Plan, Verdict},
    preset::{Judge, Mark, Memory},
    settings::WebhookSettings,
    transport::{Answer, Transport, judge},
};
use crate::{Filter, hub::now};

/// How the cursors of webhooks begin.
const CURSORS: &str = "webhook ";
/// How long the cursor may lag behind what was done.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// How long until a cursor that was not saved is saved again.
const SAVE_AGAIN: Duration = Duration::from_secs(10);
/// How long attempts that are under way may go on when the daemon stops.
const GRACE: Duration = Duration::from_secs(3);
/// How far back the chains of calls are looked for when deliveries begin anew.
const LOOK_BACK: u64 = 100_000;
/// The longest that a receiver is left alone because of what it said before a restart.
const LONGEST_REST: Duration = Duration::from_secs(24 * 3600);
/// How much of the journal is read at once.
const STEP: Limit = Limit { entries: 256, bytes: 512 * 1024 };

/// What a webhook's task and its handle share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
    pub(crate) wake: Notify,
}

/// Where a webhook stands.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) plan: Plan,
    /// The journal was read up to here.
    pub(crate) position: u64,
    /// Deliver again what comes after this, once no attempt is under way.
    pub(crate) replay: Option<u64>,
    /// How many positions of the journal were deleted before they were delivered.
    pub(crate) lost: u64,
    /// Why the latest attempt failed; none when it did not.
    pub(crate) error: Option<String>,
}

impl Shared {
    pub(crate) fn new(settings: &WebhookSettings) -> Self {
        let seed = RandomState::new().hash_one(&settings.name);
        let plan = Plan::new(settings.concurrency, settings.give_up_after, seed);
        let state = State { plan, position: 0, replay: None, lost: 0, error: None };
        Self { state: Mutex::new(state), wake: Notify::new() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt that ended.
struct Done {
    seq: u64,
    attempt: Attempt,
    verdict: Verdict,
    /// What a preset takes from the answer.
    captured: BTreeMap<String, String>,
}

/// An attempt that is under way.
struct Attempted {
    job: Job,
    /// What a preset tells with it.
    mark: Option<Mark>,
}

/// The task.
pub(crate) struct Follower<T> {
    settings: Arc<WebhookSettings>,
    /// What the answers to events are judged by.
    judge: Arc<Judge>,
    filter: Filter,
    transport: T,
    reader: Reader,
    watch: watch::Receiver<Head>,
    cursors: Cursors,
    shared: Arc<Shared>,
    chain: Chain,
    /// What was told by a preset.
    told: Memory,
    jobs: JoinSet<Done>,
    under_way: HashMap<task::Id, Attempted>,
    saved: Notes,
    save_at: Option<Instant>,
    /// It was said that the cursor cannot be saved.
    save_failed: bool,
}

/// The journal cannot be read, or is closed.
struct Over;

impl<T: Transport> Follower<T> {
    pub(crate) fn new(
        settings: WebhookSettings,
        transport: T,
        reader: Reader,
        cursors: Cursors,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            filter: Filter { types: settings.events.clone(), ..Filter::default() },
            judge: Arc::new(settings.judge()),
            settings: Arc::new(settings),
            transport,
            watch: reader.watch(),
            reader,
            cursors,
            shared,
            chain: Chain::default(),
            told: Memory::default(),
            jobs: JoinSet::new(),
            under_way: HashMap::new(),
            saved: Notes::default(),
            save_at: None,
            save_failed: false,
        }
    }

    /// Delivers until it is stopped or the journal is closed.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let outcome = match self.resume().await {
            Ok(()) => stop.run_until_cancelled(self.deliver()).await.unwrap_or(Ok(())),
            Err(over) => Err(over),
        };
        if outcome.is_err() {
            info!(webhook = self.settings.name, "the webhook's journal is over");
        }
        let _ = timeout(GRACE, self.finish_jobs()).await;
        self.save().await;
    }

    /// Goes on where it was; a webhook that is new begins now.
    async fn resume(&mut self) -> Result<(), Over> {
        let name = cursor_name(&self.settings.name);
        let Some(cursor) = self.cursors.get(&name) else {
            self.shared.lock().position = self.reader.last();
            self.save().await;
            return Ok(());
        };
        let notes = Notes::of(&cursor);
        let (at, mut lost) = (Instant::now(), notes.lost);
        for unsettled in &notes.unsettled {
            let page = self.read(unsettled.seq - 1, Limit { entries: 1, bytes: 1 }).await?;
            match page.iter().next().filter(|entry| entry.seq == unsettled.seq) {
                Some(entry) => self.offer_again(at, entry, unsettled),
                None => {
                    lost += 1;
                    warn!(
                        webhook = self.settings.name,
                        seq = unsettled.seq,
                        "retention deleted what was not delivered"
                    );
                }
            }
        }
        let mut state = self.shared.lock();
        state.position = notes.position.min(self.reader.last());
        state.lost = lost;
        state.plan.remember_dead(notes.dead.iter().cloned(), notes.dead_count);
        if let Some(until) = notes.leave_alone_until {
            let rest = until.0.as_micros().saturating_sub(now().as_micros());
            state.plan.leave_alone_until(at + Duration::from_micros(rest).min(LONGEST_REST));
        }
        if notes.gone.as_ref() == Some(&self.settings.fingerprint()) {
            state.plan.set_gone();
        }
        drop(state);
        self.chain = notes.chain.clone();
        if notes.preset == self.preset() {
            self.told = notes.told.clone();
        }
        self.saved = notes;
        Ok(())
    }

    fn offer_again(&self, at: Instant, entry: &Entry, unsettled: &Unsettled) {
        let Some(mut delivery) = delivery(entry, unsettled.prev, at) else { return };
        (delivery.tried, delivery.refusals) = (unsettled.tried, unsettled.refusals);
        delivery.attempts.clone_from(&unsettled.attempts);
        delivery.since = at.checked_sub(unsettled.tried_for()).unwrap_or(at);
        self.shared.lock().plan.offer(at, delivery);
    }

    async fn deliver(&mut self) -> Result<(), Over> {
        loop {
            self.rewind().await?;
            self.fill().await?;
            self.start();
            let (room, wake_at) = {
                let state = self.shared.lock();
                (state.plan.has_room(), state.plan.wake_at())
            };
            let save_at = self.save_at;
            tokio::select! {
                Some(done) = self.jobs.join_next_with_id() => self.settle(done),
                () = until(wake_at) => {}
                more = self.watch.changed(), if room => more.map_err(|_| Over)?,
                () = self.shared.wake.notified() => {}
                () = until(save_at) => self.save().await,
            }
        }
    }

    /// Reads on as far as there is room.
    async fn fill(&mut self) -> Result<(), Over> {
        loop {
            let (room, position) = {
                let state = self.shared.lock();
                (state.plan.has_room(), state.position)
            };
            self.watch.mark_unchanged();
            if !room {
                return Ok(());
            }
            let page = self.read(position, STEP).await?;
            if page.is_empty() {
                return Ok(());
            }
            let skipped = page.skipped();
            if !skipped.is_empty() {
                warn!(webhook = self.settings.name, ?skipped, "retention deleted what was not delivered");
            }
            let at = Instant::now();
            let mut state = self.shared.lock();
            state.lost += skipped.end.saturating_sub(skipped.start);
            for entry in page.iter() {
                if !self.wants(entry) {
                    continue;
                }
                let prev = entry.record.meta.as_ref().and_then(|meta| self.chain.step(meta, entry.seq));
                if let Some(mut delivery) = delivery(entry, prev, at) {
                    delivery.not_before = at + self.gathers(entry);
                    state.plan.offer(at, delivery);
                }
            }
            state.position = page.through();
            drop(state);
            self.changed();
        }
    }

    /// Posts what is due.
    fn start(&mut self) {
        loop {
            let job = self.shared.lock().plan.start(Instant::now());
            let Some(job) = job else { return };
            match self.to_send(&job) {
                Ok(Some(next)) => self.post(job, next),
                Ok(None) => {
                    self.shared.lock().plan.skip(Instant::now(), job.seq);
                    self.forget(&job);
                    self.changed();
                }
                Err(error) => self.give_up(&job, error),
            }
        }
    }

    /// Nothing can be sent for this event, now or ever.
    fn give_up(&mut self, job: &Job, error: String) {
        let attempt = Attempt { at: now().into(), status: None, error: Some(error), ms: 0 };
        self.shared.lock().plan.outcome(Instant::now(), job.seq, attempt, Verdict::Impossible);
        self.forget(job);
        self.changed();
    }

    fn post(&mut self, job: Job, next: ToSend) {
        let ToSend { post, judge: by, mark } = next;
        let (at, begun, seq) = (post.at, Instant::now(), job.seq);
        let answer = self.transport.post(post);
        let job_handle = self.jobs.spawn(async move {
            let answer = answer.await;
            let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            let (mut verdict, status, mut error) = judge(&by, &answer);
            let mut captured = BTreeMap::new();
            if let (Verdict::Delivered | Verdict::Unconfirmed, Answer::Reply { reply, .. }) =
                (verdict, &answer)
            {
                match by.captured(reply) {
                    Ok(found) => captured = found,
                    // Without it nothing more could be told of this call.
                    Err(why) => (verdict, error) = (Verdict::Refused, Some(why)),
                }
            }
            Done { seq, attempt: Attempt { at: Time(at), status, error, ms }, verdict, captured }
        });
        self.under_way.insert(job_handle.id(), Attempted { job, mark });
    }

    /// What a job came to; a job that panicked is an attempt that failed.
    fn settle(&mut self, done: Result<(task::Id, Done), JoinError>) {
        let (id, done) = match done {
            Ok((id, done)) => (id, Some(done)),
            Err(error) => (error.id(), None),
        };
        let Some(Attempted { job, mark }) = self.under_way.remove(&id) else { return };
        let mut done = done.unwrap_or_else(|| {
            let error = Some("the attempt failed inside; the log says more".to_owned());
            let attempt = Attempt { at: now().into(), status: None, error, ms: 0 };
            let verdict = Verdict::Failed(Trouble::default());
            Done { seq: job.seq, attempt, verdict, captured: BTreeMap::new() }
        });
        if let (Verdict::Delivered | Verdict::Unconfirmed, Some(mark), Lane::Call(call)) =
            (done.verdict, &mark, &job.lane)
        {
            self.told.note(*call, job.seq, mark, std::mem::take(&mut done.captured));
            // What a receiver was told must not be told again: the sooner it is noted, the better.
            self.save_at = Some(Instant::now());
            match self.to_send(&job) {
                Ok(Some(next)) => {
                    self.shared.lock().plan.step(Instant::now(), job.seq, done.attempt);
                    self.post(job, next);
                    return;
                }
                Ok(None) => {}
                Err(error) => {
                    (done.verdict, done.attempt.error) = (Verdict::Impossible, Some(error));
                }
            }
        }
        self.note_outcome(done);
        self.forget(&job);
        self.changed();
    }

    fn note_outcome(&mut self, done: Done) {
        let mut state = self.shared.lock();
        let (was_down, was_gone, dead) = (state.plan.is_down(), state.plan.is_gone(), state.plan.dead());
        let error = done.failure();
        state.error.clone_from(&error);
        state.plan.outcome(Instant::now(), done.seq, done.attempt, done.verdict);
        let (down, gone, dead) = (state.plan.is_down(), state.plan.is_gone(), state.plan.dead() - dead);
        drop(state);
        let webhook = &self.settings.name;
        match (was_down, down) {
            (false, true) => warn!(webhook, error, "the webhook's receiver does not answer"),
            (true, false) if !gone => info!(webhook, "the webhook's receiver answers again"),
            (true | false, _) => {}
        }
        if gone && !was_gone {
            error!(webhook, "the webhook's receiver is gone (410): disabled until it is replayed or changed");
        }
        if dead > 0 {
            error!(webhook, dead, error, "events were given up on; they are listed and can be replayed");
        }
    }

    /// Begins anew where it was asked to, once no attempt is under way: none is broken off, which the receiver could
    /// take for one while the next is made.
    async fn rewind(&mut self) -> Result<(), Over> {
        let after = {
            let mut state = self.shared.lock();
            let Some(after) = state.replay else { return Ok(()) };
            state.plan.drain();
            if !state.plan.is_idle() {
                return Ok(());
            }
            state.replay = None;
            after
        };
        let after = after.clamp(self.reader.oldest().saturating_sub(1), self.reader.last());
        let mut chain = Chain::default();
        let mut seq = after.saturating_sub(LOOK_BACK);
        while seq < after {
            let page = self.read(seq, STEP).await?;
            let before = page.iter().filter(|entry| entry.seq <= after && self.wants(entry));
            for (entry, meta) in before.filter_map(|entry| Some((entry, entry.record.meta.as_ref()?))) {
                chain.step(meta, entry.seq);
            }
            seq = page.through().max(seq + 1);
        }
        self.chain = chain;
        self.told.rewind(after);
        let mut state = self.shared.lock();
        state.plan.rewind(Instant::now(), after);
        state.position = after;
        drop(state);
        info!(webhook = self.settings.name, after, "the webhook delivers again");
        self.changed();
        Ok(())
    }

    async fn finish_jobs(&mut self) {
        while let Some(done) = self.jobs.join_next_with_id().await {
            self.settle(done);
        }
    }

    fn changed(&mut self) {
        self.save_at.get_or_insert_with(|| Instant::now() + SAVE_EVERY);
    }

    /// Notes how far it is. While it cannot (the disk is full), deliveries go on and would be repeated after a crash.
    async fn save(&mut self) {
        self.save_at = None;
        let notes = self.notes();
        if notes == self.saved && self.cursors.get(&cursor_name(&self.settings.name)).is_some() {
            return;
        }
        let (cursors, name, cursor) =
            (self.cursors.clone(), cursor_name(&self.settings.name), notes.cursor());
        let webhook = &self.settings.name;
        match task::spawn_blocking(move || cursors.set(&name, &cursor)).await {
            Ok(Ok(())) => {
                self.saved = notes;
                if std::mem::take(&mut self.save_failed) {
                    info!(webhook, "the webhook's cursor is saved again");
                }
            }
            Ok(Err(error)) => {
                if !std::mem::replace(&mut self.save_failed, true) {
                    error!(webhook, %error, "the webhook's cursor was not saved: tried on");
                }
                self.save_at = Some(Instant::now() + SAVE_AGAIN);
            }
            Err(_) => {}
        }
    }

    fn notes(&self) -> Notes {
        let state = self.shared.lock();
        let unsettled = state.plan.unsettled().map(|delivery| Unsettled {
            seq: delivery.seq,
            prev: delivery.prev,
            tried: delivery.tried,
            refusals: delivery.refusals,
            for_ms: u64::try_from(delivery.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            attempts: noted(&delivery.attempts),
        });
        let dead = state.plan.dead_letters();
        let dead = dead.map(|letter| DeliveryView { attempts: noted(&letter.attempts), ..letter.clone() });
        Notes {
            position: state.position,
            unsettled: unsettled.collect(),
            chain: self.chain.clone(),
            gone: state.plan.is_gone().then(|| self.settings.fingerprint()),
            leave_alone_until: state.plan.probe_at().map(wall_clock),
            dead: dead.collect(),
            dead_count: state.plan.dead(),
            lost: state.lost,
            preset: self.preset().to_owned(),
            told: self.told.clone(),
        }
    }

    async fn read(&self, after: u64, limit: Limit) -> Result<Page, Over> {
        if let Some(page) = self.reader.recent(after, limit) {
            return Ok(page);
        }
        let reader = self.reader.clone();
        match task::spawn_blocking(move || reader.read(after, limit)).await {
            Ok(Ok(page)) => Ok(page),
            Ok(Err(error)) => {
                error!(webhook = self.settings.name, %error, "the webhook stops: the journal cannot be read");
                Err(Over)
            }
            Err(_) => Err(Over),
        }
    }
}

/// The name of a webhook's cursor.
pub(crate) fn cursor_name(webhook: &str) -> String {
    format!("{CURSORS}{webhook}")
}

/// The webhook whose cursor this is.
pub(crate) fn webhook_of(cursor: &str) -> Option<&str> {
    cursor.strip_prefix(CURSORS)
}

/// The time of day of an instant to come.
pub(super) fn wall_clock(at: Instant) -> Time {
    let rest = u64::try_from(at.saturating_duration_since(Instant::now()).as_micros()).unwrap_or(u64::MAX);
    Time(Timestamp::from_micros(now().as_micros().saturating_add(rest)))
}

impl Done {
    /// Why the attempt failed, in a few words.
    fn failure(&self) -> Option<String> {
        match (self.verdict, self.attempt.status) {
            (Verdict::Delivered | Verdict::Unconfirmed, _) => None,
            (_, Some(status)) if self.attempt.error.is_none() => Some(format!("HTTP {status}")),
            (_, _) => self.attempt.error.clone(),
        }
    }
}

/// The delivery of an event; none when its bytes are not an event's.
fn delivery(entry: &Entry, prev: Option<u64>, at: Instant) -> Option<Delivery> {
    #[derive(Deserialize)]
    struct Id<'a> {
        #[serde(borrow)]
        id: std::borrow::Cow<'a, str>,
    }
    let record = &entry.record;
    let id: Id<'_> = serde_json::from_slice(&record.payload).ok()?;
    Some(Delivery {
        seq: entry.seq,
        event: id.id.into_owned(),
        lane: Lane::of(record.meta.as_ref()?),
        prev,
        payload: record.payload.clone(),
        since: at,
        tried: 0,
        refusals: 0,
        attempts: Vec::new(),
        in_flight: false,
        due: None,
        not_before: at,
    })
}

impl Filter {
    fn wants(&self, entry: &Entry) -> bool {
        entry.record.kind == Kind::Event && entry.record.meta.as_ref().is_some_and(|meta| self.passes(meta))
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
