//! AMI of Asterisk to facts.
//!
//! ```
//! use hookswitch_ami::Frame;
//! use hookswitch_model::{PbxId, Timestamp, pbx::Fact};
//! use hookswitch_normalize::{from_ami::Normalizer, settings::Settings};
//!
//! let mut normalizer = Normalizer::new(Settings::new(PbxId::new("hq").unwrap()));
//! let frame = Frame::new(bytes::Bytes::from_static(
//!     b"Event: Newchannel\r\nChannel: PJSIP/trunk-00000001\r\nChannelState: 4\r\nCallerIDNum: +49305550001\r\n\
//!       Exten: 5001\r\nUniqueid: 1795288742.1\r\nLinkedid: 1795288742.1\r\n\r\n",
//! ));
//! let mut facts = Vec::new();
//! normalizer.frame(Timestamp::from_millis(0), &frame, &mut facts);
//! assert!(matches!(&facts[0].fact, Fact::CallStarted { dnis, .. } if dnis.raw == "5001"));
//! ```

use hookswitch_ami::{Action, EventName, Frame, FrameKind};
use hookswitch_model::{
    Timestamp,
    pbx::{Action as PbxRequest, Fact, KnownCall, PbxAction, PbxEvent},
};

use crate::{settings::Settings, switchboard::Switchboard};

mod answers;
mod bridges;
mod channels;
mod control;
mod devices;
mod dials;
mod headers;
mod listing;
mod queues;
mod transfers;
mod user_events;

use answers::Answers;
use control::Control;
use devices::Devices;
use listing::Listing;

/// How much was read, and what was not understood.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames given.
    pub frames: u64,
    /// Frames that say something about calls and were read.
    pub read: u64,
    /// Events whose name is not known.
    pub unknown_events: u64,
    /// Frames that lack a header they cannot be understood without.
    pub incomplete: u64,
    /// Events of channels that were gone already.
    pub late: u64,
    /// Facts made.
    pub facts: u64,
    /// Channels alive now.
    pub channels: u64,
    /// Calls alive now.
    pub calls: u64,
    /// Bridges with somebody in them now.
    pub bridges: u64,
}

/// Facts out of the stream of one Asterisk.
#[derive(Debug)]
pub struct Normalizer {
    board: Switchboard,
    devices: Devices,
    listing: Listing,
    answers: Answers,
    control: Control,
    requests: Vec<Action>,
    counters: Counters,
}

/// Why a frame tells nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unread {
    /// It does not say what it must.
    Incomplete,
    /// Its channel is gone already.
    Late,
}

type Read = Result<(), Unread>;

impl Normalizer {
    /// A normaliser that has seen nothing.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        settings.plan.warm_up();
        Self {
            board: Switchboard::new(settings),
            devices: Devices::default(),
            listing: Listing::default(),
            answers: Answers::default(),
            control: Control::default(),
            requests: Vec::new(),
            counters: Counters::default(),
        }
    }

    /// Calls the engine believes in after a restart of the daemon; the listing after [`Self::connected`] tells
    /// what became of them.
    pub fn seed(&mut self, calls: Vec<KnownCall>) {
        for call in calls {
            self.board.believe(call);
        }
    }

    /// The PBX answered and let us in: asks for its lists. `LinkUp` is told when they are complete.
    pub fn connected(&mut self, at: Timestamp, banner: &str) {
        self.board.look(at);
        self.board.unlisted = true;
        self.devices.doubt_contacts();
        self.requests.clear();
        self.requests.extend(self.listing.begin(at, banner));
    }

    /// The link is lost.
    pub fn disconnected(&mut self, at: Timestamp, reason: &str, out: &mut Vec<PbxEvent>) {
        self.tick(at, out);
        self.board.look(at);
        self.listing.lost(at);
        self.requests.clear();
        self.board.doubt();
        self.board.unlisted = false;
        self.board.tell(Fact::LinkDown { reason: reason.to_owned() });
        self.hand_over(out);
    }

    /// What the normaliser wants asked of the PBX: lists after a login, variables of a caller, what serves one who is
    /// alone.
    pub fn take_requests(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.requests)
    }

    /// An action of the engine was sent at this time, so that its answer can be understood. The PBX may have been silent
    /// for long before.
    pub fn sent(&mut self, now: Timestamp, action: &PbxAction) {
        self.answers.sent(action);
        if let PbxRequest::Ring { call, .. } = &action.action {
            self.board.ring_sent(call, action.id);
        }
        self.control.sent(now, action);
    }

    /// When [`Self::tick`] has something to tell, if nothing comes in before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let others = self.listing.deadline().into_iter().chain(self.control.deadline());
        self.board.next_deadline().into_iter().chain(others).min()
    }

    /// Time passed without a frame.
    pub fn tick(&mut self, now: Timestamp, out: &mut Vec<PbxEvent>) {
        self.board.tick(now);
        if self.listing.deadline().is_some_and(|due| due <= now) {
            self.board.look(now);
            self.listed();
        }
        self.board.look(self.board.now.max(now));
        self.give_up(now);
        self.hand_over(out);
    }

    /// One frame, in the order of the stream. `at` is when it was read. Frames that were read at once are told a
    /// microsecond apart: what lies between two events is a span, however short.
    pub fn frame(&mut self, at: Timestamp, frame: &Frame, out: &mut Vec<PbxEvent>) {
        self.counters.frames += 1;
        self.board.tick(at);
        self.board.look(at);
        let read = match frame.kind() {
            FrameKind::Event => self.event(frame),
            FrameKind::Response => self.response(frame),
            FrameKind::Banner | FrameKind::Action | FrameKind::Other => Ok(()),
        };
        match read {
            Ok(()) => {}
            Err(Unread::Incomplete) => self.counters.incomplete += 1,
            Err(Unread::Late) => self.counters.late += 1,
        }
        self.hand_over(out);
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters {
            channels: self.board.topology.len() as u64,
            calls: self.board.calls() as u64,
            bridges: self.board.topology.bridges() as u64,
            ..self.counters
        }
    }

    fn hand_over(&mut self, out: &mut Vec<PbxEvent>) {
        self.counters.facts += self.board.out.len() as u64;
        out.append(&mut self.board.out);
        self.requests.extend(self.board.asks.drain(..).map(|uid| answers::ask_application(uid.as_str())));
    }

    /// Most events say nothing of calls and are left at their names, before a header is split.
    #[expect(clippy::wildcard_enum_match_arm, reason = "nearly all of AMI's names are of no concern here")]
    fn event(&mut self, frame: &Frame) -> Read {
        use EventName as E;
        self.counters.read += 1;
        match frame.event() {
            E::Newchannel => self.new_channel(frame),
            E::Newstate => self.new_state(frame),
            E::NewCallerid => self.new_caller_id(frame),
            E::Rename => self.rename(frame),
            E::HangupRequest => self.hangup_request(frame),
            E::SoftHangupRequest => self.soft_hangup_request(frame),
            E::Hangup => self.hangup(frame),
            E::DialBegin => self.dial_begin(frame),
            E::DialEnd => self.dial_end(frame),
            E::OriginateResponse => self.originate_response(frame),
            E::Pickup => self.pickup(frame),
            E::BridgeEnter => self.bridge_enter(frame),
            E::BridgeLeave => self.bridge_leave(frame),
            E::LocalBridge => self.local_bridge(frame),
            E::BlindTransfer => self.blind_transfer(frame),
            E::AttendedTransfer => self.attended_transfer(frame),
            E::Hold => self.hold(frame),
            E::Unhold => self.unhold(frame),
            E::ParkedCall => self.parked_call(frame),
            E::ParkedCallTimeOut => self.parked_call_time_out(frame),
            E::QueueCallerJoin => self.queue_caller_join(frame),
            E::QueueCallerAbandon => self.queue_caller_abandon(frame),
            E::QueueCallerLeave => self.queue_caller_leave(frame),
            E::AgentConnect => self.agent_connect(frame),
            E::QueueMemberPause => self.queue_member_pause(frame),
            E::QueueMemberStatus => self.queue_member_status(frame),
            E::UserEvent => self.user_event(frame),
            E::DTMFEnd => self.dtmf(frame),
            E::VarSet => self.var_set(frame),
            E::MusicOnHoldStart => self.music_on_hold_start(frame),
            E::Newexten => self.new_exten(frame),
            E::DeviceStateChange => self.device_state(frame),
            E::ContactStatus => self.contact_status(frame),
            E::PeerStatus => self.peer_status(frame),
            E::FullyBooted => self.fully_booted(frame),
            E::CoreShowChannel
            | E::CoreShowChannelsComplete
            | E::BridgeListItem
            | E::BridgeListComplete
            | E::QueueMember
            | E::QueueEntry
            | E::QueueStatusComplete
            | E::ContactList
            | E::ContactListComplete
            | E::EndpointList
            | E::EndpointListComplete
            | E::DeviceStateListComplete
            | E::Status
            | E::StatusComplete => self.list_item(frame),
            name => {
                self.counters.read -= 1;
                self.counters.unknown_events += u64::from(name == E::Unknown);
                Ok(())
            }
        }
    }
}
