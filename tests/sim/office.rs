//! The office of the simulated world: who works there, what the daemon is told of it, what the PBX is made of.

use std::collections::BTreeMap;

use hookswitch::SessionSettings;
use hookswitch_ami::{Credentials, LoginMethod, Secret};
use hookswitch_config::Config;
use hookswitch_model::{
    PbxId,
    setup::{Mode, Setup},
};
use hookswitch_normalize::{
    dialplan::{self, text},
    settings::Settings,
    to_ami,
};
use hookswitch_sim::{Asked, MILLISECOND, Micros, Mood, Pbx, PbxConfig, SECOND};

/// The names of the PBXs; a world has the first of them, or both.
pub(crate) const PBXS: [&str; 2] = ["hq", "branch"];

/// Phones of agents on each PBX: the first three serve `support`, the others `billing`.
pub(crate) const PHONES: [&str; 6] = ["1001", "1002", "1003", "1004", "1005", "1006"];

/// Where callers go when the daemon is away.
pub(crate) const FALLBACK: &str = "1008";

/// Rings the first phone, without a queue.
pub(crate) const DIRECT: &str = "5001";

/// What outside callers dial: two queues, and one whose callers overflow to the fallback's number.
pub(crate) const NUMBERS: [&str; 3] = ["5003", "5013", "5023"];

/// What outside callers dial where keys are pressed: the same, one whose callers are called back unasked, and a menu.
pub(crate) const KEYED: [&str; 5] = ["5003", "5013", "5023", LATER, ASKS];

/// A queue whose callers are called back after a while, unasked.
const LATER: &str = "6003";

/// A number whose callers are asked what they want.
const ASKS: &str = "6001";

/// The endpoint behind which people outside are.
pub(crate) const TRUNK: &str = "trunk";

/// The shortest pause between two tries of a call-back, and how often the customer is dialled at most and at least
/// before it is given up, over all queues that call back.
pub(crate) const CALLS_BACK: CallsBack = CallsBack { retry_after: 10 * SECOND, attempts: (2, 3) };

/// See [`CALLS_BACK`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallsBack {
    pub(crate) retry_after: Micros,
    pub(crate) attempts: (u64, u64),
}

/// What outside callers dial where the daemon only watches: the PBX's own queue, one phone, two phones.
pub(crate) const WATCHED: [&str; 3] = ["5004", "5001", "5017"];

/// How the daemon is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) pbxs: usize,
    /// Whether calls are routed, or only watched.
    pub(crate) mode: Mode,
    /// Queues call back and announce, and there are menus.
    pub(crate) keys: bool,
    /// Other times, another strategy, and one agent on the other team: what an administrator changes during the day.
    pub(crate) changed: bool,
}

impl Rules {
    /// Calls are routed on so many PBXs.
    pub(crate) const fn routing(pbxs: usize) -> Self {
        Self { pbxs, mode: Mode::Route, keys: false, changed: false }
    }
}

/// The configuration by these rules.
pub(crate) fn config(rules: Rules) -> Config {
    let Rules { pbxs, mode, keys, changed } = rules;
    // Where callers are to press keys they must wait.
    let of_support = match (keys, changed) {
        (true, false) => 1,
        (_, true) => 2,
        (false, false) => 3,
    };
    let (strategy, offer, longest) = if changed { ("round-robin", 5, 9) } else { ("longest-idle", 8, 6) };
    let mode = match mode {
        Mode::Route => "route",
        Mode::Observe => "observe",
    };
    let mut text = if keys { MENUS.to_owned() } else { String::new() };
    for pbx in &PBXS[..pbxs] {
        text.push_str(&format!(
            "[[pbx]]\nname = \"{pbx}\"\nkind = \"asterisk\"\naddress = \"127.0.0.1:5038\"\n\
             username = \"hookswitch\"\nsecret = \"hookswitch\"\nmode = \"{mode}\"\n\
             fallback = {{ dial = \"PJSIP/{FALLBACK}\" }}\n\n"
        ));
        for (place, phone) in PHONES.iter().enumerate() {
            let team = if place < of_support { "support" } else { "billing" };
            text.push_str(&format!(
                "[[agent]]\nid = \"{pbx}-{phone}\"\nname = \"Agent {phone}\"\npbx = \"{pbx}\"\n\
                 devices = [\"PJSIP/{phone}\"]\nteams = [\"{pbx}-{team}\"]\nstart = \"ready\"\n\n"
            ));
        }
        let queue = |name: &str, team: &str, more: &str| {
            format!(
                "[[queue]]\nid = \"{pbx}-{name}\"\nstrategy = \"{strategy}\"\n\
                 members = {{ teams = [\"{pbx}-{team}\"] }}\noffer_timeout = \"{offer}s\"\nwrap_up = \"1s\"\n{more}\n"
            )
        };
        let waiting = |key: &str, after: u32| match keys {
            true => format!(
                "callback = {{ key = \"{key}\", {RETRIES} }}\nannounce = {{ after = \"{after}s\", {TOLD} }}\n"
            ),
            false => String::new(),
        };
        text.push_str(&queue("support", "support", &waiting("1", 2)));
        text.push_str(&queue("billing", "billing", &waiting("*", 4)));
        let longest = format!("{{ after = \"{longest}s\", then = {{ transfer = \"600\" }} }}");
        text.push_str(&queue("brief", "billing", &format!("max_wait = {longest}\n")));
        if keys {
            text.push_str(&with_keys(pbx, changed, queue));
        }
        for (number, name) in NUMBERS.iter().zip(["support", "billing", "brief"]) {
            text.push_str(&route(
                pbx,
                name,
                &format!("dnis == \"{number}\""),
                &format!("queue = \"{pbx}-{name}\""),
            ));
        }
    }
    hookswitch_config::load_str("office.toml", &text)
        .unwrap_or_else(|problems| panic!("{}", hookswitch_config::render(&problems)))
}

/// How queues try, and what they tell.
const RETRIES: &str = "attempts = 2, retry_after = \"15s\", expires = \"3m\", prompt = \"farewell\"";
const TOLD: &str = "every = \"15s\", position = true, wait = true";

/// Whom anybody may call, and the menus.
const MENUS: &str = r##"[numbers]
country = "DE"
outbound_allow = ["+49"]

[menu.main]
prompt = "main-prompt"
timeout = "3s"
retries = 1
invalid = "pbx-invalid"
choices = { "1" = "support", "2" = "later", "#" = "account" }

[menu.account]
prompt = "account-prompt"
timeout = "2s"
retries = 1
collect = { digits = 4, end = "#" }
otherwise = "0000"
data = "account"

"##;

/// A queue that calls back unasked, which the other configuration does not have, and what callers are asked.
fn with_keys(pbx: &str, changed: bool, queue: impl Fn(&str, &str, &str) -> String) -> String {
    let later = format!(
        "max_wait = {{ after = \"5s\", then = {{ callback = true }} }}\n\
         callback = {{ key = \"1\", attempts = 3, retry_after = \"10s\", expires = \"2m\" }}\n\
         announce = {{ after = \"1s\", {TOLD} }}\n"
    );
    let (queues, waits) = match changed {
        true => (String::new(), "support"),
        false => (queue("later", "billing", &later), "later"),
    };
    let mut text = queues;
    let asks = format!("dnis == \"{ASKS}\"");
    let to = |queue: &str| format!("queue = \"{pbx}-{queue}\"");
    text.push_str(&route(pbx, "later", &format!("dnis == \"{LATER}\""), &to(waits)));
    text.push_str(&route(pbx, "main", &asks, "menu = \"main\""));
    for (name, choice, target) in [
        ("account", "account", "menu = \"account\"".to_owned()),
        ("chose support", "support", to("support")),
        ("chose later", "later", to(waits)),
    ] {
        text.push_str(&route(pbx, name, &format!("{asks} && data[\"ivr.main\"] == \"{choice}\""), &target));
    }
    text.push_str(&route(pbx, "chose nothing", &asks, &to("billing")));
    text
}

fn route(pbx: &str, name: &str, when: &str, target: &str) -> String {
    format!("[[route]]\nname = \"{pbx} {name}\"\nwhen = '{when} && pbx == \"{pbx}\"'\n{target}\n\n")
}

/// What this menu attaches to a caller who was asked so; none: nothing.
pub(crate) fn chosen(menu: &str, asked: &[&Asked]) -> Option<String> {
    asked.iter().enumerate().find_map(|(round, asked)| {
        let (digits, said) = (asked.digits.as_str(), asked.status == "OK");
        let value = match (menu, digits) {
            ("main", "1") => Some("support"),
            ("main", "2") => Some("later"),
            ("main", "") if said => Some("account"),
            ("account", number) if !number.is_empty() => Some(number),
            ("account", _) if round + 1 == ASKED_AT_MOST => Some("0000"),
            _ => None,
        };
        value.map(str::to_owned)
    })
}

/// How often a menu asks.
pub(crate) const ASKED_AT_MOST: usize = 2;

/// The menus as dialplan.
fn menus() -> Vec<dialplan::Menu> {
    let menu = |name: &str, timeout_s, data: &str, takes| dialplan::Menu {
        name: text::MenuName::new(name).expect("a name"),
        prompt: text::Prompt::new(&format!("{name}-prompt")).expect("a sound"),
        timeout_s,
        attempts: ASKED_AT_MOST as u32,
        invalid: (name == "main").then(|| text::Prompt::new("pbx-invalid").expect("a sound")),
        takes,
        otherwise: (name == "account").then(|| text::Value::new("0000").expect("a value")),
        data: text::DataKey::new(data).expect("a key"),
    };
    let choice =
        |(key, value)| (dialplan::Key::new(key).expect("a key"), text::Value::new(value).expect("a value"));
    let choices = [("1", "support"), ("2", "later"), ("#", "account")].map(choice);
    vec![
        menu("main", 3, "ivr.main", dialplan::Takes::Choices(choices.into())),
        menu("account", 2, "account", dialplan::Takes::Digits { digits: 4, early: true }),
    ]
}

/// How the daemon talks to one of the PBXs.
pub(crate) fn session(setup: &Setup, pbx: &PbxId) -> SessionSettings {
    let mode = setup.pbxs.iter().find(|one| one.name == *pbx).map_or(Mode::Route, |one| one.mode);
    let mut dialect = Settings::new(pbx.clone());
    dialect.mode = mode;
    let agents = setup.agents.iter().filter(|agent| agent.pbx == *pbx);
    let devices = agents.flat_map(|agent| agent.devices.iter());
    dialect.devices =
        devices.map(|device| (device.clone(), device.extension().unwrap_or_default().to_owned())).collect();
    SessionSettings {
        pbx: pbx.clone(),
        credentials: Credentials {
            username: "hookswitch".to_owned(),
            secret: Secret::new("hookswitch".to_owned()),
            method: LoginMethod::Md5,
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
    }
}

/// The contexts that `hookswitch dialplan` prints.
pub(crate) fn contexts() -> String {
    dialplan::print(&dialplan::DialplanSettings {
        username: text::UserName::new("hookswitch").expect("a name"),
        dial_context: text::Context::new("from-internal").expect("a context"),
        fallback: dialplan::Fallback::dial(&format!("PJSIP/{FALLBACK}")).expect("a device"),
        queue_fallbacks: BTreeMap::new(),
        music: text::MusicClass::new("default").expect("a class"),
        menus: menus(),
        features: dialplan::FeatureCodes::default(),
    })
}

/// A PBX with people at its phones.
pub(crate) fn pbx(seed: u64, now: Micros, keys: bool) -> Pbx {
    let config = PbxConfig::lab_with_generated(seed, &contexts()).expect("the generated dialplan reads");
    let mut pbx = Pbx::new(config, now);
    pbx.keep_fates();
    for phone in PHONES {
        pbx.set_mood(phone, human());
    }
    let at_once = Mood::Answer { after: 500 * MILLISECOND, at_most: SECOND };
    pbx.set_mood(FALLBACK, at_once);
    if keys {
        pbx.set_mood(TRUNK, outside());
        pbx.set_talk_outside(Some((500 * MILLISECOND, 10 * SECOND)));
    }
    pbx
}

/// How an agent takes calls.
pub(crate) const fn human() -> Mood {
    Mood::Human { after: 300 * MILLISECOND, at_most: 4 * SECOND, declines: 40, ignores: 40 }
}

/// How people outside take calls.
pub(crate) const fn outside() -> Mood {
    Mood::Human { after: 300 * MILLISECOND, at_most: 6 * SECOND, declines: 100, ignores: 100 }
}
