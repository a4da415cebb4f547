//! Asterisk's own queues (observe mode).

use hookswitch_ami::Frame;
use hookswitch_model::{QueueId, call::Address, pbx::Fact};

use super::{
    Normalizer, Read, Unread,
    headers::{self, must, said},
};
use crate::switchboard::{QueueExit, channel::Progress};

impl Normalizer {
    /// `QueueCallerJoin`.
    pub(super) fn queue_caller_join(&mut self, frame: &Frame) -> Read {
        let uid = self.see_caller(frame)?;
        self.note_extension(frame, uid);
        let position = headers::number(frame, "Position").unwrap_or(1);
        self.board.queue_joined(uid, queue(frame)?, position);
        Ok(())
    }

    /// `QueueCallerAbandon`: the next `QueueCallerLeave` is an abandonment.
    pub(super) fn queue_caller_abandon(&mut self, frame: &Frame) -> Read {
        self.board.queue_left(must(frame, "Uniqueid")?, QueueExit::Abandoned);
        Ok(())
    }

    /// `QueueCallerLeave`.
    pub(super) fn queue_caller_leave(&mut self, frame: &Frame) -> Read {
        self.board.queue_left(must(frame, "Uniqueid")?, QueueExit::Left);
        Ok(())
    }

    /// `AgentConnect`: read for members that are a piece of dialplan behind a Local pair.
    pub(super) fn agent_connect(&mut self, frame: &Frame) -> Read {
        self.board.member_answered(must(frame, "Uniqueid")?, must(frame, "DestUniqueid")?);
        Ok(())
    }

    /// The channel of an event about a caller, with a call of its own even when its beginning was not seen.
    pub(super) fn see_caller<'f>(&mut self, frame: &'f Frame) -> Result<&'f str, Unread> {
        let uid = must(frame, "Uniqueid")?;
        let known = self.see_channel(frame, uid)?;
        let channel = self.board.topology.get(uid).filter(|channel| channel.is_party());
        let up = channel.is_some_and(|channel| channel.progress == Progress::Up);
        let new = channel.is_some() && self.board.call_on(uid).is_none();
        if new {
            self.board.caller(&known);
        }
        self.late_numbers(frame, uid);
        if new && up {
            self.board.up(uid);
        }
        Ok(uid)
    }

    /// `QueueMemberPause`.
    pub(super) fn queue_member_pause(&mut self, frame: &Frame) -> Read {
        let address = Address::new(member(frame)?);
        let paused = must(frame, "Paused")? == "1";
        let reason = said(frame, "PausedReason").or_else(|| said(frame, "Reason")).map(str::to_owned);
        self.board.tell(Fact::MemberPaused { address, paused, reason });
        Ok(())
    }

    /// `QueueMemberStatus`: what the queue knows of a member's device.
    pub(super) fn queue_member_status(&mut self, frame: &Frame) -> Read {
        self.devices.queue_status(&mut self.board, member(frame)?, frame.get("Status").unwrap_or_default());
        Ok(())
    }
}

/// The device of a member: where its state is looked up, else where it is rung.
pub(super) fn member(frame: &Frame) -> Result<&str, Unread> {
    said(frame, "StateInterface")
        .or_else(|| said(frame, "Interface"))
        .or_else(|| said(frame, "Location"))
        .ok_or(Unread::Incomplete)
}

/// The queue's name; characters that no name of ours may have become underscores.
pub(super) fn queue(frame: &Frame) -> Result<QueueId, Unread> {
    let name = must(frame, "Queue")?;
    QueueId::new(name).or_else(|_| {
        let allowed = |c: char| if c.is_alphanumeric() || "-_.@+".contains(c) { c } else { '_' };
        let mut name: String = name.chars().map(allowed).collect();
        while name.len() > 64 {
            name.pop();
        }
        QueueId::new(&name).map_err(|_| Unread::Incomplete)
    })
}
