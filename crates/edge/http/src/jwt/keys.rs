//! The provider's public keys: from a file or an `https` URL, kept, and fetched again when they are old or when a token
//! names a key that is not among them, but never more than twice a minute.

use std::{
    io,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use hookswitch_config::Jwks;
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

use super::Forged;

/// How old keys may be, in seconds, before they are fetched again.
const FRESH_S: u64 = 600;
/// Seconds between two fetches: forged tokens must not make us a weapon against the provider.
const PAUSE_S: u64 = 30;
/// Bytes of a key set at most.
const LARGEST_SET: usize = 256 * 1024;
/// Keys at most; a provider has two to ten.
const MOST_KEYS: usize = 100;

/// A key and what it may check.
#[derive(Clone)]
struct Key {
    kid: Option<String>,
    algorithm: Algorithm,
    key: Arc<DecodingKey>,
}

/// The set as it was last had.
#[derive(Clone, Default)]
struct Set {
    keys: Arc<[Key]>,
    fetched_at: Option<u64>,
    tried_at: Option<u64>,
}

/// The keys of one provider.
pub(super) struct Keys {
    source: Jwks,
    fetch_time: Duration,
    set: RwLock<Set>,
    /// One fetch at a time; whoever waits for it uses what it brought.
    fetching: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Keys {
    pub(super) fn new(source: Jwks, fetch_time: Duration) -> Self {
        Self { source, fetch_time, set: RwLock::default(), fetching: tokio::sync::Mutex::default() }
    }

    /// The one key of this id for this algorithm. A token without `kid` is checked only where there is no choice.
    pub(super) async fn find(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        now: u64,
    ) -> Result<Arc<DecodingKey>, Forged> {
        let set = self.current();
        let fresh = set.fetched_at.is_some_and(|at| now < at.saturating_add(FRESH_S));
        if let Some(key) = set.choose(kid, algorithm)
            && fresh
        {
            return Ok(key);
        }
        self.refresh(now).await;
        let set = self.current();
        let missing = if set.fetched_at.is_none() { Forged::NoKeys } else { Forged::Key };
        set.choose(kid, algorithm).ok_or(missing)
    }

    fn current(&self) -> Set {
        self.set.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches the set, unless that was tried a moment ago. A failure leaves what there is.
    async fn refresh(&self, now: u64) {
        let _one = self.fetching.lock().await;
        if self.current().tried_at.is_some_and(|at| now < at.saturating_add(PAUSE_S)) {
            return;
        }
        let fetched = self.fetch().await.and_then(|bytes| read(&bytes));
        let mut set = self.set.write().unwrap_or_else(PoisonError::into_inner);
        set.tried_at = Some(now);
        match fetched {
            Ok(keys) => {
                tracing::info!(keys = keys.len(), "the keys of the identity provider were read");
                set.keys = keys.into();
                set.fetched_at = Some(now);
            }
            Err(error) => {
                let hint = "auth.jwt.jwks: is it the provider's key set, and can it be reached from here?";
                tracing::warn!(%error, hint, "the keys of the identity provider cannot be had");
            }
        }
    }

    async fn fetch(&self) -> io::Result<Vec<u8>> {
        let url = match &self.source {
            Jwks::File(path) => return bounded(tokio::fs::read(path).await?),
            Jwks::Url(url) => url,
        };
        // A redirect could lead anywhere, also off TLS.
        let client = reqwest::Client::builder()
            .timeout(self.fetch_time)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(io::Error::other)?;
        let mut response = client.get(url).send().await.map_err(io::Error::other)?;
        if !response.status().is_success() {
            return Err(io::Error::other(format!("{url} answers {}", response.status())));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(io::Error::other)? {
            bytes.extend_from_slice(&chunk);
            bytes = bounded(bytes)?;
        }
        Ok(bytes)
    }
}

fn bounded(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    if bytes.len() > LARGEST_SET {
        return Err(io::Error::other(format!("more than {LARGEST_SET} bytes")));
    }
    Ok(bytes)
}

impl Set {
    fn choose(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<Arc<DecodingKey>> {
        let mut fitting = self
            .keys
            .iter()
            .filter(|key| key.algorithm == algorithm && (kid.is_none() || key.kid.as_deref() == kid));
        let key = fitting.next()?;
        // Two keys of one name: which was meant is not known, so none is.
        fitting.next().is_none().then(|| Arc::clone(&key.key))
    }
}

/// The keys of a set that we can use; others (encryption, algorithms of other services) are left out.
fn read(bytes: &[u8]) -> io::Result<Vec<Key>> {
    #[derive(Deserialize)]
    struct Whole {
        keys: Vec<Value>,
    }
    let whole: Whole = serde_json::from_slice(bytes).map_err(io::Error::other)?;
    let keys: Vec<Key> = whole.keys.into_iter().take(MOST_KEYS).filter_map(usable).collect();
    if keys.is_empty() {
        return Err(io::Error::other("no key for RS256, ES256 or EdDSA in it"));
    }
    Ok(keys)
}

fn usable(key: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(key).ok()?;
    #[allow(clippy::wildcard_enum_match_arm, reason = "the enum is not exhaustive")]
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(point) if point.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(point) if point.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        // The crate may learn further kinds; none is for our algorithms.
        _ => return None,
    };
    let signs = jwk.common.public_key_use.as_ref().is_none_or(|of| *of == PublicKeyUse::Signature);
    let for_it = jwk.common.key_algorithm.is_none_or(|of| of == named);
    if !signs || !for_it {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some(Key { kid: jwk.common.key_id, algorithm, key: Arc::new(key) })
}
