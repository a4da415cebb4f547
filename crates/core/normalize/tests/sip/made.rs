//! Calls that are made here, and what comes with a call.

use hookswitch_model::{command::Request, ledger::Disposition};

use crate::{
    common::phone::Manners,
    office::{Office, to},
};

fn click(office: &mut Office) {
    let request =
        Request::Dial { agent: "alice".parse().unwrap(), to: to("+49301234"), data: Default::default() };
    office.request(request).unwrap();
}

#[test]
fn click_to_dial() {
    for (own, far, disposition) in [
        (Manners::Answers(1_000), Manners::Answers(1_000), Disposition::Answered),
        (Manners::Answers(1_000), Manners::Refuses(486), Disposition::Busy),
        (Manners::Answers(1_000), Manners::Rings, Disposition::Missed),
        (Manners::Rings, Manners::Answers(1_000), Disposition::Failed),
        (Manners::Refuses(486), Manners::Answers(1_000), Disposition::Failed),
    ] {
        let mut office = Office::new();
        office.phone("alice").manners = own;
        office.phone("carrier").manners = far;
        click(&mut office);
        office.wait(70_000);
        let told = office.told_of_calls();
        assert_eq!(told[..2], ["started outbound", "offered alice #1 of -"], "{told:?}");
        let outside_rang = !office.phone("carrier").requests.is_empty();
        assert_eq!(outside_rang, disposition != Disposition::Failed);
        office.phone("alice").drop_all();
        office.wait(1_000);
        let (call, ledger) = office.ended().remove(0);
        assert_eq!(ledger.disposition, disposition, "{own:?} {far:?}: {told:?}");
        assert_eq!(call.direction, hookswitch_model::call::Direction::Outbound);
        assert_eq!(office.state_of("alice"), "ready");
        office.all_over();
    }
}

#[test]
fn outbound_by_phone_and_internal() {
    let mut office = Office::new();
    office.phone("alice").calls("+49301234");
    office.wait(4_000);
    office.phone("carrier").hangs_up();
    office.wait(500);
    office.check(&["started outbound", "answered alice", "ended answered by customer"]);
    office.phone("alice").calls("1002");
    office.wait(4_000);
    office.phone("bob").hangs_up();
    office.wait(500);
    let told = office.told_of_calls();
    assert_eq!(told[0], "started internal");
    assert!(told.last().unwrap().starts_with("ended answered"), "{told:?}");
    office.all_over();
}

#[test]
fn withheld_diverted_and_attached() {
    let mut office = Office::new();
    office.phone("carrier").calls_with("5003", |invite| {
        invite.headers.push("P-Asserted-Identity", "\"Ann\" <sip:+49305550001@carrier.example>");
        invite.headers.push("Privacy", "id");
        invite.headers.push("Diversion", "<sip:+49305550002@carrier.example>;reason=no-answer");
        invite.headers.push("User-to-User", "3132;encoding=hex");
        invite.headers.push("X-Case", "42");
    });
    office.wait(5_000);
    let invite = office.phone("alice").requests[0].clone();
    let text = String::from_utf8_lossy(&invite.to_bytes()).into_owned();
    assert!(!text.contains("49305550001"), "kept from the phone: {text}");
    assert_eq!(
        (invite.headers.named("X-Case"), invite.headers.named("User-to-User")),
        (Some("42"), Some("3132;encoding=hex"))
    );
    office.phone("carrier").hangs_up();
    office.wait(100);
    let (call, _) = office.ended().remove(0);
    assert!(call.ani.withheld);
    assert_eq!(call.ani.e164.as_deref(), Some("+49305550001"));
    assert_eq!(call.via.unwrap().raw, "+49305550002");
    assert_eq!((call.data["uui"].as_str(), call.data["x-case"].as_str()), ("3132;encoding=hex", "42"));
    assert_eq!(call.trunk.as_deref(), Some("carrier"));
    office.all_over();
}

#[test]
fn a_call_that_no_rule_knows_gets_404() {
    let mut office = Office::new();
    office.phone("carrier").calls("9999");
    office.wait(1_000);
    assert_eq!(office.phone("carrier").answers.last().unwrap(), "INVITE 404");
    assert_eq!(office.ended()[0].1.disposition, Disposition::Failed);
    office.phone("carrier").calls("1001");
    office.wait(1_000);
    assert_eq!(
        office.phone("carrier").answers.last().unwrap(),
        "INVITE 404",
        "an extension is not dialled from outside"
    );
    office.all_over();
}

#[test]
fn a_rule_that_names_an_agent() {
    let mut office = Office::new();
    office.phone("carrier").calls("5030");
    office.wait(4_000);
    office.check(&[
        "started inbound",
        "offered alice #1 of -",
        "offer_ended alice accepted",
        "answered alice",
    ]);
    office.phone("carrier").hangs_up();
    office.wait(100);
    office.all_over();
}

#[test]
fn crossing() {
    for offset in 1_990..2_020 {
        let mut office = Office::new();
        office.phone("carrier").calls("5003");
        office.wait(offset);
        office.phone("carrier").drop_all();
        office.wait(3_000);
        office.phone("carrier").drop_all();
        office.wait(3_000);
        let ended = office.ended();
        assert_eq!(ended.len(), 1, "{offset}");
        let told = office.told_of_calls();
        let answered = told.iter().any(|line| line == "answered alice");
        let abandoned = ended[0].1.disposition == Disposition::Abandoned;
        assert!(answered != abandoned, "{offset}: {told:?}");
        assert_eq!(office.state_of("alice"), "ready", "{offset}");
        office.all_over();
    }
}
