//! What a webhook is told.

use std::time::Duration;

use hookswitch_egress::{Guard, OAuth2Settings};
use hookswitch_wire::template::Template;
use reqwest::{
    Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use sha2::{Digest, Sha256};

use super::{
    preset::{Dialect, Judge, Tests},
    sign::WebhookSecret,
    success::SuccessTest,
};
use crate::Types;

/// How long a delivery is tried, at least.
const GIVE_UP_AFTER: Duration = Duration::from_secs(75 * 3600);
/// See [`WebhookSettings::is_reserved`].
const RESERVED: [&str; 13] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "proxy-authorization",
    "proxy-connection",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
];

/// One webhook.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// Its name: the cursor goes by it.
    pub name: String,
    /// Where it is posted to.
    pub url: Url,
    /// Which events.
    pub events: Types,
    /// Each signs; two during a rotation; with none, nothing is signed.
    pub secrets: Vec<WebhookSecret>,
    /// Private addresses may be reached.
    pub allow_private: bool,
    /// The body, instead of the CloudEvent. Its context is the event.
    pub template: Option<Template>,
    /// What is told of calls in a receiver's own words, instead of the events.
    pub dialect: Option<Dialect>,
    /// Where the token for each request comes from, and the word before it in `Authorization`.
    pub oauth2: Option<(OAuth2Settings, String)>,
    /// Whether an answer means that the delivery was taken; none: 2xx does.
    pub ok_if: Option<SuccessTest>,
    /// The receiver is known to answer 2xx also when it refuses: without a test its 2xx proves nothing.
    pub answers_always: bool,
    /// The longest a receiver may take, connecting included.
    pub timeout: Duration,
    /// How many calls are delivered at once; the events of one call always go one after another.
    pub concurrency: usize,
    /// How long a delivery is tried before it is dead.
    pub give_up_after: Duration,
    headers: HeaderMap,
}

/// What is wrong with a webhook.
#[derive(Debug, thiserror::Error)]
#[error("webhook {name}: {message}")]
pub struct WebhookError {
    /// Which.
    pub name: String,
    /// What.
    pub message: String,
    /// What would do.
    pub hint: &'static str,
}

impl WebhookSettings {
    /// A webhook with the defaults of the contract: 15 s, 75 h, up to 16 calls at once.
    ///
    /// # Errors
    /// [`WebhookError`] when the URL is none of HTTP.
    pub fn new(name: &str, url: &str, events: Types) -> Result<Self, WebhookError> {
        let wrong = |message: String, hint| WebhookError { name: name.to_owned(), message, hint };
        let url = Url::parse(url).map_err(|error| wrong(format!("url: {error}"), "an https:// address"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong(format!("url: {} is not HTTP", url.scheme()), "an https:// address"));
        }
        Ok(Self {
            name: name.to_owned(),
            url,
            events,
            secrets: Vec::new(),
            allow_private: false,
            template: None,
            dialect: None,
            oauth2: None,
            ok_if: None,
            answers_always: false,
            timeout: Duration::from_secs(15),
            concurrency: 16,
            give_up_after: GIVE_UP_AFTER,
            headers: HeaderMap::new(),
        })
    }

    /// Whether a header, by whatever case of its name, is the connection's or the signature's, and not the
    /// configuration's.
    #[must_use]
    pub fn is_reserved(header: &str) -> bool {
        RESERVED.contains(&header.to_ascii_lowercase().as_str())
    }

    /// Adds a header to every delivery, in place of one of Hookswitch's own where there is one (`content-type`).
    ///
    /// # Errors
    /// [`WebhookError`] when it cannot stand in a request, or is not for the configuration to say.
    pub fn add_header(&mut self, name: &str, value: &str) -> Result<(), WebhookError> {
        let wrong = |message: String, hint| WebhookError { name: self.name.clone(), message, hint };
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| wrong(format!("headers: {name:?} is no header"), "as in Authorization"))?;
        if Self::is_reserved(header.as_str()) {
            let message = format!("headers: {header} is set by Hookswitch");
            return Err(wrong(message, "leave it out; signatures come from `secret`"));
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| {
            wrong(format!("headers: the value of {header} is no header's"), "one line of visible characters")
        })?;
        value.set_sensitive(true);
        self.headers.insert(header, value);
        Ok(())
    }

    /// What an answer to an event is judged by.
    pub(super) fn judge(&self) -> Judge {
        let tests = Tests { ok_if: self.ok_if.clone(), ..Tests::default() };
        Judge { tests, always_2xx: self.answers_always, ..Judge::default() }
    }

    pub(super) const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(super) fn guard(&self) -> Guard {
        Guard::new(&self.url, self.allow_private)
    }

    pub(super) fn check(&self) -> Result<(), WebhookError> {
        self.guard().check_url().map_err(|error| WebhookError {
            name: self.name.clone(),
            message: format!("url: {error}"),
            hint: "set allow_private = true if this is meant",
        })
    }

    /// The URL without what may be secret in it.
    pub(super) fn shown_url(&self) -> String {
        format!("{}{}", self.url.origin().ascii_serialization(), self.url.path())
    }

    /// Which receiver this is and how it is spoken to; can be compared and not read. Another one: reconfigured.
    pub(super) fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.url.as_str());
        for (name, value) in &self.headers {
            hash.update([0]);
            hash.update(name.as_str());
            hash.update([0]);
            hash.update(value.as_bytes());
        }
        for secret in &self.secrets {
            hash.update([1]);
            hash.update(secret.key());
        }
        if let Some((oauth2, _)) = &self.oauth2 {
            hash.update([2]);
            hash.update(oauth2.token_url.as_str());
            hash.update(&oauth2.client_id);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether a webhook that runs with these settings may go on when it is told the others. Templates and presets
    /// cannot be compared and count as changed.
    pub(super) fn equals(&self, other: &Self) -> bool {
        let is_plain = |one: &Self| one.template.is_none() && one.dialect.is_none() && one.oauth2.is_none();
        is_plain(self)
            && is_plain(other)
            && self.fingerprint() == other.fingerprint()
            && (&self.name, &self.events, &self.ok_if) == (&other.name, &other.events, &other.ok_if)
            && (self.allow_private, self.answers_always) == (other.allow_private, other.answers_always)
            && (self.timeout, self.give_up_after) == (other.timeout, other.give_up_after)
            && self.concurrency == other.concurrency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> WebhookSettings {
        WebhookSettings::new("crm", "https://crm.example.com/hook?key=1", Types::default()).unwrap()
    }

    #[test]
    fn a_header_that_is_not_for_the_configuration_is_refused() {
        let mut settings = settings();
        for name in ["Host", "content-length", "Webhook-Signature", "Connection", "no name", "", "x\r\ny"] {
            assert!(settings.add_header(name, "x").is_err(), "{name:?}");
        }
        assert!(settings.add_header("x-note", "one\r\nX-Other: two").is_err());
        settings.add_header("Authorization", "Bearer 1").unwrap();
        settings.add_header("Content-Type", "text/xml").unwrap();
        assert_eq!(settings.headers().len(), 2);
        assert!(!format!("{settings:?}").contains("Bearer 1"));
    }

    #[test]
    fn a_receiver_is_another_with_another_address_header_or_secret() {
        let one = settings();
        let mut addressed = settings();
        addressed.url = "https://crm.example.com/hook?key=2".parse().unwrap();
        let mut authorised = settings();
        authorised.add_header("Authorization", "Bearer 1").unwrap();
        let mut signed = settings();
        signed.secrets = vec![WebhookSecret::parse("whsec_AAAA").unwrap()];
        for other in [&addressed, &authorised, &signed] {
            assert_ne!(one.fingerprint(), other.fingerprint());
            assert!(!one.equals(other));
        }
        assert_eq!(one.fingerprint(), settings().fingerprint());
        assert!(one.equals(&settings()));
        assert!(!one.equals(&WebhookSettings { timeout: Duration::from_secs(1), ..settings() }));
    }
}
