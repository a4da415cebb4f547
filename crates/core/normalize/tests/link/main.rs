//! Lost links: what happened meanwhile is found by comparing lists, and told as recovered.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks for one kind of fact"
)]

#[path = "../common/mod.rs"]
mod common;
mod consults;
mod unseen;

use std::collections::BTreeMap;

use bytes::Bytes;
use common::{Story, fixtures, frames, pbx::Pbx, routing, unconfigured};
use hookswitch_ami::{Action, Frame};
use hookswitch_model::{
    ActionId, CallRef, LegRef, Millis, PbxId, Timestamp,
    agent::DeviceState,
    call::{Address, Direction, LegRole, LegState},
    pbx::{Action as Asked, Fact, KnownCall, KnownLeg, PbxAction, PbxEvent, Target},
};
use hookswitch_normalize::from_ami::Normalizer;

/// The ids under which the normaliser asks for lists, by action.
fn ids(requests: &[Action]) -> BTreeMap<String, String> {
    requests.iter().map(|ask| (ask.name().to_owned(), ask.get("ActionID").unwrap().to_owned())).collect()
}

fn link_up(facts: &[PbxEvent]) -> (Option<Timestamp>, u32, bool) {
    let up = facts.iter().rev().find_map(|event| match event.fact {
        Fact::LinkUp { gap_from, recovered_calls, restarted, .. } => {
            Some((gap_from, recovered_calls, restarted))
        }
        _ => None,
    });
    up.unwrap()
}

/// The recorded lists of `link-relist`, as answers to these requests.
fn answers(release: &str, asked: &BTreeMap<String, String>) -> Vec<(Timestamp, Frame)> {
    let recorded = [
        ("lab-2", "CoreShowChannels"),
        ("lab-3", "BridgeList"),
        ("lab-6", "QueueStatus"),
        ("lab-7", "PJSIPShowContacts"),
    ];
    let translate = |frame: &Frame| {
        let mut text = String::from_utf8(frame.as_bytes().to_vec()).unwrap();
        for (lab, action) in recorded {
            text = text.replace(&format!("ActionID: {lab}\r\n"), &format!("ActionID: {}\r\n", asked[action]));
        }
        Frame::new(Bytes::from(text))
    };
    let folder = fixtures().join("captures-own").join(release).join("link-relist");
    frames(&folder).iter().map(|(at, frame)| (*at, translate(frame))).collect()
}

#[test]
fn calls_that_ended_or_began_while_the_link_was_cut_are_told_as_recovered() {
    for release in ["ast22", "ast16"] {
        let mut normalizer = Normalizer::new(unconfigured());
        let mut facts = Vec::new();
        let mut cut_at = Timestamp::default();
        for (at, frame) in frames(&fixtures().join("captures-own").join(release).join("link-cut")) {
            normalizer.frame(at, &frame, &mut facts);
            cut_at = at;
        }
        normalizer.disconnected(cut_at, "cut", &mut facts);
        let before = Story::of(&facts).len();
        normalizer.connected(cut_at + Millis(2_000), "Asterisk Call Manager/11.0.0");
        let asked = ids(&normalizer.take_requests());
        let refused = format!("Response: Error\r\nActionID: {}\r\n\r\n", asked["PJSIPShowEndpoints"]);
        normalizer.frame(cut_at + Millis(2_000), &Frame::new(Bytes::from(refused)), &mut facts);
        for (at, frame) in answers(release, &asked) {
            normalizer.frame(at, &frame, &mut facts);
        }
        let told = Story::of(&facts);
        assert_eq!(told[before - 1], "link down");
        let recovered = [
            "3 left 1001' CallerLeft",
            "3 left C'' Released",
            "3 ended by the PBX",
            "4 left 1002 Released",
            "4 left C''' Released",
            "4 ended by the PBX",
            "5 started inbound C'''' +49305550005 -> 5001",
            "5 rings 1001'''",
            "5 up 1001'''",
            "5 up C''''",
            "5 talks C''''",
            "5 talks 1001'''",
        ];
        let mut expected: Vec<String> = recovered.iter().map(|line| format!("{line} (recovered)")).collect();
        let live = [
            "link up",
            "5 left 1001''' Released",
            "5 left C'''' HungUp",
            "5 ended by C''''",
            "1 left 1001 Released",
            "1 left C HungUp",
            "1 ended by C",
            "2 left C' HungUp",
            "2 ended by C'",
        ];
        expected.extend(live.map(str::to_owned));
        assert_eq!(told[before..], expected, "{release}");
        assert_eq!(link_up(&facts), (Some(cut_at), 3, false), "{release}");
    }
}

/// Answers all lists but these with nothing in them.
fn nothing_else(pbx: &mut Pbx, asked: &BTreeMap<String, String>, but: &[&str]) {
    let ends = [
        ("BridgeList", "BridgeListComplete"),
        ("CoreShowChannels", "CoreShowChannelsComplete"),
        ("QueueStatus", "QueueStatusComplete"),
        ("PJSIPShowContacts", "ContactListComplete"),
        ("PJSIPShowEndpoints", "EndpointListComplete"),
    ];
    for (action, end) in ends.iter().filter(|(action, _)| !but.contains(action)) {
        pbx.event(end, &format!("ActionID: {}|EventList: Complete", asked[*action]));
    }
}

fn listed(pbx: &mut Pbx, asked: &BTreeMap<String, String>, uid: &str, more: &str) {
    let id = &asked["CoreShowChannels"];
    pbx.event("CoreShowChannel", &format!("ActionID: {id}|Uniqueid: {uid}|Linkedid: {uid}|{more}"));
}

fn connect(pbx: &mut Pbx) -> BTreeMap<String, String> {
    pbx.normalizer.connected(pbx.now, "Asterisk Call Manager/11.0.0");
    ids(&pbx.requests())
}

fn known(call: &str, legs: &[(&str, &str, LegState)], routed: bool) -> KnownCall {
    let leg = |(at, (leg, address, state)): (usize, &(&str, &str, LegState))| KnownLeg {
        leg: LegRef::new(leg),
        address: Address::new(address),
        role: if at == 0 { LegRole::Customer } else { LegRole::Agent },
        state: *state,
    };
    KnownCall {
        call: CallRef::new(call),
        direction: Direction::Inbound,
        routed,
        legs: legs.iter().enumerate().map(leg).collect(),
    }
}

#[test]
fn what_a_restarted_daemon_believes_is_compared_with_the_list() {
    let mut pbx = Pbx::default();
    pbx.normalizer.seed(vec![
        known(
            "9.1",
            &[("9.1", "PJSIP/trunk", LegState::Connected), ("9.2", "PJSIP/1001", LegState::Held)],
            false,
        ),
        known(
            "9.3",
            &[("9.3", "PJSIP/trunk", LegState::Connected), ("9.4", "PJSIP/1002", LegState::Connected)],
            false,
        ),
        known("9.5", &[("9.5", "PJSIP/trunk", LegState::Connected)], true),
        known(
            "9.6",
            &[("9.6", "PJSIP/trunk", LegState::Connected), ("9.7", "PJSIP/1003", LegState::Ringing)],
            false,
        ),
    ]);
    let asked = connect(&mut pbx);
    let in_bridge = |name: &str| format!("Channel: {name}|ChannelState: 6|BridgeId: b");
    listed(&mut pbx, &asked, "9.1", &in_bridge("PJSIP/trunk-01"));
    listed(&mut pbx, &asked, "9.2", &in_bridge("PJSIP/1001-02"));
    listed(
        &mut pbx,
        &asked,
        "9.5",
        "Channel: PJSIP/trunk-05|ChannelState: 6|Context: hookswitch-wait|Exten: s",
    );
    listed(&mut pbx, &asked, "9.6", "Channel: PJSIP/trunk-06|ChannelState: 6|BridgeId: d");
    listed(&mut pbx, &asked, "9.7", "Channel: PJSIP/1003-07|ChannelState: 6|BridgeId: d");
    nothing_else(&mut pbx, &asked, &[]);
    let told: Vec<(String, bool)> = pbx
        .facts
        .iter()
        .map(|event| {
            let call = event.fact.call().map(ToString::to_string).unwrap_or_default();
            let what = format!("{:?}", event.fact);
            (format!("{call} {}", what.split([' ', '(']).next().unwrap()), event.recovered)
        })
        .collect();
    let expected = [
        ("9.3 LegLeft", true),
        ("9.3 LegLeft", true),
        ("9.3 CallEnded", true),
        ("9.6 Talking", true),
        ("9.6 LegUp", true),
        ("9.6 Talking", true),
        (" LinkUp", false),
    ];
    assert_eq!(told, expected.map(|(what, recovered)| (what.to_owned(), recovered)));
    // Hold is in no list: it is believed, and ends as if nothing had been.
    let before = pbx.facts.len();
    pbx.event("Unhold", "Uniqueid: 9.2").wait(200);
    assert!(matches!(&pbx.facts[before].fact, Fact::Retrieved { leg, .. } if *leg == "9.2"));
}

/// The facts of calls, shortly, with whether they are told as recovered.
fn course(facts: &[PbxEvent]) -> Vec<String> {
    let of_call = facts.iter().filter_map(|event| Some((event.fact.call()?, event)));
    let shortly = |(call, event): (&CallRef, &PbxEvent)| {
        let what = format!("{:?}", event.fact);
        let how = if event.recovered { "recovered" } else { "live" };
        format!("{call} {} {how}", what.split([' ', '(']).next().unwrap())
    };
    of_call.map(shortly).collect()
}

#[test]
fn a_call_of_ours_that_began_while_nobody_watched_has_its_own_reference() {
    let mut pbx = Pbx::default();
    let asked = connect(&mut pbx);
    let ours = "ChanVariable: HS_CALL=hs-7|ConnectedLineNum: +493012345";
    let wire = "ChannelState: 5|Context: hookswitch-dial|Exten: s|ChanVariable: HS_CALL=hs-7";
    listed(&mut pbx, &asked, "hs-7", &format!("Channel: Local/s@hookswitch-dial-01;1|{wire}"));
    listed(&mut pbx, &asked, "hs-7-2", &format!("Channel: Local/s@hookswitch-dial-01;2|{wire}"));
    listed(&mut pbx, &asked, "9.2", &format!("Channel: PJSIP/1001-02|ChannelState: 5|{ours}"));
    nothing_else(&mut pbx, &asked, &[]);
    assert_eq!(course(&pbx.facts), ["hs-7 CallStarted recovered", "hs-7 LegRinging recovered"]);
}

#[test]
fn a_call_of_ours_that_was_answered_while_nobody_watched_is_one_call_of_two() {
    let mut pbx = Pbx::default();
    let asked = connect(&mut pbx);
    let ours = "ChannelState: 6|BridgeId: b|ChanVariable: HS_CALL=hs-7";
    listed(&mut pbx, &asked, "9.3", &format!("Channel: PJSIP/trunk-03|{ours}"));
    listed(&mut pbx, &asked, "9.2", &format!("Channel: PJSIP/1001-02|ConnectedLineNum: +493012345|{ours}"));
    nothing_else(&mut pbx, &asked, &[]);
    let told = course(&pbx.facts);
    assert!(told.iter().all(|line| line.starts_with("hs-7 ") && line.ends_with("recovered")), "{told:?}");
    assert_eq!(told.iter().filter(|line| line.contains("Talking")).count(), 2, "{told:?}");
}

#[test]
fn who_consults_is_known_by_name_after_a_restart() {
    let mut pbx = Pbx::default();
    let two =
        [("PJSIP/1001-02", "PJSIP/1001", LegState::Connected), ("9.3", "PJSIP/1002", LegState::Connected)];
    pbx.normalizer.seed(vec![
        known(
            "9.1",
            &[("9.1", "PJSIP/trunk", LegState::Connected), ("9.2", "PJSIP/1001", LegState::Held)],
            false,
        ),
        known("hs-8", &two, false),
    ]);
    let asked = connect(&mut pbx);
    listed(
        &mut pbx,
        &asked,
        "9.1",
        "Channel: PJSIP/trunk-01|ChannelState: 6|Context: hookswitch-held|Exten: s",
    );
    listed(&mut pbx, &asked, "9.2", "Channel: PJSIP/1001-02|ChannelState: 6|BridgeId: b");
    listed(&mut pbx, &asked, "9.3", "Channel: PJSIP/1002-03|ChannelState: 6|BridgeId: b");
    nothing_else(&mut pbx, &asked, &[]);
    let told = course(&pbx.facts);
    assert!(!told.iter().any(|line| line.contains("Left") || line.contains("Ended")), "{told:?}");
}

#[test]
fn nothing_is_concluded_from_a_list_that_did_not_come() {
    for refused in [true, false] {
        let mut pbx = Pbx::default();
        pbx.customer_talks();
        let (now, before) = (pbx.now, pbx.facts.len());
        pbx.normalizer.disconnected(now, "closed", &mut pbx.facts);
        let asked = connect(&mut pbx);
        nothing_else(&mut pbx, &asked, &["CoreShowChannels"]);
        if refused {
            pbx.raw(&format!("Response: Error\r\nActionID: {}\r\n\r\n", asked["CoreShowChannels"]));
        } else {
            pbx.wait(30_000);
        }
        assert_eq!(pbx.told_after(before), ["link down", "link up"], "refused: {refused}");
        assert_eq!(pbx.normalizer.next_deadline(), None);
        pbx.hangs_up("c").gone("c").gone("a");
        assert_eq!(pbx.told().last().unwrap(), "1 ended by C");
    }
}

#[test]
fn events_while_the_lists_come_are_newer_than_the_lists() {
    let mut pbx = Pbx::default();
    pbx.customer_talks();
    let (now, before) = (pbx.now, pbx.facts.len());
    pbx.normalizer.disconnected(now, "closed", &mut pbx.facts);
    let asked = connect(&mut pbx);
    listed(&mut pbx, &asked, "a", "Channel: PJSIP/1001-02|ChannelState: 6|BridgeId: b0");
    pbx.calls("n", "PJSIP/trunk-09", "+49305550009", "5001");
    pbx.hangs_up("c").leaves("c", "b0").gone("c");
    listed(&mut pbx, &asked, "c", "Channel: PJSIP/trunk-01|ChannelState: 6|BridgeId: b0");
    pbx.leaves("a", "b0").gone("a");
    nothing_else(&mut pbx, &asked, &[]);
    assert_eq!(
        pbx.told_after(before),
        [
            "link down",
            "2 started inbound C' +49305550009 -> 5001",
            "1 left 1001 Released (recovered)",
            "1 left C HungUp (recovered)",
            "1 ended by C (recovered)",
            "link up"
        ]
    );
    assert_eq!(pbx.normalizer.counters().calls, 1);
}

/// The daemon was killed while `9.1` waited. It is back, its lists are on their way.
#[test]
fn answers_to_an_older_login_are_not_taken() {
    let mut pbx = Pbx::default();
    let old = connect(&mut pbx);
    let now = pbx.now;
    pbx.normalizer.disconnected(now, "closed", &mut pbx.facts);
    connect(&mut pbx);
    nothing_else(&mut pbx, &old, &[]);
    assert_eq!(pbx.told(), ["link down"]);
}

#[test]
fn a_pbx_that_booted_after_a_call_began_was_restarted_and_its_calls_are_over() {
    let mut pbx = Pbx::default();
    pbx.event("FullyBooted", "Uptime: 5000");
    pbx.customer_talks();
    let (now, before) = (pbx.now, pbx.facts.len());
    pbx.normalizer.disconnected(now, "closed", &mut pbx.facts);
    pbx.wait(60_000);
    let asked = connect(&mut pbx);
    pbx.event("FullyBooted", "Uptime: 20");
    nothing_else(&mut pbx, &asked, &[]);
    assert_eq!(
        pbx.told_after(before),
        [
            "link down",
            "1 left 1001 Released (recovered)",
            "1 left C Released (recovered)",
            "1 ended by the PBX (recovered)",
            "link up"
        ]
    );
    assert_eq!(link_up(&pbx.facts), (Some(now), 1, true));
    // The same boot seen again is a mere reconnect.
    let now = pbx.now;
    pbx.normalizer.disconnected(now, "closed", &mut pbx.facts);
    pbx.wait(40_000);
    let asked = connect(&mut pbx);
    pbx.event("FullyBooted", "Uptime: 60");
    nothing_else(&mut pbx, &asked, &[]);
    assert!(!link_up(&pbx.facts).2);
}

#[test]
fn a_probe_finds_a_call_that_the_pbx_no_longer_knows() {
    let probe = |id: u128, leg: &str| PbxAction {
        id: ActionId::from_bits(id),
        pbx: PbxId::new("lab").unwrap(),
        expires_at: Timestamp::from_millis(u64::MAX / 1_000),
        action: Asked::Probe { call: CallRef::new("c"), leg: LegRef::new(leg) },
    };
    let mut pbx = Pbx::default();
    pbx.customer_talks();
    let before = pbx.facts.len();
    for (id, leg) in [(1, "c"), (2, "c")] {
        pbx.normalizer.sent(pbx.now, &probe(id, leg));
    }
    pbx.raw(&format!("Response: Success\r\nActionID: {}\r\n\r\n", ActionId::from_bits(1)));
    assert_eq!(pbx.told_after(before), ["action refused=None"], "it lives, and that is told");
    let before = pbx.facts.len();
    pbx.raw(&format!(
        "Response: Error\r\nActionID: {}\r\nMessage: No such channel\r\n\r\n",
        ActionId::from_bits(2)
    ));
    assert_eq!(
        pbx.told_after(before),
        [
            "1 left 1001 Released (recovered)",
            "1 left C Released (recovered)",
            "1 ended by the PBX (recovered)"
        ]
    );
}

#[test]
fn the_answer_to_an_action_is_told_once_with_the_refusal() {
    let id = ActionId::from_bits(9);
    let mut pbx = Pbx::default();
    pbx.raw(&format!("Response: Success\r\nActionID: {id}.0\r\nMessage: Variable Set\r\n\r\n"));
    pbx.raw(&format!("Response: Error\r\nActionID: {id}\r\nMessage: Channel does not exist: x\r\n\r\n"));
    assert_eq!(pbx.told(), [r#"action refused=Some("Channel does not exist: x")"#]);
}

#[test]
fn a_device_that_lost_its_registration_while_the_link_was_down_is_unavailable() {
    let mut pbx = Pbx::default();
    pbx.event("ContactStatus", "URI: sip:1001@10.0.0.1|ContactStatus: NonQualified|EndpointName: 1001");
    pbx.event("ContactStatus", "URI: sip:1002@10.0.0.2|ContactStatus: NonQualified|EndpointName: 1002");
    let (now, before) = (pbx.now, pbx.facts.len());
    pbx.normalizer.disconnected(now, "closed", &mut pbx.facts);
    let asked = connect(&mut pbx);
    let id = &asked["PJSIPShowContacts"];
    pbx.event(
        "ContactList",
        &format!("ActionID: {id}|Endpoint: 1001|Uri: sip:1001@10.0.0.1|Status: NonQualified"),
    );
    nothing_else(&mut pbx, &asked, &[]);
    let devices: Vec<_> = pbx.facts[before..]
        .iter()
        .filter_map(|event| match &event.fact {
            Fact::Device { address, state } => Some((address.as_str(), *state)),
            _ => None,
        })
        .collect();
    assert_eq!(devices, [("PJSIP/1002", DeviceState::Unavailable)]);
}
