//! Actions that list what is going on. Every list ends with its `…Complete` event.

use hookswitch_ami::Frame;

use crate::config::SECOND;
use crate::message::{Message, OrUnknown};
use crate::pbx::{BridgeKind, Channel, LegId, Pbx, SessionId};

impl Pbx {
    /// The response that begins a list.
    pub(super) fn begin_list(&mut self, id: SessionId, frame: &Frame, text: &str) {
        let mut response = Message::response("Success", frame.action_id());
        response.put("EventList", "start").put("Message", text);
        self.send(id, response);
    }

    /// The event that ends a list.
    pub(super) fn end_list(&mut self, id: SessionId, frame: &Frame, name: &'static str, items: usize) {
        let mut message = Message::item(name);
        message.put_if("ActionID", frame.action_id());
        message.put("EventList", "Complete").put("ListItems", items);
        self.send(id, message);
    }

    fn item(frame: &Frame, name: &'static str) -> Message {
        let mut message = Message::item(name);
        message.put_if("ActionID", frame.action_id());
        message
    }

    fn bridge_uniqueid(&self, channel: &Channel) -> String {
        let bridge = channel.bridge.and_then(|bridge| self.bridges.get(&bridge));
        bridge.map(|bridge| bridge.uniqueid.clone()).unwrap_or_default()
    }

    pub(super) fn list_channels(&mut self, id: SessionId, frame: &Frame) {
        self.begin_list(id, frame, "Channels will follow");
        let legs: Vec<LegId> = self.channels.keys().copied().collect();
        for leg in &legs {
            let Some(channel) = self.channels.get(leg) else { continue };
            let mut message = Self::item(frame, "CoreShowChannel");
            self.write_channel(&mut message, "", *leg);
            let age = (self.now - channel.created) / SECOND;
            message
                .put("Application", &channel.app)
                .put("ApplicationData", &channel.data)
                .put("Duration", format_args!("{:02}:{:02}:{:02}", age / 3600, age / 60 % 60, age % 60))
                .put("BridgeId", self.bridge_uniqueid(channel));
            self.send(id, message);
        }
        self.end_list(id, frame, "CoreShowChannelsComplete", legs.len());
    }

    pub(super) fn list_status(&mut self, id: SessionId, frame: &Frame) {
        let legs: Vec<LegId> = match frame.get("Channel").filter(|name| !name.is_empty()) {
            None => self.channels.keys().copied().collect(),
            Some(name) => match self.find_channel(name) {
                Some(leg) => vec![leg],
                None => return self.respond_error(id, frame, "No such channel"),
            },
        };
        let all = frame.get("AllVariables").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let asked = frame.get("Variables").unwrap_or_default().to_owned();
        self.begin_list(id, frame, "Channel status will follow");
        for leg in &legs {
            self.send_status(id, frame, *leg, all, &asked);
        }
        let mut message = Message::item("StatusComplete");
        message.put_if("ActionID", frame.action_id());
        message.put("EventList", "Complete").put("ListItems", legs.len()).put("Items", legs.len());
        self.send(id, message);
    }

    fn send_status(&mut self, id: SessionId, frame: &Frame, leg: LegId, all: bool, asked: &str) {
        let Some(channel) = self.channels.get(&leg) else { return };
        let mut message = Message::item("Status");
        message.put("Privilege", "Call");
        self.write_channel(&mut message, "", leg);
        message
            .put("Type", if channel.endpoint.is_some() { "PJSIP" } else { "Local" })
            .put("DNID", &channel.dialled)
            .put("EffectiveConnectedLineNum", OrUnknown(channel.connected.number.as_deref()))
            .put("EffectiveConnectedLineName", OrUnknown(channel.connected.name.as_deref()))
            .put("TimeToHangup", 0)
            .put("BridgeID", self.bridge_uniqueid(channel))
            .put("Application", &channel.app)
            .put("Data", &channel.data)
            .put("Nativeformats", "(ulaw)")
            .put("Readformat", "ulaw")
            .put("Writeformat", "ulaw")
            .put("Callgroup", 0)
            .put("Pickupgroup", 0)
            .put("Seconds", (self.now - channel.created) / SECOND);
        if all {
            for variable in &channel.variables {
                message.put("Variable", format_args!("{}={}", variable.name, variable.value));
            }
        }
        for name in asked.split(',').filter(|name| !name.is_empty()) {
            message.put("Variable", format_args!("{name}={}", self.channel_variable(channel, name)));
        }
        message.put_if("ActionID", frame.action_id());
        self.send(id, message);
    }

    pub(super) fn list_bridges(&mut self, id: SessionId, frame: &Frame) {
        self.begin_list(id, frame, "Bridge listing will follow");
        let bridges: Vec<_> = self.bridges.keys().copied().collect();
        for bridge in &bridges {
            let mut message = Self::item(frame, "BridgeListItem");
            self.write_bridge(&mut message, "", *bridge);
            self.send(id, message);
        }
        self.end_list(id, frame, "BridgeListComplete", bridges.len());
    }

    pub(super) fn list_bridge(&mut self, id: SessionId, frame: &Frame) {
        let uniqueid = frame.get("BridgeUniqueid").unwrap_or_default();
        let found = self.bridges.iter().find(|(_, bridge)| bridge.uniqueid == uniqueid);
        let Some((bridge, legs)) = found.map(|(id, bridge)| (*id, bridge.legs.clone())) else {
            return self.respond_error(id, frame, "Bridge not found");
        };
        self.begin_list(id, frame, "Bridge channel listing will follow");
        for leg in &legs {
            let mut message = Self::item(frame, "BridgeInfoChannel");
            self.write_channel(&mut message, "", *leg);
            self.send(id, message);
        }
        let mut message = Message::item("BridgeInfoComplete");
        message.put_if("ActionID", frame.action_id());
        message.put("EventList", "Complete").put("ListItems", legs.len());
        self.write_bridge(&mut message, "", bridge);
        self.send(id, message);
    }

    pub(super) fn list_conference(&mut self, id: SessionId, frame: &Frame) {
        let name = frame.get("Conference").unwrap_or_default().to_owned();
        let bridge = self.conferences.get(&name).and_then(|bridge| self.bridges.get(bridge));
        let Some(bridge) = bridge.filter(|bridge| bridge.kind == BridgeKind::Conference(name.clone())) else {
            return self.respond_error(id, frame, "No Conference by that name found.");
        };
        let legs = bridge.legs.clone();
        self.begin_list(id, frame, "Confbridge user list will follow");
        for leg in &legs {
            let mut message = Self::item(frame, "ConfbridgeList");
            message.put("Conference", &name);
            let flags = [
                "Admin",
                "MarkedUser",
                "WaitMarked",
                "EndMarked",
                "EndMarkedAny",
                "Waiting",
                "Muted",
                "Talking",
            ];
            for flag in flags {
                message.put(flag, "No");
            }
            let answered = self.channels.get(leg).and_then(|channel| channel.answered).unwrap_or(self.now);
            message.put("AnsweredTime", (self.now - answered) / SECOND);
            self.write_channel(&mut message, "", *leg);
            self.send(id, message);
        }
        self.end_list(id, frame, "ConfbridgeListComplete", legs.len());
    }

    pub(super) fn list_contacts(&mut self, id: SessionId, frame: &Frame) {
        self.begin_list(id, frame, "A listing of Contacts follows, presented as ContactList events");
        let phones: Vec<(String, u16)> = self
            .endpoints
            .iter()
            .filter(|(name, endpoint)| endpoint.registered && **name != self.config.trunk)
            .map(|(name, endpoint)| (name.clone(), endpoint.port))
            .collect();
        for (name, port) in &phones {
            let mut message = Self::item(frame, "ContactList");
            message
                .put("ObjectType", "contact")
                .put("ObjectName", format_args!("{name};@{port:032x}"))
                .put("ViaAddr", "127.0.0.1")
                .put("Endpoint", name)
                .put("ViaPort", port)
                .put("Uri", format_args!("sip:{name}@127.0.0.1:{port}"))
                .put("Status", "NonQualified")
                .put("RoundtripUsec", "N/A");
            self.send(id, message);
        }
        self.end_list(id, frame, "ContactListComplete", phones.len());
    }

    pub(super) fn list_endpoints(&mut self, id: SessionId, frame: &Frame) {
        self.begin_list(id, frame, "A listing of Endpoints follows, presented as EndpointList events");
        let names: Vec<String> = self.endpoints.keys().cloned().collect();
        for name in &names {
            let Some(endpoint) = self.endpoints.get(name) else { continue };
            let contact = if endpoint.registered {
                format!("{name}/sip:{name}@127.0.0.1:{},", endpoint.port)
            } else {
                String::new()
            };
            let mut message = Self::item(frame, "EndpointList");
            message
                .put("ObjectType", "endpoint")
                .put("ObjectName", name)
                .put("Aor", name)
                .put("Contacts", contact)
                .put("DeviceState", self.device_state(name).words())
                .put("ActiveChannels", endpoint.legs.len());
            self.send(id, message);
        }
        self.end_list(id, frame, "EndpointListComplete", names.len());
    }

    pub(super) fn list_device_states(&mut self, id: SessionId, frame: &Frame) {
        self.begin_list(id, frame, "Device State Changes will follow");
        let names: Vec<String> = self.endpoints.keys().cloned().collect();
        for name in &names {
            let mut message = Self::item(frame, "DeviceStateChange");
            message
                .put("Device", format_args!("PJSIP/{name}"))
                .put("State", self.device_state(name).as_str());
            self.send(id, message);
        }
        self.end_list(id, frame, "DeviceStateListComplete", names.len());
    }
}
