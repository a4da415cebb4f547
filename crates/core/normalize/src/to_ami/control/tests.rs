use std::collections::BTreeMap;

use hookswitch_model::{PbxId, Timestamp};

use super::*;
use crate::dialplan::text::{Context, MusicClass};

const ID: ActionId = ActionId::from_bits(7);

/// What somebody may try to bring in where a number, a device or a reference belongs.
const EVIL: [&str; 14] = [
    "",
    "1001\r\nAction: Command",
    "1001\nApplication: System",
    "1001,30,G(evil^s^1)",
    "1001&PJSIP/9999",
    "${SHELL(reboot)}",
    "$[1+1]",
    "1001)",
    "\"1001\"",
    "1001|x",
    "_X.",
    "1001 1002",
    "1001;x",
    "1001\0",
];

fn translated(action: Action) -> Result<Vec<Ami>, Untranslatable> {
    let settings = Settings {
        dial_context: Context::new("from-internal").unwrap(),
        music: MusicClass::new("default").unwrap(),
        queue_music: BTreeMap::new(),
        sounds: super::super::Sounds::default(),
        queue_sounds: BTreeMap::new(),
    };
    let pbx = PbxId::new("hq").unwrap();
    super::super::translate(
        &PbxAction { id: ID, pbx, expires_at: Timestamp::from_millis(1), action },
        &settings,
    )
}

fn leg(text: &str) -> LegRef {
    LegRef::new(text)
}

fn dial(to: Target, caller_id: Option<&str>, data: &[(&str, &str)]) -> Action {
    Action::Dial {
        call: CallRef::new("hs-1"),
        devices: vec![Address::new("PJSIP/1001")],
        timeout: Millis::from_secs(20),
        to,
        caller_id: caller_id.map(str::to_owned),
        data: data.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
    }
}

fn consult(to: Target, consult: &str, caller_id: Option<&str>) -> Action {
    Action::Consult {
        call: CallRef::new("9.1"),
        leg: leg("9.2"),
        other: leg("9.1"),
        consult: CallRef::new(consult),
        to,
        timeout: Millis::from_secs(20),
        caller_id: caller_id.map(str::to_owned),
    }
}

fn transfer(from: &str, other: &str, to: Target) -> Action {
    Action::Transfer { call: CallRef::new("9.1"), leg: leg(from), other: leg(other), to }
}

#[test]
fn nothing_that_a_dialplan_would_read_comes_through_anywhere() {
    for evil in EVIL {
        let (number, device) = (
            || Target::Number(evil.to_owned()),
            || Target::Devices(vec![Address::new(&format!("PJSIP/{evil}"))]),
        );
        let mut tried = vec![
            dial(number(), None, &[]),
            consult(number(), "hs-1", None),
            transfer("9.2", "9.1", number()),
            Action::CheckNumber { number: evil.to_owned() },
            Action::Dtmf { leg: leg("9.2"), digits: evil.to_owned() },
        ];
        // These are texts that a number may not have, but the name of a channel or a device may.
        if !evil.contains(['_', ';']) {
            tried.extend([
                dial(device(), None, &[]),
                consult(device(), "hs-1", None),
                transfer("9.2", "9.1", device()),
                dial(Target::Number("1002".into()), Some(evil), &[]),
                consult(Target::Number("1002".into()), evil, None),
                transfer(evil, "9.1", Target::WaitingRoom),
                transfer("9.2", evil, Target::WaitingRoom),
                Action::Hold { call: CallRef::new("9.1"), leg: leg(evil), others: vec![leg("9.1")] },
                Action::Answer { leg: leg(evil), device: Address::new("PJSIP/1001") },
                Action::Record { call: CallRef::new(evil), leg: leg("9.2"), on: true },
            ]);
        }
        for action in tried {
            assert!(translated(action.clone()).is_err(), "{evil:?} came through in {action:?}");
        }
    }
}

#[test]
fn attached_data_is_a_value_and_never_another_variable() {
    let data = [
        ("note", "a,b \"c\" (d) \\ ${EPOCH}"),
        ("two words", "x"),
        ("lines", "one\r\nApplication: System"),
        ("HS_RING", "1"),
    ];
    let wire = translated(dial(Target::Number("1002".into()), None, &data)).unwrap().remove(0);
    let variables: Vec<&str> = wire.headers().filter(|(key, _)| *key == "Variable").map(|(_, v)| v).collect();
    // As Asterisk 16 and 22 take it apart, tried on both.
    assert!(variables.contains(&r#"__HS_DATA_NOTE=a\,b \"c\" \(d\) \\ $\{EPOCH\}"#), "{variables:?}");
    assert!(variables.contains(&"__HS_DATA_HS_RING=1"), "{variables:?}");
    assert!(!variables.iter().any(|v| v.contains("WORDS") || v.contains("LINES")), "{variables:?}");
    assert!(!wire.headers().any(|(key, _)| key == "Application"));
}

#[test]
fn both_legs_are_sent_away_by_one_redirect_after_each_knows_the_other() {
    let hold = Action::Hold { call: CallRef::new("9.1"), leg: leg("9.2"), others: vec![leg("9.1")] };
    let steps = translated(hold).unwrap();
    let set = |variable: &str| {
        let step = steps.iter().position(|step| step.get("Variable") == Some(variable)).unwrap();
        (step, steps[step].get("Channel").unwrap(), steps[step].get("Value").unwrap())
    };
    let redirect = steps.len() - 1;
    assert_eq!(steps[redirect].name(), "Redirect");
    assert_eq!(steps[redirect].get("ActionID"), Some(ID.to_string().as_str()));
    assert_eq!(
        (steps[redirect].get("Channel"), steps[redirect].get("ExtraChannel")),
        (Some("9.1"), Some("9.2"))
    );
    let (holder, other) = (set("HS_HOLDER"), set("HS_OTHER"));
    assert_eq!((holder.1, holder.2, other.1, other.2), ("9.1", "9.2", "9.2", "9.1"));
    assert!(holder.0 < redirect && other.0 < redirect);
    assert_eq!(steps.iter().filter(|step| step.name() == "Redirect").count(), 1);
}

#[test]
fn conferences_and_consultations_are_not_held() {
    for (of, others) in [("9.2", vec!["9.1", "9.3"]), ("9.2", vec![]), ("PJSIP/1001-0000001", vec!["9.1"])] {
        let others = others.into_iter().map(leg).collect();
        let hold = Action::Hold { call: CallRef::new("9.1"), leg: leg(of), others };
        assert!(matches!(translated(hold), Err(Untranslatable::Unsupported(_))));
    }
}

#[test]
fn every_tone_is_an_action_of_its_own() {
    let tones = translated(Action::Dtmf { leg: leg("9.1"), digits: "1*#A".into() }).unwrap();
    let digits: Vec<&str> = tones.iter().filter_map(|tone| tone.get("Digit")).collect();
    assert_eq!(digits, ["1", "*", "#", "A"]);
    let many = "1".repeat(hookswitch_model::command::MAX_TONES + 1);
    assert!(translated(Action::Dtmf { leg: leg("9.1"), digits: many }).is_err());
}
