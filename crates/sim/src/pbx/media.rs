//! What is done with the media of a leg besides bridging it: listening in, recording; and word to its phone.

use hookswitch_ami::Frame;

use crate::dialplan::arguments;
use crate::message::{Classes, Message};
use crate::pbx::channel::Work;
use crate::pbx::{LegId, News, Pbx, SessionId};

impl Pbx {
    /// `ChanSpy(channel,options)` with option `u`, one channel: whether it listens.
    pub(super) fn app_spy(&mut self, leg: LegId, data: &str) -> bool {
        let Some(spied) = self.find_channel(arguments(data)[0]).filter(|spied| *spied != leg) else {
            return false;
        };
        self.set_work(leg, Work::Spying(spied));
        self.tell_spying("ChanSpyStart", leg, spied);
        true
    }

    fn tell_spying(&mut self, name: &'static str, spy: LegId, spied: LegId) {
        let mut message = self.event(name, Classes::CALL);
        self.write_channel(&mut message, "Spyer", spy);
        self.write_channel(&mut message, "Spyee", spied);
        self.publish(message);
    }

    /// Who listens stops listening.
    pub(super) fn stop_spying(&mut self, spy: LegId, spied: LegId) {
        self.set_work(spy, Work::Executing);
        self.tell_spying("ChanSpyStop", spy, spied);
    }

    /// A leg is about to end: those who listen to it go on in their dialplan (option `E`), or end, if they were hung
    /// up meanwhile.
    pub(super) fn spied_leg_ends(&mut self, spied: LegId) -> Vec<LegId> {
        let listens = |work: &Work| matches!(work, Work::Spying(of) if *of == spied);
        let spies = self.channels.iter().filter(|(_, channel)| listens(&channel.work));
        let spies: Vec<LegId> = spies.map(|(leg, _)| *leg).collect();
        for spy in &spies {
            self.stop_spying(*spy, spied);
        }
        spies
    }

    /// Nobody is left to be listened to.
    pub(super) fn spies_go_on(&mut self, spies: Vec<LegId>) {
        for spy in spies {
            if self.channels.get(&spy).is_some_and(|channel| channel.asked_to_end) {
                self.end_leg(spy);
            } else {
                self.go_on(spy);
            }
        }
    }

    /// `MixMonitor`: a file is written from now on.
    pub(super) fn action_record(&mut self, id: SessionId, frame: &Frame) {
        let Some(leg) = self.recorded_channel(id, frame) else { return };
        if let Some(channel) = self.channels.get_mut(&leg) {
            channel.recorded = true;
        }
        self.tell("MixMonitorStart", leg);
        let mut response = Message::response("Success", frame.action_id());
        response.put("MixMonitorID", format_args!("0x{:x}", 0x7f00_0000_0000 + leg.0));
        self.send(id, response);
    }

    /// `StopMixMonitor`.
    pub(super) fn action_stop_recording(&mut self, id: SessionId, frame: &Frame) {
        let Some(leg) = self.recorded_channel(id, frame) else { return };
        let recorded =
            self.channels.get_mut(&leg).is_some_and(|channel| std::mem::take(&mut channel.recorded));
        if !recorded {
            return self.respond_error(id, frame, "Could not stop monitoring channel");
        }
        self.tell("MixMonitorStop", leg);
        self.respond_success(id, frame, "Stopped monitoring channel");
    }

    fn recorded_channel(&mut self, id: SessionId, frame: &Frame) -> Option<LegId> {
        let name = frame.get("Channel").unwrap_or_default();
        let found = self.find_channel(name);
        if found.is_none() {
            let text = if name.is_empty() { "No channel specified" } else { "No such channel" };
            self.respond_error(id, frame, text);
        }
        found
    }

    /// Whether somebody writes down what is said on a leg.
    #[must_use]
    pub fn is_recorded(&self, leg: LegId) -> bool {
        self.channels.get(&leg).is_some_and(|channel| channel.recorded)
    }

    /// `PJSIPNotify` to the phone of a channel. A phone that can be told to answer does what `talk` asks.
    pub(super) fn action_notify(&mut self, id: SessionId, frame: &Frame) {
        let Some(leg) = self.find_channel(frame.get("Channel").unwrap_or_default()) else {
            return self.respond_error(id, frame, "Channel not found");
        };
        let variables = frame.all("Variable").filter_map(|text| text.split_once('='));
        let package =
            variables.filter(|(name, _)| name.eq_ignore_ascii_case("Event")).map(|(_, value)| value);
        let package = package.last().unwrap_or_default().to_owned();
        self.respond_success(id, frame, "NOTIFY sent");
        let endpoint = self.channels.get(&leg).and_then(|channel| channel.endpoint.as_deref());
        let obeys = endpoint.and_then(|name| self.endpoints.get(name)).is_some_and(|e| e.remote_answer);
        let rings = self.channels.get(&leg).is_some_and(|channel| matches!(channel.work, Work::Outgoing(_)));
        let answers = package == "talk" && obeys && rings;
        self.notify(leg, News::Notify(package));
        if answers {
            let latency = self.latency();
            self.after(latency, crate::pbx::Timer::Mood { leg, act: crate::pbx::phone::Act::Answer });
        }
    }

    /// Whether a phone answers when it is told to (`NOTIFY` with `Event: talk`), as Polycom's and Yealink's do.
    pub fn set_remote_answer(&mut self, phone: &str, obeys: bool) {
        if let Some(endpoint) = self.endpoints.get_mut(phone) {
            endpoint.remote_answer = obeys;
        }
    }
}
