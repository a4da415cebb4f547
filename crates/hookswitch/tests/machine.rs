//! A journal without room: calls are routed on, nothing is told before it is durable, nothing is lost silently.

use std::{
    io,
    ops::Range,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use hookswitch::{Committed, Machine, Options, Turned};
use hookswitch_config::Config;
use hookswitch_journal::{
    Cursors, Entry, Error, Journal, Kind, Limit, MemoryJournal, Reader, Record, Recovery, Retained,
    Retention, Snapshots,
};
use hookswitch_model::{
    AgentId, CallRef, IdSource, LegRef, Millis, PbxId, Timestamp,
    agent::AgentState,
    call::{Address, Direction, PartyNumber},
    command::{Actor, Command, Request},
    input::Input,
    pbx::{Fact, LegSeen, PbxEvent},
};
use hookswitch_wire::template::PopTemplates;
use serde_json::Value;

const START: Timestamp = Timestamp::from_millis(1_795_288_704_000);
const HELD: usize = 64 * 1024;

/// A journal on a disk that can be full, or broken.
#[derive(Debug)]
struct Disk {
    inner: MemoryJournal,
    full: Arc<AtomicBool>,
    broken: Arc<AtomicBool>,
}

impl Journal for Disk {
    fn append(&mut self, batch: &mut Vec<Record>) -> Result<Range<u64>, Error> {
        let path = PathBuf::from("disk");
        if self.broken.load(Ordering::Relaxed) {
            return Err(Error::Io { path, source: io::ErrorKind::Other.into() });
        }
        if self.full.load(Ordering::Relaxed) {
            return Err(Error::Full { path, source: io::ErrorKind::StorageFull.into() });
        }
        self.inner.append(batch)
    }

    fn reader(&self) -> Reader {
        self.inner.reader()
    }

    fn cursors(&self) -> Cursors {
        self.inner.cursors()
    }

    fn snapshots(&self) -> Snapshots {
        self.inner.snapshots()
    }

    fn recover(&self) -> Result<Recovery, Error> {
        self.inner.recover()
    }

    fn retain(&mut self, retention: &Retention) -> Result<Retained, Error> {
        self.inner.retain(retention)
    }
}

/// A machine with callers, one a second.
struct World {
    machine: Machine,
    full: Arc<AtomicBool>,
    broken: Arc<AtomicBool>,
    now: Timestamp,
    callers: u32,
    ids: IdSource,
}

fn config() -> Config {
    let text = r#"
        [[pbx]]
        name = "hq"
        kind = "asterisk"
        address = "127.0.0.1:5038"
        username = "u"
        secret = "s"
        mode = "route"

        [[agent]]
        id = "alice"
        name = "Alice"
        pbx = "hq"
        devices = ["PJSIP/1001"]
        start = "ready"

        [[queue]]
        id = "support"
        members = { agents = ["alice"] }

        [[route]]
        name = "everybody"
        queue = "support"
    "#;
    hookswitch_config::load_str("test.toml", text).expect("a good configuration")
}

fn options() -> Options {
    let mut options = Options::new(Millis::from_secs(86_400), Arc::new(PopTemplates::default()), 7);
    options.held_bytes = HELD;
    options
}

impl World {
    fn new() -> Self {
        Self::on(MemoryJournal::new())
    }

    fn on(inner: MemoryJournal) -> Self {
        let (full, broken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let disk = Disk { inner, full: Arc::clone(&full), broken: Arc::clone(&broken) };
        let awake = Machine::recover(Box::new(disk), |version| config().setup(version), options())
            .expect("it recovers");
        let now = START.max(awake.not_before);
        let (machine, _) = awake.start(now).expect("there is room");
        let ids = IdSource::new(99);
        let mut world = Self { machine, full, broken, now, callers: 0, ids };
        let up = Fact::LinkUp {
            version: "11.0.0".to_owned(),
            restarted: false,
            gap_from: None,
            recovered_calls: 0,
        };
        world.fact(up);
        let device = Address::new("PJSIP/1001");
        world.fact(Fact::Device { address: device, state: hookswitch_model::agent::DeviceState::Idle });
        world
    }

    fn fact(&mut self, fact: Fact) {
        let pbx = PbxId::new("hq").expect("a name");
        let event = PbxEvent { pbx, at: self.now, recovered: false, fact };
        self.machine.handle(self.now, Input::Pbx(Box::new(event)));
    }

    fn commit(&mut self) -> Committed {
        self.machine.commit(self.now).expect("no failure but a full disk")
    }

    /// Somebody calls and wants the queue.
    fn caller(&mut self) -> Committed {
        self.now = self.now + Millis::from_secs(1);
        self.callers += 1;
        let call = CallRef::new(&format!("1.{}", self.callers));
        let leg = LegRef::new(call.as_str());
        let number = |text: &str| PartyNumber { raw: text.to_owned(), ..PartyNumber::default() };
        self.fact(Fact::CallStarted {
            call: call.clone(),
            originator: LegSeen { leg, address: Address::new("PJSIP/trunk"), number: None },
            direction: Direction::Inbound,
            ani: number("+4930555"),
            dnis: number("5003"),
            via: None,
            trunk: None,
            data: hookswitch_model::call::AttachedData::default(),
            watched: false,
        });
        self.fact(Fact::RouteRequested { call, dnis: number("5003") });
        self.commit()
    }

    fn told(&self) -> Vec<Entry> {
        let reader = self.machine.journal().reader();
        let mut entries = Vec::new();
        let mut after = 0;
        loop {
            let page = reader.read(after, Limit::default()).expect("it reads");
            if page.is_empty() {
                return entries;
            }
            entries.extend(page.iter().cloned());
            after = page.through();
        }
    }

    fn events(&self) -> Vec<Value> {
        let told = self.told();
        let events = told.iter().filter(|entry| entry.record.kind == Kind::Event);
        let event = |entry: &Entry| {
            let event: Value = serde_json::from_slice(&entry.record.payload).expect("JSON");
            assert_eq!(event["sequence"], format!("{:020}", entry.seq), "an event knows its place");
            event
        };
        events.map(event).collect()
    }

    fn of(&self, kind: &str) -> usize {
        self.events().iter().filter(|event| event["type"] == kind).count()
    }

    fn fill(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }
}

#[test]
fn without_room_callers_are_routed_and_readers_see_nothing_until_all_of_it_is_durable() {
    let mut world = World::new();
    world.caller();
    world.fill(true);
    let before = world.told().len();
    let degraded = world.caller();
    assert_eq!(degraded.turned, Some(Turned::Degraded));
    assert!(!degraded.actions.is_empty(), "the second caller is told which queue it waits in");
    for _ in 0..5 {
        assert_eq!(world.caller().turned, None, "it is said once");
    }
    assert_eq!(world.told().len(), before, "nothing is shown that is not on the disk");
    assert!(world.machine.degraded().is_some_and(|state| state.held_bytes > 0 && state.given_up == 0));

    world.fill(false);
    assert_eq!(world.caller().turned, Some(Turned::Restored { given_up: 0 }));
    assert_eq!(world.machine.degraded(), None);
    assert_eq!(world.of("call.started"), 8, "and then everything is, in order, once");
    let engine = |machine: &Machine| serde_json::to_value(machine.engine().snapshot()).expect("JSON");
    let reborn = reborn(&world);
    assert_eq!(engine(&reborn), engine(&world.machine), "what was held rebuilds the same state");
}

#[test]
fn without_room_who_asks_is_answered() {
    let mut world = World::new();
    world.fill(true);
    let id = world.ids.next(world.now);
    let request = Request::SetAgentState {
        agent: AgentId::new("alice").expect("a name"),
        state: AgentState::NotReady,
        reason: Some("lunch".to_owned()),
    };
    let actor = Actor { name: "test".to_owned(), agent: None };
    world.machine.handle(world.now, Input::Command(Command { id, actor, request }));
    let committed = world.commit();
    assert_eq!(committed.answers.iter().map(|answer| answer.command).collect::<Vec<_>>(), [id]);
}

#[test]
fn what_does_not_fit_the_bound_is_given_up_and_the_gap_is_told() {
    let mut world = World::new();
    world.caller();
    world.fill(true);
    while world.machine.degraded().is_none_or(|state| state.given_up == 0) {
        world.caller();
        let held = world.machine.degraded().map_or(0, |state| state.held_bytes);
        assert!(held <= HELD, "{held} bytes are held");
    }
    let given_up = world.machine.degraded().map_or(0, |state| state.given_up);
    let unseen = world.callers;
    world.caller();
    world.fill(false);
    assert_eq!(world.caller().turned, Some(Turned::Restored { given_up }));

    let events = world.events();
    let gaps: Vec<_> = events.iter().filter(|event| event["type"] == "invariant.violated").collect();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    let evidence = gaps[0]["data"]["evidence"].as_str().unwrap_or_default();
    assert!(evidence.starts_with(&format!("{given_up} events after 2026-")), "{evidence}");
    assert!((world.of("call.started") as u32) < unseen, "the gap is one");
    let engine = |machine: &Machine| serde_json::to_value(machine.engine().snapshot()).expect("JSON");
    let reborn = reborn(&world);
    assert_eq!(engine(&reborn), engine(&world.machine), "a start goes on from the state behind the gap");
    assert_eq!(reborn.engine().calls().count() as u32, world.callers, "no call was forgotten");
}

#[test]
fn a_disk_that_fails_otherwise_ends_the_machine() {
    let mut world = World::new();
    world.broken.store(true, Ordering::Relaxed);
    world.fact(Fact::LinkDown { reason: "test".to_owned() });
    assert!(matches!(world.machine.commit(world.now), Err(Error::Io { .. })));
}

/// The engine of another machine on a copy of this journal, before it is told anything of its own.
fn reborn(world: &World) -> Machine {
    let mut copy = MemoryJournal::new();
    let mut records: Vec<Record> = world.told().into_iter().map(|entry| entry.record).collect();
    copy.append(&mut records).expect("memory has room");
    let awake =
        Machine::recover(Box::new(copy), |version| config().setup(version), options()).expect("it recovers");
    awake.machine
}
