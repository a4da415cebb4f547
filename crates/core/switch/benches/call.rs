//! What a whole call costs: it comes by trunk, waits, is sent to a phone behind another trunk (180, 200, ACK), and the
//! caller hangs up. Bytes in, bytes out; timers included, while others wait.
//!
//! `cargo bench -p hookswitch-switch --bench call [-- CALLS [WAITING]]`. The clock is of little use on a busy machine;
//! instructions are not: run the binary under `valgrind --tool=callgrind` with two numbers of calls, and divide the
//! difference.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures the clock, and takes arguments")]

use std::time::{Duration, Instant as Clock};

use hookswitch_sip::{Flow, Instant, Limits, Message, Response, Transmit, parse};
use hookswitch_switch::{
    Command, Event, Line, OrderId, Settings, Switch,
    settings::{Keys, Network, Trunk},
};

const VOICE: &str = "v=0\r\no=- 1 1 IN IP4 10.1.0.1\r\ns=-\r\nc=IN IP4 10.1.0.1\r\nt=0 0\r\nm=audio 16000 RTP/AVP 0 8 101\r\n\
    a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n";

struct Office {
    switch: Switch,
    now: Instant,
    orders: u128,
}

fn flow(host: u8) -> Flow {
    Flow::udp(([10, 9, 9, 9], 5060).into(), ([10, 1, 0, host], 5060).into())
}

fn trunk(name: &str, host: u8, outside: bool) -> Option<Trunk> {
    Some(Trunk {
        name: name.into(),
        from: vec![Network { address: [10, 1, 0, host].into(), prefix: 32 }],
        addresses: vec![format!("sip:10.1.0.{host}").parse().ok()?],
        account: None,
        keep_alive: None,
        max_calls: None,
        outside,
        trusted: true,
    })
}

impl Office {
    fn open() -> Self {
        let mut settings = Settings::new("10.9.9.9");
        settings.listen = vec![(hookswitch_sip::Transport::Udp, flow(1).local)];
        settings.trunks =
            [trunk("carrier", 1, false), trunk("phones", 2, true)].into_iter().flatten().collect();
        settings.limits.calls = usize::MAX;
        let switch = Switch::new(settings, &Keys { nonce: [7; 32], seed: 1 });
        Self { switch, now: Instant::from_micros(1_000_000), orders: 0 }
    }

    fn receive(&mut self, host: u8, text: &str) {
        if let Ok(message) = parse(text.as_bytes(), &Limits::default()) {
            self.switch.receive(self.now, flow(host), message);
        }
    }

    fn order(&mut self, command: Command) {
        self.orders += 1;
        self.switch.command(self.now, OrderId(self.orders), command);
    }

    fn sent(&mut self) -> Vec<Transmit> {
        std::iter::from_fn(|| self.switch.poll_transmit()).collect()
    }

    /// Somebody calls, and asks where to go.
    fn invite(&mut self, call: u64) -> Option<hookswitch_switch::CallId> {
        let text = format!(
            "INVITE sip:5100@10.9.9.9 SIP/2.0\r\n{}CSeq: 1 INVITE\r\nContact: <sip:c@10.1.0.1:5060>\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{VOICE}",
            common(call, 0, ""),
            VOICE.len()
        );
        self.receive(1, &text);
        let mut asks = None;
        while let Some(event) = self.switch.poll_event() {
            if let Event::Waits { call, .. } = event {
                asks = Some(call);
            }
        }
        asks
    }

    /// A call from its INVITE to the last answer. Gives the bytes that were sent; none: it did not go as it should.
    fn whole(&mut self, call: u64) -> Option<usize> {
        let id = self.invite(call)?;
        let mut bytes = 0;
        self.order(Command::Queue { call: id.clone(), queue: "support".into() });
        let line: Line = "sip:1001@phones".parse().ok()?;
        self.order(Command::Ring { call: id, lines: vec![line], timeout: Duration::from_secs(15) });
        let sent = self.sent();
        let rings = sent.iter().find(|sent| sent.flow.remote == flow(2).remote)?;
        let Ok(Message::Request(invite)) = parse(&rings.bytes, &Limits::default()) else { return None };
        for status in [180, 200] {
            let mut answer = invite.reply(status, "").with_to_tag("phone");
            answer.headers.push("Contact", "<sip:s@10.1.0.2:5060>");
            let answer = if status == 200 { answer.with_body("application/sdp", VOICE) } else { answer };
            self.receive(2, std::str::from_utf8(&answer.to_bytes()).ok()?);
        }
        bytes += sent.iter().map(|sent| sent.bytes.len()).sum::<usize>();
        let sent = self.sent();
        bytes += sent.iter().map(|sent| sent.bytes.len()).sum::<usize>();
        let answers = sent.iter().filter(|sent| sent.flow.remote == flow(1).remote);
        let tag = answers.filter_map(|sent| tag(&sent.bytes)).last()?;
        self.receive(1, &format!("ACK sip:10.9.9.9 SIP/2.0\r\n{}CSeq: 1 ACK\r\n\r\n", common(call, 1, &tag)));
        self.receive(1, &format!("BYE sip:10.9.9.9 SIP/2.0\r\n{}CSeq: 2 BYE\r\n\r\n", common(call, 2, &tag)));
        for sent in self.sent() {
            bytes += sent.bytes.len();
            if let Ok(Message::Request(bye)) = parse(&sent.bytes, &Limits::default()) {
                self.receive(2, std::str::from_utf8(&bye.reply(200, "").to_bytes()).ok()?);
            }
        }
        let ended =
            std::iter::from_fn(|| self.switch.poll_event()).any(|event| matches!(event, Event::Ended { .. }));
        self.now += Duration::from_millis(1);
        self.switch.tick(self.now);
        ended.then_some(bytes)
    }
}

fn tag(bytes: &[u8]) -> Option<String> {
    let Ok(Message::Response(Response { headers, .. })) = parse(bytes, &Limits::default()) else {
        return None;
    };
    headers.to()?.tag().map(str::to_owned)
}

fn common(call: u64, branch: u8, to_tag: &str) -> String {
    let to_tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
    format!(
        "Via: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bK-31337-{call}-{branch}\r\nMax-Forwards: 70\r\n\
         From: \"Example Customer\" <sip:+4930555{call}@10.1.0.1>;tag=31337c{call}\r\nTo: <sip:5100@10.9.9.9>{to_tag}\r\n\
         Call-ID: {call}-31337@10.1.0.1\r\n"
    )
}

fn main() {
    // `cargo bench` adds an argument of its own.
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let mut number = |usual| arguments.next().and_then(|number| number.parse().ok()).unwrap_or(usual);
    let (calls, waiting): (u64, u64) = (number(20_000), number(0));
    let mut office = Office::open();
    let waiting = (0..waiting).filter_map(|call| office.invite(calls + call)).count();
    office.sent();
    let start = Clock::now();
    let sent: Vec<usize> = (0..calls).map_while(|call| office.whole(call)).collect();
    println!(
        "{} of {calls} calls while {waiting} wait: {:?} each, {} bytes sent each",
        sent.len(),
        start.elapsed() / calls as u32,
        sent.iter().sum::<usize>() / sent.len().max(1)
    );
}
