//! Phones and callers: what people and the outside world do.

use crate::config::{Micros, SECOND};
use crate::message::Classes;
use crate::pbx::channel::{ChannelState, Location, Party, Presentation, Work};
use crate::pbx::crowd::{Caller, CallerAct};
use crate::pbx::events::NewChannel;
use crate::pbx::{Fate, FateEnd, LegId, News, Pbx, Timer};

/// A call that comes in over the trunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallIn {
    /// The caller's number, as the carrier gives it; empty for none.
    pub ani: String,
    /// The caller's name; empty for none.
    pub name: String,
    /// The number that is dialled.
    pub dnis: String,
    /// Whether the caller hides the number (`Privacy: id`): it is known and may not be shown.
    pub withheld: bool,
    /// Number that forwarded the call to us, and the reason (`cfu`, `cfb`, `cfnr`).
    pub diverted: Option<(String, String)>,
    /// How long the caller waits until somebody talks; none for a caller the script hangs up.
    pub patience: Option<Micros>,
    /// How long the caller talks; none for a caller the script hangs up.
    pub talk: Option<Micros>,
}

impl CallIn {
    /// A caller with that number who dials that number.
    #[must_use]
    pub fn new(ani: impl Into<String>, dnis: impl Into<String>) -> Self {
        Self { ani: ani.into(), dnis: dnis.into(), ..Self::default() }
    }
}

/// What a phone does by itself when it is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// Rings; the script answers.
    #[default]
    Manual,
    /// Refuses at once with that SIP status.
    Refuse(u16),
    /// Rings so long, then answers.
    Answer {
        /// Shortest ringing.
        after: Micros,
        /// Longest ringing.
        at_most: Micros,
    },
    /// Rings so long, then refuses with that SIP status.
    Decline {
        /// How long it rings.
        after: Micros,
        /// The SIP status: 486, 603, 480.
        status: u16,
    },
    /// Says nothing at all, as a phone without network does.
    Dead,
    /// Rings; then mostly answers, as people do.
    Human {
        /// Shortest ringing before an answer or a refusal.
        after: Micros,
        /// Longest ringing before it.
        at_most: Micros,
        /// How many calls in a thousand are refused (603).
        declines: u16,
        /// How many calls in a thousand ring on without an answer.
        ignores: u16,
    },
}

/// What a phone does when its time has come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Answer,
    Decline(u16),
}

impl Pbx {
    /// A call comes in over the trunk. Its leg is the caller's.
    pub fn call_in(&mut self, now: Micros, call: CallIn) -> LegId {
        self.advance(now);
        let leg = self.place_call(call);
        self.advance(now);
        leg
    }

    pub(super) fn place_call(&mut self, call: CallIn) -> LegId {
        let leg = self.new_channel(NewChannel {
            endpoint: self.config.trunk.clone(),
            uniqueid: None,
            linkedid: None,
            state: ChannelState::Ring,
            caller: Party::new(&call.ani, &call.name),
            place: Location::new(self.config.trunk_context.clone(), call.dnis.clone(), 1),
            work: Work::Executing,
        });
        let uniqueid = self.channels.get(&leg).map(|channel| channel.uniqueid.clone());
        let fate = uniqueid.filter(|_| self.fates.is_some()).map(|uniqueid| Fate {
            leg,
            uniqueid,
            ani: call.ani.clone(),
            dnis: call.dnis.clone(),
            from: self.now,
            to: self.now,
            talked_to: Vec::new(),
            asked: Vec::new(),
            told: Vec::new(),
            context: String::new(),
            end: FateEnd::TurnedAway,
        });
        // Asterisk knows these only after Newchannel.
        if let Some(channel) = self.channels.get_mut(&leg) {
            channel.dialled = call.dnis;
            channel.redirecting = call.diverted;
            channel.presentation =
                if call.withheld { Presentation::Prohibited } else { Presentation::Allowed };
        }
        self.report.placed += 1;
        self.callers.insert(leg, Caller::new(call.talk, fate));
        if let Some(patience) = call.patience {
            self.after(patience, Timer::Caller { leg, act: CallerAct::GiveUp });
        }
        self.begin_soon(leg);
        leg
    }

    /// A phone dials. None when there is no such phone, or it is not registered.
    pub fn dial(&mut self, now: Micros, phone: &str, exten: &str) -> Option<LegId> {
        self.advance(now);
        let endpoint = self.endpoints.get(phone).filter(|endpoint| endpoint.registered)?;
        let (caller, context) = (Party::new(&endpoint.number, &endpoint.display), endpoint.context.clone());
        let leg = self.new_channel(NewChannel {
            endpoint: phone.to_owned(),
            uniqueid: None,
            linkedid: None,
            state: ChannelState::Ring,
            caller,
            place: Location::new(context, exten, 1),
            work: Work::Executing,
        });
        if let Some(channel) = self.channels.get_mut(&leg) {
            exten.clone_into(&mut channel.dialled);
        }
        self.begin_soon(leg);
        self.advance(now);
        Some(leg)
    }

    /// The phone of a ringing leg, or the far end of an outgoing call, answers.
    pub fn answer_leg(&mut self, now: Micros, leg: LegId) {
        self.advance(now);
        self.leg_rings(leg);
        self.leg_answers(leg);
    }

    /// The phone of a ringing leg refuses with a SIP status: 486 busy, 603 declined, 480 unavailable.
    pub fn decline_leg(&mut self, now: Micros, leg: LegId, status: u16) {
        self.advance(now);
        if self.channels.get(&leg).is_some_and(|channel| matches!(channel.work, Work::Outgoing(_))) {
            self.far_end_hangs_up(leg, Some(status));
        }
    }

    /// The phone or the far end of a leg hangs up.
    pub fn hang_up(&mut self, now: Micros, leg: LegId) {
        self.advance(now);
        self.far_end_hangs_up(leg, None);
    }

    /// The phone of a leg holds (re-INVITE): the other side hears music.
    pub fn hold(&mut self, now: Micros, leg: LegId) {
        self.advance(now);
        let Some(channel) = self.channels.get_mut(&leg) else { return };
        if channel.holding || !channel.is_up() {
            return;
        }
        channel.holding = true;
        let mut message = self.about("Hold", leg);
        message.put("MusicClass", "default");
        self.publish(message);
        if let Some(other) = self.other_in_bridge(leg) {
            self.start_music(other, "default");
            self.refresh_device_of(other);
        }
    }

    /// The phone of a leg takes the other side back.
    pub fn unhold(&mut self, now: Micros, leg: LegId) {
        self.advance(now);
        let Some(channel) = self.channels.get_mut(&leg) else { return };
        if !channel.holding {
            return;
        }
        channel.holding = false;
        self.tell("Unhold", leg);
        if let Some(other) = self.other_in_bridge(leg) {
            self.stop_music(other);
            self.refresh_device_of(other);
        }
    }

    /// The phone of a leg sends digits.
    pub fn digits(&mut self, now: Micros, leg: LegId, digits: &str) {
        self.advance(now);
        digits.chars().for_each(|digit| self.digit(leg, digit));
    }

    pub(super) fn digit(&mut self, leg: LegId, digit: char) {
        self.tell_digit(leg, digit);
        if !self.read_digit(leg, digit) {
            self.listened_digit(leg, digit);
        }
        self.feature_digit(leg, digit);
    }

    /// Says DTMFBegin and DTMFEnd.
    pub(super) fn tell_digit(&mut self, leg: LegId, digit: char) {
        let mut message = self.about_in("DTMFBegin", Classes::DTMF, leg);
        message.put("Digit", digit).put("Direction", "Received");
        self.publish(message);
        let mut message = self.about_in("DTMFEnd", Classes::DTMF, leg);
        message.put("Digit", digit).put("DurationMs", 100).put("Direction", "Received");
        self.publish(message);
    }

    /// A phone registers.
    pub fn register(&mut self, now: Micros, phone: &str) {
        self.advance(now);
        self.set_registered(phone, true);
    }

    /// A phone is gone from the network: its registration is removed.
    pub fn unregister(&mut self, now: Micros, phone: &str) {
        self.advance(now);
        self.set_registered(phone, false);
    }

    /// What a phone does by itself from now on.
    pub fn set_mood(&mut self, phone: &str, mood: Mood) {
        if let Some(endpoint) = self.endpoints.get_mut(phone) {
            endpoint.mood = mood;
        }
    }

    /// A leg that rings at a phone, or at the far end of the trunk.
    #[must_use]
    pub fn ringing_leg(&self, endpoint: &str) -> Option<LegId> {
        self.leg_where(endpoint, |channel| channel.state == ChannelState::Ringing)
    }

    /// A leg of a phone that talks: it is in a bridge.
    #[must_use]
    pub fn talking_leg(&self, endpoint: &str) -> Option<LegId> {
        self.leg_where(endpoint, |channel| channel.bridge.is_some())
    }

    /// The legs of a phone, oldest first.
    #[must_use]
    pub fn legs_of(&self, endpoint: &str) -> Vec<LegId> {
        self.endpoints.get(endpoint).map(|endpoint| endpoint.legs.clone()).unwrap_or_default()
    }

    fn leg_where(&self, endpoint: &str, wanted: impl Fn(&crate::pbx::Channel) -> bool) -> Option<LegId> {
        let legs = &self.endpoints.get(endpoint)?.legs;
        legs.iter().copied().find(|leg| self.channels.get(leg).is_some_and(&wanted))
    }

    /// Whether the leg is alive.
    #[must_use]
    pub fn is_alive(&self, leg: LegId) -> bool {
        self.channels.contains_key(&leg)
    }

    /// Whether the leg is in a bridge with somebody.
    #[must_use]
    pub fn is_talking(&self, leg: LegId) -> bool {
        self.channels
            .get(&leg)
            .and_then(|channel| self.bridges.get(&channel.bridge?))
            .is_some_and(|bridge| bridge.legs.len() > 1)
    }

    /// The legs that hear that leg.
    #[must_use]
    pub fn partners(&self, leg: LegId) -> Vec<LegId> {
        let bridge = self.channels.get(&leg).and_then(|channel| self.bridges.get(&channel.bridge?));
        bridge
            .map(|bridge| bridge.legs.iter().copied().filter(|member| *member != leg).collect())
            .unwrap_or_default()
    }

    /// The music a leg hears.
    #[must_use]
    pub fn music_of(&self, leg: LegId) -> Option<&str> {
        self.channels.get(&leg)?.music.as_deref()
    }

    /// The endpoint a leg belongs to.
    #[must_use]
    pub fn endpoint_of(&self, leg: LegId) -> Option<&str> {
        self.channels.get(&leg)?.endpoint.as_deref()
    }

    /// The channel's name and Uniqueid.
    #[must_use]
    pub fn channel_of(&self, leg: LegId) -> Option<(&str, &str)> {
        self.channels.get(&leg).map(|channel| (channel.name.as_str(), channel.uniqueid.as_str()))
    }

    /// A phone answers the INVITE: 180, or what its mood says.
    pub(super) fn phone_answers(&mut self, leg: LegId) {
        let Some(channel) = self.channels.get(&leg) else { return };
        let mood = channel.endpoint.as_deref().and_then(|name| self.endpoints.get(name)).map(|e| e.mood);
        match mood {
            Some(Mood::Refuse(status)) => self.far_end_hangs_up(leg, Some(status)),
            Some(Mood::Answer { after, at_most }) => {
                self.leg_rings(leg);
                let span = self.random.between(after, at_most);
                self.after(span, Timer::Mood { leg, act: Act::Answer });
            }
            Some(Mood::Decline { after, status }) => {
                self.leg_rings(leg);
                self.after(after, Timer::Mood { leg, act: Act::Decline(status) });
            }
            Some(Mood::Human { after, at_most, declines, ignores }) => {
                self.leg_rings(leg);
                let span = self.random.between(after, at_most);
                let roll = self.random.between(0, 999);
                let (declines, ignores) = (u64::from(declines), u64::from(ignores));
                if roll < declines {
                    self.after(span, Timer::Mood { leg, act: Act::Decline(603) });
                } else if roll >= declines + ignores {
                    self.after(span, Timer::Mood { leg, act: Act::Answer });
                }
            }
            Some(Mood::Manual) => self.leg_rings(leg),
            Some(Mood::Dead) | None => {}
        }
    }

    pub(super) fn phone_acts(&mut self, leg: LegId, act: Act) {
        let rings = self.channels.get(&leg).is_some_and(|channel| matches!(channel.work, Work::Outgoing(_)));
        match act {
            Act::Answer if rings => self.leg_answers(leg),
            Act::Decline(status) if rings => self.far_end_hangs_up(leg, Some(status)),
            Act::Answer | Act::Decline(_) => {}
        }
    }

    /// Answers what rings elsewhere: the channel takes the place of the ringing leg.
    pub(super) fn pick_up(&mut self, leg: LegId, target: LegId) {
        let Some(Work::Outgoing(dialler)) = self.channels.get(&target).map(|channel| channel.work.clone())
        else {
            self.go_on(leg);
            return;
        };
        let Some(caller) = dialler.caller() else { return self.go_on(leg) };
        if let Some(party) = self.channels.get(&caller).map(|channel| channel.caller.clone()) {
            self.set_connected(leg, party);
        }
        self.answer(leg);
        let mut message = self.about("Pickup", leg);
        self.write_channel(&mut message, "Target", target);
        self.publish(message);
        self.tell_soft_hangup(target, 16);
        if let Some(Work::Dialling(work)) = self.channels.get_mut(&caller).map(|channel| &mut channel.work) {
            work.legs.retain(|known| *known != target);
            work.legs.push(leg);
        }
        // The channel goes on as the leg that was rung, and the other way round; what it ran before is over.
        let exten = self.channels.get(&leg).map(|channel| channel.place.exten.clone());
        if let (Some(channel), Some(exten)) = (self.channels.get_mut(&target), exten) {
            channel.place.exten = exten;
        }
        self.set_work(leg, Work::Outgoing(dialler));
        self.set_cause(target, 26, None);
        self.remove_channel(target);
        self.leg_answers(leg);
        // It was never dialled, so no cause is on it.
        self.set_cause(leg, 0, None);
    }

    /// The far end says that a transfer goes this way: NOTIFY.
    pub(super) fn tell_transfer(&mut self, leg: LegId, status: u16) {
        self.notify(leg, News::Transfer(status));
    }
}

/// How long app_queue holds a caller by default when `Queue()` names no time.
pub(super) const QUEUE_FOREVER: Micros = 24 * 3600 * SECOND;
