//! Requests inside a dialog.

use hookswitch_sip::{
    Flow, ServerId,
    message::{Method, Name, Request, Response},
};

use super::{Sent, Switch, keep::Timer, leave::Close};
use crate::{
    cause::{self, bare},
    dialog::{ALLOW, Misfit},
    event::End,
    id::DialogId,
    state::{Open, Passing, Peer, Phase},
};

/// Requests of one leg that wait for the other side, and no more.
const RELAYED: usize = 8;

impl Switch {
    /// The dialog a request names by our tag.
    pub(super) fn dialog_of(&self, request: &Request) -> Option<DialogId> {
        let tag = request.headers.to_tag()?;
        let id = DialogId(u64::from_str_radix(tag, 16).ok().filter(|_| tag.len() == 16)?);
        let leg = self.legs.get(&id)?;
        (request.headers.call_id() == Some(leg.dialog.call_id())).then_some(id)
    }

    /// A request inside a dialog came.
    pub(super) fn requested_inside(&mut self, server: ServerId, request: Request, flow: &Flow) {
        let Some(id) = self.dialog_of(&request) else {
            return self.dismiss(server, &request, 481);
        };
        let Some(leg) = self.legs.get_mut(&id) else { return };
        match leg.dialog.accept(&request) {
            Ok(()) => leg.dialog.came_by(flow),
            Err(Misfit::Unknown) => return self.dismiss(server, &request, 481),
            Err(Misfit::Old) => return self.reply(server, &request, 500),
        }
        let leaving = matches!(leg.phase, Phase::Leaving);
        match request.method {
            Method::Bye => self.hung_up(id, server, &request),
            _ if leaving => self.reply(server, &request, 481),
            Method::Invite => self.offered_again(id, server, request),
            Method::Update if request.body.is_empty() => self.refreshed_by_peer(id, server, &request),
            Method::Update => self.updated(id, server, request),
            Method::Prack => self.prack(id, server, &request),
            Method::Refer => self.referred(id, server, &request),
            Method::Info | Method::Message => self.relay(id, server, request),
            Method::Options => {
                let answer = request.reply(200, "").with(Name::Allow, ALLOW);
                self.layer.respond(self.now, server, answer);
            }
            Method::Notify => self.reply(server, &request, 200),
            Method::Subscribe | Method::Publish => self.reply(server, &request, 489),
            Method::Register | Method::Other(_) => self.reply(server, &request, 405),
            Method::Ack | Method::Cancel => self.layer.drop_request(server),
        }
    }

    pub(super) fn reply(&mut self, server: ServerId, request: &Request, status: u16) {
        let mut answer = request.reply(status, "");
        if status == 405 {
            answer.headers.push(Name::Allow, ALLOW);
        }
        self.layer.respond(self.now, server, answer);
    }

    /// BYE: whoever sends it is gone, wherever the dialog stands.
    fn hung_up(&mut self, id: DialogId, server: ServerId, request: &Request) {
        self.reply(server, request, 200);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let cause = cause::of_reason(&request.headers).unwrap_or(bare(cause::NORMAL));
        let unsaid = leg.unacknowledged.take().is_some();
        match leg.phase {
            // Our own good-bye still waited for the ACK: it need not be said any more.
            Phase::Leaving if unsaid => self.forget_leg(id),
            // Both hung up at once; ours is still to be answered.
            Phase::Leaving => {}
            // A BYE for an INVITE that is not answered (RFC 3261 section 15 allows the caller).
            Phase::Asked(_) => self.depart(id, End::HungUp, Some(cause), Close::Normal),
            Phase::Calling(_) => {}
            Phase::Up => self.depart(id, End::HungUp, Some(cause), Close::Done),
        }
    }

    fn offered_again(&mut self, id: DialogId, server: ServerId, request: Request) {
        let Some(leg) = self.legs.get(&id) else { return };
        match leg.phase {
            Phase::Up => self.offered(id, server, Box::new(request)),
            // The first is not answered yet (RFC 3261 section 14.2).
            Phase::Asked(_) => self.reply(server, &request, 500),
            Phase::Calling(_) | Phase::Leaving => self.reply(server, &request, 491),
        }
    }

    fn updated(&mut self, id: DialogId, server: ServerId, request: Request) {
        match self.legs.get(&id).map(|leg| &leg.phase) {
            Some(Phase::Up) => self.offered(id, server, Box::new(request)),
            // The offer of the INVITE is open (RFC 3311 section 5.2).
            Some(Phase::Asked(_) | Phase::Calling(_)) => self.reply(server, &request, 491),
            Some(Phase::Leaving) | None => self.reply(server, &request, 481),
        }
    }

    /// An UPDATE without an offer: a sign of life.
    fn refreshed_by_peer(&mut self, id: DialogId, server: ServerId, request: &Request) {
        let asked = crate::session::Session::asked(&request.headers, &self.settings.session);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Ok(session) = asked else {
            let least = crate::session::seconds(self.settings.session.min).to_string();
            let answer = request.reply(422, "").with(Name::MinSe, least);
            self.layer.respond(self.now, server, answer);
            return;
        };
        leg.session = session;
        leg.dialog.refresh(&request.headers);
        let mut answer =
            request.reply(200, "").with(Name::Contact, leg.dialog.contact()).with(Name::Allow, ALLOW);
        session.answer(&request.headers, &mut answer.headers);
        self.layer.respond(self.now, server, answer);
        self.refreshed(id);
    }

    fn prack(&mut self, id: DialogId, server: ServerId, request: &Request) {
        // Answered before the next provisional goes out.
        let acknowledges = matches!(self.legs.get(&id).map(|leg| &leg.phase), Some(Phase::Asked(asked)) if asked
            .unheard
            .is_some() && request.headers.rack().is_some_and(|rack| rack.rseq == asked.rseq));
        self.reply(server, request, if acknowledges { 200 } else { 481 });
        if acknowledges {
            self.provisional_heard(id, request);
        }
    }

    /// INFO and MESSAGE go to the other side, and its answer comes back.
    fn relay(&mut self, id: DialogId, server: ServerId, request: Request) {
        let peer = match self.legs.get(&id).map(|leg| leg.peer) {
            Some(Peer::Leg(peer)) if self.is_up(peer) => peer,
            Some(Peer::Leg(_) | Peer::Unset | Peer::Silence | Peer::Port(_)) | None => {
                self.key_by_info(id, &request);
                return self.reply(server, &request, 200);
            }
        };
        if self.legs.get(&id).is_none_or(|leg| leg.relayed.len() >= RELAYED) {
            return self.reply(server, &request, 503);
        }
        let Some(other) = self.legs.get_mut(&peer) else { return };
        let mut onward = other.dialog.request(request.method.clone());
        for name in [Name::ContentType, Name::ContentDisposition, Name::Other("Info-Package".into())] {
            onward.headers.copy(&request.headers, &name);
        }
        onward.body = request.body.clone();
        let flow = other.dialog.flow();
        let client = self.layer.request(self.now, onward, flow);
        let mut bones = request;
        bones.body = Default::default();
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.relayed.push(Passing { server, request: Box::new(bones) });
        }
        self.clients.insert(client, Sent::Relayed { server, from: id });
    }

    fn take_relayed(&mut self, server: ServerId, from: DialogId) -> Option<Passing> {
        let leg = self.legs.get_mut(&from)?;
        let at = leg.relayed.iter().position(|passing| passing.server == server)?;
        Some(leg.relayed.swap_remove(at))
    }

    pub(super) fn relay_answered(&mut self, server: ServerId, from: DialogId, response: &Response) {
        if !response.is_final() {
            return;
        }
        if let Some(passing) = self.take_relayed(server, from) {
            let mut answer = passing.request.reply(response.status, &response.reason);
            answer.headers.copy(&response.headers, &Name::ContentType);
            answer.body = response.body.clone();
            self.layer.respond(self.now, server, answer);
        }
    }

    pub(super) fn relay_failed(&mut self, server: ServerId, from: DialogId) {
        if let Some(passing) = self.take_relayed(server, from) {
            self.reply(server, &passing.request, 500);
        }
    }

    /// A key in an INFO (the older way), of who waits.
    fn key_by_info(&mut self, id: DialogId, request: &Request) {
        let text = String::from_utf8_lossy(&request.body);
        let kind = request.headers.content_type();
        let digit = match kind.as_deref() {
            Some("application/dtmf-relay") => text.lines().find_map(|line| {
                let (name, value) = line.split_once('=')?;
                name.trim().eq_ignore_ascii_case("Signal").then(|| value.trim().chars().next()).flatten()
            }),
            Some("application/dtmf") => text.trim().chars().next(),
            Some(_) | None => None,
        };
        if let Some(digit) = digit.and_then(hookswitch_media::Key::new) {
            self.key(id, digit.letter());
        }
    }

    /// Whoever waited for what was passed on gets no answer any more.
    pub(super) fn passed_unanswered(&mut self, from: DialogId) {
        let Some(leg) = self.legs.get_mut(&from) else { return };
        if let Open::Theirs(passing) = std::mem::replace(&mut leg.open, Open::Nothing) {
            self.reply(passing.server, &passing.request, 500);
        }
    }

    /// A dialog whose peer does not know it any more, or does not answer.
    pub(super) fn died(&mut self, id: DialogId) {
        self.timers.cancel(&Timer::Session(id));
        let Some(leg) = self.legs.get(&id) else { return };
        if matches!(leg.phase, Phase::Leaving) {
            return;
        }
        self.counters.dead += 1;
        self.depart(id, End::Released, Some(bare(cause::EXPIRED)), Close::Normal);
    }
}
