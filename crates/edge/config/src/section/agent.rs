//! `[[agent]]`: people, their devices and skills.

use std::collections::BTreeMap;

use hookswitch_model::{AgentId, PbxId, Skill, agent::AgentState, call::Address, setup::AgentSetup};

use super::{
    pbx::{Pbx, PbxKind},
    softphone,
};
use crate::{
    Secret,
    read::{
        Node, Reader,
        value::{boolean, integer, line, list, map, name, name_key, number, one_of, secret, some},
    },
    suggest,
};

/// `[[agent]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Where it stands: `agent[0]`.
    pub key: String,
    /// What the engine knows.
    pub setup: AgentSetup,
    /// What the agent's phones register with, on a PBX of kind `sip`, and what the browser does on any.
    pub sip_password: Option<Secret>,
    /// Which of the devices is the agent's browser.
    pub softphone: Option<Address>,
}

const STARTS: [(&str, AgentState); 2] = [("logged_out", AgentState::LoggedOut), ("ready", AgentState::Ready)];

pub(crate) fn read(reader: &mut Reader, node: &Node<'_>, pbxs: &[Pbx]) -> Option<Agent> {
    let key = node.key.clone();
    let mut fields = reader.fields(node)?;
    let id = fields.required(
        "id",
        "the agent's name in rules, tokens and events, as in \"alice\"",
        name::<AgentId>,
    );
    let shown = fields.optional("name", line);
    let pbx = match pbxs {
        [only] => fields.or("pbx", only.name.clone(), name),
        [] => fields.optional("pbx", name).unwrap_or_else(no_pbx),
        [first, ..] => fields
            .required("pbx", "which [[pbx]] the devices are on", name)
            .unwrap_or_else(|| first.name.clone()),
    };
    let at = pbxs.iter().find(|one| one.name == pbx);
    let kind = at.map(|one| &one.kind);
    let devices =
        fields.required("devices", "what the PBX rings, as in [\"PJSIP/1001\"]", some(device(kind)));
    let devices = devices.unwrap_or_default();
    let of_device = devices.first().and_then(Address::extension).map(str::to_owned);
    let extension = fields.optional("extension", number).or(of_device);
    let skills = fields.or("skills", BTreeMap::new(), skills);
    let teams = fields.or("teams", Vec::new(), list(name));
    let start = fields.or("start", AgentState::LoggedOut, one_of(&STARTS));
    let caller_id = fields.optional("caller_id", line);
    let remote_answer = fields.or("remote_answer", false, boolean);
    let sip_password = fields.optional("sip_password", secret);
    let softphone = softphone::of_agent(&mut fields, at, &devices);
    check_password(&mut fields, kind, &devices, sip_password.is_some());
    fields.finish();
    let id = id?;
    let name = shown.unwrap_or_else(|| id.to_string());
    Some(Agent {
        key,
        setup: AgentSetup {
            id,
            name,
            pbx,
            extension,
            devices,
            skills,
            teams,
            start,
            caller_id,
            remote_answer,
        },
        sip_password,
        softphone,
    })
}

/// Stands in where there is no PBX at all, which was told.
fn no_pbx() -> PbxId {
    PbxId::new("none").expect("four letters are a name")
}

/// A phone behind a trunk registers there, not here.
fn check_password(
    fields: &mut crate::read::Fields<'_, '_>,
    kind: Option<&PbxKind>,
    devices: &[Address],
    given: bool,
) {
    let elsewhere = devices.iter().all(|device| device.as_str().contains('@'));
    match kind {
        Some(PbxKind::Asterisk(_)) if given && !fields.has("softphone") => {
            fields.warn_at(
                "sip_password",
                "nobody asks for it",
                "the phone's password is the Asterisk's own matter, unless it is a `softphone`",
            );
        }
        Some(PbxKind::Sip(_)) if !elsewhere && !fields.has("sip_password") => {
            fields.error_at(
                "sip_password",
                "`sip_password` is missing",
                "the agent's phones register with it",
            );
        }
        Some(PbxKind::Asterisk(_) | PbxKind::Sip(_)) | None => {}
    }
}

/// Least levels or levels had: 1 to 10.
pub(crate) fn skills(reader: &mut Reader, node: &Node<'_>) -> Option<BTreeMap<Skill, u8>> {
    map(name_key::<Skill>, level)(reader, node)
}

fn level(reader: &mut Reader, node: &Node<'_>) -> Option<u8> {
    integer(1, 10)(reader, node).and_then(|level| u8::try_from(level).ok())
}

fn device(kind: Option<&PbxKind>) -> impl Fn(&mut Reader, &Node<'_>) -> Option<Address> {
    let sip = matches!(kind, Some(PbxKind::Sip(_)));
    let known = kind.is_some();
    let trunks: Vec<String> = match kind {
        Some(PbxKind::Sip(sip)) => sip.trunks.iter().map(|trunk| trunk.name.clone()).collect(),
        Some(PbxKind::Asterisk(_)) | None => Vec::new(),
    };
    move |reader, node| {
        let text = line(reader, node)?;
        let valid = match sip {
            true => text.strip_prefix("sip:").is_some_and(|device| match device.split_once('@') {
                None => is_plain(device, "-_.+"),
                Some((number, trunk)) => {
                    is_plain(number, "-_.+*#") && trunks.iter().any(|known| known == trunk)
                }
            }),
            false => is_asterisk_device(&text) || (!known && text.starts_with("sip:")),
        };
        if valid {
            return Some(Address::new(&text));
        }
        let hint = match (sip, text.split_once(['/', ':'])) {
            (true, Some((_, device))) if let Some((number, trunk)) = device.split_once('@') => {
                let known = suggest::closest(trunk, trunks.iter().map(String::as_str));
                match known {
                    Some(trunk) => format!("did you mean \"sip:{number}@{trunk}\"?"),
                    None => "sip:, the number there, @ and the name of a trunk, as in \"sip:1001@carrier\""
                        .to_owned(),
                }
            }
            (true, _) => "sip: and the user that the phone registers as, as in \"sip:alice\"".to_owned(),
            (false, Some((technology, name))) => {
                let known = suggest::closest(technology, ["PJSIP", "SIP", "IAX2", "Local", "DAHDI"]);
                format!("did you mean \"{}/{name}\"?", known.unwrap_or("PJSIP"))
            }
            (false, None) => "technology, slash, name, as in \"PJSIP/1001\"".to_owned(),
        };
        reader.error(node, format!("{text:?} is no device of this kind of PBX"), hint);
        None
    }
}

/// What Asterisk's `Dial` rings, one device, with nothing in it that a dialplan would read as syntax.
pub(crate) fn is_asterisk_device(text: &str) -> bool {
    text.split_once('/').is_some_and(|(technology, name)| {
        is_plain(technology, "")
            && is_plain(name, "/@:._-+*#=")
            && name.bytes().any(|b| b.is_ascii_alphanumeric())
            && text.len() <= 256
    })
}

/// Letters, digits, and these.
pub(crate) fn is_plain(text: &str, also: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
}
