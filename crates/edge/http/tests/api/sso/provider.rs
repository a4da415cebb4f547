//! An identity provider: keys, signed tokens, a key set in a file or behind an address.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use hookswitch_config::{Jwks, Jwt};
use hookswitch_http::SingleSignOn;
use ring::{
    hmac as ring_hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
        RsaKeyPair, RsaPublicKeyComponents,
    },
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::encoded;

pub(super) const ISSUER: &str = "https://login.example.com/";
pub(super) const AUDIENCE: &str = "hookswitch";

/// A key of the tests, worth nothing: base64 of PKCS#8.
const RSA: &str = include_str!("rsa.base64");

pub(super) struct Provider {
    random: SystemRandom,
    ed: Ed25519KeyPair,
    ec: EcdsaKeyPair,
    rsa: RsaKeyPair,
    file: tempfile::NamedTempFile,
}

fn believed(jwks: Jwks) -> SingleSignOn {
    let jwt = Jwt { issuer: ISSUER.into(), audience: AUDIENCE.into(), jwks, agent_claim: "agent".into() };
    SingleSignOn::new(&jwt, Duration::from_secs(5))
}

impl Provider {
    pub(super) fn new() -> Self {
        let random = SystemRandom::new();
        let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let rsa = STANDARD.decode(RSA.split_whitespace().collect::<String>()).unwrap();
        let provider = Self {
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap(),
            ec: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref(), &random).unwrap(),
            rsa: RsaKeyPair::from_pkcs8(&rsa).unwrap(),
            file: tempfile::NamedTempFile::new().unwrap(),
            random,
        };
        std::fs::write(provider.file.path(), provider.key_set().to_string()).unwrap();
        provider
    }

    /// What a daemon is told that believes this provider.
    pub(super) fn trusted(&self) -> SingleSignOn {
        believed(Jwks::File(self.file.path().to_owned()))
    }

    pub(super) fn ed_point(&self) -> Vec<u8> {
        self.ed.public_key().as_ref().to_vec()
    }

    pub(super) fn rsa_modulus(&self) -> Vec<u8> {
        RsaPublicKeyComponents::<Vec<u8>>::from(self.rsa.public()).n
    }

    pub(super) fn key_set(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let point = self.ec.public_key().as_ref();
        let (x, y) = (text(&point[1..33]), text(&point[33..]));
        let (n, e) =
            (text(&self.rsa_modulus()), text(&RsaPublicKeyComponents::<Vec<u8>>::from(self.rsa.public()).e));
        let ed =
            |kid: &str| json!({ "kty": "OKP", "crv": "Ed25519", "x": text(&self.ed_point()), "kid": kid });
        json!({ "keys": [
            ed("ed"),
            { "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "ec", "use": "sig" },
            { "kty": "RSA", "n": n, "e": e, "kid": "rsa", "alg": "RS256" },
            { "kty": "RSA", "n": n, "e": e, "kid": "for-encryption", "use": "enc" },
            { "kty": "oct", "k": text(b"shared"), "kid": "shared" },
            ed("twice"),
            ed("twice"),
            { "kty": "of the future", "kid": "?" },
        ] })
    }

    /// A token as the provider makes them.
    pub(super) fn token(&self, algorithm: &str, claims: &Value) -> String {
        let by = match algorithm {
            "RS256" => "rsa",
            "ES256" => "ec",
            _ => "ed",
        };
        self.signed(&json!({ "alg": algorithm, "kid": by, "typ": "JWT" }), claims, by)
    }

    /// Any head and claims, signed by this key.
    pub(super) fn signed(&self, head: &Value, claims: &Value, by: &str) -> String {
        let text = format!("{}.{}", encoded(head), encoded(claims));
        let signature = match by {
            "ed" => self.ed.sign(text.as_bytes()).as_ref().to_vec(),
            "ec" => self.ec.sign(&self.random, text.as_bytes()).unwrap().as_ref().to_vec(),
            _ => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &self.random, text.as_bytes(), &mut signature).unwrap();
                signature
            }
        };
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The key set behind an address of this machine.
    pub(super) async fn serve(&self) -> Served {
        // Once in a process; another test may have done it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = Arc::new(Mutex::new(Some(self.key_set().to_string())));
        let fetches = Arc::new(AtomicUsize::new(0));
        let (shown, counted) = (Arc::clone(&answer), Arc::clone(&fetches));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = Vec::new();
                while !bytes.windows(4).any(|w| w == b"\r\n\r\n") {
                    if stream.read_buf(&mut bytes).await.unwrap() == 0 {
                        break;
                    }
                }
                counted.fetch_add(1, Ordering::SeqCst);
                let body = shown.lock().unwrap().clone();
                let status = if body.is_some() { "200 OK" } else { "500 Oh" };
                let body = body.unwrap_or_default();
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Served { address, answer, fetches }
    }
}

/// A key set behind an address.
pub(super) struct Served {
    address: SocketAddr,
    answer: Arc<Mutex<Option<String>>>,
    fetches: Arc<AtomicUsize>,
}

impl Served {
    pub(super) fn trusted(&self) -> SingleSignOn {
        believed(Jwks::Url(format!("http://{}/keys", self.address)))
    }

    pub(super) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    /// The provider's key has another name from now on.
    pub(super) fn rename(&self, from: &str, to: &str) {
        let mut answer = self.answer.lock().unwrap();
        *answer = answer
            .take()
            .map(|set| set.replace(&format!("\"kid\":\"{from}\""), &format!("\"kid\":\"{to}\"")));
    }

    pub(super) fn fail(&self) {
        *self.answer.lock().unwrap() = None;
    }
}

/// A token signed by HMAC, for those who mistake a public key for a shared one.
pub(super) fn hmac(head: &Value, claims: &Value, key: &[u8]) -> String {
    let text = format!("{}.{}", encoded(head), encoded(claims));
    let tag = ring_hmac::sign(&ring_hmac::Key::new(ring_hmac::HMAC_SHA256, key), text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
}
