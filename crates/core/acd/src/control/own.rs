//! Whose what is: an agent's token touches that agent's own, behind whatever HTTP has checked.

use hookswitch_model::{
    AgentId, CallId,
    command::{Actor, Refusal, Request},
};

use crate::engine::Engine;

impl Engine {
    /// Whether this actor may ask for this at all.
    pub(crate) fn may(&self, actor: &Actor, request: &Request) -> Result<(), Refusal> {
        let Some(own) = &actor.agent else { return Ok(()) };
        match request {
            Request::SetAgentState { agent, .. }
            | Request::Dial { agent, .. }
            | Request::Control { agent, .. }
            | Request::WrapUp { agent, .. }
                if agent != own =>
            {
                Err(forbidden(format!("{own} does not act for {agent}")))
            }
            Request::SetData { call, .. } | Request::Control { call, .. } | Request::WrapUp { call, .. }
                if !self.is_or_was_in(*call, own) =>
            {
                Err(forbidden(format!("{own} is not in this call")))
            }
            Request::SetSkills { .. } => Err(forbidden("an agent does not change skills".to_owned())),
            Request::Supervise { .. } => Err(forbidden("an agent does not supervise".to_owned())),
            Request::CreateCallback { .. } | Request::CallBack { .. } | Request::CancelCallback { .. } => {
                Err(forbidden("an agent does not decide who is called back".to_owned()))
            }
            Request::Shutdown => Err(forbidden("an agent does not stop the daemon".to_owned())),
            // Whose a pop is, is checked where it is claimed.
            Request::SetAgentState { .. }
            | Request::Dial { .. }
            | Request::SetData { .. }
            | Request::Control { .. }
            | Request::WrapUp { .. }
            | Request::ClaimPop { .. }
            | Request::PopShown { .. } => Ok(()),
        }
    }

    /// A call nobody knows is everybody's: the answer is that nobody knows it.
    fn is_or_was_in(&self, call: CallId, agent: &AgentId) -> bool {
        self.calls
            .known(call)
            .is_none_or(|record| record.call.legs.iter().any(|leg| leg.agent.as_ref() == Some(agent)))
    }
}

fn forbidden(why: String) -> Refusal {
    Refusal::Forbidden { why }
}
