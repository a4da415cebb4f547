//! Channels: they appear, change, end.

use hookswitch_ami::Frame;
use hookswitch_model::LegRef;

use super::{
    Normalizer, Read, Unread,
    headers::{self, Caller, must, said},
    listing::{MENUS, WAITING_ROOM},
};
use crate::switchboard::{
    call::Numbers,
    channel::{Channel, Outcome, Progress},
};

impl Normalizer {
    /// `Newchannel`. State 4 (Ring) is somebody who calls; anything else is going to be dialled.
    pub(super) fn new_channel(&mut self, frame: &Frame) -> Read {
        let uid = must(frame, "Uniqueid")?;
        if self.board.topology.get(uid).is_some_and(|known| !known.stale) {
            return Ok(());
        }
        if self.board.topology.is_gone(uid) {
            return Err(Unread::Late);
        }
        let uid = LegRef::new(uid);
        let channel = new_channel(frame, &uid)?;
        let calls = channel.is_party() && channel.progress == Progress::Calling && channel.linked == uid;
        if channel.is_party() {
            self.board.endpoints.seen_in(&channel.address, frame.get("Context").unwrap_or_default());
        }
        self.board.topology.insert(uid.clone(), channel);
        if calls {
            self.note_numbers(frame, &uid);
            self.board.caller(&uid);
        }
        Ok(())
    }

    /// The channel an event names, added to what is known when its beginning was not seen.
    pub(super) fn see_channel(&mut self, frame: &Frame, uid: &str) -> Result<LegRef, Unread> {
        if let Some((uid, channel)) = self.board.topology.entry(uid) {
            let (uid, stale) = (uid.clone(), channel.stale);
            if stale && let Some(channel) = self.board.topology.get_mut(uid.as_str()) {
                channel.stale = false;
                // Of a channel that is believed only the address is known.
                if let Some(name) =
                    said(frame, "Channel").filter(|_| frame.get("Uniqueid") == Some(uid.as_str()))
                {
                    channel.name = name.into();
                }
            }
            return Ok(uid);
        }
        if self.board.topology.is_gone(uid) {
            return Err(Unread::Late);
        }
        let uid = LegRef::new(uid);
        let channel = new_channel(frame, &uid)?;
        self.board.topology.insert(uid.clone(), channel);
        self.note_numbers(frame, &uid);
        Ok(uid)
    }

    fn note_numbers(&mut self, frame: &Frame, uid: &LegRef) {
        let numbers = self.first_numbers(frame);
        if let Some(channel) = self.board.topology.get_mut(uid.as_str()) {
            channel.numbers = Some(Box::new(numbers));
        }
    }

    /// Numbers at first sight of a caller.
    fn first_numbers(&self, frame: &Frame) -> Numbers {
        let plan = &self.board.settings.plan;
        let dialled = said(frame, "Exten").filter(|exten| *exten != "s").unwrap_or_default();
        Numbers {
            ani: Caller::of(frame).party(plan),
            dnis: headers::plain_number(dialled, plan),
            via: headers::via(frame, plan),
            open: frame.chan_variable("CALLERID(pres)").is_some(),
            ..Numbers::default()
        }
    }

    /// `Newstate`.
    pub(super) fn new_state(&mut self, frame: &Frame) -> Read {
        let uid = must(frame, "Uniqueid")?;
        if self.board.topology.get(uid).is_none() {
            return Ok(());
        }
        self.late_numbers(frame, uid);
        let Some(channel) = self.board.topology.get_mut(uid) else { return Ok(()) };
        channel.stale = false;
        match headers::progress(frame) {
            Progress::Up => self.board.up(uid),
            progress @ (Progress::Calling | Progress::Ringing | Progress::Down) => {
                channel.progress = progress
            }
        }
        Ok(())
    }

    /// `NewCallerid`: the presentation or the number became known.
    pub(super) fn new_caller_id(&mut self, frame: &Frame) -> Read {
        let uid = must(frame, "Uniqueid")?;
        self.late_numbers(frame, uid);
        Ok(())
    }

    /// Presentation and redirecting number may be missing at first sight.
    pub(super) fn late_numbers(&mut self, frame: &Frame, uid: &str) {
        let Some(known) = self.board.numbers_of(uid) else { return };
        let plan = &self.board.settings.plan;
        let mut caller = Caller::of(frame);
        caller.withheld |= presentation_withheld(frame);
        let ani = known.lack(caller.number, caller.withheld).then(|| caller.party(plan));
        let via = if known.via.is_none() { headers::via(frame, plan) } else { None };
        if ani.is_some() || via.is_some() {
            self.board.numbers(uid, ani, via);
        }
        self.board.numbers_are_sure(uid);
    }

    /// `Rename`: a masquerade of old, or a channel driver's whim.
    pub(super) fn rename(&mut self, frame: &Frame) -> Read {
        let (uid, name) = (must(frame, "Uniqueid")?, must(frame, "Newname")?);
        if let Some(channel) = self.board.topology.get_mut(uid) {
            channel.name = name.into();
        }
        Ok(())
    }

    /// `HangupRequest`: the far side hung up, or refused.
    pub(super) fn hangup_request(&mut self, frame: &Frame) -> Read {
        let uid = must(frame, "Uniqueid")?;
        if self.board.is_unsure(uid) {
            self.late_numbers(frame, uid);
        }
        let cause = headers::number(frame, "Cause").filter(|cause| *cause != 0);
        self.board.hangup_requested(uid, cause);
        Ok(())
    }

    /// `SoftHangupRequest`: Asterisk itself ends a channel. Flag 32 is somebody's explicit wish, such as AMI's
    /// Hangup of a phone that rings.
    pub(super) fn soft_hangup_request(&mut self, frame: &Frame) -> Read {
        if !headers::mentions(frame, b"\nCause: 32\r") {
            return Ok(());
        }
        let uid = must(frame, "Uniqueid")?;
        if let Some(channel) =
            self.board.topology.get_mut(uid).filter(|c| c.is_party() && c.progress != Progress::Up)
        {
            channel.outcome.get_or_insert(Outcome::Cancelled);
        }
        Ok(())
    }

    /// `Hangup`: the channel is gone.
    pub(super) fn hangup(&mut self, frame: &Frame) -> Read {
        let uid = must(frame, "Uniqueid")?;
        if self.board.is_unsure(uid) {
            self.late_numbers(frame, uid);
        }
        let cause = headers::cause(frame);
        if self.board.gone_unseen(uid, cause.as_ref()) {
            return Ok(());
        }
        let in_vain = self.board.consults_unheard(uid);
        self.board.gone(uid, cause);
        if let Some(consult) = in_vain {
            self.consulted_nobody(&consult);
        }
        Ok(())
    }

    /// `Newexten`: read only where it tells that the PBX took the caller itself.
    pub(super) fn new_exten(&mut self, frame: &Frame) -> Read {
        if !headers::mentions(frame, b"\nApplication: VoiceMail\r") {
            return Ok(());
        }
        self.board.system_took(must(frame, "Uniqueid")?, "voicemail");
        Ok(())
    }

    /// `DTMFEnd`, where the user reads class `dtmf`. What is pressed in our own contexts, their dialplan tells.
    pub(super) fn dtmf(&mut self, frame: &Frame) -> Read {
        let ours = matches!(frame.get("Context"), Some(WAITING_ROOM | MENUS));
        if ours || frame.get("Direction") != Some("Received") {
            return Ok(());
        }
        let (uid, digit) = (must(frame, "Uniqueid")?, must(frame, "Digit")?);
        self.board.pressed(uid, digit);
        Ok(())
    }
}

impl Normalizer {
    /// Where in the dialplan a channel has come to: the number it was sent to, not the steps on the way (`s`, `h`).
    pub(super) fn note_extension(&mut self, frame: &Frame, uid: &str) {
        let exten =
            said(frame, "Exten").filter(|exten| exten.starts_with(|c: char| c.is_ascii_digit() || c == '+'));
        if let Some(exten) = exten
            && let Some(channel) = self.board.topology.get_mut(uid)
            && *channel.exten != *exten
        {
            channel.exten = exten.into();
        }
    }
}

/// A channel as an event shows it.
fn new_channel(frame: &Frame, uid: &LegRef) -> Result<Channel, Unread> {
    let linked = said(frame, "Linkedid").filter(|linked| *linked != uid.as_str());
    let linked = linked.map_or_else(|| uid.clone(), LegRef::new);
    let mut channel = Channel::new(must(frame, "Channel")?, linked);
    channel.progress = headers::progress(frame);
    channel.exten = frame.get("Exten").unwrap_or_default().into();
    Ok(channel)
}

/// `CID-CallingPres: 32 (Presentation Prohibited, …)`: bits 5 and 6 are the presentation, 1 is restricted.
fn presentation_withheld(frame: &Frame) -> bool {
    let value = frame.get("CID-CallingPres").and_then(|value| value.split(' ').next()?.parse::<u8>().ok());
    value.is_some_and(|value| value & 0x60 == 0x20)
}
