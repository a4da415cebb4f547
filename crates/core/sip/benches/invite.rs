//! What an INVITE costs: read with five typed headers and answered, and a whole server transaction (INVITE, 100, 180,
//! 200, ACK; then BYE, 200) with its timers.
//!
//! `cargo bench -p hookswitch-sip --bench invite [-- ROUNDS [LOAD]]`, LOAD being `parse` or `transaction`. The clock is
//! of little use on a busy machine; instructions are not: run the binary under `valgrind --tool=callgrind` with two
//! numbers of rounds, and divide the difference.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures the clock, and takes arguments")]

use std::hint::black_box;
use std::time::{Duration, Instant as Clock};

use hookswitch_sip::transaction::{Event, Settings};
use hookswitch_sip::{Flow, Instant, Layer, Limits, Message, ServerId, parse};

/// An INVITE of 800 bytes, as Asterisk sends it.
fn invite(call: u64) -> String {
    let head = format!(
        "INVITE sip:support@10.99.0.1:5060 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.99.0.2:5060;rport;branch=z9hG4bKPj{call:032x}\r\n\
         From: \"Anna Kundin\" <sip:+43123456789@10.99.0.2>;tag={call:036x}\r\nTo: <sip:support@10.99.0.1>\r\n\
         Contact: <sip:asterisk@10.99.0.2:5060>\r\nCall-ID: {call:036x}\r\nCSeq: 12345 INVITE\r\n\
         Allow: OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, REFER\r\n\
         Supported: 100rel, timer, replaces, norefersub\r\nSession-Expires: 1800\r\nMin-SE: 90\r\n\
         Max-Forwards: 70\r\nUser-Agent: Asterisk PBX 22\r\nContent-Type: application/sdp\r\n"
    );
    let body = "v=0\r\no=- 1 1 IN IP4 10.99.0.2\r\ns=A\r\nc=IN IP4 10.99.0.2\r\nt=0 0\r\nm=audio 14000 RTP/AVP 8 0\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn read_and_reply(bytes: &[u8]) -> usize {
    let Ok(Message::Request(request)) = parse(bytes, &Limits::default()) else { return 0 };
    let headers = &request.headers;
    black_box((headers.via(), headers.from(), headers.to(), headers.cseq(), headers.contacts()));
    request.reply(200, "").with_to_tag("0123456789abcdef").to_bytes().len()
}

struct Call {
    layer: Layer,
    now: Instant,
    flow: Flow,
}

impl Call {
    fn receive(&mut self, text: &str) -> Option<(ServerId, hookswitch_sip::Request)> {
        let message = parse(text.as_bytes(), &Limits::default()).ok()?;
        self.layer.receive(self.now, self.flow, message);
        match self.layer.poll_event()? {
            Event::Request { id, request, .. } => Some((id, request)),
            Event::Ack { .. }
            | Event::Cancelled { .. }
            | Event::Response { .. }
            | Event::TimedOut { .. }
            | Event::Unreachable { .. } => None,
        }
    }

    fn whole(&mut self, call: u64) -> usize {
        let mut sent = 0;
        let invite = invite(call);
        if let Some((id, request)) = self.receive(&invite) {
            for status in [100, 180, 200] {
                self.layer.respond(self.now, id, request.reply(status, "").with_to_tag("0123456789abcdef"));
            }
        }
        self.receive(&invite.replace("INVITE", "ACK").replace("z9hG4bKPj0", "z9hG4bKPja"));
        if let Some((id, request)) =
            self.receive(&invite.replace("INVITE", "BYE").replace("z9hG4bKPj0", "z9hG4bKPjb"))
        {
            self.layer.respond(self.now, id, request.reply(200, "").with_to_tag("0123456789abcdef"));
        }
        while let Some(transmit) = self.layer.poll_transmit() {
            sent += transmit.bytes.len();
        }
        self.now += Duration::from_millis(5);
        self.layer.tick(self.now);
        sent
    }
}

fn main() {
    // `cargo bench` adds an argument of its own.
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let rounds: u64 = arguments.next().and_then(|rounds| rounds.parse().ok()).unwrap_or(20_000);
    let load = arguments.next().unwrap_or_default();
    let text = invite(7);
    println!("an INVITE of {} bytes", text.len());
    if load != "transaction" {
        let start = Clock::now();
        let bytes: usize = (0..rounds).map(|_| read_and_reply(black_box(text.as_bytes()))).sum();
        println!(
            "read, five typed headers, reply: {:?} each, {bytes} bytes",
            start.elapsed() / rounds as u32
        );
    }
    if load != "parse" {
        let at = |host: u8| ([10, 99, 0, host], 5060).into();
        let layer = Layer::new(Settings::default(), 1);
        let mut call = Call { layer, now: Instant::EPOCH, flow: Flow::udp(at(1), at(2)) };
        let start = Clock::now();
        let bytes: usize = (0..rounds).map(|round| call.whole(round)).sum();
        println!("a whole server call: {:?} each, {bytes} bytes", start.elapsed() / rounds as u32);
    }
}
