//! A layer, the time, and a peer that writes by hand.

use std::net::SocketAddr;
use std::time::Duration;

use hookswitch_sip::transaction::{Event, Settings};
use hookswitch_sip::{
    ClientId, Flow, Instant, Layer, Limits, Message, Method, Request, Response, ServerId, Transport, parse,
};

pub(crate) struct Stage {
    pub(crate) layer: Layer,
    pub(crate) now: Instant,
    pub(crate) flow: Flow,
}

pub(crate) const PEER: &str = "192.0.2.9:5070";

pub(crate) fn udp() -> Stage {
    on(Transport::Udp, Settings::default())
}

pub(crate) fn tcp() -> Stage {
    on(Transport::Tcp, Settings::default())
}

pub(crate) fn on(transport: Transport, settings: Settings) -> Stage {
    let at = |text: &str| text.parse::<SocketAddr>().expect("an address");
    let connection = transport.is_reliable().then_some(1);
    let flow = Flow { transport, local: at("192.0.2.1:5060"), remote: at(PEER), connection };
    Stage { layer: Layer::new(settings, 7), now: Instant::EPOCH, flow }
}

/// A request of the peer's; `rest` are more headers.
pub(crate) fn request(method: &str, branch: &str, rest: &str) -> Request {
    let text = format!(
        "{method} sip:queue@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5070;branch={branch};rport\r\n\
         From: <sip:caller@example.com>;tag=a\r\nTo: <sip:queue@example.com>\r\nCall-ID: call-1\r\n\
         CSeq: 1 {method}\r\n{rest}\r\n"
    );
    match parse(text.as_bytes(), &Limits::default()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

/// A request of ours.
pub(crate) fn ours(method: Method) -> Request {
    let mut request = Request::new(method.clone(), "sip:agent@192.0.2.9".parse().expect("a URI"));
    request.headers.push("From", "<sip:queue@example.com>;tag=q");
    request.headers.push("To", "<sip:agent@example.com>");
    request.headers.push("Call-ID", "call-2");
    request.headers.push("CSeq", format!("5 {method}"));
    request.headers.push("Route", "<sip:proxy.example.com;lr>");
    request
}

impl Stage {
    pub(crate) fn receive(&mut self, message: impl Into<Message>) {
        self.layer.receive(self.now, self.flow, message.into());
    }

    pub(crate) fn sent(&mut self) -> Vec<Message> {
        let sent = std::iter::from_fn(|| self.layer.poll_transmit());
        sent.map(|transmit| parse(&transmit.bytes, &Limits::default()).expect("what we send can be read"))
            .collect()
    }

    /// The one message that was sent, in short: `100`, `ACK`.
    pub(crate) fn sent_in_short(&mut self) -> Vec<String> {
        self.sent().iter().map(in_short).collect()
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.layer.poll_event()).collect()
    }

    /// The only event: a request.
    pub(crate) fn asked(&mut self) -> (ServerId, Request) {
        match <[Event; 1]>::try_from(self.events()) {
            Ok([Event::Request { id, request, .. }]) => (id, request),
            other => panic!("one request, but {other:?}"),
        }
    }

    /// The only event: an answer, and whether it is a repeat.
    pub(crate) fn answered(&mut self) -> (ClientId, u16, bool) {
        match <[Event; 1]>::try_from(self.events()) {
            Ok([Event::Response { id, response, repeated, .. }]) => (id, response.status, repeated),
            other => panic!("one answer, but {other:?}"),
        }
    }

    pub(crate) fn respond(&mut self, id: ServerId, request: &Request, status: u16) -> Vec<String> {
        self.layer.respond(self.now, id, request.reply(status, "").with_to_tag("t"));
        self.sent_in_short()
    }

    /// Sends a request of ours, and gives it as the peer sees it.
    pub(crate) fn ask(&mut self, method: Method) -> (ClientId, Request) {
        let id = self.layer.request(self.now, ours(method), self.flow);
        match <[Message; 1]>::try_from(self.sent()) {
            Ok([Message::Request(request)]) => (id, request),
            other => panic!("one request, but {other:?}"),
        }
    }

    /// Lets time pass from deadline to deadline, and tells what is sent at which millisecond from now.
    pub(crate) fn pass(&mut self, span: Duration) -> Vec<(u128, String)> {
        let start = self.now;
        let end = self.now + span;
        let mut sent = Vec::new();
        while let Some(due) = self.layer.next_deadline().filter(|due| *due <= end) {
            self.now = due;
            self.layer.tick(due);
            let at = due.since(start).as_millis();
            sent.extend(self.sent_in_short().into_iter().map(|short| (at, short)));
        }
        self.now = end;
        sent
    }

    pub(crate) fn is_over(&mut self) {
        self.pass(Duration::from_secs(100));
        assert!(self.layer.is_empty(), "{:?}", self.layer);
    }
}

pub(crate) fn in_short(message: &Message) -> String {
    match message {
        Message::Request(request) => request.method.to_string(),
        Message::Response(response) => response.status.to_string(),
    }
}

/// The peer's answer to a request of ours.
pub(crate) fn answer(request: &Request, status: u16, tag: &str) -> Response {
    let answer = request.reply(status, "");
    if status == 100 { answer } else { answer.with_to_tag(tag) }
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
