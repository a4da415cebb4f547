//! Who hears whom, and what: conferences of a few, and supervisors who listen, whisper or barge.

use crate::{Frame, SILENCE};

/// The most that one room has.
pub const MOST: usize = 8;

/// Who hears whom, by their places in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hearing {
    /// One bit a speaker, one row a listener.
    rows: [u8; MOST],
}

/// What a supervisor does with a call of two: the customer stands at place 0, the agent at 1, the supervisor at 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supervision {
    /// Hears both; nobody hears the supervisor.
    Listen,
    /// The agent hears the supervisor, the customer does not.
    Whisper,
    /// All hear each other.
    Barge,
}

impl Hearing {
    /// Everybody hears everybody else.
    pub fn conference() -> Self {
        let mut rows = [0; MOST];
        for (place, row) in rows.iter_mut().enumerate() {
            *row = !(1 << place);
        }
        Self { rows }
    }

    /// A call of two that somebody supervises.
    pub fn supervised(mode: Supervision) -> Self {
        let nobody_hears_place_2 = Self { rows: [0b010, 0b001, 0b011, 0, 0, 0, 0, 0] };
        match mode {
            Supervision::Listen => nobody_hears_place_2,
            Supervision::Whisper => nobody_hears_place_2.with(1, 2, true),
            Supervision::Barge => nobody_hears_place_2.with(1, 2, true).with(0, 2, true),
        }
    }

    /// The same, but whether this listener hears that speaker. Nobody hears themselves, and places end at [`MOST`].
    #[must_use]
    pub fn with(mut self, listener: usize, speaker: usize, hears: bool) -> Self {
        if listener < MOST && speaker < MOST && listener != speaker {
            let bit = 1 << speaker;
            self.rows[listener] = if hears { self.rows[listener] | bit } else { self.rows[listener] & !bit };
        }
        self
    }

    /// Whether this listener hears that speaker.
    pub fn hears(&self, listener: usize, speaker: usize) -> bool {
        listener != speaker
            && speaker < MOST
            && self.rows.get(listener).is_some_and(|row| row >> speaker & 1 == 1)
    }
}

/// What each place hears in these 20 ms: the sum of whom it hears, cut where it would be too loud. A place that sent
/// nothing is silent; there are as many frames out as places in.
pub fn mix(spoken: &[Option<Frame>], hearing: &Hearing) -> Vec<Frame> {
    let heard_by = |listener: usize| {
        let mut heard = SILENCE;
        let audible = spoken.iter().enumerate().filter(|(speaker, _)| hearing.hears(listener, *speaker));
        let mut sums = [0_i32; crate::FRAME_SAMPLES];
        for frame in audible.filter_map(|(_, frame)| frame.as_ref()) {
            for (sum, sample) in sums.iter_mut().zip(frame) {
                *sum += i32::from(*sample);
            }
        }
        for (sample, sum) in heard.iter_mut().zip(sums) {
            // Summed in full width first: two loud voices and their opposite are not cut one by one.
            *sample = sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        }
        heard
    };
    (0..spoken.len()).map(heard_by).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn flat(level: i16) -> Option<Frame> {
        Some([level; crate::FRAME_SAMPLES])
    }

    fn levels(spoken: &[Option<Frame>], hearing: &Hearing) -> Vec<i16> {
        mix(spoken, hearing).iter().map(|frame| frame[0]).collect()
    }

    #[test]
    fn each_of_three_hears_the_other_two() {
        assert_eq!(levels(&[flat(1), flat(20), flat(300)], &Hearing::conference()), [320, 301, 21]);
    }

    #[test]
    fn who_sends_nothing_is_silent_and_hears_the_others() {
        assert_eq!(levels(&[flat(1), None, flat(300)], &Hearing::conference()), [300, 301, 1]);
    }

    #[test]
    fn voices_that_are_too_loud_together_are_cut_and_do_not_wrap() {
        let loud = [flat(0), flat(30_000), flat(30_000), flat(-30_000)];
        assert_eq!(levels(&loud[..3], &Hearing::conference())[0], i16::MAX);
        let low = [flat(-30_000), flat(-30_000), flat(0)];
        assert_eq!(levels(&low, &Hearing::conference())[2], i16::MIN);
        assert_eq!(levels(&loud, &Hearing::conference())[0], 30_000, "the sum is cut, not its parts");
    }

    #[test]
    fn a_listening_supervisor_hears_both_and_is_heard_by_nobody() {
        let spoken = [flat(1), flat(20), flat(300)];
        assert_eq!(levels(&spoken, &Hearing::supervised(Supervision::Listen)), [20, 1, 21]);
    }

    #[test]
    fn a_whisper_reaches_the_agent_and_not_the_customer() {
        let spoken = [flat(1), flat(20), flat(300)];
        assert_eq!(levels(&spoken, &Hearing::supervised(Supervision::Whisper)), [20, 301, 21]);
    }

    #[test]
    fn who_barges_is_one_of_three() {
        let spoken = [flat(1), flat(20), flat(300)];
        let barged = levels(&spoken, &Hearing::supervised(Supervision::Barge));
        assert_eq!(barged, levels(&spoken, &Hearing::conference()));
    }

    #[test]
    fn nobody_hears_themselves_whatever_is_asked() {
        let odd = Hearing::conference().with(1, 1, true).with(MOST, 0, true).with(0, MOST, true);
        assert_eq!(odd, Hearing::conference());
        assert!(!odd.hears(1, 1) && !odd.hears(MOST, 0) && !odd.hears(0, MOST));
    }
}
