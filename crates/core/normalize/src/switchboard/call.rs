//! A call and its legs, as long as they live.

use hookswitch_model::{
    ActionId, CallRef, LegRef, QueueId, Timestamp,
    call::{Address, AttachedData, Direction, PartyNumber, Via},
    ledger::Cause,
    pbx::{LegEnd, LegSeen},
};

/// A live leg of a call.
#[derive(Debug, Clone)]
pub(crate) struct Leg {
    /// What facts call it.
    pub(crate) leg: LegRef,
    /// The channel it is on. Another one than `leg` only for the leg of somebody who consults from within a call.
    pub(crate) channel: LegRef,
    pub(crate) address: Address,
    pub(crate) number: Option<String>,
    pub(crate) up: bool,
    /// In conversation, as told.
    pub(crate) talking: bool,
    /// Out of conversation since then; not told yet, because it may be the first half of a move or a hang-up.
    pub(crate) apart_at: Option<Timestamp>,
    pub(crate) held: bool,
    /// It holds, or consults, from its desk: by our asking, not by its phone's.
    pub(crate) desk: bool,
    /// Its channel is gone, with this cause; not told yet, because it may have given the call to somebody else.
    pub(crate) gone: Option<Option<Cause>>,
    /// Retrieved then; not told yet, because a transfer retrieves for an instant.
    pub(crate) retrieved_at: Option<Timestamp>,
}

impl Leg {
    pub(crate) fn new(channel: LegRef, address: Address) -> Self {
        Self {
            leg: channel.clone(),
            channel,
            address,
            number: None,
            up: false,
            talking: false,
            apart_at: None,
            held: false,
            desk: false,
            gone: None,
            retrieved_at: None,
        }
    }

    pub(crate) fn seen(&self) -> LegSeen {
        LegSeen { leg: self.leg.clone(), address: self.address.clone(), number: self.number.clone() }
    }
}

/// What is known of the numbers of a call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Numbers {
    pub(crate) ani: PartyNumber,
    pub(crate) dnis: PartyNumber,
    pub(crate) via: Option<Via>,
    pub(crate) trunk: Option<String>,
    pub(crate) data: AttachedData,
    /// Presentation and redirecting number are shown by events, but were not set at first sight: Asterisk sets them
    /// a moment after `Newchannel`.
    pub(crate) open: bool,
}

impl Numbers {
    /// Whether this says more of who calls than is known: a number where there was none, or that it is hidden.
    pub(crate) fn lack(&self, number: &str, withheld: bool) -> bool {
        let known = &self.ani;
        (known.raw.is_empty() && !number.is_empty()) || (!known.withheld && withheld && number == known.raw)
    }
}

/// Being transferred without asking: who does it, whereto. Told when it is sure that it is not parking.
#[derive(Debug, Clone)]
pub(crate) struct Blind {
    pub(crate) from: LegRef,
    pub(crate) to: Option<String>,
    pub(crate) at: Timestamp,
}

/// Asks for a route. Told when its attached data is there.
#[derive(Debug, Clone)]
pub(crate) struct Asking {
    pub(crate) dnis: PartyNumber,
    pub(crate) at: Timestamp,
}

/// A live call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) call: CallRef,
    /// Counts up from call to call: which is older.
    pub(crate) age: u64,
    /// First sight.
    pub(crate) begun_at: Timestamp,
    pub(crate) direction: Option<Direction>,
    /// `CallStarted` was told.
    pub(crate) told: bool,
    /// It began before the link was lost, or the daemon: what became of it meanwhile nobody saw.
    pub(crate) believed: bool,
    /// A feature code of ours: never told.
    pub(crate) silent: bool,
    /// Set up by the PBX for somebody (Originate), not by somebody who dialled.
    pub(crate) originated: bool,
    pub(crate) originator: LegRef,
    /// The leg whose end is the call's.
    pub(crate) customer: LegRef,
    pub(crate) legs: Vec<Leg>,
    pub(crate) numbers: Numbers,
    /// The first that asked for the end since the call last got on.
    pub(crate) hung_up_by: Option<LegRef>,
    /// In the PBX's own queue.
    pub(crate) queue: Option<(QueueId, u32)>,
    pub(crate) abandoned: bool,
    /// The number it last asked a route for.
    pub(crate) routed: Option<PartyNumber>,
    pub(crate) asking: Option<Asking>,
    pub(crate) blind: Option<Blind>,
    /// Attended transfer to a target that still rang, by this device: the PBX calls it back if nobody answers.
    pub(crate) recalls: Option<Address>,
    pub(crate) parked_by: Option<LegRef>,
    /// The PBX serves the caller itself, as told.
    pub(crate) taken: bool,
    /// The customer has been alone with the PBX since then.
    pub(crate) alone_since: Timestamp,
    /// Our Ring that was sent and does not show yet.
    pub(crate) ring_sent: Option<ActionId>,
    /// The dialplan sent the caller to the fallback then; not told yet, because a Ring of ours is on its way.
    pub(crate) fell_back_at: Option<Timestamp>,
    /// Our Ring that is out.
    pub(crate) ring: Option<ActionId>,
    /// Our last Ring: how its legs ended, the most telling one.
    pub(crate) ring_end: Option<(ActionId, LegEnd)>,
    /// How many parties talk, as last told by `Conferenced`.
    pub(crate) conference: usize,
}

impl Call {
    pub(crate) fn new(originator: Leg, age: u64, begun_at: Timestamp) -> Self {
        Self {
            call: CallRef::new(originator.leg.as_str()),
            age,
            begun_at,
            direction: None,
            told: false,
            believed: false,
            silent: false,
            originated: false,
            originator: originator.leg.clone(),
            customer: originator.leg.clone(),
            legs: vec![originator],
            numbers: Numbers::default(),
            hung_up_by: None,
            queue: None,
            abandoned: false,
            routed: None,
            asking: None,
            blind: None,
            recalls: None,
            parked_by: None,
            taken: false,
            alone_since: begun_at,
            ring_sent: None,
            fell_back_at: None,
            ring: None,
            ring_end: None,
            conference: 0,
        }
    }

    pub(crate) fn leg(&self, leg: &str) -> Option<&Leg> {
        self.legs.iter().find(|one| one.leg == *leg)
    }

    pub(crate) fn leg_mut(&mut self, leg: &str) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|one| one.leg == *leg)
    }

    /// The leg that is on this channel.
    pub(crate) fn on(&self, channel: &str) -> Option<&Leg> {
        self.legs.iter().find(|leg| leg.channel == *channel)
    }

    pub(crate) fn on_mut(&mut self, channel: &str) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.channel == *channel)
    }

    /// Parties from outside have priority: a call with one is never merged into a call among ourselves.
    pub(crate) fn has_outside(&self) -> bool {
        matches!(self.direction, Some(Direction::Inbound | Direction::Outbound)) && !self.originated
    }
}
