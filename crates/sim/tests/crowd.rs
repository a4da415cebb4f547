//! Many callers at once: nothing is lost, nothing is left over, and the same seed gives the same run.

mod common;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::BytesMut;
use common::{START, decode};
use hookswitch_ami::{Action, Frame};
use hookswitch_sim::{Crowd, MILLISECOND, Micros, Mood, Output, Pbx, PbxConfig, SECOND, SessionId};

const AGENTS: u32 = 200;
const FIRST_AGENT: u32 = 1100;

/// A daemon of a few lines: who waits longest gets whoever is free longest.
struct Daemon {
    session: SessionId,
    waiting: VecDeque<String>,
    free: VecDeque<String>,
    /// Which agent a caller's channel was offered to.
    offered: BTreeMap<String, String>,
    stream: Vec<u8>,
}

impl Daemon {
    fn new() -> Self {
        Self {
            session: SessionId(7),
            waiting: VecDeque::new(),
            free: (FIRST_AGENT..FIRST_AGENT + AGENTS).map(|number| format!("PJSIP/{number}")).collect(),
            offered: BTreeMap::new(),
            stream: Vec::new(),
        }
    }

    fn act(&self, pbx: &mut Pbx, action: &Action) {
        let mut bytes = BytesMut::new();
        action.encode(&mut bytes).expect("a lawful action");
        pbx.action(pbx.now(), self.session, &Frame::new(bytes.freeze()));
    }

    fn log_in(&self, pbx: &mut Pbx) {
        pbx.connect(START, self.session);
        let login = Action::new("Login").header("Username", "hookswitch").header("Secret", "hookswitch");
        self.act(pbx, &login.header("Events", "system,call,agent,user"));
    }

    fn heartbeat(&self, pbx: &mut Pbx) {
        let epoch = (pbx.now() / SECOND).to_string();
        self.act(pbx, &Action::new("Setvar").header("Variable", "HS_HEARTBEAT").header("Value", epoch));
    }

    /// Reads what has come and offers who waits.
    fn work(&mut self, pbx: &mut Pbx) {
        while let Some(output) = pbx.poll_output() {
            if let Output::Send(_, bytes) = output {
                self.stream.extend_from_slice(&bytes);
                self.read(&Frame::new(bytes));
            }
        }
        while !self.waiting.is_empty() && !self.free.is_empty() {
            let (Some(channel), Some(agent)) = (self.waiting.pop_front(), self.free.pop_front()) else {
                return;
            };
            for (name, value) in [("HS_RING", agent.as_str()), ("HS_TIMEOUT", "5"), ("HS_OFFER", "o")] {
                let set = Action::new("Setvar").header("Channel", channel.as_str());
                self.act(pbx, &set.header("Variable", name).header("Value", value));
            }
            let redirect = Action::new("Redirect").header("Channel", channel.as_str());
            self.act(
                pbx,
                &redirect.header("Context", "hookswitch-ring").header("Exten", "s").header("Priority", "1"),
            );
            self.offered.insert(channel, agent);
        }
    }

    fn read(&mut self, frame: &Frame) {
        let Some(channel) = frame.get("Channel") else { return };
        match frame.name() {
            "UserEvent" if frame.get("UserEvent") == Some("HookswitchRoute") => {
                self.waiting.push_back(channel.to_owned());
            }
            "UserEvent" if frame.get("UserEvent") == Some("HookswitchResult") => {
                self.free.extend(self.offered.remove(channel));
                if frame.get("Status") != Some("ANSWER") {
                    self.waiting.push_front(channel.to_owned());
                }
            }
            "Hangup" => {
                self.waiting.retain(|waiting| waiting != channel);
                self.free.extend(self.offered.remove(channel));
            }
            _ => {}
        }
    }
}

fn crowd(total: u64) -> Crowd {
    Crowd {
        every: 5 * MILLISECOND,
        numbers: vec!["5003".to_owned(), "5013".to_owned()],
        patience: (500 * MILLISECOND, 4 * SECOND),
        talk: (200 * MILLISECOND, 1200 * MILLISECOND),
        total: Some(total),
        ..Crowd::default()
    }
}

/// Runs a crowd at 200 calls a second through 200 agents until the last caller has gone.
fn run(seed: u64, total: u64) -> (Pbx, Daemon) {
    let config =
        PbxConfig::lab(seed).expect("the crate's own dialplan reads").with_phones(FIRST_AGENT, AGENTS);
    let mut pbx = Pbx::new(config, START);
    let mut daemon = Daemon::new();
    for number in FIRST_AGENT..FIRST_AGENT + AGENTS {
        let mood =
            Mood::Human { after: 50 * MILLISECOND, at_most: 300 * MILLISECOND, declines: 40, ignores: 5 };
        pbx.set_mood(&number.to_string(), mood);
    }
    daemon.log_in(&mut pbx);
    daemon.heartbeat(&mut pbx);
    pbx.start_crowd(START, crowd(total));
    let mut beat: Micros = START;
    while let Some(deadline) = pbx.next_deadline() {
        pbx.advance(deadline);
        daemon.work(&mut pbx);
        if pbx.now() > beat + 3 * SECOND {
            beat = pbx.now();
            daemon.heartbeat(&mut pbx);
        }
        assert!(pbx.now() < START + 600 * SECOND, "{} channels do not end", pbx.channel_count());
    }
    daemon.work(&mut pbx);
    (pbx, daemon)
}

#[test]
fn two_thousand_calls_leave_nothing_behind_and_every_channel_ends_once() {
    let (pbx, daemon) = run(1, 2000);
    assert_eq!(pbx.channel_count(), 0);
    assert!(pbx.warnings().is_empty(), "{:?}", pbx.warnings());
    let report = pbx.crowd_report();
    assert_eq!(report.placed, 2000);
    assert_eq!(report.talked + report.gave_up + report.turned_away, report.placed, "{report:?}");
    assert!(report.talked > 1500, "{report:?}");
    assert_eq!(daemon.free.len(), AGENTS as usize, "every agent is free again");

    let frames = decode(&daemon.stream);
    let mut open: BTreeSet<&str> = BTreeSet::new();
    let mut inside: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for frame in &frames {
        let (channel, bridge) =
            (frame.get("Channel").unwrap_or_default(), frame.get("BridgeUniqueid").unwrap_or_default());
        match frame.name() {
            "Newchannel" => assert!(open.insert(channel), "{channel} begins twice"),
            "Hangup" => assert!(open.remove(channel), "{channel} ends without having begun"),
            "BridgeCreate" => assert!(inside.insert(bridge, BTreeSet::new()).is_none()),
            "BridgeEnter" => {
                assert!(inside.get_mut(bridge).is_some_and(|legs| legs.insert(channel)), "{frame:?}");
            }
            "BridgeLeave" => {
                assert!(inside.get_mut(bridge).is_some_and(|legs| legs.remove(channel)), "{frame:?}");
            }
            "BridgeDestroy" => {
                assert!(inside.remove(bridge).is_some_and(|legs| legs.is_empty()), "{frame:?}")
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "{open:?}");
    assert!(inside.is_empty(), "{inside:?}");
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let stream = |seed| run(seed, 200).1.stream;
    let first = stream(3);
    assert!(first == stream(3), "the same seed");
    assert!(first != stream(4), "another seed");
}

#[test]
fn a_crowd_sent_home_stops_calling() {
    let mut pbx = Pbx::new(PbxConfig::lab(1).expect("reads"), START);
    pbx.start_crowd(START, Crowd { every: SECOND, ..Crowd::default() });
    pbx.advance(START + 60 * SECOND);
    let placed = pbx.crowd_report().placed;
    assert!((30..100).contains(&placed), "about one a second: {placed}");
    pbx.stop_crowd();
    pbx.advance(START + 120 * SECOND);
    assert_eq!(pbx.crowd_report().placed, placed);
    pbx.start_crowd(START + 120 * SECOND, Crowd { every: SECOND, ..Crowd::default() });
    pbx.advance(START + 180 * SECOND);
    let again = pbx.crowd_report().placed - placed;
    assert!((30..100).contains(&again), "at the same rate as before: {again}");
}
