//! Files, includes, and how problems are shown.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use hookswitch_config::{
    Checks, Finding, PbxKind, Problem, RuleFinding, Severity, load, load_str, load_str_with, load_with,
    render,
};
use hookswitch_model::setup::Setup;
use tempfile::TempDir;

const PBX: &str = "[[pbx]]\nname = \"hq\"\naddress = \"127.0.0.1:5038\"\nusername = \"hookswitch\"\n\
                   secret = { env = \"PATH\" }\nfallback = { dial = \"PJSIP/1008\" }\n";
const AGENT: &str = "[[agent]]\nid = \"alice\"\ndevices = [\"PJSIP/1001\"]\nteams = [\"tier1\"]\n";
const QUEUE: &str = "[[queue]]\nid = \"support\"\nmembers = { teams = [\"tier1\"] }\n";
const ROUTE: &str = "[[route]]\nname = \"all\"\nqueue = \"support\"\n";

fn files(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// File (without its folder), line, key.
fn places(problems: &[Problem]) -> Vec<(String, usize, &str)> {
    let name =
        |problem: &Problem| Path::new(&problem.file).file_name().unwrap().to_string_lossy().into_owned();
    problems.iter().map(|problem| (name(problem), problem.line, problem.key.as_str())).collect()
}

#[test]
fn included_files_are_read_first_and_in_order() {
    let folder = files(&[
        ("main.toml", &format!("include = [\"routes/*.toml\", \"people.toml\"]\n{PBX}{ROUTE}")),
        ("routes/20-gold.toml", "[[route]]\nname = \"gold\"\nwhen = 'true'\nqueue = \"support\"\n"),
        ("routes/10-vip.toml", "[[route]]\nname = \"vip\"\nwhen = 'true'\nqueue = \"support\"\n"),
        ("people.toml", &format!("{AGENT}{QUEUE}")),
    ]);
    let config =
        load(&folder.path().join("main.toml")).unwrap_or_else(|problems| panic!("{}", render(&problems)));
    let routes: Vec<&str> = config.routes.iter().map(|route| route.setup.name.as_str()).collect();
    assert_eq!(routes, ["vip", "gold", "all"]);
    assert_eq!(config.files().count(), 4);
}

#[test]
fn a_problem_in_an_included_file_is_told_there() {
    let folder = files(&[
        (
            "main.toml",
            &format!("include = [\"a/queue.toml\", \"a/b/agent.toml\"]\n\n{PBX}{ROUTE}offer = 1\n"),
        ),
        (
            "a/queue.toml",
            "include = [\"b/other.toml\"]\n[[queue]]\nid = \"support\"\nmembers = { teams = [\"tire1\"] }\n",
        ),
        ("a/b/agent.toml", AGENT),
        (
            "a/b/other.toml",
            "[[queue]]\nid = \"support\"\nmembers = { teams = [\"tier1\"] }\nwrapup = \"1s\"\n",
        ),
    ]);
    let problems = load(&folder.path().join("main.toml")).unwrap_err();
    assert_eq!(
        places(&problems),
        [
            ("main.toml".to_owned(), 12, "route[0].offer"),
            ("queue.toml".to_owned(), 3, "queue[1].id"),
            ("queue.toml".to_owned(), 4, "queue[1].members.teams[0]"),
            ("other.toml".to_owned(), 4, "queue[0].wrapup"),
        ],
        "{}",
        render(&problems)
    );
    assert!(problems[1].hint.contains("other.toml:2"), "{}", problems[1].hint);
}

/// The file is for everybody to read, but there is no secret in it.
#[test]
fn a_secret_that_is_missing_is_told_as_that_alone() {
    let pbx = "[[pbx]]\nname = \"hq\"\naddress = \"127.0.0.1:5038\"\nusername = \"hookswitch\"\n\
               fallback = { dial = \"PJSIP/1008\" }\n";
    let folder = files(&[("h.toml", &[pbx, AGENT, QUEUE, ROUTE].concat())]);
    let problems = load(&folder.path().join("h.toml")).unwrap_err();
    assert_eq!(places(&problems), [("h.toml".to_owned(), 1, "pbx[0].secret")], "{problems:?}");
}

#[test]
fn files_that_are_not_there_are_told_and_circles_end() {
    let folder = files(&[
        (
            "main.toml",
            &format!("include = [\n  \"missing.toml\",\n  \"none/*.toml\",\n  \"circle.toml\",\n]\n{PBX}"),
        ),
        ("circle.toml", "include = [\"main.toml\"]\n"),
    ]);
    let problems = load(&folder.path().join("main.toml")).unwrap_err();
    assert_eq!(
        places(&problems),
        [
            ("main.toml".to_owned(), 2, "include"),
            ("main.toml".to_owned(), 3, "include"),
            ("circle.toml".to_owned(), 1, "include"),
        ],
        "{}",
        render(&problems)
    );
    assert_eq!(problems[1].severity, Severity::Warning);

    let missing = load(Path::new("/nowhere/hookswitch.toml")).unwrap_err();
    assert_eq!((missing.len(), missing[0].file.as_str()), (1, "/nowhere/hookswitch.toml"));
    assert!(missing[0].hint.contains("--config"), "{}", missing[0].hint);
}

#[test]
fn a_file_that_is_no_text_is_told_where_it_stops_being_one() {
    let folder = files(&[]);
    let path = folder.path().join("main.toml");
    fs::write(&path, b"[server]\nlisten = \"\xff\"\n").unwrap();
    let problems = load(&path).unwrap_err();
    assert_eq!((problems[0].line, problems[0].column), (2, 11), "{}", render(&problems));
}

#[test]
fn a_table_stands_in_one_file_only() {
    let folder = files(&[
        (
            "main.toml",
            &format!("include = [\"server.toml\"]\n[server]\n[calendar.x]\n{PBX}{AGENT}{QUEUE}{ROUTE}"),
        ),
        ("server.toml", "[server]\n[calendar.x]\ntimezone = \"UTC\"\nopen = { mon-sun = \"00:00-24:00\" }\n"),
    ]);
    let problems = load(&folder.path().join("main.toml")).unwrap_err();
    assert_eq!(
        places(&problems),
        [("main.toml".to_owned(), 2, "server"), ("main.toml".to_owned(), 3, "calendar.x")]
    );
    assert!(problems[0].hint.contains("server.toml:1"), "{}", problems[0].hint);
}

#[test]
fn a_secret_is_found_beside_the_configuration_and_others_who_may_read_it_are_told_of() {
    let text = format!("{}{AGENT}{QUEUE}{ROUTE}", PBX.replace("env = \"PATH\"", "file = \"ami\""));
    let folder = files(&[("main.toml", &text), ("ami", "s3cret\n")]);
    let load = || load(&folder.path().join("main.toml")).unwrap();
    fs::set_permissions(folder.path().join("ami"), fs::Permissions::from_mode(0o640)).unwrap();
    let config = load();
    assert_eq!(config.warnings, []);
    let PbxKind::Asterisk(asterisk) = &config.pbxs[0].kind else { panic!("{config:?}") };
    assert_eq!(asterisk.secret.reveal().unwrap(), "s3cret");

    fs::set_permissions(folder.path().join("ami"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(places(&load().warnings), [("main.toml".to_owned(), 5, "pbx[0].secret")]);
    fs::remove_file(folder.path().join("ami")).unwrap();
    assert_eq!(places(&load().warnings), [("main.toml".to_owned(), 5, "pbx[0].secret")]);
}

#[test]
fn a_secret_in_a_header_is_looked_for_and_what_stands_there_in_the_open_is_told_of_where_it_is_one() {
    let webhook =
        "[[webhook]]\nname = \"w\"\nurl = \"https://w\"\nsecret = { env = \"PATH\" }\nheaders = HEADERS\n";
    let load = |headers: &str| {
        let text = format!("{PBX}{AGENT}{QUEUE}{ROUTE}{}", webhook.replace("HEADERS", headers));
        let folder = files(&[("main.toml", &text), ("key", "k3y\n")]);
        // What is told of while only the owner may read the files, and while everybody may.
        let keys = |mode: u32| {
            for name in ["main.toml", "key"] {
                fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
            }
            let config = hookswitch_config::load(&folder.path().join("main.toml")).unwrap();
            config.warnings.into_iter().map(|problem| problem.key).collect::<Vec<_>>()
        };
        (keys(0o600), keys(0o644))
    };
    let key = |name: &str| vec![format!("webhook[0].headers.{name}")];
    let none = Vec::new();
    assert_eq!(load("{ X-Key = { env = \"PATH\" } }"), (none.clone(), none.clone()));
    assert_eq!(load("{ X-Key = { env = \"HOOKSWITCH_NO_SUCH\" } }"), (key("X-Key"), key("X-Key")));
    assert_eq!(load("{ X-Key = { file = \"no-such\" } }"), (key("X-Key"), key("X-Key")));
    assert_eq!(load("{ X-Key = { file = \"key\" } }"), (none.clone(), key("X-Key")));
    assert_eq!(load("{ authorization = \"Bearer 1\" }"), (none.clone(), key("authorization")));
    assert_eq!(load("{ Accept = \"text/plain\" }"), (none.clone(), none), "no secret");
}

#[test]
fn a_secret_in_the_open_is_told_of_and_shown_nowhere() {
    let text = format!("{}{AGENT}{QUEUE}{ROUTE}", PBX.replace("{ env = \"PATH\" }", "\"hunter2\" # mine"));
    let folder = files(&[("main.toml", &text)]);
    let path = folder.path().join("main.toml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let config = load(&path).unwrap();
    assert_eq!(places(&config.warnings), [("main.toml".to_owned(), 5, "pbx[0].secret")]);
    assert!(!render(&config.warnings).contains("hunter2"), "{}", render(&config.warnings));
    assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(load(&path).unwrap().warnings, []);

    for wrong in ["\"hunter2", "[\"hunter2\"]", "{ text = \"hunter2\" }", "\"hunter2\" \"hunter2\""] {
        let text = PBX.replace("{ env = \"PATH\" }", wrong);
        let told = render(&load_str("main.toml", &text).unwrap_err());
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_problem_is_shown_with_its_line_and_a_caret() {
    let text = format!("{PBX}{AGENT}{QUEUE}\n[[route]]\nname = \"alle Kunden\"\nqueue\t= \"süport\"\n");
    let problems = load_str("hookswitch.toml", &text).unwrap_err();
    let expected = "\
error: no [[queue]] has the id \"süport\"
  --> hookswitch.toml:17:9 (route[0].queue)
   |
17 | queue\t= \"süport\"
   |      \t  ^^^^^^^^
   = hint: did you mean \"support\"?

1 error
";
    assert_eq!(render(&problems), expected);
    let json = serde_json::to_value(&problems).unwrap();
    assert_eq!(
        json,
        serde_json::json!([{
            "severity": "error", "file": "hookswitch.toml", "line": 17, "column": 9, "key": "route[0].queue",
            "message": "no [[queue]] has the id \"süport\"", "hint": "did you mean \"support\"?",
        }])
    );
    assert_eq!(render(&[]), "");
}

/// Knows that `dnis = 1` should be `dnis == 1`, and that a template closes what it opens.
struct Experts;

impl Checks for Experts {
    fn rules(&self, setup: &Setup) -> Vec<RuleFinding> {
        let wrong = |when: &str| when.find(" = ").map(|at| when[..at].chars().count() + 2);
        let found = |rule: &hookswitch_model::setup::RouteSetup| {
            let column = wrong(rule.when.as_deref()?)?;
            let finding =
                Finding { column: Some(column), message: "no condition".into(), hint: "write ==".into() };
            Some(RuleFinding { rule: rule.name.clone(), finding })
        };
        setup.routes.iter().filter_map(found).collect()
    }

    fn template(&self, text: &str) -> Result<(), Finding> {
        if text.matches("{{").count() == text.matches("}}").count() {
            return Ok(());
        }
        Err(Finding { column: None, message: "not closed".into(), hint: "write }}".into() })
    }

    fn header(&self, name: &str) -> Result<(), Finding> {
        let found = Finding { column: None, message: "the connection's".into(), hint: "leave it out".into() };
        if name == "Host" { Err(found) } else { Ok(()) }
    }

    fn expression(&self, text: &str) -> Result<(), Finding> {
        let found = Finding { column: Some(999), message: "no".into(), hint: "no".into() };
        if text.contains("status") { Ok(()) } else { Err(found) }
    }
}

#[test]
fn those_who_know_rules_and_templates_are_asked_also_when_other_things_are_wrong() {
    let text = format!(
        "[[route]]\nname = \"é\"\nwhen = 'é.x = 1'\nqueue = \"suport\"\n[crm]\npop = {{ one = \"https://crm/{{{{ id\" }}\n\
         [[webhook]]\nname = \"w\"\nurl = \"https://w\"\nsecret = \"s\"\nok_if = \"stat == 200\"\n\
         headers = {{ Accept = \"x\", Host = \"x\" }}\n{PBX}{AGENT}{QUEUE}"
    );
    let problems = load_str_with("main.toml", &text, &Experts).unwrap_err();
    let found: Vec<_> = problems.iter().map(|p| (p.line, p.column, p.key.as_str())).collect();
    assert_eq!(
        found,
        [
            (3, 13, "route[0].when"),
            (4, 9, "route[0].queue"),
            (6, 15, "crm.pop.one"),
            (11, 9, "webhook[0].ok_if"),
            (12, 34, "webhook[0].headers.Host"),
        ],
        "{}",
        render(&problems)
    );
}

#[test]
fn a_later_check_can_point_at_a_key_of_what_was_loaded() {
    let folder = files(&[("main.toml", &format!("{PBX}{AGENT}{QUEUE}{ROUTE}"))]);
    let config = load_with(&folder.path().join("main.toml"), &()).unwrap();
    let problem = config.problem(Severity::Warning, "pbx[0].address", "nobody answers", "is it running?");
    assert_eq!((problem.line, problem.column), (3, 11));
    assert!(render(&[problem]).contains("address = \"127.0.0.1:5038\""));
    let nowhere = config.problem(Severity::Warning, "agent[0].skills.x", "m", "h");
    assert_eq!(nowhere.line, 7, "the table around it");
}

#[test]
fn the_engine_gets_what_the_file_says() {
    let text = format!(
        "{PBX}{AGENT}skills = {{ billing = 8 }}\n{QUEUE}max_wait = {{ after = \"10m\", then = {{ callback = true }} }}\n{ROUTE}"
    );
    let setup = load_str("main.toml", &text).unwrap().setup(7);
    let json = serde_json::to_value(&setup).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "version": 7,
            "pbxs": [{"name": "hq", "mode": "route", "records": true}],
            "agents": [{"id": "alice", "name": "alice", "pbx": "hq", "extension": "1001", "devices": ["PJSIP/1001"],
                "skills": {"billing": 8}, "teams": ["tier1"], "start": "logged_out",
                "caller_id": null, "remote_answer": false}],
            "queues": [{"id": "support", "strategy": "longest-idle", "members": {"teams": ["tier1"], "agents": []},
                "requires": [{"after": 0, "skills": {}, "teams": null}], "offer_timeout": 15_000, "wrap_up": 0,
                "service_level": {"target": 0.8, "within": 20_000},
                "max_wait": {"after": 600_000, "then": "callback"}, "sticky": null, "sticky_wait": 0, "ageing": null,
                "announce": null, "transfer_keeps_place": false, "callback": null}],
            "routes": [{"name": "all", "when": null, "target": {"queue": "support"}, "priority": 0, "requires": {},
                "set": {}, "prefer": null}],
            "calendars": {},
            "outbound": {"allow": [], "extensions": ["x", "xx", "xxx", "xxxx", "xxxxx", "xxxxxx"], "per_agent_per_minute": null, "per_minute": null, "concurrent": null,
                "per_agent_per_day": null, "hours": null, "ring_timeouts": {"hq": 30_000}},
            "lookup": null,
            "pops": {"when": "ring", "queues": {}},
            "replaced": {},
            "menus": {}, "lists": {},
        })
    );
}

#[test]
fn routes_refuse_prefer_and_look_up_in_lists() {
    let text = format!(
        "{PBX}{AGENT}{QUEUE}replaces = [\"old\"]\npop = \"answer\"\n\
         [[route]]\nname = \"unwanted\"\nwhen = 'ani in list.blacklist'\nreject = \"spam\"\n\
         [[route]]\nname = \"own\"\nqueue = \"support\"\nprefer = \"customer.owner\"\n\
         [list.blacklist]\nnumbers = [\"+49 30 5550001\"]\nvalues = [\"anonymous\"]\n\
         [calendar.office]\ntimezone = \"UTC\"\nopen = {{ mon = \"08:00-18:00\" }}\nclosed = [2026-12-25, \"--01-01\"]\n\
         special = {{ \"--12-24\" = [\"10:00-12:00\", \"08:00-09:00\"], \"2026-12-31\" = [] }}\n\
         [crm]\npop = {{ when = \"ring\" }}\n"
    );
    let setup = load_str("main.toml", &text).unwrap().setup(1);
    let json = serde_json::to_value(&setup).unwrap();
    assert_eq!(json["routes"][0]["target"], serde_json::json!({"reject": "spam"}));
    assert_eq!(
        json["routes"][1]["prefer"],
        serde_json::json!({"agent": "customer.owner", "wait": 20_000, "team_wait": 20_000})
    );
    assert_eq!(json["lists"], serde_json::json!({"blacklist": ["+49 30 5550001", "anonymous"]}));
    assert_eq!(json["replaced"], serde_json::json!({"old": "support"}));
    assert_eq!(json["pops"], serde_json::json!({"when": "ring", "queues": {"support": "answer"}}));
    assert_eq!(json["calendars"]["office"]["closed"], serde_json::json!(["2026-12-25", "--01-01"]));
    assert_eq!(
        json["calendars"]["office"]["special"],
        serde_json::json!({"--12-24": [[480, 540], [600, 720]], "2026-12-31": []})
    );
}

#[test]
fn limits_of_figures_reach_the_engine_with_what_is_left_out() {
    let alerts = "alerts = { waiting = 10, service_level = 0.7, agents_ready = { raise = 1, clear = 2, after = \"1m\" }, \
                  longest_wait = { raise = \"2m\", clear = \"90500ms\", hold = \"0s\" } }\n";
    let config = load_str("main.toml", &format!("{PBX}{AGENT}{QUEUE}{alerts}{ROUTE}"));
    let setup = config.unwrap_or_else(|problems| panic!("{}", render(&problems))).setup(1);
    let limit = |figure: &str, raise: f64, clear: f64, after: u64, hold: u64| serde_json::json!({"figure": figure, "raise": raise, "clear": clear, "after": after, "hold": hold});
    assert_eq!(
        serde_json::to_value(setup.alerts).unwrap(),
        serde_json::json!({"support": [
            limit("waiting", 10.0, 10.0, 0, 30_000),
            limit("longest_wait", 120.0, 90.5, 0, 0),
            limit("service_level", 0.7, 0.7, 0, 30_000),
            limit("agents_ready", 1.0, 2.0, 60_000, 30_000),
        ]})
    );
}

#[test]
fn what_is_wrong_with_a_limit_is_told_where_it_stands() {
    for (alerts, key, message) in [
        ("{ wating = 3 }", "queue[0].alerts.wating", "unknown key `wating`"),
        ("{ waiting = 0 }", "queue[0].alerts.waiting", "0 is out of range"),
        ("{ longest_wait = 60 }", "queue[0].alerts.longest_wait", "expected a duration"),
        ("{ service_level = 80 }", "queue[0].alerts.service_level", "outside 0 to 1"),
        ("{ waiting = { clear = 3 } }", "queue[0].alerts.waiting.raise", "`raise` is missing"),
        (
            "{ waiting = { raise = 3, clear = 4 } }",
            "queue[0].alerts.waiting.clear",
            "`clear` is more than `raise`",
        ),
        (
            "{ agents_ready = { raise = 3, clear = 2 } }",
            "queue[0].alerts.agents_ready.clear",
            "`clear` is less than",
        ),
    ] {
        let problems =
            load_str("main.toml", &format!("{PBX}{AGENT}{QUEUE}alerts = {alerts}\n{ROUTE}")).unwrap_err();
        let told: Vec<_> = problems.iter().map(|problem| (&*problem.key, &*problem.message)).collect();
        assert!(told.iter().any(|(at, says)| *at == key && says.contains(message)), "{alerts}: {told:?}");
        assert_eq!(told.len(), 1, "{alerts}: {told:?}");
    }
}

const MENU: &str = "[menu.main]\nprompt = \"custom/welcome&sales-or-support\"\n\
                    choices = { \"1\" = \"sales\", \"#\" = \"support\" }\notherwise = \"operator\"\n";
const ASK: &str = "[[route]]\nname = \"ask\"\nwhen = 'dnis == \"5000\"'\nmenu = \"main\"\n";

#[test]
fn a_menu_and_what_callers_are_told_reach_the_engine() {
    let queue = QUEUE
        .replace("id =", "announce = { every = \"60s\", wait = false, sounds = { thanks = \"x&y\" } }\nid =");
    let text = format!(
        "{PBX}{AGENT}{queue}{ASK}{ROUTE}{MENU}[menu.account]\nprompt = \"your-number\"\n\
        collect = {{ digits = 8, end = \"#\" }}\ntimeout = \"8s\"\nretries = 0\ndata = \"account\"\n"
    );
    let config = load_str("main.toml", &text).unwrap_or_else(|problems| panic!("{}", render(&problems)));
    let setup = serde_json::to_value(config.setup(1)).unwrap();
    assert_eq!(
        setup["menus"],
        serde_json::json!({
            "account": {"prompt": "your-number", "timeout": 8000, "retries": 0, "invalid": null,
                "takes": {"number": {"digits": 8, "early": true}}, "otherwise": null, "data": "account"},
            "main": {"prompt": "custom/welcome&sales-or-support", "timeout": 5000, "retries": 2, "invalid": null,
                "takes": {"choices": {"#": "support", "1": "sales"}}, "otherwise": "operator", "data": "ivr.main"},
        })
    );
    assert_eq!(setup["routes"][0]["target"], serde_json::json!({"menu": "main"}));
    assert_eq!(
        setup["queues"][0]["announce"],
        serde_json::json!({"after": 20000, "every": 60000, "position": true, "wait": false})
    );
    assert_eq!(config.queues[0].sounds.thanks.as_deref(), Some("x&y"));
    let warned: Vec<&str> = config.warnings.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(warned, ["menu.account"], "no route leads there");
}

#[test]
fn what_is_wrong_with_a_menu_is_told_where_it_stands() {
    for (text, key, message) in [
        (
            MENU.replace("custom/welcome&", "a,b&"),
            "menu.main.prompt",
            "\"a,b&sales-or-support\" cannot stand",
        ),
        (MENU.replace("custom/welcome&", "5&"), "menu.main.prompt", "is no list of sounds"),
        (MENU.replace("\"#\" =", "\"10\" ="), "menu.main.choices.10", "unknown key `10`"),
        (MENU.replace("\"support\"", "\"a)b\""), "menu.main.choices.#", "cannot stand"),
        (MENU.replace("operator", "${X}"), "menu.main.otherwise", "cannot stand"),
        (format!("{MENU}collect = {{ digits = 4 }}\n"), "menu.main.collect", "exclude each other"),
        (format!("{MENU}timeout = \"1500ms\"\n"), "menu.main.timeout", "counts in whole seconds"),
        (format!("{MENU}data = \"IVR\"\n"), "menu.main.data", "is no name of data"),
        (
            format!("{MENU}[menu.\"a b\"]\nprompt = \"x\"\nchoices = {{ 1 = \"a\" }}\n"),
            "menu.a b",
            "is no name of a menu",
        ),
        (MENU.replace("[menu.main]", "[menu.mian]"), "route[0].menu", "no [menu] is called \"main\""),
    ] {
        let problems =
            load_str("main.toml", &format!("{PBX}{AGENT}{QUEUE}{ASK}{ROUTE}{text}")).expect_err(message);
        let found = problems.iter().find(|problem| problem.key == key);
        assert!(
            found.is_some_and(|found| found.message.contains(message) && !found.hint.is_empty()),
            "{key}: {message} is not in:\n{}",
            render(&problems)
        );
    }
}

#[test]
fn a_pbx_that_is_only_observed_has_no_menu() {
    let observed = PBX.replace("[[pbx]]\n", "[[pbx]]\nmode = \"observe\"\n");
    let problems =
        load_str("main.toml", &format!("{observed}{AGENT}{QUEUE}{ASK}{ROUTE}{MENU}")).expect_err("no menu");
    assert!(problems.iter().any(|p| p.key == "route[0].menu" && p.message == "no PBX here can have a menu"));
}

#[test]
fn a_rule_behind_a_menu_is_reached_by_who_comes_back_from_it() {
    let again = ASK.replace("ask", "operators").replace("menu = \"main\"", "queue = \"support\"");
    let config = load_str("main.toml", &format!("{PBX}{AGENT}{QUEUE}{ASK}{again}{MENU}")).unwrap();
    assert_eq!(config.warnings, [], "{:?}", config.warnings);
}
