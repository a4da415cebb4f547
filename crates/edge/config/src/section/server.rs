//! `[server]`: where HTTP is served.

use std::{net::SocketAddr, path::PathBuf};

use crate::{
    defaults,
    read::{
        Node, Reader,
        value::{integer, line, list, listen, path},
    },
};

/// `[server]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// IP address and port; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Pages of these origins may use the API from a browser.
    pub allowed_origins: Vec<String>,
    /// Served by TLS.
    pub tls: Option<ServerTls>,
    /// How often one may ask.
    pub limits: ServerLimits,
}

/// `server.limits`: requests in a second, kept up; twice as many at once. 0: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerLimits {
    /// With one token.
    pub token_per_second: u32,
    /// From one address: of IPv6 from one /64. Behind a proxy all clients have the proxy's.
    pub address_per_second: u32,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            token_per_second: defaults::TOKEN_PER_SECOND,
            address_per_second: defaults::ADDRESS_PER_SECOND,
        }
    }
}

/// `server.tls`, and `pbx.tls` of a PBX of kind `sip`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTls {
    /// The certificate chain, PEM.
    pub cert: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

impl Server {
    /// `https` where it is served by TLS, else `http`.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: defaults::LISTEN,
            allowed_origins: Vec::new(),
            tls: None,
            limits: ServerLimits::default(),
        }
    }
}

pub(crate) fn read(reader: &mut Reader, node: &Node<'_>) -> Option<Server> {
    let default = Server::default();
    let mut fields = reader.fields(node)?;
    let server = Server {
        listen: fields.or("listen", default.listen, listen),
        allowed_origins: fields.or("allowed_origins", default.allowed_origins, list(origin)),
        tls: fields.optional("tls", tls),
        limits: fields.or("limits", default.limits, limits),
    };
    if !server.listen.ip().is_loopback() && !fields.has("tls") {
        let hint = "set `tls`, or listen on loopback behind a proxy that does TLS";
        fields.warn_at("listen", format!("{} is reachable from outside without TLS", server.listen), hint);
    }
    fields.finish();
    Some(server)
}

fn limits(reader: &mut Reader, node: &Node<'_>) -> Option<ServerLimits> {
    let default = ServerLimits::default();
    let mut fields = reader.fields(node)?;
    let limits = ServerLimits {
        token_per_second: fields.or("token_per_second", default.token_per_second, per_second),
        address_per_second: fields.or("address_per_second", default.address_per_second, per_second),
    };
    fields.finish();
    Some(limits)
}

fn per_second(reader: &mut Reader, node: &Node<'_>) -> Option<u32> {
    integer(0, 1_000_000)(reader, node).and_then(|count| u32::try_from(count).ok())
}

/// Certificate and key.
pub(crate) fn tls(reader: &mut Reader, node: &Node<'_>) -> Option<ServerTls> {
    let mut fields = reader.fields(node)?;
    let cert = fields.required("cert", "the file with the certificate chain", path);
    let key = fields.required("key", "the file with the private key", path);
    fields.finish();
    Some(ServerTls { cert: cert?, key: key? })
}

/// Scheme, host and port (RFC 6454 section 4), as browsers send them.
fn origin(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let text = line(reader, node)?;
    let host =
        text.split_once("://").filter(|(scheme, _)| scheme.starts_with(|c: char| c.is_ascii_lowercase()));
    let hint = match host {
        None if text == "*" => "name each origin: with any origin every page in the world could dial",
        Some((_, host)) if host.contains(['/', '?', '#']) => "leave out the path and the slash at the end",
        Some((_, host)) if !host.is_empty() && !host.contains(char::is_whitespace) => return Some(text),
        _ => "scheme and host, as in https://crm.example.com",
    };
    reader.error(node, format!("{text:?} is no origin"), hint);
    None
}
