//! app_queue: callers wait, members are rung.

use crate::config::{Micros, QueueConfig, QueueStrategy, SECOND};
use crate::dialplan::arguments;
use crate::message::{Classes, Message};
use crate::pbx::channel::{Dialler, Work};
use crate::pbx::dial::{LegPlan, dial_end_status};
use crate::pbx::phone::QUEUE_FOREVER;
use crate::pbx::{DeviceState, LegId, Pbx};

/// A member of a queue.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) interface: String,
    pub(crate) name: String,
    pub(crate) dynamic: bool,
    pub(crate) penalty: u32,
    pub(crate) paused: bool,
    pub(crate) reason: String,
    pub(crate) calls_taken: u32,
    pub(crate) last_call: Micros,
    pub(crate) last_pause: Micros,
    pub(crate) login: Micros,
}

/// A queue at work.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) config: QueueConfig,
    pub(crate) members: Vec<Member>,
    pub(crate) waiting: Vec<LegId>,
    /// Where rrmemory goes on.
    next: usize,
    pub(crate) completed: u32,
    pub(crate) abandoned: u32,
}

impl Queue {
    pub(super) fn new(config: QueueConfig, now: Micros) -> Self {
        let members = config
            .members
            .iter()
            .map(|(interface, name)| Member::new(interface.clone(), name.clone(), false, now))
            .collect();
        Self { config, members, waiting: Vec::new(), next: 0, completed: 0, abandoned: 0 }
    }
}

impl Member {
    pub(crate) fn new(interface: String, name: String, dynamic: bool, now: Micros) -> Self {
        Self {
            interface,
            name,
            dynamic,
            penalty: 0,
            paused: false,
            reason: String::new(),
            calls_taken: 0,
            last_call: 0,
            last_pause: 0,
            login: now,
        }
    }
}

/// What a caller in a queue is at.
#[derive(Clone, Debug)]
pub(crate) struct QueueWork {
    pub(crate) queue: String,
    pub(crate) joined: Micros,
    deadline: Micros,
    original: usize,
    /// Option `t`: the member may transfer.
    may_transfer: bool,
    /// Where strategy `linear` goes on.
    next: usize,
    phase: Phase,
}

#[derive(Clone, Debug)]
enum Phase {
    /// Until the next try.
    Waiting,
    /// Members ring, by leg and interface, since then.
    Ringing { legs: Vec<(LegId, String)>, since: Micros },
    /// Talks to that leg of that member.
    Talking { agent: LegId, interface: String, since: Micros, held: Micros },
}

impl Pbx {
    /// `Queue(name,options,url,announce,seconds)`.
    pub(super) fn app_queue(&mut self, leg: LegId, data: &str) {
        let parts = arguments(data);
        let name = parts[0].to_owned();
        let limit = parts.get(4).and_then(|text| text.trim().parse::<u64>().ok());
        let limit = limit.map_or(QUEUE_FOREVER, |seconds| seconds * SECOND);
        let Some(queue) = self.queues.get_mut(&name) else {
            self.set_variable(leg, "QUEUESTATUS", "UNKNOWN");
            return self.go_on(leg);
        };
        queue.waiting.push(leg);
        let position = queue.waiting.len();
        let work = QueueWork {
            queue: name.clone(),
            joined: self.now,
            deadline: self.now + limit,
            original: position,
            may_transfer: parts.get(1).is_some_and(|options| options.contains('t')),
            next: 0,
            phase: Phase::Waiting,
        };
        self.set_work(leg, Work::Queued(work));
        let mut message = self.queue_event("QueueCallerJoin", leg, &name);
        message.put("Position", position).put("Count", position);
        self.publish(message);
        self.start_music(leg, "default");
        self.queue_try(leg);
    }

    fn queue_event(&self, event: &'static str, leg: LegId, queue: &str) -> Message {
        let mut message = self.about_in(event, Classes::AGENT, leg);
        message.put("Queue", queue);
        message
    }

    /// An event about a caller and the member's leg.
    fn agent_event(
        &self,
        event: &'static str,
        leg: LegId,
        called: LegId,
        queue: &str,
        interface: &str,
    ) -> Message {
        let mut message = self.about_in(event, Classes::AGENT, leg);
        self.write_channel(&mut message, "Dest", called);
        let name = self.member(queue, interface).map_or("", |member| member.name.as_str());
        message.put("Queue", queue).put("Interface", interface).put("MemberName", name);
        message
    }

    fn member(&self, queue: &str, interface: &str) -> Option<&Member> {
        self.queues.get(queue)?.members.iter().find(|member| member.interface == interface)
    }

    fn queue_work(&self, leg: LegId) -> Option<QueueWork> {
        match self.channels.get(&leg).map(|channel| &channel.work) {
            Some(Work::Queued(work)) => Some(work.clone()),
            Some(_) | None => None,
        }
    }

    /// Something of a waiting caller is due: the whole wait, a ring time, or the next try.
    pub(super) fn queue_is_due(&mut self, leg: LegId, work: &QueueWork) {
        match &work.phase {
            Phase::Talking { .. } => {}
            _ if self.now >= work.deadline => {
                self.queue_left(leg, work);
                self.set_variable(leg, "QUEUESTATUS", "TIMEOUT");
                self.stop_music(leg);
                self.go_on(leg);
            }
            Phase::Waiting => self.queue_try(leg),
            Phase::Ringing { legs, since } => {
                let ring_time = (self.now - since) / 1000;
                for (called, interface) in legs {
                    let mut message =
                        self.agent_event("AgentRingNoAnswer", leg, *called, &work.queue, interface);
                    message.put("RingTime", ring_time);
                    self.publish(message);
                    self.tell_dial_end(Some(leg), *called, "NOANSWER");
                    self.tell_dial_end(Some(leg), *called, "CANCEL");
                    self.remove_channel(*called);
                }
                self.queue_wait(leg, work.clone());
            }
        }
    }

    /// Waits for the next try.
    fn queue_wait(&mut self, leg: LegId, work: QueueWork) {
        let retry = self.queues.get(&work.queue).map_or(SECOND, |queue| queue.config.retry);
        let retry = retry.min(work.deadline.saturating_sub(self.now));
        self.set_work_for(leg, Work::Queued(QueueWork { phase: Phase::Waiting, ..work }), retry);
    }

    /// Rings who is to be rung, or waits.
    fn queue_try(&mut self, leg: LegId) {
        let Some(mut work) = self.queue_work(leg) else { return };
        let name = work.queue.clone();
        let mut legs = Vec::new();
        for interface in self.queue_choose(&mut work) {
            let plan =
                LegPlan { parent: leg, device: &interface, app: "AppQueue", dialler: Dialler::Queue(leg) };
            let Some(called) = self.create_leg(&plan) else { continue };
            let message = self.agent_event("AgentCalled", leg, called, &name, &interface);
            self.publish(message);
            self.tell_dial_begin(Some(leg), called, &interface);
            legs.push((called, interface));
        }
        let timeout = self.queues.get(&name).map_or(SECOND, |queue| queue.config.timeout);
        match &legs[..] {
            [] => return self.queue_wait(leg, work),
            [(only, _)] => self.show_called_party(leg, *only),
            _ => {}
        }
        let called: Vec<LegId> = legs.iter().map(|(called, _)| *called).collect();
        let until = timeout.min(work.deadline.saturating_sub(self.now));
        let phase = Phase::Ringing { legs, since: self.now };
        self.set_work_for(leg, Work::Queued(QueueWork { phase, ..work }), until);
        called.into_iter().for_each(|called| self.ring_leg(called));
    }

    /// The interfaces to ring now.
    fn queue_choose(&mut self, work: &mut QueueWork) -> Vec<String> {
        let now = self.now;
        let Some(queue) = self.queues.get(&work.queue) else { return Vec::new() };
        let free = |member: &Member| {
            let state = self.device_state_of(&member.interface);
            let idle = state == DeviceState::NotInUse
                && !self.has_legs(&member.interface)
                && now >= member.last_call + queue.config.wrapup;
            let busy = !matches!(state, DeviceState::Unavailable | DeviceState::Invalid);
            !member.paused && (idle || queue.config.ring_in_use && busy)
        };
        let count = queue.members.len();
        let start = match queue.config.strategy {
            QueueStrategy::Linear => work.next,
            QueueStrategy::RoundRobinMemory | QueueStrategy::RingAll | QueueStrategy::LeastRecent => {
                queue.next
            }
        };
        let order = (0..count).map(|step| (start + step) % count);
        let mut free: Vec<usize> = order.filter(|at| free(&queue.members[*at])).collect();
        match queue.config.strategy {
            QueueStrategy::RingAll => {}
            QueueStrategy::RoundRobinMemory | QueueStrategy::Linear => free.truncate(1),
            QueueStrategy::LeastRecent => {
                free.sort_by_key(|at| queue.members[*at].last_call);
                free.truncate(1);
            }
        }
        let Some(queue) = self.queues.get_mut(&work.queue) else { return Vec::new() };
        if let Some(first) = free.first() {
            queue.next = (first + 1) % count;
            work.next = queue.next;
        }
        free.into_iter().map(|at| queue.members[at].interface.clone()).collect()
    }

    fn has_legs(&self, interface: &str) -> bool {
        let name = interface.split_once('/').map_or(interface, |(_, name)| name);
        self.endpoints.get(name).is_some_and(|endpoint| !endpoint.legs.is_empty())
    }

    /// A member's leg is over without an answer.
    pub(super) fn queue_leg_failed(&mut self, leg: LegId, called: LegId, cause: u16) {
        let ringing = self.queue_work(leg).and_then(|work| match work.phase.clone() {
            Phase::Ringing { legs, since } => Some((work, legs, since)),
            Phase::Waiting | Phase::Talking { .. } => None,
        });
        let Some((work, mut legs, since)) = ringing else { return self.remove_channel(called) };
        let interface = legs.iter().find(|(leg, _)| *leg == called).map(|(_, interface)| interface.clone());
        legs.retain(|(leg, _)| *leg != called);
        self.tell_dial_end(Some(leg), called, dial_end_status(cause));
        let interface = interface.unwrap_or_default();
        let mut message = self.agent_event("AgentRingNoAnswer", leg, called, &work.queue, &interface);
        message.put("RingTime", (self.now - since) / 1000);
        self.publish(message);
        let over = legs.is_empty();
        if let Some(channel) = self.channels.get_mut(&leg) {
            let phase = Phase::Ringing { legs, since };
            channel.work = Work::Queued(QueueWork { phase, ..work.clone() });
        }
        self.remove_channel(called);
        if over {
            self.queue_wait(leg, work);
        }
    }

    /// A member answers.
    pub(super) fn queue_answered(&mut self, leg: LegId, called: LegId) {
        let Some(work) = self.queue_work(leg) else { return };
        let Phase::Ringing { legs, since } = work.phase.clone() else { return };
        self.show_called_party(leg, called);
        let others: Vec<LegId> = legs.iter().map(|(leg, _)| *leg).filter(|other| *other != called).collect();
        for other in &others {
            self.tell_dial_end(Some(leg), *other, "CANCEL");
        }
        self.tell_dial_end(Some(leg), called, "ANSWER");
        self.stop_music(leg);
        self.queue_caller_leaves(leg, &work.queue);
        let interface = legs.iter().find(|(leg, _)| *leg == called).map(|(_, interface)| interface.clone());
        let interface = interface.unwrap_or_default();
        let held = (self.now - work.joined) / SECOND;
        let mut message = self.agent_event("AgentConnect", leg, called, &work.queue, &interface);
        message.put("HoldTime", held).put("RingTime", (self.now - since) / SECOND);
        self.publish(message);
        let phase = Phase::Talking { agent: called, interface, since: self.now, held };
        let QueueWork { may_transfer, .. } = work;
        self.set_work(leg, Work::Queued(QueueWork { phase, ..work }));
        self.set_work(called, Work::Called { after: None });
        if let Some(channel) = self.channels.get_mut(&called) {
            channel.may_transfer = may_transfer;
        }
        for other in others {
            self.set_cause(other, 26, None);
            self.remove_channel(other);
        }
        self.bridge_two(called, leg);
    }

    /// Takes the caller off the list of those who wait, and says so.
    fn queue_caller_leaves(&mut self, leg: LegId, name: &str) {
        let Some(queue) = self.queues.get_mut(name) else { return };
        let Some(position) = queue.waiting.iter().position(|waiting| *waiting == leg) else { return };
        queue.waiting.remove(position);
        let count = queue.waiting.len();
        let mut message = self.queue_event("QueueCallerLeave", leg, name);
        message.put("Position", position + 1).put("Count", count);
        self.publish(message);
    }

    /// The caller hangs up while waiting.
    pub(super) fn queue_abandoned(&mut self, leg: LegId, work: &QueueWork) {
        self.stop_music(leg);
        let ringing = match &work.phase {
            Phase::Ringing { legs, .. } => legs.clone(),
            Phase::Waiting | Phase::Talking { .. } => Vec::new(),
        };
        for (called, _) in &ringing {
            // Asterisk says it twice.
            self.tell_dial_end(Some(leg), *called, "CANCEL");
            self.tell_dial_end(Some(leg), *called, "CANCEL");
        }
        let Some(queue) = self.queues.get_mut(&work.queue) else { return };
        queue.abandoned += 1;
        let position = queue.waiting.iter().position(|waiting| *waiting == leg).map_or(0, |at| at + 1);
        let mut message = self.queue_event("QueueCallerAbandon", leg, &work.queue);
        message.put("Position", position).put("OriginalPosition", work.original);
        message.put("HoldTime", (self.now - work.joined) / SECOND);
        self.publish(message);
        for (called, _) in ringing {
            self.remove_channel(called);
        }
        self.queue_caller_leaves(leg, &work.queue);
        self.tell_soft_hangup(leg, 16);
        self.remove_channel(leg);
    }

    /// The caller leaves the queue alive: sent elsewhere, or waited long enough.
    pub(super) fn queue_left(&mut self, leg: LegId, work: &QueueWork) {
        if let Phase::Ringing { legs, .. } = &work.phase {
            for (called, _) in legs {
                self.tell_dial_end(Some(leg), *called, "CANCEL");
                self.remove_channel(*called);
            }
        }
        self.queue_caller_leaves(leg, &work.queue);
    }

    /// The caller of the queue conversation a leg is in, and whether the leg is the member's.
    pub(super) fn queue_of_talk(&self, leg: LegId) -> Option<(LegId, bool)> {
        if self.queue_work(leg).is_some() {
            return Some((leg, false));
        }
        let caller = self.other_in_bridge(leg)?;
        self.queue_work(caller).map(|_| (caller, true))
    }

    /// The conversation is over: by the agent, the caller or a transfer.
    pub(super) fn queue_completes(&mut self, caller: LegId, reason: &str) {
        let Some(work) = self.queue_work(caller) else { return };
        let Phase::Talking { agent, interface, since, held } = work.phase else { return };
        let mut message = self.agent_event("AgentComplete", caller, agent, &work.queue, &interface);
        message.put("HoldTime", held).put("TalkTime", (self.now - since) / SECOND).put("Reason", reason);
        self.publish(message);
        let now = self.now;
        let Some(queue) = self.queues.get_mut(&work.queue) else { return };
        queue.completed += 1;
        if let Some(member) = queue.members.iter_mut().find(|member| member.interface == interface) {
            member.calls_taken += 1;
            member.last_call = now;
        }
        // What is left of it is an ordinary conversation.
        self.set_work(caller, Work::Talking { goes_on: false });
    }

    /// Says QueueMemberStatus in every queue the device is a member of.
    pub(super) fn tell_member_status(&mut self, interface: &str) {
        let queues: Vec<String> = self.queues.keys().cloned().collect();
        for queue in queues {
            self.tell_member("QueueMemberStatus", &queue, interface);
        }
    }

    /// An event about a member, when it is one.
    pub(crate) fn tell_member(&mut self, event: &'static str, queue: &str, interface: &str) {
        let Some(member) = self.member(queue, interface) else { return };
        let mut message = self.event(event, Classes::AGENT);
        message.put("Queue", queue).put("MemberName", &member.name).put("Interface", interface);
        self.write_member(&mut message, member);
        message.put("Ringinuse", u8::from(self.ring_in_use(queue))).put("Wrapuptime", 0);
        self.publish(message);
    }

    fn ring_in_use(&self, queue: &str) -> bool {
        self.queues.get(queue).is_some_and(|queue| queue.config.ring_in_use)
    }

    /// The headers that member events and QueueStatus share.
    pub(crate) fn write_member(&self, message: &mut Message, member: &Member) {
        let seconds = |at: Micros| at / SECOND;
        message
            .put("StateInterface", &member.interface)
            .put("Membership", if member.dynamic { "dynamic" } else { "static" })
            .put("Penalty", member.penalty)
            .put("CallsTaken", member.calls_taken)
            .put("LastCall", seconds(member.last_call))
            .put("LastPause", seconds(member.last_pause))
            .put("LoginTime", seconds(member.login))
            .put("InCall", 0)
            .put("Status", self.device_state_of(&member.interface).number())
            .put("Paused", u8::from(member.paused))
            .put("PausedReason", &member.reason);
    }
}
