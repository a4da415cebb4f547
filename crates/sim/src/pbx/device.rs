//! Endpoints and what their devices are doing.

use crate::config::PhoneConfig;
use crate::message::Classes;
use crate::pbx::phone::Mood;
use crate::pbx::{ChannelState, LegId, Pbx};

/// State of a device as `DeviceStateChange` spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// Registered and idle.
    NotInUse,
    /// On a call.
    InUse,
    /// Rings.
    Ringing,
    /// Its only call is held.
    OnHold,
    /// Not registered.
    Unavailable,
    /// No such device.
    Invalid,
}

impl DeviceState {
    /// The word of `DeviceStateChange`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotInUse => "NOT_INUSE",
            Self::InUse => "INUSE",
            Self::Ringing => "RINGING",
            Self::OnHold => "ONHOLD",
            Self::Unavailable => "UNAVAILABLE",
            Self::Invalid => "INVALID",
        }
    }

    /// The number of `QueueMemberStatus`.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::NotInUse => 1,
            Self::InUse => 2,
            Self::Invalid => 4,
            Self::Unavailable => 5,
            Self::Ringing => 6,
            Self::OnHold => 8,
        }
    }

    /// The words of `PJSIPShowEndpoints`.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::NotInUse => "Not in use",
            Self::InUse => "In use",
            Self::Ringing => "Ringing",
            Self::OnHold => "On Hold",
            Self::Unavailable => "Unavailable",
            Self::Invalid => "Invalid",
        }
    }
}

/// An endpoint of `pjsip.conf`: a phone or the trunk.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) number: String,
    pub(crate) display: String,
    pub(crate) context: String,
    pub(crate) registered: bool,
    /// Rises with every registration: the contact's port.
    pub(crate) port: u16,
    pub(crate) legs: Vec<LegId>,
    pub(crate) mood: Mood,
    /// Answers when a NOTIFY tells it to.
    pub(crate) remote_answer: bool,
    pub(crate) told: DeviceState,
}

impl Endpoint {
    pub(super) fn phone(phone: &PhoneConfig, context: &str) -> Self {
        Self {
            number: phone.name.clone(),
            display: phone.display.clone(),
            context: context.to_owned(),
            registered: phone.registered,
            port: 30_000,
            legs: Vec::new(),
            mood: Mood::Manual,
            remote_answer: false,
            told: if phone.registered { DeviceState::NotInUse } else { DeviceState::Unavailable },
        }
    }

    /// The trunk is reached by address and never registers.
    pub(super) fn trunk(_name: &str, context: &str) -> Self {
        Self {
            number: String::new(),
            display: String::new(),
            context: context.to_owned(),
            registered: true,
            port: 5060,
            legs: Vec::new(),
            mood: Mood::Manual,
            remote_answer: false,
            told: DeviceState::NotInUse,
        }
    }
}

impl Pbx {
    /// State of a device by its dial string (`PJSIP/1001`).
    pub(crate) fn device_state_of(&self, device: &str) -> DeviceState {
        match device.split_once('/') {
            Some((_, name)) => self.device_state(name),
            None => DeviceState::Invalid,
        }
    }

    pub(crate) fn device_state(&self, name: &str) -> DeviceState {
        let Some(endpoint) = self.endpoints.get(name) else { return DeviceState::Invalid };
        let legs: Vec<_> = endpoint.legs.iter().filter_map(|leg| self.channels.get(leg)).collect();
        let all_hold = !legs.is_empty()
            && legs
                .iter()
                .all(|leg| leg.bridge.is_some() && leg.music.is_some() && leg.state == ChannelState::Up);
        if all_hold {
            DeviceState::OnHold
        } else if legs.iter().any(|leg| matches!(leg.state, ChannelState::Up | ChannelState::Ring)) {
            DeviceState::InUse
        } else if legs.iter().any(|leg| leg.state == ChannelState::Ringing) {
            DeviceState::Ringing
        } else if endpoint.registered {
            DeviceState::NotInUse
        } else {
            DeviceState::Unavailable
        }
    }

    pub(super) fn refresh_device_of(&mut self, leg: LegId) {
        if let Some(name) = self.channels.get(&leg).and_then(|channel| channel.endpoint.clone()) {
            self.refresh_device(&name);
        }
    }

    /// Tells a change of a device's state, and the queues it is a member of.
    pub(super) fn refresh_device(&mut self, name: &str) {
        let state = self.device_state(name);
        let Some(endpoint) = self.endpoints.get_mut(name) else { return };
        if endpoint.told == state {
            return;
        }
        endpoint.told = state;
        let mut message = self.event("DeviceStateChange", Classes::CALL);
        message.put("Device", format_args!("PJSIP/{name}")).put("State", state.as_str());
        self.publish(message);
        self.tell_member_status(&format!("PJSIP/{name}"));
    }

    /// A phone registers, or does so again with another contact.
    pub(super) fn set_registered(&mut self, name: &str, registered: bool) {
        let Some(endpoint) = self.endpoints.get_mut(name) else { return };
        let changed = endpoint.registered != registered;
        if registered {
            endpoint.port = endpoint.port.wrapping_add(1).max(1024);
        }
        endpoint.registered = registered;
        let port = endpoint.port;
        if !changed && !registered {
            return;
        }
        let mut message = self.event("PeerStatus", Classes::SYSTEM);
        message
            .put("ChannelType", "PJSIP")
            .put("Peer", format_args!("PJSIP/{name}"))
            .put("PeerStatus", if registered { "Reachable" } else { "Unreachable" });
        if changed {
            self.publish(message);
        }
        let mut message = self.event("ContactStatus", Classes::SYSTEM);
        message
            .put("URI", format_args!("sip:{name}@127.0.0.1:{port}"))
            .put("ContactStatus", if registered { "NonQualified" } else { "Removed" })
            .put("AOR", name)
            .put("EndpointName", name)
            .put("RoundtripUsec", 0);
        self.publish(message);
        self.refresh_device(name);
    }
}
