//! Transfers and consultations by command: checked first, nobody lost, data travels.

use hookswitch_model::{
    agent::AgentState,
    call::{Address, AttachedData, Direction, PartyNumber},
    command::{Refusal, Request, Taken, Verb},
    ledger::Disposition,
    pbx::{Action, Fact, LegEnd, LegSeen, RingResult, TransferKind},
    setup::{Mode, OutboundSetup, Setup},
};

use crate::{
    control::{allowed, may, talking},
    lines,
    stage::{self, World, agent, to},
};

const FAR: &str = "+49305550009";

fn transfer(w: &mut World, text: &str) -> Result<(), Refusal> {
    let id = w.call_id("c");
    w.does("alice", id, Verb::Transfer { to: to(text) })
}

fn checked(w: &mut World, exists: bool) {
    let action = w.last_action();
    w.fact(Fact::NumberChecked { action, exists });
}

/// The dialplan sends the transferred caller to the waiting room.
fn arrives(w: &mut World) {
    w.fact(Fact::Transferred {
        call: "c".into(),
        kind: TransferKind::Blind,
        from: "a".into(),
        to_leg: None,
        to_number: None,
        consult: None,
    });
    w.leaves("c", "a", LegEnd::Transferred);
    w.apart("c", "c");
    w.asks("c", "5003");
}

#[test]
fn a_number_is_checked_before_anybody_is_sent_there() {
    let mut w = talking();
    transfer(&mut w, "600").unwrap();
    let command = w.last_command();
    assert_eq!(w.asked_kept(), ["check 600"]);
    checked(&mut w, true);
    assert_eq!(w.asked(), ["check 600", "transfer c by a to 600"]);
    w.blind("c", "a", "600");
    w.check_calls(&["transferred blind alice>- to 600"]);
    let told = w.events.iter().find(|event| event.kind.name() == "call.transferred").unwrap();
    assert_eq!(told.action, Some(command));
    w.agent_is("alice", AgentState::Ready);
}

#[test]
fn a_transfer_to_a_number_that_does_not_exist_leaves_the_caller_with_the_agent() {
    let mut w = talking();
    transfer(&mut w, "4711").unwrap();
    let command = w.last_command();
    checked(&mut w, false);
    w.check(&["failed transfer of alice: hq does not know the number 4711"]);
    assert_eq!(w.events.last().unwrap().action, Some(command));
    assert_eq!(w.asked(), ["check 4711"]);
    assert!(may(&w, "c").contains(&"transfer"));
}

#[test]
fn a_number_outside_must_be_allowed() {
    let mut w = talking();
    assert!(matches!(transfer(&mut w, FAR), Err(Refusal::Invalid { .. })));
    assert!(w.asked().is_empty());
}

#[test]
fn who_is_transferred_to_an_agent_is_offered_to_that_agent() {
    let mut w = talking();
    transfer(&mut w, "bob").unwrap();
    assert_eq!(w.asked(), ["transfer c by a to the waiting room"]);
    arrives(&mut w);
    w.check_calls(&["transferred blind alice>bob to 1002"]);
    assert_eq!(w.asked(), ["ring PJSIP/1002 for 30 s"]);
    w.agent_is("bob", AgentState::Reserved);
    let (ring, _) = w.ring();
    w.rings_for("c", "b", "PJSIP/1002", ring);
    w.answers("c", "b");
    assert_eq!(
        w.told_of_calls(),
        ["offered bob #2 of -", "pop bob", "offer_ended bob accepted", "answered bob"]
    );
    w.hangs_up("c");
    let ledger = w.ledger("c");
    assert_eq!(ledger.handled_by, [agent("alice"), agent("bob")]);
    assert_eq!(lines::segments(&ledger).last().unwrap(), "agent bob blind 0");
}

#[test]
fn who_is_not_answered_goes_back_to_who_transferred_then_to_the_queue() {
    let mut w = talking();
    transfer(&mut w, "1002").unwrap();
    arrives(&mut w);
    let (ring, _) = w.ring();
    w.rings_for("c", "b", "PJSIP/1002", ring);
    w.asked();
    w.leaves("c", "b", LegEnd::NoAnswer);
    w.result("c", ring, RingResult::NoAnswer);
    assert_eq!(w.asked(), ["ring PJSIP/1001 for 30 s"], "back to alice");
    w.agent_is("bob", AgentState::Ready);
    let (ring, _) = w.ring();
    w.rings_for("c", "a2", "PJSIP/1001", ring);
    w.told();
    w.leaves("c", "a2", LegEnd::NoAnswer);
    w.result("c", ring, RingResult::NoAnswer);
    assert!(w.told_of_calls().contains(&"queued support at 1".to_owned()), "else to the queue");
}

#[test]
fn who_transferred_and_is_busy_again_is_passed_over() {
    let mut w = talking();
    transfer(&mut w, "bob").unwrap();
    arrives(&mut w);
    w.inbound("d", "5001");
    w.rings("d", "x", "PJSIP/1001");
    w.answers("d", "x");
    let (ring, _) = w.ring();
    w.told();
    w.result("c", ring, RingResult::Unreachable);
    assert!(w.told_of_calls().contains(&"queued support at 1".to_owned()));
}

#[test]
fn a_caller_who_came_from_no_queue_falls_back_when_nobody_answers() {
    let mut w = World::route();
    w.inbound("c", "5001");
    w.rings("c", "a", "PJSIP/1001");
    w.answers("c", "a");
    w.asked();
    transfer(&mut w, "bob").unwrap();
    arrives(&mut w);
    w.set_state("alice", AgentState::LoggedOut, None);
    w.asked();
    let (ring, _) = w.ring();
    w.result("c", ring, RingResult::NoAnswer);
    assert_eq!(w.asked(), ["fall back"]);
}

#[test]
fn a_colleague_who_cannot_take_it_is_told_before_anything_happens() {
    let mut w = talking();
    w.set_state("bob", AgentState::LoggedOut, None);
    assert_eq!(transfer(&mut w, "bob").unwrap_err().to_string(), "bob is logged out");
    assert_eq!(transfer(&mut w, "alice").unwrap_err().to_string(), "alice is who asks; name another agent");
    w.inbound("d", "5003");
    w.rings("d", "x", "PJSIP/1003");
    w.answers("d", "x");
    assert_eq!(transfer(&mut w, "dora").unwrap_err().to_string(), "dora is in a call");
    assert!(w.asked().is_empty());
}

#[test]
fn a_queue_takes_the_caller_with_the_data_and_at_its_end() {
    let mut w = talking();
    let id = w.call_id("c");
    let changed = [("case".to_owned(), "7".to_owned())].into();
    w.command(Request::SetData { call: id, changed }).result.unwrap();
    w.wait(60_000);
    transfer(&mut w, "billing").unwrap();
    w.told();
    arrives(&mut w);
    assert_eq!(w.told_of_calls()[..2], ["transferred blind alice>- to billing", "queued billing at 1"]);
    assert_eq!(w.call("c").data["case"], "7");
    w.agent_is("dora", AgentState::Reserved);
}

fn waits_in(keeps: bool) -> Vec<String> {
    let mut setup = stage::setup(Mode::Route);
    setup.queues[1].transfer_keeps_place = keeps;
    let mut w = World::with(setup);
    w.set_state("dora", AgentState::NotReady, None);
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.answers("c", "a");
    w.wait(1_000);
    w.queued("other", "5013");
    w.wait(1_000);
    transfer(&mut w, "billing").unwrap();
    w.told();
    arrives(&mut w);
    w.told_of_calls()
}

#[test]
fn the_place_is_kept_where_the_queue_says_so() {
    assert!(waits_in(true).contains(&"queued billing at 1".to_owned()));
    assert!(waits_in(false).contains(&"queued billing at 2".to_owned()));
}

#[test]
fn a_transfer_that_shows_only_by_the_callers_arrival_is_told_all_the_same_and_once() {
    let mut w = talking();
    transfer(&mut w, "billing").unwrap();
    w.asks("c", "5003");
    w.leaves("c", "a", LegEnd::Transferred);
    let told = w.told_of_calls();
    assert_eq!(told.iter().filter(|line| line.starts_with("transferred")).count(), 1, "{told:?}");
    assert!(told.contains(&"queued billing at 1".to_owned()));
}

#[test]
fn a_transfer_the_pbx_refuses_sends_nobody_anywhere_later() {
    let mut w = talking();
    transfer(&mut w, "billing").unwrap();
    let action = w.last_action();
    w.refuses(action);
    w.check(&["failed transfer of alice: no"]);
    w.blind("c", "a", "5003");
    w.apart("c", "c");
    w.asks("c", "5003");
    assert!(
        w.told_of_calls().contains(&"queued support at 1".to_owned()),
        "by the rules, not by what was refused"
    );
}

// Consultations.

fn consult(w: &mut World, text: &str) -> Result<Taken, Refusal> {
    let id = w.call_id("c");
    w.command_as(
        "alice",
        Request::Control { call: id, agent: agent("alice"), verb: Verb::Consult { to: to(text) } },
    )
    .result
}

fn verb(w: &mut World, verb: Verb) -> Result<(), Refusal> {
    let id = w.call_id("c");
    w.does("alice", id, verb)
}

fn reference(w: &World) -> String {
    let found = w.actions.iter().rev().find_map(|action| match &action.action {
        Action::Consult { consult, .. } => Some(consult.as_str().to_owned()),
        _ => None,
    });
    found.unwrap()
}

/// alice consults bob, whose phone rings (leg `b`); her leg there is `a2`.
fn consulting() -> (World, String) {
    let mut w = talking();
    let answer = consult(&mut w, "bob").unwrap();
    let call = reference(&w);
    assert_eq!(w.call_id(&call), answer.call.unwrap());
    w.holds("c", "a");
    start_consult(&mut w, &call);
    w.rings(&call, "b", "PJSIP/1002");
    (w, call)
}

fn start_consult(w: &mut World, call: &str) {
    w.fact(Fact::CallStarted {
        call: call.into(),
        originator: LegSeen { leg: "a2".into(), address: Address::new("PJSIP/1001"), number: None },
        direction: Direction::Internal,
        ani: PartyNumber::default(),
        dnis: PartyNumber::default(),
        via: None,
        trunk: None,
        data: AttachedData::new(),
        watched: false,
    });
    w.up(call, "a2");
}

#[test]
fn a_consultation_that_began_while_the_daemon_was_dead_is_the_call_that_was_asked_for() {
    let mut w = talking();
    let consult = consult(&mut w, "bob").unwrap().call;
    let call = reference(&w);
    w.told();
    // It comes back when the time for it is over, and learns first that it saw nothing.
    w.now = w.now + hookswitch_model::Millis::from_secs(12);
    w.link_down();
    w.wait(0);
    assert!(!w.told().iter().any(|line| line.contains("failed")), "not compared with what the PBX lists");
    start_consult(&mut w, &call);
    w.link_up();
    w.wait(60_000);
    assert_eq!(Some(w.call_id(&call)), consult);
    assert!(!w.told().iter().any(|line| line.contains("failed")));
}

#[test]
fn a_consultation_is_a_call_of_its_own_with_a_copy_of_the_data() {
    let mut w = talking();
    let id = w.call_id("c");
    w.command(Request::SetData { call: id, changed: [("case".to_owned(), "7".to_owned())].into() })
        .result
        .unwrap();
    w.told();
    consult(&mut w, "bob").unwrap();
    let command = w.last_command();
    w.check(&["started internal"]);
    assert_eq!(w.asked_kept(), ["consult PJSIP/1002 by a, c held"]);
    assert_eq!(may(&w, "c"), [""; 0], "not before the PBX took it");
    let call = reference(&w);
    assert_eq!(w.call(&call).data["case"], "7");
    w.holds("c", "a");
    assert_eq!(w.events.last().unwrap().action, Some(command));
    assert_eq!(may(&w, "c"), ["consult/cancel", "hangup"]);
    start_consult(&mut w, &call);
    w.rings(&call, "b", "PJSIP/1002");
    assert_eq!(may(&w, "c"), ["consult/complete", "consult/cancel", "hangup"]);
    w.up(&call, "b");
    w.talking(&call, &["a2", "b"]);
    assert_eq!(may(&w, "c"), ["consult/complete", "consult/cancel", "consult/conference", "hangup"]);
    assert_eq!(
        may(&w, &call),
        ["consult/complete", "consult/cancel", "consult/conference", "dtmf", "hangup"]
    );
    assert!(w.told_of_calls().contains(&"answered bob".to_owned()));
    w.agent_is("alice", AgentState::Talking);
    w.agent_is("bob", AgentState::Talking);
}

#[test]
fn completing_moves_the_customer_and_what_was_attached_meanwhile() {
    let (mut w, call) = consulting();
    w.up(&call, "b");
    w.talking(&call, &["a2", "b"]);
    let consult = w.call_id(&call);
    w.command(Request::SetData {
        call: consult,
        changed: [("advice".to_owned(), "refund".to_owned())].into(),
    })
    .result
    .unwrap();
    w.told();
    w.asked();
    verb(&mut w, Verb::ConsultComplete).unwrap();
    let command = w.last_command();
    assert_eq!(w.asked(), ["complete: c and b without a"]);
    w.attended("c", "a", &call, "a2", "b");
    w.talking("c", &["c", "b"]);
    let told = w.told_of_calls();
    assert!(told.contains(&"transferred attended alice>bob to 1002".to_owned()), "{told:?}");
    assert!(told.contains(&"data advice=refund by consult".to_owned()), "{told:?}");
    assert!(told.contains(&"ended merged by agent".to_owned()), "{told:?}");
    let moved = w.events.iter().rfind(|event| event.kind.name() == "call.transferred").unwrap();
    assert_eq!(moved.action, Some(command));
    assert_eq!(w.ledger(&call).merged_into, Some(w.call_id("c")));
    assert_eq!(w.ledger(&call).consult_of, Some(w.call_id("c")));
    w.agent_is("alice", AgentState::Ready);
    w.hangs_up("c");
    let ledger = w.ledger("c");
    assert_eq!(ledger.handled_by, [agent("alice"), agent("bob")]);
    w.agent_is("bob", AgentState::Ready);
}

#[test]
fn cancelling_gives_the_customer_back_and_leaves_the_data_there() {
    let (mut w, call) = consulting();
    let consult = w.call_id(&call);
    w.command(Request::SetData { call: consult, changed: [("advice".to_owned(), "no".to_owned())].into() })
        .result
        .unwrap();
    w.asked();
    verb(&mut w, Verb::ConsultCancel).unwrap();
    assert_eq!(w.asked(), ["cancel: a and c without b"]);
    assert!(allowed(&verb(&mut w, Verb::ConsultCancel).unwrap_err()).is_empty(), "one at a time");
    w.leaves(&call, "b", LegEnd::Cancelled);
    w.leaves(&call, "a2", LegEnd::HungUp);
    w.ends(&call, Some("a2"), 16);
    w.retrieves("c", "a");
    assert!(!w.call("c").data.contains_key("advice"));
    assert_eq!(may(&w, "c")[..3], ["hold", "transfer", "consult"]);
    w.agent_is("alice", AgentState::Talking);
    w.agent_is("bob", AgentState::Ready);
}

#[test]
fn who_is_back_with_the_customer_may_go_on_at_once() {
    let (mut w, _) = consulting();
    verb(&mut w, Verb::ConsultCancel).unwrap();
    // The PBX shows the customer back before the legs of the consultation leave.
    w.retrieves("c", "a");
    assert_eq!(may(&w, "c")[..3], ["hold", "transfer", "consult"]);
}

#[test]
fn who_is_consulted_touches_the_own_leg_and_never_the_customer() {
    let (mut w, call) = consulting();
    w.up(&call, "b");
    w.talking(&call, &["a2", "b"]);
    let id = w.call_id(&call);
    w.asked();
    let refusal = w.does("bob", id, Verb::Hold).unwrap_err();
    assert_eq!(allowed(&refusal), ["dtmf", "hangup"]);
    w.does("bob", id, Verb::Dtmf { digits: "1".into() }).unwrap();
    let action = w.last_action();
    assert_eq!(w.asked(), ["tones 1 to a2"]);
    w.takes(action);
    w.does("bob", id, Verb::Hangup).unwrap();
    assert_eq!(w.asked(), ["hang up b 16"]);
}

#[test]
fn hanging_up_during_a_consultation_ends_only_that() {
    let (mut w, call) = consulting();
    w.asked();
    verb(&mut w, Verb::Hangup).unwrap();
    assert_eq!(w.asked(), ["cancel: a and c without b"]);
    let (mut w, by_consult) = consulting();
    assert_ne!(by_consult, "");
    let id = w.call_id(&by_consult);
    w.asked();
    w.does("alice", id, Verb::Hangup).unwrap();
    assert_eq!(w.asked(), ["cancel: a and c without b"], "asked of the consultation as well");
    drop(call);
}

#[test]
fn a_consultation_nobody_shows_ends_when_the_agent_is_back() {
    let mut w = talking();
    consult(&mut w, "bob").unwrap();
    let call = reference(&w);
    w.holds("c", "a");
    verb(&mut w, Verb::ConsultCancel).unwrap();
    w.told();
    w.retrieves("c", "a");
    assert!(w.told_of_calls().contains(&"ended missed by system".to_owned()));
    assert_eq!(w.ledger(&call).disposition, Disposition::Missed);
    assert_eq!(may(&w, "c")[0], "hold");
}

#[test]
fn a_consultation_that_is_refused_busy_or_silent_leaves_the_customer_held() {
    let ends = [
        (LegEnd::Busy, Disposition::Busy),
        (LegEnd::Rejected, Disposition::Rejected),
        (LegEnd::NoAnswer, Disposition::Missed),
    ];
    for (end, disposition) in ends {
        let (mut w, call) = consulting();
        w.leaves(&call, "b", end);
        w.leaves(&call, "a2", LegEnd::Released);
        w.ends(&call, None, 17);
        assert_eq!(w.ledger(&call).disposition, disposition);
        assert_eq!(may(&w, "c"), ["retrieve", "transfer", "consult", "conference", "hangup"]);
        w.agent_is("alice", AgentState::Holding);
    }
    let mut w = talking();
    consult(&mut w, "bob").unwrap();
    let (call, action) = (reference(&w), w.last_action());
    w.holds("c", "a");
    w.told();
    w.fact(Fact::DialFailed { action, end: LegEnd::Busy, cause: None });
    w.check_calls(&["failed consult of alice: the phone was busy", "ended busy by system"]);
    assert_eq!(w.ledger(&call).disposition, Disposition::Busy);
    assert_eq!(may(&w, "c")[0], "retrieve");
}

#[test]
fn a_consultation_the_pbx_refuses_leaves_everybody_talking() {
    let mut w = talking();
    consult(&mut w, "bob").unwrap();
    let action = w.last_action();
    w.told();
    w.refuses(action);
    w.check_calls(&["failed consult of alice: no", "ended failed by system"]);
    assert_eq!(may(&w, "c")[0], "hold");
}

#[test]
fn a_number_to_consult_is_checked_first_too() {
    let outbound = OutboundSetup { allow: vec!["+49".into()], ..OutboundSetup::default() };
    let mut w = World::with(Setup { outbound, ..stage::setup(Mode::Route) });
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "a", "PJSIP/1001", ring);
    w.answers("c", "a");
    w.told();
    w.asked();
    consult(&mut w, FAR).unwrap();
    w.check(&["started outbound"]);
    assert_eq!(w.asked_kept(), ["check +49305550009"]);
    checked(&mut w, false);
    w.check_calls(&[
        "failed consult of alice: hq does not know the number +49305550009",
        "ended failed by system",
    ]);
    assert_eq!(may(&w, "c")[0], "hold");
    w.asked();
    consult(&mut w, FAR).unwrap();
    checked(&mut w, true);
    assert_eq!(w.asked(), ["check +49305550009", "consult +49305550009 by a, c held"]);
}

#[test]
fn a_conference_is_all_three_and_the_data_comes_along() {
    let (mut w, call) = consulting();
    w.up(&call, "b");
    w.talking(&call, &["a2", "b"]);
    w.asked();
    w.told();
    verb(&mut w, Verb::ConsultConference).unwrap();
    let command = w.last_command();
    assert_eq!(w.asked(), ["conference a c b"]);
    w.moves(&call, "c", "b");
    w.leaves(&call, "a2", LegEnd::Transferred);
    w.merges(&call, "c");
    w.retrieves("c", "a");
    w.talking("c", &["c", "a", "b"]);
    w.fact(Fact::Conferenced { call: "c".into(), legs: vec!["c".into(), "a".into(), "b".into()] });
    assert_eq!(w.events.last().unwrap().action, Some(command));
    assert_eq!(may(&w, "c"), ["dtmf", "hangup", "record"]);
    w.leaves("c", "a", LegEnd::HungUp);
    assert!(w.told_of_calls().contains(&"party_left agent alice".to_owned()));
    w.agent_is("alice", AgentState::Ready);
    w.hangs_up("c");
    assert_eq!(w.ledger("c").handled_by, [agent("alice"), agent("bob")]);
}

#[test]
fn completed_while_it_rings_and_not_answered_goes_back_to_who_transferred() {
    let (mut w, call) = consulting();
    w.asked();
    verb(&mut w, Verb::ConsultComplete).unwrap();
    assert_eq!(w.asked(), ["complete: c and b without a"]);
    w.attended("c", "a", &call, "a2", "b");
    w.leaves("c", "b", LegEnd::NoAnswer);
    w.asked();
    w.asks("c", "5003");
    assert_eq!(w.asked(), ["ring PJSIP/1001 for 30 s"]);
}

#[test]
fn a_customer_who_leaves_during_a_consultation_leaves_the_two_an_ordinary_call() {
    let (mut w, call) = consulting();
    w.up(&call, "b");
    w.talking(&call, &["a2", "b"]);
    w.hangs_up("c");
    assert_eq!(may(&w, &call), ["hold", "transfer", "consult", "conference", "dtmf", "hangup", "record"]);
    let id = w.call_id(&call);
    w.asked();
    w.does("alice", id, Verb::Hangup).unwrap();
    assert_eq!(w.asked(), ["hang up a2 16"]);
    w.leaves(&call, "a2", LegEnd::HungUp);
    w.leaves(&call, "b", LegEnd::Released);
    w.ends(&call, Some("a2"), 16);
    w.agent_is("alice", AgentState::Ready);
    w.agent_is("bob", AgentState::Ready);
}

#[test]
fn an_agent_who_vanishes_while_consulting_leaves_the_customer_to_the_queue() {
    let (mut w, call) = consulting();
    w.asked();
    w.leaves(&call, "b", LegEnd::Cancelled);
    w.leaves(&call, "a2", LegEnd::HungUp);
    w.ends(&call, Some("a2"), 16);
    w.leaves("c", "a", LegEnd::HungUp);
    w.agent_is("alice", AgentState::Ready);
    w.told();
    w.asks("c", "5003");
    assert!(w.told_of_calls().contains(&"queued support at 1".to_owned()));
}

#[test]
fn a_queue_is_not_consulted() {
    let mut w = talking();
    assert!(matches!(consult(&mut w, "billing"), Err(Refusal::Invalid { .. })));
    assert!(w.asked().is_empty());
    w.check(&[]);
}

#[test]
fn everything_under_way_survives_a_snapshot() {
    let (mut w, call) = consulting();
    verb(&mut w, Verb::ConsultComplete).unwrap();
    let command = w.last_command();
    let text = serde_json::to_string(&w.snapshot()).unwrap();
    w.engine = hookswitch_acd::Engine::restore(serde_json::from_str(&text).unwrap()).unwrap();
    w.attended("c", "a", &call, "a2", "b");
    let moved = w.events.iter().rfind(|event| event.kind.name() == "call.transferred").unwrap();
    assert_eq!(moved.action, Some(command));
    w.up("c", "b");
    w.talking("c", &["c", "b"]);
    w.hangs_up("c");
    assert_eq!(w.ledger("c").handled_by, [agent("alice"), agent("bob")]);
}
