//! Click-to-dial: the agent's phone, then the far end; who may call outside, and how often.

use hookswitch_model::{
    agent::AgentState,
    call::{CallState, Direction, LegRole},
    command::{Destination, Refusal, Request, Taken},
    ledger::{Disposition, EndedBy},
    pbx::{Action, Fact, LegEnd},
    setup::{CalendarSetup, Mode, OutboundSetup, Setup},
};

use crate::stage::{self, World, agent, to};

const FAR: &str = "+49305550001";

fn setup(outbound: OutboundSetup) -> Setup {
    Setup { outbound, ..stage::setup(Mode::Route) }
}

fn allowing() -> OutboundSetup {
    OutboundSetup { allow: vec!["+49".into()], ..OutboundSetup::default() }
}

fn world() -> World {
    World::with(setup(allowing()))
}

fn dial_to(w: &mut World, id: &str, destination: Destination) -> Result<Taken, Refusal> {
    w.command_as(
        id,
        Request::Dial {
            agent: agent(id),
            to: destination,
            data: [("case".to_owned(), "7".to_owned())].into(),
        },
    )
    .result
}

fn dial(w: &mut World, id: &str, text: &str) -> Result<Taken, Refusal> {
    dial_to(w, id, to(text))
}

/// The reference the PBX was told to show the call under.
fn reference(w: &World) -> String {
    let found = w.actions.iter().rev().find_map(|action| match &action.action {
        Action::Dial { call, .. } => Some(call.as_str().to_owned()),
        _ => None,
    });
    found.unwrap()
}

/// alice clicks on a number, her phone rings.
fn clicked(w: &mut World) -> String {
    dial(w, "alice", FAR).unwrap();
    let call = reference(w);
    w.outbound(&call, "1001", FAR);
    w.rings(&call, &call, "PJSIP/1001");
    call
}

#[test]
fn a_click_is_a_call_at_once_and_the_pbx_shows_the_same() {
    let mut w = world();
    let answer = dial(&mut w, "alice", FAR).unwrap();
    w.check(&["started outbound", "agent alice ready>reserved"]);
    assert_eq!(w.asked_kept(), ["dial PJSIP/1001 then +49305550001"]);
    let call = reference(&w);
    assert_eq!(w.call_id(&call), answer.call.unwrap());
    assert_eq!(call, format!("hs-{}", w.last_action()));
    assert_eq!(w.call(&call).data["case"], "7");
    w.outbound(&call, "1001", FAR);
    w.rings(&call, &call, "PJSIP/1001");
    w.check(&["offered alice #1 of -"]);
    w.up(&call, &call);
    w.check(&["offer_ended alice accepted", "agent alice reserved>talking"]);
    w.rings(&call, "far", "PJSIP/trunk:+49305550001");
    w.up(&call, "far");
    w.talking(&call, &[&call, "far"]);
    w.check(&["answered alice"]);
    let command = w.last_command();
    let of_call = w.events.iter().filter(|event| event.kind.call().is_some());
    assert!(of_call.into_iter().all(|event| event.action == Some(command)), "all of it comes of the click");
    let (known, roles) = (w.call(&call), w.call(&call).legs.iter().map(|leg| leg.role).collect::<Vec<_>>());
    assert_eq!((known.direction, known.state), (Direction::Outbound, CallState::Connected));
    assert_eq!(roles, [LegRole::Agent, LegRole::Customer]);
    w.wait(5_000);
    w.leaves(&call, "far", LegEnd::HungUp);
    w.leaves(&call, &call, LegEnd::Released);
    w.ends(&call, Some("far"), 16);
    let ledger = w.ledger(&call);
    assert_eq!((ledger.disposition, ledger.ended_by), (Disposition::Answered, EndedBy::Customer));
    assert_eq!(ledger.handled_by, [agent("alice")]);
    w.agent_is("alice", AgentState::Ready);
}

#[test]
fn a_double_click_dials_once_and_answers_twice_alike() {
    let mut w = world();
    let first = dial(&mut w, "alice", FAR).unwrap();
    w.wait(1_999);
    assert_eq!(dial(&mut w, "alice", FAR).unwrap(), first);
    assert_eq!(w.asked().len(), 1);
    w.wait(1);
    let third = dial(&mut w, "alice", FAR).unwrap_err();
    assert_eq!(third.to_string(), "alice is in a call");
}

#[test]
fn a_number_that_is_clicked_again_after_its_call_has_ended_is_dialled_again() {
    let mut w = world();
    let first = dial(&mut w, "alice", FAR).unwrap();
    let action = w.last_action();
    w.takes(action);
    w.fact(Fact::DialFailed { action, end: LegEnd::Busy, cause: None });
    w.agent_is("alice", AgentState::Ready);
    w.wait(500);
    let second = dial(&mut w, "alice", FAR).unwrap();
    assert_ne!(second.call, first.call);
    assert_ne!(w.last_action(), action, "the PBX is asked again");
}

#[test]
fn who_does_not_pick_up_the_own_phone_dials_nobody() {
    for end in [LegEnd::NoAnswer, LegEnd::Busy, LegEnd::Rejected, LegEnd::Unreachable] {
        let mut w = world();
        let call = clicked(&mut w);
        w.leaves(&call, &call, end);
        w.ends(&call, None, 19);
        assert_eq!(w.ledger(&call).disposition, Disposition::Failed, "{end:?}");
        w.agent_is("alice", AgentState::Ready);
    }
}

#[test]
fn an_own_phone_that_the_pbx_cannot_ring_fails_the_call_with_a_reason() {
    let mut w = world();
    dial(&mut w, "alice", FAR).unwrap();
    let (call, action) = (reference(&w), w.last_action());
    w.told();
    w.takes(action);
    w.fact(Fact::DialFailed { action, end: LegEnd::Unreachable, cause: None });
    w.check(&[
        "agent alice reserved>ready",
        "failed dial of alice: the phone could not be reached",
        "ended failed by system",
    ]);
    w.ends(&call, None, 20);
    w.check(&[]);
    assert_eq!(w.engine.counters().violations, 0, "that the PBX says it, too, is no second end");
}

#[test]
fn an_action_the_pbx_refuses_fails_the_call() {
    let mut w = world();
    dial(&mut w, "alice", FAR).unwrap();
    let action = w.last_action();
    w.told();
    w.refuses(action);
    w.check(&["agent alice reserved>ready", "failed dial of alice: no", "ended failed by system"]);
}

#[test]
fn a_call_the_pbx_never_shows_is_given_up_and_hung_up_when_it_shows_after_all() {
    let mut w = world();
    dial(&mut w, "alice", FAR).unwrap();
    let call = reference(&w);
    w.told();
    w.wait(14_999);
    w.check(&[]);
    w.wait(1);
    w.check(&[
        "agent alice reserved>ready",
        "failed dial of alice: the PBX gave no sign of it",
        "ended failed by system",
    ]);
    w.asked();
    w.outbound(&call, "1001", FAR);
    assert_eq!(w.asked(), [format!("hang up {call} 16")]);
    w.check(&[]);
}

#[test]
fn a_call_asked_for_just_before_the_link_was_lost_is_neither_lost_nor_made_twice() {
    let mut w = world();
    dial(&mut w, "alice", FAR).unwrap();
    let call = reference(&w);
    w.link_down();
    w.wait(60_000);
    assert!(w.engine.known_calls(&stage::pbx()).is_empty(), "not compared with what the PBX lists");
    w.outbound(&call, "1001", FAR);
    w.up(&call, &call);
    w.link_up();
    w.wait(14_000);
    assert_eq!(w.asked(), ["dial PJSIP/1001 then +49305550001"]);
    w.agent_is("alice", AgentState::Talking);
}

#[test]
fn the_far_end_busy_refused_or_silent_is_told_as_that() {
    let ends = [
        (LegEnd::Busy, Disposition::Busy),
        (LegEnd::Rejected, Disposition::Rejected),
        (LegEnd::NoAnswer, Disposition::Missed),
    ];
    for (end, disposition) in ends {
        let mut w = world();
        let call = clicked(&mut w);
        w.up(&call, &call);
        w.rings(&call, "far", "PJSIP/trunk:+49305550001");
        w.leaves(&call, "far", end);
        w.leaves(&call, &call, LegEnd::Released);
        w.ends(&call, None, 17);
        assert_eq!(w.ledger(&call).disposition, disposition);
    }
}

#[test]
fn a_colleague_is_called_by_id_or_extension_as_an_internal_call() {
    for name in ["bob", "1002"] {
        let mut w = world();
        dial(&mut w, "alice", name).unwrap();
        assert_eq!(w.asked_kept(), ["dial PJSIP/1001 then PJSIP/1002"]);
        let call = reference(&w);
        assert_eq!(w.call(&call).direction, Direction::Internal);
        w.internal(&call, "1001", "1002");
        w.rings(&call, &call, "PJSIP/1001");
        w.up(&call, &call);
        w.rings(&call, "b", "PJSIP/1002");
        w.told();
        w.answers(&call, "b");
        assert!(w.told().contains(&"answered bob".to_owned()));
    }
}

#[test]
fn what_cannot_be_dialled_is_refused_with_a_reason_a_person_understands() {
    let mut w = world();
    let cases = [
        ("support", "support is a queue; name an agent or a number; a queue takes callers by transfer"),
        ("alice", "alice is who asks; name another agent"),
        (
            "+12125550123",
            "numbers of that prefix may not be dialled; an administrator allows prefixes with [numbers] outbound_allow",
        ),
        (
            "118",
            "118 is nobody's extension and may not be dialled; an administrator allows numbers of the house with [numbers] extensions",
        ),
        (
            "*21#",
            "*21# is nobody's extension and may not be dialled; an administrator allows numbers of the house with [numbers] extensions",
        ),
        (
            "9004930555",
            "\"9004930555\" is no agent, no queue and no number; an agent's id or extension, a queue's id, or a number such as +49305550001",
        ),
    ];
    for (text, why) in cases {
        assert_eq!(dial(&mut w, "alice", text).unwrap_err().to_string(), why);
    }
    for text in ["1001\r\nAction: Originate", "1001,1)", "${SHELL(id)}", "a&b", "", "+49\n305550001"] {
        assert!(matches!(dial(&mut w, "alice", text), Err(Refusal::Invalid { .. })), "{text:?}");
    }
    assert!(w.asked().is_empty());
}

#[test]
fn an_agent_dials_only_when_logged_in_free_and_within_reach() {
    let mut w = world();
    w.set_state("alice", AgentState::LoggedOut, None);
    assert_eq!(dial(&mut w, "alice", FAR).unwrap_err().to_string(), "alice is logged out");
    w.set_state("alice", AgentState::NotReady, None);
    w.fact(Fact::Device {
        address: hookswitch_model::call::Address::new("PJSIP/1001"),
        state: hookswitch_model::agent::DeviceState::Unavailable,
    });
    assert_eq!(dial(&mut w, "alice", FAR).unwrap_err().to_string(), "no device of alice can be reached");
    w.inbound("c", "5002");
    w.rings("c", "b", "PJSIP/1002");
    w.answers("c", "b");
    let refusal = dial(&mut w, "bob", FAR).unwrap_err();
    assert_eq!(refusal.to_string(), "bob is in a call");
    assert!(crate::control::allowed(&refusal).contains(&"hangup"));
    let mut w = World::observe();
    assert!(matches!(dial(&mut w, "alice", "bob"), Err(Refusal::Invalid { .. })));
}

/// Clicks, and lets the call fail at once.
fn click_and_fail(w: &mut World, id: &str) -> Result<Taken, Refusal> {
    let answer = dial(w, id, FAR);
    if answer.is_ok() {
        let action = w.last_action();
        w.refuses(action);
    }
    w.wait(2_000);
    answer
}

#[test]
fn nobody_calls_outside_more_often_than_the_policy_allows() {
    let mut w = World::with(setup(OutboundSetup {
        per_agent_per_minute: Some(2),
        per_minute: Some(3),
        per_agent_per_day: Some(4),
        ..allowing()
    }));
    click_and_fail(&mut w, "alice").unwrap();
    click_and_fail(&mut w, "alice").unwrap();
    let refusal = click_and_fail(&mut w, "alice").unwrap_err();
    assert_eq!(refusal.to_string(), "alice began 2 calls outside in the last minute");
    click_and_fail(&mut w, "bob").unwrap();
    let refusal = click_and_fail(&mut w, "bob").unwrap_err();
    assert_eq!(refusal.to_string(), "3 calls outside were begun in the last minute");
    assert!(dial(&mut w, "alice", "dora").is_ok(), "a colleague is not outside");
    let action = w.last_action();
    w.refuses(action);
    w.wait(60_000);
    click_and_fail(&mut w, "alice").unwrap();
    click_and_fail(&mut w, "alice").unwrap();
    w.wait(60_000);
    let refusal = click_and_fail(&mut w, "alice").unwrap_err();
    assert_eq!(refusal.to_string(), "alice began 4 calls outside in the last 24 hours");
    w.wait(86_400_000);
    click_and_fail(&mut w, "alice").unwrap();
}

#[test]
fn no_more_calls_lead_outside_at_once_than_allowed() {
    let mut w = World::with(setup(OutboundSetup { concurrent: Some(1), ..allowing() }));
    let call = clicked(&mut w);
    assert_eq!(dial(&mut w, "bob", FAR).unwrap_err().to_string(), "1 calls lead outside already");
    w.leaves(&call, &call, LegEnd::NoAnswer);
    w.ends(&call, None, 19);
    assert!(dial(&mut w, "bob", FAR).is_ok());
}

#[test]
fn nobody_is_called_outside_while_the_calendar_is_closed() {
    let open = |spans: Vec<(u16, u16)>| {
        let mut setup = setup(OutboundSetup { hours: Some("office".into()), ..allowing() });
        let days: [Vec<(u16, u16)>; 7] = std::array::from_fn(|_| spans.clone());
        let calendar = CalendarSetup {
            timezone: "UTC".into(),
            open: days,
            closed: Vec::new(),
            special: Default::default(),
        };
        setup.calendars.insert("office".into(), calendar);
        World::with(setup)
    };
    let refusal = dial(&mut open(Vec::new()), "alice", FAR).unwrap_err();
    assert_eq!(refusal.to_string(), "nobody is called outside while \"office\" is closed");
    dial(&mut open(vec![(0, 1440)]), "alice", FAR).unwrap();
}

#[test]
fn nothing_outside_is_allowed_by_default() {
    let mut w = World::route();
    assert!(matches!(dial(&mut w, "alice", FAR), Err(Refusal::Invalid { .. })));
}

#[test]
fn of_two_own_phones_the_one_that_answers_makes_the_call() {
    let mut w = world();
    dial(&mut w, "erin", "1002").unwrap();
    assert_eq!(w.asked_kept(), ["dial PJSIP/1004&PJSIP/1005 then PJSIP/1002"]);
    let call = reference(&w);
    w.internal(&call, "1004", "1002");
    w.rings(&call, &call, "PJSIP/1004");
    w.rings(&call, "second", "PJSIP/1005");
    w.up(&call, "second");
    w.leaves(&call, &call, LegEnd::Cancelled);
    w.agent_is("erin", AgentState::Talking);
    w.rings(&call, "b", "PJSIP/1002");
    w.up(&call, "b");
    w.told();
    w.talking(&call, &["second", "b"]);
    assert!(w.told().contains(&"answered bob".to_owned()));
    w.leaves(&call, "b", LegEnd::HungUp);
    w.leaves(&call, "second", LegEnd::Released);
    w.ends(&call, Some("b"), 16);
    assert_eq!(w.ledger(&call).disposition, Disposition::Answered);
    w.agent_is("erin", AgentState::Ready);
}

#[test]
fn an_agent_may_ask_for_not_ready_while_the_own_phone_rings_and_the_call_goes_on() {
    let mut w = world();
    clicked(&mut w);
    w.told();
    w.asked();
    w.set_state("alice", AgentState::NotReady, Some("lunch"));
    w.check(&["agent alice reserved>reserved next not_ready"]);
    assert!(w.asked().is_empty());
}

#[test]
fn a_snapshot_keeps_a_click_and_its_limits() {
    let mut w = World::with(setup(OutboundSetup { per_agent_per_minute: Some(1), ..allowing() }));
    let first = dial(&mut w, "alice", FAR).unwrap();
    let text = serde_json::to_string(&w.snapshot()).unwrap();
    w.engine = hookswitch_acd::Engine::restore(serde_json::from_str(&text).unwrap()).unwrap();
    w.wait(1_000);
    assert_eq!(dial(&mut w, "alice", FAR).unwrap(), first);
    let call = reference(&w);
    w.outbound(&call, "1001", FAR);
    w.leaves(&call, &call, LegEnd::NoAnswer);
    w.ends(&call, None, 19);
    w.wait(1_000);
    assert!(dial(&mut w, "alice", FAR).unwrap_err().to_string().contains("in the last minute"));
}
