//! What a webhook is told.

use std::time::Duration;

use hookswitch_wire::template::Template;
use reqwest::Url;

use super::{guard, sign::WebhookSecret};
use crate::Types;

/// How long a delivery is tried, at least.
const GIVE_UP_AFTER: Duration = Duration::from_secs(75 * 3600);

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
    /// The longest a receiver may take, connecting included.
    pub timeout: Duration,
    /// How many calls are delivered at once; the events of one call always go one after another.
    pub concurrency: usize,
    /// How long a delivery is tried before it is dead.
    pub give_up_after: Duration,
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
            timeout: Duration::from_secs(15),
            concurrency: 16,
            give_up_after: GIVE_UP_AFTER,
        })
    }

    pub(super) fn check(&self) -> Result<(), WebhookError> {
        if self.allow_private {
            return Ok(());
        }
        guard::check_literal(&self.url).map_err(|error| WebhookError {
            name: self.name.clone(),
            message: format!("url: {error}"),
            hint: "set allow_private = true if this is meant",
        })
    }

    /// The URL without what may be secret in it.
    pub(super) fn shown_url(&self) -> String {
        format!("{}{}", self.url.origin().ascii_serialization(), self.url.path())
    }
}
