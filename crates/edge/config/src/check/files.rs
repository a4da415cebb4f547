//! Files that are named: are they there, and are secrets kept from others?

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use crate::{Config, Jwks, Jwt, Payload, PbxKind, Secret, Tls, read::Reader};

pub(crate) fn check(reader: &mut Reader, config: &Config) {
    for (key, secret) in secrets(config) {
        check_secret(reader, &key, secret);
    }
    for (key, path) in paths(config) {
        if let Err(error) = fs::metadata(path) {
            let hint = "is the path right? A relative one starts where the configuration file is";
            reader.warn_at(&key, format!("{}: {error}", path.display()), hint);
        }
    }
}

/// Every secret with its key.
fn secrets(config: &Config) -> Vec<(String, &Secret)> {
    let mut found = Vec::new();
    for pbx in &config.pbxs {
        match &pbx.kind {
            PbxKind::Asterisk(asterisk) => found.push((format!("{}.secret", pbx.key), &asterisk.secret)),
            PbxKind::Sip(sip) => {
                let accounts = sip.trunks.iter().enumerate();
                let accounts = accounts.filter_map(|(index, trunk)| Some((index, trunk.account.as_ref()?)));
                let key = |index| format!("{}.trunks[{index}].secret", pbx.key);
                found.extend(accounts.map(|(index, account)| (key(index), &account.secret)));
            }
        }
    }
    for agent in &config.agents {
        found.extend(agent.sip_password.iter().map(|secret| (format!("{}.sip_password", agent.key), secret)));
    }
    for webhook in &config.webhooks {
        let key = |index: usize| match webhook.secrets.len() {
            1 => format!("{}.secret", webhook.key),
            _ => format!("{}.secrets[{index}]", webhook.key),
        };
        found.extend(webhook.secrets.iter().enumerate().map(|(index, secret)| (key(index), secret)));
        // What stands in the open is most often no secret: `Accept = "text/xml"`.
        let is_secret = |(name, value): &(&String, &Secret)| {
            !value.is_plain() || name.eq_ignore_ascii_case("authorization")
        };
        let values = webhook.values.iter().filter(|(_, value)| !value.is_plain());
        found.extend(values.map(|(name, secret)| (format!("{}.values.{name}", webhook.key), secret)));
        let headers = webhook.headers.iter().filter(is_secret);
        found.extend(headers.map(|(name, secret)| (format!("{}.headers.{name}", webhook.key), secret)));
    }
    found
}

fn paths(config: &Config) -> Vec<(String, &Path)> {
    let mut found: Vec<(String, &Path)> = Vec::new();
    if let Some(tls) = &config.server.tls {
        found.push(("server.tls.cert".to_owned(), &tls.cert));
        found.push(("server.tls.key".to_owned(), &tls.key));
    }
    if let Some(Jwt { jwks: Jwks::File(path), .. }) = &config.auth.jwt {
        found.push(("auth.jwt.jwks".to_owned(), path));
    }
    for pbx in &config.pbxs {
        match &pbx.kind {
            PbxKind::Asterisk(asterisk) => {
                if let Tls::Ca(ca) = &asterisk.tls {
                    found.push((format!("{}.tls.ca", pbx.key), ca));
                }
            }
            PbxKind::Sip(sip) => {
                if let Some(tls) = &sip.tls {
                    found.push((format!("{}.tls.cert", pbx.key), &tls.cert));
                    found.push((format!("{}.tls.key", pbx.key), &tls.key));
                }
                found.extend(sip.sounds.iter().map(|folder| (format!("{}.sounds", pbx.key), &**folder)));
                found.extend(
                    sip.music.iter().map(|(class, file)| (format!("{}.music.{class}", pbx.key), &**file)),
                );
            }
        }
    }
    for webhook in &config.webhooks {
        match &webhook.payload {
            Payload::Template(path) => found.push((format!("{}.template", webhook.key), path)),
            Payload::File(path) => found.push((format!("{}.preset", webhook.key), path)),
            Payload::Preset(_) => {}
        }
    }
    found
}

/// A secret that is not there now may be there when the daemon starts, so this only warns.
fn check_secret(reader: &mut Reader, key: &str, secret: &Secret) {
    if secret.is_missing() {
        return;
    }
    if secret.is_plain() {
        let file = reader.file_of(key);
        if file.is_some_and(|file| is_world_readable(&file)) {
            let message = "a secret in a file that everybody on this machine can read";
            reader.warn_at(
                key,
                message,
                "{ env = \"NAME\" } or { file = \"PATH\" }, or chmod o-r on the file",
            );
        }
        return;
    }
    if let Err(error) = secret.reveal() {
        let text = error.to_string();
        let (message, hint) = text.split_once("; hint: ").unwrap_or((&text, "put the secret there"));
        reader.warn_at(key, message, hint);
        return;
    }
    if let Some(path) = secret.path()
        && is_world_readable(&path)
    {
        let message = format!("everybody on this machine can read {}", path.display());
        reader.warn_at(key, message, format!("chmod o-r {}", path.display()));
    }
}

fn is_world_readable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}
