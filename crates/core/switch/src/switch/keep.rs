//! Timers: what is due, and what keeps dialogs alive.

use std::{sync::Arc, time::Duration};

use hookswitch_sip::{
    ClientId,
    message::{Method, Name, Response},
};

use super::{Sent, Switch, leave::Close};
use crate::{
    id::DialogId,
    session::Session,
    state::{Leg, Open, Phase},
};

/// How long after a refused refresh the next is tried.
const AGAIN: Duration = Duration::from_secs(5);

/// What a deadline is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Nobody answered.
    Attempt(u64),
    /// A peer gave no sign at all.
    Silent(DialogId),
    /// Who waits unanswered hears so again.
    Queued(DialogId),
    /// A reliable provisional answer is not acknowledged.
    Provisional(DialogId),
    /// A 2xx is not acknowledged.
    Ack(DialogId),
    /// A dialog is to be refreshed, or was not.
    Session(DialogId),
    /// After a glare.
    Retry(DialogId),
    /// What is said to a caller is over, and no key came.
    Spoken(DialogId),
    /// Who gave a call away did not hang up.
    Farewell(DialogId),
    /// No more answers to this INVITE are to be expected.
    Accepted(ClientId),
    /// A trunk is asked whether it is there.
    Trunk(Arc<str>),
}

impl Switch {
    pub(super) fn due(&mut self, timer: Timer) {
        match timer {
            Timer::Attempt(id) => self.attempt_due(id),
            Timer::Silent(id) => self.silent(id),
            Timer::Queued(id) => self.say_progress(id),
            Timer::Provisional(id) => self.provisional_due(id),
            Timer::Ack(id) => self.ack_due(id),
            Timer::Session(id) => self.session_due(id),
            Timer::Retry(id) => self.tune(id),
            Timer::Spoken(id) => self.spoken(id),
            Timer::Farewell(id) => self.close(id, Close::Normal),
            Timer::Accepted(client) => {
                self.clients.remove(&client);
            }
            Timer::Trunk(name) => self.ask_trunk(&name),
        }
    }

    /// The dialog lives: the next refresh, or the end without one, is so far away.
    pub(super) fn refreshed(&mut self, id: DialogId) {
        if let Some(leg) = self.legs.get(&id).filter(|leg| matches!(leg.phase, Phase::Up)) {
            self.timers.set(Timer::Session(id), leg.session.due(self.now));
        }
    }

    /// Their answer to a request that refreshes says how long it lives.
    pub(super) fn settled(&mut self, id: DialogId, response: &Response) {
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.session = leg.session.settled(&response.headers, &self.settings.session);
        }
        self.refreshed(id);
    }

    fn session_due(&mut self, id: DialogId) {
        let Some(leg) = self.legs.get(&id) else { return };
        if !matches!(leg.phase, Phase::Up) {
            return;
        }
        if leg.session.ours {
            self.refresh(id);
        } else {
            self.died(id);
        }
    }

    /// Asks for a sign of life: with UPDATE where the peer takes that, else with what it was told last.
    fn refresh(&mut self, id: DialogId) {
        if !self.is_free(id) {
            return self.timers.set(Timer::Session(id), self.now + AGAIN);
        }
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if !leg.updates {
            let body = leg.voice.repeat();
            return self.offer(id, body, Sent::Offer(id));
        }
        let mut update = leg.dialog.request(Method::Update);
        update.headers.push(Name::Supported, crate::dialog::SUPPORTED);
        leg.session.ask(false, &mut update.headers, &self.settings.session);
        let flow = leg.dialog.flow();
        leg.open = Open::Ours;
        let client = self.layer.request(self.now, update, flow);
        self.clients.insert(client, Sent::Refresh(id));
    }

    pub(super) fn refresh_answered(&mut self, id: DialogId, response: &Response) {
        if !response.is_final() {
            return;
        }
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.open = Open::Nothing;
        }
        match response.status {
            200..=299 => {
                self.settled(id, response);
                self.tune(id);
            }
            408 | 481 => self.died(id),
            422 => {
                self.longer_session(id, response);
                self.timers.set(Timer::Session(id), self.now + AGAIN);
            }
            status => {
                if let Some(leg) = self.legs.get_mut(&id).filter(|_| matches!(status, 405 | 501)) {
                    leg.updates = false;
                }
                self.timers.set(Timer::Session(id), self.now + AGAIN);
            }
        }
    }

    /// They want a longer session than we asked for (422). An INVITE is sent again; true when it was.
    pub(super) fn longer_session(&mut self, id: DialogId, response: &Response) -> bool {
        let Some(least) = response.headers.min_se() else { return false };
        let Some(leg) = self.legs.get_mut(&id) else { return false };
        let expires = Duration::from_secs(least.into());
        // Nobody needs more than a day; a peer must not have us ask for ever.
        if leg.session.expires >= expires || least > 86_400 {
            return false;
        }
        leg.session = Session { expires, ..leg.session };
        if !matches!(leg.phase, Phase::Calling(_)) {
            return false;
        }
        self.invite_again(id, |leg, invite| {
            invite.headers.remove(&Name::SessionExpires);
            invite.headers.remove(&Name::MinSe);
            invite.headers.push(Name::SessionExpires, least.to_string());
            invite.headers.push(Name::MinSe, least.to_string());
            let _ = leg;
            true
        })
    }

    /// Sends the INVITE of a leg again, changed so, as a new transaction. False when the change was not possible.
    pub(super) fn invite_again(
        &mut self,
        id: DialogId,
        change: impl FnOnce(&mut Leg, &mut hookswitch_sip::Request) -> bool,
    ) -> bool {
        let Some(leg) = self.legs.get_mut(&id) else { return false };
        leg.dialog.restart();
        let mut invite = leg.dialog.request(Method::Invite);
        let Phase::Calling(calling) = &leg.phase else { return false };
        super::answers::carry(&calling.invite.headers, &mut invite.headers);
        invite.body = calling.invite.body.clone();
        if !change(leg, &mut invite) {
            return false;
        }
        let client = self.layer.request(self.now, invite.clone(), leg.dialog.flow());
        let Phase::Calling(calling) = &mut leg.phase else { return false };
        let before = std::mem::replace(&mut calling.client, client);
        *calling.invite = invite;
        self.clients.remove(&before);
        self.clients.insert(client, Sent::Invite(id));
        true
    }
}
