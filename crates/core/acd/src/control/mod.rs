//! Telephony control: what people ask of calls, whether it is legal now, and how its truth comes.
//!
//! A command is answered at once; what it promised is told by events that carry it as their `action`. When it does not
//! come about after all (the PBX refuses, says nothing, does not know the number), `call.control_failed` says so.
//!
//! ```text
//!  command ─▶ legal? ──no──▶ refusal with what is allowed
//!               │ yes
//!               ▼
//!            doing ──▶ action ──▶ PBX ──▶ fact that shows the effect ──▶ event with the command as action
//!               │                  └────▶ refused, or nothing by its time ──▶ call.control_failed
//! ```
//!
//! # What decides
//!
//! - **Legal** is what stands in the `actions` of the agent's leg, nothing else: [`legal`] writes them, a refusal
//!   repeats them. A call does one thing at a time: while something is under way, of two clients the second is told so.
//! - **Own leg.** An agent's token touches the legs, states and calls of that agent only.
//! - **A number is asked for before anybody is sent to it**; one of the outside must be allowed ([`outbound`]).
//! - **Transfer to an agent**: the caller goes to the waiting room and the agent is rung. Who does not answer gives the
//!   caller back to the agent who transferred, then to the queue the call came from (at its old place), then to the
//!   PBX's fallback.
//! - **Transfer to a queue**: attached data stays; the time waited so far counts where the queue says
//!   `transfer_keeps_place`, else the caller begins at the end.
//! - **Consultation**: a call of its own. Attached data is copied when it begins; what is changed there comes back when
//!   it completes or becomes a conference, and stays there when it is cancelled. A consultation that fails leaves the
//!   customer held: `retrieve` takes the customer back.
//! - **Who is held and loses the agent** (the phone hung up or went away) goes back to the queue the call came from, at
//!   the old place, else to the fallback. An agent who asks for `hangup` while holding ends the call instead.
//! - **Supervision** is a leg of its own role: it handles nothing, owns nothing and ends with the conversation.

mod consult;
mod desk;
pub(crate) mod destination;
pub(crate) mod dial;
mod effects;
pub(crate) mod legal;
mod onward;
pub(crate) mod outbound;
mod own;
mod paper;
mod rescue;
mod skills;
mod supervise;
mod transfer;
mod verbs;

pub(crate) use desk::{Control, Dialled, Doing, Kind, Onward, Stop};
pub(crate) use dial::Clicks;
