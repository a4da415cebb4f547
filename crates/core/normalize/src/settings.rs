//! What a normaliser is told of its PBX.

use std::collections::{BTreeMap, BTreeSet};

use hookswitch_model::{PbxId, call::Address, setup::Mode};

use crate::number::Plan;

/// What a normaliser is told of its PBX. All but the name may be left out, as `trace` does: phones, trunks and
/// directions are then inferred from the stream.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which PBX.
    pub pbx: PbxId,
    /// Route, or only look. In route mode a caller's attached data is asked for before the route request is told.
    pub mode: Mode,
    /// The agents' devices and the extension each is dialled by.
    pub devices: BTreeMap<Address, String>,
    /// Names of trunks, without technology: `carrier`.
    pub trunks: BTreeSet<String>,
    /// How numbers are read.
    pub plan: Plan,
}

impl Settings {
    /// Nothing is known of this PBX but its name.
    #[must_use]
    pub fn new(pbx: PbxId) -> Self {
        Self {
            pbx,
            mode: Mode::Observe,
            devices: BTreeMap::new(),
            trunks: BTreeSet::new(),
            plan: Plan::default(),
        }
    }
}
