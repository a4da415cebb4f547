//! How a call-back comes about: by a waiting caller's key, by the queue's longest wait, by a program.

use std::collections::BTreeMap;

use hookswitch_model::{
    AgentId, CallId, CallbackId, Millis, QueueId, Timestamp,
    call::{AttachedData, Call, Customer, PartyNumber},
    callback::{Callback, CallbackOrigin, CallbackOutcome, CallbackState},
    command::{Destination, Refusal, Taken},
    event::EventKind,
    setup::CallbackSetup,
    why::{Because, MoveReason, Moved, MovedTo, NoCallback, NotCalledBack, Preferred},
};

use super::{CallbackRecord, Tie, book::PROMISED, entry};
use crate::{
    calls::{CallRecord, Exit, Place, data},
    control::destination::is_e164,
    engine::Engine,
    why,
};

/// The system's word for a caller who hears that a call-back follows.
pub(crate) const CALLBACK: &str = "callback";
/// The furthest a call-back may lie ahead.
const AHEAD: Millis = Millis::from_secs(366 * 86_400);

/// What a program asks for.
pub(crate) struct Wanted {
    pub(crate) queue: QueueId,
    pub(crate) number: Destination,
    pub(crate) at: Option<Timestamp>,
    pub(crate) agent: Option<AgentId>,
    pub(crate) data: AttachedData,
}

impl Engine {
    /// How a queue calls back.
    pub(super) fn calls_back(&self, queue: &QueueId) -> CallbackSetup {
        let setup = self.plan.queue(&self.setup, queue);
        setup.and_then(|queue| queue.callback.clone()).unwrap_or_default()
    }

    /// A caller in one of our queues pressed a key. False when the caller is in none: then the key is an IVR's.
    pub(crate) fn key_in_queue(&mut self, id: CallId, digit: char) -> bool {
        let Some(record) = self.calls.get(id) else { return false };
        let Some(visit) = record.visit.as_ref().filter(|visit| !visit.of_pbx) else { return false };
        let queue = self.plan.queue(&self.setup, &visit.queue);
        if queue.and_then(|queue| queue.callback.as_ref()?.key) == Some(digit) {
            self.wishes_callback(id);
        }
        true
    }

    /// The caller wants to be called back; at once, or when the agent who is rung does not answer.
    fn wishes_callback(&mut self, id: CallId) {
        let Some(record) = self.calls.get_mut(id) else { return };
        match record.place {
            Place::Waiting | Place::Refused => {
                // Why not stands with the call.
                let _ = self.promise(id, MoveReason::Asked);
            }
            Place::Ringing(_) => record.callback = Tie::Wished,
            Place::Elsewhere | Place::Leaving { .. } => {}
        }
    }

    /// The agent did not answer who was rung when the caller asked to be called back.
    pub(crate) fn wished_callback(&mut self, id: CallId) {
        let Some(record) = self.calls.get_mut(id) else { return };
        if record.callback == Tie::Wished && matches!(record.place, Place::Waiting) {
            record.callback = Tie::None;
            let _ = self.promise(id, MoveReason::Asked);
        }
    }

    /// The caller waited for as long as the queue allows, and is to be called back unasked.
    pub(crate) fn overflows_to_callback(&mut self, id: CallId) {
        let _ = self.promise(id, MoveReason::MaxWait);
    }

    /// Somebody asks that a waiting caller is called back.
    pub(crate) fn call_back(&mut self, id: CallId) -> Result<Taken, Refusal> {
        let unknown = || Refusal::Unknown { what: "call".into(), id: id.to_string() };
        let record = self.calls.known(id).ok_or_else(unknown)?;
        let not_now = |why: &str| Err(Refusal::NotNow { why: why.into(), allowed: Vec::new() });
        if record.call.ended_at.is_some() {
            return not_now("the call is over");
        }
        let queue = match (&record.visit, &record.place) {
            (Some(visit), Place::Waiting | Place::Refused) if !visit.of_pbx => visit.queue.clone(),
            (Some(visit), Place::Ringing(_)) if !visit.of_pbx => {
                return not_now("an agent is being rung for the caller");
            }
            (Some(_) | None, _) => return not_now("the caller waits in no queue"),
        };
        let number = record.call.ani.e164.clone().unwrap_or_default();
        match self.promise(id, MoveReason::Asked) {
            Ok(callback) => Ok(Taken { callback: Some(callback), ..Taken::default() }),
            Err(NoCallback::Already) => Err(self.already(&queue, &number)),
            Err(reason @ NoCallback::TooMany) => not_now(reason.said()),
            Err(reason) => Err(refused(reason)),
        }
    }

    fn already(&self, queue: &QueueId, e164: &str) -> Refusal {
        match self.callbacks.of_number(queue, e164) {
            Some(callback) => Refusal::CalledBackAlready { callback },
            None => refused(NoCallback::Already),
        }
    }

    /// Whether a queue may call this number back.
    fn callable(&self, queue: &QueueId, number: &PartyNumber) -> Result<(), NoCallback> {
        let e164 = number.e164.as_deref().filter(|e164| is_e164(e164));
        let e164 = match e164 {
            _ if number.withheld => return Err(NoCallback::Withheld),
            Some(e164) => e164,
            None => return Err(NoCallback::NoNumber),
        };
        if !self.setup.outbound.allow.iter().any(|prefix| e164.starts_with(prefix.as_str())) {
            return Err(NoCallback::NotAllowed);
        }
        if self.callbacks.of_number(queue, e164).is_some() {
            return Err(NoCallback::Already);
        }
        if self.callbacks.len() >= PROMISED { Err(NoCallback::TooMany) } else { Ok(()) }
    }

    /// Promises a waiting caller to call back: the call-back stands in line instead, and the caller is let go.
    fn promise(&mut self, id: CallId, reason: MoveReason) -> Result<CallbackId, NoCallback> {
        let (now, version) = (self.now(), self.setup.version);
        let Some(record) = self.calls.get(id) else { return Err(NoCallback::NoNumber) };
        let Some(queue) = record.visit.as_ref().map(|visit| visit.queue.clone()) else {
            return Err(NoCallback::NoNumber);
        };
        if let Err(reason) = self.callable(&queue, &record.call.ani) {
            let because = Because::NotCalledBack(NotCalledBack { queue, reason });
            if let Some(record) = self.calls.get_mut(id) {
                why::note(&mut record.why, now, version, because);
            }
            return Err(reason);
        }
        let sticky = self.sticky_agent(now, &record.call, &queue);
        let setup = self.calls_back(&queue);
        let callback = self.next_id();
        let Some(record) = self.calls.get(id) else { return Err(NoCallback::NoNumber) };
        self.callbacks.insert(of_caller(callback, record, queue.clone(), now, &setup, sticky));
        if let Some(record) = self.calls.get_mut(id) {
            let moved = Moved { from: queue.clone(), to: MovedTo::Callback, reason };
            why::note(&mut record.why, now, version, Because::Moved(moved));
            record.callback = Tie::Promised(callback);
        }
        self.distributor.stand_in(now, id, entry(callback));
        self.line_up(callback);
        self.tell_created(callback, Some(id));
        self.end_visit(id);
        if let Some(record) = self.calls.get_mut(id) {
            record.system = Some(CALLBACK.to_owned());
            record.settle(now);
        }
        self.leave(id, Exit::Farewell(setup.prompt));
        Ok(callback)
    }

    /// A program asks for a call-back.
    pub(crate) fn create_callback(&mut self, wanted: Wanted, by: &str) -> Result<Taken, Refusal> {
        let now = self.now();
        let Wanted { queue, number, at, agent, data } = wanted;
        if self.plan.queue(&self.setup, &queue).is_none() {
            return Err(Refusal::Unknown { what: "queue".into(), id: queue.to_string() });
        }
        self.serves(agent.as_ref(), &queue)?;
        let due = at.filter(|at| *at > now);
        if due.is_some_and(|due| due.since(now) > AHEAD) {
            return Err(Refusal::Invalid {
                why: "that is more than a year ahead".into(),
                hint: "`at` is a time such as 2026-11-23T09:00:00+01:00".into(),
            });
        }
        let number =
            PartyNumber { raw: number.text.clone(), e164: number.e164.clone(), ..PartyNumber::default() };
        match self.callable(&queue, &number) {
            Ok(()) => {}
            Err(NoCallback::Already) => {
                return Err(self.already(&queue, number.e164.as_deref().unwrap_or_default()));
            }
            Err(reason @ NoCallback::TooMany) => {
                return Err(Refusal::NotNow { why: reason.said().into(), allowed: Vec::new() });
            }
            Err(reason) => return Err(refused(reason)),
        }
        let mut checked = AttachedData::new();
        data::attach(&mut checked, data).map_err(|too_much| Refusal::Invalid {
            why: too_much.why().into(),
            hint: "attach a key to what is kept elsewhere, not the thing itself".into(),
        })?;
        let id = self.next_id();
        let setup = self.calls_back(&queue);
        let origin = CallbackOrigin::Request { by: by.to_owned() };
        let asked = Asked { id, queue, number, due, agent, data: checked, origin };
        self.callbacks.insert(of_request(asked, now, &setup));
        self.line_up(id);
        self.tell_created(id, None);
        Ok(Taken { callback: Some(id), ..Taken::default() })
    }

    /// Whether an agent who is asked for can be asked by the queue.
    fn serves(&self, agent: Option<&AgentId>, queue: &QueueId) -> Result<(), Refusal> {
        let Some(id) = agent else { return Ok(()) };
        let Some(record) = self.agents.get(id) else {
            return Err(Refusal::Unknown { what: "agent".into(), id: id.to_string() });
        };
        if record.agent.queues.contains(queue) {
            return Ok(());
        }
        Err(Refusal::Invalid {
            why: format!("{id} does not serve {queue}"),
            hint: "name an agent of the queue, or none".into(),
        })
    }

    /// A caller comes to a queue that was to call back: takes the place, and the call-back is superseded. Returns since
    /// when the caller waits.
    pub(crate) fn takes_place_back(&mut self, id: CallId, queue: &QueueId, since: Timestamp) -> Timestamp {
        let Some(call) = self.calls.get(id).map(|record| &record.call) else { return since };
        let number = call.ani.e164.as_deref().filter(|_| !call.ani.withheld);
        let Some(kept) = number.and_then(|number| self.callbacks.of_number(queue, number)) else {
            return since;
        };
        let Some(callback) = self.callbacks.get(kept).map(|record| &record.callback) else { return since };
        match callback.state {
            CallbackState::Waiting | CallbackState::Offered => {}
            // The customer is being called: this is another call.
            CallbackState::Dialling
            | CallbackState::Connected
            | CallbackState::Completed
            | CallbackState::Cancelled
            | CallbackState::Failed
            | CallbackState::Expired => return since,
        }
        let (place, priority) = (callback.enqueued_at, callback.priority);
        if let Some(record) = self.calls.get_mut(id) {
            record.call.priority = record.call.priority.max(priority);
        }
        self.take_back(kept, CallbackOutcome::Superseded, None);
        since.min(place)
    }

    fn tell_created(&mut self, id: CallbackId, call: Option<CallId>) {
        let Some(callback) = self.callbacks.get(id).map(|record| Box::new(record.callback.clone())) else {
            return;
        };
        let call = call.and_then(|call| self.calls.known(call)).map(|record| Box::new(record.call.clone()));
        self.stats.touch(&callback.queue);
        self.emit_of_callback(EventKind::CallbackCreated { callback, call });
    }

    /// Puts out an event about a call-back: of the PBX its call is on, if there is one.
    pub(super) fn emit_of_callback(&mut self, kind: EventKind) {
        let pbx = kind.call().map(|call: &Call| call.pbx.clone());
        self.emit(pbx, kind);
    }
}

/// A wish that was looked at.
struct Asked {
    id: CallbackId,
    queue: QueueId,
    number: PartyNumber,
    due: Option<Timestamp>,
    agent: Option<AgentId>,
    data: AttachedData,
    origin: CallbackOrigin,
}

/// The call-back that somebody asked for. A time far ahead gives no place before it.
fn of_request(asked: Asked, now: Timestamp, setup: &CallbackSetup) -> CallbackRecord {
    let Asked { id, queue, number, due, agent, data, origin } = asked;
    let since = due.unwrap_or(now);
    let alone = |agent| Preferred { agent, wait: setup.agent_wait, teams: Vec::new(), team_wait: Millis(0) };
    let prefer = agent.clone().map(alone);
    let callback = Callback {
        id,
        queue,
        state: CallbackState::Waiting,
        number,
        customer: Customer::none(),
        data,
        priority: 0,
        requires: BTreeMap::new(),
        created_at: now,
        enqueued_at: since,
        origin,
        due,
        agent,
        attempts: 0,
        next_at: due,
        expires_at: since + setup.expires,
        call: None,
        last: None,
    };
    CallbackRecord {
        callback,
        not_before: due,
        sticky: None,
        prefer,
        dnis: PartyNumber::default(),
        pbx: None,
    }
}

/// The call-back of a caller who waits in a queue.
fn of_caller(
    id: CallbackId,
    record: &CallRecord,
    queue: QueueId,
    now: Timestamp,
    setup: &CallbackSetup,
    sticky: Option<AgentId>,
) -> CallbackRecord {
    let call = &record.call;
    let callback = Callback {
        id,
        queue,
        state: CallbackState::Waiting,
        number: call.ani.clone(),
        customer: call.customer.clone(),
        data: call.data.clone(),
        priority: call.priority,
        requires: record.requires.clone(),
        created_at: now,
        enqueued_at: record.waiting_since.unwrap_or(now),
        origin: CallbackOrigin::Caller { call: call.id },
        due: None,
        agent: None,
        attempts: 0,
        next_at: None,
        expires_at: now + setup.expires,
        call: None,
        last: None,
    };
    CallbackRecord {
        callback,
        not_before: None,
        sticky,
        prefer: record.prefer.clone(),
        dnis: call.dnis.clone(),
        pbx: Some(call.pbx.clone()),
    }
}

fn refused(reason: NoCallback) -> Refusal {
    let hint = match reason {
        NoCallback::Withheld | NoCallback::NoNumber => "a number such as +49305550001",
        NoCallback::NotAllowed => "an administrator allows prefixes with [numbers] outbound_allow",
        NoCallback::Already | NoCallback::TooMany => "GET /v1/callbacks lists them",
    };
    Refusal::Invalid { why: reason.said().into(), hint: hint.into() }
}
