//! Single sign-on: signed tokens (JWT, RFC 7519) of an identity provider, checked by its published keys (RFC 7517).
//!
//! What is believed, and nothing else (RFC 8725):
//!
//! - `alg` is `RS256`, `ES256` or `EdDSA`, and is the one that the chosen key is for: a key is never used with another
//!   algorithm, whatever the token says. `none` and HMAC do not exist here.
//! - The key is one of the configured set. `jwk`, `jku`, `x5u` and `x5c` in a token are not looked at, `kid` only
//!   compares; a token with `crit` is refused.
//! - `iss` and `aud` are the configured ones; `exp` must be there and `nbf` is kept, by the clock, 30 s to either side.
//! - The agent's claim names an agent of the configuration; the token then has the role agent, never another.
//!
//! Formats are the matter of `jsonwebtoken`, signatures that of `ring`, which TLS brings anyway.

mod keys;
mod signature;

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hookswitch_config::Jwt;
use jsonwebtoken::{Algorithm, Validation, errors::ErrorKind};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{access::Token, model::AgentId, problem::Problem};
use keys::Keys;

/// How far the provider's clock and ours may differ, in seconds.
const LEEWAY_S: u64 = 30;
/// The longest name of a user that is kept, in bytes; a longer one is cut.
const LONGEST_NAME: usize = 100;

/// An identity provider whose signed tokens are believed.
#[derive(Debug)]
pub struct SingleSignOn {
    issuer: String,
    audience: String,
    agent_claim: String,
    keys: Keys,
}

/// Why a signed token is not believed. It is told: whoever has such a token can read it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Forged {
    #[error("it is not three parts of base64url with JSON inside")]
    Malformed,
    #[error("its algorithm is not RS256, ES256 or EdDSA")]
    Algorithm,
    #[error("it has critical extensions, and none is known here")]
    Critical,
    #[error("its key is not among the provider's")]
    Key,
    #[error("the provider's keys cannot be had")]
    NoKeys,
    #[error("the signature, the issuer or the audience is wrong")]
    NotTheirs,
    #[error("it has expired, or has no exp")]
    Expired,
    #[error("it is not valid yet")]
    Early,
    #[error("the claim with the agent is missing or no name")]
    Nobody,
}

impl From<Forged> for Problem {
    fn from(why: Forged) -> Self {
        Self::unauthenticated(&format!("the signed token is refused: {why}"))
    }
}

/// The header, as far as it is looked at.
#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

impl SingleSignOn {
    /// A provider; its keys are fetched when the first token comes. `fetch_time`: how long that may take.
    #[must_use]
    pub fn new(settings: &Jwt, fetch_time: Duration) -> Self {
        signature::install();
        Self {
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            agent_claim: settings.agent_claim.clone(),
            keys: Keys::new(settings.jwks.clone(), fetch_time),
        }
    }

    /// Whether a text looks like a signed token.
    pub(crate) fn is_meant(text: &str) -> bool {
        text.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    /// The token as one of ours.
    ///
    /// # Errors
    /// `401` when it is not to be believed, `403` when it is, but belongs to no agent of the configuration.
    pub(crate) async fn verify(
        &self,
        text: &str,
        now: u64,
        agents: &BTreeMap<AgentId, Vec<String>>,
    ) -> Result<Token, Problem> {
        let claims = self.claims(text, now).await?;
        let until = times(&claims, now)?;
        let agent = claims.get(&self.agent_claim).and_then(Value::as_str).ok_or(Forged::Nobody)?;
        let agent = AgentId::new(agent).map_err(|_| Forged::Nobody)?;
        if !agents.contains_key(&agent) {
            return Err(Problem::forbidden(format!("the signed token names no agent of ours: {agent}")));
        }
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or(agent.as_str());
        let name: String = subject.chars().filter(|c| !c.is_control()).collect();
        let name = &name[..name.floor_char_boundary(LONGEST_NAME)];
        Ok(Token::of_single_sign_on(name, agent, until))
    }

    /// What a token says, if the provider signed it for us.
    async fn claims(&self, text: &str, now: u64) -> Result<Map<String, Value>, Forged> {
        let head = text.split('.').next().unwrap_or_default();
        let head = URL_SAFE_NO_PAD.decode(head).map_err(|_| Forged::Malformed)?;
        let head: Head = serde_json::from_slice(&head).map_err(|_| Forged::Malformed)?;
        let algorithm = match &*head.alg {
            "RS256" => Algorithm::RS256,
            "ES256" => Algorithm::ES256,
            "EdDSA" => Algorithm::EdDSA,
            _ => return Err(Forged::Algorithm),
        };
        if head.crit.is_some() {
            return Err(Forged::Critical);
        }
        let key = self.keys.find(head.kid.as_deref(), algorithm, now).await?;
        let mut validation = Validation::new(algorithm);
        validation.algorithms = vec![algorithm];
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // Times are compared here: the clock is an input.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        jsonwebtoken::decode(text, &key, &validation).map(|data| data.claims).map_err(|error| {
            tracing::debug!(%error, "a signed token was refused");
            let no_exp = ErrorKind::MissingRequiredClaim("exp".to_owned());
            if *error.kind() == no_exp { Forged::Expired } else { Forged::NotTheirs }
        })
    }
}

/// Checks `exp`, `nbf` and `iat`; gives when the token ends.
fn times(claims: &Map<String, Value>, now: u64) -> Result<u64, Forged> {
    let until = claims.get("exp").and_then(seconds).ok_or(Forged::Expired)?;
    if now >= until.saturating_add(LEEWAY_S) {
        return Err(Forged::Expired);
    }
    for name in ["nbf", "iat"] {
        let Some(value) = claims.get(name) else { continue };
        let from = seconds(value).ok_or(Forged::Early)?;
        if from > now.saturating_add(LEEWAY_S) {
            return Err(Forged::Early);
        }
    }
    Ok(until.saturating_add(LEEWAY_S))
}

/// A NumericDate (RFC 7519 section 2): seconds, maybe with a fraction; never text, never negative.
fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let seconds = value.as_f64().filter(|seconds| (0.0..1e15).contains(seconds))?;
        Some(seconds as u64)
    })
}
