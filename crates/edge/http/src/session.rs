//! Short-lived access tokens for browsers, which can send no header when they open a WebSocket or an event stream.
//!
//! A session token is signed, not stored: there is nothing to fill up, and nothing to lose but on a restart, when the
//! page makes a new one. It names its token by the hash, so that removing the token from the configuration ends its
//! sessions too.
//!
//! ```text
//! hss_ base64url( expires: u64 be, seconds since 1970 | SHA-256 of the token's hash, first 16 bytes | HMAC-SHA256 )
//! ```

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::access::{Access, Token};

/// How long a session token opens doors, in seconds. A stream that is open stays open.
pub(crate) const LIFETIME_S: u64 = 300;

const PREFIX: &str = "hss_";
const SIGNED: usize = 8 + 16;
const WHOLE: usize = SIGNED + 32;

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

    /// A session token for `token` that expires [`LIFETIME_S`] after `now` (seconds since 1970).
    pub(crate) fn issue(&self, token: &Token, now: u64) -> String {
        let mut bytes = Vec::with_capacity(WHOLE);
        bytes.extend((now + LIFETIME_S).to_be_bytes());
        bytes.extend(identity(token));
        let signature = self.signer(&bytes).finalize().into_bytes();
        bytes.extend(signature);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The token a session token stands for, if we signed it, it has not expired and the token still exists.
    pub(crate) fn verify<'a>(&self, access: &'a Access, text: &str, now: u64) -> Option<&'a Token> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        if bytes.len() != WHOLE {
            return None;
        }
        let (signed, signature) = bytes.split_at(SIGNED);
        self.signer(signed).verify_slice(signature).ok()?;
        let (expires, id) = signed.split_at(8);
        if now >= u64::from_be_bytes(expires.try_into().ok()?) {
            return None;
        }
        access.select(|token| identity(token)[..].ct_eq(id))
    }

    fn signer(&self, signed: &[u8]) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.chain_update(signed)
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
    use hookswitch_config::Role;

    use crate::access::TokenHash;

    fn access(texts: &[&str]) -> Access {
        let token = |text: &&str| Token {
            name: (*text).into(),
            role: Role::Supervisor,
            agent: None,
            hash: TokenHash::of(text),
            in_url: false,
        };
        Access { tokens: texts.iter().map(token).collect(), allowed_origins: Vec::new() }
    }

    #[test]
    fn a_session_stands_for_its_token_until_it_expires() {
        let key = SessionKey::new([7; 32]);
        let access = access(&["one", "two"]);
        let text = key.issue(&access.tokens[1], 1_000);
        assert_eq!(key.verify(&access, &text, 1_000).map(|t| &*t.name), Some("two"));
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
