//! Who is calling: asked once, told once.

use std::sync::Arc;

use hookswitch_acd::Engine;
use hookswitch_model::{
    CallId, Millis,
    call::{Candidate, Customer, MatchKind},
    input::Input,
    setup::{LookupSetup, Mode, Setup},
    why::{Because, Routed, WaitedForCustomer},
};

use crate::stage::{self, World};

fn asked() -> World {
    waiting_for(0, |_| {})
}

/// Rules wait so long for the customer.
fn waiting_for(ms: u64, change: impl FnOnce(&mut Setup)) -> World {
    let mut setup = stage::setup(Mode::Route);
    setup.lookup = Some(LookupSetup { route_wait: Millis(ms) });
    change(&mut setup);
    World::with(setup)
}

/// Gold customers who dial 5003 go to billing.
fn gold(setup: &mut Setup) {
    let mut gold = setup.routes[1].clone();
    gold.name = "gold".to_owned();
    gold.when = Some("dnis == \"5003\" && customer.tier == \"gold\"".to_owned());
    setup.routes.insert(0, gold);
}

fn answer(w: &mut World, customer: Customer) {
    let call = w.look_ups.last().unwrap().call;
    w.input(Input::Customer { call, customer });
}

/// The rules' part of why a call went where it went.
fn routed(w: &World, call: CallId) -> Routed {
    let found = w.engine.why(call).unwrap().decisions.iter().find_map(|decided| match &decided.because {
        Because::Routed(routed) => Some(routed.clone()),
        _ => None,
    });
    found.unwrap()
}

fn wang() -> Customer {
    let candidate = Candidate {
        id: "42".to_owned(),
        name: Some("Wang Li".to_owned()),
        score: 1.0,
        why: "exact E.164".to_owned(),
        fields: [("tier".to_owned(), "gold".to_owned())].into(),
    };
    Customer { kind: MatchKind::One, candidates: vec![candidate] }
}

#[test]
fn a_caller_is_asked_for_once_and_pending_until_the_answer() {
    let mut w = asked();
    w.queued("c", "5003");
    assert_eq!(w.look_ups.len(), 1);
    assert_eq!(w.look_ups[0].number.raw, "+49305550001");
    assert_eq!(w.call("c").customer, Customer::pending());
    w.check(&["started inbound", "queued support at 1", "agent alice ready>reserved"]);
    let call = w.look_ups[0].call;
    w.input(Input::Customer { call, customer: wang() });
    w.check(&["identified one"]);
    assert_eq!(w.call("c").customer, wang());
    w.input(Input::Customer { call, customer: Customer::none() });
    w.check(&[]);
    assert_eq!(w.call("c").customer, wang(), "only the first answer counts");
}

#[test]
fn of_an_outbound_call_the_far_end_is_asked_for_and_of_an_internal_one_nobody() {
    let mut w = asked();
    w.outbound("o", "1001", "+49305550002");
    w.internal("i", "1002", "1003");
    let numbers: Vec<_> = w.look_ups.iter().map(|asked| asked.number.raw.as_str()).collect();
    assert_eq!(numbers, ["+49305550002"]);
    assert_eq!(w.call("i").customer, Customer::none());
}

#[test]
fn nobody_is_asked_where_nobody_knows() {
    let mut w = World::route();
    w.queued("c", "5003");
    assert!(w.look_ups.is_empty());
    assert_eq!(w.call("c").customer, Customer::none());
}

#[test]
fn a_rule_that_reads_the_customer_is_waited_for_and_takes_the_call_when_the_answer_comes() {
    let mut w = waiting_for(300, gold);
    w.queued("c", "5003");
    w.check(&["started inbound"]);
    w.wait(120);
    answer(&mut w, wang());
    w.check(&["identified one", "queued billing at 1", "agent dora ready>reserved"]);
    let waited = WaitedForCustomer { waited: Millis(120), answered: true };
    assert_eq!(routed(&w, w.call_id("c")).waited, Some(waited));
}

#[test]
fn a_call_is_routed_with_what_is_known_when_the_answer_does_not_come_in_time() {
    let mut w = waiting_for(300, gold);
    w.queued("c", "5003");
    w.wait(299);
    w.check(&["started inbound"]);
    w.wait(1);
    w.check(&["queued support at 1", "agent alice ready>reserved"]);
    let waited = WaitedForCustomer { waited: Millis(300), answered: false };
    assert_eq!(routed(&w, w.call_id("c")).waited, Some(waited));
    answer(&mut w, wang());
    w.check(&["identified one"]);
    assert_eq!(w.call("c").queue.as_ref().unwrap().as_str(), "support", "where it is, it stays");
}

#[test]
fn a_look_up_that_failed_is_an_answer() {
    let mut w = waiting_for(300, gold);
    w.queued("c", "5003");
    w.wait(50);
    answer(&mut w, Customer { kind: MatchKind::Error, candidates: Vec::new() });
    w.check_calls(&["started inbound", "identified error", "queued support at 1"]);
}

#[test]
fn only_calls_wait_whose_rule_depends_on_the_customer() {
    for (dnis, told) in [("5013", "queued billing at 1"), ("5023", "queued brief at 1")] {
        let mut w = waiting_for(300, gold);
        w.queued("c", dnis);
        w.check_calls(&["started inbound", told]);
        assert_eq!(routed(&w, w.call_id("c")).waited, None);
    }
    let mut w = waiting_for(300, |setup| {
        gold(setup);
        // The rule before it takes the call whoever calls.
        setup.routes.rotate_right(4);
    });
    w.queued("c", "5003");
    w.check_calls(&["started inbound", "queued support at 1"]);
}

#[test]
fn a_caller_who_leaves_while_the_customer_is_waited_for_is_routed_nowhere() {
    let mut w = waiting_for(300, gold);
    w.queued("c", "5003");
    w.hangs_up("c");
    w.wait(1_000);
    w.check(&["started inbound", "ended missed by customer"]);
    answer(&mut w, wang());
    w.check(&["identified one"]);
}

#[test]
fn the_wait_for_a_customer_outlives_a_restart() {
    let mut w = waiting_for(300, gold);
    w.queued("c", "5003");
    w.wait(100);
    let text = serde_json::to_string(&w.snapshot()).unwrap();
    w.engine = Engine::restore(serde_json::from_str(&text).unwrap()).unwrap();
    w.told();
    w.wait(199);
    w.check(&[]);
    w.wait(1);
    w.check(&["queued support at 1", "agent alice ready>reserved"]);
}

#[test]
fn who_waited_keeps_the_place_of_the_moment_of_asking() {
    let mut w = waiting_for(300, |setup| {
        gold(setup);
        setup.agents.clear();
    });
    w.queued("first", "5003");
    w.wait(100);
    let mut setup = w.engine.setup().clone();
    setup.routes.remove(0);
    w.told();
    // The rule that was waited for is gone: the caller is routed at once.
    w.input(Input::Setup(Arc::new(Setup { version: 2, ..setup })));
    w.check_calls(&["queued support at 1"]);
    w.queued("second", "5003");
    w.check_calls(&["started inbound", "queued support at 2"]);
}

#[test]
fn that_somebody_can_be_asked_now_is_no_new_configuration() {
    let mut w = World::route();
    w.queued("c", "5003");
    let configurations = |w: &World| w.events.iter().filter(|e| e.kind.name() == "config.applied").count();
    w.input(Input::Setup(Arc::new(w.engine.setup().clone())));
    assert_eq!(configurations(&w), 1);
    let lookup = Some(LookupSetup { route_wait: Millis(200) });
    w.input(Input::Setup(Arc::new(Setup { lookup, ..w.engine.setup().clone() })));
    assert_eq!(configurations(&w), 1, "the same version is told once");
    w.queued("d", "5013");
    assert_eq!(w.look_ups.len(), 1, "and the next caller is asked for");
    w.input(Input::Setup(Arc::new(Setup { version: 2, ..w.engine.setup().clone() })));
    assert_eq!(configurations(&w), 2);
}

#[test]
fn of_a_call_that_is_over_it_can_still_be_asked_who_it_was() {
    let mut w = asked();
    w.queued("c", "5003");
    let call = w.look_ups[0].call;
    w.hangs_up("c");
    let unidentified = |w: &World| w.engine.unidentified().map(|call| call.id).collect::<Vec<_>>();
    assert!(w.engine.calls().next().is_none());
    assert_eq!(unidentified(&w), [call]);
    answer(&mut w, wang());
    assert!(unidentified(&w).is_empty());
}
