//! What is told a moment later, because the next events may show it in another light.
//!
//! A transfer unholds, parts and joins within one burst of events: told one by one, a retrieval or a separation
//! would be reported that nobody heard. So these wait a moment, or for the event that makes them certain.

use hookswitch_model::{CallRef, LegRef, Millis, Timestamp, pbx::Fact};

use super::Switchboard;

/// Longest burst: Asterisk writes the events of one transfer within 2 ms when idle, within 30 ms under load.
const SETTLE: Millis = Millis(60);

/// How long a leg that lost its partner may take to hang up: Asterisk needs up to 90 ms under load.
const HANGUP: Millis = Millis(200);

/// How long a caller's presentation may take to show. Whoever hides his number must not be told with it first.
const PRESENTATION: Millis = Millis(100);

/// How long a route request waits for the attached data that was asked for.
const DATA_WAIT: Millis = Millis(150);

/// How long a Ring that was sent may take to show, when the caller goes to the fallback before it does.
const RING_ON_ITS_WAY: Millis = Millis(300);

/// How long a caller is alone with the PBX before it is asked what it does with him: time for a dialplan to go from
/// its Dial to its voicemail.
const ALONE: Millis = Millis::from_secs(1);

/// What may be told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pending {
    /// A caller whose presentation is not sure.
    Begin(CallRef),
    /// Parties of different calls share a bridge.
    Join(LegRef),
    /// A blind transfer, or parking.
    Blind(CallRef),
    /// A leg lost its partner: its partner moves, or it hangs up in a moment, or it is alone.
    Apart(CallRef, LegRef),
    /// A leg ended that nobody ended, after its partner moved: an event that says why may follow.
    Gone(CallRef, LegRef),
    /// A leg took the other side back.
    Retrieved(CallRef, LegRef),
    /// Who consulted is back with the customer: alone, or the two come together.
    Consulted(CallRef),
    /// A route request without its data.
    Route(CallRef),
    /// A caller in the fallback, unless a Ring of ours fetches him from there.
    FellBack(CallRef),
    /// A caller who is alone with the PBX.
    Alone(CallRef),
}

impl Pending {
    /// Of what is due at once: joins come first, because they decide what the others mean.
    pub(super) const fn urgency(&self) -> u8 {
        match self {
            Self::Begin(_) | Self::Join(_) => 0,
            Self::Blind(_) => 1,
            Self::Apart(..)
            | Self::Gone(..)
            | Self::Retrieved(..)
            | Self::Consulted(_)
            | Self::Route(_)
            | Self::FellBack(_)
            | Self::Alone(_) => 2,
        }
    }

    /// Sorts before every join.
    pub(super) fn first_join() -> Self {
        Self::Join(LegRef::new(""))
    }
}

impl Switchboard {
    pub(super) fn later(&mut self, pending: Pending) {
        let wait = match pending {
            Pending::Route(_) => DATA_WAIT,
            Pending::Begin(_) => PRESENTATION,
            Pending::Apart(..) | Pending::Gone(..) => HANGUP,
            Pending::FellBack(_) => RING_ON_ITS_WAY,
            Pending::Alone(_) => ALONE,
            Pending::Join(_) | Pending::Blind(_) | Pending::Retrieved(..) | Pending::Consulted(_) => SETTLE,
        };
        self.pending.add(self.now + wait, pending);
    }

    /// When [`Self::tick`] has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.pending.next()
    }

    /// Time passed: what is due is told.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        while let Some((due, pending)) = self.pending.take(now) {
            self.look(due);
            self.settle(pending);
        }
    }

    /// Nothing more will come that could make it clearer: all that waits is told. Questions wait for their time.
    pub(super) fn settle_all(&mut self) {
        let mut questions = Vec::new();
        while let Some((due, pending)) = self.pending.take(Timestamp::from_micros(u64::MAX)) {
            if matches!(pending, Pending::Alone(_)) {
                questions.push((due, pending));
            } else {
                self.settle(pending);
            }
        }
        for (due, question) in questions {
            self.pending.add(due, question);
        }
    }

    fn settle(&mut self, pending: Pending) {
        match pending {
            Pending::Begin(call) => self.introduce(&call, None),
            Pending::Join(uid) => self.join(&uid),
            Pending::Blind(call) => self.resolve_blind(&call),
            Pending::Apart(call, leg) => self.settle_apart(&call, &leg),
            Pending::Gone(call, leg) => self.settle_gone(&call, &leg),
            Pending::Retrieved(call, leg) => self.settle_retrieved(&call, &leg),
            Pending::Consulted(call) => self.back_alone(&call),
            Pending::Route(call) => self.route_now(&call),
            Pending::FellBack(call) => self.fell_back_for_sure(&call),
            Pending::Alone(call) => self.asks.extend(self.alone(&call).cloned()),
        }
    }

    /// Every join that waits is done now: the event at hand makes it certain.
    pub(super) fn settle_joins(&mut self) {
        while let Some(pending) = self.pending.take_join() {
            self.settle(pending);
        }
    }

    /// The call gets on: what was left open about it is certain, and who hung up before no longer matters.
    pub(super) fn progress(&mut self, call: &CallRef) {
        self.route_now(call);
        let Some(known) = self.calls.get_mut(call) else { return };
        known.hung_up_by = None;
        let apart = known.legs.iter().filter(|leg| leg.apart_at.is_some());
        for leg in apart.map(|leg| leg.leg.clone()).collect::<Vec<_>>() {
            self.settle_apart(call, &leg);
        }
    }

    fn settle_apart(&mut self, call: &CallRef, leg: &LegRef) {
        let Some(known) = self.calls.get_mut(call) else { return };
        // Who is held hears music while the holder consults: still the same conversation.
        let on_hold = known.legs.iter().any(|leg| leg.held);
        let Some(one) = known.leg_mut(leg.as_str()) else { return };
        let Some(at) = one.apart_at.take() else { return };
        if on_hold {
            return;
        }
        one.talking = false;
        self.say_at(call, at, Fact::Apart { call: call.clone(), leg: leg.clone() });
    }

    /// Somebody hangs up: what was retrieved before was no part of a transfer.
    pub(super) fn retrieved_for_sure(&mut self, call: &CallRef) {
        let Some(known) = self.calls.get(call) else { return };
        let open = known.legs.iter().filter(|leg| leg.retrieved_at.is_some());
        for leg in open.map(|leg| leg.leg.clone()).collect::<Vec<_>>() {
            self.settle_retrieved(call, &leg);
        }
    }

    fn settle_retrieved(&mut self, call: &CallRef, leg: &LegRef) {
        let Some(one) = self.calls.get_mut(call).and_then(|known| known.leg_mut(leg.as_str())) else {
            return;
        };
        let Some(at) = one.retrieved_at.take() else { return };
        one.held = false;
        self.say_at(call, at, Fact::Retrieved { call: call.clone(), leg: leg.clone() });
    }
}
