//! The envelope: CloudEvents 1.0, structured JSON.

use std::{borrow::Cow, sync::LazyLock};

use bytes::Bytes;
use hookswitch_model::{
    ActionId, Meta, PbxId,
    event::{self as model, EventKind},
};
use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};

use crate::{
    data,
    object::{Agent, Call, Callback, Customer, Ledger, Link, Offer, Pop, Text, borrowed},
    sequence::{Sequence, digits},
    time::Time,
    words,
};

/// The version of CloudEvents.
pub(crate) const SPEC_VERSION: &str = "1.0";
/// The type of `data`.
pub(crate) const CONTENT_TYPE: &str = "application/json";

/// One event as a subscriber reads it; `D` is what its type carries, a struct of [`data`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event<'a, D> {
    /// `1.0`.
    pub specversion: Text<'a>,
    /// Unique, stable over redelivery.
    pub id: Text<'a>,
    /// `/pbx/<name>`, or `/hookswitch` for what no PBX said.
    pub source: Text<'a>,
    /// The type.
    #[serde(rename = "type")]
    pub kind: Text<'a>,
    /// `calls/<id>`, `callbacks/<id>`, `agents/<id>`, `queues/<id>`, `pbx/<name>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Text<'a>>,
    /// When it happened.
    pub time: Time,
    /// Its position in the journal.
    pub sequence: Sequence,
    /// The position of the event before it under the same filter; spliced in for each subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Sequence>,
    /// `application/json`.
    pub datacontenttype: Text<'a>,
    /// Reconstructed after a lost link; not written when not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub recovered: bool,
    /// The command it carries out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    /// What the type carries.
    pub data: D,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over the field as it is")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// An event in its public bytes, with what a journal and its readers need beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The public JSON, without `prev`.
    pub json: Bytes,
    /// Where in it `"prev":"…",` goes: [`splice_prev`] does it in one copy.
    pub prev_at: usize,
    /// What filters look at.
    pub meta: Meta,
}

/// The public JSON of an event at this position of the journal. `pop_url` is what `screen.pop` opens.
///
/// ```
/// use hookswitch_wire::{encode, splice_prev, model::{event::{Event, EventKind}, Timestamp, EventId}};
///
/// let event = Event {
///     id: EventId::from_bits(1), at: Timestamp::from_millis(1_795_287_600_000), pbx: None, recovered: false,
///     action: None, kind: EventKind::ConfigApplied { version: 8, previous: Some(7) },
/// };
/// let encoded = encode(&event, 42, None);
/// assert_eq!(encoded.json, concat!(
///     r#"{"specversion":"1.0","id":"00000000000000000000000001","source":"/hookswitch","type":"config.applied","#,
///     r#""time":"2026-11-21T19:00:00.000000Z","sequence":"00000000000000000042","#,
///     r#""datacontenttype":"application/json","data":{"version":8,"previous":7}}"#));
/// let sent = splice_prev(&encoded.json, encoded.prev_at, 40);
/// assert!(std::str::from_utf8(&sent).unwrap().contains(r#""prev":"00000000000000000040","datacontenttype""#));
/// ```
#[must_use]
pub fn encode(event: &model::Event, seq: u64, pop_url: Option<&str>) -> Encoded {
    let json = event_json(event, seq, pop_url);
    let prev_at = prev_at(&json).unwrap_or_default();
    Encoded { json, prev_at, meta: event.meta() }
}

/// Where `"prev":"…",` goes in an event of this crate; none in bytes of another.
///
/// The name `"datacontenttype":` cannot stand inside a JSON string (its quotes would be escaped), so that the first
/// one is the envelope's.
#[must_use]
pub fn prev_at(json: &[u8]) -> Option<usize> {
    static NAME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(br#""datacontenttype":"#));
    NAME.find(json)
}

/// The event with `prev`, in one copy. `at` comes from [`Encoded::prev_at`] or [`prev_at`].
#[must_use]
pub fn splice_prev(json: &[u8], at: usize, prev: u64) -> Bytes {
    let (head, tail) = json.split_at(at.min(json.len()));
    let mut spliced = Vec::with_capacity(json.len() + 30);
    spliced.extend_from_slice(head);
    spliced.extend_from_slice(br#""prev":""#);
    spliced.extend_from_slice(&digits::<20>(prev));
    spliced.extend_from_slice(br#"","#);
    spliced.extend_from_slice(tail);
    spliced.into()
}

/// The event as those may see it from whom a caller withheld the number: `ani.raw` empty, `e164` and `name` null. The
/// same bytes when nothing is withheld.
#[must_use]
pub fn without_withheld_number(json: &Bytes) -> Bytes {
    static ANI: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(br#""ani":"#));
    let Some(start) = ANI.find(json).map(|at| at + ANI.needle().len()) else { return json.clone() };
    let mut values =
        serde_json::Deserializer::from_slice(&json[start..]).into_iter::<crate::object::Ani<'_>>();
    match values.next() {
        Some(Ok(mut ani)) if ani.withheld => {
            let end = start + values.byte_offset();
            ani.hide();
            let mut hidden = Vec::with_capacity(json.len());
            hidden.extend_from_slice(&json[..start]);
            write(&mut hidden, &ani);
            hidden.extend_from_slice(&json[end..]);
            hidden.into()
        }
        Some(_) | None => json.clone(),
    }
}

/// Reads an event back, for tests and for followers that need a field.
///
/// # Errors
/// What serde says when the bytes are not an event of that type.
pub fn read<'a, D: Deserialize<'a>>(json: &'a [u8]) -> Result<Event<'a, D>, serde_json::Error> {
    serde_json::from_slice(json)
}

/// JSON of a value of this crate, appended.
pub(crate) fn write<T: Serialize>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("no map of this crate has a key that is not a text");
}

/// The source of what this PBX said.
pub(crate) fn source(pbx: Option<&PbxId>) -> Cow<'static, str> {
    match pbx {
        None => "/hookswitch".into(),
        Some(pbx) => format!("/pbx/{}", crate::template::percent_encode(pbx.as_str())).into(),
    }
}

/// Dispatches on the type.
fn event_json(event: &model::Event, seq: u64, pop_url: Option<&str>) -> Bytes {
    let write = Envelope { event, seq };
    match &event.kind {
        EventKind::CallStarted { call } => write.call(call, |call| data::CallStarted { call }),
        EventKind::CallIdentified { call } => write.identified(call),
        EventKind::CallData { call, changed, by } => {
            write.call(call, |call| data::CallData { call, changed: Cow::Borrowed(changed), by: by.into() })
        }
        EventKind::CallQueued { call, queued } => {
            write.call(call, |call| data::CallQueued::new(call, queued))
        }
        EventKind::CallOffered { call, offer } | EventKind::CallOfferEnded { call, offer } => {
            write.call(call, |call| data::CallOffer { call, offer: Offer::from(offer) })
        }
        EventKind::CallAnswered { call, agent, leg } => {
            let agent = agent.as_deref().map(Agent::from);
            write.call(call, |call| data::CallAnswered { call, agent, leg: *leg })
        }
        EventKind::CallHeld { call, leg, by } | EventKind::CallRetrieved { call, leg, by } => {
            write.call(call, |call| data::CallHold { call, leg: *leg, by: by.into() })
        }
        EventKind::CallPartyJoined { call, leg, role } | EventKind::CallPartyLeft { call, leg, role } => {
            write.call(call, |call| data::CallParty { call, leg: *leg, role: words::leg_role(*role).into() })
        }
        EventKind::CallTransferred { call, kind, from_agent, to_agent, to, consult_call } => {
            write.call(call, |call| data::CallTransferred {
                call,
                kind: words::transfer_kind(*kind).into(),
                from_agent: from_agent.clone(),
                to_agent: to_agent.clone(),
                to: borrowed(to),
                consult_call: *consult_call,
            })
        }
        EventKind::CallConferenced { call, legs } => {
            write.call(call, |call| data::CallConferenced { call, legs: Cow::Borrowed(legs) })
        }
        EventKind::CallEnded { call, ledger } => {
            write.call(call, |call| data::CallEnded { call, ledger: Ledger::from(&**ledger) })
        }
        EventKind::CallControlFailed { call, agent, verb, reason } => write.call(call, |call| {
            data::CallControlFailed { call, agent: agent.clone(), verb: verb.into(), reason: reason.into() }
        }),
        EventKind::ScreenPop { call, pop } => {
            write.call(call, |call| data::ScreenPop { call, pop: Pop::new(pop, pop_url) })
        }
        EventKind::ScreenPopped { call, pop, client, ring_to_pop_ms } => {
            let (pop, client) = (Pop::new(pop, pop_url), borrowed(client));
            write.call(call, |call| data::ScreenPopped { call, pop, client, ring_to_pop_ms: *ring_to_pop_ms })
        }
        EventKind::CallbackCreated { .. }
        | EventKind::CallbackDialled { .. }
        | EventKind::CallbackRetry { .. }
        | EventKind::CallbackEnded { .. } => write.callback_event(),
        EventKind::AgentState { agent, from, to } => {
            write.about(format!("agents/{}", agent.id), data::AgentState::new(agent, *from, *to))
        }
        EventKind::QueueStats { queue } => write.queue(queue, data::QueueStats::from(&**queue)),
        EventKind::QueueAlert { queue, alert, raised } => {
            write.queue(queue, data::QueueAlert::new(queue, alert, *raised))
        }
        EventKind::PbxLink { pbx, state, gap } => {
            write.about(format!("pbx/{pbx}"), Link::new(pbx, *state, gap.as_ref()))
        }
        EventKind::ConfigApplied { version, previous } => {
            write.event(None, data::ConfigApplied { version: *version, previous: *previous })
        }
        EventKind::InvariantViolated { rule, evidence, call } => {
            write.violated(call.as_deref(), rule, evidence)
        }
    }
}

/// What all types have in common.
struct Envelope<'a> {
    event: &'a model::Event,
    seq: u64,
}

impl<'a> Envelope<'a> {
    fn call<D: Serialize>(
        &self,
        call: &'a hookswitch_model::call::Call,
        data: impl FnOnce(Call<'a>) -> D,
    ) -> Bytes {
        self.about(format!("calls/{}", call.id), data(Call::from(call)))
    }

    fn identified(&self, call: &'a hookswitch_model::call::Call) -> Bytes {
        self.call(call, |of| data::CallIdentified { call: of, customer: Customer::from(&call.customer) })
    }

    fn queue<D: Serialize>(&self, queue: &hookswitch_model::queue::Queue, data: D) -> Bytes {
        self.about(format!("queues/{}", queue.id), data)
    }

    /// An event of a call-back; no bytes for another.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller writes the others itself")]
    fn callback_event(&self) -> Bytes {
        match &self.event.kind {
            EventKind::CallbackCreated { callback, call } | EventKind::CallbackRetry { callback, call } => {
                let call = call.as_deref().map(Call::from);
                self.callback(callback, |callback| data::CallbackChanged { callback, call })
            }
            EventKind::CallbackDialled { callback, call } => {
                let call = Call::from(&**call);
                self.callback(callback, |callback| data::CallbackDialled { callback, call })
            }
            EventKind::CallbackEnded { callback, call, outcome, by } => {
                let call = call.as_deref().map(Call::from);
                let outcome = words::callback_outcome(*outcome).into();
                self.callback(callback, |callback| data::CallbackEnded {
                    callback,
                    call,
                    outcome,
                    by: borrowed(by),
                })
            }
            _ => Bytes::new(),
        }
    }

    fn callback<D: Serialize>(
        &self,
        callback: &'a hookswitch_model::callback::Callback,
        data: impl FnOnce(Callback<'a>) -> D,
    ) -> Bytes {
        self.about(format!("callbacks/{}", callback.id), data(Callback::from(callback)))
    }

    fn violated(&self, call: Option<&hookswitch_model::call::Call>, rule: &str, evidence: &str) -> Bytes {
        let subject = call.map(|call| format!("calls/{}", call.id).into());
        let (call, rule, evidence) = (call.map(Call::from), rule.into(), evidence.into());
        self.event(subject, data::InvariantViolated { call, rule, evidence })
    }

    fn about(&self, subject: String, data: impl Serialize) -> Bytes {
        self.event(Some(subject.into()), data)
    }

    fn event(&self, subject: Option<Text<'_>>, data: impl Serialize) -> Bytes {
        let envelope = Event {
            specversion: SPEC_VERSION.into(),
            id: self.event.id.to_string().into(),
            source: source(self.event.pbx.as_ref()),
            kind: self.event.kind.name().into(),
            subject,
            time: self.event.at.into(),
            sequence: Sequence(self.seq),
            prev: None,
            datacontenttype: CONTENT_TYPE.into(),
            recovered: self.event.recovered,
            action: self.event.action,
            data,
        };
        let mut json = Vec::with_capacity(2048);
        write(&mut json, &envelope);
        // It is kept for long: no more than it needs.
        json.into_boxed_slice().into()
    }
}
