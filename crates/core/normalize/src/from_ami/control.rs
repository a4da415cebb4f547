//! What the control contexts of the generated dialplan say, and the answers to what agents asked for.

use std::collections::BTreeMap;

use hookswitch_ami::{Action as Ami, Frame};
use hookswitch_model::{
    ActionId, CallRef, Millis, Timestamp,
    pbx::{Action, Fact, LegEnd, PbxAction, SuperviseMode},
};

use super::{
    Normalizer, Read,
    headers::{self, must, said},
};
use crate::{
    number::Plan,
    switchboard::call::Numbers,
    to_ami::{self, Untranslatable},
};

/// Where the devices of a supervisor ring.
pub(super) const SUPERVISE_CONTEXT: &str = "hookswitch-supervise";

/// Where the devices of an agent ring for a call that the engine begins.
const DIAL_CONTEXT: &str = "hookswitch-dial";

/// Where an agent calls whom he consults.
const CONSULT_CONTEXT: &str = "hookswitch-consult";

/// How the references begin that the engine gives to calls it makes: Asterisk's own are numbers.
const OWN_REFERENCE: &str = "hs-";

/// How long beyond its ringing an Originate may take to be over. One whose channel's reference is in use already is
/// taken by Asterisk and never answered.
const PATIENCE: Millis = Millis::from_secs(10);

/// How many requests are waited for: an answer that never comes must not be waited for by memory.
const MAX_OPEN: usize = 1024;

/// An attempt of ours that may end without a leg.
#[derive(Debug)]
struct Attempt {
    /// The call it begins, if it does: its legs tell how it ends, once one rings.
    call: Option<CallRef>,
    due: Timestamp,
}

/// A request whose answer says more than taken or refused.
#[derive(Debug)]
enum Asked {
    Number,
    Record { call: CallRef, on: bool },
}

/// What agents asked for and is not over.
#[derive(Debug, Default)]
pub(super) struct Control {
    attempts: BTreeMap<ActionId, Attempt>,
    asked: BTreeMap<ActionId, Asked>,
}

impl Control {
    /// A request was sent.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are told by what happens at the PBX")]
    pub(super) fn sent(&mut self, now: Timestamp, action: &PbxAction) {
        let mut attempt = |call: Option<&CallRef>, ring: Millis| {
            let due = now + Millis(ring.0 + PATIENCE.0);
            bounded(&mut self.attempts).insert(action.id, Attempt { call: call.cloned(), due });
        };
        match &action.action {
            Action::Dial { call, timeout, .. } => attempt(Some(call), *timeout),
            Action::Consult { consult, timeout, .. } => attempt(Some(consult), *timeout),
            Action::Supervise { .. } => attempt(None, Millis::from_secs(20)),
            Action::CheckNumber { .. } => drop(bounded(&mut self.asked).insert(action.id, Asked::Number)),
            Action::Record { call, leg: _, on } => {
                let asked = Asked::Record { call: call.clone(), on: *on };
                bounded(&mut self.asked).insert(action.id, asked);
            }
            _ => {}
        }
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.attempts.values().map(|attempt| attempt.due).min()
    }

    fn of_call(&self, call: &CallRef) -> Option<ActionId> {
        let of = |attempt: &Attempt| attempt.call.as_ref() == Some(call);
        self.attempts.iter().find(|(_, attempt)| of(attempt)).map(|(id, _)| *id)
    }
}

/// Makes room for one more, at the cost of the oldest: action ids grow.
fn bounded<T>(open: &mut BTreeMap<ActionId, T>) -> &mut BTreeMap<ActionId, T> {
    if open.len() >= MAX_OPEN {
        open.pop_first();
    }
    open
}

/// The call that the engine begins with this ringing, as the channel that rings names it.
pub(super) fn begins(frame: &Frame) -> Option<CallRef> {
    (frame.get("Context") == Some(DIAL_CONTEXT)).then_some(())?;
    frame.chan_variable("HS_CALL").filter(|call| !call.is_empty()).map(CallRef::new)
}

/// The call of the engine's making that a listed channel is in: its wires, which have gone or may go any moment, had the
/// call's reference.
pub(super) fn begun(frame: &Frame) -> Option<CallRef> {
    frame.chan_variable("HS_CALL").filter(|call| call.starts_with(OWN_REFERENCE)).map(CallRef::new)
}

/// The consultation that a channel bears the name of, and whether it is who consults. Whom he reaches inherits the name,
/// and keeps it when the consultation is over: only of an agent who stands where he consults it says something.
pub(super) fn consultation(frame: &Frame) -> Option<(CallRef, bool)> {
    let consult = frame.chan_variable("HS_CONSULT").filter(|consult| !consult.is_empty())?;
    Some((CallRef::new(consult), frame.get("Context") == Some(CONSULT_CONTEXT)))
}

/// Whom such a call is for, as the phone of a listed channel shows it.
pub(super) fn shown_number(frame: &Frame, plan: &Plan) -> Numbers {
    let shown = said(frame, "ConnectedLineNum").unwrap_or_default();
    Numbers { dnis: headers::plain_number(shown, plan), ..Numbers::default() }
}

/// Whom such a call is for: the agent's phone shows it.
pub(super) fn dialled_number(frame: &Frame, plan: &Plan) -> Numbers {
    let shown = said(frame, "CallerIDNum").unwrap_or_default();
    Numbers { dnis: headers::plain_number(shown, plan), ..Numbers::default() }
}

impl Normalizer {
    /// The AMI actions for one of the engine's, refused where the PBX is in no state for it.
    ///
    /// # Errors
    /// [`Untranslatable`]: nothing of it may be sent.
    pub fn translate(
        &self,
        action: &PbxAction,
        settings: &to_ami::Settings,
    ) -> Result<Vec<Ami>, Untranslatable> {
        if let Action::Retrieve { leg, .. }
        | Action::ConsultComplete { leg, .. }
        | Action::ConsultCancel { leg, .. }
        | Action::ConsultConference { leg, .. } = &action.action
            && !self.board.at_desk(leg)
        {
            // Its conversation would be torn: nobody waits in our contexts.
            return Err(Untranslatable::Unsupported("the phone itself holds; only the phone can take back"));
        }
        to_ami::translate(action, settings)
    }

    /// What a control context says of the leg it works on.
    pub(super) fn controlled(&mut self, name: &str, frame: &Frame) -> Read {
        match name {
            "HookswitchHeld" => {
                let holder = must(frame, "Holder")?.to_owned();
                let uid = self.see_caller(frame)?;
                self.board.held_at_desk(uid, &holder);
            }
            "HookswitchTransfer" => {
                self.see_caller(frame)?;
                if let Some(from) = said(frame, "From") {
                    self.board.blind(from, said(frame, "To"));
                }
            }
            "HookswitchConsult" => {
                let uid = self.see_channel(frame, must(frame, "Uniqueid")?)?;
                let consult = CallRef::new(must(frame, "Consult")?);
                self.board.consult_begins(uid.as_str(), consult, said(frame, "To").unwrap_or_default());
            }
            "HookswitchConsulted" => self.consulted(frame)?,
            "HookswitchComplete" => {
                let consult = CallRef::new(must(frame, "Consult")?);
                self.board.consult_completed(must(frame, "Other")?, &consult);
            }
            "HookswitchDialled" => self.dialled_in_vain(frame)?,
            "HookswitchSupervised" => self.supervised(frame)?,
            _ => {}
        }
        Ok(())
    }

    /// A consultation is over and the agent back at his desk.
    fn consulted(&mut self, frame: &Frame) -> Read {
        let consult = CallRef::new(must(frame, "Consult")?);
        let (end, cause) = vain(frame);
        let asked = self.control.of_call(&consult);
        let asked = asked.filter(|action| self.control.attempts.remove(action).is_some());
        match asked {
            Some(action) if !self.board.was_begun(&consult) => {
                self.board.consult_in_vain(&consult);
                self.board.tell(Fact::DialFailed { action, end, cause });
            }
            Some(_) | None => self.board.consult_over(&consult, end, cause),
        }
        Ok(())
    }

    /// No device of an agent or a supervisor answered.
    fn dialled_in_vain(&mut self, frame: &Frame) -> Read {
        let Ok(action) = must(frame, "Action")?.parse::<ActionId>() else { return Ok(()) };
        let Some(attempt) = self.control.attempts.remove(&action) else { return Ok(()) };
        let (end, cause) = vain(frame);
        if !attempt.call.is_some_and(|call| self.board.was_begun(&call)) {
            self.board.tell(Fact::DialFailed { action, end, cause });
        }
        Ok(())
    }

    /// A supervisor answered and hears a conversation.
    fn supervised(&mut self, frame: &Frame) -> Read {
        let supervisor = self.see_channel(frame, must(frame, "Uniqueid")?)?;
        self.board.is_no_party(supervisor.as_str());
        let mode = match must(frame, "Mode")? {
            "whisper" => SuperviseMode::Whisper,
            "barge" => SuperviseMode::Barge,
            _ => SuperviseMode::Listen,
        };
        let hears = self.board.supervised(&supervisor, must(frame, "Leg")?, mode);
        let action = said(frame, "Action").and_then(|id| id.parse::<ActionId>().ok());
        if let Some(action) = action
            && self.control.attempts.remove(&action).is_some()
            && !hears
        {
            self.board.tell(Fact::DialFailed { action, end: LegEnd::Failed, cause: None });
        }
        Ok(())
    }

    /// An answer that says more than taken or refused is told before that.
    pub(super) fn answered(&mut self, action: ActionId, frame: &Frame) {
        if !frame.is_success() {
            // Refused as a whole: nothing else will be heard of it.
            self.control.attempts.remove(&action);
            self.control.asked.remove(&action);
            return;
        }
        match self.control.asked.remove(&action) {
            Some(Asked::Number) => {
                let exists = frame.get("Value").is_some_and(|value| value.trim() == "1");
                self.board.tell(Fact::NumberChecked { action, exists });
            }
            Some(Asked::Record { call, on }) if self.board.knows(&call) => {
                self.board.tell(Fact::Recording { call, on });
            }
            Some(Asked::Record { .. }) | None => {}
        }
    }

    /// What took longer than it can came to nothing.
    pub(super) fn give_up(&mut self, now: Timestamp) {
        let late = self.control.attempts.iter().filter(|(_, attempt)| attempt.due <= now);
        for action in late.map(|(id, _)| *id).collect::<Vec<_>>() {
            let Some(attempt) = self.control.attempts.remove(&action) else { continue };
            if attempt.call.as_ref().is_some_and(|call| self.board.was_begun(call)) {
                continue;
            }
            if let Some(call) = &attempt.call {
                self.board.consult_in_vain(call);
            }
            self.board.tell(Fact::DialFailed { action, end: LegEnd::Failed, cause: None });
        }
    }

    /// Who consulted is gone before it was seen that anybody rang for that.
    pub(super) fn consulted_nobody(&mut self, consult: &CallRef) {
        if let Some(action) = self.control.of_call(consult) {
            self.control.attempts.remove(&action);
            self.board.tell(Fact::DialFailed { action, end: LegEnd::Cancelled, cause: None });
        }
    }
}

/// What DIALSTATUS and HANGUPCAUSE say of an attempt that reached nobody.
fn vain(frame: &Frame) -> (LegEnd, Option<hookswitch_model::ledger::Cause>) {
    let cause = headers::cause(frame).filter(|cause| cause.q850 != 0);
    let cause = cause.map(|cause| crate::switchboard::cause(cause.q850));
    let q850 = cause.as_ref().map_or(0, |cause| cause.q850);
    let end = match (said(frame, "Status").unwrap_or_default(), q850) {
        ("ANSWER", _) => LegEnd::Released,
        ("BUSY", _) | (_, 17) => LegEnd::Busy,
        (_, 21) => LegEnd::Rejected,
        ("NOANSWER", _) => LegEnd::NoAnswer,
        ("CANCEL", _) => LegEnd::Cancelled,
        ("CHANUNAVAIL", _) => LegEnd::Unreachable,
        _ => LegEnd::Failed,
    };
    (end, cause)
}
