//! Alerts: figures of queues beyond the limits of the configuration, each raised once and cleared once.
//!
//! ```text
//!            beyond `raise`           for `after`           not beyond `clear`           for `hold`
//!   quiet ──────────────────▶ rising ─────────────▶ raised ────────────────────▶ falling ────────────▶ quiet
//!     ▲                         │                      ▲                            │
//!     └── not beyond `raise` ───┘                      └────── beyond `clear` ──────┘
//! ```
//!
//! A figure is looked at when something of its queue changed, and when time alone may have changed it: a caller waits
//! on, a span is over. The state is part of the snapshot, so that a restart tells nothing twice.

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_model::{
    Millis, QueueId, Timestamp,
    alert::{Alert, Figure},
    event::EventKind,
    queue::Queue,
    setup::AlertSetup,
};
use serde::{Deserialize, Serialize};

use crate::{engine::Engine, timers::Timer};

/// A service level of fewer calls says nothing.
const CALLS: u64 = 10;

/// Where the watch over one figure stands; none: quiet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Watch {
    /// Beyond the limit, not yet for long enough.
    Rising { since: Timestamp },
    /// Told.
    Raised { alert: Alert },
    /// Told, and back, not yet for long enough.
    Falling { alert: Alert, since: Timestamp },
}

/// What becomes of a watch.
enum Next {
    Is(Option<Watch>),
    Raise,
    Clear(Alert),
}

impl Watch {
    /// The alert that was told and is not over.
    const fn alert(&self) -> Option<&Alert> {
        match self {
            Self::Rising { .. } => None,
            Self::Raised { alert } | Self::Falling { alert, .. } => Some(alert),
        }
    }

    /// The next state, the figure being this; without a limit there is nothing to watch any more.
    fn next(watch: Option<Self>, value: Option<f64>, setup: Option<&AlertSetup>, now: Timestamp) -> Next {
        let Some(setup) = setup else {
            return match watch {
                Some(Self::Raised { alert } | Self::Falling { alert, .. }) => Next::Clear(alert),
                Some(Self::Rising { .. }) | None => Next::Is(None),
            };
        };
        // What says nothing is beyond no limit.
        let beyond = |limit| value.is_some_and(|value| setup.figure.is_beyond(value, limit));
        let lasted = |since: Timestamp, span: Millis| now >= since + span;
        match watch {
            None | Some(Self::Rising { .. }) if !beyond(setup.raise) => Next::Is(None),
            None if setup.after == Millis(0) => Next::Raise,
            None => Next::Is(Some(Self::Rising { since: now })),
            Some(Self::Rising { since }) if lasted(since, setup.after) => Next::Raise,
            Some(rising @ Self::Rising { .. }) => Next::Is(Some(rising)),
            Some(Self::Raised { alert } | Self::Falling { alert, .. }) if beyond(setup.clear) => {
                Next::Is(Some(Self::Raised { alert }))
            }
            Some(Self::Raised { alert }) if setup.hold == Millis(0) => Next::Clear(alert),
            Some(Self::Raised { alert }) => Next::Is(Some(Self::Falling { alert, since: now })),
            Some(Self::Falling { alert, since }) if lasted(since, setup.hold) => Next::Clear(alert),
            Some(falling @ Self::Falling { .. }) => Next::Is(Some(falling)),
        }
    }

    /// When time alone may change it. `head` is since when the first in line waits.
    fn due(watch: Option<&Self>, setup: &AlertSetup, head: Option<Timestamp>) -> Option<Timestamp> {
        let crosses = |limit: f64| {
            let head = head.filter(|_| setup.figure == Figure::LongestWait)?;
            Some(head + Millis((limit * 1_000.0).round() as u64))
        };
        match watch {
            None => crosses(setup.raise),
            Some(Self::Rising { since }) => Some(*since + setup.after),
            Some(Self::Raised { .. }) => None,
            Some(Self::Falling { since, .. }) => {
                let back = crosses(setup.clear).filter(|at| *at > *since);
                Some(back.map_or(*since + setup.hold, |back| back.min(*since + setup.hold)))
            }
        }
    }
}

/// All watches that are not quiet.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Alerts {
    queues: BTreeMap<QueueId, BTreeMap<Figure, Watch>>,
}

impl Alerts {
    /// The alerts of a queue that are not over.
    pub(crate) fn of(&self, queue: &QueueId) -> Vec<Alert> {
        let watches = self.queues.get(queue).into_iter().flat_map(BTreeMap::values);
        watches.filter_map(Watch::alert).cloned().collect()
    }

    fn take(&mut self, queue: &QueueId, figure: Figure) -> Option<Watch> {
        self.queues.get_mut(queue)?.remove(&figure)
    }

    fn put(&mut self, queue: &QueueId, figure: Figure, watch: Option<Watch>) {
        if let Some(watch) = watch {
            self.queues.entry(queue.clone()).or_default().insert(figure, watch);
        } else if self.queues.get(queue).is_some_and(BTreeMap::is_empty) {
            self.queues.remove(queue);
        }
    }
}

impl Engine {
    /// A configuration takes over, and every queue that is or was watched is looked at.
    pub(crate) fn look_at_all_alerts(&mut self) {
        let all: BTreeSet<QueueId> =
            self.setup.alerts.keys().chain(self.alerts.queues.keys()).cloned().collect();
        for queue in all {
            self.look_at_alerts(&queue);
        }
    }

    /// Something of a queue changed, or time may have changed it.
    pub(crate) fn look_at_alerts(&mut self, id: &QueueId) {
        let now = self.now();
        let limits: Vec<AlertSetup> = self.setup.alerts.get(id).cloned().unwrap_or_default();
        if limits.is_empty() && !self.alerts.queues.contains_key(id) {
            return;
        }
        let Some(queue) = self.stats.queue(id, now) else { return };
        let head = self.stats.head(id);
        let watched = self.alerts.queues.get(id).into_iter().flat_map(BTreeMap::keys).copied();
        let figures: BTreeSet<Figure> = limits.iter().map(|limit| limit.figure).chain(watched).collect();
        let mut due = None;
        for figure in figures {
            let limit = limits.iter().find(|limit| limit.figure == figure);
            let value = value(figure, &queue, head.map(|since| now.since(since)));
            self.watch(id, figure, value, limit);
            let watch = self.alerts.queues.get(id).and_then(|watches| watches.get(&figure));
            let next = limit.and_then(|limit| Watch::due(watch, limit, head));
            due = [due, next.filter(|next| *next > now)].into_iter().flatten().min();
        }
        match due {
            Some(due) => self.timers.set(Timer::Alert(id.clone()), due),
            None => self.timers.cancel(&Timer::Alert(id.clone())),
        }
    }

    fn watch(&mut self, id: &QueueId, figure: Figure, value: Option<f64>, limit: Option<&AlertSetup>) {
        let now = self.now();
        let watch = self.alerts.take(id, figure);
        match (Watch::next(watch, value, limit, now), limit) {
            (Next::Raise, Some(limit)) => {
                let alert = Alert { id: self.next_id(), figure, value, limit: limit.raise, since: now };
                self.alerts.put(id, figure, Some(Watch::Raised { alert: alert.clone() }));
                self.tell_alert(id, alert, true);
            }
            (Next::Clear(alert), _) => {
                self.alerts.put(id, figure, None);
                self.tell_alert(id, Alert { value, ..alert }, false);
            }
            (Next::Is(watch), _) => self.alerts.put(id, figure, watch),
            (Next::Raise, None) => {}
        }
    }

    fn tell_alert(&mut self, id: &QueueId, alert: Alert, raised: bool) {
        if let Some(queue) = self.queue_now(id, self.now()) {
            self.emit(None, EventKind::QueueAlert { queue: Box::new(queue), alert, raised });
        }
    }
}

/// What a figure is; none: it says nothing now.
fn value(figure: Figure, queue: &Queue, longest: Option<Millis>) -> Option<f64> {
    match figure {
        Figure::Waiting => Some(f64::from(queue.waiting)),
        Figure::LongestWait => Some(longest.unwrap_or_default().0 as f64 / 1_000.0),
        Figure::ServiceLevel => {
            queue.service_level.filter(|_| queue.answered.saturating_add(queue.abandoned) >= CALLS)
        }
        // At night nobody is ready, and nobody waits.
        Figure::AgentsReady => (queue.logged_in > 0 || queue.waiting > 0).then(|| f64::from(queue.ready)),
        Figure::Abandoned => Some(queue.abandoned as f64),
    }
}
