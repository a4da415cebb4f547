//! The side that is asked for the password: a trunk that registers or calls.

use super::digest::{Algorithm, Ingredients};
use super::fields::{self, Fields};
use crate::message::{Name, Request, Response};
use crate::random::Random;

/// Why a challenge cannot be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unanswerable {
    /// The answer carries no challenge.
    #[error("it does not ask for a password")]
    NoChallenge,
    /// Another scheme, algorithm or quality of protection than we know.
    #[error("it asks in a way that is not known here")]
    NotKnown,
    /// Our answer was there already, and it was not the nonce that was wrong.
    #[error("the user or password is wrong")]
    WrongPassword,
}

/// A name and a password, and the challenge they answered last.
#[derive(Clone)]
pub struct Client {
    user: Box<str>,
    password: Box<str>,
    random: Random,
    last: Option<Challenge>,
}

#[derive(Debug, Clone)]
struct Challenge {
    header: Name,
    realm: Box<str>,
    nonce: Box<str>,
    opaque: Option<Box<str>>,
    algorithm: Algorithm,
    /// Whether the algorithm was named: when not, it is not named back.
    named: bool,
    qop: bool,
    count: u32,
}

impl Client {
    /// The seed makes our nonces.
    pub fn new(user: &str, password: &str, seed: u64) -> Self {
        Self { user: user.into(), password: password.into(), random: Random::new(seed), last: None }
    }

    /// Puts credentials on a request that was answered 401 or 407, to be sent again with a higher CSeq.
    ///
    /// Of several challenges the first we can answer is taken: the server names its best first (RFC 8760 section 2.4).
    ///
    /// # Errors
    ///
    /// When the challenge cannot be answered, or was answered already: then asking again would not help.
    pub fn answer(&mut self, request: &mut Request, response: &Response) -> Result<(), Unanswerable> {
        let challenges = [
            (Name::WwwAuthenticate, Name::Authorization),
            (Name::ProxyAuthenticate, Name::ProxyAuthorization),
        ];
        let mut seen = false;
        for (asks, answers) in challenges {
            for value in response.headers.all(&asks) {
                seen = true;
                let Some(fields) = Fields::read(value) else { continue };
                let Some(challenge) = Challenge::read(&fields, &answers) else { continue };
                let again = request.headers.all(&answers).filter_map(Fields::read);
                let tried = again.into_iter().any(|fields| fields.get("realm") == Some(&*challenge.realm));
                if tried && !fields.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")) {
                    return Err(Unanswerable::WrongPassword);
                }
                self.last = Some(challenge);
                self.authorize(request);
                return Ok(());
            }
        }
        Err(if seen { Unanswerable::NotKnown } else { Unanswerable::NoChallenge })
    }

    /// Puts credentials for the last challenge on a request before it is asked for them, which saves a round trip.
    /// Does nothing when there was none yet.
    pub fn authorize(&mut self, request: &mut Request) {
        let Some(challenge) = &mut self.last else { return };
        challenge.count = challenge.count.wrapping_add(1);
        let cnonce = self.random.token();
        let count = format!("{:08x}", challenge.count);
        let uri = request.uri.to_string();
        let ingredients = Ingredients {
            algorithm: challenge.algorithm,
            user: &self.user,
            realm: &challenge.realm,
            nonce: &challenge.nonce,
            method: request.method.as_str(),
            uri: &uri,
            counted: challenge.qop.then_some((&count, &cnonce)),
        };
        let response = ingredients.response(&self.password);
        let mut quoted: Vec<(&str, &str)> = vec![
            ("username", &self.user),
            ("realm", &challenge.realm),
            ("nonce", &challenge.nonce),
            ("uri", &uri),
            ("response", &response),
        ];
        quoted.extend(challenge.opaque.as_deref().map(|opaque| ("opaque", opaque)));
        let mut plain: Vec<(&str, &str)> = Vec::new();
        if challenge.named {
            plain.push(("algorithm", challenge.algorithm.as_str()));
        }
        if challenge.qop {
            quoted.push(("cnonce", &cnonce));
            plain.extend([("qop", "auth"), ("nc", &count)]);
        }
        let value = fields::write(&quoted, &plain);
        request.headers.set(challenge.header.clone(), value);
    }
}

impl Challenge {
    fn read(fields: &Fields, header: &Name) -> Option<Self> {
        let algorithm = match fields.get("algorithm") {
            Some(name) => Algorithm::read(name)?,
            None => Algorithm::Md5,
        };
        let qop = fields.lists("qop", "auth");
        // `auth-int` alone would need the body hashed: nobody asks for that alone.
        if fields.get("qop").is_some() && !qop {
            return None;
        }
        Some(Self {
            header: header.clone(),
            realm: fields.get("realm")?.into(),
            nonce: fields.get("nonce")?.into(),
            opaque: fields.get("opaque").map(Into::into),
            algorithm,
            named: fields.get("algorithm").is_some(),
            qop,
            count: 0,
        })
    }
}

impl std::fmt::Debug for Client {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("user", &self.user).field("last", &self.last).finish_non_exhaustive()
    }
}
