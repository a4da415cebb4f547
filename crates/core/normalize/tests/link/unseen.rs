//! What began, ended or moved while nobody watched, and is told as recovered once the lists are in.

use super::*;

fn killed_while_somebody_waits() -> (Pbx, BTreeMap<String, String>) {
    let mut pbx = Pbx::with(routing());
    pbx.normalizer.seed(vec![known("9.1", &[("9.1", "PJSIP/trunk", LegState::Connected)], true)]);
    let asked = connect(&mut pbx);
    (pbx, asked)
}

fn leaves(pbx: &mut Pbx, uid: &str, channel: &str) {
    pbx.event(
        "BridgeLeave",
        &format!("Channel: {channel}|ChannelState: 6|Uniqueid: {uid}|Linkedid: 9.1|BridgeUniqueid: b0"),
    );
}

#[test]
fn a_talk_that_began_unseen_and_ended_before_the_lists_were_complete_was_a_talk() {
    // Asterisk says who is gone and who left the bridge in either order.
    for gone_first in [false, true] {
        let (mut pbx, asked) = killed_while_somebody_waits();
        pbx.hangs_up("9.1");
        leaves(&mut pbx, "9.1", "PJSIP/trunk-01");
        if gone_first {
            pbx.gone("9.1");
        }
        leaves(&mut pbx, "9.2", "PJSIP/1001-02");
        if !gone_first {
            pbx.gone("9.1");
        }
        pbx.gone("9.2");
        nothing_else(&mut pbx, &asked, &[]);
        assert_eq!(
            pbx.told(),
            [
                "1 rings 1001 (recovered)",
                "1 up 1001 (recovered)",
                "1 talks ?9.1 (recovered)",
                "1 talks 1001 (recovered)",
                "1 left 1001 Released (recovered)",
                "1 left ?9.1 HungUp (recovered)",
                "1 ended by ?9.1 (recovered)",
                "link up"
            ],
            "gone first: {gone_first}"
        );
        assert_eq!(pbx.normalizer.counters().channels, 0);
    }
}

#[test]
fn who_left_a_bridge_in_which_nobody_else_was_seen_is_given_nobody_to_talk_to() {
    for hangs_up in [false, true] {
        let (mut pbx, asked) = killed_while_somebody_waits();
        leaves(&mut pbx, "9.1", "PJSIP/trunk-01");
        if hangs_up {
            pbx.hangs_up("9.1").gone("9.1");
        } else {
            let room = "Channel: PJSIP/trunk-01|ChannelState: 6|Context: hookswitch-wait|Exten: s";
            listed(&mut pbx, &asked, "9.1", room);
        }
        nothing_else(&mut pbx, &asked, &[]);
        let told = pbx.told();
        let ended = ["1 left ?9.1 HungUp (recovered)", "1 ended by ?9.1 (recovered)", "link up"];
        assert_eq!(told, ended[if hangs_up { 0 } else { 2 }..], "hangs up: {hangs_up}");
    }
}

#[test]
fn a_caller_who_waited_and_is_found_in_the_fallback_fell_back() {
    for (context, away) in [
        ("hookswitch-fallback", true),
        ("from-internal", true),
        ("hookswitch-wait", false),
        ("hookswitch-ring", false),
        ("hookswitch-return", false),
    ] {
        let (mut pbx, asked) = killed_while_somebody_waits();
        let more = format!("Channel: PJSIP/trunk-01|ChannelState: 6|Context: {context}|Exten: s");
        listed(&mut pbx, &asked, "9.1", &more);
        nothing_else(&mut pbx, &asked, &[]);
        let told = ["1 fell back (recovered)", "link up"];
        assert_eq!(pbx.told(), told[usize::from(!away)..], "{context}");
        assert_eq!(link_up(&pbx.facts).1, u32::from(away), "{context}");
    }
}

#[test]
fn a_caller_found_in_voicemail_is_known_to_be_there_without_a_question() {
    let mut pbx = Pbx::with(routing());
    let asked = connect(&mut pbx);
    let there = "Channel: PJSIP/trunk-01|ChannelState: 6|CallerIDNum: +49305550001|Context: from-internal|Exten: 5016|Application: VoiceMail";
    listed(&mut pbx, &asked, "9.1", there);
    nothing_else(&mut pbx, &asked, &[]);
    assert_eq!(
        pbx.told(),
        [
            "1 started inbound C +49305550001 -> 5016 (recovered)",
            "1 up C (recovered)",
            "1 taken by voicemail (recovered)",
            "link up"
        ]
    );
    assert_eq!(pbx.wait(60_000).requests().len(), 0);
}

#[test]
fn a_caller_who_came_to_the_waiting_room_unseen_is_asked_a_route_for() {
    let mut pbx = Pbx::with(routing());
    let asked = connect(&mut pbx);
    let room =
        "Channel: PJSIP/trunk-01|ChannelState: 6|CallerIDNum: +49305550001|Context: hookswitch-wait|Exten: s";
    listed(&mut pbx, &asked, "9.1", room);
    nothing_else(&mut pbx, &asked, &[]);
    let [ask] = pbx.requests().try_into().unwrap();
    let id = ask.get("ActionID").unwrap().to_owned();
    pbx.event(
        "Status",
        &format!("ActionID: {id}|Channel: PJSIP/trunk-01|Uniqueid: 9.1|Variable: HS_DNIS=5003|Variable: HS_DATA_A=1"),
    );
    pbx.event("StatusComplete", &format!("ActionID: {id}"));
    assert_eq!(
        pbx.told(),
        [
            "1 started inbound C +49305550001 ->  (recovered)",
            "1 up C (recovered)",
            "link up",
            "1 dialled 5003",
            r#"1 data {"a": "1"}"#,
            "1 asks-route 5003"
        ]
    );
}

/// What everybody in the waiting room makes Asterisk say every few seconds.
fn music(pbx: &mut Pbx, uid: &str) {
    pbx.event(
        "MusicOnHoldStart",
        &format!("Channel: PJSIP/trunk-01|ChannelState: 6|CallerIDNum: +49305550001|Context: hookswitch-wait|Exten: s|Uniqueid: {uid}|Linkedid: {uid}|Class: default"),
    );
}

#[test]
fn a_caller_whose_coming_was_never_told_is_found_by_the_music_of_the_waiting_room() {
    let mut pbx = Pbx::with(routing());
    music(&mut pbx, "9.1");
    let [ask] = pbx.requests().try_into().unwrap();
    let id = ask.get("ActionID").unwrap().to_owned();
    pbx.event(
        "Status",
        &format!("ActionID: {id}|Channel: PJSIP/trunk-01|Uniqueid: 9.1|Variable: HS_DNIS=5003"),
    );
    pbx.event("StatusComplete", &format!("ActionID: {id}"));
    let told = ["1 started inbound C +49305550001 -> ", "1 up C", "1 dialled 5003", "1 asks-route 5003"];
    assert_eq!(pbx.told(), told);
    music(&mut pbx, "9.1");
    assert_eq!((pbx.told().len(), pbx.requests().len()), (told.len(), 0), "it is asked once");
}

#[test]
fn a_ring_whose_end_was_never_told_is_over_when_the_music_plays_again() {
    let ring = ActionId::from_bits(7);
    let mut pbx = Pbx::with(routing());
    pbx.calls("9.1", "PJSIP/trunk-01", "+49305550001", "5003").up("9.1");
    pbx.event("UserEvent", "UserEvent: HookswitchRoute|Channel: PJSIP/trunk-01|Uniqueid: 9.1|Dnis: 5003");
    music(&mut pbx, "9.1");
    pbx.wait(500);
    pbx.event(
        "DialBegin",
        &format!(
            "Channel: PJSIP/trunk-01|Uniqueid: 9.1|Context: hookswitch-ring|ChanVariable: HS_OFFER={ring}|\
             DestChannel: PJSIP/1001-02|DestUniqueid: 9.2|DialString: 1001"
        ),
    );
    pbx.event("DialEnd", "Uniqueid: 9.1|DestUniqueid: 9.2|DialStatus: BUSY").gone("9.2");
    let before = pbx.facts.len();
    music(&mut pbx, "9.1");
    assert_eq!(pbx.told_after(before), ["1 result Declined"]);
}

#[test]
fn a_ring_that_ended_unseen_is_over_when_the_caller_is_back_in_the_waiting_room() {
    let ring = ActionId::from_bits(7);
    let mut pbx = Pbx::with(routing());
    pbx.calls("9.1", "PJSIP/trunk-01", "+49305550001", "5003").up("9.1");
    pbx.event("UserEvent", "UserEvent: HookswitchRoute|Channel: PJSIP/trunk-01|Uniqueid: 9.1|Dnis: 5003")
        .wait(500);
    pbx.event(
        "DialBegin",
        &format!(
            "Channel: PJSIP/trunk-01|Uniqueid: 9.1|Context: hookswitch-ring|ChanVariable: HS_OFFER={ring}|\
             DestChannel: PJSIP/1001-02|DestUniqueid: 9.2|DialString: 1001"
        ),
    );
    let (now, before) = (pbx.now, pbx.facts.len());
    pbx.normalizer.disconnected(now, "closed", &mut pbx.facts);
    let asked = connect(&mut pbx);
    let room = "Channel: PJSIP/trunk-01|ChannelState: 6|Context: hookswitch-wait|Exten: s";
    listed(&mut pbx, &asked, "9.1", room);
    nothing_else(&mut pbx, &asked, &[]);
    assert_eq!(
        pbx.told_after(before),
        ["link down", "1 left 1001 Cancelled (recovered)", "1 result NoAnswer (recovered)", "link up"]
    );
}
