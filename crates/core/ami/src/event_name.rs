//! Event names as a small closed set, found in one probe.
//!
//! A consumer rejects what it does not want by [`EventName`] before any header of the frame is split.

use std::fmt;

/// Declares the set once: the enum, its text, and the list the look-up table is made of.
macro_rules! event_names {
    ($($(#[$group:meta])* $variant:ident = $text:literal,)*) => {
        /// The name of an AMI event, as spelt in the `Event:` header.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum EventName {
            $(#[doc = concat!("`Event: ", $text, "`")] $variant,)*
            /// A name that is not in this list: the consumer counts it and goes on.
            Unknown,
        }

        /// Every known name, in the order of the enum.
        const NAMES: &[(&str, EventName)] = &[$(($text, EventName::$variant),)*];
    };
}

event_names! {
    // Channels: class `call`, VarSet and Newexten `dialplan`.
    Newchannel = "Newchannel",
    Newstate = "Newstate",
    NewCallerid = "NewCallerid",
    NewConnectedLine = "NewConnectedLine",
    NewAccountCode = "NewAccountCode",
    Newexten = "Newexten",
    VarSet = "VarSet",
    Rename = "Rename",
    Hangup = "Hangup",
    HangupRequest = "HangupRequest",
    SoftHangupRequest = "SoftHangupRequest",
    HangupHandlerPush = "HangupHandlerPush",
    HangupHandlerPop = "HangupHandlerPop",
    HangupHandlerRun = "HangupHandlerRun",
    ChanSpyStart = "ChanSpyStart",
    ChanSpyStop = "ChanSpyStop",
    MonitorStart = "MonitorStart",
    MonitorStop = "MonitorStop",
    MixMonitorStart = "MixMonitorStart",
    MixMonitorStop = "MixMonitorStop",
    MixMonitorMute = "MixMonitorMute",
    ChannelTalkingStart = "ChannelTalkingStart",
    ChannelTalkingStop = "ChannelTalkingStop",
    // Dialling.
    DialBegin = "DialBegin",
    DialState = "DialState",
    DialEnd = "DialEnd",
    Dial = "Dial",
    OriginateResponse = "OriginateResponse",
    Pickup = "Pickup",
    // Bridges.
    BridgeCreate = "BridgeCreate",
    BridgeDestroy = "BridgeDestroy",
    BridgeEnter = "BridgeEnter",
    BridgeLeave = "BridgeLeave",
    BridgeMerge = "BridgeMerge",
    BridgeVideoSourceUpdate = "BridgeVideoSourceUpdate",
    LocalBridge = "LocalBridge",
    LocalOptimizationBegin = "LocalOptimizationBegin",
    LocalOptimizationEnd = "LocalOptimizationEnd",
    // Transfers and hold.
    BlindTransfer = "BlindTransfer",
    AttendedTransfer = "AttendedTransfer",
    Hold = "Hold",
    Unhold = "Unhold",
    MusicOnHoldStart = "MusicOnHoldStart",
    MusicOnHoldStop = "MusicOnHoldStop",
    // Parking.
    ParkedCall = "ParkedCall",
    UnParkedCall = "UnParkedCall",
    ParkedCallGiveUp = "ParkedCallGiveUp",
    ParkedCallTimeOut = "ParkedCallTimeOut",
    ParkedCallSwap = "ParkedCallSwap",
    ParkedCallsComplete = "ParkedCallsComplete",
    Parkinglot = "Parkinglot",
    // app_queue: class `agent`.
    QueueCallerJoin = "QueueCallerJoin",
    QueueCallerLeave = "QueueCallerLeave",
    QueueCallerAbandon = "QueueCallerAbandon",
    AgentCalled = "AgentCalled",
    AgentRingNoAnswer = "AgentRingNoAnswer",
    AgentConnect = "AgentConnect",
    AgentComplete = "AgentComplete",
    AgentDump = "AgentDump",
    AgentLogin = "AgentLogin",
    AgentLogoff = "AgentLogoff",
    QueueMemberAdded = "QueueMemberAdded",
    QueueMemberRemoved = "QueueMemberRemoved",
    QueueMemberPause = "QueueMemberPause",
    QueueMemberPenalty = "QueueMemberPenalty",
    QueueMemberRinginuse = "QueueMemberRinginuse",
    QueueMemberStatus = "QueueMemberStatus",
    QueueParams = "QueueParams",
    QueueMember = "QueueMember",
    QueueEntry = "QueueEntry",
    QueueStatusComplete = "QueueStatusComplete",
    QueueSummary = "QueueSummary",
    QueueSummaryComplete = "QueueSummaryComplete",
    // Conferences.
    ConfbridgeStart = "ConfbridgeStart",
    ConfbridgeEnd = "ConfbridgeEnd",
    ConfbridgeJoin = "ConfbridgeJoin",
    ConfbridgeLeave = "ConfbridgeLeave",
    ConfbridgeMute = "ConfbridgeMute",
    ConfbridgeUnmute = "ConfbridgeUnmute",
    ConfbridgeTalking = "ConfbridgeTalking",
    ConfbridgeRecord = "ConfbridgeRecord",
    ConfbridgeStopRecord = "ConfbridgeStopRecord",
    ConfbridgeList = "ConfbridgeList",
    ConfbridgeListComplete = "ConfbridgeListComplete",
    ConfbridgeListRooms = "ConfbridgeListRooms",
    ConfbridgeListRoomsComplete = "ConfbridgeListRoomsComplete",
    MeetmeJoin = "MeetmeJoin",
    MeetmeLeave = "MeetmeLeave",
    MeetmeEnd = "MeetmeEnd",
    // Digits, user events, async AGI.
    DTMFBegin = "DTMFBegin",
    DTMFEnd = "DTMFEnd",
    UserEvent = "UserEvent",
    AsyncAGIStart = "AsyncAGIStart",
    AsyncAGIExec = "AsyncAGIExec",
    AsyncAGIEnd = "AsyncAGIEnd",
    AGIExecStart = "AGIExecStart",
    AGIExecEnd = "AGIExecEnd",
    // Devices.
    DeviceStateChange = "DeviceStateChange",
    DeviceStateListComplete = "DeviceStateListComplete",
    ExtensionStatus = "ExtensionStatus",
    ExtensionStateListComplete = "ExtensionStateListComplete",
    PresenceStateChange = "PresenceStateChange",
    PresenceStatus = "PresenceStatus",
    ContactStatus = "ContactStatus",
    ContactStatusDetail = "ContactStatusDetail",
    ContactStatusDetailComplete = "ContactStatusDetailComplete",
    ContactList = "ContactList",
    ContactListComplete = "ContactListComplete",
    AorDetail = "AorDetail",
    AorList = "AorList",
    AorListComplete = "AorListComplete",
    EndpointDetail = "EndpointDetail",
    EndpointDetailComplete = "EndpointDetailComplete",
    EndpointList = "EndpointList",
    EndpointListComplete = "EndpointListComplete",
    PeerStatus = "PeerStatus",
    PeerEntry = "PeerEntry",
    PeerlistComplete = "PeerlistComplete",
    Registry = "Registry",
    MessageWaiting = "MessageWaiting",
    // Lists of what is going on.
    CoreShowChannel = "CoreShowChannel",
    CoreShowChannelsComplete = "CoreShowChannelsComplete",
    CoreShowChannelMapComplete = "CoreShowChannelMapComplete",
    BridgeListItem = "BridgeListItem",
    BridgeListComplete = "BridgeListComplete",
    BridgeInfoChannel = "BridgeInfoChannel",
    BridgeInfoComplete = "BridgeInfoComplete",
    Status = "Status",
    StatusComplete = "StatusComplete",
    ListDialplan = "ListDialplan",
    ShowDialPlanComplete = "ShowDialPlanComplete",
    // The PBX itself.
    FullyBooted = "FullyBooted",
    Shutdown = "Shutdown",
    Reload = "Reload",
    Load = "Load",
    Unload = "Unload",
    LogChannel = "LogChannel",
    Alarm = "Alarm",
    AlarmClear = "AlarmClear",
    // Records and measurements.
    Cdr = "Cdr",
    Cel = "CEL",
    RtcpSent = "RTCPSent",
    RtcpReceived = "RTCPReceived",
    TestEvent = "TestEvent",
    // Security log.
    SuccessfulAuth = "SuccessfulAuth",
    ChallengeSent = "ChallengeSent",
    ChallengeResponseFailed = "ChallengeResponseFailed",
    InvalidPassword = "InvalidPassword",
    InvalidAccountID = "InvalidAccountID",
    FailedAcl = "FailedACL",
    RequestBadFormat = "RequestBadFormat",
    RequestNotAllowed = "RequestNotAllowed",
}

/// Slots of the look-up table: a power of two well above the number of names, so that probes stay short.
const SLOTS: usize = 1024;

/// An empty slot.
const EMPTY: u8 = u8::MAX;

/// `slot(hash)` holds the position in [`NAMES`], collisions go to the next slot.
static TABLE: [u8; SLOTS] = build_table();

/// Mixes the length and four bytes, which tell all names apart but a few.
const fn slot(name: &[u8]) -> usize {
    let len = name.len();
    if len == 0 {
        return 0;
    }
    let mut hash = len;
    hash = hash.wrapping_mul(31).wrapping_add(name[0] as usize);
    hash = hash.wrapping_mul(31).wrapping_add(name[len / 3] as usize);
    hash = hash.wrapping_mul(31).wrapping_add(name[len * 2 / 3] as usize);
    hash = hash.wrapping_mul(31).wrapping_add(name[len - 1] as usize);
    (hash ^ (hash >> 10)) % SLOTS
}

const fn build_table() -> [u8; SLOTS] {
    assert!(NAMES.len() < EMPTY as usize, "positions must fit a byte");
    let mut table = [EMPTY; SLOTS];
    let mut position = 0;
    while position < NAMES.len() {
        let mut at = slot(NAMES[position].0.as_bytes());
        while table[at] != EMPTY {
            at = (at + 1) % SLOTS;
        }
        table[at] = position as u8;
        position += 1;
    }
    table
}

impl EventName {
    /// The name for the value of an `Event:` header, `Unknown` when it is not in the list. Case matters, as
    /// Asterisk never varies it.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        let mut at = slot(text);
        while let Some((name, event)) = NAMES.get(usize::from(TABLE[at])) {
            if name.as_bytes() == text {
                return *event;
            }
            at = (at + 1) % SLOTS;
        }
        Self::Unknown
    }

    /// The name as Asterisk spells it; `Unknown` for a name not in the list (the frame has the real one).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        NAMES.get(self as usize).map_or("Unknown", |(name, _)| name)
    }

    /// Every known name, for tables of counters.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        NAMES.iter().map(|(_, event)| *event)
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_finds_itself() {
        for name in EventName::all() {
            assert_eq!(EventName::of(name.as_str().as_bytes()), name);
        }
    }

    #[test]
    fn a_name_next_to_a_known_one_is_unknown() {
        for name in EventName::all() {
            let text = name.as_str();
            let longer = format!("{text}x");
            assert_eq!(EventName::of(longer.as_bytes()), EventName::Unknown, "{longer}");
            assert_eq!(EventName::of(text.to_ascii_uppercase().as_bytes()) == name, text == "CEL", "{text}");
        }
        assert_eq!(EventName::of(b""), EventName::Unknown);
        assert_eq!(EventName::of(b"\xff\0"), EventName::Unknown);
    }

    #[test]
    fn a_look_up_takes_few_probes() {
        let longest = NAMES
            .iter()
            .enumerate()
            .map(|(position, (name, _))| {
                let home = slot(name.as_bytes());
                let found = (0..SLOTS).find(|step| usize::from(TABLE[(home + step) % SLOTS]) == position);
                found.expect("every name is in the table")
            })
            .max();
        assert!(longest <= Some(4), "longest probe {longest:?}");
    }
}
