//! What no recording shows: other orders, other dialplans, other people's programs.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks for one kind of fact"
)]

mod common;

use common::{pbx::Pbx, routing, unconfigured};
use hookswitch_model::{
    ActionId, Millis,
    agent::DeviceState,
    call::Address,
    pbx::{Fact, RingResult},
};
use hookswitch_normalize::settings::Settings;

fn lines(text: &str) -> Vec<String> {
    text.split("; ").map(str::to_owned).collect()
}

#[test]
fn a_transfer_without_its_label_is_seen_by_who_is_bridged_with_whom() {
    let mut pbx = Pbx::default();
    pbx.customer_talks();
    pbx.calls("a2", "PJSIP/1001-03", "1001", "1002").rings("a2", "b", "PJSIP/1002-04", "1002");
    pbx.up("b").up("a2").enters("b", "b1").enters("a2", "b1");
    let before = pbx.facts.len();
    pbx.leaves("c", "b0").leaves("a2", "b1").enters("c", "b1").gone("a2").gone("a");
    assert_eq!(
        pbx.wait(100).told_after(before),
        lines(
            "1 gets 1002 from 2; 1 transferred Attended 1001 -> 1002 (1002) by 2; 1 left 1001 Transferred; \
             2 left 1001' Transferred; 2 merged into 1; 1 talks 1002"
        )
    );
}

#[test]
fn a_retrieval_is_told_a_moment_later_with_its_own_time() {
    let mut pbx = Pbx::default();
    pbx.customer_talks().event("Hold", "Uniqueid: a");
    let before = pbx.facts.len();
    pbx.event("Unhold", "Uniqueid: a");
    let at = pbx.now;
    assert_eq!(pbx.told_after(before), Vec::<String>::new());
    let due = pbx.normalizer.next_deadline().unwrap();
    assert!(due.since(at) <= Millis(100), "a person does not notice");
    assert_eq!(pbx.wait(due.since(pbx.now).0).told_after(before), ["1 retrieves 1001"]);
    assert_eq!(pbx.facts.last().unwrap().at, at);
}

#[test]
fn hold_and_retrieve_in_quick_succession_are_all_told() {
    let mut pbx = Pbx::default();
    pbx.customer_talks();
    let before = pbx.facts.len();
    pbx.event("Hold", "Uniqueid: a").event("Unhold", "Uniqueid: a").event("Hold", "Uniqueid: a");
    pbx.event("Hold", "Uniqueid: a").event("Unhold", "Uniqueid: a");
    assert_eq!(
        pbx.wait(100).told_after(before),
        ["1 holds 1001", "1 retrieves 1001", "1 holds 1001", "1 retrieves 1001"]
    );
}

#[test]
fn agents_who_talk_on_after_the_customer_left_a_conference_have_a_call_of_their_own() {
    let mut pbx = Pbx::default();
    pbx.customer_talks().calls("d", "PJSIP/1002-05", "1002", "8001").up("d");
    for uid in ["c", "a"] {
        pbx.leaves(uid, "b0");
    }
    for uid in ["c", "a", "d"] {
        pbx.enters(uid, "conf");
    }
    let before = pbx.facts.len();
    pbx.hangs_up("c").leaves("c", "conf").gone("c");
    pbx.hangs_up("d").leaves("d", "conf").gone("d").gone("a");
    assert_eq!(
        pbx.wait(300).told_after(before),
        lines(
            "3 started internal 1001 1001 -> 1002; 3 up 1001; 3 gets 1002 from 1; 1 left 1001 Released; \
             1 left C HungUp; 1 ended by C; 3 talks 1001; 3 talks 1002; 3 left 1002 HungUp; \
             3 left 1001 Released; 3 ended by 1002"
        )
    );
}

#[test]
fn an_originate_through_a_local_pair_rings_the_agent_first() {
    let mut pbx = Pbx::default();
    let (one, two) = ("Local/1001@internal-01;1", "Local/1001@internal-01;2");
    pbx.made("L1", one, "L1").made("L2", two, "L1");
    pbx.event("LocalBridge", "LocalOneUniqueid: L1|LocalTwoUniqueid: L2");
    pbx.event("DialBegin", &format!("DestChannel: {one}|DestUniqueid: L1|DialString: 1001@internal"));
    pbx.rings("L2", "a", "PJSIP/1001-02", "1001").up("a").up("L2").up("L1");
    pbx.rings("L1", "f", "PJSIP/trunk-03", "493012345@trunk");
    pbx.enters("a", "b1").enters("L2", "b1").up("f").enters("f", "b2").enters("L1", "b2");
    // Optimised away: the far end takes the place of the near half.
    pbx.leaves("f", "b2")
        .event("BridgeEnter", "Channel: PJSIP/trunk-03|Uniqueid: f|BridgeUniqueid: b1|SwapUniqueid: L2");
    pbx.gone("L1").gone("L2").hangs_up("f").leaves("f", "b1").gone("f").gone("a");
    assert_eq!(
        pbx.wait(300).told(),
        lines(
            "1 started outbound 1001 1001 -> ; 1 rings 1001; 1 up 1001; 1 dialled 493012345; 1 rings C 493012345; \
             1 up C; 1 talks 1001; 1 talks C; 1 left 1001 Released; 1 left C HungUp; 1 ended by C"
        )
    );
}

#[test]
fn a_phone_rung_for_a_waiting_caller_by_name_is_a_leg_of_that_call() {
    let mut pbx = Pbx::default();
    pbx.calls("1.1", "PJSIP/trunk-01", "+49305550001", "5001").up("1.1");
    pbx.made("acd-1", "PJSIP/1001-02", "acd-1").event(
        "DialBegin",
        "DestChannel: PJSIP/1001-02|DestUniqueid: acd-1|DestChanVariable: X=|DestChanVariable: CALL=1.1",
    );
    let told = pbx.told();
    assert_eq!(told.last().unwrap(), "1 rings 1001");
    // Somebody who talks does not wait: a phone rung in his name may be a consultation.
    pbx.up("acd-1").enters("acd-1", "b").enters("1.1", "b");
    pbx.made("acd-2", "PJSIP/1002-03", "acd-2")
        .event("DialBegin", "DestChannel: PJSIP/1002-03|DestUniqueid: acd-2|DestChanVariable: CALL=1.1");
    assert_eq!(pbx.told().last().unwrap(), "2 rings 1002");
}

#[test]
fn a_feature_code_is_no_call() {
    let mut pbx = Pbx::default();
    pbx.calls("f", "PJSIP/1001-01", "1001", "*52").up("f");
    pbx.event("UserEvent", "UserEvent: HookswitchAgent|Channel: PJSIP/1001-01|Uniqueid: f|Do: pause")
        .gone("f");
    assert_eq!(pbx.wait(300).told(), ["agent PJSIP/1001 Pause"]);
    assert_eq!(pbx.normalizer.counters().calls, 0);
}

#[test]
fn a_phone_that_dials_and_hangs_up_at_once_was_a_call() {
    let mut pbx = Pbx::default();
    pbx.calls("p", "PJSIP/1001-01", "1001", "9493012345").hangs_up("p").gone("p");
    assert_eq!(
        pbx.told(),
        ["1 started outbound 1001 1001 -> 9493012345", "1 left 1001 HungUp", "1 ended by 1001"]
    );
}

#[test]
fn a_device_is_unavailable_when_its_last_contact_goes() {
    let mut pbx = Pbx::default();
    let contact =
        |uri: &str, status: &str| format!("URI: sip:alice@{uri}|ContactStatus: {status}|EndpointName: alice");
    pbx.event("ContactStatus", &contact("10.0.0.1", "NonQualified"));
    pbx.event("ContactStatus", &contact("10.0.0.2", "Reachable"));
    pbx.event("ContactStatus", &contact("10.0.0.1", "Removed"));
    pbx.event("ContactStatus", &contact("10.0.0.2", "Unreachable"));
    let states: Vec<_> = pbx
        .facts
        .iter()
        .filter_map(|event| match &event.fact {
            Fact::Device { address, state } => Some((address.as_str(), *state)),
            _ => None,
        })
        .collect();
    assert_eq!(states, [("PJSIP/alice", DeviceState::Idle), ("PJSIP/alice", DeviceState::Unavailable)]);
    // It registered with its own name: its calls come from one of us.
    pbx.calls("p", "PJSIP/alice-01", "2001", "9493012345").rings("p", "t", "PJSIP/carrier-02", "49@carrier");
    assert_eq!(pbx.told()[0], "1 started outbound alice 2001 -> 9493012345");
}

#[test]
fn configured_devices_are_phones_and_their_extensions_are_internal() {
    let devices =
        [(Address::new("SIP/4930555"), "7005".to_owned()), (Address::new("SIP/bob"), "70071234".to_owned())];
    let mut pbx = Pbx::with(Settings { devices: devices.into(), ..unconfigured() });
    pbx.calls("p", "SIP/4930555-01", "7005", "70071234").up("p").gone("p");
    assert_eq!(pbx.told()[0], "1 started internal 4930555 7005 -> 70071234");
}

#[test]
fn our_ring_is_known_by_the_callers_variable_and_context() {
    let (ring, stale) = (ActionId::from_bits(7), ActionId::from_bits(6));
    let dial = |context: &str, uid: &str, id: ActionId| {
        format!(
            "Channel: PJSIP/trunk-01|Uniqueid: c|Context: {context}|ChanVariable: HS_OFFER={id}|\
             DestChannel: PJSIP/1001-{uid}|DestUniqueid: {uid}|DialString: 1001"
        )
    };
    let mut pbx = Pbx::default();
    pbx.calls("c", "PJSIP/trunk-01", "+49305550001", "5003").up("c");
    pbx.event("DialBegin", &dial("hookswitch-ring", "a", ring));
    pbx.event("DialBegin", &dial("from-internal", "b", stale));
    let rings: Vec<_> = pbx
        .facts
        .iter()
        .filter_map(|event| match &event.fact {
            Fact::LegRinging { ring, .. } => Some(*ring),
            _ => None,
        })
        .collect();
    assert_eq!(rings, [Some(ring), None]);
}

/// Rings two phones, ends them so, and gives the result that the dialplan's word becomes.
fn result(ends: [(&str, Option<u16>); 2], status: &str, cause: u16) -> RingResult {
    let ring = ActionId::from_bits(7);
    let mut pbx = Pbx::default();
    pbx.calls("c", "PJSIP/trunk-01", "+49305550001", "5003").up("c");
    for (uid, (dial_status, refused)) in ["a", "b"].iter().zip(ends) {
        pbx.event(
            "DialBegin",
            &format!(
                "Channel: PJSIP/trunk-01|Uniqueid: c|Context: hookswitch-ring|ChanVariable: HS_OFFER={ring}|\
                 DestChannel: PJSIP/100{uid}-1|DestUniqueid: {uid}|DialString: 1"
            ),
        );
        if let Some(cause) = refused {
            pbx.event("HangupRequest", &format!("Uniqueid: {uid}|Cause: {cause}"));
        }
        pbx.event("DialEnd", &format!("Uniqueid: c|DestUniqueid: {uid}|DialStatus: {dial_status}"));
    }
    pbx.event(
        "UserEvent",
        &format!("UserEvent: HookswitchResult|Channel: PJSIP/trunk-01|Uniqueid: c|Offer: {ring}|Status: {status}|Cause: {cause}"),
    );
    let told = pbx.facts.iter().rev().find_map(|event| match &event.fact {
        Fact::RingResult { result, ring: of, .. } if *of == ring => Some(*result),
        _ => None,
    });
    told.unwrap()
}

#[test]
fn how_a_ring_came_out_is_what_its_phones_did() {
    use RingResult::{CallerLeft, Declined, NoAnswer, Unreachable};
    // 603 reads NOANSWER in DialEnd and CHANUNAVAIL in DIALSTATUS.
    assert_eq!(result([("NOANSWER", Some(21)), ("NOANSWER", Some(19))], "CHANUNAVAIL", 21), Declined);
    assert_eq!(result([("BUSY", Some(17)), ("NOANSWER", None)], "NOANSWER", 17), NoAnswer);
    assert_eq!(result([("BUSY", Some(17)), ("CHANUNAVAIL", None)], "BUSY", 17), Declined);
    assert_eq!(result([("NOANSWER", Some(19)), ("CHANUNAVAIL", None)], "CHANUNAVAIL", 3), Unreachable);
    assert_eq!(result([("CONGESTION", None), ("CONGESTION", None)], "CONGESTION", 34), Unreachable);
    assert_eq!(result([("CANCEL", None), ("CANCEL", None)], "CANCEL", 0), CallerLeft);
}

#[test]
fn a_ring_without_any_phone_is_judged_by_the_dialplans_word() {
    let ring = ActionId::from_bits(7);
    for (status, cause, expected) in [
        ("CHANUNAVAIL", 3, RingResult::Unreachable),
        ("CHANUNAVAIL", 21, RingResult::Declined),
        ("NOANSWER", 0, RingResult::NoAnswer),
        ("ANSWER", 16, RingResult::Answered),
        ("CANCEL", 0, RingResult::CallerLeft),
        ("SOMETHING NEW", 0, RingResult::Unreachable),
    ] {
        let mut pbx = Pbx::default();
        pbx.calls("c", "PJSIP/trunk-01", "+49305550001", "5003");
        pbx.event(
            "UserEvent",
            &format!("UserEvent: HookswitchResult|Channel: PJSIP/trunk-01|Uniqueid: c|Offer: {ring}|Status: {status}|Cause: {cause}"),
        );
        let Fact::RingResult { result, .. } = pbx.facts.last().unwrap().fact else {
            unreachable!("{status}")
        };
        assert_eq!(result, expected, "{status} {cause}");
    }
}

#[test]
fn a_route_is_asked_for_with_the_data_of_the_dialplan() {
    let mut pbx = Pbx::with(routing());
    pbx.calls("c", "PJSIP/trunk-01", "+49305550001", "5003").up("c");
    pbx.event("UserEvent", "UserEvent: HookswitchRoute|Channel: PJSIP/trunk-01|Uniqueid: c|Dnis: 5003");
    let [ask] = pbx.requests().try_into().unwrap();
    assert_eq!(
        (ask.name(), ask.get("Channel"), ask.get("AllVariables")),
        ("Status", Some("c"), Some("true"))
    );
    let id = ask.get("ActionID").unwrap().to_owned();
    let before = pbx.facts.len();
    pbx.event(
        "Status",
        &format!(
            "ActionID: {id}|Channel: PJSIP/trunk-01|Uniqueid: c|Variable: HS_DATA_TIER=gold|Variable: X=1"
        ),
    );
    pbx.event("StatusComplete", &format!("ActionID: {id}|Items: 1"));
    assert_eq!(pbx.told_after(before), [r#"1 data {"tier": "gold"}"#, "1 asks-route 5003"]);
}

#[test]
fn a_route_is_asked_for_without_data_when_none_comes() {
    let mut pbx = Pbx::with(routing());
    pbx.calls("c", "PJSIP/trunk-01", "+49305550001", "5003").up("c");
    pbx.event("UserEvent", "UserEvent: HookswitchRoute|Channel: PJSIP/trunk-01|Uniqueid: c|Dnis: 5003");
    let asked = pbx.now;
    assert_eq!(pbx.wait(500).told().last().unwrap(), "1 asks-route 5003");
    assert_eq!(pbx.facts.last().unwrap().at, asked, "with the time it was asked at");
    // A refused request is an answer, too.
    pbx.calls("d", "PJSIP/trunk-02", "+49305550002", "5003");
    pbx.event("UserEvent", "UserEvent: HookswitchRoute|Channel: PJSIP/trunk-02|Uniqueid: d|Dnis: 5003");
    let id = pbx.requests().last().unwrap().get("ActionID").unwrap().to_owned();
    pbx.raw(&format!("Response: Error\r\nActionID: {id}\r\nMessage: No such channel\r\n\r\n"));
    assert_eq!(pbx.told().last().unwrap(), "2 asks-route 5003");
}

#[test]
fn an_onlooker_asks_nothing() {
    let mut pbx = Pbx::default();
    pbx.calls("c", "PJSIP/trunk-01", "+49305550001", "5003");
    pbx.event("UserEvent", "UserEvent: HookswitchRoute|Channel: PJSIP/trunk-01|Uniqueid: c|Dnis: 5003");
    assert_eq!(pbx.told().last().unwrap(), "1 asks-route 5003");
    assert_eq!(pbx.requests(), []);
}

#[test]
fn data_is_attached_by_variables_and_user_events_and_only_changes_are_told() {
    let mut pbx = Pbx::default();
    pbx.calls("c", "PJSIP/trunk-01", "+49305550001", "5003");
    let before = pbx.facts.len();
    pbx.event("VarSet", "Channel: PJSIP/trunk-01|Uniqueid: c|Variable: __HS_DATA_Tier|Value: gold");
    pbx.event("VarSet", "Channel: PJSIP/trunk-01|Uniqueid: c|Variable: HS_DATA_TIER|Value: gold");
    pbx.event("VarSet", "Channel: PJSIP/trunk-01|Uniqueid: c|Variable: OTHER|Value: HS_DATA_");
    pbx.event(
        "UserEvent",
        "UserEvent: HookswitchData|Channel: PJSIP/trunk-01|Uniqueid: c|Contract No: 7|empty:",
    );
    assert_eq!(
        pbx.told_after(before),
        [r#"1 data {"tier": "gold"}"#, r#"1 data {"Contract No": "7", "empty": ""}"#]
    );
}

#[test]
fn keys_pressed_in_a_conversation_are_nobodys_business() {
    let mut pbx = Pbx::default();
    pbx.customer_talks();
    let before = pbx.facts.len();
    pbx.event("DTMFEnd", "Uniqueid: c|Digit: 4|Direction: Received");
    assert_eq!(pbx.told_after(before), Vec::<String>::new());
    pbx.leaves("a", "b0").gone("a").wait(300);
    pbx.event("DTMFEnd", "Uniqueid: c|Digit: 4|Direction: Received");
    pbx.event("DTMFEnd", "Uniqueid: c|Digit: 4|Direction: Sent");
    assert_eq!(pbx.told().last().unwrap(), "1 digit C 4");
}

#[test]
fn a_caller_transferred_while_waiting_for_a_route_goes_on_waiting() {
    let mut pbx = Pbx::with(routing());
    pbx.customer_talks();
    pbx.calls("a2", "PJSIP/1001-03", "1001", "5013").up("a2");
    pbx.event("UserEvent", "UserEvent: HookswitchRoute|Channel: PJSIP/1001-03|Uniqueid: a2|Dnis: 5013")
        .wait(200);
    let before = pbx.facts.len();
    pbx.event(
        "AttendedTransfer",
        "Result: Success|OrigTransfererUniqueid: a|SecondTransfererUniqueid: a2|DestType: App|DestApp: MusicOnHold",
    );
    pbx.leaves("a", "b0").gone("a").gone("a2");
    assert_eq!(
        pbx.told_after(before),
        lines(
            "1 transferred Attended 1001 ->  (5013) by 2; 1 left 1001 Transferred; 2 left 1001' Transferred; \
             2 merged into 1; 1 asks-route 5013"
        )
    );
}

#[test]
fn a_phone_that_forwards_the_call_refused_it() {
    let mut pbx = Pbx::default();
    pbx.calls("c", "PJSIP/trunk-01", "+49305550001", "5001").rings("c", "a", "PJSIP/1001-02", "1001");
    pbx.event("DialEnd", "Uniqueid: c|DestUniqueid: a|DialStatus: FORWARD|Forward: 2000@internal");
    assert_eq!(pbx.told().last().unwrap(), "1 left 1001 Rejected");
}

#[test]
fn an_outside_call_that_the_first_trunk_refuses_goes_on_by_the_second() {
    let mut pbx = Pbx::default();
    pbx.calls("p", "PJSIP/1001-01", "1001", "9493012345").rings("p", "t1", "PJSIP/one-02", "493012345@one");
    pbx.event("HangupRequest", "Uniqueid: t1|Cause: 34");
    pbx.event("DialEnd", "Uniqueid: p|DestUniqueid: t1|DialStatus: CONGESTION").gone("t1");
    pbx.rings("p", "t2", "PJSIP/two-03", "493012345@two").up("t2").up("p").enters("t2", "b").enters("p", "b");
    pbx.hangs_up("t2").leaves("t2", "b").leaves("p", "b").gone("p").gone("t2");
    assert_eq!(
        pbx.told(),
        lines(
            "1 started outbound 1001 1001 -> 9493012345; 1 rings one 493012345; 1 left one Failed; \
             1 rings two 493012345; 1 up two; 1 up 1001; 1 talks 1001; 1 talks two; 1 left 1001 Released; \
             1 left two HungUp; 1 ended by two"
        )
    );
}

#[test]
fn who_transfers_himself_out_of_an_internal_call_leaves_it_to_the_others() {
    let mut pbx = Pbx::default();
    pbx.calls("x", "PJSIP/1001-01", "1001", "1002").rings("x", "y", "PJSIP/1002-02", "1002");
    pbx.up("y").up("x").enters("y", "b0").enters("x", "b0");
    pbx.event("BlindTransfer", "Result: Success|TransfererUniqueid: x|TransfereeUniqueid: y|Extension: 1003");
    pbx.leaves("x", "b0").leaves("y", "b0").gone("x").rings("y", "z", "PJSIP/1003-03", "1003");
    pbx.up("z").enters("z", "b1").enters("y", "b1").hangs_up("y").gone("z").gone("y");
    let told = pbx.told();
    assert_eq!(
        told[6..],
        lines(
            "1 transferred Blind 1001 ->  (1003); 1 left 1001 Transferred; 1 apart 1002; 1 rings 1003; \
             1 up 1003; 1 talks 1002; 1 talks 1003; 1 left 1003 Released; 1 left 1002 HungUp; 1 ended by 1002"
        )
    );
}

#[test]
fn music_and_parking_bridges_are_no_conversation() {
    let mut pbx = Pbx::default();
    pbx.calls("c", "PJSIP/trunk-01", "+49305550001", "700").calls(
        "d",
        "PJSIP/trunk-02",
        "+49305550002",
        "700",
    );
    for uid in ["c", "d"] {
        pbx.event(
            "BridgeEnter",
            &format!("Channel: PJSIP/trunk-{uid}|Uniqueid: {uid}|BridgeUniqueid: h|BridgeTechnology: holding_bridge"),
        );
    }
    assert!(!pbx.wait(300).told().iter().any(|line| line.contains("talks")), "{:?}", pbx.told());
}

#[test]
fn announcers_and_recorders_in_a_bridge_are_nobody() {
    let mut pbx = Pbx::default();
    pbx.calls("c", "PJSIP/trunk-01", "+49305550001", "8001").up("c").made("m", "CBAnn/8001-01;2", "m");
    pbx.event("BridgeEnter", "Channel: CBAnn/8001-01;2|Uniqueid: m|BridgeUniqueid: conf").enters("c", "conf");
    assert!(!pbx.wait(300).told().iter().any(|line| line.contains("talks")));
}

#[test]
fn frames_that_say_too_little_are_counted_and_left() {
    let mut pbx = Pbx::default();
    for name in
        ["Newchannel", "DialBegin", "BridgeEnter", "Hangup", "BlindTransfer", "ParkedCall", "UserEvent"]
    {
        pbx.event(name, "Channel: PJSIP/1001-01");
    }
    pbx.event("NeverHeardOf", "Uniqueid: 1").raw("\r\n\r\n").raw("Response: Error\r\n\r\n");
    let counters = pbx.normalizer.counters();
    assert_eq!((counters.incomplete, counters.unknown_events, counters.facts), (6, 1, 0));
}

#[test]
fn a_queue_member_that_is_a_piece_of_dialplan_is_a_leg() {
    let (one, two) = ("Local/answer@agents-01;1", "Local/answer@agents-01;2");
    let mut pbx = Pbx::default();
    pbx.calls("c", "PJSIP/trunk-01", "+49305550001", "5007").up("c");
    pbx.event("QueueCallerJoin", "Channel: PJSIP/trunk-01|Uniqueid: c|Queue: night shift|Position: 1");
    pbx.made("L1", one, "c").made("L2", two, "c");
    pbx.event(
        "DialBegin",
        &format!("Uniqueid: c|DestChannel: {one}|DestUniqueid: L1|DialString: answer@agents"),
    );
    pbx.up("L2").up("L1").event("DialEnd", "Uniqueid: c|DestUniqueid: L1|DialStatus: ANSWER");
    pbx.event("QueueCallerLeave", "Uniqueid: c|Queue: night shift");
    pbx.event("AgentConnect", &format!("Uniqueid: c|DestChannel: {one}|DestUniqueid: L1|Queue: night shift"));
    pbx.enters("L1", "b").enters("c", "b").hangs_up("c").leaves("c", "b").gone("c").gone("L1").gone("L2");
    assert_eq!(
        pbx.told(),
        lines(
            "1 started inbound C +49305550001 -> 5007; 1 up C; 1 queued night_shift 1; 1 unqueued night_shift; \
             1 rings answer@agents; 1 up answer@agents; 1 talks C; 1 talks answer@agents; \
             1 left answer@agents Released; 1 left C HungUp; 1 ended by C"
        )
    );
    let counters = pbx.normalizer.counters();
    assert_eq!((counters.calls, counters.channels, counters.bridges), (0, 0, 0));
}

#[test]
fn a_phone_behind_a_local_queue_member_is_the_leg_and_the_pair_is_not() {
    let (one, two) = ("Local/1001@agents-01;1", "Local/1001@agents-01;2");
    let mut pbx = Pbx::default();
    pbx.calls("c", "PJSIP/trunk-01", "+49305550001", "5007").up("c");
    pbx.event("QueueCallerJoin", "Channel: PJSIP/trunk-01|Uniqueid: c|Queue: q|Position: 1");
    for (outcome, uid) in [("NOANSWER", "p"), ("ANSWER", "r")] {
        let (near, far) = (format!("L1{uid}"), format!("L2{uid}"));
        pbx.made(&near, &one.replace("01;", uid), "c").made(&far, &two.replace("01;", uid), "c");
        pbx.event("LocalBridge", &format!("LocalOneUniqueid: {near}|LocalTwoUniqueid: {far}"));
        pbx.event(
            "DialBegin",
            &format!("Uniqueid: c|DestChannel: {one}|DestUniqueid: {near}|DialString: 1001@agents"),
        );
        pbx.rings(&far, uid, "PJSIP/1001-02", "1001");
        if outcome == "ANSWER" {
            pbx.up(uid).up(&far).up(&near);
        }
        pbx.event("DialEnd", &format!("Uniqueid: c|DestUniqueid: {near}|DialStatus: {outcome}"));
        if outcome == "NOANSWER" {
            pbx.hangs_up(&far).gone(&near);
            pbx.event("DialEnd", &format!("Uniqueid: {far}|DestUniqueid: {uid}|DialStatus: CANCEL"));
            pbx.gone(uid).gone(&far);
        }
    }
    pbx.event("QueueCallerLeave", "Uniqueid: c|Queue: q");
    pbx.event("AgentConnect", "Uniqueid: c|DestUniqueid: L1r|Queue: q");
    pbx.enters("r", "b1").enters("L2r", "b1").enters("L1r", "b2").enters("c", "b2");
    assert_eq!(
        pbx.told()[3..],
        lines(
            "1 rings 1001; 1 left 1001 NoAnswer; 1 rings 1001'; 1 up 1001'; 1 unqueued q; 1 talks C; 1 talks 1001'"
        )
    );
}

#[test]
fn a_consultation_with_a_queue_that_is_completed_leaves_the_customer_waiting_there() {
    let (one, two) = ("Local/5004@internal-01;1", "Local/5004@internal-01;2");
    let mut pbx = Pbx::default();
    pbx.customer_talks().event("Hold", "Uniqueid: a");
    let before = pbx.facts.len();
    pbx.made("L1", one, "c").made("L2", two, "c");
    pbx.event("LocalBridge", "LocalOneUniqueid: L1|LocalTwoUniqueid: L2");
    pbx.enters("L1", "b1").leaves("a", "b0").enters("a", "b1").up("L2").up("L1");
    pbx.event("QueueCallerJoin", &format!("Channel: {two}|Uniqueid: L2|Queue: q|Position: 3"));
    pbx.hangs_up("a").leaves("a", "b1").leaves("L1", "b1").enters("L1", "b0");
    pbx.event(
        "AttendedTransfer",
        "Result: Success|OrigTransfererUniqueid: a|SecondTransfererUniqueid: a|DestType: Bridge",
    );
    pbx.gone("a").rings("L2", "d", "PJSIP/1002-05", "1002");
    assert_eq!(
        pbx.wait(300).told_after(before),
        lines(
            "2 started internal 1001' 1001 -> ; 2 up 1001'; 2 queued q 3; \
             1 transferred Attended 1001 ->  by 2; 1 left 1001 Transferred; 2 left 1001' Transferred; \
             2 merged into 1; 1 apart C; 1 queued q 3; 1 rings 1002"
        )
    );
}

#[test]
fn a_retrieval_right_before_a_hang_up_is_told() {
    let mut pbx = Pbx::default();
    pbx.customer_talks().event("Hold", "Uniqueid: a").event("Unhold", "Uniqueid: a").hangs_up("c").gone("c");
    let told = pbx.told();
    assert_eq!(told[7..9], ["1 retrieves 1001", "1 left 1001 Released"]);
}

/// An event of the trunk's `c`, with the presentation that `channelvars` shows.
fn shown(pres: &str, from: &str) -> String {
    format!(
        "Channel: PJSIP/trunk-01|ChannelState: 4|CallerIDNum: +49305550001|Exten: 5001|Uniqueid: c|Linkedid: c|\
         ChanVariable: CALLERID(pres)={pres}|ChanVariable: REDIRECTING(from-num)={from}|\
         ChanVariable: REDIRECTING(reason)=cfu"
    )
}

#[test]
fn a_caller_who_hides_his_number_is_never_told_as_one_who_does_not() {
    // At first sight Asterisk has not set the presentation yet.
    for next in ["Newstate", "NewCallerid", "HangupRequest", "Hangup"] {
        let mut pbx = Pbx::default();
        pbx.event("Newchannel", &shown("allowed_not_screened", ""));
        let seen = pbx.now;
        assert_eq!(pbx.told(), Vec::<String>::new());
        pbx.event(next, &shown("prohib_not_screened", "0800111222"));
        assert_eq!(
            pbx.told()[0],
            "1 started inbound C +49305550001 withheld -> 5001 via 0800111222",
            "{next}"
        );
        assert_eq!(pbx.facts[0].at, seen);
    }
    let mut pbx = Pbx::default();
    pbx.event("Newchannel", &shown("allowed_not_screened", ""));
    assert_eq!(pbx.wait(100).told(), ["1 started inbound C +49305550001 -> 5001"], "nothing more came");
}

#[test]
fn without_channelvars_a_caller_is_told_at_first_sight() {
    let mut pbx = Pbx::default();
    assert_eq!(
        pbx.calls("c", "PJSIP/trunk-01", "Anonymous", "5001").told()[0],
        "1 started inbound C Anonymous withheld -> 5001"
    );
    pbx.calls("d", "PJSIP/trunk-02", "+49305550002", "5001");
    pbx.event(
        "NewCallerid",
        "Uniqueid: d|CallerIDNum: +49305550002|CID-CallingPres: 35 (Presentation Prohibited)",
    );
    assert_eq!(
        pbx.told()[1..],
        ["2 started inbound C' +49305550002 -> 5001", "2 numbers withheld=true via=false"]
    );
}
