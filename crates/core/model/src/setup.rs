//! The routing configuration as the engine knows it: checked, without secrets, without anything of the edge.
//!
//! `config` lowers the TOML file to this; every field means what the key of the same name means in the contract.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    AgentId, MenuId, Millis, PbxId, QueueId, Skill, TeamId,
    agent::AgentState,
    alert::Figure,
    call::{Address, AttachedData},
};

/// Everything the engine routes by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Setup {
    /// Counted up with each applied configuration; every decision names it.
    pub version: u64,
    /// The PBXs.
    pub pbxs: Vec<PbxSetup>,
    /// The agents.
    pub agents: Vec<AgentSetup>,
    /// The queues.
    pub queues: Vec<QueueSetup>,
    /// The routing rules, first match wins.
    pub routes: Vec<RouteSetup>,
    /// Named calendars.
    pub calendars: BTreeMap<String, CalendarSetup>,
    /// Who may dial out, and how much.
    #[serde(default)]
    pub outbound: OutboundSetup,
    /// Somebody can be asked who a customer is; none: nobody is, and every customer is unknown.
    #[serde(default)]
    pub lookup: Option<LookupSetup>,
    /// When screens pop.
    #[serde(default)]
    pub pops: PopSetup,
    /// Queues that are gone, with those that took their place: who waits in one goes on in the other.
    #[serde(default)]
    pub replaced: BTreeMap<QueueId, QueueId>,
    /// Named lists of numbers and other texts, for rules: `ani in list.blacklist`.
    #[serde(default)]
    pub lists: BTreeMap<String, Vec<String>>,
    /// Menus of the dialplan that rules send callers into.
    #[serde(default)]
    pub menus: BTreeMap<MenuId, MenuSetup>,
    /// Which figures of which queues are watched; at most one limit a figure.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub alerts: BTreeMap<QueueId, Vec<AlertSetup>>,
}

/// A limit of a queue's figure, with what keeps an alert from being raised and cleared by turns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AlertSetup {
    /// What is watched.
    pub figure: Figure,
    /// Raised beyond this.
    pub raise: f64,
    /// Cleared when it is not beyond this any more.
    pub clear: f64,
    /// Raised only after it was beyond [`raise`](Self::raise) for so long without a break.
    pub after: Millis,
    /// Cleared only after it was not beyond [`clear`](Self::clear) for so long without a break.
    pub hold: Millis,
}

/// A menu: a prompt, and the keys a caller may press. The dialplan runs it; the engine sends callers there and knows under
/// which name the choice comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MenuSetup {
    /// What is said first, in the PBX's own names: `welcome&sales-or-support`.
    pub prompt: String,
    /// How long each key is waited for.
    pub timeout: Millis,
    /// How often it is asked again.
    pub retries: u32,
    /// What is said after a key that means nothing here.
    pub invalid: Option<String>,
    /// What it takes.
    pub takes: MenuTakes,
    /// What stands for no answer; none: the data is left empty.
    pub otherwise: Option<String>,
    /// Under which name the choice is attached: `ivr.main`. A caller of whom this is known is not asked.
    pub data: String,
}

/// What a menu takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MenuTakes {
    /// One key, and what it stands for.
    Choices(BTreeMap<char, String>),
    /// A number.
    Number {
        /// Of so many digits.
        digits: u8,
        /// Or of fewer, with `#` behind them.
        early: bool,
    },
}

/// When a waiting caller is told the place in line, and how long it may still take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnounceSetup {
    /// First after this wait.
    pub after: Millis,
    /// Then so often; none: once.
    pub every: Option<Millis>,
    /// The place is said.
    pub position: bool,
    /// The estimated wait is said, where there is an estimate.
    pub wait: bool,
}

/// When screens pop.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PopSetup {
    /// For every call of which nothing else is said.
    pub when: PopWhen,
    /// For the calls that these queues offer.
    #[serde(default)]
    pub queues: BTreeMap<QueueId, PopWhen>,
}

/// The moment a screen pops at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PopWhen {
    /// The agent's device rings.
    #[default]
    Ring,
    /// The agent talks to the customer.
    Answer,
}

/// How the answer to "who is calling" is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupSetup {
    /// How long a call waits for it where a rule reads `customer`; zero: routed with what is known. Nothing else waits:
    /// a pop is told as `pending` and completed later.
    pub route_wait: Millis,
}

impl Setup {
    /// The IANA name of the time zone that days and local times are meant in: the one all calendars have in common,
    /// else `UTC`.
    #[must_use]
    pub fn timezone(&self) -> &str {
        let mut zones = self.calendars.values().map(|calendar| calendar.timezone.as_str());
        let first = zones.next();
        first.filter(|first| zones.all(|other| other == *first)).unwrap_or("UTC")
    }
}

/// What click-to-dial, consultations and transfers may reach: the guard against toll fraud. Agents and queues always may.
/// Any other number has to be allowed, short ones too, because a PBX may take them outside: `9` and a number, a paid
/// short code, an emergency call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct OutboundSetup {
    /// E.164 prefixes; a number that begins with none of them is refused.
    pub allow: Vec<String>,
    /// Numbers of the house beside those of agents: at most six of `0`–`9`, `*`, `#`, and `x` for any digit.
    #[serde(default)]
    pub extensions: Vec<String>,
    /// Calls begun by one agent in any 60 s; none: no limit. The same of the following.
    pub per_agent_per_minute: Option<u32>,
    /// Calls begun by all agents in any 60 s.
    pub per_minute: Option<u32>,
    /// Outside calls at once.
    pub concurrent: Option<u32>,
    /// Calls begun by one agent in any 24 h.
    pub per_agent_per_day: Option<u32>,
    /// A calendar's name: dialled out only while it is open.
    pub hours: Option<String>,
    /// How long an agent's own devices ring for a click-to-dial, by PBX; 30 s where nothing stands.
    #[serde(default)]
    pub ring_timeouts: BTreeMap<PbxId, Millis>,
}

/// One PBX.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PbxSetup {
    /// Its name.
    pub name: PbxId,
    /// Whether we route or only look.
    pub mode: Mode,
    /// Conversations on it can be recorded.
    #[serde(default = "yes")]
    pub records: bool,
}

const fn yes() -> bool {
    true
}

/// Whether we route or only look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Callers wait in our waiting room; we decide.
    Route,
    /// Read only.
    Observe,
}

/// One agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSetup {
    /// Id.
    pub id: AgentId,
    /// What to show.
    pub name: String,
    /// Where the devices are.
    pub pbx: PbxId,
    /// What others dial to reach the agent.
    pub extension: Option<String>,
    /// What the PBX rings, all at once.
    pub devices: Vec<Address>,
    /// Levels 1 to 10.
    pub skills: BTreeMap<Skill, u8>,
    /// Teams.
    pub teams: Vec<TeamId>,
    /// The state at the first start: `LoggedOut` or `Ready`.
    pub start: AgentState,
    /// The number shown to whom the agent dials; none: what the PBX shows by itself.
    #[serde(default)]
    pub caller_id: Option<String>,
    /// The devices answer when they are told to (SIP `NOTIFY` with `Event: talk`).
    #[serde(default)]
    pub remote_answer: bool,
}

/// How a queue chooses among its ready agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Who has waited longest since the last call.
    LongestIdle,
    /// Who took the fewest calls.
    LeastCalls,
    /// Who talked the smallest share of the time logged in.
    LeastOccupied,
    /// Who has the highest level of the skills asked for.
    BestSkill,
    /// In turn.
    RoundRobin,
    /// By lot, seeded.
    Random,
    /// All at once, the first to answer wins.
    RingAll,
}

/// Who serves a queue.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Members {
    /// Everybody in these teams.
    pub teams: Vec<TeamId>,
    /// And these.
    pub agents: Vec<AgentId>,
}

/// What is asked of an agent from a waiting time on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// From this waiting time on; the first is zero.
    pub after: Millis,
    /// Least levels.
    pub skills: BTreeMap<Skill, u8>,
    /// Instead of the queue's members, from then on.
    pub teams: Option<Vec<TeamId>>,
}

/// What happens to a caller who waited too long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaxWait {
    /// After this.
    pub after: Millis,
    /// Then this.
    pub then: Overflow,
}

/// Where a caller goes who waited too long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// Into another queue, with the total wait kept.
    Queue(QueueId),
    /// To a number.
    Transfer(String),
    /// Ended.
    Hangup,
    /// Called back later, keeping the place.
    Callback,
}

/// A service level: this share answered within this time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ServiceLevel {
    /// 0 to 1.
    pub target: f64,
    /// The time.
    pub within: Millis,
}

/// One queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueSetup {
    /// Id.
    pub id: QueueId,
    /// How it chooses.
    pub strategy: Strategy,
    /// Who serves it.
    pub members: Members,
    /// What is asked, loosened with waiting time; sorted by `after`.
    pub requires: Vec<Requirement>,
    /// How long an offer rings.
    pub offer_timeout: Millis,
    /// Time after a call.
    pub wrap_up: Millis,
    /// What is aimed at.
    pub service_level: ServiceLevel,
    /// What happens to who waited too long.
    pub max_wait: Option<MaxWait>,
    /// How long the last agent of a customer is tried first.
    pub sticky: Option<Millis>,
    /// How long a sticky agent who is busy is waited for, before the others are tried.
    pub sticky_wait: Millis,
    /// A wait of this length counts as one point of priority; none: priorities are strict.
    pub ageing: Option<Millis>,
    /// Who is transferred into it keeps the time waited so far, and so the place; else begins at the end.
    #[serde(default)]
    pub transfer_keeps_place: bool,
    /// What waiting callers are told; none: nothing but music.
    #[serde(default)]
    pub announce: Option<AnnounceSetup>,
    /// How its callers are called back; none: nobody is who does not ask by way of the API.
    #[serde(default)]
    pub callback: Option<CallbackSetup>,
}

/// How a queue calls its callers back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackSetup {
    /// The key that a waiting caller presses for it: `0`–`9`, `*`, `#`; none: nobody can by key.
    pub key: Option<char>,
    /// The customer is dialled so often at most.
    pub attempts: u32,
    /// How long after a customer who was not reached it is in line again.
    pub retry_after: Millis,
    /// Given up so long after it was made, or after the time it was made for.
    pub expires: Millis,
    /// A calendar's name: customers are only dialled while it is open.
    pub hours: Option<String>,
    /// What the caller hears before the PBX hangs up; none: nothing is said.
    pub prompt: Option<String>,
    /// How long an agent who is asked for by name is waited for while busy.
    pub agent_wait: Millis,
}

impl Default for CallbackSetup {
    fn default() -> Self {
        Self {
            key: None,
            attempts: 3,
            retry_after: Millis::from_secs(15 * 60),
            expires: Millis::from_secs(86_400),
            hours: None,
            prompt: None,
            agent_wait: Millis::from_secs(10 * 60),
        }
    }
}

/// One routing rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteSetup {
    /// Its name, unique.
    pub name: String,
    /// CEL over ani, dnis, data, customer, now, pbx, trunk; none matches always.
    pub when: Option<String>,
    /// Where the call goes.
    pub target: RouteTarget,
    /// Higher is served first.
    pub priority: i32,
    /// Skills asked for beside the queue's own.
    pub requires: BTreeMap<Skill, u8>,
    /// Data to attach.
    pub set: AttachedData,
    /// Who is asked first, where the target is a queue.
    #[serde(default)]
    pub prefer: Option<PreferSetup>,
}

/// The agent a rule wants first: alone for a while, then the agent's teams for a while, then everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreferSetup {
    /// CEL that names an agent by id: `customer.owner`, `data.agent`, `"alice"`. Whom nobody knows is nobody.
    pub agent: String,
    /// How long a busy agent is waited for; one who is away is not.
    pub wait: Millis,
    /// How long the agent's teams are asked alone after that.
    pub team_wait: Millis,
}

/// Where a rule sends a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteTarget {
    /// Into a queue.
    Queue(QueueId),
    /// To one agent.
    Agent(AgentId),
    /// To a number of the PBX.
    Transfer(String),
    /// Into a menu, and back to the rules with what was chosen. A rule is passed over for a caller who has chosen.
    Menu(MenuId),
    /// Ended.
    Hangup,
    /// Refused.
    Reject(Rejection),
}

/// How a caller is refused, in Q.850 causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// 17, as if the line were busy.
    Busy,
    /// 21, call rejected.
    Spam,
}

/// Opening hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarSetup {
    /// IANA name.
    pub timezone: String,
    /// Seven days, Monday first; spans in minutes of the day, end exclusive.
    pub open: [Vec<(u16, u16)>; 7],
    /// Days closed: `2026-12-25`, from one to another `2026-12-24/2027-01-01`, each year `--12-25`, `--12-24/--12-31`.
    pub closed: Vec<String>,
    /// Days with other hours, written likewise: these spans instead of the day's; none: closed. Before `closed`; the
    /// shortest of several that name a day counts.
    #[serde(default)]
    pub special: BTreeMap<String, Vec<(u16, u16)>>,
}
