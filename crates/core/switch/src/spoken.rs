//! What callers are asked and told: sounds by their names, menus, announcements.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use hookswitch_media::{Clip, SAMPLE_RATE};

/// What callers are asked and told. Sounds are named as prompts name them; one that is not there is passed over.
#[derive(Clone)]
pub struct Spoken {
    /// The sounds, by their names; `digits/7` is that of a number.
    pub sounds: BTreeMap<String, Arc<Clip>>,
    /// The menus, by their names.
    pub menus: BTreeMap<String, Menu>,
    /// Queues whose callers are answered, with music or without: there something is said, or a key means something.
    pub queues: BTreeSet<String>,
    /// What an announcement says.
    pub announce: Announce,
}

/// The sounds and numbers of an announcement with `&` between them: for a queue, from the place and the wait.
pub type Announce = Arc<dyn Fn(&str, Option<u32>, Option<Duration>) -> String + Send + Sync>;

/// What a caller is asked before a queue takes the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Menu {
    /// What is said first; a key cuts it short.
    pub prompt: String,
    /// How long each key is waited for, once all is said.
    pub timeout: Duration,
    /// How often it is asked, all told.
    pub attempts: u32,
    /// What is said after a key that means nothing here.
    pub invalid: Option<String>,
    /// What it takes.
    pub takes: Takes,
    /// What stands for no answer; none: nothing is told then.
    pub otherwise: Option<String>,
    /// Under which name the choice is told.
    pub data: String,
}

/// What a menu takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Takes {
    /// One key, and what it stands for.
    Choices(BTreeMap<char, String>),
    /// A number.
    Number {
        /// Of so many digits.
        digits: u8,
        /// Or of fewer, with `#` behind them.
        early: bool,
    },
}

impl Default for Spoken {
    /// Nothing is said.
    fn default() -> Self {
        Self {
            sounds: BTreeMap::new(),
            menus: BTreeMap::new(),
            queues: BTreeSet::new(),
            announce: Arc::new(|_, _, _| String::new()),
        }
    }
}

impl fmt::Debug for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sounds: Vec<_> = self.sounds.keys().collect();
        f.debug_struct("Spoken").field("sounds", &sounds).field("menus", &self.menus).finish_non_exhaustive()
    }
}

impl Spoken {
    /// What is heard of a prompt: sounds and numbers with `&` between them.
    pub(crate) fn clips(&self, prompt: &str) -> Vec<Clip> {
        let names = prompt.split('&').flat_map(|piece| match piece.parse() {
            Ok(number) => self.number(number),
            Err(_) => vec![piece.to_owned()],
        });
        names.filter_map(|name| Some(self.sounds.get(&name)?.as_ref().clone())).collect()
    }

    /// The sounds of a number: its own where there is one, else as English says it.
    fn number(&self, number: u32) -> Vec<String> {
        let own = format!("digits/{number}");
        if number < 20 || (number < 100 && number.is_multiple_of(10)) || self.sounds.contains_key(&own) {
            return vec![own];
        }
        let (unit, name) = match number {
            ..100 => (10, None),
            100..1_000 => (100, Some("digits/hundred")),
            1_000.. => (1_000, Some("digits/thousand")),
        };
        let rest = number % unit;
        let mut said = self.number(if name.is_some() { number / unit } else { number - rest });
        said.extend(name.map(str::to_owned));
        if rest > 0 {
            said.extend(self.number(rest));
        }
        said
    }
}

/// How long it takes to say these.
pub(crate) fn length(clips: &[Clip]) -> Duration {
    let samples: usize = clips.iter().map(Clip::samples).sum();
    Duration::from_micros(samples as u64 * 1_000_000 / u64::from(SAMPLE_RATE))
}

/// One caller in a menu.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) menu: Menu,
    left: u32,
    keys: String,
}

/// What follows a key, or its absence.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Follows {
    /// More keys are waited for.
    More,
    /// It is asked again; first what was wrong, where something was pressed.
    Again { wrong: bool },
    /// It is over, with this choice.
    Over(Option<String>),
}

impl Asking {
    pub(crate) fn new(menu: Menu) -> Self {
        Self { left: menu.attempts, menu, keys: String::new() }
    }

    /// A key was pressed.
    pub(crate) fn pressed(&mut self, key: char) -> Follows {
        match &self.menu.takes {
            Takes::Choices(choices) => match choices.get(&key) {
                Some(value) => Follows::Over(Some(value.clone())),
                None => self.again(true),
            },
            Takes::Number { early: true, .. } if key == '#' && !self.keys.is_empty() => self.chosen(),
            Takes::Number { .. } if key == '#' => self.again(true),
            Takes::Number { digits, .. } => {
                self.keys.push(key);
                if self.keys.len() >= usize::from(*digits) { self.chosen() } else { Follows::More }
            }
        }
    }

    /// No key came in time.
    pub(crate) fn silence(&mut self) -> Follows {
        let early = matches!(self.menu.takes, Takes::Number { early: true, .. });
        if early && !self.keys.is_empty() { self.chosen() } else { self.again(false) }
    }

    fn chosen(&mut self) -> Follows {
        Follows::Over(Some(std::mem::take(&mut self.keys)))
    }

    fn again(&mut self, wrong: bool) -> Follows {
        self.keys.clear();
        self.left = self.left.saturating_sub(1);
        if self.left == 0 { Follows::Over(self.menu.otherwise.clone()) } else { Follows::Again { wrong } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(names: &[&str]) -> Spoken {
        let clip = |at: usize| Arc::new(Clip::linear(&vec![0; 160 * (at + 1)]).unwrap());
        let sounds = names.iter().enumerate().map(|(at, name)| ((*name).to_owned(), clip(at))).collect();
        Spoken { sounds, ..Spoken::default() }
    }

    fn menu(takes: Takes) -> Asking {
        Asking::new(Menu {
            prompt: "hello".to_owned(),
            timeout: Duration::from_secs(5),
            attempts: 2,
            invalid: None,
            takes,
            otherwise: Some("nobody".to_owned()),
            data: "ivr.main".to_owned(),
        })
    }

    #[test]
    fn a_number_is_said_in_one_piece_where_there_is_one_else_as_in_english() {
        let english = spoken(&[]);
        assert_eq!(english.number(7), ["digits/7"]);
        assert_eq!(english.number(21), ["digits/20", "digits/1"]);
        assert_eq!(english.number(340), ["digits/3", "digits/hundred", "digits/40"]);
        assert_eq!(english.number(12_005), ["digits/12", "digits/thousand", "digits/5"]);
        assert_eq!(spoken(&["digits/21"]).number(121), ["digits/1", "digits/hundred", "digits/21"]);
    }

    #[test]
    fn sounds_that_are_not_there_are_passed_over() {
        let spoken = spoken(&["before", "digits/3", "after"]);
        let said: Vec<_> =
            spoken.clips("before&3&missing&after").iter().map(|clip| clip.samples() / 160).collect();
        assert_eq!(said, [1, 2, 3]);
        assert_eq!(length(&spoken.clips("before&3&after")), Duration::from_millis(120));
    }

    #[test]
    fn a_wrong_key_is_asked_again_and_counts_as_often_as_silence() {
        let mut asking = menu(Takes::Choices([('1', "sales".to_owned()), ('#', "hash".to_owned())].into()));
        assert_eq!(asking.pressed('9'), Follows::Again { wrong: true });
        assert_eq!(asking.pressed('#'), Follows::Over(Some("hash".to_owned())));
        let mut asking = menu(Takes::Choices([('1', "sales".to_owned())].into()));
        assert_eq!(asking.silence(), Follows::Again { wrong: false });
        assert_eq!(asking.silence(), Follows::Over(Some("nobody".to_owned())));
    }

    #[test]
    fn a_number_ends_with_its_last_digit_or_with_hash_where_fewer_will_do() {
        let pressed = |asking: &mut Asking, keys: &str| keys.chars().map(|key| asking.pressed(key)).last();
        let mut exact = menu(Takes::Number { digits: 4, early: false });
        assert_eq!(pressed(&mut exact, "47"), Some(Follows::More));
        assert_eq!(exact.silence(), Follows::Again { wrong: false }, "too few are none");
        assert_eq!(pressed(&mut exact, "4711"), Some(Follows::Over(Some("4711".to_owned()))));
        let mut early = menu(Takes::Number { digits: 8, early: true });
        assert_eq!(pressed(&mut early, "#"), Some(Follows::Again { wrong: true }));
        assert_eq!(pressed(&mut early, "47#"), Some(Follows::Over(Some("47".to_owned()))));
        assert_eq!(
            (early.pressed('5'), early.silence()),
            (Follows::More, Follows::Over(Some("5".to_owned())))
        );
    }
}
