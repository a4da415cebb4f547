//! Call-backs: how they are promised, when they are in line, and how they reach the customer.

use hookswitch_acd::Engine;
use hookswitch_model::{
    CallId, CallbackId, Millis,
    agent::AgentState,
    call::Direction,
    callback::{Callback, CallbackState, TryEnd},
    command::{Refusal, Request},
    ledger::{Disposition, EndedBy, Owner, VisitEnd},
    pbx::{Action, LegEnd},
    setup::{CallbackSetup, MaxWait, Mode, OutboundSetup, Overflow, Setup},
    why::{Because, MoveReason, MovedTo, NoCallback},
};

use crate::stage::{self, World, agent, queue, to};

/// The number of who calls in `queued`.
pub(crate) const CUSTOMER: &str = "+49305550001";
pub(crate) const OTHER: &str = "+49305550002";

pub(crate) fn rules() -> CallbackSetup {
    CallbackSetup { key: Some('1'), prompt: Some("we-call-you-back".to_owned()), ..CallbackSetup::default() }
}

/// `support` takes call-backs by key 1.
pub(crate) fn setup(change: impl FnOnce(&mut Setup)) -> Setup {
    let outbound = OutboundSetup { allow: vec!["+49".to_owned()], ..OutboundSetup::default() };
    let mut setup = Setup { outbound, ..stage::setup(Mode::Route) };
    setup.queues[0].callback = Some(rules());
    change(&mut setup);
    setup
}

/// Nobody is free.
pub(crate) fn busy() -> World {
    let mut w = World::with(setup(|_| {}));
    all_away(&mut w);
    w
}

pub(crate) fn all_away(w: &mut World) {
    for id in ["alice", "bob"] {
        w.set_state(id, AgentState::NotReady, None);
    }
    w.told();
    w.asked();
}

pub(crate) fn ready(w: &mut World, id: &str) {
    w.set_state(id, AgentState::Ready, None);
}

/// The reference the PBX was told to show the last call of our making under.
#[track_caller]
pub(crate) fn reference(w: &World) -> String {
    let found = w.actions.iter().rev().find_map(|action| match &action.action {
        Action::Dial { call, .. } => Some(call.as_str().to_owned()),
        _ => None,
    });
    found.expect("somebody is dialled")
}

pub(crate) fn dials(w: &World) -> usize {
    w.actions.iter().filter(|action| matches!(action.action, Action::Dial { .. })).count()
}

/// The PBX rings this agent's telephone for the try.
pub(crate) fn agent_rings(w: &mut World, phone: &str) -> String {
    let call = reference(w);
    w.outbound(&call, phone, CUSTOMER);
    w.rings(&call, &call, &format!("PJSIP/{phone}"));
    call
}

/// The agent answers, the customer's telephone rings.
pub(crate) fn agent_answers(w: &mut World, phone: &str) -> String {
    let call = agent_rings(w, phone);
    w.up(&call, &call);
    w.rings(&call, &format!("{call}-far"), &format!("PJSIP/trunk:{CUSTOMER}"));
    call
}

/// The customer's telephone says this, and the PBX ends the call.
pub(crate) fn customer_says(w: &mut World, call: &str, end: LegEnd, q850: u16) {
    w.leaves(call, &format!("{call}-far"), end);
    w.leaves(call, call, LegEnd::Released);
    w.ends(call, None, q850);
}

pub(crate) fn customer_answers(w: &mut World, call: &str) {
    let far = format!("{call}-far");
    w.up(call, &far);
    w.talking(call, &[call, &far]);
}

pub(crate) fn customer_hangs_up(w: &mut World, call: &str) {
    let far = format!("{call}-far");
    w.leaves(call, &far, LegEnd::HungUp);
    w.leaves(call, call, LegEnd::Released);
    w.ends(call, Some(&far), 16);
}

#[track_caller]
pub(crate) fn only(w: &World) -> Callback {
    let all: Vec<&Callback> = w.engine.callbacks().collect();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

pub(crate) fn create(
    w: &mut World,
    number: &str,
    change: impl FnOnce(&mut Request),
) -> Result<CallbackId, Refusal> {
    let mut request = Request::CreateCallback {
        queue: queue("support"),
        number: to(number),
        at: None,
        agent: None,
        data: [("case".to_owned(), "7".to_owned())].into(),
    };
    change(&mut request);
    w.command(request).result.map(|taken| taken.callback.expect("a call-back"))
}

/// A caller waited ten seconds and pressed the key.
fn promised(w: &mut World) {
    w.queued("c", "5003");
    w.wait(10_000);
    w.presses("c", '1');
}

#[test]
fn a_caller_who_presses_the_key_hears_the_prompt_and_is_called_at_the_same_place() {
    let mut w = busy();
    w.queued("c", "5003");
    w.wait(10_000);
    w.told();
    w.asked();
    w.presses("c", '1');
    w.check(&["callback created support"]);
    assert_eq!(w.asked(), ["farewell we-call-you-back"]);
    let (caller, kept) = (w.call_id("c"), only(&w));
    let queued_at = w.call("c").queued_at.unwrap();
    assert_eq!((kept.enqueued_at, kept.state), (queued_at, CallbackState::Waiting));
    assert_eq!(w.engine.callback_position(kept.id), Some(1));
    w.wait(2_000);
    w.leaves("c", "c", LegEnd::Released);
    w.ends("c", None, 16);
    w.check(&["ended callback by system"]);
    let ledger = w.ledger("c");
    assert_eq!(ledger.disposition, Disposition::Callback);
    assert_eq!(ledger.visits().map(|visit| visit.end).collect::<Vec<_>>(), [VisitEnd::Left]);
    assert_eq!(ledger.segments.last().map(|last| last.owner.clone()), Some(Owner::System("callback".into())));
    let figures = w.engine.queue(&queue("support"), w.now).unwrap();
    assert_eq!((figures.abandoned, figures.left, figures.waiting, figures.callbacks), (0, 1, 0, 1));

    ready(&mut w, "alice");
    w.check(&[
        "agent alice not_ready>ready",
        "callback dialled",
        "started outbound",
        "agent alice ready>reserved",
    ]);
    assert_eq!(w.asked_kept(), ["dial PJSIP/1001 then +49305550001"]);
    let call = agent_rings(&mut w, "1001");
    w.check(&["offered alice #1 of support", "pop alice"]);
    w.up(&call, &call);
    w.rings(&call, &format!("{call}-far"), &format!("PJSIP/trunk:{CUSTOMER}"));
    w.check(&["offer_ended alice accepted", "agent alice reserved>talking"]);
    assert_eq!((only(&w).state, only(&w).attempts), (CallbackState::Dialling, 1));
    customer_answers(&mut w, &call);
    w.check(&["answered alice"]);
    assert_eq!(only(&w).state, CallbackState::Connected);
    let tried = w.call(&call).clone();
    assert_eq!((tried.direction, tried.queue.as_ref()), (Direction::Outbound, Some(&queue("support"))));
    assert_eq!(tried.data["callback"], kept.id.to_string());
    w.wait(60_000);
    customer_hangs_up(&mut w, &call);
    w.check(&["agent alice talking>ready", "ended answered by customer", "callback ended completed"]);
    let ledger = w.ledger(&call);
    assert_eq!((ledger.disposition, ledger.ended_by), (Disposition::Answered, EndedBy::Customer));
    assert_eq!((ledger.callback_of, ledger.handled_by), (Some(caller), vec![agent("alice")]));
    let over = only(&w);
    assert_eq!(
        (over.state, over.call, over.enqueued_at),
        (CallbackState::Completed, Some(tried.id), queued_at)
    );
    assert_eq!(w.engine.queue(&queue("support"), w.now).unwrap().callbacks, 0);
}

#[test]
fn a_caller_who_hangs_up_after_the_key_keeps_the_place() {
    let mut w = busy();
    promised(&mut w);
    w.hangs_up("c");
    assert_eq!(w.ledger("c").disposition, Disposition::Callback);
    assert_eq!(only(&w).state, CallbackState::Waiting);
    ready(&mut w, "bob");
    assert_eq!(dials(&w), 1);
}

#[test]
fn another_key_and_a_queue_without_one_change_nothing() {
    let mut w = busy();
    w.queued("c", "5003");
    w.queued_from("d", OTHER, "5013");
    w.told();
    w.presses("c", '2');
    w.presses("d", '1');
    assert_eq!(w.told_of_calls(), ["offered dora #1 of billing"; 0]);
    assert_eq!(w.engine.callbacks().count(), 0);
}

#[test]
fn who_waited_too_long_is_called_back_unasked_and_older_than_who_came_later() {
    let then = MaxWait { after: Millis::from_secs(30), then: Overflow::Callback };
    let mut w = World::with(setup(|setup| setup.queues[0].max_wait = Some(then)));
    all_away(&mut w);
    w.queued("c", "5003");
    w.wait(20_000);
    w.queued_from("d", OTHER, "5003");
    w.wait(10_000);
    assert_eq!(only(&w).state, CallbackState::Waiting);
    let why = w.engine.why(w.call_id("c")).unwrap();
    let Because::Moved(moved) = &why.decisions.back().unwrap().because else { panic!("{why:?}") };
    assert_eq!((&moved.to, moved.reason), (&MovedTo::Callback, MoveReason::MaxWait));
    w.hangs_up("c");
    w.asked();
    ready(&mut w, "alice");
    assert_eq!(w.asked_kept(), ["dial PJSIP/1001 then +49305550001"], "the older one first");
    ready(&mut w, "bob");
    assert!(w.ring().1.contains(&"PJSIP/1002".to_owned()), "then who came later");
}

#[test]
fn a_withheld_or_unusable_number_stays_in_the_queue_and_the_reasons_say_so() {
    for (ani, reason) in
        [("", NoCallback::NoNumber), ("1234", NoCallback::NoNumber), ("+1234567", NoCallback::NotAllowed)]
    {
        let then = MaxWait { after: Millis::from_secs(30), then: Overflow::Callback };
        let mut w = World::with(setup(|setup| setup.queues[0].max_wait = Some(then)));
        all_away(&mut w);
        w.queued_from("c", ani, "5003");
        w.wait(31_000);
        w.presses("c", '1');
        assert_eq!(w.engine.callbacks().count(), 0, "{ani}");
        let why = w.engine.why(w.call_id("c")).unwrap();
        let not: Vec<NoCallback> = why
            .decisions
            .iter()
            .filter_map(|decided| match &decided.because {
                Because::NotCalledBack(not) => Some(not.reason),
                _ => None,
            })
            .collect();
        assert_eq!(not, [reason, reason], "{ani}: once unasked, once by key");
        // Whoever could not be called back waits on, and is served.
        w.wait(600_000);
        ready(&mut w, "alice");
        assert_eq!(w.ring().1, ["PJSIP/1001"], "{ani}");
    }
}

#[test]
fn a_key_pressed_while_an_agent_is_rung_counts_when_the_agent_does_not_answer() {
    let mut w = World::with(setup(|setup| setup.agents.truncate(1)));
    w.queued("c", "5003");
    let (ring, _) = w.ring();
    w.rings_for("c", "c2", "PJSIP/1001", ring);
    w.presses("c", '1');
    assert_eq!(w.engine.callbacks().count(), 0, "the agent may still answer");
    w.wait(15_000);
    w.leaves("c", "c2", LegEnd::NoAnswer);
    w.result("c", ring, hookswitch_model::pbx::RingResult::NoAnswer);
    assert_eq!(only(&w).state, CallbackState::Waiting);
    ready(&mut w, "alice");
    assert_eq!(dials(&w), 0, "asked again for it only after the back-off");
    w.wait(5_000);
    assert_eq!(dials(&w), 1, "what is known of who did not take the call is known of the call-back");
}

#[test]
fn an_agent_who_does_not_answer_leaves_the_place_as_it_was() {
    let mut w = busy();
    promised(&mut w);
    w.queued_from("d", OTHER, "5003");
    w.asked();
    ready(&mut w, "alice");
    let call = agent_rings(&mut w, "1001");
    w.told();
    w.wait(15_000);
    w.leaves(&call, &call, LegEnd::NoAnswer);
    w.ends(&call, None, 19);
    assert!(w.told().contains(&"callback retry after agent, 0 dialled".to_owned()));
    assert_eq!(w.ledger(&call).disposition, Disposition::Failed);
    w.agent_is("alice", AgentState::NotReady);
    let kept = only(&w);
    assert_eq!((kept.state, kept.last, kept.attempts), (CallbackState::Waiting, Some(TryEnd::Agent), 0));
    assert_eq!(w.engine.callback_position(kept.id), Some(1), "before who came later");
    w.asked();
    ready(&mut w, "bob");
    assert_eq!(w.asked_kept(), ["dial PJSIP/1002 then +49305550001"]);
}

#[test]
fn a_busy_customer_is_tried_again_later_at_the_old_place_until_no_attempt_is_left() {
    let mut w = busy();
    promised(&mut w);
    w.hangs_up("c");
    let since = only(&w).enqueued_at;
    for attempt in 1..=3 {
        ready(&mut w, "alice");
        let call = agent_answers(&mut w, "1001");
        w.told();
        customer_says(&mut w, &call, LegEnd::Busy, 17);
        let kept = only(&w);
        assert_eq!((kept.attempts, kept.last), (attempt, Some(TryEnd::Busy)));
        assert_eq!(w.ledger(&call).disposition, Disposition::Busy);
        if attempt < 3 {
            assert!(w.told().contains(&format!("callback retry after busy, {attempt} dialled")));
            assert_eq!(kept.next_at, Some(w.now + rules().retry_after));
            assert_eq!(w.engine.callback_position(kept.id), None, "in line again later");
            w.actions.clear();
            w.wait(rules().retry_after.0 - 1);
            assert_eq!(dials(&w), 0);
            w.set_state("alice", AgentState::NotReady, None);
            w.wait(1);
            assert_eq!(w.engine.callback_position(kept.id), Some(1));
        }
    }
    w.set_state("alice", AgentState::NotReady, None);
    assert!(w.told().contains(&"callback ended failed".to_owned()));
    assert_eq!((only(&w).state, only(&w).enqueued_at), (CallbackState::Failed, since));
    w.actions.clear();
    ready(&mut w, "alice");
    w.wait(86_400_000);
    assert_eq!(dials(&w), 0);
}

#[test]
fn one_that_is_asked_for_at_a_time_waits_for_it_and_for_the_agent_who_is_asked_for() {
    let mut w = World::with(setup(|_| {}));
    let at = w.now + Millis::from_secs(3_600);
    let id = create(&mut w, CUSTOMER, |request| {
        if let Request::CreateCallback { at: due, agent: who, .. } = request {
            (*due, *who) = (Some(at), Some(agent("bob")));
        }
    });
    let id = id.unwrap();
    assert_eq!(w.engine.callback_position(id), None);
    w.wait(3_599_000);
    assert_eq!(dials(&w), 0);
    // bob is on the telephone when the time comes: he is waited for, though alice is free.
    w.outbound("o", "1002", "+4930999");
    w.up("o", "o");
    w.wait(61_000);
    assert_eq!((dials(&w), w.engine.callback_position(id)), (0, Some(1)));
    w.leaves("o", "o", LegEnd::HungUp);
    w.ends("o", Some("o"), 16);
    assert_eq!(w.asked_kept().last().unwrap(), "dial PJSIP/1002 then +49305550001");
    let kept = only(&w);
    assert_eq!((kept.enqueued_at, kept.due), (at, Some(at)), "a time far ahead gives no place before it");
    let call = agent_answers(&mut w, "1002");
    customer_answers(&mut w, &call);
    assert_eq!(w.call(&call).data["case"], "7");
}

#[test]
fn a_busy_agent_who_is_asked_for_is_not_waited_for_for_ever_and_one_who_is_away_not_at_all() {
    for (state, wait) in [(AgentState::NotReady, 0), (AgentState::Talking, rules().agent_wait.0)] {
        let mut w = World::with(setup(|_| {}));
        if state == AgentState::Talking {
            w.outbound("o", "1002", "+4930999");
            w.up("o", "o");
        } else {
            w.set_state("bob", AgentState::NotReady, None);
        }
        create(&mut w, CUSTOMER, |request| {
            if let Request::CreateCallback { agent: who, .. } = request {
                *who = Some(agent("bob"));
            }
        })
        .unwrap();
        if wait > 0 {
            w.wait(wait - 1);
            assert_eq!(dials(&w), 0);
            w.wait(1);
        }
        assert_eq!(w.asked_kept().last().unwrap(), "dial PJSIP/1001 then +49305550001", "{state:?}");
    }
}

#[test]
fn customers_are_called_in_the_hours_of_the_queue_only() {
    let open = hookswitch_model::setup::CalendarSetup {
        timezone: "UTC".into(),
        // 2026-11-21 19:20 UTC is when stories begin: an hour and ten minutes before the first opening.
        open: std::array::from_fn(|_| vec![(20 * 60 + 30, 21 * 60)]),
        closed: Vec::new(),
        special: std::collections::BTreeMap::new(),
    };
    let mut w = World::with(setup(|setup| {
        setup.calendars = [("office".to_owned(), open)].into();
        setup.queues[0].callback = Some(CallbackSetup {
            hours: Some("office".into()),
            expires: Millis::from_secs(3 * 86_400),
            ..rules()
        });
    }));
    let began = w.now;
    create(&mut w, CUSTOMER, |_| {}).unwrap();
    let opens = only(&w).next_at.expect("closed");
    assert_eq!(opens.as_millis() % 86_400_000, (20 * 3_600 + 30 * 60) * 1_000);
    w.wait(opens.since(began).0 - 1);
    assert_eq!(dials(&w), 0);
    w.wait(1);
    assert_eq!(dials(&w), 1);
    // A customer who is busy shortly before closing is tried again when it opens next, not in between.
    let call = agent_answers(&mut w, "1001");
    w.wait(20 * 60_000);
    customer_says(&mut w, &call, LegEnd::Busy, 17);
    assert_eq!(only(&w).next_at, Some(opens + Millis::from_secs(86_400)));
}

#[test]
fn a_number_twice_in_one_queue_is_refused_and_told_by_which() {
    let mut w = busy();
    let first = create(&mut w, CUSTOMER, |_| {}).unwrap();
    assert_eq!(create(&mut w, CUSTOMER, |_| {}), Err(Refusal::CalledBackAlready { callback: first }));
    let in_billing = create(&mut w, CUSTOMER, |request| {
        if let Request::CreateCallback { queue: id, .. } = request {
            *id = queue("billing");
        }
    });
    assert!(in_billing.is_ok(), "another queue has its own line");
    for (number, why) in [
        ("+1234567", "numbers of that prefix may not be dialled"),
        ("4711", "there is no number that can be dialled"),
    ] {
        assert!(create(&mut w, number, |_| {}).unwrap_err().to_string().starts_with(why), "{number}");
    }
    let unknown = |what: &str, id: &str| Refusal::Unknown { what: what.into(), id: id.into() };
    let refused = create(&mut w, OTHER, |request| {
        if let Request::CreateCallback { queue: id, .. } = request {
            *id = queue("nowhere");
        }
    });
    assert_eq!(refused, Err(unknown("queue", "nowhere")));
    let refused = create(&mut w, OTHER, |request| {
        if let Request::CreateCallback { agent: who, .. } = request {
            *who = Some(agent("dora"));
        }
    });
    assert!(matches!(refused, Err(Refusal::Invalid { .. })), "dora does not serve support: {refused:?}");
}

#[test]
fn a_waiting_caller_is_called_back_on_request_and_who_does_not_wait_is_not() {
    let mut w = busy();
    w.queued("c", "5003");
    let call = w.call_id("c");
    let taken = w.command(Request::CallBack { call }).result.unwrap();
    assert_eq!(taken.callback, Some(only(&w).id));
    let again = w.command(Request::CallBack { call }).result;
    assert!(matches!(again, Err(Refusal::NotNow { .. })), "{again:?}");
    let nobody = w.command(Request::CallBack { call: CallId::from_bits(1) }).result;
    assert!(matches!(nobody, Err(Refusal::Unknown { .. })), "{nobody:?}");
    let by_agent = w.command_as("alice", Request::CallBack { call }).result;
    assert!(matches!(by_agent, Err(Refusal::Forbidden { .. })), "{by_agent:?}");
}

#[test]
fn of_all_who_would_be_rung_at_once_one_dials() {
    let mut w =
        World::with(setup(|setup| setup.queues[0].strategy = hookswitch_model::setup::Strategy::RingAll));
    create(&mut w, CUSTOMER, |_| {}).unwrap();
    assert_eq!(dials(&w), 1);
    assert_eq!(w.asked_kept().last().unwrap(), "dial PJSIP/1001 then +49305550001");
    w.agent_is("bob", AgentState::Ready);
}

#[test]
fn an_engine_restored_in_any_state_of_a_callback_goes_on_as_if_nothing_had_happened() {
    let course: [fn(&mut World); 6] = [
        promised,
        |w| w.hangs_up("c"),
        |w| ready(w, "alice"),
        |w| drop(agent_answers(w, "1001")),
        |w| {
            let call = reference(w);
            customer_says(w, &call, LegEnd::NoAnswer, 19);
        },
        |w| w.wait(15 * 60_000),
    ];
    for cut in 0..course.len() {
        let (mut whole, mut cut_short) = (busy(), busy());
        for (place, step) in course.iter().enumerate() {
            step(&mut whole);
            step(&mut cut_short);
            if place == cut {
                let kept = serde_json::to_vec(&cut_short.snapshot()).unwrap();
                cut_short.engine = Engine::restore(serde_json::from_slice(&kept).unwrap()).unwrap();
            }
        }
        assert_eq!(cut_short.events, whole.events, "restored after step {cut}");
        assert_eq!(cut_short.actions, whole.actions, "restored after step {cut}");
    }
}
