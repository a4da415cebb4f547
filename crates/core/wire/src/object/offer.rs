//! Offers and pops.

use hookswitch_model::{self as model, AgentId, OfferId, PopId, QueueId};
use serde::{Deserialize, Serialize};

use super::Text;
use crate::{time::Time, words};

/// An offer: one ringing of an agent's device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer<'a> {
    /// Our id.
    pub id: OfferId,
    /// Who is rung.
    pub agent: AgentId,
    /// The queue that decided it; null for a direct ring.
    pub queue: Option<QueueId>,
    /// 1 for the first offer of this call.
    pub attempt: u32,
    /// When it is taken back if nobody answers.
    pub expires_at: Option<Time>,
    /// `accepted`, `no_answer`, `declined`, `unreachable`, `withdrawn`, `caller_left`; only once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Text<'a>>,
}

impl From<&model::offer::Offer> for Offer<'_> {
    fn from(offer: &model::offer::Offer) -> Self {
        Self {
            id: offer.id,
            agent: offer.agent.clone(),
            queue: offer.queue.clone(),
            attempt: offer.attempt,
            expires_at: offer.expires_at.map(Time),
            outcome: offer.outcome.map(|outcome| words::offer_outcome(outcome).into()),
        }
    }
}

/// An order to an agent's screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pop<'a> {
    /// Our id: the claim goes by it.
    pub id: PopId,
    /// Whose screen.
    pub agent: AgentId,
    /// What to open; null where no template is configured.
    pub url: Option<Text<'a>>,
    /// `one`, `many`, `none`, `pending`, `error`.
    #[serde(rename = "match")]
    pub kind: Text<'a>,
    /// Not to be shown after this.
    pub expires_at: Time,
}

impl<'a> Pop<'a> {
    /// The pop with the URL it opens.
    #[must_use]
    pub fn new(pop: &model::event::Pop, url: Option<&'a str>) -> Self {
        Self {
            id: pop.id,
            agent: pop.agent.clone(),
            url: url.map(Text::Borrowed),
            kind: words::match_kind(pop.kind).into(),
            expires_at: pop.expires_at.into(),
        }
    }
}
