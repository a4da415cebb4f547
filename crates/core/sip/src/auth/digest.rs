//! The arithmetic of Digest (RFC 7616 section 3.4, RFC 8760 for SIP).

use md5::Md5;
use sha2::{Digest, Sha256};

/// How the digest is made.
///
/// rsip names the algorithms `SHA256` and `SHA512`; the registry and RFC 8760 say `SHA-256`, therefore they are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// `MD5`: broken as a hash, and what every phone can do.
    Md5,
    /// `MD5-sess`: MD5 over a key for this nonce.
    Md5Sess,
    /// `SHA-256` (RFC 8760).
    Sha256,
    /// `SHA-256-sess`.
    Sha256Sess,
}

impl Algorithm {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Md5Sess => "MD5-sess",
            Self::Sha256 => "SHA-256",
            Self::Sha256Sess => "SHA-256-sess",
        }
    }

    /// Reads a name in any case.
    pub fn read(name: &str) -> Option<Self> {
        let all = [Self::Md5, Self::Md5Sess, Self::Sha256, Self::Sha256Sess];
        all.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name))
    }

    const fn is_session(self) -> bool {
        matches!(self, Self::Md5Sess | Self::Sha256Sess)
    }

    /// The hash of parts with colons between them, in lower-case hexadecimal.
    fn hash(self, parts: &[&str]) -> String {
        match self {
            Self::Md5 | Self::Md5Sess => hash_with::<Md5>(parts),
            Self::Sha256 | Self::Sha256Sess => hash_with::<Sha256>(parts),
        }
    }
}

#[cfg(test)]
thread_local! {
    /// Hashes that were computed, and blocks of 64 bytes they were computed of.
    pub(crate) static WORK: std::cell::Cell<(usize, usize)> = const { std::cell::Cell::new((0, 0)) };
}

#[cfg(test)]
fn count(parts: &[&str]) {
    let length = parts.iter().map(|part| part.len() + 1).sum::<usize>() - 1;
    // The padding has a bit and a length (RFC 1321 section 3).
    WORK.with(|work| work.set((work.get().0 + 1, work.get().1 + (length + 9).div_ceil(64))));
}

fn hash_with<D: Digest>(parts: &[&str]) -> String {
    #[cfg(test)]
    count(parts);
    let mut hash = D::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            hash.update(b":");
        }
        hash.update(part.as_bytes());
    }
    hex(hash.finalize().as_slice())
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// What a digest is made of, besides the secret.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ingredients<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) user: &'a str,
    pub(crate) realm: &'a str,
    pub(crate) nonce: &'a str,
    pub(crate) method: &'a str,
    pub(crate) uri: &'a str,
    /// With `qop=auth`: the count as sent (eight hexadecimal digits) and the client's nonce.
    pub(crate) counted: Option<(&'a str, &'a str)>,
}

impl Ingredients<'_> {
    /// The value of `response`.
    pub(crate) fn response(&self, password: &str) -> String {
        let hash = |parts: &[&str]| self.algorithm.hash(parts);
        let mut secret = hash(&[self.user, self.realm, password]);
        let cnonce = self.counted.map_or("", |(_, cnonce)| cnonce);
        if self.algorithm.is_session() {
            secret = hash(&[&secret, self.nonce, cnonce]);
        }
        let asked = hash(&[self.method, self.uri]);
        match self.counted {
            Some((count, cnonce)) => hash(&[&secret, self.nonce, count, cnonce, "auth", &asked]),
            None => hash(&[&secret, self.nonce, &asked]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 section 3.9.1: the same request with both algorithms.
    #[test]
    fn the_examples_of_rfc_7616_come_out() {
        let mufasa = |algorithm| Ingredients {
            algorithm,
            user: "Mufasa",
            realm: "http-auth@example.org",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            method: "GET",
            uri: "/dir/index.html",
            counted: Some(("00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")),
        };
        let answer = |algorithm| mufasa(algorithm).response("Circle of Life");
        assert_eq!(answer(Algorithm::Md5), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(
            answer(Algorithm::Sha256),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }

    /// RFC 2617 section 3.5, which RFC 3261 builds on.
    #[test]
    fn the_example_of_rfc_2617_comes_out() {
        let mufasa = Ingredients {
            algorithm: Algorithm::Md5,
            user: "Mufasa",
            realm: "testrealm@host.com",
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            method: "GET",
            uri: "/dir/index.html",
            counted: Some(("00000001", "0a4f113b")),
        };
        assert_eq!(mufasa.response("Circle Of Life"), "6629fae49393a05397450978507c4ef1");
        let bare = Ingredients { counted: None, ..mufasa };
        assert_eq!(bare.response("Circle Of Life"), "670fd8c2df070c60b045671b8b24ff02");
    }

    #[test]
    fn a_session_key_depends_on_the_nonces() {
        let one = Ingredients {
            algorithm: Algorithm::Md5Sess,
            user: "a",
            realm: "b",
            nonce: "c",
            method: "REGISTER",
            uri: "sip:b",
            counted: Some(("00000001", "d")),
        };
        let plain = Ingredients { algorithm: Algorithm::Md5, ..one };
        // Worked out by hand: MD5(MD5("a:b:p") ":c:d"), then as RFC 7616 section 3.4.1.
        let key = Algorithm::Md5.hash(&[&Algorithm::Md5.hash(&["a", "b", "p"]), "c", "d"]);
        let asked = Algorithm::Md5.hash(&["REGISTER", "sip:b"]);
        assert_eq!(one.response("p"), Algorithm::Md5.hash(&[&key, "c", "00000001", "d", "auth", &asked]));
        assert_ne!(one.response("p"), plain.response("p"));
    }
}
