//! One POST.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use hookswitch_wire::model::Timestamp;
use jiff::{
    civil::DateTime,
    fmt::{rfc2822, strtime},
    tz::TimeZone,
};
use reqwest::{
    Client, Response,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect,
};

use super::{
    guard::{Checked, Lookup, System},
    health::Trouble,
    plan::Verdict,
    settings::{WebhookError, WebhookSettings},
    sign::signature,
    success::{Found, Reply},
};

/// The most of an answer that is read.
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
    Reply {
        /// Status, headers, body.
        reply: Reply,
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

/// What an answer means: the policy of the module's table.
pub(crate) fn judge(settings: &WebhookSettings, answer: &Answer) -> (Verdict, Option<u16>, Option<String>) {
    let (reply, retry_after) = match answer {
        Answer::Error(error) => return (Verdict::Failed(Trouble::default()), None, Some(error.clone())),
        Answer::Reply { reply, retry_after } => (reply, *retry_after),
    };
    let failed = |overloaded| Verdict::Failed(Trouble { overloaded, retry_after });
    let (verdict, why) = match reply.status {
        410 => (Verdict::Gone, None),
        429 | 503 => (failed(true), None),
        // A redirect is not followed: it could lead inside. The others say that nobody is at home here.
        300..=399 | 401 | 403 | 404 | 407 | 408 | 425 | 500.. => (failed(false), None),
        status => match settings.ok_if.as_ref().map(|test| test.try_on(reply)) {
            Some(Found::Taken) => (Verdict::Delivered, None),
            Some(Found::Refused(why)) if is_success(status) => (Verdict::Refused, Some(why)),
            None if is_success(status) && settings.answers_always => (Verdict::Unconfirmed, None),
            None if is_success(status) => (Verdict::Delivered, None),
            Some(Found::Refused(_)) | None if retry_after.is_some() => (failed(false), None),
            Some(Found::Refused(_)) | None => (Verdict::Rejected, None),
        },
    };
    (verdict, Some(reply.status), why)
}

const fn is_success(status: u16) -> bool {
    matches!(status, 200..=299)
}

/// Posts over HTTP. No redirects, no proxies, addresses checked.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: Client,
    settings: WebhookSettings,
}

impl Http {
    pub(crate) fn new(settings: &WebhookSettings) -> Result<Self, WebhookError> {
        Self::with_lookup(settings, System)
    }

    pub(super) fn with_lookup(settings: &WebhookSettings, lookup: impl Lookup) -> Result<Self, WebhookError> {
        settings.check()?;
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT.min(settings.timeout))
            .timeout(settings.timeout)
            .pool_max_idle_per_host(settings.concurrency)
            .user_agent(concat!("hookswitch/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Checked { guard: settings.guard(), lookup: Arc::new(lookup) })
            .build();
        let client = client.map_err(|error| WebhookError {
            name: settings.name.clone(),
            message: chain(&error),
            hint: "check the system's certificates",
        })?;
        Ok(Self { client, settings: settings.clone() })
    }

    /// What the configuration adds, and what every delivery has.
    fn headers(&self, post: &Post) -> HeaderMap {
        let timestamp = post.at.as_millis() / 1_000;
        let mut headers = self.settings.headers().clone();
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(match self.settings.template {
            None => "application/cloudevents+json; charset=utf-8",
            Some(_) => "application/json; charset=utf-8",
        }));
        headers.insert("webhook-timestamp", timestamp.into());
        let mut own = vec![("webhook-id", post.id.clone())];
        if !self.settings.secrets.is_empty() {
            let signature = signature(&self.settings.secrets, &post.id, timestamp, &post.body);
            own.push(("webhook-signature", signature));
        }
        for (name, value) in own {
            // Ids are of our own making, and a signature is base64.
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
        headers
    }
}

impl Transport for Http {
    fn post(&self, post: Post) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        let request =
            self.client.post(self.settings.url.clone()).headers(self.headers(&post)).body(post.body);
        let needs_body = self.settings.ok_if.is_some();
        Box::pin(async move {
            match request.send().await {
                Ok(response) => answer(response, post.at, needs_body).await,
                Err(error) => Answer::Error(chain(&error)),
            }
        })
    }
}

/// Reads the answer, so that the connection can be used again. Where the status is the answer, a body that does not
/// come whole changes nothing.
async fn answer(mut response: Response, now: Timestamp, needs_body: bool) -> Answer {
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers(), now);
    let mut headers = BTreeMap::new();
    for (name, value) in response.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|values: &mut String| *values = format!("{values}, {value}"))
            .or_insert_with(|| value.into_owned());
    }
    let mut body = Vec::new();
    while body.len() < MAX_ANSWER {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) if needs_body => {
                return Answer::Error(format!("the answer broke off: {}", chain(&error)));
            }
            Err(_) => break,
        }
    }
    body.truncate(MAX_ANSWER);
    let text = String::from_utf8_lossy(&body).into_owned();
    Answer::Reply { reply: Reply { status, headers, text }, retry_after }
}

/// Seconds, or a date in one of the three forms of HTTP (RFC 9110, 10.2.3 and 5.6.7).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // What is no u64 is for ever.
        return Some(value.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    let old = |format: &str| {
        let date = strtime::parse(format, value).and_then(|parsed| parsed.to_datetime());
        date.and_then(|date: DateTime| date.to_zoned(TimeZone::UTC)).ok()
    };
    let date = rfc2822::parse(value)
        .ok()
        .or_else(|| old("%A, %d-%b-%y %H:%M:%S GMT"))
        .or_else(|| old("%a %b %e %H:%M:%S %Y"))?;
    let date = date.timestamp().as_microsecond();
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
    use crate::{SuccessTest, Types};

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now = Timestamp::from_millis(1_795_287_600_000);
        let read = |value: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
            retry_after(&headers, now)
        };
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(read("0"), Some(Duration::ZERO));
        assert_eq!(read("99999999999999999999999"), Some(Duration::MAX));
        assert_eq!(read("Sat, 21 Nov 2026 19:01:30 GMT"), Some(Duration::from_secs(90)));
        assert_eq!(read("Saturday, 21-Nov-26 19:01:30 GMT"), Some(Duration::from_secs(90)));
        assert_eq!(read("Sat Nov 21 19:01:30 2026"), Some(Duration::from_secs(90)));
        assert_eq!(read("Sat, 21 Nov 2026 18:00:00 GMT"), Some(Duration::ZERO));
        for wrong in ["soon", "", "-5", "1.5", "+5"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    fn verdict(change: impl FnOnce(&mut WebhookSettings), status: u16, text: &str) -> Verdict {
        let mut settings =
            WebhookSettings::new("crm", "https://crm.example.com/hook", Types::default()).unwrap();
        change(&mut settings);
        let reply = Reply { status, text: text.to_owned(), ..Reply::default() };
        judge(&settings, &Answer::Reply { reply, retry_after: None }).0
    }

    #[test]
    fn a_status_alone_means_what_http_says() {
        let failed = |overloaded| Verdict::Failed(Trouble { overloaded, retry_after: None });
        for (status, expected) in [
            (200, Verdict::Delivered),
            (204, Verdict::Delivered),
            (301, failed(false)),
            (307, failed(false)),
            (400, Verdict::Rejected),
            (404, failed(false)),
            (410, Verdict::Gone),
            (422, Verdict::Rejected),
            (429, failed(true)),
            (500, failed(false)),
            (503, failed(true)),
            (999, failed(false)),
        ] {
            assert_eq!(verdict(|_| {}, status, ""), expected, "{status}");
        }
    }

    #[test]
    fn a_test_decides_where_the_status_does_not() {
        let test = |source: &'static str| {
            move |settings: &mut WebhookSettings| settings.ok_if = Some(SuccessTest::parse(source).unwrap())
        };
        let ok = r#"{"success":true}"#;
        assert_eq!(verdict(test("body.success"), 200, ok), Verdict::Delivered);
        assert_eq!(verdict(test("body.success"), 200, r#"{"success":false}"#), Verdict::Refused);
        assert_eq!(verdict(test("body.success"), 200, "<html>"), Verdict::Refused);
        assert_eq!(verdict(test("status == 409 || status < 300"), 409, ""), Verdict::Delivered);
        assert_eq!(verdict(test("body.success"), 400, ""), Verdict::Rejected);
        // What HTTP is clear about is not for a test to say.
        assert!(matches!(verdict(test("true"), 500, ok), Verdict::Failed(_)));
        assert!(matches!(verdict(test("true"), 302, ok), Verdict::Failed(_)));
        assert_eq!(verdict(test("true"), 410, ok), Verdict::Gone);
    }

    #[test]
    fn the_2xx_of_a_receiver_that_always_says_so_confirms_nothing() {
        let always = |settings: &mut WebhookSettings| settings.answers_always = true;
        assert_eq!(verdict(always, 200, ""), Verdict::Unconfirmed);
        let tested = |settings: &mut WebhookSettings| {
            settings.answers_always = true;
            settings.ok_if = Some(SuccessTest::parse("text == 'OK'").unwrap());
        };
        assert_eq!(verdict(tested, 200, "OK"), Verdict::Delivered);
    }
}
