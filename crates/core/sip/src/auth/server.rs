//! The side that asks for the password.

use std::net::IpAddr;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::digest::{Algorithm, Ingredients};
use super::fields::{self, Fields};
use super::lockout::{Lockout, Lockouts};
use super::nonce::Nonces;
use crate::message::{Name, Request, Response, Uri};
use crate::time::Instant;

/// What is asked for, and how patiently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What the password is for; phones show it and hash it.
    pub realm: Box<str>,
    /// What is offered, the best first. baresip 1.0 cannot register when more than MD5 is.
    pub algorithms: Vec<Algorithm>,
    /// How long a nonce may be used.
    pub nonce_lifetime: Duration,
    /// How many nonces in use are remembered.
    pub nonces: usize,
    /// When wrong passwords lead to silence.
    pub lockout: Lockout,
}

impl Settings {
    /// MD5, nonces for five minutes, the usual patience.
    pub fn new(realm: &str) -> Self {
        Self {
            realm: realm.into(),
            algorithms: vec![Algorithm::Md5],
            nonce_lifetime: Duration::from_secs(300),
            nonces: 16_384,
            lockout: Lockout::default(),
        }
    }
}

/// What came of looking at a request's credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right, and this use of the nonce is new.
    Accepted {
        /// Whose password it is.
        user: Box<str>,
    },
    /// No credentials for this realm, or right ones for a nonce that is used up: ask.
    Challenge {
        /// The password was right: the phone need not ask its user again.
        stale: bool,
    },
    /// A wrong password or no such user; nobody is told which. Ask again.
    Refused,
    /// Wrong too often.
    LockedOut {
        /// How long it lasts.
        remaining: Duration,
    },
    /// Credentials that cannot be read.
    Malformed,
}

/// Asks for passwords and checks them (RFC 3261 section 22, RFC 7616, RFC 8760).
///
/// An unknown user takes the same steps as a known one with a wrong password: the same hashes, the same answer, the
/// same count of failures.
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    key: [u8; 32],
    nonces: Nonces,
    lockouts: Lockouts,
}

impl Server {
    /// With a secret key, random and from outside, and a seed that differs between processes with the same key.
    pub fn new(settings: Settings, key: [u8; 32], seed: u64) -> Self {
        let nonces = Nonces::new(key, seed, settings.nonce_lifetime, settings.nonces.max(1));
        let lockouts = Lockouts::new(settings.lockout);
        Self { settings, key, nonces, lockouts }
    }

    /// The values of the WWW-Authenticate headers that ask, the best algorithm first.
    pub fn challenge(&mut self, now: Instant, stale: bool) -> Vec<String> {
        let nonce = self.nonces.make(now);
        let quoted = [("realm", &*self.settings.realm), ("nonce", &nonce), ("qop", "auth")];
        let algorithms = self.settings.algorithms.iter();
        let challenges = algorithms.map(|algorithm| {
            let plain = [("algorithm", algorithm.as_str()), ("stale", "true")];
            fields::write(&quoted, plain.get(..1 + usize::from(stale)).unwrap_or_default())
        });
        challenges.collect()
    }

    /// Looks at the credentials of a request that came from `source`; `password` knows the users.
    pub fn verify<'p>(
        &mut self,
        now: Instant,
        source: IpAddr,
        request: &Request,
        password: impl FnOnce(&str) -> Option<&'p str>,
    ) -> Verdict {
        let digests = request.headers.all(&Name::Authorization).filter_map(Fields::read);
        let Some(fields) =
            digests.into_iter().find(|fields| fields.get("realm") == Some(&self.settings.realm))
        else {
            return Verdict::Challenge { stale: false };
        };
        let Some(claim) = Claim::read(&fields) else {
            return Verdict::Malformed;
        };
        let name = self.hash(claim.user);
        if let Some(remaining) = self.lockouts.remaining(now, source, name) {
            return Verdict::LockedOut { remaining };
        }
        let right = self.is_right(request, &claim, password(claim.user));
        if !right || !asks_same(claim.uri, &request.uri) {
            self.lockouts.failed(now, source, name);
            return Verdict::Refused;
        }
        self.lockouts.succeeded(source, name);
        let fresh =
            self.nonces.read(claim.nonce).is_some_and(|stamp| self.nonces.take(now, stamp, claim.count));
        match fresh {
            true => Verdict::Accepted { user: claim.user.into() },
            false => Verdict::Challenge { stale: true },
        }
    }

    /// The answer a verdict leads to; none when the request may go on. The To-tag is left to the caller.
    pub fn answer(&mut self, now: Instant, request: &Request, verdict: &Verdict) -> Option<Response> {
        let ask = |server: &mut Self, stale| {
            let challenges = server.challenge(now, stale).into_iter();
            challenges.fold(request.reply(401, ""), |answer, one| answer.with(Name::WwwAuthenticate, one))
        };
        match verdict {
            Verdict::Accepted { .. } => None,
            Verdict::Challenge { stale } => Some(ask(self, *stale)),
            Verdict::Refused => Some(ask(self, false)),
            Verdict::LockedOut { .. } => Some(request.reply(403, "")),
            Verdict::Malformed => Some(request.reply(400, "Bad Request (malformed Authorization)")),
        }
    }

    /// Whether the response is the one the password makes. Nobody's password is a hash nobody can know.
    fn is_right(&self, request: &Request, claim: &Claim<'_>, password: Option<&str>) -> bool {
        let nobody = format!("{:016x}", self.hash(claim.user));
        let known = password.is_some() && self.settings.algorithms.contains(&claim.algorithm);
        let ingredients = Ingredients {
            algorithm: claim.algorithm,
            user: claim.user,
            realm: &self.settings.realm,
            nonce: claim.nonce,
            method: request.method.as_str(),
            uri: claim.uri,
            counted: claim.counted,
        };
        let expected = ingredients.response(password.unwrap_or(&nobody));
        let same = expected.as_bytes().ct_eq(claim.response.to_ascii_lowercase().as_bytes());
        bool::from(same) & known
    }

    fn hash(&self, name: &str) -> u64 {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return 0 };
        mac.update(b"name:");
        mac.update(name.as_bytes());
        mac.finalize().into_bytes().iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte))
    }
}

/// Credentials as they were sent.
struct Claim<'a> {
    algorithm: Algorithm,
    user: &'a str,
    nonce: &'a str,
    uri: &'a str,
    response: &'a str,
    count: u32,
    counted: Option<(&'a str, &'a str)>,
}

impl<'a> Claim<'a> {
    fn read(fields: &'a Fields) -> Option<Self> {
        let algorithm = match fields.get("algorithm") {
            Some(name) => Algorithm::read(name)?,
            None => Algorithm::Md5,
        };
        let (count, counted) = match fields.get("qop") {
            Some(qop) if qop.eq_ignore_ascii_case("auth") => {
                let (nc, cnonce) = (fields.get("nc")?, fields.get("cnonce")?);
                let hex = nc.len() == 8 && nc.bytes().all(|byte| byte.is_ascii_hexdigit());
                let count = hex.then(|| u32::from_str_radix(nc, 16).ok()).flatten()?;
                (count, Some((nc, cnonce)))
            }
            Some(_) => return None,
            // RFC 2069: nothing counts its uses, so it has one.
            None => (1, None),
        };
        Some(Self {
            algorithm,
            user: fields.get("username")?,
            nonce: fields.get("nonce")?,
            uri: fields.get("uri")?,
            response: fields.get("response")?,
            count,
            counted,
        })
    }
}

/// Whether the URI that was hashed is the one that is asked for: user and host. Phones leave parameters out.
fn asks_same(claimed: &str, asked: &Uri) -> bool {
    let Ok(claimed) = claimed.parse::<Uri>() else { return false };
    let hosts = match (&claimed.host, &asked.host) {
        (Some(one), Some(two)) => one.same(two),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    hosts && claimed.user_decoded() == asked.user_decoded()
}

#[cfg(test)]
mod tests;
