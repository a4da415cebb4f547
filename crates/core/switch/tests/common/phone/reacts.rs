//! What a phone makes of what comes in.

use std::time::Duration;

use bytes::Bytes;
use hookswitch_sip::{
    ClientId, Request, Response, ServerId,
    message::{CSeq, Headers, Method, Name},
};

use super::{Do, Manners, Phone, State, Talk};

impl Phone {
    pub(super) fn run(&mut self) {
        use hookswitch_sip::Event;
        while let Some(event) = self.layer.poll_event() {
            match event {
                Event::Request { id, request, .. } => self.requested(id, request),
                Event::Ack { request, .. } => self.acknowledged(&request),
                Event::Cancelled { id, .. } => self.cancelled(id),
                Event::Response { id, response, repeated, .. } => self.answered(id, response, repeated),
                Event::TimedOut { id } | Event::Unreachable { id } => self.failed(id),
            }
        }
    }

    pub(super) fn by_call(&self, headers: &Headers) -> Option<usize> {
        let call_id = headers.call_id()?;
        self.talks.iter().rposition(|talk| talk.call_id == call_id && talk.state != State::Over)
    }

    pub(super) fn requested(&mut self, id: ServerId, request: Request) {
        self.requests.push(request.clone());
        let inside = request.headers.to().is_some_and(|to| to.tag().is_some());
        let at = self.by_call(&request.headers);
        let answer = match (&request.method, inside, at) {
            (Method::Invite, false, None) => return self.called(id, request),
            (Method::Invite, true, Some(at)) => return self.offered(id, at, request),
            (Method::Bye, true, Some(at)) => {
                self.talks[at].state = State::Over;
                self.talks[at].unacknowledged = None;
                200
            }
            (Method::Update | Method::Info | Method::Notify | Method::Options, true, Some(_)) => 200,
            (Method::Options, false, _) => 200,
            _ => 481,
        };
        self.layer.respond(self.now, id, request.reply(answer, ""));
    }

    pub(super) fn called(&mut self, id: ServerId, request: Request) {
        let tag = self.random.token();
        let headers = &request.headers;
        let talk = Talk {
            call_id: headers.call_id().unwrap().to_owned(),
            local: headers.to().unwrap().with_tag(&tag),
            remote: headers.from().unwrap(),
            target: headers.contacts().remove(0).uri,
            seq: 0,
            state: State::Called,
            heard: String::from_utf8_lossy(&request.body).into_owned(),
            holds: false,
            offer_late: request.body.is_empty(),
            invite: Some((id, Box::new(request.clone()))),
            client: None,
            unacknowledged: None,
            acked: None,
        };
        let call_id = talk.call_id.clone();
        self.talks.push(talk);
        let ringing = request.reply(180, "").with_to_tag(&tag);
        let ringing = ringing.with(Name::Contact, format!("<sip:{}@{}>", self.user, self.at));
        let at = |ms: u64| self.now + Duration::from_millis(ms);
        match self.manners {
            Manners::Answers(ms) => self.todo.push((at(ms), Do::Answer(call_id))),
            Manners::Rings => {}
            Manners::Refuses(status) => return self.refuse(&call_id, status),
            Manners::RefusesAfter(ms, status) => self.todo.push((at(ms), Do::Refuse(call_id, status))),
            Manners::Dead => {
                self.talks.pop();
                self.layer.drop_request(id);
                return;
            }
        }
        self.layer.respond(self.now, id, ringing);
    }

    pub(super) fn answer(&mut self, call_id: &str) {
        let Some(at) =
            self.talks.iter().rposition(|talk| talk.call_id == call_id && talk.state == State::Called)
        else {
            return;
        };
        self.port += 2;
        let body = if self.mute { Bytes::new() } else { self.sdp("sendrecv") };
        let Some((server, invite)) = self.talks[at].invite.take() else { return };
        let tag = self.talks[at].local.tag().unwrap().to_owned();
        let answer = self.ok(&invite, &tag, body);
        self.talks[at].state = State::Up;
        self.respond(at, server, answer);
    }

    pub(super) fn ok(&self, request: &Request, tag: &str, body: Bytes) -> Response {
        request
            .reply(200, "")
            .with_to_tag(tag)
            .with(Name::Contact, format!("<sip:{}@{}>", self.user, self.at))
            .with_body("application/sdp", body)
    }

    pub(super) fn respond(&mut self, at: usize, server: ServerId, answer: Response) {
        let wait = Duration::from_millis(500);
        self.talks[at].unacknowledged = Some((server, answer.clone(), wait, self.now, self.now + wait));
        self.layer.respond(self.now, server, answer);
    }

    pub(super) fn refuse(&mut self, call_id: &str, status: u16) {
        let Some(at) =
            self.talks.iter().rposition(|talk| talk.call_id == call_id && talk.state == State::Called)
        else {
            return;
        };
        let Some((server, invite)) = self.talks[at].invite.take() else { return };
        let mut answer = invite.reply(status, "").with_to_tag(self.talks[at].local.tag().unwrap());
        if (300..400).contains(&status) {
            answer.headers.push(Name::Contact, "<sip:elsewhere@10.3.0.1>");
        }
        self.talks[at].state = State::Over;
        self.layer.respond(self.now, server, answer);
    }

    pub(super) fn offered(&mut self, id: ServerId, at: usize, request: Request) {
        if self.talks[at].state == State::Leaving {
            return {
                self.layer.respond(self.now, id, request.reply(481, ""));
            };
        }
        if self.talks[at].client.is_some() || self.talks[at].unacknowledged.is_some() {
            return {
                self.layer.respond(self.now, id, request.reply(491, ""));
            };
        }
        if let Some(status) = self.refuses_offers {
            return {
                self.layer.respond(self.now, id, request.reply(status, ""));
            };
        }
        let text = String::from_utf8_lossy(&request.body).into_owned();
        let direction = match () {
            () if text.contains("a=inactive") => "inactive",
            () if text.contains("a=sendonly") => "recvonly",
            () if text.contains("a=recvonly") || self.talks[at].holds => "sendonly",
            () => "sendrecv",
        };
        self.talks[at].heard = text;
        let body = self.sdp(direction);
        let answer = self.ok(&request, "", body);
        self.respond(at, id, answer);
    }

    pub(super) fn acknowledged(&mut self, ack: &Request) {
        let Some(at) = self.by_call(&ack.headers) else { return };
        let talk = &mut self.talks[at];
        let number = |headers: &Headers| headers.cseq().map(|cseq| cseq.number);
        let awaited = talk.unacknowledged.as_ref().and_then(|sent| number(&sent.1.headers));
        if awaited.is_some() && awaited == number(&ack.headers) {
            talk.unacknowledged = None;
            if !ack.body.is_empty() {
                talk.heard = String::from_utf8_lossy(&ack.body).into_owned();
            }
        }
    }

    pub(super) fn cancelled(&mut self, id: ServerId) {
        let rings = |talk: &Talk| talk.invite.as_ref().is_some_and(|(server, _)| *server == id);
        let Some(at) = self.talks.iter().position(rings) else { return };
        let Some((server, invite)) = self.talks[at].invite.take() else { return };
        let answer = invite.reply(487, "").with_to_tag(self.talks[at].local.tag().unwrap());
        self.talks[at].state = State::Over;
        self.layer.respond(self.now, server, answer);
    }

    pub(super) fn answered(&mut self, id: ClientId, response: Response, repeated: bool) {
        let cseq = response.headers.cseq().unwrap();
        self.answers.push(format!("{} {}", cseq.method, response.status));
        self.responses.push(response.clone());
        if cseq.method == Method::Invite {
            return self.invite_answered(id, &response, repeated);
        }
        if !response.is_final() {
            return;
        }
        let Some(place) = self.plain.iter().position(|(client, _)| *client == id) else { return };
        let (_, mut request) = self.plain.swap_remove(place);
        if response.status == 401 {
            request
                .headers
                .set(Name::CSeq, CSeq { number: cseq.number + 1, method: cseq.method }.to_string());
            if self.account.answer(&mut request, &response).is_ok() {
                self.send_plain(*request);
            }
        } else if request.method == Method::Bye
            && let Some(at) = self.by_call(&request.headers)
        {
            self.talks[at].state = State::Over;
        }
    }

    pub(super) fn failed(&mut self, id: ClientId) {
        if let Some(place) = self.plain.iter().position(|(client, _)| *client == id) {
            let (_, request) = self.plain.swap_remove(place);
            if let Some(at) = self.by_call(&request.headers).filter(|_| request.method == Method::Bye) {
                self.talks[at].state = State::Over;
            }
        }
        let asked = |talk: &Talk| talk.client.as_ref().is_some_and(|(client, _)| *client == id);
        if let Some(at) = self.talks.iter().position(asked) {
            self.talks[at].client = None;
            if self.talks[at].state == State::Up {
                self.hang_up(at);
            } else {
                self.talks[at].state = State::Over;
            }
        }
    }

    pub(super) fn invite_answered(&mut self, id: ClientId, response: &Response, repeated: bool) {
        let Some(at) = self.talks.iter().rposition(|talk| Some(&*talk.call_id) == response.headers.call_id())
        else {
            return;
        };
        if repeated {
            let again = self.talks[at].acked.clone();
            let flow = self.flow();
            if let Some((_, ack)) =
                again.filter(|(number, _)| Some(*number) == response.headers.cseq().map(|c| c.number))
            {
                self.layer.transmit(flow, ack);
            }
            return;
        }
        let current = self.talks[at].client.as_ref().is_some_and(|(client, _)| *client == id);
        match response.status {
            ..200 => {
                if let Some(to) = response.headers.to().filter(|to| to.tag().is_some()) {
                    self.talks[at].remote = to;
                }
                self.pracks(at, response);
            }
            200..=299 => self.accepted(at, response),
            401 if current => self.calls_again(at, response),
            _ if current => {
                self.talks[at].client = None;
                if self.talks[at].state != State::Up {
                    self.talks[at].state = State::Over;
                }
            }
            _ => {}
        }
    }

    /// A reliable provisional answer is acknowledged.
    pub(super) fn pracks(&mut self, at: usize, response: &Response) {
        let Some(rseq) = response.headers.rseq() else { return };
        if let Some(to) = response.headers.to() {
            self.talks[at].remote = to;
        }
        if let Some(contact) = response.headers.contacts().into_iter().next() {
            self.talks[at].target = contact.uri;
        }
        let cseq = response.headers.cseq().unwrap();
        let mut prack = self.inside(at, Method::Prack);
        prack.headers.push(Name::RAck, format!("{rseq} {cseq}"));
        self.send_plain(prack);
    }

    pub(super) fn calls_again(&mut self, at: usize, response: &Response) {
        let Some((_, mut invite)) = self.talks[at].client.take() else { return };
        self.talks[at].seq += 1;
        let cseq = CSeq { number: self.talks[at].seq, method: Method::Invite };
        invite.headers.set(Name::CSeq, cseq.to_string());
        if self.talks[at].state == State::Leaving || self.account.answer(&mut invite, response).is_err() {
            self.talks[at].state = State::Over;
            return;
        }
        let client = self.layer.request(self.now, (*invite).clone(), self.flow());
        self.talks[at].client = Some((client, invite));
    }

    pub(super) fn accepted(&mut self, at: usize, response: &Response) {
        let number = response.headers.cseq().unwrap().number;
        let late = self.talks[at].offer_late && self.talks[at].state == State::Calling;
        if let Some(to) = response.headers.to() {
            self.talks[at].remote = to;
        }
        self.talks[at].target = response.headers.contacts().remove(0).uri;
        self.talks[at].heard = String::from_utf8_lossy(&response.body).into_owned();
        self.talks[at].client = None;
        let body = late.then(|| self.sdp("sendrecv"));
        let talk = &self.talks[at];
        let mut ack =
            self.base(Method::Ack, talk.target.clone(), &talk.local, &talk.remote, &talk.call_id, number);
        if let Some(body) = body {
            ack.headers.push(Name::ContentType, "application/sdp");
            ack.body = body;
        }
        self.talks[at].acked = Some((number, ack.clone()));
        let flow = self.flow();
        self.layer.transmit(flow, ack);
        match self.talks[at].state {
            State::Calling => self.talks[at].state = State::Up,
            // It was taken back, and answered all the same.
            State::Leaving | State::Over if number <= 2 => self.hang_up(at),
            State::Leaving | State::Over | State::Up | State::Called => {}
        }
    }
}
