//! Webhooks: followers of the journal that post events to a receiver, each with a cursor of its own.
//!
//! Standard Webhooks: `webhook-id` (the event's id), `webhook-timestamp`, `webhook-signature`. At least once; the events
//! of one call strictly in order, different calls side by side; retried for at least 75 h; `410` disables.

mod chain;
mod delivery;
mod follower;
mod guard;
mod notes;
mod plan;
mod settings;
mod sign;
mod transport;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use hookswitch_journal::{Cursors, Reader};
use hookswitch_wire::Sequence;
use serde::Serialize;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use delivery::{Attempt, DeliveryState, DeliveryView};
use follower::{Follower, Shared};
pub use settings::{WebhookError, WebhookSettings};
pub use sign::{NotASecret, WebhookSecret};
use transport::{Http, Transport};

/// All webhooks that run; cheap to clone.
#[derive(Debug, Clone)]
pub struct Webhooks {
    running: Arc<[Running]>,
    tasks: TaskTracker,
}

#[derive(Debug)]
struct Running {
    name: String,
    url: String,
    shared: Arc<Shared>,
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
    /// How many were given up since the start.
    pub dead: u64,
}

impl Webhooks {
    /// Starts a task for each webhook; they end when `stop` is cancelled. A process-wide TLS provider has to be
    /// installed before.
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
        let webhooks = settings.into_iter().zip(transports);
        Ok(Self::start_with(reader, cursors, webhooks, stop))
    }

    fn start_with<T: Transport>(
        reader: &Reader,
        cursors: &Cursors,
        webhooks: impl Iterator<Item = (WebhookSettings, T)>,
        stop: &CancellationToken,
    ) -> Self {
        let tasks = TaskTracker::new();
        let running = webhooks.map(|(settings, transport)| {
            let (name, url) = (settings.name.clone(), settings.shown_url());
            let shared = Arc::new(Shared::new(&settings));
            let follower =
                Follower::new(settings, transport, reader.clone(), cursors.clone(), Arc::clone(&shared));
            tasks.spawn(follower.run(stop.clone()));
            Running { name, url, shared }
        });
        let running = running.collect();
        tasks.close();
        Self { running, tasks }
    }

    /// Resolves when all tasks have ended and saved their cursors.
    pub async fn ended(&self) {
        self.tasks.wait().await;
    }

    /// All webhooks.
    #[must_use]
    pub fn list(&self) -> Vec<WebhookView> {
        self.running.iter().map(Running::view).collect()
    }

    /// The latest deliveries of a webhook, newest first; none when there is no webhook of that name.
    #[must_use]
    pub fn deliveries(&self, name: &str) -> Option<Vec<DeliveryView>> {
        self.find(name).map(|running| running.shared.lock().plan.views())
    }

    /// Delivers again what comes after a position, also by a webhook that is disabled; false when there is none of
    /// that name.
    #[must_use]
    pub fn replay(&self, name: &str, after: u64) -> bool {
        let Some(running) = self.find(name) else { return false };
        running.shared.lock().replay = Some(after);
        running.shared.wake.notify_one();
        true
    }

    fn find(&self, name: &str) -> Option<&Running> {
        self.running.iter().find(|running| running.name == name)
    }
}

impl Running {
    fn view(&self) -> WebhookView {
        let state = self.shared.lock();
        let plan = &state.plan;
        WebhookView {
            name: self.name.clone(),
            url: self.url.clone(),
            state: match (plan.is_gone(), plan.is_down()) {
                (true, _) => WebhookState::Disabled,
                (false, true) => WebhookState::Failing,
                (false, false) => WebhookState::Active,
            },
            cursor: Sequence(plan.oldest().map_or(state.position, |oldest| oldest - 1)),
            pending: plan.unsettled().count(),
            dead: plan.dead(),
        }
    }
}
