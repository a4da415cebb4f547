//! What people and programs ask for.

use hookswitch_model::{
    ActionId, CallId,
    call::AttachedData,
    command::{Actor, Answer, Command, Refusal, Request, Taken},
    event::EventKind,
};

use super::Engine;
use crate::{
    callbacks::Wanted,
    calls::{Exit, Place, data},
};

impl Engine {
    /// Carries out a command and answers it. What comes of it carries the command's id.
    pub(super) fn command(&mut self, command: Command) {
        let Command { id, actor, request } = command;
        let result = self.may(&actor, &request).and_then(|()| self.carry_out(id, &actor, request));
        match &result {
            Ok(_) => self.counters.commands += 1,
            Err(Refusal::Forbidden { .. }) => self.counters.forbidden += 1,
            Err(
                Refusal::Unknown { .. }
                | Refusal::NotNow { .. }
                | Refusal::Invalid { .. }
                | Refusal::CalledBackAlready { .. }
                | Refusal::PoppedElsewhere
                | Refusal::PopExpired
                | Refusal::PopSuperseded,
            ) => self.counters.refused += 1,
        }
        self.answer(Answer { command: id, result });
    }

    fn carry_out(&mut self, id: ActionId, actor: &Actor, request: Request) -> Result<Taken, Refusal> {
        let nothing = |()| Taken::default();
        match request {
            Request::SetAgentState { agent, state, reason } => {
                self.set_agent_state(&agent, state, reason).map(nothing)
            }
            Request::SetData { call, changed } => self.set_data(call, changed, &actor.name).map(nothing),
            Request::ClaimPop { pop, client } => self.claim_pop(pop, client, actor).map(nothing),
            Request::PopShown { pop, client } => self.pop_shown(pop, client, actor).map(nothing),
            Request::Dial { agent, to, data } => self.dial(id, &agent, &to, data),
            Request::Control { call, agent, verb } => self.control((id, &actor.name), call, &agent, verb),
            Request::WrapUp { call, agent, disposition, notes } => {
                self.wrap_up(call, &agent, disposition, notes, &actor.name)
            }
            Request::SetSkills { agent, skills } => self.set_skills(&agent, skills),
            Request::Supervise { call, supervisor, agent, mode } => {
                self.supervise(id, call, &supervisor, agent.as_ref(), mode)
            }
            Request::CreateCallback { queue, number, at, agent, data } => {
                self.create_callback(Wanted { queue, number, at, agent, data }, &actor.name)
            }
            Request::CallBack { call } => self.call_back(call),
            Request::CancelCallback { callback } => self.cancel_callback(callback, &actor.name),
            Request::Shutdown => {
                self.shut_down();
                Ok(Taken::default())
            }
        }
    }

    fn set_data(&mut self, id: CallId, changed: AttachedData, by: &str) -> Result<(), Refusal> {
        let unknown = || Refusal::Unknown { what: "call".into(), id: id.to_string() };
        let record = self.calls.known_mut(id).ok_or_else(unknown)?;
        let new = data::attach(&mut record.call.data, changed).map_err(|too_much| Refusal::Invalid {
            why: too_much.why().into(),
            hint: "attach a key to what is kept elsewhere, not the thing itself".into(),
        })?;
        self.tell_data(id, new, by);
        Ok(())
    }

    /// Attaches data that came with the call; too much of it is counted and left out.
    pub(crate) fn attach(&mut self, id: CallId, changed: AttachedData, by: &str) {
        let Some(record) = self.calls.known_mut(id) else { return };
        match data::attach(&mut record.call.data, changed) {
            Ok(new) => self.tell_data(id, new, by),
            Err(_) => self.counters.oversized_data += 1,
        }
    }

    /// Tells what of a call's data is new.
    pub(crate) fn tell_data(&mut self, id: CallId, changed: AttachedData, by: &str) {
        if changed.is_empty() {
            return;
        }
        let Some(record) = self.calls.known(id) else { return };
        let call = Box::new(record.call.clone());
        self.emit_call(EventKind::CallData { call, changed, by: by.to_owned() });
    }

    /// The daemon stops: whoever waits is handed to the fallback, nobody is rung any more. A caller who is being
    /// rung for is kept by the dialplan.
    fn shut_down(&mut self) {
        self.life.stopping = true;
        let waiting: Vec<CallId> = self
            .calls
            .live()
            .filter(|record| matches!(record.place, Place::Waiting | Place::Refused))
            .map(|record| record.call.id)
            .collect();
        for call in waiting {
            self.leave(call, Exit::FallBack);
        }
    }

    /// A caller who was handed to the fallback by a stop that never came through waits again.
    pub(super) fn wait_again_after_stop(&mut self, id: CallId) {
        let now = self.now();
        let Some(record) = self.calls.get(id) else { return };
        let Some(visit) = record.visit.as_ref().filter(|visit| !visit.of_pbx) else { return };
        if !matches!(&record.place, Place::Leaving { exit: Exit::FallBack, .. }) {
            return;
        }
        let (queue, since) = (visit.queue.clone(), record.waiting_since.unwrap_or(now));
        self.timers.cancel(&crate::timers::Timer::Retry(id));
        self.enter_queue(id, queue, since, "queued");
    }
}
