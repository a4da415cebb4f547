use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{
    text::{DataKey, MenuName, Prompt, Value},
    *,
};

fn settings() -> DialplanSettings {
    let code = |code: &str| Some(Exten::new(code).unwrap());
    DialplanSettings {
        username: UserName::new("hookswitch").unwrap(),
        dial_context: Context::new("from-internal").unwrap(),
        fallback: Fallback::goto("from-internal,600,1").unwrap(),
        queue_fallbacks: BTreeMap::from([
            (QueueId::new("gold").unwrap(), Fallback::dial("PJSIP/1008&PJSIP/1009").unwrap()),
            (QueueId::new("night").unwrap(), Fallback::HangUp),
        ]),
        music: MusicClass::new("default").unwrap(),
        menus: vec![
            Menu {
                name: MenuName::new("main").unwrap(),
                prompt: Prompt::new("welcome&sales-or-support").unwrap(),
                timeout_s: 5,
                attempts: 3,
                invalid: Some(Prompt::new("option-is-invalid").unwrap()),
                takes: Takes::Choices(BTreeMap::from([
                    (Key::new("1").unwrap(), Value::new("sales").unwrap()),
                    (Key::new("#").unwrap(), Value::new("support").unwrap()),
                ])),
                otherwise: Some(Value::new("operator").unwrap()),
                data: DataKey::new("ivr.main").unwrap(),
            },
            Menu {
                name: MenuName::new("number").unwrap(),
                prompt: Prompt::new("custom/your-number").unwrap(),
                timeout_s: 8,
                attempts: 1,
                invalid: None,
                takes: Takes::Digits { digits: 8, early: false },
                otherwise: None,
                data: DataKey::new("customer_number").unwrap(),
            },
        ],
        features: FeatureCodes {
            login: code("*50"),
            logout: code("*51"),
            pause: code("*52"),
            ready: code("*53"),
        },
    }
}

/// The printed dialplan as Asterisk would take it in: context → extension → lines with their labels.
type Extensions = BTreeMap<String, Vec<(Option<String>, String)>>;

fn read(text: &str) -> BTreeMap<String, Extensions> {
    let mut contexts: BTreeMap<String, Extensions> = BTreeMap::new();
    let (mut context, mut exten) = (String::new(), String::new());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(';')) {
        if let Some(name) = line.strip_prefix('[') {
            context = name.strip_suffix(']').expect("a whole header").to_owned();
            contexts.entry(context.clone()).or_default();
        } else if let Some(rest) = line.strip_prefix("exten => ") {
            let mut parts = rest.splitn(3, ',');
            exten = parts.next().unwrap().to_owned();
            assert_eq!(parts.next(), Some("1"), "{line}");
            let lines = contexts.get_mut(&context).unwrap().entry(exten.clone()).or_default();
            lines.push((None, parts.next().expect("an application").to_owned()));
        } else if let Some(rest) = line.strip_prefix("same => n") {
            let (label, application) = match rest.strip_prefix('(') {
                Some(labelled) => {
                    let (label, rest) = labelled.split_once(')').unwrap();
                    (Some(label.to_owned()), rest)
                }
                None => (None, rest),
            };
            let lines = contexts.get_mut(&context).unwrap().get_mut(&exten).unwrap();
            lines.push((label, application.strip_prefix(',').expect("a comma").to_owned()));
        } else {
            assert!(line.starts_with("include => "), "{line}");
        }
    }
    contexts
}

#[test]
fn every_jump_inside_our_contexts_has_a_landing() {
    let contexts = read(&print(&settings()));
    let mut jumps = 0;
    for (context, extensions) in &contexts {
        for lines in extensions.values() {
            for (_, application) in lines {
                let target = match application.strip_prefix("GotoIf(") {
                    Some(rest) => rest.rsplit_once('?').map(|(_, target)| target),
                    None => application.strip_prefix("Goto("),
                };
                let Some(target) = target.map(|t| t.trim_end_matches(')')) else { continue };
                jumps += 1;
                match target.split(',').collect::<Vec<_>>()[..] {
                    [label] => {
                        let labels = lines.iter().filter_map(|(label, _)| label.as_deref());
                        assert!(labels.into_iter().any(|one| one == label), "{context}: {application}");
                    }
                    // Outside our contexts: the administrator's, or a number that was checked.
                    ["from-internal", "600" | "${HS_TO}", "1"] => {}
                    [exten, label] if label != "1" => {
                        let mut labels = extensions[exten].iter().filter_map(|(label, _)| label.as_deref());
                        assert!(labels.any(|one| one == label), "{context}: {application}");
                    }
                    [exten, "1"] => assert!(extensions.contains_key(exten), "{context}: {application}"),
                    [to, exten, "1"] => assert!(contexts[to].contains_key(exten), "{context}: {application}"),
                    _ => panic!("{context}: {application}"),
                }
            }
        }
    }
    assert!(jumps >= 30, "{jumps}");
}

#[test]
fn every_line_closes_what_it_opens() {
    for (context, extensions) in read(&print(&settings())) {
        for (_, application) in extensions.into_values().flatten() {
            for (open, close) in [('(', ')'), ('{', '}'), ('[', ']')] {
                let count = |c| application.matches(c).count();
                assert_eq!(count(open), count(close), "{context}: {application}");
            }
            assert_eq!(application.matches('"').count() % 2, 0, "{context}: {application}");
        }
    }
}

#[test]
fn the_waiting_room_never_spins_and_ends_when_the_heartbeat_does() {
    let wait = &read(&print(&settings()))["hookswitch-wait"]["s"];
    let at = |what: &str| wait.iter().position(|(_, line)| line.starts_with(what)).expect(what);
    let loop_start = wait.iter().position(|(label, _)| label.as_deref() == Some("loop")).unwrap();
    // A slice is passed over for these two reasons only: what the loop begins with decides on both.
    assert_eq!(
        [&*wait[loop_start].1, &*wait[loop_start + 1].1],
        [
            "GotoIf($[${EPOCH} - 0${HS_HEARTBEAT} > 9]?hookswitch-fallback,s,1)",
            "GotoIf($[\"${HS_ANNOUNCE}\" != \"\"]?say)"
        ]
    );
    // WaitExten takes its time whatever the class of music has.
    let slice =
        "ExecIf($[${EPOCH} - 0${HS_HEARTBEAT} <= 9 & \"${HS_ANNOUNCE}\" = \"\"]?WaitExten(4,m(${HS_MUSIC})))";
    let slices = &wait[loop_start + 2..at("Goto(loop)")];
    assert!(slices.len() == SLICES && slices.iter().all(|(_, line)| line == slice), "{slices:?}");
}

/// Seconds that a line takes while nothing is to be decided.
fn seconds(line: &str) -> Option<u32> {
    let (_, wait) = line.split_once("WaitExten(").or_else(|| line.split_once("Wait("))?;
    wait.split([',', ')']).next()?.parse().ok()
}

#[test]
fn who_waits_takes_a_step_a_slice_and_a_jump_a_minute() {
    let contexts = read(&print(&settings()));
    for (context, exten, slice, least) in [
        ("hookswitch-wait", "first", 4, 60),
        ("hookswitch-wait", "again", 4, 60),
        ("hookswitch-wait", "rung", 4, 60),
        ("hookswitch-wait", "_[0-9A-D*#]", 4, 60),
        ("hookswitch-wait", "s", 4, 60),
        ("hookswitch-held", "s", 2, 30),
        ("hookswitch-desk", "s", 2, 30),
    ] {
        let lines = &contexts[context][exten];
        let begins = lines.iter().position(|(_, line)| seconds(line).is_some()).unwrap();
        let slices: Vec<u32> = lines[begins..].iter().map_while(|(_, line)| seconds(line)).collect();
        assert!(slices.iter().all(|one| *one == slice), "{context},{exten}: {slices:?}");
        assert!(slices.iter().sum::<u32>() >= least, "{context},{exten}: {slices:?}");
    }
}

/// Asterisk 16 may bring a redirected caller to any priority that the waiting room has.
#[test]
fn wherever_in_its_extension_a_redirect_lands_it_begins_at_the_beginning() {
    let contexts = read(&print(&settings()));
    let longest = contexts["hookswitch-wait"].values().map(Vec::len).max().unwrap();
    for context in ["hookswitch-ring", "hookswitch-farewell", "hookswitch-fallback"] {
        let lines = &contexts[context]["s"];
        let begin = lines.iter().position(|(label, _)| label.as_deref() == Some("begin")).unwrap();
        assert!(begin > longest, "{context}: {begin} priorities, {longest} in the waiting room");
        assert!(lines[..begin].iter().all(|(_, line)| line == "Goto(begin)"), "{context}");
    }
    // Nor does a jump there name a context or another extension than `s`, but on the way to the fallback.
    for (exten, lines) in &contexts["hookswitch-wait"] {
        for (_, line) in lines.iter().filter(|(_, line)| line.starts_with("Goto")) {
            let target = line.rsplit(['?', '(']).next().unwrap().trim_end_matches(')');
            let safe = !target.contains(',') || target == "s,loop" || target == "hookswitch-fallback,s,1";
            assert!(safe, "{exten}: {line}");
        }
    }
}

#[test]
fn between_what_the_daemon_answers_by_a_redirect_and_the_wait_for_it_there_is_no_step() {
    let mut asked = 0;
    for (context, extensions) in read(&print(&settings())) {
        for (exten, lines) in extensions {
            let lines: Vec<&str> = lines.iter().map(|(_, line)| line.as_str()).collect();
            let told = |line: &&str| {
                line.starts_with("UserEvent(HookswitchRoute")
                    || line.starts_with("UserEvent(HookswitchResult")
            };
            let Some(place) = lines.iter().position(told) else { continue };
            asked += 1;
            let next = lines[place + 1];
            // Without a heartbeat nobody answers.
            let waits = "ExecIf($[${EPOCH} - 0${HS_HEARTBEAT} <= 9]?WaitExten(4,";
            assert!(next.starts_with(waits) || next == "Hangup()", "{context},{exten}: {next}");
        }
    }
    assert_eq!(asked, 4, "first, again, rung, and answered");
}

#[test]
fn between_any_two_sounds_of_an_announcement_the_heartbeat_is_looked_at() {
    let say = &read(&print(&settings()))["hookswitch-wait"]["s"];
    let next = say.iter().position(|(label, _)| label.as_deref() == Some("next")).unwrap();
    assert!(say[next + 1].1.contains("HS_HEARTBEAT"), "{say:?}");
    for sound in ["BackGround(", "SayNumber("] {
        let at = say.iter().position(|(_, line)| line.starts_with(sound)).expect(sound);
        assert!(at > next && say[at + 1].1 == "Goto(next)", "{sound} is followed by {}", say[at + 1].1);
    }
}

#[test]
fn each_queue_may_have_a_fallback_of_its_own() {
    let lines: Vec<String> =
        read(&print(&settings()))["hookswitch-fallback"]["s"].iter().map(|(_, line)| line.clone()).collect();
    assert_eq!(
        lines[LANDING + 1..],
        [
            "Set(HS_STATE=fallback)",
            "UserEvent(HookswitchFallback)",
            "GotoIf($[\"${HS_QUEUE}\" = \"gold\"]?queue0)",
            "GotoIf($[\"${HS_QUEUE}\" = \"night\"]?queue1)",
            "Goto(from-internal,600,1)",
            "Hangup()",
            "Dial(PJSIP/1008&PJSIP/1009)",
            "Hangup()",
            "Hangup()",
        ]
    );
}

#[test]
fn a_menu_asks_for_a_key_and_comes_back_with_what_it_stands_for() {
    let lines: Vec<String> = read(&print(&settings()))["hookswitch-menu"]["menu-main"]
        .iter()
        .map(|(label, line)| label.as_deref().map_or(line.clone(), |label| format!("{label}: {line}")))
        .collect();
    assert_eq!(
        lines,
        [
            "Set(HS_STATE=menu)",
            "UserEvent(HookswitchMenu,Menu: main)",
            "Set(HS_LEFT=3)",
            "ask: GotoIf($[${EPOCH} - 0${HS_HEARTBEAT} > 9]?hookswitch-fallback,s,1)",
            "Read(HS_KEY,welcome&sales-or-support,1,,1,5)",
            "GotoIf($[\"${HS_KEY}\" = \"\" & \"${READSTATUS}\" = \"OK\"]?keyhash)",
            "GotoIf($[\"${HS_KEY}\" = \"1\"]?key1)",
            "Set(HS_LEFT=$[${HS_LEFT} - 1])",
            "GotoIf($[${HS_LEFT} < 1]?otherwise)",
            "ExecIf($[\"${HS_KEY}${READSTATUS}\" != \"TIMEOUT\"]?Playback(option-is-invalid))",
            "Goto(ask)",
            "otherwise: Set(HS_VALUE=operator)",
            "Goto(chosen)",
            "keyhash: Set(HS_VALUE=support)",
            "Goto(chosen)",
            "key1: Set(HS_VALUE=sales)",
            "Goto(chosen)",
            "chosen: Set(HS_DATA_ivr.main=${HS_VALUE})",
            "UserEvent(HookswitchData,ivr.main: ${HS_VALUE})",
            "Goto(hookswitch-return,s,1)",
        ]
    );
}

#[test]
fn a_menu_takes_a_number_and_leaves_no_data_where_none_was_given() {
    let lines: Vec<String> = read(&print(&settings()))["hookswitch-menu"]["menu-number"]
        .iter()
        .map(|(label, line)| label.as_deref().map_or(line.clone(), |label| format!("{label}: {line}")))
        .collect();
    assert_eq!(
        lines[4..],
        [
            "Read(HS_KEY,custom/your-number,8,,1,8)",
            "GotoIf($[${LEN(${HS_KEY})} = 8]?number)",
            "Set(HS_LEFT=$[${HS_LEFT} - 1])",
            "GotoIf($[${HS_LEFT} < 1]?otherwise)",
            "Goto(ask)",
            "otherwise: Goto(hookswitch-return,s,1)",
            "number: Set(HS_VALUE=${HS_KEY})",
            "chosen: Set(HS_DATA_customer_number=${HS_VALUE})",
            "UserEvent(HookswitchData,customer_number: ${HS_VALUE})",
            "Goto(hookswitch-return,s,1)",
        ]
    );
}

#[test]
fn a_menu_that_is_not_printed_leads_back_to_the_waiting_room() {
    let without = read(&print(&DialplanSettings { menus: Vec::new(), ..settings() }));
    assert_eq!(without["hookswitch-menu"]["i"], [(None, "Goto(hookswitch-return,s,1)".to_owned())]);
}

#[test]
fn phones_get_the_feature_codes_and_only_those_configured() {
    let contexts = read(&print(&settings()));
    let codes: BTreeSet<&str> = contexts["hookswitch-agents"].keys().map(String::as_str).collect();
    assert_eq!(codes, BTreeSet::from(["*50", "*51", "*52", "*53"]));
    assert!(print(&settings()).ends_with("[from-internal]\ninclude => hookswitch-agents\n"));
    let without = print(&DialplanSettings { features: FeatureCodes::default(), ..settings() });
    assert!(!without.contains("hookswitch-agents") && !without.contains("[from-internal]"), "{without}");
}

#[test]
fn what_manager_conf_needs_stands_in_comments() {
    let printed = print(&settings());
    for line in [format!(";   channelvars = {CHANNELVARS}"), format!(";   read = {AMI_CLASSES}")] {
        assert!(printed.lines().any(|one| one == line), "{line}");
    }
    assert!(printed.contains(";   [hookswitch]\n"));
    assert!(!printed.contains('@'), "a mark of the template is left: {printed}");
}

#[test]
fn a_value_that_would_be_dialplan_syntax_is_refused() {
    for bad in [
        "",
        "a,b",
        "a)b",
        "a(b",
        "a b",
        "a;b",
        "a\nb",
        "a\r\n[evil]",
        "${SHELL(id)}",
        "$[1+1]",
        "a\"b",
        "a|b",
        "a^b",
        "a\\b",
        "ä",
        &"a".repeat(257),
    ] {
        assert!(Context::new(bad).is_err(), "{bad:?}");
        assert!(Exten::new(bad).is_err(), "{bad:?}");
        assert!(MusicClass::new(bad).is_err(), "{bad:?}");
        assert!(UserName::new(bad).is_err(), "{bad:?}");
        assert!(Prompt::new(&format!("a&{bad}")).is_err() && Prompt::new(bad).is_err(), "{bad:?}");
        assert!(
            MenuName::new(bad).is_err() && Value::new(bad).is_err() && DataKey::new(bad).is_err(),
            "{bad:?}"
        );
        assert!(Key::new(bad).is_err(), "{bad:?}");
        assert!(Device::new(&format!("PJSIP/1{bad}")).is_err() || bad.is_empty(), "{bad:?}");
        assert!(Fallback::goto(&format!("from-internal,{bad},1")).is_err(), "{bad:?}");
    }
    for bad in ["from-internal", "from-internal,600", "from-internal,600,1,2", ",,", "from-internal,_X.,1"] {
        assert!(Fallback::goto(bad).is_err(), "{bad:?}");
    }
    for bad in ["5", "welcome&5", "&welcome", "welcome&"] {
        assert!(Prompt::new(bad).is_err(), "{bad:?}");
    }
    for bad in ["10", "A", "d", "+"] {
        assert!(Key::new(bad).is_err(), "{bad:?}");
    }
    assert!(DataKey::new("IVR").is_err());
    for bad in ["", "1008", "/1008", "PJSIP/", "PJSIP/1008&", "PJSIP/1008&1009", "PJ-SIP/1008"] {
        assert!(Fallback::dial(bad).is_err(), "{bad:?}");
    }
    assert!(
        Fallback::dial("PJSIP/1008&Local/600@from-internal/n&PJSIP/trunk/sip:+4930@127.0.0.2:5060").is_ok()
    );
}

proptest! {
    /// Whatever the configuration says, the dialplan has the same contexts, extensions and number of lines.
    #[test]
    fn no_value_adds_a_line(music in "\\PC{1,12}|[a-z@A-Z;,\n\\[\\]]{1,12}", place in "\\PC{1,30}|[a-zA-Z0-9,@*#+._-]{1,30}") {
        let with = |music: &str, place: &str| -> Option<DialplanSettings> {
            Some(DialplanSettings {
                music: MusicClass::new(music).ok()?,
                fallback: Fallback::goto(place).ok()?,
                ..settings()
            })
        };
        if let Some(settings) = with(&music, &place).or_else(|| with(&music, "a,b,1")) {
            let shape = |settings: &DialplanSettings| -> Vec<(String, String, usize)> {
                let contexts = read(&print(settings));
                contexts
                    .into_iter()
                    .flat_map(|(context, extensions)| {
                        extensions.into_iter().map(move |(exten, lines)| (context.clone(), exten, lines.len()))
                    })
                    .collect()
            };
            prop_assert_eq!(shape(&settings), shape(&super::tests::settings()));
        }
    }
}

#[test]
fn the_customer_of_a_conference_is_held_by_nobody_so_that_no_heir_takes_him_from_it() {
    let contexts = read(&print(&settings()));
    let entered: Vec<&str> =
        contexts["hookswitch-conference"]["customer"].iter().map(|(_, step)| step.as_str()).collect();
    assert!(entered.contains(&"Set(HS_HOLDER=)"), "{entered:?}");
}
