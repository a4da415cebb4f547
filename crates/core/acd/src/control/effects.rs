//! How the truth of a command comes: by the facts that show its effect, by a refusal, or by nothing in time.

use hookswitch_model::{
    ActionId, AgentId, CallId, LegRef, PbxId,
    event::EventKind,
    pbx::{Fact, LegEnd, Target},
};

use super::{Doing, Kind, destination::Bound, verbs::Asked};
use crate::{
    engine::{ACTION_LIFE, Engine},
    timers::Timer,
};

/// What a fact is to the thing under way.
enum Effect {
    /// Nothing.
    None,
    /// Part of it; more will follow.
    Part,
    /// The last of it.
    All,
}

impl Engine {
    /// A fact comes: when it shows the effect of a command, what is told of it carries the command.
    pub(crate) fn effect(&mut self, id: CallId, fact: &Fact) {
        if let Some(record) = self.calls.get(id)
            && let Some(dial) = record.control.dial.as_ref()
            && record.call.answered_at.is_none()
            && let Some(command) = dial.command
        {
            self.carries(command);
        }
        let about =
            self.calls.get(id).and_then(|record| record.consult_of.filter(|_| record.consults_by_us()));
        for call in [Some(id), about].into_iter().flatten() {
            let Some(doing) = self.calls.get(call).and_then(|record| record.control.doing.clone()) else {
                continue;
            };
            match effect_on(&doing, fact, call != id) {
                Effect::None if doing.seen && call == id => {
                    self.carries(doing.command);
                }
                Effect::None => {}
                Effect::Part => {
                    self.carries(doing.command);
                    self.set_doing(call, Some(Doing { seen: true, ..doing }));
                }
                Effect::All => {
                    self.carries(doing.command);
                    if matches!(doing.kind, Kind::Transfer { .. }) && !doing.seen {
                        self.tell_transfer(call, &doing.leg_ref);
                    }
                    self.set_doing(call, None);
                }
            }
        }
    }

    /// The PBX took or refused something that is under way. False when it is none of it.
    pub(crate) fn control_result(&mut self, id: CallId, action: ActionId, refused: Option<&str>) -> bool {
        if let Some(why) = refused
            && self.made_by(id, action)
        {
            self.dial_over(id, LegEnd::Failed, None, why);
            return true;
        }
        let doing = self.calls.get(id).and_then(|record| record.control.doing.clone());
        let Some(doing) = doing.filter(|doing| doing.asked == action) else {
            return refused.is_some_and(|why| self.supervision_failed(action, why));
        };
        if let Some(why) = refused {
            self.came_to_nothing(id, why);
            return true;
        }
        match doing.kind {
            Kind::Dtmf | Kind::Answer => self.set_doing(id, None),
            Kind::Record { on } => {
                let before = self.carries(doing.command);
                self.set_doing(id, None);
                self.recording(id, on, &doing.by);
                self.carry_on(before);
            }
            // What the PBX took is still to be seen.
            Kind::Hangup
            | Kind::Hold
            | Kind::Retrieve
            | Kind::CheckTransfer { .. }
            | Kind::Transfer { .. }
            | Kind::CheckConsult { .. }
            | Kind::Consult { .. }
            | Kind::Complete
            | Kind::Cancel
            | Kind::Conference => {}
        }
        true
    }

    fn made_by(&self, id: CallId, action: ActionId) -> bool {
        let dial = self.calls.get(id).and_then(|record| record.control.dial.as_ref());
        dial.is_some_and(|dial| dial.asked == action)
    }

    /// The PBX says whether it knows a number.
    pub(crate) fn number_checked(&mut self, pbx: &PbxId, action: ActionId, exists: bool) {
        let Some(id) = self.asked.remove(&action) else { return };
        let Some(doing) = self.calls.get(id).and_then(|record| record.control.doing.clone()) else { return };
        let place = self.calls.get(id).and_then(|record| record.leg_by_id(doing.leg));
        let Some(place) = place.filter(|_| doing.asked == action) else { return };
        let asked = Asked { command: doing.command, by: doing.by, agent: doing.agent, call: id, place };
        let (consult, to) = match doing.kind {
            Kind::CheckTransfer { to } => (None, to),
            Kind::CheckConsult { consult, to } => (Some(consult), to),
            Kind::Answer
            | Kind::Hangup
            | Kind::Hold
            | Kind::Retrieve
            | Kind::Dtmf
            | Kind::Record { .. }
            | Kind::Transfer { .. }
            | Kind::Consult { .. }
            | Kind::Complete
            | Kind::Cancel
            | Kind::Conference => return,
        };
        let number = match &to {
            Bound::House(number) | Bound::Outside(number) => number.clone(),
            Bound::Agent(_) | Bound::Queue(_) => return,
        };
        let before = self.carries(asked.command);
        match consult {
            _ if !exists => self.came_to_nothing(id, &format!("{pbx} does not know the number {number}")),
            Some(consult) => self.ask_consult(&asked, consult, Target::Number(number)),
            None => self.move_other(&asked, to),
        }
        self.carry_on(before);
    }

    /// The time of something under way is over. A consultation that nobody could see, because the link is down or the
    /// daemon was (`slept`), may go on: the comparison of lists will tell.
    pub(crate) fn control_overdue(&mut self, id: CallId, slept: bool) {
        let Some(record) = self.calls.get(id) else { return };
        let Some(doing) = &record.control.doing else { return };
        let unseen = slept || !self.is_linked(&record.call.pbx);
        if doing.seen {
            self.set_doing(id, None);
        } else if unseen && matches!(doing.kind, Kind::Consult { .. }) {
            self.timers.set(Timer::Control(id), self.now() + ACTION_LIFE);
        } else if self.is_linked(&record.call.pbx) {
            self.came_to_nothing(id, "nothing came of it in time");
        } else {
            self.came_to_nothing(id, "the link to the PBX was lost");
        }
    }

    /// What was under way on a call did not come about.
    pub(super) fn came_to_nothing(&mut self, id: CallId, why: &str) {
        let Some(doing) = self.calls.get(id).and_then(|record| record.control.doing.clone()) else { return };
        let before = self.carries(doing.command);
        let consult = self.calls.get(id).and_then(|record| record.control.consult.as_ref());
        if let Some(consult) = consult.map(|consult| consult.call).filter(|id| doing.kind.begins(*id)) {
            self.dial_over(consult, LegEnd::Failed, None, why);
        } else {
            if let Some(record) = self.calls.get_mut(id) {
                record.control.onward = None;
                record.control.holder.take_if(|_| matches!(doing.kind, Kind::Hold));
            }
            self.set_doing(id, None);
            self.control_failed(id, &doing.agent, doing.kind.name(), why);
        }
        self.carry_on(before);
    }

    /// Tells that what was asked for and taken did not come about.
    pub(super) fn control_failed(&mut self, id: CallId, agent: &AgentId, verb: &str, why: &str) {
        let Some(record) = self.calls.get(id) else { return };
        let call = Box::new(record.call.clone());
        self.counters.failed += 1;
        let (agent, verb, reason) = (agent.clone(), verb.to_owned(), why.to_owned());
        self.emit_call(EventKind::CallControlFailed { call, agent, verb, reason });
    }

    /// Recording of a call began or ended: attached as data, so that everybody sees it.
    pub(crate) fn recording(&mut self, id: CallId, on: bool, by: &str) {
        let value = if on { "on" } else { "off" };
        self.attach(id, [("recording".to_owned(), value.to_owned())].into(), by);
    }
}

/// What a fact about a call is to the thing under way there. `of_consult`: the fact is about the consultation.
fn effect_on(doing: &Doing, fact: &Fact, of_consult: bool) -> Effect {
    let own = |leg: &LegRef| *leg == doing.leg_ref;
    match (&doing.kind, fact) {
        (Kind::Hold, Fact::Held { leg, .. })
        | (Kind::Retrieve, Fact::Retrieved { leg, .. })
        | (Kind::Answer, Fact::LegUp { leg, .. })
            if own(leg) =>
        {
            Effect::All
        }
        (Kind::Record { .. }, Fact::Recording { .. }) | (Kind::Conference, Fact::Conferenced { .. }) => {
            Effect::All
        }
        (Kind::Hangup, Fact::LegLeft { leg, .. }) if own(leg) => Effect::Part,
        (Kind::Transfer { .. }, Fact::Transferred { from, .. }) if own(from) => Effect::Part,
        (Kind::Transfer { .. }, Fact::RouteRequested { .. }) => Effect::All,
        (Kind::Consult { .. }, Fact::Held { leg, .. }) if own(leg) => Effect::Part,
        (Kind::Complete, Fact::Transferred { .. }) => Effect::Part,
        (Kind::Complete | Kind::Conference, Fact::CallMerged { .. }) if of_consult => Effect::Part,
        (Kind::Cancel, Fact::LegLeft { .. } | Fact::CallEnded { .. }) if of_consult => Effect::Part,
        (Kind::Cancel, Fact::Retrieved { leg, .. }) if own(leg) => Effect::All,
        _ => Effect::None,
    }
}
