//! On answers recorded from Asterisk 22.10 and 16.28, and on what no Asterisk should say.

use std::collections::BTreeMap;

use hookswitch_ami::Frame;
use proptest::prelude::*;

use super::*;

const V22: &str = include_str!("recorded/asterisk22.ami");
const V16: &str = include_str!("recorded/asterisk16.ami");

/// What a PBX answered, by what it was asked: the action's headers without its ActionID.
struct Recorded<'r>(BTreeMap<String, Vec<&'r str>>);

impl<'r> Recorded<'r> {
    fn read(text: &'r str) -> Self {
        let mut answers: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        let mut asked = String::new();
        for message in text.split("\r\n\r\n").filter(|message| !message.trim().is_empty()) {
            if message.starts_with("Action: ") {
                asked = message.to_owned();
                answers.insert(asked.clone(), Vec::new());
            } else if let Some(answer) = answers.get_mut(&asked) {
                answer.push(message);
            }
        }
        Self(answers)
    }

    /// Plays the PBX. Questions nobody recorded are refused.
    fn survey(&self, scope: Scope) -> Findings {
        let mut survey = Survey::new(scope);
        while let Some(request) = survey.next_request() {
            let headers = request.headers().filter(|(key, _)| *key != "ActionID");
            let asked: Vec<String> = headers.map(|(key, value)| format!("{key}: {value}")).collect();
            let id = request.get("ActionID").unwrap_or_default();
            match self.0.get(&asked.join("\r\n")) {
                None => survey.frame(&Frame::new(format!(
                    "Response: Error\r\nActionID: {id}\r\nMessage: Permission denied\r\n\r\n"
                ))),
                Some(answer) => {
                    for message in answer {
                        let message = message.replace("ActionID: q", &format!("ActionID: {id}"));
                        survey.frame(&Frame::new(format!("{message}\r\n\r\n")));
                    }
                }
            }
        }
        assert!(survey.is_done(), "a question was not answered: {survey:?}");
        survey.findings()
    }
}

fn own() -> Scope {
    Scope { own_section: Some("hookswitch".to_owned()), modules: vec!["app_chanspy", "app_confbridge"] }
}

fn access() -> Access {
    Access {
        name: "hq".to_owned(),
        address: "127.0.0.1:5038".to_owned(),
        tls: None,
        username: "hookswitch".to_owned(),
        secret: "{ env = \"AMI\" }".to_owned(),
        routes: false,
    }
}

/// On both versions: the recorded PBXs have the same files.
fn on_both(claim: fn(&Findings)) {
    for text in [V22, V16] {
        claim(&Recorded::read(text).survey(own()));
    }
}

fn device<'d>(devices: &'d [Device], name: &str) -> &'d Device {
    devices.iter().find(|device| device.name == name).unwrap_or_else(|| panic!("no device {name}"))
}

#[test]
fn trunks_and_phones_are_told_apart() {
    on_both(|findings| {
        let devices = devices(findings);
        for (name, role, least) in [
            ("trunk", Role::Trunk, Confidence::Certain),
            ("carrier", Role::Trunk, Confidence::Certain),
            ("1001", Role::Phone, Confidence::Certain),
            ("alice", Role::Phone, Confidence::Likely),
            // An address that never changes does not make a phone a trunk.
            ("2001", Role::Phone, Confidence::Likely),
        ] {
            let device = device(&devices, name);
            assert_eq!(device.role, role, "{device:?}");
            assert!(device.confidence >= least, "{device:?}");
        }
    });
}

#[test]
fn people_and_extensions_are_found_by_hint_caller_id_and_dialplan() {
    on_both(|findings| {
        let devices = devices(findings);
        let alice = device(&devices, "alice");
        assert_eq!(alice.extension.as_deref(), Some("1010"));
        assert_eq!(alice.person.as_deref(), Some("Alice \"Ali\" Zhang"));
        let bob = device(&devices, "1002");
        assert_eq!((bob.extension.as_deref(), bob.person.as_deref()), (Some("1002"), Some("Agent 1002")));
        // 600 rings 1008 as well, but 1008 is what it is called.
        assert_eq!(device(&devices, "1008").extension.as_deref(), Some("1008"));
    });
}

#[test]
fn country_is_that_of_the_numbers_it_registers_and_takes_calls_for() {
    on_both(|findings| {
        let country = country(findings).unwrap();
        assert_eq!((country.code.as_str(), country.calling_code.as_str()), ("DE", "+49"));
        assert_eq!(country.confidence, Confidence::Certain);
        assert!(
            country.evidence.iter().any(|one| one == "registered as +4930555000"),
            "{:?}",
            country.evidence
        );
    });
    assert_eq!(country(&Findings::default()), None, "nothing speaks for any");
}

#[test]
fn a_configuration_is_proposed_with_reasons() {
    on_both(|findings| {
        let proposal = propose(findings, &access());
        let has = |line: &str| {
            assert!(proposal.toml.lines().any(|there| there == line), "{line}\n{}", proposal.toml)
        };
        has("country = \"DE\"");
        has("outbound_allow = [\"+49\"]");
        has("dial_context = \"from-internal\"");
        has("name = \"Alice \\\"Ali\\\" Zhang\"");
        has("devices = [\"PJSIP/alice\"]");
        has("extension = \"1010\"");
        has("id = \"sales\"");
        has("strategy = \"round-robin\"");
        has("members = { agents = [\"1003\", \"1010\"] }");
        has("offer_timeout = \"12s\"");
        has("wrap_up = \"20s\"");
        has("service_level = { within = \"30s\" }");
        has("music = \"vip\"");
        has("when = \"dnis == \\\"4930555001\\\"\"");
        // *51 is taken on this PBX.
        has("features = { login = \"*60\", logout = \"*61\", pause = \"*62\", ready = \"*63\" }");
        assert!(proposal.toml.contains("blindxfer ##, atxfer *2, pickup *8, parking default 701-720"));
        let unknown = proposal.unknown.join("\n");
        for said in ["queue night: nobody serves it now", "GotoIfTime", "skills of the agents"] {
            assert!(unknown.contains(said), "{said} not in {unknown}");
        }
        assert!(!proposal.toml.contains("outside, context"), "{}", proposal.toml);
    });
}

#[test]
fn no_secret_is_kept_or_proposed() {
    for text in [V22, V16] {
        assert!(
            text.contains("never-to-be-kept") && text.contains("secret=hookswitch-lab"),
            "the PBX told them"
        );
        let findings = Recorded::read(text).survey(own());
        let kept = format!("{findings:?}{}", propose(&findings, &access()).toml);
        assert!(!kept.contains("never-to-be-kept") && !kept.contains("hookswitch-lab"));
        assert_eq!(findings.user("hookswitch").map(|user| user.restricted), Some(true));
    }
}

#[test]
fn chan_sip_peers_are_devices_too() {
    let findings = Recorded::read(V16).survey(own());
    let devices = devices(&findings);
    assert_eq!(device(&devices, "7001").address, "SIP/7001");
    assert_eq!(device(&devices, "7001").person.as_deref(), Some("Old Phone"));
    assert_eq!(findings.endpoints["oldtrunk"].fixed_contact.as_deref(), Some("127.0.0.2"));
}

#[test]
fn classes_are_known_by_the_actions_that_are_listed() {
    on_both(|findings| {
        let rights = rights(findings, "hookswitch");
        assert_eq!(rights.missing_write, Some(Vec::new()));
        assert_eq!(rights.missing_read, Some(Vec::new()));
        let mut fewer = findings.clone();
        fewer.commands.remove("Originate");
        assert_eq!(super::rights(&fewer, "hookswitch").missing_write, Some(vec!["originate"]));
        assert_eq!(super::rights(findings, "somebody").missing_read, None, "that section was not read");
        assert_eq!(super::rights(&Findings::default(), "hookswitch").missing_write, None);
    });
}

#[test]
fn a_pbx_that_refuses_everything_gives_a_proposal_that_says_so() {
    let findings = Recorded(BTreeMap::new()).survey(own());
    let proposal = propose(&findings, &access());
    assert!(proposal.toml.contains("[[pbx]]") && !proposal.toml.contains("[[agent]]\n"));
    assert!(proposal.unknown.iter().any(|one| one == "QueueStatus: the PBX said \"Permission denied\""));
    assert!(matches!(findings.reply(&Question::Dialplan), Reply::Refused("Permission denied")));
}

#[test]
fn what_is_printed_is_what_asterisk_loads_and_a_change_is_located() {
    on_both(|findings| {
        let printed = Dialplan::printed(&print("from-internal,600,1"));
        assert_eq!(printed.differs(&findings.dialplan, 9), []);
        let other = Dialplan::printed(&print("from-internal,601,1"));
        let found = other.differs(&findings.dialplan, 9);
        let [Difference::Step { place, loaded, printed }] = found.as_slice() else { panic!("{found:?}") };
        assert!(place.starts_with("hookswitch-fallback,s,"), "{place}");
        assert_eq!(loaded.as_deref(), Some("Goto(from-internal,600,1)"));
        assert_eq!(printed.as_deref(), Some("Goto(from-internal,601,1)"));
        let nothing = Dialplan::printed(&print("from-internal,600,1")).differs(&Dialplan::default(), 1);
        assert!(matches!(&nothing[..], [Difference::Context(_)]), "{nothing:?}");
    });
}

fn print(fallback: &str) -> String {
    use crate::dialplan::{DialplanSettings, Fallback, FeatureCodes, print, text};
    let exten = |code: &str| Some(text::Exten::new(code).unwrap());
    print(&DialplanSettings {
        username: text::UserName::new("hookswitch").unwrap(),
        dial_context: text::Context::new("from-internal").unwrap(),
        fallback: Fallback::goto(fallback).unwrap(),
        queue_fallbacks: BTreeMap::new(),
        music: text::MusicClass::new("default").unwrap(),
        menus: Vec::new(),
        features: FeatureCodes {
            login: exten("*50"),
            logout: exten("*51"),
            pause: exten("*52"),
            ready: exten("*53"),
        },
    })
}

proptest! {
    #[test]
    fn no_answer_of_a_pbx_panics_or_leaves_the_form_of_a_line(
        values in proptest::collection::vec("[ -~\u{80}-\u{ff}]{0,30}", 9),
        event in "EndpointList|EndpointDetail|QueueParams|QueueMember|ListDialplan|PeerEntry|CoreShowChannel|X",
    ) {
        let mut survey = Survey::new(own());
        let mut ids = Vec::new();
        while let Some(request) = survey.next_request() {
            ids.push(request.get("ActionID").unwrap_or_default().to_owned());
            if ids.len() > 60 { break }
            let keys = ["ObjectName", "Queue", "Name", "Location", "Context", "Extension", "Callerid", "AppData", "Priority"];
            let headers: Vec<String> = keys.iter().zip(&values).map(|(key, value)| format!("{key}: {value}\r\n")).collect();
            for id in &ids {
                survey.frame(&Frame::new(format!("Event: {event}\r\nActionID: {id}\r\n{}\r\n", headers.concat())));
                survey.frame(&Frame::new(format!("Response: Success\r\nActionID: {id}\r\n{}\r\n", headers.concat())));
                survey.frame(&Frame::new(format!("Event: XComplete\r\nActionID: {id}\r\n\r\n")));
            }
        }
        let proposal = propose(&survey.findings(), &access());
        for line in proposal.toml.lines() {
            let formed = line.is_empty() || line.starts_with(['#', '[']) || line.contains(" = ");
            prop_assert!(formed && !line.chars().any(char::is_control), "{:?}", line);
        }
    }
}
