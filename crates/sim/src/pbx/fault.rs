//! What goes wrong on real lines, on demand.

use crate::config::Micros;
use crate::message::Classes;
use crate::pbx::{DeviceState, LegId, Mood, News, Notice, Output, Pbx};

/// Faults that are set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// Events of these names are sent twice, so many times.
    duplicate: Vec<(String, u32)>,
    /// Events of these names are not sent, so many times.
    lose: Vec<(String, u32)>,
    /// Nothing is sent; it comes when the stall ends.
    pub(super) stalled: bool,
    /// Nobody gets in before that time.
    pub(super) down_until: Micros,
}

impl Faults {
    /// How often an event goes out.
    pub(super) fn copies(&mut self, name: &str) -> u32 {
        let take = |list: &mut Vec<(String, u32)>| {
            let found = list.iter_mut().find(|(event, left)| event == name && *left > 0);
            found.is_some_and(|(_, left)| {
                *left -= 1;
                true
            })
        };
        if take(&mut self.lose) {
            0
        } else if take(&mut self.duplicate) {
            2
        } else {
            1
        }
    }
}

impl Pbx {
    /// The next `count` events of that name are sent twice.
    pub fn duplicate_next(&mut self, event: &str, count: u32) {
        self.faults.duplicate.push((event.to_owned(), count));
    }

    /// The next `count` events of that name are lost.
    pub fn lose_next(&mut self, event: &str, count: u32) {
        self.faults.lose.push((event.to_owned(), count));
    }

    /// The end of that leg is never told: no Hangup comes.
    pub fn forget_hangup(&mut self, leg: LegId) {
        if let Some(channel) = self.channels.get_mut(&leg) {
            channel.silent_end = true;
        }
    }

    /// The leg is gone at once and nothing at all is said about it or its bridge.
    pub fn vanish(&mut self, now: Micros, leg: LegId) {
        self.advance(now);
        let stalled = std::mem::replace(&mut self.faults.stalled, false);
        let masks: Vec<_> = self.sessions.iter().map(|(id, session)| (*id, session.mask)).collect();
        for session in self.sessions.values_mut() {
            session.mask = Classes::NONE;
        }
        self.end_leg(leg);
        for (id, mask) in masks {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.mask = mask;
            }
        }
        self.faults.stalled = stalled;
    }

    /// Holds back what is sent, or lets it go: a PBX or a network that does not get on.
    pub fn stall(&mut self, now: Micros, stalled: bool) {
        self.advance(now);
        self.faults.stalled = stalled;
        if stalled {
            return;
        }
        for (id, session) in &mut self.sessions {
            self.outputs.extend(session.held.drain(..).map(|bytes| Output::Send(*id, bytes)));
        }
    }

    /// Cuts every manager connection; the calls go on.
    pub fn cut_links(&mut self, now: Micros) {
        self.advance(now);
        for id in std::mem::take(&mut self.sessions).into_keys() {
            self.outputs.push_back(Output::Close(id));
        }
    }

    /// The PBX restarts: every call is gone, nobody is told, channel numbers start again. A graceful one says
    /// Shutdown first. Nobody can connect for `down`.
    pub fn restart(&mut self, now: Micros, graceful: bool, down: Micros) {
        self.advance(now);
        if graceful {
            let mut message = self.event("Shutdown", Classes::SYSTEM);
            message.put("Shutdown", "Cleanly").put("Restart", "True");
            self.publish(message);
        }
        self.cut_links(now);
        for (leg, channel) in std::mem::take(&mut self.channels) {
            if let Some(endpoint) = channel.endpoint {
                self.outputs.push_back(Output::Phone(Notice { endpoint, leg, news: News::Ended(None) }));
            }
        }
        let registered: Vec<(String, bool, Mood)> =
            self.endpoints.iter().map(|(name, e)| (name.clone(), e.registered, e.mood)).collect();
        self.timers.clear();
        self.names.clear();
        self.uniqueids.clear();
        self.bridges.clear();
        self.conferences.clear();
        self.originates.clear();
        self.consults.clear();
        self.parked.clear();
        self.parking_bridge = None;
        self.next_space = 0;
        let callers: Vec<LegId> = self.callers.keys().copied().collect();
        callers.into_iter().for_each(|leg| self.caller_is_gone(leg, true, ""));
        let called: Vec<LegId> = self.called.keys().copied().collect();
        called.into_iter().for_each(|leg| self.called_is_gone(leg));
        (self.name_count, self.unique_count, self.local_count, self.calls_processed) = (0, 0, 0, 0);
        self.boot();
        self.arrival_is_due = false;
        if self.crowd.is_some() {
            self.next_arrival(down);
        }
        for (name, registered, mood) in registered {
            if let Some(endpoint) = self.endpoints.get_mut(&name) {
                endpoint.registered = registered;
                endpoint.mood = mood;
                endpoint.told = if registered { DeviceState::NotInUse } else { DeviceState::Unavailable };
            }
        }
        self.faults.down_until = now + down;
    }
}
