//! Signatures of other people's making: an HMAC over chosen fields, in a header.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hookswitch_wire::template::{Template, TemplateError};
use reqwest::header::{HeaderName, HeaderValue};
use ring::hmac;
use serde_json::Value;

use super::{
    source::{Algorithm, Encoding},
    view::View,
};

/// See the module. Standard Webhooks are another matter: [`crate::WebhookSecret`].
#[derive(Debug, Clone)]
pub(super) struct Signer {
    pub(super) algorithm: Algorithm,
    pub(super) encoding: Encoding,
    pub(super) over: Template,
    pub(super) header: HeaderName,
    pub(super) prefix: String,
}

impl Signer {
    /// The header. `view` has the fields of the request and its body.
    pub(super) fn sign(&self, key: &[u8], view: &View) -> Result<Option<HeaderValue>, TemplateError> {
        let over = self.over.render(view.context())?;
        let algorithm = match self.algorithm {
            Algorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Algorithm::Sha256 => hmac::HMAC_SHA256,
            Algorithm::Sha512 => hmac::HMAC_SHA512,
        };
        let mac = hmac::sign(&hmac::Key::new(algorithm, key), over.as_bytes());
        let written = match self.encoding {
            Encoding::Hex => hex(mac.as_ref()),
            Encoding::Base64 => STANDARD.encode(mac),
            Encoding::Base64OfHex => STANDARD.encode(hex(mac.as_ref())),
        };
        Ok(HeaderValue::try_from(format!("{}{written}", self.prefix)).ok())
    }
}

/// What is signed beside the view: the fields as they are written, and the body.
pub(super) fn view_of(view: View, fields: &[(String, Value)], body: &[u8]) -> View {
    let fields = fields.iter().cloned().collect();
    view.with("fields", Value::Object(fields)).with("body", String::from_utf8_lossy(body).into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
