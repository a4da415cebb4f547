//! Who hears whom: each leg is told what the other side said last, until both agree.
//!
//! A pair is in tune when what each was told is what the other said. A leg that is not gets a re-INVITE; its answer may
//! put the other out of tune; after a few rounds that is enough. What a phone offers by itself is passed on to the
//! other, and the answer back.

use std::net::SocketAddr;

use bytes::Bytes;
use hookswitch_media::sdp::{Description, Direction};
use hookswitch_sip::{
    ServerId,
    message::{Method, Name, Request, Response},
};

use super::{Sent, Switch, keep::Timer};
use crate::{
    Event,
    dialog::{ALLOW, SUPPORTED},
    id::DialogId,
    session::Session,
    state::{Leg, Open, Passing, Peer, Phase, Unacknowledged},
    voice::{self, agrees},
};

/// How often a leg is told anew of the same other side.
const ROUNDS: u8 = 4;

/// The answer to an offer when there is nobody to hear: the same media, sent nowhere.
pub(super) fn discard(offer: &Description, local: SocketAddr) -> Description {
    let mut answer = offer.clone();
    answer.anchor(SocketAddr::new(local.ip(), 9));
    answer.set_direction(Direction::Inactive);
    answer
}

impl Switch {
    /// These two are a pair from now on.
    pub(super) fn link(&mut self, one: DialogId, other: DialogId) {
        for (leg, peer) in [(one, other), (other, one)] {
            self.give_port_back(leg);
            if let Some(leg) = self.legs.get_mut(&leg) {
                leg.peer = Peer::Leg(peer);
                leg.rounds = 0;
                leg.holds_by_order = false;
            }
        }
        self.tune(one);
    }

    /// This leg hears somebody else, or nobody, from now on.
    pub(super) fn hears(&mut self, id: DialogId, peer: Peer) {
        if self.legs.get(&id).is_some_and(|leg| leg.peer != peer) {
            self.give_port_back(id);
        }
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.peer = peer;
            leg.rounds = 0;
        }
        self.tune(id);
    }

    /// Tells whoever of a pair is out of tune what the other said; one after the other.
    pub(super) fn tune(&mut self, id: DialogId) {
        let peer = self.legs.get(&id).and_then(|leg| match leg.peer {
            Peer::Leg(peer) => Some(peer),
            Peer::Unset | Peer::Silence | Peer::Port(_) => None,
        });
        if self.go_on(id) || peer.is_some_and(|peer| self.go_on(peer)) || self.tune_one(id) {
            return;
        }
        if let Some(peer) = peer {
            self.tune_one(peer);
        }
    }

    /// True when something is under way with this leg.
    fn tune_one(&mut self, id: DialogId) -> bool {
        let Some(leg) = self.legs.get(&id) else { return false };
        if !matches!(leg.phase, Phase::Up) {
            return false;
        }
        if !self.is_free(id) {
            return true;
        }
        let Some(wanted) = self.wanted(id) else { return false };
        let Some(leg) = self.legs.get_mut(&id) else { return false };
        if leg.in_tune(&wanted) || leg.rounds >= ROUNDS {
            return false;
        }
        leg.rounds += 1;
        let body = leg.voice.tell(wanted);
        self.offer(id, Some(body), Sent::Offer(id));
        true
    }

    /// No offer is open in a dialog, and none was just made.
    pub(super) fn is_free(&self, id: DialogId) -> bool {
        self.legs.get(&id).is_some_and(|leg| {
            matches!(leg.open, Open::Nothing) && leg.unacknowledged.is_none() && leg.owed_ack.is_none()
        }) && !self.timers.is_set(&Timer::Retry(id))
    }

    /// What a leg is to be told.
    fn wanted(&self, id: DialogId) -> Option<Description> {
        let leg = self.legs.get(&id)?;
        match leg.peer {
            Peer::Unset => None,
            Peer::Silence => leg.voice.silenced(),
            Peer::Port(port) => self.our_voice(port),
            Peer::Leg(peer) => {
                let peer = self.legs.get(&peer).filter(|peer| matches!(peer.phase, Phase::Up))?;
                let heard = peer.voice.heard.as_ref()?;
                Some(if peer.holds { heard.clone() } else { voice::active(heard) })
            }
        }
    }

    /// Sends an offer in a dialog: a re-INVITE; without a body it asks for one.
    pub(super) fn offer(&mut self, id: DialogId, body: Option<Bytes>, sent: Sent) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let mut invite = leg.dialog.request(Method::Invite);
        invite.headers.push(Name::Supported, SUPPORTED);
        leg.session.ask(false, &mut invite.headers, &self.settings.session);
        if let Some(body) = body {
            invite.headers.push(Name::ContentType, "application/sdp");
            invite.body = body;
        }
        leg.open = Open::Ours;
        let flow = leg.dialog.flow();
        self.credentials(id, &mut invite);
        let client = self.layer.request(self.now, invite, flow);
        self.clients.insert(client, sent);
    }

    /// An answer to an offer of ours.
    pub(super) fn offer_answered(&mut self, id: DialogId, response: &Response) {
        if response.status < 200 {
            return;
        }
        let number = response.headers.cseq().map_or(0, |cseq| cseq.number);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.open = Open::Nothing;
        match response.status {
            200..=299 => {
                self.heard_answer(id, response);
                self.send_ack(id, number, None);
                self.settled(id, response);
                self.tune(id);
            }
            491 => self.retry_later(id),
            408 | 481 => self.died(id),
            422 => {
                self.longer_session(id, response);
                self.retry_later(id);
            }
            // What they do not accept they are not offered again; the voice stays as it was.
            _ => self.let_go_on(id),
        }
    }

    /// They said something new in answer to an offer of ours.
    pub(super) fn heard_answer(&mut self, id: DialogId, response: &Response) {
        let Ok(answer) = Description::parse(&response.body) else { return };
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.dialog.refresh(&response.headers);
        leg.voice.heard = Some(answer);
        if let Peer::Port(port) = leg.peer {
            self.port_agreed(port, id);
        }
    }

    /// After a glare both wait, who owns the Call-ID longer (RFC 3261 section 14.1).
    pub(super) fn retry_later(&mut self, id: DialogId) {
        let Some(leg) = self.legs.get(&id) else { return };
        let (least, spread) = if leg.dialog.is_ours() { (2_100, 190) } else { (0, 200) };
        let wait = least + 10 * (self.random.next() % spread);
        self.timers.set(Timer::Retry(id), self.now + std::time::Duration::from_millis(wait));
    }

    /// They offer something in a dialog that is up: passed on, or answered by us where there is nobody to pass it to.
    pub(super) fn offered(&mut self, id: DialogId, server: ServerId, request: Box<Request>) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let refusal = match &leg.open {
            Open::Ours => Some(491),
            Open::Theirs(_) | Open::Waits(_) => Some(500),
            Open::Nothing if leg.unacknowledged.is_some() || leg.owed_ack.is_some() => Some(491),
            Open::Nothing => None,
        };
        let session = Session::asked(&request.headers, &self.settings.session);
        if let Some(status) = refusal {
            return self.refuse_offer(server, &request, status);
        }
        let Ok(session) = session else {
            let least = crate::session::seconds(self.settings.session.min).to_string();
            let answer = request.reply(422, "").with(Name::MinSe, least);
            self.layer.respond(self.now, server, answer);
            return;
        };
        leg.session = session;
        leg.dialog.refresh(&request.headers);
        let offer = if request.body.is_empty() { None } else { Description::parse(&request.body).ok() };
        if offer.is_none() && !request.body.is_empty() {
            return self.refuse_offer(server, &request, 488);
        }
        self.take_offer(id, Passing { server, request }, offer);
    }

    /// Passes an offer on, or answers it where there is nobody to pass it to.
    fn take_offer(&mut self, id: DialogId, passing: Passing, offer: Option<Description>) {
        let Some(leg) = self.legs.get(&id) else { return };
        let unchanged =
            matches!((&offer, &leg.voice.heard), (Some(offer), Some(heard)) if agrees(offer, heard, true));
        match leg.peer {
            Peer::Leg(peer) if !unchanged && self.is_up(peer) => self.pass_on(id, peer, passing, offer),
            Peer::Leg(_) | Peer::Unset | Peer::Silence | Peer::Port(_) => {
                self.answer_offer(id, passing, offer, unchanged);
            }
        }
    }

    /// An offer of theirs that waited is taken up again; what it is passed to may be somebody else by now. False when
    /// none waits.
    fn go_on(&mut self, id: DialogId) -> bool {
        let Some(leg) = self.legs.get_mut(&id) else { return false };
        match std::mem::replace(&mut leg.open, Open::Nothing) {
            Open::Waits(passing) => {
                let offer = Description::parse(&passing.request.body).ok();
                self.take_offer(id, passing, offer);
                true
            }
            open @ (Open::Nothing | Open::Ours | Open::Theirs(_)) => {
                leg.open = open;
                false
            }
        }
    }

    /// The other side of this leg need not wait for it any longer.
    pub(super) fn let_go_on(&mut self, id: DialogId) {
        if let Some(Leg { peer: Peer::Leg(peer), .. }) = self.legs.get(&id) {
            let peer = *peer;
            self.go_on(peer);
        }
    }

    fn refuse_offer(&mut self, server: ServerId, request: &Request, status: u16) {
        let mut answer = request.reply(status, "");
        if status == 500 {
            answer.headers.push(Name::RetryAfter, (self.random.next() % 10).to_string());
        }
        self.layer.respond(self.now, server, answer);
    }

    /// The other side is asked what it says to it. While that has something else to settle with us, an ACK that is under
    /// way or an offer of ours, this is no glare of the two phones, and nothing that a phone should have to try again.
    fn pass_on(&mut self, id: DialogId, peer: DialogId, passing: Passing, offer: Option<Description>) {
        if !self.is_free(peer) {
            let crossed =
                matches!(self.legs.get(&peer), Some(Leg { open: Open::Theirs(_) | Open::Waits(_), .. }));
            if crossed {
                return self.refuse_offer(passing.server, &passing.request, 491);
            }
            if let Some(leg) = self.legs.get_mut(&id) {
                leg.open = Open::Waits(passing);
            }
            return;
        }
        let body = match (offer, self.legs.get_mut(&peer)) {
            (Some(offer), Some(peer)) => Some(peer.voice.tell(offer)),
            (None, _) | (_, None) => None,
        };
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.open = Open::Theirs(passing);
        }
        self.offer(peer, body, Sent::Passed { to: peer, from: id });
    }

    /// The other side answered what was passed on.
    pub(super) fn passed_answered(&mut self, to: DialogId, from: DialogId, response: &Response) {
        if response.status < 200 {
            return;
        }
        let number = response.headers.cseq().map_or(0, |cseq| cseq.number);
        let passing = self.legs.get_mut(&from).and_then(Leg::take_passing);
        if let Some(leg) = self.legs.get_mut(&to) {
            leg.open = Open::Nothing;
        }
        if !response.is_success() {
            self.passed_refused(to, response, passing);
            return;
        }
        self.heard_answer(to, response);
        self.settled(to, response);
        let late = passing.as_ref().is_some_and(|passing| passing.request.body.is_empty());
        let said = Description::parse(&response.body).ok();
        match (passing, said) {
            (Some(passing), Some(said)) if late => {
                if let Some(leg) = self.legs.get_mut(&to) {
                    leg.owed_ack = Some(number);
                }
                self.accept_offer(from, &passing, said, Some(to));
            }
            (passing, said) => {
                self.send_ack(to, number, None);
                if let (Some(passing), Some(said)) = (passing, said) {
                    self.hear_offer(from, &passing.request);
                    self.accept_offer(from, &passing, said, None);
                }
                self.tune(to);
            }
        }
    }

    fn passed_refused(&mut self, to: DialogId, response: &Response, passing: Option<Passing>) {
        if let Some(passing) = passing {
            let status = if matches!(response.status, 408 | 481) { 500 } else { response.status };
            let answer = passing.request.reply(status, &response.reason);
            self.layer.respond(self.now, passing.server, answer);
        }
        if matches!(response.status, 408 | 481) {
            return self.died(to);
        }
        // A refused offer changed nothing (RFC 3261 section 14.2).
        let wanted = self.wanted(to);
        if let (Some(leg), Some(told)) = (self.legs.get_mut(&to), wanted) {
            leg.voice.told = Some(told);
        }
    }

    /// What they offered counts from now on.
    fn hear_offer(&mut self, id: DialogId, request: &Request) {
        let Ok(offer) = Description::parse(&request.body) else { return };
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let holds = offer.holds();
        leg.voice.heard = Some(offer);
        self.holds(id, holds);
    }

    /// A phone holds the other side, or takes it back.
    fn holds(&mut self, id: DialogId, holds: bool) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if std::mem::replace(&mut leg.holds, holds) == holds || !leg.talking || leg.holds_by_order {
            return;
        }
        let Some(call) = leg.call.clone() else { return };
        let Some(leg) = self.part_in(id, &call) else { return };
        self.tell(if holds { Event::Held { call, leg } } else { Event::Retrieved { call, leg } });
    }

    /// Answers their offer by us: nothing changed, our own media, or nobody there.
    fn answer_offer(&mut self, id: DialogId, passing: Passing, offer: Option<Description>, unchanged: bool) {
        let Some(leg) = self.legs.get(&id) else { return };
        let port = match leg.peer {
            Peer::Port(port) => Some(port),
            Peer::Unset | Peer::Silence | Peer::Leg(_) => None,
        };
        let local = leg.dialog.flow().local;
        let said = match (&offer, port) {
            (_, None) if unchanged => leg.voice.told.clone(),
            (Some(offer), Some(port)) => self.our_answer(port, offer),
            (None, Some(port)) => self.our_voice(port),
            (Some(offer), None) => Some(discard(offer, local)),
            (None, None) => leg.voice.told.clone(),
        };
        let Some(said) = said else { return self.refuse_offer(passing.server, &passing.request, 488) };
        if offer.is_some() {
            self.hear_offer(id, &passing.request);
        }
        let late = offer.is_none().then_some(id);
        self.accept_offer(id, &passing, said, late);
        if let Some(port) = port {
            self.port_agreed(port, id);
        }
    }

    /// Sends the 2xx to their re-INVITE or UPDATE. With `answer_for` it carries an offer, whose answer comes with the
    /// ACK and goes to that leg.
    fn accept_offer(
        &mut self,
        id: DialogId,
        passing: &Passing,
        said: Description,
        answer_for: Option<DialogId>,
    ) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let body = leg.voice.tell(said);
        let mut answer = passing.request.reply(200, "").with_body("application/sdp", body);
        answer.headers.push(Name::Contact, leg.dialog.contact());
        answer.headers.push(Name::Allow, ALLOW);
        answer.headers.push(Name::Supported, SUPPORTED);
        leg.session.answer(&passing.request.headers, &mut answer.headers);
        self.refreshed(id);
        if passing.request.method == Method::Invite {
            self.await_ack(id, passing.server, answer.clone(), answer_for);
        }
        self.layer.respond(self.now, passing.server, answer);
    }

    /// Our 2xx is sent again until its ACK comes (RFC 3261 section 13.3.1.4).
    pub(super) fn await_ack(
        &mut self,
        id: DialogId,
        server: ServerId,
        response: Response,
        answer_for: Option<DialogId>,
    ) {
        let wait = self.settings.transactions.t1;
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.unacknowledged = Some(Unacknowledged { server, response, wait, since: self.now, answer_for });
        }
        self.timers.set(Timer::Ack(id), self.now + wait);
    }
}

impl Leg {
    /// What it was told last is what it is to be told.
    fn in_tune(&self, wanted: &Description) -> bool {
        let Some(told) = &self.voice.told else { return false };
        // Who holds by the own phone was told what fits that.
        let with_direction = !self.holds;
        match self.peer {
            // An answer of ours names one codec, an offer all: both are right, where they name the port.
            Peer::Port(_) => {
                told.target() == wanted.target()
                    && (!with_direction || told.direction() == wanted.direction())
            }
            Peer::Unset | Peer::Silence | Peer::Leg(_) => agrees(told, wanted, with_direction),
        }
    }

    fn take_passing(&mut self) -> Option<Passing> {
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Theirs(passing) => Some(passing),
            open @ (Open::Nothing | Open::Ours | Open::Waits(_)) => {
                self.open = open;
                None
            }
        }
    }
}
