//! What a browser needs to be an agent's telephone, told to that agent only.

use hookswitch_config::Secret;

/// The browser of an agent as a phone of the PBX.
#[derive(Debug, Clone)]
pub struct Softphone {
    /// The device the PBX rings: `PJSIP/1001`.
    pub device: String,
    /// The PBX's SIP over WebSocket (RFC 7118).
    pub url: String,
    /// The host in the phone's address.
    pub domain: String,
    /// What it registers as.
    pub username: String,
    /// What it registers with, read each time it is asked for; none: the agent types it.
    pub password: Option<Secret>,
    /// Servers that tell a browser how it is seen from outside.
    pub stun: Vec<String>,
}
