//! One POST.

use std::{future::Future, pin::Pin, time::Duration};

use bytes::Bytes;
use hookswitch_wire::model::Timestamp;
use reqwest::{
    Client, Response,
    header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER},
    redirect,
};

use super::{
    guard::PublicOnly,
    settings::{WebhookError, WebhookSettings},
    sign::signature,
};

/// The most of an answer that is read, so that the connection can be used again.
const MAX_ANSWER: usize = 64 * 1024;
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// What is posted.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    /// The event's id: the same at each attempt.
    pub(crate) id: String,
    /// When the attempt is made.
    pub(crate) at: Timestamp,
    /// The bytes that are signed.
    pub(crate) body: Bytes,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The receiver answered.
    Status {
        /// HTTP.
        status: u16,
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// No answer: not reached, reset, too slow.
    Error(String),
}

/// Posts; replaced in tests of the order and times of deliveries.
pub(crate) trait Transport: Send + Sync + 'static {
    /// Posts once.
    fn post(&self, post: Post) -> Pin<Box<dyn Future<Output = Answer> + Send>>;
}

/// Posts over HTTP. No redirects, no proxies, addresses checked.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: Client,
    settings: WebhookSettings,
}

impl Http {
    pub(crate) fn new(settings: &WebhookSettings) -> Result<Self, WebhookError> {
        settings.check()?;
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT.min(settings.timeout))
            .timeout(settings.timeout)
            .pool_max_idle_per_host(settings.concurrency)
            .user_agent(concat!("hookswitch/", env!("CARGO_PKG_VERSION")));
        if !settings.allow_private {
            builder = builder.dns_resolver(PublicOnly);
        }
        let client = builder.build().map_err(|error| WebhookError {
            name: settings.name.clone(),
            message: chain(&error),
            hint: "check the system's certificates",
        })?;
        Ok(Self { client, settings: settings.clone() })
    }
}

impl Transport for Http {
    fn post(&self, post: Post) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        let timestamp = post.at.as_millis() / 1_000;
        let content_type = match self.settings.template {
            None => "application/cloudevents+json; charset=utf-8",
            Some(_) => "application/json; charset=utf-8",
        };
        let mut request = self
            .client
            .post(self.settings.url.clone())
            .header(CONTENT_TYPE, content_type)
            .header("webhook-id", &post.id)
            .header("webhook-timestamp", timestamp);
        if !self.settings.secrets.is_empty() {
            let signature = signature(&self.settings.secrets, &post.id, timestamp, &post.body);
            request = request.header("webhook-signature", signature);
        }
        let request = request.body(post.body);
        Box::pin(async move {
            match request.send().await {
                Ok(response) => answer(response, post.at).await,
                Err(error) => Answer::Error(chain(&error)),
            }
        })
    }
}

async fn answer(mut response: Response, now: Timestamp) -> Answer {
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers(), now);
    let mut read = 0;
    // The status is the answer; a body that does not come whole changes nothing.
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > MAX_ANSWER {
            break;
        }
    }
    Answer::Status { status, retry_after }
}

/// Seconds, or a date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp().as_microsecond();
    Some(Duration::from_micros(u64::try_from(date).ok()?.saturating_sub(now.as_micros())))
}

/// An error with its causes, without the URL (which may hold a secret).
fn chain(error: &reqwest::Error) -> String {
    let kind = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "not reached"
    } else {
        "failed"
    };
    let mut text = kind.to_owned();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now = Timestamp::from_millis(1_795_287_600_000);
        let read = |value: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
            retry_after(&headers, now)
        };
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(read("Sat, 21 Nov 2026 19:01:30 GMT"), Some(Duration::from_secs(90)));
        assert_eq!(read("Sat, 21 Nov 2026 18:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("soon"), None);
    }
}
