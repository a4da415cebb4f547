//! What a simulated PBX is made of: its users, phones, trunk, queues and dialplan.

use crate::dialplan::{Dialplan, DialplanError};

/// Microseconds, since the Unix epoch where they are a point in time.
pub type Micros = u64;

/// One second.
pub const SECOND: Micros = 1_000_000;

/// One millisecond.
pub const MILLISECOND: Micros = 1_000;

/// A user of `manager.conf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmiUser {
    /// Name in the Login action.
    pub name: String,
    /// Secret, plain or as proof of a challenge.
    pub secret: String,
}

/// A SIP endpoint of `pjsip.conf`: an agent's phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneConfig {
    /// Name of the endpoint: `1001` is dialled as `PJSIP/1001`.
    pub name: String,
    /// Name it shows when it calls.
    pub display: String,
    /// Whether it is registered when the PBX starts.
    pub registered: bool,
}

/// A queue of `queues.conf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueConfig {
    /// Name in `Queue(name)`.
    pub name: String,
    /// Who is rung, and in which order.
    pub strategy: QueueStrategy,
    /// Static members: device and name.
    pub members: Vec<(String, String)>,
    /// How long one member is rung.
    pub timeout: Micros,
    /// Pause before the next try.
    pub retry: Micros,
    /// Pause of a member after a call.
    pub wrapup: Micros,
    /// Whether a member on a call is rung as well.
    pub ring_in_use: bool,
}

/// How app_queue chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueStrategy {
    /// One after the other, each call from the first.
    Linear,
    /// One after the other, going on where the last call stopped.
    RoundRobinMemory,
    /// All at once.
    RingAll,
    /// The one idle for longest.
    LeastRecent,
}

impl QueueStrategy {
    /// As `queues.conf` spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::RoundRobinMemory => "rrmemory",
            Self::RingAll => "ringall",
            Self::LeastRecent => "leastrecent",
        }
    }
}

/// A simulated PBX before it starts.
#[derive(Clone, Debug)]
pub struct PbxConfig {
    /// Same seed, same ids, same jitter.
    pub seed: u64,
    /// Version of the manager protocol in the greeting: `11.0.0` for Asterisk 22.
    pub ami_version: String,
    /// Version the PBX tells in CoreSettings.
    pub asterisk_version: String,
    /// Who may log in.
    pub users: Vec<AmiUser>,
    /// `channelvars` of `manager.conf`: what `ChanVariable` lines the events carry.
    pub channel_variables: Vec<String>,
    /// Whether events carry `Timestamp` (`timestampevents`).
    pub timestamps: bool,
    /// Phones.
    pub phones: Vec<PhoneConfig>,
    /// Context in which phones dial.
    pub phone_context: String,
    /// Name of the trunk's endpoint.
    pub trunk: String,
    /// Context in which calls from the trunk arrive.
    pub trunk_context: String,
    /// Queues of app_queue.
    pub queues: Vec<QueueConfig>,
    /// The dialplan.
    pub dialplan: Dialplan,
    /// How long `Answer()` waits for media; real callers without media wait 500 ms.
    pub answer_wait: Micros,
    /// Whether media flows: without it Asterisk never optimises Local pairs away.
    pub media: bool,
    /// Fastest and slowest answer of a phone to a message.
    pub latency: (Micros, Micros),
}

/// The dialplan of [`PbxConfig::lab`] around the contexts of Hookswitch.
const LAB_DIALPLAN: &str = include_str!("../dialplan/lab.conf");

/// The contexts of Hookswitch as agreed, for use without a configuration.
const HOOKSWITCH_DIALPLAN: &str = include_str!("../dialplan/hookswitch.conf");

impl PbxConfig {
    /// A small office: the phones 1001 to 1008, registered; a trunk; the queue `support` with 1001 and 1002; the
    /// numbers of the test bench's dialplan; a parking lot 700 to 720; the manager user `hookswitch` with the secret `hookswitch`.
    ///
    /// | number | what it does |
    /// | --- | --- |
    /// | 5001 | rings phone 1001 |
    /// | 5003, 5013, 5023, 6XXX | handed to Hookswitch |
    /// | 5004 | app_queue `support` |
    /// | 5005 | a digit, `HookswitchData`, then Hookswitch |
    /// | 5015 | a digit, then app_queue `support` |
    /// | 5009, 5010 | busy, congestion |
    /// | 5011 | rings 1001 and 1002 |
    /// | 5014 | rings 1001 behind a Local channel |
    /// | 5016 | rings 1001, then takes a message |
    /// | 1XXX | a phone, dialled from inside |
    /// | 8XXX | a conference, from inside |
    /// | *71XXX | picks up what rings at that phone, from inside |
    /// | 9…, +… | out through the trunk, from inside |
    ///
    /// # Errors
    /// None unless the crate's own dialplan is broken, which a test rules out.
    pub fn lab(seed: u64) -> Result<Self, DialplanError> {
        let mut config = Self::with_dialplan(seed, LAB_DIALPLAN)?;
        config.dialplan.add(HOOKSWITCH_DIALPLAN)?;
        Ok(config)
    }

    /// The same office with the contexts of Hookswitch as `hookswitch dialplan` prints them.
    ///
    /// # Errors
    /// The line of the generated text that is not dialplan.
    pub fn lab_with_generated(seed: u64, generated: &str) -> Result<Self, DialplanError> {
        let mut config = Self::with_dialplan(seed, LAB_DIALPLAN)?;
        config.dialplan.add(generated)?;
        Ok(config)
    }

    /// The same office with a dialplan of its own.
    ///
    /// # Errors
    /// The line of the text that is not dialplan.
    pub fn with_dialplan(seed: u64, dialplan: &str) -> Result<Self, DialplanError> {
        let phone = |number: u32| PhoneConfig {
            name: number.to_string(),
            display: format!("Agent {number}"),
            registered: true,
        };
        let member = |number: u32| (format!("PJSIP/{number}"), format!("Agent {number}"));
        let variables = [
            "HS_CALL",
            "HS_OFFER",
            "HS_CONSULT",
            "CALLERID(pres)",
            "REDIRECTING(from-num)",
            "REDIRECTING(reason)",
        ];
        Ok(Self {
            seed,
            ami_version: "11.0.0".to_owned(),
            asterisk_version: "22.10.1".to_owned(),
            users: vec![AmiUser { name: "hookswitch".to_owned(), secret: "hookswitch".to_owned() }],
            channel_variables: variables.map(str::to_owned).to_vec(),
            timestamps: true,
            phones: (1001..=1008).map(phone).collect(),
            phone_context: "from-internal".to_owned(),
            trunk: "trunk".to_owned(),
            trunk_context: "from-trunk".to_owned(),
            queues: vec![QueueConfig {
                name: "support".to_owned(),
                strategy: QueueStrategy::Linear,
                members: vec![member(1001), member(1002)],
                timeout: 5 * SECOND,
                retry: SECOND,
                wrapup: SECOND,
                ring_in_use: false,
            }],
            dialplan: Dialplan::parse(dialplan)?,
            answer_wait: 20 * MILLISECOND,
            media: true,
            latency: (MILLISECOND, 4 * MILLISECOND),
        })
    }

    /// Adds so many phones after the last one, named by number: agents for load.
    #[must_use]
    pub fn with_phones(mut self, first: u32, count: u32) -> Self {
        self.phones.extend((first..first + count).map(|number| PhoneConfig {
            name: number.to_string(),
            display: format!("Agent {number}"),
            registered: true,
        }));
        self
    }
}
