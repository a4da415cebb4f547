//! Webhooks: followers of the journal that post events to a receiver, each with a cursor of its own.
//!
//! Standard Webhooks: `webhook-id` (the event's id), `webhook-timestamp`, `webhook-signature`. At least once; the events
//! of one call strictly in order, different calls side by side; never two attempts of one event at once.
//!
//! | answer | what follows |
//! | --- | --- |
//! | 2xx, and `ok_if` holds or is not given | `delivered` |
//! | 2xx without a test, of a receiver that always says so | `unconfirmed`; not tried again |
//! | 2xx, and `ok_if` is false | tried again a few times, then `refused`: a dead letter |
//! | a 4xx about this event (400, 409, 422, …) | this call waits and is tried again for 75 h, then `dead`; other calls go on; `ok_if` may accept it |
//! | none, 3xx, 401, 403, 404, 408, 5xx | the same, and the receiver is given less at once; after three in a row one attempt at a time |
//! | 429, 503, any failure with `Retry-After` | at once one attempt at a time, not before it asked for it |
//! | 410 | `disabled` until it is replayed or reconfigured |

mod chain;
mod delivery;
mod follower;
mod health;
mod notes;
mod plan;
mod preset;
mod settings;
mod sign;
mod success;
mod transport;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hookswitch_journal::{Cursors, Reader};
use hookswitch_wire::{Sequence, Time};
use serde::Serialize;
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

pub use delivery::{Attempt, DeliveryState, DeliveryView};
use follower::{Follower, Shared, cursor_name, webhook_of};
pub use preset::{AgentCard, Dialect, Preset, PresetError};
pub use settings::{WebhookError, WebhookSettings};
pub use sign::{NotASecret, WebhookSecret};
pub use success::SuccessTest;
use transport::{Http, Transport};

/// All webhooks that run; cheap to clone.
#[derive(Debug, Clone)]
pub struct Webhooks {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    reader: Reader,
    cursors: Cursors,
    stop: CancellationToken,
    tasks: TaskTracker,
    running: Mutex<Vec<Running>>,
    /// One change of the configuration at a time.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Running {
    settings: WebhookSettings,
    shared: Arc<Shared>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Whether a webhook delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookState {
    /// Its receiver answers.
    Active,
    /// Its receiver does not answer; it is tried on.
    Failing,
    /// Its receiver is gone (410), until it is replayed or has another address.
    Disabled,
}

/// A webhook as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WebhookView {
    /// Its name.
    pub name: String,
    /// Where it posts to, without what may be secret in it.
    pub url: String,
    /// Whether it delivers.
    pub state: WebhookState,
    /// Everything up to here is settled.
    pub cursor: Sequence,
    /// How many deliveries are not settled.
    pub pending: usize,
    /// How many dead letters there are: what was refused or given up on.
    pub dead: u64,
    /// How many positions of the journal retention deleted before they were delivered.
    pub lost: u64,
    /// Why the latest attempt failed; none when it did not.
    pub error: Option<String>,
    /// When a receiver that does not answer is tried next.
    pub next_attempt: Option<Time>,
}

impl Webhooks {
    /// Starts a task for each webhook; they end when `stop` is cancelled. Webhooks that are not configured any more
    /// are forgotten, so that nothing is kept for them. A process-wide TLS provider has to be installed before.
    ///
    /// # Errors
    /// [`WebhookError`] for the first that cannot run; none is started then.
    pub fn start(
        reader: &Reader,
        cursors: &Cursors,
        settings: Vec<WebhookSettings>,
        stop: &CancellationToken,
    ) -> Result<Self, WebhookError> {
        let transports: Vec<Http> = settings.iter().map(Http::new).collect::<Result<_, _>>()?;
        Ok(Self::start_with(reader, cursors, settings.into_iter().zip(transports), stop))
    }

    fn start_with<T: Transport>(
        reader: &Reader,
        cursors: &Cursors,
        webhooks: impl Iterator<Item = (WebhookSettings, T)>,
        stop: &CancellationToken,
    ) -> Self {
        let inner = Inner {
            reader: reader.clone(),
            cursors: cursors.clone(),
            stop: stop.clone(),
            tasks: TaskTracker::new(),
            running: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
        };
        let running: Vec<Running> = webhooks.map(|(settings, by)| inner.run(settings, by)).collect();
        inner.forget_all_but(&running);
        *inner.running() = running;
        inner.tasks.close();
        Self { inner: Arc::new(inner) }
    }

    /// Takes over another configuration: what is new begins, what changed goes on from its cursor under the new
    /// settings, what is gone ends and is forgotten; what is the same is not touched. Attempts under way come to
    /// their end first, for at most some seconds.
    ///
    /// # Errors
    /// [`WebhookError`] for the first that cannot run; nothing is changed then.
    pub async fn apply(&self, settings: Vec<WebhookSettings>) -> Result<(), WebhookError> {
        let transports: Vec<Http> = settings.iter().map(Http::new).collect::<Result<_, _>>()?;
        self.apply_with(settings.into_iter().zip(transports)).await;
        Ok(())
    }

    async fn apply_with<T: Transport>(&self, webhooks: impl Iterator<Item = (WebhookSettings, T)>) {
        let _one_at_a_time = self.inner.changing.lock().await;
        let webhooks: Vec<_> = webhooks.collect();
        let same = |running: &Running| webhooks.iter().any(|(new, _)| new.equals(&running.settings));
        let (kept, ending): (Vec<Running>, Vec<Running>) =
            std::mem::take(&mut *self.inner.running()).into_iter().partition(same);
        let names: BTreeSet<String> = kept.iter().map(|running| running.settings.name.clone()).collect();
        *self.inner.running() = kept;
        for old in &ending {
            old.stop.cancel();
        }
        for old in ending {
            // Its cursor is saved when it has ended, and only then is it another's.
            let _ = old.task.await;
        }
        let new = webhooks.into_iter().filter(|(settings, _)| !names.contains(&settings.name));
        let mut new: Vec<Running> = new.map(|(settings, by)| self.inner.run(settings, by)).collect();
        let mut running = self.inner.running();
        running.append(&mut new);
        self.inner.forget_all_but(&running);
    }

    /// Resolves when all tasks have ended and saved their cursors.
    pub async fn ended(&self) {
        self.inner.tasks.wait().await;
    }

    /// All webhooks.
    #[must_use]
    pub fn list(&self) -> Vec<WebhookView> {
        self.inner.running().iter().map(Running::view).collect()
    }

    /// The latest deliveries of a webhook, newest first, and all dead letters that are kept; none when there is no
    /// webhook of that name.
    #[must_use]
    pub fn deliveries(&self, name: &str) -> Option<Vec<DeliveryView>> {
        let shared = self.inner.find(name)?;
        let views = shared.lock().plan.views();
        Some(views)
    }

    /// Delivers again what comes after a position, also by a webhook that is disabled; false when there is none of
    /// that name.
    #[must_use]
    pub fn replay(&self, name: &str, after: u64) -> bool {
        let Some(shared) = self.inner.find(name) else { return false };
        shared.lock().replay = Some(after);
        shared.wake.notify_one();
        true
    }
}

impl Inner {
    fn run<T: Transport>(&self, settings: WebhookSettings, transport: T) -> Running {
        let shared = Arc::new(Shared::new(&settings));
        let (reader, cursors) = (self.reader.clone(), self.cursors.clone());
        let follower = Follower::new(settings.clone(), transport, reader, cursors, Arc::clone(&shared));
        let stop = self.stop.child_token();
        let task = self.tasks.spawn(follower.run(stop.clone()));
        Running { settings, shared, stop, task }
    }

    /// Lets the journal keep nothing for webhooks that are not there any more.
    fn forget_all_but(&self, running: &[Running]) {
        let known: BTreeSet<String> =
            running.iter().map(|running| cursor_name(&running.settings.name)).collect();
        for (cursor, seq) in self.cursors.all() {
            let Some(webhook) = webhook_of(&cursor).filter(|_| !known.contains(&cursor)) else { continue };
            match self.cursors.forget(&cursor) {
                Ok(()) => info!(webhook, seq, "the webhook is not configured any more and is forgotten"),
                Err(error) => warn!(webhook, %error, "the webhook's cursor could not be removed"),
            }
        }
    }

    fn find(&self, name: &str) -> Option<Arc<Shared>> {
        let running = self.running();
        running.iter().find(|running| running.settings.name == name).map(|found| Arc::clone(&found.shared))
    }

    fn running(&self) -> MutexGuard<'_, Vec<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn view(&self) -> WebhookView {
        let state = self.shared.lock();
        let plan = &state.plan;
        WebhookView {
            name: self.settings.name.clone(),
            url: self.settings.shown_url(),
            state: match (plan.is_gone(), plan.is_down()) {
                (true, _) => WebhookState::Disabled,
                (false, true) => WebhookState::Failing,
                (false, false) => WebhookState::Active,
            },
            cursor: Sequence(plan.oldest().map_or(state.position, |oldest| oldest - 1)),
            pending: plan.unsettled().count(),
            dead: plan.dead(),
            lost: state.lost,
            error: state.error.clone(),
            next_attempt: plan.probe_at().map(follower::wall_clock),
        }
    }
}
