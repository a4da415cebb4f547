//! What goes into the engine and what comes out.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
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
}
