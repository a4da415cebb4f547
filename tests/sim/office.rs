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
use hookswitch_sim::{MILLISECOND, Micros, Mood, Pbx, PbxConfig, SECOND};

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

/// What outside callers dial where the daemon only watches: the PBX's own queue, one phone, two phones.
pub(crate) const WATCHED: [&str; 3] = ["5004", "5001", "5017"];

/// How the daemon is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) pbxs: usize,
    /// Whether calls are routed, or only watched.
    pub(crate) mode: Mode,
    /// Other times, another strategy, and one agent on the other team: what an administrator changes during the day.
    pub(crate) changed: bool,
}

impl Rules {
    /// Calls are routed on so many PBXs.
    pub(crate) const fn routing(pbxs: usize) -> Self {
        Self { pbxs, mode: Mode::Route, changed: false }
    }
}

/// The configuration by these rules.
pub(crate) fn config(rules: Rules) -> Config {
    let Rules { pbxs, mode, changed } = rules;
    let of_support = if changed { 2 } else { 3 };
    let (strategy, offer, longest) = if changed { ("round-robin", 5, 9) } else { ("longest-idle", 8, 6) };
    let mode = match mode {
        Mode::Route => "route",
        Mode::Observe => "observe",
    };
    let mut text = String::new();
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
        text.push_str(&queue("support", "support", ""));
        text.push_str(&queue("billing", "billing", ""));
        text.push_str(&queue(
            "brief",
            "billing",
            &format!("max_wait = {{ after = \"{longest}s\", then = {{ transfer = \"600\" }} }}\n"),
        ));
        for (number, name) in NUMBERS.iter().zip(["support", "billing", "brief"]) {
            text.push_str(&format!(
                "[[route]]\nname = \"{pbx} {name}\"\nwhen = 'dnis == \"{number}\" && pbx == \"{pbx}\"'\n\
                 queue = \"{pbx}-{name}\"\n\n"
            ));
        }
    }
    hookswitch_config::load_str("office.toml", &text)
        .unwrap_or_else(|problems| panic!("{}", hookswitch_config::render(&problems)))
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
        menus: Vec::new(),
        features: dialplan::FeatureCodes::default(),
    })
}

/// A PBX with people at its phones.
pub(crate) fn pbx(seed: u64, now: Micros) -> Pbx {
    let config = PbxConfig::lab_with_generated(seed, &contexts()).expect("the generated dialplan reads");
    let mut pbx = Pbx::new(config, now);
    pbx.keep_fates();
    for phone in PHONES {
        pbx.set_mood(phone, human());
    }
    let at_once = Mood::Answer { after: 500 * MILLISECOND, at_most: SECOND };
    pbx.set_mood(FALLBACK, at_once);
    pbx
}

/// How an agent takes calls.
pub(crate) const fn human() -> Mood {
    Mood::Human { after: 300 * MILLISECOND, at_most: 4 * SECOND, declines: 40, ignores: 40 }
}
