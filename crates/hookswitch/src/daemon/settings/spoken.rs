//! What callers of a SIP queue server are asked and told: menus, announcements, and the files of their sounds.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use hookswitch_config::{Config, Pbx, PbxKind, Sip};
use hookswitch_model::{
    Millis,
    setup::{MenuSetup, MenuTakes},
};
use hookswitch_normalize::to_ami;
use hookswitch_switch::settings::{Announce, Menu, Spoken, Takes};

use super::{prompts, sip::clip};

/// Endings of the files of sounds, the first that is there is taken: Asterisk's own, at 8 kHz.
const ENDINGS: [&str; 5] = ["wav", "ulaw", "ul", "alaw", "al"];

/// What is said to the callers of one queue server.
pub(super) fn spoken(config: &Config, sip: &Sip) -> anyhow::Result<Spoken> {
    let mut sounds = BTreeMap::new();
    let named: BTreeSet<String> =
        wanted(config)?.into_iter().flat_map(|(_, names)| names).chain(numbers()).collect();
    for name in named {
        if let Some(file) = file(sip, &name) {
            let clip = clip(&file).with_context(|| format!("sound {name}"))?;
            sounds.insert(name, Arc::new(clip));
        }
    }
    let queues = config.queues.iter().map(|queue| &queue.setup);
    let speak = |queue: &&hookswitch_model::setup::QueueSetup| {
        let asks = queue
            .callback
            .as_ref()
            .is_some_and(|callback| callback.key.is_some() || callback.prompt.is_some());
        asks || queue.announce.is_some()
    };
    Ok(Spoken {
        sounds,
        menus: config.menus.iter().map(|(name, setup)| (name.to_string(), menu(setup))).collect(),
        queues: queues.filter(speak).map(|queue| queue.id.to_string()).collect(),
        announce: announce(config)?,
    })
}

/// Sounds that a queue server is to play and has not: with the keys that name them.
pub(super) fn missing(config: &Config) -> Vec<(String, String)> {
    let others = config.pbxs.iter().any(|pbx| matches!(pbx.kind, PbxKind::Asterisk(_)));
    // Beside another PBX the sounds may all be meant for that one.
    let speaks = |pbx: &&Pbx| matches!(&pbx.kind, PbxKind::Sip(sip) if sip.sounds.is_some() || !others);
    let (mut missing, wanted) = (Vec::new(), wanted(config).unwrap_or_default());
    for pbx in config.pbxs.iter().filter(speaks) {
        let PbxKind::Sip(sip) = &pbx.kind else { continue };
        for (key, names) in &wanted {
            let absent = names.iter().filter(|name| file(sip, name).is_none());
            missing.extend(absent.map(|name| (key.clone(), name.clone())));
        }
    }
    missing
}

/// The file of a sound.
fn file(sip: &Sip, name: &str) -> Option<PathBuf> {
    let folder: &Path = sip.sounds.as_deref()?;
    let with = |ending: &&str| folder.join(format!("{name}.{ending}"));
    ENDINGS.iter().map(with).find(|file| file.is_file())
}

/// Which sounds are named where.
fn wanted(config: &Config) -> anyhow::Result<Vec<(String, BTreeSet<String>)>> {
    let mut wanted = Vec::new();
    let mut add = |key: String, prompt: &str| {
        let names = prompt.split('&').filter(|name| name.parse::<u32>().is_err());
        wanted.push((key, names.map(str::to_owned).collect()));
    };
    for (name, menu) in &config.menus {
        add(format!("menu.{name}.prompt"), &menu.prompt);
        if let Some(invalid) = &menu.invalid {
            add(format!("menu.{name}.invalid"), invalid);
        }
    }
    let own = prompts::queue_sounds(config)?;
    for queue in &config.queues {
        if let Some(prompt) = queue.setup.callback.as_ref().and_then(|callback| callback.prompt.as_ref()) {
            add(format!("{}.callback.prompt", queue.key), prompt);
        }
        let Some(announce) = &queue.setup.announce else { continue };
        let sounds = own.get(&queue.setup.id).cloned().unwrap_or_default();
        let (place, wait) = (announce.position, announce.wait);
        let key = format!("{}.announce", queue.key);
        for position in [1, 2].into_iter().filter(|_| place) {
            add(key.clone(), &sounds.line(Some(position), None));
        }
        for minutes in [1, 2].into_iter().filter(|_| wait) {
            add(key.clone(), &sounds.line(None, Some(Millis::from_secs(60 * minutes))));
        }
    }
    Ok(wanted)
}

/// Sounds of numbers: all that may be there of their own, and what others are put together with.
fn numbers() -> impl Iterator<Item = String> {
    let units = ["hundred", "thousand"].map(|unit| format!("digits/{unit}"));
    (0..100).map(|number| format!("digits/{number}")).chain(units)
}

fn menu(setup: &MenuSetup) -> Menu {
    Menu {
        prompt: setup.prompt.clone(),
        timeout: Duration::from_millis(setup.timeout.0),
        attempts: setup.retries.saturating_add(1),
        invalid: setup.invalid.clone(),
        takes: match &setup.takes {
            MenuTakes::Choices(choices) => Takes::Choices(choices.clone()),
            MenuTakes::Number { digits, early } => Takes::Number { digits: *digits, early: *early },
        },
        otherwise: setup.otherwise.clone(),
        data: setup.data.clone(),
    }
}

/// In the words of Asterisk's waiting room.
fn announce(config: &Config) -> anyhow::Result<Announce> {
    let own: BTreeMap<String, to_ami::Sounds> = prompts::queue_sounds(config)?
        .into_iter()
        .map(|(queue, sounds)| (queue.to_string(), sounds))
        .collect();
    let usual = to_ami::Sounds::default();
    let announce: Announce = Arc::new(move |queue, position, wait| {
        let wait = wait.map(|wait| Millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)));
        own.get(queue).unwrap_or(&usual).line(position, wait)
    });
    Ok(announce)
}
