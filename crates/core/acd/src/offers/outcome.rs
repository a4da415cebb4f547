//! What legs and Rings that ended say about an offer: pure.

use hookswitch_model::{
    offer::OfferOutcome,
    pbx::{LegEnd, RingResult},
};

/// What one leg's end says; none: nothing for sure, the Ring's result will.
const fn of_end(end: LegEnd) -> Option<OfferOutcome> {
    match end {
        LegEnd::NoAnswer => Some(OfferOutcome::NoAnswer),
        LegEnd::Busy | LegEnd::Rejected => Some(OfferOutcome::Declined),
        LegEnd::Unreachable | LegEnd::Failed => Some(OfferOutcome::Unreachable),
        LegEnd::CallerLeft => Some(OfferOutcome::CallerLeft),
        LegEnd::HungUp | LegEnd::Released | LegEnd::Cancelled | LegEnd::Transferred => None,
    }
}

/// Which outcome counts when the devices of one agent differ: what the agent did before what the network did.
const fn rank(outcome: OfferOutcome) -> u8 {
    match outcome {
        OfferOutcome::CallerLeft => 5,
        OfferOutcome::Accepted => 4,
        OfferOutcome::Declined => 3,
        OfferOutcome::NoAnswer => 2,
        OfferOutcome::Unreachable => 1,
        OfferOutcome::Withdrawn => 0,
    }
}

/// What the ends of all legs of an offer say together.
pub(super) fn of_ends(ends: &[LegEnd]) -> Option<OfferOutcome> {
    ends.iter().copied().filter_map(of_end).max_by_key(|outcome| rank(*outcome))
}

/// What the result of our Ring says of an offer whose legs do not say it themselves.
pub(super) const fn of_ring(result: RingResult) -> OfferOutcome {
    match result {
        RingResult::Answered => OfferOutcome::Withdrawn,
        RingResult::NoAnswer => OfferOutcome::NoAnswer,
        RingResult::Declined => OfferOutcome::Declined,
        RingResult::Unreachable => OfferOutcome::Unreachable,
        RingResult::CallerLeft => OfferOutcome::CallerLeft,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decline_on_one_phone_counts_more_than_silence_on_the_other() {
        assert_eq!(of_ends(&[LegEnd::NoAnswer, LegEnd::Busy]), Some(OfferOutcome::Declined));
        assert_eq!(of_ends(&[LegEnd::Unreachable, LegEnd::NoAnswer]), Some(OfferOutcome::NoAnswer));
    }

    #[test]
    fn a_cancelled_leg_alone_says_nothing() {
        assert_eq!(of_ends(&[LegEnd::Cancelled]), None);
    }
}
