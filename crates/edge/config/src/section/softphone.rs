//! `pbx.softphone`, `agent.softphone`: telephones in the browsers of agents.

use hookswitch_model::call::Address;

use super::{agent::is_plain, pbx::Pbx};
use crate::{
    HostPort,
    read::{
        Fields, Node, Reader,
        value::{line, some},
    },
    suggest,
};

/// `pbx.softphone`: where browsers register at this PBX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Softphone {
    /// Its SIP over WebSocket (RFC 7118): `wss://pbx.example.com:8089/ws`.
    pub url: String,
    /// The host in the addresses of its phones: `sip:1001@pbx.example.com`.
    pub domain: String,
    /// Servers that tell a browser how it is seen from outside (RFC 8489): `stun:stun.example.com:3478`. None: the
    /// browser and the PBX reach one another without.
    pub stun: Vec<String>,
}

/// The value of `pbx.softphone`.
pub(super) fn read(reader: &mut Reader, node: &Node<'_>) -> Option<Softphone> {
    let mut fields = reader.fields(node)?;
    let url = fields.required("url", "the PBX's WebSocket, as in \"wss://pbx.example.com:8089/ws\"", url);
    let domain = fields.optional("domain", domain);
    let stun = fields.or("stun", Vec::new(), some(stun));
    fields.finish();
    let (url, host) = url?;
    Some(Softphone { url, domain: domain.unwrap_or(host), stun })
}

/// The address, and the host in it. It stands in the policy of the page, so it is written out plainly.
fn url(reader: &mut Reader, node: &Node<'_>) -> Option<(String, String)> {
    const HINT: &str = "as in \"wss://pbx.example.com:8089/ws\"";
    let text = line(reader, node)?;
    match host_of(&text) {
        Ok(host) => {
            let host = host.to_owned();
            if text.starts_with("ws://") && !is_here(&host) {
                let message = "passwords' proofs and numbers go to the PBX in the clear, and no page that came by https may do so";
                reader.warn_at(&node.key, message, "wss://, with a certificate the browsers know");
            }
            Some((text, host))
        }
        Err(why) => {
            reader.error(node, format!("{text:?} is no address of a WebSocket: {why}"), HINT);
            None
        }
    }
}

fn host_of(text: &str) -> Result<&str, &'static str> {
    let rest = text.strip_prefix("wss://").or_else(|| text.strip_prefix("ws://"));
    let rest = rest.ok_or("it does not begin with wss:// or ws://")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !path.is_empty() && !is_plain(path, "-_.~/") {
        return Err("a path has letters, digits and - _ . ~ / only");
    }
    let host = authority.split_once(':').map_or(authority, |(host, _)| host);
    let with_port = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:443") };
    match with_port.parse::<HostPort>() {
        Ok(_) if is_plain(host, "-.") => Ok(host),
        Ok(_) | Err(_) => Err("the host or port is wrong"),
    }
}

/// A browser's own machine.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.starts_with("127.")
}

fn domain(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = line(reader, node)?;
    if is_plain(&text, "-.") {
        return Some(text);
    }
    reader.error(node, format!("{text:?} is no host"), "what stands behind the @: \"pbx.example.com\"");
    None
}

fn stun(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = line(reader, node)?;
    if text.strip_prefix("stun:").is_some_and(|rest| is_plain(rest, "-.:")) {
        return Some(text);
    }
    reader.error(node, format!("{text:?} is no STUN server"), "as in \"stun:stun.example.com:3478\"");
    None
}

/// The value of `agent.softphone`: which of the agent's devices is the browser.
pub(super) fn of_agent(
    fields: &mut Fields<'_, '_>,
    pbx: Option<&Pbx>,
    devices: &[Address],
) -> Option<Address> {
    let text = fields.optional("softphone", line)?;
    let device = devices.iter().find(|device| device.as_str() == text);
    let Some(device) = device else {
        let closest = suggest::closest(&text, devices.iter().map(Address::as_str));
        let hint = closest.map_or("add it to `devices`".to_owned(), |one| format!("did you mean {one:?}?"));
        fields.error_at("softphone", format!("{text:?} is none of the agent's devices"), hint);
        return None;
    };
    if username(device).is_none() {
        let hint = "a phone that registers by its name, as in \"PJSIP/1001\" or \"sip:alice\"";
        fields.error_at("softphone", format!("no browser can be {text:?}"), hint);
        return None;
    }
    if pbx.is_some_and(|pbx| pbx.softphone.is_none()) {
        let hint = "softphone = { url = \"wss://pbx.example.com:8089/ws\" } in its [[pbx]]";
        fields.error_at("softphone", "the agent's PBX takes no browsers", hint);
        return None;
    }
    Some(device.clone())
}

/// What a browser that is this device registers as.
#[must_use]
pub fn username(device: &Address) -> Option<&str> {
    let text = device.as_str();
    let name = text.strip_prefix("PJSIP/").or_else(|| text.strip_prefix("sip:"))?;
    is_plain(name, "-_.+").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_could_end_a_rule_of_the_policy_is_none() {
        assert_eq!(host_of("wss://pbx.example.com:8089/ws"), Ok("pbx.example.com"));
        assert_eq!(host_of("ws://127.0.0.1:8088/asterisk/ws"), Ok("127.0.0.1"));
        assert_eq!(host_of("wss://pbx"), Ok("pbx"));
        for wrong in [
            "https://pbx/ws",
            "wss://",
            "wss://pbx:0x/ws",
            "wss://me@pbx/ws",
            "wss://pbx/ws; script-src *",
            "wss://pbx;/ws",
            "wss://pbx/ws?token=1",
            "wss://*/ws",
            "wss://pbx, ws://*",
        ] {
            assert!(host_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_browser_registers_by_the_name_of_the_device() {
        assert_eq!(username(&Address::new("PJSIP/1001")), Some("1001"));
        assert_eq!(username(&Address::new("sip:alice")), Some("alice"));
        for other in ["PJSIP/1001@trunk", "Local/1001@from-internal", "sip:1001@carrier", "DAHDI/1"] {
            assert_eq!(username(&Address::new(other)), None, "{other}");
        }
    }
}
