#![expect(clippy::wildcard_enum_match_arm, reason = "what these lines do not tell is a fault")]

use hookswitch_model::call::Direction as Way;
use hookswitch_sip::dialog_info::{Party, Why};

use super::*;

/// Two lines of an office's PBX.
struct Office {
    reader: FromWatch,
    now: Timestamp,
    told: Vec<String>,
}

impl Office {
    fn open() -> Self {
        let reader = FromWatch::new("edge".parse().unwrap(), Plan::new("DE"), 1);
        let mut office = Self { reader, now: Timestamp::from_millis(1_000), told: Vec::new() };
        office.sees("1001", &[]);
        office.sees("1002", &[]);
        assert_eq!(office.told(), ["~1001 idle", "~1002 idle"]);
        office
    }

    fn sees(&mut self, line: &str, dialogs: &[Dialog]) {
        let report = Report::Dialogs { line: format!("sip:{line}@office").into(), dialogs: dialogs.to_vec() };
        let facts = self.reader.read(self.now, report);
        self.note(facts);
    }

    fn passes(&mut self, time: Millis) {
        self.now = self.now + time;
        let facts = self.reader.tick(self.now);
        self.note(facts);
    }

    fn note(&mut self, facts: Vec<PbxEvent>) {
        let leg = |leg: &hookswitch_model::LegRef| leg.as_str().rsplit('-').next().unwrap().to_owned();
        for PbxEvent { fact, recovered, .. } in facts {
            let text = match fact {
                Fact::Device { address, state } => {
                    let line =
                        address.as_str().trim_start_matches("sip:").trim_end_matches("@office").to_owned();
                    format!("{line} {}", format!("{state:?}").to_lowercase())
                }
                Fact::CallStarted { originator, direction, ani, dnis, .. } => {
                    let way = match direction {
                        Way::Inbound => "in",
                        Way::Outbound => "out",
                        Way::Internal => "internal",
                    };
                    format!("{way} {} {}>{}", leg(&originator.leg), ani.raw, dnis.raw)
                }
                Fact::LegRinging { leg: seen, .. } => format!("rings {} {}", leg(&seen.leg), seen.address),
                Fact::LegUp { leg: up, .. } => format!("up {}", leg(&up)),
                Fact::Talking { leg: talks, .. } => format!("talks {}", leg(&talks)),
                Fact::Apart { leg: apart, .. } => format!("apart {}", leg(&apart)),
                Fact::Held { leg: holder, .. } => format!("held {}", leg(&holder)),
                Fact::Retrieved { leg: holder, .. } => format!("retrieved {}", leg(&holder)),
                Fact::LegLeft { leg: gone, end, .. } => format!("left {} {end:?}", leg(&gone)),
                Fact::CallEnded { by, cause, .. } => {
                    let by = by.as_ref().map_or("-".to_owned(), leg);
                    format!("ended {by} {}", cause.map_or(0, |cause| cause.q850))
                }
                other => panic!("{other:?}"),
            };
            self.told.push(if recovered { format!("~{text}") } else { text });
        }
    }

    /// What was told since, in short.
    fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }
}

fn dialog(id: &str, state: State) -> Dialog {
    let nobody = Party::default();
    Dialog {
        id: id.into(),
        direction: None,
        state,
        why: None,
        code: None,
        local: nobody.clone(),
        remote: nobody,
    }
}

/// A dialog as a PBX tells it that tells everything.
fn with(state: State, direction: Direction, number: &str) -> Dialog {
    let uri = format!("sip:{number}@192.0.2.9").parse().ok();
    Dialog { direction: Some(direction), remote: Party { uri, ..Party::default() }, ..dialog("d", state) }
}

fn over(why: Why, code: Option<u16>) -> Dialog {
    Dialog { why: Some(why), code, ..dialog("d", State::Terminated) }
}

#[test]
fn a_call_from_outside_rings_is_answered_held_and_ended() {
    let mut office = Office::open();
    office.sees("1001", &[with(State::Early, Direction::Recipient, "030555")]);
    office.sees("1001", &[with(State::Confirmed, Direction::Recipient, "030555")]);
    assert_eq!(
        office.told(),
        [
            "in 1.1 030555>1001",
            "rings 1.2 sip:1001@office",
            "1001 ringing",
            "up 1.2",
            "talks 1.1",
            "talks 1.2",
            "1001 inuse"
        ]
    );
    let mut held = with(State::Confirmed, Direction::Recipient, "030555");
    held.local.holds = true;
    office.sees("1001", &[held]);
    office.sees("1001", &[with(State::Confirmed, Direction::Recipient, "030555")]);
    office.sees("1001", &[over(Why::LocalBye, None)]);
    assert_eq!(
        office.told(),
        ["held 1.2", "retrieved 1.2", "left 1.2 HungUp", "left 1.1 Released", "ended 1.2 0", "1001 idle"]
    );
    assert!(office.reader.calls.is_empty());
}

#[test]
fn a_call_that_nobody_answers_ends_as_the_pbx_says() {
    for (why, code, told) in [
        (Why::Rejected, Some(486), "left 1.2 Busy, left 1.1 Released, ended - 17"),
        (Why::Rejected, Some(603), "left 1.2 Rejected, left 1.1 Released, ended - 21"),
        (Why::Timeout, None, "left 1.2 NoAnswer, left 1.1 Released, ended - 19"),
        (Why::Cancelled, None, "left 1.2 CallerLeft, left 1.1 HungUp, ended 1.1 0"),
    ] {
        let mut office = Office::open();
        office.sees("1001", &[with(State::Early, Direction::Recipient, "030555")]);
        office.told();
        office.sees("1001", &[over(why, code)]);
        assert_eq!(office.told()[..3].join(", "), told);
    }
}

#[test]
fn a_call_to_outside_is_told_with_its_number() {
    let mut office = Office::open();
    office.sees("1001", &[with(State::Trying, Direction::Initiator, "030555")]);
    office.sees("1001", &[with(State::Early, Direction::Initiator, "030555")]);
    office.sees("1001", &[with(State::Confirmed, Direction::Initiator, "030555")]);
    office.sees("1001", &[over(Why::RemoteBye, None)]);
    assert_eq!(
        office.told(),
        [
            "out 1.1 1001>030555",
            "rings 1.2 sip:office",
            "1001 inuse",
            "up 1.2",
            "talks 1.1",
            "talks 1.2",
            "left 1.2 HungUp",
            "left 1.1 Released",
            "ended 1.2 0",
            "1001 idle"
        ]
    );
}

#[test]
fn what_asterisk_tells_of_an_internal_call_is_one_call() {
    // As Asterisk 22 does: who calls is confirmed at once and names nobody, who rings names the caller.
    let mut office = Office::open();
    office.sees("1002", &[dialog("1002", State::Confirmed)]);
    office.sees("1001", &[Dialog { id: "1001".into(), ..with(State::Early, Direction::Recipient, "1002") }]);
    assert_eq!(
        office.told(),
        ["1002 inuse", "internal 1.1 1002>1001", "rings 1.3 sip:1001@office", "1001 ringing"]
    );
    office.passes(Millis(5_000));
    office.sees("1001", &[dialog("1001", State::Confirmed)]);
    assert_eq!(office.told(), ["up 1.3", "talks 1.1", "talks 1.3", "1001 inuse"]);
    office.sees("1001", &[dialog("1001", State::Terminated)]);
    office.sees("1002", &[dialog("1002", State::Terminated)]);
    assert_eq!(
        office.told(),
        ["left 1.3 HungUp", "apart 1.1", "1001 idle", "left 1.1 Released", "ended - 0", "1002 idle"]
    );
    assert!(office.reader.calls.is_empty());
}

#[test]
fn who_rings_may_be_told_before_who_calls() {
    let mut office = Office::open();
    office.sees("1001", &[with(State::Early, Direction::Recipient, "1002")]);
    office.sees("1002", &[with(State::Early, Direction::Initiator, "1001")]);
    office.sees("1002", &[with(State::Confirmed, Direction::Initiator, "1001")]);
    office.sees("1001", &[with(State::Confirmed, Direction::Recipient, "1002")]);
    let told = office.told();
    assert_eq!(told.iter().filter(|fact| fact.starts_with("internal")).count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|fact| fact.starts_with("talks")).count(), 2, "{told:?}");
    office.sees("1002", &[]);
    office.sees("1001", &[]);
    let told = office.told();
    assert_eq!(told.iter().filter(|fact| fact.starts_with("ended")).count(), 1, "{told:?}");
    assert!(office.reader.calls.is_empty());
}

#[test]
fn a_call_to_nobody_knows_whom_is_told_as_one_to_outside_after_a_moment() {
    let mut office = Office::open();
    office.sees("1001", &[dialog("1001", State::Confirmed)]);
    assert_eq!(office.told(), ["1001 inuse"]);
    assert_eq!(office.reader.next_deadline(), Some(office.now + SETTLE));
    office.passes(SETTLE);
    assert_eq!(office.told(), ["out 1.1 1001>", "rings 1.3 sip:office", "up 1.3", "talks 1.1", "talks 1.3"]);
    assert_eq!(office.reader.next_deadline(), None);
    office.sees("1001", &[]);
    assert_eq!(office.told(), ["left 1.3 Released", "left 1.1 Released", "ended - 0", "1001 idle"]);
}

#[test]
fn a_group_of_phones_rings_for_one_caller() {
    let mut office = Office::open();
    office.sees("1001", &[with(State::Early, Direction::Recipient, "030555")]);
    office.sees("1002", &[with(State::Early, Direction::Recipient, "030555")]);
    office.told();
    office.sees("1002", &[with(State::Confirmed, Direction::Recipient, "030555")]);
    office.sees("1001", &[over(Why::Cancelled, Some(200))]);
    assert_eq!(
        office.told(),
        ["left 1.2 Cancelled", "up 1.3", "talks 1.1", "talks 1.3", "1002 inuse", "1001 idle"]
    );
    // The same caller again is another call.
    office.sees("1001", &[with(State::Early, Direction::Recipient, "030555")]);
    assert_eq!(office.told()[0], "in 2.1 030555>1001");
}

#[test]
fn a_call_of_our_own_with_the_line_is_not_told_twice() {
    let mut office = Office::open();
    let (leg, call) = ("00000000000000c1".parse().unwrap(), switch::CallId::new("c"));
    let line: switch::Line = "sip:1001@office".parse().unwrap();
    office.reader.own(office.now, &Event::Rings { call: call.clone(), leg, line, number: None, order: None });
    office.sees("1001", &[with(State::Early, Direction::Recipient, "030555")]);
    office.sees("1001", &[with(State::Confirmed, Direction::Recipient, "030555")]);
    assert_eq!(office.told(), ["1001 ringing", "1001 inuse"]);
    office.reader.own(office.now, &Event::Left { call, leg, end: switch::End::HungUp, cause: None });
    office.sees("1001", &[]);
    // Told late: rung and taken back in the same moment.
    office.passes(Millis(500));
    office.sees("1001", &[with(State::Early, Direction::Recipient, "030555")]);
    office.sees("1001", &[]);
    assert_eq!(office.told(), ["1001 idle", "1001 ringing", "1001 idle"]);
    office.passes(AFTER);
    office.sees("1001", &[with(State::Early, Direction::Recipient, "030777")]);
    assert_eq!(office.told()[0], "in 1.1 030777>1001");
}

#[test]
fn a_phone_of_the_pbx_that_calls_us_is_not_told_twice() {
    let mut office = Office::open();
    office.sees("1001", &[dialog("1001", State::Confirmed)]);
    let began = switch::Began {
        call: switch::CallId::new("c"),
        leg: "00000000000000c1".parse().unwrap(),
        line: switch::Line::Trunk("office".into()),
        direction: switch::Direction::Inbound,
        caller: switch::Caller { number: "1001".into(), name: None, withheld: false },
        dialled: "5003".into(),
        via: None,
        data: BTreeMap::new(),
    };
    office.reader.own(office.now, &Event::Began(Box::new(began)));
    office.passes(Millis(10_000));
    assert_eq!(office.told(), ["1001 inuse"]);
}

#[test]
fn what_happened_while_nobody_watched_is_told_as_recovered() {
    let mut office = Office::open();
    office.sees("1001", &[with(State::Confirmed, Direction::Recipient, "030555")]);
    office.told();
    let lost = Report::Lost { line: "sip:1001@office".into(), status: Some(481) };
    let facts = office.reader.read(office.now, lost);
    office.note(facts);
    assert_eq!(office.told(), ["1001 unknown"]);
    assert!(office.reader.lives(&CallRef::new("watch-0000000000000001-1")));
    office.sees("1001", &[]);
    assert_eq!(office.told(), ["~left 1.2 Released", "~left 1.1 Released", "~ended - 0", "~1001 idle"]);
    assert!(!office.reader.lives(&CallRef::new("watch-0000000000000001-1")));
    assert!(office.reader.knows(&CallRef::new("watch-0000000000000001-1")));
}

#[test]
fn any_order_of_any_dialogs_begins_and_ends_each_call_and_leg_once() {
    let mut random = hookswitch_sip::Random::new(5);
    let mut pick = |most: u64| random.next() % most;
    for _ in 0..300 {
        let mut office = Office::open();
        for _ in 0..40 {
            let line = ["1001", "1002", "1003"][pick(3) as usize];
            let states = [State::Trying, State::Early, State::Confirmed, State::Terminated];
            let some = (0..pick(3)).map(|id| {
                let state = states[pick(4) as usize];
                let number = ["1001", "1002", "030555", "030777"][pick(4) as usize];
                let told = match pick(3) {
                    0 => with(state, Direction::Recipient, number),
                    1 => with(state, Direction::Initiator, number),
                    _ => dialog("d", state),
                };
                Dialog { id: format!("d{id}").into(), ..told }
            });
            let dialogs: Vec<Dialog> = some.collect();
            office.sees(line, &dialogs);
            office.passes(Millis(pick(900)));
        }
        for line in ["1001", "1002", "1003"] {
            office.sees(line, &[]);
        }
        assert!(office.reader.calls.is_empty(), "{:?}", office.reader.calls);
        let told = office.told();
        let all =
            |word: &str| told.iter().filter(|fact| fact.trim_start_matches('~').starts_with(word)).count();
        let began = all("in ") + all("out ") + all("internal ");
        assert_eq!(began, all("ended "), "{told:?}");
        assert_eq!(began + all("rings "), all("left "), "{told:?}");
        let mut left: Vec<_> = told
            .iter()
            .filter(|fact| fact.trim_start_matches('~').starts_with("left "))
            .map(|fact| fact.split(' ').nth(1))
            .collect();
        let before = left.len();
        left.sort();
        left.dedup();
        assert_eq!(before, left.len(), "{told:?}");
    }
}
