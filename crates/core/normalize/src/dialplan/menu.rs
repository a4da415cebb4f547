//! A menu as dialplan: a prompt, then keys or a number, then back to the waiting room with what was chosen.

use std::{collections::BTreeMap, fmt};

use super::text::{DataKey, InvalidText, MenuName, Prompt, Value};

/// A menu of the dialplan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Menu {
    /// Its name.
    pub name: MenuName,
    /// What is said first. A key cuts it short.
    pub prompt: Prompt,
    /// How long each key is waited for, in seconds.
    pub timeout_s: u32,
    /// How often it is asked, all told.
    pub attempts: u32,
    /// What is said after a key that means nothing here.
    pub invalid: Option<Prompt>,
    /// What it takes.
    pub takes: Takes,
    /// What stands for no answer; none: nothing is attached then.
    pub otherwise: Option<Value>,
    /// Under which name the choice is attached.
    pub data: DataKey,
}

/// What a menu takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Takes {
    /// One key, and what it stands for.
    Choices(BTreeMap<Key, Value>),
    /// A number of at most so many digits. `#` ends it before; without `early`, fewer are no answer.
    Digits {
        /// At most.
        digits: u8,
        /// Fewer will do.
        early: bool,
    },
}

/// A key of a telephone: `0`–`9`, `*`, `#`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(char);

impl Key {
    /// The key with this on it.
    ///
    /// # Errors
    /// [`InvalidText`] when it is none.
    pub fn new(text: &str) -> Result<Self, InvalidText> {
        let mut keys = text.chars();
        match (keys.next(), keys.next()) {
            (Some(key @ ('0'..='9' | '*' | '#')), None) => Ok(Self(key)),
            _ => {
                Err(InvalidText::Form { what: "key", text: text.to_owned(), form: "one of 0 to 9, * and #" })
            }
        }
    }

    /// For labels: letters and digits.
    fn word(self) -> String {
        match self.0 {
            '*' => "star".to_owned(),
            '#' => "hash".to_owned(),
            digit => digit.to_string(),
        }
    }

    /// What must hold after `Read` for this key. It takes `#` for the end of the number, which is empty then.
    fn pressed(self) -> String {
        match self.0 {
            '#' => "\"${HS_KEY}\" = \"\" & \"${READSTATUS}\" = \"OK\"".to_owned(),
            key => format!("\"${{HS_KEY}}\" = \"{key}\""),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Menu {
    /// Its extension in the context of menus.
    pub(super) fn lines(&self) -> String {
        let Self { name, prompt, timeout_s, attempts, data, .. } = self;
        let longest = match &self.takes {
            Takes::Choices(_) => 1,
            Takes::Digits { digits, .. } => *digits,
        };
        let mut lines = format!(
            "; Menu {name}, into {data}.\n\
             exten => {exten},1,Set(HS_STATE=menu)\n \
             same => n,UserEvent(HookswitchMenu,Menu: {name})\n \
             same => n,Set(HS_LEFT={attempts})\n \
             same => n(ask),GotoIf($[${{EPOCH}} - 0${{HS_HEARTBEAT}} > 9]?hookswitch-fallback,s,1)\n \
             same => n,Read(HS_KEY,{prompt},{longest},,1,{timeout_s})\n",
            exten = name.exten(),
        );
        self.add_tests(&mut lines);
        lines.push_str(
            " same => n,Set(HS_LEFT=$[${HS_LEFT} - 1])\n same => n,GotoIf($[${HS_LEFT} < 1]?otherwise)\n",
        );
        if let Some(invalid) = &self.invalid {
            lines.push_str(&format!(
                " same => n,ExecIf($[\"${{HS_KEY}}${{READSTATUS}}\" != \"TIMEOUT\"]?Playback({invalid}))\n"
            ));
        }
        lines.push_str(" same => n,Goto(ask)\n");
        self.add_values(&mut lines);
        lines
    }

    /// Where each answer leads.
    fn add_tests(&self, lines: &mut String) {
        match &self.takes {
            Takes::Choices(choices) => {
                for key in choices.keys() {
                    lines.push_str(&format!(" same => n,GotoIf($[{}]?key{})\n", key.pressed(), key.word()));
                }
            }
            Takes::Digits { early: true, .. } => {
                lines.push_str(" same => n,GotoIf($[\"${HS_KEY}\" != \"\"]?number)\n");
            }
            Takes::Digits { digits, early: false } => {
                lines.push_str(&format!(" same => n,GotoIf($[${{LEN(${{HS_KEY}})}} = {digits}]?number)\n"));
            }
        }
    }

    /// What each answer stands for, and the way back. Attached by an event, and by a variable for a daemon that does not
    /// see the event.
    fn add_values(&self, lines: &mut String) {
        match &self.otherwise {
            Some(value) => lines
                .push_str(&format!(" same => n(otherwise),Set(HS_VALUE={value})\n same => n,Goto(chosen)\n")),
            None => lines.push_str(" same => n(otherwise),Goto(hookswitch-return,s,1)\n"),
        }
        match &self.takes {
            Takes::Choices(choices) => {
                for (key, value) in choices {
                    lines.push_str(&format!(
                        " same => n(key{}),Set(HS_VALUE={value})\n same => n,Goto(chosen)\n",
                        key.word()
                    ));
                }
            }
            Takes::Digits { .. } => lines.push_str(" same => n(number),Set(HS_VALUE=${HS_KEY})\n"),
        }
        let data = &self.data;
        lines.push_str(&format!(
            " same => n(chosen),Set(HS_DATA_{data}=${{HS_VALUE}})\n \
             same => n,UserEvent(HookswitchData,{data}: ${{HS_VALUE}})\n \
             same => n,Goto(hookswitch-return,s,1)\n"
        ));
    }
}
