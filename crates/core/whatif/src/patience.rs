//! How long callers wait before they give up, estimated from those who did and those who were answered before.

use hookswitch_model::Millis;

/// The share of callers still willing to wait, by waiting time: the estimate of Kaplan and Meier (1958). A caller who
/// was answered tells that the patience was longer, not how long.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Patience {
    /// The waits somebody gave up after, rising, with the share of callers who wait longer than that.
    steps: Vec<(Millis, f64)>,
}

impl Patience {
    /// From waits, and whether each ended with the caller giving up.
    pub(crate) fn estimate(mut waits: Vec<(Millis, bool)>) -> Self {
        waits.sort_unstable();
        let mut share = 1.0;
        let mut steps = Vec::new();
        let mut at = 0;
        while let Some((wait, _)) = waits.get(at).copied() {
            let still_there = (waits.len() - at) as f64;
            let same = waits[at..].iter().take_while(|(other, _)| *other == wait);
            let (count, gave_up) = same.fold((0, 0), |(count, gave_up), (_, gives_up)| {
                (count + 1, gave_up + usize::from(*gives_up))
            });
            if gave_up > 0 {
                share *= 1.0 - gave_up as f64 / still_there;
                steps.push((wait, share));
            }
            at += count;
        }
        Self { steps }
    }

    /// When a caller gives up who has waited this long already; none: never, as far as the record tells. `lot` is
    /// between 0 and 1: the share of such callers who give up later.
    pub(crate) fn beyond(&self, waited: Millis, lot: f64) -> Option<Millis> {
        let now = self.steps.iter().rev().find(|(wait, _)| *wait <= waited).map_or(1.0, |(_, share)| *share);
        let wait = self.steps.iter().find(|(wait, share)| *wait > waited && *share <= now * lot);
        wait.map(|(wait, _)| *wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(waits: &[(u64, bool)]) -> Patience {
        Patience::estimate(waits.iter().map(|(wait, gave_up)| (Millis::from_secs(*wait), *gave_up)).collect())
    }

    /// The example of the method: deaths at 6 (three), 7, 10, 13, 16, 22 and 23, the others censored.
    #[test]
    fn the_estimate_is_that_of_kaplan_and_meier() {
        let gave_up = [6, 6, 6, 7, 10, 13, 16, 22, 23];
        let answered = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35];
        let waits: Vec<_> =
            gave_up.map(|wait| (wait, true)).into_iter().chain(answered.map(|wait| (wait, false))).collect();
        let shares: Vec<_> =
            seconds(&waits).steps.iter().map(|(_, share)| (share * 1000.0).round()).collect();
        assert_eq!(shares, [857.0, 807.0, 753.0, 690.0, 627.0, 538.0, 448.0]);
    }

    #[test]
    fn who_has_waited_longer_gives_up_later() {
        let patience = seconds(&[(10, true), (20, true), (30, true), (40, true)]);
        assert_eq!(patience.beyond(Millis(0), 0.9), Some(Millis::from_secs(10)));
        assert_eq!(patience.beyond(Millis(0), 0.5), Some(Millis::from_secs(20)));
        assert_eq!(patience.beyond(Millis::from_secs(25), 0.9), Some(Millis::from_secs(30)));
        assert_eq!(patience.beyond(Millis::from_secs(40), 0.5), None);
        assert_eq!(seconds(&[(10, false)]).beyond(Millis(0), 0.1), None, "nobody was seen to give up");
    }
}
