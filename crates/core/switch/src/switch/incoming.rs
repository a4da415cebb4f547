//! Requests outside a dialog: who may ask, and where a call goes.

use hookswitch_media::sdp::Description;
use hookswitch_sip::{
    Flow, ServerId,
    message::{Method, Name, Request, Response},
};

use super::{
    Switch,
    attempt::{Fork, Plan},
};
use crate::{
    Began, CallId, Caller, Event, Line,
    dialog::{ALLOW, Dialog, SUPPORTED},
    event::{Direction, End},
    id::{DialogId, LegId},
    identity,
    session::Session,
    state::{Asked, Call, Leg, Open, Peer, Phase, Reason},
    voice::Voice,
};

/// Extensions a caller may insist on.
const KNOWN: [&str; 4] = ["timer", "replaces", "100rel", "norefersub"];

/// Who sends a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    /// A user, by digest.
    User(std::sync::Arc<str>),
    /// A trunk, by its address.
    Trunk(std::sync::Arc<str>),
}

/// Where a number leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// To somebody here.
    Lines(Vec<Line>),
    /// Outside, in E.164.
    Outside(String),
    /// Outside, and not allowed.
    Forbidden,
    /// Nobody here knows: the waiting room asks.
    House,
}

impl Switch {
    /// A request came.
    pub(super) fn requested(&mut self, id: ServerId, request: Request, flow: &Flow) {
        if request.headers.to_tag().is_some() {
            return self.requested_inside(id, request, flow);
        }
        match request.method {
            Method::Invite => self.invited(id, request, flow),
            Method::Register => self.register(id, &request, flow),
            Method::Options => self.asked_for_options(id, &request, flow),
            Method::Bye | Method::Prack | Method::Update | Method::Info | Method::Notify | Method::Refer => {
                self.dismiss(id, &request, 481);
            }
            Method::Subscribe | Method::Publish => self.dismiss(id, &request, 489),
            Method::Message => self.dismiss(id, &request, 405),
            // CANCEL and ACK are answered below.
            Method::Ack | Method::Cancel => self.layer.drop_request(id),
            Method::Other(_) => self.dismiss(id, &request, 501),
        }
    }

    /// Answers once, and keeps nothing.
    pub(super) fn dismiss(&mut self, id: ServerId, request: &Request, status: u16) {
        self.counters.stray += 1;
        let answer = self.stateless(request, status);
        self.layer.dismiss(id, &answer);
    }

    fn stateless(&self, request: &Request, status: u16) -> Response {
        let tag = request.tag_without_state();
        let answer = request.reply(status, "").with_to_tag(&tag);
        if status == 405 { answer.with(Name::Allow, ALLOW) } else { answer }
    }

    /// Who asks; a stranger is answered here, always the same.
    fn who(&mut self, id: ServerId, request: &Request, flow: &Flow) -> Option<Who> {
        if let Some(trunk) = self.settings.trunk_of(flow.remote.ip()) {
            return Some(Who::Trunk(trunk.name.clone()));
        }
        match self.verify(request, flow) {
            Ok(name) => Some(Who::User(name)),
            Err(answer) => {
                self.counters.strangers += 1;
                self.layer.dismiss(id, &answer);
                None
            }
        }
    }

    fn asked_for_options(&mut self, id: ServerId, request: &Request, flow: &Flow) {
        if self.who(id, request, flow).is_none() {
            return;
        }
        let answer = self
            .stateless(request, 200)
            .with(Name::Allow, ALLOW)
            .with(Name::Accept, "application/sdp")
            .with(Name::Supported, SUPPORTED);
        self.layer.dismiss(id, &answer);
    }

    /// Somebody calls.
    fn invited(&mut self, id: ServerId, request: Request, flow: &Flow) {
        let Some(who) = self.who(id, &request, flow) else { return };
        if let Err(answer) = self.acceptable(&request, &who) {
            self.layer.respond(self.now, id, answer);
            return;
        }
        let line = match &who {
            Who::User(name) => Line::User(name.clone()),
            Who::Trunk(name) => Line::Trunk(name.clone()),
        };
        let dialog_id = self.new_dialog();
        let tag = format!("{:016x}", dialog_id.0);
        let pinned = matches!(who, Who::User(_));
        let Some(dialog) = Dialog::incoming(&request, flow, &tag, pinned) else {
            return self.refuse(id, &request, 400);
        };
        let Ok(session) = Session::asked(&request.headers, &self.settings.session) else {
            return self.refuse(id, &request, 422);
        };
        let offer =
            if request.body.is_empty() { Ok(None) } else { Description::parse(&request.body).map(Some) };
        let Ok(offer) = offer else { return self.refuse(id, &request, 488) };
        let mut voice = Voice::new(self.random.next(), self.own_address());
        let late = offer.is_none();
        voice.heard = offer;
        let asked = Asked {
            server: id,
            reliably: request.headers.require().any(|option| option.eq_ignore_ascii_case("100rel")),
            invite: Box::new(bones(&request)),
            late,
            told: 0,
            unheard: None,
            rseq: 0,
        };
        let leg = Leg {
            line: line.clone(),
            call: None,
            part: 0,
            parts: 0,
            about: None,
            dialog,
            phase: Phase::Asked(asked),
            voice,
            peer: Peer::Unset,
            watches: false,
            talking: false,
            holds: false,
            holds_by_order: false,
            open: Open::Nothing,
            rounds: 0,
            session,
            updates: request.headers.allow().any(|method| method.eq_ignore_ascii_case("UPDATE")),
            unacknowledged: None,
            relayed: Vec::new(),
            owed_ack: None,
            acked: None,
        };
        self.legs.insert(dialog_id, leg);
        self.servers.insert(id, dialog_id);
        let trying = request.reply(100, "");
        self.layer.respond(self.now, id, trying);
        if request.headers.has(&Name::Replaces) {
            return self.replaces(dialog_id, &request);
        }
        self.begin(dialog_id, &who, line, &request);
    }

    fn refuse(&mut self, id: ServerId, request: &Request, status: u16) {
        let mut answer = self.stateless(request, status);
        if status == 422 {
            let least = crate::session::seconds(self.settings.session.min);
            answer.headers.push(Name::MinSe, least.to_string());
        }
        self.layer.respond(self.now, id, answer);
    }

    /// What of an INVITE is refused whoever sends it (RFC 3261 sections 8.2.2 and 8.2.3), and when there is no room.
    fn acceptable(&mut self, request: &Request, who: &Who) -> Result<(), Response> {
        let headers = &request.headers;
        let known = |option: &&str| !KNOWN.iter().any(|known| known.eq_ignore_ascii_case(option));
        let unknown: Vec<&str> = headers.require().filter(known).collect();
        if !unknown.is_empty() {
            return Err(self.stateless(request, 420).with(Name::Unsupported, unknown.join(", ")));
        }
        if headers.max_forwards() == Some(0) {
            return Err(self.stateless(request, 483));
        }
        if !request.uri.is_sip() && request.uri.scheme != hookswitch_sip::Scheme::Tel {
            return Err(self.stateless(request, 416));
        }
        let sdp = headers.content_type().is_none_or(|kind| kind == "application/sdp");
        if !request.body.is_empty() && !sdp {
            return Err(self.stateless(request, 415).with(Name::Accept, "application/sdp"));
        }
        if request.body.len() > self.settings.limits.sdp_bytes {
            return Err(self.stateless(request, 513));
        }
        let full = self.calls.len() >= self.settings.limits.calls;
        let trunk_full = match who {
            Who::Trunk(name) => !self.has_room(name),
            Who::User(_) => false,
        };
        if full || trunk_full {
            self.counters.full += 1;
            return Err(self.stateless(request, 503).with(Name::RetryAfter, "10"));
        }
        Ok(())
    }

    /// A call begins.
    fn begin(&mut self, id: DialogId, who: &Who, line: Line, request: &Request) {
        let dialled = identity::dialled(request);
        let (caller, way) = match who {
            Who::User(name) => {
                let user = self.settings.users.get(name);
                let caller = user.map_or_else(Caller::default, |user| identity::of_user(name, user));
                let hides =
                    ["id", "user", "header"].into_iter().any(|kind| request.headers.wants_privacy(kind));
                (Caller { withheld: hides, ..caller }, self.way(&dialled, false))
            }
            Who::Trunk(name) => {
                let trusted = self.settings.trunk(name).is_some_and(|trunk| trunk.trusted);
                (identity::of_trunk(request, trusted), Way::House)
            }
        };
        let direction = match (who, &way) {
            (Who::Trunk(_), _) => Direction::Inbound,
            (Who::User(_), Way::Outside(_) | Way::Forbidden) => Direction::Outbound,
            (Who::User(_), Way::Lines(_) | Way::House) => Direction::Internal,
        };
        let data = identity::data(request, &self.settings.limits);
        let call = CallId::from(LegId::first(id));
        let began = Began {
            call: call.clone(),
            leg: LegId::first(id),
            line,
            direction,
            caller: caller.clone(),
            dialled: dialled.clone(),
            via: identity::diverted(request),
            data: data.clone(),
        };
        self.open_call(&call, id, dialled, caller.clone(), data);
        self.occupy(id);
        self.tell(Event::Began(Box::new(began)));
        self.send_on(&call, id, way, caller);
    }

    /// A call of this party.
    pub(super) fn open_call(
        &mut self,
        call: &CallId,
        customer: DialogId,
        dialled: String,
        caller: Caller,
        data: std::collections::BTreeMap<String, String>,
    ) {
        let age = self.count();
        if let Some(leg) = self.legs.get_mut(&customer) {
            leg.call = Some(call.clone());
        }
        let known = Call {
            parties: vec![customer],
            customer,
            attempt: None,
            waits: false,
            last_ring: None,
            queue: None,
            dialled,
            caller,
            data,
            supervisors: Vec::new(),
            age,
            room: None,
            speech: None,
        };
        self.calls.insert(call.clone(), known);
    }

    fn send_on(&mut self, call: &CallId, id: DialogId, way: Way, caller: Caller) {
        let forks = match &way {
            Way::Lines(lines) => lines.iter().flat_map(|line| self.forks(line)).collect(),
            Way::Outside(number) => self.outside_forks(number),
            Way::House => return self.wait(call),
            Way::Forbidden => {
                let cause = Some(crate::cause::bare(21));
                let close = super::leave::Close::Status(403, "Forbidden");
                return self.finish(call, Some((id, End::Released, close)), cause);
            }
        };
        let (reason, timeout) = (Reason::Dialled, self.settings.ring);
        let plan = Plan { call: call.clone(), reason, heir: Some(id), forks, timeout, caller };
        if !self.ring(plan) {
            let cause = match way {
                Way::Outside(_) => crate::cause::bare(38),
                Way::Lines(_) | Way::House | Way::Forbidden => crate::cause::bare(crate::cause::ABSENT),
            };
            self.release(call, Some(cause));
        }
    }

    /// Where a number leads. What is ordered was allowed by who orders.
    pub(super) fn way(&self, number: &str, ordered: bool) -> Way {
        if let Some(lines) = self.settings.extensions.get(number) {
            return Way::Lines(lines.clone());
        }
        let named = |(name, user): &(&std::sync::Arc<str>, &crate::settings::User)| {
            ***name == *number || user.number.as_deref() == Some(number)
        };
        if let Some((name, _)) = self.settings.users.iter().find(named) {
            return Way::Lines(vec![Line::User(name.clone())]);
        }
        let outside = &self.settings.outside;
        match (outside.read)(number) {
            Some(e164) if ordered || outside.allow.iter().any(|prefix| e164.starts_with(prefix.as_str())) => {
                Way::Outside(e164)
            }
            Some(_) => Way::Forbidden,
            None => Way::House,
        }
    }

    /// The ways to a number outside: one leg, tried over one trunk after the other.
    pub(super) fn outside_forks(&self, number: &str) -> Vec<Fork> {
        let trunks = self.settings.trunks.iter().filter(|trunk| trunk.outside && self.has_room(&trunk.name));
        let ways: Fork = trunks
            .flat_map(|trunk| {
                let line = Line::Trunk(trunk.name.clone());
                self.ways(&trunk.name, number, &line, Some(number))
            })
            .collect();
        if ways.is_empty() { Vec::new() } else { vec![ways] }
    }

    /// A caller takes the INVITE back before it was answered.
    pub(super) fn cancelled(&mut self, id: ServerId) {
        let Some(leg) = self.servers.get(&id).copied() else { return };
        self.depart(
            leg,
            End::HungUp,
            Some(crate::cause::bare(crate::cause::NORMAL)),
            super::leave::Close::Normal,
        );
    }
}

/// An INVITE without what was read of it and is not needed for its answers.
fn bones(request: &Request) -> Request {
    let needed = [
        Name::Via,
        Name::From,
        Name::To,
        Name::CallId,
        Name::CSeq,
        Name::RecordRoute,
        Name::Supported,
        Name::Require,
        Name::SessionExpires,
    ];
    let mut bones = Request::new(Method::Invite, request.uri.clone());
    for name in needed {
        bones.headers.copy(&request.headers, &name);
    }
    bones
}
