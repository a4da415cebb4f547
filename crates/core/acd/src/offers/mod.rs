//! Offers: one reservation of an agent for a call, from the decision (or the PBX's own ringing) to its outcome.
//!
//! ```text
//!  decided ──ring asked──▶ pending ──device rings──▶ told ──leg up──▶ accepted
//!     (route mode only)       │                       │
//!                             │ refused, taken back:  ├─ leg or Ring ended ─▶ no_answer · declined · unreachable
//!                             │ nobody heard of it    ├─ another answered, or taken back ─▶ withdrawn
//!                             ▼                       └─ the caller left ─▶ caller_left
//!                           (gone)
//! ```
//!
//! `call.offered` is told when the PBX shows an attempt at a device, not when we decide. Several devices of one agent
//! are one offer. Only open offers are kept here; every offer that was told ends exactly once.

mod outcome;
mod ring;
mod route;
mod tell;

pub(crate) use ring::DIRECT_RING;
pub(crate) use route::MENU;

use std::collections::BTreeMap;

use hookswitch_model::{
    ActionId, CallId, LegId, OfferId, Timestamp,
    call::Address,
    offer::{Offer, OfferOutcome},
    pbx::LegEnd,
};
use serde::{Deserialize, Serialize};

/// One open offer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OfferRecord {
    /// The public object.
    pub(crate) offer: Offer,
    /// The call.
    pub(crate) call: CallId,
    /// Our Ring; none: the PBX rings by itself.
    pub(crate) ring: Option<ActionId>,
    /// What our Ring rings for this agent.
    pub(crate) devices: Vec<Address>,
    /// `call.offered` was told, and when.
    pub(crate) told_at: Option<Timestamp>,
    /// The legs that rang for it.
    pub(crate) legs: Vec<LegId>,
    /// How those of them ended that did.
    pub(crate) ends: Vec<LegEnd>,
}

impl OfferRecord {
    /// An offer whose ringing is the PBX's doing.
    pub(crate) const fn of_pbx(call: CallId, offer: Offer) -> Self {
        Self {
            offer,
            call,
            ring: None,
            devices: Vec::new(),
            told_at: None,
            legs: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// What the ends of its legs say together, once all have ended and they do say something.
    pub(crate) fn decided(&self) -> Option<OfferOutcome> {
        let all = self.legs.len() == self.ends.len() && self.ends.len() >= self.devices.len();
        if all { outcome::of_ends(&self.ends) } else { None }
    }
}

/// The open offers.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(from = "Vec<OfferRecord>", into = "Vec<OfferRecord>")]
pub(crate) struct OfferBook {
    open: BTreeMap<OfferId, OfferRecord>,
}

impl From<OfferBook> for Vec<OfferRecord> {
    fn from(book: OfferBook) -> Self {
        book.open.into_values().collect()
    }
}

impl From<Vec<OfferRecord>> for OfferBook {
    fn from(records: Vec<OfferRecord>) -> Self {
        Self { open: records.into_iter().map(|record| (record.offer.id, record)).collect() }
    }
}

impl OfferBook {
    /// Enters an offer.
    pub(crate) fn insert(&mut self, record: OfferRecord) {
        self.open.insert(record.offer.id, record);
    }

    /// An open offer.
    pub(crate) fn get(&self, id: OfferId) -> Option<&OfferRecord> {
        self.open.get(&id)
    }

    /// An open offer, to change it.
    pub(crate) fn get_mut(&mut self, id: OfferId) -> Option<&mut OfferRecord> {
        self.open.get_mut(&id)
    }

    /// Takes an offer out: it is over.
    pub(crate) fn remove(&mut self, id: OfferId) -> Option<OfferRecord> {
        self.open.remove(&id)
    }
}
