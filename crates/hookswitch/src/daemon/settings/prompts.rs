//! What callers hear: menus, and announcements in the queues.

use std::collections::BTreeMap;

use hookswitch_config::{Config, Sounds};
use hookswitch_model::{QueueId, setup::MenuTakes};
use hookswitch_normalize::{
    dialplan::{
        Key, Menu, Takes,
        text::{DataKey, InvalidText, MenuName, Prompt, Value},
    },
    to_ami,
};

/// The menus, for the dialplan.
pub(super) fn menus(config: &Config) -> Result<Vec<Menu>, InvalidText> {
    let optional = |prompt: &Option<String>| prompt.as_deref().map(Prompt::new).transpose();
    config
        .menus
        .iter()
        .map(|(name, menu)| {
            Ok(Menu {
                name: MenuName::new(name.as_str())?,
                prompt: Prompt::new(&menu.prompt)?,
                timeout_s: u32::try_from(menu.timeout.as_secs_ceil()).unwrap_or(u32::MAX),
                attempts: menu.retries.saturating_add(1),
                invalid: optional(&menu.invalid)?,
                takes: takes(&menu.takes)?,
                otherwise: menu.otherwise.as_deref().map(Value::new).transpose()?,
                data: DataKey::new(&menu.data)?,
            })
        })
        .collect()
}

fn takes(takes: &MenuTakes) -> Result<Takes, InvalidText> {
    match takes {
        MenuTakes::Choices(choices) => {
            let choices =
                choices.iter().map(|(key, value)| Ok((Key::new(&key.to_string())?, Value::new(value)?)));
            choices.collect::<Result<_, _>>().map(Takes::Choices)
        }
        MenuTakes::Number { digits, early } => Ok(Takes::Digits { digits: *digits, early: *early }),
    }
}

/// The sounds of queues that have their own.
pub(super) fn queue_sounds(config: &Config) -> Result<BTreeMap<QueueId, to_ami::Sounds>, InvalidText> {
    let own = config.queues.iter().filter(|queue| queue.sounds != Sounds::default());
    own.map(|queue| Ok((queue.setup.id.clone(), sounds(&queue.sounds)?))).collect()
}

fn sounds(own: &Sounds) -> Result<to_ami::Sounds, InvalidText> {
    let asterisk = to_ami::Sounds::default();
    let or = |own: &Option<String>, default: Prompt| own.as_deref().map_or(Ok(default), Prompt::new);
    Ok(to_ami::Sounds {
        next: or(&own.next, asterisk.next)?,
        position: or(&own.position, asterisk.position)?,
        callers: or(&own.callers, asterisk.callers)?,
        wait: or(&own.wait, asterisk.wait)?,
        minute: or(&own.minute, asterisk.minute)?,
        minutes: or(&own.minutes, asterisk.minutes)?,
        thanks: or(&own.thanks, asterisk.thanks)?,
    })
}
