//! Where a person wants a call to go.

use hookswitch_model::{
    AgentId, PbxId, QueueId,
    command::{Destination, Refusal},
};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;

/// So long a number of the house may be. A longer one that is no E.164 number could be a way outside (`9` and a
/// number) that no policy has looked at.
const HOUSE_DIGITS: usize = 6;

/// A destination that is understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    /// To an agent.
    Agent(AgentId),
    /// To a queue.
    Queue(QueueId),
    /// To a number of the house.
    House(String),
    /// Outside, in E.164.
    Outside(String),
}

impl Engine {
    /// Understands a destination: an agent's id or extension, a queue's id, a number outside, a number of the house.
    pub(crate) fn bound(&self, pbx: &PbxId, to: &Destination) -> Result<Bound, Refusal> {
        let text = to.text.as_str();
        if let Ok(id) = text.parse::<AgentId>()
            && self.agents.get(&id).is_some()
        {
            return Ok(Bound::Agent(id));
        }
        if let Some(agent) = self.agents.by_number(pbx, text) {
            return Ok(Bound::Agent(agent.clone()));
        }
        if let Ok(id) = text.parse::<QueueId>()
            && self.plan.queue(&self.setup, &id).is_some()
        {
            return Ok(Bound::Queue(id));
        }
        let of_the_house = is_of_the_house(text);
        if of_the_house && self.setup.outbound.extensions.iter().any(|pattern| fits(pattern, text)) {
            return Ok(Bound::House(text.to_owned()));
        }
        match &to.e164 {
            Some(e164) if is_e164(e164) => Ok(Bound::Outside(e164.clone())),
            Some(_) | None if of_the_house => Err(Refusal::Invalid {
                why: format!("{text} is nobody's extension and may not be dialled"),
                hint: "an administrator allows numbers of the house with [numbers] extensions".into(),
            }),
            Some(_) | None => Err(Refusal::Invalid {
                why: format!("{:?} is no agent, no queue and no number", shown(text)),
                hint: "an agent's id or extension, a queue's id, or a number such as +49305550001".into(),
            }),
        }
    }
}

fn is_of_the_house(text: &str) -> bool {
    (1..=HOUSE_DIGITS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'*' | b'#'))
}

/// Whether a number is one of a pattern, in which `x` is any digit.
fn fits(pattern: &str, number: &str) -> bool {
    let fits = |(pattern, byte): (u8, u8)| pattern == byte || (pattern == b'x' && byte.is_ascii_digit());
    pattern.len() == number.len() && pattern.bytes().zip(number.bytes()).all(fits)
}

/// A plus sign and 1 to 15 digits: what may stand in a dial string.
pub(crate) fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// As much of it as an error message bears.
fn shown(text: &str) -> String {
    text.chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_the_house_is_short_and_holds_nothing_a_dial_string_could_misread() {
        assert!(is_of_the_house("1001") && is_of_the_house("*97") && is_of_the_house("600"));
        for text in ["", "9004930555", "10 01", "1001,2", "1001&2", "${X}", "1001\n", "10/1"] {
            assert!(!is_of_the_house(text), "{text:?}");
        }
    }

    #[test]
    fn a_pattern_stands_for_numbers_of_its_length_only() {
        for (pattern, number) in [("6xx", "600"), ("xxxx", "1001"), ("*97", "*97"), ("110", "110")] {
            assert!(fits(pattern, number), "{number} by {pattern}");
        }
        for (pattern, number) in
            [("6xx", "60"), ("6xx", "6000"), ("6xx", "6*1"), ("xxx", "*97"), ("xxx", ""), ("", "1")]
        {
            assert!(!fits(pattern, number), "{number} by {pattern}");
        }
    }

    #[test]
    fn a_number_outside_is_a_plus_sign_and_digits() {
        assert!(is_e164("+49305550001"));
        for text in ["49305550001", "+", "+4930,1", "+1234567890123456", "+49\r\nAction: Originate"] {
            assert!(!is_e164(text), "{text:?}");
        }
    }
}
