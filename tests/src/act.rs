//! What people do with telephones, as sentences: `C dials Q`, `A declines 603`, `A refers to B`.

use std::str::FromStr;

use anyhow::{Context as _, Error, Result, bail};

/// A name of the [cast](crate::cast).
pub type Who = String;

/// One thing a person does, or sees at the phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// `C dials Q`, with `withheld`, `diverted-by NUMBER` or `named PERCENT%20ENCODED` behind; `A dials F`.
    Dials(Who, String, Vec<String>),
    /// `A rings`: waits until the phone rings.
    Rings(Who),
    /// `A obeys`: from now on the phone answers when it is told to (NOTIFY).
    Obeys(Who),
    /// `F is not rung`: nothing has arrived at the phone that was not taken yet.
    IsNotRung(Who),
    /// `F sees only +4930777`: what rings shows that number and no name.
    SeesOnly(Who, String),
    /// `A stops ringing`, after `A rings`: waits until the far end has given up.
    StopsRinging(Who),
    /// `A answers`: picks up when it rings.
    Answers(Who),
    /// `A declines` (busy, 486), `A declines 603`.
    Declines(Who, u16),
    /// `C hangs up`: the latest call of the phone.
    HangsUp(Who),
    /// `C is cut off`: waits until the far end has ended the call.
    IsCutOff(Who),
    /// `A is free`: waits until the first call is over, however it ended.
    IsFree(Who),
    /// `C is refused`: waits until the call was refused before anybody answered.
    IsRefused(Who),
    /// `A holds`.
    Holds(Who),
    /// `A retrieves`.
    Retrieves(Who),
    /// `A refers to B`: blind transfer by the phone.
    Refers(Who, String),
    /// `A consults B`: hold, and a second call.
    Consults(Who, String),
    /// `A completes`: attended transfer of the first call to the second.
    Completes(Who),
    /// `A presses ##`: in the media of the first call.
    Presses(Who, String),
    /// `C hears a voice`: waits until what comes in is no silence.
    HearsAVoice(Who),
    /// `A unregisters`: the phone goes.
    Unregisters(Who),
    /// `A registers`: the phone comes back.
    Registers(Who),
    /// `C vanishes`: the PBX forgets the leg without a word. Simulator only.
    Vanishes(Who),
    /// `A and C hang up at once`.
    HangUpAtOnce(Who, Who),
    /// `A answers as C hangs up`: at the same instant.
    AnswersAsHangsUp(Who, Who),
}

impl FromStr for Act {
    type Err = Error;

    fn from_str(sentence: &str) -> Result<Self> {
        let words: Vec<&str> = sentence.split_whitespace().collect();
        let own = |word: &&str| (*word).to_owned();
        let act = match words.as_slice() {
            [who, "dials", target, how @ ..] => {
                Self::Dials(own(who), own(target), how.iter().map(own).collect())
            }
            [who, "rings"] => Self::Rings(own(who)),
            [who, "obeys"] => Self::Obeys(own(who)),
            [who, "is", "not", "rung"] => Self::IsNotRung(own(who)),
            [who, "sees", "only", number] => Self::SeesOnly(own(who), own(number)),
            [who, "stops", "ringing"] => Self::StopsRinging(own(who)),
            [who, "answers"] => Self::Answers(own(who)),
            [who, "declines"] => Self::Declines(own(who), 486),
            [who, "declines", status] => Self::Declines(own(who), status.parse().context("a SIP status")?),
            [who, "hangs", "up"] => Self::HangsUp(own(who)),
            [who, "is", "cut", "off"] => Self::IsCutOff(own(who)),
            [who, "is", "free"] => Self::IsFree(own(who)),
            [who, "is", "refused"] => Self::IsRefused(own(who)),
            [who, "holds"] => Self::Holds(own(who)),
            [who, "retrieves"] => Self::Retrieves(own(who)),
            [who, "refers", "to", target] => Self::Refers(own(who), own(target)),
            [who, "consults", target] => Self::Consults(own(who), own(target)),
            [who, "completes"] => Self::Completes(own(who)),
            [who, "presses", digits] => Self::Presses(own(who), own(digits)),
            [who, "hears", "a", "voice"] => Self::HearsAVoice(own(who)),
            [who, "unregisters"] => Self::Unregisters(own(who)),
            [who, "registers"] => Self::Registers(own(who)),
            [who, "vanishes"] => Self::Vanishes(own(who)),
            [one, "and", other, "hang", "up", "at", "once"] => Self::HangUpAtOnce(own(one), own(other)),
            [agent, "answers", "as", caller, "hangs", "up"] => {
                Self::AnswersAsHangsUp(own(agent), own(caller))
            }
            _ => bail!("nobody knows how to `{sentence}`"),
        };
        Ok(act)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_understood() {
        let who = |name: &str| name.to_owned();
        assert_eq!("A declines 603".parse::<Act>().unwrap(), Act::Declines(who("A"), 603));
        assert_eq!("A refers to B".parse::<Act>().unwrap(), Act::Refers(who("A"), who("B")));
        let withheld = Act::Dials(who("C"), who("Q"), vec![who("withheld")]);
        assert_eq!("C dials Q withheld".parse::<Act>().unwrap(), withheld);
        assert!("A sings".parse::<Act>().is_err());
    }
}
