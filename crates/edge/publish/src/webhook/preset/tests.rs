//! The engine of presets, and what a file of one may not say.

use serde_json::json;

use super::*;
use hookswitch_wire::{model::CallId, template::PlainNumbers};

fn numbers() -> Arc<dyn Numbers> {
    Arc::new(PlainNumbers)
}

fn card(id: &str, extension: &str) -> AgentCard {
    AgentCard {
        id: id.to_owned(),
        name: id.to_uppercase(),
        extension: extension.to_owned(),
        device: format!("PJSIP/{extension}"),
        user: String::new(),
    }
}

/// A receiver that takes everything.
struct Receiver {
    dialect: Dialect,
    memory: Memory,
    seq: u64,
}

const CALL: CallId = CallId::from_bits(1);

impl Receiver {
    fn new(text: &str) -> Self {
        let preset =
            Preset::parse("test.toml", text, &numbers()).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let agents = vec![card("alice", "1001"), card("bob", "1002")];
        let dialect = Dialect::new(preset, agents, &BTreeMap::new(), Some("key")).unwrap();
        Self { dialect, memory: Memory::default(), seq: 0 }
    }

    /// The requests an event makes, each as its name and body.
    fn told(&mut self, type_name: &str, data: &Value) -> Vec<String> {
        self.seq += 1;
        self.told_at(self.seq, type_name, data, &[])
    }

    fn told_at(&mut self, seq: u64, type_name: &str, data: &Value, ahead: &[Value]) -> Vec<String> {
        let mut call = json!({"id": "C1", "direction": "inbound", "state": "connected", "legs": [],
            "ani": {"raw": "+49305550001", "e164": "+49305550001", "withheld": false}, "dnis": {"raw": "5003"}});
        let mut data = data.clone();
        for (key, value) in data["call"].as_object().cloned().unwrap_or_default() {
            call[key] = value;
        }
        data["call"] = call;
        let event = json!({"type": type_name, "id": "E", "data": data});
        let url: Url = "https://crm.example.com/hook".parse().unwrap();
        let mut told = Vec::new();
        loop {
            let state = self.memory.of(CALL);
            let occasion = Occasion { seq, event: &event, ahead, told: &state, url: &url };
            let Some(next) = self.dialect.next(occasion).unwrap() else { return told };
            let reply = Reply { text: r#"{"id":"crm-7"}"#.to_owned(), ..Reply::default() };
            self.memory.note(CALL, seq, &next.mark, next.judge.captured(&reply).unwrap());
            told.push(format!("{} {}", next.name, String::from_utf8_lossy(&next.body)));
            assert!(told.len() < 20, "it never ends: {told:?}");
        }
    }
}

fn offered(agent: &str) -> Value {
    json!({"offer": {"agent": agent}})
}

const COURSE: &str = r#"
title = "test"
call_id = "{{ call.id }}{% if part > 1 %}-{{ part }}{% endif %}"
[request]
body = "form"
fields = { id = "{{ call_id }}" }
[[message]]
name = "start"
phase = "start"
on = ["call.offered"]
[[message]]
name = "moved"
phase = "move"
on = ["call.transferred"]
[[message]]
name = "answer"
phase = "answer"
on = ["call.answered"]
[[message]]
name = "end"
phase = "end"
on = ["call.ended"]
"#;

#[test]
fn a_start_is_told_once_and_before_anything_else() {
    let mut receiver = Receiver::new(COURSE);
    assert_eq!(receiver.told("call.offered", &offered("alice")), ["start id=C1"]);
    assert_eq!(receiver.told("call.offered", &offered("bob")), [""; 0]);
    assert_eq!(receiver.told("call.answered", &json!({"agent": {"id": "bob"}})), ["answer id=C1"]);
    assert_eq!(receiver.told("call.ended", &json!({})), ["end id=C1"]);
    // What comes to light late begins late: in the middle of a call, or at its end.
    let mut receiver = Receiver::new(COURSE);
    assert_eq!(receiver.told("call.answered", &json!({})), ["start id=C1", "answer id=C1"]);
    let mut receiver = Receiver::new(COURSE);
    assert_eq!(receiver.told("call.ended", &json!({})), ["start id=C1", "end id=C1"]);
}

#[test]
fn nothing_is_told_after_the_end() {
    let mut receiver = Receiver::new(COURSE);
    receiver.told("call.ended", &json!({}));
    for late in ["call.answered", "call.transferred", "call.offered", "call.ended"] {
        assert_eq!(receiver.told(late, &offered("alice")), [""; 0], "{late}");
    }
}

#[test]
fn a_call_that_moves_begins_anew_under_another_id_and_ends_once() {
    let mut receiver = Receiver::new(COURSE);
    receiver.told("call.offered", &offered("alice"));
    receiver.told("call.answered", &json!({"agent": {"id": "alice"}}));
    assert_eq!(receiver.told("call.transferred", &json!({})), ["moved id=C1"]);
    assert_eq!(receiver.told("call.offered", &offered("bob")), ["start id=C1-2"]);
    assert_eq!(receiver.told("call.transferred", &json!({})), ["moved id=C1-2"]);
    // It went to somebody who is none of ours: that part is nobody's to end.
    assert_eq!(receiver.told("call.ended", &json!({})), [""; 0]);
}

#[test]
fn calls_that_are_not_meant_are_not_told() {
    let mut receiver = Receiver::new(COURSE);
    assert_eq!(receiver.told("call.offered", &json!({"call": {"direction": "internal"}})), [""; 0]);
    assert!(receiver.dialect.wants("call.offered") && !receiver.dialect.wants("call.held"));
}

#[test]
fn a_message_to_each_agent_is_told_once_to_each_and_one_of_each_event_with_each() {
    let source = |per: &str| {
        format!(
            "title = 't'\n[[message]]\nname = 'ring'\nper = '{per}'\non = ['call.offered']\nfields = {{ to = '{{{{ agent.extension }}}}' }}"
        )
    };
    let tell = |per: &str| {
        let mut receiver = Receiver::new(&source(per));
        ["alice", "bob", "alice"].map(|agent| receiver.told("call.offered", &offered(agent)).concat())
    };
    let (alice, bob) = (r#"ring {"to":"1001"}"#, r#"ring {"to":"1002"}"#);
    assert_eq!(tell("agent"), [alice, bob, ""]);
    assert_eq!(tell("event"), [alice, bob, alice]);
    assert_eq!(tell("call"), [alice, "", ""]);
}

#[test]
fn all_who_ring_together_stand_in_one_message() {
    let text = "title = 't'\ngather_ms = 150\n[[message]]\nname = 'new'\non = ['call.offered']\nbody = 'form'\n\
        fields = { 'user[]' = { list = 'ringing', item = '{{ item.user }}' } }";
    let mut receiver = Receiver::new(text);
    assert_eq!(receiver.dialect.gathers("call.offered"), Duration::from_millis(150));
    let ahead = [json!({"type": "call.offered", "data": offered("bob")})];
    assert_eq!(
        receiver.told_at(1, "call.offered", &offered("alice"), &ahead),
        ["new user%5B%5D=ALICE&user%5B%5D=BOB"]
    );
}

#[test]
fn numbers_are_written_as_asked_and_what_is_withheld_is_not() {
    let text = "title = 't'\n[numbers]\nas = 'digits'\nwithheld = 'anonymous'\n[[message]]\nname = 'm'\nper = 'event'\n\
        on = ['call.started']\n[message.fields]\ndigits = { number = 'from' }\ne164 = { number = 'from', as = 'e164' }\n\
        dialled = { number = 'from', as = 'dialled' }\nlast = { number = 'from', last = 4 }\n\
        none = { number = 'call.via', withheld = '' }\nto = { number = 'to' }\n";
    let mut receiver = Receiver::new(text);
    let told = receiver
        .told("call.started", &json!({"call": {"ani": {"raw": "030 555-0001", "e164": "+49305550001"}}}));
    assert_eq!(
        told,
        [
            r#"m {"dialled":"030 555-0001","digits":"49305550001","e164":"+49305550001","last":"0001","to":"5003"}"#
        ]
    );
    let withheld =
        json!({"call": {"ani": {"raw": "+49305550001", "e164": "+49305550001", "withheld": true}}});
    let told = receiver.told("call.started", &withheld);
    assert!(told[0].contains(r#""digits":"anonymous""#) && !told[0].contains("0001"), "{told:?}");
}

#[test]
fn what_an_answer_held_is_there_for_later_messages_and_after_a_restart() {
    let text = "title = 't'\n[[message]]\nname = 'register'\nphase = 'start'\non = ['call.offered']\n\
        capture = { their_id = '/id' }\n[[message]]\nname = 'finish'\nphase = 'end'\non = ['call.ended']\n\
        fields = { id = '{{ vars.their_id }}' }";
    let mut receiver = Receiver::new(text);
    receiver.told("call.offered", &offered("alice"));
    let kept = serde_json::to_string(&receiver.memory).unwrap();
    receiver.memory = serde_json::from_str(&kept).unwrap();
    assert_eq!(receiver.told("call.ended", &json!({})), [r#"finish {"id":"crm-7"}"#]);
    let judge = Judge { capture: [("id".to_owned(), "/id".to_owned())].into(), ..Judge::default() };
    let empty = Reply { text: "{}".to_owned(), ..Reply::default() };
    assert_eq!(judge.captured(&empty).unwrap_err(), "the answer has no /id");
}

#[test]
fn a_replay_tells_again_what_came_after_and_keeps_what_was_captured_before() {
    let mut receiver = Receiver::new(COURSE);
    receiver.told("call.offered", &offered("alice"));
    receiver.told("call.answered", &json!({}));
    receiver.memory.rewind(1);
    assert_eq!(receiver.told_at(2, "call.answered", &json!({}), &[]), ["answer id=C1"]);
    receiver.memory.rewind(0);
    assert_eq!(receiver.told_at(1, "call.offered", &offered("alice"), &[]), ["start id=C1"]);
}

#[test]
fn an_event_cannot_lead_a_request_to_another_host() {
    let text = "title = 't'\n[[message]]\nname = 'm'\non = ['call.started']\nurl = '{{ data.to }}'";
    let receiver = Receiver::new(text);
    let event = json!({"type": "call.started", "data": {"call": {"id": "C1", "direction": "inbound"}, "to": "https://evil.example/"}});
    let url: Url = "https://crm.example.com/hook".parse().unwrap();
    let occasion = Occasion { seq: 1, event: &event, ahead: &[], told: &Told::default(), url: &url };
    assert!(receiver.dialect.next(occasion).unwrap_err().contains("another host"));
}

#[test]
fn a_signature_is_that_of_the_receivers_own_making() {
    // What Django-CRM computes: base64 of the hex digest of HMAC-SHA1, here of "key" over the example of RFC 2104's
    // readers, "The quick brown fox jumps over the lazy dog".
    let text = "title = 't'\n[sign]\nhmac = 'sha1'\nencoding = 'base64-of-hex'\nheader = 'Signature'\n\
        over = '{{ fields.text }}'\n[[message]]\nname = 'm'\non = ['call.started']\n\
        fields = { text = 'The quick brown fox jumps over the lazy dog' }";
    let receiver = Receiver::new(text);
    let event = json!({"type": "call.started", "data": {"call": {"id": "C1", "direction": "inbound"}}});
    let url: Url = "https://crm.example.com/hook".parse().unwrap();
    let occasion = Occasion { seq: 1, event: &event, ahead: &[], told: &Told::default(), url: &url };
    let request = receiver.dialect.next(occasion).unwrap().unwrap();
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let hex = STANDARD.decode(request.headers["signature"].as_bytes()).unwrap();
    assert_eq!(String::from_utf8(hex).unwrap(), "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9");
}

#[test]
fn every_preset_that_ships_compiles() {
    for name in Preset::names() {
        let preset = Preset::built_in(name, &numbers()).unwrap();
        let preset = preset.unwrap_or_else(|errors| panic!("{name}: {errors:#?}"));
        assert!(!preset.title().is_empty());
    }
    assert!(Preset::built_in("cloudevents", &numbers()).is_none());
}

#[test]
fn what_is_wrong_is_told_all_at_once_and_where() {
    let text = "title = 't'\n\n[[message]]\nname = 'm'\non = ['agent.state']\nwhen = \"cal.direction == 'in'\"\n\
        [message.fields]\na = '{{ call.id | nosuch }}'\nb = { number = 'from', item = 'x' }\nc = { word = 'cause' }\n";
    let errors = Preset::parse("my.toml", text, &numbers()).unwrap_err();
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    for (place, what) in [
        ("my.toml:4:8", "agent.state"),
        ("my.toml:6:9", "\"cal\""),
        ("my.toml:8:", "nosuch"),
        ("my.toml:9:5", "none of the forms"),
        ("my.toml:10:5", "cause"),
    ] {
        assert!(
            told.iter().any(|told| told.starts_with(place) && told.contains(what)),
            "{place} {what}: {told:#?}"
        );
    }
    assert!(errors.iter().all(|error| !error.hint.is_empty()));
    let errors = Preset::parse("my.toml", "title = 't'\nmesage = []\n", &numbers()).unwrap_err();
    assert_eq!((errors[0].line, errors[0].column), (2, 1));
}
