//! Why a call went where it went: kept with the call, computed when it was decided.

use hookswitch_model::{
    Timestamp,
    why::{Because, Decided, Why},
};

/// So many decisions of one call are kept; the first always is.
const KEPT: usize = 16;

/// Notes what was decided for a call.
pub(crate) fn note(why: &mut Why, at: Timestamp, config_version: u64, because: Because) {
    if why.decisions.len() >= KEPT {
        why.decisions.remove(1);
    }
    why.decisions.push_back(Decided { at, config_version, because });
}
