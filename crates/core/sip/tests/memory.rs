//! What a waiting call costs. In a binary of its own: nothing else may take memory meanwhile.

#![expect(
    clippy::disallowed_methods,
    reason = "the process's size is read from the system; the crate under test is not"
)]

use std::time::Duration;

use hookswitch_sip::transaction::{Event, Settings};
use hookswitch_sip::{Flow, Instant, Layer, Limits, parse};

const CALLS: usize = 20_000;

/// Bytes of memory in use.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("a Linux system tells");
    let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number");
    pages * 4096
}

fn invite(call: usize) -> Vec<u8> {
    let headers = format!(
        "INVITE sip:support@192.0.2.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.9:5060;rport;branch=z9hG4bK-{call:010}\r\nMax-Forwards: 70\r\n\
         From: \"Caller {call}\" <sip:+4312345{call}@carrier.example.com>;tag=tag-{call:010}\r\n\
         To: <sip:support@192.0.2.1>\r\nCall-ID: {call:010}@carrier.example.com\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:+4312345{call}@192.0.2.9:5060>\r\nContent-Type: application/sdp\r\n\r\n"
    );
    [headers.into_bytes(), vec![b'v'; 200]].concat()
}

#[test]
fn a_waiting_call_costs_less_than_3_kib_and_an_ended_one_nothing() {
    let at = |host: u8| ([192, 0, 2, host], 5060).into();
    let flow = Flow::udp(at(1), at(9));
    let mut layer = Layer::new(Settings::default(), 1);
    let mut now = Instant::EPOCH;
    let before = resident();
    for call in 0..CALLS {
        layer.receive(now, flow, parse(&invite(call), &Limits::default()).expect("an INVITE"));
        let Some(Event::Request { id, request, .. }) = layer.poll_event() else { unreachable!("a request") };
        layer.respond(
            now,
            id,
            request.reply(182, "Queued, 12 callers ahead").with_to_tag("0123456789abcdef"),
        );
        assert!(layer.poll_transmit().is_some());
    }
    let each = resident().saturating_sub(before) / CALLS;
    assert_eq!(layer.len(), (CALLS, 0));
    assert!(each < 3 * 1024, "{each} bytes a call");
    assert!(each > 300, "{each} bytes a call are too few to be true");

    for call in 0..CALLS {
        let cancel = String::from_utf8_lossy(&invite(call)).replace("INVITE", "CANCEL");
        layer.receive(now, flow, parse(cancel.as_bytes(), &Limits::default()).expect("a CANCEL"));
        let Some(Event::Cancelled { id, request }) = layer.poll_event() else { unreachable!("a CANCEL") };
        layer.respond(now, id, request.reply(487, ""));
        while layer.poll_transmit().is_some() {}
    }
    now += Duration::from_secs(33);
    layer.tick(now);
    while layer.poll_transmit().is_some() {}
    assert!(layer.is_empty());
}
