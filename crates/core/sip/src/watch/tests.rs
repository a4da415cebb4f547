use super::*;
use crate::message::{Limits, parse};

const OURS: &str = "192.0.2.1:5060";
const PBX: &str = "192.0.2.9:5060";
const OTHER: &str = "192.0.2.10:5060";

fn flow(to: &str) -> Flow {
    Flow::udp(OURS.parse().unwrap(), to.parse().unwrap())
}

fn seconds(seconds: u64) -> Instant {
    Instant::from_micros(seconds * 1_000_000)
}

/// A watcher of line 1001, and the PBX it asks.
struct Stage {
    watcher: Watcher,
    now: Instant,
    cseq: u32,
}

impl Stage {
    fn new() -> Self {
        let mut watcher = Watcher::new(Settings::default(), 7);
        let line = Line {
            name: "sip:1001@pbx".into(),
            uri: "sip:1001@192.0.2.9".parse().unwrap(),
            peer: "pbx".into(),
        };
        watcher.set_lines(seconds(0), vec![line]);
        watcher.set_flows(seconds(0), "pbx", vec![flow(PBX), flow(OTHER)]);
        Self { watcher, now: seconds(0), cseq: 10 }
    }

    /// Lets time pass up to the next SUBSCRIBE that is not a repeat.
    fn asked(&mut self) -> (Request, Flow) {
        for _ in 0..1_000 {
            while let Some(transmit) = self.watcher.poll_transmit() {
                if let Ok(Message::Request(request)) = parse(&transmit.bytes, &Limits::default()) {
                    return (request, transmit.flow);
                }
            }
            self.now = self.watcher.next_deadline().expect("something is due").max(self.now);
            self.watcher.tick(self.now);
        }
        panic!("nothing is asked");
    }

    /// The same, without the repeats of one that is left without an answer.
    fn asked_anew(&mut self, before: &Request) -> (Request, Flow) {
        loop {
            let (request, flow) = self.asked();
            if request.headers.via() != before.headers.via() {
                return (request, flow);
            }
        }
    }

    fn answer(&mut self, request: &Request, status: u16, headers: &[(&str, &str)]) {
        let mut answer =
            request.reply(status, "").with_to_tag("theirs").with(Name::Contact, "<sip:1001@192.0.2.9>");
        for (name, value) in headers {
            answer.headers.push(*name, *value);
        }
        self.watcher.receive(self.now, flow(PBX), answer.into());
    }

    /// A NOTIFY of the subscription; the status it gets.
    fn notify(&mut self, subscribe: &Request, (tag, state): (&str, &str), body: &str) -> u16 {
        self.cseq += 1;
        self.notify_numbered(subscribe, (tag, state), self.cseq, body)
    }

    fn notify_numbered(
        &mut self,
        subscribe: &Request,
        (tag, state): (&str, &str),
        cseq: u32,
        body: &str,
    ) -> u16 {
        let mut notify = Request::new(Method::Notify, "sip:hookswitch@192.0.2.1".parse().unwrap());
        let ours = subscribe.headers.from().unwrap();
        notify.headers.push(Name::Via, format!("SIP/2.0/UDP {PBX};branch=z9hG4bK{tag}{cseq}"));
        notify.headers.push(Name::From, format!("<sip:1001@192.0.2.9>;tag={tag}"));
        notify.headers.push(Name::To, ours.to_string());
        notify.headers.push(Name::CallId, subscribe.headers.call_id().unwrap());
        notify.headers.push(Name::CSeq, format!("{cseq} NOTIFY"));
        notify.headers.push(Name::Contact, format!("<sip:{tag}@192.0.2.9>"));
        notify.headers.push(Name::Event, "dialog");
        notify.headers.push(Name::SubscriptionState, state);
        if !body.is_empty() {
            notify.headers.push(Name::ContentType, DOCUMENT);
            notify.body = body.to_owned().into_bytes().into();
        }
        let message = Message::Request(notify);
        assert!(self.watcher.takes(&message), "{message:?}");
        self.watcher.receive(self.now, flow(PBX), message);
        self.status()
    }

    /// The status of the answer that is on its way.
    fn status(&mut self) -> u16 {
        while let Some(transmit) = self.watcher.poll_transmit() {
            if let Ok(Message::Response(response)) = parse(&transmit.bytes, &Limits::default()) {
                return response.status;
            }
        }
        panic!("no answer");
    }

    /// A subscription that stands, with no dialog.
    fn standing() -> (Self, Request) {
        let mut stage = Self::new();
        let (subscribe, _) = stage.asked();
        stage.answer(&subscribe, 200, &[("Expires", "600")]);
        assert_eq!(stage.notify(&subscribe, ("theirs", "active;expires=600"), &full(0, "")), 200);
        assert_eq!(stage.told(), ["idle"]);
        (stage, subscribe)
    }

    /// What was told since, in short.
    fn told(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(report) = self.watcher.poll_report() {
            told.push(match report {
                Report::Lost { status, .. } => format!("lost {}", status.unwrap_or(0)),
                Report::Dialogs { dialogs, .. } if dialogs.is_empty() => "idle".to_owned(),
                Report::Dialogs { dialogs, .. } => {
                    let each = dialogs.iter().map(|dialog| format!("{} {:?}", dialog.id, dialog.state));
                    each.collect::<Vec<_>>().join(", ")
                }
            });
        }
        told
    }
}

fn full(version: u32, dialogs: &str) -> String {
    format!("<dialog-info version='{version}' state='full' entity='sip:1001@pbx'>{dialogs}</dialog-info>")
}

fn partial(version: u32, dialogs: &str) -> String {
    full(version, dialogs).replace("'full'", "'partial'")
}

fn dialog(id: &str, state: &str) -> String {
    format!("<dialog id='{id}'><state>{state}</state></dialog>")
}

#[test]
fn a_line_is_subscribed_to_told_of_and_refreshed_in_its_dialog_before_the_end() {
    let (mut stage, first) = Stage::standing();
    assert_eq!(first.headers.get(&Name::Event), Some("dialog"));
    assert_eq!(first.headers.get(&Name::Accept), Some(DOCUMENT));
    stage.notify(&first, ("theirs", "active"), &full(1, &dialog("1", "early")));
    stage.notify(&first, ("theirs", "active"), &full(2, &dialog("1", "confirmed")));
    stage.notify(&first, ("theirs", "active"), &full(3, &dialog("1", "confirmed")));
    stage.notify(&first, ("theirs", "active"), &full(4, ""));
    assert_eq!(stage.told(), ["1 Early", "1 Confirmed", "1 Terminated"]);
    let (refresh, _) = stage.asked();
    assert!(stage.now < seconds(600) && stage.now > seconds(400), "{:?}", stage.now);
    assert_eq!(refresh.headers.call_id(), first.headers.call_id());
    assert_eq!(refresh.headers.to().unwrap().tag(), Some("theirs"));
    assert_eq!(refresh.uri.to_string(), "sip:theirs@192.0.2.9");
    assert_eq!(refresh.headers.cseq().unwrap().number, 2);
    stage.answer(&refresh, 200, &[("Expires", "600")]);
    let (again, _) = stage.asked();
    assert!(stage.now > seconds(1_000) && again.headers.cseq().unwrap().number == 3);
    assert_eq!(stage.told(), Vec::<String>::new());
}

#[test]
fn a_notify_may_overtake_the_answer() {
    let mut stage = Stage::new();
    let (subscribe, _) = stage.asked();
    assert_eq!(stage.notify(&subscribe, ("theirs", "active"), &full(0, &dialog("1", "early"))), 200);
    stage.answer(&subscribe, 200, &[("Expires", "600")]);
    assert_eq!(stage.told(), ["1 Early"]);
}

#[test]
fn a_password_is_given_once_and_kept_ready() {
    let mut stage = Stage::new();
    stage.watcher.set_accounts([("pbx", "hookswitch", "secret")]);
    let (first, _) = stage.asked();
    let challenge = [("WWW-Authenticate", "Digest realm=\"pbx\", nonce=\"n1\", algorithm=MD5, qop=\"auth\"")];
    stage.answer(&first, 401, &challenge);
    let (second, _) = stage.asked();
    assert!(second.headers.has(&Name::Authorization));
    assert_eq!(second.headers.cseq().unwrap().number, 2);
    assert_eq!(second.headers.vias().len(), 1);
    stage.answer(&second, 401, &challenge);
    assert_eq!(stage.told(), ["lost 401"]);
    let later = stage.now;
    let (third, _) = stage.asked();
    assert!(stage.now > later && third.headers.call_id() != second.headers.call_id());
}

#[test]
fn changes_are_taken_in_order_and_a_gap_is_closed_by_the_whole() {
    let (mut stage, first) = Stage::standing();
    stage.notify(&first, ("theirs", "active;expires=600"), &partial(1, &dialog("1", "early")));
    stage.notify(&first, ("theirs", "active"), &partial(2, &dialog("2", "early")));
    assert_eq!(stage.told(), ["1 Early", "1 Early, 2 Early"]);
    // Document 3 is lost.
    let gap = stage.now;
    assert_eq!(stage.notify(&first, ("theirs", "active"), &partial(4, &dialog("1", "confirmed"))), 200);
    assert_eq!(stage.told(), Vec::<String>::new());
    let (refresh, _) = stage.asked();
    assert!(stage.now.since(gap) <= Duration::from_secs(2), "the whole is asked for at once");
    stage.answer(&refresh, 200, &[("Expires", "600")]);
    stage.notify(&first, ("theirs", "active"), &full(5, &dialog("1", "confirmed")));
    assert_eq!(stage.told(), ["1 Confirmed, 2 Terminated"]);
    // A document that was known already changes nothing.
    stage.notify(&first, ("theirs", "active"), &partial(5, &dialog("1", "early")));
    assert_eq!(stage.told(), Vec::<String>::new());
}

#[test]
fn a_notify_that_comes_late_is_refused_and_changes_nothing() {
    let (mut stage, first) = Stage::standing();
    stage.notify_numbered(&first, ("theirs", "active"), 30, &full(2, &dialog("1", "confirmed")));
    assert_eq!(stage.notify_numbered(&first, ("theirs", "active"), 29, &full(1, &dialog("1", "early"))), 500);
    assert_eq!(stage.told(), ["1 Confirmed"]);
    assert_eq!(stage.watcher.counters().late, 1);
}

#[test]
fn all_who_answer_behind_a_fork_are_believed_together() {
    let (mut stage, first) = Stage::standing();
    stage.notify(&first, ("theirs", "active"), &full(1, &dialog("1", "early")));
    assert_eq!(
        stage.notify(&first, ("fork", "active;expires=600"), &full(0, &dialog("2", "confirmed"))),
        200
    );
    assert_eq!(stage.told(), ["1 Early", "1 Early, 2 Confirmed"]);
    stage.notify(&first, ("fork", "terminated;reason=timeout"), &full(1, ""));
    assert_eq!(stage.told(), ["1 Early, 2 Terminated"]);
    for fork in 0..20 {
        stage.notify(&first, (&format!("f{fork}"), "active"), &full(0, ""));
    }
    assert_eq!(stage.watcher.lines["sip:1001@pbx"].notifiers.len(), FORKS);
}

#[test]
fn a_subscription_the_pbx_ends_is_made_anew_as_soon_as_it_says() {
    for (state, least, most) in [
        ("terminated;reason=deactivated", 0, 5),
        ("terminated;reason=probation;retry-after=60", 60, 65),
        ("terminated;reason=noresource", 290, 310),
        ("terminated", 5, 10),
    ] {
        let (mut stage, first) = Stage::standing();
        stage.notify(&first, ("theirs", "active"), &full(1, &dialog("1", "early")));
        assert_eq!(stage.notify(&first, ("theirs", state), ""), 200);
        assert_eq!(stage.told(), ["1 Early", "lost 0"], "{state}");
        let ended = stage.now;
        let (again, _) = stage.asked();
        let after = stage.now.since(ended).as_secs();
        assert!((least..=most).contains(&after), "{state}: after {after} s");
        assert_ne!(again.headers.call_id(), first.headers.call_id());
        assert_eq!(again.headers.to().unwrap().tag(), None);
        stage.notify(&again, ("new", "active"), &full(0, &dialog("1", "confirmed")));
        assert_eq!(stage.told(), ["1 Confirmed"]);
    }
}

#[test]
fn a_pbx_that_forgot_the_subscription_is_asked_anew() {
    let (mut stage, first) = Stage::standing();
    let (refresh, _) = stage.asked();
    stage.answer(&refresh, 481, &[]);
    assert_eq!(stage.told(), ["lost 481"]);
    let (again, _) = stage.asked();
    assert_ne!(again.headers.call_id(), first.headers.call_id());
}

#[test]
fn a_silent_pbx_is_lost_once_and_asked_elsewhere_ever_more_slowly() {
    let mut stage = Stage::new();
    let (mut before, to) = stage.asked();
    assert_eq!(to.remote, flow(PBX).remote);
    let mut waits = Vec::new();
    for round in 0..12 {
        let since = stage.now;
        let (next, to) = stage.asked_anew(&before);
        assert_eq!(to.remote, flow(if round % 2 == 0 { OTHER } else { PBX }).remote);
        waits.push(stage.now.since(since).as_secs());
        before = next;
    }
    assert_eq!(stage.told(), ["lost 0"]);
    assert!(waits.is_sorted() && waits[11] <= 32 + 301 && waits[0] <= 36, "{waits:?}");
}

#[test]
fn an_answer_without_a_notify_is_no_subscription() {
    let mut stage = Stage::new();
    let (first, _) = stage.asked();
    stage.answer(&first, 200, &[("Expires", "600")]);
    let (again, _) = stage.asked();
    assert!(stage.now < seconds(60), "{:?}", stage.now);
    assert_ne!(again.headers.call_id(), first.headers.call_id());
    assert_eq!(stage.told(), ["lost 0"]);
}

#[test]
fn strangers_and_what_cannot_be_read_are_refused_and_change_nothing() {
    let (mut stage, first) = Stage::standing();
    assert_eq!(stage.notify(&first, ("theirs", "active"), "<dialog-info version='1'>"), 400);
    assert_eq!(stage.notify(&first, ("theirs", "perhaps"), &full(1, "")), 400);
    let mut stranger = first.clone();
    stranger.headers.set(Name::From, "<sip:hookswitch@192.0.2.1>;tag=guessed");
    assert_eq!(stage.notify(&stranger, ("theirs", "active"), &full(1, &dialog("1", "early"))), 481);
    let mut other = first.clone();
    other.headers.set(Name::CallId, "unknown");
    let notify = Message::Request(Request { method: Method::Notify, ..other });
    assert!(!stage.watcher.takes(&notify));
    assert_eq!(stage.told(), Vec::<String>::new());
    let now = stage.now;
    let (refresh, _) = stage.asked();
    assert!(stage.now.since(now) <= Duration::from_secs(2), "what could not be read is asked for again");
    assert_eq!(refresh.headers.call_id(), first.headers.call_id());
}

#[test]
fn a_short_subscription_is_asked_for_as_long_as_the_pbx_wants() {
    let mut stage = Stage::new();
    let (first, _) = stage.asked();
    stage.answer(&first, 423, &[("Min-Expires", "1800")]);
    let (second, _) = stage.asked();
    assert_eq!(second.headers.expires(), Some(1_800));
    stage.answer(&second, 423, &[("Min-Expires", "4000000")]);
    assert_eq!(stage.told(), ["lost 423"]);
}

#[test]
fn a_line_that_is_not_watched_any_more_is_unsubscribed() {
    let (mut stage, first) = Stage::standing();
    stage.watcher.set_lines(stage.now, Vec::new());
    let (last, _) = stage.asked();
    assert_eq!((last.headers.expires(), last.headers.call_id()), (Some(0), first.headers.call_id()));
    stage.answer(&last, 200, &[]);
    assert_eq!(stage.told(), ["lost 0"]);
    assert!(
        stage.watcher.lines.is_empty() && stage.watcher.by_call.is_empty() && stage.watcher.due.is_empty()
    );
}

#[test]
fn any_notifications_leave_bounded_memory_and_no_panic() {
    let (mut stage, first) = Stage::standing();
    let mut random = Random::new(11);
    let states =
        ["active", "pending;expires=1", "active;expires=99999999999", "terminated;reason=rejected", "x", ""];
    for _ in 0..3_000 {
        let pick = |random: &mut Random, most: usize| usize::try_from(random.next() % most as u64).unwrap();
        let tag = format!("t{}", pick(&mut random, 12));
        let state = states[pick(&mut random, states.len())];
        let mut body = full(
            u32::try_from(pick(&mut random, 9)).unwrap(),
            &dialog(&format!("d{}", pick(&mut random, 300)), "early"),
        );
        if pick(&mut random, 3) == 0 {
            let at = pick(&mut random, body.len());
            body.replace_range(at..=at, ["<", "&", "'", "\u{fffd}"][pick(&mut random, 4)]);
        }
        let current = stage.watcher.lines["sip:1001@pbx"].call_id.clone();
        let mut subscribe = first.clone();
        subscribe.headers.set(Name::CallId, &*current);
        let our_tag = stage.watcher.lines["sip:1001@pbx"].tag.clone();
        subscribe.headers.set(Name::From, format!("<sip:h@192.0.2.1>;tag={our_tag}"));
        if !current.is_empty() {
            stage.notify(&subscribe, (&tag, state), &body);
        }
        if pick(&mut random, 20) == 0 {
            stage.now = stage.watcher.next_deadline().unwrap_or(stage.now).max(stage.now);
            stage.watcher.tick(stage.now);
        }
        let watched = &stage.watcher.lines["sip:1001@pbx"];
        assert!(watched.notifiers.len() <= FORKS);
        assert!(watched.notifiers.values().all(|notifier| notifier.dialogs.len() <= 128));
        assert!(stage.watcher.by_call.len() <= 1 && stage.watcher.due.len() <= 1);
        stage.told();
    }
}
