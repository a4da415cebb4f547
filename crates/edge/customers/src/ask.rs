//! A question, and what templates see of it.

use std::collections::BTreeMap;

use hookswitch_wire::{
    model::{
        AgentId,
        call::{Call, PartyNumber},
    },
    object,
};
use serde::Serialize;

/// Whose number is this?
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The customer's number: of the caller, or of the far end of an outbound call.
    pub number: PartyNumber,
    /// The call it is asked for; none when a PBX only wants a name.
    pub call: Option<Box<Call>>,
    /// Who talked with this number last, where that is known.
    pub last_agent: Option<AgentId>,
}

impl Asked {
    /// A number outside any call.
    #[must_use]
    pub fn number(raw: &str, e164: Option<&str>) -> Self {
        let e164 = e164.map(str::to_owned);
        let number = PartyNumber { raw: raw.to_owned(), e164, withheld: false, name: None };
        Self { number, call: None, last_agent: None }
    }
}

/// What the templates of a request may use: `ani` is the customer's number whoever dialled it.
#[derive(Serialize)]
pub(crate) struct Context<'a> {
    ani: object::Ani<'a>,
    dnis: object::Dnis<'a>,
    data: &'a BTreeMap<String, String>,
    call: Option<object::Call<'a>>,
}

/// Of a question without a call.
static NO_DATA: BTreeMap<String, String> = BTreeMap::new();

impl<'a> From<&'a Asked> for Context<'a> {
    fn from(asked: &'a Asked) -> Self {
        let call = asked.call.as_deref();
        Self {
            ani: object::Ani::from(&asked.number),
            dnis: object::Dnis {
                raw: call.map_or("", |call| &call.dnis.raw).into(),
                e164: call.and_then(|call| call.dnis.e164.as_deref()).map(Into::into),
            },
            data: call.map_or(&NO_DATA, |call| &call.data),
            call: call.map(object::Call::from),
        }
    }
}
