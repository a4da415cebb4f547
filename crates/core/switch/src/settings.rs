//! What a switch is told by its configuration.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hookswitch_media::Clip;
use hookswitch_sip::{Transport, auth::Algorithm, message::Uri, registrar, transaction};

use crate::Line;

pub use crate::spoken::{Announce, Menu, Spoken, Takes};

/// What a switch is told by its configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The realm of our challenges, and the host of our users' addresses.
    pub realm: Box<str>,
    /// Digest algorithms a challenge offers, best first.
    pub algorithms: Vec<Algorithm>,
    /// Where we listen, with an address that peers can reach: what stands in our Contact, and where new flows begin.
    pub listen: Vec<(Transport, SocketAddr)>,
    /// Who may register, by name.
    pub users: BTreeMap<Arc<str>, User>,
    /// The trunks.
    pub trunks: Vec<Trunk>,
    /// Numbers that ring somebody here, dialled by users: an agent's extension.
    pub extensions: BTreeMap<String, Vec<Line>>,
    /// Numbers outside that users may dial and transfer to.
    pub outside: Outside,
    /// RFC 4028.
    pub session: SessionTimers,
    /// How often who waits unanswered hears so again: under three minutes (RFC 3261 section 13.3.1.1).
    pub queued_every: Duration,
    /// How long phones ring that are dialled by users.
    pub ring: Duration,
    /// Music and conferences; none: who waits after an answer hears nothing, and nobody confers.
    pub media: Option<MediaPorts>,
    /// Queues whose callers are answered with music, and which; `""` for those that are not named.
    pub music: BTreeMap<String, Arc<Clip>>,
    /// What callers are asked and told.
    pub spoken: Spoken,
    /// Bounds.
    pub limits: Limits,
    /// Timers of transactions.
    pub transactions: transaction::Settings,
    /// Bounds of registrations.
    pub registrar: registrar::Settings,
}

impl Settings {
    /// Nobody may do anything yet.
    #[must_use]
    pub fn new(realm: &str) -> Self {
        Self {
            realm: realm.into(),
            algorithms: vec![Algorithm::Md5],
            listen: Vec::new(),
            users: BTreeMap::new(),
            trunks: Vec::new(),
            extensions: BTreeMap::new(),
            outside: Outside::default(),
            session: SessionTimers::default(),
            queued_every: Duration::from_secs(55),
            ring: Duration::from_secs(30),
            media: None,
            music: BTreeMap::new(),
            spoken: Spoken::default(),
            limits: Limits::default(),
            transactions: transaction::Settings::default(),
            registrar: registrar::Settings::default(),
        }
    }

    /// A trunk by its name.
    #[must_use]
    pub fn trunk(&self, name: &str) -> Option<&Trunk> {
        self.trunks.iter().find(|trunk| *trunk.name == *name)
    }

    /// The trunk that what comes from there comes by.
    #[must_use]
    pub fn trunk_of(&self, from: IpAddr) -> Option<&Trunk> {
        self.trunks.iter().find(|trunk| trunk.from.iter().any(|network| network.contains(from)))
    }
}

/// Who may register and call.
#[derive(Clone)]
pub struct User {
    /// The secret of the digest.
    pub password: Box<str>,
    /// The number others see and dial; none: the name.
    pub number: Option<Box<str>>,
    /// The name others see.
    pub display: Option<Box<str>>,
    /// The phone answers when it is told to (`NOTIFY` with `Event: talk`).
    pub answers: bool,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("number", &self.number).finish_non_exhaustive()
    }
}

/// A way to another PBX or carrier.
#[derive(Debug, Clone)]
pub struct Trunk {
    /// Its name.
    pub name: Arc<str>,
    /// Who comes from there comes by this trunk.
    pub from: Vec<Network>,
    /// Where calls are sent, the first that works: hosts may be names, see [`Question`].
    pub addresses: Vec<Uri>,
    /// Who we are there, where it asks.
    pub account: Option<Account>,
    /// How often it is asked whether it is there; none: never, and it counts as up.
    pub keep_alive: Option<Duration>,
    /// Calls at once over it, both ways.
    pub max_calls: Option<usize>,
    /// Numbers outside are dialled by it; several are tried in their order.
    pub outside: bool,
    /// What it asserts about identities is believed, and it is told what we know (RFC 3325).
    pub trusted: bool,
}

/// A name and password at a peer.
#[derive(Clone)]
pub struct Account {
    /// The name.
    pub user: Box<str>,
    /// The password.
    pub password: Box<str>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A block of addresses: `192.0.2.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// An address of it.
    pub address: IpAddr,
    /// How many leading bits count.
    pub prefix: u8,
}

impl Network {
    /// Whether an address is in it. An IPv4 address that came mapped into IPv6 is itself.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let shift = 32_u32.saturating_sub(u32::from(self.prefix));
                (u32::from(ours) ^ u32::from(theirs)).checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let shift = 128_u32.saturating_sub(u32::from(self.prefix));
                (u128::from(ours) ^ u128::from(theirs)).checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// Reads a number as it is dialled here, in E.164; none when it is none.
pub type ReadNumber = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Numbers outside.
#[derive(Clone)]
pub struct Outside {
    /// Prefixes of E.164 numbers that may be reached; any other is refused.
    pub allow: Vec<String>,
    /// How numbers are read.
    pub read: ReadNumber,
}

impl Default for Outside {
    /// Nothing may be reached; numbers carry their plus sign.
    fn default() -> Self {
        let read = |number: &str| {
            let digits = number.strip_prefix('+')?;
            let fits = (3..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            fits.then(|| number.to_owned())
        };
        Self { allow: Vec::new(), read: Arc::new(read) }
    }
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside").field("allow", &self.allow).finish_non_exhaustive()
    }
}

/// How dead peers are noticed (RFC 4028).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTimers {
    /// A session lives so long without a refresh.
    pub expires: Duration,
    /// Shorter is refused (422); at least 90 s.
    pub min: Duration,
}

impl Default for SessionTimers {
    fn default() -> Self {
        Self { expires: Duration::from_secs(1_800), min: Duration::from_secs(90) }
    }
}

/// Where our own media is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaPorts {
    /// The address peers send to.
    pub address: IpAddr,
    /// The first port; even ports from here on are used.
    pub first: u16,
    /// The last.
    pub last: u16,
}

/// Bounds: what comes beyond is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Calls at once.
    pub calls: usize,
    /// Phones that are rung for one call at once.
    pub forks: usize,
    /// Bytes of a session description.
    pub sdp_bytes: usize,
    /// Attached data by headers: how many, and bytes of each.
    pub data: (usize, usize),
}

impl Default for Limits {
    fn default() -> Self {
        Self { calls: 10_000, forks: 50, sdp_bytes: 8 * 1_024, data: (32, 512) }
    }
}

/// Secrets and chance, as inputs.
#[derive(Clone)]
pub struct Keys {
    /// What nonces are made with.
    pub nonce: [u8; 32],
    /// What names are drawn from.
    pub seed: u64,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

/// A host that is a name: its addresses are asked of the edge (RFC 3263), again and again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The name.
    pub host: Box<str>,
    /// The port, where the address names one: then it is no SRV name.
    pub port: Option<u16>,
    /// How it is to be reached.
    pub transport: Transport,
}
