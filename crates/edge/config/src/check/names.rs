//! Names, devices, extensions and paths that must not stand twice.

use std::collections::BTreeMap;

use crate::{Config, read::Reader};

pub(crate) fn check(reader: &mut Reader, config: &Config) {
    unique(
        reader,
        "[[pbx]] are called",
        config.pbxs.iter().map(|one| (one.key.clone() + ".name", one.name.to_string())),
    );
    unique(
        reader,
        "[[agent]] have the id",
        config.agents.iter().map(|one| (one.key.clone() + ".id", one.setup.id.to_string())),
    );
    unique(
        reader,
        "[[queue]] have the id",
        config.queues.iter().map(|one| (one.key.clone() + ".id", one.setup.id.to_string())),
    );
    unique(
        reader,
        "[[queue]] replace",
        config.queues.iter().flat_map(|one| {
            let old = |(index, old)| (format!("{}.replaces[{index}]", one.key), format!("{old}"));
            one.replaces.iter().enumerate().map(old)
        }),
    );
    unique(
        reader,
        "[[route]] are called",
        config.routes.iter().map(|one| (one.key.clone() + ".name", one.setup.name.clone())),
    );
    unique(
        reader,
        "[[webhook]] are called",
        config.webhooks.iter().map(|one| (one.key.clone() + ".name", one.name.clone())),
    );
    unique(
        reader,
        "[[token]] are called",
        config.tokens.iter().map(|one| (one.key.clone() + ".name", one.name.clone())),
    );
    unique(
        reader,
        "[[token]] have the hash",
        config.tokens.iter().map(|one| (one.key.clone() + ".hash", one.hash.clone())),
    );
    unique(
        reader,
        "[[alias]] answer",
        config.aliases.iter().flat_map(|one| {
            let path =
                |(index, method)| (format!("{}.methods[{index}]", one.key), format!("{method} {}", one.path));
            one.methods.iter().enumerate().map(path)
        }),
    );
    for pbx in &config.pbxs {
        let agents = || config.agents.iter().filter(|agent| agent.setup.pbx == pbx.name);
        let devices = agents().flat_map(|agent| {
            let key = |(index, device): (usize, _)| (format!("{}.devices[{index}]", agent.key), device);
            agent.setup.devices.iter().map(ToString::to_string).enumerate().map(key)
        });
        unique(reader, "agents have the device", devices);
        let extensions = agents()
            .filter_map(|agent| Some((agent.key.clone() + ".extension", agent.setup.extension.clone()?)));
        unique(reader, "agents have the extension", extensions);
    }
}

/// Tells the second and later uses of each value.
fn unique(reader: &mut Reader, what: &str, named: impl Iterator<Item = (String, String)>) {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in named {
        match seen.get(&value) {
            Some(first) => {
                let hint = format!("the first is at {}; choose another", reader.position(first));
                reader.error_at(&key, format!("two {what} {value:?}"), hint);
            }
            None => {
                seen.insert(value, key);
            }
        }
    }
}
