//! A caller whom the PBX serves itself: seen by asking, because the class `dialplan` is not read.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{pbx::Pbx, routing};

/// The trunk's `c` called 5001, where nobody answered, and something of the PBX did.
fn unanswered() -> Pbx {
    let mut pbx = Pbx::default();
    pbx.calls("c", "PJSIP/trunk-01", "+49305550001", "5001").rings("c", "a", "PJSIP/1001-02", "1001");
    pbx.event("DialEnd", "Uniqueid: c|DestUniqueid: a|DialStatus: NOANSWER").gone("a").up("c");
    pbx
}

/// The one question that is asked, answered with this application.
fn answer(pbx: &mut Pbx, application: &str) {
    let [ask] = pbx.requests().try_into().unwrap();
    assert_eq!((ask.name(), ask.get("Channel"), ask.get("AllVariables")), ("Status", Some("c"), None));
    let id = ask.get("ActionID").unwrap().to_owned();
    pbx.raw(&format!("Response: Success\r\nActionID: {id}\r\nEventList: start\r\n\r\n"));
    let headers =
        format!("ActionID: {id}|Channel: PJSIP/trunk-01|Uniqueid: c|Application: {application}|Data: 1001");
    pbx.event("Status", &headers).event("StatusComplete", &format!("ActionID: {id}|Items: 1"));
}

#[test]
fn a_caller_in_voicemail_is_found_there_and_was_there_from_the_beginning() {
    let mut pbx = unanswered();
    let (before, at) = (pbx.facts.len(), pbx.now);
    assert_eq!(pbx.wait(900).requests().len(), 0, "a dialplan may have more to do after its Dial");
    pbx.wait(200);
    answer(&mut pbx, "VoiceMail");
    assert_eq!(pbx.told_after(before), ["1 taken by voicemail"]);
    assert_eq!(pbx.facts.last().unwrap().at, at);
    assert_eq!(pbx.wait(60_000).requests().len(), 0, "it is asked once");
}

#[test]
fn another_application_is_none_of_our_business() {
    let mut pbx = unanswered();
    let before = pbx.facts.len();
    pbx.wait(1_000);
    answer(&mut pbx, "Playback");
    assert_eq!(pbx.wait(60_000).told_after(before), Vec::<String>::new());
    assert_eq!(pbx.requests().len(), 0);
}

#[test]
fn an_answer_that_comes_when_somebody_talks_is_old() {
    let mut pbx = unanswered();
    pbx.wait(1_000).rings("c", "b", "PJSIP/1002-03", "1002").up("b").enters("c", "b0").enters("b", "b0");
    let before = pbx.facts.len();
    answer(&mut pbx, "VoiceMail");
    assert_eq!(pbx.told_after(before), Vec::<String>::new());
}

#[test]
fn a_caller_who_left_a_queue_or_was_transferred_to_nobody_is_asked_about_too() {
    let mut pbx = Pbx::default();
    pbx.calls("c", "PJSIP/trunk-01", "+49305550001", "5001").up("c");
    pbx.event("QueueCallerJoin", "Uniqueid: c|Queue: q|Position: 1").wait(10_000);
    assert_eq!(pbx.requests().len(), 0, "he waits in a queue");
    pbx.event("QueueCallerLeave", "Uniqueid: c|Queue: q").wait(1_000);
    answer(&mut pbx, "VoiceMail");
    assert_eq!(pbx.told().last().unwrap(), "1 taken by voicemail");
    let mut pbx = Pbx::default();
    pbx.customer_talks().event("BlindTransfer", "Result: Success|TransfererUniqueid: a|Extension: 5016");
    pbx.leaves("a", "b0").leaves("c", "b0").gone("a").wait(2_000);
    answer(&mut pbx, "VoiceMail");
    assert_eq!(pbx.told().last().unwrap(), "1 taken by voicemail");
}

#[test]
fn nobody_is_asked_about_who_talks_waits_for_us_or_hangs_up() {
    let mut pbx = Pbx::default();
    pbx.customer_talks().wait(5_000);
    pbx.hangs_up("a").leaves("a", "b0").leaves("c", "b0").gone("a").wait(5_000).gone("c");
    assert_eq!(pbx.wait(5_000).requests().len(), 0);
    let mut pbx = Pbx::with(routing());
    pbx.calls("c", "PJSIP/trunk-01", "+49305550001", "5003").up("c");
    pbx.event("UserEvent", "UserEvent: HookswitchRoute|Channel: PJSIP/trunk-01|Uniqueid: c|Dnis: 5003");
    let asked = pbx.wait(60_000).requests();
    assert!(asked.iter().all(|ask| ask.get("AllVariables").is_some()), "{asked:?}");
}
