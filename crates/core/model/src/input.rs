//! What goes into the engine and what comes out.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    CallId,
    call::{Customer, PartyNumber},
    command::{Answer, Command},
    event::Event,
    pbx::{PbxAction, PbxEvent},
    setup::Setup,
};

/// One input of the engine. Together with the time it is handled at it decides every output: the journal keeps both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "snake_case")]
pub enum Input {
    /// A PBX did something.
    Pbx(Box<PbxEvent>),
    /// Somebody asks for something.
    Command(Command),
    /// A new configuration takes over; waiting calls are kept.
    Setup(Arc<Setup>),
    /// Who the customer of a call is: the answer to an [`Output::LookUp`].
    Customer {
        /// The call.
        call: CallId,
        /// One, many, none, or that nobody could say.
        customer: Customer,
    },
    /// Time passed: deadlines that are due fire.
    Tick,
}

/// One output of the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// It happened.
    Event(Event),
    /// Please do.
    Action(PbxAction),
    /// To whom asked.
    Answer(Answer),
    /// Please say who this is, by [`Input::Customer`]. Asked once a call, at its first sight; not journalled, because
    /// a restart sees which customers are still pending.
    LookUp(LookUp),
}

/// A question to those who know the customers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookUp {
    /// The call it is about.
    pub call: CallId,
    /// The customer's number: of the caller, or of the far end of an outbound call.
    pub number: PartyNumber,
}
