//! The same story in other words: other names and numbers, fewer event classes, another order within a burst.

mod common;

use bytes::Bytes;
use common::{Story, folders, frames, unconfigured};
use hookswitch_ami::{EventName, Frame};
use hookswitch_model::{Millis, Timestamp, call::Address};
use hookswitch_normalize::{from_ami::Normalizer, settings::Settings};

type Stream = Vec<(Timestamp, Frame)>;

fn told(stream: &Stream, settings: Settings) -> Vec<String> {
    let mut normalizer = Normalizer::new(settings);
    let mut facts = Vec::new();
    for (at, frame) in stream {
        normalizer.frame(*at, frame, &mut facts);
    }
    let end = stream.last().map_or(Timestamp::default(), |(at, _)| *at);
    normalizer.tick(end + Millis(1_000), &mut facts);
    Story::of(&facts)
}

/// Checks all recordings: `vary` changes the stream, `translate` says how the story reads then.
fn check(vary: impl Fn(Stream) -> Stream, translate: impl Fn(String) -> String) {
    for release in ["ast22", "ast16"] {
        for folder in folders(release) {
            let stream = frames(&folder);
            let expected: Vec<String> = told(&stream, unconfigured()).into_iter().map(&translate).collect();
            assert_eq!(told(&vary(stream), unconfigured()), expected, "{}", folder.display());
        }
    }
}

fn same(line: String) -> String {
    line
}

#[test]
fn a_stream_without_the_classes_that_are_not_needed_tells_the_same() {
    use EventName as E;
    let needless = [
        E::VarSet,
        E::Newexten,
        E::NewConnectedLine,
        E::NewAccountCode,
        E::DialState,
        E::BridgeCreate,
        E::BridgeDestroy,
        E::MusicOnHoldStart,
        E::MusicOnHoldStop,
        E::LocalOptimizationBegin,
        E::LocalOptimizationEnd,
        E::TestEvent,
        E::Cdr,
        E::RtcpSent,
        E::RtcpReceived,
        E::ConfbridgeJoin,
        E::ConfbridgeLeave,
        E::BridgeMerge,
        E::AgentCalled,
        E::AgentConnect,
        E::AgentComplete,
        E::AgentRingNoAnswer,
        E::UnParkedCall,
        E::FullyBooted,
    ];
    check(
        |stream| stream.into_iter().filter(|(_, frame)| !needless.contains(&frame.event())).collect(),
        same,
    );
}

#[test]
fn names_and_numbers_mean_nothing() {
    let swap = [
        ("PJSIP/100", "SIP/27"),
        ("100", "27"),
        ("trunk", "carrier-7"),
        ("from-internal", "zzz"),
        ("5001", "778899"),
        ("+49305550001", "0044201234"),
        ("-0000", "-0abc"),
    ];
    let other = |text: &str| swap.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    let rewrite =
        |frame: &Frame| Frame::new(Bytes::from(other(std::str::from_utf8(frame.as_bytes()).unwrap())));
    for release in ["ast22", "ast16"] {
        for folder in folders(release) {
            let stream = frames(&folder);
            let expected: Vec<String> =
                told(&stream, unconfigured()).iter().map(|line| other(&line.replace('C', "trunk"))).collect();
            let varied = stream.iter().map(|(at, frame)| (*at, rewrite(frame))).collect();
            let told: Vec<String> =
                told(&varied, unconfigured()).iter().map(|line| line.replace('C', "carrier-7")).collect();
            assert_eq!(told, expected, "{}", folder.display());
        }
    }
}

/// Lets two events that follow each other within 5 ms trade places.
fn swap_neighbours(mut stream: Stream, which: impl Fn(&Frame, &Frame) -> bool) -> Stream {
    let mut at = 1;
    while at < stream.len() {
        let close = stream[at].0.since(stream[at - 1].0) <= Millis(5);
        if close && which(&stream[at - 1].1, &stream[at].1) {
            let (first, second) = (stream[at - 1].1.clone(), stream[at].1.clone());
            stream[at - 1].1 = second;
            stream[at].1 = first;
            at += 1;
        }
        at += 1;
    }
    stream
}

#[test]
fn a_phone_may_ring_before_or_after_it_is_dialled() {
    let pair = |one: EventName, two: EventName| {
        matches!(
            (one, two),
            (EventName::Newstate, EventName::DialBegin) | (EventName::DialBegin, EventName::Newstate)
        )
    };
    check(|stream| swap_neighbours(stream, |one, two| pair(one.event(), two.event())), same);
}

#[test]
fn the_channels_of_a_call_may_be_hung_up_in_any_order() {
    let both = |one: &Frame, two: &Frame| {
        one.event() == EventName::Hangup && two.event() == EventName::Hangup
            // The end of a Local pair shows by its parts.
            && ![one, two].iter().any(|f| f.get("Channel").unwrap().starts_with("Local/"))
    };
    check(|stream| swap_neighbours(stream, both), same);
}

#[test]
fn configured_devices_and_trunks_tell_the_same_as_inferred_ones() {
    let devices = (1001..=1008).map(|n| (Address::new(&format!("PJSIP/{n}")), n.to_string()));
    let settings =
        Settings { devices: devices.collect(), trunks: ["trunk".to_owned()].into(), ..unconfigured() };
    for release in ["ast22", "ast16"] {
        for folder in folders(release) {
            let stream = frames(&folder);
            assert_eq!(
                told(&stream, settings.clone()),
                told(&stream, unconfigured()),
                "{}",
                folder.display()
            );
        }
    }
}

#[test]
fn events_of_channels_and_bridges_told_twice_change_nothing() {
    // Each of these means something every time.
    let once = [EventName::UserEvent, EventName::DTMFEnd, EventName::QueueMemberPause];
    let twice = |(at, frame): (Timestamp, Frame)| {
        let again = (!once.contains(&frame.event())).then(|| (at, frame.clone()));
        std::iter::once((at, frame)).chain(again)
    };
    check(|stream| stream.into_iter().flat_map(twice).collect(), same);
}
