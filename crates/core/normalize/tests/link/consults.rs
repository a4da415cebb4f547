//! Consultations that began while nobody watched: the name they bear in the PBX tells them from the customer's call.

use super::*;

const CONSULTS: &str = "ChannelState: 6|Context: hookswitch-consult|Exten: s|ChanVariable: HS_CONSULT=hs-8";

/// A daemon that knows of a customer with 1001, and was dead when 1001 began to consult.
fn killed_before_the_consultation() -> (Pbx, BTreeMap<String, String>) {
    let mut pbx = Pbx::with(routing());
    let talk = [("9.1", "PJSIP/trunk", LegState::Connected), ("9.2", "PJSIP/1001", LegState::Held)];
    pbx.normalizer.seed(vec![known("9.1", &talk, false)]);
    let asked = connect(&mut pbx);
    let held = "Channel: PJSIP/trunk-01|ChannelState: 6|Context: hookswitch-held|Exten: s";
    listed(&mut pbx, &asked, "9.1", held);
    (pbx, asked)
}

/// A channel made for the customer's, as all that is dialled from within his call.
fn made_for_him(pbx: &mut Pbx, asked: &BTreeMap<String, String>, uid: &str, more: &str) {
    let id = &asked["CoreShowChannels"];
    pbx.event("CoreShowChannel", &format!("ActionID: {id}|Uniqueid: {uid}|Linkedid: 9.1|{more}"));
}

#[test]
fn whom_an_agent_consults_rings_for_the_consultation_and_not_for_the_customer() {
    let (mut pbx, asked) = killed_before_the_consultation();
    made_for_him(&mut pbx, &asked, "9.2", &format!("Channel: PJSIP/1001-02|{CONSULTS}"));
    let rings = "Channel: PJSIP/1002-03|ChannelState: 5|Context: from-internal|ChanVariable: HS_CONSULT=hs-8";
    made_for_him(&mut pbx, &asked, "9.3", rings);
    nothing_else(&mut pbx, &asked, &[]);
    assert_eq!(
        pbx.told(),
        [
            "1 started internal 1001 1001 -> 1002 (recovered)",
            "1 up 1001 (recovered)",
            "1 rings 1002 (recovered)",
            "link up"
        ]
    );
    let before = pbx.facts.len();
    pbx.up("9.3").enters("9.3", "b").enters("9.2", "b");
    assert_eq!(pbx.told_after(before), ["1 up 1002", "1 talks 1001", "1 talks 1002"]);
    assert!(course(&pbx.facts).iter().all(|line| line.starts_with("hs-8 ")));
}

#[test]
fn who_consults_and_talks_already_does_so_in_the_consultation() {
    // The lists show channels in any order, and a number that is consulted is rung over a wire.
    for wired in [false, true] {
        let (mut pbx, asked) = killed_before_the_consultation();
        let reached = "ChannelState: 6|Context: from-internal|ChanVariable: HS_CONSULT=hs-8";
        let (near, far) = if wired { ("b", "f") } else { ("b", "b") };
        made_for_him(&mut pbx, &asked, "9.5", &format!("Channel: PJSIP/1002-05|BridgeId: {far}|{reached}"));
        if wired {
            let wire = "Local/5002@from-internal-01";
            made_for_him(&mut pbx, &asked, "9.3", &format!("Channel: {wire};1|BridgeId: b|{reached}"));
            made_for_him(&mut pbx, &asked, "9.4", &format!("Channel: {wire};2|BridgeId: f|{reached}"));
        }
        let consults = format!("Channel: PJSIP/1001-02|BridgeId: {near}|{CONSULTS}");
        made_for_him(&mut pbx, &asked, "9.2", &consults);
        nothing_else(&mut pbx, &asked, &[]);
        let number = if wired { "5002" } else { "1002" };
        assert_eq!(
            pbx.told(),
            [
                &*format!("1 started internal 1001 1001 -> {number} (recovered)"),
                "1 up 1001 (recovered)",
                "1 rings 1002 (recovered)",
                "1 up 1002 (recovered)",
                "1 talks 1001 (recovered)",
                "1 talks 1002 (recovered)",
                "link up"
            ],
            "over a wire: {wired}"
        );
    }
}

#[test]
fn who_was_consulted_and_has_the_customer_now_is_in_the_customers_call() {
    let mut pbx = Pbx::with(routing());
    let talk = [("9.1", "PJSIP/trunk", LegState::Connected), ("9.2", "PJSIP/1001", LegState::Held)];
    pbx.normalizer.seed(vec![known("9.1", &talk, false)]);
    let asked = connect(&mut pbx);
    listed(
        &mut pbx,
        &asked,
        "9.1",
        "Channel: PJSIP/trunk-01|ChannelState: 6|BridgeId: b|Context: hookswitch-held",
    );
    let reached = "ChannelState: 6|BridgeId: b|Context: hookswitch-heir|ChanVariable: HS_CONSULT=hs-8";
    made_for_him(&mut pbx, &asked, "9.3", &format!("Channel: PJSIP/1002-03|{reached}"));
    nothing_else(&mut pbx, &asked, &[]);
    let told = course(&pbx.facts);
    assert!(told.contains(&"9.1 LegRinging recovered".to_owned()), "{told:?}");
    assert!(told.iter().all(|line| line.starts_with("9.1 ")), "{told:?}");
}

fn consult() -> PbxAction {
    let leg = |leg: &str| LegRef::new(leg);
    let action = Asked::Consult {
        call: CallRef::new("c"),
        leg: leg("a"),
        other: leg("c"),
        consult: CallRef::new("hs-8"),
        to: Target::Devices(vec![Address::new("PJSIP/1002")]),
        timeout: Millis::from_secs(20),
        caller_id: None,
    };
    let pbx = PbxId::new("hq").unwrap();
    PbxAction { id: ActionId::from_bits(8), pbx, expires_at: Timestamp::from_micros(u64::MAX), action }
}

const BEGINS: &str = "UserEvent: HookswitchConsult|Channel: PJSIP/1001-02|Uniqueid: a|Consult: hs-8|To: 1002";

#[test]
fn a_consultation_for_which_nobody_rang_is_no_call() {
    // Who consults hangs up first, or goes back to the customer by another way than the dialplan's.
    for hangs_up in [true, false] {
        let mut pbx = Pbx::default();
        pbx.customer_talks();
        pbx.normalizer.sent(pbx.now, &consult());
        pbx.event("UserEvent", BEGINS);
        let before = pbx.facts.len();
        if hangs_up {
            pbx.gone("a");
        } else {
            pbx.wait(40_000).gone("a");
        }
        let told = pbx.told_after(before);
        let end = if hangs_up { "dial failed Cancelled" } else { "dial failed Failed" };
        assert_eq!(told.iter().filter(|line| line.starts_with("dial failed")).collect::<Vec<_>>(), [end]);
        assert!(!course(&pbx.facts).iter().any(|line| line.starts_with("hs-8")), "{told:?}");
    }
}

#[test]
fn what_is_asked_after_a_long_silence_has_its_time() {
    let mut pbx = Pbx::default();
    pbx.customer_talks();
    pbx.now = pbx.now + Millis::from_secs(900);
    pbx.normalizer.sent(pbx.now, &consult());
    let due = pbx.normalizer.next_deadline().unwrap();
    assert!(due > pbx.now + Millis::from_secs(20), "given up at {due:?}");
}

#[test]
fn a_consultation_whose_beginning_was_not_told_begins_when_somebody_rings() {
    let mut pbx = Pbx::default();
    pbx.customer_talks();
    let before = pbx.facts.len();
    pbx.made("b", "PJSIP/1002-03", "c");
    pbx.event("DialBegin", &format!("Channel: PJSIP/1001-02|Uniqueid: a|{CONSULTS}|DestChannel: PJSIP/1002-03|DestUniqueid: b|DialString: 1002"));
    let told = pbx.told_after(before);
    assert_eq!(told, ["2 started internal 1001' 1001 -> 1002", "2 up 1001'", "2 rings 1002"]);
}
