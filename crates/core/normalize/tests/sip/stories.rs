//! One test a story.

use hookswitch_model::{
    command::{Request, Verb},
    ledger::{Disposition, EndedBy},
};

use crate::{
    common::phone::{Manners, State},
    office::{Office, to},
};

/// A customer waits for alice, who answers.
fn talking() -> Office {
    let mut office = Office::new();
    office.phone("carrier").calls("5003");
    office.wait(5_000);
    office.check(&[
        "started inbound",
        "queued support at 1",
        "offered alice #1 of support",
        "offer_ended alice accepted",
        "answered alice",
    ]);
    office
}

#[test]
fn queue_answered() {
    let mut office = Office::new();
    office.phone("carrier").calls("5003");
    office.wait(5_000);
    assert_eq!(
        office.told(),
        [
            "started inbound",
            "queued support at 1",
            "agent alice ready>reserved",
            "offered alice #1 of support",
            "offer_ended alice accepted",
            "agent alice reserved>talking",
            "answered alice",
        ]
    );
    office.phone("alice").hangs_up();
    office.wait(1_000);
    office.check(&["ended answered by agent"]);
    let (_, ledger) = office.ended().remove(0);
    assert_eq!((ledger.disposition, ledger.ended_by), (Disposition::Answered, EndedBy::Agent));
    assert_eq!(office.handled_by(0), ["alice"]);
    assert_eq!(office.state_of("alice"), "ready");
    office.all_over();
}

#[test]
fn queue_abandoned() {
    let mut office = Office::new();
    office.phone("alice").register(0);
    office.phone("bob").register(0);
    office.wait(100);
    office.phone("carrier").calls("5003");
    office.wait(30_000);
    office.phone("carrier").cancels();
    office.wait(1_000);
    office.check(&["started inbound", "queued support at 1", "ended abandoned by customer"]);
    let waited = office.ended().remove(0).1.wait_ms;
    assert!((29_900..30_100).contains(&waited), "{waited}");
    office.all_over();
}

#[test]
fn abandoned_while_ringing() {
    let mut office = Office::new();
    office.phone("alice").manners = Manners::Rings;
    office.phone("carrier").calls("5003");
    office.wait(3_000);
    office.phone("carrier").cancels();
    office.wait(100);
    office.check(&[
        "started inbound",
        "queued support at 1",
        "offered alice #1 of support",
        "offer_ended alice caller_left",
        "ended abandoned by customer",
    ]);
    assert_eq!(office.state_of("alice"), "ready", "at once");
    office.all_over();
}

#[test]
fn rona() {
    let mut office = Office::new();
    office.phone("alice").manners = Manners::Rings;
    office.phone("carrier").calls("5003");
    office.wait(25_000);
    assert_eq!(
        office.told(),
        [
            "started inbound",
            "queued support at 1",
            "agent alice ready>reserved",
            "offered alice #1 of support",
            "offer_ended alice no_answer",
            "agent alice reserved>not_ready (no_answer)",
            "agent bob ready>reserved",
            "offered bob #2 of support",
            "offer_ended bob accepted",
            "agent bob reserved>talking",
            "answered bob",
        ]
    );
    office.phone("carrier").hangs_up();
    office.wait(100);
    assert_eq!(office.handled_by(0), ["bob"]);
    office.all_over();
}

#[test]
fn decline_and_unreachable() {
    for (manners, outcome) in [
        (Manners::Refuses(486), "declined"),
        (Manners::RefusesAfter(500, 603), "declined"),
        (Manners::Refuses(302), "declined"),
        (Manners::Refuses(480), "unreachable"),
        (Manners::Dead, "unreachable"),
    ] {
        let mut office = Office::new();
        office.phone("alice").manners = manners;
        office.phone("carrier").calls("5003");
        office.wait(12_000);
        let told = office.told_of_calls();
        assert_eq!(
            told[2..4],
            ["offered alice #1 of support".to_owned(), format!("offer_ended alice {outcome}")]
        );
        assert_eq!(told.last().unwrap(), "answered bob", "{manners:?}");
        office.phone("carrier").hangs_up();
        office.wait(100);
        assert_eq!(office.handled_by(0), ["bob"]);
        office.all_over();
    }
}

#[test]
fn not_ready_during_offer() {
    let mut office = Office::new();
    office.phone("alice").manners = Manners::Rings;
    office.phone("carrier").calls("5003");
    office.wait(3_000);
    office.told();
    let agent = "alice".parse().unwrap();
    let state = hookswitch_model::agent::AgentState::NotReady;
    office.request(Request::SetAgentState { agent, state, reason: Some("lunch".into()) }).unwrap();
    office.wait(5_000);
    office.check(&[
        "offer_ended alice withdrawn",
        "offered bob #2 of support",
        "offer_ended bob accepted",
        "answered bob",
    ]);
    assert_eq!(office.phone("alice").live(), 0);
    office.phone("bob").hangs_up();
    office.wait(100);
    office.all_over();
}

#[test]
fn two_devices() {
    let mut office = Office::new();
    office.phone("dora-mobile").manners = Manners::Rings;
    office.phone("carrier").calls("5013");
    office.wait(5_000);
    office.check(&[
        "started inbound",
        "queued billing at 1",
        "offered dora #1 of billing",
        "offer_ended dora accepted",
        "answered dora",
    ]);
    office.phone("carrier").hangs_up();
    office.wait(100);
    office.all_over();
}

#[test]
fn hold() {
    let mut office = talking();
    for direction in ["sendonly", "sendrecv", "inactive"] {
        office.phone("alice").offers(direction);
        office.wait(2_000);
    }
    office.phone("carrier").hangs_up();
    office.wait(100);
    office.check(&["held by alice", "retrieved by alice", "held by alice", "ended answered by customer"]);
    let held = office.ended().remove(0).1.hold_ms;
    assert!((3_900..4_100).contains(&held), "{held}");
    office.all_over();
}

#[test]
fn hold_by_command() {
    let mut office = talking();
    office.does("alice", Verb::Hold).unwrap();
    office.wait(2_000);
    office.does("alice", Verb::Retrieve).unwrap();
    office.wait(1_000);
    office.check(&["held by alice", "retrieved by alice"]);
    office.does("alice", Verb::Hangup).unwrap();
    office.wait(1_000);
    office.check(&["ended answered by agent"]);
    office.all_over();
}

#[test]
fn blind_to_agent() {
    let mut office = talking();
    office.phone("alice").refers("1002");
    office.wait(8_000);
    office.check(&[
        "transferred blind alice>bob to 1002",
        "offered bob #2 of -",
        "offer_ended bob accepted",
        "answered bob",
    ]);
    office.phone("bob").hangs_up();
    office.wait(100);
    let (call, ledger) = office.ended().remove(0);
    assert_eq!(office.handled_by(0), ["alice", "bob"]);
    assert_eq!(ledger.resolved_by.unwrap().as_str(), "bob");
    assert_eq!(call.ani.raw, "carrier", "the customer's identity stays");
    office.all_over();
}

#[test]
fn blind_to_agent_by_command() {
    let mut office = talking();
    office.does("alice", Verb::Transfer { to: to("bob") }).unwrap();
    office.wait(5_000);
    office.check(&[
        "transferred blind alice>bob to 1002",
        "offered bob #2 of -",
        "offer_ended bob accepted",
        "answered bob",
    ]);
    assert_eq!(office.phone("alice").live(), 0);
    office.phone("carrier").hangs_up();
    office.wait(100);
    assert_eq!(office.handled_by(0), ["alice", "bob"]);
    office.all_over();
}

#[test]
fn blind_to_number() {
    for by_command in [false, true] {
        let mut office = talking();
        if by_command {
            office.does("alice", Verb::Transfer { to: to("+49301234") }).unwrap();
        } else {
            office.phone("alice").refers("+49301234");
        }
        office.wait(8_000);
        office.check(&["transferred blind alice>- to +49301234", "answered sip:carrier"]);
        office.phone("carrier").hangs_up();
        office.wait(1_000);
        assert_eq!(office.handled_by(0), ["alice"]);
        assert!(office.ended()[0].1.segments.iter().any(|segment| segment.how == "blind"));
        office.phone("carrier").drop_all();
        office.wait(1_000);
        office.all_over();
    }
}

#[test]
fn blind_to_nowhere() {
    let mut office = talking();
    // By command: refused before anything happens.
    assert!(office.does("alice", Verb::Transfer { to: to("+1900555") }).is_err());
    // By phone: the same.
    office.phone("alice").refers("+1900555");
    office.wait(1_000);
    office.check(&[]);
    assert!(office.phone("alice").is(State::Up) && office.phone("carrier").is(State::Up));
    office.phone("alice").hangs_up();
    office.wait(100);
    office.all_over();
}

#[test]
fn blind_to_queue() {
    for by_command in [false, true] {
        let mut office = talking();
        if by_command {
            office.does("alice", Verb::Transfer { to: to("billing") }).unwrap();
        } else {
            office.phone("alice").refers("5013");
        }
        office.wait(5_000);
        let told = office.told_of_calls();
        assert!(told[0].starts_with("transferred blind alice>- to "), "{told:?}");
        assert_eq!(
            told[1..],
            [
                "queued billing at 1",
                "offered dora #2 of billing",
                "offer_ended dora accepted",
                "answered dora"
            ]
        );
        office.wait(8_000);
        office.phone("carrier").hangs_up();
        office.wait(100);
        assert_eq!(office.handled_by(0), ["alice", "dora"]);
        office.all_over();
    }
}

#[test]
fn attended() {
    let mut office = talking();
    office.phone("alice").offers("sendonly");
    office.wait(500);
    let first = office.phone("alice").talks.iter().position(|talk| talk.state == State::Up).unwrap();
    let second = office.phone("alice").calls("1002");
    office.wait(4_000);
    office.phone("alice").refers_with(first, second);
    office.wait(8_000);
    office.check(&[
        "held by alice",
        "started internal",
        "offered bob #1 of -",
        "offer_ended bob accepted",
        "answered bob",
        "transferred attended alice>bob to 1002",
        "ended merged by agent",
    ]);
    office.phone("bob").hangs_up();
    office.wait(100);
    assert_eq!(office.handled_by(0), ["alice", "bob"]);
    let ended = office.ended();
    assert_eq!(ended[1].1.merged_into, Some(ended[0].0.id));
    assert_eq!(ended[0].1.resolved_by.as_ref().unwrap().as_str(), "bob");
    office.all_over();
}

#[test]
fn attended_by_command() {
    let mut office = talking();
    office.does("alice", Verb::Consult { to: to("bob") }).unwrap();
    office.wait(4_000);
    office.does("alice", Verb::ConsultComplete).unwrap();
    office.wait(1_000);
    office.check(&[
        "started internal",
        "held by alice",
        "offered bob #1 of -",
        "offer_ended bob accepted",
        "answered bob",
        "transferred attended alice>bob to 1002",
        "ended merged by agent",
    ]);
    office.phone("carrier").hangs_up();
    office.wait(100);
    assert_eq!(office.handled_by(0), ["alice", "bob"]);
    assert_eq!(office.state_of("alice"), "ready");
    assert_eq!(office.state_of("bob"), "ready");
    office.all_over();
}

#[test]
fn attended_cancel_refused_and_no_answer() {
    for manners in [Manners::Answers(1_000), Manners::Refuses(486), Manners::Rings] {
        let mut office = talking();
        office.phone("bob").manners = manners;
        office.does("alice", Verb::Consult { to: to("bob") }).unwrap();
        office.wait(32_000);
        if manners == Manners::Answers(1_000) {
            office.does("alice", Verb::ConsultCancel).unwrap();
        } else {
            office.does("alice", Verb::Retrieve).unwrap();
        }
        office.wait(1_000);
        let told = office.told_of_calls();
        assert_eq!(told.last().unwrap(), "retrieved by alice", "{told:?}");
        assert!(!told.iter().any(|line| line.starts_with("transferred")), "{told:?}");
        office.phone("alice").hangs_up();
        office.wait(100);
        assert_eq!(office.handled_by(0), ["alice"], "{manners:?}");
        office.all_over();
    }
}

#[test]
fn attended_c_leaves() {
    let mut office = talking();
    office.does("alice", Verb::Consult { to: to("bob") }).unwrap();
    office.wait(4_000);
    office.told();
    office.phone("carrier").hangs_up();
    office.wait(500);
    office.check(&["ended answered by customer"]);
    assert_eq!(office.state_of("alice"), "talking");
    office.phone("bob").hangs_up();
    office.wait(500);
    assert_eq!(office.state_of("alice"), "ready");
    assert_eq!(office.ended()[0].1.resolved_by.as_ref().unwrap().as_str(), "alice");
    office.all_over();
}

#[test]
fn attended_blonde() {
    let mut office = talking();
    office.phone("bob").manners = Manners::Answers(4_000);
    office.does("alice", Verb::Consult { to: to("bob") }).unwrap();
    office.wait(1_000);
    office.does("alice", Verb::ConsultComplete).unwrap();
    office.wait(6_000);
    let told = office.told_of_calls();
    assert!(told.contains(&"transferred attended alice>bob to 1002".to_owned()), "{told:?}");
    assert_eq!(told.last().unwrap(), "answered bob");
    office.phone("carrier").hangs_up();
    office.wait(100);
    assert_eq!(office.handled_by(0), ["alice", "bob"]);
    office.all_over();

    // Nobody answers: back to who transferred.
    let mut office = talking();
    office.phone("bob").manners = Manners::Rings;
    office.does("alice", Verb::Consult { to: to("bob") }).unwrap();
    office.wait(1_000);
    office.does("alice", Verb::ConsultComplete).unwrap();
    office.wait(40_000);
    let told = office.told_of_calls();
    assert!(told.contains(&"offer_ended bob no_answer".to_owned()), "{told:?}");
    assert_eq!(told.last().unwrap(), "answered alice");
    office.phone("carrier").hangs_up();
    office.wait(100);
    assert_eq!(office.handled_by(0), ["alice"]);
    office.all_over();
}

#[test]
fn chain() {
    let mut office = talking();
    for (from, next) in [("alice", "bob"), ("bob", "dora")] {
        office.does(from, Verb::Consult { to: to(next) }).unwrap();
        office.wait(4_000);
        office.does(from, Verb::ConsultComplete).unwrap();
        office.wait(1_000);
    }
    office.phone("carrier").hangs_up();
    office.wait(100);
    let told = office.told_of_calls();
    assert_eq!(told.iter().filter(|line| line.starts_with("transferred attended")).count(), 2, "{told:?}");
    assert_eq!(office.handled_by(0), ["alice", "bob", "dora"]);
    office.all_over();
}

#[test]
fn conference() {
    let mut settings = crate::common::settings();
    let address = "10.9.9.9".parse().unwrap();
    settings.media = Some(hookswitch_switch::settings::MediaPorts { address, first: 20_000, last: 20_020 });
    let mut office = Office::with(settings, 1);
    office.phone("carrier").calls("5003");
    office.wait(5_000);
    office.does("alice", Verb::Consult { to: to("bob") }).unwrap();
    office.wait(4_000);
    office.told();
    office.does("alice", Verb::ConsultConference).unwrap();
    office.wait(1_000);
    let told = office.told_of_calls();
    assert!(told.contains(&"conferenced alice sip:carrier bob".to_owned()), "{told:?}");
    assert!(told.contains(&"party_joined agent bob".to_owned()), "{told:?}");
    office.phone("alice").hangs_up();
    office.wait(1_000);
    office.check(&["party_left agent alice"]);
    office.phone("carrier").hangs_up();
    office.wait(100);
    office.check(&["ended answered by customer"]);
    assert_eq!(office.handled_by(0), ["alice", "bob"]);
    assert_eq!(office.ended()[0].1.resolved_by.as_ref().unwrap().as_str(), "bob");
    office.all_over();
}
