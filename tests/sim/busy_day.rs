//! A busy day without faults: 20,000 callers at 200 a second; the books must agree with what the callers lived through.

use std::{collections::BTreeMap, sync::Arc};

use bytes::BytesMut;
use hookswitch_acd::Engine;
use hookswitch_ami::{Action, AmiCodec, Decoded, Frame};
use hookswitch_model::{
    AgentId, CallId, Millis, PbxId, QueueId, TeamId, Timestamp,
    agent::AgentState,
    call::Address,
    event::{Event, EventKind},
    input::{Input, Output},
    ledger::Disposition,
    pbx::PbxAction,
    setup::{
        AgentSetup, Members, Mode, PbxSetup, QueueSetup, RouteSetup, RouteTarget, ServiceLevel, Setup,
        Strategy,
    },
};
use hookswitch_normalize::{
    dialplan::{self, text},
    from_ami::Normalizer,
    settings::Settings,
    to_ami,
};
use hookswitch_sim::{Crowd, MILLISECOND, Micros, Mood, Output as World, Pbx, PbxConfig, SECOND, SessionId};
use tokio_util::codec::Decoder;

const START: Micros = 1_795_288_704 * SECOND;
const AGENTS: u32 = 200;
const FIRST_AGENT: u32 = 2_001;
const SESSION: SessionId = SessionId(1);

/// Everything between the PBX and the journal.
struct Daemon {
    normalizer: Normalizer,
    engine: Engine,
    codec: AmiCodec,
    buffer: BytesMut,
    actions: to_ami::Settings,
    journal: Vec<Event>,
}

impl Daemon {
    fn new(setup: Setup, pbx: PbxId) -> Self {
        let mut dialect = Settings::new(pbx);
        dialect.mode = Mode::Route;
        let devices = setup.agents.iter().flat_map(|agent| agent.devices.iter());
        let known = devices.map(|device| (device.clone(), device.extension().unwrap_or_default().to_owned()));
        dialect.devices = known.collect();
        Self {
            normalizer: Normalizer::new(dialect),
            engine: Engine::new(Arc::new(setup), 1).expect("the rules compile"),
            codec: AmiCodec::default(),
            buffer: BytesMut::new(),
            actions: to_ami::Settings {
                dial_context: text::Context::new("from-internal").expect("a context"),
                music: text::MusicClass::new("default").expect("a class"),
                queue_music: BTreeMap::new(),
                sounds: to_ami::Sounds::default(),
                queue_sounds: BTreeMap::new(),
            },
            journal: Vec::new(),
        }
    }

    /// Takes what the PBX sent, and what became due; sends what is asked.
    fn work(&mut self, pbx: &mut Pbx) {
        let now = Timestamp::from_micros(pbx.now());
        while let Some(output) = pbx.poll_output() {
            if let World::Send(_, bytes) = output {
                self.buffer.extend_from_slice(&bytes);
            }
        }
        let mut facts = Vec::new();
        while let Some(decoded) = self.codec.decode(&mut self.buffer).expect("a decoder has no errors") {
            if let Decoded::Frame(frame) = decoded {
                self.normalizer.frame(now, &frame, &mut facts);
            }
        }
        self.normalizer.tick(now, &mut facts);
        for request in self.normalizer.take_requests() {
            act(pbx, &request);
        }
        for fact in facts {
            self.engine.handle(now, Input::Pbx(Box::new(fact)));
            self.drain(pbx);
        }
        if self.engine.next_deadline().is_some_and(|due| due <= now) {
            self.engine.handle(now, Input::Tick);
            self.drain(pbx);
        }
    }

    fn drain(&mut self, pbx: &mut Pbx) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Event(event) => self.journal.push(event),
                Output::Action(action) => self.carry_out(pbx, &action),
                Output::Answer(_) | Output::LookUp(_) => {}
            }
        }
    }

    fn carry_out(&mut self, pbx: &mut Pbx, action: &PbxAction) {
        let requests = to_ami::translate(action, &self.actions).expect("every action can be asked");
        self.normalizer.sent(Timestamp::from_micros(pbx.now()), action);
        for request in requests {
            act(pbx, &request);
        }
    }

    fn next_deadline(&self) -> Option<Micros> {
        let deadlines = [self.normalizer.next_deadline(), self.engine.next_deadline()];
        deadlines.into_iter().flatten().min().map(Timestamp::as_micros)
    }
}

fn act(pbx: &mut Pbx, action: &Action) {
    let mut bytes = BytesMut::new();
    action.encode(&mut bytes).expect("a lawful action");
    pbx.action(pbx.now(), SESSION, &Frame::new(bytes.freeze()));
}

fn heartbeat(pbx: &mut Pbx) {
    let epoch = (pbx.now() / SECOND).to_string();
    act(pbx, &Action::new("Setvar").header("Variable", "HS_HEARTBEAT").header("Value", epoch));
}

fn setup(pbx: &PbxId) -> Setup {
    let team = TeamId::new("all").expect("a name");
    let agent = |number: u32| AgentSetup {
        id: AgentId::new(&format!("a{number}")).expect("a name"),
        name: format!("Agent {number}"),
        pbx: pbx.clone(),
        extension: Some(number.to_string()),
        devices: vec![Address::new(&format!("PJSIP/{number}"))],
        skills: BTreeMap::new(),
        teams: vec![team.clone()],
        start: AgentState::Ready,
        caller_id: None,
        remote_answer: false,
    };
    let queue = QueueId::new("support").expect("a name");
    Setup {
        version: 1,
        pbxs: vec![PbxSetup { name: pbx.clone(), mode: Mode::Route, records: true }],
        agents: (FIRST_AGENT..FIRST_AGENT + AGENTS).map(agent).collect(),
        queues: vec![QueueSetup {
            id: queue.clone(),
            strategy: Strategy::LongestIdle,
            members: Members { teams: vec![team], agents: Vec::new() },
            requires: Vec::new(),
            offer_timeout: Millis::from_secs(5),
            wrap_up: Millis(0),
            service_level: ServiceLevel { target: 0.8, within: Millis::from_secs(20) },
            max_wait: None,
            sticky: None,
            sticky_wait: Millis(0),
            ageing: None,
            transfer_keeps_place: false,
            announce: None,
            callback: None,
        }],
        routes: vec![RouteSetup {
            name: "everybody".to_owned(),
            when: None,
            target: RouteTarget::Queue(queue),
            priority: 0,
            requires: BTreeMap::new(),
            set: BTreeMap::new(),
            prefer: None,
        }],
        ..Setup::default()
    }
}

fn contexts() -> String {
    dialplan::print(&dialplan::DialplanSettings {
        username: text::UserName::new("hookswitch").expect("a name"),
        dial_context: text::Context::new("from-internal").expect("a context"),
        fallback: dialplan::Fallback::dial("PJSIP/1008").expect("a device"),
        queue_fallbacks: BTreeMap::new(),
        music: text::MusicClass::new("default").expect("a class"),
        menus: Vec::new(),
        features: dialplan::FeatureCodes::default(),
    })
}

/// 200 calls a second through 200 agents, until the last caller has gone.
fn busy_day(calls: u64) -> (Pbx, Daemon) {
    let name = PbxId::new("sim").expect("a name");
    let config = PbxConfig::lab_with_generated(7, &contexts()).expect("the generated dialplan reads");
    let mut pbx = Pbx::new(config.with_phones(FIRST_AGENT, AGENTS), START);
    for number in FIRST_AGENT..FIRST_AGENT + AGENTS {
        let mood =
            Mood::Human { after: 50 * MILLISECOND, at_most: 250 * MILLISECOND, declines: 20, ignores: 0 };
        pbx.set_mood(&number.to_string(), mood);
    }
    let mut daemon = Daemon::new(setup(&name), name);
    pbx.connect(START, SESSION);
    let login = Action::new("Login").header("Username", "hookswitch").header("Secret", "hookswitch");
    act(&mut pbx, &login.header("Events", "system,call,agent,user"));
    heartbeat(&mut pbx);
    daemon.normalizer.connected(Timestamp::from_micros(START), "11.0.0");
    daemon.work(&mut pbx);
    pbx.start_crowd(
        START,
        Crowd {
            every: 5 * MILLISECOND,
            numbers: vec!["5003".to_owned()],
            patience: (2 * SECOND, 20 * SECOND),
            talk: (200 * MILLISECOND, 1_000 * MILLISECOND),
            total: Some(calls),
            ..Crowd::default()
        },
    );
    let mut beat = START;
    while let Some(due) = pbx.next_deadline().into_iter().chain(daemon.next_deadline()).min() {
        pbx.advance(due.max(pbx.now()));
        daemon.work(&mut pbx);
        if pbx.now() > beat + 3 * SECOND {
            beat = pbx.now();
            heartbeat(&mut pbx);
        }
        if pbx.crowd_report().placed == calls
            && pbx.channel_count() == 0
            && daemon.engine.calls().next().is_none()
        {
            break;
        }
        assert!(pbx.now() < START + 900 * SECOND, "{} channels do not end", pbx.channel_count());
    }
    (pbx, daemon)
}

#[test]
fn twenty_thousand_callers_are_each_booked_once_as_they_lived_it() {
    const CALLS: u64 = 20_000;
    let (pbx, daemon) = busy_day(CALLS);
    let mut started: BTreeMap<CallId, u32> = BTreeMap::new();
    let mut ended: BTreeMap<CallId, Disposition> = BTreeMap::new();
    let mut offers: BTreeMap<_, u32> = BTreeMap::new();
    for event in &daemon.journal {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is not counted here")]
        match &event.kind {
            EventKind::CallStarted { call } => *started.entry(call.id).or_default() += 1,
            EventKind::CallOffered { offer, .. } => *offers.entry(offer.id).or_default() += 1,
            EventKind::CallOfferEnded { offer, .. } => {
                assert_eq!(
                    offers.remove(&offer.id),
                    Some(1),
                    "an offer ends once, after it began: {offer:?}"
                );
            }
            EventKind::CallEnded { call, ledger } => {
                assert!(ended.insert(call.id, ledger.disposition).is_none(), "{} ended twice", call.id);
                let mut at = call.started_at;
                for segment in &ledger.segments {
                    assert_eq!(segment.from, at, "no hole and no overlap in {ledger:?}");
                    at = segment.to;
                }
                assert_eq!(Some(at), call.ended_at, "the segments are the call");
            }
            EventKind::InvariantViolated { rule, evidence, .. } => panic!("{rule}: {evidence}"),
            _ => {}
        }
    }
    assert_eq!(started.len() as u64, CALLS, "every caller was seen");
    assert!(started.values().all(|times| *times == 1), "and once");
    assert_eq!(ended.len() as u64, CALLS, "every call ended");
    assert!(offers.is_empty(), "every offer ended");
    let report = pbx.crowd_report();
    let of =
        |wanted: Disposition| ended.values().filter(|disposition| **disposition == wanted).count() as u64;
    assert_eq!(of(Disposition::Answered), report.talked, "{report:?}");
    assert_eq!(of(Disposition::Abandoned), report.gave_up, "{report:?}");
    assert_eq!(report.turned_away, 0, "nobody was lost to the fallback");
    assert!(report.talked > CALLS * 3 / 4, "{report:?}");
    for agent in daemon.engine.agents() {
        assert!(agent.calls.is_empty() && agent.evidence.is_none(), "{} is free again: {agent:?}", agent.id);
    }
    assert!(pbx.warnings().is_empty(), "{:?}", pbx.warnings());
}

#[test]
fn the_same_day_again_gives_the_same_events() {
    let day = || busy_day(300).1.journal;
    assert_eq!(day(), day());
}
