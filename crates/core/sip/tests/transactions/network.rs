//! A network that loses, repeats, delays and reorders, between two layers with simple cores.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use hookswitch_sip::transaction::{Event, Settings};
use hookswitch_sip::{
    ClientId, Flow, Instant, Layer, Limits, Method, Random, Request, Response, ServerId, Transport, parse,
};
use proptest::prelude::*;

use crate::stage::{millis, ours, seconds};

/// How bad the network is, in percent.
#[derive(Debug, Clone, Copy)]
struct Weather {
    lost: u64,
    repeated: u64,
    reliable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Caller,
    Callee,
}

/// What a core of ours wants to do later.
#[derive(Debug, Clone)]
enum Plan {
    Deliver(Side, Bytes),
    Cancel(ClientId),
    Answer(ServerId, Box<Response>),
    /// The core repeats its 2xx until the ACK comes or 32 s are over.
    Again(ServerId, Box<Response>, Duration),
}

/// What the caller's core was told of one request.
#[derive(Debug, Default)]
struct Told {
    ends: u32,
    refused: bool,
    accepted: BTreeSet<String>,
}

struct World {
    random: Random,
    weather: Weather,
    now: Instant,
    caller: Layer,
    callee: Layer,
    plans: BTreeMap<(Instant, u64), Plan>,
    told: BTreeMap<ClientId, Told>,
    /// How often the callee was asked, by Call-ID and method.
    asked: BTreeMap<String, u32>,
    acknowledged: BTreeSet<String>,
}

impl World {
    fn new(seed: u64, weather: Weather) -> Self {
        Self {
            random: Random::new(seed),
            weather,
            now: Instant::EPOCH,
            caller: Layer::new(Settings::default(), seed),
            callee: Layer::new(Settings::default(), seed + 1),
            plans: BTreeMap::new(),
            told: BTreeMap::new(),
            asked: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
        }
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.random.next() % 100 < chance
    }

    fn later(&mut self, after: Duration, plan: Plan) {
        let order = self.random.next();
        self.plans.insert((self.now + after, order), plan);
    }

    fn within(&mut self, span: u64) -> Duration {
        millis(self.random.next() % span)
    }

    fn flow(&self, from: Side) -> Flow {
        let at = |port: u16| ([127, 0, 0, 1], port).into();
        let (local, remote) = match from {
            Side::Caller => (at(5060), at(5080)),
            Side::Callee => (at(5080), at(5060)),
        };
        let transport = if self.weather.reliable { Transport::Tcp } else { Transport::Udp };
        Flow { transport, local, remote, connection: self.weather.reliable.then_some(1) }
    }

    fn ask(&mut self, number: u32, method: Method) {
        let mut request = ours(method.clone());
        request.headers.set("Call-ID", format!("call-{number}"));
        let flow = self.flow(Side::Caller);
        let id = self.caller.request(self.now, request, flow);
        self.told.insert(id, Told::default());
        if method == Method::Invite {
            // Some give up at once; nobody lets it ring for ever: all later answers may be lost.
            let after = if self.percent(40) { self.within(6000) } else { seconds(60) };
            self.later(after, Plan::Cancel(id));
        }
        self.drain();
    }

    /// Sends what is to be sent and lets the cores react, until nothing is left to do now.
    fn drain(&mut self) {
        loop {
            let sent = self.caller.poll_transmit().map(|sent| (Side::Callee, sent.bytes));
            if let Some((to, bytes)) =
                sent.or_else(|| self.callee.poll_transmit().map(|sent| (Side::Caller, sent.bytes)))
            {
                self.carry(to, &bytes);
            } else if let Some(event) = self.caller.poll_event() {
                self.caller_told(event);
            } else if let Some(event) = self.callee.poll_event() {
                self.callee_told(event);
            } else {
                return;
            }
        }
    }

    fn carry(&mut self, to: Side, bytes: &Bytes) {
        if self.weather.reliable {
            return self.later(millis(10), Plan::Deliver(to, bytes.clone()));
        }
        let copies = if self.percent(self.weather.repeated) { 2 } else { 1 };
        for _ in 0..copies {
            if !self.percent(self.weather.lost) {
                let after = self.within(900);
                self.later(after, Plan::Deliver(to, bytes.clone()));
            }
        }
    }

    fn caller_told(&mut self, event: Event) {
        match event {
            Event::Response { id, response, repeated, .. } => self.caller_answered(id, &response, repeated),
            Event::TimedOut { id } | Event::Unreachable { id } => {
                let told = self.told.get_mut(&id).expect("it was asked");
                assert!(told.accepted.is_empty(), "an accepted call does not time out");
                told.ends += 1;
            }
            Event::Request { .. } | Event::Ack { .. } | Event::Cancelled { .. } => {
                panic!("nobody asks the caller")
            }
        }
    }

    fn caller_answered(&mut self, id: ClientId, response: &Response, repeated: bool) {
        let told = self.told.get_mut(&id).expect("it was asked");
        let invite = response.headers.cseq().is_some_and(|cseq| cseq.method == Method::Invite);
        if !response.is_final() {
            assert_eq!(told.ends, 0, "nothing provisional after the end");
            return;
        }
        if !(invite && response.is_success()) {
            assert!(!repeated && told.accepted.is_empty(), "one end only");
            told.refused = true;
            told.ends += 1;
            return;
        }
        assert!(!told.refused, "not refused and accepted");
        let tag = response.headers.to().and_then(|to| to.tag().map(str::to_owned)).expect("a tag");
        assert_eq!(told.accepted.insert(tag), !repeated, "a repeat is marked, a first one is not");
        told.ends = 1;
        let mut ack = Request::new(Method::Ack, "sip:agent@127.0.0.1".parse().expect("a URI"));
        for name in ["From", "To", "Call-ID"] {
            ack.headers.push(name, response.headers.named(name).expect("a header"));
        }
        ack.headers.push("CSeq", "5 ACK");
        let flow = self.flow(Side::Caller);
        self.caller.transmit(flow, ack);
    }

    fn callee_told(&mut self, event: Event) {
        match event {
            Event::Request { id, request, .. } => self.callee_asked(id, &request),
            Event::Ack { request, .. } => {
                self.acknowledged.insert(request.headers.call_id().expect("a Call-ID").to_owned());
            }
            Event::Cancelled { id, request } => {
                let mut invite = request;
                invite.headers.set("CSeq", "5 INVITE");
                self.callee.respond(self.now, id, invite.reply(487, "").with_to_tag("t"));
            }
            Event::Response { .. } | Event::TimedOut { .. } | Event::Unreachable { .. } => {
                panic!("the callee asks nobody")
            }
        }
    }

    fn callee_asked(&mut self, id: ServerId, request: &Request) {
        let call = format!("{} {}", request.headers.call_id().expect("a Call-ID"), request.method);
        let times = self.asked.entry(call).or_default();
        *times += 1;
        assert_eq!(*times, 1, "a request is told once");
        if request.method == Method::Invite && self.percent(60) {
            let after = self.within(3000);
            self.later(after, Plan::Answer(id, Box::new(request.reply(180, "").with_to_tag("t"))));
        }
        let status = if self.percent(50) { 200 } else { 486 };
        let after = self.within(8000);
        self.later(after, Plan::Answer(id, Box::new(request.reply(status, "").with_to_tag("t"))));
    }

    fn act(&mut self, plan: Plan) {
        match plan {
            Plan::Deliver(to, bytes) => {
                let message = parse(&bytes, &Limits::default()).expect("what is sent can be read");
                let flow = self.flow(to);
                let layer = if to == Side::Caller { &mut self.caller } else { &mut self.callee };
                layer.receive(self.now, flow, message);
            }
            Plan::Cancel(id) => self.caller.cancel(self.now, id),
            Plan::Answer(id, response) => {
                let accepts = response.is_success()
                    && response.headers.cseq().is_some_and(|c| c.method == Method::Invite);
                let open = self.callee.respond(self.now, id, (*response).clone());
                // A call that was cancelled before got 487: the layer drops the 200, and so the core must know.
                if accepts && open {
                    self.later(millis(500), Plan::Again(id, response, millis(500)));
                }
            }
            Plan::Again(id, response, after) => {
                let call = response.headers.call_id().expect("a Call-ID");
                if !self.acknowledged.contains(call) && self.callee.respond(self.now, id, (*response).clone())
                {
                    let next = (after * 2).min(seconds(4));
                    self.later(next, Plan::Again(id, response, next));
                }
            }
        }
        self.drain();
    }

    /// The next moment something happens by itself or by plan.
    fn step(&mut self) -> bool {
        let plan = self.plans.first_key_value().map(|((at, _), _)| *at);
        let due =
            [plan, self.caller.next_deadline(), self.callee.next_deadline()].into_iter().flatten().min();
        let Some(due) = due else { return false };
        assert!(due >= self.now, "time does not go back");
        self.now = due;
        if plan == Some(due)
            && let Some((_, plan)) = self.plans.pop_first()
        {
            self.act(plan);
        } else {
            self.caller.tick(due);
            self.callee.tick(due);
            self.drain();
        }
        true
    }
}

fn run(seed: u64, weather: Weather) {
    let mut world = World::new(seed, weather);
    let calls = 20;
    for number in 0..calls {
        let method = if world.percent(60) { Method::Invite } else { Method::Options };
        world.ask(number, method);
        let until = world.now + world.within(2000);
        while world.plans.first_key_value().is_some_and(|((at, _), _)| *at <= until) && world.step() {}
        world.now = world.now.max(until.min(world.caller.next_deadline().unwrap_or(until)));
        world.now = world.now.min(world.callee.next_deadline().unwrap_or(world.now));
    }
    let last = world.now;
    let mut steps = 0;
    while world.step() {
        steps += 1;
        assert!(steps < 100_000, "it comes to rest");
    }
    assert!(world.now.since(last) < seconds(150), "no transaction outlives its timers");
    assert!(world.caller.is_empty() && world.callee.is_empty());
    assert_eq!(world.told.len(), 20);
    for (id, told) in &world.told {
        assert_eq!(told.ends, 1, "{id:?} ends once: {told:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_request_ends_once_whatever_the_network_does(
        seed in any::<u64>(), lost in 0_u64..70, repeated in 0_u64..50,
    ) {
        run(seed >> 1, Weather { lost, repeated, reliable: false });
    }

    #[test]
    fn every_request_over_a_stream_ends_once(seed in any::<u64>()) {
        run(seed >> 1, Weather { lost: 0, repeated: 0, reliable: true });
    }
}
