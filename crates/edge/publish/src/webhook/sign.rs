//! Signatures of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`.

use std::fmt;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Secrets are written with and without padding.
const TOLERANT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A signing secret: `whsec_` and base64 of the key.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

/// Not a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a webhook secret")]
pub struct NotASecret;

impl NotASecret {
    /// What would do.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        "whsec_ and base64 of 24 to 64 random bytes, for example from: echo whsec_$(head -c 32 /dev/urandom | base64)"
    }
}

impl WebhookSecret {
    /// The secret with this text.
    ///
    /// # Errors
    /// [`NotASecret`] without the prefix, when the rest is not base64, or when the key is empty.
    pub fn parse(text: &str) -> Result<Self, NotASecret> {
        let key = text.trim().strip_prefix("whsec_").ok_or(NotASecret)?;
        match TOLERANT.decode(key) {
            Ok(key) if !key.is_empty() => Ok(Self(key)),
            Ok(_) | Err(_) => Err(NotASecret),
        }
    }

    /// A key as it is written, for signatures that are not those of Standard Webhooks.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }

    /// For comparison only.
    pub(super) fn key(&self) -> &[u8] {
        &self.0
    }

    fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whsec_…")
    }
}

/// The header `webhook-signature`: one signature a secret, so that a receiver may change over at any time. The
/// timestamp counts seconds since the epoch.
pub(crate) fn signature(secrets: &[WebhookSecret], id: &str, timestamp: u64, body: &[u8]) -> String {
    let signatures: Vec<String> = secrets.iter().map(|secret| secret.sign(id, timestamp, body)).collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn secret() -> WebhookSecret {
        WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()
    }

    #[test]
    fn the_published_example_of_the_specification_is_met() {
        assert_eq!(signature(&[secret()], ID, 1_614_265_330, BODY), SIGNATURE);
    }

    #[test]
    fn both_secrets_sign_during_a_rotation() {
        let other = WebhookSecret::parse("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
        let header = signature(&[other, secret()], ID, 1_614_265_330, BODY);
        let (first, second) = header.split_once(' ').unwrap();
        assert!(first.starts_with("v1,") && first != SIGNATURE);
        assert_eq!(second, SIGNATURE);
    }

    #[test]
    fn what_is_no_secret_is_refused_and_a_secret_is_not_printed() {
        for wrong in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64"] {
            assert_eq!(WebhookSecret::parse(wrong), Err(NotASecret), "{wrong}");
        }
        assert_eq!(format!("{:?}", secret()), "whsec_…");
    }
}
