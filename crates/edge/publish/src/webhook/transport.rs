//! One POST.

use std::{future::Future, pin::Pin, time::Duration};

use bytes::Bytes;
use hookswitch_egress::{
    self as egress, Broken, Client, Egress, HeaderMap, HeaderValue, Method, OAuth2, Reply, Request, Url,
};
use hookswitch_wire::model::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};

use super::{
    health::Trouble,
    plan::Verdict,
    preset::{Dialect, Judge},
    settings::{WebhookError, WebhookSettings},
    sign::signature,
    success::{Found, excerpt},
};

/// What is posted.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    /// The event's id: the same at each attempt.
    pub(crate) id: String,
    /// When the attempt is made.
    pub(crate) at: Timestamp,
    /// The bytes that are signed.
    pub(crate) body: Bytes,
    /// What a preset makes of the rest; none: a POST to the webhook's address.
    pub(crate) shape: Option<Shape>,
}

/// A request that is not like all others of its webhook.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    /// The body of the answer says something.
    pub(crate) reads_body: bool,
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
pub(crate) fn judge(by: &Judge, answer: &Answer) -> (Verdict, Option<u16>, Option<String>) {
    let (reply, retry_after) = match answer {
        Answer::Error(error) => return (Verdict::Failed(Trouble::default()), None, Some(error.clone())),
        Answer::Reply { reply, retry_after } => (reply, *retry_after),
    };
    let failed = |overloaded| Verdict::Failed(Trouble { overloaded, retry_after });
    let tests = &by.tests;
    // Receivers that answer with any status to what they only have already, or will never take.
    if tests.taken_if.as_ref().is_some_and(|test| test.try_on(reply) == Found::Taken) {
        return (Verdict::Delivered, Some(reply.status), None);
    }
    if tests.refused_if.as_ref().is_some_and(|test| test.try_on(reply) == Found::Taken) {
        return (Verdict::Hopeless, Some(reply.status), Some(excerpt(&reply.text)));
    }
    let (verdict, why) = match reply.status {
        410 => (Verdict::Gone, None),
        429 | 503 => (failed(true), None),
        // A redirect is not followed: it could lead inside. The others say that nobody is at home here.
        300..=399 | 401 | 403 | 404 | 407 | 408 | 425 | 500.. => (failed(false), None),
        status => match tests.ok_if.as_ref().map(|test| test.try_on(reply)) {
            Some(Found::Taken) => (Verdict::Delivered, None),
            Some(Found::Refused(why)) if is_success(status) => (Verdict::Refused, Some(why)),
            None if is_success(status) && by.always_2xx => (Verdict::Unconfirmed, None),
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
    tokens: Option<OAuth2>,
}

impl Http {
    pub(crate) fn new(settings: &WebhookSettings) -> Result<Self, WebhookError> {
        Self::over(settings, Client::new)
    }

    /// Over a client made with these bounds.
    pub(super) fn over(
        settings: &WebhookSettings,
        client: impl FnOnce(&Egress) -> Result<Client, Broken>,
    ) -> Result<Self, WebhookError> {
        settings.check()?;
        let egress = Egress {
            allow_private: settings.allow_private,
            timeout: settings.timeout,
            idle_connections: settings.concurrency,
            ..Egress::default()
        };
        let client = client(&egress).map_err(|error| WebhookError {
            name: settings.name.clone(),
            message: error.to_string(),
            hint: "check the system's certificates",
        })?;
        let tokens = settings.oauth2.as_ref().map(|(from, _)| OAuth2::new(from.clone(), client.clone()));
        Ok(Self { client, settings: settings.clone(), tokens })
    }

    /// What the configuration adds, and what every delivery has.
    fn headers(&self, post: &Post) -> HeaderMap {
        let timestamp = post.at.as_millis() / 1_000;
        let mut headers = self.settings.headers().clone();
        if let Some(shape) = &post.shape {
            headers.extend(shape.headers.clone());
        }
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(match self.settings.template {
            None => "application/cloudevents+json; charset=utf-8",
            Some(_) => "application/json; charset=utf-8",
        }));
        headers.insert("webhook-timestamp", timestamp.into());
        let mut own = vec![("webhook-id", post.id.clone())];
        let signs_itself = self.settings.dialect.as_ref().is_some_and(Dialect::signs_itself);
        if !self.settings.secrets.is_empty() && !signs_itself {
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
        let headers = self.headers(&post);
        let request = match &post.shape {
            None => {
                Request { method: Method::POST, url: self.settings.url.clone(), headers, body: post.body }
            }
            Some(Shape { method, url, .. }) => {
                Request { method: method.clone(), url: url.clone(), headers, body: post.body }
            }
        };
        let needs_body = post.shape.as_ref().map_or(self.settings.ok_if.is_some(), |shape| shape.reads_body);
        let now = jiff::Timestamp::from_microsecond(i64::try_from(post.at.as_micros()).unwrap_or(i64::MAX));
        let now = now.unwrap_or(jiff::Timestamp::MAX);
        let http = self.clone();
        Box::pin(async move {
            match http.send(request, now).await {
                // Where the status is the answer, a body that does not come whole changes nothing.
                egress::Answer::Reply { broke_off: Some(why), .. } if needs_body => Answer::Error(why),
                egress::Answer::Reply { reply, retry_after, .. } => Answer::Reply { reply, retry_after },
                egress::Answer::Error(why) => Answer::Error(why),
            }
        })
    }
}

impl Http {
    /// Sends with a token where one is needed; one that is refused is renewed, once.
    async fn send(&self, request: Request, now: jiff::Timestamp) -> egress::Answer {
        let Some((tokens, (_, scheme))) = self.tokens.as_ref().zip(self.settings.oauth2.as_ref()) else {
            return self.client.send(request, now).await;
        };
        let authorised = |token: &str| {
            let mut request = request.clone();
            if let Ok(mut value) = HeaderValue::try_from(format!("{scheme} {token}")) {
                value.set_sensitive(true);
                request.headers.insert(AUTHORIZATION, value);
            }
            request
        };
        let token = match tokens.token().await {
            Ok(token) => token,
            Err(error) => return egress::Answer::Error(error.to_string()),
        };
        let answer = self.client.send(authorised(&token), now).await;
        let is_refused = matches!(&answer, egress::Answer::Reply { reply, .. } if reply.status == 401);
        if !is_refused {
            return answer;
        }
        match tokens.renew(&token).await {
            Ok(token) => self.client.send(authorised(&token), now).await,
            Err(error) => egress::Answer::Error(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SuccessTest, Types};

    fn verdict(change: impl FnOnce(&mut WebhookSettings), status: u16, text: &str) -> Verdict {
        let mut settings =
            WebhookSettings::new("crm", "https://crm.example.com/hook", Types::default()).unwrap();
        change(&mut settings);
        let reply = Reply { status, text: text.to_owned(), ..Reply::default() };
        judge(&settings.judge(), &Answer::Reply { reply, retry_after: None }).0
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
