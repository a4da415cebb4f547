//! What is looked up in a configuration all the time.

use std::collections::BTreeMap;

use hookswitch_model::{
    PbxId, QueueId,
    setup::{AgentSetup, Mode, QueueSetup, Setup},
};

/// Places in a [`Setup`], by name.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    queues: BTreeMap<QueueId, usize>,
    modes: BTreeMap<PbxId, Mode>,
    sticky: bool,
}

impl Plan {
    /// The places in this configuration.
    pub(crate) fn new(setup: &Setup) -> Self {
        Self {
            queues: setup.queues.iter().enumerate().map(|(place, queue)| (queue.id.clone(), place)).collect(),
            modes: setup.pbxs.iter().map(|pbx| (pbx.name.clone(), pbx.mode)).collect(),
            sticky: setup.queues.iter().any(|queue| queue.sticky.is_some()),
        }
    }

    /// A queue of the configuration this plan was made of.
    pub(crate) fn queue<'a>(&self, setup: &'a Setup, id: &QueueId) -> Option<&'a QueueSetup> {
        setup.queues.get(*self.queues.get(id)?)
    }

    /// Whether any queue asks for a customer's last agent.
    pub(crate) const fn asks_for_last_agents(&self) -> bool {
        self.sticky
    }

    /// Whether we route on this PBX or only look.
    pub(crate) fn mode(&self, pbx: &PbxId) -> Option<Mode> {
        self.modes.get(pbx).copied()
    }
}

/// The queues an agent serves, at whatever waiting time.
pub(crate) fn queues_of(setup: &Setup, agent: &AgentSetup) -> Vec<QueueId> {
    let serves = |queue: &&QueueSetup| {
        let later = queue.requires.iter().filter_map(|step| step.teams.as_ref()).flatten();
        queue.members.agents.contains(&agent.id)
            || queue.members.teams.iter().chain(later).any(|team| agent.teams.contains(team))
    };
    setup.queues.iter().filter(serves).map(|queue| queue.id.clone()).collect()
}
