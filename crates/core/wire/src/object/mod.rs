//! The objects that events and lists carry. Each is made from its model by `From`, borrows its texts from there, and
//! can be read back.

mod agent;
mod call;
mod callback;
mod ledger;
mod offer;
mod queue;
pub mod why;

pub use agent::{Agent, AgentFigures, Device, Next, Work};
pub use call::{Ani, Call, Candidate, Customer, Dnis, Leg, Via};
pub use callback::{Callback, Origin};
pub use ledger::{Cause, Ledger, Segment, WrapUp};
pub use offer::{Offer, Pop};
pub use queue::{Alert, Figures, Gap, Link, Queue};
pub use why::{Explained, Why, WhyIdle};

use std::borrow::Cow;

/// A text borrowed from the model, or read.
pub type Text<'a> = Cow<'a, str>;

/// A text of the model, not copied.
pub(crate) fn borrowed(text: &Option<String>) -> Option<Text<'_>> {
    text.as_deref().map(Cow::Borrowed)
}
