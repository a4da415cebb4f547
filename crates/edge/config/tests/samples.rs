//! Every file that ships loads, and the main one shows what is true.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use hookswitch_config::{Pbx, load, load_str, render};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../config").canonicalize().expect("the folder config/")
}

fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(toml_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Makes keys of the lines that are commented out: `# key = …`, `# [[table]]`.
fn uncommented(text: &str) -> String {
    let is_key = |line: &str| {
        let word = line.trim_start_matches('[').split([' ', ']']).next().unwrap_or_default();
        let named = !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c == '.');
        named && (line.starts_with('[') || line.trim_start_matches(word).trim_start().starts_with('='))
    };
    let line = |line: &str| match line
        .strip_prefix("# ")
        .filter(|line| is_key(line) && !line.starts_with("include"))
    {
        Some(key) => format!("{key}\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn every_file_loads_by_itself_or_is_included_by_one_that_does() {
    let all = toml_files(&folder());
    assert!(all.len() >= 8, "{all:?}");
    let mut seen = BTreeSet::new();
    let mut not_alone = Vec::new();
    for path in &all {
        match load(path) {
            Ok(config) => seen.extend(config.files().map(|file| file.canonicalize().unwrap())),
            Err(problems) => not_alone.push((path, render(&problems))),
        }
    }
    for (path, problems) in not_alone {
        assert!(seen.contains(path), "{problems}");
    }
}

#[test]
fn the_samples_have_no_problem_but_secrets_that_are_not_there() {
    for path in toml_files(&folder()) {
        let Ok(config) = load(&path) else { continue };
        for warning in config.warnings {
            let secret = ["secret", "sip_password", ".headers."].iter().any(|one| warning.key.contains(one));
            let fragment = config.pbxs.is_empty();
            assert!(secret || fragment, "{}", render(&[warning]));
        }
    }
}

#[test]
fn what_is_commented_out_in_the_main_file_is_right_too() {
    let text = uncommented(&fs::read_to_string(folder().join("hookswitch.toml")).unwrap());
    let config =
        load_str("hookswitch.toml", &text).unwrap_or_else(|problems| panic!("{}", render(&problems)));
    assert!(config.server.tls.is_some() && config.journal.cluster.is_some() && config.crm.lookup.is_some());
    assert_eq!((config.webhooks.len(), config.tokens.len(), config.aliases.len()), (1, 1, 1));
    assert_eq!(config.numbers.outbound.concurrent, Some(20));
    let outbound = config.setup(1).outbound;
    assert_eq!(outbound.allow, config.numbers.outbound_allow);
    assert_eq!(outbound.ring_timeouts.get(&config.pbxs[0].name), Some(&config.pbxs[0].ring_timeout));
    assert!(config.queues[0].setup.max_wait.is_some() && config.auth.jwt.is_some());
}

#[test]
fn the_configuration_of_the_contract_is_fine() {
    let config = load_str("contract.toml", include_str!("contract.toml"));
    let config = config.unwrap_or_else(|problems| panic!("{}", render(&problems)));
    let told: Vec<&str> = config.warnings.iter().map(|warning| warning.key.as_str()).collect();
    assert_eq!(told, ["queue[0].requires[2].teams[1]"], "nobody is in tier2 there");
    assert_eq!((config.pbxs.len(), config.routes.len(), config.aliases.len()), (2, 1, 1));
}

/// What must be given, and nothing else.
const LEAST: &str = r#"
[[pbx]]
name = "hq"
address = "127.0.0.1:5038"
username = "hookswitch"
secret = { file = "ami-secret" }
fallback = { goto = "from-internal,600,1" }

[[agent]]
id = "alice"
name = "Alice Zhang"
devices = ["PJSIP/1001"]
skills = { billing = 8, mandarin = 10 }
teams = ["tier1"]

[[queue]]
id = "support"
members = { teams = ["tier1"] }

[[route]]
name = "everybody"
queue = "support"

[crm]
lookup = { url = "https://crm.example.com/api/contacts?phone={{ ani.e164 | urlencode }}", items = "/results" }

[[webhook]]
name = "crm"
url = "https://crm.example.com/hooks/cti"
secret = { file = "crm-hook" }
headers = { Authorization = { file = "crm-key" } }
ok_if = 'status == 200 && body.success == true'

[[token]]
name = "crm-frontend"
role = "agent"
agent = "alice"
hash = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

[auth.jwt]
issuer = "https://login.example.com/"
audience = "hookswitch"
jwks = "https://login.example.com/.well-known/jwks.json"

[[alias]]
path = "/click"
action = "dial"
to = "n_tel"
agent = "from"
secret = "secret"
call = "callid"
"#;

#[test]
fn every_default_in_the_main_file_is_the_default() {
    let shown = uncommented(&fs::read_to_string(folder().join("hookswitch.toml")).unwrap());
    let shown = load_str("hookswitch.toml", &shown).unwrap();
    let least = load_str("hookswitch.toml", LEAST).unwrap_or_else(|problems| panic!("{}", render(&problems)));

    assert_eq!(shown.server.listen, least.server.listen);
    assert_eq!(shown.server.allowed_origins, least.server.allowed_origins);
    assert_eq!(shown.server.limits, least.server.limits);
    assert_eq!((shown.journal.path, shown.journal.retention), (least.journal.path, least.journal.retention));
    assert_eq!(shown.numbers.outbound_allow, least.numbers.outbound_allow);
    // Browsers as telephones are an example, not a default.
    let pbx = Pbx { softphone: None, ..shown.pbxs[0].clone() };
    assert_eq!([pbx], least.pbxs[..]);
    assert_eq!(shown.agents[0].setup, least.agents[0].setup);
    let (queue, default) = (&shown.queues[0].setup, &least.queues[0].setup);
    assert_eq!(
        (queue.strategy, queue.offer_timeout, queue.wrap_up, queue.service_level, queue.sticky_wait),
        (
            default.strategy,
            default.offer_timeout,
            default.wrap_up,
            default.service_level,
            default.sticky_wait
        )
    );
    assert_eq!(shown.routes.last().unwrap().setup, least.routes[0].setup);
    let (lookup, default) = (shown.crm.lookup.unwrap(), least.crm.lookup.unwrap());
    assert_eq!(
        (lookup.method, lookup.timeout, lookup.cache),
        (default.method, default.timeout, default.cache)
    );
    assert_eq!(lookup.allow_private, default.allow_private);
    assert_eq!(shown.webhooks, least.webhooks);
    assert_eq!(shown.tokens, least.tokens);
    assert_eq!(shown.auth, least.auth);
    assert_eq!(shown.aliases, least.aliases);
}

/// Each block of the manual's page on routing, with what it takes for granted.
#[test]
fn the_routing_page_of_the_manual_can_be_used() {
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/routing.md")).unwrap();
    let blocks: Vec<&str> =
        page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 6, "{}", blocks.len());
    let granted = [
        (
            "[[pbx]]",
            "[[pbx]]\nname = \"hq\"\naddress = \"127.0.0.1:5038\"\nusername = \"u\"\nsecret = \"s\"\n\
             fallback = { dial = \"PJSIP/1008\" }\n",
        ),
        (
            "[[agent]]",
            "[[agent]]\nid = \"alice\"\ndevices = [\"PJSIP/1001\"]\nskills = { french = 5 }\nteams = [\"tier1\"]\n",
        ),
        ("[[queue]]", "[[queue]]\nid = \"support\"\nmembers = { teams = [\"tier1\"] }\n"),
        ("[[route]]", "[[route]]\nname = \"all\"\nqueue = \"support\"\n"),
    ];
    for block in blocks {
        let missing: String =
            granted.iter().filter(|(header, _)| !block.contains(header)).map(|(_, text)| *text).collect();
        // What stands in a block begins its tables itself.
        let text = format!("{missing}\n{block}");
        if let Err(problems) = load_str("routing.md", &text) {
            panic!("{block}\n{}", render(&problems));
        }
    }
}
