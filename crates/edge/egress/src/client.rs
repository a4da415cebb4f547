//! One request and its answer.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::{
    Timestamp,
    civil::DateTime,
    fmt::{rfc2822, strtime},
    tz::TimeZone,
};
use reqwest::{
    Method, Response, Url,
    header::{HeaderMap, RETRY_AFTER},
    redirect,
};

use crate::guard::{Checked, Guard, Inside, Lookup, System};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Bounds of what goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Egress {
    /// Private addresses may be reached.
    pub allow_private: bool,
    /// The longest an answer may take, connecting included.
    pub timeout: Duration,
    /// Idle connections kept to a host.
    pub idle_connections: usize,
    /// The most of an answer that is read, in bytes.
    pub max_answer: usize,
}

impl Default for Egress {
    /// 15 s, 16 connections, 64 KiB; nothing private.
    fn default() -> Self {
        Self {
            allow_private: false,
            timeout: Duration::from_secs(15),
            idle_connections: 16,
            max_answer: 64 * 1024,
        }
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Where.
    pub url: Url,
    /// All of them: nothing is added but what the connection needs.
    pub headers: HeaderMap,
    /// Empty for none.
    pub body: Bytes,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// The status of HTTP.
    pub status: u16,
    /// Names in small letters; several values of a name with commas between.
    pub headers: BTreeMap<String, String>,
    /// The body, what is no UTF-8 replaced.
    pub text: String,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// There was an answer.
    Reply {
        /// Status, headers, body.
        reply: Reply,
        /// How long the receiver asked to be left alone.
        retry_after: Option<Duration>,
        /// The body did not come whole; what came stands in the reply.
        broke_off: Option<String>,
    },
    /// No answer: not reached, reset, too slow.
    Error(String),
}

/// A client cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Broken(String);

/// Sends requests. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Client {
    client: reqwest::Client,
    egress: Egress,
}

impl Client {
    /// A client with these bounds.
    ///
    /// # Errors
    /// [`Broken`] when the system's certificates cannot be used.
    pub fn new(egress: &Egress) -> Result<Self, Broken> {
        Self::with_lookup(egress, System)
    }

    /// The same with another resolver.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_lookup(egress: &Egress, lookup: impl Lookup) -> Result<Self, Broken> {
        let guard = Guard::of_names(egress.allow_private);
        let client = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT.min(egress.timeout))
            .timeout(egress.timeout)
            .pool_max_idle_per_host(egress.idle_connections)
            .user_agent(concat!("hookswitch/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Checked { guard, lookup: Arc::new(lookup) })
            .build()
            .map_err(|error| Broken(chain(&error)))?;
        Ok(Self { client, egress: *egress })
    }

    /// Whether this URL may be asked for; a name in it is checked again when it is resolved.
    ///
    /// # Errors
    /// [`Inside`], with what would allow it.
    pub fn check(&self, url: &Url) -> Result<(), Inside> {
        Guard::new(url, self.egress.allow_private).check_url()
    }

    /// Sends one request. `now` is for what an answer says about time.
    pub async fn send(&self, request: Request, now: Timestamp) -> Answer {
        let Request { method, url, headers, body } = request;
        if let Err(inside) = self.check(&url) {
            return Answer::Error(inside.to_string());
        }
        match self.client.request(method, url).headers(headers).body(body).send().await {
            Ok(response) => answer(response, self.egress.max_answer, now).await,
            Err(error) => Answer::Error(chain(&error)),
        }
    }
}

/// Reads the answer to its end, so that the connection can be used again.
async fn answer(mut response: Response, most: usize, now: Timestamp) -> Answer {
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
    let (mut body, mut broke_off) = (Vec::new(), None);
    while body.len() < most {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => {
                broke_off = Some(format!("the answer broke off: {}", chain(&error)));
                break;
            }
        }
    }
    body.truncate(most);
    let text = String::from_utf8_lossy(&body).into_owned();
    Answer::Reply { reply: Reply { status, headers, text }, retry_after, broke_off }
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
    let ahead = date.timestamp().as_microsecond().saturating_sub(now.as_microsecond());
    Some(Duration::from_micros(u64::try_from(ahead).unwrap_or(0)))
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
        let now = "2026-11-21T19:00:00Z".parse().unwrap();
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
}
