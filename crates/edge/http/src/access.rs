//! Who may come in: tokens, roles, origins. No token's text is ever kept, compared as text, or logged.
//!
//! | role | reads | does |
//! | --- | --- | --- |
//! | `agent` | its own calls and pops, states of agents, figures of queues | its own state, pops, and everything with its own leg of a call |
//! | `crm` | everything but the configuration | data of calls, pops, and in the name of an agent what that agent could do with a call |
//! | `supervisor` | everything but the configuration | as `crm`; any agent's state and skills; supervise |
//! | `admin` | everything | everything |
//!
//! A token that may stand in an address (`in_url`) may only dial, by whatever way it comes: who reads it in a log has
//! read it, and could send it in a header.

use std::{collections::BTreeMap, fmt, net::IpAddr, sync::Arc};

use axum::http::{HeaderMap, header};
use hookswitch_config::{Alias, Role, ServerLimits};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use crate::{
    dial::Dialling, jwt::SingleSignOn, model::AgentId, problem::Problem, session::SessionKey,
    softphone::Softphone,
};

/// The longest token that is looked at, in bytes: a signed one with many claims has about 2,000.
const LONGEST_TOKEN: usize = 8_192;

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
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
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
    /// It may stand in `?access_token=` for long, and may only dial.
    pub in_url: bool,
    /// When it ends, in seconds since 1970: that of an identity provider. None: with the configuration.
    pub until: Option<u64>,
}

/// What HTTP knows of the running configuration. A reload replaces it whole.
#[derive(Clone, Default)]
pub struct Access {
    /// The tokens.
    pub tokens: Vec<Token>,
    /// Origins whose pages may call: scheme, host and port, compared exactly.
    pub allowed_origins: Vec<String>,
    /// Whose signed tokens are believed.
    pub single_sign_on: Option<Arc<SingleSignOn>>,
    /// How often one may ask.
    pub limits: ServerLimits,
    /// The agents, by the extensions that others dial.
    pub agents: BTreeMap<AgentId, Vec<String>>,
    /// The telephones in the browsers of agents.
    pub softphones: BTreeMap<AgentId, Softphone>,
    /// How numbers are read.
    pub dialling: Dialling,
    /// Routes that a CRM calls by names of its own.
    pub aliases: Vec<Alias>,
    /// Served by TLS; a change counts for the next connection.
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("tokens", &self.tokens)
            .field("allowed_origins", &self.allowed_origins)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

/// How a token came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// In the `Authorization` header.
    Header,
    /// As a short-lived token made by `POST /v1/session`.
    Session,
    /// In the address, as only a token with `in_url` may.
    Address,
}

/// A token that was recognised.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) token: Token,
    pub(crate) way: Way,
    /// When what was shown expires, in seconds since 1970; none: with the configuration.
    pub(crate) until: Option<u64>,
    /// Where the request came from.
    pub(crate) peer: Option<IpAddr>,
}

impl Grant {
    /// Whether it may dial and do nothing else.
    pub(crate) const fn only_dials(&self) -> bool {
        self.token.in_url
    }

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

    /// Recognises whose token this is.
    pub(crate) async fn recognise(
        &self,
        sessions: &SessionKey,
        (text, way): (&str, Way),
        now: u64,
    ) -> Result<Grant, Problem> {
        if text.len() > LONGEST_TOKEN {
            return Err(Problem::unauthenticated("no token is that long"));
        }
        if let Some((token, until)) = sessions.verify(self, text, now) {
            return Ok(Grant { until: Some(until), ..granted(token, Way::Session)? });
        }
        match self.find(text) {
            Some(token) if way == Way::Header || token.in_url => return granted(token.clone(), way),
            // The same answer for a wrong token and a right one in the wrong place: an address ends up in logs, and
            // whoever reads it there must not learn that it was worth something.
            Some(_) => return Err(unknown_token()),
            None => {}
        }
        match &self.single_sign_on {
            Some(provider) if way == Way::Header && SingleSignOn::is_meant(text) => {
                granted(provider.verify(text, now, &self.agents).await?, way)
            }
            _ => Err(unknown_token()),
        }
    }

    /// Whether what a stream was opened with still holds, its time apart: the token is in the configuration, or its
    /// provider is believed.
    pub(crate) fn still_holds(&self, token: &Token) -> bool {
        if token.until.is_some() {
            let known = token.agent.as_ref().is_some_and(|agent| self.agents.contains_key(agent));
            return known && self.single_sign_on.is_some();
        }
        self.tokens.iter().any(|now| {
            now.hash == token.hash
                && now.role == token.role
                && now.agent == token.agent
                && now.name == token.name
                && now.in_url == token.in_url
        })
    }

    /// The agent of this id, or with this extension.
    pub(crate) fn agent(&self, text: &str) -> Option<&AgentId> {
        let by_id = self.agents.keys().find(|id| id.as_str() == text);
        by_id.or_else(|| {
            let owns = |(_, extensions): &(&AgentId, &Vec<String>)| extensions.iter().any(|one| one == text);
            self.agents.iter().find(owns).map(|(id, _)| id)
        })
    }
}

fn unknown_token() -> Problem {
    Problem::unauthenticated("the token is not known or has expired")
}

/// The token a request shows, in the `Authorization` header or, where that is missing, in `?access_token=`.
pub(crate) fn shown(headers: &HeaderMap, query: Option<&str>) -> Result<(String, Way), Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        let text = in_query(query);
        return text
            .map(|text| (text, Way::Address))
            .ok_or_else(|| Problem::unauthenticated("no Authorization header came with the request"));
    };
    match value.to_str().unwrap_or_default().split_once(' ') {
        Some((scheme, text)) if scheme.eq_ignore_ascii_case("bearer") && values.next().is_none() => {
            Ok((text.trim().to_owned(), Way::Header))
        }
        _ => Err(Problem::unauthenticated("the Authorization header is not one `Bearer <token>`")),
    }
}

fn granted(token: Token, way: Way) -> Result<Grant, Problem> {
    if token.role == Role::Agent && token.agent.is_none() {
        return Err(Problem::forbidden(format!(
            "token {:?} has the role agent but names no agent; hint: add `agent = \"...\"` to it",
            token.name
        )));
    }
    Ok(Grant { until: token.until, token, way, peer: None })
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
        let hash = TokenHash::of(text);
        Token { name: name.into(), role: Role::Crm, agent: None, hash, in_url: false, until: None }
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
