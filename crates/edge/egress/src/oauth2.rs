//! Tokens of OAuth 2 for machines (RFC 6749): client credentials (4.4) and refresh tokens (6).
//!
//! A token is fetched when it is first needed, kept until shortly before it ends, and fetched by one request however many
//! wait for it. Who is answered 401 says so with [`OAuth2::renew`], and only a token that is still the same is thrown
//! away.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{
    Method, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::client::{Answer, Client, Request};

/// So long before its end a token is not used any more: clocks differ, and requests take time.
const MARGIN: Duration = Duration::from_secs(30);
/// A token that does not say how long it lasts.
const UNSAID: Duration = Duration::from_secs(300);
/// The longest a token is believed to last.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// Where tokens come from, and for whom.
#[derive(Clone, PartialEq, Eq)]
pub struct OAuth2Settings {
    /// The token endpoint.
    pub token_url: Url,
    /// The client's name.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
    /// With it the grant is `refresh_token`, without it `client_credentials`.
    pub refresh_token: Option<String>,
    /// What is asked for; none: what the server gives by default.
    pub scope: Option<String>,
}

impl fmt::Debug for OAuth2Settings {
    /// Without its secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth2Settings").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// There is no token. The text holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no OAuth 2 token: {0}")]
pub struct NoToken(String);

/// Fetches tokens and keeps them. Cheap to clone; clones share the token.
#[derive(Debug, Clone)]
pub struct OAuth2(Arc<Inner>);

struct Inner {
    settings: OAuth2Settings,
    client: Client,
    held: Mutex<Held>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth2").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Held {
    token: Option<(Arc<str>, Instant)>,
    /// A server may give another refresh token with each token (RFC 6749 section 6); the one before is then dead.
    refresh: Option<String>,
}

/// RFC 6749 section 5.1, and 5.2 for what went wrong.
#[derive(Deserialize)]
struct Told {
    access_token: Option<String>,
    token_type: Option<String>,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<u64>,
    refresh_token: Option<String>,
    error: Option<String>,
}

impl OAuth2 {
    /// Nothing is fetched yet. Tokens come over `client`, within its bounds.
    #[must_use]
    pub fn new(settings: OAuth2Settings, client: Client) -> Self {
        Self(Arc::new(Inner { settings, client, held: Mutex::default() }))
    }

    /// A token that is good now.
    ///
    /// # Errors
    /// [`NoToken`] with the server's reason.
    pub async fn token(&self) -> Result<Arc<str>, NoToken> {
        let mut held = self.0.held.lock().await;
        if let Some((token, until)) = &held.token
            && Instant::now() < *until
        {
            return Ok(Arc::clone(token));
        }
        let told = self.fetch(held.refresh.as_deref()).await?;
        let token: Arc<str> = told.access_token.unwrap_or_default().into();
        let lasts = told.expires_in.map_or(UNSAID, Duration::from_secs).min(LONGEST);
        // What lasts less than the margin is used for half of its time.
        let until = Instant::now() + lasts.saturating_sub(MARGIN).max(lasts / 2);
        held.token = Some((Arc::clone(&token), until));
        if told.refresh_token.is_some() {
            held.refresh = told.refresh_token;
        }
        Ok(token)
    }

    /// This token was refused: another one is fetched, unless somebody else has done so already.
    ///
    /// # Errors
    /// As [`Self::token`].
    pub async fn renew(&self, refused: &str) -> Result<Arc<str>, NoToken> {
        {
            let mut held = self.0.held.lock().await;
            if held.token.as_ref().is_some_and(|(token, _)| **token == *refused) {
                held.token = None;
            }
        }
        self.token().await
    }

    async fn fetch(&self, newer_refresh: Option<&str>) -> Result<Told, NoToken> {
        let OAuth2Settings { token_url, client_id, client_secret, refresh_token, scope } = &self.0.settings;
        let mut form = Form::default();
        match newer_refresh.or(refresh_token.as_deref()) {
            Some(refresh) => form.add("grant_type", "refresh_token").add("refresh_token", refresh),
            None => form.add("grant_type", "client_credentials"),
        };
        if let Some(scope) = scope {
            form.add("scope", scope);
        }
        // Both ways of section 2.3.1 are in use; a server that reads the header ignores the body or wants it too.
        form.add("client_id", client_id).add("client_secret", client_secret);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let request =
            Request { method: Method::POST, url: token_url.clone(), headers, body: Bytes::from(form.0) };
        match self.0.client.send(request, Timestamp::now()).await {
            Answer::Reply { broke_off: Some(why), .. } | Answer::Error(why) => Err(NoToken(why)),
            Answer::Reply { reply, .. } => read(reply.status, &reply.text),
        }
    }
}

/// What the token endpoint answered.
fn read(status: u16, text: &str) -> Result<Told, NoToken> {
    let told: Option<Told> = serde_json::from_str(text).ok();
    let reason = told.as_ref().and_then(|told| told.error.as_deref()).filter(|error| is_error_code(error));
    if let Some(reason) = reason {
        return Err(NoToken(format!("the server says {reason} ({status})")));
    }
    match told {
        Some(told) if (200..300).contains(&status) => match (&told.access_token, &told.token_type) {
            (Some(token), _) if !is_token(token) => Err(NoToken("what it gives is no token".to_owned())),
            (Some(_), Some(kind)) if !kind.eq_ignore_ascii_case("bearer") => {
                Err(NoToken("its tokens are no bearer tokens".to_owned()))
            }
            (Some(_), _) => Ok(told),
            (None, _) => Err(NoToken("there is no access_token in the answer".to_owned())),
        },
        _ => Err(NoToken(format!("the server answers {status}"))),
    }
}

/// Section 5.2: only these characters; anything else could carry what nobody wants in a log.
fn is_error_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

/// RFC 6750 section 2.1: what may stand in the header.
fn is_token(text: &str) -> bool {
    (1..=8_192).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// `Authorization: Bearer`, not shown in logs; none for what cannot stand in a header.
#[must_use]
pub fn bearer(token: &str) -> Option<(reqwest::header::HeaderName, HeaderValue)> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some((AUTHORIZATION, value))
}

/// Some servers write the number as a text.
fn seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Seconds {
        Number(u64),
        Text(String),
        Other(serde::de::IgnoredAny),
    }
    Ok(match Seconds::deserialize(deserializer)? {
        Seconds::Number(seconds) => Some(seconds),
        Seconds::Text(text) => text.parse().ok(),
        Seconds::Other(_) => None,
    })
}

/// `application/x-www-form-urlencoded`.
#[derive(Default)]
struct Form(String);

impl Form {
    fn add(&mut self, name: &str, value: &str) -> &mut Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                self.0.push(char::from(byte));
            } else {
                self.0.push_str(&format!("%{byte:02X}"));
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::client::Egress;

    /// A token endpoint that numbers its tokens, and what it was asked.
    async fn endpoint(answer: fn(usize) -> String) -> (Url, Arc<AtomicUsize>, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap()).parse().unwrap();
        let (count, bodies) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<String>>>::default());
        let (counted, kept) = (Arc::clone(&count), Arc::clone(&bodies));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !whole(&request) {
                    if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                        break;
                    }
                }
                let text = String::from_utf8_lossy(&request).into_owned();
                kept.lock().await.push(text.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned());
                let body = answer(counted.fetch_add(1, Ordering::SeqCst) + 1);
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
                let answer = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        (url, count, bodies)
    }

    fn whole(request: &[u8]) -> bool {
        let text = String::from_utf8_lossy(request).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        body.len() >= length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
    }

    fn tokens(url: Url, refresh_token: Option<&str>) -> OAuth2 {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::new(&Egress { allow_private: true, ..Egress::default() }).unwrap();
        let settings = OAuth2Settings {
            token_url: url,
            client_id: "hooks".into(),
            client_secret: "s&cret".into(),
            refresh_token: refresh_token.map(str::to_owned),
            scope: Some("contacts read".into()),
        };
        OAuth2::new(settings, client)
    }

    #[tokio::test]
    async fn one_token_serves_all_until_it_is_refused() {
        let (url, count, bodies) =
            endpoint(|n| format!(r#"{{"access_token":"t{n}","token_type":"Bearer","expires_in":3600}}"#))
                .await;
        let tokens = tokens(url, None);
        let (a, b, c) = tokio::join!(tokens.token(), tokens.token(), tokens.token());
        assert_eq!([a, b, c].map(|token| token.unwrap().to_string()), ["t1", "t1", "t1"]);
        let (a, b) = tokio::join!(tokens.renew("t1"), tokens.renew("t1"));
        assert_eq!([a, b].map(|token| token.unwrap().to_string()), ["t2", "t2"]);
        assert_eq!(count.load(Ordering::SeqCst), 2);
        assert_eq!(
            bodies.lock().await[0],
            "grant_type=client_credentials&scope=contacts%20read&client_id=hooks&client_secret=s%26cret"
        );
    }

    #[tokio::test]
    async fn a_refresh_token_that_is_replaced_is_not_used_again() {
        let (url, _, bodies) =
            endpoint(|n| format!(r#"{{"access_token":"t{n}","expires_in":"3600","refresh_token":"r{n}"}}"#))
                .await;
        let tokens = tokens(url, Some("r0"));
        assert_eq!(&*tokens.token().await.unwrap(), "t1");
        assert_eq!(&*tokens.renew("t1").await.unwrap(), "t2");
        let bodies = bodies.lock().await;
        assert!(bodies[0].starts_with("grant_type=refresh_token&refresh_token=r0&"), "{}", bodies[0]);
        assert!(bodies[1].starts_with("grant_type=refresh_token&refresh_token=r1&"), "{}", bodies[1]);
    }

    #[test]
    fn a_refusal_tells_the_reason_and_no_secret() {
        let why = |status, text| read(status, text).err().unwrap().to_string();
        assert_eq!(
            why(400, r#"{"error":"invalid_client","error_description":"s&cret"}"#),
            "no OAuth 2 token: the server says invalid_client (400)"
        );
        assert!(why(200, r#"{"error":"x\ny"}"#).contains("no access_token"));
        assert!(why(200, r#"{"access_token":"a\nb"}"#).contains("no token"));
        assert!(why(200, r#"{"access_token":"a","token_type":"mac"}"#).contains("no bearer"));
        assert!(why(502, "<html>").contains("502"));
    }
}
