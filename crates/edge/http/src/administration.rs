//! What the router asks of the daemon for those who configure it.

use bytes::Bytes;
use hookswitch_config::{Bundle, Problem};
use serde::Deserialize;

use crate::{
    Reply,
    model::{PbxId, call::AttachedData},
};

/// A call that does not exist, to be explained.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImaginaryCall {
    /// Who calls, as the PBX would give it; empty: withheld.
    #[serde(default)]
    pub ani: String,
    /// What is dialled.
    pub dnis: String,
    /// When, in RFC 3339; none: now.
    #[serde(default)]
    pub at: Option<String>,
    /// Attached data, as an IVR would have written it.
    #[serde(default)]
    pub data: AttachedData,
    /// The PBX it comes to; none: the first.
    #[serde(default)]
    pub pbx: Option<PbxId>,
    /// The trunk it comes by.
    #[serde(default)]
    pub trunk: Option<String>,
    /// Fields of the customer's record (`id`, `name`, `tier`, …); empty: nobody known.
    #[serde(default)]
    pub customer: AttachedData,
}

/// Why a configuration is not applied or compared, or a call not explained.
#[derive(Debug, Clone)]
pub enum Unusable {
    /// It has problems: every one of them.
    Problems(Vec<Problem>),
    /// What was asked for is not there or makes no sense: what, and what would.
    Asked {
        /// What is wrong.
        why: String,
        /// What to do.
        hint: String,
    },
    /// There is nothing to go back to.
    Oldest,
    /// The same is being done for somebody else.
    Busy,
}

/// The configuration, as the router sees it: each answer is finished JSON.
pub trait Administration: Send + Sync + 'static {
    /// The rules tried for this call, the queue, and the agents it would be offered to.
    fn explain(&self, call: ImaginaryCall) -> Reply<'_, Result<Bytes, Unusable>>;
    /// The version in force and those before it.
    fn configuration(&self) -> Reply<'_, Bytes>;
    /// What this configuration would change, and whom it would touch. Changes nothing.
    fn plan(&self, bundle: Bundle) -> Reply<'_, Result<Bytes, Unusable>>;
    /// What the recorded traffic would have come to under this configuration, beside what it came to.
    fn what_if(&self, bundle: Bundle) -> Reply<'_, Result<Bytes, Unusable>>;
    /// Applies it, in the name of `by`.
    fn apply(&self, bundle: Bundle, by: String) -> Reply<'_, Result<Bytes, Unusable>>;
    /// Goes back to the version before the one in force.
    fn roll_back(&self, by: String) -> Reply<'_, Result<Bytes, Unusable>>;
}
