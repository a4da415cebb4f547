//! Actions of app_queue.

use hookswitch_ami::Frame;

use crate::config::SECOND;
use crate::message::{Message, OrUnknown};
use crate::pbx::{LegId, Member, Pbx, Queue, SessionId, Work};

impl Pbx {
    /// The queues a list is about: the one named, or all.
    fn queues_asked(&self, frame: &Frame) -> Vec<String> {
        let asked = frame.get("Queue").filter(|name| !name.is_empty());
        self.queues.keys().filter(|name| asked.is_none_or(|asked| asked == *name)).cloned().collect()
    }

    pub(super) fn list_queues(&mut self, id: SessionId, frame: &Frame) {
        self.begin_list(id, frame, "Queue status will follow");
        let mut items = 0;
        for name in self.queues_asked(frame) {
            let Some(queue) = self.queues.get(&name).cloned() else { continue };
            self.send_queue_params(id, frame, &queue);
            for member in &queue.members {
                let mut message = Message::item("QueueMember");
                message.put("Queue", &name).put("Name", &member.name).put("Location", &member.interface);
                self.write_member(&mut message, member);
                message.put("Wrapuptime", 0).put_if("ActionID", frame.action_id());
                self.send(id, message);
            }
            for (position, leg) in queue.waiting.iter().enumerate() {
                self.send_queue_entry(id, frame, &name, position + 1, *leg);
            }
            items += 1 + queue.members.len() + queue.waiting.len();
        }
        self.end_list(id, frame, "QueueStatusComplete", items);
    }

    fn send_queue_params(&mut self, id: SessionId, frame: &Frame, queue: &Queue) {
        let mut message = Message::item("QueueParams");
        message
            .put("Queue", &queue.config.name)
            .put("Max", 0)
            .put("Strategy", queue.config.strategy.as_str())
            .put("Calls", queue.waiting.len())
            .put("Holdtime", 0)
            .put("TalkTime", 0)
            .put("Completed", queue.completed)
            .put("Abandoned", queue.abandoned)
            .put("ServiceLevel", 0)
            .put("ServicelevelPerf", "0.0")
            .put("ServicelevelPerf2", "0.0")
            .put("Weight", 0)
            .put_if("ActionID", frame.action_id());
        self.send(id, message);
    }

    fn send_queue_entry(&mut self, id: SessionId, frame: &Frame, queue: &str, position: usize, leg: LegId) {
        let Some(channel) = self.channels.get(&leg) else { return };
        let joined = if let Work::Queued(work) = &channel.work { work.joined } else { self.now };
        let mut message = Message::item("QueueEntry");
        message
            .put("Queue", queue)
            .put("Position", position)
            .put("Channel", &channel.name)
            .put("Uniqueid", &channel.uniqueid)
            .put("CallerIDNum", OrUnknown(channel.caller.number.as_deref()))
            .put("CallerIDName", OrUnknown(channel.caller.name.as_deref()))
            .put("ConnectedLineNum", OrUnknown(channel.connected.number.as_deref()))
            .put("ConnectedLineName", OrUnknown(channel.connected.name.as_deref()))
            .put("Wait", (self.now - joined) / SECOND)
            .put("Priority", 0)
            .put_if("ActionID", frame.action_id());
        self.send(id, message);
    }

    pub(super) fn list_queue_summary(&mut self, id: SessionId, frame: &Frame) {
        self.begin_list(id, frame, "Queue summary will follow");
        let names = self.queues_asked(frame);
        for name in &names {
            let Some(queue) = self.queues.get(name) else { continue };
            let idle = |member: &&Member| {
                !member.paused && self.device_state_of(&member.interface) == crate::pbx::DeviceState::NotInUse
            };
            let mut message = Message::item("QueueSummary");
            message
                .put("Queue", name)
                .put("LoggedIn", queue.members.len())
                .put("Available", queue.members.iter().filter(idle).count())
                .put("Callers", queue.waiting.len())
                .put("HoldTime", 0)
                .put("TalkTime", 0)
                .put("LongestHoldTime", 0)
                .put_if("ActionID", frame.action_id());
            self.send(id, message);
        }
        self.end_list(id, frame, "QueueSummaryComplete", names.len());
    }

    pub(super) fn action_queue_pause(&mut self, id: SessionId, frame: &Frame) {
        let Some(interface) = frame.get("Interface") else {
            return self.respond_error(id, frame, "Need 'Interface' parameter.");
        };
        let paused = frame.get("Paused").is_some_and(|text| ["true", "yes", "1", "on"].contains(&text));
        let reason = frame.get("Reason").unwrap_or_default();
        let now = self.now;
        let mut changed = Vec::new();
        for name in self.queues_asked(frame) {
            let Some(queue) = self.queues.get_mut(&name) else { continue };
            let member = queue.members.iter_mut().find(|member| member.interface == interface);
            let Some(member) = member else { continue };
            member.paused = paused;
            reason.clone_into(&mut member.reason);
            if paused {
                member.last_pause = now;
            } else {
                member.reason.clear();
            }
            changed.push(name);
        }
        if changed.is_empty() {
            return self.respond_error(id, frame, "Interface not found");
        }
        let text = if paused { "Interface paused successfully" } else { "Interface unpaused successfully" };
        self.respond_success(id, frame, text);
        for name in changed {
            self.tell_member("QueueMemberPause", &name, interface);
        }
    }

    pub(super) fn action_queue_add(&mut self, id: SessionId, frame: &Frame) {
        let name = frame.get("Queue").unwrap_or_default().to_owned();
        let interface = frame.get("Interface").unwrap_or_default().to_owned();
        let now = self.now;
        let Some(queue) = self.queues.get_mut(&name) else {
            return self.respond_error(id, frame, "Unable to add interface to queue: No such queue");
        };
        if queue.members.iter().any(|member| member.interface == interface) {
            return self.respond_error(id, frame, "Unable to add interface: Already there");
        }
        let shown = frame.get("MemberName").unwrap_or(&interface).to_owned();
        let mut member = Member::new(interface.clone(), shown, true, now);
        member.penalty = frame.get("Penalty").and_then(|text| text.parse().ok()).unwrap_or(0);
        queue.members.push(member);
        self.respond_success(id, frame, "Added interface to queue");
        self.tell_member("QueueMemberAdded", &name, &interface);
    }

    pub(super) fn action_queue_remove(&mut self, id: SessionId, frame: &Frame) {
        let name = frame.get("Queue").unwrap_or_default().to_owned();
        let interface = frame.get("Interface").unwrap_or_default().to_owned();
        let known =
            self.queues.get(&name).map(|queue| queue.members.iter().any(|m| m.interface == interface));
        match known {
            None => self.respond_error(id, frame, "Unable to remove interface from queue: No such queue"),
            Some(false) => self.respond_error(id, frame, "Unable to remove interface: Not there"),
            Some(true) => {
                self.respond_success(id, frame, "Removed interface from queue");
                self.tell_member("QueueMemberRemoved", &name, &interface);
                if let Some(queue) = self.queues.get_mut(&name) {
                    queue.members.retain(|member| member.interface != interface);
                }
            }
        }
    }
}
