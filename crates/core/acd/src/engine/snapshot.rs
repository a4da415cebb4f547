//! The whole state of an engine, to be written down and taken up again.
//!
//! An engine restored from a snapshot answers every input exactly as the one it was taken of: same events, same ids.

use std::{collections::BTreeMap, sync::Arc};

use hookswitch_model::{ActionId, CallId, IdSource, PbxId, setup::Setup};
use serde::{Deserialize, Serialize};

use super::{Context, Counters, Engine, Life, Link, Plan};
use crate::{
    agents::AgentBook,
    alerts::Alerts,
    callbacks::CallbackBook,
    calls::CallBook,
    control::{Clicks, outbound::Begun},
    distribution::{Distributor, State},
    offers::OfferBook,
    pops::Pops,
    routing::{Router, RuleError},
    stats::Stats,
    sticky::LastAgents,
    timers::Timers,
};

/// The format of [`Snapshot`]; another is refused.
const FORMAT: u32 = 1;

/// The state of an engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot {
    format: u32,
    setup: Arc<Setup>,
    distributor: State,
    calls: CallBook,
    agents: AgentBook,
    offers: OfferBook,
    #[serde(default)]
    callbacks: CallbackBook,
    pops: Pops,
    stats: Stats,
    #[serde(default)]
    alerts: Alerts,
    last_agents: LastAgents,
    links: BTreeMap<PbxId, Link>,
    timers: Timers,
    counters: Counters,
    asked: Vec<(ActionId, CallId)>,
    #[serde(default)]
    outbound: Begun,
    #[serde(default)]
    clicks: Clicks,
    ids: IdSource,
    life: Life,
}

/// Why a snapshot cannot be taken up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Written by another version.
    #[error("the snapshot has format {found}, this version reads {FORMAT}")]
    Format {
        /// Its format.
        found: u32,
    },
    /// Its configuration cannot be used.
    #[error("the snapshot's configuration cannot be used: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Rules(Vec<RuleError>),
}

impl Engine {
    /// The whole state. Take it with every output polled: outputs are not part of it.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            format: FORMAT,
            setup: Arc::clone(&self.setup),
            distributor: self.distributor.state(),
            calls: self.calls.clone(),
            agents: self.agents.clone(),
            offers: self.offers.clone(),
            callbacks: self.callbacks.clone(),
            pops: self.pops.clone(),
            stats: self.stats.clone(),
            alerts: self.alerts.clone(),
            last_agents: self.last_agents.clone(),
            links: self.links.clone(),
            timers: self.timers.clone(),
            counters: self.counters,
            asked: self.asked.iter().map(|(action, call)| (*action, *call)).collect(),
            outbound: self.outbound.clone(),
            clicks: self.clicks.clone(),
            ids: self.ids.clone(),
            life: self.life.clone(),
        }
    }

    /// The engine this snapshot was taken of.
    ///
    /// # Errors
    /// [`RestoreError`] when another version wrote it, or its routing rules cannot be used by this one.
    pub fn restore(snapshot: Snapshot) -> Result<Self, RestoreError> {
        if snapshot.format != FORMAT {
            return Err(RestoreError::Format { found: snapshot.format });
        }
        let router = Router::new(&snapshot.setup).map_err(RestoreError::Rules)?;
        Ok(Self {
            plan: Plan::new(&snapshot.setup),
            router,
            distributor: Distributor::restore(&snapshot.setup, snapshot.distributor),
            setup: snapshot.setup,
            calls: snapshot.calls,
            agents: snapshot.agents,
            offers: snapshot.offers,
            callbacks: snapshot.callbacks,
            pops: snapshot.pops,
            stats: snapshot.stats,
            alerts: snapshot.alerts,
            last_agents: snapshot.last_agents,
            links: snapshot.links,
            timers: snapshot.timers,
            counters: snapshot.counters,
            asked: snapshot.asked.into_iter().collect(),
            outbound: snapshot.outbound,
            clicks: snapshot.clicks,
            ids: snapshot.ids,
            life: snapshot.life,
            context: Context::default(),
            outputs: std::collections::VecDeque::new(),
        })
    }
}
