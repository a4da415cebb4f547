//! The Originate action: a leg first, then a dialplan or an application for it.

use crate::config::Micros;
use crate::message::{Classes, Message, OrUnknown};
use crate::pbx::channel::{ChannelState, Dialler, Location, Party, Work};
use crate::pbx::dial::{Device, dial_end_status};
use crate::pbx::events::NewChannel;
use crate::pbx::local::NewPair;
use crate::pbx::{LegId, Pbx, SessionId, Timer};

/// The simulator's own number of an Originate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OriginateId(u64);

/// Where an originated leg goes when it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OriginateTarget {
    /// Context, extension and priority.
    Dialplan(Location),
    /// An application with its data.
    Application(String, String),
}

/// An Originate that is on its way.
#[derive(Clone, Debug)]
pub(crate) struct OriginateRequest {
    pub(crate) session: SessionId,
    pub(crate) action_id: Option<String>,
    /// The channel that was asked for, such as `PJSIP/1001`.
    pub(crate) channel: String,
    pub(crate) target: OriginateTarget,
    pub(crate) caller: Party,
    pub(crate) timeout: Micros,
    pub(crate) uniqueid: Option<String>,
    /// Of the second half of a Local pair.
    pub(crate) other_uniqueid: Option<String>,
    pub(crate) variables: Vec<(String, String)>,
    /// An Originate that is not async answers its action when it is over.
    pub(crate) is_async: bool,
    pub(crate) leg: Option<LegId>,
}

impl Pbx {
    /// Starts it. The response of an async one has been sent.
    pub(crate) fn originate(&mut self, request: OriginateRequest) {
        self.originate_count += 1;
        let id = OriginateId(self.originate_count);
        let timeout = request.timeout;
        self.originates.insert(id, request.clone());
        let Some(leg) = self.originate_leg(id, &request) else {
            return self.originate_failed(id, 0);
        };
        if let Some(pending) = self.originates.get_mut(&id) {
            pending.leg = Some(leg);
        }
        let string = request.channel.split_once('/').map_or("", |(_, rest)| rest).to_owned();
        self.tell_dial_begin(None, leg, &string);
        self.ring_leg(leg);
        self.after(timeout, Timer::Originate(id));
    }

    /// Makes the leg, none when the device cannot be reached.
    fn originate_leg(&mut self, id: OriginateId, request: &OriginateRequest) -> Option<LegId> {
        let dialler = Dialler::Originate(id);
        let device = Device::parse(&request.channel)?;
        let leg = match &device {
            // A Local pair has no parent: a leg that does not exist gives it nothing.
            Device::Local { exten, context, kept } => {
                let uniqueids = [request.uniqueid.clone(), request.other_uniqueid.clone()];
                self.create_local(LegId(0), NewPair { exten, context, kept: *kept, uniqueids }, dialler)
            }
            Device::Phone(name) | Device::Outside { trunk: name, .. } => {
                let endpoint = self.endpoints.get(name).filter(|endpoint| endpoint.registered)?;
                let caller = Party::new(&endpoint.number, &endpoint.display);
                let place = Location::new(endpoint.context.clone(), "s", 1);
                self.new_channel(NewChannel {
                    endpoint: name.clone(),
                    uniqueid: request.uniqueid.clone(),
                    linkedid: None,
                    state: ChannelState::Down,
                    caller,
                    place,
                    work: Work::Outgoing(dialler),
                })
            }
        };
        let half = self.channels.get(&leg).and_then(|channel| channel.local_peer);
        // The second half of a pair has all variables of the first.
        for leg in [Some(leg), half].into_iter().flatten() {
            for (name, value) in &request.variables {
                self.set_variable(leg, name, value);
            }
        }
        if let Some(channel) = self.channels.get_mut(&leg) {
            "AppDial2".clone_into(&mut channel.app);
            "(Outgoing Line)".clone_into(&mut channel.data);
            if let Device::Outside { number, .. } = &device {
                channel.dialled.clone_from(number);
            }
        }
        if let Device::Outside { number, .. } = &device {
            self.somebody_is_called(leg, number);
        }
        self.tell_place(leg);
        if request.caller != Party::default() {
            let own_name = self.channels.get(&leg).and_then(|channel| channel.caller.name.clone());
            let Party { number, name } = request.caller.clone();
            self.set_caller(leg, Party { number, name: name.or(own_name) });
            self.set_connected(leg, request.caller.clone());
            self.show_at_half(half, &request.caller);
        }
        Some(leg)
    }

    /// The second half of a pair takes both over at once.
    fn show_at_half(&mut self, half: Option<LegId>, party: &Party) {
        let Some(half) = half else { return };
        let Some(channel) = self.channels.get_mut(&half) else { return };
        channel.caller.clone_from(party);
        channel.connected.clone_from(party);
        self.tell_caller(half);
        self.tell("NewConnectedLine", half);
    }

    /// The leg is answered: OriginateResponse, and it goes where it was meant to go.
    pub(super) fn originate_answered(&mut self, id: OriginateId, leg: LegId) {
        let Some(request) = self.originates.remove(&id) else { return };
        let response_first = self.random.chance(500);
        if response_first {
            self.tell_originate_response(&request, Some(leg), 4);
        }
        self.tell_dial_end(None, leg, "ANSWER");
        if !response_first {
            self.tell_originate_response(&request, Some(leg), 4);
        }
        match request.target {
            OriginateTarget::Dialplan(place) => self.run_at(leg, place),
            OriginateTarget::Application(app, data) => self.run_application(leg, &app, &data),
        }
    }

    /// The leg is over without an answer.
    pub(super) fn originate_failed(&mut self, id: OriginateId, cause: u16) {
        let Some(request) = self.originates.remove(&id) else { return };
        if let Some(leg) = request.leg {
            self.tell_dial_end(None, leg, dial_end_status(cause));
        }
        self.tell_originate_response(&request, None, 0);
        if let Some(leg) = request.leg {
            self.remove_channel(leg);
        }
    }

    /// Nobody picked up: there is no DialEnd then.
    pub(super) fn originate_timeout(&mut self, id: OriginateId) {
        let Some(request) = self.originates.remove(&id) else { return };
        self.tell_originate_response(&request, None, 3);
        if let Some(leg) = request.leg {
            self.set_cause(leg, 19, Some(480));
            self.remove_channel(leg);
        }
    }

    fn tell_originate_response(&mut self, request: &OriginateRequest, leg: Option<LegId>, reason: u8) {
        if !request.is_async {
            let (kind, text) = match leg {
                Some(_) => ("Success", "Originate successfully queued"),
                None => ("Error", "Originate failed"),
            };
            let mut response = Message::response(kind, request.action_id.as_deref());
            response.put("Message", text);
            self.send(request.session, response);
            return;
        }
        let channel = leg.and_then(|leg| self.channels.get(&leg));
        let mut message = self.event("OriginateResponse", Classes::CALL);
        message.put_if("ActionID", request.action_id.as_deref());
        message.put("Response", if leg.is_some() { "Success" } else { "Failure" });
        message.put("Channel", channel.map_or(request.channel.as_str(), |channel| channel.name.as_str()));
        match &request.target {
            OriginateTarget::Dialplan(place) => {
                message.put("Context", &place.context).put("Exten", &place.exten);
            }
            OriginateTarget::Application(app, data) => {
                message.put("Application", app).put("Data", data);
            }
        }
        message.put("Reason", reason);
        let uniqueid = channel.map(|channel| channel.uniqueid.clone()).or(request.uniqueid.clone());
        message.put("Uniqueid", OrUnknown(uniqueid.as_deref()));
        message.put("CallerIDNum", OrUnknown(request.caller.number.as_deref()));
        message.put("CallerIDName", OrUnknown(request.caller.name.as_deref()));
        if let Some(channel) = channel {
            for name in &self.config.channel_variables {
                let value = self.channel_variable(channel, name);
                let key = format!("ChanVariable({})", channel.name);
                message.put(&key, format_args!("{name}={value}"));
            }
        }
        self.publish(message);
    }
}
