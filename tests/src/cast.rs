//! The people, numbers and queues of the stories, and the configuration that knows them.
//!
//! | name | who | where |
//! | --- | --- | --- |
//! | `C`, `C2`, `C3` | customers | +49305550001, …2, …3, behind the trunk |
//! | `A` | alice, skill support 9 | phone 1001 |
//! | `B` | bob, skill support 7 | phone 1002 |
//! | `D` | dora, skill billing 9 | phone 1003 |
//! | `E` | erin, no queue | phones 1004 (`E1`) and 1005 (`E2`) |
//! | `G` | gina, whose phone can be told to answer; only in stories that configure her | phone 1006 |
//! | `F` | an outside party | +493012345, behind the trunk |
//! | `X` | where callers go when the daemon is away | phone 1008, dialled as 600 |
//! | `Q` | queue `support`, sticky | dialled as 5003 in route mode, 5004 (app_queue) in observe mode |
//! | `Q2` | queue `billing` | 5013, route mode |
//! | `Q3` | queue `brief`: nobody serves it, after 2 s on to `billing` | 5023, route mode |

use std::net::SocketAddr;

use crate::ports::{free_port, free_ports};
use crate::sounds;

/// How the daemon uses the PBX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The daemon decides who is rung.
    Route,
    /// The PBX decides; the daemon reads.
    Observe,
}

/// The number of a customer.
#[must_use]
pub fn customer_number(who: &str) -> String {
    let last = who.strip_prefix('C').filter(|digits| !digits.is_empty()).unwrap_or("1");
    format!("+4930555000{last}")
}

/// The number of the outside party.
pub const OUTSIDE: &str = "+493012345";

/// The phone of a person; `None` for those behind the trunk.
#[must_use]
pub fn phone(who: &str) -> Option<&'static str> {
    Some(match who {
        "A" => "1001",
        "B" => "1002",
        "D" => "1003",
        "E1" => "1004",
        "E2" => "1005",
        "G" => "1006",
        "X" => "1008",
        _ => return None,
    })
}

/// The id in the configuration of a person or queue of a story; other words stay as they are.
#[must_use]
pub fn id(name: &str) -> String {
    match name {
        "A" => "alice",
        "B" => "bob",
        "D" => "dora",
        "E" => "erin",
        "G" => "gina",
        "Q" => "support",
        "Q2" => "billing",
        "Q3" => "brief",
        "F" | "outside" => OUTSIDE,
        other => other,
    }
    .to_owned()
}

/// The number a customer dials to reach somebody or something.
#[must_use]
pub fn dialled_from_outside(target: &str, mode: Mode) -> String {
    match (target, mode) {
        ("Q", Mode::Route) => "5003",
        ("Q", Mode::Observe) => "5004",
        ("Q2", _) => "5013",
        ("Q3", _) => "5023",
        ("ivr", Mode::Route) => "5005",
        ("ivr", Mode::Observe) => "5015",
        ("A", _) => "5001",
        ("E", _) => "5017",
        ("voicemail", _) => "5016",
        ("nowhere", _) => "5999",
        (number, _) => number,
    }
    .to_owned()
}

/// The number an agent's phone dials or transfers to.
#[must_use]
pub fn dialled_inside(target: &str, mode: Mode) -> String {
    match target {
        "F" => OUTSIDE.to_owned(),
        "nowhere" => "4444".to_owned(),
        "park" => "700".to_owned(),
        person => match phone(person) {
            Some(number) => number.to_owned(),
            None => dialled_from_outside(person, mode),
        },
    }
}

/// The PBX in the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Pbx {
    /// Of its manager interface.
    pub address: SocketAddr,
    /// User and secret there.
    pub credentials: (&'static str, &'static str),
    /// How the daemon uses it.
    pub mode: Mode,
    /// Where browsers register: `ws` or `wss`, and the address.
    pub websocket: Option<(&'static str, SocketAddr)>,
}

/// The configuration of the stories but for server and journal; `more` stands before queues and routes,
/// so its routes win.
#[must_use]
pub fn configuration(pbx: &Pbx, webhook: &str, more: &str) -> String {
    let Pbx { address, credentials: (username, secret), mode, websocket } = pbx;
    let mode = match mode {
        Mode::Route => "route",
        Mode::Observe => "observe",
    };
    let softphone = websocket
        .map_or_else(String::new, |(scheme, at)| format!("softphone = {{ url = \"{scheme}://{at}/ws\" }}\n"));
    let pbx = format!(
        r#"[[pbx]]
name = "hq"
kind = "asterisk"
address = "{address}"
username = "{username}"
secret = "{secret}"
mode = "{mode}"
dial_context = "from-internal"
fallback = {{ goto = "from-internal,600,1" }}
ring_timeout = "4s"
{softphone}"#
    );
    let mut text = around(&pbx, webhook);
    text.push_str(AGENTS);
    text.push_str(more);
    text.push_str(QUEUES);
    text
}

/// Numbers, this PBX, the CRM.
fn around(pbx: &str, webhook: &str) -> String {
    format!(
        r#"[numbers]
country = "DE"
outbound_allow = ["+49"]
extensions = ["xxx", "xxxx"]

{pbx}
[crm]
pop = {{ one = "https://crm.example.com/contacts/{{{{ customer.id | urlencode }}}}", many = "https://crm.example.com/search?tel={{{{ ani.e164 | urlencode }}}}", none = "https://crm.example.com/leads/new?tel={{{{ ani.e164 | urlencode }}}}" }}

[[webhook]]
name = "crm"
url = "{webhook}"
events = ["call.*", "agent.state", "screen.pop"]
secret = "{WEBHOOK_SECRET}"
allow_private = true

"#
    )
}

/// Hookswitch as the PBX: where phones and customers reach it, and where its trunk leads.
#[derive(Debug, Clone, Copy)]
pub struct Own {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where customers call from and the outside party is reached.
    pub trunk: SocketAddr,
    /// The first of its RTP ports.
    pub rtp: u16,
}

impl Own {
    /// How many RTP ports it has: for as many voices as a story has, twice.
    const RTP_PORTS: u16 = 40;

    /// On loopback, at ports that nobody else has.
    #[must_use]
    pub fn somewhere() -> Self {
        let ours = |last: u8| SocketAddr::from(([127, 0, 0, last], free_port()));
        Self { address: ours(1), trunk: ours(2), rtp: free_ports(Self::RTP_PORTS) }
    }
}

/// What the phones register with at Hookswitch itself.
pub const SIP_PASSWORD: &str = "a-password-of-the-tests";

/// The same people, numbers and queues where Hookswitch is the PBX. What the dialplan of the other PBXs does with
/// people's own numbers, routes do here.
#[must_use]
pub fn own_configuration(own: &Own, webhook: &str, more: &str) -> String {
    let Own { address, trunk, rtp } = own;
    let pbx = format!(
        r#"[[pbx]]
name = "hq"
kind = "sip"
listen = ["udp:{address}", "tcp:{address}"]
trunks = [{{ name = "carrier", from = ["{from}/32"], address = "sip:{trunk}" }}]
rtp_ports = "{rtp}-{last}"
sounds = "{sounds}"
ring_timeout = "4s"
"#,
        from = trunk.ip(),
        last = rtp + Own::RTP_PORTS - 1,
        sounds = sounds::folder().display(),
    );
    let sip = |text: &str| {
        let password = format!("sip_password = \"{SIP_PASSWORD}\"\ndevices = [\"sip:");
        text.replace("devices = [\"PJSIP/", &password).replace("PJSIP/", "sip:")
    };
    let mut text = around(&pbx, webhook);
    text.push_str(&sip(AGENTS));
    text.push_str(&sip(more));
    text.push_str(QUEUES);
    text.push_str(DIRECT);
    text
}

/// What webhooks are signed with.
pub const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const AGENTS: &str = r#"[[agent]]
id = "alice"
name = "Alice Zhang"
pbx = "hq"
devices = ["PJSIP/1001"]
skills = { support = 9 }
teams = ["tier1"]
start = "ready"

[[agent]]
id = "bob"
name = "Bob Okafor"
pbx = "hq"
devices = ["PJSIP/1002"]
skills = { support = 7 }
teams = ["tier1"]
start = "ready"

[[agent]]
id = "dora"
name = "Dora Lind"
pbx = "hq"
devices = ["PJSIP/1003"]
skills = { billing = 9 }
teams = ["tier2"]
start = "ready"

[[agent]]
id = "erin"
name = "Erin Sato"
pbx = "hq"
extension = "1004"
devices = ["PJSIP/1004", "PJSIP/1005"]
start = "ready"

"#;

const QUEUES: &str = r#"[[queue]]
id = "support"
strategy = "best-skill"
members = { teams = ["tier1"] }
requires = [{ skills = { support = 1 } }]
offer_timeout = "3s"
wrap_up = "1s"
sticky = "7d"

[[queue]]
id = "billing"
strategy = "longest-idle"
members = { teams = ["tier2"] }
requires = [{ skills = { billing = 1 } }]
offer_timeout = "3s"
wrap_up = "1s"

[[queue]]
id = "brief"
members = { teams = ["tier2"] }
requires = [{ skills = { support = 9, billing = 9 } }]
max_wait = { after = "2s", then = { queue = "billing" } }

[[route]]
name = "pressed two"
when = 'dnis == "5005" && data.choice == "2"'
queue = "billing"

[[route]]
name = "support"
when = 'dnis == "5003" || dnis == "5005"'
queue = "support"

[[route]]
name = "billing"
when = 'dnis == "5013"'
queue = "billing"

[[route]]
name = "brief"
when = 'dnis == "5023"'
queue = "brief"

"#;

const DIRECT: &str = r#"[[route]]
name = "alice"
when = 'dnis == "5001"'
agent = "alice"

[[route]]
name = "erin"
when = 'dnis == "5017"'
agent = "erin"

"#;
