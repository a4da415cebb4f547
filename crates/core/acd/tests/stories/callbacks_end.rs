//! Call-backs: how they end that reach nobody, and what is never done twice.

use std::sync::Arc;

use hookswitch_model::{
    Millis,
    agent::AgentState,
    callback::{CallbackState, TryEnd},
    command::{Refusal, Request},
    input::Input,
    ledger::Disposition,
    pbx::{Fact, LegEnd},
    setup::{CallbackSetup, OutboundSetup, RouteTarget, Setup},
};

use crate::{
    callbacks::{
        CUSTOMER, OTHER, agent_answers, agent_rings, all_away, busy, create, customer_answers,
        customer_hangs_up, customer_says, dials, only, ready, reference, rules, setup,
    },
    stage::{World, queue},
};

fn cancel(w: &mut World) -> Result<(), Refusal> {
    let callback = only(w).id;
    w.command(Request::CancelCallback { callback }).result.map(drop)
}

#[test]
fn a_callback_is_cancelled_while_it_waits() {
    let mut w = busy();
    create(&mut w, CUSTOMER, |_| {}).unwrap();
    w.told();
    cancel(&mut w).unwrap();
    w.check(&["callback ended cancelled"]);
    ready(&mut w, "alice");
    assert_eq!(dials(&w), 0);
    assert_eq!(cancel(&mut w), Err(Refusal::NotNow { why: "it is over".into(), allowed: vec![] }));
}

#[test]
fn a_callback_cancelled_before_the_pbx_shows_the_try_hangs_it_up_when_it_shows() {
    let mut w = World::with(setup(|_| {}));
    create(&mut w, CUSTOMER, |_| {}).unwrap();
    let call = reference(&w);
    w.told();
    cancel(&mut w).unwrap();
    assert_eq!(w.told_of_calls(), ["callback ended cancelled", "ended failed by system"]);
    w.agent_is("alice", AgentState::Ready);
    w.asked();
    w.outbound(&call, "1001", CUSTOMER);
    assert_eq!(w.asked(), [format!("hang up {call} 16")]);
}

#[test]
fn a_callback_cancelled_while_the_agent_is_rung_stops_the_ringing() {
    let mut w = World::with(setup(|_| {}));
    create(&mut w, CUSTOMER, |_| {}).unwrap();
    let call = agent_rings(&mut w, "1001");
    w.told();
    w.asked();
    cancel(&mut w).unwrap();
    assert_eq!(w.told_of_calls(), ["callback ended cancelled", "offer_ended alice withdrawn"]);
    assert_eq!(w.asked(), [format!("hang up {call} 16")]);
    w.leaves(&call, &call, LegEnd::Released);
    w.ends(&call, None, 16);
    w.agent_is("alice", AgentState::Ready);
    assert_eq!(w.told_of_calls(), ["ended failed by system"], "nothing of the call-back follows");
}

#[test]
fn a_callback_cancelled_while_the_customer_is_dialled_lets_the_agent_go() {
    let mut w = World::with(setup(|_| {}));
    create(&mut w, CUSTOMER, |_| {}).unwrap();
    let call = agent_answers(&mut w, "1001");
    w.told();
    w.asked();
    cancel(&mut w).unwrap();
    assert_eq!(w.told_of_calls(), ["callback ended cancelled"]);
    assert_eq!(w.asked(), [format!("hang up {call} 16")]);
}

#[test]
fn who_talks_is_not_cancelled() {
    let mut w = World::with(setup(|_| {}));
    create(&mut w, CUSTOMER, |_| {}).unwrap();
    let call = agent_answers(&mut w, "1001");
    customer_answers(&mut w, &call);
    assert!(matches!(cancel(&mut w), Err(Refusal::NotNow { .. })));
    customer_hangs_up(&mut w, &call);
    assert_eq!(only(&w).state, CallbackState::Completed);
}

#[test]
fn who_calls_again_takes_the_place_of_the_callback() {
    let mut w = busy();
    w.queued("c", "5003");
    w.wait(10_000);
    w.presses("c", '1');
    let since = only(&w).enqueued_at;
    w.hangs_up("c");
    w.wait(60_000);
    w.queued_from("d", OTHER, "5003");
    w.wait(60_000);
    w.told();
    w.queued("again", "5003");
    assert_eq!(w.told_of_calls(), ["started inbound", "callback ended superseded", "queued support at 1"]);
    assert_eq!(only(&w).state, CallbackState::Cancelled);
    assert!(since < w.call("d").queued_at.unwrap());
    ready(&mut w, "alice");
    assert_eq!(dials(&w), 0);
    assert_eq!(w.call("again").legs.len(), 1);
    let (ring, _) = w.ring();
    w.rings_for("again", "a1", "PJSIP/1001", ring);
    assert!(w.told_of_calls().contains(&"offered alice #1 of support".to_owned()));
}

#[test]
fn who_calls_again_while_an_agent_is_rung_for_the_callback_gets_that_agent() {
    let mut w = World::with(setup(|setup| setup.agents.truncate(1)));
    create(&mut w, CUSTOMER, |_| {}).unwrap();
    let call = agent_rings(&mut w, "1001");
    w.told();
    w.queued("again", "5003");
    assert!(w.told_of_calls().contains(&"callback ended superseded".to_owned()));
    w.leaves(&call, &call, LegEnd::Released);
    w.ends(&call, None, 16);
    assert_eq!(w.ring().1, ["PJSIP/1001"]);
}

#[test]
fn who_calls_again_while_being_dialled_is_another_call() {
    let mut w = World::with(setup(|_| {}));
    create(&mut w, CUSTOMER, |_| {}).unwrap();
    agent_answers(&mut w, "1001");
    w.queued("again", "5003");
    assert_eq!(only(&w).state, CallbackState::Dialling);
}

#[test]
fn an_agent_who_goes_not_ready_while_rung_for_a_callback_is_let_go_and_the_next_is_asked() {
    let mut w = World::with(setup(|_| {}));
    create(&mut w, CUSTOMER, |_| {}).unwrap();
    let call = agent_rings(&mut w, "1001");
    w.told();
    w.asked();
    w.set_state("alice", AgentState::NotReady, Some("lunch"));
    assert!(w.told().contains(&"offer_ended alice withdrawn".to_owned()));
    assert_eq!(w.asked(), [format!("hang up {call} 16")]);
    w.agent_is("alice", AgentState::NotReady);
    w.leaves(&call, &call, LegEnd::Released);
    w.ends(&call, None, 16);
    assert_eq!(w.asked(), ["dial PJSIP/1002 then +49305550001"]);
}

#[test]
fn nobody_free_for_too_long_expires_it() {
    let mut w = busy();
    create(&mut w, CUSTOMER, |_| {}).unwrap();
    w.told();
    w.wait(rules().expires.0 - 1);
    assert_eq!(only(&w).state, CallbackState::Waiting);
    w.wait(1);
    assert_eq!(w.told_of_calls(), ["callback ended expired"]);
    ready(&mut w, "alice");
    assert_eq!(dials(&w), 0);
}

#[test]
fn a_try_the_pbx_never_shows_is_no_dial_while_the_pbx_is_in_sight() {
    let mut w = World::with(setup(|_| {}));
    create(&mut w, CUSTOMER, |_| {}).unwrap();
    w.wait(14_999);
    assert_eq!(dials(&w), 1);
    w.wait(1);
    let kept = only(&w);
    assert_eq!((kept.state, kept.last, kept.attempts), (CallbackState::Waiting, Some(TryEnd::Agent), 0));
    w.agent_is("alice", AgentState::Ready);
    w.wait(29_999);
    assert_eq!(dials(&w), 1, "a PBX that does nothing is not flooded");
    w.wait(1);
    assert_eq!(dials(&w), 2);
}

#[test]
fn a_try_nobody_saw_the_end_of_counts_as_dialled_and_is_not_repeated_at_once() {
    // The link is lost before the PBX shows the try; it is back, and the PBX knows nothing of it.
    let mut w = World::with(setup(|_| {}));
    create(&mut w, CUSTOMER, |_| {}).unwrap();
    let asked = w.now;
    w.link_down();
    w.wait(5_000);
    w.link_up_after(Some(asked), false);
    w.wait(60_000);
    let kept = only(&w);
    assert_eq!((kept.state, kept.last, kept.attempts), (CallbackState::Waiting, Some(TryEnd::Unseen), 1));
    assert_eq!(dials(&w), 1);
    w.wait(rules().retry_after.0 - 49_000);
    assert_eq!(dials(&w), 2, "by the policy, as any other attempt");

    // The agent was rung when the link was lost; when it is back the call is gone.
    let mut w = World::with(setup(|_| {}));
    create(&mut w, CUSTOMER, |_| {}).unwrap();
    let call = agent_rings(&mut w, "1001");
    w.link_down();
    w.wait(5_000);
    w.recovered(Fact::LegLeft {
        call: call.as_str().into(),
        leg: call.as_str().into(),
        end: LegEnd::Released,
        cause: None,
    });
    w.recovered(Fact::CallEnded { call: call.as_str().into(), by: None, cause: None });
    w.link_up_after(Some(w.now), false);
    assert_eq!((only(&w).last, only(&w).attempts, dials(&w)), (Some(TryEnd::Unseen), 1, 1));
}

#[test]
fn an_originate_the_pbx_refuses_is_not_repeated_at_once_and_is_nothing_the_agent_did() {
    let mut w = World::with(setup(|_| {}));
    create(&mut w, CUSTOMER, |_| {}).unwrap();
    let action = w.last_action();
    w.refuses(action);
    w.agent_is("alice", AgentState::Ready);
    assert_eq!((dials(&w), only(&w).attempts), (1, 0));
    w.wait(30_000);
    assert_eq!(dials(&w), 2);
}

#[test]
fn a_number_that_may_not_be_dialled_any_more_is_given_up() {
    let mut w = busy();
    create(&mut w, CUSTOMER, |_| {}).unwrap();
    w.told();
    let stricter = setup(|setup| {
        setup.version = 2;
        setup.outbound = OutboundSetup { allow: vec!["+43".into()], ..OutboundSetup::default() };
    });
    w.input(Input::Setup(Arc::new(stricter)));
    ready(&mut w, "alice");
    assert_eq!(w.told_of_calls(), ["callback ended forbidden"]);
    w.agent_is("alice", AgentState::Ready);
    assert_eq!(dials(&w), 0);
    w.queued_from("d", OTHER, "5003");
    assert_eq!(w.ring().1, ["PJSIP/1001"], "the agent takes the next");
}

#[test]
fn the_limits_of_dialling_out_hold_for_callbacks() {
    let mut w = World::with(setup(|setup| setup.outbound.per_minute = Some(1)));
    create(&mut w, CUSTOMER, |_| {}).unwrap();
    create(&mut w, OTHER, |_| {}).unwrap();
    assert_eq!(dials(&w), 1);
    w.agent_is("bob", AgentState::Ready);
    w.wait(30_000);
    assert_eq!(dials(&w), 1);
    w.wait(30_000);
    assert_eq!(dials(&w), 2);
}

#[test]
fn callbacks_go_where_waiting_calls_go_when_their_queue_is_gone() {
    let without = |to: RouteTarget| {
        move |setup: &mut Setup| {
            setup.version = 2;
            setup.queues.remove(0);
            setup.routes[0].target = to;
        }
    };
    let mut w = busy();
    w.queued("c", "5003");
    w.presses("c", '1');
    w.hangs_up("c");
    let at = w.now + Millis::from_secs(600);
    create(&mut w, OTHER, |request| {
        if let Request::CreateCallback { at: due, .. } = request {
            *due = Some(at);
        }
    })
    .unwrap();
    w.told();
    w.input(Input::Setup(Arc::new(setup(without(RouteTarget::Queue(queue("billing")))))));
    let by_number = |number: &str| {
        w.engine
            .callbacks()
            .find(|kept| kept.number.raw == number)
            .map(|kept| (kept.queue.clone(), kept.state))
    };
    assert_eq!(
        by_number(CUSTOMER).map(|(queue, _)| queue),
        Some(queue("billing")),
        "by the rule of what was dialled"
    );
    assert_eq!(
        by_number(OTHER).map(|(_, state)| state),
        Some(CallbackState::Failed),
        "nobody says where it goes"
    );
    assert_eq!(w.asked_kept().last().unwrap(), "dial PJSIP/1003 then +49305550001");

    let mut w = busy();
    create(&mut w, CUSTOMER, |_| {}).unwrap();
    let mut replacing = setup(without(RouteTarget::Hangup));
    replacing.replaced = [(queue("support"), queue("billing"))].into();
    w.input(Input::Setup(Arc::new(replacing)));
    assert_eq!(only(&w).queue, queue("billing"));
}

#[test]
fn a_customer_who_is_busy_when_the_queue_has_gone_is_tried_again_as_the_queue_in_its_place_tries() {
    let mut w = busy();
    create(&mut w, CUSTOMER, |_| {}).unwrap();
    ready(&mut w, "alice");
    let call = agent_answers(&mut w, "1001");
    let replacing = setup(|setup| {
        setup.version = 2;
        setup.queues.remove(0);
        setup.routes[0].target = RouteTarget::Hangup;
        setup.replaced = [(queue("support"), queue("billing"))].into();
        setup.queues[0].callback = Some(CallbackSetup { retry_after: Millis::from_secs(7), ..rules() });
    });
    w.input(Input::Setup(Arc::new(replacing)));
    customer_says(&mut w, &call, LegEnd::Busy, 17);
    let kept = only(&w);
    assert_eq!((kept.queue, kept.next_at), (queue("billing"), Some(w.now + Millis::from_secs(7))));
}

#[test]
fn a_promise_outlives_a_configuration_and_its_hours_are_those_in_force() {
    let mut w = busy();
    create(&mut w, CUSTOMER, |_| {}).unwrap();
    let never = hookswitch_model::setup::CalendarSetup {
        timezone: "UTC".into(),
        open: std::array::from_fn(|_| Vec::new()),
        closed: Vec::new(),
        special: std::collections::BTreeMap::new(),
    };
    let closed = setup(|setup| {
        setup.version = 2;
        setup.calendars = [("never".to_owned(), never)].into();
        setup.queues[0].callback = Some(CallbackSetup { hours: Some("never".into()), ..rules() });
    });
    w.input(Input::Setup(Arc::new(closed)));
    assert_eq!(w.engine.callback_position(only(&w).id), None);
    ready(&mut w, "alice");
    assert_eq!(dials(&w), 0);
    w.input(Input::Setup(Arc::new(setup(|setup| setup.version = 3))));
    assert_eq!(dials(&w), 1);
}

#[test]
fn a_customer_who_was_called_back_and_left_the_waiting_room_for_the_fallback_is_still_called() {
    let mut w = busy();
    w.queued("c", "5003");
    w.presses("c", '1');
    w.fact(Fact::FellBack { call: "c".into() });
    w.hangs_up("c");
    assert_eq!(w.ledger("c").disposition, Disposition::Callback);
    ready(&mut w, "alice");
    assert_eq!(dials(&w), 1);
    all_away(&mut w);
}
