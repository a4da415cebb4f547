//! The client side.

use hookswitch_sip::transaction::Event;
use hookswitch_sip::{Message, Method, Name, Request};

use crate::stage::{Stage, answer, in_short, seconds, tcp, udp};

fn only_request(stage: &mut Stage) -> Request {
    match <[Message; 1]>::try_from(stage.sent()) {
        Ok([Message::Request(request)]) => request,
        other => panic!("one request, but {other:?}"),
    }
}

#[test]
fn an_invite_nobody_answers_is_repeated_ever_more_slowly_and_times_out() {
    let mut stage = udp();
    let (id, _) = stage.ask(Method::Invite);
    let at: Vec<_> = stage.pass(seconds(33)).into_iter().map(|(at, _)| at).collect();
    assert_eq!(at, [500, 1500, 3500, 7500, 15_500, 31_500], "timer A");
    assert_eq!(stage.events(), [Event::TimedOut { id }], "timer B");
    assert!(stage.layer.is_empty());
    assert_eq!(stage.layer.counters().timed_out, 1);
}

#[test]
fn another_request_is_repeated_every_4_s_at_last() {
    let mut stage = udp();
    let (id, _) = stage.ask(Method::Options);
    let at: Vec<_> = stage.pass(seconds(33)).into_iter().map(|(at, _)| at).collect();
    assert_eq!(at, [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500], "timer E");
    assert_eq!(stage.events(), [Event::TimedOut { id }], "timer F");
    assert!(stage.layer.is_empty());
}

#[test]
fn over_tcp_nothing_is_repeated_and_silence_times_out_all_the_same() {
    for method in [Method::Invite, Method::Bye] {
        let mut stage = tcp();
        let (id, _) = stage.ask(method);
        assert_eq!(stage.pass(seconds(32)), []);
        assert_eq!(stage.events(), [Event::TimedOut { id }]);
    }
}

#[test]
fn a_provisional_answer_stills_an_invite_and_slows_another_request() {
    let mut stage = udp();
    let (_, invite) = stage.ask(Method::Invite);
    stage.receive(answer(&invite, 100, ""));
    assert_eq!(stage.answered().1, 100);
    assert_eq!(stage.pass(seconds(3600)), [], "an agent's phone may ring as long as the core wants");
    assert_eq!(stage.layer.len(), (0, 1));

    let mut stage = udp();
    let (_, options) = stage.ask(Method::Options);
    stage.receive(answer(&options, 100, ""));
    stage.answered();
    let at: Vec<_> = stage.pass(seconds(32)).into_iter().map(|(at, _)| at).collect();
    assert_eq!(at, [4000, 8000, 12_000, 16_000, 20_000, 24_000, 28_000]);
    assert!(matches!(stage.events().as_slice(), [Event::TimedOut { .. }]));
}

#[test]
fn a_refused_invite_is_acknowledged_on_its_branch_and_told_once() {
    let mut stage = udp();
    let (id, invite) = stage.ask(Method::Invite);
    stage.receive(answer(&invite, 486, "b"));
    let ack = only_request(&mut stage);
    assert_eq!((ack.method.clone(), ack.uri.clone()), (Method::Ack, invite.uri.clone()));
    assert_eq!(ack.headers.get(&Name::Via), invite.headers.get(&Name::Via));
    assert_eq!(ack.headers.get(&Name::To), Some("<sip:agent@example.com>;tag=b"));
    assert_eq!(ack.headers.get(&Name::CSeq), Some("5 ACK"));
    assert_eq!(ack.headers.get(&Name::Route), Some("<sip:proxy.example.com;lr>"));
    assert_eq!(stage.answered(), (id, 486, false));
    stage.receive(answer(&invite, 486, "b"));
    assert_eq!((stage.sent_in_short(), stage.events()), (vec!["ACK".into()], vec![]), "its ACK was lost");
    assert_eq!(stage.pass(seconds(31)), []);
    assert_eq!(stage.layer.len(), (0, 1), "timer D");
    stage.is_over();
}

#[test]
fn over_tcp_a_final_answer_is_the_end() {
    for (method, sent) in [(Method::Invite, vec!["ACK"]), (Method::Bye, vec![])] {
        let mut stage = tcp();
        let (_, request) = stage.ask(method);
        stage.receive(answer(&request, 481, "b"));
        assert_eq!(stage.sent_in_short(), sent);
        assert_eq!(stage.answered().1, 481);
        assert!(stage.layer.is_empty(), "timers D and K are zero");
    }
}

#[test]
fn each_2xx_of_a_fork_is_told_and_its_repeats_are_marked() {
    let mut stage = udp();
    let (id, invite) = stage.ask(Method::Invite);
    for (tag, repeated) in [("one", false), ("two", false), ("one", true), ("two", true)] {
        stage.receive(answer(&invite, 200, tag));
        assert_eq!(stage.answered(), (id, 200, repeated));
    }
    stage.receive(answer(&invite, 486, "three"));
    assert_eq!((stage.events(), stage.sent_in_short()), (vec![], vec![]), "it is answered already");
    stage.pass(seconds(32));
    assert!(stage.layer.is_empty(), "timer M");
    stage.receive(answer(&invite, 200, "late"));
    assert_eq!((stage.events(), stage.layer.counters().strays), (vec![], 1));
}

#[test]
fn a_final_answer_of_another_request_is_told_once() {
    let mut stage = udp();
    let (id, options) = stage.ask(Method::Options);
    stage.receive(answer(&options, 200, "b"));
    stage.receive(answer(&options, 200, "b"));
    stage.receive(answer(&options, 404, "b"));
    assert_eq!(stage.answered(), (id, 200, false));
    assert_eq!(stage.pass(seconds(5)), []);
    assert!(stage.layer.is_empty(), "timer K");
}

#[test]
fn a_cancel_waits_for_a_provisional_answer() {
    let mut stage = udp();
    let (id, invite) = stage.ask(Method::Invite);
    stage.layer.cancel_because(stage.now, id, Some("SIP;cause=200"));
    assert_eq!(stage.sent_in_short(), [""; 0]);
    stage.receive(answer(&invite, 180, "b"));
    let cancel = only_request(&mut stage);
    assert_eq!(cancel.method, Method::Cancel);
    assert_eq!(cancel.headers.get(&Name::Via), invite.headers.get(&Name::Via), "the same branch");
    assert_eq!(cancel.headers.get(&Name::CSeq), Some("5 CANCEL"));
    assert_eq!(cancel.headers.get(&Name::To), invite.headers.get(&Name::To), "without a tag, as the INVITE");
    assert_eq!(cancel.headers.get(&Name::Reason), Some("SIP;cause=200"));
    stage.answered();
    assert_eq!(stage.pass(seconds(2)), [(500, "CANCEL".into()), (1500, "CANCEL".into())]);
    stage.receive(answer(&cancel, 200, "b"));
    stage.receive(answer(&invite, 487, "b"));
    assert_eq!(stage.sent_in_short(), ["ACK"]);
    assert_eq!(stage.answered(), (id, 487, false), "the answer to the CANCEL is the layer's");
    stage.is_over();
}

#[test]
fn a_2xx_that_crosses_the_cancel_is_told() {
    let mut stage = udp();
    let (id, invite) = stage.ask(Method::Invite);
    stage.receive(answer(&invite, 180, "b"));
    stage.answered();
    stage.layer.cancel(stage.now, id);
    assert_eq!(stage.sent_in_short(), ["CANCEL"]);
    stage.receive(answer(&invite, 200, "b"));
    assert_eq!(stage.answered(), (id, 200, false));
    assert_eq!(stage.pass(seconds(20)), [], "nothing is taken back any more");
    stage.is_over();
}

#[test]
fn an_invite_that_was_answered_cannot_be_taken_back() {
    let mut stage = udp();
    let (id, invite) = stage.ask(Method::Invite);
    stage.receive(answer(&invite, 200, "b"));
    stage.answered();
    stage.layer.cancel(stage.now, id);
    assert_eq!(stage.sent_in_short(), [""; 0]);
}

#[test]
fn a_cancelled_invite_that_is_never_answered_times_out() {
    for cancel_answered in [true, false] {
        let mut stage = udp();
        let (id, invite) = stage.ask(Method::Invite);
        stage.receive(answer(&invite, 180, "b"));
        stage.answered();
        stage.layer.cancel(stage.now, id);
        let cancel = only_request(&mut stage);
        if cancel_answered {
            stage.receive(answer(&cancel, 481, "b"));
        }
        stage.pass(seconds(33));
        assert_eq!(stage.events(), [Event::TimedOut { id }]);
        assert!(stage.layer.is_empty());
    }
}

#[test]
fn answers_that_are_not_ours_are_dropped_and_counted() {
    let mut stage = udp();
    let (_, options) = stage.ask(Method::Options);
    let good = answer(&options, 200, "b");
    let mut twice = good.clone();
    twice.headers.push("Via", "SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23");
    let mut other_method = good.clone();
    other_method.headers.set("CSeq", "5 INVITE");
    let mut cancels = good.clone();
    cancels.headers.set("CSeq", "5 CANCEL");
    let mut guessed = good.clone();
    guessed.headers.set("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK00000000000000000.0");
    let mut foreign = good.clone();
    foreign.headers.set("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-ünïcödé-branch.é");
    for stray in [twice, other_method, cancels, guessed, foreign] {
        stage.receive(stray);
    }
    assert_eq!((stage.events(), stage.layer.counters().strays), (vec![], 5));
    stage.receive(good);
    assert_eq!(stage.answered().1, 200);
}

#[test]
fn what_waits_on_a_flow_that_breaks_is_unreachable_once() {
    let mut stage = tcp();
    let (waiting, _) = stage.ask(Method::Invite);
    let (_, answered) = stage.ask(Method::Invite);
    stage.receive(answer(&answered, 200, "b"));
    stage.answered();
    let elsewhere = hookswitch_sip::Flow { connection: Some(2), ..stage.flow };
    stage.layer.flow_failed(elsewhere);
    assert_eq!(stage.events(), []);
    stage.layer.flow_failed(stage.flow);
    stage.layer.flow_failed(stage.flow);
    assert_eq!(stage.events(), [Event::Unreachable { id: waiting }]);
    assert!(stage.layer.is_empty());
}

#[test]
fn a_request_carries_our_via_on_top_and_may_go_seventy_hops() {
    let mut stage = udp();
    let (_, request) = stage.ask(Method::Invite);
    let via = request.headers.via().expect("a Via");
    assert_eq!(
        (via.to_string().starts_with("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK"), via.wants_rport()),
        (true, true)
    );
    assert_eq!(request.headers.max_forwards(), Some(70));
    let (_, second) = stage.ask(Method::Invite);
    assert_ne!(second.headers.via(), Some(via), "each has its own branch");
}

#[test]
fn the_ack_of_a_2xx_gets_a_via_of_its_own() {
    let mut stage = udp();
    let (_, invite) = stage.ask(Method::Invite);
    let ack =
        Request { method: Method::Ack, headers: crate::stage::ours(Method::Ack).headers, ..invite.clone() };
    stage.layer.transmit(stage.flow, ack);
    let sent = stage.sent();
    assert_eq!(sent.iter().map(in_short).collect::<Vec<_>>(), ["ACK"]);
    let branch = |message: &Message| message.headers().via().and_then(|via| via.branch().map(str::to_owned));
    assert_ne!(sent.first().and_then(branch), branch(&Message::Request(invite)));
}
