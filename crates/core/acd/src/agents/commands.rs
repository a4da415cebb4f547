//! What agents and supervisors ask of an agent's state, by client, feature code or the PBX's own queue.

use hookswitch_model::{
    AgentId, PbxId,
    agent::{AgentState, NextState},
    call::Address,
    command::Refusal,
    offer::OfferOutcome,
    pbx::AgentFeature,
};

use crate::engine::Engine;

/// What may be asked for.
const ASKABLE: [&str; 4] = ["ready", "not_ready", "wrap_up", "logged_out"];

impl Engine {
    /// Changes an agent's state, or remembers the change for after the call.
    pub(crate) fn set_agent_state(
        &mut self,
        id: &AgentId,
        state: AgentState,
        reason: Option<String>,
    ) -> Result<(), Refusal> {
        match state {
            AgentState::LoggedOut | AgentState::NotReady | AgentState::Ready | AgentState::WrapUp => {}
            AgentState::Reserved | AgentState::Talking | AgentState::Holding => {
                return Err(Refusal::Invalid {
                    why: format!("{} is not asked for, it happens", state.as_str()),
                    hint: format!("ask for one of {}", ASKABLE.join(", ")),
                });
            }
        }
        if reason.as_ref().is_some_and(|reason| reason.len() > 256) {
            return Err(Refusal::Invalid {
                why: "the reason is longer than 256 bytes".into(),
                hint: "use a short word, such as lunch".into(),
            });
        }
        let takes_back = self.may_withdraw(id);
        let Some(record) = self.agents.get_mut(id) else {
            return Err(Refusal::Unknown { what: "agent".into(), id: id.to_string() });
        };
        if state == AgentState::WrapUp && record.agent.state == AgentState::LoggedOut {
            return Err(Refusal::NotNow {
                why: "a logged-out agent has nothing to wrap up".into(),
                allowed: vec!["ready".into(), "not_ready".into()],
            });
        }
        let asked = NextState { state, reason };
        let leaves = matches!(state, AgentState::NotReady | AgentState::LoggedOut);
        if record.agent.state == AgentState::Reserved && leaves && takes_back {
            self.withdraw_offers_of(id, asked);
        } else if record.is_busy() {
            record.agent.next = Some(asked);
        } else {
            record.agent.next = None;
            record.take(asked);
        }
        self.sync_agent(id, None);
        Ok(())
    }

    /// All offers to this agent are ours to take back.
    fn may_withdraw(&self, id: &AgentId) -> bool {
        let offers = self.agents.get(id).map(|record| record.offers()).unwrap_or_default();
        offers.iter().all(|offer| self.is_ours(*offer))
    }

    fn withdraw_offers_of(&mut self, id: &AgentId, asked: NextState) {
        let Some(record) = self.agents.get_mut(id) else { return };
        record.agent.next = None;
        record.take(asked);
        for offer in record.offers() {
            self.withdraw(offer, OfferOutcome::Withdrawn);
        }
    }

    /// A feature code was dialled.
    pub(crate) fn agent_asked(&mut self, pbx: &PbxId, address: &Address, feature: AgentFeature) {
        let Some(id) = self.agents.by_device(pbx, address).cloned() else {
            self.counters.strangers += 1;
            return;
        };
        let (state, reason) = match feature {
            AgentFeature::Login | AgentFeature::Ready => (AgentState::Ready, None),
            AgentFeature::Logout => (AgentState::LoggedOut, None),
            AgentFeature::Pause => (AgentState::NotReady, Some("feature code".to_owned())),
        };
        if self.set_agent_state(&id, state, reason).is_err() {
            self.counters.strangers += 1;
        }
    }

    /// The PBX's own queue paused a member, or took it back (observe mode).
    pub(crate) fn member_paused(
        &mut self,
        pbx: &PbxId,
        address: &Address,
        paused: bool,
        reason: Option<String>,
    ) {
        let Some(id) = self.agents.by_device(pbx, address).cloned() else { return };
        let (state, reason) = if paused {
            (
                AgentState::NotReady,
                Some(reason.filter(|r| !r.is_empty()).unwrap_or_else(|| "paused".to_owned())),
            )
        } else {
            (AgentState::Ready, None)
        };
        if self.set_agent_state(&id, state, reason).is_err() {
            self.counters.strangers += 1;
        }
    }
}
