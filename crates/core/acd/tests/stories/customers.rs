//! Who is calling: asked once, told once.

use hookswitch_model::{
    Millis,
    call::{Candidate, Customer, MatchKind},
    input::Input,
    setup::{LookupSetup, Mode, Setup},
};

use crate::stage::{self, World};

fn asked() -> World {
    let lookup = Some(LookupSetup { route_wait: Millis(0) });
    World::with(Setup { lookup, ..stage::setup(Mode::Route) })
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
