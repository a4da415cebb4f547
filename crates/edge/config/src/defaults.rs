//! What a key means when it is left out. `config/hookswitch.toml` shows each of them; a test compares.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use hookswitch_model::{Millis, setup::Strategy};

/// `server.listen`.
pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8088);
/// `server.limits.token_per_second`.
pub const TOKEN_PER_SECOND: u32 = 200;
/// `server.limits.address_per_second`.
pub const ADDRESS_PER_SECOND: u32 = 1_000;
/// `journal.path`.
pub const JOURNAL_PATH: &str = "/var/lib/hookswitch";
/// `journal.retention`.
pub const RETENTION: Millis = Millis::from_secs(30 * 86_400);
/// `pbx.dial_context`.
pub const DIAL_CONTEXT: &str = "from-internal";
/// `pbx.music`.
pub const MUSIC: &str = "default";
/// `pbx.ring_timeout`.
pub const RING_TIMEOUT: Millis = Millis::from_secs(30);
/// `pbx.features`: login, logout, pause, ready.
pub const FEATURES: [&str; 4] = ["*50", "*51", "*52", "*53"];
/// `pbx.realm`, of a PBX of kind `sip`.
pub const REALM: &str = "hookswitch";
/// `pbx.rtp_ports`, of a PBX of kind `sip`.
pub const RTP_PORTS: (u16, u16) = (16_384, 32_767);
/// `pbx.session_timer`, of a PBX of kind `sip` (RFC 4028 section 4.2 recommends it).
pub const SESSION_TIMER: Millis = Millis::from_secs(1_800);
/// `pbx.max_calls`, of a PBX of kind `sip`.
pub const MAX_CALLS: usize = 10_000;
/// `queue.strategy`.
pub const STRATEGY: Strategy = Strategy::LongestIdle;
/// `queue.offer_timeout`.
pub const OFFER_TIMEOUT: Millis = Millis::from_secs(15);
/// `queue.wrap_up`.
pub const WRAP_UP: Millis = Millis(0);
/// `queue.alerts.*.after`.
pub const ALERT_AFTER: Millis = Millis(0);
/// `queue.alerts.*.hold`.
pub const ALERT_HOLD: Millis = Millis::from_secs(30);
/// `queue.service_level.target`.
pub const SERVICE_LEVEL_TARGET: f64 = 0.8;
/// `queue.service_level.within`.
pub const SERVICE_LEVEL_WITHIN: Millis = Millis::from_secs(20);
/// `queue.sticky_wait`.
pub const STICKY_WAIT: Millis = Millis(0);
/// `queue.callback.attempts`.
pub const CALLBACK_ATTEMPTS: u32 = 3;
/// `queue.callback.retry_after`.
pub const CALLBACK_RETRY_AFTER: Millis = Millis::from_secs(15 * 60);
/// `queue.callback.expires`.
pub const CALLBACK_EXPIRES: Millis = Millis::from_secs(86_400);
/// `queue.callback.agent_wait`.
pub const CALLBACK_AGENT_WAIT: Millis = Millis::from_secs(10 * 60);
/// `queue.announce.after`.
pub const ANNOUNCE_AFTER: Millis = Millis::from_secs(20);
/// `menu.timeout`.
pub const MENU_TIMEOUT: Millis = Millis::from_secs(5);
/// `menu.retries`.
pub const MENU_RETRIES: i64 = 2;
/// `route.prefer.wait`.
pub const PREFER_WAIT: Millis = Millis::from_secs(20);
/// `route.prefer.team_wait`.
pub const PREFER_TEAM_WAIT: Millis = Millis::from_secs(20);
/// `crm.lookup.timeout`.
pub const LOOKUP_TIMEOUT: Millis = Millis(800);
/// `crm.lookup.cache`.
pub const LOOKUP_CACHE: Millis = Millis::from_secs(300);
/// `crm.lookup.none_status`.
pub const LOOKUP_NONE_STATUS: [u16; 2] = [404, 410];
/// `crm.lookup.none_text`; letters may be small or capital.
pub const LOOKUP_NONE_TEXT: &str = "unknown";
/// `crm.lookup.route_wait`.
pub const LOOKUP_ROUTE_WAIT: Millis = Millis(0);
/// `crm.directory.route_wait`: it is on the own disk, and answers in a few milliseconds.
pub const DIRECTORY_ROUTE_WAIT: Millis = Millis(200);
/// `webhook.timeout`.
pub const WEBHOOK_TIMEOUT: Millis = Millis::from_secs(10);
/// `webhook.preset`.
pub const WEBHOOK_PRESET: &str = "cloudevents";
/// `auth.jwt.agent_claim`.
pub const AGENT_CLAIM: &str = "sub";

/// `numbers.extensions`: every number of up to six digits, but no feature code. A house that can reach paid short codes
/// names its own numbers instead.
#[must_use]
pub fn extensions() -> Vec<String> {
    (1..=6).map(|digits| "x".repeat(digits)).collect()
}
