//! The file of a preset, as TOML has it; nothing in it is compiled yet.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, Visitor},
};
use toml::{Spanned, Value};

/// A text of the file with its place.
pub(super) type Text = Spanned<String>;

/// See `docs/presets.md`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// What people call it.
    pub(super) title: String,
    /// Which calls are told at all, an expression.
    #[serde(default = "every_call")]
    pub(super) calls: Text,
    /// The id a call is told under; it may change with `part`.
    #[serde(default = "own_id")]
    pub(super) call_id: Text,
    /// What the receiver calls an agent.
    #[serde(default = "agent_name")]
    pub(super) user: Text,
    /// How long an offer waits for others that ring with it.
    #[serde(default)]
    pub(super) gather_ms: u64,
    #[serde(default)]
    pub(super) answers: Answers,
    #[serde(default)]
    pub(super) numbers: Numbers,
    #[serde(default)]
    pub(super) request: Shape,
    /// What the configuration gives under `values`.
    #[serde(default)]
    pub(super) values: BTreeMap<String, Given>,
    /// Tables of words: ours to the receiver's, `else` for all others.
    #[serde(default)]
    pub(super) words: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) sign: Option<Sign>,
    /// The word before a token of OAuth 2, where it is not `Bearer`.
    pub(super) token_scheme: Option<String>,
    /// What the screen opens, where the configuration says nothing.
    #[serde(default)]
    pub(super) pop: Pop,
    #[serde(default)]
    pub(super) message: Vec<Message>,
}

/// What the receiver's answers mean, in CEL.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answers {
    /// A 2xx was taken.
    pub(super) ok_if: Option<Text>,
    /// It has this already, whatever the status.
    pub(super) taken_if: Option<Text>,
    /// It will never take this, whatever the status.
    pub(super) refused_if: Option<Text>,
    /// It says 2xx also when it refuses.
    #[serde(default)]
    pub(super) always_2xx: bool,
}

/// How numbers are written, where a field does not say.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Numbers {
    #[serde(rename = "as")]
    pub(super) form: Option<NumberForm>,
    pub(super) withheld: Option<String>,
}

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum NumberForm {
    /// With the plus sign, where it can be told; else as dialled.
    E164,
    /// The same without the plus sign.
    Digits,
    /// As it is dialled at home.
    National,
    /// As the PBX has it.
    Dialled,
}

/// What all requests have, where a message does not say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shape {
    pub(super) method: Option<String>,
    pub(super) url: Option<Text>,
    pub(super) body: Option<BodyKind>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Text>,
    /// Fields of every message, before its own.
    #[serde(default)]
    pub(super) fields: Ordered<Spanned<Value>>,
    /// Fields that are empty are written, too.
    #[serde(default)]
    pub(super) keep_empty: bool,
}

/// Where fields are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum BodyKind {
    Json,
    Form,
    Query,
}

/// A value the configuration gives.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    /// What it is, for the hint where it is missing.
    pub(super) about: String,
    /// Without it the value must be given.
    pub(super) default: Option<String>,
}

/// How requests are signed with the webhook's secret.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sign {
    pub(super) hmac: Algorithm,
    /// What is signed, a template over `fields` and `body`.
    pub(super) over: Text,
    #[serde(default)]
    pub(super) encoding: Encoding,
    /// The header that carries it.
    pub(super) header: String,
    /// What stands before it there.
    #[serde(default)]
    pub(super) prefix: String,
}

/// The hash of an HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Encoding {
    #[default]
    Hex,
    Base64,
    /// Base64 of the text in hex.
    Base64OfHex,
}

/// Pages for `crm.pop`; `{{ url }}` is the webhook's.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pop {
    pub(super) one: Option<String>,
    pub(super) many: Option<String>,
    pub(super) none: Option<String>,
}

/// One message of the receiver's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    pub(super) name: Text,
    /// Types of events.
    pub(super) on: Vec<String>,
    pub(super) when: Option<Text>,
    pub(super) phase: Option<Phase>,
    #[serde(default)]
    pub(super) per: Per,
    pub(super) method: Option<String>,
    pub(super) url: Option<Text>,
    pub(super) body: Option<BodyKind>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Text>,
    #[serde(default)]
    pub(super) fields: Ordered<Spanned<Value>>,
    #[serde(default)]
    pub(super) answers: Answers,
    /// Variables of the call, each by its place in the JSON of the answer.
    #[serde(default)]
    pub(super) capture: BTreeMap<String, String>,
}

/// What a message is in the course of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    /// The call is there. Told before anything else of it, once.
    Start,
    /// Something about it.
    Update,
    /// Somebody talks.
    Answer,
    /// It is over; nothing follows.
    End,
    /// It is over for the receiver and goes on as another part, which begins anew.
    Move,
}

/// How often a message is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Per {
    /// Once a call (each part of it).
    #[default]
    Call,
    /// Once for each agent.
    Agent,
    /// With each event.
    Event,
}

/// A table whose order counts.
#[derive(Debug)]
pub(super) struct Ordered<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
            type Value = Ordered<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Ordered(pairs))
            }
        }

        deserializer.deserialize_map(Pairs(PhantomData))
    }
}

fn every_call() -> Text {
    Spanned::new(0..0, "call.direction != 'internal'".to_owned())
}

fn own_id() -> Text {
    Spanned::new(0..0, "{{ call.id }}".to_owned())
}

fn agent_name() -> Text {
    Spanned::new(0..0, "{{ agent.name }}".to_owned())
}
