//! `[[pbx]]`: the PBXs, and what is special of each kind.

use std::{net::IpAddr, path::PathBuf};

use hookswitch_model::{Millis, PbxId, setup::Mode};

use super::{
    agent::{is_asterisk_device, is_plain},
    sip::{self, Sip},
    softphone::{self, Softphone},
};
use crate::{
    HostPort, Secret, defaults,
    read::{
        Fields, Node, Reader,
        value::{boolean, duration_in, host_port, line, list, name, number, one_of, path, secret, text},
    },
};

/// `[[pbx]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pbx {
    /// Where it stands: `pbx[0]`.
    pub key: String,
    /// Its name.
    pub name: PbxId,
    /// Whether we route or only look; a PBX of kind `sip` always routes.
    pub mode: Mode,
    /// How long an agent's device rings for click-to-dial.
    pub ring_timeout: Millis,
    /// Where the browsers of agents register.
    pub softphone: Option<Softphone>,
    /// What is special of its kind.
    pub kind: PbxKind,
}

/// `pbx.kind`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PbxKind {
    /// An Asterisk, by AMI.
    Asterisk(Asterisk),
    /// Hookswitch itself is the queue server, by SIP.
    Sip(Sip),
}

/// A PBX of kind `asterisk`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asterisk {
    /// Where AMI is.
    pub address: HostPort,
    /// AMI by TLS.
    pub tls: Tls,
    /// The AMI user.
    pub username: String,
    /// Its secret.
    pub secret: Secret,
    /// The context where numbers and extensions are dialled.
    pub dial_context: String,
    /// Where callers go when the daemon is away.
    pub fallback: Option<Fallback>,
    /// The class of music callers hear.
    pub music: String,
    /// What agents dial.
    pub features: Features,
    /// Devices that lead outside, where Asterisk does not tell by itself: `PJSIP/carrier`.
    pub trunks: Vec<String>,
}

/// `pbx.tls`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// In the clear: on loopback.
    Off,
    /// By TLS, with the system's certificate authorities.
    System,
    /// By TLS, with the certificate authority in this PEM file.
    Ca(PathBuf),
}

/// `pbx.fallback`, `queue.fallback`: where callers go when the daemon is away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fallback {
    /// Context, extension and priority: `from-internal,600,1`.
    Goto(String),
    /// Devices, several with `&` between them: `PJSIP/1008`.
    Dial(String),
}

/// `pbx.features`: what agents dial. An empty code is not offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features {
    /// Log in, ready.
    pub login: Option<String>,
    /// Log out.
    pub logout: Option<String>,
    /// Not ready.
    pub pause: Option<String>,
    /// Ready.
    pub ready: Option<String>,
}

impl Default for Features {
    fn default() -> Self {
        let [login, logout, pause, ready] = defaults::FEATURES.map(|code| Some(code.to_owned()));
        Self { login, logout, pause, ready }
    }
}

/// `tls`, `music` and `trunks` mean something in both kinds.
const ASTERISK_KEYS: [&str; 7] =
    ["address", "username", "secret", "mode", "dial_context", "fallback", "features"];
const KINDS: [(&str, bool); 2] = [("asterisk", false), ("sip", true)];
const MODES: [(&str, Mode); 2] = [("route", Mode::Route), ("observe", Mode::Observe)];

pub(crate) fn read(reader: &mut Reader, node: &Node<'_>) -> Option<Pbx> {
    let key = node.key.clone();
    let mut fields = reader.fields(node)?;
    let name = fields.required("name", "what the configuration calls it, as in \"hq\"", name::<PbxId>);
    let is_sip = fields.or("kind", false, one_of(&KINDS));
    let bounds = duration_in(Millis::from_secs(1), Millis::from_secs(300));
    let ring_timeout = fields.or("ring_timeout", defaults::RING_TIMEOUT, bounds);
    let softphone = fields.optional("softphone", softphone::read);
    let (mode, kind) = if is_sip {
        fields.elsewhere(&ASTERISK_KEYS, "only a PBX of kind \"asterisk\" has it");
        (Mode::Route, PbxKind::Sip(sip::read(&mut fields)))
    } else {
        fields.elsewhere(&sip::KEYS, "only a PBX of kind \"sip\" has it");
        let mode = fields.or("mode", Mode::Route, one_of(&MODES));
        (mode, PbxKind::Asterisk(asterisk(&mut fields, mode)))
    };
    fields.finish();
    Some(Pbx { key, name: name?, mode, ring_timeout, softphone, kind })
}

fn asterisk(fields: &mut Fields<'_, '_>, mode: Mode) -> Asterisk {
    let address = fields.required(
        "address",
        "host and port of AMI, as in \"127.0.0.1:5038\"",
        host_port("127.0.0.1:5038"),
    );
    let tls = fields.or("tls", Tls::Off, tls);
    let username = fields.required("username", "the user in the Asterisk's manager.conf", word("-_."));
    let secret = fields.required("secret", "{ env = \"NAME\" } or { file = \"PATH\" }", secret);
    let dial_context = fields.or("dial_context", defaults::DIAL_CONTEXT.to_owned(), word("-_."));
    let fallback_given = fields.has("fallback");
    let fallback = fields.optional("fallback", fallback);
    if !fallback_given && mode == Mode::Route {
        let hint = "fallback = { goto = \"from-internal,600,1\" } or { dial = \"PJSIP/1008\" }";
        fields.warn_at("fallback", "no fallback: callers are hung up on when the daemon is away", hint);
    }
    let music = fields.or("music", defaults::MUSIC.to_owned(), word("-_."));
    let features = fields.or("features", Features::default(), features);
    let trunks = fields.or("trunks", Vec::new(), list(trunk_device));
    if let (Tls::Off, Some(address)) = (&tls, &address)
        && !is_local(&address.host)
    {
        let message = format!("the AMI login and every call's numbers go to {address} in the clear");
        fields.warn_at("address", message, "set `tls`, with tlsenable in the Asterisk's manager.conf");
    }
    // What is missing was told; the rest of the file is checked against a PBX of that name all the same.
    Asterisk {
        address: address.unwrap_or(HostPort { host: String::new(), port: 0 }),
        tls,
        username: username.unwrap_or_default(),
        secret: secret.unwrap_or_else(|| Secret::plain("")),
        dial_context,
        fallback,
        music,
        features,
        trunks,
    }
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// One word that may stand in Asterisk's files.
pub(crate) fn word(also: &'static str) -> impl Fn(&mut Reader, &Node<'_>) -> Option<String> {
    move |reader, node| {
        let text = text(reader, node)?;
        let valid = is_plain(&text, also) && text.len() <= 256;
        if !valid {
            let hint = format!(
                "letters, digits and {}",
                also.chars().map(String::from).collect::<Vec<_>>().join(" ")
            );
            reader.error(node, format!("{text:?} cannot stand in Asterisk's files"), hint);
        }
        valid.then_some(text)
    }
}

fn tls(reader: &mut Reader, node: &Node<'_>) -> Option<Tls> {
    if node.value.is_table() {
        let mut fields = reader.fields(node)?;
        let ca = fields.required(
            "ca",
            "the PEM file of the certificate authority; or tls = true for the system's",
            path,
        );
        fields.finish();
        return ca.map(Tls::Ca);
    }
    boolean(reader, node).map(|on| if on { Tls::System } else { Tls::Off })
}

/// Where callers go when the daemon is away.
pub(crate) fn fallback(reader: &mut Reader, node: &Node<'_>) -> Option<Fallback> {
    let mut fields = reader.fields(node)?;
    let goto = fields.optional("goto", place).map(Fallback::Goto);
    let dial = fields.optional("dial", devices).map(Fallback::Dial);
    fields.exactly_one(&["goto", "dial"]);
    fields.finish();
    goto.or(dial)
}

fn place(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = line(reader, node)?;
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let valid = match parts[..] {
        [context, exten, priority] => {
            is_plain(context, "-_.")
                && is_plain(exten, "*#+-._")
                && !exten.starts_with('_')
                && is_plain(priority, "-_")
        }
        _ => false,
    };
    if valid {
        return Some(parts.join(","));
    }
    let hint = "context, extension and priority, as in \"from-internal,600,1\"";
    reader.error(node, format!("{text:?} is no place in a dialplan"), hint);
    None
}

fn devices(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = line(reader, node)?;
    if text.split('&').all(is_asterisk_device) {
        return Some(text);
    }
    let hint = "a device as in \"PJSIP/1008\", several with & between them";
    reader.error(node, format!("{text:?} cannot be dialled"), hint);
    None
}

fn trunk_device(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = line(reader, node)?;
    if is_asterisk_device(&text) {
        return Some(text);
    }
    reader.error(node, format!("{text:?} is no device"), "technology, slash, name, as in \"PJSIP/carrier\"");
    None
}

fn features(reader: &mut Reader, node: &Node<'_>) -> Option<Features> {
    let default = Features::default();
    let mut fields = reader.fields(node)?;
    let features = Features {
        login: fields.or("login", default.login, code),
        logout: fields.or("logout", default.logout, code),
        pause: fields.or("pause", default.pause, code),
        ready: fields.or("ready", default.ready, code),
    };
    let codes = [&features.login, &features.logout, &features.pause, &features.ready];
    let twice =
        codes.iter().enumerate().find(|(index, code)| code.is_some() && codes[..*index].contains(code));
    if let Some((index, code)) = twice {
        let key = ["login", "logout", "pause", "ready"][index];
        let message = format!("{:?} has two meanings", code.as_deref().unwrap_or_default());
        fields.error_at(key, message, "give each feature a code of its own, or \"\" to leave it out");
    }
    fields.finish();
    Some(features)
}

/// A feature code; an empty one switches the feature off.
fn code(reader: &mut Reader, node: &Node<'_>) -> Option<Option<String>> {
    match node.value.as_str() {
        Some("") => Some(None),
        _ => number(reader, node).map(Some),
    }
}
