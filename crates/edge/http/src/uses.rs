//! When tokens were last shown: what an administrator looks at before taking one out of the configuration.
//!
//! Kept in memory since the start of the server, of tokens of the configuration only: so its size is bounded, and nothing
//! is written to a disk for every request.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    access::{Token, TokenHash},
    model::Timestamp,
};

/// How often a token was shown, and when last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) last: Timestamp,
    pub(crate) requests: u64,
}

/// Of each token.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<HashMap<TokenHash, Use>>);

impl Uses {
    /// A token was shown. One of an identity provider is another each time, and not kept in mind.
    pub(crate) fn note(&self, token: &Token, now: Timestamp) {
        if token.until.is_some() {
            return;
        }
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let used = uses.entry(token.hash).or_insert(Use { last: now, requests: 0 });
        used.last = used.last.max(now);
        used.requests += 1;
    }

    /// Of these tokens, in their order; others are forgotten.
    pub(crate) fn of(&self, tokens: &[Token]) -> Vec<Option<Use>> {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uses.retain(|hash, _| tokens.iter().any(|token| token.hash == *hash));
        tokens.iter().map(|token| uses.get(&token.hash).copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use hookswitch_config::Role;

    use super::*;

    fn token(text: &str, until: Option<u64>) -> Token {
        let hash = TokenHash::of(text);
        Token { name: text.into(), role: Role::Crm, agent: None, hash, in_url: false, until }
    }

    #[test]
    fn the_last_use_is_the_latest_and_only_of_tokens_there_are() {
        let (uses, at) = (Uses::default(), Timestamp::from_millis);
        let (crm, gone, signed) = (token("crm", None), token("gone", None), token("signed", Some(9)));
        for (token, when) in [(&crm, 5), (&gone, 6), (&crm, 9), (&crm, 7), (&signed, 8)] {
            uses.note(token, at(when));
        }
        let unused = token("unused", None);
        let now = [unused, crm, signed];
        assert_eq!(uses.of(&now), [None, Some(Use { last: at(9), requests: 3 }), None]);
        assert_eq!(uses.of(&[gone]), [None], "it was forgotten when it was not there");
    }
}
