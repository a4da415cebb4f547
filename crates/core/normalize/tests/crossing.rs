//! What crosses: events that are read at once, a Ring and the fallback.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{folders, frames, pbx::Pbx, routing, unconfigured};
use hookswitch_ami::Frame;
use hookswitch_model::{
    ActionId, CallRef, LegRef, Millis, PbxId,
    call::Address,
    pbx::{Action, Fact, PbxAction},
};
use hookswitch_normalize::from_ami::Normalizer;

#[test]
fn events_read_at_once_are_told_one_after_another_and_the_facts_of_one_event_together() {
    let mut pbx = Pbx::default();
    let before = pbx.now;
    pbx.calls("c", "PJSIP/trunk-01", "+4930", "5001");
    let read = pbx.now;
    for (name, headers) in [
        ("QueueCallerJoin", "Uniqueid: c|Queue: q|Position: 1"),
        ("Newchannel", "Channel: PJSIP/1001-02|ChannelState: 0|Uniqueid: a|Linkedid: c"),
        ("DialBegin", "Uniqueid: c|DestChannel: PJSIP/1001-02|DestUniqueid: a|DialString: 1001"),
        ("QueueCallerLeave", "Uniqueid: c|Queue: q"),
        ("Hangup", "Uniqueid: c|Cause: 16"),
    ] {
        pbx.now = before;
        pbx.event(name, headers);
    }
    let after = |fact: &str| {
        let told = pbx.facts.iter().find(|event| format!("{:?}", event.fact).starts_with(fact));
        told.unwrap().at.as_micros() - read.as_micros()
    };
    let moments =
        ["CallStarted", "QueueJoined", "LegRinging", "QueueLeft", "LegLeft", "CallEnded"].map(after);
    assert_eq!(moments, [0, 1, 2, 3, 4, 4]);
    pbx.calls("d", "PJSIP/trunk-03", "+4930", "5001");
    assert_eq!(pbx.facts.last().unwrap().at, pbx.now, "later events have their own time");
}

/// A caller in the waiting room for whom a Ring was sent, and whom the dialplan sends to the fallback before it comes.
fn crossing(ring: ActionId) -> Pbx {
    let mut pbx = Pbx::with(routing());
    pbx.calls("c", "PJSIP/trunk-01", "+49305550001", "5003").up("c");
    pbx.event("UserEvent", "UserEvent: HookswitchRoute|Channel: PJSIP/trunk-01|Uniqueid: c|Dnis: 5003");
    pbx.wait(200);
    let action = Action::Ring {
        call: CallRef::new("c"),
        leg: LegRef::new("c"),
        devices: vec![Address::new("PJSIP/1001")],
        timeout: Millis(20_000),
    };
    let pbx_id = PbxId::new("lab").unwrap();
    pbx.normalizer
        .sent(pbx.now, &PbxAction { id: ring, pbx: pbx_id, expires_at: pbx.now + Millis(5_000), action });
    pbx.event("UserEvent", "UserEvent: HookswitchFallback|Channel: PJSIP/trunk-01|Uniqueid: c");
    pbx
}

#[test]
fn a_ring_that_fetches_the_caller_from_the_fallback_stays_ours_and_the_fallback_was_none() {
    let ring = ActionId::from_bits(7);
    let mut pbx = crossing(ring);
    let before = pbx.facts.len();
    pbx.event(
        "DialBegin",
        &format!(
            "Channel: PJSIP/trunk-01|Uniqueid: c|Context: hookswitch-ring|ChanVariable: HS_OFFER={ring}|\
             DestChannel: PJSIP/1001-a|DestUniqueid: a|DialString: 1001"
        ),
    );
    assert_eq!(pbx.wait(1_000).told_after(before), ["1 rings 1001 (ours)"]);
    let mut pbx = crossing(ring);
    let before = pbx.facts.len();
    pbx.event(
        "UserEvent",
        &format!("UserEvent: HookswitchResult|Uniqueid: c|Offer: {ring}|Status: CHANUNAVAIL"),
    );
    assert_eq!(pbx.wait(1_000).told_after(before), ["1 result Unreachable"], "no phone could be rung");
}

#[test]
fn a_fallback_is_told_with_its_own_time_when_the_ring_does_not_come() {
    let ring = ActionId::from_bits(7);
    let mut pbx = crossing(ring);
    let (before, at) = (pbx.facts.len(), pbx.now);
    assert_eq!(pbx.wait(200).told_after(before), Vec::<String>::new());
    assert_eq!(pbx.wait(200).told_after(before), ["1 fell back"]);
    assert_eq!(pbx.facts.last().unwrap().at, at);
    let mut pbx = crossing(ring);
    let before = pbx.facts.len();
    pbx.raw(&format!("Response: Error\r\nActionID: {ring}\r\nMessage: Redirect failed\r\n\r\n"));
    let refused = r#"action refused=Some("Redirect failed")"#;
    assert_eq!(pbx.wait(1_000).told_after(before), ["1 fell back", refused], "no Ring will come");
    let mut pbx = crossing(ring);
    let before = pbx.facts.len();
    pbx.hangs_up("c").gone("c");
    assert_eq!(pbx.told_after(before)[0], "1 fell back", "he hung up there");
}

#[test]
fn a_transfer_is_told_before_what_comes_of_it_whichever_thread_of_the_pbx_speaks_first() {
    let recordings = ["ast22", "ast16"].into_iter().flat_map(folders);
    let recordings: Vec<_> = recordings.filter(|folder| folder.ends_with("blind-transfer-ami")).collect();
    assert_eq!(recordings.len(), 2);
    for folder in recordings {
        let stream = frames(&folder);
        let is = |frame: &Frame, event: &str, key: &str, value: Option<&str>| {
            frame.get("Event") == Some(event) && (value.is_none() || frame.get(key) == value)
        };
        let told = stream.iter().position(|(_, frame)| is(frame, "BlindTransfer", "", None)).unwrap();
        let transfer = &stream[told].1;
        let (agent, customer) = (transfer.get("TransfererUniqueid"), transfer.get("TransfereeUniqueid"));
        let after = |event: &str, uid: Option<&str>| {
            let later = stream.iter().enumerate().skip(told);
            later.into_iter().find(|(_, (_, frame))| is(frame, event, "Uniqueid", uid)).unwrap().0
        };
        let facts = |place: usize| -> Vec<Fact> {
            let mut order: Vec<&Frame> = stream.iter().map(|(_, frame)| frame).collect();
            let late = order.remove(told);
            order.insert(place, late);
            let (mut normalizer, mut facts) = (Normalizer::new(unconfigured()), Vec::new());
            for ((at, _), frame) in stream.iter().zip(order) {
                normalizer.frame(*at, frame, &mut facts);
            }
            let of_calls = facts.into_iter().map(|event| event.fact);
            of_calls.filter(|fact| !matches!(fact, Fact::Device { .. })).collect()
        };
        let expected = facts(told);
        assert!(expected.iter().any(|fact| matches!(fact, Fact::Transferred { .. })));
        for (event, uid) in [("DialBegin", customer), ("Hangup", agent), ("DialEnd", customer)] {
            assert_eq!(facts(after(event, uid)), expected, "{}: told after {event}", folder.display());
        }
    }
}
