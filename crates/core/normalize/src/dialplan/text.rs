//! Texts that may stand in a dialplan line or in a variable that a dialplan line uses.
//!
//! Dialplan has no quoting that holds everywhere: a comma begins the next argument, `;` a comment, `${` and `$[` are
//! evaluated, a parenthesis ends the application. So nothing is escaped; what holds such a character is refused.

use std::fmt;

/// Why a text may not stand in a dialplan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Nothing was given.
    #[error("an empty {what}")]
    Empty {
        /// What it should have been.
        what: &'static str,
    },
    /// Longer than 256 bytes.
    #[error("a {what} of {length} bytes, at most 256 are allowed")]
    TooLong {
        /// What it should have been.
        what: &'static str,
        /// How long it is.
        length: usize,
    },
    /// A character that a dialplan would read as syntax.
    #[error("the character {character:?} in the {what} {text:?}")]
    Character {
        /// What it should have been.
        what: &'static str,
        /// The whole text.
        text: String,
        /// The first character that is not allowed.
        character: char,
    },
    /// Not of the form it must have.
    #[error("{text:?} is no {what}, which is {form}")]
    Form {
        /// What it should have been.
        what: &'static str,
        /// The whole text.
        text: String,
        /// The form, for people.
        form: &'static str,
    },
}

/// Longest text: an AMI line has 1022 bytes, and several of these may share one.
const MAX_LENGTH: usize = 256;

/// What a kind of text must be.
struct Kind {
    what: &'static str,
    /// Beside ASCII letters and digits.
    allowed: &'static str,
    form: fn(&str) -> bool,
    form_for_people: &'static str,
}

fn check(kind: &Kind, text: &str) -> Result<(), InvalidText> {
    let what = kind.what;
    if text.is_empty() {
        return Err(InvalidText::Empty { what });
    }
    if text.len() > MAX_LENGTH {
        return Err(InvalidText::TooLong { what, length: text.len() });
    }
    if let Some(character) = text.chars().find(|c| !(c.is_ascii_alphanumeric() || kind.allowed.contains(*c)))
    {
        return Err(InvalidText::Character { what, text: text.to_owned(), character });
    }
    if !(kind.form)(text) {
        return Err(InvalidText::Form { what, text: text.to_owned(), form: kind.form_for_people });
    }
    Ok(())
}

fn any(_: &str) -> bool {
    true
}

fn no_pattern(text: &str) -> bool {
    !text.starts_with('_')
}

fn technology_and_name(text: &str) -> bool {
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
    text.split_once('/')
        .is_some_and(|(technology, name)| word(technology) && name.bytes().any(|b| b.is_ascii_alphanumeric()))
}

/// A to D are tones, too.
fn dialled(text: &str) -> bool {
    text.bytes().all(|b| !b.is_ascii_alphabetic() || matches!(b, b'A'..=b'D'))
}

/// Sound names with `&` between them. A bare number would be taken for one that is to be said.
fn sounds(text: &str) -> bool {
    text.split('&').all(|sound| sound.bytes().any(|b| !b.is_ascii_digit()))
}

/// How names of data are compared is not the same everywhere: Asterisk keeps the case, the events are lower-case.
fn lower_case(text: &str) -> bool {
    !text.bytes().any(|b| b.is_ascii_uppercase())
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $allowed:literal, $form:ident, $people:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            const KIND: Kind = Kind { what: $what, allowed: $allowed, form: $form, form_for_people: $people };

            /// The text, checked.
            ///
            /// # Errors
            /// [`InvalidText`] when it is empty, too long, or holds anything a dialplan would read as syntax.
            pub fn new(text: &str) -> Result<Self, InvalidText> {
                check(&Self::KIND, text)?;
                Ok(Self(text.to_owned()))
            }

            /// The text of it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text!(/** A context: `from-internal`. */ Context, "context", "-_.", any, "a name");
text!(
    /** What is dialled in a context: a number or a name, never a pattern. */
    Exten, "extension", "*#+-._", no_pattern, "a number or a name, without an underscore before it"
);
text!(/** A priority of an extension: a number or a label. */ Priority, "priority", "-_", any, "a number or a label");
text!(/** A class of `musiconhold.conf`. */ MusicClass, "music class", "-_.", any, "a name");
text!(
    /** What `Dial` can ring, one device: `PJSIP/1001`, `Local/600@from-internal/n`. */
    Device, "device", "/@:._-+*#=", technology_and_name, "technology, slash, name, as in PJSIP/1001"
);
text!(/** The name of an AMI user. */ UserName, "user name", "-_.", any, "a name");
text!(
    /** A channel, by its Uniqueid or its name: `1795288742.51`, `PJSIP/1001-0000003b`, `Local/600@internal-01;1`. */
    Reference, "reference", "/@:._-+*#;=", any, "a channel's Uniqueid or name"
);
text!(/** A number that is shown, or tones: digits, `+`, `*`, `#`. */ Digits, "number", "*#+", dialled, "digits");
text!(
    /** Sounds of the PBX, one after the other: `welcome&sales-or-support`. */
    Prompt, "prompt", "-_/.&", sounds, "names of sounds with & between them, none a number alone"
);
text!(/** A menu: `main`. */ MenuName, "menu name", "-_.", any, "a name");
text!(/** What a key stands for in the attached data: `sales`. */ Value, "value", "-_./+@*#", any, "a word");
text!(
    /** The name of attached data: `ivr.main`. */
    DataKey, "name of data", "-_.", lower_case, "in lower case"
);

impl Prompt {
    /// One of those that come with Asterisk.
    pub(crate) fn of_asterisk(name: &'static str) -> Self {
        Self(name.to_owned())
    }
}

impl MenuName {
    /// Its extension in the context of menus.
    pub(crate) fn exten(&self) -> String {
        format!("menu-{}", self.0)
    }
}
