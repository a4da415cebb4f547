//! Recorded traffic under another configuration: what the same callers would have lived through.
//!
//! A record of inputs says when callers came, how long they waited before they gave up, who answered how fast, how long
//! they talked, and when agents came and went. That is kept. What the engine decided is not: another engine decides
//! anew, under the other configuration, and each caller **follows the record for as long as the engine asks for the
//! same**. From the first action that differs on, the caller is simulated from what the record knows: the length of the
//! own talk, the ring times of the agent, and a patience estimated from those who gave up (Kaplan and Meier, 1958).
//!
//! So with the unchanged configuration every action is the same, every caller follows the record to its end, and the
//! decisions are the recorded ones exactly. Nothing here draws lots: what is not known is taken from the record by a
//! hash of the call, the same in each run.
//!
//! A call-back is known by the call it was asked for in, and its tries are counted: the customer who was busy at the
//! first try is so at the first try of every run. Whom the record never dialled is reached as its other customers were.
//!
//! ```
//! use std::sync::Arc;
//! use hookswitch_acd::Engine;
//! use hookswitch_model::{Timestamp, input::Input, setup::Setup};
//! use hookswitch_whatif::Recording;
//!
//! let setup = Arc::new(Setup { version: 1, ..Setup::default() });
//! let begin = Engine::new(setup.clone(), 1).unwrap().snapshot();
//! let mut recording = Recording::begin(begin).unwrap();
//! recording.input(Timestamp::from_millis(1), Input::Setup(setup.clone()));
//! let recorded = recording.finish();
//! let run = recorded.under(&setup).unwrap();
//! assert_eq!(run.decisions, recorded.run().decisions);
//! ```
//!
//! # What it cannot know
//!
//! Callers who would have called again, agents who would have worked otherwise, and what happens behind a transfer out
//! of the house. Whether callers would ask for call-backs where none was
//! offered in the record. A caller who was never asked for by the
//! engine (a direct call, an internal one) comes and goes as recorded, and so does what agents dial themselves.

mod course;
mod figures;
mod patience;
mod promised;
mod record;
mod world;

pub use figures::{AgentFigures, CallbackFigures, Decision, Fate, Figures, QueueFigures, Run};
pub use record::{NotRun, Recorded, Recording};
