//! Dialling: Dial, Queue, Originate, pick-up.

use hookswitch_ami::Frame;
use hookswitch_model::{ActionId, CallRef};

use super::{
    Normalizer, Read, Unread, control,
    headers::{self, must, said},
};
use crate::switchboard::{call::Numbers, channel::Outcome, dial::Attempt};

/// The context of the generated dialplan in which our rings are made.
const RING_CONTEXT: &str = "hookswitch-ring";

impl Normalizer {
    /// `DialBegin`. Without `Channel` it is an Originate.
    pub(super) fn dial_begin(&mut self, frame: &Frame) -> Read {
        let callee = must(frame, "DestUniqueid")?;
        self.see_callee(frame, callee)?;
        let by = frame.get("Uniqueid");
        if let Some(by) = by
            && self.board.topology.get(by).is_none()
        {
            let by = self.see_channel(frame, by)?;
            if self.board.topology.get(by.as_str()).is_some_and(|channel| channel.is_party()) {
                self.board.caller(&by);
            }
        }
        if let Some(by) = by {
            self.note_extension(frame, by);
            self.late_numbers(frame, by);
            if let Some((consult, true)) = control::consultation(frame) {
                // Its beginning may not have been seen.
                let number = self.board.number_of(callee).unwrap_or_default();
                self.board.consult_begins(by, consult, &number);
            }
        }
        let ours = frame.get("Context").is_none_or(|context| context == RING_CONTEXT);
        let ring =
            frame.chan_variable("HS_OFFER").filter(|_| ours).and_then(|id| id.parse::<ActionId>().ok());
        if frame.get("Context") == Some(control::SUPERVISE_CONTEXT) {
            self.board.is_no_party(callee);
        }
        let begins = control::begins(frame).filter(|_| by.is_some());
        let (joins, numbers) = match by {
            Some(_) if begins.is_some() => (None, control::dialled_number(frame, &self.board.settings.plan)),
            Some(_) => (None, Numbers::default()),
            None => (self.named_call(frame, callee), self.originate_numbers(frame)),
        };
        let dial_string = frame.get("DialString").unwrap_or_default();
        self.board.dialled(callee, Attempt { by, dial_string, ring, begins, joins, numbers });
        Ok(())
    }

    /// The dialled channel, added when its beginning was not seen.
    fn see_callee(&mut self, frame: &Frame, callee: &str) -> Read {
        if self.board.topology.is_gone(callee) {
            return Err(Unread::Late);
        }
        if self.board.topology.get(callee).is_none() {
            let uid = hookswitch_model::LegRef::new(callee);
            let linked =
                said(frame, "DestLinkedid").map_or_else(|| uid.clone(), hookswitch_model::LegRef::new);
            let channel = crate::switchboard::channel::Channel::new(must(frame, "DestChannel")?, linked);
            self.board.topology.insert(uid, channel);
        }
        Ok(())
    }

    /// A call that an originated channel names by its reference in one of its variables: whoever sets up such a
    /// channel for a waiting caller passes the caller's Uniqueid along.
    fn named_call(&self, frame: &Frame, own: &str) -> Option<CallRef> {
        let values = frame.all("DestChanVariable").filter_map(|pair| Some(pair.split_once('=')?.1));
        values
            .filter(|value| *value != own && !value.is_empty())
            .map(CallRef::new)
            .find(|call| self.board.knows(call))
    }

    /// The number an Originate is for: the caller id it shows on the agent's phone, unless that is the phone's own.
    fn originate_numbers(&self, frame: &Frame) -> Numbers {
        let plan = &self.board.settings.plan;
        let own = said(frame, "DestChannel")
            .map(|name| crate::switchboard::channel::Channel::new(name, "".into()).address);
        let own = own.as_ref().and_then(|address| address.extension()).unwrap_or_default();
        let shown = said(frame, "DestCallerIDNum").filter(|number| *number != own).unwrap_or_default();
        Numbers {
            ani: headers::plain_number(own, plan),
            dnis: headers::plain_number(shown, plan),
            ..Numbers::default()
        }
    }

    /// `DialEnd`.
    pub(super) fn dial_end(&mut self, frame: &Frame) -> Read {
        let callee = must(frame, "DestUniqueid")?;
        let outcome = match must(frame, "DialStatus")? {
            "ANSWER" | "GOTO" | "CONTINUE" => Outcome::Answered,
            "BUSY" => Outcome::Busy,
            "CONGESTION" => Outcome::Congestion,
            "CHANUNAVAIL" => Outcome::Unavailable,
            "NOANSWER" => Outcome::NoAnswer,
            _ if said(frame, "Forward").is_some() => Outcome::Forwarded,
            _ => Outcome::Cancelled,
        };
        self.board.dial_ended(callee, outcome);
        Ok(())
    }

    /// `OriginateResponse`. Of a failure only the reason is of use; everything else is seen on the channel.
    pub(super) fn originate_response(&mut self, frame: &Frame) -> Read {
        if frame.get("Response") != Some("Failure") {
            return Ok(());
        }
        // The rest of Asterisk's `ast_control_frame_type`: 3 ringing, 5 busy, 8 congestion.
        let outcome = match frame.get("Reason") {
            Some("5") => Outcome::Busy,
            Some("8") => Outcome::Congestion,
            Some(_) | None => return Ok(()),
        };
        self.board.originate_failed(must(frame, "Uniqueid")?, outcome);
        Ok(())
    }

    /// `Pickup`: the channel took over the target's call.
    pub(super) fn pickup(&mut self, frame: &Frame) -> Read {
        let (picker, target) = (must(frame, "Uniqueid")?, must(frame, "TargetUniqueid")?);
        self.see_channel(frame, picker)?;
        self.board.picked_up(picker, target);
        Ok(())
    }
}
