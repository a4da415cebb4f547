//! From the configuration to what each part is told.

mod access;
pub(crate) mod checked;
mod dialled;
pub(crate) mod lookup;
mod prompts;
pub(crate) mod sip;
mod spoken;
mod webhooks;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use anyhow::{Context, anyhow};
use hookswitch_ami::{Credentials, LoginMethod, Secret};
use hookswitch_config::{Asterisk, Config, Fallback, Features, Pbx, PbxKind, Tls as TlsKind};
use hookswitch_journal::{Journal, Opened, Options as JournalOptions, Recent, SledJournal};
use hookswitch_model::PbxId;
use hookswitch_normalize::{
    dialplan::{self, DialplanSettings, FeatureCodes, text},
    number::Plan,
    to_ami,
};
use hookswitch_wire::template::{Numbers, PopTemplates};
use tracing::{info, warn};

pub(super) use access::access;
pub(crate) use access::tls;
pub(super) use webhooks::webhooks;

use crate::links::{LinkSettings, Tls, session::SessionSettings};

/// What readers find in memory: half a minute of a busy centre. Who is further behind reads from the disk.
const RECENT: Recent = Recent { entries: 16_384, bytes: 4 * 1024 * 1024 };

/// The journal on disk.
pub(super) fn journal(config: &Config) -> anyhow::Result<Box<dyn Journal>> {
    let path = &config.journal.path;
    let options = JournalOptions { recent: RECENT, ..JournalOptions::default() };
    let journal = SledJournal::open_with(path, options).map_err(|error| {
        let hint = error.hint().map_or_else(String::new, |hint| format!("; hint: {hint}"));
        anyhow!("the journal at {}: {error}{hint}", path.display())
    })?;
    report_tail(journal.opened());
    Ok(Box::new(journal))
}

/// What the last life of the journal left behind it.
fn report_tail(opened: &Opened) {
    if !opened.kept.is_empty() {
        info!(
            from = opened.kept.start,
            to = opened.kept.end - 1,
            "records that nobody had seen yet are kept"
        );
    }
    if let Some(cut) = &opened.cut {
        warn!(?cut, "a torn tail was cut off; nothing of it had been shown to anybody");
    }
    if opened.full {
        warn!("there is no room on the journal's disk");
    }
    if opened.finished_rewrite {
        info!("an interrupted rewrite of the journal was finished");
    }
}

/// One link a PBX of kind `asterisk`.
pub(super) fn links(config: &Config) -> anyhow::Result<Vec<LinkSettings>> {
    let asterisks = config.pbxs.iter().filter_map(|pbx| asterisk(pbx).map(|asterisk| (pbx, asterisk)));
    asterisks.map(|(pbx, asterisk)| link(config, pbx, asterisk)).collect()
}

fn asterisk(pbx: &Pbx) -> Option<&Asterisk> {
    match &pbx.kind {
        PbxKind::Asterisk(asterisk) => Some(asterisk),
        PbxKind::Sip(_) => None,
    }
}

fn link(config: &Config, pbx: &Pbx, asterisk: &Asterisk) -> anyhow::Result<LinkSettings> {
    let of = || format!("pbx {}", pbx.name);
    let tls = match &asterisk.tls {
        TlsKind::Off => Tls::Off,
        TlsKind::System => Tls::new(None).with_context(of)?,
        TlsKind::Ca(path) => Tls::new(Some(path.clone())).with_context(of)?,
    };
    let music = text::MusicClass::new(&asterisk.music).with_context(of)?;
    let own_music = config.queues.iter().filter_map(|queue| Some((&queue.setup.id, queue.music.as_ref()?)));
    let queue_music = own_music
        .map(|(queue, music)| Ok((queue.clone(), text::MusicClass::new(music)?)))
        .collect::<Result<BTreeMap<_, _>, text::InvalidText>>()
        .with_context(of)?;
    let session = SessionSettings {
        pbx: pbx.name.clone(),
        credentials: Credentials {
            username: asterisk.username.clone(),
            secret: Secret::new(asterisk.secret.reveal().with_context(of)?),
            method: LoginMethod::Md5,
        },
        mode: pbx.mode,
        dialect: dialect(config, pbx, asterisk),
        actions: to_ami::Settings {
            dial_context: text::Context::new(&asterisk.dial_context).with_context(of)?,
            music,
            queue_music,
            sounds: to_ami::Sounds::default(),
            queue_sounds: prompts::queue_sounds(config).with_context(of)?,
        },
    };
    Ok(LinkSettings { address: asterisk.address.to_string(), tls, session })
}

/// How each Asterisk's stream is read.
pub(crate) fn dialects(config: &Config) -> Vec<(PbxId, hookswitch_normalize::settings::Settings)> {
    let asterisks = config.pbxs.iter().filter_map(|pbx| asterisk(pbx).map(|asterisk| (pbx, asterisk)));
    asterisks.map(|(pbx, asterisk)| (pbx.name.clone(), dialect(config, pbx, asterisk))).collect()
}

fn dialect(config: &Config, pbx: &Pbx, asterisk: &Asterisk) -> hookswitch_normalize::settings::Settings {
    let agents = config.agents.iter().map(|agent| &agent.setup).filter(|agent| agent.pbx == pbx.name);
    let mut devices = BTreeMap::new();
    let mut extensions = BTreeSet::new();
    for agent in agents {
        extensions.extend(agent.extension.clone());
        for device in &agent.devices {
            let extension = agent.extension.as_deref().or_else(|| device.extension()).unwrap_or_default();
            devices.insert(device.clone(), extension.to_owned());
        }
    }
    let plan =
        config.numbers.country.as_deref().map(Plan::new).unwrap_or_default().with_extensions(extensions);
    let trunks = asterisk.trunks.iter().map(|trunk| trunk.rsplit('/').next().unwrap_or(trunk).to_owned());
    hookswitch_normalize::settings::Settings {
        pbx: pbx.name.clone(),
        mode: pbx.mode,
        devices,
        trunks: trunks.collect(),
        plan,
    }
}

/// What `hookswitch dialplan` prints, for each Asterisk that is routed.
pub(crate) fn dialplans(config: &Config) -> anyhow::Result<Vec<(PbxId, String)>> {
    let asterisks = config.pbxs.iter().filter_map(|pbx| asterisk(pbx).map(|asterisk| (pbx, asterisk)));
    asterisks
        .map(|(pbx, asterisk)| {
            let settings =
                dialplan_settings(config, asterisk).with_context(|| format!("pbx {}", pbx.name))?;
            Ok((pbx.name.clone(), dialplan::print(&settings)))
        })
        .collect()
}

fn dialplan_settings(config: &Config, asterisk: &Asterisk) -> Result<DialplanSettings, text::InvalidText> {
    let own = config.queues.iter().filter_map(|queue| Some((&queue.setup.id, queue.fallback.as_ref()?)));
    Ok(DialplanSettings {
        username: text::UserName::new(&asterisk.username)?,
        dial_context: text::Context::new(&asterisk.dial_context)?,
        fallback: asterisk.fallback.as_ref().map_or(Ok(dialplan::Fallback::HangUp), fallback)?,
        queue_fallbacks: own
            .map(|(queue, place)| Ok((queue.clone(), fallback(place)?)))
            .collect::<Result<_, text::InvalidText>>()?,
        music: text::MusicClass::new(&asterisk.music)?,
        features: features(&asterisk.features)?,
        menus: prompts::menus(config)?,
    })
}

fn fallback(place: &Fallback) -> Result<dialplan::Fallback, text::InvalidText> {
    match place {
        Fallback::Goto(place) => dialplan::Fallback::goto(place),
        Fallback::Dial(devices) => dialplan::Fallback::dial(devices),
    }
}

fn features(codes: &Features) -> Result<FeatureCodes, text::InvalidText> {
    let code = |code: &Option<String>| code.as_deref().map(text::Exten::new).transpose();
    Ok(FeatureCodes {
        login: code(&codes.login)?,
        logout: code(&codes.logout)?,
        pause: code(&codes.pause)?,
        ready: code(&codes.ready)?,
    })
}

/// The numbering plan of the configuration, for templates.
#[derive(Debug)]
struct PlanNumbers(Plan);

impl Numbers for PlanNumbers {
    fn e164(&self, raw: &str) -> Option<String> {
        self.0.e164(raw)
    }

    fn national(&self, raw: &str) -> String {
        self.0.national(raw)
    }
}

/// How templates read numbers.
pub(crate) fn numbers(config: &Config) -> Arc<dyn Numbers> {
    Arc::new(PlanNumbers(config.numbers.country.as_deref().map(Plan::new).unwrap_or_default()))
}

/// The templates of pops.
pub(crate) fn pops(config: &Config) -> anyhow::Result<PopTemplates> {
    PopTemplates::new(&webhooks::pop(config), &numbers(config)).map_err(|errors| {
        anyhow!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}
