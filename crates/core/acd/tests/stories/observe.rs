//! A PBX that decides by itself: app_queue, its pauses, its own retries. We only look.

use hookswitch_model::{
    agent::AgentState,
    call::{Address, CallState},
    ledger::Disposition,
    pbx::{Fact, LegEnd},
};

use crate::{
    lines,
    stage::{World, agent, queue},
};

fn in_queue() -> World {
    let mut w = World::observe();
    w.inbound("c", "5004");
    w.wait(500);
    w.joins_pbx_queue("c", "sales");
    w
}

#[test]
fn a_queue_of_the_pbx_is_told_under_its_own_name() {
    let mut w = in_queue();
    w.rings("c", "a", "PJSIP/1001");
    w.check(&[
        "started inbound",
        "queued sales at 1",
        "offered alice #1 of sales",
        "pop alice",
        "agent alice ready>reserved",
    ]);
    w.wait(3_000);
    w.up("c", "a");
    w.leaves_pbx_queue("c", "sales", false);
    w.wait(5);
    w.talking("c", &["c", "a"]);
    w.wait(2_000);
    w.hung_up_by("c", "a");
    w.check_calls(&["offer_ended alice accepted", "answered alice", "ended answered by agent"]);
    let ledger = w.ledger("c");
    assert_eq!(
        lines::segments(&ledger),
        ["system pbx inbound 500", "queue sales queued 3005", "agent alice answered 2000"]
    );
    assert_eq!(ledger.wait_ms, 3_005, "the time before the queue is not wait");
    assert!(w.asked().is_empty(), "nothing is asked of a PBX that is only read");
    assert_eq!(w.engine.queue(&queue("sales"), w.now).unwrap().answered, 1);
}

#[test]
fn no_answer_in_the_pbxs_queue_is_the_pbxs_business() {
    let mut w = in_queue();
    w.rings("c", "a", "PJSIP/1001");
    w.told();
    w.leaves("c", "a", LegEnd::NoAnswer);
    w.check(&["offer_ended alice no_answer", "agent alice reserved>ready"]);
    w.rings("c", "b", "PJSIP/1002");
    w.check_calls(&["offered bob #2 of sales", "pop bob"]);
}

#[test]
fn giving_up_in_the_pbxs_queue_is_abandoned() {
    let mut w = in_queue();
    w.wait(4_000);
    w.leaves_pbx_queue("c", "sales", true);
    w.hangs_up("c");
    let ledger = w.ledger("c");
    assert_eq!((ledger.disposition, ledger.wait_ms), (Disposition::Abandoned, 4_000));
    assert_eq!(w.engine.queue(&queue("sales"), w.now).unwrap().abandoned, 1);
}

#[test]
fn a_queue_that_times_out_gives_the_call_back_to_the_dialplan() {
    let mut w = in_queue();
    w.wait(4_000);
    w.leaves_pbx_queue("c", "sales", false);
    assert_eq!(w.call("c").state, CallState::Started);
    w.fact(Fact::SystemTook { call: "c".into(), what: "voicemail".into() });
    w.wait(1_000);
    w.hangs_up("c");
    let ledger = w.ledger("c");
    assert_eq!(ledger.disposition, Disposition::Missed);
    assert_eq!(lines::segments(&ledger)[1..], ["queue sales queued 4000", "system voicemail voicemail 1000"]);
}

#[test]
fn a_paused_member_is_not_ready() {
    let mut w = World::observe();
    let address = || Address::new("PJSIP/1001");
    w.fact(Fact::MemberPaused { address: address(), paused: true, reason: Some("lunch".into()) });
    w.fact(Fact::MemberPaused { address: address(), paused: false, reason: None });
    w.fact(Fact::MemberPaused { address: address(), paused: true, reason: Some(String::new()) });
    w.check(&[
        "agent alice ready>not_ready (lunch)",
        "agent alice not_ready>ready",
        "agent alice ready>not_ready (paused)",
    ]);
}

#[test]
fn a_transfer_in_the_pbx_is_seen_as_in_route_mode() {
    let mut w = in_queue();
    w.rings("c", "a", "PJSIP/1001");
    w.answers("c", "a");
    w.blind("c", "a", "1002");
    w.rings("c", "b", "PJSIP/1002");
    w.answers("c", "b");
    w.hangs_up("c");
    assert_eq!(w.ledger("c").handled_by, [agent("alice"), agent("bob")]);
    w.agent_is("alice", AgentState::Ready);
}
