//! A link without its socket: what is said when, and what becomes of actions around a gap.

use std::collections::{BTreeMap, BTreeSet};

use bytes::BytesMut;
use hookswitch::{Session, SessionSettings};
use hookswitch_ami::{AmiCodec, Credentials, Decoded, Frame, LoginMethod, Secret};
use hookswitch_model::{
    ActionId, CallRef, LegRef, Millis, PbxId, Timestamp,
    call::{Address, AttachedData},
    pbx::{Action, Fact, PbxAction, PbxEvent, Target},
    setup::Mode,
};
use hookswitch_normalize::{dialplan::text, settings::Settings, to_ami};
use tokio_util::codec::Decoder;

const START: Timestamp = Timestamp::from_millis(1_795_288_704_000);

/// A PBX that answers everything, has nobody on the line, and keeps its global variables.
struct Pbx {
    globals: BTreeMap<String, String>,
    /// Where each channel is.
    contexts: BTreeMap<String, String>,
    /// Actions that came, by name.
    heard: Vec<Frame>,
    /// ActionIDs it does not answer yet.
    silent: BTreeSet<String>,
}

/// A link and its PBX on one wire.
struct World {
    session: Session,
    pbx: Pbx,
    codec: AmiCodec,
    now: Timestamp,
    facts: Vec<PbxEvent>,
}

fn session(mode: Mode) -> Session {
    let pbx = PbxId::new("hq").expect("a name");
    let mut dialect = Settings::new(pbx.clone());
    dialect.mode = mode;
    Session::new(SessionSettings {
        pbx,
        credentials: Credentials {
            username: "u".to_owned(),
            secret: Secret::new("s".to_owned()),
            method: LoginMethod::Plain,
        },
        mode,
        dialect,
        actions: to_ami::Settings {
            dial_context: text::Context::new("from-internal").expect("a context"),
            music: text::MusicClass::new("default").expect("a class"),
            queue_music: BTreeMap::new(),
            sounds: to_ami::Sounds::default(),
            queue_sounds: BTreeMap::new(),
        },
    })
}

impl World {
    fn new(mode: Mode, open: Vec<PbxAction>) -> Self {
        let mut session = session(mode);
        session.seed(Vec::new(), open, None);
        let pbx = Pbx {
            globals: BTreeMap::new(),
            contexts: BTreeMap::new(),
            heard: Vec::new(),
            silent: BTreeSet::new(),
        };
        Self { session, pbx, codec: AmiCodec::default(), now: START, facts: Vec::new() }
    }

    fn connect(&mut self) {
        self.session.opened(self.now);
        self.say("Asterisk Call Manager/11.0.0\r\n");
        self.talk();
    }

    fn say(&mut self, text: &str) {
        self.session.incoming().expect("a connection").extend_from_slice(text.as_bytes());
        while self.session.read(self.now).expect("a good stream") {}
        self.facts.extend(self.session.take_facts());
    }

    /// Lets both talk until they have nothing to say.
    fn talk(&mut self) {
        loop {
            if self.session.asks_engine() {
                self.session.engine_lives(self.now);
            }
            let mut bytes: BytesMut = self.session.take_outgoing();
            if bytes.is_empty() {
                return;
            }
            while let Some(Decoded::Frame(frame)) = self.codec.decode(&mut bytes).expect("it frames") {
                let answer = self.pbx.answer(&frame);
                self.pbx.heard.push(frame);
                self.say(&answer);
            }
        }
    }

    fn names(&self) -> Vec<&str> {
        self.pbx.heard.iter().filter_map(|frame| frame.get("Action")).collect()
    }

    fn count(&self, name: &str) -> usize {
        self.names().into_iter().filter(|heard| *heard == name).count()
    }

    /// Results told of this action.
    fn results(&self, id: ActionId) -> Vec<Option<&str>> {
        let mut results = Vec::new();
        for event in &self.facts {
            if let Fact::ActionResult { action, refused } = &event.fact
                && *action == id
            {
                results.push(refused.as_deref());
            }
        }
        results
    }
}

impl Pbx {
    fn answer(&mut self, frame: &Frame) -> String {
        let id = frame.get("ActionID").unwrap_or_default();
        if self.silent.contains(id) {
            return String::new();
        }
        let good = |rest: String| format!("Response: Success\r\nActionID: {id}\r\n{rest}\r\n");
        let of = |key: &str| frame.get(key).unwrap_or_default().to_owned();
        let list = |event: &str| {
            good("EventList: start\r\n".to_owned())
                + &format!("Event: {event}\r\nActionID: {id}\r\nEventList: Complete\r\nListItems: 0\r\n\r\n")
        };
        match frame.get("Action").unwrap_or_default() {
            "Ping" => good("Ping: Pong\r\nTimestamp: 1795288704.000000\r\n".to_owned()),
            "Setvar" if frame.get("Channel").is_none() => {
                self.globals.insert(of("Variable"), of("Value"));
                good(String::new())
            }
            "Getvar" => {
                let value = match frame.get("Channel") {
                    None => self.globals.get(&of("Variable")),
                    Some(channel) => self.contexts.get(channel),
                };
                match (value, frame.get("Channel")) {
                    (None, Some(_)) => {
                        format!("Response: Error\r\nActionID: {id}\r\nMessage: No such channel\r\n\r\n")
                    }
                    (value, _) => {
                        let value = value.cloned().unwrap_or_default();
                        good(format!("Variable: {}\r\nValue: {value}\r\n", of("Variable")))
                    }
                }
            }
            "CoreShowChannels" => list("CoreShowChannelsComplete"),
            "BridgeList" => list("BridgeListComplete"),
            "QueueStatus" => list("QueueStatusComplete"),
            "PJSIPShowContacts" => list("ContactListComplete"),
            "PJSIPShowEndpoints" => list("EndpointListComplete"),
            "DeviceStateList" => list("DeviceStateListComplete"),
            _ => good(String::new()),
        }
    }
}

fn action(id: u128, action: Action) -> PbxAction {
    PbxAction {
        id: ActionId::from_bits(id),
        pbx: PbxId::new("hq").expect("a name"),
        expires_at: START + Millis::from_secs(10),
        action,
    }
}

fn dial(id: u128) -> PbxAction {
    action(
        id,
        Action::Dial {
            call: CallRef::new(&format!("hs.{id}")),
            devices: vec![Address::new("PJSIP/1001")],
            timeout: Millis::from_secs(20),
            to: Target::Number("5002".to_owned()),
            caller_id: None,
            data: AttachedData::default(),
        },
    )
}

fn send_away(id: u128) -> PbxAction {
    let (call, leg) = (CallRef::new("1.1"), LegRef::new("1.1"));
    action(id, Action::SendTo { call, leg, number: "600".to_owned() })
}

#[test]
fn the_link_is_up_only_when_the_waiting_room_has_the_heartbeat_and_the_pbx_was_listed() {
    let mut world = World::new(Mode::Route, Vec::new());
    world.pbx.silent.insert("hookswitch-heartbeat".to_owned());
    world.connect();
    assert!(world.session.is_logged_in() && !world.session.is_up());
    assert_eq!(world.count("CoreShowChannels"), 0, "nothing is looked at before somebody decides");
    world.say("Response: Success\r\nActionID: hookswitch-heartbeat\r\n\r\n");
    world.talk();
    assert!(world.session.is_up());
    assert_eq!(world.pbx.globals.get("HS_HEARTBEAT").map(String::as_str), None, "it was never answered");
}

#[test]
fn an_action_is_refused_at_once_while_the_link_is_not_up() {
    let mut world = World::new(Mode::Route, Vec::new());
    world.session.act(world.now, dial(1));
    world.facts.extend(world.session.take_facts());
    assert_eq!(world.results(ActionId::from_bits(1)), [Some("the link to the PBX is down")]);
    world.connect();
    assert_eq!(world.count("Originate"), 0, "and not carried out later");
}

#[test]
fn a_dial_that_was_journalled_but_not_sent_is_carried_out_once() {
    let mut world = World::new(Mode::Route, vec![dial(1)]);
    world.connect();
    assert_eq!(world.count("Originate"), 1);
    assert_eq!(world.results(ActionId::from_bits(1)), [None]);
}

#[test]
fn a_dial_that_reached_the_pbx_before_the_kill_is_not_repeated() {
    let mut first = World::new(Mode::Route, Vec::new());
    first.connect();
    first.pbx.silent.insert(ActionId::from_bits(1).to_string());
    first.session.act(first.now, dial(1));
    first.talk();
    assert_eq!((first.count("Originate"), first.results(ActionId::from_bits(1)).len()), (1, 0));

    // The daemon was killed before the answer; the second dial was journalled and not sent.
    let mut second = World::new(Mode::Route, vec![dial(1), dial(2)]);
    second.pbx.globals = first.pbx.globals;
    second.connect();
    let dialled = second.pbx.heard.iter().filter(|frame| frame.get("Action") == Some("Originate"));
    let dialled: Vec<_> = dialled.filter_map(|frame| frame.get("ActionID")).collect();
    assert!(
        dialled.iter().all(|id| id.starts_with(&ActionId::from_bits(2).to_string())) && dialled.len() == 1,
        "{dialled:?}"
    );
    assert_eq!(second.results(ActionId::from_bits(1)), [None]);
    assert_eq!(second.results(ActionId::from_bits(2)), [None]);
}

#[test]
fn a_dial_is_not_repeated_when_the_last_mark_is_of_a_later_one_that_nobody_knows_any_more() {
    let made_at = |millis: u128| PbxAction { id: ActionId::from_bits(millis << 80 | 7), ..dial(1) };
    let mut world = World::new(Mode::Route, vec![made_at(10), made_at(30)]);
    world.pbx.globals.insert("HS_ORIGINATED".into(), made_at(20).id.to_string());
    world.connect();
    assert_eq!(world.count("Originate"), 1, "the second alone");
    assert_eq!(world.results(made_at(10).id), [None]);
}

#[test]
fn a_dial_cut_off_before_its_answer_is_asked_after_on_the_next_connection() {
    let mut world = World::new(Mode::Route, Vec::new());
    world.connect();
    world.session.act(world.now, dial(1));
    // The bytes never reach the PBX.
    let _ = world.session.take_outgoing();
    assert!(world.session.lost(world.now, "cut"));
    world.connect();
    assert_eq!(world.count("Originate"), 1);
    assert_eq!(world.results(ActionId::from_bits(1)), [None]);
}

#[test]
fn a_dial_that_is_too_late_is_not_carried_out_after_the_gap() {
    let mut world = World::new(Mode::Route, vec![dial(1)]);
    world.now = START + Millis::from_secs(11);
    world.connect();
    assert_eq!(world.count("Originate"), 0);
    assert_eq!(world.results(ActionId::from_bits(1)), [Some("expired before the link could carry it")]);
}

#[test]
fn a_caller_sent_away_is_looked_for_where_he_is() {
    let looked_for = |context: Option<&str>| {
        let mut world = World::new(Mode::Route, vec![send_away(1)]);
        let context = context.map(|context| ("1.1".to_owned(), context.to_owned()));
        world.pbx.contexts.extend(context);
        world.connect();
        assert_eq!(world.count("Redirect"), 0, "the engine decides whether to ask again");
        let results = world.results(ActionId::from_bits(1));
        results.into_iter().map(|refused| refused.map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(looked_for(Some("hookswitch-wait")), [Some("it did not reach the PBX".to_owned())]);
    assert_eq!(looked_for(Some("from-internal")), [None]);
    assert_eq!(looked_for(None), [None], "who is gone was told by the lists");
}

#[test]
fn a_stop_waits_for_the_last_answers_but_not_for_ever() {
    let mut world = World::new(Mode::Route, Vec::new());
    world.connect();
    let id = ActionId::from_bits(1);
    world.pbx.silent.insert(id.to_string());
    world.session.act(world.now, dial(1));
    world.session.leave(world.now);
    world.talk();
    assert_eq!(world.pbx.globals["HS_HEARTBEAT"], "0", "the waiting room knows that nobody decides");
    assert!(!world.session.has_left(world.now));
    assert!(world.session.has_left(world.now + Millis::from_secs(2)));
    world.say(&format!("Response: Success\r\nActionID: {id}\r\n\r\n"));
    assert!(world.session.has_left(world.now));
    world.talk();
    assert_eq!(world.names().last(), Some(&"Logoff"));
}

#[test]
fn silence_is_asked_about_and_then_ends_the_connection() {
    let mut world = World::new(Mode::Observe, Vec::new());
    world.connect();
    let pings = world.count("Ping");
    world.now = START + Millis::from_secs(5);
    world.session.poll(world.now).expect("not dead yet");
    // Asked, but nothing comes back: the wire is open at one end only.
    let asked = world.session.take_outgoing();
    assert!(asked.starts_with(b"Action: Ping"), "{asked:?}");
    assert_eq!(world.count("Ping"), pings);
    world.now = START + Millis::from_secs(10);
    assert!(world.session.next_deadline().is_some_and(|due| due <= world.now));
    assert_eq!(world.session.poll(world.now), Err("silent for 10 s".to_owned()));
}

/// Bytes of a caller who asked for a route, and may have given up on that long ago.
const BACKLOG: &[u8] =
    b"Event: UserEvent\r\nUserEvent: HookswitchRoute\r\nUniqueid: 1.1\r\nDnis: 5003\r\n\r\n";

#[test]
fn a_daemon_that_was_stopped_for_long_believes_nothing_of_its_backlog() {
    let mut world = World::new(Mode::Route, Vec::new());
    world.connect();
    assert!(world.session.is_up());
    // Three seconds to the next heartbeat, and five in which it was only late.
    world.now = world.now + Millis::from_secs(8);
    assert_eq!(world.session.read(world.now), Ok(false));
    world.now = world.now + Millis::from_secs(1);
    world.session.incoming().expect("a connection").extend_from_slice(BACKLOG);
    let refused = world.session.read(world.now).expect_err("it is too old");
    assert_eq!(refused, "the waiting room's last heartbeat is 9 s old");
    assert!(world.session.lost(world.now, &refused) && !world.session.is_up());
}

#[test]
fn a_wire_that_stands_still_for_as_long_as_callers_wait_is_a_lost_link() {
    let mut world = World::new(Mode::Route, Vec::new());
    world.connect();
    // The daemon runs, asks in time and is not answered: its heartbeats do not come to the waiting room.
    for _ in 0..2 {
        world.now = world.now + Millis::from_secs(3);
        assert_eq!(world.session.poll(world.now), Ok(()));
        assert!(world.session.asks_engine());
        world.session.engine_lives(world.now);
    }
    world.now = world.now + Millis::from_secs(3);
    assert!(world.session.next_deadline().is_some_and(|due| due <= world.now), "it is noticed by itself");
    world.session.incoming().expect("a connection").extend_from_slice(BACKLOG);
    let refused = world.session.read(world.now).expect_err("callers may have given up");
    assert_eq!(refused, "the waiting room's last heartbeat is 9 s old");
    assert!(world.session.poll(world.now).is_err());
}

#[test]
fn a_link_that_only_watches_owes_nobody_a_heartbeat() {
    let mut world = World::new(Mode::Observe, Vec::new());
    world.connect();
    world.now = world.now + Millis::from_secs(9);
    world.session.incoming().expect("a connection").extend_from_slice(BACKLOG);
    assert_eq!(world.session.read(world.now), Ok(false));
}
