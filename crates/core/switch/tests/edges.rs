//! Who may come in, what a trunk says, and what a call costs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks for one kind of event"
)]

mod common;

use std::time::Duration;

use common::{Stage, line, number, phone::Manners, settings};
use hookswitch_sip::{Flow, Instant, Message, Method, Name, Request, Response, parse};
use hookswitch_switch::{
    CallId, Command, Event, Settings, Switch,
    settings::{Account, Keys},
};

/// What a stranger gets for asking so for somebody; without what differs by nature.
fn answer_to(method: Method, user: &str) -> Response {
    let mut stage = Stage::new();
    stage.phone("stranger").calls_with(user, |request| {
        request.method = method.clone();
        request.headers.set(Name::CSeq, format!("1 {method}"));
    });
    stage.wait(100);
    let load = stage.switch.load();
    assert_eq!((load.calls, load.dialogs, load.transactions), (0, 0, 0), "nothing is kept of a stranger");
    stage.phone("stranger").responses.first().cloned().expect("an answer")
}

#[test]
fn a_stranger_gets_the_same_answer_whoever_is_asked_for() {
    for method in [Method::Invite, Method::Options, Method::Register] {
        let shape = |user: &str| {
            let answer = answer_to(method.clone(), user);
            let names: Vec<String> = answer.headers.iter().map(|header| header.name.to_string()).collect();
            (answer.status, answer.reason.clone(), names, answer.to_bytes_len(user))
        };
        let (known, unknown) = (shape("alice"), shape("nobob"));
        assert_eq!(known, unknown, "{method}");
        assert_eq!(known.0, 401);
    }
}

trait Length {
    fn to_bytes_len(&self, user: &str) -> usize;
}

impl Length for Response {
    /// The length without the name that was asked for.
    fn to_bytes_len(&self, user: &str) -> usize {
        String::from_utf8_lossy(&self.to_bytes()).replace(user, "").len()
    }
}

#[test]
fn a_wrong_password_registers_nobody_and_a_name_registers_only_itself() {
    let mut stage = Stage::new();
    let mut register = |name: &'static str, to: &str| {
        let own = format!("<sip:{to}@10.9.9.9>");
        stage.phone(name).calls_with(to, |request| {
            request.method = Method::Register;
            request.headers.set(Name::CSeq, "1 REGISTER");
            request.headers.set(Name::To, own.clone());
            request.body = Default::default();
        });
        stage.wait(2_000);
        stage.phone(name).responses.iter().map(|answer| answer.status).collect::<Vec<_>>()
    };
    assert!(register("stranger", "alice").iter().all(|status| *status == 401));
    assert_eq!(register("bob", "alice").last(), Some(&401), "asked for credentials first");
}

#[test]
fn whom_a_trunk_does_not_vouch_for_is_who_the_from_says() {
    for (trunk, number) in [("carrier", "+49305550001"), ("other", "other")] {
        let mut stage = Stage::new();
        stage.phone(trunk).calls_with("5003", |invite| {
            invite.headers.push(Name::PAssertedIdentity, "<sip:+49305550001@x.example>, <tel:+49305550001>");
        });
        stage.wait(100);
        let began = stage.events.iter().find_map(|event| match event {
            Event::Began(began) => Some(began.caller.number.clone()),
            _ => None,
        });
        assert_eq!(began.as_deref(), Some(number), "{trunk}");
    }
}

#[test]
fn what_cannot_be_done_for_a_caller_is_said_with_the_right_status() {
    let refused = |change: fn(&mut Request)| {
        let mut stage = Stage::new();
        stage.phone("carrier").calls_with("5003", change);
        stage.wait(100);
        stage.phone("carrier").responses.last().unwrap().clone()
    };
    let unknown = refused(|invite| invite.headers.push(Name::Require, "100rel, teleport"));
    assert_eq!((unknown.status, unknown.headers.get(&Name::Unsupported)), (420, Some("teleport")));
    let short = refused(|invite| invite.headers.push(Name::SessionExpires, "30"));
    assert_eq!((short.status, short.headers.get(&Name::MinSe)), (422, Some("90")));
    assert_eq!(refused(|invite| invite.headers.set(Name::MaxForwards, "0")).status, 483);
    assert_eq!(refused(|invite| invite.headers.set(Name::ContentType, "text/plain")).status, 415);
    assert_eq!(refused(|invite| invite.body = "nonsense".into()).status, 488);
    assert_eq!(refused(|invite| invite.body = vec![b'v'; 9_000].into()).status, 513);
}

#[test]
fn requests_of_no_dialog_are_refused_and_leave_nothing() {
    let mut stage = Stage::new();
    for method in [Method::Bye, Method::Prack, Method::Update, Method::Info, Method::Refer, Method::Notify] {
        stage.phone("carrier").calls_with("5003", |request| {
            request.method = method.clone();
            request.headers.set(Name::CSeq, format!("7 {method}"));
            request.headers.set(Name::To, "<sip:5003@10.9.9.9>;tag=00000000000000aa");
        });
        stage.wait(100);
        assert_eq!(stage.phone("carrier").responses.last().unwrap().status, 481, "{method}");
    }
    assert_eq!(stage.switch.load(), Default::default());
}

#[test]
fn an_old_request_of_a_dialog_is_refused() {
    let mut stage = Stage::new();
    stage.phone("carrier").calls("5003");
    stage.wait(50);
    stage.ring(&["alice"], 15);
    stage.wait(3_000);
    let mut info = stage.phone("alice").inside(0, Method::Info);
    info.headers.set(Name::CSeq, "0 INFO");
    stage.phone("alice").send_plain(info.clone());
    stage.wait(100);
    info.headers.set(Name::CSeq, "5 INFO");
    stage.phone("alice").send_plain(info.clone());
    stage.wait(100);
    info.headers.set(Name::CSeq, "4 INFO");
    stage.phone("alice").send_plain(info);
    stage.wait(100);
    let answers: Vec<_> =
        stage.phone("alice").answers.iter().filter(|line| line.starts_with("INFO")).cloned().collect();
    assert_eq!(answers, ["INFO 200", "INFO 200", "INFO 500"]);
    assert!(
        stage.phone("carrier").requests.iter().any(|request| request.method == Method::Info),
        "passed on"
    );
}

fn trunked(change: impl FnOnce(&mut Settings)) -> Stage {
    let mut settings = settings();
    change(&mut settings);
    Stage::with(settings, 3)
}

fn dial_out(stage: &mut Stage) {
    stage.phone("alice").calls("+49301234");
    stage.wait(100);
}

#[test]
fn a_trunk_that_does_not_answer_is_down_until_it_does() {
    let mut stage = trunked(|settings| settings.trunks[0].keep_alive = Some(Duration::from_secs(10)));
    let ups = |stage: &Stage| {
        let states = stage.events.iter().filter_map(|event| match event {
            Event::Trunk { name, up } if name == "carrier" => Some(*up),
            _ => None,
        });
        states.collect::<Vec<_>>()
    };
    assert_eq!(ups(&stage), [true]);
    stage.phone("carrier").deaf = true;
    stage.wait(60_000);
    assert_eq!(ups(&stage), [true, false]);
    dial_out(&mut stage);
    stage.wait(500);
    assert!(stage.phone("alice").answers.last().unwrap().starts_with("INVITE 50"), "not tried");
    stage.phone("carrier").deaf = false;
    stage.wait(60_000);
    assert_eq!(ups(&stage), [true, false, true]);
}

#[test]
fn each_address_of_a_trunk_is_asked_and_a_dead_one_is_passed_over() {
    let mut stage = trunked(|settings| {
        settings.trunks[0].keep_alive = Some(Duration::from_secs(10));
        settings.trunks[0].addresses.push("sip:10.1.0.2:5060".parse().unwrap());
    });
    let states = |stage: &Stage| {
        let states = stage.events.iter().filter_map(|event| match event {
            Event::Trunk { name, up } if name == "carrier" => Some(*up),
            _ => None,
        });
        states.collect::<Vec<_>>()
    };
    let tried = |stage: &mut Stage| {
        stage.wire.clear();
        dial_out(stage);
        stage.wait(3_000);
        if stage.phone("alice").live() > 0 {
            stage.phone("alice").hangs_up();
        }
        stage.wait(500);
        let trunk = |at: &str| stage.wire.iter().any(|line| line.contains(&format!(">{at}:5060 INVITE")));
        (trunk("10.1.0.1"), trunk("10.1.0.2"))
    };
    assert_eq!(tried(&mut stage), (true, false));
    stage.phone("carrier").deaf = true;
    stage.wait(60_000);
    assert_eq!(states(&stage), [true], "one of two is there");
    assert_eq!(tried(&mut stage), (false, true), "nobody waits for a dead address");
    stage.phone("other").deaf = true;
    stage.wait(60_000);
    assert_eq!(states(&stage), [true, false]);
    assert_eq!(tried(&mut stage), (false, false));
    stage.phone("carrier").deaf = false;
    stage.wait(60_000);
    assert_eq!(states(&stage), [true, false, true]);
    assert_eq!(tried(&mut stage), (true, false));
}

#[test]
fn what_is_too_large_for_a_datagram_goes_by_tcp_and_by_udp_to_who_refuses_that() {
    // Whether it is large, the trunk names its transport, and it takes connections; whether TCP is tried, and UDP used.
    for (large, named, takes, tried, datagram) in [
        (false, false, true, false, true),
        (true, false, true, true, false),
        (true, false, false, true, true),
        (true, true, true, false, true),
    ] {
        let mut stage = trunked(|settings| {
            settings.listen.push((hookswitch_sip::Transport::Tcp, common::switch_address()));
            if named {
                settings.trunks[0].addresses = vec!["sip:10.1.0.1:5060;transport=udp".parse().unwrap()];
            }
        });
        let carrier = stage.at("carrier");
        if takes {
            stage.streams.insert(carrier);
        }
        stage.phone("alice").calls_with("+49301234", |request| {
            for name in ["X-One", "X-Two", "X-Three"] {
                let length = if large { 500 } else { 5 };
                request.headers.push(Name::read(name), "x".repeat(length));
            }
        });
        stage.wait(1_000);
        let what = format!("{large} {named} {takes}: {:?}", stage.streamed);
        let invites = stage.streamed.iter().filter(|line| line.contains("INVITE")).count();
        assert_eq!(invites, usize::from(tried), "{what}");
        let datagrams = stage.wire.iter().filter(|line| line.contains(">10.1.0.1:5060 INVITE")).count();
        assert_eq!(datagrams, usize::from(takes && tried) + usize::from(datagram), "{what}");
        assert_eq!(stage.phone("carrier").live(), 1, "{what}");
        let told = stage.told();
        assert_eq!(told.iter().filter(|line| line.contains(" rings ")).count(), 1, "one leg: {told:?}");
    }
}

#[test]
fn the_next_address_is_tried_when_one_fails_or_is_silent() {
    for manners in [Manners::Refuses(503), Manners::Dead] {
        let mut stage = trunked(|settings| {
            settings.trunks[0].addresses.push("sip:10.1.0.2:5060".parse().unwrap());
        });
        stage.phone("carrier").manners = manners;
        dial_out(&mut stage);
        stage.wait(10_000);
        assert_eq!(stage.phone("other").live(), 1, "{manners:?}");
        let told = stage.told();
        assert_eq!(told.iter().filter(|line| line.contains(" rings ")).count(), 1, "one leg: {told:?}");
        stage.phone("alice").hangs_up();
        stage.wait(100);
        stage.all_over();
    }
}

#[test]
fn a_trunk_takes_so_many_calls_and_no_more() {
    let mut stage = trunked(|settings| settings.trunks[0].max_calls = Some(2));
    for _ in 0..3 {
        stage.phone("carrier").calls("5003");
    }
    stage.wait(100);
    let refused = stage.phone("carrier").answers.iter().filter(|answer| *answer == "INVITE 503").count();
    assert_eq!((stage.switch.load().calls, refused), (2, 1));
    stage.phone("carrier").drop_all();
    stage.wait(1_000);
    stage.phone("carrier").calls("5003");
    stage.wait(100);
    assert_eq!(stage.switch.load().calls, 1, "there is room again");
}

#[test]
fn a_trunk_that_asks_for_a_password_gets_it_once() {
    let mut settings = settings();
    settings.trunks[0].account = Some(Account { user: "us".into(), password: "secret".into() });
    let mut switch = Switch::new(settings, &Keys { nonce: [1; 32], seed: 9 });
    let mut now = Instant::from_micros(1);
    switch.tick(now);
    let call = CallId::new("hs-1");
    // The own phone is behind the same trunk: the first INVITE goes there.
    let mut with = |switch: &mut Switch| {
        let lines = vec![line("sip:1001@carrier")];
        let to = number("+49301234");
        let timeout = Duration::from_secs(20);
        switch.command(
            now,
            hookswitch_switch::OrderId(1),
            Command::Dial { call: call.clone(), lines, timeout, to, shown: None, data: Default::default() },
        );
        now += Duration::from_millis(1);
    };
    with(&mut switch);
    let mut invites = Vec::new();
    let now = Instant::from_micros(5_000);
    for _ in 0..3 {
        while let Some(sent) = switch.poll_transmit() {
            let Ok(Message::Request(request)) = parse(&sent.bytes, &hookswitch_sip::Limits::default()) else {
                continue;
            };
            if request.method != Method::Invite {
                continue;
            }
            let asks = "Digest realm=\"carrier\", nonce=\"n\", algorithm=MD5, qop=\"auth\"";
            let asked = request.reply(401, "").with_to_tag("x").with(Name::WwwAuthenticate, asks);
            invites.push(request);
            let flow = Flow::udp(sent.flow.local, sent.flow.remote);
            switch.receive(now, flow, Message::Response(asked));
        }
    }
    assert_eq!(invites.len(), 2, "a password that is wrong is not tried again");
    assert!(!invites[0].headers.has(&Name::Authorization));
    assert!(invites[1].headers.get(&Name::Authorization).unwrap().contains("username=\"us\""));
    let failed = std::iter::from_fn(|| switch.poll_event()).any(|event| matches!(event, Event::Ended { .. }));
    assert!(failed);
}

#[test]
fn a_name_is_asked_of_the_edge_and_used_when_it_is_known() {
    let mut settings = settings();
    settings.trunks[0].addresses = vec!["sip:carrier.example;transport=udp".parse().unwrap()];
    let mut switch = Switch::new(settings, &Keys { nonce: [1; 32], seed: 9 });
    switch.tick(Instant::from_micros(1));
    let question = switch.poll_question().unwrap();
    assert_eq!((&*question.host, question.port), ("carrier.example", None));
    let exists = |switch: &mut Switch| {
        let number = "+49301234".to_owned();
        switch.command(Instant::from_micros(2), hookswitch_switch::OrderId(1), Command::Check { number });
        std::iter::from_fn(|| switch.poll_event())
            .any(|event| matches!(event, Event::Checked { exists: true, .. }))
    };
    assert!(!exists(&mut switch));
    switch.resolved(Instant::from_micros(3), &question, &["10.1.0.1:5060".parse().unwrap()]);
    assert!(exists(&mut switch));
}

#[test]
fn the_second_answer_of_a_fork_is_acknowledged_and_ended() {
    let mut stage = Stage::new();
    stage.phone("alice").manners = Manners::Dead;
    stage.phone("carrier").calls("5003");
    stage.wait(50);
    stage.ring(&["alice"], 30);
    stage.wait(50);
    let invite = stage.phone("alice").requests.last().unwrap().clone();
    let sdp = stage.phone("alice").sdp("sendrecv");
    let flow = Flow::udp(common::switch_address(), stage.at("alice"));
    for tag in ["one", "two"] {
        let answer = invite
            .reply(200, "")
            .with_to_tag(tag)
            .with(Name::Contact, format!("<sip:{tag}@10.0.0.1:5060>"))
            .with_body("application/sdp", sdp.clone());
        let now = stage.now;
        stage.switch.receive(now, flow, Message::Response(answer));
        stage.wait(20);
    }
    let sent = |method: &str, tag: &str| {
        let line = format!("{method} sip:{tag}@10.0.0.1:5060");
        stage.wire.iter().filter(|sent| sent.contains(&line)).count()
    };
    assert_eq!([sent("ACK", "one"), sent("ACK", "two")], [1, 1]);
    assert_eq!(sent("BYE", "one"), 0);
    assert!(sent("BYE", "two") > 0);
}

/// Bytes this process has in memory.
#[expect(clippy::disallowed_methods, reason = "the test measures itself; the crate under test reads nothing")]
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

#[test]
fn a_waiting_call_costs_less_than_20_kib() {
    const CALLS: usize = 4_000;
    let mut switch = Switch::new(settings(), &Keys { nonce: [1; 32], seed: 9 });
    let flow = Flow::udp("10.9.9.9:5060".parse().unwrap(), "10.1.0.1:5060".parse().unwrap());
    let invite = |n: usize| {
        format!(
            "INVITE sip:5003@10.9.9.9 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bK{n}\r\n\
             From: \"A Caller\" <sip:+4930555{n:04}@carrier.example>;tag={n}\r\nTo: <sip:5003@10.9.9.9>\r\n\
             Call-ID: {n}@carrier.example\r\nCSeq: 1 INVITE\r\nContact: <sip:gw@10.1.0.1:5060>\r\n\
             Max-Forwards: 70\r\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK\r\nSupported: timer, 100rel\r\n\
             P-Asserted-Identity: <sip:+4930555{n:04}@carrier.example>\r\nContent-Type: application/sdp\r\n\
             Content-Length: 231\r\n\r\n\
             v=0\r\no=- 1 1 IN IP4 10.1.0.1\r\ns=-\r\nc=IN IP4 10.1.0.1\r\nt=0 0\r\n\
             m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
             a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
        )
    };
    let waits = |switch: &mut Switch, n: usize| {
        let text = invite(n).replace("Content-Length: 231\r\n", "");
        let message = parse(text.as_bytes(), &hookswitch_sip::Limits::default()).unwrap();
        switch.receive(Instant::from_micros(n as u64), flow, message);
        while let Some(event) = switch.poll_event() {
            if let Event::Waits { call, .. } = event {
                let queue = "support".to_owned();
                switch.command(
                    Instant::from_micros(n as u64),
                    hookswitch_switch::OrderId(1),
                    Command::Queue { call, queue },
                );
            }
        }
        while switch.poll_transmit().is_some() {}
    };
    // What is there anyway, and room that was taken in advance, is not counted.
    (0..500).for_each(|n| waits(&mut switch, n));
    let before = resident();
    (500..500 + CALLS).for_each(|n| waits(&mut switch, n));
    let each = resident().saturating_sub(before) / CALLS;
    assert_eq!(switch.load().calls, 500 + CALLS);
    assert!((1_000..20 * 1_024).contains(&each), "{each} bytes a waiting call");
    println!("{each} bytes a waiting call");
}
