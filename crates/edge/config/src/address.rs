//! Addresses on the network.

use std::{fmt, net::SocketAddr, str::FromStr};

/// A host and a port to connect to. The host is a name or an IP address, IPv6 without its brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// Name or address.
    pub host: String,
    /// Never 0.
    pub port: u16,
}

/// Why a text is no [`HostPort`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHostPort {
    /// No colon and number at the end.
    #[error("the port is missing")]
    NoPort,
    /// Not 1 to 65535.
    #[error("the port is not 1 to 65535")]
    Port,
    /// Empty, or with characters that no host has.
    #[error("the host is wrong")]
    Host,
}

impl FromStr for HostPort {
    type Err = InvalidHostPort;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').ok_or(InvalidHostPort::NoPort)?;
        if port.ends_with(']') || port.is_empty() {
            return Err(InvalidHostPort::NoPort);
        }
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) => {
                address.parse::<std::net::Ipv6Addr>().map(|_| address).map_err(|_| InvalidHostPort::Host)?
            }
            None => host,
        };
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if host.is_empty() || (!host.contains(':') && !host.chars().all(named)) {
            return Err(InvalidHostPort::Host);
        }
        if host.contains(':') && !text.starts_with('[') {
            return Err(InvalidHostPort::Host);
        }
        let digits = port.bytes().all(|b| b.is_ascii_digit());
        let port = port.parse().ok().filter(|port| digits && *port > 0).ok_or(InvalidHostPort::Port)?;
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// How SIP travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the transports of RFC 3261 and RFC 7118")]
pub enum SipTransport {
    Udp,
    Tcp,
    Tls,
    Ws,
    Wss,
}

/// Where SIP is listened for: `udp:127.0.0.1:5060`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SipListen {
    /// How it travels.
    pub transport: SipTransport,
    /// IP address and port.
    pub address: SocketAddr,
}

pub(crate) const SIP_TRANSPORTS: [(&str, SipTransport); 5] = [
    ("udp", SipTransport::Udp),
    ("tcp", SipTransport::Tcp),
    ("tls", SipTransport::Tls),
    ("ws", SipTransport::Ws),
    ("wss", SipTransport::Wss),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_read_and_shown() {
        for text in ["127.0.0.1:5038", "pbx.example.com:5039", "[::1]:5038", "a_b-c:1"] {
            assert_eq!(text.parse::<HostPort>().unwrap().to_string(), text);
        }
        for (text, why) in [
            ("", InvalidHostPort::NoPort),
            ("pbx", InvalidHostPort::NoPort),
            ("pbx:", InvalidHostPort::NoPort),
            ("[::1]", InvalidHostPort::NoPort),
            ("::1:5038", InvalidHostPort::Host),
            (":5038", InvalidHostPort::Host),
            ("a b:5038", InvalidHostPort::Host),
            ("[pbx]:5038", InvalidHostPort::Host),
            ("pbx:0", InvalidHostPort::Port),
            ("pbx:65536", InvalidHostPort::Port),
            ("pbx:+80", InvalidHostPort::Port),
            ("pbx:ami", InvalidHostPort::Port),
        ] {
            assert_eq!(text.parse::<HostPort>(), Err(why), "{text}");
        }
    }
}
