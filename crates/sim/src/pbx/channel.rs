//! A channel: one leg as Asterisk sees it.

use std::fmt::Display;

use crate::config::Micros;
use crate::message::{Message, OrUnknown};
use crate::pbx::bridge::BridgeId;
use crate::pbx::conference::Seat;
use crate::pbx::dial::DialWork;
use crate::pbx::features::Typing;
use crate::pbx::originate::OriginateId;
use crate::pbx::queue::QueueWork;

/// The simulator's own number of a leg; scripts name legs by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId(pub(crate) u64);

/// `ChannelState` of AMI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChannelState {
    /// Being called, the phone has not said anything.
    Down,
    /// Calls us, not answered.
    Ring,
    /// Being called, rings.
    Ringing,
    /// Answered.
    Up,
}

impl ChannelState {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Down => 0,
            Self::Ring => 4,
            Self::Ringing => 5,
            Self::Up => 6,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Down => "Down",
            Self::Ring => "Ring",
            Self::Ringing => "Ringing",
            Self::Up => "Up",
        }
    }
}

/// A place in the dialplan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) context: String,
    pub(crate) exten: String,
    pub(crate) priority: u32,
}

impl Location {
    pub(crate) fn new(context: impl Into<String>, exten: impl Into<String>, priority: u32) -> Self {
        Self { context: context.into(), exten: exten.into(), priority }
    }
}

/// Number and name of a party.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Party {
    pub(crate) number: Option<String>,
    pub(crate) name: Option<String>,
}

impl Party {
    pub(crate) fn new(number: &str, name: &str) -> Self {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self { number: some(number), name: some(name) }
    }
}

/// How the number of the caller may be shown, as `CALLERID(pres)` says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Presentation {
    #[default]
    Allowed,
    Prohibited,
}

impl Presentation {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed_not_screened",
            Self::Prohibited => "prohib_not_screened",
        }
    }
}

/// How a variable passes on to the legs a channel dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inherit {
    Never,
    /// `_NAME`: to the next leg.
    Once,
    /// `__NAME`: to all legs that follow.
    Always,
}

/// A channel variable.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) inherit: Inherit,
}

/// Who dialled a leg that has no dialplan of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialler {
    /// `Dial()` on that channel.
    Dial(LegId),
    /// `Queue()` on that channel.
    Queue(LegId),
    /// The Originate action.
    Originate(OriginateId),
    /// A consultation started by feature code or `Atxfer`, for that channel.
    Consult(LegId),
}

/// What a channel is doing: what has to happen when something happens to it.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// Being dialled.
    Outgoing(Dialler),
    /// Was dialled and answered: lives as long as its bridge, and then goes to `after` if that is set (option `F`).
    Called { after: Option<Location> },
    /// Between two applications.
    Executing,
    /// In an application that only takes time.
    Sleeping,
    /// In one that a key ends.
    Listening(Listening),
    /// In `Read()`.
    Reading(Reading),
    /// In `Dial()`, nobody has answered.
    Dialling(DialWork),
    /// In `Dial()`, talking. `goes_on` is option `g`.
    Talking { goes_on: bool },
    /// In `Queue()`.
    Queued(QueueWork),
    /// In `ConfBridge()`.
    Conference(String),
    /// In `ChanSpy()`: hears that leg.
    Spying(LegId),
    /// Parked in that space.
    Parked(u16),
    /// Has parked somebody and hears the number of the space.
    Announced,
    /// In `Bridge()`, or put into a bridge from outside; goes on in its dialplan unless `ends`.
    Joined { ends: bool },
}

/// What a key does to an application that only takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listening {
    /// `WaitExten()`: any key is an extension, a wrong one goes to `i`.
    ForAny,
    /// `Background()` with option `m`, `SayNumber()`: a key that is an extension of one digit goes there.
    ForKnown,
}

/// Digits being collected.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) variable: String,
    pub(crate) prompt: String,
    pub(crate) digits: String,
    pub(crate) max: usize,
    /// How long the next digit may take.
    pub(crate) wait: Micros,
}

/// A live channel.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    pub(crate) name: String,
    pub(crate) uniqueid: String,
    pub(crate) linkedid: String,
    /// The endpoint it belongs to, none for a half of a Local pair.
    pub(crate) endpoint: Option<String>,
    /// The other half of a Local pair.
    pub(crate) local_peer: Option<LegId>,
    /// The pair stays when both halves talk (`/n`).
    pub(crate) local_kept: bool,
    /// Options `t` and `T` of `Dial()` and `Queue()`: may transfer by feature code.
    pub(crate) may_transfer: bool,
    pub(crate) typing: Typing,
    pub(crate) state: ChannelState,
    pub(crate) caller: Party,
    /// Whether [`Self::caller`] has changed and NewCallerid is to follow the next Newstate.
    pub(crate) caller_is_new: bool,
    pub(crate) connected: Party,
    pub(crate) presentation: Presentation,
    pub(crate) dialled: String,
    pub(crate) redirecting: Option<(String, String)>,
    pub(crate) place: Location,
    /// The place of the last Newexten: Asterisk tells a place once.
    pub(crate) told: Location,
    pub(crate) app: String,
    pub(crate) data: String,
    pub(crate) variables: Vec<Variable>,
    pub(crate) bridge: Option<BridgeId>,
    pub(crate) work: Work,
    /// Rises with every change of work, so that timers of the old work do nothing.
    pub(crate) generation: u64,
    pub(crate) music: Option<String>,
    pub(crate) holding: bool,
    /// What `CONFBRIDGE(user,…)` says of it.
    pub(crate) seat: Seat,
    /// Whether a `MixMonitor` writes what is said here.
    pub(crate) recorded: bool,
    /// Its far end has hung up while `ChanSpy()` saw nothing of it.
    pub(crate) asked_to_end: bool,
    pub(crate) cause: u16,
    pub(crate) tech_cause: Option<u16>,
    pub(crate) created: Micros,
    pub(crate) answered: Option<Micros>,
    /// Reported as gone by nobody: the fault `forget_hangup`.
    pub(crate) silent_end: bool,
}

impl Channel {
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.iter().find(|variable| variable.name == name).map(|variable| variable.value.as_str())
    }

    /// Sets a variable as `Set()` and `Setvar` name it, with up to two underscores.
    pub(crate) fn set_variable(&mut self, name: &str, value: &str) {
        let (name, inherit) = match (name.strip_prefix("__"), name.strip_prefix('_')) {
            (Some(name), _) => (name, Inherit::Always),
            (None, Some(name)) => (name, Inherit::Once),
            (None, None) => (name, Inherit::Never),
        };
        match self.variables.iter_mut().find(|variable| variable.name == name) {
            Some(variable) => {
                value.clone_into(&mut variable.value);
                if inherit != Inherit::Never {
                    variable.inherit = inherit;
                }
            }
            None => {
                self.variables.push(Variable { name: name.to_owned(), value: value.to_owned(), inherit });
            }
        }
    }

    /// What a leg dialled by this one gets.
    pub(crate) fn inherited(&self) -> Vec<Variable> {
        let passed = self.variables.iter().filter(|variable| variable.inherit != Inherit::Never);
        passed
            .cloned()
            .map(|variable| match variable.inherit {
                Inherit::Once => Variable { inherit: Inherit::Never, ..variable },
                Inherit::Always | Inherit::Never => variable,
            })
            .collect()
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state == ChannelState::Up
    }

    /// Whether a dialplan thread runs it.
    pub(crate) fn has_dialplan(&self) -> bool {
        !matches!(self.work, Work::Outgoing(_) | Work::Called { .. } | Work::Announced)
    }

    /// Writes the headers of a channel snapshot, without the channel variables.
    pub(crate) fn write(&self, message: &mut Message, prefix: &str) {
        if !message.is_wanted() {
            return;
        }
        let mut put = |key: &str, value: &dyn Display| {
            message.prefixed(prefix, key, value);
        };
        put("Channel", &self.name);
        put("ChannelState", &self.state.number());
        put("ChannelStateDesc", &self.state.as_str());
        put("CallerIDNum", &OrUnknown(self.caller.number.as_deref()));
        put("CallerIDName", &OrUnknown(self.caller.name.as_deref()));
        put("ConnectedLineNum", &OrUnknown(self.connected.number.as_deref()));
        put("ConnectedLineName", &OrUnknown(self.connected.name.as_deref()));
        put("Language", &"en");
        put("AccountCode", &"");
        put("Context", &self.place.context);
        put("Exten", &self.place.exten);
        put("Priority", &self.place.priority);
        put("Uniqueid", &self.uniqueid);
        put("Linkedid", &self.linkedid);
    }
}

/// Text of a Q.850 cause as Asterisk writes it (`Cause-txt`).
pub(crate) fn cause_text(cause: u16) -> &'static str {
    match cause {
        1 => "Unallocated (unassigned) number",
        3 => "No route to destination",
        16 => "Normal Clearing",
        17 => "User busy",
        18 => "No user responding",
        19 => "User alerting, no answer",
        20 => "Subscriber absent",
        21 => "Call Rejected",
        26 => "Answered elsewhere",
        27 => "Destination out of order",
        34 => "Circuit/channel congestion",
        38 => "Network out of order",
        127 => "Interworking, unspecified",
        _ => "Unknown",
    }
}

/// The Q.850 cause of a SIP final answer (`res_pjsip`, `ast_sip_hangup_sip2cause`).
pub(crate) fn sip_to_cause(status: u16) -> u16 {
    match status {
        401..=403 | 603 => 21,
        404 => 1,
        408 => 18,
        480 => 19,
        486 | 600 => 17,
        487 => 127,
        500..=599 => 34,
        _ => 16,
    }
}

/// The SIP final answer a caller gets for a cause while not answered.
pub(crate) fn cause_to_sip(cause: u16) -> Option<u16> {
    match cause {
        1 | 3 => Some(404),
        17 => Some(486),
        18 => Some(408),
        19 | 20 => Some(480),
        21 => Some(403),
        34 | 38 => Some(503),
        127 => Some(500),
        _ => None,
    }
}
