//! A phone made of the message layer: it does what it is told and what its manners say, and believes what it is told.

mod reacts;

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use bytes::Bytes;
use hookswitch_sip::{
    ClientId, Flow, Instant, Layer, Message, NameAddr, Random, Request, Response, ServerId, Transmit, Uri,
    auth::Client,
    message::{CSeq, Method, Name},
    transaction,
};

use super::switch_address;

/// What a phone does when it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manners {
    /// Rings, and answers after so many milliseconds.
    Answers(u64),
    /// Rings for ever.
    Rings,
    /// Refuses at once with this status.
    Refuses(u16),
    /// Rings, then refuses.
    RefusesAfter(u64, u16),
    /// Gives no sign at all.
    Dead,
}

/// One dialog, from the phone's side.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) call_id: String,
    local: NameAddr,
    remote: NameAddr,
    target: Uri,
    seq: u32,
    pub(crate) state: State,
    /// What the other side said last.
    pub(crate) heard: String,
    pub(crate) holds: bool,
    offer_late: bool,
    invite: Option<(ServerId, Box<Request>)>,
    client: Option<(ClientId, Box<Request>)>,
    unacknowledged: Option<(ServerId, Response, Duration, Instant, Instant)>,
    acked: Option<(u32, Request)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// We call.
    Calling,
    /// We are called.
    Called,
    Up,
    /// We hung up or cancelled, and wait for the answer.
    Leaving,
    Over,
}

#[derive(Debug)]
pub(crate) struct Phone {
    pub(crate) user: String,
    at: SocketAddr,
    layer: Layer,
    account: Client,
    pub(crate) now: Instant,
    random: Random,
    pub(crate) manners: Manners,
    pub(crate) talks: Vec<Talk>,
    todo: Vec<(Instant, Do)>,
    /// What came back for our requests: `INVITE 182`.
    pub(crate) answers: Vec<String>,
    /// Requests that came: whole.
    pub(crate) requests: Vec<Request>,
    /// Every response, whole.
    pub(crate) responses: Vec<Response>,
    /// Answers a re-INVITE with this.
    pub(crate) refuses_offers: Option<u16>,
    /// Answers without saying where its voice is.
    pub(crate) mute: bool,
    /// Forgets every dialog without a word: a phone that was unplugged.
    pub(crate) deaf: bool,
    plain: Vec<(ClientId, Box<Request>)>,
    out: VecDeque<Transmit>,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Do {
    Answer(String),
    Refuse(String, u16),
}

impl Talk {
    /// Our tag in it.
    pub(crate) fn tag(&self) -> String {
        self.local.tag().unwrap_or_default().to_owned()
    }
}

impl Phone {
    pub(crate) fn new(user: &str, at: SocketAddr, seed: u64) -> Self {
        let seed = seed ^ u64::from(at.port()) ^ (user.len() as u64) << 32 ^ hash(&at.to_string());
        Self {
            user: user.to_owned(),
            at,
            layer: Layer::new(transaction::Settings::default(), seed),
            account: Client::new(user, &format!("{user}-secret"), seed),
            now: Instant::EPOCH,
            random: Random::new(seed),
            manners: Manners::Answers(2_000),
            talks: Vec::new(),
            todo: Vec::new(),
            answers: Vec::new(),
            requests: Vec::new(),
            responses: Vec::new(),
            refuses_offers: None,
            mute: false,
            deaf: false,
            plain: Vec::new(),
            out: VecDeque::new(),
            port: 4_000,
        }
    }

    fn flow(&self) -> Flow {
        Flow::udp(self.at, switch_address())
    }

    pub(crate) fn live(&self) -> usize {
        self.talks.iter().filter(|talk| talk.state != State::Over).count()
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.pop_front().or_else(|| self.layer.poll_transmit())
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let todo = self.todo.iter().map(|(at, _)| *at).min();
        let acks = self.talks.iter().filter_map(|talk| Some(talk.unacknowledged.as_ref()?.4)).min();
        [self.layer.next_deadline(), todo, acks].into_iter().flatten().min()
    }

    pub(crate) fn sdp(&mut self, direction: &str) -> Bytes {
        let port = self.port;
        let ip = self.at.ip();
        format!(
            "v=0\r\no=- {port} {} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n",
            self.random.next() >> 40
        )
        .into()
    }

    fn base(
        &self,
        method: Method,
        uri: Uri,
        from: &NameAddr,
        to: &NameAddr,
        call_id: &str,
        seq: u32,
    ) -> Request {
        let mut request = Request::new(method.clone(), uri);
        let headers = &mut request.headers;
        headers.push(Name::MaxForwards, "70");
        headers.push(Name::From, from.to_string());
        headers.push(Name::To, to.to_string());
        headers.push(Name::CallId, call_id);
        headers.push(Name::CSeq, CSeq { number: seq, method }.to_string());
        headers.push(Name::Contact, format!("<sip:{}@{}>", self.user, self.at));
        request
    }

    fn own(&self) -> NameAddr {
        format!("<sip:{}@10.9.9.9>", self.user).parse().unwrap()
    }

    pub(crate) fn register(&mut self, expires: u32) {
        let own = self.own();
        let tag = self.random.token();
        let call_id = self.random.token();
        let mut request = self.base(
            Method::Register,
            "sip:10.9.9.9".parse().unwrap(),
            &own.clone().with_tag(&tag),
            &own,
            &call_id,
            1,
        );
        request.headers.push(Name::Expires, expires.to_string());
        self.send_plain(request);
    }

    pub(crate) fn send_plain(&mut self, request: Request) {
        let client = self.layer.request(self.now, request.clone(), self.flow());
        self.plain.push((client, Box::new(request)));
    }

    /// Calls a number. Headers may be changed before it goes out.
    pub(crate) fn calls(&mut self, number: &str) -> usize {
        self.calls_with(number, |_| {})
    }

    pub(crate) fn calls_with(&mut self, number: &str, change: impl FnOnce(&mut Request)) -> usize {
        let uri: Uri = format!("sip:{number}@10.9.9.9").parse().unwrap();
        let local = self.own().with_tag(&self.random.token());
        let remote = NameAddr::new(uri.clone());
        let call_id = self.random.token();
        let mut invite = self.base(Method::Invite, uri.clone(), &local, &remote, &call_id, 1);
        invite.headers.push(Name::ContentType, "application/sdp");
        self.port += 2;
        invite.body = self.sdp("sendrecv");
        change(&mut invite);
        let client = self.layer.request(self.now, invite.clone(), self.flow());
        self.talks.push(Talk {
            call_id,
            local,
            remote,
            target: uri,
            seq: 1,
            state: State::Calling,
            heard: String::new(),
            holds: false,
            offer_late: invite.body.is_empty(),
            invite: None,
            client: Some((client, Box::new(invite))),
            unacknowledged: None,
            acked: None,
        });
        self.talks.len() - 1
    }

    fn place(&self, state: State) -> usize {
        self.talks
            .iter()
            .rposition(|talk| talk.state == state)
            .unwrap_or_else(|| panic!("{} is not {state:?}", self.user))
    }

    pub(crate) fn is(&self, state: State) -> bool {
        self.talks.iter().any(|talk| talk.state == state)
    }

    /// The talk that is up.
    pub(crate) fn talk(&self) -> &Talk {
        &self.talks[self.place(State::Up)]
    }

    /// Takes the last call back before it is answered.
    pub(crate) fn cancels(&mut self) {
        let at = self.place(State::Calling);
        self.cancel(at);
    }

    fn cancel(&mut self, at: usize) {
        if let Some((client, _)) = &self.talks[at].client {
            self.layer.cancel(self.now, *client);
            self.talks[at].state = State::Leaving;
        }
    }

    /// Answers what rings.
    pub(crate) fn answers_now(&mut self) {
        let call_id = self.talks[self.place(State::Called)].call_id.clone();
        self.answer(&call_id);
    }

    /// Ends the last talk that is up.
    pub(crate) fn hangs_up(&mut self) {
        let at = self.place(State::Up);
        self.hang_up(at);
    }

    pub(crate) fn hang_up(&mut self, at: usize) {
        let bye = self.inside(at, Method::Bye);
        self.talks[at].state = State::Leaving;
        self.talks[at].unacknowledged = None;
        self.send_plain(bye);
    }

    /// Ends whatever goes on, as far as a phone can.
    pub(crate) fn drop_all(&mut self) {
        for at in 0..self.talks.len() {
            match self.talks[at].state {
                State::Calling => self.cancel(at),
                State::Called => {
                    let call_id = self.talks[at].call_id.clone();
                    self.refuse(&call_id, 480);
                }
                State::Up => self.hang_up(at),
                State::Leaving | State::Over => {}
            }
        }
    }

    /// A request inside the talk at this place.
    pub(crate) fn inside(&mut self, at: usize, method: Method) -> Request {
        self.talks[at].seq += 1;
        let talk = &self.talks[at];
        self.base(method, talk.target.clone(), &talk.local, &talk.remote, &talk.call_id, talk.seq)
    }

    /// Offers anew in this direction.
    pub(crate) fn offers(&mut self, direction: &str) {
        let at = self.place(State::Up);
        self.offers_in(at, direction);
    }

    pub(crate) fn offers_in(&mut self, at: usize, direction: &str) {
        let mut invite = self.inside(at, Method::Invite);
        invite.headers.push(Name::ContentType, "application/sdp");
        invite.body = self.sdp(direction);
        self.talks[at].holds = direction != "sendrecv";
        let client = self.layer.request(self.now, invite.clone(), self.flow());
        self.talks[at].client = Some((client, Box::new(invite)));
    }

    /// Presses a key, by INFO.
    pub(crate) fn presses(&mut self, key: char) {
        self.presses_in(self.place(State::Up), key);
    }

    pub(crate) fn presses_in(&mut self, at: usize, key: char) {
        let mut info = self.inside(at, Method::Info);
        info.headers.push(Name::ContentType, "application/dtmf-relay");
        info.body = format!("Signal={key}\r\nDuration=160\r\n").into();
        self.send_plain(info);
    }

    /// Gives the other side to a number.
    pub(crate) fn refers(&mut self, to: &str) {
        let at = self.place(State::Up);
        let mut refer = self.inside(at, Method::Refer);
        refer.headers.push(Name::ReferTo, format!("<sip:{to}@10.9.9.9>"));
        self.send_plain(refer);
    }

    /// Makes one call of two: gives the other side of `at` to that of `with`.
    pub(crate) fn refers_with(&mut self, at: usize, with: usize) {
        let replaces = format!(
            "{}%3Bto-tag%3D{}%3Bfrom-tag%3D{}",
            self.talks[with].call_id,
            self.talks[with].remote.tag().unwrap_or_default(),
            self.talks[with].local.tag().unwrap_or_default()
        );
        let mut refer = self.inside(at, Method::Refer);
        refer.headers.push(Name::ReferTo, format!("<sip:x@10.9.9.9?Replaces={replaces}>"));
        self.send_plain(refer);
    }

    pub(crate) fn receive(&mut self, flow: Flow, message: Message) {
        if self.deaf {
            return;
        }
        self.layer.receive(self.now, Flow { local: flow.local, ..flow }, message);
        self.run();
    }

    pub(crate) fn tick(&mut self) {
        self.layer.tick(self.now);
        self.run();
        let now = self.now;
        let (due, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.todo).into_iter().partition(|(at, _)| *at <= now);
        self.todo = rest;
        for (_, todo) in due {
            match todo {
                Do::Answer(call_id) => self.answer(&call_id),
                Do::Refuse(call_id, status) => self.refuse(&call_id, status),
            }
        }
        self.answer_again();
    }

    /// A 2xx is sent again until its ACK comes; then the talk is over.
    fn answer_again(&mut self) {
        let now = self.now;
        for at in 0..self.talks.len() {
            let Some((server, response, wait, since, due)) = self.talks[at].unacknowledged.take() else {
                continue;
            };
            if due > now {
                self.talks[at].unacknowledged = Some((server, response, wait, since, due));
            } else if now.since(since) < Duration::from_secs(32) {
                let wait = (wait * 2).min(Duration::from_secs(4));
                self.layer.respond(now, server, response.clone());
                self.talks[at].unacknowledged = Some((server, response, wait, since, now + wait));
            } else if self.talks[at].state == State::Up {
                self.hang_up(at);
            }
        }
    }
}

fn hash(text: &str) -> u64 {
    text.bytes().fold(7, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)))
}
