//! `[[pbx]]` of kind `sip`: Hookswitch itself is the queue server.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use hookswitch_model::Millis;

use super::{
    pbx::word,
    server::{self, ServerTls},
};
use crate::{
    HostPort, Secret, SipListen, SipTransport,
    address::SIP_TRANSPORTS,
    defaults,
    read::{
        Fields, Node, Reader,
        value::{
            any_key, boolean, duration_in, integer, items, line, list, map, network, one_of, path, secret,
            some, text,
        },
    },
};

/// A PBX of kind `sip`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sip {
    /// Where phones and trunks reach us.
    pub listen: Vec<SipListen>,
    /// The address that peers are told, where it is not the one we listen on.
    pub external: Option<IpAddr>,
    /// Certificate and key, where something is listened for by TLS.
    pub tls: Option<ServerTls>,
    /// The realm of digest authentication.
    pub realm: String,
    /// Digest algorithms that are offered, best first.
    pub digest: Vec<Digest>,
    /// Where calls come from and go to.
    pub trunks: Vec<Trunk>,
    /// The first and the last port of our own media: music, keys, conferences.
    pub rtp_ports: (u16, u16),
    /// Files of music by the class that a queue names; `default` is that of queues that name none.
    pub music: BTreeMap<String, PathBuf>,
    /// The folder of sounds: menus and announcements name the files in it.
    pub sounds: Option<PathBuf>,
    /// How long a call lives without a refresh of its session (RFC 4028).
    pub session_timer: Millis,
    /// Calls at once.
    pub max_calls: usize,
    /// Who is asked for the names of trunks; none: whom the system asks.
    pub name_servers: Vec<SocketAddr>,
}

impl Sip {
    /// Whether others are called by TLS: then their certificates are checked, and the system's authorities are needed.
    #[must_use]
    pub fn calls_by_tls(&self) -> bool {
        let by_tls = |address: &String| {
            address.starts_with("sips:") || address.to_ascii_lowercase().contains("transport=tls")
        };
        self.tls.is_some() || self.trunks.iter().flat_map(|trunk| &trunk.addresses).any(by_tls)
    }
}

/// A trunk of a PBX of kind `sip`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trunk {
    /// Its name.
    pub name: String,
    /// Networks it sends from: address and length of the prefix.
    pub from: Vec<(IpAddr, u8)>,
    /// The SIP URIs that calls are sent to, tried in this order.
    pub addresses: Vec<String>,
    /// Who we are there, where it asks.
    pub account: Option<TrunkAccount>,
    /// How often it is asked whether it is there; none: never.
    pub keep_alive: Option<Millis>,
    /// Calls at once, both ways; none: as many as there are.
    pub max_calls: Option<usize>,
    /// Numbers outside are dialled by it.
    pub outside: bool,
    /// What it says of who calls is believed (RFC 3325).
    pub trusted: bool,
    /// The agents' lines behind it are watched by its dialog event package (RFC 4235).
    pub watch: bool,
}

/// Name and password at a trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkAccount {
    /// The name.
    pub username: String,
    /// The password.
    pub secret: Secret,
}

/// An algorithm of digest authentication (RFC 8760).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// What every phone can.
    Md5,
    /// What newer phones can.
    Sha256,
}

/// Keys that no other kind has.
pub(super) const KEYS: [&str; 9] = [
    "listen",
    "external",
    "realm",
    "digest",
    "rtp_ports",
    "sounds",
    "session_timer",
    "max_calls",
    "name_servers",
];
const DIGESTS: [(&str, Digest); 2] = [("MD5", Digest::Md5), ("SHA-256", Digest::Sha256)];
/// More calls than one process has ports and memory for.
const MOST_CALLS: i64 = 1_000_000;

pub(super) fn read(fields: &mut Fields<'_, '_>) -> Sip {
    let listen =
        fields.required("listen", "as in [\"udp:127.0.0.1:5060\", \"tcp:127.0.0.1:5060\"]", some(sip_listen));
    let timer = duration_in(Millis::from_secs(90), Millis::from_secs(86_400));
    let sip = Sip {
        listen: listen.unwrap_or_default(),
        external: fields.optional("external", ip),
        tls: fields.optional("tls", server::tls),
        realm: fields.or("realm", defaults::REALM.to_owned(), line),
        digest: fields.or("digest", vec![Digest::Md5], some(one_of(&DIGESTS))),
        trunks: fields.or("trunks", Vec::new(), list(trunk)),
        rtp_ports: fields.or("rtp_ports", defaults::RTP_PORTS, ports),
        music: fields.or("music", BTreeMap::new(), map(any_key, path)),
        sounds: fields.optional("sounds", path),
        session_timer: fields.or("session_timer", defaults::SESSION_TIMER, timer),
        max_calls: fields.or("max_calls", defaults::MAX_CALLS, calls),
        name_servers: fields.or("name_servers", Vec::new(), some(name_server)),
    };
    check_listen(fields, &sip);
    sip
}

/// What peers are told must be an address they can reach, and TLS needs a certificate.
fn check_listen(fields: &mut Fields<'_, '_>, sip: &Sip) {
    let everywhere = sip.listen.iter().any(|listen| listen.address.ip().is_unspecified());
    if everywhere && !fields.has("external") {
        let hint = "external = \"203.0.113.5\", or listen on that address";
        fields.error_at("listen", "peers are not told where to reach us", hint);
    }
    let secured =
        sip.listen.iter().any(|listen| matches!(listen.transport, SipTransport::Tls | SipTransport::Wss));
    if secured && !fields.has("tls") {
        let hint = "tls = { cert = \"server.pem\", key = \"server.key\" }";
        fields.error_at("listen", "TLS needs a certificate", hint);
    }
}

fn sip_listen(reader: &mut Reader, node: &Node<'_>) -> Option<SipListen> {
    let text = text(reader, node)?;
    let parsed = text.split_once(':').and_then(|(transport, address)| {
        let (_, transport) = SIP_TRANSPORTS.iter().find(|(word, _)| *word == transport)?;
        Some(SipListen { transport: *transport, address: address.parse::<SocketAddr>().ok()? })
    });
    if parsed.is_none() {
        let hint = "transport (udp, tcp, tls, ws, wss), IP address and port, as in \"udp:127.0.0.1:5060\"";
        reader.error(node, format!("{text:?} is no place to listen for SIP"), hint);
    }
    parsed
}

/// An address, with the port where it is not 53.
fn name_server(reader: &mut Reader, node: &Node<'_>) -> Option<SocketAddr> {
    let text = text(reader, node)?;
    let alone = || text.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, 53));
    let address = text.parse::<SocketAddr>().ok().or_else(alone);
    if address.is_none() {
        reader.error(
            node,
            format!("{text:?} is no IP address"),
            "as in \"192.0.2.53\" or \"127.0.0.1:5353\"",
        );
    }
    address
}

fn ip(reader: &mut Reader, node: &Node<'_>) -> Option<IpAddr> {
    let text = text(reader, node)?;
    let address = text.parse::<IpAddr>().ok().filter(|address| !address.is_unspecified());
    if address.is_none() {
        reader.error(node, format!("{text:?} is no IP address"), "as in \"203.0.113.5\"");
    }
    address
}

/// `"16384-32767"`: even ports of it are used for voice.
fn ports(reader: &mut Reader, node: &Node<'_>) -> Option<(u16, u16)> {
    let text = text(reader, node)?;
    let parsed = text.split_once('-').and_then(|(first, last)| {
        let (first, last) = (first.trim().parse::<u16>().ok()?, last.trim().parse::<u16>().ok()?);
        (first >= 1_024 && last > first).then_some((first, last))
    });
    if parsed.is_none() {
        reader.error(
            node,
            format!("{text:?} is no range of ports"),
            "two ports from 1024 on, as in \"16384-32767\"",
        );
    }
    parsed
}

fn calls(reader: &mut Reader, node: &Node<'_>) -> Option<usize> {
    integer(1, MOST_CALLS)(reader, node).and_then(|calls| usize::try_from(calls).ok())
}

fn trunk(reader: &mut Reader, node: &Node<'_>) -> Option<Trunk> {
    let mut fields = reader.fields(node)?;
    let name = fields.required("name", "what rules call it, as in \"carrier\"", word("-_."));
    let from = fields.required("from", "networks it sends from, as in [\"192.0.2.0/24\"]", some(network));
    let addresses =
        fields.required("address", "where calls go to, as in \"sip:192.0.2.7:5060;transport=udp\"", sip_uris);
    let username = fields.optional("username", line);
    let password = fields.optional("secret", secret);
    for (here, there) in [("username", "secret"), ("secret", "username")] {
        if fields.has(here) && !fields.has(there) {
            fields.error_at(
                here,
                format!("`{here}` without `{there}`"),
                "the trunk asks for both, or for none",
            );
        }
    }
    let every = duration_in(Millis::from_secs(5), Millis::from_secs(3_600));
    let trunk = (
        username.zip(password).map(|(username, secret)| TrunkAccount { username, secret }),
        fields.optional("keep_alive", every),
        fields.optional("max_calls", calls),
        fields.or("outside", true, boolean),
        fields.or("trusted", true, boolean),
        fields.or("watch", false, boolean),
    );
    fields.finish();
    let (account, keep_alive, max_calls, outside, trusted, watch) = trunk;
    let (name, from, addresses) = (name?, from?, addresses?);
    Some(Trunk { name, from, addresses, account, keep_alive, max_calls, outside, trusted, watch })
}

/// One, or a list of which the first that works is taken.
fn sip_uris(reader: &mut Reader, node: &Node<'_>) -> Option<Vec<String>> {
    if node.value.is_array() {
        let nodes = items(reader, node)?;
        let uris: Vec<_> = nodes.iter().filter_map(|node| sip_uri(reader, node)).collect();
        if nodes.is_empty() {
            reader.error(node, "nowhere to send calls to", "name at least one");
        }
        return (uris.len() == nodes.len() && !uris.is_empty()).then_some(uris);
    }
    sip_uri(reader, node).map(|uri| vec![uri])
}

fn sip_uri(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = line(reader, node)?;
    let rest = text.strip_prefix("sip:").or_else(|| text.strip_prefix("sips:"));
    let authority =
        rest.and_then(|rest| rest.split([';', '?']).next()).map(|a| a.rsplit('@').next().unwrap_or(a));
    let with_port = authority.map(|authority| {
        let has_port = authority.rsplit(']').next().is_some_and(|tail| tail.contains(':'));
        if has_port { authority.to_owned() } else { format!("{authority}:5060") }
    });
    if with_port.is_some_and(|address| address.parse::<HostPort>().is_ok())
        && !text.contains(char::is_whitespace)
    {
        return Some(text);
    }
    reader.error(node, format!("{text:?} is no SIP URI"), "as in \"sip:192.0.2.7:5060;transport=udp\"");
    None
}
