//! Transfers, consultations, conferences, calls that are made: by phones and by order.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks for one kind of event"
)]

mod common;

use std::{collections::BTreeMap, time::Duration};

use common::{
    Stage, line, number,
    phone::{Manners, State},
    settings,
};
use hookswitch_switch::{CallId, Command, Refused, Supervision, Target, settings::MediaPorts};

/// A customer talks to alice.
fn talking_on(mut stage: Stage) -> Stage {
    stage.phone("carrier").calls("5003");
    stage.wait(50);
    stage.ring(&["alice"], 15);
    stage.wait(3_000);
    assert!(stage.phone("carrier").is(State::Up) && stage.phone("alice").is(State::Up));
    stage.told();
    stage
}

fn talking() -> Stage {
    talking_on(Stage::new())
}

fn with_media() -> Stage {
    let mut settings = settings();
    settings.media = Some(MediaPorts { address: "10.9.9.9".parse().unwrap(), first: 20_000, last: 20_010 });
    Stage::with(settings, 1)
}

/// Whether these two were told of each other.
fn hear_each_other(stage: &mut Stage, one: &str, other: &str) -> bool {
    let (one_at, other_at) = (stage.at(one).ip().to_string(), stage.at(other).ip().to_string());
    let hears = |stage: &mut Stage, name: &str, at: &str| {
        let heard = &stage.phone(name).talk().heard;
        heard.contains(&format!("c=IN IP4 {at}\r"))
            && !heard.contains("a=inactive")
            && !heard.contains("a=sendonly")
    };
    hears(stage, one, &other_at) && hears(stage, other, &one_at)
}

#[test]
fn a_phone_gives_its_call_to_an_extension() {
    let mut stage = talking();
    stage.phone("alice").refers("1002");
    stage.wait(3_000);
    stage.check(&[
        "1 transferred blind alice ->  (1002)",
        "1 left alice Transferred",
        "1 apart C",
        "1 rings bob",
        "1 up bob",
        "1 talks C",
        "1 talks bob",
    ]);
    assert!(hear_each_other(&mut stage, "carrier", "bob"));
    let told: Vec<String> = stage
        .phone("alice")
        .requests
        .iter()
        .filter(|request| request.method == hookswitch_sip::Method::Notify)
        .map(|request| String::from_utf8_lossy(&request.body).trim().to_owned())
        .collect();
    assert_eq!(told, ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]);
    stage.wait(5_000);
    assert_eq!(stage.phone("alice").live(), 0, "hung up on, as it did not hang up itself");
    stage.phone("carrier").hangs_up();
    stage.wait(100);
    stage.check(&["1 left bob Released", "1 left C HungUp", "1 ended by C 16"]);
    stage.all_over();
}

#[test]
fn a_phone_gives_its_call_outside_where_that_is_allowed_and_nowhere_else() {
    let mut stage = talking();
    stage.phone("alice").refers("+1900555");
    stage.wait(100);
    assert_eq!(stage.phone("alice").answers.last().unwrap(), "REFER 403");
    stage.check(&[]);
    stage.phone("alice").refers("+49301234");
    stage.wait(3_000);
    let told = stage.told();
    assert!(told.contains(&"1 rings C' +49301234".to_owned()), "{told:?}");
    stage.phone("carrier").drop_all();
    stage.wait(1_000);
    stage.all_over();
}

#[test]
fn a_number_of_the_house_is_asked_of_the_waiting_room() {
    let mut stage = talking();
    stage.phone("alice").refers("5013");
    stage.wait(200);
    stage.check(&[
        "1 transferred blind alice ->  (5013)",
        "1 left alice Transferred",
        "1 apart C",
        "1 waits 5013",
    ]);
    assert!(stage.phone("carrier").talk().heard.contains("a=inactive"));
    stage.ring(&["bob"], 15);
    stage.wait(3_000);
    assert!(hear_each_other(&mut stage, "carrier", "bob"));
    stage.phone("bob").hangs_up();
    stage.wait(100);
    stage.all_over();
}

#[test]
fn whom_nobody_answers_after_a_transfer_waits_again() {
    let mut stage = talking();
    stage.phone("bob").manners = Manners::Refuses(486);
    stage.phone("alice").refers("1002");
    stage.wait(1_000);
    let told = stage.told();
    assert_eq!(told[told.len() - 2..], ["1 left bob Busy", "1 waits 5003"]);
}

#[test]
fn a_customer_may_not_transfer() {
    let mut stage = talking();
    stage.phone("carrier").refers("1002");
    stage.wait(100);
    assert_eq!(stage.phone("carrier").answers.last().unwrap(), "REFER 403");
    stage.check(&[]);
}

/// alice holds the customer and calls bob by her phone; the places of her two talks.
fn consulting(stage: &mut Stage) -> (usize, usize) {
    stage.phone("alice").offers("sendonly");
    stage.wait(100);
    let first = stage.phone("alice").talks.iter().position(|talk| talk.state == State::Up).unwrap();
    let second = stage.phone("alice").calls("1002");
    stage.wait(500);
    (first, second)
}

#[test]
fn a_phone_makes_one_call_of_two() {
    let mut stage = talking();
    let (first, second) = consulting(&mut stage);
    stage.wait(3_000);
    stage.check(&[
        "1 holds alice",
        "2 started internal alice' 1001 -> 1002",
        "2 rings bob",
        "2 up bob",
        "2 up alice'",
        "2 talks alice'",
        "2 talks bob",
    ]);
    stage.phone("alice").refers_with(first, second);
    stage.wait(500);
    stage.check(&[
        "1 gets bob from 2",
        "1 transferred attended alice -> bob (1002) by 2",
        "1 left alice Transferred",
        "2 left alice' Transferred",
        "2 merged into 1",
        "1 talks bob",
    ]);
    assert!(hear_each_other(&mut stage, "carrier", "bob"));
    stage.wait(6_000);
    assert_eq!(stage.phone("alice").live(), 0);
    stage.phone("bob").hangs_up();
    stage.wait(100);
    stage.check(&["1 left C Released", "1 left bob HungUp", "1 ended by bob 16"]);
    stage.all_over();
}

#[test]
fn the_older_call_goes_on_whichever_is_named_first() {
    let mut stage = talking();
    let (first, second) = consulting(&mut stage);
    stage.wait(3_000);
    stage.told();
    stage.phone("alice").refers_with(second, first);
    stage.wait(500);
    assert!(stage.told().contains(&"2 merged into 1".to_owned()));
    assert!(hear_each_other(&mut stage, "carrier", "bob"));
}

#[test]
fn a_transfer_that_comes_while_the_target_rings_is_answered_by_the_target() {
    let mut stage = talking();
    let (first, second) = consulting(&mut stage);
    stage.told();
    stage.phone("alice").refers_with(first, second);
    stage.wait(4_000);
    let told = stage.told();
    assert_eq!(
        told,
        [
            "1 gets bob from 2",
            "1 transferred attended alice -> bob (1002) by 2",
            "1 left alice Transferred",
            "2 left alice' Transferred",
            "2 merged into 1",
            "1 apart C",
            "1 up bob",
            "1 talks C",
            "1 talks bob",
        ]
    );
    assert!(hear_each_other(&mut stage, "carrier", "bob"));
    stage.phone("carrier").hangs_up();
    stage.wait(100);
    stage.all_over();
}

/// alice consults bob by order.
fn consulted(stage: &mut Stage) -> CallId {
    let (leg, other) = (stage.leg("alice"), stage.leg("carrier"));
    let consult = CallId::new("k");
    let to = Target::Lines(vec![line("sip:bob")]);
    let timeout = Duration::from_secs(20);
    stage.order(Command::Consult { leg, other, consult: consult.clone(), to, timeout, shown: None });
    consult
}

const CONSULTED: [&str; 7] = [
    "1 holds alice",
    "2 started internal alice' 1001 -> 1002",
    "2 up alice'",
    "2 rings bob",
    "2 up bob",
    "2 talks alice'",
    "2 talks bob",
];

#[test]
fn an_ordered_consultation_completes() {
    let mut stage = talking();
    let consult = consulted(&mut stage);
    stage.wait(3_000);
    stage.check(&CONSULTED);
    assert!(hear_each_other(&mut stage, "alice", "bob"));
    assert!(stage.phone("carrier").talk().heard.contains("a=inactive"));
    stage.order(Command::Complete { consult });
    stage.wait(500);
    stage.check(&[
        "1 gets bob from 2",
        "1 transferred attended alice -> bob (1002) by 2",
        "1 left alice Transferred",
        "2 left alice' Transferred",
        "2 merged into 1",
        "1 talks bob",
    ]);
    assert!(hear_each_other(&mut stage, "carrier", "bob"));
    assert_eq!(stage.phone("alice").live(), 0);
    stage.phone("carrier").hangs_up();
    stage.wait(100);
    stage.check(&["1 left bob Released", "1 left C HungUp", "1 ended by C 16"]);
    stage.all_over();
}

#[test]
fn an_ordered_consultation_is_cancelled() {
    for ms in [1_000, 3_000] {
        let mut stage = talking();
        let consult = consulted(&mut stage);
        stage.wait(ms);
        stage.told();
        stage.order(Command::Cancel { consult });
        stage.wait(500);
        let bob = if ms == 1_000 { "2 left bob Cancelled" } else { "2 left bob Released" };
        stage.check(&[bob, "2 left alice' HungUp", "2 ended by alice' 16", "1 retrieves alice"]);
        assert!(hear_each_other(&mut stage, "carrier", "alice"));
        assert_eq!(stage.phone("bob").live(), 0);
        stage.phone("alice").hangs_up();
        stage.wait(100);
        stage.check(&["1 left C Released", "1 left alice HungUp", "1 ended by alice 16"]);
        stage.all_over();
    }
}

#[test]
fn who_is_consulted_and_refuses_leaves_the_customer_held() {
    let mut stage = talking();
    stage.phone("bob").manners = Manners::Refuses(486);
    consulted(&mut stage);
    stage.wait(1_000);
    let told = stage.told();
    assert_eq!(told[told.len() - 3..], ["2 left bob Busy", "2 left alice' Released", "2 ended by nobody 17"]);
    assert!(stage.phone("carrier").talk().heard.contains("a=inactive"));
    let leg = stage.leg("alice");
    stage.order(Command::Retrieve { leg: legs_first(leg) });
    stage.wait(500);
    stage.check(&["1 retrieves alice"]);
    assert!(hear_each_other(&mut stage, "carrier", "alice"));
}

/// The leg in the first call, whose consultation is over.
fn legs_first(leg: hookswitch_switch::LegId) -> hookswitch_switch::LegId {
    leg.to_string().split('.').next().unwrap().parse().unwrap()
}

#[test]
fn a_customer_who_leaves_during_a_consultation_leaves_the_two_a_call() {
    let mut stage = talking();
    consulted(&mut stage);
    stage.wait(3_000);
    stage.told();
    stage.phone("carrier").hangs_up();
    stage.wait(200);
    stage.check(&["1 left alice Released", "1 left C HungUp", "1 ended by C 16"]);
    assert!(hear_each_other(&mut stage, "alice", "bob"));
    stage.phone("alice").hangs_up();
    stage.wait(200);
    stage.check(&["2 left bob Released", "2 left alice' HungUp", "2 ended by alice' 16"]);
    stage.all_over();
}

#[test]
fn who_hangs_up_while_consulting_gives_the_customer_away_or_back() {
    let mut stage = talking();
    consulted(&mut stage);
    stage.wait(3_000);
    stage.told();
    stage.phone("alice").hangs_up();
    stage.wait(300);
    assert!(stage.told().contains(&"2 merged into 1".to_owned()));
    assert!(hear_each_other(&mut stage, "carrier", "bob"));
    stage.phone("bob").hangs_up();
    stage.wait(100);
    stage.all_over();

    let mut stage = talking();
    consulted(&mut stage);
    stage.wait(1_000);
    stage.told();
    stage.phone("alice").hangs_up();
    stage.wait(300);
    stage.check(&[
        "2 left bob CallerLeft",
        "2 left alice' HungUp",
        "2 ended by alice' 16",
        "1 left alice HungUp",
        "1 apart C",
        "1 waits 5003",
    ]);
    stage.phone("carrier").hangs_up();
    stage.wait(100);
    stage.all_over();
}

#[test]
fn three_talk_by_our_mixer_and_two_of_them_go_on_end_to_end() {
    let mut stage = talking_on(with_media());
    let consult = consulted(&mut stage);
    stage.wait(3_000);
    stage.told();
    stage.order(Command::Conference { consult });
    stage.wait(500);
    stage.check(&[
        "1 gets bob from 2",
        "2 left alice' Transferred",
        "2 merged into 1",
        "1 retrieves alice",
        "1 talks bob",
        "1 conference alice C bob",
    ]);
    for name in ["carrier", "alice", "bob"] {
        assert!(stage.phone(name).talk().heard.contains("c=IN IP4 10.9.9.9"), "{name}");
    }
    assert_eq!(stage.switch.load().ports, 3);
    stage.phone("alice").hangs_up();
    stage.wait(500);
    stage.check(&["1 left alice HungUp"]);
    assert!(hear_each_other(&mut stage, "carrier", "bob"));
    assert_eq!(stage.switch.load().ports, 0);
    stage.phone("carrier").hangs_up();
    stage.wait(100);
    stage.check(&["1 left bob Released", "1 left C HungUp", "1 ended by C 16"]);
    stage.all_over();
}

#[test]
fn without_media_nobody_confers_and_all_stays_as_it_was() {
    let mut stage = talking();
    let consult = consulted(&mut stage);
    stage.wait(3_000);
    stage.told();
    stage.order(Command::Conference { consult });
    stage.wait(100);
    assert_eq!(stage.told(), [format!("refused: {}", Refused::NoMedia)]);
    assert!(hear_each_other(&mut stage, "alice", "bob"));
}

#[test]
fn a_supervisor_hears_the_pair_and_the_pair_goes_on_without() {
    let mut stage = talking_on(with_media());
    let leg = stage.leg("alice");
    stage.order(Command::Supervise { leg, lines: vec![line("sip:bob")], mode: Supervision::Listen });
    stage.wait(3_000);
    stage.check(&["1 Listen bob"]);
    for name in ["carrier", "alice", "bob"] {
        assert!(stage.phone(name).talk().heard.contains("c=IN IP4 10.9.9.9"), "{name}");
    }
    stage.phone("bob").hangs_up();
    stage.wait(500);
    stage.check(&["1 left bob HungUp"]);
    assert!(hear_each_other(&mut stage, "carrier", "alice"));
    stage.order(Command::Supervise { leg, lines: vec![line("sip:bob")], mode: Supervision::Barge });
    stage.wait(3_000);
    stage.phone("carrier").hangs_up();
    stage.wait(200);
    assert_eq!(stage.phone("bob").live(), 0, "the supervisor goes with the call");
    stage.all_over();
}

fn dial(stage: &mut Stage, to: Target) {
    stage.order(Command::Dial {
        call: CallId::new("hs-1"),
        lines: vec![line("sip:alice")],
        timeout: Duration::from_secs(20),
        to,
        shown: Some("+49309999".to_owned()),
        data: BTreeMap::from([("case".to_owned(), "7".to_owned())]),
    });
}

#[test]
fn a_click_rings_the_own_phone_then_the_far_end() {
    let mut stage = Stage::new();
    dial(&mut stage, number("+49301234"));
    stage.wait(6_000);
    stage.check(&[
        "1 started outbound alice 1001 -> +49301234",
        "1 rings alice",
        "1 up alice",
        "1 rings C +49301234",
        "1 up C",
        "1 talks C",
        "1 talks alice",
    ]);
    assert!(hear_each_other(&mut stage, "alice", "carrier"));
    let invite = stage.phone("carrier").requests[0].clone();
    assert!(
        invite.headers.get(&hookswitch_sip::Name::From).unwrap().contains("sip:%2B49309999@")
            || invite.headers.get(&hookswitch_sip::Name::From).unwrap().contains("sip:+49309999@")
    );
    assert_eq!(invite.headers.named("X-Case"), Some("7"));
    stage.phone("carrier").hangs_up();
    stage.wait(100);
    stage.check(&["1 left alice Released", "1 left C HungUp", "1 ended by C 16"]);
    stage.all_over();
}

#[test]
fn a_click_whose_own_phone_is_not_answered_rings_nobody_outside() {
    for (manners, end, q850) in [(Manners::Rings, "NoAnswer", 19), (Manners::Refuses(486), "Busy", 17)] {
        let mut stage = Stage::new();
        stage.phone("alice").manners = manners;
        dial(&mut stage, number("+49301234"));
        stage.wait(21_000);
        let told = stage.told();
        assert_eq!(told[2..], [format!("1 left alice {end}"), format!("1 ended by nobody {q850}")]);
        assert!(stage.phone("carrier").requests.is_empty());
        stage.all_over();
    }
    let mut stage = Stage::new();
    stage.phone("alice").register(0);
    stage.wait(100);
    dial(&mut stage, number("+49301234"));
    stage.wait(100);
    stage.check(&["dial failed Unreachable"]);
}

#[test]
fn a_click_whose_far_end_is_busy_lets_the_own_phone_go() {
    let mut stage = Stage::new();
    stage.phone("carrier").manners = Manners::Refuses(486);
    dial(&mut stage, number("+49301234"));
    stage.wait(4_000);
    let told = stage.told();
    assert_eq!(told[told.len() - 3..], ["1 left C Busy", "1 left alice Released", "1 ended by nobody 17"]);
    stage.all_over();
}

#[test]
fn phones_call_each_other_and_outside() {
    let mut stage = Stage::new();
    stage.phone("alice").calls("1002");
    stage.wait(3_000);
    stage.check(&[
        "1 started internal alice 1001 -> 1002",
        "1 rings bob",
        "1 up bob",
        "1 up alice",
        "1 talks alice",
        "1 talks bob",
    ]);
    stage.phone("bob").hangs_up();
    stage.wait(100);
    stage.check(&["1 left alice Released", "1 left bob HungUp", "1 ended by bob 16"]);
    stage.phone("alice").calls("+49301234");
    stage.wait(3_000);
    stage.told();
    assert!(hear_each_other(&mut stage, "alice", "carrier"));
    stage.phone("alice").hangs_up();
    stage.wait(100);
    stage.check(&["2 left C Released", "2 left alice' HungUp", "2 ended by alice' 16"]);
    stage.phone("alice").calls("+1900555");
    stage.wait(100);
    assert_eq!(stage.phone("alice").answers.last().unwrap(), "INVITE 403");
    stage.all_over();
}

#[test]
fn a_phone_picks_up_a_call_that_rings_at_another() {
    let mut stage = Stage::new();
    stage.phone("carrier").calls("5003");
    stage.wait(50);
    stage.phone("alice").manners = Manners::Rings;
    stage.ring(&["alice"], 30);
    stage.wait(500);
    stage.told();
    let invite = stage.phone("alice").requests.last().unwrap().clone();
    let ours = invite.headers.from().unwrap().tag().unwrap().to_owned();
    let call_id = invite.headers.call_id().unwrap().to_owned();
    let tag = stage.phone("alice").talks.last().unwrap().tag();
    stage.phone("bob").calls_with("x", |invite| {
        invite.headers.push("Replaces", format!("{call_id};to-tag={ours};from-tag={tag};early-only"));
    });
    stage.wait(500);
    stage.check(&["1 left alice Cancelled", "1 rings bob", "1 up bob", "1 up C", "1 talks C", "1 talks bob"]);
    assert!(hear_each_other(&mut stage, "carrier", "bob"));
    stage.phone("bob").hangs_up();
    stage.wait(100);
    stage.all_over();
}
