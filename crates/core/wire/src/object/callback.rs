//! The call-back object.

use std::{borrow::Cow, collections::BTreeMap};

use hookswitch_model::{
    self as model, AgentId, CallId, CallbackId, QueueId, Skill, callback::CallbackOrigin,
};
use serde::{Deserialize, Serialize};

use super::{Ani, Customer, Text};
use crate::{time::Time, words};

/// A call-back, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Callback<'a> {
    /// Kept over all tries.
    pub id: CallbackId,
    /// The queue whose agents call.
    pub queue: QueueId,
    /// `waiting`, `offered`, `dialling`, `connected`, `completed`, `cancelled`, `failed`, `expired`.
    pub state: Text<'a>,
    /// Place in line, from 1; null: not in line, because it is not due, or is over. Only in lists and answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// Who is called.
    pub number: Ani<'a>,
    /// The customer, as far as known.
    pub customer: Customer<'a>,
    /// Attached to each try.
    pub data: Cow<'a, BTreeMap<String, String>>,
    /// Its priority in the line.
    pub priority: i32,
    /// Least levels asked for beside the queue's own.
    pub requires: Cow<'a, BTreeMap<Skill, u8>>,
    /// When it was made.
    pub created_at: Time,
    /// Since when the customer waits: the place in line.
    pub enqueued_at: Time,
    /// Where it comes from.
    pub origin: Origin<'a>,
    /// Not before this.
    pub due: Option<Time>,
    /// Who is asked first.
    pub agent: Option<AgentId>,
    /// How often the customer's number was dialled.
    pub attempts: u32,
    /// When it is in line again; null: it is, or is being tried.
    pub next_at: Option<Time>,
    /// Given up after this.
    pub expires_at: Time,
    /// The try that is under way, or the last.
    pub call: Option<CallId>,
    /// How the last try came out that did not reach the customer: `agent`, `busy`, `no_answer`, `rejected`, `failed`,
    /// `unseen`, `not_now`.
    pub last: Option<Text<'a>>,
}

/// Where a call-back comes from: exactly one is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin<'a> {
    /// A caller who waited: the call.
    Call(CallId),
    /// Somebody who asked for it, by name.
    By(Text<'a>),
}

impl<'a> From<&'a model::callback::Callback> for Callback<'a> {
    fn from(callback: &'a model::callback::Callback) -> Self {
        Self {
            id: callback.id,
            queue: callback.queue.clone(),
            state: words::callback_state(callback.state).into(),
            position: None,
            number: Ani::from(&callback.number),
            customer: Customer::from(&callback.customer),
            data: Cow::Borrowed(&callback.data),
            priority: callback.priority,
            requires: Cow::Borrowed(&callback.requires),
            created_at: callback.created_at.into(),
            enqueued_at: callback.enqueued_at.into(),
            origin: match &callback.origin {
                CallbackOrigin::Caller { call } => Origin::Call(*call),
                CallbackOrigin::Request { by } => Origin::By(by.as_str().into()),
            },
            due: callback.due.map(Time),
            agent: callback.agent.clone(),
            attempts: callback.attempts,
            next_at: callback.next_at.map(Time),
            expires_at: callback.expires_at.into(),
            call: callback.call,
            last: callback.last.map(|last| words::try_end(last).into()),
        }
    }
}

impl Callback<'_> {
    /// With its place in line.
    #[must_use]
    pub fn at(mut self, position: Option<u32>) -> Self {
        self.position = position;
        self
    }
}
