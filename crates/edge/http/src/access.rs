//! Who may come in: tokens, roles, origins. No token's text is ever kept, compared as text, or logged.
//!
//! | role | reads | does |
//! | --- | --- | --- |
//! | `agent` | its own calls and pops, states of agents, figures of queues | its own state, data of its own calls, its own pops |
//! | `crm` | everything but the configuration | data of calls, pops |
//! | `supervisor` | everything but the configuration | as `crm`, and any agent's state |
//! | `admin` | everything | everything |

use std::{fmt, sync::Arc};

use axum::http::{HeaderMap, header};
use hookswitch_config::Role;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use crate::{model::AgentId, problem::Problem, session::SessionKey};

/// The name of a role in the contract.
pub(crate) const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Agent => "agent",
        Role::Crm => "crm",
        Role::Supervisor => "supervisor",
        Role::Admin => "admin",
    }
}

/// The SHA-256 of a token's text: all that is kept of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

/// A `hash` that is not `sha256:` and 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not `sha256:` and 64 hexadecimal digits; hint: `hookswitch token create` prints it")]
pub struct InvalidHash;

impl TokenHash {
    /// The hash of this text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Reads the configuration's form, `sha256:<hex>`.
    ///
    /// # Errors
    /// [`InvalidHash`] when it is something else.
    pub fn parse(text: &str) -> Result<Self, InvalidHash> {
        let hex = text.strip_prefix("sha256:").ok_or(InvalidHash)?.as_bytes();
        let mut hash = [0; 32];
        if hex.len() != 2 * hash.len() {
            return Err(InvalidHash);
        }
        for (byte, pair) in hash.iter_mut().zip(hex.chunks_exact(2)) {
            let digit =
                |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok()).ok_or(InvalidHash);
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(hash))
    }

    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    /// Only the first bytes: enough to tell two apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{:02x}{:02x}…", self.0[0], self.0[1])
    }
}

/// One `[[token]]` of the configuration.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its name: in the access log, in `by` of events.
    pub name: Arc<str>,
    /// What it may do.
    pub role: Role,
    /// The agent it belongs to; a token of role agent without one may do nothing.
    pub agent: Option<AgentId>,
    /// The hash of its text.
    pub hash: TokenHash,
    /// It may stand in `?access_token=` for long, and may then only dial.
    pub in_url: bool,
}

/// Tokens and origins of the running configuration. A reload replaces it whole.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// The tokens.
    pub tokens: Vec<Token>,
    /// Origins whose pages may call: scheme, host and port, compared exactly.
    pub allowed_origins: Vec<String>,
}

/// How a token came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// In the `Authorization` header.
    Header,
    /// As a short-lived token made by `POST /v1/session`.
    Session,
    /// A token of the configuration in the address: it may only dial.
    Address,
}

/// A token that was recognised.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) token: Token,
    pub(crate) way: Way,
}

impl Grant {
    /// Whose calls it may see; none: everybody's.
    pub(crate) fn scope(&self) -> Option<&AgentId> {
        match self.token.role {
            Role::Agent => self.token.agent.as_ref(),
            Role::Crm | Role::Supervisor | Role::Admin => None,
        }
    }
}

impl Access {
    /// The token with this text. Every token is compared, in constant time, so that neither the place of a token in
    /// the file nor a shared beginning shows in the time taken.
    fn find(&self, text: &str) -> Option<&Token> {
        let hash = TokenHash::of(text);
        self.select(|token| token.hash.0.ct_eq(&hash.0))
    }

    /// The token that `matches`, chosen without a branch on the way.
    pub(crate) fn select(&self, matches: impl Fn(&Token) -> Choice) -> Option<&Token> {
        let mut found = u64::MAX;
        for (place, token) in (0u64..).zip(&self.tokens) {
            found.conditional_assign(&place, matches(token));
        }
        usize::try_from(found).ok().and_then(|place| self.tokens.get(place))
    }

    /// Recognises who calls, from the `Authorization` header or, where that is missing, `?access_token=`.
    pub(crate) fn recognise(
        &self,
        sessions: &SessionKey,
        headers: &HeaderMap,
        query: Option<&str>,
        now: u64,
    ) -> Result<Grant, Problem> {
        let (text, way) = match headers.get(header::AUTHORIZATION) {
            Some(value) => {
                let value = value.to_str().unwrap_or_default();
                match value.split_once(' ') {
                    Some((scheme, text)) if scheme.eq_ignore_ascii_case("bearer") => {
                        (text.trim().to_owned(), Way::Header)
                    }
                    _ => {
                        return Err(Problem::unauthenticated(
                            "the Authorization header is not `Bearer <token>`",
                        ));
                    }
                }
            }
            None => match in_query(query) {
                Some(text) => (text, Way::Address),
                None => {
                    return Err(Problem::unauthenticated("no Authorization header came with the request"));
                }
            },
        };
        if let Some(token) = sessions.verify(self, &text, now) {
            return granted(token.clone(), Way::Session);
        }
        match self.find(&text) {
            Some(token) if way == Way::Header || token.in_url => granted(token.clone(), way),
            // The same answer for a wrong token and a right one in the wrong place: an address ends up in logs, and
            // whoever reads it there must not learn that it was worth something.
            _ => Err(Problem::unauthenticated("the token is not known or has expired")),
        }
    }

    /// Whether the token a stream was opened with is still in the configuration.
    pub(crate) fn still_holds(&self, token: &Token) -> bool {
        self.tokens.iter().any(|now| {
            now.hash == token.hash
                && now.role == token.role
                && now.agent == token.agent
                && now.name == token.name
        })
    }
}

fn granted(token: Token, way: Way) -> Result<Grant, Problem> {
    if token.role == Role::Agent && token.agent.is_none() {
        return Err(Problem::forbidden(format!(
            "token {:?} has the role agent but names no agent; hint: add `agent = \"...\"` to it",
            token.name
        )));
    }
    Ok(Grant { token, way })
}

/// The value of `access_token` in a query string.
fn in_query(query: Option<&str>) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Query {
        access_token: Option<String>,
    }
    let uri = axum::http::Uri::builder().path_and_query(format!("/?{}", query?)).build().ok()?;
    axum::extract::Query::<Query>::try_from_uri(&uri).ok()?.0.access_token
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(name: &str, text: &str) -> Token {
        Token { name: name.into(), role: Role::Crm, agent: None, hash: TokenHash::of(text), in_url: false }
    }

    #[test]
    fn the_hash_of_the_configuration_is_the_hash_of_the_text() {
        let written = "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        assert_eq!(TokenHash::parse(written), Ok(TokenHash::of("secret")));
        assert_eq!(
            TokenHash::parse(&written.to_uppercase().replace("SHA256", "sha256")),
            Ok(TokenHash::of("secret"))
        );
        for wrong in
            ["", "sha256:", "2bb8", &written[..70], &written.replace('2', "g"), &written.replace("2b", "+b")]
        {
            assert_eq!(TokenHash::parse(wrong), Err(InvalidHash), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_found_by_its_whole_text_wherever_it_stands() {
        let access = Access {
            tokens: vec![token("a", "one"), token("b", "two"), token("c", "three")],
            ..Access::default()
        };
        for (text, name) in [("one", "a"), ("two", "b"), ("three", "c")] {
            assert_eq!(access.find(text).map(|t| &*t.name), Some(name));
        }
        for wrong in ["", "on", "onee", "One", "four"] {
            assert!(access.find(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn a_hash_prints_without_being_usable() {
        assert_eq!(format!("{:?}", TokenHash::of("secret")), "sha256:2bb8…");
    }
}
