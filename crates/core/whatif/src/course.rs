//! The way of one caller through the record, and how agents answer.

use hookswitch_model::{
    LegRef, Millis, Timestamp,
    call::{AttachedData, PartyNumber},
    callback::TryEnd,
    pbx::Action,
};

use crate::{figures::Key, promised::Name};

/// What the record knows of a call.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// The engine was asked where it goes, or rang somebody for it, or made it for a call-back.
    pub(crate) routed: bool,
    /// The call-back it is a try of.
    pub(crate) tries: Option<Name>,
    /// When the agent of a try was there, and the customer was dialled.
    pub(crate) dialled_at: Option<Timestamp>,
    /// How a try came out that did not reach the customer.
    pub(crate) try_end: Option<TryEnd>,
    /// The caller's leg.
    pub(crate) caller: Option<LegRef>,
    /// What was dialled to come to us.
    pub(crate) dnis: PartyNumber,
    /// What menus and the dialplan told of it.
    pub(crate) data: AttachedData,
    /// The call it was held in, of a consultation.
    pub(crate) consult_of: Option<Key>,
    pub(crate) queued_at: Option<Timestamp>,
    pub(crate) answered_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
    /// How long the agent who answered let it ring.
    pub(crate) rang_for: Option<Millis>,
    /// The caller gave up in a queue.
    pub(crate) gave_up: bool,
    /// The queue it waited in first took a key for a call-back.
    pub(crate) may_wish: bool,
    /// Where in the record the caller, or somebody in the caller's stead, asked for something while waiting (a key, a
    /// call-back), each with how long the wait was by then.
    pub(crate) wishes: Vec<(Millis, usize)>,
    /// The PBX never said that it ended.
    pub(crate) lost: bool,
    /// Where in the record the engine asked for something, in order.
    pub(crate) asked: Vec<usize>,
    /// Where in the record it was given something, each with how often it had asked by then.
    pub(crate) moments: Vec<(usize, usize)>,
}

impl Script {
    /// How long the caller waited; none: never in a queue.
    pub(crate) fn waited(&self, end: Timestamp) -> Option<Millis> {
        let until = self.answered_at.or(self.ended_at).unwrap_or(end);
        Some(until.since(self.queued_at?))
    }

    /// How long the caller waited before a call-back was asked for, or the wait was over without that, and which; none:
    /// nobody could ask.
    pub(crate) fn wished(&self, end: Timestamp) -> Option<(Millis, bool)> {
        let waited = self.waited(end).filter(|_| self.may_wish)?;
        Some(self.wishes.first().map_or((waited, false), |(wait, _)| (*wait, true)))
    }

    /// How long the caller talked; none: nobody answered, or it was not over by then.
    pub(crate) fn talked(&self) -> Option<Millis> {
        Some(self.ended_at?.since(self.answered_at?))
    }
}

/// How an agent answers.
#[derive(Debug, Default)]
pub(crate) struct Habit {
    ring_times: Vec<Millis>,
    pub(crate) missed: u32,
    /// How long it took to be ready again after a call that was not taken.
    returns: Vec<Millis>,
}

impl Habit {
    pub(crate) fn answered(&mut self, after: Millis) {
        self.ring_times.push(after);
    }

    /// How long the agent lets it ring, usually; none: never answered.
    pub(crate) fn ring_time(&self) -> Option<Millis> {
        middle(&self.ring_times)
    }

    pub(crate) fn returned(&mut self, after: Millis) {
        self.returns.push(after);
    }

    /// How long it usually takes to be ready again after a call that was not taken; none: not known.
    pub(crate) fn return_time(&self) -> Option<Millis> {
        middle(&self.returns)
    }

    /// The share of rings that are answered; whoever was never rung answers.
    pub(crate) fn answers(&self) -> f64 {
        let answered = self.ring_times.len() as f64;
        let rung = answered + f64::from(self.missed);
        if rung > 0.0 { answered / rung } else { 1.0 }
    }
}

fn middle(times: &[Millis]) -> Option<Millis> {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

/// Whether a caller does not notice that it was asked for.
pub(crate) const fn is_silent(action: &Action) -> bool {
    matches!(
        action,
        Action::Probe { .. }
            | Action::NoteQueue { .. }
            | Action::CheckNumber { .. }
            | Action::Announce { .. }
    )
}

/// A number between 0 and 1 that is the same in each run: FNV-1a over the call's name, and a finalizer that spreads it.
pub(crate) fn lot(key: &Key, salt: u64) -> f64 {
    let bytes = key.0.as_str().bytes().chain(key.1.as_str().bytes()).chain(salt.to_le_bytes());
    let mut hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((hash ^ (hash >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use hookswitch_model::PbxId;

    use super::*;

    #[test]
    fn lots_are_spread_and_the_same_again() {
        let key = |n: u32| (PbxId::new("hq").unwrap(), format!("1795288742.{n}").as_str().into());
        let lots: Vec<f64> = (0..1_000).map(|n| lot(&key(n), 0)).collect();
        let mean = lots.iter().sum::<f64>() / 1_000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
        assert!(lots.iter().all(|lot| (0.0..1.0).contains(lot)));
        assert_eq!(lot(&key(7), 0).to_bits(), lot(&key(7), 0).to_bits());
        assert_ne!(lot(&key(7), 0).to_bits(), lot(&key(7), 1).to_bits());
    }
}
