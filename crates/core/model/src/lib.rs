//! The vocabulary of Hookswitch: one meaning a word, shared by every crate.
//!
//! This crate holds data and the small rules that make the data valid. It refuses to know any PBX dialect, the
//! public JSON (that is `wire`), configuration files (that is `config`), and how a decision is taken (that is `acd`).
//!
//! # Glossary
//!
//! | word | meaning |
//! | --- | --- |
//! | **call** | one customer's (or originator's) presence on the PBX, from first sight until the customer leg ends; a transfer does not end it |
//! | **leg** | one party's connection to a call: a phone, a trunk line; a pair of Local channels is part of a leg, never a leg of its own |
//! | **ANI**, **DNIS** | the number that calls; the number that was dialled |
//! | **via** | the redirecting number of a diverted call |
//! | **queue** | callers that wait for an agent, under one set of requirements |
//! | **agent** | a person with skills and one or more devices |
//! | **device** | what the PBX can ring, for example `PJSIP/1001` |
//! | **offer** | one reservation of an agent for a call: any ringing of an agent's device, whoever decided it |
//! | **wrap-up** | an agent's time after a call, before the next |
//! | **disposition** | how a call ended, as the ledger books it |
//! | **segment** | a span of a call under one owner: a queue, an agent, an outside party, the system |
//! | **lease** | a busy agent state held on live evidence: a leg, or an offer with a deadline |
//! | **call-back** | a place in line without a caller on the telephone: agents call when it is its turn |
//! | **alert** | a queue's figure beyond its limit: raised once, cleared once |
//! | **pop** | the order to an agent's screen to open something |
//! | **fact** | what a PBX was seen to do ([`pbx::Fact`]): input of the engine |
//! | **event** | what the engine says happened ([`event::Event`]): output, journalled, published |
//! | **command** | what a person or a program asks for ([`command::Command`]) |
//! | **action** | what the engine asks of a PBX ([`pbx::Action`]) |
//!
//! # The way of a call through these types
//!
//! [`pbx::PbxEvent`] (from `normalize`) → [`input::Input`] → engine (`acd`) → [`input::Output`]: [`event::Event`] for
//! the journal and its followers, [`pbx::Action`] for the PBX.
//!
//! # Invariants
//!
//! - Ids made here are unique and never reused; ids of the PBX ([`CallRef`], [`LegRef`]) are only compared.
//! - Every map that can be observed is ordered, so that the same inputs give the same bytes.

pub mod id;
pub mod time;

pub mod agent;
pub mod alert;
pub mod call;
pub mod callback;
pub mod ledger;
pub mod offer;
pub mod queue;

pub mod command;
pub mod event;
pub mod input;
pub mod meta;
pub mod pbx;
pub mod setup;
pub mod why;

pub use id::{
    ActionId, AgentId, AlertId, CallId, CallRef, CallbackId, EventId, IdSource, InvalidName, LegId, LegRef,
    MenuId, OfferId, PbxId, PopId, QueueId, Skill, TeamId,
};
pub use meta::Meta;
pub use time::{Millis, Timestamp};

/// A share, 0 to 1, rounded to four places so that it prints short.
#[must_use]
pub fn share(part: u64, whole: u64) -> f64 {
    let per_myriad = part.saturating_mul(10_000).saturating_add(whole / 2) / whole.max(1);
    f64::from(u32::try_from(per_myriad).unwrap_or(10_000)) / 10_000.0
}
