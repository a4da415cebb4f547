//! The server side.

use std::net::SocketAddr;

use hookswitch_sip::transaction::{Event, Settings};
use hookswitch_sip::{Flow, Message, Name, Transport};

use crate::stage::{Stage, in_short, millis, on, request, seconds, tcp, udp};

const INVITE: &str = "z9hG4bK-invite";

#[test]
fn an_invite_nobody_answers_gets_100_after_200_ms_and_another_request_does_not() {
    let mut stage = udp();
    stage.receive(request("INVITE", INVITE, ""));
    stage.receive(request("OPTIONS", "z9hG4bK-options", ""));
    assert_eq!(stage.pass(seconds(5)), [(200, "100".into())]);
}

#[test]
fn a_request_the_core_never_answers_is_forgotten_after_32_s_but_an_invite_waits() {
    for provisional in [None, Some(100)] {
        let mut stage = udp();
        stage.receive(request("OPTIONS", "z9hG4bK-options", ""));
        stage.receive(request("INVITE", INVITE, ""));
        let asked = |event| match event {
            Event::Request { id, request, .. } => Some((id, request)),
            Event::Ack { .. }
            | Event::Cancelled { .. }
            | Event::Response { .. }
            | Event::TimedOut { .. }
            | Event::Unreachable { .. } => None,
        };
        let ids: Vec<_> = stage.events().into_iter().filter_map(asked).collect();
        stage.pass(seconds(20));
        if let (Some(status), Some((id, options))) = (provisional, ids.first()) {
            stage.respond(*id, options, status);
        }
        stage.pass(seconds(11));
        assert_eq!(stage.layer.len(), (2, 0));
        stage.pass(seconds(3600));
        assert_eq!(stage.layer.len(), (1, 0), "the call waits in its queue");
    }
}

#[test]
fn an_answer_before_200_ms_saves_the_100() {
    let mut stage = udp();
    stage.receive(request("INVITE", INVITE, ""));
    let (id, invite) = stage.asked();
    assert_eq!(stage.respond(id, &invite, 182), ["182"]);
    assert_eq!(stage.pass(seconds(5)), []);
}

#[test]
fn a_repeated_request_is_told_once_and_gets_the_last_answer_again() {
    for method in ["INVITE", "OPTIONS"] {
        let mut stage = udp();
        stage.receive(request(method, INVITE, ""));
        let (id, asked) = stage.asked();
        stage.receive(request(method, INVITE, ""));
        let early: &[&str] = if method == "INVITE" { &["100"] } else { &[] };
        assert_eq!(stage.sent_in_short(), early, "{method}");
        stage.respond(id, &asked, 183);
        stage.receive(request(method, INVITE, ""));
        assert_eq!(stage.sent_in_short(), ["183"], "{method}");
        stage.respond(id, &asked, 404);
        stage.receive(request(method, INVITE, ""));
        assert_eq!(stage.sent_in_short(), ["404"], "{method}");
        assert_eq!(stage.events(), [], "{method}");
        assert_eq!(stage.layer.counters().repeats, 3);
        stage.is_over();
    }
}

#[test]
fn a_refusal_is_repeated_ever_more_slowly_until_its_ack() {
    let mut stage = udp();
    stage.receive(request("INVITE", INVITE, ""));
    let (id, invite) = stage.asked();
    stage.respond(id, &invite, 486);
    let at: Vec<_> = stage.pass(seconds(12)).into_iter().map(|(at, _)| at).collect();
    assert_eq!(at, [500, 1500, 3500, 7500, 11_500]);
    stage.receive(request("ACK", INVITE, ""));
    stage.receive(request("ACK", INVITE, ""));
    assert_eq!(stage.pass(seconds(4)), [], "timer I absorbs what comes late");
    assert_eq!(stage.layer.len(), (1, 0));
    stage.pass(seconds(1));
    assert_eq!(stage.layer.len(), (0, 0));
    assert_eq!(stage.events(), [], "the ACK of a refusal is the layer's");
}

#[test]
fn a_refusal_that_is_never_acknowledged_ends_after_32_s() {
    let mut stage = udp();
    stage.receive(request("INVITE", INVITE, ""));
    let (id, invite) = stage.asked();
    stage.respond(id, &invite, 486);
    assert_eq!(stage.pass(millis(31_999)).len(), 10);
    assert_eq!(stage.layer.len(), (1, 0));
    assert_eq!(stage.pass(millis(1)), []);
    assert!(stage.layer.is_empty());
    assert_eq!(stage.layer.counters().unconfirmed, 1);
}

#[test]
fn over_tcp_nothing_is_repeated_and_an_ack_or_an_answer_is_the_end() {
    let mut stage = tcp();
    stage.receive(request("INVITE", INVITE, ""));
    let (id, invite) = stage.asked();
    assert_eq!(stage.respond(id, &invite, 486), ["486"]);
    assert_eq!(stage.pass(seconds(30)), []);
    stage.receive(request("ACK", INVITE, ""));
    assert!(stage.layer.is_empty());
    stage.receive(request("BYE", "z9hG4bK-bye", ""));
    let (id, bye) = stage.asked();
    assert_eq!(stage.respond(id, &bye, 200), ["200"]);
    assert!(stage.layer.is_empty(), "timer J is zero");
}

#[test]
fn a_2xx_is_sent_as_often_as_the_core_says_and_its_ack_is_the_cores() {
    let mut stage = udp();
    stage.receive(request("INVITE", INVITE, ""));
    let (id, invite) = stage.asked();
    assert_eq!(stage.respond(id, &invite, 200), ["200"]);
    assert_eq!(stage.respond(id, &invite, 200), ["200"]);
    assert_eq!(stage.respond(id, &invite, 486), [""; 0], "it is answered");
    stage.receive(request("INVITE", INVITE, ""));
    assert_eq!(stage.sent_in_short(), [""; 0], "repeats are absorbed (RFC 6026)");
    stage.receive(request("ACK", "z9hG4bK-ack", ""));
    stage.receive(request("ACK", INVITE, ""));
    let acks = stage.events();
    assert!(matches!(acks.as_slice(), [Event::Ack { .. }, Event::Ack { .. }]), "{acks:?}");
    assert_eq!(stage.pass(seconds(32)), []);
    assert!(stage.layer.is_empty());
    assert!(!stage.layer.respond(stage.now, id, invite.reply(200, "")), "it is over");
}

#[test]
fn a_cancel_is_answered_at_once_and_told_once() {
    let mut stage = udp();
    stage.receive(request("INVITE", INVITE, ""));
    let (id, invite) = stage.asked();
    stage.respond(id, &invite, 180);
    stage.receive(request("CANCEL", INVITE, "Reason: SIP;cause=200\r\n"));
    stage.receive(request("CANCEL", INVITE, "Reason: SIP;cause=200\r\n"));
    let answers = stage.sent();
    assert_eq!(answers.iter().map(in_short).collect::<Vec<_>>(), ["200", "200"]);
    for answer in &answers {
        assert_eq!(answer.headers().to().and_then(|to| to.tag().map(str::to_owned)).as_deref(), Some("t"));
        assert_eq!(answer.headers().cseq().map(|cseq| cseq.to_string()).as_deref(), Some("1 CANCEL"));
    }
    let told = stage.events();
    let [Event::Cancelled { id: cancelled, request: cancel }] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((*cancelled, cancel.headers.get(&Name::Reason)), (id, Some("SIP;cause=200")));
    assert_eq!(stage.respond(id, &invite, 487), ["487"]);
    stage.receive(request("ACK", INVITE, ""));
    stage.is_over();
}

#[test]
fn a_cancel_that_crosses_the_answer_changes_nothing() {
    let mut stage = udp();
    stage.receive(request("INVITE", INVITE, ""));
    let (id, invite) = stage.asked();
    stage.respond(id, &invite, 200);
    stage.receive(request("CANCEL", INVITE, ""));
    assert_eq!(stage.sent_in_short(), ["200"]);
    assert_eq!(stage.events(), []);
}

#[test]
fn a_cancel_of_nothing_gets_481() {
    let mut stage = udp();
    stage.receive(request("CANCEL", INVITE, ""));
    assert_eq!(stage.sent_in_short(), ["481"]);
    assert!(stage.layer.is_empty() && stage.events().is_empty());
}

#[test]
fn too_many_requests_are_refused_without_state_and_open_ones_go_on() {
    let mut stage = on(Transport::Udp, Settings { max: 2, ..Settings::default() });
    let of_call = |number: u8| {
        let mut invite = request("INVITE", &format!("z9hG4bK-{number}"), "");
        invite.headers.set(Name::CallId, format!("call-{number}"));
        invite
    };
    stage.receive(of_call(1));
    stage.receive(of_call(2));
    stage.events();
    for _ in 0..3 {
        stage.receive(of_call(3));
    }
    let refused = stage.sent();
    assert_eq!(refused.iter().map(in_short).collect::<Vec<_>>(), ["503", "503", "503"]);
    let tags: Vec<_> = refused
        .iter()
        .map(|answer| answer.headers().to().and_then(|to| to.tag().map(str::to_owned)))
        .collect();
    assert!(tags.iter().all(|tag| tag.is_some() && *tag == tags[0]), "a repeat gets the same tag: {tags:?}");
    assert_eq!(refused.first().and_then(|answer| answer.headers().retry_after()), Some(5));
    stage.receive(of_call(1));
    assert_eq!(stage.sent_in_short(), ["100"]);
    assert_eq!((stage.layer.len(), stage.layer.counters().overload), ((2, 0), 3));
}

#[test]
fn a_stranger_gets_one_answer_for_each_message_and_leaves_nothing_behind() {
    let mut stage = udp();
    for round in 1..=3 {
        stage.receive(request("REGISTER", "z9hG4bK-scan", ""));
        let (id, asked) = stage.asked();
        stage.layer.dismiss(id, &asked.reply(401, "").with_to_tag("t"));
        assert_eq!(stage.sent_in_short(), ["401"], "round {round}");
        assert!(stage.layer.is_empty());
    }
    assert_eq!(stage.pass(seconds(100)), []);
}

#[test]
fn a_peer_of_rfc_2543_is_known_by_all_of_its_request() {
    let mut stage = udp();
    for branch in ["z9hG4bK", "1", "cool"] {
        stage.receive(request("INVITE", branch, ""));
        let (id, invite) = stage.asked();
        stage.receive(request("INVITE", branch, ""));
        assert_eq!(stage.events(), [], "a repeat, by {branch}");
        let mut other = request("INVITE", branch, "");
        other.headers.set("Call-ID", format!("call-9-{branch}"));
        stage.receive(other);
        assert_eq!(stage.events().len(), 1, "another call with the same {branch}");
        stage.sent();
        stage.respond(id, &invite, 486);
        stage.receive(request("ACK", branch, ""));
        assert_eq!(
            (stage.events(), stage.pass(seconds(3))),
            (vec![], vec![(200, "100".into())]),
            "by {branch}"
        );
    }
}

#[test]
fn the_same_branch_of_two_senders_is_two_requests() {
    let mut stage = udp();
    stage.receive(request("OPTIONS", INVITE, ""));
    let mut other = request("OPTIONS", INVITE, "");
    other.headers.set("Via", format!("SIP/2.0/UDP other.example.com;branch={INVITE}"));
    other.headers.set("Call-ID", "call-9");
    stage.receive(other);
    assert_eq!(stage.events().len(), 2);
}

/// Where the answer goes, and the Via it carries, when a request with this Via comes from 192.0.2.9:5070.
fn way_back(via: &str) -> (SocketAddr, String) {
    let mut stage: Stage = udp();
    let mut asked = request("OPTIONS", "z9hG4bK-1", "");
    asked.headers.set("Via", via);
    stage.receive(asked);
    let (id, asked) = stage.asked();
    stage.layer.respond(stage.now, id, asked.reply(200, ""));
    let sent = stage.layer.poll_transmit().expect("an answer");
    (sent.flow.remote, asked.headers.get(&Name::Via).expect("a Via").to_owned())
}

#[test]
fn an_answer_goes_back_the_way_the_request_really_came() {
    let table = [
        // RFC 3581: to the very port, which is told too.
        (
            "SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bK1",
            "192.0.2.9:5070",
            ";rport=5070;branch=z9hG4bK1;received=192.0.2.9",
        ),
        ("SIP/2.0/UDP 192.0.2.9:6000;branch=z9hG4bK1", "192.0.2.9:6000", ":6000;branch=z9hG4bK1"),
        (
            "SIP/2.0/UDP phone.example.com;branch=z9hG4bK1",
            "192.0.2.9:5060",
            ";branch=z9hG4bK1;received=192.0.2.9",
        ),
        // What the sender claims about itself is overwritten; an address that never spoke to us gets nothing.
        ("SIP/2.0/UDP 192.0.2.9;received=203.0.113.5", "192.0.2.9:5060", "192.0.2.9"),
        ("SIP/2.0/UDP 10.0.0.1;maddr=203.0.113.5", "192.0.2.9:5060", ";maddr=203.0.113.5;received=192.0.2.9"),
        ("SIP/2.0/UDP 203.0.113.5", "192.0.2.9:5060", ";received=192.0.2.9"),
    ];
    for (via, to, stamped) in table {
        let (remote, told) = way_back(via);
        assert_eq!(remote, to.parse().expect("an address"), "{via}");
        assert!(told.ends_with(stamped), "{via} is told as {told}");
    }
    let (_, several) =
        way_back("SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1 , SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK2");
    assert_eq!(
        several,
        "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;received=192.0.2.9, SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK2",
        "only the last step is ours to tell"
    );
}

#[test]
fn over_a_stream_the_answer_takes_the_same_connection() {
    let mut stage = tcp();
    let mut asked = request("OPTIONS", "z9hG4bK-1", "");
    asked.headers.set("Via", "SIP/2.0/TCP 10.0.0.1:5060;branch=z9hG4bK1");
    stage.receive(asked);
    let (id, asked) = stage.asked();
    stage.layer.respond(stage.now, id, asked.reply(200, ""));
    assert_eq!(stage.layer.poll_transmit().map(|sent| sent.flow), Some(stage.flow));
}

#[test]
fn what_could_not_be_read_is_answered_without_a_transaction() {
    let mut stage = udp();
    let bad = b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK1\r\nCSeq: x\r\n\r\n";
    let malformed =
        hookswitch_sip::parse(bad, &hookswitch_sip::Limits::default()).expect_err("it is malformed");
    stage.layer.transmit(stage.flow, Message::Response(malformed.answer.expect("an answer")));
    let sent = stage.layer.poll_transmit().expect("it is sent");
    assert_eq!(sent.flow, Flow { ..stage.flow });
    assert!(sent.bytes.len() < bad.len() * 3, "little more than came: {}", sent.bytes.len());
    assert!(stage.layer.is_empty());
}

#[test]
fn a_copy_that_took_another_way_is_refused_while_the_first_is_served() {
    for method in ["INVITE", "OPTIONS"] {
        let mut stage = udp();
        stage.receive(request(method, "z9hG4bK-left", ""));
        let (id, asked) = stage.asked();
        stage.receive(request(method, "z9hG4bK-right", ""));
        assert!(stage.events().is_empty(), "{method} is told once");
        assert_eq!(stage.sent_in_short(), ["482"]);
        assert_eq!((stage.layer.len(), stage.layer.counters().merged), ((1, 0), 1));
        // A repeat of the first is no copy, and after a refusal the next is another try.
        stage.receive(request(method, "z9hG4bK-left", ""));
        assert_eq!(stage.layer.counters().merged, 1);
        stage.sent();
        stage.respond(id, &asked, 503);
        stage.receive(request(method, "z9hG4bK-right", ""));
        assert_eq!(stage.layer.counters().merged, 1);
        let (second, _) = stage.asked();
        stage.pass(seconds(40));
        stage.receive(request(method, "z9hG4bK-third", ""));
        let merged = stage.layer.counters().merged;
        assert_eq!(merged, if method == "INVITE" { 2 } else { 1 }, "an INVITE waits, {method}");
        assert_ne!(id, second);
    }
}

#[test]
fn inside_a_dialog_there_are_no_copies() {
    let mut stage = udp();
    for branch in ["z9hG4bK-1", "z9hG4bK-2"] {
        let mut bye = request("BYE", branch, "");
        bye.headers.set(Name::To, "<sip:queue@example.com>;tag=ours");
        stage.receive(bye);
        stage.asked();
    }
    assert_eq!(stage.layer.counters().merged, 0);
}
