//! Feature codes: what the digits of somebody who talks may do (`features.conf`).

use crate::config::{Micros, SECOND};
use crate::dialplan::Reach;
use crate::pbx::{LegId, Pbx, Timer};

/// Blind transfer (`blindxfer`).
const BLIND: &str = "##";
/// Attended transfer (`atxfer`), and its completion (`atxfercomplete`).
const ATTENDED: &str = "*2";
/// Back to the caller (`atxferabort`).
const ABORT: &str = "*1";
/// How long the next digit may take (`transferdigittimeout`).
const DIGIT_TIMEOUT: Micros = 3 * SECOND;

/// What the digits of a channel are for.
#[derive(Clone, Debug, Default)]
pub(crate) enum Typing {
    /// A code may come: the last digit.
    #[default]
    Nothing,
    /// The first digit of a code.
    Code(char),
    /// The number to transfer to.
    Number { attended: bool, digits: String },
}

impl Pbx {
    /// A digit of a channel that may transfer and talks.
    pub(super) fn feature_digit(&mut self, leg: LegId, digit: char) {
        let Some(channel) = self.channels.get_mut(&leg).filter(|channel| channel.may_transfer) else {
            return;
        };
        if channel.bridge.is_none() {
            return;
        }
        match std::mem::take(&mut channel.typing) {
            Typing::Nothing => channel.typing = Typing::Code(digit),
            Typing::Code(first) => self.feature_code(leg, first, digit),
            Typing::Number { attended, mut digits } => {
                digits.push(digit);
                channel.typing = Typing::Number { attended, digits: digits.clone() };
                let context = self.transfer_context(leg);
                if self.config.dialplan.reach(&context, &digits) == Reach::Exact {
                    self.number_is_typed(leg);
                } else {
                    let typed = digits.len();
                    self.after(DIGIT_TIMEOUT, Timer::Feature { leg, typed });
                }
            }
        }
    }

    fn feature_code(&mut self, leg: LegId, first: char, second: char) {
        let code: String = [first, second].iter().collect();
        let consults = self.consults.contains_key(&leg);
        match code.as_str() {
            ABORT if consults => drop(self.cancel_consult(leg)),
            ATTENDED if consults => self.complete_consult(leg),
            BLIND | ATTENDED if !consults => {
                self.hold_for_transfer(leg);
                if let Some(channel) = self.channels.get_mut(&leg) {
                    let attended = code == ATTENDED;
                    channel.typing = Typing::Number { attended, digits: String::new() };
                }
                self.after(DIGIT_TIMEOUT, Timer::Feature { leg, typed: 0 });
            }
            _ => {
                if let Some(channel) = self.channels.get_mut(&leg) {
                    channel.typing = Typing::Code(second);
                }
            }
        }
    }

    /// The PBX holds for the one who types: Hold without a class.
    pub(super) fn hold_for_transfer(&mut self, leg: LegId) {
        let Some(channel) = self.channels.get_mut(&leg).filter(|channel| !channel.holding) else { return };
        channel.holding = true;
        self.tell("Hold", leg);
        if let Some(other) = self.other_in_bridge(leg) {
            self.start_music(other, "default");
            self.refresh_device_of(other);
        }
    }

    /// No digit came for a while: the number is what has been typed, or nothing.
    pub(super) fn feature_timeout(&mut self, leg: LegId, typed: usize) {
        let typing = self.channels.get(&leg).map(|channel| &channel.typing);
        if matches!(typing, Some(Typing::Number { digits, .. }) if digits.len() == typed) {
            self.number_is_typed(leg);
        }
    }

    fn number_is_typed(&mut self, leg: LegId) {
        let context = self.transfer_context(leg);
        let Some(channel) = self.channels.get_mut(&leg) else { return };
        let Typing::Number { attended, digits } = std::mem::take(&mut channel.typing) else { return };
        if !self.config.dialplan.has(&context, &digits) {
            self.unhold(self.now, leg);
        } else if attended {
            self.start_consult(leg, &context, &digits);
        } else {
            self.blind_transfer(leg, &context, &digits, false);
        }
    }

    fn transfer_context(&self, leg: LegId) -> String {
        let endpoint = self.channels.get(&leg).and_then(|channel| channel.endpoint.as_deref());
        let endpoint = endpoint.and_then(|name| self.endpoints.get(name));
        endpoint.map_or_else(String::new, |endpoint| endpoint.context.clone())
    }
}
