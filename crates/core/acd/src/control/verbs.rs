//! `Request::Control`: the verbs of an agent's own leg.

use hookswitch_model::{
    ActionId, AgentId, CallId, LegRef,
    call::LegAction,
    command::{MAX_TONES, Refusal, Taken, Verb, are_tones},
    pbx::Action,
};

use super::{Doing, Kind};
use crate::{
    calls::{CallRecord, cause},
    engine::{ACTION_LIFE, Engine},
    timers::Timer,
};

/// Who asks for what, of which leg.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The command.
    pub(super) command: ActionId,
    /// Who asked, by name.
    pub(super) by: String,
    /// Whose leg.
    pub(super) agent: AgentId,
    /// The call; of a consultation, the one it is about.
    pub(super) call: CallId,
    /// The leg's place in it.
    pub(super) place: usize,
}

impl Engine {
    /// Carries out a verb, or says why not.
    pub(crate) fn control(
        &mut self,
        (command, by): (ActionId, &str),
        id: CallId,
        agent: &AgentId,
        verb: Verb,
    ) -> Result<Taken, Refusal> {
        let place = self.own_place(id, agent)?;
        self.legal(id, place, needed(&verb), verb.as_str())?;
        let (call, place) = self.about(id, place);
        let asked = Asked { command, by: by.to_owned(), agent: agent.clone(), call, place };
        match verb {
            Verb::Answer => self.remote_answer(&asked),
            Verb::Hangup => self.hang_up(&asked, id),
            Verb::Hold => self.hold_others(&asked, true),
            Verb::Retrieve => self.hold_others(&asked, false),
            Verb::Dtmf { digits } => self.tones(&asked, id, &digits),
            Verb::Record { on } => self.record(&asked, on),
            Verb::Transfer { to } => self.transfer(&asked, &to),
            Verb::Consult { to } => return self.consult(&asked, &to),
            Verb::ConsultComplete => self.end_consult(&asked, Kind::Complete),
            Verb::ConsultCancel => self.end_consult(&asked, Kind::Cancel),
            Verb::ConsultConference => self.end_consult(&asked, Kind::Conference),
        }
        .map(|()| Taken::default())
    }

    /// The place of this agent's leg in a live call.
    fn own_place(&self, id: CallId, agent: &AgentId) -> Result<usize, Refusal> {
        if self.calls.known(id).is_none() {
            return Err(Refusal::Unknown { what: "call".into(), id: id.to_string() });
        }
        if self.agents.get(agent).is_none() {
            return Err(Refusal::Unknown { what: "agent".into(), id: agent.to_string() });
        }
        let not_now = |why: String| Refusal::NotNow { why, allowed: Vec::new() };
        let record = self.calls.get(id).ok_or_else(|| not_now("the call is over".into()))?;
        if !record.routed {
            return Err(if self.routes(&record.call.pbx) {
                Refusal::Invalid {
                    why: "the call is only watched".into(),
                    hint: "have the line register here, or call by way of a queue or route".into(),
                }
            } else {
                Refusal::Invalid {
                    why: format!("{} is only observed", record.call.pbx),
                    hint: "set mode = \"route\" to have it controlled".into(),
                }
            });
        }
        if !self.is_linked(&record.call.pbx) {
            return Err(not_now(format!("the link to {} is down", record.call.pbx)));
        }
        let own =
            |place: &usize| record.is_here(*place) && record.call.legs[*place].agent.as_ref() == Some(agent);
        let place = (0..record.parties.len()).rev().find(own);
        place.ok_or_else(|| not_now(format!("{agent} is not in this call")))
    }

    fn legal(&self, id: CallId, place: usize, needed: LegAction, verb: &str) -> Result<(), Refusal> {
        let Some(record) = self.calls.get(id) else { return Ok(()) };
        let allowed = &record.call.legs[place].actions;
        if allowed.contains(&needed) {
            return Ok(());
        }
        if needed == LegAction::Record && !record.records {
            return Err(Refusal::Invalid {
                why: format!("{} does not record", record.call.pbx),
                hint: "its voice goes from phone to phone: record at the trunk's PBX".into(),
            });
        }
        let doing = record.control.doing.as_ref().filter(|doing| !doing.seen);
        let why = match doing {
            Some(doing) => format!("{verb} is not possible while {} is under way", doing.kind.name()),
            None if record.control.blocked => format!("{verb} is not possible while something is under way"),
            None => format!("{verb} is not possible now"),
        };
        Err(Refusal::NotNow { why, allowed: allowed.iter().map(|action| action.as_str().into()).collect() })
    }

    /// What who consults asks of the consultation is asked of the call it is about. Who is consulted asks for that
    /// very leg.
    fn about(&self, id: CallId, place: usize) -> (CallId, usize) {
        let about = self.calls.get(id).filter(|_| place == 0).and_then(|record| {
            record.control.dial.as_ref().filter(|dial| dial.consults)?;
            let main = self.calls.get(record.consult_of?)?;
            let consult = main.control.consult.as_ref().filter(|consult| consult.call == id)?;
            Some((main.call.id, main.leg_by_id(consult.by)?))
        });
        about.unwrap_or((id, place))
    }

    /// Asks the PBX for it, and keeps in mind that it is under way.
    pub(super) fn begin(&mut self, asked: &Asked, kind: Kind, action: Action) {
        let id = self.next_id();
        self.begin_as(id, asked, kind, action);
    }

    /// The same, with an id that was given out before.
    pub(super) fn begin_as(&mut self, id: ActionId, asked: &Asked, kind: Kind, action: Action) {
        let Some(record) = self.calls.get(asked.call) else { return };
        let pbx = record.call.pbx.clone();
        let (leg, leg_ref) = (record.call.legs[asked.place].id, record.parties[asked.place].leg_ref.clone());
        self.ask_as(id, &pbx, Some(asked.call), action);
        let until = self.now() + ACTION_LIFE;
        let doing = Doing {
            command: asked.command,
            by: asked.by.clone(),
            agent: asked.agent.clone(),
            leg,
            leg_ref,
            kind,
            asked: id,
            until,
            seen: false,
        };
        self.timers.set(Timer::Control(asked.call), until);
        self.set_doing(asked.call, Some(doing));
    }

    /// What is under way on a call changes, and with it what may be asked for there and on its consultation.
    pub(super) fn set_doing(&mut self, id: CallId, doing: Option<Doing>) {
        let now = self.now();
        if doing.is_none() {
            self.timers.cancel(&Timer::Control(id));
        }
        let Some(record) = self.calls.get_mut(id) else { return };
        let blocked = doing.as_ref().is_some_and(|doing| !doing.seen);
        record.control.doing = doing;
        record.settle(now);
        let consult = record.control.consult.as_ref().map(|consult| consult.call);
        if let Some(consult) = consult.and_then(|consult| self.calls.get_mut(consult)) {
            consult.control.blocked = blocked;
            consult.settle(now);
        }
    }

    fn remote_answer(&mut self, asked: &Asked) -> Result<(), Refusal> {
        let Some(record) = self.calls.get(asked.call) else { return Ok(()) };
        let action = Action::Answer {
            leg: record.parties[asked.place].leg_ref.clone(),
            device: record.call.legs[asked.place].address.clone(),
        };
        self.begin(asked, Kind::Answer, action);
        Ok(())
    }

    /// Ends the agent's part: the consultation, when one is open; the whole call, when the others are held by us.
    fn hang_up(&mut self, asked: &Asked, id: CallId) -> Result<(), Refusal> {
        let Some(record) = self.calls.get(asked.call) else { return Ok(()) };
        let own = record.call.legs[asked.place].id;
        if id != asked.call || record.control.consult.as_ref().is_some_and(|consult| consult.by == own) {
            return self.end_consult(asked, Kind::Cancel);
        }
        let leg = record.parties[asked.place].leg_ref.clone();
        let held = record.control.holder == Some(own);
        let others: Vec<LegRef> = if held { refs(record, asked.place) } else { Vec::new() };
        let pbx = record.call.pbx.clone();
        for leg in others {
            self.ask(&pbx, None, Action::Hangup { leg, cause: cause::NORMAL });
        }
        self.begin(asked, Kind::Hangup, Action::Hangup { leg, cause: cause::NORMAL });
        Ok(())
    }

    fn hold_others(&mut self, asked: &Asked, on: bool) -> Result<(), Refusal> {
        let Some(record) = self.calls.get(asked.call) else { return Ok(()) };
        let (call, leg) = (record.call.pbx_ref.clone(), record.parties[asked.place].leg_ref.clone());
        let (others, own) = (refs(record, asked.place), record.call.legs[asked.place].id);
        if let Some(record) = self.calls.get_mut(asked.call).filter(|_| on) {
            record.control.holder = Some(own);
        }
        let (kind, action) = if on {
            (Kind::Hold, Action::Hold { call, leg, others })
        } else {
            (Kind::Retrieve, Action::Retrieve { call, leg, others })
        };
        self.begin(asked, kind, action);
        Ok(())
    }

    /// Tones go to who is talked to, in the call that was named.
    fn tones(&mut self, asked: &Asked, id: CallId, digits: &str) -> Result<(), Refusal> {
        if !are_tones(digits) {
            return Err(Refusal::Invalid {
                why: "these are no tones".into(),
                hint: format!("1 to {MAX_TONES} of 0-9 * # A-D"),
            });
        }
        let Some(record) = self.calls.get(id) else { return Ok(()) };
        let own = if id == asked.call { asked.place } else { 0 };
        let Some(leg) = refs(record, own).into_iter().next() else { return Ok(()) };
        self.begin(asked, Kind::Dtmf, Action::Dtmf { leg, digits: digits.to_owned() });
        Ok(())
    }

    fn record(&mut self, asked: &Asked, on: bool) -> Result<(), Refusal> {
        let Some(record) = self.calls.get(asked.call) else { return Ok(()) };
        let (call, leg) = (record.call.pbx_ref.clone(), record.parties[asked.place].leg_ref.clone());
        self.begin(asked, Kind::Record { on }, Action::Record { call, leg, on });
        Ok(())
    }
}

/// How the PBX calls the others of a conversation.
fn refs(record: &CallRecord, place: usize) -> Vec<LegRef> {
    record.others(place).into_iter().map(|other| record.parties[other].leg_ref.clone()).collect()
}

/// What must stand among a leg's actions for this verb.
const fn needed(verb: &Verb) -> LegAction {
    match verb {
        Verb::Answer => LegAction::Answer,
        Verb::Hangup => LegAction::Hangup,
        Verb::Hold => LegAction::Hold,
        Verb::Retrieve => LegAction::Retrieve,
        Verb::Dtmf { .. } => LegAction::Dtmf,
        Verb::Transfer { .. } => LegAction::Transfer,
        Verb::Consult { .. } => LegAction::Consult,
        Verb::ConsultComplete => LegAction::ConsultComplete,
        Verb::ConsultCancel => LegAction::ConsultCancel,
        Verb::ConsultConference => LegAction::ConsultConference,
        Verb::Record { .. } => LegAction::Record,
    }
}
