//! Short-lived access tokens for browsers, which can send no header when they open a WebSocket or an event stream.
//!
//! A session token is signed, not stored: there is nothing to fill up, and nothing to lose but on a restart, when the
//! page makes a new one. It names its token by the hash, so that removing the token from the configuration ends its
//! sessions too. A session of single sign-on names the agent and the user instead, and ends with the signed token that
//! it was made with.
//!
//! ```text
//! hss_ base64url( expires: u64 be, seconds since 1970 | SHA-256 of the token's hash, first 16 bytes | HMAC-SHA256 )
//! hsj_ base64url( expires: u64 be | length of the agent's id: u8 | agent's id | user's name | HMAC-SHA256 )
//! ```

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use hookswitch_config::Role;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{
    access::{Access, Token, TokenHash},
    model::AgentId,
};

/// How long a session token opens doors, in seconds. A stream that it opened ends with it.
pub(crate) const LIFETIME_S: u64 = 300;

const PREFIX: &str = "hss_";
const PREFIX_OF_SINGLE_SIGN_ON: &str = "hsj_";
const SIGNED: usize = 8 + 16;
const SIGNATURE: usize = 32;
const WHOLE: usize = SIGNED + SIGNATURE;

/// The key that signs session tokens; drawn at each start.
#[derive(Clone)]
pub(crate) struct SessionKey([u8; 32]);

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(…)")
    }
}

impl SessionKey {
    pub(crate) const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// A session token for `token` that expires [`LIFETIME_S`] after `now` (seconds since 1970), or with the token.
    pub(crate) fn issue(&self, token: &Token, now: u64) -> String {
        let mut bytes = Vec::with_capacity(WHOLE);
        let expires = (now + LIFETIME_S).min(token.until.unwrap_or(u64::MAX));
        bytes.extend(expires.to_be_bytes());
        let prefix = match (&token.until, &token.agent) {
            (Some(_), Some(agent)) => {
                // The name of an agent has at most 64 bytes.
                bytes.push(u8::try_from(agent.as_str().len()).unwrap_or(u8::MAX));
                bytes.extend(agent.as_str().bytes());
                bytes.extend(token.name.bytes());
                PREFIX_OF_SINGLE_SIGN_ON
            }
            _ => {
                bytes.extend(identity(token));
                PREFIX
            }
        };
        let signature = self.signer(prefix, &bytes).finalize().into_bytes();
        bytes.extend(signature);
        format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The token a session token stands for, and when it expires; if we signed it, it has not expired and the token still
    /// exists.
    pub(crate) fn verify(&self, access: &Access, text: &str, now: u64) -> Option<(Token, u64)> {
        let (prefix, rest) = [PREFIX, PREFIX_OF_SINGLE_SIGN_ON]
            .into_iter()
            .find_map(|prefix| Some((prefix, text.strip_prefix(prefix)?)))?;
        let bytes = URL_SAFE_NO_PAD.decode(rest).ok()?;
        let (signed, signature) = bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE)?)?;
        self.signer(prefix, signed).verify_slice(signature).ok()?;
        let (expires, id) = signed.split_at_checked(8)?;
        let expires = u64::from_be_bytes(expires.try_into().ok()?);
        if now >= expires {
            return None;
        }
        if prefix == PREFIX {
            return access
                .select(|token| identity(token)[..].ct_eq(id))
                .cloned()
                .map(|token| (token, expires));
        }
        access.single_sign_on.as_ref()?;
        let (length, id) = id.split_first()?;
        let (agent, name) = id.split_at_checked(usize::from(*length))?;
        let agent = AgentId::new(std::str::from_utf8(agent).ok()?).ok()?;
        let known = access.agents.contains_key(&agent);
        let token = Token::of_single_sign_on(std::str::from_utf8(name).ok()?, agent, expires);
        known.then_some((token, expires))
    }

    fn signer(&self, prefix: &str, signed: &[u8]) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.chain_update(prefix).chain_update(signed)
    }
}

impl Token {
    /// What an identity provider says of somebody, as a token: always of one agent.
    pub(crate) fn of_single_sign_on(name: &str, agent: AgentId, until: u64) -> Self {
        let hash = TokenHash::of(&format!("single sign-on\0{agent}\0{name}"));
        Self {
            name: name.into(),
            role: Role::Agent,
            agent: Some(agent),
            hash,
            in_url: false,
            until: Some(until),
        }
    }
}

fn identity(token: &Token) -> [u8; 16] {
    let mut id = [0; 16];
    id.copy_from_slice(&Sha256::digest(token.hash.bytes())[..16]);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(texts: &[&str]) -> Access {
        let token = |text: &&str| Token {
            name: (*text).into(),
            role: Role::Supervisor,
            agent: None,
            hash: TokenHash::of(text),
            in_url: false,
            until: None,
        };
        Access { tokens: texts.iter().map(token).collect(), ..Access::default() }
    }

    #[test]
    fn a_session_stands_for_its_token_until_it_expires() {
        let key = SessionKey::new([7; 32]);
        let access = access(&["one", "two"]);
        let text = key.issue(&access.tokens[1], 1_000);
        let (token, expires) = key.verify(&access, &text, 1_000).unwrap();
        assert_eq!((&*token.name, expires), ("two", 1_000 + LIFETIME_S));
        assert!(key.verify(&access, &text, 1_000 + LIFETIME_S - 1).is_some());
        assert!(key.verify(&access, &text, 1_000 + LIFETIME_S).is_none());
    }

    #[test]
    fn a_session_ends_when_its_token_leaves_the_configuration() {
        let key = SessionKey::new([7; 32]);
        let text = key.issue(&access(&["two"]).tokens[0], 1_000);
        assert!(key.verify(&access(&["one"]), &text, 1_000).is_none());
    }

    #[test]
    fn no_changed_character_and_no_other_key_passes() {
        let key = SessionKey::new([7; 32]);
        let access = access(&["one"]);
        let text = key.issue(&access.tokens[0], 1_000);
        assert!(SessionKey::new([8; 32]).verify(&access, &text, 1_000).is_none());
        for place in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(key.verify(&access, &changed, 1_000).is_none(), "{changed}");
        }
        assert!(key.verify(&access, &text[..text.len() - 1], 1_000).is_none());
        assert!(key.verify(&access, "hss_", 1_000).is_none());
    }
}
