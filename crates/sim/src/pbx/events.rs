//! Making channels and telling the world about them.

use crate::message::{Classes, Message};
use crate::pbx::channel::{
    Channel, ChannelState, Location, Party, Presentation, Work, cause_text, cause_to_sip,
};
use crate::pbx::conference::Seat;
use crate::pbx::features::Typing;
use crate::pbx::{BridgeId, LegId, News, Notice, Output, Pbx, Timer};

/// What a new channel starts with.
pub(crate) struct NewChannel {
    /// `PJSIP/1001-`…; the simulator adds the number.
    pub(crate) endpoint: String,
    pub(crate) uniqueid: Option<String>,
    pub(crate) linkedid: Option<String>,
    pub(crate) state: ChannelState,
    pub(crate) caller: Party,
    pub(crate) place: Location,
    pub(crate) work: Work,
}

impl Pbx {
    /// Makes a channel of an endpoint and says Newchannel.
    pub(super) fn new_channel(&mut self, new: NewChannel) -> LegId {
        let name = format!("PJSIP/{}-{:08x}", new.endpoint, self.name_count);
        self.name_count += 1;
        let leg = self.add_channel(name, Some(new.endpoint.clone()), new);
        self.refresh_device_of(leg);
        leg
    }

    /// Makes a channel of that name and says Newchannel.
    pub(super) fn add_channel(&mut self, name: String, endpoint: Option<String>, new: NewChannel) -> LegId {
        self.leg_count += 1;
        self.unique_count += 1;
        self.calls_processed += 1;
        let leg = LegId(self.leg_count);
        let uniqueid =
            new.uniqueid.unwrap_or_else(|| format!("{}.{}", self.now / 1_000_000, self.unique_count));
        let channel = Channel {
            linkedid: new.linkedid.unwrap_or_else(|| uniqueid.clone()),
            local_peer: None,
            local_kept: false,
            may_transfer: false,
            typing: Typing::Nothing,
            state: new.state,
            caller: new.caller,
            caller_is_new: false,
            connected: Party::default(),
            presentation: Presentation::Allowed,
            dialled: String::new(),
            redirecting: None,
            told: Location::default(),
            place: new.place,
            app: String::new(),
            data: String::new(),
            variables: Vec::new(),
            bridge: None,
            work: new.work,
            generation: 0,
            music: None,
            holding: false,
            seat: Seat::default(),
            recorded: false,
            asked_to_end: false,
            cause: 0,
            tech_cause: None,
            created: self.now,
            answered: None,
            silent_end: false,
            endpoint,
            name,
            uniqueid,
        };
        self.names.insert(channel.name.clone(), leg);
        self.uniqueids.insert(channel.uniqueid.clone(), leg);
        if let Some(endpoint) = channel.endpoint.as_deref().and_then(|name| self.endpoints.get_mut(name)) {
            endpoint.legs.push(leg);
        }
        self.channels.insert(leg, channel);
        self.tell("Newchannel", leg);
        leg
    }

    /// An event without anything about a channel yet.
    pub(super) fn event(&self, name: &'static str, class: Classes) -> Message {
        let stamp = self.config.timestamps.then_some(self.now);
        Message::event(name, class, stamp, self.anybody_reads(class))
    }

    /// An event of class `call` about a channel.
    pub(super) fn about(&self, name: &'static str, leg: LegId) -> Message {
        self.about_in(name, Classes::CALL, leg)
    }

    pub(super) fn about_in(&self, name: &'static str, class: Classes, leg: LegId) -> Message {
        let mut message = self.event(name, class);
        self.write_channel(&mut message, "", leg);
        message
    }

    /// An event that says nothing but the channel's state.
    pub(super) fn tell(&mut self, name: &'static str, leg: LegId) {
        let message = self.about(name, leg);
        self.publish(message);
    }

    /// Writes a channel with its variables, under a prefix.
    pub(crate) fn write_channel(&self, message: &mut Message, prefix: &str, leg: LegId) {
        let Some(channel) = self.channels.get(&leg) else { return };
        if !message.is_wanted() {
            return;
        }
        channel.write(message, prefix);
        for name in &self.config.channel_variables {
            let value = self.channel_variable(channel, name);
            message.prefixed(prefix, "ChanVariable", format_args!("{name}={value}"));
        }
    }

    /// Writes a bridge, under a prefix (`ToBridgeUniqueid`).
    pub(crate) fn write_bridge(&self, message: &mut Message, prefix: &str, bridge: BridgeId) {
        if let Some(bridge) = self.bridges.get(&bridge) {
            bridge.write(message, prefix);
        }
    }

    /// Changes the state and says Newstate. An answer passes through a Local pair.
    pub(super) fn set_state(&mut self, leg: LegId, state: ChannelState) {
        let now = self.now;
        let Some(channel) = self.channels.get_mut(&leg) else { return };
        if channel.state == state {
            return;
        }
        channel.state = state;
        if state == ChannelState::Up {
            channel.answered = Some(now);
        }
        self.tell("Newstate", leg);
        self.tell_new_caller(leg);
        self.refresh_device_of(leg);
    }

    /// Says what the other party's number and name are now; a part that is not known leaves the old one.
    pub(super) fn set_connected(&mut self, leg: LegId, party: Party) {
        let Some(channel) = self.channels.get(&leg) else { return };
        let old = channel.connected.clone();
        let party = Party { number: party.number.or(old.number), name: party.name.or(old.name) };
        self.replace_connected(leg, party);
    }

    /// Says what the other party's number and name are now, also that one of them is not known.
    pub(super) fn replace_connected(&mut self, leg: LegId, party: Party) {
        let Some(channel) = self.channels.get_mut(&leg) else { return };
        if channel.connected == party {
            return;
        }
        channel.connected = party;
        self.tell("NewConnectedLine", leg);
    }

    pub(super) fn set_caller(&mut self, leg: LegId, party: Party) {
        let Some(channel) = self.channels.get_mut(&leg) else { return };
        if channel.caller == party {
            return;
        }
        channel.caller = party;
        self.tell_caller(leg);
    }

    /// Says NewCallerid where that is still to be said.
    pub(super) fn tell_new_caller(&mut self, leg: LegId) {
        let new =
            self.channels.get_mut(&leg).is_some_and(|channel| std::mem::take(&mut channel.caller_is_new));
        if new {
            self.tell_caller(leg);
        }
    }

    /// Says NewCallerid.
    pub(super) fn tell_caller(&mut self, leg: LegId) {
        let mut message = self.about("NewCallerid", leg);
        message.put("CID-CallingPres", "0 (Presentation Allowed, Not Screened)");
        self.publish(message);
    }

    /// Says Newexten, once for each place.
    pub(super) fn tell_place(&mut self, leg: LegId) {
        let Some(channel) = self.channels.get_mut(&leg) else { return };
        if channel.told == channel.place {
            return;
        }
        channel.told = channel.place.clone();
        let Some(channel) = self.channels.get(&leg) else { return };
        let (exten, app, data) = (channel.place.exten.clone(), channel.app.clone(), channel.data.clone());
        let mut message = self.about_in("Newexten", Classes::DIALPLAN, leg);
        message.put("Extension", exten).put("Application", app).put("AppData", data);
        self.publish(message);
    }

    /// Sets a variable and says VarSet.
    pub(crate) fn set_variable(&mut self, leg: LegId, name: &str, value: &str) {
        let Some(channel) = self.channels.get_mut(&leg) else { return };
        channel.set_variable(name, value);
        let mut message = self.about_in("VarSet", Classes::DIALPLAN, leg);
        message.put("Variable", name).put("Value", value);
        self.publish(message);
    }

    pub(super) fn start_music(&mut self, leg: LegId, class: &str) {
        let Some(channel) = self.channels.get_mut(&leg) else { return };
        if channel.music.is_some() {
            return;
        }
        channel.music = Some(class.to_owned());
        let mut message = self.about("MusicOnHoldStart", leg);
        message.put("Class", class);
        self.publish(message);
    }

    pub(super) fn stop_music(&mut self, leg: LegId) {
        let Some(channel) = self.channels.get_mut(&leg) else { return };
        if channel.music.take().is_some() {
            self.tell("MusicOnHoldStop", leg);
        }
    }

    /// The far end asks for the end: who hung up is the channel of this event.
    pub(super) fn tell_hangup_request(&mut self, leg: LegId, cause: Option<u16>, tech: Option<u16>) {
        let mut message = self.about("HangupRequest", leg);
        message.put_if("Cause", cause).put_if("TechCause", tech);
        self.publish(message);
    }

    /// The dialplan of a channel is over.
    pub(super) fn tell_soft_hangup(&mut self, leg: LegId, cause: u16) {
        let tech = self.channels.get(&leg).and_then(|channel| channel.tech_cause);
        let mut message = self.about("SoftHangupRequest", leg);
        // The SIP answer that the PBX will send is not known yet; a CANCEL is.
        message.put("Cause", cause).put_if("TechCause", tech.filter(|tech| *tech == 487));
        self.publish(message);
    }

    pub(super) fn set_cause(&mut self, leg: LegId, cause: u16, tech: Option<u16>) {
        if let Some(channel) = self.channels.get_mut(&leg) {
            channel.cause = cause;
            // A half of a Local pair speaks no protocol of its own.
            channel.tech_cause = tech.filter(|_| channel.endpoint.is_some());
        }
    }

    /// The end of a channel: Hangup, and its phone is told.
    pub(super) fn remove_channel(&mut self, leg: LegId) {
        let spies = self.spied_leg_ends(leg);
        let Some(channel) = self.channels.get(&leg) else { return };
        let mut message = self.about("Hangup", leg);
        message.put("Cause", channel.cause).put("Cause-txt", cause_text(channel.cause));
        message.put_if("TechCause", channel.tech_cause);
        let silent = channel.silent_end;
        if !silent {
            self.publish(message);
        }
        let Some(channel) = self.channels.remove(&leg) else { return };
        self.names.remove(&channel.name);
        self.uniqueids.remove(&channel.uniqueid);
        self.caller_is_gone(leg, false, &channel.place.context);
        self.called_is_gone(leg);
        if let Some(name) = channel.endpoint {
            if let Some(endpoint) = self.endpoints.get_mut(&name) {
                endpoint.legs.retain(|known| *known != leg);
            }
            let unanswered = channel.state != ChannelState::Up;
            let status = if unanswered { cause_to_sip(channel.cause).or(Some(603)) } else { None };
            self.outputs.push_back(Output::Phone(Notice {
                endpoint: name.clone(),
                leg,
                news: News::Ended(status),
            }));
            self.refresh_device(&name);
        }
        if let Some(peer) = channel.local_peer {
            self.local_half_is_gone(peer, channel.cause);
        }
        self.spies_go_on(spies);
    }

    /// Tells the phone of a leg something.
    pub(super) fn notify(&mut self, leg: LegId, news: News) {
        if let Some(endpoint) = self.channels.get(&leg).and_then(|channel| channel.endpoint.clone()) {
            self.outputs.push_back(Output::Phone(Notice { endpoint, leg, news }));
        }
    }

    /// Rings the phone of an outgoing leg: it answers after its latency.
    pub(super) fn invite(&mut self, leg: LegId) {
        let Some(channel) = self.channels.get(&leg) else { return };
        let hidden = channel.presentation == Presentation::Prohibited;
        let number = channel.connected.number.clone().unwrap_or_default();
        let name = channel.connected.name.clone().unwrap_or_default();
        let (number, name) = if hidden { (String::new(), "Anonymous".to_owned()) } else { (number, name) };
        let dialled = channel.dialled.clone();
        self.notify(leg, News::Incoming { number, name, dialled });
        let latency = self.latency();
        self.after(latency, Timer::PhoneAnswers { leg });
    }
}
