//! Skills changed at run time.

use std::collections::BTreeMap;

use hookswitch_model::{
    AgentId, Skill,
    command::{Refusal, Taken},
    event::EventKind,
};

use crate::engine::Engine;

impl Engine {
    /// Changes what an agent can do: kept over restarts and new configurations, until a configuration changes the
    /// skills of this agent itself.
    pub(crate) fn set_skills(
        &mut self,
        id: &AgentId,
        skills: BTreeMap<Skill, Option<u8>>,
    ) -> Result<Taken, Refusal> {
        if skills.values().flatten().any(|level| !(1..=10).contains(level)) {
            return Err(Refusal::Invalid {
                why: "a level is 1 to 10".into(),
                hint: "null takes a skill away".into(),
            });
        }
        let now = self.now();
        let Some(record) = self.agents.get_mut(id) else {
            return Err(Refusal::Unknown { what: "agent".into(), id: id.to_string() });
        };
        let before = record.agent.skills.clone();
        for (skill, level) in skills {
            match level {
                Some(level) => record.agent.skills.insert(skill, level),
                None => record.agent.skills.remove(&skill),
            };
        }
        if record.agent.skills == before {
            return Ok(Taken::default());
        }
        let (agent, pbx) = (Box::new(record.agent.clone()), record.pbx.clone());
        self.distributor.set_skills(now, id, agent.skills.clone());
        let state = agent.state;
        self.emit(Some(pbx), EventKind::AgentState { agent, from: state, to: state });
        Ok(Taken::default())
    }
}
